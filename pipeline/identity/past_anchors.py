"""The anchors that stories had until `near-5`, when each run of three words was hashed by itself.

Nothing is found by them any more. They are known in order to be taken out of the index, when a story is decided again.
"""

from __future__ import annotations

from hashlib import blake2b
from heapq import nsmallest

from pipeline.identity.fingerprints import ANCHOR_BELOW, MAX_ANCHORS, MIN_ANCHORS
from pipeline.identity.shingles import SHINGLE_WORDS, passages

_BELOW = ANCHOR_BELOW.to_bytes(8, "big")


def past_anchors(text: str) -> tuple[int, ...]:
    """Signed 64-bit, distinct, sorted."""
    runs = {
        " ".join(passage[start : start + SHINGLE_WORDS])
        for passage in passages(text)
        for start in range(max(1, len(passage) - SHINGLE_WORDS + 1))
    }
    digests = {blake2b(run.encode(), digest_size=8).digest() for run in runs}
    chosen = [digest for digest in digests if digest < _BELOW]
    if len(chosen) < MIN_ANCHORS:
        chosen = nsmallest(MIN_ANCHORS, digests)
    elif len(chosen) > MAX_ANCHORS:
        chosen = nsmallest(MAX_ANCHORS, chosen)
    return tuple(sorted(int.from_bytes(digest, "big", signed=True) for digest in chosen))
