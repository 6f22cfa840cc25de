"""The whole demo wire through the reading room and the judging room: every page must give its truth."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from pipeline.outcomes import Reason
from pipeline.reading import read_page
from pipeline.values import CleanStory, EntryHints, FetchedPage, Unread
from workers.demo import ExpectedPage, truth
from workers.demo.answers import answers

NOW = datetime(2026, 3, 14, 12, 20, tzinfo=UTC)
ANSWERS = answers(NOW, 1)
STORIES = [page for page in truth(NOW).values() if page.paragraphs]
WALLS = [page for page in truth(NOW).values() if page.reason in (Reason.CONSENT_WALL, Reason.PAYWALL, Reason.SOFT_404)]


def read(page: ExpectedPage) -> CleanStory | Unread:
    """The page as its feed announced it, fetched five minutes after `NOW`."""
    answer = ANSWERS[page.page_url]
    fetched = FetchedPage(
        url=page.url,
        final_url=page.page_url,
        status=answer.status,
        headers=tuple((name.lower(), value) for name, value in answer.headers),
        body=answer.body,
        fetched_at=NOW + timedelta(minutes=5),
        elapsed_s=0.1,
    )
    return read_page(fetched, EntryHints(title=page.title, published_at=page.published_at, language=page.language))


def story_of(page: ExpectedPage) -> CleanStory:
    story = read(page)
    assert isinstance(story, CleanStory), story
    return story


@pytest.mark.parametrize("page", STORIES, ids=lambda page: page.url.removeprefix("http://"))
def test_a_story_is_read_word_for_word_and_nothing_else(page: ExpectedPage) -> None:
    story = story_of(page)
    assert story.text.split("\n\n") == list(page.paragraphs)
    assert story.title == page.title
    assert story.authors == page.authors
    assert story.published_at == page.published_at


@pytest.mark.parametrize("page", STORIES, ids=lambda page: page.url.removeprefix("http://"))
def test_what_stands_around_a_story_goes_into_its_own_field(page: ExpectedPage) -> None:
    story = story_of(page)
    assert [line for line in page.never if line in story.text] == []
    assert (story.kicker or "") == page.kicker
    assert (story.standfirst or "") == page.standfirst
    assert story.captions == page.captions
    assert set(story.credits) == set(page.credits)
    assert set(page.subheads) <= set(story.subheads)
    assert story.language == page.language


@pytest.mark.parametrize("page", WALLS, ids=lambda page: page.reason)
def test_a_page_without_a_story_gives_its_reason(page: ExpectedPage) -> None:
    unread = read(page)
    assert isinstance(unread, Unread)
    assert unread.reason == page.reason
