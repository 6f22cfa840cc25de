"""The lock file names every file of every package by its hash, so that a replaced release can't be installed (P30)."""

from __future__ import annotations

import tomllib
from pathlib import Path

LOCK = tomllib.loads((Path(__file__).parent.parent / "uv.lock").read_text("utf-8"))


def test_every_locked_file_has_a_hash_and_comes_from_the_registry() -> None:
    packages = [package for package in LOCK["package"] if "registry" in package["source"]]
    assert len(packages) > 50
    assert {package["source"]["registry"] for package in packages} == {"https://pypi.org/simple"}
    for package in packages:
        files = [*package.get("wheels", ()), *([package["sdist"]] if "sdist" in package else [])]
        assert files, package["name"]
        assert all(file["hash"].startswith("sha256:") for file in files), package["name"]


def test_nothing_but_the_project_itself_comes_from_elsewhere() -> None:
    strangers = [package["name"] for package in LOCK["package"] if "registry" not in package["source"]]
    assert strangers == ["frontwire"]
