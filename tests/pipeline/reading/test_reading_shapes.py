"""Shapes of pages that once came out wrong, set with the sample story; each with a page that must not be touched."""

# ruff: noqa: E501 - markup is easier to read unbroken

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from lxml import etree
from reading_pages import AUTHOR, CAPTION, CREDIT, DATE, PARAGRAPHS, RELATED, SUBHEAD, TITLE, document, story

from pipeline.reading.budget import look_before_parsing
from pipeline.reading.evidence import gather_evidence
from pipeline.reading.left_out import LEFT_OUT_RULES, MAX_LEFT_OUT
from pipeline.reading.lines import Line
from pipeline.reading.loose import part_loose_text
from pipeline.reading.parsing import parse_markup
from pipeline.reading.restore import mend_lines
from pipeline.reading.rules import RULES

WHOLE = "\n\n".join(PARAGRAPHS)
BODY = "".join(f"<p>{paragraph}</p>" for paragraph in PARAGRAPHS)


def old_table(extra: str = "") -> str:
    """The table layout of early pages: menu, story and headlines in cells, paragraphs without an end, no metadata."""
    menu = "".join(f"<tr><td><a href=/{name}>{name}</a></td></tr>" for name in ("Home", "Coast", "Tides"))
    text = "".join(f"<p>{paragraph}" for paragraph in PARAGRAPHS[:2]) + f"<p><b><font size=3>{SUBHEAD}</font></b>"
    text += "".join(f"<p>{paragraph}" for paragraph in PARAGRAPHS[2:])
    more = "".join(f"<tr><td><a href=/{n}>{line}</a></td></tr>" for n, line in enumerate(RELATED))
    return (
        f"<html><head><title>Coast Post - {TITLE}</title></head><body><table><tr><td colspan=3><b>Coast Post</b></td></tr><tr>"
        f"<td><table>{menu}</table></td><td><font size=5><b>{TITLE}</b></font><br><font><b>By {AUTHOR}</b>, Coast Post</font><br>"
        f"<font size=1>Friday, {DATE} GMT</font><br><a href=#>Printer-friendly version</a> | <a href=#>E-mail this story</a>{extra}{text}"
        f"<p><a href=#top>Back to top</a></td><td><table>{more}</table></td></tr>"
        "<tr><td colspan=3>&copy; 2024 Coast Post. No part of this page may be copied by anyone.</td></tr></table></body></html>"
    )


def test_a_story_in_a_layout_table_comes_out_in_paragraphs_and_fields() -> None:
    got = story(old_table())
    assert got.text.split("\n\n") == [*PARAGRAPHS[:2], SUBHEAD, *PARAGRAPHS[2:]]
    assert (got.title, got.authors, got.subheads, got.credits) == (TITLE, (AUTHOR,), (SUBHEAD,), ())


def test_a_table_of_figures_inside_a_story_stays() -> None:
    rows = "<tr><th>Port</th><th>Ships</th></tr><tr><td>Northhaven</td><td>Fourteen</td></tr>"
    assert (
        "Northhaven | Fourteen"
        in story(
            document(f"<article><h1>{TITLE}</h1>{BODY}<table>{rows}</table><p>{PARAGRAPHS[1]} Again.</p></article>")
        ).text
    )


def broken(between: str) -> str:
    """The story's paragraphs parted by line breaks in one box, with something between the first two."""
    first, *rest = (f"{paragraph}<br><br>" for paragraph in PARAGRAPHS)
    return document(f"<h1>{TITLE}</h1><div>{first}{between}{''.join(rest)}</div>")


@pytest.mark.parametrize(
    "between",
    [
        "<div>Advertisement</div>",
        f"<div><p>Related content</p><a href=/9>{RELATED[2]}</a></div>",
        "<aside><p>Sign up for our newsletter</p><p>The best of the coast in your inbox every morning.</p></aside>",
    ],
)
def test_a_box_among_paragraphs_that_line_breaks_part_takes_none_of_them_along(between: str) -> None:
    assert story(broken(between)).text == WHOLE


def test_an_empty_box_is_a_line_break_and_a_word_behind_a_box_no_paragraph() -> None:
    assert story(broken("<div class=line-break></div>")).text == WHOLE
    tree = parse_markup("<div>Ports: <ul><li>Northhaven</li></ul> and more</div><p>One <div>two</div> three</p>")
    assert tree is not None
    before = tree.getroottree()
    shown = etree.tostring(before)
    part_loose_text(tree)
    assert etree.tostring(before) == shown


def test_slug_and_byline_with_a_small_particle_leave_wire_copy() -> None:
    copy = "\n\n".join(("COAST NEWS\nGRAIN-STRAIT/TALKS (UPDATE 2)", TITLE, "By Jan van den Berg", *PARAGRAPHS))
    got = story(copy, kind="text/plain")
    assert (got.text, got.authors, got.title) == (WHOLE, ("Jan van den Berg",), TITLE)


def test_capitals_in_the_middle_of_wire_copy_are_no_slug() -> None:
    copy = "\n\n".join((TITLE, PARAGRAPHS[0], "GRAIN-STRAIT/TALKS", *PARAGRAPHS[1:]))
    assert "GRAIN-STRAIT/TALKS" in story(copy, kind="text/plain").text


def test_a_menu_parted_by_bars_is_no_line_of_the_story() -> None:
    menu = "<div><a href=/>COAST</a> | <a href=/w>World</a> | <a href=/d>Defence</a> | <a href=/s>Sea</a></div>"
    text = "<br><br>".join(PARAGRAPHS)
    assert story(f"<html><body>{menu}<div><h1>{TITLE}</h1></div><div>{text}</div></body></html>").text == WHOLE


@pytest.mark.parametrize("pitch", ["Recevez tous les soirs notre lettre d'information. Je m'inscris", "Je m'abonne"])
def test_a_french_pitch_goes(pitch: str) -> None:
    assert story(document(f"<article><h1>{TITLE}</h1>{BODY}<p>{pitch}</p></article>")).text == WHOLE


def test_a_french_sentence_that_begins_like_a_pitch_stays() -> None:
    line = "Recevez-vous des armes, a demandé le juge au témoin pendant la longue audience de vendredi."
    assert story(document(f"<article><h1>{TITLE}</h1>{BODY}<p>{line}</p></article>")).text.endswith(line)


@pytest.mark.parametrize(
    "label", ["<span class=cat-links><a href=/c>Coast</a></span>", "<span class=badge>Coast</span>"]
)
def test_a_label_over_the_title_is_the_kicker(label: str) -> None:
    got = story(document(f"<article>{label}<h1>{TITLE}</h1>{BODY}</article>"))
    assert (got.kicker, got.text) == ("Coast", WHOLE)


def test_a_declared_section_over_the_title_is_the_kicker_and_alone_it_is_not() -> None:
    declared = json.dumps({"@type": "NewsArticle", "headline": TITLE, "articleSection": "Coast"})
    data = f'<script type="application/ld+json">{declared}</script>'
    shown = story(document(f"<article><p class=q>Coast</p><h1>{TITLE}</h1>{BODY}</article>", data, json_ld=False))
    unseen = story(document(f"<article><h1>{TITLE}</h1>{BODY}</article>", data, json_ld=False))
    assert (shown.kicker, shown.section, unseen.kicker, unseen.section) == ("Coast", "Coast", None, "Coast")


def test_the_name_of_an_icon_is_no_word_of_the_caption() -> None:
    box = f"<div class=m data-caption='{CAPTION}'><img src=a.jpg><div class=m-caption><span class=icon>photo_camera</span> {CAPTION} <span class=m-credit>Photograph: Tom Rask</span></div></div>"
    got = story(document(f"<article><h1>{TITLE}</h1>{box}{BODY}</article>"))
    assert (got.captions, got.credits, got.text) == ((CAPTION,), ("Photograph: Tom Rask",), WHOLE)


def test_a_word_in_an_element_with_an_icon_stays() -> None:
    text = BODY.replace("Ministers", "<span class='with-icon'>Ministers</span>", 1)
    assert story(document(f"<article><h1>{TITLE}</h1>{text}</article>")).text == WHOLE


def test_a_short_line_in_bold_is_a_sub_head_and_stays_in_its_place() -> None:
    text = "<br><br>".join((*PARAGRAPHS[:2], f"<b>{SUBHEAD}</b>", *PARAGRAPHS[2:]))
    got = story(document(f"<h1>{TITLE}</h1><div>{text}</div>"))
    assert (got.subheads, got.text.split("\n\n")[2]) == ((SUBHEAD,), SUBHEAD)


def test_a_pull_quote_goes_and_a_quoting_sub_head_stays() -> None:
    quote = "insurers withdrew their cover for the whole route"
    pulled = BODY.replace("</p>", f"</p><blockquote class=big><p>{quote}</p></blockquote>", 1)
    headed = BODY.replace("</p>", f"</p><h2>{quote}</h2>", 1)
    assert story(document(f"<article><h1>{TITLE}</h1>{pulled}</article>")).text == WHOLE
    assert story(document(f"<article><h1>{TITLE}</h1>{headed}</article>")).subheads == (quote,)


def test_a_box_with_a_heading_of_its_own_goes_and_a_section_stays() -> None:
    box = "<div class=x9><h4>The strait in figures</h4><p>Eleven miles wide at its narrowest point.</p></div>"
    cut = BODY.index("</p>") + 4
    assert story(document(f"<article><h1>{TITLE}</h1>{BODY[:cut]}{box}{BODY[cut:]}</article>")).text == WHOLE
    sections = "".join(f"<section><h2>Part {n} of it</h2><p>{p}</p></section>" for n, p in enumerate(PARAGRAPHS))
    assert story(document(f"<article><h1>{TITLE}</h1>{sections}</article>")).text.count("Part ") == 4


def test_three_linked_headlines_with_labels_go_and_a_list_of_sentences_stays() -> None:
    teasers = "".join(f"<li>Coast: <a href=/{n}>{line}</a></li>" for n, line in enumerate(RELATED))
    facts = "".join(
        f"<li>{line}, said the harbour master, who keeps the <a href=/{n}>lists</a>.</li>"
        for n, line in enumerate(RELATED)
    )
    assert story(document(f"<article><h1>{TITLE}</h1>{BODY}<ul>{teasers}</ul></article>")).text == WHOLE
    middle = BODY.replace("</p>", f"</p><ul>{facts}</ul>", 1)
    assert story(document(f"<article><h1>{TITLE}</h1>{middle}</article>")).text.count("harbour master") == 3


def test_a_printed_address_is_no_teaser() -> None:
    address = "https://strait.example.org/tables"
    got = story(
        document(
            f"<article><h1>{TITLE}</h1>{BODY}<p><a href={address}>{address}</a></p><p>{PARAGRAPHS[1]} So.</p></article>"
        )
    )
    assert address in got.text


def test_direct_speech_keeps_its_dash() -> None:
    line = "— We sail when the insurers sail with us and not one hour before, the captain of the first ship said."
    assert (
        line
        in story(
            document(f"<article><h1>{TITLE}</h1>{BODY}<p>{line}</p><p>{PARAGRAPHS[0]} He left.</p></article>")
        ).text
    )


def test_a_paragraph_that_the_extractor_broke_is_whole_again_and_two_paragraphs_stay_two() -> None:
    evidence = gather_evidence(parse_markup(f"<html><body><p>{PARAGRAPHS[0]}</p><p>{PARAGRAPHS[1]}</p></body></html>"))
    words = PARAGRAPHS[0].split()
    first, second = " ".join(words[:12]), " ".join(words[16:])  # the words between them are lost
    broken = (Line(0, first), Line(1, second), Line(2, PARAGRAPHS[1]))
    mended = (Line(0, PARAGRAPHS[0]), Line(1, PARAGRAPHS[1]))
    assert mend_lines(broken, evidence) == mended
    assert mend_lines(mended, evidence) == mended


def test_a_dateline_alone_goes_to_its_field_and_an_inline_one_stays() -> None:
    alone = story(document(f"<article><h1>{TITLE}</h1><p>NORTHHAVEN, 13 September (Coast News) -</p>{BODY}</article>"))
    inline = story(
        document(f"<article><h1>{TITLE}</h1>{BODY.replace('<p>', '<p>NORTHHAVEN (Coast News) - ', 1)}</article>")
    )
    assert (alone.dateline, alone.text) == ("NORTHHAVEN, 13 September (Coast News)", WHOLE)
    assert (inline.dateline, inline.text) == ("NORTHHAVEN (Coast News)", f"NORTHHAVEN (Coast News) - {WHOLE}")


@pytest.mark.parametrize(
    ("head", "note", "access"),
    [
        ("", "", "free"),
        ("<meta property='article:content_tier' content=metered>", "", "metered"),
        ('<script type="application/ld+json">{"@type": "NewsArticle", "hasPart": {"isAccessibleForFree": false}}</script>', "", "paywalled"),
        ("", "<div>You have 2 free articles left this month.</div>", "metered"),
        ("", "<div class=paywall><p>Subscribe now to read on.</p></div>", "paywalled"),
        ("", "<div class=paywall></div><p>The charity gives free meals; subscribe to nothing, it says of itself.</p>", "free"),
    ],
)  # fmt: skip
def test_access_is_what_the_page_declares_or_says(head: str, note: str, access: str) -> None:
    assert story(document(f"<article><h1>{TITLE}</h1>{BODY}</article>{note}", head, json_ld=False)).access == access


def test_what_the_extractor_left_out_is_listed_with_its_kind() -> None:
    figure = f"<figure><img src=a.jpg><figcaption>{CAPTION}<small class=credit>{CREDIT}</small></figcaption></figure>"
    links = "".join(f"<li><a href=/{n}>{line}</a></li>" for n, line in enumerate(RELATED))
    got = story(document(f"<article>{figure}<h1>{TITLE}</h1>{BODY}</article><div class=related><ul>{links}</ul></div>"))
    listed = {line.line: line.rule for line in got.dropped if line.position == -1}
    assert listed == {CAPTION: "left_out_caption", CREDIT: "left_out_credit"} | dict.fromkeys(
        RELATED, "left_out_teaser"
    )


def test_no_more_than_two_hundred_left_out_lines_are_listed() -> None:
    links = "".join(f"<div><a href=/{n}>Headline number {n} of the long list</a></div>" for n in range(300))
    got = story(document(f"<article><h1>{TITLE}</h1>{BODY}</article>{links}"))
    assert sum(line.rule in LEFT_OUT_RULES for line in got.dropped) == MAX_LEFT_OUT


def test_authors_are_people_before_the_outlet_and_one_byline_box_may_hold_two() -> None:
    head = "<meta property=og:site_name content='Coast Post'><meta name=author content='Coast Post'>"
    box = "<div class=byline><span>Ada Obi</span> <span>Tom Rask</span></div>"
    assert story(document(f"<h1>{TITLE}</h1>{box}{BODY}", head, json_ld=False)).authors == ("Ada Obi", "Tom Rask")
    assert story(document(f"<h1>{TITLE}</h1>{BODY}", head, json_ld=False)).authors == ("Coast Post",)


def test_a_caption_with_a_date_does_not_date_the_story() -> None:
    figure = "<figure><img src=a.jpg><figcaption>The strait, 4 March 2021</figcaption></figure>"
    got = story(document(f"<h1>{TITLE}</h1>{figure}<p>{DATE}</p>{BODY}", json_ld=False))
    assert got.published_at is not None
    assert f"{got.published_at:%Y-%m-%d %H:%M}" == "2024-09-13 17:20"


def test_the_documented_rules_are_the_rules_in_their_order() -> None:
    page = (Path(__file__).parents[3] / "docs" / "cleaning.md").read_text("utf-8")
    assert re.findall(r"^\| \d+ \| `(\w+)` \|", page, re.MULTILINE) == [name for name, _ in RULES]


def test_thousands_of_endless_tag_names_are_looked_at_once() -> None:
    # Each name is just too short for a tag with too many attributes: asked letter by letter it took minutes.
    look = look_before_parsing("<p>" + ("<" + "a" * 3800) * 2000)
    assert look.problem is None
    assert look.trimmed == ("depth",)
