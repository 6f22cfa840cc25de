"""Copies in SQL: relations, second looks, merges that leave a trace, deciding again, poison without effect (P25)."""

from __future__ import annotations

from typing import Any

import pytest
from long_reports import FERRIES, HARVEST
from sqlalchemy import Connection, Engine, event, func, select, update
from store_builders import TEXT, announce, at, claim_all, entry, page_ref, record, store

from pipeline.identity.fingerprints import anchors
from pipeline.identity.near_copies import METHOD, STOP_ANCHOR_AT
from pipeline.identity.past_anchors import past_anchors
from pipeline.outcomes import MoveCause, Reason, Relation
from pipeline.store import copies, schema, stories
from pipeline.store.lookups import BatchLook, Wanted, find_copies
from pipeline.store.statements import insert_id
from workers.recluster import recluster
from workers.second_look import look_again, sweep_looks

COPY = TEXT.replace("on Sunday", "on Sunday evening").replace("late but welcome", "overdue")
OTHER = (
    "Fishermen on the western lakes have asked the government to reopen the winter fishery two weeks early after a "
    "mild autumn left the ice too thin for the usual season. The ministry of agriculture said it would decide by "
    "Friday, once its inspectors had counted the stocks in four bays."
)
GLUED = f"{OTHER}\n\n{TEXT}"
FOLLOW_UP = (
    "Crews from three brigades began unloading the first two launchers at a railway yard near the border on Thursday, "
    "a photographer at the scene said, while police kept several hundred residents behind a fence. The mayor asked the "
    "army to leave one road open for farmers, whose harvest has to reach the mills before the autumn rains, and a "
    "general promised him an answer by the weekend.\n\n" + TEXT.split("\n\n")[1]
)

# Columns of a story that say nothing about copies.
DEFAULTS: dict[str, Any] = {name: [] for name in ("subheads", "authors", "captions", "credits")}
DEFAULTS |= {"access": "free", "announced_at": at(), "stored_at": at(), "revision": 1, "word_count": 1, "reader": "r"}
DEFAULTS |= {"candidate": "c"}


def store_all(engine: Engine, *texts: str, sites: tuple[str, ...] = ()) -> list[int]:
    """The stories of the texts, stored one after the other by sites of their own, titled with their first words."""
    names = sites or tuple(f"s{number}.example" for number in range(len(texts)))
    announce(engine, [entry(number, site=site) for number, site in enumerate(names)])
    records = [record(text, title=" ".join(text.split()[:8])) for text in texts]
    ended = [store(engine, claim, each) for claim, each in zip(claim_all(engine), records, strict=True)]
    return [item.story_id or 0 for item in ended if item is not None]


def clusters_of(engine: Engine) -> list[int]:
    with engine.connect() as connection:
        return list(connection.execute(select(schema.stories.c.cluster_id).order_by(schema.stories.c.id)).scalars())


def stand_apart(engine: Engine, story_id: int) -> int:
    """Puts a story into a cluster of its own, as if it had been stored at the same moment as its copy."""
    with engine.begin() as connection:
        text, old = connection.execute(
            select(schema.stories.c.text, schema.stories.c.cluster_id).where(schema.stories.c.id == story_id)
        ).one()
        own = copies.found_cluster(connection, at())
        connection.execute(update(schema.stories).where(schema.stories.c.id == story_id).values(cluster_id=own))
        connection.execute(schema.story_links.delete())
        copies.index_story(connection, own, anchors(text))
        copies.note_second_look(connection, story_id, at())
    assert own != old
    return own


@pytest.mark.parametrize(
    ("text", "site", "relation"),
    [
        (COPY, "b.example", Relation.COPY),
        (COPY, "a.example", Relation.VERSION),
        (FOLLOW_UP, "b.example", Relation.FOLLOW_UP),
    ],
)
def test_a_link_says_what_the_new_story_is_to_the_stored_one(
    engine: Engine, text: str, site: str, relation: Relation
) -> None:
    first, second = store_all(engine, TEXT, text, sites=("a.example", site))
    with engine.connect() as connection:
        link = connection.execute(select(schema.story_links)).one()
    assert (link.story_id, link.matched_story_id, link.relation, link.method) == (second, first, relation, METHOD)
    assert (len(set(clusters_of(engine))) == 1) is (relation is not Relation.FOLLOW_UP)


def test_a_second_look_merges_the_younger_cluster_and_keeps_who_moved_and_why(engine: Engine) -> None:
    first, second = store_all(engine, TEXT, COPY)
    old, young = clusters_of(engine)[0], stand_apart(engine, second)
    assert look_again(engine, [second]) == 1
    assert clusters_of(engine) == [old, old]
    with engine.connect() as connection:
        move = connection.execute(select(schema.cluster_moves)).one()
        merged = connection.execute(select(schema.clusters.c.merged_into).where(schema.clusters.c.id == young)).scalar()
        link = connection.execute(select(schema.story_links)).one()
        bands = set(connection.execute(select(schema.story_bands.c.cluster_id)).scalars())
        assert copies.looks_of(connection, [second]) == []
    assert (move.story_id, move.old_cluster_id, move.new_cluster_id) == (second, young, old)
    assert (move.cause, move.linked_story_id, move.matched_story_id) == (MoveCause.SECOND_LOOK, second, first)
    assert (move.score, move.method) == (link.score, link.method)
    assert (merged, bands) == (old, {old})


def test_a_second_look_taken_twice_or_for_nothing_changes_nothing(engine: Engine) -> None:
    first, second = store_all(engine, TEXT, OTHER)
    before = clusters_of(engine)
    with engine.begin() as connection:
        copies.note_second_look(connection, second, at())
        assert copies.look_again(connection, second, at()) is copies.Looked.ALONE
        assert copies.look_again(connection, second, at()) is copies.Looked.ALONE
        assert copies.look_again(connection, first + second + 99, at()) is copies.Looked.ALONE
    assert clusters_of(engine) == before


def test_the_titles_of_both_stories_count_in_a_look_up(engine: Engine) -> None:
    store_all(engine, TEXT)
    with engine.connect() as connection:
        found = [
            find_copies(connection, Wanted(anchors(COPY), COPY, "b.example", title))[0]
            for title in (None, "Ministry to send launchers", "Farmers fear for the harvest")
        ]
    scores = [match.score for match in found if match is not None]
    assert len(set(scores)) == 3
    assert scores[1] > scores[2] > 0.9


def test_the_sweeper_takes_up_what_a_dead_worker_left_and_not_what_is_being_done(engine: Engine) -> None:
    _, second = store_all(engine, TEXT, COPY)
    stand_apart(engine, second)
    assert sweep_looks(engine, at(5)) == 0
    assert sweep_looks(engine, at(60)) == 1
    assert len(set(clusters_of(engine))) == 1


def test_a_cluster_that_is_being_joined_is_not_merged_until_the_commit(postgres_url: str) -> None:
    from workers.database import open_engine

    engine = open_engine(postgres_url)
    _, second = store_all(engine, TEXT, COPY)
    young = stand_apart(engine, second)
    with engine.begin() as joining:
        assert copies.hold_cluster(joining, young) == young
        with engine.begin() as merging:
            assert copies.look_again(merging, second, at()) is copies.Looked.BUSY
    assert look_again(engine, [second]) == 1
    with engine.begin() as connection:
        assert copies.hold_cluster(connection, young) == clusters_of(engine)[0]
    engine.dispose()


def test_a_story_whose_cluster_was_held_is_looked_up_once_more_behind_the_others(postgres_url: str) -> None:
    from workers.database import open_engine

    engine = open_engine(postgres_url)
    _, second, third = store_all(engine, TEXT, COPY, OTHER)
    young = stand_apart(engine, second)
    with engine.begin() as connection:
        copies.note_second_look(connection, third, at())
    holding = engine.connect()
    holding.begin()
    copies.hold_cluster(holding, young)

    @event.listens_for(engine, "commit")
    def let_go(committing: Connection) -> None:  # the holder ends while the look at the next story is taken
        if holding.in_transaction() and copies.looks_of(committing, [third]) == []:
            holding.rollback()

    assert look_again(engine, [second, third]) == 1
    assert len(set(clusters_of(engine))) == 2
    holding.close()
    engine.dispose()


def test_deciding_again_moves_what_was_joined_wrongly_and_keeps_the_earlier_link(engine: Engine) -> None:
    first, second, third = store_all(engine, TEXT, OTHER, COPY)
    with engine.begin() as connection:  # an earlier method took the second for a copy of the first
        home = connection.execute(select(schema.stories.c.cluster_id).where(schema.stories.c.id == first)).scalar_one()
        url_id = connection.execute(select(schema.stories.c.url_id).where(schema.stories.c.id == second)).scalar_one()
        connection.execute(update(schema.stories).where(schema.stories.c.id == second).values(cluster_id=home))
        link = {"url_id": url_id, "story_id": second, "matched_story_id": first, "relation": Relation.COPY}
        link |= {"score": 0.7, "method": "near-1", "linked_at": at()}
        connection.execute(schema.story_links.insert().values(link))
    outcomes = [outcome.value for outcome in recluster(engine)]
    assert outcomes == ["stayed", "moved", "stayed"]
    found = clusters_of(engine)
    assert found[0] == found[2] == home != found[1]
    with engine.connect() as connection:
        past = connection.execute(select(schema.past_links)).one()
        move = connection.execute(select(schema.cluster_moves)).one()
        current = connection.execute(select(schema.story_links.c.story_id)).scalars().all()
        progress = connection.execute(select(schema.reclusterings)).one()
    assert (past.story_id, past.method, past.score) == (second, "near-1", 0.7)
    assert (move.story_id, move.old_cluster_id, move.cause) == (second, home, MoveCause.RECLUSTER)
    assert (list(current), progress.moved, progress.last_story_id) == ([third], 1, third)
    assert progress.finished_at is not None


def test_deciding_again_goes_on_where_it_was_stopped_and_ends(engine: Engine) -> None:
    store_all(engine, TEXT, OTHER, COPY)
    before = clusters_of(engine)
    assert len(list(recluster(engine, limit=2))) == 2
    assert len(list(recluster(engine))) == 1
    assert list(recluster(engine)) == []
    assert len(list(recluster(engine, anew=True))) == 3
    assert clusters_of(engine) == before


def test_deciding_again_replaces_the_anchors_of_an_earlier_hashing(engine: Engine) -> None:
    first, _ = store_all(engine, TEXT, OTHER)
    anchor, cluster = schema.story_bands.c.anchor, schema.story_bands.c.cluster_id
    with engine.begin() as connection:  # the first story is from before
        home = connection.execute(select(schema.stories.c.cluster_id).where(schema.stories.c.id == first)).scalar_one()
        connection.execute(schema.story_bands.delete().where(cluster == home))
        copies.index_story(connection, home, past_anchors(TEXT))
        assert find_copies(connection, Wanted(anchors(COPY), COPY, "b.example", None)) == (None, ())
    list(recluster(engine))
    with engine.connect() as connection:
        held = connection.execute(select(anchor).where(cluster == home).order_by(anchor)).scalars().all()
        assert tuple(held) == anchors(TEXT)
        copy, _ = find_copies(connection, Wanted(anchors(COPY), COPY, "b.example", None))
    assert copy is not None
    assert copy.story_id == first


def test_deciding_again_takes_in_what_is_stored_meanwhile(engine: Engine) -> None:
    """It may have come before the story that it copies had its new anchors."""
    first, second = store_all(engine, OTHER, TEXT)
    deciding = recluster(engine)
    next(deciding)
    announce(engine, [entry(9, site="s9.example")], feed="https://s9.example/feed.xml")
    (claim,) = claim_all(engine)
    late = store(engine, claim, record(COPY))
    assert late is not None
    own = stand_apart(engine, late.story_id or 0)
    with engine.begin() as connection:
        connection.execute(schema.second_looks.delete())
    assert [outcome.value for outcome in deciding] == ["stayed", "moved"]
    found = clusters_of(engine)
    assert own != found[2] == found[1] != found[0]
    with engine.connect() as connection:
        progress = connection.execute(select(schema.reclusterings)).one()
    assert (progress.last_story_id, progress.moved) == (late.story_id, 1)
    assert progress.finished_at is not None
    assert first < second < (late.story_id or 0)


@pytest.mark.parametrize(
    "poisoned",
    [
        "\u200b".join(COPY),
        COPY.replace(" ", "\u00ad ").replace("launchers", "laun\u2060chers"),
        COPY.upper(),
    ],
)
def test_characters_that_nobody_sees_hide_no_copy(engine: Engine, poisoned: str) -> None:
    store_all(engine, TEXT, poisoned)
    assert len(set(clusters_of(engine))) == 1


def test_a_page_glued_together_from_two_stories_merges_them_not(engine: Engine) -> None:
    """It is a copy of both, so it is looked up again; the two have nothing in common."""
    one, two = store_all(engine, TEXT, OTHER)
    look_again(engine, [one, two])
    announce(engine, [entry(9, site="s9.example")], feed="https://s9.example/feed.xml")
    (claim,) = claim_all(engine)
    glue = store(engine, claim, record(OTHER + "\n\n" + TEXT))
    assert glue is not None
    with engine.connect() as connection:
        assert copies.looks_of(connection, [one, two, glue.story_id or 0]) == [glue.story_id]
    assert look_again(engine, [glue.story_id or 0]) == 0
    list(recluster(engine))
    found = clusters_of(engine)
    assert found[0] != found[1]


@pytest.mark.parametrize("order", [(TEXT, GLUED, OTHER), (GLUED, TEXT, OTHER), (GLUED, OTHER, TEXT)])
def test_a_page_glued_together_beforehand_brings_no_report_under_another(
    engine: Engine, order: tuple[str, ...]
) -> None:
    """Whenever it comes, and after second looks, the sweep and deciding again: two reports are two clusters."""
    ids = store_all(engine, *order)
    look_again(engine, ids)
    sweep_looks(engine, at(3600))
    found = dict(zip(order, clusters_of(engine), strict=True))
    assert found[TEXT] != found[OTHER]
    list(recluster(engine, anew=True))
    again = dict(zip(order, clusters_of(engine), strict=True))
    assert again == found
    with engine.connect() as connection:
        last = schema.story_links.c.story_id == ids[-1]
        kept = connection.execute(select(schema.story_links.c.relation, schema.story_links.c.score).where(last)).all()
    assert [relation for relation, _ in kept] == [Relation.SHARES], "the page is linked with what it was glued from"
    assert kept[0].score > 0.7


ONE, TWO = "\n\n".join(FERRIES), "\n\n".join(HARVEST)
# Less than four fifths of either report each.
GLUES = ("\n\n".join((*FERRIES[:3], *HARVEST[:3])), "\n\n".join((*FERRIES[:4], *HARVEST[:2], HARVEST[3])))


@pytest.mark.parametrize(
    "order",
    [
        (ONE, *GLUES, TWO),
        (TWO, *GLUES, ONE),
        (*GLUES, ONE, TWO),
        (*GLUES, TWO, ONE),
        (GLUES[1], ONE, GLUES[0], TWO),
        (ONE, TWO, *GLUES),
        (ONE, GLUES[0], TWO),
        (GLUES[0], TWO, ONE),
    ],
)
def test_two_pages_with_parts_of_two_reports_bring_neither_under_the_other(
    engine: Engine, order: tuple[str, ...]
) -> None:
    """In whatever order they come, and after second looks, the sweep and deciding again (P25)."""
    ids = store_all(engine, *order)
    look_again(engine, ids)
    sweep_looks(engine, at(3600))
    found = dict(zip(order, clusters_of(engine), strict=True))
    assert found[ONE] != found[TWO]
    list(recluster(engine, anew=True))
    again = dict(zip(order, clusters_of(engine), strict=True))
    assert again[ONE] != again[TWO]


def test_two_clusters_of_one_report_meet_in_a_story_that_belongs_to_both(engine: Engine) -> None:
    first, second = store_all(engine, TEXT, COPY)
    stand_apart(engine, second)
    with engine.begin() as connection:
        connection.execute(schema.second_looks.delete())
    third = COPY.replace("on Tuesday", "next Tuesday")
    announce(engine, [entry(9, site="s9.example")], feed="https://s9.example/feed.xml")
    (claim,) = claim_all(engine)
    stored = store(engine, claim, record(third))
    assert stored is not None
    assert len(set(clusters_of(engine))) == 2
    assert look_again(engine, [stored.story_id or 0]) == 1
    assert len(set(clusters_of(engine))) == 1
    with engine.connect() as connection:
        moves = connection.execute(select(schema.cluster_moves.c.linked_story_id, schema.cluster_moves.c.cause)).all()
        assert copies.looks_of(connection, [first, second, stored.story_id or 0]) == []
    assert set(moves) == {(stored.story_id, MoveCause.SECOND_LOOK)}


def test_a_batch_finds_in_itself_what_sql_would_find(engine: Engine) -> None:
    """Each text is asked for twice: as the batch knows it, and by SQL after the earlier ones were stored."""
    texts = [TEXT, OTHER, COPY, FOLLOW_UP, OTHER.replace("Friday", "Saturday"), TEXT.replace("twelve", "ten")]
    wanted = [Wanted(anchors(text), text, f"s{n}.example", None) for n, text in enumerate(texts)]
    store_all(engine, TEXT.replace("on Sunday", "on Monday"))
    announce(engine, [entry(n, site=f"t{n}.example") for n in range(len(texts))], feed="https://t.example/feed.xml")
    claims = claim_all(engine)
    joined = []
    with engine.begin() as connection:
        look = BatchLook(connection, wanted)
        look.hold_ahead([claim.url_id for claim in claims], [])
        for claim, one in zip(claims, wanted, strict=True):
            found = look.find(one)
            assert found == find_copies(connection, one)
            page_id = stories.add_page(connection, claim.url_id, page_ref(claim.url))
            cluster_id = found[0].cluster_id if found[0] else copies.found_cluster(connection, at())
            assert look.may_join(cluster_id) is (found[0] is not None or connection.dialect.name == "sqlite")
            look.note_founded(cluster_id)
            row = {"url_id": claim.url_id, "page_id": page_id, "cluster_id": cluster_id, "site": one.site}
            row |= {"text": one.text, "title": one.title or "", "content_hash": str(claim.url_id), "url": claim.url}
            row |= DEFAULTS
            story_id = insert_id(connection, schema.stories, row)
            copies.index_new(connection, cluster_id, look.open_anchors(one))
            look.note_stored(cluster_id, story_id, one)
            joined.append(found[0] is not None)
    assert joined == [True, False, True, False, True, True]


def test_an_anchor_that_everybody_has_takes_no_more_clusters_from_a_batch_either(engine: Engine) -> None:
    with engine.begin() as connection:
        made = [copies.found_cluster(connection, at()) for _ in range(STOP_ANCHOR_AT)]
        for cluster_id in made:
            copies.index_new(connection, cluster_id, [7])
        look = BatchLook(connection, [Wanted((7, 8), TEXT, None, None)])
        assert look.open_anchors(Wanted((7, 8), TEXT, None, None)) == [8]


def test_the_same_page_under_forty_urls_is_one_story_and_fills_no_index(engine: Engine) -> None:
    announce(engine, [entry(number, site=f"s{number}.example") for number in range(40)])
    ended = [store(engine, claim, record()) for claim in claim_all(engine)]
    assert [item.reason for item in ended if item is not None] == [Reason.NEW, *[Reason.SAME_TEXT] * 39]
    with engine.connect() as connection:
        assert connection.execute(select(func.count()).select_from(schema.story_bands)).scalar_one() == len(
            anchors(TEXT)
        )
