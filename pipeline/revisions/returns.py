"""Pages that go back and forth: an A/B test, a cache that lags, a teaser that rotates. What they show is no news."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Sequence
from itertools import pairwise

from pipeline.revisions.diffing import Version
from pipeline.text import words

# A line that three looks in a row showed in one place, each time another, is a rotating teaser up to this length.
ROTATING_MAX_WORDS = 30
_ALIKE = 0.3
_BREAK = "\x1e"
_NO_WORD = re.compile(rf"[^\w{_BREAK}]+")
# A tab is in no word, so no paragraph can be taken for a headline.
_MARKS = ("title\t", "standfirst\t")


def version_key(title: str, standfirst: str | None, content_hash: str) -> str:
    """The name of a version (SHA-256 in hex): headline and standfirst as they stand, the text by its words."""
    return hashlib.sha256("\0".join((title, standfirst or "", content_hash)).encode("utf-8")).hexdigest()


def is_flip_flop(new: Version, current: Version, earlier: Sequence[Version]) -> bool:
    """Whether all that `new` changes in `current` was on the page before. `earlier` oldest first, `current` not in it.

    Either a whole earlier version is back; or each part that came is one of an earlier version, and each that went was
    missing from one. A part that only went is no return: taking a paragraph back for good is an edit.
    """
    now = _parts(new)
    before = _parts(current)
    past = [_parts(version) for version in earlier]
    if any(now == parts for parts in past):
        return True
    came, went = now - before, before - now
    if came and past:
        is_known = came <= frozenset().union(*past)
        was_missing = all(any(part not in parts for parts in past) for part in went)
        if is_known and was_missing:
            return True
    return len(past) > 0 and _is_rotating(now, before, past[-1])


def _is_rotating(now: frozenset[str], before: frozenset[str], earlier: frozenset[str]) -> bool:
    """Whether one short line was replaced by another that is not like it, and had itself come so."""
    steps = (now - before, before - now, before - earlier, earlier - before)
    if any(len(step) != 1 for step in steps) or steps[1] != steps[2]:
        return False
    if any(part.startswith(_MARKS) for step in steps for part in step):
        return False
    lines = [next(iter(step)).split() for step in (steps[0], steps[1], steps[3])]
    is_short = all(len(line) <= ROTATING_MAX_WORDS for line in lines)
    return is_short and not any(_are_alike(a, b) for a, b in pairwise(lines))


def _are_alike(a: Sequence[str], b: Sequence[str]) -> bool:
    ours, theirs = set(a), set(b)
    return len(ours & theirs) > _ALIKE * min(len(ours), len(theirs))


def _parts(version: Version) -> frozenset[str]:
    """Headline, standfirst and paragraphs by their words, each marked by what it is."""
    # All paragraphs at once: a page of 20,000 of them, held against a dozen versions, would take seconds one by one.
    text = _NO_WORD.sub(" ", unicodedata.normalize("NFKC", _BREAK.join(version.paragraphs)).casefold())
    paragraphs = (part.strip() for part in text.split(_BREAK))
    lines = (version.title, version.standfirst or "")
    marked = (mark + " ".join(words(line)) for mark, line in zip(_MARKS, lines, strict=True))
    return frozenset((*marked, *paragraphs, version.rest))
