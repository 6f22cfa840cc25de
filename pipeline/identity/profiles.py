"""A text made ready for comparing, and how it lies in another one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import compress
from operator import not_

from pipeline.identity.fingerprints import SHINGLE_WORDS, passages
from pipeline.text import words as words_of

# Only so much of a text is compared: reports are shorter, and a page may be anything.
COMPARED_CHARS = 60_000
# Short words are in every text.
LONG_WORD_CHARS = 4
# A title has few words, and "war", "EU" or "UN" may be what it is about: two letters say too little, three do.
TITLE_WORD_CHARS = 3
# Lengths in words beyond these say nothing more; without the caps a very long copy would fall out of the fit.
LENGTH_CAP = 500
DISTANCE_CAP = 300

_DIGIT = re.compile(r"\d")


@dataclass(frozen=True)
class Profile:
    """A text made ready for comparing.

    `words` stand outside quotations, in reading order. `shingles` has for each of them the hash of the run of three
    that begins there, None for the last two before a quotation. The hashes mean something in this process alone.
    `title` holds the distinct words of the title, empty when there is none.
    """

    words: list[str]
    shingles: list[int | None]
    distinct: frozenset[int | None]
    title: frozenset[str] = frozenset()

    @cached_property
    def places(self) -> dict[int | None, int]:
        """Where each shingle stands first, in words from the beginning."""
        return dict(zip(reversed(self.shingles), range(len(self.shingles) - 1, -1, -1), strict=True))

    @cached_property
    def long_words(self) -> frozenset[str]:
        """The distinct words of LONG_WORD_CHARS characters and more."""
        words = self.vocabulary
        return frozenset(compress(words, map(LONG_WORD_CHARS.__le__, map(len, words))))

    @cached_property
    def vocabulary(self) -> frozenset[str]:
        """The distinct words."""
        return frozenset(self.words)

    @cached_property
    def blotted(self) -> tuple[list[str], list[int]]:
        """The words, figures with their digits blotted out; and where the shingles begin that hold a figure."""
        words = list(self.words)
        odd = compress(range(len(words)), map(not_, map(str.isalpha, words)))
        numerals = [place for place in odd if _DIGIT.search(words[place])]
        for place in numerals:
            words[place] = _DIGIT.sub("#", words[place])
        starts = {start for place in numerals for start in range(max(0, place - SHINGLE_WORDS + 1), place + 1)}
        return words, [start for start in sorted(starts) if self.shingles[start] is not None]

    def own_numbered(self, marks: bytes) -> set[tuple[str, ...]]:
        """The shingles that hold a figure and stand where there is no mark, with the digits blotted out."""
        words, starts = self.blotted
        return {tuple(words[start : start + SHINGLE_WORDS]) for start in starts if not marks[start]}


@dataclass(frozen=True, slots=True)
class Side:
    """How one text lies in the other. `marks` has a byte for each of its words: 1 where a shared shingle begins.

    `shared` counts those; `runs` and `gaps` are the lengths of the shared and own stretches of marks; `first` and
    `last` are how many words stand before the first mark and after the last.
    """

    marks: bytes
    shared: int
    runs: tuple[int, ...]
    gaps: tuple[int, ...]
    first: int
    last: int

    @property
    def words(self) -> int:
        """The length of the text in words outside quotations."""
        return len(self.marks)

    def share(self, start: int, end: int) -> float:
        """The share of the words from `start` to before `end` at which a shared shingle begins, 0..1."""
        return self.marks.count(1, start, end) / max(1, end - start)


@lru_cache(maxsize=256)
def profile(text: str, title: str | None = None) -> Profile:
    """`text` made ready for comparing; the last few are remembered, because copies arrive together."""
    words: list[str] = []
    shingles: list[int | None] = []
    for passage in passages(text[:COMPARED_CHARS]):
        words += passage
        hashes = map(hash, zip(passage, passage[1:], passage[2:], strict=False))
        shingles += hashes
        shingles += [None] * (len(words) - len(shingles))
    about = frozenset(word for word in words_of(title or "") if len(word) >= TITLE_WORD_CHARS)
    return Profile(words, shingles, frozenset(shingles) - {None}, about)


def side_of(own: Profile, common: frozenset[int | None]) -> Side:
    """How `own` lies in a text with which it has the shingles `common`."""
    marks = bytes(map(common.__contains__, own.shingles))
    return Side(
        marks=marks,
        shared=marks.count(1),
        runs=tuple(map(len, filter(None, marks.split(b"\0")))),
        gaps=tuple(map(len, filter(None, marks.split(b"\1")))),
        first=marks.find(1),
        last=len(marks) - 1 - marks.rfind(1),
    )
