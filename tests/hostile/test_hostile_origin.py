"""A sample of each hostile family walked by real processes: every page and feed ends as it must (P13-P25, P28).

`make hostile` walks all of them with the real deadline of 30 s; here the deadline is shorter and the slow ones wait.
"""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import psycopg
import pytest
from content_cases import CONTENT_CASES
from feed_cases import FEED_CASES
from hostile_cases import FeedCase, PageCase
from hostile_ends import all_faults, feed_faults, log_faults, page_faults, road_faults
from hostile_road import RoadEnd, walk_feeds, walk_pages
from hostile_server import hostile_origin
from sqlalchemy.engine import make_url
from transport_cases import TRANSPORT_CASES

pytestmark = pytest.mark.processes

LIMIT_S = 1.5
PAGE_CASES = (*TRANSPORT_CASES, *CONTENT_CASES)
# One of each family and then every eighth: the same ones on every run.
SAMPLE_EVERY = 8


def sample(cases: Sequence[Any], every: int) -> list[Any]:
    """The first of each family and every so many of the rest; a late case comes with what it repeats."""
    families: dict[str, list[Any]] = {}
    for case in cases:
        families.setdefault(case.family, []).append(case)
    return [case for family in families.values() for case in family[::every]]


PAGES: list[PageCase] = sample(PAGE_CASES, SAMPLE_EVERY)
FEEDS: list[FeedCase] = sample(FEED_CASES, SAMPLE_EVERY)
SHARE_PAGES, SHARE_FEEDS = sample(PAGE_CASES, 40), sample(FEED_CASES, 40)


@pytest.fixture(scope="module")
def walked_pages(tmp_path_factory: pytest.TempPathFactory, _sqlite_template: Path) -> RoadEnd:
    directory = tmp_path_factory.mktemp("pages")
    shutil.copyfile(_sqlite_template, directory / "hostile.db")
    return walk_pages(directory, f"sqlite:///{directory}/hostile.db", PAGES, LIMIT_S)


@pytest.fixture(scope="module")
def walked_feeds(tmp_path_factory: pytest.TempPathFactory, _sqlite_template: Path) -> RoadEnd:
    directory = tmp_path_factory.mktemp("feeds")
    shutil.copyfile(_sqlite_template, directory / "hostile.db")
    return walk_feeds(directory, f"sqlite:///{directory}/hostile.db", FEEDS, LIMIT_S)


@pytest.fixture
def hostile_postgres(postgres_server: str, _postgres_template: str) -> Iterator[str]:
    name = f"frontwire_hostile_{os.getpid()}"
    with psycopg.connect(postgres_server, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name} TEMPLATE {_postgres_template}".encode())
        yield make_url(postgres_server).set(database=name).render_as_string(hide_password=False)
        server.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.mark.parametrize("case", PAGES, ids=[case.name for case in PAGES])
def test_a_hostile_page_ends_as_it_must(walked_pages: RoadEnd, case: PageCase) -> None:
    assert page_faults(walked_pages, case) == []


@pytest.mark.parametrize("case", FEEDS, ids=[case.name for case in FEEDS])
def test_a_hostile_feed_ends_as_it_must(walked_feeds: RoadEnd, case: FeedCase) -> None:
    assert feed_faults(walked_feeds, case) == []


def test_no_canary_was_touched_no_log_line_is_wrong_and_memory_stays_bounded(
    walked_pages: RoadEnd, walked_feeds: RoadEnd
) -> None:
    assert road_faults(walked_pages) == []
    assert road_faults(walked_feeds) == []
    assert walked_pages.tree_peak_bytes > 50 << 20, "nothing was measured"
    assert len(walked_pages.log_lines) > len(PAGES)


def test_a_share_of_it_ends_the_same_on_postgresql(hostile_postgres: str, tmp_path: Path) -> None:
    end = walk_pages(tmp_path / "pages", hostile_postgres, SHARE_PAGES, LIMIT_S)
    assert all_faults(end, SHARE_PAGES, page_faults) == {}


def test_feeds_end_the_same_on_postgresql(hostile_postgres: str, tmp_path: Path) -> None:
    end = walk_feeds(tmp_path / "feeds", hostile_postgres, SHARE_FEEDS, LIMIT_S)
    assert all_faults(end, SHARE_FEEDS, feed_faults) == {}


def test_there_are_as_many_cases_as_promised_and_each_has_a_name_of_its_own() -> None:
    for cases in (PAGE_CASES, FEED_CASES):
        assert len({case.name for case in cases}) == len(cases)
    assert len(PAGE_CASES) >= 200
    assert len(FEED_CASES) >= 100
    assert {case.family for case in PAGES} == {case.family for case in PAGE_CASES}


def test_a_canary_tells_who_connects_and_a_bad_log_line_is_found() -> None:
    with hostile_origin({}, LIMIT_S) as origin:
        for address in (("127.0.0.1", origin.ports.canary), ("127.0.0.2", origin.ports.origin)):
            with socket.create_connection(address, timeout=5) as client:
                client.recv(1)  # the listener has counted before it hangs up
        assert len(origin.canary_hits) == 2
        end = RoadEnd(
            origin,
            log_lines=["no json", '{"event": "a\\u001bb"}', '{"exception": "KeyError"}', '{"url": "//a:hunter2@b"}'],
        )
        assert len(log_faults(end)) == 4
        assert len(road_faults(end)) == 6
