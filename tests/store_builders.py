"""Builders with defaults for store tests: what a test does not say is of no importance to it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, Engine, select

from pipeline.identity.fingerprints import fingerprint
from pipeline.outcomes import PolicyType, PollOutcome, UrlState
from pipeline.store import feeds as feed_store
from pipeline.store import ledger, schema, stories
from pipeline.store.feeds import NewFeed
from pipeline.values import (
    ActScore,
    Claim,
    CleanStory,
    DroppedLine,
    Entry,
    FeedState,
    Mention,
    PageRef,
    PollPlan,
    Settlement,
    StoredStory,
    StoryRecord,
    Verdict,
)

T0 = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
LEASE_S = 60.0

TEXT = (
    "The defence ministry said on Sunday that it would send twelve air-defence launchers to the eastern border before "
    "the end of the month, reversing a position it had held since the spring. The decision follows weeks of talks "
    "between the two governments about who should pay for crews, spare parts and training.\n\n"
    "A spokeswoman declined to say where the launchers would be placed. The opposition called the announcement late "
    "but welcome, and asked for a debate in parliament on Tuesday about the cost, which two officials put at nearly "
    "half a billion crowns over three years."
)


def at(seconds: float = 0) -> datetime:
    """An instant that many seconds after T0."""
    return T0 + timedelta(seconds=seconds)


def entry(number: int = 1, *, site: str = "outlet.example", version: str = "v1", url: str | None = None) -> Entry:
    return Entry(
        key=f"key-{number}", url=url or f"https://{site}/story/{number}", title=f"Story {number}", version=version
    )


def add_feed(connection: Connection, url: str = "https://outlet.example/feed.xml", now: datetime = T0) -> FeedState:
    feed_store.add_feeds(connection, [NewFeed(url)], now)
    row = connection.execute(select(schema.feeds).where(schema.feeds.c.url == url)).one()
    return feed_store.feed_state(row)


def announce(engine: Engine, entries: Sequence[Entry], *, feed: str = "https://outlet.example/feed.xml") -> None:
    """Poll a feed that lists exactly these entries, all of them new."""
    with engine.begin() as connection:
        state = add_feed(connection, feed)
        connection.execute(
            schema.feeds.update().where(schema.feeds.c.id == state.id).values(lease_token="poll", lease_until=at(60))
        )
        plan = PollPlan(
            state=state,
            outcome=PollOutcome.NEW_ENTRIES,
            announced=tuple(entries),
            listed=tuple((item.key, item.version) for item in entries),
            entries_count=len(entries),
        )
        assert feed_store.apply_poll(connection, "poll", plan, T0, 100, 0.1) is not None


def claim_all(engine: Engine, token: str = "token", now: datetime = T0, limit: int = 100) -> list[Claim]:
    """Take every due URL through the queue's states into one worker's hands."""
    with engine.begin() as connection:
        due = ledger.lease_due_urls(connection, now, limit, LEASE_S)
        return ledger.claim_urls(connection, [item.url_id for item in due], token, now, LEASE_S)


def page_ref(url: str = "https://outlet.example/story/1", offset: int = 0) -> PageRef:
    return PageRef(
        url=url,
        final_url=url,
        status=200,
        content_type="text/html",
        etag=None,
        last_modified=None,
        fetched_at=T0,
        body_bytes=100,
        body_sha256="0" * 64,
        warc_file="2026-03-01/x.warc.gz",
        warc_offset=offset,
        warc_length=100,
    )


def record(
    text: str = TEXT,
    *,
    title: str = "Ministry to send launchers",
    url: str = "https://outlet.example/story/1",
    canonical_url: str | None = None,
    dropped: Sequence[DroppedLine] = (),
    reader: str = "reader-1",
) -> StoryRecord:
    return StoryRecord(
        story=CleanStory(url=url, title=title, text=text, canonical_url=canonical_url, dropped=tuple(dropped)),
        fingerprint=fingerprint(title, text),
        verdict=Verdict(
            model="model-1",
            language_supported=True,
            conflict=0.9,
            conflict_policy=0.8,
            threshold=0.5,
            acts=(ActScore(PolicyType.ARMS_AID, 0.7),),
            mentions=(Mention("UKR", "state", "title", 0, 7, "Ukraine"),),
        ),
        reader=reader,
    )


def store(engine: Engine, claim: Claim, what: StoryRecord, now: datetime = T0) -> StoredStory | None:
    """Settle a claim with a record as a worker does; None when the lease was lost."""
    with engine.begin() as connection:
        if not ledger.is_held(connection, claim):
            return None
        page_id = stories.add_page(connection, claim.url_id, page_ref(claim.url))
        stored = stories.store_record(connection, claim, page_id, claim.url, what, now)
        ledger.settle(connection, claim, Settlement(stored.state, stored.reason), now, stored.story_id)
        return stored


def states(engine: Engine) -> dict[UrlState, int]:
    """How many URLs stand in each state, states without any left out."""
    with engine.connect() as connection:
        return {state: count for state, count in ledger.count_states(connection).items() if count}
