"""Text that stands loose beside blocks, given paragraphs of its own before any extractor looks.

Pages that part their paragraphs by line breaks set boxes (advertisements, share bars, related links) among them. The
words behind such a box belong to no element of their own: an extractor glues them to the box's last words, and they
go with it when the box is dropped.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from lxml.html import HtmlElement

from pipeline.reading.lines import word_set

_BLOCKS = (
    "div", "ul", "ol", "dl", "table", "section", "aside", "figure", "form", "header", "footer", "blockquote",
    "h1", "h2", "h3", "h4", "h5", "h6", "article", "nav",
)  # fmt: skip
_IN_LINE = word_set("a b strong i em u s span sub sup small mark q abbr time font")
# Shorter text behind a block is punctuation, a label or a link's neighbour.
_LEAST_CHARS = 40


@dataclass(slots=True)
class _Run:
    """Loose text behind `before` (at its parent's beginning where that is None), and what is set in line with it."""

    before: HtmlElement | None
    text: str
    in_line: list[HtmlElement] = field(default_factory=list)


def part_loose_text(tree: HtmlElement) -> None:
    """Put the loose text of every box in which some follows a block directly into paragraphs.

    A block without words is no block, since it stands for a line break; what is inside a paragraph is left alone.
    """
    boxes: dict[HtmlElement, None] = {}
    for block in tree.iter(*_BLOCKS):
        tail = block.tail
        if tail and len(tail) >= _LEAST_CHARS and len(tail.strip()) >= _LEAST_CHARS:
            box = block.getparent()
            if box is not None and box not in boxes and box.tag != "p" and _has_words(block):
                boxes[box] = None
    for box in boxes:
        for run in _runs(box):
            _wrap(run, box)


def _has_words(block: HtmlElement) -> bool:
    return any(text.strip() for text in block.itertext())


def _runs(box: HtmlElement) -> list[_Run]:
    runs = [_Run(None, box.text or "")]
    for child in box:
        if child.tag in _IN_LINE:
            runs[-1].in_line.append(child)
        else:
            runs.append(_Run(child, child.tail or ""))
    return runs


def _wrap(run: _Run, box: HtmlElement) -> None:
    if not run.text.strip() and not any(_has_words(element) or (element.tail or "").strip() for element in run.in_line):
        return
    paragraph = box.makeelement("p")
    paragraph.text = run.text
    if run.before is None:
        box.text = None
        box.insert(0, paragraph)
    else:
        run.before.tail = None
        run.before.addnext(paragraph)
    paragraph.extend(run.in_line)
