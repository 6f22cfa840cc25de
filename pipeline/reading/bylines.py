"""Where a page names the story's author: what the markup calls so, and what is set and worded like a byline."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from lxml.html import HtmlElement

from pipeline.reading.blocks import Block, is_head
from pipeline.reading.lines import squeeze, word_set
from pipeline.reading.marks import marks_of
from pipeline.reading.moments import is_date_line, parse_moment
from pipeline.reading.phrases import BYLINE_HEAD, BYLINE_LABEL

# Lower-case words inside names and between them.
PARTICLES = word_set("by von van de der den del della da di la le ter af av zu al bin ibn y e dos das el")
_PIECES = re.compile(r"\s*[|•·–—]\s*|,\s+(?=\d)|\s+-\s+")
_FOREIGN = frozenset({"bio", "related", "form", "nav", "footer"})
_BEFORE_TITLE, _AFTER_TITLE = 6, 25
_GAP = 4
_BOX_LEVELS = 4
_SHORT_CHARS = 120
_MAX_CHARS = 200
_PROSE_CHARS = 120
_NAME_AND_DATE_CHARS = 80
# A writer's name stands alone in the byline and in a note on the author; a section's in the head, the foot and more.
_MENU_TIMES = 3
# A first sieve in XPath, which is much faster than asking each element of the tree.
_BYLINE_BOXES = (
    "//body//*[contains(@class, 'yline') or contains(@class, 'utho') or contains(@class, 'uto') "
    "or contains(@class, 'riter') or contains(@class, 'ontributor') or contains(@class, 'edactor')]"
)


def find_bylines(
    tree: HtmlElement, blocks: tuple[Block, ...], title: int, authors: Sequence[HtmlElement]
) -> tuple[tuple[str, ...], ...]:
    """Texts that may hold the names of the story's authors, in groups found in one way, most reliable group first.

    `title` is the order of the block that holds the story's title, 0 if there is none: an author box far below it is
    that of another story or of a writer's page. `authors` are the elements that the markup calls an author.
    """
    near = blocks[max(0, title - _BEFORE_TITLE) : title + _AFTER_TITLE]
    boxes = _together(block for block in near if "byline" in block.marks and not block.marks & _FOREIGN)
    head = near[: next((place for place, block in enumerate(near) if _is_prose(block, title)), len(near)) + 1]
    dated = [block.text for block, after in pairwise(near) if _is_name(block) and is_date_line(after.text)]
    signed = [_undated(block.text) for block in near if _is_signed(block)]
    opening = [block.text for block, after in pairwise(head) if _is_name(block) and _is_prose_like(block, after)]
    labelled = [block.text for block in blocks if len(block.text) < 80 and BYLINE_LABEL.match(block.text)]
    parted = _parted(tree) if any(map(_may_run_together, boxes)) else []
    groups = (parted, _told(authors), boxes, dated, signed, _beside_dates(head, blocks), labelled, opening)
    return tuple(tuple(dict.fromkeys(text for text in group if 0 < len(text) <= _MAX_CHARS)) for group in groups)


def pieces_of(text: str) -> list[str]:
    """What bars, dots and commas before numbers part in a line with a byline and a date; a name and a date alone."""
    return name_and_date(text) or [piece for piece in _PIECES.split(text) if piece]


def name_and_date(text: str) -> list[str]:
    """The two parts of a line that is a name and a date in either order, with a space or nothing between them.

    "Ada Obi 3 May 2024", and "Ada Obi3 May 2024" where the page gave each an element of its own. Empty otherwise.
    """
    if len(text) > _NAME_AND_DATE_CHARS or not any(map(str.isdigit, text)):
        return []
    for place in range(1, len(text)):
        if not _is_seam(text[place - 1], text[place]):
            continue
        parts = [text[:place].strip(" ,"), text[place:].strip(" ,")]
        dated = [part for part in parts if is_date_line(part) and parse_moment(part) is not None]
        if len(dated) == 1 and any(map(is_name_text, parts)):
            return parts
    return []


def _is_seam(before: str, after: str) -> bool:
    if before.isspace() or (before.isalpha() and after.isdigit()) or (before.isdigit() and after.isalpha()):
        return True
    return before.islower() and after.isupper()


def _is_name(block: Block) -> bool:
    return is_name_text(block.text) and not is_head(block) and not block.by_image and not block.marks & _FOREIGN


def is_name_text(text: str) -> bool:
    """Whether the text is two to five words that all begin with a capital, but for the particles of names."""
    tokens = text.replace("/", " ").split()
    if not 2 <= len(tokens) <= 5 or not text[-1].isalpha() or any(character.isdigit() for character in text):
        return False
    return all(word[0].isupper() or word.lower() in PARTICLES for word in tokens)


def _told(found: Sequence[HtmlElement]) -> list[str]:
    """What the markup calls the author outright: the first such element and those in its box, not every teaser's."""
    box = found[0] if found else None
    for _ in range(_BOX_LEVELS):
        parent = box.getparent() if box is not None else None
        box = parent if parent is not None and parent.tag != "body" else box
    return [squeeze(element.text_content()) for element in found if element is box or box in element.iterancestors()]


def _parted(tree: HtmlElement) -> list[str]:
    """The names in a byline box that gives each of two or more its own element, without a comma between them."""
    boxes = [element for element in tree.xpath(_BYLINE_BOXES) if _is_byline_box(element)]
    for element in (inner for box in boxes for inner in (box, *box)):
        if len(element) < 2:
            continue
        children = [squeeze(child.text_content()) for child in element if child.tag in ("a", "span", "div", "li")]
        if len(children) >= 2 and len(children) == len(element) and all(map(_is_bare_name, children)):
            return children
    return []


def _is_byline_box(element: HtmlElement) -> bool:
    names = f"{element.get('class') or ''} {element.get('id') or ''}"
    return "byline" in marks_of(element.tag, names, "")


def _may_run_together(text: str) -> bool:
    """Whether a byline has the words of two names and nothing that parts them."""
    return len(text.split()) >= 4 and not any(character in text for character in ",;|&/")


def _is_bare_name(text: str) -> bool:
    return bool(text) and is_name_text(text)


def _together(found: Iterator[Block]) -> list[str]:
    """The texts of the first byline and of those right behind it; later ones sign the teasers of other stories."""
    texts: list[str] = []
    last: int | None = None
    for block in found:
        if last is not None and block.order - last > _GAP:
            break
        texts.append(block.text)
        last = block.order
    return texts


def _is_signed(block: Block) -> bool:
    return len(block.text) < _SHORT_CHARS and BYLINE_HEAD.match(block.text) is not None


def _undated(text: str) -> str:
    """The pieces of a byline that are no date ("By Ada Obi | 3 May 2024")."""
    return ", ".join(piece for piece in pieces_of(text) if not is_date_line(piece))


def _is_prose(block: Block, title: int) -> bool:
    return block.order > title and len(block.text) >= _PROSE_CHARS and block.linked < 0.5 and block.tag == "p"


def _beside_dates(head: tuple[Block, ...], blocks: tuple[Block, ...]) -> list[str]:
    """The name in the first line that holds a date and a name ("3 May 2024 | 14:07 | Ada Obi", "Ada Obi 3 May 2024").

    What also stands in the page's menus is the name of a section.
    """
    for block in head:
        pieces = pieces_of(block.text) if len(block.text) < _SHORT_CHARS else []
        if len(pieces) < 2 or not any(is_date_line(piece) for piece in pieces):
            continue
        names = [piece for piece in pieces if BYLINE_HEAD.match(piece) or is_name_text(piece)]
        if names and sum(1 for other in blocks if other.text == names[0]) < _MENU_TIMES:
            return names[:1]
    return []


def _is_prose_like(block: Block, after: Block) -> bool:
    """Whether the block is set like the paragraph that follows it."""
    style = (block.tag, block.name, block.parent) == (after.tag, after.name, after.parent)
    return style and block.tag == "p" and len(after.text) >= _PROSE_CHARS and block.linked < 0.5
