"""Which long words stand where in a text, and which of them the other text has: all that is asked of a pair, at once.

Of each place of the text is known in which parts of it it lies. What holds of a word is gathered from its places; then
the distinct words are counted by all that holds of them, and each question is a sum over those counts. Twelve
questions that went through the words one by one were a third of what comparing two texts cost.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.identity.profiles import Flags, Profile
from pipeline.identity.shingles import SHINGLE_WORDS

# The news stands in so many words in front.
LEAD_WORDS = 60

# What holds of a place, and so of a word that stands there.
_LEAD = 1 << 0
_GAP = 1 << 1  # no shared shingle begins there
_BLOCK = 1 << 2  # in a solid stretch
_FRONT = 1 << 3  # before all solid stretches
_BEHIND = 1 << 4  # between or behind them
# And of a word alone.
_TWICE_AT, _KNOWN_AT = 5, 6
_TWICE = 1 << _TWICE_AT  # stands outside solid stretches twice and more
_KNOWN = 1 << _KNOWN_AT  # the other text has it
_COMBINATIONS = np.arange(1 << 7)
_BLOCK_ALONE, _FRONT_ALONE, _BEHIND_ALONE = (bytes([kind]) for kind in (_BLOCK, _FRONT, _BEHIND))
_GAP_OF = np.array([_GAP, 0], np.uint8)  # by whether the place is marked


class LongWords(NamedTuple):
    """How many distinct long words stand in parts of one text. Own is what is in no solid stretch; known, in the other
    text; alone, nowhere there; again, twice in own parts."""

    lead: int
    lead_known: int
    gaps: int
    gaps_known: int
    front: int
    front_known: int
    front_in_block: int
    front_again: int  # alone, and once more in own parts behind
    own: int
    own_in_block: int
    alone: int
    again: int  # alone


def _has(bits: int) -> Flags:
    found: Flags = (_COMBINATIONS & bits) == bits
    return found


_OWN: Flags = (_COMBINATIONS & (_FRONT | _BEHIND)) > 0
_OWN_TIMES = _OWN.astype(np.uint16)
# The combinations that each question of LongWords counts, in its order.
_QUESTIONS: NDArray[np.int64] = np.array(
    [
        _has(_LEAD),
        _has(_LEAD | _KNOWN),
        _has(_GAP),
        _has(_GAP | _KNOWN),
        _has(_FRONT),
        _has(_FRONT | _KNOWN),
        _has(_FRONT | _BLOCK),
        _has(_FRONT | _BEHIND) & ~_has(_KNOWN),
        _OWN,
        _OWN & _has(_BLOCK),
        _OWN & ~_has(_KNOWN),
        _has(_TWICE) & ~_has(_KNOWN),
    ],
    np.int64,
)


def count_long_words(
    text: Profile, is_marked: Flags, stretches: tuple[tuple[int, int], ...], is_known: Flags
) -> LongWords:
    """The counts for a text with its marks and its solid stretches. `is_known` says it of its distinct long words."""
    if not len(text.long_first):
        return LongWords(*[0] * len(LongWords._fields))
    first = stretches[0][0]
    kinds = bytearray(_BEHIND_ALONE * text.words)
    kinds[:first] = _FRONT_ALONE * first
    for start, stop in stretches:
        end = min(stop + SHINGLE_WORDS - 1, text.words)
        kinds[start:end] = _BLOCK_ALONE * (end - start)
    places = np.frombuffer(kinds, np.uint8) | _GAP_OF.take(is_marked.view(np.uint8))
    places[:LEAD_WORDS] |= _LEAD
    of_places = places.take(text.long_at)
    found = np.bitwise_or.reduceat(of_places, text.long_first)
    times = np.add.reduceat(_OWN_TIMES.take(of_places), text.long_first)
    found |= (times > 1).view(np.uint8) << _TWICE_AT
    found |= is_known.view(np.uint8) << _KNOWN_AT
    counts = np.bincount(found, minlength=len(_COMBINATIONS))
    return LongWords(*_QUESTIONS.dot(counts).tolist())
