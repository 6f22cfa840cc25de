"""Politeness over all processes and machines: one row a host says when it may be asked again (promise P16)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import Connection, Row, and_, bindparam, case, func, null, or_, select, update

from pipeline.store.schema import hosts
from pipeline.store.statements import insert_for, insert_missing, is_over_when, latest_end

CONNECTIONS_PER_HOST = 2
# A request holds its slot for the fetch's total deadline and some time to say so, then the slot frees itself.
HOLD_S = 45.0
LONGEST_DOWN_S = 86_400.0


@dataclass(frozen=True, slots=True)
class HostAnswer:
    """Whether a request may go now. `wait_s` is 0 when it may; `is_down` says that the host asked to be left alone."""

    wait_s: float
    is_down: bool = False


@dataclass(frozen=True, slots=True)
class RobotsCopy:
    """A cached robots.txt: its status (0 when unreachable), its text, until when it holds, the delay it asks for."""

    status: int
    body: str
    until: datetime
    crawl_delay_s: float | None = None


def asked_host(url: str) -> str:
    """The host as politeness counts it: its name without a port, since one machine answers all its ports."""
    return urlsplit(url).hostname or ""


# Every request runs these. Building and hashing a statement costs more than SQLite takes to run it, so they are built
# once (docs/benchmarks.md).
_FACTS = select(hosts.c.next_free_at, hosts.c.down_until, hosts.c.delay_s).where(hosts.c.host == bindparam("b_host"))
_IS_A_FREE = is_over_when(hosts.c.slot_a_until, "b_now", "b_latest_hold")
_IS_B_FREE = is_over_when(hosts.c.slot_b_until, "b_now", "b_latest_hold")
_HOLD_END = bindparam("b_hold_end", type_=hosts.c.slot_a_until.type)
_TAKE = (
    update(hosts)
    .where(
        hosts.c.host == bindparam("b_host"),
        is_over_when(hosts.c.next_free_at, "b_now", "b_latest_turn"),
        or_(_IS_A_FREE, _IS_B_FREE),
    )
    .values(
        next_free_at=bindparam("b_next_turn", type_=hosts.c.next_free_at.type),
        slot_a_until=case((_IS_A_FREE, _HOLD_END), else_=hosts.c.slot_a_until),
        slot_a_token=case((_IS_A_FREE, bindparam("b_token")), else_=hosts.c.slot_a_token),
        slot_b_until=case((_IS_A_FREE, hosts.c.slot_b_until), else_=_HOLD_END),
        slot_b_token=case((_IS_A_FREE, hosts.c.slot_b_token), else_=bindparam("b_token")),
    )
)
_HOLDS_A = func.coalesce(hosts.c.slot_a_token, "") == bindparam("b_token")
_HOLDS_B = func.coalesce(hosts.c.slot_b_token, "") == bindparam("b_token")
_LEAVE = (
    update(hosts)
    .where(hosts.c.host == bindparam("b_host"), or_(_HOLDS_A, _HOLDS_B))
    .values(
        slot_a_until=case((_HOLDS_A, null()), else_=hosts.c.slot_a_until),
        slot_a_token=case((_HOLDS_A, null()), else_=hosts.c.slot_a_token),
        slot_b_until=case((_HOLDS_B, null()), else_=hosts.c.slot_b_until),
        slot_b_token=case((_HOLDS_B, null()), else_=hosts.c.slot_b_token),
    )
)


def enter_host(connection: Connection, host: str, token: str, now: datetime, delay_s: float) -> HostAnswer:
    """Take one of the host's two slots, or learn how long to wait.

    A host's own longer delay (crawl-delay, learned throttling) wins over `delay_s`.
    """
    row = _host_row(connection, host, now)
    if row.down_until is not None and now < row.down_until <= latest_end(now, LONGEST_DOWN_S):
        return HostAnswer((row.down_until - now).total_seconds(), is_down=True)
    delay_s = max(delay_s, row.delay_s or 0.0)
    taken = connection.execute(
        _TAKE,
        {
            "b_host": host,
            "b_token": token,
            "b_now": now,
            "b_latest_turn": latest_end(now, delay_s),
            "b_latest_hold": latest_end(now, HOLD_S),
            "b_next_turn": now + timedelta(seconds=delay_s),
            "b_hold_end": now + timedelta(seconds=HOLD_S),
        },
    ).rowcount
    if taken:
        return HostAnswer(0.0)
    waits = (row.next_free_at - now).total_seconds()
    # Both slots busy and the spacing already over: look again soon.
    return HostAnswer(min(max(waits, 0.05), max(delay_s, 0.05)))


def leave_host(connection: Connection, host: str, token: str) -> None:
    """Give the slot back. Twice, or after the slot has run out, changes nothing."""
    connection.execute(_LEAVE, {"b_host": host, "b_token": token})


def hold_host(connection: Connection, host: str, now: datetime, delay_s: float) -> None:
    """Leave the host alone for `delay_s` (Retry-After), at most a day. A longer hold that stands is kept."""
    until = now + timedelta(seconds=min(delay_s, LONGEST_DOWN_S))
    insert_missing(connection, hosts, [{"host": host, "next_free_at": now}])
    is_shorter = or_(hosts.c.down_until.is_(None), hosts.c.down_until < until)
    connection.execute(update(hosts).where(and_(hosts.c.host == host, is_shorter)).values(down_until=until))


def robots_of(connection: Connection, authority: str) -> RobotsCopy | None:
    """The remembered robots.txt of `host` or `host:port`, however old; None when none was ever asked for."""
    row = connection.execute(
        select(hosts.c.robots_status, hosts.c.robots_body, hosts.c.robots_until, hosts.c.delay_s).where(
            hosts.c.host == authority
        )
    ).first()
    if row is None or row.robots_status is None or row.robots_until is None:
        return None
    return RobotsCopy(row.robots_status, row.robots_body or "", row.robots_until, row.delay_s)


def remember_robots(connection: Connection, authority: str, copy: RobotsCopy, now: datetime) -> None:
    """Keep a robots.txt, and the delay it asks for, for every process."""
    name = urlsplit(f"//{authority}").hostname or authority
    insert_missing(connection, hosts, [{"host": host, "next_free_at": now} for host in sorted({authority, name})])
    connection.execute(
        update(hosts)
        .where(hosts.c.host == authority)
        .values(robots_status=copy.status, robots_body=copy.body, robots_until=copy.until)
    )
    connection.execute(update(hosts).where(hosts.c.host.in_((authority, name))).values(delay_s=copy.crawl_delay_s))


def _host_row(connection: Connection, host: str, now: datetime) -> Row[Any, Any, Any]:
    row = connection.execute(_FACTS, {"b_host": host}).first()
    if row is None:
        statement = insert_for(connection, hosts).on_conflict_do_nothing()
        connection.execute(statement, {"host": host, "next_free_at": now})
        row = connection.execute(_FACTS, {"b_host": host}).one()
    return row
