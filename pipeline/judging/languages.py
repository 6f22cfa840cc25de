"""Which lexicon judges a story: by its declared language, or by a cheap look at its words.

A language is judged when it has fitted weights, and it gets them when labels show that they are good enough. A lexicon
alone is not: its stories stay without scores, which is not the same as a score of nought.
"""

from __future__ import annotations

from pipeline.judging.fitted import MODEL_SHA256
from pipeline.judging.lexicon import lexicon
from pipeline.judging.tokens import sentences

_WORDS_LOOKED_AT = 80
_STOP_SHARE = 1 / 10  # English leads have about one in four of these words, German and Dutch ones below one in twenty
# Headlines leave stop words out: few or none will do when the lexicon knows enough of the other words.
_FEW_STOPS = 1 / 20
_KNOWN_SHARE = 1 / 4
_SHORT = 16  # fewer words than this need no stop word at all


def lexicon_for(title: str, lead: str, language: str | None) -> str | None:
    """The key of LEXICONS to judge by, or None when no model is fitted for the story's language.

    `language` is a BCP 47 tag ("en", "en-GB"); None means undeclared, then only English is looked for.
    """
    if language is not None:
        primary = language.replace("_", "-").split("-")[0].strip().lower()
        return primary if primary in MODEL_SHA256 else None
    return "en" if _looks_english(title, lead) else None


def _looks_english(title: str, lead: str) -> bool:
    words = [token.word for text in (title[:400], lead[:600]) for sentence in sentences(text) for token in sentence]
    words = words[:_WORDS_LOOKED_AT]
    if not words:
        return False
    english = lexicon("en")
    stops = sum(word in english.stop_words for word in words) / len(words)
    if stops >= _STOP_SHARE:
        return True
    if stops < _FEW_STOPS and len(words) >= _SHORT:
        return False
    known = sum(word in english.stop_words or english.forms.get([word]) is not None for word in words if word)
    return known / len(words) >= _KNOWN_SHARE
