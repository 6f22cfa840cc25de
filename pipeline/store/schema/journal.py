"""What the product itself has to tell: the journal of its events."""

from __future__ import annotations

from sqlalchemy import Column, String, Table

from pipeline.store.schema.parts import Id, Json, metadata
from pipeline.store.types import UtcDateTime

events = Table(
    "events",
    metadata,
    Column("id", Id, primary_key=True),
    Column("at", UtcDateTime, nullable=False, index=True),
    Column("kind", String(32), nullable=False),
    Column("subject", String(255), nullable=False),
    Column("detail", Json, nullable=False),
)
