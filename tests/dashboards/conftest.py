"""A real dashboard process, and a real browser to look at it with."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium import webdriver

STARTUP_S = 60.0
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--window-size=1400,2600",
)
SERVE = "from workers.settings import load_settings; from workers.dashboard import run_dashboard; "
SERVE += "run_dashboard(load_settings())"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@pytest.fixture
def dashboard_url(sqlite_url: str, tmp_path: Path) -> Iterator[str]:
    """The address of a dashboard over the test's own SQLite database, served by a process of its own."""
    yield from serve(sqlite_url, tmp_path)


@pytest.fixture(scope="session")
def empty_dashboard_url(_sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a dashboard over an empty database, for tests that write nothing."""
    directory = tmp_path_factory.mktemp("empty")
    shutil.copyfile(_sqlite_template, directory / "frontwire.db")
    yield from serve(f"sqlite:///{directory}/frontwire.db", directory)


def serve(sqlite_url: str, directory: Path) -> Iterator[str]:
    """Runs a dashboard over the database; the archive lies in `directory`/data. Ends it when it is asked for more."""
    port = free_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FRONTWIRE_")}
    environment |= {"FRONTWIRE_DATABASE_URL": sqlite_url, "FRONTWIRE_DATA_DIR": str(directory / "data")}
    environment |= {"FRONTWIRE_DASHBOARD_PORT": str(port), "PYTHONPATH": os.pathsep.join(sys.path)}
    log_path = directory / "dashboard.log"
    with log_path.open("wb") as log:
        command = [sys.executable, "-c", SERVE]
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=directory)
    try:
        deadline = time.monotonic() + STARTUP_S
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert process.poll() is None, log_path.read_text()
                assert time.monotonic() < deadline, log_path.read_text()
                time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)
    assert "Traceback" not in log_path.read_text()


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    """Headless Chromium. Without it: skipped, or failed if FRONTWIRE_TEST_REQUIRE_ALL=1."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if chromium is None or driver is None:
        message = "Chromium or chromedriver is missing: apt-get install chromium chromium-driver"
        if os.environ.get("FRONTWIRE_TEST_REQUIRE_ALL") == "1":
            pytest.fail(message)
        pytest.skip(message)
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in FLAGS:
        options.add_argument(flag)
    options.add_argument(f"--user-data-dir={tmp_path_factory.mktemp('chromium')}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    chrome = webdriver.Chrome(options=options, service=webdriver.ChromeService(executable_path=driver))
    yield chrome
    chrome.quit()
