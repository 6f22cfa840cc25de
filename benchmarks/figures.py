"""What cross-validation says of a model: overall, on the live mix, by hard family, by type, by theatre of war."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from benchmarks.labelled import (
    TYPES,
    Row,
    Vector,
    are_found,
    average_precision,
    calibration_error,
    column,
    precision_at_recall,
    precision_recall_f1,
)
from pipeline.judging import ACT_THRESHOLD, SURE_THRESHOLD, THRESHOLD
from pipeline.judging.gazetteer import actors_in
from pipeline.judging.tokens import sentences

# Families of stories that are hard to tell, found by their words in the headline (or, without one, the lead's start).
_OFFICE = r"(?:president|minister|secretary|general|pm|official|envoy|ambassador|commander|adviser|congressman|senator)"
_FIGHT = r"(?:strikes?|struck|attack\w*|shell\w*|bomb\w*|raids?|hit|kill\w*|explo\w*|drones?|missiles?)"
HARD_FAMILIES = (
    ("strike report with an official line", rf"\b{_FIGHT}\b.*\b(?:says|said|officials?|according|claims?|ministry)\b"),
    ("attack after a truce", rf"(?=.*\b{_FIGHT}\b)(?=.*\b(?:truce|ceasefire|cease-fire)\b)"),
    (
        "opinion and analysis",
        r"\bopinion\b|\beditorial\b|\banalysis\b|^(?:why|how|what)\b|\bexplain\w*|\bcolumn\b|\bview on\b",
    ),
    ("former officials", rf"\b(?:former|ex-?|retired)\s?(?:\w+ ){{0,3}}{_OFFICE}s?\b"),
    ("visits and meetings", r"\b(?:visits?|visiting|trip|arrives?|meets?|meeting|summit|hosts?|tour)\b"),
    ("sanctions and trade", r"\b(?:sanctions?|tariffs?|trade|embargo\w*|export (?:ban|controls?)|price cap)\b"),
    ("gangs and police", r"\b(?:gangs?|cartels?|police|gunm[ae]n|mafia|drug)\b"),
    ("exercises", r"\b(?:drills?|exercises?|war games|wargames|manoeuvres|maneuvers)\b"),
    (
        "war history",
        r"\b(?:world war|wwii|ww2|nazi\w*|holocaust|anniversary|veterans?|hiroshima|d-day|cold war|vietnam)\b",
    ),
    ("sport", r"\b(?:cup|league|match|football|cricket|olympics?|team|coach|players?|striker|goals?|season|nfl|nba)\b"),
    ("live blogs and round-ups", r"\blive\b|\bbriefing\b|\bat a glance\b|\bwhat we know\b|\bday \d+\b|\blatest\b"),
)
# Theatres by the actors that a story of theirs names; such a story is left out of fitting and measured on.
THEATRES = {
    "Ukraine": {"UKR"},
    "Israel and Gaza": {"ISR", "PSE", "HAMAS"},
    "Syria and Iraq": {"SYR", "IRQ"},
    "Iran": {"IRN"},
    "Korea": {"PRK", "KOR"},
    "China and Taiwan": {"TWN", "CHN"},
    "Afghanistan and Pakistan": {"AFG", "PAK"},
    "Sudan": {"SDN", "SSD"},
    "Sahel": {"MLI", "NER", "BFA", "TCD", "NGA"},
}
CONFUSIONS = 12
TYPE_CUTS = (0.26, 0.3, 0.34, 0.38, 0.42)
LIVE_BANDS = (0.0, 0.1, 0.2, 0.34, 0.5, 0.7, 0.9, 1.0)


def sigmoid(logits: Vector) -> Vector:
    """Probabilities from logits."""
    return np.asarray(1 / (1 + np.exp(-np.clip(logits, -35, 35))))


def policy_of(logits: dict[str, Vector]) -> Vector:
    """The policy score of every story from its logits, as the judging room makes it."""
    return sigmoid(logits["conflict"]) * sigmoid(logits["act"])


def report(rows: list[Row], logits: dict[str, Vector]) -> None:
    """Print every figure that docs/classification.md states."""
    policy, conflict, live = (column(rows, key) for key in ("conflict_policy", "conflict", "live_weight"))
    score, p_conflict = policy_of(logits), sigmoid(logits["conflict"])
    _headline("all stories", policy, score)
    drawn = np.array([not str(row.get("stratum", "")).startswith("batch_") for row in rows])
    _headline("outside the boundary batches", policy[drawn], score[drawn])
    _headline("labels not marked hard", policy[(h := column(rows, "hard")) == 0], score[h == 0])
    print(f"conflict: AP {average_precision(conflict, p_conflict):.3f}", end="")
    print(f", flag P R F1 {_three(conflict, p_conflict >= THRESHOLD)}, at 0.5 {_three(conflict, p_conflict >= 0.5)}")
    print(
        "F1 by cut:",
        " ".join(f"{t:.2f} {precision_recall_f1(policy, score >= t)[2]:.3f}" for t in np.arange(0.26, 0.55, 0.04)),
    )
    if live.any():
        _live(policy, score, live)
    everyday = live > 0
    quiet = (conflict == 1) & (policy == 0)
    print(f"taken for policy: conflict without an act {(score[quiet] >= THRESHOLD).mean():.3f}", end=", ")
    print(f"no conflict {(score[conflict == 0] >= THRESHOLD).mean():.3f}; live stories {everyday.sum()}")
    _types(rows, logits, policy, drawn)
    _families(rows, policy, score)


def _headline(name: str, y: Vector, score: Vector) -> None:
    print(f"{name} ({len(y)}, {y.mean():.0%} positive): AP {average_precision(y, score):.3f}", end="")
    print(f", calibration error {calibration_error(y, score):.3f}, Brier {((score - y) ** 2).mean():.4f}", end="")
    print(f", flag P R F1 {_three(y, score >= THRESHOLD)}, sure P R F1 {_three(y, score >= SURE_THRESHOLD)}")


def _three(y: Vector, chosen: NDArray[np.bool_], weight: Vector | None = None) -> str:
    return " ".join(f"{value:.3f}" for value in precision_recall_f1(y, chosen, weight))


def _live(policy: Vector, score: Vector, live: Vector) -> None:
    print(f"live mix: AP {average_precision(policy, score, live):.3f}", end="")
    print(f", precision at recall .75 {precision_at_recall(policy, score, live, 0.75):.3f}", end="")
    print(f", flag P R F1 {_three(policy, score >= THRESHOLD, live)}", end="")
    print(f", sure P R F1 {_three(policy, score >= SURE_THRESHOLD, live)}")
    for low, high in pairwise(LIVE_BANDS):
        band = live * (score >= low) * (score < high)
        share = (band * policy).sum() / max(band.sum(), 1e-9)
        print(
            f"  score {low:.2f}-{high:.2f}: {band.sum() / live.sum():.3f} of live stories, {share:.2f} of them policy"
        )


def _types(rows: list[Row], logits: dict[str, Vector], policy: Vector, drawn: NDArray[np.bool_]) -> None:
    labels = np.array([[act in row["policy_types"] for act in TYPES] for row in rows]).astype(float)
    chances = np.array([sigmoid(logits[act]) for act in TYPES]).T
    given = chances / (1 - np.prod(1 - chances, axis=1))[:, None]
    claimed = (given >= ACT_THRESHOLD) | (given == given.max(1, keepdims=True))
    for name, use in (("all", policy == 1), ("outside the boundary batches", (policy == 1) & drawn)):
        y, p = labels[use], given[use]
        cuts = " ".join(f"{t:.2f} {precision_recall_f1(y.ravel(), (p >= t).ravel())[2]:.3f}" for t in TYPE_CUTS)
        best = y[np.arange(len(y)), p.argmax(1)].mean()
        print(f"types, {name} ({len(y)}): micro P R F1 {_three(y.ravel(), claimed[use].ravel())}", end="")
        print(f", best one right {best:.3f}; micro-F1 by cut alone {cuts}")
    for number, act in enumerate(TYPES):
        y, chosen = labels[policy == 1, number], claimed[policy == 1, number]
        print(f"  {act} ({int(y.sum())}): P R F1 {_three(y, chosen)}")
    _confusions(labels[policy == 1], given[policy == 1])


def _confusions(labels: Vector, given: Vector) -> None:
    """The commonest pairs of the act that was labelled first and the act that was taken for it."""
    wrong = Counter(
        (TYPES[int(label.argmax())], TYPES[int(chance.argmax())])
        for label, chance in zip(labels, given, strict=True)
        if not label[chance.argmax()]
    )
    shown = ", ".join(f"{label} as {taken} {count}" for (label, taken), count in wrong.most_common(CONFUSIONS))
    print(f"types confused, of {int(wrong.total())}: {shown}")


def _families(rows: list[Row], policy: Vector, score: Vector) -> None:
    for name, expression in HARD_FAMILIES:
        found = re.compile(expression, re.IGNORECASE)
        use = np.array([bool(found.search(row["title"] or row["text"][:150])) for row in rows])
        y, s = policy[use], score[use]
        if not y.any():
            continue  # the words are English
        print(f"hard: {name} ({len(y)}, {int(y.sum())} policy): AP {average_precision(y, s):.3f}", end="")
        print(
            f", P R F1 {_three(y, s >= THRESHOLD)}, false alarms among the others {(s[y == 0] >= THRESHOLD).mean():.3f}"
        )


def report_theatres(rows: list[Row], fit_without: Callable[[Vector], dict[str, Vector]]) -> None:
    """Print how a model does on each theatre that it never saw: neither its stories nor their calibration.

    `rows` are all that a model learns from; `fit_without` gives every row's logits from a model of those in its mask.
    """
    policy, is_measured = column(rows, "conflict_policy"), are_found(rows)
    named = [_actors(row) for row in rows]
    means = []
    for theatre, codes in THEATRES.items():
        held = np.array([bool(codes & actors) for actors in named])
        measured = held & is_measured
        score = policy_of(fit_without(~held))[measured]
        y = policy[measured]
        means.append((precision_recall_f1(y, score >= THRESHOLD)[2], average_precision(y, score)))
        print(
            f"without {theatre} ({measured.sum()}): AP {means[-1][1]:.3f}, P R F1 {_three(y, score >= THRESHOLD)}",
            flush=True,
        )
    print("mean F1 {:.3f}, AP {:.3f}".format(*np.mean(means, axis=0)))


def _actors(row: Row) -> set[str]:
    texts = (row["title"], row["text"])
    return {span.actor.code for text in texts for sentence in sentences(text) for span in actors_in(sentence)}
