"""From an agency's items to entries: what the strings of version, status, embargo and urgency mean."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from pipeline.feeds.dates import has_zone, parse_instant
from pipeline.feeds.entries import RawEntry, RawFeed
from pipeline.outcomes import WireStatus
from pipeline.text import one_line
from pipeline.values import Content, WireFacts
from pipeline.wire.items import WireItem, WireMessage

NOTE_MAX_BYTES = 2_048
_USABLE = ("usable", "")
_CANCELED = ("canceled", "cancelled", "killed")
# An embargo without a zone ends where the day ends last: a release twelve hours late harms nobody, one too early does.
_LATEST_ZONE = timedelta(hours=12)


def feed_of_message(message: WireMessage) -> RawFeed:
    """The message as a feed: each item once, in its newest version."""
    kept = _newest(message.items)
    return RawFeed(
        format=message.format,
        title=message.title,
        language=message.language,
        entries=tuple(_raw_entry(item) for item in kept),
        passed_over=message.passed_over + len(message.items) - len(kept),
    )


def facts_of(item: WireItem) -> WireFacts:
    """What the agency says about the item. What can't be understood is taken for the stricter meaning.

    A status that is no word of IPTC's, and an embargo without a readable end, withhold the item.
    """
    word = (item.status or "").lower()
    status = WireStatus.USABLE if word in _USABLE else WireStatus.CANCELED if word in _CANCELED else WireStatus.WITHHELD
    until = _embargo_end(item.embargoed)
    if item.embargoed is not None and until is None and status is WireStatus.USABLE:
        status = WireStatus.WITHHELD
    urgency = re.fullmatch(r"\s*([1-9])(?:\.0+)?\s*", item.urgency or "")
    return WireFacts(
        version=_number(item.version),
        version_at=parse_instant(item.updated),
        status=status,
        embargo_until=until,
        urgency=int(urgency[1]) if urgency else None,
        note=one_line(item.note, NOTE_MAX_BYTES),
        subjects=item.subjects,
    )


def _raw_entry(item: WireItem) -> RawEntry:
    is_link_only = not item.raw and item.status is None
    return RawEntry(
        links=item.links,
        guid=item.guid if not is_link_only else None,
        title=item.title,
        summary=item.summary or item.standfirst,
        published=item.published,
        updated=item.updated,
        authors=item.authors,
        content=Content(item.media_type, item.raw) if item.raw and item.lines else None,
        wire=None if is_link_only else facts_of(item),
    )


def _newest(items: Iterable[WireItem]) -> list[WireItem]:
    """The items, of those with one guid the newest version alone.

    Where a guid stands on several items without any sign of versions it was reused, and names none of them.
    """
    groups: dict[str, list[WireItem]] = {}
    kept: list[WireItem] = []
    for item in items:
        if item.guid and item.raw:
            groups.setdefault(item.guid, []).append(item)
        else:
            kept.append(item)
    for group in groups.values():
        is_reused = len(group) > 1 and len({_order(item) for item in group}) == 1 and len({i.title for i in group}) > 1
        kept += [_without_guid(item) for item in group] if is_reused else [max(group, key=_order)]
    return kept


def _order(item: WireItem) -> tuple[int, str]:
    instant = parse_instant(item.updated)
    return (_number(item.version) or 0, instant.isoformat() if instant is not None else "")


def _without_guid(item: WireItem) -> WireItem:
    return replace(item, guid=None)


def _embargo_end(raw: str | None) -> datetime | None:
    instant = parse_instant(raw)
    return instant if instant is None or has_zone(raw or "") else instant + _LATEST_ZONE


def _number(text: str | None) -> int | None:
    return int(text) if text and re.fullmatch(r"[0-9]{1,9}", text) else None
