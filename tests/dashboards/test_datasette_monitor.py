"""The monitor in a real browser: its numbers are SQL's numbers, and what strangers wrote stays text."""

from __future__ import annotations

import json
import re
import sqlite3
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from rows import add_copy, add_feed, add_poll, add_story, add_url
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select, WebDriverWait
from sqlalchemy import Connection

from pipeline.outcomes import Reason, UrlState
from workers.database import open_engine

pytestmark = pytest.mark.browser

HOSTILE = 'Talks <img src=x onerror="document.title=\'broken\'"><script>alert(1)</script> & "more"'


def fill(connection: Connection) -> None:
    """Nine conflict-policy stories of two sources over three days, one old one, one other; copies, gaps, open URLs."""
    now = datetime.now(UTC)
    add_feed(connection, 1, title="World", last_success_at=now, last_new_at=now, language="en")
    add_feed(connection, 2, title="Silent", last_success_at=now, last_new_at=now - timedelta(days=2))
    for hours in (51, 50, 49, 48):
        add_poll(connection, 2, now - timedelta(hours=hours), new_urls=1)
    add_poll(connection, 1, now - timedelta(hours=2), new_urls=40, lost_estimate=12)
    for number in range(1, 10):
        add_story(
            connection,
            number,
            HOSTILE if number == 1 else f"Parliament votes on aid package {number}",
            url="javascript:alert(1)" if number == 2 else f"https://wire{1 + number % 2}.example/{number}",
            site=f"wire{1 + number % 2}.example",
            feed_id=1 + number % 2,
            language="en" if number % 3 else "pl",
            stored_at=now - timedelta(hours=7 * number),
            announced_at=now - timedelta(hours=7 * number, minutes=3),
            acts={"arms_aid": 0.9} if number % 2 else {"talks": 0.8, "arms_aid": 0.6},
            actors=("USA", "UKR") if number < 5 else ("FRA",),
        )
    add_story(connection, 10, "Weather", feed_id=1, stored_at=now, is_conflict_policy=False)
    add_story(connection, 11, "An old treaty", feed_id=1, stored_at=now - timedelta(days=90), acts={"alliance": 0.9})
    for url_id in (20, 21, 22):
        add_url(connection, url_id, site=f"copier{url_id}.example", state=UrlState.DUPLICATE, reason=Reason.SAME_TEXT)
        add_copy(connection, url_id, 3)
    add_url(connection, 30)
    add_url(connection, 31, state=UrlState.DEAD, reason=Reason.TIMEOUT, attempts=5)


@pytest.fixture
def monitor(dashboard_url: str, sqlite_url: str, browser: webdriver.Chrome) -> Callable[[str], None]:
    """Opens a page of a filled dashboard, and waits until every card is drawn. The dashboard was started before."""
    engine = open_engine(sqlite_url)
    with engine.begin() as connection:
        fill(connection)
    logged(browser, "browser")
    logged(browser, "performance")

    def visit(path: str) -> None:
        browser.get(dashboard_url + path)
        wait_until_drawn(browser)

    return visit


def wait_until_drawn(browser: webdriver.Chrome) -> None:
    def is_drawn(_: Any) -> bool:
        cards = browser.find_elements(By.CSS_SELECTOR, ".fw-card")
        return bool(cards) and all(card.get_attribute("data-drawn") for card in cards)

    WebDriverWait(browser, 30).until(is_drawn)


def texts(browser: webdriver.Chrome, selector: str) -> list[str]:
    return [element.text for element in browser.find_elements(By.CSS_SELECTOR, selector)]


def table(browser: webdriver.Chrome, card: str) -> list[list[str]]:
    rows = browser.find_elements(By.CSS_SELECTOR, f"#card-{card} tbody tr")
    return [[cell.text for cell in row.find_elements(By.TAG_NAME, "td")] for row in rows]


def bars(browser: webdriver.Chrome, card: str) -> dict[str, str]:
    """What each bar says of itself to a screen reader: name -> number."""
    labels = [
        element.get_attribute("aria-label") or ""
        for element in browser.find_elements(By.CSS_SELECTOR, f"#card-{card} path[aria-roledescription='bar']")
    ]
    found = [re.fullmatch(r"stories: (\d+); \w+: (.+)", label) for label in labels]
    return {match[2]: match[1] for match in found if match}


def logged(browser: webdriver.Chrome, kind: str) -> list[Any]:
    """What the browser logged since this was asked last."""
    return list(browser.get_log(kind))  # type: ignore[no-untyped-call]


def severe(browser: webdriver.Chrome) -> list[Any]:
    return [entry for entry in logged(browser, "browser") if entry["level"] == "SEVERE"]


def asked_hosts(browser: webdriver.Chrome) -> set[str]:
    """Every host that the page sent a request to."""
    urls = []
    for entry in logged(browser, "performance"):
        message = json.loads(entry["message"])["message"]
        if message["method"] == "Network.requestWillBeSent":
            urls.append(message["params"]["request"]["url"])
    return {match[1] for url in urls if (match := re.match(r"https?://([^/:]+)", url))}


def test_the_front_page_is_the_monitor_and_its_numbers_are_sqls(
    monitor: Callable[[str], None], browser: webdriver.Chrome, sqlite_url: str, tmp_path: Path
) -> None:
    monitor("/")
    assert "/-/dashboards/monitor" in browser.current_url
    monitor("/-/dashboards/monitor?period=7+days")
    browser.save_screenshot(str(tmp_path / "monitor.png"))
    ask = sqlite3.connect(sqlite_url.removeprefix("sqlite:///")).execute
    week = "stored_at >= strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-7 days')"
    (stories,) = ask(f"SELECT count(*) FROM conflict_policy_stories WHERE {week}").fetchone()
    assert stories == 9
    assert texts(browser, ".fw-metric-value") == ["9", "9", "1", "1"]
    acts = ask(f"SELECT act, count(DISTINCT story_id) FROM policy_acts WHERE {week} GROUP BY act").fetchall()
    assert bars(browser, "by_act") == {act: str(number) for act, number in acts} == {"arms_aid": "9", "talks": "4"}
    assert bars(browser, "by_actor") == {"FRA": "5", "UKR": "4", "USA": "4"}
    titles = [row[0] for row in ask(f"SELECT title FROM conflict_policy_stories WHERE {week} ORDER BY stored_at DESC")]
    assert [row[1] for row in table(browser, "latest")] == titles
    assert [row[1:] for row in table(browser, "clusters")] == [
        ["Parliament votes on aid package 3", "wire2.example", "1", "3", "4", "1"]
    ]
    assert [(row[1], row[6]) for row in table(browser, "health")] == [("Silent", "silent"), ("World", "")]
    assert severe(browser) == []
    assert asked_hosts(browser) == {"127.0.0.1"}


def test_a_hostile_title_is_shown_as_text_and_only_web_addresses_are_links(
    monitor: Callable[[str], None], browser: webdriver.Chrome
) -> None:
    monitor("/-/dashboards/monitor/latest?period=7+days")
    assert HOSTILE in [row[1] for row in table(browser, "alone")]
    assert browser.title == "Latest conflict-policy stories"
    assert browser.find_elements(By.CSS_SELECTOR, ".fw-chart img, .fw-chart script") == []
    links = [str(link.get_attribute("href")) for link in browser.find_elements(By.CSS_SELECTOR, ".fw-chart a")]
    outside = [link for link in links if "/-/story/" not in link]
    assert len(links) - len(outside) == 9  # each title leads to the page of its story
    assert len(outside) == 8  # of nine stories, the one with a javascript: address has none
    assert all(link.startswith("https://") for link in outside)
    assert severe(browser) == []


def test_filters_narrow_every_number(monitor: Callable[[str], None], browser: webdriver.Chrome) -> None:
    monitor("/-/dashboards/monitor?period=7+days")
    assert [option.text for option in Select(browser.find_element(By.ID, "language")).options] == [
        "all",
        "en",
        "pl",
        "und",
    ]
    Select(browser.find_element(By.ID, "language")).select_by_value("pl")
    Select(browser.find_element(By.ID, "source")).select_by_value("wire2.example")
    browser.find_element(By.CSS_SELECTOR, ".fw-filters button").click()
    WebDriverWait(browser, 30).until(lambda _: "language=pl" in browser.current_url)
    wait_until_drawn(browser)
    assert texts(browser, "#card-stories .fw-metric-value") == ["2"]
    assert bars(browser, "by_act") == {"arms_aid": "2"}
    assert {row[3] for row in table(browser, "latest")} == {"pl"}
    Select(browser.find_element(By.ID, "period")).select_by_value("1 day")
    browser.find_element(By.CSS_SELECTOR, ".fw-filters button").click()
    WebDriverWait(browser, 30).until(lambda _: "period=1+day&" in browser.current_url)
    wait_until_drawn(browser)
    assert texts(browser, "#card-stories .fw-metric-value") == ["1"]


def test_an_empty_database_gives_a_calm_page(empty_dashboard_url: str, browser: webdriver.Chrome) -> None:
    logged(browser, "browser")
    browser.get(empty_dashboard_url)
    wait_until_drawn(browser)
    assert texts(browser, ".fw-metric-value") == ["0", "0", "0", "0"]
    assert set(texts(browser, ".fw-chart .fw-note")) == {"Nothing here yet."}
    assert severe(browser) == []


def test_the_hours_span_the_period_from_its_start_to_now(
    monitor: Callable[[str], None], browser: webdriver.Chrome, dashboard_url: str
) -> None:
    monitor("/-/dashboards/monitor?period=7+days")
    asked = [
        str(url)
        for url in browser.execute_script(  # type: ignore[no-untyped-call]
            "return performance.getEntriesByType('resource').map(entry => entry.name)"
        )
        if "GROUP+BY+hour" in str(url)
    ]
    assert asked, "the chart asks for its rows"
    with urllib.request.urlopen(asked[0]) as answer:
        rows = json.loads(answer.read())
    rows = rows["rows"] if isinstance(rows, dict) else rows
    hours = sorted(row["hour"] if isinstance(row, dict) else row[0] for row in rows)
    span = datetime.fromisoformat(hours[-1]) - datetime.fromisoformat(hours[0])
    assert span >= timedelta(days=6, hours=23)
