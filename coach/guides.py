"""A team's own guide, in whatever file it comes → Markdown text → playbook pages. Nothing is fetched.

.md and .txt as they are; .docx by python-docx; .html as a browser saves it, by Beautiful Soup and
markdownify; .pdf with text, by pypdf, its headings known by their size.
"""

from __future__ import annotations

import io
import logging
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from coach.draft import MAX_FILE, checked_docx, read_bytes
from coach.errors import UploadError
from coach.pairs import GuideWords, rooms_of
from coach.schema import Page, Section

SUFFIXES = (".md", ".markdown", ".txt", ".docx", ".html", ".htm", ".pdf")
MAX_PAGES = 300  # pages of a PDF that are read
_LIGATURE = re.compile("[\ufb00-\ufb06\u00a0]")
# Parts of a web page that are not its text, by the words of their id or class.
_FURNITURE = re.compile(
    r"(?:^|[-_ ])(?:cookies?|consent|gdpr|banner|breadcrumbs?|sidebar|side-bar|navbar|menu|toc|table-of-contents|comments?|footer|metadata|byline|likes?|labels?|share|sharing|social"
    r"|related|newsletter|subscribe|pagination|skip-link|toolbar)(?:[-_ ]|$)"
)
_LONGEST = 1400  # characters of a section: what is longer is found by its beginning only, so it is cut between paragraphs
_LEAST_WORDS = 4  # a section with fewer says nothing that could be searched


def guide_text(content: bytes, name: str) -> str:
    """The text of a guide's file as Markdown, one line a row, headings as `#`. Raises UploadError."""
    suffix = PurePath(name).suffix.lower()
    shown = PurePath(name).name
    if suffix not in SUFFIXES:
        raise UploadError(f"{shown} is no guide that can be read.", f"Use one of {', '.join(SUFFIXES)}.")
    if len(content) > MAX_FILE:
        raise UploadError(f"{shown} is larger than {MAX_FILE // 1_000_000} MB.", "Save its text alone.")
    if suffix == ".docx":
        text = _from_docx(content, shown)
    elif suffix in (".html", ".htm"):
        text = _from_html(content, shown)
    elif suffix == ".pdf":
        text = _from_pdf(content, shown)
    else:
        text = read_bytes(content, name)
        if suffix in (".md", ".markdown"):
            text = re.sub(r"\A---\r?\n.*?^---[ \t]*$\n?", "", text, count=1, flags=re.S | re.M)
        text = _underlined(text)
        if suffix == ".txt" and not re.search(r"^#{1,6} ", text, re.M):
            text = _capitals(text)
    text = re.sub(r"\n{3,}", "\n\n", text).strip()
    if not re.search(r"[^\W\d_]", text):
        fix = "Run text recognition (OCR) on it first." if suffix == ".pdf" else "Check that it is the right file."
        raise UploadError(f"{shown} has no text.", fix)
    return text + "\n"


def _underlined(text: str) -> str:
    """Headings underlined with = or - → headings with #."""
    lines = text.splitlines()
    for at in range(1, len(lines)):
        rule, above = lines[at].strip(), lines[at - 1].strip()
        if not re.fullmatch(r"={3,}|-{3,}", rule) or not above or above.endswith((".", ",")) or re.match(r"[-*+>|#`]|\W*$", above) or len(above.split()) > 14:
            continue
        start = at - 1
        if rule[0] == "=" and start and lines[start - 1].strip() and not any(one.strip() for one in lines[max(0, start - 2) : start - 1]):
            start, above = start - 1, f"{lines[start - 1].strip()}: {above}"  # a title of two lines
        lines[start : at + 1] = [*[""] * (at - start), f"{'#' if rule[0] == '=' else '##'} {above}"]
    return "\n".join(lines)


def _capitals(text: str) -> str:
    """Lines in capitals that stand alone, as plain text writes its headings → headings with #."""
    lines = ["", *text.splitlines(), ""]
    for at in range(1, len(lines) - 1):
        line = lines[at].strip()
        words = re.findall(r"[^\W\d_]+", line)
        if 2 <= len(words) <= 10 and line.upper() == line and not lines[at - 1].strip() and not line.endswith((".", ",", ";")):
            lines[at] = f"## {line}"
    return "\n".join(lines[1:-1])


# --- formats ------------------------------------------------------------------------------------------


def _from_docx(content: bytes, name: str) -> str:
    from docx.table import Table  # slow to import, needed for Word files only
    from docx.text.paragraph import Paragraph

    document = checked_docx(content, name)
    try:
        lines: list[str] = []
        for block in document.iter_inner_content():
            if isinstance(block, Table):
                rows = [_cells(row.cells) for row in block.rows]
                if rows:
                    rows.insert(1, ["---"] * max(len(row) for row in rows))
                lines += ["", *("| " + " | ".join(row) + " |" for row in rows), ""]
            elif isinstance(block, Paragraph):
                lines.append(_paragraph(block))
        return "\n".join(lines)
    except Exception:
        # The library raises whatever its XML parser meets; the file is the cause in every case.
        raise UploadError(f"{name} is not a Word document.", "Save it again as .docx.") from None


def _cells(cells: Any) -> list[str]:
    """A row's texts; a cell that spans columns comes once for each of them and is said once."""
    seen: list[Any] = []
    texts = []
    for cell in cells:
        texts.append("" if cell._tc in seen else " ".join(cell.text.split()).replace("|", "\\|"))
        seen.append(cell._tc)
    return texts


def _paragraph(block: Any) -> str:
    text = " ".join(block.text.split())
    style = block.style.name if block.style else ""
    if not text:
        return ""
    if style == "Title":
        return f"\n# {text}\n"
    if match := re.match(r"Heading (\d)", style):
        return f"\n{'#' * min(6, int(match[1]))} {text}\n"
    numbered = block._p.pPr.numPr if block._p.pPr is not None else None
    if style.startswith("List") or numbered is not None:
        depth = re.search(r"(\d)$", style)
        level = int(depth[1]) - 1 if depth else numbered.ilvl.val if numbered is not None and numbered.ilvl is not None else 0
        return f"{'  ' * level}- {text}"
    return f"{text}\n"


def _from_html(content: bytes, name: str) -> str:
    from bs4 import BeautifulSoup  # slow to import, needed for web pages only
    from markdownify import ATX, markdownify

    try:
        soup = BeautifulSoup(content, "html.parser")
        title = soup.title.get_text(" ", strip=True) if soup.title else ""
        for tag in soup(["script", "style", "template", "noscript", "svg", "iframe", "form", "button", "nav", "aside", "footer", "dialog"]):
            tag.decompose()
        for tag in soup.select("[hidden], [aria-hidden=true], [role=navigation], [role=banner], [role=contentinfo], [role=complementary], [role=dialog], [role=search]"):
            tag.decompose()
        for tag in soup.find_all(lambda one: one.name in ("div", "section", "ul", "ol", "p", "span", "table") and bool(_FURNITURE.search(_named(one)))):
            if not tag.decomposed and not tag.find(["main", "article", "h1"]):
                tag.decompose()
        mains = soup.select("main, [role=main], article")
        body = max(mains, key=lambda one: len(one.get_text())) if mains else soup.body or soup
        for tag in body.select("p.title"):  # as word processors export their title
            tag.name = "h1"
        for tag in body.find_all("header"):
            tag.unwrap() if tag.find(re.compile("^h[1-6]$")) else tag.decompose()
        text = str(markdownify(str(body), heading_style=ATX, bullets="-", strip=["a", "img"], escape_misc=False, table_infer_header=True))
    except RecursionError:
        raise UploadError(f"{name} is nested too deep to be read.", "Save its text alone.") from None
    text = "\n".join(line.rstrip() for line in text.replace("\u00a0", " ").splitlines())
    if not re.search(r"^# ", text, re.M) and title:
        text = f"# {title}\n\n{text}"
    return text


def _named(tag: Any) -> str:
    """A tag's id and classes, in small letters, as one line."""
    return " ".join([str(tag.get("id") or ""), *(tag.get("class") or [])]).casefold()


def _from_pdf(content: bytes, name: str) -> str:
    from pypdf import PdfReader  # slow to import, needed for PDF files only
    from pypdf.errors import DependencyError

    logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # it tells what it mends; only what it cannot is of interest
    try:
        reader = PdfReader(io.BytesIO(content))
        locked = reader.is_encrypted and not reader.decrypt("")
        pages = [] if locked else _without_edges([_pdf_lines(page) for page in list(reader.pages)[:MAX_PAGES]])
    except DependencyError:
        locked, pages = True, []  # a cipher that is read with one more package only
    except Exception:
        # The library raises whatever it meets in a broken file; the file is the cause in every case.
        raise UploadError(f"{name} is not a PDF that can be read.", "Save it again, or save its text alone.") from None
    if locked:
        raise UploadError(f"{name} is protected by a password.", "Save it without one.")
    sizes = Counter(round(size, 1) for page in pages for _, size in page if size)
    usual = sizes.most_common(1)[0][0] if sizes else 0.0
    larger = sorted({size for size in sizes if size > usual * 1.12}, reverse=True)[:3]
    return "\n".join(_pdf_markdown([line for page in pages for line in page], larger))


def _without_edges(pages: list[list[tuple[str, float]]]) -> list[list[tuple[str, float]]]:
    """Pages without the lines that head or foot most of them, page numbers aside."""
    edges: Counter[str] = Counter()
    for page in pages:
        edges.update({_edge(page[at][0]) for at in _outer(page)})
    often = {key for key, count in edges.items() if key and count > max(1, len(pages) // 2)}
    return [[line for at, line in enumerate(page) if at not in _outer(page) or _edge(line[0]) not in often] for page in pages]


def _outer(page: list[tuple[str, float]]) -> list[int]:
    full = [at for at, (line, _) in enumerate(page) if line.strip()]
    return full[:2] + full[-2:]


def _edge(line: str) -> str:
    return re.sub(r"\d+", "#", " ".join(line.split()))


def _pdf_lines(page: Any) -> list[tuple[str, float]]:
    """A page's lines as they are laid out, columns kept apart by spaces, each with its largest type size."""
    sizes: dict[str, float] = {}

    def seen(text: str, matrix: Any, place: Any, font: Any, size: float) -> None:
        scale = abs(matrix[3] or 1.0) * abs(place[3] or 1.0)
        for line in text.splitlines():
            key = re.sub(r"\W+", "", line)
            if key:
                sizes[key] = max(sizes.get(key, 0.0), size * scale)

    plain = page.extract_text(visitor_text=seen)
    # The layout puts gaps into words now and then; the plain text of the same line has none.
    spelled = {re.sub(r"\W+", "", line): line.strip() for line in plain.splitlines()}
    lines = []
    for line in page.extract_text(extraction_mode="layout", layout_mode_space_vertically=True).splitlines():
        key = re.sub(r"\W+", "", line)
        fitting = [size for known, size in sizes.items() if known == key or (len(known) > 3 and known in key)]
        indent = line[: len(line) - len(line.lstrip())]
        if key in spelled and not re.search(r"\S\s{3,}\S", spelled[key]) and not _is_row(line, spelled[key]):
            line = indent + spelled[key]
        lines.append((_LIGATURE.sub(lambda one: unicodedata.normalize("NFKC", one[0]), line).rstrip(), max(fitting, default=0.0)))
    return lines


def _is_row(laid_out: str, plain: str) -> bool:
    """Whether a wide gap of the layout stands between words, as between the cells of a row, and not inside one."""
    return any(f"{gap[1]}{gap[2]}" not in plain for gap in re.finditer(r"(\S+)\s{3,}(?=(\S+))", laid_out))


def _pdf_markdown(lines: list[tuple[str, float]], larger: list[float]) -> Iterator[str]:
    held: list[str] = []
    columns: int | None = None
    row: list[str] = []

    def paragraph() -> Iterator[str]:
        if held:
            yield " ".join(held)
            yield ""
            held.clear()

    def finished() -> Iterator[str]:
        if row:
            yield f"| {row[0].strip()} | {row[1].strip()} |"
            row.clear()

    blank = False
    # Word and browsers draw bullets as shapes, not as text: a line set in from the margin is an item of a list.
    margin = Counter(len(line) - len(line.lstrip()) for line, _ in lines if line.strip()).most_common(1)
    usual = margin[0][0] if margin else 0
    for at, (line, size) in enumerate(lines):
        text = re.sub(r"\s+([.,;:!?])(?=\s|$)", r"\1", line.strip())
        if not text:
            blank = True
            continue
        level = next((n for n, one in enumerate(larger, 1) if round(size, 1) >= one), None)
        if level:
            yield from paragraph()
            yield from finished()
            columns = None
            yield f"\n{'#' * level} {re.sub(r'  +', ' ', text)}\n"
        elif columns is None and len(parts := re.split(r"\s{3,}", text)) == 2 and all(len(one.split()) <= 3 for one in parts):
            # Two short words side by side are the head of a table of two columns.
            yield from paragraph()
            columns = _second_column([after for after, _ in lines[at + 1 : at + 7]], line.index(parts[1], line.index(parts[0]) + len(parts[0])))
            yield ""
            yield f"| {parts[0]} | {parts[1]} |"
            yield "| --- | --- |"
        elif columns is not None and (re.search(r"\S\s{2,}\S", line) or len(line) - len(line.lstrip()) >= columns - 2 or (row and not blank)):
            left, right = _at_column(line, columns)
            # A new row starts after a gap, or where both cells begin while the row before is closed.
            if blank or not row or (left and right and row[0].rstrip()[-1:] in ".!?”\"" and row[1].rstrip()[-1:] in ".!?”\""):
                yield from finished()
                row[:] = [left, right]
            else:
                row[:] = [f"{row[0]} {left}", f"{row[1]} {right}"]
        else:
            yield from finished()
            if columns is not None:
                columns = None
                yield ""
            bullet = re.match(r"[•●▪◦‣–-]\s+(.+)$|(\d+[.)])\s+(.+)$", text)
            indented = len(line) - len(line.lstrip()) >= usual + 2
            if bullet:
                yield from paragraph()
                held.append(f"- {bullet[1] or bullet[3]}")
            elif indented and (blank or not held or held[-1][-1:] in ".!?") and text[:1].isupper():
                yield from paragraph()
                held.append(f"- {text}")
            else:
                if blank:
                    yield from paragraph()
                held.append(re.sub(r"  +", " ", text))
        blank = False
    yield from finished()
    yield from paragraph()


def _second_column(below: list[str], head: int) -> int:
    """Where the second column starts: where most lines below its head go on after a gap, or start at all."""
    starts: Counter[int] = Counter()
    for line in below:
        if not line.strip():
            break
        gap = re.search(r"\S\s{2,}(?=\S)", line)
        starts[gap.end() if gap else len(line) - len(line.lstrip())] += 1
    likely = [start for start, _ in starts.most_common() if start > 8]
    return likely[0] if likely else head


def _at_column(line: str, column: int) -> tuple[str, str]:
    """The two cells of a line; the cut moves to the widest gap near the column."""
    gaps = [match for match in re.finditer(r"\s{2,}", line.rstrip()) if abs(match.end() - column) <= 6 and match.start() > 0]
    cut = min(gaps, key=lambda one: abs(one.end() - column)).end() if gaps else column
    return line[:cut].strip(), line[cut:].strip()


# --- pages --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class GuidePage:
    """A page as it is written into the corpus, and its front matter and sections as they are read back."""

    page: Page
    text: str


def slug_of(words: str) -> str:
    """A short name for files and ids: small letters, digits and hyphens."""
    plain = words.casefold().replace("ß", "ss")
    plain = re.sub(r"[^a-z0-9]+", "-", re.sub(r"[àáâãäå]", "a", re.sub(r"[èéêë]", "e", re.sub(r"[òóôõö]", "o", re.sub(r"[ùúûü]", "u", plain))))).strip("-")
    return plain[:48].strip("-") or "guide"


def guide_title(text: str, name: str) -> str:
    """The guide's first heading, or its file's name."""
    match = re.search(r"^#{1,2} +(.+)$", text, re.M)
    return _bare(match[1]) if match else PurePath(name).stem.replace("-", " ").replace("_", " ").strip().capitalize() or "Guide"


def _bare(heading: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"[*_`#]+", "", heading)).strip(" :") or "Untitled"


def guide_pages(text: str, slug: str, title: str, words: GuideWords) -> tuple[GuidePage, ...]:
    """One page for each chapter, a section for each heading in it; a guide of one chapter is one page."""
    parts = _split(text)
    top = min((level for level, _, body in parts if level and _says(body)), default=0)
    chapters: list[tuple[str, list[tuple[str, str]]]] = []
    several = sum(level == top for level, _, _ in parts) > 1
    for level, heading, body in parts:
        if not chapters or (several and level == top):
            chapters.append((heading if level and several else title, []))
            if several or not level:
                chapters[-1][1].append((chapters[-1][0], body))
                continue
        chapters[-1][1].append((heading or title, body))
    pages: list[GuidePage] = []
    seen: Counter[str] = Counter()
    for name, sections in chapters:
        kept = [(heading, part) for heading, body in sections if _says(body) for part in _parts(body)]
        if not kept:
            continue
        short = slug_of(name)
        seen[short] += 1
        ident = f"{slug}/{short}" + (f"-{seen[short]}" if seen[short] > 1 else "")
        pages.append(_page(ident, name, kept, words))
    return tuple(pages)


def _parts(body: str) -> list[str]:
    """A section's text in pieces that are read whole, cut between paragraphs, list items and rows."""
    parts: list[str] = []
    for block in re.split(r"\n(?=\s*\n|[-*] |\d+[.)] )", body):
        if (parts and len(parts[-1]) + len(block) < _LONGEST) or (parts and not _says(block)):
            parts[-1] += f"\n{block}"
        else:
            parts.append(block.strip("\n"))
    return parts


def _says(body: str) -> bool:
    return len(re.findall(r"[^\W\d_]{2,}", body)) >= _LEAST_WORDS


def _split(text: str) -> list[tuple[int, str, str]]:
    """(level, heading, body) for each heading; what stands before the first has level 0."""
    parts: list[tuple[int, str, list[str]]] = [(0, "", [])]
    fenced = False
    for line in text.splitlines():
        fenced ^= line.lstrip().startswith("```")
        match = None if fenced else re.match(r"^(#{1,6})\s+(.+?)\s*#*$", line)
        if match:
            parts.append((len(match[1]), _bare(match[2]), []))
        else:
            parts[-1][2].append(line)
    return [(level, heading, "\n".join(body).strip()) for level, heading, body in parts]


def _page(ident: str, title: str, sections: list[tuple[str, str]], words: GuideWords) -> GuidePage:
    rooms = rooms_of("\n".join(f"{heading}\n{body}" for heading, body in sections), words)
    quoted = title.replace("\\", "\\\\").replace('"', '\\"')
    lines = ["---", f"id: {ident}", f'title: "{quoted}"', f"rooms: [{', '.join(rooms)}]", f"tags: [{ident.split('/')[0]}]", "---"]
    made: list[Section] = []
    used: Counter[str] = Counter()
    for number, (heading, body) in enumerate(sections):
        # A line that would start a section of its own, or end the front matter, is text here.
        safe = re.sub(r"^(#{1,2} |---\s*$)", r"\\\1", body, flags=re.M)
        used[heading] += 1
        shown = f"{heading} ({used[heading]})" if used[heading] > 1 else heading
        if number or heading != title:
            lines.append(f"## {shown}")
        else:
            shown = title
        made.append(Section(heading=shown, text=safe.strip(), line=len(lines) + 1))
        lines += [safe.strip(), ""]
    page = Page(id=ident, title=title, rooms=rooms, tags=(ident.split("/")[0],), sections=tuple(made))
    return GuidePage(page, "\n".join(lines).rstrip() + "\n")
