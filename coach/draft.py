"""What comes in → a draft that can be read: checks, and the text of a .md, .txt or .docx file."""

from __future__ import annotations

import io
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from coach.errors import DraftError, UploadError

SUFFIXES = (".md", ".txt", ".docx")
MAX_FILE = 5_000_000  # bytes of a file as it comes
MAX_UNPACKED = 30_000_000  # bytes a .docx may unpack to
MAX_LINE = 20_000  # characters in one line

_UNREADABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_HIDDEN = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\U000e0000-\U000e007f]")
_LETTER = re.compile(r"[^\W\d_]")


@dataclass(frozen=True)
class Draft:
    """A draft's text as it will be read; it has the length of what was given. Notices for a person.

    language: its name when the draft is surely not English.
    """

    text: str
    notices: tuple[str, ...] = ()
    language: str | None = None


def check_draft(text: str, max_chars: int) -> Draft:
    """A draft that can be read, or DraftError with what to do.

    Characters that cannot be shown are replaced one for one, so offsets stay those of the input.
    """
    if not text.strip() or not _HIDDEN.sub("", text).strip():
        raise DraftError("The draft is empty.", "Paste the update you would take into the review.")
    if len(text) > max_chars:
        raise DraftError(
            f"The draft has {len(text):,} characters; {max_chars:,} is the most that is read at once.",
            "Paste the part you will speak to, or raise COACH_MAX_CHARS.",
        )
    longest = max(len(line) for line in text.splitlines() or [text])
    if longest > MAX_LINE:
        raise DraftError(
            f"One line of the draft has {longest:,} characters; that is not an update.",
            f"Break it into lines of under {MAX_LINE:,} characters, or paste the text alone.",
        )
    if not _LETTER.search(text):
        raise DraftError(
            "The draft has no words, only signs.", "Paste the update you would take into the review."
        )
    notices: list[str] = []
    clean, bad = _UNREADABLE.subn("\ufffd", text)
    if bad:
        notices.append(f"{bad} characters that cannot be shown were replaced by \ufffd.")
    if _HIDDEN.search(clean):
        count = len(_HIDDEN.findall(clean))
        clean = _HIDDEN.sub(" ", clean)
        notices.append(f"{count} invisible characters were taken as spaces.")
    language = _language(clean)
    if language:
        notices.append(
            f"This draft looks like {language}. The coach reads English; rooms and blanks are a rough guess here, "
            "so check each one, the private ones first."
        )
    return Draft(clean, tuple(notices), language)


_NAMES = {
    "de": "German", "fr": "French", "es": "Spanish", "it": "Italian", "pt": "Portuguese", "nl": "Dutch",
    "pl": "Polish", "sv": "Swedish", "da": "Danish", "no": "Norwegian", "nb": "Norwegian", "fi": "Finnish",
    "ru": "Russian", "uk": "Ukrainian", "tr": "Turkish", "cs": "Czech", "ro": "Romanian", "hu": "Hungarian",
    "ja": "Japanese", "zh": "Chinese", "ko": "Korean", "ar": "Arabic", "he": "Hebrew", "hi": "Hindi",
    "el": "Greek", "vi": "Vietnamese", "id": "Indonesian", "th": "Thai", "fa": "Persian",
}
_COMMON = frozenset(
    "the and to of is in we for on that it with not are was this be at by i you from have has they our but an as or if so".split()
)


def _language(text: str) -> str | None:
    """The language's name when a draft is surely not English."""
    words = re.findall(r"[^\W\d_]+", text.lower())
    if len(text.strip()) < 40 or (len(words) >= 8 and sum(w in _COMMON for w in words) >= 0.12 * len(words)):
        return None
    from py3langid.langid import MODEL_FILE, LanguageIdentifier  # slow to load, rarely needed

    found, sure = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True).classify(text[:4000])
    if found == "en" or sure < 0.9:
        return None
    return _NAMES.get(str(found), f"another language ({found})")


def read_file(path: Path) -> str:
    """The text of a draft file. Raises UploadError with what to do."""
    try:
        if path.is_dir():
            raise UploadError(f"{path} is a folder.", "Name a file.")
        if path.stat().st_size > MAX_FILE:
            raise UploadError(f"{path.name} is larger than {MAX_FILE // 1_000_000} MB.", "Paste its text instead.")
        content = path.read_bytes()
    except FileNotFoundError:
        raise UploadError(f"There is no file {path}.", "Check the name, or use - to read from the keyboard.") from None
    except OSError as error:
        raise UploadError(f"{path} cannot be read ({error.strerror}).", "Check its permissions.") from None
    return read_bytes(content, path.name)


def read_bytes(content: bytes, name: str) -> str:
    """The text in the bytes of a file of this name. Raises UploadError with what to do."""
    if len(content) > MAX_FILE:
        raise UploadError(f"{PurePath(name).name} is larger than {MAX_FILE // 1_000_000} MB.", "Paste its text instead.")
    suffix = PurePath(name).suffix.lower()
    if suffix == ".docx":
        return _docx(content, PurePath(name).name)
    if content[:4] == b"PK\x03\x04" or content[:5] == b"%PDF-" or content[:4] == b"\xd0\xcf\x11\xe0":
        raise UploadError(
            f"{PurePath(name).name} is not a text file.", f"Use one of {', '.join(SUFFIXES)}, or paste the text."
        )
    for encoding in ("utf-8-sig", *(["utf-16"] if content[:2] in (b"\xff\xfe", b"\xfe\xff") else [])):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\x00" in text[:1000]:
            break
        return text.replace("\r\n", "\n").replace("\r", "\n")
    raise UploadError(f"{PurePath(name).name} is not UTF-8 text.", "Save it as UTF-8, or paste the text.")


def _docx(content: bytes, name: str) -> str:
    document = checked_docx(content, name)
    from docx.table import Table  # slow to import, needed for Word files only
    from docx.text.paragraph import Paragraph

    try:
        lines: list[str] = []
        for block in document.iter_inner_content():
            if isinstance(block, Table):
                rows = [[cell.text.replace("\n", " ").replace("|", "/") for cell in row.cells] for row in block.rows]
                if rows:
                    rows.insert(1, ["---"] * len(rows[0]))
                lines += ["", *("| " + " | ".join(row) + " |" for row in rows), ""]
            elif isinstance(block, Paragraph):
                lines.append(_paragraph(block.text, block.style.name if block.style else ""))
        return "\n".join(lines).strip() + "\n"
    except Exception:
        # The library raises whatever its XML parser meets; the file is the cause in every case.
        raise _no_word(name) from None


def _no_word(name: str) -> UploadError:
    return UploadError(f"{name} is not a Word document.", "Save it again as .docx, or paste the text.")


def checked_docx(content: bytes, name: str) -> Any:
    """A Word document, opened only after its size and markup were checked. Raises UploadError."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if "word/document.xml" not in archive.namelist():
                raise _no_word(name)
            if sum(one.file_size for one in archive.infolist()) > MAX_UNPACKED:
                raise UploadError(f"{name} unpacks to more than a document holds.", "Paste the text instead.")
            # A size in the header can lie; what is really unpacked is counted.
            if any(_unpacks_past(archive, one, MAX_UNPACKED) for one in archive.infolist()):
                raise UploadError(f"{name} unpacks to more than a document holds.", "Paste the text instead.")
            if b"<!ENTITY" in archive.read("word/document.xml"):
                raise _no_word(name)
    except (zipfile.BadZipFile, OSError, NotImplementedError, RuntimeError, EOFError):
        raise _no_word(name) from None
    import docx  # slow to import, needed for Word files only

    try:
        return docx.Document(io.BytesIO(content))
    except Exception:
        raise _no_word(name) from None


def _paragraph(text: str, style: str | None) -> str:
    name = style or ""
    if name.startswith(("Heading", "Title")) and text.strip():
        return f"\n# {text}\n"
    if name.startswith("List") and text.strip():
        return f"- {text}"
    return f"{text}\n"


def _unpacks_past(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, limit: int) -> bool:
    read = 0
    with archive.open(entry) as file:
        while chunk := file.read(1 << 16):
            read += len(chunk)
            if read > limit:
                return True
    return False
