"""Leaving out of a feed what was read before: a feed shows fifty items of which one is new, and parsing is what costs.

An item whose text is the one of last time is cut down to what it is known by and its addresses. Parsing that takes a
third of the time or less (docs/benchmarks.md), and the reading is the same but for what nobody asks for again.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator
from dataclasses import dataclass
from hashlib import blake2b

# A tag, or the beginning of what is passed over whole: what looks like a tag in a CDATA section or comment is none.
_MARKUP = re.compile(
    r"(<!\[CDATA\[|<!--)|<(/?)([A-Za-z][\w.:-]*+)[^<>\"']*+(?:\"[^\"<]*+\"[^<>\"']*+|'[^'<]*+'[^<>\"']*+)*+>"
)
_END_OF = {"<![CDATA[": "]]>", "<!--": "-->"}
_ITEMS = frozenset({"item", "entry"})
# By the name without its prefix: what an item is known by, and its addresses.
_KEPT = frozenset({"guid", "id", "link", "origlink", "source"})
_DIGEST_BYTES = 16


@dataclass(frozen=True, slots=True)
class Trimmed:
    """A feed's text and the digest of each of its items, in their order; `cut` says which of them were cut down."""

    text: str
    digests: tuple[str, ...]
    cut: tuple[bool, ...]


@dataclass(slots=True)
class _Item:
    """Where an item stands, its start tag included, and the parts of it that are kept."""

    start: int
    inside: int
    end: int
    kept: list[tuple[int, int]]


def trimmed(text: str, unchanged: Container[str]) -> Trimmed | None:
    """The feed with those of its items cut down whose digest is among `unchanged`; None where it can't be told apart.

    Only the form is looked at: whoever parses the text must find as many items in it as there are digests.
    """
    items = _items(text)
    if not items:
        return None
    pieces, digests, cut, place = [], [], [], 0
    for item in items:
        digest = blake2b(text[item.start : item.end].encode("utf-8", "replace"), digest_size=_DIGEST_BYTES).hexdigest()
        digests.append(digest)
        cut.append(digest in unchanged)
        if cut[-1]:
            end_tag = text.rindex("<", item.inside, item.end)
            pieces += [
                text[place : item.inside],
                *(text[start:end] for start, end in item.kept),
                text[end_tag : item.end],
            ]
            place = item.end
    pieces.append(text[place:])
    return Trimmed("".join(pieces), tuple(digests), tuple(cut))


def _items(text: str) -> list[_Item] | None:
    """The items of the feed; None when its tags do not pair up within one, or stand within each other."""
    items: list[_Item] = []
    open_tags: list[tuple[str, int]] = []
    current: _Item | None = None
    for start, end, is_end, name, is_empty in _tags(text):
        if current is None:
            if name in _ITEMS and not is_end and not is_empty:
                current = _Item(start, end, end, [])
        elif is_end and not open_tags:
            if name not in _ITEMS:
                return None
            current.end = end
            items.append(current)
            current = None
        elif is_end:
            opened, opened_at = open_tags.pop()
            if opened != name:
                return None
            if not open_tags and name.rpartition(":")[2] in _KEPT:
                current.kept.append((opened_at, end))
        elif not is_empty:
            open_tags.append((name, start))
        elif not open_tags and name.rpartition(":")[2] in _KEPT:
            current.kept.append((start, end))
    return None if current is not None else items


def _tags(text: str) -> Iterator[tuple[int, int, bool, str, bool]]:
    """Every tag: from where to where it goes, whether it is an end tag, its name in small letters, whether empty."""
    place = 0
    while found := _MARKUP.search(text, place):
        place = found.end()
        if found[1]:
            place = text.find(_END_OF[found[1]], place)
            if place < 0:
                return
        else:
            yield found.start(), place, bool(found[2]), found[3].lower(), text[place - 2] == "/"
