"""`frontwire bench` as a user runs it: real processes, a generated wire, and nothing left behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from workers.selftest import ADVICE, Limit

BENCH = [sys.executable, "-m", "workers", "bench"]


def environment(tmp_path: Path) -> dict[str, str]:
    # Databases and queues of the user's settings are left alone: nobody answers at these.
    return {name: value for name, value in os.environ.items() if not name.startswith("FRONTWIRE_")} | {
        "TMPDIR": str(tmp_path),
        "FRONTWIRE_DATA_DIR": str(tmp_path / "own"),
        "FRONTWIRE_DATABASE_URL": "postgresql://127.0.0.1:9/none",
        "FRONTWIRE_REDIS_URL": "redis://127.0.0.1:9/0",
    }


@pytest.mark.processes
def test_the_self_test_measures_names_a_limit_and_leaves_nothing_behind(tmp_path: Path) -> None:
    command = [*BENCH, "--seconds", "5", "--workers", "1", "--json"]
    ended = subprocess.run(command, env=environment(tmp_path), capture_output=True, text=True, timeout=280)
    assert ended.returncode == 0, ended.stderr[-3000:]
    report = json.loads(ended.stdout)
    assert report["stories"] > 0
    assert report["seconds"] >= 5
    assert report["advice"] == ADVICE[Limit(report["limit"])]
    assert {"reading", "worker", "poller", "dispatcher", "valkey"} <= set(report["cpu_ms_per_story"])
    assert report["cpu_ms_per_story"]["reading"] > 0
    assert report["memory_mb"] > 50
    assert list(tmp_path.iterdir()) == []
    assert not [
        one for one in psutil.process_iter(["environ"]) if (one.info["environ"] or {}).get("TMPDIR") == str(tmp_path)
    ]


@pytest.mark.parametrize("seconds", ["0", "241", "many"])
def test_a_length_out_of_bounds_is_wrong_usage(tmp_path: Path, seconds: str) -> None:
    ended = subprocess.run([*BENCH, "--seconds", seconds], env=environment(tmp_path), capture_output=True, timeout=60)
    assert ended.returncode == 2
