"""Where the story's text is: the candidate lines of several extractors, and the choice between them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from lxml.html import HtmlElement

from pipeline.reading.blocks import Block, is_head
from pipeline.reading.evidence import Evidence
from pipeline.reading.lines import Line, key_of, squeeze, without_bullet, word_set
from pipeline.reading.quick import full_extraction, quick_extraction

# Boxes whose paragraphs are not the story's, when the page's own text is measured.
_ASIDE = word_set(
    "nav footer aside related newsletter share tags comments advert bio form notice caption figure player"
)
_PARAGRAPH_MIN_CHARS = 80
# Shares of the characters of the page's plain paragraphs. A quick extraction that holds less than the first is compared
# with others, one that holds less than the second is replaced by whichever holds most.
_FULL_SHARE = 0.8
_POOR_SHARE = 0.5
_MIN_CHARS = 60
_MISSING_SHARE = 0.35
_BODY_MIN_CHARS = 600
# Beyond this trafilatura's comparison with justext, quadratic in paragraphs, takes over 10 s: the fast mode skips it.
_MAX_BLOCKS = 4000
_LAYOUT_ROW_WORDS = 80
_LAYOUT_MAX_ROWS = 40
_BOX_SHARE = 0.8
_ROW = re.compile(r"\s*\|\s*")


@dataclass(frozen=True, slots=True)
class Candidate:
    """Lines that one extractor takes for the story's text. `name` is the extractor's."""

    name: str
    lines: tuple[Line, ...]

    @property
    def chars(self) -> int:
        """The number of characters of text."""
        return sum(len(line.text) for line in self.lines)


def best_candidate(tree: HtmlElement, evidence: Evidence, url: str) -> Candidate | None:
    """The fullest trustworthy candidate; None if no extractor found text.

    The quick mode is right on nearly every page. The mode that compares three extractors is asked when it brings less
    than the paragraphs that plainly stand on the page, the others when that one brings much less too. The text that
    the page declares is taken when most of it is missing.
    """
    plain = [block for block in evidence.blocks if _is_paragraph(block)]
    main = _main_paragraphs(plain)
    shown = sum(len(block.text) for block in main)
    best = _extracted(tree, url, "quick")
    is_vast = len(evidence.blocks) > _MAX_BLOCKS
    if not is_vast and (best is None or best.chars < _FULL_SHARE * shown or _is_foreign(best, plain, shown)):
        best = _fullest([best, _extracted(tree, url, "compared")], plain)
    if best is None or best.chars < _POOR_SHARE * shown:
        best = _fullest([best, _extracted(tree, url, "recall", is_fast=is_vast), _of_blocks("paragraphs", main)], plain)
    declared = _declared(evidence)
    if declared and (
        best is None or (best.chars < 0.7 * declared.chars and _missing_share(declared, best) > _MISSING_SHARE)
    ):
        best = declared
    return _unfolded(best, evidence) if best and best.chars >= _MIN_CHARS else None


def shown_paragraphs(evidence: Evidence) -> Candidate | None:
    """The paragraphs that plainly stand on the page in the fullest box: what no reading may bring much less than."""
    return _of_blocks("paragraphs", _main_paragraphs([block for block in evidence.blocks if _is_paragraph(block)]))


def _fullest(candidates: list[Candidate | None], plain: list[Block]) -> Candidate | None:
    """The candidate with most of the page's plain paragraphs; the first of equals."""
    return max([c for c in candidates if c], key=lambda c: _known_chars(c, plain), default=None)


def _is_foreign(candidate: Candidate, plain: list[Block], shown: int) -> bool:
    """Whether most of a candidate is other text than the page's paragraphs."""
    return shown >= _BODY_MIN_CHARS and _known_chars(candidate, plain) < 0


def _unfolded(candidate: Candidate, evidence: Evidence) -> Candidate:
    """The candidate with long table rows taken apart into the page's own blocks: a table that lays out the page.

    Of such a table only the cell counts that holds the prose; its neighbours are menus and lists of headlines.
    """
    long_rows = sum(1 for line in candidate.lines if line.kind == "row" and line.size >= _LAYOUT_ROW_WORDS)
    # Tables that lay out a page have few long rows; one with many is a table of texts.
    if not 0 < long_rows <= _LAYOUT_MAX_ROWS:
        return candidate
    out: list[Line] = []
    boxes: set[int] = set()
    for line in candidate.lines:
        if line.kind == "row" and line.size >= _LAYOUT_ROW_WORDS:
            row = f" {line.key} "
            inside = [b for b in evidence.blocks if b.key and f" {b.key} " in row and "nav" not in b.marks]
            box = _prose_box(inside)
            boxes |= {box} if box is not None else set()
            out += [Line(0, b.text, "head" if is_head(b) else "p") for b in inside if box is None or box in b.path]
        else:
            out.append(line)
    inner = [line for line in out if line.kind != "row" or not boxes or _is_inside(line, boxes, evidence)]
    return Candidate(candidate.name, tuple(replace(line, position=place) for place, line in enumerate(inner)))


def _is_inside(line: Line, boxes: set[int], evidence: Evidence) -> bool:
    places = evidence.places.get(line.key, ())
    return not places or any(boxes & set(evidence.blocks[place].path) for place in places)


def _prose_box(blocks: list[Block]) -> int | None:
    """The number of the innermost element that holds nearly all prose of the blocks; None if there is no prose."""
    chars: dict[int, int] = {}
    prose = [block for block in blocks if _is_paragraph(block, in_cell=True)]
    for block in prose:
        for number in block.path:
            chars[number] = chars.get(number, 0) + len(block.text)
    total = sum(len(block.text) for block in prose)
    # Elements are numbered in document order, so the largest number is the innermost.
    return max((number for number, held in chars.items() if held >= _BOX_SHARE * total), default=None)


def _extracted(tree: HtmlElement, url: str, mode: str, *, is_fast: bool = False) -> Candidate | None:
    if mode == "quick":
        found = quick_extraction(tree, url)
    else:
        found = full_extraction(tree, url, is_fast=is_fast, favor_recall=mode == "recall")
    if found is None or not found[0]:
        return None
    text, body = found
    heads = {key_of(squeeze(" ".join(head.itertext()))) for head in body.iter("head")}
    items = {key_of(squeeze(" ".join(item.itertext()))) for item in body.iter("item")}
    return Candidate(mode, tuple(_lines(text.split("\n"), heads, items)))


def _lines(texts: list[str], heads: set[str], items: set[str]) -> Iterator[Line]:
    position = 0
    for text in texts:
        is_row = text.count("|") > 0 and (text.rstrip().endswith("|") or text.startswith("|"))
        text = _ROW.sub(" | ", text.replace("\\|", "|")).strip(" |") if is_row else text
        text = squeeze(without_bullet(text.strip()))
        key = key_of(text)
        if key:
            kind = "row" if is_row else "head" if key in heads else "item" if key in items else "p"
            yield Line(position, text, kind)
            position += 1


def _is_paragraph(block: Block, *, in_cell: bool = False) -> bool:
    is_long = len(block.text) >= _PARAGRAPH_MIN_CHARS and block.linked < 0.5
    is_cell = block.tag in ("td", "th") and not in_cell
    return is_long and not block.marks & _ASIDE and not is_cell and block.tag not in ("label", "button")


def _main_paragraphs(plain: list[Block]) -> list[Block]:
    """The paragraphs in the box that holds most of them; a box is told by the element above the paragraphs.

    Where each paragraph has a box of its own, those set alike count as one.
    """
    chars: dict[int | tuple[str, str], int] = {}
    for block in plain:
        for group in (block.parent, (block.tag, block.name)):
            weight = len(block.text) if isinstance(group, int) or block.name else 0
            chars[group] = chars.get(group, 0) + weight
    best = max(chars, key=lambda group: chars[group], default=None)
    return [block for block in plain if best in (block.parent, (block.tag, block.name))]


def _of_blocks(name: str, blocks: list[Block]) -> Candidate | None:
    return Candidate(name, tuple(Line(i, b.text) for i, b in enumerate(blocks))) if blocks else None


def _known_chars(candidate: Candidate, plain: list[Block]) -> float:
    """How much of the page's plain paragraphs a candidate holds, less a little for what else it holds."""
    keys = {line.key for line in candidate.lines}
    known = sum(len(block.text) for block in plain if block.key in keys)
    return known - 0.5 * max(0, candidate.chars - known)


def _declared(evidence: Evidence) -> Candidate | None:
    """The text that the page declares in JSON-LD, in the page's own paragraphs where they can be found."""
    body = evidence.declared.article_body
    if len(body) < _BODY_MIN_CHARS:
        return None
    body_key = f" {key_of(squeeze(body))} "
    shown = [b for b in evidence.blocks if b.key and not b.marks & _ASIDE and f" {b.key} " in body_key]
    distinct = list({block.key: block for block in shown}.values())
    if sum(len(block.text) for block in distinct) >= 0.8 * len(body):
        return _of_blocks("declared", distinct)
    return Candidate("declared", tuple(_lines(body.split("\n"), set(), set())))


def _missing_share(declared: Candidate, best: Candidate) -> float:
    """Share of the declared text's four-word shingles that a candidate lacks, 0..1."""
    want, have = (_shingles(c) for c in (declared, best))
    return len(want - have) / len(want) if want else 0.0


def _shingles(candidate: Candidate) -> set[tuple[str, ...]]:
    tokens = " ".join(line.key for line in candidate.lines).split()
    return {tuple(tokens[i : i + 4]) for i in range(len(tokens) - 3)}
