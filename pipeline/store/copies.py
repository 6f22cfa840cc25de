# ruff: noqa: S608 - the SQL is made of constants of this package alone
"""Near-copies in SQL: the clusters and links of stories, second looks, and stories that move.

Any number of transactions may store at once. Two copies that are stored at the same moment don't see each other, and
each founds a cluster; so every founder is looked up once more after its commit (`look_again`), when all that was
stored beside it is visible. So is a story that belongs to two clusters: they may be one report of which no two stories
had met. A story that is not looked up again, because its process died, stays in `second_looks` for the sweeper.
docs/decisions/0013 has the reasons.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Any

from sqlalchemy import Connection, Row, TextClause, bindparam, delete, func, insert, select, text, update

from pipeline.identity.fingerprints import anchors as anchors_of
from pipeline.identity.near_copies import METHOD, STOP_ANCHOR_AT, Candidate, Match, are_one
from pipeline.outcomes import MoveCause
from pipeline.store.events_told import ask_event_looks
from pipeline.store.lookups import Wanted, candidates_of, find_copies
from pipeline.store.many import ForRows
from pipeline.store.origins import keep_origins
from pipeline.store.schema import cluster_moves, clusters, revisions, second_looks, stories, story_bands, story_links
from pipeline.store.statements import among, delete_of, insert_id, insert_new, listed, slices, values_of
from pipeline.store.statuses import inherit_status
from pipeline.store.verdicts import pool_cluster


class Looked(StrEnum):
    """What a second look came to."""

    ALONE = "alone"  # no other cluster has this report
    JOINED = "joined"  # the younger of two clusters was merged into the older
    BUSY = "busy"  # somebody holds one of the clusters: look again later


# ---------------------------------------------------------------------------------------------------- storing a story


def found_cluster(connection: Connection, now: datetime) -> int:
    """A new cluster, still without a story."""
    return insert_id(connection, clusters, {"founded_at": now, "method": METHOD})


def hold_cluster(connection: Connection, cluster_id: int) -> int:
    """The cluster to join: `cluster_id`, or what it was merged into meanwhile. It is not merged before the commit.

    Others who join the same cluster wait: each changes the verdict that its stories share.
    """
    while True:
        merged_into = _HOLD.ask(connection, cluster_id).scalar_one()
        if merged_into is None:
            return cluster_id
        cluster_id = merged_into


_HOLD = ForRows(
    select(clusters.c.merged_into).where(clusters.c.id == bindparam("cluster")).with_for_update(key_share=True),
    ("cluster",),
)


def index_story(connection: Connection, cluster_id: int, anchors: Sequence[int]) -> None:
    """Let later texts find this cluster by these anchors. An anchor that everybody has takes no more clusters."""
    if anchors:
        values = {"anchors": listed(connection, anchors), "cluster": cluster_id, "stop": STOP_ANCHOR_AT}
        connection.execute(_index_statement(connection.dialect.name), values)


def index_new(connection: Connection, cluster_id: int, anchors: Sequence[int]) -> None:
    """The same for anchors of which is known that they take more clusters (`BatchLook.open_anchors`)."""
    if anchors:
        _indexing_new(connection.dialect.name).ask(connection, listed(connection, anchors), cluster_id)


@cache
def _indexing_new(dialect: str) -> ForRows:
    statement = f"""
INSERT INTO story_bands (anchor, cluster_id)
SELECT given.value, :cluster FROM {values_of(dialect, "anchors")} AS given WHERE true
ON CONFLICT DO NOTHING"""
    return ForRows(text(statement), ("anchors", "cluster"))


@cache
def _index_statement(dialect: str) -> TextClause:
    return text(f"""
INSERT INTO story_bands (anchor, cluster_id)
SELECT given.value, :cluster FROM {values_of(dialect, "anchors")} AS given
WHERE (SELECT count(*) FROM story_bands AS held WHERE held.anchor = given.value) < :stop
ON CONFLICT DO NOTHING""")


def link_stories(
    connection: Connection,
    url_id: int,
    story_id: int | None,
    title: str | None,
    matches: Sequence[Match],
    now: datetime,
) -> None:
    """Keep how the URL's text relates to stories: score, matched story and method stay on every link."""
    insert_new(
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


# ------------------------------------------------------------------------------------------------------- second looks


def ask_second_look(connection: Connection, story_id: int, now: datetime) -> None:
    """Note that the story founded a cluster without seeing what others were storing at the same moment.

    On SQLite one transaction writes at a time, so there was nobody else and nothing is noted. A story that belongs to
    two clusters is noted on any database (`note_second_look`).
    """
    if connection.dialect.name != "sqlite":
        note_second_look(connection, story_id, now)


def note_second_look(connection: Connection, story_id: int, now: datetime) -> None:
    """Note it on any database."""
    insert_new(connection, second_looks, [{"story_id": story_id, "asked_at": now}])


def waiting_looks(connection: Connection, asked_until: datetime, limit: int) -> list[int]:
    """The ids of stories to look up again that were noted until then, oldest first."""
    query = select(second_looks.c.story_id).where(second_looks.c.asked_at <= asked_until)
    return list(
        connection.execute(query.order_by(second_looks.c.asked_at, second_looks.c.story_id).limit(limit)).scalars()
    )


def looks_of(connection: Connection, story_ids: Sequence[int]) -> list[int]:
    """Those of the stories that are to be looked up again, in their order."""
    query = _looks_query(connection.dialect.name)
    return list(connection.execute(query, {"stories": listed(connection, story_ids)}).scalars())


@cache
def _looks_query(dialect: str) -> TextClause:
    return text(f"SELECT story_id FROM second_looks WHERE story_id {among(dialect, 'stories')} ORDER BY story_id")


def look_again(connection: Connection, story_id: int, now: datetime) -> Looked:
    """Look a stored story up once more among all other clusters; a copy found merges the younger cluster.

    Safe to run twice and by several at once. BUSY changes nothing and leaves the story in `second_looks`.
    """
    story = connection.execute(_LOOKED_UP, {"story": story_id}).first()
    looked = Looked.ALONE if story is None else _look_up_again(connection, story, now)
    if looked is not Looked.BUSY:
        delete_of(connection, second_looks.c.story_id, story_id)
    return looked


_LOOKED_UP = select(
    stories.c.id, stories.c.url_id, stories.c.cluster_id, stories.c.site, stories.c.title, stories.c.text
).where(stories.c.id == bindparam("story"))


def _look_up_again(connection: Connection, story: Row[*tuple[Any, ...]], now: datetime) -> Looked:
    wanted = Wanted(anchors_of(story.text), story.text, story.site, story.title)
    copy, _ = find_copies(connection, wanted, but_not_cluster=story.cluster_id)
    if copy is None or not _are_one(connection, story, copy.cluster_id):
        return Looked.ALONE
    older, younger = sorted((copy.cluster_id, story.cluster_id))
    if not are_held(connection, {older: None, younger: None} | {copy.cluster_id: copy.story_id}, story):
        return Looked.BUSY
    link_stories(connection, story.url_id, story.id, story.title, [copy], now)
    members = list(connection.execute(select(stories.c.id).where(stories.c.cluster_id == younger)).scalars())
    move_stories(connection, members, younger, older, MoveCause.SECOND_LOOK, (story.id, copy), now)
    return Looked.JOINED


def _are_one(connection: Connection, story: Row[*tuple[Any, ...]], cluster_id: int) -> bool:
    """Whether the story's cluster is of one report with another in which it has a copy.

    That one story resembles both is not enough where its own has other stories: a page can be glued together.
    """
    found = candidates_of(connection, [story.cluster_id, cluster_id])
    mine = [one for one in found if one.cluster_id == story.cluster_id and one.story_id != story.id]
    page = Candidate(story.cluster_id, story.id, story.text, story.site, story.title)
    return not mine or are_one(page, mine, [one for one in found if one.cluster_id == cluster_id])


def are_held(connection: Connection, cluster_ids: Mapping[int, int | None], story: Row[*tuple[Any, ...]]) -> bool:
    """Whether the clusters could be locked until the commit, none of them merged meanwhile, the story where it was."""
    wanted = sorted(cluster_ids)
    query = select(clusters.c.id).where(clusters.c.id.in_(wanted), clusters.c.merged_into.is_(None))
    locked = connection.execute(query.order_by(clusters.c.id).with_for_update(skip_locked=True)).all()
    if len(locked) < len(wanted):
        return False
    standing = {story.id: story.cluster_id} | {
        member: cluster_id for cluster_id, member in cluster_ids.items() if member is not None
    }
    rows = connection.execute(select(stories.c.id, stories.c.cluster_id).where(stories.c.id.in_(standing)))
    return {row.id: row.cluster_id for row in rows} == standing


# ------------------------------------------------------------------------------------------------------ moving stories


def move_stories(
    connection: Connection,
    story_ids: Sequence[int],
    old_cluster: int,
    new_cluster: int,
    cause: MoveCause,
    link: tuple[int, Match | None],
    now: datetime,
) -> None:
    """Move stories to another cluster, their anchors with them, and keep which link moved each.

    `link` is the story that was looked up and what it matched. A cluster left empty is `merged_into` the new one. The
    caller holds both clusters.
    """
    linked_story, match = link
    connection.execute(
        insert(cluster_moves),
        [
            {
                "story_id": story_id,
                "old_cluster_id": old_cluster,
                "new_cluster_id": new_cluster,
                "cause": cause,
                "linked_story_id": linked_story,
                "matched_story_id": None if match is None else match.story_id,
                "score": None if match is None else match.score,
                "method": METHOD,
                "moved_at": now,
            }
            for story_id in story_ids
        ],
    )
    moved = anchors_ever(connection, story_ids)
    for piece in slices(story_ids):
        connection.execute(update(stories).where(stories.c.id.in_(piece)).values(cluster_id=new_cluster))
    left = list(connection.execute(select(stories.c.id).where(stories.c.cluster_id == old_cluster)).scalars())
    index_story(connection, new_cluster, sorted(moved))
    unindex(connection, old_cluster, sorted(moved - anchors_ever(connection, left)))
    if not left:
        connection.execute(update(clusters).where(clusters.c.id == old_cluster).values(merged_into=new_cluster))
    for cluster_id in sorted((old_cluster, new_cluster)):
        pool_cluster(connection, cluster_id)
        keep_origins(connection, cluster_id, now)
        ask_event_looks(connection, [cluster_id], now)
    for story_id in story_ids:
        inherit_status(connection, story_id, now)


def anchors_ever(
    connection: Connection, story_ids: Sequence[int], anchors: Callable[[str], Sequence[int]] = anchors_of
) -> set[int]:
    """The anchors of all texts that the stories have had."""
    found: set[int] = set()
    for piece in slices(story_ids):
        query = select(revisions.c.text).where(revisions.c.story_id.in_(piece))
        for story_text in connection.execute(query).scalars():
            found.update(anchors(story_text))
    return found


def unindex(connection: Connection, cluster_id: int, anchors: Sequence[int]) -> None:
    """Let no later text find this cluster by these anchors."""
    for piece in slices(anchors):
        connection.execute(
            delete(story_bands).where(story_bands.c.cluster_id == cluster_id, story_bands.c.anchor.in_(piece))
        )


def count_waiting_looks(connection: Connection) -> int:
    """How many stories are still to be looked up again."""
    return connection.execute(select(func.count()).select_from(second_looks)).scalar_one()
