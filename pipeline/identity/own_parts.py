"""What each of two texts has of its own, and whether that is a subject of its own: what tells a follow-up from a copy.

Both may stand behind a new lead and repeat a long block in order. What outlets put around a report (a lead of one
sentence, background, links, notices) comes from everywhere and is about nothing twice. A follow-up has news of its own:
the words of its lead come back in its own paragraphs below, and the block stands between them. The titles say the same:
a copy's title speaks of what is copied, a follow-up's of the new news.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log1p

import numpy as np

from pipeline.identity.fingerprints import SHINGLE_WORDS
from pipeline.identity.profiles import DISTANCE_CAP, LENGTH_CAP, Profile, Side, count_of, shared

# A shared stretch of fewer shingles may be a stock phrase ("Share this article") in front of everything. When a pair
# has no longer one, as between a report and its scan, they all count.
SOLID_SHINGLES = 5

# Of the two the late text is the one that has more of its own before the first solid stretch. Front and back are what
# stands before and behind all solid stretches. Shares are 0..1; numbers of words are logarithms.
OWN_FEATURES = (
    "late_front",  # words of the front
    "late_front_share",
    "late_back_share",
    "late_solid",  # share of the text that solid stretches are
    "early_front",
    "early_front_share",
    "early_back_share",
    "early_solid",
    "late_again",  # long words that only this text has, and has twice in its own stretches
    "late_again_share",
    "early_again",
    "late_front_again",  # those of the front that come back in own stretches behind it
    "late_front_in_block",  # share of the front's long words that its solid stretches have, too
    "late_own_in_block",  # the same for all own stretches
    "early_own_in_block",
    "late_front_known",  # share of the front's long words that the other text has
    "early_front_known",
    "longer",  # logarithm of how many times as long the late text is
    "early_density",  # share of solid stretches between the first and the last
)
# Nothing when one of the texts has no title.
TITLE_FEATURES = (
    "titles_shared",  # share of the shorter title's words
    "late_title_known",  # share of the title's words that the other text has
)


@dataclass(frozen=True, slots=True)
class _Own:
    """The facts about one text; lengths in words."""

    words: int
    front: int
    back: int
    solid: int
    span: int
    again: int
    again_share: float
    front_again: int
    front_in_block: float
    own_in_block: float
    front_known: float


def own_features(
    mine: Side, my_text: Profile, theirs: Side, their_text: Profile
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """OWN_FEATURES and TITLE_FEATURES of the pair, the same whichever text comes first."""
    one, other = _own_of(mine, my_text), _own_of(theirs, their_text)
    if _lateness(one, mine, my_text) < _lateness(other, theirs, their_text):
        return _features(other, one), _title_features(their_text, my_text)
    return _features(one, other), _title_features(my_text, their_text)


def _lateness(own: _Own, side: Side, text: Profile) -> tuple[int, int, bytes, bytes]:
    return own.front, own.words, side.marks, text.digest


def _features(late: _Own, early: _Own) -> tuple[float, ...]:
    return (
        log1p(min(late.front, DISTANCE_CAP)),
        late.front / late.words,
        late.back / late.words,
        late.solid / late.words,
        log1p(min(early.front, DISTANCE_CAP)),
        early.front / early.words,
        early.back / early.words,
        early.solid / early.words,
        log1p(late.again),
        late.again_share,
        log1p(early.again),
        log1p(late.front_again),
        late.front_in_block,
        late.own_in_block,
        early.own_in_block,
        late.front_known,
        early.front_known,
        log1p(min(late.words, LENGTH_CAP)) - log1p(min(early.words, LENGTH_CAP)),
        early.solid / early.span,
    )


def _title_features(late: Profile, early: Profile) -> tuple[float, ...]:
    if not len(late.title) or not len(early.title):
        return ()
    _, in_title = shared(late.title, early.title)
    _, in_text = shared(late.title, early.vocabulary)
    return (
        count_of(in_title) / min(len(late.title), len(early.title)),
        count_of(in_text) / len(late.title),
    )


def _own_of(side: Side, text: Profile) -> _Own:
    stretches = _solid(side.runs)
    first, end = stretches[0][0], min(stretches[-1][1] + SHINGLE_WORDS - 1, side.words)
    is_own = np.ones(side.words, np.bool_)
    for start, stop in stretches:
        is_own[start : stop + SHINGLE_WORDS - 1] = False
    times = np.bincount(text.words[is_own], minlength=len(text.vocabulary))
    own, block = text.is_long & (times > 0), text.long_words(~is_own)
    front = text.long_words(slice(0, first))
    is_own[:first] = False
    behind = text.long_words(is_own)
    alone = own & ~side.is_known
    again, alone_count = count_of(alone & (times > 1)), count_of(alone)
    front_count = count_of(front)
    return _Own(
        words=side.words,
        front=first,
        back=side.words - end,
        solid=sum(stop - start for start, stop in stretches),
        span=end - first,
        again=again,
        again_share=again / max(1, alone_count),
        front_again=count_of(front & behind & ~side.is_known),
        front_in_block=count_of(front & block) / max(1, front_count),
        own_in_block=count_of(own & block) / max(1, count_of(own)),
        front_known=count_of(front & side.is_known) / front_count if front_count else 1.0,
    )


def _solid(runs: Sequence[tuple[int, int]]) -> Sequence[tuple[int, int]]:
    """The stretches of SOLID_SHINGLES marks and more; every stretch when there is none so long."""
    return [run for run in runs if run[1] - run[0] >= SOLID_SHINGLES] or runs
