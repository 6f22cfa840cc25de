"""The reader as an extractor for a benchmark of news pages: extract(html, url) -> dict of the story's fields."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from pipeline.reading import read_page
from pipeline.values import EntryHints, FetchedPage, Unread

# Recorded pages are older than any day on which they are measured; the reader itself knows no clock.
FETCHED_AT = datetime(2030, 1, 1, tzinfo=UTC)


def extract(html: bytes, url: str | None) -> dict[str, Any]:
    """Title, text, authors, published, summary (the standfirst) and language; empty for a page that is no story."""
    address = url or "http://page.invalid/story"
    headers = (("content-type", "text/html"),)
    page = FetchedPage(address, address, 200, headers, html, FETCHED_AT, 0.0)
    story = read_page(page, EntryHints())
    if isinstance(story, Unread):
        return {"title": "", "text": "", "authors": [], "published": None}
    return {
        "title": story.title,
        "text": story.text,
        "authors": list(story.authors),
        "published": story.published_at.isoformat() if story.published_at else None,
        "summary": story.standfirst,
        "language": story.language,
    }
