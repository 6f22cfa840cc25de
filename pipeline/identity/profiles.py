"""A text made ready for comparing, and how it lies in another one.

A text that was stored today is compared again and again, with each copy and with each story that shares a phrase with
it. So all that can be worked out of one text alone is, once, and is remembered in some 20 bytes a word.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import compress
from operator import not_, sub

import numpy as np
from numpy.typing import NDArray

from pipeline.identity.fingerprints import SHINGLE_WORDS, passages
from pipeline.text import words as words_of

# Only so much of a text is compared: reports are shorter, and a page may be anything.
COMPARED_CHARS = 60_000
# Their places fit into 16 bits. A character may stand for several words, so the limit above says nothing of words.
COMPARED_WORDS = 60_000
# Short words are in every text.
LONG_WORD_CHARS = 4
# A title has few words, and "war", "EU" or "UN" may be what it is about: two letters say too little, three do.
TITLE_WORD_CHARS = 3
# Lengths in words beyond these say nothing more; without the caps a very long copy would fall out of the fit.
LENGTH_CAP = 500
DISTANCE_CAP = 300
# So many words of the texts that were compared last are remembered, what stands around each as 70: about 30 MB.
REMEMBERED_WORDS = 1_500_000
_ENTRY_WORDS = 70
# To go through all of them takes milliseconds, so they may be over by so many words before that is done.
_OVER_WORDS = REMEMBERED_WORDS // 16

Flags = NDArray[np.bool_]
Hashes = NDArray[np.int64]
Places = NDArray[np.uint16]

_DIGIT = re.compile(r"\d")
# Odd numbers of no further meaning, by which the hash of a shingle depends on the order of its words.
_FIRST, _SECOND = -7046029254386353131, -4417276706812531889


@dataclass(frozen=True, slots=True, eq=False)
class Profile:
    """A text made ready for comparing.

    Its words are those outside quotations, in reading order; a shingle is a run of three of them. Both are known by
    hashes, which mean something in this process alone. `digest` is of text and title and the same everywhere.
    """

    digest: bytes
    vocabulary: Hashes  # the distinct words, ascending
    is_long: Flags  # which of those have LONG_WORD_CHARS characters and more
    words: Places  # of each word of the text its place in the vocabulary
    distinct: Hashes  # the distinct shingles, ascending
    starts: Places  # of each of those where it begins first, in words from the beginning
    shingles: Places  # of each word the place in `distinct` of the shingle that begins there; one more where none does
    numbered_at: Places  # where the shingles begin that hold a figure
    numbered: Hashes  # and those shingles, with the digits blotted out
    title: Hashes  # the distinct words of the title, ascending; none when there is none

    def has_the_words_of(self, other: Profile) -> bool:
        """Whether both say the same, word for word."""
        return np.array_equal(self.words, other.words) and np.array_equal(self.vocabulary, other.vocabulary)

    def long_words(self, chosen: Flags | slice) -> Flags:
        """Which of the vocabulary are long and stand at the chosen places of the text."""
        found = np.zeros(len(self.vocabulary), np.bool_)
        found[self.words[chosen]] = True
        found &= self.is_long
        return found


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """How one text lies in the other. `marks` has a byte for each of its words: 1 where a shared shingle begins.

    `shared` counts those; `runs` are the stretches of them, each from a place to before another, `gaps` the lengths of
    the text's own stretches; `first` and `last` are how many words stand before the first mark and after the last.
    `is_marked` are the marks as an array, and `is_known` says which of the vocabulary the other text has.
    """

    marks: bytes
    shared: int
    runs: tuple[tuple[int, int], ...]
    gaps: tuple[int, ...]
    first: int
    last: int
    is_marked: Flags
    is_known: Flags

    @property
    def words(self) -> int:
        """The length of the text in words outside quotations."""
        return len(self.marks)

    def share(self, start: int, end: int) -> float:
        """The share of the words from `start` to before `end` at which a shared shingle begins, 0..1."""
        return self.marks.count(1, start, end) / max(1, end - start)


class _Remembered:
    """The profiles that were wanted last, up to REMEMBERED_WORDS: a page may be anything, so entries don't count.

    Threads may share it: each step on the dictionary is a single one of the interpreter's.
    """

    def __init__(self) -> None:
        self._profiles: dict[bytes, Profile] = {}
        self._fresh = 0

    def get(self, digest: bytes) -> Profile | None:
        found = self._profiles.pop(digest, None)
        if found is not None:
            self._profiles[digest] = found
        return found

    def keep(self, made: Profile) -> None:
        self._profiles[made.digest] = made
        self._fresh += len(made.words) + _ENTRY_WORDS
        if self._fresh > _OVER_WORDS:
            self._fresh = 0
            self._forget_oldest()

    def _forget_oldest(self) -> None:
        words = 0
        for digest, one in reversed(list(self._profiles.items())):
            words += len(one.words) + _ENTRY_WORDS
            if words > REMEMBERED_WORDS:
                self._profiles.pop(digest, None)


_remembered = _Remembered()


def profile(text: str, title: str | None = None) -> Profile:
    """`text` made ready for comparing."""
    title = title or ""
    digest = blake2b(f"{len(title)} {title}{text}".encode("utf-8", "surrogatepass"), digest_size=16).digest()
    found = _remembered.get(digest)
    if found is None:
        found = _made(digest, text, title)
        _remembered.keep(found)
    return found


def _made(digest: bytes, text: str, title: str) -> Profile:
    words: list[str] = []
    ends: list[int] = []
    for passage in passages(text[:COMPARED_CHARS]):
        words += passage
        ends.append(len(words))
    del words[COMPARED_WORDS:]
    hashes = _hashed(words)
    vocabulary, first, places = np.unique(hashes, return_index=True, return_inverse=True)
    lengths = np.fromiter(map(len, words), np.int32, len(words))
    begins = _beginnings(len(words), ends)
    distinct, first_start, among = np.unique(_shingles(hashes)[begins], return_index=True, return_inverse=True)
    shingles = np.full(len(words), len(distinct), np.uint16)
    shingles[begins] = among
    numbered_at, numbered = _numbered(words, shingles < len(distinct))
    return Profile(
        digest=digest,
        vocabulary=vocabulary,
        is_long=lengths[first] >= LONG_WORD_CHARS,
        words=places.astype(np.uint16),
        distinct=distinct,
        starts=begins[first_start].astype(np.uint16),
        shingles=shingles,
        numbered_at=np.array(numbered_at, np.uint16),
        numbered=np.array(numbered, np.int64),
        title=np.unique(_hashed([word for word in words_of(title) if len(word) >= TITLE_WORD_CHARS])),
    )


def _hashed(words: Sequence[str]) -> Hashes:
    return np.fromiter(map(hash, words), np.int64, len(words))


def _beginnings(count: int, ends: Iterable[int]) -> NDArray[np.intp]:
    """Where shingles begin: anywhere but in the last two words of a passage."""
    is_beginning = np.ones(count, np.bool_)
    for end in (*ends, count):
        is_beginning[max(0, end - SHINGLE_WORDS + 1) : end] = False
    return is_beginning.nonzero()[0]


def _shingles(hashes: Hashes) -> Hashes:
    """The hash of the three words that begin at each; the multiplications run over, as they may."""
    mixed: Hashes = hashes[:-2] * _FIRST + hashes[1:-1] * _SECOND + hashes[2:]
    return mixed


def _numbered(words: Sequence[str], is_beginning: Flags) -> tuple[list[int], list[int]]:
    """Where the shingles begin that hold a figure, and their hashes with the digits blotted out."""
    odd = compress(range(len(words)), map(not_, map(str.isalpha, words)))
    blotted = {place: _DIGIT.sub("#", words[place]) for place in odd if _DIGIT.search(words[place])}
    starts = {start for place in blotted for start in range(max(0, place - SHINGLE_WORDS + 1), place + 1)}
    at = [start for start in sorted(starts) if is_beginning[start]]
    text = list(words)
    for place, word in blotted.items():
        text[place] = word
    return at, [hash(tuple(text[start : start + SHINGLE_WORDS])) for start in at]


def shared(mine: Hashes, theirs: Hashes) -> tuple[NDArray[np.intp], Flags]:
    """Of each of mine the place where it would stand among theirs, and whether it stands there. Both are ascending."""
    if not len(theirs):
        return np.zeros(len(mine), np.intp), np.zeros(len(mine), np.bool_)
    places = theirs.searchsorted(mine)
    places[places == len(theirs)] = 0
    return places, theirs[places] == mine


def count_of(flags: Flags) -> int:
    """How many are set."""
    return int(np.count_nonzero(flags))


def side_of(own: Profile, is_common: Flags, is_known: Flags) -> Side:
    """How `own` lies in a text that has the shingles `is_common` and the words `is_known` of it."""
    is_shared = np.zeros(len(is_common) + 1, np.bool_)
    is_shared[:-1] = is_common
    is_marked = is_shared[own.shingles]
    marks = is_marked.tobytes()
    runs = tuple(_runs(marks))
    edges = [0, *(edge for run in runs for edge in run), len(marks)]
    between = map(sub, edges[1::2], edges[::2])
    return Side(
        marks=marks,
        shared=marks.count(1),
        runs=runs,
        gaps=tuple(filter(None, between)),
        first=runs[0][0] if runs else -1,
        last=len(marks) - (runs[-1][1] if runs else 0),
        is_marked=is_marked,
        is_known=is_known,
    )


def _runs(marks: bytes) -> Iterator[tuple[int, int]]:
    """Where the stretches of marks begin and end."""
    end = 0
    while (start := marks.find(1, end)) >= 0:
        end = marks.find(0, start)
        end = len(marks) if end < 0 else end
        yield start, end
