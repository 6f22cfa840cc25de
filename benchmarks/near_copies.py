"""The near-copy engine over a table in memory, for scoring on labelled corpora.

`clusterer()` gives an object with `add(document)`, `flush()` and `clusters()`. A document is a dictionary with `id`,
`title` and `text`. What `add` writes is seen by others only after `flush`, as when several workers run at once;
`flush` then looks again for each document of the batch that founded a cluster, as the store does after its commit.

All decisions are those of pipeline.identity; only the two tables here are not the product's. Another table (the SQL
store, say) goes in through `Clusterer(anchor_table)`.

    python benchmarks/near_copies.py --corpus dev.jsonl.gz [--in-flight 16] [--burst]

prints what the usual scores hide: how often each kind of story that is no copy was joined to another family. `--burst`
lets the copies of a report arrive close together, as they do on a wire, instead of in the order of the file.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import sys
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from pipeline.identity.fingerprints import fingerprint
from pipeline.identity.near_copies import (
    MAX_CLUSTERS,
    MAX_CLUSTERS_PER_ANCHOR,
    REPRESENTATIVES,
    STOP_ANCHOR_AT,
    Candidate,
    Match,
    pick_cluster,
    rank_clusters,
)


class AnchorTable(Protocol):
    """Which clusters contain an anchor."""

    def clusters_of(self, anchors: Sequence[int]) -> Mapping[int, Sequence[int]]:
        """For each known anchor its clusters; at least MAX_CLUSTERS_PER_ANCHOR + 1 of them when there are more."""

    def insert(self, anchors: Sequence[int], cluster_id: int) -> None:
        """Note the cluster under each anchor that is not yet in STOP_ANCHOR_AT clusters."""


class AnchorsInMemory:
    """AnchorTable as a dictionary."""

    def __init__(self) -> None:
        self._clusters: defaultdict[int, list[int]] = defaultdict(list)

    def clusters_of(self, anchors: Sequence[int]) -> Mapping[int, Sequence[int]]:
        """See AnchorTable."""
        return {
            anchor: found[: MAX_CLUSTERS_PER_ANCHOR + 1] for anchor in anchors if (found := self._clusters.get(anchor))
        }

    def insert(self, anchors: Sequence[int], cluster_id: int) -> None:
        """See AnchorTable."""
        for anchor in anchors:
            found = self._clusters[anchor]
            if cluster_id not in found and len(found) < STOP_ANCHOR_AT:
                found.append(cluster_id)


@dataclass(frozen=True, slots=True)
class Stored:
    """A document with the cluster it joined, or founded when that is its own number."""

    number: int
    text: str
    anchors: tuple[int, ...]
    cluster_id: int


class Clusterer:
    """Documents in, clusters out."""

    def __init__(self, table: AnchorTable) -> None:
        self._table = table
        self._ids: list[Any] = []
        self._pending: list[Stored] = []
        self._members: defaultdict[int, list[Stored]] = defaultdict(list)
        self._merged_into: dict[int, int] = {}

    def add(self, document: Mapping[str, Any]) -> None:
        """Look a document up in what was flushed before, and keep it until the next flush."""
        number = len(self._ids)
        self._ids.append(document["id"])
        text = document["text"] or ""
        anchors = fingerprint(document["title"] or "", text).anchors
        copy = self._look_up(text, anchors, but_not=number)
        self._pending.append(Stored(number, text, anchors, copy.cluster_id if copy else number))

    def flush(self) -> None:
        """Write the batch, then look again for those of it that founded a cluster."""
        batch, self._pending = self._pending, []
        for story in batch:
            self._members[story.cluster_id].append(story)
            self._table.insert(story.anchors, story.cluster_id)
        if len(batch) > 1:
            for story in batch:
                if story.cluster_id == story.number:
                    self._look_again(story)

    def clusters(self) -> dict[Any, int]:
        """The final cluster of each document id."""
        label_of = {
            story.number: self._final(cluster_id) for cluster_id, stories in self._members.items() for story in stories
        }
        return {document_id: label_of[number] for number, document_id in enumerate(self._ids)}

    def _look_up(self, text: str, anchors: Sequence[int], *, but_not: int) -> Match | None:
        hits = self._table.clusters_of(anchors)
        ranked = rank_clusters(hits, MAX_CLUSTERS + 1)
        clusters = [cluster_id for cluster_id in ranked if self._final(cluster_id) != but_not][:MAX_CLUSTERS]
        candidates = [
            Candidate(cluster_id, story.number, story.text)
            for cluster_id in clusters
            for story in self._representatives(cluster_id)
        ]
        return pick_cluster(text, candidates)[0]

    def _look_again(self, story: Stored) -> None:
        copy = self._look_up(story.text, story.anchors, but_not=self._final(story.cluster_id))
        if copy is not None:
            older, younger = sorted((self._final(copy.cluster_id), self._final(story.cluster_id)))
            if older != younger:
                self._merged_into[younger] = older

    def _representatives(self, cluster_id: int) -> list[Stored]:
        stories = self._members[cluster_id]
        return stories[:1] + stories[1:][-(REPRESENTATIVES - 1) :]

    def _final(self, cluster_id: int) -> int:
        while cluster_id in self._merged_into:
            cluster_id = self._merged_into[cluster_id]
        return cluster_id


def clusterer() -> Clusterer:
    """The engine over a table in memory."""
    return Clusterer(AnchorsInMemory())


def wrongly_joined(documents: Sequence[Mapping[str, Any]], label_of: Mapping[Any, int]) -> dict[str, tuple[int, int]]:
    """For each role: documents in one cluster with another family, and documents in all."""
    families: defaultdict[int, Counter[str]] = defaultdict(Counter)
    for document in documents:
        families[label_of[document["id"]]][document["family"]] += 1
    joined: Counter[str] = Counter()
    total: Counter[str] = Counter()
    for document in documents:
        total[document["role"]] += 1
        joined[document["role"]] += len(families[label_of[document["id"]]]) > 1
    return {role: (joined[role], total[role]) for role in sorted(total)}


def in_bursts(documents: Sequence[Mapping[str, Any]], seed: int = 3) -> list[Mapping[str, Any]]:
    """The documents reordered so that a family arrives within a few dozen documents."""
    chance = random.Random(seed)
    hour: defaultdict[str, float] = defaultdict(chance.random)
    return sorted(documents, key=lambda document: hour[document["family"]] + chance.random() * 0.004)


def main() -> None:
    """Print the wrong joins by role."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--in-flight", type=int, default=1)
    parser.add_argument("--burst", action="store_true")
    args = parser.parse_args()
    with gzip.open(args.corpus, "rt") as lines:
        documents: list[Mapping[str, Any]] = [json.loads(line) for line in lines]
    documents = in_bursts(documents) if args.burst else documents
    engine = clusterer()
    for number, document in enumerate(documents, 1):
        engine.add(document)
        if number % args.in_flight == 0:
            engine.flush()
    engine.flush()
    for role, (joined, total) in wrongly_joined(documents, engine.clusters()).items():
        print(f"{role:12s} {joined:5d} of {total:5d} in a cluster with another family ({joined / total:.1%})")


if __name__ == "__main__":
    main()
