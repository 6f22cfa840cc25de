"""trafilatura's quick mode, step by step: its own answers, and its own state left alone."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from lxml.html import HtmlElement
from reading_pages import PARAGRAPHS, SHAPES, TITLE, URL, document
from trafilatura import bare_extraction, xpaths

from pipeline.reading.parsing import parse_markup
from pipeline.reading.quick import _TEST, Remembered, _words_needed, full_extraction, quick_extraction
from workers.demo.load import load_sites
from workers.demo.shapes import render_story

PROSE = "".join(f"<p>{text}</p>" for text in PARAGRAPHS)
LISTS = (
    xpaths.RAW_TREE_PRUNE_XPATH,
    xpaths.REMOVE_COMMENTS_AND_LISTS_XPATH,
    xpaths.BODY_XPATH,
    xpaths.OVERALL_DISCARD_XPATH,
)
FORUM = '<script type="application/ld+json">{"@type": "DiscussionForumPosting"}</script>'
# Where the library takes another way: appended articles with and without a heading, comments, a forum, too little text,
# text that is a small part of the page, no text, and classes that its expressions know.
TURNS = {
    "appended": f"<div class=story>{PROSE}</div><div class='infinite-scroll'><p>{PARAGRAPHS[0]}</p></div>",
    "appended with a heading": f"<div class='infinite-scroll'><h1>{TITLE}</h1>{PROSE}</div>",
    "comments": f"<article>{PROSE}</article><div id=comments><p>{PARAGRAPHS[1]}</p></div><ul class=comment-list></ul>",
    "forum": f"{FORUM}<article>{PROSE}</article><div class=comments><p>{PARAGRAPHS[1]}</p></div>",
    "short": "<article><p>The strait is open again.</p></article>",
    "small part": f"<article><p>{PARAGRAPHS[0]}</p><p>{PARAGRAPHS[1]}</p></article>" + f"<div>{PROSE * 3}</div>" * 9,
    "declared": f'<script type="application/ld+json">{{"articleBody": "{PARAGRAPHS[0]} {PARAGRAPHS[1]}"}}</script>'
    "<article><p>The strait is open again.</p></article>",
    "wider": f"<article><p>{PARAGRAPHS[0]}</p><p>{PARAGRAPHS[1]}</p>"
    + f"<div class=teaser>{PROSE}</div>" * 5
    + f"</article><div class=menu>{PROSE * 9}</div>",
    "nothing": "<div></div>",
    "classes": f"<div class='post-content x'><div class='share-bar'>Share</div><span id=newsletter-1>Sign up</span>"
    f"<p aria-hidden=true>Hidden</p>{PROSE}<p class='byline {'long ' * 200}'>By Ada Obi</p></div>",
    "two": f"<article>{PROSE}</article><article><p>{PARAGRAPHS[2]}</p></article><main id=main>{PROSE}</main>",
}


def tree_of(markup: str) -> HtmlElement:
    tree = parse_markup(markup)
    assert tree is not None
    return tree


def same(markup: str) -> None:
    """Assert that text and body are the library's, and the tree is as it was."""
    tree = tree_of(markup)
    before = etree.tostring(tree)
    told = bare_extraction(tree, url=URL, fast=True, include_comments=False)
    got = quick_extraction(tree, URL)
    if told is None:
        assert got is None
    else:
        assert got is not None
        assert (got[0], etree.tostring(got[1])) == (told.text, etree.tostring(told.body))
    assert etree.tostring(tree) == before


@pytest.mark.parametrize("name", TURNS)
def test_wherever_the_library_turns_its_answer_is_given(name: str) -> None:
    same(document(TURNS[name]))


def test_on_pages_of_every_shape_the_librarys_answer_is_given() -> None:
    for shape in SHAPES.values():
        same(shape())
    for site in load_sites(datetime(2024, 9, 14, 12, tzinfo=UTC), 1):
        for story in site.stories[:3]:
            if "html" in site.content_type:
                same(render_story(site, story).decode(site.encoding))


@pytest.mark.parametrize("favor_recall", [False, True])
def test_the_fuller_modes_are_the_librarys(favor_recall: bool) -> None:
    tree = tree_of(document(TURNS["small part"]))
    told = bare_extraction(tree, url=URL, include_comments=False, favor_recall=favor_recall)
    got = full_extraction(tree, URL, favor_recall=favor_recall)
    assert got is not None
    assert (got[0], etree.tostring(got[1])) == (told.text, etree.tostring(told.body))


def test_the_librarys_own_expressions_are_back_after_each_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    before = [list(listed) for listed in LISTS]
    tree = tree_of(document(TURNS["classes"]))
    quick_extraction(tree, URL)
    monkeypatch.setattr("pipeline.reading.quick.extract_content", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        quick_extraction(tree, URL)
    assert [list(listed) for listed in LISTS] == before
    assert all(isinstance(expression, etree.XPath) for listed in LISTS for expression in listed)


@pytest.mark.parametrize("listed", LISTS[1:])
def test_a_remembered_expression_means_what_it_says(listed: list[etree.XPath]) -> None:
    """Asked twice, of trees with long and missing attributes, where it is asked and where it is remembered."""
    names = (
        "share-tools",
        "article-body",
        "comments-1",
        "x",
        "nav",
        "main-content",
        "post-content",
        " hidden",
        "story-body",
        "Main-Content",
        "FULLTEXT",
        "Story-Body",
        "",
    )
    boxes = "".join(
        f"<{tag} class='{name}' {more}><b>{name}</b></{tag}>"
        for tag in ("div", "section", "p", "ul", "span", "main", "o:p")
        for name in (*names, "a" * 500, "share-" + "a" * 500)
        for more in (
            "",
            "id=comments",
            "role=navigation",
            "style='display:none'",
            "id=article",
            "id=MAIN-CONTENT",
            "role=Navigation",
            "data-lp-replacement-content",
            "itemprop=articleBody",
        )
    )
    tree = tree_of(f"<html><body>{boxes}</body></html>")
    for expression in (e for e in listed if "re:test" in e.path):
        remembered = Remembered(expression)
        for _ in range(2):
            if "[1]" in expression.path:
                assert remembered.first(tree)[:1] == expression(tree)[:1]
            else:
                assert remembered(tree) == expression(tree)


@pytest.mark.parametrize("listed", LISTS[1:])
def test_an_expression_is_asked_once_for_all_kinds_without_any_of_its_words(
    listed: list[etree.XPath], monkeypatch: pytest.MonkeyPatch
) -> None:
    boxes = "".join(f"<div id=x{n} class=y{n}>z</div>" for n in range(2000))
    tree = tree_of(f"<html><body>{boxes}</body></html>")
    for expression in (e for e in listed if "re:test" in e.path):
        remembered, asked = Remembered(expression), []
        ask = remembered._asked
        monkeypatch.setattr(remembered, "_asked", lambda kinds, ask=ask, asked=asked: asked.extend(kinds) or ask(kinds))
        assert remembered(tree) == []
        assert len(asked) <= 2  # with and without a class


@pytest.mark.parametrize(
    "path",
    [
        ".//*[self::div][string-length(@class) > 3 or re:test(@class, 'share')]",
        ".//*[self::div][re:test(@class, '^[^a]')]",
        ".//*[self::div][@class='?' or re:test(@class, 'share')]",
    ],
)
def test_an_expression_that_asks_for_more_than_words_is_asked_of_every_kind(path: str) -> None:
    expression = etree.XPath(path, namespaces={"re": "http://exslt.org/regular-expressions"})
    tree = tree_of("<html><body><div class=abc>x</div><div class=bcde>y</div><div class='?'>z</div></body></html>")
    assert Remembered(expression)(tree) == expression(tree) != []


PATTERNS = [
    (expression, pattern[1:-1], flags)
    for listed in LISTS
    for expression in listed
    for pattern, flags in _TEST.findall(expression.path)
]


@given(st.data())
def test_no_value_that_an_expression_finds_something_in_is_taken_for_silent(data: st.DataObject) -> None:
    expression, pattern, flags = data.draw(st.sampled_from(PATTERNS))
    value = data.draw(st.from_regex(re.compile(pattern, re.IGNORECASE if flags else 0)))
    tells = Remembered(expression)._tells
    assert tells is not None
    assert tells(value)


@pytest.mark.parametrize(
    ("pattern", "needed"),
    [
        ("share|^nav-", {"share", "nav-"}),
        ("^(?:[Cc]omment(?!ary)|comol)", {"omment", "comol"}),
        ("(?:page|text)-content|bread-?crumb", {"-content", "bread"}),
        (r"a\.b|[xy]|", {"a.b", ""}),
        (r"\d+px|\d{3}em|x{2}rem|(?:ab){2}", {"px", "em", "rem", ""}),
    ],
)
def test_the_words_that_a_pattern_needs(pattern: str, needed: set[str]) -> None:
    assert _words_needed(pattern) == needed


def test_no_page_makes_more_be_remembered_than_is_allowed() -> None:
    remembered = Remembered(xpaths.REMOVE_COMMENTS_AND_LISTS_XPATH[0])
    for start in (0, 9000):
        boxes = "".join(f"<div id=comment-{n}>x</div>" for n in range(start, start + 9000))
        tree = tree_of(f"<html><body>{boxes}</body></html>")
        assert len(remembered(tree)) == 9000
        assert len(remembered._answers) <= 8192
