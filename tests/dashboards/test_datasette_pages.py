"""Every page in a real browser, over what the demo stored: numbers are SQL's, strangers' words are text."""

from __future__ import annotations

import json
import re
import sqlite3
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from conftest import serve
from rows import add_event, add_feed, add_origin, add_poll, add_story, add_url
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select, WebDriverWait
from sqlalchemy import Connection, insert
from test_datasette_monitor import bars, logged, severe, table, texts, wait_until_drawn

from pipeline.store.reports import StoryFilter
from pipeline.store.schema import dropped_lines, site_lines, site_memories
from pipeline.store.search import search_stories
from workers.database import open_engine, reading

pytestmark = pytest.mark.browser

# Days are days of publication: one story of the demo is older than a year.
YEAR = "day >= date('now', '-365 days')"
SLUGS = ("monitor", "clusters", "acts", "map", "sources", "pipeline")
HOSTILE = 'Talks <img src=x onerror="document.title=\'broken\'"><script>document.title="broken"</script> & "more"'
HOSTILE_ID = 900
# Another report of the same event, as hostile.
TELLING_ID = 901


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The dashboard's address and the database that the demo filled, with two hostile stories beside."""
    directory = tmp_path_factory.mktemp("demo")
    command = [
        sys.executable,
        "-m",
        "workers",
        "demo",
        "--exit",
        "--no-dashboard",
        "--data-dir",
        str(directory / "data"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2])
    assert done.returncode == 0, done.stderr
    path = directory / "data" / "frontwire.sqlite"
    engine = open_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        add_story(
            connection, HOSTILE_ID, HOSTILE, text=f"{HOSTILE}\n\nEnd.", url="javascript:document.title='broken'",
            site="hostile.example", language="xx", kicker=HOSTILE[:255], standfirst=HOSTILE, authors=[HOSTILE],
            dateline=HOSTILE[:255], stored_at=datetime.now(UTC),
            acts={"talks": 0.9}, actors=["USA"],
        )  # fmt: skip
        add_story(
            connection, TELLING_ID, HOSTILE, url="javascript:document.title='worse'", site="telling.example",
            stored_at=datetime.now(UTC), acts={"talks": 0.9}, actors=["USA"],
        )  # fmt: skip
        add_origin(
            connection, HOSTILE_ID, kind="outlet", name=HOSTILE[:64], surface=HOSTILE, origin_story_id=TELLING_ID
        )
        add_event(connection, 900, [HOSTILE_ID, TELLING_ID], independent_origins=2)
        connection.execute(insert(dropped_lines).values(url_id=HOSTILE_ID, position=0, line=HOSTILE, rule="caption"))
        add_strangers_words(connection)
    engine.dispose()
    for url in serve(f"sqlite:///{path}", directory):
        yield url, path


def add_strangers_words(connection: Connection) -> None:
    """What a feed says of itself, a URL that was given up, and a line of a site, as hostile as the stories."""
    now = datetime.now(UTC)
    add_feed(connection, 900, source="hostile.example", title=HOSTILE, url="javascript:document.title='feed'")
    add_poll(connection, 900, now, new_urls=1, lost_estimate=7)
    add_url(
        connection, 902, url="javascript:document.title='dead'", site="hostile.example", feed_id=900, state="dead",
        reason="timeout", detail=HOSTILE, entry_title=HOSTILE, settled_at=now,
    )  # fmt: skip
    line = {"line_hash": "0" * 32, "line": HOSTILE, "place": "tail", "state": "learned", "story_count": 3}
    line |= {"since_story": 1, "echo": 0.0, "first_seen_at": now, "last_seen_at": now, "learned_at": now}
    connection.execute(insert(site_memories).values(site="hostile.example", stories_seen=9))
    connection.execute(insert(site_lines).values(site="hostile.example", **line))


def sql(demo: tuple[str, Path], query: str) -> list[Any]:
    with sqlite3.connect(demo[1]) as connection:
        return connection.execute(query).fetchall()


def visit(browser: webdriver.Chrome, demo: tuple[str, Path], path: str) -> None:
    logged(browser, "browser")
    browser.get(demo[0] + path)
    if "/-/dashboards/" in path:
        wait_until_drawn(browser)


def numbers(browser: webdriver.Chrome) -> list[int]:
    return [int(value.replace(",", "")) for value in texts(browser, ".fw-metric-value")]


@pytest.mark.parametrize("slug", SLUGS)
def test_every_card_of_every_dashboard_is_drawn_without_a_complaint(
    demo: tuple[str, Path], browser: webdriver.Chrome, slug: str
) -> None:
    visit(browser, demo, f"/-/dashboards/{slug}?period=365+days")
    assert [note for note in texts(browser, ".fw-chart .fw-note") if note != "Nothing here yet."] == []
    assert texts(browser, ".fw-nav [aria-current]") == texts(browser, "h1")
    assert severe(browser) == []


def test_each_card_can_be_had_as_csv_and_json(demo: tuple[str, Path], browser: webdriver.Chrome) -> None:
    for slug in SLUGS:
        visit(browser, demo, f"/-/dashboards/{slug}?period=365+days")
        links = [str(a.get_attribute("href")) for a in browser.find_elements(By.CSS_SELECTOR, ".fw-out a")]
        assert len(links) == 2 * len(browser.find_elements(By.CSS_SELECTOR, ".fw-card"))
        for csv_link, json_link in zip(links[::2], links[1::2], strict=True):
            with urllib.request.urlopen(csv_link) as answer:
                assert answer.headers["content-type"].startswith("text/plain")
                lines = answer.read().decode().splitlines()
            with urllib.request.urlopen(json_link) as answer:
                rows = json.loads(answer.read())["rows"]
            assert lines[0].split(",") == list(rows[0]) if rows else len(lines) == 1


def test_the_numbers_of_clusters_acts_sources_and_pipeline_are_sqls(
    demo: tuple[str, Path], browser: webdriver.Chrome
) -> None:
    visit(browser, demo, "/-/dashboards/clusters?period=365+days")
    ((policy, reports),) = sql(demo, "SELECT count(*), count(DISTINCT cluster_id) FROM conflict_policy_stories")
    carried = sql(
        demo,
        "SELECT copies, sites, independent_origins FROM story_clusters WHERE copies > 0 AND cluster_id IN "
        "(SELECT cluster_id FROM conflict_policy_stories) ORDER BY copies DESC, first_seen_at DESC",
    )
    assert numbers(browser) == [policy, reports, len(carried), sum(row[0] for row in carried)]
    assert sorted(row[4:] for row in table(browser, "clusters")) == sorted([str(n) for n in row] for row in carried)
    told = sql(
        demo,
        "SELECT count(*), event_origins FROM story_events WHERE event_origins >= 2 AND cluster_id IN "
        "(SELECT cluster_id FROM conflict_policy_stories) GROUP BY event_id",
    )
    assert len(told) >= 2
    assert sorted(row[3:] for row in table(browser, "events")) == sorted([str(n) for n in row] for row in told)

    visit(browser, demo, "/-/dashboards/acts?period=365+days")
    acts = sql(demo, f"SELECT act, count(DISTINCT story_id) FROM policy_acts WHERE {YEAR} GROUP BY act")
    assert bars(browser, "by_act") == {act: str(number) for act, number in acts}
    pairs = sql(demo, f"SELECT DISTINCT act, actor FROM policy_acts WHERE actor IS NOT NULL AND {YEAR}")
    assert len(browser.find_elements(By.CSS_SELECTOR, "#card-pairs path[aria-roledescription='rect mark']")) == len(
        pairs
    )

    visit(browser, demo, "/-/dashboards/sources?period=365+days")
    ((feeds,),) = sql(demo, "SELECT count(*) FROM source_health WHERE status <> 'disabled'")
    assert numbers(browser)[0] == feeds == len(table(browser, "health"))

    visit(browser, demo, "/-/dashboards/pipeline?period=365+days")
    funnel = sql(demo, "SELECT state, coalesce(reason, 'not tried yet'), count(*) FROM urls GROUP BY 1, 2")
    assert sorted(tuple(row[:3]) for row in table(browser, "reasons")) == sorted((s, r, str(n)) for s, r, n in funnel)
    assert numbers(browser)[3] == sql(demo, "SELECT count(*) FROM stories")[0][0]


def test_the_map_colours_each_state_that_was_named(demo: tuple[str, Path], browser: webdriver.Chrome) -> None:
    visit(browser, demo, "/-/dashboards/map?period=365+days")
    codes = json.loads((Path(__file__).parents[2] / "dashboards/datasette/static/atlas/codes.json").read_text())
    named = {actor for (actor,) in sql(demo, f"SELECT DISTINCT actor FROM policy_acts WHERE {YEAR}")} & set(codes)
    labels = [
        str(shape.get_attribute("aria-label"))
        for shape in browser.find_elements(By.CSS_SELECTOR, "#card-world path[aria-label*='code: ']")
    ]
    assert {match[1] for label in labels if (match := re.search(r"code: (\w+)", label))} == named
    assert len(named) > 5


def test_the_map_has_a_point_for_each_place_that_was_named(demo: tuple[str, Path], browser: webdriver.Chrome) -> None:
    for chosen, where in (
        ("", ""),
        ("&act=talks", "AND story_id IN (SELECT story_id FROM policy_acts WHERE act = 'talks')"),
    ):
        visit(browser, demo, f"/-/dashboards/map?period=365+days{chosen}")
        counted = f"WHERE is_conflict_policy AND lat IS NOT NULL AND {YEAR} {where} GROUP BY place, lat, lon"
        wanted = sql(demo, f"SELECT place, count(*) FROM places {counted}")
        labels = [
            str(shape.get_attribute("aria-label"))
            for shape in browser.find_elements(By.CSS_SELECTOR, "#card-places path[aria-roledescription='circle']")
        ]
        shown = [re.search(r"stories: (\d+); place: (.+?); country", label) for label in labels]
        assert sorted((match[2], int(match[1])) for match in shown if match) == sorted(wanted) != []
        assert severe(browser) == []


def test_filters_narrow_the_clusters_and_acts(demo: tuple[str, Path], browser: webdriver.Chrome) -> None:
    visit(browser, demo, "/-/dashboards/acts?period=365+days")
    Select(browser.find_element(By.ID, "actor")).select_by_value("UKR")
    browser.find_element(By.CSS_SELECTOR, ".fw-filters button").click()
    WebDriverWait(browser, 30).until(lambda _: "actor=UKR" in browser.current_url)
    wait_until_drawn(browser)
    ukrainian = f"FROM policy_acts WHERE actor = 'UKR' AND {YEAR} GROUP BY act"
    acts = sql(demo, f"SELECT act, count(DISTINCT story_id) {ukrainian}")
    assert bars(browser, "by_act") == {act: str(number) for act, number in acts}
    assert all("UKR" in row[5] for row in table(browser, "latest"))
    source = sql(demo, "SELECT source FROM conflict_policy_stories GROUP BY 1 ORDER BY count(*) DESC, 1")[0][0]
    visit(browser, demo, f"/-/dashboards/clusters?period=365+days&act=talks&source={source}")
    ((wanted,),) = sql(
        demo,
        "SELECT count(*) FROM conflict_policy_stories WHERE ', ' || acts || ',' LIKE '%, talks,%' "
        f"AND source = '{source}'",
    )
    assert numbers(browser)[0] == wanted


def test_a_source_narrows_the_numbers_of_sources_and_pipeline(
    demo: tuple[str, Path], browser: webdriver.Chrome
) -> None:
    source = sql(demo, "SELECT source FROM volume_daily GROUP BY 1 ORDER BY sum(stories) DESC, 1")[0][0]
    visit(browser, demo, f"/-/dashboards/sources?period=365+days&source={source}")
    ((feeds,),) = sql(demo, f"SELECT count(*) FROM source_health WHERE source = '{source}'")
    assert numbers(browser)[0] == feeds == len(table(browser, "health"))
    ((languages,),) = sql(demo, f"SELECT count(DISTINCT language) FROM volume_daily WHERE source = '{source}'")
    assert len(browser.find_elements(By.CSS_SELECTOR, "#card-languages path[aria-roledescription='bar']")) == languages
    visit(browser, demo, f"/-/dashboards/pipeline?period=365+days&source={source}")
    stored = sql(demo, f"SELECT count(*) FROM stories LEFT JOIN feeds ON feeds.id = feed_id WHERE source = '{source}'")
    assert numbers(browser)[3] == stored[0][0] > 0
    visit(browser, demo, "/-/dashboards/sources?period=365+days&source=hostile.example")
    assert numbers(browser) == [1, 0, 0, 7]
    assert severe(browser) == []


@pytest.mark.parametrize("slug", SLUGS)
def test_what_strangers_wrote_is_text_on_every_dashboard(
    demo: tuple[str, Path], browser: webdriver.Chrome, slug: str
) -> None:
    visit(browser, demo, f"/-/dashboards/{slug}?period=365+days&source=hostile.example")
    assert HOSTILE in texts(browser, ".fw-chart td")
    assert browser.find_elements(By.CSS_SELECTOR, ".fw-chart td img, .fw-chart td script") == []
    assert browser.find_elements(By.CSS_SELECTOR, "a[href^='javascript']") == []
    assert "broken" not in browser.title
    assert severe(browser) == []


@pytest.mark.parametrize("typed", ["truce", '"ten-day truce"', "sanct* tanker*", "ceasefire zebra", '"><script>(* AND'])
def test_the_search_page_finds_what_the_command_finds(
    demo: tuple[str, Path], browser: webdriver.Chrome, typed: str
) -> None:
    engine = open_engine(f"sqlite:///{demo[1]}", read_only=True)
    with reading(engine) as connection:
        wanted = [row["title"] for row in search_stories(connection, typed, StoryFilter(), 50).stories]
    engine.dispose()
    visit(browser, demo, "/-/search")
    browser.find_element(By.ID, "q").send_keys(typed)
    browser.find_element(By.CSS_SELECTOR, ".fw-filters button").click()
    WebDriverWait(browser, 30).until(lambda _: "q=" in browser.current_url)
    assert texts(browser, ".fw-results h2") == wanted
    assert bool(wanted) == (typed[0] in 't"s' and "script" not in typed)
    assert browser.find_element(By.ID, "q").get_attribute("value") == typed
    assert all(texts(browser, ".fw-snippet mark")) == bool(wanted) or wanted == []
    assert severe(browser) == []


def test_a_search_is_narrowed_by_the_filters(demo: tuple[str, Path], browser: webdriver.Chrome) -> None:
    visit(browser, demo, "/-/search?q=truce&act=talks&actor=SDN&language=en&period=365+days")
    shown = texts(browser, ".fw-results .fw-note")
    assert shown
    assert all("talks" in line and "SDN" in line for line in shown)
    visit(browser, demo, "/-/search?q=truce&source=none.example")
    assert texts(browser, "#nothing") == ["Nothing was found."]


def test_a_story_page_shows_text_evidence_dropped_lines_revision_and_archive(
    demo: tuple[str, Path], browser: webdriver.Chrome
) -> None:
    ((story_id, title, body),) = sql(demo, "SELECT id, title, text FROM stories WHERE revision = 2")
    visit(browser, demo, f"/-/story/{story_id}")
    assert texts(browser, "h1") == [title]
    assert texts(browser, "#text p") == [" ".join(part.split()) for part in body.split("\n\n")]
    assert len(browser.find_elements(By.CSS_SELECTOR, "#story mark")) > 3
    dropped = sql(demo, f"SELECT line FROM story_dropped_lines WHERE story_id = {story_id}")
    assert sorted(texts(browser, "#dropped s")) == sorted(" ".join(line.split()) for (line,) in dropped)
    assert texts(browser, "#revisions del")
    assert texts(browser, "#revisions ins")
    link = browser.find_element(By.CSS_SELECTOR, "#archive a")
    with urllib.request.urlopen(str(link.get_attribute("href"))) as answer:
        headers, record = answer.headers, answer.read()
    assert headers["content-type"].startswith("text/plain")
    assert headers["content-disposition"].startswith("attachment")
    assert "sandbox" in headers["content-security-policy"]
    assert record.startswith(b"WARC/1.0\r\n")
    assert b"HTTP/1.1 200" in record
    assert severe(browser) == []


def test_a_story_page_names_the_copies_in_other_outlets(demo: tuple[str, Path], browser: webdriver.Chrome) -> None:
    story_id, copies = sql(demo, "SELECT story_id, count(*) FROM story_copies GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 1")[0]
    visit(browser, demo, f"/-/story/{story_id}")
    assert texts(browser, "#copies h2") == [f"In other outlets: {copies}"]
    assert len(browser.find_elements(By.CSS_SELECTOR, "#copies tbody tr")) == copies


def test_a_story_page_says_from_whom_the_story_has_its_report(
    demo: tuple[str, Path], browser: webdriver.Chrome
) -> None:
    ((story_id, origin_id, title),) = sql(
        demo,
        "SELECT copied.story_id, original.id, original.title FROM story_origins AS copied "
        "JOIN stories AS original ON original.id = copied.origin_story_id WHERE copied.kind = 'copy' "
        "ORDER BY copied.story_id LIMIT 1",
    )
    visit(browser, demo, f"/-/story/{story_id}")
    assert texts(browser, "#origin h2 + p")[0].startswith("A copy")
    link = browser.find_element(By.CSS_SELECTOR, "#origin a")
    assert link.text == title
    assert str(link.get_attribute("href")).endswith(f"/-/story/{origin_id}")
    visit(browser, demo, f"/-/story/{origin_id}")
    assert texts(browser, "#origin h2 + p")[0].startswith("Its own")
    assert severe(browser) == []


def test_a_story_page_lists_the_other_tellings_of_its_event_as_weaker(
    demo: tuple[str, Path], browser: webdriver.Chrome
) -> None:
    told = sql(
        demo,
        "SELECT event_id, event_origins, first_story_id, title FROM story_events WHERE event_id <> 900 "
        "AND event_origins >= 2 ORDER BY event_id, first_seen_at, cluster_id",
    )
    told = [row for row in told if row[0] == told[0][0]]
    visit(browser, demo, f"/-/story/{told[0][2]}")
    assert texts(browser, "#event h2") == [f"Told too in other words: {len(told) - 1}"]
    assert texts(browser, "#event b") == [str(told[0][1])]
    assert texts(browser, "#event td a[href*='/-/story/']") == [row[3] for row in told[1:]]
    assert "weaker tie than a copy" in texts(browser, "#event .fw-note")[0]
    ((alone,),) = sql(demo, "SELECT min(story_id) FROM story_details WHERE event_id IS NULL")
    visit(browser, demo, f"/-/story/{alone}")
    assert browser.find_elements(By.ID, "event") == []


def test_what_strangers_wrote_is_text_on_every_page(demo: tuple[str, Path], browser: webdriver.Chrome) -> None:
    visit(browser, demo, f"/-/story/{HOSTILE_ID}")
    assert browser.title == HOSTILE
    assert texts(browser, "h1") == [HOSTILE]
    assert texts(browser, "#dropped s") == [HOSTILE]
    assert texts(browser, "#origin b") == [HOSTILE[:64].strip()]
    assert texts(browser, "#origin .fw-credit, #origin a, #event td a") == [HOSTILE, HOSTILE, HOSTILE]
    assert (
        browser.find_elements(By.CSS_SELECTOR, ".fw-story img, .fw-story script, .fw-story a[href^='javascript']") == []
    )
    assert severe(browser) == []
    visit(browser, demo, "/-/search?q=talks+more&source=hostile.example")
    assert texts(browser, ".fw-results h2") == [HOSTILE]
    assert browser.find_elements(By.CSS_SELECTOR, ".fw-results img, .fw-results script") == []
    visit(browser, demo, "/-/dashboards/acts?period=365+days&source=hostile.example")
    assert [row[1] for row in table(browser, "latest")] == [HOSTILE]
    assert severe(browser) == []


def test_what_is_not_there_is_a_plain_404(demo: tuple[str, Path]) -> None:
    for path in (
        "/-/story/123456",
        "/-/archive/123456",
        f"/-/archive/{HOSTILE_ID}",
        "/-/story/1x",
        "/-/dashboards/none",
    ):
        with pytest.raises(urllib.error.HTTPError, match="404") as raised:
            urllib.request.urlopen(demo[0] + path)
        assert str(demo[1].parent) not in raised.value.read().decode()
