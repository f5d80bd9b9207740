"""Whatever comes in: one clear line, what to do, exit code 2; the draft is neither lost nor logged."""

from __future__ import annotations

import io
import os
import shutil
import socket
import zipfile
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from coach import Coach, CoachError, Settings
from coach.draft import MAX_UNPACKED, read_bytes
from coach.embedding import verified_model
from coach.errors import ChromaUnreachable, DraftError, EmbeddingError, OptionError, UploadError

Run = Callable[..., "CompletedProcess[str]"]
SECRET = "Wilhelmina cried in the archive on Thursday"


def failed(done: CompletedProcess[str]) -> str:
    """The one line of a command that refused."""
    assert done.returncode == 2, done.stderr
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1 and lines[0].startswith("coach: "), done.stderr
    assert "Traceback" not in done.stderr and not done.stdout
    return lines[0]


@pytest.mark.parametrize("text", ["", "   \n\t ", "\u200b\u200b", "🎉🎉🎉 🚀", "!!! ... ???"])
def test_a_draft_without_words_is_refused(coach: Coach, text: str) -> None:
    with pytest.raises(DraftError) as caught:
        coach.prep(text)
    assert "Paste the update" in caught.value.fix


@pytest.mark.parametrize("text", ["word " * 200_000, "x" * 200_000])
def test_a_draft_that_is_too_long_is_refused(coach: Coach, text: str) -> None:
    with pytest.raises(DraftError) as caught:
        coach.prep(text)
    assert "Paste the part" in caught.value.fix or "Break it" in caught.value.fix


def test_a_long_draft_within_the_limit_is_read(coach: Coach) -> None:
    text = "\n".join(f"- Depot {n}: {n} of 90 doors painted, plan {n + 3}" for n in range(1, 90))
    assert len(coach.prep(text).items) == 89


@pytest.mark.parametrize(
    "text",
    [
        "KR1: 3 of 9\x00 pumps run, Ana signs by Friday",
        "KR1: 3 of 9 \ud800 pumps run, Ana signs by Friday",
        "\u202eKR1: 3 of 9 pumps run, Ana signs by Friday\u202c",
        "KR1: 3 of 9 p\u200bumps run, Ana signs by Friday",
    ],
)
def test_odd_characters_keep_offsets_and_are_told(coach: Coach, text: str) -> None:
    brief = coach.prep(text)
    assert len(brief.draft) == len(text) and brief.items
    assert any("characters" in one for one in brief.notices)


def test_markup_is_text(coach: Coach) -> None:
    from coach import cards

    brief = coach.prep("- <script>alert(1)</script> KR1: 3 of 9 pumps run against 9 promised, Ana signs by 3 May\n- [x](javascript:alert(1)) done")
    html = "".join(cards.item_card(item) for item in brief.items)
    assert "<script" not in html
    assert "<script" not in brief.documents.okr and "](javascript" not in brief.documents.okr


def test_another_language_is_told_and_done_as_well_as_can_be(coach: Coach) -> None:
    brief = coach.prep("Der Umzug ins neue Lager verzögert sich um zwei Wochen, weil die Lieferung der Regale noch aussteht. Wir brauchen eine Entscheidung bis Freitag.")
    assert any("German" in one for one in brief.notices)
    assert brief.items


def docx(parts: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return out.getvalue()


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (os.urandom(2000), "notes.md"),
        (b"%PDF-1.7 ...", "notes.txt"),
        (b"PK\x03\x04 mislabelled", "notes.txt"),
        (b"not a zip", "notes.docx"),
        (docx({"word/other.xml": b"<x/>"}), "notes.docx"),
        (docx({"word/document.xml": b"<!DOCTYPE x [<!ENTITY a 'b'>]><x>&a;</x>"}), "notes.docx"),
        (docx({"word/document.xml": b"<x/>", "word/media/a": b"\0" * (MAX_UNPACKED + 1)}), "notes.docx"),
        ("Grüße".encode("latin-1"), "notes.txt"),
    ],
)
def test_a_file_that_is_no_draft_is_refused(content: bytes, name: str) -> None:
    with pytest.raises(UploadError) as caught:
        read_bytes(content, name)
    assert name in caught.value.what and caught.value.fix


def test_a_word_file_is_read_with_its_lists_and_tables(coach: Coach) -> None:
    import docx as word

    document = word.Document()
    document.add_heading("Pumps", 1)
    document.add_paragraph("KR1: 3 of 9 pumps run, promised 9; either Ana rents two or we close bay 4.", style="List Bullet")
    table = document.add_table(rows=2, cols=2)
    for cell, text in zip([c for row in table.rows for c in row.cells], ["KR", "Now", "Doors", "14 of 20"], strict=True):
        cell.text = text
    out = io.BytesIO()
    document.save(out)
    text = read_bytes(out.getvalue(), "notes.docx")
    assert "- KR1: 3 of 9" in text and "| Doors | 14 of 20 |" in text
    assert coach.prep(text).items[0].context == "Pumps"


def test_missing_files_and_folders_say_so(run: Run, tmp_path: Path) -> None:
    assert "There is no file" in failed(run("prep", "nowhere.md"))
    assert "is a folder" in failed(run("prep", str(tmp_path)))


def test_options_that_cannot_be_used(run: Run, tmp_path: Path) -> None:
    draft = tmp_path / "d.md"
    draft.write_text("KR1: 3 of 9 pumps run against 9 promised.")
    assert "YYYY-MM-DD" in failed(run("prep", str(draft), "--review-date", "soon"))
    wrong = tmp_path / "a.json"
    wrong.write_text("[1]")
    assert "no answers" in failed(run("prep", str(draft), "--answers", str(wrong)))
    wrong.write_text('{"9.owner": "Mia"}')
    assert "There is no blank" in failed(run("prep", str(draft), "--answers", str(wrong)))
    assert "Use one of" in failed(run("questions", str(draft), "--goal", "riches"))
    assert "query is empty" in failed(run("search", " "))
    assert "COACH_PORT" in failed(run("search", "x", env={"COACH_PORT": "many"}))


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("pages/own/a.md", "# no front matter\n", "a.md:1:"),
        ("pages/own/a.md", "---\nid: own/a\ntitle: A\nrooms: [okr_review]\ntags: []\nrelated: []\nmood: good\n---\n## One\ntext\n", "mood"),
        ("pages/own/a.md", "---\ntitle: A\nrooms: [okr_review]\ntags: []\nrelated: []\n---\n## One\ntext\n", "id"),
        ("rules/own.yaml", "rules:\n  - id: [broken\n", "own.yaml:"),
        ("rules/own.yaml", "rules:\n  - id: own.x\n    kind: wish\n    level: error\n    message: m\n    hint: h\n    page: rooms/okr-doc\n    hits: [a, b]\n    near_misses: [c, d]\n", "phrases"),
    ],
)
def test_a_broken_corpus_file_names_path_line_and_column(tmp_path: Path, file: str, content: str, said: str) -> None:
    import re

    path = tmp_path / "own" / file
    path.parent.mkdir(parents=True)
    path.write_text(content, "utf-8")
    with pytest.raises(CoachError) as caught:
        assert Coach(Settings(home=tmp_path / "home", corpus=tmp_path / "own", _env_file=None)).library
    assert said in str(caught.value)
    assert re.search(rf"{re.escape(path.name)}:\d+:\d+: ", caught.value.what)
    assert caught.value.fix


def test_two_pages_of_one_id_are_refused(tmp_path: Path) -> None:
    page = "---\nid: own/a\ntitle: A\nrooms: [okr_review]\ntags: []\nrelated: []\n---\n## One\ntext\n"
    for name in ("a.md", "b.md"):
        path = tmp_path / "own" / "pages" / "own" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(page, "utf-8")
    with pytest.raises(CoachError) as caught:
        assert Coach(Settings(home=tmp_path / "home", corpus=tmp_path / "own", _env_file=None)).library
    assert "own/a" in caught.value.what and ".md:" in caught.value.what


def test_a_data_folder_that_cannot_be_written(run: Run) -> None:
    # A path below a file can be made by no user, not even root.
    said = failed(run("prep", "-", stdin=f"- {SECRET}", env={"COACH_HOME": str(Path(__file__) / "home")}))
    assert "COACH_HOME" in said and "Wilhelmina" not in said


def test_a_wrong_embedding_file_is_refused(tmp_path: Path) -> None:
    wrong = tmp_path / "model.onnx"
    wrong.write_bytes(b"something else")
    with pytest.raises(EmbeddingError) as caught:
        verified_model(wrong)
    assert "pip install" in caught.value.fix
    with pytest.raises(EmbeddingError):
        verified_model(tmp_path / "missing.onnx")


def test_a_port_in_use_is_told_before_anything_is_opened(run: Run) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert "--port" in failed(run("app", "--port", str(port)))


def test_another_address_needs_a_user_and_a_password(run: Run) -> None:
    assert "COACH_PASSWORD" in failed(run("app", "--host", "0.0.0.0", "--port", "0"))


def test_a_chroma_server_that_does_not_answer(run: Run) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    said = failed(run("search", "who decides", env={"COACH_CHROMA_URL": f"http://127.0.0.1:{port}"}))
    assert "chroma run" in said
    with pytest.raises(ChromaUnreachable):
        from coach.playbook import open_client

        open_client(None, "nonsense address")


def test_a_damaged_index_says_how_to_mend_it(home: Path, coach: Coach, tmp_path: Path, run: Run) -> None:
    other = tmp_path / "home"
    shutil.copytree(home, other)
    router = next(other.glob("index/*/router/router.npz"))
    router.write_bytes(b"damaged")
    assert "coach index --force" in failed(run("route", "-", stdin="- 3 of 9 pumps run", env={"COACH_HOME": str(other)}))


def test_no_word_of_a_draft_is_logged_when_something_is_wrong(run: Run) -> None:
    done = run("prep", "-", "--review-date", "never", stdin=SECRET)
    assert done.returncode == 2 and "Wilhelmina" not in done.stderr + done.stdout


def test_moves_that_cannot_be(coach: Coach) -> None:
    with pytest.raises(OptionError):
        coach.prep("KR1: 3 of 9 pumps run.", moves={7: "okr_doc"})
    with pytest.raises(OptionError):
        coach.prep("KR1: 3 of 9 pumps run.", moves={1: "kitchen"})  # type: ignore[dict-item]
