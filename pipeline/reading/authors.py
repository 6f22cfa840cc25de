"""Who signed a story: the names that a page declares or prints, without lead words, roles and the outlet itself."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pipeline.reading.bylines import PARTICLES
from pipeline.reading.evidence import Evidence
from pipeline.reading.lines import key_of, squeeze, word_set
from pipeline.reading.metadata import site_names
from pipeline.reading.moments import is_date_line
from pipeline.reading.phrases import BYLINE_HEAD, BYLINE_ROLE
from pipeline.text import AUTHOR_MAX_BYTES, one_line
from pipeline.values import EntryHints

_NAME_SPLIT = re.compile(r"\s*(?:,|;|\||/|•|·|&|\s(?:and|und|et|y|e|og|och|en|i|та|и)\s)\s*", re.IGNORECASE)
_NOT_A_NAME = re.compile(r"https?:|www\.|@|[<>{}=]|^\W*\d|^in\s|\b(?:19|20)\d\d\b", re.IGNORECASE)
_META_NAMES = (
    "author", "article:author", "articleauthor", "article.author", "dc.creator", "parsely-author", "sailthru.author",
    "byl",
)  # fmt: skip
_HOST = re.compile(r"^(?:www\.)?[\w-]+(?:\.[\w-]+)*\.[a-z]{2,6}$", re.IGNORECASE)
_NOBODY = word_set("admin administrator webmaster editor nachrichten news guest print email share follow comments")
_FILED = re.compile(r"in\s+\w", re.IGNORECASE)
_WITH_AGENCIES = re.compile(
    r"\s+(?:with|mit|avec|con)\s+(?:news\s+)?(?:agenc\w+|agentur\w*|agences?|agencias?|AP|AFP|dpa|Reuters)\b.*$",
    re.IGNORECASE,
)
_BRACKETED = re.compile(r"\s*[(\[][^)\]]{0,60}[)\]]")


def choose_authors(evidence: Evidence, hints: EntryHints) -> tuple[str, ...]:
    """The people (or the desk) who signed the story, as names without "By" and roles; empty when nobody did."""
    declared = evidence.declared
    metas = [content for name in _META_NAMES for key, content in declared.meta if key == name]
    outlets = site_names(evidence)
    for source in (declared.authors, metas, *map(_shown_names, evidence.bylines), hints.authors):
        people = tuple(name for name in clean_names(source) if not _is_outlet(name, outlets))
        if people:
            return people
    return clean_names(declared.authors) or clean_names(metas)[:1]


def _is_outlet(name: str, outlets: set[str]) -> bool:
    """Whether the name is the outlet's, one of its desks, its host, or the name of nobody ("admin")."""
    key = key_of(name)
    is_own = not key or any(key == outlet or key.startswith(f"{outlet} ") for outlet in outlets)
    return is_own or _HOST.match(name) is not None or key in _NOBODY


def _shown_names(bylines: tuple[str, ...]) -> list[str]:
    """The bylines of a group that look like names: few words, each with a capital where the script has them."""
    found = []
    for raw in bylines:
        bare = BYLINE_HEAD.sub("", raw)
        known = BYLINE_ROLE | PARTICLES
        tokens = [word for word in re.findall(r"[^\W\d_][\w'’.-]*", bare) if word.lower() not in known]
        is_named = 0 < len(tokens) <= 12 and all(word[0] == word[0].upper() for word in tokens)
        if is_named and "@" not in bare and not is_date_line(raw):
            found.append(raw)
    return found[:3]


def clean_names(raws: Sequence[str]) -> tuple[str, ...]:
    """Names out of byline texts: split at commas and "and", without lead words, roles, addresses and repeats."""
    found: dict[str, str] = {}
    for raw in raws:
        if "://" in raw or "(www." in raw:
            continue
        bare = _WITH_AGENCIES.sub("", _BRACKETED.sub("", BYLINE_HEAD.sub("", squeeze(raw))))
        for piece in _NAME_SPLIT.split(bare):
            if _FILED.match(piece):  # "By Ada Obi, in World, Europe": the rest names sections
                break
            name = one_line(BYLINE_HEAD.sub("", piece).strip(" .,:;|-–—*()"), AUTHOR_MAX_BYTES)
            if not name or _NOT_A_NAME.search(name) or len(name.split()) > 6 or len(name) < 2:
                continue
            if all(word in BYLINE_ROLE for word in key_of(name).split()) and len(raws) > 1:
                continue
            found.setdefault(key_of(name), name)
    return tuple(found.values())[:20]
