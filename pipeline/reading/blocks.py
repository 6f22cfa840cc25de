"""The page as a list of blocks: one walk over the raw tree for all facts that extraction would erase."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from lxml import etree
from lxml.html import HtmlElement

from pipeline.reading.lines import key_of, squeeze, word_set
from pipeline.reading.marks import marks_of

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
_TELLING = _BOLD | {"a", "article", "img"}
_HEADS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})


@dataclass(frozen=True, slots=True)
class Block:
    """A run of text between two block boundaries of the page.

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
    chars: int = 0


@dataclass(slots=True)
class _Frame:
    tag: str
    name: str
    number: int
    own: frozenset[str]
    chars: int = 0


@dataclass(slots=True)
class _Found:
    text: str
    frames: tuple[_Frame, ...]
    linked: float
    bold: float
    boxes: tuple[_Box, ...]
    in_article: bool


@dataclass(slots=True)
class _Walk:
    """The state of one walk; it lives no longer than blocks_of. `opened` says of each open element what it began."""

    frames: list[_Frame] = field(default_factory=list)
    opened: list[tuple[bool, bool]] = field(default_factory=list)
    boxes: tuple[_Box, ...] = ()
    pieces: list[str] = field(default_factory=list)
    found: list[_Found] = field(default_factory=list)
    images: list[tuple[_Frame, ...]] = field(default_factory=list)
    number: int = 0
    links: int = 0
    bolds: int = 0
    articles: int = 0
    linked_chars: int = 0
    bold_chars: int = 0

    def add(self, text: str) -> None:
        # Blanks count between two words only; most of a page's source is blanks between two blocks.
        if self.pieces or not text.isspace():
            self.pieces.append(text)
            if self.links or self.bolds:
                size = len(text.strip())
                self.linked_chars += size if self.links else 0
                self.bold_chars += size if self.bolds else 0

    def flush(self) -> None:
        if self.pieces:
            text = squeeze("".join(self.pieces))
            self.pieces.clear()
            size = len(text)
            for frame in self.frames:
                frame.chars += size
            for box in self.boxes:
                box.chars += size
            # What only parts the links of a list ("Home | World | Sport") is no text beside them.
            bare = len(_PARTING.sub("", text)) or size if self.linked_chars else size
            linked, bold = min(1.0, self.linked_chars / bare), min(1.0, self.bold_chars / size)
            self.found.append(_Found(text, tuple(self.frames), linked, bold, self.boxes, self.articles > 0))
        self.linked_chars = self.bold_chars = 0

    def open(self, element: HtmlElement) -> None:
        tag, get = element.tag, element.get
        kind, own_name = get("class"), get("id")
        names = f"{kind} {own_name}" if kind and own_name else kind or own_name or ""
        own = marks_of(tag, names, get("role", ""))
        is_block = tag in _BLOCKS or not self.frames or (tag in _INLINE_BOXES and not own.isdisjoint(_SPLITTING_MARKS))
        self.number += 1
        if is_block:
            self.flush()
            self.frames.append(_Frame(tag, names.strip(), self.number, own))
        if own:
            self.boxes = (*self.boxes, _Box(own))
        self.opened.append((is_block, bool(own)))
        if tag in _TELLING:
            self._count(element, 1)
        if element.text:
            self.add(element.text)

    def close(self, element: HtmlElement) -> None:
        is_block, is_box = self.opened.pop()
        if is_block:
            self.flush()
            self.frames.pop()
        if is_box:
            self.boxes = self.boxes[:-1]
        if element.tag in _TELLING:
            self._count(element, -1)

    def _count(self, element: HtmlElement, step: int) -> None:
        tag = element.tag
        if tag == "a":
            self.links += step * _leads_away(element)
        elif tag in _BOLD:
            self.bolds += step
        elif tag == "article":
            self.articles += step
        elif step > 0:
            self.images.append(tuple(self.frames))


def blocks_of(tree: HtmlElement) -> tuple[Block, ...]:
    """The page's visible text as blocks in document order, with what each box around them says."""
    body = tree.find("body") if tree.tag == "html" else tree
    if body is None:
        return ()
    walk, skipping = _Walk(), 0
    for event, element in etree.iterwalk(body, events=("start", "end")):
        tag = element.tag
        if not isinstance(tag, str):
            continue
        if tag in _SKIPPED:
            skipping += 1 if event == "start" else -1
        elif skipping:
            continue
        elif event == "start":
            walk.open(element)
            continue
        else:
            walk.close(element)
        if event == "end" and not skipping and element.tail and element is not body:
            walk.add(element.tail)
    return _settled(walk)


def _leads_away(element: HtmlElement) -> bool:
    """Whether a link leads to another page: anchors within the page are no teasers."""
    return not (element.get("href") or "#").startswith("#")


def _settled(walk: _Walk) -> tuple[Block, ...]:
    """Blocks with the marks of small boxes only: a wrapper called "related" around the whole page says nothing."""
    total = sum(len(found.text) for found in walk.found)
    limit = min(4000.0, max(600.0, 0.3 * total))
    image_boxes = _image_boxes(walk.images)
    marks: dict[int, frozenset[str]] = {}
    for found in walk.found:
        # The boxes around a block are one tuple for all blocks that share them.
        if id(found.boxes) not in marks:
            small = (box.marks for box in found.boxes if box.chars <= limit)
            marks[id(found.boxes)] = frozenset().union(*small)
    return tuple(
        Block(
            order=order,
            text=found.text,
            tag=found.frames[-1].tag,
            name=found.frames[-1].name,
            parent=found.frames[-2].number if len(found.frames) > 1 else 0,
            linked=found.linked,
            bold=found.bold,
            own=found.frames[-1].own,
            marks=marks[id(found.boxes)],
            in_article=found.in_article,
            by_image=bool(image_boxes) and any(frame.number in image_boxes for frame in found.frames[-3:]),
            path=tuple(frame.number for frame in found.frames),
            key=key_of(found.text),
            in_quote=any(frame.tag == "blockquote" for frame in found.frames[-4:]),
        )
        for order, found in enumerate(walk.found)
    )


def _image_boxes(images: list[tuple[_Frame, ...]]) -> frozenset[int]:
    """The numbers of the innermost elements that hold an image and some text, but no more than a caption's worth."""
    innermost = (next((frame for frame in reversed(frames) if frame.chars), None) for frames in images)
    return frozenset(frame.number for frame in innermost if frame is not None and frame.chars <= _CAPTION_MAX_CHARS)


def is_head(block: Block) -> bool:
    """Whether the block is set as a heading."""
    return block.tag in _HEADS
