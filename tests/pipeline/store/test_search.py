"""Search finds words, phrases and beginnings, best first, and no sign that a person types is syntax."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from rows import NOW, add_story
from sqlalchemy import Engine, delete, select, text, update
from sqlalchemy.exc import DBAPIError

from pipeline.store import search
from pipeline.store.readers_search import _UNSEEN, Bounds, search_function
from pipeline.store.reports import StoryFilter
from pipeline.store.schema import stories
from pipeline.store.search import MARK_END, MARK_START, Term, TooShort, parse_terms, search_stories
from pipeline.store.search_index import rebuild_search
from pipeline.store.tallies import fold_tallies
from pipeline.store.triggers import SEARCH_CONFIGS
from workers.database import open_engine

STORIES = {
    1: ("Ministers agree a ceasefire", "The two ministries agreed to a ceasefire on Sunday.", "en"),
    2: (
        "Aid package voted",
        "Parliament voted for aid. No ceasefire was discussed by the minister.",
        "en",
    ),
    3: (
        "Façade of talks",
        "The naïve façade fell. Arms control was the word of the day.",
        "en",
    ),
    4: ("Die Verhandlungen", "Über Rüstungskontrolle wurde verhandelt, die Häuser blieben leer.", "de"),
    5: ("Перемир'я оголошено", "Сторони оголосили перемир'я у неділю, повідомили посадовці.", "uk"),
    6: ("O'Neill's arms-control plan (new): 50% \"more\" AND OR NOT NEAR", "A title: with * every ^ sign -x +y.", "en"),
}


@pytest.fixture
def filled(engine: Engine) -> Engine:
    with engine.begin() as connection:
        for number, (title, body, language) in STORIES.items():
            add_story(
                connection, number, title, text=body, language=language, is_conflict_policy=number != 2,
                stored_at=NOW + timedelta(hours=number), site=f"wire{number}.example",
            )  # fmt: skip
    return engine


EVERYTHING = StoryFilter()


def found(engine: Engine, typed: str, wanted: StoryFilter = EVERYTHING, limit: int = 10) -> list[int]:
    with engine.connect() as connection:
        return [row["id"] for row in search_stories(connection, typed, wanted, limit).stories]


def found_by_readers(engine: Engine, typed: str, **wanted: object) -> list[int]:
    """What the function for readers of PostgreSQL finds, with its named parameters."""
    given = "".join(f", {name} => :{name}" for name in wanted)
    with engine.connect() as connection:
        query = text(f"SELECT story_id FROM search_stories(:typed, most => 10{given})")
        return list(connection.execute(query, {"typed": typed} | wanted).scalars())


@pytest.mark.parametrize(
    ("typed", "ids"),
    [
        ("ceasefire", [1, 2]),  # the headline counts for more
        ("CEASEFIRE minister*", [1, 2]),
        ("minist*", [1, 2]),
        ('"arms control"', [6, 3]),
        ('"control arms"', []),
        ("facade", [3]),
        ("перемир'я", [5]),
        ("Rüstungskontroll*", [4]),
        ("ceasefire talks", []),
        ("O'Neill's", [6]),
        ("arms-control", [6, 3]),
        ("", []),
        ('" * -- "', []),
    ],
)
def test_words_phrases_and_beginnings_are_found(filled: Engine, typed: str, ids: Sequence[int]) -> None:
    if filled.dialect.name == "postgresql" and typed == "facade":
        ids = []  # a diacritic is part of the word there
    assert found(filled, typed) == ids


def test_a_language_is_searched_by_its_own_forms_on_postgresql(filled: Engine) -> None:
    is_stemmed = filled.dialect.name == "postgresql"
    assert found(filled, "ministries agreeing") == ([1] if is_stemmed else [])
    assert found(filled, "Haus") == ([4] if is_stemmed else [])
    assert found(filled, "Haus", StoryFilter(language="de")) == ([4] if is_stemmed else [])
    assert found(filled, "Haus", StoryFilter(language="en")) == []


def test_filters_and_the_limit_narrow_a_search(filled: Engine) -> None:
    assert found(filled, "ceasefire", StoryFilter(policy_only=True)) == [1]
    assert found(filled, "ceasefire", StoryFilter(site="wire2.example")) == [2]
    assert found(filled, "ceasefire", StoryFilter(since=NOW + timedelta(hours=2))) == [2]
    assert found(filled, "ceasefire", limit=1) == [1]


def test_a_hit_says_where_it_was_found(filled: Engine) -> None:
    with filled.connect() as connection:
        first, second = search_stories(connection, "ceasefire", StoryFilter(), 10).stories
    assert f"{MARK_START}ceasefire{MARK_END}" in first["snippet"]
    assert f"{MARK_START}ceasefire{MARK_END}" in second["snippet"]
    assert first["rank"] > second["rank"] > 0
    assert (first["title"], first["stored_at"], first["is_conflict_policy"]) == (
        STORIES[1][0],
        NOW + timedelta(hours=1),
        True,
    )


def test_the_index_follows_what_is_edited_and_deleted_and_can_be_made_anew(filled: Engine) -> None:
    with filled.begin() as connection:
        connection.execute(update(stories).where(stories.c.id == 1).values(title="Truce", text="A truce it is."))
        connection.execute(delete(stories).where(stories.c.id == 2))
    assert (found(filled, "ceasefire"), found(filled, "truce")) == ([], [1])
    with filled.begin() as connection:
        rebuild_search(connection)
    assert (found(filled, "ceasefire"), found(filled, "truce"), found(filled, "day")) == ([], [1], [3])
    if filled.dialect.name == "sqlite":
        with filled.begin() as connection:
            connection.execute(text("INSERT INTO story_search (story_search, rank) VALUES ('integrity-check', 1)"))


def test_a_very_long_text_is_stored_and_searched_by_its_beginning(engine: Engine) -> None:
    words = " ".join(f"w{number:06d}" for number in range(200_000))
    with engine.begin() as connection:
        add_story(connection, 1, text=words, language="en")
    assert found(engine, "w000001") == [1]


def test_terms_are_told_apart_as_people_type_them() -> None:
    assert parse_terms('arms "cease  fire"* minist* - "open') == (
        Term("arms"),
        Term("cease  fire", is_prefix=True),
        Term("minist", is_prefix=True),
        Term("open"),
    )
    assert len(parse_terms("a " * 100)) == 16


@settings(
    max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    typed=st.text(
        st.sampled_from("ab \"'*()^:-+{}\\&|!<>,;%_$@#?[]~ ANDORTé\u0301\u200b\0\n") | st.characters(codec="utf-8"),
        max_size=40,
    )
)
def test_nothing_that_is_typed_is_syntax(filled: Engine, typed: str) -> None:
    with suppress(TooShort):
        assert set(found(filled, typed)) <= set(STORIES)


READERS_TYPE = (
    "ceasefire", "CEASEFIRE minister*", "minist*", '"arms control"', "arms-control", "arms-con*", '"two minist"*',
    '"arms control"ceasefire', "rüstungskontrolle", "Häuser", "перемир'я", "O'Neill's", '"', "* * -", "50%",
    "\\", "the", "ceasefire zebra", '"ceasefire on Sunday', "C:\\xy*", "<->", "x" * 600, "a " * 40 + "ceasefire", "",
)  # fmt: skip


# SQLite's readers ask the index itself.
of_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


@of_postgresql
def test_readers_of_postgresql_find_what_the_command_finds(filled: Engine) -> None:
    asked = {typed: found(filled, typed) for typed in READERS_TYPE}
    assert {typed: found_by_readers(filled, typed) for typed in READERS_TYPE} == asked
    assert sum(map(bool, asked.values())) > 10
    assert found_by_readers(filled, "ceasefire", policy_only=True) == [1]
    assert found_by_readers(filled, "ceasefire", since=NOW + timedelta(hours=2)) == [2]
    assert found_by_readers(filled, "häuser", language="de") == [4]
    assert found_by_readers(filled, "häuser", language="en") == []


@of_postgresql
@pytest.mark.parametrize("unseen", ["\x1f", "\x85", "\xa0", "\u2003", "\u2028", "\u3000"])
def test_what_no_one_sees_parts_words_as_a_blank_does(filled: Engine, unseen: str) -> None:
    assert found_by_readers(filled, f"{unseen}*") == found_by_readers(filled, f"a{unseen}*{unseen}b") == []
    assert found_by_readers(filled, f"ceasefire{unseen}*") == found_by_readers(filled, "ceasefire") != []


# A letter of a database of the locale C: every sign beyond ASCII is one there.
LETTER = r"[a-zA-Z0-9\x80-\U0010ffff]"
OTHER = r"[\x00-/:-@\[-`{-\x7f]"


def may_be_refused(typed: str) -> bool:
    """Whether a star stands behind one letter alone."""
    return re.search(rf"(?<!{LETTER}){LETTER}{OTHER}*\*", re.sub(_UNSEEN, " ", typed)) is not None


@of_postgresql
@given(typed=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=80))
@example(typed="\x1f*")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=50)
def test_nothing_that_a_reader_types_is_syntax(filled: Engine, typed: str) -> None:
    try:
        found_by_readers(filled, typed)
    except DBAPIError as refused:
        if "too short" not in str(refused) or not may_be_refused(typed):
            raise


# ------------------------------------------------------------------- what is found among very many, by small bounds

SMALL = Bounds(tried=6, common=2, walked=(4, 5, 8), ranked=5)


@pytest.fixture
def crowded(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """Sixty stories of few words, and bounds that these are very many for."""
    monkeypatch.setattr(search, "RANKED_MAX", SMALL.ranked)
    chance = random.Random(5)
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.exec_driver_sql(f"DROP FUNCTION {SIGNATURE}")
            connection.exec_driver_sql(search_function(SEARCH_CONFIGS, SMALL))
        for number in range(1, 61):
            words = [word for word, share in SHARES.items() for _ in range(2) if chance.random() < share]
            chance.shuffle(words)
            add_story(
                connection, number, f"Title {number}", text=" ".join(words) or "nothing",
                stored_at=NOW + timedelta(hours=number),
                site="small.example" if number % 13 == 0 else "large.example",
                language="eo" if number % 7 == 0 else "la", is_conflict_policy=number % 3 == 0,
            )  # fmt: skip
    return engine


SIGNATURE = "search_stories(text, integer, text, timestamptz, boolean, text, text, timestamptz)"
WORDS_END = r"\b"
SHARES = {"mosta": 0.7, "manta": 0.6, "solka": 0.2, "fewex": 0.06, "fewor": 0.03}
CROWD_TYPES = (
    "mosta", "manta", "solka", "fewex", "mosta manta", '"mosta manta"', '"mosta manta mosta"', "so*",
    "fe* mosta", "fewor",
)  # fmt: skip
CROWD_FILTERS = (
    StoryFilter(),
    StoryFilter(site="small.example"),
    StoryFilter(language="eo"),
    StoryFilter(language="xx"),
    StoryFilter(policy_only=True),
    StoryFilter(since=NOW + timedelta(hours=40)),
    StoryFilter(since=NOW + timedelta(hours=20), policy_only=True, language="la"),
)


def really_matching(engine: Engine, typed: str, wanted: StoryFilter) -> dict[int, datetime]:
    """The stories that match, each looked at by itself, and when they were stored."""
    with engine.connect() as connection:
        rows = connection.execute(select(stories)).all()

    def holds(body: str) -> bool:
        return all(
            re.search(rf"\b{term.words}{'' if term.is_prefix else WORDS_END}", body) for term in parse_terms(typed)
        )

    return {
        row.id: row.stored_at
        for row in rows
        if holds(row.text)
        and wanted.site in (None, row.site)
        and wanted.language in (None, row.language)
        and (wanted.since is None or row.stored_at >= wanted.since)
        and (not wanted.policy_only or row.id % 3 == 0)
    }


@pytest.mark.parametrize("wanted", CROWD_FILTERS, ids=range(len(CROWD_FILTERS)))
def test_all_that_matches_is_found_or_the_answer_says_how_far_back_it_looked(
    crowded: Engine, wanted: StoryFilter
) -> None:
    bounded = 0
    for typed in CROWD_TYPES:
        matching = really_matching(crowded, typed, wanted)
        reached: set[int] = set()
        until: datetime | None = None
        for _ in range(60):
            with crowded.connect() as connection:
                answer = search_stories(connection, typed, replace(wanted, until=until), 3)
                every = search_stories(connection, typed, replace(wanted, until=until), 100)
            assert answer.ranked_since == every.ranked_since or len(answer.stories) == 3
            ids = [row["id"] for row in every.stories]
            assert set(ids) <= set(matching), (typed, wanted)
            assert sorted((row["rank"] for row in every.stories), reverse=True) == [
                row["rank"] for row in every.stories
            ]
            reached |= set(ids)
            if every.ranked_since is None:
                break
            bounded += 1
            until = every.ranked_since - timedelta(milliseconds=1)
        else:
            raise AssertionError("the search goes back for ever")
        assert reached == set(matching), (typed, wanted)
    assert bounded or wanted.language == "xx" or wanted.site


def test_a_filter_by_time_goes_by_the_instants_though_ids_are_in_another_order(engine: Engine) -> None:
    hours = {1: 50, 2: 40, 3: 48, 4: 52, 5: 41, 6: 80}
    with engine.begin() as connection:
        for number, hour in hours.items():
            add_story(connection, number, text="Alike.", stored_at=NOW + timedelta(hours=hour))
    for since, until in ((49, None), (None, 48), (30, 50), (90, None), (None, 1)):
        wanted = StoryFilter(
            since=None if since is None else NOW + timedelta(hours=since),
            until=None if until is None else NOW + timedelta(hours=until),
        )
        right = {number for number, hour in hours.items() if (since or 0) <= hour <= (until or 100)}
        assert set(found(engine, "alike", wanted)) == right


@pytest.mark.parametrize("typed", ["m*", '"manta m"*', "mosta-m*", "é*", "mosta 5*"])
def test_the_beginning_of_one_letter_is_refused_with_a_sentence(crowded: Engine, typed: str) -> None:
    with crowded.connect() as connection, pytest.raises(TooShort, match="a beginning needs two letters"):
        search_stories(connection, typed, StoryFilter(), 5)
    if crowded.dialect.name == "postgresql":
        with pytest.raises(DBAPIError, match="a beginning needs two letters"):
            found_by_readers(crowded, typed)
    assert [row for term in ("ma*", "中*") for row in found(crowded, term)] != []


@pytest.mark.parametrize("name", ["language", "site"])
def test_no_match_is_looked_at_for_a_language_or_outlet_that_no_story_has(sqlite_url: str, name: str) -> None:
    engine = open_engine(sqlite_url)
    with engine.begin() as connection:
        for number in range(1, 121):
            site, language = ("small.example", "eo") if number == 100 else ("large.example", "la")
            add_story(connection, number, f"Title {number}", text="mosta", site=site, language=language)
        fold_tallies(connection, at_least=1)
    rare = steps_of(engine, StoryFilter(**{name: {"language": "eo", "site": "small.example"}[name]}))  # type: ignore[arg-type]
    assert steps_of(engine, StoryFilter(**{name: "nobody"})) * 2 < rare  # type: ignore[arg-type]
    engine.dispose()


def steps_of(engine: Engine, wanted: StoryFilter) -> int:
    """How many steps of ten SQLite takes for a search under the filter, once it has read the schema."""
    taken: list[int] = []
    with engine.connect() as connection:
        search_stories(connection, "mosta", wanted, 10)
        raw: Any = connection.connection.dbapi_connection
        raw.set_progress_handler(lambda: taken.append(1), 10)
        search_stories(connection, "mosta", wanted, 10)
        raw.set_progress_handler(None, 0)
    return len(taken)
