"""What feeds list and ever listed, in SQL: an entry is announced once, however often its feed drops and shows it (P4).

A feed has listed a hundred thousand entries after a year and lists fifty of them: each question here is about what it
lists now, or about the entries in hand.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import cache

from sqlalchemy import Connection, bindparam, select, true, update

from pipeline.store.many import ForRows
from pipeline.store.schema import feed_listings, urls
from pipeline.store.statements import insert_of, slices
from pipeline.values import Entry, Listing

_ROW = feed_listings.c
_OF_FEED = _ROW.feed_id == bindparam("b_feed_id")
_AMONG = _ROW.entry_key.in_(bindparam("b_keys", expanding=True))
# Built once, as all that every poll with news runs. The partial index is used for a literal alone, not for a parameter.
_LISTED = select(_ROW.entry_key, _ROW.entry_version).where(_OF_FEED, _ROW.is_listed == true())
_LISTINGS = (
    select(_ROW.feed_id, _ROW.entry_key, _ROW.entry_version, _ROW.item_digest, urls.c.url)
    .outerjoin(urls, urls.c.id == _ROW.url_id)
    .where(_ROW.feed_id.in_(bindparam("b_feed_ids", expanding=True)), _ROW.is_listed == true())
)
_KNOWN_AMONG = select(_ROW.entry_key, _ROW.entry_version).where(_OF_FEED, _AMONG)
_MARK = {
    is_listed: update(feed_listings)
    .where(_OF_FEED, _AMONG)
    .values(is_listed=is_listed, last_seen_at=bindparam("b_now", type_=_ROW.last_seen_at.type))
    for is_listed in (True, False)
}


def listings_of(connection: Connection, feed_ids: Collection[int]) -> dict[int, Listing]:
    """What each of the feeds listed when it was read last."""
    versions: dict[int, dict[str, str]] = {feed_id: {} for feed_id in feed_ids}
    items: dict[int, dict[str, tuple[str, str]]] = {feed_id: {} for feed_id in feed_ids}
    for piece in slices(sorted(versions)):
        for feed_id, key, version, digest, url in connection.execute(_LISTINGS, {"b_feed_ids": piece}):
            versions[feed_id][key] = version
            if digest is not None and url is not None:
                items[feed_id][digest] = (key, url)
    return {feed_id: Listing(versions[feed_id], items[feed_id]) for feed_id in versions}


def known_among(connection: Connection, feed_id: int, keys: Sequence[str]) -> dict[str, str]:
    """Those of the entry keys that the feed ever listed, with the version seen last."""
    known: dict[str, str] = {}
    for piece in slices(keys):
        rows = connection.execute(_KNOWN_AMONG, {"b_feed_id": feed_id, "b_keys": piece})
        known |= {row.entry_key: row.entry_version for row in rows}
    return known


def remember_entries(
    connection: Connection, feed_id: int, entries: Sequence[Entry], url_ids: Mapping[str, int], now: datetime
) -> None:
    """Note new and edited entries as listed now, each with the id of its URL."""
    rows = [(feed_id, each.key, each.version, url_ids.get(each.url), now, now, True, each.digest) for each in entries]
    _remember(connection.dialect.name).run(connection, rows)


def remember_listing(connection: Connection, feed_id: int, listed: Collection[str], now: datetime) -> None:
    """Note that the feed lists these entries and no others; new and edited ones stand there already.

    Only what appeared again or vanished is written: a feed that lists the same 50 entries costs nothing.
    """
    before = set(connection.execute(_LISTED, {"b_feed_id": feed_id}).scalars())
    now_listed = set(listed)
    _mark(connection, feed_id, sorted(before - now_listed), False, now)
    _mark(connection, feed_id, sorted(now_listed - before), True, now)


def _mark(connection: Connection, feed_id: int, keys: Sequence[str], is_listed: bool, now: datetime) -> None:
    for piece in slices(keys):
        connection.execute(_MARK[is_listed], {"b_feed_id": feed_id, "b_keys": piece, "b_now": now})


@cache
def _remember(dialect: str) -> ForRows:
    statement = insert_of(dialect, feed_listings)
    renewed = ("entry_version", "url_id", "last_seen_at", "is_listed", "item_digest")
    statement = statement.on_conflict_do_update(
        index_elements=[_ROW.feed_id, _ROW.entry_key], set_={name: statement.excluded[name] for name in renewed}
    )
    columns = ("feed_id", "entry_key", "entry_version", "url_id", "first_seen_at", *renewed[2:])
    return ForRows(statement.inline(), columns, is_bare_insert=True)
