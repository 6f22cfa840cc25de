"""The judging room as a plain function, for benches that score a classifier on labelled stories.

    PYTHONPATH=. python BENCH --impl benchmarks.classification:classify --gold gold.jsonl

Such benches cut type and conflict scores at 0.5, so both are stretched here to have our thresholds there. The policy
score is passed as it is, with the threshold as the function's attribute. On stories the model was fitted on it looks
better than it is: figures come from benchmarks/train_model.py, or from fresh stories.
"""

from __future__ import annotations

from pipeline.judging import ACT_THRESHOLD, THRESHOLD
from pipeline.judging.features import features_of
from pipeline.judging.languages import lexicon_for
from pipeline.judging.lexicon import lexicon
from pipeline.judging.model import act_scores, model, score
from pipeline.reading.languages import detect_language


def classify(title: str, text: str) -> dict[str, object]:
    """Scores 0..1 of one story: conflict_policy, conflict, and all types by name, whatever the decision."""
    # As a page that declares no language is judged: by what its text is taken for.
    key = lexicon_for(title, text, None) or lexicon_for(title, text, detect_language(f"{title}\n{text}") or "")
    if key is None:
        return {"conflict_policy": 0.0, "conflict": 0.0, "types": {}}
    fitted = model(key)
    features = features_of(title, text, lexicon(key), fitted.place)
    scores = score(features, fitted)
    chances = act_scores(features, fitted)
    types = {act.value: _stretched(chance, ACT_THRESHOLD) for act, chance in chances.items()}
    best = max(types, key=types.__getitem__)
    types[best] = max(types[best], 0.5)  # a policy story's best act is always claimed
    conflict = _stretched(scores.conflict, THRESHOLD)
    return {"conflict_policy": scores.conflict_policy, "conflict": conflict, "types": types}


classify.threshold = THRESHOLD  # type: ignore[attr-defined]


def _stretched(chance: float, threshold: float) -> float:
    """0..1 with our threshold moved to 0.5, in two straight pieces."""
    if chance < threshold:
        return 0.5 * chance / threshold
    return 0.5 + 0.5 * (chance - threshold) / (1 - threshold)
