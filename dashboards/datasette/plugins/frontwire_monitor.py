"""What Datasette does differently for Frontwire: the monitor comes first, and what leaves is safe to open.

Loaded by Datasette from --plugins-dir, never imported by Frontwire itself.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

from datasette import hookimpl
from datasette.utils.asgi import Response

from pipeline.outcomes import AlertKind
from pipeline.watching.messages import Match
from pipeline.watching.outfeeds import CONTENT_TYPES, write_feed

Message = dict[str, Any]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[dict[str, Any], Callable[[], Awaitable[Message]], Send], Awaitable[None]]

# A feed's URL may carry a subscriber's key. The views cut it; SQL of one's own must not go round them. A table can't be
# read without its name standing in the statement, whatever the quoting, so the name alone decides.
GUARDED_TABLES = re.compile(r"\bfeeds\b", re.IGNORECASE)
SQL_PARAMETERS = ("sql", "_where")
# A cell that begins so is a formula to spreadsheets.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
_NUMBER = re.compile(r"-?\d+(\.\d+)?(e[+-]?\d+)?", re.IGNORECASE)

# The fields of a Match, by name.
WATCH_MATCHES = """
    SELECT match_id, kind, matched_at, story_id, title, url, source, acts, actors, status, standfirst, language,
        published_at
    FROM watch_matches WHERE watch = :name ORDER BY match_id DESC LIMIT 200
"""

HEADERS = [
    # Vega compiles its expressions, hence unsafe-eval; nothing is loaded from or sent to anywhere else.
    (
        b"content-security-policy",
        b"default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
        b"img-src 'self' data:; object-src 'none'; base-uri 'self'; frame-ancestors 'self'",
    ),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
]


async def lead_to_monitor(datasette: Any) -> Response:
    """The landing page is the monitor."""
    return Response.redirect(datasette.urls.path("/-/dashboards/monitor"))


@hookimpl  # type: ignore[untyped-decorator]
def register_routes() -> list[tuple[str, Any]]:
    """Comes before Datasette's own landing page, which stays reachable at /-/databases and /{database}."""
    return [
        (r"^/$", lead_to_monitor),
        (r"^/-/watch/(?P<name>[A-Za-z0-9][A-Za-z0-9_-]{0,63})\.(?P<format>rss|atom|json)$", serve_watch),
    ]


async def serve_watch(datasette: Any, request: Any) -> Response:
    """What a watch found as RSS, Atom or JSON Feed: read from the view, newest first."""
    await datasette.ensure_permissions(request.actor, ["view-instance"])
    name, format_ = request.url_vars["name"], request.url_vars["format"]
    database = datasette.get_database()
    # Two questions: a watch that found nothing yet is an empty feed, one that is not there is none.
    watch = (await database.execute("SELECT name, condition FROM watches WHERE name = :name", {"name": name})).first()
    if watch is None:
        return Response.text("There is no watch of that name.\n", status=404)
    found = await database.execute(WATCH_MATCHES, {"name": name})
    document = write_feed(format_, watch["name"], watch["condition"], [match_of(dict(row)) for row in found.rows])
    return Response(document, content_type=CONTENT_TYPES[format_])


def match_of(row: dict[str, Any]) -> Match:
    """A row of the view as the value that feeds are written from."""
    instants = {name: datetime.fromisoformat(row[name]) for name in ("matched_at", "published_at") if row[name]}
    return Match(**{**row, "kind": AlertKind(row["kind"]), **instants})


@hookimpl  # type: ignore[untyped-decorator]
def menu_links(datasette: Any) -> list[dict[str, str]]:
    """The way from the menu to the views."""
    return [
        {"href": datasette.urls.database(name), "label": f"Views and queries of {name}"}
        for name in datasette.databases
        if name != "_internal"
    ]


@hookimpl  # type: ignore[untyped-decorator]
def asgi_wrapper(datasette: Any) -> Callable[[App], App]:
    """Guards what comes in and cleans what goes out."""
    return guarded


def guarded(app: App) -> App:
    """`app` with SQL on guarded tables refused, formulas in CSV disarmed, and security headers set."""

    async def wrapped(scope: dict[str, Any], receive: Callable[[], Awaitable[Message]], send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
        elif names_guarded_table(scope.get("query_string", b"").decode("latin-1")):
            await _refuse(send)
        else:
            await app(scope, receive, _cleaned(send, is_csv=_asks_for_csv(scope)))

    return wrapped


def names_guarded_table(query_string: str) -> bool:
    """Whether SQL given in the query string names a table that only views may read."""
    return any(
        name in SQL_PARAMETERS and GUARDED_TABLES.search(value)
        for name, value in parse_qsl(query_string, keep_blank_values=True)
    )


def disarmed(rows: str) -> str:
    """CSV rows in which no cell begins like a formula: such a cell gets an apostrophe in front; numbers stay."""
    out = io.StringIO()
    writer = csv.writer(out)
    for row in csv.reader(io.StringIO(rows, newline="")):
        writer.writerow([f"'{c}" if c.startswith(FORMULA_STARTS) and not _NUMBER.fullmatch(c) else c for c in row])
    return out.getvalue()


def _asks_for_csv(scope: dict[str, Any]) -> bool:
    wanted = dict(parse_qsl(scope.get("query_string", b"").decode("latin-1"))).get("_format")
    return str(scope["path"]).endswith(".csv") or wanted == "csv"


def _cleaned(send: Send, *, is_csv: bool) -> Send:
    async def cleaned(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), *HEADERS]}
        elif is_csv and message.get("body"):
            # Datasette sends each CSV row as one message.
            message = {**message, "body": disarmed(message["body"].decode("utf-8")).encode("utf-8")}
        await send(message)

    return cleaned


async def _refuse(send: Send) -> None:
    body = b'{"ok": false, "error": "Tables are not read here: ask the views (docs/sql.md lists them)."}'
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()), *HEADERS]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": body})
