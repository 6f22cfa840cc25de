"""A store that was cloned for a benchmark is one that the product would have made."""

from __future__ import annotations

from collections import Counter

from sqlalchemy import Engine, func, select

from benchmarks.cloned_stories import clone
from benchmarks.scale import Store, batches, settle
from benchmarks.settling import read_all
from benchmarks.wire import load_pages
from pipeline.store.schema import fingerprints, stories, story_bands, story_links, urls
from pipeline.store.tallies import fold_tallies
from workers.database import check
from workers.settings import load_settings
from workers.settler import Settler

PAGES = 12


def test_a_cloned_store_has_its_schema_and_takes_stories_like_any_other(engine: Engine) -> None:
    pages = list({page.url: page for page in load_pages(None)}.values())
    read, _ = read_all(pages[: 2 * PAGES])
    settings = load_settings(database_url=engine.url.render_as_string(hide_password=False))
    store = Store(0, engine, Settler(engine, settings, lambda: False))
    seeds = dict(list(read.items())[:PAGES])
    for batch in batches(seeds):
        settle(store, batch)
    with engine.begin() as connection:
        fold_tallies(connection, 1)
    before = _counts(engine)

    there = clone(engine, 3 * before["stories"], 100, None)
    cloned = _counts(engine)
    for batch in batches({url: item for url, item in read.items() if url not in seeds}):
        settle(store, batch)

    assert check(engine) == []
    assert there == 3 * before["stories"]
    assert {name: count / before[name] for name, count in cloned.items()} == dict.fromkeys(before, 3.0)
    assert _counts(engine)["urls"] == cloned["urls"] + len(read) - len(seeds)
    assert _counts(engine)["stories"] > cloned["stories"]


def _counts(engine: Engine) -> Counter[str]:
    with engine.connect() as connection:
        return Counter(
            {
                table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
                for table in (urls, stories, fingerprints, story_bands, story_links)
                if connection.execute(select(table).limit(1)).first()
            }
        )
