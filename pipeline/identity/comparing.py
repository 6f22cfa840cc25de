"""Two texts side by side: what they share outside quotations, and where it stands in each.

How much two texts share does not tell a copy from a follow-up, which repeats half of yesterday's story as background,
nor from a market wrap, which repeats all but its figures, nor a brief from a chance phrase. Where the shared words
stand does: a copy keeps the beginning of its source and the order of what it keeps; a follow-up has its own beginning
and takes over a block. FEATURES are such facts, those of own_parts.py among them; near_copy_model.py weighs them.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log1p

import numpy as np
from numpy.typing import NDArray

from pipeline.identity.fingerprints import SHINGLE_WORDS
from pipeline.identity.own_parts import OWN_FEATURES, TITLE_FEATURES, own_features
from pipeline.identity.profiles import DISTANCE_CAP, LENGTH_CAP, Flags, Profile, Side, count_of, shared, side_of

# With fewer shared shingles than this nothing is claimed; nearly all candidates of unrelated stories end here.
MIN_SHARED_SHINGLES = 6
# The news stands in so many words in front.
LEAD_WORDS = 60
# A longer mean stretch says nothing more.
RUN_CAP = 50
PARTS = 8


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
    places, is_common = shared(mine.distinct, theirs.distinct)
    common = count_of(is_common)
    if common < min(MIN_SHARED_SHINGLES, len(mine.distinct), len(theirs.distinct)) or not common:
        return None
    one, other = _sides(mine, theirs, places, is_common)
    swapped = len(_own_numbered(mine, one) & _own_numbered(theirs, other))
    pairs = sorted(((one, mine), (other, theirs)), key=lambda pair: _order(*pair), reverse=True)
    (inner, inner_text), (outer, outer_text) = pairs
    own, title_features = own_features(one, mine, other, theirs)
    features = (
        *_inner_features(inner, inner_text),
        *_outer_features(outer, outer_text),
        log1p(min(common, LENGTH_CAP)),
        log1p(len(inner.runs)),
        log1p(min(max(stop - start for start, stop in inner.runs), DISTANCE_CAP)),
        *sorted((inner.share(0, LEAD_WORDS), outer.share(0, LEAD_WORDS))),
        *_order_features(inner, inner_text, outer_text),
        log1p(swapped),
        *own,
    )
    return Comparison(one, other, swapped, features, title_features)


def _sides(mine: Profile, theirs: Profile, places: NDArray[np.intp], is_common: Flags) -> tuple[Side, Side]:
    """How each lies in the other; shared shingles of mine stand at `places` among theirs."""
    is_common_there = np.zeros(len(theirs.distinct), np.bool_)
    is_common_there[places[is_common]] = True
    word_places, is_known = shared(mine.vocabulary, theirs.vocabulary)
    is_known_there = np.zeros(len(theirs.vocabulary), np.bool_)
    is_known_there[word_places[is_known]] = True
    return side_of(mine, is_common, is_known), side_of(theirs, is_common_there, is_known_there)


def _own_numbered(text: Profile, side: Side) -> set[int]:
    """The shingles that hold a figure and stand where there is no mark, with the digits blotted out."""
    return set(text.numbered[~side.is_marked[text.numbered_at]].tolist())


def _order(side: Side, text: Profile) -> tuple[float, int, bytes, bytes]:
    return side.shared / side.words, side.words, side.marks, text.digest


def _inner_features(side: Side, own: Profile) -> tuple[float, ...]:
    words = side.words
    gaps_known, _ = _gaps_known(side, own)
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
        _lead_known(side, own),
        gaps_known,
    )


def _outer_features(side: Side, own: Profile) -> tuple[float, ...]:
    words = side.words
    gaps_known, gap_words = _gaps_known(side, own)
    return (
        side.shared / words,
        side.share(0, max(1, words // 4)),
        side.share(words - max(1, words // 4), words),
        side.first / words,
        side.last / words,
        max(side.gaps, default=0) / words,
        side.shared / (words - side.first - side.last),
        log1p(min(words, LENGTH_CAP)),
        _lead_known(side, own),
        gaps_known,
        log1p(gap_words),
    )


def _order_features(side: Side, inner: Profile, outer: Profile) -> tuple[float, float, float]:
    """Whether what is shared comes in one order, and how far it is shifted."""
    at_inner = side.is_marked.nonzero()[0]
    shingles = inner.distinct[inner.shingles[at_inner]]
    at_outer = outer.starts[outer.distinct.searchsorted(shingles)]
    rising = count_of(at_outer[1:] > at_outer[:-1])
    falling = count_of(at_outer[1:] < at_outer[:-1])
    mean_inner, mean_outer = int(at_inner.sum()) / len(at_inner), int(at_outer.sum()) / len(at_outer)
    return (
        rising / max(1, len(at_outer) - 1),
        log1p(falling),
        mean_inner / len(inner.words) - mean_outer / len(outer.words),
    )


def _parts(side: Side) -> float:
    edges = [part * side.words // PARTS for part in range(PARTS + 1)]
    return sum(side.share(edges[part], edges[part + 1]) > 0.25 for part in range(PARTS)) / PARTS


def _lead_known(side: Side, own: Profile) -> float:
    return _known(own.long_words(slice(0, LEAD_WORDS)), side)[0]


def _gaps_known(side: Side, own: Profile) -> tuple[float, int]:
    """The share of distinct long words of own stretches that the other text has, and how many such words there are."""
    return _known(own.long_words(~side.is_marked), side)


def _known(chosen: Flags, side: Side) -> tuple[float, int]:
    """The share of the chosen words that the other text has, and how many they are."""
    count = count_of(chosen)
    return (count_of(chosen & side.is_known) / count if count else 1.0), count


def shared_words(pair: Comparison) -> int:
    """How many words the two have in common, counted in the text that has fewer of them."""
    return min(side.shared + (SHINGLE_WORDS - 1) * len(side.runs) for side in (pair.mine, pair.theirs))


def names_of(pair: Comparison) -> dict[str, float]:
    """The features with their names, for people."""
    names = (*FEATURES, *TITLE_FEATURES) if pair.title_features else FEATURES
    return dict(zip(names, (*pair.features, *pair.title_features), strict=True))
