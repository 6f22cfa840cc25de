from __future__ import annotations

from datetime import datetime, timedelta
from itertools import chain
from typing import Any

import pytest
from feed_samples import (
    FEED_URL,
    NOW,
    failure,
    item,
    not_modified,
    page,
    polled_state,
    reading,
    rss,
    state,
    versions,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.feeds import body_digest, plan_poll, request_headers
from pipeline.feeds.polling import REDIRECT_POLLS, STAMPED_ENTRIES
from pipeline.feeds.validators import DISTRUSTED, distrusted_since
from pipeline.outcomes import FeedStatus, PollOutcome, Reason
from pipeline.values import FeedState, FetchResult, Listing, PollPlan, Redirect

MIDDLE = 0.5  # the jitter that moves nothing


def plan(before: FeedState, body: bytes, known: dict[str, str] | None = None, **answer: Any) -> PollPlan:
    return plan_poll(before, page(body, **answer), reading(body), known or {}, NOW, MIDDLE)


def failed(before: FeedState, reason: Reason, **more: Any) -> PollPlan:
    return plan_poll(before, failure(reason, **more), None, {}, NOW, MIDDLE)


def wait_s(after: PollPlan) -> float:
    assert after.state.next_poll_at is not None
    return (after.state.next_poll_at - NOW).total_seconds()


# --------------------------------------------------------------------------------------------------------- reading


def test_the_first_poll_announces_every_entry_and_sees_no_gap() -> None:
    after = plan(state(), rss(item(1), item(2)), etag='"v1"', last_modified="Sun, 22 Nov 2026 17:55:00 GMT")

    assert after.outcome is PollOutcome.NEW_ENTRIES
    assert [entry.title for entry in after.announced] == ["T 1", "T 2"]
    assert after.lost_estimate is None
    assert after.listed == tuple(versions(after.announced).items())
    assert (after.state.etag, after.state.last_modified) == ('"v1"', "Sun, 22 Nov 2026 17:55:00 GMT")
    assert after.state.body_sha256 == body_digest(rss(item(1), item(2)))
    assert (after.state.known_entries, after.state.last_success_at, after.state.last_new_at) == (2, NOW, NOW)


def test_only_unknown_entries_are_announced_and_changed_ones_are_edited() -> None:
    known = versions(reading(rss(item(1), item(2))).entries)
    edited = item(2).replace("T 2", "T 2, corrected")

    after = plan(polled_state(), rss(item(1), edited, item(3)), known)

    assert [entry.title for entry in after.announced] == ["T 3"]
    assert [entry.title for entry in after.edited] == ["T 2, corrected"]
    assert after.listed is not None
    assert len(after.listed) == after.entries_count == 3


def test_an_entry_dated_last_year_is_new_when_it_was_never_listed() -> None:
    known = versions(reading(rss(item(1))).entries)
    late = item(2, "<pubDate>Sat, 22 Nov 2025 10:00:00 GMT</pubDate>")

    assert [entry.title for entry in plan(polled_state(), rss(item(1), late), known).announced] == ["T 2"]


def test_a_feed_that_stamps_all_its_entries_anew_edits_none() -> None:
    before = reading(rss(*(item(n) for n in range(STAMPED_ENTRIES))))
    stamped = rss(*(item(n, f"<description>Seen {n} times</description>") for n in range(STAMPED_ENTRIES)))

    assert plan(polled_state(), stamped, versions(before.entries)).edited == ()


def test_every_entry_of_a_short_feed_may_be_edited() -> None:
    before = reading(rss(item(1), item(2)))
    edited = rss(item(1, "<description>More</description>"), item(2, "<description>More</description>"))

    assert len(plan(polled_state(), edited, versions(before.entries)).edited) == 2


def test_a_body_cut_off_leaves_what_it_does_not_show_listed_and_saves_no_validators() -> None:
    known = versions(reading(rss(item(1), item(2))).entries)
    cut = rss(item(3), item(1)).removesuffix(b"</channel></rss>")

    after = plan(polled_state(), cut, known, etag='"cut"')

    assert [entry.title for entry in after.announced] == ["T 3"]
    assert after.listed is not None
    assert known.keys() < dict(after.listed).keys()
    assert (after.state.etag, after.state.last_modified, after.state.body_sha256) == (None, None, None)


def test_entries_beyond_the_cap_are_fetched_again_soon_and_without_condition() -> None:
    body = rss(*(item(n) for n in range(2003)))
    first = plan(polled_state(), body, {"k": "v"}, etag='"big"')
    known = dict(first.listed or ())

    second = plan_poll(first.state, page(body), reading(body, known=Listing(known)), known, NOW, MIDDLE)

    assert (len(first.announced), wait_s(first)) == (2000, 126.0)
    assert request_headers(first.state, NOW) == ()
    assert [entry.title for entry in second.announced] == ["T 2000", "T 2001", "T 2002"]
    assert len(second.listed or ()) == 2003


def test_a_new_body_that_nobody_read_is_a_broken_promise() -> None:
    with pytest.raises(ValueError, match="was not read"):
        plan_poll(state(), page(rss()), None, {}, NOW, MIDDLE)


# ------------------------------------------------------------------------------------------------ nothing to read


def test_304_keeps_the_listing_and_takes_fresher_validators() -> None:
    after = plan_poll(polled_state(error_count=3), not_modified(etag='"fresh"'), None, {}, NOW, MIDDLE)

    assert (after.outcome, after.listed, after.announced, after.http_status) == (
        PollOutcome.NOT_MODIFIED,
        None,
        (),
        304,
    )
    assert (after.state.etag, after.state.last_modified) == ('"fresh"', "Sun, 22 Nov 2026 17:00:00 GMT")
    assert (after.state.error_count, after.state.last_success_at) == (0, NOW)


def test_the_same_body_is_not_read_again() -> None:
    body = rss(item(1))
    after = plan_poll(polled_state(body_sha256=body_digest(body)), page(body, etag='"n"'), None, {}, NOW, MIDDLE)

    assert (after.outcome, after.listed, after.state.etag) == (PollOutcome.SAME_BODY, None, '"n"')


def test_a_page_in_place_of_a_feed_changes_nothing_that_was_remembered() -> None:
    before = polled_state()
    after = plan(before, b"<html><body>Checking your browser</body></html>", etag='"page"')

    assert (after.outcome, after.detail) == (PollOutcome.NOT_A_FEED, "This is an HTML page, not a feed.")
    assert after.listed is None
    kept = ("etag", "last_modified", "body_sha256", "known_entries", "last_success_at", "interval_s", "url")
    assert [getattr(after.state, name) for name in kept] == [getattr(before, name) for name in kept]
    assert after.state.error_count == 1
    assert wait_s(after) == 1800.0


# ------------------------------------------------------------------------------------------------------ conditions


def test_requests_are_conditional_but_once_a_day() -> None:
    conditional = (("If-None-Match", '"old"'), ("If-Modified-Since", "Sun, 22 Nov 2026 17:00:00 GMT"))

    def headers(since: datetime | None) -> tuple[tuple[str, str], ...]:
        return request_headers(polled_state(last_unconditional_at=since), NOW)

    assert headers(NOW - timedelta(hours=23)) == conditional
    assert headers(NOW - timedelta(hours=24)) == ()
    assert headers(None) == ()
    assert headers(NOW + timedelta(hours=1)) == ()  # the clock was turned back


def test_a_304_does_not_put_off_the_unconditional_poll_and_a_body_does() -> None:
    day_old = polled_state(last_unconditional_at=NOW - timedelta(days=1))

    assert plan_poll(day_old, not_modified(), None, {}, NOW, MIDDLE).state.last_unconditional_at == NOW - timedelta(
        days=1
    )
    assert plan(day_old, rss(item(1))).state.last_unconditional_at == NOW


def test_a_validator_that_stayed_while_entries_were_new_is_never_sent_again() -> None:
    lied = plan(polled_state(), rss(item(1), item(2)), etag='"old"', last_modified="Sun, 22 Nov 2026 17:50:00 GMT")
    again = plan(lied.state, rss(item(3)), etag='"newer"', last_modified="Sun, 22 Nov 2026 17:55:00 GMT")

    assert lied.state.etag == again.state.etag == DISTRUSTED
    assert request_headers(again.state, NOW) == (("If-Modified-Since", "Sun, 22 Nov 2026 17:55:00 GMT"),)


def probed(before: FeedState, *names: object, **answer: Any) -> PollPlan:
    """A poll that found new items in the body of a feed which was asked without condition, a day after the last."""
    body = rss(*(item(name, f"<pubDate>{at}</pubDate>") for name, at in names))  # type: ignore[misc]
    return plan(before._replace(last_unconditional_at=NOW - timedelta(days=1)), body, {"another": "1"}, **answer)


BEFORE_THE_304 = [(n, f"Sun, 22 Nov 2026 1{n}:00:00 GMT") for n in range(3)]  # 10:00, 11:00, 12:00
SINCE_THE_304 = [(n, f"Sun, 22 Nov 2026 17:5{n}:00 GMT") for n in range(3)]


@pytest.mark.parametrize(
    ("news", "answer", "is_believed"),
    [
        # A new ETag each time, and a 304 to every one of them: told by the server's own words, or by the dates.
        (SINCE_THE_304, {"etag": '"new"', "last_modified": "Sun, 22 Nov 2026 12:00:00 GMT"}, False),
        (BEFORE_THE_304, {"etag": '"new"'}, False),
        (BEFORE_THE_304, {"etag": '"new"', "last_modified": "Sun, 22 Nov 2026 17:58:00 GMT"}, True),
        (BEFORE_THE_304[:2], {"etag": '"new"'}, True),  # two may be dated back
        (SINCE_THE_304, {"etag": '"new"'}, True),
        # The body changed two minutes ago, or four hours by a server whose clock is four hours ahead of ours.
        (
            SINCE_THE_304,
            {
                "etag": '"new"',
                "last_modified": "Sun, 22 Nov 2026 17:58:00 GMT",
                "date": "Sun, 22 Nov 2026 18:00:00 GMT",
            },
            True,
        ),
        (
            SINCE_THE_304,
            {
                "etag": '"new"',
                "last_modified": "Sun, 22 Nov 2026 17:58:00 GMT",
                "date": "Sun, 22 Nov 2026 22:00:00 GMT",
            },
            False,
        ),
    ],
)
def test_the_daily_probe_finds_a_server_that_answered_304_though_there_was_news(
    news: list[tuple[int, str]], answer: dict[str, str], is_believed: bool
) -> None:
    after = probed(polled_state(), *news, **answer).state
    assert (after.etag == '"new"') is is_believed
    assert (after.etag == after.last_modified == DISTRUSTED) is not is_believed
    assert bool(request_headers(after, NOW)) is is_believed
    assert distrusted_since(polled_state(), after) == ([] if is_believed else ["etag", "last_modified"])


def test_news_in_an_answer_that_followed_no_304_says_nothing_of_the_server() -> None:
    """Asked without condition a day after the last answer, which was a body: nobody denied anything."""
    long_ago = NOW - timedelta(days=1)
    after = probed(polled_state(last_success_at=long_ago), *BEFORE_THE_304, etag='"new"').state
    assert after.etag == '"new"'


def test_validators_too_long_or_with_control_characters_are_not_kept() -> None:
    after = plan(polled_state(), rss(item(1)), etag="x" * 1025, last_modified="a\r\nHost: b")

    assert (after.state.etag, after.state.last_modified) == (None, None)


# ------------------------------------------------------------------------------------------------------------ gaps


def dated(name: int, hour: int) -> str:
    return item(name, f"<pubDate>Sun, 22 Nov 2026 {hour:02}:00:00 GMT</pubDate>")


def test_a_window_that_rolled_over_is_a_gap_with_an_estimate() -> None:
    known = versions(reading(rss(item(1), item(2))).entries)
    before = polled_state(last_success_at=NOW - timedelta(hours=8), interval_s=3600.0)

    after = plan(before, rss(dated(13, 17), dated(12, 16), dated(11, 15)), known)

    # One an hour, listed from 15 to 17 o'clock; the last poll was at 10: five are missing between 10 and 15.
    assert after.lost_estimate == 5
    assert wait_s(after) <= 1800.0, "half of what it was, at most"
    assert after.state.interval_s < before.interval_s


def test_a_gap_without_dates_is_at_least_one() -> None:
    known = versions(reading(rss(item(1))).entries)

    assert plan(polled_state(), rss(item(2)), known).lost_estimate == 1


@pytest.mark.parametrize(
    "body", [rss(item(1), item(9)), rss(), rss("<title>no link</title>")], ids=["one is known", "empty", "unusable"]
)
def test_a_feed_that_still_lists_a_known_entry_or_none_at_all_has_no_gap(body: bytes) -> None:
    known = versions(reading(rss(item(1), item(2))).entries)

    assert plan(polled_state(), body, known).lost_estimate is None


# ------------------------------------------------------------------------------------------------------- redirects

MOVED = "https://moved.example/world.xml"


def after_polls(before: FeedState, *hops: tuple[Redirect, ...]) -> FeedState:
    for number, redirects in enumerate(hops):
        body = rss(item(number))
        before = plan_poll(before, page(body, redirects), reading(body), {}, NOW, MIDDLE).state
    return before


def test_a_permanent_redirect_is_the_feeds_address_after_three_agreeing_polls() -> None:
    moved = (Redirect(301, MOVED),)

    assert after_polls(state(), *[moved] * (REDIRECT_POLLS - 1)).url == FEED_URL
    assert after_polls(state(), *[moved] * REDIRECT_POLLS).url == MOVED


@pytest.mark.parametrize(
    "hops",
    [
        [(Redirect(302, MOVED),)] * 5,
        [(Redirect(307, MOVED), Redirect(301, MOVED + "?2"))] * 5,
        [(Redirect(301, MOVED),), (Redirect(301, MOVED),), (), (Redirect(301, MOVED),)],
        [(Redirect(301, MOVED),), (Redirect(301, MOVED + "?2"),), (Redirect(301, MOVED),), (Redirect(308, MOVED),)],
        [(Redirect(301, "http://wire.example/feeds/world.xml"),)] * 5,
        [(Redirect(301, "https://a.example/" + "x" * 2048),)] * 5,
    ],
    ids=["temporary", "temporary first", "interrupted", "disagreeing", "away from https", "too long"],
)
def test_other_redirects_never_change_the_address(hops: list[tuple[Redirect, ...]]) -> None:
    assert after_polls(state(), *hops).url == FEED_URL


def test_the_leading_permanent_hops_count_even_if_a_temporary_one_follows() -> None:
    hops = (Redirect(308, "https://b.example/f"), Redirect(301, MOVED), Redirect(302, "https://cdn.example/f"))

    assert after_polls(state(), hops).redirect_url == MOVED


def test_a_redirect_to_a_page_is_no_agreeing_poll() -> None:
    body = b"<html>Welcome to our new site</html>"
    after = plan_poll(state(), page(body, (Redirect(301, MOVED),)), reading(body), {}, NOW, MIDDLE)

    assert (after.state.redirect_url, after.state.redirect_count) == (None, 0)


# -------------------------------------------------------------------------------------------------------- failures


@pytest.mark.parametrize(
    ("reason", "errors", "hours"),
    [
        (Reason.TIMEOUT, 0, 0.5),
        (Reason.DNS_FAILED, 1, 1),
        (Reason.SERVER_ERROR, 2, 2),
        (Reason.CONNECT_FAILED, 9, 6),
        (Reason.TLS_FAILED, 40, 24),
        (Reason.NOT_FOUND, 0, 0.5),
        (Reason.NOT_FOUND, 9, 24),
        (Reason.HTTP_REFUSED, 9, 24),
    ],
)
def test_each_failure_doubles_the_wait_up_to_its_own_ceiling(reason: Reason, errors: int, hours: float) -> None:
    after = failed(polled_state(error_count=errors, interval_s=900.0), reason)

    assert (after.outcome, after.reason, after.state.error_count) == (PollOutcome.FAILED, reason, errors + 1)
    assert wait_s(after) == hours * 3600
    assert (after.state.interval_s, after.fetch_delay_s) == (900.0, 0.0)


def test_a_feed_that_answers_again_returns_to_its_own_pace_at_once() -> None:
    down = failed(polled_state(error_count=9, interval_s=600.0), Reason.SERVER_ERROR).state
    known = versions(reading(rss(item(1))).entries)

    up = plan(down, rss(item(1)), known)

    assert (up.state.error_count, up.state.status) == (0, FeedStatus.ACTIVE)
    assert wait_s(up) <= 750.0


@pytest.mark.parametrize(
    ("retry_after_s", "wait", "delay"), [(7200.0, 7560.0, 7200.0), (1e9, 86_400.0, 86_400.0), (None, 1800.0, 60.0)]
)
def test_a_host_that_asks_for_time_gets_it_up_to_a_day(retry_after_s: float | None, wait: float, delay: float) -> None:
    after = failed(polled_state(), Reason.THROTTLED, retry_after_s=retry_after_s, status=429)

    assert (wait_s(after), after.fetch_delay_s, after.http_status) == (wait, delay, 429)


def test_a_first_refusal_that_names_its_time_is_not_answered_by_more_than_that() -> None:
    once = failed(polled_state(), Reason.THROTTLED, retry_after_s=1000.0, status=429)
    twice = failed(once.state, Reason.THROTTLED, retry_after_s=1000.0, status=429)

    assert 1000.0 <= wait_s(once) <= 1100.0
    assert wait_s(twice) == 2000.0, "and the second by twice as much"


def test_410_parks_the_feed_which_is_asked_daily_and_comes_back() -> None:
    gone = failed(polled_state(), Reason.GONE, status=410)
    still = failed(gone.state, Reason.TIMEOUT)
    back = plan(still.state, rss(item(1)))

    assert [after.state.status for after in (gone, still, back)] == ["parked", "parked", "active"]
    assert (wait_s(gone), wait_s(still)) == (86_400.0, 86_400.0)


def test_a_feed_disabled_by_a_person_stays_disabled() -> None:
    disabled = polled_state(status=FeedStatus.DISABLED)

    assert failed(disabled, Reason.GONE).state.status is FeedStatus.DISABLED
    assert plan(disabled, rss(item(1))).state.status is FeedStatus.DISABLED


# ------------------------------------------------------------------------------------------------------ properties

INSTANTS = st.none() | st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)).map(
    lambda at: at.replace(tzinfo=NOW.tzinfo)
)
STATES = st.builds(
    state,
    status=st.sampled_from(FeedStatus),
    etag=st.sampled_from([None, "", '"a"']),
    interval_s=st.floats(0, 1e6),
    error_count=st.integers(0, 5000),
    last_success_at=INSTANTS,
    last_new_at=INSTANTS,
    last_unconditional_at=INSTANTS,
    redirect_count=st.integers(0, 3),
    known_entries=st.integers(0, 50),
)
BODIES = [
    rss(),
    rss(item(1), item(2), head="<ttl>99999</ttl>"),
    rss(*(dated(n, n) for n in range(12))),
    rss(item(1)).removesuffix(b"</rss>"),
    b"<html>",
]
READINGS = {body: reading(body) for body in BODIES}
HEADERS: st.SearchStrategy[dict[str, Any]] = st.dictionaries(
    st.sampled_from(["cache_control", "expires", "etag", "date"]),
    st.sampled_from(["max-age=600", "max-age=999999999", "no-cache", "Sun, 22 Nov 2026 19:00:00 GMT", "-1", '"a"']),
)
PAGES = st.builds(lambda body, headers: page(body, **headers), st.sampled_from(BODIES), HEADERS)
UNCHANGED = HEADERS.map(lambda headers: not_modified(**headers))
FAILURES = st.builds(failure, st.sampled_from(Reason), retry_after_s=st.none() | st.floats(0, 1e12))


@settings(max_examples=300, deadline=None)
@given(STATES, st.one_of(PAGES, UNCHANGED, FAILURES), st.booleans(), st.floats(0, 1))
def test_a_plan_is_never_in_the_past_and_planning_twice_is_the_same(
    before: FeedState, result: FetchResult, is_known: bool, jitter: float
) -> None:
    read = READINGS.get(getattr(result, "body", b"?"))
    known = versions(chain.from_iterable(each.entries for each in READINGS.values())) if is_known else {}

    after = plan_poll(before, result, read, known, NOW, jitter)

    assert after == plan_poll(before, result, read, known, NOW, jitter)
    assert after.state.last_polled_at == NOW
    assert 120.0 <= wait_s(after) <= 86_400.0
    assert after.state.id == before.id
    if after.outcome not in (PollOutcome.FAILED, PollOutcome.NOT_A_FEED):
        assert 120.0 <= after.state.interval_s <= 21_600.0
    assert {entry.key for entry in after.announced}.isdisjoint(known)
    assert after.state._replace(next_poll_at=None) == plan_poll(
        before, result, read, known, NOW, 1.0 - jitter
    ).state._replace(next_poll_at=None)
