"""Revisions in SQL: what deciding about a new one needs, and the changes that are kept with it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from pipeline.outcomes import Change
from pipeline.revisions.changes import Revision
from pipeline.revisions.deciding import Remembered, lines_of
from pipeline.revisions.diffing import Version
from pipeline.revisions.notices import find_notice
from pipeline.revisions.returns import version_key
from pipeline.store.revisits import load_state
from pipeline.store.schema import dropped_lines, revision_changes, revisions, status_changes, verdict_acts, verdicts

# A text that comes back is looked for among this many versions before the current one.
EARLIER_KEPT = 12


def remember_story(connection: Connection, own: Row[Any]) -> Remembered:
    """What is known of a stored story (a row of `stories`), as far as deciding about its page's new text needs it."""
    earlier = connection.execute(
        select(revisions.c.title, revisions.c.standfirst, revisions.c.text)
        .where(revisions.c.story_id == own.id, revisions.c.number < own.revision)
        .order_by(revisions.c.number.desc())
        .limit(EARLIER_KEPT)
    ).all()
    boring = select(func.count()).select_from(revisions).where(revisions.c.story_id == own.id, revisions.c.is_boring)
    current = Version(own.title, own.standfirst, own.text)
    return Remembered(
        current=current,
        current_key=version_key(own.title, own.standfirst, own.content_hash),
        acts=current_acts(connection, own.id),
        earlier=tuple(Version(row.title, row.standfirst, row.text) for row in reversed(earlier)),
        boring_kept=connection.execute(boring).scalar_one(),
        known_notes=_known_notes(connection, own, current),
        state=load_state(connection, own.url_id),
    )


def current_acts(connection: Connection, story_id: int) -> str:
    """What the story's current verdict says, in the words of `changes.acts_of`."""
    verdict = connection.execute(
        select(verdicts.c.id, verdicts.c.is_conflict_policy).where(
            verdicts.c.story_id == story_id, verdicts.c.is_current
        )
    ).first()
    if verdict is None or not verdict.is_conflict_policy:
        return "no conflict policy"
    acts = connection.execute(select(verdict_acts.c.act).where(verdict_acts.c.verdict_id == verdict.id)).scalars()
    return ", ".join(sorted(acts)) or "no act"


def keep_changes(connection: Connection, revision_id: int, revision: Revision) -> None:
    """Keep with a revision's row what it changed."""
    connection.execute(
        update(revisions)
        .where(revisions.c.id == revision_id)
        .values(
            is_boring=revision.is_boring,
            is_coarse=revision.diff.is_coarse,
            words_added=revision.diff.words_added,
            words_removed=revision.diff.words_removed,
            paragraphs_changed=revision.diff.paragraphs_changed,
        )
    )
    rows = [
        {"revision_id": revision_id, "change": fact.change, "old": fact.old, "new": fact.new, "near": fact.near}
        for fact in revision.facts
    ]
    if rows:
        connection.execute(insert(revision_changes), rows)


def _known_notes(connection: Connection, own: Row[Any], current: Version) -> tuple[str, ...]:
    """The notes that the page is known to have shown: those on record, and what its last reading holds."""
    told = connection.execute(
        select(revision_changes.c.new)
        .join(revisions, revisions.c.id == revision_changes.c.revision_id)
        .where(revisions.c.story_id == own.id, revision_changes.c.change.in_((Change.CORRECTION, Change.WITHDRAWAL)))
    ).scalars()
    given = connection.execute(select(status_changes.c.note).where(status_changes.c.story_id == own.id)).scalars()
    beside = connection.execute(select(dropped_lines.c.line).where(dropped_lines.c.url_id == own.url_id)).scalars()
    shown = find_notice(current.title, lines_of(current), beside)
    return tuple(note for note in (*told, *given, shown.text if shown else None) if note)
