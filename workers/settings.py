"""Where every setting comes from: the environment (`FRONTWIRE_*`), `.env`, and `*_FILE` for secrets.

The one module that looks at the environment. Everything else takes values.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from pipeline.outcomes import RevisitScope

PREFIX = "FRONTWIRE_"
SECRETS = ("DATABASE_URL", "REDIS_URL", "ALERT_TARGETS")
# The longest path a unix socket may have on Linux is 107 bytes, on macOS 103.
SOCKET_PATH_MAX = 100


class SettingsError(Exception):
    """The settings are wrong. The message lists every fault, one a line, and holds no secret."""


def _http_url(value: str | None) -> str | None:
    if value is None or value == "":
        return None
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must be like http://127.0.0.1:3128")
    return value


def _database_url(value: SecretStr | None) -> SecretStr | None:
    if value is None:
        return None
    scheme = value.get_secret_value().split(":", 1)[0].split("+", 1)[0]
    if scheme not in ("sqlite", "postgresql", "postgres"):
        raise ValueError("must begin with sqlite:/// or postgresql://")
    return value


def _redis_url(value: SecretStr | None) -> SecretStr | None:
    if value is None:
        return None
    if value.get_secret_value().split(":", 1)[0] not in ("redis", "rediss", "unix"):
        raise ValueError("must begin with redis://, rediss:// or unix://")
    return value


def _alert_targets(value: SecretStr | None) -> SecretStr | None:
    if value is not None:
        named_targets(value.get_secret_value())
    return value


def named_targets(text: str) -> dict[str, str]:
    """Name -> URL of `name url` pairs, a line or semicolon each. ValueError, which names no URL, for anything else."""
    found: dict[str, str] = {}
    for line in re.split(r"[;\n]", text):
        if not line.strip():
            continue
        name, _, url = line.strip().partition(" ")
        if not re.fullmatch(r"[A-Za-z0-9][\w.-]{0,63}", name) or "://" not in url:
            raise ValueError(f"pair {len(found) + 1} must be like: desk mailto://user:password@example.org")
        found[name] = url.strip()
    return found


def split_address(value: str) -> tuple[str, int]:
    """Host and port of `host:port`, `[::1]:port` or `:port` (loopback); raises ValueError."""
    host, colon, port = value.rpartition(":")
    if not colon or not port.isdecimal() or not 0 < int(port) < 65_536:
        raise ValueError("must be like 127.0.0.1:9187")
    return host.strip("[]") or "127.0.0.1", int(port)


def _address(value: str) -> str:
    if value:
        split_address(value)
    return value


class Settings(BaseSettings):
    """All settings with their defaults. `frontwire config` prints them; docs/operations.md explains each."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file=".env", extra="ignore", frozen=True, hide_input_in_errors=True
    )

    data_dir: Path = Field(Path("frontwire-data"), description="Directory of the database, the socket and the archive.")
    database_url: Annotated[SecretStr | None, AfterValidator(_database_url)] = Field(
        None,
        description="sqlite:///PATH or postgresql://USER:PASSWORD@HOST/NAME; default: SQLite in the data directory.",
    )
    redis_url: Annotated[SecretStr | None, AfterValidator(_redis_url)] = Field(
        None, description="redis://, rediss:// or unix:// URL; default: an embedded Valkey on a unix socket."
    )
    wire_dir: Path | None = Field(
        None, description="Watched folder for agency files, one subfolder a source; default: none."
    )
    http_proxy: Annotated[str | None, AfterValidator(_http_url)] = Field(
        None, description="Forward proxy for every request; only used when set here."
    )
    allow_addresses: str = Field(
        "", description="ip:port pairs or CIDR blocks, comma separated, open besides the public net."
    )
    host_delay_s: float = Field(1.0, ge=0, le=3600, description="Seconds between two requests to one host.")
    user_agent: str = Field(
        "Frontwire/0.1 (news monitoring; set FRONTWIRE_USER_AGENT to your contact)",
        min_length=3,
        max_length=255,
        description="How we name ourselves to servers and in robots.txt.",
    )
    workers: int = Field(2, ge=1, le=64, description="Worker processes that `run` starts.")
    batch_size: int = Field(8, ge=1, le=100, description="URLs in one job.")
    queue_limit: int = Field(25, ge=1, le=10_000, description="Jobs on the queue at most; the rest waits in SQL.")
    lease_s: float = Field(
        60.0, ge=2, le=3600, description="Seconds after which work that nobody reports on is taken back."
    )
    tick_s: float = Field(
        0.5, ge=0.05, le=60, description="Seconds between two looks of the dispatcher and the poller."
    )
    max_attempts: int = Field(5, ge=1, le=100, description="Tries for one URL before it is dead.")
    retry_base_s: float = Field(
        15.0, ge=0, le=86_400, description="Wait before the second try; each further one is four times longer."
    )
    revisits: RevisitScope = Field(
        RevisitScope.ALL, description="Which stored stories are fetched again on a schedule: all, conflict or none."
    )
    poll_concurrency: int = Field(96, ge=1, le=1000, description="Feeds polled at once by one poller.")
    # Health of sources looks back two weeks and a day that has begun.
    poll_log_days: int = Field(
        90, ge=16, le=36_500, description="Days for which `prune` keeps single polls; gaps and counts stay."
    )
    alert_targets: Annotated[SecretStr | None, AfterValidator(_alert_targets)] = Field(
        None, description="Whom watches tell: `name url` pairs, one a line or parted by semicolons."
    )
    dashboard_host: str = Field("127.0.0.1", description="Address that the dashboard listens on.")
    dashboard_port: int = Field(8001, ge=1, le=65535, description="Port of the dashboard.")
    metrics_address: Annotated[str, AfterValidator(_address)] = Field(
        "", description="host:port for /metrics, /healthz and /readyz, for example 127.0.0.1:9187; off when empty."
    )
    websub_url: Annotated[str | None, AfterValidator(_http_url)] = Field(
        None, description="Public address under which hubs reach our WebSub callbacks; no subscriptions without it."
    )
    websub_listen: Annotated[str, AfterValidator(_address)] = Field(
        "127.0.0.1:9188", description="host:port on which the WebSub process listens for hubs."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least level that is logged.")
    log_format: Literal["auto", "json", "console"] = Field(
        "auto", description="auto: console on a terminal, else one JSON object a line."
    )

    @property
    def database_dsn(self) -> str:
        """The database URL in clear. Never log it."""
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        return f"sqlite:///{self.data_dir.absolute() / 'frontwire.sqlite'}"

    @property
    def is_valkey_embedded(self) -> bool:
        """Whether `run` starts its own Valkey."""
        return self.redis_url is None

    @property
    def valkey_socket(self) -> Path:
        """The unix socket of the embedded Valkey: in the data directory, or in a directory for temporary files.

        A unix socket's path is short: of the data directory, TMPDIR and /tmp the first that leaves room for it.
        """
        path = self.data_dir.absolute() / "valkey.sock"
        digest = hashlib.sha256(os.fsencode(path)).hexdigest()[:16]
        private = Path(f"frontwire-{os.getuid()}-{digest}") / "valkey.sock"
        choices = (path, Path(tempfile.gettempdir()) / private)
        return next((one for one in choices if len(os.fsencode(one)) <= SOCKET_PATH_MAX), Path("/tmp") / private)  # noqa: S108

    @property
    def redis_dsn(self) -> str:
        """The Redis URL in clear. Never log it."""
        return self.redis_url.get_secret_value() if self.redis_url is not None else f"unix://{self.valkey_socket}?db=0"

    @property
    def targets(self) -> dict[str, str]:
        """Name -> URL of whom watches may tell, in clear. Never log it."""
        return {} if self.alert_targets is None else named_targets(self.alert_targets.get_secret_value())

    @property
    def archive_dir(self) -> Path:
        """Where the WARC files lie."""
        return self.data_dir.absolute() / "archive"

    def shown(self) -> dict[str, str]:
        """Every setting as text, passwords masked."""
        return {name: _shown(name, getattr(self, name)) for name in type(self).model_fields}


def _shown(name: str, value: object) -> str:
    if name == "alert_targets" and isinstance(value, SecretStr):
        # Most of these URLs are a secret from end to end.
        return ", ".join(f"{target} ***" for target in named_targets(value.get_secret_value()))
    if isinstance(value, SecretStr):
        return mask_url(value.get_secret_value())
    if name == "http_proxy" and isinstance(value, str):
        return mask_url(value)
    return "" if value is None else str(value)


def mask_url(url: str) -> str:
    """`url` with the password replaced by ***, also one given as a query parameter, and one with odd characters."""
    # Up to the last @: who writes a password unescaped may have written / or @ in it.
    masked = re.sub(r"(?<=://)([^:/@\s]*):.*@", r"\1:***@", url, flags=re.DOTALL)
    return re.sub(r"([?&][^=&]*pass[^=&]*=)[^&]*", r"\1***", masked, flags=re.IGNORECASE)


def load_settings(**overrides: object) -> Settings:
    """The settings of this process; raises SettingsError with all faults at once.

    `overrides` (from the command line) win over the environment. A variable `FRONTWIRE_…` that is no setting is a
    fault too: a misspelt name would silently do nothing.
    """
    faults = _unknown_names(os.environ)
    values: dict[str, object] = {}
    for name in SECRETS:
        path = os.environ.get(f"{PREFIX}{name}_FILE")
        if path is None or f"{PREFIX}{name}" in os.environ:
            continue
        try:
            values[name.lower()] = SecretStr(Path(path).read_text("utf-8").strip())
        except (OSError, UnicodeDecodeError) as error:
            faults.append(
                f"{PREFIX}{name}_FILE: {path} can't be read ({type(error).__name__}); check the path and its rights"
            )
    try:
        settings = Settings(**{**values, **{k: v for k, v in overrides.items() if v is not None}})  # type: ignore[arg-type]
    except ValidationError as error:
        faults += [_fault(item) for item in error.errors(include_input=False, include_url=False)]
        raise SettingsError("\n".join(faults)) from None
    if faults:
        raise SettingsError("\n".join(faults))
    return settings


def _unknown_names(environment: Mapping[str, str]) -> list[str]:
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields} | {f"{PREFIX}{name}_FILE" for name in SECRETS}
    strangers = sorted(
        name
        for name in environment
        if name.startswith(PREFIX) and name not in known and not name.startswith(f"{PREFIX}TEST_")
    )
    return [f"{name}: there is no such setting; `frontwire config` lists them" for name in strangers]


def _fault(item: Mapping[str, object]) -> str:
    location = item["loc"]
    name = str(location[0]).upper() if isinstance(location, tuple) and location else "?"
    return f"{PREFIX}{name}: {str(item['msg']).removeprefix('Value error, ')}"


def child_environment(settings: Settings) -> dict[str, str]:
    """The environment for a process of ours: this one's, with the settings that were given on the command line.

    Secrets travel in the environment, never on a command line that `ps` shows.
    """
    # glibc gives each thread that allocates a heap of its own, and each keeps what it once held.
    environment = {"MALLOC_ARENA_MAX": "1"} | os.environ
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if value is None:
            environment.pop(f"{PREFIX}{name.upper()}", None)
            continue
        text = value.get_secret_value() if isinstance(value, SecretStr) else str(value)
        environment[f"{PREFIX}{name.upper()}"] = text
    for name in SECRETS:
        environment.pop(f"{PREFIX}{name}_FILE", None)
    return environment


def wants_colour() -> bool:
    """False when NO_COLOR is set (https://no-color.org)."""
    return "NO_COLOR" not in os.environ


def reading_environment() -> dict[str, str]:
    """The environment for a process that reads hostile pages: this one's without secrets and without a proxy."""
    hidden = (
        {f"{PREFIX}{name}" for name in SECRETS} | {f"{PREFIX}{name}_FILE" for name in SECRETS} | {f"{PREFIX}HTTP_PROXY"}
    )
    return {name: value for name, value in os.environ.items() if name not in hidden}
