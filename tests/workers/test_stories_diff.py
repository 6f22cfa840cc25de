"""`frontwire stories diff`: plain when piped, words in colour on a terminal, everything as JSON."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from rich.console import Console
from rows import add_revision, add_story
from sqlalchemy import text

from workers.cli import frontwire
from workers.cli.diffs import compare_revisions, print_diff
from workers.database import open_engine, upgrade

OLD = "Officials said 12 people were killed.\n\nTalks begin soon."
NEW = "Officials said 19 people were killed.\n\nTalks begin soon."


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    """The command over a story with three versions, of which the third is boring."""
    for name in ("DATABASE_URL", "REDIS_URL"):
        monkeypatch.delenv(f"FRONTWIRE_{name}", raising=False)
    monkeypatch.setenv("FRONTWIRE_DATA_DIR", str(tmp_path))
    engine = open_engine(f"sqlite:///{tmp_path / 'frontwire.sqlite'}")
    upgrade(engine)
    with engine.begin() as connection:
        add_story(connection, 1, "Strike", text=OLD)
        add_revision(connection, 1, 2, title="Strike", text=NEW)
        add_revision(connection, 1, 3, title="Strike!", text=NEW, is_boring=True)
        connection.execute(text("UPDATE stories SET revision = 3"))
    engine.dispose()

    def command(*arguments: str):  # type: ignore[no-untyped-def]
        return CliRunner().invoke(frontwire, ["stories", "diff", *arguments], standalone_mode=False)

    return command


def test_piped_it_is_a_unified_diff_of_the_newest_version_that_is_not_boring(run) -> None:  # type: ignore[no-untyped-def]
    ended = run("1")
    assert ended.output.splitlines() == [
        "--- revision 1",
        "+++ revision 2",
        "@@ -1,3 +1,3 @@",
        " Strike",
        "-Officials said 12 people were killed.",
        "+Officials said 19 people were killed.",
        " Talks begin soon.",
    ]
    assert ended.return_value == 0


def test_as_json_it_has_the_changes_and_the_words(run) -> None:  # type: ignore[no-untyped-def]
    told = json.loads(run("1", "--json").output)
    assert (told["from"], told["to"], told["words_added"], told["is_boring"]) == (1, 2, 1, False)
    assert [(fact["change"], fact["old"], fact["new"]) for fact in told["changes"]] == [("casualties", "12", "19")]
    assert [edit["kind"] for edit in told["hunks"][0]["edits"]] == ["same", "deleted", "inserted", "same"]


def test_a_boring_version_is_shown_when_it_is_named(run) -> None:  # type: ignore[no-untyped-def]
    told = json.loads(run("1", "--from", "2", "--to", "3", "--json").output)
    assert (told["is_boring"], told["changes"]) == (True, [])


def test_versions_that_are_not_there_are_named(run) -> None:  # type: ignore[no-untyped-def]
    ended = run("1", "--from", "1", "--to", "9")
    assert ended.return_value == 3
    assert "1, 2, 3 (boring)" in ended.stderr


def test_on_a_terminal_the_words_have_colours() -> None:
    versions = ({"number": n, "title": "Strike", "standfirst": None, "text": t} for n, t in ((1, OLD), (2, NEW)))
    paper = io.StringIO()
    console = Console(file=paper, force_terminal=True, color_system="standard", width=100, no_color=False)
    print_diff(console, compare_revisions(*versions))
    assert "\x1b[9;31m12 \x1b[0m" in paper.getvalue()
    assert "\x1b[32m19 \x1b[0m" in paper.getvalue()
