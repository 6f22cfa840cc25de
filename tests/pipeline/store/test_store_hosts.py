"""Politeness in SQL: spacing and connections of a host, over all processes (P16). On SQLite and PostgreSQL."""

from __future__ import annotations

import math
from urllib.parse import urlsplit

from hypothesis import assume, example, given
from hypothesis import strategies as st
from sqlalchemy import Engine
from store_builders import at

from pipeline.store import hosts
from pipeline.store.hosts import Passage, RobotsCopy


def enter(engine: Engine, token: str, seconds: float, delay_s: float = 1.0) -> hosts.HostAnswer:
    with engine.begin() as connection:
        return hosts.enter_hosts(connection, [Passage("a.example", token)], at(seconds), delay_s)[0]


def test_two_requests_to_a_host_are_a_second_apart(engine: Engine) -> None:
    assert enter(engine, "one", 0).wait_s == 0
    assert 0 < enter(engine, "two", 0.4).wait_s <= 0.6
    assert enter(engine, "two", 1.0).wait_s == 0


def test_a_request_that_went_late_has_its_turn_anew_and_the_next_one_waits_for_it(engine: Engine) -> None:
    granted = enter(engine, "one", 0)
    assert granted.good_for_s == hosts.LATE_SHARE
    late = Passage("a.example", "one", slack_s=0.5, turn_ends_at=granted.turn_ends_at)
    with engine.begin() as connection:
        again = hosts.enter_hosts(connection, [late], at(0.7), 1.0)[0]
    assert (again.wait_s, again.good_for_s) == (0, 0.5 + hosts.LATE_SHARE)
    assert enter(engine, "two", 1.0).wait_s > 0
    assert enter(engine, "two", 2.1).wait_s > 0, "one may go until 1.3"
    assert enter(engine, "two", 2.2).wait_s == 0
    assert enter(engine, "three", 4).wait_s > 0, "one has held its slot all the time"


def test_a_request_that_went_late_waits_when_another_was_let_through_meanwhile(engine: Engine) -> None:
    granted = enter(engine, "one", 0)
    assert enter(engine, "two", 1.0).wait_s == 0
    late = Passage("a.example", "one", turn_ends_at=granted.turn_ends_at)
    with engine.begin() as connection:
        assert hosts.enter_hosts(connection, [late], at(1.1), 1.0)[0].wait_s > 0
        assert hosts.enter_hosts(connection, [late], at(2.0), 1.0)[0].wait_s == 0
    assert enter(engine, "three", 4).wait_s > 0, "both slots are still held"


def test_a_host_without_a_delay_is_never_asked_late(engine: Engine) -> None:
    assert enter(engine, "one", 0, delay_s=0.0).good_for_s == math.inf


def test_a_host_has_two_connections_at_most(engine: Engine) -> None:
    assert [enter(engine, "one", 0).wait_s, enter(engine, "two", 1).wait_s] == [0, 0]
    assert enter(engine, "three", 2).wait_s > 0
    with engine.begin() as connection:
        hosts.leave_hosts(connection, [Passage("a.example", "one")])
    assert enter(engine, "three", 2).wait_s == 0


def test_the_slot_of_a_process_that_died_frees_itself(engine: Engine) -> None:
    enter(engine, "dead one", 0)
    enter(engine, "dead two", 1)
    assert enter(engine, "alive", hosts.HOLD_S - 1).wait_s > 0
    assert enter(engine, "alive", hosts.HOLD_S + 2).wait_s == 0


def test_a_clock_that_was_an_hour_ahead_does_not_close_the_host(engine: Engine) -> None:
    enter(engine, "ahead", 3600)
    assert enter(engine, "right", 0).wait_s == 0


def test_leaving_twice_or_with_a_strange_token_changes_nothing(engine: Engine) -> None:
    enter(engine, "one", 0)
    enter(engine, "two", 1)
    with engine.begin() as connection:
        hosts.leave_hosts(connection, [Passage("a.example", "stranger")])
        hosts.leave_hosts(connection, [Passage("a.example", "one")])
        hosts.leave_hosts(connection, [Passage("a.example", "one")])
    assert enter(engine, "three", 2).wait_s == 0
    assert enter(engine, "four", 3).wait_s > 0


def test_many_hosts_are_entered_and_left_together_as_one_by_one(engine: Engine) -> None:
    names = ["c.example", "a.example", "a.example", "b.example"]
    passages = [Passage(name, f"token {number}") for number, name in enumerate(names)]
    enter(engine, "before", -5)
    with engine.begin() as connection:
        answers = hosts.enter_hosts(connection, passages, at(), 0.0)
        hosts.leave_hosts(connection, passages[:1])
    # a.example had one slot left, and two wanted it.
    assert [answer.wait_s == 0 for answer in answers] == [True, True, False, True]
    with engine.begin() as connection:
        again = hosts.enter_hosts(connection, [Passage(name, "late") for name in sorted(set(names))], at(1), 1.0)
        assert [answer.wait_s == 0 for answer in again] == [False, True, True]
        assert hosts.enter_hosts(connection, [], at(), 1.0) == []


def test_two_requests_of_one_batch_to_a_host_keep_their_distance(engine: Engine) -> None:
    with engine.begin() as connection:
        pair = [Passage("a.example", "one"), Passage("a.example", "two")]
        first, second = hosts.enter_hosts(connection, pair, at(), 1.0)
    assert (first.wait_s, second.wait_s) == (0.0, 1.0)


def test_a_crawl_delay_longer_than_ours_wins(engine: Engine) -> None:
    with engine.begin() as connection:
        hosts.remember_robots(connection, {"a.example": RobotsCopy(200, "…", at(86_400), crawl_delay_s=10)}, at())
    enter(engine, "one", 0)
    assert enter(engine, "two", 9).wait_s > 0
    assert enter(engine, "two", 10).wait_s == 0


def test_retry_after_holds_the_host_for_everybody_and_a_day_at_most(engine: Engine) -> None:
    with engine.begin() as connection:
        hosts.hold_host(connection, "a.example", at(), 10 * 86_400)
        hosts.hold_host(connection, "a.example", at(), 5)
    answer = enter(engine, "one", 3600)
    assert answer.is_down
    assert answer.wait_s == 86_400 - 3600
    assert enter(engine, "one", 86_401).wait_s == 0


def test_robots_are_remembered_for_every_process(engine: Engine) -> None:
    told = {
        "b.example:8080": RobotsCopy(0, "", at(600)),
        "a.example": RobotsCopy(200, "User-agent: *\nDisallow: /private/", at(86_400), crawl_delay_s=2.0),
    }
    asked = ["b.example", "a.example", "b.example:8080", "a.example"]
    enter(engine, "one", 0)
    with engine.begin() as connection:
        assert hosts.robots_of(connection, asked) == {}, "a host that was asked for pages alone has none"
        hosts.remember_robots(connection, told, at())
    with engine.connect() as connection:
        assert hosts.robots_of(connection, asked) == told
    newer = {"a.example": RobotsCopy(404, "", at(90_000))}
    with engine.begin() as connection:
        hosts.remember_robots(connection, newer, at(5))
        assert hosts.robots_of(connection, asked) == told | newer
        assert hosts.robots_of(connection, []) == {}


def test_the_delay_that_one_port_asks_for_holds_for_the_machine(engine: Engine) -> None:
    with engine.begin() as connection:
        hosts.remember_robots(connection, {"a.example:8080": RobotsCopy(200, "…", at(86_400), crawl_delay_s=10)}, at())
    enter(engine, "one", 0)
    assert enter(engine, "two", 9).wait_s > 0


def test_politeness_counts_a_host_whatever_its_port() -> None:
    assert hosts.asked_host("http://a.example:8080/x") == hosts.asked_host("https://a.example/") == "a.example"


@given(
    st.sampled_from(["http://", "https://", "HTTP://", "http:///", "//", " http://", "file://"]),
    st.text(st.sampled_from("aB0.-_:@[]é%"), max_size=10),
    st.text(st.sampled_from("a/?#:@[ \n"), max_size=6),
)
@example("http://", "a.example", ":80@b.example/")
@example("http://", "a.example:80", "")
@example("http://", "a.example", "\n")
def test_the_host_of_a_url_is_the_one_that_the_parser_finds(scheme: str, host: str, rest: str) -> None:
    url = f"{scheme}{host}{rest}"
    try:
        expected = urlsplit(url).hostname or ""
    except ValueError:  # no URL at all: brackets that do not close
        assume(False)
    assert hosts.asked_host(url) == expected
