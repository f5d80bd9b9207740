"""What a language model is worth: the same labelled drafts offline, with a model past the guards, and with one bare prompt.

    python evals/model.py run --drafts FILE --model local --work DIR [--limit N]   # goes on where it stopped
    python evals/model.py report --work DIR [--out docs/model.md]
    python evals/model.py failures [--out docs/model.md]

The scorers import nothing of coach/: the guards prove nothing about themselves. DIR holds texts of the drafts and stays
outside of the repository; a report holds figures only, and examples only where the drafts are our own (`--examples`).
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
MODES = ("offline", "guarded", "bare")
STOP = frozenset(
    "a an the and or but of to in on at for with by is are was were be been it its this that these those i we you he she they my our your his her their "
    "me us him them as so not no do does did have has had will would can could should may might if then than from into over about up out all any more "
    "most some just only also very really now still get got one two three".split()
)


# --- independent scores --------------------------------------------------------------------------------


def content(text: str) -> list[str]:
    """Lower-case words that carry meaning, cut to six letters so that forms of a word agree."""
    return [w[:6] for w in re.findall(r"[a-z0-9$%][a-z0-9$%.'-]*", text.lower().replace("’", "'")) if w.strip(".'-") not in STOP and len(w.strip(".'-")) > 2]


def numbers(text: str) -> set[str]:
    """Numbers as values: 1,200 and 1200 are one."""
    return {n.replace(",", "").rstrip(".").lstrip("0") or "0" for n in re.findall(r"\d[\d,]*(?:\.\d+)?", text)}


def names(text: str) -> set[str]:
    """Capitalised words that do not start a sentence."""
    return {m[1] for m in re.finditer(r"(?<![.!?:\n•\-*>\"'(\[] )(?<!^)\b([A-Z][a-z]{2,})\b", text)}


def leaked(public: str, draft: dict[str, Any]) -> tuple[int, int]:
    """(private spans given away, private spans)."""
    shown = set(content(" ".join(one["quote"] for one in draft["items"] if not one["private"])))
    said, flat = set(content(public)), " ".join(public.lower().split())
    lost = total = 0
    for item in draft["items"]:
        for span in item["private_spans"] if item["private"] else ():
            own = [w for w in content(span) if w not in shown]
            shared = sum(w in said for w in own)
            total += 1
            lost += " ".join(span.lower().split()) in flat or (bool(own) and shared >= max(2, 0.5 * len(own)))
    return lost, total


def invented(text: str, draft: str) -> bool:
    """Whether a text holds a number or a name that the draft does not."""
    body = re.sub(r"\[[^\]]*\]", "", text)
    return bool(numbers(body) - numbers(draft)) or any(name.lower() not in draft.lower() for name in names(body) - {"Decide", "Either", "Whose", "OKR"})


def kept(public: str, draft: dict[str, Any]) -> tuple[int, int]:
    """(stated facts of public items that the public text holds, stated facts)."""
    said, values = set(content(public)), numbers(public)
    have = total = 0
    for item in draft["items"]:
        if item["room"] not in ("okr_review", "okr_doc") or item["private"]:
            continue
        for fact in item["facts"]:
            words = [w for w in content(fact) if not w[0].isdigit()]
            total += 1
            have += numbers(fact) <= values and sum(w in said for w in words) >= 0.5 * len(words)
    return have, total


def points(text: str) -> float:
    """How far a text points to a decision, 0 to 1: what would change it, who, by when; a visible blank counts."""
    what = re.search(r"\b(?:unless|either|or|if|cut|drop|move|hire|need\w*|decid\w+|decision)\b|\[lever\?\]", text, re.I)
    who = names(text) or re.search(r"\[owner\?\]|\b(?:CFO|CEO|CTO|COO|VP|board|committee|director)\b", text)
    when = re.search(
        r"\[date\?\]|\b(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)\w*\.? \d|\d{1,2}(?:st|nd|rd|th)?(?: of)? (?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)|"
        r"\b(?:mon|tues?|wednes|thurs?|fri|satur|sun)day\b|\bq[1-4]\b|\bweek \d|\d{4}-\d\d",
        text,
        re.I,
    )
    return (bool(what) + bool(who) + bool(when)) / 3


# --- running -------------------------------------------------------------------------------------------


def load(path: Path) -> list[dict[str, Any]]:
    """The drafts of a JSONL file."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]


def public_of(brief: Any) -> str:
    """All that a public reader of a brief sees."""
    return "\n".join([brief.documents.okr, *(one.text for item in brief.items for one in item.rewrites if one.room != "one_on_one")])


def measured(draft: dict[str, Any], public: str, texts: Sequence[str], decisions: Sequence[str]) -> dict[str, Any]:
    """The scores of one draft in one mode."""
    return {
        "leaks": leaked(public, draft),
        "invented": (sum(invented(one, draft["text"]) for one in texts), len(texts)),
        "facts": kept(public, draft),
        "points": [points(one) for one in decisions],
        "words": sum(len(one.split()) for one in texts),
    }


def run(args: argparse.Namespace) -> None:
    """Every draft in every mode that is not in the work folder yet."""
    from coach import Coach
    from coach.model import connect
    from coach.settings import load_settings

    settings = load_settings(model=args.model, model_timeout=args.timeout, model_cache="off", model_budget=10**9)
    offline = Coach(settings.model_copy(update={"model": None}))
    model = connect(settings)
    assert model is not None
    model.lines = args.lines or model.lines
    if args.retrieved:
        retrieve(model, offline.library.embedder)
    coach = Coach(settings, model=model, library=offline.library)
    args.work.mkdir(parents=True, exist_ok=True)
    results = args.work / "results.jsonl"
    done = {(one["id"], one["mode"]) for one in (load(results) if results.exists() else [])}
    try:
        for draft in load(args.drafts)[: args.limit]:
            for mode in args.modes.split(","):
                if (draft["id"], mode) in done:
                    continue
                began = time.monotonic()
                row = one_mode(mode, draft, offline, coach, model, args.work)
                row |= {"id": draft["id"], "mode": mode, "model": model.name, "seconds": round(time.monotonic() - began, 2), "own": args.own}
                with results.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(row, ensure_ascii=False) + "\n")
                print(draft["id"], mode, row["seconds"], "s", row["leaks"], row["invented"], row.get("outcomes", ""), flush=True)
    finally:
        model.close()


def printed(brief: Any, stats: Any, path: Path) -> None:
    """A brief as the command prints it."""
    from contextlib import redirect_stdout

    from coach.cli import _print_brief, _stats_line

    with path.open("w", encoding="utf-8") as file, redirect_stdout(file):
        _print_brief(brief)
        print(_stats_line(stats))


def retrieve(model: Any, embedder: Any) -> None:
    """From now on every call shows the examples that are most like its lines, in place of the fixed ones."""
    from dataclasses import replace

    import coach.pipeline
    from coach.model import Usage
    from coach.phrase import Writer

    class Retrieving(Writer):
        def messages(self, jobs: Sequence[Any]) -> list[Any]:
            asked = embedder.embed([job.text for job in jobs])
            known = embedder.embed([one.given for one in self.examples])
            # The last of each kind are shown; so the most like come last.
            order = (known @ asked.T).max(axis=1).argsort()
            return Writer.messages(replace(self, examples=[self.examples[n] for n in order]), jobs)

    async def nothing(start: Any) -> Usage:
        return Usage()

    coach.pipeline.Writer = Retrieving  # type: ignore[misc]
    model.hold = nothing  # what changes with every call is not worth a file


def one_mode(mode: str, draft: dict[str, Any], offline: Any, coach: Any, model: Any, work: Path) -> dict[str, Any]:
    """One draft in one mode; what `coach prep --stats` would print of a guarded one is left in the work folder."""
    if mode == "bare":
        return bare(draft, model)
    seen: list[Any] = []
    brief = (offline if mode == "offline" else coach).prep(draft["text"], as_=draft.get("author_is", "report"), on_stats=seen.append)
    rewrites = [one for item in brief.items for one in item.rewrites]
    row = measured(draft, public_of(brief), [one.text for one in rewrites], [one.text for one in rewrites if one.room == "okr_review"])
    if seen:
        stats = seen[0]
        printed(brief, stats, work / f"brief-{draft['id']}.txt")
        row["once"] = once(coach, [one.job for one in stats.dones], model)
        row |= {
            "outcomes": dict(stats.outcomes), "calls": stats.usage.calls, "in": stats.usage.tokens_in, "cached": stats.usage.cached,
            "out": stats.usage.tokens_out, "outside": round(stats.seconds - stats.busy, 3), "total": round(stats.seconds, 3),
            "texts": [
                {
                    "kind": one.job.kind, "outcome": one.outcome, "plain": one.job.text, "text": one.text, "tried": list(one.tried),
                    "faults": [[f.kind, f.words] for f in one.faults], "error": one.error.kind if one.error else None,
                }
                for one in stats.dones
            ],
        }  # fmt: skip
    return row


def once(coach: Any, jobs: Sequence[Any], model: Any) -> int:
    """How many tokens one prompt would take that holds the same instructions and examples, and every line once."""
    from coach.batch import batches
    from coach.phrase import Writer
    from coach.resources import load_guard_words, load_phrased, load_prompts

    library = coach.library
    pages = {page.id: page for page in library.pages}
    phrasing = library.phrasing
    writer = Writer(load_prompts(), load_phrased(), pages, load_guard_words(), library.rules, library.rule_signals, phrasing.spellings, library.reader)
    static: dict[str, int] = {}
    variable = 0
    for batch in batches(writer, jobs, len(jobs) or 1):
        messages = writer.messages(batch)
        static[writer.prompt(batch[0]).id] = counted(model, messages[:-1])
        variable += counted(model, messages[-1:])
    return sum(static.values()) + variable


def counted(model: Any, messages: Sequence[Any]) -> int:
    """The tokens of messages: as an on-device server counts them, elsewhere about."""
    import httpx

    from coach.model import estimate

    words = "".join(f"<|im_start|>user\n{one.content}<|im_end|>\n" for one in messages)
    try:
        key = model.chat.openai_api_key.get_secret_value()
        address = str(model.chat.openai_api_base).removesuffix("/v1") + "/tokenize"
        answer = httpx.post(address, json={"content": words, "parse_special": True}, headers={"Authorization": f"Bearer {key}"}, timeout=60)
        return len(answer.raise_for_status().json()["tokens"])
    except (AttributeError, httpx.HTTPError, KeyError, ValueError):
        return estimate(messages)


def bare(draft: dict[str, Any], model: Any) -> dict[str, Any]:
    """One prompt for the whole draft, nothing checked."""
    from langchain_core.messages import HumanMessage, SystemMessage

    from coach.errors import ModelError
    from coach.model import read_fields
    from coach.resources import load_prompts

    prompt = load_prompts(Path(__file__).parent / "model")["bare"]
    messages = [SystemMessage(prompt.system.strip()), HumanMessage(prompt.user.strip().replace("{draft}", json.dumps(draft["text"], ensure_ascii=False)))]
    limit = min(900, int(2.2 * len(draft["text"].split())) + 80)
    fields: dict[str, str] = {}
    usage, failed = None, None
    try:
        reply = model.submit(model.ask(messages, prompt.fields, limit)).result()
        usage = reply.usage
        fields = read_fields(reply.text, prompt.fields)
    except ModelError as error:
        failed = error.kind
    public, private = fields.get("public", ""), fields.get("private", "")
    lines = [one for one in re.split(r"\n+|(?<=[.!?]) (?=[A-Z])", public) if one.strip()]
    every = [*lines, *(one for one in re.split(r"\n+|(?<=[.!?]) (?=[A-Z])", private) if one.strip())]
    row = measured(draft, public, every, lines)
    if usage:
        row |= {"calls": 1, "in": usage.tokens_in, "cached": usage.cached, "out": usage.tokens_out}
    return {**row, "error": failed, "bare": fields}


# --- reporting -----------------------------------------------------------------------------------------


def report(args: argparse.Namespace) -> None:
    """The tables, printed or put between the marks of a Markdown file."""
    tables = "\n".join(lines(load(args.work / "results.jsonl"), args.examples))
    if not args.out:
        print(tables)
        return
    put(args.out, args.mark, tables)


def put(path: Path, mark: str, tables: str) -> None:
    """Put tables between the marks of a Markdown file."""
    begin, end = f"<!-- {mark} -->", f"<!-- /{mark} -->"
    head, _, rest = path.read_text("utf-8").partition(begin)
    path.write_text(head + begin + "\n" + tables + "\n" + end + rest.partition(end)[2], "utf-8")


def failures(args: argparse.Namespace) -> None:
    """Every failure of the tests' misbehaving server, and what a brief then says."""
    sys.path.insert(0, str(ROOT))
    from coach import Coach
    from coach.settings import load_settings

    ours = load_settings(model="none")  # before the tests' own settings, which clear the environment
    from tests.conftest import MIXED
    from tests.servers import serving
    from tests.test_model_failures import CASES

    offline = Coach(ours)
    plain = offline.prep(MIXED)
    wanted = [one.text for item in plain.items for one in item.rewrites]
    rows = ["| what the server does | what the brief says | lines lost |", "|---|---|---|"]
    for name, answer, _, _ in CASES:
        with serving(answer) as server:
            timeout = 2.0 if name.startswith(("slow", "a byte")) else 30.0
            given = {"model": "model", "base_url": server.url, "model_timeout": timeout, "model_retries": 0, "model_cache": "off"}
            settings = ours.model_copy(update=given)
            brief = Coach(settings, library=offline.library).prep(MIXED)
        said = [re.sub(r"127\.0\.0\.1:\d+", "server", one) for one in brief.notices if one not in plain.notices]
        have = [one.text for item in brief.items for one in item.rewrites]
        rows.append(f"| {name} | {said[0] if said else '–'} | {sum(one not in have for one in wanted)} of {len(wanted)} |")
        print(rows[-1], flush=True)
    if args.out:
        put(args.out, "failures", "\n".join(rows))


def ratio(pairs: Sequence[Sequence[int]]) -> str:
    """Sums of pairs as `a of b`."""
    return f"{sum(a for a, _ in pairs)} of {sum(b for _, b in pairs)}"


def lines(rows: list[dict[str, Any]], examples: int) -> Iterator[str]:
    """The report, line by line."""
    by_mode: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for one in rows:
        by_mode[one["mode"]].append(one)
    shared = set.intersection(*({one["id"] for one in by_mode[mode]} for mode in MODES if by_mode[mode]))
    for mode in MODES:
        by_mode[mode] = [one for one in by_mode[mode] if one["id"] in shared]
    models = sorted({one["model"] for one in rows})
    yield f"{len(shared)} drafts, model {', '.join(models)}."
    yield ""
    yield "| | offline | model with guards | one bare prompt |"
    yield "|---|---|---|---|"
    cells = [by_mode[mode] for mode in MODES]

    def row(name: str, figure: Callable[[list[dict[str, Any]]], str]) -> str:
        # What has not been run is not a nought.
        return f"| {name} | " + " | ".join(figure(mine) if mine else "not measured" for mine in cells) + " |"

    yield row("private spans given away", lambda mine: ratio([one["leaks"] for one in mine]))
    yield row("texts with something invented", lambda mine: ratio([one["invented"] for one in mine]))
    yield row("stated facts kept", lambda mine: ratio([one["facts"] for one in mine]))
    yield row("points to a decision (0 to 1, mean)", lambda mine: f"{statistics.mean([p for one in mine for p in one['points']] or [0]):.2f}")
    yield row("seconds a draft, median", lambda mine: f"{statistics.median([one['seconds'] for one in mine]):.1f}")
    yield row("answers of no use", lambda mine: str(sum(one.get("outcomes", {}).get("failed", 0) + bool(one.get("error")) for one in mine)))
    guarded, plain = by_mode["guarded"], by_mode["bare"]
    if guarded:
        yield ""
        given, cached = sum(one["in"] for one in guarded), sum(one["cached"] for one in guarded)
        alone = sum(one.get("in", 0) for one in plain)
        total = sum(one["total"] for one in guarded)
        yield "| cost of the guarded way | |"
        yield "|---|---|"
        yield f"| calls a draft | {sum(one['calls'] for one in guarded) / len(guarded):.1f} |"
        yield f"| tokens in a draft, of them from the prefix cache | {given / len(guarded):,.0f}, {cached / max(1, given):.0%} |"
        yield f"| tokens out a draft | {sum(one['out'] for one in guarded) / len(guarded):,.0f} |"
        same = sum(one.get("once", 0) for one in guarded)
        if same:
            yield f"| tokens in, as a multiple of one prompt with the same instructions, examples and lines: all; those that had to be read | {given / same:.2f}; {(given - cached) / same:.2f} |"
        if alone:
            yield f"| tokens in, as a multiple of the bare prompt's: all; those that had to be read | {given / alone:.2f}; {(given - cached) / max(1, alone - sum(one.get('cached', 0) for one in plain)):.2f} |"
        yield f"| time outside the model | {sum(one['outside'] for one in guarded) / max(0.001, total):.1%} |"
        yield ""
        texts = [text for one in guarded for text in one["texts"]]
        order = ("taken", "trimmed", "repaired", "same", "refused", "failed", "not asked", "not sent")
        yield "| kind of text | " + " | ".join(order) + " |"
        yield "|---|" + "---|" * len(order)
        for kind in sorted({one["kind"] for one in texts}):
            count = Counter(one["outcome"] for one in texts if one["kind"] == kind)
            yield f"| {kind} | " + " | ".join(str(count[name]) for name in order) + " |"
        better = [one for one in texts if one["outcome"] in ("taken", "trimmed", "repaired")]
        marks = sum(re.sub(r"\W+", " ", one["text"]).lower() == re.sub(r"\W+", " ", one["plain"]).lower() for one in better)
        yield ""
        yield f"Of the {len(better)} texts that were taken {marks} differ from the offline text in their marks and capitals alone."
        yield ""
        why = Counter(one["faults"][0][0] for one in texts if one["outcome"] == "refused" and one["faults"])
        yield "| why a text was refused in the end | texts |"
        yield "|---|---|"
        for name, number in why.most_common():
            yield f"| {name} | {number} |"
        if examples:
            yield from shown([text for one in guarded if one["own"] for text in one["texts"]], examples)


def shown(texts: list[dict[str, Any]], limit: int) -> Iterator[str]:
    """Examples of each kind and outcome, from our own drafts alone."""

    def cell(words: str | None) -> str:
        return " ".join((words or "").split()).replace("|", "\\|")

    for kind in sorted({one["kind"] for one in texts}):
        mine = [one for one in texts if one["kind"] == kind and one["outcome"] in ("taken", "trimmed", "repaired", "refused")][:limit]
        if not mine:
            continue
        yield ""
        yield f"### {kind}: {len(mine)} texts as they came"
        yield ""
        yield "| offline | model | |"
        yield "|---|---|---|"
        for one in mine:
            text = one["text"] if one["outcome"] != "refused" else (one["tried"] or [""])[-1]
            why = one["outcome"] + (f": {one['faults'][0][0]}" if one["faults"] else "")
            yield f"| {cell(one['plain'])} | {cell(text)} | {cell(why)} |"


def main() -> None:
    """Parse and go."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    commands = parser.add_subparsers(required=True)
    runs = commands.add_parser("run")
    runs.add_argument("--drafts", type=Path, required=True)
    runs.add_argument("--model", default="local")
    runs.add_argument("--work", type=Path, required=True)
    runs.add_argument("--limit", type=int)
    runs.add_argument("--lines", type=int, help="Lines in a call, in place of the coach's own.")
    runs.add_argument("--retrieved", action="store_true", help="Show the examples most like the lines, in place of the fixed ones.")
    runs.add_argument("--modes", default=",".join(MODES))
    runs.add_argument("--timeout", type=float, default=600)
    runs.add_argument("--own", action="store_true", help="The drafts are our own; their texts may be shown.")
    runs.set_defaults(do=run)
    reports = commands.add_parser("report")
    reports.add_argument("--work", type=Path, required=True)
    reports.add_argument("--out", type=Path)
    reports.add_argument("--mark", default="measured", help="Between which marks of the file the tables go.")
    reports.add_argument("--examples", type=int, default=0)
    reports.set_defaults(do=report)
    breaks = commands.add_parser("failures")
    breaks.add_argument("--out", type=Path)
    breaks.set_defaults(do=failures)
    args = parser.parse_args()
    args.do(args)


if __name__ == "__main__":
    sys.exit(main())
