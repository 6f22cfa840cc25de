"""Exports: every format read back, cut off and gone on with, refused where it must be."""

from __future__ import annotations

import csv
import io
import json
import os
import sqlite3
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from jsonschema import Draft202012Validator, FormatChecker
from rows import NOW, add_feed, add_story
from sqlalchemy import Engine

from pipeline.exporting.lines import COLUMNS
from pipeline.exporting.ninjs import ninjs_item
from pipeline.store.reports import StoryFilter
from pipeline.watching.conditions import parse_condition
from workers import exporting
from workers.database import open_engine
from workers.exporting import FORMATS, ExportRefused, Wanted, export_file, export_stream

# The structure of ninjs 2.1 as far as we write it: names, types and what is required of the IPTC's schema
# (https://iptc.org/std/ninjs/ninjs-schema_2.1.json, CC BY 4.0), closed so that no other name gets in.
NINJS = Path(__file__).parent / "ninjs-2.1-structure.json"
SECRET = "s3cr3t"


def wanted(format_: str, condition: str | None = None, after_id: int = 0, **filters: Any) -> Wanted:
    parsed = None if condition is None else parse_condition(condition)
    asked = {"format": format_, "where": condition, **{name: str(value) for name, value in filters.items()}}
    return Wanted(format_, StoryFilter(**filters), parsed, after_id, asked)


def quiet(last_id: int, count: int) -> None:
    return None


def fill(engine: Engine, stories: int = 5) -> None:
    with engine.begin() as connection:
        add_feed(connection, 1, url=f"https://wire1.example/rss?key={SECRET}")
        for number in range(1, stories + 1):
            add_story(
                connection,
                number,
                f'=Title, "{number}"\nof many',
                acts={"force": 0.9, "talks": 0.5} if number % 2 else {},
                actors=["RUS", "UKR"],
                is_conflict_policy=bool(number % 2),
                feed_id=1,
                authors=["Ann Example", "Bo Example"],
                published_at=NOW - timedelta(hours=number),
                stored_at=NOW + timedelta(hours=number),
                language="en",
            )


def ids_in(format_: str, path: Path) -> list[int]:
    """The stories' ids in a file, in its order, by a reader that is not ours."""
    if format_ == "sqlite":
        with sqlite3.connect(path) as connection:
            return [row[0] for row in connection.execute("SELECT id FROM stories ORDER BY id")]
    if format_ == "parquet":
        return [row[0] for row in duckdb.sql(f"SELECT id FROM read_parquet('{path}')").fetchall()]
    body = path.read_text("utf-8")
    if format_ == "csv":
        return [int(row["id"]) for row in csv.DictReader(io.StringIO(body))]
    if format_ == "text":
        return [int(line.rsplit("/", 1)[1]) for line in body.splitlines() if line.startswith("https://")]
    items = [json.loads(line) for line in body.splitlines()]
    return [item["id"] if format_ == "jsonl" else int(item["altids"][0]["value"]) for item in items]


@pytest.mark.parametrize("format_", FORMATS)
def test_every_format_holds_every_story_once_and_leaves_nothing_beside(
    engine: Engine, tmp_path: Path, format_: str
) -> None:
    fill(engine)
    output = tmp_path / "it's.out"
    assert export_file(engine, wanted(format_), output, quiet) == 5
    assert ids_in(format_, output.rename(tmp_path / "out")) == [1, 2, 3, 4, 5]
    assert [path.name for path in tmp_path.iterdir() if path.suffix not in (".db", ".db-wal", ".db-shm")] == ["out"]


@pytest.mark.parametrize(
    ("condition", "filters", "found"),
    [
        ("type = 'force'", {}, [1, 3, 5]),
        ("type is null", {}, [2, 4]),
        (None, {"policy_only": True}, [1, 3, 5]),
        (None, {"since": NOW + timedelta(hours=2), "until": NOW + timedelta(hours=4)}, [2, 3]),
        ("actor = 'FRA'", {}, []),
    ],
)
def test_only_what_was_asked_for_is_in_it(
    engine: Engine, tmp_path: Path, condition: str | None, filters: dict[str, Any], found: list[int]
) -> None:
    fill(engine)
    assert export_file(engine, wanted("jsonl", condition, **filters), tmp_path / "out", quiet) == len(found)
    assert ids_in("jsonl", tmp_path / "out") == found


class CutOff(Exception):
    """The end of a process, as far as a test needs it."""


@pytest.mark.parametrize("format_", FORMATS)
def test_a_cut_off_export_goes_on_and_ends_as_one_that_was_not(
    engine: Engine, tmp_path: Path, format_: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(engine, 7)
    monkeypatch.setattr(exporting, "PAGE_STORIES", 2)

    def cut_off(last_id: int, count: int) -> None:
        if last_id == 4:
            raise CutOff

    output = tmp_path / "out"
    with pytest.raises(CutOff):
        export_file(engine, wanted(format_), output, cut_off)
    assert not output.exists()
    if format_ != "sqlite":
        # What was written after the last note, half a story maybe, is cut off again.
        with Path(f"{output}.partial").open("ab") as file:
            file.write(b'{"id": 5, "tit')
    looked_at: list[int] = []
    assert export_file(engine, wanted(format_), output, lambda last_id, count: looked_at.append(last_id)) == 7
    assert looked_at == [6, 7]
    export_file(engine, wanted(format_), tmp_path / "whole", quiet)
    assert ids_in(format_, output) == [1, 2, 3, 4, 5, 6, 7]
    if format_ not in ("sqlite", "parquet"):
        assert output.read_bytes() == (tmp_path / "whole").read_bytes()


def test_another_export_does_not_go_on_in_a_file_that_is_not_its_own(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(engine)
    monkeypatch.setattr(exporting, "PAGE_STORIES", 2)

    def cut_off(last_id: int, count: int) -> None:
        raise CutOff

    with pytest.raises(CutOff):
        export_file(engine, wanted("jsonl"), tmp_path / "out", cut_off)
    with pytest.raises(ExportRefused, match=r"out\.partial is the beginning of another export"):
        export_file(engine, wanted("csv"), tmp_path / "out", quiet)


def test_files_can_not_go_to_a_pipe(engine: Engine) -> None:
    for format_ in ("parquet", "sqlite"):
        with pytest.raises(ExportRefused, match="--output"):
            export_stream(engine, wanted(format_), io.BytesIO(), quiet)


def test_a_stream_goes_on_behind_an_id(engine: Engine) -> None:
    fill(engine)
    out = io.BytesIO()
    assert export_stream(engine, wanted("jsonl", after_id=3), out, quiet) == 2
    assert [json.loads(line)["id"] for line in out.getvalue().splitlines()] == [4, 5]


# ------------------------------------------------------------------------------------------------- format by format


def test_csv_has_no_formula_and_a_cell_for_every_column(engine: Engine, tmp_path: Path) -> None:
    fill(engine, 1)
    export_file(engine, wanted("csv"), tmp_path / "out", quiet)
    header, row = csv.reader((tmp_path / "out").open(encoding="utf-8", newline=""))
    assert tuple(header) == COLUMNS
    assert row[COLUMNS.index("title")] == '\'=Title, "1"\nof many'
    assert row[COLUMNS.index("authors")] == "Ann Example; Bo Example"


def test_parquet_has_typed_columns(engine: Engine, tmp_path: Path) -> None:
    fill(engine, 1)
    export_file(engine, wanted("parquet"), tmp_path / "out.parquet", quiet)
    types = dict(row[:2] for row in duckdb.sql(f"DESCRIBE SELECT * FROM '{tmp_path}/out.parquet'").fetchall())
    assert [types[name] for name in ("id", "score", "acts", "stored_at", "title") if name in types] == [
        "BIGINT",
        "VARCHAR[]",
        "TIMESTAMP WITH TIME ZONE",
        "VARCHAR",
    ]
    found = duckdb.sql(f"SELECT acts, epoch(stored_at), conflict FROM '{tmp_path}/out.parquet'").fetchall()[0]
    assert found == (["force", "talks"], (NOW + timedelta(hours=1)).timestamp(), 0.9)


def test_a_snapshot_has_stories_and_views_and_nothing_of_how_we_got_them(engine: Engine, tmp_path: Path) -> None:
    fill(engine)
    export_file(engine, wanted("sqlite"), tmp_path / "out.sqlite", quiet)
    with sqlite3.connect(tmp_path / "out.sqlite") as connection:
        names = connection.execute("SELECT type, name FROM sqlite_master WHERE type IN ('table', 'view')").fetchall()
        assert set(names) == {
            ("table", "stories"),
            ("table", "story_acts"),
            ("table", "story_actors"),
            ("view", "conflict_policy_stories"),
            ("view", "policy_acts"),
            ("view", "volume_hourly"),
        }
        assert connection.execute("SELECT story_id, acts, actors FROM conflict_policy_stories LIMIT 1").fetchall() == [
            (1, "force, talks", "RUS, UKR")
        ]
        assert connection.execute("SELECT count(*) FROM policy_acts").fetchone() == (12,)
        assert connection.execute("SELECT sum(stories), sum(conflict_policy) FROM volume_hourly").fetchone() == (5, 3)
    assert SECRET.encode() not in (tmp_path / "out.sqlite").read_bytes()


def test_ninjs_items_are_valid_and_say_what_the_story_says(engine: Engine, tmp_path: Path) -> None:
    fill(engine, 2)
    export_file(engine, wanted("ninjs"), tmp_path / "out", quiet)
    first, second = (json.loads(line) for line in (tmp_path / "out").read_text("utf-8").splitlines())
    check = Draft202012Validator(json.loads(NINJS.read_text("utf-8")), format_checker=FormatChecker())
    for item in (first, second):
        assert list(check.iter_errors(item)) == []
    assert first["by"] == "Ann Example, Bo Example"
    assert "http://cv.iptc.org/newscodes/mediatopic/" in first["subjects"][0]["uri"]
    assert {subject["literal"] for subject in second["subjects"]} == {"actor:RUS", "actor:UKR"}


def test_the_structure_of_ninjs_finds_what_is_wrong() -> None:
    check = Draft202012Validator(json.loads(NINJS.read_text("utf-8")), format_checker=FormatChecker())
    for fault in ({}, {"uri": 5}, {"uri": "a:b", "colour": "red"}, {"uri": "a:b", "pubstatus": "corrected"}):
        assert list(check.iter_errors(fault)) != []


@pytest.mark.parametrize(
    ("status", "said"),
    [("usable", "usable"), ("corrected", "usable"), ("withdrawn", "canceled"), ("canceled", "canceled")],
)
def test_a_status_is_a_pubstatus(status: str, said: str) -> None:
    row = dict.fromkeys([*COLUMNS, "revised_at"])
    row |= {
        "url": "a:b",
        "title": "t",
        "text": "x",
        "site": "s",
        "authors": [],
        "acts": [],
        "actors": [],
        "status": status,
    }
    item = ninjs_item(row)
    assert (item["pubstatus"], "ednote" in item) == (said, status != "usable")


# ------------------------------------------------------------------------------------------------- the command line


@pytest.fixture
def filled_url(sqlite_url: str) -> str:
    engine = open_engine(sqlite_url)
    fill(engine)
    engine.dispose()
    return sqlite_url


def frontwire(*arguments: str, url: str, directory: Path) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("FRONTWIRE_")}
    env |= {"FRONTWIRE_DATABASE_URL": url, "FRONTWIRE_DATA_DIR": str(directory)}
    return subprocess.run(
        [sys.executable, "-m", "workers", "export", *arguments], env=env, capture_output=True, text=True, timeout=120
    )


def test_the_command_writes_what_is_asked_for(filled_url: str, tmp_path: Path) -> None:
    arguments = ["stories", "--format", "jsonl", "--where", "type = 'force'", "--after-id", "1"]
    ended = frontwire(*arguments, url=filled_url, directory=tmp_path)
    assert [json.loads(line)["id"] for line in ended.stdout.splitlines()] == [3, 5]
    assert ended.stderr == "2 stories\n"
    short = frontwire("jsonl", *arguments[3:], url=filled_url, directory=tmp_path)
    assert short.stdout == ended.stdout


def test_a_wrong_condition_is_wrong_usage_with_the_place(filled_url: str, tmp_path: Path) -> None:
    ended = frontwire("stories", "--where", "colour = 'red'", url=filled_url, directory=tmp_path)
    assert ended.returncode == 2
    assert "there is no column colour" in ended.stderr
