"""RSS 0.9x, 1.0 and 2.0 and Atom, read by feedparser."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from types import ModuleType
from typing import Any

from pipeline.feeds.decode import with_escaped_ampersands
from pipeline.feeds.entries import RawEntry, RawFeed
from pipeline.feeds.fulltext import full_text
from pipeline.values import SubjectCode

# feedparser decodes nothing here: it gets UTF-8 and is told so.
_HEADERS = {"content-type": "application/xml; charset=utf-8"}
_ROOT = re.compile(r"<(?:[\w.-]+:)?(?:rss|rdf|feed|channel)(?=[\s>/])", re.IGNORECASE)
_MARKUP = re.compile(r"<(?![!?])(?:[\w.-]+:)?([\w.-]+)")
# Warnings of a broken server in front of the feed are skipped as far as this.
_HEAD_CHARS = 16_384
_AUTHOR_LOOK_CHARS = 512
_AROUND_ADDRESS = re.compile(r"mailto:|[<(]?[^\s<>()@]*@[^\s<>()]*[>)]?|[()]", re.IGNORECASE)
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_SKIP_HOURS = re.compile(r"<skipHours>(.{0,2000}?)</skipHours>", re.IGNORECASE | re.DOTALL)
_SKIP_DAYS = re.compile(r"<skipDays>(.{0,2000}?)</skipDays>", re.IGNORECASE | re.DOTALL)
_HOUR = re.compile(r"<hour>\s*([0-9]{1,2})\s*</hour>", re.IGNORECASE)
_DAY = re.compile(rf"<day>\s*({'|'.join(_DAYS)})\s*</day>", re.IGNORECASE)
_PERIODS_S = {"hourly": 3600.0, "daily": 86_400.0, "weekly": 604_800.0, "monthly": 2_592_000.0, "yearly": 31_536_000.0}


def is_syndication(text: str) -> bool:
    """Whether `text` is RSS or Atom: such a root element within its first characters, and no HTML page around it."""
    root = _MARKUP.search(text[:_HEAD_CHARS])
    return root is not None and root[1].lower() not in ("html", "head", "body") and _start(text) is not None


def read_syndication(text: str) -> RawFeed | str:
    """The feed in `text`, or one sentence that says why it could not be read."""
    # A picture's description would stand where the item's own is expected.
    clean = with_escaped_ampersands(text[_start(text) or 0 :].replace("media:description", "media:caption"))
    body = clean.encode("utf-8", "replace")
    try:
        parsed = _feedparser().parse(
            io.BytesIO(body), response_headers=_HEADERS, sanitize_html=False, resolve_relative_uris=False
        )
    except Exception as error:
        # feedparser names no errors of its own, and raises a dozen kinds from odd places on broken feeds.
        return f"The feed could not be parsed ({type(error).__name__})."
    version = str(parsed.get("version") or "")
    if not version and not parsed.entries:
        return "The XML names itself a feed but holds none that could be read."
    feed = parsed.feed
    return RawFeed(
        format=version or "xml",
        title=_text(feed, "title"),
        language=_text(feed, "language"),
        ttl_s=_ttl_s(feed),
        update_period_s=_update_period_s(feed),
        skip_hours=_skipped_hours(text),
        skip_days=_skipped_days(text),
        hub=_feed_link(feed, "hub"),
        self_link=_feed_link(feed, "self"),
        entries=tuple(_raw_entry(item) for item in parsed.entries),
        is_well_formed=not parsed.get("bozo"),
    )


@cache
def _feedparser() -> ModuleType:
    """feedparser, imported on first use (120 ms), with two of its habits changed.

    libxml2's SAX driver opens file:// DTDs, so it is not asked for. The pattern that looks for addresses in an author
    takes quadratic time (2 MB of "a.a.a": minutes) and cuts names off ("x@b.example (Desk)"), so it is not run.
    """
    import feedparser
    import feedparser.api
    import feedparser.mixin

    feedparser.api.PREFERRED_XML_PARSERS = []
    feedparser.mixin._FeedParserMixin._sync_author_detail = _keep_author
    return feedparser  # type: ignore[no-any-return]


def _keep_author(parser: Any, key: str = "author") -> None:
    """The author's text as the name of the last author, unless that one has its own <name> (feedparser's hook)."""
    context = parser._get_context()
    authors = dict.get(context, f"{key}s")
    if isinstance(authors, list) and authors and not authors[-1] and dict.get(context, key):
        authors[-1]["name"] = dict.get(context, key)


def _start(text: str) -> int | None:
    match = _ROOT.search(text, 0, _HEAD_CHARS)
    return match.start() if match else None


def _raw_entry(item: Any) -> RawEntry:
    published, updated = _text(item, "published") or _text(item, "created"), _text(item, "updated")
    published_at, updated_at = _instant(item, "published_parsed"), _instant(item, "updated_parsed")
    if not published:
        # RSS 1.0 has only dc:date, which feedparser calls updated, and Atom asks for nothing but updated.
        published, published_at = updated, updated_at
    return RawEntry(
        links=tuple(_links(item)),
        guid=_text(item, "id"),
        title=_text(item, "title"),
        summary=_text(item, "summary") or _content(item) or _text(item, "media_caption"),
        published=published,
        published_at=published_at,
        updated=updated,
        updated_at=updated_at,
        authors=tuple(_authors(item)),
        codes=tuple(_subjects(item)),
        content=full_text(_content(item), _text(item, "title")),
    )


def _feed_link(feed: Any, relation: str) -> str | None:
    links = dict.get(feed, "links", ())
    return next((link["href"] for link in links if link.get("rel") == relation and link.get("href")), None)


def _links(item: Any) -> Iterator[str]:
    """Candidates for the story's address: the one a feed service kept, the first alternate, a permalink guid."""
    for key in dict.keys(item):
        if key.endswith("_origlink") and isinstance(item[key], str):
            yield item[key]
    guid = _text(item, "id")
    is_permalink = bool(dict.get(item, "guidislink"))
    links = [link for link in _parts(item, "links") if link.get("rel") == "alternate"]
    hrefs = [_text(link, "href") for link in links if "html" in str(link.get("type", "html"))]
    yield from (href for href in hrefs if href)
    link = _text(item, "link")
    # feedparser puts a guid into an empty link unless the feed forbids it; "12345" is no address for all that.
    if link and link != guid:
        yield link
    if guid and (is_permalink or not link or link == guid) and re.match(r"(?:https?:)?/|www\.", guid, re.IGNORECASE):
        yield guid


def _authors(item: Any) -> Iterator[str]:
    """Names; of "desk@b.example (The Desk)" and "The Desk <desk@b.example>" the name, of a bare address nothing."""
    for author in _parts(item, "authors"):
        name = author.get("name")
        if isinstance(name, str):
            yield _AROUND_ADDRESS.sub("", name[:_AUTHOR_LOOK_CHARS]) if "@" in name else name


def _subjects(item: Any) -> Iterator[SubjectCode]:
    """`<category domain="…">` of RSS, `<category scheme term label>` of Atom, `dc:subject` of RDF."""
    for tag in _parts(item, "tags"):
        term, scheme, label = (tag.get(key) for key in ("term", "scheme", "label"))
        if isinstance(term, str):
            yield SubjectCode(scheme or "", term, label if isinstance(label, str) else None)


def _content(item: Any) -> str | None:
    return next((part["value"] for part in _parts(item, "content") if isinstance(part.get("value"), str)), None)


def _parts(holder: Any, key: str) -> list[dict[str, Any]]:
    """What feedparser lists under `key`. An element of just that name, say <links>, puts something else there."""
    found = dict.get(holder, key)
    return [part for part in found if isinstance(part, dict)] if isinstance(found, list) else []


def _text(holder: Any, key: str) -> str | None:
    # dict.get: FeedParserDict's own lookup puts published where updated is missing, and warns about it.
    value = dict.get(holder, key)
    return value.strip() or None if isinstance(value, str) else None


def _instant(item: Any, key: str) -> datetime | None:
    parts = dict.get(item, key)
    if parts is None:
        return None
    try:
        year, month, day, hour, minute, second = parts[:6]
        return datetime(year, month, day, hour, minute, min(second, 59), tzinfo=UTC)
    except (ValueError, TypeError, OverflowError):
        return None


def _ttl_s(feed: Any) -> float | None:
    """What the channel asks for: its ttl is in minutes."""
    ttl = _number(_text(feed, "ttl"))
    return ttl * 60.0 if ttl is not None else None


def _update_period_s(feed: Any) -> float | None:
    """What the channel says of itself: a period of the syndication module, and how often within it."""
    period_s = _PERIODS_S.get((_text(feed, "sy_updateperiod") or "").lower())
    frequency = _number(_text(feed, "sy_updatefrequency")) or 1.0
    return period_s / frequency if period_s is not None else None


def _skipped_hours(text: str) -> tuple[int, ...]:
    """The hours of <skipHours>, in UTC; 24 is what RSS 0.91 calls midnight. feedparser keeps but the last of them."""
    found = _SKIP_HOURS.search(text)
    hours = {int(hour) % 24 for hour in _HOUR.findall(found[1]) if int(hour) <= 24} if found else set()
    return tuple(sorted(hours)) if len(hours) < 24 else ()


def _skipped_days(text: str) -> tuple[int, ...]:
    """The days of <skipDays>, 0 is Monday."""
    found = _SKIP_DAYS.search(text)
    days = {_DAYS.index(day.lower()) for day in _DAY.findall(found[1])} if found else set()
    return tuple(sorted(days)) if len(days) < 7 else ()


def _number(text: str | None) -> float | None:
    """The positive number of at most five digits that `text` is, or None."""
    return float(text) if text and re.fullmatch(r"[0-9]{1,5}", text) and int(text) > 0 else None
