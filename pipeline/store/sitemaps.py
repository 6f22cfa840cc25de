"""The sitemaps that indexes list, in SQL: what each listed, when it changed, and what was read of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select, update

from pipeline.feeds.sitemapindex import IndexedSitemap
from pipeline.store.feeds import FIRST_INTERVAL_S
from pipeline.store.schema import feeds, indexed_sitemaps
from pipeline.store.statements import insert_new, slices
from pipeline.values import ChildSitemap, FeedState, PollPlan

_STATE = (
    "etag",
    "last_modified",
    "body_sha256",
    "interval_s",
    "error_count",
    "known_entries",
    "last_polled_at",
    "last_success_at",
    "last_new_at",
    "last_unconditional_at",
    "next_poll_at",
)


def remember_sitemaps(
    connection: Connection, token: str, feed_id: int, children: Sequence[ChildSitemap], now: datetime
) -> bool:
    """Note what the index lists now, in its order of reading; False, and nothing noted, when the lease was lost.

    What it lists no longer keeps its row: an index that lists it again has not announced it anew.
    """
    held = select(feeds.c.id).where(feeds.c.id == feed_id, feeds.c.lease_token == token).with_for_update()
    if connection.execute(held).first() is None:
        return False
    mine = indexed_sitemaps.c.feed_id == feed_id
    known = {row.url: row for row in connection.execute(select(indexed_sitemaps).where(mine))}
    rows = [
        {
            "feed_id": feed_id,
            "url": child.url,
            "position": position,
            "is_listed": True,
            "lastmod": child.lastmod,
            "interval_s": FIRST_INTERVAL_S,
            "first_seen_at": now,
        }
        for position, child in enumerate(children)
    ]
    insert_new(connection, indexed_sitemaps, [row for row in rows if row["url"] not in known])
    for row in rows:
        before = known.get(str(row["url"]))
        # Only what changed is written: an index that lists the same 500 sitemaps costs nothing.
        told = {name: row[name] for name in ("position", "is_listed", "lastmod")}
        if before is not None and any(getattr(before, name) != value for name, value in told.items()):
            connection.execute(update(indexed_sitemaps).where(indexed_sitemaps.c.id == before.id).values(**told))
    listed = {child.url for child in children}
    gone = [row.id for url, row in known.items() if row.is_listed and url not in listed]
    for piece in slices(gone):
        connection.execute(update(indexed_sitemaps).where(indexed_sitemaps.c.id.in_(piece)).values(is_listed=False))
    return True


def listed_sitemaps(connection: Connection, index: FeedState) -> tuple[IndexedSitemap, ...]:
    """What the index listed when it was read last, in the order of reading."""
    query = select(indexed_sitemaps).where(
        indexed_sitemaps.c.feed_id == index.id, indexed_sitemaps.c.is_listed.is_(True)
    )
    return tuple(_sitemap(row, index) for row in connection.execute(query.order_by(indexed_sitemaps.c.position)))


def save_sitemap(connection: Connection, feed_id: int, sitemap: IndexedSitemap, plan: PollPlan) -> None:
    """Keep what a poll of the sitemap left. To be called in the transaction that writes the poll."""
    values: dict[str, Any] = {name: getattr(sitemap.state, name) for name in _STATE}
    values |= {"has_news": sitemap.has_news, "read_lastmod": sitemap.read_lastmod}
    values |= {"last_outcome": plan.outcome, "last_detail": plan.detail}
    connection.execute(
        update(indexed_sitemaps)
        .where(indexed_sitemaps.c.feed_id == feed_id, indexed_sitemaps.c.url == sitemap.url)
        .values(**values)
    )


def _sitemap(row: Row[Any], index: FeedState) -> IndexedSitemap:
    state = FeedState(
        id=index.id,
        url=row.url,
        source=index.source,
        full_text=index.full_text,
        full_text_agreed=index.full_text_agreed,
        **{name: getattr(row, name) for name in _STATE},
    )
    return IndexedSitemap(state, row.lastmod, row.read_lastmod, row.position, row.has_news)
