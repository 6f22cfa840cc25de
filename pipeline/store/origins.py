# ruff: noqa: S608 - the SQL is made of constants of this package alone
"""Origins in SQL: what each page credits, from where each story has its report, how many origins a cluster has."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, TextClause, TextualSelect, bindparam, delete, select, text, update

from pipeline.identity.credits import METHOD as CREDITS_METHOD
from pipeline.identity.credits import CreditText, cited, read_credits
from pipeline.identity.origins import METHOD, Origin, Telling, decide_origins
from pipeline.outcomes import CreditPlace, Relation, SourceKind
from pipeline.store.many import ForRows
from pipeline.store.schema import (
    clusters,
    dropped_lines,
    stories,
    story_credits,
    story_links,
    story_origins,
)
from pipeline.store.statements import among, insert_rows, listed, slices
from pipeline.values import Attribution, Credit

SURFACE_MAX = 255
NAME_MAX = 64
# What `attributions` keeps of a name and of its sentence.
ATTRIBUTED_MAX = 255
QUOTED_MAX = 500


def keep_credits(connection: Connection, url_id: int, credits: Iterable[Credit]) -> None:
    """Make these the credits of the URL's page."""
    forget_credits(connection, url_id)
    add_credits(connection, url_id, credits)


def forget_credits(connection: Connection, url_id: int) -> None:
    """Take the credits of the URL's page away."""
    connection.execute(_FORGET, {"url": url_id})


def add_credits(connection: Connection, url_id: int, credits: Iterable[Credit]) -> None:
    """Keep the credits of a page that has none."""
    rows = [
        {
            "url_id": url_id,
            "source": credit.key[:NAME_MAX],
            "name": credit.name[:NAME_MAX],
            "is_agency": credit.is_agency,
            "place": credit.place,
            "surface": credit.surface[:SURFACE_MAX],
            "method": CREDITS_METHOD,
        }
        for credit in credits
    ]
    insert_rows(connection, story_credits, rows)


_FORGET = delete(story_credits).where(story_credits.c.url_id == bindparam("url"))


def credit_again(connection: Connection, story_id: int) -> None:
    """Read a stored story's credits anew from what SQL holds of its page."""
    query = select(stories.c.url_id, stories.c.authors, stories.c.agencies, stories.c.dateline, stories.c.text)
    row = connection.execute(query.where(stories.c.id == story_id)).one()
    lines = select(dropped_lines.c.line, dropped_lines.c.rule).where(dropped_lines.c.url_id == row.url_id)
    dropped = tuple((line.line, line.rule) for line in connection.execute(lines.order_by(dropped_lines.c.id)))
    told = CreditText((*row.authors, *row.agencies), row.dateline, row.text, dropped)
    keep_credits(connection, row.url_id, read_credits(told))


def keep_origins(connection: Connection, cluster_id: int, now: datetime) -> bool:
    """Decide the origins of a cluster's stories anew; whether the number of independent ones changed.

    The caller holds the cluster. What other clusters of the same event say is not asked here: the event's look does,
    after the commit (events.py).
    """
    decided = decide_origins(tellings_of(connection, [cluster_id]))
    write_origins(connection, decided.of_story, now)
    return write_counts(connection, decided.of_cluster, now)


def keep_origins_of(connection: Connection, cluster_ids: Sequence[int], now: datetime) -> None:
    """The same of several clusters, each by itself."""
    of_cluster: defaultdict[int, list[Telling]] = defaultdict(list)
    for telling in _tellings(connection, cluster_ids, {}):
        of_cluster[telling.cluster_id].append(telling)
    each = [decide_origins(tellings) for tellings in of_cluster.values()]
    write_origins(connection, {key: origin for one in each for key, origin in one.of_story.items()}, now)
    write_counts(connection, {key: count for one in each for key, count in one.of_cluster.items()}, now)


def keep_first_origin(connection: Connection, founder: Telling, now: datetime) -> None:
    """The same of a cluster whose one story was stored just now: SQL knows no more of it than `founder` says."""
    decided = decide_origins([founder])
    insert_rows(connection, story_origins, _dated(decided.of_story, now))
    if decided.of_cluster != {founder.cluster_id: 1}:
        write_counts(connection, decided.of_cluster, now)


def write_counts(connection: Connection, of_cluster: Mapping[int, int], now: datetime) -> bool:
    """Note each cluster's number of independent origins where it is another than before; whether any was."""
    is_changed = False
    for cluster_id, count in sorted(of_cluster.items()):
        changed = _COUNT.ask(connection, cluster_id, count, now).rowcount
        is_changed = is_changed or bool(changed)
    return is_changed


_COUNT = ForRows(
    update(clusters)
    .where(clusters.c.id == bindparam("cluster"), clusters.c.independent_origins != bindparam("count"))
    .values(independent_origins=bindparam("count"), origins_at=bindparam("now", type_=clusters.c.origins_at.type)),
    ("cluster", "count", "now"),
)


def write_origins(connection: Connection, of_story: Mapping[int, Origin], now: datetime) -> None:
    """Write the origins that differ from what is there."""
    ids = sorted(of_story)
    found: dict[int, tuple[Any, ...]] = {}
    for piece in slices(ids):
        query = select(story_origins).where(story_origins.c.story_id.in_(piece))
        found |= {row.story_id: tuple(row)[:-1] for row in connection.execute(query)}
    changed = [row for row in _dated(of_story, now) if found.get(row["story_id"]) != tuple(row.values())[:-1]]
    for piece in slices([row["story_id"] for row in changed if row["story_id"] in found]):
        connection.execute(delete(story_origins).where(story_origins.c.story_id.in_(piece)))
    insert_rows(connection, story_origins, changed)


def _dated(of_story: Mapping[int, Origin], now: datetime) -> list[dict[str, Any]]:
    return [_row(story_id, origin) | {"decided_at": now} for story_id, origin in sorted(of_story.items())]


def _row(story_id: int, origin: Origin) -> dict[str, Any]:
    return {
        "story_id": story_id,
        "kind": origin.kind,
        "source": None if origin.key is None else origin.key[:NAME_MAX],
        "name": None if origin.name is None else origin.name[:NAME_MAX],
        "origin_story_id": origin.story_id,
        "place": None if origin.credit is None else origin.credit.place,
        "surface": None if origin.credit is None else origin.credit.surface[:SURFACE_MAX],
        "method": METHOD,
    }


# ------------------------------------------------------------------------------------------------------------- reading


def tellings_of(connection: Connection, cluster_ids: Sequence[int]) -> list[Telling]:
    """The stories of the clusters, and the pages that repeat one word for word, with all that decides their origins.

    Several clusters are those of one event: what their stories take from one another counts.
    """
    return _tellings(connection, cluster_ids, _taken_by(connection, cluster_ids) if len(cluster_ids) > 1 else {})


def _tellings(connection: Connection, cluster_ids: Sequence[int], taken: Mapping[int, Sequence[int]]) -> list[Telling]:
    rows = connection.execute(_tellings_query(connection.dialect.name), {"clusters": listed(connection, cluster_ids)})
    found = rows.all()
    if not found:
        return []
    credits = _credits_of(connection, [row.url_id for row in found])
    return [
        Telling(
            story_id=row.story_id,
            cluster_id=row.cluster_id,
            site=row.site,
            told_at=row.published_at or row.seen_at,
            seen_at=row.seen_at,
            credits=tuple(credits.get(row.url_id, ())),
            took_from=tuple(taken.get(row.story_id, ())) if not row.is_twin else (),
            is_twin=bool(row.is_twin),
        )
        for row in found
    ]


@cache
def _tellings_query(dialect: str) -> TextualSelect:
    which = among(dialect, "clusters")
    return text(f"""
SELECT id AS story_id, cluster_id, url_id, site, published_at, stored_at AS seen_at, 0 AS is_twin
FROM stories WHERE cluster_id {which}
UNION ALL
SELECT stories.id, stories.cluster_id, story_links.url_id, urls.site, NULL, story_links.linked_at, 1
FROM stories
JOIN story_links ON story_links.matched_story_id = stories.id AND story_links.story_id IS NULL
    AND story_links.relation = 'copy'
JOIN urls ON urls.id = story_links.url_id
WHERE stories.cluster_id {which}""").columns(
        stories.c.id.label("story_id"),
        stories.c.cluster_id,
        stories.c.url_id,
        stories.c.site,
        stories.c.published_at,
        stories.c.stored_at.label("seen_at"),
    )


_PLACES = {place: number for number, place in enumerate(CreditPlace)}


def _credits_of(connection: Connection, url_ids: Sequence[int]) -> dict[int, list[Credit]]:
    """URL id -> what its page credits, surest place first, then the outlets that its title and lead cite."""
    credited: defaultdict[int, list[Credit]] = defaultdict(list)
    quoted: defaultdict[int, list[tuple[str, str]]] = defaultdict(list)
    given = {"urls": listed(connection, url_ids)}
    for row in connection.execute(_credits_query(connection.dialect.name), given):
        credit = Credit(row.source, row.name, bool(row.is_agency), CreditPlace(row.place), row.surface)
        credited[row.url_id].append(credit)
    for row in connection.execute(_citations_query(connection.dialect.name), given):
        quoted[row.url_id].append((row.name, row.surface))
    return {url_id: _claims(credited[url_id], quoted[url_id]) for url_id in (*credited, *quoted)}


def claims_of(credits: Iterable[Credit], sourcing: Iterable[Attribution]) -> list[Credit]:
    """The same from the reading of a page, as its rows would say it."""
    quoted = [
        (item.name[:ATTRIBUTED_MAX], item.surface[:QUOTED_MAX])
        for item in sourcing
        if item.source is SourceKind.OUTLET and item.name is not None and item.place in ("title", "lead")
    ]
    cut = [
        replace(credit, key=credit.key[:NAME_MAX], name=credit.name[:NAME_MAX], surface=credit.surface[:SURFACE_MAX])
        for credit in credits
    ]
    return _claims(cut, quoted)


def _claims(credits: Iterable[Credit], quoted: Iterable[tuple[str, str]]) -> list[Credit]:
    found: dict[str, Credit] = {}
    for credit in sorted(credits, key=lambda credit: (_PLACES[credit.place], credit.key)):
        found.setdefault(credit.key, credit)
    for name, surface in quoted:
        citation = cited(name, surface)
        if citation is not None:
            found.setdefault(citation.key, citation)
    return list(found.values())


@cache
def _credits_query(dialect: str) -> TextClause:
    return text(f"SELECT * FROM story_credits WHERE url_id {among(dialect, 'urls')}")


@cache
def _citations_query(dialect: str) -> TextClause:
    return text(f"""
SELECT stories.url_id, attributions.name, attributions.surface
FROM stories
JOIN attributions ON attributions.story_id = stories.id
WHERE stories.url_id {among(dialect, "urls")} AND attributions.source = '{SourceKind.OUTLET.value}'
    AND attributions.name IS NOT NULL AND attributions.place IN ('title', 'lead')
ORDER BY attributions.id""")


def _taken_by(connection: Connection, cluster_ids: Sequence[int]) -> dict[int, list[int]]:
    """Story id -> stories of which it repeats words without being a copy."""
    found: defaultdict[int, list[int]] = defaultdict(list)
    for piece in slices(cluster_ids):
        query = (
            select(story_links.c.story_id, story_links.c.matched_story_id)
            .join(stories, stories.c.id == story_links.c.story_id)
            .where(stories.c.cluster_id.in_(piece), story_links.c.relation.in_((Relation.FOLLOW_UP, Relation.SHARES)))
        )
        for row in connection.execute(query):
            found[row.story_id].append(row.matched_story_id)
    return found
