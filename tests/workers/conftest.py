"""One event loop and one reading child for all tests of a file: starting a child costs a second."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from workers.child import ReadingChild


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    """One event loop for the file, so that one reading child serves all its tests."""
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="module")
def child(runner: asyncio.Runner) -> Iterator[ReadingChild]:
    """A reading child, started when first needed."""
    child = ReadingChild()
    yield child
    runner.run(child.close())
