"""Feeds in SQL: which are due, what they listed, and the one transaction that ends a poll (promise P4)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote, unquote

from sqlalchemy import ColumnElement, Connection, Row, Select, bindparam, func, or_, select, update

from pipeline.batches import EDITED_PRIORITY, priority_of
from pipeline.feeds.fulltext import agreed_after
from pipeline.feeds.validators import distrusted_since
from pipeline.identity.urls import canonical_url, site_of
from pipeline.outcomes import OPEN_STATES, FeedStatus, FullText, PollOutcome, Reason, UrlState
from pipeline.store.events import EventKind, add_event
from pipeline.store.hosts import asked_host
from pipeline.store.items import put_items
from pipeline.store.listings import remember_entries, remember_listing
from pipeline.store.many import ForRows
from pipeline.store.retention import is_pruned
from pipeline.store.rhythm import note_news, note_silence
from pipeline.store.schema import feed_polls, feeds, hosts, urls
from pipeline.store.statements import insert_missing, insert_rows, is_over, is_over_when, latest_end, slices
from pipeline.values import Entry, FeedState, PollPlan
from pipeline.wire.identity import is_wire_url, priority_of_urgency, source_of

# The slowest lane is a poll a day; a next poll later than this was written by a clock that ran ahead (P8).
LONGEST_INTERVAL_S = 86_400.0 * 1.2
FIRST_INTERVAL_S = 900.0
# Outcomes that show the feed itself, changed or not.
_HEARD = (PollOutcome.NEW_ENTRIES, PollOutcome.NOTHING_NEW, PollOutcome.SAME_BODY, PollOutcome.NOT_MODIFIED)


@dataclass(frozen=True, slots=True)
class NewFeed:
    """A feed as a person or an OPML file names it."""

    url: str
    title: str | None = None
    category: str | None = None
    language: str | None = None


@dataclass(frozen=True, slots=True)
class FeedsAdded:
    """How an import ended: `added` rows are new, `known` were there, `refused` are no http(s) URLs."""

    added: int
    known: int
    refused: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PollWritten:
    """What one poll changed in SQL: URLs never seen on any feed, and stored pages that are read again.

    `outdated` counts an agency's items that came after a newer version of theirs and were ignored.
    """

    new_urls: int
    reopened: int
    outdated: int = 0


def add_feeds(connection: Connection, wanted: Iterable[NewFeed], now: datetime) -> FeedsAdded:
    """Add feeds that are not there yet, due at once. A feed that is there keeps its state."""
    rows: dict[str, dict[str, Any]] = {}
    refused = []
    for feed in wanted:
        url = canonical_url(feed.url)
        if url is None:
            refused.append(feed.url)
            continue
        rows.setdefault(
            url,
            {
                "url": url,
                "host": asked_host(url),
                "source": site_of(url),
                "title": feed.title,
                "category": feed.category,
                "language": feed.language,
                "added_at": now,
                "interval_s": FIRST_INTERVAL_S,
                "next_poll_at": now,
            },
        )
    added = insert_missing(connection, feeds, sorted(rows.values(), key=lambda row: str(row["url"])))
    return FeedsAdded(added, len(rows) - added, tuple(refused))


def add_folder(connection: Connection, path: str, source: str, now: datetime) -> bool:
    """Watch the folder at the absolute `path` for files of `source`; False when it is watched already."""
    row = {
        "url": f"file://{quote(path)}",
        "host": f"file://{path}"[-255:],
        "source": source[:255],
        "added_at": now,
        "interval_s": FIRST_INTERVAL_S,
        "next_poll_at": now,
        "is_folder": True,
    }
    return insert_missing(connection, feeds, [row]) == 1


def list_folders(connection: Connection, *, with_disabled: bool = False) -> dict[int, str]:
    """Id and absolute path of every watched folder, of the disabled ones only `with_disabled`."""
    query = select(feeds.c.id, feeds.c.url).where(feeds.c.is_folder.is_(True))
    if not with_disabled:
        query = query.where(feeds.c.status != FeedStatus.DISABLED)
    return {row.id: folder_path(row.url) for row in connection.execute(query.order_by(feeds.c.id))}


def folder_path(url: str) -> str:
    """The path that a folder's `file://` URL names."""
    return unquote(url.removeprefix("file://"))


def end_look(connection: Connection, token: str, state: FeedState, now: datetime, next_at: datetime) -> bool:
    """Give a folder back after its files were read; False when the lease was lost meanwhile."""
    held = feeds.c.id == state.id, feeds.c.lease_token == token
    feed = connection.execute(select(feeds).where(*held).with_for_update()).first()
    if feed is None:
        return False
    note_silence(connection, feed_state(feed), feed.url, has_news=False, now=now)
    values = {"last_polled_at": now, "last_success_at": now, "next_poll_at": next_at}
    connection.execute(update(feeds).where(*held).values(**values, lease_token=None, lease_until=None))
    return True


def set_full_text(connection: Connection, url: str, setting: FullText) -> bool:
    """Say whether the text in the feed is used in place of its pages; False when there is no such feed."""
    statement = update(feeds).where(feeds.c.url == url).values(full_text=setting, full_text_agreed=0)
    return bool(connection.execute(statement).rowcount)


def learn_full_text(connection: Connection, feed_id: int, *, is_same: bool) -> None:
    """Note whether the text that a feed gave of a story was all of its page."""
    agreed = connection.execute(
        select(feeds.c.full_text_agreed).where(feeds.c.id == feed_id).with_for_update()
    ).scalar_one_or_none()
    if agreed is not None and agreed_after(agreed, is_same) != agreed:
        connection.execute(
            update(feeds).where(feeds.c.id == feed_id).values(full_text_agreed=agreed_after(agreed, is_same))
        )


def list_feeds(connection: Connection) -> list[Row[Any]]:
    """All feeds, by URL."""
    return list(connection.execute(select(feeds).order_by(feeds.c.url)))


def count_feeds(connection: Connection) -> int:
    """How many feeds there are, disabled ones too."""
    return int(connection.execute(select(func.count()).select_from(feeds)).scalar_one())


def set_feed_status(connection: Connection, url: str, status: FeedStatus) -> bool:
    """Disable or enable a feed; False when there is no such feed."""
    return bool(connection.execute(update(feeds).where(feeds.c.url == url).values(status=status)).rowcount)


def make_feeds_due(connection: Connection, now: datetime) -> int:
    """Let every active feed be polled now, but for hosts that asked to be left alone. Returns how many."""
    is_held = select(hosts.c.host).where(hosts.c.down_until > now)
    return connection.execute(
        update(feeds)
        .where(feeds.c.status != FeedStatus.DISABLED, feeds.c.host.not_in(is_held))
        .values(next_poll_at=now)
    ).rowcount


def _due_query(status: FeedStatus, is_due: ColumnElement[bool]) -> Select[Any]:
    # Asked host by host: a list of all that are down, and EXISTS on PostgreSQL, would be a walk through all hosts.
    down_until = (
        select(hosts.c.down_until)
        .where(
            hosts.c.host == feeds.c.host,
            hosts.c.down_until > bindparam("b_now", type_=hosts.c.down_until.type),
            hosts.c.down_until <= bindparam("b_far", type_=hosts.c.down_until.type),
        )
        .scalar_subquery()
    )
    return (
        select(feeds.c.id, feeds.c.host, feeds.c.next_poll_at)
        .where(
            feeds.c.status == status,
            or_(feeds.c.is_folder.is_(False), feeds.c.id.in_(bindparam("b_folders", expanding=True))),
            is_due,
            is_over_when(feeds.c.lease_until, "b_now", "b_latest"),
            down_until.is_(None),
        )
        .order_by(feeds.c.next_poll_at)
        .limit(bindparam("b_limit"))
        .with_for_update(skip_locked=True)
    )


# Each of these walks the index from its first row and stops at the limit. One query with an OR sorted all that was due:
# with 20,000 feeds due it cost four times what it cost with 1,000.
_DUE = tuple(
    _due_query(status, is_due)
    for status in FeedStatus
    if status is not FeedStatus.DISABLED
    for is_due in (
        feeds.c.next_poll_at <= bindparam("b_now", type_=feeds.c.next_poll_at.type),
        # Written by a clock that ran ahead.
        feeds.c.next_poll_at > bindparam("b_far", type_=feeds.c.next_poll_at.type),
    )
)


_LEASE = (
    update(feeds)
    .where(feeds.c.id.in_(bindparam("b_ids", expanding=True)))
    .values(lease_token=bindparam("b_token"), lease_until=bindparam("b_until", type_=feeds.c.lease_until.type))
)
_CLAIMED = select(*(feeds.c[name] for name in FeedState._fields)).where(
    feeds.c.id.in_(bindparam("b_ids", expanding=True))
)


def claim_due_feeds(
    connection: Connection,
    token: str,
    now: datetime,
    limit: int,
    lease_s: float,
    folder_ids: Collection[int] = (),
) -> list[FeedState]:
    """Lease up to `limit` feeds whose poll is due, longest overdue first, one a host. Skips what others hold.

    Of the watched folders only those of `folder_ids` are taken: the ones that are on this machine.
    """
    values = {
        "b_now": now,
        "b_far": now + timedelta(seconds=LONGEST_INTERVAL_S),
        "b_latest": latest_end(now, lease_s),
        "b_folders": list(folder_ids),
    }
    chosen = _due_by_host(connection, values, limit, limit)
    if not chosen:
        return []
    given = {"b_ids": chosen, "b_token": token, "b_until": now + timedelta(seconds=lease_s)}
    connection.execute(_LEASE, given)
    return [FeedState._make(row) for row in connection.execute(_CLAIMED, given).all()]


def _due_by_host(connection: Connection, values: Mapping[str, Any], limit: int, looked_at: int) -> list[int]:
    """Up to `limit` ids, the longest overdue first, of the first `looked_at` due feeds: one of each host.

    Feeds of one host would only wait for each other under that host's spacing. Where they take up what is looked at,
    four times as many are looked at, once.
    """
    given = {**values, "b_limit": looked_at}
    found = [connection.execute(query, given).all() for query in _DUE]
    due = sorted((row for rows in found for row in rows), key=lambda row: row.next_poll_at)
    chosen: dict[str, int] = {}
    for row in due:
        if len(chosen) < limit:
            chosen.setdefault(row.host, row.id)
    if len(chosen) < limit and looked_at == limit and any(len(rows) == limit for rows in found):
        return _due_by_host(connection, values, limit, limit * 4)
    return list(chosen.values())


def claim_feed(connection: Connection, token: str, feed_id: int, now: datetime, lease_s: float) -> FeedState | None:
    """Lease one feed, due or not, for what its hub pushed; None while somebody else holds it or it is disabled."""
    free = feeds.c.id == feed_id, feeds.c.status != FeedStatus.DISABLED, is_over(feeds.c.lease_until, now, lease_s)
    taken = update(feeds).where(*free).values(lease_token=token, lease_until=now + timedelta(seconds=lease_s))
    if not connection.execute(taken).rowcount:
        return None
    return feed_state(connection.execute(select(feeds).where(feeds.c.id == feed_id)).one())


def feed_state(row: Row[Any]) -> FeedState:
    """The row of `feeds` as the value that deciding needs."""
    return FeedState(
        id=row.id,
        url=row.url,
        status=FeedStatus(row.status),
        etag=row.etag,
        last_modified=row.last_modified,
        body_sha256=row.body_sha256,
        interval_s=row.interval_s,
        error_count=row.error_count,
        last_polled_at=row.last_polled_at,
        last_success_at=row.last_success_at,
        last_new_at=row.last_new_at,
        last_unconditional_at=row.last_unconditional_at,
        redirect_url=row.redirect_url,
        redirect_count=row.redirect_count,
        known_entries=row.known_entries,
        next_poll_at=row.next_poll_at,
        source=row.source,
        full_text=FullText(row.full_text),
        full_text_agreed=row.full_text_agreed,
        silent_after=row.silent_after,
        is_folder=row.is_folder,
        is_index=row.is_index,
        hub_url=row.hub_url,
        topic_url=row.topic_url,
        pushed_at=row.pushed_at,
        push_confirmed=row.push_confirmed,
        ttl_s=row.ttl_s,
        update_period_s=row.update_period_s,
        skip_hours=row.skip_hours,
        skip_days=row.skip_days,
    )


# Every poll runs these. Building and hashing a statement costs more than SQLite takes to run it, so they are built once
# (docs/benchmarks.md).
_STATE = (
    "status",
    "etag",
    "last_modified",
    "body_sha256",
    "interval_s",
    "error_count",
    "last_polled_at",
    "last_success_at",
    "last_new_at",
    "last_unconditional_at",
    "redirect_url",
    "redirect_count",
    "known_entries",
    "next_poll_at",
    "is_index",
    "hub_url",
    "topic_url",
    "push_confirmed",
    "ttl_s",
    "update_period_s",
    "skip_hours",
    "skip_days",
)
_HELD = (
    select(feeds).where(feeds.c.id == bindparam("b_id"), feeds.c.lease_token == bindparam("b_token")).with_for_update()
)
_SAVED = (*_STATE, "url", "host", "last_outcome", "last_reason", "last_detail")
_SAVING = (
    update(feeds)
    .where(feeds.c.id == bindparam("b_id"))
    .values({name: bindparam(f"b_{name}", type_=feeds.c[name].type) for name in _SAVED})
)
_NAMES = (*(f"b_{name}" for name in _SAVED), "b_id")
_SAVE = ForRows(_SAVING, _NAMES)
_SAVE_AND_FREE = ForRows(_SAVING.values(lease_token=None, lease_until=None), _NAMES)
_SILENT_AFTER = ForRows(
    update(feeds)
    .where(feeds.c.id == bindparam("b_id"))
    .values(silent_after=bindparam("b_since", type_=feeds.c.silent_after.type)),
    ("b_id", "b_since"),
)
_IDS_OF = select(urls.c.id, urls.c.url).where(urls.c.url.in_(bindparam("b_urls", expanding=True)))


def apply_poll(
    connection: Connection,
    token: str,
    plan: PollPlan,
    now: datetime,
    body_bytes: int,
    elapsed_s: float,
    *,
    keeps_lease: bool = False,
) -> PollWritten | None:
    """Write all that a poll decided; None, and nothing written, when the lease was lost meanwhile.

    New URL rows, the listing, validators, the next poll and the poll's own row stand in the caller's one transaction.
    `keeps_lease` is for a folder, each of whose files is a poll of its own. What was said of its status
    meanwhile stands.
    """
    feed = connection.execute(_HELD, {"b_id": plan.state.id, "b_token": token}).first()
    if feed is None:
        return None
    plan = replace(plan, state=plan.state._replace(status=_status_after(feed.status, plan)))
    url_ids, new_urls = _announce(connection, plan, feed, now)
    written = put_items(connection, plan.state.id, (*plan.announced, *plan.edited), url_ids, now)
    reopened = written.reopened + _reopen(
        connection, [url_ids[entry.url] for entry in plan.edited if entry.wire is None and entry.url in url_ids], now
    )
    remember_entries(connection, plan.state.id, (*plan.announced, *plan.edited), url_ids, now)
    if plan.listed is not None:
        remember_listing(connection, plan.state.id, [key for key, _ in plan.listed], now)
    before = feed_state(feed)
    _note_events(connection, plan, before, now)
    _save_state(connection, plan, feed, keeps_lease=keeps_lease)
    _note_rhythm(connection, plan, before, feed.added_at, now)
    poll = {
        "feed_id": plan.state.id,
        "polled_at": now,
        "outcome": plan.outcome,
        "reason": plan.reason,
        "detail": plan.detail,
        "http_status": plan.http_status,
        "entries": plan.entries_count,
        "new_urls": new_urls,
        "lost_estimate": plan.lost_estimate,
        "body_bytes": body_bytes,
        "elapsed_s": elapsed_s,
    }
    insert_rows(connection, feed_polls, [poll])
    return PollWritten(new_urls, reopened, written.outdated)


def _status_after(stored: FeedStatus, plan: PollPlan) -> FeedStatus:
    """The feed's status after the poll: an answer revives a parked feed, a 410 parks one, and nothing else changes it.

    `plan` knows the status at the claim alone. Since then somebody may have disabled the feed, or enabled it.
    """
    if stored is FeedStatus.DISABLED or (plan.outcome not in _HEARD and plan.reason is not Reason.GONE):
        return stored
    return plan.state.status


def _note_events(connection: Connection, plan: PollPlan, feed: FeedState, now: datetime) -> None:
    """The rare things: moved, parked, rolled over."""
    if feed.url != plan.state.url:
        add_event(connection, EventKind.FEED_MOVED, feed.url, {"to": plan.state.url}, now)
    if feed.status != plan.state.status:
        add_event(connection, EventKind.FEED_STATUS, feed.url, {"to": plan.state.status.value}, now)
    if plan.lost_estimate is not None:
        add_event(connection, EventKind.FEED_GAP, feed.url, {"lost_estimate": plan.lost_estimate}, now)
    for name in distrusted_since(feed, plan.state):
        add_event(connection, EventKind.FEED_DISTRUSTED, feed.url, {"validator": name}, now)


def _note_rhythm(connection: Connection, plan: PollPlan, feed: FeedState, added_at: datetime, now: datetime) -> None:
    """The feed's habit, and its silence against it; what a first reading finds is a backlog and no habit."""
    if plan.outcome not in _HEARD:
        return
    note_silence(connection, feed, feed.url, has_news=bool(plan.announced), now=now)
    if plan.announced and feed.known_entries:
        since = note_news(connection, feed.id, added_at, len(plan.announced), now)
        _SILENT_AFTER.ask(connection, feed.id, since)


def extend_feeds(connection: Connection, token: str, feed_ids: Sequence[int], now: datetime, lease_s: float) -> int:
    """Prolong the leases of those of the feeds that are still held under `token`; returns how many."""
    ids = _held_ids(connection, token, feed_ids)
    until = now + timedelta(seconds=lease_s)
    return connection.execute(update(feeds).where(feeds.c.id.in_(ids)).values(lease_until=until)).rowcount


def _held_ids(connection: Connection, token: str, feed_ids: Sequence[int]) -> list[int]:
    """Those of the feeds that `token` holds, locked in the order of their ids.

    Asked by id: the holder knows what it holds, and by the token alone the table would be walked, of 100,000 feeds.
    """
    held = select(feeds.c.id).where(feeds.c.id.in_(feed_ids), feeds.c.lease_token == token)
    return list(connection.execute(held.order_by(feeds.c.id).with_for_update()).scalars())


def postpone_feed(connection: Connection, token: str, feed_id: int, due_at: datetime) -> bool:
    """Give one feed back, to be polled at `due_at`: its poll failed through a fault of ours, nothing was learned."""
    return bool(
        connection.execute(
            update(feeds)
            .where(feeds.c.id == feed_id, feeds.c.lease_token == token)
            .values(lease_token=None, lease_until=None, next_poll_at=due_at)
        ).rowcount
    )


def release_feeds(connection: Connection, token: str, feed_ids: Sequence[int]) -> int:
    """Give those of the feeds that `token` holds back untouched (shutting down); returns how many."""
    ids = _held_ids(connection, token, feed_ids)
    freed = update(feeds).where(feeds.c.id.in_(ids)).values(lease_token=None, lease_until=None)
    return connection.execute(freed).rowcount


def _announce(connection: Connection, plan: PollPlan, feed: Row[Any], now: datetime) -> tuple[dict[str, int], int]:
    """Put the URLs of new and edited entries into the ledger; returns url -> id, and how many rows are new."""
    entries = {entry.url: entry for entry in (*plan.announced, *plan.edited)}
    rows = [_url_row(feed, entry, now) for _, entry in sorted(entries.items())]
    new_urls = insert_missing(connection, urls, rows)
    ids: dict[str, int] = {}
    for piece in slices(sorted(entries)):
        ids |= {row.url: row.id for row in connection.execute(_IDS_OF, {"b_urls": piece})}
    return ids, new_urls


def _url_row(feed: Row[Any], entry: Entry, now: datetime) -> Mapping[str, Any]:
    is_wire = is_wire_url(entry.url)
    unseen_at = feed.last_success_at if feed.known_entries else None
    urgency = entry.wire.urgency if entry.wire is not None else None
    return {
        "url": entry.url,
        "link": entry.link if entry.link and entry.link != entry.url else None,
        "host": source_of(entry.url) if is_wire else asked_host(entry.url),
        "site": source_of(entry.url) if is_wire else site_of(entry.url),
        "feed_id": feed.id,
        "state": UrlState.WAITING,
        "priority": priority_of_urgency(urgency, priority_of(entry.published_at, now, unseen_at)),
        "announced_at": now,
        "due_at": now,
        "entry_title": entry.title,
        "entry_summary": entry.summary,
        "entry_published_at": entry.published_at,
        "entry_published_raw": entry.published_raw,
        "entry_authors": list(entry.authors),
        "entry_language": feed.language,
        "entry_codes": [[code.scheme, code.code, code.name] for code in entry.codes] or None,
    }


def _reopen(connection: Connection, url_ids: Sequence[int], now: datetime) -> int:
    """Have the pages of edited entries read again. What waits is read anyway; a duplicate stays one, a pruned too."""
    reopened = 0
    for piece in slices(url_ids):
        # Whoever has the page in hand may have fetched it before the edit: the claim is taken back and settles nothing.
        # Before the others: a page that is settled while this waits for its row is reopened as one that has ended.
        reopened += connection.execute(
            update(urls)
            .where(urls.c.id.in_(piece), urls.c.state == UrlState.CLAIMED)
            .values(state=UrlState.WAITING, lease_token=None, lease_until=None, due_at=now, priority=EDITED_PRIORITY)
        ).rowcount
        reopened += connection.execute(
            update(urls)
            .where(urls.c.id.in_(piece), urls.c.state.not_in((*OPEN_STATES, UrlState.DUPLICATE)), ~is_pruned(urls.c.id))
            .values(state=UrlState.WAITING, attempts=0, due_at=now, settled_at=None, priority=EDITED_PRIORITY)
        ).rowcount
        # A page that waits for a scheduled look is read sooner: now its outlet says that it changed.
        connection.execute(
            update(urls)
            .where(urls.c.id.in_(piece), urls.c.state == UrlState.WAITING, urls.c.priority > EDITED_PRIORITY)
            .where(urls.c.story_id.is_not(None))
            .values(priority=EDITED_PRIORITY, due_at=now)
        )
    return reopened


def _save_state(connection: Connection, plan: PollPlan, feed: Row[Any], *, keeps_lease: bool) -> None:
    state = plan.state
    url, host = feed.url, feed.host
    if state.url != feed.url and not state.is_folder:
        taken = connection.execute(select(feeds.c.id).where(feeds.c.url == state.url, feeds.c.id != state.id)).first()
        if taken is None:
            url, host = state.url, asked_host(state.url)
    kept = (getattr(state, name) for name in _STATE)
    saving = _SAVE if keeps_lease else _SAVE_AND_FREE
    saving.ask(connection, *kept, url, host, plan.outcome, plan.reason, plan.detail, state.id)
