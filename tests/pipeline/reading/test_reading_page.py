"""What comes out of a page: the fields of the story in every shape, and the reasons for pages that are none."""

# ruff: noqa: E501 - one sample line is one line

from __future__ import annotations

import textwrap
from datetime import UTC, datetime

import pytest
from reading_pages import (
    AUTHOR,
    CAPTION,
    CREDIT,
    DATE,
    KICKER,
    NEVER,
    PARAGRAPHS,
    PLAIN,
    SHAPES,
    SUBHEAD,
    TEXT,
    TITLE,
    URL,
    document,
    fetched,
    page,
    story,
    with_figure,
)

from pipeline.outcomes import Reason
from pipeline.reading import READER, read_page
from pipeline.reading.budget import look_before_parsing
from pipeline.values import CleanStory, EntryHints, Unread

PUBLISHED = datetime(2024, 9, 13, 17, 20, tzinfo=UTC)
BODY = "".join(f"<p>{paragraph}</p>" for paragraph in PARAGRAPHS)


@pytest.mark.parametrize("is_declared", [True, False], ids=["with JSON-LD", "bare"])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_story_comes_out_the_same_from_every_shape(shape: str, is_declared: bool) -> None:
    markup = SHAPES[shape]()
    if not is_declared:
        markup = markup[: markup.index("<script")] + markup[markup.index("</script>") + 9 :]
    got = story(markup)
    assert got.text == TEXT
    assert (got.title, got.authors, got.published_at, got.language) == (TITLE, (AUTHOR,), PUBLISHED, "en")
    assert (got.captions, got.credits, got.subheads) == ((CAPTION,), (CREDIT,), (SUBHEAD,))
    assert not [words for words in NEVER if words in got.text]


def test_plain_wire_copy_gives_the_same_fields_as_markup() -> None:
    got = story(PLAIN, kind="text/plain; charset=utf-8")
    assert got.text == TEXT
    assert (got.title, got.kicker, got.authors, got.published_at) == (TITLE, KICKER, (AUTHOR,), PUBLISHED)
    assert (got.captions, got.credits, got.subheads) == ((CAPTION,), (CREDIT,), (SUBHEAD,))


def wrapped(width: int) -> str:
    return "\n".join(textwrap.fill(line, width) for line in PLAIN.split("\n"))


@pytest.mark.parametrize("width", [60, 66, 72, 78])
def test_hard_wrapped_copy_gives_the_same_fields_and_its_short_lines_stay_apart(width: int) -> None:
    got = story(wrapped(width), kind="text/plain")
    assert (got.text, got.authors, got.published_at) == (TEXT, (AUTHOR,), PUBLISHED)
    assert (got.captions, got.credits) == ((CAPTION,), (CREDIT,))


@pytest.mark.parametrize("text", [PLAIN, wrapped(72)], ids=["as it is", "wrapped"])
def test_copy_in_a_pre_element_is_read_like_plain_text(text: str) -> None:
    got = story(f"<html><head><title>Wire</title></head><body><h2>Wire</h2><pre>{text}</pre></body></html>")
    assert (got.title, got.text, got.authors) == (TITLE, TEXT, (AUTHOR,))


def test_a_flood_of_one_line_in_a_pre_element_is_no_copy() -> None:
    flood = "\n".join(["a line of text that says the same again and again"] * 400)
    got = story(f"<html><body><article><h1>{TITLE}</h1>{BODY}<pre>{flood}</pre></article></body></html>")
    assert PARAGRAPHS[0] in got.text


def test_a_listing_inside_a_story_is_not_taken_for_the_page() -> None:
    listing = "\n".join(f"port {number}: open for ships of the northern states" for number in range(12))
    got = story(f"<html><body><article><h1>{TITLE}</h1>{BODY}<pre>{listing}</pre></article></body></html>")
    assert got.text.startswith(PARAGRAPHS[0])
    assert PARAGRAPHS[-1] in got.text


def test_a_section_beside_the_date_is_nobody() -> None:
    menu = "".join(f"<ul><li><a href=/{place}>Northern Ports</a></li></ul>" for place in ("head", "side", "foot"))
    dated = f"<div>Northern Ports {DATE}</div>"
    assert story(f"<html><body><article><h1>{TITLE}</h1>{dated}{BODY}</article></body></html>").authors
    assert not story(f"<html><body>{menu}<article><h1>{TITLE}</h1>{dated}{BODY}</article></body></html>").authors


def test_a_byline_and_a_date_on_one_line_of_plain_copy_are_fields() -> None:
    got = story(PLAIN.replace(f"{AUTHOR}\n\n{DATE}", f"{AUTHOR}, {DATE}"), kind="text/plain")
    assert (got.text, got.authors, got.published_at) == (TEXT, (AUTHOR,), PUBLISHED)


def test_every_line_of_plain_copy_is_kept_or_dropped_with_a_rule() -> None:
    got = story(PLAIN, kind="text/plain")
    lines = [line for line in PLAIN.split("\n") if line]
    kept = got.text.split("\n\n")
    assert sorted([*kept, *(line.line for line in got.dropped)]) == sorted(lines)
    assert {line.rule for line in got.dropped} >= {
        "title_line",
        "caption",
        "credit",
        "byline",
        "date_line",
        "related_list",
    }


def test_a_kicker_glued_to_the_shared_title_is_cut_off() -> None:
    head = f"<meta property='og:title' content='{KICKER}{TITLE}'>"
    got = story(document(f"<article><h1>{TITLE}</h1>{BODY}</article>", head))
    assert (got.title, got.kicker) == (TITLE, KICKER)


def test_a_title_with_a_colon_of_its_own_stays_whole() -> None:
    title = "Grain: " + TITLE
    got = story(document(f"<h1>{title}</h1>{BODY}", f"<meta property='og:title' content='{title}'>", json_ld=False))
    assert got.title == title


def test_a_standfirst_set_apart_goes_to_its_own_field() -> None:
    words = "After two months of closure the first convoy may sail before the end of September."
    head = f"<meta name=description content='{words}'>"
    got = story(document(f"<article><h1>{TITLE}</h1><p class=x1>{words}</p><div>{BODY}</div></article>", head))
    assert (got.standfirst, got.text) == (words, "\n\n".join(PARAGRAPHS))


def test_a_first_paragraph_that_the_description_repeats_stays_in_the_text() -> None:
    head = f"<meta name=description content='{PARAGRAPHS[0][:140]}'>"
    got = story(document(f"<article><h1>{TITLE}</h1>{BODY}</article>", head))
    assert (got.standfirst, got.text) == (None, "\n\n".join(PARAGRAPHS))


def test_reporting_credits_in_brackets_stay() -> None:
    note = "(Reporting by Ann Oke and Bo Lind; editing by Cy Dahl)"
    assert story(document(f"<h1>{TITLE}</h1>{BODY}<p>{note}</p>")).text.endswith(note)


def test_list_items_that_repeat_more_than_three_times_stay() -> None:
    items = "".join(
        f"<li>{day}</li><li>Bread, soup and an apple for every child</li>" for day in ("Mon", "Tue", "Wed", "Thu")
    )
    got = story(document(f"<article><h1>{TITLE}</h1>{BODY}<h2>The plan</h2><ul>{items}</ul></article>"))
    assert got.text.count("Bread, soup and an apple") == 4


def test_a_control_reference_does_not_cost_the_story() -> None:
    assert story(with_figure().replace("customs house", "customs&#27; house")).text == TEXT


@pytest.mark.parametrize("depth", [300, 5000])
def test_deep_nesting_is_trimmed_and_the_story_stays(depth: int) -> None:
    got = story(document("<div>" * depth + f"<h1>{TITLE}</h1>{BODY}" + "</div>" * depth))
    assert got.text == "\n\n".join(PARAGRAPHS)


@pytest.mark.parametrize(
    "flood", [" \n\t" * 600_000, "/" * 900_000, "'\" " * 300_000], ids=["spaces", "slashes", "quotes"]
)
def test_a_flood_of_what_parts_attributes_is_looked_at_once(flood: str) -> None:
    # Looked at from each of its places it would take hours.
    assert look_before_parsing(f"<p>Story</p>{flood}<p>End</p>").problem is None
    assert look_before_parsing(f"<p {flood} title=x>Story</p>").problem is None


def test_a_hundred_thousand_tags_are_too_complex() -> None:
    got = page(document(BODY + "<i>x" * 100_001))
    assert isinstance(got, Unread)
    assert got.reason is Reason.TOO_COMPLEX


WALLS = {
    Reason.BOT_CHALLENGE: "<title>Just a moment...</title><h1>Checking your browser</h1><p>This takes a few seconds.</p>",
    Reason.CONSENT_WALL: "<title>Your privacy</title><h1>Before you continue</h1><p>We use cookies and your consent to personalise. "
    "Manage your consent and cookies in our privacy settings, or accept all cookies now.</p>",
    Reason.SOFT_404: "<title>Page not found</title><h1>Sorry, page not found</h1><p>It may have been moved. Try our search box "
    "or go to the home page for the latest from this morning and the week.</p>",
    Reason.INDEX_PAGE: "<title>World</title><h1>World</h1>"
    + "".join(f"<div><a href=/{n}>Headline number {n} of the day's long list</a></div>" for n in range(40)),
    Reason.PAYWALL: f"<title>{TITLE}</title><meta property=og:type content=article><h1>{TITLE}</h1><p>{PARAGRAPHS[0]}</p>"
    "<p>Subscribe now to continue reading. Already a subscriber? Log in.</p>",
    Reason.MEDIA_PAGE: f"<title>Watch</title><meta property=og:type content=video.other><h1>Watch</h1><p>{PARAGRAPHS[0]}</p>",
    Reason.NO_TEXT: "<title>Nothing</title><h1>Nothing here</h1>",
}


@pytest.mark.parametrize("reason", WALLS)
def test_pages_that_are_no_story_end_with_their_reason(reason: Reason) -> None:
    got = page(f"<!doctype html><html><body>{WALLS[reason]}</body></html>")
    assert isinstance(got, Unread)
    assert got.reason is reason
    assert got.detail.endswith(".")


def test_walls_laid_over_a_story_that_is_there_do_not_hide_it() -> None:
    wall = (
        "<div class=modal><p>We use cookies. Manage your consent. Your privacy matters.</p>"
        "<p>Already a subscriber? Subscribe now to continue reading.</p></div>"
    )
    assert story(with_figure().replace("<footer>", wall + "<footer>")).text == TEXT


def test_a_story_about_a_missing_page_is_a_story() -> None:
    title = "Ministry says the page was not found because of an attack"
    assert story(document(f"<h1>{title}</h1>{BODY}", json_ld=False).replace(TITLE, title)).title == title


def test_a_deep_link_that_leads_to_the_front_page_is_no_story() -> None:
    got = page(with_figure(), final_url="https://news.example.org/")
    assert isinstance(got, Unread)
    assert got.reason is Reason.HOME_PAGE


def test_a_canonical_url_counts_only_on_its_own_site() -> None:
    link = "<link rel=canonical href='https://{}/a'>"
    own = story(document(f"<h1>{TITLE}</h1>{BODY}", link.format("www.example.org")))
    foreign = story(document(f"<h1>{TITLE}</h1>{BODY}", link.format("other.example.net")))
    assert (own.canonical_url, foreign.canonical_url) == ("https://www.example.org/a", None)


@pytest.mark.parametrize("raw", ["2031-01-01T00:00:00Z", "1970-01-01T00:00:00Z"])
def test_a_date_out_of_bounds_is_kept_raw_only(raw: str) -> None:
    head = f"<meta property='article:published_time' content='{raw}'>"
    got = story(document(f"<h1>{TITLE}</h1>{BODY}", head, json_ld=False).replace("2024", "four"))
    assert (got.published_at, got.published_raw) == (None, raw)


def test_the_feed_fills_in_what_the_page_does_not_say() -> None:
    hints = EntryHints(title=TITLE, authors=("Ada Obi",), published_at=PUBLISHED)
    got = story(f"<html><body>{BODY}</body></html>", hints)
    assert (got.title, got.authors, got.published_at) == (TITLE, ("Ada Obi",), PUBLISHED)


def test_the_pages_own_instant_beats_the_feeds() -> None:
    hints = EntryHints(published_at=datetime(2024, 9, 10, tzinfo=UTC))
    assert story(with_figure(), hints).published_at == PUBLISHED


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("\ufeffprix élevé – Київ".encode("utf-16-le"), "text/html; charset=iso-8859-1"),
        ("prix élevé – Київ".encode(), "text/html; charset=utf-8"),
        ("<meta charset=windows-1251>Київ".encode("cp1251"), "text/html"),
        ("Київ".encode("koi8-u"), "text/html; charset=koi8-u"),
    ],
    ids=["byte order mark", "header", "meta", "single byte header"],
)
def test_the_charset_is_told_by_mark_then_header_then_meta(body: bytes, kind: str) -> None:
    from pipeline.reading.charset import decode_page

    assert "Київ" in decode_page(fetched(body, kind=kind))


def test_a_codec_that_is_no_text_codec_is_not_used() -> None:
    from pipeline.reading.charset import decode_page

    assert decode_page(fetched(b"+AGEAYg-", kind="text/html; charset=utf-7")) == "+AGEAYg-"


def test_reading_a_page_again_gives_the_same_story() -> None:
    first = read_page(fetched(with_figure().encode()), EntryHints())
    assert [read_page(fetched(with_figure().encode()), EntryHints()) for _ in range(4)] == [first] * 4
    assert isinstance(first, CleanStory)
    assert first.url == URL
    assert READER


def test_importing_the_reader_loads_no_date_guessing() -> None:
    import subprocess
    import sys

    code = "import sys, pipeline.reading; print([m for m in ('dateparser',) if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("line", [f"By {AUTHOR}, 13 September 2024 17:20", f"By {AUTHOR} | 13 September 2024 17:20"])
def test_a_byline_with_the_date_on_its_line_gives_both(line: str) -> None:
    got = story(document(f"<div><h1>{TITLE}</h1><p>{line}</p>{BODY}</div>", json_ld=False))
    assert (got.authors, got.published_at, got.text) == ((AUTHOR,), PUBLISHED, "\n\n".join(PARAGRAPHS))


def test_a_caption_in_the_middle_without_any_markup_has_its_field() -> None:
    box = "<div class=m><img src=b.jpg><div>The customs house on Friday morning</div></div>"
    middle = "".join(f"<p>{text}</p>" for text in PARAGRAPHS[2:])
    got = story(document(f"<div><h1>{TITLE}</h1><p>{PARAGRAPHS[0]}</p><p>{PARAGRAPHS[1]}</p>{box}{middle}</div>"))
    assert (got.captions, got.text) == (("The customs house on Friday morning",), "\n\n".join(PARAGRAPHS))


def test_a_shared_title_that_is_the_sites_name_is_not_the_storys() -> None:
    head = "<meta property=og:title content='The Example'>"
    assert story(document(f"<h1>{TITLE}</h1>{BODY}", head, json_ld=False)).title == TITLE


def test_notes_for_screen_readers_are_no_words_of_the_story() -> None:
    note = "<a href=/x>customs house<span class=sr-only>(opens in a new window)</span></a>"
    got = story(document(f"<h1>{TITLE}</h1>{BODY}".replace("customs house", note)))
    assert got.text == "\n\n".join(PARAGRAPHS)


def test_short_headings_of_a_plan_that_recur_stay() -> None:
    plan = "".join(f"<p>Day {day}</p><p>Meal 1</p><p>Bread and soup</p><p>Meal 2</p>" for day in range(1, 6))
    got = story(document(f"<article><h1>{TITLE}</h1>{BODY}{plan}</article>"))
    assert (got.text.count("Meal 1"), got.text.count("Meal 2")) == (5, 5)
