# ruff: noqa: S608 - the SQL is made of constants of this package alone
"""Which clusters changed since their digest was written: a trigger marks the cluster of each story and copy that comes,
goes or moves. Marks are appended only, so two who store copies of one report never wait for one another's.
"""

from __future__ import annotations

from pipeline.store.dialects import postgres_function, sqlite_trigger

# Columns of a story and of a link on which a digest depends.
CARRIED = {
    "stories": ("cluster_id", "site", "stored_at"),
    "story_links": ("url_id", "story_id", "matched_story_id", "relation", "linked_at"),
}
_MARK = "INSERT INTO cluster_changes (cluster_id)"


def statements(dialect: str) -> dict[str, str]:
    """What marks clusters, by the name of each object."""
    made = _sqlite if dialect == "sqlite" else _postgres
    return {name: sql for table in CARRIED for name, sql in made(table).items()}


def _marked(table: str, rows: str) -> str:
    """The statement that marks the clusters of `rows`, which have the columns of `table`."""
    if table == "stories":
        return f"{_MARK} SELECT DISTINCT cluster_id FROM {rows} AS told WHERE cluster_id IS NOT NULL"
    return f"""{_MARK} SELECT DISTINCT stories.cluster_id FROM {rows} AS links
    JOIN stories ON stories.id = links.matched_story_id
    WHERE links.relation = 'copy' AND stories.cluster_id IS NOT NULL"""


def _row(table: str, row: str) -> str:
    columns = ("cluster_id",) if table == "stories" else ("matched_story_id", "relation")
    return f"(SELECT {', '.join(f'{row}.{column} AS {column}' for column in columns)})"


def _is_other(table: str, differs: str) -> str:
    return " OR ".join(f"OLD.{column} {differs} NEW.{column}" for column in CARRIED[table])


def _sqlite(table: str) -> dict[str, str]:
    old, new = (_marked(table, _row(table, row)) for row in ("OLD", "NEW"))
    moves = f"AFTER UPDATE OF {', '.join(CARRIED[table])} ON {table} WHEN {_is_other(table, 'IS NOT')}"
    return {
        **sqlite_trigger(f"{table}_carry", f"AFTER INSERT ON {table}", new),
        **sqlite_trigger(f"{table}_uncarry", f"AFTER DELETE ON {table}", old),
        **sqlite_trigger(f"{table}_recarry", moves, old, new),
    }


def _postgres(table: str) -> dict[str, str]:
    """A statement marks each of its clusters once."""
    moved = (_marked(table, _row(table, row)) for row in ("OLD", "NEW"))
    fires = f"AS changed FOR EACH STATEMENT EXECUTE FUNCTION mark_{table}()"
    return {
        **postgres_function(f"mark_{table}", _marked(table, "changed")),
        **postgres_function(f"mark_moved_{table}", *moved),
        f"{table}_carry": f"CREATE TRIGGER {table}_carry AFTER INSERT ON {table}\nREFERENCING NEW TABLE {fires}",
        f"{table}_uncarry": f"CREATE TRIGGER {table}_uncarry AFTER DELETE ON {table}\nREFERENCING OLD TABLE {fires}",
        f"{table}_recarry": f"""CREATE TRIGGER {table}_recarry AFTER UPDATE ON {table}
FOR EACH ROW WHEN ({_is_other(table, "IS DISTINCT FROM")}) EXECUTE FUNCTION mark_moved_{table}()""",
    }
