"""The main job with everything killed in its middle: nothing lost, nothing doubled (P1-P3, P5-P7)."""

from __future__ import annotations

from pathlib import Path

import pytest
from chaos_runner import ACCIDENTS, run_chaos

pytestmark = pytest.mark.processes


def test_kill_9_of_every_process_and_flushall_lose_and_double_nothing(tmp_path: Path) -> None:
    result = run_chaos(tmp_path, urls=240, kills=12, seed=7, limit_s=240)
    told = (tmp_path / "run.log").read_text(errors="replace")[-3000:]
    assert result.is_clean, f"{result}\n{told}"
    assert set(result.accidents) == set(ACCIDENTS), "not every kind of accident happened; make the run longer"


def test_the_same_on_postgresql(tmp_path: Path, postgres_url: str) -> None:
    result = run_chaos(tmp_path, urls=160, kills=9, seed=11, database_url=postgres_url, limit_s=240)
    told = (tmp_path / "run.log").read_text(errors="replace")[-3000:]
    assert result.is_clean, f"{result}\n{told}"
