"""`frontwire reread`: read archived pages again with today's rules."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

import click
from sqlalchemy import Engine

from workers.child import ReadingChild
from workers.cli.common import EXIT_NOTHING, json_option, print_json, store
from workers.reread import Rereader, summarise
from workers.settings import load_settings


@click.command()
@click.option("--all", "everything", is_flag=True, help="Also pages that today's rules have read already.")
@click.option("--url-id", type=int, help="Only this ledger id, as `explain` shows it.")
@click.option("--site", help="Only stories of this site, a registered domain.")
@json_option
def reread(everything: bool, url_id: int | None, site: str | None, as_json: bool) -> int:
    """Read archived pages again with today's rules; nothing is fetched and no revision is made."""
    settings = load_settings()
    with store(settings) as engine:
        outcomes = asyncio.run(_reread(engine, settings.archive_dir, settings.lease_s, everything, url_id, site))
    if as_json:
        print_json(dict(outcomes))
    else:
        click.echo(summarise(outcomes))
    return 0 if outcomes else EXIT_NOTHING


async def _reread(
    engine: Engine, archive_dir: Path, lease_s: float, everything: bool, url_id: int | None, site: str | None
) -> Counter[str]:
    child = ReadingChild()
    outcomes: Counter[str] = Counter()
    try:
        async for outcome in Rereader(engine, archive_dir, child, lease_s).run(
            everything=everything, only_url_id=url_id, site=site
        ):
            outcomes[outcome] += 1
    finally:
        await child.close()
    return outcomes
