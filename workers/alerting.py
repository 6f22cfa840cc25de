"""Sends a message to its targets, each in a process of its own that can be killed."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.outcomes import AlertReason
from pipeline.watching.messages import Message
from workers.notify import BAD_TARGET, REFUSED, SENT
from workers.settings import reading_environment

SEND_LIMIT_S = 45.0
COMMAND = (sys.executable, "-m", "workers.notify")
_REASONS = {BAD_TARGET: AlertReason.BAD_TARGET, REFUSED: AlertReason.REFUSED}


class AlertsNotInstalled(Exception):
    """The package that speaks to the services is not there. The message says how to get it."""


@dataclass(frozen=True, slots=True)
class Sent:
    """How the sending of one message to all its targets ended; `reason` None: all took it."""

    reason: AlertReason | None = None
    detail: str | None = None


def require_alerts() -> None:
    """Raises AlertsNotInstalled unless messages can be sent from here."""
    if importlib.util.find_spec("apprise") is None:
        raise AlertsNotInstalled('Watches with a target need apprise: pip install "frontwire[alerts]".')


def send(urls: Sequence[str], message: Message, limit_s: float = SEND_LIMIT_S) -> Sent:
    """Send `message` to every URL, at most `limit_s` each; the first failure is told, the rest are tried."""
    failures = [failure for url in urls if (failure := _send_one(url, message, limit_s)).reason is not None]
    return failures[0] if failures else Sent()


def _send_one(url: str, message: Message, limit_s: float) -> Sent:
    process = subprocess.Popen(
        COMMAND,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        # What apprise or a traceback says may hold the target.
        stderr=subprocess.DEVNULL,
        env=reading_environment(),
        start_new_session=True,
    )
    asked = json.dumps({"url": url, "title": message.title, "body": message.body}).encode()
    try:
        said, _ = process.communicate(asked, timeout=limit_s)
    except subprocess.TimeoutExpired:
        return Sent(AlertReason.TIMEOUT, f"no answer in {limit_s:g} s")
    finally:
        # Also what it started in turn, and also when this process is told to stop.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    if process.returncode == SENT:
        return Sent()
    if process.returncode not in _REASONS:
        return Sent(AlertReason.CRASHED, f"exit status {process.returncode}")
    status = said.decode("ascii", "replace").strip()[:3]
    return Sent(_REASONS[process.returncode], f"the service answered {status}" if status.isdigit() else None)
