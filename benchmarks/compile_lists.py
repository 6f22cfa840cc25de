"""Write data/english.lists.json, the English lists as the judging room uses them: make lists

After a change of english.toml, actors.toml or leaders.toml. Without it all works as before, only slower: a file of
other sources is not used.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pipeline.judging.compiled import FILE, LANGUAGE, sources_digest
from pipeline.judging.gazetteer import names_from_sources
from pipeline.judging.lexicon import lexicon_from_sources
from pipeline.judging.phrases import PhraseTrie

T = TypeVar("T", bound=Hashable)


def compiled_lists() -> str:
    """The text of the file: JSON, one line a list."""
    lexicon, names = lexicon_from_sources(LANGUAGE), names_from_sources(LANGUAGE)
    forms, entries = _numbered(lexicon.forms)
    actors_trie, actors = _numbered(names)
    lists: dict[str, Any] = {
        "sources": sources_digest(),
        "bit": lexicon.bit,
        "headline_only": lexicon.headline_only,
        "stop_words": sorted(lexicon.stop_words),
        "left_out": sorted(lexicon.left_out),
        "patterns": lexicon.patterns,
        "entries": entries,
        "forms": forms,
        "actors": actors,
        "names": actors_trie,
    }
    if lexicon.stems or lexicon.elisions or lexicon.first_letters:
        raise ValueError("the compiled form has no stems, no elisions and no words by their first letters")
    lines = (f"{json.dumps(key)}:{_json(value)}" for key, value in lists.items())
    return "{" + ",\n".join(lines) + "}\n"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _numbered(trie: PhraseTrie[T]) -> tuple[dict[str, Any], Sequence[T]]:
    """The trie with each value once, numbered as they come."""
    numbers: dict[T, int] = {}

    def node(old: dict[str, Any]) -> dict[str, Any]:
        return {
            word: node(below) if word else numbers.setdefault(trie.values[below], len(numbers))
            for word, below in old.items()
        }

    return node(trie.root), list(numbers)


def main() -> int:
    """Write the file where the package has it."""
    Path("pipeline/judging/data", FILE).write_text(compiled_lists(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
