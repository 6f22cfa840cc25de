import asyncio
import gzip
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
from http_origin import NOW, USER_AGENT, Origin, answer, ask, moved, named, policy_for
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.outcomes import Reason
from pipeline.values import FetchedPage, FetchFailure, FetchResult, NotModified, Redirect
from workers.http import BodyPlace, BodyRoom, GateClosed, HttpClient, HttpPolicy, OpenGate, parse_allow_addresses
from workers.http.room import SMALL_BYTES

STORY = b"<p>The council met on Monday.</p>"


def test_a_page_comes_with_its_body_headers_and_times() -> None:
    result, origin = ask(answer(STORY, 'ETag: "v1"'))
    assert isinstance(result, FetchedPage)
    assert (result.url, result.final_url, result.status) == (origin.url(), origin.url(), 200)
    assert (result.body, result.header("etag"), result.fetched_at) == (STORY, '"v1"', NOW)
    assert 0 < result.elapsed_s < 5


def test_a_request_names_us_and_carries_no_referer_and_no_cookie() -> None:
    _, origin = ask(answer(), headers=[("If-None-Match", '"v1"')])
    (request,) = origin.requests
    assert f"\r\nuser-agent: {USER_AGENT.lower()}\r\n" in request.lower()
    assert "\r\naccept-encoding: gzip, deflate\r\n" in request.lower()
    assert '\r\nif-none-match: "v1"\r\n' in request.lower()
    assert "referer" not in request.lower()
    assert "cookie" not in request.lower()


def test_a_feed_and_a_gzip_body_are_read_too() -> None:
    feed = answer(gzip.compress(b"<rss/>"), "Content-Type: application/rss+xml", "Content-Encoding: gzip")
    result, _ = ask(feed, kind="feed")
    assert isinstance(result, FetchedPage)
    assert result.body == b"<rss/>"


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        (answer(status="404 Not Found"), Reason.NOT_FOUND),
        (answer(status="410 Gone"), Reason.GONE),
        (answer(status="403 Forbidden"), Reason.HTTP_REFUSED),
        (answer(status="500 Oops"), Reason.SERVER_ERROR),
        (answer(b"par", "Content-Range: bytes 0-2/9", status="206 Partial Content"), Reason.PROTOCOL_ERROR),
        (answer(b"", status="304 Not Modified"), Reason.PROTOCOL_ERROR),
        (answer(b"", status="301 Moved"), Reason.PROTOCOL_ERROR),
        (answer(b"\x89PNG", "Content-Type: image/png"), Reason.NOT_A_PAGE),
        (answer(b"%PDF-1.7", "Content-Type: text/html"), Reason.NOT_A_PAGE),
        (answer(STORY, "Content-Encoding: br"), Reason.UNKNOWN_CODING),
        (answer(gzip.compress(gzip.compress(STORY)), "Content-Encoding: gzip, gzip"), Reason.UNKNOWN_CODING),
        (answer(gzip.compress(STORY)[:-6], "Content-Encoding: gzip"), Reason.BAD_BODY),
        (answer(gzip.compress(STORY)[:-1] + b"!", "Content-Encoding: gzip"), Reason.BAD_BODY),
        (answer(STORY, "Content-Encoding: gzip"), Reason.BAD_BODY),
        (answer(gzip.compress(bytes(30_000_000)), "Content-Encoding: gzip"), Reason.TOO_LARGE),
        (answer(STORY).replace(b"Length: 33", b"Length: 99"), Reason.BAD_BODY),
        (answer(STORY).replace(b"Length: 33", b"Length: 99999999"), Reason.TOO_LARGE),
        (answer(STORY).replace(b"Length: 33", b"Length: many"), Reason.PROTOCOL_ERROR),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n<p>a\r\n", Reason.BAD_BODY),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n<p>a\r\n", Reason.PROTOCOL_ERROR),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", Reason.UNKNOWN_CODING),
        (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", Reason.PROTOCOL_ERROR),
        (b"220 smtp.example ESMTP\r\n", Reason.PROTOCOL_ERROR),
        (b"", Reason.PROTOCOL_ERROR),
    ],
)
def test_an_answer_that_is_no_complete_page_ends_with_its_reason(told: bytes, reason: Reason) -> None:
    result, origin = ask(told)
    assert isinstance(result, FetchFailure)
    assert (result.reason, result.detail.endswith(".")) == (reason, True)
    assert origin.connections == 1, "a request is sent once; trying again is the ledger's business"


def test_a_304_answers_a_conditional_request() -> None:
    told = answer(b"", 'ETag: "v2"', status="304 Not Modified")
    result, _ = ask(told, kind="feed", headers=[("If-None-Match", '"v1"')])
    assert isinstance(result, NotModified)
    assert result.header("etag") == '"v2"'


@pytest.mark.parametrize(
    ("value", "seconds"), [("120", 120.0), ("Sun, 01 Mar 2026 12:01:00 GMT", 60.0), ("9999999", 86400.0), ("x", None)]
)
def test_a_throttled_request_says_how_long_to_wait(value: str, seconds: float | None) -> None:
    for status in ("429 Too Many Requests", "503 Service Unavailable"):
        result, _ = ask(answer(b"", f"Retry-After: {value}", status=status))
        assert isinstance(result, FetchFailure)
        assert (result.reason, result.retry_after_s) == (Reason.THROTTLED, seconds)


def test_caps_differ_for_pages_and_feeds_and_a_robots_file_is_cut() -> None:
    told = answer(b"a" * 3000, "Content-Type: text/plain")
    page, feed, robots = (
        ask(told, kind=kind, page_max_bytes=1000, feed_max_bytes=5000, robots_max_bytes=2000)[0]
        for kind in ("page", "feed", "robots")
    )
    assert isinstance(page, FetchFailure)
    assert page.reason is Reason.TOO_LARGE
    assert isinstance(feed, FetchedPage)
    assert isinstance(robots, FetchedPage)
    assert (len(feed.body), len(robots.body)) == (3000, 2000)


def test_an_endless_body_is_left_within_2_mb_of_the_cap() -> None:
    sent = 0

    async def pour(writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n")
        while not writer.is_closing():
            writer.write(b"<p>" + b"a" * 65533)
            await writer.drain()
            sent += 65536

    result, _ = ask(pour, page_max_bytes=1_000_000)
    assert isinstance(result, FetchFailure)
    assert result.reason is Reason.TOO_LARGE
    # What the kernel's buffers on both sides took counts as sent, but is never read.
    assert sent < 1_000_000 + 8_000_000


@pytest.mark.parametrize("line", [b"X-Filler: " + b"a" * 1000 + b"\r\n", b"X: " + b"a" * 100_000, b"X: y\r\n" * 500])
def test_endless_headers_are_left(line: bytes) -> None:
    async def pour(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n")
        while not writer.is_closing():
            writer.write(line)
            await writer.drain()

    result, _ = ask(pour)
    assert isinstance(result, FetchFailure)
    assert result.reason is Reason.PROTOCOL_ERROR


def test_headers_of_64_kib_together_are_too_large_and_large_ones_below_are_read() -> None:
    large, small = (answer(STORY, *(f"X-{n}: {'a' * 10_000}" for n in range(count))) for count in (7, 4))
    refused, _ = ask(large)
    assert isinstance(refused, FetchFailure)
    assert refused.reason is Reason.PROTOCOL_ERROR
    assert isinstance(ask(small)[0], FetchedPage)


@pytest.mark.parametrize("head", [b"", b"HTTP/1.1 200 OK\r\nX-A: 1\r\n", b"HTTP/1.1 200 OK\r\n\r\n<p>"])
def test_a_slow_drip_ends_when_the_total_is_used_up(head: bytes) -> None:
    async def drip(writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        while not writer.is_closing():
            writer.write(b"H")
            await writer.drain()
            await asyncio.sleep(0.01)

    result, _ = ask(drip if head else _silence, total_timeout_s=0.15)
    assert isinstance(result, FetchFailure)
    assert result.reason is Reason.TIMEOUT
    assert 0.1 < result.elapsed_s < 1


async def _silence(writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(0.5)


def test_the_total_covers_all_hops_together() -> None:
    async def slow_hop(writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.1)
        writer.write(moved(f"/{slow_hop_paths.pop()}"))

    slow_hop_paths = ["d", "c", "b", "a"]
    result, origin = ask(slow_hop, total_timeout_s=0.25)
    assert isinstance(result, FetchFailure)
    assert result.reason is Reason.TIMEOUT
    assert origin.connections == 3


def test_a_port_where_nobody_listens_is_a_failed_connection() -> None:
    async def run() -> object:
        async with Origin() as origin:
            policy, url = policy_for(origin), origin.url()
        async with HttpClient(policy, OpenGate(), lambda: NOW) as client:
            return await client.fetch(url, kind="page")

    result = asyncio.run(run())
    assert isinstance(result, FetchFailure)
    assert result.reason is Reason.CONNECT_FAILED


def test_a_connection_that_never_comes_about_ends_after_the_connect_timeout() -> None:
    async def never(host: str, port: int) -> list[str]:
        await asyncio.sleep(5)
        return []

    result, _ = ask(answer(), host="wire.test", resolve=never, connect_timeout_s=0.1)
    assert isinstance(result, FetchFailure)
    assert result.reason is Reason.CONNECT_FAILED
    assert result.elapsed_s < 1


def _ask_tls(origin: Origin) -> tuple[object, Origin]:
    async def run() -> object:
        async with origin, _client(policy_for(origin)) as client:
            return await client.fetch(origin.url().replace("http:", "https:"), kind="page")

    return asyncio.run(run()), origin


def test_an_https_url_that_speaks_no_tls_is_a_tls_failure() -> None:
    result, _ = _ask_tls(Origin(greeting=answer(status="400 Bad Request")))
    assert isinstance(result, FetchFailure)
    assert result.reason is Reason.TLS_FAILED


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl to make a certificate")
def test_a_certificate_that_nobody_vouches_for_is_a_tls_failure(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    make = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=wire -addext"
    alternative = "subjectAltName=IP:127.0.0.1"
    subprocess.run([*make.split(), alternative, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    result, origin = _ask_tls(Origin({"*": answer()}, tls=tls))
    assert isinstance(result, FetchFailure)
    assert (result.reason, origin.requests) == (Reason.TLS_FAILED, [])


def _client(policy: HttpPolicy) -> HttpClient:
    return HttpClient(policy, OpenGate(), lambda: NOW)


def test_redirects_are_followed_and_told() -> None:
    result, origin = ask({"/": moved("/b?x=1", "301 Moved"), "/b?x=1": moved("c", "307 Temp"), "/c": answer(STORY)})
    assert isinstance(result, FetchedPage)
    assert (result.url, result.final_url) == (origin.url("/"), origin.url("/c"))
    assert result.redirects == (Redirect(301, origin.url("/b?x=1")), Redirect(307, origin.url("/c")))


def test_ten_redirects_are_followed_and_eleven_are_not() -> None:
    chain = {f"/{n}": moved(f"/{n + 1}") for n in range(11)} | {"/11": answer(STORY)}
    ten, _ = ask(chain, "/1")
    eleven, origin = ask(chain, "/0")
    assert isinstance(ten, FetchedPage)
    assert isinstance(eleven, FetchFailure)
    assert eleven.reason is Reason.TOO_MANY_REDIRECTS
    assert origin.connections == 11
    assert "/11" not in origin.paths


def test_a_redirect_loop_ends_at_its_first_repetition() -> None:
    result, origin = ask({"/a": moved("/b"), "/b": moved("/a#again")}, "/a")
    assert isinstance(result, FetchFailure)
    assert (result.reason, origin.paths) == (Reason.TOO_MANY_REDIRECTS, ["/a", "/b"])


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("http://127.0.0.1:{canary}/", Reason.BLOCKED_ADDRESS),
        ("http://localhost:{canary}/", Reason.BLOCKED_ADDRESS),
        ("http://canary.test:{canary}/", Reason.BLOCKED_ADDRESS),
        ("//0x7f000001:{canary}/", Reason.BLOCKED_ADDRESS),
        ("http://[::ffff:127.0.0.1]:{canary}/", Reason.BLOCKED_ADDRESS),
        ("http://169.254.169.254/latest/meta-data/", Reason.BLOCKED_ADDRESS),
        ("http://canary.test/", Reason.BLOCKED_ADDRESS),
        ("ftp://wire.test/", Reason.URL_REFUSED),
        ("http://8.8.8.8:{canary}/", Reason.URL_REFUSED),
        ("http://[::1", Reason.URL_REFUSED),
        ("http://gone.test/", Reason.DNS_FAILED),
    ],
)
def test_a_redirect_never_leads_to_a_canary_on_a_closed_address(location: str, reason: Reason) -> None:
    async def run() -> tuple[object, Origin]:
        async with Origin({"*": answer()}) as canary, Origin() as origin:
            origin.answers = {"/": moved(location.replace("{canary}", str(canary.port)))}
            # The canary's port is open on another address, so that names on it are resolved and judged.
            rules = origin.rule() + parse_allow_addresses(f"192.0.2.1:{canary.port}")
            policy = HttpPolicy(USER_AGENT, allow_addresses=rules)
            resolve = named(canary=["192.0.2.1", "127.0.0.1"])
            async with HttpClient(policy, OpenGate(), lambda: NOW, resolve=resolve) as client:
                return await client.fetch(origin.url(), kind="page"), canary

    result, canary = asyncio.run(run())
    assert isinstance(result, FetchFailure)
    assert (result.reason, canary.connections, len(result.redirects)) == (reason, 0, 1)


def test_a_name_is_resolved_once_per_connection_and_judged_every_time() -> None:
    asked = []

    async def rebinding(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["127.0.0.2"]

    result, origin = ask({"/": moved("/b"), "/b": answer()}, host="wire.test", resolve=rebinding)
    assert isinstance(result, FetchFailure)
    assert (result.reason, asked, origin.paths) == (Reason.BLOCKED_ADDRESS, ["wire.test"] * 2, ["/"])


def test_the_system_look_up_is_judged_too() -> None:
    result, origin = ask(answer(), host="localhost", allow_addresses=parse_allow_addresses("10.0.0.0/8"))
    assert isinstance(result, FetchFailure)
    assert (result.reason, origin.connections) == (Reason.BLOCKED_ADDRESS, 0)
    page, _ = ask(answer(), host="localhost", allow_addresses=parse_allow_addresses("127.0.0.0/8,::/0"))
    assert isinstance(page, FetchedPage)


def test_a_cookie_is_sent_back_to_nobody() -> None:
    cookie = "Set-Cookie: id=1; Path=/"
    first = answer(b"", cookie, "Location: http://other.test:{port}/b", status="302 Found")
    told = {"/": first, "/b": answer(b"", cookie, "Location: /c", status="302 Found"), "/c": answer(STORY)}
    result, origin = ask(told, resolve=named(other="127.0.0.1"))
    assert isinstance(result, FetchedPage)
    assert origin.paths == ["/", "/b", "/c"]
    assert not any("\r\ncookie:" in request.lower() for request in origin.requests)


def test_credentials_stay_with_their_origin_and_validators_cross_over() -> None:
    told = {"/": moved("http://other.test:{port}/b"), "/b": moved("http://127.0.0.1:{port}/c"), "/c": answer(STORY)}
    headers = [("Authorization", "Bearer secret"), ("If-None-Match", '"v1"')]
    _, origin = ask(told, resolve=named(other="127.0.0.1"), headers=headers)
    assert ["secret" in request for request in origin.requests] == [True, False, False]
    assert all('"v1"' in request for request in origin.requests)


def test_user_info_is_neither_sent_nor_kept() -> None:
    result, origin = ask(
        {"/": moved("http://me:pw@127.0.0.1:{port}/b"), "/b": answer(STORY)}, host="you:word@127.0.0.1"
    )
    assert isinstance(result, FetchedPage)
    assert "authorization" not in "".join(origin.requests).lower()
    assert (result.url, result.redirects) == (origin.url("/"), (Redirect(302, origin.url("/b")),))


def test_a_location_that_can_not_be_asked_for_is_told_in_clean_text() -> None:
    result, _ = ask(moved("http://me:pw@wire.test/\xe9" + "a" * 3000))
    assert isinstance(result, FetchFailure)
    assert (result.reason, result.final_url) == (Reason.URL_REFUSED, result.redirects[0].url)
    assert result.redirects[0].url == "http://wire.test/%E9" + "a" * 2028


def test_a_location_in_latin_1_is_followed_byte_for_byte() -> None:
    result, origin = ask({"/": moved("/caf\xe9"), "/caf%E9": answer(STORY)})
    assert isinstance(result, FetchedPage)
    assert origin.paths == ["/", "/caf%E9"]


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.binary(max_size=40), st.integers(0, 300), st.integers(0, 20), st.sampled_from(["page", "feed", "robots"]))
def test_whatever_a_server_sends_ends_as_a_value(junk: bytes, place: int, cut: int, kind: str) -> None:
    whole = answer(gzip.compress(STORY), "Content-Encoding: gzip", "Location: /x", "Set-Cookie: a=b", status="200 OK")
    result, _ = ask(whole[:place] + junk + whole[place + cut :], kind=kind, total_timeout_s=1.0)
    assert isinstance(result, FetchedPage | FetchFailure)


def test_a_meta_refresh_is_not_followed() -> None:
    refresh = b'<meta http-equiv="refresh" content="0;url=/b">'
    result, origin = ask({"/": answer(refresh, "Refresh: 0;url=/b"), "/b": answer()})
    assert isinstance(result, FetchedPage)
    assert (result.body, origin.paths) == (refresh, ["/"])


class CountingGate:
    def __init__(self, closed: GateClosed | None = None) -> None:
        self.entered: list[str] = []
        self.inside = 0
        self._closed = closed

    async def enter(self, host: str) -> AbstractAsyncContextManager[object] | GateClosed:
        self.entered.append(host)
        await asyncio.sleep(0.5)
        return self._closed or self._slot()

    async def drained(self) -> None:
        pass

    @asynccontextmanager
    async def _slot(self) -> AsyncIterator[None]:
        self.inside += 1
        try:
            yield
        finally:
            self.inside -= 1


def test_every_hop_goes_through_the_gate_and_its_waits_do_not_count() -> None:
    gate = CountingGate()
    told = {"/": moved("http://other.test:{port}/b"), "/b": moved("/c"), "/c": answer(STORY)}
    result, _ = ask(told, gate=gate, resolve=named(other="127.0.0.1"), total_timeout_s=1.4)
    assert isinstance(result, FetchedPage)
    assert (gate.entered, gate.inside) == (["127.0.0.1", "other.test", "other.test"], 0)
    assert result.elapsed_s < 1.4, "three waits of half a second stood outside"


def test_a_large_body_waits_for_room_outside_the_time_limit_and_small_ones_do_not() -> None:
    large = answer(gzip.compress(bytes(SMALL_BYTES + 1)), "Content-Type: text/xml", "Content-Encoding: gzip")
    told = {"/large": large, "/small": answer(b"<rss/>", "Content-Type: text/xml")}

    async def run() -> None:
        room = BodyRoom(1)
        async with (
            Origin(told) as origin,
            HttpClient(policy_for(origin, total_timeout_s=0.6), OpenGate(), lambda: NOW) as client,
        ):

            async def body_of(path: str, held_s: float) -> tuple[int, float]:
                with room.place() as place:
                    for _ in range(2):  # a second body of the same work has its place there too
                        result = await client.fetch(origin.url(path), kind="feed", place=place)
                    await asyncio.sleep(held_s)
                assert isinstance(result, FetchedPage)
                return len(result.body), result.elapsed_s

            began = asyncio.get_running_loop().time()
            first = asyncio.create_task(body_of("/large", 1.0))
            await asyncio.sleep(0.2)
            second = asyncio.create_task(body_of("/large", 0.0))
            assert (await body_of("/small", 0.0))[0] == len(b"<rss/>")
            assert not first.done()
            for size, elapsed_s in await asyncio.gather(first, second):
                assert size == SMALL_BYTES + 1
                assert elapsed_s < 0.6, "the wait for room stood outside"
            assert asyncio.get_running_loop().time() - began > 1.0

    asyncio.run(run())


def test_a_place_is_free_again_after_a_fetch_that_was_cancelled_while_it_waited() -> None:
    large = answer(bytes(SMALL_BYTES + 1), "Content-Type: text/xml")

    async def run() -> None:
        room = BodyRoom(1)
        async with Origin({"*": large}) as origin, HttpClient(policy_for(origin), OpenGate(), lambda: NOW) as client:

            async def fetch(place: BodyPlace) -> FetchResult:
                with place:
                    return await client.fetch(origin.url(), kind="feed", place=place)

            with room.place() as held:
                await held.enlarge()
                waiting = asyncio.create_task(fetch(room.place()))
                await asyncio.sleep(0.2)
                waiting.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await waiting
            assert isinstance(await asyncio.wait_for(fetch(room.place()), 5), FetchedPage)

    asyncio.run(run())


def test_a_slot_is_given_back_when_the_request_fails() -> None:
    gate = CountingGate()
    ask(_silence, gate=gate, total_timeout_s=0.05)
    assert (len(gate.entered), gate.inside) == (1, 0)


def test_a_closed_gate_lets_no_request_out() -> None:
    result, origin = ask(answer(), gate=CountingGate(GateClosed(90.0)))
    assert isinstance(result, FetchFailure)
    assert (result.reason, result.retry_after_s, origin.connections) == (Reason.THROTTLED, 90.0, 0)


def test_cancelling_a_fetch_passes_through_and_gives_the_slot_back() -> None:
    gate = CountingGate()
    arrived = asyncio.Event()

    async def hold(writer: asyncio.StreamWriter) -> None:
        arrived.set()
        await _silence(writer)

    async def run() -> None:
        async with Origin({"*": hold}) as origin, HttpClient(policy_for(origin), gate, lambda: NOW) as client:
            task = asyncio.create_task(client.fetch(origin.url(), kind="page"))
            await arrived.wait()
            task.cancel()
            await task

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(run())
    assert gate.inside == 0


def test_the_notes_name_what_the_allow_list_opens_and_nothing_else() -> None:
    assert _client(HttpPolicy(USER_AGENT)).guard_notes() == []
    rules = parse_allow_addresses("127.0.0.1:8080,10.0.0.0/8")
    (note,) = _client(HttpPolicy(USER_AGENT, allow_addresses=rules)).guard_notes()
    assert note == "Addresses opened beyond the public web: 127.0.0.1:8080, 10.0.0.0/8."
