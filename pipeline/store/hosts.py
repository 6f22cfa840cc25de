"""Politeness over all processes and machines: one row a host says when it may be asked again (promise P16)."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from itertools import chain
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import (
    ARRAY,
    Connection,
    Row,
    Select,
    String,
    and_,
    bindparam,
    case,
    cast,
    func,
    null,
    or_,
    select,
    update,
)

from pipeline.store.many import ForRows
from pipeline.store.schema import hosts
from pipeline.store.statements import insert_new, latest_end

CONNECTIONS_PER_HOST = 2
# A request holds its slot for the fetch's total deadline and some time to say so, then the slot frees itself.
HOLD_S = 45.0
LONGEST_DOWN_S = 86_400.0
# A request that goes by so much of its host's delay after its turn still keeps its distance to the next one.
LATE_SHARE = 0.05
# What a request may ask for at most, however late the ones before it went.
LONGEST_SLACK_S = 8.0


@dataclass(frozen=True, slots=True)
class HostAnswer:
    """Whether a request may go now. `wait_s` is 0 when it may; `is_down` says that the host asked to be left alone.

    A request that may go has to go within `good_for_s`, since the next one is let through at `turn_ends_at` or later.
    """

    wait_s: float
    is_down: bool = False
    turn_ends_at: datetime | None = None
    good_for_s: float = math.inf


@dataclass(frozen=True, slots=True)
class Passage:
    """One request to a host, which holds its slot under `token`.

    `slack_s` is how much later than it is let through it may go: its turn lasts so much longer. With the
    `turn_ends_at` of an earlier answer a request that did not go in time asks for its turn anew and keeps its slot.
    """

    host: str
    token: str
    slack_s: float = 0.0
    turn_ends_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class RobotsCopy:
    """A cached robots.txt: its status (0 when unreachable), its text, until when it holds, the delay it asks for."""

    status: int
    body: str
    until: datetime
    crawl_delay_s: float | None = None


# Nearly every URL has nothing before its host but the scheme, and no capital in it.
_PLAIN_HOST = re.compile(r"https?://([a-z0-9.-]+)(?::[0-9]*)?(?=[/?#]|\Z)")


def asked_host(url: str) -> str:
    """The host as politeness counts it: its name without a port, since one machine answers all its ports."""
    plain = _PLAIN_HOST.match(url)
    return plain[1] if plain else urlsplit(url).hostname or ""


# Every request runs these. Building and hashing a statement costs more than SQLite takes to run it, so they are built
# once for each dialect, and a list of hosts is one parameter (docs/benchmarks.md).
_HOLDS = {name: func.coalesce(hosts.c[f"slot_{name}_token"], "") == bindparam("b_token") for name in "ab"}
_LEAVE = ForRows(
    update(hosts)
    .where(hosts.c.host == bindparam("b_host"), or_(*_HOLDS.values()))
    .values(
        {
            f"slot_{name}_{what}": case((holds, null()), else_=hosts.c[f"slot_{name}_{what}"])
            for name, holds in _HOLDS.items()
            for what in ("until", "token")
        }
    ),
    ("b_host", "b_token"),
)
_TAKE = {
    name: ForRows(
        update(hosts)
        .where(hosts.c.host == bindparam("b_host"))
        .values(
            {
                "next_free_at": bindparam("b_next_free_at", type_=hosts.c.next_free_at.type),
                f"slot_{name}_until": bindparam("b_until", type_=hosts.c.slot_a_until.type),
                f"slot_{name}_token": bindparam("b_token"),
            }
        ),
        ("b_host", "b_token", "b_until", "b_next_free_at"),
    )
    for name in "ab"
}


_DELAY = ForRows(
    update(hosts)
    .where(hosts.c.host == bindparam("b_host"))
    .values(delay_s=bindparam("b_delay_s", type_=hosts.c.delay_s.type)),
    ("b_host", "b_delay_s"),
)
_ROBOTS = ForRows(
    update(hosts)
    .where(hosts.c.host == bindparam("b_host"))
    .values(
        robots_status=bindparam("b_status", type_=hosts.c.robots_status.type),
        robots_body=bindparam("b_body", type_=hosts.c.robots_body.type),
        robots_until=bindparam("b_until", type_=hosts.c.robots_until.type),
    ),
    ("b_host", "b_status", "b_body", "b_until"),
)


@cache
def _hosts_given(dialect: str) -> Select[Any]:
    """The hosts of the parameter b_hosts, a row each, as the column `value`."""
    if dialect == "postgresql":
        return select(func.unnest(cast(bindparam("b_hosts"), ARRAY(String))).column_valued("value"))
    return select(func.json_each(bindparam("b_hosts")).table_valued("value").c.value)


@cache
def _missing(dialect: str) -> Select[Any]:
    given = _hosts_given(dialect).subquery()
    is_there = select(hosts.c.host).where(hosts.c.host == given.c.value).exists()
    return select(given.c.value).where(~is_there).order_by(given.c.value)


@cache
def _gates(dialect: str) -> Select[Any]:
    columns = (
        "host",
        "next_free_at",
        "down_until",
        "delay_s",
        "slot_a_until",
        "slot_b_until",
        "slot_a_token",
        "slot_b_token",
    )
    return (
        select(*(hosts.c[name] for name in columns))
        .where(hosts.c.host.in_(_hosts_given(dialect)))
        # One order of hosts for all processes: two transactions that lock the same rows never wait in a ring.
        .order_by(hosts.c.host)
        .with_for_update(of=hosts)
    )


@cache
def _robots(dialect: str) -> Select[Any]:
    columns = ("host", "robots_status", "robots_body", "robots_until", "delay_s")
    return select(*(hosts.c[name] for name in columns)).where(
        hosts.c.host.in_(_hosts_given(dialect)),
        hosts.c.robots_status.is_not(None),
        hosts.c.robots_until.is_not(None),
    )


def enter_hosts(connection: Connection, passages: Sequence[Passage], now: datetime, delay_s: float) -> list[HostAnswer]:
    """Take one of its host's two slots for each of the passages, in their order, or learn how long each has to wait.

    A passage that holds a slot keeps it, and has its turn anew unless another one was let through meanwhile. A host's
    own longer delay (crawl-delay, learned throttling) wins over `delay_s`. Not in one transaction with `leave_hosts`:
    each of them takes its locks in the order of hosts.
    """
    if not passages:
        return []
    names = sorted({passage.host for passage in passages})
    dialect = connection.dialect.name
    given = {"b_hosts": names if dialect == "postgresql" else json.dumps(names)}
    # New rows come before the locks: who holds a row of `hosts` never waits for an insert.
    missing = connection.execute(_missing(dialect), given).scalars().all()
    insert_new(connection, hosts, [{"host": host, "next_free_at": now} for host in missing])
    gates = {row.host: _Gate(row) for row in connection.execute(_gates(dialect), given).all()}
    answers = [gates[passage.host].enter(passage, now, delay_s) for passage in passages]
    for name, statement in _TAKE.items():
        statement.run(connection, [gate.taken[name] for gate in gates.values() if name in gate.taken])
    return answers


def leave_hosts(connection: Connection, passages: Sequence[Passage]) -> None:
    """Give the slots back. Twice, or after a slot has run out, changes nothing."""
    _LEAVE.run(connection, sorted((passage.host, passage.token) for passage in passages))


class _Gate:
    """A host's row while it is locked, and what is to be written of its slots."""

    def __init__(self, row: Row[Any]) -> None:
        self._down_until: datetime | None = row.down_until
        self._delay_s: float = row.delay_s or 0.0
        self._next_free_at: datetime = row.next_free_at
        self._slots: dict[str, datetime | None] = {"a": row.slot_a_until, "b": row.slot_b_until}
        self._holders: dict[str, str | None] = {"a": row.slot_a_token, "b": row.slot_b_token}
        self.taken: dict[str, tuple[str, str, datetime, datetime]] = {}

    def enter(self, passage: Passage, now: datetime, delay_s: float) -> HostAnswer:
        down_until = self._down_until
        if down_until is not None and now < down_until <= latest_end(now, LONGEST_DOWN_S):
            return HostAnswer((down_until - now).total_seconds(), is_down=True)
        delay_s = max(delay_s, self._delay_s)
        slot = self._slot_for(passage, now)
        if slot is None or not self._has_turn(passage, now, delay_s):
            waits_s = (self._next_free_at - now).total_seconds()
            # Both slots busy and the spacing already over: look again soon.
            return HostAnswer(min(max(waits_s, 0.05), max(delay_s, 0.05)))
        self._next_free_at = now + timedelta(seconds=delay_s + passage.slack_s)
        self._slots[slot] = until = now + timedelta(seconds=HOLD_S)
        self._holders[slot] = passage.token
        self.taken[slot] = (passage.host, passage.token, until, self._next_free_at)
        good_for_s = passage.slack_s + delay_s * LATE_SHARE if delay_s else math.inf
        return HostAnswer(0.0, turn_ends_at=self._next_free_at, good_for_s=good_for_s)

    def _slot_for(self, passage: Passage, now: datetime) -> str | None:
        held = (name for name, token in self._holders.items() if token == passage.token)
        free = (name for name, until in self._slots.items() if has_ended(until, now, HOLD_S))
        return next(chain(held, free), None)

    def _has_turn(self, passage: Passage, now: datetime, delay_s: float) -> bool:
        # An end that is further away than any turn is that of a clock that was ahead. A turn has its slack as well.
        return passage.turn_ends_at == self._next_free_at or has_ended(
            self._next_free_at, now, delay_s + LONGEST_SLACK_S
        )


def has_ended(until: datetime | None, now: datetime, longest_s: float) -> bool:
    """`is_over` of pipeline/store/statements.py for an instant that was read."""
    return until is None or until <= now or until > latest_end(now, longest_s)


def hold_host(connection: Connection, host: str, now: datetime, delay_s: float) -> None:
    """Leave the host alone for `delay_s` (Retry-After), at most a day. A longer hold that stands is kept."""
    until = now + timedelta(seconds=min(delay_s, LONGEST_DOWN_S))
    insert_new(connection, hosts, [{"host": host, "next_free_at": now}])
    is_shorter = or_(hosts.c.down_until.is_(None), hosts.c.down_until < until)
    connection.execute(update(hosts).where(and_(hosts.c.host == host, is_shorter)).values(down_until=until))


def robots_of(connection: Connection, authorities: Sequence[str]) -> dict[str, RobotsCopy]:
    """The remembered robots.txt of each `host` or `host:port`, however old; without those that were never asked for."""
    dialect = connection.dialect.name
    given = {"b_hosts": list(authorities) if dialect == "postgresql" else json.dumps(list(authorities))}
    return {
        row.host: RobotsCopy(row.robots_status, row.robots_body or "", row.robots_until, row.delay_s)
        for row in connection.execute(_robots(dialect), given)
    }


def remember_robots(connection: Connection, found: Mapping[str, RobotsCopy], now: datetime) -> None:
    """Keep the robots.txt of each host or `host:port`, and the delays that they ask for, for every process."""
    names = {authority: urlsplit(f"//{authority}").hostname or authority for authority in found}
    # One order of hosts here as everywhere: two processes that lock the same rows never wait in a ring.
    delays = {names[authority]: copy.crawl_delay_s for authority, copy in found.items()}
    delays |= {authority: copy.crawl_delay_s for authority, copy in found.items()}
    every = sorted(delays)
    insert_new(connection, hosts, [{"host": host, "next_free_at": now} for host in every])
    _DELAY.run(connection, [(host, delays[host]) for host in every])
    _ROBOTS.run(
        connection,
        [(host, found[host].status, found[host].body, found[host].until) for host in every if host in found],
    )
