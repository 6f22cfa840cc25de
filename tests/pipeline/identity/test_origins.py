"""Which story of a report is its origin, and how many don't derive from one another: claims only take away."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from pipeline.identity.origins import Origins, Telling, decide_origins
from pipeline.identity.sources import cited_source
from pipeline.outcomes import CreditPlace, OriginKind
from pipeline.values import Credit

T0 = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def credit(name: str) -> Credit:
    source = cited_source(name)
    assert source is not None
    return Credit(source.key, source.name, source.is_agency, CreditPlace.BYLINE, f"By {name}")


def telling(
    story: int,
    site: str,
    *credits: str,
    cluster: int = 1,
    minutes: float | None = None,
    took: Sequence[int] = (),
    is_twin: bool = False,
) -> Telling:
    """A story told as many minutes after T0 as its number, unless said otherwise, and seen by its number."""
    told_at = T0 + timedelta(minutes=story if minutes is None else minutes)
    seen_at = T0 + timedelta(hours=1, minutes=story)
    claims = tuple(credit(name) for name in credits)
    return Telling(story, cluster, site, told_at, seen_at, claims, tuple(took), is_twin)


def shown(decided: Origins, story: int) -> tuple[OriginKind, str | None, int | None]:
    origin = decided.of_story[story]
    return origin.kind, origin.name, origin.story_id


def test_one_agency_report_in_five_outlets_has_one_origin_and_each_story_names_it() -> None:
    copies = [telling(n, f"outlet{n}.example", *(["Reuters"] if n % 2 else [])) for n in range(2, 6)]
    decided = decide_origins([telling(1, "reuters.com"), *copies])
    assert decided.independent == 1
    assert shown(decided, 1) == (OriginKind.OWN, "Reuters", 1)
    assert shown(decided, 3) == (OriginKind.AGENCY, "Reuters", 1)
    assert shown(decided, 4) == (OriginKind.COPY, "Reuters", 1)


def test_an_agency_that_is_not_stored_is_named_without_a_story() -> None:
    decided = decide_origins([telling(1, "outlet1.example", "AFP"), telling(2, "outlet2.example")])
    assert shown(decided, 1) == (OriginKind.AGENCY, "AFP", None)
    assert shown(decided, 2) == (OriginKind.COPY, "outlet1.example", 1)


def test_the_earliest_story_is_the_origin_of_those_that_name_none_whatever_was_read_first() -> None:
    decided = decide_origins([telling(1, "late.example", minutes=30), telling(2, "early.example", minutes=5)])
    assert shown(decided, 1) == (OriginKind.COPY, "early.example", 2)
    assert shown(decided, 2) == (OriginKind.OWN, "early.example", 2)


def test_three_reports_in_words_of_their_own_are_three_origins() -> None:
    decided = decide_origins([telling(n, f"outlet{n}.example", cluster=n) for n in (1, 2, 3)])
    assert (decided.independent, decided.of_cluster) == (3, {1: 1, 2: 1, 3: 1})


@pytest.mark.parametrize("held", [True, False], ids=["its story is stored", "its story is not stored"])
def test_two_reports_that_cite_one_outlet_are_one_origin(held: bool) -> None:
    citing = [
        telling(2, "outlet2.example", "Politico", cluster=2),
        telling(3, "outlet3.example", "Politico", cluster=3),
    ]
    own = [telling(1, "politico.com", cluster=1)] if held else []
    decided = decide_origins([*own, *citing])
    assert decided.independent == 1
    assert shown(decided, 2) == (OriginKind.OUTLET, "Politico", 1 if held else None)


def test_a_report_does_not_derive_from_an_outlet_that_told_it_later() -> None:
    decided = decide_origins(
        [telling(1, "outlet1.example", "Politico", cluster=1), telling(2, "politico.com", cluster=2)]
    )
    assert decided.independent == 2
    assert shown(decided, 1) == (OriginKind.OUTLET, "Politico", None)


def test_two_agencies_on_their_own_sites_are_two_origins_even_of_one_text() -> None:
    decided = decide_origins([telling(1, "apnews.com"), telling(2, "reuters.com"), telling(3, "outlet.example", "AP")])
    assert decided.independent == decided.of_cluster[1] == 2
    assert shown(decided, 3) == (OriginKind.AGENCY, "Associated Press", 1)


def test_an_agency_that_credits_another_is_no_second_origin() -> None:
    assert decide_origins([telling(1, "apnews.com"), telling(2, "pap.pl", "AP")]).independent == 1


def test_an_agencys_page_with_the_same_words_proves_whose_they_are() -> None:
    decided = decide_origins([telling(1, "outlet.example"), telling(1, "afp.com", minutes=9, is_twin=True)])
    assert shown(decided, 1) == (OriginKind.AGENCY, "AFP", None)
    assert decided.independent == 1


def test_one_outlet_with_two_reports_is_one_origin() -> None:
    assert decide_origins([telling(n, "outlet.example", cluster=n) for n in (1, 2)]).independent == 1


def test_a_follow_up_is_no_second_origin() -> None:
    follow_up = telling(2, "outlet2.example", cluster=2, took=[1])
    assert decide_origins([telling(1, "outlet1.example"), follow_up]).independent == 1


def test_agencies_that_name_one_another_are_not_none() -> None:
    circle = [telling(1, "apnews.com", "Reuters", cluster=1), telling(2, "reuters.com", "AP", cluster=2)]
    assert decide_origins(circle).independent == 1


def test_no_story_no_origin() -> None:
    assert decide_origins([]).independent == 0


SITES = ["reuters.com", "apnews.com", "politico.com", *(f"outlet{n}.example" for n in range(6))]
NAMES = ["Reuters", "AP", "AFP", "Politico", "The Border Courier"]


def some_tellings(chance: random.Random) -> list[Telling]:
    return [
        telling(
            n, chance.choice(SITES), *chance.sample(NAMES, chance.choice([0, 0, 1, 2])), cluster=chance.randint(1, 5)
        )
        for n in range(1, chance.randint(2, 9))
    ]


@pytest.mark.parametrize("seed", range(300))
def test_a_hostile_copy_raises_no_count_whatever_it_claims(seed: int) -> None:
    chance = random.Random(seed)
    honest = some_tellings(chance)
    target = chance.choice(honest).cluster_id
    hostile = telling(
        99,
        "evil.example",
        *chance.sample(NAMES, chance.randint(0, 4)),
        cluster=target,
        minutes=chance.choice([-500, 99]),
    )
    assert decide_origins([*honest, hostile]).independent <= decide_origins(honest).independent


@pytest.mark.parametrize("seed", range(300))
def test_a_page_that_claims_counts_no_more_than_one_that_claims_nothing(seed: int) -> None:
    chance = random.Random(seed)
    honest = some_tellings(chance)
    claims = chance.sample(NAMES, chance.randint(1, 4))
    silent, loud = (telling(99, "evil.example", *names, cluster=77) for names in ([], claims))
    assert decide_origins([*honest, loud]).independent <= decide_origins([*honest, silent]).independent


@pytest.mark.parametrize("seed", range(50))
def test_the_order_of_the_stories_is_of_no_matter(seed: int) -> None:
    chance = random.Random(seed)
    tellings = some_tellings(chance)
    assert decide_origins(tellings) == decide_origins(chance.sample(tellings, len(tellings)))
