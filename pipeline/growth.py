"""Which headlines tell of a report that other outlets are taking up just now: its pages are read before older news."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from pipeline.text import words

# A cluster grows when so many copies joined it within this time.
GROWING_WITHIN = timedelta(hours=1)
GROWING_AT = 3
# Words of fewer characters, but for figures, say little about what a headline is about.
_WORD_CHARS = 4
# Two headlines tell of one report when so many words, and of the shorter one's such a share, stand in both.
_SHARED_WORDS = 3
_SHARED = 0.6


def headline_words(title: str | None) -> frozenset[str]:
    """The words of a headline that say what it is about; those of scripts without blanks by character."""
    return frozenset(
        word for word in words(title or "") if len(word) >= _WORD_CHARS or word.isdigit() or not word.isascii()
    )


def tells_of(title: str | None, growing: Iterable[frozenset[str]]) -> bool:
    """Whether the headline is like one of a growing cluster, given by `headline_words`."""
    own = headline_words(title)
    return any(
        len(own & other) >= max(_SHARED_WORDS, _SHARED * min(len(own), len(other)))
        for other in growing
        if own and other
    )
