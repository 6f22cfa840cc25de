"""Words of a text with their places, sentence by sentence."""

from __future__ import annotations

import re
from typing import NamedTuple

# An acronym with full stops ("U.S.", "U.N"), or letters and digits with inner apostrophes. No nested repetition can
# share a character with its neighbour, so the time is linear. `#39;` is what old wires left of an apostrophe.
_WORD = re.compile(r"#39;(?:s\b)?|(?:[A-Za-z]\.){2,}|[A-Za-z]\.[A-Za-z]\b|[^\W_]+(?:['’][^\W_]+)*")
_END_CHARACTERS = ".!?;\n|"
_END = re.compile(f"[{_END_CHARACTERS}]")
_POSSESSIVE = re.compile(r"['’][sS]$")
# What Token(…) calls in the end: a text has a thousand words.
_make = tuple.__new__
_WORD_MAX = 40  # longer runs are no words; they keep their place but match nothing


class Token(NamedTuple):
    """A word: `exact` keeps its case, `word` is lower-case, both without full stops and possessive s.

    `start` and `end` are code point offsets of the whole surface in the text that was cut into tokens.
    A named tuple, because it is made faster than a frozen dataclass, and making tokens is most of what judging costs.
    """

    exact: str
    word: str
    start: int
    end: int


def sentences(text: str, start: int = 0, end: int | None = None) -> list[list[Token]]:
    """The words of `text[start:end]`, one list a sentence; a full stop inside an acronym ends none.

    Offsets count from the beginning of `text`. Time is linear in the length.
    """
    stop = len(text) if end is None else end
    done: list[list[Token]] = []
    current: list[Token] = []
    last = start
    for match in _WORD.finditer(text, start, stop):
        first, after = match.span()
        # Nearly always one space stands between two words: then there is nothing to search.
        if current and (text[last] in _END_CHARACTERS if first - last == 1 else _ends_sentence(text, last, first)):
            done.append(current)
            current = []
        last = after
        surface = match.group()
        # And nearly every word is letters alone: then there is nothing to take away.
        if surface.isalnum() and after - first <= _WORD_MAX:
            current.append(_make(Token, (surface, surface.lower(), first, after)))
        elif surface[0] != "#":
            current.append(_token(surface, first, after))
    if current:
        done.append(current)
    return done


def _ends_sentence(text: str, start: int, end: int) -> bool:
    return _END.search(text, start, end) is not None


def _token(surface: str, start: int, end: int) -> Token:
    if end - start > _WORD_MAX:
        return Token("", "", start, end)
    exact = surface
    if "." in exact:
        exact = exact.replace(".", "")
    elif "'" in exact or "’" in exact:
        exact = _POSSESSIVE.sub("", exact).replace("’", "'")
    return Token(exact, exact.lower(), start, end)


def keys(phrase: str) -> list[str]:
    """The words of a lexicon entry in the form a text's tokens have, case kept."""
    return [token.exact for sentence in sentences(phrase) for token in sentence]
