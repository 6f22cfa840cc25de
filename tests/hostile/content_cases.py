"""Page cases about what a page says: charsets, nesting, floods, JSON-LD, walls, injections, false identities."""

from __future__ import annotations

import json
from collections.abc import Iterator
from html import escape

from hostile_cases import PageCase, first_words, paragraphs_of, prose, story
from hostile_server import Reply
from transport_cases import page, stored, to

from pipeline.outcomes import Reason

SCRIPT = "<script>alert(1)</script>"


# ---------------------------------------------------------------------------------------------------------- charsets


def coded(name: str, codec: str, header: str | None = None, *, said: str | None = None, text: str = "", mark: bytes = b"") -> PageCase:  # fmt: skip
    """A page whose bytes are in `codec`, with a line of `text`, said to be in `header` or, by meta, in `said`."""
    head = f'<meta http-equiv="content-type" content="text/html; charset={said}">' if said else ""
    body = story(name, head=head, within=f"<p>{text} {escape(paragraphs_of(name)[0])}</p>").replace('<meta charset="utf-8">', "")  # fmt: skip
    declared = f"Content-Type: text/html; charset={header}" if header else "Content-Type: text/html"
    case = stored(name, "charset", Reply(mark + body.encode(codec), (declared,)))
    return case if not text else PageCase(name, "charset", case.answer, has=(*case.has, text))


def _charsets() -> Iterator[PageCase]:
    russian = "Министры договорились о перемирии после долгих переговоров в столице страны на этой неделе, сообщило агентство."  # fmt: skip
    french = "Les ministres se sont réunis à l’été, très tôt, près du château où l’on négocie, a déclaré la présidente."
    japanese = "外務大臣は火曜日に停戦について協議したと通信社が伝えた。"
    chinese = "外交部长周二讨论了停火问题，通讯社报道说。"
    yield coded("charset-utf8-mark", "utf-8", "windows-1251", text=french, mark=b"\xef\xbb\xbf")
    yield coded("charset-utf16-le-mark", "utf-16-le", "utf-8", text=russian, mark=b"\xff\xfe")
    yield coded("charset-utf16-be-mark", "utf-16-be", text=russian, mark=b"\xfe\xff")
    yield coded("charset-utf8-called-latin-1", "utf-8", "iso-8859-1", text=french)
    yield coded("charset-cp1252-called-latin-1", "cp1252", "iso-8859-1", text=french)
    yield coded("charset-cp1251-in-meta", "cp1251", said="windows-1251", text=russian)
    yield coded("charset-koi8", "koi8-r", "koi8-r", text=russian)
    yield coded("charset-shift-jis", "shift_jis", "Shift_JIS", text=japanese)
    yield coded("charset-euc-jp", "euc_jp", said="euc-jp", text=japanese)
    yield coded("charset-iso-2022-jp", "iso2022_jp", "iso-2022-jp", text=japanese)
    yield coded("charset-gb18030", "gb18030", "gb2312", text=chinese)
    yield coded("charset-big5", "big5", "big5", text="外交部長週二討論了停火問題，通訊社報導說。")
    for codec in (
        "utf-7", "zlib_codec", "base64_codec", "rot13", "idna", "punycode", "unicode_escape", "raw_unicode_escape",
        "undefined", "hex", "uu", "mbcs", "x-user-defined", "a" * 60, "utf-8-sig",
    ):  # fmt: skip
        yield coded(f"charset-called-{codec.replace('_', '-')[:20]}", "utf-8", codec, text=french)  # fmt: skip
    yield coded("charset-utf16-lie", "utf-8", "utf-16", text=french)
    yield from _characters()


def _characters() -> Iterator[PageCase]:
    for name, within in {
        "nul-bytes": b"a\0b\0c",
        "controls": bytes(range(1, 9)) + b"\x0b\x0c\x0e\x1b[31m\x7f",
        "lone-surrogate": b"\xed\xa0\x80\xed\xb0\x80",
        "overlong": b"\xc0\xbc\xe0\x80\xbc script",
        "beyond-unicode": b"\xf4\x90\x80\x80\xff\xfe",
        "cut-character": b"\xe2\x82",
        "nul-reference": b"&#0; &#x0; &#27; &#x1b; &#xD800; &#xDFFF; &#x110000; &#99999999999;",
        "noncharacters": "\ufffe\uffff\ufdd0".encode(),
    }.items():
        case = f"charset-{name}"
        body = story(case, within="<p>@HERE@</p>", title=f"Report of {case} @HERE@").encode()
        yield stored(case, "charset", Reply(body.replace(b"@HERE@", within)))
    bidi = "Report \u202egpj.exe\u202c of \u2066x\u2069 \u200fthe day"
    yield stored("charset-bidi-title", "charset", page("charset-bidi-title", title=bidi), title="Report gpj.exe of x the day")  # fmt: skip
    zalgo = "Za" + "\u0301\u0302\u0323" * 400 + "lgo"
    yield stored("charset-zalgo", "charset", page("charset-zalgo", title=zalgo))
    yield stored("charset-title-of-a-megabyte", "charset", page("charset-title-of-a-megabyte", title="word " * 200_000))


# ----------------------------------------------------------------------------------------------------------- nesting


def _nesting() -> Iterator[PageCase]:
    for tag, depth in (
        ("div", 300), ("div", 5_000), ("span", 300), ("b", 3_000), ("font", 3_000), ("blockquote", 300),
        ("table><tr><td", 300), ("ul><li", 400), ("section", 2_000), ("a", 2_000), ("form", 300), ("svg", 2_000),
        ("math", 400), ("select><option", 400), ("button", 400), ("noscript", 400), ("template", 400),
        ("frameset", 400), ("object", 400), ("i><p", 1_000), ("h2", 400), ("custom-tag", 1_000),
    ):  # fmt: skip
        name = f"nesting-{tag.split('>')[0]}-{depth}"
        opened, closed = f"<{tag}>" * depth, "".join(f"</{part.strip('<>')}>" for part in reversed(tag.split(">"))) * depth  # fmt: skip
        yield stored(name, "nesting", page(name, after=f"{opened}deep{closed}"))
    name = "nesting-around-the-story"
    yield stored(name, "nesting", page(name, before="<div>" * 240, after="</div>" * 240))
    name = "nesting-never-closed"
    yield stored(name, "nesting", page(name, after="<div>" * 15_000))
    name = "nesting-only-ends"
    yield stored(name, "nesting", page(name, after="</div>" * 15_000))
    name = "nesting-crossed"
    yield stored(name, "nesting", page(name, after="<b><i></b></i>" * 4_000))


# ------------------------------------------------------------------------------------------------------------ floods


# Floods that read like text of the page.
_DROWNING = frozenset({"tags-30000", "named-references", "brackets", "zero-width", "references", "pre"})


def _floods() -> Iterator[PageCase]:
    flooded: dict[str, str] = {
        "tags-30000": "<i>x</i>" * 15_000,
        "links": "".join(f"<a href=/x/{n}>Link {n}</a> " for n in range(9_000)),
        "paragraphs": "<p>word" * 18_000,
        "breaks": "<br>" * 18_000,
        "attributes": f"<p {' '.join(f'a{n}=1' for n in range(5_000))}>x</p>",
        "one-attribute": f"<p title='{'x' * 2_000_000}'>x</p>",
        "classes": f"<p class='{' '.join(f'c{n}' for n in range(50_000))}'>x</p>",
        "references": "<p>" + "&amp;" * 400_000 + "</p>",
        "numeric-references": "<p>" + "&#65;" * 300_000 + "</p>",
        "named-references": "<p>" + "&CounterClockwiseContourIntegral;" * 50_000 + "</p>",
        "unclosed-comments": "<!-- " * 100_000,
        "comments": "<!-- x -->" * 50_000,
        "unclosed-scripts": "<script>" * 10_000,
        "scripts": "<script>var a = '<p>';</script>" * 5_000,
        "huge-script": f"<script>{'x' * 600_000}</script>",
        "cdata": "<![CDATA[x]]>" * 20_000,
        "brackets": "<" * 90_000,
        "processing": "<?xml ?>" * 20_000,
        "doctypes": "<!DOCTYPE html>" * 10_000,
        "headings": "<h2>Head</h2>" * 6_000,
        "images": "<img src=x alt=y>" * 15_000,
        "frames": "<iframe src='http://127.0.0.1:@CANARY@/'></iframe>" * 2_000,
        "styles": "<style>p{color:red}</style>" * 3_000,
        "one-word": f"<p>{'a' * 1_500_000}</p>",
        "same-word": f"<p>{'buffalo ' * 100_000}</p>",
        "pre": f"<pre>{'line of text here' * 8}\n" * 9_000 + "</pre>",
        "spaces": " \n\t" * 600_000,
        "zero-width": f"<p>{chr(0x200B) * 300_000}</p>",
        "cells": f"<table>{'<tr><td>1<td>2' * 5_000}</table>",
        "quotes": "<p a='\"" * 20_000,
        "names": f"<{'x' * 300_000}>",
    }  # fmt: skip
    for name, after in flooded.items():
        case = f"flood-{name}"
        # Where the flood reads like text, the page says nothing else: what matters is that it ends, within its budget.
        reason = Reason.EXTRACT_BUDGET if name == "pre" else Reason.NEW
        yield PageCase(
            case, "flood", page(case, after=after), reason, has=() if name in _DROWNING else first_words(case)
        )
    yield PageCase("flood-tags-150000", "flood", page("flood-tags-150000", before="<i></i>" * 75_000), Reason.TOO_COMPLEX)  # fmt: skip
    in_head = {
        "metas": "<meta property='og:title' content='Another title of the flood'>" * 9_000,
        "meta-of-a-megabyte": f"<meta name='description' content='{'x ' * 500_000}'>",
        "titles": "<title>Another</title>" * 5_000,
        "json-blocks": f"<script type='application/ld+json'>{json.dumps({'@type': 'NewsArticle', 'headline': 'X'})}</script>"
        * 4_000,
        "canonicals": "<link rel='canonical' href='http://www.elsewhere.example/x'>" * 5_000,
        "laughs": "<!DOCTYPE x [<!ENTITY a 'ha'><!ENTITY b '&a;&a;&a;&a;'><!ENTITY c '&b;&b;&b;&b;'>]>" + "&c;" * 900,
        "preloads": "<link rel=preload as=script href='http://127.0.0.1:@CANARY@/x.js'>" * 3_000,
    }
    for name, head in in_head.items():
        case = f"flood-{name}"
        yield stored(case, "flood", page(case, head=head))


# ----------------------------------------------------------------------------------------------------------- JSON-LD


def declared(name: str, raw: str) -> PageCase:
    """A page whose JSON-LD is `raw`."""
    return stored(name, "json-ld", page(name, head=f'<script type="application/ld+json">{raw}</script>'))


def _json_ld() -> Iterator[PageCase]:
    odd: dict[str, object] = {
        "number": 7, "huge-number": 10**300, "list": [["a"], [["b"]]], "object": {"@value": {"x": 1}}, "null": None,
        "true": True, "empty": "", "script": SCRIPT, "lone-surrogate": "\ud800 x",
    }  # fmt: skip
    fields = ("headline", "author", "datePublished", "articleBody", "publisher", "image", "articleSection", "description")  # fmt: skip
    for kind, value in odd.items():
        node = {"@context": "https://schema.org", "@type": "NewsArticle", **dict.fromkeys(fields, value)}
        yield declared(f"json-{kind}", json.dumps(node))
    for kind, value in {"type-number": 7, "type-object": {"a": 1}, "type-null": None, "type-nested": [["NewsArticle"]]}.items():  # fmt: skip
        yield declared(f"json-{kind}", json.dumps({"@type": value, "headline": "X", "mainEntity": value}))
    deep = "[" * 20_000 + "]" * 20_000
    dates = ["9999-99-99", "-1", "99999-01-01T00:00:00Z", "2026-01-01T99:99:99+99:99", "1e999", "0000-00-00"]
    yield declared("json-deep", deep)
    yield declared("json-deep-author", '{"@type":"NewsArticle","author":' + '{"name":' * 500 + '"x"' + "}" * 500 + "}")
    yield declared("json-not-json", '{"@type": "NewsArticle", headline: }')
    yield declared("json-nan", '{"@type": "NewsArticle", "headline": NaN, "datePublished": -Infinity}')
    yield declared("json-long-integer", '{"@type": "NewsArticle", "headline": ' + "9" * 50_000 + "}")
    yield declared("json-twice-the-key", '{"@type": "NewsArticle", "@type": "Thing", "headline": 1, "headline": "x"}')
    yield declared("json-top-string", '"NewsArticle"')
    yield declared("json-dates", json.dumps([{"@type": "NewsArticle", "datePublished": date} for date in dates]))
    yield declared("json-authors", json.dumps({"@type": "NewsArticle", "author": [{"name": f"Name {n}"} for n in range(9_000)]}))  # fmt: skip
    yield declared("json-graph", json.dumps({"@graph": [{"@type": "Thing", "hasPart": [{"@type": "Thing"}]}] * 9_000}))
    # The longest text that the page calls its own is believed.
    yield PageCase(
        "json-body",
        "json-ld",
        declared("json-body", json.dumps({"@type": "NewsArticle", "articleBody": "Other words. " * 15_000})).answer,
    )
    yield declared("json-free", json.dumps({"@type": "NewsArticle", "isAccessibleForFree": {"a": []}, "hasPart": [1, None]}))  # fmt: skip
    yield declared("json-in-a-comment", '<!-- {"@type": "NewsArticle", "headline": "x"} -->')


# ------------------------------------------------------------------------------------------------ walls, soft errors


def bare(title: str, body: str) -> Reply:
    return Reply(f"<!DOCTYPE html><html lang=en><head><title>{title}</title></head><body>{body}</body></html>")


def _walls() -> Iterator[PageCase]:
    subscribe = "<p>The ministers met on Monday.</p><div class='paywall'><p>Subscribe to continue reading. Already a subscriber? Log in.</p></div>"  # fmt: skip
    free = '<script type="application/ld+json">{"@type":"NewsArticle","isAccessibleForFree":false}</script>'
    index = "".join(f"<li><a href=/news/{n}.html>Ministers meet again for talks number {n} on the treaty</a></li>" for n in range(60))  # fmt: skip
    consent = "<h1>Before you continue</h1><p>We and our partners use cookies. Give your consent to cookies, or manage your privacy settings.</p><button>Accept all cookies</button>"  # fmt: skip
    for name, reply, reason in (
        (
            "challenge",
            bare("Just a moment...", "<h1>Checking your browser</h1><p>Please enable JavaScript.</p>"),
            Reason.BOT_CHALLENGE,
        ),
        (
            "captcha",
            bare("Security check", "<p>Complete the CAPTCHA to prove that you are human.</p>"),
            Reason.BOT_CHALLENGE,
        ),
        ("denied", bare("Access denied", "<h1>Access denied</h1><p>You have been blocked.</p>"), Reason.BOT_CHALLENGE),
        ("consent", bare("Before you continue", consent), Reason.CONSENT_WALL),
        (
            "paywall",
            bare("Ministers meet", f"{free}<article><h1>Ministers meet</h1>{subscribe}</article>"),
            Reason.PAYWALL,
        ),
        (
            "soft-404",
            bare("Page not found", "<h1>Page not found</h1><p>Sorry, it may have moved.</p>"),
            Reason.SOFT_404,
        ),
        (
            "soft-404-german",
            bare("Seite nicht gefunden", "<h1>Seite nicht gefunden</h1><p>Leider.</p>"),
            Reason.SOFT_404,
        ),
        ("index", bare("Latest news", f"<h1>Latest news</h1><ul>{index}</ul>"), Reason.INDEX_PAGE),
        (
            "video",
            bare(
                "Watch",
                "<meta property='og:type' content='video.other'><h1>Watch</h1><video src=x></video><p>Watch the day.</p>",
            ),
            Reason.MEDIA_PAGE,
        ),
        ("script-only", bare("News", "<div id=root></div><script src=app.js></script>"), Reason.NO_TEXT),
        ("empty-body", bare("News", ""), Reason.NO_TEXT),
        ("frames", Reply("<html><frameset><frame src='http://127.0.0.1:@CANARY@/'></frameset></html>"), Reason.NO_TEXT),
        ("only-spaces", Reply("  \n \t \n"), Reason.NO_TEXT),
        ("home", to("/index.html"), Reason.HOME_PAGE),
        ("consent-host", to("http://consent.wall-consent-host.example:@PORT@/x"), Reason.CONSENT_WALL),
    ):
        case = f"wall-{name}"
        more = {"/index.html": page(case), "/x": bare("Before you continue", consent)}
        yield PageCase(case, "wall", reply, reason, more=more)


# --------------------------------------------------------------------------------------------------------- injection


def _injections() -> Iterator[PageCase]:
    titles = {
        "script-escaped": (escape(SCRIPT) + " Ministers", None),
        "attribute": ("Ministers &quot;onmouseover=alert(1) x=&quot;", 'Ministers "onmouseover=alert(1) x="'),
        "formula-equals": ("=HYPERLINK(&quot;http://a.example&quot;;&quot;Ministers&quot;)", None),
        "formula-plus": ("+1+cmd|' /C calc'!A0 Ministers", None),
        "formula-minus": ("-2+3 Ministers say", None),
        "formula-at": ("@SUM(1+1)*cmd|x Ministers", None),
        "sql": ("Ministers'); DROP TABLE stories; --", "Ministers'); DROP TABLE stories; --"),
        "template": ("{{7*7}} ${7*7} #{7*7} Ministers", "{{7*7}} ${7*7} #{7*7} Ministers"),
        "format": ("%s %n %x {0} {title} {} Ministers", "%s %n %x {0} {title} {} Ministers"),
        "log-line": (
            "Ministers&#10;{&quot;event&quot;: &quot;page&quot;, &quot;level&quot;: &quot;critical&quot;}",
            'Ministers {"event": "page", "level": "critical"}',
        ),
        "ansi": ("Ministers \x1b[2J\x1b]0;owned\x07 meet", "Ministers [2J]0;owned meet"),
        "search-syntax": ('Ministers" OR * NEAR( title:^', 'Ministers" OR * NEAR( title:^'),
    }
    for name, (title, shown) in titles.items():
        case = f"inject-title-{name}"
        yield stored(case, "injection", page(case, title=title), title=shown)
    within = {
        "script": SCRIPT,
        "image": "<img src=x onerror=alert(1)>",
        "svg": "<svg onload=alert(1)><script>alert(1)</script></svg>",
        "link": "<p><a href='javascript:alert(1)'>Ministers</a></p>",
        "style": "<style>@import 'http://127.0.0.1:@CANARY@/x.css';</style>",
        "object": "<object data='http://127.0.0.1:@CANARY@/'></object><embed src='http://127.0.0.1:@CANARY@/'>",
        "base": "<base href='http://127.0.0.1:@CANARY@/'>",
        "import": "<link rel=import href='http://127.0.0.1:@CANARY@/'><img src='http://127.0.0.1:@CANARY@/x.png'>",
        "include": "<!--#include virtual='/etc/passwd' --><xi:include href='file:///etc/passwd'/>",
        "noscript": "<noscript><p title='</noscript><script>alert(1)</script>'></noscript>",
    }
    for name, markup in within.items():
        case = f"inject-{name}"
        yield stored(case, "injection", page(case, within=markup), lacks=("alert(1)", "root:x:", "onerror"))
    yield from _injected_elsewhere()


def _injected_elsewhere() -> Iterator[PageCase]:
    headers = ("ETag: \"a\x1b[31m'; DROP TABLE urls; --\"", "Last-Modified: yesterday", "Server: <script>alert(1)</script>", "Set-Cookie: a=b; Domain=.example")  # fmt: skip
    yield stored("inject-headers", "injection", Reply(story("inject-headers"), headers))
    for name, path in {
        "crlf": "/news/%0d%0aX-Injected:%20yes/story",
        "dots": "/news/..%2f..%2f..%2fetc%2fpasswd",
        "nul": "/news/%00story.html",
        "quotes": "/news/'%22%3Cscript%3E--",
        "percent": "/news/%25%32%65%zz",
        "semicolons": "/news/story;a=b;c",
        "long": "/news/" + "a" * 1900,
    }.items():
        case = f"inject-path-{name}"
        link = f"http://{case}.example:@PORT@{path}"
        asked = (
            path.replace("%0d%0a", "%0D%0A").replace("%2f", "%2F").replace("%zz", "%25zz").replace("%25%32%65", "%252e")
        )
        yield stored(case, "injection", Reply(b"", status="404 Not Found"), link=link, more={asked: page(case)})
    byline = '<meta name="author" content="=cmd|calc!A0">'
    yield stored("inject-author", "injection", page("inject-author", head=byline))
    section = '<meta property="article:section" content="<b onclick=alert(1)>World">'
    yield stored("inject-section", "injection", page("inject-section", head=section), lacks=("onclick",))


# ---------------------------------------------------------------------------------------------------------- identity


def canonical(name: str, href: str, kept: str | None = None) -> PageCase:
    """A page that names `href` as its canonical URL; `kept` is what may be believed of it."""
    head = f'<link rel="canonical" href="{href}"><meta property="og:url" content="{href}">'
    return stored(name, "identity", page(name, head=head), canonical=kept or "")


def _identities() -> Iterator[PageCase]:
    yield canonical("canonical-other-site", "http://status-200.example/news/story.html")
    yield canonical("canonical-private", "http://127.0.0.1:@CANARY@/")
    yield canonical("canonical-script", "javascript:alert(1)")
    yield canonical("canonical-file", "file:///etc/passwd")
    yield canonical("canonical-data", "data:text/html,x")
    yield canonical("canonical-long", "http://canonical-long.example/" + "a" * 3000)
    yield canonical("canonical-credentials-elsewhere", "http://a:b@elsewhere.example/x")
    yield canonical("canonical-garbage", "http://[::1/")
    yield stored("canonical-of-own-site", "identity", page("canonical-of-own-site"))
    thief = '<link rel="canonical" href="http://canonical-of-own-site.example:@PORT@/news/story.html">'
    yield stored("canonical-thief", "identity", page("canonical-thief", head=thief), canonical="", is_late=True)
    yield from _twins()


def _twins() -> Iterator[PageCase]:
    """Pages that say what `twin-original` says, in characters that a reader can't tell apart, or nearly."""
    original = "twin-original"
    yield stored(original, "twins", page(original, title="Report of twin-original"))
    same = {
        "letter-for-letter": lambda text: text,
        "zero-width-space": lambda text: text.replace("o", "o\u200b"),
        "zero-width-joiner": lambda text: text.replace("e", "\u200de"),
        "soft-hyphen": lambda text: text.replace("n", "n\u00ad"),
        "byte-order-mark": lambda text: text.replace(" ", " \ufeff"),
        "word-joiner": lambda text: text.replace("a", "a\u2060"),
        "variation-selector": lambda text: text.replace("t", "t\ufe0f"),
        "direction-marks": lambda text: f"\u200e{text}\u200f",
        "full-width": lambda text: "".join(chr(ord(c) + 0xFEE0) if c.isascii() and c.isalpha() else c for c in text),
        "upper-case": str.upper,
        "wide-spaces": lambda text: text.replace(" ", "\u2003\u00a0 "),
        "references": lambda text: "".join(f"&#{ord(c)};" if c != " " else c for c in text),
        "inline-tags": lambda text: text.replace("The", "T<span>h</span>e"),
    }
    for name, change in same.items():
        text = "\n".join(f"<p>{change(paragraph)}</p>" for paragraph in paragraphs_of(original))
        case = f"twin-{name}"
        reply = page(case, title="Report of twin-original", text=text)
        yield PageCase(case, "twins", reply, Reason.SAME_TEXT, is_late=True)
    for name, old, new in (("cyrillic-letters", "e", "\u0435"), ("other-words", "The", "Many")):
        text = "\n".join(f"<p>{paragraph.replace(old, new)}</p>" for paragraph in paragraphs_of(original))
        case = f"twin-{name}"
        yield PageCase(case, "twins", page(case, title="Report of twin-original", text=text), is_late=True)
    copies = prose(original)
    yield PageCase("twin-with-more", "twins", page("twin-with-more", text=copies + prose("twin-with-more")), has=first_words("twin-with-more")[1:], is_late=True)  # fmt: skip


CONTENT_CASES = tuple(
    case for family in (_charsets, _nesting, _floods, _json_ld, _walls, _injections, _identities) for case in family()
)
