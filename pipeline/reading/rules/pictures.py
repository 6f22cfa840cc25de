"""Rules for what belongs to pictures: captions and credits, which have their own fields."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

from pipeline.reading.evidence import looks_like_credit, split_credit
from pipeline.reading.facts import Facts, first_prose
from pipeline.reading.lines import Line, key_of

Dropped = frozenset[int]
_CAPTION_MAX_WORDS = 90
_BESIDE_MAX_WORDS = 45


def caption(lines: tuple[Line, ...], facts: Facts) -> Dropped:
    """Lines that the page shows as a caption, or that an image carries as its text.

    The text of an alt attribute may also be a sentence of the story: then the line stands among the story's own
    paragraphs, not beside the image, and stays.
    """
    shown = _caption_keys(facts)
    head = first_prose(lines)
    style = _prose_style(lines, facts)
    found = set()
    for index, line in enumerate(lines):
        if line.size > _CAPTION_MAX_WORDS or line.kind == "head" or (line.kind == "item" and line.key not in shown):
            continue
        text, credit = split_credit(line.text)
        key = key_of(text)
        block = facts.blocks.get(line.position)
        beside = block is not None and (block.by_image or "figure" in block.marks)
        is_carried = key in facts.evidence.image_texts or line.key in facts.evidence.image_texts
        is_shown = line.key in shown or (bool(credit) and key in shown)
        is_told = is_carried and (beside or bool(credit) or index <= head)
        is_apart = beside and (bool(credit) or _is_before_credit(index, lines) or _is_set_apart(line, facts, style))
        if is_shown or is_told or is_apart:
            found.add(line.position)
    return frozenset(found)


def repeated_caption(lines: tuple[Line, ...], facts: Facts) -> Dropped:
    """A line that stands twice in a row before the story's prose: a caption and its copy."""
    head = lines[: first_prose(lines, min_words=40) + 1]
    counts = facts.evidence.counts
    found = set()
    for line, after in pairwise(head):
        if line.key == after.key and line.size >= 3:
            found |= {line.position, after.position}
    for line in head:
        # trafilatura keeps one of two copies; the raw page still has them one after the other.
        orders = facts.evidence.places.get(line.key, ())
        if counts.get(line.key, 0) == 2 and line.size >= 3 and len(orders) == 2 and orders[1] - orders[0] == 1:
            found.add(line.position)
    return frozenset(found)


def credit(lines: tuple[Line, ...], facts: Facts) -> Dropped:
    """Lines that name the source of an image: by their wording, or by the box they stand in."""
    told = {key_of(text) for text in facts.evidence.credits}
    return frozenset(
        line.position
        for line in lines
        if line.kind != "head"
        and (line.key in told or looks_like_credit(line.text))
        and not line.text.startswith("(Report")
    )


def _caption_keys(facts: Facts) -> set[str]:
    """Keys of visible captions, whole and with the credit that follows them on the same line."""
    captions = facts.evidence.captions
    return {key_of(text) for text in captions if key_of(text).count(" ") >= 1} | {
        key_of(f"{caption} {credit}") for caption in captions for credit in facts.evidence.credits
    }


def _prose_style(lines: tuple[Line, ...], facts: Facts) -> tuple[str, str, int] | None:
    """How most of the prose is set: its tag, its class, and the element it stands in."""
    blocks = [facts.blocks[line.position] for line in lines if line.size >= 18 and line.position in facts.blocks]
    styles = Counter((block.tag, block.name, block.parent) for block in blocks)
    return styles.most_common(1)[0][0] if styles else None


def _is_set_apart(line: Line, facts: Facts, style: tuple[str, str, int] | None) -> bool:
    """Whether a short line beside an image is set otherwise than the prose, in tag or class and in place."""
    block = facts.blocks[line.position]
    if style is None or line.size > _BESIDE_MAX_WORDS or block.parent == style[2]:
        return False
    return (block.tag, block.name) != style[:2]


def _is_before_credit(index: int, lines: tuple[Line, ...]) -> bool:
    after = lines[index + 1 : index + 3]
    return any(looks_like_credit(line.text) for line in after) and lines[index].size <= 60
