"""How a story's origin is told on the terminal, the same in `stories show` and `explain`."""

from __future__ import annotations

from typing import Any

import click


def print_origin(facts: dict[str, Any]) -> None:
    """From where the story has its report, what it credits, and who else tells of the event; `facts` of show_story."""
    origin = facts["origin"]
    if origin is not None:
        where = origin["origin_story_id"]
        is_own = where == origin["story_id"]
        click.echo(
            f"origin: {origin['kind']}"
            + (f", {origin['name']}" if origin["name"] else "")
            + (f", story {where}" if where is not None and not is_own else "")
            + (f"; {origin['place']}: {origin['surface']}" if origin["surface"] else "")
        )
    for credit in facts["credits"]:
        click.echo(f"  credits {credit['name']} ({credit['place']}): {credit['surface']}")
    event = facts["event"]
    if event is not None:
        click.echo(f"event {event['event_id']} (weaker than a copy): {event['event_origins']} independent origins")
        for other in facts["other_tellings"]:
            click.echo(f"  told too by {other['site']}, story {other['first_story_id']}: {other['title']}")
