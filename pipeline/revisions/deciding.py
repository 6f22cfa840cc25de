"""What becomes of a stored story whose page was read again: one pure decision over what SQL remembers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from pipeline.outcomes import Change, Reason, StoryStatus
from pipeline.revisions.changes import ChangeFact, Revision, describe_revision
from pipeline.revisions.diffing import Version
from pipeline.revisions.notices import Notice, find_notice
from pipeline.revisions.returns import is_flip_flop, version_key
from pipeline.revisions.schedule import RevisitState, is_settled_return
from pipeline.values import StoryRecord

# A page with a counter in its text is another one at each look. After so many boring versions they are only counted.
BORING_KEPT = 3


@dataclass(frozen=True, slots=True)
class Remembered:
    """A stored story as far as the decision needs it. `earlier` are versions before the current one, oldest first."""

    current: Version
    current_key: str
    acts: str
    earlier: tuple[Version, ...] = ()
    boring_kept: int = 0
    known_notes: tuple[str, ...] = ()
    state: RevisitState = field(default_factory=RevisitState)


@dataclass(frozen=True, slots=True)
class Weighed:
    """The decision. `revision` is None when nothing is to be stored; `notice` is what the page says about itself."""

    reason: Reason
    revision: Revision | None = None
    notice: Notice | None = None

    @property
    def is_taken_back(self) -> bool:
        """Whether the page is a retraction now: its words are no longer the story's, and are not judged as such."""
        return self.notice is not None and self.notice.status in (StoryStatus.WITHDRAWN, StoryStatus.CANCELED)


def weigh_record(remembered: Remembered, record: StoryRecord, acts: str) -> Weighed:
    """Unchanged, retouched, a flip-flop or a revision. `acts` is what the new verdict says (`acts_of`)."""
    new, key = version_of(record), key_of(record)
    if key == remembered.current_key:
        return Weighed(Reason.UNCHANGED)
    notice = notice_of(record)
    weighed = Weighed(Reason.REVISED, None, notice)
    revision = describe_revision(
        remembered.current,
        new,
        None if weighed.is_taken_back else (remembered.acts, acts),
        notice,
        remembered.known_notes,
    )
    if revision.is_boring:
        is_kept = remembered.boring_kept < BORING_KEPT
        return Weighed(Reason.RETOUCHED, revision if is_kept else None, notice)
    if is_flip_flop(new, remembered.current, remembered.earlier):
        if not is_settled_return(remembered.state, key):
            return Weighed(Reason.FLIP_FLOP, None, notice)
        back = ChangeFact(Change.RETURN)
        revision = Revision(revision.diff, (*revision.facts, back), is_boring=False)
    return Weighed(Reason.REVISED, revision, notice)


def version_of(record: StoryRecord) -> Version:
    """The version that was read."""
    return Version(record.story.title, record.story.standfirst, record.story.text)


def key_of(record: StoryRecord) -> str:
    """The name of the version that was read."""
    return version_key(record.story.title, record.story.standfirst, record.fingerprint.content_hash)


def notice_of(record: StoryRecord) -> Notice | None:
    """What the page says about its own story, in the text or in the lines beside it."""
    lines = lines_of(version_of(record))
    return find_notice(record.story.title, lines, [dropped.line for dropped in record.story.dropped])


def lines_of(version: Version) -> Sequence[str]:
    """The standfirst, if there is one, and the paragraphs."""
    return [*([version.standfirst] if version.standfirst else []), *version.paragraphs]
