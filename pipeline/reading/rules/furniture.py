"""Rules for what the site puts around and into every story: teasers, link lists, pitches, buttons, notices."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TypeVar

from pipeline.reading.blocks import Block
from pipeline.reading.facts import Facts
from pipeline.reading.lines import Line, word_set
from pipeline.reading.phrases import FURNITURE, RELATED, SITE_NOTICE
from pipeline.reading.site_memory import LINE_MAX_CHARS, hash_of

Dropped = frozenset[int]
_Worded = TypeVar("_Worded", Line, Block)
_SHORT_WORDS = 30
_NOTICE_WORDS = 90
# Few words may still be many characters, of bars or dots, over which the patterns would walk.
_SHORT_CHARS = 1000
_LIST_LINES = 3
_TEASER_SHARE = 0.5
_HEADLINE_MAX_WORDS = 20
_MANY_REPEATED = 4
_ADDRESS = re.compile(r"^(?:https?://|www\.)\S+$")
_BOX_MARKS = word_set(
    "related newsletter share tags comments advert bio player notice nav footer form aside embed pullquote infobox"
)
_NETWORKS = word_set(
    "facebook twitter whatsapp telegram viber messenger linkedin reddit pinterest threads bluesky mastodon instagram "
    "youtube tiktok vkontakte odnoklassniki xing flipboard wechat weibo tumblr signal"
)
_SHARE_WORDS = _NETWORKS | word_set(
    "x vk ok line pocket email e mail e-mail copy link url print share tweet pin post on via"
)
_SHARE_MAX_CHARS = 30
_LEAST_NETWORKS = 2
_REPEAT_MIN_WORDS = 6
_MAX_REPEATS = 3
# Rules that go by markup may be wrong about a whole page; then they keep still.
_MAX_SHARE = 0.4
_STORY_CHARS = 2000
# Whatever a site was made to learn, it takes no more of a story than this.
_SITE_SHARE = 0.3


def _bearable(lines: tuple[Line, ...], found: list[Line]) -> Dropped:
    """The lines found, unless they are so much of the text that the markup must mean something else."""
    total = sum(len(line.text) for line in lines)
    taken = sum(len(line.text) for line in found)
    is_bearable = taken <= _MAX_SHARE * total or total - taken >= _STORY_CHARS
    return frozenset(line.position for line in found) if is_bearable else frozenset()


def related_list(lines: tuple[Line, ...], facts: Facts) -> Dropped:
    """A marker such as "Related content" and the headlines after it."""
    found: set[int] = set()
    for index, line in enumerate(lines):
        if line.size > _SHORT_WORDS or len(line.text) > _SHORT_CHARS or not RELATED.match(line.text):
            continue
        found.add(line.position)
        for after in lines[index + 1 :]:
            if after.key not in facts.evidence.linked and not _is_headline_at_end(after, lines):
                break
            found.add(after.position)
    return frozenset(found)


def _is_headline_at_end(line: Line, lines: tuple[Line, ...]) -> bool:
    """Whether the line and all after it are short and without a full stop, as lists of headlines are."""
    rest = [other for other in lines if other.position >= line.position]
    return all(other.size <= 18 and not other.text.endswith((".", "”", '"', "»", "…")) for other in rest)


def link_lines(lines: tuple[Line, ...], facts: Facts) -> Dropped:
    """Lines that occur on the page only as links: teasers of other stories. A printed address is none."""
    found = [
        line for line in lines if line.size >= 3 and line.key in facts.evidence.linked and not _ADDRESS.match(line.text)
    ]
    return _bearable(lines, found)


def link_lists(lines: tuple[Line, ...], facts: Facts) -> Dropped:
    """Three and more lines in a row that are mostly link and no sentences: teasers with a label or a summary each."""
    found: list[Line] = []
    run: list[Line] = []
    for line in (*lines, None):
        if line is not None and _is_teaser(line, facts):
            run.append(line)
            continue
        found += run if len(run) >= _LIST_LINES else []
        run = []
    return _bearable(lines, found)


def _is_teaser(line: Line, facts: Facts) -> bool:
    block = facts.blocks.get(line.position)
    if block is None:
        return _is_linked_head(line, facts)
    is_open = line.text[-1] not in '.!…:;,"”»' and line.size >= 4
    return is_open and block.linked >= _TEASER_SHARE and not _ADDRESS.match(line.text)


def _is_linked_head(line: Line, facts: Facts) -> bool:
    """Whether the line is a linked headline with its summary run into one by the extractor."""
    words = line.key.split()
    for size in range(3, min(len(words), _HEADLINE_MAX_WORDS)):
        if " ".join(words[:size]) in facts.evidence.linked and " ".join(words[size:]) in facts.evidence.places:
            return True
    return False


def boxes(lines: tuple[Line, ...], facts: Facts) -> Dropped:
    """Lines in small boxes whose markup calls them related, newsletter, share, tags, advert, author and the like."""
    return _bearable(lines, [line for line in lines if facts.marks(line) & _BOX_MARKS])


def set_phrases(lines: tuple[Line, ...], facts: Facts) -> Dropped:
    """Short lines that begin with a set phrase of subscribing, sharing, following, advertising or playing."""
    return frozenset(
        line.position
        for line in lines
        if len(line.text) <= _SHORT_CHARS
        and (
            (line.size <= _SHORT_WORDS and FURNITURE.match(line.text))
            or (line.size <= _NOTICE_WORDS and SITE_NOTICE.match(line.text))
        )
    )


def share_bars(lines: tuple[Line, ...], facts: Facts) -> Dropped:
    """Lines in a row that are names of networks and words of sharing alone, with two networks or more among them.

    In a row on the page, or among the lines: an extractor may have left some of them out.
    """
    bars = {block.order for block in _share_runs(facts.evidence.blocks)}
    found = {line.position for line in _share_runs(lines)}
    return frozenset(
        found.union(place for place, block in facts.blocks.items() if block.order in bars)
        & {line.position for line in lines}
    )


def _share_runs(items: Sequence[_Worded]) -> list[_Worded]:
    found: list[_Worded] = []
    run: list[_Worded] = []
    for item in items:
        if len(item.key) <= _SHARE_MAX_CHARS and _SHARE_WORDS.issuperset(item.key.split()):
            run.append(item)
            continue
        found += run if _is_bar(run) else []
        run = []
    return found + run if _is_bar(run) else found


def _is_bar(run: Sequence[_Worded]) -> bool:
    return len({word for item in run for word in item.key.split()} & _NETWORKS) >= _LEAST_NETWORKS


def site_lines(lines: tuple[Line, ...], facts: Facts) -> Dropped:
    """Lines that the site was seen to repeat from story to story, as long as they are a small part of this one."""
    if not facts.furniture:
        return frozenset()
    found = [line for line in lines if len(line.text) <= LINE_MAX_CHARS and hash_of(line.text) in facts.furniture]
    total = sum(len(line.text) for line in lines)
    is_small = sum(len(line.text) for line in found) <= _SITE_SHARE * total
    return frozenset(line.position for line in found) if is_small else frozenset()


def repeats(lines: tuple[Line, ...], facts: Facts) -> Dropped:
    """Later copies of a line.

    More than three copies of a line, or four lines with copies, are a list that means it (a plan, a table), and stay.
    """
    copies: dict[str, list[int]] = {}
    for line in lines:
        if line.size >= _REPEAT_MIN_WORDS:
            copies.setdefault(line.key, []).append(line.position)
    if sum(1 for places in copies.values() if len(places) > 1) >= _MANY_REPEATED:
        return frozenset()
    return frozenset(place for places in copies.values() if len(places) <= _MAX_REPEATS for place in places[1:])
