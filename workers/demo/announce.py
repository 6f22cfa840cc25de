"""Writes the wire's feeds: RSS 2.0, Atom, JSON Feed and a news sitemap."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from xml.sax.saxutils import escape

from workers.demo.values import Feed, FeedFormat, Site, Story


@dataclass(frozen=True, slots=True)
class Listing:
    """One line of a feed. `link` is what the feed prints, trackers included; `guid` stays the same without them."""

    guid: str
    link: str
    title: str
    summary: str
    authors: tuple[str, ...]
    published_at: datetime
    updated_at: datetime


def listings(site: Site, feed: Feed) -> tuple[Listing, ...]:
    """What the feed lists, newest first."""
    lines = [_of_story(site, feed, story) for story in site.stories if not feed.stories or story.id in feed.stories]
    if not feed.stories:
        for notice in site.notices:
            url, at = site.url(notice.path), notice.published_at
            lines.append(Listing(url, _tracked(url, feed), notice.title, "", (), at, at))
    return tuple(sorted(lines, key=lambda line: line.published_at, reverse=True))


def write_feed(site: Site, feed: Feed) -> tuple[str, bytes]:
    """The feed's content type and its body. A feed that is `cut_off` ends in the title of its last entry."""
    content_type, write = WRITERS[feed.format]
    body = write(site, feed, listings(site, feed)).encode()
    return content_type, body[: body.rindex(b"<title>") + 20] if feed.fault == "cut_off" else body


def _of_story(site: Site, feed: Feed, story: Story) -> Listing:
    url = site.url(story.short_path or story.path)
    return Listing(
        guid=url,
        link=_tracked(url, feed),
        title=story.title,
        summary=story.standfirst or story.blocks[0].text,
        authors=story.authors,
        published_at=story.published_at,
        updated_at=story.modified_at or story.published_at,
    )


def _tracked(url: str, feed: Feed) -> str:
    return f"{url}?{feed.trackers}" if feed.trackers else url


def _rss(site: Site, feed: Feed, lines: tuple[Listing, ...]) -> str:
    items = "".join(
        f"<item><title>{escape(line.title)}</title><link>{escape(line.link)}</link>"
        f'<guid isPermaLink="false">{escape(line.guid)}</guid>'
        f"<description>{escape(line.summary)}</description>"
        + "".join(f"<dc:creator>{escape(author)}</dc:creator>" for author in line.authors)
        + f"<pubDate>{format_datetime(line.published_at)}</pubDate></item>\n"
        for line in lines
    )
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        '<rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/"><channel>'
        f"<title>{escape(feed.title)}</title><link>{site.url('/')}</link>"
        f"<description>{escape(feed.title)}</description><language>{site.language}</language>\n"
        f"{items}</channel></rss>\n"
    )


def _atom(site: Site, feed: Feed, lines: tuple[Listing, ...]) -> str:
    entries = "".join(
        f"<entry><id>{escape(line.guid)}</id><title>{escape(line.title)}</title>"
        f'<link rel="alternate" href="{escape(line.link)}"/>'
        + "".join(f"<author><name>{escape(author)}</name></author>" for author in line.authors)
        + f"<published>{_iso(line.published_at)}</published><updated>{_iso(line.updated_at)}</updated>"
        f"<summary>{escape(line.summary)}</summary></entry>\n"
        for line in lines
    )
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        f'<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="{site.language}"><title>{escape(feed.title)}</title>'
        f'<id>{site.url("/")}</id><link rel="self" href="{site.url(feed.path)}"/>'
        f"<updated>{_iso(max(line.updated_at for line in lines))}</updated>\n{entries}</feed>\n"
    )


def _json(site: Site, feed: Feed, lines: tuple[Listing, ...]) -> str:
    items = [
        {
            "id": line.guid,
            "url": line.link,
            "title": line.title,
            "summary": line.summary,
            "authors": [{"name": author} for author in line.authors],
            "date_published": _iso(line.published_at),
            "date_modified": _iso(line.updated_at),
        }
        for line in lines
    ]
    top = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": feed.title,
        "home_page_url": site.url("/"),
        "feed_url": site.url(feed.path),
        "language": site.language,
        "items": items,
    }
    return json.dumps(top, ensure_ascii=False, indent=1)


def _sitemap(site: Site, feed: Feed, lines: tuple[Listing, ...]) -> str:
    urls = "".join(
        f"<url><loc>{escape(line.link)}</loc><lastmod>{_iso(line.updated_at)}</lastmod><news:news><news:publication>"
        f"<news:name>{escape(site.name)}</news:name><news:language>{site.language}</news:language></news:publication>"
        f"<news:publication_date>{_iso(line.published_at)}</news:publication_date>"
        f"<news:title>{escape(line.title)}</news:title></news:news></url>\n"
        for line in lines
    )
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" '
        f'xmlns:news="http://www.google.com/schemas/sitemap-news/0.9">\n{urls}</urlset>\n'
    )


def _iso(instant: datetime) -> str:
    return f"{instant:%Y-%m-%dT%H:%M:%SZ}"


WRITERS: dict[FeedFormat, tuple[str, Callable[[Site, Feed, tuple[Listing, ...]], str]]] = {
    "rss": ("application/rss+xml; charset=utf-8", _rss),
    "atom": ("application/atom+xml; charset=utf-8", _atom),
    "json": ("application/feed+json", _json),
    "sitemap": ("application/xml; charset=utf-8", _sitemap),
}
