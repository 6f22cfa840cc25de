import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.outcomes import Reason
from workers.http import target as target_module
from workers.http.guard import parse_allow_addresses
from workers.http.target import Refused, Target, authority_of, check_url, without_user_info


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.0.0.1.",
        "127.1",
        "127.0.1",
        "2130706433",
        "0x7f000001",
        "0x7F.0.0.1",
        "017700000001",
        "0177.0.0.1",
        "0300.0250.1.1",
        "10.0.0.1",
        "169.254.169.254",
        "100.64.1.1",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[2002:7f00:1::]",
        "[64:ff9b::10.0.0.1]",
        "[fec0::1]",
        "[fe80::1%25eth0]",
        "[2606:4700::1%25eth0]",
        "[2001:0:4136:e378:8000:63bf:f5ff:fffe]",
        "１２７.0.0.1",
        "127。0。0。1",
        "%31%32%37.0.0.1",
        "①②⑦.0.0.1",
        "localhost",
        "LOCALHOST.",
        "printer.localhost",
        "user:secret@127.0.0.1",
        "news.example@127.0.0.1",
    ],
)
def test_a_private_address_in_any_spelling_is_blocked(host: str) -> None:
    refused = check_url(f"http://{host}/", ())
    assert isinstance(refused, Refused)
    assert refused.reason is Reason.BLOCKED_ADDRESS


@pytest.mark.parametrize(
    "url",
    [
        "ftp://news.example/",
        "file:///etc/passwd",
        "gopher://127.0.0.1:6379/_FLUSHALL",
        "javascript:alert(1)",
        "//news.example/",
        "news.example/story",
        "http:///story",
        "http://news.example:22/",
        "http://8.8.8.8:8080/",
        "http://news.example:99999/",
        "http://news.example:0/",
        "http://[::1",
        "http://a b.example/",
        "http://127.0.0.1\\@news.example/",
        "http://news.example\r\nHost: evil.example/",
        "http://ne\tws.example/",
        "http://" + "a" * 64 + ".example/",
        "http://xn--/",
        "http://news..example/",
        "http://news.example/" + "a" * 2048,
        "http://news.example/" + "\u00e4" * 1000,
        "",
    ],
)
def test_a_url_that_is_no_web_address_on_an_open_port_is_refused(url: str) -> None:
    refused = check_url(url, ())
    assert isinstance(refused, Refused)
    assert refused.reason is Reason.URL_REFUSED


@pytest.mark.parametrize(
    ("url", "asked"),
    [
        ("https://News.Example/Story?id=1%20b#top", "https://news.example/Story?id=1%20b"),
        ("http://user:secret@news.example/a", "http://news.example/a"),
        ("http://bücher.example/é", "http://xn--bcher-kva.example/%C3%A9"),
        ("http://news.example:443/", "http://news.example:443/"),
        ("  http://8.8.8.8/ ", "http://8.8.8.8/"),
    ],
)
def test_a_public_url_is_asked_for_without_user_info_and_fragment(url: str, asked: str) -> None:
    target = check_url(url, ())
    assert isinstance(target, Target)
    assert target.text == asked


def test_another_port_is_open_where_a_rule_names_it() -> None:
    rules = parse_allow_addresses("127.0.0.1:8080")
    assert isinstance(check_url("http://127.0.0.1:8080/", rules), Target)
    assert isinstance(check_url("http://wire.test:8080/", rules), Target)  # its addresses are judged when resolved
    assert isinstance(check_url("http://wire.test:8081/", rules), Refused)


def test_port_nought_is_no_other_port() -> None:
    found = check_url("http://127.0.0.1:0/", parse_allow_addresses("127.0.0.0/8"))
    assert isinstance(found, Target)
    assert (found.port, found.text) == (0, "http://127.0.0.1:0/")


def test_a_name_on_another_port_is_refused_when_a_proxy_resolves_it() -> None:
    rules = parse_allow_addresses("127.0.0.1:8080")
    assert isinstance(check_url("http://wire.test:8080/", rules, is_proxied=True), Refused)
    assert isinstance(check_url("http://wire.test/", rules, is_proxied=True), Target)


def test_capitals_beside_a_label_in_punycode_are_written_small() -> None:
    found = check_url("http://A.\U00018cd6/x", ())
    assert isinstance(found, Target)
    assert (found.text, found.host) == ("http://a.xn--626f/x", "a.xn--626f")


@given(st.text(max_size=60), st.sampled_from(["", "http://", "https://", "http://[", "//", "http://a@"]))
def test_any_text_is_a_target_or_refused_and_never_raises(text: str, head: str) -> None:
    found = check_url(head + text, ())
    assert isinstance(found, Refused) or (found.url.user is None and check_url(found.text, ()) == found)


_PARTS = st.text(st.sampled_from("aZ0-_.~!$&'()*+,;=:@/?#%é [x"), max_size=12)
_HOSTS = st.text(st.sampled_from("ab0x-._A:[1n"), max_size=12) | st.sampled_from(
    ["127.0.0.1", "a.example", "xn--626f.a"]
)


@given(st.sampled_from(["http", "https"]), _HOSTS, st.text("0123456789", max_size=6), _PARTS, _PARTS)
@example("http", "127.0.0.1", "8080", "/f/1", "")
@example("http", "2130706433.a", "", "/", "")
@example("https", "a.0x7f", "", "/", "")
@example("http", "a.example", "65536", "/", "")
@example("http", "a.example", "80", "/", "")
@example("http", "a.example", "", "/../b", "")
@example("http", "xn--a.example", "", "/", "")
@example("http", "a.b-", "", "/", "")
def test_a_url_that_is_taken_as_it_is_written_is_what_the_parser_makes_of_it(
    scheme: str, host: str, port: str, path: str, query: str
) -> None:
    rules = parse_allow_addresses("127.0.0.1:8080")
    url = f"{scheme}://{host}{':' if port else ''}{port}{path}{'?' if query else ''}{query}"
    found = check_url(url, rules)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(target_module, "_WRITTEN_AS_SENT", re.compile(r"(?!)"))
        assert check_url(url, rules) == found


@pytest.mark.parametrize(
    ("url", "is_plain"),
    [
        ("https://www.news.example/world/2026/11/a-story.html?id=5&page=2", True),
        ("http://127.0.0.1:8080/f/1", True),
        ("https://news.example", False),
        ("https://News.example/", False),
        ("https://news.example/a%20b", False),
        ("https://news.example/#top", False),
    ],
)
def test_most_urls_are_taken_as_they_are_written(url: str, is_plain: bool) -> None:
    assert (target_module._WRITTEN_AS_SENT.fullmatch(url) is not None) is is_plain


def test_user_info_is_taken_out_of_urls_that_can_not_be_read_too() -> None:
    assert without_user_info("https://me:pw@news.example/a@b?c=@d") == "https://news.example/a@b?c=@d"
    assert without_user_info("http://me:pw@[::1") == "http://[::1"
    assert without_user_info("http://news.example/mail@host") == "http://news.example/mail@host"


def test_the_authority_has_the_port_only_where_it_is_unusual() -> None:
    urls = ["https://a.example:443/", "https://a.example:80/", "http://[2606::1]:8080/x"]
    targets = [check_url(url, parse_allow_addresses("2606::/16")) for url in urls]
    names = [authority_of(target.url) for target in targets if isinstance(target, Target)]
    assert names == ["a.example", "a.example:80", "[2606::1]:8080"]
