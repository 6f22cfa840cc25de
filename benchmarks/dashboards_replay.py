"""Every page of the dashboard in headless Chromium, over what the whole road stores of a recorded wire.

    PYTHONPATH=. python benchmarks/dashboards_replay.py --corpus DIR --screenshots DIR [--data-dir DIR]
        [--days N] [--story ID]

The corpus is a folder with gold.jsonl and the pages that it names, as for the other benchmarks of the road. A data
directory that holds a database already is looked at as it is. `--days` is what the pages are asked for, `--story` the
one whose page is kept as a picture. The pictures of docs/images are those of `frontwire demo --data-dir`, a day of it,
at 900 pixels. Fails when the browser complains, when a card is not
drawn, when a number is not SQL's, or when a story's page does not say what is stored. Needs Chromium and selenium.
"""

from __future__ import annotations

import argparse
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

from benchmarks.dashboards_served import running
from benchmarks.wire import load_pages, opml, wire
from workers.settings import child_environment, load_settings

SLUGS = ("monitor", "clusters", "acts", "map", "sources", "pipeline")
# Recorded pages are older than the filter's longest choice.
DAYS = 9000
STORIES_LOOKED_AT = 20
DRAWN_S = 30.0
FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--window-size=1400,2600")
# The numbers at the head of a page, by their place among them, and the SQL over the tables that must say the same.
_POLICY = "FROM stories JOIN story_verdicts ON story_verdicts.story_id = stories.id AND is_conflict_policy"
NUMBERS = {
    "monitor": {0: f"SELECT count(*) {_POLICY}", 1: f"SELECT count(DISTINCT stories.cluster_id) {_POLICY}"},
    "clusters": {0: f"SELECT count(*) {_POLICY}", 1: f"SELECT count(DISTINCT stories.cluster_id) {_POLICY}"},
    "sources": {0: "SELECT count(*) FROM feeds WHERE status <> 'disabled'"},
    "pipeline": {
        0: "SELECT count(*) FROM urls WHERE state IN ('waiting', 'queued', 'claimed')",
        2: "SELECT count(*) FROM urls WHERE state = 'dead'",
        3: "SELECT count(*) FROM stories",
    },
}


def store(corpus: Path | None, data_dir: Path) -> None:
    """`frontwire run --until-idle` over the corpus."""
    with wire(corpus, 1) as proxy, tempfile.TemporaryDirectory() as directory:
        (Path(directory) / "feeds.opml").write_text(opml(load_pages(corpus)))
        settings = load_settings(data_dir=str(data_dir), http_proxy=proxy, host_delay_s=0.01, log_level="warning")
        frontwire, environment = [sys.executable, "-m", "workers"], child_environment(settings)
        for words in (["feeds", "import", "feeds.opml"], ["run", "--until-idle", "--no-dashboard"]):
            subprocess.run([*frontwire, *words], cwd=directory, env=environment, check=True)


class Looker:
    """Goes through the pages and keeps what is wrong with them."""

    def __init__(self, address: str, database: Path, screenshots: Path, days: int, story_id: int) -> None:
        from selenium import webdriver

        self.address, self.screenshots, self.shown_story = address, screenshots, story_id
        self.period = "period=" + quote_plus("1 day" if days == 1 else f"{days} days")
        self.rows = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
        self.wrong: list[str] = []
        options = webdriver.ChromeOptions()
        options.binary_location = shutil.which("chromium") or shutil.which("google-chrome") or ""
        for flag in FLAGS:
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        service = webdriver.ChromeService(executable_path=shutil.which("chromedriver") or "chromedriver")
        self.browser = webdriver.Chrome(options=options, service=service)

    def visit(self, path: str, shot: str | None = None) -> None:
        """Opens a page, waits for its cards, and notes what the browser complains of."""
        self.browser.get(self.address + path)
        deadline = time.monotonic() + DRAWN_S
        while not all(card.get_attribute("data-drawn") for card in self.find(".fw-card:has(.fw-chart)")):
            if time.monotonic() > deadline:
                self.wrong.append(f"{path}: a card is not drawn after {DRAWN_S:.0f} s")
                break
            time.sleep(0.1)
        logged: list[dict[str, Any]] = self.browser.get_log("browser")  # type: ignore[no-untyped-call]
        self.wrong += [f"{path}: {entry['message']}" for entry in logged if entry["level"] == "SEVERE"]
        notes = (note.text for note in self.find(".fw-chart .fw-note"))
        self.wrong += [f"{path}: {words}" for words in notes if words != "Nothing here yet."]
        if shot:
            # All of the page, and nothing below it.
            end = "return Math.ceil(document.querySelector('footer').getBoundingClientRect().bottom + window.scrollY)"
            height = self.browser.execute_script(end)  # type: ignore[no-untyped-call]
            self.browser.execute_cdp_cmd(
                "Emulation.setDeviceMetricsOverride",
                {"width": 1400, "height": height, "deviceScaleFactor": 1, "mobile": False},
            )
            self.browser.save_screenshot(str(self.screenshots / f"{shot}.png"))

    def find(self, selector: str) -> list[Any]:
        """The elements of the page."""
        found: list[Any] = self.browser.find_elements("css selector", selector)
        return found

    def expect(self, what: str, shown: object, stored: object) -> None:
        """Notes a difference."""
        if shown != stored:
            self.wrong.append(f"{what}: the page says {shown!r}, SQL {stored!r}")

    def dashboards(self) -> Iterator[str]:
        """Looks at each dashboard and its numbers; gives the name of each."""
        for slug in SLUGS:
            self.visit(f"/-/dashboards/{slug}?{self.period}", slug)
            shown = [int(number.text.replace(",", "")) for number in self.find(".fw-metric-value")]
            for place, sql in NUMBERS.get(slug, {}).items():
                self.expect(f"{slug}, number {place}", shown[place], self.rows.execute(sql).fetchone()[0])
            yield slug

    def stories(self) -> Iterator[int]:
        """Looks at the pages of some stories, and searches for the title of each; gives their ids."""
        query = "SELECT id, title, text FROM stories ORDER BY revision DESC, id LIMIT ?"
        for story_id, title, text in self.rows.execute(query, (STORIES_LOOKED_AT,)).fetchall():
            self.visit(f"/-/story/{story_id}", "story" if story_id == self.shown_story else None)
            self.expect(f"story {story_id}", [h.text for h in self.find("h1")], [" ".join(title.split())])
            paragraphs = [" ".join(part.split()) for part in text.split("\n\n")]
            self.expect(f"story {story_id}", [p.text for p in self.find("#text p")], paragraphs)
            self.visit(f"/-/search?q={quote_plus(title)}", "search" if story_id == self.shown_story else None)
            links = [str(link.get_attribute("href")) for link in self.find(".fw-results a")]
            self.expect(f"search {title!r}", any(link.endswith(f"/-/story/{story_id}") for link in links), True)
            yield story_id


def main() -> None:
    """Store if need be, look, say what is wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path)
    parser.add_argument("--screenshots", type=Path, required=True)
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--days", type=int, default=DAYS)
    parser.add_argument("--story", type=int, default=1)
    given = parser.parse_args()
    given.screenshots.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as directory:
        data_dir = given.data_dir or Path(directory)
        database = data_dir / "frontwire.sqlite"
        if not database.exists():
            store(given.corpus, data_dir)
        with running(database) as (address, _):
            looker = Looker(address, database, given.screenshots, given.days, given.story)
            dashboards, stories = len(list(looker.dashboards())), len(list(looker.stories()))
            looker.browser.quit()
    print(f"{dashboards} dashboards and {stories} stories looked at, {len(looker.wrong)} things wrong")
    print("\n".join(looker.wrong))
    sys.exit(bool(looker.wrong))


if __name__ == "__main__":
    main()
