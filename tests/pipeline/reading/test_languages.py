"""The language of a text: what py3langid says, from its own model cut down."""

from __future__ import annotations

import unicodedata

import py3langid
import pytest

from pipeline.reading.languages import detect_language

TEXTS = {
    "en": "The minister said on Tuesday that the talks had ended without an agreement on the ceasefire.",
    "de": "Der Minister sagte am Dienstag, die Gespräche über eine Waffenruhe seien ohne Ergebnis geblieben.",
    "fr": "Le ministre a déclaré mardi que les négociations sur le cessez-le-feu avaient échoué.",
    "tr": "Bakan salı günü yaptığı açıklamada ateşkes görüşmelerinin anlaşma sağlanamadan sona erdiğini söyledi.",
    "ru": "Министр заявил во вторник, что переговоры о прекращении огня завершились без соглашения.",
    "ar": "قال الوزير يوم الثلاثاء إن المحادثات حول وقف إطلاق النار انتهت دون اتفاق",
    "ja": "大臣は火曜日、停戦をめぐる協議が合意に至らないまま終わったと述べた。",
    "he": "השר אמר ביום שלישי כי השיחות על הפסקת האש הסתיימו ללא הסכם.",
}


@pytest.mark.parametrize("language", TEXTS)
def test_a_text_has_the_language_that_py3langid_says(language: str) -> None:
    text = TEXTS[language]
    assert detect_language(text) == py3langid.classify(text)[0] == language


@pytest.mark.parametrize(
    "text", [TEXTS["de"].upper(), unicodedata.normalize("NFD", TEXTS["fr"]), TEXTS["en"] + "\ud83d"]
)
def test_capitals_decomposed_letters_and_lone_surrogates_change_nothing(text: str) -> None:
    assert detect_language(text) == py3langid.classify(text)[0]


@pytest.mark.parametrize("text", ["", "\x01\x02" * 80])
def test_a_text_without_any_feature_has_no_language(text: str) -> None:
    assert detect_language(text) is None
