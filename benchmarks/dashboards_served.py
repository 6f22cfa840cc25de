"""What the pages of the running dashboard cost over many stories: each panel's JSON, each page, a search, a story."""

from __future__ import annotations

import html
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

from workers.settings import child_environment, load_settings

_SERVE = (
    "from workers.settings import load_settings; from workers.dashboard import run_dashboard; "
    "run_dashboard(load_settings())"
)
_SLUGS = ("monitor", "clusters", "acts", "map", "sources", "pipeline")
_CHOSEN = {
    "1 day": {"period": "1 day"},
    "30 days": {"period": "30 days"},
    "365 days": {"period": "365 days"},
    "365 days, a source": {"period": "365 days", "source": "wire7.example"},
    "365 days, a language": {"period": "365 days", "language": "en"},
    "365 days, an act and actor": {"period": "365 days", "act": "talks", "actor": "PRK"},
}


def served(path: Path, times: int, measured: Callable[..., Any]) -> dict[str, Any]:
    """What `measured` says of every panel of every dashboard under several filters, and of the other pages."""
    found = {}
    with running(path) as (url, process):
        cpu_s = _cpu_of(process)

        def note(name: str, address: str) -> None:
            found[name] = measured(lambda: _get(address), times, cpu_s)

        for slug in _SLUGS:
            page = f"{url}/-/dashboards/{slug}"
            filters = set(re.findall(r'<select name="(\w+)"', _get(page)))
            for shown, chosen in _CHOSEN.items():
                # A dashboard without a filter would be asked the same again.
                if set(chosen) - filters:
                    continue
                query = "&".join(f"{name}={quote_plus(value)}" for name, value in chosen.items())
                note(f"{slug}, the page, {shown}", f"{page}?{query}")
                for name, address in _panels(_get(f"{page}?{query}")):
                    note(f"{slug}/{name}, {shown}", url + address)
        text = _get(f"{url}/-/story/77")
        word = re.findall(r"[a-z]{6,}", text[text.index('id="text"') :])[3]
        for name, typed in {"a word": word, "a beginning": f"{word[:4]}*", "a phrase": f'"{word}"'}.items():
            note(f"search, {name}", f"{url}/-/search?q={quote_plus(typed)}")
        note("a story", f"{url}/-/story/77")
    return found


def _panels(page: str) -> Iterator[tuple[str, str]]:
    """The name of each card and where its rows are asked for."""
    for card in page.split('<article class="fw-card')[1:]:
        name, address = re.search(r'id="card-(\w+)"', card), re.search(r'href="([^"]+\.json\?[^"]+)"', card)
        assert name is not None
        assert address is not None
        yield name[1], html.unescape(address[1])


def _get(address: str) -> str:
    with urllib.request.urlopen(address, timeout=60) as answer:
        text: str = answer.read().decode()
    return text


def _cpu_of(process: subprocess.Popen[bytes]) -> Callable[[], float]:
    """The CPU time of the process with all its threads, to the hundredth of a second as the kernel counts it."""
    path = Path(f"/proc/{process.pid}/stat")

    def spent() -> float:
        fields = path.read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    return spent if path.exists() else time.thread_time


@contextmanager
def running(path: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """The address of a dashboard over the SQLite file, and its process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as directory:
        settings = load_settings(database_url=f"sqlite:///{path}", data_dir=directory, dashboard_port=port)
        environment = child_environment(settings)
        quiet = subprocess.DEVNULL
        with subprocess.Popen([sys.executable, "-c", _SERVE], env=environment, stdout=quiet, stderr=quiet) as process:
            try:
                for _ in range(600):
                    try:
                        socket.create_connection(("127.0.0.1", port), 1).close()
                        break
                    except OSError:
                        time.sleep(0.1)
                yield f"http://127.0.0.1:{port}", process
            finally:
                process.terminate()
