"""Judging: is a story about conflict policy, which official acts does it report, who is named, and why we think so."""

from pipeline.judging.stories import judge_story, rules_version
from pipeline.judging.verdicts import ACT_THRESHOLD, MODEL, SURE_THRESHOLD, THRESHOLD, judge, lead_of

__all__ = [
    "ACT_THRESHOLD",
    "MODEL",
    "SURE_THRESHOLD",
    "THRESHOLD",
    "judge",
    "judge_story",
    "lead_of",
    "rules_version",
]
