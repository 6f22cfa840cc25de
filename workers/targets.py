"""Whom a watch tells. A target is a secret (a token, a password): SQL and logs know only its reference.

A reference is a name out of FRONTWIRE_ALERT_TARGETS, or `file:PATH` of a file that holds the URL. A URL given on the
command line is put into such a file, readable by its owner alone.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Sequence
from pathlib import Path

from workers.settings import Settings

FILE = "file:"
_MOST_BYTES = 10_000


class TargetUnknown(Exception):
    """A target can't be found or read. The message names its reference and what to do, never a URL."""


def reference_for(given: str, settings: Settings) -> str:
    """The reference to keep for what somebody gave as target: a name, `file:PATH`, or a URL. Raises TargetUnknown."""
    if given.startswith(FILE) and not given.startswith("file://"):
        path = Path(given.removeprefix(FILE)).expanduser().absolute()
        read_target(reference := f"{FILE}{path}", settings)
        return reference
    if "://" not in given:
        read_target(given, settings)
        return given
    directory = settings.data_dir.absolute() / "alert-targets"
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = directory / secrets.token_hex(8)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(given + "\n")
    return f"{FILE}{path}"


def read_target(reference: str, settings: Settings) -> str:
    """The target's URL in clear, never to be logged. Raises TargetUnknown."""
    if not reference.startswith(FILE):
        if reference not in settings.targets:
            known = ", ".join(settings.targets) or "none"
            raise TargetUnknown(f"FRONTWIRE_ALERT_TARGETS has no target {reference!r}; it has: {known}")
        return settings.targets[reference]
    try:
        with Path(reference.removeprefix(FILE)).open("rb") as file:
            url = file.read(_MOST_BYTES).decode("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise TargetUnknown(
            f"{reference} can't be read ({type(error).__name__}): check the path and its rights"
        ) from None
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*://\S+", url):
        raise TargetUnknown(f"{reference} must hold one URL and nothing else")
    return url


def read_targets(references: Sequence[str], settings: Settings) -> list[str]:
    """The URLs of all references. Raises TargetUnknown."""
    return [read_target(reference, settings) for reference in references]
