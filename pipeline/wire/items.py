"""What every agency format is read into: strings as they were found, so that one set of rules judges them all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pipeline.values import SubjectCode

# Agencies file up to some dozens; more is no classification.
SUBJECTS_MAX = 64


@dataclass(frozen=True, slots=True)
class TextLine:
    """One paragraph, sub-head, list item or table row of a body."""

    text: str
    kind: Literal["p", "head", "item", "row"] = "p"


@dataclass(frozen=True, slots=True)
class WireItem:
    """One item of an agency as its format has it.

    `raw` is the item alone in its own format, `media_type` names that. `version`, `status`, `urgency`, `embargoed` and
    the dates are as written; an `embargoed` that is empty is an embargo without an end. `links` are its addresses for
    the public, the best first. `lines` is the body; an item without any holds no story's text.
    """

    media_type: str
    raw: str
    guid: str | None = None
    version: str | None = None
    status: str | None = None
    embargoed: str | None = None
    urgency: str | None = None
    note: str | None = None
    subjects: tuple[SubjectCode, ...] = ()
    links: tuple[str, ...] = ()
    title: str | None = None
    standfirst: str | None = None
    summary: str | None = None
    authors: tuple[str, ...] = ()
    dateline: str | None = None
    language: str | None = None
    published: str | None = None
    updated: str | None = None
    captions: tuple[str, ...] = ()
    lines: tuple[TextLine, ...] = ()


@dataclass(frozen=True, slots=True)
class WireMessage:
    """The items of one document. `passed_over` counts parts that hold no text: pictures, videos, concepts."""

    format: str
    title: str | None = None
    language: str | None = None
    items: tuple[WireItem, ...] = ()
    passed_over: int = 0
