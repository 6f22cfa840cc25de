# ruff: noqa: S608 - the SQL is made of constants of this file and of pipeline.store.search; values are bound
"""The page of one story, and the search page. Loaded by Datasette, never imported by Frontwire itself.

Both ask the views (and the full-text index) through Datasette's own read-only connection, with its limit of 10 s; what
strangers wrote reaches the templates as text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import urlencode, urlsplit

from datasette import hookimpl
from datasette.database import QueryInterrupted
from datasette.utils.asgi import NotFound, Response

from pipeline.marking import Piece, diff_words, mark_evidence
from pipeline.outcomes import PolicyType
from pipeline.store.search import (
    MARK_END,
    MARK_START,
    OF_LANGUAGE,
    RANKED_MAX,
    STORED_SINCE,
    STORED_UNTIL,
    Term,
    TooShort,
    among_facts,
    fts5_query,
    of_facts,
    parse_terms,
    require_long,
    sqlite_search,
)

RESULTS = 50
TYPED_MAX = 500
_TEXTS = ("source", "language", "act", "actor")


@hookimpl  # type: ignore[untyped-decorator]
def register_routes() -> list[tuple[str, Any]]:
    """Where the pages are."""
    return [(r"^/-/story/(?P<story_id>\d{1,18})$", story_page), (r"^/-/search$", search_page)]


@hookimpl  # type: ignore[untyped-decorator]
def extra_template_vars(datasette: Any) -> dict[str, Any]:
    """What every template may say: the way to each dashboard."""
    dashboards = datasette.plugin_config("datasette-dashboards") or {}
    return {"frontwire_dashboards": {slug: facts["title"] for slug, facts in dashboards.items()}, "web": web_address}


def web_address(value: Any) -> str | None:
    """`value` if a link may lead there: an http or https address. None for anything else."""
    try:
        parts = urlsplit(str(value))
    except ValueError:
        return None
    return str(value) if parts.scheme in ("http", "https") and parts.hostname else None


# -------------------------------------------------------------------------------------------------------- one story


def outlets_time(published_at: str | None, offset_s: int | None) -> str | None:
    """What the outlet's own clock said, where it is not UTC."""
    if not published_at or not offset_s:
        return None
    moment = datetime.fromisoformat(published_at).astimezone(timezone(timedelta(seconds=offset_s)))
    return f"{moment:%Y-%m-%d %H:%M %z}"


async def story_page(datasette: Any, request: Any) -> Response:
    """One story whole: text, verdict with its evidence, origin, other tellings, revisions, copies, archive."""
    key = {"id": int(request.url_vars["story_id"])}
    ask = _asker(datasette)
    found = await ask("SELECT * FROM story_details WHERE story_id = :id", key)
    if not found:
        raise NotFound(f"There is no story {key['id']}")
    story = found[0]
    for name in ("authors", "captions", "credits", "evidence", "scored_acts"):
        story[name] = json.loads(story[name] or "[]")
    story["published_local"] = outlets_time(story["published_at"], story["published_offset_s"])
    marked = mark_evidence(story["title"], story["standfirst"], story["text"], story["evidence"])
    versions = await ask(
        "SELECT revision, title, text, stored_at, previous_title, previous_text, changes, figures FROM story_revisions "
        "WHERE story_id = :id ORDER BY revision DESC",
        key,
    )
    return await _rendered(
        datasette,
        request,
        "frontwire_story.html",
        {
            "story": story,
            "title_pieces": marked["title"],
            "standfirst_pieces": marked["standfirst"],
            "paragraphs": paragraphs(marked["text"]),
            "evidence": sorted(story["evidence"], key=lambda item: -abs(item["weight"]))[:40],
            "revisions": [_changed(version) for version in versions if version["previous_text"] is not None],
            "dropped": await ask(
                "SELECT position, line, rule FROM story_dropped_lines WHERE story_id = :id ORDER BY position", key
            ),
            "copies": await ask("SELECT * FROM story_copies WHERE story_id = :id ORDER BY seen_at LIMIT 200", key),
            "origin_story": await _origin_story(ask, story),
            "event": await _event(ask, story),
            "pages": await ask("SELECT * FROM archived_pages WHERE story_id = :id ORDER BY page_id DESC LIMIT 50", key),
            "database": _database(datasette),
        },
    )


async def _origin_story(ask: Any, story: dict[str, Any]) -> dict[str, Any] | None:
    """The other story from which this one has its report; None where it is its own or the other is not stored."""
    if story["origin_story_id"] in (None, story["story_id"]):
        return None
    found = await ask(
        "SELECT story_id, title, site, url, stored_at FROM story_details WHERE story_id = :id",
        {"id": story["origin_story_id"]},
    )
    return found[0] if found else None


async def _event(ask: Any, story: dict[str, Any]) -> dict[str, Any] | None:
    """How many independent origins the story's event has, and the reports that tell of it in other words."""
    if story["event_id"] is None:
        return None
    reports = await ask(
        "SELECT * FROM story_events WHERE event_id = :event ORDER BY first_seen_at, cluster_id LIMIT 200",
        {"event": story["event_id"]},
    )
    others = [report for report in reports if report["cluster_id"] != story["cluster_id"]]
    return {"origins": reports[0]["event_origins"] if reports else 0, "others": others}


def paragraphs(pieces: list[Piece]) -> list[list[Piece]]:
    """The pieces of a text by paragraph; a piece that spans an empty line is cut there."""
    found: list[list[Piece]] = [[]]
    for piece in pieces:
        for number, part in enumerate(re.split(r"\n{2,}", piece.text)):
            if number:
                found.append([])
            if part:
                found[-1].append(Piece(part, piece.weight, piece.why))
    return [paragraph for paragraph in found if paragraph]


def _changed(version: dict[str, Any]) -> dict[str, Any]:
    return {
        "revision": version["revision"],
        "stored_at": version["stored_at"],
        "changes": version["changes"],
        "figures": version["figures"],
        "title": diff_words(version["previous_title"] or "", version["title"]),
        "text": diff_words(version["previous_text"], version["text"]),
    }


# ------------------------------------------------------------------------------------------------------------ search


async def search_page(datasette: Any, request: Any) -> Response:
    """What is found for `q`, best first, under filters by time, source, language, type of act and actor."""
    typed = (request.args.get("q") or "")[:TYPED_MAX]
    chosen = {name: request.args.get(name) or "" for name in ("period", "until", *_TEXTS)}
    terms = parse_terms(typed)
    ask = _asker(datasette)
    conditions, values = _conditions(chosen)
    results: list[dict[str, Any]] = []
    problem = None
    sql = _search_sql(terms, conditions)
    parameters = {**values, "query": fts5_query(terms), "ranked": RANKED_MAX, "limit": RESULTS}
    if terms:
        try:
            require_long(terms)
            results = await ask(sql, parameters)
        except TooShort as error:
            problem = f"{error}."
        except QueryInterrupted:
            problem = "This search took more than 10 s and was ended. Narrow it by time or source."
    for row in results:
        row["snippet"] = snippet_pieces(row["snippet"])
    ranked_since = results[0]["ranked_since"] if results else None
    recent = "WHERE day >= ago_day('30 days')"
    options = {
        "period": ["1 day", "7 days", "30 days", "365 days"],
        "source": await _column(ask, f"SELECT source FROM volume_daily {recent} GROUP BY 1 ORDER BY 1"),
        "language": await _column(ask, f"SELECT language FROM volume_daily {recent} GROUP BY 1 ORDER BY 1"),
        "act": [act.value for act in PolicyType],
        "actor": await _column(ask, f"SELECT actor FROM actors_daily {recent} GROUP BY 1 ORDER BY 1"),
    }
    base = datasette.urls.database(_database(datasette))
    context = {"typed": typed, "terms": terms, "results": results, "problem": problem, "options": options}
    older = urlencode({"q": typed, **{name: value for name, value in chosen.items() if value}, "until": ranked_since})
    context |= {"chosen": chosen, "limit": RESULTS, "ranked": RANKED_MAX, "ranked_since": ranked_since, "older": older}
    context |= {kind: f"{base}.{kind}?{urlencode({'sql': sql, **parameters})}" for kind in ("csv", "json")}
    return await _rendered(datasette, request, "frontwire_search.html", context)


def _conditions(chosen: dict[str, str]) -> tuple[list[str], dict[str, str]]:
    """The filters that are set, as conditions on what the index finds, and their values."""
    forms = {
        "period": STORED_SINCE.replace(":since", "ago(:period)"),
        "until": STORED_UNTIL,
        "source": among_facts("source = :source"),
        "language": OF_LANGUAGE,
        "act": of_facts("', ' || acts || ',' LIKE '%, ' || :act || ',%'"),
        "actor": among_facts("is_conflict_policy AND ', ' || actors || ',' LIKE '%, ' || :actor || ',%'"),
    }
    values = {name: value for name, value in chosen.items() if value}
    return [forms[name] for name in values], values


def _search_sql(terms: Sequence[Term], conditions: Sequence[str]) -> str:
    """The search of `frontwire stories search`, with what a list shows of each story."""
    return f"""SELECT hits.story_id, title, source, site, language, stored_at, acts, actors, is_conflict_policy, url,
    snippet, ranked_since
FROM ({sqlite_search(terms, conditions)}) AS hits JOIN story_details ON story_details.story_id = hits.story_id
ORDER BY rank DESC, hits.story_id DESC"""


def snippet_pieces(snippet: str) -> list[Piece]:
    """A snippet cut at its marks; what was found has the weight 1."""
    parts = re.split(f"[{MARK_START}{MARK_END}]", snippet or "")
    return [Piece(part, float(place % 2)) for place, part in enumerate(parts) if part]


# ------------------------------------------------------------------------------------------------------------ shared


def _database(datasette: Any) -> str:
    return next(name for name in datasette.databases if not name.startswith("_"))


def _asker(datasette: Any) -> Any:
    database = datasette.get_database(_database(datasette))

    async def ask(sql: str, values: dict[str, Any]) -> list[dict[str, Any]]:
        return [dict(row) for row in await database.execute(sql, values)]

    return ask


async def _column(ask: Any, sql: str) -> list[str]:
    return [next(iter(row.values())) for row in await ask(sql, {})]


async def _rendered(datasette: Any, request: Any, template: str, context: dict[str, Any]) -> Response:
    return Response.html(await datasette.render_template(template, context, request=request))
