"""The quality floor that runs with every change: the reader over all pages of the demo, against what they print."""

from __future__ import annotations

from datetime import UTC, datetime

from pipeline.reading import read_page
from pipeline.values import CleanStory, EntryHints, FetchedPage
from workers.demo.answers import answers
from workers.demo.expected import truth
from workers.demo.values import ExpectedPage

NOW = datetime(2026, 3, 14, 0, 20, 41, tzinfo=UTC)
PAGES = [page for page in truth(NOW).values() if page.paragraphs]
ANSWERS = answers(NOW, 1)


def read(page: ExpectedPage) -> CleanStory:
    answer = ANSWERS[page.page_url]
    headers = tuple((name.lower(), value) for name, value in dict(answer.headers).items())
    fetched = FetchedPage(page.page_url, page.page_url, 200, headers, answer.body, NOW, 0.1)
    story = read_page(fetched, EntryHints())
    assert isinstance(story, CleanStory), (page.url, story)
    return story


STORIES = {page.url: read(page) for page in PAGES}


def test_every_demo_page_is_read_word_for_word() -> None:
    wrong = [page.url for page in PAGES if STORIES[page.url].text.split("\n\n") != list(page.paragraphs)]
    assert wrong == []


def test_no_line_that_must_go_is_in_a_text() -> None:
    leaks = [(page.url, line) for page in PAGES for line in page.never if line in STORIES[page.url].text.split("\n\n")]
    assert leaks == []


def test_titles_and_authors_of_every_demo_page_are_right() -> None:
    wrong = [
        (page.url, STORIES[page.url].title, STORIES[page.url].authors)
        for page in PAGES
        if (STORIES[page.url].title, STORIES[page.url].authors) != (page.title, tuple(page.authors))
    ]
    assert wrong == []


def test_the_live_reports_of_the_demo_are_told_and_no_other_page() -> None:
    assert {url for url, story in STORIES.items() if story.kind == "live"} == {
        page.url for page in PAGES if "/live/" in page.url
    }
