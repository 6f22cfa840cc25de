"""`frontwire doctor`: look at everything that can be wrong, and say what to do about it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

import click
from sqlalchemy import Engine, func, select, text

from pipeline.outcomes import FeedStatus, UrlState
from pipeline.store import ledger
from pipeline.store.retention import sample_pages
from pipeline.store.schema import feeds
from workers.archive import ArchiveError, load, page_ref
from workers.cli.common import EXIT_FAILED, json_option, print_json, print_table
from workers.database import DatabaseUnavailable, check, open_engine, reading, sqlite_path
from workers.faults import QueueUnavailable
from workers.process import utc_now
from workers.queue import ping, settings_of
from workers.settings import Settings, load_settings

LEAST_FREE_BYTES = 1 << 30
CLOCK_LIMIT_S = 5.0
BACKLOG_LIMIT = timedelta(minutes=30)
OVERDUE_LIMIT = timedelta(minutes=30)
ARCHIVE_SAMPLE = 20


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: ok, something to know, or something to mend, with what to do."""

    subject: str
    status: Literal["ok", "warn", "fail"]
    found: str
    advice: str = ""


@click.command()
@json_option
def doctor(as_json: bool) -> int:
    """Look for what is wrong, and say what to do. Exit status 1 when anything must be mended."""
    settings = load_settings()
    findings = list(examine(settings))
    if as_json:
        print_json([{"subject": f.subject, "status": f.status, "found": f.found, "advice": f.advice} for f in findings])
    else:
        print_table(
            "doctor",
            ("", "looked at", "found", "what to do"),
            [(f.status, f.subject, f.found, f.advice) for f in findings],
        )
    return EXIT_FAILED if any(finding.status == "fail" for finding in findings) else 0


def examine(settings: Settings) -> Iterator[Finding]:
    """Every finding, most basic first; what needs a database is left out when there is none."""
    yield _disk(settings)
    yield from _queue(settings)
    file = sqlite_path(settings.database_dsn)
    if file is not None and not file.exists():
        yield Finding("database", "warn", f"there is none at {file} yet", "`frontwire run` makes it")
        return
    try:
        engine = open_engine(settings.database_dsn)
    except DatabaseUnavailable as error:
        yield Finding("database", "fail", str(error), "start it, or mend FRONTWIRE_DATABASE_URL")
        return
    try:
        differences = check(engine)
        if differences:
            yield Finding("schema", "fail", "; ".join(differences[:3]), "run `frontwire db upgrade`")
            return
        yield Finding("schema", "ok", "as this version expects")
        for look in (_clock, _backlog, _feeds, _silent, _dead):
            yield look(engine)
        yield _archive(engine, settings)
    finally:
        engine.dispose()


def _disk(settings: Settings) -> Finding:
    directory = settings.data_dir.absolute()
    while not directory.exists():
        directory = directory.parent
    free = shutil.disk_usage(directory).free
    found = f"{free / (1 << 30):.1f} GiB free at {settings.data_dir.absolute()}"
    if free < LEAST_FREE_BYTES:
        return Finding("disk", "fail", found, "free some space, or move FRONTWIRE_DATA_DIR")
    return Finding("disk", "ok", found)


def _queue(settings: Settings) -> Iterator[Finding]:
    if settings.is_valkey_embedded and not settings.valkey_socket.exists():
        yield Finding("queue", "ok", "the embedded Valkey is not running", "`frontwire run` starts it")
        return
    try:
        version = ping(settings.redis_dsn)
        options = settings_of(settings.redis_dsn)
    except QueueUnavailable as error:
        yield Finding("queue", "fail", str(error), "start it, or mend FRONTWIRE_REDIS_URL; nothing is lost meanwhile")
        return
    yield Finding("queue", "ok", version)
    if options.get("appendonly") == "no" and not settings.is_valkey_embedded:
        yield Finding(
            "queue persistence",
            "warn",
            "appendonly no",
            "set appendonly yes, appendfsync everysec: without it a restart delays queued URLs by one lease",
        )
    policy = options.get("maxmemory-policy", "noeviction")
    if policy != "noeviction":
        yield Finding(
            "queue eviction", "warn", policy, "set maxmemory-policy noeviction: evicted jobs wait for a lease"
        )


def _clock(engine: Engine) -> Finding:
    if engine.dialect.name == "sqlite":
        return Finding("clock", "ok", "one machine, one clock")
    with reading(engine) as connection:
        theirs = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
    apart_s = abs((utc_now() - theirs).total_seconds())
    if apart_s > CLOCK_LIMIT_S:
        return Finding("clock", "warn", f"{apart_s:.1f} s from the database's", "run an NTP client on both machines")
    return Finding("clock", "ok", f"{apart_s:.1f} s from the database's")


def _backlog(engine: Engine) -> Finding:
    with reading(engine) as connection:
        states = ledger.count_states(connection)
        oldest = ledger.oldest_due(connection)
    waits = utc_now() - oldest if oldest is not None else timedelta(0)
    found = f"{states[UrlState.WAITING]} URLs wait, the oldest due for {max(waits, timedelta(0))}".split(".")[0]
    if waits > BACKLOG_LIMIT:
        return Finding("backlog", "warn", found, "start more workers, or look at the slowest hosts in the dashboard")
    return Finding("backlog", "ok", found)


def _feeds(engine: Engine) -> Finding:
    now = utc_now()
    with reading(engine) as connection:
        active = feeds.c.status != FeedStatus.DISABLED
        total = connection.execute(select(func.count()).select_from(feeds).where(active)).scalar_one()
        overdue = connection.execute(
            select(func.count()).select_from(feeds).where(active, feeds.c.next_poll_at < now - OVERDUE_LIMIT)
        ).scalar_one()
        failing = connection.execute(
            select(func.count()).select_from(feeds).where(active, feeds.c.error_count >= 5)
        ).scalar_one()
    found = f"{total} feeds, {overdue} overdue, {failing} failing five times or more in a row"
    if not total:
        return Finding(
            "feeds", "warn", "no feeds", "`frontwire feeds import FILE.opml`, or `frontwire run` for the list"
        )
    if overdue > total / 2:
        return Finding("feeds", "warn", found, "is a poller running? start `frontwire run` or `frontwire poller`")
    return Finding("feeds", "warn" if failing else "ok", found, "`frontwire feeds list` shows why" if failing else "")


def _silent(engine: Engine) -> Finding:
    query = text("SELECT source, silent_s FROM source_health WHERE is_silent = 1 ORDER BY silent_s DESC")
    with reading(engine) as connection:
        silent = connection.execute(query).all()
    if not silent:
        return Finding("silent sources", "ok", "none")
    named = ", ".join(f"{row.source} ({row.silent_s / 3600:.0f} h)" for row in silent[:3])
    more = f" and {len(silent) - 3} more" if len(silent) > 3 else ""
    return Finding("silent sources", "warn", named + more, "`frontwire feeds check URL` shows what a poll would find")


def _archive(engine: Engine, settings: Settings) -> Finding:
    """Reads a sample of archived responses back and compares their digests: the newest, and some from all times."""
    with reading(engine) as connection:
        rows = sample_pages(connection, ARCHIVE_SAMPLE)
    # Another machine's worker writes into an archive of its own, which is not here.
    here = [row for row in rows if (settings.archive_dir / row.warc_file).exists()]
    bad = []
    for row in here:
        try:
            load(settings.archive_dir, page_ref(row))
        except ArchiveError as error:
            bad.append(str(error))
    found = f"{len(here) - len(bad)} of {len(rows)} sampled responses are whole"
    if bad:
        return Finding("archive", "fail", f"{found}; {bad[0]}", "restore archive/ from its backup, and test the disk")
    if len(here) < len(rows):
        advice = "they lie on another machine, or archive/ was moved: `reread` needs them; what is old goes by `prune`"
        return Finding("archive", "warn", f"{found}, {len(rows) - len(here)} have no file here", advice)
    return Finding("archive", "ok", found)


def _dead(engine: Engine) -> Finding:
    with reading(engine) as connection:
        dead = ledger.count_states(connection)[UrlState.DEAD]
    if dead:
        return Finding(
            "dead letters", "warn", f"{dead} URLs", "see the view dead_letters; `frontwire requeue --state dead`"
        )
    return Finding("dead letters", "ok", "none")
