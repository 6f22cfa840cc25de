"""An agency's item becomes a story: its own fields, its paragraphs, and nothing that is not its text."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipeline.feeds import read_feed
from pipeline.outcomes import Reason
from pipeline.record import read_record
from pipeline.values import CleanStory, Entry, EntryHints, FetchedPage, StoryRecord, Unread

NOW = datetime(2026, 11, 22, 18, 0, tzinfo=UTC)
GOLDEN = Path(__file__).parents[1] / "feeds" / "golden"


def entries(name: str) -> dict[str, Entry]:
    """The entries of a golden file by their guid, or by their title where they have none."""
    read = read_feed((GOLDEN / name).read_bytes(), None, f"https://origin.example/{name}", NOW)
    return {entry.guid or entry.title or "": entry for entry in read.entries}


def read(entry: Entry) -> CleanStory | Unread:
    assert entry.content is not None
    headers = (("content-type", f"{entry.content.media_type}; charset=utf-8"),)
    page = FetchedPage(entry.url, entry.url, 200, headers, entry.content.body.encode(), NOW, 0.0)
    found = read_record(page, EntryHints(title="An older headline"))
    return found.story if isinstance(found, StoryRecord) else found


def story(name: str, guid: str) -> CleanStory:
    found = read(entries(name)[guid])
    assert isinstance(found, CleanStory), found
    return found


def test_xhtml_in_newsml_is_its_paragraphs_heads_and_list_items() -> None:
    found = story("newsml-message.xml", "urn:newsml:nordkap.example:20261122:7001")
    assert found.text.split("\n\n") == [
        "Ministers of both countries agreed on Sunday to a ceasefire that begins on Monday at noon, officials said in"
        " Ostrava.",
        "What was agreed",
        "Heavy weapons will be withdrawn by twenty kilometres, a spokeswoman said.",
        "Prisoners will be exchanged before the end of the month.",
        "Monitors arrive on Tuesday",
        "Crossings open on Friday",
    ]
    assert found.title == "Ministers agree a ceasefire & an exchange of prisoners"
    assert (found.authors, found.dateline) == (("Ada Novak",), "OSTRAVA, Nov 22 (Nordkap)")
    assert (found.subheads, found.language, found.candidate) == (("What was agreed",), "en", "newsml-g2")
    assert found.modified_at == datetime(2026, 11, 22, 14, 0, tzinfo=UTC)


def test_nitf_in_newsml_keeps_the_item_s_own_headline_and_the_blocks_of_its_body() -> None:
    found = story("newsml-message.xml", "urn:newsml:nordkap.example:20261122:7002")
    assert found.title == "Bericht über Waffenlieferungen"
    assert found.text.split("\n\n") == [
        "Der Ausschuss legt am Montag seinen Bericht vor.",
        "Die Zahlen",
        "Zwölf Fahrzeuge wurden geliefert.",
    ]


def test_a_nitf_document_has_no_caption_byline_or_tagline_in_its_text() -> None:
    found = story("nitf.xml", "NK-2026-881")
    assert found.text.split("\n\n") == [
        "Ministers of both countries agreed on Sunday to a ceasefire that begins on Monday at noon, Eva Dvořák said.",
        "What was agreed",
        "Heavy weapons will be withdrawn by 20 km — in three steps.",
        "Crossing opens",
        '"It is a beginning," she said.',
    ]
    assert (found.standfirst, found.authors) == ("Guns to fall silent at noon", ("Ada Novak", "Jan Berg"))
    assert found.captions == ("Delegates in the town hall",)
    assert found.published_at == datetime(2026, 11, 22, 13, 15, tzinfo=UTC)


def test_html_in_cdata_and_plain_text_with_hard_breaks_are_paragraphs() -> None:
    assert story("newsml-careless.xml", "Fleet leaves port").text.split("\n\n") == [
        "The fleet left port on Sunday, the navy said.",
        "It will be away for three weeks.",
    ]
    assert story("newsml-careless.xml", "Port reopens after strike").text.split("\n\n") == [
        "The port reopened on Sunday.",
        "Dockers had walked out on Thursday.",
    ]


@pytest.mark.parametrize(
    ("name", "guid", "text"),
    [
        (
            "ninjs1.json",
            "http://api.nordkap.example/items/9001",
            "Parliament voted on Sunday to double the production of artillery shells.\n\nThe vote\n\n"
            "It passed by 112 to 40.",
        ),
        (
            "ninjs2.json",
            "urn:nordkap:item:9100",
            "The border was closed on Sunday after shelling, the interior ministry said.",
        ),
    ],
)
def test_ninjs_of_both_generations_takes_the_best_body_and_no_association(name: str, guid: str, text: str) -> None:
    assert story(name, guid).text == text


def test_a_flash_of_one_sentence_is_a_story() -> None:
    found = story("ninjs2.json", "urn:nordkap:item:9100")
    assert found.title == "FLASH - Border closed after shelling"


def test_an_item_kept_in_the_archive_and_damaged_there_is_no_story() -> None:
    headers = (("content-type", "application/nitf+xml"),)
    page = FetchedPage("wire://a.example/1", "wire://a.example/1", 200, headers, b"<nitf><body>", NOW, 0.0)
    found = read_record(page, EntryHints())
    assert isinstance(found, Unread)
    assert found.reason is Reason.NO_TEXT


def test_reading_an_item_twice_gives_the_same_story() -> None:
    assert story("nitf.xml", "NK-2026-881") == story("nitf.xml", "NK-2026-881")
