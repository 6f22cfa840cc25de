"""The comparison of benchmark figures with the last release's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmarks.end_to_end import road
from benchmarks.reading_cpu import Clock, timed_stages
from benchmarks.suite import compare, kept_part, last_release, table
from benchmarks.wire import corpus_digest, load_pages, wire
from pipeline.reading import read


def results(settle: float, corpus: str = "abc") -> dict[str, dict[str, Any]]:
    return {"settling": {"read_ratio": 1.2, "settle_ratio": settle, "statements_a_story": 30.0, "corpus": corpus}}


def test_a_ratio_that_is_over_a_tenth_higher_is_shown_loud() -> None:
    rows = {row.name: row for row in compare(results(0.23), results(0.2))}
    assert rows["settling: settle_ratio"].is_worse
    assert not rows["settling: read_ratio"].is_worse
    assert table(list(rows.values())).count("WORSE") == 1


def test_a_ratio_within_a_tenth_is_not() -> None:
    assert not any(row.is_worse for row in compare(results(0.219), results(0.2)))


def test_figures_over_other_pages_are_not_compared() -> None:
    assert all(row.before is None for row in compare(results(0.9), results(0.2, corpus="other")))


def test_without_an_earlier_release_nothing_is_worse() -> None:
    assert not any(row.is_worse for row in compare(results(0.9), None))


def test_the_last_release_is_the_newest_by_number_that_is_not_after_this_one(tmp_path: Path) -> None:
    for name in ("0.2.0", "0.10.0", "0.11.0"):
        (tmp_path / f"{name}.json").write_text("{}")
    for current, expected in (("0.11.0", "0.11.0"), ("0.10.5", "0.10.0"), ("0.2.0", "0.2.0")):
        found = last_release(tmp_path, current)
        assert found is not None
        assert found.stem == expected
    assert last_release(tmp_path, "0.1.9") is None


def test_what_is_kept_of_a_run_is_its_ratios_and_compares_like_the_run() -> None:
    run = {**results(0.2), "starts": {"sqlalchemy": {"cpu_s": 0.4}}}
    for kind in ("worker", "reading child", "poller"):
        run["starts"][kind] = {"cpu_s": 1.4, "cpu_ratio": 3.5}
    kept = kept_part(run)
    assert kept["starts"]["worker"] == {"cpu_ratio": 3.5}
    assert "cpu_s" not in str(kept)
    assert [row.before for row in compare(run, kept)] == [row.now for row in compare(run, None)]


def test_a_stage_is_charged_its_own_time_alone_and_the_functions_are_put_back() -> None:
    clock = Clock()
    inner = clock.around("inner", lambda: sum(range(300_000)))
    outer = clock.around("outer", lambda: inner())
    outer()
    taken = clock.taken()
    assert taken["inner"] > 5 * taken["outer"] > 0
    assert clock.taken() == {}
    before = read.decode_page
    with timed_stages(clock):
        assert read.decode_page is not before
    assert read.decode_page is before


def test_the_demonstrations_pages_are_the_same_at_any_time() -> None:
    pages = load_pages(None)
    assert all(page.published < "2026-01-02" for page in pages)
    assert corpus_digest(pages) == corpus_digest(load_pages(None))


@pytest.mark.processes
def test_the_road_of_a_benchmark_leaves_standard_output_to_the_figures(capfd: pytest.CaptureFixture[str]) -> None:
    """`make bench` reads it as JSON."""
    pages = load_pages(None, 1)
    few = [page for page in pages if page.feed == pages[0].feed]
    with wire(None, 1) as proxy:
        cost = road(few, proxy, 1, None)
    assert cost.stories == len(few)
    assert capfd.readouterr().out == ""
