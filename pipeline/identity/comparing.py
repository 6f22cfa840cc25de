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

from pipeline.identity.long_words import LEAD_WORDS
from pipeline.identity.own_parts import OWN_FEATURES, TITLE_FEATURES, Parted, own_features, parted, share_known
from pipeline.identity.profiles import DISTANCE_CAP, LENGTH_CAP, Flags, Profile, Side, count_of, shared, side_of
from pipeline.identity.shingles import SHINGLE_WORDS

# With fewer shared shingles than this nothing is claimed; nearly all candidates of unrelated stories end here. Of two
# texts that are not short it takes a tenth of the shorter one or nine, which may be the 25 words that are worth a link.
MIN_SHARED_SHINGLES = 6
MIN_SHARED_SHINGLES_LONG = 9
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
    shorter = min(len(mine.distinct), len(theirs.distinct))
    least = max(MIN_SHARED_SHINGLES, min(shorter // 10, MIN_SHARED_SHINGLES_LONG))
    if common < min(least, shorter) or not common:
        return None
    one, other = _parted(mine, theirs, places, is_common)
    swapped = len(_own_numbered(one) & _own_numbered(other))
    inner, outer = (one, other) if _order(one) > _order(other) else (other, one)
    own, title_features = own_features(one, other)
    features = (
        *_inner_features(inner),
        *_outer_features(outer),
        log1p(min(common, LENGTH_CAP)),
        log1p(len(inner.side.runs)),
        log1p(min(max(stop - start for start, stop in inner.side.runs), DISTANCE_CAP)),
        *sorted((inner.side.share(0, LEAD_WORDS), outer.side.share(0, LEAD_WORDS))),
        *_order_features(inner, outer),
        log1p(swapped),
        *own,
    )
    return Comparison(one.side, other.side, swapped, features, title_features)


def _parted(mine: Profile, theirs: Profile, places: NDArray[np.intp], is_common: Flags) -> tuple[Parted, Parted]:
    """How each lies in the other; shared shingles of mine stand at `places` among theirs."""
    is_common_there = np.zeros(len(theirs.distinct), np.bool_)
    is_common_there[places[is_common]] = True
    word_places, is_known = shared(mine.long_words, theirs.long_words)
    is_known_there = np.zeros(len(theirs.long_words), np.bool_)
    is_known_there[word_places[is_known]] = True
    one, other = side_of(mine, is_common), side_of(theirs, is_common_there)
    return parted(mine, one, is_known), parted(theirs, other, is_known_there)


def _own_numbered(own: Parted) -> set[int]:
    """The shingles that hold a figure and stand where there is no mark, with the digits blotted out."""
    return set(own.text.numbered[~own.side.is_marked[own.text.numbered_at]].tolist())


def _order(own: Parted) -> tuple[float, int, bytes, bytes]:
    return own.side.shared / own.side.words, own.side.words, own.side.marks, own.text.digest


def _inner_features(own: Parted) -> tuple[float, ...]:
    side, words = own.side, own.side.words
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
        share_known(own.long.lead_known, own.long.lead),
        share_known(own.long.gaps_known, own.long.gaps),
    )


def _outer_features(own: Parted) -> tuple[float, ...]:
    side, words = own.side, own.side.words
    return (
        side.shared / words,
        side.share(0, max(1, words // 4)),
        side.share(words - max(1, words // 4), words),
        side.first / words,
        side.last / words,
        max(side.gaps, default=0) / words,
        side.shared / (words - side.first - side.last),
        log1p(min(words, LENGTH_CAP)),
        share_known(own.long.lead_known, own.long.lead),
        share_known(own.long.gaps_known, own.long.gaps),
        log1p(own.long.gaps),
    )


def _order_features(inner: Parted, outer: Parted) -> tuple[float, float, float]:
    """Whether what is shared comes in one order, and how far it is shifted."""
    at_inner = inner.side.is_marked.nonzero()[0]
    shingles = inner.text.distinct[inner.text.shingles[at_inner]]
    at_outer = outer.text.starts[outer.text.distinct.searchsorted(shingles)]
    rising = count_of(at_outer[1:] > at_outer[:-1])
    falling = count_of(at_outer[1:] < at_outer[:-1])
    mean_inner, mean_outer = int(at_inner.sum()) / len(at_inner), int(at_outer.sum()) / len(at_outer)
    return (
        rising / max(1, len(at_outer) - 1),
        log1p(falling),
        mean_inner / inner.side.words - mean_outer / outer.side.words,
    )


def _parts(side: Side) -> float:
    edges = [part * side.words // PARTS for part in range(PARTS + 1)]
    return sum(side.share(edges[part], edges[part + 1]) > 0.25 for part in range(PARTS)) / PARTS


def shared_words(pair: Comparison) -> int:
    """How many words the two have in common, counted in the text that has fewer of them."""
    return min(side.shared + (SHINGLE_WORDS - 1) * len(side.runs) for side in (pair.mine, pair.theirs))


def names_of(pair: Comparison) -> dict[str, float]:
    """The features with their names, for people."""
    names = (*FEATURES, *TITLE_FEATURES) if pair.title_features else FEATURES
    return dict(zip(names, (*pair.features, *pair.title_features), strict=True))
