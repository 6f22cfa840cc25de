"""`frontwire reclassify`: judge stored stories again after the model or its lists have changed."""

from __future__ import annotations

from collections import Counter

import click

from pipeline.judging import MODEL, THRESHOLD, rules_version
from pipeline.store.verdicts import count_stale
from workers.cli.common import EXIT_FAILED, EXIT_NOTHING, json_option, print_json, store
from workers.database import reading
from workers.logs import start_logging
from workers.reclassify import BATCH, Reclassifier
from workers.settings import load_settings


@click.command()
@click.option("--all", "everything", is_flag=True, help="Also stories that today's model and lists have judged.")
@click.option("--batch", type=click.IntRange(1, 1000), default=BATCH, show_default=True, help="Stories a transaction.")
@click.option("--count", "only_count", is_flag=True, help="Only say how many stories wait for it.")
@json_option
def reclassify(everything: bool, batch: int, only_count: bool, as_json: bool) -> int:
    """Judge stored stories again with today's model and lists, while everything goes on; old verdicts stay."""
    outcomes: Counter[str] = Counter()
    settings = load_settings()
    start_logging(settings, "reclassify")
    with store(settings) as engine:
        if only_count:
            with reading(engine) as connection:
                waiting = count_stale(connection, MODEL, rules_version(), THRESHOLD)
            _say({"stale": waiting}, as_json)
            return 0 if waiting else EXIT_NOTHING
        for done in Reclassifier(engine, everything=everything, batch=batch).run():
            outcomes += done
    _say(dict(outcomes), as_json)
    if outcomes["failed"]:
        return EXIT_FAILED
    return 0 if outcomes else EXIT_NOTHING


def _say(counts: dict[str, int], as_json: bool) -> None:
    if as_json:
        print_json(counts)
    else:
        click.echo(", ".join(f"{n} {name}" for name, n in counts.items()) or "no story waits to be judged again")
