"""Origins in SQL, on both databases: kept by the transaction that changes a cluster, seen by views and watches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Engine, select, text
from store_builders import TEXT, announce, at, claim_all, entry, page_ref, record, store

from pipeline.identity.sources import cited_source
from pipeline.outcomes import CreditPlace, PolicyType, SourceKind
from pipeline.store import reclustering, reports, schema, verdicts
from pipeline.store import watches as watch_store
from pipeline.store.events_told import ask_event_looks
from pipeline.store.lookups import BatchLook
from pipeline.store.origins import keep_origins
from pipeline.store.reclustering import decide_again
from pipeline.store.stories import add_page, store_record, stored_together, wanted_of
from pipeline.values import ActScore, Attribution, Credit, StoryRecord
from pipeline.watching.conditions import parse_condition

# An outlet's edit of the text: the same report.
EDITED = TEXT.replace("on Sunday", "at the weekend").replace("late but welcome", "late")


FISHERY = (
    "Fishermen on the western lakes have asked the government to reopen the winter fishery two weeks early after a "
    "mild autumn left the ice too thin for the usual season. The ministry of agriculture said it would decide by "
    "Friday, once its inspectors had counted the stocks in four bays."
)
BRIDGE = (
    "Engineers closed the old road bridge at Halden on Tuesday evening when sensors showed that its northern pier had "
    "sunk by nine millimetres since the flood in August. Lorries are sent over the motorway, which adds forty minutes, "
    "and the council hopes to let cars cross again before the schools open."
)


def credit(name: str) -> Credit:
    source = cited_source(name)
    assert source is not None
    return Credit(source.key, source.name, source.is_agency, CreditPlace.BYLINE, f"By {name}")


def told(words: str, *names: str) -> StoryRecord:
    return replace(record(words), credits=tuple(credit(name) for name in names))


def judged(what: StoryRecord, score: float, *acts: PolicyType) -> StoryRecord:
    scored = tuple(ActScore(act, score) for act in acts)
    return replace(what, verdict=replace(what.verdict, conflict=score, conflict_policy=score, acts=scored))


def store_all(engine: Engine, told_by: Sequence[tuple[str, StoryRecord]]) -> list[int]:
    """Store a page on each site, a minute apart; returns the ids of their stories (of a twin: of what it repeats)."""
    ids = []
    for number, (site, what) in enumerate(told_by, start=1):
        announce(engine, [entry(number, site=site)])
        (claim,) = claim_all(engine, now=at(60 * number))
        stored = store(engine, claim, what, at(60 * number))
        assert stored is not None
        assert stored.story_id is not None
        ids.append(stored.story_id)
    return ids


def origins(engine: Engine) -> dict[int, tuple[Any, ...]]:
    table = schema.story_origins
    with engine.begin() as connection:
        rows = connection.execute(select(table.c.story_id, table.c.kind, table.c.name, table.c.origin_story_id))
        return {row.story_id: tuple(row)[1:] for row in rows}


def counted(engine: Engine) -> list[tuple[int, int]]:
    with engine.begin() as connection:
        query = "SELECT independent_origins, copies FROM story_clusters ORDER BY cluster_id"
        return [tuple(row) for row in connection.execute(text(query))]


def test_a_story_and_its_copy_name_the_agency_and_the_agencys_own_story_when_it_comes(engine: Engine) -> None:
    first, second = store_all(engine, [("one.example", told(TEXT, "Reuters")), ("two.example", told(EDITED))])
    assert origins(engine) == {first: ("agency", "Reuters", None), second: ("copy", "one.example", first)}
    with engine.begin() as connection:
        row = connection.execute(text("SELECT origin_kind, origin_surface FROM story_details WHERE story_id = 1")).one()
    assert tuple(row) == ("agency", "By Reuters")


def test_the_agencys_page_with_the_same_words_is_no_story_and_proves_whose_they_are(engine: Engine) -> None:
    first, twin = store_all(engine, [("one.example", told(TEXT)), ("afp.com", told(TEXT))])
    assert first == twin
    assert origins(engine) == {first: ("agency", "AFP", None)}
    assert counted(engine) == [(1, 1)]


def test_two_agencies_on_their_own_sites_are_two_origins_and_a_page_that_says_so_is_none(engine: Engine) -> None:
    told_by = [("one.example", told(TEXT, "AP")), ("two.example", told(EDITED, "Reuters"))]
    ids = store_all(engine, told_by)
    assert counted(engine) == [(1, 1)]
    announce(engine, [entry(8, site="apnews.com"), entry(9, site="reuters.com")])
    for number, claim in enumerate(claim_all(engine, now=at(600)), start=1):
        store(engine, claim, told(TEXT.replace("twelve", "12") + f" The crews will be {number} hundred."), at(600))
    assert counted(engine) == [(2, 3)]
    assert {origins(engine)[story_id][1] for story_id in ids} == {"Associated Press", "Reuters"}
    assert None not in {origins(engine)[story_id][2] for story_id in ids}


def test_a_watch_for_two_origins_finds_the_report_when_the_second_comes_and_not_before(engine: Engine) -> None:
    store_all(engine, [("apnews.com", told(TEXT))])
    condition = parse_condition("independent_origins >= 2")
    with engine.begin() as connection:
        assert watch_store.find_matches(connection, condition, watch_store.stirred_stories(connection, at(0))) == []
    announce(engine, [entry(9, site="reuters.com")])
    (claim,) = claim_all(engine, now=at(900))
    store(engine, claim, told(EDITED), at(900))
    with engine.begin() as connection:
        stirred = watch_store.stirred_stories(connection, at(800))
        assert [one.story_id for one in watch_store.find_matches(connection, condition, stirred)] == [1]


def test_what_the_lead_cites_is_an_origin(engine: Engine) -> None:
    cites = Attribution(SourceKind.OUTLET, None, "Politico", None, "lead", 0, 17, "Politico reported")
    what = record(TEXT)
    (story_id,) = store_all(engine, [("one.example", replace(what, verdict=replace(what.verdict, sourcing=(cites,))))])
    assert origins(engine) == {story_id: ("outlet", "Politico", None)}


def test_deciding_again_reads_the_credits_of_what_was_stored_before(engine: Engine) -> None:
    dated = "KYIV, March 3 (Reuters) - " + TEXT
    (story_id,) = store_all(engine, [("one.example", record(dated))])
    assert origins(engine) == {story_id: ("own", "one.example", story_id)}
    with engine.begin() as connection:
        reclustering.start(connection, at(999))
        decide_again(connection, story_id, at(999))
    assert origins(engine) == {story_id: ("agency", "Reuters", None)}


@pytest.mark.parametrize("claims", [["Reuters"], ["AP", "AFP", "Politico"]], ids=["one", "many"])
def test_a_hostile_copy_that_claims_an_agency_raises_no_count(engine: Engine, claims: list[str]) -> None:
    store_all(engine, [("one.example", told(TEXT)), ("evil.example", told(EDITED, *claims))])
    assert counted(engine) == [(1, 1)]


def test_a_story_that_is_shown_tells_its_origin(engine: Engine) -> None:
    (story_id,) = store_all(engine, [("one.example", told(TEXT, "Reuters"))])
    with engine.begin() as connection:
        shown = reports.show_story(connection, story_id)
    assert shown is not None
    assert (shown["origin"]["kind"], shown["origin"]["name"], shown["origin"]["surface"]) == (
        "agency", "Reuters", "By Reuters",
    )  # fmt: skip
    assert [one["name"] for one in shown["credits"]] == ["Reuters"]
    assert shown["event"] is None


def test_the_founder_of_a_cluster_gets_the_rows_that_asking_sql_for_all_of_it_would_give(engine: Engine) -> None:
    quote = Attribution(SourceKind.OUTLET, None, "Politico", None, "lead", 0, 20, "Politico reported")
    long_name = Credit("k" * 80, "n" * 80, False, CreditPlace.END, "s" * 300)
    what = told(TEXT, "Reuters")
    what = replace(
        what,
        credits=(long_name, *what.credits),
        verdict=replace(what.verdict, sourcing=(quote,), acts=(ActScore(PolicyType.TALKS, 0.6), *what.verdict.acts)),
    )
    (story_id,) = store_all(engine, [("outlet.example", what)])
    tables = (schema.cluster_verdicts, schema.cluster_acts, schema.story_origins, schema.event_looks, schema.clusters)

    def rows() -> list[list[tuple[Any, ...]]]:
        with engine.begin() as connection:
            return [[tuple(row) for row in connection.execute(select(table))] for table in tables]

    founded = rows()
    with engine.begin() as connection:
        cluster_id = connection.execute(select(schema.stories.c.cluster_id)).scalar_one()
        assert verdicts.pool_cluster(connection, cluster_id) is False
        keep_origins(connection, cluster_id, at(60))
        ask_event_looks(connection, [cluster_id], at(60))
    assert rows() == founded
    assert origins(engine)[story_id][1] == "Reuters"
    assert len(founded[1]) == 2


def test_what_a_batch_joins_gets_the_rows_that_each_report_by_itself_would_get(engine: Engine) -> None:
    """Copies of a stored report, of two at once, and of one that the batch itself founds."""
    store_all(engine, [("one.example", judged(told(TEXT), 0.2)), ("two.example", told(FISHERY, "AFP"))])
    batch = [
        ("three.example", judged(told(EDITED, "Reuters"), 0.9, PolicyType.TALKS)),
        ("four.example", judged(told(TEXT + " It said so."), 0.9)),
        ("five.example", told(FISHERY + " It said so.")),
        ("six.example", told(BRIDGE, "AP")),
        ("seven.example", judged(told(BRIDGE + " It said so."), 0.1)),
    ]
    announce(engine, [entry(number, site=site) for number, (site, _) in enumerate(batch, start=10)])
    claims = {claim.site: claim for claim in claim_all(engine, now=at(600))}
    with engine.begin() as connection:
        look = BatchLook(connection, [wanted_of(claims[site].url, what) for site, what in batch])
        with stored_together(connection, look):
            for site, what in batch:
                page_id = add_page(connection, claims[site].url_id, page_ref(claims[site].url))
                store_record(connection, claims[site], page_id, claims[site].url, what, at(600), look)
    tables = (
        schema.cluster_verdicts, schema.cluster_acts, schema.story_origins, schema.story_facts, schema.clusters,
        schema.event_looks,
    )  # fmt: skip

    def rows() -> list[set[str]]:
        with engine.begin() as connection:
            return [{repr(tuple(row)) for row in connection.execute(select(table))} for table in tables]

    together = rows()
    assert len(look.joined) == 3
    assert [len(found) for found in together[:1] + together[2:4]] == [3, 7, 7]
    with engine.begin() as connection:
        for cluster_id in connection.execute(select(schema.clusters.c.id)).scalars().all():
            assert verdicts.pool_cluster(connection, cluster_id) is False
            keep_origins(connection, cluster_id, at(600))
    assert rows() == together
    assert counted(engine) == [(1, 2), (1, 1), (1, 1)]
    assert set(origins(engine).values()) >= {
        ("agency", "Reuters", None),
        ("agency", "Associated Press", None),
    }
