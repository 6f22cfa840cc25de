# ruff: noqa: S608 - the SQL is made of constants of this package alone
"""The polls of each feed counted by day as they come, so that the health of a source walks no polls.

A trigger changes the feed's row of the day. That holds nobody up: who polls a feed holds its lease, and polls of one
feed come one after the other. Nothing is taken off again: the counts of polls that are pruned stay.
"""

from __future__ import annotations

from pipeline.store.dialects import day_of, days_ago, postgres_function, seconds_between, sqlite_trigger

# How far back the health of a source is looked at: two whole weeks, so that quiet nights and weekends are in it.
HEALTH_WINDOW_DAYS = 14
COLUMNS = (
    "day", "feed_id", "polls", "new_urls", "gaps", "lost_estimate", "arrivals", "first_arrival_at", "last_arrival_at",
    "longest_pause_s",
)  # fmt: skip


def statements(dialect: str) -> dict[str, str]:
    """What counts a poll, by the name of each object."""
    if dialect == "sqlite":
        return sqlite_trigger("feed_polls_count", "AFTER INSERT ON feed_polls", _count(dialect))
    return {
        **postgres_function("count_feed_poll", _count(dialect)),
        "feed_polls_count": """CREATE TRIGGER feed_polls_count AFTER INSERT ON feed_polls
FOR EACH ROW EXECUTE FUNCTION count_feed_poll()""",
    }


def _count(dialect: str) -> str:
    """The statement that counts the poll NEW on its day."""
    least, most = ("least", "greatest") if dialect == "postgresql" else ("min", "max")
    has_new = "CASE WHEN NEW.new_urls > 0 THEN 1 ELSE 0 END"
    arrived_at = "CASE WHEN NEW.new_urls > 0 THEN NEW.polled_at END"
    is_gap = "CASE WHEN NEW.lost_estimate IS NOT NULL THEN 1 ELSE 0 END"
    added = ", ".join(
        f"{name} = feed_days.{name} + excluded.{name}"
        for name in ("polls", "new_urls", "gaps", "lost_estimate", "arrivals")
    )
    pause = seconds_between(dialect, "feed_days.last_arrival_at", "excluded.last_arrival_at")
    return f"""INSERT INTO feed_days ({", ".join(COLUMNS)})
    VALUES ({day_of(dialect, "NEW.polled_at")}, NEW.feed_id, 1, NEW.new_urls, {is_gap}, coalesce(NEW.lost_estimate, 0),
        {has_new}, {arrived_at}, {arrived_at}, 0)
    ON CONFLICT (day, feed_id) DO UPDATE SET {added},
        first_arrival_at = coalesce(
            {least}(feed_days.first_arrival_at, excluded.first_arrival_at),
            feed_days.first_arrival_at, excluded.first_arrival_at
        ),
        last_arrival_at = coalesce(
            {most}(feed_days.last_arrival_at, excluded.last_arrival_at),
            feed_days.last_arrival_at, excluded.last_arrival_at
        ),
        longest_pause_s = {most}(feed_days.longest_pause_s, coalesce({pause}, 0))"""


def first_day(dialect: str) -> str:
    """The first day that anybody asks for."""
    return day_of(dialect, days_ago(dialect, HEALTH_WINDOW_DAYS))


def count_anew(dialect: str) -> tuple[str, str]:
    """The statements that count the days that are asked for once more. Of older days polls may be pruned."""
    pause = seconds_between(
        dialect, "lag(polled_at) OVER (PARTITION BY feed_id, day, has_new ORDER BY polled_at)", "polled_at"
    )
    counted = f"""INSERT INTO feed_days ({", ".join(COLUMNS)})
SELECT day, feed_id, count(*), sum(new_urls), count(lost_estimate), coalesce(sum(lost_estimate), 0), sum(has_new),
    min(CASE WHEN has_new = 1 THEN polled_at END), max(CASE WHEN has_new = 1 THEN polled_at END),
    coalesce(max(CASE WHEN has_new = 1 THEN pause_s END), 0)
FROM (
    SELECT *, {pause} AS pause_s FROM (
        SELECT feed_id, {day_of(dialect, "polled_at")} AS day, polled_at, new_urls, lost_estimate,
            CASE WHEN new_urls > 0 THEN 1 ELSE 0 END AS has_new
        FROM feed_polls
    ) AS polls
    WHERE day >= {first_day(dialect)}
) AS paused
GROUP BY day, feed_id"""
    return f"DELETE FROM feed_days WHERE day >= {first_day(dialect)}", counted
