"""Things taken away from the main job for a while: it waits, goes on, and all is as announced (P3, P5, P8, P10)."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from outage_runner import run_outages

pytestmark = pytest.mark.processes

# Longer than a lease. `make outages` has every fault on both databases, for five minutes each.
OUTAGE_S = 3.5


@pytest.fixture
def directory() -> Iterator[Path]:
    """A short path: it holds unix sockets."""
    with tempfile.TemporaryDirectory(prefix="fw-out-", dir="/tmp") as name:
        yield Path(name)


@pytest.mark.parametrize(
    ("database", "faults"),
    [
        ("postgresql", ("database_killed", "database_silent", "queue_reset", "dispatcher_ahead")),
        ("sqlite", ("disk_full", "queue_silent", "worker_ahead", "poller_behind")),
    ],
)
def test_what_goes_away_or_has_the_wrong_time_loses_and_doubles_nothing(
    directory: Path, database: str, faults: tuple[str, ...]
) -> None:
    result = run_outages(directory, database=database, faults=faults, urls=160, outage_s=OUTAGE_S, limit_s=400)
    assert result.problems == [], (directory / "run.log").read_text(errors="replace")[-3000:]
    assert set(result.ends.recovery_s) == set(faults)
