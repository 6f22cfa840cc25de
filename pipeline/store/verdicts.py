"""Verdicts in SQL: a story's current one and those before it, what it names, and the pooled one of its report."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, bindparam, func, or_, select, update

from pipeline.identity.origins import Telling
from pipeline.judging.pooling import PooledVerdict, StoryScores, pool
from pipeline.store.events_told import ask_event_look, ask_first_event_look
from pipeline.store.facts import keep_cluster_facts, keep_facts
from pipeline.store.origins import keep_first_origin, keep_origins
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
    if cluster_id is None or not _pool(connection, cluster_id):
        keep_facts(connection, story_id)
    if cluster_id is not None:
        keep_origins(connection, cluster_id, now)
        ask_event_look(connection, cluster_id, now)


def keep_first_verdict(connection: Connection, story_id: int, cluster_id: int, verdict: Verdict, now: datetime) -> None:
    """The same of a story that was stored just now in a cluster that the caller holds: nothing is there to replace.

    Unless its report says something else now, its facts are missing still (`keep_missing_facts`).
    """
    _add(connection, story_id, 1, verdict, now)
    _pool(connection, cluster_id)
    keep_origins(connection, cluster_id, now)
    ask_event_look(connection, cluster_id, now)


def keep_founding_verdict(connection: Connection, founder: Telling, verdict: Verdict, now: datetime) -> None:
    """The same of a story that founded its cluster just now: all that is to be pooled is in hand, nothing is asked.

    Its facts are missing still (`keep_missing_facts`).
    """
    _add(connection, founder.story_id, 1, verdict, now)
    scores = StoryScores(verdict.conflict, verdict.conflict_policy, verdict.threshold, _in_order(verdict.acts))
    pooled = pool([scores])
    _write_pooled(connection, founder.cluster_id, pooled, now)
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
    return _pool(connection, cluster_id)


def _pool(connection: Connection, cluster_id: int) -> bool:
    """`pool_cluster` for who holds the cluster already."""
    before = {tuple(row) for row in connection.execute(_COUNTING, {"cluster": cluster_id})}
    if before:
        delete_of(connection, cluster_acts.c.cluster_id, cluster_id)
        delete_of(connection, cluster_verdicts.c.cluster_id, cluster_id)
    is_changed = _add_pooled(connection, cluster_id) != before
    if is_changed:
        keep_cluster_facts(connection, cluster_id)
    return is_changed


# What `story_facts` takes from the verdict of a cluster; no row when there is none.
_COUNTING = (
    select(
        cluster_verdicts.c.is_conflict,
        cluster_verdicts.c.is_conflict_policy,
        cluster_acts.c.act,
        cluster_acts.c.score,
    )
    .outerjoin(cluster_acts, cluster_acts.c.cluster_id == cluster_verdicts.c.cluster_id)
    .where(cluster_verdicts.c.cluster_id == bindparam("cluster"))
)


def _add_pooled(connection: Connection, cluster_id: int) -> set[tuple[Any, ...]]:
    """Pool a cluster that has no verdict; returns what _COUNTING would say of it now."""
    rows = connection.execute(_OF_CLUSTER, {"cluster": cluster_id}).all()
    if not rows:
        return set()
    acts = _acts_by_verdict(connection, [row.id for row in rows])
    pooled = pool(
        [StoryScores(row.conflict, row.conflict_policy, row.threshold, tuple(acts.get(row.id, ()))) for row in rows]
    )
    _write_pooled(connection, cluster_id, pooled, rows[-1].judged_at)
    flags = (pooled.is_conflict, pooled.is_conflict_policy)
    return {(*flags, act.act, act.score) for act in pooled.acts} or {(*flags, None, None)}


def _write_pooled(connection: Connection, cluster_id: int, pooled: PooledVerdict, judged_at: datetime) -> None:
    row = {
        "cluster_id": cluster_id,
        "stories": pooled.stories,
        "conflict": pooled.conflict,
        "conflict_policy": pooled.conflict_policy,
        "threshold": pooled.threshold,
        "is_conflict": pooled.is_conflict,
        "is_conflict_policy": pooled.is_conflict_policy,
        "judged_at": judged_at,
    }
    insert_rows(connection, cluster_verdicts, [row])
    named = [{"cluster_id": cluster_id, "act": act.act, "score": act.score} for act in pooled.acts]
    insert_rows(connection, cluster_acts, named)


_OF_CLUSTER = (
    select(*(verdicts.c[name] for name in ("id", "conflict", "conflict_policy", "threshold", "judged_at")))
    .join(stories, stories.c.id == verdicts.c.story_id)
    .where(stories.c.cluster_id == bindparam("cluster"), verdicts.c.is_current)
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
