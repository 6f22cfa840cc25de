import asyncio
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from http_origin import NOW, USER_AGENT, Answer, Origin, answer, ask, moved, named, policy_for

from pipeline.outcomes import Reason
from pipeline.values import FetchedPage, FetchFailure, FetchResult
from workers.http import (
    Allowed,
    Disallowed,
    GateClosed,
    HttpClient,
    MemoryRobotsStore,
    OpenGate,
    RobotsAnswer,
    RobotsBook,
    RobotsRecord,
    Unreachable,
    parse_robots,
    product_token,
)

TEXT = "Content-Type: text/plain"


def robots(body: str, *headers: str, status: str = "200 OK") -> bytes:
    return answer(body.encode(), TEXT, *headers, status=status)


def book() -> RobotsBook:
    return RobotsBook(MemoryRobotsStore(), "frontwire")


def ask_page(answers: Mapping[str, Answer], path: str = "/story", **more: Any) -> tuple[FetchResult, Origin]:
    return ask(answers, path, robots=book(), **more)


def answers_over_time(answers: Mapping[str, Answer], instants: list[datetime]) -> tuple[list[RobotsAnswer], Origin]:
    async def run() -> tuple[list[RobotsAnswer], Origin]:
        async with Origin(answers) as origin:
            kept = book()
            async with HttpClient(policy_for(origin), OpenGate(), lambda: NOW) as client:
                return [await kept.allowed(client, origin.url("/story"), now) for now in instants], origin

    return asyncio.run(run())


def test_an_allowed_page_is_fetched_and_a_disallowed_one_is_never_requested() -> None:
    told = {"/robots.txt": robots("User-agent: *\nDisallow: /private\n"), "/story": answer(), "/private": answer()}
    page, _ = ask_page(told)
    hidden, origin = ask_page(told, "/private")
    assert isinstance(page, FetchedPage)
    assert isinstance(hidden, FetchFailure)
    assert (hidden.reason, origin.paths) == (Reason.ROBOTS_DISALLOWED, ["/robots.txt"])


@pytest.mark.parametrize("status", ["404 Not Found", "401 Unauthorized", "403 Forbidden", "410 Gone", "204 No Content"])
def test_a_site_without_robots_txt_allows_everything(status: str) -> None:
    page, origin = ask_page({"/robots.txt": robots("", status=status), "/story": answer()})
    assert isinstance(page, FetchedPage)
    assert origin.paths == ["/robots.txt", "/story"]


@pytest.mark.parametrize(
    "told", [robots("", status="500 Oops"), robots("", status="429 Slow"), robots("", status="206 Part"), b""]
)
def test_a_robots_txt_that_can_not_be_read_disallows_for_a_short_time(told: bytes) -> None:
    page, origin = ask_page({"/robots.txt": told, "/story": answer()})
    assert isinstance(page, FetchFailure)
    assert (page.reason, page.retry_after_s) == (Reason.ROBOTS_UNREACHABLE, 600.0)
    assert origin.paths == ["/robots.txt"]


def test_an_unreachable_host_is_asked_again_after_its_time_and_not_before() -> None:
    early, late = NOW + timedelta(minutes=9), NOW + timedelta(minutes=11)
    answers, origin = answers_over_time({"/robots.txt": robots("", status="500 Oops")}, [NOW, early, late])
    assert [found.retry_after_s for found in answers if isinstance(found, Unreachable)] == [600.0, 60.0, 600.0]
    assert origin.connections == 2


def test_a_retry_after_of_robots_txt_is_kept_to() -> None:
    answers, _ = answers_over_time({"/robots.txt": robots("", "Retry-After: 3600", status="503 Busy")}, [NOW])
    assert answers == [Unreachable(3600.0, "robots.txt answered 503.")]


def test_rules_are_remembered_for_a_day_and_no_longer() -> None:
    day = timedelta(hours=24)
    told = {"/robots.txt": robots("User-agent: *\nDisallow: /story")}
    answers, origin = answers_over_time(told, [NOW, NOW + day - timedelta(seconds=1), NOW + day])
    assert (answers, origin.connections) == ([Disallowed()] * 3, 2)


def test_a_record_from_a_clock_that_ran_ahead_is_not_believed() -> None:
    told = {"/robots.txt": robots("User-agent: *\nAllow: /")}
    _, origin = answers_over_time(told, [NOW + timedelta(hours=1), NOW])
    assert origin.connections == 2


def test_robots_txt_may_be_moved_and_speaks_for_the_host_that_was_asked() -> None:
    told = {"/robots.txt": moved("/moved.txt"), "/moved.txt": robots("User-agent: *\nDisallow: /story")}
    page, origin = ask_page(told)
    assert isinstance(page, FetchFailure)
    assert (page.reason, origin.paths) == (Reason.ROBOTS_DISALLOWED, ["/robots.txt", "/moved.txt"])


def test_endless_redirects_of_robots_txt_count_as_none() -> None:
    page, _ = ask_page({"/robots.txt": moved("/robots.txt"), "/story": answer()})
    assert isinstance(page, FetchedPage)


def test_the_host_that_a_redirect_leads_to_is_asked_too() -> None:
    async def run() -> tuple[FetchResult, Origin]:
        async with Origin({"/robots.txt": robots("User-agent: *\nDisallow: /")}) as other:
            first = Origin({"/story": moved(f"http://other.test:{other.port}/story")})
            async with first:
                policy = policy_for(first, allow_addresses=first.rule() + other.rule())
                client = HttpClient(policy, OpenGate(), lambda: NOW, resolve=named(other="127.0.0.1"))
                async with client:
                    return await client.fetch(first.url("/story"), kind="page", robots=book()), other

    page, other = asyncio.run(run())
    assert isinstance(page, FetchFailure)
    assert (page.reason, other.paths) == (Reason.ROBOTS_DISALLOWED, ["/robots.txt"])


def test_feeds_are_published_to_be_polled() -> None:
    told = {"/robots.txt": robots("User-agent: *\nDisallow: /"), "/story": answer()}
    feed, origin = ask_page(told, kind="feed")
    assert isinstance(feed, FetchedPage)
    assert origin.paths == ["/story"]


def test_many_pages_of_a_host_at_once_fetch_its_robots_txt_once() -> None:
    async def run() -> Origin:
        async with Origin({"/robots.txt": robots("User-agent: *\nAllow: /"), "*": answer()}) as origin:
            kept = book()
            async with HttpClient(policy_for(origin), OpenGate(), lambda: NOW) as client:
                urls = [origin.url(f"/{number}") for number in range(5)]
                await asyncio.gather(*(client.fetch(url, kind="page", robots=kept) for url in urls))
            return origin

    assert sorted(asyncio.run(run()).paths) == ["/0", "/1", "/2", "/3", "/4", "/robots.txt"]


@pytest.mark.parametrize(
    ("host", "reason"), [("blocked.test", Reason.BLOCKED_ADDRESS), ("gone.test", Reason.DNS_FAILED)]
)
def test_a_page_whose_host_can_not_be_asked_at_all_keeps_the_true_reason(host: str, reason: Reason) -> None:
    page, origin = ask_page({"*": answer()}, host=host, resolve=named(blocked="10.0.0.1"))
    assert isinstance(page, FetchFailure)
    assert (page.reason, origin.connections) == (reason, 0)


def test_a_gate_that_is_closed_to_robots_txt_is_not_remembered_as_an_unreachable_host() -> None:
    class ClosedOnce(OpenGate):
        asked = 0

        async def enter(self, host: str) -> Any:
            self.asked += 1
            return GateClosed(40.0) if self.asked == 1 else await super().enter(host)

    async def run() -> list[FetchResult]:
        async with Origin({"/story": answer()}) as origin:
            kept = book()
            async with HttpClient(policy_for(origin), ClosedOnce(), lambda: NOW) as client:
                return [await client.fetch(origin.url("/story"), kind="page", robots=kept) for _ in range(2)]

    first, second = asyncio.run(run())
    assert isinstance(first, FetchFailure)
    assert (first.reason, first.retry_after_s) == (Reason.THROTTLED, 40.0)
    assert isinstance(second, FetchedPage)


def test_the_crawl_delay_is_told_and_bounded() -> None:
    store = MemoryRobotsStore()

    async def run(body: str) -> RobotsAnswer:
        async with Origin({"/robots.txt": robots(body)}) as origin:
            async with HttpClient(policy_for(origin), OpenGate(), lambda: NOW) as client:
                found = await RobotsBook(store, "frontwire").allowed(client, origin.url(), NOW)
            record = await store.get(f"127.0.0.1:{origin.port}")
            assert isinstance(record, RobotsRecord)
            assert isinstance(found, Allowed)
            assert record.crawl_delay_s == found.crawl_delay_s
            return found

    assert asyncio.run(run("User-agent: *\nCrawl-delay: 7")) == Allowed(7.0)
    assert asyncio.run(run("User-agent: *\nCrawl-delay: 1e9")) == Allowed(300.0)
    assert asyncio.run(run("User-agent: *\nCrawl-delay: -1")) == Allowed(None)


def allows(body: str, path: str = "/a/b?c=1") -> bool:
    return parse_robots(200, body, "frontwire").allows(f"https://wire.example{path}")


def test_our_own_group_counts_before_the_group_for_all() -> None:
    assert not allows("User-agent: *\nAllow: /\n\nUser-agent: FrontWire/2.0\nDisallow: /a")
    assert allows("User-agent: *\nDisallow: /\n\nUser-agent: other\nUser-agent: frontwire\nDisallow: /z")


def test_a_group_for_a_robot_with_a_similar_name_is_not_ours() -> None:
    for name in ("front", "frontwire-images", "wire", "myfrontwire", "-"):
        assert allows(f"User-agent: {name}\nDisallow: /"), name


def test_wildcards_anchors_and_the_longest_match_are_kept_to() -> None:
    assert not allows("User-agent: *\nDisallow: /*?c=\nAllow: /a")
    assert allows("User-agent: *\nDisallow: /a\nAllow: /a/b")
    assert allows("User-agent: *\nDisallow: /a$")
    assert not allows("User-agent: *\nDisallow: /*1$")


def test_a_hostile_robots_txt_is_read_in_good_time() -> None:
    names = "".join(f"User-agent: bot{number}\n" for number in range(12_000))
    rules = "".join(f"Disallow: /*{number}*x$\n" for number in range(12_000))
    stars = "User-agent: *\nDisallow: /" + "*a" * 100_000 + "$\n"
    began = time.process_time()
    assert allows(names + rules + stars, "/" + "a" * 2000)
    assert time.process_time() - began < 10, "names times rules was multiplied: far over a parser's budget"


def test_the_product_token_is_what_sites_know_a_robot_by() -> None:
    agents = [USER_AGENT, "Mozilla/5.0 (compatible; Wire-Bot/1.0; +https://x)", "(no name)"]
    assert [product_token(agent) for agent in agents] == ["frontwire", "wire-bot", "*"]


def test_text_that_sql_can_not_hold_is_not_remembered() -> None:
    async def run() -> RobotsRecord | None:
        store = MemoryRobotsStore()
        async with Origin({"/robots.txt": answer(b"\xef\xbb\xbfUser-agent: *\0\xff\nDisallow:", TEXT)}) as origin:
            async with HttpClient(policy_for(origin), OpenGate(), lambda: NOW) as client:
                await RobotsBook(store, "frontwire").allowed(client, origin.url(), NOW)
            return await store.get(f"127.0.0.1:{origin.port}")

    record = asyncio.run(run())
    assert record == RobotsRecord(200, "User-agent: *�\nDisallow:", NOW + timedelta(hours=24))
    assert replace(record, body="").status == 200
