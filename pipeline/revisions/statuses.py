"""Whether a story still stands: which status wins, and whom a withdrawal concerns besides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from pipeline.outcomes import StatusCause, StoryStatus

TAKEN_BACK = (StoryStatus.WITHDRAWN, StoryStatus.CANCELED)


@dataclass(frozen=True, slots=True)
class Relative:
    """A story of a family. `made_from` are the stories that it is a copy or a version of, as its links say."""

    story_id: int
    published_at: datetime
    made_from: tuple[int, ...] = ()


def next_status(present: StoryStatus, told: StoryStatus, cause: StatusCause) -> StoryStatus:
    """The status after `told`: words on a page only make it graver, an agency's word is the last one.

    A retraction that an outlet silently takes off its page again is not taken back by that.
    """
    if cause is StatusCause.WIRE:
        return told
    order = list(StoryStatus)
    return max(present, told, key=order.index)


def derived_from(story_id: int, family: Sequence[Relative], status: StoryStatus) -> tuple[int, ...]:
    """The stories of the family that fall with `story_id`, which got `status`, ascending.

    All of them when it is killed: that is an agency's word on its report, whoever passes it on. All too when it is the
    family's earliest. Otherwise those that were made from it, directly or through each other; an outlet that takes
    down its copy withdraws nobody else's report.
    """
    others = [member for member in family if member.story_id != story_id]
    earliest = min(family, key=lambda member: (member.published_at, member.story_id), default=None)
    is_earliest = earliest is not None and earliest.story_id == story_id
    if is_earliest or status is StoryStatus.CANCELED:
        return tuple(sorted(member.story_id for member in others))
    sources: Mapping[int, tuple[int, ...]] = {member.story_id: member.made_from for member in others}
    fallen = {story_id}
    while fresh := {one for one, made_from in sources.items() if one not in fallen and fallen.intersection(made_from)}:
        fallen |= fresh
    return tuple(sorted(fallen - {story_id}))
