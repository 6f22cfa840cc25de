"""Conditions: what is read, what is refused and where the fault is said to be."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.watching.conditions import (
    COLUMNS,
    DEEPEST,
    Comparison,
    ConditionError,
    Every,
    Negation,
    Some,
    columns_of,
    parse_condition,
)


def test_and_binds_closer_than_or_and_not_closest() -> None:
    assert parse_condition("type = 'force' AND NOT actor = 'RUS' or score >= 0.5") == Some(
        (
            Every((Comparison("type", "=", ("force",)), Negation(Comparison("actor", "=", ("RUS",))))),
            Comparison("score", ">=", (0.5,)),
        )
    )


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("type in ('force','talks')", Comparison("type", "in", ("force", "talks"))),
        ("actor NOT IN ('RUS')", Comparison("actor", "not in", ("RUS",))),
        ("title like '%O''Brien%'", Comparison("title", "like", ("%O'Brien%",))),
        ("dateline is not null", Comparison("dateline", "is not null")),
        ("copies<>-1", Comparison("copies", "!=", (-1,))),
        ("stored_at > '2024-05-31'", Comparison("stored_at", ">", (datetime(2024, 5, 31, tzinfo=UTC),))),
        ("((( SCORE <= 1 )))", Comparison("score", "<=", (1,))),
    ],
)
def test_a_comparison_is_read(text: str, wanted: Comparison) -> None:
    assert parse_condition(text) == wanted


@pytest.mark.parametrize(
    ("text", "position", "said"),
    [
        ("", 0, "name of a column"),
        ("type = 'force' and", 18, "name of a column"),
        ("type = 'war'", 7, "one of force"),
        ("kind = 'x'", 0, "no column kind"),
        ("score > 'high'", 8, "number"),
        ("title = 5", 8, "single quotes"),
        ('title = "x"', 8, "no meaning"),
        ("title = 'x", 8, "no end"),
        ("type = 'force'; drop table stories", 14, "no meaning"),
        ("type = 'force' -- and more", 15, "no meaning"),
        ("type like 'f%'", 10, "LIKE"),
        ("(type = 'force'", 15, ") was expected"),
        ("type = 'force')", 14, "AND, OR"),
        ("stored_at > 'yesterday'", 12, "ISO 8601"),
        ("title = (select 1)", 8, "single quotes"),
        ("lower(title) = 'x'", 0, "no column lower"),
        ("title = 'a\x00b'", 8, "zero byte"),
        ("not " * (DEEPEST + 2) + "score > 1", (DEEPEST + 1) * 4, "deep"),
        ("score > 1" + " " * 2_000, 2_000, "at most"),
    ],
)
def test_a_fault_is_told_with_its_place(text: str, position: int, said: str) -> None:
    with pytest.raises(ConditionError) as caught:
        parse_condition(text)
    assert (caught.value.position, said in str(caught.value)) == (position, True), str(caught.value)


def test_the_mark_stands_under_the_fault() -> None:
    with pytest.raises(ConditionError) as caught:
        parse_condition("type = 'force' and\nkind = 'x'")
    _, line, mark = caught.value.pointed().splitlines()
    assert line[mark.index("^") :] == "kind = 'x'"


def test_the_columns_that_are_looked_at_are_named() -> None:
    assert columns_of(parse_condition("not (type = 'force' or copies > 1) and copies < 9")) == {"type", "copies"}


PIECES = [*"()='<>!,.%-;\"\\ 19", " and ", " or ", " not ", " in ", "'x'", *COLUMNS]


@given(st.lists(st.sampled_from(PIECES)).map("".join))
def test_whatever_is_written_is_read_or_refused(text: str) -> None:
    position = 0
    try:
        columns = columns_of(parse_condition(text))
    except ConditionError as error:
        columns, position = frozenset(), error.position
    assert columns <= set(COLUMNS)
    assert 0 <= position <= len(text)
