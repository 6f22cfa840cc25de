"""Events in SQL, on both databases: independent tellings found after the commit, counted by their origins."""

from __future__ import annotations

import threading
from dataclasses import replace

from sqlalchemy import Engine, text
from store_builders import announce, at, claim_all, entry, record, store

from pipeline.store import events_told
from pipeline.values import StoryRecord
from pipeline.watching.conditions import parse_condition
from workers.second_look import look_for_events

TITLES = (
    "Norland sends twelve launchers to Ukraine's eastern border",
    "Twelve air-defence launchers for Ukraine, Norland announces",
    "Ukraine to get twelve launchers from Norland before month's end",
)
TEXTS = (
    "The defence ministry of Norland said on Sunday that it would send twelve air-defence launchers to Ukraine before "
    "the end of the month. Crews will be trained in the port of Halden.",
    "In a reversal that surprised its allies, Norland is giving Ukraine twelve launchers against aircraft, its defence "
    "ministry announced. The crews are to learn their trade at Halden.",
    "Kyiv can expect twelve launchers from Norland within weeks: so says the ministry in charge of defence there. A "
    "course for the crews begins at Halden soon.",
)
OTHER = (
    "Talks on fish quotas between Ukraine and its neighbours collapse",
    "Negotiators left the table on Friday after a dispute about herring, cod and the size of nets, without a new date.",
)


def telling(title: str, words: str) -> StoryRecord:
    return replace(record(words, title=title), credits=())


def told(engine: Engine, number: int, site: str, title: str, words: str) -> int:
    announce(engine, [entry(number, site=site)])
    (claim,) = claim_all(engine, now=at(60 * number))
    stored = store(engine, claim, telling(title, words), at(60 * number))
    assert stored is not None
    assert stored.story_id is not None
    return stored.story_id


def tell_three(engine: Engine) -> list[int]:
    told_by = enumerate(zip(TITLES, TEXTS, strict=True), start=1)
    return [told(engine, n, f"outlet{n}.example", title, words) for n, (title, words) in told_by]


def events(engine: Engine) -> list[tuple[int, int]]:
    """(event, its independent origins) of each cluster that tells of one."""
    with engine.begin() as connection:
        query = "SELECT event_id, event_origins FROM story_events ORDER BY cluster_id"
        return [tuple(row) for row in connection.execute(text(query))]


def test_three_reports_in_their_own_words_are_one_event_with_three_origins(engine: Engine) -> None:
    ids = [*tell_three(engine), told(engine, 4, "outlet4.example", *OTHER)]
    assert events(engine) == []
    look_for_events(engine, ids)
    assert events(engine) == [(1, 3)] * 3
    with engine.begin() as connection:
        query = "SELECT independent_origins, event_origins FROM story_clusters ORDER BY cluster_id"
        assert [tuple(row) for row in connection.execute(text(query))] == [(1, 3)] * 3 + [(1, 1)]
        links = connection.execute(text("SELECT score, method FROM event_links")).all()
        assert len(links) >= 2
        assert all(link.score >= 0.65 and link.method == "event-1" for link in links)
        assert connection.execute(text("SELECT count(*) FROM event_looks")).scalar() == 0


def test_looking_twice_changes_nothing(engine: Engine) -> None:
    ids = tell_three(engine)
    look_for_events(engine, ids)
    before = events(engine)
    with engine.begin() as connection:
        for cluster_id in (1, 2, 3):
            events_told.look_for_event(connection, cluster_id, at(5000))
    assert events(engine) == before


def test_reports_that_are_looked_at_in_one_moment_find_one_another(engine: Engine) -> None:
    tell_three(engine)
    together = threading.Barrier(3)

    def look(cluster_id: int) -> None:
        together.wait()
        with engine.begin() as connection:
            events_told.look_for_event(connection, cluster_id, at(5000))

    threads = [threading.Thread(target=look, args=(cluster_id,)) for cluster_id in (1, 2, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert events(engine) == [(1, 3)] * 3


def test_a_watch_hears_of_a_second_telling(engine: Engine) -> None:
    from pipeline.store import watches as watch_store

    ids = tell_three(engine)
    condition = parse_condition("event_origins >= 2")
    with engine.begin() as connection:
        assert watch_store.find_matches(connection, condition, watch_store.stirred_stories(connection, at(0))) == []
    with engine.begin() as connection:
        for cluster_id in (1, 2, 3):
            events_told.look_for_event(connection, cluster_id, at(5000))
        stirred = watch_store.stirred_stories(connection, at(4000))
        assert [one.story_id for one in watch_store.find_matches(connection, condition, stirred)] == ids


def test_a_merged_cluster_hands_its_event_over(engine: Engine) -> None:
    look_for_events(engine, tell_three(engine))
    with engine.begin() as connection:
        connection.execute(text("UPDATE stories SET cluster_id = 1 WHERE cluster_id = 2"))
        connection.execute(text("UPDATE clusters SET merged_into = 1 WHERE id = 2"))
        assert events_told.look_for_event(connection, 2, at(6000)) == 1
    assert events(engine) == [(1, 2)] * 2
