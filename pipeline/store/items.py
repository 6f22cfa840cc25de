"""Items in SQL: bodies that came with their announcement, their versions, and what an agency says of their use.

An item that may not be used yet, or no more, ends its URL (`embargoed`, `withheld`, `canceled`): nothing of it is read.
Another version opens it again, and so does the end of its embargo (`release_held`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, select, update

from pipeline.batches import priority_of
from pipeline.outcomes import TERMINAL_STATES, Reason, StoryStatus, UrlState, WireStatus
from pipeline.store.events import EventKind, add_event
from pipeline.store.schema import items, stories, urls
from pipeline.store.statements import insert_for, slices
from pipeline.store.statuses import withdraw_story
from pipeline.values import Claim, Content, Entry, Item, WireFacts
from pipeline.wire.identity import is_older, priority_of_urgency

_REASON_OF = {WireStatus.WITHHELD: Reason.WITHHELD, WireStatus.CANCELED: Reason.CANCELED}
_STORY_OF = {WireStatus.WITHHELD: StoryStatus.WITHDRAWN, WireStatus.CANCELED: StoryStatus.CANCELED}


@dataclass(frozen=True, slots=True)
class ItemsWritten:
    """What became of the items of one poll or file: `outdated` came after a newer version and was ignored."""

    outdated: int = 0
    reopened: int = 0


def put_items(
    connection: Connection, feed_id: int, entries: Sequence[Entry], url_ids: Mapping[str, int], now: datetime
) -> ItemsWritten:
    """Keep the bodies and facts of `entries`, each under the id of its URL, and let the ledger follow."""
    outdated = reopened = 0
    bearing = [entry for entry in entries if entry.content is not None or entry.wire is not None]
    for entry in sorted(bearing, key=lambda item: item.url):
        if entry.url not in url_ids:
            continue
        is_kept, is_reopened = _put(connection, feed_id, entry, url_ids[entry.url], now)
        outdated += not is_kept
        reopened += is_reopened
    return ItemsWritten(outdated, reopened)


def release_held(connection: Connection, now: datetime) -> int:
    """Open the URLs whose embargo has ended; returns how many."""
    due = select(items.c.url_id).where(items.c.held_until <= now, items.c.status == WireStatus.USABLE)
    ids = list(
        connection.execute(
            update(urls)
            .where(urls.c.state == UrlState.REJECTED, urls.c.reason == Reason.EMBARGOED, urls.c.id.in_(due))
            .values(state=UrlState.WAITING, reason=None, detail=None, attempts=0, due_at=now, settled_at=None)
            .returning(urls.c.id)
        ).scalars()
    )
    for piece in slices(ids):
        connection.execute(update(items).where(items.c.url_id.in_(piece)).values(held_until=None))
    return len(ids)


def item_of(row: Row[Any]) -> Item | None:
    """The item of a claim's row (columns `item_*`), or None when the URL has none."""
    if row.item_received_at is None:
        return None
    has_body = row.item_body is not None
    content = Content(row.item_media_type or "", row.item_body, row.item_is_probe) if has_body else None
    return Item(content, row.item_received_at, WireStatus(row.item_status), row.item_held_until)


def hindrance(item: Item, now: datetime) -> tuple[Reason, str] | None:
    """Why the item may not be read now, with a sentence; None when it may."""
    if item.status is not WireStatus.USABLE:
        return _REASON_OF[item.status], f"The agency's status of the item is {item.status.value}."
    if item.held_until is not None and item.held_until > now:
        return Reason.EMBARGOED, f"The embargo ends at {item.held_until:%Y-%m-%d %H:%M} UTC."
    return None


def is_current(connection: Connection, claim: Claim) -> bool:
    """Whether the item that was read is still the newest; locks its row until the transaction ends."""
    if claim.item is None:
        return True
    query = select(items.c.received_at).where(items.c.url_id == claim.url_id).with_for_update()
    received_at = connection.execute(query).scalar_one_or_none()
    return received_at is None or bool(received_at == claim.item.received_at)


def forget_body(connection: Connection, url_id: int) -> None:
    """Drop the body of an item that was read: it lies in the archive now."""
    connection.execute(update(items).where(items.c.url_id == url_id).values(body=None))


def _put(connection: Connection, feed_id: int, entry: Entry, url_id: int, now: datetime) -> tuple[bool, bool]:
    """Whether the entry was kept, and whether its URL was opened for it."""
    facts = entry.wire or WireFacts()
    known = connection.execute(select(items).where(items.c.url_id == url_id).with_for_update()).first()
    if known is not None and entry.wire is not None and is_older(facts, known.version, known.version_at):
        detail = {"version": facts.version or 0, "known_version": known.version or 0, "guid": (entry.guid or "")[:200]}
        add_event(connection, EventKind.ITEM_OUTDATED, entry.url, detail, now)
        return False, False
    body = entry.content.body if entry.content is not None else None
    digest = sha256(body.encode("utf-8", "replace")).hexdigest() if body is not None else None
    told = (facts.version, facts.version_at, facts.status, digest)
    if known is not None and told == (known.version, known.version_at, known.status, known.body_sha256):
        return True, False
    held_until = facts.embargo_until if facts.embargo_until is not None and facts.embargo_until > now else None
    values = {
        "feed_id": feed_id,
        "guid": entry.guid,
        # A kill that names no version is one of the newest known.
        "version": facts.version if facts.version is not None or known is None else known.version,
        "version_at": facts.version_at if facts.version_at is not None or known is None else known.version_at,
        "status": facts.status,
        "held_until": held_until,
        "urgency": facts.urgency,
        "note": facts.note,
        "subjects": msgspec.to_builtins(facts.subjects),
        "media_type": entry.content.media_type if entry.content is not None else None,
        "body": body,
        "body_sha256": digest,
        "is_probe": entry.content is not None and entry.content.is_probe,
        "received_at": now,
    }
    statement = insert_for(connection, items).values(url_id=url_id, **values)
    connection.execute(statement.on_conflict_do_update(index_elements=["url_id"], set_=values))
    if entry.wire is None:
        return True, False
    hinder = hindrance(Item(entry.content, now, facts.status, held_until), now)
    if hinder is not None:
        _close(connection, url_id, facts, *hinder, now)
        return True, False
    return True, _open(connection, url_id, entry, facts, now)


def _close(connection: Connection, url_id: int, facts: WireFacts, reason: Reason, detail: str, now: datetime) -> None:
    """End the URL unless a worker holds it (who finds at settling that the item has changed), and its story with it."""
    story_id = connection.execute(select(stories.c.id).where(stories.c.url_id == url_id)).scalar_one_or_none()
    state = UrlState.REJECTED if story_id is None else UrlState.STORED
    connection.execute(
        update(urls)
        .where(urls.c.id == url_id, urls.c.state != UrlState.CLAIMED)
        .values(state=state, reason=reason, detail=detail, settled_at=now, lease_until=None)
    )
    if story_id is not None and facts.status in _STORY_OF:
        withdraw_story(connection, story_id, _STORY_OF[facts.status], now, note=facts.note)


def _open(connection: Connection, url_id: int, entry: Entry, facts: WireFacts, now: datetime) -> bool:
    """Have the newest version read, by its urgency, under its own headline and dates."""
    hints = {
        "priority": priority_of_urgency(facts.urgency, priority_of(entry.published_at, now)),
        "entry_title": entry.title,
        "entry_summary": entry.summary,
        "entry_published_at": entry.published_at,
        "entry_published_raw": entry.published_raw,
        "entry_authors": list(entry.authors),
    }
    connection.execute(update(urls).where(urls.c.id == url_id).values(**hints))
    story_id = connection.execute(select(stories.c.id).where(stories.c.url_id == url_id)).scalar_one_or_none()
    if story_id is not None:
        withdraw_story(connection, story_id, StoryStatus.USABLE, now, note=facts.note)
    return bool(
        connection.execute(
            update(urls)
            .where(urls.c.id == url_id, urls.c.state.in_(TERMINAL_STATES))
            .values(state=UrlState.WAITING, attempts=0, due_at=now, settled_at=None)
        ).rowcount
    )
