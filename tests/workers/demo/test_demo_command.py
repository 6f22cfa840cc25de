"""`frontwire demo` as a newcomer runs it: the real processes over the recorded wire, held against the wire's truth."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import sqlite3
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from workers.demo import truth

pytestmark = pytest.mark.processes


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    """The demo's own report, and its database."""
    directory = tmp_path_factory.mktemp("demo")
    env = {name: value for name, value in os.environ.items() if not name.startswith("FRONTWIRE_")}
    command = [
        sys.executable,
        "-m",
        "workers",
        "demo",
        "--exit",
        "--no-dashboard",
        "--json",
        "--data-dir",
        str(directory),
    ]
    ended = subprocess.run(command, env=env, capture_output=True, text=True, timeout=180)
    assert ended.returncode == 0, ended.stderr[-3000:]
    return json.loads(ended.stdout), directory / "frontwire.sqlite"


def rows(database: Path, query: str) -> list[Any]:
    engine = create_engine(f"sqlite:///{database}")
    with engine.connect() as connection:
        found = list(connection.execute(text(query)))
    engine.dispose()
    return found


def test_every_page_of_the_wire_ends_as_it_should(demo: tuple[dict[str, Any], Path]) -> None:
    """Two outlets print the same words; whichever is read first is the story, and the other its duplicate."""
    wanted = truth(datetime.now(UTC), 2)
    ended = {row.url: (row.state, row.reason) for row in rows(demo[1], "SELECT url, state, reason FROM urls")}
    twins = {url for page_url, page in wanted.items() if page.copy_of for url in (page_url, page.copy_of)}
    assert set(ended) == set(wanted)
    wrong = {
        url: (ended[url], page.state, page.reason)
        for url, page in wanted.items()
        if page.state != "stored" and ended[url][0] != page.state and url not in twins
    }
    assert wrong == {}
    assert Counter(state for state, _ in ended.values()) == Counter(page.state.value for page in wanted.values())
    reasons = Counter(reason for state, reason in ended.values() if state == "rejected")
    assert reasons == Counter(page.reason.value for page in wanted.values() if page.state == "rejected" and page.reason)


def test_the_edited_page_is_one_story_with_two_revisions(demo: tuple[dict[str, Any], Path]) -> None:
    (revised,) = rows(demo[1], "SELECT title, revision FROM stories WHERE revision > 1")
    assert revised.revision == 2
    assert "18" in revised.title


def test_the_agency_report_and_its_copies_are_one_cluster_apart_from_independent_reports(
    demo: tuple[dict[str, Any], Path],
) -> None:
    clusters = rows(demo[1], "SELECT stories, copies FROM story_clusters WHERE copies > 0 ORDER BY copies DESC")
    assert clusters[0].copies >= 3
    assert demo[0]["duplicates"] == 1


def test_the_broken_feed_was_mended_and_lost_nothing(demo: tuple[dict[str, Any], Path]) -> None:
    polls = rows(
        demo[1],
        "SELECT f.url, p.outcome FROM feed_polls p JOIN feeds f ON f.id = p.feed_id WHERE f.url LIKE '%defence%'",
    )
    assert {row.outcome for row in polls} >= {"failed"}
    assert len(polls) == 2


def test_the_report_names_the_totals(demo: tuple[dict[str, Any], Path]) -> None:
    report = demo[0]
    assert report["revisions"] == 1
    assert sum(row["urls"] for row in report["funnel"]) == report["urls"]
    assert report["conflict_policy"] >= 20


# ------------------------------------------------------------------------------------------------------------ the walk

WALK = (Path(__file__).parents[3] / "docs" / "walk.md").read_text("utf-8")


@pytest.fixture(scope="module")
def walked(demo: tuple[dict[str, Any], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the demo's data, for commands that write."""
    directory = tmp_path_factory.mktemp("walk") / "data"
    shutil.copytree(demo[1].parent, directory)
    return directory


def tables_of_the_walk() -> list[list[tuple[str, ...]]]:
    """The rows of each table, without its two head lines."""
    found = []
    for block in re.findall(r"(?:^\|.*\n)+", WALK, re.M):
        found.append([tuple(cell.strip() for cell in line[1:-1].split("|")) for line in block.splitlines()[2:]])
    return found


def typed(directory: Path, line: str) -> str:
    """What a command line of the walk prints on the demo's data."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("FRONTWIRE_")}
    env |= {"FRONTWIRE_DATA_DIR": str(directory), "COLUMNS": "200"}
    command = [sys.executable, "-m", "workers", *shlex.split(line)]
    ended = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_the_walks_commands_show_what_it_says(walked: Path) -> None:
    lines = re.findall(r"^\$ frontwire (.+)$", WALK, re.M)
    assert [line.split()[0] for line in lines] == ["demo", "watch", "watch", "explain", "stories", "stories"]
    confirmed, words, _ = tables_of_the_walk()
    typed(walked, lines[1])
    found = json.loads(typed(walked, f"{lines[2]} --json"))
    assert [(row["site"], row["title"]) for row in found["stories"]] == confirmed
    explained = typed(walked, lines[3])
    assert all(cell in explained for row in words for cell in row)
    (story,) = json.loads(typed(walked, f"{lines[4].split('#')[0]} --json"))
    changed = typed(walked, lines[5].replace("ID", str(story["id"])))
    assert "12" in changed
    assert "18" in changed


def test_the_walks_question_has_the_answer_that_it_shows(demo: tuple[dict[str, Any], Path]) -> None:
    (question,) = re.findall(r"^```sql\n(.*?)^```", WALK, re.M | re.S)
    connection = sqlite3.connect(f"file:{demo[1]}?mode=ro", uri=True)
    found = [tuple("" if cell is None else str(cell) for cell in row) for row in connection.execute(question)]
    assert found == tables_of_the_walk()[2]
    chosen = "acts LIKE '%arms_aid%' AND ', ' || actors || ',' LIKE '%, UKR,%'"
    counted = f"SELECT count(*), count(DISTINCT cluster_id) FROM conflict_policy_stories WHERE {chosen}"
    assert "has {} stories in {} reports".format(*connection.execute(counted).fetchone()) in WALK
    connection.close()
