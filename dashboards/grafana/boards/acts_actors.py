"""Acts and actors: who did what, when."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard

from boards.monitor import FILTERS, LATEST
from boards.parts import board, over_time, rows
from boards.shared import ACTS_BY_DAY, PAIRS, actors, acts


def acts_actors() -> Dashboard:
    """By day of publication; a story with two acts counts for both."""
    panels = [
        acts(),
        actors(20),
        rows("Act and actor", PAIRS),
        over_time("Acts by day", ACTS_BY_DAY, stacked=True),
        rows("Latest conflict-policy stories", LATEST, links={"title": "url"}),
    ]
    about = "Who did what, when, by day of publication. A story with two acts counts for both."
    return board("acts", "acts and actors", about, panels, FILTERS, "now-30d")
