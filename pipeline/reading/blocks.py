"""The page as a list of blocks: one walk over the raw tree for all facts that extraction would erase."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from lxml import etree
from lxml.html import HtmlElement

from pipeline.reading.lines import keys_of, squeeze, word_set
from pipeline.reading.marks import NONE, marks_of

_BLOCKS = word_set(
    "address article aside blockquote body br button center dd details dialog div dl dt fieldset figcaption "
    "figure footer form h1 h2 h3 h4 h5 h6 header hr html label legend li main nav ol p pre section summary "
    "table tbody td tfoot th thead time tr ul"
)
_SKIPPED = word_set("script style template svg iframe select option textarea object math head noscript canvas")
_INLINE_BOXES = frozenset({"span", "small", "cite", "a", "em", "i", "b", "strong"})
_SPLITTING_MARKS = frozenset({"credit", "caption", "byline", "date", "kicker"})
_BOLD = frozenset({"b", "strong"})
_CAPTION_MAX_CHARS = 900
_PARTING = re.compile(r"\s*[|•·»›/→]\s*")
_PARTING_MARK = re.compile(r"[|•·»›/→]")
_TELLING = _BOLD | {"a", "article", "blockquote", "img"}
_HEADS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})


class Block(NamedTuple):
    """A run of text between two block boundaries of the page. A named tuple, since a page has thousands.

    `linked` and `bold` are the shares of its characters in links and in bold type, 0..1. `own` are the marks of the
    element itself, `marks` those of every small box around it too. `parent` numbers the element above the text's own,
    `path` all block elements around the text from the page's body inwards. `by_image` says that it stands in the small
    box that holds an image, `in_quote` that it stands in a blockquote. `key` is what the block says, without case,
    punctuation and spacing.
    """

    order: int
    text: str
    tag: str
    name: str
    parent: int
    linked: float
    bold: float
    own: frozenset[str]
    marks: frozenset[str]
    in_article: bool
    by_image: bool = False
    path: tuple[int, ...] = ()
    in_quote: bool = False
    key: str = ""


@dataclass(slots=True)
class _Box:
    """A marked element and how much text it holds: only small boxes tell something about their lines."""

    marks: frozenset[str]
    chars: int


@dataclass(slots=True)
class _Frame:
    """An open block element. `chars` is minus what was found before it, until it is closed, and then its text's size.

    `path` numbers the block elements from the body down to this one, None until a text stands in it.
    """

    tag: str
    name: str
    number: int
    own: frozenset[str]
    chars: int
    path: tuple[int, ...] | None = None
    in_quote: bool = False


class _Found(NamedTuple):
    text: str
    frame: _Frame
    linked: float
    bold: float
    boxes: tuple[_Box, ...]
    in_article: bool


class _Kind(NamedTuple):
    """What an element is called, its marks, and whether it parts the text around it, or counts for what is in it."""

    tag: str
    names: str
    own: frozenset[str]
    is_block: bool
    is_counted: bool
    tells: bool


@dataclass(slots=True)
class _Walk:
    """The state of one walk; it lives no longer than blocks_of. `opened` says of each open element what it is.

    `frames` are the open block elements and `path` their numbers, from the body inwards.
    """

    frames: list[_Frame] = field(default_factory=list)
    path: list[int] = field(default_factory=list)
    opened: list[_Kind] = field(default_factory=list)
    boxes: tuple[_Box, ...] = ()
    pieces: list[str] = field(default_factory=list)
    found: list[_Found] = field(default_factory=list)
    images: list[tuple[_Frame, ...]] = field(default_factory=list)
    chars: int = 0
    links: int = 0
    bolds: int = 0
    articles: int = 0
    quotes: int = 0
    linked_chars: int = 0
    bold_chars: int = 0

    def over(self, body: HtmlElement) -> None:
        """Walk over all that the body shows."""
        walker = etree.iterwalk(body, events=("start", "end"))
        pieces, opened, number = self.pieces, self.opened, 0
        for event, element in walker:
            tag = element.tag
            if event == "start":
                if tag in _SKIPPED:
                    walker.skip_subtree()
                    continue
                number += 1
                get = element.get
                kind = _kind_of(tag, get("class"), get("id"), get("role"))
                opened.append(kind)
                # An element that says nothing of the text in it, as every third, is only counted.
                if kind.tells or number == 1:
                    self.open(element, kind, number)
                text = element.text
            elif tag in _SKIPPED:
                text = element.tail
            else:
                kind = opened.pop()
                if kind.tells or not opened:
                    self.close(element, kind)
                text = element.tail if opened else None
            # Blanks count between two words only; most of a page's source is blanks between two blocks.
            if text and (pieces or not text.isspace()):
                pieces.append(text)
                if self.links or self.bolds:
                    size = len(text.strip())
                    self.linked_chars += size if self.links else 0
                    self.bold_chars += size if self.bolds else 0

    def open(self, element: HtmlElement, kind: _Kind, number: int) -> None:
        if kind.is_block or not self.frames:
            self.part()
            self.frames.append(_Frame(kind.tag, kind.names, number, kind.own, -self.chars))
            self.path.append(number)
        if kind.own:
            self.boxes = (*self.boxes, _Box(kind.own, -self.chars))
        if kind.is_counted:
            self._count(element, kind.tag, 1)

    def close(self, element: HtmlElement, kind: _Kind) -> None:
        if kind.is_block or not self.opened:
            self.part()
            self.frames.pop().chars += self.chars
            self.path.pop()
        if kind.own:
            self.boxes[-1].chars += self.chars
            self.boxes = self.boxes[:-1]
        if kind.is_counted:
            self._count(element, kind.tag, -1)

    def part(self) -> None:
        """A boundary between two blocks."""
        if self.pieces:
            self.flush()
        self.linked_chars = self.bold_chars = 0

    def flush(self) -> None:
        """The pieces become a text that was found. What is open holds it, since it is counted when that is closed."""
        text = squeeze("".join(self.pieces))
        self.pieces.clear()
        size = bare = len(text)
        self.chars += size
        linked = 0.0
        if self.linked_chars:
            # What only parts the links of a list ("Home | World | Sport") is no text beside them.
            if _PARTING_MARK.search(text):
                bare = len(_PARTING.sub("", text)) or size
            linked = min(1.0, self.linked_chars / bare)
        frame = self.frames[-1]
        if frame.path is None:
            frame.path = tuple(self.path)
            frame.in_quote = self.quotes > 0 and any(outer.tag == "blockquote" for outer in self.frames[-4:])
        bold = min(1.0, self.bold_chars / size) if self.bold_chars else 0.0
        self.found.append(_Found(text, frame, linked, bold, self.boxes, self.articles > 0))

    def _count(self, element: HtmlElement, tag: str, step: int) -> None:
        if tag == "a":
            self.links += step * _leads_away(element)
        elif tag in _BOLD:
            self.bolds += step
        elif tag == "article":
            self.articles += step
        elif tag == "blockquote":
            self.quotes += step
        elif step > 0:
            self.images.append(tuple(self.frames))


def blocks_of(tree: HtmlElement) -> tuple[Block, ...]:
    """The page's visible text as blocks in document order, with what each box around them says."""
    body = tree.find("body") if tree.tag == "html" else tree
    if body is None:
        return ()
    walk = _Walk()
    walk.over(body)
    return _settled(walk)


@lru_cache(maxsize=16384)
def _kind_of(tag: str, classes: str | None, own_name: str | None, role: str | None) -> _Kind:
    names = f"{classes} {own_name}" if classes and own_name else classes or own_name or ""
    own = marks_of(tag, names, role or "")
    is_block = tag in _BLOCKS or (tag in _INLINE_BOXES and not own.isdisjoint(_SPLITTING_MARKS))
    is_counted = tag in _TELLING
    return _Kind(tag, names.strip(), own, is_block, is_counted, is_block or is_counted or bool(own))


def _leads_away(element: HtmlElement) -> bool:
    """Whether a link leads to another page: anchors within the page are no teasers."""
    return not (element.get("href") or "#").startswith("#")


def _settled(walk: _Walk) -> tuple[Block, ...]:
    """Blocks with the marks of small boxes only: a wrapper called "related" around the whole page says nothing."""
    limit = min(4000.0, max(600.0, 0.3 * walk.chars))
    image_boxes = _image_boxes(walk.images)
    marks: dict[int, frozenset[str]] = {}
    blocks = []
    keys = keys_of([found.text for found in walk.found])
    for order, ((text, frame, linked, bold, boxes, in_article), key) in enumerate(zip(walk.found, keys, strict=True)):
        path = frame.path or ()
        # The boxes around a block are one tuple for all blocks that share them.
        if id(boxes) not in marks:
            marks[id(boxes)] = NONE.union(*[box.marks for box in boxes if box.chars <= limit])
        parent = path[-2] if len(path) > 1 else 0
        by_image = not image_boxes.isdisjoint(path[-3:])
        # By place: names cost half of what a block costs.
        blocks.append(
            Block(
                order, text, frame.tag, frame.name, parent, linked, bold, frame.own, marks[id(boxes)], in_article,
                by_image, path, frame.in_quote, key,
            )
        )  # fmt: skip
    return tuple(blocks)


def _image_boxes(images: list[tuple[_Frame, ...]]) -> frozenset[int]:
    """The numbers of the innermost elements that hold an image and some text, but no more than a caption's worth."""
    innermost = (next((frame for frame in reversed(frames) if frame.chars), None) for frames in images)
    return frozenset(frame.number for frame in innermost if frame is not None and frame.chars <= _CAPTION_MAX_CHARS)


def is_head(block: Block) -> bool:
    """Whether the block is set as a heading."""
    return block.tag in _HEADS
