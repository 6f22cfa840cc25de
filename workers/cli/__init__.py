"""The command line. Commands are imported when they are called, so that `frontwire --help` is quick."""

from __future__ import annotations

import importlib
import sys
from typing import NoReturn

import click

# name -> (module, attribute, one line of help). One line registers a command.
COMMANDS = {
    "run": ("workers.cli.run", "run", "Run everything on this machine: poller, dispatcher, workers, dashboard."),
    "demo": ("workers.cli.demo", "demo", "The same processes over a small recorded wire; no network needed."),
    "bench": ("workers.cli.bench", "bench", "Measure how many stories a second this machine carries."),
    "poller": ("workers.cli.processes", "poller", "Run one poller process."),
    "dispatcher": ("workers.cli.processes", "dispatcher", "Run one dispatcher process."),
    "worker": ("workers.cli.processes", "worker", "Run one worker process."),
    "watcher": ("workers.cli.processes", "watcher", "Run one watcher process."),
    "websub": ("workers.cli.processes", "websub", "Run one WebSub process: subscribe at hubs, take what they push."),
    "dashboard": ("workers.cli.processes", "dashboard", "Run the dashboard over the database."),
    "metrics": ("workers.cli.processes", "metrics", "Serve /metrics, /healthz and /readyz on loopback."),
    "feeds": ("workers.cli.feeds", "feeds", "Find, add, import, export, list and check feeds."),
    "stories": ("workers.cli.stories", "stories", "List, show, search and compare stories."),
    "explain": ("workers.cli.explain", "explain", "Every step of a URL: fetched, dropped, judged, and why."),
    "requeue": ("workers.cli.upkeep", "requeue", "Let URLs that have ended be tried again."),
    "backfill": ("workers.cli.backfill", "backfill", "Add old pages from WARC files, lists of URLs and sitemaps."),
    "reread": ("workers.cli.reread", "reread", "Read archived pages again with today's rules."),
    "reclassify": ("workers.cli.reclassify", "reclassify", "Judge stored stories again with today's model and lists."),
    "review": (
        "workers.cli.review",
        "review",
        "Say of uncertain stories what they are; labels feed the next training.",
    ),
    "drift": ("workers.cli.drift", "drift", "Whether scores have moved, by source and week."),
    "recluster": ("workers.cli.recluster", "recluster", "Decide again which stories are one report."),
    "sites": ("workers.cli.sites", "sites", "What is known of sites: lines they repeat; show, reset, keep."),
    "watch": ("workers.cli.watch", "watch", "Tell people and programs of stories that fulfil a condition."),
    "export": ("workers.cli.export", "export", "Write stories as jsonl, csv, ninjs, text, parquet or sqlite."),
    "prune": ("workers.cli.prune", "prune", "Take out old archive files and story texts; nothing comes back."),
    "db": ("workers.cli.upkeep", "db", "Upgrade, check, recount, back up and restore the database."),
    "doctor": ("workers.cli.doctor", "doctor", "Look for what is wrong, and say what to do."),
    "top": ("workers.cli.top", "top", "Watch it work: funnel, rates, slowest hosts, queue ages."),
    "config": ("workers.cli.upkeep", "config", "Show every setting and where it comes from."),
}


class LazyGroup(click.Group):
    """A group that imports a command's module when the command is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported now; None for a name that is not in the table."""
        if cmd_name not in COMMANDS:
            return None
        module, attribute, _ = COMMANDS[cmd_name]
        _load_structlog_alone()
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, without importing any of them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, _, line) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="frontwire", prog_name="frontwire")
def frontwire() -> None:
    """Frontwire watches news wires for conflict policy: clean text, verdicts with reasons, copies told apart, in SQL.

    Settings come from FRONTWIRE_* variables and .env; `frontwire config` shows them. Exit status: 0 done, 1 failed,
    2 wrong usage, 3 nothing to do.
    """


def _load_structlog_alone() -> None:
    """Load structlog while rich seems not to be there.

    It would load rich, 5 MB in each of our processes, for tracebacks that our logs do not draw.
    """
    if "structlog" in sys.modules or "rich" in sys.modules:
        return
    sys.modules["rich"] = None  # type: ignore[assignment]
    try:
        importlib.import_module("structlog")
    finally:
        del sys.modules["rich"]


def main() -> NoReturn:
    """Run the command line; a known fault ends as one clear sentence and exit status 1, never as a traceback."""
    try:
        status = frontwire(standalone_mode=False)
    except click.Abort:
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except BrokenPipeError:
        # `frontwire stories list | head` is no fault.
        sys.stderr.close()
        sys.exit(0)
    except Exception as error:
        from workers.cli.common import sentence_for

        sentence = sentence_for(error)
        if sentence is None:
            raise
        click.echo(f"frontwire: {sentence}", err=True)
        sys.exit(1)
    sys.exit(status if isinstance(status, int) else 0)
