"""Deciding what a poll of a feed means: what is new, what to remember, when to ask again (promises P4, P15, P16)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from pipeline.feeds import pace
from pipeline.feeds.fulltext import content_to_keep
from pipeline.feeds.validators import caught_lying, forgotten, validators_after
from pipeline.feeds.websub import with_confirmation, with_hub
from pipeline.outcomes import FeedStatus, PollOutcome, Reason
from pipeline.values import Entry, FeedReading, FeedState, FetchedPage, FetchFailure, FetchResult, NotModified, PollPlan

REDIRECT_POLLS = 3
# When so many known entries all have another version, the feed stamps them anew each time: no newsroom edited them.
STAMPED_ENTRIES = 10

_PERMANENT = (301, 308)
_URL_MAX_CHARS = 2048
_DETAIL_MAX_CHARS = 500
_HOST_DELAY_START_S = 60.0
_HOST_DELAY_MAX_S = 3_600.0


def body_digest(body: bytes) -> str:
    """SHA-256 of the body in hex: a body with the digest of the last one need not be read."""
    return sha256(body).hexdigest()


def plan_poll(
    state: FeedState,
    result: FetchResult,
    reading: FeedReading | None,
    known: Mapping[str, str],
    now: datetime,
    jitter: float,
) -> PollPlan:
    """What to write after a poll of `state` at `now` that ended as `result`.

    `reading` is the body read, None when there is none to read or its digest is that of `state`. `known` maps the entry
    keys that SQL remembers for this feed to their versions. `jitter` is the caller's chance, 0..1. The next poll is
    never in the past. Raises ValueError for a new body without a reading.
    """
    if isinstance(result, FetchFailure):
        return _failed(state._replace(last_polled_at=now), result, now, jitter)
    plan = _answered(state, result, reading, known, now, jitter)
    return with_confirmation(with_hub(plan, result, reading), state, now)


# --------------------------------------------------------------------------------------------------------- answers


def _answered(
    state: FeedState,
    result: FetchedPage | NotModified,
    reading: FeedReading | None,
    known: Mapping[str, str],
    now: datetime,
    jitter: float,
) -> PollPlan:
    if isinstance(result, NotModified):
        return _unchanged(state, result, PollOutcome.NOT_MODIFIED, 304, now, jitter)
    if body_digest(result.body) == state.body_sha256:
        return _unchanged(state, result, PollOutcome.SAME_BODY, result.status, now, jitter)
    if reading is None:
        raise ValueError(f"the body of {state.url} is new and was not read")
    polled = state._replace(last_polled_at=now)
    if reading.problem is not None:
        return _not_a_feed(polled, result, reading.problem, now, jitter)
    return _read(polled, result, reading, known, now, jitter)


def _unchanged(
    state: FeedState, answer: FetchedPage | NotModified, outcome: PollOutcome, status: int, now: datetime, jitter: float
) -> PollPlan:
    """Most polls end here, so the state is copied once: the copies would be half of what deciding costs."""
    elapsed_s, silence_s = _seconds_since(state.last_success_at, now), _seconds_since(state.last_new_at, now)
    interval_s = pace.next_interval_s(state.interval_s, elapsed_s, 0, silence_s)
    wish_s = _wish_s(answer, state, interval_s)
    wait_s = _not_skipped_s(pace.before_rolling_s(interval_s, state.known_entries), wish_s, state, now)
    after = state._replace(
        last_polled_at=now,
        last_unconditional_at=now if outcome is PollOutcome.SAME_BODY else state.last_unconditional_at,
        **validators_after(state, answer),
        **_health(state, answer, now),
        **_due(wait_s, max(pace.INTERVAL_MIN_S, wish_s), now, jitter),
        interval_s=interval_s,
    )
    return PollPlan(after, outcome, http_status=status)


def _read(
    state: FeedState, page: FetchedPage, reading: FeedReading, known: Mapping[str, str], now: datetime, jitter: float
) -> PollPlan:
    entries = tuple(_as_kept(entry, state) for entry in reading.entries)
    announced = tuple(entry for entry in entries if entry.key not in known)
    is_gap = state.known_entries > 0 and bool(announced) and len(announced) == len(reading.entries)
    lost_estimate = pace.lost_between(reading.entries, state.last_success_at, now) if is_gap else None
    interval_s = _interval_s(state, reading, len(announced) + (lost_estimate or 0), now)
    is_partial = reading.is_partial
    listed = {entry.key: entry.version for entry in reading.entries}
    remembered = _remembered(
        state, page, is_complete=not is_partial and not reading.beyond_cap, has_news=bool(announced)
    )
    seen = remembered._replace(
        last_unconditional_at=now,
        last_new_at=now if announced else state.last_new_at,
        known_entries=len(reading.entries),
        is_index=False,
        ttl_s=reading.ttl_s,
        update_period_s=reading.update_period_s,
        skip_hours=reading.skip_hours,
        skip_days=reading.skip_days,
        **caught_lying(state, page, announced, now),
    )
    # A gap outweighs what the publisher asks for: its ttl is often the default of its software.
    wish_s = 0.0
    wait_s = _wait_s(state, reading, interval_s, len(announced), is_gap=is_gap, now=now)
    if not is_gap and not reading.beyond_cap:
        wish_s = _wish_s(page, reading, interval_s)
        wait_s = _not_skipped_s(wait_s, wish_s, reading, now)
    return PollPlan(
        _scheduled(_healthy(seen, page, now), wait_s, max(pace.INTERVAL_MIN_S, wish_s), now, jitter)._replace(
            interval_s=interval_s
        ),
        PollOutcome.NEW_ENTRIES if announced else PollOutcome.NOTHING_NEW,
        http_status=page.status,
        announced=announced,
        edited=_edited(entries, known),
        # A body that was cut off says nothing about what it does not show: that stays listed.
        listed=tuple(({**known, **listed} if is_partial else listed).items()),
        entries_count=len(reading.entries),
        lost_estimate=lost_estimate,
    )


def _not_a_feed(state: FeedState, page: FetchedPage, problem: str, now: datetime, jitter: float) -> PollPlan:
    """Nothing of this body is kept; the validators of the last good one stay true of that one."""
    failing = state._replace(error_count=state.error_count + 1)
    is_parked = state.status is FeedStatus.PARKED
    wait_s = pace.DAY_S if is_parked else pace.backoff_s(Reason.NOT_A_FEED, state.interval_s, failing.error_count)
    return PollPlan(
        _scheduled(failing, wait_s, pace.INTERVAL_MIN_S, now, jitter, keeps_interval=True),
        PollOutcome.NOT_A_FEED,
        reason=Reason.NOT_A_FEED,
        detail=problem[:_DETAIL_MAX_CHARS],
        http_status=page.status,
    )


def _failed(state: FeedState, failure: FetchFailure, now: datetime, jitter: float) -> PollPlan:
    errors = state.error_count + 1
    asked_s = min(pace.DAY_S, max(0.0, failure.retry_after_s or 0.0))
    wait_s = pace.backoff_s(failure.reason, state.interval_s, errors)
    if asked_s:
        # The server said when: that is doubled with each refusal in a row, and not what we would have waited.
        wait_s = max(min(pace.DAY_S, asked_s * 2.0 ** min(errors - 1, 10)), state.interval_s)
    is_gone = failure.reason is Reason.GONE and state.status is FeedStatus.ACTIVE
    status = FeedStatus.PARKED if is_gone else state.status
    if status is FeedStatus.PARKED:
        wait_s = pace.DAY_S
    delay_s = asked_s
    if failure.reason is Reason.THROTTLED and not asked_s:
        delay_s = min(_HOST_DELAY_MAX_S, _HOST_DELAY_START_S * 2.0 ** min(errors - 1, 10))
    floor_s = max(pace.INTERVAL_MIN_S, asked_s)
    failing = state._replace(error_count=errors, status=status)
    return PollPlan(
        _scheduled(failing, wait_s, floor_s, now, jitter, keeps_interval=True),
        PollOutcome.FAILED,
        reason=failure.reason,
        detail=failure.detail[:_DETAIL_MAX_CHARS],
        http_status=failure.status,
        fetch_delay_s=delay_s,
    )


# ----------------------------------------------------------------------------------------------------------- parts


def _as_kept(entry: Entry, state: FeedState) -> Entry:
    """The entry with as much of its content as this feed's standing lets us use."""
    content = content_to_keep(entry, state.full_text, state.full_text_agreed)
    return entry if content is entry.content else replace(entry, content=content)


def _edited(entries: tuple[Entry, ...], known: Mapping[str, str]) -> tuple[Entry, ...]:
    old = [entry for entry in entries if entry.key in known]
    edited = tuple(entry for entry in old if known[entry.key] != entry.version)
    # An agency's versions are told by the item itself, word for word: nothing there is stamped.
    is_stamped = len(edited) == len(old) >= STAMPED_ENTRIES and not any(entry.wire for entry in old)
    return () if is_stamped else edited


def _interval_s(state: FeedState, reading: FeedReading, new_count: int, now: datetime) -> float:
    if state.last_success_at is None:
        return pace.first_interval_s(reading.entries, state.interval_s, now)
    elapsed_s, silence_s = _seconds_since(state.last_success_at, now), _seconds_since(state.last_new_at, now)
    return pace.next_interval_s(state.interval_s, elapsed_s, new_count, silence_s)


def _wait_s(
    state: FeedState, reading: FeedReading, interval_s: float, new_count: int, *, is_gap: bool, now: datetime
) -> float:
    """How long to wait for the next poll: the interval, and what this reading gives reason for."""
    if reading.beyond_cap:
        return pace.INTERVAL_MIN_S
    if is_gap:
        return pace.clamped(min(interval_s, state.interval_s / 2.0))
    elapsed_s = _seconds_since(state.last_success_at, now)
    before_s = pace.gap_at(state.interval_s)
    soon_s = pace.after_news_s(interval_s, before_s, elapsed_s, new_count, len(reading.entries))
    return pace.before_rolling_s(soon_s, len(reading.entries))


def _wish_s(answer: FetchedPage | NotModified, feed: FeedState | FeedReading, interval_s: float) -> float:
    """The shortest wait that the publisher asks for, by this answer and in the body that was read last."""
    return pace.wished_s(answer, max(feed.ttl_s or 0.0, pace.believed_s(feed.update_period_s, interval_s)))


def _not_skipped_s(wait_s: float, wish_s: float, feed: FeedState | FeedReading, now: datetime) -> float:
    """`wait_s`, or longer where the poll would fall into hours or days in which the publisher has nothing new."""
    if not feed.skip_hours and not feed.skip_days:
        return wait_s
    return pace.after_skipped_s(now, max(wait_s, wish_s), feed.skip_hours, feed.skip_days)


def _remembered(state: FeedState, page: FetchedPage, *, is_complete: bool, has_news: bool) -> FeedState:
    """The state with this body's digest and validators, or with none when part of the body is still to be read."""
    if not is_complete:
        return state._replace(
            body_sha256=None, etag=forgotten(state.etag), last_modified=forgotten(state.last_modified)
        )
    validators = validators_after(state, page, is_replaced=True, has_news=has_news)
    return state._replace(body_sha256=body_digest(page.body), **validators)


def _healthy(state: FeedState, answer: FetchedPage | NotModified, now: datetime) -> FeedState:
    """The state after an answer that counts: no errors, not parked, and its permanent redirect remembered (P15)."""
    return state._replace(**_health(state, answer, now))


def _health(state: FeedState, answer: FetchedPage | NotModified, now: datetime) -> dict[str, Any]:
    status = FeedStatus.ACTIVE if state.status is FeedStatus.PARKED else state.status
    healthy: dict[str, Any] = {"error_count": 0, "last_success_at": now, "status": status}
    target = _permanent_target(state.url, answer)
    count = 0
    if target is not None:
        count = state.redirect_count + 1 if target == state.redirect_url else 1
    if target is not None and count >= REDIRECT_POLLS:
        return healthy | {"url": target, "redirect_url": None, "redirect_count": 0}
    return healthy | {"redirect_url": target, "redirect_count": count}


def _permanent_target(url: str, answer: FetchedPage | NotModified) -> str | None:
    """Where the leading permanent hops led, or None: a hop after a temporary one says nothing about this address."""
    target = url
    for hop in answer.redirects:
        if hop.status not in _PERMANENT:
            break
        target = hop.url
    is_web = target.startswith(("https://", "http://")) and len(target) <= _URL_MAX_CHARS
    is_downgrade = url.startswith("https://") and not target.startswith("https://")
    return target if target != url and is_web and not is_downgrade else None


def _scheduled(
    state: FeedState, wait_s: float, floor_s: float, now: datetime, jitter: float, *, keeps_interval: bool = False
) -> FeedState:
    """The state due after `wait_s`, moved by the jitter. A back-off leaves the feed's own interval as it is."""
    due = _due(wait_s, floor_s, now, jitter)
    return state._replace(**due, interval_s=state.interval_s if keeps_interval else wait_s)


def _due(wait_s: float, floor_s: float, now: datetime, jitter: float) -> dict[str, Any]:
    due_at = now + timedelta(seconds=pace.jittered_s(wait_s, floor_s, jitter))
    return {"next_poll_at": due_at}


def _seconds_since(then: datetime | None, now: datetime) -> float | None:
    """Seconds from `then` to `now`; None when there was none, or when the clock was turned back since."""
    return (now - then).total_seconds() if then is not None and then <= now else None
