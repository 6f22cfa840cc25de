"""Lines: the unit that the rules keep or drop, and the key by which two lines are the same."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from pipeline.text import words, words_of_parts

# Not the dashes and quotation marks: they open direct speech in many languages.
_BULLET = re.compile(r"^[-*•·|>▪■●]+\s+")


@dataclass(frozen=True, slots=True)
class Line:
    """One paragraph, sub-head or list item of a candidate text.

    `position` is its place among all lines before cleaning, from 0. `kind` is "head" for a sub-head, "item" for a
    list item, "row" for a table row, else "p". `key` is what the line says, without case, punctuation and spacing,
    `size` the number of its words: both follow from the text, and every rule asks for them.
    """

    position: int
    text: str
    kind: str = "p"
    key: str = field(init=False, repr=False, compare=False)
    size: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        key = key_of(self.text)
        object.__setattr__(self, "key", key)
        object.__setattr__(self, "size", key.count(" ") + 1 if key else 0)


@lru_cache(maxsize=4096)
def key_of(text: str) -> str:
    """The normalised words of `text` joined by one blank: two lines with the same key say the same."""
    return " ".join(words(text))


def keys_of(texts: Sequence[str]) -> list[str]:
    """The keys of many lines, for less than they cost one by one."""
    return [" ".join(found) for found in words_of_parts(texts)]


def squeeze(text: str) -> str:
    """`text` with runs of white space as one blank and none at the ends."""
    return " ".join(text.split())


def folded(text: str) -> str:
    """`text` in small letters, for a sieve to look at before an expression that ignores case is asked."""
    # The expressions take the dotless i and the dotted I for an i; folding alone does not.
    return text.replace("İ", "i").casefold().replace("ı", "i")


def without_bullet(text: str) -> str:
    """`text` without the list mark that an extractor put before it."""
    return _BULLET.sub("", text)


def contains_words(haystack_key: str, needle_key: str) -> bool:
    """Whether the words of one key stand in a row in the other."""
    return bool(needle_key) and f" {needle_key} " in f" {haystack_key} "


def word_set(text: str) -> frozenset[str]:
    """The words of a list written as running text: easier to read and to add to than a list of strings."""
    return frozenset(text.split())
