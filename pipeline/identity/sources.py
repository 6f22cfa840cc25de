"""Who reports: agencies and outlets by the names that credits give them, and by the sites on which they publish.

A name is only a claim, which any page can print. A site is a registered domain, or the sender of a watched wire, and
can't be claimed by another; whose word may prove something is asked by `source_of_site`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

NAME_MAX = 60
_WORD = re.compile(r"(?<![\w-])\w+")
_NO_LETTERS = re.compile(r"[\W_]+")
_ARTICLE = re.compile(r"^(?:the|el|la|le|der|die|das|l)\s+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Source:
    """An agency or outlet. Mentions share the `key`; behind the places `not_after` its mark means something else."""

    key: str
    name: str
    is_agency: bool
    not_after: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class _Known:
    by_word: dict[str, Source]
    by_mark: dict[str, Source]
    by_site: dict[str, Source]


def source_named(name: str) -> Source | None:
    """The listed source that `name` is the whole name or mark of; None for every other text."""
    squeezed = " ".join(name.split())
    if not squeezed or len(squeezed) > NAME_MAX:
        return None
    known = _known()
    return known.by_mark.get(squeezed) or known.by_word.get(squeezed.lower().replace("’", "'"))


def cited_source(name: str) -> Source | None:
    """The source that a citation names, listed or not; None when the name has no letters.

    One that is not listed is an outlet known by its letters ("The Example Post": `examplepost`), which is what the
    domain of its site is mostly called.
    """
    found = source_named(name)
    if found is not None:
        return found
    key = _NO_LETTERS.sub("", _ARTICLE.sub("", name)).lower()[:NAME_MAX]
    return Source(key, " ".join(name.split())[:NAME_MAX], is_agency=False) if key else None


def source_of_site(site: str) -> Source:
    """The source that publishes on a site; `site` is a registered domain, or the name of a wire's sender."""
    known = _known()
    if "." not in site:
        return source_named(site) or Source(site.lower(), site, is_agency=False)
    return known.by_site.get(site) or Source(site.partition(".")[0], site, is_agency=False)


def sources_in(text: str) -> Iterator[tuple[int, int, Source]]:
    """The listed sources that running text names, as (start, end, source), the longest name at each place."""
    names = _names_by_first_word()
    reach = 0
    for word in _WORD.finditer(text):
        if word.start() < reach:
            continue
        for pattern, source in names.get(word[0].lower(), ()):
            match = pattern.match(text, word.start())
            if match:
                reach = match.end()
                yield word.start(), reach, source
                break


@cache
def _names_by_first_word() -> dict[str, list[tuple[re.Pattern[str], Source]]]:
    known = _known()
    names = [(mark, _escaped(mark), source) for mark, source in known.by_mark.items()]
    names += [(word, f"(?i:{_escaped(word)})", source) for word, source in known.by_word.items()]
    found: dict[str, list[tuple[re.Pattern[str], Source]]] = {}
    for name, pattern, source in sorted(names, key=lambda one: (-len(one[0]), one[0])):
        first = _WORD.match(name)
        if first is not None:
            found.setdefault(first[0].lower(), []).append((re.compile(rf"{pattern}(?!\w)"), source))
    return found


def _escaped(name: str) -> str:
    return re.escape(name).replace(r"\ ", r"\s+").replace("'", "['’]")


@cache
def _known() -> _Known:
    raw = tomllib.loads(files("pipeline.identity").joinpath("data/sources.toml").read_text("utf-8"))
    found = _Known({}, {}, {})
    for table, is_agency in (("agencies", True), ("outlets", False)):
        for key, told in raw[table].items():
            places = frozenset(place.lower() for place in _listed(told, "not_after"))
            source = Source(key, told["name"], is_agency, places)
            found.by_word.update((word.lower(), source) for word in _listed(told, "words"))
            found.by_mark.update((mark, source) for mark in _listed(told, "marks"))
            found.by_site.update((site, source) for site in _listed(told, "sites"))
    return found


def _listed(told: dict[str, str], name: str) -> Iterator[str]:
    return (part for raw in told.get(name, "").split(",") if (part := " ".join(raw.split())))
