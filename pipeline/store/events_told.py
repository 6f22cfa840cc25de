"""Events in SQL: which clusters tell of one event, decided after the commit, one decision at a time.

A cluster about conflict policy is noted in `event_looks` by the transaction that stores or moves its stories. After the
commit its event is looked for, when all that was stored beside it is visible; what a dead worker left, the dispatcher's
sweep takes up. Decisions are few (one a conflict-policy story) and short, so a lock lets one be made at a time: two
clusters that are looked at in the same moment see each other. docs/decisions/0024 has the reasons.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, bindparam, delete, exists, func, insert, or_, select, text, update
from sqlalchemy.sql.dml import Insert

from pipeline.identity.events import (
    MAX_CANDIDATES,
    METHOD,
    SPAN,
    EventMatch,
    Telling,
    days_around,
    event_keys,
    match_events,
)
from pipeline.identity.origins import decide_origins
from pipeline.store import schema
from pipeline.store.origins import tellings_of, write_origins
from pipeline.store.schema import Id, clusters, event_clusters, event_links, event_looks, stories, told_events
from pipeline.store.statements import insert_id, insert_of, insert_rows

LEAD_CHARS = 700
# Any number that no other lock of ours has.
_LOCK = text("SELECT pg_advisory_xact_lock(5870123)")


def ask_event_looks(connection: Connection, cluster_ids: Sequence[int], now: datetime) -> None:
    """Note for each cluster that its event is to be decided, if it is about conflict policy or has been part of one."""
    asked = [{"cluster": cluster_id, "now": now} for cluster_id in cluster_ids]
    connection.execute(_ask(connection.dialect.name), asked)


def ask_first_event_look(connection: Connection, cluster_id: int, now: datetime) -> None:
    """Note it of a cluster about conflict policy that was founded just now, so that nobody has asked before."""
    insert_rows(connection, event_looks, [{"cluster_id": cluster_id, "asked_at": now}])


@cache
def _ask(dialect: str) -> Insert:
    cluster_id, now = bindparam("cluster", type_=Id), bindparam("now", type_=event_looks.c.asked_at.type)
    is_policy = exists().where(
        schema.cluster_verdicts.c.cluster_id == cluster_id, schema.cluster_verdicts.c.is_conflict_policy
    )
    is_told = exists().where(event_clusters.c.cluster_id == cluster_id)
    asked = select(cluster_id, now).where(or_(is_policy, is_told))
    statement = insert_of(dialect, event_looks).from_select(["cluster_id", "asked_at"], asked)
    # Not "do nothing": a look under way must wait for what this transaction changes.
    changed = {"asked_at": statement.excluded.asked_at}
    return statement.on_conflict_do_update(index_elements=["cluster_id"], set_=changed)


def asked_of(connection: Connection, story_ids: Sequence[int]) -> list[int]:
    """The clusters of these stories whose events are to be decided."""
    query = select(event_looks.c.cluster_id).join(stories, stories.c.cluster_id == event_looks.c.cluster_id)
    return list(connection.execute(query.where(stories.c.id.in_(story_ids)).distinct()).scalars())


def waiting_event_looks(connection: Connection, asked_until: datetime, limit: int) -> list[int]:
    """Clusters whose look was asked for until then, oldest first."""
    query = select(event_looks.c.cluster_id).where(event_looks.c.asked_at <= asked_until)
    return list(
        connection.execute(query.order_by(event_looks.c.asked_at, event_looks.c.cluster_id).limit(limit)).scalars()
    )


def look_for_event(connection: Connection, cluster_id: int, now: datetime) -> int | None:
    """Decide of which event the cluster tells; its id, None for none. Safe to run twice and by several at once."""
    if connection.dialect.name == "postgresql":
        connection.execute(_LOCK)
    held = select(clusters.c.merged_into).where(clusters.c.id == cluster_id).with_for_update(key_share=True)
    merged_into = connection.execute(held).scalar()
    connection.execute(delete(event_looks).where(event_looks.c.cluster_id == cluster_id))
    if merged_into is not None:
        return _hand_over(connection, cluster_id, merged_into, now)
    own = _tellings(connection, [cluster_id])
    matches = _matches(connection, own[0]) if own else ()
    _link(connection, cluster_id, matches, now)
    event_id = _event_of(connection, cluster_id)
    for match in matches[:1]:
        event_id = _join(connection, own[0], match, now)
    if event_id is not None:
        count_event(connection, event_id, now)
    return event_id


def count_event(connection: Connection, event_id: int, now: datetime) -> int:
    """Decide the origins of all stories of an event anew; returns how many are independent."""
    members = select(event_clusters.c.cluster_id).where(event_clusters.c.event_id == event_id)
    decided = decide_origins(tellings_of(connection, list(connection.execute(members).scalars())))
    write_origins(connection, decided.of_story, now)
    is_other = (told_events.c.id == event_id) & (told_events.c.independent_origins != decided.independent)
    values = {"independent_origins": decided.independent, "changed_at": now}
    connection.execute(update(told_events).where(is_other).values(**values))
    return decided.independent


def _matches(connection: Connection, told: Telling) -> tuple[EventMatch, ...]:
    """The clusters that tell of the event of `told`, best first; its own keys are written."""
    keys = schema.event_keys
    mine = event_keys(told)
    connection.execute(delete(keys).where(keys.c.cluster_id == told.cluster_id))
    if not mine:
        return ()
    names = ("day", "actor", "act")
    connection.execute(
        insert(keys), [dict(zip(names, key, strict=True)) | {"cluster_id": told.cluster_id} for key in mine]
    )
    query = (
        select(keys.c.cluster_id)
        .where(
            keys.c.day.in_(days_around(told)),
            keys.c.actor.in_(sorted({actor for _, actor, _ in mine})),
            keys.c.act.in_(sorted({act for _, _, act in mine})),
            keys.c.cluster_id != told.cluster_id,
        )
        .group_by(keys.c.cluster_id)
        .order_by(func.count().desc(), keys.c.cluster_id.desc())
    )
    found = list(connection.execute(query.limit(MAX_CANDIDATES)).scalars())
    return match_events(told, _tellings(connection, found))


def _link(connection: Connection, cluster_id: int, matches: Sequence[EventMatch], now: datetime) -> None:
    rows = [
        {
            "cluster_id": cluster_id,
            "matched_cluster_id": match.cluster_id,
            "score": match.score,
            "method": METHOD,
            "linked_at": now,
        }
        for match in matches
    ]
    connection.execute(delete(event_links).where(event_links.c.cluster_id == cluster_id))
    if rows:
        connection.execute(insert(event_links), rows)


def _join(connection: Connection, told: Telling, match: EventMatch, now: datetime) -> int | None:
    """The event of both, made or merged where there is none or two; the cluster's own one if that would be too long."""
    own, other = _event_of(connection, told.cluster_id), _event_of(connection, match.cluster_id)
    if own is not None and own == other:
        return own
    if own is None and other is None:
        made = insert_id(connection, told_events, {"founded_at": now, "method": METHOD, "changed_at": now})
        for cluster_id in sorted((told.cluster_id, match.cluster_id)):
            _enter(connection, cluster_id, made, now)
        return made
    if own is None or other is None:
        event_id, entering = (other, told.cluster_id) if own is None else (own, match.cluster_id)
        assert event_id is not None
        if not _is_within(connection, [event_id], [entering]):
            return own
        _enter(connection, entering, event_id, now)
        return event_id
    if not _is_within(connection, [own, other], []):
        return own
    return _merge(connection, min(own, other), max(own, other), now)


def _is_within(connection: Connection, event_ids: Sequence[int], cluster_ids: Sequence[int]) -> bool:
    """Whether all that would be one event was told within SPAN."""
    members = select(event_clusters.c.cluster_id).where(event_clusters.c.event_id.in_(event_ids))
    concerned = or_(stories.c.cluster_id.in_(members), stories.c.cluster_id.in_(cluster_ids))
    # A copy may be dated weeks later: what counts is when each report was told first.
    first_of = select(func.min(stories.c.id)).where(concerned).group_by(stories.c.cluster_id)
    firsts = list(connection.execute(first_of).scalars())
    told_at = func.coalesce(stories.c.published_at, stories.c.stored_at, type_=stories.c.stored_at.type)
    query = select(func.min(told_at), func.max(told_at)).where(stories.c.id.in_(firsts))
    first, last = connection.execute(query).one()
    return first is None or last - first <= SPAN


def _merge(connection: Connection, kept: int, gone: int, now: datetime) -> int:
    connection.execute(update(event_clusters).where(event_clusters.c.event_id == gone).values(event_id=kept))
    connection.execute(update(told_events).where(told_events.c.id == gone).values(merged_into=kept, changed_at=now))
    return kept


def _hand_over(connection: Connection, cluster_id: int, merged_into: int, now: datetime) -> int | None:
    """A cluster that was merged gives its place in an event to the one that took its stories."""
    own, other = _event_of(connection, cluster_id), _event_of(connection, merged_into)
    keys = schema.event_keys
    connection.execute(delete(keys).where(keys.c.cluster_id == cluster_id))
    connection.execute(delete(event_clusters).where(event_clusters.c.cluster_id == cluster_id))
    if own is not None and other is None:
        _enter(connection, merged_into, own, now)
    elif own is not None and other is not None and own != other:
        own = _merge(connection, min(own, other), max(own, other), now)
    if own is not None:
        count_event(connection, own, now)
    return own


def _event_of(connection: Connection, cluster_id: int) -> int | None:
    query = select(event_clusters.c.event_id).where(event_clusters.c.cluster_id == cluster_id)
    return connection.execute(query).scalar()


def _enter(connection: Connection, cluster_id: int, event_id: int, now: datetime) -> None:
    connection.execute(insert(event_clusters).values(cluster_id=cluster_id, event_id=event_id, joined_at=now))
    connection.execute(update(told_events).where(told_events.c.id == event_id).values(changed_at=now))


# ------------------------------------------------------------------------------------------------------------- reading


def _tellings(connection: Connection, cluster_ids: Sequence[int]) -> list[Telling]:
    """What is compared of each cluster that still has stories and is about conflict policy."""
    if not cluster_ids:
        return []
    # Asked by itself: inside the query below PostgreSQL may choose to walk all stories for it, 5 s at ten million.
    first = select(func.min(stories.c.id)).where(stories.c.cluster_id.in_(cluster_ids)).group_by(stories.c.cluster_id)
    firsts = list(connection.execute(first).scalars())
    verdicts = schema.cluster_verdicts
    query = (
        select(
            stories.c.id,
            stories.c.cluster_id,
            stories.c.title,
            stories.c.standfirst,
            func.substr(stories.c.text, 1, LEAD_CHARS).label("opening"),
            stories.c.published_at,
            stories.c.stored_at,
        )
        .join(verdicts, verdicts.c.cluster_id == stories.c.cluster_id)
        .where(stories.c.id.in_(firsts), verdicts.c.is_conflict_policy)
    )
    rows = connection.execute(query).all()
    ids = [row.id for row in rows]
    acts, mentions, places = schema.cluster_acts, schema.mentions, schema.place_mentions
    by_cluster = _grouped(
        connection, acts.c.cluster_id, acts.c.act, [row.cluster_id for row in rows], acts.c.score.desc()
    )
    actors = _grouped(connection, mentions.c.story_id, mentions.c.actor, ids, mentions.c.id, mentions.c.place != "body")
    named = _grouped(connection, places.c.story_id, places.c.name, ids, places.c.id, places.c.place != "body")
    return [
        Telling(
            cluster_id=row.cluster_id,
            told_at=row.published_at or row.stored_at,
            title=row.title,
            lead="\n".join(part for part in (row.standfirst, row.opening) if part),
            actors=tuple(dict.fromkeys(actors[row.id])),
            acts=tuple(dict.fromkeys(by_cluster[row.cluster_id])),
            places=tuple(dict.fromkeys(named[row.id])),
        )
        for row in rows
    ]


def _grouped(
    connection: Connection, key: Any, value: Any, keys: Sequence[int], order: Any, *where: Any
) -> dict[int, list[str]]:
    """Key -> its values in order."""
    found: defaultdict[int, list[str]] = defaultdict(list)
    query = select(key, value).where(key.in_(keys), *where).order_by(key, order, value)
    for owner, name in connection.execute(query):
        found[owner].append(str(name))
    return found
