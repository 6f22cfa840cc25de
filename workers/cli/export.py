"""`frontwire export`: stories as jsonl or csv, in bounded memory, resumable by id."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import click

from pipeline.store import reports
from workers.cli.common import EXIT_NOTHING, plain_value, store
from workers.cli.stories import build_filter, filter_options
from workers.database import reading

COLUMNS = (
    "id", "url", "canonical_url", "site", "title", "kicker", "standfirst", "text", "authors", "dateline", "captions",
    "credits", "language", "published_at", "modified_at", "announced_at", "stored_at", "revision", "cluster_id",
    "content_hash", "word_count", "conflict", "conflict_policy", "is_conflict", "is_conflict_policy", "acts", "actors",
)  # fmt: skip
# A spreadsheet runs what begins with these as a formula (OWASP, CSV injection; promise P27).
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


@click.command()
@click.argument("format", type=click.Choice(["jsonl", "csv"]))
@click.option(
    "--output", type=click.Path(dir_okay=False, path_type=Path), help="File to write (default: standard output)."
)
@click.option("--after-id", type=click.IntRange(0), default=0, help="Go on behind this story id.")
@filter_options
def export(
    format: str,
    output: Path | None,
    after_id: int,
    policy_only: bool,
    site: str | None,
    language: str | None,
    since: str | None,
) -> int:
    """Write stories with verdict, acts and actors, by ascending id."""
    wanted = build_filter(policy_only, site, language, since)
    write = write_csv if format == "csv" else write_jsonl
    with store() as engine, reading(engine) as connection:
        rows = reports.iter_stories(connection, wanted, after_id)
        if output is None:
            count = write(rows, sys.stdout)
        else:
            with output.open("w", encoding="utf-8", newline="") as file:
                count = write(rows, file)
    click.echo(f"{count} stories", err=True)
    return 0 if count else EXIT_NOTHING


def write_jsonl(rows: Iterator[dict[str, Any]], file: IO[str]) -> int:
    """One JSON object a line; returns how many."""
    count = 0
    for row in rows:
        count += 1
        picked = {name: row[name] for name in COLUMNS}
        file.write(json.dumps(picked, ensure_ascii=False, default=plain_value) + "\n")
    return count


def write_csv(rows: Iterator[dict[str, Any]], file: IO[str]) -> int:
    """RFC 4180 with a header line; lists are joined by `; `; no cell begins like a formula. Returns how many."""
    writer = csv.writer(file)
    writer.writerow(COLUMNS)
    count = 0
    for row in rows:
        count += 1
        writer.writerow([safe_cell(row[name]) for name in COLUMNS])
    return count


def safe_cell(value: object) -> str:
    """The value as a cell's text; one that a spreadsheet would run gets a leading apostrophe."""
    if value is None:
        return ""
    if isinstance(value, list | tuple):
        value = "; ".join(str(item) for item in value)
    text = str(value) if not hasattr(value, "isoformat") else plain_value(value)
    is_number = isinstance(value, int | float)
    return f"'{text}" if text.startswith(_FORMULA_STARTS) and not is_number else text
