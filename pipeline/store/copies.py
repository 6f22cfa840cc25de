"""Near-copies in SQL: which clusters share anchors with a text, and the links that were found."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, func, insert, select

from pipeline.identity.near_copies import (
    MAX_CLUSTERS,
    MAX_CLUSTERS_PER_ANCHOR,
    METHOD,
    REPRESENTATIVES,
    STOP_ANCHOR_AT,
    Candidate,
    Match,
    pick_cluster,
    rank_clusters,
)
from pipeline.store.schema import clusters, stories, story_bands, story_links
from pipeline.store.statements import insert_id, insert_missing, slices
from pipeline.values import Fingerprint


def find_copies(
    connection: Connection, fingerprint: Fingerprint, text: str, exclude_story_id: int | None = None
) -> tuple[Match | None, tuple[Match, ...]]:
    """The story that `text` is a copy of, if any, and the stories it shares words with."""
    hits = _hits(connection, fingerprint.anchors)
    cluster_ids = rank_clusters(hits, MAX_CLUSTERS)
    candidates = [
        candidate
        for cluster_id in cluster_ids
        for candidate in _representatives(connection, cluster_id)
        if candidate.story_id != exclude_story_id
    ]
    return pick_cluster(text, candidates) if candidates else (None, ())


def _hits(connection: Connection, anchors: Sequence[int]) -> dict[int, list[int]]:
    """Anchor -> clusters that have it; anchors of common phrases, whose lists are long, are left out."""
    hits: dict[int, list[int]] = defaultdict(list)
    for piece in slices(anchors):
        query = select(story_bands.c.anchor, story_bands.c.cluster_id).where(story_bands.c.anchor.in_(piece))
        for row in connection.execute(query):
            hits[row.anchor].append(row.cluster_id)
    return {anchor: found for anchor, found in hits.items() if len(found) <= MAX_CLUSTERS_PER_ANCHOR}


def _representatives(connection: Connection, cluster_id: int) -> list[Candidate]:
    """The cluster's founding story and its newest ones: what a further copy may be made from."""
    query = select(stories.c.id, stories.c.text).where(stories.c.cluster_id == cluster_id)
    first = connection.execute(query.order_by(stories.c.id).limit(1)).all()
    last = connection.execute(query.order_by(stories.c.id.desc()).limit(REPRESENTATIVES - 1)).all()
    chosen = {row.id: row.text for row in (*first, *last)}
    return [Candidate(cluster_id, story_id, text) for story_id, text in sorted(chosen.items())]


def found_cluster(connection: Connection, now: datetime) -> int:
    """A new cluster of one story."""
    return insert_id(connection, insert(clusters).values(founded_at=now, method=METHOD))


def index_story(connection: Connection, cluster_id: int, anchors: Sequence[int]) -> None:
    """Let later texts find this cluster by these anchors. An anchor that everybody has takes no more clusters."""
    lengths: dict[int, int] = {}
    for piece in slices(anchors):
        query = (
            select(story_bands.c.anchor, func.count().label("clusters"))
            .where(story_bands.c.anchor.in_(piece))
            .group_by(story_bands.c.anchor)
        )
        lengths |= {row.anchor: row.clusters for row in connection.execute(query)}
    rows = [{"anchor": a, "cluster_id": cluster_id} for a in anchors if lengths.get(a, 0) < STOP_ANCHOR_AT]
    insert_missing(connection, story_bands, rows)


def link_stories(
    connection: Connection,
    url_id: int,
    story_id: int | None,
    title: str | None,
    matches: Sequence[Match],
    now: datetime,
) -> None:
    """Keep how the URL's text relates to stories: score, matched story and method stay on every link."""
    insert_missing(
        connection,
        story_links,
        [
            {
                "url_id": url_id,
                "story_id": story_id,
                "matched_story_id": match.story_id,
                "relation": match.relation,
                "score": match.score,
                "method": METHOD,
                "title": title,
                "linked_at": now,
            }
            for match in matches
            if match.story_id != story_id
        ],
    )
