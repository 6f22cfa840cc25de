"""The ledger of URLs: every announced URL stands here in exactly one state, whatever process dies (P1, P3, P5-P8)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import (
    Connection,
    Integer,
    Row,
    ScalarSelect,
    Select,
    Subquery,
    and_,
    bindparam,
    case,
    func,
    literal,
    or_,
    select,
    text,
    true,
    union_all,
    update,
)

from pipeline.batches import BREAKING_PRIORITY, REVISIT_PRIORITY
from pipeline.outcomes import OPEN_STATES, REASONS, TERMINAL_STATES, Reason, UrlState
from pipeline.revisions.schedule import WHOLE_EVERY
from pipeline.store.items import item_of
from pipeline.store.many import ForRows
from pipeline.store.retention import is_pruned
from pipeline.store.schema import hosts, items, pages, revisits, stories, urls
from pipeline.store.statements import is_over, slices
from pipeline.values import Claim, EntryHints, Settlement

# Of one host, only this many URLs are on the queue or in work at once: the rest would wait for its spacing.
IN_FLIGHT_PER_HOST = 2
# No wait of ours is longer (a day of Retry-After, and jitter); a later due_at was written by a clock ahead (P8).
LONGEST_WAIT_S = 86_400.0 * 1.5
# Only after one of these does a URL wait on purpose. A lost worker's goes on at once.
_MAKE_WAIT = [reason for reason, facts in REASONS.items() if facts.is_retried and reason is not Reason.WORKER_LOST]
# How many waiting rows of breaking news are looked at in one go.
BREAKING_MAX = 1_000
# Written out and not bound, or the databases would not see that the index of breaking news holds all of it.
_IS_BREAKING = text(f"urls.state = 'waiting' AND urls.priority <= {BREAKING_PRIORITY}")
_ITEM_COLUMNS = ("media_type", "body", "is_probe", "status", "held_until", "received_at")


@dataclass(frozen=True, slots=True)
class DueUrl:
    """A URL that was leased for the queue. `is_suspect` says that an earlier try ended in a dead worker."""

    url_id: int
    host: str
    is_suspect: bool


@dataclass(frozen=True, slots=True)
class TakenBack:
    """How many expired leases the sweep took back, by what became of them."""

    queued: int = 0
    claimed: int = 0
    dead: int = 0


def lease_due_urls(
    connection: Connection, now: datetime, limit: int, lease_s: float, *, breaking_only: bool = False
) -> list[DueUrl]:
    """Pick up to `limit` due URLs whose host is free, and mark them queued until `now + lease_s`.

    Priority 1 first; then fair over hosts: the first due URL of each host, then the second of each. With
    `breaking_only` nothing else is picked.
    """
    latest = now + timedelta(seconds=LONGEST_WAIT_S)
    with by_index_alone(connection):
        query, given = _due_query(breaking_only=breaking_only), {"now": now, "latest": latest, "most": limit}
        due = connection.execute(query, given).all()
    if not due:
        return []
    # Another dispatcher may have looked at the same moment: ours is what the update took, not what was seen.
    taken = connection.execute(
        update(urls)
        .where(urls.c.id.in_([row.id for row in due]), urls.c.state == UrlState.WAITING)
        .values(state=UrlState.QUEUED, lease_until=now + timedelta(seconds=lease_s), lease_token=None)
        .returning(urls.c.id)
    )
    ours = set(taken.scalars())
    return [DueUrl(row.id, row.host, row.reason == Reason.WORKER_LOST) for row in due if row.id in ours]


@contextmanager
def by_index_alone(connection: Connection) -> Iterator[None]:
    """PostgreSQL finds a host's next URLs in the index that has them in order, whatever it believes of the table.

    Between a flood of news and the next ANALYZE it believes that nothing waits, and would as soon go through all that
    waits, once for each host, and sort what it finds: 0.1 s for a thousand URLs, and a hundred times that for ten
    thousand.
    """
    on_postgresql = connection.dialect.name == "postgresql"
    if on_postgresql:
        connection.exec_driver_sql("SET LOCAL enable_sort = off")
    yield
    if on_postgresql:  # after an error the end of the transaction does it
        connection.exec_driver_sql("SET LOCAL enable_sort = on")


@cache
def _due_query(*, breaking_only: bool) -> Select[Any]:
    """The next URLs, `most` at most: of every host with waiting ones its first two, of those the best.

    Asked twice a second, and building it takes longer than SQLite needs to answer when little waits: built once.

    A window function over all waiting rows would say the same in fewer words and hold SQLite's write lock for 0.4 s at
    100,000 rows; this looks up two rows a host in the index (docs/benchmarks.md).
    """
    chosen = _IS_BREAKING if breaking_only else urls.c.state == UrlState.WAITING
    found = select(urls.c.host).where(chosen)
    if breaking_only:
        # Without a limit SQLite would look for the distinct hosts in an index of all that waits.
        found = select(found.limit(BREAKING_MAX).subquery().c.host)
    waiting = found.distinct().subquery("waiting")
    turns = [
        select(_turn_of(waiting, turn).label("id"), literal(turn + 1).label("turn")).select_from(waiting)
        for turn in range(IN_FLIGHT_PER_HOST)
    ]
    candidate = union_all(*turns).subquery("candidate")
    in_flight = (
        select(urls.c.host, func.count().label("busy"))
        .where(urls.c.state.in_((UrlState.QUEUED, UrlState.CLAIMED)))
        .group_by(urls.c.host)
        .subquery("in_flight")
    )
    # A look at a stored page goes out when its host has nothing new, waiting or in work: it delays no new story.
    is_looked_at_alone = or_(
        urls.c.priority < REVISIT_PRIORITY, candidate.c.turn + func.coalesce(in_flight.c.busy, 0) == 1
    )
    is_held = and_(hosts.c.down_until > _NOW, hosts.c.down_until <= _LATEST)
    # Not that it waits once more: a candidate does, and PostgreSQL, as long as it has not counted its rows, would take
    # the index for one that finds a row or two, and look at every candidate for each URL that waits.
    is_chosen = urls.c.priority <= BREAKING_PRIORITY if breaking_only else true()
    return (
        select(urls.c.id, urls.c.host, urls.c.reason)
        .join(candidate, candidate.c.id == urls.c.id)
        .outerjoin(in_flight, in_flight.c.host == urls.c.host)
        .outerjoin(hosts, hosts.c.host == urls.c.host)
        .where(
            is_chosen,
            candidate.c.turn + func.coalesce(in_flight.c.busy, 0) <= IN_FLIGHT_PER_HOST,
            is_looked_at_alone,
            or_(hosts.c.host.is_(None), hosts.c.down_until.is_(None), ~is_held),
        )
        .order_by(urls.c.priority, candidate.c.turn, urls.c.due_at, urls.c.id)
        .limit(bindparam("most", type_=Integer))
    )


_NOW, _LATEST = (bindparam(name, type_=urls.c.due_at.type) for name in ("now", "latest"))


def _turn_of(waiting: Subquery, turn: int) -> ScalarSelect[Any]:
    """The id of the host's due URL number `turn`, from 0, best first; NULL when it has no more."""
    other = urls.alias()
    is_due = or_(
        other.c.due_at <= _NOW,
        # Nothing has made these wait, so only a clock that ran ahead can have dated them later than now (P8): when they
        # were announced, put back for another look, or taken back from a worker.
        other.c.reason.is_(None),
        other.c.reason.not_in(_MAKE_WAIT),
        other.c.due_at > _LATEST,
    )
    return (
        select(other.c.id)
        .where(other.c.state == UrlState.WAITING, other.c.host == waiting.c.host, is_due)
        .order_by(other.c.priority, other.c.due_at, other.c.id)
        .limit(1)
        .offset(turn)
        .correlate(waiting)
        .scalar_subquery()
    )


def claim_urls(
    connection: Connection, url_ids: Sequence[int], token: str, now: datetime, lease_s: float
) -> list[Claim]:
    """Take queued URLs in hand and count the attempt, before any work on them starts (P6).

    Ids that are no longer queued (taken back, already claimed by another copy of the job, settled) are left out, so
    a job may run twice without harm.
    """
    if not url_ids:
        return []
    given = {"claimed": list(url_ids), "token": token}
    connection.execute(_TAKE, given | {"until": now + timedelta(seconds=lease_s)})
    rows = connection.execute(_taken_query(), given | _whole_between(now))
    return [_claim(row) for row in rows]


_AMONG_CLAIMED = urls.c.id.in_(bindparam("claimed", expanding=True))
_TAKE = (
    update(urls)
    .where(_AMONG_CLAIMED, urls.c.state == UrlState.QUEUED)
    .values(
        state=UrlState.CLAIMED,
        attempts=urls.c.attempts + 1,
        lease_token=bindparam("token"),
        lease_until=bindparam("until"),
    )
)


@cache
def _taken_query() -> Select[Any]:
    return _claim_query().where(_AMONG_CLAIMED, urls.c.lease_token == bindparam("token")).order_by(urls.c.id)


def _whole_between(now: datetime) -> dict[str, datetime]:
    """The parameters of _claim_query: a look at the whole page between them is fresh enough."""
    return {"whole_after": now - WHOLE_EVERY, "whole_until": now}


def _claim_query() -> Select[Any]:
    """Claims with what a second request needs: the validators of the response that showed the story's text last.

    Without them after WHOLE_EVERY. A story that was never looked at again has those of its newest page.
    """
    newest = select(func.max(pages.c.id)).where(pages.c.url_id == urls.c.id).correlate(urls).scalar_subquery()
    page = select(pages).subquery("page")
    is_whole_fresh = and_(
        revisits.c.whole_at > bindparam("whole_after"), revisits.c.whole_at <= bindparam("whole_until")
    )
    validators = [
        case((revisits.c.url_id.is_(None), page.c[name]), (is_whole_fresh, revisits.c[name])).label(name)
        for name in ("etag", "last_modified")
    ]
    item = [items.c[name].label(f"item_{name}") for name in _ITEM_COLUMNS]
    return (
        select(
            urls,
            stories.c.id.label("own_story_id"),
            *validators,
            revisits.c.body_sha256,
            revisits.c.shown_key,
            *item,
        )
        .outerjoin(stories, stories.c.url_id == urls.c.id)
        .outerjoin(revisits, revisits.c.url_id == urls.c.id)
        .outerjoin(items, items.c.url_id == urls.c.id)
        .outerjoin(page, and_(page.c.url_id == urls.c.id, page.c.id == newest, stories.c.id.is_not(None)))
    )


def _claim(row: Row[Any]) -> Claim:
    return Claim(
        url_id=row.id,
        url=row.url,
        link=row.link or row.url,
        host=row.host,
        site=row.site,
        token=row.lease_token or "",
        attempts=row.attempts,
        feed_id=row.feed_id,
        story_id=row.own_story_id,
        hints=EntryHints(
            title=row.entry_title,
            summary=row.entry_summary,
            published_at=row.entry_published_at,
            published_raw=row.entry_published_raw,
            authors=tuple(row.entry_authors or ()),
            language=row.entry_language,
        ),
        etag=row.etag,
        last_modified=row.last_modified,
        body_sha256=row.body_sha256,
        shown_key=row.shown_key,
        item=item_of(row),
        is_archived=row.is_archived,
        priority=row.priority,
    )


def reclaim(connection: Connection, url_id: int, token: str, now: datetime, lease_s: float) -> Claim | None:
    """Take a terminal URL in hand again, for a new reading of its archived page; None when it is open or unknown."""
    taken = connection.execute(
        update(urls)
        .where(urls.c.id == url_id, urls.c.state.in_(TERMINAL_STATES))
        .values(state=UrlState.CLAIMED, lease_token=token, lease_until=now + timedelta(seconds=lease_s))
    ).rowcount
    if not taken:
        return None
    return _claim(connection.execute(_claim_query().where(urls.c.id == url_id), _whole_between(now)).one())


def standing(connection: Connection, url_id: int) -> Settlement | None:
    """How a terminal URL ended, so that it can be put back as it was; None when it is open or unknown."""
    row = connection.execute(
        select(urls.c.state, urls.c.reason, urls.c.detail).where(urls.c.id == url_id, urls.c.state.in_(TERMINAL_STATES))
    ).first()
    return None if row is None else Settlement(UrlState(row.state), Reason(row.reason), detail=row.detail)


def extend_claims(connection: Connection, token: str, now: datetime, lease_s: float) -> int:
    """Prolong every claim that still stands under `token`; returns how many."""
    return connection.execute(
        update(urls)
        .where(urls.c.lease_token == token, urls.c.state == UrlState.CLAIMED)
        .values(lease_until=now + timedelta(seconds=lease_s))
    ).rowcount


def is_held(connection: Connection, claim: Claim) -> bool:
    """Whether the claim still stands; locks its row until the transaction ends (P5)."""
    return claim.url_id in held_among(connection, [claim])


def held_among(connection: Connection, claims: Sequence[Claim]) -> frozenset[int]:
    """The URL ids of those claims that still stand; locks their rows until the transaction ends (P5)."""
    rows = connection.execute(_HELD_AMONG, {"claimed": [claim.url_id for claim in claims]})
    tokens = {row.id: row.lease_token for row in rows}
    return frozenset(claim.url_id for claim in claims if tokens.get(claim.url_id) == claim.token)


# One order of rows for all, so that nobody waits in a circle.
_HELD_AMONG = (
    select(urls.c.id, urls.c.lease_token)
    .where(urls.c.id.in_(bindparam("claimed", expanding=True)), urls.c.state == UrlState.CLAIMED)
    .order_by(urls.c.id)
    .with_for_update()
)
_STANDS = (
    urls.c.id == bindparam("claimed"),
    urls.c.state == UrlState.CLAIMED,
    urls.c.lease_token == bindparam("token"),
)


@cache
def _settling(columns: tuple[str, ...]) -> ForRows:
    """Sets these columns of a claim that stands; the values of its URL and its token come after theirs."""
    values = {name: bindparam(f"new_{name}", type_=urls.c[name].type) for name in columns}
    names = (*(f"new_{name}" for name in columns), "claimed", "token")
    return ForRows(update(urls).where(*_STANDS).values(values), names)


def settle(
    connection: Connection, claim: Claim, settlement: Settlement, now: datetime, story_id: int | None = None
) -> bool:
    """End a claim: terminal, or waiting again. False, and nothing changed, when the lease was lost (P5)."""
    is_terminal = settlement.state in TERMINAL_STATES
    values: dict[str, Any] = {
        "state": settlement.state,
        "reason": settlement.reason,
        "detail": (settlement.detail or "")[:500] or None,
        "lease_token": None,
        "lease_until": None,
        "settled_at": now if is_terminal else None,
    }
    if story_id is not None:
        values["story_id"] = story_id
    if settlement.due_at is not None:
        values["due_at"] = settlement.due_at
    settled = _settling(tuple(values)).ask(connection, *values.values(), claim.url_id, claim.token)
    return bool(settled.rowcount)


def give_back(connection: Connection, token: str, now: datetime, due_at: datetime | None = None) -> int:
    """Return every claim under `token` as if it had never been taken: the attempt is not counted (P9)."""
    return connection.execute(
        update(urls)
        .where(urls.c.lease_token == token, urls.c.state == UrlState.CLAIMED)
        .values(
            state=UrlState.WAITING,
            attempts=urls.c.attempts - 1,
            lease_token=None,
            lease_until=None,
            due_at=due_at or now,
        )
    ).rowcount


def postpone(connection: Connection, claim: Claim, waiting: Settlement) -> bool:
    """Let a claimed URL wait until `waiting.due_at` without counting the attempt: nobody was asked for the page."""
    return bool(
        connection.execute(
            update(urls)
            .where(urls.c.id == claim.url_id, urls.c.lease_token == claim.token, urls.c.state == UrlState.CLAIMED)
            .values(
                state=UrlState.WAITING,
                reason=waiting.reason,
                detail=(waiting.detail or "")[:500] or None,
                attempts=urls.c.attempts - 1,
                lease_token=None,
                lease_until=None,
                due_at=waiting.due_at,
            )
        ).rowcount
    )


def take_back_expired(connection: Connection, now: datetime, lease_s: float, max_attempts: int) -> TakenBack:
    """Free what nobody reports on any more: ids that Redis forgot, and claims of workers that died.

    A claim that used up its attempts ends dead as worker_lost; one whose story is stored already ends stored.
    """
    is_expired = is_over(urls.c.lease_until, now, lease_s)
    free = {"lease_token": None, "lease_until": None}
    queued = connection.execute(
        update(urls).where(urls.c.state == UrlState.QUEUED, is_expired).values(state=UrlState.WAITING, **free)
    ).rowcount
    lost = and_(urls.c.state == UrlState.CLAIMED, is_expired)
    is_spent = urls.c.attempts >= max_attempts
    has_story = select(stories.c.id).where(stories.c.url_id == urls.c.id).exists()
    detail = "the worker died or stopped reporting while it held this page"
    end = {"settled_at": now, "detail": detail, **free}
    kept = connection.execute(
        update(urls).where(lost, is_spent, has_story).values(state=UrlState.STORED, reason=Reason.REVISIT_FAILED, **end)
    ).rowcount
    dead = connection.execute(
        update(urls).where(lost, is_spent).values(state=UrlState.DEAD, reason=Reason.WORKER_LOST, **end)
    ).rowcount
    claimed = connection.execute(
        update(urls)
        .where(lost)
        .values(state=UrlState.WAITING, reason=Reason.WORKER_LOST, detail=detail, due_at=now, **free)
    ).rowcount
    return TakenBack(queued, claimed + kept, dead)


def unqueue(connection: Connection, url_ids: Sequence[int]) -> int:
    """Put queued URLs back to waiting: the queue did not take them."""
    return connection.execute(
        update(urls)
        .where(urls.c.id.in_(url_ids), urls.c.state == UrlState.QUEUED)
        .values(state=UrlState.WAITING, lease_until=None)
    ).rowcount


def requeue(
    connection: Connection,
    now: datetime,
    *,
    reasons: Iterable[Reason] = (),
    states: Iterable[UrlState] = (),
    url_ids: Iterable[int] = (),
) -> int:
    """Let terminal URLs be tried again from the start (P12). Conditions of different kinds are joined by AND.

    URLs whose story was pruned stay as they are.
    """
    conditions = []
    if wanted := list(reasons):
        conditions.append(urls.c.reason.in_(wanted))
    if ends := list(states):
        conditions.append(urls.c.state.in_(ends))
    if ids := list(url_ids):
        conditions.append(urls.c.id.in_(ids))
    if not conditions:
        raise ValueError("requeue needs at least one reason, state or id")
    return connection.execute(
        update(urls)
        .where(urls.c.state.in_(TERMINAL_STATES), ~is_pruned(urls.c.id), *conditions)
        .values(state=UrlState.WAITING, attempts=0, due_at=now, settled_at=None)
    ).rowcount


def count_states(connection: Connection) -> dict[UrlState, int]:
    """How many URLs stand in each state; every state is a key."""
    found = {
        UrlState(row.state): row.urls
        for row in connection.execute(select(urls.c.state, func.count().label("urls")).group_by(urls.c.state))
    }
    return {state: found.get(state, 0) for state in UrlState}


def count_reasons(connection: Connection) -> list[tuple[UrlState, Reason | None, int]]:
    """How many URLs stand in each state for each reason, most first."""
    query = select(urls.c.state, urls.c.reason, func.count().label("urls")).group_by(urls.c.state, urls.c.reason)
    rows = [
        (UrlState(row.state), None if row.reason is None else Reason(row.reason), int(row.urls))
        for row in connection.execute(query)
    ]
    return sorted(rows, key=lambda row: (list(UrlState).index(row[0]), -row[2], str(row[1])))


def count_open(connection: Connection) -> int:
    """How many URLs have not ended yet."""
    return int(
        connection.execute(select(func.count()).select_from(urls).where(urls.c.state.in_(OPEN_STATES))).scalar_one()
    )


def oldest_due(connection: Connection) -> datetime | None:
    """Since when the longest waiting URL has been due; None when nothing waits."""
    due: datetime | None = connection.execute(
        select(func.min(urls.c.due_at)).where(urls.c.state == UrlState.WAITING)
    ).scalar_one()
    return due


def known_urls(connection: Connection, wanted: Sequence[str]) -> Mapping[str, int]:
    """Which of the canonical URLs are in the ledger, with their ids."""
    found: dict[str, int] = {}
    for piece in slices(wanted):
        for row in connection.execute(select(urls.c.url, urls.c.id).where(urls.c.url.in_(piece))):
            found[row.url] = row.id
    return found
