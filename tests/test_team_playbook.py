"""A team's own guide: read from every format, pairs found, laid over ours, replaced, removed, checked."""

from __future__ import annotations

import io
import json
import re
import shutil
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from coach import Coach, Settings
from coach.errors import OptionError, UploadError
from coach.evals.cases import load_cases
from coach.guides import guide_pages, guide_text, guide_title
from coach.pairs import find_pairs, find_stated
from coach.resources import load_corpus, load_rooms
from coach.schema import Finding, Span
from coach.team import (
    add_guide,
    cases_of,
    example_files,
    guide_words,
    list_guides,
    remove_guide,
    team_folder,
    write_examples,
)

Run = Callable[..., "CompletedProcess[str]"]
WORDS = guide_words()

PAIRS = [
    ("We are on track except for a few issues.", "KR2 misses by 4 sites unless Ana lends us a crew by Friday."),
    ("Checkout is yellow.", "Checkout slips to June unless Legal signs by 3 May."),
    ("We will align with Finance.", "Mia decides by Friday: cut the export or move June."),
    ("We hope to land it.", "We land 6 of 8 and drop Oslo."),
    ("we worked hard", "refunds fell from 9 to 4 days"),
]
HTML = """<!doctype html><html><head><meta charset="utf-8"><title>How we write | Wiki</title><style>td{border:1px solid #999;width:50%}</style>
<script>var secret = "Instead of “a b c”, say “d e f g”"</script></head><body>
<nav><ul><li>Home</li><li>Instead of “menu words here”, say “not part of it”</li></ul></nav>
<main><h1>How we write updates</h1><p>We meet our manager in a 1:1 every second week for 45 minutes. The OKR review is monthly.</p>
<p>Send the pre-read five days before the review.</p><h2>Say what misses</h2>
<table><thead><tr><th>Don't</th><th>Do</th></tr></thead><tbody>
<tr><td>We are on track except for a few issues.</td><td>KR2 misses by 4 sites unless Ana lends us a crew by Friday.</td></tr>
<tr><td>Checkout is yellow.</td><td>Checkout slips to <b>June</b> unless Legal signs by 3 May.</td></tr></tbody></table>
<h2>Lists</h2><p><b>Avoid</b></p><ul><li>We will align with Finance.</li><li>We hope to land it.</li></ul>
<p><b>Prefer</b></p><ul><li>Mia decides by Friday: cut the export or move June.</li><li>We land 6 of 8 and drop Oslo.</li></ul>
<h2>Prose</h2><p>Instead of “we worked hard”, say “refunds fell from 9 to 4 days”. That is all there is to it, and it is repeated here
until the paragraph has to be broken over more than one line by whoever lays it out on a page of paper.</p></main>
<footer>Cookie settings</footer></body></html>"""
MARKDOWN = """# How we write updates

We meet our manager in a 1:1 every second week for 45 minutes. The OKR review is monthly.
Send the pre-read five days before the review.

## Say what misses

| Don't | Do |
| --- | --- |
| We are on track except for a few issues. | KR2 misses by 4 sites unless Ana lends us a crew by Friday. |
| Checkout is yellow. | Checkout slips to **June** unless Legal signs by 3 May. |

## Lists

**Avoid**

- We will align with Finance.
- We hope to land it.

**Prefer**

- Mia decides by Friday: cut the export or move June.
- We land 6 of 8 and drop Oslo.

## Prose

Instead of “we worked hard”, say “refunds fell from 9 to 4 days”.
"""


def word_file() -> bytes:
    import docx

    document = docx.Document()
    document.add_heading("How we write updates", 1)
    document.add_paragraph("We meet our manager in a 1:1 every second week for 45 minutes. The OKR review is monthly.")
    document.add_paragraph("Send the pre-read five days before the review.")
    document.add_heading("Say what misses", 2)
    table = document.add_table(rows=1, cols=2)
    for cell, text in zip(table.rows[0].cells, ("Don't", "Do"), strict=True):
        cell.text = text
    for pair in PAIRS[:2]:
        for cell, text in zip(table.add_row().cells, pair, strict=True):
            cell.text = text
    document.add_heading("Lists", 2)
    document.add_paragraph("Avoid")
    for bad, _ in PAIRS[2:4]:
        document.add_paragraph(bad, style="List Bullet")
    document.add_paragraph("Prefer")
    for _, good in PAIRS[2:4]:
        document.add_paragraph(good, style="List Bullet")
    document.add_heading("Prose", 2)
    document.add_paragraph("Instead of “we worked hard”, say “refunds fell from 9 to 4 days”.")
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


@pytest.fixture(scope="module")
def pdf(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The page as a real browser prints it."""
    folder = tmp_path_factory.mktemp("pdf")
    (folder / "g.html").write_text(re.sub(r"<nav>.*?</nav>|<footer>.*?</footer>", "", HTML, flags=re.S), "utf-8")
    browser = next(path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name)))
    words = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer", f"--print-to-pdf={folder / 'g.pdf'}", str(folder / "g.html")]
    subprocess.run(words, check=True, capture_output=True, timeout=120)
    return (folder / "g.pdf").read_bytes()


# --- formats ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["md", "txt", "html", "docx", "pdf"])
def test_every_format_gives_the_same_pairs_numbers_and_sections(kind: str, request: pytest.FixtureRequest) -> None:
    content = {"md": MARKDOWN.encode(), "txt": MARKDOWN.encode(), "html": HTML.encode(), "docx": word_file() if kind == "docx" else b""}.get(kind)
    text = guide_text(content or request.getfixturevalue("pdf"), f"guide.{kind}")
    assert [(one.bad, one.good) for one in find_pairs(text, WORDS)] == PAIRS
    assert {one.name: one.value for one in find_stated(text, WORDS)} == {
        "one_on_one.cadence": "fortnightly", "one_on_one.minutes": "45", "okr_review.cadence": "monthly", "okr_review.pre_read_days": "5",
    }
    (page,) = guide_pages(text, "g", guide_title(text, f"guide.{kind}"), WORDS)
    assert page.page.title == "How we write updates"
    assert [one.heading for one in page.page.sections] == ["How we write updates", "Say what misses", "Lists", "Prose"]


@pytest.mark.parametrize(
    ("text", "bad", "good"),
    [
        ("BAD: we are aligned\nGOOD: Per signs by Monday", "we are aligned", "Per signs by Monday"),
        ("- **Weak:** it is amber\n- **Strong:** 4 of 9 valves leak", "it is amber", "4 of 9 valves leak"),
        ("❌ we are close\n✅ two of five are left", "we are close", "two of five are left"),
        ("1. Before: good progress\n2. After: 31 of 40 done", "good progress", "31 of 40 done"),
        ("* Don't say: hopefully soon\n* Do say: on 4 June, or never", "hopefully soon", "on 4 June, or never"),
        ("## Don't\n- it is fine\n\n## Do\n- it is 4 of 9", "it is fine", "it is 4 of 9"),
        ("| Instead of | Say |\n|---|---|\n| “a bit late” | “late by 9 days” |", "a bit late", "late by 9 days"),
        ("| # | Not this | This | Why |\n|---|---|---|---|\n| 1 | soon | by the 4th of May | short |", "soon", "by the 4th of May"),
        ('Never write "asap", write "by Thursday noon".', "asap", "by Thursday noon"),
        ("“It is handled” becomes “Ida has fixed it”.", "It is handled", "Ida has fixed it"),
        ("Say “Lars signs by 3 May”, not “we wait for Legal”.", "we wait for Legal", "Lars signs by 3 May"),
        ("Replace «on it» with «Ola does it today».", "on it", "Ola does it today"),
        ("“all good” → “nothing needs you”", "all good", "nothing needs you"),
        ("“Soon-ish” ➜ “by Thursday”", "Soon-ish", "by Thursday"),
        ("| What we hear a lot | What to say |\n|---|---|\n| we are aligned | Ola and Kim both cut it |", "we are aligned", "Ola and Kim both cut it"),
        ("| 🚫 Red flag | ✅ Rewrite |\n|:--|:--|\n| nearly there | 41 of 60 are done |", "nearly there", "41 of 60 are done"),
        ("| No. | Instead of | Write |\n|---|---|---|\n| 1 | ongoing | open since 3 February |", "ongoing", "open since 3 February"),
        ("_Before_\n> It is a bit late.\n\n_After_\n> It is 9 days late.", "It is a bit late.", "It is 9 days late."),
        ("Don't write *“we are confident”*; write *“8 of 10 passed”*.", "we are confident", "8 of 10 passed"),
        ("Don't write that you are “upbeat” - write “7 of 9 are closed”.", "upbeat", "7 of 9 are closed"),
        ("Where you are tempted to say “it is what it is”, say “we live with 88%”.", "it is what it is", "we live with 88%"),
        ("Try “the permit stops us” in place of “some challenges”.", "some challenges", "the permit stops us"),
        ("- Weak version: drivers are unhappy. Stronger version: 6 of 40 left.", "drivers are unhappy.", "6 of 40 left."),
    ],
)
def test_pairs_in_the_shapes_people_write_them(text: str, bad: str, good: str) -> None:
    assert [(one.bad, one.good) for one in find_pairs(f"# Guide\n\n{text}\n", WORDS)] == [(bad, good)]


def test_a_table_without_a_head_row_as_word_processors_export_it() -> None:
    page = "<html><body><h1>G</h1><table><tr><td><p><span>Don’t</span></p></td><td><p><b>Do</b></p></td></tr><tr><td><p>It is late</p></td><td><p>It is 9 days late</p></td></tr></table></body></html>"
    (pair,) = find_pairs(guide_text(page.encode(), "g.html"), WORDS)
    assert (pair.bad, pair.good) == ("It is late", "It is 9 days late")
    (pair,) = find_pairs("|  |  |\n| --- | --- |\n| BAD | GOOD |\n| It is late | It is 9 days late |\n", WORDS)
    assert pair.good == "It is 9 days late"


@pytest.mark.parametrize(
    "text",
    [
        "| Before the meeting | After the meeting |\n|---|---|\n| Read the paper first | Write down what was decided |",
        "Do: bring a number to every review that you go to.",
        "## Don't\n- one thing here\n- two things here\n\n## Do\n- only one answer here",
        "We say “good morning” and they say “hello there friend”.",
        "The review is good: it takes an hour. Not bad: it could be two.",
        "| Before | After |\n|---|---|\n| Read the pre-read. | Send the decisions within a day. |",
        "Don't:\n- read slides aloud\n- let the boss begin\n\nDo:\n- start with the decision\n- stop after ten minutes",
        "BAD: the team is unhappy and loud\nGOOD: (nothing, this is for your 1:1)",
        "Do: the lead speaks last of all. Don't: the lead speaks first of all.",
    ],
)
def test_what_only_looks_like_a_pair_is_none(text: str) -> None:
    assert find_pairs(text, WORDS) == ()


def test_a_number_belongs_to_the_meeting_its_sentence_is_about() -> None:
    text = "# 1:1\nWe meet weekly.\n# OKR review\nOnce a month, 90 minutes. At most two decisions. The document is out 3 working days ahead.\nStand-ups are daily."
    assert {one.name: one.value for one in find_stated(text, WORDS)} == {
        "one_on_one.cadence": "weekly", "okr_review.cadence": "monthly", "okr_review.minutes": "90", "okr_review.decisions": "2", "okr_review.pre_read_days": "5",
    }


def test_several_pairs_that_a_converter_ran_into_one_line() -> None:
    text = "Bad: it moves. Good: 4 of 9 are granted. Bad: we depend on them. Good: they free 2 million by 30 April."
    assert [(one.bad, one.good) for one in find_pairs(text, WORDS)] == [("it moves.", "4 of 9 are granted."), ("we depend on them.", "they free 2 million by 30 April.")]


def test_a_title_states_nothing_that_a_sentence_says_otherwise_and_hours_are_read() -> None:
    text = "# Writing for the quarterly review\nThe OKR review happens monthly, an hour and no more. Its document is out 48 hours ahead. Max. 3 decisions.\n"
    assert {one.name: one.value for one in find_stated(text, WORDS)} == {
        "okr_review.cadence": "monthly", "okr_review.minutes": "60", "okr_review.pre_read_days": "2", "okr_review.decisions": "3",
    }


def test_plain_text_has_headings_too() -> None:
    text = guide_text(b"NORDLYS\nOne-to-ones, in short\n======\n\n1. THE RHYTHM\n-------------\nWe meet every week.\n\nWHAT STAYS PRIVATE\n\nHealth, pay and quarrels.\n", "g.txt")
    assert re.findall(r"^#+ .+$", text, re.M) == ["# NORDLYS: One-to-ones, in short", "## 1. THE RHYTHM"]
    text = guide_text(b"THE RHYTHM\n\nWe meet every week.\n\nWHAT STAYS PRIVATE\n\nHealth, pay and quarrels.\n", "g.txt")
    assert re.findall(r"^#+ .+$", text, re.M) == ["## THE RHYTHM", "## WHAT STAYS PRIVATE"]


def test_a_saved_page_is_read_without_what_stands_around_it() -> None:
    page = """<body><div id="cookie-banner" class="consent"><h2>We value your privacy</h2><p>Don't: reject all cookies.</p><p>Do: accept all of the cookies.</p></div>
    <div class="wiki-content"><h1>One-on-ones</h1><div class="page-metadata">Created by Kim</div><p>Ask what is not said.</p>
    <div id="comments-section"><p>Instead of “nice page”, say “a great page”.</p></div></div></body>"""
    assert guide_text(page.encode(), "g.html") == "# One-on-ones\n\nAsk what is not said.\n"


def test_a_long_section_is_cut_between_paragraphs_so_that_all_of_it_is_found() -> None:
    text = "# Guide\n\n## Rhythm\n\n" + "\n\n".join(f"Paragraph {n} says {'a few more words ' * 12}." for n in range(20))
    (page,) = guide_pages(text, "g", "Guide", WORDS)
    assert len(page.page.sections) > 2 and all(len(one.text) < 1500 for one in page.page.sections)
    assert [one.heading for one in page.page.sections][:2] == ["Rhythm", "Rhythm (2)"]
    assert all(f"Paragraph {n} " in page.text for n in range(20))


@pytest.mark.parametrize(
    ("content", "name", "fix"),
    [
        (b"%PDF-1.7 broken", "g.pdf", "Save it again"),
        (b"not a zip", "g.docx", "Save it again"),
        (b"\xff\xfe\x00", "g.md", "UTF-8"),
        (b"<html><body><nav>Menu</nav></body></html>", "g.html", "right file"),
        (b"x", "g.pages", ".docx"),
        (b"", "g.md", "right file"),
    ],
)
def test_a_file_that_is_no_guide_says_what_to_do(content: bytes, name: str, fix: str) -> None:
    with pytest.raises(UploadError) as caught:
        guide_text(content, name)
    assert name in caught.value.what and fix in caught.value.fix


def test_a_scanned_pdf_asks_for_text_recognition() -> None:
    from pypdf import PdfWriter

    writer = PdfWriter()
    writer.add_blank_page(200, 200)
    out = io.BytesIO()
    writer.write(out)
    with pytest.raises(UploadError) as caught:
        guide_text(out.getvalue(), "scan.pdf")
    assert "OCR" in caught.value.fix


# --- the folder -------------------------------------------------------------------------------------------


def add(folder: Path, text: str = MARKDOWN, name: str = "nordlys.md", **more: object) -> object:
    folder.mkdir(exist_ok=True)
    return add_guide(folder, Path(name), text.encode(), more.get("name"), more.get("take", ()), bool(more.get("force")))  # type: ignore[arg-type]


def files(folder: Path) -> set[str]:
    return {str(one.relative_to(folder)) for one in folder.rglob("*") if one.is_file()}


def test_pages_lie_over_ours_and_are_read_back_as_they_were_written(tmp_path: Path) -> None:
    ours = len(load_corpus(None).pages)
    add(tmp_path / "own", MARKDOWN.replace("## Prose", "# Second: chapter\n\n---\n## Prose"))
    corpus = load_corpus(tmp_path / "own")
    mine = [one for one in corpus.pages if one.id.startswith("nordlys/")]
    assert len(corpus.pages) == ours + 2 and [one.title for one in mine] == ["How we write updates", "Second: chapter"]
    assert [one.heading for one in mine[0].sections] == ["How we write updates", "Say what misses", "Lists"]
    for path in (tmp_path / "own").rglob("*.md"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_adding_again_replaces_and_removing_leaves_nothing(tmp_path: Path) -> None:
    own = tmp_path / "own"
    add(own)
    (guide,) = list_guides(own)
    write_examples(own, guide)
    assert files(own) == {
        "pages/nordlys/how-we-write-updates.md", "guides/nordlys/guide.md", "guides/nordlys/guide.json", "examples/pairs-nordlys.jsonl", "evals/cases/nordlys.jsonl", "rules/nordlys.yaml",
    }
    cases = load_cases(own / "evals")
    assert len(cases) == 2 * len(PAIRS) and cases[0].good == PAIRS[0][1] and cases[1].clean
    assert len(load_corpus(own).pairs) == len(load_corpus(None).pairs) + len(PAIRS)

    again = add(own, MARKDOWN.replace("# How we write updates", "# Our voice").replace("Checkout is yellow.", "Checkout is amber."))
    assert again.replaced  # type: ignore[attr-defined]
    assert "pages/nordlys/our-voice.md" in files(own) and "pages/nordlys/how-we-write-updates.md" not in files(own)
    assert any(one.text == "Checkout is amber." for one in load_cases(own / "evals"))  # its cases follow
    remove_guide(own, "nordlys")
    assert files(own) == set()
    with pytest.raises(OptionError, match="no guide"):
        remove_guide(own, "nordlys")


def test_what_a_guide_says_not_to_say_is_marked_and_what_it_says_to_say_is_not(tmp_path: Path) -> None:
    from coach.lint import lint
    from coach.resources import load_rules

    own = tmp_path / "own"
    add(own, "# Voice\n\nNever say “quick win”; say “refunds fell from 9 to 4 days”. “Soon” becomes “by Thursday”. Say “we land it soon enough”, not “we are nearly there with all of the things that we promised”.\n")
    (guide,) = list_guides(own)
    write_examples(own, guide)
    load_rules.cache_clear()
    rules, signals = load_rules(own)
    mine = [one for one in rules if one.id.startswith("nordlys.")]
    assert [one.phrases for one in mine] == [("quick win",)]  # “soon” stands in a line to say, the last is too long
    assert all(one.flags == (one.text,) for one in load_cases(own / "evals") if one.id.endswith("-not"))
    assert mine[0].page == "nordlys/voice" and "9 to 4 days" in mine[0].hint

    def marks(text: str) -> tuple[Finding, ...]:
        return lint(text, tuple(mine), signals, spans=[Span(start=0, end=len(text))], points=[0.5])

    assert all(marks(text) for text in mine[0].hits) and not any(marks(text) for text in mine[0].near_misses)
    load_rules.cache_clear()


def test_what_was_edited_by_hand_is_not_lost_silently(tmp_path: Path) -> None:
    own = tmp_path / "own"
    add(own)
    page = own / "pages/nordlys/how-we-write-updates.md"
    page.write_text(page.read_text() + "\nOur own line.\n")
    for change in (lambda: add(own), lambda: remove_guide(own, "nordlys")):
        with pytest.raises(OptionError, match="changed by hand"):
            change()
    add(own, force=True)
    assert "Our own line" not in page.read_text()
    add(own, MARKDOWN + "\nMore.\n", name="other.md")
    stranger = own / "pages/third/how-we-write-updates.md"
    stranger.parent.mkdir()
    stranger.write_text("mine")
    with pytest.raises(OptionError, match="not made from this guide"):
        add(own, MARKDOWN + "\nMost.\n", name="third.md")
    assert stranger.read_text() == "mine"


def test_the_same_guide_under_another_name_and_one_without_end_are_refused(tmp_path: Path) -> None:
    own = tmp_path / "own"
    add(own)
    with pytest.raises(OptionError, match="there already, as nordlys"):
        add(own, name="copy.md")
    with pytest.raises(OptionError, match="is the most a guide may have"):
        add(own, "\n".join(f"## Part {n}\nIt has a few words of text.\n" for n in range(1600)), name="endless.md")


def test_numbers_are_taken_over_only_when_asked_and_go_with_the_guide(tmp_path: Path) -> None:
    own = tmp_path / "own"
    add(own)
    assert not (own / "rooms").exists()
    add(own, take=("okr_review.pre_read_days", "one_on_one.cadence"))
    load_rooms.cache_clear()
    rooms = {one.id: one for one in load_rooms(own)}
    assert rooms["okr_review"].pre_read_days == 5 and rooms["one_on_one"].cadence == "fortnightly"
    assert rooms["okr_review"].cadence == "quarterly"  # stated, not taken
    add(own, MARKDOWN.replace("five days", "nine days"))  # a choice once made is kept, with the new value
    load_rooms.cache_clear()
    assert {one.id: one for one in load_rooms(own)}["okr_review"].pre_read_days == 9
    with pytest.raises(OptionError, match="does not state"):
        add(own, take=("okr_review.decisions",))
    with pytest.raises(OptionError, match="already taken"):
        add(own, name="other.md", take=("okr_review.pre_read_days",))
    remove_guide(own, "nordlys")
    assert not (own / "rooms").exists()
    load_rooms.cache_clear()


def test_own_playbook_is_used_once_there_is_one_and_a_named_corpus_goes_before_it(tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert Settings(home=home, _env_file=None).corpus is None
    (home / "playbook").mkdir(parents=True)
    assert Settings(home=home, _env_file=None).corpus == home / "playbook"
    assert Settings(home=home, corpus=tmp_path, _env_file=None).corpus == tmp_path
    assert team_folder(Settings(home=tmp_path / "new", _env_file=None)) == tmp_path / "new" / "playbook"


def test_settings_taken_over_change_the_documents(tmp_path: Path, home: Path, coach: Coach) -> None:
    from datetime import date

    from coach.agenda import make_checklist
    from coach.documents import pre_read_days, public_document
    from coach.schema import Agenda

    own = tmp_path / "own"
    add(own, take=("all",))
    load_rooms.cache_clear()
    rooms = load_rooms(own)
    okr = public_document((), Agenda(), rooms, date(2026, 6, 30))
    assert "_Monthly" in okr and "read it 5 days ahead" in okr and "pre-read by 2026-06-25" in okr
    (clock,) = [one for one in make_checklist((), date(2026, 6, 30), pre_read_days(rooms)) if one.id == "clock"]
    assert "2026-06-25" in clock.message
    load_rooms.cache_clear()


# --- the command ------------------------------------------------------------------------------------------


def test_the_command_adds_lists_shows_and_removes(run: Run, tmp_path: Path) -> None:
    env = {"COACH_HOME": str(tmp_path / "home")}
    (tmp_path / "Team guide.md").write_text(MARKDOWN, "utf-8")
    assert "No guide yet" in run("playbook", "list", env=env).stdout
    done = run("playbook", "add", str(tmp_path / "Team guide.md"), "--take", "okr_review.pre_read_days", env=env)
    assert done.returncode == 0, done.stderr
    assert "Added team-guide, “How we write updates”: 1 page, 4 sections." in done.stdout
    assert "Uses okr_review.pre_read_days = 5 (line 4)" in done.stdout
    assert "It says one_on_one.cadence = fortnightly (line 3" in done.stdout and "here it is weekly. To use it: --take one_on_one.cadence" in done.stdout
    assert "5 pairs" in done.stdout and "coach index" in done.stdout
    assert "uses okr_review.pre_read_days = 5" in run("playbook", "list", env=env).stdout
    shown = run("playbook", "examples", "team-guide", env=env).stdout
    assert "not: Checkout is yellow." in shown and not (tmp_path / "home/playbook/evals").exists()
    written = run("playbook", "examples", "team-guide", "--write", env=env).stdout
    assert "coach eval --suite" in written
    lines = (tmp_path / "home/playbook/evals/cases/team-guide.jsonl").read_text("utf-8").splitlines()
    assert len(lines) == 10 and all(json.loads(line)["family"] == "team-guide" for line in lines)
    assert "Removed team-guide" in run("playbook", "remove", "team-guide", env=env).stdout
    assert not any(one.is_file() for one in (tmp_path / "home/playbook").rglob("*"))
    for words, said in ((("add", "nowhere.md"), "There is no file"), (("remove", "x"), "Add one"), (("examples",), "Add one"), (("add", str(tmp_path)), "is a folder")):
        refused = run("playbook", *words, env=env)
        assert refused.returncode == 2 and said in refused.stderr and "Traceback" not in refused.stderr


def test_a_teams_own_cases_gate_its_coach(run: Run, tmp_path: Path, home: Path) -> None:
    """Through the whole of it, with the shared index: the cases of a guide are a suite like ours."""
    own = tmp_path / "own"
    add(own)
    (guide,) = list_guides(own)
    suite = tmp_path / "evals"
    (suite / "cases").mkdir(parents=True)
    (suite / "cases" / "nordlys.jsonl").write_text(example_files(guide)["evals/cases/nordlys.jsonl"], "utf-8")
    first = run("eval", "--suite", str(suite), "--details")
    assert "nordlys" in first.stdout and "10" in first.stdout
    assert run("eval", "--suite", str(suite), "--bless").returncode == 0
    assert run("eval", "--suite", str(suite)).returncode == 0


def test_removing_a_guide_takes_its_answers_out_of_the_baseline_and_old_indexes(tmp_path: Path) -> None:
    from coach.evals.baseline import Baseline, Blessed, _written, load_baseline
    from coach.index import FORMAT, forget

    own = tmp_path / "own"
    add(own)
    path = own / "evals" / "baseline.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    kept = Blessed(digest="a", family="other", answer=("ours",))
    _written(path, Baseline(cases={"nordlys-1": Blessed(digest="b", family="nordlys", answer=("Odense",)), "other-1": kept}))
    remove_guide(own, "nordlys")
    left = load_baseline(path)
    assert left is not None and set(left.cases) == {"other-1"} and "Odense" not in path.read_text("utf-8")
    for name in ("a" * 16, "b" * 16):
        (tmp_path / "index" / f"{name}-{FORMAT}").mkdir(parents=True)
    forget(tmp_path, "a" * 40)
    assert [one.name for one in (tmp_path / "index").iterdir()] == [f"{'a' * 16}-{FORMAT}"]


def test_a_pair_put_in_above_leaves_the_cases_below_as_they_were(tmp_path: Path) -> None:
    own = tmp_path / "own"
    add(own, "# Voice\n\nNever say “quick win”; say “refunds fell from 9 to 4 days”.\n")
    (guide,) = list_guides(own)
    before = {one.id for one in cases_of(guide)}
    add(own, "# Voice\n\nNever say “huge step”; say “8 of 9 sites are live”.\n\nNever say “quick win”; say “refunds fell from 9 to 4 days”.\n")
    (guide,) = list_guides(own)
    assert before < {one.id for one in cases_of(guide)}
