"""A watch as a feed: RSS 2.0, Atom (RFC 4287) and JSON Feed 1.1. What pages wrote is text here, never markup."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from email.utils import format_datetime

from lxml import etree

from pipeline.outcomes import AlertKind
from pipeline.watching.messages import Match

ATOM = "http://www.w3.org/2005/Atom"
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NOTES = {AlertKind.CORRECTION: "Corrected: ", AlertKind.WITHDRAWAL: "Withdrawn: "}

CONTENT_TYPES = {
    "rss": "application/rss+xml; charset=utf-8",
    "atom": "application/atom+xml; charset=utf-8",
    "json": "application/feed+json; charset=utf-8",
}


def write_feed(format: str, watch: str, condition: str, matches: Sequence[Match]) -> bytes:
    """The feed of a watch, newest first, in UTF-8; `format` is rss, atom or json. ValueError for another."""
    if format not in _WRITERS:
        raise ValueError(f"{format!r} is no format of a feed: rss, atom or json")
    return _WRITERS[format](_clean(watch), _clean(condition), matches)


def guid_of(watch: str, match: Match) -> str:
    """The entry's name for ever: the same whenever and wherever the feed is written from this database."""
    return f"urn:frontwire:watch:{watch}:{match.match_id}"


def _rss(watch: str, condition: str, matches: Sequence[Match]) -> bytes:
    root = etree.Element("rss", version="2.0")
    channel = etree.SubElement(root, "channel")
    _add(channel, "title", f"Frontwire: {watch}")
    _add(channel, "link", "about:blank")
    _add(channel, "description", html.escape(condition))
    _add(channel, "lastBuildDate", format_datetime(_updated(matches), usegmt=True))
    for match in matches:
        item = etree.SubElement(channel, "item")
        # Readers take both for HTML: escaped here, and once more by the writer of XML.
        _add(item, "title", html.escape(_title(match), quote=False))
        if (link := _link(match)) is not None:
            _add(item, "link", link)
        _add(item, "guid", guid_of(watch, match), isPermaLink="false")
        _add(item, "pubDate", format_datetime(match.matched_at.astimezone(UTC), usegmt=True))
        _add(item, "description", html.escape(_summary(match)))
        for word in _categories(match):
            _add(item, "category", word)
    return _document(root)


def _atom(watch: str, condition: str, matches: Sequence[Match]) -> bytes:
    root = etree.Element(f"{{{ATOM}}}feed", nsmap={None: ATOM})
    _atom_add(root, "id", f"urn:frontwire:watch:{watch}")
    _atom_add(root, "title", f"Frontwire: {watch}")
    _atom_add(root, "subtitle", condition)
    _atom_add(root, "updated", _instant(_updated(matches)))
    _atom_add(_atom_add(root, "author", None), "name", "Frontwire")
    for match in matches:
        entry = _atom_add(root, "entry", None)
        _atom_add(entry, "id", guid_of(watch, match))
        _atom_add(entry, "title", _title(match), type="text")
        if (link := _link(match)) is not None:
            _atom_add(entry, "link", None, rel="alternate", href=link)
        _atom_add(entry, "updated", _instant(match.matched_at))
        if match.published_at is not None:
            _atom_add(entry, "published", _instant(match.published_at))
        _atom_add(_atom_add(entry, "author", None), "name", match.source)
        _atom_add(entry, "summary", _summary(match), type="text")
        for word in _categories(match):
            _atom_add(entry, "category", None, term=word)
    return _document(root)


def _json(watch: str, condition: str, matches: Sequence[Match]) -> bytes:
    items = []
    for match in matches:
        item: dict[str, object] = {
            "id": guid_of(watch, match),
            "title": _title(match),
            "content_text": _summary(match),
            "date_published": _instant(match.published_at or match.matched_at),
            "date_modified": _instant(match.matched_at),
            "authors": [{"name": _clean(match.source)}],
            "tags": _categories(match),
            "language": match.language,
        }
        if (link := _link(match)) is not None:
            item["url"] = link
        items.append(item)
    feed = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": f"Frontwire: {watch}",
        "description": condition,
        "items": items,
    }
    return json.dumps(feed, ensure_ascii=False, indent=1).encode("utf-8")


_WRITERS: dict[str, Callable[[str, str, Sequence[Match]], bytes]] = {"rss": _rss, "atom": _atom, "json": _json}


def _title(match: Match) -> str:
    return _clean(_NOTES.get(match.kind, "") + match.title)


def _summary(match: Match) -> str:
    about = [match.source, match.acts, match.actors, None if match.status == "usable" else match.status]
    line = " | ".join(part for part in about if part)
    return _clean(f"{match.standfirst}\n{line}" if match.standfirst else line)


def _categories(match: Match) -> list[str]:
    return [_clean(word) for words in (match.acts, match.actors) if words for word in words.split(", ")]


def _link(match: Match) -> str | None:
    """The story's URL; None for one that a reader should not be led to."""
    return _clean(match.url) if match.url.startswith(("https://", "http://")) else None


def _updated(matches: Sequence[Match]) -> datetime:
    return max((match.matched_at for match in matches), default=_EPOCH).astimezone(UTC)


def _instant(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _clean(text: str) -> str:
    return _NOT_XML.sub("", text)


def _add(parent: etree._Element, name: str, text: str | None, **attributes: str) -> etree._Element:
    child = etree.SubElement(parent, name, attributes)
    child.text = None if text is None else _clean(text)
    return child


def _atom_add(parent: etree._Element, name: str, text: str | None, **attributes: str) -> etree._Element:
    return _add(parent, f"{{{ATOM}}}{name}", text, **attributes)


def _document(root: etree._Element) -> bytes:
    document: bytes = etree.tostring(root, encoding="utf-8", xml_declaration=True)
    return document
