"""From what the readers of the formats found to the entries of the contract: one set of rules for every format."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import NamedTuple

from pipeline.feeds.dates import RAW_MAX_BYTES, in_bounds, parse_instant
from pipeline.identity.urls import asked_url, canonical_url, host_of
from pipeline.plain import plain_line, plain_summary
from pipeline.text import AUTHOR_MAX_BYTES, one_line, scrub
from pipeline.values import Content, Entry, FeedReading, SubjectCode, WireFacts
from pipeline.wire.identity import is_wire_url, wire_url

ENTRIES_MAX = 2_000
AUTHORS_MAX = 16
GUID_MAX_BYTES = 2_048
CODES_MAX = 40
CODE_MAX_BYTES = 255

_BREAKS = re.compile(r"[\t\r\n\f]+")
_BARE_HOST = re.compile(r"((?:[\w-]+\.)+[\w-]+)(?:[/?#]|$)")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,4}")
_LANGUAGE_MAX_CHARS = 35


@dataclass(frozen=True, slots=True)
class RawEntry:
    """One item as its format has it: strings as found, markup and relative links included.

    `links` are its candidates, the best one first. `published_at` and `updated_at` are the format parser's own reading
    of the dates, which only counts where ours finds none. `digest` is that of the item's text.
    """

    links: tuple[str, ...]
    guid: str | None = None
    title: str | None = None
    summary: str | None = None
    published: str | None = None
    published_at: datetime | None = None
    updated: str | None = None
    updated_at: datetime | None = None
    authors: tuple[str, ...] = ()
    codes: tuple[SubjectCode, ...] = ()
    content: Content | None = None
    wire: WireFacts | None = None
    digest: str | None = None


class KnownItem(NamedTuple):
    """An item that was not read, since its text is known: the key and the address of its entry."""

    key: str
    url: str


class RawChild(NamedTuple):
    """A sitemap as an index lists it: its address and its lastmod, as found."""

    link: str
    lastmod: str | None


@dataclass(frozen=True, slots=True)
class RawFeed:
    """A feed as its format has it. `ttl_s` is how long the publisher asks us to wait between polls, in seconds.

    `update_period_s` is how often the publisher says that the feed changes, in seconds. `passed_over` counts items that
    were left out already, because they hold no text. In `skip_hours` (0..23, UTC) and on `skip_days` (0 is Monday)
    nothing new is to be expected. `hub` and `self_link` are the feed's links of these relations (WebSub), `children`
    the sitemaps of an index, in the order in which they stand there. What is not well-formed was read by guessing.
    """

    format: str
    title: str | None = None
    language: str | None = None
    ttl_s: float | None = None
    update_period_s: float | None = None
    entries: tuple[RawEntry | KnownItem, ...] = ()
    passed_over: int = 0
    skip_hours: tuple[int, ...] = ()
    skip_days: tuple[int, ...] = ()
    children: tuple[RawChild, ...] = ()
    hub: str | None = None
    self_link: str | None = None
    is_well_formed: bool = True


class _Link(NamedTuple):
    """The link of an entry: the form it is known by, and the announced one."""

    url: str
    plain: str


def to_reading(raw: RawFeed, url: str, now: datetime, known: Mapping[str, str], source: str) -> FeedReading | None:
    """The reading of `raw`, which came from `url`: usable entries once each, with at most ENTRIES_MAX unknown ones.

    `source` is who sends the feed: what has no web address is known by it and by its guid. `known` are versions of
    entries by their keys. None when an item was not read and its key may no longer be its own: then all is to be read.
    """
    kept: list[Entry] = []
    seen: set[str] = set()
    refused, fresh, beyond_cap = raw.passed_over, 0, 0
    here = canonical_url(url)
    linked = [(item, _link_of(item, url, here, source)) for item in raw.entries]
    reused = _reused_guids(linked)
    url_of = dict(item for item in raw.entries if isinstance(item, KnownItem))
    if any(_digest(guid) in url_of for guid in reused):
        return None
    for item, link in linked:
        if link is None:
            refused += 1
            continue
        key = item.key if isinstance(item, KnownItem) else _key(item, link, reused)
        if url_of.get(key, link.url) != link.url or (isinstance(item, KnownItem) and key not in known):
            return None
        if link.url not in seen:
            seen.add(link.url)
            is_known = key in known
            if isinstance(item, KnownItem):
                kept.append(Entry(key, link.url, version=known[key]))
            elif is_known or fresh < ENTRIES_MAX:
                fresh += not is_known
                kept.append(_entry(item, link, key, url, now, is_guid_reused=item.guid in reused))
            else:
                beyond_cap += 1
    return FeedReading(
        format=raw.format,
        title=plain_line(raw.title),
        language=language_tag(raw.language),
        entries=tuple(kept),
        ttl_s=raw.ttl_s,
        update_period_s=raw.update_period_s,
        skip_hours=raw.skip_hours,
        skip_days=raw.skip_days,
        refused=refused,
        beyond_cap=beyond_cap,
        hub_url=asked_url(raw.hub, url) if raw.hub else None,
        self_url=asked_url(raw.self_link, url) if raw.self_link else None,
    )


def language_tag(text: str | None) -> str | None:
    """`text` as a language tag ("en", "pt-BR"), or None when it is none."""
    tag = (text or "").strip().replace("_", "-")
    return tag if len(tag) <= _LANGUAGE_MAX_CHARS and _LANGUAGE.fullmatch(tag) else None


def schemed_link(link: str, base: str) -> str:
    """`link` without line breaks; "www.b.example/x" gets the scheme of the feed at `base`."""
    plain = _BREAKS.sub("", link).strip()
    host = _BARE_HOST.match(plain)
    if host and (plain[:4].lower() == "www." or host[1].lower() == host_of(base)):
        return f"{base.partition(':')[0]}://{plain}"
    return plain


def _usable_link(item: RawEntry, base: str, here: str | None) -> _Link | None:
    """The first candidate that is a web address; a link to the feed itself ("", "#top") is none."""
    for link in item.links:
        plain = schemed_link(link, base)
        url = canonical_url(plain, base)
        if url is not None and url != here:
            return _Link(url, plain)
    return None


def _link_of(item: RawEntry | KnownItem, base: str, here: str | None, source: str) -> _Link | None:
    return _Link(item.url, "") if isinstance(item, KnownItem) else _identity(item, base, here, source)


def _identity(item: RawEntry, base: str, here: str | None, source: str) -> _Link | None:
    """What the entry is known by: its guid for an agency's item, else its web address, else its guid in this feed.

    The last is for entries whose feed gives the text and no address; without text there is nothing to be read.
    """
    link = _usable_link(item, base, here)
    if item.wire is not None and item.guid:
        return _Link(wire_url(source, item.guid), link.plain if link is not None else "")
    if link is None and item.content is not None:
        name = item.guid or _digest("\x1f".join((item.title or "", item.published or "", item.content.body)))
        return _Link(wire_url(source, name if item.wire is not None else f"{_digest(base)[:12]}:{name}"), "")
    return link


def _reused_guids(linked: list[tuple[RawEntry | KnownItem, _Link | None]]) -> frozenset[str]:
    """Guids that stand on different links: some feeds put the section's name, or a 0, on every item."""
    first: dict[str, str] = {}
    return frozenset(
        item.guid
        for item, link in linked
        if isinstance(item, RawEntry)
        and item.guid
        and link is not None
        and first.setdefault(item.guid, link.url) != link.url
    )


def _key(item: RawEntry, link: _Link, reused: frozenset[str]) -> str:
    is_guid_usable = bool(item.guid) and item.guid not in reused
    return _digest((item.guid if is_guid_usable else None) or link.url)


def _entry(item: RawEntry, link: _Link, key: str, base: str, now: datetime, *, is_guid_reused: bool) -> Entry:
    published_at = in_bounds(parse_instant(item.published) or item.published_at, now)
    updated_at = in_bounds(parse_instant(item.updated) or item.updated_at, now)
    title, summary = plain_line(item.title), plain_summary(item.summary)
    # Only here, for what is kept: of a feed with 100,000 items that is one in fifty.
    asked = (asked_url(link.plain, base) if link.plain else None) or link.url
    return Entry(
        key=key,
        url=link.url,
        link=asked if asked != link.url else "",
        content=item.content,
        wire=item.wire,
        guid=one_line(item.guid, GUID_MAX_BYTES),
        title=title,
        summary=summary,
        published_at=published_at,
        published_raw=one_line(item.published, RAW_MAX_BYTES) if published_at is None else None,
        updated_at=updated_at,
        authors=tuple(_authors(item)),
        codes=tuple(_codes(item)),
        version=_version(item, title, summary, updated_at),
        # What has no address of its own is known by its words, and whether a guid is an item's own is told by the
        # others: those are read each time.
        digest=None if is_wire_url(link.url) or is_guid_reused else item.digest,
    )


def _version(item: RawEntry, title: str | None, summary: str | None, updated_at: datetime | None) -> str:
    """What changes when the outlet edits the entry; of an agency's item, every word it sends."""
    facts = item.wire
    if facts is not None:
        told = (facts.version, facts.version_at, facts.status, facts.embargo_until, title)
        return _digest("\x1f".join((*map(str, told), item.content.body if item.content is not None else "")))
    return _digest("\x1f".join((title or "", summary or "", updated_at.isoformat() if updated_at else "")))


def _authors(item: RawEntry) -> Iterator[str]:
    names = (plain_line(name, AUTHOR_MAX_BYTES) for name in item.authors[:AUTHORS_MAX])
    return iter(dict.fromkeys(name for name in names if name))


def _codes(item: RawEntry) -> Iterator[SubjectCode]:
    """The subjects of an entry, each once, as plain lines; those without a code are no subjects."""
    seen: set[tuple[str, str]] = set()
    of_the_wire = item.wire.subjects if item.wire is not None else ()
    for raw in (*item.codes, *of_the_wire)[:CODES_MAX]:
        scheme, code = plain_line(raw.scheme, CODE_MAX_BYTES) or "", plain_line(raw.code, CODE_MAX_BYTES)
        if code is not None and (scheme, code) not in seen:
            seen.add((scheme, code))
            name = plain_line(raw.name, CODE_MAX_BYTES)
            yield SubjectCode(scheme, code, name if name != code else None)


def _digest(text: str) -> str:
    return sha256(scrub(text).encode("utf-8", "replace")).hexdigest()
