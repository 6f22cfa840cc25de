from __future__ import annotations

import hashlib
import hmac
from datetime import timedelta

import pytest
from feed_samples import FEED_URL, NOW, item, not_modified, page, polled_state, reading, rss, state, versions

from pipeline.feeds import plan_poll
from pipeline.feeds.websub import CONFIRMED_MIN, SILENT_AFTER, Hub, is_signed, named_hub, plan_push
from pipeline.outcomes import PollOutcome
from pipeline.values import FeedState, PollPlan

HUB = "https://hub.example/"


@pytest.mark.parametrize(
    ("link", "hub"),
    [
        ('<https://hub.example/>; rel="hub", <https://wire.example/self>; rel="self"', Hub(HUB, "https://wire.example/self")),
        ("<https://hub.example/>; rel=hub", Hub(HUB, FEED_URL)),
        ('<https://hub.example/>; title="a, b"; rel="hub other"', Hub(HUB, FEED_URL)),
        ('</hub>; rel="hub"', Hub("https://wire.example/hub", FEED_URL)),
        ('<https://hub.example/>; rel="next"', None),
        ("<javascript:alert(1)>; rel=hub", None),
        ("<" * 5000, None),
    ],
)  # fmt: skip
def test_the_hub_of_the_link_headers(link: str, hub: Hub | None) -> None:
    assert named_hub(page(b"", link=link), None) == hub


def test_headers_go_before_what_the_feed_says_and_the_feed_is_heard_without_them() -> None:
    links = '<atom:link rel="hub" href="https://a.example/"/><atom:link rel="self" href="https://wire.example/s"/>'
    read = reading(rss(item(1), head=links))
    assert named_hub(page(b""), read) == Hub("https://a.example/", "https://wire.example/s")
    assert named_hub(page(b"", link="<https://hub.example/>; rel=hub"), read) == Hub(HUB, "https://wire.example/s")


def test_a_hub_is_remembered_with_the_feed_until_a_whole_body_names_none() -> None:
    body = rss(item(1), head='<atom:link rel="hub" href="https://hub.example/"/>')
    first = plan_poll(state(), page(body), reading(body), {}, NOW, 0.5).state
    assert (first.hub_url, first.topic_url) == (HUB, FEED_URL)
    assert plan_poll(first, not_modified(), None, {}, NOW, 0.5).state.hub_url == HUB
    other = rss(item(2))
    assert plan_poll(first, page(other), reading(other), {}, NOW, 0.5).state.hub_url is None


@pytest.mark.parametrize("method", ["sha1", "sha256", "sha384", "sha512"])
def test_a_signature_is_that_of_the_body_under_the_secret(method: str) -> None:
    body = b"<rss/>"
    digest = hmac.new(b"key", body, getattr(hashlib, method)).hexdigest()
    assert is_signed("key", body, f"{method}={digest}")
    assert is_signed("key", body, f"{method}={digest.upper()}")
    assert not is_signed("other", body, f"{method}={digest}")
    assert not is_signed("key", body + b" ", f"{method}={digest}")
    assert not is_signed("key", body, f"{method}={digest[:-1]}")


@pytest.mark.parametrize("signature", [None, "", "sha256", "sha256=", "md5=" + "0" * 32, "sha1=" + "z" * 40, "sha1=é"])
def test_what_is_no_signature_signs_nothing(signature: str | None) -> None:
    assert not is_signed("key", b"", signature)


# ----------------------------------------------------------------------------------------------------------- pushes


def test_a_push_announces_what_is_new_and_leaves_pace_validators_and_listing() -> None:
    before = polled_state(hub_url=HUB, next_poll_at=NOW + timedelta(minutes=5))
    known = versions(reading(rss(item(1))).entries)
    edited = item(1).replace("T 1", "T 1, corrected")
    plan = plan_push(before, reading(rss(edited, item(2))), known, NOW)
    assert [entry.title for entry in plan.announced] == ["T 2"]
    assert [entry.title for entry in plan.edited] == ["T 1, corrected"]
    assert (plan.outcome, plan.listed, plan.lost_estimate) == (PollOutcome.NEW_ENTRIES, None, None)
    assert plan.state == before._replace(last_new_at=NOW)


def test_a_push_that_is_no_feed_announces_nothing() -> None:
    plan = plan_push(state(hub_url=HUB), reading(b"<html>Hello</html>"), {}, NOW)
    assert (plan.outcome, plan.announced) == (PollOutcome.NOT_A_FEED, ())


def quiet(before: FeedState) -> PollPlan:
    return plan_poll(before, not_modified(), None, {}, NOW, 0.5)


def pushed(**changes: object) -> FeedState:
    usual = {"interval_s": 600.0, "pushed_at": NOW - timedelta(minutes=1), "push_confirmed": CONFIRMED_MIN}
    return polled_state(**(usual | changes))


def wait_s(plan: PollPlan) -> float:
    assert plan.state.next_poll_at is not None
    return (plan.state.next_poll_at - NOW).total_seconds()


def test_polls_that_find_nothing_but_what_was_pushed_confirm_the_hub() -> None:
    confirmed = quiet(pushed(push_confirmed=1))
    assert confirmed.state.push_confirmed == 2
    assert wait_s(confirmed) == wait_s(quiet(pushed(pushed_at=None, push_confirmed=0)))
    assert wait_s(quiet(pushed())) == 4 * wait_s(confirmed)
    nothing_pushed = quiet(pushed(push_confirmed=1, pushed_at=NOW - timedelta(hours=1)))
    assert nothing_pushed.state.push_confirmed == 1, "a quiet hour says nothing of the hub"


def test_a_poll_that_finds_what_was_not_pushed_ends_the_longer_wait_at_once() -> None:
    body = rss(item(1), item(9))
    known = versions(reading(rss(item(1))).entries)
    found = plan_poll(pushed(), page(body), reading(body), known, NOW, 0.5)
    assert (len(found.announced), found.state.push_confirmed) == (1, 0)
    alone = plan_poll(pushed(pushed_at=None), page(body), reading(body), known, NOW, 0.5)
    assert wait_s(found) == wait_s(alone)


def test_a_hub_that_pushed_nothing_for_a_day_lengthens_nothing() -> None:
    assert wait_s(quiet(pushed(pushed_at=NOW - SILENT_AFTER - timedelta(seconds=1)))) == wait_s(
        quiet(pushed(pushed_at=None))
    )
