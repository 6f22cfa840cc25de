"""Two texts side by side: what they share outside quotations, and a score for "the same report".

The score is a logistic function of the FEATURES below. Its weights are fitted offline by benchmarks/fit_near_copies.py
and kept in near_copy_weights.py. A containment threshold alone does not do: a follow-up repeats half of yesterday's
story as background, a market wrap repeats all but its figures, a brief keeps a tenth of its source.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, groupby
from math import exp, log, log1p

from pipeline.identity.fingerprints import SHINGLE_WORDS, passages, runs
from pipeline.identity.near_copy_weights import BIAS, WEIGHTS

Shingle = tuple[str, ...]

# Only so much of a text is compared: reports are shorter, and a page may be anything.
COMPARED_CHARS = 60_000
# With fewer shared shingles than this nothing is claimed; nearly all candidates of unrelated stories end here.
MIN_SHARED_SHINGLES = 6
# Short words are in every text.
LONG_WORD_CHARS = 4
# Beginning and end are a quarter each: the news stands in front, the background at the end.
END_SHARE = 4
# Counts of shingles beyond these say nothing more; without the caps a very long copy would fall out of the fit.
LENGTH_CAP = 500
RUN_CAP = 50

_DIGIT = re.compile(r"\d+")
_FIGURE = re.compile(r"\d+(?:[.,]\d+)*")


@dataclass(frozen=True, slots=True)
class Profile:
    """A text made ready for comparing: its shingles in reading order, its longer words, its figures as printed.

    `numbered` are the shingles that hold a figure, each with the same shingle after its digits were blotted out.
    """

    shingles: tuple[Shingle, ...]
    distinct: frozenset[Shingle]
    long_words: frozenset[str]
    figures: frozenset[str]
    numbered: tuple[tuple[Shingle, Shingle], ...]


@dataclass(frozen=True, slots=True)
class Side:
    """How much of one text is in the other: shares 0..1 of its shingles, their first and last quarter, words, figures.

    `mean_run` is the mean length of a stretch of shared shingles, `shared_words` the words in such stretches. A side
    without long words or figures of its own has that share None.
    """

    shingles: int
    shared: float
    lead: float
    tail: float
    mean_run: float
    shared_words: int
    long_words: float | None
    figures: float | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two texts compared. `inner` lies more within the other; `common` counts their distinct shared shingles.

    `swapped` counts shingles that differ in a figure and in nothing else ("on day 41" and "on day 42"): the mark of
    a series, a table or a template.
    """

    inner: Side
    outer: Side
    common: int
    swapped: int


# The ordered table of what the score looks at. Names are those of the fitted weights.
FEATURES: tuple[tuple[str, Callable[[Comparison], float]], ...] = (
    ("inner_shared", lambda pair: pair.inner.shared),
    ("outer_shared", lambda pair: pair.outer.shared),
    ("inner_lead", lambda pair: pair.inner.lead),
    ("outer_lead", lambda pair: pair.outer.lead),
    ("inner_tail", lambda pair: pair.inner.tail),
    ("outer_tail", lambda pair: pair.outer.tail),
    ("inner_long_words", lambda pair: _known(pair.inner.long_words, pair.inner.shared)),
    ("outer_long_words", lambda pair: _known(pair.outer.long_words, pair.outer.shared)),
    ("inner_figures", lambda pair: _known(pair.inner.figures, 0.5)),
    ("outer_figures", lambda pair: _known(pair.outer.figures, 0.5)),
    ("log_common", lambda pair: log1p(min(pair.common, LENGTH_CAP))),
    ("log_run", lambda pair: log1p(min(pair.inner.mean_run, RUN_CAP))),
    ("log_inner_shingles", lambda pair: log1p(min(pair.inner.shingles, LENGTH_CAP))),
    ("log_swapped", lambda pair: log1p(pair.swapped)),
    ("log_ratio", lambda pair: log((pair.inner.shingles + 1) / (pair.outer.shingles + 1))),
)


@lru_cache(maxsize=256)
def profile(text: str) -> Profile:
    """`text` made ready for comparing; the last few are remembered, because copies arrive together."""
    stretches = passages(text[:COMPARED_CHARS])
    shingles = tuple(chain.from_iterable(map(runs, stretches)))
    distinct = frozenset(shingles)
    numerals = {word for stretch in stretches for word in stretch if not word.isalpha() and _DIGIT.search(word)}
    return Profile(
        shingles=shingles,
        distinct=distinct,
        long_words=frozenset(word for stretch in stretches for word in stretch if len(word) >= LONG_WORD_CHARS),
        figures=frozenset(_FIGURE.findall(text[:COMPARED_CHARS])),
        numbered=tuple((shingle, _blotted(shingle)) for shingle in distinct if not numerals.isdisjoint(shingle)),
    )


def compare(one: Profile, other: Profile) -> Comparison | None:
    """The two texts side by side, the same whichever comes first; None when they share next to nothing."""
    common = one.distinct & other.distinct
    if len(common) < min(MIN_SHARED_SHINGLES, len(one.distinct), len(other.distinct)) or not common:
        return None
    sides = (_side(one, other, common), _side(other, one, common))
    inner, outer = sorted(sides, key=lambda side: (side.shared, side.shingles), reverse=True)
    return Comparison(inner=inner, outer=outer, common=len(common), swapped=_swapped(one, other, common))


def copy_score(pair: Comparison) -> float:
    """How likely it is, 0..1, that the two are one report and not two about one event."""
    total = BIAS + sum(WEIGHTS[name] * feature(pair) for name, feature in FEATURES)
    return 1 / (1 + exp(-max(-30.0, min(30.0, total))))


def _side(mine: Profile, theirs: Profile, common: frozenset[Shingle]) -> Side:
    marks = [shingle in common for shingle in mine.shingles]
    stretches = [sum(1 for _ in group) for is_shared, group in groupby(marks) if is_shared]
    end = max(1, len(marks) // END_SHARE)
    return Side(
        shingles=len(marks),
        shared=sum(marks) / len(marks),
        lead=sum(marks[:end]) / end,
        tail=sum(marks[-end:]) / end,
        mean_run=sum(stretches) / max(1, len(stretches)),
        shared_words=sum(stretches) + (SHINGLE_WORDS - 1) * len(stretches),
        long_words=_share(mine.long_words, theirs.long_words),
        figures=_share(mine.figures, theirs.figures),
    )


def _swapped(one: Profile, other: Profile, common: frozenset[Shingle]) -> int:
    mine, theirs = ({blotted for shingle, blotted in side.numbered if shingle not in common} for side in (one, other))
    return len(mine & theirs)


def _blotted(shingle: Shingle) -> Shingle:
    return tuple(_DIGIT.sub("#", word) for word in shingle)


def _share(mine: frozenset[str], theirs: frozenset[str]) -> float | None:
    return len(mine & theirs) / len(mine) if mine else None


def _known(share: float | None, otherwise: float) -> float:
    return otherwise if share is None else share
