"""Stories in SQL: new, revised, unchanged or a duplicate, decided inside the final transaction (promises P2, P5)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select, update

from pipeline.identity.near_copies import Match
from pipeline.identity.origins import Telling
from pipeline.identity.sources import source_of_site
from pipeline.identity.urls import site_of
from pipeline.outcomes import Reason, Relation, UrlState
from pipeline.revisions.changes import acts_of
from pipeline.revisions.deciding import notice_of, weigh_record
from pipeline.store.copies import (
    ask_second_look,
    found_cluster,
    hold_cluster,
    index_new,
    index_story,
    link_stories,
    note_second_look,
)
from pipeline.store.facts import keep_missing_facts
from pipeline.store.lookups import BatchLook, Wanted, is_in_two
from pipeline.store.many import ForRows
from pipeline.store.origins import add_credits, claims_of, forget_credits, keep_credits, keep_origins
from pipeline.store.revisions import keep_changes, remember_story
from pipeline.store.schema import (
    dropped_lines,
    fingerprints,
    pages,
    revisions,
    stories,
    story_credits,
    urls,
)
from pipeline.store.search_index import indexed_together
from pipeline.store.sitelines import learn_from
from pipeline.store.statements import delete_of, insert_id, insert_new, insert_rows
from pipeline.store.statuses import FAMILY_RELATIONS, apply_notice, inherit_statuses
from pipeline.store.verdicts import (
    add_first_verdict,
    add_story_codes,
    hold_cluster_of,
    keep_founding_verdict,
    keep_verdict,
    pool_joined,
)
from pipeline.values import Claim, DroppedLine, Fingerprint, PageRef, StoredStory, StoryRecord, SubjectCode
from pipeline.wire.identity import is_wire_url, source_of


def add_page(connection: Connection, url_id: int, page: PageRef) -> int:
    """Note where a raw response lies in the archive; returns the row's id."""
    values = {name: getattr(page, name) for name in PageRef.__dataclass_fields__ if name != "url"}
    return insert_id(connection, pages, {"url_id": url_id, **values})


def newest_page(connection: Connection, url_id: int) -> Row[Any] | None:
    """The `pages` row of the last response archived for the URL, with the URL; None when there is none."""
    query = select(pages, urls.c.url).join(urls, urls.c.id == pages.c.url_id).where(pages.c.url_id == url_id)
    return connection.execute(query.order_by(pages.c.id.desc()).limit(1)).first()


def site_at(final_url: str) -> str:
    """The site to which a story belongs that answered at this URL, whatever redirector announced it."""
    return source_of(final_url) if is_wire_url(final_url) else site_of(final_url)


def wanted_of(final_url: str, record: StoryRecord) -> Wanted:
    """What a page that was read is looked up by."""
    return Wanted(record.fingerprint.anchors, record.story.text, site_at(final_url), record.story.title)


def store_record(
    connection: Connection,
    claim: Claim,
    page_id: int,
    final_url: str,
    record: StoryRecord,
    now: datetime,
    look: BatchLook | None = None,
) -> StoredStory:
    """Store what was read of a page, as a new story, a revision of its own story, or a duplicate of another.

    `final_url` is what answered. The caller holds the claim and the lock on this exact text (`lock_texts`), so nobody
    else can store the same words before the commit. `look` is that of `stored_together`; a page without one is looked
    up, counted and indexed alone.
    """
    known = look.known.get(claim.url_id) if look is not None else None
    known = known or known_of(connection, [claim.url_id])[claim.url_id]
    own = None if known.story_id is None else connection.execute(_OWN, {"url_id": claim.url_id}).one()
    if own is not None and own.pruned_at is not None:
        # Whoever had the page of a pruned story read again: its words do not come back.
        return StoredStory(claim.url_id, UrlState.STORED, Reason.UNCHANGED, own.id)
    if own is not None:
        stored = _store_again(connection, claim, page_id, record, own, now)
    else:
        alone = BatchLook(connection)
        stored = _store_first(connection, claim, page_id, final_url, record, known, look or alone, now)
        _count_stored(connection, alone)
    if known.has_dropped:
        keep_dropped(connection, claim.url_id, record.story.dropped)
    else:
        _add_dropped(connection, claim.url_id, record.story.dropped)
    return stored


@contextmanager
def stored_together(connection: Connection, look: BatchLook) -> Iterator[None]:
    """Stories that are stored inside with `look` are counted and indexed at the end of the block, all at once."""
    with indexed_together(connection):
        yield
    _count_stored(connection, look)


def _count_stored(connection: Connection, look: BatchLook) -> None:
    inherit_statuses(connection, look.derived)
    if look.joined:
        pool_joined(connection, look.joined, max(look.joined.values()))
    keep_missing_facts(connection, look.stored)


def known_of(connection: Connection, url_ids: Sequence[int]) -> dict[int, Row[Any]]:
    """What `store_record` has to know of each URL: most have no story, and nothing of an earlier reading."""
    return {row.id: row for row in connection.execute(_KNOWN, {"url_ids": list(url_ids)})}


_KNOWN = (
    select(
        urls.c.id,
        urls.c.announced_at,
        urls.c.entry_codes,
        stories.c.id.label("story_id"),
        select(dropped_lines.c.id).where(dropped_lines.c.url_id == urls.c.id).exists().label("has_dropped"),
        select(story_credits.c.url_id).where(story_credits.c.url_id == urls.c.id).exists().label("has_credits"),
    )
    .outerjoin(stories, stories.c.url_id == urls.c.id)
    .where(urls.c.id.in_(bindparam("url_ids", expanding=True)))
)
_OWN = select(stories).where(stories.c.url_id == bindparam("url_id"))


def _store_first(
    connection: Connection,
    claim: Claim,
    page_id: int,
    final_url: str,
    record: StoryRecord,
    known: Row[Any],
    look: BatchLook,
    now: datetime,
) -> StoredStory:
    title, site, wanted = record.story.title, site_at(final_url), wanted_of(final_url, record)
    twin_id = owner_of_text(connection, record.fingerprint)
    if twin_id is not None:
        twin = Match(cluster_id=0, story_id=twin_id, relation=Relation.COPY, score=1.0)
        link_stories(connection, claim.url_id, None, title, [twin], now)
        _credit_twin(connection, claim.url_id, twin_id, site, record, now)
        return StoredStory(claim.url_id, UrlState.DUPLICATE, Reason.SAME_TEXT, twin_id)
    copy, linked = look.find(wanted)
    if copy is not None and _is_canonical_twin(connection, record, copy.story_id):
        twin = replace(copy, relation=Relation.COPY)
        link_stories(connection, claim.url_id, None, title, [twin], now)
        _credit_twin(connection, claim.url_id, copy.story_id, site, record, now)
        return StoredStory(claim.url_id, UrlState.DUPLICATE, Reason.SAME_CANONICAL, copy.story_id)
    if copy is not None and not look.may_join(copy.cluster_id):
        copy = None
    if copy is None:
        cluster_id = found_cluster(connection, now)
        look.note_founded(cluster_id)
    else:
        cluster_id = hold_cluster(connection, copy.cluster_id)
    values = _story_values(record) | {
        "url_id": claim.url_id,
        "feed_id": claim.feed_id,
        "page_id": page_id,
        "cluster_id": cluster_id,
        "url": claim.url,
        "site": site,
        "announced_at": known.announced_at,
        "stored_at": now,
        "revision": 1,
    }
    story_id = insert_id(connection, stories, values)
    _add_revision(connection, story_id, 1, page_id, record, now)
    own_text(connection, story_id, record.fingerprint, now)
    index_new(connection, cluster_id, look.open_anchors(wanted))
    look.note_stored(cluster_id, story_id, wanted)
    matches = [match for match in (copy, *linked) if match is not None]
    link_stories(connection, claim.url_id, story_id, title, matches, now)
    if copy is None:
        ask_second_look(connection, story_id, now)
    elif is_in_two(linked):
        note_second_look(connection, story_id, now)
    if known.has_credits:
        forget_credits(connection, claim.url_id)
    add_credits(connection, claim.url_id, record.credits)
    if copy is None:
        claims = tuple(claims_of(record.credits, record.verdict.sourcing))
        founder = Telling(story_id, cluster_id, site, record.story.published_at or now, now, claims)
        keep_founding_verdict(connection, founder, record.verdict, now)
    else:
        add_first_verdict(connection, story_id, record.verdict, now)
        look.joined[cluster_id] = now
    apply_notice(connection, story_id, notice_of(record), now)
    if any(match.relation in FAMILY_RELATIONS for match in matches):
        look.derived[story_id] = now
    add_story_codes(connection, story_id, (SubjectCode(*code) for code in known.entry_codes or ()))
    learn_from(connection, site, story_id, cluster_id, record.story, now)
    return StoredStory(claim.url_id, UrlState.STORED, Reason.NEW, story_id)


def _credit_twin(
    connection: Connection, url_id: int, twin_id: int, site: str, record: StoryRecord, now: datetime
) -> None:
    """A page that became no story still tells whose the words are, if it credits somebody or is an agency's own."""
    if record.credits or source_of_site(site).is_agency:
        keep_credits(connection, url_id, record.credits)
        cluster_id = hold_cluster_of(connection, twin_id)
        if cluster_id is not None:
            keep_origins(connection, cluster_id, now)


def _store_again(
    connection: Connection, claim: Claim, page_id: int, record: StoryRecord, own: Row[Any], now: datetime
) -> StoredStory:
    """The page of a stored story was read again: unchanged, or a revision that somebody or nobody needs to see.

    A page that is a retraction now keeps the verdict on the story that it retracts, and its words find no copies: the
    next story that is retracted has the same ones.
    """
    weighed = weigh_record(remember_story(connection, own), record, acts_of(record.verdict))
    if weighed.revision is None:
        return StoredStory(claim.url_id, UrlState.STORED, weighed.reason, own.id)
    number = own.revision + 1
    values = _story_values(record) | {"page_id": page_id, "revision": number}
    if not weighed.revision.is_boring:
        values["revised_at"] = now
    connection.execute(update(stories).where(stories.c.id == own.id).values(**values))
    revision_id = _add_revision(connection, own.id, number, page_id, record, now)
    keep_changes(connection, revision_id, weighed.revision)
    if not weighed.is_taken_back:
        own_text(connection, own.id, record.fingerprint, now)
        index_story(connection, own.cluster_id, record.fingerprint.anchors)
        keep_credits(connection, claim.url_id, record.credits)
        keep_verdict(connection, own.id, number, record.verdict, now)
    apply_notice(connection, own.id, weighed.notice, now)
    return StoredStory(claim.url_id, UrlState.STORED, weighed.reason, own.id)


def replace_reading(connection: Connection, story_id: int, record: StoryRecord, now: datetime) -> bool:
    """Put a new reading of the same archived page in place of the old one; False when nothing changed.

    No revision is made: the outlet changed nothing, our rules did. The text of the newest revision follows, earlier
    ones keep what was read then.
    """
    own = connection.execute(select(stories).where(stories.c.id == story_id).with_for_update()).one()
    keep_dropped(connection, own.url_id, record.story.dropped)
    values = _story_values(record)
    is_changed = any(getattr(own, name) != value for name, value in values.items() if name != "reader")
    connection.execute(update(stories).where(stories.c.id == story_id).values(**values))
    connection.execute(
        update(revisions)
        .where(revisions.c.story_id == story_id, revisions.c.number == own.revision)
        .values(
            title=record.story.title,
            standfirst=record.story.standfirst,
            text=record.story.text,
            content_hash=record.fingerprint.content_hash,
        )
    )
    own_text(connection, story_id, record.fingerprint, now)
    index_story(connection, own.cluster_id, record.fingerprint.anchors)
    keep_credits(connection, own.url_id, record.credits)
    keep_verdict(connection, story_id, own.revision, record.verdict, now)
    return is_changed


def keep_dropped(connection: Connection, url_id: int, dropped: Sequence[DroppedLine]) -> None:
    """Replace the lines that the last reading of the URL's page dropped."""
    delete_of(connection, dropped_lines.c.url_id, url_id)
    _add_dropped(connection, url_id, dropped)


def _add_dropped(connection: Connection, url_id: int, dropped: Sequence[DroppedLine]) -> None:
    rows = [{"url_id": url_id, "position": d.position, "line": d.line, "rule": d.rule} for d in dropped]
    insert_rows(connection, dropped_lines, rows)


def owner_of_text(connection: Connection, fingerprint: Fingerprint) -> int | None:
    """The first story that had exactly these words."""
    return _OWNER.ask(connection, fingerprint.content_hash, fingerprint.method).scalar()


_OWNER = ForRows(
    select(fingerprints.c.story_id).where(
        fingerprints.c.content_hash == bindparam("content_hash"), fingerprints.c.method == bindparam("method")
    ),
    ("content_hash", "method"),
)


def own_text(connection: Connection, story_id: int, fingerprint: Fingerprint, now: datetime) -> None:
    """Let the exact text belong to the story, unless it has an owner already."""
    insert_new(
        connection,
        fingerprints,
        [
            {
                "content_hash": fingerprint.content_hash,
                "method": fingerprint.method,
                "story_id": story_id,
                "word_count": fingerprint.word_count,
                "first_seen_at": now,
            }
        ],
    )


def _is_canonical_twin(connection: Connection, record: StoryRecord, other_story_id: int) -> bool:
    """Whether the page names the other story's page as its canonical one.

    Only asked of near-copies: a canonical link alone proves nothing, many sites point every page at the same one (P25).
    """
    canonical = record.story.canonical_url
    if canonical is None:
        return False
    return canonical in _ADDRESSES.ask(connection, other_story_id).one()


_ADDRESSES = ForRows(
    select(stories.c.url, stories.c.canonical_url).where(stories.c.id == bindparam("story_id")), ("story_id",)
)


def _add_revision(
    connection: Connection, story_id: int, number: int, page_id: int, record: StoryRecord, now: datetime
) -> int:
    row = {
        "story_id": story_id,
        "number": number,
        "page_id": page_id,
        "title": record.story.title,
        "standfirst": record.story.standfirst,
        "text": record.story.text,
        "content_hash": record.fingerprint.content_hash,
        "stored_at": now,
    }
    return insert_id(connection, revisions, row)


def _offset_s(moment: datetime | None) -> int | None:
    offset = moment.utcoffset() if moment is not None else None
    return None if offset is None else int(offset.total_seconds())


def _story_values(record: StoryRecord) -> dict[str, Any]:
    story = record.story
    return {
        "canonical_url": story.canonical_url,
        "title": story.title,
        "kicker": (story.kicker or "")[:255] or None,
        "standfirst": story.standfirst,
        "text": story.text,
        "subheads": list(story.subheads),
        "authors": list(story.authors),
        "dateline": (story.dateline or "")[:255] or None,
        "captions": list(story.captions),
        "credits": list(story.credits),
        "language": story.language,
        "section": (story.section or "")[:255] or None,
        "access": story.access,
        "published_at": story.published_at,
        "published_raw": (story.published_raw or "")[:255] or None,
        "published_offset_s": _offset_s(story.published_at),
        "modified_at": story.modified_at,
        "content_hash": record.fingerprint.content_hash,
        "word_count": record.fingerprint.word_count,
        "reader": record.reader,
        "candidate": story.candidate,
        "kind": story.kind,
        "live_entries": [
            {"at": entry.at.isoformat() if entry.at else None, "heading": entry.heading, "text": entry.text}
            for entry in story.live_entries
        ],
        "agencies": list(story.agencies),
        "place": (story.place or "")[:255] or None,
        "slug": (story.slug or "")[:255] or None,
        "wire_mark": (story.wire_mark or "")[:64] or None,
        "editor_notes": list(story.editor_notes),
    }
