"""Where a site's feeds may be, by its page, its robots.txt and the paths that others use; and what each is worth.

Pure: whoever calls it fetches the candidates and reads them with the readers of every poll.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from urllib.parse import urlsplit

from pipeline.feeds.decode import decode_feed
from pipeline.identity.urls import asked_url
from pipeline.text import one_line
from pipeline.values import FeedReading

# Media types of link elements that lead to a feed. text/xml and application/xml are what old pages say.
_TYPES = frozenset({
    "application/rss+xml", "application/atom+xml", "application/rdf+xml", "application/feed+json", "application/json",
    "text/xml", "application/xml",
})  # fmt: skip
# Where content systems put their feeds: WordPress, Drupal, Jekyll, Hugo, Ghost, Blogger and those made by hand.
PATHS = (
    "/feed/", "/rss", "/rss.xml", "/feed.xml", "/atom.xml", "/index.xml", "/feed.json", "/feeds/posts/default",
)  # fmt: skip
# Sitemaps are named in robots.txt; these are asked for where it names none.
SITEMAP_PATHS = ("/news-sitemap.xml", "/sitemap-news.xml", "/sitemap_news.xml", "/sitemap.xml")
CANDIDATES_MAX = 40
# What has had nothing new for so long is no source of news.
STALE = timedelta(days=30)
_HEAD_CHARS = 1_000_000
_TITLE_MAX_BYTES = 200
_PART = re.compile(r"<!--|<(script|style|template)\b|<(?:link|a|base)\b([^<>]{1,4096})>", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"([A-Za-z-]{1,20})\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'>]+))")
_SITEMAP_LINE = re.compile(r"^[ \t]*sitemap[ \t]*:[ \t]*(\S{1,2048})", re.IGNORECASE | re.MULTILINE)


class FoundBy(StrEnum):
    """How a candidate was found, the surest first."""

    ITSELF = "itself"  # the address that was given
    LINK = "link"  # a link element of the page
    PATH = "path"  # a path that many sites use
    ROBOTS = "robots"  # a Sitemap line of robots.txt
    INDEX = "index"  # an index of sitemaps lists it


@dataclass(frozen=True, slots=True)
class Candidate:
    """An address that may be a feed's. `title` is what the page calls it."""

    url: str
    found_by: FoundBy
    title: str | None = None


class Advice(StrEnum):
    """What to do about a candidate."""

    ADD = "add"
    SAME = "same"  # another candidate brings the same entries
    COMMENTS = "comments"
    STALE = "stale"
    EMPTY = "empty"
    NO_NEWS = "no_news"  # an index none of whose sitemaps, as far as looked at, holds news
    COVERED = "covered"  # an index of sitemaps that is added reads it
    NOT_A_FEED = "not_a_feed"
    UNREACHABLE = "unreachable"


ADVICE: dict[Advice, str] = {
    Advice.ADD: "add it",
    Advice.SAME: "leave it: another feed of this list brings the same entries",
    Advice.COMMENTS: "leave it: these are readers' comments",
    Advice.STALE: f"leave it: nothing new for {STALE.days} days",
    Advice.EMPTY: "add it only if it is new: it lists nothing",
    Advice.NO_NEWS: "leave it: the sitemaps it would read first hold no news entries",
    Advice.COVERED: "leave it: the index of sitemaps of this list reads it",
    Advice.NOT_A_FEED: "it is no feed",
    Advice.UNREACHABLE: "it could not be fetched",
}


@dataclass(frozen=True, slots=True)
class Examined:
    """A candidate after it was fetched. `reading` is None when it could not be, and `detail` says why."""

    candidate: Candidate
    final_url: str
    reading: FeedReading | None
    detail: str | None = None

    @property
    def newest_at(self) -> datetime | None:
        """When its newest dated entry was published, or its newest sitemap changed; None when nothing is dated."""
        if self.reading is None:
            return None
        dated = [entry.published_at or entry.updated_at for entry in self.reading.entries]
        dated += [child.lastmod for child in self.reading.children]
        return max((at for at in dated if at is not None), default=None)


@dataclass(frozen=True, slots=True)
class Advised:
    """A candidate with what to do about it."""

    examined: Examined
    advice: Advice


def page_candidates(body: bytes, content_type: str | None, url: str) -> tuple[Candidate, ...]:
    """The feeds that the page at `url` links to: rel=alternate with a feed's type, and rel=feed on link and a.

    A page is looked through, not parsed: whoever writes a page can't make this slow. Never raises.
    """
    base = url
    found: dict[str, Candidate] = {}
    for attributes in _tags(decode_feed(body, content_type)[:_HEAD_CHARS]):
        if "/base" in attributes:
            base = asked_url(attributes.get("href", ""), url) or base
            continue
        relations = attributes.get("rel", "").lower().split()
        kind = attributes.get("type", "").partition(";")[0].strip().lower()
        is_feed = "feed" in relations or ("alternate" in relations and kind in _TYPES and "stylesheet" not in relations)
        address = asked_url(attributes.get("href", ""), base) if is_feed and attributes.get("href") else None
        if address is not None:
            title = one_line(attributes.get("title"), _TITLE_MAX_BYTES)
            found.setdefault(address, Candidate(address, FoundBy.LINK, title))
    return tuple(found.values())


def path_candidates(url: str) -> tuple[Candidate, ...]:
    """The paths that many sites use: below the page's own folder, then at the root of its host."""
    parts = urlsplit(url)
    root = f"{parts.scheme}://{parts.netloc}"
    folder = root + parts.path.rpartition("/")[0]
    below = [f"{folder}/feed/", f"{folder}/rss.xml"] if folder != root else []
    addresses = [asked_url(address) for address in (*below, *(root + path for path in PATHS))]
    return tuple(Candidate(address, FoundBy.PATH) for address in dict.fromkeys(addresses) if address is not None)


def sitemap_candidates(robots_body: str | None, url: str) -> tuple[Candidate, ...]:
    """The sitemaps that the robots.txt of `url`'s host names (None: it has none), or else the usual places."""
    named = [asked_url(line, url) for line in _SITEMAP_LINE.findall(robots_body or "")]
    addresses = [address for address in dict.fromkeys(named) if address is not None]
    if addresses:
        return tuple(Candidate(address, FoundBy.ROBOTS) for address in addresses)
    parts = urlsplit(url)
    usual = [asked_url(f"{parts.scheme}://{parts.netloc}{path}") for path in SITEMAP_PATHS]
    return tuple(Candidate(address, FoundBy.PATH) for address in usual if address is not None)


def advise(examined: Iterable[Examined], now: datetime) -> tuple[Advised, ...]:
    """Each candidate with its advice, those to be added first. Of two that bring the same, the one found first wins."""
    examined = tuple(examined)
    readable = {one.candidate.url for one in examined if one.reading is not None and one.reading.entries}
    told: list[Advised] = []
    taken: list[frozenset[str]] = []
    covered: set[str] = set()
    addresses: set[str] = set()
    for one in examined:
        if one.final_url in addresses and one.reading is not None:
            told.append(Advised(one, Advice.SAME))
            continue
        addresses.add(one.final_url)
        advice = _advice(one, now, covered)
        entries = frozenset(entry.url for entry in one.reading.entries) if one.reading is not None else frozenset()
        children = {child.url for child in one.reading.children} if one.reading is not None else set()
        if advice is Advice.ADD and children and not children & readable:
            advice = Advice.NO_NEWS
        if advice is Advice.ADD and entries:
            advice = Advice.SAME if any(entries <= others for others in taken) else advice
        if advice is Advice.ADD:
            covered |= children
            if entries:
                taken.append(entries)
        told.append(Advised(one, advice))
    return tuple(sorted(told, key=lambda one: list(Advice).index(one.advice)))


def _advice(one: Examined, now: datetime, covered: set[str]) -> Advice:
    reading = one.reading
    if reading is None:
        return Advice.UNREACHABLE
    if reading.problem is not None:
        return Advice.NOT_A_FEED
    if one.candidate.url in covered or one.final_url in covered:
        return Advice.COVERED
    if re.search(r"\bcomments?\b", f"{urlsplit(one.final_url).path} {reading.title or ''}", re.IGNORECASE):
        return Advice.COMMENTS
    if not reading.entries and not reading.children:
        return Advice.EMPTY
    newest_at = one.newest_at
    return Advice.STALE if newest_at is not None and now - newest_at > STALE else Advice.ADD


def _tags(text: str) -> Iterator[dict[str, str]]:
    """The attributes of each link, a and base tag outside comments and scripts; a base has the key "/base" besides."""
    place, lower = 0, text.lower()
    while (match := _PART.search(text, place)) is not None:
        place = match.end()
        if match[0] == "<!--":
            end = text.find("-->", place)
        elif match[1]:
            end = lower.find(f"</{match[1].lower()}", place)
        else:
            attributes = {
                name.lower(): html.unescape(double or single or bare).strip()
                for name, double, single, bare in _ATTRIBUTE.findall(match[2])
            }
            yield attributes | ({"/base": ""} if match[0][:5].lower() == "<base" else {})
            continue
        if end < 0:
            return
        place = end
