"""One form for each URL: what is made the same, what is kept apart, what is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.identity.urls import URL_MAX_CHARS, asked_url, canonical_url, host_of, is_same_site, site_of

B = "https://b.example/news/today/index.html?page=2"
HEX32 = "0123456789abcdef0123456789abcdef"

# (what a feed or page says, the base it stands in or None, the form it is stored under or None)
GOLDEN: list[tuple[str, str | None, str | None]] = [
    # scheme, host, port, user
    ("HTTP://Example.COM/A", None, "http://example.com/A"),
    ("https://example.com", None, "https://example.com/"),
    ("https://example.com?a=1", None, "https://example.com/?a=1"),
    ("http://example.com:80/a", None, "http://example.com/a"),
    ("https://example.com:443/a", None, "https://example.com/a"),
    ("http://example.com:443/a", None, "http://example.com:443/a"),
    ("http://example.com:/a", None, "http://example.com/a"),
    ("http://example.com:8080/a", None, "http://example.com:8080/a"),
    ("http://example.com:08080/a", None, "http://example.com:8080/a"),
    ("https://user:secret@example.com/a", None, "https://example.com/a"),
    ("https://a@b@example.com/a", None, "https://example.com/a"),
    ("http://example.com./a", None, "http://example.com/a"),
    ("http://my_wire.example.com/a", None, "http://my_wire.example.com/a"),
    ("https://www.example.com/a", None, "https://www.example.com/a"),
    ("https://m.example.com/a", None, "https://m.example.com/a"),
    # the AMP rendition: what asks for it by a parameter is the same page, paths and hosts say nothing for certain
    ("https://example.com/a?amp=1", None, "https://example.com/a"),
    ("https://example.com/a?amp", None, "https://example.com/a"),
    ("https://example.com/a?id=7&amp=true&page=2", None, "https://example.com/a?id=7&page=2"),
    ("https://example.com/a?outputType=amp", None, "https://example.com/a"),
    ("https://example.com/a?amp=12", None, "https://example.com/a?amp=12"),
    ("https://example.com/a?outputType=pdf", None, "https://example.com/a?outputType=pdf"),
    ("https://example.com/amp/a.html", None, "https://example.com/amp/a.html"),
    ("https://example.com/tags/amp", None, "https://example.com/tags/amp"),
    ("https://amp.example.com/a", None, "https://amp.example.com/a"),
    ("https://mobile.example.com/a", None, "https://mobile.example.com/a"),
    ("  https://example.com/a\n", None, "https://example.com/a"),
    ("http://localhost:8000/a", None, "http://localhost:8000/a"),
    ("http://127.0.0.1:8000/a", None, "http://127.0.0.1:8000/a"),
    ("http://[2001:DB8:0:0::1]/a", None, "http://[2001:db8::1]/a"),
    ("http://[::1]:8080/a", None, "http://[::1]:8080/a"),
    # international names
    ("https://Müller.example/a", None, "https://xn--mller-kva.example/a"),
    ("https://новини.example/a", None, "https://xn--b1amarcd.example/a"),
    ("https://例え.example/a", None, "https://xn--r8jz45g.example/a"),
    ("https://xn--mller-kva.example/a", None, "https://xn--mller-kva.example/a"),
    ("https://ｅｘａｍｐｌｅ.com/a", None, "https://example.com/a"),
    ("https://example。com/a", None, "https://example.com/a"),
    # paths
    ("https://example.com/a/../b", None, "https://example.com/b"),
    ("https://example.com/a/./b/.", None, "https://example.com/a/b/"),
    ("https://example.com/../../a", None, "https://example.com/a"),
    ("https://example.com/a/%2e%2E/b", None, "https://example.com/b"),
    ("https://example.com/a/b/..", None, "https://example.com/a/"),
    ("https://example.com/a/", None, "https://example.com/a/"),
    ("https://example.com/a//b", None, "https://example.com/a//b"),
    ("https://example.com/%7Ewire/%61", None, "https://example.com/~wire/a"),
    ("https://example.com/caf%c3%a9", None, "https://example.com/caf%C3%A9"),
    ("https://example.com/café", None, "https://example.com/caf%C3%A9"),
    ("https://example.com/a b", None, "https://example.com/a%20b"),
    ("https://example.com/100%", None, "https://example.com/100%25"),
    ("https://example.com/100%zz", None, "https://example.com/100%25zz"),
    ("https://example.com/a%2Fb", None, "https://example.com/a%2Fb"),
    ('https://example.com/"a"<b>', None, "https://example.com/%22a%22%3Cb%3E"),
    ("https://example.com/a;v=1", None, "https://example.com/a;v=1"),
    ("https://example.com/Story,12:30", None, "https://example.com/Story,12:30"),
    ("https://example.com\\a\\b", None, "https://example.com/a/b"),
    ("https://example.com\\@elsewhere.example/a", None, "https://example.com/@elsewhere.example/a"),
    # fragments
    ("https://example.com/a#comments", None, "https://example.com/a"),
    ("https://example.com/a?id=1#utm_source=x", None, "https://example.com/a?id=1"),
    ("https://example.com/a?#", None, "https://example.com/a"),
    # trackers
    ("https://example.com/a?utm_source=rss&utm_medium=feed", None, "https://example.com/a"),
    ("https://example.com/a?UTM_Source=rss&id=7", None, "https://example.com/a?id=7"),
    ("https://example.com/a?utm%5Fsource=rss", None, "https://example.com/a"),
    ("https://example.com/a?fbclid=1&gclid=2&msclkid=3", None, "https://example.com/a"),
    ("https://example.com/a?at_medium=RSS&at_campaign=rss", None, "https://example.com/a"),
    ("https://example.com/a?xtor=RSS-1", None, "https://example.com/a"),
    ("https://example.com/a?cmpid=rss&mc_cid=1&mc_eid=2", None, "https://example.com/a"),
    ("https://example.com/a?ns_mchannel=rss&ns_campaign=x", None, "https://example.com/a"),
    ("https://example.com/a?ref=rss", None, "https://example.com/a"),
    ("https://example.com/a?source=feed&id=7", None, "https://example.com/a?id=7"),
    ("https://example.com/a?id=7&amp;utm_source=x", None, "https://example.com/a?id=7"),
    ("https://example.com/a?id=7&#038;page=2", None, "https://example.com/a?id=7&page=2"),
    ("https://example.com/a?id=7&amp;amp;page=2", None, "https://example.com/a?id=7&page=2"),
    # what looks like a tracker and may name the story
    ("https://example.com/a?ref=12345", None, "https://example.com/a?ref=12345"),
    ("https://example.com/a?source=ministry", None, "https://example.com/a?source=ministry"),
    ("https://example.com/a?sid=88", None, "https://example.com/a?sid=88"),
    ("https://example.com/a?gallery=3&keyword=x&eid=9", None, "https://example.com/a?gallery=3&keyword=x&eid=9"),
    ("https://example.com/a?cid=4&campaign=winter", None, "https://example.com/a?cid=4&campaign=winter"),
    ("https://example.com/a?copy=1&reg=2", None, "https://example.com/a?copy=1&reg=2"),
    ("https://example.com/a?id=1&copy=1", None, "https://example.com/a?id=1&copy=1"),
    # queries
    ("https://example.com/a?b=2&a=1", None, "https://example.com/a?b=2&a=1"),
    ("https://example.com/a?&&a=1&", None, "https://example.com/a?a=1"),
    ("https://example.com/a?", None, "https://example.com/a"),
    ("https://example.com/a?12345", None, "https://example.com/a?12345"),
    ("https://example.com/a?q=", None, "https://example.com/a?q="),
    ("https://example.com/a?q=a+b", None, "https://example.com/a?q=a+b"),
    ("https://example.com/a?q=a b", None, "https://example.com/a?q=a%20b"),
    ("https://example.com/a?q=мир", None, "https://example.com/a?q=%D0%BC%D0%B8%D1%80"),
    ("https://example.com/a?to=https://x.example/b", None, "https://example.com/a?to=https://x.example/b"),
    ("https://example.com/a?q=a%26b", None, "https://example.com/a?q=a%26b"),
    # sessions
    ("https://example.com/a;jsessionid=0A1B?id=1", None, "https://example.com/a?id=1"),
    ("https://example.com/a?PHPSESSID=abc&id=1", None, "https://example.com/a?id=1"),
    (f"https://example.com/a?sid={HEX32}&id=1", None, "https://example.com/a?id=1"),
    ("https://example.com/(S(a1b2c3d4e5))/a.aspx", None, "https://example.com/a.aspx"),
    # joined to a base
    ("story.html", B, "https://b.example/news/today/story.html"),
    ("../story", B, "https://b.example/news/story"),
    ("/story", B, "https://b.example/story"),
    ("?page=3", B, "https://b.example/news/today/index.html?page=3"),
    ("//c.example/x", B, "https://c.example/x"),
    ("http://c.example/x;", B, "http://c.example/x;"),
    ("https:story", B, "https://b.example/news/today/story"),
    ("/story", "nonsense", None),
    ("/story", None, None),
    ("//c.example/x", None, None),
    # refused
    ("", None, None),
    ("", B, None),
    ("javascript:void(0)", B, None),
    ("data:text/html,x", B, None),
    ("mailto:desk@example.com", B, None),
    ("ftp://example.com/a", None, None),
    ("file:///etc/passwd", None, None),
    ("https://", None, None),
    ("https:///a", None, None),
    ("https://?a=1", None, None),
    ("https://example.com:99999/", None, None),
    ("https://example.com:0/", None, None),
    ("https://example.com:http/", None, None),
    ("https://exam ple.com/", None, None),
    ("https://example..com/", None, None),
    ("https://-example.com/", None, None),
    ("https://ex%61mple.com/", None, None),
    ("https://exam\x00ple.com/", None, None),
    ("https://example.com/a\nb", None, None),
    ("https://example.com/\x7f", None, None),
    ("https://example.com/\ud800", None, None),
    ("https://[::1/", None, None),
    ("https://[fe80::1%25eth0]/", None, None),
    ("https://example℀.com/", None, None),
    # spellings of 127.0.0.1 that only some resolvers know
    ("http://2130706433/", None, None),
    ("http://127.1/", None, None),
    ("http://0x7f.0.0.1/", None, None),
    ("http://0177.0.0.1/", None, None),
    ("http://１２７.0.0.1/", None, "http://127.0.0.1/"),
]


@pytest.mark.parametrize(("url", "base", "expected"), GOLDEN)
def test_a_url_is_stored_under_its_one_form(url: str, base: str | None, expected: str | None) -> None:
    assert canonical_url(url, base) == expected


def test_a_url_longer_than_2048_is_refused_but_trackers_do_not_count() -> None:
    head = "https://example.com/"
    assert canonical_url(head + "a" * (URL_MAX_CHARS - len(head))) is not None
    assert canonical_url(head + "a" * (URL_MAX_CHARS - len(head) + 1)) is None
    assert canonical_url(head + "?utm_source=" + "x" * 3000) == head
    assert canonical_url(head + "é" * 400) is None  # 400 characters, 2,400 escaped


PIECES = st.sampled_from([
    "http://", "https://", "HTTP:", "//", "/", "..", ".", "%2e", "%", "%41", "&amp;", "amp;", "&", "?", "#", "\\", "@",
    ":80", ":", "a", "example.com", "é", "[", "]", "::1", ";jsessionid=x", "(S(abcdefgh))", "utm_x=1", "=", "sid", "。",
    "1", "0x", "%26", "&#38;", " ", "xn--", "%C3", "\u200b", "\n", "\ud800",
])  # fmt: skip
MESS = st.lists(PIECES, max_size=12).map("".join)
ANY_URL = st.one_of(st.text(), MESS, MESS.map("http://h.example/".__add__), MESS.map("https://".__add__))
ANY_BASE = st.one_of(st.none(), st.just(B), st.text(max_size=20), MESS)


@given(ANY_URL, ANY_BASE)
def test_any_text_gives_none_or_a_stable_short_ascii_web_address(url: str, base: str | None) -> None:
    found = canonical_url(url, base)
    if found is not None:
        assert canonical_url(found) == found
        assert canonical_url(found, B) == found
        assert found.isascii()
        assert len(found) <= URL_MAX_CHARS
        assert found.startswith(("http://", "https://"))
        assert host_of(found)


@given(ANY_URL)
def test_the_host_of_any_text_is_the_host_of_its_one_form(url: str) -> None:
    found = canonical_url(url)
    if found is not None:
        assert host_of(url) == host_of(found)
        assert site_of(url) == site_of(found)


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://News.B.example:8443/a", "news.b.example:8443"),
        ("https://news.b.example:443/a", "news.b.example"),
        ("http://u:p@[::1]:80/", "[::1]"),
        ("https://Müller.example", "xn--mller-kva.example"),
        ("mailto:desk@example.com", ""),
        ("no address", ""),
    ],
)
def test_a_host_is_lower_case_and_carries_only_an_unusual_port(url: str, host: str) -> None:
    assert host_of(url) == host


@pytest.mark.parametrize(
    ("url", "site"),
    [
        ("https://www.example.com/a", "example.com"),
        ("https://news.example.co.uk/a", "example.co.uk"),
        ("https://a.b.example/", "b.example"),
        ("https://a.b.example:8443/", "b.example"),
        ("https://wire.one.blogspot.com/", "one.blogspot.com"),
        ("https://co.uk/", "co.uk"),
        ("http://127.0.0.1:8001/a", "127.0.0.1:8001"),
        ("http://[::1]:8001/a", "[::1]:8001"),
        ("http://localhost:8001/", "localhost:8001"),
        ("http://intranet/", "intranet"),
        ("no address", ""),
    ],
)
def test_a_site_is_the_domain_somebody_registered(url: str, site: str) -> None:
    assert site_of(url) == site


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        ("https://www.example.com/a", "http://m.example.com/b", True),
        ("https://one.co.uk/", "https://two.co.uk/", False),
        ("https://one.blogspot.com/", "https://two.blogspot.com/", False),
        ("http://127.0.0.1:8001/", "http://127.0.0.1:8002/", False),
        ("no address", "no address", False),
    ],
)
def test_a_canonical_link_counts_only_within_its_own_site(a: str, b: str, same: bool) -> None:
    assert is_same_site(a, b) is same


@pytest.mark.parametrize(
    ("announced", "asked"),
    [
        ("https://a.example/s?maca=rss&id=1", "https://a.example/s?maca=rss&id=1"),
        ("https://a.example/s?amp=1", "https://a.example/s?amp=1"),
        ("https://A.example:443/x/../s?utm_source=rss#top", "https://a.example/s?utm_source=rss"),
        ("https://user:secret@a.example/s", "https://a.example/s"),
        ("/s?fbclid=1", "https://a.example/s?fbclid=1"),
        ("javascript:alert(1)", None),
        ("https://a.example/" + "x" * URL_MAX_CHARS, None),
    ],
)
def test_a_page_is_asked_for_as_it_was_announced_trackers_and_all(announced: str, asked: str | None) -> None:
    assert asked_url(announced, "https://a.example/feed.xml") == asked


@given(st.text())
def test_the_asked_form_is_known_by_the_same_canonical_url(text: str) -> None:
    asked = asked_url(text, "https://a.example/feed.xml")
    if asked is not None:
        assert canonical_url(asked) == canonical_url(text, "https://a.example/feed.xml")
