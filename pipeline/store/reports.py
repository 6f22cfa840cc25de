"""What people ask the store from the command line: lists, one story whole, why a URL ended so, what is left to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    Connection,
    Float,
    FromClause,
    Integer,
    Row,
    Select,
    String,
    and_,
    column,
    exists,
    func,
    or_,
    select,
    table,
)

from pipeline.outcomes import REASONS, FeedStatus, Reason, SiteLineState, Unjudged, UrlState
from pipeline.store.conditions import Candidate, matching
from pipeline.store.ledger import count_open
from pipeline.store.schema import (
    Id,
    attributions,
    clusters,
    dropped_lines,
    feeds,
    hosts,
    mentions,
    pages,
    place_mentions,
    revisions,
    site_line_stories,
    site_lines,
    stories,
    story_codes,
    story_credits,
    story_facts,
    story_links,
    story_origins,
    urls,
    verdict_acts,
    verdicts,
)
from pipeline.store.statements import slices
from pipeline.store.types import UtcDateTime
from pipeline.watching.conditions import Condition

Facts = dict[str, Any]

# Views: the verdict that counts for a story is its report's (pipeline/store/views/judging.py).
story_verdicts = table(
    "story_verdicts",
    column("story_id", Id),
    column("pooled_stories", Integer),
    column("conflict", Float),
    column("conflict_policy", Float),
    column("threshold", Float),
    column("is_conflict", Boolean),
    column("is_conflict_policy", Boolean),
)
story_acts = table("story_acts", column("story_id", Id), column("act", String), column("score", Float))
story_events = table(
    "story_events",
    column("event_id", Id),
    column("event_origins", Integer),
    column("cluster_id", Id),
    column("first_story_id", Id),
    column("title", String),
    column("url", String),
    column("site", String),
    column("first_seen_at", UtcDateTime),
    column("score", Float),
    column("method", String),
)

_LISTED = (
    stories.c.id,
    stories.c.title,
    stories.c.url,
    stories.c.site,
    stories.c.language,
    stories.c.published_at,
    stories.c.stored_at,
    stories.c.revision,
    stories.c.cluster_id,
    stories.c.word_count,
    story_verdicts.c.conflict_policy,
    story_verdicts.c.is_conflict_policy,
    story_verdicts.c.is_conflict,
)


@dataclass(frozen=True, slots=True)
class StoryFilter:
    """Which stories to list; every condition that is set must hold."""

    policy_only: bool = False
    site: str | None = None
    language: str | None = None
    since: datetime | None = None
    until: datetime | None = None


def list_stories(connection: Connection, wanted: StoryFilter, limit: int) -> list[Facts]:
    """Stories with their current verdict and acts, newest first."""
    query = _chosen(select(stories.c.id), wanted)
    if wanted.policy_only:
        # The view of verdicts would be made whole to choose from; the facts kept beside each story have an index.
        query = query.join(story_facts, story_facts.c.story_id == stories.c.id).where(story_facts.c.is_conflict_policy)
    newest_first = query.order_by(stories.c.stored_at.desc(), stories.c.id.desc()).limit(limit)
    ids = connection.execute(newest_first).scalars().all()
    listed = {row["id"]: row for row in stories_by_id(connection, ids)}
    return [listed[story_id] for story_id in ids if story_id in listed]


def stories_by_id(connection: Connection, story_ids: Sequence[int]) -> list[Facts]:
    """These stories with their current verdict and acts, by ascending id; ids of no story are left out."""
    found: list[Facts] = []
    for piece in slices(sorted(story_ids)):
        query = select(*_LISTED).select_from(_with_verdicts(piece)).where(stories.c.id.in_(piece))
        rows = connection.execute(query.order_by(stories.c.id)).all()
        acts = _acts_of(connection, [row.id for row in rows])
        found += [dict(row._mapping) | {"acts": acts.get(row.id, [])} for row in rows]
    return found


def _with_verdicts(story_ids: Sequence[int]) -> FromClause:
    """Stories beside the verdict that counts for them.

    The ids are named for the view too: SQLite would make all of its rows otherwise.
    """
    verdict = and_(story_verdicts.c.story_id == stories.c.id, story_verdicts.c.story_id.in_(story_ids))
    return stories.outerjoin(story_verdicts, verdict)


@dataclass(frozen=True, slots=True)
class StoryPage:
    """Some whole stories by ascending id; every story up to `last_id` was looked at."""

    rows: tuple[Facts, ...]
    last_id: int


def story_page(
    connection: Connection, wanted: StoryFilter, condition: Condition | None, after_id: int, size: int
) -> StoryPage | None:
    """The matching ones among the next `size` stories after `after_id`, whole; None when there are no more.

    A page with few rows, or none, says nothing about the next: `condition` is asked of the `size` stories alone.
    """
    ids = _chosen(select(stories.c.id, stories.c.cluster_id), wanted).where(stories.c.id > after_id)
    found = [Candidate(*row) for row in connection.execute(ids.order_by(stories.c.id).limit(size))]
    if not found:
        return None
    chosen = {one.story_id for one in found}
    if condition is not None:
        chosen = matching(connection, condition, found, policy_only=wanted.policy_only)
    query = select(stories, story_verdicts.c.conflict, *_LISTED[-3:]).select_from(_with_verdicts(sorted(chosen)))
    if wanted.policy_only:
        query = query.where(story_verdicts.c.is_conflict_policy)
    rows = connection.execute(query.where(stories.c.id.in_(sorted(chosen))).order_by(stories.c.id)).all()
    acts = _acts_of(connection, [row.id for row in rows])
    actors = _actors_of(connection, [row.id for row in rows])
    whole = [dict(row._mapping) | {"acts": acts.get(row.id, []), "actors": actors.get(row.id, [])} for row in rows]
    return StoryPage(tuple(whole), found[-1].story_id)


def highest_story_id(connection: Connection) -> int:
    """The id of the newest story, 0 when there is none."""
    return int(connection.execute(select(func.coalesce(func.max(stories.c.id), 0))).scalar_one())


def _chosen(query: Select[Any], wanted: StoryFilter) -> Select[Any]:
    """The conditions that a story alone fulfils, without its verdict."""
    if wanted.site:
        query = query.where(stories.c.site == wanted.site)
    if wanted.language:
        query = query.where(stories.c.language == wanted.language)
    if wanted.since:
        query = query.where(stories.c.stored_at >= wanted.since)
    if wanted.until:
        query = query.where(stories.c.stored_at < wanted.until)
    return query


def _acts_of(connection: Connection, story_ids: list[int]) -> dict[int, list[str]]:
    """The acts of each story's current verdict, best first; stories without any are left out."""
    if not story_ids:
        return {}
    query = (
        select(story_acts.c.story_id, story_acts.c.act)
        .where(story_acts.c.story_id.in_(story_ids))
        .order_by(story_acts.c.score.desc(), story_acts.c.act)
    )
    found: dict[int, list[str]] = {}
    for row in connection.execute(query):
        found.setdefault(row.story_id, []).append(str(row.act))
    return found


def _actors_of(connection: Connection, story_ids: list[int]) -> dict[int, list[str]]:
    if not story_ids:
        return {}
    query = (
        select(mentions.c.story_id, mentions.c.actor, func.min(mentions.c.id).label("first"))
        .where(mentions.c.story_id.in_(story_ids))
        .group_by(mentions.c.story_id, mentions.c.actor)
        .order_by("first")
    )
    found: dict[int, list[str]] = {}
    for row in connection.execute(query):
        found.setdefault(row.story_id, []).append(row.actor)
    return found


def show_story(connection: Connection, story_id: int) -> Facts | None:
    """One story whole; None when there is none.

    Its fields, its own current verdict with evidence and its report's, actors, sourcing, places, the subjects that the
    wire gave it, revisions and copies.
    """
    row = connection.execute(select(stories).where(stories.c.id == story_id)).first()
    if row is None:
        return None
    verdict = connection.execute(select(verdicts).where(verdicts.c.story_id == story_id, verdicts.c.is_current)).first()
    acts = []
    if verdict is not None:
        query = select(verdict_acts.c.act, verdict_acts.c.score).where(verdict_acts.c.verdict_id == verdict.id)
        acts = [dict(r._mapping) for r in connection.execute(query.order_by(verdict_acts.c.score.desc()))]
    report = connection.execute(select(story_verdicts).where(story_verdicts.c.story_id == story_id)).first()
    return {
        "story": dict(row._mapping),
        "verdict": None if verdict is None else dict(verdict._mapping) | {"acts": acts, "unjudged": _unjudged(verdict)},
        "report": None
        if report is None
        else dict(report._mapping) | {"acts": _acts_of(connection, [story_id]).get(story_id, [])},
        "actors": _actors_of(connection, [story_id]).get(story_id, []),
        "sourcing": _rows_of(
            connection, select(attributions).where(attributions.c.story_id == story_id).order_by(attributions.c.id)
        ),
        "places": _rows_of(
            connection,
            select(place_mentions).where(place_mentions.c.story_id == story_id).order_by(place_mentions.c.id),
        ),
        "codes": _rows_of(
            connection,
            select(story_codes)
            .where(story_codes.c.story_id == story_id)
            .order_by(story_codes.c.scheme, story_codes.c.code),
        ),
        "revisions": list_revisions(connection, story_id),
        "copies": list_copies(connection, story_id),
        "origin": _first_of(connection, select(story_origins).where(story_origins.c.story_id == story_id)),
        "credits": _rows_of(connection, select(story_credits).where(story_credits.c.url_id == row.url_id)),
        "event": _first_of(connection, select(story_events).where(story_events.c.cluster_id == row.cluster_id)),
        "other_tellings": list_tellings(connection, row.cluster_id),
    }


def _first_of(connection: Connection, query: Select[Any]) -> Facts | None:
    return next(iter(_rows_of(connection, query)), None)


def list_tellings(connection: Connection, cluster_id: int | None) -> list[Facts]:
    """Reports of other clusters that tell of the same event in their own words, in the order in which they came."""
    event_id = select(story_events.c.event_id).where(story_events.c.cluster_id == cluster_id).scalar_subquery()
    query = select(story_events).where(story_events.c.event_id == event_id, story_events.c.cluster_id != cluster_id)
    return _rows_of(connection, query.order_by(story_events.c.first_seen_at, story_events.c.cluster_id))


def _rows_of(connection: Connection, query: Select[Any]) -> list[Facts]:
    return [dict(row._mapping) for row in connection.execute(query)]


def titles_of(connection: Connection, story_ids: list[int]) -> dict[int, str]:
    """Story id -> headline."""
    found: dict[int, str] = {}
    for piece in slices(story_ids):
        for row in connection.execute(select(stories.c.id, stories.c.title).where(stories.c.id.in_(piece))):
            found[row.id] = row.title
    return found


def _unjudged(verdict: Row[Any]) -> Unjudged | None:
    return None if verdict.language_supported else Unjudged.LANG_UNSUPPORTED


def list_revisions(connection: Connection, story_id: int) -> list[Facts]:
    """Every text the story has had, oldest first."""
    query = select(revisions).where(revisions.c.story_id == story_id).order_by(revisions.c.number)
    return [dict(row._mapping) for row in connection.execute(query)]


def list_copies(connection: Connection, story_id: int) -> list[Facts]:
    """Pages elsewhere that repeat the story or share words with it, and those it repeats."""
    query = (
        select(
            story_links.c.relation,
            story_links.c.score,
            story_links.c.method,
            story_links.c.title,
            story_links.c.linked_at,
            story_links.c.story_id,
            story_links.c.matched_story_id,
            urls.c.url,
            urls.c.site,
        )
        .join(urls, urls.c.id == story_links.c.url_id)
        .where(or_(story_links.c.matched_story_id == story_id, story_links.c.story_id == story_id))
        .order_by(story_links.c.id)
    )
    return [dict(row._mapping) for row in connection.execute(query)]


def find_url(connection: Connection, wanted: str) -> Row[Any] | None:
    """The ledger's row by URL, by row id (`u12` or `12`), or by story id (`s12`); None when there is none."""
    query = select(urls)
    if wanted[:1] == "s" and wanted[1:].isdigit():
        query = query.join(stories, stories.c.url_id == urls.c.id).where(stories.c.id == int(wanted[1:]))
    elif wanted.removeprefix("u").isdigit():
        query = query.where(urls.c.id == int(wanted.removeprefix("u")))
    else:
        query = query.where(urls.c.url == wanted)
    return connection.execute(query).first()


def explain_url(connection: Connection, url_id: int) -> Facts:
    """Every step of a URL: its feed, what was fetched, what was dropped by which rule, and the story if any."""
    row = connection.execute(select(urls).where(urls.c.id == url_id)).one()
    feed = connection.execute(select(feeds.c.url).where(feeds.c.id == row.feed_id)).scalar()
    fetched = connection.execute(select(pages).where(pages.c.url_id == url_id).order_by(pages.c.id)).all()
    dropped = connection.execute(
        select(dropped_lines.c.position, dropped_lines.c.line, dropped_lines.c.rule)
        .where(dropped_lines.c.url_id == url_id)
        .order_by(dropped_lines.c.position, dropped_lines.c.id)
    ).all()
    own = connection.execute(select(stories.c.id, stories.c.text).where(stories.c.url_id == url_id)).first()
    reason = None if row.reason is None else Reason(row.reason)
    return {
        "url": dict(row._mapping),
        "feed": feed,
        "meaning": None if reason is None else REASONS[reason].advice,
        "pages": [dict(page._mapping) for page in fetched],
        "dropped": [dict(line._mapping) for line in dropped],
        "lines": _side_by_side([] if own is None else own.text.split("\n\n"), dropped),
        "story": None if own is None else show_story(connection, own.id),
        "repeats_story_id": row.story_id if row.state == UrlState.DUPLICATE else None,
    }


def _side_by_side(kept: list[str], dropped: Sequence[Any]) -> list[Facts]:
    """Every line of the page in its order: kept, or dropped with its rule. Those taken out before come last.

    A dropped line's position is its place among all lines; the kept ones have the places that are left.
    """
    taken: dict[int, list[Any]] = {}
    for line in dropped:
        taken.setdefault(line.position, []).append(line)
    before = taken.pop(-1, [])
    rows: list[Facts] = []
    left = iter(kept)
    text = next(left, None)
    position = 0
    while text is not None or taken:
        if position in taken:
            rows += [_line_row(position, None, line) for line in taken.pop(position)]
        elif text is not None:
            rows.append(_line_row(position, text, None))
            text = next(left, None)
        else:
            position = min(taken) - 1
        position += 1
    return rows + [_line_row(-1, None, line) for line in before]


def _line_row(position: int, kept: str | None, dropped: Any) -> Facts:
    return {
        "position": position,
        "kept": kept,
        "dropped": None if dropped is None else dropped.line,
        "rule": None if dropped is None else dropped.rule,
    }


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the work is: feeds polled since an instant, URLs open and in all."""

    feeds_due: int
    feeds: int
    urls_open: int
    urls: int

    @property
    def is_idle(self) -> bool:
        """Whether every feed was polled and every URL has ended."""
        return self.feeds_due == 0 and self.urls_open == 0


def progress_since(connection: Connection, since: datetime, now: datetime) -> Progress:
    """What is left until every feed is polled since `since`; hosts that asked to be left alone don't count."""
    held = exists().where(hosts.c.host == feeds.c.host, hosts.c.down_until > now)
    active = feeds.c.status != FeedStatus.DISABLED
    unpolled = or_(feeds.c.last_polled_at.is_(None), feeds.c.last_polled_at < since)
    due = connection.execute(select(func.count()).select_from(feeds).where(active, unpolled, ~held)).scalar_one()
    total = connection.execute(select(func.count()).select_from(feeds).where(active)).scalar_one()
    known = connection.execute(select(func.count()).select_from(urls)).scalar_one()
    return Progress(int(due), int(total), count_open(connection), int(known))


def count_rows(connection: Connection) -> Facts:
    """Totals for a summary: feeds, URLs, stories, conflict-policy stories, revisions, clusters, duplicates.

    Revisions that are boring don't count.
    """

    def count(query: Select[Any]) -> int:
        return int(connection.execute(query).scalar_one())

    policy = select(func.count()).select_from(story_verdicts).where(story_verdicts.c.is_conflict_policy)
    duplicates = select(func.count()).select_from(urls).where(urls.c.state == UrlState.DUPLICATE)
    edits = select(func.count()).select_from(revisions).where(revisions.c.number > 1, ~revisions.c.is_boring)
    return {
        "feeds": count(select(func.count()).select_from(feeds)),
        "urls": count(select(func.count()).select_from(urls)),
        "stories": count(select(func.count()).select_from(stories)),
        "conflict_policy": count(policy),
        "revisions": count(edits),
        "clusters": count(select(func.count()).select_from(clusters).where(clusters.c.merged_into.is_(None))),
        "duplicates": count(duplicates),
    }


def stale_story_urls(
    connection: Connection, reader: str, everything: bool, after_id: int, limit: int, site: str | None = None
) -> list[int]:
    """Ids of URLs whose archived page older rules have read (or all), by ascending id after `after_id`.

    Stories that still have a line that their site has since been seen to repeat are among them, and so are pages that
    were archived but gave no story. With `site`, stories of that site only.
    """
    has_page = exists().where(pages.c.url_id == urls.c.id, pages.c.warc_length > 0)
    query = select(urls.c.id).outerjoin(stories, stories.c.url_id == urls.c.id).where(urls.c.id > after_id, has_page)
    query = query.where(
        or_(stories.c.id.is_not(None), urls.c.state == UrlState.REJECTED), stories.c.pruned_at.is_(None)
    )
    if not everything:
        has_furniture = exists().where(
            site_line_stories.c.story_id == stories.c.id,
            ~site_line_stories.c.is_cleaned,
            site_lines.c.site == site_line_stories.c.site,
            site_lines.c.line_hash == site_line_stories.c.line_hash,
            site_lines.c.state == SiteLineState.LEARNED,
        )
        query = query.where(or_(stories.c.id.is_(None), stories.c.reader != reader, has_furniture))
    if site is not None:
        query = query.where(stories.c.site == site)
    return list(connection.execute(query.order_by(urls.c.id).limit(limit)).scalars())
