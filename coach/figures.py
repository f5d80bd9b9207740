"""Labelled drafts and pairs → how often the coach is right, with every failure.

Any team can measure on its own file: the format is that of corpus/examples. What is counted here
looks only at the brief and the labels; the coach's own guards and rules are not asked.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from statistics import median

from coach.pipeline import Coach
from coach.schema import Brief, ExampleDraft, ExampleItem, ExamplePair, Item, Rewrite
from coach.stems import stems

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Failure:
    """One label that was not met: whose, what was wanted and what came."""

    where: str
    words: str
    wanted: str
    got: str


@dataclass
class Figure:
    """How many of how many; `aim` is the share to reach, or None for a count that should be 0."""

    name: str
    aim: float | None = None
    hits: int = 0
    total: int = 0
    failures: list[Failure] = field(default_factory=list)

    def count(self, ok: bool, failure: Failure) -> None:
        """Count one label; keep the failure where it was not met."""
        self.total += 1
        self.hits += ok
        if not ok:
            self.failures.append(failure)

    @property
    def share(self) -> float:
        """Hits of total, 1 where nothing was to be counted."""
        return self.hits / self.total if self.total else 1.0

    @property
    def met(self) -> bool:
        """Whether the aim is reached."""
        return self.aim is None or self.share >= self.aim


@dataclass(frozen=True)
class Report:
    """Figures in the order they are read, and the seconds a draft took, median."""

    figures: tuple[Figure, ...]
    seconds: float = 0.0


# --- drafts ----------------------------------------------------------------------------------------


def measure_drafts(coach: Coach, drafts: Sequence[ExampleDraft], progress: Progress | None = None) -> Report:
    """Every figure over labelled drafts. Nothing of the labels is shown to the coach but the side of the writer."""
    found = _DraftFigures(coach)
    took: list[float] = []
    for number, draft in enumerate(drafts, 1):
        began = time.perf_counter()
        brief = coach.prep(draft.text, as_=draft.author_is)
        took.append(time.perf_counter() - began)
        found.add(draft, brief)
        if progress:
            progress("measuring drafts", number, len(drafts))
    return Report(found.all(), median(took) if took else 0.0)


class _DraftFigures:
    def __init__(self, coach: Coach) -> None:
        self._coach = coach
        self.matched = Figure("labelled items matched one to one", 0.95)
        self.exact = Figure("room, exactly", 0.90)
        self.lenient = Figure("room, or another an expert could choose", 0.94)
        self.sure = Figure("right where the coach is 0.9 sure or more", 0.95)
        self.then = Figure("next room")
        self.private = Figure("private items routed private, or their private words kept out", 1.0)
        self.kept_out = Figure("private spans kept out of every public text", 1.0)
        self.invented = Figure("rewrites without an invented number, name or date", 1.0)
        self.facts = Figure("stated facts kept in review and doc items", 0.97)
        self.fields = Figure("stated lever, owner and due found", 0.85)
        self.lever = Figure("stated lever kept in the review", 0.85)
        self.blanks = Figure("a blank where owner, date or lever is not stated", 1.0)

    def all(self) -> tuple[Figure, ...]:
        return tuple(one for one in vars(self).values() if isinstance(one, Figure))

    def add(self, draft: ExampleDraft, brief: Brief) -> None:
        public = _public_text(brief)
        known = _content(" ".join(item.quote for item in draft.items if not item.private))
        taken: set[int] = set()
        for label in draft.items:
            start = draft.text.find(label.quote)
            end = start + len(label.quote)
            shares = [(_overlap(start, end, item), item) for item in brief.items]
            share, best = max(shares, key=lambda pair: pair[0], default=(0, None))
            item = best if best is not None and share >= 0.5 * (end - start) else None
            pieces = [one for mine, one in shares if mine >= 0.25 * min(end - start, max(1, one.end - one.start))]
            self._add_item(draft, label, item, pieces, taken)
            self._add_privacy(draft, label, pieces, public, known)
        self._add_rewrites(draft, brief)

    def _add_item(
        self, draft: ExampleDraft, label: ExampleItem, item: Item | None, pieces: Sequence[Item], taken: set[int]
    ) -> None:
        def failed(wanted: str, got: str) -> Failure:
            return Failure(draft.id, label.quote, wanted, got)

        self.matched.count(item is not None and item.id not in taken, failed("an item of its own", "joined or not found"))
        if item:
            taken.add(item.id)
        room = item.room if item else pieces[0].room if pieces else "leave_out"
        rooms = {one.room for one in pieces} or {room}
        self.exact.count(room == label.room, failed(label.room, room))
        fitting = room in (label.room, *label.also_ok) or (len(pieces) > 1 and label.room in rooms)
        self.lenient.count(fitting, failed(label.room, room))
        if item and item.confidence >= 0.9:
            self.sure.count(fitting, failed(label.room, f"{room}, {item.confidence:.2f} sure"))
        if label.then:
            reached = {one.then for one in pieces} | rooms
            self.then.count(label.then in reached, failed(f"then {label.then}", " ".join(sorted(str(one) for one in reached))))
        said = [one for piece in pieces for one in piece.rewrites if one.room in ("okr_review", "okr_doc")]
        if label.room in ("okr_review", "okr_doc") and said:
            self._add_facts(draft, label, said)
        if label.room == "okr_review" and any(one.room == "okr_review" for one in said):
            self._add_fields(draft, label, [one for one in said if one.room == "okr_review"])

    def _add_facts(self, draft: ExampleDraft, label: ExampleItem, said: Sequence[Rewrite]) -> None:
        text = " ".join(one.text for one in said)
        for fact in label.facts:
            if any(fact in hidden or hidden in fact for hidden in label.private_spans):
                continue  # what must not be said cannot be kept
            self.facts.count(_holds(text, fact), Failure(draft.id, label.quote, fact, text))

    def _add_fields(self, draft: ExampleDraft, label: ExampleItem, said: Sequence[Rewrite]) -> None:
        text = " ".join(one.text for one in said)
        for key, stated in (("lever", label.lever), ("owner", label.owner), ("date", label.due)):
            if stated is None:
                continue
            given = [(one.due if key == "date" else getattr(one, key)) or "" for one in said]
            found = any(_holds(one, stated) or (len(one) > 3 and _holds(stated, one)) for one in given)
            self.fields.count(found, Failure(draft.id, label.quote, f"{key}: {stated}", " / ".join(given)))
            if key == "lever":
                self.lever.count(_holds(text, stated), Failure(draft.id, label.quote, stated, text))
        for key, stated in (("lever", label.lever), ("owner", label.owner), ("date", label.due)):
            if stated is None:
                taken = [one for one in ((one.due if key == "date" else getattr(one, key)) for one in said) if one]
                self.blanks.count(not taken, Failure(draft.id, label.quote, f"[{key}?]", " / ".join(taken)))

    def _add_privacy(
        self, draft: ExampleDraft, label: ExampleItem, pieces: Sequence[Item], public: Sequence[str], known: frozenset[str]
    ) -> None:
        if not label.private:
            return
        leaked = False
        for hidden in label.private_spans:
            shared = self._given_away(hidden, public, known)
            leaked |= shared is not None
            self.kept_out.count(shared is None, Failure(draft.id, hidden, "in no public text", shared or ""))
        inside = label.room != "one_on_one" or any(one.room == "one_on_one" for one in pieces)
        rooms = " ".join(sorted({one.room for one in pieces})) or "not found"
        self.private.count(inside and not leaked, Failure(draft.id, label.quote, "private", "leaked" if leaked else rooms))

    def _given_away(self, hidden: str, public: Sequence[str], known: frozenset[str]) -> str | None:
        """The public line that says it: in its words, in other forms of them, or in other words."""
        own = _content(hidden) - known
        for line in public:
            shared = own & _content(line)
            if _flat(hidden) in _flat(line) and own:
                return line
            if own and (len(shared) >= max(2, 0.5 * len(own)) or (len(own) == 1 and shared and len(_content(hidden)) == 1)):
                return line
        if len(hidden.split()) >= 4 and public:
            vectors = self._coach.library.embedder.embed([hidden, *public])
            near = vectors[1:] @ vectors[0]
            if float(near.max()) >= 0.82:
                return public[int(near.argmax())]
        return None

    def _add_rewrites(self, draft: ExampleDraft, brief: Brief) -> None:
        for item in brief.items:
            for rewrite in item.rewrites:
                made = _made_up(rewrite.text, draft.text)
                self.invented.count(not made, Failure(draft.id, rewrite.text, "nothing added", ", ".join(sorted(made))))


def _overlap(start: int, end: int, item: Item) -> int:
    return max(0, min(end, item.end) - max(start, item.start))


def _public_text(brief: Brief) -> list[str]:
    lines = [one for one in brief.documents.okr.splitlines() if one.strip()]
    return lines + [one.text for item in brief.items for one in item.rewrites if one.room != "one_on_one"]


# --- pairs -----------------------------------------------------------------------------------------


def measure_pairs(coach: Coach, pairs: Sequence[ExamplePair], progress: Progress | None = None) -> Report:
    """BAD flagged, GOOD left clean, GOOD scored above its BAD. A hint is advice, not a flag."""
    flagged, clean, above = Figure("BAD flagged", 0.95), Figure("GOOD left clean", 0.95), Figure("GOOD scored above its BAD", 0.99)
    for number, pair in enumerate(pairs, 1):
        bad, good = coach.language(pair.bad), coach.language(pair.good)
        loud = [[one for one in side.findings if one.level != "hint"] for side in (bad, good)]
        rules = [", ".join(one.rule for one in side) or "nothing" for side in loud]
        where = f"{pair.flaw}, line {number}"
        flagged.count(bool(loud[0]), Failure(where, pair.bad, "a finding", f"nothing, score {bad.score:.2f}"))
        clean.count(not loud[1], Failure(where, pair.good, "no finding", rules[1]))
        above.count(good.score > bad.score, Failure(where, pair.good, f"more than {bad.score:.3f}", f"{good.score:.3f}"))
        if progress:
            progress("measuring pairs", number, len(pairs))
    return Report((flagged, clean, above))


# --- comparing words -------------------------------------------------------------------------------

_STOP = frozenset(
    "a an the and or but of to in on at for with by is are was were be been it its this that these those i we you he she they my our your his her "
    "their me us him them as so not no do does did have has had will would can could should may might if then than from into over about up out all "
    "any more most some just only also very really now still get got one two three who what when where why how which there here".split()
)
_SMALL = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split()
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
_SPOKEN = {word: n for n, word in enumerate(_SMALL)} | {word: 10 * n for n, word in enumerate(_TENS, 2)}
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_NAME = re.compile(r"(?<![.!?:\n•|>\"'(\[-] )(?<!^)\b[A-ZÀ-Þ][a-zà-ÿ]{2,}\b")
_OURS = frozenset(("the", "okr", "either", "which", "who", "what", "decide", "continue", "cut", "escalate"))


def _flat(text: str) -> str:
    return " ".join(re.findall(r"[^\W_]+", text.lower()))


def _content(text: str) -> frozenset[str]:
    words = [word for word in re.findall(r"[^\W_]+(?:['’-][^\W_]+)*", text.lower()) if len(word) > 2 and word not in _STOP]
    return frozenset(stems(words))


def _numbers(text: str) -> frozenset[str]:
    """Numbers in one spelling: `1,150`, `0,31` and `ninety four` compare with 1150, 0.31 and 94."""
    plain = re.sub(r"(?<=\d)[,\u00a0 ](?=\d{3}\b)", "", text.lower())
    plain = re.sub(r"(?<=\d),(?=\d{1,2}\b)", ".", plain)
    found = {one.rstrip("0").rstrip(".") if "." in one else one for one in _NUMBER.findall(plain)}
    spoken: int | None = None
    for word in re.findall(r"[a-z]+|\d+", plain):
        value = _SPOKEN.get(word)
        if value is None:
            spoken = None
            continue
        joins = spoken is not None and spoken % 10 == 0 and 0 < value < 10
        spoken = (spoken or 0) + value if joins else value
        found |= {str(spoken), str(value)}
    return frozenset(found)


def _holds(text: str, fact: str) -> bool:
    """Whether a text says a fact: its numbers all, and most of its words or their stems."""
    if _flat(fact) in _flat(text):
        return True
    if not frozenset(one for one in _NUMBER.findall(fact.replace(",", ""))) <= _numbers(text) | frozenset(_NUMBER.findall(text.replace(",", ""))):
        return False
    wanted = _content(fact)
    return len(wanted & _content(text)) >= 0.6 * len(wanted)


def _made_up(text: str, draft: str) -> set[str]:
    body = re.sub(r"\[[^\]]*\]", " ", text)
    low = draft.lower()
    digits = set(_NUMBER.findall(body)) - set(_NUMBER.findall(draft))
    names = {one for one in _NAME.findall(body) if one.lower() not in low and one.lower() not in _OURS}
    return digits | names


# --- telling ---------------------------------------------------------------------------------------


def as_text(reports: Iterable[Report], failures: int = 5) -> str:
    """The figures as lines, each followed by its first failures; -1 shows all."""
    lines: list[str] = []
    for report in reports:
        for one in report.figures:
            aim = "" if one.aim is None else f"  (aim {one.aim:.2f})"
            mark = " " if one.met else "!"
            lines.append(f"{mark} {one.name}: {one.hits}/{one.total} = {one.share:.3f}{aim}")
            shown = one.failures if failures < 0 else one.failures[:failures]
            lines += [f"    {f.where}: “{_short(f.words)}” wanted {_short(f.wanted)}, got {_short(f.got)}" for f in shown]
            if len(one.failures) > len(shown):
                lines.append(f"    … and {len(one.failures) - len(shown)} more")
        if report.seconds:
            lines.append(f"  seconds a draft, median: {report.seconds:.2f}")
    return "\n".join(lines) + "\n"


def as_json(reports: Iterable[Report]) -> list[dict[str, object]]:
    """Every figure with all its failures, ready for JSON."""
    return [
        {"figure": one.name, "hits": one.hits, "total": one.total, "share": round(one.share, 4), "aim": one.aim, "met": one.met,
         "failures": [vars(failure) for failure in one.failures]}
        for report in reports
        for one in report.figures
    ]


def _short(words: str, most: int = 120) -> str:
    plain = " ".join(words.split())
    return plain if len(plain) <= most else plain[: most - 1] + "…"
