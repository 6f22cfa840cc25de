"""Live reports: split into dated entries where the page shows or declares them; other pages with times are not."""

# ruff: noqa: E501 - markup is easier to read unbroken

from __future__ import annotations

import json
from datetime import UTC, datetime

from reading_pages import PARAGRAPHS, TITLE, document, story

LIVE_URL = "https://news.example.org/live/grain-ships"
HEADS = ("Patrol leaves harbour", "First ship passes", "Insurers react", "Talks open again")


def posts(tag: str = "div") -> str:
    return "".join(
        f"<{tag} class=x{number}><time datetime=2024-09-13T1{number}:30:00Z>1{number}:30</time><h2>{head}</h2><p>{text}</p></{tag}>"
        for number, (head, text) in enumerate(zip(HEADS, PARAGRAPHS, strict=True))
    )


def live_page(body: str, updates: object = None) -> str:
    facts = {"@type": "LiveBlogPosting", "headline": TITLE, "datePublished": "2024-09-13T09:00:00Z"}
    facts |= {"liveBlogUpdate": updates} if updates else {}
    return document(
        f"<article><h1>{TITLE}</h1>{body}</article>",
        f"<script type=application/ld+json>{json.dumps(facts)}</script>",
        json_ld=False,
    )


def test_a_live_report_is_split_into_its_dated_entries() -> None:
    got = story(live_page(f"<div>{posts()}</div>"))
    assert got.kind == "live"
    assert [(entry.at, entry.heading, entry.text) for entry in got.live_entries] == [
        (datetime(2024, 9, 13, 10 + number, 30, tzinfo=UTC), head, text)
        for number, (head, text) in enumerate(zip(HEADS, PARAGRAPHS, strict=True))
    ]
    assert all(text in got.text for text in PARAGRAPHS)


def test_entries_that_only_json_ld_has_are_taken_from_there() -> None:
    updates = [
        {"@type": "BlogPosting", "headline": head, "articleBody": text, "datePublished": f"2024-09-13T1{number}:30:00Z"}
        for number, (head, text) in enumerate(zip(HEADS, PARAGRAPHS, strict=True))
    ]
    got = story(live_page("".join(f"<p>{text}</p>" for text in PARAGRAPHS), updates))
    assert [(entry.heading, entry.text) for entry in got.live_entries] == list(zip(HEADS, PARAGRAPHS, strict=True))


def test_a_live_report_without_dated_entries_is_marked() -> None:
    got = story(live_page("".join(f"<p>{text}</p>" for text in PARAGRAPHS)))
    assert (got.kind, got.live_entries) == ("live", ())


def test_an_address_alone_makes_no_live_report_of_an_ordinary_story() -> None:
    got = story(
        document(f"<article><h1>{TITLE}</h1>{''.join(f'<p>{p}</p>' for p in PARAGRAPHS)}</article>"), url=LIVE_URL
    )
    assert (got.kind, got.live_entries) == ("story", ())


def test_dated_comments_under_a_story_are_no_entries() -> None:
    remarks = "".join(
        f"<li><time datetime=2024-09-14T0{n}:00:00Z>{n}:00</time><p>Reader {n} thinks that this was overdue.</p></li>"
        for n in range(5)
    )
    text = "".join(f"<p>{p}</p>" for p in PARAGRAPHS)
    got = story(live_page(f"{text}<section class=comments><ol>{remarks}</ol></section>"))
    assert got.live_entries == ()


def test_an_entry_from_the_future_has_no_instant() -> None:
    got = story(live_page(f"<div>{posts().replace('2024-09-13T10', '2031-09-13T10')}</div>"))
    assert [entry.at is None for entry in got.live_entries] == [True, False, False, False]
