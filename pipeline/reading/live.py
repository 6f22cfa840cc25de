"""Live reports: recognised by what the page declares or by its dated entries, and split into them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from urllib.parse import urlsplit

from lxml.html import HtmlElement

from pipeline.reading.declared import Declared
from pipeline.reading.lines import Line, key_of, squeeze
from pipeline.reading.moments import parse_moment, within_bounds
from pipeline.text import one_line, scrub
from pipeline.values import FetchedPage, LiveEntry

MAX_ENTRIES = 300
_MIN_ENTRIES = 3
_MAX_TIMES = 1000
_LIVE_PATH = re.compile(
    r"(?:^|[/_.-])(?:live|liveblog|live-blog|liveticker|ticker|en-direct|directo|na-zywo|live-updates)(?:$|[/_.-])"
)
_TEXTS = ("h2", "h3", "h4", "h5", "p", "li", "blockquote")


def is_live(declared: Declared, url: str) -> bool:
    """Whether the page calls itself a live report, in what it declares or in its address."""
    return "LiveBlogPosting" in declared.types or _LIVE_PATH.search(urlsplit(url).path.lower()) is not None


def live_entries(
    tree: HtmlElement | None, declared: Declared, page: FetchedPage, lines: Sequence[Line]
) -> tuple[LiveEntry, ...]:
    """The dated entries of a live report in page order; empty for a page that is none.

    They are the boxes of one list that each have a time of their own and lines of the story; comments and teasers have
    times too, but their lines are not in the story. Without such boxes, the updates that the page declares.
    """
    if tree is None or not is_live(declared, page.final_url):
        return ()
    shown = _shown(tree, page, lines)
    return shown if len(shown) >= _MIN_ENTRIES else _declared(declared, page)


def _shown(tree: HtmlElement, page: FetchedPage, lines: Sequence[Line]) -> tuple[LiveEntry, ...]:
    groups: dict[HtmlElement, list[tuple[HtmlElement, HtmlElement]]] = {}
    times = [time for time in tree.iter("time") if time.get("datetime")][:_MAX_TIMES]
    for time in times:
        for box in time.iterancestors():
            parent = box.getparent()
            if parent is not None and _is_list_of(box.tag, parent):
                groups.setdefault(parent, []).append((box, time))
                break
    by_key = {line.key: line for line in lines}
    best: list[LiveEntry] = []
    for boxes in groups.values():
        firsts: dict[HtmlElement, HtmlElement] = {}
        for box, time in boxes:
            firsts.setdefault(box, time)
        found = [entry for box, time in firsts.items() if (entry := _entry(box, time, by_key, page.fetched_at))]
        best = found if len(found) > len(best) else best
    return tuple(best[:MAX_ENTRIES])


def _is_list_of(tag: str, parent: HtmlElement) -> bool:
    return sum(1 for other in parent.iterchildren(tag) if _has_time(other)) >= _MIN_ENTRIES


def _has_time(element: HtmlElement) -> bool:
    return next((True for time in element.iter("time") if time.get("datetime")), False)


def _entry(box: HtmlElement, time: HtmlElement, by_key: dict[str, Line], fetched_at: datetime) -> LiveEntry | None:
    inside: dict[int, Line] = {}
    for element in box.iter(*_TEXTS):
        line = by_key.get(key_of(squeeze(" ".join(element.itertext()))))
        if line is not None:
            inside[line.position] = line
    ordered = [inside[position] for position in sorted(inside)]
    heading = ordered[0].text if ordered and ordered[0].kind == "head" else None
    text = "\n\n".join(line.text for line in ordered[1 if heading else 0 :])
    if not text:
        return None
    return LiveEntry(scrub(text), within_bounds(parse_moment(time.get("datetime")), fetched_at), one_line(heading))


def _declared(declared: Declared, page: FetchedPage) -> tuple[LiveEntry, ...]:
    return tuple(
        LiveEntry(scrub(text), within_bounds(parse_moment(at), page.fetched_at) if at else None, one_line(heading))
        for at, heading, text in declared.live_updates[:MAX_ENTRIES]
        if text
    )
