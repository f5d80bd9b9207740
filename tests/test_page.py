"""The page in a real browser: paste, read the columns, fill a blank, take both documents away."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from coach import Coach
from coach.cards import leaving
from coach.resources import load_samples
from tests.conftest import BLOCKED, MIXED, ROOT
from tests.servers import honest, serving

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


@pytest.fixture(scope="module")
def address(home: Path, coach: Coach) -> Iterator[str]:
    with running(home) as url:
        yield url


@contextmanager
def running(home: Path, **env: str) -> Iterator[str]:
    """The page in a process of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "app.py")],
        cwd=home,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "COACH_HOME": str(home), "COACH_PORT": str(port), "PYTHONPATH": f"{BLOCKED}:{ROOT}", **env},
    )
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(600):
            try:
                if httpx.get(url).status_code == 200:
                    break
            except httpx.TransportError:
                time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        said = process.communicate(timeout=30)[0]
        assert "dreading" not in said, "a draft was logged"
        assert "Marek" not in said


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as play:
        opened = play.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield opened
        opened.close()


OPEN = MIXED + "- KR2: 14 of 40 schools connected against 30 promised for June, it will be missed\n"


def open_page(browser: Browser, address: str, width: int = 1440, height: int = 1000, scheme: str = "light") -> tuple[Page, list[str]]:
    page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme, accept_downloads=True)  # type: ignore[arg-type]
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(address)
    expect(page.locator("#draft textarea")).to_be_visible(timeout=30_000)
    return page, asked


def prepare(page: Page, text: str) -> None:
    page.locator("#draft textarea").fill(text)
    page.locator("#prepare").click()
    expect(page.locator("#item-1")).to_be_visible(timeout=30_000)


def test_paste_read_fill_and_download(browser: Browser, address: str, coach: Coach, tmp_path: Path) -> None:
    page, asked = open_page(browser, address)
    prepare(page, OPEN)
    brief = coach.prep(OPEN)
    for room in {item.room for item in brief.items}:
        expect(page.locator(f".column-{room}")).to_be_visible()
    for item in brief.items:
        expect(page.locator(f"#item-{item.id}")).to_contain_text(" ".join(item.quote.split())[:30])
    open_item = next(item for item in brief.items for one in item.rewrites for blank in one.blanks if blank.key == "owner" and one.room != "one_on_one")
    page.locator(f"#fill-{open_item.id}-owner textarea, #fill-{open_item.id}-owner input").first.fill("Mia Vance")
    page.locator(f"#put-{open_item.id}").click()
    expect(page.locator(f"#item-{open_item.id}")).to_contain_text("Mia Vance", timeout=30_000)
    page.get_by_role("tab", name="Documents").click()
    filled = coach.prep(OPEN, answers={f"{open_item.id}.owner": "Mia Vance"})
    expect(page.locator("#public-doc textarea")).to_have_value(filled.documents.okr, timeout=15_000)
    for number, text in ((0, filled.documents.one_on_one), (1, filled.documents.okr)):
        with page.expect_download() as waiting:
            page.locator("#downloads a").nth(number).click()
        path = tmp_path / f"{number}.md"
        waiting.value.save_as(path)
        assert path.read_text("utf-8") == text
    outside = [url for url in asked if not url.startswith((address, "data:", "blob:"))]
    assert outside == [], "the page asked somebody else"
    page.close()


def test_the_page_gives_the_same_json_as_the_command(address: str, coach: Coach) -> None:
    start = httpx.post(f"{address}/gradio_api/call/prep", json={"data": [MIXED, "report", "", None]})
    assert start.status_code == 200, start.text
    said = httpx.get(f"{address}/gradio_api/call/prep/{start.json()['event_id']}", timeout=60).text
    line = next(one for one in said.splitlines() if one.startswith("data: "))
    assert json.loads(line[6:])[0] == coach.prep(MIXED).model_dump(mode="json")


def test_markup_in_a_draft_is_shown_and_never_run(browser: Browser, address: str) -> None:
    page, _ = open_page(browser, address)
    prepare(page, "- KR1: 3 of 9 <img src=x onerror=\"document.title='run'\"> pumps against 9 promised <b>bold</b>, Ana signs by 3 May")
    expect(page.locator("#item-1")).to_contain_text("<img src=x")
    expect(page.locator("body")).to_contain_text("<b>bold</b>")
    assert page.title() == "Prep coach"
    page.close()


def test_a_private_card_refuses_a_public_room(browser: Browser, address: str, coach: Coach) -> None:
    page, _ = open_page(browser, address)
    prepare(page, MIXED)
    private = next(item for item in coach.prep(MIXED).items if item.room == "one_on_one")
    page.locator(f"#move-{private.id} input").click()
    page.get_by_role("option").nth(1).click()
    expect(page.locator("#message")).to_contain_text("stays in the 1:1", timeout=15_000)
    page.close()


def test_an_empty_draft_is_told_and_search_answers(browser: Browser, address: str) -> None:
    page, _ = open_page(browser, address)
    page.locator("#prepare").click()
    expect(page.locator("#message")).to_contain_text("The draft is empty", timeout=15_000)
    page.get_by_role("tab", name="Playbook").click()
    page.locator("#query textarea, #query input").first.fill("who decides when nobody owns it")
    page.locator("#query textarea, #query input").first.press("Enter")
    expect(page.locator("#found")).to_contain_text("owner", timeout=15_000)
    page.close()


@pytest.mark.parametrize(("name", "width", "scheme"), [("page", 1440, "light"), ("page-dark", 1440, "dark"), ("phone", 390, "light")])
def test_the_picture_of_the_readme(browser: Browser, address: str, tmp_path: Path, name: str, width: int, scheme: str) -> None:
    page, _ = open_page(browser, address, width=width, height=1050 if width > 500 else 844, scheme=scheme)
    prepare(page, load_samples()[0].text)
    page.wait_for_timeout(700)
    assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 2, "the page scrolls sideways"
    where = Path(os.environ.get("PICTURES", tmp_path)) / f"{name}.png"
    page.screenshot(path=where)
    assert where.stat().st_size > 20_000
    page.close()


def test_a_model_is_picked_named_and_paid_for_in_words(browser: Browser, home: Path, coach: Coach, tmp_path: Path) -> None:
    with serving(honest) as server, running(home, COACH_MODEL="tested", COACH_BASE_URL=server.url, COACH_MODEL_CACHE="off") as url:
        page, asked = open_page(browser, url)
        expect(page.locator("#leaving")).to_contain_text("nothing leaves it")
        expect(page.locator("#private-too")).to_be_hidden()
        prepare(page, MIXED)
        expect(page.locator("#cost")).to_contain_text("tested at 127.0.0.1", timeout=60_000)
        expect(page.locator("#cost")).to_contain_text("tokens in")
        assert server.calls and all(one.startswith((url, "data:", "blob:")) for one in asked)
        page.screenshot(path=Path(os.environ.get("PICTURES", tmp_path)) / "model.png")
        before = server.calls
        page.locator("#model input").click()
        page.get_by_role("option").first.click()
        expect(page.locator("#leaving")).to_contain_text("Nothing leaves this machine")
        page.locator("#prepare").click()
        expect(page.locator("#cost")).to_have_text("", timeout=60_000)
        assert server.calls == before, "no model means no model"
        page.close()


def test_what_leaves_is_said_before_anything_does() -> None:
    away = leaving("gpt", "models.example.com", private_too=False, missing=False)
    assert "models.example.com" in away and "Private lines stay here" in away
    every = leaving("gpt", "models.example.com", private_too=True, missing=False)
    assert "the private ones too" in every and "models.example.com" in every
    assert "downloaded once" in leaving("local", None, private_too=False, missing=True)
