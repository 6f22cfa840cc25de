"""A story's verdict: its scores, the acts it reports, the actors it names, and the evidence for each."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from pipeline.judging.features import LEAD_MAX, TITLE_MAX, features_of
from pipeline.judging.fitted import MODEL_SHA256
from pipeline.judging.languages import lexicon_for
from pipeline.judging.lexicon import lexicon
from pipeline.judging.model import ACT_HEAD, CONFLICT_HEAD, act_scores, evidence, model, score
from pipeline.verdict import ActScore, PolicyType, Verdict

if TYPE_CHECKING:
    from pipeline.values import CleanStory

# The kind of model, and the beginning of one digest of all languages' weights: two verdicts with one name came from the
# same models.
MODEL = f"linear-2+{sha256(''.join(MODEL_SHA256.values()).encode()).hexdigest()[:8]}"
# Flag, recall first: the best F1 by cross-validation (.78), and in general feeds 85 % of the policy stories are found
# and two flags in three are right.
THRESHOLD = 0.36
# An act is claimed from here on, and a story's best act always: the best micro-F1 by cross-validation, flat around it.
ACT_THRESHOLD = 0.42
# Sure, precision first: nine in ten are right, half of the policy stories are found. For alarms.
SURE_THRESHOLD = 0.75


def lead_of(story: CleanStory) -> str:
    """What is judged beside the title: the standfirst and the first paragraphs, at most 1,500 code points."""
    return lead_from(story.standfirst, story.text)


def lead_from(standfirst: str | None, text: str) -> str:
    """The same of a story that was stored."""
    parts = [part for part in (standfirst, text[:LEAD_MAX]) if part]
    return "\n\n".join(parts)[:LEAD_MAX]


def judge(title: str, lead: str, language: str | None) -> Verdict:
    """The verdict on a story by its title and lead; only title[:1024] and lead[:1500] are looked at.

    `language` is a BCP 47 tag, None if unknown. In a language without a model all scores are None and nothing is
    claimed. `acts` is empty unless the story is conflict policy; then it has the best act and all from ACT_THRESHOLD
    on. An act's score is its probability given that the story is conflict policy.
    """
    title, lead = title[:TITLE_MAX], lead[:LEAD_MAX]
    key = lexicon_for(title, lead, language)
    if key is None:
        return Verdict(MODEL, False, None, None, THRESHOLD)
    fitted = model(key)
    features = features_of(title, lead, lexicon(key), fitted.place)
    scores = score(features, fitted)
    acts: list[ActScore] = []
    if scores.conflict_policy >= THRESHOLD:
        acts = chosen_acts(act_scores(features, fitted))
    heads = (CONFLICT_HEAD, ACT_HEAD, *(item.act.value for item in acts))
    return Verdict(
        model=MODEL,
        language_supported=True,
        conflict=scores.conflict,
        conflict_policy=scores.conflict_policy,
        threshold=THRESHOLD,
        acts=tuple(acts),
        mentions=tuple(features.mentions),
        evidence=evidence(features, fitted, heads, title, lead),
    )


def chosen_acts(chances: dict[PolicyType, float]) -> list[ActScore]:
    """The acts that are claimed of a conflict-policy story, best first: never none."""
    acts = [ActScore(act, chance) for act, chance in chances.items()]
    acts.sort(key=lambda item: (-item.score, item.act))
    return [item for place, item in enumerate(acts) if place == 0 or item.score >= ACT_THRESHOLD]
