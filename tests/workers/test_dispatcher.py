"""From the ledger to the queue and back: a real Valkey, both databases (P3, P6-P8)."""

from __future__ import annotations

import json
import threading
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select, update
from store_builders import TEXT, announce, at, claim_all, entry, record, states, store

from pipeline.outcomes import Reason, UrlState
from pipeline.store import ledger, schema
from workers.database import open_engine
from workers.dispatcher import BREAKING_JOBS, SWEEPS_PER_LEASE, Dispatcher
from workers.faults import QueueUnavailable
from workers.process import utc_now
from workers.queue import QUEUE_NAME, ReadQueue, connect
from workers.settings import load_settings

GONE = "unix:///nowhere/valkey.sock?db=0"


def known(engine: Engine, count: int, *, hosts: int | None = None) -> None:
    """Announce so many pages, each of a host of its own unless said otherwise."""
    announce(engine, [entry(number, site=f"s{number % (hosts or count)}.example") for number in range(count)])


def dispatcher(engine: Engine, valkey: str, queue: ReadQueue | None = None, **settings: object) -> Dispatcher:
    return Dispatcher(engine, queue or ReadQueue(valkey), load_settings(**settings))


def queued_ids(valkey: str) -> list[list[int]]:
    """The ids of every job on the queue, as a worker would find them."""
    client = connect(valkey)
    jobs: Any = client.lrange(f"rq:queue:{QUEUE_NAME}", 0, -1)
    packed: list[Any] = [client.hget(f"rq:job:{job.decode()}", "data") for job in jobs]
    return [json.loads(zlib.decompress(data))[2][0] for data in packed]


def all_ids(engine: Engine) -> set[int]:
    with engine.connect() as connection:
        return set(connection.execute(select(schema.urls.c.id)).scalars())


def test_every_due_url_is_leased_and_on_the_queue_once(engine: Engine, valkey: str) -> None:
    known(engine, 20)
    assert dispatcher(engine, valkey).dispatch(at()) == 20
    assert Counter(i for job in queued_ids(valkey) for i in job) == Counter(all_ids(engine))
    assert states(engine) == {UrlState.QUEUED: 20}
    assert dispatcher(engine, valkey).dispatch(at()) == 0


def test_nothing_due_puts_nothing_on_the_queue(engine: Engine, valkey: str) -> None:
    assert dispatcher(engine, valkey).dispatch(at()) == 0
    assert queued_ids(valkey) == []


def test_what_is_put_on_the_queue_was_committed_before(engine: Engine, valkey: str) -> None:
    """A worker that takes the job at once must find its rows queued."""
    seen: list[dict[UrlState, int]] = []

    class Watched(ReadQueue):
        def put(self, batches: Sequence[Sequence[int]], ttl_s: float, *, at_front: bool = False) -> None:
            seen.append(states(engine))
            super().put(batches, ttl_s, at_front=at_front)

    known(engine, 4)
    dispatcher(engine, valkey, Watched(valkey)).dispatch(at())
    assert seen == [{UrlState.QUEUED: 4}]


def test_when_the_queue_goes_down_in_between_the_urls_wait_again_at_once(engine: Engine) -> None:
    class GoesDown(ReadQueue):
        def depth(self) -> int:
            return 0  # it still answered a moment ago

    known(engine, 4)
    with pytest.raises(QueueUnavailable):
        dispatcher(engine, GONE, GoesDown(GONE)).dispatch(at())
    assert states(engine) == {UrlState.WAITING: 4}
    with engine.connect() as connection:
        assert connection.execute(select(schema.urls.c.lease_until, schema.urls.c.attempts)).all() == [(None, 0)] * 4


def test_while_the_queue_is_down_nothing_is_leased(engine: Engine) -> None:
    known(engine, 4)
    with pytest.raises(QueueUnavailable):
        dispatcher(engine, GONE).dispatch(at())
    assert states(engine) == {UrlState.WAITING: 4}


def test_the_queue_is_kept_short_and_the_rest_waits_in_sql(engine: Engine, valkey: str) -> None:
    known(engine, 20)
    mine = dispatcher(engine, valkey, queue_limit=3, batch_size=4, workers=1)
    assert (mine.dispatch(at()), mine.dispatch(at())) == (12, 0)
    assert [len(job) for job in queued_ids(valkey)] == [4, 4, 4]
    assert states(engine) == {UrlState.QUEUED: 12, UrlState.WAITING: 8}


def breaking(engine: Engine, *numbers: int) -> set[int]:
    """Announce pages of news of the last hour, each of a host of its own; their ids."""
    before = all_ids(engine)
    announce(engine, [replace(entry(number, site=f"b{number}.example"), published_at=at()) for number in numbers])
    return all_ids(engine) - before


def test_breaking_news_goes_before_what_waits_on_a_full_queue(engine: Engine, valkey: str) -> None:
    known(engine, 20)
    mine = dispatcher(engine, valkey, queue_limit=3, batch_size=4, workers=1)
    mine.dispatch(at())
    before = queued_ids(valkey)
    first = breaking(engine, 101, 102)
    assert mine.dispatch(at()) == 2
    (front, *rest) = queued_ids(valkey)
    assert (set(front), rest) == (first, before)


def test_what_tells_of_a_growing_report_goes_before_what_waits(engine: Engine, valkey: str) -> None:
    now = utc_now()
    announce(engine, [entry(number, site=f"o{number}.example") for number in range(5)])
    for claim in claim_all(engine, now=now):
        store(engine, claim, record(TEXT, title="Ministry confirms delivery of launchers"), now)
    known(engine, 8)
    with engine.begin() as connection:
        mine = schema.urls.c.state == UrlState.WAITING
        connection.execute(update(schema.urls).where(mine).values(announced_at=now, due_at=now))
        (late,) = connection.execute(select(schema.urls.c.id).where(mine).order_by(schema.urls.c.id.desc()).limit(1))
        title = "Delivery of launchers: ministry confirms"
        connection.execute(update(schema.urls).where(schema.urls.c.id == late.id).values(entry_title=title))
    dispatcher(engine, valkey, queue_limit=1, batch_size=1, workers=1).step()
    assert queued_ids(valkey) == [[late.id]]


def test_a_flood_of_breaking_news_is_bounded_on_the_queue(engine: Engine, valkey: str) -> None:
    known(engine, 20)
    mine = dispatcher(engine, valkey, queue_limit=3, batch_size=1, workers=1)
    mine.dispatch(at())
    breaking(engine, *range(100, 150))
    while mine.dispatch(at()):
        pass
    assert ReadQueue(valkey).depth() == 3 + BREAKING_JOBS
    assert states(engine)[UrlState.WAITING] == 17 + 50 - BREAKING_JOBS


def test_more_workers_than_room_do_not_make_the_queue_longer_than_its_limit(engine: Engine, valkey: str) -> None:
    known(engine, 8)
    dispatcher(engine, valkey, queue_limit=1, batch_size=8, workers=8).dispatch(at())
    assert ReadQueue(valkey).depth() == 1


def test_a_host_has_two_urls_in_flight_at_most(engine: Engine, valkey: str) -> None:
    known(engine, 20, hosts=2)
    mine = dispatcher(engine, valkey)
    assert (mine.dispatch(at()), mine.dispatch(at())) == (4, 0)


def test_a_url_whose_worker_died_stands_alone_in_its_job(engine: Engine, valkey: str) -> None:
    known(engine, 6)
    suspect = min(all_ids(engine))
    with engine.begin() as connection:
        connection.execute(
            schema.urls.update().where(schema.urls.c.id == suspect).values(reason=Reason.WORKER_LOST, attempts=1)
        )
    dispatcher(engine, valkey, workers=1).dispatch(at())
    assert sorted(len(job) for job in queued_ids(valkey)) == [1, 5]
    assert [suspect] in queued_ids(valkey)


def test_two_dispatchers_at_once_lose_no_url_and_a_worker_claims_each_once(engine: Engine, valkey: str) -> None:
    known(engine, 60)
    start = threading.Barrier(2)

    def dispatch_all() -> None:
        mine = dispatcher(engine, valkey, queue_limit=1000, batch_size=3)
        start.wait()
        while mine.dispatch(at()):
            pass

    threads = [threading.Thread(target=dispatch_all) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    jobs = queued_ids(valkey)
    assert {url_id for job in jobs for url_id in job} == all_ids(engine)
    claimed: Counter[int] = Counter()
    for number, job in enumerate(jobs):
        with engine.begin() as connection:
            claimed.update(c.url_id for c in ledger.claim_urls(connection, job, f"worker-{number}", at(), 60.0))
    assert claimed == Counter(all_ids(engine))


def test_two_dispatchers_on_sqlite_never_enqueue_a_url_twice(sqlite_url: str) -> None:
    engine = open_engine(sqlite_url)
    assert set(leased_by_two(engine).values()) == {1}
    engine.dispose()


def test_two_dispatchers_on_postgresql_never_enqueue_a_url_twice(postgres_url: str) -> None:
    engine = open_engine(postgres_url)
    try:
        assert set(leased_by_two(engine).values()) == {1}
    finally:
        engine.dispose()


def leased_by_two(engine: Engine) -> Counter[int]:
    """How often each URL is handed out when a second dispatcher looks while the first has not yet committed."""
    known(engine, 4)
    leased: Counter[int] = Counter()

    def lease() -> None:
        with engine.begin() as connection:
            leased.update(item.url_id for item in ledger.lease_due_urls(connection, at(), 100, 60.0))

    second = threading.Thread(target=lease)
    with engine.begin() as connection:
        leased.update(item.url_id for item in ledger.lease_due_urls(connection, at(), 100, 60.0))
        second.start()
        second.join(0.5)  # it stands at the first one's locks now
    second.join(20)
    return leased


def test_flushall_delays_a_url_by_one_lease_and_loses_none(engine: Engine, valkey: str) -> None:
    """P3 with a lease of two seconds, the clock given."""
    known(engine, 12)
    mine = dispatcher(engine, valkey, lease_s=2)
    mine.dispatch(at())
    connect(valkey).flushall()
    mine.sweep(at(1.9))
    assert (mine.dispatch(at(1.9)), queued_ids(valkey)) == (0, [])
    mine.sweep(at(2))
    assert mine.dispatch(at(2)) == 12
    assert {url_id for job in queued_ids(valkey) for url_id in job} == all_ids(engine)


def claimed_by_a_worker_that_died(engine: Engine, valkey: str, count: int) -> Dispatcher:
    known(engine, count)
    mine = dispatcher(engine, valkey)
    mine.dispatch(at())
    ids = sorted(all_ids(engine))
    with engine.begin() as connection:
        assert len(ledger.claim_urls(connection, ids, "worker", at(), 60.0)) == count
    return mine


def test_a_sweep_takes_back_what_nobody_reports_on_and_records_it(engine: Engine, valkey: str) -> None:
    mine = claimed_by_a_worker_that_died(engine, valkey, 3)
    mine.sweep(at(60))
    assert states(engine) == {UrlState.WAITING: 3}
    with engine.connect() as connection:
        (event,) = connection.execute(select(schema.events)).all()
    assert (event.kind, event.subject, event.at) == ("leases_expired", "urls", at(60))
    assert event.detail == {"queued": 0, "claimed": 3, "dead": 0}


def test_a_sweep_that_finds_nothing_records_nothing(engine: Engine, valkey: str) -> None:
    mine = claimed_by_a_worker_that_died(engine, valkey, 3)
    mine.sweep(at(59))
    assert states(engine) == {UrlState.CLAIMED: 3}
    with engine.connect() as connection:
        assert connection.execute(select(schema.events)).all() == []


def test_a_sweeper_whose_clock_is_a_little_behind_takes_no_living_claim(engine: Engine, valkey: str) -> None:
    """The claim was made while the sweep waited to begin, or on a machine a tenth of a second ahead."""
    claimed_by_a_worker_that_died(engine, valkey, 3).sweep(at(-0.1))
    assert states(engine) == {UrlState.CLAIMED: 3}


def test_steps_sweep_six_times_a_lease_and_a_clock_set_back_does_not_stop_them(
    engine: Engine, valkey: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = at()
    swept: list[float] = []

    class Counting(Dispatcher):
        def sweep(self, now: datetime) -> None:
            swept.append((now - at()).total_seconds())
            super().sweep(now)

    monkeypatch.setattr("workers.dispatcher.utc_now", lambda: clock)
    mine = Counting(engine, ReadQueue(valkey), load_settings(lease_s=60))
    for second in range(25):
        clock = at() + timedelta(seconds=second)
        mine.step()
    assert swept == [0, 10, 20]
    clock = at(-3600)
    mine.step()
    clock = at(-3600 + 60 / SWEEPS_PER_LEASE)
    mine.step()
    assert swept[3:] == [-3600, -3590]
