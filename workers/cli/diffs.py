"""Two revisions side by side, for people and for programs: `frontwire stories diff`."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from pipeline.revisions.changes import Revision, describe_revision
from pipeline.revisions.deciding import lines_of
from pipeline.revisions.diffing import Hunk, Version
from pipeline.revisions.notices import find_notice

_STYLES = {"same": "", "deleted": "red strike", "inserted": "green"}


@dataclass(frozen=True, slots=True)
class Compared:
    """Two revisions and what lies between them. `unified` has the lines of a unified diff, one for each paragraph."""

    old: Version
    new: Version
    revision: Revision
    unified: tuple[str, ...]


def compare_revisions(old: Mapping[str, Any], new: Mapping[str, Any]) -> Compared:
    """Compare two rows of `revisions`. Verdicts are not compared: what they changed stands in `story_revisions`."""
    before, after = (Version(row["title"], row["standfirst"], row["text"]) for row in (old, new))
    notice = find_notice(after.title, lines_of(after))
    known = find_notice(before.title, lines_of(before))
    revision = describe_revision(before, after, None, notice, [known.text] if known else [])
    unified = difflib.unified_diff(
        [before.title, *lines_of(before)],
        [after.title, *lines_of(after)],
        f"revision {old['number']}",
        f"revision {new['number']}",
        lineterm="",
        n=1,
    )
    return Compared(before, after, revision, tuple(unified))


def json_of(compared: Compared) -> dict[str, Any]:
    """The comparison as plain values: changes by class, counts, hunks with their words, and the unified lines."""
    revision = compared.revision
    return {
        "is_boring": revision.is_boring,
        "is_coarse": revision.diff.is_coarse,
        "words_added": revision.diff.words_added,
        "words_removed": revision.diff.words_removed,
        "paragraphs_changed": revision.diff.paragraphs_changed,
        "changes": msgspec.to_builtins(revision.facts),
        "hunks": msgspec.to_builtins(revision.diff.hunks),
        "diff": list(compared.unified),
    }


def print_diff(console: Any, compared: Compared) -> None:
    """The comparison for a terminal: what changed by class, then each edited paragraph with its words coloured."""
    from rich.text import Text

    for fact in compared.revision.facts:
        told = f"{fact.old or ''} -> {fact.new or ''}" if fact.old or fact.new else ""
        console.print(Text(f"{fact.change.value:12}", "bold") + Text(told))
    for before, after in ((compared.old.title, compared.new.title), (compared.old.standfirst, compared.new.standfirst)):
        if before != after:
            console.print(Text(before or "", "red strike"))
            console.print(Text(after or "", "green"))
    for hunk in compared.revision.diff.hunks:
        console.print(Text(f"\nparagraph {hunk.place + 1}", "cyan"))
        console.print(_coloured(hunk))


def _coloured(hunk: Hunk) -> Any:
    from rich.text import Text

    if hunk.edits is None:
        before, after = "\n\n".join(hunk.old), "\n\n".join(hunk.new)
        return Text.assemble((before, _STYLES["deleted"]), "\n\n", (after, _STYLES["inserted"]))
    return Text.assemble(*((edit.text, _STYLES[edit.kind]) for edit in hunk.edits))
