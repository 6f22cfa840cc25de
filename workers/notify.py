"""The process that speaks to mail servers and chats: `python -m workers.notify` sends one message and ends.

It reads one JSON object from standard input (`url`, `title`, `body`) and answers with its exit status, so that whatever
a service does to it, its parent can kill it. It says nothing about the target: a target is a secret. Apprise speaks for
itself, past the guarded HTTP path: a person chose where to, and no page can (docs/decisions/0019).
"""

from __future__ import annotations

import json
import logging
import re
import sys

SENT, REFUSED, BAD_TARGET = 0, 3, 4


class _Statuses(logging.Handler):
    """Keeps the last HTTP or SMTP status that apprise logs of, and nothing else: its lines may name the target."""

    def __init__(self) -> None:
        super().__init__()
        self.last: str | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Look for `error=503` in the line."""
        if found := re.search(r"\berror=(\d{3})\b", record.getMessage()):
            self.last = found[1]


def main() -> int:
    """Send what standard input says; the exit status says how it ended, standard output the service's status."""
    from apprise import Apprise, AppriseAsset, NotifyFormat

    asked = json.load(sys.stdin)
    statuses = _Statuses()
    logger = logging.getLogger("apprise")
    logger.handlers = [statuses]
    logger.propagate = False
    logger.setLevel(logging.WARNING)
    service = Apprise(asset=AppriseAsset(app_id="Frontwire", app_desc="Frontwire", app_url="", plugin_paths=[]))
    if not service.add(asked["url"]):
        return BAD_TARGET
    is_sent = service.notify(title=asked["title"], body=asked["body"], body_format=NotifyFormat.TEXT)
    if statuses.last is not None:
        print(statuses.last)
    return SENT if is_sent else REFUSED


if __name__ == "__main__":
    sys.exit(main())
