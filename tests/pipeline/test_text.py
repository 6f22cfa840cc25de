"""Text hygiene: what may be stored, what a title may hold, what a word is."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.text import _UNSPACED, _WORD, _ZERO_WIDTH, TITLE_MAX_BYTES, cut, one_line, scrub, words, words_of_parts

ANY_TEXT = st.text(st.characters(codec=None, categories=None))


@pytest.mark.parametrize(
    ("raw", "stored"),
    [
        ("line one\r\nline two\rline three\n", "line one\nline two\nline three\n"),
        ("a\x00b\x1bc\x7fd\x9fe", "abcde"),
        ("tab\there", "tab\there"),
        ("cafe\u0301", "café"),
        ("half \ud83d pair", "half  pair"),
        ("\ufeffmark", "mark"),
        ("text \u202eturned\u202c", "text \u202eturned\u202c"),  # only titles forbid it
    ],
)
def test_stored_text_is_nfc_without_controls_or_lone_surrogates(raw: str, stored: str) -> None:
    assert scrub(raw) == stored


@given(ANY_TEXT)
def test_scrubbing_twice_is_scrubbing_once_and_the_result_is_utf8(text: str) -> None:
    once = scrub(text)
    assert scrub(once) == once
    assert once.encode("utf-8").decode("utf-8") == once
    assert unicodedata.is_normalized("NFC", once)
    assert not set(once) & {"\x00", "\r", "\x1b"}


def test_a_title_is_one_line_without_direction_overrides() -> None:
    assert one_line("  Talks\n\tresume \u202egnihton\u202c\u00a0today ") == "Talks resume gnihton today"


@pytest.mark.parametrize("nothing", [None, "", " \n ", "\x00\u202e"])
def test_a_title_with_nothing_in_it_is_none(nothing: str | None) -> None:
    assert one_line(nothing) is None


def test_a_title_is_cut_at_whole_characters() -> None:
    assert one_line("é" * 2000) == "é" * (TITLE_MAX_BYTES // 2)
    assert one_line("abcé", max_bytes=4) == "abc"


@given(ANY_TEXT, st.integers(min_value=1, max_value=64))
def test_a_line_fits_its_bytes_and_stays_the_same_when_made_again(text: str, max_bytes: int) -> None:
    line = one_line(text, max_bytes)
    if line is not None:
        assert len(line.encode("utf-8")) <= max_bytes
        assert "\n" not in line
        assert one_line(line, max_bytes) == line


@given(st.text(), st.integers(min_value=0, max_value=64))
def test_cutting_keeps_a_head_that_fits(text: str, max_bytes: int) -> None:
    head = cut(text, max_bytes)
    assert text.startswith(head)
    assert len(head.encode("utf-8")) <= max_bytes


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The Council’s vote, at 9:30.", ["the", "council's", "vote", "at", "9", "30"]),
        ("ﬁre ＦＩＲＥ Fire", ["fire", "fire", "fire"]),
        ("ze\u200bro w\u00adidth", ["zero", "width"]),
        ("Straße", ["strasse"]),
        ("停火协议", ["停", "火", "协", "议"]),
        ("NATO加盟国", ["nato", "加", "盟", "国"]),
        ("หยุดยิง", list("หยุดยิง")),
        ("शांति वार्ता", ["शांति", "वार्ता"]),
        ("هُدنة", ["هُدنة"]),
        ("don´t", ["don", "t"]),  # a lone accent is no letter
        ("휴전 협정", ["휴전", "협정"]),
        ("الهدنة الجديدة", ["الهدنة", "الجديدة"]),
        ("— … !", []),
    ],
)
def test_words_are_what_a_reader_tells_apart(text: str, expected: list[str]) -> None:
    assert words(text) == expected


@given(st.text())
def test_the_words_of_words_are_the_same_words(text: str) -> None:
    once = words(text)
    assert words(" ".join(once)) == once


MARKED = st.text(st.sampled_from("abXß éżыд'’“”‘—…\u00a0\u00ad\u200b\u0301\u0307İıﬁ½´कि日ภ_-0"), max_size=12)


@given(ANY_TEXT | MARKED)
def test_the_short_ways_to_words_find_the_same_ones(text: str) -> None:
    plain = _ZERO_WIDTH.sub("", unicodedata.normalize("NFKC", text)).casefold().replace("’", "'")
    assert words(text) == _WORD.findall(_UNSPACED.sub(r" \1 ", plain))


@given(st.lists(ANY_TEXT | MARKED, max_size=5))
def test_the_words_of_many_parts_are_those_of_each(parts: list[str]) -> None:
    assert words_of_parts(parts) == [words(part) for part in parts]
