"""Who may read a story: everybody, those with articles left this month, or subscribers."""

from __future__ import annotations

import re
from typing import Literal

from pipeline.reading.evidence import Evidence
from pipeline.reading.phrases import PAYWALL

Access = Literal["free", "metered", "paywalled"]
_TIERS: dict[str, Access] = {"free": "free", "metered": "metered", "locked": "paywalled", "paid": "paywalled"}
_METERED = re.compile(
    r"\b(?:\d+|one|two|three|last|your)\s+(?:of\s+(?:your\s+)?\d+\s+)?(?:free|complimentary)\s+(?:articles?|stories|story)\s+(?:left|remaining|this)\b|"
    r"\bfree\s+articles?\s+(?:left|remaining)\b|noch\s+\d+\s+(?:kostenlose|freie)\s+artikel|il\s+vous\s+reste\s+\d+\s+articles?\s+gratuits?|"
    r"te\s+quedan\s+\d+\s+artículos\s+gratis",
    re.IGNORECASE,
)
_NOTE_MAX_CHARS = 300
# A first sieve: the words without which no block counts what is left.
_COUNTED = ("free", "complimentary", "kostenlose", "freie", "gratuit", "gratis")


def choose_access(evidence: Evidence) -> Access:
    """The access that the page declares, else what its own boxes say to the reader; free when nothing is said.

    Sources in this order: meta article:content_tier, JSON-LD isAccessibleForFree, a count of free articles left, and a
    box that the markup calls a paywall and that asks for a subscription.
    """
    declared = evidence.declared
    tier = _TIERS.get((declared.first("article:content_tier") or "").strip().lower())
    if tier in ("metered", "paywalled"):
        return tier
    if declared.is_free is not None:
        return "free" if declared.is_free else "paywalled"
    if tier:
        return tier
    short = [block for block in evidence.blocks if len(block.text) <= _NOTE_MAX_CHARS]
    if any(_METERED.search(block.text) for block in short if any(word in block.text for word in _COUNTED)):
        return "metered"
    is_walled = any("paywall" in block.marks and PAYWALL.search(block.text) for block in short)
    return "paywalled" if is_walled else "free"
