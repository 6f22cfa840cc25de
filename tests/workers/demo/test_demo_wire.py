"""The wire's data: its pages carry what the truth says, and the truth says what was promised of the demo."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path

import pytest

from pipeline.outcomes import PolicyType, Reason, UrlState
from pipeline.text import words
from workers.demo.answers import answers
from workers.demo.expected import truth
from workers.demo.load import load_sites
from workers.demo.shapes import render_story
from workers.demo.values import ExpectedPage, Photo

NOW = datetime(2026, 3, 14, 0, 20, 41, tzinfo=UTC)
SITES = load_sites(NOW, 1)
TRUTH = truth(NOW)
WITH_TEXT = [page for page in TRUTH.values() if page.paragraphs]


def printed(page: ExpectedPage) -> str:
    """The page's characters as a browser would show them, tags gone."""
    answer = answers(NOW, 1)[page.page_url]
    encoding = next(site.encoding for site in SITES if f"//{site.host}/" in page.url)
    return unescape(re.sub(r"<[^>]*>", "", answer.body.decode(encoding)))


@pytest.mark.parametrize("page", WITH_TEXT, ids=lambda page: page.url)
def test_every_page_prints_its_title_paragraphs_authors_captions_and_credits(page: ExpectedPage) -> None:
    text = printed(page)
    for part in (
        page.title,
        *page.paragraphs,
        *page.authors,
        *page.captions,
        *page.credits,
        page.kicker,
        page.standfirst,
    ):
        assert part in text
    assert "$" not in text
    assert "{" not in "".join(page.paragraphs)


@pytest.mark.parametrize("page", WITH_TEXT, ids=lambda page: page.url)
def test_no_line_that_must_go_stands_in_the_truth(page: ExpectedPage) -> None:
    assert not [line for line in page.never if any(line in paragraph for paragraph in page.paragraphs)]


def test_the_wire_has_the_promised_variety() -> None:
    groups = Counter((page.conflict, page.conflict_policy) for page in WITH_TEXT)
    assert len(SITES) == 9
    assert {page.language for page in WITH_TEXT} == {"en", "fr"}
    assert len(WITH_TEXT) >= 34
    assert groups[True, True] >= 18
    assert groups[True, False] >= 5
    assert groups[False, False] >= 8
    assert {act for page in WITH_TEXT for act in page.acts} == set(PolicyType)
    assert sum(180 <= len(words(" ".join(page.paragraphs))) <= 400 for page in WITH_TEXT) >= 10


def test_every_way_of_having_no_story_is_announced_once() -> None:
    reasons = Counter(page.reason for page in TRUTH.values() if not page.paragraphs)
    assert reasons == {
        Reason.CONSENT_WALL: 1,
        Reason.PAYWALL: 1,
        Reason.SOFT_404: 1,
        Reason.NOT_FOUND: 1,
        Reason.ROBOTS_DISALLOWED: 1,
    }
    assert {page.state for page in TRUTH.values() if not page.paragraphs} == {UrlState.REJECTED}


def test_the_agency_report_has_four_copies_one_of_them_word_for_word() -> None:
    agency = TRUTH["http://atlas-wire.example/text/2f81-sudan-talks-truce.txt"]
    copies = [page for page in WITH_TEXT if page.cluster == agency.cluster and page.url != agency.url]
    exact = [page for page in copies if page.copy_of]
    assert len(copies) == 4
    assert len({page.url.split("/")[2] for page in copies}) == 4
    assert [(page.copy_of, page.state, page.reason) for page in exact] == [
        (agency.url, UrlState.DUPLICATE, Reason.SAME_TEXT)
    ]
    assert exact[0].paragraphs == agency.paragraphs
    assert exact[0].published_at > agency.published_at
    assert all(page.paragraphs != agency.paragraphs for page in copies if not page.copy_of)


def test_edited_copies_keep_most_of_their_originals_words_and_independent_reports_do_not() -> None:
    def shingles(page: ExpectedPage) -> set[tuple[str, ...]]:
        plain = words(" ".join(page.paragraphs))
        return set(zip(plain, plain[1:], plain[2:], strict=False))

    by_cluster: dict[str, list[ExpectedPage]] = {}
    for page in sorted(WITH_TEXT, key=lambda page: page.published_at):
        by_cluster.setdefault(page.cluster or page.url, []).append(page)
    firsts = [versions[0] for versions in by_cluster.values()]
    for first, *versions in by_cluster.values():
        assert all(len(shingles(page) & shingles(first)) > 0.45 * len(shingles(page)) for page in versions)
    for number, one in enumerate(firsts):
        assert all(len(shingles(one) & shingles(other)) < 0.05 * len(shingles(one)) for other in firsts[:number])
    assert sorted(len(versions) for versions in by_cluster.values())[-3:] == [2, 3, 5]


def test_every_version_of_a_report_names_the_same_day_whatever_the_hour() -> None:
    for hour in range(24):
        pages = truth(NOW.replace(hour=hour)).values()
        days = {
            word
            for page in pages
            if page.cluster == "sudan-truce"
            for word in re.findall(r"\w+day\b", page.paragraphs[0])
        }
        assert len(days) == 1


def test_stories_are_at_most_thirty_hours_old_but_for_the_first_page_of_all() -> None:
    minute = NOW.replace(second=0, microsecond=0)
    old = [page for page in TRUTH.values() if not minute - timedelta(hours=30) <= page.published_at < minute]
    assert [page.published_at for page in old] == [datetime(2024, 5, 31, 3, 59, tzinfo=UTC)]
    assert old[0].title == "Biden quietly approves Ukraine strikes near Russian-occupied Kharkiv"
    assert old[0].acts == (PolicyType.FORCE,)


def test_a_part_is_only_expected_where_the_site_prints_it() -> None:
    for site in SITES:
        for story in site.stories:
            assert site.markup.kicker or not story.kicker
            assert site.markup.standfirst or not story.standfirst
            assert site.markup.byline or not story.authors
            assert not site.content_type.startswith("text/plain") or not story.photos


def test_markup_in_a_storys_words_is_printed_as_words() -> None:
    site = next(site for site in SITES if site.host == "meridian-daily.example")
    story = replace(site.stories[0], title='</script><b>"Five" & six', photos=(Photo('"> <i>'),))
    page = render_story(site, story).decode()
    assert "<h1>&lt;/script&gt;&lt;b&gt;&quot;Five&quot; &amp; six</h1>" in page
    assert page.count("</script>") == 1
    assert 'alt="&quot;&gt; &lt;i&gt;"' in page


def test_edition_2_changes_one_page_its_feed_and_the_feed_that_was_down() -> None:
    first, second = answers(NOW, 1), answers(NOW, 2)
    assert first.keys() == second.keys()
    assert {url for url in first if first[url] != second[url]} == {
        "http://meridian-daily.example/world/germany-air-defence-launchers-ukraine",
        "http://meridian-daily.example/feeds/world.atom",
        "http://northline.example/rss/defence.xml",
    }


def test_the_revised_page_has_another_headline_and_other_figures() -> None:
    url = "http://meridian-daily.example/world/germany-air-defence-launchers-ukraine"
    before, after = TRUTH[url], truth(NOW, 2)[url]
    changed = [pair for pair in zip(before.paragraphs, after.paragraphs, strict=True) if pair[0] != pair[1]]
    assert ("12 more air-defence launchers" in before.title, "18 air-defence launchers" in after.title) == (True, True)
    assert len(changed) == 3
    assert before.published_at == after.published_at
    assert {other for other, page in TRUTH.items() if page != truth(NOW, 2)[other]} == {url}


def test_no_file_of_the_wire_is_left_out_of_the_pages() -> None:
    root = Path(__file__).parents[3] / "workers" / "demo" / "wire"
    names = {path.name for path in root.glob("*/*")}
    reasons = {f"{page.reason}.html" for page in TRUTH.values() if page.reason not in (Reason.NEW, Reason.NOT_FOUND)}
    assert names == {"site.toml", "stories.toml", "page.html", "page.txt"} | reasons - {"same_text.html"}
