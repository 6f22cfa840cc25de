"""What a story's title and lead show: word classes, forms, patterns, the headline's order, words, and actors named.

A feature's name begins with its family and ends with its place where it has two (`@t` headline, `@l` lead):

    c:CLASS@t   how often a class of the lexicon stands there        o:CLASS>CLASS  order of two classes in the headline
    w:FORM@t    a form of the lexicon                                f:CLASS        the headline's first class
    p:PATTERN@t a pattern of the lexicon                             z:CLASS        the headline's last class
    n:WHAT      number of states; marks of the headline              t:WORDS        one or two words of the headline
                                                                     l:WORDS        one or two words of the lead
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass, field
from itertools import pairwise
from math import sqrt
from typing import Literal, NamedTuple

from pipeline.judging.gazetteer import ActorSpan
from pipeline.judging.lexicon import Lexicon
from pipeline.judging.patterns import pattern_hits
from pipeline.judging.tags import Tag, tags_of
from pipeline.judging.tokens import Token, sentences
from pipeline.judging.words import Unit, units_of
from pipeline.verdict import Mention

TITLE_MAX = 1024
LEAD_MAX = 1500
HEAD_MAX = 600  # the lead's first code points count in full; an agency story has said its news by then
_TAIL_AMOUNT = 0.4
_ORDERED_MAX = 24  # tags of a headline's sentence that are put in order: the pairs grow with the square
_TITLE_MARKS = {"question": "?", "quotation": "'‘’“\"", "label": ":|", "figure": "0123456789"}
# The words of a story share one length, so that a long lead does not drown its headline.
_WORDS_LENGTH = 4.0
_WORD_AMOUNTS = {"t": 1.0, "l": 0.6}
_PAIR_SHARE = 0.8

Place = Literal["title", "lead"]


class Seen(NamedTuple):
    """Where a feature was seen first. A named tuple for speed: a story has hundreds."""

    place: Place
    start: int
    end: int


@dataclass(slots=True)
class Features:
    """Amounts by feature, where each was seen first, and the mentions in reading order.

    `known` are the features that have a weight; others are left out. None keeps all, as fitting needs them.
    """

    known: Container[str] | None = None
    amounts: dict[str, float] = field(default_factory=dict)
    seen: dict[str, Seen] = field(default_factory=dict)
    mentions: list[Mention] = field(default_factory=list)

    def add(self, feature: str, amount: float, most: float, place: Place, start: int, end: int) -> None:
        """Raise a feature's amount, up to `most`."""
        have = self.amounts.get(feature)
        if have is not None:
            if have < most:
                self.amounts[feature] = min(have + amount, most)
        elif self.known is None or feature in self.known:
            self.amounts[feature] = min(amount, most)
            self.seen[feature] = Seen(place, start, end)


@dataclass(frozen=True, slots=True)
class _Part:
    """One stretch of the story: its text, bounds, where it stands, how much it counts, whether it is the headline."""

    text: str
    start: int
    end: int
    place: Place
    amount: float
    mark: Literal["t", "l"]


def features_of(title: str, lead: str, lexicon: Lexicon, known: Container[str] | None = None) -> Features:
    """The features of a story. Only the first 1,024 code points of the title and 1,500 of the lead are looked at.

    A story without a title has its first sentence taken for one.
    """
    out = Features(known)
    read: list[tuple[_Part, list[Unit]]] = []
    for part in _parts(title[:TITLE_MAX], lead[:LEAD_MAX]):
        for sentence in sentences(part.text, part.start, part.end):
            tags = tags_of(sentence, lexicon)
            _read(sentence, tags, part, lexicon, out)
            if part.amount == 1.0:
                read.append((part, units_of(sentence, tags, lexicon)))
    _words(read, out)
    _marks(title[:TITLE_MAX], out)
    if out.mentions:
        first = out.mentions[0]
        states = {mention.actor for mention in out.mentions if mention.kind == "state"}
        place: Place = "title" if first.place == "title" else "lead"
        out.add("n:states", min(len(states), 3), 3, place, first.start, first.end)
    return out


def _parts(title: str, lead: str) -> list[_Part]:
    head = min(len(lead), HEAD_MAX)
    parts = [_Part(title, 0, len(title), "title", 1.0, "t")]
    start = 0
    if not title.strip():
        opening = sentences(lead, 0, head)
        start = opening[0][-1].end if opening else 0
        parts = [_Part(lead, 0, start, "lead", 1.0, "t")]
    parts.append(_Part(lead, start, max(start, head), "lead", 1.0, "l"))
    parts.append(_Part(lead, max(start, head), len(lead), "lead", _TAIL_AMOUNT, "l"))
    return [part for part in parts if part.end > part.start]


def _read(sentence: list[Token], tags: list[Tag], part: _Part, lexicon: Lexicon, out: Features) -> None:
    """Classes, forms and mentions of a sentence; patterns unless it stands far down; order in a headline."""
    most = 2.0 if part.mark == "t" else 3.0
    for tag in tags:
        start, end = sentence[tag.first].start, sentence[tag.after - 1].end
        if tag.span is not None:
            out.mentions.append(_mention(tag.span, part, start, end))
        if part.mark == "l" and tag.bits & lexicon.headline_only:
            continue
        for name in tag.classes:
            out.add(f"c:{name}@{part.mark}", part.amount, most, part.place, start, end)
        if tag.form is not None:
            out.add(f"w:{tag.form}@{part.mark}", part.amount, 1.0, part.place, start, end)
    if part.amount < 1.0:
        return
    for pattern, first, after in pattern_hits(tags, len(sentence), lexicon.patterns):
        start, end = sentence[first].start, sentence[after - 1].end
        out.add(f"p:{pattern.name}@{part.mark}", 1.0, 1.0, part.place, start, end)
    if part.mark == "t":
        _order(sentence, tags[:_ORDERED_MAX], part, out)


def _mention(span: ActorSpan, part: _Part, start: int, end: int) -> Mention:
    return Mention(span.actor.code, span.actor.kind, part.place, start, end, part.text[start:end])


def _order(sentence: list[Token], tags: list[Tag], part: _Part, out: Features) -> None:
    """Which class stands before which: "army orders strike" and "strike hits army" have the same words."""
    ends = [(tag.classes, sentence[tag.first].start, sentence[tag.after - 1].end) for tag in tags]
    for index, (lefts, start, _) in enumerate(ends):
        for rights, _, end in ends[index + 1 :]:
            for left in lefts:
                for right in rights:
                    out.add(f"o:{left}>{right}", 1.0, 1.0, part.place, start, end)
    for family, (classes, start, end) in zip("fz", (*ends[:1], *ends[-1:]), strict=False):
        for name in classes:
            out.add(f"{family}:{name}", 1.0, 1.0, part.place, start, end)


def _words(read: list[tuple[_Part, list[Unit]]], out: Features) -> None:
    """Words and pairs of neighbours, each once, with amounts whose squares add up to the square of one length."""
    amounts: dict[str, float] = {}
    seen: dict[str, tuple[Place, int, int]] = {}
    for part, units in read:
        single = _WORD_AMOUNTS[part.mark]
        for unit in units:
            name = f"{part.mark}:{unit.name}"
            if name not in amounts:
                amounts[name] = single
                seen[name] = (part.place, unit.start, unit.end)
        for left, right in pairwise(units):
            name = f"{part.mark}:{left.name} {right.name}"
            if name not in amounts:
                amounts[name] = single * _PAIR_SHARE
                seen[name] = (part.place, left.start, right.end)
    length = sqrt(sum(amount * amount for amount in amounts.values()))
    for name, amount in amounts.items():
        scaled = amount * _WORDS_LENGTH / length
        out.add(name, scaled, scaled, *seen[name])


def _marks(title: str, out: Features) -> None:
    """How the headline is written: a question, a quotation, a label before a colon, a figure."""
    for name, signs in _TITLE_MARKS.items():
        start = min((at for sign in signs if (at := title.find(sign)) >= 0), default=-1)
        if start >= 0:
            out.add(f"n:{name}", 1.0, 1.0, "title", start, start + 1)
