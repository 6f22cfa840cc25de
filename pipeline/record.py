"""From a fetched page to a record that can be stored: reading, fingerprint and verdict in one pure step."""

from __future__ import annotations

from pipeline.identity.credits import credit_text, read_credits
from pipeline.identity.fingerprints import METHOD as FINGERPRINT_METHOD
from pipeline.identity.fingerprints import fingerprint
from pipeline.judging import MODEL, judge_story
from pipeline.reading import READER, read_page
from pipeline.values import CleanStory, EntryHints, FetchedPage, StoryRecord, Unread
from pipeline.wire.story import is_wire_page, read_wire_page

# What `reread` compares to find stories that older rules have read.
READER_VERSION = f"{READER}+{FINGERPRINT_METHOD}+{MODEL}"


def read_record(page: FetchedPage, hints: EntryHints, furniture: frozenset[str] = frozenset()) -> StoryRecord | Unread:
    """The story that the page (or the agency's item) tells, with its fingerprint and verdict, or why there is none.

    `furniture` are the hashes of lines that the page's site is known to repeat.
    """
    story = read_wire_page(page, hints) if is_wire_page(page) else read_page(page, hints, furniture)
    return story if isinstance(story, Unread) else record_of(story)


def record_of(story: CleanStory) -> StoryRecord:
    """The clean story with what follows from its words."""
    return StoryRecord(
        story=story,
        fingerprint=fingerprint(story.title, story.text),
        verdict=judge_story(story.title, story.standfirst, story.text, story.language, story.published_at),
        reader=READER_VERSION,
        credits=read_credits(credit_text(story)),
    )
