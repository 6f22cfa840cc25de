"""How often two reports that are said to tell of one event do: precision and recall on labelled pairs.

    python benchmarks/event_pairs.py --stories FILE.jsonl … --pairs PAIRS.json
    python benchmarks/event_pairs.py --stories FILE.jsonl … --draw 180 --seed 5 > unlabelled.txt

A story is a line with id, date (YYYY-MM-DD), title, text and lang, not labelled conflict_policy 0. Pairs are
drawn from the product's own candidates by layers of score and labelled by reading; PAIRS.json is a list of
[id, id, 0 or 1]. Each pair weighs as many as its layer has candidates for each labelled one. Texts and labels are no
part of this project.
"""

from __future__ import annotations

import argparse
import json
import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from pipeline.identity.events import MAX_CANDIDATES, Telling, days_around, event_keys, features, rarity, score
from pipeline.judging import judge_story

LAYERS = ((0.8, 1.01), (0.5, 0.8), (0.3, 0.5), (0.15, 0.3), (0.03, 0.15))
THRESHOLDS = (0.5, 0.6, 0.65, 0.7, 0.75, 0.8)
SINCE = "2010"

Pair = tuple[str, str]


def tellings(paths: Iterable[Path]) -> dict[str, Telling]:
    """Dated conflict-policy stories by id, judged by the product."""
    found: dict[str, Telling] = {}
    for line in (line for path in paths for line in path.read_text("utf-8").splitlines()):
        row = json.loads(line)
        date = row.get("date") or ""
        if len(date) != 10 or date < SINCE or not row["title"] or not row.get("conflict_policy", True):
            continue
        verdict = judge_story(row["title"], None, row["text"], row["lang"], None)
        if verdict.is_conflict_policy:
            actors = Counter(mention.actor for mention in verdict.mentions if mention.place != "body")
            found[row["id"]] = Telling(
                cluster_id=len(found),
                told_at=datetime.fromisoformat(date).replace(hour=12, tzinfo=UTC),
                title=row["title"],
                lead=row["text"],
                actors=tuple(actor for actor, _ in actors.most_common()),
                acts=tuple(act.act.value for act in sorted(verdict.acts, key=lambda act: -act.score)),
                places=tuple({place.name for place in verdict.places if place.place != "body"}),
            )
    return found


def scored_pairs(stories: Mapping[str, Telling]) -> dict[Pair, float]:
    """Every pair that the product would compare, with its score."""
    by_key = defaultdict(list)
    for name, told in stories.items():
        for key in event_keys(told):
            by_key[key].append(name)
    found: dict[Pair, float] = {}
    for name, told in stories.items():
        shared = Counter(
            other
            for day in days_around(told)
            for _, actor, act in event_keys(told)
            for other in by_key.get((day, actor, act), ())
            if other != name
        )
        ranked = sorted(shared, key=lambda other: (-shared[other], -stories[other].cluster_id))[:MAX_CANDIDATES]
        weights = rarity([told, *(stories[other] for other in ranked)])
        for other in ranked:
            is_first = told.cluster_id < stories[other].cluster_id
            pair = (name, other) if is_first else (other, name)
            if stories[other].title != told.title and pair not in found:
                found[pair] = score(features(told, stories[other], weights))
    return found


def report(scores: Mapping[Pair, float], labels: Mapping[Pair, bool]) -> None:
    """Print precision and recall of pairs at each threshold, weighed by the layers."""
    weights: dict[Pair, float] = {}
    for low, high in LAYERS:
        layer = [pair for pair in labels if low <= scores.get(pair, 0) < high]
        size = sum(low <= found < high for found in scores.values())
        weights |= {pair: size / len(layer) for pair in layer}
    same = sum(weight for pair, weight in weights.items() if labels[pair])
    print(f"{len(weights)} pairs labelled of {len(scores)}")
    for threshold in THRESHOLDS:
        joined = {pair: weight for pair, weight in weights.items() if scores[pair] >= threshold}
        right = sum(weight for pair, weight in joined.items() if labels[pair])
        total = sum(joined.values())
        print(f"from {threshold}: precision {right / total:.3f}, recall {right / same:.3f} ({len(joined)} pairs)")


def draw(scores: Mapping[Pair, float], stories: Mapping[str, Telling], count: int, seed: int) -> None:
    """Print pairs of each layer to be read and labelled, in a random order."""
    chance = random.Random(seed)
    drawn: list[Pair] = []
    for low, high in LAYERS:
        layer = sorted(pair for pair, found in scores.items() if low <= found < high)
        drawn += chance.sample(layer, min(len(layer), count // len(LAYERS)))
    for first, second in chance.sample(drawn, len(drawn)):
        print(f"{first}\t{second}\n  {stories[first].title}\n  {stories[second].title}")


def main() -> None:
    """Measure, or draw pairs to label."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stories", nargs="+", type=Path, required=True)
    parser.add_argument("--pairs", type=Path)
    parser.add_argument("--draw", type=int, default=0)
    parser.add_argument("--seed", type=int, default=5)
    options = parser.parse_args()
    stories = tellings(options.stories)
    scores = scored_pairs(stories)
    if options.draw:
        draw(scores, stories, options.draw, options.seed)
        return
    raw = json.loads(options.pairs.read_text("utf-8"))
    given = {(first, second): bool(label) for first, second, label in raw}
    report(scores, {pair: label for pair, label in given.items() if pair in scores})


if __name__ == "__main__":
    main()
