"""The SQL store: SQLAlchemy Core over SQLite and PostgreSQL.

Functions take a Connection, take and return values, never make an engine and never commit.
"""
