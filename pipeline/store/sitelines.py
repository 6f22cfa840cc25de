# ruff: noqa: S608 - the SQL is made of constants of this package alone
"""Site memory in SQL: lines that stories of a site repeat, the stories that showed it, and what was learned from them.

Bounded: a story puts forward few lines, a line keeps few sightings, a site keeps few lines, and what is not seen for
long is forgotten.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, or_, select, text, update

from pipeline.outcomes import SiteLineState
from pipeline.reading.site_memory import (
    FORGET_LEARNED_AFTER,
    FORGET_SEEN_AFTER,
    MAX_LEARNED_LINES_A_SITE,
    MAX_SEEN_LINES_A_SITE,
    MAX_SIGHTINGS,
    MIN_STORIES,
    RULE,
    MaybeFurniture,
    Recurrence,
    dropped_hashes,
    hash_of,
    is_furniture,
    may_be_furniture,
    signer_of,
)
from pipeline.store.many import ForRows
from pipeline.store.schema import dropped_lines, site_line_stories, site_lines, site_memories
from pipeline.store.statements import among, insert_new, insert_of, insert_rows, listed_texts
from pipeline.values import CleanStory

# How often a site's store is cleared out, in its stories, and how fresh `last_seen_at` of a learned line is kept.
_TIDY_EVERY = 32
_FRESH = timedelta(days=1)


def learned_lines(connection: Connection, site: str) -> frozenset[str]:
    """The hashes of the lines that are furniture of the site."""
    return learned_of(connection, [site])[site]


def learned_of(connection: Connection, sites: Collection[str]) -> dict[str, frozenset[str]]:
    """The same of several sites, asked at once: site -> hashes, none for a site that has taught nothing."""
    found: dict[str, set[str]] = {site: set() for site in sites}
    for site, line_hash in _learned(connection.dialect.name).ask(connection, listed_texts(connection, list(found))):
        found[site].add(line_hash)
    return {site: frozenset(hashes) for site, hashes in found.items()}


@cache
def _learned(dialect: str) -> ForRows:
    query = f"""
SELECT site, line_hash FROM site_lines
WHERE site {among(dialect, "sites", "text")} AND state = '{SiteLineState.LEARNED}'"""
    return ForRows(text(query), ("sites",))


def taken_from(connection: Connection, url_id: int) -> frozenset[str]:
    """The hashes of the learned lines that were taken out when the URL's page was last read."""
    query = select(dropped_lines.c.line).where(dropped_lines.c.url_id == url_id, dropped_lines.c.rule == RULE)
    return frozenset(hash_of(line) for line in connection.execute(query).scalars())


def learn_from(
    connection: Connection,
    site: str,
    story_id: int,
    cluster_id: int,
    story: CleanStory,
    now: datetime,
) -> int:
    """Remember what a new story of the site shows; returns how many lines were learned by it.

    The site's row is held until the commit, so that counts are right. A story of a cluster that has shown a line
    already shows nothing new of it.
    """
    count = _count_story(connection, site)
    _keep_fresh(connection, site, dropped_hashes(story), now)
    put_forward = {line.line_hash: line for line in may_be_furniture(story)}
    if not put_forward:
        return 0
    known = _known(connection, site, list(put_forward))
    fresh = [line for line_hash, line in put_forward.items() if line_hash not in known]
    _add_lines(connection, site, fresh, count, now)
    seen = [put_forward[row.line_hash] for row in known.values() if _is_counted(row)]
    signer = signer_of(story)
    sightings = [
        {
            "site": site,
            "line_hash": line.line_hash,
            "cluster_id": cluster_id,
            "story_id": story_id,
            "signer": signer,
            "seen_at": now,
            "is_cleaned": False,
        }
        for line in (*fresh, *seen)
    ]
    before = _sighted(connection, site, cluster_id, [line.line_hash for line in seen])
    insert_new(connection, site_line_stories, sightings)
    again = [line for line in seen if line.line_hash not in before]
    _count_lines(connection, site, [(known[line.line_hash], line) for line in again], now)
    ripe = [line.line_hash for line in again if known[line.line_hash].story_count + 1 >= MIN_STORIES]
    if count % _TIDY_EVERY == 0:
        _tidy(connection, site, now)
    return _learn(connection, site, ripe, count, now)


def mark_cleaned(connection: Connection, story_id: int, learned: frozenset[str]) -> None:
    """Note that the story was read again with these learned lines, so that it need not be again."""
    if learned:
        connection.execute(
            update(site_line_stories)
            .where(site_line_stories.c.story_id == story_id, site_line_stories.c.line_hash.in_(sorted(learned)))
            .values(is_cleaned=True)
        )


def list_lines(connection: Connection, site: str | None = None, *, learned_only: bool = False) -> list[dict[str, Any]]:
    """The remembered lines of a site or of all, learned ones first, with how many stories showed them."""
    query = select(site_lines, site_memories.c.stories_seen).join(
        site_memories, site_memories.c.site == site_lines.c.site
    )
    if site is not None:
        query = query.where(site_lines.c.site == site)
    if learned_only:
        query = query.where(site_lines.c.state == SiteLineState.LEARNED)
    order = (site_lines.c.learned_at.is_(None), site_lines.c.story_count.desc(), site_lines.c.site, site_lines.c.line)
    return [dict(row._mapping) for row in connection.execute(query.order_by(*order))]


def reset_site(connection: Connection, site: str) -> int:
    """Forget everything about the site; returns how many lines were forgotten."""
    connection.execute(delete(site_line_stories).where(site_line_stories.c.site == site))
    gone = int(connection.execute(delete(site_lines).where(site_lines.c.site == site)).rowcount)
    connection.execute(delete(site_memories).where(site_memories.c.site == site))
    return int(gone)


def keep_line(connection: Connection, site: str, line_hash: str) -> bool:
    """Say for good that the line belongs to the stories: it is never learned again. False when it is not known."""
    changed = connection.execute(
        update(site_lines)
        .where(site_lines.c.site == site, site_lines.c.line_hash == line_hash)
        .values(state=SiteLineState.KEPT, learned_at=None)
    )
    return bool(changed.rowcount == 1)


def _count_story(connection: Connection, site: str) -> int:
    """One more story of the site; returns how many there were."""
    return int(_counting(connection.dialect.name).ask(connection, site).scalar_one())


@cache
def _counting(dialect: str) -> ForRows:
    statement = insert_of(dialect, site_memories).values(site=bindparam("of_site"), stories_seen=1)
    statement = statement.on_conflict_do_update(
        index_elements=[site_memories.c.site], set_={"stories_seen": site_memories.c.stories_seen + 1}
    )
    return ForRows(statement.returning(site_memories.c.stories_seen), ("of_site",))


def _keep_fresh(connection: Connection, site: str, hashes: frozenset[str], now: datetime) -> None:
    if hashes:
        connection.execute(
            update(site_lines)
            .where(site_lines.c.site == site, site_lines.c.line_hash.in_(sorted(hashes)))
            .where(site_lines.c.last_seen_at < now - _FRESH)
            .values(last_seen_at=now)
        )


@dataclass(frozen=True, slots=True)
class _Known:
    """What is remembered of a line, as far as one more story that shows it changes that."""

    line_hash: str
    state: str
    story_count: int
    place: str
    echo: float


def _known(connection: Connection, site: str, hashes: Sequence[str]) -> dict[str, _Known]:
    rows = _knowing(connection.dialect.name).ask(connection, site, listed_texts(connection, hashes))
    return {row[0]: _Known(*row) for row in rows}


@cache
def _knowing(dialect: str) -> ForRows:
    query = f"""
SELECT line_hash, state, story_count, place, echo FROM site_lines
WHERE site = :site AND line_hash {among(dialect, "hashes", "text")}"""
    return ForRows(text(query), ("site", "hashes"))


def _is_counted(known: _Known) -> bool:
    return known.state == SiteLineState.SEEN and known.story_count < MAX_SIGHTINGS


def _add_lines(connection: Connection, site: str, lines: Sequence[MaybeFurniture], count: int, now: datetime) -> None:
    rows = [
        {
            "site": site,
            "line_hash": line.line_hash,
            "line": line.line,
            "place": line.place,
            "state": SiteLineState.SEEN,
            "story_count": 1,
            "since_story": count,
            "echo": line.echo,
            "first_seen_at": now,
            "last_seen_at": now,
        }
        for line in lines
    ]
    insert_rows(connection, site_lines, rows)


def _sighted(connection: Connection, site: str, cluster_id: int, hashes: Sequence[str]) -> set[str]:
    """Those of the lines that a story of the cluster has shown already."""
    if not hashes:
        return set()
    values = {"of_site": site, "cluster": cluster_id, "hashes": list(hashes)}
    return set(connection.execute(_SIGHTED, values).scalars())


_SIGHTED = select(site_line_stories.c.line_hash).where(
    site_line_stories.c.site == bindparam("of_site"),
    site_line_stories.c.cluster_id == bindparam("cluster"),
    site_line_stories.c.line_hash.in_(bindparam("hashes", expanding=True)),
)


def _count_lines(
    connection: Connection, site: str, seen: Sequence[tuple[_Known, MaybeFurniture]], now: datetime
) -> None:
    """Each of the known lines was shown by one more story."""
    values = [
        {
            "of_site": site,
            "of_hash": row.line_hash,
            "story_count": row.story_count + 1,
            # A line that once stood between paragraphs counts as one that does.
            "place": line.place if row.place == line.place else "body",
            "echo": row.echo + (line.echo - row.echo) / (row.story_count + 1),
            "last_seen_at": now,
        }
        for row, line in seen
    ]
    if values:
        connection.execute(_COUNT_LINE, values)


_COUNT_LINE = update(site_lines).where(
    site_lines.c.site == bindparam("of_site"), site_lines.c.line_hash == bindparam("of_hash")
)


def _learn(connection: Connection, site: str, ripe: Sequence[str], count: int, now: datetime) -> int:
    """Learn those of the lines that are furniture by now; returns how many."""
    if not ripe or _count_learned(connection, site) >= MAX_LEARNED_LINES_A_SITE:
        return 0
    signers: dict[str, list[str]] = {}
    query = select(site_line_stories.c.line_hash, site_line_stories.c.signer)
    for row in connection.execute(
        query.where(site_line_stories.c.site == site, site_line_stories.c.line_hash.in_(ripe))
    ):
        signers.setdefault(row.line_hash, []).append(row.signer)
    of_ripe = select(site_lines).where(site_lines.c.site == site, site_lines.c.line_hash.in_(ripe))
    learned = [
        row.line_hash
        for row in connection.execute(of_ripe)
        if is_furniture(
            Recurrence(
                line=row.line,
                place=row.place,
                stories=row.story_count,
                of_stories=count - row.since_story + 1,
                echo=row.echo,
                signers=signers.get(row.line_hash, []),
                first_seen_at=row.first_seen_at,
                last_seen_at=row.last_seen_at,
            )
        )
    ]
    if learned:
        connection.execute(
            update(site_lines)
            .where(site_lines.c.site == site, site_lines.c.line_hash.in_(learned))
            .values(state=SiteLineState.LEARNED, learned_at=now)
        )
    return len(learned)


def _count_learned(connection: Connection, site: str) -> int:
    query = select(func.count()).where(site_lines.c.site == site, site_lines.c.state == SiteLineState.LEARNED)
    return int(connection.execute(query).scalar_one())


def _tidy(connection: Connection, site: str, now: datetime) -> None:
    """Forget what was not seen for long, on every site, and the oldest lines beyond what this site may keep."""
    seen = site_lines.c.state == SiteLineState.SEEN
    learned = site_lines.c.state == SiteLineState.LEARNED
    connection.execute(
        delete(site_lines).where(
            or_(
                seen & (site_lines.c.last_seen_at < now - FORGET_SEEN_AFTER),
                learned & (site_lines.c.last_seen_at < now - FORGET_LEARNED_AFTER),
            )
        )
    )
    newest = (
        select(site_lines.c.line_hash)
        .where(site_lines.c.site == site, seen)
        .order_by(site_lines.c.story_count.desc(), site_lines.c.last_seen_at.desc(), site_lines.c.line_hash)
        .limit(MAX_SEEN_LINES_A_SITE)
    )
    connection.execute(delete(site_lines).where(site_lines.c.site == site, seen, site_lines.c.line_hash.not_in(newest)))
