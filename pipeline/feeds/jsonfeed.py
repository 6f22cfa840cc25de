"""JSON Feed 1.0 and 1.1 (jsonfeed.org/version/1.1)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from pipeline.feeds.entries import RawEntry, RawFeed
from pipeline.feeds.fulltext import full_text
from pipeline.values import SubjectCode

_VERSION = re.compile(r"jsonfeed\.org/version/([0-9.]{1,5})")


def is_json(text: str) -> bool:
    """Whether `text` begins like a JSON object."""
    return text.startswith("{")


def read_json_feed(text: str) -> RawFeed | str:
    """The feed in `text`, or one sentence that says why it is none."""
    try:
        feed = json.loads(text)
    except (ValueError, RecursionError):
        return "The body begins like JSON but is not valid JSON."
    version = _VERSION.search(_string(feed, "version") or "")
    items = feed.get("items")
    if version is None or not isinstance(items, list):
        return "The JSON is no JSON Feed: it lacks a version of jsonfeed.org or the list of items."
    return RawFeed(
        format=f"jsonfeed{version[1]}",
        title=_string(feed, "title"),
        language=_string(feed, "language"),
        hub=_hub(feed),
        self_link=_string(feed, "feed_url"),
        entries=tuple(_raw_entry(item) for item in items if isinstance(item, dict)),
    )


def _hub(feed: dict[str, object]) -> str | None:
    """The first hub of type WebSub (JSON Feed 1.1, hubs)."""
    hubs = feed.get("hubs")
    named = [hub for hub in (hubs if isinstance(hubs, list) else ()) if isinstance(hub, dict)]
    kinds = ("websub", "pubsubhubbub")
    return next((_string(hub, "url") for hub in named if str(hub.get("type")).lower() in kinds), None)


def _raw_entry(item: dict[str, object]) -> RawEntry:
    guid = _string(item, "id")
    links = (_string(item, "url"), _string(item, "external_url"), guid if guid and guid.startswith("http") else None)
    return RawEntry(
        links=tuple(link for link in links if link),
        guid=guid,
        title=_string(item, "title"),
        summary=_string(item, "summary") or _string(item, "content_text") or _string(item, "content_html"),
        published=_string(item, "date_published"),
        updated=_string(item, "date_modified"),
        authors=tuple(_authors(item)),
        codes=tuple(_tags(item)),
        content=full_text(_string(item, "content_html") or _string(item, "content_text"), _string(item, "title")),
    )


def _tags(item: dict[str, object]) -> Iterator[SubjectCode]:
    tags = item.get("tags")
    yield from (SubjectCode("", tag) for tag in (tags if isinstance(tags, list) else ()) if isinstance(tag, str))


def _authors(item: dict[str, object]) -> Iterator[str]:
    """Names of `authors` (1.1) or `author` (1.0)."""
    authors = item.get("authors")
    for author in authors if isinstance(authors, list) else [item.get("author")]:
        name = _string(author, "name") if isinstance(author, dict) else None
        if name:
            yield name


def _string(holder: dict[str, object], key: str) -> str | None:
    """The string at `key`; a number too, which careless feeds have as id."""
    value = holder.get(key)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value) if abs(value) < 10**18 else None
    return value.strip() or None if isinstance(value, str) else None
