"""Site memory over the real road: pages over loopback, a real reading child, learned in SQL, earlier pages cleaned."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from known_origin import page, paragraphs
from scripted_origin import Answer, ScriptedOrigin, scripted_origin
from sqlalchemy import Engine, select, update
from test_reader import queued, reading, requeued

from pipeline.outcomes import Reason
from pipeline.store import schema, sitelines
from workers.child import ReadingChild
from workers.memory import MAX_SITES, SiteMemory
from workers.process import utc_now
from workers.reread import Rereader

PITCH = "Island Wire is carried to its readers by bicycle, and by boat where the road ends."
URLS = [f"http://www.island.example/story/{number}" for number in (1, 2, 3, 4)]


def with_pitch(number: int) -> str:
    """The known page with a byline of its own and, after its last paragraph, a line that all pages of the site have."""
    end = paragraphs(number)[-1]
    return page(number).replace(f"{end}</p>", f"{end}</p><p>{PITCH}</p>")


def texts(engine: Engine) -> list[list[str]]:
    with engine.connect() as connection:
        return [
            text.split("\n\n")
            for text in connection.execute(select(schema.stories.c.text).order_by(schema.stories.c.id)).scalars()
        ]


def test_a_line_of_three_pages_is_taken_out_of_the_fourth_and_reread_cleans_the_three(
    engine: Engine, runner: asyncio.Runner, child: ReadingChild, tmp_path: Path
) -> None:
    answers: Mapping[str, Answer] = {url: Answer(with_pitch(number)) for number, url in enumerate(URLS, 1)}

    async def scene(origin: ScriptedOrigin) -> None:
        for url_id in queued(engine, *URLS):
            requeued(engine, URLS[0])
            # A reader of its own for each page: what one remembers for a minute the next asks anew.
            async with reading(engine, origin, child, tmp_path) as reader:
                (ended,) = await reader.read_urls([url_id])
                assert ended.reason is Reason.NEW
            with engine.begin() as connection:
                hours = timedelta(hours=7)
                for row in connection.execute(select(schema.site_lines)).all():
                    connection.execute(
                        update(schema.site_lines)
                        .where(schema.site_lines.c.line_hash == row.line_hash)
                        .values(first_seen_at=row.first_seen_at - hours)
                    )

    with scripted_origin(answers) as origin:
        runner.run(scene(origin))
    assert texts(engine) == [[*paragraphs(n), PITCH] for n in (1, 2, 3)] + [paragraphs(4)]
    with engine.connect() as connection:
        dropped = connection.execute(select(schema.dropped_lines.c.line, schema.dropped_lines.c.rule)).all()
    assert (PITCH, "site_line") in [tuple(row) for row in dropped]

    async def again() -> list[str]:
        rereader = Rereader(engine, tmp_path / "archive", child, 60.0)
        return [outcome async for outcome in rereader.run(everything=False)]

    assert runner.run(again()) == ["changed"] * 3
    assert texts(engine) == [paragraphs(n) for n in (1, 2, 3, 4)]
    assert runner.run(again()) == []


def test_what_is_known_of_a_site_is_asked_once_a_minute_and_of_its_own_site(
    engine: Engine, runner: asyncio.Runner
) -> None:
    memory = SiteMemory(engine)
    assert runner.run(memory.furniture_of("http://www.island.example/1")) == frozenset()
    with engine.begin() as connection:
        connection.execute(
            schema.site_lines.insert().values(
                site="island.example", line_hash="h", line=PITCH, place="tail", state="learned", story_count=3,
                since_story=1, echo=0.0, first_seen_at=utc_now(), last_seen_at=utc_now(),
            )
        )  # fmt: skip
        assert sitelines.learned_lines(connection, "island.example") == {"h"}
    assert runner.run(memory.furniture_of("http://island.example/2")) == frozenset()
    assert runner.run(SiteMemory(engine).furniture_of("http://island.example/2")) == {"h"}
    assert runner.run(SiteMemory(engine).furniture_of("http://other.example/2")) == frozenset()


def test_what_a_batch_was_told_of_its_sites_is_not_asked_again(engine: Engine, runner: asyncio.Runner) -> None:
    memory = SiteMemory(engine)
    memory.keep({"island.example": frozenset({"h"}), "other.example": frozenset()})
    with engine.begin() as connection:
        connection.execute(schema.site_lines.delete())
        assert sitelines.learned_of(connection, ["island.example", "b.example"]) == {
            "island.example": frozenset(),
            "b.example": frozenset(),
        }
    assert runner.run(memory.furniture_of("http://island.example/2")) == {"h"}


def test_the_sites_that_were_not_asked_for_longest_are_forgotten(engine: Engine, runner: asyncio.Runner) -> None:
    memory = SiteMemory(engine)
    memory.keep({f"s{number}.example": frozenset({str(number)}) for number in range(MAX_SITES)})
    assert runner.run(memory.furniture_of("http://s0.example/")) == {"0"}
    memory.keep({"new.example": frozenset({"new"})})
    assert runner.run(memory.furniture_of("http://s0.example/")) == {"0"}
    assert runner.run(memory.furniture_of("http://new.example/")) == {"new"}
    assert runner.run(memory.furniture_of("http://s1.example/")) == frozenset()
