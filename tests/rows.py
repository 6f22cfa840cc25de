"""Rows for the tests of views and dashboards: plain INSERTs with defaults, so that a test shows what matters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, insert, select, update

from pipeline.outcomes import Reason, Relation, UrlState
from pipeline.store.facts import keep_facts
from pipeline.store.schema import (
    attributions,
    clusters,
    event_clusters,
    feed_polls,
    feeds,
    mentions,
    pages,
    place_mentions,
    revisions,
    stories,
    story_facts,
    story_links,
    story_origins,
    told_events,
    urls,
    verdict_acts,
    verdicts,
)

NOW = datetime(2024, 5, 31, 4, 0, tzinfo=UTC)


def add_feed(connection: Connection, feed_id: int, **values: Any) -> None:
    defaults = {
        "url": f"https://wire{feed_id}.example/rss",
        "host": f"wire{feed_id}.example",
        "source": f"wire{feed_id}.example",
        "added_at": NOW,
        "interval_s": 900.0,
        "next_poll_at": NOW,
    }
    connection.execute(insert(feeds).values(id=feed_id, **(defaults | values)))


def add_poll(connection: Connection, feed_id: int, polled_at: datetime, **values: Any) -> None:
    defaults: dict[str, Any] = {"outcome": "new_entries" if values.get("new_urls") else "nothing_new"}
    connection.execute(insert(feed_polls).values(feed_id=feed_id, polled_at=polled_at, **(defaults | values)))


def add_url(connection: Connection, url_id: int, **values: Any) -> None:
    site = values.get("site", "wire1.example")
    defaults = {"url": f"https://{site}/{url_id}", "host": site, "site": site, "announced_at": NOW, "due_at": NOW}
    connection.execute(insert(urls).values(id=url_id, **(defaults | values)))


def add_story(
    connection: Connection,
    story_id: int,
    title: str = "Ministers agree a ceasefire",
    *,
    acts: Mapping[str, float] = {},
    actors: Sequence[str] = (),
    is_conflict_policy: bool = True,
    cluster_id: int | None = None,
    feed_id: int | None = None,
    is_counted: bool = True,
    **values: Any,
) -> None:
    """A story with its URL (same id), page, first revision, verdict, cluster (its own unless one is named) and facts.

    `is_counted` is false for a schema from before facts were kept.
    """
    site = values.setdefault("site", "wire1.example")
    url = values.setdefault("url", f"https://{site}/{story_id}")
    stored_at = values.setdefault("stored_at", NOW)
    announced_at = values.setdefault("announced_at", NOW)
    text = values.setdefault("text", f"Text of story {story_id}.")
    add_url(connection, story_id, url=url, site=site, feed_id=feed_id, announced_at=announced_at, state=UrlState.STORED)
    page = {"final_url": url, "status": 200, "fetched_at": stored_at, "body_bytes": 1, "body_sha256": "0" * 64}
    page |= {"warc_file": "a.warc.gz", "warc_offset": 0, "warc_length": 1}
    connection.execute(insert(pages).values(id=story_id, url_id=story_id, **page))
    if cluster_id is None:
        cluster_id = story_id
        connection.execute(insert(clusters).values(id=cluster_id, founded_at=stored_at, method="m1"))
    defaults: dict[str, Any] = {
        "url_id": story_id,
        "page_id": story_id,
        "feed_id": feed_id,
        "cluster_id": cluster_id,
        "title": title,
    }
    defaults |= {"subheads": [], "authors": [], "captions": [], "credits": [], "access": "free", "revision": 1}
    defaults |= {"content_hash": f"{story_id:064x}", "word_count": 4, "reader": "r1", "candidate": "c1"}
    connection.execute(insert(stories).values(id=story_id, **(defaults | values)))
    connection.execute(update(urls).where(urls.c.id == story_id).values(story_id=story_id, reason=Reason.NEW))
    add_revision(connection, story_id, 1, title=title, text=text, stored_at=stored_at)
    score = 0.9 if is_conflict_policy else 0.1
    verdict = {"conflict": score, "conflict_policy": score, "threshold": 0.5, "evidence": [], "model": "model-1"}
    verdict |= {"is_conflict": is_conflict_policy, "is_conflict_policy": is_conflict_policy, "judged_at": stored_at}
    verdict |= {"revision": 1, "is_current": True, "language_supported": True}
    # The database gives the id, as it does at work: a test may add further verdicts.
    key = connection.execute(insert(verdicts).values(story_id=story_id, **verdict)).inserted_primary_key
    for act, act_score in acts.items():
        connection.execute(insert(verdict_acts).values(verdict_id=key[0] if key else None, act=act, score=act_score))
    for actor in actors:
        span = {"place": "title", "span_start": 0, "span_end": 3, "surface": actor}
        connection.execute(insert(mentions).values(story_id=story_id, actor=actor, kind="state", **span))
    if is_counted:
        keep_facts(connection, story_id)


def add_many_like(connection: Connection, story_id: int, count: int) -> None:
    """So many stories with the words of one that is there, each a minute after the one before; ids follow its own."""
    for table, key in ((urls, "id"), (pages, "id"), (stories, "id"), (story_facts, "story_id")):
        row = dict(connection.execute(select(table).where(table.c[key] == story_id)).one()._mapping)
        more = [row | {key: story_id + number} for number in range(1, count + 1)]
        for number, values in enumerate(more, start=1):
            values |= {name: story_id + number for name in ("url_id", "page_id") if name in row}
            values |= {name: row[name] + timedelta(minutes=number) for name in ("stored_at",) if name in row}
            if "url" in row:
                values["url"] = f"{row['url']}/{number}"
            if table is urls:
                values["story_id"] = None
        connection.execute(insert(table), more)


def add_revision(connection: Connection, story_id: int, number: int, **values: Any) -> None:
    defaults = {"page_id": story_id, "content_hash": f"{number:064x}", "stored_at": NOW}
    connection.execute(insert(revisions).values(story_id=story_id, number=number, **(defaults | values)))


def add_copy(connection: Connection, url_id: int, matched_story_id: int, **values: Any) -> None:
    """A link that says: the page at `url_id` is a copy of the story. The URL's row must be there."""
    defaults = {"relation": Relation.COPY, "score": 1.0, "method": "m1", "linked_at": NOW}
    connection.execute(
        insert(story_links).values(url_id=url_id, matched_story_id=matched_story_id, **(defaults | values))
    )


def add_attribution(connection: Connection, story_id: int, **values: Any) -> None:
    span = {"place": "lead", "span_start": 0, "span_end": 8, "surface": "Reuters reported"}
    connection.execute(insert(attributions).values(story_id=story_id, **(span | values)))


def add_place(connection: Connection, story_id: int, name: str = "Kharkiv", **values: Any) -> None:
    defaults: dict[str, Any] = {"country": "UKR", "latitude": 49.99, "longitude": 36.23, "place": "lead"}
    defaults |= {"span_start": 0, "span_end": 7, "surface": name}
    connection.execute(insert(place_mentions).values(story_id=story_id, name=name, **(defaults | values)))


def add_origin(connection: Connection, story_id: int, **values: Any) -> None:
    """From where the story has its report: its own unless `kind` says otherwise."""
    defaults = {"kind": "own", "method": "o1", "decided_at": NOW}
    connection.execute(insert(story_origins).values(story_id=story_id, **(defaults | values)))


def add_event(connection: Connection, event_id: int, cluster_ids: Sequence[int], **values: Any) -> None:
    """An event that the reports tell of."""
    defaults = {"founded_at": NOW, "method": "e1", "changed_at": NOW}
    connection.execute(insert(told_events).values(id=event_id, **(defaults | values)))
    for cluster_id in cluster_ids:
        connection.execute(insert(event_clusters).values(cluster_id=cluster_id, event_id=event_id, joined_at=NOW))
