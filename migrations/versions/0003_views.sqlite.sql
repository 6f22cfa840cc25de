CREATE VIEW story_verdicts AS
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
LEFT JOIN cluster_verdicts ON cluster_verdicts.cluster_id = stories.cluster_id;

CREATE VIEW story_acts AS
SELECT stories.id AS story_id, cluster_acts.act, cluster_acts.score
FROM stories
JOIN cluster_acts ON cluster_acts.cluster_id = stories.cluster_id
UNION ALL
SELECT verdicts.story_id, verdict_acts.act, verdict_acts.score
FROM verdict_acts
JOIN verdicts ON verdicts.id = verdict_acts.verdict_id AND verdicts.is_current AND verdicts.is_conflict_policy
JOIN stories ON stories.id = verdicts.story_id
WHERE NOT EXISTS (SELECT 1 FROM cluster_verdicts WHERE cluster_verdicts.cluster_id = stories.cluster_id);

CREATE VIEW act_codes AS
WITH listed (act, scheme, place, code, name) AS (
    VALUES
        ('force', 'plover', 1, 'MOBILIZE', NULL),
        ('force', 'plover', 2, 'THREATEN', NULL),
        ('force', 'plover', 3, 'CONCEDE', NULL),
        ('force', 'cameo', 1, '15', NULL),
        ('force', 'cameo', 2, '152', NULL),
        ('force', 'cameo', 3, '155', NULL),
        ('force', 'cameo', 4, '0871', NULL),
        ('force', 'medtop', 1, '20000056', 'armed conflict'),
        ('force', 'medtop', 2, '20000062', 'war'),
        ('threat', 'plover', 1, 'THREATEN', NULL),
        ('threat', 'cameo', 1, '13', NULL),
        ('threat', 'cameo', 2, '138', NULL),
        ('threat', 'cameo', 3, '139', NULL),
        ('threat', 'medtop', 1, '20000056', 'armed conflict'),
        ('arms_aid', 'plover', 1, 'AID', NULL),
        ('arms_aid', 'plover', 2, 'COOPERATE', NULL),
        ('arms_aid', 'plover', 3, 'REJECT', NULL),
        ('arms_aid', 'cameo', 1, '072', NULL),
        ('arms_aid', 'cameo', 2, '062', NULL),
        ('arms_aid', 'cameo', 3, '0332', NULL),
        ('arms_aid', 'cameo', 4, '0523', NULL),
        ('arms_aid', 'cameo', 5, '1222', NULL),
        ('arms_aid', 'medtop', 1, '20000598', 'national security'),
        ('arms_aid', 'medtop', 2, '20000602', NULL),
        ('deploy', 'plover', 1, 'MOBILIZE', NULL),
        ('deploy', 'plover', 2, 'RETREAT', NULL),
        ('deploy', 'cameo', 1, '15', NULL),
        ('deploy', 'cameo', 2, '150', NULL),
        ('deploy', 'cameo', 3, '151', NULL),
        ('deploy', 'cameo', 4, '152', NULL),
        ('deploy', 'cameo', 5, '153', NULL),
        ('deploy', 'cameo', 6, '154', NULL),
        ('deploy', 'cameo', 7, '155', NULL),
        ('deploy', 'cameo', 8, '0874', NULL),
        ('deploy', 'medtop', 1, '20000598', 'national security'),
        ('deploy', 'medtop', 2, '20000058', 'international military intervention'),
        ('sanction', 'plover', 1, 'SANCTION', NULL),
        ('sanction', 'plover', 2, 'COERCE', NULL),
        ('sanction', 'cameo', 1, '163', NULL),
        ('sanction', 'cameo', 2, '16', NULL),
        ('sanction', 'cameo', 3, '161', NULL),
        ('sanction', 'cameo', 4, '162', NULL),
        ('sanction', 'cameo', 5, '166', NULL),
        ('sanction', 'cameo', 6, '172', NULL),
        ('sanction', 'medtop', 1, '20000642', 'economic sanction'),
        ('talks', 'plover', 1, 'CONSULT', NULL),
        ('talks', 'plover', 2, 'AGREE', NULL),
        ('talks', 'plover', 3, 'RETREAT', NULL),
        ('talks', 'cameo', 1, '046', NULL),
        ('talks', 'cameo', 2, '036', NULL),
        ('talks', 'cameo', 3, '045', NULL),
        ('talks', 'cameo', 4, '057', NULL),
        ('talks', 'cameo', 5, '0871', NULL),
        ('talks', 'medtop', 1, '20000073', 'peace process'),
        ('talks', 'medtop', 2, '20000075', NULL),
        ('talks', 'medtop', 3, '20000076', NULL),
        ('alliance', 'plover', 1, 'AGREE', NULL),
        ('alliance', 'plover', 2, 'COOPERATE', NULL),
        ('alliance', 'plover', 3, 'SUPPORT', NULL),
        ('alliance', 'cameo', 1, '057', NULL),
        ('alliance', 'cameo', 2, '062', NULL),
        ('alliance', 'cameo', 3, '0312', NULL),
        ('alliance', 'medtop', 1, '20000641', NULL),
        ('alliance', 'medtop', 2, '20000639', 'diplomacy'),
        ('arms_control', 'plover', 1, 'AGREE', NULL),
        ('arms_control', 'plover', 2, 'REJECT', NULL),
        ('arms_control', 'plover', 3, 'COERCE', NULL),
        ('arms_control', 'cameo', 1, '0356', NULL),
        ('arms_control', 'cameo', 2, '0256', NULL),
        ('arms_control', 'cameo', 3, '0871', NULL),
        ('arms_control', 'cameo', 4, '1246', NULL),
        ('arms_control', 'medtop', 1, '20000078', NULL),
        ('arms_control', 'medtop', 2, '20000641', NULL),
        ('intl_law', 'plover', 1, 'ACCUSE', NULL),
        ('intl_law', 'plover', 2, 'REQUEST', NULL),
        ('intl_law', 'plover', 3, 'SUPPORT', NULL),
        ('intl_law', 'cameo', 1, '115', NULL),
        ('intl_law', 'cameo', 2, '112', NULL),
        ('intl_law', 'cameo', 3, '11', NULL),
        ('intl_law', 'cameo', 4, '09', NULL),
        ('intl_law', 'cameo', 5, '074', NULL),
        ('intl_law', 'medtop', 1, '20000128', NULL),
        ('intl_law', 'medtop', 2, '20000105', NULL),
        ('intl_law', 'medtop', 3, '20000059', NULL),
        ('status', 'plover', 1, 'SUPPORT', NULL),
        ('status', 'plover', 2, 'THREATEN', NULL),
        ('status', 'plover', 3, 'COERCE', NULL),
        ('status', 'cameo', 1, '054', NULL),
        ('status', 'cameo', 2, '137', NULL),
        ('status', 'cameo', 3, '0831', NULL),
        ('status', 'cameo', 4, '191', NULL),
        ('status', 'cameo', 5, '192', NULL),
        ('status', 'medtop', 1, '20000060', 'military occupation'),
        ('status', 'medtop', 2, '20000639', 'diplomacy'),
        ('detainee', 'plover', 1, 'RETREAT', NULL),
        ('detainee', 'plover', 2, 'CONCEDE', NULL),
        ('detainee', 'cameo', 1, '0841', NULL),
        ('detainee', 'cameo', 2, '0353', NULL),
        ('detainee', 'cameo', 3, '057', NULL),
        ('detainee', 'medtop', 1, '20000080', 'prisoners of war'),
        ('humanitarian', 'plover', 1, 'AID', NULL),
        ('humanitarian', 'plover', 2, 'REQUEST', NULL),
        ('humanitarian', 'plover', 3, 'RETREAT', NULL),
        ('humanitarian', 'cameo', 1, '073', NULL),
        ('humanitarian', 'cameo', 2, '0333', NULL),
        ('humanitarian', 'cameo', 3, '0863', NULL),
        ('humanitarian', 'cameo', 4, '075', NULL),
        ('humanitarian', 'medtop', 1, '20000643', NULL),
        ('humanitarian', 'medtop', 2, '20000645', NULL),
        ('home', 'plover', 1, 'COERCE', NULL),
        ('home', 'plover', 2, 'SANCTION', NULL),
        ('home', 'plover', 3, 'CONCEDE', NULL),
        ('home', 'cameo', 1, '172', NULL),
        ('home', 'cameo', 2, '1724', NULL),
        ('home', 'cameo', 3, '0831', NULL),
        ('home', 'medtop', 1, '20000593', NULL),
        ('home', 'medtop', 2, '20000598', 'national security'),
        ('position', 'plover', 1, 'SUPPORT', NULL),
        ('position', 'plover', 2, 'ACCUSE', NULL),
        ('position', 'plover', 3, 'REQUEST', NULL),
        ('position', 'plover', 4, 'REJECT', NULL),
        ('position', 'plover', 5, 'CONSULT', NULL),
        ('position', 'cameo', 1, '01', NULL),
        ('position', 'cameo', 2, '02', NULL),
        ('position', 'cameo', 3, '04', NULL),
        ('position', 'cameo', 4, '05', NULL),
        ('position', 'cameo', 5, '11', NULL),
        ('position', 'cameo', 6, '12', NULL),
        ('position', 'medtop', 1, '20000638', 'international relations'),
        ('position', 'medtop', 2, '20000639', 'diplomacy')
)
SELECT act, scheme, place, code, name FROM listed;

CREATE VIEW conflict_policy_stories AS
SELECT
    stories.id AS story_id,
    stories.title,
    stories.url,
    stories.site,
    coalesce(feeds.source, stories.site) AS source,
    coalesce(stories.language, 'und') AS language,
    stories.section,
    stories.dateline,
    stories.standfirst,
    stories.published_at,
    stories.stored_at,
    stories.revised_at,
    stories.revision,
    stories.word_count,
    stories.access,
    stories.cluster_id,
    story_verdicts.conflict_policy AS score,
    story_verdicts.threshold,
    (SELECT group_concat(word, ', ') FROM (SELECT act AS word FROM story_acts WHERE story_id = stories.id ORDER BY score DESC, act) AS words) AS acts,
    (SELECT group_concat(word, ', ') FROM (SELECT actor AS word FROM mentions WHERE story_id = stories.id GROUP BY actor ORDER BY count(*) DESC, min(id)) AS words) AS actors,
    story_verdicts.model,
    story_verdicts.judged_at,
    stories.status,
    stories.gone_at,
    story_verdicts.own_conflict_policy AS own_score,
    (SELECT group_concat(word, ', ') FROM (SELECT code AS word FROM story_acts JOIN act_codes ON act_codes.act = story_acts.act WHERE story_id = stories.id AND scheme = 'plover' GROUP BY code ORDER BY max(score) DESC, min(place), code) AS words) AS plover,
    (SELECT group_concat(word, ', ') FROM (SELECT code AS word FROM story_acts JOIN act_codes ON act_codes.act = story_acts.act WHERE story_id = stories.id AND scheme = 'cameo' GROUP BY code ORDER BY max(score) DESC, min(place), code) AS words) AS cameo,
    (SELECT group_concat(word, ', ') FROM (SELECT code AS word FROM story_acts JOIN act_codes ON act_codes.act = story_acts.act WHERE story_id = stories.id AND scheme = 'medtop' GROUP BY code ORDER BY max(score) DESC, min(place), code) AS words) AS medtop
FROM stories
JOIN story_verdicts ON story_verdicts.story_id = stories.id AND story_verdicts.is_conflict_policy
LEFT JOIN feeds ON feeds.id = stories.feed_id;

CREATE VIEW volume_hourly AS
SELECT
    substr(stories.stored_at, 1, 13) || ':00:00.000Z' AS hour,
    coalesce(feeds.source, stories.site) AS source,
    coalesce(stories.language, 'und') AS language,
    count(*) AS stories,
    sum(CASE WHEN story_verdicts.is_conflict THEN 1 ELSE 0 END) AS conflict,
    sum(CASE WHEN story_verdicts.is_conflict_policy THEN 1 ELSE 0 END) AS conflict_policy
FROM stories
LEFT JOIN story_verdicts ON story_verdicts.story_id = stories.id
LEFT JOIN feeds ON feeds.id = stories.feed_id
GROUP BY substr(stories.stored_at, 1, 13) || ':00:00.000Z', coalesce(feeds.source, stories.site), coalesce(stories.language, 'und');

CREATE VIEW policy_acts AS
SELECT
    substr(coalesce(stories.published_at, stories.stored_at), 1, 10) AS day,
    story_acts.act,
    named.actor,
    named.kind AS actor_kind,
    stories.id AS story_id,
    coalesce(feeds.source, stories.site) AS source,
    coalesce(stories.language, 'und') AS language,
    stories.stored_at,
    story_acts.score
FROM stories
JOIN story_acts ON story_acts.story_id = stories.id
LEFT JOIN (SELECT DISTINCT story_id, actor, kind FROM mentions) AS named ON named.story_id = stories.id
LEFT JOIN feeds ON feeds.id = stories.feed_id;

CREATE VIEW sourcing AS
SELECT
    attributions.id AS attribution_id,
    stories.id AS story_id,
    stories.cluster_id,
    stories.title,
    stories.url,
    coalesce(feeds.source, stories.site) AS outlet,
    substr(coalesce(stories.published_at, stories.stored_at), 1, 10) AS day,
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
LEFT JOIN feeds ON feeds.id = stories.feed_id;

CREATE VIEW places AS
SELECT
    stories.id AS story_id,
    stories.cluster_id,
    stories.title,
    stories.url,
    coalesce(feeds.source, stories.site) AS source,
    substr(coalesce(stories.published_at, stories.stored_at), 1, 10) AS day,
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
LEFT JOIN feeds ON feeds.id = stories.feed_id;

CREATE VIEW verdict_changes AS
SELECT
    verdicts.id AS verdict_id,
    verdicts.story_id,
    stories.title,
    stories.url,
    verdicts.revision,
    verdicts.is_current,
    verdicts.model,
    lag(verdicts.model) OVER (PARTITION BY verdicts.story_id ORDER BY verdicts.id) AS previous_model,
    verdicts.rules,
    lag(verdicts.rules) OVER (PARTITION BY verdicts.story_id ORDER BY verdicts.id) AS previous_rules,
    verdicts.conflict_policy AS score,
    lag(verdicts.conflict_policy) OVER (PARTITION BY verdicts.story_id ORDER BY verdicts.id) AS previous_score,
    verdicts.threshold,
    verdicts.is_conflict_policy,
    lag(verdicts.is_conflict_policy) OVER (PARTITION BY verdicts.story_id ORDER BY verdicts.id) AS was_conflict_policy,
    verdicts.judged_at
FROM verdicts
JOIN stories ON stories.id = verdicts.story_id;

CREATE VIEW model_drift AS
WITH scored AS (
    SELECT
        coalesce(feeds.source, stories.site) AS source,
        date(substr(stories.stored_at, 1, 10), '-6 days', 'weekday 1') AS week,
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
        sum(CASE WHEN score >= 0.0 AND score < 0.05 THEN 1 ELSE 0 END) AS bin_1,
        sum(CASE WHEN score >= 0.05 AND score < 0.15 THEN 1 ELSE 0 END) AS bin_2,
        sum(CASE WHEN score >= 0.15 AND score < 0.36 THEN 1 ELSE 0 END) AS bin_3,
        sum(CASE WHEN score >= 0.36 AND score < 0.75 THEN 1 ELSE 0 END) AS bin_4,
        sum(CASE WHEN score >= 0.75 THEN 1 ELSE 0 END) AS bin_5
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
        sum(earlier.bin_1) AS bin_1,
        sum(earlier.bin_2) AS bin_2,
        sum(earlier.bin_3) AS bin_3,
        sum(earlier.bin_4) AS bin_4,
        sum(earlier.bin_5) AS bin_5
    FROM weekly
    JOIN weekly AS earlier ON earlier.source = weekly.source AND earlier.model = weekly.model
        AND earlier.week < weekly.week AND earlier.week >= date(weekly.week, '-56 days')
    GROUP BY weekly.source, weekly.week, weekly.model
),
compared AS (
    SELECT
        weekly.*,
        CAST(coalesce(reference.stories, 0) AS integer) AS reference_stories,
        CAST(reference.conflict_policy AS double precision) / reference.stories AS reference_share,
        CAST(2 * (
        CASE WHEN weekly.bin_1 + reference.bin_1 = 0 THEN 0.0 ELSE (1.0 * weekly.bin_1 / weekly.stories - 1.0 * reference.bin_1 / reference.stories) * (1.0 * weekly.bin_1 / weekly.stories - 1.0 * reference.bin_1 / reference.stories) / (1.0 * weekly.bin_1 / weekly.stories + 1.0 * reference.bin_1 / reference.stories) END
        + CASE WHEN weekly.bin_2 + reference.bin_2 = 0 THEN 0.0 ELSE (1.0 * weekly.bin_2 / weekly.stories - 1.0 * reference.bin_2 / reference.stories) * (1.0 * weekly.bin_2 / weekly.stories - 1.0 * reference.bin_2 / reference.stories) / (1.0 * weekly.bin_2 / weekly.stories + 1.0 * reference.bin_2 / reference.stories) END
        + CASE WHEN weekly.bin_3 + reference.bin_3 = 0 THEN 0.0 ELSE (1.0 * weekly.bin_3 / weekly.stories - 1.0 * reference.bin_3 / reference.stories) * (1.0 * weekly.bin_3 / weekly.stories - 1.0 * reference.bin_3 / reference.stories) / (1.0 * weekly.bin_3 / weekly.stories + 1.0 * reference.bin_3 / reference.stories) END
        + CASE WHEN weekly.bin_4 + reference.bin_4 = 0 THEN 0.0 ELSE (1.0 * weekly.bin_4 / weekly.stories - 1.0 * reference.bin_4 / reference.stories) * (1.0 * weekly.bin_4 / weekly.stories - 1.0 * reference.bin_4 / reference.stories) / (1.0 * weekly.bin_4 / weekly.stories + 1.0 * reference.bin_4 / reference.stories) END
        + CASE WHEN weekly.bin_5 + reference.bin_5 = 0 THEN 0.0 ELSE (1.0 * weekly.bin_5 / weekly.stories - 1.0 * reference.bin_5 / reference.stories) * (1.0 * weekly.bin_5 / weekly.stories - 1.0 * reference.bin_5 / reference.stories) / (1.0 * weekly.bin_5 / weekly.stories + 1.0 * reference.bin_5 / reference.stories) END
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
    bin_1, bin_2, bin_3, bin_4, bin_5,
    reference_stories,
    reference_share,
    moved,
    CASE
        WHEN stories >= 30 AND reference_stories >= 30 AND moved >= 0.1 AND moved >= 18.47 * (1.0 / stories + 1.0 / reference_stories)
        THEN 1
        ELSE 0
    END AS has_moved
FROM compared;
