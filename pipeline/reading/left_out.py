"""What the extractor itself left out of the page's captions, credits and teasers: accounted for like the rest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pipeline.reading.blocks import Block
from pipeline.reading.evidence import Evidence, looks_like_credit
from pipeline.reading.lines import word_set
from pipeline.reading.phrases import RELATED
from pipeline.text import cut
from pipeline.values import DroppedLine

# In the order in which they are listed, since the list is cut at its end.
LEFT_OUT_RULES = ("left_out_caption", "left_out_credit", "left_out_teaser", "left_out_link")
MAX_LEFT_OUT = 200
_MAX_LINE_BYTES = 600
_CAPTION_MAX_WORDS = 120
_LINK_MIN_WORDS = 3
_SHORT_CHARS = 100
_MENUS = word_set("nav footer notice form")


def left_out(evidence: Evidence, known: Iterable[str]) -> tuple[DroppedLine, ...]:
    """The page's captions, credits, teasers and link-only blocks that are no line of the candidate; at most 200.

    `known` are the keys of everything that is kept, dropped or in a field already. The position is -1, since these
    blocks have no place among the candidate's lines. Menus and what is neither of the four are not listed.
    """
    seen = set(known)
    found: dict[str, list[DroppedLine]] = {rule: [] for rule in LEFT_OUT_RULES}
    for block, rule in _told(evidence):
        if block.key and block.key not in seen:
            seen.add(block.key)
            found[rule].append(DroppedLine(-1, cut(block.text, _MAX_LINE_BYTES), rule))
    return tuple(line for rule in LEFT_OUT_RULES for line in found[rule])[:MAX_LEFT_OUT]


def _told(evidence: Evidence) -> Iterator[tuple[Block, str]]:
    for block in evidence.blocks:
        if block.marks & _MENUS:
            continue
        rule = _rule_of(block)
        if rule:
            yield block, rule


def _rule_of(block: Block) -> str | None:
    words = block.key.count(" ") + 1
    is_worded = len(block.text) < _SHORT_CHARS and block.linked < 0.5 and looks_like_credit(block.text)
    if words <= _CAPTION_MAX_WORDS and ("credit" in block.marks or is_worded):
        return "left_out_credit"
    if words <= _CAPTION_MAX_WORDS and ("caption" in block.marks or ("figure" in block.marks and block.linked < 0.5)):
        return "left_out_caption"
    if "related" in block.marks or (len(block.text) < _SHORT_CHARS and RELATED.match(block.text)):
        return "left_out_teaser"
    return "left_out_link" if block.linked >= 0.9 and words >= _LINK_MIN_WORDS else None
