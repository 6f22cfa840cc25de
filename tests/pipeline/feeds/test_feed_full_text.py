"""When the text in a feed stands in for the page: never a teaser, and not before it was found equal."""

from __future__ import annotations

from dataclasses import replace

import pytest
from feed_samples import NOW, item, page, polled_state, reading, rss

from pipeline.feeds import plan_poll
from pipeline.feeds.fulltext import AGREED_MIN, agreed_after, full_text, is_whole
from pipeline.outcomes import FullText
from pipeline.values import Content, Entry

SENTENCE = "The committee met on Sunday in the old town hall and heard nine witnesses about the bridge, number {}. "
STORY = "".join(f"<p>{SENTENCE.format(number) * 2}</p>" for number in range(5))


def content_of(body: str) -> Content | None:
    feed = rss(item("a", f"<description>Short.</description><content:encoded><![CDATA[{body}]]></content:encoded>"))
    named = feed.replace(b"<rss ", b'<rss xmlns:content="http://purl.org/rss/1.0/modules/content/" ')
    (entry,) = reading(named).entries
    return entry.content


@pytest.mark.parametrize(
    "tail",
    ["…", "...", "[&hellip;]", "<a href='x'>Read more</a>", "Continue reading", "<b>Weiterlesen</b> »", "Читать далее"],
)
def test_a_teaser_is_no_content_however_long(tail: str) -> None:
    assert content_of(STORY) is not None
    assert content_of(STORY + tail) is None


def test_few_words_are_no_content() -> None:
    assert content_of("<p>The committee met on Sunday.</p>") is None


def test_content_is_a_page_that_names_its_headline_and_escapes_it() -> None:
    content = full_text(STORY, 'Guns & "butter" <b>again</b>')
    assert content is not None
    assert '<h1>Guns &amp; "butter" again</h1>' in content.body


def planned(setting: FullText, agreed: int, key: str = "00000001") -> Content | None:
    entry = Entry(key=key, url="https://wire.example/1", content=Content("text/html", STORY))
    read = replace(reading(rss(item("a"))), entries=(entry,))
    state = polled_state(full_text=setting, full_text_agreed=agreed)
    (announced,) = plan_poll(state, page(rss(item("a"))), read, {}, NOW, 0.5).announced
    return announced.content


def test_a_feed_is_compared_with_its_pages_until_three_stories_agreed() -> None:
    probe = planned(FullText.AUTO, 0)
    assert probe is not None
    assert (probe.is_probe, probe.media_type) == (True, "text/plain")
    used = planned(FullText.AUTO, AGREED_MIN)
    assert used is not None
    assert not used.is_probe


def test_one_story_in_twenty_is_compared_for_ever_and_after_a_cut_one_only_those() -> None:
    drawn = planned(FullText.AUTO, AGREED_MIN, key="00000014")
    assert drawn is not None
    assert drawn.is_probe
    assert planned(FullText.AUTO, -1) is None
    again = planned(FullText.AUTO, -1, key="00000014")
    assert again is not None
    assert again.is_probe


def test_a_person_may_say_so_or_forbid_it() -> None:
    used = planned(FullText.ALWAYS, -1)
    assert used is not None
    assert not used.is_probe
    assert planned(FullText.NEVER, AGREED_MIN) is None


def test_agreement_grows_story_by_story_and_ends_with_the_first_cut_one() -> None:
    assert [agreed_after(0, True), agreed_after(2, True), agreed_after(3, True)] == [1, 3, 3]
    assert [agreed_after(3, False), agreed_after(-1, False), agreed_after(-1, True)] == [-1, -1, 0]


def test_a_text_is_whole_when_it_holds_what_the_page_tells() -> None:
    whole = " ".join(SENTENCE.format(number) for number in range(8))
    assert is_whole(whole + "This post appeared first elsewhere.", whole)
    assert not is_whole(" ".join(SENTENCE.format(number) for number in range(6)), whole)
    assert not is_whole(whole, "")
