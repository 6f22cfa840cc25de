"""Backfills in SQL: how far each source was read, and the URLs that it brought, which come after all other work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select, update

from pipeline.batches import BACKFILL_PRIORITY
from pipeline.identity.urls import canonical_url, site_of
from pipeline.outcomes import BackfillKind
from pipeline.store.hosts import asked_host
from pipeline.store.schema import backfills, urls
from pipeline.store.statements import insert_for, insert_missing, slices
from pipeline.store.stories import add_page
from pipeline.values import PageRef


@dataclass(frozen=True, slots=True)
class Backfill:
    """How far a source was read: `position` is None at its start, `counts` has a number for each outcome word."""

    id: int
    position: str | None
    counts: Mapping[str, int]
    is_finished: bool


def open_backfill(
    connection: Connection, kind: BackfillKind, source: str, now: datetime, *, again: bool = False
) -> Backfill:
    """The source's row, made where there is none; `again` sets it back to its start."""
    fresh = {"counts": {}, "started_at": now, "updated_at": now}
    insert_missing(connection, backfills, [{"kind": kind, "source": source, **fresh}])
    mine = backfills.c.kind == kind, backfills.c.source == source
    if again:
        connection.execute(update(backfills).where(*mine).values(position=None, finished_at=None, **fresh))
    row = connection.execute(select(backfills).where(*mine)).one()
    return Backfill(row.id, row.position, dict(row.counts), row.finished_at is not None)


def save_progress(
    connection: Connection,
    backfill_id: int,
    position: str | None,
    counts: Mapping[str, int],
    now: datetime,
    *,
    is_finished: bool = False,
) -> None:
    """Keep how far the source was read. To be called in the transaction that adds what was read."""
    connection.execute(
        update(backfills)
        .where(backfills.c.id == backfill_id)
        .values(position=position, counts=dict(counts), updated_at=now, finished_at=now if is_finished else None)
    )


def add_urls(
    connection: Connection, links: Sequence[str], now: datetime, archived: Mapping[str, PageRef] | None = None
) -> set[str]:
    """Put asked-for addresses into the ledger behind all other work; returns those that were not there.

    With `archived` each address's response lies in the archive, and is read from there.
    """
    rows: dict[str, str] = {}
    for link in links:
        url = canonical_url(link)
        if url is not None:
            rows.setdefault(url, link)
    added: set[str] = set()
    for piece in slices(sorted(rows)):
        values = [_row(url, rows[url], now, is_archived=archived is not None) for url in piece]
        statement = insert_for(connection, urls).values(values).on_conflict_do_nothing()
        for row in connection.execute(statement.returning(urls.c.id, urls.c.url)).all():
            added.add(rows[row.url])
            if archived is not None:
                add_page(connection, row.id, archived[rows[row.url]])
    return added


def _row(url: str, link: str, now: datetime, *, is_archived: bool) -> dict[str, object]:
    return {
        "url": url,
        "link": link if link != url else None,
        "host": asked_host(url),
        "site": site_of(url),
        "announced_at": now,
        "due_at": now,
        "priority": BACKFILL_PRIORITY,
        "is_archived": is_archived,
    }
