"""Judging history again: bounded batches, resumable, old verdicts kept; and the review queue on a real terminal."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from rows import add_story
from sqlalchemy import Engine, text, update

from pipeline.judging import MODEL, rules_version
from pipeline.store.schema import stories
from pipeline.store.verdicts import pool_cluster
from workers import reclassify
from workers.database import open_engine, upgrade
from workers.reclassify import Reclassifier

POLICY = ("US imposes sanctions on Russian banks over war in Ukraine", "The Treasury announced it on Friday.")
QUIET = ("Ten tips for tulips", "Plant the bulbs in autumn, says our garden writer, and water them well.")


def fill(engine: Engine, count: int) -> None:
    with engine.begin() as connection:
        for number in range(1, count + 1):
            title, body = POLICY if number % 2 else QUIET
            add_story(connection, number, title, text=body, language="en", is_conflict_policy=False)


def rows(engine: Engine, sql: str) -> list[tuple[object, ...]]:
    with engine.begin() as connection:
        return [tuple(row) for row in connection.execute(text(sql))]


def test_history_is_judged_again_in_batches_and_a_second_run_finds_nothing(engine: Engine) -> None:
    fill(engine, 5)
    batches = list(Reclassifier(engine, batch=2).run())
    assert [sum(batch.values()) for batch in batches] == [2, 2, 1]
    assert sum(batches, Counter()) == {"became_policy": 3, "same": 2}
    assert rows(engine, "SELECT count(*), sum(CASE WHEN is_current THEN 1 ELSE 0 END) FROM verdicts") == [(10, 5)]
    assert {row[0] for row in rows(engine, "SELECT model FROM story_verdicts")} == {MODEL}
    assert {row[0] for row in rows(engine, "SELECT rules FROM story_verdicts")} == {rules_version()}
    assert rows(engine, "SELECT count(*) FROM conflict_policy_stories") == [(3,)]
    assert list(Reclassifier(engine).run()) == []


def test_a_run_that_broke_off_goes_on_where_it_was(engine: Engine) -> None:
    fill(engine, 5)
    next(Reclassifier(engine, batch=2).run())
    assert sum(sum(batch.values()) for batch in Reclassifier(engine, batch=2).run()) == 3
    assert rows(engine, "SELECT count(*) FROM verdicts") == [(10,)]


def test_a_story_revised_meanwhile_keeps_the_verdict_of_its_revision(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(engine, 1)
    real = reclassify.judge_story

    def revise_and_judge(*arguments: object) -> object:
        with engine.begin() as connection:
            connection.execute(update(stories).values(revision=2))
        return real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(reclassify, "judge_story", revise_and_judge)
    assert list(Reclassifier(engine).run()) == [{"changed_meanwhile": 1}]
    assert rows(engine, "SELECT count(*) FROM verdicts") == [(1,)]


def test_a_story_that_can_not_be_judged_stops_no_other(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(engine, 3)
    real = reclassify.judge_story

    def fail_on_tulips(title: str, *rest: object) -> object:
        if title == QUIET[0]:
            raise ZeroDivisionError
        return real(title, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(reclassify, "judge_story", fail_on_tulips)
    assert list(Reclassifier(engine).run()) == [{"became_policy": 2, "failed": 1}]


# ------------------------------------------------------------------------------------------------------- the commands


def environment(directory: Path) -> dict[str, str]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("FRONTWIRE_")}
    return env | {"FRONTWIRE_DATA_DIR": str(directory), "TERM": "xterm", "NO_COLOR": "1"}


def frontwire(*arguments: str, directory: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "workers", *arguments]
    return subprocess.run(command, env=environment(directory), capture_output=True, text=True, timeout=120)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A data directory with two stories that wait for a look."""
    engine = open_engine(f"sqlite:///{tmp_path / 'frontwire.sqlite'}")
    upgrade(engine)
    with engine.begin() as connection:
        for number, (title, body) in enumerate((POLICY, QUIET), start=1):
            add_story(
                connection, number, title, text=body, language="en", acts={"sanction": 0.7} if number == 1 else {}
            )
            pool_cluster(connection, number)
    engine.dispose()
    return tmp_path


class Terminal:
    """`frontwire review` on a pseudo-terminal: what it shows is waited for, then a key is pressed."""

    def __init__(self, directory: Path) -> None:
        self._here, there = pty.openpty()
        command = [sys.executable, "-m", "workers", "review", "--since", "2024-01-01", "--as", "ada"]
        self.process = subprocess.Popen(
            command, stdin=there, stdout=there, stderr=there, env=environment(directory), start_new_session=True
        )
        os.close(there)
        self.shown = ""

    def wait_for(self, words: str) -> str:
        """Reads until the words stand there; returns all that was shown up to them."""
        give_up_at = time.monotonic() + 60
        while words not in self.shown:
            assert time.monotonic() < give_up_at, self.shown
            if select.select([self._here], [], [], 1)[0]:
                try:
                    self.shown += os.read(self._here, 4096).decode("utf-8", "replace")
                except OSError:  # the process has closed its side
                    break
        before, found, self.shown = self.shown.partition(words)
        assert found, before
        return before + found

    def press(self, keys: str) -> None:
        os.write(self._here, keys.encode())

    def close(self) -> int:
        status = self.process.wait(timeout=60)
        os.close(self._here)
        return status


def labels_of(directory: Path) -> list[tuple[object, ...]]:
    engine = open_engine(f"sqlite:///{directory / 'frontwire.sqlite'}")
    found = rows(
        engine,
        "SELECT story_id, conflict, conflict_policy, acts, reviewer, undone_at IS NULL FROM labels ORDER BY id",
    )
    engine.dispose()
    return found


def test_a_person_labels_takes_back_and_labels_again_on_a_terminal(directory: Path) -> None:
    terminal = Terminal(directory)
    shown = terminal.wait_for("[q] quit")
    assert "1 of 2" in shown
    terminal.press("n")
    terminal.wait_for("kept: neither")
    terminal.wait_for("[q] quit")
    terminal.press("u")
    terminal.wait_for("taken back")
    first_again = terminal.wait_for("[q] quit")
    assert "1 of 2" in first_again
    terminal.press("y")
    terminal.wait_for("[x] detainee")
    terminal.press("c")
    terminal.wait_for("talks\r\n")
    terminal.press("\r")
    terminal.wait_for("kept: talks")
    terminal.wait_for("[q] quit")
    terminal.press("q")
    terminal.wait_for("1 labels by ada")
    assert terminal.close() == 0
    found = labels_of(directory)
    story = found[0][0]
    assert found == [(story, 0, 0, "[]", "ada", 0), (story, 1, 1, '["talks"]', "ada", 1)]

    ended = frontwire("review", "export", directory=directory)
    (row,) = [json.loads(line) for line in ended.stdout.splitlines()]
    assert (row["conflict"], row["policy_types"], ended.returncode) == (1, ["talks"], 0)
    listed = json.loads(frontwire("review", "list", "--since", "2024-01-01", "--json", directory=directory).stdout)
    assert [item["story_id"] for item in listed] == [3 - int(str(story))]


def test_without_a_terminal_review_says_what_to_use(directory: Path) -> None:
    ended = frontwire("review", directory=directory)
    assert ended.returncode == 2
    assert "review list" in ended.stderr


def test_reclassify_and_drift_answer_in_json(directory: Path) -> None:
    assert json.loads(frontwire("reclassify", "--count", "--json", directory=directory).stdout) == {"stale": 2}
    ended = frontwire("reclassify", "--json", directory=directory)
    assert (json.loads(ended.stdout), ended.returncode) == ({"same": 1, "no_longer_policy": 1}, 0)
    assert frontwire("reclassify", directory=directory).returncode == 3
    found = json.loads(frontwire("drift", "--json", directory=directory).stdout)
    assert [(row["week"], row["stories"], row["has_moved"]) for row in found] == [("2024-05-27", 2, 0)]
