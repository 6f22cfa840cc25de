"""Names by day and language, places, codes in other vocabularies, pooled verdicts, drift and the review queue."""

from __future__ import annotations

import tomllib
from datetime import UTC, date, datetime
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.judging import drift, judge_story, rules_version
from pipeline.judging.codes import SCHEMES, act_codes, codes_of, ninjs_subjects
from pipeline.judging.gazetteer import NAME_LANGUAGES, actors_in
from pipeline.judging.naming import mentions_in, sentences_of
from pipeline.judging.places import places_in
from pipeline.judging.pooling import StoryScores, pool, pooled_score
from pipeline.judging.reviewing import ACT_KEYS, CHANCE_EVERY, Candidate, Drawn, Label, plan_review, uncertainty
from pipeline.judging.tokens import sentences
from pipeline.outcomes import PolicyType
from pipeline.values import ActScore, SubjectCode


def actors(text: str, day: date | None = None, language: str = "en") -> list[str]:
    return [m.actor for m in mentions_in(sentences_of(text, "", "", None), language, day)]


def places(text: str, *states: str, language: str = "en") -> list[str]:
    return [m.name for m in places_in(sentences_of(text, "", "", None), language, set(states))]


@pytest.mark.parametrize(
    ("name", "day", "expected"),
    [
        ("Biden", date(2024, 5, 31), ["USA"]),
        ("Biden", date(2025, 1, 20), ["USA"]),
        ("Biden", date(2025, 1, 21), []),
        ("Trump", date(2024, 5, 31), []),
        ("Trump", date(2025, 5, 31), ["USA"]),
        ("Johnson spoke for Boris Johnson", date(2018, 7, 31), ["GBR"]),
        ("Boris Johnson", date(2018, 8, 1), []),
        ("Putin", date(2003, 1, 1), ["RUS"]),
        ("Biden", None, ["USA"]),
    ],
)
def test_a_person_is_a_state_only_in_office(name: str, day: date | None, expected: list[str]) -> None:
    assert actors(name, day) == expected


def test_terms_are_dates_in_order_and_names_their_own() -> None:
    raw = tomllib.loads(files("pipeline.judging").joinpath("data/leaders.toml").read_text("utf-8"))
    for code, people in raw.items():
        assert len(code) == 3
        for names, listed in people.items():
            for span in listed.split(","):
                first, last = span.strip().split("/")
                assert "1960" < first < (last or "9999"), names


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        (
            "pl",
            "Amerykańskie rakiety dla Ukrainy, mówi Zełenski; Rosja grozi NATO",
            ["USA", "UKR", "UKR", "RUS", "NATO"],
        ),
        ("pl", "W Strefie Gazy, w Izraelu i w Korei Północnej", ["PSE", "ISR", "PRK"]),
        ("uk", "Російські війська в Україні, каже Зеленський", ["RUS", "UKR", "UKR"]),
        ("uk", "Хусити обстріляли ізраїльський порт", ["HOUTHI", "ISR"]),
        ("ru", "Путин обсудил с Трампом войну на Украине", ["RUS", "USA", "UKR"]),
        ("ru", "ХАМАС и Израиль, сектор Газа", ["HAMAS", "ISR", "PSE"]),
        (
            "de",
            "Der ukrainische Präsident Selenskyj in Berlin, die Hisbollah und Israel",
            ["UKR", "UKR", "DEU", "HEZBOLLAH", "ISR"],
        ),
        ("fr", "L'Ukraine et l'Otan face aux forces russes", ["UKR", "NATO", "RUS"]),
        ("es", "El Gobierno ucraniano y Hamás, según la ONU", ["UKR", "HAMAS", "UN"]),
    ],
)
def test_names_are_known_in_seven_languages(language: str, text: str, expected: list[str]) -> None:
    assert actors(text, language=language) == expected


@pytest.mark.parametrize("language", NAME_LANGUAGES[1:])
def test_every_listed_state_and_group_is_one_that_english_has_and_its_first_form_is_found(language: str) -> None:
    english = tomllib.loads(files("pipeline.judging").joinpath("data/actors.toml").read_text("utf-8"))
    raw = tomllib.loads(files("pipeline.judging").joinpath(f"data/names.{language}.toml").read_text("utf-8"))
    assert raw["states"].keys() <= english["states"].keys()
    assert raw["groups"].keys() <= english["armed_groups"].keys()
    assert raw["bodies"].keys() <= english["bodies"].keys()
    for code, listed in raw["states"].items():
        first = listed.split(",")[0]
        if "*" not in first:
            (sentence,) = sentences(first)
            assert [span.actor.code for span in actors_in(sentence, language)] == [code]


def test_case_decides_in_other_languages_too() -> None:
    assert actors("us et coutumes, les us", language="fr") == []
    assert actors("Polska i polskie władze", language="pl") == ["POL", "POL"]


def test_the_cameo_form_has_the_role_where_the_name_shows_one() -> None:
    text = "Macron, the Kremlin, the Knesset, France, Hezbollah and NATO"
    found = [m.cameo for m in mentions_in(sentences_of(text, "", "", None), "en", None)]
    assert found == ["FRAGOV", "RUSGOV", "ISRLEG", "FRA", "LBNREBHEZ", "IGOWSTNAT"]


@pytest.mark.parametrize(
    ("text", "states", "expected"),
    [
        ("Shelling hits Bakhmut and Chasiv Yar", (), ["Bakhmut", "Chasiv Yar"]),
        ("Kabul says no", (), []),
        ("Blasts in central Kabul", (), ["Kabul"]),
        ("Aid reaches the Gaza Strip through Rafah", (), ["Gaza Strip", "Rafah"]),
        ("Fighting near Tripoli", ("LBY",), ["Tripoli"]),
        ("Fighting near Tripoli", ("LBN",), ["Tripoli"]),
        ("Fighting near Tripoli", (), []),
        ("Fighting near Tripoli", ("LBN", "LBY"), []),
        ("Edward Lyman said so", (), []),
        ("A frigate crosses the Taiwan Strait", (), ["Taiwan Strait"]),
    ],
)
def test_places_are_named_where_a_place_is_meant(text: str, states: tuple[str, ...], expected: list[str]) -> None:
    assert places(text, *states) == expected


def test_a_place_of_two_countries_lies_where_the_story_is() -> None:
    (libya,) = places_in(sentences_of("Fighting near Tripoli", "", "", None), "en", {"LBY"})
    (lebanon,) = places_in(sentences_of("Fighting near Tripoli", "", "", None), "en", {"LBN"})
    assert (libya.country, round(libya.latitude or 0)) == ("LBY", 33)
    assert (lebanon.country, round(lebanon.longitude or 0)) == ("LBN", 36)


@pytest.mark.parametrize(
    ("language", "text"),
    [("pl", "Walki w Charkowie"), ("uk", "Бої в Харкові"), ("ru", "Бои в Харькове"), ("de", "Kämpfe in Charkiw")],
)
def test_places_are_known_in_other_languages(language: str, text: str) -> None:
    assert places(text, language=language) == ["Kharkiv"]


def test_all_coordinates_lie_on_the_globe_and_countries_have_three_letters() -> None:
    raw = tomllib.loads(files("pipeline.judging").joinpath("data/places.toml").read_text("utf-8"))
    rows = [(code, row) for group in raw.values() for code, listed in group.items() for row in listed]
    assert len(rows) > 500
    for code, row in rows:
        assert len(code) == 3
        assert code.isupper()
        assert len(row) in (1, 3), row
        if len(row) == 3:
            assert -60 < row[1] < 80, row
            assert -130 < row[2] < 180, row


def test_body_mentions_count_from_the_beginning_of_the_text_and_the_lead_is_not_read_twice() -> None:
    text = "Ukraine waits. " + "Nothing moved. " * 120 + "Poland answered."
    verdict = judge_story("Report", None, text, "en", None)
    assert [(m.actor, m.place) for m in verdict.mentions] == [("UKR", "lead"), ("POL", "body")]
    assert text[verdict.mentions[1].start : verdict.mentions[1].end] == "Poland"
    assert verdict.rules == rules_version()


def test_a_story_in_a_language_without_scores_still_names_its_actors() -> None:
    verdict = judge_story("Киев и Москва", None, "Переговоры в Женеве.", "ru", datetime(2024, 5, 31, tzinfo=UTC))
    assert {m.actor for m in verdict.mentions} == {"UKR", "RUS"}


# ------------------------------------------------------------------------------------------------------------- codes


def test_every_act_has_codes_of_every_scheme() -> None:
    for act in PolicyType:
        assert {item.scheme for item in act_codes()[act]} == set(SCHEMES)
    assert all(len(code) == 8 and code.isdigit() for code in codes_of(PolicyType, "medtop"))
    assert all(code.isdigit() and 2 <= len(code) <= 4 for code in codes_of(PolicyType, "cameo"))


def test_codes_of_several_acts_stand_once_in_the_order_of_the_acts() -> None:
    assert codes_of([PolicyType.ARMS_AID, PolicyType.DEPLOY], "medtop") == ("20000598", "20000602", "20000058")
    with pytest.raises(KeyError):
        codes_of([], "no such scheme")


def test_ninjs_subjects_are_ours_with_their_maker_and_the_wires_own_once() -> None:
    sent = [SubjectCode("", "sanctions"), SubjectCode("medtop", "20000642", "economic sanction")]
    assert ninjs_subjects([PolicyType.SANCTION], sent) == [
        {
            "code": "20000642",
            "scheme": "http://cv.iptc.org/newscodes/mediatopic/",
            "creator": "frontwire",
            "name": "economic sanction",
        },
        {"code": "sanctions"},
    ]


# ----------------------------------------------------------------------------------------------------------- pooling


def scores(policy: float | None, *acts: PolicyType) -> StoryScores:
    return StoryScores(policy, policy, 0.36, tuple(ActScore(act, 0.8) for act in acts))


def test_one_story_keeps_its_verdict_to_the_last_digit() -> None:
    pooled = pool([scores(0.123456789, PolicyType.TALKS)])
    assert (pooled.conflict_policy, pooled.stories, pooled.acts) == (0.123456789, 1, ())


def test_one_odd_headline_does_not_decide_and_forty_copies_of_a_weak_report_stay_weak() -> None:
    assert not pool([scores(0.1), scores(0.1), scores(0.5)]).is_conflict_policy
    assert pool([scores(0.9, PolicyType.TALKS), scores(0.9, PolicyType.TALKS), scores(0.2)]).is_conflict_policy
    assert pool([scores(0.3)] * 40).conflict_policy == pytest.approx(0.3)


def test_an_act_stays_if_half_of_the_policy_stories_report_it() -> None:
    members = [
        scores(0.9, PolicyType.TALKS, PolicyType.FORCE),
        scores(0.9, PolicyType.TALKS),
        scores(0.9, PolicyType.TALKS),
    ]
    assert [item.act for item in pool(members).acts] == [PolicyType.TALKS]


def test_stories_that_can_not_be_judged_count_nothing_but_are_counted() -> None:
    pooled = pool([scores(None), scores(0.8, PolicyType.TALKS)])
    assert (pooled.conflict_policy, pooled.stories) == (0.8, 2)
    assert pool([scores(None)]).conflict_policy is None
    with pytest.raises(ValueError, match="no verdict"):
        pool([])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_a_pooled_score_lies_between_the_least_and_the_greatest(values: list[float]) -> None:
    pooled = pooled_score(values)
    assert pooled is not None
    assert min(values) - 2e-6 <= pooled <= max(values) + 2e-6


# ------------------------------------------------------------------------------------------------------------- drift


def test_equal_shares_are_no_distance_and_disjoint_ones_the_greatest() -> None:
    assert drift.distance([10, 20, 0, 0, 0], [100, 200, 0, 0, 0]) == 0
    assert drift.distance([10, 0, 0, 0, 0], [0, 0, 0, 0, 10]) == 4
    assert drift.distance([0] * 5, [1] * 5) is None


def test_a_move_is_flagged_and_chance_in_small_samples_is_not() -> None:
    assert drift.has_moved([100, 50, 30, 20, 100], [600, 100, 50, 30, 20])
    assert not drift.has_moved([100, 50, 30, 20, 15], [600, 300, 180, 120, 90])
    assert not drift.has_moved([10, 2, 2, 2, 13], [20, 4, 2, 1, 1])  # 29 stories


# --------------------------------------------------------------------------------------------------------- reviewing


def candidates(*values: float, source: str = "a.example") -> list[Candidate]:
    return [Candidate(number, source, score, 0.36) for number, score in enumerate(values, start=1)]


def test_the_least_certain_come_first_and_every_fifth_by_chance() -> None:
    planned = plan_review(candidates(0.9, 0.36, 0.02, 0.2, 0.5, 0.99, 0.6, 0.001, 0.1, 0.7), 10)
    assert planned[0][0].score == 0.36
    assert [drawn for _, drawn in planned].count(Drawn.CHANCE) == 10 // CHANCE_EVERY
    assert len({item.story_id for item, _ in planned}) == 10
    steps = [int(2 * uncertainty(item)) for item, drawn in planned if drawn is Drawn.UNCERTAIN]
    assert steps == sorted(steps)


def test_a_busy_source_does_not_fill_the_queue() -> None:
    busy = [Candidate(n, "busy.example", 0.37, 0.36) for n in range(1, 20)]
    planned = plan_review([*busy, Candidate(99, "quiet.example", 0.38, 0.36)], 4)
    assert "quiet.example" in {item.source for item, _ in planned}


def test_a_label_holds_together_and_every_type_has_one_key() -> None:
    assert set(ACT_KEYS.values()) == set(PolicyType)
    assert not set(ACT_KEYS) & {"q"}
    with pytest.raises(ValueError, match="an act at least"):
        Label(True, True)
    with pytest.raises(ValueError, match="only conflict policy"):
        Label(True, False, (PolicyType.TALKS,))
