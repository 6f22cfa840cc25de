"""Stories in SQL: nothing doubled, nothing lost, revisions kept (P2, P5, P25). On SQLite and PostgreSQL."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest
from sqlalchemy import Engine, func, select
from store_builders import LEASE_S, TEXT, announce, at, claim_all, entry, page_ref, record, states, store

from pipeline.outcomes import Reason, Relation, Unjudged, UrlState
from pipeline.store import ledger, reports, schema, stories
from pipeline.store.statements import lock_texts
from pipeline.values import DroppedLine, Settlement, Verdict
from workers.second_look import look_again

OTHER = (
    "Fishermen on the western lakes have asked the government to reopen the winter fishery two weeks early after a "
    "mild autumn left the ice too thin for the usual season. The ministry of agriculture said it would decide by "
    "Friday, once its inspectors had counted the stocks in four bays."
)


def read_two(engine: Engine, first: str, second: str) -> list[tuple[UrlState, Reason]]:
    announce(engine, [entry(1, site="one.example"), entry(2, site="two.example")])
    ended = [store(engine, claim, record(text)) for claim, text in zip(claim_all(engine), (first, second), strict=True)]
    return [(item.state, item.reason) for item in ended if item is not None]


def test_a_story_is_stored_with_revision_verdict_acts_and_mentions(engine: Engine) -> None:
    announce(engine, [entry(1)])
    (claim,) = claim_all(engine)
    dropped = [DroppedLine(3, "Related content", "related")]
    ended = store(engine, claim, record(dropped=dropped))
    assert ended is not None
    assert (ended.state, ended.reason) == (UrlState.STORED, Reason.NEW)
    with engine.connect() as connection:
        facts = reports.show_story(connection, ended.story_id or 0)
        explained = reports.explain_url(connection, claim.url_id)
    assert facts is not None
    assert facts["story"]["text"] == TEXT
    assert [row["number"] for row in facts["revisions"]] == [1]
    assert [act["act"] for act in facts["verdict"]["acts"]] == ["arms_aid"]
    assert facts["actors"] == ["UKR"]
    assert explained["dropped"] == [{"position": 3, "line": "Related content", "rule": "related"}]


def test_a_story_in_a_language_without_a_model_has_no_scores_and_says_why(engine: Engine) -> None:
    announce(engine, [entry(1, site="one.example"), entry(2, site="two.example")])
    judged, other = claim_all(engine)
    without = Verdict(model="model-1", language_supported=False, conflict=None, conflict_policy=None, threshold=0.5)
    ended = [store(engine, judged, record()), store(engine, other, replace(record(OTHER), verdict=without))]
    with engine.connect() as connection:
        facts = [reports.show_story(connection, item.story_id or 0) for item in ended if item is not None]
    verdicts = [item["verdict"] for item in facts if item is not None]
    assert [verdict["unjudged"] for verdict in verdicts] == [None, Unjudged.LANG_UNSUPPORTED]
    assert [verdict["conflict_policy"] for verdict in verdicts] == [0.8, None]


def test_the_same_words_on_another_site_are_a_duplicate_and_not_a_story(engine: Engine) -> None:
    assert read_two(engine, TEXT, TEXT.upper()) == [
        (UrlState.STORED, Reason.NEW),
        (UrlState.DUPLICATE, Reason.SAME_TEXT),
    ]
    with engine.connect() as connection:
        link = connection.execute(select(schema.story_links)).one()
    assert (link.relation, link.score) == (Relation.COPY, 1.0)


def test_zero_width_characters_do_not_make_a_duplicate_a_new_story(engine: Engine) -> None:
    poisoned = TEXT.replace("ministry", "min\u200bis\u200dtry")
    assert read_two(engine, TEXT, poisoned)[1] == (UrlState.DUPLICATE, Reason.SAME_TEXT)


def test_an_edited_copy_joins_the_cluster_and_another_story_founds_its_own(engine: Engine) -> None:
    announce(engine, [entry(n, site=f"s{n}.example") for n in range(3)])
    copy = TEXT.replace("on Sunday", "on Sunday evening").replace("late but welcome", "overdue")
    for claim, text in zip(claim_all(engine), (TEXT, copy, OTHER), strict=True):
        store(engine, claim, record(text))
    with engine.connect() as connection:
        clusters = list(connection.execute(select(schema.stories.c.cluster_id).order_by(schema.stories.c.id)).scalars())
    assert clusters[0] == clusters[1] != clusters[2]


def test_a_changed_page_is_a_revision_and_never_a_new_story(engine: Engine) -> None:
    announce(engine, [entry(1)])
    (claim,) = claim_all(engine)
    store(engine, claim, record())
    with engine.begin() as connection:
        ledger.requeue(connection, at(), url_ids=[claim.url_id])
    (again,) = claim_all(engine, "again")
    ended = store(engine, again, record(TEXT.replace("twelve", "eighteen")))
    assert ended is not None
    assert ended.reason is Reason.REVISED
    with engine.connect() as connection:
        assert [row["number"] for row in reports.list_revisions(connection, ended.story_id or 0)] == [1, 2]
        assert connection.execute(select(func.count()).select_from(schema.stories)).scalar_one() == 1
        current = connection.execute(select(schema.verdicts.c.revision).where(schema.verdicts.c.is_current)).all()
    assert current == [(2,)]


def test_an_unchanged_page_makes_no_revision(engine: Engine) -> None:
    announce(engine, [entry(1)])
    (claim,) = claim_all(engine)
    store(engine, claim, record())
    with engine.begin() as connection:
        ledger.requeue(connection, at(), url_ids=[claim.url_id])
    (again,) = claim_all(engine, "again")
    ended = store(engine, again, record())
    assert ended is not None
    assert ended.reason is Reason.UNCHANGED
    with engine.connect() as connection:
        assert connection.execute(select(func.count()).select_from(schema.revisions)).scalar_one() == 1


def test_a_story_revised_to_the_words_of_another_keeps_its_history(engine: Engine) -> None:
    announce(engine, [entry(1, site="one.example"), entry(2, site="two.example")])
    first, second = claim_all(engine)
    store(engine, first, record(TEXT))
    store(engine, second, record(OTHER))
    with engine.begin() as connection:
        ledger.requeue(connection, at(), url_ids=[second.url_id])
    (again,) = claim_all(engine, "again")
    ended = store(engine, again, record(TEXT))
    assert ended is not None
    assert ended.reason is Reason.REVISED
    with engine.connect() as connection:
        assert connection.execute(select(func.count()).select_from(schema.fingerprints)).scalar_one() == 2


def test_a_canonical_link_makes_a_duplicate_only_of_a_near_copy(engine: Engine) -> None:
    announce(engine, [entry(1), entry(2), entry(3, site="outlet.example")])
    home = "https://outlet.example/story/1"
    first, second = claim_all(engine)
    store(engine, first, record(TEXT))
    copy = store(engine, second, record(TEXT.replace("on Sunday", "late on Sunday"), canonical_url=home))
    (third,) = claim_all(engine, "third")
    other = store(engine, third, record(OTHER, canonical_url=home))
    assert copy is not None
    assert other is not None
    assert (copy.state, copy.reason) == (UrlState.DUPLICATE, Reason.SAME_CANONICAL)
    assert other.reason is Reason.NEW


@pytest.mark.parametrize("is_home_first", [True, False])
def test_the_amp_and_mobile_forms_of_a_page_are_one_story_by_its_canonical_link(
    engine: Engine, is_home_first: bool
) -> None:
    """What their paths and hosts don't tell, the page says; its renditions never have quite the same words."""
    home = "https://www.outlet.example/story/7"
    forms = [home, "https://www.outlet.example/story/7/amp/", "https://m.outlet.example/story/7"]
    if not is_home_first:
        forms.reverse()
    ended = []
    for number, url in enumerate(forms):
        announce(engine, [entry(number, url=url)])
        (claim,) = claim_all(engine, f"token-{number}")
        words = TEXT.replace("on Sunday", ("on Sunday", "late on Sunday", "early on Sunday")[number])
        ended.append(store(engine, claim, record(words, canonical_url=home)))
    assert [one and one.reason for one in ended] == [Reason.NEW, Reason.SAME_CANONICAL, Reason.SAME_CANONICAL]
    with engine.connect() as connection:
        assert connection.execute(select(func.count()).select_from(schema.stories)).scalar_one() == 1


def test_a_paused_worker_that_wakes_up_stores_nothing(engine: Engine) -> None:
    announce(engine, [entry(1)])
    (paused,) = claim_all(engine, "paused")
    with engine.begin() as connection:
        ledger.take_back_expired(connection, at(LEASE_S + 1), LEASE_S, 5)
    (fresh,) = claim_all(engine, "fresh", at(LEASE_S + 1))
    assert store(engine, fresh, record()) is not None
    assert store(engine, paused, record(OTHER)) is None
    with engine.connect() as connection:
        assert connection.execute(select(schema.stories.c.text)).scalar_one() == TEXT


def test_reading_again_replaces_the_text_without_a_revision(engine: Engine) -> None:
    announce(engine, [entry(1)])
    (claim,) = claim_all(engine)
    ended = store(engine, claim, record(TEXT + "\n\nRelated content"))
    assert ended is not None
    assert ended.story_id is not None
    with engine.begin() as connection:
        assert stories.replace_reading(connection, ended.story_id, record(TEXT, reader="reader-2"), at(5))
        assert not stories.replace_reading(connection, ended.story_id, record(TEXT, reader="reader-2"), at(6))
    with engine.connect() as connection:
        rows = reports.list_revisions(connection, ended.story_id)
    assert [(row["number"], row["text"]) for row in rows] == [(1, TEXT)]


def settle_at_once(engine: Engine, texts: list[str]) -> list[int]:
    """Each text by a thread of its own, all at the same moment, as a worker does; the stories of all of them."""
    announce(engine, [entry(n, site=f"s{n}.example") for n in range(len(texts))])
    claims = claim_all(engine)
    barrier = threading.Barrier(len(claims))

    def settle(number: int) -> None:
        claim, what = claims[number], record(texts[number])
        barrier.wait()
        with engine.begin() as connection:
            lock_texts(connection, [what.fingerprint.content_hash])
            page_id = stories.add_page(connection, claim.url_id, page_ref(claim.url))
            stored = stories.store_record(connection, claim, page_id, claim.url, what, at())
            ledger.settle(connection, claim, Settlement(stored.state, stored.reason), at(), stored.story_id)
        ended.append(stored.story_id or 0)

    ended: list[int] = []
    threads = [threading.Thread(target=settle, args=(number,)) for number in range(len(claims))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return ended


def test_sixteen_copies_settled_at_once_end_in_one_cluster(engine: Engine) -> None:
    """They may not see each other when they are stored; the second looks, in any order, find them."""
    ended = settle_at_once(engine, [TEXT.replace("twelve", f"twelve ({number})") for number in range(16)])
    assert states(engine) == {UrlState.STORED: 16}
    for _ in range(3):  # a cluster that another merge holds is left for the next turn
        look_again(engine, ended)
    with engine.connect() as connection:
        assert len(connection.execute(select(schema.stories.c.cluster_id).distinct()).all()) == 1
        assert connection.execute(select(func.count()).select_from(schema.second_looks)).scalar_one() == 0


def test_one_text_stored_sixteen_times_at_once_is_one_story(engine: Engine) -> None:
    settle_at_once(engine, [TEXT] * 16)
    assert states(engine) == {UrlState.STORED: 1, UrlState.DUPLICATE: 15}
