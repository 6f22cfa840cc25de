"""`frontwire drift`: whether scores have moved, by source and week."""

from __future__ import annotations

from typing import Any

import click
from sqlalchemy import text

from pipeline.judging.drift import BAR, MIN_STORIES, REFERENCE_WEEKS
from workers.cli.common import EXIT_NOTHING, json_option, print_json, print_table, store
from workers.database import reading


@click.command()
@click.option("--weeks", type=click.IntRange(1, 520), default=8, show_default=True, help="How many weeks to show.")
@click.option("--source", help="This source only, like example.org.")
@click.option("--moved", "only_moved", is_flag=True, help="Only weeks whose scores have moved.")
@json_option
def drift(weeks: int, source: str | None, only_moved: bool, as_json: bool) -> int:
    """Score distribution and share of conflict policy per source and week, against the weeks before."""
    query = text(
        "SELECT * FROM model_drift"
        " WHERE week IN (SELECT DISTINCT week FROM model_drift ORDER BY week DESC LIMIT :weeks)"
        " AND (CAST(:source AS text) IS NULL OR source = :source) AND (:every = 1 OR has_moved = 1)"
        " ORDER BY week DESC, has_moved DESC, source, model"
    )
    values = {"weeks": weeks, "source": source, "every": int(not only_moved)}
    with store() as engine, reading(engine) as connection:
        rows: list[dict[str, Any]] = [dict(row._mapping) for row in connection.execute(query, values)]
    if as_json:
        print_json(rows)
    else:
        print_table(
            f"scores by week against the {REFERENCE_WEEKS} weeks before; moved from {BAR}, with {MIN_STORIES} stories",
            ("week", "source", "stories", "share", "before", "mean score", "distance", "moved"),
            [
                (
                    str(r["week"]),
                    r["source"],
                    r["stories"],
                    r["share"],
                    r["reference_share"],
                    r["mean_score"],
                    r["moved"],
                    "MOVED" if r["has_moved"] else "",
                )
                for r in rows
            ],
        )
    return 0 if rows else EXIT_NOTHING
