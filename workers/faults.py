"""Faults that many modules tell apart, without the libraries of the modules that raise them.

Each process pays for its imports in memory: one that never speaks to the queue needs no RQ to know that it is away.
"""

from __future__ import annotations


class QueueUnavailable(Exception):
    """Redis can't be reached. Nothing is lost: what was to be queued still waits in SQL."""
