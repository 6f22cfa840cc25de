"""Sources: which one is late, failing, silent or full of holes."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard

from boards.parts import DAYS, OF_DAYS, bars, board, is_all, number, one_of, rows
from boards.shared import HEALTH

_OF = one_of("source")
_FEEDS = f"SELECT count(*) AS feeds FROM source_health WHERE status <> 'disabled' AND {_OF}"
_SILENT = f"SELECT coalesce(sum(is_silent), 0) AS feeds FROM source_health WHERE {_OF}"
_FAILING = f"SELECT count(*) AS feeds FROM source_health WHERE error_count > 0 AND {_OF}"
_LOST = f"""
SELECT coalesce(sum(lost_estimate), 0) AS entries FROM feed_gaps WHERE $__timeFilter(polled_at) AND {_OF}"""
_VOLUME = f"""
SELECT source, CAST(sum(conflict_policy) AS bigint) AS conflict_policy,
    CAST(sum(stories) - sum(conflict_policy) AS bigint) AS others
FROM (
    SELECT source, stories, conflict_policy FROM volume_by_source WHERE {is_all("language")} AND {DAYS} AND {_OF}
    UNION ALL
    SELECT source, stories, conflict_policy FROM volume_daily
    WHERE NOT ({is_all("language")}) AND {OF_DAYS} AND {_OF}
) AS counted
GROUP BY source ORDER BY sum(stories) DESC, source LIMIT 20"""
_LANGUAGES = f"""
SELECT language, CAST(sum(stories) AS bigint) AS stories FROM (
    SELECT language, stories FROM volume_by_language WHERE {is_all("source")} AND {OF_DAYS}
    UNION ALL
    SELECT language, stories FROM volume_daily WHERE NOT ({is_all("source")}) AND {OF_DAYS} AND {_OF}
) AS counted
GROUP BY language ORDER BY stories DESC, language"""
_MISSED = f"""
SELECT previous_poll_at, polled_at, source, entries, new_urls, lost_estimate,
    CASE WHEN feed_url ~ '^https?://' THEN feed_url END AS url
FROM feed_gaps
WHERE $__timeFilter(polled_at) AND {_OF}
ORDER BY polled_at DESC LIMIT 100"""
_SECONDS = {"lag_s": "s", "silent_s": "s", "longest_gap_s": "s"}


def sources() -> Dashboard:
    """Health over the last 14 days, volume over the chosen time."""
    panels = [
        number("Feeds", _FEEDS),
        number("Silent", _SILENT, bad_from=1),
        number("Failing", _FAILING, bad_from=1),
        number("Entries missed", _LOST, bad_from=1),
        bars("Stories by source (the 20 largest)", _VOLUME, "source", stacked=True),
        bars("Stories by language", _LANGUAGES, "language"),
        rows("Health of the sources", HEALTH, about="Worst first.", links={"feed": "url"}, units=_SECONDS),
        rows("What passed unseen", _MISSED, links={"source": "url"}),
    ]
    about = "Which source is late, failing, silent or full of holes. Health is counted over the last 14 days."
    return board("sources", "sources", about, panels, ("source", "language"), "now-7d")
