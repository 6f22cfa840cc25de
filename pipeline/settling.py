"""How a try at a URL ends when it brought no story: one pure decision (promises P6, P12, P16)."""

from __future__ import annotations

from datetime import datetime, timedelta

from pipeline.outcomes import REASONS, Reason, UrlState
from pipeline.values import Claim, Settlement

LONGEST_WAIT_S = 86_400.0


def settle_failure(
    claim: Claim,
    reason: Reason,
    detail: str,
    now: datetime,
    *,
    max_attempts: int,
    retry_base_s: float,
    jitter: float,
    retry_after_s: float | None = None,
) -> Settlement:
    """Wait for another try, or end: by the reason's own facts and the attempts already used.

    The wait grows fourfold with each try from `retry_base_s` and is spread by `jitter` (0..1) over one half more, so
    that a site's recovery is not met by all its URLs at once. A server's own Retry-After is never undercut.
    A page whose story is stored keeps it: reading it again may fail, the story does not die of that.
    """
    facts = REASONS[reason]
    if facts.is_retried and claim.attempts < max_attempts:
        wait_s = retry_base_s * 4 ** (claim.attempts - 1) * (1 + jitter / 2)
        wait_s = min(max(wait_s, retry_after_s or 0.0), LONGEST_WAIT_S)
        return Settlement(UrlState.WAITING, reason, now + timedelta(seconds=wait_s), detail)
    if claim.story_id is not None:
        return Settlement(UrlState.STORED, Reason.REVISIT_FAILED, detail=f"{reason.value}: {detail}")
    return Settlement(facts.state, reason, detail=detail)
