"""A text cut into words and runs of three words, both known by hashes that are the same everywhere and for ever.

Hashing each run by itself was a sixth of what finding copies cost. So a word's hash is a sum over its letters, and that
of a run is worked out from those of its words, for all of a text at once. They keep texts apart that nobody made to be
taken for one another. Who does may as well copy: the hash that makes two stories one is SHA-256, and this is none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate, chain, pairwise

import numpy as np
from numpy.typing import NDArray

from pipeline.text import words as words_of
from pipeline.text import words_of_parts

SHINGLE_WORDS = 3

# A statement that two outlets both print is no sign of a copied report. Marks must close in the same paragraph. A
# quotation of a word or two ('the so-called "safe zone"') is the reporter's own text and stays.
# Each form begins with a sign of its own, which the expression engine looks for two and a half times as fast.
_QUOTATION = re.compile(
    r"“[^“”\n]*”|„[^„“”\n]*[“”]|«[^«»\n]*»|»[^«»\n]*«|「[^「」\n]*」|『[^『』\n]*』|\"(?<!\w\")[^\"\n]*\"(?!\w)"
)
QUOTATION_MIN_CHARS = 20
# When less than this share of a text is left after masking (an interview, a speech), nothing is masked.
MIN_UNQUOTED = 0.35

# Short words are in every text.
LONG_WORD_CHARS = 4
_DIGIT = re.compile(r"\d")
# Below this no character but 0 to 9 is a digit: it is the zero of Arabic.
_FURTHER_DIGITS = 0x0660

# Odd 64-bit numbers of no further meaning (SplitMix64's and golden ratio's), by which the hash of a word depends on the
# order of its letters, that of a shingle on the order of its words, and the upper bits on all below them.
_LETTER, _FIRST, _SECOND, _MIX = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB, 0xD6E8FEB86659FD93
# So many letters are hashed at once; the powers of _LETTER by which each is multiplied, and those that take back by how
# many letters the word stands behind the beginning.
_AT_ONCE = 8_192
_POWERS, _BACK = (
    np.array([1, *[factor] * (_AT_ONCE - 1)], np.uint64).cumprod() for factor in (_LETTER, pow(_LETTER, -1, 1 << 64))
)
_HALF, _SIGN = np.uint64(32), np.uint64(63)

Hashes = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class CutText:
    """The words of a text outside quotations, in reading order, and its shingles: the runs of three within a passage.

    `every_word` are those in quotations as well, `figures` the places of words that hold a digit. `shingles` stand in
    the order of `begins`, where they begin.
    """

    words: Sequence[str]
    every_word: Sequence[str]
    hashes: Hashes
    figures: Sequence[int]
    begins: NDArray[np.intp]
    shingles: Hashes


# The same text is fingerprinted, compared and, when it founded a cluster, looked up again within a moment.
@lru_cache(maxsize=32)
def cut_text(text: str) -> CutText:
    """`text` cut into words and shingles."""
    stretches, every_word = _passages(text)
    words = stretches[0] if len(stretches) == 1 else list(chain.from_iterable(stretches))
    hashes, figures = _hashed(words)
    begins = _beginnings(len(words), accumulate(map(len, stretches)))
    return CutText(words, every_word, hashes, figures, begins, shingled(hashes, begins))


def hashed(words: Sequence[str]) -> Hashes:
    """The hash of each word: negative for those of LONG_WORD_CHARS and more, which so come first in rising order."""
    return _hashed(words)[0]


def _hashed(words: Sequence[str]) -> tuple[Hashes, list[int]]:
    """The hashes, worked out for all words at once, and the places of those that hold a digit."""
    joined = f"{' '.join(words)} " if words else ""
    if len(joined) > _AT_ONCE:
        return _hashed_in_halves(words)
    letters = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), "<u4")
    ends = (letters == ord(" ")).nonzero()[0]
    starts = np.zeros_like(ends)
    starts[1:] = ends[:-1] + 1
    # The blank behind each word is as good as a letter, and no word has one. Multiplications run over, as they may.
    found = np.add.reduceat(letters * _POWERS[: len(letters)], starts) if len(starts) else np.zeros(0, np.uint64)
    found *= _BACK[starts]
    found ^= found >> _HALF
    found *= np.uint64(_MIX)
    found >>= np.uint64(1)
    found |= (ends - starts >= LONG_WORD_CHARS).astype(np.uint64) << _SIGN
    digits = _digits(letters)
    figures = dict.fromkeys((starts.searchsorted(digits, "right") - 1).tolist()) if len(digits) else ()
    return found.view(np.int64), list(figures)


def _hashed_in_halves(words: Sequence[str]) -> tuple[Hashes, list[int]]:
    if len(words) == 1:  # no word of a language
        return _hashed([words[0][: _AT_ONCE - 1]])
    half = len(words) // 2
    (first, figures), (second, further) = _hashed(words[:half]), _hashed(words[half:])
    return np.concatenate((first, second)), [*figures, *(half + place for place in further)]


def _digits(letters: NDArray[np.uint32]) -> NDArray[np.intp]:
    """Where the decimal digits of all scripts stand."""
    is_digit = letters - np.uint32(ord("0")) < np.uint32(10)
    if len(letters) and letters.max() >= _FURTHER_DIGITS:
        further = letters >= _FURTHER_DIGITS
        others = [code for code in np.unique(letters[further]).tolist() if chr(code).isdecimal()]
        is_digit |= np.isin(letters, others)
    return is_digit.nonzero()[0]


def blotted(word: str) -> str:
    """The word with a sign in place of each digit."""
    return _DIGIT.sub("#", word)


def shingled(hashes: Hashes, begins: NDArray[np.intp]) -> Hashes:
    """The hashes of the runs of three that begin at these places."""
    words = hashes.view(np.uint64)
    mixed = words[begins] * np.uint64(_FIRST)
    mixed += words[begins + 1]
    mixed *= np.uint64(_SECOND)
    mixed += words[begins + 2]
    mixed ^= mixed >> _HALF
    mixed *= np.uint64(_MIX)
    return mixed.view(np.int64)


def passages(text: str) -> list[list[str]]:
    """The words of `text` outside quotations, one list for each stretch between two of them."""
    return [stretch for stretch in _passages(text)[0] if stretch]


def _passages(text: str) -> tuple[list[list[str]], list[str]]:
    """The words of each stretch outside quotations, and all words of the text."""
    spans = [found.span() for found in _QUOTATION.finditer(text) if len(found[0]) >= QUOTATION_MIN_CHARS]
    quoted = sum(end - start for start, end in spans)
    if not spans or len(text) - quoted < MIN_UNQUOTED * len(text):
        found = words_of(text)
        return [found], found
    edges = [0, *chain.from_iterable(spans), len(text)]
    parts = words_of_parts([text[start:end] for start, end in pairwise(edges)])
    return parts[::2], list(chain.from_iterable(parts))


def _beginnings(count: int, ends: Iterable[int]) -> NDArray[np.intp]:
    """Where shingles begin: anywhere but in the last two words of a passage."""
    is_beginning = np.ones(count, np.bool_)
    for end in ends:
        is_beginning[max(0, end - SHINGLE_WORDS + 1) : end] = False
    return is_beginning.nonzero()[0]
