CREATE TABLE story_search (
    story_id bigint NOT NULL CONSTRAINT pk_story_search PRIMARY KEY
        CONSTRAINT fk_story_search_story_id_stories REFERENCES stories (id) ON DELETE CASCADE,
    document tsvector NOT NULL
)
--;
CREATE INDEX ix_story_search_document ON story_search USING gin (document)
--;
CREATE FUNCTION search_config(tag text) RETURNS regconfig
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE split_part(lower(tag), '-', 1)
        WHEN 'ar' THEN 'arabic'::regconfig
        WHEN 'ca' THEN 'catalan'::regconfig
        WHEN 'da' THEN 'danish'::regconfig
        WHEN 'de' THEN 'german'::regconfig
        WHEN 'el' THEN 'greek'::regconfig
        WHEN 'en' THEN 'english'::regconfig
        WHEN 'es' THEN 'spanish'::regconfig
        WHEN 'eu' THEN 'basque'::regconfig
        WHEN 'fi' THEN 'finnish'::regconfig
        WHEN 'fr' THEN 'french'::regconfig
        WHEN 'ga' THEN 'irish'::regconfig
        WHEN 'hi' THEN 'hindi'::regconfig
        WHEN 'hu' THEN 'hungarian'::regconfig
        WHEN 'hy' THEN 'armenian'::regconfig
        WHEN 'id' THEN 'indonesian'::regconfig
        WHEN 'it' THEN 'italian'::regconfig
        WHEN 'lt' THEN 'lithuanian'::regconfig
        WHEN 'ne' THEN 'nepali'::regconfig
        WHEN 'nl' THEN 'dutch'::regconfig
        WHEN 'no' THEN 'norwegian'::regconfig
        WHEN 'nb' THEN 'norwegian'::regconfig
        WHEN 'nn' THEN 'norwegian'::regconfig
        WHEN 'pt' THEN 'portuguese'::regconfig
        WHEN 'ro' THEN 'romanian'::regconfig
        WHEN 'ru' THEN 'russian'::regconfig
        WHEN 'sr' THEN 'serbian'::regconfig
        WHEN 'sv' THEN 'swedish'::regconfig
        WHEN 'ta' THEN 'tamil'::regconfig
        WHEN 'tr' THEN 'turkish'::regconfig
        WHEN 'yi' THEN 'yiddish'::regconfig
        ELSE 'simple'::regconfig
    END
$$
--;
CREATE FUNCTION search_document(language text, title text, standfirst text, body text)
RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT setweight(to_tsvector(search_config(language), title), 'A')
        || setweight(to_tsvector(search_config(language), left(coalesce(standfirst, ''), 100000)), 'B')
        || to_tsvector(search_config(language), left(body, 100000))
$$
--;
CREATE FUNCTION keep_story_search() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO story_search (story_id, document)
    VALUES (NEW.id, search_document(NEW.language, NEW.title, NEW.standfirst, NEW.text))
    ON CONFLICT (story_id) DO UPDATE SET document = EXCLUDED.document;
    RETURN NULL;
END
$$
--;
CREATE TRIGGER stories_learn AFTER INSERT ON stories
FOR EACH ROW EXECUTE FUNCTION keep_story_search()
--;
CREATE TRIGGER stories_reword AFTER UPDATE ON stories
FOR EACH ROW WHEN (OLD.title IS DISTINCT FROM NEW.title OR OLD.standfirst IS DISTINCT FROM NEW.standfirst OR OLD.text IS DISTINCT FROM NEW.text OR OLD.language IS DISTINCT FROM NEW.language) EXECUTE FUNCTION keep_story_search()
--;
CREATE FUNCTION keep_regrouped_story() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM story_facts WHERE story_id = NEW.id;
    INSERT INTO story_facts (story_id, verdict_id, cluster_id, stored_at, day, source, language, is_conflict, is_conflict_policy, announced_s, published_s, acts, actors, scored_acts, named_actors) 
SELECT
    stories.id,
    verdicts.id,
    stories.cluster_id,
    stories.stored_at,
    CAST(coalesce(stories.published_at, stories.stored_at) AT TIME ZONE 'UTC' AS date),
    coalesce(feeds.source, stories.site),
    coalesce(stories.language, 'und'),
    coalesce(cluster_verdicts.is_conflict, verdicts.is_conflict, false),
    coalesce(cluster_verdicts.is_conflict_policy, verdicts.is_conflict_policy, false),
    CAST(ceil((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision)) / (CASE WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 64 THEN 1 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 128 THEN 2 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 256 THEN 4 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 512 THEN 8 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 1024 THEN 16 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 2048 THEN 32 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 4096 THEN 64 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 8192 THEN 128 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 16384 THEN 256 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 32768 THEN 512 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 65536 THEN 1024 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 131072 THEN 2048 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 262144 THEN 4096 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 524288 THEN 8192 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 1048576 THEN 16384 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 2097152 THEN 32768 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 4194304 THEN 65536 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 8388608 THEN 131072 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 16777216 THEN 262144 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 33554432 THEN 524288 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 67108864 THEN 1048576 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 134217728 THEN 2097152 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 268435456 THEN 4194304 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 536870912 THEN 8388608 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 1073741824 THEN 16777216 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 2147483648 THEN 33554432 ELSE 67108864 END)) AS integer) * (CASE WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 64 THEN 1 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 128 THEN 2 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 256 THEN 4 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 512 THEN 8 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 1024 THEN 16 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 2048 THEN 32 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 4096 THEN 64 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 8192 THEN 128 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 16384 THEN 256 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 32768 THEN 512 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 65536 THEN 1024 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 131072 THEN 2048 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 262144 THEN 4096 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 524288 THEN 8192 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 1048576 THEN 16384 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 2097152 THEN 32768 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 4194304 THEN 65536 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 8388608 THEN 131072 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 16777216 THEN 262144 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 33554432 THEN 524288 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 67108864 THEN 1048576 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 134217728 THEN 2097152 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 268435456 THEN 4194304 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 536870912 THEN 8388608 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 1073741824 THEN 16777216 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 2147483648 THEN 33554432 ELSE 67108864 END),
    CAST(ceil((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision)) / (CASE WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 64 THEN 1 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 128 THEN 2 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 256 THEN 4 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 512 THEN 8 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 1024 THEN 16 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 2048 THEN 32 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 4096 THEN 64 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 8192 THEN 128 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 16384 THEN 256 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 32768 THEN 512 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 65536 THEN 1024 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 131072 THEN 2048 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 262144 THEN 4096 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 524288 THEN 8192 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 1048576 THEN 16384 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 2097152 THEN 32768 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 4194304 THEN 65536 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 8388608 THEN 131072 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 16777216 THEN 262144 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 33554432 THEN 524288 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 67108864 THEN 1048576 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 134217728 THEN 2097152 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 268435456 THEN 4194304 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 536870912 THEN 8388608 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 1073741824 THEN 16777216 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 2147483648 THEN 33554432 ELSE 67108864 END)) AS integer) * (CASE WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 64 THEN 1 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 128 THEN 2 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 256 THEN 4 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 512 THEN 8 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 1024 THEN 16 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 2048 THEN 32 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 4096 THEN 64 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 8192 THEN 128 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 16384 THEN 256 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 32768 THEN 512 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 65536 THEN 1024 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 131072 THEN 2048 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 262144 THEN 4096 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 524288 THEN 8192 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 1048576 THEN 16384 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 2097152 THEN 32768 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 4194304 THEN 65536 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 8388608 THEN 131072 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 16777216 THEN 262144 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 33554432 THEN 524288 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 67108864 THEN 1048576 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 134217728 THEN 2097152 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 268435456 THEN 4194304 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 536870912 THEN 8388608 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 1073741824 THEN 16777216 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 2147483648 THEN 33554432 ELSE 67108864 END),
    CASE WHEN coalesce(cluster_verdicts.is_conflict_policy, verdicts.is_conflict_policy, false) THEN (SELECT string_agg(word, ', ') FROM (SELECT act AS word FROM (
        SELECT act, score FROM cluster_acts WHERE cluster_id = cluster_verdicts.cluster_id
        UNION ALL
        SELECT act, score FROM verdict_acts WHERE verdict_id = verdicts.id AND cluster_verdicts.cluster_id IS NULL
    ) AS counting ORDER BY score DESC, act) AS words) END,
    CASE WHEN coalesce(cluster_verdicts.is_conflict_policy, verdicts.is_conflict_policy, false) THEN (SELECT string_agg(word, ', ') FROM (SELECT actor AS word FROM mentions WHERE story_id = stories.id GROUP BY actor ORDER BY count(*) DESC, min(id)) AS words) END,
    CASE WHEN coalesce(cluster_verdicts.is_conflict_policy, verdicts.is_conflict_policy, false) THEN (SELECT coalesce(jsonb_agg(jsonb_build_array(first, second)), '[]') FROM (SELECT act AS first, score AS second FROM (
        SELECT act, score FROM cluster_acts WHERE cluster_id = cluster_verdicts.cluster_id
        UNION ALL
        SELECT act, score FROM verdict_acts WHERE verdict_id = verdicts.id AND cluster_verdicts.cluster_id IS NULL
    ) AS counting ORDER BY score DESC, act) AS pairs) END,
    CASE WHEN coalesce(cluster_verdicts.is_conflict_policy, verdicts.is_conflict_policy, false) THEN (SELECT coalesce(jsonb_agg(jsonb_build_array(first, second)), '[]') FROM (SELECT actor AS first, kind AS second FROM mentions WHERE story_id = stories.id GROUP BY actor, kind ORDER BY count(*) DESC, min(id)) AS pairs) END
FROM stories
LEFT JOIN verdicts ON verdicts.story_id = stories.id AND verdicts.is_current
LEFT JOIN cluster_verdicts ON cluster_verdicts.cluster_id = stories.cluster_id AND verdicts.id IS NOT NULL
LEFT JOIN feeds ON feeds.id = stories.feed_id
WHERE stories.id = NEW.id;
    RETURN NULL;
END
$$
--;
CREATE FUNCTION keep_rejudged_story() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM story_facts WHERE story_id = NEW.story_id;
    INSERT INTO story_facts (story_id, verdict_id, cluster_id, stored_at, day, source, language, is_conflict, is_conflict_policy, announced_s, published_s, acts, actors, scored_acts, named_actors) 
SELECT
    stories.id,
    verdicts.id,
    stories.cluster_id,
    stories.stored_at,
    CAST(coalesce(stories.published_at, stories.stored_at) AT TIME ZONE 'UTC' AS date),
    coalesce(feeds.source, stories.site),
    coalesce(stories.language, 'und'),
    coalesce(cluster_verdicts.is_conflict, verdicts.is_conflict, false),
    coalesce(cluster_verdicts.is_conflict_policy, verdicts.is_conflict_policy, false),
    CAST(ceil((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision)) / (CASE WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 64 THEN 1 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 128 THEN 2 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 256 THEN 4 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 512 THEN 8 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 1024 THEN 16 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 2048 THEN 32 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 4096 THEN 64 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 8192 THEN 128 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 16384 THEN 256 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 32768 THEN 512 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 65536 THEN 1024 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 131072 THEN 2048 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 262144 THEN 4096 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 524288 THEN 8192 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 1048576 THEN 16384 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 2097152 THEN 32768 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 4194304 THEN 65536 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 8388608 THEN 131072 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 16777216 THEN 262144 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 33554432 THEN 524288 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 67108864 THEN 1048576 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 134217728 THEN 2097152 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 268435456 THEN 4194304 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 536870912 THEN 8388608 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 1073741824 THEN 16777216 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 2147483648 THEN 33554432 ELSE 67108864 END)) AS integer) * (CASE WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 64 THEN 1 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 128 THEN 2 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 256 THEN 4 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 512 THEN 8 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 1024 THEN 16 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 2048 THEN 32 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 4096 THEN 64 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 8192 THEN 128 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 16384 THEN 256 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 32768 THEN 512 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 65536 THEN 1024 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 131072 THEN 2048 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 262144 THEN 4096 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 524288 THEN 8192 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 1048576 THEN 16384 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 2097152 THEN 32768 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 4194304 THEN 65536 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 8388608 THEN 131072 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 16777216 THEN 262144 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 33554432 THEN 524288 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 67108864 THEN 1048576 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 134217728 THEN 2097152 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 268435456 THEN 4194304 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 536870912 THEN 8388608 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 1073741824 THEN 16777216 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 2147483648 THEN 33554432 ELSE 67108864 END),
    CAST(ceil((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision)) / (CASE WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 64 THEN 1 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 128 THEN 2 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 256 THEN 4 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 512 THEN 8 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 1024 THEN 16 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 2048 THEN 32 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 4096 THEN 64 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 8192 THEN 128 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 16384 THEN 256 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 32768 THEN 512 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 65536 THEN 1024 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 131072 THEN 2048 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 262144 THEN 4096 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 524288 THEN 8192 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 1048576 THEN 16384 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 2097152 THEN 32768 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 4194304 THEN 65536 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 8388608 THEN 131072 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 16777216 THEN 262144 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 33554432 THEN 524288 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 67108864 THEN 1048576 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 134217728 THEN 2097152 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 268435456 THEN 4194304 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 536870912 THEN 8388608 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 1073741824 THEN 16777216 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 2147483648 THEN 33554432 ELSE 67108864 END)) AS integer) * (CASE WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 64 THEN 1 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 128 THEN 2 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 256 THEN 4 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 512 THEN 8 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 1024 THEN 16 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 2048 THEN 32 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 4096 THEN 64 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 8192 THEN 128 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 16384 THEN 256 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 32768 THEN 512 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 65536 THEN 1024 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 131072 THEN 2048 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 262144 THEN 4096 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 524288 THEN 8192 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 1048576 THEN 16384 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 2097152 THEN 32768 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 4194304 THEN 65536 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 8388608 THEN 131072 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 16777216 THEN 262144 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 33554432 THEN 524288 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 67108864 THEN 1048576 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 134217728 THEN 2097152 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 268435456 THEN 4194304 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 536870912 THEN 8388608 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 1073741824 THEN 16777216 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 2147483648 THEN 33554432 ELSE 67108864 END),
    CASE WHEN coalesce(cluster_verdicts.is_conflict_policy, verdicts.is_conflict_policy, false) THEN (SELECT string_agg(word, ', ') FROM (SELECT act AS word FROM (
        SELECT act, score FROM cluster_acts WHERE cluster_id = cluster_verdicts.cluster_id
        UNION ALL
        SELECT act, score FROM verdict_acts WHERE verdict_id = verdicts.id AND cluster_verdicts.cluster_id IS NULL
    ) AS counting ORDER BY score DESC, act) AS words) END,
    CASE WHEN coalesce(cluster_verdicts.is_conflict_policy, verdicts.is_conflict_policy, false) THEN (SELECT string_agg(word, ', ') FROM (SELECT actor AS word FROM mentions WHERE story_id = stories.id GROUP BY actor ORDER BY count(*) DESC, min(id)) AS words) END,
    CASE WHEN coalesce(cluster_verdicts.is_conflict_policy, verdicts.is_conflict_policy, false) THEN (SELECT coalesce(jsonb_agg(jsonb_build_array(first, second)), '[]') FROM (SELECT act AS first, score AS second FROM (
        SELECT act, score FROM cluster_acts WHERE cluster_id = cluster_verdicts.cluster_id
        UNION ALL
        SELECT act, score FROM verdict_acts WHERE verdict_id = verdicts.id AND cluster_verdicts.cluster_id IS NULL
    ) AS counting ORDER BY score DESC, act) AS pairs) END,
    CASE WHEN coalesce(cluster_verdicts.is_conflict_policy, verdicts.is_conflict_policy, false) THEN (SELECT coalesce(jsonb_agg(jsonb_build_array(first, second)), '[]') FROM (SELECT actor AS first, kind AS second FROM mentions WHERE story_id = stories.id GROUP BY actor, kind ORDER BY count(*) DESC, min(id)) AS pairs) END
FROM stories
LEFT JOIN verdicts ON verdicts.story_id = stories.id AND verdicts.is_current
LEFT JOIN cluster_verdicts ON cluster_verdicts.cluster_id = stories.cluster_id AND verdicts.id IS NOT NULL
LEFT JOIN feeds ON feeds.id = stories.feed_id
WHERE stories.id = NEW.story_id;
    RETURN NULL;
END
$$
--;
CREATE FUNCTION tally_story_facts() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    sign integer := CASE TG_OP WHEN 'INSERT' THEN 1 ELSE -1 END;
BEGIN
    IF NOT EXISTS (SELECT FROM changed) THEN
        RETURN NULL;
    END IF;
    INSERT INTO hour_tallies (is_folded, hour, source, language, stories, conflict, conflict_policy)
    SELECT false, date_trunc('hour', stored_at, 'UTC'), source, language, sign * count(*), sign * count(*) FILTER (WHERE is_conflict), sign * count(*) FILTER (WHERE is_conflict_policy) FROM changed GROUP BY 2, 3, 4;
    INSERT INTO day_tallies (is_folded, day, source, language, stories, conflict, conflict_policy)
    SELECT false, CAST(stored_at AT TIME ZONE 'UTC' AS date), source, language, sign * count(*), sign * count(*) FILTER (WHERE is_conflict), sign * count(*) FILTER (WHERE is_conflict_policy) FROM changed GROUP BY 2, 3, 4;
    INSERT INTO latency_tallies (is_folded, day, since, seconds, stories)
    SELECT false, CAST(stored_at AT TIME ZONE 'UTC' AS date), 'announced', announced_s, sign * count(*) FROM changed GROUP BY 2, 4
    UNION ALL
    SELECT false, CAST(stored_at AT TIME ZONE 'UTC' AS date), 'published', published_s, sign * count(*) FROM changed
    WHERE published_s IS NOT NULL GROUP BY 2, 4;
    INSERT INTO act_tallies (is_folded, day, act, actor, language, stories)
    SELECT false, day, act, actor, language, sign * count(*)
    FROM changed, LATERAL (
            SELECT act, '' AS actor FROM (SELECT DISTINCT pair->>0 AS act FROM jsonb_array_elements(scored_acts) AS pair) AS a UNION ALL SELECT '', actor FROM (SELECT DISTINCT pair->>0 AS actor FROM jsonb_array_elements(named_actors) AS pair) AS b
            UNION ALL SELECT act, actor FROM (SELECT DISTINCT pair->>0 AS act FROM jsonb_array_elements(scored_acts) AS pair) AS a, (SELECT DISTINCT pair->>0 AS actor FROM jsonb_array_elements(named_actors) AS pair) AS b
        ) AS named
    WHERE is_conflict_policy GROUP BY day, act, actor, language;
    RETURN NULL;
END
$$
--;
CREATE TRIGGER stories_regroup AFTER UPDATE ON stories
FOR EACH ROW WHEN (OLD.feed_id IS DISTINCT FROM NEW.feed_id OR OLD.cluster_id IS DISTINCT FROM NEW.cluster_id) EXECUTE FUNCTION keep_regrouped_story()
--;
CREATE TRIGGER verdicts_retire AFTER UPDATE ON verdicts
FOR EACH ROW WHEN (OLD.is_current AND NOT NEW.is_current) EXECUTE FUNCTION keep_rejudged_story()
--;
CREATE TRIGGER story_facts_come AFTER INSERT ON story_facts
REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION tally_story_facts()
--;
CREATE TRIGGER story_facts_go AFTER DELETE ON story_facts
REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION tally_story_facts()
--;
CREATE FUNCTION tally_urls() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    sign integer := CASE TG_OP WHEN 'INSERT' THEN 1 ELSE -1 END;
BEGIN
    INSERT INTO url_tallies (is_folded, state, reason, urls) SELECT false, state, reason, sign * count(*) FROM changed GROUP BY state, reason;
    RETURN NULL;
END
$$
--;
CREATE FUNCTION tally_moved_urls() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO url_tallies (is_folded, state, reason, urls)
    SELECT false, state, reason, sum(sign) FROM (
        SELECT state, reason, 1 AS sign FROM moved_to UNION ALL SELECT state, reason, -1 FROM moved_from
    ) AS moved
    GROUP BY state, reason HAVING sum(sign) <> 0;
    RETURN NULL;
END
$$
--;
CREATE TRIGGER urls_come AFTER INSERT ON urls
REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION tally_urls()
--;
CREATE TRIGGER urls_go AFTER DELETE ON urls
REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION tally_urls()
--;
CREATE TRIGGER urls_move AFTER UPDATE ON urls
REFERENCING OLD TABLE AS moved_from NEW TABLE AS moved_to FOR EACH STATEMENT EXECUTE FUNCTION tally_moved_urls()
--;
INSERT INTO story_search (story_id, document)
SELECT id, search_document(language, title, standfirst, text) FROM stories
--;
INSERT INTO story_facts (story_id, verdict_id, cluster_id, stored_at, day, source, language, is_conflict, is_conflict_policy, announced_s, published_s, acts, actors, scored_acts, named_actors) SELECT
    stories.id,
    verdicts.id,
    stories.cluster_id,
    stories.stored_at,
    CAST(coalesce(stories.published_at, stories.stored_at) AT TIME ZONE 'UTC' AS date),
    coalesce(feeds.source, stories.site),
    coalesce(stories.language, 'und'),
    coalesce(cluster_verdicts.is_conflict, verdicts.is_conflict, false),
    coalesce(cluster_verdicts.is_conflict_policy, verdicts.is_conflict_policy, false),
    CAST(ceil((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision)) / (CASE WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 64 THEN 1 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 128 THEN 2 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 256 THEN 4 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 512 THEN 8 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 1024 THEN 16 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 2048 THEN 32 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 4096 THEN 64 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 8192 THEN 128 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 16384 THEN 256 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 32768 THEN 512 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 65536 THEN 1024 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 131072 THEN 2048 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 262144 THEN 4096 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 524288 THEN 8192 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 1048576 THEN 16384 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 2097152 THEN 32768 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 4194304 THEN 65536 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 8388608 THEN 131072 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 16777216 THEN 262144 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 33554432 THEN 524288 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 67108864 THEN 1048576 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 134217728 THEN 2097152 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 268435456 THEN 4194304 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 536870912 THEN 8388608 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 1073741824 THEN 16777216 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 2147483648 THEN 33554432 ELSE 67108864 END)) AS integer) * (CASE WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 64 THEN 1 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 128 THEN 2 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 256 THEN 4 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 512 THEN 8 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 1024 THEN 16 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 2048 THEN 32 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 4096 THEN 64 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 8192 THEN 128 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 16384 THEN 256 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 32768 THEN 512 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 65536 THEN 1024 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 131072 THEN 2048 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 262144 THEN 4096 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 524288 THEN 8192 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 1048576 THEN 16384 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 2097152 THEN 32768 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 4194304 THEN 65536 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 8388608 THEN 131072 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 16777216 THEN 262144 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 33554432 THEN 524288 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 67108864 THEN 1048576 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 134217728 THEN 2097152 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 268435456 THEN 4194304 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 536870912 THEN 8388608 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 1073741824 THEN 16777216 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.announced_at), 3) AS double precision))) < 2147483648 THEN 33554432 ELSE 67108864 END),
    CAST(ceil((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision)) / (CASE WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 64 THEN 1 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 128 THEN 2 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 256 THEN 4 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 512 THEN 8 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 1024 THEN 16 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 2048 THEN 32 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 4096 THEN 64 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 8192 THEN 128 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 16384 THEN 256 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 32768 THEN 512 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 65536 THEN 1024 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 131072 THEN 2048 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 262144 THEN 4096 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 524288 THEN 8192 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 1048576 THEN 16384 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 2097152 THEN 32768 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 4194304 THEN 65536 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 8388608 THEN 131072 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 16777216 THEN 262144 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 33554432 THEN 524288 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 67108864 THEN 1048576 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 134217728 THEN 2097152 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 268435456 THEN 4194304 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 536870912 THEN 8388608 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 1073741824 THEN 16777216 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 2147483648 THEN 33554432 ELSE 67108864 END)) AS integer) * (CASE WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 64 THEN 1 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 128 THEN 2 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 256 THEN 4 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 512 THEN 8 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 1024 THEN 16 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 2048 THEN 32 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 4096 THEN 64 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 8192 THEN 128 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 16384 THEN 256 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 32768 THEN 512 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 65536 THEN 1024 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 131072 THEN 2048 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 262144 THEN 4096 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 524288 THEN 8192 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 1048576 THEN 16384 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 2097152 THEN 32768 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 4194304 THEN 65536 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 8388608 THEN 131072 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 16777216 THEN 262144 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 33554432 THEN 524288 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 67108864 THEN 1048576 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 134217728 THEN 2097152 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 268435456 THEN 4194304 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 536870912 THEN 8388608 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 1073741824 THEN 16777216 WHEN abs((CAST(round(extract(epoch FROM stories.stored_at - stories.published_at), 3) AS double precision))) < 2147483648 THEN 33554432 ELSE 67108864 END),
    CASE WHEN coalesce(cluster_verdicts.is_conflict_policy, verdicts.is_conflict_policy, false) THEN (SELECT string_agg(word, ', ') FROM (SELECT act AS word FROM (
        SELECT act, score FROM cluster_acts WHERE cluster_id = cluster_verdicts.cluster_id
        UNION ALL
        SELECT act, score FROM verdict_acts WHERE verdict_id = verdicts.id AND cluster_verdicts.cluster_id IS NULL
    ) AS counting ORDER BY score DESC, act) AS words) END,
    CASE WHEN coalesce(cluster_verdicts.is_conflict_policy, verdicts.is_conflict_policy, false) THEN (SELECT string_agg(word, ', ') FROM (SELECT actor AS word FROM mentions WHERE story_id = stories.id GROUP BY actor ORDER BY count(*) DESC, min(id)) AS words) END,
    CASE WHEN coalesce(cluster_verdicts.is_conflict_policy, verdicts.is_conflict_policy, false) THEN (SELECT coalesce(jsonb_agg(jsonb_build_array(first, second)), '[]') FROM (SELECT act AS first, score AS second FROM (
        SELECT act, score FROM cluster_acts WHERE cluster_id = cluster_verdicts.cluster_id
        UNION ALL
        SELECT act, score FROM verdict_acts WHERE verdict_id = verdicts.id AND cluster_verdicts.cluster_id IS NULL
    ) AS counting ORDER BY score DESC, act) AS pairs) END,
    CASE WHEN coalesce(cluster_verdicts.is_conflict_policy, verdicts.is_conflict_policy, false) THEN (SELECT coalesce(jsonb_agg(jsonb_build_array(first, second)), '[]') FROM (SELECT actor AS first, kind AS second FROM mentions WHERE story_id = stories.id GROUP BY actor, kind ORDER BY count(*) DESC, min(id)) AS pairs) END
FROM stories
LEFT JOIN verdicts ON verdicts.story_id = stories.id AND verdicts.is_current
LEFT JOIN cluster_verdicts ON cluster_verdicts.cluster_id = stories.cluster_id AND verdicts.id IS NOT NULL
LEFT JOIN feeds ON feeds.id = stories.feed_id
--;
INSERT INTO url_tallies (is_folded, state, reason, urls)
SELECT true, state, reason, count(*) FROM urls GROUP BY state, reason
--;
CREATE VIEW conflict_policy_stories AS
SELECT
    story_facts.story_id,
    stories.title,
    stories.url,
    stories.site,
    story_facts.source,
    story_facts.language,
    stories.section,
    stories.dateline,
    stories.standfirst,
    stories.published_at,
    story_facts.stored_at,
    stories.revised_at,
    stories.revision,
    stories.word_count,
    stories.access,
    story_facts.cluster_id,
    coalesce(cluster_verdicts.conflict_policy, verdicts.conflict_policy) AS score,
    coalesce(cluster_verdicts.threshold, verdicts.threshold) AS threshold,
    story_facts.acts,
    story_facts.actors,
    verdicts.model,
    verdicts.judged_at,
    stories.status,
    stories.gone_at,
    verdicts.conflict_policy AS own_score,
    (SELECT string_agg(word, ', ') FROM (SELECT code AS word FROM (SELECT pair->>0 AS act, CAST(pair->>1 AS double precision) AS score FROM jsonb_array_elements(story_facts.scored_acts) AS pair) AS scored JOIN act_codes ON act_codes.act = scored.act WHERE scheme = 'plover' GROUP BY code ORDER BY max(score) DESC, min(place), code) AS words) AS plover,
    (SELECT string_agg(word, ', ') FROM (SELECT code AS word FROM (SELECT pair->>0 AS act, CAST(pair->>1 AS double precision) AS score FROM jsonb_array_elements(story_facts.scored_acts) AS pair) AS scored JOIN act_codes ON act_codes.act = scored.act WHERE scheme = 'cameo' GROUP BY code ORDER BY max(score) DESC, min(place), code) AS words) AS cameo,
    (SELECT string_agg(word, ', ') FROM (SELECT code AS word FROM (SELECT pair->>0 AS act, CAST(pair->>1 AS double precision) AS score FROM jsonb_array_elements(story_facts.scored_acts) AS pair) AS scored JOIN act_codes ON act_codes.act = scored.act WHERE scheme = 'medtop' GROUP BY code ORDER BY max(score) DESC, min(place), code) AS words) AS medtop
FROM story_facts
LEFT JOIN stories ON stories.id = story_facts.story_id
LEFT JOIN verdicts ON verdicts.id = story_facts.verdict_id
LEFT JOIN cluster_verdicts ON cluster_verdicts.cluster_id = story_facts.cluster_id
WHERE story_facts.is_conflict_policy = true
--;
CREATE VIEW pipeline_funnel AS
SELECT
    state,
    reason,
    urls,
    CASE WHEN reason IS NULL THEN (SELECT min(urls.announced_at) FROM urls WHERE urls.state = tallied.state AND urls.reason IS NULL) ELSE (SELECT min(urls.announced_at) FROM urls WHERE urls.state = tallied.state AND urls.reason = tallied.reason) END AS oldest_announced_at
FROM (
    SELECT state, reason, sum(urls) AS urls FROM url_tallies GROUP BY state, reason HAVING sum(urls) > 0
) AS tallied
--;
CREATE VIEW latency AS
WITH counted AS (
    SELECT day, since, seconds, sum(stories) AS stories
    FROM latency_tallies
    GROUP BY day, since, seconds
    HAVING sum(stories) > 0
),
ranked AS (
    SELECT
        day,
        since,
        seconds,
        stories,
        sum(stories) OVER (PARTITION BY day, since ORDER BY seconds) AS reached,
        sum(stories) OVER (PARTITION BY day, since) AS total
    FROM counted
)
SELECT
    day,
    CAST(sum(CASE WHEN since = 'announced' THEN stories ELSE 0 END) AS bigint) AS stories,
    CAST(sum(CASE WHEN since = 'published' THEN stories ELSE 0 END) AS bigint) AS dated_stories,
    CAST(min(CASE WHEN since = 'published' AND reached >= (CAST(total AS bigint) * 50 + 99) / 100 THEN seconds END) AS double precision) AS published_p50_s,
    CAST(min(CASE WHEN since = 'published' AND reached >= (CAST(total AS bigint) * 95 + 99) / 100 THEN seconds END) AS double precision) AS published_p95_s,
    CAST(min(CASE WHEN since = 'announced' AND reached >= (CAST(total AS bigint) * 50 + 99) / 100 THEN seconds END) AS double precision) AS announced_p50_s,
    CAST(min(CASE WHEN since = 'announced' AND reached >= (CAST(total AS bigint) * 95 + 99) / 100 THEN seconds END) AS double precision) AS announced_p95_s
FROM ranked
GROUP BY day
--;
CREATE VIEW volume_hourly AS
SELECT
    hour,
    source,
    language,
    sum(stories) AS stories,
    sum(conflict) AS conflict,
    sum(conflict_policy) AS conflict_policy
FROM hour_tallies
GROUP BY hour, source, language
HAVING sum(stories) > 0
--;
CREATE VIEW volume_daily AS
SELECT
    day,
    source,
    language,
    sum(stories) AS stories,
    sum(conflict) AS conflict,
    sum(conflict_policy) AS conflict_policy
FROM day_tallies
GROUP BY day, source, language
HAVING sum(stories) > 0
--;
CREATE VIEW policy_acts AS
SELECT
    story_facts.day,
    acts.pair->>0 AS act,
    actors.pair->>0 AS actor,
    actors.pair->>1 AS actor_kind,
    story_facts.story_id,
    story_facts.source,
    story_facts.language,
    story_facts.stored_at,
    CAST(acts.pair->>1 AS double precision) AS score
FROM story_facts
CROSS JOIN LATERAL jsonb_array_elements(story_facts.scored_acts) AS acts (pair)
LEFT JOIN LATERAL jsonb_array_elements(story_facts.named_actors) AS actors (pair) ON true
WHERE story_facts.is_conflict_policy = true
--;
CREATE VIEW policy_acts_daily AS
SELECT day, act, actor, language, sum(stories) AS stories
FROM act_tallies
WHERE act <> '' AND actor <> ''
GROUP BY day, act, actor, language
HAVING sum(stories) > 0
--;
CREATE VIEW acts_daily AS
SELECT day, act, language, sum(stories) AS stories
FROM act_tallies
WHERE act <> '' AND actor = ''
GROUP BY day, act, language
HAVING sum(stories) > 0
--;
CREATE VIEW actors_daily AS
SELECT day, actor, language, sum(stories) AS stories
FROM act_tallies
WHERE act = '' AND actor <> ''
GROUP BY day, actor, language
HAVING sum(stories) > 0
--;
CREATE VIEW story_details AS
SELECT
    stories.id AS story_id,
    stories.url,
    stories.site,
    coalesce(feeds.source, stories.site) AS source,
    coalesce(stories.language, 'und') AS language,
    stories.kicker,
    stories.title,
    stories.standfirst,
    stories.text,
    stories.authors,
    stories.dateline,
    stories.captions,
    stories.credits,
    stories.section,
    stories.access,
    stories.published_at,
    stories.modified_at,
    stories.announced_at,
    stories.stored_at,
    stories.revised_at,
    stories.revision,
    stories.word_count,
    stories.cluster_id,
    stories.page_id,
    coalesce(cluster_verdicts.conflict, verdicts.conflict) AS conflict,
    coalesce(cluster_verdicts.conflict_policy, verdicts.conflict_policy) AS conflict_policy,
    coalesce(cluster_verdicts.threshold, verdicts.threshold) AS threshold,
    coalesce(cluster_verdicts.is_conflict, verdicts.is_conflict) AS is_conflict,
    coalesce(cluster_verdicts.is_conflict_policy, verdicts.is_conflict_policy) AS is_conflict_policy,
    verdicts.conflict_policy AS own_conflict_policy,
    CASE WHEN verdicts.id IS NOT NULL THEN coalesce(cluster_verdicts.stories, 1) END AS pooled_stories,
    verdicts.language_supported,
    verdicts.evidence,
    verdicts.model,
    verdicts.judged_at,
    story_facts.acts,
    story_facts.scored_acts,
    story_facts.actors
FROM stories
LEFT JOIN verdicts ON verdicts.story_id = stories.id AND verdicts.is_current
LEFT JOIN cluster_verdicts ON cluster_verdicts.cluster_id = stories.cluster_id AND verdicts.id IS NOT NULL
LEFT JOIN story_facts ON story_facts.story_id = stories.id
LEFT JOIN feeds ON feeds.id = stories.feed_id
--;
CREATE VIEW story_dropped_lines AS
SELECT stories.id AS story_id, dropped_lines.position, dropped_lines.line, dropped_lines.rule
FROM stories
JOIN dropped_lines ON dropped_lines.url_id = stories.url_id
--;
CREATE VIEW story_copies AS
SELECT
    stories.id AS story_id,
    other.id AS copy_story_id,
    other.site,
    other.url,
    other.title,
    other.stored_at AS seen_at
FROM stories
JOIN stories AS other ON other.cluster_id = stories.cluster_id AND other.id <> stories.id
UNION ALL
SELECT stories.id, NULL, urls.site, urls.url, coalesce(story_links.title, urls.entry_title), story_links.linked_at
FROM stories
JOIN stories AS matched ON matched.cluster_id = stories.cluster_id
JOIN story_links ON story_links.matched_story_id = matched.id
    AND story_links.relation = 'copy' AND story_links.story_id IS NULL
JOIN urls ON urls.id = story_links.url_id
--;
CREATE VIEW archived_pages AS
SELECT
    pages.id AS page_id,
    stories.id AS story_id,
    pages.final_url,
    pages.status,
    pages.content_type,
    pages.fetched_at,
    pages.body_bytes,
    pages.warc_file,
    pages.warc_offset,
    pages.warc_length
FROM stories
JOIN pages ON pages.url_id = stories.url_id
--;
