"""What all tables share: their names' pattern, keys, JSON, and closed lists."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Enum, Integer, MetaData
from sqlalchemy.dialects.postgresql import JSONB

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite only counts up an INTEGER key; PostgreSQL wants the room of a bigint.
Id = BigInteger().with_variant(Integer, "sqlite")
Json = JSON().with_variant(JSONB(), "postgresql")


def words(enum: type) -> Enum:
    """A closed list as a string column with a CHECK, so that SQL refuses a word that code does not know."""
    return Enum(
        enum,
        native_enum=False,
        create_constraint=True,
        length=24,
        name=f"is_{enum.__name__.lower()}",
        values_callable=lambda members: [member.value for member in members],
    )
