# ruff: noqa: S608 - the SQL is made of constants of this package alone
"""The views of what was judged: whose verdict counts, how it changed, on whose word, where, and whether scores drift.

As in the package, each is one SELECT made for a dialect, and the migration that brings it keeps its own copy.
"""

from __future__ import annotations

from itertools import pairwise

from pipeline.judging.codes import SCHEMES, act_codes
from pipeline.judging.drift import BAR, BIN_EDGES, MIN_STORIES, NOISE, REFERENCE_WEEKS
from pipeline.store.dialects import day_of, week_of, weeks_before


def story_verdicts(dialect: str) -> str:
    """One row a judged story: its own current verdict, and the one that counts, its report's."""
    return """
SELECT
    stories.id AS story_id,
    stories.cluster_id,
    verdicts.id AS verdict_id,
    coalesce(cluster_verdicts.stories, 1) AS pooled_stories,
    coalesce(cluster_verdicts.conflict, verdicts.conflict) AS conflict,
    coalesce(cluster_verdicts.conflict_policy, verdicts.conflict_policy) AS conflict_policy,
    coalesce(cluster_verdicts.threshold, verdicts.threshold) AS threshold,
    coalesce(cluster_verdicts.is_conflict, verdicts.is_conflict) AS is_conflict,
    coalesce(cluster_verdicts.is_conflict_policy, verdicts.is_conflict_policy) AS is_conflict_policy,
    verdicts.conflict AS own_conflict,
    verdicts.conflict_policy AS own_conflict_policy,
    verdicts.language_supported,
    verdicts.revision,
    verdicts.model,
    verdicts.rules,
    verdicts.judged_at
FROM stories
JOIN verdicts ON verdicts.story_id = stories.id AND verdicts.is_current
LEFT JOIN cluster_verdicts ON cluster_verdicts.cluster_id = stories.cluster_id"""


def story_acts(dialect: str) -> str:
    """The acts that count for a story: its report's, or its own where it belongs to none."""
    return """
SELECT stories.id AS story_id, cluster_acts.act, cluster_acts.score
FROM stories
JOIN cluster_acts ON cluster_acts.cluster_id = stories.cluster_id
UNION ALL
SELECT verdicts.story_id, verdict_acts.act, verdict_acts.score
FROM verdict_acts
JOIN verdicts ON verdicts.id = verdict_acts.verdict_id AND verdicts.is_current AND verdicts.is_conflict_policy
JOIN stories ON stories.id = verdicts.story_id
WHERE NOT EXISTS (SELECT 1 FROM cluster_verdicts WHERE cluster_verdicts.cluster_id = stories.cluster_id)"""


def verdict_changes(dialect: str) -> str:
    """Each verdict beside the one before it on the same story."""

    def before(column: str) -> str:
        return f"lag(verdicts.{column}) OVER (PARTITION BY verdicts.story_id ORDER BY verdicts.id)"

    return f"""
SELECT
    verdicts.id AS verdict_id,
    verdicts.story_id,
    stories.title,
    stories.url,
    verdicts.revision,
    verdicts.is_current,
    verdicts.model,
    {before("model")} AS previous_model,
    verdicts.rules,
    {before("rules")} AS previous_rules,
    verdicts.conflict_policy AS score,
    {before("conflict_policy")} AS previous_score,
    verdicts.threshold,
    verdicts.is_conflict_policy,
    {before("is_conflict_policy")} AS was_conflict_policy,
    verdicts.judged_at
FROM verdicts
JOIN stories ON stories.id = verdicts.story_id"""


def act_codes_view(dialect: str) -> str:
    """Our types of act in other vocabularies, out of data/codes.toml."""
    rows = ",\n        ".join(
        f"('{act.value}', '{item.scheme}', {place}, '{item.code}', {_text_or_null(item.name)})"
        for act, items in act_codes().items()
        for scheme in SCHEMES
        for place, item in enumerate((i for i in items if i.scheme == scheme), start=1)
    )
    return f"""
WITH listed (act, scheme, place, code, name) AS (
    VALUES
        {rows}
)
SELECT act, scheme, place, code, name FROM listed"""


def _text_or_null(text: str | None) -> str:
    if text is None:
        return "NULL"
    if "'" in text:
        raise ValueError(f"{text!r} can't stand in SQL as it is")
    return f"'{text}'"


def sourcing(dialect: str) -> str:
    """Whose word a story gives, and what became of it: one row for each place that says so."""
    day = day_of(dialect, "coalesce(stories.published_at, stories.stored_at)")
    return f"""
SELECT
    attributions.id AS attribution_id,
    stories.id AS story_id,
    stories.cluster_id,
    stories.title,
    stories.url,
    coalesce(feeds.source, stories.site) AS outlet,
    {day} AS day,
    attributions.source,
    attributions.standing,
    attributions.name,
    attributions.actor,
    attributions.place,
    attributions.span_start,
    attributions.span_end,
    attributions.surface,
    story_verdicts.is_conflict_policy
FROM attributions
JOIN stories ON stories.id = attributions.story_id
LEFT JOIN story_verdicts ON story_verdicts.story_id = stories.id
LEFT JOIN feeds ON feeds.id = stories.feed_id"""


def places(dialect: str) -> str:
    """Where it is about: one row for each place of a conflict area that a story names."""
    day = day_of(dialect, "coalesce(stories.published_at, stories.stored_at)")
    return f"""
SELECT
    stories.id AS story_id,
    stories.cluster_id,
    stories.title,
    stories.url,
    coalesce(feeds.source, stories.site) AS source,
    {day} AS day,
    stories.stored_at,
    named.name AS place,
    named.country,
    named.latitude AS lat,
    named.longitude AS lon,
    named.times,
    named.in_title,
    story_verdicts.is_conflict,
    story_verdicts.is_conflict_policy
FROM (
    SELECT
        story_id,
        name,
        country,
        latitude,
        longitude,
        count(*) AS times,
        max(CASE WHEN place = 'title' THEN 1 ELSE 0 END) AS in_title
    FROM place_mentions
    GROUP BY story_id, name, country, latitude, longitude
) AS named
JOIN stories ON stories.id = named.story_id
LEFT JOIN story_verdicts ON story_verdicts.story_id = stories.id
LEFT JOIN feeds ON feeds.id = stories.feed_id"""


def model_drift(dialect: str) -> str:
    """Scores by source and week, against the same source's weeks before; pipeline/judging/drift.py has the formula."""
    edges = (0.0, *BIN_EDGES, None)
    bins = range(1, len(edges))
    counts = ",\n        ".join(
        f"sum(CASE WHEN score >= {low}{'' if high is None else f' AND score < {high}'} THEN 1 ELSE 0 END) AS bin_{n}"
        for n, (low, high) in enumerate(pairwise(edges), start=1)
    )
    sums = ",\n        ".join(f"sum(earlier.bin_{n}) AS bin_{n}" for n in bins)
    terms = "\n        + ".join(
        f"CASE WHEN weekly.bin_{n} + reference.bin_{n} = 0 THEN 0.0 ELSE"
        f" (1.0 * weekly.bin_{n} / weekly.stories - 1.0 * reference.bin_{n} / reference.stories)"
        f" * (1.0 * weekly.bin_{n} / weekly.stories - 1.0 * reference.bin_{n} / reference.stories)"
        f" / (1.0 * weekly.bin_{n} / weekly.stories + 1.0 * reference.bin_{n} / reference.stories) END"
        for n in bins
    )
    noise = f"{NOISE} * (1.0 / stories + 1.0 / reference_stories)"
    return f"""
WITH scored AS (
    SELECT
        coalesce(feeds.source, stories.site) AS source,
        {week_of(dialect, "stories.stored_at")} AS week,
        verdicts.model,
        verdicts.conflict_policy AS score,
        verdicts.is_conflict_policy
    FROM stories
    JOIN verdicts ON verdicts.story_id = stories.id AND verdicts.is_current AND verdicts.conflict_policy IS NOT NULL
    LEFT JOIN feeds ON feeds.id = stories.feed_id
),
weekly AS (
    SELECT
        source,
        week,
        model,
        count(*) AS stories,
        sum(CASE WHEN is_conflict_policy THEN 1 ELSE 0 END) AS conflict_policy,
        avg(score) AS mean_score,
        {counts}
    FROM scored
    GROUP BY source, week, model
),
reference AS (
    SELECT
        weekly.source,
        weekly.week,
        weekly.model,
        sum(earlier.stories) AS stories,
        sum(earlier.conflict_policy) AS conflict_policy,
        {sums}
    FROM weekly
    JOIN weekly AS earlier ON earlier.source = weekly.source AND earlier.model = weekly.model
        AND earlier.week < weekly.week AND earlier.week >= {weeks_before(dialect, "weekly.week", REFERENCE_WEEKS)}
    GROUP BY weekly.source, weekly.week, weekly.model
),
compared AS (
    SELECT
        weekly.*,
        CAST(coalesce(reference.stories, 0) AS integer) AS reference_stories,
        CAST(reference.conflict_policy AS double precision) / reference.stories AS reference_share,
        CAST(2 * (
        {terms}
        ) AS double precision) AS moved
    FROM weekly
    LEFT JOIN reference ON reference.source = weekly.source AND reference.week = weekly.week
        AND reference.model = weekly.model
)
SELECT
    source,
    week,
    model,
    stories,
    conflict_policy,
    CAST(conflict_policy AS double precision) / stories AS share,
    mean_score,
    {", ".join(f"bin_{n}" for n in bins)},
    reference_stories,
    reference_share,
    moved,
    CASE
        WHEN stories >= {MIN_STORIES} AND reference_stories >= {MIN_STORIES} AND moved >= {BAR} AND moved >= {noise}
        THEN 1
        ELSE 0
    END AS has_moved
FROM compared"""
