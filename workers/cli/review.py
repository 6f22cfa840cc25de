"""`frontwire review`: people say of uncertain stories what they are; what they said feeds the next training."""

from __future__ import annotations

import getpass
import json
import os
import select
import sys
import termios
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import click
from sqlalchemy import Engine

from pipeline.judging.reviewing import ACT_KEYS, Drawn, Label, plan_review
from pipeline.judging.verdicts import lead_from
from pipeline.outcomes import PolicyType
from pipeline.store import labels, reports
from workers.cli.common import EXIT_NOTHING, json_option, print_json, print_table, rich_console, store
from workers.cli.stories import parse_since
from workers.database import reading
from workers.process import utc_now

LEAD_SHOWN = 700
KEYS = "[y] conflict policy  [c] conflict, no official act  [n] neither  [s] skip  [u] undo  [q] quit"


@dataclass(slots=True)
class Sitting:
    """One person's run through the queue: what was labelled in it, so that it can be taken back."""

    engine: Engine
    reviewer: str
    given: list[tuple[int, int]] = field(default_factory=list)  # (place in the queue, id of the label)

    def keep(self, place: int, story_id: int, label: Label, drawn: Drawn) -> None:
        """Store a label at once: a sitting that breaks off loses nothing."""
        with self.engine.begin() as connection:
            self.given.append((place, labels.add_label(connection, story_id, label, drawn, self.reviewer, utc_now())))

    def undo(self) -> int | None:
        """Take the last label back; its place in the queue, or None when there is none."""
        if not self.given:
            return None
        place, label_id = self.given.pop()
        with self.engine.begin() as connection:
            labels.undo_label(connection, label_id, utc_now())
        return place


@click.group(invoke_without_command=True)
@click.option("--since", default="14d", show_default=True, help="Stories stored since 3h, 2d, 1w ago or an ISO date.")
@click.option("--limit", type=click.IntRange(1, 500), default=50, show_default=True)
@click.option("--as", "reviewer", help="Whose labels these are (default: the name you are logged in with).")
@click.pass_context
def review(ctx: click.Context, since: str, limit: int, reviewer: str | None) -> int:
    """Look at uncertain stories, one a report, and say what they are. Keys: y c n, types, s skip, u undo, q quit."""
    if ctx.invoked_subcommand is not None:
        return 0
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise click.UsageError("this needs a terminal; `review list` and `review export` do not")
    with store() as engine:
        queue = _queue(engine, since, limit)
        if not queue:
            click.echo("no story waits for a look")
            return EXIT_NOTHING
        sitting = Sitting(engine, reviewer or getpass.getuser())
        with _single_keys():
            _sit(sitting, queue)
        click.echo(f"{len(sitting.given)} labels by {sitting.reviewer}; `frontwire review export` writes them")
    return 0


@review.command("list")
@click.option("--since", default="14d", show_default=True, help="Stories stored since 3h, 2d, 1w ago or an ISO date.")
@click.option("--limit", type=click.IntRange(1, 500), default=50, show_default=True)
@click.option("--labelled", is_flag=True, help="What was labelled, in place of what waits.")
@json_option
def list_(since: str, limit: int, labelled: bool, as_json: bool) -> int:
    """List the stories that wait for a look, in the order they would be shown, or the labels given."""
    with store() as engine:
        if labelled:
            with reading(engine) as connection:
                rows = [dict(row._mapping) for row in labels.list_labels(connection, limit)]
        else:
            rows = _queue(engine, since, limit)
    if as_json:
        print_json(rows)
    else:
        names = ("id", "title", "conflict_policy", "acts", "reviewer", "labelled_at")
        columns = names if labelled else ("story_id", "source", "score", "drawn", "title")
        print_table(f"{len(rows)} stories", columns, [tuple(row[name] for name in columns) for row in rows])
    return 0 if rows else EXIT_NOTHING


@review.command("export")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="File (default: standard output).")
def export_(output: Path | None) -> int:
    """Write the labels as the JSON Lines that `make train LABELS=…` reads."""
    with store() as engine, reading(engine) as connection:
        if output is None:
            count = _write(connection, sys.stdout)
        else:
            with output.open("w", encoding="utf-8") as file:
                count = _write(connection, file)
    click.echo(f"{count} labels", err=True)
    return 0 if count else EXIT_NOTHING


def _write(connection: Any, file: IO[str]) -> int:
    count = 0
    for row in labels.training_rows(connection):
        file.write(json.dumps(row, ensure_ascii=False) + "\n")
        count += 1
    return count


def _queue(engine: Engine, since: str, limit: int) -> list[dict[str, Any]]:
    start = parse_since(since, utc_now())
    if start is None:
        raise click.BadParameter("--since needs a value")
    with reading(engine) as connection:
        planned = plan_review(labels.review_candidates(connection, start), limit)
        titles = reports.titles_of(connection, [item.story_id for item, _ in planned])
    return [
        {
            "story_id": item.story_id,
            "source": item.source,
            "score": item.score,
            "drawn": drawn.value,
            "title": titles[item.story_id],
        }
        for item, drawn in planned
    ]


def _sit(sitting: Sitting, queue: list[dict[str, Any]]) -> None:
    place = 0
    while place < len(queue):
        item = queue[place]
        with reading(sitting.engine) as connection:
            facts = reports.show_story(connection, item["story_id"])
        if facts is None:
            place += 1
            continue
        _show(facts, item, place, len(queue))
        key = _key("ycnsuq")
        if key == "q":
            return
        if key == "u":
            back = sitting.undo()
            click.echo("nothing to take back" if back is None else "taken back")
            place = place if back is None else back
            continue
        if key != "s":
            label = _label(key, facts)
            if label is None:
                continue
            sitting.keep(place, item["story_id"], label, Drawn(item["drawn"]))
            click.echo("  kept: " + (", ".join(label.acts) or ("conflict" if label.conflict else "neither")))
        place += 1


def _show(facts: dict[str, Any], item: dict[str, Any], place: int, total: int) -> None:
    story, verdict = facts["story"], facts["verdict"]
    console = rich_console()
    click.echo(
        f"\n--- {place + 1} of {total}   {item['source']}   {story['published_at'] or story['stored_at']:%Y-%m-%d}"
    )
    console.print(_plain(story["title"]), markup=False, style="bold")
    console.print(_plain(lead_from(story["standfirst"], story["text"])[:LEAD_SHOWN]), markup=False, soft_wrap=True)
    acts = ", ".join(f"{act['act']} {act['score']:.2f}" for act in verdict["acts"]) if verdict else ""
    click.echo(f"\n  score {item['score']:.2f} ({item['drawn']}); acts: {acts or 'none'}")
    click.echo(KEYS)


def _label(key: str, facts: dict[str, Any]) -> Label | None:
    """The label a key stands for; for `y` the types are asked for. None: back to the question."""
    if key != "y":
        return Label(conflict=key == "c", conflict_policy=False)
    proposed = [PolicyType(act["act"]) for act in facts["verdict"]["acts"]] if facts["verdict"] else []
    click.echo("  types: " + "  ".join(f"[{letter}] {act.value}" for letter, act in ACT_KEYS.items()))
    click.echo(f"  Enter ends{'; at once it keeps ' + ', '.join(proposed) if proposed else ''}; q goes back")
    chosen: list[PolicyType] = []
    while True:
        letter = _key("".join(ACT_KEYS) + "q\r\n")
        if letter == "q":
            return None
        if letter in "\r\n":
            acts = tuple(chosen or proposed)
            if acts:
                return Label(True, True, acts)
            continue
        act = ACT_KEYS[letter]
        chosen = [item for item in chosen if item is not act] if act in chosen else [*chosen, act]
        click.echo("  " + (", ".join(chosen) or "none"))


@contextmanager
def _single_keys() -> Iterator[None]:
    """Inside, keys arrive as they are pressed and none is lost between two questions."""
    before = termios.tcgetattr(sys.stdin)
    tty.setcbreak(sys.stdin, termios.TCSANOW)
    try:
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


def _key(allowed: str) -> str:
    """The next key that means something here. Raises Abort when the terminal is gone."""
    while True:
        pressed = os.read(sys.stdin.fileno(), 1)
        if not pressed or pressed == b"\x04":
            raise click.Abort
        if pressed == b"\x1b":
            # An arrow or the like: the letters that follow are no answer.
            if select.select([sys.stdin], [], [], 0.05)[0]:
                os.read(sys.stdin.fileno(), 16)
            continue
        key = pressed.decode("ascii", "ignore").lower()
        if key and key in allowed:
            return key


def _plain(text: str) -> str:
    """The text without what a terminal would obey."""
    return "".join(char if char.isprintable() or char == "\n" else "\N{REPLACEMENT CHARACTER}" for char in text)
