"""Lines that the extractor lost between two lines it kept: sub-heads, and paragraphs set like their neighbours."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise

from pipeline.reading.blocks import Block, is_head
from pipeline.reading.evidence import Evidence, looks_like_credit
from pipeline.reading.lines import Line, word_set
from pipeline.reading.phrases import FURNITURE, RELATED

_FOREIGN = word_set(
    "nav footer aside related newsletter share tags comments advert bio form notice caption figure player "
    "credit byline date"
)
_HEAD_MAX_WORDS = 30
_PROSE_WORDS = 12
_MEND_MIN_CHARS = 60
_MAX_PIECES = 40
_FEW_WORDS = 3
# Pairs of line and paragraph: beyond it the page is no article, and mending it would take seconds.
_MAX_COMPARED = 200_000


def place_lines(lines: Iterable[Line], evidence: Evidence) -> dict[int, Block]:
    """The block of the page that each line stands in, by the line's position; lines without a block are left out.

    A line that occurs several times is placed after the line before it.
    """
    placed: dict[int, Block] = {}
    last = -1
    for line in lines:
        orders = evidence.places.get(line.key, ())
        order = next((o for o in orders if o > last), None) if len(orders) > 1 else next(iter(orders), None)
        if order is not None:
            placed[line.position] = evidence.blocks[order]
            last = order if order - last < 200 or last < 0 else last
    return placed


def mend_lines(lines: tuple[Line, ...], evidence: Evidence) -> tuple[Line, ...]:
    """`lines` with the paragraphs whole again that the extractor broke into several lines or cut words out of.

    It breaks a paragraph at ruby text and drops some inline elements. Such pieces are no blocks of the page by
    themselves, and stand in a row in one that the other lines do not have.
    """
    whole = [block for block in evidence.blocks if block.tag == "p" and len(block.text) >= _MEND_MIN_CHARS]
    if len(whole) * sum(1 for line in lines if line.key not in evidence.places) > _MAX_COMPARED:
        return lines
    out: list[Line] = []
    index = 0
    while index < len(lines):
        line = lines[index]
        is_lost = line.key not in evidence.places
        block = next((b for b in whole if line.key in b.key and _is_head_of(line, b)), None) if is_lost else None
        size = _pieces_in(lines[index:], block) if block else 0
        if block is not None and (size >= 2 or _lacks_little(line, block)):
            size = max(size, 1)
            out.append(replace(line, text=block.text))
            index += size
        else:
            out.append(line)
            index += 1
    return tuple(replace(line, position=place) for place, line in enumerate(out))


def _is_head_of(line: Line, block: Block) -> bool:
    return block.key.startswith(f"{line.key} ") or _lacks_little(line, block)


def _lacks_little(line: Line, block: Block) -> bool:
    """Whether the line is the paragraph but for up to three words at one end, lost with an inline element."""
    size = block.key.count(" ") + 1
    return line.size >= _PROSE_WORDS and 0 < size - line.size <= _FEW_WORDS and line.key in block.key


def _pieces_in(lines: tuple[Line, ...], block: Block) -> int:
    """How many of the first lines stand one after the other in the block, if they reach its end; else 0."""
    place, text = 0, f" {block.key} "
    for count, line in enumerate(lines[:_MAX_PIECES], 1):
        found = text.find(f" {line.key} ", place)
        if found < 0:
            return 0
        place = found + len(line.key) + 1
        if place >= len(text) - 1:
            return count
    return 0


def restore_lines(lines: tuple[Line, ...], evidence: Evidence) -> tuple[Line, ...]:
    """`lines` with what was lost between them put back at its place, numbered anew."""
    placed = place_lines(lines, evidence)
    styles = Counter(
        _style(placed[line.position]) for line in lines if line.position in placed and line.size >= _PROSE_WORDS
    )
    body_styles = {style for style, count in styles.items() if count >= 2 and count >= 0.2 * styles.total()}
    known = {line.key for line in lines}
    whole = f" {' '.join(line.key for line in lines)} "
    out: list[Line] = []
    last: int | None = None
    has_prose = False
    for line in lines:
        block = placed.get(line.position)
        if block is not None and last is not None and 1 < block.order - last <= 12:
            for lost in _lost(evidence.blocks[last + 1 : block.order + 1], body_styles, known, whole):
                out.append(Line(0, lost.text, "head" if is_head(lost) else "p"))
                known.add(lost.key)
        if block is not None:
            last = block.order
        is_bold = has_prose and block is not None and _is_bold_head(block)
        is_subhead = block is not None and line.kind == "p" and (is_head(block) or is_bold)
        kind = "head" if is_subhead else line.kind
        out.append(replace(line, kind=kind))
        has_prose = has_prose or line.size >= _PROSE_WORDS
    return tuple(replace(line, position=index) for index, line in enumerate(out))


def _is_bold_head(block: Block) -> bool:
    """Whether the block is a short line in bold type without a full stop, as pages without heading tags set them."""
    is_short = 1 <= block.key.count(" ") <= 12 and block.linked < 0.5
    return block.bold > 0.9 and is_short and block.text[-1] not in ".,:;…"


def _style(block: Block) -> tuple[str, str]:
    return (block.tag, block.name)


def _lost(between: tuple[Block, ...], styles: set[tuple[str, str]], known: set[str], whole: str) -> list[Block]:
    """The blocks of a gap (its last one is the line after it) that belong to the story."""
    found = []
    for block, after in pairwise(between):
        if block.key in known or block.linked >= 0.5 or block.marks & _FOREIGN or not block.key or block.by_image:
            continue
        if f" {block.key} " in whole or looks_like_credit(block.text):
            continue
        if RELATED.match(block.text) or FURNITURE.match(block.text):
            continue
        is_subhead = is_head(block) and block.tag != "h1" and block.key.count(" ") < _HEAD_MAX_WORDS
        if (is_subhead and after.key in known and not is_head(after)) or (_style(block) in styles and block.tag == "p"):
            found.append(block)
    return found
