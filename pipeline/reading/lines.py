"""Lines: the unit that the rules keep or drop, and the key by which two lines are the same."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from pipeline.text import words

# Not the dashes and quotation marks: they open direct speech in many languages.
_BULLET = re.compile(r"^[-*•·|>▪■●]+\s+")


@dataclass(frozen=True, slots=True)
class Line:
    """One paragraph, sub-head or list item of a candidate text.

    `position` is its place among all lines before cleaning, from 0. `kind` is "head" for a sub-head, "item" for a
    list item, "row" for a table row, else "p".
    """

    position: int
    text: str
    kind: str = "p"

    @property
    def key(self) -> str:
        """What the line says, without case, punctuation and spacing."""
        return key_of(self.text)

    @property
    def size(self) -> int:
        """The number of words."""
        return self.key.count(" ") + 1 if self.key else 0


@lru_cache(maxsize=4096)
def key_of(text: str) -> str:
    """The normalised words of `text` joined by one blank: two lines with the same key say the same."""
    return " ".join(words(text))


def squeeze(text: str) -> str:
    """`text` with runs of white space as one blank and none at the ends."""
    return " ".join(text.split())


def without_bullet(text: str) -> str:
    """`text` without the list mark that an extractor put before it."""
    return _BULLET.sub("", text)


def contains_words(haystack_key: str, needle_key: str) -> bool:
    """Whether the words of one key stand in a row in the other."""
    return bool(needle_key) and f" {needle_key} " in f" {haystack_key} "


def word_set(text: str) -> frozenset[str]:
    """The words of a list written as running text: easier to read and to add to than a list of strings."""
    return frozenset(text.split())
