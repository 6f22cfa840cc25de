"""Notices: what takes a story back, what corrects it, and what only speaks of somebody else's correction."""

from __future__ import annotations

import pytest

from pipeline.outcomes import StoryStatus
from pipeline.revisions.notices import find_notice

BODY = ["The ministry said twelve launchers would be sent to the border before the end of the month. " * 12] * 5


def status(line: str, *, title: str = "Ministry to send launchers", last: bool = False) -> StoryStatus | None:
    notice = find_notice(title, [*BODY, line] if last else [line, *BODY])
    return None if notice is None else notice.status


@pytest.mark.parametrize(
    "title",
    ["MANDATORY KILL: Ministry-Launchers", "KILL - Ministry to send launchers", "AP-Launchers, MANDATORY KILL, 3rd Ld"],
)
def test_an_agencys_kill_in_the_headline(title: str) -> None:
    assert status("Text.", title=title) is StoryStatus.CANCELED


@pytest.mark.parametrize(
    "line",
    [
        "EDS: withdraw. The story about launchers will not be replaced.",
        "EDITORS: Please disregard the story headed Ministry to send launchers.",
        "RETRACTED: Ministry to send launchers",
        "This story has been retracted because its source could not be verified.",
        "Editor's note: This article was removed.",
        "Dieser Artikel wurde zurückgezogen.",
        "Cet article a été retiré par la rédaction.",
        "Esta noticia ha sido retirada.",
        "Эта статья была отозвана редакцией.",
        "本文已撤回。",
    ],
)
def test_a_retraction_is_known_on_top_of_the_story(line: str) -> None:
    assert status(line) is StoryStatus.WITHDRAWN
    assert status(line, last=True) is None, "the last of many paragraphs is no place for a retraction"


@pytest.mark.parametrize(
    "line",
    [
        "Correction: The minister's name was misspelled.",
        "CORRECTION (May 5, 2026): The figure in the third paragraph was wrong.",
        "An earlier version of this story gave a wrong day.",
        "This article has been amended to correct the number of launchers.",
        "(Corrects spelling of name in third paragraph)",
        "Korrektur: In einer früheren Version stand ein falscher Tag.",
        "Une version précédente de cet article donnait une autre date.",
        "Fe de errores: el ministro no dijo eso.",
        "Уточнение: в первом абзаце исправлена дата.",
        "Виправлення: змінено дату.",
        "更正：日期有误。",
    ],
)
def test_a_correction_is_known_at_either_end(line: str) -> None:
    assert (status(line), status(line, last=True)) == (StoryStatus.CORRECTED, StoryStatus.CORRECTED)


def test_an_update_note_changes_no_status() -> None:
    assert status("This story has been updated with comment from the ministry.") is StoryStatus.USABLE


def test_a_note_below_the_text_is_read_too() -> None:
    notice = find_notice("Title", BODY, ["Related content", "This story has been corrected: it was Tuesday."])
    assert notice is not None
    assert notice.status is StoryStatus.CORRECTED


@pytest.mark.parametrize(
    "line",
    [
        "The newspaper has retracted its report on the strike.",
        "The journal said the study had been retracted.",
        "The army has withdrawn from the town, the governor said.",
        "Killed: three soldiers of the eastern brigade.",
        "KILLED IN ACTION, the sign read.",
        "Lawmakers moved to kill the bill.",
        "A correction officer was hurt.",
        "The minister corrected himself on Tuesday.",
        "The report was withdrawn by the panel after an objection.",
    ],
)
def test_a_story_about_a_retraction_is_none(line: str) -> None:
    assert status(line) is None
    assert status("Text.", title=line) is None
