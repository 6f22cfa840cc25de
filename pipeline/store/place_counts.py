# ruff: noqa: S608 - the SQL is made of constants of this package alone
"""How a story of conflict policy is counted in `place_tallies`: by its places and states, alone and with each filter.

Each place counts for any act and for every act of the story, and each of these in any language and in the story's: so
the map under a filter reads what the map without one reads. An empty act or language stands for any. A row without a
place counts the stories that name any place of the state, since a story with two of them is one story.
"""

from __future__ import annotations

import itertools

from pipeline.store.dialects import item_of

COLUMNS = ("day", "place", "country", "latitude", "longitude", "act", "language")
_INSERT = f"INSERT INTO place_tallies (is_folded, {', '.join(COLUMNS)}, stories)"


def _place(dialect: str, listed: str = "value") -> tuple[str, ...]:
    return tuple(item_of(dialect, number, listed) for number in range(4))


def _state(dialect: str, listed: str = "value") -> tuple[str, ...]:
    number = "CAST(NULL AS double precision)"
    return "''", item_of(dialect, 1, listed), number, number


def count_row(row: str, sign: int) -> str:
    """What a trigger of SQLite appends for the row of `story_facts` called NEW or OLD, which is of conflict policy."""
    spots = " UNION ".join(
        f"SELECT {', '.join(f'{value} AS {name}' for value, name in zip(spot, COLUMNS[1:5], strict=True))}"
        f" FROM json_each({row}.named_places)"
        for spot in (_place("sqlite"), _state("sqlite"))
    )
    acts = f"SELECT '' AS act UNION SELECT {item_of('sqlite', 0)} FROM json_each({row}.scored_acts)"
    languages = f"SELECT '' AS language UNION SELECT {row}.language"
    return f"""{_INSERT}
    SELECT 0, {row}.day, place, country, latitude, longitude, act, language, {sign}
    FROM ({spots}), ({acts}), ({languages})"""


def count_changed() -> str:
    """What PostgreSQL's trigger appends for the rows called `changed`; `sign` is one of its variables."""
    spots = " UNION ".join(
        f"SELECT {', '.join(spot)} FROM jsonb_array_elements(named_places) AS value"
        for spot in (_place("postgresql"), _state("postgresql"))
    )
    acts = "SELECT '' UNION SELECT pair->>0 FROM jsonb_array_elements(scored_acts) AS pair"
    return f"""{_INSERT}
    SELECT false, day, spots.*, acts.act, languages.tag, sign * count(*)
    FROM changed,
        LATERAL ({spots}) AS spots (place, country, latitude, longitude),
        LATERAL ({acts}) AS acts (act),
        LATERAL (VALUES (''), (language)) AS languages (tag)
    WHERE is_conflict_policy GROUP BY 2, 3, 4, 5, 6, 7, 8"""


def count_all() -> list[str]:
    """SQLite's statements that count all of `story_facts` in folded rows."""
    statements = []
    places, acts = "json_each(named_places) AS places", "json_each(scored_acts) AS acts"
    for is_state, has_act, language in itertools.product((False, True), (False, True), ("''", "language")):
        spot = (_state if is_state else _place)("sqlite", "places.value")
        act, rows = (item_of("sqlite", 0, "acts.value"), f"{places}, {acts}") if has_act else ("''", places)
        # A state with two places in a story is named by one story.
        count = "count(DISTINCT story_id)" if is_state else "count(*)"
        statements.append(f"""{_INSERT}
SELECT true, day, {", ".join(spot)}, {act}, {language}, {count}
FROM story_facts, {rows} WHERE is_conflict_policy GROUP BY 2, 3, 4, 5, 6, 7, 8""")
    return statements
