"""The fingerprint of a story: a hash that any identical text shares, and anchors that near-copies share.

Numbers from measurement on copies that outlets made of agency reports: shingles of three words, and every sixteenth of
them as an anchor, find a copy's cluster as well as all of them do at a sixteenth of the rows. See docs/near-copies.md.
"""

from __future__ import annotations

from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from pipeline.identity.shingles import SHINGLE_WORDS, CutText, cut_text, shingled
from pipeline.text import words
from pipeline.values import Fingerprint

# Stored with every hash. A change that moves one makes it fp-2. Anchors are part of near_copies.METHOD: those stored
# under another are made anew by re-clustering.
METHOD = "fp-1"

# An anchor is a shingle whose hash, read as unsigned, is below this: one in sixteen.
ANCHOR_BELOW = 2**64 // 16
# A story too short for that keeps its lowest hashes, so that a brief of a few sentences can still be found.
MIN_ANCHORS = 8
# The lowest hashes stand for a text of more than some 4,000 words: no page may fill the table.
MAX_ANCHORS = 256
# Below this many words a text says too little to be one story without its title.
TITLE_BELOW_WORDS = 30


def fingerprint(title: str, text: str) -> Fingerprint:
    """What identifies `text`: the hash of its words, and the anchors under which near-copies find it.

    Case, punctuation, spacing and zero-width characters don't count. The title counts only for a text of fewer than
    TITLE_BELOW_WORDS words. A text without a word has no anchors.
    """
    cut = cut_text(text)
    exact = " ".join(cut.every_word)
    if len(cut.every_word) < TITLE_BELOW_WORDS:
        exact = f"{' '.join(words(title))}\n{exact}"
    return Fingerprint(
        method=METHOD,
        content_hash=sha256(exact.encode("utf-8")).hexdigest(),
        anchors=_anchors(cut),
        word_count=len(cut.every_word),
    )


def anchors(text: str) -> tuple[int, ...]:
    """The sampled shingle hashes of `text`: signed 64-bit, distinct, sorted; about one for every 16 words.

    At least MIN_ANCHORS where the text has so many shingles, at most MAX_ANCHORS.
    """
    return _anchors(cut_text(text))


def shingles(text: str) -> frozenset[int]:
    """The hashes of all runs of three words outside quotations: signed 64-bit.

    A text without such a run counts as a whole. Empty when it has no word.
    """
    return frozenset(_shingles(cut_text(text)).view(np.int64).tolist())


def _anchors(cut: CutText) -> tuple[int, ...]:
    every = _shingles(cut)
    chosen = np.unique(every[every < ANCHOR_BELOW])
    if len(chosen) < MIN_ANCHORS:
        chosen = np.unique(every)[:MIN_ANCHORS]
    return tuple(sorted(chosen[:MAX_ANCHORS].view(np.int64).tolist()))


def _shingles(cut: CutText) -> NDArray[np.uint64]:
    found = cut.shingles
    if not len(found) and len(cut.words):
        # One or two words, or some between quotations: those there are, and nothing behind them.
        padded = np.zeros(SHINGLE_WORDS, np.int64)
        padded[: len(cut.hashes)] = cut.hashes[:SHINGLE_WORDS]
        found = shingled(padded, np.zeros(1, np.intp))
    return found.view(np.uint64)
