"""The documents, read against the code: settings, reasons, links, command lines, and tests that they name."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from pipeline.outcomes import REASONS
from workers.cli import frontwire
from workers.settings import PREFIX, SECRETS, Settings

ROOT = Path(__file__).parent.parent
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
OPERATIONS = (ROOT / "docs" / "operations.md").read_text("utf-8")
# A path that exists on one machine only. Put together here, so that this file is not its own find.
MACHINE_PATH = re.compile(r"(?<![\w./:>-])/(?:" + "|".join(["wo" + "rk", "ro" + "ot"]) + r")/")
# What deploy/make-secrets.sh makes.
MADE_LATER = {"deploy/secrets/grafana_password", "deploy/secrets/alert_targets"}
NOT_TEXT = {".gz", ".png", ".jpg", ".ico", ".woff2", ".db", ".sqlite", ".parquet"}

each_document = pytest.mark.parametrize("path", DOCUMENTS, ids=[path.name for path in DOCUMENTS])


def table_under(heading: str) -> list[list[str]]:
    """The cells of the first table below a heading of docs/operations.md, its two head lines left out."""
    section = OPERATIONS.split(f"\n## {heading}\n", 1)[1]
    rows = re.search(r"(?:^\|.*\n)+", section, re.M)
    assert rows is not None
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in rows[0].splitlines()[2:]]


def test_the_table_of_settings_is_the_settings() -> None:
    documented = {row[0].strip("| `"): row[1].strip("`") for row in table_under("Settings")}
    defaults = {
        f"{PREFIX}{name.upper()}": "none" if field.default in (None, "") else str(field.default)
        for name, field in Settings.model_fields.items()
    }
    assert documented == defaults


def test_what_a_setting_means_is_what_config_says() -> None:
    documented = {row[0].strip("| `"): row[2].rstrip(" |") for row in table_under("Settings")}
    for name, field in Settings.model_fields.items():
        assert documented[f"{PREFIX}{name.upper()}"].startswith(str(field.description))
    assert all(f"`{PREFIX}{name}_FILE`" in OPERATIONS for name in SECRETS)


def test_the_table_of_reasons_is_the_closed_list() -> None:
    documented = [tuple(cell.strip("| `") for cell in row) for row in table_under("What each reason means")]
    known = [
        (reason.value, facts.state.value, "yes" if facts.is_retried else "no", facts.advice.strip("| `"))
        for reason, facts in REASONS.items()
    ]
    assert documented == known


# ------------------------------------------------------------------------------------------------------------- links


@each_document
def test_every_relative_link_leads_somewhere(path: Path) -> None:
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", without_code(path.read_text("utf-8"))):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        there = (path.parent / file).resolve() if file else path
        if not there.exists() or (anchor and anchor not in anchors_of(there)):
            broken.append(target)
    assert broken == []


def without_code(markdown: str) -> str:
    return re.sub(r"^```.*?^```", "", markdown, flags=re.M | re.S)


def anchors_of(path: Path) -> set[str]:
    """The anchors of a document's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", without_code(path.read_text("utf-8")), re.M)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


# ----------------------------------------------------------------------------------------------------- command lines


@each_document
def test_every_command_line_is_one_that_the_command_line_knows(path: Path) -> None:
    faults = [f"{line}: {fault}" for line, is_whole in shown_commands(path) if (fault := fault_of(line, is_whole))]
    assert faults == []


def shown_commands(path: Path) -> Iterator[tuple[str, bool]]:
    """Each `frontwire …` that a document shows, and whether it stands in a block to be typed as it is."""
    markdown = path.read_text("utf-8")
    for language, block in re.findall(r"^```(\w*)\n(.*?)^```", markdown, re.M | re.S):
        if language not in ("", "sh", "bash", "console"):
            continue
        for line in block.replace("\\\n", " ").splitlines():
            command = re.search(r"(?<![\w./=\"-])frontwire ([a-z-][^|;&<>#]*)", line)
            if command is not None and not line.startswith("#"):
                yield command[1].strip(), True
    for code in re.findall(r"`([^`\n]+)`", without_code(markdown)):
        if code.startswith("frontwire "):
            yield code.removeprefix("frontwire ").strip(), False


def fault_of(line: str, is_whole: bool) -> str | None:
    """Why the real command line would refuse this one; None when it would not. Nothing is run."""
    words = [word for word in shlex.split(line.replace("…", "")) if word]
    command: click.Command = frontwire
    context = click.Context(command, info_name="frontwire")
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        found = command.get_command(context, words[0])
        if found is None:
            return f"no command {words[0]}"
        command, words = found, words[1:]
    context = click.Context(command, info_name=command.name, help_option_names=["-h", "--help"])
    try:
        values, rest, _ = command.make_parser(context).parse_args(list(words))
    except click.UsageError as error:
        return error.format_message()
    if isinstance(command, click.Group):
        needs_one = is_whole and not values and not command.invoke_without_command
        return "which of its commands?" if needs_one else None
    if rest:
        return f"too many arguments: {rest}"
    for parameter in command.get_params(context):
        given = values.get(parameter.name or "")
        if parameter.required and is_whole and not isinstance(given, str | tuple | list):
            return f"{parameter.name} is missing"
        if isinstance(parameter.type, click.Choice) and given:
            for word in [given] if isinstance(given, str) else given:
                if word not in parameter.type.choices and not str(word).isupper():
                    return f"{word} is no {parameter.name}"
    return None


@pytest.mark.parametrize(
    ("line", "is_refused"),
    [
        ("run --until-idle --no-dashboard", False),
        ("db backup /backup/x.db", False),
        ("requeue --reason timeout", False),
        ("stories show ID", False),
        ("db backup", True),
        ("db", True),
        ("run --until-dawn", True),
        ("fly", True),
        ("feeds fly", True),
        ("requeue --reason weather", True),
        ("doctor now", True),
    ],
)
def test_a_wrong_command_line_is_found(line: str, is_refused: bool) -> None:
    assert (fault_of(line, is_whole=True) is not None) is is_refused


# ------------------------------------------------------------------------------------------------------- other claims


@each_document
def test_a_test_that_a_document_names_exists(path: Path) -> None:
    sources = "\n".join(test.read_text("utf-8") for test in sorted(ROOT.glob("tests/**/*.py")))
    there = set(re.findall(r"^(?:async )?def (test_\w+)", sources, re.M))
    named = set(re.findall(r"`(test_\w+)`", path.read_text("utf-8")))
    assert named <= there


@each_document
def test_a_file_that_a_document_names_exists(path: Path) -> None:
    named = set(
        re.findall(
            r"`((?:pipeline|workers|tests|docs|deploy|migrations|dashboards|benchmarks)/[\w./-]*)`",
            path.read_text("utf-8"),
        )
    )
    assert {name for name in named if not (ROOT / name).exists()} - MADE_LATER == set()


def test_every_promise_has_its_row() -> None:
    architecture = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    assert [int(n) for n in re.findall(r"^\| P(\d+) ", architecture, re.M)] == list(range(1, 31))


def test_no_file_names_a_path_of_one_machine() -> None:
    found = []
    for path in files_of_the_project():
        if path.suffix not in NOT_TEXT and MACHINE_PATH.search(path.read_text("utf-8", "replace")):
            found.append(path.relative_to(ROOT).as_posix())
    assert found == []


def files_of_the_project() -> list[Path]:
    """What is, or is about to be, under version control; without one, everything but what tools leave behind."""
    if (ROOT / ".git").exists():
        command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        names = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout.decode().split("\0")
        return [ROOT / name for name in names if name and (ROOT / name).is_file()]
    rooms = ("pipeline", "workers", "migrations", "dashboards", "tests", "benchmarks", "docs", "deploy")
    return [path for room in rooms for path in (ROOT / room).rglob("*") if path.is_file() and path.suffix != ".pyc"]


@pytest.mark.parametrize(
    ("text", "is_found"),
    [
        ("see /wo" + "rk/shared/docs", True),
        ('open("/ro' + 'ot/x")', True),
        ("https://a.example/wo" + "rk/1", False),
        ("at wo" + "rk/life", False),
    ],
)
def test_a_path_of_one_machine_is_told_from_a_url(text: str, is_found: bool) -> None:
    assert bool(MACHINE_PATH.search(text)) is is_found
