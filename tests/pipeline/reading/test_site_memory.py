"""What a site's stories may teach about its furniture, and what no page can make it learn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from reading_pages import FETCHED_AT, PARAGRAPHS, SHAPES, document, fetched, story

from pipeline.reading import read_page
from pipeline.reading.site_memory import (
    MAX_LINES_A_STORY,
    MIN_SPAN,
    Place,
    Recurrence,
    hash_of,
    is_furniture,
    may_be_furniture,
)
from pipeline.values import CleanStory, EntryHints

PITCH = "Northern Ledger is owned by its readers, who meet every spring in the old tram depot of Vesthavn."
BACKGROUND = "The strait was closed in July after a mine damaged a freighter bound for the northern harbours."
LABEL = "The ledger in brief"


def recurrence(line: str = PITCH, **changes: object) -> Recurrence:
    """A line that three stories by different authors ended with, out of four, a day apart."""
    seen = Recurrence(
        line=line,
        place="tail",
        stories=3,
        of_stories=4,
        echo=0.1,
        signers=("ada obi", "tom rask", ""),
        first_seen_at=FETCHED_AT,
        last_seen_at=FETCHED_AT + timedelta(days=1),
    )
    return replace(seen, **changes)  # type: ignore[arg-type]


def with_lines(*lines: str, title: str = "Ferries sail again") -> CleanStory:
    return CleanStory(url="https://ledger.example/1", title=title, text="\n\n".join(lines), subheads=(LABEL,))


def markup(*after: str) -> str:
    text = "".join(f"<p>{line}</p>" for line in (*PARAGRAPHS, *after))
    return document(f"<article><h1>Northern ministers agree to reopen the strait to grain ships</h1>{text}</article>")


def test_a_line_at_the_end_of_three_stories_by_different_authors_is_furniture() -> None:
    assert is_furniture(recurrence())


@pytest.mark.parametrize(
    "changes",
    [
        {"stories": 2},
        {"of_stories": 30},
        {"last_seen_at": FETCHED_AT + MIN_SPAN - timedelta(seconds=1)},
        {"signers": ("ada obi",) * 3},
        {"signers": ("",) * 3, "of_stories": 6},
        {"echo": 0.7},
        {"place": "body"},
        {"line": "“We will not rest until the last ship is home,” the harbour master of Vesthavn said again."},
    ],
    ids=["two stories", "rare", "flood", "one author", "unsigned and rare", "background", "amid the text", "quotation"],
)
def test_what_a_news_line_or_a_flood_of_pages_shows_is_not_enough(changes: dict[str, object]) -> None:
    assert not is_furniture(recurrence(**changes))


@pytest.mark.parametrize(
    ("place", "of_stories", "expected"), [("body", 10, True), ("tail", 10, True), ("body", 40, False)]
)
def test_a_label_may_stand_anywhere_and_on_fewer_stories(place: Place, of_stories: int, expected: bool) -> None:
    assert is_furniture(recurrence("More from the harbour", place=place, of_stories=of_stories)) is expected


def test_a_story_puts_its_first_and_last_lines_forward_and_labels_but_no_subhead_and_no_paragraph() -> None:
    body = [f"Paragraph {n} of a long report, which nobody else has written in these words." for n in range(12)]
    found = may_be_furniture(with_lines(*body[:5], LABEL, "In other news", *body[5:], PITCH))
    lines = {item.line: item.place for item in found}
    assert lines == {
        **dict.fromkeys(body[:3], "head"),
        **dict.fromkeys((*body[-3:], PITCH), "tail"),
        "In other news": "body",
    }


def test_a_page_of_a_thousand_labels_puts_few_of_them_forward() -> None:
    found = may_be_furniture(with_lines(*(f"Label {n}" for n in range(1000))))
    assert len(found) == MAX_LINES_A_STORY


def test_background_echoes_in_its_story_and_furniture_does_not() -> None:
    found = {item.line: item.echo for item in may_be_furniture(with_lines(*PARAGRAPHS, BACKGROUND, PITCH))}
    assert found[BACKGROUND] > 0.5 > found[PITCH]


def read(markup_: str, furniture: Sequence[str]) -> CleanStory:
    got = read_page(fetched(markup_.encode()), EntryHints(), frozenset(map(hash_of, furniture)))
    assert isinstance(got, CleanStory), got
    return got


def test_a_learned_line_is_taken_out_and_named() -> None:
    assert story(markup(PITCH)).text.endswith(PITCH)
    cleaned = read(markup(PITCH.upper()), [PITCH])
    assert cleaned.text.split("\n\n") == list(PARAGRAPHS)
    assert [(line.line, line.rule) for line in cleaned.dropped if line.rule == "site_line"] == [
        (PITCH.upper(), "site_line")
    ]


@pytest.mark.parametrize("shape", SHAPES)
def test_a_page_without_the_learned_line_is_not_touched(shape: str) -> None:
    assert read(SHAPES[shape](), [PITCH]) == story(SHAPES[shape]())


def test_learned_lines_that_are_the_story_itself_are_not_taken_out() -> None:
    assert read(markup(), PARAGRAPHS[:3]).text == story(markup()).text
