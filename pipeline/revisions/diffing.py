"""Two versions of a story compared, first by paragraphs, then by the words of those that differ.

The alignment is the longest common subsequence by rapidfuzz's bit-parallel algorithm: what takes Python's difflib
seconds on a hostile page takes it milliseconds. Above the limits below words are counted, not aligned.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from rapidfuzz.distance import Indel

from pipeline.text import UNSPACED_RANGES

# Beyond these the alignment's matrix (a bit for each pair) would take more than 4 MB.
MAX_PARAGRAPHS = 5_000
MAX_WORDS = 5_000
# Of a text, so many characters are compared at all: some 30,000 words, five times the longest reports.
MAX_CHARS = 200_000

# A figure with its separators is one word; scripts without spaces count by the character. Space stays with the word
# before it.
_TOKEN = re.compile(
    rf"(?:[{UNSPACED_RANGES}]|\d+(?:[.,:]\d+)*(?!\w)|[^\W{UNSPACED_RANGES}]+(?:['’]\w+)*|[^\w\s]|_+)\s*"
)
_PARAGRAPH = re.compile(r"\n{2,}")


@dataclass(frozen=True, slots=True)
class Version:
    """One text of a story, as it was on the page."""

    title: str
    standfirst: str | None
    text: str

    @property
    def paragraphs(self) -> list[str]:
        """The text's paragraphs, within its first MAX_CHARS."""
        return [part for part in _PARAGRAPH.split(self.text[:MAX_CHARS]) if part.strip()]

    @property
    def rest(self) -> str:
        """What is not compared paragraph by paragraph; empty but for texts of hostile length."""
        return self.text[MAX_CHARS:]


@dataclass(frozen=True, slots=True)
class Edit:
    """A run of words that both versions have, or only one of them."""

    kind: Literal["same", "deleted", "inserted"]
    text: str


@dataclass(frozen=True, slots=True)
class Hunk:
    """Paragraphs that differ: those of the old version that the new ones replace. `place` counts old paragraphs from 0.

    `edits` is None when the paragraphs are too long to be compared word by word.
    """

    place: int
    old: tuple[str, ...]
    new: tuple[str, ...]
    edits: tuple[Edit, ...] | None


@dataclass(frozen=True, slots=True)
class TextDiff:
    """How the text of one version became that of the other. `is_coarse`: some of it was counted, not aligned."""

    hunks: tuple[Hunk, ...]
    words_added: int
    words_removed: int
    is_coarse: bool

    @property
    def paragraphs_changed(self) -> int:
        """Paragraphs added, removed or edited; an edited one counts once."""
        return sum(max(len(hunk.old), len(hunk.new)) for hunk in self.hunks)


def compare_texts(old: Sequence[str], new: Sequence[str]) -> TextDiff:
    """The differences between two lists of paragraphs."""
    hunks: list[Hunk] = []
    added = removed = 0
    for old_start, old_end, new_start, new_end in differing_spans(old, new, MAX_PARAGRAPHS):
        before, after = tuple(old[old_start:old_end]), tuple(new[new_start:new_end])
        edits, words_added, words_removed = _compare_words(_tokens(before), _tokens(after))
        hunks.append(Hunk(old_start, before, after, edits))
        added, removed = added + words_added, removed + words_removed
    return TextDiff(tuple(hunks), added, removed, any(hunk.edits is None for hunk in hunks))


def _compare_words(old: Sequence[str], new: Sequence[str]) -> tuple[tuple[Edit, ...] | None, int, int]:
    before, after = [token.rstrip() for token in old], [token.rstrip() for token in new]
    if max(len(old), len(new)) > MAX_WORDS:
        ours, theirs = Counter(filter(_is_word, before)), Counter(filter(_is_word, after))
        return None, (theirs - ours).total(), (ours - theirs).total()
    edits: list[Edit] = []
    added = removed = at = 0
    for old_start, old_end, new_start, new_end in differing_spans(before, after, MAX_WORDS):
        _add(edits, "same", old[at:old_start])
        _add(edits, "deleted", old[old_start:old_end])
        _add(edits, "inserted", new[new_start:new_end])
        removed += sum(map(_is_word, before[old_start:old_end]))
        added += sum(map(_is_word, after[new_start:new_end]))
        at = old_end
    _add(edits, "same", old[at:])
    return tuple(edits), added, removed


def _add(edits: list[Edit], kind: Literal["same", "deleted", "inserted"], tokens: Sequence[str]) -> None:
    if tokens:
        edits.append(Edit(kind, "".join(tokens)))


def differing_spans(old: Sequence[Hashable], new: Sequence[Hashable], most: int) -> Iterator[tuple[int, int, int, int]]:
    """Where the two differ, as (old start, old end, new start, new end); one span for all above `most` members."""
    if max(len(old), len(new)) > most:
        yield _middle(old, new)
        return
    at: tuple[int, int, int, int] | None = None
    for op in Indel.opcodes(old, new):
        if op.tag != "equal":
            start = (op.src_start, op.dest_start) if at is None else (at[0], at[2])
            at = (start[0], op.src_end, start[1], op.dest_end)
        elif at is not None:
            yield at
            at = None
    if at is not None:
        yield at


def _middle(old: Sequence[Hashable], new: Sequence[Hashable]) -> tuple[int, int, int, int]:
    """What is left of both without their common head and tail."""
    head, shorter = 0, min(len(old), len(new))
    while head < shorter and old[head] == new[head]:
        head += 1
    tail = 0
    while tail < shorter - head and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    return head, len(old) - tail, head, len(new) - tail


def _tokens(paragraphs: Sequence[str]) -> list[str]:
    return _TOKEN.findall("\n\n".join(paragraphs))


def _is_word(token: str) -> bool:
    return token[:1].isalnum()
