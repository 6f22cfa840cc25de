# ruff: noqa: S608 - the SQL is made of constants of this package alone
"""How many carry each report, kept: what `story_clusters` reads instead of every story and link there is.

Triggers mark a cluster whose stories or copies change (cluster_marks.py). A fold writes the digests of marked clusters
anew; until then the view counts those, and only those, from the stories (docs/decisions/0028). The view is no UNION of
the two: SQLite would make all of it wherever it is joined.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, select, text

from pipeline.store.schema import cluster_changes, cluster_digests

COLUMNS = tuple(column.name for column in cluster_digests.columns)
# A statement has only so many parameters.
_AT_ONCE = 1_000


def select_carried(which: str) -> str:
    """The SELECT that counts the clusters for which `which` holds, a condition on `stories`."""
    return f"""SELECT
    cluster_id,
    min(story_id) AS first_story_id,
    min(seen_at) AS first_seen_at,
    max(seen_at) AS last_seen_at,
    count(DISTINCT story_id) AS stories,
    count(DISTINCT CASE WHEN story_id IS NULL THEN url_id END) AS copies,
    count(DISTINCT site) AS sites
FROM (
    SELECT cluster_id, url_id, site, stored_at AS seen_at, id AS story_id FROM stories WHERE {which}
    UNION ALL
    SELECT stories.cluster_id, story_links.url_id, urls.site, story_links.linked_at, NULL
    FROM stories
    JOIN story_links ON story_links.matched_story_id = stories.id AND story_links.relation = 'copy'
    JOIN urls ON urls.id = story_links.url_id
    WHERE {which}
) AS members
GROUP BY cluster_id"""


def carried(column: str) -> str:
    """One number of the cluster `clusters`: what its digest `kept` says, counted from its stories where it has none."""
    return f"coalesce(kept.{column}, ({_COUNTED[column]}))"


def kept(dialect: str) -> str:
    """`clusters`, each beside its digest if that is not outdated. The counting is for the few without one.

    PostgreSQL is told to look digests up one by one: for two thousand clusters it would read those of all.
    """
    current = "clusters.id NOT IN (SELECT cluster_id FROM cluster_changes)"
    if dialect == "postgresql":
        return f"""clusters
LEFT JOIN LATERAL (
    SELECT * FROM cluster_digests WHERE cluster_digests.cluster_id = clusters.id AND {current} OFFSET 0
) AS kept ON true"""
    return f"clusters\nLEFT JOIN cluster_digests AS kept ON kept.cluster_id = clusters.id AND {current}"


_OWN = "FROM stories WHERE stories.cluster_id = clusters.id"
_LINKED = """FROM stories AS told
    JOIN story_links ON story_links.matched_story_id = told.id AND story_links.relation = 'copy'
    JOIN urls ON urls.id = story_links.url_id
    WHERE told.cluster_id = clusters.id"""
_SEEN = f"FROM (SELECT stored_at AS seen_at {_OWN} UNION ALL SELECT linked_at {_LINKED}) AS seen"
_COUNTED = {
    "first_story_id": f"SELECT min(stories.id) {_OWN}",
    "first_seen_at": f"SELECT min(seen_at) {_SEEN}",
    "last_seen_at": f"SELECT max(seen_at) {_SEEN}",
    "stories": f"SELECT count(*) {_OWN}",
    "copies": f"SELECT count(DISTINCT urls.id) {_LINKED}",
    "sites": f"SELECT count(*) FROM (SELECT site {_OWN} UNION SELECT urls.site {_LINKED}) AS carriers",
}


def fold_clusters(connection: Connection, at_least: int) -> int:
    """Writes the digests of changed clusters anew once there are `at_least` marks; returns how many marks went.

    To be called by who holds the lock of the fold. Changes that come meanwhile keep their mark.
    """
    some = select(cluster_changes.c.id).limit(at_least).subquery()
    if connection.execute(select(func.count()).select_from(some)).scalar_one() < at_least:
        return 0
    # First the marks, then the counts: what changes in between is counted twice and never missed.
    marked = list(connection.execute(_TAKE_MARKS).scalars())
    changed = sorted(set(marked))
    for first in range(0, len(changed), _AT_ONCE):
        _write(connection, changed[first : first + _AT_ONCE])
    return len(marked)


_TAKE_MARKS = delete(cluster_changes).returning(cluster_changes.c.cluster_id)


def _write(connection: Connection, cluster_ids: Sequence[int]) -> None:
    written = f"INSERT INTO cluster_digests ({', '.join(COLUMNS)}) {select_carried('stories.cluster_id IN :ids')}"
    for sql in ("DELETE FROM cluster_digests WHERE cluster_id IN :ids", written):
        connection.execute(text(sql).bindparams(bindparam("ids", list(cluster_ids), expanding=True)))


def digest_all_clusters(connection: Connection) -> None:
    """Writes every digest anew; nobody can store meanwhile."""
    for table in (cluster_changes, cluster_digests):
        connection.execute(delete(table))
    written: Any = select_carried("stories.cluster_id IS NOT NULL")
    connection.exec_driver_sql(f"INSERT INTO cluster_digests ({', '.join(COLUMNS)}) {written}")
