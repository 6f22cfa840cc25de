"""Looks at stored pages in SQL: what is remembered of them, and which pages go back into the ledger (P7, P8)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import Connection, Row, and_, bindparam, func, or_, select, update

from pipeline.batches import REVISIT_PRIORITY
from pipeline.outcomes import TERMINAL_STATES, Reason, UrlState
from pipeline.revisions.returns import version_key
from pipeline.revisions.schedule import LONGEST_WAIT, RevisitState
from pipeline.store.many import ForRows
from pipeline.store.schema import hosts, revisits, stories, urls, verdicts
from pipeline.store.statements import insert_of

# Of one host, so many looks wait in the ledger at once.
OPEN_PER_HOST = 5
# A look that could not be made for so long (its host is down, or busy with news) gives up its place to another.
OPEN_MAX = timedelta(hours=1)
# The wait after a look that came to no end of its own.
STRAY_WAIT = timedelta(hours=6)
_FIELDS = tuple(RevisitState.__dataclass_fields__)


@dataclass(frozen=True, slots=True)
class LookedAt:
    """The story at a URL, as far as planning its next look needs it. `key` names its current version."""

    story_id: int
    key: str
    published_at: datetime | None
    stored_at: datetime
    is_conflict: bool


def story_looked_at(connection: Connection, url_id: int) -> tuple[LookedAt, RevisitState] | None:
    """The story that was made of the URL's page, and what is remembered of the looks at it; None without a story."""
    row = connection.execute(_LOOKED_AT, {"url_id": url_id}).first()
    if row is None:
        return None
    key = version_key(row.title, row.standfirst, row.content_hash)
    is_conflict = bool(row.is_conflict or row.is_conflict_policy)
    return LookedAt(row.id, key, row.story_published_at, row.stored_at, is_conflict), _state_of(row)


def load_state(connection: Connection, url_id: int) -> RevisitState:
    """What is remembered of the looks at a URL's page; the empty state when it was never looked at."""
    row = connection.execute(_STATE, {"url_id": url_id}).first()
    return RevisitState() if row is None else _state_of(row)


def _state_of(row: Row[*tuple[Any, ...]]) -> RevisitState:
    # Columns of an outer join are all NULL where the page was never looked at.
    return RevisitState() if row.url_id is None else RevisitState(**{name: getattr(row, name) for name in _FIELDS})


def save_state(connection: Connection, url_id: int, host: str, state: RevisitState) -> None:
    """Remember the looks at a URL's page after one more; the look is no longer open."""
    values = (getattr(state, name) for name in _FIELDS)
    _save(connection.dialect.name).ask(connection, url_id, host, None, *values)


@cache
def _save(dialect: str) -> ForRows:
    made = insert_of(dialect, revisits)
    saving = made.on_conflict_do_update(
        index_elements=["url_id"], set_={name: made.excluded[name] for name in ("opened_at", *_FIELDS)}
    )
    return ForRows(saving.inline(), ("url_id", "host", "opened_at", *_FIELDS), is_bare_insert=True)


_STATE = select(revisits).where(revisits.c.url_id == bindparam("url_id"))
_LOOKED_AT = (
    select(
        *(stories.c[name] for name in ("id", "title", "standfirst", "content_hash", "stored_at")),
        stories.c.published_at.label("story_published_at"),
        verdicts.c.is_conflict,
        verdicts.c.is_conflict_policy,
        revisits,
    )
    .outerjoin(verdicts, and_(verdicts.c.story_id == stories.c.id, verdicts.c.is_current))
    .outerjoin(revisits, revisits.c.url_id == stories.c.url_id)
    .where(stories.c.url_id == bindparam("url_id"))
)


def mark_gone(connection: Connection, story_id: int, gone_at: datetime | None) -> None:
    """Note since when a story's page is gone, keeping an earlier instant; None: it is there."""
    connection.execute(_BACK if gone_at is None else _GONE, {"story": story_id, "gone_at": gone_at})


_OF_STORY = update(stories).where(stories.c.id == bindparam("story"))
_BACK = _OF_STORY.where(stories.c.gone_at.is_not(None))
_GONE = _OF_STORY.where(stories.c.gone_at.is_(None))


def open_due_looks(connection: Connection, now: datetime, most: int) -> int:
    """Put pages whose look is due back into the ledger, so that at most `most` looks are open; returns how many.

    They go the road of every URL, behind all that is new. Fair over hosts, OPEN_PER_HOST of each at a time; a host that
    asked to be left alone has none opened.
    """
    close_strays(connection, now)
    held = select(revisits.c.host, func.count().label("open")).where(revisits.c.opened_at.is_not(None))
    open_of = {row.host: int(row.open) for row in connection.execute(held.group_by(revisits.c.host))}
    room = most - sum(open_of.values())
    if room <= 0:
        return 0
    turn = func.row_number().over(partition_by=revisits.c.host, order_by=(revisits.c.due_at, revisits.c.url_id))
    resting = select(hosts.c.host).where(hosts.c.down_until > now)
    due = (
        select(revisits.c.url_id, revisits.c.host, revisits.c.due_at, turn.label("turn"))
        .where(or_(revisits.c.due_at <= now, revisits.c.due_at > now + LONGEST_WAIT), revisits.c.host.not_in(resting))
        .subquery("due")
    )
    query = select(due).where(due.c.turn <= OPEN_PER_HOST).order_by(due.c.turn, due.c.due_at, due.c.url_id)
    chosen = [
        row.url_id
        for row in connection.execute(query.limit(room))
        if row.turn + open_of.get(row.host, 0) <= OPEN_PER_HOST
    ]
    return _open(connection, chosen, now)


def _open(connection: Connection, url_ids: list[int], now: datetime) -> int:
    if not url_ids:
        return 0
    opened = connection.execute(
        update(urls)
        .where(urls.c.id.in_(url_ids), urls.c.state == UrlState.STORED)
        .values(state=UrlState.WAITING, attempts=0, due_at=now, settled_at=None, priority=REVISIT_PRIORITY)
        .returning(urls.c.id)
    )
    ours = list(opened.scalars())
    connection.execute(update(revisits).where(revisits.c.url_id.in_(ours)).values(opened_at=now, due_at=None))
    # What is in the ledger for another reason is being read anyway, and plans its next look itself; what another
    # dispatcher opened at the same moment is its.
    others = [url_id for url_id in url_ids if url_id not in set(ours)]
    is_closed = revisits.c.opened_at.is_(None)
    connection.execute(update(revisits).where(revisits.c.url_id.in_(others), is_closed).values(due_at=now + STRAY_WAIT))
    return len(ours)


def close_strays(connection: Connection, now: datetime) -> int:
    """Plan anew the looks that ended without their worker, and put back those that could not begin in an hour.

    A clock that was ahead when it opened a look does not keep it open.
    """
    is_stuck = or_(revisits.c.opened_at < now - OPEN_MAX, revisits.c.opened_at > now + OPEN_MAX)
    stuck = select(revisits.c.url_id).where(is_stuck)
    connection.execute(
        update(urls)
        .where(urls.c.id.in_(stuck), urls.c.state == UrlState.WAITING, urls.c.priority == REVISIT_PRIORITY)
        .values(
            state=UrlState.STORED,
            reason=Reason.REVISIT_FAILED,
            detail="the page's turn did not come within an hour",
            settled_at=now,
        )
    )
    ended = select(urls.c.id).where(and_(urls.c.id == revisits.c.url_id, urls.c.state.in_(TERMINAL_STATES)))
    return connection.execute(
        update(revisits)
        .where(revisits.c.opened_at.is_not(None), ended.exists())
        .values(opened_at=None, due_at=now + STRAY_WAIT)
    ).rowcount
