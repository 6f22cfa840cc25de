"""The demo wire in the judging room. Floors, since a lexicon is never right on everything."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from pipeline.judging import judge
from pipeline.values import Verdict
from workers.demo import ExpectedPage, truth

STORIES = [page for page in truth(datetime(2026, 3, 14, 12, 20, tzinfo=UTC)).values() if page.paragraphs]
ENGLISH = [page for page in STORIES if page.language == "en"]

# Of 41 English stories; 39 were right when this was measured. The rest is room for refitted weights.
RIGHT_AT_LEAST = 36


def verdict_of(page: ExpectedPage) -> Verdict:
    lead = "\n\n".join((page.standfirst, *page.paragraphs)).strip()[:1500]
    return judge(page.title, lead, page.language)


def test_most_stories_of_the_wire_are_judged_right() -> None:
    wrong = [page.title for page in ENGLISH if verdict_of(page).is_conflict_policy != page.conflict_policy]
    assert len(ENGLISH) - len(wrong) >= RIGHT_AT_LEAST, wrong


@pytest.mark.parametrize("page", [page for page in ENGLISH if not page.conflict_policy], ids=lambda page: page.title)
def test_a_battlefield_report_or_a_war_of_words_is_no_conflict_policy(page: ExpectedPage) -> None:
    assert not verdict_of(page).is_conflict_policy


def test_nothing_is_claimed_of_a_story_in_a_language_without_a_lexicon() -> None:
    french = [verdict_of(page) for page in STORIES if page.language == "fr"]
    assert [(verdict.language_supported, verdict.conflict_policy) for verdict in french] == [(False, None)] * 2
