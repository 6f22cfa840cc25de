"""Every page that a sitemap lists, for a backfill: unlike a feed, an archive is what is wanted here."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from datetime import datetime

from pipeline.feeds.decode import decode_feed, unpacked
from pipeline.feeds.entries import RawChild, RawFeed
from pipeline.feeds.newssitemap import is_sitemap
from pipeline.feeds.sitemapindex import index_reading
from pipeline.identity.urls import asked_url, is_same_site
from pipeline.values import ChildSitemap

# The protocol allows 50,000 in a sitemap.
PAGES_MAX = 50_000

_INDEX = re.compile(r"<(?:[\w.-]+:)?sitemapindex[\s>]")
# A sitemap is flat: its addresses are found without a tree of half a million elements.
_LOC = re.compile(r"<(?:\w{1,20}:)?loc\s*>\s*(?:<!\[CDATA\[)?([^<\]]{1,4096})")
_LASTMOD = re.compile(r"<(?:\w{1,20}:)?lastmod\s*>\s*([^<]{1,64})")
_ITEM = re.compile(r"<(?:\w{1,20}:)?(?:url|sitemap)[\s>]")
_OTHERS = ("image:", "video:")


@dataclass(frozen=True, slots=True)
class SitemapList:
    """A sitemap's own pages, or the sitemaps of an index, in their order. `refused` counts addresses that are none.

    `problem` is a sentence when the body is no sitemap.
    """

    pages: tuple[str, ...] = ()
    sitemaps: tuple[ChildSitemap, ...] = ()
    refused: int = 0
    problem: str | None = None


def read_sitemap(body: bytes, content_type: str | None, url: str, now: datetime) -> SitemapList:
    """What the sitemap in `body`, which came from `url`, lists. A page of another site counts as refused."""
    text = decode_feed(unpacked(body), content_type)
    if not is_sitemap(text):
        return SitemapList(problem="The body is no sitemap.")
    starts = [match.end() for match in _ITEM.finditer(text)]
    items = [text[start:end] for start, end in zip(starts, [*starts[1:], len(text)], strict=True)]
    if _INDEX.search(text[:16_384]):
        listed = [RawChild(loc, _first(_LASTMOD, item)) for item in items if (loc := _loc(item)) is not None]
        reading = index_reading(RawFeed("sitemapindex", children=tuple(listed)), url, now)
        return SitemapList(sitemaps=reading.children, refused=reading.refused, problem=reading.problem)
    asked = [asked_url(loc, url) if (loc := _loc(item)) is not None else None for item in items]
    pages = tuple(dict.fromkeys(page for page in asked if page is not None and is_same_site(page, url)))[:PAGES_MAX]
    return SitemapList(pages, refused=sum(1 for page in asked if page is None or not is_same_site(page, url)))


def _loc(item: str) -> str | None:
    for match in _LOC.finditer(item):
        if not match[0].startswith(tuple(f"<{other}" for other in _OTHERS)):
            return html.unescape(match[1]).strip()
    return None


def _first(pattern: re.Pattern[str], item: str) -> str | None:
    match = pattern.search(item)
    return match[1].strip() if match else None
