"""A text made ready for comparing, and how it lies in another one.

A text that was stored today is compared again and again, with each copy and with each story that shares a phrase with
it. So all that can be worked out of one text alone is, once, and is remembered in some 20 bytes a word.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from operator import sub

import numpy as np
from numpy.typing import NDArray

from pipeline.identity.shingles import SHINGLE_WORDS, Hashes, blotted, cut_text, hashed, shingled
from pipeline.text import words as words_of

# Only so much of a text is compared: reports are shorter, and a page may be anything.
COMPARED_CHARS = 60_000
# Their places fit into 16 bits. A character may stand for several words, so the limit above says nothing of words.
COMPARED_WORDS = 60_000
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
Places = NDArray[np.uint16]


@dataclass(frozen=True, slots=True, eq=False)
class Profile:
    """A text made ready for comparing.

    Its words are those outside quotations, in reading order; a shingle is a run of three of them. Both are known by
    their hashes (shingles.py). `digest` is of text and title, `said` of the words and their order.
    """

    digest: bytes
    said: bytes
    words: int  # how many they are
    vocabulary: Hashes  # the distinct words, ascending: the long ones first
    long_at: Places  # where the long words stand, each word's places together, in the order of the vocabulary
    long_first: NDArray[np.intp]  # of each distinct long word its first place in `long_at`
    distinct: Hashes  # the distinct shingles, ascending
    starts: Places  # of each of those where it begins first, in words from the beginning
    shingles: Places  # of each word the place in `distinct` of the shingle that begins there; one more where none does
    numbered_at: Places  # where the shingles begin that hold a figure
    numbered: Hashes  # and those shingles, with the digits blotted out
    title: Hashes  # the distinct words of the title, ascending; none when there is none

    @property
    def long_words(self) -> Hashes:
        """The distinct long words, ascending."""
        return self.vocabulary[: len(self.long_first)]


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """How one text lies in the other. `marks` has a byte for each of its words: 1 where a shared shingle begins.

    `shared` counts those; `runs` are the stretches of them, each from a place to before another, `gaps` the lengths of
    the text's own stretches; `first` and `last` are how many words stand before the first mark and after the last.
    `is_marked` are the marks as an array.
    """

    marks: bytes
    shared: int
    runs: tuple[tuple[int, int], ...]
    gaps: tuple[int, ...]
    first: int
    last: int
    is_marked: Flags

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
        self._profiles: dict[int, Profile] = {}
        self._fresh = 0

    def get(self, key: int) -> Profile | None:
        found = self._profiles.pop(key, None)
        if found is not None:
            self._profiles[key] = found
        return found

    def keep(self, key: int, made: Profile) -> None:
        self._profiles[key] = made
        self._fresh += made.words + _ENTRY_WORDS
        if self._fresh > _OVER_WORDS:
            self._fresh = 0
            self._forget_oldest()

    def _forget_oldest(self) -> None:
        words = 0
        for key, one in reversed(list(self._profiles.items())):
            words += one.words + _ENTRY_WORDS
            if words > REMEMBERED_WORDS:
                self._profiles.pop(key, None)


_remembered = _Remembered()


def profile(text: str, title: str | None = None) -> Profile:
    """`text` made ready for comparing."""
    title = title or ""
    # Python's own hash has a secret key of this process, 64 bits, and a tenth of the cost of a digest.
    key = hash((text, title))
    found = _remembered.get(key)
    if found is None:
        found = _made(text, title)
        _remembered.keep(key, found)
    return found


def _made(text: str, title: str) -> Profile:
    cut = cut_text(text[:COMPARED_CHARS])
    hashes = cut.hashes[:COMPARED_WORDS]
    begins = cut.begins[: cut.begins.searchsorted(COMPARED_WORDS - SHINGLE_WORDS, "right")]
    at, first = _grouped(hashes)
    vocabulary = hashes[at[first]]
    long_count = int(vocabulary.searchsorted(0))
    long_end = first[long_count] if long_count < len(first) else len(at)
    shingle_at, first_shingle = _grouped(cut.shingles[: len(begins)])
    shingles = np.full(len(hashes), len(first_shingle), np.uint16)
    shingles[begins[shingle_at]] = _numbers(first_shingle, len(shingle_at))
    # What is hashed besides is hashed together: of so few words the calls cost more than the letters.
    title_words = [word for word in words_of(title) if len(word) >= TITLE_WORD_CHARS]
    figures = [place for place in cut.figures if place < len(hashes)]
    further = hashed([*title_words, *(blotted(cut.words[place]) for place in figures)])
    numbered_at, numbered = _numbered(hashes, begins, figures, further[len(title_words) :])
    starts = np.minimum.reduceat(shingle_at, first_shingle) if len(first_shingle) else first_shingle
    return Profile(
        digest=blake2b(f"{len(title)} {title}{text}".encode("utf-8", "surrogatepass"), digest_size=16).digest(),
        said=blake2b(hashes.tobytes(), digest_size=16).digest(),
        words=len(hashes),
        vocabulary=vocabulary,
        long_at=at[:long_end].astype(np.uint16),
        long_first=first[:long_count],
        distinct=cut.shingles[starts],
        starts=begins[starts].astype(np.uint16),
        shingles=shingles,
        numbered_at=numbered_at.astype(np.uint16),
        numbered=numbered,
        title=np.unique(further[: len(title_words)]),
    )


def _grouped(hashes: Hashes) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The places of the hashes in their rising order, and where those of each hash begin there.

    What np.unique does with all its answers, in half of its time. Of equal hashes no place comes before another.
    """
    at = hashes.argsort()
    rising = hashes[at]
    is_first = np.ones(len(at), np.bool_)
    is_first[1:] = rising[1:] != rising[:-1]
    return at, is_first.nonzero()[0]


def _numbers(first: NDArray[np.intp], count: int) -> NDArray[np.intp]:
    """0 for the places before the second of `first`, 1 for those before the third, and so on up to `count` places."""
    steps = np.zeros(count, np.intp)
    steps[first[1:]] = 1
    return steps.cumsum()


def _numbered(
    hashes: Hashes, begins: NDArray[np.intp], figures: Sequence[int], blotted_hashes: Hashes
) -> tuple[NDArray[np.intp], Hashes]:
    """Where the shingles begin that hold a figure, and their hashes with the digits blotted out."""
    if not figures:
        return np.zeros(0, np.intp), np.zeros(0, np.int64)
    is_figure = np.zeros(len(hashes), np.bool_)
    is_figure[figures] = True
    at = begins[is_figure[begins] | is_figure[begins + 1] | is_figure[begins + 2]]
    without = hashes.copy()
    without[figures] = blotted_hashes
    return at, shingled(without, at)


def shared(mine: Hashes, theirs: Hashes) -> tuple[NDArray[np.intp], Flags]:
    """Of each of mine the place where it would stand among theirs, and whether it stands there. Both are ascending."""
    if not len(theirs):
        return np.zeros(len(mine), np.intp), np.zeros(len(mine), np.bool_)
    places = theirs.searchsorted(mine)
    places[places == len(theirs)] = 0
    return places, theirs[places] == mine


def common_shingles(mine: Profile, theirs: Profile) -> int:
    """How many distinct shingles two texts have in common."""
    return count_of(shared(mine.distinct, theirs.distinct)[1])


def count_of(flags: Flags) -> int:
    """How many are set."""
    return int(np.count_nonzero(flags))


def side_of(own: Profile, is_common: Flags) -> Side:
    """How `own` lies in a text that has the shingles `is_common` of it."""
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
    )


def _runs(marks: bytes) -> Iterator[tuple[int, int]]:
    """Where the stretches of marks begin and end."""
    end = 0
    while (start := marks.find(1, end)) >= 0:
        end = marks.find(0, start)
        end = len(marks) if end < 0 else end
        yield start, end
