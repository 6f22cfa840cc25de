"""Which status wins, and who falls with a story that is withdrawn."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from pipeline.outcomes import StatusCause, StoryStatus
from pipeline.revisions.statuses import Relative, derived_from, next_status

T0 = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def member(story_id: int, hours: float, *made_from: int) -> Relative:
    return Relative(story_id, T0 + timedelta(hours=hours), made_from)


def test_words_on_a_page_only_make_a_status_graver() -> None:
    assert next_status(StoryStatus.WITHDRAWN, StoryStatus.CORRECTED, StatusCause.NOTICE) is StoryStatus.WITHDRAWN
    assert next_status(StoryStatus.CORRECTED, StoryStatus.CANCELED, StatusCause.NOTICE) is StoryStatus.CANCELED


def test_an_agencys_word_is_the_last_one() -> None:
    assert next_status(StoryStatus.CANCELED, StoryStatus.USABLE, StatusCause.WIRE) is StoryStatus.USABLE


def test_with_the_earliest_report_all_of_its_family_fall() -> None:
    family = [member(1, 0), member(2, 1, 1), member(3, 2, 2), member(4, 3)]
    assert derived_from(1, family, StoryStatus.WITHDRAWN) == (2, 3, 4)


def test_with_a_copy_only_what_was_made_from_it_falls() -> None:
    family = [member(1, 0), member(2, 1, 1), member(3, 2, 2), member(4, 3, 3), member(5, 2, 1)]
    assert derived_from(2, family, StoryStatus.WITHDRAWN) == (3, 4)
    assert derived_from(5, family, StoryStatus.WITHDRAWN) == ()


def test_a_kill_is_the_agencys_word_whoever_passes_it_on() -> None:
    assert derived_from(2, [member(1, 0), member(2, 1, 1)], StoryStatus.CANCELED) == (1,)
