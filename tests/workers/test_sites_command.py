"""`frontwire sites`: what a site's memory holds is listed, kept and forgotten from the command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine, insert

from pipeline.outcomes import SiteLineState
from pipeline.reading.site_memory import hash_of
from pipeline.store.schema import site_lines, site_memories
from pipeline.store.sitelines import learned_lines
from workers.database import open_engine, upgrade

SITE = "outlet.example"
LEARNED = "Printed on the island it writes about."
SEEN = "All winter long."
SEEN_AT = datetime(2024, 5, 31, tzinfo=UTC)


def frontwire(*arguments: str, directory: Path) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("FRONTWIRE_")}
    env |= {"FRONTWIRE_DATA_DIR": str(directory / "data")}
    return subprocess.run(
        [sys.executable, "-m", "workers", *arguments], env=env, capture_output=True, text=True, timeout=120
    )


def line_row(line: str, state: SiteLineState) -> dict[str, object]:
    return {
        "site": SITE,
        "line_hash": hash_of(line),
        "line": line,
        "place": "tail",
        "state": state,
        "story_count": 4,
        "since_story": 3,
        "echo": 0.0,
        "first_seen_at": SEEN_AT,
        "last_seen_at": SEEN_AT,
        "learned_at": SEEN_AT if state is SiteLineState.LEARNED else None,
    }


@pytest.fixture
def memory(tmp_path: Path) -> Engine:
    """A database in the data folder of `tmp_path` with one learned line and one that was only seen."""
    (tmp_path / "data").mkdir()
    engine = open_engine(f"sqlite:///{tmp_path}/data/frontwire.sqlite")
    upgrade(engine)
    with engine.begin() as connection:
        connection.execute(insert(site_memories), {"site": SITE, "stories_seen": 12})
        connection.execute(
            insert(site_lines), [line_row(LEARNED, SiteLineState.LEARNED), line_row(SEEN, SiteLineState.SEEN)]
        )
    return engine


def learned(engine: Engine) -> frozenset[str]:
    with engine.connect() as connection:
        return learned_lines(connection, SITE)


def shown(ended: subprocess.CompletedProcess[str]) -> set[str]:
    assert ended.returncode == 0, ended.stderr
    return {line["line"] for line in json.loads(ended.stdout)}


def test_show_lists_what_was_learned_and_with_all_what_was_seen(memory: Engine, tmp_path: Path) -> None:
    assert shown(frontwire("sites", "show", "--json", directory=tmp_path)) == {LEARNED}
    assert shown(frontwire("sites", "show", "--all", "--json", SITE, directory=tmp_path)) == {LEARNED, SEEN}
    table = frontwire("sites", "show", directory=tmp_path)
    assert hash_of(LEARNED) in "".join(table.stdout.split())
    assert frontwire("sites", "show", "other.example", directory=tmp_path).returncode == 3


def test_a_kept_line_is_never_taken_out_again(memory: Engine, tmp_path: Path) -> None:
    kept = frontwire("sites", "keep", SITE, hash_of(LEARNED), directory=tmp_path)
    assert kept.returncode == 0, kept.stderr
    assert f"frontwire reread --all --site {SITE}" in kept.stdout
    assert learned(memory) == frozenset()
    everything = frontwire("sites", "show", "--all", "--json", SITE, directory=tmp_path)
    states = {line["line"]: line["state"] for line in json.loads(everything.stdout)}
    assert states == {LEARNED: "kept", SEEN: "seen"}


def test_keeping_an_unknown_line_says_where_the_ids_are(memory: Engine, tmp_path: Path) -> None:
    refused = frontwire("sites", "keep", SITE, "0" * 32, directory=tmp_path)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "frontwire sites show --all" in refused.stderr
    assert learned(memory) == {hash_of(LEARNED)}


def test_reset_forgets_every_line_of_the_site_and_says_how_many(memory: Engine, tmp_path: Path) -> None:
    forgotten = frontwire("sites", "reset", SITE, directory=tmp_path)
    assert (forgotten.returncode, forgotten.stdout.split()[0]) == (0, "2")
    assert learned(memory) == frozenset()
    assert frontwire("sites", "reset", SITE, directory=tmp_path).returncode == 3
