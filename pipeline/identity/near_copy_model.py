"""The fitted verifier: how likely two compared texts are one report.

A logistic function of the features, their squares and their products: what a shared lead means depends on how much else
is shared, which a sum of single weights can't say. There are two, one for pairs of which both have a title. Fitted
offline by benchmarks/fit_near_copies.py.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from math import exp
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.identity.comparing import FEATURES, Comparison
from pipeline.identity.fitted import NEAR_COPIES_SHA256
from pipeline.identity.own_parts import TITLE_FEATURES

FILE = "data/near_copies.json"
# Beyond so many standard deviations from the mean a feature says nothing more: no text, however odd, leaves the range
# in which the weights were fitted.
STEPS_MAX = 3.0
_LOGIT_MAX = 30.0


@dataclass(frozen=True, slots=True, eq=False)
class CopyModel:
    """Per feature its mean and spread, its weight, and its weights with itself and each feature after it.

    `products` has a row and a column for each feature; below its diagonal is nothing.
    """

    bias: float
    means: NDArray[np.float64]
    spreads: NDArray[np.float64]
    weights: NDArray[np.float64]
    products: NDArray[np.float64]


def copy_score(pair: Comparison) -> float:
    """How likely it is, 0..1, that the two are one report and not two about one event."""
    untitled, titled = copy_models()
    if pair.title_features:
        return score((*pair.features, *pair.title_features), titled)
    return score(pair.features, untitled)


def score(features: Sequence[float], model: CopyModel) -> float:
    """The model's answer, 0..1, for features in the order of its weights."""
    steps = (np.array(features) - model.means) / model.spreads
    steps = np.minimum(np.maximum(steps, -STEPS_MAX), STEPS_MAX)
    total = model.bias + float((steps * (model.weights + (model.products * steps).sum(1))).sum())
    return 1 / (1 + exp(-max(-_LOGIT_MAX, min(_LOGIT_MAX, total))))


@cache
def copy_models() -> tuple[CopyModel, CopyModel]:
    """The model of FEATURES, and that of FEATURES and TITLE_FEATURES; read once.

    RuntimeError when the file is not the one whose digest the code carries: scores would not mean what METHOD says.
    """
    packed = files("pipeline.identity").joinpath(FILE).read_bytes()
    if hashlib.sha256(packed).hexdigest() != NEAR_COPIES_SHA256:
        raise RuntimeError(
            f"{FILE} is not the fitted model: install the package again, or run `make train-near-copies`"
        )
    raw = json.loads(packed)
    return _model(raw["untitled"], FEATURES), _model(raw["titled"], (*FEATURES, *TITLE_FEATURES))


def _model(raw: dict[str, Any], features: tuple[str, ...]) -> CopyModel:
    if tuple(raw["features"]) != features:
        raise RuntimeError(f"{FILE} has other features than the code: run `make train-near-copies`")
    products = np.zeros((len(features), len(features)))
    for place, row in enumerate(raw["products"]):
        products[place, place:] = row
    means, spreads, weights = (np.array(raw[name]) for name in ("means", "spreads", "weights"))
    return CopyModel(raw["bias"], means, spreads, weights, products)
