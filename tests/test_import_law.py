"""The law of the house, read from the source: who may import what, and who may ask the clock or the environment.

A rule names what is watched and the places where it is allowed. Every rule is shown to fail on a line that breaks it,
and to hold for every module of the project.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = ("pipeline", "workers", "migrations", "dashboards", "benchmarks")


@dataclass(frozen=True, slots=True)
class Rule:
    """What `watched` names (a module, or a module's attribute) may be used by files below `allowed` only.

    `inside` limits the rule to one room; empty means the whole project. `offence` is a snippet that breaks it, as it
    might stand in the file `offender`.
    """

    name: str
    watched: tuple[str, ...]
    allowed: tuple[str, ...]
    offender: str
    offence: str
    inside: str = ""


RULES = (
    Rule(
        "pipeline knows no worker", ("workers",), (), "pipeline/text.py", "from workers.process import x", "pipeline/"
    ),
    Rule("pipeline knows no queue", ("rq", "redis"), (), "pipeline/text.py", "import rq.job", "pipeline/"),
    Rule(
        "pipeline has no network",
        ("aiohttp", "requests", "httpx", "urllib3", "urllib.request", "http", "socket", "ssl", "ftplib", "smtplib"),
        (),
        "pipeline/feeds/reading.py",
        "from urllib import request",
        "pipeline/",
    ),
    Rule(
        "pipeline starts nothing beside itself",
        ("threading", "multiprocessing", "subprocess", "asyncio", "concurrent", "signal"),
        (),
        "pipeline/record.py",
        "import concurrent.futures",
        "pipeline/",
    ),
    Rule(
        "pipeline leaves nothing to chance",
        ("random", "secrets", "uuid"),
        (),
        "pipeline/text.py",
        "import random",
        "pipeline/",
    ),
    Rule(
        "pipeline reads no clock",
        ("datetime.datetime.now", "datetime.datetime.utcnow", "datetime.datetime.today", "datetime.date.today", "time"),
        (),
        "pipeline/settling.py",
        "from datetime import datetime as dt\nnow = dt.now()",
        "pipeline/",
    ),
    Rule(
        "pipeline reads no environment",
        ("os.environ", "os.getenv"),
        (),
        "pipeline/text.py",
        "import os\nos.environ['X']",
        "pipeline/",
    ),
    Rule(
        "SQL stands in the store",
        ("sqlalchemy",),
        ("pipeline/store/",),
        "pipeline/record.py",
        "import sqlalchemy as sa",
        "pipeline/",
    ),
    Rule(
        "the queue is spoken to in one module",
        ("rq", "redis"),
        ("workers/queue.py",),
        "workers/reader.py",
        "from redis import Redis",
    ),
    Rule(
        "HTTP is spoken in one package",
        ("aiohttp", "requests", "httpx", "urllib3", "urllib.request", "http.client"),
        # The benchmark of the running dashboard asks it on loopback; rivals and peers fetch as they are used.
        (
            *("workers/http/", "benchmarks/intake_rivals.py", "benchmarks/peer_readers.py"),
            "benchmarks/dashboards_served.py",
        ),
        "workers/poller.py",
        "import aiohttp",
    ),
    Rule(
        "the environment is read in one module",
        ("os.environ", "os.getenv"),
        ("workers/settings.py",),
        "workers/child.py",
        "from os import getenv",
    ),
    Rule(
        "engines are made in one module",
        ("sqlalchemy.create_engine", "sqlalchemy.engine.create_engine"),
        ("workers/database.py",),
        "workers/cli/run.py",
        "import sqlalchemy as sa\nsa.create_engine('x')",
    ),
    Rule(
        "workers are imported by workers and what measures them",
        ("workers",),
        ("workers/", "benchmarks/"),
        "migrations/env.py",
        "import workers.database",
    ),
    Rule(
        "a server is started for metrics, the demo and the benchmarks alone",
        ("http.server", "socketserver"),
        ("workers/metrics.py", "workers/demo/server.py", "benchmarks/wire.py"),
        "workers/dashboard.py",
        "from http.server import HTTPServer",
    ),
    Rule(
        "alembic is for upgrades alone",
        ("alembic",),
        ("workers/database.py", "workers/schema_check.py", "migrations/"),
        "workers/cli/upkeep.py",
        "from alembic import command",
    ),
    Rule(
        "apprise speaks in a process of its own",
        ("apprise",),
        ("workers/notify.py",),
        "workers/watcher.py",
        "from apprise import Apprise",
    ),
    Rule("nothing is unpickled", ("pickle", "marshal", "shelve", "dill"), (), "workers/queue.py", "import pickle"),
)

each_rule = pytest.mark.parametrize("rule", RULES, ids=[rule.name for rule in RULES])


def offences(rule: Rule, source: str, path: str) -> list[str]:
    """`line: name` for everything in `source` that the rule forbids to the file at `path`."""
    if not path.startswith(rule.inside) or any(path.startswith(place) for place in rule.allowed):
        return []
    return [
        f"{path}:{line}: {name}"
        for line, name in found_names(source)
        if any(name == watched or name.startswith(f"{watched}.") for watched in rule.watched)
    ]


@functools.cache
def found_names(source: str) -> tuple[tuple[int, str], ...]:
    """used_names of a source text, parsed once for all rules."""
    return tuple(used_names(ast.parse(source)))


def used_names(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Each imported module and attribute with its line, and each attribute used of an imported name, in full."""
    full_names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
                first = alias.name.split(".")[0]
                full_names[alias.asname or first] = alias.name if alias.asname else first
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            assert node.level == 0, "relative imports hide who imports whom"
            for alias in node.names:
                yield node.lineno, f"{node.module}.{alias.name}"
                full_names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
        elif isinstance(node, ast.Call) and _dotted(node.func) in ("__import__", "importlib.import_module"):
            for argument in node.args[:1]:
                if isinstance(argument, ast.Constant):
                    yield node.lineno, str(argument.value)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            first, _, rest = _dotted(node).partition(".")
            if first in full_names:
                yield node.lineno, f"{full_names[first]}.{rest}"


def _dotted(node: ast.expr) -> str:
    """`a.b.c` for such an expression, empty for any other."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (before := _dotted(node.value)):
        return f"{before}.{node.attr}"
    return ""


@functools.cache
def modules() -> dict[str, str]:
    """Path from the root -> source of every module of the project, tests left out."""
    paths = (path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py")))
    return {path.relative_to(ROOT).as_posix(): path.read_text("utf-8") for path in paths}


@each_rule
def test_every_module_keeps_the_rule(rule: Rule) -> None:
    assert [offence for path, source in modules().items() for offence in offences(rule, source, path)] == []


@each_rule
def test_the_rule_finds_what_breaks_it(rule: Rule) -> None:
    assert offences(rule, rule.offence, rule.offender)


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule.allowed], ids=lambda rule: rule.name)
def test_the_places_a_rule_allows_need_the_permission(rule: Rule) -> None:
    """A place that no longer uses what it is allowed to is to be struck from the rule."""
    strict = Rule(rule.name, rule.watched, (), rule.offender, rule.offence, rule.inside)
    found = [offence for path, source in modules().items() for offence in offences(strict, source, path)]
    for place in rule.allowed:
        assert any(offence.startswith(place) for offence in found), place


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("import rq", "rq"),
        ("import rq.job as j", "rq.job"),
        ("from rq import job", "rq.job"),
        ("def f():\n    from rq import Queue", "rq.Queue"),
        ("if TYPE_CHECKING:\n    import rq", "rq"),
        ("import importlib\nimportlib.import_module('rq')", "rq"),
        ("__import__('rq')", "rq"),
        ("import os\nos.environ.get('A')", "os.environ"),
        ("import datetime\ndatetime.datetime.now()", "datetime.datetime.now"),
        ("from datetime import datetime\nf(default=datetime.now)", "datetime.datetime.now"),
        ("import time as t\nt.time()", "time.time"),
    ],
)
def test_a_name_is_found_however_it_is_imported(source: str, name: str) -> None:
    assert name in [found for _, found in found_names(source)]


@pytest.mark.parametrize(
    "source", ["import rqx", "from pipeline import rq_like", "moment = claim.now", "text = 'import rq'"]
)
def test_a_name_that_only_looks_alike_is_left_alone(source: str) -> None:
    watched = Rule("", ("rq", "now"), (), "", "")
    assert offences(watched, source, "pipeline/x.py") == []


def test_every_room_was_looked_at() -> None:
    seen = {path.split("/")[0] for path in modules()}
    assert seen == set(ROOMS)
