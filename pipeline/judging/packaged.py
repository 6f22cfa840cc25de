"""The room's data files, wherever the package lies.

Not by `importlib.resources`, which loads more modules than judging needs, and a CLI command or a bench pays for them.
"""

from __future__ import annotations

from pkgutil import get_data
from typing import Any


def packaged(name: str) -> bytes:
    """The bytes of a file in data/; FileNotFoundError when the package has none of that name."""
    data = get_data("pipeline.judging", f"data/{name}")
    if data is None:  # a loader without files
        raise FileNotFoundError(name)
    return data


def packaged_toml(name: str) -> dict[str, Any]:
    """A TOML file of data/, parsed."""
    import tomllib  # English lists lie there ready to use (compiled.py): most processes parse none

    return tomllib.loads(packaged(name).decode("utf-8"))
