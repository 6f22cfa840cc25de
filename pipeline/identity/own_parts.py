"""What each of two texts has of its own, and whether that is a subject of its own: what tells a follow-up from a copy.

Both may stand behind a new lead and repeat a long block in order. What outlets put around a report (a lead of one
sentence, background, links, notices) comes from everywhere and is about nothing twice. A follow-up has news of its own:
the words of its lead come back in its own paragraphs below, and the block stands between them. The titles say the same:
a copy's title speaks of what is copied, a follow-up's of the new news.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log1p

from pipeline.identity.long_words import LongWords, count_long_words
from pipeline.identity.profiles import DISTANCE_CAP, LENGTH_CAP, Flags, Profile, Side, count_of, shared
from pipeline.identity.shingles import SHINGLE_WORDS

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


@dataclass(frozen=True, slots=True, eq=False)
class Parted:
    """A text of a pair, parted into what it shares with the other in solid stretches and what is its own.

    Lengths in words: `front` and `back`, `solid` of all stretches, `span` from the first to the last.
    """

    text: Profile
    side: Side
    front: int
    back: int
    solid: int
    span: int
    long: LongWords


def parted(text: Profile, side: Side, is_known: Flags) -> Parted:
    """The text with its parts. `is_known` says of its distinct long words whether the other text has them."""
    stretches = _solid(side.runs)
    first, end = stretches[0][0], min(stretches[-1][1] + SHINGLE_WORDS - 1, side.words)
    return Parted(
        text=text,
        side=side,
        front=first,
        back=side.words - end,
        solid=sum(stop - start for start, stop in stretches),
        span=end - first,
        long=count_long_words(text, side.is_marked, stretches, is_known),
    )


def own_features(mine: Parted, theirs: Parted) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """OWN_FEATURES and TITLE_FEATURES of the pair, the same whichever text comes first."""
    late, early = (theirs, mine) if _lateness(mine) < _lateness(theirs) else (mine, theirs)
    return _features(late, early), _title_features(late.text, early.text)


def _lateness(own: Parted) -> tuple[int, int, bytes, bytes]:
    return own.front, own.side.words, own.side.marks, own.text.digest


def _features(late: Parted, early: Parted) -> tuple[float, ...]:
    late_words, early_words = late.side.words, early.side.words
    return (
        log1p(min(late.front, DISTANCE_CAP)),
        late.front / late_words,
        late.back / late_words,
        late.solid / late_words,
        log1p(min(early.front, DISTANCE_CAP)),
        early.front / early_words,
        early.back / early_words,
        early.solid / early_words,
        log1p(late.long.again),
        late.long.again / max(1, late.long.alone),
        log1p(early.long.again),
        log1p(late.long.front_again),
        late.long.front_in_block / max(1, late.long.front),
        late.long.own_in_block / max(1, late.long.own),
        early.long.own_in_block / max(1, early.long.own),
        share_known(late.long.front_known, late.long.front),
        share_known(early.long.front_known, early.long.front),
        log1p(min(late_words, LENGTH_CAP)) - log1p(min(early_words, LENGTH_CAP)),
        early.solid / early.span,
    )


def share_known(known: int, count: int) -> float:
    """The share of so many words that the other text has: all of none."""
    return known / count if count else 1.0


def _title_features(late: Profile, early: Profile) -> tuple[float, ...]:
    if not len(late.title) or not len(early.title):
        return ()
    _, in_title = shared(late.title, early.title)
    _, in_text = shared(late.title, early.vocabulary)
    return (
        count_of(in_title) / min(len(late.title), len(early.title)),
        count_of(in_text) / len(late.title),
    )


def _solid(runs: tuple[tuple[int, int], ...]) -> tuple[tuple[int, int], ...]:
    """The stretches of SOLID_SHINGLES marks and more; every stretch when there is none so long."""
    return tuple(run for run in runs if run[1] - run[0] >= SOLID_SHINGLES) or runs
