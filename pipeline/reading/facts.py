"""What the rules may ask about the story they clean."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from pipeline.reading.blocks import Block
from pipeline.reading.bylines import pieces_of
from pipeline.reading.evidence import Evidence, looks_like_credit
from pipeline.reading.lines import Line, key_of, word_set
from pipeline.reading.metadata import Title, is_in_title
from pipeline.reading.moments import is_date_line
from pipeline.reading.restore import place_lines
from pipeline.values import EntryHints

_PROSE_WORDS = 12
_STANDFIRST_WORDS = range(4, 110)
_NOT_STANDFIRST = word_set("caption credit date byline newsletter share tags nav footer comments bio form notice")
_HEADLINE = re.compile(r"(?:^|[\s_-])(?:(?<!sub-)(?<!sub_)(?:headline|title)|heading)(?:$|[\s_-])", re.IGNORECASE)
# Builders call a standfirst "teaser" too; then only the page's own description tells it from a teaser.
_NOT_UNTOLD = frozenset(["related", "advert", "figure", "player", "aside"])


@dataclass(frozen=True, slots=True)
class Facts:
    """The evidence and the chosen fields, in the form the rules need them.

    `standfirst` is the paragraph under the title that is set apart from the text; None when there is none. `blocks`
    tells each line's block of the page by the line's position. `furniture` are the hashes of the site's learned lines.
    """

    evidence: Evidence
    title: Title
    authors: tuple[str, ...] = ()
    standfirst: str | None = None
    blocks: Mapping[int, Block] = field(default_factory=dict)
    furniture: frozenset[str] = frozenset()

    def marks(self, line: Line) -> frozenset[str]:
        """What the small boxes around the line say; empty when it also stands in the open."""
        return self.evidence.marks.get(line.key, frozenset())


def first_prose(lines: tuple[Line, ...], min_words: int = 18) -> int:
    """The index of the first line that is long enough to be prose; the number of lines if there is none."""
    return next((i for i, line in enumerate(lines) if line.size >= min_words and line.kind != "head"), len(lines))


def find_standfirst(lines: tuple[Line, ...], evidence: Evidence, title: Title, hints: EntryHints) -> str | None:
    """The standfirst as the page shows it: a block before the text that is set otherwise than the text.

    It must equal (or begin like) what the page declares as its description, or be styled as a standfirst. A first
    paragraph that merely repeats in the description is set like the rest, and stays in the text.
    """
    placed = place_lines(lines, evidence)
    prose = [placed[line.position] for line in lines if line.size >= _PROSE_WORDS and line.position in placed]
    if len(prose) < 2:
        return None
    style, _ = Counter((block.tag, block.name, block.bold > 0.9) for block in prose).most_common(1)[0]
    parent, _ = Counter(block.parent for block in prose).most_common(1)[0]
    body = [b for b in prose if (b.tag, b.name, b.bold > 0.9) == style]
    first = body[0].order
    if len(body) == 1 and len(prose) > 2:
        return None
    start = min((place for key in title.variants for place in evidence.places.get(key, ())), default=-1)
    told = _descriptions(evidence, hints)
    for block in evidence.blocks[max(0, start if start < first else -1) : first]:
        is_set_apart = (block.tag, block.name, block.bold > 0.9) != style or block.parent != parent
        if not is_set_apart or not _may_stand_first(block, title):
            continue
        if any(_same_start(block.key, key) for key in told) or _is_set_under(block, start, style, parent):
            return block.text
    return None


def _may_stand_first(block: Block, title: Title) -> bool:
    key = block.key
    is_quote = block.text[0] in "\"“„«'‘" and block.text[-1] in "\"”“»'’"
    if "standfirst" not in block.marks and (is_quote or _HEADLINE.search(block.name)):
        return False
    if is_in_title(key, title) or any(is_date_line(piece) for piece in pieces_of(block.text)):
        return False
    if len(key.split()) not in _STANDFIRST_WORDS or key in title.variants or block.linked > 0.6 or block.tag == "h1":
        return False
    return not (block.marks & _NOT_STANDFIRST or is_date_line(block.text) or looks_like_credit(block.text))


def _is_set_under(block: Block, title_order: int, style: tuple[str, str, bool], parent: int) -> bool:
    """Whether the block stands under the title and is styled as a standfirst, or as nothing else on the page."""
    if not 0 <= title_order < block.order or block.marks & _NOT_UNTOLD:
        return False
    is_lone = block.parent != parent and (block.tag, block.name) != style[:2] and block.order - title_order <= 8
    return "standfirst" in block.marks or (is_lone and not block.by_image and block.key.count(" ") >= 8)


def _descriptions(evidence: Evidence, hints: EntryHints) -> list[str]:
    declared = evidence.declared
    texts = (*declared.descriptions, declared.first("description"), declared.first("og:description"), hints.summary)
    return [key for key in (key_of(text) for text in texts if text) if key]


def _same_start(key: str, told: str) -> bool:
    """Whether the words are those of the description, which may be cut short or go on."""
    if key == told:
        return True
    shorter, longer = sorted((key, told), key=len)
    # The last word of a cut description may be cut itself.
    return len(shorter.split()) >= 6 and longer.startswith(shorter.rsplit(" ", 1)[0])
