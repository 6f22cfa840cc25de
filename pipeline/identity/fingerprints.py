"""The fingerprint of a story: a hash that any identical text shares, and anchors that near-copies share.

Numbers from measurement on copies that outlets made of agency reports: shingles of three words, and every sixteenth of
them as an anchor, find a copy's cluster as well as all of them do at a sixteenth of the rows. See docs/near-copies.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from hashlib import blake2b, sha256
from heapq import nsmallest
from itertools import pairwise

from pipeline.text import words
from pipeline.values import Fingerprint

# Stored with every row. A change to anything below that moves a hash or an anchor makes it fp-2.
METHOD = "fp-1"

SHINGLE_WORDS = 3
# An anchor is a shingle whose hash, read as unsigned, is below this: one in sixteen.
ANCHOR_BELOW = 2**64 // 16
_ANCHOR_BELOW_DIGEST = ANCHOR_BELOW.to_bytes(8, "big")
# A story too short for that keeps its lowest hashes, so that a brief of a few sentences can still be found.
MIN_ANCHORS = 8
# The lowest hashes stand for a text of more than some 4,000 words: no page may fill the table.
MAX_ANCHORS = 256
# Below this many words a text says too little to be one story without its title.
TITLE_BELOW_WORDS = 30

# A statement that two outlets both print is no sign of a copied report. Marks must close in the same paragraph. A
# quotation of a word or two ('the so-called "safe zone"') is the reporter's own text and stays.
_QUOTATION = re.compile(
    r"(?=[“„«»「『\"])"  # one look at each character is what makes it fast
    r"(?:“[^“”\n]*”|„[^„“”\n]*[“”]|«[^«»\n]*»|»[^«»\n]*«|「[^「」\n]*」|『[^『』\n]*』|(?<!\w)\"[^\"\n]*\"(?!\w))"
)
QUOTATION_MIN_CHARS = 20
# When less than this share of a text is left after masking (an interview, a speech), nothing is masked.
MIN_UNQUOTED = 0.35


def fingerprint(title: str, text: str) -> Fingerprint:
    """What identifies `text`: the hash of its words, and the anchors under which near-copies find it.

    Case, punctuation, spacing and zero-width characters don't count. The title counts only for a text of fewer than
    TITLE_BELOW_WORDS words. A text without a word has no anchors.
    """
    stretches, is_masked = _passages(text)
    text_words = words(text) if is_masked else [word for stretch in stretches for word in stretch]
    exact = " ".join(text_words)
    if len(text_words) < TITLE_BELOW_WORDS:
        exact = f"{' '.join(words(title))}\n{exact}"
    return Fingerprint(
        method=METHOD,
        content_hash=sha256(exact.encode("utf-8")).hexdigest(),
        anchors=_anchors(stretches),
        word_count=len(text_words),
    )


def anchors(text: str) -> tuple[int, ...]:
    """The sampled shingle hashes of `text`: signed 64-bit, distinct, sorted; about one for every 16 words.

    At least MIN_ANCHORS where the text has so many shingles, at most MAX_ANCHORS.
    """
    return _anchors(passages(text))


def shingles(text: str) -> frozenset[int]:
    """The hashes of all runs of three words outside quotations: signed 64-bit (BLAKE2b).

    A passage of one or two words counts as a whole. Empty when the text has no word.
    """
    return frozenset(int.from_bytes(digest, "big", signed=True) for digest in _digests(passages(text)))


def _anchors(stretches: list[list[str]]) -> tuple[int, ...]:
    digests = _digests(stretches)
    chosen = [digest for digest in digests if digest < _ANCHOR_BELOW_DIGEST]
    if len(chosen) < MIN_ANCHORS:
        chosen = nsmallest(MIN_ANCHORS, digests)
    elif len(chosen) > MAX_ANCHORS:
        chosen = nsmallest(MAX_ANCHORS, chosen)
    return tuple(sorted(int.from_bytes(digest, "big", signed=True) for digest in chosen))


def _digests(stretches: list[list[str]]) -> set[bytes]:
    """The distinct hashes of all shingles, 8 bytes each; in big-endian order bytes compare as unsigned numbers do."""
    joined: set[str] = set()
    for passage in stretches:
        joined.update(map(" ".join, runs(passage)))
    return {blake2b(shingle.encode(), digest_size=8).digest() for shingle in joined}


def passages(text: str) -> list[list[str]]:
    """The words of `text` outside quotations, one list for each stretch between two of them."""
    return _passages(text)[0]


# The same text is fingerprinted, compared and, when it founded a cluster, looked up again within a moment.
@lru_cache(maxsize=32)
def _passages(text: str) -> tuple[list[list[str]], bool]:
    """The stretches, and whether a quotation was left out between them."""
    spans = [found.span() for found in _QUOTATION.finditer(text) if len(found[0]) >= QUOTATION_MIN_CHARS]
    quoted = sum(end - start for start, end in spans)
    if not spans or len(text) - quoted < MIN_UNQUOTED * len(text):
        found = words(text)
        return ([found] if found else []), False
    edges = [0, *(edge for span in spans for edge in span), len(text)]
    stretches = list(pairwise(edges))[::2]
    return [found for start, end in stretches if (found := words(text[start:end]))], True


def runs(passage: list[str]) -> Iterator[tuple[str, ...]]:
    """Every three words in a row; the passage itself when it is shorter."""
    if len(passage) < SHINGLE_WORDS:
        return iter((tuple(passage),))
    return zip(passage, passage[1:], passage[2:], strict=False)
