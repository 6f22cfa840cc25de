"""The command line: exit statuses, one clear sentence for bad input, data to stdout and words to stderr."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from pipeline.exporting.lines import COLUMNS, csv_line, safe_cell
from workers.cli import COMMANDS


def frontwire(
    *arguments: str, directory: Path, stdin: str | None = None, **settings: str
) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("FRONTWIRE_")}
    env |= {"FRONTWIRE_DATA_DIR": str(directory / "data"), "FRONTWIRE_LOG_FORMAT": "json"}
    env |= {f"FRONTWIRE_{name.upper()}": value for name, value in settings.items()}
    command = [sys.executable, "-m", "workers", *arguments]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=120, input=stdin)


def one_sentence(ended: subprocess.CompletedProcess[str], *words: str) -> None:
    """Exit status 1, nothing on standard output, no traceback, and the words that say what to do."""
    assert ended.returncode == 1, ended.stdout + ended.stderr
    assert ended.stdout == ""
    assert "Traceback" not in ended.stderr
    for word in words:
        assert word in ended.stderr, ended.stderr


def test_a_process_does_not_hold_rich_for_its_logs_and_commands_still_draw_tables(tmp_path: Path) -> None:
    code = "import sys; from workers.cli import frontwire; frontwire.get_command(None, 'poller'); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60).stdout.split()
    assert {"structlog", "workers.cli.processes"} <= set(loaded)
    assert "rich" not in loaded
    assert frontwire("db", "upgrade", directory=tmp_path).returncode == 0
    assert "┩" in frontwire("feeds", "list", directory=tmp_path).stdout


def test_help_names_every_command_without_importing_them(tmp_path: Path) -> None:
    ended = frontwire("--help", directory=tmp_path)
    assert ended.returncode == 0
    assert all(re.search(rf"^  {name} ", ended.stdout, re.MULTILINE) for name in COMMANDS)
    loaded = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "workers", "--help"], capture_output=True, text=True, timeout=60
    ).stderr
    assert not re.search(r"\b(sqlalchemy|trafilatura|rich|rq|aiohttp|alembic)\b", loaded)


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_command_has_help(name: str, tmp_path: Path) -> None:
    ended = frontwire(name, "--help", directory=tmp_path)
    assert ended.returncode == 0
    assert "Usage:" in ended.stdout


@pytest.mark.parametrize(
    "arguments", [["nonsense"], ["run", "--no-such-option"], ["requeue"], ["stories", "show", "x"]]
)
def test_wrong_usage_is_2(arguments: list[str], tmp_path: Path) -> None:
    ended = frontwire(*arguments, directory=tmp_path)
    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("body", [b"", b"not xml", b"<rss/>", b"<opml>", bytes(range(256))])
def test_a_bad_opml_is_one_sentence_and_adds_nothing(body: bytes, tmp_path: Path) -> None:
    (tmp_path / "bad.opml").write_bytes(body)
    one_sentence(frontwire("feeds", "import", str(tmp_path / "bad.opml"), directory=tmp_path), "OPML")
    assert not (tmp_path / "data" / "frontwire.sqlite").exists()


def test_wrong_settings_are_all_said_at_once(tmp_path: Path) -> None:
    ended = frontwire(
        "config", directory=tmp_path, workers="many", database_url="mysql://u:geheim@h/d", wrokers="3", lease_s="0"
    )
    one_sentence(ended, "FRONTWIRE_WORKERS", "FRONTWIRE_DATABASE_URL", "FRONTWIRE_WROKERS", "FRONTWIRE_LEASE_S")
    assert "geheim" not in ended.stderr


def test_a_wrong_allow_list_ends_run_before_anything_starts(tmp_path: Path) -> None:
    ended = frontwire("run", "--no-dashboard", directory=tmp_path, allow_addresses="intranet")
    one_sentence(ended, "FRONTWIRE_ALLOW_ADDRESSES", "CIDR")
    assert not (tmp_path / "data" / "valkey.sock").exists()


@pytest.mark.parametrize(
    "command", [["stories", "list"], ["run", "--no-dashboard"], ["feeds", "add", "https://a.example/f"]]
)
def test_an_unreachable_database_is_one_sentence_without_the_password(command: list[str], tmp_path: Path) -> None:
    ended = frontwire(*command, directory=tmp_path, database_url="postgresql://u:geheim@127.0.0.1:1/x")
    one_sentence(ended, "check that the server runs")
    assert "geheim" not in ended.stderr


def test_an_unreachable_redis_is_one_sentence_without_the_password(tmp_path: Path) -> None:
    ended = frontwire("run", "--no-dashboard", directory=tmp_path, redis_url="redis://:geheim@127.0.0.1:1/0")
    one_sentence(ended, "FRONTWIRE_REDIS_URL", "nothing is lost")
    assert "geheim" not in ended.stderr


def test_a_port_in_use_is_one_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        one_sentence(frontwire("run", directory=tmp_path, dashboard_port=port), port, "FRONTWIRE_DASHBOARD_PORT")


def test_a_file_that_is_no_database_is_one_sentence_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("Dear reader, " * 100)
    ended = frontwire("stories", "list", directory=tmp_path, database_url=f"sqlite:///{tmp_path / 'letter.txt'}")
    one_sentence(ended, "check")
    assert (tmp_path / "letter.txt").read_text().startswith("Dear reader")


def test_a_database_of_a_newer_frontwire_is_refused(tmp_path: Path) -> None:
    assert frontwire("db", "upgrade", directory=tmp_path).returncode == 0
    engine = create_engine(f"sqlite:///{tmp_path / 'data' / 'frontwire.sqlite'}")
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    one_sentence(frontwire("stories", "list", directory=tmp_path), "newer")
    one_sentence(frontwire("db", "upgrade", directory=tmp_path), "newer")


def test_a_full_disk_is_one_sentence_and_loses_nothing(tmp_path: Path) -> None:
    """A file system of its own, as small as can be, in a mount namespace that ends with the test."""
    script = f"""
        set -e
        mount -t tmpfs -o size=2m tmpfs "$MNT"
        {sys.executable} -m workers feeds add https://first.example/feed
        dd if=/dev/zero of="$MNT/fill" bs=1k 2>/dev/null || true
        set +e
        printf '<opml version="2.0"><body>' > /tmp/$$.opml
        for n in $(seq 5000); do printf '<outline xmlUrl="https://s%s.example/feed.xml"/>' $n; done >> /tmp/$$.opml
        printf '</body></opml>' >> /tmp/$$.opml
        {sys.executable} -m workers feeds import /tmp/$$.opml; echo "status $?"
        rm -f "$MNT/fill" /tmp/$$.opml
        {sys.executable} -m workers feeds list --json
    """
    (tmp_path / "mnt").mkdir()
    env = {name: value for name, value in os.environ.items() if not name.startswith("FRONTWIRE_")}
    env |= {"FRONTWIRE_DATA_DIR": str(tmp_path / "mnt" / "data"), "MNT": str(tmp_path / "mnt")}
    unshare = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--mount", "--map-root-user"]
    ended = subprocess.run([*unshare, "sh", "-c", script], env=env, capture_output=True, text=True, timeout=120)
    if "unshare" in ended.stderr or "mount:" in ended.stderr:
        assert os.environ.get("FRONTWIRE_TEST_REQUIRE_ALL") != "1", ended.stderr
        pytest.skip("this system lets nobody mount a file system")
    assert "status 1" in ended.stdout, ended.stdout + ended.stderr
    assert "the disk is full" in ended.stderr
    assert "Traceback" not in ended.stderr
    left = json.loads(ended.stdout.split("status 1\n", 1)[1])
    assert [feed["url"] for feed in left] == ["https://first.example/feed"]


def test_lists_without_anything_are_3_and_valid_json(tmp_path: Path) -> None:
    assert frontwire("db", "upgrade", directory=tmp_path).returncode == 0
    assert frontwire("db", "upgrade", directory=tmp_path).returncode == 0
    for arguments in (["stories", "list", "--json"], ["feeds", "list", "--json"]):
        ended = frontwire(*arguments, directory=tmp_path)
        assert ended.returncode == 3
        assert json.loads(ended.stdout) == []
    assert frontwire("requeue", "--state", "dead", directory=tmp_path).returncode == 3


def test_feeds_are_added_exported_and_disabled(tmp_path: Path) -> None:
    assert frontwire("feeds", "add", "https://a.example/feed", "--title", "A", directory=tmp_path).returncode == 0
    assert frontwire("feeds", "add", "javascript:alert(1)", directory=tmp_path).returncode == 1
    assert frontwire("feeds", "export", str(tmp_path / "out.opml"), directory=tmp_path).returncode == 0
    again = frontwire("feeds", "import", str(tmp_path / "out.opml"), directory=tmp_path)
    assert (again.returncode, again.stdout) == (3, "0 added, 1 known before, 0 refused\n")
    assert frontwire("feeds", "disable", "https://a.example/feed", directory=tmp_path).returncode == 0
    listed = json.loads(frontwire("feeds", "list", "--json", directory=tmp_path).stdout)
    assert [(feed["url"], feed["status"]) for feed in listed] == [("https://a.example/feed", "disabled")]
    one_sentence(frontwire("feeds", "disable", "https://b.example/feed", directory=tmp_path), "feeds list")


def test_config_shows_every_setting_and_no_password(tmp_path: Path) -> None:
    url = "postgresql://u:geheim@db/x"
    shown = json.loads(frontwire("config", "--json", directory=tmp_path, database_url=url).stdout)
    assert shown["database_url"] == "postgresql://u:***@db/x"
    assert shown["workers"] == "2"


def test_doctor_without_a_database_creates_none(tmp_path: Path) -> None:
    assert frontwire("doctor", directory=tmp_path).returncode == 0
    assert not (tmp_path / "data").exists()


def test_explain_of_an_unknown_url_says_so(tmp_path: Path) -> None:
    frontwire("db", "upgrade", directory=tmp_path)
    one_sentence(frontwire("explain", "https://never.example/", directory=tmp_path), "never announced")


@pytest.mark.parametrize("value", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_no_cell_is_a_formula(value: str) -> None:
    assert safe_cell(value) == "'" + value


@pytest.mark.parametrize(
    ("value", "cell"), [(-1, "-1"), (0.5, "0.5"), (None, ""), (["a", "b"], "a; b"), ("a=b", "a=b")]
)
def test_cells_that_are_no_formula_stay_as_they_are(value: object, cell: str) -> None:
    assert safe_cell(value) == cell


def test_a_csv_row_has_a_cell_for_every_column() -> None:
    row = dict.fromkeys(COLUMNS, None) | {"title": 'A "quoted"\ntitle, with commas', "id": 1}
    (cells,) = csv.reader(io.StringIO(csv_line(row).decode()))
    assert len(cells) == len(COLUMNS)
    assert cells[COLUMNS.index("title")] == 'A "quoted"\ntitle, with commas'
