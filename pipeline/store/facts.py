# ruff: noqa: S608 - the SQL is made of constants of this package alone
"""What dashboards ask of a story, as one narrow row, made of its other rows by one SELECT."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from sqlalchemy import Connection, TextClause, text

from pipeline.store.dialects import day_of, joined, waited_s
from pipeline.store.schema import story_facts
from pipeline.store.statements import among, listed

COLUMNS = tuple(column.name for column in story_facts.columns)


def keep_facts(connection: Connection, story_id: int) -> None:
    """Makes the row of a story anew from what stands there now; its triggers tally what went and what came."""
    _keep(connection, "id", story_id)


def keep_cluster_facts(connection: Connection, cluster_id: int) -> None:
    """The same for every story of a cluster, whose verdict is theirs."""
    _keep(connection, "cluster_id", cluster_id)


def keep_missing_facts(connection: Connection, story_ids: Sequence[int]) -> None:
    """The same for those of the stories that have no row yet, in one statement: a batch's cost half of what each alone
    would."""
    if story_ids:
        connection.execute(_missing(connection.dialect.name), {"keys": listed(connection, story_ids)})


def _keep(connection: Connection, column: str, key: int) -> None:
    for statement in _statements(connection.dialect.name, column):
        connection.execute(statement, {"key": key})


@cache
def _statements(dialect: str, column: str) -> tuple[TextClause, TextClause]:
    """What forgets the rows, and what makes them anew. Reading so long a text for its parameters costs as much CPU as
    running it."""
    where = f"stories.{column} = :key"
    which = f"story_id IN (SELECT stories.id FROM stories WHERE {where})"
    made = f"INSERT INTO story_facts ({', '.join(COLUMNS)}) {select_facts(dialect, where)}"
    return text(f"DELETE FROM story_facts WHERE {which}"), text(made)


@cache
def _missing(dialect: str) -> TextClause:
    where = f"""stories.id {among(dialect, "keys")}
    AND NOT EXISTS (SELECT 1 FROM story_facts WHERE story_facts.story_id = stories.id)"""
    return text(f"INSERT INTO story_facts ({', '.join(COLUMNS)}) {select_facts(dialect, where)}")


def select_facts(dialect: str, where: str = "true") -> str:
    """The SELECT that gives the rows of the stories for which `where` holds, with the columns in COLUMNS' order.

    The verdict is the one that counts, as in the views `story_verdicts` and `story_acts`. Those are not asked here, as
    SQLite would make them for all stories to answer for one.
    """
    acts = """FROM (
        SELECT act, score FROM cluster_acts WHERE cluster_id = cluster_verdicts.cluster_id
        UNION ALL
        SELECT act, score FROM verdict_acts WHERE verdict_id = verdicts.id AND cluster_verdicts.cluster_id IS NULL
    ) AS counting"""
    # An actor is named once, however its mentions are spelt and classed; the most named one comes first.
    actors = "FROM mentions WHERE story_id = stories.id GROUP BY actor"
    named = f"{actors}, kind"
    often = "count(*) DESC, min(id)"
    places = "FROM place_mentions WHERE story_id = stories.id GROUP BY name, country, latitude, longitude"

    def counts(column: str) -> str:
        return f"coalesce(cluster_verdicts.{column}, verdicts.{column}, false)"

    def of_policy(value: str) -> str:
        return f"CASE WHEN {counts('is_conflict_policy')} THEN {value} END"

    return f"""
SELECT
    stories.id,
    verdicts.id,
    stories.cluster_id,
    stories.stored_at,
    {day_of(dialect, "coalesce(stories.published_at, stories.stored_at)")},
    coalesce(feeds.source, stories.site),
    coalesce(stories.language, 'und'),
    {counts("is_conflict")},
    {counts("is_conflict_policy")},
    {waited_s(dialect, "stories.announced_at", "stories.stored_at")},
    {waited_s(dialect, "stories.published_at", "stories.stored_at")},
    {of_policy(joined(dialect, "act", acts, "score DESC, act"))},
    {of_policy(joined(dialect, "actor", actors, often))},
    {of_policy(_listed(dialect, ("act", "score"), acts, "score DESC, act"))},
    {of_policy(_listed(dialect, ("actor", "kind"), named, often))},
    {of_policy(_listed(dialect, ("name", "country", "latitude", "longitude"), places, "min(id)"))}
FROM stories
LEFT JOIN verdicts ON verdicts.story_id = stories.id AND verdicts.is_current
LEFT JOIN cluster_verdicts ON cluster_verdicts.cluster_id = stories.cluster_id AND verdicts.id IS NOT NULL
LEFT JOIN feeds ON feeds.id = stories.feed_id
WHERE {where}"""


def _listed(dialect: str, columns: tuple[str, ...], rows: str, order: str) -> str:
    """`[[first, second, …], …]` as JSON over `rows` in `order`; an empty list when there are none."""
    names = ", ".join(columns)
    ordered = f"(SELECT {names} {rows} ORDER BY {order}) AS listed"
    if dialect == "postgresql":
        return f"(SELECT coalesce(jsonb_agg(jsonb_build_array({names})), '[]') FROM {ordered})"
    return f"(SELECT json_group_array(json_array({names})) FROM {ordered})"
