"""Bodies of items: XHTML, NITF content, HTML in CDATA and plain text, as paragraphs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

from lxml import etree, html

from pipeline.reading.lines import word_set
from pipeline.text import scrub
from pipeline.wire.items import TextLine
from pipeline.wire.xml import local, squeezed

_HEADS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6", "hl2"})
_ITEMS = frozenset({"li", "dt", "dd"})
_ROWS = frozenset({"tr"})
# Blocks that hold other blocks; text directly in them is a paragraph of its own.
_BOXES = word_set(
    "html body section article main div block body.content bq blockquote block.content ul ol dl table tbody thead"
    " tfoot body.head"
)
# Not the story: media with their captions, notes to the desk, scripts, and what belongs in fields of its own.
_LEFT_OUT = word_set(
    "head script style media figure aside nav form iframe object video audio picture svg img note fn hedline byline"
    " dateline distributor copyrite abstract tagline datasource bibliography header footer noscript"
)
_TAG = re.compile(r"</?(?:p|br|div|h[1-6]|ul|li|table|b|i|em|strong|span|a)\b[^<>]*>", re.IGNORECASE)
_BLANK_LINE = re.compile(r"\n[ \t]*\n+")
_DEPTH_MAX = 64


def lines_of_element(element: etree._Element) -> tuple[TextLine, ...]:
    """The paragraphs of an inline body, whichever of XHTML and NITF it is marked up in."""
    return tuple(line for line in _lines(element, 0) if line.text)


def lines_of_html(markup: str) -> tuple[TextLine, ...]:
    """The paragraphs of a body of HTML."""
    if not markup.strip():
        return ()
    try:
        tree = html.fragment_fromstring(scrub(markup), create_parent="div")
    except (etree.ParserError, ValueError):
        return ()
    return lines_of_element(tree)


def lines_of_text(text: str) -> tuple[TextLine, ...]:
    """The paragraphs of plain text: its blocks between blank lines, or else its lines, or else indented lines.

    Text that holds HTML after all, as careless senders have it, is read as HTML.
    """
    if _TAG.search(text):
        return lines_of_html(text)
    clean = scrub(text)
    blocks = _BLANK_LINE.split(clean) if _BLANK_LINE.search(clean.strip()) else clean.split("\n")
    return tuple(TextLine(line) for block in blocks if (line := squeezed(block)))


def captions_of(element: etree._Element) -> tuple[str, ...]:
    """The captions of the media within the body."""
    names = ("media-caption", "figcaption")
    found = [squeezed("".join(item.itertext())) for item in element.iter() if local(item) in names]
    return tuple(dict.fromkeys(text for text in found if text))


def _lines(element: etree._Element, depth: int) -> Iterator[TextLine]:
    if depth > _DEPTH_MAX:
        return
    run: list[str] = [element.text or ""]
    for part in element:
        name = local(part)
        if not name or name in _LEFT_OUT:
            run.append(part.tail or "")
        elif name in _BOXES or name == "p" or name in _HEADS or name in _ITEMS or name in _ROWS:
            yield TextLine(squeezed("".join(run)))
            if name in _BOXES:
                yield from _lines(part, depth + 1)
            else:
                yield from _split(part, _kind(name))
            run = [part.tail or ""]
        elif name == "br":
            yield TextLine(squeezed("".join(run)))
            run = [part.tail or ""]
        else:
            run += [" ".join(_words(part)), part.tail or ""]
    yield TextLine(squeezed("".join(run)))


def _split(element: etree._Element, kind: Literal["p", "head", "item", "row"]) -> Iterator[TextLine]:
    """One line, or several where breaks or blocks stand inside (`<p>..<br/><br/>..</p>`)."""
    run: list[str] = [element.text or ""]
    for part in element:
        name = local(part)
        is_break = name in ("br", "p") or name in _HEADS or name in _ITEMS
        if is_break and kind != "row":
            yield TextLine(squeezed("".join(run)), kind)
            run = []
        if name and name not in _LEFT_OUT and name != "br":
            run.append(" ".join(_words(part)) + (" " if kind == "row" else ""))
        run.append(part.tail or "")
    yield TextLine(squeezed("".join(run)), kind)


def _words(element: etree._Element) -> Iterator[str]:
    """The text of an inline element; spaces only where a break or cell divides."""
    text = ["" if element.text is None else element.text]
    for part in element:
        if local(part) and local(part) not in _LEFT_OUT:
            text.append(" " if local(part) == "br" else "".join(_words(part)))
        text.append(part.tail or "")
    yield "".join(text)


def _kind(name: str) -> Literal["p", "head", "item", "row"]:
    return "head" if name in _HEADS else "item" if name in _ITEMS else "row" if name in _ROWS else "p"
