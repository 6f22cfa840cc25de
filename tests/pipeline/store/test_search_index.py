"""A batch's stories are indexed in one go at its end, and the index is that of the stories whatever happened before."""

from __future__ import annotations

import random
from collections.abc import Sequence
from contextlib import nullcontext

import pytest
from rows import add_story
from sqlalchemy import Connection, Engine, delete, select, text, update
from store_builders import T0, announce, claim_all, entry, page_ref, record

from pipeline.outcomes import Reason
from pipeline.store import stories as story_store
from pipeline.store.lookups import BatchLook
from pipeline.store.reports import StoryFilter
from pipeline.store.schema import stories, story_facts
from pipeline.store.search import search_stories
from pipeline.store.search_index import indexed_together, rebuild_search
from pipeline.store.stories import store_record, stored_together
from pipeline.values import Claim
from workers.database import open_engine

WORDS = ("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota")


def found(engine: Engine, typed: str) -> list[int]:
    with engine.connect() as connection:
        return sorted(row["id"] for row in search_stories(connection, typed, StoryFilter(), 100).stories)


def is_whole(engine: Engine) -> bool:
    """Whether the index has exactly the words of the stories, and no batch is open any more."""
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            wanted = select(stories.c.id, text("search_document(language, title, standfirst, text)"))
            kept = connection.execute(text("SELECT story_id, document FROM story_search ORDER BY 1")).all()
            return [tuple(row) for row in kept] == [
                tuple(row) for row in connection.execute(wanted.order_by(stories.c.id))
            ]
        connection.execute(text("INSERT INTO story_search (story_search, rank) VALUES ('integrity-check', 1)"))
        return connection.execute(text("SELECT count(*) FROM story_search_pending")).scalar_one() == 0


def pieces(engine: Engine) -> int:
    """Of how many pieces FTS5's index is made; ids below 11 are those of its averages and its structure."""
    query = "SELECT count(DISTINCT id >> 37) FROM story_search_data WHERE id > 10"
    with engine.connect() as connection:
        return int(connection.execute(text(query)).scalar_one())


def take(engine: Engine, numbers: Sequence[int]) -> list[Claim]:
    announce(engine, [entry(number, site=f"wire{number}.example") for number in numbers])
    claims = claim_all(engine)
    assert len(claims) == len(numbers)
    return claims


def keep(connection: Connection, claims: Sequence[Claim], look: BatchLook | None) -> list[int]:
    """Stores a story for each claim, with words of its own; returns their ids."""
    kept = []
    for claim in claims:
        words = random.Random(claim.url_id).choices(WORDS, k=400)
        what = record(f"unique{claim.url_id} " + " ".join(words), title=f"Story of url{claim.url_id}")
        page_id = story_store.add_page(connection, claim.url_id, page_ref(claim.url))
        stored = store_record(connection, claim, page_id, claim.url, what, T0, look)
        assert (stored.reason, stored.story_id is not None) == (Reason.NEW, True)
        kept.append(stored.story_id or 0)
    return kept


def test_a_batch_is_one_piece_of_the_index_and_found_after_its_commit(engine: Engine) -> None:
    claims = take(engine, range(1, 7))
    with engine.begin() as connection:
        look = BatchLook(connection)
        with stored_together(connection, look):
            ids = keep(connection, claims, look)
    if engine.dialect.name == "sqlite":
        assert pieces(engine) == 1
    assert is_whole(engine)
    assert [found(engine, f"unique{claim.url_id}") for claim in claims] == [[key] for key in ids]
    with engine.connect() as connection:
        assert sorted(connection.execute(select(story_facts.c.story_id)).scalars()) == ids


def test_stories_that_no_batch_stores_are_indexed_and_counted_at_once(engine: Engine) -> None:
    claims = take(engine, range(1, 4))
    with engine.begin() as connection:
        ids = keep(connection, claims, None)
        assert sorted(connection.execute(select(story_facts.c.story_id)).scalars()) == ids
        assert len(search_stories(connection, "url*", StoryFilter(), 10).stories) == 3
    if engine.dialect.name == "sqlite":
        assert pieces(engine) == 3
    assert is_whole(engine)


def test_what_a_batch_rewords_or_deletes_before_its_end_is_indexed_as_it_ends(engine: Engine) -> None:
    with engine.begin() as connection:
        for number in (1, 2, 3):
            add_story(connection, number, text=f"Old words {number}.")
        with indexed_together(connection):
            for number in (4, 5, 6):
                add_story(connection, number, text=f"New words {number}.")
            for number in (1, 4):
                connection.execute(update(stories).where(stories.c.id == number).values(text=f"Other {number}."))
            for number in (2, 5, 6):
                connection.execute(delete(stories).where(stories.c.id == number))
    assert is_whole(engine)
    assert (found(engine, "words"), found(engine, "other")) == ([3], [1, 4])


def test_a_batch_that_fails_leaves_neither_stories_nor_an_open_batch(engine: Engine) -> None:
    def fail() -> None:
        with engine.begin() as connection, indexed_together(connection):
            add_story(connection, 1, text="Lost words.")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    with engine.begin() as connection:
        add_story(connection, 2, text="Kept words.")
    assert is_whole(engine)
    assert found(engine, "words") == [2]


def test_what_an_open_batch_left_behind_is_indexed_by_the_next(sqlite_url: str) -> None:
    sqlite_engine = open_engine(sqlite_url)
    with sqlite_engine.begin() as connection:
        connection.execute(text("INSERT INTO story_search_pending (id, after_id) VALUES (1, 0)"))
        add_story(connection, 1, text="Forgotten words.")
    assert found(sqlite_engine, "words") == []
    with sqlite_engine.begin() as connection, indexed_together(connection):
        add_story(connection, 2, text="Later words.")
    assert is_whole(sqlite_engine)
    assert found(sqlite_engine, "words") == [1, 2]
    sqlite_engine.dispose()


def test_the_index_made_anew_leaves_nothing_pending(engine: Engine) -> None:
    with engine.begin() as connection, indexed_together(connection):
        add_story(connection, 1, text="Words.")
        rebuild_search(connection)
        add_story(connection, 2, text="Words.")
    assert is_whole(engine)
    assert found(engine, "words") == [1, 2]


@pytest.mark.parametrize("seed", range(6))
def test_whatever_happens_in_and_between_batches_the_index_is_that_of_the_stories(engine: Engine, seed: int) -> None:
    chance, alive, number = random.Random(seed), set[int](), 0
    for _ in range(12):
        with engine.begin() as connection, indexed_together(connection) if chance.random() < 0.7 else nullcontext():
            for _ in range(chance.randint(0, 6)):
                what = chance.choice(("add", "add", "add", "reword", "delete"))
                if what == "add":
                    number += 1
                    add_story(connection, number, text=f"Words {chance.randint(1, 9)} of {number}.")
                    alive.add(number)
                elif alive and what == "reword":
                    key = chance.choice(sorted(alive))
                    values = {
                        "text": f"Reworded {chance.randint(1, 9)}.",
                        "standfirst": chance.choice((None, "Short.")),
                    }
                    connection.execute(update(stories).where(stories.c.id == key).values(**values))
                elif alive:
                    key = chance.choice(sorted(alive))
                    connection.execute(delete(stories).where(stories.c.id == key))
                    alive.discard(key)
    assert is_whole(engine)
    assert sorted(found(engine, "words") + found(engine, "reworded")) == sorted(alive) != []
