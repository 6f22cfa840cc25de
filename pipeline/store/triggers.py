# ruff: noqa: S608 - the SQL is made of constants of this package alone
"""What the database keeps by itself: the tallies behind the dashboards, and the full-text index.

Triggers, so that every writer counts, in the transaction that makes the change: the ledger's bulk updates, a story that
is deleted with its URL, a feed that is taken away. A trigger appends rows and changes none, so two writers never wait
for one another's count (docs/decisions/0016).

SQLite triggers see one row. PostgreSQL's see a whole statement, so that a thousand URLs cost a few counts.
"""

from __future__ import annotations

from sqlalchemy import Connection

from pipeline.store import act_stories, cluster_marks, place_counts, poll_days
from pipeline.store.dialects import day_of, hour_of, item_of, sqlite_trigger
from pipeline.store.facts import COLUMNS, select_facts
from pipeline.store.readers_search import search_function
from pipeline.store.search_index import SEARCHED, sqlite_index

# Columns of a story that its facts repeat, and that change without a new verdict.
GROUPED = ("feed_id", "cluster_id")
# Those of SQLite that tally what comes to `story_facts` and what goes.
FACT_TRIGGERS = ("story_facts_come", "story_facts_policy_come", "story_facts_go", "story_facts_policy_go")
# What PostgreSQL indexes of a text, in code points: a tsvector ends at 1 MiB, and an error would lose the story.
SEARCHED_MAX = 100_000
# Language tag -> PostgreSQL's text search configuration. Every other language is indexed by its words as they are.
SEARCH_CONFIGS = {
    "ar": "arabic", "ca": "catalan", "da": "danish", "de": "german", "el": "greek", "en": "english", "es": "spanish",
    "eu": "basque", "fi": "finnish", "fr": "french", "ga": "irish", "hi": "hindi", "hu": "hungarian",
    "hy": "armenian", "id": "indonesian", "it": "italian", "lt": "lithuanian", "ne": "nepali", "nl": "dutch",
    "no": "norwegian", "nb": "norwegian", "nn": "norwegian", "pt": "portuguese", "ro": "romanian", "ru": "russian",
    "sr": "serbian", "sv": "swedish", "ta": "tamil", "tr": "turkish", "yi": "yiddish",
}  # fmt: skip


def create_triggers(connection: Connection) -> None:
    """Makes the full-text index, empty, and every trigger; the tables must be there, the triggers must not."""
    for statement in statements_for(connection.dialect.name).values():
        connection.exec_driver_sql(statement)


def statements_for(dialect: str) -> dict[str, str]:
    """What is made, by the name of each object, in the order to make it."""
    return _postgres() if dialect == "postgresql" else _sqlite()


def trigger_names(dialect: str) -> set[str]:
    """The names of the triggers alone."""
    return {name for name, made in statements_for(dialect).items() if made.startswith("CREATE TRIGGER")}


def tally_all_facts() -> list[str]:
    """SQLite's statements that tally all of `story_facts` in folded rows, as the triggers would one by one."""
    stored_day = day_of("sqlite", "stored_at")
    counted = "source, language, stories, conflict, conflict_policy"
    volumes = [
        f"""INSERT INTO {unit}_tallies (is_folded, {unit}, {counted})
SELECT true, {instant}, source, language, count(*), sum(is_conflict), sum(is_conflict_policy)
FROM story_facts GROUP BY 2, 3, 4"""
        for unit, instant in (("hour", hour_of("sqlite", "stored_at")), ("day", stored_day))
    ]
    waits = [
        f"""INSERT INTO latency_tallies (is_folded, day, since, seconds, stories)
SELECT true, {stored_day}, '{since}', {since}_s, count(*) FROM story_facts WHERE {since}_s IS NOT NULL GROUP BY 2, 4"""
        for since in ("announced", "published")
    ]
    acts, actors = "json_each(scored_acts) AS acts", "json_each(named_actors) AS actors"
    act, actor = item_of("sqlite", 0, "acts.value"), item_of("sqlite", 0, "actors.value")
    # An actor of two kinds is one actor.
    named = [
        f"""INSERT INTO act_tallies (is_folded, day, act, actor, language, stories)
SELECT true, day, {one}, {other}, language, count(DISTINCT story_id) FROM story_facts, {rows}
WHERE is_conflict_policy GROUP BY 2, 3, 4, 5"""
        for one, other, rows in ((act, "''", acts), ("''", actor, actors), (act, actor, f"{acts}, {actors}"))
    ]
    return [*volumes, *waits, *named, *place_counts.count_all(), act_stories.sqlite_rows("story_facts")]


# ------------------------------------------------------------------------------------------------------------ SQLite


def _sqlite() -> dict[str, str]:
    is_regrouped = " OR ".join(f"OLD.{column} IS NOT NEW.{column}" for column in GROUPED)
    return {
        **sqlite_index(),
        **sqlite_trigger(
            "stories_regroup",
            f"AFTER UPDATE OF {', '.join(GROUPED)} ON stories WHEN {is_regrouped}",
            *_facts("sqlite", "NEW.id"),
        ),
        **sqlite_trigger(
            "verdicts_retire",
            "AFTER UPDATE OF is_current ON verdicts WHEN OLD.is_current AND NOT NEW.is_current",
            *_facts("sqlite", "NEW.story_id"),
        ),
        **_sqlite_facts("come", "AFTER INSERT", "NEW", 1),
        **_sqlite_facts("go", "AFTER DELETE", "OLD", -1),
        **sqlite_trigger("urls_come", "AFTER INSERT ON urls", _sqlite_url("NEW", 1)),
        **sqlite_trigger("urls_go", "AFTER DELETE ON urls", _sqlite_url("OLD", -1)),
        **sqlite_trigger(
            "urls_move",
            "AFTER UPDATE OF state, reason ON urls WHEN OLD.state IS NOT NEW.state OR OLD.reason IS NOT NEW.reason",
            _sqlite_url("OLD", -1),
            _sqlite_url("NEW", 1),
        ),
        **poll_days.statements("sqlite"),
        **cluster_marks.statements("sqlite"),
    }


def _facts(dialect: str, story_id: str) -> tuple[str, str]:
    """The statements that make the facts of one story anew."""
    made = f"INSERT INTO story_facts ({', '.join(COLUMNS)}) {select_facts(dialect, f'stories.id = {story_id}')}"
    return f"DELETE FROM story_facts WHERE story_id = {story_id}", made


def _sqlite_url(row: str, sign: int) -> str:
    return f"INSERT INTO url_tallies (is_folded, state, reason, urls) VALUES (0, {row}.state, {row}.reason, {sign})"


def _sqlite_facts(way: str, when: str, row: str, sign: int) -> dict[str, str]:
    """Tallies a row. Five stories of six are not of conflict policy and have nothing else to be tallied."""
    of_policy = f"{when} ON story_facts WHEN {row}.is_conflict_policy"
    return {
        **sqlite_trigger(f"story_facts_{way}", f"{when} ON story_facts", *_sqlite_volume(row, sign)),
        **sqlite_trigger(f"story_facts_policy_{way}", of_policy, *_sqlite_policy(row, sign)),
    }


def _sqlite_volume(row: str, sign: int) -> list[str]:
    volume = f"{row}.source, {row}.language, {sign}, {sign} * {row}.is_conflict, {sign} * {row}.is_conflict_policy"
    counted = "source, language, stories, conflict, conflict_policy"
    stored_day = day_of("sqlite", f"{row}.stored_at")
    latency = "INSERT INTO latency_tallies (is_folded, day, since, seconds, stories)"
    return [
        f"""INSERT INTO hour_tallies (is_folded, hour, {counted})
    VALUES (0, {hour_of("sqlite", f"{row}.stored_at")}, {volume})""",
        f"INSERT INTO day_tallies (is_folded, day, {counted}) VALUES (0, {stored_day}, {volume})",
        f"{latency} VALUES (0, {stored_day}, 'announced', {row}.announced_s, {sign})",
        f"""{latency} SELECT 0, {stored_day}, 'published', {row}.published_s, {sign}
    WHERE {row}.published_s IS NOT NULL""",
    ]


def _sqlite_policy(row: str, sign: int) -> list[str]:
    act, actor = "json_extract(acts.value, '$[0]')", "json_extract(actors.value, '$[0]')"
    acts = f"(SELECT DISTINCT {act} AS act FROM json_each({row}.scored_acts) AS acts)"
    actors = f"(SELECT DISTINCT {actor} AS actor FROM json_each({row}.named_actors) AS actors)"
    pairs = f"""SELECT act, '' AS actor FROM {acts} UNION ALL SELECT '', actor FROM {actors}
        UNION ALL SELECT act, actor FROM {acts}, {actors}"""
    return [
        f"""INSERT INTO act_tallies (is_folded, day, act, actor, language, stories)
    SELECT 0, {row}.day, act, actor, {row}.language, {sign} FROM ({pairs})""",
        place_counts.count_row(row, sign),
        act_stories.sqlite_rows("NEW") if sign > 0 else act_stories.sqlite_go(),
    ]


# -------------------------------------------------------------------------------------------------------- PostgreSQL


def _postgres() -> dict[str, str]:
    return {
        **_postgres_search(),
        **_postgres_facts(),
        **_postgres_urls(),
        **poll_days.statements("postgresql"),
        **cluster_marks.statements("postgresql"),
    }


def _postgres_search() -> dict[str, str]:
    cases = "\n        ".join(f"WHEN '{tag}' THEN '{config}'::regconfig" for tag, config in SEARCH_CONFIGS.items())
    is_reworded = " OR ".join(f"OLD.{column} IS DISTINCT FROM NEW.{column}" for column in (*SEARCHED, "language"))
    return {
        "story_search": """CREATE TABLE story_search (
    story_id bigint NOT NULL CONSTRAINT pk_story_search PRIMARY KEY
        CONSTRAINT fk_story_search_story_id_stories REFERENCES stories (id) ON DELETE CASCADE,
    document tsvector NOT NULL
)""",
        "ix_story_search_document": "CREATE INDEX ix_story_search_document ON story_search USING gin (document)",
        "search_config": f"""CREATE FUNCTION search_config(tag text) RETURNS regconfig
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE split_part(lower(tag), '-', 1)
        {cases}
        ELSE 'simple'::regconfig
    END
$$""",
        "search_document": f"""CREATE FUNCTION search_document(language text, title text, standfirst text, body text)
RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT setweight(to_tsvector(search_config(language), title), 'A')
        || setweight(to_tsvector(search_config(language), left(coalesce(standfirst, ''), {SEARCHED_MAX})), 'B')
        || to_tsvector(search_config(language), left(body, {SEARCHED_MAX}))
$$""",
        "keep_story_search": """CREATE FUNCTION keep_story_search() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO story_search (story_id, document)
    VALUES (NEW.id, search_document(NEW.language, NEW.title, NEW.standfirst, NEW.text))
    ON CONFLICT (story_id) DO UPDATE SET document = EXCLUDED.document;
    RETURN NULL;
END
$$""",
        "stories_learn": """CREATE TRIGGER stories_learn AFTER INSERT ON stories
FOR EACH ROW EXECUTE FUNCTION keep_story_search()""",
        "stories_reword": f"""CREATE TRIGGER stories_reword AFTER UPDATE ON stories
FOR EACH ROW WHEN ({is_reworded}) EXECUTE FUNCTION keep_story_search()""",
        "search_stories": search_function(SEARCH_CONFIGS),
    }


def _postgres_facts() -> dict[str, str]:
    is_regrouped = " OR ".join(f"OLD.{column} IS DISTINCT FROM NEW.{column}" for column in GROUPED)
    regroup, rejudge = (";\n    ".join(_facts("postgresql", key)) for key in ("NEW.id", "NEW.story_id"))
    volume = "sign * count(*), sign * count(*) FILTER (WHERE is_conflict)"
    volume += ", sign * count(*) FILTER (WHERE is_conflict_policy)"
    counted = "source, language, stories, conflict, conflict_policy"
    latency = "INSERT INTO latency_tallies (is_folded, day, since, seconds, stories)"
    stored_day = day_of("postgresql", "stored_at")
    acts = "(SELECT DISTINCT pair->>0 AS act FROM jsonb_array_elements(scored_acts) AS pair)"
    actors = "(SELECT DISTINCT pair->>0 AS actor FROM jsonb_array_elements(named_actors) AS pair)"
    pairs = f"""SELECT act, '' AS actor FROM {acts} AS a UNION ALL SELECT '', actor FROM {actors} AS b
            UNION ALL SELECT act, actor FROM {acts} AS a, {actors} AS b"""
    fires = "FOR EACH STATEMENT EXECUTE FUNCTION tally_story_facts()"
    return {
        **{
            name: f"""CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    {statements};
    RETURN NULL;
END
$$"""
            for name, statements in (("keep_regrouped_story", regroup), ("keep_rejudged_story", rejudge))
        },
        "tally_story_facts": f"""CREATE FUNCTION tally_story_facts() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    sign integer := CASE TG_OP WHEN 'INSERT' THEN 1 ELSE -1 END;
    gone record;
BEGIN
    IF NOT EXISTS (SELECT FROM changed) THEN
        RETURN NULL;
    END IF;
    INSERT INTO hour_tallies (is_folded, hour, {counted})
    SELECT false, {hour_of("postgresql", "stored_at")}, source, language, {volume} FROM changed GROUP BY 2, 3, 4;
    INSERT INTO day_tallies (is_folded, day, {counted})
    SELECT false, {stored_day}, source, language, {volume} FROM changed GROUP BY 2, 3, 4;
    {latency}
    SELECT false, {stored_day}, 'announced', announced_s, sign * count(*) FROM changed GROUP BY 2, 4
    UNION ALL
    SELECT false, {stored_day}, 'published', published_s, sign * count(*) FROM changed
    WHERE published_s IS NOT NULL GROUP BY 2, 4;
    INSERT INTO act_tallies (is_folded, day, act, actor, language, stories)
    SELECT false, day, act, actor, language, sign * count(*)
    FROM changed, LATERAL (
            {pairs}
        ) AS named
    WHERE is_conflict_policy GROUP BY day, act, actor, language;
    {place_counts.count_changed()};
    IF TG_OP = 'INSERT' THEN
        {act_stories.postgres_come()};
    ELSE
        {act_stories.postgres_go()};
    END IF;
    RETURN NULL;
END
$$""",
        "stories_regroup": f"""CREATE TRIGGER stories_regroup AFTER UPDATE ON stories
FOR EACH ROW WHEN ({is_regrouped}) EXECUTE FUNCTION keep_regrouped_story()""",
        "verdicts_retire": """CREATE TRIGGER verdicts_retire AFTER UPDATE ON verdicts
FOR EACH ROW WHEN (OLD.is_current AND NOT NEW.is_current) EXECUTE FUNCTION keep_rejudged_story()""",
        "story_facts_come": f"""CREATE TRIGGER story_facts_come AFTER INSERT ON story_facts
REFERENCING NEW TABLE AS changed {fires}""",
        "story_facts_go": f"""CREATE TRIGGER story_facts_go AFTER DELETE ON story_facts
REFERENCING OLD TABLE AS changed {fires}""",
    }


def _postgres_urls() -> dict[str, str]:
    append = "INSERT INTO url_tallies (is_folded, state, reason, urls)"
    grouped = "GROUP BY state, reason"
    fires = "FOR EACH STATEMENT EXECUTE FUNCTION"
    return {
        "tally_urls": f"""CREATE FUNCTION tally_urls() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    sign integer := CASE TG_OP WHEN 'INSERT' THEN 1 ELSE -1 END;
BEGIN
    {append} SELECT false, state, reason, sign * count(*) FROM changed {grouped};
    RETURN NULL;
END
$$""",
        "tally_moved_urls": f"""CREATE FUNCTION tally_moved_urls() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    {append}
    SELECT false, state, reason, sum(sign) FROM (
        SELECT state, reason, 1 AS sign FROM moved_to UNION ALL SELECT state, reason, -1 FROM moved_from
    ) AS moved
    {grouped} HAVING sum(sign) <> 0;
    RETURN NULL;
END
$$""",
        "urls_come": f"""CREATE TRIGGER urls_come AFTER INSERT ON urls
REFERENCING NEW TABLE AS changed {fires} tally_urls()""",
        "urls_go": f"""CREATE TRIGGER urls_go AFTER DELETE ON urls
REFERENCING OLD TABLE AS changed {fires} tally_urls()""",
        "urls_move": f"""CREATE TRIGGER urls_move AFTER UPDATE ON urls
REFERENCING OLD TABLE AS moved_from NEW TABLE AS moved_to {fires} tally_moved_urls()""",
    }
