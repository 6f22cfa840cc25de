"""Writes the Grafana dashboards from the code beside this file.

    python dashboards/grafana/build.py          # writes dashboards/*.json
    python dashboards/grafana/build.py --check  # writes nothing, fails when one of them is not what would be written

Needs the extra `grafana`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parents[1])]

from boards.acts_actors import acts_actors  # noqa: E402 - found beside this file
from boards.clusters import clusters  # noqa: E402
from boards.monitor import monitor  # noqa: E402
from boards.road import road  # noqa: E402
from boards.sources import sources  # noqa: E402
from boards.world import world  # noqa: E402
from grafana_foundation_sdk.cog.encoder import JSONEncoder  # noqa: E402

BOARDS = (monitor, clusters, acts_actors, world, sources, road)


def written() -> dict[str, str]:
    """The text of each dashboard's file, by its name."""
    built = [make() for make in BOARDS]
    return {f"{board.uid}.json": json.dumps(board, cls=JSONEncoder, indent=2, sort_keys=True) + "\n" for board in built}


def main() -> int:
    """0 when the files are what the code says, or have just been written."""
    directory = HERE / "dashboards"
    files = written()
    stale = {path.name for path in directory.glob("*.json")} - set(files)
    changed = {name for name, text in files.items() if not _holds(directory / name, text)}
    if "--check" in sys.argv[1:]:
        for name in sorted(stale | changed):
            print(f"{name} is not what dashboards/grafana/build.py writes", file=sys.stderr)
        return 1 if stale | changed else 0
    for name in stale:
        (directory / name).unlink()
    for name in changed:
        (directory / name).write_text(files[name], "utf-8")
    return 0


def _holds(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text("utf-8") == text


if __name__ == "__main__":
    sys.exit(main())
