"""Texts cut into pieces for showing: where the evidence of a verdict stands, and which words a revision changed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Any, Literal

from pipeline.revisions.diffing import MAX_PARAGRAPHS, differing_spans

# The alignment takes a bit for each pair of words; longer paragraphs are shown as taken out and put in whole.
DIFF_MAX_WORDS = 3_000


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of text; `weight` is what stands there adds to the scores, and 0 where nothing does."""

    text: str
    weight: float = 0.0
    why: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """A run of words that both versions have, or only one."""

    kind: Literal["same", "added", "removed"]
    text: str


def mark_evidence(
    title: str, standfirst: str | None, text: str, evidence: Iterable[Mapping[str, Any]]
) -> dict[str, list[Piece]]:
    """Title, standfirst and text cut where the evidence stands; the pieces of each, put together, are the whole.

    Evidence lies in `title` or in `lead`, which is the standfirst, an empty line and the text, as it was judged
    (pipeline/judging). Spans may overlap: a run belongs to all that cover it. What lies outside is passed over.
    """
    texts = {"title": title, "standfirst": standfirst or "", "text": text}
    spans: dict[str, list[tuple[int, int, float, str]]] = {name: [] for name in texts}
    text_starts = len(standfirst) + 2 if standfirst else 0
    for item in evidence:
        start, end, why = item["start"], item["end"], f"{item['head']} {item['weight']:+.2f}"
        if item["place"] == "title":
            spans["title"].append((start, end, item["weight"], why))
        elif item["place"] == "lead":
            if start < text_starts:
                spans["standfirst"].append((start, end, item["weight"], why))
            spans["text"].append((start - text_starts, end - text_starts, item["weight"], why))
    return {name: _cut(whole, spans[name]) for name, whole in texts.items()}


def _cut(text: str, spans: Sequence[tuple[int, int, float, str]]) -> list[Piece]:
    inside = [(max(start, 0), min(end, len(text)), weight, why) for start, end, weight, why in spans]
    inside = [span for span in inside if span[0] < span[1]]
    edges = sorted({0, len(text), *(span[0] for span in inside), *(span[1] for span in inside)})
    pieces = []
    for start, end in pairwise(edges):
        over = [span for span in inside if span[0] <= start and end <= span[1]]
        why = ", ".join(dict.fromkeys(span[3] for span in over))
        pieces.append(Piece(text[start:end], sum(span[2] for span in over), why))
    return pieces


def diff_words(old: str, new: str) -> list[Change]:
    """What became of `old`: without the added runs the changes spell `old`, without the removed ones `new`.

    Paragraphs are compared first, and words within those that changed.
    """
    before, after = (re.split(r"(\n\n)", version) for version in (old, new))
    changes: list[Change] = []
    at = 0
    for old_start, old_end, new_start, new_end in differing_spans(before, after, MAX_PARAGRAPHS):
        changes.append(Change("same", "".join(before[at:old_start])))
        old_part, new_part = "".join(before[old_start:old_end]), "".join(after[new_start:new_end])
        changes += _diff_part(re.findall(r"\s+|\S+", old_part), re.findall(r"\s+|\S+", new_part))
        at = old_end
    return _joined([*changes, Change("same", "".join(before[at:]))])


def _diff_part(old: list[str], new: list[str]) -> list[Change]:
    if max(len(old), len(new)) > 2 * DIFF_MAX_WORDS:
        return [Change("removed", "".join(old)), Change("added", "".join(new))]
    found = []
    at = 0
    for old_start, old_end, new_start, new_end in differing_spans(old, new, 2 * DIFF_MAX_WORDS):
        found += [
            Change("same", "".join(old[at:old_start])),
            Change("removed", "".join(old[old_start:old_end])),
            Change("added", "".join(new[new_start:new_end])),
        ]
        at = old_end
    return [*found, Change("same", "".join(old[at:]))]


def _joined(changes: Iterable[Change]) -> list[Change]:
    named = (change for change in changes if change.text)
    return [Change(kind, "".join(c.text for c in run)) for kind, run in groupby(named, key=lambda change: change.kind)]
