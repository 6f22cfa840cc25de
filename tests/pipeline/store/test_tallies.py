"""What is counted beforehand equals what a GROUP BY over the stories and URLs says, whatever happened in between."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rows import NOW, add_copy, add_feed, add_place, add_poll, add_story, add_url
from sqlalchemy import Connection, Engine, delete, select, text, update

from pipeline.outcomes import PolicyType, Reason, UrlState
from pipeline.store.dialects import day_of, days_ago, hour_of, seconds_between
from pipeline.store.facts import keep_facts
from pipeline.store.schema import feeds, stories, story_links, urls
from pipeline.store.tallies import TALLIES, fold_tallies, rebuild_tallies
from pipeline.store.verdicts import keep_verdict, pool_cluster
from pipeline.values import ActScore, Mention, PlaceMention, Verdict

CURRENT = "LEFT JOIN story_verdicts ON story_verdicts.story_id = stories.id"
FEED = "LEFT JOIN feeds ON feeds.id = stories.feed_id"


def raw_queries(dialect: str) -> dict[str, str]:
    """Each counting view, and the same question asked of the tables that hold the truth."""
    source, language = "coalesce(feeds.source, stories.site)", "coalesce(stories.language, 'und')"
    counts = (
        "count(*), sum(CASE WHEN is_conflict THEN 1 ELSE 0 END), sum(CASE WHEN is_conflict_policy THEN 1 ELSE 0 END)"
    )
    hour, day = hour_of(dialect, "stored_at"), day_of(dialect, "stored_at")
    act_day = day_of(dialect, "coalesce(published_at, stored_at)")
    policy = "FROM stories JOIN story_verdicts ON story_verdicts.story_id = stories.id AND is_conflict_policy"
    acts = f"{policy} JOIN story_acts ON story_acts.story_id = stories.id"
    named = "JOIN (SELECT DISTINCT story_id, actor, kind FROM mentions) AS named ON named.story_id = stories.id"
    return {
        "volume_hourly": f"""SELECT {hour}, {source}, {language}, {counts}
            FROM stories {CURRENT} {FEED} GROUP BY {hour}, {source}, {language}""",
        "volume_daily": f"""SELECT {day}, {source}, {language}, {counts}
            FROM stories {CURRENT} {FEED} GROUP BY {day}, {source}, {language}""",
        "policy_acts": f"""SELECT {act_day}, act, actor, named.kind, stories.id, {source}, {language}, stored_at, score
            {acts} LEFT {named} {FEED}""",
        "stories_by_act": f"""SELECT act, actor, stories.id, stories.cluster_id, stored_at, {language}
            {policy} JOIN (SELECT story_id, act FROM story_acts UNION SELECT id, '' FROM stories) AS done
                ON done.story_id = stories.id
            JOIN (SELECT story_id, actor FROM mentions UNION SELECT id, '' FROM stories) AS named
                ON named.story_id = stories.id""",
        "policy_acts_daily": f"""SELECT {act_day}, act, actor, {language}, count(DISTINCT stories.id)
            {acts} {named} GROUP BY {act_day}, act, actor, {language}""",
        "acts_daily": f"""SELECT {act_day}, act, {language}, count(DISTINCT stories.id)
            {acts} GROUP BY {act_day}, act, {language}""",
        "actors_daily": f"""SELECT {act_day}, actor, {language}, count(DISTINCT stories.id)
            {policy} {named} GROUP BY {act_day}, actor, {language}""",
        "volume_by_source": f"""SELECT {day}, {source}, {counts}
            FROM stories {CURRENT} {FEED} GROUP BY {day}, {source}""",
        "volume_by_language": f"""SELECT {day}, {language}, {counts}
            FROM stories {CURRENT} {FEED} GROUP BY {day}, {language}""",
        "acts_by_day": f"""SELECT {act_day}, act, actor, count(DISTINCT stories.id)
            {acts} {named} GROUP BY {act_day}, act, actor
            UNION ALL SELECT {act_day}, act, NULL, count(DISTINCT stories.id) {acts} GROUP BY {act_day}, act
            UNION ALL SELECT {act_day}, NULL, actor, count(DISTINCT stories.id)
            {policy} {named} GROUP BY {act_day}, actor""",
        "policy_places": f"""SELECT {act_day}, named.name, country, latitude, longitude,
            stories.id, {source}, {language}, stored_at, acts, actors
            {policy} JOIN (
                SELECT DISTINCT story_id, name, country, latitude, longitude FROM place_mentions
            ) AS named ON named.story_id = stories.id {FEED}
            JOIN (SELECT story_id, acts, actors FROM story_facts) AS facts ON facts.story_id = stories.id""",
        "places_by_day": f"""SELECT {act_day}, named.name, country, latitude, longitude, count(*)
            {policy} JOIN (
                SELECT DISTINCT story_id, name, country, latitude, longitude FROM place_mentions
            ) AS named ON named.story_id = stories.id
            GROUP BY {act_day}, named.name, country, latitude, longitude""",
        "places_daily": f"""SELECT {act_day}, named.place, country, latitude, longitude, act, tag,
            count(DISTINCT stories.id)
            {policy} JOIN (
                SELECT story_id, name AS place, country, latitude, longitude FROM place_mentions
                UNION SELECT story_id, '', country, CAST(NULL AS double precision), CAST(NULL AS double precision)
                FROM place_mentions
            ) AS named ON named.story_id = stories.id
            JOIN (SELECT id AS story_id, '' AS act FROM stories UNION SELECT story_id, act FROM story_acts) AS acted
            ON acted.story_id = stories.id
            JOIN (SELECT id AS story_id, '' AS tag FROM stories UNION SELECT id, {language} FROM stories) AS tagged
            ON tagged.story_id = stories.id
            GROUP BY {act_day}, named.place, country, latitude, longitude, act, tag""",
        # The first story and the instants as plain SQL has them; titles and origins hang on these.
        "(SELECT cluster_id, first_story_id, first_seen_at, last_seen_at, stories, copies, sites FROM story_clusters)"
        " AS carried": """SELECT cluster_id, min(story_id), min(seen_at), max(seen_at), count(DISTINCT story_id),
            count(DISTINCT CASE WHEN story_id IS NULL THEN url_id END), count(DISTINCT site)
            FROM (
                SELECT cluster_id, url_id, site, stored_at AS seen_at, id AS story_id FROM stories
                WHERE cluster_id IS NOT NULL
                UNION ALL
                SELECT stories.cluster_id, story_links.url_id, urls.site, story_links.linked_at, NULL FROM story_links
                JOIN stories ON stories.id = story_links.matched_story_id
                JOIN urls ON urls.id = story_links.url_id
                WHERE story_links.relation = 'copy' AND stories.cluster_id IS NOT NULL
            ) AS members GROUP BY cluster_id""",
        "pipeline_funnel": "SELECT state, reason, count(*), min(announced_at) FROM urls GROUP BY state, reason",
    }


def rows_of(connection: Connection, query: str) -> list[tuple[Any, ...]]:
    return sorted((tuple(row) for row in connection.execute(text(query))), key=str)


def assert_views_are_right(connection: Connection) -> None:
    dialect = connection.dialect.name
    for view, raw in raw_queries(dialect).items():
        assert rows_of(connection, f"SELECT * FROM {view}") == rows_of(connection, raw), view
    counted = {row.day: row for row in connection.execute(text("SELECT * FROM latency"))}
    assert set(counted) == {row[0] for row in rows_of(connection, "SELECT DISTINCT day FROM volume_daily")}
    for since in ("published", "announced"):
        waited = f"""SELECT {day_of(dialect, "stored_at")}, {seconds_between(dialect, f"{since}_at", "stored_at")}
            FROM stories WHERE {since}_at IS NOT NULL"""
        by_day: dict[Any, list[float]] = {}
        for day, seconds in connection.execute(text(waited)):
            by_day.setdefault(day, []).append(seconds)
        for day, found in by_day.items():
            assert getattr(counted[day], "stories" if since == "announced" else "dated_stories") == len(found)
            for percent in (50, 95):
                exact = sorted(found)[(len(found) * percent + 99) // 100 - 1]
                said = getattr(counted[day], f"{since}_p{percent}_s")
                assert exact <= said <= exact + max(1.0, abs(exact) / 32), (since, percent)


def verdict(is_policy: bool, acts: list[str], actors: list[str], places: Sequence[Any] = ()) -> Verdict:
    score = 0.9 if is_policy else 0.1
    return Verdict(
        model="model-2",
        language_supported=True,
        conflict=score,
        conflict_policy=score,
        threshold=0.5,
        acts=tuple(ActScore(PolicyType(act), 0.5) for act in acts if is_policy),
        mentions=tuple(Mention(actor, "state", "title", 0, 1, actor) for actor in actors),
        places=tuple(PlaceMention(name, "UKR", latitude, 30.5, "title", 0, 1, name) for name, latitude in places),
    )


ACTS = st.lists(st.sampled_from(["force", "talks", "arms_aid"]), unique=True, max_size=2)
PLACES = st.lists(st.sampled_from([("Kyiv", 50.4), ("Donbas", None), ("Aden", 12.8)]), max_size=3)
ACTORS = st.lists(st.sampled_from(["USA", "UKR", "FRA"]), max_size=4)
STEPS = st.one_of(
    st.tuples(
        st.just("store"), st.integers(0, 3), st.sampled_from(["en", "pl", None]), st.integers(0, 30),
        st.integers(-50_000, 400_000) | st.none(), st.booleans(), ACTS, ACTORS, PLACES,
    ),
    st.tuples(st.just("judge"), st.integers(1, 8), st.booleans(), ACTS, ACTORS, PLACES),
    st.tuples(st.just("join"), st.integers(1, 4), st.integers(1, 4)),
    st.tuples(st.just("delete"), st.integers(1, 8)),
    st.tuples(st.just("move"), st.integers(1, 8), st.sampled_from(UrlState), st.sampled_from([None, *Reason][:4])),
    st.tuples(st.just("drop_feed"), st.integers(1, 3)),
    st.tuples(st.just("link"), st.integers(1, 8), st.sampled_from(["copy", "shares"]), st.integers(0, 30)),
    st.tuples(st.just("relate"), st.integers(1, 8), st.sampled_from(["copy", "shares"])),
    st.tuples(st.just("unlink"), st.integers(1, 8)),
    st.tuples(st.just("fold")),
)  # fmt: skip


def nth_link(number: int) -> Any:
    return select(story_links.c.id).order_by(story_links.c.id).limit(1).offset(number - 1).scalar_subquery()


def take(connection: Connection, step: tuple[Any, ...], next_id: int) -> None:
    match step:
        case ("store", feed, language, hours, waited, is_policy, acts, actors, places):
            feed_id = feed if connection.execute(text(f"SELECT 1 FROM feeds WHERE id = {feed}")).scalar() else None
            stored_at = NOW + timedelta(hours=hours)
            add_story(
                connection, next_id, feed_id=feed_id, language=language, stored_at=stored_at,
                announced_at=stored_at - timedelta(seconds=7 * hours + 0.5), site=f"wire{next_id % 2}.example",
                published_at=None if waited is None else stored_at - timedelta(seconds=waited),
                is_conflict_policy=is_policy, acts=dict.fromkeys(acts if is_policy else (), 0.7), actors=actors,
                is_counted=False,
            )  # fmt: skip
            for name, latitude in places:
                add_place(connection, next_id, name=name, latitude=latitude)
            keep_facts(connection, next_id)
        case ("judge", story_id, is_policy, acts, actors, places):
            if connection.execute(text(f"SELECT 1 FROM stories WHERE id = {story_id}")).scalar():
                keep_verdict(connection, story_id, 1, verdict(is_policy, acts, actors, places), NOW)
        case ("join", story_id, cluster_id):
            if connection.execute(text(f"SELECT 1 FROM clusters WHERE id = {cluster_id}")).scalar():
                mine = stories.c.id == story_id
                left = connection.execute(select(stories.c.cluster_id).where(mine)).scalar()
                connection.execute(update(stories).where(mine).values(cluster_id=cluster_id))
                for number in {left or cluster_id, cluster_id}:
                    pool_cluster(connection, number)
        case ("delete", story_id):
            connection.execute(delete(stories).where(stories.c.id == story_id))
        case ("move", url_id, state, reason):
            connection.execute(update(urls).where(urls.c.id == url_id).values(state=state, reason=reason))
        case ("drop_feed", feed_id):
            connection.execute(delete(feeds).where(feeds.c.id == feed_id))
        case ("link", story_id, relation, hours):
            if connection.execute(text(f"SELECT 1 FROM stories WHERE id = {story_id}")).scalar():
                add_url(connection, 100 + next_id, site=f"mirror{next_id % 2}.example", state=UrlState.DUPLICATE)
                add_copy(connection, 100 + next_id, story_id, relation=relation, linked_at=NOW + timedelta(hours=hours))
        case ("relate", number, relation):
            connection.execute(
                update(story_links).where(story_links.c.id == nth_link(number)).values(relation=relation)
            )
        case ("unlink", number):
            connection.execute(delete(story_links).where(story_links.c.id == nth_link(number)))
        case ("fold",):
            fold_tallies(connection, at_least=1)


SHARED = [HealthCheck.function_scoped_fixture]


@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=SHARED)
@given(steps=st.lists(STEPS, min_size=4, max_size=14))
def test_every_count_equals_the_group_by_after_any_series_of_changes(
    engine: Engine, steps: list[tuple[Any, ...]]
) -> None:
    with engine.connect() as connection, connection.begin() as transaction:
        if engine.dialect.name == "postgresql":
            # rows.py gives verdicts ids of its own, which the sequence does not know of.
            connection.execute(text("SELECT setval('verdicts_id_seq', 1000)"))
        for feed_id in (1, 2, 3):
            add_feed(connection, feed_id)
        for next_id, step in enumerate(steps, start=1):
            take(connection, step, next_id)
        assert_views_are_right(connection)
        fold_tallies(connection, at_least=1)
        assert_views_are_right(connection)
        rebuild_tallies(connection)
        assert_views_are_right(connection)
        transaction.rollback()


def test_a_pooled_verdict_counts_for_every_story_of_its_report(engine: Engine) -> None:
    with engine.begin() as connection:
        add_story(connection, 1, is_conflict_policy=True, acts={"talks": 0.7})
        add_story(connection, 2, is_conflict_policy=True, acts={"force": 0.7}, cluster_id=1)
        facts = text("SELECT story_id, is_conflict_policy, acts FROM story_facts ORDER BY story_id")
        for score, said in ((0.95, True), (0.001, False), (0.95, True)):
            keep_verdict(connection, 2, 1, replace(verdict(True, ["force"], []), conflict_policy=score), NOW)
            assert [bool(row.is_conflict_policy) for row in connection.execute(facts)] == [said, said]
            assert_views_are_right(connection)
        assert [row.acts for row in connection.execute(facts)] == ["talks, force"] * 2


def health_of(connection: Connection) -> dict[int, tuple[Any, ...]]:
    """What `source_health` counts of each feed, asked of the polls themselves."""
    dialect = connection.dialect.name
    since = day_of(dialect, days_ago(dialect, 14))
    day = day_of(dialect, "polled_at")
    polls = connection.execute(
        text(f"SELECT feed_id, polled_at, new_urls, lost_estimate FROM feed_polls WHERE {day} >= {since}")
    )
    by_feed: dict[int, list[Any]] = {}
    for row in polls:
        by_feed.setdefault(row.feed_id, []).append(row)
    found = {}
    for feed_id, rows in by_feed.items():
        instants = sorted(datetime.fromisoformat(str(row.polled_at)) for row in rows if row.new_urls)
        gaps = [(later - earlier).total_seconds() for earlier, later in pairwise(instants)]
        lost = [row.lost_estimate for row in rows if row.lost_estimate is not None]
        usual = (pytest.approx(sum(gaps) / len(gaps)), max(gaps)) if len(gaps) >= 3 else (None, None)
        found[feed_id] = (len(rows), sum(row.new_urls for row in rows), len(lost), sum(lost), *usual)
    return found


@settings(max_examples=10, deadline=None, derandomize=True, suppress_health_check=SHARED)
@given(
    polls=st.lists(
        st.tuples(
            st.integers(1, 2), st.integers(1, 500_000), st.sampled_from([0, 0, 2]), st.sampled_from([None, None, 4])
        ),
        max_size=25,
    )
)
def test_health_counted_by_day_equals_what_the_polls_say(engine: Engine, polls: list[tuple[Any, ...]]) -> None:
    with engine.connect() as connection, connection.begin() as transaction:
        for feed_id in (1, 2):
            add_feed(connection, feed_id)
        at = datetime.now(UTC) - timedelta(days=18)
        for feed_id, seconds, new_urls, lost in polls:
            at = min(at + timedelta(seconds=seconds), datetime.now(UTC))
            add_poll(connection, feed_id, at, new_urls=new_urls, lost_estimate=lost)
        counts = "polls, new_urls, gaps, lost_estimate, usual_gap_s, longest_gap_s"
        asked = text(f"SELECT feed_id, {counts} FROM source_health WHERE polls > 0")
        for count in (lambda: None, lambda: rebuild_tallies(connection)):
            count()
            assert {row[0]: tuple(row[1:]) for row in connection.execute(asked)} == health_of(connection)
        transaction.rollback()


def test_a_recount_mends_what_somebody_broke(engine: Engine) -> None:
    with engine.begin() as connection:
        add_story(connection, 1, acts={"talks": 0.9}, actors=["USA"])
        add_url(connection, 2)
        for table in TALLIES:
            connection.execute(delete(table))
        assert rows_of(connection, "SELECT * FROM volume_hourly") == []
        assert rebuild_tallies(connection) == 1
        assert_views_are_right(connection)


def test_folding_leaves_one_row_for_each_key_and_waits_until_it_is_worth_it(engine: Engine) -> None:
    with engine.begin() as connection:
        for number in range(1, 7):
            add_story(connection, number, acts={"talks": 0.9}, actors=["USA"])
        assert fold_tallies(connection) == 0
        assert fold_tallies(connection, at_least=5) > 0
        rows = {table.name: connection.execute(table.select()).all() for table in TALLIES}
        assert {name: len(found) for name, found in rows.items()} == {
            "hour_tallies": 1, "day_tallies": 1, "latency_tallies": 1, "act_tallies": 3, "place_tallies": 0,
            "url_tallies": 1,
        }  # fmt: skip
        assert fold_tallies(connection, at_least=1) == 0
        assert_views_are_right(connection)


def test_a_story_that_goes_takes_its_counts_along(engine: Engine) -> None:
    with engine.begin() as connection:
        add_story(connection, 1, acts={"talks": 0.9}, actors=["USA"])
        fold_tallies(connection, at_least=1)
        connection.execute(delete(stories))
        connection.execute(delete(urls))
        assert_views_are_right(connection)
        assert rows_of(connection, "SELECT * FROM volume_hourly") == []
        fold_tallies(connection, at_least=1)
        assert [connection.execute(table.select()).all() for table in TALLIES] == [[]] * len(TALLIES)


def test_writers_on_postgresql_count_beside_one_another_and_beside_a_fold(postgres_url: str) -> None:
    from workers.database import open_engine

    engine = open_engine(postgres_url)
    with engine.begin() as connection:
        for number in range(1, 201):
            add_url(connection, number)
    faults: list[BaseException] = []

    def move(first: int, states: list[UrlState]) -> None:
        try:
            for state in states * 5:
                with engine.begin() as connection:
                    mine = urls.c.id.between(first, first + 49)
                    connection.execute(update(urls).where(mine).values(state=state))
                    fold_tallies(connection, at_least=1)
        except BaseException as fault:
            faults.append(fault)

    orders = [[UrlState.QUEUED, UrlState.CLAIMED, UrlState.STORED], [UrlState.STORED, UrlState.CLAIMED, UrlState.DEAD]]
    threads = [threading.Thread(target=move, args=(1 + 50 * n, orders[n % 2])) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    with engine.begin() as connection:
        assert_views_are_right(connection)
    engine.dispose()


@pytest.mark.parametrize("seconds", [0, 1, 63, 64, 65, 127, 130, 3_601, 86_400, 40_000_000, -1, -200])
def test_a_wait_is_rounded_up_by_a_thirty_second_part_at_most(engine: Engine, seconds: int) -> None:
    with engine.begin() as connection:
        add_story(connection, 1, published_at=NOW - timedelta(seconds=seconds))
        kept = connection.execute(text("SELECT published_s FROM story_facts")).scalar_one()
    assert seconds <= kept <= seconds + max(0, abs(seconds) / 32)
