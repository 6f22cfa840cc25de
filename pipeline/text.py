"""Text hygiene shared by every room: what may be stored, what a title may hold, what a word is (promise P24)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

TITLE_MAX_BYTES = 1024
AUTHOR_MAX_BYTES = 512

# C0 and C1 controls but for tab and newline, lone surrogates, noncharacters, and the byte order mark.
_UNSTORABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufeff\ufffe\uffff]")
# Characters that turn the reading direction round: a title must not rewrite the line it stands in.
_BIDI = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_ZERO_WIDTH = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff]"
)
_SPACE = re.compile(r"\s+")
# Scripts written without spaces count by the character.
UNSPACED_RANGES = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f"
)
_UNSPACED = re.compile(f"([{UNSPACED_RANGES}])")
# \w knows letters and digits only. Without the vowel signs and accents that stand behind a letter, a Hindi word falls
# into pieces, and two that differ in their vowels become one.
_MARKS = "".join(
    chr(code)
    for start, end in ((0x0300, 0x3100), (0xA66F, 0xABF0), (0xFB1E, 0xFB1F), (0xFE20, 0xFE30))
    for code in range(start, end)
    if unicodedata.category(chr(code)).startswith("M")
)
# A run of \w first: the expression engine is five times faster on it than on a class that lists the marks.
_LETTERS = rf"\w+(?:[{_MARKS}]+\w*)*"
_WORD = re.compile(rf"{_LETTERS}(?:['’]{_LETTERS})*|[{UNSPACED_RANGES}]")

# What the expressions above are about. A text without any of it, in whatever alphabet, is cut at once at its blanks.
_ODD = re.compile(f"[{_ZERO_WIDTH.pattern[1:-1]}{UNSPACED_RANGES}{_MARKS}]")
_PART = " \0 "
_FEW_PARTS = 16
_ASCII_PARTING = {code: " " for code in range(1, 128) if not (chr(code).isalnum() or chr(code) in "_'")} | {
    code: chr(code).lower() for code in range(ord("A"), ord("Z") + 1)
}


def scrub(text: str) -> str:
    """`text` as it may be stored: NFC, without NUL, controls, lone surrogates and carriage returns."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return unicodedata.normalize("NFC", _UNSTORABLE.sub("", text))


def one_line(text: str | None, max_bytes: int = TITLE_MAX_BYTES) -> str | None:
    """`text` on one scrubbed line without direction overrides, cut at `max_bytes` of UTF-8; None if nothing is left."""
    if not text:
        return None
    line = _SPACE.sub(" ", _BIDI.sub("", scrub(text))).strip()
    return cut(line, max_bytes) or None


def cut(text: str, max_bytes: int) -> str:
    """The longest head of `text` that fits into `max_bytes` of UTF-8."""
    raw = text.encode("utf-8", "ignore")
    return text if len(raw) <= max_bytes else raw[:max_bytes].decode("utf-8", "ignore").rstrip()


def _plainly_set(text: str) -> str:
    """`text` with the commonest marks of typesetters as a typewriter has them: to `words` it is the same text."""
    for mark in "“”‘—–…\u00a0":
        text = text.replace(mark, " ")
    return text.replace("’", "'")


def words(text: str) -> list[str]:
    """The normalised words of `text`: NFKC, case folded, zero-width characters ignored, unspaced scripts by character.

    Two texts that a reader can't tell apart have the same words.
    """
    return words_of_parts([text])[0]


def words_of_parts(parts: Sequence[str]) -> list[list[str]]:
    """The words of each of the parts of a text, for little more than those of the text cost."""
    if not parts:
        return []
    joined = parts[0] if len(parts) == 1 else _PART.join(parts)
    if joined.count("\0") != len(parts) - 1:  # no text that was scrubbed has one
        return words_of_parts([part.replace("\0", " ") for part in parts])
    blanked = _blanked(joined)
    if blanked is not None:
        return [part.split() for part in blanked.split("\0")]
    if len(parts) == 1:
        return [_odd_words(parts[0])]
    # Those with something odd in them are looked for, and the others cut at once all the same.
    size = _FEW_PARTS if len(parts) > _FEW_PARTS else 1
    return [found for start in range(0, len(parts), size) for found in words_of_parts(parts[start : start + size])]


def _blanked(text: str) -> str | None:
    """`text` in small letters with a blank for each sign that is in no word but NUL; None when it has something odd."""
    plain = text if text.isascii() else _plainly_set(text)
    if plain.isascii():  # nothing to normalise
        plain = plain.translate(_ASCII_PARTING)
    else:
        plain = unicodedata.normalize("NFKC", plain).casefold()
        signs = set(plain)
        if _ODD.search("".join(signs)) is not None:
            return None
        for sign in signs:
            if not sign.isalnum() and sign not in "_'\0":
                plain = plain.replace(sign, " ")
    if "'" not in plain:
        return plain
    # An apostrophe stays between two letters alone.
    return f" {plain} ".replace("''", "  ").replace(" '", "  ").replace("' ", "  ")


def _odd_words(text: str) -> list[str]:
    plain = _ZERO_WIDTH.sub("", unicodedata.normalize("NFKC", _plainly_set(text))).casefold().replace("’", "'")
    return _WORD.findall(_UNSPACED.sub(r" \1 ", plain))
