"""The guarded HTTP path: the only place where anything is fetched, and the only one that may (promises P13 to P21)."""

from __future__ import annotations

from workers.http.answers import Kind
from workers.http.callbacks import CallbackServer, Pushed, Reply, Verification
from workers.http.client import HttpClient
from workers.http.connecting import Resolve
from workers.http.gate import Gate, GateClosed, OpenGate, SpacedGate, TakenSlot
from workers.http.guard import AllowRule, is_public, parse_allow_addresses
from workers.http.policy import HttpPolicy
from workers.http.robots import (
    Allowed,
    Disallowed,
    MemoryRobotsStore,
    RobotsAnswer,
    RobotsBook,
    RobotsCheck,
    RobotsRecord,
    RobotsRules,
    RobotsStore,
    Unreachable,
    parse_robots,
    product_token,
)
from workers.http.room import BodyPlace, BodyRoom

__all__ = [
    "AllowRule",
    "Allowed",
    "BodyPlace",
    "BodyRoom",
    "CallbackServer",
    "Disallowed",
    "Gate",
    "GateClosed",
    "HttpClient",
    "HttpPolicy",
    "Kind",
    "MemoryRobotsStore",
    "OpenGate",
    "Pushed",
    "Reply",
    "Resolve",
    "RobotsAnswer",
    "RobotsBook",
    "RobotsCheck",
    "RobotsRecord",
    "RobotsRules",
    "RobotsStore",
    "SpacedGate",
    "TakenSlot",
    "Unreachable",
    "Verification",
    "is_public",
    "parse_allow_addresses",
    "parse_robots",
    "product_token",
]
