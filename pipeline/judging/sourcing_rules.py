# ruff: noqa: E501 - an expression is read more easily on one line than on three
"""The expressions by which a sentence's source and standing are found, made of the words of data/sourcing.toml.

Each has a group `who` for the name and spans the words that say it. Repetitions are bounded and begin with different
characters than what follows them, so that no text makes them slow.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from pipeline.judging.packaged import packaged_toml
from pipeline.verdict import SourceKind, Standing

_NATION = r"(?:[A-Z][\w.]+(?:-[A-Z]\w+)?\s+){0,2}"
_SMALL = (
    r"(?:senior|top|high-ranking|ranking|former|current|defence|defense|military|security|intelligence|government|"
    r"administration|diplomatic|western|Western|local|regional|unnamed|unidentified|anonymous|other|foreign|ministry|army|"
    r"police|law-enforcement|political|palace|presidential|congressional|palestinian|rebel|militia)"
)
# After a name that stands behind its verb ("..., said the minister"): what ends the clause.
_ENDS = r"(?=\s*(?:[,.;:\"”]|$|on\s+[A-Z]\w+day|in\s+(?:a|an)\s|late\s|at\s+a\s))"
_SAID = frozenset({"said", "according"})
_ACCORDING = frozenset({"According", "according"})
_Needs = Mapping[str, frozenset[str]]
_NAME = r"[A-Z][\w’'-]+(?:\s+(?:[a-z]{2,3}-?\s?)?[A-Z][\w’'-]*\.?){0,3}"


class Rule(NamedTuple):
    """An expression, and what a sentence must have before it is worth looking for: a word of each of the sets.

    Words are runs of letters and digits, as whole as the expression asks for them. A sentence has few of all of them,
    and looking into sets costs a fiftieth of what the expression does.
    """

    pattern: re.Pattern[str]
    needs: tuple[frozenset[str], ...]


@dataclass(frozen=True, slots=True)
class Rules:
    """The expressions by kind of source, those of standing, and the words that other rules ask for.

    A standing comes with parts of words, without one of which its expression is not worth looking for.
    """

    named: tuple[Rule, ...]
    anonymous: tuple[Rule, ...]
    forces: tuple[Rule, ...]
    outlets: tuple[Rule, ...]
    documents: tuple[Rule, ...]
    standings: tuple[tuple[Standing, re.Pattern[str], tuple[str, ...]], ...]
    title_only: tuple[tuple[SourceKind, re.Pattern[str]], ...]
    media: frozenset[str]
    speaks: frozenset[str]


@cache
def rules() -> Rules:
    """All of them, read and compiled once."""
    raw = packaged_toml("sourcing.toml")
    words = {name: [w for part in listed.split(",") if (w := " ".join(part.split()))] for name, listed in raw.items()}
    alt = {name: _any(listed) for name, listed in words.items()}
    need = {name: frozenset(map(_longest_word, listed)) for name, listed in words.items()}
    says = rf"(?:{alt['say']})\b"
    adverb = r"(?:\s+(?:also|later|earlier|then|has|have|had|repeatedly|publicly|on\s+\w+day|did\s+not))?"
    return Rules(
        named=_named(alt, need, says, adverb),
        anonymous=_anonymous(alt, need, says, adverb),
        forces=_forces(alt, need, says, adverb),
        outlets=_outlets(alt, need, says, adverb),
        documents=_documents(alt, need),
        standings=_standings(),
        title_only=_title_only(alt),
        media=frozenset(word.lower() for word in words["media"]),
        speaks=frozenset(words["say"]) - {"reports", "notes", "states", "claims"},
    )


def _any(listed: Iterable[str]) -> str:
    """An expression for any of the words or phrases, the longest first."""
    ordered = sorted(set(listed), key=lambda word: (-len(word), word))
    return "|".join(re.escape(word).replace(r"\ ", r"\s+") for word in ordered)


def _longest_word(phrase: str) -> str:
    """The run of letters and digits by which a phrase is told best."""
    found: list[str] = re.findall(r"\w+", phrase)
    return max(found, key=len)


def _rule(pattern: str, *needs: Iterable[str]) -> Rule:
    return Rule(re.compile(pattern), tuple(map(frozenset, needs)))


def _named(alt: dict[str, str], need: _Needs, says: str, adverb: str) -> tuple[Rule, ...]:
    title = rf"(?:(?:{alt['titles']})\.?\s+)"
    aside = r"(?:,\s[^,;:.\"“”]{2,80},)?"
    office = rf"(?:[Tt]he\s+)?(?:[A-Z][\w.]+(?:['’]s?)?\s+){{0,2}}(?:{alt['offices']})\b"
    say, titles, offices = need["say"], need["titles"], need["offices"]
    return (
        _rule(rf"\b{title}(?P<who>{_NAME}){aside}{adverb}\s+{says}", say, titles),
        _rule(
            rf"\b(?:said|says|told\s+\w+\s+by|according\s+to)\s+(?:the\s+)?(?:[\w'’.-]+\s+){{0,4}}?{title}(?P<who>{_NAME}){_ENDS}",
            _SAID | {"says", "told"},
            titles,
        ),
        _rule(
            rf"\b(?P<who>{_NAME}),\s[^,;:.\"“”]{{0,60}}\b(?:{alt['titles']})\b[^,;:.\"“”]{{0,60}},\s{says}", say, titles
        ),
        _rule(rf"\b(?P<who>{office}){aside}{adverb}\s+{says}", say, offices),
        _rule(
            rf"\b(?:said|according\s+to)\s+(?P<who>(?:the|a)\s+(?:[A-Z][\w.]+(?:['’]s)?\s+){{0,2}}(?:{alt['offices']}))\b{_ENDS}",
            _SAID,
            offices,
        ),
    )


def _anonymous(alt: dict[str, str], need: _Needs, says: str, adverb: str) -> tuple[Rule, ...]:
    people = rf"(?:{alt['people']})\b"
    count = r"(?:[Aa]n?|[Oo]ne|[Tt]wo|[Tt]hree|[Ff]our|[Ff]ive|[Ss]everal|[Ss]ome|[Mm]ultiple|[Mm]any|[Aa]nother|[Uu]nnamed|[Aa]nonymous)"
    say, people_words = need["say"], need["people"]
    whose = rf"(?:{_NATION}(?:{_SMALL}\s+){{0,3}}{_NATION})"
    aside = r"(?:,?\s(?:who|speaking|familiar|with|briefed|close|involved|for|in|from|at|to)\b[^.;:\"“”]{2,90}?,?)?"
    return (
        _rule(
            rf"\b(?P<who>(?:{count}|[Tt]he)\s+(?:{_NATION})(?:unnamed|unidentified|anonymous)\s+{whose}{people})",
            ("unnamed", "unidentified", "anonymous"),
            people_words,
        ),
        _rule(
            r"(?P<who>\b(?:on|under)\s+(?:the\s+)?condition\s+(?:of\s+anonymity|that\s+(?:he|she|they)\s+not\s+be\s+(?:named|identified))|"
            r"\bspeaking\s+anonymously|\b(?:asked|requested|declined|asking|wishing|wished)\s+(?:that\s+\w+\s+)?not\s+to\s+be\s+(?:named|identified)|"
            r"\bdeclined\s+to\s+be\s+(?:named|identified)|\bnot\s+authori[sz]ed\s+to\s+(?:speak|discuss|comment|brief))",
            (
                "condition",
                "speaking",
                "asked",
                "requested",
                "declined",
                "asking",
                "wishing",
                "wished",
                "authorised",
                "authorized",
            ),
        ),
        _rule(
            r"\b(?P<who>(?:[Pp]eople|[Pp]ersons?|[Oo]fficials?|[Ss]ources?|[Dd]iplomats?|[Ss]omeone)\s+(?:who\s+(?:is|are|was|were)\s+)?"
            r"(?:familiar\s+with|briefed\s+on|with\s+(?:direct\s+)?knowledge\s+of|close\s+to\s+the))",
            ("familiar", "briefed", "knowledge", "close"),
        ),
        _rule(rf"\b(?P<who>{count}\s+{whose}{people})(?!,?\s+(?-i:[A-Z])){aside}{adverb}\s+{says}", say, people_words),
        _rule(
            rf"\b(?P<who>{whose}(?:officials|sources|diplomats|aides|advisers|lawmakers))(?!,?\s+(?-i:[A-Z])){aside}{adverb}\s+{says}",
            say,
            ("officials", "sources", "diplomats", "aides", "advisers", "lawmakers"),
        ),
        _rule(
            rf"\b(?:said|told|according\s+to|citing|cited|quoting|quoted)\s+(?:\w+\s+)?(?P<who>(?:{count}\s+)?{whose}{people}){_ENDS}",
            _SAID | {"told", "citing", "cited", "quoting", "quoted"},
            people_words,
        ),
        _rule(
            rf"\b(?P<who>(?:[Aa]|[Tt]he|[Oo]ne)\s+{whose}source)(?:\s+(?:for|in|at|from|close\s+to)\s+[^.;:,\"“”]{{2,60}}?)?\s+{says}",
            say,
            ("source",),
        ),
        _rule(rf"\b(?P<who>[Aa]nonymous\s+{whose}{people})", ("Anonymous", "anonymous"), people_words),
    )


def _forces(alt: dict[str, str], need: _Needs, says: str, adverb: str) -> tuple[Rule, ...]:
    whose = r"(?:[Tt]he\s+)?(?:[A-Z][\w.]+(?:-[\w]+)?(?:['’]s?)?\s+){0,3}"
    say, forces_words = need["say"], need["forces"]
    forces = rf"(?P<who>{whose}(?:{alt['forces']})(?:\s+(?:spokesman|spokeswoman|spokesperson|command|officials))?)"
    return (
        _rule(rf"\b{forces}(?:,\s[^,;:.\"“”]{{2,60}},)?{adverb}\s+{says}", say, forces_words),
        _rule(rf"\b(?:said|according\s+to)\s+{forces}\b{_ENDS}", _SAID, forces_words),
    )


def _outlets(alt: dict[str, str], need: _Needs, says: str, adverb: str) -> tuple[Rule, ...]:
    name = rf"(?:{alt['outlets']})\b"
    media = rf"(?:{alt['media']})\b"
    told = r"(?:reported|reports|reporting|assesses|assessed|writes|wrote|said|says|adds|added|cited|quoted|quoting|citing|published|revealed|learned|has\s+learned)"
    paper = r"(?:[A-Z][\w’'-]+\s+){0,3}(?:Times|Post|Journal|Herald|Tribune|Gazette|Chronicle|News|Observer|Daily|Courier|Telegraph|Agency|TV|Radio)\b"
    outlets, media_words = need["outlets"], need["media"]
    told_words = frozenset(re.findall(r"\b[a-z]{4,}", told))
    papers = frozenset(re.findall(r"[A-Z]\w+", paper.rsplit("(?:", 1)[1]))
    unlisted = r"(?:[A-Z][\w’'-]+)(?:\s+[A-Z][\w’'-]+){0,2}"
    return (
        _rule(rf"(?:\b(?:the|The)\s+)?\b(?P<who>{name})(?:\s+{media})?{adverb}\s+{told}\b", outlets, told_words),
        _rule(
            rf"\b(?:[Aa]ccording\s+to|[Cc]iting|told|reported\s+by|quoted\s+by|said\s+by|(?:interview|statement)\s+(?:with|to)|seen\s+by|obtained\s+by|reviewed\s+by|cited\s+by|in)\s+"
            rf"(?:[Tt]he\s+)?(?:{_NATION}{media}\s+)?(?P<who>{name})",
            outlets,
        ),
        _rule(rf"\b(?:{media})\s+(?P<who>{name})", outlets, media_words),
        _rule(rf"\b(?P<who>{paper})\s+(?:reported|reports|reporting|writes|wrote|revealed)\b", papers, told_words),
        _rule(
            rf"\b(?:reported\s+by|according\s+to\s+(?:the\s+)?|told\s+(?:the\s+)?)(?P<who>{paper})",
            ("reported", "according", "told"),
        ),
        _rule(rf",\s(?P<who>{unlisted})\s+(?:reported|reports)(?=\s*(?:[,.]|$|on\s|that\s|citing\s))"),
        _rule(
            rf"\b(?:[Aa]ccording\s+to\s+)(?P<who>(?:the\s+|an?\s+)?(?:\w+\s+){{0,2}}(?:{alt['media']}))(?=\s*(?:[,.]|reports?\b|$))",
            _ACCORDING,
        ),
        _rule(
            rf"\b(?P<who>(?:[Tt]he\s+|[Aa]n?\s+)?(?:[A-Z][\w.]+\s+|[Ss]tate\s+|[Ll]ocal\s+){{0,2}}{media}){adverb}\s+(?:reported|reports|reporting|said|says|say|have\s+reported|has\s+reported)\b",
            media_words,
            told_words | {"say"},
        ),
    )


def _documents(alt: dict[str, str], need: _Needs) -> tuple[Rule, ...]:
    document = rf"(?:[\w.’'-]+\s+){{0,3}}?(?:{alt['documents']})\b"
    shows = r"(?:shows?|showed|says?|said|states?|stated|reveals?|revealed|reads?|suggests?|suggested|indicates?|indicated|obtained|seen|reviewed|viewed|leaked)"
    return (
        _rule(rf"\b[Aa]ccording\s+to\s+(?P<who>(?:an?\s+|the\s+)?{document})", _ACCORDING, need["documents"]),
        _rule(
            rf"\b(?P<who>(?:[Aa]n?|[Tt]he|[Ii]nternal|[Ll]eaked|[Cc]lassified|[Cc]ourt)\s+{document})(?:,)?\s+{shows}\b",
            need["documents"],
        ),
        _rule(
            r"\b(?P<who>[Dd]ocuments?)\s+(?:seen|obtained|reviewed|viewed)\s+by\b",
            ("Document", "Documents", "document", "documents"),
        ),
    )


def _standings() -> tuple[tuple[Standing, re.Pattern[str], tuple[str, ...]], ...]:
    soon = r"(?:yet\s+|immediately\s+|so\s+far\s+|been\s+|officially\s+|independently\s+|publicly\s+|formally\s+|be\s+){0,4}"
    said = r"(?:the|a|an|any|that|all|it|its|his|her|their|these|those|this|having|being|involvement|responsibility|reports?|allegations?|accusations?|claims?|carrying|targeting|attacking|supplying|sending|using|wrongdoing)"
    return (
        (
            Standing.UNCONFIRMED,
            re.compile(
                rf"\b(?:not|cannot|can['’]t|couldn['’]t|n['’]t|never)\s+{soon}(?:confirmed|verified|corroborated|confirm|verify|verifiable|corroborate)\b(?!\s+(?:dead|killed))"
                r"|\bno\s+(?:immediate\s+|official\s+|independent\s+|public\s+){1,3}(?:confirmation|verification|comment\s+or\s+confirmation)"
                r"|\b(?:[Uu]nconfirmed|[Uu]nverified)\s+(?:\w+\s+)?(?:reports?|claims?|accounts?|information|footage|video|videos|images|rumou?rs)"
                r"|\b(?:reports?|claims?|accounts?|figures?)\s+(?:remain|remains|are|is|was|were)\s+(?:unconfirmed|unverified)"
                r"|\bneither\s+confirm(?:ed|s|ing)?\s+n?or\s+den(?:y|ied|ies|ying)"
                r"|\b(?:declined|refused|refuses|declines|declining|yet)\s+to\s+(?:officially\s+|publicly\s+)?(?:confirm|verify)\b"
                r"|\bwithout\s+(?:official\s+|independent\s+)?(?:confirming|confirmation|verification)\b"
            ),
            ("onfirm", "erif", "orroborat"),
        ),
        (
            Standing.DENIED,
            re.compile(
                rf"\b(?:denied|denies|denying|deny)\s+(?:\w+ing\s+)?{said}\b(?!\s+(?:visas?|bail|entry|access|permission|request|appeal|motion|application|opportunity))"
                r"|\b(?:denied|denies|denying)\s+(?=\w+ing\b)"
                r"|\b(?:dismissed|rejected|dismisses|rejects|dismissing|rejecting)\s+(?:the\s+|such\s+|those\s+|these\s+|any\s+|as\s+){0,2}(?:\w+\s+){0,2}(?:reports?|claims?|allegations?|accusations?|charges?|false|baseless|fake|nonsense)\b"
                r"|\b(?:a|the|an)\s+(?:flat\s+|official\s+)?denial\s+(?:by|from|of)\b"
                r"|\b(?:has|have|had)\s+(?:repeatedly|consistently|always|previously|categorically|flatly|strongly|vehemently)\s+denied\b"
                r"|\b(?:repeatedly|categorically|flatly|strongly|vehemently)\s+(?:denied|denies)\b"
            ),
            ("deni", "deny", "dismiss", "reject"),
        ),
        (
            Standing.CONFIRMED,
            re.compile(
                r"(?<!\bto\s)(?<!\ba\s)(?<!\bbe\s)(?<!\bnot\s)(?<!\bn['’]t\s)\b(?:confirmed|confirms|confirming)\b(?!\s+(?:him|her|them|dead|killed|deaths?|cases?|by\s+the\s+Senate|as\s+(?:the\s+)?(?:defen[cs]e|foreign|secretary|attorney|ambassador|director|head)|kills?|nominee))"
                r"|\bofficial(?:ly)?\s+confirm(?:ed|ation\s+(?:of|that|came))\b"
            ),
            ("confirm",),
        ),
    )


def _title_only(alt: dict[str, str]) -> tuple[tuple[SourceKind, re.Pattern[str]], ...]:
    return (
        (SourceKind.OUTLET, re.compile(rf"(?:[:–—-]\s*|\bby\s+)(?P<who>{alt['outlets']})\s*$")),
        (SourceKind.OUTLET, re.compile(r"[:–—-]\s*(?P<who>(?:[Mm]edia|[Rr]eports?|[Ss]tate media))\s*$")),
        (
            SourceKind.ANONYMOUS_OFFICIAL,
            re.compile(r"[:–—-]\s*(?P<who>(?:[A-Z][\w.]+\s+)?(?:[Oo]fficials?|[Ss]ources?))\s*$"),
        ),
        (SourceKind.OUTLET, re.compile(r"^(?P<who>Reports?)\s*:")),
    )
