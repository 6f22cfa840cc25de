"""Verdicts in SQL: a story's current one and those before it, what it names, and the pooled one of its report."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

import msgspec
from sqlalchemy import Connection, Table, bindparam, delete, func, or_, select, update
from sqlalchemy.sql.dml import Delete

from pipeline.identity.origins import Telling
from pipeline.judging.pooling import PooledVerdict, StoryScores, pool
from pipeline.store.events_told import ask_event_looks, ask_first_event_look
from pipeline.store.facts import keep_cluster_facts, keep_facts
from pipeline.store.origins import keep_first_origin, keep_origins, keep_origins_of
from pipeline.store.schema import (
    attributions,
    cluster_acts,
    cluster_verdicts,
    clusters,
    mentions,
    place_mentions,
    stories,
    story_codes,
    verdict_acts,
    verdicts,
)
from pipeline.store.statements import delete_of, insert_id, insert_missing, insert_rows, slices
from pipeline.values import ActScore, Attribution, Mention, PlaceMention, SubjectCode, Verdict

NAME_MAX = 255
ATTRIBUTION_MAX = 500


def keep_verdict(connection: Connection, story_id: int, revision: int, verdict: Verdict, now: datetime) -> None:
    """Make this the story's current verdict, pool its report's anew and count by it; earlier ones stay for comparison.

    Mentions, places and attributions are the current verdict's alone. The cluster is held until the commit, before
    anything is changed: who pools it makes the facts of all its stories anew.
    """
    cluster_id = hold_cluster_of(connection, story_id)
    connection.execute(_RETIRE, {"story": story_id})
    for table in (mentions, place_mentions, attributions):
        delete_of(connection, table.c.story_id, story_id)
    _add(connection, story_id, revision, verdict, now)
    if cluster_id is None or not _pool(connection, [cluster_id]):
        keep_facts(connection, story_id)
    if cluster_id is not None:
        keep_origins(connection, cluster_id, now)
        ask_event_looks(connection, [cluster_id], now)


def add_first_verdict(connection: Connection, story_id: int, verdict: Verdict, now: datetime) -> None:
    """The first verdict of a story that joined a cluster just now: nothing is there to replace.

    It counts once its report's is pooled (`pool_joined`).
    """
    _add(connection, story_id, 1, verdict, now)


def pool_joined(connection: Connection, cluster_ids: Iterable[int], now: datetime) -> None:
    """Pool the reports anew that stories have joined, decide their origins, and ask for a look at their events.

    The caller holds the clusters, and calls this once for all that a batch brought: twenty copies of one report are
    one change of it. Facts that are missing still are made afterwards (`keep_missing_facts`).
    """
    joined = sorted(cluster_ids)
    if joined:
        _pool(connection, joined)
        keep_origins_of(connection, joined, now)
        ask_event_looks(connection, joined, now)


def keep_founding_verdict(connection: Connection, founder: Telling, verdict: Verdict, now: datetime) -> None:
    """The same of a story that founded its cluster just now: all that is to be pooled is in hand, nothing is asked.

    Its facts are missing still (`keep_missing_facts`).
    """
    _add(connection, founder.story_id, 1, verdict, now)
    scores = StoryScores(verdict.conflict, verdict.conflict_policy, verdict.threshold, _in_order(verdict.acts))
    pooled = pool([scores])
    _write_pooled(connection, {founder.cluster_id: _Pooled(pooled, now)})
    keep_first_origin(connection, founder, now)
    if pooled.is_conflict_policy:
        ask_first_event_look(connection, founder.cluster_id, now)


def _in_order(acts: Iterable[ActScore]) -> tuple[ActScore, ...]:
    return tuple(sorted(acts, key=lambda act: act.act))


def _add(connection: Connection, story_id: int, revision: int, verdict: Verdict, now: datetime) -> None:
    row = {
        "story_id": story_id,
        "revision": revision,
        "is_current": True,
        "model": verdict.model,
        "rules": verdict.rules,
        "language_supported": verdict.language_supported,
        "conflict": verdict.conflict,
        "conflict_policy": verdict.conflict_policy,
        "threshold": verdict.threshold,
        "is_conflict": verdict.is_conflict,
        "is_conflict_policy": verdict.is_conflict_policy,
        "evidence": msgspec.to_builtins(verdict.evidence),
        "judged_at": now,
    }
    verdict_id = insert_id(connection, verdicts, row)
    acts = [{"verdict_id": verdict_id, "act": act.act, "score": act.score} for act in verdict.acts]
    insert_rows(connection, verdict_acts, acts)
    of_story = {"story_id": story_id}
    insert_rows(connection, mentions, [of_story | _mention_row(item) for item in verdict.mentions])
    insert_rows(connection, place_mentions, [of_story | _place_row(item) for item in verdict.places])
    insert_rows(connection, attributions, [of_story | _attribution_row(item) for item in verdict.sourcing])


_OF_STORY = verdicts.c.story_id == bindparam("story")
_RETIRE = update(verdicts).where(_OF_STORY, verdicts.c.is_current).values(is_current=False)


def hold_cluster_of(connection: Connection, story_id: int) -> int | None:
    """The story's cluster, from which it can't be moved before the commit."""
    cluster_id = connection.execute(_CLUSTER_OF, {"story": story_id}).scalar()
    while cluster_id is not None:
        _hold(connection, cluster_id)
        # It may have moved while the lock was waited for.
        present = connection.execute(_CLUSTER_OF, {"story": story_id}).scalar()
        if present == cluster_id:
            break
        cluster_id = present
    return cluster_id


_CLUSTER_OF = select(stories.c.cluster_id).where(stories.c.id == bindparam("story"))


def _hold(connection: Connection, cluster_id: int) -> None:
    # On SQLite one transaction writes at a time.
    if connection.dialect.name != "sqlite":
        connection.execute(_HOLD, {"cluster": cluster_id})


_HOLD = select(clusters.c.id).where(clusters.c.id == bindparam("cluster")).with_for_update(key_share=True)


def pool_cluster(connection: Connection, cluster_id: int) -> bool:
    """Write the verdict of a cluster anew from its stories' current ones; none is left when no story is judged.

    To be called whenever a verdict of the cluster changes, and for both clusters when a story moves. True when it says
    something else than before; then the facts of all stories of the cluster are made anew.
    """
    # Two who pool one cluster at once would each miss the other's story.
    _hold(connection, cluster_id)
    return bool(_pool(connection, [cluster_id]))


def _pool(connection: Connection, cluster_ids: Sequence[int]) -> set[int]:
    """`pool_cluster` for who holds the clusters already; those whose verdict says something else than before."""
    before: defaultdict[int, _Counting] = defaultdict(set)
    for cluster_id, *counting in connection.execute(_COUNTING, {"clusters": list(cluster_ids)}):
        before[cluster_id].add(tuple(counting))
    for table in (cluster_acts, cluster_verdicts) if before else ():
        connection.execute(_forget(table), {"clusters": list(before)})
    pooled = _pooled_of(connection, cluster_ids)
    _write_pooled(connection, pooled)
    after = {cluster_id: _counting(verdict.pooled) for cluster_id, verdict in pooled.items()}
    changed = {cluster_id for cluster_id in cluster_ids if after.get(cluster_id, set()) != before[cluster_id]}
    for cluster_id in sorted(changed):
        keep_cluster_facts(connection, cluster_id)
    return changed


@cache
def _forget(table: Table) -> Delete:
    return delete(table).where(table.c.cluster_id.in_(bindparam("clusters", expanding=True)))


# What `story_facts` takes from the verdict of a cluster; no row when there is none.
_Counting = set[tuple[Any, ...]]
_COUNTING = (
    select(
        cluster_verdicts.c.cluster_id,
        cluster_verdicts.c.is_conflict,
        cluster_verdicts.c.is_conflict_policy,
        cluster_acts.c.act,
        cluster_acts.c.score,
    )
    .outerjoin(cluster_acts, cluster_acts.c.cluster_id == cluster_verdicts.c.cluster_id)
    .where(cluster_verdicts.c.cluster_id.in_(bindparam("clusters", expanding=True)))
)


def _counting(pooled: PooledVerdict) -> _Counting:
    """What _COUNTING would say of it."""
    flags = (pooled.is_conflict, pooled.is_conflict_policy)
    return {(*flags, act.act, act.score) for act in pooled.acts} or {(*flags, None, None)}


@dataclass(frozen=True, slots=True)
class _Pooled:
    """The verdict of a cluster, and when the last of its stories was judged."""

    pooled: PooledVerdict
    judged_at: datetime


def _pooled_of(connection: Connection, cluster_ids: Sequence[int]) -> dict[int, _Pooled]:
    """Cluster id -> its verdict, from its stories' current ones; none for a cluster without."""
    rows = connection.execute(_OF_CLUSTERS, {"clusters": list(cluster_ids)}).all()
    acts = _acts_by_verdict(connection, [row.id for row in rows])
    scores: defaultdict[int, list[StoryScores]] = defaultdict(list)
    judged_at: dict[int, datetime] = {}
    for row in rows:
        named = tuple(acts.get(row.id, ()))
        scores[row.cluster_id].append(StoryScores(row.conflict, row.conflict_policy, row.threshold, named))
        judged_at[row.cluster_id] = row.judged_at
    return {cluster_id: _Pooled(pool(found), judged_at[cluster_id]) for cluster_id, found in scores.items()}


def _write_pooled(connection: Connection, verdicts_of: Mapping[int, _Pooled]) -> None:
    rows = [
        {
            "cluster_id": cluster_id,
            "stories": verdict.pooled.stories,
            "conflict": verdict.pooled.conflict,
            "conflict_policy": verdict.pooled.conflict_policy,
            "threshold": verdict.pooled.threshold,
            "is_conflict": verdict.pooled.is_conflict,
            "is_conflict_policy": verdict.pooled.is_conflict_policy,
            "judged_at": verdict.judged_at,
        }
        for cluster_id, verdict in verdicts_of.items()
    ]
    insert_rows(connection, cluster_verdicts, rows)
    named = [
        {"cluster_id": cluster_id, "act": act.act, "score": act.score}
        for cluster_id, verdict in verdicts_of.items()
        for act in verdict.pooled.acts
    ]
    insert_rows(connection, cluster_acts, named)


_OF_CLUSTERS = (
    select(
        stories.c.cluster_id,
        *(verdicts.c[name] for name in ("id", "conflict", "conflict_policy", "threshold")),
        verdicts.c.judged_at,
    )
    .join(stories, stories.c.id == verdicts.c.story_id)
    .where(stories.c.cluster_id.in_(bindparam("clusters", expanding=True)), verdicts.c.is_current)
    .order_by(verdicts.c.judged_at, verdicts.c.id)
)


def add_story_codes(connection: Connection, story_id: int, codes: Iterable[SubjectCode]) -> int:
    """Keep subjects that the wire itself gave a story, each once; returns how many are new."""
    rows = {
        (code.scheme[:NAME_MAX], code.code[:NAME_MAX]): {
            "story_id": story_id,
            "scheme": code.scheme[:NAME_MAX],
            "code": code.code[:NAME_MAX],
            "name": (code.name or "")[:NAME_MAX] or None,
        }
        for code in codes
    }
    return insert_missing(connection, story_codes, rows.values())


@dataclass(frozen=True, slots=True)
class Judged:
    """A stored story as far as judging it again needs it, with the scores of its current verdict (None: has none)."""

    story_id: int
    revision: int
    title: str
    standfirst: str | None
    text: str
    language: str | None
    published_at: datetime | None
    url: str
    conflict_policy: float | None
    is_conflict_policy: bool | None


def stale_stories(
    connection: Connection, model: str, rules: str, threshold: float, everything: bool, after_id: int, limit: int
) -> list[Judged]:
    """Stories without a current verdict by this model, rules and threshold (or all), by ascending id."""
    current = (verdicts.c.story_id == stories.c.id) & verdicts.c.is_current
    query = (
        select(
            stories.c.id.label("story_id"),
            *(stories.c[name] for name in ("revision", "title", "standfirst", "text", "language")),
            stories.c.published_at,
            stories.c.url,
            verdicts.c.conflict_policy,
            verdicts.c.is_conflict_policy,
        )
        .outerjoin(verdicts, current)
        # A pruned story has no words to judge; its last verdict stands.
        .where(stories.c.id > after_id, stories.c.pruned_at.is_(None))
    )
    if not everything:
        is_other = or_(verdicts.c.model != model, verdicts.c.rules != rules, verdicts.c.threshold != threshold)
        query = query.where(or_(verdicts.c.id.is_(None), is_other))
    return [Judged(**row._mapping) for row in connection.execute(query.order_by(stories.c.id).limit(limit))]


def revision_of(connection: Connection, story_id: int) -> int | None:
    """The number of the story's newest revision; None when there is no such story. On PostgreSQL the row is locked."""
    query = select(stories.c.revision).where(stories.c.id == story_id).with_for_update()
    return connection.execute(query).scalar()


def count_stale(connection: Connection, model: str, rules: str, threshold: float) -> int:
    """How many stories an older model, older rules or another threshold have judged, or nothing has."""
    current = (verdicts.c.story_id == stories.c.id) & verdicts.c.is_current
    is_fresh = (verdicts.c.model == model) & (verdicts.c.rules == rules) & (verdicts.c.threshold == threshold)
    has_text = stories.c.pruned_at.is_(None)
    fresh = select(func.count()).select_from(stories.join(verdicts, current)).where(is_fresh, has_text)
    every = select(func.count()).select_from(stories).where(has_text)
    return int(connection.execute(every).scalar_one() - connection.execute(fresh).scalar_one())


def _acts_by_verdict(connection: Connection, verdict_ids: Sequence[int]) -> dict[int, list[ActScore]]:
    found: dict[int, list[ActScore]] = {}
    for piece in slices(verdict_ids):
        for row in connection.execute(_ACTS, {"verdicts": list(piece)}):
            found.setdefault(row.verdict_id, []).append(ActScore(row.act, row.score))
    return found


_ACTS = (
    select(verdict_acts)
    .where(verdict_acts.c.verdict_id.in_(bindparam("verdicts", expanding=True)))
    .order_by(verdict_acts.c.verdict_id, verdict_acts.c.act)
)


def _mention_row(mention: Mention) -> dict[str, Any]:
    return {
        "actor": mention.actor,
        "kind": mention.kind,
        "cameo": mention.cameo,
        **_span(mention, NAME_MAX),
    }


def _place_row(mention: PlaceMention) -> dict[str, Any]:
    return {
        "name": mention.name,
        "country": mention.country,
        "latitude": mention.latitude,
        "longitude": mention.longitude,
        **_span(mention, NAME_MAX),
    }


def _attribution_row(item: Attribution) -> dict[str, Any]:
    return {
        "source": item.source,
        "standing": item.standing,
        "name": None if item.name is None else item.name[:NAME_MAX],
        "actor": item.actor,
        **_span(item, ATTRIBUTION_MAX),
    }


def _span(item: Mention | PlaceMention | Attribution, most: int) -> dict[str, Any]:
    return {
        "place": item.place,
        "span_start": item.start,
        "span_end": item.end,
        "surface": item.surface[:most],
    }
