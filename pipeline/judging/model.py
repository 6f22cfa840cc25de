"""The fitted model of a language: its weights as they lie in data/, and the scores and evidence they give."""

from __future__ import annotations

import hashlib
import json
import zlib
from array import array
from collections.abc import Iterable
from functools import cache
from math import exp
from operator import itemgetter, mul
from typing import NamedTuple

from pipeline.judging.features import Features
from pipeline.judging.fitted import MODEL_SHA256
from pipeline.judging.lexicon import LEXICONS
from pipeline.judging.packaged import packaged
from pipeline.verdict import Evidence, PolicyType

CONFLICT_HEAD = "conflict"
ACT_HEAD = "act"
# The order of the heads in the data file and in every row of weights.
HEADS = (CONFLICT_HEAD, ACT_HEAD, *(act.value for act in PolicyType))
EVIDENCE_MAX = 40
_GZIP = zlib.MAX_WBITS | 16  # zlib reads that format too; the module gzip would be loaded for nothing else
_LOGIT_MAX = 35.0  # exp() stays finite and the probability within 1e-15 of its limit


class Model(NamedTuple):
    """Per head its bias, the size of one step, and a whole number of steps for each feature; a feature's place there.

    Columns of single bytes, so that a model of tens of thousands of features is read in a few milliseconds.
    """

    bias: tuple[float, ...]
    step: tuple[float, ...]
    place: dict[str, int]
    steps: tuple[array[int], ...]


class Scores(NamedTuple):
    """Probabilities: that a conflict is the subject, and that an official act on one is the news."""

    conflict: float
    conflict_policy: float


@cache
def model(language: str) -> Model:
    """The model of a language in LEXICONS, read once; made by benchmarks/train_model.py.

    RuntimeError when the file is not the one whose digest the code carries: then scores would not mean what MODEL says.
    """
    name = f"{LEXICONS[language]}.model.gz"
    packed = packaged(name)
    if hashlib.sha256(packed).hexdigest() != MODEL_SHA256[language]:
        raise RuntimeError(f"{name} is not the fitted model: install the package again, or run `make train`")
    header, _, rest = zlib.decompress(packed, _GZIP).partition(b"\n")
    raw = json.loads(header)
    if tuple(raw["heads"]) != HEADS:
        raise RuntimeError(f"{name} has other heads than the code: run `make train`")
    # Names by lines: they are split several times as quickly as JSON is parsed.
    names, _, body = rest.partition(b"\n\n")
    features = names.decode("utf-8").split("\n")
    count = len(features)
    steps = tuple(array("b", body[count * head : count * (head + 1)]) for head in range(len(HEADS)))
    return Model(tuple(raw["bias"]), tuple(raw["step"]), dict(zip(features, range(count), strict=True)), steps)


def score(features: Features, fitted: Model) -> Scores:
    """The scores of a story's features: P(conflict), and P(conflict) x P(official act | conflict)."""
    conflict, act = _logits(features, fitted, (0, 1))
    return Scores(_probability(conflict), _probability(conflict) * _probability(act))


def act_scores(features: Features, fitted: Model) -> dict[PolicyType, float]:
    """Each type's probability given that the story reports some act, taking the types for independent."""
    chances = [_probability(logit) for logit in _logits(features, fitted, range(2, len(HEADS)))]
    none = 1.0
    for chance in chances:
        none *= 1.0 - chance
    some = 1.0 - none
    return {act: min(1.0, chance / some) if some > 0 else 0.0 for act, chance in zip(PolicyType, chances, strict=True)}


def _logits(features: Features, fitted: Model, heads: Iterable[int]) -> list[float]:
    found = [(at, amount) for name, amount in features.amounts.items() if (at := fitted.place.get(name)) is not None]
    if not found:
        return [fitted.bias[head] for head in heads]
    amounts = [amount for _, amount in found]
    # One getter for all heads; the first place twice, so that it gives a tuple even for a single feature.
    weights = itemgetter(found[0][0], *(at for at, _ in found))
    return [
        fitted.bias[head] + fitted.step[head] * sum(map(mul, weights(fitted.steps[head])[1:], amounts))
        for head in heads
    ]


def _probability(logit: float) -> float:
    return 1.0 / (1.0 + exp(-max(-_LOGIT_MAX, min(_LOGIT_MAX, logit))))


def evidence(features: Features, fitted: Model, heads: Iterable[str], title: str, lead: str) -> tuple[Evidence, ...]:
    """What each feature added to the logits of `heads`, strongest first, at most 40; the span is its first place."""
    wanted = [(fitted.steps[at], head, fitted.step[at]) for head in heads for at in [HEADS.index(head)]]
    found = [
        (head, feature, steps * step * amount)
        for feature, amount in features.amounts.items()
        if (at := fitted.place.get(feature)) is not None
        for column, head, step in wanted
        if (steps := column[at])
    ]
    found.sort(key=lambda item: -abs(item[2]))  # equal ones stay in reading order
    return tuple(_shown(features, *item, title, lead) for item in found[:EVIDENCE_MAX])


def _shown(features: Features, head: str, feature: str, added: float, title: str, lead: str) -> Evidence:
    seen = features.seen[feature]
    surface = (title if seen.place == "title" else lead)[seen.start : seen.end]
    return Evidence(head, feature, round(added, 4), seen.place, seen.start, seen.end, surface)
