"""Judging: is a story about conflict policy, which official acts does it report, who is named, and why we think so."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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


def __getattr__(name: str) -> Any:
    # Every process pools verdicts, and few of them judge: lists and patterns are loaded where they are used.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    room = "stories" if name in ("judge_story", "rules_version") else "verdicts"
    return getattr(import_module(f"pipeline.judging.{room}"), name)
