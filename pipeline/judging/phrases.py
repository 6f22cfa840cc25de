"""A trie over words: which phrase of a list starts at a word, the longest first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Generic, TypeVar

T = TypeVar("T")
_HERE = ""  # no token of a text that can match is empty, so the empty word may hold a node's own value


class PhraseTrie(Generic[T]):
    """Phrases (sequences of words) with a value each, found left to right without overlap.

    A node has its words, and under the empty word the number of its value in `values`: so `root` is plain JSON.
    """

    __slots__ = ("root", "values")

    def __init__(self, root: dict[str, Any] | None = None, values: list[T] | None = None) -> None:
        self.root: dict[str, Any] = {} if root is None else root
        self.values: list[T] = [] if values is None else values

    def add(self, phrase: Sequence[str], value: T) -> None:
        """Set the value of a phrase; an earlier value of the same phrase is replaced."""
        if not phrase or _HERE in phrase:
            raise ValueError(f"not a phrase: {phrase!r}")
        node = self.root
        for word in phrase:
            node = node.setdefault(word, {})
        node[_HERE] = len(self.values)
        self.values.append(value)

    def get(self, phrase: Sequence[str]) -> T | None:
        """The value of exactly this phrase, or None."""
        node: dict[str, Any] | None = self.root
        for word in phrase:
            node = node.get(word) if node is not None else None
        return self.values[node[_HERE]] if node is not None and _HERE in node else None

    def find(self, words: Sequence[str]) -> Iterator[tuple[int, int, T]]:
        """Each match as (first word, word after the last, value): longest first, without overlap.

        The time is the number of words times the length of the longest phrase at most.
        """
        root, here, count = self.root, 0, len(words)
        while here < count:
            node = root.get(words[here]) if words[here] else None
            if node is None:
                here += 1
                continue
            found, reach, ahead = None, here, here + 1
            while True:
                if _HERE in node:
                    found, reach = node[_HERE], ahead
                if ahead >= count or not words[ahead]:
                    break
                node = node.get(words[ahead])
                if node is None:
                    break
                ahead += 1
            if found is None:
                here += 1
            else:
                yield here, reach, self.values[found]
                here = reach
