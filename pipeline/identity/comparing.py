"""Two texts side by side: what they share outside quotations, and where it stands in each.

How much two texts share does not tell a copy from a follow-up, which repeats half of yesterday's story as background,
nor from a market wrap, which repeats all but its figures, nor a brief from a chance phrase. Where the shared words
stand does: a copy keeps the beginning of its source and the order of what it keeps; a follow-up has its own beginning
and takes over a block. FEATURES are such facts, those of own_parts.py among them; near_copy_model.py weighs them.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from itertools import compress
from math import log1p
from operator import gt, lt

from pipeline.identity.fingerprints import SHINGLE_WORDS
from pipeline.identity.own_parts import OWN_FEATURES, TITLE_FEATURES, own_features
from pipeline.identity.profiles import DISTANCE_CAP, LENGTH_CAP, LONG_WORD_CHARS, Profile, Side, side_of

# With fewer shared shingles than this nothing is claimed; nearly all candidates of unrelated stories end here.
MIN_SHARED_SHINGLES = 6
# The news stands in so many words in front.
LEAD_WORDS = 60
# A longer mean stretch says nothing more.
RUN_CAP = 50
PARTS = 8

_INVERTED = bytes.maketrans(b"\0\1", b"\1\0")


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two texts compared: `mine` and `theirs` in the order given; `features` are the same whichever comes first,
    and `title_features` are empty when one of the two has no title.

    `swapped` counts shingles that differ in a figure and in nothing else ("on day 41" and "on day 42"): the mark of
    a series, a table or a template.
    """

    mine: Side
    theirs: Side
    swapped: int
    features: tuple[float, ...]
    title_features: tuple[float, ...]


# Inner is the text that lies more within the other, outer the other one. Shares are 0..1 of a text's words; lengths
# are logarithms of capped numbers of words.
FEATURES = (
    "inner_shared",
    "inner_lead",  # share of the first eighth
    "inner_first",  # what stands before the first shared word
    "inner_last",  # what stands behind the last
    "inner_parts",  # share of eighths of which more than a quarter is shared
    "inner_gap",  # the longest own stretch
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
    "outer_gap",
    "outer_density",
    "outer_length",
    "outer_lead_known",
    "outer_gaps_known",
    "outer_gap_words",  # how many long words stand in own stretches
    "common",  # distinct shingles in common
    "runs",
    "longest_run",
    "lead_least",  # the smaller and the greater share of the two leads
    "lead_most",
    "rising",  # share of shared shingles that follow each other in both texts in one order
    "turns",  # places where that order is broken
    "shift",  # how far the middle of what is shared lies further back in inner, as a share of each text
    "swapped",
    *OWN_FEATURES,
)


def compare(mine: Profile, theirs: Profile) -> Comparison | None:
    """The two texts side by side; None when they share next to nothing."""
    common = mine.distinct & theirs.distinct
    if len(common) < min(MIN_SHARED_SHINGLES, len(mine.distinct), len(theirs.distinct)) or not common:
        return None
    one, other = side_of(mine, common), side_of(theirs, common)
    swapped = len(mine.own_numbered(one.marks) & theirs.own_numbered(other.marks))
    pairs = sorted(((one, mine), (other, theirs)), key=lambda pair: _order(*pair), reverse=True)
    (inner, inner_text), (outer, outer_text) = pairs
    own, title_features = own_features(one, mine, other, theirs)
    features = (
        *_inner_features(inner, inner_text, outer_text),
        *_outer_features(outer, outer_text, inner_text),
        log1p(min(len(common), LENGTH_CAP)),
        log1p(len(inner.runs)),
        log1p(min(max(inner.runs), DISTANCE_CAP)),
        *sorted((inner.share(0, LEAD_WORDS), outer.share(0, LEAD_WORDS))),
        *_order_features(inner, inner_text, outer_text),
        log1p(swapped),
        *own,
    )
    return Comparison(one, other, swapped, features, title_features)


def _order(side: Side, text: Profile) -> tuple[float, int, bytes, list[str]]:
    return side.shared / side.words, side.words, side.marks, text.words


def _inner_features(side: Side, own: Profile, other: Profile) -> tuple[float, ...]:
    words = side.words
    gaps_known, _ = _gaps_known(side, own, other)
    return (
        side.shared / words,
        side.share(0, max(1, words // 8)),
        side.first / words,
        side.last / words,
        _parts(side),
        max(side.gaps, default=0) / words,
        side.shared / (words - side.first - side.last),
        log1p(min(words, LENGTH_CAP)),
        log1p(min(side.shared / len(side.runs), RUN_CAP)),
        _lead_known(own, other),
        gaps_known,
    )


def _outer_features(side: Side, own: Profile, other: Profile) -> tuple[float, ...]:
    words = side.words
    gaps_known, gap_words = _gaps_known(side, own, other)
    return (
        side.shared / words,
        side.share(0, max(1, words // 4)),
        side.share(words - max(1, words // 4), words),
        side.first / words,
        side.last / words,
        max(side.gaps, default=0) / words,
        side.shared / (words - side.first - side.last),
        log1p(min(words, LENGTH_CAP)),
        _lead_known(own, other),
        gaps_known,
        log1p(gap_words),
    )


def _order_features(side: Side, inner: Profile, outer: Profile) -> tuple[float, float, float]:
    """Whether what is shared comes in one order, and how far it is shifted."""
    at_inner = list(compress(range(side.words), side.marks))
    at_outer = list(map(outer.places.__getitem__, compress(inner.shingles, side.marks)))
    rising = sum(map(gt, at_outer[1:], at_outer))
    falling = sum(map(lt, at_outer[1:], at_outer))
    mean_inner, mean_outer = sum(at_inner) / len(at_inner), sum(at_outer) / len(at_outer)
    return (
        rising / max(1, len(at_outer) - 1),
        log1p(falling),
        mean_inner / len(inner.words) - mean_outer / len(outer.words),
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


def shared_words(pair: Comparison) -> int:
    """How many words the two have in common, counted in the text that has fewer of them."""
    return min(side.shared + (SHINGLE_WORDS - 1) * len(side.runs) for side in (pair.mine, pair.theirs))


def names_of(pair: Comparison) -> dict[str, float]:
    """The features with their names, for people."""
    names = (*FEATURES, *TITLE_FEATURES) if pair.title_features else FEATURES
    return dict(zip(names, (*pair.features, *pair.title_features), strict=True))
