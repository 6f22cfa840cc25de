"""`frontwire explain`: every step of a URL, every dropped line with its rule, every score with its evidence."""

from __future__ import annotations

from typing import Any

import click

from pipeline.identity.urls import canonical_url
from pipeline.store import reports
from workers.cli.common import json_option, print_json, print_table, store
from workers.cli.origins import print_origin
from workers.database import reading

_FIELDS = (
    "kind", "kicker", "title", "standfirst", "authors", "agencies", "dateline", "place", "slug", "wire_mark",
    "published_at", "modified_at", "language", "section", "access", "editor_notes", "candidate",
)  # fmt: skip


@click.command()
@click.argument("wanted", metavar="URL|uID|sID")
@json_option
def explain(wanted: str, as_json: bool) -> int:
    """Explain how a URL ended: by its URL, its ledger id (u12) or its story's id (s12)."""
    with store() as engine, reading(engine) as connection:
        row = reports.find_url(connection, wanted) or reports.find_url(connection, canonical_url(wanted) or wanted)
        if row is None:
            raise click.ClickException(f"{wanted!r} was never announced; `frontwire stories list` shows what was read")
        facts = reports.explain_url(connection, row.id)
    if as_json:
        print_json(facts)
    else:
        _print(facts)
    return 0


def _print(facts: dict[str, Any]) -> None:
    url = facts["url"]
    click.echo(f"{url['url']}\n  announced {url['announced_at']:%Y-%m-%d %H:%M:%S} by {facts['feed'] or 'hand'}")
    click.echo(f"  state {url['state']}, reason {url['reason']}, tries {url['attempts']}: {facts['meaning'] or ''}")
    if url["detail"]:
        click.echo(f"  detail: {url['detail']}")
    if facts["repeats_story_id"]:
        click.echo(f"  repeats story {facts['repeats_story_id']}")
    for page in facts["pages"]:
        click.echo(
            f"  fetched {page['fetched_at']:%Y-%m-%d %H:%M:%S} status {page['status']}, {page['body_bytes']} bytes, "
            f"archive {page['warc_file']} at {page['warc_offset']}"
        )
    _print_lines(facts)
    if facts["story"] is not None:
        _print_verdict(facts["story"])
        print_origin(facts["story"])


def _print_lines(facts: dict[str, Any]) -> None:
    """The story's fields, then its lines and the dropped ones side by side, each with the rule that took it."""
    story = facts["story"]
    if story is not None:
        fields = story["story"]
        rows = [(name, fields[name]) for name in _FIELDS if fields[name]]
        rows += [("caption", line) for line in fields["captions"]] + [("credit", line) for line in fields["credits"]]
        print_table("fields", ("field", "value"), rows)
        for entry in fields["live_entries"]:
            click.echo(f"  live {entry['at'] or 'undated'}: {entry['heading'] or entry['text'][:80]}")
    if facts["lines"]:
        print_table(
            "lines",
            ("#", "kept", "dropped", "rule"),
            [
                (line["position"] if line["position"] >= 0 else "", line["kept"], line["dropped"], line["rule"])
                for line in facts["lines"]
            ],
        )


def _print_verdict(story: dict[str, Any]) -> None:
    verdict = story["verdict"]
    if verdict is None:
        return
    if verdict["unjudged"] is not None:
        language = story["story"]["language"] or "undeclared"
        click.echo(
            f"verdict {verdict['model']}: not judged, {verdict['unjudged']}: no fitted model (language {language})"
        )
        _print_named(story)
        return
    click.echo(
        f"verdict {verdict['model']}: conflict {verdict['conflict']:.3f}, conflict policy "
        f"{verdict['conflict_policy']:.3f}, threshold {verdict['threshold']:.3f}"
    )
    print_table("acts", ("act", "score"), [(act["act"], act["score"]) for act in verdict["acts"]])
    print_table(
        "evidence",
        ("for", "feature", "weight", "where", "words"),
        [
            (e["head"], e["feature"], e["weight"], f"{e['place']} {e['start']}-{e['end']}", e["surface"])
            for e in verdict["evidence"]
        ],
    )
    _print_report(story["report"])
    _print_named(story)


def _print_report(report: dict[str, Any] | None) -> None:
    """The pooled verdict, where other outlets carry the report too."""
    if report is not None and report["pooled_stories"] > 1 and report["conflict_policy"] is not None:
        click.echo(
            f"the report, pooled over {report['pooled_stories']} stories: conflict {report['conflict']:.3f}, "
            f"conflict policy {report['conflict_policy']:.3f}; acts: {', '.join(report['acts']) or 'none'}"
        )


def _print_named(story: dict[str, Any]) -> None:
    """Actors, sourcing, places, and the subjects that the wire itself gave."""
    click.echo(f"actors: {', '.join(story['actors'])}")
    if story["sourcing"]:
        print_table(
            "sourcing",
            ("source", "standing", "name", "actor", "where", "words"),
            [(s["source"], s["standing"], s["name"], s["actor"], _where(s), s["surface"]) for s in story["sourcing"]],
        )
    if story["places"]:
        print_table(
            "places",
            ("place", "country", "lat", "lon", "where", "words"),
            [
                (p["name"], p["country"], p["latitude"], p["longitude"], _where(p), p["surface"])
                for p in story["places"]
            ],
        )
    if story["codes"]:
        click.echo("subjects given by the wire: " + ", ".join(c["name"] or c["code"] for c in story["codes"]))


def _where(row: dict[str, Any]) -> str:
    return f"{row['place']} {row['span_start']}-{row['span_end']}"
