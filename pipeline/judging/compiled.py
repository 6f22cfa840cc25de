"""The English lists as they are used: data/english.lists.json, made from their TOML files by `make lists`.

To parse the lists, inflect their entries and build the tries takes longer than a hundred verdicts. The file says of
which sources it was made; when they are no longer the same, it is not used and the lists are built from the sources.
"""

from __future__ import annotations

import hashlib
import json
from functools import cache
from typing import Any

from pipeline.judging.packaged import packaged

LANGUAGE = "en"
FILE = "english.lists.json"
SOURCES = ("english.toml", "actors.toml", "leaders.toml")


@cache
def compiled(language: str) -> dict[str, Any] | None:
    """The lists of a language as compiled, or None when there are none or their sources have changed since."""
    if language != LANGUAGE:
        return None
    lists: dict[str, Any] = json.loads(packaged(FILE))
    return lists if lists["sources"] == sources_digest() else None


def sources_digest() -> str:
    """One digest of all the files that the compiled lists are made of."""
    digest = hashlib.sha256()
    for name in SOURCES:
        digest.update(hashlib.sha256(packaged(name)).digest())
    return digest.hexdigest()
