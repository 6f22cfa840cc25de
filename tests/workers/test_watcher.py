"""Watches end to end: real SQL, a real sending process, a real mail server and webhook on loopback."""

from __future__ import annotations

import asyncio
import http.server
import json
import os
import re
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP
from rows import NOW, add_story
from sqlalchemy import Engine, insert, update

from pipeline.outcomes import AlertReason, StoryStatus
from pipeline.store import watches as store
from pipeline.store.schema import status_changes, stories
from pipeline.watching.messages import Message
from workers.alerting import send
from workers.database import open_engine
from workers.notify import REFUSED
from workers.process import utc_now
from workers.settings import Settings, SettingsError, load_settings
from workers.targets import TargetUnknown, read_target, reference_for
from workers.watcher import Watcher

SECRET = "s3cr3t-t0ken"


class Mailbox:
    """Keeps every message that the mail server takes."""

    def __init__(self) -> None:
        self.taken: list[Any] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        self.taken.append(message_from_bytes(envelope.content, policy=policy.default))
        return "250 taken"


@pytest.fixture
def mailbox() -> Iterator[tuple[Mailbox, str]]:
    """A mail server, and the target that leads to it."""
    box, loop = Mailbox(), asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    server = asyncio.run_coroutine_threadsafe(
        loop.create_server(lambda: SMTP(box, loop=loop), "127.0.0.1", 0), loop
    ).result()
    port = server.sockets[0].getsockname()[1]
    yield box, f"mailto://127.0.0.1:{port}?from=desk@wire.example&to=duty@desk.example&mode=insecure"
    loop.call_soon_threadsafe(server.close)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


class Webhook:
    """A web server that keeps what is posted and answers with `status`."""

    def __init__(self) -> None:
        self.status = 200
        self.posted: list[dict[str, Any]] = []
        webhook = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                webhook.posted.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
                self.send_response(webhook.status)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                return None

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"json://127.0.0.1:{self.server.server_port}/{SECRET}"


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    hook = Webhook()
    thread = threading.Thread(target=hook.server.serve_forever)
    thread.start()
    yield hook
    hook.server.shutdown()
    thread.join()
    hook.server.server_close()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(data_dir=tmp_path / "data")


def add_watch(engine: Engine, settings: Settings, *targets: str, condition: str = "type = 'force'") -> None:
    references = [reference_for(target, settings) for target in targets]
    with engine.begin() as connection:
        store.add_watch(connection, "w", condition, references, digest=None, limit=None, since=NOW, now=NOW)


def log_of(engine: Engine) -> list[tuple[str, str, str | None, int]]:
    with engine.connect() as connection:
        rows = store.alert_log(connection, "w", 10)
    return [(row["kind"], row["state"], row["reason"], row["attempts"]) for row in reversed(rows)]


def test_a_story_reaches_mail_and_webhook_once_and_its_withdrawal_once(
    engine: Engine, settings: Settings, mailbox: tuple[Mailbox, str], webhook: Webhook
) -> None:
    box, mail_target = mailbox
    add_watch(engine, settings, mail_target, webhook.url)
    with engine.begin() as connection:
        add_story(connection, 1, "Missiles <b>hit</b> the harbour", acts={"force": 0.9}, actors=["RUS"])
        add_story(connection, 2, "Talks go on", acts={"talks": 0.9})
    watcher = Watcher(engine, settings)
    watcher.step()
    watcher.step()
    assert [post["title"] for post in webhook.posted] == ["[w] Missiles ‹b›hit‹/b› the harbour"]
    assert "https://wire1.example/1" in webhook.posted[0]["message"]
    assert [(str(mail["subject"]), str(mail["to"])) for mail in box.taken] == [
        ("[w] Missiles ‹b›hit‹/b› the harbour", "duty@desk.example")
    ]
    with engine.begin() as connection:
        connection.execute(update(stories).where(stories.c.id == 1).values(status=StoryStatus.WITHDRAWN))
        change = {"status": StoryStatus.WITHDRAWN, "cause": "wire", "revision": 1, "changed_at": utc_now()}
        connection.execute(insert(status_changes).values(story_id=1, **change))
    watcher.step()
    watcher.step()
    assert [post["title"] for post in webhook.posted[1:]] == ["[w] WITHDRAWN: Missiles ‹b›hit‹/b› the harbour"]
    assert len(box.taken) == 2
    assert log_of(engine) == [("match", "sent", None, 1), ("withdrawal", "sent", None, 1)]


def test_a_service_that_refuses_is_tried_again_and_the_log_knows_no_secret(
    engine: Engine, settings: Settings, webhook: Webhook, capfd: pytest.CaptureFixture[str]
) -> None:
    webhook.status = 503
    add_watch(engine, settings, webhook.url)
    with engine.begin() as connection:
        add_story(connection, 1, acts={"force": 0.9})
    Watcher(engine, settings).step()
    assert log_of(engine) == [("match", "waiting", "refused", 1)]
    with engine.connect() as connection:
        kept = str(store.alert_log(connection, "w", 1)) + str(store.list_watches(connection))
    assert "the service answered 503" in kept
    said = capfd.readouterr()
    assert SECRET not in kept + said.out + said.err


def test_what_a_killed_watcher_had_in_hand_is_sent_by_the_next(
    engine: Engine, settings: Settings, webhook: Webhook
) -> None:
    add_watch(engine, settings, webhook.url)
    with engine.begin() as connection:
        add_story(connection, 1, acts={"force": 0.9})

    class Killed(BaseException):
        pass

    def die(*_: Any) -> Any:
        raise Killed

    with pytest.raises(Killed):
        Watcher(engine, settings, die).step()
    assert log_of(engine) == [("match", "sending", None, 1)]
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE watch_alerts SET lease_until = created_at")
    Watcher(engine, settings).step()
    assert log_of(engine) == [("match", "sent", None, 2)]
    assert len(webhook.posted) == 1


def test_a_target_that_is_gone_is_a_reason_and_not_an_end(
    engine: Engine, settings: Settings, webhook: Webhook, tmp_path: Path
) -> None:
    path = tmp_path / "target"
    path.write_text(webhook.url)
    add_watch(engine, settings, f"file:{path}")
    path.unlink()
    with engine.begin() as connection:
        add_story(connection, 1, acts={"force": 0.9})
    Watcher(engine, settings).step()
    assert log_of(engine) == [("match", "waiting", "no_target", 1)]


def test_a_watch_without_a_target_records_for_its_feed(engine: Engine, settings: Settings) -> None:
    add_watch(engine, settings)
    with engine.begin() as connection:
        add_story(connection, 1, acts={"force": 0.9})
    Watcher(engine, settings).step()
    assert log_of(engine) == [("match", "recorded", None, 0)]


# ---------------------------------------------------------------------------------------------------------- sending


def test_a_service_that_never_answers_is_left_and_its_process_killed() -> None:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as silent:
        # Nobody accepts: the connection stays in the backlog.
        target = f"json://127.0.0.1:{silent.server_port}/?rto=60&cto=60"
        sent = send([target], Message("t", "b"), limit_s=3)
    assert (sent.reason, sent.detail) == (AlertReason.TIMEOUT, "no answer in 3 s")


def test_one_target_that_fails_does_not_keep_the_others_from_hearing(webhook: Webhook) -> None:
    sent = send(["nonsense://x", webhook.url], Message("t", "b"))
    assert sent.reason is AlertReason.BAD_TARGET
    assert [post["title"] for post in webhook.posted] == ["t"]


def test_the_sending_process_says_nothing_of_its_target() -> None:
    asked = json.dumps({"url": f"json://127.0.0.1:9/{SECRET}", "title": "t", "body": "b"})
    ended = subprocess.run(
        [sys.executable, "-m", "workers.notify"], input=asked, capture_output=True, text=True, timeout=60
    )
    assert ended.returncode == REFUSED
    assert SECRET not in ended.stdout + ended.stderr


# ---------------------------------------------------------------------------------------------------------- targets


def test_a_url_is_kept_in_a_file_of_its_owner_and_known_by_its_reference(settings: Settings) -> None:
    reference = reference_for(f"json://127.0.0.1/{SECRET}", settings)
    path = Path(reference.removeprefix("file:"))
    assert SECRET not in reference
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert read_target(reference, settings) == f"json://127.0.0.1/{SECRET}"


def test_a_named_target_is_read_from_the_settings_and_shown_masked(tmp_path: Path) -> None:
    given = f"desk mailto://a:{SECRET}@mail.example; chat slack://{SECRET}/b/c"
    settings = load_settings(data_dir=tmp_path, alert_targets=given)
    assert reference_for("chat", settings) == "chat"
    assert read_target("chat", settings) == f"slack://{SECRET}/b/c"
    assert settings.shown()["alert_targets"] == "desk ***, chat ***"
    with pytest.raises(TargetUnknown, match="desk, chat"):
        reference_for("nobody", settings)


@pytest.mark.parametrize("given", [f"desk {SECRET}", f"json://x/{SECRET}", f"a b://c; {SECRET}"])
def test_targets_that_can_not_be_read_are_a_fault_without_their_text(given: str) -> None:
    with pytest.raises(SettingsError, match="FRONTWIRE_ALERT_TARGETS") as caught:
        load_settings(alert_targets=given)
    assert SECRET not in str(caught.value)


# ------------------------------------------------------------------------------------------------- the command line


def frontwire(*arguments: str, directory: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("FRONTWIRE_")}
    env |= {"FRONTWIRE_DATA_DIR": str(directory / "data")}
    env |= {f"FRONTWIRE_{name.upper()}": value for name, value in settings.items()}
    command = [sys.executable, "-m", "workers", "watch", *arguments]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=120)


def test_a_watch_is_added_tested_listed_read_as_a_feed_and_removed(
    sqlite_url: str, tmp_path: Path, webhook: Webhook
) -> None:
    where: dict[str, Any] = {"directory": tmp_path, "database_url": sqlite_url}
    engine = open_engine(sqlite_url)
    with engine.begin() as connection:
        add_story(connection, 1, "Missiles hit", acts={"force": 0.9}, stored_at=utc_now())
    added = frontwire(
        "add", "type = 'force'", "--name", "w", "--to", webhook.url, "--limit", "10/h", "--since", "1h", **where
    )
    assert added.returncode == 0, added.stderr
    tried = frontwire("test", "w", "--send", "--json", **where)
    assert [story["title"] for story in json.loads(tried.stdout)["stories"]] == ["Missiles hit"]
    assert [post["title"] for post in webhook.posted] == ["[w] test"]
    Watcher(engine, load_settings(data_dir=tmp_path / "data")).step()
    listed = frontwire("list", "--json", **where)
    assert json.loads(listed.stdout)[0]["alerts"] == {"sent": 1}
    assert SECRET not in listed.stdout
    feed = frontwire("feed", "w", "--format", "json", **where)
    assert [item["title"] for item in json.loads(feed.stdout)["items"]] == ["Missiles hit"]
    assert [row["state"] for row in json.loads(frontwire("log", "w", "--json", **where).stdout)] == ["sent"]
    assert frontwire("disable", "w", **where).returncode == 0
    assert frontwire("remove", "w", **where).returncode == 0
    assert frontwire("list", "--json", **where).returncode == 3
    engine.dispose()


def test_a_condition_that_can_not_be_read_is_shown_with_the_place(tmp_path: Path) -> None:
    ended = frontwire("add", "type = 'force' and kind = 'x'", "--name", "w", directory=tmp_path)
    assert ended.returncode == 2
    place, mark = re.findall(r"^  (?=type| *\^)(.*)$", ended.stderr, re.M)
    assert place[mark.index("^") :] == "kind = 'x'"
    assert "no column kind" in ended.stderr
