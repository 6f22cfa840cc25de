# ruff: noqa: S608 - the SQL is made of constants of this package alone
"""The views of the running: feeds and their health, what agencies sent, and what was given up."""

from __future__ import annotations

from pipeline.store.dialects import now_of, seconds_between, without_query
from pipeline.store.poll_days import first_day


def source_health(dialect: str) -> str:
    """How each feed does, against its own habit over the last two weeks, whole days, and today.

    Pauses between days are those from the last arrival of one to the first of the next, so no poll is looked at.
    """
    most = "greatest" if dialect == "postgresql" else "max"
    earlier = "lag(last_arrival_at) OVER (PARTITION BY feed_id ORDER BY day)"
    mean = seconds_between(dialect, "min(first_arrival_at)", "max(last_arrival_at)")
    return f"""
WITH recent AS (
    SELECT * FROM feed_days WHERE day >= {first_day(dialect)}
),
arrivals AS (
    SELECT
        feed_id,
        arrivals,
        first_arrival_at,
        last_arrival_at,
        longest_pause_s,
        {seconds_between(dialect, earlier, "first_arrival_at")} AS pause_before_s
    FROM recent
    WHERE arrivals > 0
),
usual AS (
    SELECT
        feed_id,
        sum(arrivals) - 1 AS measured,
        {mean} / nullif(sum(arrivals) - 1, 0) AS usual_gap_s,
        {most}(max(longest_pause_s), coalesce(max(pause_before_s), 0.0)) AS longest_gap_s
    FROM arrivals
    GROUP BY feed_id
),
polls AS (
    SELECT
        feed_id,
        sum(polls) AS polls,
        sum(new_urls) AS new_urls,
        sum(gaps) AS gaps,
        sum(lost_estimate) AS lost_estimate
    FROM recent
    GROUP BY feed_id
),
health AS (
    SELECT
        feeds.id,
        feeds.source,
        feeds.title,
        feeds.url,
        feeds.status,
        feeds.last_polled_at,
        feeds.last_success_at,
        feeds.error_count,
        feeds.last_outcome,
        feeds.last_reason,
        feeds.last_detail,
        feeds.interval_s,
        feeds.next_poll_at,
        feeds.last_new_at,
        feeds.silent_after,
        {seconds_between(dialect, "feeds.last_success_at", now_of(dialect))} AS lag_s,
        {seconds_between(dialect, "coalesce(feeds.last_new_at, feeds.added_at)", now_of(dialect))} AS silent_s
    FROM feeds
)
SELECT
    health.id AS feed_id,
    health.source,
    health.title,
    {without_query(dialect, "health.url")} AS feed_url,
    health.status,
    health.last_polled_at,
    health.last_success_at,
    health.lag_s,
    health.error_count,
    health.last_outcome,
    health.last_reason,
    health.last_detail,
    health.interval_s,
    health.next_poll_at,
    health.last_new_at,
    health.silent_s,
    CASE WHEN usual.measured >= 3 THEN usual.usual_gap_s END AS usual_gap_s,
    CASE WHEN usual.measured >= 3 THEN usual.longest_gap_s END AS longest_gap_s,
    CASE
        WHEN health.status = 'disabled' THEN 0
        WHEN health.silent_after IS NOT NULL AND health.last_success_at >= health.silent_after THEN 1
        WHEN health.silent_after IS NOT NULL OR usual.measured IS NULL OR usual.measured < 3 THEN 0
        WHEN health.silent_s > 3600 AND health.silent_s > 2 * usual.longest_gap_s THEN 1
        ELSE 0
    END AS is_silent,
    coalesce(polls.polls, 0) AS polls,
    coalesce(polls.new_urls, 0) AS new_urls,
    coalesce(polls.gaps, 0) AS gaps,
    coalesce(polls.lost_estimate, 0) AS lost_estimate
FROM health
LEFT JOIN usual ON usual.feed_id = health.id
LEFT JOIN polls ON polls.feed_id = health.id"""


def silent_sources(dialect: str) -> str:
    """Feeds that have fallen silent against their own habit."""
    return f"""
SELECT
    feeds.id AS feed_id,
    feeds.source,
    feeds.title,
    {without_query(dialect, "feeds.url")} AS feed_url,
    feeds.category,
    feeds.last_new_at,
    feeds.silent_after,
    feeds.last_success_at,
    {seconds_between(dialect, "feeds.last_new_at", "feeds.last_success_at")} AS silent_s
FROM feeds
WHERE feeds.status <> 'disabled' AND feeds.last_success_at >= feeds.silent_after"""


def wire_items(_dialect: str) -> str:
    """What agencies sent, in which version, and whether it may be used."""
    return """
SELECT
    items.url_id,
    items.guid,
    coalesce(feeds.source, urls.site) AS source,
    items.version,
    items.version_at,
    items.status,
    items.held_until,
    items.urgency,
    items.note,
    items.subjects,
    CASE WHEN items.held_until IS NULL AND items.status = 'usable' THEN urls.entry_title END AS title,
    urls.state,
    urls.reason,
    stories.id AS story_id,
    stories.revision,
    items.received_at
FROM items
JOIN urls ON urls.id = items.url_id
LEFT JOIN feeds ON feeds.id = items.feed_id
LEFT JOIN stories ON stories.url_id = items.url_id
WHERE NOT items.is_probe"""


def feed_gaps(dialect: str) -> str:
    """Polls between which a feed is thought to have lost entries; outer join, so that SQLite begins with those few."""
    previous = """(
        SELECT max(earlier.polled_at) FROM feed_polls AS earlier
        WHERE earlier.feed_id = feed_polls.feed_id AND earlier.polled_at < feed_polls.polled_at
            AND earlier.outcome NOT IN ('failed', 'not_a_feed')
    )"""
    return f"""
SELECT
    feed_polls.id AS poll_id,
    feed_polls.feed_id,
    feeds.source,
    {without_query(dialect, "feeds.url")} AS feed_url,
    {previous} AS previous_poll_at,
    feed_polls.polled_at,
    feed_polls.entries,
    feed_polls.new_urls,
    feed_polls.lost_estimate
FROM feed_polls
LEFT JOIN feeds ON feeds.id = feed_polls.feed_id
WHERE feed_polls.lost_estimate IS NOT NULL"""


def dead_letters(_dialect: str) -> str:
    """URLs given up after their last try."""
    return """
SELECT
    urls.id AS url_id,
    urls.url,
    urls.host,
    urls.site,
    coalesce(feeds.source, urls.site) AS source,
    urls.reason,
    urls.detail,
    urls.attempts,
    urls.entry_title,
    urls.announced_at,
    urls.settled_at
FROM urls
LEFT JOIN feeds ON feeds.id = urls.feed_id
WHERE urls.state = 'dead'"""
