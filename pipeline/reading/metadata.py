"""Title, kicker, section, canonical URL and language of a page, chosen among what it declares and shows."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pipeline.identity.urls import canonical_url, site_of
from pipeline.reading.evidence import Evidence
from pipeline.reading.languages import detect_language
from pipeline.reading.lines import key_of
from pipeline.text import one_line
from pipeline.values import EntryHints, FetchedPage

_SEPARATOR = re.compile(r"\s+[|–—\-·•»«:]\s+|\s*[|｜：]\s*")
_LANGUAGE = re.compile(r"^([a-zA-Z]{2,3})(?:[-_]|$)")
_LANGUAGE_MIN_CHARS = 120
_LANGUAGE_WINDOW_CHARS = 1500
_KICKER_MAX_WORDS = 4
_SITE_MAX_WORDS = 5
_SECTION_NAMES = ("article:section", "og:article:section", "parsely-section", "cxenseparse:section", "section")
_AKIN_SHARE = 0.25
_TITLE_MIN_CHARS = 16
_GLUED_MAX_CHARS = 40


@dataclass(frozen=True, slots=True)
class Title:
    """The story's title, the kicker that was glued to it or stands above it, and the keys of all its variants."""

    text: str
    kicker: str | None
    variants: frozenset[str]


def choose_title(evidence: Evidence, hints: EntryHints) -> Title | None:
    """The title most sources agree on; None if the page and its feed have none."""
    declared = evidence.declared
    tag = _without_site(evidence.title_tag, evidence)
    ordered = [
        *evidence.h1s[:3],
        *declared.headlines[:1],
        declared.first("og:title", "twitter:title"),
        tag,
        hints.title,
    ]
    candidates = [line for line in (one_line(text) for text in ordered) if line and key_of(line)]
    if not candidates:
        return None
    chosen = _most_agreed(evidence, candidates)
    kicker, text = _cut_kicker(_without_site(chosen, evidence) or chosen, candidates, evidence)
    variants = {key_of(line) for line in (*candidates, chosen, text)}
    return Title(text, kicker or _kicker_above(evidence, text), frozenset(variants))


def _most_agreed(evidence: Evidence, candidates: list[str]) -> str:
    """The title that the page gives to those who share it, else the declared headline, else the first candidate.

    On 135 recorded pages og:title was right on 115, the JSON-LD headline on 97 and the h1 on 103. A shared title that
    has nothing in common with any other source is the site's name.
    """
    declared = evidence.declared
    shared = one_line(_without_site(declared.first("og:title"), evidence))
    named = one_line(declared.headlines[0]) if declared.headlines else None
    for text in (shared, named):
        others = [key_of(other) for other in candidates if other != text]
        if text and (not others or any(_is_akin(key_of(text), other) for other in others)):
            return text
    # Nothing agrees: an h1 is the story's more often than not, a shared title may be the site's name.
    return named or candidates[0]


def _is_akin(a: str, b: str) -> bool:
    """Whether two titles speak of the same: a quarter of the shorter one's words, and at least two, are in both."""
    left, right = set(a.split()), set(b.split())
    shared = len(left & right)
    return a == b or (shared >= 2 and shared >= _AKIN_SHARE * min(len(left), len(right)))


def _without_site(text: str | None, evidence: Evidence) -> str | None:
    """`text` without the name of the site or section that follows (or leads) a separator."""
    if not text:
        return None
    names = site_names(evidence)
    heads = {key_of(h) for h in (*evidence.h1s, *evidence.declared.headlines)}
    separators = list(_SEPARATOR.finditer(text))
    for match in separators:
        head = text[: match.start()].strip()
        key = key_of(head)
        if key.count(" ") >= 2 and any(h == key or h.endswith(f" {key}") for h in heads):
            return head
    if evidence.h1s[:1] and heads <= {key_of(evidence.h1s[0])} and "|" in text:
        last = text[separators[-1].end() :].strip() if separators else ""
        if key_of(last) in heads and key_of(last).count(" ") >= 2:
            return last
    for match in reversed(separators):
        head, tail = text[: match.start()].strip(), text[match.end() :].strip()
        if _is_site(key_of(tail), names) and len(key_of(head).split()) >= 2:
            return _without_site(head, evidence)
    for match in separators:
        head, tail = key_of(text[: match.start()]), text[match.end() :].strip()
        is_printed = key_of(tail) in evidence.places and key_of(tail).count(" ") >= 2 and text not in evidence.h1s
        if is_printed and (_is_site(head, names) or not evidence.h1s) and key_of(text) not in evidence.places:
            return tail
    return text


def site_names(evidence: Evidence) -> set[str]:
    """The keys of the names by which the site calls itself: declared, or what its title element adds to the title."""
    declared = evidence.declared
    told = (declared.first("og:site_name", "application-name", "apple-mobile-web-app-title"), *declared.publishers)
    names = {key_of(name) for name in told if name}
    parts = [part for part in _SEPARATOR.split(evidence.title_tag or "") if part.strip()]
    shown = [part for part in parts if key_of(part).count(" ") >= 2 and key_of(part) in evidence.places]
    if len(parts) == 2 and len(shown) == 1:
        names |= {key_of(part) for part in parts if part not in shown and len(part.split()) <= _SITE_MAX_WORDS}
    return names - {""}


def _is_site(key: str, names: set[str]) -> bool:
    return any(name and (key == name or key.replace(" ", "") == name.replace(" ", "")) for name in names)


def _cut_kicker(title: str, candidates: list[str], evidence: Evidence) -> tuple[str | None, str]:
    """A kicker glued to the front of the title, and the title without it.

    It counts as glued when another source has the title without it ("NewsBiden approves" against "Biden approves")
    and it is run into the title's first word, or is a label that the page uses by itself. What the outlet itself parts
    with a colon is its title.
    """
    labels = {key_of(text) for text in (*evidence.kickers, evidence.declared.section) if text}
    for other in candidates:
        if len(other) >= 12 and title.endswith(other) and 0 < len(title) - len(other) <= 40:
            head = title[: -len(other)]
            bare = head.strip(" |–—-·•»")
            is_run_in = (head[-1:].isalnum() or title in evidence.h1s) and other[:1].isupper()
            is_parted = ":" in head and not head.rstrip().endswith(("|", "｜"))
            if (
                bare
                and len(bare.split()) <= _KICKER_MAX_WORDS
                and not is_parted
                and (is_run_in or key_of(bare) in labels)
            ):
                return bare.rstrip(":"), other
    return None, title


def _kicker_above(evidence: Evidence, title: str) -> str | None:
    """The kicker: a short line glued to a copy of the title, or one set as a kicker shortly before the title."""
    key, places = key_of(title), evidence.places.get(key_of(title), ())
    first = min(places, default=None)
    for block in evidence.blocks[: (first if first is not None else 0) + 1]:
        text = block.text
        if text.endswith(title) and 0 < len(text) - len(title) <= 40:
            return one_line(text[: -len(title)].strip(" :|–—-·•"))
    near = evidence.blocks[max(0, (first or 0) - 4) : first or 0]
    for block in near:
        if "kicker" in block.own and 0 < len(block.key.split()) <= _KICKER_MAX_WORDS and block.key != key:
            return one_line(block.text)
    # A label over the title that says the section the page declares.
    section = key_of(evidence.declared.section or "")
    return next((one_line(block.text) for block in near if section and block.key == section), None)


def choose_canonical(evidence: Evidence, page: FetchedPage) -> str | None:
    """The canonical URL if it lies on the page's own site, else None (promise P25)."""
    for raw in (evidence.canonical, evidence.declared.first("og:url")):
        url = canonical_url(raw, page.final_url) if raw else None
        if url and site_of(url) == site_of(page.final_url):
            return url
    return None


def choose_language(text: str, evidence: Evidence, hints: EntryHints) -> str | None:
    """ISO 639-1 code: detected where the text is long enough, else as declared by the page or the feed."""
    declared = evidence.declared
    told = (evidence.html_language, declared.first("og:locale", "content-language"), declared.language, hints.language)
    match = next((m for m in (_LANGUAGE.match(value) for value in told if value) if m), None)
    code = match[1].lower() if match else None
    if len(text) < _LANGUAGE_MIN_CHARS:
        return code
    detected = detect_language(text[:_LANGUAGE_WINDOW_CHARS])
    # Norwegian and its written forms are one language here.
    return {None: code, "nb": "no", "nn": "no"}.get(detected, detected)


def says_section(evidence: Evidence) -> str | None:
    """The section the page files the story under, on one line; None when it names none."""
    declared = evidence.declared
    return one_line(declared.section or declared.first(*_SECTION_NAMES))


def is_in_title(line_key: str, title: Title) -> bool:
    """Whether the line says the title in one of its wordings, alone or with a kicker before or after it."""
    if line_key in title.variants:
        return True
    # Compared without blanks: a kicker may be run into the title's first word.
    line = line_key.replace(" ", "")
    for variant in title.variants:
        bare = variant.replace(" ", "")
        is_long = len(bare) >= _TITLE_MIN_CHARS and len(line) - len(bare) <= _GLUED_MAX_CHARS
        if is_long and (line.endswith(bare) or line.startswith(bare)):
            return True
    return False
