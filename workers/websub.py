"""The WebSub process: subscribes at the hubs that feeds name, and reads what they push as a poll would.

A push that can't be written now (SQL is away, a poll holds the feed) is answered 503, and the hub sends it again;
polling goes on all the while, so that a hub that fails loses nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import uuid
from collections.abc import AsyncIterator

import structlog
from sqlalchemy import Engine

from pipeline.feeds.websub import is_signed, plan_push
from pipeline.outcomes import PollOutcome, SubscriptionState
from pipeline.store import feeds as feed_store
from pipeline.store import subscriptions
from pipeline.store.feeds import PollWritten
from pipeline.store.subscriptions import Subscription
from pipeline.values import FeedState, FetchedPage, FetchFailure, PollPlan
from workers.bodies import FeedBodies
from workers.child import FEEDS_COMMAND, ReadingChild
from workers.database import reading
from workers.gate import SqlGate
from workers.http import CallbackServer, HttpClient, Pushed, Reply, Verification
from workers.policy import http_policy
from workers.process import Backoff, describe, is_passing, stop_loop_on_signals, utc_now
from workers.settings import Settings, split_address

log = structlog.get_logger("websub")

BODY_MAX_BYTES = 16 << 20
# What we ask for; the hub decides.
LEASE_S = 864_000
REQUESTS_AT_ONCE = 10
STEP_S = 5.0
# A push waits so often, and so long each time, for a poll of the same feed to end.
HELD_TRIES, HELD_WAIT_S = 8, 0.5


class WebSub:
    """One process's engine, HTTP client and reading child."""

    def __init__(self, engine: Engine, http: HttpClient, child: ReadingChild, settings: Settings) -> None:
        self._engine = engine
        self._http = http
        self._bodies = FeedBodies(engine, child)
        self._settings = settings

    # -------------------------------------------------------------------------------------------------- asking hubs

    async def step(self) -> int:
        """Match subscriptions with feeds and make the requests that are due; returns how many."""
        due = await asyncio.to_thread(self._take)
        await asyncio.gather(*(self._request(one) for one in due))
        return len(due)

    def _take(self) -> list[Subscription]:
        with self._engine.begin() as connection:
            subscriptions.match_feeds(connection, utc_now(), lambda: secrets.token_urlsafe(32))
            return subscriptions.take_requests(connection, utc_now(), REQUESTS_AT_ONCE)

    async def _request(self, one: Subscription) -> None:
        base = (self._settings.websub_url or "").rstrip("/")
        form = {
            "hub.callback": f"{base}/{one.token}",
            "hub.mode": "subscribe",
            "hub.topic": one.topic_url,
            "hub.lease_seconds": str(LEASE_S),
            "hub.secret": one.secret,
        }
        result = await self._http.send_form(one.hub_url, form)
        if not isinstance(result, FetchFailure):
            log.info("subscription_requested", feed=one.feed_id, hub=one.hub_url)
            return
        # What the hub says may quote the form.
        detail = result.detail.replace(one.secret, "***").replace(one.token, "***")
        await asyncio.to_thread(self._refused, one, detail, result.retry_after_s)
        log.warning("subscription_refused", feed=one.feed_id, hub=one.hub_url, detail=detail)

    def _refused(self, one: Subscription, detail: str, wait_s: float | None) -> None:
        with self._engine.begin() as connection:
            subscriptions.note_refusal(connection, one.feed_id, detail, utc_now(), wait_s)

    # ------------------------------------------------------------------------------------------------ being asked

    async def is_known(self, token: str) -> bool:
        """Whether a callback stands behind the token."""
        return await asyncio.to_thread(self._find, token) is not None

    async def verify(self, asked: Verification) -> Reply:
        """The answer to a hub that verifies, denies or ends a subscription."""
        try:
            return await asyncio.to_thread(self._verify, asked)
        except Exception as error:
            return _away("verification", error)

    def _verify(self, asked: Verification) -> Reply:
        one, now = self._find(asked.token), utc_now()
        if one is None or asked.topic != one.topic_url:
            return Reply(404)
        if one.state is SubscriptionState.ENDED:
            # The hub may forget us: an unsubscription is confirmed, all else is gone.
            return Reply(200, asked.challenge) if asked.mode == "unsubscribe" else Reply(410)
        if asked.mode == "denied":
            with self._engine.begin() as connection:
                subscriptions.deny(connection, one.feed_id, asked.reason or "denied without a reason", now)
            log.warning("subscription_denied", feed=one.feed_id, hub=one.hub_url, reason=asked.reason[:200])
            return Reply(200)
        is_awaited = one.state in (SubscriptionState.REQUESTED, SubscriptionState.ACTIVE)
        if asked.mode != "subscribe" or not asked.challenge or not is_awaited:
            return Reply(404)
        with self._engine.begin() as connection:
            subscriptions.activate(connection, one.feed_id, asked.lease_s or LEASE_S, now)
        log.info("subscription_verified", feed=one.feed_id, hub=one.hub_url, lease_s=asked.lease_s)
        return Reply(200, asked.challenge)

    async def take_push(self, pushed: Pushed) -> Reply:
        """The answer to a push, once what it brought is written. One that is not the hub's is taken and ignored."""
        try:
            one = await asyncio.to_thread(self._find, pushed.token)
            if one is None:
                return Reply(404)
            if one.state is SubscriptionState.ENDED:
                return Reply(410)
            if not is_signed(one.secret, pushed.body, pushed.signature):
                await asyncio.to_thread(self._note_bad_signature, one)
                log.warning(
                    "push_ignored", feed=one.feed_id, hub=one.hub_url, has_signature=pushed.signature is not None
                )
                return Reply(202)
            return await self._read(one, pushed)
        except Exception as error:
            return _away("push", error)

    async def _read(self, one: Subscription, pushed: Pushed) -> Reply:
        token = uuid.uuid4().hex
        state = await self._claimed(one.feed_id, token)
        if state is None:
            return Reply(503)
        try:
            headers = (("content-type", pushed.content_type),) if pushed.content_type else ()
            page = FetchedPage(one.topic_url, one.topic_url, 200, headers, pushed.body, utc_now(), elapsed_s=0.0)
            feed, known = await self._bodies.read_known(page, state)
            plan = plan_push(state, feed, known, utc_now())
            written = await asyncio.to_thread(self._apply, token, plan, len(pushed.body))
        except BaseException:
            with contextlib.suppress(Exception):
                # If SQL is away now, the lease runs out instead.
                await asyncio.to_thread(self._release, token, state.id)
            raise
        if written is None:
            return Reply(503)
        log.info(
            "push",
            feed=state.url,
            hub=one.hub_url,
            outcome=plan.outcome.value,
            entries=plan.entries_count,
            new_urls=written.new_urls,
            detail=plan.detail if plan.reason is not None else None,
        )
        return Reply(204)

    async def _claimed(self, feed_id: int, token: str) -> FeedState | None:
        """The feed's state under a lease of ours; None when a poll held it all the time."""
        for _ in range(HELD_TRIES):
            state = await asyncio.to_thread(self._claim, feed_id, token)
            if state is not None:
                return state
            await asyncio.sleep(HELD_WAIT_S)
        return None

    def _find(self, token: str) -> Subscription | None:
        with reading(self._engine) as connection:
            return subscriptions.subscription_of(connection, token)

    def _claim(self, feed_id: int, token: str) -> FeedState | None:
        with self._engine.begin() as connection:
            return feed_store.claim_feed(connection, token, feed_id, utc_now(), self._settings.lease_s)

    def _apply(self, token: str, plan: PollPlan, body_bytes: int) -> PollWritten | None:
        now = utc_now()
        with self._engine.begin() as connection:
            written = feed_store.apply_poll(connection, token, plan, now, body_bytes, 0.0)
            if written is not None and plan.outcome is not PollOutcome.NOT_A_FEED:
                subscriptions.note_push(connection, plan.state.id, now)
            return written

    def _release(self, token: str, feed_id: int) -> None:
        with self._engine.begin() as connection:
            feed_store.release_feeds(connection, token, [feed_id])

    def _note_bad_signature(self, one: Subscription) -> None:
        with self._engine.begin() as connection:
            subscriptions.note_bad_signature(connection, one.feed_id)


def _away(what: str, error: Exception) -> Reply:
    """503 for a fault of ours: the hub tries again."""
    if is_passing(error):
        log.warning("callback_failed", what=what, error=describe(error))
    else:
        log.exception("callback_failed", what=what)
    return Reply(503)


@contextlib.asynccontextmanager
async def _closing(child: ReadingChild) -> AsyncIterator[None]:
    try:
        yield
    finally:
        await child.close()


def run_websub(engine: Engine, settings: Settings) -> None:
    """Subscribe and listen until SIGTERM."""
    asyncio.run(_main(engine, settings))


async def _main(engine: Engine, settings: Settings) -> None:
    stop = stop_loop_on_signals()
    child = ReadingChild(command=FEEDS_COMMAND)
    host, port = split_address(settings.websub_listen)
    backoff = Backoff()
    async with HttpClient(http_policy(settings), SqlGate(engine, settings.host_delay_s), utc_now) as http:
        websub = WebSub(engine, http, child, settings)
        server = CallbackServer(host, port, BODY_MAX_BYTES, websub.is_known, websub.verify, websub.take_push)
        async with server, _closing(child):
            log.info("websub_started", listen=settings.websub_listen)
            while not stop.is_set():
                try:
                    await websub.step()
                    backoff.succeeded()
                    wait_s = STEP_S
                except Exception as error:
                    wait_s = backoff.next_wait_s()
                    if is_passing(error):
                        log.warning("step_failed", step="subscribe", error=describe(error), wait_s=round(wait_s, 1))
                    else:
                        log.exception("step_failed", step="subscribe")
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), wait_s)
    log.info("websub_stopped")
