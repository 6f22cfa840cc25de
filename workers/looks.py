"""Looks at stored pages: what each one showed is remembered, and the next one planned, in the settling transaction."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from pipeline.outcomes import Reason, RevisitScope
from pipeline.revisions.schedule import Look, RevisitState, after_look, is_worth_looking, look_of, plan_look
from pipeline.store import revisits
from pipeline.values import Claim, FetchedPage, FetchResult

ETAG_MAX_CHARS = 1024
LAST_MODIFIED_MAX_CHARS = 255


@dataclass(frozen=True, slots=True)
class Seen:
    """One look that has ended: as what, on which response. `key` names the text that was read, None when none was.

    `story` is what was stored of the page just now for the first time; SQL is asked for any other.
    """

    claim: Claim
    reason: Reason
    failure: Reason | None
    result: FetchResult
    body_sha256: str | None
    key: str | None
    story: revisits.LookedAt | None = None


def note_look(connection: Connection, scope: RevisitScope, seen: Seen, now: datetime, jitter: float) -> None:
    """Remember a look (the first reading is one too) and plan the next. The story's row must be written already."""
    found = (seen.story, RevisitState()) if seen.story else revisits.story_looked_at(connection, seen.claim.url_id)
    if found is None:
        return
    story, state = found
    look = look_of(seen.reason, seen.failure)
    if look is Look.GONE:
        revisits.mark_gone(connection, story.story_id, now)
    elif look is not Look.FAILED and seen.reason is not Reason.NEW:
        revisits.mark_gone(connection, story.story_id, None)
    due_at = None
    if is_worth_looking(scope, story.is_conflict):
        due_at = plan_look(
            story.published_at,
            story.stored_at,
            now,
            jitter=jitter,
            failures=state.failures + (look is Look.FAILED),
            is_gone=look is Look.GONE,
        )
    state = after_look(state, look, now, due_at, seen.key)
    if look not in (Look.FAILED, Look.GONE, Look.RETURNED):
        state = _showing(replace(state, shown_key=story.key), look, seen, now)
    revisits.save_state(connection, seen.claim.url_id, seen.claim.host, state)


def _showing(state: RevisitState, look: Look, seen: Seen, now: datetime) -> RevisitState:
    """The state with what the next request and its answer are held against.

    A boring version that is counted but not kept has no validators: the page shows another text than we hold.
    """
    if not isinstance(seen.result, FetchedPage):
        return state
    if look is Look.RETOUCHED and seen.key != state.shown_key:
        return replace(state, whole_at=now)
    return replace(
        state,
        etag=_short(seen.result.header("etag"), ETAG_MAX_CHARS),
        last_modified=_short(seen.result.header("last-modified"), LAST_MODIFIED_MAX_CHARS),
        body_sha256=seen.body_sha256,
        whole_at=now,
    )


def _short(value: str | None, longest: int) -> str | None:
    """A validator that does not fit is worth nothing: half of one would never match."""
    return value if value is not None and len(value) <= longest else None
