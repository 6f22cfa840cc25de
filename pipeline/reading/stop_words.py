"""The stop words of all languages, which the library's last rescue of a page asks, in a twentieth of the memory.

trafilatura hands justext the words of a hundred languages, 27 MB as strings in every process that reads pages. Here
they are 8 bytes each: two words of the same hash would be one in 10^8 for all that is ever asked.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Hashable
from importlib.resources import files
from typing import Any

import numpy as np
from justext import core
from justext.utils import get_stoplists
from trafilatura import external


class StopWords:
    """Says whether a word in small letters is a stop word of any language; the words are read when first asked."""

    def __init__(self) -> None:
        self._hashes: array[int] | None = None

    def __contains__(self, word: str) -> bool:
        hashes = self._hashes
        if hashes is None:
            hashes = self._hashes = _all_hashes()
        wanted = hash(word)
        at = bisect_left(hashes, wanted)
        return at < len(hashes) and hashes[at] == wanted


ALL = StopWords()


def use() -> None:
    """Let the library ask ALL in place of its own list; other lists are left as they are."""
    # The library has None there until its list is read.
    external.JT_STOPLIST = ALL  # type: ignore[assignment]
    core.define_stoplist = _defined


_define = core.define_stoplist


def _defined(stoplist: Hashable) -> Any:
    return stoplist if isinstance(stoplist, StopWords) else _define(stoplist)


def _all_hashes() -> array[int]:
    """Of all lists at once: the library's own reader takes three times as long over a language after the other."""
    folder = files("justext") / "stoplists"
    lists = "\n".join((folder / f"{language}.txt").read_text("utf-8") for language in get_stoplists())
    words = lists.lower().split("\n")
    hashes = np.fromiter(map(hash, filter(None, words)), np.int64)
    hashes.sort()
    return array("q", hashes.tobytes())
