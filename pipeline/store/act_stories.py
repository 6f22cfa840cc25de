# ruff: noqa: S608 - the SQL is made of constants of this package alone
"""The stories of conflict policy under each of their acts, each of their actors and each pair of them, in the order of
storing: what dashboards list and count under those filters, without a look at any story that they leave out.

An empty act or actor stands for any, so every story has a row with both empty. Rows come and go with those of
`story_facts`, by its triggers (docs/decisions/0030).
"""

from __future__ import annotations

_COLUMNS = "act, actor, stored_at, story_id, cluster_id, language"
_INSERT = f"INTO act_stories ({_COLUMNS})"


def sqlite_rows(facts: str) -> str:
    """SQLite's statement that writes the rows of one row of `story_facts`, NEW, or of all when `facts` is its name."""
    row = "" if facts == "story_facts" else f"{facts}."
    rows = f"{facts}, " if facts == "story_facts" else ""
    # A list has lists of which the first item is the word; an actor of two kinds stands there twice.
    acts, actors = (
        f"json_each(json_insert({row}{listed}, '$[#]', json_array(''))) AS {name}"
        for listed, name in (("scored_acts", "acts"), ("named_actors", "actors"))
    )
    return f"""INSERT OR IGNORE {_INSERT}
    SELECT json_extract(acts.value, '$[0]'), json_extract(actors.value, '$[0]'),
        {row}stored_at, {row}story_id, {row}cluster_id, {row}language
    FROM {rows}{acts}, {actors}
    WHERE {row}is_conflict_policy"""


def sqlite_go() -> str:
    """What a trigger of SQLite does for the row OLD of `story_facts`, which was of conflict policy."""
    acts, actors = (
        f"SELECT '' UNION SELECT json_extract(value, '$[0]') FROM json_each(OLD.{listed})"
        for listed in ("scored_acts", "named_actors")
    )
    return f"""DELETE FROM act_stories
    WHERE act IN ({acts}) AND actor IN ({actors}) AND stored_at = OLD.stored_at AND story_id = OLD.story_id"""


def postgres_come() -> str:
    """What PostgreSQL's trigger does for the rows called `changed` that came."""
    return f"INSERT {_INSERT}\n    {postgres_rows('changed')}"


def postgres_rows(facts: str) -> str:
    """The SELECT of the rows that those of `facts` have."""
    words = " UNION ".join(("SELECT ''", "SELECT pair->>0 FROM jsonb_array_elements({}) AS pair"))
    return f"""SELECT acts.act, actors.actor, stored_at, story_id, cluster_id, language
    FROM {facts},
        LATERAL ({words.format("scored_acts")}) AS acts (act),
        LATERAL ({words.format("named_actors")}) AS actors (actor)
    WHERE is_conflict_policy"""


def postgres_go() -> str:
    """The same for those that went; `gone` is a variable of the function. Row by row: by its costs PostgreSQL would
    rather read the whole table than look up what it thinks are ten thousand pairs a story."""
    words = "ARRAY(SELECT '' UNION SELECT pair->>0 FROM jsonb_array_elements({}) AS pair)"
    return f"""FOR gone IN SELECT story_id, stored_at, {words.format("scored_acts")} AS acts,
            {words.format("named_actors")} AS actors FROM changed WHERE is_conflict_policy
        LOOP
            DELETE FROM act_stories
            WHERE act = ANY (gone.acts) AND actor = ANY (gone.actors)
                AND act_stories.stored_at = gone.stored_at AND act_stories.story_id = gone.story_id;
        END LOOP"""
