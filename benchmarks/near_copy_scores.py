"""Figures for clusters of near-copies against labelled families: what the tables of docs/near-copies.md hold."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

Documents = Sequence[Mapping[str, Any]]


def adjusted_rand(gold: Sequence[object], found: Sequence[object]) -> float:
    """1 for the true families, 0 for chance (Hubert and Arabie 1985)."""
    both = _pairs(list(zip(gold, found, strict=True)))
    of_gold, of_found, total = _pairs(gold), _pairs(found), len(gold) * (len(gold) - 1) // 2
    expected = of_gold * of_found / total
    most = (of_gold + of_found) / 2
    return (both - expected) / (most - expected) if most != expected else 1.0


def score_generated(documents: Documents, labels: Sequence[int]) -> list[str]:
    """Lines of figures for documents with `family`, `role`, `hard`, `base`, `trunc`."""
    gold = [document["family"] for document in documents]
    both = _pairs(list(zip(gold, labels, strict=True)))
    precision, recall = both / max(1, _pairs(labels)), both / max(1, _pairs(gold))
    lines = [f"dev: ARI {adjusted_rand(gold, labels):.3f}  P {precision:.3f}  R {recall:.3f}"]
    shares = with_original(documents, labels)
    lines.append("  with the original: " + "  ".join(f"{edit} {share:.3f}" for edit, share in shares.items()))
    lines.append(f"  follow-ups wrongly joined: {follow_up_pairs(documents, labels):.3f} of pairs")
    others = wrongly_joined(documents, labels)
    lines.append("  with another family: " + "  ".join(f"{role} {n}/{total}" for role, (n, total) in others.items()))
    return lines


def with_original(documents: Documents, labels: Sequence[int]) -> dict[str, float]:
    """For each kind of edit the share of copies in one cluster with their original; `cut` is 40-60 % cut off."""
    firsts = {d["family"]: label for d, label in zip(documents, labels, strict=True) if d["role"] == "orig"}
    found: defaultdict[str, list[bool]] = defaultdict(list)
    for document, label in zip(documents, labels, strict=True):
        if document["role"] in ("copy", "version") and document["family"] in firsts:
            is_joined = label == firsts[document["family"]]
            found[document["hard"] or document["role"]].append(is_joined)
            if 0.4 <= document["trunc"] <= 0.6:
                found["cut"].append(is_joined)
    return {edit: sum(joined) / len(joined) for edit, joined in sorted(found.items())}


def follow_up_pairs(documents: Documents, labels: Sequence[int]) -> float:
    """The share of pairs of a follow-up and a story of the report it follows up that are in one cluster."""
    families: defaultdict[str, list[int]] = defaultdict(list)
    for document, label in zip(documents, labels, strict=True):
        families[document["family"]].append(label)
    joined = total = 0
    for document, label in zip(documents, labels, strict=True):
        if document["role"] == "followup":
            others = families[f"F:{document['base']}"]
            total += len(others)
            joined += others.count(label)
    return joined / max(1, total)


def wrongly_joined(documents: Documents, labels: Sequence[int]) -> dict[str, tuple[int, int]]:
    """For each role that is no copy: documents in one cluster with another family, and documents in all."""
    families: defaultdict[int, set[str]] = defaultdict(set)
    for document, label in zip(documents, labels, strict=True):
        families[label].add(document["family"])
    found: dict[str, tuple[int, int]] = {}
    for document, label in zip(documents, labels, strict=True):
        joined, total = found.get(document["role"], (0, 0))
        found[document["role"]] = (joined + (len(families[label]) > 1), total + 1)
    return {role: found[role] for role in sorted(found) if role not in ("orig", "copy", "version")}


def score_real(labels: Sequence[int], copies: set[tuple[int, int]], unclear: set[tuple[int, int]]) -> str:
    """Precision and recall over labelled pairs of indices, smaller first; pairs in `unclear` are not counted."""
    members: defaultdict[int, list[int]] = defaultdict(list)
    for number, label in enumerate(labels):
        members[label].append(number)
    joined = {pair for numbers in members.values() for pair in itertools.combinations(numbers, 2)} - unclear
    right = len(joined & copies)
    return f"P {right / max(1, len(joined)):.3f}  R {right / max(1, len(copies)):.3f}"


def _pairs(labels: Sequence[object]) -> int:
    return sum(count * (count - 1) // 2 for count in Counter(labels).values())
