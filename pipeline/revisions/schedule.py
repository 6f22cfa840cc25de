"""When a stored story is fetched again, decided from what was seen so far (docs/revisions.md has what it costs)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from pipeline.outcomes import Reason, RevisitScope

HOUR_S = 3600.0
DAY_S = 24 * HOUR_S
# Up to this age, a look every so many seconds. A story older than the last age is left alone.
STEPS = ((3 * HOUR_S, HOUR_S / 4), (DAY_S, HOUR_S), (7 * DAY_S, 3 * HOUR_S), (30 * DAY_S, DAY_S))
# Looks are spread by at most this share of their interval, so that stories of one hour part company.
SPREAD = 0.1
# No wait is longer; a later due_at was written by a clock ahead (P8).
LONGEST_WAIT = timedelta(seconds=DAY_S * (1 + SPREAD))
# A server that answers 304 for ever would hide every edit: this often the page is asked for without a condition.
WHOLE_EVERY = timedelta(days=3)
# An earlier text that is back is believed after this many looks in a row, and twice as many for each time that the
# page had turned back again: of a page that deals two texts out at random, no run is long enough.
RETURN_AFTER_LOOKS = 4
MAX_DOUBLINGS = 6
_GONE = (Reason.NOT_FOUND, Reason.GONE, Reason.SOFT_404)


class Look(StrEnum):
    """What one look at a stored story's page showed."""

    FIRST = "first"  # the page was read for the first time, or its story was read anew
    SAME = "same"
    RETOUCHED = "retouched"
    CHANGED = "changed"
    RETURNED = "returned"  # a text that the page had shown before
    FAILED = "failed"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class RevisitState:
    """What SQL remembers of a story's looks. `failures` are those in a row; `due_at` None: no further look.

    `shown_key` names the text that is current (`version_key`), with `etag`, `last_modified` and `body_sha256` of the
    newest response that showed it, got whole at `whole_at`. While the page shows an earlier text, `return_key` names
    it, `return_looks` counts the looks in a row that did; `turns` counts how often such a run had ended.
    """

    due_at: datetime | None = None
    looks: int = 0
    unchanged: int = 0
    retouched: int = 0
    flip_flops: int = 0
    failures: int = 0
    shown_key: str | None = None
    etag: str | None = None
    last_modified: str | None = None
    body_sha256: str | None = None
    whole_at: datetime | None = None
    looked_at: datetime | None = None
    return_key: str | None = None
    return_looks: int = 0
    turns: int = 0


def look_of(reason: Reason, failure: Reason | None) -> Look:
    """The look that ended as `reason`; `failure` is why the page could not be read, if it could not."""
    if failure is not None:
        return Look.GONE if failure in _GONE else Look.FAILED
    return {
        Reason.UNCHANGED: Look.SAME,
        Reason.RETOUCHED: Look.RETOUCHED,
        Reason.REVISED: Look.CHANGED,
        Reason.FLIP_FLOP: Look.RETURNED,
    }.get(reason, Look.FIRST)


def interval_at(age_s: float) -> float | None:
    """Seconds between two looks at a story of that age; None when it is too old for another."""
    return next((interval_s for up_to_s, interval_s in STEPS if age_s < up_to_s), None)


def plan_look(
    published_at: datetime | None,
    stored_at: datetime,
    now: datetime,
    *,
    jitter: float,
    failures: int = 0,
    is_gone: bool = False,
) -> datetime | None:
    """When to look next at a story; None when it is over 30 days old.

    Age counts from what the outlet says, but never from after we stored it. Each failure in a row doubles the wait, to
    a day at most; a page that is gone is asked about daily. `jitter` (0..1) spreads the looks.
    """
    born_at = min(published_at or stored_at, stored_at)
    interval_s = interval_at((now - born_at).total_seconds())
    if interval_s is None:
        return None
    if is_gone:
        interval_s = DAY_S
    wait_s = max(interval_s, min(interval_s * 2 ** min(failures, 16), DAY_S))
    return now + timedelta(seconds=wait_s * (1 + SPREAD * jitter))


def is_worth_looking(scope: RevisitScope, is_conflict: bool) -> bool:
    """Whether a story is fetched again at all; `is_conflict`: its verdict says conflict or conflict policy."""
    return scope is RevisitScope.ALL or (scope is RevisitScope.CONFLICT and is_conflict)


def is_settled_return(state: RevisitState, key: str) -> bool:
    """Whether a page that shows the earlier text `key` once more has shown it long enough to mean it."""
    looks = state.return_looks + 1 if state.return_key == key else 1
    return looks >= RETURN_AFTER_LOOKS << min(state.turns, MAX_DOUBLINGS)


def after_look(
    state: RevisitState, look: Look, now: datetime, due_at: datetime | None, key: str | None
) -> RevisitState:
    """What to remember after a look; `key` names the text that was read, None when none was."""
    is_bad = look in (Look.FAILED, Look.GONE)
    is_again = look is Look.RETURNED and key is not None and key == state.return_key
    has_turned = state.return_looks > 0 and not is_bad and not is_again and look is not Look.CHANGED
    return replace(
        state,
        due_at=due_at,
        looked_at=now,
        looks=state.looks + (look is not Look.FIRST),
        unchanged=state.unchanged + (look is Look.SAME),
        retouched=state.retouched + (look is Look.RETOUCHED),
        flip_flops=state.flip_flops + (look is Look.RETURNED),
        failures=state.failures + 1 if is_bad else 0,
        return_key=key if look is Look.RETURNED else state.return_key if is_bad else None,
        return_looks=state.return_looks + 1 if is_again else int(look is Look.RETURNED) or state.return_looks * is_bad,
        turns=state.turns + has_turned,
    )
