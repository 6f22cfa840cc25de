"""Rules for what stands in the story's column without being its text: boxes with a text of their own, pull quotes."""

from __future__ import annotations

from collections import Counter

from pipeline.reading.blocks import Block, is_head
from pipeline.reading.facts import Facts
from pipeline.reading.lines import Line, contains_words

Dropped = frozenset[int]
_PROSE_WORDS = 12
# Chosen by eye on recorded pages: a column that holds less is no column, a box that holds more is no box.
_COLUMN_SHARE = 0.7
_BOX_SHARE = 0.15
_ALL_BOXES_SHARE = 0.3
# Each box is looked for in all blocks, each quotation in all prose: pages with more are no articles, and cost time.
_MAX_BOXES = 40
_MAX_LINES = 1000
_QUOTE_WORDS = range(5, 70)
_LIST_TAGS = frozenset({"li", "td", "th", "dd", "dt"})


def text_boxes(lines: tuple[Line, ...], facts: Facts) -> Dropped:
    """Boxes between and after the paragraphs with a heading and a text of their own: portraits, figures, appeals.

    Boxes outside the column that are set otherwise than its prose need no heading.

    Told by place alone: nearly all prose stands directly in one element, these lines in another one after its start.
    Where each paragraph has an element of its own, or the page is made of sections, nothing is told and all stays.
    """
    placed = [(line, facts.blocks[line.position]) for line in lines if line.position in facts.blocks]
    column = _column(placed)
    total = sum(len(line.text) for line, _ in placed)
    if column is None:
        return frozenset()
    first = next(block.order for line, block in placed if block.parent == column and line.size >= _PROSE_WORDS)
    numbers = {
        _outermost(block, column)
        for _, block in placed
        if block.order > first and column not in block.path[-2:] and block.tag not in _LIST_TAGS
    }
    found: list[Line] = []
    main = _main_style(placed)
    for number in numbers if len(numbers) <= _MAX_BOXES else ():
        inside = [(line, block) for line, block in placed if number in block.path]
        is_small = sum(len(line.text) for line, _ in inside) <= _BOX_SHARE * total
        is_other = all(column not in block.path and _style(block) != main for _, block in inside)
        if is_small and (_has_own_head(number, facts) or is_other):
            found += [line for line, _ in inside]
    is_bearable = sum(len(line.text) for line in found) <= _ALL_BOXES_SHARE * total
    return frozenset(line.position for line in found) if is_bearable else frozenset()


def _column(placed: list[tuple[Line, Block]]) -> int | None:
    """The number of the element that directly holds nearly all prose; None if there is none."""
    chars: Counter[int] = Counter()
    for line, block in placed:
        if line.size >= _PROSE_WORDS:
            chars[block.parent] += len(line.text)
    best = chars.most_common(1)
    return best[0][0] if best and best[0][1] >= _COLUMN_SHARE * chars.total() else None


def _outermost(block: Block, column: int) -> int:
    """The number of the outermost element around the block that does not hold the column itself."""
    if column in block.path:
        return block.path[block.path.index(column) + 1]
    return block.parent


def _has_own_head(number: int, facts: Facts) -> bool:
    """Whether the element begins with a heading or a short line in bold."""
    inside = [block for block in facts.evidence.blocks if number in block.path]
    head = inside[0] if len(inside) > 1 else None
    return head is not None and (is_head(head) or (head.bold > 0.9 and head.key.count(" ") < _PROSE_WORDS))


def pull_quotes(lines: tuple[Line, ...], facts: Facts) -> Dropped:
    """Sentences set large that the text itself has too, word for word, in a longer paragraph."""
    prose = [line for line in lines if line.size >= _PROSE_WORDS]
    main = _main_style([(line, facts.blocks[line.position]) for line in prose if line.position in facts.blocks])
    found = set()
    for line in lines if len(lines) <= _MAX_LINES else ():
        block = facts.blocks.get(line.position)
        # A sub-head may quote the paragraph under it.
        if line.size not in _QUOTE_WORDS or block is None or line.kind != "p" or is_head(block):
            continue
        is_set_apart = _style(block) != main or "pullquote" in block.marks
        if is_set_apart and any(other.size > line.size and contains_words(other.key, line.key) for other in prose):
            found.add(line.position)
    return frozenset(found)


def _main_style(placed: list[tuple[Line, Block]]) -> tuple[str, str, bool] | None:
    """How most of the prose is set; None if there is none."""
    styles = Counter(_style(block) for line, block in placed if line.size >= _PROSE_WORDS)
    return styles.most_common(1)[0][0] if styles else None


def _style(block: Block) -> tuple[str, str, bool]:
    return (block.tag, block.name, block.in_quote)
