"""WebSub against a real hub on loopback: found by polling, subscribed, verified, pushing, and every refusal."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import threading
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode

import pytest
from sqlalchemy import Engine, select, update
from store_builders import add_feed

from pipeline.outcomes import FeedStatus, PollOutcome, SubscriptionState
from pipeline.store import feeds as feed_store
from pipeline.store import schema, subscriptions
from workers.child import ReadingChild
from workers.gate import SqlGate
from workers.http import CallbackServer, HttpClient
from workers.policy import http_policy
from workers.poller import Poller
from workers.process import utc_now
from workers.settings import load_settings
from workers.websub import BODY_MAX_BYTES, WebSub


@dataclass
class Hub:
    """A publisher and its hub in one: serves a feed, takes subscriptions, verifies and pushes when told to."""

    port: int = 0
    items: str = ""
    status: int = 202
    answer: str = ""
    forms: list[dict[str, str]] = field(default_factory=list)

    @property
    def feed_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/feed.xml"

    def rss(self, *names: str) -> bytes:
        items = "".join(f"<item><title>{n}</title><link>http://wire.example/{n}</link></item>" for n in names)
        return f"<rss version='2.0'><channel><title>Wire</title>{items}</channel></rss>".encode()


@contextmanager
def running_hub() -> Iterator[Hub]:
    hub = Hub()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(200, hub.rss(*hub.items.split()), Link=f'<http://127.0.0.1:{hub.port}/hub>; rel="hub"')

        def do_POST(self) -> None:
            form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            hub.forms.append({name: values[0] for name, values in form.items()})
            self._answer(hub.status, hub.answer.format(secret=form["hub.secret"][0]).encode())

        def _answer(self, status: int, body: bytes, **headers: str) -> None:
            self.send_response(status)
            for name, value in {"Content-Type": "text/xml", "Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()


@dataclass
class Scene:
    """Everything of one test at work: the hub, the poller, the subscriber, and its callbacks' port."""

    hub: Hub
    poller: Poller
    websub: WebSub
    port: int

    async def poll(self, engine: Engine) -> None:
        with engine.begin() as connection:
            feed_store.make_feeds_due(connection, utc_now())
        await self.poller.step()
        await self.poller.idle()

    def path(self) -> str:
        return "/" + self.hub.forms[-1]["hub.callback"].rpartition("/")[2]

    async def get(self, path: str | None = None, **query: str) -> tuple[int, str]:
        return await asyncio.to_thread(self._ask, f"{path or self.path()}?{urlencode(query)}", None, {})

    async def verify(self, lease: str = "86400", **more: str) -> tuple[int, str]:
        asked = {"hub.mode": "subscribe", "hub.topic": self.hub.feed_url, "hub.challenge": "abc"}
        return await self.get(**(asked | {"hub.lease_seconds": lease} | more))

    async def push(
        self, body: bytes, method: str = "sha256", signature: str | None = None, path: str | None = None
    ) -> int:
        key = self.hub.forms[-1]["hub.secret"].encode()
        signed = (
            signature
            if signature is not None
            else f"{method}={hmac.new(key, body, getattr(hashlib, method)).hexdigest()}"
        )
        headers = {"Content-Type": "application/rss+xml"} | ({"X-Hub-Signature": signed} if signed else {})
        return (await asyncio.to_thread(self._ask, path or self.path(), body, headers))[0]

    def _ask(self, path: str, body: bytes | None, headers: dict[str, str]) -> tuple[int, str]:
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data=body, headers=headers)
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()


@asynccontextmanager
async def subscriber(engine: Engine, hub: Hub, child: ReadingChild) -> AsyncIterator[Scene]:
    settings = load_settings(
        host_delay_s=0, allow_addresses=f"127.0.0.1:{hub.port}", websub_url="https://desk.example/websub/"
    )
    gate = SqlGate(engine, 0)
    async with HttpClient(http_policy(settings), gate, utc_now) as http:
        websub = WebSub(engine, http, child, settings)
        server = CallbackServer("127.0.0.1", 0, BODY_MAX_BYTES, websub.is_known, websub.verify, websub.take_push)
        async with server:
            yield Scene(hub, Poller(engine, http, gate, child, settings), websub, server.port)


Play = Callable[[Callable[[Scene], Awaitable[None]]], None]


@pytest.fixture
def play(engine: Engine, runner: asyncio.Runner, child: ReadingChild) -> Iterator[Play]:
    """Runs a scene after the feed was polled once and the subscription asked for."""
    with running_hub() as hub:
        hub.items = "one two"
        with engine.begin() as connection:
            add_feed(connection, hub.feed_url)

        async def whole(scene: Callable[[Scene], Awaitable[None]]) -> None:
            async with subscriber(engine, hub, child) as on:
                await on.poll(engine)
                assert await on.websub.step() == 1
                await scene(on)

        yield lambda scene: runner.run(whole(scene))


def subscription(engine: Engine) -> Any:
    with engine.connect() as connection:
        return connection.execute(select(schema.websub_subscriptions)).one()


def feed(engine: Engine) -> Any:
    with engine.connect() as connection:
        return connection.execute(select(schema.feeds)).one()


def names(engine: Engine) -> set[str]:
    with engine.connect() as connection:
        return {url.rpartition("/")[2] for url in connection.execute(select(schema.urls.c.url)).scalars()}


def test_a_hub_that_a_poll_found_is_asked_verified_and_its_push_is_read_like_a_poll(engine: Engine, play: Play) -> None:
    async def scene(on: Scene) -> None:
        (form,) = on.hub.forms
        assert (form["hub.mode"], form["hub.topic"]) == ("subscribe", on.hub.feed_url)
        assert form["hub.callback"].startswith("https://desk.example/websub/")
        assert min(len(form["hub.secret"]), len(on.path())) >= 43
        assert await on.verify() == (200, "abc")
        assert subscription(engine).state == SubscriptionState.ACTIVE
        assert subscription(engine).lease_until - utc_now() > timedelta(hours=23)
        before = feed(engine)
        for method in ("sha1", "sha256", "sha384", "sha512"):
            assert await on.push(on.hub.rss("two", f"pushed-{method}"), method) == 204
        after = feed(engine)
        assert (after.next_poll_at, after.body_sha256, after.lease_token) == (
            before.next_poll_at,
            before.body_sha256,
            None,
        )
        on.hub.items = "two pushed-sha512"
        await on.poll(engine)

    play(scene)
    assert names(engine) == {"one", "two", "pushed-sha1", "pushed-sha256", "pushed-sha384", "pushed-sha512"}
    row, known = subscription(engine), feed(engine)
    assert (row.pushes, row.bad_signatures) == (4, 0)
    assert (known.push_confirmed, known.last_outcome) == (1, PollOutcome.NOTHING_NEW)
    with engine.connect() as connection:
        polls = connection.execute(select(schema.feed_polls).order_by(schema.feed_polls.c.id)).all()
    assert [(poll.new_urls, poll.http_status) for poll in polls] == [(2, 200), *[(1, None)] * 4, (0, 200)]


@pytest.mark.parametrize("signature", ["", "sha256=" + "0" * 64, "md5=" + "0" * 32])
def test_a_push_without_the_right_signature_is_taken_ignored_and_counted(
    engine: Engine, play: Play, signature: str
) -> None:
    async def scene(on: Scene) -> None:
        await on.verify()
        assert await on.push(on.hub.rss("forged"), signature=signature) == 202

    play(scene)
    assert names(engine) == {"one", "two"}
    assert (subscription(engine).pushes, subscription(engine).bad_signatures) == (0, 1)


def test_a_verification_that_nobody_awaits_is_not_confirmed(engine: Engine, play: Play) -> None:
    async def scene(on: Scene) -> None:
        assert (await on.verify(**{"hub.topic": "http://other.example/feed"}))[0] == 404
        assert (await on.verify(**{"hub.mode": "unsubscribe"}))[0] == 404
        assert (await on.verify(**{"hub.challenge": ""}))[0] == 404
        assert (await on.get("/" + "x" * 43, **{"hub.mode": "subscribe"}))[0] == 404
        assert await on.push(b"<rss/>", path="/" + "x" * 43) == 404
        assert (await on.get("/"))[0] == 404

    play(scene)
    assert subscription(engine).state == SubscriptionState.REQUESTED


def test_a_lease_is_renewed_before_it_ends_under_the_same_callback(engine: Engine, play: Play) -> None:
    async def scene(on: Scene) -> None:
        await on.verify(lease="1000")
        row = subscription(engine)
        assert utc_now() < row.next_request_at < row.lease_until
        assert await on.websub.step() == 0, "not yet"
        with engine.begin() as connection:
            connection.execute(update(schema.websub_subscriptions).values(next_request_at=utc_now()))
        assert await on.websub.step() == 1
        assert subscription(engine).state == SubscriptionState.ACTIVE, "the old lease holds meanwhile"
        assert on.hub.forms[0] == on.hub.forms[1]
        assert await on.verify(lease="864000") == (200, "abc")

    play(scene)
    assert subscription(engine).lease_until - utc_now() > timedelta(days=9)


def test_a_denial_is_kept_with_its_reason_and_asked_again_after_a_day(engine: Engine, play: Play) -> None:
    async def scene(on: Scene) -> None:
        await on.verify()
        told = {"hub.mode": "denied", "hub.topic": on.hub.feed_url, "hub.reason": "no such topic"}
        assert (await on.get(**told))[0] == 200

    play(scene)
    row = subscription(engine)
    assert (row.state, row.detail, row.lease_until) == (SubscriptionState.DENIED, "no such topic", None)
    assert row.next_request_at - utc_now() > timedelta(hours=23)


def test_a_hub_that_refuses_is_left_alone_for_a_while_and_quotes_no_secret(
    engine: Engine, runner: asyncio.Runner, child: ReadingChild
) -> None:
    with running_hub() as hub:
        hub.items, hub.status, hub.answer = "one", 422, "bad secret {secret}"
        with engine.begin() as connection:
            add_feed(connection, hub.feed_url)

        async def scene() -> None:
            async with subscriber(engine, hub, child) as on:
                await on.poll(engine)
                await on.websub.step()
                await on.websub.step()

        runner.run(scene())
    row = subscription(engine)
    assert (len(hub.forms), row.failures) == (1, 1)
    assert row.detail.endswith("answered 422: bad secret ***")
    assert timedelta(minutes=14) < row.next_request_at - utc_now() < timedelta(minutes=16)


def test_a_feed_that_is_disabled_ends_its_subscription_and_the_hub_is_told_gone(engine: Engine, play: Play) -> None:
    async def scene(on: Scene) -> None:
        await on.verify()
        with engine.begin() as connection:
            feed_store.set_feed_status(connection, on.hub.feed_url, FeedStatus.DISABLED)
        await on.websub.step()
        assert await on.push(on.hub.rss("late")) == 410
        assert (await on.verify())[0] == 410
        assert await on.verify(**{"hub.mode": "unsubscribe"}) == (200, "abc")

    play(scene)
    assert subscription(engine).state == SubscriptionState.ENDED
    assert "late" not in names(engine)


def test_a_push_that_is_too_large_is_not_read(engine: Engine, play: Play) -> None:
    async def scene(on: Scene) -> None:
        await on.verify()
        with contextlib.suppress(urllib.error.URLError, ConnectionError):  # the server hangs up while we send
            assert await on.push(b" " * (BODY_MAX_BYTES + 1)) == 413

    play(scene)
    assert subscription(engine).pushes == 0


def test_a_push_waits_for_a_poll_of_the_feed_and_is_sent_again_if_that_takes_long(
    engine: Engine, play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.websub.HELD_WAIT_S", 0.05)

    async def scene(on: Scene) -> None:
        await on.verify()
        feed_id = feed(engine).id
        with engine.begin() as connection:
            held = feed_store.claim_feed(connection, "a-poller", feed_id, utc_now(), 60)
        assert held is not None
        assert await on.push(on.hub.rss("held")) == 503
        with engine.begin() as connection:
            feed_store.release_feeds(connection, "a-poller", [feed_id])
        assert await on.push(on.hub.rss("held")) == 204

    play(scene)
    assert "held" in names(engine)


def test_a_hub_on_a_private_address_is_not_asked(engine: Engine, runner: asyncio.Runner, child: ReadingChild) -> None:
    with running_hub() as hub, running_hub() as private:
        with engine.begin() as connection:
            state = add_feed(connection, hub.feed_url)
            named = {"hub_url": f"http://127.0.0.1:{private.port}/hub", "topic_url": hub.feed_url}
            connection.execute(update(schema.feeds).where(schema.feeds.c.id == state.id).values(**named))

        async def scene() -> None:
            async with subscriber(engine, hub, child) as on:
                assert await on.websub.step() == 1

        runner.run(scene())
    assert private.forms == []
    assert subscription(engine).failures == 1


def test_two_processes_ask_a_hub_once_and_a_secret_is_not_shown(engine: Engine) -> None:
    keys = iter(f"key-{n}" for n in range(10))
    with engine.begin() as connection:
        add_feed(connection)
        connection.execute(update(schema.feeds).values(hub_url="https://hub.example/", topic_url="https://t.example/"))
        assert subscriptions.match_feeds(connection, utc_now(), lambda: next(keys)) == 1
        assert subscriptions.match_feeds(connection, utc_now(), lambda: next(keys)) == 0
        (one,) = subscriptions.take_requests(connection, utc_now(), 10)
        assert subscriptions.take_requests(connection, utc_now(), 10) == []
        connection.execute(update(schema.feeds).values(hub_url="https://other.example/"))
        assert subscriptions.match_feeds(connection, utc_now(), lambda: next(keys)) == 1
        (other,) = subscriptions.take_requests(connection, utc_now(), 10)
    assert one.secret not in repr(one)
    assert {one.token, one.secret}.isdisjoint({other.token, other.secret})
