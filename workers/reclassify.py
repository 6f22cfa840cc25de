"""Judging stored stories again after the model, the lists of names or the rules have changed.

Nothing stops meanwhile: a batch is judged outside any transaction and written in one short one.
What is done is known by its versions, so a run that was interrupted goes on where it was, and two runs at once do no
harm. Old verdicts stay.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import structlog
from sqlalchemy import Engine

from pipeline.judging import MODEL, THRESHOLD, judge_story, rules_version
from pipeline.store import verdicts
from pipeline.store.verdicts import Judged
from pipeline.values import Verdict
from workers.database import reading
from workers.process import utc_now

log = structlog.get_logger("reclassify")

BATCH = 100


class Reclassifier:
    """Judges stories again, a batch at a time."""

    def __init__(self, engine: Engine, *, everything: bool = False, batch: int = BATCH) -> None:
        self._engine = engine
        self._everything = everything
        self._batch = batch

    def run(self) -> Iterator[Counter[str]]:
        """The outcomes of each batch.

        They are: same, became_policy, no_longer_policy, first_verdict, changed_meanwhile, failed.
        """
        after_id = 0
        while True:
            with reading(self._engine) as connection:
                stale = verdicts.stale_stories(
                    connection, MODEL, rules_version(), THRESHOLD, self._everything, after_id, self._batch
                )
            if not stale:
                return
            judged = [(story, verdict) for story in stale if (verdict := _judge(story)) is not None]
            outcomes = self._write(judged)
            outcomes["failed"] = len(stale) - len(judged)
            after_id = stale[-1].story_id
            log.info("reclassified", up_to_story=after_id, **{name: n for name, n in outcomes.items() if n})
            yield +outcomes

    def _write(self, judged: list[tuple[Judged, Verdict]]) -> Counter[str]:
        outcomes: Counter[str] = Counter()
        now = utc_now()
        with self._engine.begin() as connection:
            for story, verdict in judged:
                if verdicts.revision_of(connection, story.story_id) != story.revision:
                    # Its newer revision was judged by whoever stored it.
                    outcomes["changed_meanwhile"] += 1
                    continue
                verdicts.keep_verdict(connection, story.story_id, story.revision, verdict, now)
                outcomes[_outcome(story, verdict)] += 1
        return outcomes


def _judge(story: Judged) -> Verdict | None:
    """The verdict, or None after a fault of ours, which is logged and must not keep the other stories waiting."""
    try:
        return judge_story(story.title, story.standfirst, story.text, story.language, story.published_at)
    except Exception:
        log.exception("story_not_judged", story_id=story.story_id, url=story.url)
        return None


def _outcome(story: Judged, verdict: Verdict) -> str:
    if story.is_conflict_policy is None:
        return "first_verdict"
    if bool(story.is_conflict_policy) == verdict.is_conflict_policy:
        return "same"
    return "became_policy" if verdict.is_conflict_policy else "no_longer_policy"
