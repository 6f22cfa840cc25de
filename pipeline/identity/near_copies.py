"""Whether a story is a copy of one already stored, and which clusters are worth comparing it with.

The store keeps, for each anchor, the clusters that contain it. A new story's anchors name a few clusters; up to five
stories of each are compared with it word by word; the best of them, if good enough, is its cluster. See
docs/near-copies.md for the measurements behind the numbers.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import log

from pipeline.identity.comparing import compare, copy_score, profile
from pipeline.identity.fingerprints import shingles
from pipeline.outcomes import Relation

__all__ = [
    "JOIN_AT", "MAX_CANDIDATES", "MAX_CLUSTERS", "MAX_CLUSTERS_PER_ANCHOR", "METHOD", "REPRESENTATIVES",
    "SHARES_WORDS", "STOP_ANCHOR_AT", "Candidate", "Match", "pick_cluster", "rank_clusters", "shingles",
]  # fmt: skip

# Stored with every link. Other features, weights or thresholds make it near-2.
METHOD = "near-1"

MAX_CLUSTERS = 6
# Of a cluster the founder and its newest stories are compared: copies are copied from both.
REPRESENTATIVES = 5
MAX_CANDIDATES = MAX_CLUSTERS * REPRESENTATIVES

# An anchor in more clusters than this is a stock phrase and names nobody; no more rows are written at the second.
MAX_CLUSTERS_PER_ANCHOR = 24
STOP_ANCHOR_AT = 96

# A missed copy shows one report twice; a wrong join hides an independent report. The second is worse, hence not 0.5.
JOIN_AT = 0.65
# From here on the other stories of the cluster could change nothing.
SURE_AT = 0.95
# Words in common from which two stories are linked without being joined.
SHARES_WORDS = 25


@dataclass(frozen=True, slots=True)
class Candidate:
    """A stored story that stands for its cluster."""

    cluster_id: int
    story_id: int
    text: str


@dataclass(frozen=True, slots=True)
class Match:
    """A stored story that the new one resembles. `score` is 0..1, how likely they are one report (METHOD)."""

    cluster_id: int
    story_id: int
    relation: Relation
    score: float


def pick_cluster(text: str, candidates: Sequence[Candidate]) -> tuple[Match | None, tuple[Match, ...]]:
    """The copy whose cluster the story joins, or None; and the stories it only shares words with, best first.

    At most one match per cluster. A cluster that also scored JOIN_AT or more but was not the best is among the second:
    its score says so. Nothing depends on the order of `candidates`.
    """
    in_order = sorted(candidates, key=lambda candidate: (candidate.cluster_id, candidate.story_id))
    matches = [
        match
        for _, stories in groupby(in_order, key=lambda candidate: candidate.cluster_id)
        if (match := _best_of_cluster(text, list(stories))) is not None
    ]
    matches.sort(key=lambda match: (-match.score, match.cluster_id))
    if matches and matches[0].relation is Relation.COPY:
        return matches[0], tuple(_not_joined(match) for match in matches[1:])
    return None, tuple(matches)


def rank_clusters(hits: Mapping[int, Sequence[int]], limit: int = MAX_CLUSTERS) -> tuple[int, ...]:
    """The ids of the clusters most worth comparing, best first, at most `limit`.

    `hits` maps each anchor of the story to the clusters that contain it. A rare anchor weighs more than a common one;
    lists longer than MAX_CLUSTERS_PER_ANCHOR are skipped.
    """
    weights: defaultdict[int, float] = defaultdict(float)
    for cluster_ids in hits.values():
        if 0 < len(cluster_ids) <= MAX_CLUSTERS_PER_ANCHOR:
            weight = log(1 + MAX_CLUSTERS_PER_ANCHOR / len(cluster_ids))
            for cluster_id in cluster_ids:
                weights[cluster_id] += weight
    # Rounded, because a sum of floats must not depend on the order of the rows.
    return tuple(sorted(weights, key=lambda cluster_id: (-round(weights[cluster_id], 6), cluster_id))[:limit])


def _best_of_cluster(text: str, stories: Sequence[Candidate]) -> Match | None:
    """The best match of one cluster, or None when no story of it is a copy or shares SHARES_WORDS words."""
    best: Match | None = None
    for story in stories:
        pair = compare(profile(text), profile(story.text))
        if pair is None:
            continue
        score = copy_score(pair)
        shared_words = min(pair.inner.shared_words, pair.outer.shared_words)
        if score < JOIN_AT and shared_words < SHARES_WORDS:
            continue
        if best is None or score > best.score:
            relation = Relation.COPY if score >= JOIN_AT else Relation.SHARES
            best = Match(story.cluster_id, story.story_id, relation, score)
        if score >= SURE_AT:
            break
    return best


def _not_joined(match: Match) -> Match:
    return Match(match.cluster_id, match.story_id, Relation.SHARES, match.score)
