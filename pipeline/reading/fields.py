"""Fields that are filled from the lines that were taken out, and from those that stayed."""

# ruff: noqa: E501 - one line of a pattern is one idea

from __future__ import annotations

import re

from pipeline.reading.blocks import is_head
from pipeline.reading.evidence import looks_like_credit, split_credit
from pipeline.reading.facts import Facts
from pipeline.reading.lines import Line, key_of, word_set
from pipeline.reading.moments import is_date_line
from pipeline.values import DroppedLine

_CAPTION_BLANKS = range(1, 60)
_NO_CAPTION = word_set("byline date related newsletter share tags nav footer comments advert bio form player")
_CAPTION_RULES = frozenset({"caption", "repeated_caption"})
# The site's own copyright line: a year and the words of a legal notice.
_SITE_NOTICE = re.compile(r"^\W*(?:©|\(c\)|copyright)\s*(?:19|20)\d\d\b.{30,}|\ball rights reserved\b", re.IGNORECASE)
# "KYIV, May 31 (Reuters) - ", "WASHINGTON (AP) —", "Berlin (dpa) - "
_DATELINE = re.compile(
    r"^([A-ZÀ-ÞА-ЯІЇЄҐ][\w.'’ /,À-ž-]{1,40}?\s?\((?:[A-Za-zА-я][\w. /&-]{1,30})\))\s*(?:[-–—:]|--)\s+(?=\S)|"
    r"^([A-ZÀ-ÞА-ЯІЇЄҐ][A-ZÀ-ÞА-ЯІЇЄҐ.'’ /-]{2,40}(?:,\s[\w .À-ž]{2,30})?)\s+(?:--|[–—])\s+(?=\S)"
)

# The same on a line of its own: "KYIV, May 31 (Reuters) -", "BRUSSELS, 4 March —". A bare place is a label.
_LONE_DATELINE = re.compile(
    r"^[A-ZÀ-ÞА-ЯІЇЄҐ][\w.'’ /À-ž-]{1,40}(?:,\s[\w .À-ž]{2,30}){0,2}\s?\([A-Za-zА-я][\w. /&-]{1,30}\)\s*[-–—:]+$|"
    r"^(?=.*(?:\d|\(|[-–—:]\s*$))[A-ZÀ-ÞА-ЯІЇЄҐ][A-ZÀ-ÞА-ЯІЇЄҐ.'’ /-]{2,40}(?:,\s[\w .À-ž]{2,30}){1,2}(?:\s?\([\w. /&-]{2,30}\))?\s*[-–—:]*$"
)


def caption_fields(
    facts: Facts, kept: tuple[Line, ...], dropped: tuple[DroppedLine, ...]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The captions without credits, and the credits as written, of the page and of the lines taken out."""
    captions, credits = list(facts.evidence.captions), list(facts.evidence.credits)
    told = [line.line for line in dropped if line.rule in _CAPTION_RULES]
    for text in (*told, *_beside_images(facts, kept)):
        caption, credit = split_credit(text)
        captions += [caption] if caption else []
        credits += [credit] if credit else []
    credits += [line.line for line in dropped if line.rule == "credit" and looks_like_credit(line.line)]
    sources = _distinct([text for text in credits if not _SITE_NOTICE.search(text)])
    known = {key_of(text) for text in sources}
    return _distinct([text for text in captions if key_of(text) not in known]), sources


def _beside_images(facts: Facts, kept: tuple[Line, ...]) -> list[str]:
    """Short texts in the boxes of images between title and end of the story, that the extractor left out."""
    placed = [facts.blocks[line.position].order for line in kept if line.position in facts.blocks]
    if not placed:
        return []
    titles = [o for key in facts.title.variants for o in facts.evidence.places.get(key, ()) if o < max(placed)]
    known = {line.key for line in kept} | set(facts.title.variants) | {key_of(facts.standfirst or "")}
    return [
        block.text
        for block in facts.evidence.blocks[max(titles, default=min(placed)) : max(placed)]
        if block.by_image and block.linked < 0.5 and not is_head(block) and not block.marks & _NO_CAPTION
        and block.key not in known and block.key.count(" ") in _CAPTION_BLANKS and not is_date_line(block.text)
        and not is_name(block.key, facts)
    ]  # fmt: skip


def is_name(key: str, facts: Facts) -> bool:
    """Whether the key is that of one of the authors."""
    return any(key == key_of(name) for name in facts.authors)


def _distinct(texts: list[str]) -> tuple[str, ...]:
    found: dict[str, str] = {}
    for text in texts:
        if key_of(text):
            found.setdefault(key_of(text), text)
    return tuple(found.values())


def dateline_field(kept: tuple[Line, ...], dropped: tuple[DroppedLine, ...]) -> str | None:
    """The dateline that stood on a line of its own, else the one that the first paragraph opens with (and keeps)."""
    alone = next((line.line for line in dropped if line.rule == "dateline"), None)
    return alone.rstrip(" -–—:") if alone else dateline_of(kept[0].text)


def is_dateline(text: str) -> bool:
    """Whether the line is a place with an agency or a day, as a dateline is, and nothing else."""
    return _LONE_DATELINE.match(text) is not None


def dateline_of(text: str) -> str | None:
    """The place (and agency) that the first paragraph opens with, as written; None if it has none."""
    match = _DATELINE.match(text)
    return (match[1] or match[2]).strip() if match else None
