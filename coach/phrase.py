"""The model's writer: what a model is shown of a line, and whether what comes back may be taken.

A model is given no more than its room may read: a line for a public room holds public clauses only. Pure but for the
reader, which judges language; `coach/batch.py` makes the calls.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from coach.errors import ModelError
from coach.facts import date_spans, read_facts
from coach.faithful import Fault, faults
from coach.guards import inventions, is_decidable, leaks, maps_back
from coach.lint import lint
from coach.reader import Reader
from coach.schema import (
    AnswerPiece,
    BlankPiece,
    CoachPiece,
    DraftPiece,
    GuardWords,
    Kind,
    Page,
    Phrased,
    Piece,
    Prompt,
    Rewrite,
    Room,
    Rule,
    Signal,
    Span,
)

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage

Outcome = Literal["taken", "trimmed", "repaired", "same", "refused", "failed", "not sent", "not asked"]
MAX_WORDS = 40  # in one sentence
LONGER = 1.3  # times the offline text
_GROUND_WORDS = 25
_MARKUP = re.compile(r"[*_#`|<>{}\\~]|https?:|www\.|\]\(|^\s*(?:[-•]|\d+[.)])\s", re.M)
_SPELLED_OUT = re.compile(r"(?:(?<!\w)[^\W\d_](?!\w)[ .·•_|/-]{1,3}){3,}[^\W\d_](?!\w)")
_DOMAIN = re.compile(r"\b[\w-]+\.(?:com|io|co|org|net|ai|app|dev|me|ly|de|uk|eu|biz|info|xyz|ru|cn)\b", re.I)
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z\[\"'“])")
_TRIMS = 12  # ways to leave a sentence out that are tried
_SPLIT = re.compile(r"\[\w+\?\]")
_WORD = re.compile(r"[^\W_](?:[\w'’-]|[.,:/](?=\w))*[%°]?|[$€£]\s?\d[\d.,]*\w*")
_OPENS_A_QUESTION = "do|does|did|can|could|will|would|shall|should|may|is|are|am|has|have|was|were|who|whose|what|when|where|which|why|how|and|or"
_ASKS = re.compile(r"\b(?:what|who|how|when|where|which|why|whose)\b", re.I)


@dataclass(frozen=True)
class Job:
    """A text to phrase. `spans` are the stretches of the draft that its reader may know; `private` and `public` those of the
    whole draft. A question has no rewrite; its `text` is what is phrased and `line` what it grew from.
    """

    item: int
    kind: Kind
    room: Room
    text: str
    draft: str
    spans: tuple[Span, ...]
    private: tuple[Span, ...] = ()
    public: tuple[Span, ...] = ()
    rewrite: Rewrite | None = None
    answers: tuple[str, ...] = ()
    line: str = ""
    is_private: bool = True

    @property
    def source(self) -> str:
        """The words that a phrased text may use."""
        shown = [self.draft[span.start : span.end] for span in self.spans]
        return "\n".join([*shown, *self.answers, *([self.line, self.text] if self.kind == "question" else [])])


@dataclass(frozen=True)
class Done:
    """What became of a job: the text that was taken, or why the offline one stays.

    private_words: words of a public line that the model reads as private. doubt: another room that it would choose.
    """

    job: Job
    outcome: Outcome
    text: str | None = None
    rewrite: Rewrite | None = None
    faults: tuple[Fault, ...] = ()
    error: ModelError | None = None
    private_words: str = ""
    doubt: Room | None = None
    tried: tuple[str, ...] = ()


@dataclass(frozen=True)
class Writer:
    """What a model is asked with and judged by."""

    prompts: Mapping[str, Prompt]
    examples: Sequence[Phrased]
    pages: Mapping[str, Page]
    words: GuardWords
    rules: tuple[Rule, ...]
    signals: tuple[Signal, ...]
    spellings: Mapping[str, str]
    reader: Reader

    # --- asking ----------------------------------------------------------------------------------

    def prompt(self, job: Job) -> Prompt:
        """The prompt for a kind of job."""
        return self.prompts["question" if job.kind == "question" else "phrase_private" if job.is_private else "phrase_public"]

    def messages(self, jobs: Sequence[Job]) -> list[BaseMessage]:
        """The prompt of jobs of one kind, numbered from 1. All before the last message is the same for every such call."""
        from langchain_core.messages import AIMessage, HumanMessage, SystemMessage

        prompt = self.prompt(jobs[0])
        grounds = [_lead(self.pages[one]) for one in prompt.grounds if one in self.pages]
        static = prompt.system.strip() + "".join(f"\nWhy: {one}" for one in grounds)
        shown = [one for kind in prompt.examples for one in [one for one in self.examples if one.kind == kind][-prompt.each :]]
        out: list[BaseMessage] = [SystemMessage(static)]
        if shown:
            given = [(one, *one.given.partition("\n")[::2]) for one in shown]
            asked = [_entry(one.kind, line, text if one.kind == "question" else one.given, one.keep) for one, text, line in given]
            told = [{"n": n, "text": one.text} for n, one in enumerate(shown, 1)]
            out += [HumanMessage(_filled(prompt, asked)), AIMessage(json.dumps({"texts": told}, ensure_ascii=False))]
        out.append(HumanMessage(_filled(prompt, [_entry(job.kind, job.line or job.text, job.text, _keep(job)) for job in jobs])))
        return out

    def repair(self, refused: Sequence[tuple[Job, str, Sequence[Fault]]]) -> list[BaseMessage]:
        """The prompt that sends texts back, each with what was wrong with it, numbered from 1."""
        from langchain_core.messages import HumanMessage, SystemMessage

        prompt = self.prompts["repair"]
        asked = [{"line": job.text, "said": said, "do": _orders(prompt, wrong)} for job, said, wrong in refused]
        return [SystemMessage(prompt.system.strip()), HumanMessage(_filled(prompt, asked))]

    # --- judging ---------------------------------------------------------------------------------

    def judge(self, job: Job, text: str) -> tuple[Rewrite | None, tuple[Fault, ...]]:
        """The rewrite that a text makes (None for a question), and everything that is wrong with it."""
        found: list[Fault] = []
        if any(unicodedata.category(one) in ("Cf", "Cc", "Co", "Cs") for one in text) or _SPELLED_OUT.search(text):
            found.append(Fault("markup", "write plain words, with no hidden signs and no letters set apart"))
        if any(one.lower() not in job.source.lower() for one in _DOMAIN.findall(text)):
            found.append(Fault("markup", "name no address that the line does not name"))
        if _MARKUP.search(text.replace("<", "").replace(">", "") if re.search(r"[<>]\s?\d", job.source) else text):
            found.append(Fault("markup", "write plain sentences"))
        if len(text.split()) > LONGER * max(len(job.text.split()), 12) + (12 if job.kind == "question" else 4):
            found.append(Fault("too long", f"at most {len(job.text.split())} words"))
        if any(len(one.split()) > MAX_WORDS for one in re.split(r"(?<=[.!?])\s+", text)):
            found.append(Fault("too long", f"a sentence has more than {MAX_WORDS} words"))
        owner = job.rewrite.owner if job.rewrite else None
        found += faults(text, job.source, job.text, self.words, owner)
        if job.kind == "question":
            return None, (*found, *_question_faults(text, job.text))
        assert job.rewrite is not None
        made = job.rewrite.model_copy(update={"text": text, "pieces": tuple(pieces(text, job))})
        if not maps_back(made, job.draft, self.spellings):
            found.append(Fault("words that the draft does not hold", "a number or sign of no line"))
        found += [Fault("words that the draft does not hold", one) for one in inventions(text, job.draft, list(job.answers))]
        if job.room != "one_on_one":
            if leaks(text, job.draft, job.private, job.public):
                found.append(Fault("private words given away", ""))
            if not is_decidable(made):
                found.append(Fault("it points to no decision", "who decides, and on what"))
        weak = self._weak(text) - self._weak(job.text)
        found += [Fault("weak language", one) for one in sorted(weak)]
        return made, tuple(dict.fromkeys(found))

    def trimmed(self, job: Job, text: str) -> tuple[str, Rewrite | None] | None:
        """A text that passes, made of one that does not by leaving out a sentence, or ending as the offline text does; or None.

        A model that is asked for several lines now and then adds a sentence of one to another; the rest of it is sound.
        """
        mine, plain = _SENTENCE.split(text), _SENTENCE.split(job.text)
        if job.kind == "question" or len(mine) + len(plain) < 3:
            return None
        ways = [mine[:n] + mine[n + 1 :] for n in range(len(mine) - 1, -1, -1)] if len(mine) > 1 else []
        ways += [mine[:n] + plain[k:] for n in range(len(mine), 0, -1) for k in range(len(plain) - 1, 0, -1)]
        for way in list(dict.fromkeys(" ".join(one) for one in ways))[:_TRIMS]:
            made, wrong = self.judge(job, tidy(way))
            if not wrong:
                return tidy(way), made
        return None

    def _weak(self, text: str) -> set[str]:
        return {
            text[one.start : one.end].lower()
            for one in lint(text, self.rules, self.signals, spans=[Span(start=0, end=len(text))], points=list(self.reader.points([text])))
            if one.level == "error"
        }


def _lead(page: Page) -> str:
    sentences = re.split(r"(?<=[.!?])\s+", page.sections[0].text)
    out = ""
    for one in sentences:
        if len((out + one).split()) > _GROUND_WORDS:
            break
        out = f"{out} {one}".strip()
    return out


def _filled(prompt: Prompt, entries: Sequence[Mapping[str, object]]) -> str:
    """The user part with its numbered lines. Words of a draft go in as JSON, so that nothing in them ends what they stand in."""
    lines = [json.dumps({"n": n, **one}, ensure_ascii=False) for n, one in enumerate(entries, 1)]
    return prompt.user.strip().replace("{lines}", "\n".join(lines))


def _orders(prompt: Prompt, wrong: Sequence[Fault]) -> list[str]:
    """What to do about faults, one order for each kind of them; a small model follows an order sooner than it reads a verdict."""
    by_kind: dict[str, list[str]] = {}
    for one in wrong:
        by_kind.setdefault(one.kind, []).append(one.words)
    said = [
        prompt.fixes.get(kind, prompt.fixes["default"]).replace("{kind}", kind).replace("{words}", ", ".join(filter(None, dict.fromkeys(words))))
        for kind, words in by_kind.items()
    ]
    return list(dict.fromkeys(said))[:4]


def _entry(kind: Kind, line: str, text: str, keep: Sequence[str]) -> dict[str, object]:
    """What a model is shown of one line; for a question, `line` is what the question in `text` grew from."""
    return {"question": text, "line": line} if kind == "question" else {"line": text, "keep": list(keep)}


def _keep(job: Job) -> list[str]:
    """The numbers, dates, names and blanks of the offline text, in order."""
    text = job.text
    spans = [(a, b) for a, b in date_spans(text)]
    facts = read_facts(text, 0, len(text))
    spans += [(one.start, one.end) for one in (*facts.numbers, *facts.names)]
    spans += [match.span() for match in _SPLIT.finditer(text)]
    kept: list[tuple[int, int]] = []
    for a, b in sorted(set(spans), key=lambda span: (span[0], -span[1])):
        if not kept or a >= kept[-1][1]:
            kept.append((a, b))
    return list(dict.fromkeys(text[a:b].strip() for a, b in kept))


def _question_faults(text: str, asked: str) -> Iterator[Fault]:
    if not text.endswith("?") or text.count("?") > max(1, asked.count("?")):
        yield Fault("not one question", "end with a single question mark")
    if len(text.split()) > 34:
        yield Fault("too long", "at most 25 words")
    if _ASKS.search(asked) and not _ASKS.search(text):
        yield Fault("it can be answered by yes or no", "")


def tidy(text: str) -> str:
    """A model's text as one paragraph with a capital and a full stop, without quotes around it."""
    out = re.sub(r"\s+", " ", text).strip()
    if len(out) > 1 and out[0] in "\"“'" and out[-1] in "\"”'" and out.count(out[-1]) <= 2:
        out = out[1:-1].strip()
    if out[:1].islower() and re.match(r"[a-z'’]+(?:[^\w/.-]|[.-]?(?:\s|$))", out):
        out = out[0].upper() + out[1:]
    # A blank is no question: `I would like to know by [date?]?` asks nothing.
    out = re.sub(r"(?:(?<=^)|(?<=[.!?] ))(?!(?:" + _OPENS_A_QUESTION + r")\b)([^.!?\[]*(?:\[\w+\?\][^.!?\[]*)*\[\w+\?\])\?(?=\s|$)", r"\1.", out, flags=re.I)
    return out if not out or out[-1] in ".?!" else out.rstrip(",;:—–- ") + "."


def pieces(text: str, job: Job) -> list[Piece]:
    """A text as words of the draft, the user's answers, blanks, and connecting words of the model's."""
    out: list[Piece] = []
    at = 0
    for match in _SPLIT.finditer(text):
        out += _mapped(text[at : match.start()], job)
        out.append(BlankPiece(text=match[0]))
        at = match.end()
    return _joined([*out, *_mapped(text[at:], job)])


def _mapped(text: str, job: Job) -> list[Piece]:
    """Stretches of a text that stand in the draft, longest first from left to right."""
    words = list(_WORD.finditer(text))
    grounds = [
        (span, list(_WORD.finditer(job.draft, span.start, span.end))) for span in job.spans
    ]
    out: list[Piece] = []
    n, at = 0, 0
    while n < len(words):
        best: tuple[int, int, int] | None = None  # words matched, start and end in the draft
        for _, there in grounds:
            for k, one in enumerate(there):
                m = 0
                while (
                    n + m < len(words)
                    and k + m < len(there)
                    and words[n + m][0].lower() == there[k + m][0].lower()
                    and (
                        m == 0
                        or re.sub(r"\s+", " ", text[words[n + m - 1].end() : words[n + m].start()])
                        == re.sub(r"\s+", " ", job.draft[there[k + m - 1].end() : there[k + m].start()])
                    )
                ):
                    m += 1
                if m and (best is None or m > best[0]):
                    best = (m, one.start(), there[k + m - 1].end())
        start = words[n].start()
        answer = next((one for one in job.answers if text[start:].lower().startswith(one.lower())), None)
        if answer and (best is None or len(answer) > best[2] - best[1]):
            out += [CoachPiece(text=text[at:start]), AnswerPiece(text=text[start : start + len(answer)])]
            at = start + len(answer)
            while n < len(words) and words[n].start() < at:
                n += 1
        elif best:
            end = words[n + best[0] - 1].end()
            out += [CoachPiece(text=text[at:start]), DraftPiece(text=re.sub(r"\s+", " ", text[start:end]), start=best[1], end=best[2])]
            at, n = end, n + best[0]
        else:
            n += 1
    return [*out, CoachPiece(text=text[at:])]


def _joined(found: Sequence[Piece]) -> list[Piece]:
    out: list[Piece] = []
    for one in found:
        if not one.text:
            continue
        if isinstance(one, CoachPiece) and out and isinstance(out[-1], CoachPiece):
            out[-1] = CoachPiece(text=out[-1].text + one.text)
        else:
            out.append(one)
    return out
