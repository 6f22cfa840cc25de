"""What a revision changed, in words of a closed list; and whether anybody needs to see it."""

# ruff: noqa: SIM905 - a list of words is read as a line of words

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from pipeline.outcomes import Change, StoryStatus
from pipeline.revisions.diffing import Hunk, TextDiff, Version, compare_texts
from pipeline.revisions.figures import replaced_figures
from pipeline.revisions.furniture import without_furniture
from pipeline.revisions.notices import Notice
from pipeline.text import words
from pipeline.values import Verdict

SHOWN_MAX_CHARS = 500
_GRAVEST_FIRST = tuple(Change)
# Who says so, and how sure it is.
_SAYING = frozenset(
    """
    said says according claimed claims alleged allegedly reportedly reported reports purported sources source
    officials official anonymous sagte laut angeblich zufolge berichtete erklärte selon déclaré affirme aurait
    prétendu dijo según presuntamente afirmó habría ha detto secondo presunto avrebbe disse segundo alegadamente
    powiedział według rzekomo podobno сообщил заявил якобы предположительно сообщается повідомив заявив нібито
    ймовірно повідомляється
    """.split()
)
_CONFIRMING = frozenset(
    """
    confirmed confirms confirm confirmation unconfirmed denied denies deny denial verified unverified refuted
    acknowledged admitted disputed bestätigte bestätigt unbestätigt bestätigten dementierte dementiert confirmé
    confirme confirmée démenti dément confirmó confirmado confirmada desmintió desmentido negó confermato smentito
    confirmou desmentiu negou potwierdził potwierdziła potwierdzono zaprzeczył zdementował подтвердил подтвердили
    подтверждено неподтвержденный опроверг опровергли підтвердив підтвердили підтверджено спростував спростували 证实
    否认
    """.split()
)


@dataclass(frozen=True, slots=True)
class ChangeFact:
    """One thing that a revision changed: what it was and what it became, where that can be said in a line."""

    change: Change
    old: str | None = None
    new: str | None = None
    near: str | None = None


@dataclass(frozen=True, slots=True)
class Revision:
    """What lies between two versions. `is_boring`: nothing but time stamps, counters and typography."""

    diff: TextDiff
    facts: tuple[ChangeFact, ...]
    is_boring: bool


def describe_revision(
    old: Version,
    new: Version,
    acts: tuple[str, str] | None = None,
    notice: Notice | None = None,
    known_notes: Iterable[str] = (),
) -> Revision:
    """The differences between two versions and what they mean.

    `acts` are what the verdicts said of each (`acts_of`); `notice` is what the new version says about itself, and
    `known_notes` what earlier ones said: a note that stood there before is no change.
    """
    diff = compare_texts(old.paragraphs, new.paragraphs)
    if old.rest or new.rest:
        diff = replace(diff, is_coarse=True)
    facts: list[ChangeFact] = []
    if notice is not None and notice.text not in set(known_notes):
        is_grave = notice.status in (StoryStatus.WITHDRAWN, StoryStatus.CANCELED)
        facts.append(ChangeFact(Change.WITHDRAWAL if is_grave else Change.CORRECTION, new=_shown(notice.text)))
    if words(old.title) != words(new.title):
        facts.append(ChangeFact(Change.HEADLINE, _shown(old.title), _shown(new.title)))
    standfirsts = old.standfirst or "", new.standfirst or ""
    if _meat(_told(standfirsts[:1])) != _meat(_told(standfirsts[1:])):
        facts.append(ChangeFact(Change.STANDFIRST, _shown(standfirsts[0]), _shown(standfirsts[1])))
    before, after = _told(old.paragraphs), _told(new.paragraphs)
    is_plain = before == old.paragraphs and after == new.paragraphs
    hunks = diff.hunks if is_plain else compare_texts(before, after).hunks
    told = [hunk for hunk in hunks if _meat(hunk.old) != _meat(hunk.new)]
    facts += _of_figures(told)
    facts += _of_attribution(told)
    has_other_rest = old.rest != new.rest
    if has_other_rest or any(_without_figures(hunk.old) != _without_figures(hunk.new) for hunk in told):
        facts.append(ChangeFact(Change.BODY))
    # Without other words, another verdict is a score that trembled at its threshold.
    if facts and acts is not None and acts[0] != acts[1]:
        facts.append(ChangeFact(Change.POLICY_ACT, *acts))
    facts.sort(key=lambda fact: _GRAVEST_FIRST.index(fact.change))
    return Revision(diff, tuple(facts), is_boring=not facts)


def acts_of(verdict: Verdict) -> str:
    """A verdict in a line, to be compared: the acts by name, or that the story is not about conflict policy."""
    if not verdict.is_conflict_policy:
        return "no conflict policy"
    return ", ".join(sorted(act.act.value for act in verdict.acts)) or "no act"


def _of_figures(hunks: Sequence[Hunk]) -> list[ChangeFact]:
    facts = []
    for hunk in hunks:
        for figure in replaced_figures(hunk):
            kind = Change.CASUALTIES if figure.is_casualty else Change.FIGURES
            facts.append(ChangeFact(kind, figure.old, figure.new, _shown(figure.near)))
    return facts


def _of_attribution(hunks: Sequence[Hunk]) -> list[ChangeFact]:
    """Other words for who says so in an edited paragraph; words of confirming or denying in any."""
    facts = []
    for hunk in hunks:
        if hunk.edits is None:
            continue
        old = Counter(word for edit in hunk.edits if edit.kind == "deleted" for word in words(edit.text))
        new = Counter(word for edit in hunk.edits if edit.kind == "inserted" for word in words(edit.text))
        cues = _SAYING | _CONFIRMING if hunk.old and hunk.new and len(hunk.old) == len(hunk.new) else _CONFIRMING
        gone, come = (sorted(word for word in side if word in cues) for side in (old - new, new - old))
        if gone or come:
            facts.append(ChangeFact(Change.ATTRIBUTION, ", ".join(gone) or None, ", ".join(come) or None))
    return facts


def _told(paragraphs: Sequence[str]) -> list[str]:
    """The paragraphs without time stamps, ages and counters."""
    return [left for paragraph in paragraphs if (left := without_furniture(paragraph)).strip()]


def _meat(paragraphs: Sequence[str]) -> list[str]:
    return words("\n".join(paragraphs))


def _without_figures(paragraphs: Sequence[str]) -> list[str]:
    return [word for word in _meat(paragraphs) if not word[0].isdigit()]


def _shown(text: str) -> str | None:
    return text[:SHOWN_MAX_CHARS] or None
