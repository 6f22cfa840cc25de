"""Feed cases: XML attacks, floods, guids, links, dates, encodings, redirects, validators that lie, trackers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from html import escape

from hostile_cases import FeedCase, gzipped, packed
from hostile_server import Answer, Raw, Reply
from transport_cases import PRIVATE_FORMS, bomb, endless, to

from pipeline.outcomes import PollOutcome, Reason

NEW, NOTHING, SAME = PollOutcome.NEW_ENTRIES, PollOutcome.NOTHING_NEW, PollOutcome.SAME_BODY
NOT_MODIFIED, NO_FEED, FAILED = PollOutcome.NOT_MODIFIED, PollOutcome.NOT_A_FEED, PollOutcome.FAILED
RSS = "Content-Type: application/rss+xml"


def item(name: str, number: int = 1, *, title: str | None = None, link: str | None = None, more: str = "") -> str:
    """An RSS item with a link of the case's own."""
    link = f"http://www.{name}.example/news/{number}" if link is None else link
    shown = f"Report {number} of {name}" if title is None else title
    return f"<item><title>{shown}</title><link>{link}</link>{more}</item>"


def rss(items: str, *, before: str = "", channel: str = "") -> str:
    return f'{before}<rss version="2.0"><channel><title>Wire</title>{channel}{items}</channel></rss>'


def feed(text: str | bytes, *headers: str) -> Reply:
    return Reply(text, headers or (RSS,))


def announced(name: str, *numbers: int) -> tuple[str, ...]:
    return tuple(f"http://www.{name}.example/news/{number}" for number in numbers)


def _xml() -> Iterator[FeedCase]:
    def dtd(declared: str, used: str) -> str:
        return rss(item("x", title=used), before=f"<!DOCTYPE rss [{declared}]>")

    laughs = '<!ENTITY a0 "ha">' + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
    for name, text in {
        "laughs": dtd(laughs, "&a9;"),
        "quadratic": dtd(f'<!ENTITY a "{"x" * 100_000}">', "&a;" * 9_000),
        "external-file": dtd('<!ENTITY a SYSTEM "file:///etc/passwd">', "&a;"),
        "external-http": dtd('<!ENTITY a SYSTEM "http://127.0.0.1:@CANARY@/x">', "&a;"),
        "external-public": dtd('<!ENTITY a PUBLIC "x" "http://127.0.0.1:@CANARY@/x">', "&a;"),
        "parameter": dtd('<!ENTITY % a SYSTEM "http://127.0.0.1:@CANARY@/x"> %a;', "x"),
        "recursive": dtd('<!ENTITY a "&b;"><!ENTITY b "&a;">', "&a;"),
        "data-url": dtd('<!ENTITY a SYSTEM "data:,x">', "&a;"),
        "php-filter": dtd('<!ENTITY a SYSTEM "php://filter/resource=/etc/passwd">', "&a;"),
        "unparsed": dtd('<!NOTATION n SYSTEM "x"><!ENTITY a SYSTEM "x" NDATA n>', "x"),
        "sitemap-laughs": f"<!DOCTYPE urlset [{laughs}]><urlset><url><loc>&a9;</loc></url></urlset>",
    }.items():
        yield FeedCase(f"xml-{name}", "xml", feed(text), (NO_FEED,), new=0)
    for name, before in {
        "dtd-http": '<!DOCTYPE rss SYSTEM "http://127.0.0.1:@CANARY@/rss.dtd">',
        "dtd-public": '<!DOCTYPE rss PUBLIC "-//N//DTD RSS 0.91//EN" "http://127.0.0.1:@CANARY@/rss.dtd">',
        "stylesheet": '<?xml-stylesheet type="text/xsl" href="http://127.0.0.1:@CANARY@/x.xsl"?>',
        "declaration-late": "\n\n  <?xml version='1.0'?>",
        "declared-twice": "<?xml version='1.0'?><?xml version='1.0'?>",
        "warning-in-front": "<br/>Warning: include(): failed in /var/www/x.php on line 3<br/>",
    }.items():
        case = f"xml-{name}"
        yield FeedCase(case, "xml", feed(rss(item(case), before=before)), new=1, links=announced(case, 1))
    include = '<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="file:///etc/passwd" parse="text"/>'
    yield FeedCase("xml-xinclude", "xml", feed(rss(item("xml-xinclude", title=f"Ministers {include}"))), new=1, lacks=("root:",))  # fmt: skip
    schema = ' xsi:schemaLocation="x http://127.0.0.1:@CANARY@/x.xsd" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'  # fmt: skip
    text = rss(item("xml-schema")).replace("<rss", f"<rss{schema}")
    yield FeedCase("xml-schema", "xml", feed(text), new=1)


def _broken() -> Iterator[FeedCase]:
    for name, text in {
        "bare-ampersands": rss(item("broken-bare-ampersands", title="A & B & C")),
        "html-entities": rss(item("broken-html-entities", title="A&nbsp;&eacute;&mdash;B")),
        "controls": rss(item("broken-controls", title="A\x00\x08\x1bB")),
        "bad-references": rss(item("broken-bad-references", title="A&#0;&#xD800;&#x110000;B")),
        "unclosed": rss(item("broken-unclosed"))[:-20],
        "crossed-tags": rss(item("broken-crossed-tags", title="<b><i>A</b></i>")),
        "wrong-root-case": rss(item("broken-wrong-root-case")).replace("rss", "RSS"),
        "no-namespace": rss(item("broken-no-namespace", more="<dc:creator>Ana</dc:creator>")),
        "open-cdata": rss(item("broken-open-cdata") + "<item><title><![CDATA[x</title></item>"),
    }.items():
        yield FeedCase(f"broken-{name}", "broken", feed(text), new=1)
    for name, text in {
        "empty": "",
        "spaces": " \n ",
        "html": "<!DOCTYPE html><html><body><p>Moved.</p></body></html>",
        "html-with-items": "<html><body><item><title>x</title></item></body></html>",
        "json-error": '{"error": "no such feed"}',
        "json-list": "[1, 2, 3]",
        "json-deep": '{"a":' * 100_000,
        "json-cut": '{"version": "https://jsonfeed.org/version/1.1", "items": [{"id": "1"',
        "plain": "No feed today.",
        "opml": '<opml version="2.0"><body><outline xmlUrl="http://a.example/"/></body></opml>',
        "svg": '<svg xmlns="http://www.w3.org/2000/svg"/>',
        "sitemap-index": "<sitemapindex><sitemap><loc>http://127.0.0.1:@CANARY@/</loc></sitemap></sitemapindex>",
        "sitemap-of-all": "<urlset><url><loc>http://a.example/1</loc></url></urlset>",
        "null-bytes": "\0" * 500,
        "brackets": "<" * 200_000,
    }.items():
        yield FeedCase(f"broken-{name}", "broken", feed(text), (NO_FEED,), new=0)

    yield FeedCase("broken-deep", "broken", feed("<rss>" + "<a>" * 100_000), (NOTHING,), new=0)


def _floods() -> Iterator[FeedCase]:
    many = "".join(item("flood-100000", n) for n in range(100_000))
    yield FeedCase("flood-100000", "flood", feed(rss(many)), (NO_FEED,), new=0)
    json_items = [{"id": str(n), "url": f"http://www.flood-json.example/{n}"} for n in range(100_000)]
    text = json.dumps({"version": "https://jsonfeed.org/version/1.1", "items": json_items})
    yield FeedCase("flood-json-100000", "flood", feed(text, "Content-Type: application/feed+json"), (NEW, NEW), new=4000)  # fmt: skip
    yield FeedCase("flood-5000", "flood", feed(rss("".join(item("flood-5000", n) for n in range(5_000)))), (NEW, NEW, NEW), new=5000)  # fmt: skip
    for name, text in {
        "same-link": rss(item("flood-same-link") * 5_000),
        "empty-items": rss(item("flood-empty-items") + "<item/>" * 9_000),
        "title-of-a-megabyte": rss(item("flood-title-of-a-megabyte", title="word " * 200_000)),
        "description": rss(item("flood-description", more=f"<description>{'&lt;p&gt;x' * 300_000}</description>")),
        "authors": rss(item("flood-authors", more="<author>Ana</author>" * 5_000)),
        "categories": rss(item("flood-categories", more="<category>x</category>" * 9_000)),
        "links-in-item": rss(item("flood-links-in-item", more="<link>http://a.example/</link>" * 3_000)),
        "enclosures": rss(item("flood-enclosures", more="<enclosure url='http://127.0.0.1:@CANARY@/'/>" * 5_000)),
        "namespaces": rss(item("flood-namespaces")).replace(
            "<rss", "<rss " + " ".join(f'xmlns:a{n}="b{n}"' for n in range(2_000))
        ),
        "guid-of-a-megabyte": rss(item("flood-guid-of-a-megabyte", more=f"<guid>{'x' * 1_000_000}</guid>")),
        "dotted-author": rss(item("flood-dotted-author", more=f"<author>{'a.' * 100_000}</author>")),
    }.items():
        yield FeedCase(f"flood-{name}", "flood", feed(text), new=1)
    for name, text in {
        "attributes": rss(item("flood-attributes")).replace(
            "<rss", "<rss " + " ".join(f"a{n}='1'" for n in range(9_000))
        ),
        "nested": rss("<item>" + "<b>" * 130_000),
    }.items():
        yield FeedCase(f"flood-{name}", "flood", feed(text), (NO_FEED,), new=0)


def _guids() -> Iterator[FeedCase]:
    def two(first: str, second: str) -> str:
        return item("x", 1, more=first) + item("x", 2, more=second)

    for name, items, new in (
        ("missing", item("guid-missing", 1) + item("guid-missing", 2), 2),
        ("reused", two("<guid>0</guid>", "<guid>0</guid>"), 2),
        ("empty", two("<guid/>", "<guid> </guid>"), 2),
        ("same-entry-twice", item("guid-twice", more="<guid>7</guid>") * 2, 1),
        ("not-a-permalink", item("g", link="", more='<guid isPermaLink="false">12345</guid>'), 0),
        ("as-link", "<item><title>x</title><guid>http://www.guid-as-link.example/a</guid></item>", 1),
        ("script-as-link", "<item><title>x</title><guid>javascript:alert(1)</guid></item>", 0),
    ):
        items = items.replace("http://www.x.", f"http://www.guid-{name}.")
        yield FeedCase(f"guid-{name}", "guids", feed(rss(items)), (NEW,) if new else (NOTHING,), new=new)
    stolen = rss(item("guid-stolen-by", 1, more="<guid>http://www.guid-stolen-from.example/news/1</guid>"))
    theirs = rss(item("guid-stolen-from", 1, more="<guid>http://www.guid-stolen-from.example/news/1</guid>"))
    yield FeedCase("guid-stolen-by", "guids", feed(stolen), new=1, links=announced("guid-stolen-by", 1))
    yield FeedCase("guid-stolen-from", "guids", feed(theirs), new=1, links=announced("guid-stolen-from", 1))
    swapped = [feed(rss(item("guid-moves", 1, more="<guid>1</guid>"))), feed(rss(item("guid-moves", 2, more="<guid>1</guid>")))]  # fmt: skip
    yield FeedCase("guid-moves", "guids", swapped, (NEW, NOTHING), new=2, links=announced("guid-moves", 2))


def _links() -> Iterator[FeedCase]:
    for name, link in {
        "javascript": "javascript:alert(1)", "data": "data:text/html,x", "file": "file:///etc/passwd",
        "ftp": "ftp://a.example/x", "mailto": "mailto:a@b.example", "tel": "tel:+1", "vbscript": "vbscript:x",
        "chrome": "chrome://settings", "about": "about:blank", "ssh": "ssh://a.example", "gopher": "gopher://a.example",
        "empty": "", "anchor": "#top", "spaces-in-host": "http://a b.example/",
        "broken-v6": "http://[::1/x", "two-parts": "http://127.1/x", "hex": "http://0x7f000001/x",
        "decimal": "http://2130706433/x", "octal": "http://017700000001/x", "port-99999": "http://a.example:99999/", "control": "http://a.example/&#1;\x7fx\x01",
        "long": "http://a.example/" + "a" * 3_000, "entity-scheme": "java&#115;cript:alert(1)",
    }.items():  # fmt: skip
        case = f"link-{name}"
        yield FeedCase(case, "links", feed(rss(item(case, link=link))), (NOTHING,), new=0)
    for name, link, url in (
        ("relative", "/news/1", "http://link-relative.example:@PORT@/news/1"),
        ("dotted", "../a/./b", "http://link-dotted.example:@PORT@/a/b"),
        ("scheme-relative", "//www.link-s.example/1", "http://www.link-s.example/1"),
        ("user-info", "http://desk:hunter2@www.link-u.example/1", "http://www.link-u.example/1"),
        (
            "tracker",
            "http://www.link-t.example/1?utm_source=rss&amp;id=7&amp;fbclid=x",
            "http://www.link-t.example/1?id=7",
        ),
        ("fragment", "http://www.link-f.example/1#c", "http://www.link-f.example/1"),
        ("default-port", "http://www.link-d.example:80/1", "http://www.link-d.example/1"),
        ("upper-case", "HTTP://WWW.LINK-C.EXAMPLE/A", "http://www.link-c.example/A"),
        ("idn", "http://bücher.link-i.example/ä", "http://xn--bcher-kva.link-i.example/%C3%A4"),
        ("backslash", "http:\\\\www.link-b.example\\1", "http://www.link-b.example/1"),
        ("line-break", "http://www.link-l.example/\n1", "http://www.link-l.example/1"),
        ("escaped-twice", "http://www.link-e.example/?a=1&amp;amp;b=2", "http://www.link-e.example/?a=1&b=2"),
        ("private-address", "http://127.0.0.1:@CANARY@/x", "http://127.0.0.1:@CANARY@/x"),
    ):
        yield FeedCase(f"link-{name}", "links", feed(rss(item("x", link=link))), new=1, links=(url,), lacks=("hunter2",))  # fmt: skip


def _dates() -> Iterator[FeedCase]:
    for name, date in {
        "far-future": "Fri, 31 Dec 9999 23:59:59 GMT", "before-time": "Mon, 01 Jan 0001 00:00:00 GMT",
        "year-99999": "99999-01-01T00:00:00Z", "month-13": "2026-13-45T25:61:61Z", "nonsense": "yesterday at noon",
        "offset": "Mon, 02 Mar 2026 10:00:00 +9999", "digits": "9" * 5_000, "script": escape("<script>alert(1)</script>"),
        "negative": "-0001-01-01T00:00:00Z", "leap-second": "2016-12-31T23:59:60Z", "epoch": "0", "zone": "2026-03-02T10:00:00 ZZZT",
    }.items():  # fmt: skip
        case = f"date-{name}"
        yield FeedCase(case, "dates", feed(rss(item(case, more=f"<pubDate>{date}</pubDate>"))), new=1)


def _encodings() -> Iterator[FeedCase]:
    def told(codec: str, said: str | None, title: str) -> bytes:
        before = f"<?xml version='1.0' encoding='{said}'?>" if said else ""
        return rss(item("x", title=title), before=before).encode(codec)

    russian, french = "Министры договорились о перемирии", "Les ministres à l’été"
    for name, body, content_type, title in (
        ("utf16-unsaid", told("utf-16-le", None, russian), "text/xml", russian),
        ("utf16-mark", b"\xfe\xff" + told("utf-16-be", "utf-16", russian), "text/xml", russian),
        ("utf32", b"\xff\xfe\0\0" + told("utf-32-le", "utf-32", russian), "text/xml", russian),
        ("cp1251-declared", told("cp1251", "windows-1251", russian), "text/xml", russian),
        ("utf8-called-cp1251", told("utf-8", "windows-1251", russian), "text/xml; charset=windows-1251", russian),
        ("cp1252-called-utf8", told("cp1252", "utf-8", french), "text/xml; charset=utf-8", french),
        ("zlib", told("utf-8", "zlib", french), "text/xml; charset=zlib", french),
        ("utf7", told("utf-8", "utf-7", french), "text/xml; charset=utf-7", french),
        ("two-marks", b"\xef\xbb\xbf\xef\xbb\xbf" + told("utf-8", "utf-8", french), "text/xml", french),
        ("no-charset-of-any-kind", told("utf-8", "x" * 300, french), "text/xml; charset=" + "x" * 300, french),
    ):
        case = f"encoding-{name}"
        marked = body.replace("www.x.".encode(_codec_of(body)), f"www.{case}.".encode(_codec_of(body)))
        yield FeedCase(case, "encodings", feed(marked, f"Content-Type: {content_type}"), new=1, titles=(title,))
    bidi = rss(item("encoding-bidi", title="Ministers \u202egpj.exe \u200b\u2066x"))
    yield FeedCase("encoding-bidi", "encodings", feed(bidi), new=1, lacks=("\u202e", "\u2066"))


def _codec_of(body: bytes) -> str:
    if body.startswith(b"\xff\xfe\0\0"):
        return "utf-32-le"
    if body.startswith(b"\xfe\xff"):
        return "utf-16-be"
    return "utf-16-le" if body[1:2] == b"\0" else "utf-8"


def _transport() -> Iterator[FeedCase]:
    for form in ("loopback", "localhost", "metadata", "decimal", "v6-loopback", "v6-mapped", "ten", "two-parts"):
        location = f"http://{PRIVATE_FORMS[form]}/feed.xml"
        for status in ("301 Moved", "302 Found"):
            case = f"feed-{status[:3]}-to-{form}"
            yield FeedCase(case, "redirects", to(location, status), (FAILED,) * 3, Reason.BLOCKED_ADDRESS, new=0)
    yield FeedCase("feed-to-file", "redirects", to("file:///etc/passwd"), (FAILED,), Reason.URL_REFUSED, new=0)
    yield FeedCase("feed-in-a-circle", "redirects", to("/feed.xml"), (FAILED,), Reason.TOO_MANY_REDIRECTS, new=0)
    whole = feed(rss(item("feed-moved")))
    moved = "http://feed-moved.example:@PORT@/new.xml"
    yield FeedCase("feed-moved", "redirects", to("/new.xml", "301 Moved"), (NEW, SAME, SAME), new=1, more={"/new.xml": whole}, moved=moved)  # fmt: skip
    yield FeedCase("feed-moved-for-now", "redirects", to("/new.xml"), (NEW, SAME, SAME), new=1, more={"/new.xml": feed(rss(item("feed-moved-for-now")))})  # fmt: skip
    wavering: Answer = [to("/a.xml", "301 M"), to("/b.xml", "301 M"), to("/a.xml", "301 M")]
    both = feed(rss(item("feed-wavering")))
    yield FeedCase("feed-wavering", "redirects", wavering, (NEW, SAME, SAME), new=1, more={"/a.xml": both, "/b.xml": both})  # fmt: skip
    for name, addresses in {"names-private": "10.0.0.1", "names-second-loopback": "127.0.0.2", "names-v6": "::1"}.items():  # fmt: skip
        yield FeedCase(f"feed-{name}", "redirects", whole, (FAILED,), Reason.BLOCKED_ADDRESS, new=0, names=((addresses,),))  # fmt: skip
    rebound = (("127.0.0.1",), ("127.0.0.2",))
    yield FeedCase("feed-names-change", "redirects", feed(rss(item("feed-names-change"))), (NEW, FAILED), Reason.BLOCKED_ADDRESS, new=1, names=rebound)  # fmt: skip
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\n"
    for name, answer, reason in (
        ("gzip-bomb", packed("", "gzip", bomb(31)), Reason.TOO_LARGE),
        ("endless", endless(head + b"\r\n", b"<item>" * 9_000, 0), Reason.TOO_LARGE),
        ("drip", endless(head + b"Content-Length: 9000\r\n\r\n", b"<", 0.1), Reason.TIMEOUT),
        ("short", Raw(head + b"Content-Length: 9000\r\n\r\n<rss>"), Reason.BAD_BODY),
        ("brotli", packed("", "br", b"x"), Reason.UNKNOWN_CODING),
        ("wrong-checksum", packed("", "gzip", gzipped(rss(""))[:-8] + bytes(8)), Reason.BAD_BODY),
        ("picture", Reply(b"\x89PNG\r\n\x1a\n", ("Content-Type: image/png",)), Reason.NOT_A_PAGE),
        ("not-http", Raw(b"220 smtp\r\n"), Reason.PROTOCOL_ERROR),
        ("404", Reply(b"", status="404 Not Found"), Reason.NOT_FOUND),
        ("410", Reply(b"", status="410 Gone"), Reason.GONE),
        ("403", Reply(b"", status="403 No"), Reason.HTTP_REFUSED),
        ("500", Reply(b"", status="500 Broken"), Reason.SERVER_ERROR),
        ("429", Reply(b"", ("Retry-After: 99999999",), status="429 Slow"), Reason.THROTTLED),
        ("206", Reply(rss(""), status="206 Partial"), Reason.PROTOCOL_ERROR),
        ("304-unasked", Reply(b"", status="304 Not Modified"), Reason.PROTOCOL_ERROR),
    ):
        yield FeedCase(f"feed-{name}", "transport", answer, (FAILED,), reason, new=0)


def _validators() -> Iterator[FeedCase]:
    def version(case: str, number: int, *headers: str) -> Reply:
        return feed(rss("".join(item(case, n) for n in range(number))), RSS, *headers)

    same_tag = [version("validator-never-changes", n, 'ETag: "a"') for n in (1, 2, 3)]
    yield FeedCase("validator-never-changes", "validators", same_tag, (NEW, NEW, NEW), new=3, validator="")
    old = Reply(b"", status="304 Not Modified")
    lying = [version("validator-304-for-ever", 1, 'ETag: "a"'), old, old]
    yield FeedCase("validator-304-for-ever", "validators", lying, (NEW, NOT_MODIFIED, NOT_MODIFIED), new=1)
    for name, tag in {
        "huge": '"' + "a" * 9_000 + '"', "control": '"a\x1b[31mb"', "utf8": '"ä"', "empty": "", "star": "*", "spaces": '" a "',
    }.items():  # fmt: skip
        case = f"validator-{name}"
        yield FeedCase(case, "validators", version(case, 1, f"ETag: {tag}"), (NEW, SAME), new=1)
    yield FeedCase("validator-date-nonsense", "validators", version("validator-date-nonsense", 1, "Last-Modified: soon"), (NEW, SAME), new=1)  # fmt: skip
    cut = rss("".join(item("validator-of-a-cut-body", n) for n in range(3)))
    half = feed(cut[: len(cut) // 2 + 40], RSS, 'ETag: "half"')
    whole = feed(cut, RSS, 'ETag: "whole"')
    yield FeedCase("validator-of-a-cut-body", "validators", [half, whole], (NEW, NEW), new=3, validator='"whole"')
    page = Reply("<html><body>Back soon</body></html>", ('ETag: "page"',))
    good = version("validator-of-a-page", 1, 'ETag: "good"')
    yield FeedCase("validator-of-a-page", "validators", [good, page], (NEW, NO_FEED), new=1, validator='"good"')
    gone = [version("listing-shrinks", 3), version("listing-shrinks", 1), version("listing-shrinks", 3)]
    yield FeedCase("listing-shrinks", "validators", gone, (NEW, NOTHING, NOTHING), new=3)
    dated = [feed(rss(item("back-dated", 1, more="<pubDate>Mon, 02 Mar 2026 10:00:00 GMT</pubDate>") + (item("back-dated", 2, more="<pubDate>Mon, 02 Mar 2020 10:00:00 GMT</pubDate>") if n else ""))) for n in (0, 1)]  # fmt: skip
    yield FeedCase("back-dated", "validators", dated, (NEW, NEW), new=2)


def _texts() -> Iterator[FeedCase]:
    for name, title, shown in (
        ("script", "&lt;script&gt;alert(1)&lt;/script&gt; Ministers", "Ministers"),
        ("script-in-cdata", "<![CDATA[<script>alert(1)</script> Ministers]]>", "Ministers"),
        ("image", "&lt;img src=x onerror=alert(1)&gt;Ministers", "Ministers"),
        ("escaped-twice", "A &amp;amp;lt;b&amp;amp;gt; B", None),
        ("log-line", "Ministers&#10;{&quot;event&quot;: 1}", 'Ministers {"event": 1}'),
        ("ansi", "Ministers\x1b[2J", "Ministers[2J"),
        ("formula", "=1+1", "=1+1"),
        ("sql", "x'); DROP TABLE feeds; --", "x'); DROP TABLE feeds; --"),
    ):
        case = f"text-{name}"
        yield FeedCase(case, "texts", feed(rss(item(case, title=title))), new=1, titles=(shown,) if shown else (), lacks=("alert(1)", "onerror"))  # fmt: skip


FEED_CASES = tuple(
    case
    for family in (_xml, _broken, _floods, _guids, _links, _dates, _encodings, _transport, _validators, _texts)
    for case in family()
)
