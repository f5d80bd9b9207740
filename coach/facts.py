"""An item → its numbers, dates, names, levers, owner, due date and stance, each a span of the draft.

Nothing here guesses: a fact that is not in the words is absent. Pure but for `dateparser`, which
turns a date as typed into a day next to the review date.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Literal

from coach.schema import Facts, Name, Number, Span, Stated, When

_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|"
    r"nov(?:ember)?|dec(?:ember)?)"
)
_DAY = r"(?:mon|tues?|wed(?:nes)?|thu(?:rs?)?|fri|sat(?:ur)?|sun)(?:day)?s?"
_ORDINAL = (
    r"(?:first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|eleventh|twelfth|thirteenth|fourteenth|"
    r"fifteenth|sixteenth|seventeenth|eighteenth|nineteenth|twentieth|twenty[- ]\w+|thirtieth|thirty[- ]first)"
)
_PERIOD = r"(?:q[1-4]|h[12]|quarter|half|fiscal year|fy|year|month|week|sprint|term|season|semester)"
_DATE = re.compile(
    rf"\b(?:(?:end[- ]of[- ]|end |mid[- ]|early |late )?(?:"
    rf"\d{{4}}-\d\d-\d\d|\d{{1,2}}/\d{{1,2}}(?:/\d{{2,4}})?(?!\d|/|\s*(?:of|pass|cells|sites|done))|\d{{1,2}}\.\d{{1,2}}\.(?:\d{{2,4}})?|"
    rf"{_MONTH}\.? ?\d{{1,2}}(?:st|nd|rd|th)?(?!\d|%)(?:[-–]\d{{1,2}}(?:st|nd|rd|th)?)?(?:,? \d{{4}})?|"
    rf"\d{{1,2}}(?:st|nd|rd|th)?(?: of)? {_MONTH}\b(?: \d{{4}})?|{_MONTH} {_ORDINAL}|"
    rf"the \d{{1,2}}(?:st|nd|rd|th)(?:[-–/]\d{{1,2}}(?:st|nd|rd|th)?)?|the {_ORDINAL} of {_MONTH}\b|the {_ORDINAL}(?= (?:of|or)\b|[,.;!?)]|$)|"
    rf"(?:week|wk|cw|kw) ?\d{{1,2}}|q[1-4](?:[ /'-]?(?:20)?\d\d)?|h[12](?:[ /'-]?(?:20)?\d\d)?|fy ?\d\d|"
    rf"(?:next |this |by )?{_DAY}(?: (?:morning|afternoon|evening|noon|eod))?)|"
    rf"(?:end[- ]of[- ](?:the )?|end |mid[- ]|early |late ){_MONTH}|"
    rf"(?:by |before |until |till |til |in |since |from |for |to ){_MONTH}\b(?!\.? ?\d)|"
    rf"(?:end of (?:the |this |next )?|this |next |before the |by the end of (?:the )?){_PERIOD}|"
    rf"(?:eo[qmydwh]|eod|eofy|tomorrow|tonight|today|month[- ]end|quarter[- ]end|year[- ]end))(?:\b|(?<=\d\.))",
    re.I,
)
_LEADING_WORD = re.compile(r"(?:by|before|until|till|til|in|since|from|for|to|this(?= (?:jan|feb))) ", re.I)
_DEADLINE = re.compile(
    r"(?:\b(?:by|before|due|deadline(?: is)?|no later than|latest|needed|answer|yes/no by|or else|not by|after about|expires?|lapses?|closes?)\b"
    r"[^.;]{0,18})$",
    re.I,
)
_NUMBER = re.compile(
    r"(?<![\w.])(?P<cur>[$€£¥]\s?|(?:USD|EUR|GBP|CHF|SEK|NOK|kr)\s)?(?P<num>\d{1,3}(?:[ ,'’]\d{3})+(?:\.\d+)?|\d+(?:[.,]\d+)?|\.\d+)"
    r"(?P<unit>\s?(?:%|percent\b|pct\b|pp\b|pts?\b|points?\b|k\b|K\b|M\b|m\b|bn\b|ms\b|s\b|sec\b|min(?:utes|s)?\b|h\b|hrs?\b|hours?\b|days?\b|d\b|"
    r"weeks?\b|wks?\b|months?\b|years?\b|yrs?\b|x\b|×|°?C\b|mm\b|cm\b|km\b|kg\b|g\b|t\b|MW\b|kW\b|kWh\b|GB\b|TB\b|MB\b|fte\b|people\b|eur\b|€|kr\b|sek\b|[$]))?",
)
_OF = re.compile(r"\s?(?:of|out of|/)\s?(?:the |a )?(?:target(?:ed)? |planned |promised )?$", re.I)
_TARGET_BEFORE = re.compile(
    r"(?:\b(?:target(?:ed)?|goal|promised|promise|planned|plan|spec|objective|need(?:ed)?|want(?:ed)?|kr(?: says| is)?|against|vs\.?|versus|"
    r"budget(?:ed)?|limit|under|below|committed|swore|commitment|aim)\b(?:\s(?:was|is|of|to|at|says|had|a|the|been|for|under|over|above|below|least)){0,3}|<|>|≤|≥)\s?:?\s?[($€£]{0,2}$",
    re.I,
)
_NOW_BEFORE = re.compile(r"(?:\b(?:at|is|are|now|we're at|sits at|stands at|currently|reached|hit|to|->|→|running)\b|[:→>])\s?[$€£]?$", re.I)
_WAS_BEFORE = re.compile(r"\b(?:from|was|were|down from|up from|last \w+)\s?[$€£]?$", re.I)
_KEY_RESULT = re.compile(r"\b(?:KR|O|OKR|objective|key result)[ -]?#?\d+(?:\.\d+)?(?:[.-]?[a-c]\b)?|\b[A-Z]{2,6}-\d+\b")

_LEVER_TRIGGERS = (
    # either A or B; the whole choice is the lever
    r"\beither\b (?P<lever>(?:[^.;!?\n]|[.](?=\S)){4,260}? or (?:[^.;!?\n]|[.](?=\S)){3,260})",
    r"\bunless\b (?P<lever>(?:[^.;!?\n]|[.](?=\S)){6,240})",
    r"\bwhether (?:we|to|i|they) (?P<lever>(?:[^.;!?\n]|[.](?=\S)){4,200}? or (?:[^.;!?\n]|[.](?=\S)){3,200})",
    r"\b(?:two|three|2|3) (?:ways out|options|choices|ways)\b[:,]? ?(?P<lever>(?:[^.;!?\n]|[.](?=\S)){6,300})",
    r"\boptions?(?: are| is)?: ?(?P<lever>(?:[^.;!?\n]|[.](?=\S)){6,300})",
    r"\b(?:we|i) (?:could|can) (?:either )?(?P<lever>(?:drop|cut|move|buy|pay|swap|shift|delay|ship|launch|park|pull|hire|rent|borrow|take|split|stop|freeze|narrow|re-?scope|descope|lower|raise|extend|outsource|give|keep|waive)\b(?:[^.;!?\n]|[.](?=\S)){3,220})",
    r"\b(?:i(?:'d| would)? )?(?:propose|recommend|suggest|proposal|recommendation|my pick|my vote)(?:s|ed|ing)?(?: is| we| that we| to| that)*:? (?P<lever>(?:[^.;!?\n]|[.](?=\S)){6,240})",
    r"\b(?:we|i)(?:'d| would)? need (?P<lever>(?:either )?(?:a |an |the |to |one |two |\d|somebody|someone|approval|sign)(?:[^.;!?\n]|[.](?=\S)){3,220})",
    r"\b(?P<lever>(?:drop|cut|move|buy|pay|swap|re-?scope|descope|lower|carve|waive|narrow|postpone|delay|park|freeze|stop)\b(?:[^.;!?\n]|[.](?=\S)){2,200}? or (?:we )?(?:drop|cut|move|buy|pay|swap|re-?scope|descope|lower|carve|waive|accept|live|wait|postpone|delay|park|freeze|stop|keep|ship|slip|miss|hire|take|run|go|lose|leave|ask|add|get|use|push|raise|extend|split|rent|borrow)\b(?:[^.;!?\n]|[.](?=\S)){0,200})",
    r"(?:^|[.:;,!?] )(?P<lever>(?:(?:the|a|we|to|i) )?[a-z][\w'’-]*(?:[^.;!?\n]|[.](?=\S)){3,200}?,? or (?:we |i |to )?(?:call|say|accept|waive|build|quote|launch|fund|risk|go|push|move|take|get|hire|pay|buy|sort|reject|tell|write|sign|close|open|ship|keep|drop|cut|leave|lose|live|run|use|stay|wait|split|switch|change|let|put|give|send|ask|add|do|make|set|stop|start)(?:[^.;!?\n]|[.](?=\S)){0,200})",
    r"(?<!\bno )(?<!\bno help )(?<!\bnothing )\b(?P<lever>(?:need(?:s|ed)?|wants?|wanted(?! (?:[<>≤≥\d]|(?:under|below|over|above|at (?:least|most)|less|fewer|more) ))) (?!to (?:know|say|raise|bring (?:it |this )?up|mention|talk|speak|ask|tell|hear|understand|share|discuss)\b)(?:[^.;!?\n]|[.](?=\S)){8,200})",
    r"\b(?:ask|proposal|propose|decision|request)(?: is)?: ?(?P<lever>(?:[^.;!?\n]|[.](?=\S)){6,200})",
    r"\b(?P<lever>if (?:[^.;!?\n]|[.](?=\S)){4,140}?(?:,| then| we) (?:[^.;!?\n]|[.](?=\S)){4,160})",
    r"\b(?:so )?(?P<lever>[A-Z][a-z]+ (?:has to|needs to|must|should) (?!be\b)(?:[^.;!?\n]|[.](?=\S)){4,160})",
    r"\b(?:needs?|requires?|waiting (?:on|for)|asking for|want|request(?:ing)?) (?P<lever>(?:a |an |the )?(?:decision|approval|sign-?off|signature|yes(?:/| or )no|go/no-?go|exemption|waiver|budget|headcount|call|green light)\b(?:[^.;!?\n]|[.](?=\S)){0,160})",
)
# Where the choice is over and the asking, the reason or an aside begins.
_LEVER_ENDS = re.compile(
    r",? (?:[—–-]{1,2} )?(?:(?:and |so |but )?(?:i|we) (?:need|want|would like)|need(?:s|ed)? (?:a|an|the|your|his|her|their|[A-Z]\w+'s) "
    r"(?:call|decision|answer|yes|sign)|(?:decision|call|answer) (?:needed|by|please)|which one|what do you|your call|pls\b|please\b|because|since (?:the|we|they|it))",
    re.I,
)
_LEVERS = tuple(re.compile(pattern, re.I if "[A-Z]" not in pattern else 0) for pattern in _LEVER_TRIGGERS)
_OWNER = (
    re.compile(r"\b(?P<owner>[A-ZÀ-Þ][\w'’-]+(?: [A-ZÀ-Þ][\w'’-]+){0,2}|(?:the )?(?:CFO|CEO|CTO|COO|CIO|VP(?: \w+)?|GM|board|steering committee|committee|exec staff|director))(?:'s (?:call|decision|budget)| (?:signs?|decides?|approves?|owns|has to (?:sign|decide|call|approve)|needs to (?:sign|decide|approve)|must (?:sign|decide)|can (?:sign|approve|decide)|picks?|says (?:which|so|yes))\b)"),
    re.compile(r"\b(?P<owner>[A-ZÀ-Þ][\w'’-]+(?: [A-ZÀ-Þ][\w'’-]+)? \([A-ZÀ-Þ][\w'’. -]+\)|(?:Dr|Ms|Mr)\. [A-ZÀ-Þ][\w'’-]+)"),
    re.compile(r"\b(?:owner(?: is)?:?|decision owner:?|decided by|signed by|approved by|owned by|sign-?off (?:from|by)|approval (?:from|by)|ask(?:s|ing)? |needs? |[Dd]ecision(?::| by| from| with)?)\s?(?P<owner>(?:the )?(?:[A-ZÀ-Þ][\w'’-]+)(?: [A-ZÀ-Þ][\w'’-]+)?)(?='s|\b)"),
    re.compile(r"\b(?P<owner>[A-ZÀ-Þ][\w'’-]+(?: [A-ZÀ-Þ][\w'’-]+)?) either \w+s\b"),
    re.compile(r"[:,;–—] (?P<owner>[A-ZÀ-Þ][a-zà-ÿ'’-]+(?: [A-ZÀ-Þ][\w'’-]+)?) (?=(?:by|before|until|no later than) (?:the |end |early |mid[- ]|late |next |this )?(?:\d|" + _DAY + r"\b|" + _MONTH + r"\b|\d|eo[dwmqy]\b))"),
    re.compile(r"\b(?P<owner>(?:the )?(?:[Cc]ommissioner|board|[Ss]teering committee|council|exec(?:utive)? (?:staff|team)|leadership))\b(?= (?:to|has|must|decides|needs|directs|accepts|approves|picks))"),
)
# Who decides, said outright: before whoever else is named as busy with it.
_NAME = r"(?:(?:Dr|Mr|Mrs|Ms)\. )?[A-ZÀ-Þ][a-zà-ÿ-]*[a-zà-ÿ](?: [A-ZÀ-Þ][\w-]*[a-zà-ÿ]){0,2}"
_DECIDER = (
    re.compile(rf"\b(?:[Tt]he |[Tt]hat |[Ii]ts? )?(?:signature|call|decision|last word|choice|final say) (?:is|stays|lies|rests|sits)(?: with)? (?P<owner>{_NAME})(?:['’]s)?(?=[\s.,;:!?)]|$)"),
    re.compile(rf"\b(?P<owner>{_NAME}) (?:will |has to |must |should |would |is to |can )?(?:takes? (?:the|that) (?:call|decision)|makes? (?:the|that) (?:call|decision)|ha(?:s|ve) (?:the )?(?:last|final) (?:word|say)|ha(?:s|ve) to say yes)\b"),
    re.compile(rf"\b(?:is|it['’]s|that['’]s) (?:up to|for) (?P<owner>{_NAME}) to (?:decide|say|choose|sign|pick)\b|\b(?:is|it['’]s|that['’]s) up to (?P<other>{_NAME})(?=[\s.,;:!?)]|$)|\bfalls to (?P<third>{_NAME}) to (?:decide|choose|sign|pick|say)\b"),
)
_NOT_OWNER = frozenset(
    "coach we i it they the that this there if either so and but or nobody who what which no not now our my his her its one two need decision by a an "
    "monday tuesday wednesday thursday friday saturday sunday january february march april may june july august september october november december".split()
)
_RISK = re.compile(
    r"\b(?:miss(?:es|ing|ed)?|slip(?:s|ped|ping)?|at risk|behind|late|delay(?:ed|s)?|blocked|stuck|short(?:fall)?|won'?t (?:make|hit|land|happen|be)|will not|not (?:gonna|going to) (?:make|hit|happen|be)|can'?t|cannot|dies|below|over budget|overrun|overspend|waiting|still no|no owner|nobody owns|no one'?s?|stall(?:s|ed)|breach|fails?|failed)\b",
    re.I,
)
_CLEARED = re.compile(
    r"\b(?:no longer|not|isn'?t|aren'?t|never|n't) (?:(?:been|be|at|a|in|any) )?(?:blocked|at risk|late|risk|slip(?:ped|ping)?|lost|delayed|stuck|behind|needed|an issue|a problem|miss(?:ed)?)\b|"
    r"\b(?:blocker|risk|issue)s? (?:is |are |was )?(?:gone|cleared|closed|resolved|over)\b|\b(?:back on|ahead of) (?:track|plan|schedule)\b|\bresolved\b|\bclosed\b|\bdid(?:n'?t| not) (?:slip|miss|fail)\b",
    re.I,
)
_ASK = re.compile(
    r"\b(?:need(?:s|ed)? (?:a|an|your|the|her|his|their|one|two|to (?:decide|know|choose)|approval|sign|someone|somebody|yes)|decide|decision|approve|sign(?:s|ed)?(?: off)?|yes/no|yes or no|pick(?:s)?|choose|escalat\w+|go/no-?go|ask(?:ing)?|request|who owns|either|or we|unless|whether)\b",
    re.I,
)
_KIND_OF_TEAM = re.compile(r"\b(?:the )?(?:[A-Z][\w&/-]+ )?(?:team|squad|pod|desk|group|department|dept|office|guild|crew)\b|\b(?:Legal|Finance|Treasury|Procurement|Security|Policy|HR|IT|QA|Ops|Marketing|Sales|Infra|Platform|Compliance|Audit|Facilities|Comms|Support|Data|Design|Product|Purchasing|Logistics|Quality|Regulatory)\b")
_PERSON = re.compile(r"(?<![\w.])(?:(?:Dr|Mr|Mrs|Ms|Prof)\.? )?[A-ZÀ-Þ][a-zà-ÿ'’]+(?:-[A-Za-zà-ÿ]+)?(?: (?:van |de |von )?[A-ZÀ-Þ][a-zà-ÿ'’]+)?|@[\w.-]+")


def read_facts(
    draft: str,
    start: int,
    end: int,
    review_date: date | None = None,
    columns: Sequence[str] = (),
    stated: Sequence[Stated] = (),
) -> Facts:
    """The facts of draft[start:end]; all spans are offsets of the draft.

    columns: the headers of a table row's cells, which say what a cell is. stated: what the reader
    saw in the item; it is believed before the wordings that are known here.
    """
    item = draft[start:end]
    dates = tuple(_dates(item, start, review_date))
    found = _wider(_lever_seen(stated), _levers(item, start))
    levers = tuple(
        _whole_lever(draft, one, end)
        for one in found
        if not _ONLY_ASKS.match(draft[one.start : one.end]) and not _NO_ACTION.match(draft[one.start : one.end])
    )
    cells = _cells(draft, start, end, columns)
    due = _decided_by(item, start, dates) or _due_seen(draft, stated, dates, review_date) or _due(item, start, dates, levers) or next(
        (one for one in dates if "due" in cells and cells["due"].start <= one.start < cells["due"].end), None
    )
    return Facts(
        numbers=tuple(_numbers(item, start, dates)),
        dates=dates,
        names=tuple(_names(item, start)),
        levers=levers,
        owner=_decider(item, start) or _owner_seen(draft, stated) or _owner(item, start) or cells.get("owner"),
        due=due,
        at_risk=bool(_RISK.search(_CLEARED.sub(" ", item))),
        cleared=bool(_CLEARED.search(item)),
        has_ask=bool(_ASK.search(item)),
    )


_TITLE = re.compile(r"\b(?:Mr|Mrs|Ms|Dr|Prof|St)\.?$")
# No action and no choice ends with one of these: what it acts on comes next.
_OPEN_ENDED = re.compile(
    r"\b(?:a|an|the|of|to|from|for|with|by|at|into|than|as|my|our|your|his|her|their|its|and|or|either|if|unless|whether|needs?|wants?|gets?|is|are|be|more|"
    r"another|two|three|one)$|[$€£(/:]$",
    re.I,
)
_CLAUSE_END = re.compile(r"[.!?;](?=\s|$)|,(?=\s)|\s[—–-]+\s|\n|$")
_OTHER_WAY = re.compile(r"\s?[,;.—–-]?\s?(?:or|alternative(?:ly)?(?: is|:)?|else|otherwise)\s(?:[^.;!?\n,]|[.,](?=\d)){6,140}", re.I)


def _whole_lever(draft: str, span: Span, end: int) -> Span:
    """A lever with the rest of what it acts on, of the name it stops in, and with the other way where there is one."""
    stop = span.end
    title = re.match(r"\.?\s+[A-ZÀ-Þ][\w'’-]+", draft[stop:end]) if _TITLE.search(draft[span.start : stop]) else None
    if title:
        stop += title.end()
    elif _OPEN_ENDED.search(draft, span.start, stop) or re.match(r"\s\d", draft[stop:end]):
        close = _CLAUSE_END.search(draft, stop + 1, end)
        stop = close.start() if close else end
    other = _OTHER_WAY.match(draft, stop, end)
    if other and not re.search(r"\b(?:or|either|alternative\w*)\b", draft[span.start : stop], re.I):
        stop = other.end()
    return Span(start=span.start, end=stop - len(draft[span.start : stop]) + len(draft[span.start : stop].rstrip(" ,;:—–-")))


def _wider(seen: tuple[Span, ...], known: tuple[Span, ...]) -> tuple[Span, ...]:
    """What was seen, or the known wording around it: half of a choice is no choice."""
    if not seen or not known:
        return seen or known
    a, b = seen[0], known[0]
    holds = b.start <= a.start and a.end <= b.end
    return known if holds and b.end - b.start <= 2.5 * (a.end - a.start) else seen


_ONLY_ASKS = re.compile(r"(?:(?:i|we) )?(?:need|want)(?:s|ed)? [\w'’ .]{0,40}\b(?:yes or no|yes/no)\b", re.I)  # of what, it does not say


# What is asked of this coach, not of the room; and what says that nothing is asked.
_NO_ACTION = re.compile(
    r"(?:(?:please|coach),? )*(?:make up|invent|pretend|just write)\b|(?:no(?:thing)?|not) (?:\w+ )?(?:is )?(?:needed|required|wanted)\b|need(?:s|ed)? (?:no|nothing)\b", re.I
)


def _lever_seen(stated: Sequence[Stated]) -> tuple[Span, ...]:
    """The longest lever that was seen; what is too short for an action is a slip."""
    seen = [one for one in stated if one.tag == "lever" and one.end - one.start >= 6]
    best = max(seen, key=lambda one: (one.end - one.start) * one.chance, default=None)
    return (Span(start=best.start, end=best.end),) if best else ()


def _owner_seen(draft: str, stated: Sequence[Stated]) -> Span | None:
    seen = [one for one in stated if one.tag == "owner" and 2 <= one.end - one.start <= 60 and _names_one(draft[one.start : one.end])]
    best = max(seen, key=lambda one: one.chance, default=None)
    if best is None or "\n" in draft[best.start : best.end]:
        return None
    return _whole_name(draft, best)


def _whole_name(draft: str, span: Span) -> Span:
    """A name or a role with the rest of the name: `Council member` of `Council member Doyle`."""
    rest = re.match(r"(?: [A-ZÀ-Þ][a-zà-ÿ][\w’-]*){1,2}", draft[span.end :])
    return Span(start=span.start, end=span.end + (rest.end() if rest else 0))


_NO_ONE_YET = re.compile(r"(?:some|any|every|no)(?:body|one| one)\b|whoever\b|who\b", re.I)


def _names_one(words: str) -> bool:
    """Whether words name a person, a role or a team; `somebody` is who is still to be named."""
    return not _NO_ONE_YET.match(words) and not re.fullmatch(r"(?:Mr|Mrs|Ms|Dr|in|of|at|for)\.?(?: \w+)?", words) and any(one.lower() not in _NOT_OWNER for one in re.findall(r"[^\W\d_][\w'’-]*", words))


_SINCE = re.compile(r"\b(?:since|ago)\b[^.;!?\n]*$", re.I)  # what has begun on a day is not due on it


def _due_seen(draft: str, stated: Sequence[Stated], dates: Sequence[When], review_date: date | None) -> When | None:
    seen = [
        one
        for one in stated
        if one.tag == "due" and 2 <= one.end - one.start <= 50 and not _SINCE.search(draft[max(0, one.start - 30) : one.end])
    ]
    best = max(seen, key=lambda one: one.chance, default=None)
    if best is None:
        return None
    start, end = _whole_date(draft, best, dates)
    if not _says_when(draft, start, end, dates):
        return None
    while _HALF_DATE.search(draft, start, end) and (word := re.match(r"\s+[^\s.;:!?,|]+", draft[end:])):
        end += word.end()
    lead = re.match(r"(?:by|until|til|till|on|no later than|due)\s+(?=\S)", draft[start:end], re.I)
    start += lead.end() if lead else 0
    if not re.search(r"\w.*\w", draft[start:end]):
        return None
    return When(start=start, end=end, day=resolve(draft[start:end], review_date) if review_date else None, is_deadline=True)


def _says_when(draft: str, start: int, end: int, dates: Sequence[When]) -> bool:
    """Whether words are a time: a date, words of time, or an event that something is to come before."""
    words = draft[start:end]
    if any(one.start < end and start < one.end for one in dates):
        return True
    if re.search(r"\b(?:a|an|every|each|our|my)\s*$", draft[max(0, start - 6) : start], re.I) and re.fullmatch(r"\d{1,2}(?:st|nd|rd|th)", words):
        return False  # "a 12th" is one more
    until = _UNTIL.search(draft[max(0, start - 24) : start] + words)
    return bool(_OF_TIME.search(words)) or bool(until and re.search(r"[^\W\d_]{3}", words))


_OF_TIME = re.compile(
    r"\b(?:now|soon|asap|tonight|noon|night|morning|days?|weeks?|months?|quarters?|years?|sprints?|terms?|season|spring|summer|autumn|fall|winter|easter|christmas|xmas|"
    r"ramadan|eid|diwali|divali|new year|thanksgiving|hanukkah|carnival|halloween|midsummer|lent|pentecost|michaelmas|close|closing|launch|go-?live|freeze|deadline|kw|cw|wk)\b|"
    + _MONTH + r"\b|\b" + _ORDINAL + r"\b|\b\d{1,2}(?:st|nd|rd|th)\b|(?<![\d.])\b\d{1,2}\.(?:\s\d{1,2}\b|(?=\s*$))",
    re.I,
)
_UNTIL = re.compile(r"\b(?:by|before|b4|until|till?|no later than|not later than|ahead of|in time for|latest|due|bis|vor)\b", re.I)


def _whole_date(draft: str, seen: Span, dates: Sequence[When]) -> tuple[int, int]:
    """What was seen, but for half a date, and for what comes after the date and is not of it."""
    touched = [one for one in dates if one.start <= seen.end + 1 and seen.start <= one.end + 1]
    if not touched:
        return seen.start, seen.end
    start, end = min(seen.start, touched[0].start), max(seen.end, touched[-1].end)
    beyond = _AFTER_DATE.search(draft, touched[-1].end, end)
    return start, beyond.start() if beyond else end


_HALF_DATE = re.compile(r"(?:^|\s)(?:by|before|until|till|til|the|of|end|a|an|our|your|his|her|their|next|this|in|on|at)$", re.I)
_AFTER_DATE = re.compile(r"\s*(?:[,;:(]|\s(?:by|as|from|for|because|since|with|and|but|so|or|if|to)\b)", re.I)


_CELLS = re.compile(r"[^|]+")
_COLUMNS = {
    "owner": re.compile(r"\b(?:owner|dri|who|lead|responsible|accountable|driver)\b", re.I),
    "due": re.compile(r"\b(?:due|deadline|eta|by when|when|date|decide by|needed by)\b", re.I),
}
_EMPTY_CELL = re.compile(r"(?:[-–—?.\s]*|tbd|tba|n/?a|none|nobody|no one|unassigned|open|vacant|\?+)$", re.I)


def row_cells(draft: str, start: int, end: int) -> tuple[Span, ...]:
    """The cells of a table row, white space aside; an empty cell is an empty span."""
    found = []
    for match in _CELLS.finditer(draft, start, end):
        a, b = match.span()
        while a < b and draft[a].isspace():
            a += 1
        while b > a and draft[b - 1].isspace():
            b -= 1
        found.append(Span(start=a, end=b))
    return tuple(found)


def _cells(draft: str, start: int, end: int, columns: Sequence[str]) -> dict[str, Span]:
    """The cells that say who owns a row and when it is due."""
    found: dict[str, Span] = {}
    for name, cell in zip(columns, row_cells(draft, start, end) if columns else (), strict=False):
        for kind, pattern in _COLUMNS.items():
            words = draft[cell.start : cell.end]
            if pattern.search(name) and len(words.split()) <= 4 and not _EMPTY_CELL.fullmatch(words):
                found.setdefault(kind, cell)
    return found


_DECIDING = re.compile(
    r"\b(?:decid\w+|decision|call\b|need\w*|answer|yes|sign\w*|approv\w+|choos\w+|choose|pick|confirm\w*|say|vote|commit|else|unless|expires?|lapses?|either)\b",
    re.I,
)
# A date that belongs to the promise, not to the decision.
_PROMISED = re.compile(r"\b(?:target|goal|kr|key result|okr|objective|promised?|plan(?:ned)?|frozen|freeze|since)\b[^.;!?]*$|\(\w[^()]*$", re.I)


_DECIDED_BY = re.compile(
    r"\b(?:yes or no|yes/no|decid\w+|decision|answer|choos\w+|choice|picks?|say so|tell (?:me|us)|know|sign(?:s|ed)?(?: off)?|approv\w+)\b[^.;!?\d]{0,14}"
    r"\b(?:by|before|until|no later than)\s+(?:the\s+)?$",
    re.I,
)


_DECIDES_ON = re.compile(r"\b(?:decides|signs|picks|chooses|answers|says(?: which| so| yes)?)\s+(?:on\s+)?$", re.I)


def _decided_by(item: str, offset: int, dates: Sequence[When]) -> When | None:
    """The day before which, or on which, somebody is plainly to decide."""
    leads = ((one, item[: one.start - offset]) for one in dates)
    return next((one for one, lead in leads if _DECIDED_BY.search(lead) or _DECIDES_ON.search(lead)), None)


def _due(item: str, offset: int, dates: Sequence[When], levers: Sequence[Span]) -> When | None:
    """The day by which somebody has to decide or act; the date of a promise is not it."""
    deadlines = [
        one for one in dates if one.is_deadline and not _SINCE.search(item[max(0, one.start - offset - 30) : one.end - offset])
    ]
    for one in deadlines:
        begin = max((item.rfind(mark, 0, one.start - offset) for mark in ".;!?\n"), default=-1) + 1
        lead = item[begin : one.start - offset]
        in_lever = any(lever.start <= one.start < lever.end for lever in levers)
        if in_lever or (_DECIDING.search(lead) and not _PROMISED.search(lead)):
            return one
    return next(
        (one for one in deadlines if not _PROMISED.search(item[: one.start - offset].rsplit("\n", 1)[-1])), None
    )


def date_spans(text: str) -> tuple[tuple[int, int], ...]:
    """Where dates stand, without what leads into them."""
    return tuple((a, b) for a, b in _date_spans(text))


def _date_spans(text: str) -> Iterator[tuple[int, int]]:
    for match in _DATE.finditer(text):
        lead = _LEADING_WORD.match(match[0])
        begin = match.start() + (lead.end() if lead else 0)
        words = text[begin : match.end()].lower()
        # `may` and `mar` and `sun` are words of their own in lower case.
        if words in ("may", "sat", "sun", "mar", "wed", "first", "second", "third") and text[begin].islower():
            continue
        yield begin, match.end()


def _dates(item: str, offset: int, review_date: date | None) -> Iterator[When]:
    for begin, stop in _date_spans(item):
        lead = item[max(0, begin - 40) : begin]
        yield When(
            start=offset + begin,
            end=offset + stop,
            day=resolve(item[begin:stop], review_date) if review_date else None,
            is_deadline=bool(_DEADLINE.search(lead)),
        )


def resolve(words: str, review_date: date) -> date | None:
    """The day that a date as typed means next to the review date, or None where it is open."""
    import dateparser  # slow to import; needed only where a review date is given

    plain = re.sub(r"\b(?:the|of|next|this|by)\b|(?<=\d)(?:st|nd|rd|th)\b", " ", words, flags=re.I).strip()
    if re.search(r"\b(?:q[1-4]|h[12]|eo\w+|week|wk|end|mid|early|late|quarter|half|year|fy)\b", words, re.I):
        return None
    found = dateparser.parse(
        plain,
        languages=["en"],
        settings={
            "RELATIVE_BASE": datetime(review_date.year, review_date.month, review_date.day),
            "PREFER_DATES_FROM": "current_period",
            "DATE_ORDER": "MDY",
        },
    )
    return found.date() if found else None


def _numbers(item: str, offset: int, dates: tuple[When, ...]) -> Iterator[Number]:
    taken = [(one.start - offset, one.end - offset) for one in dates]
    for match in _NUMBER.finditer(item):
        if any(a <= match.start("num") < b for a, b in taken):
            continue
        digits = match["num"].replace("’", "").replace("'", "").replace(" ", "")
        digits = digits.replace(",", "") if re.search(r",\d{3}", digits) else digits.replace(",", ".")
        before, after = item[max(0, match.start() - 32) : match.start()], item[match.end() : match.end() + 24]
        role: Literal["now", "target", "was", "plain"] = "plain"
        if _OF.search(before) or _TARGET_BEFORE.search(before) or re.match(r"\s?\)?(?:target|goal|planned|promised)\b", after):
            role = "target"
        elif _WAS_BEFORE.search(before) or re.match(r"\s?(?:->|→|to)\s?[$€£]?\d", after):
            role = "was"
        elif re.match(r"\s?(?:of|out of|/)\s?[$€£]?\d", after) or _NOW_BEFORE.search(before):
            role = "now"
        yield Number(
            start=offset + match.start(),
            end=offset + match.end(),
            value=float(digits),
            unit=((match["cur"] or "") + (match["unit"] or "")).strip(),
            role=role,
        )


def _names(item: str, offset: int) -> Iterator[Name]:
    taken: list[tuple[int, int]] = []
    kinds: tuple[tuple[re.Pattern[str], Literal["key_result", "team", "person"]], ...] = (
        (_KEY_RESULT, "key_result"), (_KIND_OF_TEAM, "team"), (_PERSON, "person")
    )
    for pattern, kind in kinds:
        for match in pattern.finditer(item):
            words = match[0]
            if any(a < match.end() and match.start() < b for a, b in taken):
                continue
            if kind == "person" and (_no_person(words) or _starts_sentence(item, match.start())):
                continue
            taken.append((match.start(), match.end()))
            yield Name(start=offset + match.start(), end=offset + match.end(), kind=kind)


def _no_person(words: str) -> bool:
    first = re.split(r"['’\s]", words.lower(), maxsplit=1)[0]
    return first in _NOT_OWNER or re.fullmatch(_DAY, first, re.I) is not None


def _starts_sentence(item: str, at: int) -> bool:
    before = item[:at].rstrip()
    return not before or before[-1] in ".!?:(\"“"


def _levers(item: str, offset: int) -> tuple[Span, ...]:
    """The stated action or choice; the first kind of wording that holds one wins."""
    for pattern in _LEVERS:
        match = pattern.search(item)
        if match:
            begin, stop = match.span("lever")
            beyond = _LEVER_ENDS.search(item, begin + 12, stop)
            stop = beyond.start() if beyond else stop
            while stop > begin and item[stop - 1] in " ,\t\n":
                stop -= 1
            return (Span(start=offset + begin, end=offset + stop),)
    return ()


def _decider(item: str, offset: int) -> Span | None:
    for pattern in _DECIDER:
        for match in pattern.finditer(item):
            start, end = next(match.span(name) for name, words in match.groupdict().items() if words)
            if item[start:end].lower().split()[0] not in _NOT_OWNER:
                return Span(start=offset + start, end=offset + end)
    return None


def _owner(item: str, offset: int) -> Span | None:
    for pattern in _OWNER:
        for match in pattern.finditer(item):
            words = match["owner"]
            if (words.lower().split()[0] not in _NOT_OWNER and not re.fullmatch(r"[A-Z]{1,3}\d*", words.removeprefix("the "))) or words in ("CFO", "CEO", "CTO", "COO", "VP", "GM", "HR", "IT", "QA", "ID"):
                found = _whole_name(item, Span(start=match.start("owner"), end=match.end("owner")))
                return Span(start=offset + found.start, end=offset + found.end)
    return None
