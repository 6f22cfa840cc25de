"""Settings: where they come from, what is said about wrong ones, and where secrets never show (P28, P30)."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import pytest

from workers.settings import (
    SOCKET_PATH_MAX,
    Settings,
    SettingsError,
    child_environment,
    load_settings,
    mask_url,
    reading_environment,
    wants_colour,
)

DSN = "postgresql://desk:hunter2@db.example/frontwire"


@pytest.fixture(autouse=True)
def _empty_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.startswith("FRONTWIRE_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def test_with_nothing_set_everything_lies_in_one_directory(tmp_path: Path) -> None:
    settings = load_settings()
    assert settings.database_dsn == f"sqlite:///{tmp_path}/frontwire-data/frontwire.sqlite"
    assert settings.is_valkey_embedded
    assert settings.archive_dir == tmp_path / "frontwire-data" / "archive"


def test_the_environment_wins_over_env_file_and_the_command_line_over_both(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text("FRONTWIRE_WORKERS=3\nFRONTWIRE_BATCH_SIZE=4\nFRONTWIRE_QUEUE_LIMIT=5\n")
    monkeypatch.setenv("FRONTWIRE_BATCH_SIZE", "40")
    monkeypatch.setenv("FRONTWIRE_QUEUE_LIMIT", "50")
    settings = load_settings(queue_limit=500, lease_s=None)
    assert (settings.workers, settings.batch_size, settings.queue_limit, settings.lease_s) == (3, 40, 500, 60.0)


def test_a_secret_is_read_from_its_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "dsn").write_text(f"{DSN}\n")
    monkeypatch.setenv("FRONTWIRE_DATABASE_URL_FILE", str(tmp_path / "dsn"))
    assert load_settings().database_dsn == DSN


def test_the_variable_wins_over_the_secrets_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "redis").write_text("redis://from-file.example/0")
    monkeypatch.setenv("FRONTWIRE_REDIS_URL_FILE", str(tmp_path / "redis"))
    monkeypatch.setenv("FRONTWIRE_REDIS_URL", "redis://from-variable.example/0")
    assert load_settings().redis_dsn == "redis://from-variable.example/0"


def test_all_faults_are_said_at_once_and_no_secret_among_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRONTWIRE_DATABASE_URL", "mysql://desk:hunter2@db.example/x")
    monkeypatch.setenv("FRONTWIRE_REDIS_URL_FILE", "/nowhere/redis")
    monkeypatch.setenv("FRONTWIRE_WORKERS", "many")
    monkeypatch.setenv("FRONTWIRE_LEASE_S", "0")
    monkeypatch.setenv("FRONTWIRE_HTTP_PROXY", "socks5://desk:hunter2@proxy.example")
    monkeypatch.setenv("FRONTWIRE_WROKERS", "2")
    with pytest.raises(SettingsError) as caught:
        load_settings()
    said = str(caught.value)
    assert {line.split(":", 1)[0].removeprefix("FRONTWIRE_") for line in said.splitlines()} == {
        "DATABASE_URL", "REDIS_URL_FILE", "WORKERS", "LEASE_S", "HTTP_PROXY", "WROKERS",
    }  # fmt: skip
    assert "hunter2" not in said
    assert caught.value.__suppress_context__, "the traceback of the validator would show the value"


def test_a_name_that_is_no_setting_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRONTWIRE_LEASE", "60")
    with pytest.raises(SettingsError, match="FRONTWIRE_LEASE: there is no such setting"):
        load_settings()


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (DSN, "postgresql://desk:***@db.example/frontwire"),
        ("postgresql://desk:a@b@db.example/x", "postgresql://desk:***@db.example/x"),
        ("redis://:hunter2@queue.example:6379/0", "redis://:***@queue.example:6379/0"),
        ("unix:///run/valkey.sock?db=0&password=hunter2", "unix:///run/valkey.sock?db=0&password=***"),
        ("postgresql:///frontwire?host=/run&sslpassword=hunter2", "postgresql:///frontwire?host=/run&sslpassword=***"),
        ("sqlite:////var/lib/frontwire.db", "sqlite:////var/lib/frontwire.db"),
        ("http://127.0.0.1:3128", "http://127.0.0.1:3128"),
    ],
)
def test_a_url_is_shown_with_its_password_masked(url: str, shown: str) -> None:
    assert mask_url(url) == shown


def test_neither_the_list_of_settings_nor_a_repr_shows_a_password() -> None:
    proxy = "http://desk:hunter2@proxy.example:3128"
    settings = load_settings(database_url=DSN, redis_url="redis://:hunter2@queue.example", http_proxy=proxy)
    shown = settings.shown()
    assert set(shown) == set(Settings.model_fields)
    assert shown["database_url"] == "postgresql://desk:***@db.example/frontwire"
    assert shown["http_proxy"] == "http://desk:***@proxy.example:3128"
    assert "hunter2" not in str(shown)
    assert "hunter2" not in f"{settings.database_url!r} {settings.redis_url!r}"


def test_the_socket_lies_in_the_data_directory_while_its_path_is_short_enough() -> None:
    assert load_settings(data_dir="/srv/frontwire").valkey_socket == Path("/srv/frontwire/valkey.sock")


@pytest.mark.parametrize("letter", ["d", "ü"])
def test_a_long_data_directory_gets_a_short_socket_of_its_own(letter: str) -> None:
    long = f"/srv/{letter * 95}"
    there = load_settings(data_dir=long).valkey_socket
    assert len(os.fsencode(there)) <= SOCKET_PATH_MAX
    assert there == load_settings(data_dir=long).valkey_socket
    assert there != load_settings(data_dir=f"{long}2").valkey_socket
    assert there.parent.name.startswith(f"frontwire-{os.getuid()}-")


def test_a_socket_has_room_where_temporary_files_go_to_a_long_path_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", f"/tmp/{'t' * 80}")
    there = load_settings(data_dir=f"/tmp/{'t' * 80}/{'d' * 20}").valkey_socket
    assert len(os.fsencode(there)) <= SOCKET_PATH_MAX
    assert there.parent.parent == Path("/tmp")


def test_a_child_reads_the_very_settings_of_its_parent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "dsn").write_text(DSN)
    monkeypatch.setenv("FRONTWIRE_DATABASE_URL_FILE", str(tmp_path / "dsn"))
    parents = load_settings(workers=7, host_delay_s=0.25, http_proxy="http://127.0.0.1:3128", log_format="json")
    environment = child_environment(parents)
    for name in list(os.environ):
        monkeypatch.delenv(name)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert load_settings() == parents
    assert "FRONTWIRE_DATABASE_URL_FILE" not in environment


def test_a_process_that_reads_hostile_pages_has_no_secret_in_its_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABASE_URL", "DATABASE_URL_FILE", "REDIS_URL", "REDIS_URL_FILE", "HTTP_PROXY"):
        monkeypatch.setenv(f"FRONTWIRE_{name}", "hunter2")
    monkeypatch.setenv("FRONTWIRE_LOG_LEVEL", "error")
    environment = reading_environment()
    assert "hunter2" not in environment.values()
    assert environment["FRONTWIRE_LOG_LEVEL"] == "error"
    assert environment["PATH"] == os.environ["PATH"]


def test_no_color_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert wants_colour()
    monkeypatch.setenv("NO_COLOR", "")
    assert not wants_colour()


def test_importing_the_settings_reads_no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is set after the import counts: nothing was read too early."""
    assert "workers.settings" in sys.modules
    monkeypatch.setenv("FRONTWIRE_WORKERS", "11")
    assert load_settings().workers == 11


@pytest.mark.parametrize("password", ["geheim", "ge/heim", "ge@heim", "ge?heim", "ge#heim", "ge:heim"])
def test_a_password_with_odd_characters_is_masked(password: str) -> None:
    shown = mask_url(f"postgresql://user:{password}@db.example/frontwire")
    assert shown == "postgresql://user:***@db.example/frontwire"
