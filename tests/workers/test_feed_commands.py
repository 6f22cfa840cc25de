"""`feeds discover` and `feeds check` as a person meets them: the real command against a real origin."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from scripted_origin import Answer, ScriptedOrigin, scripted_origin
from sqlalchemy import create_engine, text
from test_cli import frontwire

SITE = "http://wire.example"
FEED_TYPE = "application/rss+xml"


def rss(*names: str, head: str = "") -> str:
    date = (datetime.now(UTC) - timedelta(hours=1)).strftime("%a, %d %b %Y %H:%M:%S GMT")
    items = "".join(
        f"<item><title>{name}</title><link>{SITE}/{name}</link><pubDate>{date}</pubDate></item>" for name in names
    )
    return f"<rss version='2.0'><channel><title>Wire</title>{head}{items}</channel></rss>"


HOME = Answer('<html><head><link rel="alternate" type="application/rss+xml" title="All" href="/all.xml"></head></html>')
ROBOTS = Answer(f"User-agent: *\nDisallow: /rss\nSitemap: {SITE}/index.xml\n", content_type="text/plain")
INDEX = Answer(
    f"<sitemapindex><sitemap><loc>{SITE}/news.xml</loc></sitemap></sitemapindex>", content_type="application/xml"
)
NEWS = Answer(
    f"<urlset xmlns:news='n'><url><loc>{SITE}/n1</loc><news:news><news:title>N</news:title></news:news></url></urlset>",
    content_type="application/xml",
)
SITE_ANSWERS = {
    f"{SITE}/": HOME,
    f"{SITE}/robots.txt": ROBOTS,
    f"{SITE}/all.xml": Answer(rss("a", "b"), content_type=FEED_TYPE),
    f"{SITE}/index.xml": INDEX,
    f"{SITE}/news.xml": NEWS,
    f"{SITE}/feed/": Answer(rss("a"), content_type=FEED_TYPE),
    f"{SITE}/rss.xml": Answer(rss("c"), content_type=FEED_TYPE),
}


def run(origin: ScriptedOrigin, tmp_path: Path, *arguments: str) -> tuple[int, Any]:
    ended = frontwire("feeds", *arguments, "--json", directory=tmp_path, http_proxy=origin.proxy_url, host_delay_s="0")
    assert "Traceback" not in ended.stderr, ended.stderr
    return ended.returncode, json.loads(ended.stdout) if ended.stdout else None


def test_discover_shows_links_sitemaps_and_usual_paths_with_advice_and_adds_them(tmp_path: Path) -> None:
    with scripted_origin(SITE_ANSWERS) as origin:
        status, told = run(origin, tmp_path, "discover", f"{SITE}/", "--add")
    assert status == 0
    found = {one["url"]: (one["found_by"], one["kind"], one["entries"], one["advice"]) for one in told["candidates"]}
    assert found == {
        f"{SITE}/all.xml": ("link", "rss20", 2, "add"),
        f"{SITE}/index.xml": ("robots", "sitemapindex", 1, "add"),
        f"{SITE}/news.xml": ("index", "newssitemap", 1, "covered"),
        f"{SITE}/feed/": ("path", "rss20", 1, "same"),
    }
    assert f"{SITE}/rss" not in origin.asked, "robots.txt forbids it to those who guess"
    assert f"{SITE}/rss.xml" not in origin.asked
    assert len(origin.asked) == len(set(origin.asked)), "each address is asked once"
    assert told["added"] == 2
    with create_engine(f"sqlite:///{tmp_path}/data/frontwire.sqlite").connect() as connection:
        urls = connection.execute(text("SELECT url, title FROM feeds ORDER BY url")).all()
    assert [tuple(row) for row in urls] == [(f"{SITE}/all.xml", "Wire"), (f"{SITE}/index.xml", None)]


def test_discover_adds_nothing_unless_asked_and_a_second_add_has_nothing_to_do(tmp_path: Path) -> None:
    with scripted_origin(SITE_ANSWERS) as origin:
        assert run(origin, tmp_path, "discover", f"{SITE}/", "--no-paths")[0] == 0
        assert not (tmp_path / "data" / "frontwire.sqlite").exists()
        assert run(origin, tmp_path, "discover", f"{SITE}/", "--no-paths", "--add")[1]["added"] == 2
        assert run(origin, tmp_path, "discover", f"{SITE}/", "--no-paths", "--add")[0] == 3


def test_discover_of_a_feed_is_that_feed(tmp_path: Path) -> None:
    with scripted_origin(SITE_ANSWERS) as origin:
        status, told = run(origin, tmp_path, "discover", f"{SITE}/all.xml")
    assert (status, [one["advice"] for one in told["candidates"]]) == (0, ["add"])
    assert origin.asked == [f"{SITE}/all.xml"]


def test_discover_of_a_site_without_feeds_is_3_of_one_that_is_away_1_and_of_nonsense_2(tmp_path: Path) -> None:
    with scripted_origin({f"{SITE}/": Answer("<html>Hello</html>")}) as origin:
        assert run(origin, tmp_path, "discover", f"{SITE}/")[0] == 3
        assert run(origin, tmp_path, "discover", f"{SITE}/missing")[0] == 1
        assert frontwire("feeds", "discover", "ftp://x", directory=tmp_path).returncode == 2


def test_discover_never_asks_an_address_that_the_guard_closes(tmp_path: Path) -> None:
    ended = frontwire("feeds", "discover", "http://127.0.0.1/", "--json", directory=tmp_path)
    assert ended.returncode == 1
    assert "127.0.0.1" in json.loads(ended.stdout)["candidates"][0]["detail"]


def test_discover_for_people_is_a_table_with_the_advice_in_words(tmp_path: Path) -> None:
    with scripted_origin(SITE_ANSWERS) as origin:
        settings = {"http_proxy": origin.proxy_url, "host_delay_s": "0"}
        ended = frontwire("feeds", "discover", f"{SITE}/", "--no-paths", directory=tmp_path, **settings)
    for word in ("all.xml", "add it", "leave it: the index of sitemaps", "--add"):
        assert word in ended.stdout


# ------------------------------------------------------------------------------------------------------------ check


def causes(told: Any) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for subject, sentence in told["causes"]:
        found.setdefault(subject, []).append(sentence)
    return found


def test_check_explains_what_a_first_poll_would_do_and_why_and_stores_nothing(tmp_path: Path) -> None:
    head = "<ttl>30</ttl><skipHours><hour>3</hour></skipHours>"
    feed = Answer(
        rss("a", "b", "c", head=head),
        content_type=FEED_TYPE,
        etag='"v1"',
        headers={"Cache-Control": "max-age=600", "Last-Modified": "Sun, 22 Nov 2026 17:00:00 GMT"},
    )
    with scripted_origin({f"{SITE}/all.xml": feed}) as origin:
        status, told = run(origin, tmp_path, "check", f"{SITE}/all.xml")
    assert status == 0
    assert (told["outcome"], told["format"], told["etag"], told["http_status"]) == ("new_entries", "rss20", '"v1"', 200)
    assert [entry["title"] for entry in told["entries"]] == ["a", "b", "c"]
    why = causes(told)
    assert why["entries"] == ["format rss20, 3 entries, 0 refused"]
    assert "header" in why
    assert "cache-control: max-age=600" in why["header"]
    assert "no entry brings a text that could be its whole story: the pages are fetched" in why["full text"]
    assert any("ttl asks for 1800 s" in sentence for sentence in why["next poll"])
    assert any("ask for 600 s" in sentence for sentence in why["next poll"])
    assert any("skipHours [3]" in sentence for sentence in why["next poll"])
    assert any('"v1" is sent next time' in sentence for sentence in why["validators"])
    assert not (tmp_path / "data" / "frontwire.sqlite").exists()


def test_check_says_why_a_page_is_no_feed_and_a_refusal_is_a_back_off(tmp_path: Path) -> None:
    answers = {f"{SITE}/page": HOME, f"{SITE}/busy": Answer("", status=429, headers={"Retry-After": "900"})}
    with scripted_origin(answers) as origin:
        status, told = run(origin, tmp_path, "check", f"{SITE}/page")
        assert (status, told["outcome"], told["reason"]) == (1, "not_a_feed", "not_a_feed")
        assert "HTML page" in told["detail"]
        status, told = run(origin, tmp_path, "check", f"{SITE}/busy")
    assert (status, told["reason"], told["http_status"]) == (1, "throttled", 429)
    assert any("left alone for 900 s" in sentence for sentence in causes(told)["next poll"])
    assert any("back-off of 1800 s" in sentence for sentence in causes(told)["next poll"])


def test_check_of_an_index_says_what_a_poll_would_read_of_it(tmp_path: Path) -> None:
    with scripted_origin(SITE_ANSWERS) as origin:
        status, told = run(origin, tmp_path, "check", f"{SITE}/index.xml")
    assert status == 0
    assert any("index of 1 sitemaps" in sentence for sentence in causes(told)["entries"])
