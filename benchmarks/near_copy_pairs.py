"""The labelled pairs by which the verifier of near-copies is fitted, and the engine over a table in memory.

Pairs are those the engine itself would compare: each document with the representatives of its candidate clusters, once
with every pair judged by containment and once with the true families; and follow-ups that are made here.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.identity.comparing import compare
from pipeline.identity.fingerprints import anchors
from pipeline.identity.near_copies import (
    BACKED_AT,
    JOIN_AT,
    REPRESENTATIVES,
    STOP_ANCHOR_AT,
    SURE_AT,
    TOGETHER_AT,
    WHOLE_AT,
    is_glued,
    rank_clusters,
)
from pipeline.identity.own_parts import TITLE_FEATURES
from pipeline.identity.profiles import Profile, profile

REAL_WEIGHT = 8.0
# Follow-ups are the copies' nearest kin and few; so is the harm when one is hidden.
FOLLOW_UP_WEIGHT = 2.0
# A follow-up that is made here has a lead of about so many words, and at most this share of it is the other's end.
MADE_LEAD_WORDS = (40, 100)
MADE_SHARE = 0.45
MADE_LEAST_WORDS = 25

# Those of the texts, then those of the titles, which are no numbers when one is missing.
Features = tuple[float, ...]
UNTITLED = (float("nan"),) * len(TITLE_FEATURES)
Score = Callable[[int, int, Features], float]


@dataclass(slots=True)
class Corpus:
    """Documents with what is known of each pair."""

    name: str
    documents: list[dict[str, Any]]
    copies: set[tuple[int, int]] = field(default_factory=set)
    unclear: set[tuple[int, int]] = field(default_factory=set)
    profiles: list[Profile] = field(default_factory=list)
    anchors: list[tuple[int, ...]] = field(default_factory=list)
    compared: dict[tuple[int, int], Features | None] = field(default_factory=dict)

    def is_copy(self, one: int, other: int) -> bool | None:
        """Whether two documents are one report; None when the labels don't say."""
        if self.name == "dev":
            return bool(self.documents[one]["family"] == self.documents[other]["family"])
        pair = (min(one, other), max(one, other))
        return None if pair in self.unclear else pair in self.copies

    def features(self, new: int, stored: int) -> Features | None:
        """The features of a pair, computed once; None when the two share next to nothing."""
        key = (min(new, stored), max(new, stored))
        if key not in self.compared:
            pair = compare(self.profiles[new], self.profiles[stored])
            titles = UNTITLED if pair is None else pair.title_features or UNTITLED
            self.compared[key] = None if pair is None else (*pair.features, *titles)
        return self.compared[key]

    def fold(self, number: int, folds: int) -> int:
        """Which fold a document is in: that of its source text."""
        document = self.documents[number]
        if self.name != "dev":
            source = f"{self.name} {number // 50}"
        elif document["base"] or document["role"] == "template":
            source = document["base"] or document["family"]
        else:
            source = document["family"].rsplit(":", 1)[0]
        return zlib.crc32(source.encode()) % folds


def read_corpora(directory: Path) -> list[Corpus]:
    """The generated corpus first, then the real ones."""
    with gzip.open(directory / "dev.jsonl.gz", "rt") as lines:
        corpora = [Corpus("dev", [json.loads(line) for line in lines])]
    for path in sorted(directory.glob("real_*.json.gz")):
        with gzip.open(path, "rt") as file:
            record = json.load(file)
        copies, unclear = ({(min(pair), max(pair)) for pair in record[key]} for key in ("pos", "ign"))
        corpora.append(Corpus(path.name.split(".")[0].removeprefix("real_"), record["docs"], copies, unclear))
    for corpus in corpora:
        corpus.profiles = [profile(one["text"], one["title"]) for one in corpus.documents]
        corpus.anchors = [anchors(document["text"]) for document in corpus.documents]
    return corpora


def cluster(corpus: Corpus, score: Score, join_at: float = JOIN_AT, *, is_merging: bool = True) -> list[int]:
    """The label of each document when the online engine decides by `score`, one document at a time.

    `is_merging` takes the second looks at documents that belong to two clusters, and leaves out matches that no other
    story backs; the verifier is fitted to the pairs of first looks.
    """
    table: defaultdict[int, list[int]] = defaultdict(list)
    members: dict[int, list[int]] = {}
    for new, own in enumerate(corpus.anchors):
        ranked = rank_clusters({anchor: table[anchor] for anchor in own if anchor in table}, len(own))
        found = sorted((-_best_score(corpus, new, members[label], score), label) for label in ranked)
        joined = [label for best, label in found if -best >= join_at]
        if is_merging:
            joined = [label for label in joined if _is_backed(corpus, new, members[label], score)]
        label = joined[0] if joined else new
        members.setdefault(label, []).append(new)
        _index(table, label, own)
        if is_merging and len(joined) > 1 and _resemble(corpus, [members[label], members[joined[1]]], new, score):
            older, younger = sorted(joined[:2])
            _merge(corpus, table, members, older, younger)
    labels = {number: label for label, numbers in members.items() for number in numbers}
    return [labels[number] for number in range(len(corpus.documents))]


def _index(table: defaultdict[int, list[int]], label: int, anchors: tuple[int, ...]) -> None:
    for anchor in anchors:
        if label not in table[anchor] and len(table[anchor]) < STOP_ANCHOR_AT:
            table[anchor].append(label)


def _merge(
    corpus: Corpus, table: defaultdict[int, list[int]], members: dict[int, list[int]], older: int, younger: int
) -> None:
    moved = members.pop(younger)
    members[older] = sorted(members[older] + moved)
    for anchor in {anchor for number in moved for anchor in corpus.anchors[number]}:
        if younger in table[anchor]:
            table[anchor].remove(younger)
    for number in moved:
        _index(table, older, corpus.anchors[number])


def _resemble(corpus: Corpus, clusters: list[list[int]], new: int, score: Score) -> bool:
    """`near_copies.are_one` for two clusters, but for the document that belongs to both."""
    mine, theirs = ([number for number in _representatives(numbers) if number != new] for numbers in clusters)
    if any(_is_glued(corpus, new, one, theirs) for one in mine):
        return False
    scores = [_score_of(corpus, one, other, score) for one in mine for other in theirs]
    return bool(scores) and sum(scores) / len(scores) >= TOGETHER_AT


def _score_of(corpus: Corpus, one: int, other: int, score: Score) -> float:
    features = corpus.features(one, other)
    return 0.0 if features is None else score(max(one, other), min(one, other), features)


def _representatives(numbers: list[int]) -> list[int]:
    return numbers[-1:-REPRESENTATIVES:-1] + ([numbers[0]] if len(numbers) >= REPRESENTATIVES else [])


def _is_backed(corpus: Corpus, new: int, stories: list[int], score: Score) -> bool:
    """Whether the engine trusts the best match among these stories, as near_copies._best_of_cluster says."""
    some = _representatives(stories)
    scores = [_score_of(corpus, new, one, score) for one in some]
    best = some[scores.index(max(scores))]
    pair = compare(corpus.profiles[new], corpus.profiles[best])
    is_whole = pair is not None and pair.mine.shared > WHOLE_AT * pair.mine.words
    if is_whole and len(some) > 1 and sum(one >= BACKED_AT for one in scores) < 2:
        return False
    return not _is_glued(corpus, best, new, [other for other in some if other != best])


def _is_glued(corpus: Corpus, page: int, one: int, others: Sequence[int]) -> bool:
    return is_glued(corpus.profiles[page], corpus.profiles[one], [corpus.profiles[other] for other in others])


def _best_score(corpus: Corpus, new: int, stories: list[int], score: Score) -> float:
    best = 0.0
    for stored in _representatives(stories):
        features = corpus.features(new, stored)
        if features is not None:
            best = max(best, score(new, stored, features))
        if best >= SURE_AT:
            break
    return best


@dataclass(frozen=True, slots=True)
class Table:
    """Labelled pairs: a row of features, a label and a weight each, and the folds of their two documents."""

    rows: np.ndarray
    labels: np.ndarray
    weights: np.ndarray
    folds: np.ndarray


def labelled_pairs(corpora: list[Corpus], folds: int) -> Table:
    """All pairs that the engine compares and that have a label."""
    found = [row for corpus in corpora for row in _pairs_of(corpus, folds)]
    found += _made_follow_ups(corpora[0], folds)
    rows, labels, weights, parts = zip(*found, strict=True)
    return Table(np.array(rows), np.array(labels, float), np.array(weights), np.array(parts))


def _pairs_of(corpus: Corpus, folds: int) -> Iterator[tuple[Features, bool, float, tuple[int, int]]]:
    seen: set[tuple[int, int]] = set()

    def by_containment(new: int, stored: int, features: Features) -> float:
        seen.add((new, stored))
        return features[0]

    def by_label(new: int, stored: int, features: Features) -> float:
        seen.add((new, stored))
        return float(corpus.is_copy(new, stored) or 0)

    cluster(corpus, by_containment, 0.5, is_merging=False)
    cluster(corpus, by_label, 0.5, is_merging=False)
    for new, stored in sorted(seen):
        features, label = corpus.features(new, stored), corpus.is_copy(new, stored)
        if features is not None and label is not None:
            parts = (corpus.fold(new, folds), corpus.fold(stored, folds))
            yield features, label, _weight(corpus, new, stored, label), parts


def _made_follow_ups(corpus: Corpus, folds: int) -> Iterator[tuple[Features, bool, float, tuple[int, int]]]:
    """Pairs of an original and a text with a lead of its own that ends with the original's last paragraphs.

    The follow-ups of the corpus go on with their own news behind the block; many real ones end with it.
    """
    leads: defaultdict[str, list[int]] = defaultdict(list)
    for number, document in enumerate(corpus.documents):
        if document["role"] == "single":
            leads[document["lang"]].append(number)
    originals = [number for number, document in enumerate(corpus.documents) if document["role"] == "orig"]
    for turn, stored in enumerate(originals):
        others = leads[corpus.documents[stored]["lang"]]
        if not others:
            continue
        # Two steps without a common divisor spread the choices evenly; nothing is left to chance.
        lead = others[turn * 37 % len(others)]
        shortest, longest = MADE_LEAD_WORDS
        text = _with_its_end(corpus, lead, stored, shortest + turn * 13 % (longest - shortest))
        pair = text and compare(profile(text, corpus.documents[lead]["title"]), corpus.profiles[stored])
        if pair:
            features = (*pair.features, *(pair.title_features or UNTITLED))
            yield features, False, 1.0, (corpus.fold(stored, folds), corpus.fold(lead, folds))


def _with_its_end(corpus: Corpus, lead: int, stored: int, lead_words: int) -> str | None:
    """The first paragraphs of one document, and the last ones of another; None when one is too short for that."""
    front: list[str] = []
    for paragraph in _paragraphs(corpus, lead):
        front.append(paragraph)
        if len(" ".join(front).split()) >= lead_words:
            break
    length, paragraphs = len(" ".join(front).split()), _paragraphs(corpus, stored)
    end: list[str] = []
    # Neither the original's lead nor all of the rest.
    for paragraph in reversed(paragraphs[2:]):
        taken = len(" ".join([paragraph, *end]).split())
        if end and taken > length * MADE_SHARE / (1 - MADE_SHARE):
            break
        end.insert(0, paragraph)
    is_made = MADE_LEAST_WORDS <= len(" ".join(end).split()) <= length
    return "\n\n".join(front + end) if is_made else None


def _paragraphs(corpus: Corpus, number: int) -> list[str]:
    return [paragraph for paragraph in corpus.documents[number]["text"].split("\n\n") if paragraph.strip()]


def _weight(corpus: Corpus, new: int, stored: int, label: bool) -> float:
    if corpus.name != "dev":
        return REAL_WEIGHT
    roles = {corpus.documents[new]["role"], corpus.documents[stored]["role"]}
    return FOLLOW_UP_WEIGHT if "followup" in roles and not label else 1.0
