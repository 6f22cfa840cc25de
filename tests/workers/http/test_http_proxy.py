import asyncio
import socket

import pytest
from http_origin import NOW, USER_AGENT, Origin, answer, ask

from pipeline.outcomes import Reason
from pipeline.values import FetchedPage, FetchFailure, FetchResult
from workers.http import HttpClient, HttpPolicy, OpenGate


def ask_by_proxy(url: str, proxy_answer: bytes, user_info: str = "") -> tuple[FetchResult, Origin]:
    """What comes of `url` when the settings name a proxy that answers everything with `proxy_answer`."""

    async def run() -> tuple[FetchResult, Origin]:
        async with Origin({"*": proxy_answer}) as proxy:
            policy = HttpPolicy(USER_AGENT, proxy=f"http://{user_info}127.0.0.1:{proxy.port}")
            async with HttpClient(policy, OpenGate(), lambda: NOW) as client:
                return await client.fetch(url, kind="page"), proxy

    return asyncio.run(run())


def test_a_request_goes_to_the_proxy_that_the_settings_name() -> None:
    result, proxy = ask_by_proxy("http://wire.example/story", answer(b"<p>By proxy</p>"))
    assert isinstance(result, FetchedPage)
    assert (result.body, result.final_url) == (b"<p>By proxy</p>", "http://wire.example/story")
    assert proxy.paths == ["http://wire.example/story"]


def test_a_proxy_that_is_not_there_is_a_failed_connection_whatever_the_page() -> None:
    async def run(proxy: str) -> FetchResult:
        async with HttpClient(HttpPolicy(USER_AGENT, proxy=proxy), OpenGate(), lambda: NOW) as client:
            return await client.fetch("http://wire.example/", kind="page")

    for proxy in (f"http://127.0.0.1:{closed_port()}", "http://no-such-name.invalid:3128"):
        result = asyncio.run(run(proxy))
        assert isinstance(result, FetchFailure)
        assert (result.reason, result.detail) == (Reason.CONNECT_FAILED, "The proxy could not be reached.")


def test_a_server_behind_the_proxy_that_hangs_up_is_asked_once() -> None:
    result, proxy = ask_by_proxy("http://wire.example/story", b"")
    assert isinstance(result, FetchFailure)
    assert (result.reason, len(proxy.requests)) == (Reason.PROTOCOL_ERROR, 1)


def closed_port() -> int:
    """A port of this machine on which nobody listens."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


def test_a_proxy_learns_its_own_password_and_results_do_not() -> None:
    result, proxy = ask_by_proxy("http://wire.example/", answer(status="407 Who"), user_info="me:pw@")
    assert isinstance(result, FetchFailure)
    assert result.reason is Reason.CONNECT_FAILED, "our settings are wrong, so the URL must be tried again"
    assert "proxy-authorization: basic bwu6chc=" in proxy.requests[0].lower()
    assert "pw" not in repr(result)


def test_https_is_tunnelled_and_a_proxy_that_refuses_is_a_failed_connection() -> None:
    result, proxy = ask_by_proxy("https://wire.example/", answer(status="403 Forbidden"))
    assert isinstance(result, FetchFailure)
    assert result.reason is Reason.CONNECT_FAILED
    assert proxy.requests[0].startswith("CONNECT wire.example:443 ")


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "0x7f000001", "169.254.169.254", "localhost", "127.0.0.1."])
def test_literal_addresses_are_blocked_with_a_proxy_too(host: str) -> None:
    result, proxy = ask_by_proxy(f"http://{host}/", answer())
    assert isinstance(result, FetchFailure)
    assert (result.reason, proxy.connections) == (Reason.BLOCKED_ADDRESS, 0)


def test_a_redirect_by_proxy_to_a_literal_address_is_blocked() -> None:
    told = answer(b"", "Location: http://169.254.169.254/", status="302 Found")
    result, proxy = ask_by_proxy("http://wire.example/", told)
    assert isinstance(result, FetchFailure)
    assert (result.reason, proxy.connections) == (Reason.BLOCKED_ADDRESS, 1)


def test_a_proxy_of_the_environment_is_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    result, origin = ask(answer())
    assert isinstance(result, FetchedPage)
    assert origin.paths == ["/"]


def test_the_notes_say_what_a_proxy_takes_away_and_hide_its_password() -> None:
    policy = HttpPolicy(USER_AGENT, proxy="http://me:secret@proxy.example:3128")
    (note,) = HttpClient(policy, OpenGate(), lambda: NOW).guard_notes()
    assert "the address guard covers literal addresses only" in note
    assert "proxy.example" in note
    assert "secret" not in note + repr(policy)


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1080", "127.0.0.1:3128", "http://"])
def test_a_proxy_that_is_no_http_url_is_refused(proxy: str) -> None:
    with pytest.raises(ValueError, match="http or https URL"):
        HttpPolicy(USER_AGENT, proxy=proxy)
