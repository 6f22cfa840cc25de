"""WebSub (W3C, 2018): which hub pushes a feed, whether a push is the hub's, and what it means."""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from pipeline.feeds.fulltext import content_to_keep
from pipeline.identity.urls import asked_url
from pipeline.outcomes import PollOutcome, Reason
from pipeline.values import FeedReading, FeedState, FetchedPage, NotModified, PollPlan

# After so many polls in a row that brought nothing but what had been pushed, the feed is polled more rarely.
CONFIRMED_MIN = 3
LENGTHENED = 4.0
LENGTHENED_MAX_S = 21_600.0
# A hub that pushed nothing for so long confirms nothing, however many polls agreed before.
SILENT_AFTER = timedelta(days=1)

_METHODS = frozenset({"sha1", "sha256", "sha384", "sha512"})
_SIGNATURE = re.compile(r"(sha1|sha256|sha384|sha512)=([0-9a-fA-F]{40,128})")
_LINK = re.compile(r"<([^<>]{1,2048})>((?:\s*;\s*[\w-]+\s*(?:=\s*(?:\"[^\"]{0,500}\"|[^\s\",;]{1,500}))?){0,20})")
_RELATION = re.compile(r";\s*rel\s*=\s*(?:\"([^\"]*)\"|([^\s\",;]+))", re.IGNORECASE)
_HEADER_MAX_CHARS = 8_192


@dataclass(frozen=True, slots=True)
class Hub:
    """Who pushes what: the hub's address and the topic under which it knows the feed."""

    hub_url: str
    topic_url: str


def named_hub(answer: FetchedPage | NotModified, reading: FeedReading | None) -> Hub | None:
    """The hub that the answer names, in its Link headers or else in the feed itself; None when it names none.

    Without a rel=self the topic is the address that answered.
    """
    links = _links(answer)
    hub_url = links.get("hub") or (reading.hub_url if reading is not None else None)
    if hub_url is None:
        return None
    topic_url = links.get("self") or (reading.self_url if reading is not None else None) or answer.final_url
    return Hub(hub_url, topic_url)


def with_hub(plan: PollPlan, answer: FetchedPage | NotModified, reading: FeedReading | None) -> PollPlan:
    """The plan with the hub that the answer names. Only a body that was read and names none takes a known one away."""
    hub = named_hub(answer, reading)
    if hub is None and (reading is None or reading.problem is not None):
        return plan
    hub_url, topic_url = (hub.hub_url, hub.topic_url) if hub is not None else (None, None)
    return replace(plan, state=plan.state._replace(hub_url=hub_url, topic_url=topic_url))


def with_confirmation(plan: PollPlan, before: FeedState, now: datetime) -> PollPlan:
    """The plan of a poll, its next one later where polls confirm that the hub pushes all there is.

    A poll that finds what was not pushed ends that at once: then the feed is polled at its own pace again.
    """
    if before.pushed_at is None or plan.reason is not None:
        return plan
    was_pushed = before.last_polled_at is None or before.pushed_at > before.last_polled_at
    confirmed = 0 if plan.announced else before.push_confirmed + (1 if was_pushed else 0)
    state = plan.state._replace(push_confirmed=min(confirmed, CONFIRMED_MIN))
    is_alive = timedelta(0) <= now - before.pushed_at <= SILENT_AFTER
    if confirmed >= CONFIRMED_MIN and is_alive and state.next_poll_at is not None:
        wait_s = (state.next_poll_at - now).total_seconds()
        later_s = max(wait_s, min(wait_s * LENGTHENED, LENGTHENED_MAX_S))
        state = state._replace(next_poll_at=now + timedelta(seconds=later_s))
    return replace(plan, state=state)


def plan_push(state: FeedState, reading: FeedReading, known: Mapping[str, str], now: datetime) -> PollPlan:
    """What to write for a body that the feed's hub pushed at `now`.

    Read as a poll's body is, but that nothing is missing from it: hubs push what is new and not the whole feed.
    Validators, pace and the next poll stay as they are, so that the poll confirms the push.
    """
    detail = f"pushed by {state.hub_url}"[:500]
    if reading.problem is not None:
        problem = f"{detail}: {reading.problem}"[:500]
        return PollPlan(state, PollOutcome.NOT_A_FEED, reason=Reason.NOT_A_FEED, detail=problem)
    entries = tuple(
        replace(entry, content=content_to_keep(entry, state.full_text, state.full_text_agreed))
        for entry in reading.entries
    )
    announced = tuple(entry for entry in entries if entry.key not in known)
    edited = tuple(entry for entry in entries if entry.key in known and known[entry.key] != entry.version)
    return PollPlan(
        state._replace(last_new_at=now if announced else state.last_new_at),
        PollOutcome.NEW_ENTRIES if announced else PollOutcome.NOTHING_NEW,
        detail=detail,
        announced=announced,
        edited=edited,
        entries_count=len(entries),
    )


def is_signed(secret: str, body: bytes, signature: str | None) -> bool:
    """Whether `signature` (X-Hub-Signature: method=hex) is that of `body` under `secret`; as slow when it is not."""
    match = _SIGNATURE.fullmatch((signature or "").strip())
    if match is None or match[1] not in _METHODS:
        return False
    wanted = hmac.new(secret.encode(), body, match[1]).hexdigest()
    return hmac.compare_digest(wanted, match[2].lower())


def _links(answer: FetchedPage | NotModified) -> dict[str, str]:
    """Relation -> absolute address of the answer's Link headers (RFC 8288), the first of each relation."""
    found: dict[str, str] = {}
    for name, value in answer.headers:
        if name != "link":
            continue
        for match in _LINK.finditer(value[:_HEADER_MAX_CHARS]):
            relation = _RELATION.search(match[2])
            address = asked_url(match[1], answer.final_url) if relation is not None else None
            if relation is not None and address is not None:
                for word in (relation[1] or relation[2] or "").lower().split():
                    found.setdefault(word, address)
    return found
