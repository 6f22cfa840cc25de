"""The tables that a database of invented stories is filled with, and how far it is."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

# Ids of URLs without a story of their own begin here.
OTHER_URLS = 1_000_000_000
# The columns that are filled, of each table, in an order in which foreign keys hold. URLs refer to stories, so their
# story_id is left empty.
COLUMNS = {
    "feeds": "id url host source status added_at interval_s next_poll_at last_new_at error_count last_success_at "
    "known_entries redirect_count",
    "site_memories": "site stories_seen",
    "site_lines": "site line_hash line place state story_count since_story echo first_seen_at last_seen_at learned_at",
    "feed_polls": "feed_id polled_at outcome entries new_urls lost_estimate body_bytes elapsed_s",
    "clusters": "id founded_at method",
    "urls": "id url host site feed_id state reason attempts priority announced_at due_at settled_at",
    "pages": "id url_id final_url status fetched_at body_bytes body_sha256 warc_file warc_offset warc_length",
    "stories": "id url_id page_id feed_id cluster_id url site title text subheads authors captions credits language "
    "access published_at announced_at stored_at revision content_hash word_count reader candidate",
    "revisions": "story_id number page_id title text content_hash stored_at",
    "story_links": "url_id story_id matched_story_id relation score method linked_at",
    "verdicts": "id story_id revision is_current model language_supported conflict conflict_policy threshold "
    "is_conflict is_conflict_policy evidence judged_at",
    "verdict_acts": "verdict_id act score",
    "cluster_verdicts": "cluster_id stories conflict conflict_policy threshold is_conflict is_conflict_policy "
    "judged_at",
    "cluster_acts": "cluster_id act score",
    "mentions": "story_id actor kind place span_start span_end surface",
    "place_mentions": "story_id name country latitude longitude place span_start span_end surface",
    "told_events": "id founded_at method independent_origins changed_at",
    "event_clusters": "cluster_id event_id joined_at",
}
Rows = dict[str, list[tuple[Any, ...]]]


class FillStopped(Exception):
    """The time for this run is over; the same call goes on where it ended."""


def highest(connection: Connection, table: str, column: str) -> int:
    """The highest number in a column, 0 for an empty table."""
    return int(connection.exec_driver_sql(f"SELECT coalesce(max({column}), 0) FROM {table}").scalar_one())
