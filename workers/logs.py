"""One line per event: JSON, or for people on a terminal; control characters escaped, values cut (promise P28)."""

from __future__ import annotations

import contextlib
import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any, Protocol

import structlog

VALUE_MAX_CHARS = 500
_CREDENTIALS = re.compile(r"(?<=://)[^/\s@:]*:[^/\s]*@")
# Keys that some feeds want in their URL.
_QUERY_SECRETS = re.compile(r"([?&][^=&\s]*(?:key|token|secret|passw|auth|sig)[^=&\s]*=)[^&\s]+", re.IGNORECASE)
# Some feeds carry their key in the path. A part of a path that no newsroom would write is one: 20 characters and more
# without a hyphen, letters and digits mixed, or capitals in the midst of small letters.
_URL_TAIL = re.compile(r"(?<=://)([^\s/?#\"'<>]*)([^\s\"'<>]*)")
_PATH_KEY = re.compile(
    r"(?<=/)(?=[A-Za-z_]*[0-9]|[A-Za-z_]*[a-z_][A-Z])(?=[0-9_]*[A-Za-z])[A-Za-z0-9_]{20,}(?=[/?#.]|$)"
)
# In a feed's own address less is trusted: identifiers with hyphens too, and every value of its query.
_FEED_PATH_KEY = re.compile(r"(?<=/)(?=[A-Za-z_-]*[0-9])(?=[0-9_-]*[A-Za-z])[A-Za-z0-9_-]{16,}(?=[/?#.]|$)")
_QUERY_VALUE = re.compile(r"([?&][^=&\s#]*=)[^&\s#]+")
_CONTROL = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


class LogSettings(Protocol):
    """What of the settings says how to log. Not their class, for which a reading child has no use and no room."""

    @property
    def log_level(self) -> str:
        """debug, info, warning or error."""

    @property
    def log_format(self) -> str:
        """auto, json or console."""


class LossyLogger(structlog.PrintLogger):
    """Writes lines as long as somebody takes them.

    A log on a full disk, or a pipe whose reader has died, is no reason for work to end (P10): the line is lost, its
    process goes on.
    """

    def msg(self, message: str) -> None:
        """Write the line, or lose it."""
        with contextlib.suppress(OSError):
            super().msg(message)

    log = debug = info = warn = warning = fatal = failure = err = error = critical = exception = msg


def start_logging(settings: LogSettings, process: str) -> None:
    """Send every log line of this process to stderr, named by `process`."""
    is_json = settings.log_format == "json" or (settings.log_format == "auto" and not sys.stderr.isatty())
    renderer: Any = structlog.processors.JSONRenderer() if is_json else _console()
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        tidy_values,
    ]
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *names: LossyLogger(sys.stderr),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(process=process)
    # Libraries log through the standard library: the same line format, warnings and worse only.
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(processor=renderer, foreign_pre_chain=shared))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(max(level, logging.WARNING))
    # A library that could not parse a page is an outcome of that page, not a line for the person on call.
    for name in ("trafilatura", "htmldate", "charset_normalizer"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


def _console() -> Any:
    from workers.settings import wants_colour

    return structlog.dev.ConsoleRenderer(colors=wants_colour() and sys.stderr.isatty())


def tidy_values(logger: object, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Mask credentials in URLs, escape control characters and cut long values.

    The value named `feed` is a feed's address: people subscribe to feeds by addresses that are keys, so more of it is
    masked. The row it belongs to is found by its host and what is left of the path.
    """
    for key, value in event.items():
        if key == "feed" and isinstance(value, str):
            event[key] = _tidy(_FEED_PATH_KEY.sub("***", _QUERY_VALUE.sub(r"\1***", value)), VALUE_MAX_CHARS)
        elif isinstance(value, str):
            event[key] = _tidy(value, 8000 if key == "exception" else VALUE_MAX_CHARS)
        elif value is not None and not isinstance(value, int | float | bool):
            event[key] = _tidy(str(value), VALUE_MAX_CHARS)
    return event


def _tidy(text: str, longest: int) -> str:
    # Most values are short words: what can't be in them is not looked for. Each poll writes a line.
    if "://" in text:
        text = _CREDENTIALS.sub("***@", text)
    if "=" in text:
        text = _QUERY_SECRETS.sub(r"\1***", text)
    if "://" in text:
        text = _URL_TAIL.sub(lambda match: match[1] + _PATH_KEY.sub("***", match[2]), text)
    if not text.isprintable():
        text = _CONTROL.sub(lambda match: match.group().encode("unicode_escape").decode(), text)
    return text if len(text) <= longest else text[: longest - 1] + "…"
