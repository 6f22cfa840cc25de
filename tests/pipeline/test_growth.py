"""Which headlines tell of the same report."""

from __future__ import annotations

import pytest

from pipeline.growth import headline_words, tells_of

GROWING = [headline_words("Ministry confirms delivery of air defence launchers to Ukraine")]


@pytest.mark.parametrize(
    "title",
    [
        "Ministry confirms delivery of air defence launchers to Ukraine",
        "UPDATE 2-Ministry confirms launchers delivery, gives details",
        "Air-defence launchers: ministry confirms DELIVERY",
    ],
)
def test_a_headline_of_the_same_words_tells_of_the_report(title: str) -> None:
    assert tells_of(title, GROWING)


@pytest.mark.parametrize(
    "title",
    [
        None,
        "",
        "Ukraine",
        "Air defence minister visits Ukraine",
        "Ministry of health confirms delivery of vaccines to rural clinics after a delay",
    ],
)
def test_one_that_shares_a_word_or_two_does_not(title: str | None) -> None:
    assert not tells_of(title, GROWING)


def test_scripts_without_blanks_are_compared_by_character() -> None:
    growing = [headline_words("国防部确认向乌克兰交付防空系统")]
    assert tells_of("国防部：已向乌克兰交付防空系统", growing)
    assert not tells_of("国家队确认参加亚洲杯", growing)
