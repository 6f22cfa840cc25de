"""The systemd units: what they start exists, they may do no more than they need, and systemd takes them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from workers.cli import COMMANDS
from workers.settings import Settings

UNITS = sorted((Path(__file__).parent.parent / "deploy" / "systemd").glob("*.service"))
each_unit = pytest.mark.parametrize("path", UNITS, ids=[path.name for path in UNITS])


def lines_of(path: Path) -> dict[str, list[str]]:
    """Each setting with its values, in order; a unit may say one more than once."""
    found: dict[str, list[str]] = {}
    for line in path.read_text("utf-8").splitlines():
        if "=" in line and not line.startswith("#"):
            name, value = line.split("=", 1)
            found.setdefault(name, []).append(value)
    return found


def test_there_is_a_unit_for_each_process() -> None:
    commands = [lines_of(path)["ExecStart"][0].split()[1] for path in UNITS]
    assert sorted(commands) == ["dashboard", "dispatcher", "metrics", "poller", "run", "watcher", "websub", "worker"]
    assert set(commands) <= set(COMMANDS)


@each_unit
def test_a_unit_may_do_no_more_than_it_needs(path: Path) -> None:
    lines = lines_of(path)
    assert lines["User"] == ["frontwire"]
    assert lines["CapabilityBoundingSet"] == [""]
    assert lines["ProtectSystem"] == ["strict"]
    assert lines["RestrictAddressFamilies"] == ["AF_UNIX AF_INET AF_INET6"]
    assert lines["SystemCallFilter"] == ["@system-service", "~@privileged"]
    for name in ("NoNewPrivileges", "ProtectHome", "PrivateTmp", "PrivateDevices", "ProtectKernelTunables"):
        assert lines[name] == ["yes"]
    assert int(lines["TimeoutStopSec"][0]) > 30
    assert {"MemoryMax", "TasksMax"} <= set(lines)


@each_unit
def test_a_unit_sets_nothing_but_settings_and_no_secret(path: Path) -> None:
    for pair in " ".join(lines_of(path)["Environment"]).split():
        name, value = pair.split("=", 1)
        assert name.removeprefix("FRONTWIRE_").lower() in Settings.model_fields
        assert "://" not in value


@each_unit
def test_systemd_takes_the_unit(path: Path, tmp_path: Path) -> None:
    """With a program that is there in place of ours; without systemd, its grammar is all that can be looked at."""
    text = path.read_text("utf-8")
    if shutil.which("systemd-analyze") is None:
        assert [line for line in text.splitlines() if line.startswith("[")] == ["[Unit]", "[Service]", "[Install]"]
        return
    copy = tmp_path / path.name.replace("@", "@1")
    copy.write_text(text.replace("/opt/frontwire/bin/frontwire", "/bin/true"), encoding="utf-8")
    verified = subprocess.run(["systemd-analyze", "verify", str(copy)], capture_output=True, text=True, timeout=60)
    said = [line for line in verified.stderr.splitlines() if path.name.split("@")[0].split(".")[0] in line]
    assert (verified.returncode, said) == (0, [])
