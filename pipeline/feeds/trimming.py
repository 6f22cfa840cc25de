"""Leaving out of a feed what was read before: a feed shows fifty items of which one is new, and parsing is what costs.

An item whose text is the one of last time is the entry that it was then. The reading is the same but for what nobody
asks for again (docs/benchmarks.md says what that saves).
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
# What stands outside an item and says where its links lead.
_BASE = re.compile(r"\bxml:base\s*=\s*(\"[^\"]*\"|'[^']*')", re.IGNORECASE)
_DIGEST_BYTES = 16


@dataclass(frozen=True, slots=True)
class Trimmed:
    """A feed's text and the digest of each of its items, in their order; `left_out` says which the text has not."""

    text: str
    digests: tuple[str, ...]
    left_out: tuple[bool, ...]


def trimmed(text: str, unchanged: Container[str]) -> Trimmed | None:
    """The feed without those of its items whose digest is among `unchanged`; None where they can't be told apart.

    Only the form is looked at: whoever parses the text must find as many items in it as were not left out.
    """
    items = _items(text)
    if not items:
        return None
    base = "".join(_BASE.findall(text, 0, items[0][0]))
    pieces, digests, left_out, place = [], [], [], 0
    for start, end in items:
        said = (base + text[start:end]).encode("utf-8", "replace")
        digest = blake2b(said, digest_size=_DIGEST_BYTES).hexdigest()
        digests.append(digest)
        left_out.append(digest in unchanged)
        if left_out[-1]:
            pieces.append(text[place:start])
            place = end
    pieces.append(text[place:])
    return Trimmed("".join(pieces), tuple(digests), tuple(left_out))


def _items(text: str) -> list[tuple[int, int]] | None:
    """Where the items stand; None when tags do not pair up within one, or items stand within each other."""
    items: list[tuple[int, int]] = []
    open_tags: list[str] = []
    begun = -1
    for start, end, is_end, name, is_empty in _tags(text):
        if begun < 0:
            if name in _ITEMS and not is_end and not is_empty:
                begun = start
        elif is_end and not open_tags:
            if name not in _ITEMS:
                return None
            items.append((begun, end))
            begun = -1
        elif is_end:
            if open_tags.pop() != name:
                return None
        elif not is_empty:
            open_tags.append(name)
    return None if begun >= 0 else items


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
