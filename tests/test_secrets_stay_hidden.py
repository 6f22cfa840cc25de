"""Canaries in every place where a secret may stand, looked for in everything that we write (promise P28).

Each canary is a word of its own, put into a DSN, a proxy, or a feed's user-info, query and path. Real processes work
with them; then their logs, their tracebacks and what the commands print must hold none of the words.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from scripted_origin import Answer, scripted_origin
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from workers.database import open_engine
from workers.logs import tidy_values
from workers.settings import load_settings

CANARIES = {
    "database": "kanari-db-Wq7x",
    "redis": "kanari-redis-Wq7x",
    "proxy": "kanari-proxy-Wq7x",
    "user": "kanari-user-Wq7x",
    "query": "kanari-query-Wq7x",
    "path": "kanari4path7Wq7xZ9pL2mN",
}
FEED = (
    f"http://desk:{CANARIES['user']}@wire.example/private/{CANARIES['path']}/rss.xml"
    f"?subscriber={CANARIES['query']}&token={CANARIES['query']}"
)
ASKED = FEED.replace(f"desk:{CANARIES['user']}@", "")
# Like the address of a chat room that alarms are posted to: the last part of the path is the key.
HOOK = f"https://hooks.chat.example/services/T00/B00/{CANARIES['path']}"
RSS = "<rss version='2.0'><channel><title>Wire</title><item><title>One</title><link>http://www.wire.example/1</link></item></channel></rss>"


def found_in(told: str) -> list[str]:
    return [name for name, word in CANARIES.items() if word in told]


@pytest.fixture(params=["answers", "fails"])
def proxied(request: pytest.FixtureRequest) -> Iterator[str]:
    """A proxy with a password in front of a feed that answers, or that does not."""
    answer = Answer(RSS, content_type="text/xml") if request.param == "answers" else Answer("no", status=500)
    with scripted_origin({ASKED: answer}) as origin:
        yield origin.proxy_url.replace("http://", f"http://desk:{CANARIES['proxy']}@")


def frontwire(*arguments: str, env: dict[str, str]) -> str:
    """Everything that a command prints, whatever it comes to."""
    ran = subprocess.run(
        [sys.executable, "-m", "workers", *arguments], env=env, capture_output=True, text=True, timeout=120
    )
    return ran.stdout + ran.stderr


def environment(directory: Path, **more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FRONTWIRE_")}
    return kept | {"FRONTWIRE_DATA_DIR": str(directory), "FRONTWIRE_LOG_FORMAT": "json", **more}


@pytest.mark.processes
def test_a_run_with_secrets_everywhere_tells_none(tmp_path: Path, proxied: str) -> None:
    env = environment(tmp_path, FRONTWIRE_HTTP_PROXY=proxied, FRONTWIRE_TICK_S="0.1", FRONTWIRE_LOG_LEVEL="debug")
    opml = tmp_path / "feeds.opml"
    opml.write_text(f'<opml version="2.0"><body><outline xmlUrl="{FEED.replace("&", "&amp;")}"/></body></opml>')
    told = frontwire("feeds", "import", str(opml), env=env)
    told += frontwire("run", "--until-idle", "--no-dashboard", env=env)
    for command in (
        ["config"],
        ["config", "--json"],
        ["doctor"],
        ["doctor", "--json"],
        ["status"],
        ["status", "--json"],
    ):
        told += frontwire(*command, env=env)
    assert '"event": "poll"' in told, "the feed was polled"
    assert found_in(told) == []


@pytest.mark.parametrize(
    "command", [["doctor"], ["doctor", "--json"], ["config", "--json"], ["status"], ["db", "check"]]
)
def test_servers_that_can_not_be_reached_are_named_without_their_passwords(tmp_path: Path, command: list[str]) -> None:
    env = environment(
        tmp_path,
        FRONTWIRE_DATABASE_URL=f"postgresql://desk:{CANARIES['database']}@127.0.0.1:1/wire?sslpassword={CANARIES['database']}",
        FRONTWIRE_REDIS_URL=f"redis://desk:{CANARIES['redis']}@127.0.0.1:1/0",
    )
    assert found_in(frontwire(*command, env=env)) == []


def test_sql_errors_and_their_tracebacks_hold_no_value_of_a_statement(database_url: str) -> None:
    engine = open_engine(database_url)
    with pytest.raises(SQLAlchemyError) as raised, engine.begin() as connection:
        connection.execute(text("INSERT INTO feeds (nonsense) VALUES (:url)"), {"url": FEED})
    engine.dispose()
    assert found_in(str(raised.value)) == []


def test_tracebacks_are_masked_like_every_other_value() -> None:
    trace = f"Traceback (most recent call last):\n  File x\nValueError: at {FEED} and {HOOK} with postgresql://a:{CANARIES['database']}@b/c"
    event = tidy_values(None, "error", {"exception": trace, "feed": FEED, "url": HOOK, "detail": [HOOK]})
    shown = json.dumps(event, default=str)
    assert [name for name in found_in(shown) if name != "query"] == []
    assert CANARIES["query"] not in str(event["feed"])


def test_what_is_printed_of_settings_holds_no_secret(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FRONTWIRE_DATABASE_URL", f"postgresql://desk:{CANARIES['database']}@db/wire")
    monkeypatch.setenv("FRONTWIRE_REDIS_URL", f"rediss://:{CANARIES['redis']}@queue/0")
    monkeypatch.setenv("FRONTWIRE_HTTP_PROXY", f"http://desk:{CANARIES['proxy']}@proxy:3128")
    settings = load_settings(data_dir=tmp_path)
    assert found_in(json.dumps(settings.shown()) + repr(settings.database_url)) == []
