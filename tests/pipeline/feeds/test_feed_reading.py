from __future__ import annotations

import gzip
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from time import process_time

import pytest
from feed_samples import FEED_URL, NOW, item, only_entry, reading, rss, versions

from pipeline.feeds import read_feed
from pipeline.feeds.entries import ENTRIES_MAX
from pipeline.values import Listing

# ---------------------------------------------------------------------------------------------------------- links


@pytest.mark.parametrize(
    ("link", "url"),
    [
        ("https://wire.example/a?utm_source=rss&amp;id=4", "https://wire.example/a?id=4"),
        ("/a", "https://wire.example/a"),
        ("a.html", "https://wire.example/feeds/a.html"),
        ("//wire.example/a", "https://wire.example/a"),
        ("www.other.example/a", "https://www.other.example/a"),
        ("wire.example/a", "https://wire.example/a"),
        ("\n  https://wire.example/a\n  ", "https://wire.example/a"),
        ("<![CDATA[https://wire.example/a?b=1&copy=2]]>", "https://wire.example/a?b=1&copy=2"),
        ("https://wire.example/a?b=1&c=2", "https://wire.example/a?b=1&c=2"),
    ],
)
def test_a_link_becomes_absolute_and_canonical(link: str, url: str) -> None:
    assert only_entry(f"<title>T</title><link>{link}</link>").url == url


@pytest.mark.parametrize(
    "inside",
    [
        "<title>No link</title>",
        "<title>T</title><link>javascript:alert(1)</link>",
        "<title>T</title><link>mailto:desk@wire.example</link>",
        "<title>T</title><link>ftp://wire.example/a</link>",
        "<title>T</title><guid>12345</guid>",
        "<title>T</title><guid>urn:uuid:0c2d</guid>",
        f"<title>T</title><link>{FEED_URL}</link>",
        "<title>T</title><link>#top</link>",
        f"<title>T</title><link>https://wire.example/{'a' * 2100}</link>",
    ],
)
def test_an_entry_without_a_usable_link_is_counted_and_left_out(inside: str) -> None:
    read = reading(rss(inside, item(1)))

    assert [entry.title for entry in read.entries] == ["T 1"]
    assert read.refused == 1


ODD_ELEMENTS = ["<{0}>text</{0}>", "<{0} href='x' rel='alternate'>text</{0}>", "<{0}/>"]


@pytest.mark.parametrize("name", ["authors", "tags", "content", "author_detail", "published_parsed"])
@pytest.mark.parametrize("element", ODD_ELEMENTS)
def test_an_element_with_a_name_that_feedparser_keeps_for_itself_breaks_no_feed(name: str, element: str) -> None:
    entry = only_entry(f"<title>T</title>{element.format(name)}<link>https://wire.example/a</link>")
    assert (entry.title, entry.url) == ("T", "https://wire.example/a")


@pytest.mark.parametrize("element", ODD_ELEMENTS)
def test_an_element_called_links_raises_nothing_though_feedparser_reads_no_further(element: str) -> None:
    inside = f"{element.format('links')}<title>T</title><link>https://wire.example/a</link>"
    assert len(reading(rss(inside)).entries) <= 1


@pytest.mark.parametrize("link", ["", "<link></link>", "<link/>"])
def test_a_permalink_guid_stands_in_for_a_missing_link(link: str) -> None:
    entry = only_entry(f"<title>T</title>{link}<guid>https://wire.example/p/1</guid>")

    assert entry.url == "https://wire.example/p/1"


def test_a_guid_does_not_replace_a_link_that_is_there() -> None:
    entry = only_entry("<link>https://wire.example/real</link><guid>https://wire.example/?p=1</guid>")

    assert entry.url == "https://wire.example/real"


def test_the_first_alternate_of_an_atom_entry_is_its_link() -> None:
    body = b"""<feed xmlns="http://www.w3.org/2005/Atom"><entry><id>1</id>
      <link rel="self" href="https://wire.example/api/1"/><link rel="alternate" type="application/json" href="/1.json"/>
      <link href="https://wire.example/en/1"/><link rel="alternate" hreflang="fr" href="https://wire.example/fr/1"/>
      </entry></feed>"""

    assert [entry.url for entry in reading(body).entries] == ["https://wire.example/en/1"]


def test_a_url_listed_twice_gives_its_first_entry_only() -> None:
    again = "<title>Again</title><link>https://wire.example/1?utm_source=x</link><guid>other</guid>"

    assert [entry.title for entry in reading(rss(item(1), again)).entries] == ["T 1"]


# ------------------------------------------------------------------------------------------------- keys and versions


def test_the_key_is_the_guid_so_that_a_moved_entry_stays_the_same() -> None:
    before = only_entry("<link>https://wire.example/old</link><guid>g1</guid>")
    after = only_entry("<link>https://wire.example/new</link><guid>g1</guid>")

    assert before.key == after.key == sha256(b"g1").hexdigest()


def test_without_a_guid_the_key_is_the_url() -> None:
    entry = only_entry("<link>https://wire.example/a?utm_source=rss</link>")

    assert entry.key == sha256(b"https://wire.example/a").hexdigest()


def test_a_guid_reused_for_other_links_names_no_entry() -> None:
    read = reading(rss(*(f"<link>https://wire.example/{n}</link><guid>0</guid>" for n in range(3)), item(9)))

    assert [entry.key for entry in read.entries] == [
        *(sha256(f"https://wire.example/{n}".encode()).hexdigest() for n in range(3)),
        sha256(b"g9").hexdigest(),
    ]


@pytest.mark.parametrize(
    ("change", "is_edit"),
    [
        ("<title>T, corrected</title><description>S</description>", True),
        ("<title>T</title><description>S, and more</description>", True),
        ("<title>T</title><description>S</description><atom:updated>2026-11-22T17:00:00Z</atom:updated>", True),
        ("<title>T</title><description>&lt;p&gt;S&lt;/p&gt;</description>", False),
        ("<title> T </title><description>S</description><category>War</category>", False),
    ],
)
def test_the_version_changes_with_the_words_and_not_with_the_markup(change: str, is_edit: bool) -> None:
    link = "<link>https://wire.example/1</link>"
    before = only_entry(f"<title>T</title><description>S</description>{link}")

    assert (only_entry(change + link).version != before.version) == is_edit


# ------------------------------------------------------------------------------------------------------------- text


@pytest.mark.parametrize(
    ("title", "plain"),
    [
        ("<![CDATA[<b>Envoys</b> meet&nbsp;again]]>", "Envoys meet again"),
        ("Envoys &lt;i&gt;meet&lt;/i&gt; again", "Envoys meet again"),
        ("Envoys &amp;lt;i&amp;gt;meet&amp;lt;/i&amp;gt; again", "Envoys meet again"),
        ("AT&amp;T &amp;amp; the navy&amp;#8217;s radio", "AT&T & the navy’s radio"),
        ("Envoys\n\t meet   again", "Envoys meet again"),
        ("if x &lt; y and y &gt; z", "if x < y and y > z"),
        ("&lt;script&gt;steal()&lt;/script&gt;Envoys meet", "Envoys meet"),
        ("Envoys meet &lt;a href=", "Envoys meet"),
        ("&lt;img alt='a &gt; b' src='x'&gt;Envoys meet", "Envoys meet"),
        ("&lt;b title='it's'&gt;Envoys&lt;/b&gt; meet", "Envoys meet"),
        ("Envoys \u202emeet", "Envoys meet"),
        ("R&D budget & 5 < 6", "R&D budget & 5 < 6"),
    ],
)
def test_a_title_is_plain_text_on_one_line(title: str, plain: str) -> None:
    assert only_entry(f"<title>{title}</title><link>https://wire.example/1</link>").title == plain


def test_long_titles_authors_and_summaries_are_cut() -> None:
    entry = only_entry(
        f"<title>{'ź' * 900}</title><dc:creator>{'a' * 900}</dc:creator><description>{'word ' * 900}</description>"
        "<link>https://wire.example/1</link>"
    )

    assert entry.title == "ź" * 512
    assert entry.authors == ("a" * 512,)
    assert entry.summary is not None
    assert len(entry.summary) <= 2000
    assert entry.summary.startswith("word word")


@pytest.mark.parametrize(
    ("author", "names"),
    [
        ("<author>desk@wire.example (The Desk)</author>", ("The Desk",)),
        ("<author>The Desk &lt;desk@wire.example&gt;</author>", ("The Desk",)),
        ("<author>desk@wire.example</author>", ()),
        ("<dc:creator>Ann Roe</dc:creator><dc:creator>Bo Lee</dc:creator>", ("Ann Roe", "Bo Lee")),
        ("<dc:creator>Ann Roe</dc:creator><dc:creator>Ann Roe</dc:creator>", ("Ann Roe",)),
    ],
)
def test_authors_are_names_without_addresses(author: str, names: tuple[str, ...]) -> None:
    assert only_entry(f"<link>https://wire.example/1</link>{author}").authors == names


def test_a_pictures_words_are_not_the_entrys() -> None:
    entry = only_entry(
        "<media:content url='https://img.example/1.jpg'><media:title>Photo</media:title>"
        "<media:description>A bridge.</media:description></media:content>"
        "<title>Envoys meet</title><link>https://wire.example/1</link><description>They talked.</description>"
    )

    assert (entry.title, entry.summary) == ("Envoys meet", "They talked.")


# ------------------------------------------------------------------------------------------------------------ dates


@pytest.mark.parametrize(
    ("raw", "instant"),
    [
        ("Sun, 22 Nov 2026 10:00:00 GMT", datetime(2026, 11, 22, 10, tzinfo=UTC)),
        ("Sun, 22 Nov 2026 10:00:00 +0200", datetime(2026, 11, 22, 8, tzinfo=UTC)),
        ("Sun, 22 Nov 2026 10:00:00 CET", datetime(2026, 11, 22, 9, tzinfo=UTC)),
        ("22 Nov 2026 10:00", datetime(2026, 11, 22, 10, tzinfo=UTC)),
        ("2026-11-22T10:00:00.123Z", datetime(2026, 11, 22, 10, 0, 0, 123000, tzinfo=UTC)),
        ("2026-11-22 10:00:00 +01:00", datetime(2026, 11, 22, 9, tzinfo=UTC)),
        ("2026-11-22", datetime(2026, 11, 22, tzinfo=UTC)),
    ],
)
def test_a_date_is_read_and_without_zone_it_is_utc(raw: str, instant: datetime) -> None:
    entry = only_entry(f"<link>https://wire.example/1</link><pubDate>{raw}</pubDate>")

    assert (entry.published_at, entry.published_raw) == (instant, None)


@pytest.mark.parametrize(
    "raw",
    [
        "Mon, 22 Nov 1971 10:00:00 GMT",
        "Mon, 23 Nov 2026 18:00:01 GMT",
        "some time ago",
        "0000-00-00T00:00:00Z",
        "x" * 255,
    ],
)
def test_a_date_out_of_bounds_or_unreadable_is_kept_raw(raw: str) -> None:
    entry = only_entry(f"<link>https://wire.example/1</link><pubDate>{raw}</pubDate>")

    assert (entry.published_at, entry.published_raw) == (None, raw)


def test_an_entry_dated_a_day_ahead_is_still_dated() -> None:
    entry = only_entry("<link>https://wire.example/1</link><pubDate>Mon, 23 Nov 2026 18:00:00 GMT</pubDate>")

    assert entry.published_at == NOW + timedelta(days=1)


# ---------------------------------------------------------------------------------------------------------- charset

CYRILLIC = '<?xml version="1.0"{}?><rss version="2.0"><channel><item><title>Перемирие</title><link>https://a.example/1</link></item></channel></rss>'


@pytest.mark.parametrize(
    ("declared", "codec", "content_type"),
    [
        ("", "utf-8", None),
        ("", "utf-8-sig", "text/xml; charset=windows-1251"),
        (' encoding="windows-1251"', "utf-8", "text/xml; charset=ISO-8859-1"),
        (' encoding="windows-1251"', "cp1251", None),
        ("", "koi8-r", "application/rss+xml; charset=KOI8-R"),
        ("", "utf-16", None),
        (' encoding="utf-16"', "utf-16-be", "text/xml"),
        (' encoding="utf-8"', "utf-16-le", "text/xml; charset=utf-8"),
    ],
)
def test_the_title_is_right_whatever_is_said_of_the_charset(
    declared: str, codec: str, content_type: str | None
) -> None:
    read = reading(CYRILLIC.format(declared).encode(codec), content_type)

    assert [entry.title for entry in read.entries] == ["Перемирие"]


def test_one_damaged_byte_costs_one_letter() -> None:
    body = CYRILLIC.format("").encode().replace("м".encode(), b"\xd0", 1)

    assert [entry.title for entry in reading(body).entries] == ["Пере�ирие"]


def test_a_charset_that_is_no_text_codec_is_not_used() -> None:
    read = reading(rss(item(1)), "text/xml; charset=zlib_codec")

    assert [entry.title for entry in read.entries] == ["T 1"]


def test_control_characters_neither_break_the_feed_nor_reach_the_title() -> None:
    read = reading(rss("<title>A\x0bB&#27;C</title><link>https://wire.example/1</link>", item(2)))

    assert [entry.title for entry in read.entries] == ["ABC", "T 2"]


# ----------------------------------------------------------------------------------------------------- caps, hostile


def test_entries_above_the_cap_are_read_once_the_others_are_known() -> None:
    body = rss(*(item(n) for n in range(ENTRIES_MAX + 5)))

    first = reading(body)
    second = reading(body, known=Listing(versions(first.entries)))

    assert (len(first.entries), first.beyond_cap) == (ENTRIES_MAX, 5)
    assert (len(second.entries), second.beyond_cap) == (ENTRIES_MAX + 5, 0)


def test_an_empty_feed_is_a_feed() -> None:
    assert (reading(rss()).problem, reading(rss()).entries) == (None, ())


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"   ",
        b"hello",
        b"<html><body>Sign in</body></html>",
        b"<!doctype html><p>Just a moment...",
        b'{"error": "not found"}',
        b"[1, 2]",
        b"\x89PNG\r\n\x1a\n\x00\x00",
        b'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"><url><loc>https://a.example/</loc></url></urlset>',
        b'<rss version="2.0"><channel>' + b"<a>" * 120_001,
        b'<rss version="2.0"><channel>' + b"&amp;" * 1_000_001,
        b'<rss version="2.0" ' + b'a="1" ' * 20_000 + b"><channel>",
    ],
)
def test_what_is_no_feed_gives_one_sentence_and_no_entries(body: bytes) -> None:
    read = reading(body)

    assert read.entries == ()
    assert read.problem is not None
    assert read.problem.endswith(".")


def test_markup_inside_cdata_does_not_count_against_a_feed() -> None:
    image = f'<img src="data:image/png;base64,{"A" * 70_000}">'
    inside = f"<description><![CDATA[{'<p>Short.</p>' * 70_000}{image}]]></description>"

    assert reading(rss(item(1, inside))).problem is None


@pytest.mark.parametrize("reference", ["&#x110000;", "&#xD800;", "&#1114112;", "&#99999999999999999999;", "&#xFFFF;"])
def test_a_reference_to_no_character_does_not_cost_the_feed(reference: str) -> None:
    read = reading(rss(f"<title>A{reference}B &#x1F54A; &#128330;</title><link>https://wire.example/1</link>"))

    assert [entry.title for entry in read.entries] == ["AB 🕊 🕊"]


def test_a_story_about_xml_entities_is_read() -> None:
    inside = (
        "<title>T</title><link>https://wire.example/1</link><description><![CDATA[Use <!ENTITY a 'b'>]]></description>"
    )

    assert reading(rss(inside)).problem is None


@pytest.mark.parametrize(
    "body",
    [
        b'<rss version="2.0"><channel><item><author>x@' + b"a." * 500_000 + b"</author></item></channel></rss>",
        b'<rss version="2.0"><channel><item><title>' + b"&lt;!--" * 9_000 + b"</title></item></channel></rss>",
        b'<rss version="2.0"><channel><item><title>' + b"&lt;script " * 9_000 + b"</title></item></channel></rss>",
        b'{"version": "https://jsonfeed.org/version/1", "items": ' + b"[" * 1_000_000,
    ],
    ids=["author", "comments", "scripts", "brackets"],
)
def test_a_feed_made_to_be_slow_is_read_within_the_budget_of_ten_cpu_seconds(body: bytes) -> None:
    """P22. Without their guards some of these shapes take longer."""
    started_s = process_time()
    read_feed(body, None, FEED_URL, NOW)

    assert process_time() - started_s < 10.0


@pytest.mark.parametrize(
    ("head", "ttl_s", "update_period_s"),
    [
        ("<ttl>15</ttl>", 900.0, None),
        ("<ttl>soon</ttl>", None, None),
        ("<ttl>-5</ttl>", None, None),
        ("<sy:updatePeriod>hourly</sy:updatePeriod><sy:updateFrequency>2</sy:updateFrequency>", None, 1800.0),
        ("<ttl>15</ttl><sy:updatePeriod>daily</sy:updatePeriod>", 900.0, 86_400.0),
        ("", None, None),
    ],
)
def test_what_the_publisher_asks_for_is_read_in_seconds(
    head: str, ttl_s: float | None, update_period_s: float | None
) -> None:
    read = reading(rss(item(1), head=head))
    assert (read.ttl_s, read.update_period_s) == (ttl_s, update_period_s)


def test_a_sitemap_packed_with_gzip_is_unpacked_and_a_damaged_one_is_empty() -> None:
    plain = (Path(__file__).parent / "golden" / "newssitemap.xml").read_bytes()
    packed = gzip.compress(plain, mtime=0)
    assert reading(packed) == reading(plain)
    assert reading(packed[:4] + b"\x00" * 40).problem == "The body is empty."
