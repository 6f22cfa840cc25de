"""Everything that is judged of a whole story: the verdict on title and lead; who, where and on whose word."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache

from pipeline.judging.gazetteer import NAME_LANGUAGES
from pipeline.judging.naming import mentions_in, names_language, sentences_of
from pipeline.judging.packaged import packaged
from pipeline.judging.places import places_in
from pipeline.judging.sourcing import RULES, sourcing_in
from pipeline.judging.verdicts import judge, lead_from
from pipeline.verdict import Verdict

_LISTS = ("actors", "leaders", "places", "sourcing", *(f"names.{name}" for name in NAME_LANGUAGES if name != "en"))
# A live blog names hundreds; what counts is who is named, and that is said early.
MENTIONS_MAX = 400
PLACES_MAX = 200


def judge_story(
    title: str, standfirst: str | None, text: str, language: str | None, published_at: datetime | None
) -> Verdict:
    """The verdict on a story, with the actors and places it names and its sourcing, in title, lead and body.

    `published_at` decides who was in office; None takes every name for an actor's. Names are read in the languages of
    NAME_LANGUAGES, sourcing in English. In a language without scores, names are found all the same.
    """
    lead = lead_from(standfirst, text)
    verdict = judge(title, lead, language)
    spoken = names_language(language) if language is not None or verdict.language_supported else None
    if spoken is None:
        return replace(verdict, mentions=(), rules=rules_version())
    told = sentences_of(title, lead, text, standfirst)
    day = published_at.astimezone(UTC).date() if published_at is not None else None
    mentions = tuple(mentions_in(told, spoken, day))[:MENTIONS_MAX]
    states = {mention.actor for mention in mentions if mention.kind == "state"}
    return replace(
        verdict,
        mentions=mentions,
        places=tuple(places_in(told, spoken, states))[:PLACES_MAX],
        sourcing=tuple(sourcing_in(told, day)) if spoken == "en" else (),
        rules=rules_version(),
    )


@cache
def rules_version() -> str:
    """The version of the lists of names, places and words of sourcing: it changes when one of them does."""
    digest = hashlib.sha256()
    for name in _LISTS:
        digest.update(packaged(f"{name}.toml"))
    return f"{RULES}+{digest.hexdigest()[:8]}"
