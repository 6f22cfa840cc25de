"""The stop words that the library's last rescue asks: the same answers in less memory."""

from __future__ import annotations

import pytest
from justext import core
from justext.utils import get_stoplist, get_stoplists
from lxml import etree
from lxml.html import document_fromstring
from trafilatura import external

from pipeline.reading import stop_words
from pipeline.reading.stop_words import ALL

PAGE = "<html><body><p>{english}</p><p>{polish}</p><p>{names}</p><ul><li><a href='/x'>Home</a></li></ul></body></html>"
ENGLISH = "The ministers said that they had agreed on the terms of the truce and would meet again in the spring. " * 4
POLISH = "Ministrowie powiedzieli, że uzgodnili warunki rozejmu i że spotkają się ponownie na wiosnę w stolicy. " * 4
NAMES = "Kharkiv Lyman Kupiansk Vovchansk Izium Balakliia " * 8


def test_every_stop_word_of_every_language_is_one_and_others_are_none() -> None:
    words = {word.lower() for language in get_stoplists() for word in get_stoplist(language)}
    assert len(words) > 100_000
    assert all(word in ALL for word in words)
    others = [f"{word}{number}" for number, word in enumerate(sorted(words)[::50])]
    assert [word for word in others if word in ALL] == [word for word in others if word in words]


def test_a_page_is_rescued_as_with_the_librarys_own_list(monkeypatch: pytest.MonkeyPatch) -> None:
    html = PAGE.format(english=ENGLISH, polish=POLISH, names=NAMES)
    stop_words.use()
    ours = etree.tostring(external.try_justext(document_fromstring(html), None, None))
    assert external.JT_STOPLIST is ALL
    assert core.define_stoplist is stop_words._defined
    monkeypatch.setattr(external, "JT_STOPLIST", None)
    monkeypatch.setattr(core, "define_stoplist", stop_words._define)
    theirs = etree.tostring(external.try_justext(document_fromstring(html), None, None))
    assert ours == theirs
    assert b"ministers" in ours
    assert b"Ministrowie" in ours


def test_a_list_of_one_language_is_asked_as_ever() -> None:
    stop_words.use()
    english = get_stoplist("English")
    assert core.define_stoplist(english) == frozenset(word.lower() for word in english)
