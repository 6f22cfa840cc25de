"""Words and the headline's order as features."""

from __future__ import annotations

from math import isclose

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.judging.features import Features, features_of
from pipeline.judging.lexicon import lexicon
from pipeline.judging.tags import tags_of
from pipeline.judging.tokens import sentences
from pipeline.judging.words import stem, units_of


def seen(title: str, lead: str = "") -> Features:
    return features_of(title, lead, lexicon("en"))


def units(text: str, language: str = "en") -> list[str]:
    words = lexicon(language)
    return [unit.name for sentence in sentences(text) for unit in units_of(sentence, tags_of(sentence, words), words)]


@pytest.mark.parametrize(
    ("words", "shared"),
    [
        (("approve", "approves", "approved", "approving"), "approv"),
        (("ally", "allies", "allied"), "ally"),
        (("ban", "bans", "banned", "banning"), "ban"),
        (("strike", "strikes", "striking"), "strik"),
        (("loss", "losses"), "loss"),
        (("war",), "war"),
        (("gas",), "gas"),
    ],
)
def test_the_forms_of_a_word_share_a_stem(words: tuple[str, ...], shared: str) -> None:
    assert {stem(word) for word in words} == {shared}


def test_a_word_that_only_begins_alike_keeps_its_own_stem() -> None:
    assert stem("united") != stem("union")
    assert stem("general") != stem("generate")


def test_an_actor_is_its_class_a_figure_is_one_word_and_small_words_are_left_out() -> None:
    assert units("The United States sent 300 tanks to Kyiv") == ["STATE", "sent", "0", "tank", "to", "CAPITAL"]


def test_a_polish_word_is_its_first_letters_whatever_its_ending() -> None:
    assert units("Sankcje i sankcjami", "pl") == ["sankc", "sankc"]
    assert units("Minister powiedział, że 300 czołgów jest w Kijowie", "pl") == [
        "minis",
        "powie",
        "0",
        "czołg",
        "STATE",
    ]


def test_two_wars_told_alike_have_the_same_features() -> None:
    one = seen("Russia shells Kharkiv", "Moscow said its army had struck Ukraine.")
    other = seen("Rwanda shells Goma", "Kigali said its army had struck Congo.")
    assert one.amounts == other.amounts


def test_who_stands_before_whom_tells_an_order_from_a_report() -> None:
    order, report = seen("Army chief orders strike").amounts, seen("Strike hits army chief").amounts
    assert "o:order>strike" in order
    assert "o:strike>militaryrole" in report
    assert "o:order>strike" not in report
    assert "f:strike" in report
    assert "z:strike" in order


def test_pairs_of_words_do_not_cross_the_end_of_a_sentence() -> None:
    assert "t:troop leav" in seen("Troops leave").amounts
    assert "t:troop leav" not in seen("Troops. Leave!").amounts


@given(st.lists(st.sampled_from(["war", "troops", "leave", "Kyiv", "in", "7", "."]), min_size=1, max_size=60))
def test_the_words_of_any_story_weigh_the_same_together(words: list[str]) -> None:
    amounts = seen(" ".join(words[:12]), " ".join(words)).amounts
    squares = sum(amount**2 for name, amount in amounts.items() if name[:2] in ("t:", "l:"))
    assert isclose(squares, 16.0) or squares == 0


def test_only_known_features_are_kept_with_the_same_amounts() -> None:
    title, lead = "Army chief orders strike", "The army will strike tomorrow."
    everything = seen(title, lead).amounts
    some = features_of(title, lead, lexicon("en"), {"o:order>strike", "l:army"}).amounts
    assert some == {name: everything[name] for name in some}
    assert set(some) == {"o:order>strike", "l:army"}
