"""Settling: what becomes of a page in SQL, on both databases (P2, P5, P6, P10, P12, P16)."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import Engine, event, func, select, text
from store_builders import TEXT, announce, at, claim_all, entry, page_ref, record, states

from pipeline.outcomes import MoveCause, Reason, UrlState
from pipeline.store import copies, ledger, schema
from pipeline.values import Claim, DroppedLine, FetchedPage, FetchFailure, NotModified, StoryRecord, Unread
from workers.database import open_engine
from workers.settings import Settings
from workers.settler import ReadPage, Settler

PAGE = FetchedPage("https://outlet.example/story/1", "https://outlet.example/story/1", 200, (), b"x", at(), 0.1)

ANOTHER_REPORT = (
    "Fishermen on the western lakes have asked the government to reopen the winter fishery two weeks early after a "
    "mild autumn left the ice too thin for the usual season. The ministry of agriculture said it would decide by "
    "Friday, once its inspectors had counted the stocks in four bays."
)
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


def read(claim: Claim, text: str) -> ReadPage:
    """A page of that text under a title of its own, fetched at the claim's URL."""
    page = FetchedPage(claim.url, claim.url, 200, (), b"x", at(), 0.1)
    return ReadPage(claim, page, page_ref(claim.url), record(text, title=" ".join(text.split()[:8])))


def one_claim(engine: Engine) -> Claim:
    announce(engine, [entry(1)])
    (claim,) = claim_all(engine)
    return claim


def settle(engine: Engine, item: ReadPage, **settings: object) -> None:
    settler = Settler(engine, Settings(**settings), lambda: False)  # type: ignore[arg-type]
    asyncio.run(settler.settle([item]))


def failure(reason: Reason, *, status: int | None = None, retry_after_s: float | None = None) -> FetchFailure:
    return FetchFailure(PAGE.url, reason, "said so", at(), status=status, retry_after_s=retry_after_s)


def row(engine: Engine):  # type: ignore[no-untyped-def]
    with engine.connect() as connection:
        return connection.execute(select(schema.urls)).one()


def test_a_story_is_stored_and_its_claim_ends(engine: Engine) -> None:
    settle(engine, ReadPage(one_claim(engine), PAGE, page_ref(), record()))
    ended = row(engine)
    assert (ended.state, ended.reason, ended.lease_token) == (UrlState.STORED, Reason.NEW, None)
    assert ended.story_id is not None


@pytest.mark.parametrize("reason", [Reason.NOT_FOUND, Reason.BLOCKED_ADDRESS, Reason.ROBOTS_DISALLOWED])
def test_what_asking_again_can_not_change_ends_at_once(engine: Engine, reason: Reason) -> None:
    settle(engine, ReadPage(one_claim(engine), failure(reason, status=404)))
    assert (row(engine).state, row(engine).reason) == (UrlState.REJECTED, reason)


def test_a_passing_failure_waits_and_the_last_try_ends_dead(engine: Engine) -> None:
    claim = one_claim(engine)
    settle(engine, ReadPage(claim, failure(Reason.SERVER_ERROR, status=500)))
    assert (row(engine).state, row(engine).attempts) == (UrlState.WAITING, 1)
    with engine.begin() as connection:
        connection.execute(schema.urls.update().values(due_at=at()))
    (again,) = claim_all(engine, "again")
    settle(engine, ReadPage(again, failure(Reason.SERVER_ERROR, status=500)), max_attempts=2)
    assert (row(engine).state, row(engine).reason) == (UrlState.DEAD, Reason.SERVER_ERROR)


@pytest.mark.parametrize("reason", [Reason.THROTTLED, Reason.INTERNAL_ERROR])
def test_when_it_was_us_who_could_not_go_on_no_attempt_counts(engine: Engine, reason: Reason) -> None:
    settle(engine, ReadPage(one_claim(engine), failure(reason, retry_after_s=30)))
    waiting = row(engine)
    assert (waiting.state, waiting.reason, waiting.attempts) == (UrlState.WAITING, reason, 0)


def test_a_server_that_asks_for_patience_holds_its_host_for_every_url(engine: Engine) -> None:
    settle(engine, ReadPage(one_claim(engine), failure(Reason.THROTTLED, status=429, retry_after_s=600)))
    with engine.connect() as connection:
        down = connection.execute(select(schema.hosts.c.down_until).where(schema.hosts.c.host == "outlet.example"))
        assert down.scalar_one() is not None
    assert row(engine).attempts == 1


def test_why_a_page_gave_no_story_is_kept_with_its_dropped_lines(engine: Engine) -> None:
    unread = Unread(Reason.CONSENT_WALL, "a wall", (DroppedLine(0, "We value your privacy", "consent"),))
    settle(engine, ReadPage(one_claim(engine), PAGE, page_ref(), unread))
    assert (row(engine).state, row(engine).reason, row(engine).detail) == (
        UrlState.REJECTED,
        Reason.CONSENT_WALL,
        "a wall",
    )
    with engine.connect() as connection:
        assert connection.execute(select(schema.dropped_lines.c.rule)).scalars().all() == ["consent"]


def stored_and_reopened(engine: Engine) -> Claim:
    settle(engine, ReadPage(one_claim(engine), PAGE, page_ref(), record()))
    with engine.begin() as connection:
        ledger.requeue(connection, at(), states=[UrlState.STORED])
    (claim,) = claim_all(engine, "again")
    return claim


def test_a_304_to_a_stored_page_is_unchanged(engine: Engine) -> None:
    settle(engine, ReadPage(stored_and_reopened(engine), NotModified(PAGE.url, PAGE.url, (), at(), 0.1)))
    assert (row(engine).state, row(engine).reason) == (UrlState.STORED, Reason.UNCHANGED)


@pytest.mark.parametrize("reason", [Reason.GONE, Reason.NOT_FOUND])
def test_a_stored_story_outlives_its_page(engine: Engine, reason: Reason) -> None:
    settle(engine, ReadPage(stored_and_reopened(engine), failure(reason, status=410)))
    ended = row(engine)
    assert (ended.state, ended.reason) == (UrlState.STORED, Reason.REVISIT_FAILED)
    assert reason.value in ended.detail


def test_a_304_nobody_asked_for_is_a_fault_of_the_server(engine: Engine) -> None:
    settle(engine, ReadPage(one_claim(engine), NotModified(PAGE.url, PAGE.url, (), at(), 0.1)))
    assert (row(engine).state, row(engine).reason) == (UrlState.WAITING, Reason.PROTOCOL_ERROR)


def test_a_record_that_sql_refuses_ends_alone_as_our_fault(engine: Engine) -> None:
    """One bad page of a batch; the other is stored."""
    announce(engine, [entry(1), entry(2, site="other.example")])
    good, bad = claim_all(engine)
    broken: StoryRecord = record(title=None, text="Another text. " * 30)  # type: ignore[arg-type]
    settler = Settler(engine, Settings(), lambda: False)
    asyncio.run(
        settler.settle([ReadPage(good, PAGE, page_ref(), record()), ReadPage(bad, PAGE, page_ref(offset=9), broken)])
    )
    assert states(engine) == {UrlState.STORED: 1, UrlState.WAITING: 1}
    with engine.connect() as connection:
        reasons = set(connection.execute(select(schema.urls.c.reason)).scalars())
    assert reasons == {Reason.NEW, Reason.INTERNAL_ERROR}


def test_two_batches_that_join_the_same_clusters_in_another_order_wait_for_each_other_in_no_circle(
    postgres_url: str,
) -> None:
    """Each batch has a copy of both reports; who stores first waits after its first story for the other to do so."""
    engine = open_engine(postgres_url)
    sites = ("a.example", "b.example", "c.example", "d.example", "e.example", "f.example")
    announce(engine, [entry(number, site=site) for number, site in enumerate(sites)])
    claims = sorted(claim_all(engine), key=lambda claim: claim.site)
    reports = (TEXT, ANOTHER_REPORT)
    settler = Settler(engine, Settings(), lambda: False)
    settler.settle_now([read(claim, text) for claim, text in zip(claims[:2], reports, strict=True)])
    batches = [
        [read(claims[2], TEXT + " It said so."), read(claims[3], ANOTHER_REPORT + " It said so.")],
        [read(claims[4], ANOTHER_REPORT + " So it said."), read(claims[5], TEXT + " So it said.")],
    ]
    both, met = threading.Barrier(2), threading.local()

    @event.listens_for(engine, "after_cursor_execute")
    def meet(*arguments: Any) -> None:
        if str(arguments[2]).lstrip().startswith("INSERT INTO stories") and not hasattr(met, "once"):
            met.once = True
            with contextlib.suppress(threading.BrokenBarrierError):
                both.wait(1.0)

    with ThreadPoolExecutor(2) as pool:
        ended = [outcome for batch in pool.map(settler.settle_now, batches) for outcome in batch]
    assert [outcome.reason for outcome in ended] == [Reason.NEW] * 4
    with engine.connect() as connection:
        joined = connection.execute(select(schema.stories.c.cluster_id, func.count()).group_by("cluster_id")).all()
    assert [count for _, count in joined] == [3, 3]
    engine.dispose()


def test_a_cluster_that_was_merged_while_its_lock_was_waited_for_is_not_joined(postgres_url: str) -> None:
    """The story founds a cluster, and its second look finds where the report is now."""
    engine = open_engine(postgres_url)
    announce(engine, [entry(number, site=f"{number}.example") for number in range(4)])
    first, second, copy, third = claim_all(engine)
    settler = Settler(engine, Settings(), lambda: False)
    settler.settle_now([read(first, ANOTHER_REPORT), read(second, TEXT), read(copy, TEXT + " So it said.")])
    with engine.connect() as connection:
        home, emptied = connection.execute(select(schema.clusters.c.id).order_by("id")).scalars().all()
    merging = engine.connect()
    merging.begin()
    of_emptied = select(schema.stories.c.id).where(schema.stories.c.cluster_id == emptied)
    moved = list(merging.execute(of_emptied.order_by("id")).scalars())
    copies.move_stories(merging, moved, emptied, home, MoveCause.SECOND_LOOK, (moved[0], None), at())

    def let_go_once_it_is_waited_for() -> None:
        with engine.connect() as watching:
            for _ in range(500):
                if watching.execute(text(WAITING)).scalar_one():
                    break
                time.sleep(0.01)
        merging.commit()

    thread = threading.Thread(target=let_go_once_it_is_waited_for)
    thread.start()
    (ended,) = settler.settle_now([read(third, TEXT + " It said so.")])
    thread.join()
    assert ended.reason is Reason.NEW
    with engine.connect() as connection:
        where = connection.execute(select(schema.stories.c.cluster_id)).scalars().all()
    assert set(where) == {home}
    merging.close()
    engine.dispose()
