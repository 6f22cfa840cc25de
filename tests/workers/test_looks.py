"""A server that edits, corrects, kills and flip-flops its pages, and what SQL says afterwards, on both databases.

Real HTTP, a real reading child; only the clock of the schedule is given: each round of looks is opened as of a later
day.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from html import escape
from pathlib import Path
from typing import Any

import pytest
from scripted_origin import Answer, ScriptedOrigin, scripted_origin
from sqlalchemy import Engine, Row, func, select, text
from store_builders import announce, entry, states

from pipeline.outcomes import Reason, UrlState
from pipeline.store import ledger, schema
from workers.archive import Archive
from workers.child import ReadingChild
from workers.dispatcher import Dispatcher
from workers.gate import SqlGate, SqlRobotsStore
from workers.http import HttpClient, RobotsBook, product_token
from workers.policy import http_policy
from workers.process import utc_now
from workers.reader import Reader
from workers.settings import load_settings

STORY = "http://www.wire.example/story/1"
COPY = "http://www.paper.example/news/7"

TITLE = "Government approves weapons delivery to Ukraine"
LEAD = (
    "KYIV — The government of Poland on Monday approved the delivery of 12 air-defence launchers and ammunition to "
    "Ukraine, the defence ministry said in a statement, reversing a position that it had held since the spring."
)
SECOND = (
    "Officials said 12 soldiers were killed in a missile strike on the eastern front on Sunday, the deadliest day of "
    "the month, and that the launchers would be sent before the winter to protect the power grid of three regions."
)
THIRD = (
    "The opposition called the decision late but welcome and asked for a debate in parliament on Tuesday about the "
    "cost, which two lawmakers who sit on the budget committee put at half a billion crowns over the next three years."
)
CORRECTION = (
    "Correction: An earlier version of this story misstated the number of launchers that the government approved."
)
RETRACTION = (
    "This story has been retracted. The statement on which it was based did not come from the defence ministry, and "
    "the agency could not confirm any part of it. Editors who used the story are asked to remove it from their pages."
)


def page(*paragraphs: str, title: str = TITLE) -> str:
    body = "".join(f"<p>{escape(paragraph)}</p>" for paragraph in paragraphs)
    return (
        f"<html lang=en><head><title>{escape(title)}</title>"
        '<meta property="og:type" content="article"></head><body><article>'
        f"<h1>{escape(title)}</h1>{body}</article></body></html>"
    )


class Scene:
    """An engine, an origin and a reader; `look` makes every story's look due, and makes it."""

    def __init__(self, engine: Engine, origin: ScriptedOrigin, reader: Reader, **settings: Any) -> None:
        self.engine, self.origin, self.reader = engine, origin, reader
        self.dispatcher = Dispatcher(engine, None, load_settings(**settings))  # type: ignore[arg-type]

    async def first(self, *urls: str) -> None:
        announce(self.engine, [entry(n, url=url) for n, url in enumerate(urls)])
        await self._read()

    async def look(self, **answers: Answer | str) -> list[Reason]:
        for name, answer in answers.items():
            self.origin.answers[{"story": STORY, "copy": COPY}[name]] = (
                Answer(answer) if isinstance(answer, str) else answer
            )
        self.dispatcher.open_looks(utc_now() + timedelta(days=2))
        return await self._read()

    async def looks(self, *bodies: str) -> list[Reason]:
        return [reason for body in bodies for reason in await self.look(story=body)]

    async def _read(self) -> list[Reason]:
        reasons: list[Reason] = []
        # Looks at one host go out one by one.
        while True:
            with self.engine.begin() as connection:
                due = ledger.lease_due_urls(connection, utc_now(), 100, 60.0)
            if not due:
                return reasons
            reasons += [item.reason for item in await self.reader.read_urls([item.url_id for item in due])]

    def rows(self, query: str) -> list[Row[Any]]:
        with self.engine.connect() as connection:
            return list(connection.execute(text(query)))

    def count(self, table: str) -> int:
        with self.engine.connect() as connection:
            return int(connection.execute(select(func.count()).select_from(schema.metadata.tables[table])).scalar_one())


@asynccontextmanager
async def a_scene(
    engine: Engine, child: ReadingChild, directory: Path, answers: Mapping[str, Answer | str], **more: object
) -> AsyncIterator[Scene]:
    told = {url: Answer(answer) if isinstance(answer, str) else answer for url, answer in answers.items()}
    with scripted_origin(told) as origin:
        settings = load_settings(http_proxy=origin.proxy_url, host_delay_s=0, data_dir=directory, **more)
        archive = Archive(settings.archive_dir, "reader-1")
        robots = RobotsBook(SqlRobotsStore(engine), product_token(settings.user_agent))
        async with HttpClient(http_policy(settings), SqlGate(engine, 0), utc_now) as http:
            scene = Scene(engine, origin, Reader(engine, http, robots, child, archive, settings), **more)
            await scene.first(*told)
            yield scene
        archive.close()


REVISIONS = (
    "SELECT revision, changes, figures, note, is_boring, status FROM story_revisions ORDER BY story_id, revision"
)


def test_an_edited_story_is_a_revision_with_its_changes_and_never_a_new_one(
    engine: Engine, runner: asyncio.Runner, child: ReadingChild, tmp_path: Path
) -> None:
    async def play() -> None:
        async with a_scene(engine, child, tmp_path, {STORY: page(LEAD, SECOND, THIRD)}) as scene:
            edited = SECOND.replace("said 12 soldiers", "confirmed 19 soldiers")
            before = scene.rows("SELECT story_id, stored_at FROM conflict_policy_stories")
            assert await scene.look(story=page(LEAD, edited, THIRD)) == [Reason.REVISED]
            (first, second) = scene.rows(REVISIONS)
            assert (first.revision, first.changes) == (1, None)
            # An edit may move an act's score over its threshold; which, is for the tests of judging.
            assert second.changes.removeprefix("policy_act, ") == "casualties, attribution, body"
            assert second.figures == "12 -> 19"
            assert (second.is_boring, second.status) == (0, "usable")
            assert scene.rows("SELECT story_id, stored_at FROM conflict_policy_stories") == before != []
            assert scene.count("stories") == scene.count("clusters") == scene.count("urls") == 1

    runner.run(play())
    assert states(engine) == {UrlState.STORED: 1}


def test_a_correction_changes_the_status_and_keeps_both_texts(
    engine: Engine, runner: asyncio.Runner, child: ReadingChild, tmp_path: Path
) -> None:
    async def play() -> None:
        async with a_scene(engine, child, tmp_path, {STORY: page(LEAD, SECOND, THIRD)}) as scene:
            corrected = page(LEAD.replace("12 air-defence", "8 air-defence"), SECOND, THIRD, CORRECTION)
            assert await scene.look(story=corrected) == [Reason.REVISED]
            (_, second) = scene.rows(REVISIONS)
            assert second.changes.split(", ")[0] == "correction"
            assert (second.note, second.figures, second.status) == (CORRECTION, "12 -> 8", "corrected")
            assert [row.cause for row in scene.rows("SELECT cause FROM status_changes")] == ["notice"]
            assert await scene.look(story=page(LEAD, SECOND, THIRD.replace("late but", "overdue but"))) == [
                Reason.REVISED
            ]
            assert scene.rows("SELECT status FROM stories")[0].status == "corrected", "a note taken off again stays"

    runner.run(play())


def test_a_killed_story_stays_with_its_verdict_and_its_copies_are_marked(
    engine: Engine, runner: asyncio.Runner, child: ReadingChild, tmp_path: Path
) -> None:
    async def play() -> None:
        copied = page(
            LEAD, SECOND, THIRD.replace("late but welcome", "overdue"), title="Launchers for Ukraine approved"
        )
        answers = {STORY: page(LEAD, SECOND, THIRD), COPY: copied}
        async with a_scene(engine, child, tmp_path, answers) as scene:
            policy = "SELECT title, score, acts, status, revision FROM conflict_policy_stories ORDER BY site DESC"
            before = scene.rows(policy)
            assert len(before) == 2
            killed = page(RETRACTION, title=f"MANDATORY KILL: {TITLE}")
            assert sorted(await scene.look(story=killed)) == [Reason.REVISED, Reason.UNCHANGED]
            after = scene.rows(policy)
            assert [(row.score, row.acts) for row in after] == [(row.score, row.acts) for row in before]
            assert [(row.status, row.revision) for row in after] == [("canceled", 2), ("origin_withdrawn", 1)]
            assert [row.changes.split(", ")[0] for row in scene.rows(REVISIONS) if row.changes] == ["withdrawal"]
            texts = [row.text for row in scene.rows("SELECT text FROM revisions ORDER BY story_id, number")]
            assert "12 air-defence launchers" in texts[0]
            removed = page(RETRACTION, title="Story removed")
            assert sorted(await scene.look(story=removed)) == [Reason.REVISED, Reason.UNCHANGED]
            assert scene.rows(policy)[0].status == "canceled"

    runner.run(play())


def test_a_page_that_flip_flops_has_two_versions_and_a_count(
    engine: Engine, runner: asyncio.Runner, child: ReadingChild, tmp_path: Path
) -> None:
    async def play() -> None:
        one, two = page(LEAD, SECOND, THIRD), page(LEAD, SECOND, THIRD, title="Weapons delivery to Ukraine approved")
        async with a_scene(engine, child, tmp_path, {STORY: one}) as scene:
            assert await scene.looks(two, one, two, one, one, two) == [
                Reason.REVISED,
                Reason.FLIP_FLOP,
                Reason.UNCHANGED,
                Reason.FLIP_FLOP,
                Reason.FLIP_FLOP,
                Reason.UNCHANGED,
            ]
            (state,) = scene.rows("SELECT looks, flip_flops, turns, return_looks FROM revisits")
            assert tuple(state) == (6, 3, 2, 0)
            assert scene.count("revisions") == 2

    runner.run(play())


def test_an_earlier_text_that_stays_is_a_revision_in_the_end(
    engine: Engine, runner: asyncio.Runner, child: ReadingChild, tmp_path: Path
) -> None:
    async def play() -> None:
        one, two = page(LEAD, SECOND, THIRD), page(LEAD, SECOND.replace("three regions", "two regions"), THIRD)
        async with a_scene(engine, child, tmp_path, {STORY: one}) as scene:
            seen = await scene.looks(two, one, one, one, one, one)
            assert seen == [Reason.REVISED, *[Reason.FLIP_FLOP] * 3, Reason.REVISED, Reason.UNCHANGED]
            assert scene.rows(REVISIONS)[-1].changes.split(", ")[-1] == "return"
            assert scene.count("revisions") == 3

    runner.run(play())


def test_boring_versions_are_flagged_and_after_three_only_counted(
    engine: Engine, runner: asyncio.Runner, child: ReadingChild, tmp_path: Path
) -> None:
    async def play() -> None:
        bodies = [page(LEAD, SECOND, THIRD, title=TITLE + mark) for mark in ("", " ", "!", " !", "?", "…")]
        async with a_scene(engine, child, tmp_path, {STORY: bodies[0]}) as scene:
            assert await scene.looks(*bodies[2:]) == [Reason.RETOUCHED] * 4
            assert [row.is_boring for row in scene.rows(REVISIONS)] == [0, 1, 1, 1]
            assert scene.rows("SELECT retouched FROM revisits")[0].retouched == 4
            assert scene.rows("SELECT revised_at FROM stories")[0].revised_at is None

    runner.run(play())


def test_an_unchanged_page_is_neither_parsed_nor_archived_again(
    engine: Engine, runner: asyncio.Runner, child: ReadingChild, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parsed = []
    read_page = child.read_page

    async def counted(result: Any, *more: Any) -> Any:
        parsed.append(result.url)
        return await read_page(result, *more)

    monkeypatch.setattr(child, "read_page", counted)

    async def play() -> None:
        body = page(LEAD, SECOND, THIRD)
        async with a_scene(engine, child, tmp_path, {STORY: Answer(body, etag='"1"')}) as scene:
            assert await scene.look() == [Reason.UNCHANGED]
            asked = [headers.get("if-none-match") for url, headers in scene.origin.requests if url == STORY]
            assert asked == [None, '"1"']
            assert await scene.look(story=Answer(body)) == [Reason.UNCHANGED]
            assert parsed == [STORY], "a 304 and the bytes of last time cost no parse"
            other = body.replace("<body>", "<body><!-- another nonce each time -->")
            assert await scene.look(story=Answer(other, etag='"2"')) == [Reason.UNCHANGED]
            assert parsed == [STORY, STORY]
            assert scene.count("pages") == 1, "the same story in another body is not archived"
            (state,) = scene.rows("SELECT looks, unchanged, etag FROM revisits")
            assert tuple(state) == (3, 3, '"2"')

    runner.run(play())


def test_validators_are_left_out_after_three_days(
    engine: Engine, runner: asyncio.Runner, child: ReadingChild, tmp_path: Path
) -> None:
    async def play() -> None:
        lying = Answer(page(LEAD, SECOND, THIRD), etag='"1"')
        async with a_scene(engine, child, tmp_path, {STORY: lying}) as scene:
            with engine.begin() as connection:
                connection.execute(schema.revisits.update().values(whole_at=utc_now() - timedelta(days=3, seconds=1)))
            await scene.look()
            asked = [headers.get("if-none-match") for url, headers in scene.origin.requests if url == STORY]
            assert asked == [None, None]

    runner.run(play())


def test_a_page_that_is_gone_leaves_its_story_and_may_come_back(
    engine: Engine, runner: asyncio.Runner, child: ReadingChild, tmp_path: Path
) -> None:
    async def play() -> None:
        async with a_scene(engine, child, tmp_path, {STORY: page(LEAD, SECOND, THIRD)}) as scene:
            kept = scene.rows("SELECT id, title, text, status FROM stories")
            assert await scene.look(story=Answer("Gone", status=410)) == [Reason.REVISIT_FAILED]
            (gone,) = scene.rows("SELECT gone_at FROM conflict_policy_stories")
            assert gone.gone_at is not None
            await scene.look(story=Answer("Not here", status=404))
            assert scene.rows("SELECT gone_at FROM conflict_policy_stories") == [gone], "the first instant stays"
            assert scene.rows("SELECT id, title, text, status FROM stories") == kept
            (state,) = scene.rows("SELECT failures, looks FROM revisits")
            assert tuple(state) == (2, 2)
            assert await scene.look(story=page(LEAD, SECOND, THIRD)) == [Reason.UNCHANGED]
            assert scene.rows("SELECT gone_at FROM stories")[0].gone_at is None

    runner.run(play())


@pytest.mark.parametrize(("scope", "is_planned"), [("all", True), ("conflict", False), ("none", False)])
def test_the_setting_says_which_stories_are_looked_at(
    engine: Engine, runner: asyncio.Runner, child: ReadingChild, tmp_path: Path, scope: str, is_planned: bool
) -> None:
    calm = (
        "The gardeners of the northern lakes opened their show of roses and early apples to visitors on Saturday. " * 4
    )

    async def play() -> None:
        answers = {STORY: page(calm, calm.replace("roses", "tulips"), title="Roses and apples on show")}
        async with a_scene(engine, child, tmp_path, answers, revisits=scope) as scene:
            (state,) = scene.rows("SELECT due_at FROM revisits")
            assert (state.due_at is not None) is is_planned
            assert await scene.look() == ([Reason.UNCHANGED] if is_planned else [])

    runner.run(play())
