"""The demo wire's feeds and versions, as the feeds room and the identity room see them."""

from __future__ import annotations

from datetime import UTC, datetime

from pipeline.feeds import read_feed
from pipeline.identity.fingerprints import fingerprint
from pipeline.identity.near_copies import Candidate, pick_cluster
from pipeline.identity.urls import canonical_url
from pipeline.values import Entry
from workers.demo import DemoWire, ExpectedPage, truth
from workers.demo.answers import answers

NOW = datetime(2026, 3, 14, 12, 20, tzinfo=UTC)
TRUTH = truth(NOW)
FEEDS = [url for url, *_ in DemoWire(NOW).feeds()]


def entries(edition: int) -> dict[str, list[Entry]]:
    """Every entry of every feed that answers in that edition, by feed."""
    printed = answers(NOW, edition)
    return {
        url: list(read_feed(printed[url].body, printed[url].header("Content-Type"), url, NOW).entries)
        for url in FEEDS
        if printed[url].status == 200
    }


def text(page: ExpectedPage) -> str:
    return "\n\n".join(page.paragraphs)


def test_the_feeds_of_each_edition_announce_exactly_the_urls_of_the_truth() -> None:
    for edition in (1, 2):
        assert {entry.url for listed in entries(edition).values() for entry in listed} == set(TRUTH)


def test_every_url_of_the_truth_is_in_the_form_under_which_it_is_stored() -> None:
    assert [url for url in TRUTH if canonical_url(url) != url] == []


def test_titles_times_and_authors_of_the_feeds_are_those_of_the_pages() -> None:
    for listed in entries(1).values():
        for entry in listed:
            page = TRUTH[entry.url]
            assert (entry.title, entry.published_at) == (page.title, page.published_at)
            assert entry.authors in (page.authors, ())


def test_only_the_revised_storys_entry_has_another_version_in_edition_2() -> None:
    before = {entry.key: entry for listed in entries(1).values() for entry in listed}
    after = [entry for listed in entries(2).values() for entry in listed]
    changed = {entry.url for entry in after if before[entry.key].version != entry.version}
    assert changed == {"http://meridian-daily.example/world/germany-air-defence-launchers-ukraine"}


def test_versions_of_a_report_join_one_cluster_and_independent_reports_stay_alone() -> None:
    pages = sorted((page for page in TRUTH.values() if page.paragraphs), key=lambda page: page.published_at)
    label_of: dict[int, str] = {}
    seen: list[Candidate] = []
    for number, page in enumerate(pages):
        copy, _ = pick_cluster(text(page), None, seen)
        cluster_id = copy.cluster_id if copy else number
        assert label_of.setdefault(cluster_id, page.cluster or page.url) == (page.cluster or page.url)
        seen.append(Candidate(cluster_id, number, text(page)))
    assert len(set(label_of.values())) == len(label_of)


def test_only_the_word_for_word_copy_has_the_hash_of_another_page() -> None:
    hashes = {page.url: fingerprint(page.title, text(page)).content_hash for page in TRUTH.values() if page.paragraphs}
    copies = [page for page in TRUTH.values() if page.copy_of]
    assert len(set(hashes.values())) == len(hashes) - len(copies)
    assert [hashes[page.url] for page in copies] == [hashes[page.copy_of] for page in copies]
