"""Searches of every kind over many invented stories: common and rare words, phrases, beginnings, narrow filters."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

from sqlalchemy import Connection, func, select

from benchmarks.many_stories import WORDS
from pipeline.store.reports import StoryFilter
from pipeline.store.schema import stories
from pipeline.store.search import search_stories

RESULTS = 30
# The words of the invented language by how common they are: the first stand in four stories of five.
MOST, MANY = WORDS[0], WORDS[1]


def kinds(connection: Connection) -> Iterator[tuple[str, Callable[[], object]]]:
    """Each kind by its name, as `frontwire stories search` asks it."""
    newest = connection.execute(select(func.max(stories.c.stored_at))).scalar_one()
    words = {"a common word": MOST, "one that few have": WORDS[900], "one that nobody has": "qqqqq"}
    typed = words | {
        "two common words": f"{MOST} {MANY}",
        "a common and a rare one": f"{MOST} {WORDS[900]}",
        "a phrase of two common words": f'"{MOST} {MANY}"',
        "a phrase of three": f'"{MOST} {MANY} {WORDS[2]}"',
        "a phrase, its end begun": f'"{MOST} {MANY[:3]}"*',
        **{f"{letters} letters of a common word": f"{MOST[:letters]}*" for letters in (2, 3, 4)},
    }
    by_size = select(stories.c.site).group_by(stories.c.site).order_by(func.count(), stories.c.site)
    sites = connection.execute(by_size).scalars().all()
    filters = {
        "conflict policy": StoryFilter(policy_only=True),
        "one language": StoryFilter(language="uk"),
        "no such language": StoryFilter(language="xx"),
        "one day": StoryFilter(since=newest - timedelta(days=1)),
        "before half a year": StoryFilter(until=newest - timedelta(days=182)),
        "the smallest outlet": StoryFilter(site=sites[0]),
        "a small outlet": StoryFilter(site=sites[len(sites) // 2]),
        "the largest outlet": StoryFilter(site=sites[-1]),
    }
    asked = [(name, one, StoryFilter()) for name, one in typed.items()]
    asked += [(f"{what}, {name}", typed[what], one) for name, one in filters.items() for what in _UNDER_FILTERS]
    for name, one, wanted in asked:
        yield name, lambda one=one, wanted=wanted: search_stories(connection, one, wanted, RESULTS)  # type: ignore[misc]


_UNDER_FILTERS = ("a common word", "a phrase of two common words", "3 letters of a common word")
