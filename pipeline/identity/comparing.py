"""Two texts side by side: what they share outside quotations, and where it stands in each.

How much two texts share does not tell a copy from a follow-up, which repeats half of yesterday's story as background,
nor from a market wrap, which repeats all but its figures, nor a brief from a chance phrase. Where the shared words
stand does: a copy keeps the beginning of its source and the order of what it keeps; a follow-up has its own beginning
and takes over a block. FEATURES are such facts; near_copy_model.py weighs them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence, Set
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import compress
from math import log1p

from pipeline.identity.fingerprints import SHINGLE_WORDS, passages

# Only so much of a text is compared: reports are shorter, and a page may be anything.
COMPARED_CHARS = 60_000
# With fewer shared shingles than this nothing is claimed; nearly all candidates of unrelated stories end here.
MIN_SHARED_SHINGLES = 6
# Short words are in every text.
LONG_WORD_CHARS = 4
# The news stands in so many words in front.
LEAD_WORDS = 60
# A gap of so many words is a paragraph of its own; one below SMALL_GAP_WORDS is an edit within a sentence.
BIG_GAP_WORDS = 25
SMALL_GAP_WORDS = 12
# Lengths in words beyond these say nothing more; without the caps a very long copy would fall out of the fit.
LENGTH_CAP = 500
DISTANCE_CAP = 300
RUN_CAP = 50
PARTS = 8

_DIGIT = re.compile(r"\d")
_INVERTED = bytes.maketrans(b"\0\1", b"\1\0")


@dataclass(frozen=True)
class Profile:
    """A text made ready for comparing.

    `words` stand outside quotations, in reading order. `shingles` has for each of them the hash of the run of three
    that begins there, None for the last two before a quotation. The hashes mean something in this process alone.
    """

    words: list[str]
    shingles: list[int | None]
    distinct: frozenset[int | None]

    @cached_property
    def places(self) -> dict[int | None, int]:
        """Where each shingle stands first, in words from the beginning."""
        return dict(zip(reversed(self.shingles), range(len(self.shingles) - 1, -1, -1), strict=True))

    @cached_property
    def long_words(self) -> frozenset[str]:
        """The distinct words of LONG_WORD_CHARS characters and more."""
        return frozenset(word for word in self.words if len(word) >= LONG_WORD_CHARS)

    @cached_property
    def numbered(self) -> dict[int | None, tuple[str, ...]]:
        """The shingles that hold a figure, each with its words after the digits were blotted out."""
        numerals = [place for place, word in enumerate(self.words) if not word.isalpha() and _DIGIT.search(word)]
        blotted = list(self.words)
        for place in numerals:
            blotted[place] = _DIGIT.sub("#", blotted[place])
        starts = {start for place in numerals for start in range(max(0, place - SHINGLE_WORDS + 1), place + 1)}
        return {self.shingles[start]: tuple(blotted[start : start + SHINGLE_WORDS]) for start in starts}


@dataclass(frozen=True, slots=True)
class Side:
    """How one text lies in the other. `marks` has a byte for each of its words: 1 where a shared shingle begins.

    `shared` counts those; `runs` and `gaps` are the lengths of the shared and own stretches of marks; `first` and
    `last` are how many words stand before the first mark and after the last.
    """

    marks: bytes
    shared: int
    runs: tuple[int, ...]
    gaps: tuple[int, ...]
    first: int
    last: int

    @property
    def words(self) -> int:
        """The length of the text in words outside quotations."""
        return len(self.marks)

    def share(self, start: int, end: int) -> float:
        """The share of the words from `start` to before `end` at which a shared shingle begins, 0..1."""
        return self.marks.count(1, start, end) / max(1, end - start)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two texts compared: `mine` and `theirs` in the order given; `features` are the same whichever comes first.

    `swapped` counts shingles that differ in a figure and in nothing else ("on day 41" and "on day 42"): the mark of
    a series, a table or a template.
    """

    mine: Side
    theirs: Side
    swapped: int
    features: tuple[float, ...]


# Inner is the text that lies more within the other, outer the other one. Shares are 0..1 of a text's words; lengths
# are logarithms of capped numbers of words.
FEATURES = (
    "inner_shared",
    "inner_lead",  # share of the first eighth
    "inner_first",  # what stands before the first shared word
    "inner_last",  # what stands behind the last
    "inner_parts",  # share of eighths of which more than a quarter is shared
    "inner_gap",  # the longest own stretch
    "inner_big_gaps",
    "inner_small_gaps",
    "inner_density",  # shared words between the first and the last
    "inner_length",
    "inner_run",  # mean length of the shared stretches
    "inner_lead_known",  # long words of the lead that the other text has somewhere
    "inner_gaps_known",  # long words of own stretches that the other text has somewhere
    "outer_shared",
    "outer_lead",  # share of the first quarter
    "outer_tail",  # share of the last quarter
    "outer_first",
    "outer_last",
    "outer_parts",
    "outer_gap",
    "outer_big_gaps",
    "outer_small_gaps",
    "outer_density",
    "outer_length",
    "outer_run",
    "outer_lead_known",
    "outer_gaps_known",
    "outer_gap_words",  # how many long words stand in own stretches
    "common",  # distinct shingles in common
    "runs",
    "longest_run",
    "lead_least",  # the smaller and the greater share of the two leads
    "lead_most",
    "first_most",  # words before the first shared one, in the text that has more of them
    "rising",  # share of shared shingles that follow each other in both texts in one order
    "turns",  # places where that order is broken
    "shift",  # how far the middle of what is shared lies further back in inner, as a share of each text
    "shift_words",  # the same in words, without sign
    "swapped",
)  # fmt: skip


@lru_cache(maxsize=256)
def profile(text: str) -> Profile:
    """`text` made ready for comparing; the last few are remembered, because copies arrive together."""
    words: list[str] = []
    shingles: list[int | None] = []
    for passage in passages(text[:COMPARED_CHARS]):
        words += passage
        hashes = map(hash, zip(passage, passage[1:], passage[2:], strict=False))
        shingles += hashes
        shingles += [None] * (len(words) - len(shingles))
    return Profile(words, shingles, frozenset(shingles) - {None})


def compare(mine: Profile, theirs: Profile) -> Comparison | None:
    """The two texts side by side; None when they share next to nothing."""
    common = mine.distinct & theirs.distinct
    if len(common) < min(MIN_SHARED_SHINGLES, len(mine.distinct), len(theirs.distinct)) or not common:
        return None
    one, other = _side(mine, common), _side(theirs, common)
    swapped = _swapped(mine, theirs, common)
    pairs = sorted(((one, mine), (other, theirs)), key=lambda pair: _order(pair[0]), reverse=True)
    (inner, inner_text), (outer, outer_text) = pairs
    features = (
        *_inner_features(inner, inner_text, outer_text),
        *_outer_features(outer, outer_text, inner_text),
        log1p(min(len(common), LENGTH_CAP)),
        log1p(len(inner.runs)),
        log1p(min(max(inner.runs), DISTANCE_CAP)),
        *sorted((inner.share(0, LEAD_WORDS), outer.share(0, LEAD_WORDS))),
        log1p(min(max(inner.first, outer.first), DISTANCE_CAP)),
        *_order_features(inner_text, outer_text, common),
        log1p(swapped),
    )
    return Comparison(one, other, swapped, features)


def _order(side: Side) -> tuple[float, int, bytes]:
    return side.shared / side.words, side.words, side.marks


def _inner_features(side: Side, own: Profile, other: Profile) -> tuple[float, ...]:
    words = side.words
    gaps_known, _ = _gaps_known(side, own, other)
    return (
        side.shared / words,
        side.share(0, max(1, words // 8)),
        *_both_features(side, own, other),
        gaps_known,
    )


def _outer_features(side: Side, own: Profile, other: Profile) -> tuple[float, ...]:
    words = side.words
    gaps_known, gap_words = _gaps_known(side, own, other)
    return (
        side.shared / words,
        side.share(0, max(1, words // 4)),
        side.share(words - max(1, words // 4), words),
        *_both_features(side, own, other),
        gaps_known,
        log1p(gap_words),
    )


def _both_features(side: Side, own: Profile, other: Profile) -> tuple[float, ...]:
    words = side.words
    return (
        side.first / words,
        side.last / words,
        _parts(side),
        max(side.gaps, default=0) / words,
        sum(gap for gap in side.gaps if gap >= BIG_GAP_WORDS) / words,
        sum(gap for gap in side.gaps if gap < SMALL_GAP_WORDS) / words,
        side.shared / (words - side.first - side.last),
        log1p(min(words, LENGTH_CAP)),
        log1p(min(side.shared / len(side.runs), RUN_CAP)),
        _lead_known(own, other),
    )


def _order_features(inner: Profile, outer: Profile, common: frozenset[int | None]) -> tuple[float, float, float, float]:
    """Whether what is shared comes in one order, and how far it is shifted."""
    at_inner = [place for place, shingle in enumerate(inner.shingles) if shingle in common]
    at_outer = [outer.places[inner.shingles[place]] for place in at_inner]
    rising = sum(map(int.__gt__, at_outer[1:], at_outer))
    falling = sum(map(int.__lt__, at_outer[1:], at_outer))
    mean_inner, mean_outer = sum(at_inner) / len(at_inner), sum(at_outer) / len(at_outer)
    return (
        rising / max(1, len(at_outer) - 1),
        log1p(falling),
        mean_inner / len(inner.words) - mean_outer / len(outer.words),
        log1p(min(abs(mean_inner - mean_outer), DISTANCE_CAP)),
    )


def _side(own: Profile, common: frozenset[int | None]) -> Side:
    marks = bytes(map(common.__contains__, own.shingles))
    return Side(
        marks=marks,
        shared=marks.count(1),
        runs=tuple(map(len, filter(None, marks.split(b"\0")))),
        gaps=tuple(map(len, filter(None, marks.split(b"\1")))),
        first=marks.find(1),
        last=len(marks) - 1 - marks.rfind(1),
    )


def _parts(side: Side) -> float:
    edges = [part * side.words // PARTS for part in range(PARTS + 1)]
    return sum(side.share(edges[part], edges[part + 1]) > 0.25 for part in range(PARTS)) / PARTS


def _lead_known(own: Profile, other: Profile) -> float:
    return _known({word for word in own.words[:LEAD_WORDS] if len(word) >= LONG_WORD_CHARS}, other.long_words)


def _gaps_known(side: Side, own: Profile, other: Profile) -> tuple[float, int]:
    """The share of distinct long words of own stretches that the other text has, and how many such words there are."""
    words = own.long_words & set(compress(own.words, side.marks.translate(_INVERTED)))
    return _known(words, other.long_words), len(words)


def _known(words: Set[str], there: frozenset[str]) -> float:
    return len(words & there) / len(words) if words else 1.0


def _swapped(mine: Profile, theirs: Profile, common: frozenset[int | None]) -> int:
    known = common | {None}
    one, other = ({run for shingle, run in side.numbered.items() if shingle not in known} for side in (mine, theirs))
    return len(one & other)


def shared_words(pair: Comparison) -> int:
    """How many words the two have in common, counted in the text that has fewer of them."""
    return min(side.shared + (SHINGLE_WORDS - 1) * len(side.runs) for side in (pair.mine, pair.theirs))


def names_of(features: Sequence[float]) -> dict[str, float]:
    """The features with their names, for people."""
    return dict(zip(FEATURES, features, strict=True))
