"""Reads the wire's data files and sets their times against `now`."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import Any

from pipeline.outcomes import PolicyType, Reason
from workers.demo.values import Block, Feed, Markup, Notice, Photo, Site, Story

_WIRE = files("workers.demo") / "wire"

# What a table of the data files holds: TOML knows no narrower type.
_Table = Mapping[str, Any]


def load_sites(now: datetime, edition: int) -> tuple[Site, ...]:
    """All sites of the wire as they stand in that edition (1 or 2), published times counted back from `now`.

    Raises ValueError when a data file contradicts itself, naming the story.
    """
    minute = now.astimezone(UTC).replace(second=0, microsecond=0)
    return tuple(_site(host, minute, edition) for host in _hosts())


@cache
def _hosts() -> tuple[str, ...]:
    return tuple(sorted(entry.name for entry in _WIRE.iterdir() if entry.is_dir()))


@cache
def _text(host: str, name: str) -> str:
    return (_WIRE / host / name).read_text("utf-8")


@cache
def _table(host: str, name: str) -> _Table:
    return tomllib.loads(_text(host, name))


@cache
def _stories_by_id() -> Mapping[str, _Table]:
    tables = [table for host in _hosts() for table in _table(host, "stories.toml")["story"]]
    by_id: dict[str, _Table] = {table["id"]: table for table in tables}
    if len(by_id) != len(tables):
        raise ValueError("two stories of the demo wire have the same id")
    return by_id


def _site(host: str, now: datetime, edition: int) -> Site:
    facts = _table(host, "site.toml")
    notices = tuple(_notice(table, now) for table in facts.get("notice", ()))
    pages = tuple(
        (reason, _text(host, f"{reason}.html")) for reason in Reason if (_WIRE / host / f"{reason}.html").is_file()
    )
    return Site(
        host=host,
        name=facts["name"],
        language=facts["language"],
        content_type=facts["content_type"],
        encoding=facts.get("encoding", "utf-8"),
        markup=Markup(**facts["markup"]),
        page=_text(host, facts["page"]),
        notices=notices,
        notice_pages=pages,
        feeds=tuple(Feed(**{**table, "stories": tuple(table.get("stories", ()))}) for table in facts["feed"]),
        stories=tuple(_story(table, now, edition) for table in _table(host, "stories.toml")["story"]),
        teasers=tuple(facts["teasers"]),
        robots=facts.get("robots", ""),
    )


def _notice(table: _Table, now: datetime) -> Notice:
    published_at = now - timedelta(minutes=table["minutes_ago"])
    return Notice(table["path"], table["title"], published_at, Reason(table["reason"]), table.get("teaser", ""))


def _story(table: _Table, now: datetime, edition: int) -> Story:
    later = table.get("edition_2", {}) if edition >= 2 else {}
    told_at = _told_at(table, now)
    dateline = "" if table.get("without_dateline") else _fill(_original(table).get("dateline", ""), told_at)
    text = _edited(_body(table), later.get("edits", ()), table["id"])
    modified_at = now - timedelta(minutes=later["minutes_ago"]) if later else None
    return Story(
        id=table["id"],
        path=table["path"],
        title=str(later.get("title", table["title"])),
        blocks=_blocks(_fill(text, told_at), dateline),
        published_at=_published_at(table, now),
        conflict=table["conflict"],
        conflict_policy=bool(table.get("acts")) and table["conflict"],
        acts=tuple(PolicyType(act) for act in table.get("acts", ())),
        authors=tuple(table.get("authors", ())),
        kicker=table.get("kicker", ""),
        standfirst=str(later.get("standfirst", table.get("standfirst", ""))),
        dateline=dateline,
        slug=table.get("slug", ""),
        photos=tuple(Photo(**photo) for photo in table.get("photo", ())),
        cluster=table.get("cluster", ""),
        copy_of=table.get("copy_of", ""),
        modified_at=modified_at,
        short_path=table.get("short_path", ""),
        is_live=table.get("live", False),
    )


def _published_at(table: _Table, now: datetime) -> datetime:
    if "published" in table:
        return table["published"].astimezone(UTC)  # type: ignore[no-any-return]  # TOML's own datetime
    return now - timedelta(minutes=table["minutes_ago"])


def _told_at(table: _Table, now: datetime) -> datetime:
    """The instant from which the story counts its days: that of the first report, so that all name the same weekday."""
    first = table.get("day_of") or table.get("based_on")
    return _published_at(_stories_by_id()[first] if first else table, now)


def _original(table: _Table) -> _Table:
    return _stories_by_id()[table["based_on"]] if "based_on" in table else table


def _body(table: _Table) -> str:
    """The story's own text, or its original's with this outlet's edits."""
    if "based_on" not in table:
        return str(table["body"])
    paragraphs = str(_original(table)["body"]).strip().split("\n\n")
    kept = paragraphs[: table.get("keep", len(paragraphs))]
    dropped = set(table.get("drop", ()))
    kept = [paragraph for number, paragraph in enumerate(kept, start=1) if number not in dropped]
    if added := table.get("added", ""):
        kept.append(added.strip())
    return _edited("\n\n".join(kept), table.get("edits", ()), table["id"])


def _edited(text: str, edits: Iterable[Sequence[str]], story_id: str) -> str:
    for old, new in edits:
        if text.count(old) != 1:
            raise ValueError(f"edit of demo story {story_id} must match once: {old!r}")
        text = text.replace(old, new)
    return text


def _fill(text: str, told_at: datetime) -> str:
    """`text` with {day}, {day_before}, {day_after} and {date} in words, counted from the day the story was told."""
    one_day = timedelta(days=1)
    return (
        text.replace("{day}", f"{told_at:%A}")
        .replace("{day_before}", f"{told_at - one_day:%A}")
        .replace("{day_after}", f"{told_at + one_day:%A}")
        .replace("{date}", f"{told_at:%b} {told_at.day}")
    )


def _blocks(text: str, dateline: str) -> tuple[Block, ...]:
    blocks: list[Block] = []
    for raw in text.strip().split("\n\n"):
        line = " ".join(raw.split())
        if line.startswith("## "):
            blocks.append(Block("subhead", line.removeprefix("## ")))
        else:
            blocks.append(Block("paragraph", f"{dateline} {line}" if dateline and not blocks else line))
    return tuple(blocks)
