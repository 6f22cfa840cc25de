"""The main job with everything killed in its middle: nothing lost, nothing doubled (P1-P3, P5-P7)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from chaos_runner import ACCIDENTS, compare, run_chaos
from known_origin import Origin, start_origin
from recovery import Progress
from sqlalchemy import Connection, create_engine, text


@pytest.mark.processes
def test_kill_9_of_every_process_and_flushall_lose_and_double_nothing(tmp_path: Path) -> None:
    result = run_chaos(tmp_path, urls=160, kills=12, seed=7, limit_s=240)
    told = (tmp_path / "run.log").read_text(errors="replace")[-3000:]
    assert result.is_clean, f"{result}\n{told}"
    assert set(result.accidents) == set(ACCIDENTS), "not every kind of accident happened; make the run longer"


@pytest.mark.processes
def test_the_same_on_postgresql(tmp_path: Path, postgres_url: str) -> None:
    result = run_chaos(tmp_path, urls=120, kills=9, seed=11, database_url=postgres_url, limit_s=240)
    told = (tmp_path / "run.log").read_text(errors="replace")[-3000:]
    assert result.is_clean, f"{result}\n{told}"


# ------------------------------------------------------------------------------------------ the runner's own judgement

FAULTS = {
    "DELETE FROM urls WHERE url LIKE '%/story/1'": "lost",
    "UPDATE urls SET state = 'waiting' WHERE url LIKE '%/story/1'": "unfinished",
    "UPDATE urls SET state = 'dead' WHERE url LIKE '%/story/13'": "unfinished",
    "INSERT INTO stories SELECT 99, url, text FROM stories WHERE url LIKE '%/story/1'": "doubled",
    "INSERT INTO stories SELECT 99, 'http://www.s2.example/story/17', text FROM stories WHERE id = 16": "doubled",
    "UPDATE stories SET text = text || '.' WHERE url LIKE '%/story/1'": "wrong",
    "DELETE FROM stories WHERE url LIKE '%/story/16'": "wrong",
    "INSERT INTO revisions VALUES (6, 2)": "wrong",
    "DELETE FROM revisions WHERE story_id = 6": "wrong",
}


@pytest.fixture
def origin() -> Iterator[Origin]:
    running = start_origin(sites=5, pages=40, windows=2)
    running.shown[:] = [1] * running.sites
    yield running
    running.close()


def store_all(connection: Connection, origin: Origin) -> None:
    """The three tables as a road without accidents leaves them."""
    for table in ("urls (url, state)", "stories (id, url, text)", "revisions (story_id, number)"):
        connection.execute(text(f"CREATE TABLE {table}"))
    for url, number in origin.urls().items():
        is_copy = number % 10 == 7
        row = {"url": url, "id": number, "state": "duplicate" if is_copy else "stored", "text": origin.text_of(number)}
        connection.execute(text("INSERT INTO urls VALUES (:url, :state)"), row)
        if not is_copy:
            connection.execute(text("INSERT INTO stories VALUES (:id, :url, :text)"), row)
            for edition in range(1, origin.edition_of(number) + 1):
                connection.execute(text("INSERT INTO revisions VALUES (:id, :edition)"), row | {"edition": edition})


@pytest.mark.parametrize("fault", [None, *FAULTS])
def test_the_comparison_finds_each_fault(tmp_path: Path, origin: Origin, fault: str | None) -> None:
    url = f"sqlite:///{tmp_path / 'ended.sqlite'}"
    engine = create_engine(url)
    with engine.begin() as connection:
        store_all(connection, origin)
        if fault is not None:
            assert connection.execute(text(fault)).rowcount == 1
    engine.dispose()
    progress = Progress(url)
    result = compare(origin, url, 1, [], progress, 1.0, 0)
    progress.close()
    found = {kind for kind in ("lost", "doubled", "unfinished", "wrong") if getattr(result, kind)}
    assert (found == set()) == result.is_clean
    assert found >= ({FAULTS[fault]} if fault else set())
    assert fault is not None or result.is_clean
