"""`frontwire recluster`: decide again which stories are one report, with today's method."""

from __future__ import annotations

from collections import Counter

import click

from workers.cli.common import EXIT_NOTHING, json_option, print_json, store
from workers.recluster import recluster as decide_all
from workers.settings import load_settings


@click.command()
@click.option("--anew", is_flag=True, help="Begin again at the first story, though today's method has decided on it.")
@click.option(
    "--limit", type=click.IntRange(min=1), help="Stop after so many stories; the next run goes on from there."
)
@json_option
def recluster(anew: bool, limit: int | None, as_json: bool) -> int:
    """Decide again which stories are one report, with today's method, while everything else runs on.

    May be stopped at any moment; the next run goes on. Earlier links stay in past_links, moves in cluster_moves.
    """
    with store(load_settings()) as engine:
        outcomes = Counter(outcome.value for outcome in decide_all(engine, anew=anew, limit=limit))
    if as_json:
        print_json(dict(outcomes))
    else:
        click.echo(", ".join(f"{count} {word}" for word, count in outcomes.most_common()) or "nothing to decide again")
    return 0 if outcomes else EXIT_NOTHING
