"""`prune` with a real archive: files and words go, bounded and again and again; the file gets shorter."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from rows import add_feed, add_poll, add_story
from sqlalchemy import Engine, func, select, update

from pipeline.store.schema import feed_polls, pages, stories
from pipeline.values import FetchedPage
from workers.archive import Archive, ArchiveError, load, page_ref
from workers.process import utc_now
from workers.retention import Pruned, archive_days, give_back_space, plan, prune

OLD = datetime(2023, 1, 10, 12, tzinfo=UTC)
FIRST_KEPT = date(2024, 1, 1)


def archived_story(engine: Engine, archive: Archive, story_id: int, at: datetime, text: str = "words") -> None:
    page = FetchedPage(
        url=f"https://wire1.example/{story_id}",
        final_url=f"https://wire1.example/{story_id}",
        status=200,
        headers=(("content-type", "text/html"),),
        body=text.encode() * 10,
        fetched_at=at,
        elapsed_s=0.1,
    )
    ref = archive.add(page)
    values = {name: getattr(ref, name) for name in type(ref).__dataclass_fields__ if name != "url"}
    with engine.begin() as connection:
        add_story(connection, story_id, stored_at=at, text=text)
        connection.execute(update(pages).where(pages.c.id == story_id).values(**values))


@pytest.fixture
def filled(engine: Engine, tmp_path: Path) -> Engine:
    """Three stories of an old day, one of today, each in the archive."""
    archive = Archive(tmp_path / "archive", "w1")
    for story_id in (1, 2, 3):
        archived_story(engine, archive, story_id, OLD)
    archived_story(engine, archive, 4, utc_now())
    archive.close()
    return engine


def left(engine: Engine) -> list[int]:
    """The ids of stories that have a text."""
    with engine.connect() as connection:
        query = select(stories.c.id).where(stories.c.text != "").order_by(stories.c.id)
        return list(connection.execute(query).scalars())


def test_the_old_day_goes_from_sql_and_from_the_disk_and_today_stays(filled: Engine, tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    planned = plan(filled, archive, FIRST_KEPT, FIRST_KEPT)
    assert (planned.stories, planned.pages) == (3, 3)
    assert planned.archive_bytes == archive_days(archive)[OLD.date()] > 0
    assert left(filled) == [1, 2, 3, 4]  # a plan changes nothing
    done = prune(filled, archive, FIRST_KEPT, FIRST_KEPT)
    assert (done.stories, done.pages, done.archive_bytes) == (3, 3, planned.archive_bytes)
    assert left(filled) == [4]
    assert list(archive_days(archive)) == [utc_now().date()]
    assert prune(filled, archive, FIRST_KEPT, FIRST_KEPT) == Pruned()


def test_every_page_that_sql_names_can_be_read_and_a_pruned_one_says_so(filled: Engine, tmp_path: Path) -> None:
    prune(filled, tmp_path / "archive", FIRST_KEPT, FIRST_KEPT)
    query = select(pages, stories.c.url).join(stories, stories.c.page_id == pages.c.id).order_by(pages.c.id)
    with filled.connect() as connection:
        rows = connection.execute(query).all()
    for row in rows[:3]:
        with pytest.raises(ArchiveError, match="was taken out of the archive by `frontwire prune`"):
            load(tmp_path / "archive", page_ref(row))
    assert load(tmp_path / "archive", page_ref(rows[3])).body == b"words" * 10


def test_a_run_that_was_killed_before_it_removed_the_files_is_finished_by_the_next(
    filled: Engine, tmp_path: Path
) -> None:
    archive = tmp_path / "archive"
    shutil.copytree(archive, tmp_path / "before")
    prune(filled, archive, FIRST_KEPT, FIRST_KEPT)
    shutil.rmtree(archive)
    (tmp_path / "before").rename(archive)
    done = prune(filled, archive, FIRST_KEPT, FIRST_KEPT)
    assert (done.stories, done.pages) == (0, 0)
    assert done.archive_bytes > 0
    assert list(archive_days(archive)) == [utc_now().date()]


def test_what_is_no_day_is_left_alone(filled: Engine, tmp_path: Path) -> None:
    other = tmp_path / "archive" / "1999-notes"
    other.mkdir()
    prune(filled, tmp_path / "archive", FIRST_KEPT, FIRST_KEPT)
    assert other.is_dir()


def test_the_sqlite_file_gets_shorter(sqlite_url: str, tmp_path: Path) -> None:
    from workers.database import open_engine

    engine = open_engine(sqlite_url)
    archive = Archive(tmp_path / "archive", "w1")
    for story_id in range(1, 60):
        archived_story(engine, archive, story_id, OLD + timedelta(seconds=story_id), text=f"{story_id} words " * 4000)
    archive.close()
    done = prune(engine, tmp_path / "archive", FIRST_KEPT, FIRST_KEPT)
    assert done.database_bytes > 1 << 20
    assert give_back_space(engine) == 0
    engine.dispose()


def run_prune(database_url: str, tmp_path: Path, *arguments: str, **settings: str) -> tuple[int, str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FRONTWIRE_")}
    environment |= {"FRONTWIRE_DATA_DIR": str(tmp_path), "FRONTWIRE_DATABASE_URL": database_url, **settings}
    command = [sys.executable, "-m", "workers", "prune", *arguments]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    return ended.returncode, ended.stdout


def test_the_command_plans_prunes_and_finds_nothing_more(filled: Engine, database_url: str, tmp_path: Path) -> None:
    def run(*arguments: str) -> tuple[int, str]:
        return run_prune(database_url, tmp_path, *arguments)

    status, out = run("--older-than", "365d", "--dry-run", "--json")
    assert (status, json.loads(out)["stories"]) == (0, 3)
    assert run("--max-bytes", "1T")[0] == 3
    assert run("--max-bytes", "0", "--older-than", "9999d")[0] == 0
    assert left(filled) == [4]
    assert run("--older-than", "365d") == (3, "nothing to prune\n")
    assert [run(*wrong)[0] for wrong in (["--older-than", "0d"], ["--max-bytes", "much"])] == [2, 2]
    with filled.connect() as connection:
        assert connection.execute(select(func.count()).select_from(stories)).scalar() == 4


def test_polls_go_by_an_age_of_their_own_with_every_run(filled: Engine, database_url: str, tmp_path: Path) -> None:
    def polls() -> int:
        with filled.connect() as connection:
            return int(connection.execute(select(func.count()).select_from(feed_polls)).scalar_one())

    with filled.begin() as connection:
        add_feed(connection, 1)
        for days in (0, 10, 20, 40, 80, 100):
            add_poll(connection, 1, utc_now() - timedelta(days=days))
    status, out = run_prune(database_url, tmp_path, "--dry-run", "--json")
    assert (status, json.loads(out)["polls"], json.loads(out)["stories"], polls()) == (0, 1, 0, 6)
    status, out = run_prune(database_url, tmp_path)
    assert (status, polls()) == (0, 5)
    assert out.startswith("took out 1 polls from before ")
    status, out = run_prune(database_url, tmp_path, "--older-than", "365d", FRONTWIRE_POLL_LOG_DAYS="30")
    assert (status, polls(), left(filled)) == (0, 3, [4])
    assert run_prune(database_url, tmp_path, FRONTWIRE_POLL_LOG_DAYS="15")[0] == 1
