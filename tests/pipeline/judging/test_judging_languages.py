"""Lexicons of other languages: they speak of the same classes; without a fitted model they give no scores."""

from __future__ import annotations

import pytest

from pipeline.judging import judge
from pipeline.judging.features import features_of
from pipeline.judging.fitted import MODEL_SHA256
from pipeline.judging.lexicon import LEXICONS, lexicon
from pipeline.outcomes import PolicyType

OTHERS = sorted(set(LEXICONS) - {"en"})
UNFITTED = sorted(set(LEXICONS) - set(MODEL_SHA256))


def seen(language: str, title: str) -> set[str]:
    return set(features_of(title, "", lexicon(language)).amounts)


@pytest.mark.parametrize("language", OTHERS)
def test_a_lexicon_has_the_classes_and_the_patterns_of_the_english_one(language: str) -> None:
    own, english = lexicon(language), lexicon("en")
    assert own.bit == english.bit
    assert own.patterns == english.patterns
    assert len(own.stop_words) >= 25
    assert len(own.wholes) + len(own.stems) >= 380


@pytest.mark.parametrize(
    ("language", "title"),
    [
        ("de", "Regierung genehmigt Angriff mit Raketen"),
        ("es", "El gobierno autoriza el bombardeo"),
        ("fr", "Le gouvernement autorise les frappes"),
        ("pl", "Rząd zezwolił na naloty"),
        ("ru", "Правительство разрешило удары"),
        ("uk", "Уряд дозволив удари"),
    ],
)
def test_a_permitted_strike_is_one_in_every_language(language: str, title: str) -> None:
    found = seen(language, title)
    assert {"c:headrole@t", "c:permit@t"} <= found
    assert "o:headrole>permit" in found


@pytest.mark.parametrize(
    ("language", "title"),
    [
        ("de", "Minister fordert Waffenruhe"),
        ("es", "El ministro pide una tregua"),
        ("fr", "Le ministre exige une trêve"),
        ("pl", "Minister apeluje o rozejm"),
        ("ru", "Министр призвал к перемирию"),
        ("uk", "Міністр закликав до перемир'я"),
    ],
)
def test_a_call_for_a_truce_makes_the_pattern_of_talks_in_every_language(language: str, title: str) -> None:
    assert "p:talks: urge|demand +4 ceasefire|peace|negotiate@t" in seen(language, title)


@pytest.mark.parametrize("word", ["sankcje", "sankcji", "sankcjami", "SANKCJE"])
def test_a_stem_stands_for_every_ending(word: str) -> None:
    assert "c:sanction@t" in seen("pl", f"Nowe {word}")


def test_a_word_that_only_shares_letters_with_a_stem_is_not_taken_for_it() -> None:
    assert "c:sanction@t" not in seen("pl", "Sanatorium i sanki")


def test_the_longest_stem_wins() -> None:
    assert "c:ceasefire@t" in seen("de", "Waffenruhe")
    assert "c:weapon@t" not in seen("de", "Waffenruhe")


def test_a_french_word_is_found_behind_its_elision() -> None:
    assert {"c:troops@t", "c:permit@t"} <= seen("fr", "L'armée autorisée")
    assert "c:probe@t" in seen("fr", "Mandat d'arrêt")


def test_english_and_polish_are_judged() -> None:
    assert sorted(MODEL_SHA256) == ["en", "pl"]


@pytest.mark.parametrize(
    ("title", "lead", "act"),
    [
        ("Niemcy przekażą Ukrainie kolejne systemy obrony powietrznej", "", PolicyType.ARMS_AID),
        ("Rozejm w Sudanie. Armia i RSF zgodziły się na przerwanie ognia", "", PolicyType.TALKS),
        ("Kim Dzong Un zagroził odwetem", "Pjongjang zapowiedział odpowiedź wojskową na manewry.", PolicyType.THREAT),
    ],
)
def test_a_polish_story_about_an_official_act_is_conflict_policy(title: str, lead: str, act: PolicyType) -> None:
    verdict = judge(title, lead, "pl-PL")
    assert verdict.language_supported
    assert verdict.is_conflict_policy
    assert verdict.acts[0].act is act
    assert verdict.evidence


def test_a_polish_report_from_the_front_is_conflict_and_sport_is_neither() -> None:
    front = judge("Ostrzał Charkowa: zginęły cztery osoby", "Rosyjska artyleria ostrzelała w nocy osiedle.", "pl")
    assert front.is_conflict
    assert not front.is_conflict_policy
    sport = judge("Legia zaatakowała i wygrała z Lechem 2:1", "Obrońcy tytułu bronili się do końca meczu.", "pl")
    assert not sport.is_conflict


@pytest.mark.parametrize("language", UNFITTED)
def test_a_lexicon_without_a_fitted_model_gives_no_scores(language: str) -> None:
    verdict = judge("Rząd Regierung gobierno", "", language)
    assert not verdict.language_supported
    assert (verdict.conflict, verdict.conflict_policy, verdict.acts, verdict.evidence) == (None, None, (), ())
