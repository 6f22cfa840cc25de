"""Page cases about the way a page travels: time, size, codings, HTTP itself, statuses, redirects, addresses, names."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Awaitable, Callable, Iterator
from functools import cache

from hostile_cases import STORY_PATH, PageCase, first_words, gzipped, packed, story
from hostile_server import Answer, Ports, Raw, Reply, Wire

from pipeline.outcomes import Reason

MIB = 1 << 20
HTML = b"Content-Type: text/html\r\n"
_NO_PORTS = Ports(0, 0)


def page(name: str, **parts: str) -> Reply:
    return Reply(story(name, **parts))


def stored(name: str, family: str, answer: Answer, **more: object) -> PageCase:
    """A case whose story is there all the same."""
    return PageCase(name, family, answer, has=first_words(name), **more)  # type: ignore[arg-type]


# ------------------------------------------------------------------------------------------------------------- time


def _after(share: float, *pieces: bytes) -> Callable[[Wire], Awaitable[None]]:
    """Send the pieces with a pause of that share of the client's deadline before each."""

    async def answer(wire: Wire) -> None:
        for piece in pieces:
            await asyncio.sleep(share * wire.limit_s)
            await wire.send(piece)

    return answer


def endless(head: bytes, piece: bytes, share: float) -> Callable[[Wire], Awaitable[None]]:
    """Send the head and then the piece for ever (four deadlines long, where it is slow)."""

    async def answer(wire: Wire) -> None:
        await wire.send(head)
        for _ in range(int(4 / share) if share else 10_000):
            await asyncio.sleep(share * wire.limit_s)
            await wire.send(piece)

    return answer


def _time() -> Iterator[PageCase]:
    late = Reason.TIMEOUT
    head = b"HTTP/1.1 200 OK\r\n" + HTML
    chunked = head + b"Transfer-Encoding: chunked\r\n\r\n"
    yield PageCase("time-silence", "time", _after(4, b""), late)
    yield PageCase("time-status-line-then-silence", "time", _after(2, b"HTTP/1.1 200 OK\r\n", b"\r\n"), late)
    yield PageCase("time-header-drip", "time", endless(head, b"X-A: 1\r\n", 0.1), late)
    yield PageCase("time-body-drip", "time", endless(head + b"Content-Length: 90000\r\n\r\n", b"a", 0.05), late)
    yield PageCase("time-chunk-drip", "time", endless(chunked, b"1\r\na\r\n", 0.05), late)
    yield PageCase("time-half-a-body", "time", _after(0.01, head + b"Content-Length: 900\r\n\r\n<p>half", *[b""] * 300), late)  # fmt: skip
    whole = story("time-slow-but-whole").encode()
    length = b"Content-Length: %d\r\n\r\n" % len(whole)
    yield stored("time-slow-but-whole", "time", _after(0.1, head + length, whole[:500], whole[500:]))
    hops: dict[str, Answer] = {
        f"/hop{n}": _after(0.4, b"HTTP/1.1 302 Found\r\nLocation: /hop%d\r\nContent-Length: 0\r\n\r\n" % (n + 1))
        for n in range(1, 6)
    }
    yield PageCase("time-slow-hops", "time", Reply(status="302 Found", headers=("Location: /hop1",)), late, more=hops)


# ------------------------------------------------------------------------------------------------------------- size


def _size() -> Iterator[PageCase]:
    large = Reason.TOO_LARGE
    head = b"HTTP/1.1 200 OK\r\n" + HTML
    yield PageCase("size-announced-9-mib", "size", Reply(b"", (f"Content-Length: {9 * MIB}",)), large)
    yield PageCase("size-announced-exabytes", "size", Reply(b"", ("Content-Length: 999999999999999999",)), large)
    yield PageCase("size-announced-30-digits", "size", Reply(b"", ("Content-Length: " + "9" * 30,)), Reason.PROTOCOL_ERROR)  # fmt: skip
    yield PageCase("size-endless-body", "size", endless(head + b"\r\n", b"<p>" * 9000, 0), large)
    chunk = b"6000\r\n" + b"x" * 0x6000 + b"\r\n"
    yield PageCase("size-endless-chunks", "size", endless(head + b"Transfer-Encoding: chunked\r\n\r\n", chunk, 0), large)  # fmt: skip
    for name, size, reason in (("size-cap-exactly", 8 * MIB, Reason.NEW), ("size-cap-and-one", 8 * MIB + 1, large)):
        body = story(name, before="<!--@FILL@-->").encode()
        body = body.replace(b"@FILL@", b"x" * (size - len(body) + 6))
        yield PageCase(name, "size", Reply(body), reason, has=first_words(name) if reason is Reason.NEW else ())
    yield PageCase("size-empty", "size", Reply(b""), Reason.NO_TEXT)
    yield PageCase("size-one-byte", "size", Reply(b"x"), Reason.NO_TEXT)
    yield PageCase("size-one-huge-header", "size", Reply(b"x", ("X-A: " + "a" * 70_000,)), Reason.PROTOCOL_ERROR)
    many = tuple(f"X-{n}: {'a' * 12_000}" for n in range(6))
    yield PageCase("size-headers-of-72-kb", "size", Reply(b"x", many), Reason.PROTOCOL_ERROR)
    yield stored("size-headers-of-60-kb", "size", Reply(story("size-headers-of-60-kb"), many[:5]))
    yield PageCase("size-300-headers", "size", Reply(b"x", tuple(f"X-{n}: 1" for n in range(300))), Reason.PROTOCOL_ERROR)  # fmt: skip
    yield PageCase("size-endless-headers", "size", endless(head, b"X-A: " + b"a" * 8000 + b"\r\n", 0), Reason.PROTOCOL_ERROR)  # fmt: skip
    yield PageCase("size-endless-status-line", "size", endless(b"HTTP/1.1 200 ", b"O" * 8000, 0), Reason.PROTOCOL_ERROR)  # fmt: skip
    yield PageCase("size-endless-junk", "size", endless(b"", b"\0" * 8000, 0), Reason.PROTOCOL_ERROR)


# ----------------------------------------------------------------------------------------------------------- codings


@cache
def bomb(window_bits: int) -> bytes:
    """100 MB of spaces, packed."""
    engine = zlib.compressobj(1, zlib.DEFLATED, window_bits)
    return b"".join(engine.compress(b" " * MIB) for _ in range(100)) + engine.flush()


def _codings() -> Iterator[PageCase]:
    bad, unknown, large = Reason.BAD_BODY, Reason.UNKNOWN_CODING, Reason.TOO_LARGE
    bombs = {"gzip": bomb(31), "deflate": bomb(15), "bare": bomb(-15)}
    yield PageCase("coding-gzip-bomb", "coding", packed("", "gzip", bombs["gzip"]), large)
    yield PageCase("coding-zlib-bomb", "coding", packed("", "deflate", bombs["deflate"]), large)
    yield PageCase("coding-bare-deflate-bomb", "coding", packed("", "deflate", bombs["bare"]), large)
    yield PageCase("coding-bomb-in-members", "coding", packed("", "gzip", gzipped(b" " * MIB) * 40), large)
    yield PageCase("coding-100-members", "coding", packed("", "gzip", gzipped(b"<p>x") * 100), bad)
    yield PageCase("coding-bomb-in-a-bomb", "coding", packed("", "gzip", gzipped(bombs["gzip"])), Reason.NOT_A_PAGE)
    chunked = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n" + HTML + b"\r\n"
    body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(bombs["gzip"]), bombs["gzip"])
    yield PageCase("coding-chunked-bomb", "coding", Raw(chunked + body), large)
    for name, coding in {
        "coding-br": "br",
        "coding-zstd": "zstd",
        "coding-compress": "compress",
        "coding-none": "none",
        "coding-twice": "gzip, gzip",
        "coding-three": "gzip, br, gzip",
        "coding-odd-name": "gzip;q=1",
    }.items():
        yield PageCase(name, "coding", packed(name, coding, gzipped(story(name))), unknown)
    two = Reply(gzipped("x"), ("Content-Encoding: gzip", "Content-Encoding: gzip"))
    yield PageCase("coding-two-headers", "coding", two, unknown)
    transfer = Reply(gzipped("x"), ("Transfer-Encoding: gzip, chunked",))
    yield PageCase("coding-transfer-gzip", "coding", Raw(transfer.render(_NO_PORTS).replace(b"Content-Length: 21\r\n", b"")), Reason.PROTOCOL_ERROR)  # fmt: skip
    for name, coding in {"coding-x-gzip": "x-gzip", "coding-upper-case": "GZip", "coding-gzip": "gzip"}.items():
        yield stored(name, "coding", packed(name, coding, gzipped(story(name))))
    for name, bits in {"coding-zlib": 15, "coding-bare-deflate": -15}.items():
        engine = zlib.compressobj(6, zlib.DEFLATED, bits)
        yield stored(name, "coding", packed(name, "deflate", engine.compress(story(name).encode()) + engine.flush()))
    whole = gzipped(story("coding-damaged"))
    damaged = {
        "coding-cut-off": whole[:-30],
        "coding-without-trailer": whole[:-8],
        "coding-wrong-checksum": whole[:-8] + bytes(4) + whole[-4:],
        "coding-wrong-length": whole[:-4] + bytes(4)[:3] + b"\x7f",
        "coding-flipped-bits": whole[:200] + bytes(byte ^ 0xFF for byte in whole[200:230]) + whole[230:],
        "coding-something-behind": whole + b"<p>and more",
        "coding-not-gzip-at-all": story("coding-damaged").encode(),
        "coding-empty": b"",
    }
    for name, data in damaged.items():
        yield PageCase(name, "coding", packed(name, "gzip", data), bad)
    yield stored("coding-padded", "coding", packed("", "gzip", gzipped(story("coding-padded")) + bytes(512)))


# ---------------------------------------------------------------------------------------------------------- protocol


def _protocol() -> Iterator[PageCase]:
    broken, bad = Reason.PROTOCOL_ERROR, Reason.BAD_BODY
    head = b"HTTP/1.1 200 OK\r\n" + HTML
    raw = {
        "proto-not-http": (b"220 mail.example ESMTP\r\n", broken),
        "proto-http-09": (b"<html><body><p>bare</p></body></html>", broken),
        "proto-tls-alert": (b"\x15\x03\x01\x00\x02\x02\x28", broken),
        "proto-ssh-banner": (b"SSH-2.0-OpenSSH_9.9\r\n", broken),
        "proto-nothing": (b"", broken),
        "proto-status-letters": (b"HTTP/1.1 abc OK\r\n\r\n", broken),
        "proto-status-2": (b"HTTP/1.1 2 OK\r\n\r\n", broken),
        "proto-status-99999": (b"HTTP/1.1 99999 OK\r\n\r\n", broken),
        "proto-status-999": (b"HTTP/1.1 999 Denied\r\nContent-Length: 0\r\n\r\n", broken),
        "proto-101": (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nhello", broken),
        "proto-two-lengths": (head + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", broken),
        "proto-negative-length": (head + b"Content-Length: -1\r\n\r\nabcd", broken),
        "proto-length-in-letters": (head + b"Content-Length: ten\r\n\r\nabcd", broken),
        "proto-length-and-chunked": (
            head + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            broken,
        ),
        "proto-short-body": (head + b"Content-Length: 5000\r\n\r\n<p>short", bad),
        "proto-bad-chunk-size": (head + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n", broken),
        "proto-no-last-chunk": (head + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", bad),
        "proto-huge-chunk-size": (head + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffffffff\r\nabc", broken),
        "proto-header-without-colon": (head + b"nonsense\r\nContent-Length: 1\r\n\r\nx", broken),
        "proto-header-nul": (head + b"X-A: a\0b\r\nContent-Length: 1\r\n\r\nx", broken),
        "proto-header-space-name": (head + b"X A: b\r\nContent-Length: 1\r\n\r\nx", broken),
    }
    for name, (data, reason) in raw.items():
        yield PageCase(name, "protocol", Raw(data), reason)

    async def reset_at_once(wire: Wire) -> None:
        wire.reset()

    async def reset_in_body(wire: Wire) -> None:
        await wire.send(head + b"Content-Length: 9000\r\n\r\n" + b"<p>" * 500)
        await asyncio.sleep(0.05)  # the head must have been read before RST throws the rest away
        wire.reset()

    yield PageCase("proto-reset", "protocol", reset_at_once, broken)
    yield PageCase("proto-reset-in-body", "protocol", reset_in_body, bad)
    body = story("proto-http-10").encode()
    yield stored("proto-http-10", "protocol", Raw(b"HTTP/1.0 200 OK\r\n" + HTML + b"\r\n" + body))
    # Whoever answers twice to one question may be answering somebody else's: nothing of it is believed.
    body = story("proto-body-behind-length").encode()
    yield PageCase("proto-body-behind-length", "protocol", Raw(head + b"Content-Length: %d\r\n\r\n" % len(body) + body + b"GET / HTTP/1.1\r\n\r\n"), broken)  # fmt: skip
    body = story("proto-chunk-extension").encode()
    chunk = b"%x;name=value\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    yield stored("proto-chunk-extension", "protocol", Raw(head + b"Transfer-Encoding: chunked\r\n\r\n" + chunk))
    early = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" * 3
    yield stored("proto-early-hints", "protocol", Raw(early + page("proto-early-hints").render(_NO_PORTS)))
    yield PageCase("proto-tls-on-a-plain-port", "protocol", Raw(b""), Reason.ROBOTS_UNREACHABLE, link=f"https://proto-tls-on-a-plain-port.example:@PORT@{STORY_PATH}")  # fmt: skip
    yield PageCase("proto-nobody-listens", "protocol", Raw(b""), Reason.URL_REFUSED, link=f"http://proto-nobody-listens.example:22{STORY_PATH}")  # fmt: skip
    yield from _types()


def _types() -> Iterator[PageCase]:
    none = Reason.NOT_A_PAGE
    for name, declared, body, reason in (
        ("type-png", "image/png", b"\x89PNG\r\n\x1a\n", none),
        ("type-json", "application/json", b'{"a": 1}', none),
        ("type-multipart", "multipart/x-mixed-replace; boundary=x", b"--x", none),
        ("type-octets", "application/octet-stream", b"<p>x</p>", none),
        ("type-pdf-as-html", "text/html", b"%PDF-1.7\n%\xe2\xe3", none),
        ("type-zip-as-html", "text/html", b"PK\x03\x04" + bytes(99), none),
        ("type-film-as-html", "text/html", b"\0\0\0\x20ftypisom" + bytes(99), none),
        ("type-script", "text/javascript", b"alert(1)", none),
        ("type-rss", "application/rss+xml", b"<rss/>", none),
        ("type-xhtml", "application/xhtml+xml; charset=utf-8", story("type-xhtml").encode(), Reason.NEW),
        ("type-nonsense", ";;;=/", story("type-nonsense").encode(), Reason.NEW),
        ("type-very-long", "text/html; x=" + "y" * 9000, story("type-very-long").encode(), Reason.NEW),
    ):
        yield PageCase(name, "type", Reply(body, (f"Content-Type: {declared}",)), reason)
    body = story("type-missing").encode()
    yield stored("type-missing", "type", Raw(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body))
    yield PageCase("type-missing-and-binary", "type", Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n" + bytes(99)), none)  # fmt: skip


def _statuses() -> Iterator[PageCase]:
    told = dict.fromkeys((400, 401, 402, 403, 405, 406, 409, 418, 421, 423, 451, 499), Reason.HTTP_REFUSED)
    told |= dict.fromkeys((500, 501, 502, 504, 505, 520, 599), Reason.SERVER_ERROR)
    told |= dict.fromkeys((204, 205, 206, 300, 304, 305, 600), Reason.PROTOCOL_ERROR)
    told |= {404: Reason.NOT_FOUND, 410: Reason.GONE, 407: Reason.CONNECT_FAILED, 408: Reason.TIMEOUT}
    told |= dict.fromkeys((429, 503), Reason.THROTTLED)
    for status, reason in told.items():
        name = f"status-{status}"
        body = b"" if status in (204, 304) else story(name).encode()
        yield PageCase(name, "status", Reply(body, status=f"{status} Told"), reason)
    for name, value in {
        "seconds": "120",
        "negative": "-5",
        "for-ever": "9" * 40,
        "past": "Mon, 01 Jan 1990 00:00:00 GMT",
        "future": "Fri, 31 Dec 9999 23:59:59 GMT",
        "nonsense": "soon\ttomorrow",
    }.items():
        reply = Reply(b"", (f"Retry-After: {value}",), status="429 Too Many Requests")
        yield PageCase(f"retry-after-{name}", "status", reply, Reason.THROTTLED)


# --------------------------------------------------------------------------------------------------------- redirects


def to(location: str, status: str = "302 Found") -> Reply:
    return Reply(b"", (f"Location: {location}",), status=status)


def _redirects() -> Iterator[PageCase]:
    refused, blocked, circle = Reason.URL_REFUSED, Reason.BLOCKED_ADDRESS, Reason.TOO_MANY_REDIRECTS
    for status in (301, 302, 303, 307, 308):
        name = f"redirect-{status}"
        yield stored(name, "redirect", to("/news/moved.html", f"{status} Moved"), more={"/news/moved.html": page(name)})
    for count, reason in ((10, Reason.NEW), (11, circle)):
        name = f"redirect-{count}-times"
        hops: dict[str, Answer] = {f"/news/{n}.html": to(f"/news/{n + 1}.html") for n in range(1, count)}
        hops[f"/news/{count}.html"] = page(name)
        yield PageCase(name, "redirect", to("/news/1.html"), reason, more=hops)
    yield PageCase("redirect-to-itself", "redirect", to(STORY_PATH), circle)
    yield PageCase("redirect-in-a-circle", "redirect", to("/b"), circle, more={"/b": to("/c"), "/c": to("/b")})
    grown: dict[str, Answer] = {f"/a{'a' * n}": to(f"/a{'a' * (n + 1)}") for n in range(30)}
    yield PageCase("redirect-that-grows", "redirect", to("/a"), circle, more=grown)
    for name, location, reason in (
        ("ftp", "ftp://redirect-ftp.example/x", refused),
        ("file", "file:///etc/passwd", refused),
        ("javascript", "javascript:alert(1)", refused),
        ("data", "data:text/html,<p>x", refused),
        ("gopher", "gopher://127.0.0.1:6379/_FLUSHALL", refused),
        ("unix", "unix:///var/run/docker.sock", refused),
        ("about", "about:blank", refused),
        ("ssh-port", "http://redirect-ssh-port.example:22/", refused),
        ("redis-port", "http://redirect-redis-port.example:6379/", refused),
        ("port-0", "http://redirect-port-0.example:0/", refused),
        ("port-99999", "http://redirect-port.example:99999/", refused),
        ("no-host", "http:///x", Reason.NOT_FOUND),
        ("bad-host", "http://a b.example/x", refused),
        ("long", "/" + "a" * 3000, refused),
        ("empty-label", "http://a..example/x", refused),
        ("canary", "http://127.0.0.1:@CANARY@/", blocked),
        ("second-address", "http://127.0.0.2:@PORT@/", blocked),
        ("other-address-by-name", "http://names-loopback.example:@PORT@/", blocked),
        ("user-info-hides-host", "http://www.news.example@127.0.0.1:@CANARY@/", blocked),
        ("backslash-hides-host", "http://127.0.0.1:@CANARY@\\@www.news.example/", refused),
        ("to-private-then-ok", "/hop", blocked),
    ):
        more = {"/hop": to("http://10.0.0.1/")} if name == "to-private-then-ok" else {}
        yield PageCase(f"redirect-{name}", "redirect", to(location), reason, more=more)
    for name, location in {
        "scheme-relative": "//redirect-scheme-relative.example:@PORT@/news/x.html",
        "dotted": "../news/./a/../x.html",
        "with-user-info": "http://desk:hunter2@redirect-with-user-info.example:@PORT@/news/x.html",
        "with-fragment": "/news/x.html#top",
        "upper-case-scheme": "HTTP://REDIRECT-upper-case-scheme.example:@PORT@/news/x.html",
        "to-another-site": "http://another-site-of-the-wire.example:@PORT@/news/x.html",
    }.items():
        case = f"redirect-{name}"
        yield stored(case, "redirect", to(location), more={"/news/x.html": page(case)}, lacks=("hunter2",))
    yield stored("redirect-raw-utf8", "redirect", to("/news/süd ost.html"), more={"/news/s%C3%BCd%20ost.html": page("redirect-raw-utf8")})  # fmt: skip
    yield PageCase("redirect-no-location", "redirect", Reply(b"", status="302 Found"), Reason.PROTOCOL_ERROR)
    yield PageCase("redirect-empty-location", "redirect", to(""), Reason.PROTOCOL_ERROR)
    yield PageCase("redirect-home", "redirect", to("/"), Reason.HOME_PAGE, more={"/": page("redirect-home")})
    yield PageCase("redirect-into-robots", "redirect", to("/private/x"), Reason.ROBOTS_DISALLOWED, more={"/private/x": page("redirect-into-robots"), "/robots.txt": robots("Disallow: /private/")})  # fmt: skip
    refresh = Reply(story("redirect-refresh-header"), ("Refresh: 0; url=http://127.0.0.1:@CANARY@/",))
    yield stored("redirect-refresh-header", "redirect", refresh)
    meta = '<meta http-equiv="refresh" content="0; url=http://127.0.0.1:@CANARY@/">'
    yield stored("redirect-meta-refresh", "redirect", page("redirect-meta-refresh", head=meta))


# --------------------------------------------------------------------------------------------------------- addresses

# Every way to write an address that is not on the public internet; tests/workers/http judges many more of them.
PRIVATE_FORMS = {
    "loopback": "127.0.0.1", "localhost": "localhost", "localhost-dot": "localhost.", "sub-localhost": "a.localhost",
    "loopback-dot": "127.0.0.1.", "two-parts": "127.1", "three-parts": "127.0.1", "hex-parts": "0x7f.0x0.0x0.0x1",
    "hex": "0x7f000001", "decimal": "2130706433", "octal": "017700000001", "octal-parts": "0177.0.0.01",
    "mixed": "0x7f.0.1", "any": "0.0.0.0", "zero": "0", "ten": "10.0.0.1", "twelve": "172.16.0.1",
    "sixteen": "192.168.1.1", "metadata": "169.254.169.254", "metadata-decimal": "2852039166", "shared": "100.64.0.1",
    "protocol": "192.0.0.192", "documentation": "203.0.113.7", "benchmark": "198.18.0.1", "multicast": "224.0.0.1",
    "reserved": "240.0.0.1", "broadcast": "255.255.255.255", "relay": "192.88.99.1", "cloud": "168.63.129.16",
    "v6-loopback": "[::1]", "v6-any": "[::]", "v6-mapped": "[::ffff:127.0.0.1]", "v6-mapped-hex": "[::ffff:7f00:1]",
    "v6-compatible": "[::127.0.0.1]", "v6-nat64": "[64:ff9b::7f00:1]", "v6-local-nat64": "[64:ff9b:1::7f00:1]",
    "v6-6to4": "[2002:7f00:1::]", "v6-teredo": "[2001:0:7f00:1::8]", "v6-link": "[fe80::1]", "v6-unique": "[fd00::1]",
    "v6-metadata": "[fd00:ec2::254]", "v6-site": "[fec0::1]", "v6-multicast": "[ff02::1]", "v6-doc": "[2001:db8::1]",
    "v6-long": "[0000:0000:0000:0000:0000:0000:0000:0001]", "full-width": "１２７.0.0.1", "circled": "①②⑦.0.0.1",
    "ideographic-dots": "127。0。0。1",
}  # fmt: skip
_ANNOUNCED = (
    "loopback", "localhost", "metadata", "v6-loopback", "v6-mapped", "v6-nat64", "ten", "any", "full-width",
    "sub-localhost",
)  # fmt: skip


def _addresses() -> Iterator[PageCase]:
    blocked = Reason.BLOCKED_ADDRESS
    for form, host in PRIVATE_FORMS.items():
        yield PageCase(f"address-{form}", "address", to(f"http://{host}:@PORT@/" if host == "[::1]" else f"http://{host}/"), blocked)  # fmt: skip
    for form in _ANNOUNCED:
        name = f"announced-{form}"
        yield PageCase(name, "address", Raw(b""), blocked, link=f"http://{PRIVATE_FORMS[form]}/news/{form}.html")


def _names() -> Iterator[PageCase]:
    blocked, origin = Reason.BLOCKED_ADDRESS, "127.0.0.1"
    for name, addresses in {
        "names-loopback": ["127.0.0.2"],
        "names-private": ["10.0.0.1"],
        "names-metadata": ["169.254.169.254"],
        "names-v6-loopback": ["::1"],
        "names-v6-unique": ["fd00::1"],
        "names-v6-mapped": ["::ffff:127.0.0.2"],
        "names-nat64": ["64:ff9b::7f00:2"],
        "names-6to4": ["2002:7f00:2::1"],
        "names-good-and-bad": [origin, "127.0.0.2"],
        "names-bad-and-good": ["::1", origin],
        "names-many": [origin] * 200 + ["10.0.0.1"],
    }.items():
        yield PageCase(name, "names", page(name), blocked, names=(tuple(addresses),))
    yield PageCase("names-none", "names", page("names-none"), Reason.DNS_FAILED, names=((),))
    rebound = ((origin,), ("127.0.0.2",))
    yield PageCase("names-changed-after-robots", "names", page("names-changed-after-robots"), blocked, names=rebound)
    again = ((origin,), (origin,), ("10.0.0.1",))
    yield PageCase("names-changed-at-a-redirect", "names", to("/b"), blocked, names=again, more={"/b": page("b")})
    yield stored("names-long", "names", page("names-long"), link=f"http://{'a.' * 60}names-long.example:@PORT@{STORY_PATH}")  # fmt: skip
    yield PageCase("names-label-too-long", "names", to(f"http://{'a' * 70}.example/"), Reason.URL_REFUSED)


def robots(*lines: str) -> Reply:
    return Reply("\n".join(("User-agent: *", *lines)), ("Content-Type: text/plain",))


def _robots() -> Iterator[PageCase]:
    unreachable, disallowed = Reason.ROBOTS_UNREACHABLE, Reason.ROBOTS_DISALLOWED
    big = "# filler\n" * 70_000
    for name, answer, reason in (
        ("disallows", robots("Disallow: /"), disallowed),
        ("500", Reply(b"", status="500 Broken"), unreachable),
        ("503", Reply(b"", status="503 Broken"), unreachable),
        ("hangs-up", Raw(b""), unreachable),
        ("is-silent", _after(4, b""), unreachable),
        ("401", Reply(b"", status="401 No"), Reason.NEW),
        ("is-html", page("robots-is-html"), Reason.NEW),
        ("is-binary", Reply(bytes(range(256)) * 40, ("Content-Type: text/plain",)), Reason.NEW),
        ("is-a-bomb", packed("", "gzip", bomb(31), "Content-Type: text/plain"), Reason.NEW),
        (
            "is-endless",
            endless(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n", b"# x\n" * 5000, 0),
            Reason.NEW,
        ),
        ("late-rule", Reply(f"User-agent: *\nAllow: /\n{big}Disallow: /", ("Content-Type: text/plain",)), Reason.NEW),
        ("star-flood", robots("Disallow: /" + "*a" * 500 + "$"), Reason.NEW),
        ("many-rules", robots(*(f"Disallow: /x{n}*" for n in range(20_000))), Reason.NEW),
        ("mark-in-front", Reply("\ufeffUser-agent: *\nDisallow: /", ("Content-Type: text/plain",)), disallowed),
        ("to-private", to("http://10.0.0.1/robots.txt"), unreachable),
        ("in-a-circle", to("/robots.txt"), Reason.NEW),
    ):
        case = f"robots-{name}"
        yield PageCase(case, "robots", page(case), reason, more={"/robots.txt": answer})


TRANSPORT_CASES = tuple(
    case
    for family in (_time, _size, _codings, _protocol, _statuses, _redirects, _addresses, _names, _robots)
    for case in family()
)
