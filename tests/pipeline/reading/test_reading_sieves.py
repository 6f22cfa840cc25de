"""Sieves before slow expressions: they may only spare what would have come to nothing."""

from __future__ import annotations

import pytest

from pipeline.reading.budget import _FORBIDDEN, _without_forbidden
from pipeline.reading.evidence import split_credit
from pipeline.reading.marks import _PART, _parts
from pipeline.reading.phrases import _OUTLET_PITCH, CREDIT_INSIDE, CREDIT_RUN_IN, is_outlet_pitch

CREDITS = (
    "© Ada Obi",
    "(c) Ada Obi",
    "(C) Ada Obi",
    "Photo: Ada Obi",
    "PHOTOS BY: Ada Obi",
    "İmage source Harbour Press",
    "Picture by Ada Obi",
    "ımage courtesy of Ada Obi",
    "Foto: Ada Obi",
    "Bild/ Ada Obi",
    "Crédit: Ada Obi",
    "credits : Ada Obi",
    "Fot. Ada Obi",
    "Zdj. Ada Obi",
    "ФОТО: Ada Obi",
    "Quelle: Ada Obi",
    "Fotograf: Ada Obi",
    "Ada Obi/AFP",
    "[Ada Obi/ Reuters",
    "Images source Harbour Press",
)
PITCHES = (
    "Sign up to our newsletter.",
    "SUBSCRIBE NOW",
    "SİGNİNG UP for more",
    "Follow her on the wire",
    "Support our journalism",
    "For five euros a month. Invest today",
    "More in our Liveblog",
    "Mit Ihrer Spende unsere Arbeit unterstützen",
    "Jetzt ABONNİEREN",
    "Zum Abo",
    "nous soutenir",
    "Suscríbete",
    "Iscriviti",
    "有料会員",
    "無料登録",
    "Підтримайте нас",
    "Поддержите",
    "Підпишіться",
    "ПОДПИШИТЕСЬ",
)


@pytest.mark.parametrize("credit", CREDITS)
@pytest.mark.parametrize("caption", ["A ship waits outside the strait. ", "A ship waits "])
def test_no_credit_is_lost(caption: str, credit: str) -> None:
    text = caption + credit
    match = CREDIT_INSIDE.search(text) or CREDIT_RUN_IN.search(text)
    assert split_credit(text)[1] == (text[match.start() :].strip() if match else "")


def test_a_credit_that_is_run_into_the_caption_is_found() -> None:
    assert split_credit("A ship waitsPhoto: Ada Obi") == ("A ship waits", "Photo: Ada Obi")
    assert split_credit("A ship waits outside the strait") == ("A ship waits outside the strait", "")


@pytest.mark.parametrize("text", PITCHES)
def test_no_pitch_is_lost(text: str) -> None:
    assert _OUTLET_PITCH.search(text) is not None
    assert is_outlet_pitch(text)


def test_a_sentence_about_a_signature_is_no_pitch() -> None:
    assert not is_outlet_pitch("The ministers signed the deal about the strait and followed the pilot aboard.")


def test_every_character_that_xml_forbids_goes_and_no_other() -> None:
    codes = (*range(0x100), *range(0x2000, 0x2100), *range(0xD7F0, 0xE010), *range(0xFFF0, 0x10010))
    for code in codes:
        markup = f"<p>é{chr(code)}x</p>"
        assert _without_forbidden(markup) == _FORBIDDEN.sub("", markup)


@pytest.mark.parametrize(
    "name",
    [
        "post-content",
        "article__body",
        "storyBody",
        "BBCNews",
        "col2x-3D",
        "h1Übersicht",
        "-",
        "md:flex_row",
        "été-a",
        "",
    ],
)
def test_the_words_of_a_class_name_are_the_same_whichever_way_they_are_found(name: str) -> None:
    assert _parts(name) == [part.lower() for part in _PART.findall(name)]
