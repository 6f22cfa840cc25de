"""One line an event, that a machine can read and that hides what must be hidden (P28)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.logs import VALUE_MAX_CHARS, tidy_values

START = """
import logging, structlog
from workers.logs import start_logging
from workers.settings import load_settings
start_logging(load_settings(), "reader-1")
log = structlog.get_logger("test")
"""


def logged(script: str, **settings: str) -> list[str]:
    """What a process of ours writes to standard error while it runs the script."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FRONTWIRE_")}
    ran = subprocess.run(
        [sys.executable, "-c", START + script], env=environment | settings, capture_output=True, text=True, timeout=60
    )
    assert (ran.returncode, ran.stdout) == (0, ""), ran.stderr
    return ran.stderr.split("\n")[:-1]


def test_every_event_is_one_json_line_whoever_logs_it() -> None:
    lines = logged("""
log.info("page", url="https://outlet.example/1", attempt=2, elapsed_s=0.5, story=None, is_new=True)
log.warning("poll", detail="first\\nsecond\\r\\n\\x1b[31mred")
logging.getLogger("a.library").warning("two\\nlines about %s", "postgresql://desk:hunter2@db/x")
logging.getLogger("a.library").info("chatter")
logging.getLogger("trafilatura").error("no text")
try:
    raise ValueError("from https://desk:hunter2@feed.example/")
except ValueError:
    log.exception("page_failed")
log.debug("too much")
""")
    page, poll, library, failed = events = [json.loads(line) for line in lines]
    assert {event["process"] for event in (page, poll, failed)} == {"reader-1"}
    assert {(event["level"], event["timestamp"][-1]) for event in events} >= {("info", "Z"), ("error", "Z")}
    facts = {name: page[name] for name in ("event", "attempt", "elapsed_s", "story", "is_new")}
    assert facts == {"event": "page", "attempt": 2, "elapsed_s": 0.5, "story": None, "is_new": True}
    assert poll["detail"] == r"first\nsecond\r\n\x1b[31mred"
    assert library["event"] == r"two\nlines about postgresql://***@db/x"
    assert failed["exception"].endswith("ValueError: from https://***@feed.example/")
    assert "Traceback" in failed["exception"]


def test_the_level_and_the_console_form_follow_the_settings() -> None:
    (line,) = logged(
        'log.info("left_out"); log.error("page_failed", url="https://outlet.example/1")',
        FRONTWIRE_LOG_LEVEL="error",
        FRONTWIRE_LOG_FORMAT="console",
    )
    assert "page_failed" in line
    assert "https://outlet.example/1" in line
    with pytest.raises(json.JSONDecodeError):
        json.loads(line)


def tidied(value: object, key: str = "detail") -> Any:
    return tidy_values(None, "info", {key: value})[key]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("postgresql://desk:hunter2@db.example/x", "postgresql://***@db.example/x"),
        ("redis://:hunter2@queue.example", "redis://***@queue.example"),
        ("two: http://a:hunter2@x.example and http://b:hunter2@y.example", "two: http://***@x.example and http://***@y.example"),
        (["https://desk:hunter2@feed.example/"], "['https://***@feed.example/']"),
        (RuntimeError("no route to http://desk:hunter2@proxy.example:3128"), "no route to http://***@proxy.example:3128"),
        ("https://outlet.example/@desk/a:b", "https://outlet.example/@desk/a:b"),
        ("mail desk@outlet.example at 12:30", "mail desk@outlet.example at 12:30"),
    ],
)  # fmt: skip
def test_credentials_in_urls_are_masked_and_nothing_else(value: object, shown: str) -> None:
    assert tidied(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("https://hooks.example/services/T024F8B2Q/B04GHE7J2/aV4kQn8ZpR2sT6wX1yC3dE5f", "https://hooks.example/services/T024F8B2Q/B04GHE7J2/***"),
        ("https://feeds.example/private/0123456789abcdef0123456789abcdef/rss.xml", "https://feeds.example/private/***/rss.xml"),
        ("at https://feeds.example/aVkQnZpRsTwXyCdEfGhJ?x=1 now", "at https://feeds.example/***?x=1 now"),
        ("https://outlet.example/2026/03/14/ministers-meet-in-the-capital-to-talk", "https://outlet.example/2026/03/14/ministers-meet-in-the-capital-to-talk"),
        ("https://outlet.example/story/12345678901234567890123.html", "https://outlet.example/story/12345678901234567890123.html"),
        ("https://outlet.example/content/9b1d2f64-0c3a-4b8e-9f0d-5e6a7b8c9d0e", "https://outlet.example/content/9b1d2f64-0c3a-4b8e-9f0d-5e6a7b8c9d0e"),
        ("https://outlet.example/internationalrelations_and_defence/x", "https://outlet.example/internationalrelations_and_defence/x"),
        ("the file /var/lib/frontwire/aV4kQn8ZpR2sT6wX1yC3dE5f", "the file /var/lib/frontwire/aV4kQn8ZpR2sT6wX1yC3dE5f"),
    ],
)  # fmt: skip
def test_a_key_in_a_path_is_masked_and_a_slug_or_number_is_not(value: str, shown: str) -> None:
    assert tidied(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("https://feeds.example/rss?u=hunter2&section=world", "https://feeds.example/rss?u=***&section=***"),
        ("https://feeds.example/9b1d2f64-0c3a-4b8e-9f0d-5e6a7b8c9d0e/rss", "https://feeds.example/***/rss"),
        ("https://feeds.example/u/abcdef0123456789.xml", "https://feeds.example/u/***.xml"),
        ("https://feeds.example/world-news-and-politics/rss.xml", "https://feeds.example/world-news-and-politics/rss.xml"),
        ("https://desk:hunter2@feeds.example/rss", "https://***@feeds.example/rss"),
    ],
)  # fmt: skip
def test_a_feeds_own_address_shows_no_value_of_its_query_and_no_identifier(value: str, shown: str) -> None:
    assert tidied(value, key="feed") == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("a\x00b", r"a\x00b"),
        ("a\x1b[2Jb", r"a\x1b[2Jb"),
        ("a\x9bb", r"a\x9bb"),
        ("a\u2028b", r"a\u2028b"),
        ("\u202egpj.exe", r"\u202egpj.exe"),
        ("Zürich, Київ, 東京 – “quoted”", "Zürich, Київ, 東京 – “quoted”"),
    ],
)
def test_control_characters_and_bidi_overrides_are_escaped_and_letters_are_not(value: str, shown: str) -> None:
    assert tidied(value) == shown


def test_a_long_value_is_cut_and_a_traceback_is_given_more_room() -> None:
    assert tidied("x" * 500) == "x" * 500
    assert tidied("x" * 501) == "x" * 499 + "…"
    assert len(tidied("\x00" * 500)) == VALUE_MAX_CHARS, "measured after escaping"
    assert len(tidied("x" * 5000, key="exception")) == 5000
    assert len(tidied("x" * 9000, key="exception")) == 8000


@pytest.mark.parametrize("value", [None, True, 0, 17, 0.25])
def test_numbers_and_nothing_stay_what_they_are(value: object) -> None:
    assert tidied(value) is value


@given(st.text())
def test_any_text_becomes_one_line_of_bounded_length(value: str) -> None:
    shown = tidied(value)
    assert len(shown) <= VALUE_MAX_CHARS
    assert len(shown.splitlines()) <= 1


@pytest.mark.parametrize("name", ["apikey", "api_key", "token", "auth", "access_token", "sig"])
def test_a_key_in_a_feeds_query_is_masked(name: str) -> None:
    event = tidy_values(None, "info", {"feed": f"https://a.example/f.xml?x=1&{name}=geheim&y=2"})
    assert event["feed"] == f"https://a.example/f.xml?x=***&{name}=***&y=***"
    event = tidy_values(None, "info", {"detail": f"https://a.example/f.xml?x=1&{name}=geheim&y=2"})
    assert event["detail"] == f"https://a.example/f.xml?x=1&{name}=***&y=2"


def test_a_log_on_a_full_disk_ends_no_work() -> None:
    """Standard error and the data often lie on one disk: a line that can't be written is lost, and that is all."""
    script = START + "log.warning('one')\nlogging.getLogger('a.library').warning('two')\nprint('went on')\n"
    with open("/dev/full", "wb") as full:
        ran = subprocess.run([sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=full, timeout=60)
    assert ran.stdout == b"went on\n"
