"""The wire as a server: asked through a proxy on loopback, as the workers ask it."""

from __future__ import annotations

import gzip
import http.client
import json
import os
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import Message
from urllib.parse import urlsplit

import psutil
import pytest

from workers.demo import DemoWire
from workers.demo.server import COUNTS_URL

NOW = datetime(2026, 3, 14, 12, 20, tzinfo=UTC)
REVISED = "http://meridian-daily.example/world/germany-air-defence-launchers-ukraine"
FEED = "http://meridian-daily.example/feeds/world.atom"


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Message[str, str]
    body: bytes


@dataclass(frozen=True)
class Client:
    """Asks for absolute URLs as a proxy's client does; redirects and 304 are plain replies."""

    proxy: str

    def ask(self, url: str, method: str = "GET", **headers: str) -> Reply:
        connection = http.client.HTTPConnection(urlsplit(self.proxy).netloc, timeout=5)
        try:
            connection.request(method, url, headers={name.replace("_", "-"): value for name, value in headers.items()})
            response = connection.getresponse()
            return Reply(response.status, response.headers, response.read())
        finally:
            connection.close()


@pytest.fixture
def wire() -> Iterator[DemoWire]:
    wire = DemoWire(NOW)
    yield wire
    wire.stop()


@pytest.fixture
def client(wire: DemoWire) -> Client:
    return Client(wire.start())


def test_a_page_is_served_to_an_ordinary_proxy_client(wire: DemoWire) -> None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({"http": wire.start()}))
    with opener.open(REVISED, timeout=5) as response:
        assert response.status == 200
        assert response.headers["Content-Type"] == "text/html; charset=utf-8"
        assert b"<h1>Germany to send Ukraine 12 more air-defence launchers before winter</h1>" in response.read()


def test_every_announced_url_answers_as_its_truth_says(wire: DemoWire, client: Client) -> None:
    for url, page in wire.truth().items():
        expected = 404 if page.reason == "not_found" else 200 if page.page_url == url else 301
        assert client.ask(url).status == expected


def test_every_announced_url_is_listed_in_a_feed_that_can_be_read(wire: DemoWire, client: Client) -> None:
    bodies = [client.ask(url).body.decode() for url, *_ in wire.feeds()]
    missing = [url for url in wire.truth() if not any(url in body for body in bodies)]
    assert missing == []


def test_nothing_but_one_port_of_loopback_is_bound(wire: DemoWire) -> None:
    before = {
        listener.laddr
        for listener in psutil.Process(os.getpid()).net_connections("inet")
        if listener.status == "LISTEN"
    }
    port = urlsplit(wire.start()).port
    after = {
        listener.laddr
        for listener in psutil.Process(os.getpid()).net_connections("inet")
        if listener.status == "LISTEN"
    }
    assert [(address.ip, address.port) for address in after - before] == [("127.0.0.1", port)]


def test_stop_frees_the_port_and_may_be_called_twice(wire: DemoWire, client: Client) -> None:
    assert client.ask(FEED).status == 200
    wire.stop()
    wire.stop()
    with pytest.raises(ConnectionRefusedError):
        client.ask(FEED)


@pytest.mark.parametrize("asked", ["ETag", "Last-Modified"])
def test_a_feed_that_has_not_changed_answers_304_without_a_body(client: Client, asked: str) -> None:
    first = client.ask(FEED)
    name = {"ETag": "If_None_Match", "Last-Modified": "If_Modified_Since"}[asked]
    again = client.ask(FEED, **{name: first.headers[asked]})
    assert (again.status, again.body, again.headers["ETag"]) == (304, b"", first.headers["ETag"])


@pytest.mark.parametrize(
    "validator",
    [
        {"If_None_Match": '"another"'},
        {"If_Modified_Since": "Sat, 01 Jan 2000 00:00:00 GMT"},
        {"If_Modified_Since": "yesterday"},
        {"If_None_Match": '"another"', "If_Modified_Since": "Sat, 01 Jan 2050 00:00:00 GMT"},
    ],
    ids=["other tag", "old date", "no date", "other tag beats new date"],
)
def test_a_validator_that_does_not_hold_gets_the_whole_feed(client: Client, validator: dict[str, str]) -> None:
    assert client.ask(FEED, **validator).status == 200


def test_edition_1s_validator_does_not_hold_for_edition_2_where_the_entry_has_a_new_updated_time(
    wire: DemoWire, client: Client
) -> None:
    first = client.ask(FEED)
    assert (wire.edition, wire.advance(), wire.edition) == (1, 2, 2)
    second = client.ask(FEED, If_None_Match=first.headers["ETag"])
    assert second.status == 200
    assert b"<updated>2026-03-14T12:16:00Z</updated>" in second.body
    assert b"<updated>2026-03-14T12:16:00Z</updated>" not in first.body
    assert b"18 air-defence launchers" in client.ask(REVISED).body


def test_the_broken_feed_is_down_in_edition_1_and_back_in_edition_2(wire: DemoWire, client: Client) -> None:
    url = "http://northline.example/rss/defence.xml"
    assert client.ask(url).status == 500
    wire.advance()
    assert b"joint naval patrols" in client.ask(url).body


def test_the_cut_off_feed_ends_in_the_middle_of_an_entry(client: Client) -> None:
    body = client.ask("http://harbour-gazette.example/breaking.xml").body
    assert body.count(b"<item>") == body.count(b"</item>") + 1
    assert body.count(b"<link>") == body.count(b"<item>")  # one of them is the channel's own


def test_gzip_is_used_only_where_it_is_accepted(client: Client) -> None:
    plain = client.ask(REVISED)
    packed = client.ask(REVISED, Accept_Encoding="deflate, gzip;q=0.8")
    assert (plain.headers["Content-Encoding"], packed.headers["Content-Encoding"]) == (None, "gzip")
    assert gzip.decompress(packed.body) == plain.body
    assert len(packed.body) < len(plain.body)


def test_the_same_story_under_trackers_leads_to_one_url(client: Client) -> None:
    page = "http://levant-observer.example/news/african-union-condemns-port-sudan-hospital/"
    tracked = f"{page}?utm_source=newsletter&utm_medium=email&utm_campaign=weekly"
    newsletter = client.ask("http://levant-observer.example/feed/newsletter/").body.decode()
    assert tracked.replace("&", "&amp;") in newsletter
    assert (client.ask(tracked).status, client.ask(tracked).headers["Location"]) == (302, page)


def test_the_short_link_redirects_to_the_page(client: Client) -> None:
    reply = client.ask("http://levant-observer.example/go/48127")
    page = "http://levant-observer.example/news/india-pakistan-restore-army-hotline/"
    assert (reply.status, reply.headers["Location"]) == (301, page)
    assert client.ask(page).status == 200


def test_one_site_forbids_its_private_folder(client: Client) -> None:
    assert b"Disallow: /private/" in client.ask("http://levant-observer.example/robots.txt").body
    assert client.ask("http://northline.example/robots.txt").status == 200


def test_all_that_is_not_of_the_wire_is_404(client: Client) -> None:
    for url in ("http://example.org/", "http://northline.example/", f"{REVISED}/more", "http://unknown.example/?a=b"):
        assert client.ask(url).status == 404


def test_requests_are_counted_per_url(wire: DemoWire, client: Client) -> None:
    for url in (REVISED, REVISED, "http://unknown.example/"):
        client.ask(url)
    assert wire.counts() == {REVISED: 2, "http://unknown.example/": 1}
    assert json.loads(client.ask(COUNTS_URL).body) == wire.counts()


def test_head_gives_the_headers_of_get_and_no_body(client: Client) -> None:
    get, head = client.ask(REVISED), client.ask(REVISED, method="HEAD")
    assert (head.status, head.body, head.headers["ETag"]) == (200, b"", get.headers["ETag"])
    assert head.headers["Content-Length"] == str(len(get.body))


def test_the_feeds_name_their_category_and_language(wire: DemoWire) -> None:
    feeds = wire.feeds()
    assert len(feeds) == 12
    assert ("http://pocketnews.example/feed.json", "Pocket News", "top", "en") in feeds
    assert len({url for url, *_ in feeds}) == len(feeds)
