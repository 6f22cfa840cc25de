"""What the wire answers in each edition: every URL with its status, headers and body, made before the first request."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime

from pipeline.outcomes import Reason
from workers.demo.announce import listings, write_feed
from workers.demo.load import load_sites
from workers.demo.shapes import render_notice, render_story
from workers.demo.values import Feed, Notice, Site, Story

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete response. Header names are as they go over the wire; Content-Length is the server's to add."""

    status: int
    headers: Headers
    body: bytes

    def header(self, name: str) -> str | None:
        """The header of exactly that name, or None."""
        return next((value for key, value in self.headers if key == name), None)


def answers(now: datetime, edition: int) -> dict[str, Answer]:
    """Every URL that answers in that edition; all others are 404."""
    return {url: answer for site in load_sites(now, edition) for url, answer in answers_of(site, edition)}


def answers_of(site: Site, edition: int) -> Iterator[tuple[str, Answer]]:
    """Every URL of one site that answers in that edition: robots.txt, feeds, stories, addresses that moved, notices."""
    yield site.url("/robots.txt"), Answer(200, (("Content-Type", "text/plain"),), site.robots.encode())
    for feed in site.feeds:
        yield site.url(feed.path), _feed(site, feed, edition)
    for story in site.stories:
        yield site.url(story.path), _page(site, render_story(site, story), story.modified_at or story.published_at)
        if story.short_path:
            yield site.url(story.short_path), _moved(site, story)
    for notice in site.notices:
        if notice.reason != Reason.NOT_FOUND:
            yield site.url(notice.path), _notice(site, notice)


def _feed(site: Site, feed: Feed, edition: int) -> Answer:
    if feed.fault == "down_in_edition_1" and edition == 1:
        return Answer(500, (("Content-Type", "text/html"),), b"<h1>500 Internal Server Error</h1>")
    content_type, body = write_feed(site, feed)
    changed_at = max(line.updated_at for line in listings(site, feed))
    return Answer(200, (("Content-Type", content_type), *_validators(body, changed_at)), body)


def _page(site: Site, body: bytes, changed_at: datetime) -> Answer:
    return Answer(200, (("Content-Type", site.content_type), *_validators(body, changed_at)), body)


def _notice(site: Site, notice: Notice) -> Answer:
    return Answer(200, (("Content-Type", site.content_type),), render_notice(site, notice))


def _moved(site: Site, story: Story) -> Answer:
    return Answer(301, (("Location", site.url(story.path)), ("Content-Type", "text/html")), b"")


def _validators(body: bytes, changed_at: datetime) -> Headers:
    etag = hashlib.sha256(body).hexdigest()[:20]
    changed = format_datetime(changed_at.astimezone(UTC), usegmt=True)
    return (("ETag", f'"{etag}"'), ("Last-Modified", changed))
