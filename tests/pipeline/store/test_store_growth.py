"""What waits and tells of a growing report is read before other news. On SQLite and PostgreSQL."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import Engine, select, update
from store_builders import TEXT, announce, at, claim_all, entry, record, store

from pipeline.batches import REVISIT_PRIORITY
from pipeline.growth import GROWING_AT
from pipeline.outcomes import Reason
from pipeline.store import growth
from pipeline.store.schema import urls

TOLD = "Ministry confirms delivery of air defence launchers"
WAITING = "Ministry confirms launchers delivery, gives details"


def take_up(engine: Engine, outlets: int) -> None:
    """The report of one outlet, word for word in so many others."""
    announce(engine, [entry(number, site=f"s{number}.example") for number in range(outlets + 1)])
    for claim in claim_all(engine):
        store(engine, claim, record(TEXT, title=TOLD))


def wait(engine: Engine, title: str, number: int = 100) -> None:
    announce(engine, [replace(entry(number, site=f"s{number}.example"), title=title, published_at=at(-7_200))])


def hasten(engine: Engine, seconds: float = 60) -> int:
    with engine.begin() as connection:
        return growth.hasten(connection, growth.telling_urls(connection, at(seconds)))


def priorities(engine: Engine) -> list[int]:
    with engine.connect() as connection:
        query = select(urls.c.priority).where(urls.c.state == "waiting").order_by(urls.c.id)
        return list(connection.execute(query).scalars())


def test_what_tells_of_a_growing_report_becomes_breaking_news_once(engine: Engine) -> None:
    take_up(engine, GROWING_AT)
    wait(engine, WAITING)
    wait(engine, "Fishermen ask for an early season", 101)
    assert priorities(engine) == [2, 2]
    assert hasten(engine) == 1
    assert priorities(engine) == [1, 2]
    assert hasten(engine) == 0


def test_a_report_that_few_have_taken_up_hastens_nothing(engine: Engine) -> None:
    take_up(engine, GROWING_AT - 1)
    wait(engine, WAITING)
    assert hasten(engine) == 0


def test_a_report_that_was_taken_up_long_ago_hastens_nothing(engine: Engine) -> None:
    take_up(engine, GROWING_AT)
    wait(engine, WAITING)
    with engine.begin() as connection:
        connection.execute(update(urls).where(urls.c.state == "waiting").values(announced_at=at(3 * 3600)))
    assert hasten(engine, 3 * 3600) == 0


def test_looks_and_what_has_failed_wait_for_their_own_time(engine: Engine) -> None:
    take_up(engine, GROWING_AT)
    wait(engine, WAITING, 100)
    wait(engine, WAITING, 101)
    with engine.begin() as connection:
        is_first = urls.c.url.like("%s100%")
        connection.execute(update(urls).where(is_first).values(priority=REVISIT_PRIORITY))
        connection.execute(update(urls).where(urls.c.url.like("%s101%")).values(reason=Reason.TIMEOUT))
    assert hasten(engine) == 0
