"""From a page to a record: the story, its fingerprint and its verdict belong together."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from known_origin import page as known_page
from known_origin import paragraphs

from pipeline.identity.fingerprints import METHOD, fingerprint
from pipeline.judging import MODEL, judge_story
from pipeline.outcomes import Reason
from pipeline.reading import READER
from pipeline.record import READER_VERSION, read_record, record_of
from pipeline.values import EntryHints, FetchedPage, StoryRecord, Unread

URL = "https://www.outlet.example/story/7"
SENTENCE = (
    "The defence ministry announced on Tuesday that it would send twelve air-defence launchers and ammunition to "
    "Ukraine, after parliament approved the military aid package against Russia's invasion. "
)


def fetched(html: str) -> FetchedPage:
    headers = (("content-type", "text/html; charset=utf-8"),)
    return FetchedPage(URL, URL, 200, headers, html.encode(), datetime(2026, 3, 1, 12, tzinfo=UTC), 0.1)


def record_from(html: str) -> StoryRecord:
    record = read_record(fetched(html), EntryHints())
    assert isinstance(record, StoryRecord)
    return record


def article(title: str, *texts: str) -> str:
    body = "".join(f"<p>{text}</p>" for text in texts)
    head = f"<head><title>{title}</title></head>"
    return f"<html lang=en>{head}<body><article><h1>{title}</h1>{body}</article></body></html>"


def test_a_page_becomes_its_paragraphs_with_their_own_fingerprint() -> None:
    record = record_from(known_page(7))
    assert record.story.text.split("\n\n") == paragraphs(7)
    assert record.fingerprint == fingerprint(record.story.title, record.story.text)


def test_a_report_about_arms_is_conflict_policy_and_one_about_lanterns_is_not() -> None:
    arms = record_from(article("Ministry to send launchers to Ukraine", *[SENTENCE * 3, SENTENCE * 2]))
    assert arms.verdict.is_conflict_policy
    assert not record_from(known_page(7)).verdict.is_conflict_policy


def test_a_page_without_a_story_keeps_its_reason_and_gets_no_verdict() -> None:
    unread = read_record(fetched("<html><body><p>Hi.</p></body></html>"), EntryHints())
    assert isinstance(unread, Unread)
    assert unread.reason is Reason.NO_TEXT


def test_reading_a_page_twice_gives_the_same_record() -> None:
    assert record_from(known_page(7)) == record_from(known_page(7))


def test_another_text_gets_another_fingerprint_and_a_verdict_of_its_own() -> None:
    story = record_from(known_page(7)).story
    changed = record_of(replace(story, title="Ministry to send launchers to Ukraine", text=SENTENCE * 4))
    assert changed.fingerprint.content_hash != record_of(story).fingerprint.content_hash
    own = changed.story
    assert changed.verdict == judge_story(own.title, own.standfirst, own.text, own.language, own.published_at)


def test_the_title_counts_in_the_fingerprint_of_a_brief() -> None:
    brief = replace(record_from(known_page(7)).story, text="Talks will go on.")
    one, other = (
        record_of(replace(brief, title=title)) for title in ("Envoys meet in Geneva", "Ceasefire talks stall")
    )
    assert one.fingerprint.content_hash != other.fingerprint.content_hash


def test_a_record_names_the_rules_that_made_it() -> None:
    assert record_from(known_page(7)).reader == READER_VERSION
    assert all(version in READER_VERSION for version in (READER, METHOD, MODEL))
