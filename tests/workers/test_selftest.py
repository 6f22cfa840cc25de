"""What limits a machine, decided from figures, and the wire that the self-test reads."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from pipeline.identity.fingerprints import anchors
from pipeline.identity.urls import site_of
from workers.cli.bench import report_of
from workers.demo.generated import GeneratedWire, reworded
from workers.selftest import ADVICE, Limit, Measured, find_limit

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def measured(
    *,
    reading_s: float = 30.0,
    worker_s: float = 15.0,
    busy_share: float = 0.5,
    disk_wait_share: float = 0.0,
    lock_share: float = 0.1,
    workers: int = 2,
    cores: int = 2,
) -> Measured:
    return Measured(
        seconds=60.0,
        stories=600,
        pages=700,
        workers=workers,
        cores=cores,
        cpu_s={"reading": reading_s, "worker": worker_s, "poller": 3.0},
        wire_cpu_s=2.0,
        memory_mb=500.0,
        busy_share=busy_share,
        disk_wait_share=disk_wait_share,
        lock_share=lock_share,
    )


@pytest.mark.parametrize(
    ("seen", "limit"),
    [
        (measured(reading_s=80, worker_s=30, busy_share=1.0), Limit.READING),
        (measured(reading_s=40, worker_s=70, busy_share=1.0), Limit.OWN_CPU),
        (measured(reading_s=20, worker_s=10, busy_share=1.0), Limit.OTHERS),
        (measured(reading_s=20, worker_s=10, lock_share=0.9), Limit.SQL),
        (measured(reading_s=20, worker_s=10, disk_wait_share=0.3), Limit.DISK),
        (measured(reading_s=70, worker_s=40, busy_share=0.3, cores=8), Limit.WORKERS),
        (measured(reading_s=10, worker_s=5, busy_share=0.2), Limit.WAITING),
    ],
    ids=lambda value: value.value if isinstance(value, Limit) else "",
)
def test_the_limit_is_what_would_have_to_change_first(seen: Measured, limit: Limit) -> None:
    assert find_limit(seen) is limit


def test_every_limit_has_its_advice() -> None:
    assert set(ADVICE) == set(Limit)


def test_cpu_a_story_adds_up_over_the_kinds_of_process() -> None:
    report = report_of(measured(reading_s=30, worker_s=15))
    assert report["cpu_ms_per_story"] == {"reading": 50.0, "worker": 25.0, "poller": 5.0}
    assert report["cpu_ms_per_story_total"] == 80.0
    assert report["stories_per_s"] == 10.0
    assert report["stories_per_day"] == 864_000


# ----------------------------------------------------------------------------------------------------------- the wire


def test_a_generated_page_is_the_same_whenever_it_is_asked_for() -> None:
    urls = GeneratedWire(NOW).story_urls(7)
    one, other = GeneratedWire(NOW), GeneratedWire(NOW)
    assert [one.answer(url) for url in urls] == [other.answer(url) for url in urls]
    assert {one.answer(url).status for url in urls} == {200}


def test_each_world_has_sites_and_words_of_its_own() -> None:
    wire = GeneratedWire(NOW)
    first, second = wire.story_urls(1), wire.story_urls(2)
    assert not {site_of(url) for url in first} & {site_of(url) for url in second}
    ours, theirs = ({anchor for url in urls for anchor in anchors(text_of(wire, url))} for urls in (first, second))
    assert len(ours & theirs) <= 0.15 * len(ours)


def text_of(wire: GeneratedWire, url: str) -> str:
    """The page's long lines, without its markup: the story, and some of the site's furniture."""
    lines = re.sub(rb"<script.*?</script>|<[^>]+>", b"\n", wire.answer(url).body, flags=re.S).decode(errors="replace")
    return "\n".join(line for line in lines.splitlines() if len(line) > 100)


def test_names_numbers_and_markup_are_not_reworded() -> None:
    words = {4: ("ship", "boat"), 7: ("nothing",)}
    assert (
        reworded("KYIV (AW) 18 NATO, {day} &quot;Odesa&quot;", 3, words) == "KYIV (AW) 18 NATO, {day} &quot;Odesa&quot;"
    )
    assert reworded("believe", 3, words) == "nothing"


def test_every_feed_of_a_world_answers_with_its_own_worlds_links() -> None:
    wire = GeneratedWire(NOW)
    for url, *_ in wire.feeds(5):
        answer = wire.answer(url)
        assert answer.status == 200
        assert b"-w5.example/" in answer.body


@pytest.mark.parametrize("url", ["http://meridian-daily.example/", "http://nobody-w1.example/", "http://x-w.example/"])
def test_what_is_in_no_world_is_not_found(url: str) -> None:
    assert GeneratedWire(NOW).answer(url).status == 404
