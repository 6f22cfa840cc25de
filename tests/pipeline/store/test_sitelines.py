"""Site memory in SQL: learned from three stories, never from one page, bounded, forgotten. On SQLite and PostgreSQL."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Engine, func, select
from store_builders import T0, TEXT, announce, claim_all, entry, record, store

from pipeline.outcomes import SiteLineState
from pipeline.reading.site_memory import (
    FORGET_LEARNED_AFTER,
    FORGET_SEEN_AFTER,
    MAX_SEEN_LINES_A_SITE,
    MAX_SIGHTINGS,
    hash_of,
)
from pipeline.store import ledger, reports, schema, sitelines, stories

SITE = "outlet.example"
PITCH = "The Outlet is printed on the island it writes about, by people who live there all winter."
DAY = timedelta(days=1)


def text_of(number: int, last: str | None = PITCH) -> str:
    """Four paragraphs that no other number has, and a last line."""
    words = [f"w{number}x{n}" for n in range(60)]
    body = [f"{' '.join(words[n : n + 15])} ended quietly." for n in range(0, 60, 15)]
    return "\n\n".join([*body, *([last] if last else [])])


def settle(engine: Engine, number: int, text: str, *, days: float = 0, author: str | None = None) -> int:
    """Store a story of the site as a worker does, that many days after T0; returns its id."""
    announce(engine, [entry(number)])
    (claim,) = claim_all(engine, f"token-{number}")
    what = record(text, title=f"Story {number}", url=claim.url)
    what = replace(what, story=replace(what.story, authors=(author or f"Author {number}",)))
    stored = store(engine, claim, what, T0 + days * DAY)
    assert stored is not None
    assert stored.story_id is not None
    return stored.story_id


def learned(engine: Engine) -> frozenset[str]:
    with engine.connect() as connection:
        return sitelines.learned_lines(connection, SITE)


def counts(engine: Engine) -> dict[str, int]:
    with engine.connect() as connection:
        rows = connection.execute(select(schema.site_lines.c.line, schema.site_lines.c.story_count))
        return {row.line: row.story_count for row in rows}


def test_the_third_story_teaches_the_line_and_the_first_two_do_not(engine: Engine) -> None:
    settle(engine, 1, text_of(1))
    settle(engine, 2, text_of(2), days=1)
    assert learned(engine) == frozenset()
    settle(engine, 3, text_of(3), days=2)
    assert learned(engine) == {hash_of(PITCH)}


def test_a_line_is_learned_for_its_own_site_alone(engine: Engine) -> None:
    for number in (1, 2, 3):
        settle(engine, number, text_of(number), days=number)
    with engine.connect() as connection:
        assert sitelines.learned_lines(connection, "other.example") == frozenset()
        both = sitelines.learned_of(connection, ["other.example", SITE])
        assert both == {"other.example": frozenset(), SITE: frozenset({hash_of(PITCH)})}
        assert sitelines.learned_of(connection, []) == {}


def test_pages_within_minutes_teach_nothing_however_many(engine: Engine) -> None:
    for number in range(1, 8):
        settle(engine, number, text_of(number), days=number / 1440)
    assert learned(engine) == frozenset()


def test_one_author_teaches_nothing_however_many_stories(engine: Engine) -> None:
    for number in range(1, 8):
        settle(engine, number, text_of(number), days=number, author="Ada Obi")
    assert learned(engine) == frozenset()


def test_copies_and_revisions_of_one_story_count_once(engine: Engine) -> None:
    settle(engine, 1, f"{TEXT}\n\n{PITCH}")
    settle(engine, 2, f"{TEXT} It said no more.\n\n{PITCH}", days=1)
    with engine.begin() as connection:
        ledger.requeue(connection, T0 + 2 * DAY, url_ids=[1])
    (again,) = claim_all(engine, "again", T0 + 2 * DAY)
    store(engine, again, record(f"{TEXT.replace('twelve', 'nine')}\n\n{PITCH}", url=again.url), T0 + 2 * DAY)
    with engine.connect() as connection:
        assert len(set(connection.execute(select(schema.stories.c.cluster_id)).scalars())) == 1
    assert counts(engine)[PITCH] == 1


def test_a_line_on_few_of_the_sites_stories_is_never_learned(engine: Engine) -> None:
    for number in range(1, 31):
        settle(engine, number, text_of(number, PITCH if number % 5 == 0 else None), days=number)
    assert learned(engine) == frozenset()
    assert counts(engine)[PITCH] == 6


def test_what_is_remembered_of_a_line_and_of_a_site_is_bounded(engine: Engine) -> None:
    quote = "“We are still here,” the ferry master of the island of Outlet said, as he has said each winter."
    with engine.begin() as connection:
        connection.execute(
            schema.site_lines.insert(),
            [
                {"site": SITE, "line_hash": f"h{n}", "line": f"line {n}", "place": "tail", "state": SiteLineState.SEEN}
                | {"story_count": 1, "since_story": 1, "echo": 0.0, "first_seen_at": T0, "last_seen_at": T0}
                for n in range(2 * MAX_SEEN_LINES_A_SITE)
            ],
        )
    for number in range(1, 33):
        settle(engine, number, text_of(number, quote), days=number / 4)
    with engine.connect() as connection:
        lines = connection.execute(select(func.count()).select_from(schema.site_lines)).scalar_one()
        shown = schema.site_line_stories.c.line_hash == hash_of(quote)
        sightings = connection.execute(
            select(func.count()).select_from(schema.site_line_stories).where(shown)
        ).scalar_one()
    assert lines == MAX_SEEN_LINES_A_SITE
    assert counts(engine)[quote] == sightings == MAX_SIGHTINGS


def add_line(engine: Engine, line: str, state: SiteLineState, last_seen_at: datetime) -> None:
    with engine.begin() as connection:
        connection.execute(
            schema.site_lines.insert().values(
                site="quiet.example",
                line_hash=hash_of(line),
                line=line,
                place="tail",
                state=state,
                story_count=3,
                since_story=1,
                echo=0.0,
                first_seen_at=T0 - 400 * DAY,
                last_seen_at=last_seen_at,
            )
        )


def test_lines_that_were_not_seen_for_long_are_forgotten_on_every_site(engine: Engine) -> None:
    now = T0 + 32 * DAY / 4
    add_line(engine, "seen long ago", SiteLineState.SEEN, now - FORGET_SEEN_AFTER - DAY)
    add_line(engine, "seen of late", SiteLineState.SEEN, now - FORGET_SEEN_AFTER + DAY)
    add_line(engine, "learned long ago", SiteLineState.LEARNED, now - FORGET_LEARNED_AFTER - DAY)
    add_line(engine, "learned of late", SiteLineState.LEARNED, now - FORGET_LEARNED_AFTER + DAY)
    add_line(engine, "kept long ago", SiteLineState.KEPT, T0 - 400 * DAY)
    for number in range(1, 33):
        settle(engine, number, text_of(number), days=number / 4)
    with engine.connect() as connection:
        query = select(schema.site_lines.c.line).where(schema.site_lines.c.site == "quiet.example")
        left = set(connection.execute(query).scalars())
    assert left == {"seen of late", "learned of late", "kept long ago"}


def test_a_line_that_a_person_keeps_is_not_learned_again_and_a_reset_forgets_all(engine: Engine) -> None:
    for number in (1, 2, 3):
        settle(engine, number, text_of(number), days=number)
    with engine.begin() as connection:
        assert sitelines.keep_line(connection, SITE, hash_of(PITCH))
        assert not sitelines.keep_line(connection, SITE, "unknown")
    settle(engine, 4, text_of(4), days=4)
    assert learned(engine) == frozenset()
    with engine.begin() as connection:
        assert sitelines.reset_site(connection, SITE) > 4
        assert sitelines.list_lines(connection, SITE) == []
        assert sitelines.reset_site(connection, SITE) == 0


def test_stories_that_still_have_a_learned_line_are_to_be_read_again_once(engine: Engine) -> None:
    ids = [settle(engine, number, text_of(number), days=number) for number in (1, 2, 3)]
    settle(engine, 4, text_of(4, None), days=4)

    def stale() -> list[int]:
        with engine.connect() as connection:
            urls = reports.stale_story_urls(connection, "reader-1", False, 0, 100)
            query = select(schema.stories.c.id).where(schema.stories.c.url_id.in_(urls)).order_by(schema.stories.c.id)
            return list(connection.execute(query).scalars())

    assert stale() == ids
    lines = learned(engine)
    with engine.begin() as connection:
        stories.replace_reading(connection, ids[0], record(text_of(1, None), title="Story 1"), T0)
        sitelines.mark_cleaned(connection, ids[0], lines)
    assert stale() == ids[1:]
