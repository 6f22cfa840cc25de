# ruff: noqa: S608 - the SQL is made of constants of this package alone
"""Which stored stories a text may be a copy of: asked for one text, or in two questions for all texts of a batch.

A batch is looked up before its first story is stored, so that the clusters that will be joined can be locked all at
once and in one order (`BatchLook.hold_ahead`). What its stories find in one another is known without SQL.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select, text

from pipeline.identity.near_copies import (
    JOIN_AT,
    REPRESENTATIVES,
    STOP_ANCHOR_AT,
    Candidate,
    Match,
    pick_cluster,
    rank_clusters,
)
from pipeline.store.many import ForRows
from pipeline.store.schema import clusters
from pipeline.store.statements import among, listed

# Newer than every story.
NO_STORY = 2**62
# Between the question in which clusters stories are and the lock on those clusters a story may be moved; not often.
HOLD_TRIES = 5

Found = tuple[Match | None, tuple[Match, ...]]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A text to look up. `site` is the outlet's registered domain."""

    anchors: tuple[int, ...]
    text: str
    site: str | None
    title: str | None


def find_copies(
    connection: Connection, wanted: Wanted, *, but_not_cluster: int | None = None, before_story: int = NO_STORY
) -> Found:
    """The story whose cluster the text belongs to, if any, and the stories it is only linked with, best first.

    Looks at clusters but for `but_not_cluster`, and at stories with a smaller id than `before_story`.
    """
    hits = hits_of(connection, wanted.anchors)
    if but_not_cluster is not None:
        hits = {anchor: [c for c in found if c != but_not_cluster] for anchor, found in hits.items()}
    ranked = rank_clusters(hits, len(wanted.anchors))
    if not ranked:
        return None, ()
    return pick_cluster(wanted.text, wanted.site, candidates_of(connection, ranked, before_story), wanted.title)


def is_in_two(linked: Iterable[Match]) -> bool:
    """Whether a text that joined one cluster belongs as well to another, which is then of the same report perhaps."""
    return any(match.score >= JOIN_AT for match in linked)


def hits_of(connection: Connection, anchors: Sequence[int]) -> Mapping[int, list[int]]:
    """Anchor -> clusters that have it, anchors in rising order."""
    hits: dict[int, list[int]] = defaultdict(list)
    for anchor, cluster_id in _hits(connection.dialect.name).ask(connection, listed(connection, anchors)).all():
        hits[anchor].append(cluster_id)
    return hits


@cache
def _hits(dialect: str) -> ForRows:
    query = f"SELECT anchor, cluster_id FROM story_bands WHERE anchor {among(dialect, 'anchors')}"
    return ForRows(text(query), ("anchors",))


def candidates_of(connection: Connection, cluster_ids: Sequence[int], before_story: int = NO_STORY) -> list[Candidate]:
    """Of each cluster its newest stories and its founding one, what a further copy may be made from, newest first."""
    asked = _candidates(connection.dialect.name).ask(connection, listed(connection, cluster_ids), before_story)
    rows = sorted(asked.all(), key=itemgetter(0), reverse=True)
    return [Candidate(cluster_id, story_id, text, site, title) for story_id, cluster_id, site, title, text in rows]


@cache
def _candidates(dialect: str) -> ForRows:
    query = f"""
WITH placed AS (
    SELECT
        id,
        row_number() OVER (PARTITION BY cluster_id ORDER BY id) AS from_first,
        row_number() OVER (PARTITION BY cluster_id ORDER BY id DESC) AS from_last
    FROM stories
    WHERE cluster_id {among(dialect, "clusters")} AND id < :before AND pruned_at IS NULL
)
SELECT id, cluster_id, site, title, text FROM stories
WHERE id IN (SELECT id FROM placed WHERE from_first = 1 OR from_last <= {REPRESENTATIVES - 1})"""
    return ForRows(text(query), ("clusters", "before"))


class BatchLook:
    """What the texts of a batch find, in SQL and in one another, while the batch is stored story by story.

    Made without texts it looks each up when its turn comes. `known` is what was asked of the batch's URLs beforehand.
    `stored` are the stories that were stored with it, `derived` those of them that are copies or versions of others and
    when they were stored, `joined` the clusters that some of them joined, with the last instant at which one did.
    """

    def __init__(self, connection: Connection, texts: Sequence[Wanted] = ()) -> None:
        self._connection = connection
        self._hits: defaultdict[int, list[int]] = defaultdict(list)
        self._asked: set[int] = set()
        self._stored: defaultdict[int, list[Candidate]] = defaultdict(list)
        self._fresh: defaultdict[int, list[Candidate]] = defaultdict(list)
        self._ahead: dict[Wanted, Found] = {}
        self._held: frozenset[int] | None = None
        self._founded: set[int] = set()
        self.known: Mapping[int, Row[Any]] = {}
        self.stored: list[int] = []
        self.derived: dict[int, datetime] = {}
        self.joined: dict[int, datetime] = {}
        self._look_up(texts)

    def hold_ahead(self, url_ids: Sequence[int], content_hashes: Sequence[str]) -> None:
        """Lock every cluster that storing the batch may change, in rising order of ids, until the commit.

        Those are the clusters that its texts join, those of the URLs' own stories and those of stories with the same
        words. Whoever locks all in one order and none afterwards waits in no circle. SQLite has one writer at a time.
        """
        if self._connection.dialect.name == "sqlite":
            return
        joined = {copy.cluster_id for copy, _ in self._ahead.values() if copy is not None}
        told: dict[str, list[int] | list[str]] = {"urls": list(url_ids), "hashes": list(content_hashes)}
        of_stories = self._clusters_told(told)
        for _ in range(HOLD_TRIES if of_stories else 0):
            savepoint = self._connection.begin_nested()
            self._held = self._lock(joined | of_stories)
            of_stories = self._clusters_told(told)
            if of_stories <= self._held:
                savepoint.commit()
                return
            savepoint.rollback()
        self._held = self._lock(joined | of_stories)

    def find(self, wanted: Wanted) -> Found:
        """`find_copies`, with the stories of the batch that were stored by now."""
        if wanted not in self._ahead:
            self._look_up([wanted])
        # Most batches store no story of a cluster that has an anchor of this one.
        ranked = self._ranked(wanted) if self._fresh else ()
        if self._fresh.keys().isdisjoint(ranked):
            return self._ahead[wanted]
        return self._pick(wanted, ranked)

    def may_join(self, cluster_id: int) -> bool:
        """Whether the cluster is locked, or may be waited for. If not, the story founds its own and is looked at again.

        A cluster is not, when it was merged into another while the batch waited for its locks.
        """
        return self._held is None or cluster_id in self._held or cluster_id in self._founded

    def note_founded(self, cluster_id: int) -> None:
        """The batch made this cluster: nobody else can see it, let alone lock it."""
        self._founded.add(cluster_id)

    def open_anchors(self, wanted: Wanted) -> list[int]:
        """The anchors of a text that take one more cluster: not those that everybody has. Call it after `find`."""
        return [anchor for anchor in wanted.anchors if len(self._hits.get(anchor, ())) < STOP_ANCHOR_AT]

    def note_stored(self, cluster_id: int, story_id: int, wanted: Wanted) -> None:
        """Let later texts of the batch find this one."""
        self.stored.append(story_id)
        self._fresh[cluster_id].insert(0, Candidate(cluster_id, story_id, wanted.text, wanted.site, wanted.title))
        for anchor in wanted.anchors:
            found = self._hits[anchor]
            if cluster_id not in found and len(found) < STOP_ANCHOR_AT:
                found.append(cluster_id)

    def _look_up(self, texts: Sequence[Wanted]) -> None:
        unasked = {anchor for wanted in texts for anchor in wanted.anchors} - self._asked
        if unasked:
            for anchor, found in hits_of(self._connection, sorted(unasked)).items():
                mine = self._hits[anchor]
                mine += [cluster_id for cluster_id in found if cluster_id not in mine]
            self._asked |= unasked
        ranked = {wanted: self._ranked(wanted) for wanted in texts}
        unread = {cluster_id for found in ranked.values() for cluster_id in found} - self._stored.keys()
        unread -= self._founded
        if unread:
            for candidate in candidates_of(self._connection, sorted(unread)):
                self._stored[candidate.cluster_id].append(candidate)
        for wanted, likely in ranked.items():
            self._ahead[wanted] = self._pick(wanted, likely)

    def _ranked(self, wanted: Wanted) -> tuple[int, ...]:
        hits = {anchor: self._hits[anchor] for anchor in wanted.anchors if anchor in self._hits}
        return rank_clusters(hits, len(wanted.anchors))

    def _pick(self, wanted: Wanted, ranked: Iterable[int]) -> Found:
        candidates = [story for cluster_id in ranked for story in self._representatives(cluster_id)]
        return pick_cluster(wanted.text, wanted.site, candidates, wanted.title) if candidates else (None, ())

    def _representatives(self, cluster_id: int) -> list[Candidate]:
        """What `candidates_of` would say now: the newest, and the founder last."""
        fresh = self._fresh.get(cluster_id, [])
        known = {story.story_id for story in fresh}
        every = [*fresh, *(story for story in self._stored.get(cluster_id, ()) if story.story_id not in known)]
        return every if len(every) <= REPRESENTATIVES else [*every[: REPRESENTATIVES - 1], every[-1]]

    def _lock(self, cluster_ids: Collection[int]) -> frozenset[int]:
        if not cluster_ids:
            return frozenset()
        found = self._connection.execute(_LOCK, {"clusters": sorted(cluster_ids)})
        return frozenset(found.scalars())

    def _clusters_told(self, told: Mapping[str, list[int] | list[str]]) -> set[int]:
        return set(self._connection.execute(_CLUSTERS_TOLD, told).scalars())


_LOCK = (
    select(clusters.c.id)
    .where(clusters.c.id.in_(bindparam("clusters", expanding=True)), clusters.c.merged_into.is_(None))
    .order_by(clusters.c.id)
    .with_for_update(key_share=True)
)
# For PostgreSQL, which alone is asked.
_CLUSTERS_TOLD = text("""
SELECT cluster_id FROM stories WHERE url_id = ANY(CAST(:urls AS bigint[])) AND cluster_id IS NOT NULL
UNION
SELECT stories.cluster_id FROM fingerprints JOIN stories ON stories.id = fingerprints.story_id
WHERE fingerprints.content_hash = ANY(CAST(:hashes AS text[])) AND stories.cluster_id IS NOT NULL""")
