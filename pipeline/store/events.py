"""Rare things that somebody will ask about later, kept as rows: a feed moved, a gap, leases that ran out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, insert

from pipeline.store.schema import events


class EventKind(StrEnum):
    """The closed list of what is recorded."""

    FEED_MOVED = "feed_moved"
    FEED_STATUS = "feed_status"
    FEED_GAP = "feed_gap"
    FEED_DISTRUSTED = "feed_distrusted"
    FEED_SILENT = "feed_silent"
    FEED_HEARD = "feed_heard"
    ITEM_OUTDATED = "item_outdated"
    LEASES_EXPIRED = "leases_expired"


def add_event(
    connection: Connection, kind: EventKind, subject: str, detail: Mapping[str, str | int], now: datetime
) -> None:
    """Record one event. `subject` names what it happened to (cut at 255 characters)."""
    connection.execute(insert(events).values(at=now, kind=kind.value, subject=subject[:255], detail=dict(detail)))
