"""Our types of act in the vocabularies of others: PLOVER, CAMEO, and the wires' own, IPTC Media Topics."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from pipeline.judging.packaged import packaged_toml
from pipeline.values import SubjectCode
from pipeline.verdict import PolicyType

SCHEMES = ("plover", "cameo", "medtop")
MEDTOP_URI = "http://cv.iptc.org/newscodes/mediatopic/"


@cache
def act_codes() -> dict[PolicyType, tuple[SubjectCode, ...]]:
    """The codes of every type, by scheme in the order of SCHEMES, the best fitting of each scheme first."""
    raw = packaged_toml("codes.toml")
    names: dict[str, str] = raw["medtop_names"]
    return {
        act: tuple(
            SubjectCode(scheme, code.strip(), names.get(code.strip()) if scheme == "medtop" else None)
            for scheme in SCHEMES
            for code in raw["acts"][act.value][scheme].split(",")
        )
        for act in PolicyType
    }


def codes_of(acts: Iterable[PolicyType], scheme: str) -> tuple[str, ...]:
    """The codes of one scheme for a story's acts, each once, the first act's first. KeyError for an unknown scheme."""
    if scheme not in SCHEMES:
        raise KeyError(scheme)
    return tuple(dict.fromkeys(item.code for act in acts for item in act_codes()[act] if item.scheme == scheme))


def ninjs_subjects(acts: Iterable[PolicyType], sent: Iterable[SubjectCode] = ()) -> list[dict[str, str]]:
    """The `subject` array of a ninjs item: Media Topics of our acts, then the subjects that the wire itself sent.

    Ours say `creator: frontwire`, so that a reader can tell them from the wire's. Each code stands there once.
    """
    known = {item.code: item for act in acts for item in act_codes()[act] if item.scheme == "medtop"}
    ours = [
        {"code": code, "scheme": MEDTOP_URI, "creator": "frontwire"} | ({"name": item.name} if item.name else {})
        for code, item in known.items()
    ]
    theirs = {(item.scheme, item.code): item for item in sent if item.code not in known}
    return ours + [
        {"code": item.code}
        | ({"scheme": item.scheme} if item.scheme else {})
        | ({"name": item.name} if item.name else {})
        for item in theirs.values()
    ]
