"""The ledger of URLs: leases, fences, attempts, take-back (P1, P3, P5-P8, P12). On SQLite and PostgreSQL."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, event, select, update
from store_builders import LEASE_S, announce, at, claim_all, entry, states

from pipeline.outcomes import REASONS, Reason, UrlState
from pipeline.store import hosts, ledger, schema
from pipeline.values import Settlement
from workers.database import open_engine


def test_an_announced_url_waits_is_queued_is_claimed_and_ends(engine: Engine) -> None:
    announce(engine, [entry(1)])
    assert states(engine) == {UrlState.WAITING: 1}
    with engine.begin() as connection:
        due = ledger.lease_due_urls(connection, at(), 10, LEASE_S)
    assert states(engine) == {UrlState.QUEUED: 1}
    with engine.begin() as connection:
        (claim,) = ledger.claim_urls(connection, [due[0].url_id], "token", at(), LEASE_S)
    assert states(engine) == {UrlState.CLAIMED: 1}
    with engine.begin() as connection:
        assert ledger.settle(connection, claim, Settlement(UrlState.REJECTED, Reason.NOT_FOUND), at(1))
    assert states(engine) == {UrlState.REJECTED: 1}


def test_a_dispatch_asks_once_a_host_while_postgresql_has_not_counted_its_rows(postgres_url: str) -> None:
    """Between a flood of news and the next ANALYZE the planner believes that nothing waits."""
    hosts_waiting, each = 100, 3
    engine = open_engine(postgres_url)
    for number in range(each):
        urls = [f"https://www.s{host}.example/story/{number}" for host in range(hosts_waiting)]
        announce(engine, [entry(number * hosts_waiting + host, url=url) for host, url in enumerate(urls)])
    asked: list[tuple[str, Any]] = []

    @event.listens_for(engine, "before_cursor_execute")
    def remember(connection: Any, cursor: Any, statement: str, parameters: Any, context: Any, many: bool) -> None:
        if statement.startswith("SELECT urls.id"):
            asked.append((statement, parameters))

    with engine.begin() as connection:
        assert len(ledger.lease_due_urls(connection, at(), 50, LEASE_S)) == 50
    ((statement, parameters),) = asked
    with engine.begin() as connection, ledger.by_index_alone(connection):
        told = connection.exec_driver_sql(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", parameters).scalar_one()
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SHOW enable_sort").scalar_one() == "on", "for this statement alone"
    engine.dispose()
    assert look_ups(told[0]["Plan"]) == 2 * hosts_waiting, "two for each host, and not for each URL besides"
    assert passed_over(told[0]["Plan"]) <= 2 * hosts_waiting, "none goes through all that waits"


def test_a_host_with_fourteen_thousand_urls_waiting_does_not_delay_the_others(engine: Engine) -> None:
    flood = [
        {"url": f"https://flood.example/{number}", "host": "flood.example", "site": "flood.example"}
        | {"announced_at": at(), "due_at": at()}
        for number in range(14_000)
    ]
    with engine.begin() as connection:
        connection.execute(schema.urls.insert(), flood)
    announce(engine, [entry(number, url=f"https://www.s{number}.example/story") for number in range(20)])
    with engine.begin() as connection:
        due = [url.host for url in ledger.lease_due_urls(connection, at(), 25, LEASE_S)]
    assert due[:1] == ["flood.example"], "it came first, and has its turn"
    assert set(due) == {"flood.example", *(f"www.s{number}.example" for number in range(20))}
    assert due.count("flood.example") == 2, "no more than it may have in flight"


def passed_over(plan: dict[str, Any]) -> int:
    """How many rows the plan's steps read and left."""
    own = plan.get("Rows Removed by Filter", 0) * plan["Actual Loops"]
    return int(own) + sum(passed_over(step) for step in plan.get("Plans", []))


def look_ups(plan: dict[str, Any]) -> int:
    """How often the subqueries of the plan were asked."""
    own = plan["Actual Loops"] if plan.get("Parent Relationship") == "SubPlan" else 0
    return int(own) + sum(look_ups(step) for step in plan.get("Plans", []))


def test_two_copies_of_a_job_claim_a_url_once(engine: Engine) -> None:
    announce(engine, [entry(1)])
    with engine.begin() as connection:
        ids = [item.url_id for item in ledger.lease_due_urls(connection, at(), 10, LEASE_S)]
    with engine.begin() as connection:
        assert len(ledger.claim_urls(connection, ids, "first", at(), LEASE_S)) == 1
    with engine.begin() as connection:
        assert ledger.claim_urls(connection, ids, "second", at(), LEASE_S) == []


def test_an_attempt_counts_before_the_work(engine: Engine) -> None:
    announce(engine, [entry(1)])
    (claim,) = claim_all(engine)
    with engine.connect() as connection:
        assert connection.execute(select(schema.urls.c.attempts)).scalar_one() == claim.attempts == 1


def test_a_worker_that_lost_its_lease_changes_nothing(engine: Engine) -> None:
    announce(engine, [entry(1)])
    (old,) = claim_all(engine, "old")
    with engine.begin() as connection:
        ledger.take_back_expired(connection, at(LEASE_S + 1), LEASE_S, 5)
    (new,) = claim_all(engine, "new", at(LEASE_S + 1))
    with engine.begin() as connection:
        assert not ledger.is_held(connection, old)
        assert not ledger.settle(connection, old, Settlement(UrlState.REJECTED, Reason.GONE), at(90))
        assert ledger.is_held(connection, new)
    assert states(engine) == {UrlState.CLAIMED: 1}


def test_redis_forgetting_a_queued_id_delays_it_by_one_lease(engine: Engine) -> None:
    announce(engine, [entry(1)])
    with engine.begin() as connection:
        ledger.lease_due_urls(connection, at(), 10, LEASE_S)
        assert ledger.take_back_expired(connection, at(LEASE_S - 1), LEASE_S, 5).queued == 0
        assert ledger.take_back_expired(connection, at(LEASE_S + 1), LEASE_S, 5).queued == 1
    assert [claim.attempts for claim in claim_all(engine, now=at(LEASE_S + 1))] == [1]


def test_a_page_that_kills_its_worker_ends_dead_after_five_tries_and_alone(engine: Engine) -> None:
    announce(engine, [entry(1), entry(2, site="other.example")])
    now = at()
    for attempt in range(1, 6):
        claims = claim_all(engine, f"worker-{attempt}", now)
        for claim in claims:
            if claim.url.startswith("https://other"):
                with engine.begin() as connection:
                    ledger.settle(connection, claim, Settlement(UrlState.STORED, Reason.NEW), now)
        now += timedelta(seconds=LEASE_S + 1)
        with engine.begin() as connection:
            ledger.take_back_expired(connection, now, LEASE_S, 5)
    assert states(engine) == {UrlState.STORED: 1, UrlState.DEAD: 1}
    with engine.connect() as connection:
        row = connection.execute(select(schema.urls).where(schema.urls.c.state == UrlState.DEAD)).one()
    assert (row.reason, row.attempts) == (Reason.WORKER_LOST, 5)


def test_a_url_whose_worker_died_is_marked_to_run_alone(engine: Engine) -> None:
    announce(engine, [entry(1)])
    claim_all(engine)
    with engine.begin() as connection:
        ledger.take_back_expired(connection, at(LEASE_S + 1), LEASE_S, 5)
        (due,) = ledger.lease_due_urls(connection, at(LEASE_S + 1), 10, LEASE_S)
    assert due.is_suspect


@pytest.mark.parametrize("jump_s", [3600, -3600])
def test_a_clock_that_jumps_an_hour_strands_no_claim(engine: Engine, jump_s: int) -> None:
    """A lease written by a clock an hour ahead counts as over for everybody else; so does one an hour behind."""
    announce(engine, [entry(1)])
    with engine.begin() as connection:
        ids = [item.url_id for item in ledger.lease_due_urls(connection, at(), 10, LEASE_S)]
        ledger.claim_urls(connection, ids, "odd clock", at(jump_s), LEASE_S)
        taken = ledger.take_back_expired(connection, at(LEASE_S + 1), LEASE_S, 5)
    assert taken.claimed == 1


def test_a_url_announced_by_a_clock_that_ran_ahead_is_due_at_once(engine: Engine) -> None:
    announce(engine, [entry(1)])
    with engine.begin() as connection:
        connection.execute(update(schema.urls).values(due_at=at(3600)))
        assert len(ledger.lease_due_urls(connection, at(), 10, LEASE_S)) == 1


def test_what_a_sweeper_with_a_clock_ahead_took_back_is_due_at_once(engine: Engine) -> None:
    """It takes every living claim for an expired one, and dates it an hour ahead."""
    announce(engine, [entry(1)])
    claim_all(engine)
    with engine.begin() as connection:
        assert ledger.take_back_expired(connection, at(3600), LEASE_S, 5).claimed == 1
        assert len(ledger.lease_due_urls(connection, at(1), 10, LEASE_S)) == 1


def test_a_look_that_a_clock_ahead_opened_is_due_at_once(engine: Engine) -> None:
    announce(engine, [entry(1)])
    (claim,) = claim_all(engine)
    with engine.begin() as connection:
        ledger.settle(connection, claim, Settlement(UrlState.STORED, Reason.NEW), at())
        assert ledger.requeue(connection, at(3600), states=[UrlState.STORED]) == 1
        assert len(ledger.lease_due_urls(connection, at(1), 10, LEASE_S)) == 1


def test_a_retry_waits_for_its_instant(engine: Engine) -> None:
    announce(engine, [entry(1)])
    (claim,) = claim_all(engine)
    with engine.begin() as connection:
        ledger.settle(connection, claim, Settlement(UrlState.WAITING, Reason.TIMEOUT, at(300)), at())
        assert ledger.lease_due_urls(connection, at(299), 10, LEASE_S) == []
        assert len(ledger.lease_due_urls(connection, at(300), 10, LEASE_S)) == 1


def test_a_host_with_a_thousand_urls_does_not_delay_another(engine: Engine) -> None:
    announce(engine, [entry(n, site="big.example") for n in range(1000)])
    announce(engine, [entry(1, site="small.example")], feed="https://small.example/feed.xml")
    with engine.begin() as connection:
        due = ledger.lease_due_urls(connection, at(), 100, LEASE_S)
    assert sorted(item.host for item in due) == ["big.example", "big.example", "small.example"]


def test_a_host_that_asked_to_be_left_alone_is_not_asked(engine: Engine) -> None:
    announce(engine, [entry(1)])
    with engine.begin() as connection:
        hosts.hold_host(connection, "outlet.example", at(), 600)
        assert ledger.lease_due_urls(connection, at(599), 10, LEASE_S) == []
        assert len(ledger.lease_due_urls(connection, at(601), 10, LEASE_S)) == 1


def test_priority_1_goes_first(engine: Engine) -> None:
    announce(engine, [entry(n, site=f"s{n}.example") for n in range(5)])
    with engine.begin() as connection:
        connection.execute(update(schema.urls).where(schema.urls.c.url.like("%/3")).values(priority=1))
        (first,) = ledger.lease_due_urls(connection, at(), 1, LEASE_S)
    assert first.host == "s3.example"


def test_giving_back_takes_the_attempt_back(engine: Engine) -> None:
    announce(engine, [entry(1)])
    claim_all(engine, "token")
    with engine.begin() as connection:
        assert ledger.give_back(connection, "token", at()) == 1
    (again,) = claim_all(engine, "token")
    assert again.attempts == 1


def test_a_prolonged_claim_is_not_taken_back(engine: Engine) -> None:
    announce(engine, [entry(1)])
    claim_all(engine, "token")
    with engine.begin() as connection:
        assert ledger.extend_claims(connection, "token", at(LEASE_S - 1), LEASE_S) == 1
        assert ledger.take_back_expired(connection, at(LEASE_S + 1), LEASE_S, 5).claimed == 0


def test_requeue_by_reason_opens_only_what_ended_for_it(engine: Engine) -> None:
    announce(engine, [entry(1), entry(2, site="other.example")])
    first, second = claim_all(engine)
    with engine.begin() as connection:
        ledger.settle(connection, first, Settlement(UrlState.DEAD, Reason.TIMEOUT), at())
        ledger.settle(connection, second, Settlement(UrlState.REJECTED, Reason.PAYWALL), at())
        assert ledger.requeue(connection, at(1), reasons=[Reason.TIMEOUT]) == 1
    assert states(engine) == {UrlState.WAITING: 1, UrlState.REJECTED: 1}


def test_requeue_of_everything_by_accident_is_refused(engine: Engine) -> None:
    with engine.begin() as connection, pytest.raises(ValueError, match="at least one"):
        ledger.requeue(connection, at())


def test_sql_refuses_a_reason_that_is_not_on_the_list(engine: Engine) -> None:
    announce(engine, [entry(1)])
    with pytest.raises(Exception, match=r"(?i)is_reason|check"), engine.begin() as connection:
        connection.exec_driver_sql("UPDATE urls SET reason = 'because'")


def test_every_reason_has_its_facts() -> None:
    assert set(REASONS) == set(Reason)
    assert all(facts.state is UrlState.DEAD for facts in REASONS.values() if facts.is_retried)


def test_of_a_batch_only_the_claims_that_still_stand_are_held(engine: Engine) -> None:
    announce(engine, [entry(number) for number in (1, 2, 3)])
    mine = claim_all(engine, token="mine")
    with engine.begin() as connection:
        ledger.give_back(connection, "mine", at(1))
    others = claim_all(engine, token="other", now=at(2), limit=1)
    with engine.begin() as connection:
        assert ledger.held_among(connection, mine) == frozenset()
        assert ledger.held_among(connection, [*others, *mine[1:]]) == {others[0].url_id}
        assert ledger.held_among(connection, []) == frozenset()
