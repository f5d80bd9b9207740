"""For every scorer: answers that must fail do fail, and the GOOD does not. No coach is asked here."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest

from coach.evals.cases import PUBLIC, Case, load_cases, load_words, our_suite
from coach.evals.checks import holds, invented, shared_run, word_count
from coach.evals.scorers import SCORERS, Output, Verdict, judge
from coach.schema import (
    Agenda,
    AgendaEntry,
    Blank,
    Brief,
    Check,
    Documents,
    Finding,
    Item,
    PageQuote,
    Question,
    Rewrite,
    Room,
)

CASES = load_cases(our_suite())
WORDS = load_words()
BY_ID = {one.id: one for one in CASES}
WITH_GOOD = [one for one in CASES if one.good]
WITH_FACTS = [one for one in WITH_GOOD if not one.id.endswith("-bare")]
TWO_STEP = [one for one in CASES if one.room == ("one_on_one",) and one.good]


def answer(
    case: Case,
    lines: Sequence[tuple[Room, str]],
    *,
    room: Room = "okr_review",
    then: Room | None = None,
    blanks: Sequence[Blank] = (),
    findings: Sequence[Finding] = (),
    owner: str | None = None,
    due: str | None = None,
    **brief: object,
) -> Output:
    """A brief with one item over the judged words, and these lines made of it."""
    start = case.text.index(case.item) if case.item else 0
    end = start + len(case.item) if case.item else len(case.text)
    item = Item(
        id=1, start=start, end=end, quote=case.text[start:end], context=None, room=room, then=then, private=room == "one_on_one",
        confidence=1.0, because="", findings=tuple(findings),
        rewrites=tuple(Rewrite(room=where, text=text, blanks=tuple(blanks), owner=owner, due=due) for where, text in lines),
    )
    public = "\n".join(f"- {text}" for where, text in lines if where in PUBLIC)
    given: dict[str, object] = {"documents": Documents(okr=public, one_on_one="# 1:1 notes, private")}
    given |= brief
    return Output(case=case.id, brief=Brief(engine="offline", draft=case.text, items=(item,), **given))  # type: ignore[arg-type]


def verdict(name: str, case: Case, output: Output) -> Verdict:
    found = SCORERS[name](case, output, WORDS)
    assert found is not None, f"{name} has nothing to say about {case.id}"
    return found


def review(case: Case, text: str, **more: object) -> Output:
    """The case's answer with this line for the review."""
    private = case.room == ("one_on_one",)
    lines: list[tuple[Room, str]] = [("okr_review", text)]
    if private:
        lines.insert(0, ("one_on_one", case.text))
    return answer(case, lines, room="one_on_one" if private else "okr_review", then="okr_review" if private else None, **more)  # type: ignore[arg-type]


# --- the suite itself -----------------------------------------------------------------------------------


def test_the_suite_is_large_and_every_family_has_its_share() -> None:
    assert len(CASES) >= 250
    counts = {family: [one for one in CASES if one.family == family] for family in {one.family for one in CASES}}
    assert {"status_colours", "on_track_except", "friction_saved", "rooms", "two_step", "leaks", "inventions", "length", "hostile", "questions", "documents", "retrieval"} <= set(counts)
    for family in ("status_colours", "on_track_except", "friction_saved"):
        bare = [one for one in counts[family] if one.id.endswith("-bare")]
        assert len(bare) >= 15 and len(counts[family]) - len(bare) >= 15
        assert all(one.id.removesuffix("-bare") in BY_ID for one in bare)
    rooms = {room for one in counts["rooms"] for room in one.room}
    assert rooms == {"one_on_one", "okr_review", "okr_doc", "staff_meeting", "leave_out"}


def test_the_table_of_families_in_the_readme_is_true() -> None:
    rows = re.findall(r"^\| ([a-z_]+) \|[^|]+\| (\d+) \|$", (our_suite() / "README.md").read_text("utf-8"), re.M)
    counts = {name: str(sum(one.family == name for one in CASES)) for name in {one.family for one in CASES}}
    assert dict(rows) == {**counts, "all": str(len(CASES))}


def test_no_case_repeats_another_or_the_examples_the_coach_has_learned_from() -> None:
    from tests.conftest import examples

    def shingles(text: str) -> set[str]:
        words = re.findall(r"\w+", text.lower())
        return {" ".join(words[n : n + 8]) for n in range(len(words) - 7)}

    learned = {run for one in examples("") for key in ("text", "bad", "good") if isinstance(one.get(key), str) for run in shingles(str(one[key]))}
    for one in CASES:
        assert not shingles(one.text) & learned, one.id
    texts = [one.text for one in CASES if not one.answers and not one.review_date and one.family != "documents"]
    assert len(set(texts)) >= len(texts) - 1  # one draft is asked twice, with and without an answer


# --- the GOOD passes, what is wrong with it fails ---------------------------------------------------------


@pytest.mark.parametrize("case", WITH_GOOD, ids=lambda one: one.id)
def test_good_is_decidable_and_bad_is_not(case: Case) -> None:
    assert verdict("decidable", case, review(case, case.good or "")).passed
    if case.bad:
        failed = verdict("decidable", case, review(case, case.bad))
        assert not failed.passed and "GOOD names its" in failed.explanation


@pytest.mark.parametrize("case", WITH_FACTS, ids=lambda one: one.id)
def test_good_with_one_invented_number_or_name_is_not_faithful(case: Case) -> None:
    assert not invented(case.good or "", case.text, WORDS.openers)
    for more in ("31415 units are left.", "Zebulon decides that.", "It was seen in Ouagadougou."):
        failed = SCORERS["faithful"](case, review(case, f"{case.good} {more}"), WORDS)
        assert failed is not None and not failed.passed
        assert f"“{next(word for word in ('31415', 'Zebulon', 'Ouagadougou') if word in more)}” was not said" in failed.explanation


@pytest.mark.parametrize("case", [one for one in WITH_FACTS if one.owner], ids=lambda one: one.id)
def test_good_without_its_owner_is_not_decidable_and_another_owner_not_faithful(case: Case) -> None:
    assert case.owner and case.good
    headless = re.sub(rf"\b(?:Mrs?\.|Ms\.|Dr\.|Prof\.|Chief Inspector)?\s*{re.escape(case.owner)}(?:'s)?\b", "somebody", case.good)
    assert not verdict("decidable", case, review(case, headless)).passed
    blank = headless.replace("somebody", "[owner?]")
    assert verdict("decidable", case, review(case, blank)).passed  # a visible blank is as good, to this scorer
    assert not verdict("faithful", case, review(case, case.good, owner="Somebody Else")).passed


@pytest.mark.parametrize("case", [one for one in WITH_FACTS if one.max_words], ids=lambda one: one.id)
def test_good_at_twice_its_length_is_too_long(case: Case) -> None:
    assert verdict("length", case, review(case, case.good or "")).passed
    assert not verdict("length", case, review(case, f"{case.good} {case.good}")).passed


@pytest.mark.parametrize("case", TWO_STEP, ids=lambda one: one.id)
def test_good_with_a_private_word_leaks(case: Case) -> None:
    assert verdict("private", case, review(case, case.good or "")).passed
    for word in case.must_not:
        failed = verdict("private", case, review(case, f"{case.good} By the way, {word}."))
        assert not failed.passed and word in failed.explanation


@pytest.mark.parametrize("case", [one for one in CASES if one.room and one.do == "prep"], ids=lambda one: one.id)
def test_the_wrong_room_fails_and_the_right_one_does_not(case: Case) -> None:
    then = next((one for one in case.then if one != "nowhere"), None)
    assert verdict("room", case, answer(case, [], room=case.room[0], then=then)).passed  # type: ignore[arg-type]
    for wrong in {"one_on_one", "okr_review", "okr_doc", "staff_meeting", "leave_out"} - set(case.room):
        assert not verdict("room", case, answer(case, [], room=wrong, then=then)).passed  # type: ignore[arg-type]


def test_a_lost_next_room_fails() -> None:
    case = BY_ID["friction-design-handover"]
    assert not verdict("room", case, answer(case, [], room="one_on_one", then=None)).passed
    alone = BY_ID["friction-design-handover-bare"]
    assert not verdict("room", alone, answer(alone, [], room="one_on_one", then="okr_review")).passed


# --- scorer by scorer -------------------------------------------------------------------------------------


def test_kept_misses_a_lost_alternative() -> None:
    case = BY_ID["invent-alternative-lost"]
    whole = "We hire a translator for Basque or publish in Spanish only; Itziar decides by 3 May."
    assert verdict("kept", case, review(case, whole)).passed
    failed = verdict("kept", case, review(case, whole.replace("hire a translator for Basque or ", "")))
    assert not failed.passed and "translator for Basque" in failed.explanation


def test_private_looks_at_the_document_and_the_agenda_too() -> None:
    case = BY_ID["leak-no-marker"]
    clean = review(case, "21 of 24 tickets are closed.")
    assert verdict("private", case, clean).passed
    for more in (
        {"documents": Documents(okr="- Anneke is away on Thursdays")},
        {"agenda": Agenda(okr_review=(AgendaEntry(slot="dependency", text="Her camera is off"),))},
    ):
        assert not verdict("private", case, answer(case, [("okr_review", "21 of 24 tickets are closed.")], **more)).passed  # type: ignore[arg-type]


def test_private_finds_a_run_of_words_that_no_list_names() -> None:
    case = Case(id="x", family="x", text="Honestly the two of them have never shared a lunch since the merger.", room=("one_on_one",))
    told = answer(case, [("okr_doc", "They have never shared a lunch since.")], room="one_on_one")
    assert not verdict("private", case, told).passed
    assert verdict("private", case, answer(case, [("okr_doc", "Lunch is at noon.")], room="one_on_one")).passed


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("Flaky tests are at 3.9%.", "3.9"),
        ("Beatrix decides by Friday.", "friday"),
        ("Beatrix decides next week.", "next week"),
        ("Quarantine the browser suite for five days.", "five"),
        ("Owner: Konrad.", "Konrad"),
        ("Konrad decides by [date?].", "Konrad"),
    ],
)
def test_faithful_names_what_was_made_up(text: str, what: str) -> None:
    case = BY_ID["invent-target-not-result"]
    failed = verdict("faithful", case, answer(case, [("okr_review", text)], owner="Beatrix"))
    assert not failed.passed and f"“{what}”" in failed.explanation


def test_faithful_lets_connecting_words_be() -> None:
    case = BY_ID["invent-target-not-result"]
    for text in ("Do we [lever?]? [owner?] says by [date?].", "I need one of the two.", "Decide by [date?]: [lever?]. Whose call: [owner?]."):
        assert verdict("faithful", case, answer(case, [("okr_review", text)], owner="Beatrix", due="9 April")).passed, text


def test_faithful_refuses_swapped_numbers_and_the_wrong_owner() -> None:
    case = BY_ID["invent-target-not-result"]
    assert not verdict("faithful", case, answer(case, [("okr_review", "Flaky tests: 2%; the target is under 4.7%.")], owner="Beatrix")).passed
    asked = BY_ID["invent-asker"]
    assert not verdict("faithful", asked, answer(asked, [("okr_review", "Carmen asks Yusuf for two crews.")], owner="Yusuf")).passed


def test_blanks_must_be_seen_asked_and_needed() -> None:
    case = BY_ID["invent-owner"]
    text = "5 of 16 substations upgraded, 16 by December. It recovers only if [lever?]. [owner?] decides by [date?]."
    asked = [Blank(key="owner", question="Who decides?"), Blank(key="lever", question="What would you cut?")]
    assert verdict("blanks", case, review(case, text, blanks=asked)).passed
    assert not verdict("blanks", case, review(case, text.replace("[owner?]", "Somebody"), blanks=asked)).passed
    assert not verdict("blanks", case, review(case, text, blanks=asked[1:])).passed
    assert not verdict("blanks", case, review(case, text, blanks=[Blank(key="owner", question="Owner."), asked[1]])).passed
    known = BY_ID["length-already-short"]
    assert not verdict("blanks", known, review(known, "Cut the demo or lose the 9 May date; [owner?] decides.", blanks=asked[:1])).passed


def test_language_wants_weak_words_marked_and_gone_and_good_ones_left_alone() -> None:
    case = BY_ID["colours-school-meals"]
    at = case.text.index("yellow")
    mark = Finding(rule="x", level="error", start=at, end=at + 6, message="", page="")
    whole = case.model_copy(update={"item": ""})
    assert verdict("language", whole, review(whole, "Milk ends on 27 October.", findings=[mark])).passed
    assert not verdict("language", whole, review(whole, "Milk ends on 27 October.")).passed
    assert not verdict("language", whole, review(whole, "Meals is on yellow since Monday.", findings=[mark])).passed
    shifted = mark.model_copy(update={"start": 0, "end": 5})
    assert not verdict("language", whole, review(whole, "Milk ends on 27 October.", findings=[shifted])).passed
    clean = BY_ID["lang-clean-track"]
    assert verdict("language", clean, review(clean, clean.text)).passed
    assert not verdict("language", clean, review(clean, clean.text, findings=[mark.model_copy(update={"start": 0, "end": 7})])).passed


def test_documents_checks_items_checklist_agenda_and_notices() -> None:
    case = Case(
        id="x", family="x", text="KR1: 3 of 9 pumps run. Ana decides.", items=(1,), okr_must=(("3 of 9",),), private_must=(("notes",),),
        checklist={"owner": True}, agenda={"decision request": "Ana"}, notices=(("invisible",),),
    )
    right = {
        "documents": Documents(okr="- 3 of 9 pumps run", one_on_one="# notes"),
        "checklist": (Check(id="owner", ok=True, message=""),),
        "agenda": Agenda(okr_review=(AgendaEntry(slot="decision request", text="Ana decides"),)),
        "notices": ("2 invisible characters were taken as spaces.",),
    }
    lines: list[tuple[Room, str]] = [("okr_review", "3 of 9 pumps run. Ana decides.")]
    assert verdict("documents", case, answer(case, lines, **right)).passed  # type: ignore[arg-type]
    for wrong in (
        {"documents": Documents(okr="- pumps run", one_on_one="# notes")},
        {"documents": Documents(okr="- 3 of 9 pumps run", one_on_one="")},
        {"checklist": (Check(id="owner", ok=False, message=""),)},
        {"checklist": ()},
        {"agenda": Agenda()},
        {"notices": ()},
    ):
        assert not verdict("documents", case, answer(case, lines, **{**right, **wrong})).passed  # type: ignore[arg-type]
    assert not verdict("documents", case.model_copy(update={"items": (2, 3)}), answer(case, lines, **right)).passed  # type: ignore[arg-type]


def ask(text: str, slot: str = "hidden_blocker", goal: str = "pay", because: str = "My pay has not moved") -> Question:
    return Question(slot=slot, goal=goal, text=text, because=because, page="", follow_up="What then?")  # type: ignore[arg-type]


def test_questions_must_fit_differ_and_hold_on_to_the_draft() -> None:
    case = Case(id="x", family="x", do="questions", text="My pay has not moved for two years.", count=2, goals=("pay",), about="pay", never=("whose fault",))
    right = (ask("What would have to be true for a raise?"), ask("Who decides on pay here?"))
    assert verdict("questions", case, Output(case="x", questions=right)).passed
    for wrong in (
        right[:1],
        (right[0], right[0]),
        (right[0], ask("Tell me about pay.")),
        (ask("Why?", goal="title_and_level"), ask("How?", goal="hidden_blocker")),
        (right[0], ask("Whose fault is it?")),
        (right[0], ask("What about {person}?")),
        (right[0], ask("Who decides?", because="He shouted at me")),
        (),
    ):
        assert not verdict("questions", case, Output(case="x", questions=wrong)).passed, wrong
    slots = Case(id="x", family="x", text="My pay has not moved.", slots=("hidden_blocker", "career", "manager_decision"))
    three = tuple(ask(f"What about {slot}?", slot=slot) for slot in slots.slots)
    assert verdict("questions", slots, answer(slots, [], questions=three)).passed
    assert not verdict("questions", slots, answer(slots, [], questions=three[::-1])).passed


def test_retrieval_counts_only_the_first_pages() -> None:
    case = Case(id="x", family="x", do="search", text="who decides", pages=("decisions/owner-and-date",), top=2)
    pages = tuple(PageQuote(page=name, heading="", quote="", score=0.5) for name in ("a", "b", "decisions/owner-and-date"))
    assert not verdict("retrieval", case, Output(case="x", pages=pages)).passed
    assert verdict("retrieval", case, Output(case="x", pages=pages[1:])).passed
    assert not verdict("retrieval", case, Output(case="x")).passed


def test_no_scorer_is_without_a_case_and_none_speaks_of_a_failed_answer() -> None:
    used = {found.scorer for case in CASES for found in judge(case, _any(case), WORDS)}
    assert used == set(SCORERS)
    for case in CASES:
        assert judge(case, Output(case=case.id, error="boom"), WORDS) == ()


def _any(case: Case) -> Output:
    if case.do == "prep":
        return answer(case, [("okr_review", case.text)])
    return Output(case=case.id)


# --- checks ---------------------------------------------------------------------------------------------


def test_words_are_found_whole_whatever_their_marks() -> None:
    assert holds("Both **won’t** do; 3 of 9", "won't") and holds("a\\_b &lt;c>", "<c>")
    assert not holds("31 of 40", "1 of 4") and holds("burned out", "burn*") and not holds("sideburn", "burn*")
    assert shared_run("he slept four hours a night", "I slept four hours a night", 5) == "slept four hours a night"
    assert shared_run("four hours", "I slept four hours", 4) is None
    assert word_count("KR1: 3 of 9 – pumps, 4%.") == 6
