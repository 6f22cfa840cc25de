"""Wire copy: what an agency writes around a story for its editors goes into fields, and words that look alike stay."""

from __future__ import annotations

import pytest
from reading_pages import PARAGRAPHS, TITLE, document, story

from pipeline.reading.wire import agencies_of, is_end, is_wire_line, place_of, split_title_mark
from pipeline.values import CleanStory, EntryHints

SLUG = "GRAIN-STRAIT/TALKS (UPDATE 2)"
NOTE = "Editors: a map of the strait follows. Contact the desk in Vesthavn before 18:00."


def wire(*lines: str) -> CleanStory:
    return story("\n\n".join(lines), kind="text/plain")


def test_slug_version_byline_dateline_note_and_end_are_fields_and_the_text_is_the_story() -> None:
    got = wire(
        SLUG,
        f"UPDATE 2-{TITLE}",
        "By Ilse Verhaeren",
        "13 September 2024 17:20",
        f"VESTHAVN, Sept 13 (Reuters) - {PARAGRAPHS[0]}",
        *PARAGRAPHS[1:],
        NOTE,
        "-ends-",
        "Press desk, telephone 555 0100",
    )
    assert got.title == TITLE
    assert (got.slug, got.wire_mark, got.place) == ("GRAIN-STRAIT/TALKS", "UPDATE 2", "VESTHAVN")
    assert (got.authors, got.agencies) == (("Ilse Verhaeren",), ("Reuters",))
    assert got.dateline == "VESTHAVN, Sept 13 (Reuters)"
    assert got.editor_notes == (NOTE, "Press desk, telephone 555 0100")
    assert got.text.split("\n\n") == [f"VESTHAVN, Sept 13 (Reuters) - {PARAGRAPHS[0]}", *PARAGRAPHS[1:]]


def test_takes_are_one_story_without_the_heads_that_each_repeats() -> None:
    head = ("GRAIN-STRAIT/TALKS", TITLE)
    got = wire(*head, *PARAGRAPHS[:2], "(more)", "TAKE 2 OF 2", *head, *PARAGRAPHS[2:])
    assert got.text.split("\n\n") == list(PARAGRAPHS)
    assert got.wire_mark == "TAKE 2 OF 2"
    assert {line.rule for line in got.dropped} >= {"wire_line"}


def test_an_agency_story_on_a_site_has_the_same_fields() -> None:
    text = "".join(f"<p>{p}</p>" for p in (f"OSLO (AP) — {PARAGRAPHS[0]}", *PARAGRAPHS[1:], "(END)"))
    got = story(document(f"<article><h1>{TITLE}</h1>{text}</article>"))
    assert (got.place, got.agencies) == ("OSLO", ("AP",))
    assert got.text.endswith(PARAGRAPHS[-1])


def test_what_follows_the_end_stays_when_it_is_much() -> None:
    got = wire("GRAIN-STRAIT/TALKS", TITLE, PARAGRAPHS[0], "-ends-", *PARAGRAPHS[1:])
    assert got.text.split("\n\n") == list(PARAGRAPHS)


@pytest.mark.parametrize("line", ["ENDS", "-ends-", "###", "(more)", "TAKE 2 OF 3", "UPDATE 2", "(FIN)", "30"])
def test_marks_of_a_wire_are_told(line: str) -> None:
    assert is_wire_line(line)


@pytest.mark.parametrize(
    "line", ["Ends", "More", "fin", "An update", "More to follow the fleet", "Take two of these", "The end of the war"]
)
def test_words_of_a_text_are_no_marks(line: str) -> None:
    assert not is_wire_line(line)
    assert not is_end(line)


@pytest.mark.parametrize("title", ["Update on the strait", "UPDATE on talks", "RPT is a party", "Corrected course"])
def test_a_headline_that_speaks_of_an_update_is_whole(title: str) -> None:
    assert split_title_mark(title) == (title, None)


def test_agencies_are_told_from_persons_and_places_from_days() -> None:
    assert agencies_of(("Ada Obi", "AFP", "dpa"), "KYIV, May 31 (Reuters)") == ("Reuters", "AFP", "dpa")
    assert agencies_of(("Pat Afp-Jones", "Anna Ansaldi"), None) == ()
    assert [place_of(line) for line in ("KYIV, May 31 (Reuters)", "WASHINGTON (AP)", "TEL AVIV", None)] == [
        "KYIV", "WASHINGTON", "TEL AVIV", None,
    ]  # fmt: skip


def test_a_feeds_headline_with_a_version_still_finds_its_line() -> None:
    got = story(f"{TITLE}\n\n" + "\n\n".join(PARAGRAPHS), EntryHints(title=f"UPDATE 1-{TITLE}"), kind="text/plain")
    assert TITLE not in got.text
