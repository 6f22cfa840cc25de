"""The cleaning rules: one line each helps, one line each must not touch, and what holds for all of them."""

# ruff: noqa: E501 - one sample line is one line

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.reading.authors import clean_names
from pipeline.reading.budget import MAX_TAGS, look_before_parsing
from pipeline.reading.bylines import name_and_date
from pipeline.reading.evidence import Evidence, looks_like_credit, split_credit
from pipeline.reading.facts import Facts
from pipeline.reading.lines import Line, key_of
from pipeline.reading.metadata import Title
from pipeline.reading.moments import is_date_line, parse_moment
from pipeline.reading.phrases import FURNITURE, RELATED
from pipeline.reading.rules import RULES, clean_lines
from pipeline.reading.rules.furniture import share_bars

PROSE = "The two delegations met for a third day in the old customs house and left without a word to the waiting press."
TITLE = Title("Talks on the strait end", "World", frozenset({"talks on the strait end"}))
SAMPLES = (
    "Talks on the strait end",
    "WorldTalks on the strait end",
    PROSE,
    PROSE.replace("third", "fourth"),
    "Related content",
    "Photo: Ada Obi / AFP",
    "A convoy waits.",
    "By Ada Obi",
    "31 May 2024 03:59",
    "Ada Obi 31 May 2024",
    "Facebook",
    "WhatsApp",
    "What was signed",
    "Subscribe to our newsletter",
    "Ada Obi covers the northern states.",
    "dpa/ap",
)


def cleaned(*texts: str, **facts: object) -> list[str]:
    lines = tuple(Line(place, text) for place, text in enumerate(texts))
    defaults: dict[str, object] = {"evidence": Evidence(), "title": TITLE, "authors": ("Ada Obi",)}
    kept, _ = clean_lines(lines, Facts(**(defaults | facts)))  # type: ignore[arg-type]
    return [line.text for line in kept]


texts = st.lists(st.one_of(st.sampled_from(SAMPLES), st.text(min_size=1, max_size=60)), max_size=14)


@settings(max_examples=150, deadline=None)
@given(texts)
def test_cleaning_only_removes_and_accounts_for_every_line(drawn: list[str]) -> None:
    lines = tuple(Line(place, text) for place, text in enumerate(drawn))
    kept, dropped = clean_lines(lines, Facts(Evidence(), TITLE, ("Ada Obi",)))
    assert sorted([line.position for line in kept] + [line.position for line in dropped]) == list(range(len(lines)))
    assert all(lines[line.position] == line for line in kept)
    assert {line.rule for line in dropped} <= {name for name, _ in RULES}


@settings(max_examples=150, deadline=None)
@given(texts)
def test_cleaning_twice_is_cleaning_once(drawn: list[str]) -> None:
    facts = Facts(Evidence(linked=frozenset({key_of(SAMPLES[4])})), TITLE, ("Ada Obi",))
    once, _ = clean_lines(tuple(Line(place, text) for place, text in enumerate(drawn)), facts)
    assert clean_lines(once, facts) == (once, ())


@pytest.mark.parametrize(
    "line",
    [
        "Related content",
        "Related content======",
        "Read also:",
        "Lire aussi",
        "Mehr zum Thema",
        "Czytaj także",
        "Читайте также",
        "Lees ook",
        "Te puede interesar",
    ],
)
def test_markers_of_other_stories_are_known_in_many_languages(line: str) -> None:
    assert RELATED.match(line)


@pytest.mark.parametrize(
    "line",
    [
        "Related to the talks, a second round is planned.",
        "Reading the treaty took an hour.",
        "Mehrere Minister reisten ab.",
    ],
)
def test_sentences_that_begin_like_a_marker_are_no_markers(line: str) -> None:
    assert not RELATED.match(line)


@pytest.mark.parametrize(
    "line",
    ["Shared costs were the harder part of the talks.", "Following the vote, he left.", "Supporters cheered outside."],
)
def test_sentences_that_begin_like_a_button_are_no_furniture(line: str) -> None:
    assert not FURNITURE.match(line)


def test_headlines_after_a_marker_at_the_end_go_with_it() -> None:
    assert cleaned(PROSE, "Related content", "Insurers raise prices again", "Harvest opens late") == [PROSE]


def test_prose_after_a_marker_in_the_middle_stays() -> None:
    after = PROSE.replace("third", "fourth")
    assert cleaned(PROSE, "Read also: Insurers raise prices", after) == [PROSE, after]


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        ("Ada Obi 31 May 2024 03:59", ["Ada Obi", "31 May 2024 03:59"]),
        ("Ada Obi31 May 2024, 03:59", ["Ada Obi", "31 May 2024, 03:59"]),
        ("Ada ObiMay 31, 2024 03:59", ["Ada Obi", "May 31, 2024 03:59"]),
        ("31 May 2024 Jan van den Berg", ["31 May 2024", "Jan van den Berg"]),
        ("Ada Obi 31.05.2024", ["Ada Obi", "31.05.2024"]),
    ],
)
def test_a_name_beside_a_date_is_parted_from_it_and_leaves_the_text(line: str, parts: list[str]) -> None:
    assert name_and_date(line) == parts
    assert cleaned(line, PROSE, authors=()) == [PROSE]


@pytest.mark.parametrize(
    "line",
    [
        "Ada Obi met 12 ministers",
        "On 31 May 2024 the talks ended",
        "Kyiv 31 May 2024",
        "Ada Obi",
        "31 May 2024",
        "Battalion 31 May Day",
    ],
)
def test_a_line_that_is_more_or_less_than_a_name_and_a_date_is_not_parted(line: str) -> None:
    assert name_and_date(line) == []


def test_networks_in_a_row_are_a_share_bar_and_leave() -> None:
    assert cleaned(PROSE, "Facebook", "X", "WhatsApp", "Copy link", "E-mail", PROSE.replace("third", "fourth")) == [
        PROSE,
        PROSE.replace("third", "fourth"),
    ]


@pytest.mark.parametrize("lines", [("X", "Line", "Print"), ("Facebook", "The ministers", "Telegram"), ("Telegram",)])
def test_a_network_alone_or_apart_from_the_next_is_no_share_bar(lines: tuple[str, ...]) -> None:
    assert not share_bars(tuple(Line(place, text) for place, text in enumerate(lines)), Facts(Evidence(), TITLE, ()))


def test_what_goes_to_an_inbox_is_furniture_and_one_who_empties_it_is_not() -> None:
    assert FURNITURE.match("The best stories of the coast in your inbox every morning.")
    assert not FURNITURE.match("She said the ministry left 400 letters in her inbox.")
    assert not FURNITURE.match("“There are a hundred letters in your inbox,” he told the minister.")


def test_a_caption_printed_twice_before_the_prose_goes_whole() -> None:
    caption = "A grain carrier waits outside the strait."
    assert cleaned(caption, caption, PROSE) == [PROSE]


def test_a_line_repeated_in_the_prose_is_kept_once() -> None:
    assert cleaned(PROSE, "He said it again and again that day.", PROSE) == [
        PROSE,
        "He said it again and again that day.",
    ]


@pytest.mark.parametrize(
    "line",
    ["Images source: © East Harbour | Tom Rask", "Photo: Ada Obi", "(Foto: dpa)", "AP Photo/Tom Rask", "Tom Rask/Getty Images", "Zdj. Jan Lis", "Crédit: AFP", "Фото: УНІАН"],
)  # fmt: skip
def test_credit_lines_are_told_by_their_wording(line: str) -> None:
    assert looks_like_credit(line)


@pytest.mark.parametrize(
    "line",
    [
        "Photographs of the ship were published on Friday.",
        "Credit to the mediators, said Obi, is due.",
        "The AP reported losses.",
    ],
)
def test_sentences_about_pictures_are_no_credits(line: str) -> None:
    assert not looks_like_credit(line)


def test_a_credit_glued_to_a_caption_is_split_off() -> None:
    assert split_credit("Ships wait off the port. Photo: Tom Rask") == ("Ships wait off the port.", "Photo: Tom Rask")
    assert split_credit("Ships wait off the port.") == ("Ships wait off the port.", "")


@pytest.mark.parametrize(
    "line",
    ["31 May 2024 03:59", "Published: 3 May 2024, 10:15 GMT", "31. Mai 2024, 8:15 Uhr", "5 min read", "12 травня 2024"],
)
def test_date_lines_hold_nothing_else(line: str) -> None:
    assert is_date_line(line)


@pytest.mark.parametrize("line", ["May 2024 was the warmest on record", "02-751-1500", "12 people", "Grain"])
def test_lines_with_numbers_are_no_date_lines(line: str) -> None:
    assert not is_date_line(line)


@pytest.mark.parametrize(
    ("raw", "hour", "minute"),
    [("2024-05-31T03:59:00.000Z", 3, 59), ("31 May 2024 03:59", 3, 59), ("2024-05-31T05:59:00+02:00", 3, 59), ("Fri, 31 May 2024 03:59:00 GMT", 3, 59),
     ("May 31, 2024 3:59 a.m.", 3, 59), ("31. Mai 2024, 03:59 Uhr", 3, 59), ("31 травня 2024, 03:59", 3, 59), ("20240531T0359", 3, 59), ("2024-05-31", 0, 0)],
)  # fmt: skip
def test_instants_are_read_in_many_forms(raw: str, hour: int, minute: int) -> None:
    assert parse_moment(raw) == datetime(2024, 5, 31, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("raw", "minutes_east"),
    [("2024-05-31T05:59:00+02:00", 120), ("2024-05-30T23:29:00-0430", -270), ("Fri, 31 May 2024 09:29:00 +0530", 330), ("31 May 2024 06:59 MSK", 180),
     ("2024-05-31T03:59:00Z", 0), ("31 May 2024 03:59", 0), ("1717127940", 0)],
)  # fmt: skip
def test_an_instant_stays_on_the_clock_it_was_written_on(raw: str, minutes_east: int) -> None:
    moment = parse_moment(raw)
    assert moment == datetime(2024, 5, 31, 3, 59, tzinfo=UTC)
    assert moment.utcoffset() == timedelta(minutes=minutes_east)


@pytest.mark.parametrize("raw", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"])
def test_an_instant_beyond_the_calendar_is_none(raw: str) -> None:
    assert parse_moment(raw) is None


@pytest.mark.parametrize("raw", ["", "soon", "2024-13-45", "99 May 2024"])
def test_what_is_no_date_gives_none(raw: str) -> None:
    assert parse_moment(raw) is None


def test_names_come_without_lead_words_roles_addresses_and_repeats() -> None:
    got = clean_names(("By Ada Obi and Tom Rask", "https://example.org/ada-obi", "Ada Obi (ado)", "ada@example.org"))
    assert got == ("Ada Obi", "Tom Rask")


def test_scripts_go_before_parsing_and_declared_data_stays() -> None:
    data = '<script type="application/ld+json">{"a": 1}</script>'
    look = look_before_parsing(f"<html><script>var x = '<p>';</script>{data}<style>p {{}}</style><p>text</p>")
    assert look.markup == f"<html>{data}<p>text</p>"


def test_tags_beyond_the_cap_are_cut_and_said_so() -> None:
    look = look_before_parsing("<p>a" * (MAX_TAGS + 5))
    assert (look.markup.count("<p>"), look.trimmed) == (MAX_TAGS, ("tags",))


@pytest.mark.parametrize("value", ["1", "'x > y'"])
def test_a_tag_with_thousands_of_attributes_loses_them(value: str) -> None:
    attributes = " ".join(f"a{number}={value}" for number in range(3000))
    assert look_before_parsing(f"<div {attributes}><p>text</p></div>").markup == "<div><p>text</p></div>"


@settings(max_examples=80, deadline=None)
@given(st.text(alphabet="<>/&#;x0127 ap\"'=\x1b", max_size=300))
def test_the_look_is_done_once(markup: str) -> None:
    once = look_before_parsing(markup).markup
    assert not any(character in once for character in "\x00\x0b\x1b")
    assert len(once) <= len(markup) + markup.count("<") * 8
