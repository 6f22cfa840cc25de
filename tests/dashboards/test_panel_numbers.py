"""The numbers that panels take from what is counted and kept beforehand are those of the stories themselves."""

from __future__ import annotations

import importlib.util
import itertools
import json
import random
import sqlite3
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from datasette_dashboards import replace_opts_in_query
from grafana_sql import as_sent
from rows import add_copy, add_feed, add_place, add_story, add_url
from sqlalchemy import Engine, text

from pipeline.outcomes import UrlState
from pipeline.store.facts import keep_facts
from pipeline.store.tallies import fold_tallies
from workers.dashboard import dashboards_dir, datasette_metadata

Rows = list[tuple[Any, ...]]
Chosen = Mapping[str, Sequence[str]]
Panel = Callable[[str, str, int, Chosen], Rows]
GRAFANA = Path(__file__).parents[2] / "dashboards" / "grafana" / "dashboards"
COPIED = "Reports with the most copies (of the newest 2,000)"


@dataclass(frozen=True, slots=True)
class Told:
    """A story of the test, as it was stored."""

    number: int
    stored_at: datetime
    day: str
    cluster: int
    source: str
    language: str
    acts: tuple[str, ...]
    actors: tuple[str, ...]
    places: tuple[str, ...]
    is_policy: bool

    @property
    def title(self) -> str:
        return f"Story {self.number}"


def made_up(now: datetime, count: int = 240) -> list[Told]:
    """Stories of twelve days, of which every third tells what an earlier one told, perhaps of other acts."""
    chance = random.Random(5)
    found: list[Told] = []
    for number in range(1, count + 1):
        stored_at = now - timedelta(hours=1.2 * (count - number), seconds=chance.random() * 1800 + 1)
        stored_at = stored_at.replace(microsecond=stored_at.microsecond // 1000 * 1000)
        cluster = chance.choice(found[-30:]).cluster if found and chance.random() < 0.35 else number
        found.append(
            Told(
                number=number,
                stored_at=stored_at,
                day=f"{(stored_at - timedelta(days=chance.choice((0, 0, 0, 1)))):%Y-%m-%d}",
                cluster=cluster,
                source=f"wire{chance.randint(1, 3)}.example",
                language=chance.choice(("en", "en", "uk")),
                acts=tuple(chance.sample(("talks", "sanction", "threat"), k=chance.randint(0, 2))),
                actors=tuple(chance.sample(("USA", "UKR", "PRK"), k=chance.randint(0, 3))),
                places=tuple(chance.sample(("Kharkiv", "Kyiv"), k=chance.randint(0, 2))),
                is_policy=chance.random() < 0.8,
            )
        )
    return found


def store(engine: Engine, told: Sequence[Told]) -> None:
    """Stores them, with a copy word for word of every fourth."""
    with engine.begin() as connection:
        for feed_id in (1, 2, 3):
            add_feed(connection, feed_id)
        for story in told:
            add_story(
                connection, story.number, story.title, acts=dict.fromkeys(story.acts, 0.7), actors=story.actors,
                is_conflict_policy=story.is_policy, feed_id=int(story.source[4]), language=story.language,
                cluster_id=None if story.cluster == story.number else story.cluster, stored_at=story.stored_at,
                announced_at=story.stored_at, site=story.source, is_counted=False,
                published_at=datetime.fromisoformat(f"{story.day}T00:00:00+00:00"),
            )  # fmt: skip
            for place in story.places:
                add_place(connection, story.number, name=place)
            keep_facts(connection, story.number)
            if story.number % 4 == 0:
                add_url(connection, 1000 + story.number, site="mirror.example", state=UrlState.DUPLICATE)
                add_copy(connection, 1000 + story.number, story.number)


def panels_of(engine: Engine, now: datetime) -> Panel:
    """A function that answers a panel, by dashboard and title, over the last days and under filters."""
    return grafana(engine, now) if engine.dialect.name == "postgresql" else datasette(engine)


def grafana(engine: Engine, now: datetime) -> Panel:
    def ask(slug: str, title: str, days: int, chosen: Chosen) -> Rows:
        board = json.loads((GRAFANA / f"frontwire-{slug}.json").read_text("utf-8"))
        (sql,) = [one["targets"][0]["rawSql"] for one in board["panels"] if one["title"] == title]
        sent = as_sent(sql, board, chosen, now - timedelta(days=days), now)
        with engine.connect() as connection:
            return [tuple(row) for row in connection.exec_driver_sql(sent.replace("%", "%%"))]

    return ask


def datasette(engine: Engine) -> Panel:
    path = dashboards_dir() / "plugins" / "frontwire_sql.py"
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    functions = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(functions)
    boards = datasette_metadata("frontwire")["plugins"]["datasette-dashboards"]

    def ask(slug: str, title: str, days: int, chosen: Chosen) -> Rows:
        options = {"period": f"{days} days"} | {name: value for name, (value,) in chosen.items()}
        (sql,) = [chart["query"] for chart in boards[slug]["charts"].values() if chart["title"] == title]
        with sqlite3.connect(str(engine.url.database)) as connection:
            functions.prepare_connection(connection)
            values = {**dict.fromkeys(("source", "language", "act", "actor"), ""), **options}
            return connection.execute(replace_opts_in_query(sql, options), values).fetchall()

    return ask


FILTERS: tuple[dict[str, list[str]], ...] = (
    {},
    {"act": ["talks"]},
    {"actor": ["PRK"]},
    {"act": ["talks"], "actor": ["PRK"]},
    {"language": ["uk"]},
    {"language": ["uk"], "act": ["talks"], "actor": ["USA"]},
    {"source": ["wire2.example"]},
    {"source": ["wire2.example"], "act": ["sanction"], "actor": ["UKR"], "language": ["en"]},
    {"actor": ["nobody"]},
)
SEVERAL: tuple[dict[str, list[str]], ...] = (
    {"act": ["talks", "sanction"]},
    {"act": ["talks", "threat"], "actor": ["USA", "PRK"], "language": ["en", "uk"]},
    {"source": ["wire1.example", "wire2.example"], "actor": ["USA", "UKR"]},
)


def cases(engine: Engine) -> tuple[dict[str, list[str]], ...]:
    return (*FILTERS, *SEVERAL) if engine.dialect.name == "postgresql" else FILTERS


def leaves(story: Told, chosen: Chosen) -> bool:
    """Whether the filters leave the story."""
    has = {"source": {story.source}, "language": {story.language}, "act": set(story.acts), "actor": set(story.actors)}
    return story.is_policy and all(has[name] & set(values) for name, values in chosen.items())


def test_numbers_and_lists_are_those_of_the_stories_under_every_filter(engine: Engine) -> None:
    now = datetime.now(UTC)
    told = made_up(now)
    store(engine, told)
    ask = panels_of(engine, now)
    with engine.begin() as connection:
        copies = {row[0]: row[1] for row in connection.execute(text("SELECT cluster_id, copies FROM story_clusters"))}
    for days, chosen in itertools.product((1, 7), cases(engine)):
        require_right(ask, told, copies, now - timedelta(days=days), days, chosen)
    with engine.begin() as connection:
        fold_tallies(connection, at_least=1)
    for chosen in cases(engine):
        require_right(ask, told, copies, now - timedelta(days=365), 365, chosen)


def require_right(
    ask: Panel, told: Sequence[Told], copies: Mapping[int, int], since: datetime, days: int, chosen: Chosen
) -> None:
    """Asserts what the panels say of the stories that are left of these."""
    left = [one for one in told if one.stored_at >= since and leaves(one, chosen)]
    firsts = {one.cluster: one for one in reversed(left)}
    carried = {cluster: one for cluster, one in firsts.items() if copies[cluster] > 0}
    assert ask("monitor", "Conflict-policy stories", days, chosen) == [(len(left),)], chosen
    assert ask("monitor", "Different reports among them", days, chosen) == [(len(firsts),)], chosen
    newest = [one.title for one in reversed(left)][:50]
    assert [row[1] for row in ask("acts", "Latest conflict-policy stories", days, chosen)] == newest, chosen
    assert ask("clusters", "Copies of them", days, chosen) == [(sum(copies[c] for c in carried),)], chosen
    shown = ask("clusters", "Reports that others carry (of the newest 2,000)", days, chosen)
    assert shown == [(len(carried),)], chosen
    had = Counter(one.source for one in carried.values())
    assert dict(ask("clusters", "Who had them first (of reports with copies)", days, chosen)) == had, chosen
    listed = {(row[1], row[3], row[4]) for row in ask("clusters", COPIED, days, chosen)}
    number = Counter(one.cluster for one in left)
    assert len(listed) == min(len(carried), 25), chosen
    assert listed <= {(one.title, number[c], copies[c]) for c, one in carried.items()}, chosen


def test_acts_and_places_are_counted_alike_however_many_are_chosen(engine: Engine) -> None:
    now = datetime.now(UTC)
    told = made_up(now)
    store(engine, told)
    ask = panels_of(engine, now)
    first, last = f"{now - timedelta(days=9):%Y-%m-%d}", f"{now:%Y-%m-%d}"
    for chosen in cases(engine):
        left = [one for one in told if first <= one.day <= last and leaves(one, chosen)]
        acts = Counter(act for one in left for act in one.acts if act in chosen.get("act", one.acts))
        assert dict(ask("acts", "By type of act", 9, chosen)) == acts, chosen
        if engine.dialect.name == "postgresql":
            by_day = Counter((one.day, act) for one in left for act in one.acts if act in chosen.get("act", one.acts))
            assert {(f"{row[0]:%Y-%m-%d}", row[1]): row[2] for row in ask("acts", "Acts by day", 9, chosen)} == by_day
            places = Counter(place for one in left for place in one.places)
            assert {row[0]: row[4] for row in ask("map", "Places that stories name", 9, chosen)} == places, chosen


def test_the_first_2000_reports_are_the_newest_and_no_earlier_story_hides_one(engine: Engine) -> None:
    """A report with a story before the period counts by its first story within it."""
    now = datetime.now(UTC)
    with engine.begin() as connection:
        add_feed(connection, 1)
        for number, hours in ((1, 60), (2, 20), (3, 10)):
            stored_at = now - timedelta(hours=hours)
            cluster = None if number == 1 else 1
            add_story(connection, number, f"Story {number}", feed_id=1, cluster_id=cluster, stored_at=stored_at)
        add_url(connection, 1000, site="mirror.example", state=UrlState.DUPLICATE)
        add_copy(connection, 1000, 2)
    ask = panels_of(engine, now)
    assert [row[1] for row in ask("clusters", COPIED, 1, {})] == ["Story 2"]
    assert [row[1] for row in ask("clusters", COPIED, 7, {})] == ["Story 1"]
