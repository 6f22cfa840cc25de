"""One story as bytes in each format that is a sequence of stories. Rows are those of pipeline/store/reports.py."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from pipeline.exporting.ninjs import ninjs_item

Row = Mapping[str, Any]

COLUMNS = (
    "id", "url", "canonical_url", "site", "title", "kicker", "standfirst", "text", "authors", "dateline", "captions",
    "credits", "language", "published_at", "modified_at", "announced_at", "stored_at", "revision", "cluster_id",
    "content_hash", "word_count", "conflict", "conflict_policy", "is_conflict", "is_conflict_policy", "acts", "actors",
    "status",
)  # fmt: skip
# A spreadsheet runs what begins with these as a formula (OWASP, CSV injection; promise P27).
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def jsonl_line(row: Row) -> bytes:
    """One JSON object with the columns."""
    picked = {name: row[name] for name in COLUMNS}
    return _json(picked)


def ninjs_line(row: Row) -> bytes:
    """One ninjs 2.1 item."""
    return _json(ninjs_item(row))


def csv_line(row: Row) -> bytes:
    """One row of RFC 4180; lists are joined by `; `; no cell begins like a formula."""
    return _csv([safe_cell(row[name]) for name in COLUMNS])


def text_block(row: Row) -> bytes:
    """A headline, a line of facts, the address, the text, and a line of equals signs."""
    facts = [row["site"], ", ".join(row["authors"]), _instant(row["published_at"]), row["language"]]
    facts += [", ".join(row["acts"]), ", ".join(row["actors"])]
    if row["status"] != "usable":
        facts.append(f"status: {row['status']}")
    parts = [row["title"], " | ".join(fact for fact in facts if fact), row["url"], "", row["standfirst"], row["text"]]
    kept = [str(part) for part in parts if part is not None]
    return ("\n".join([*kept, "", "=" * 20, ""]) + "\n").encode("utf-8", "replace")


def safe_cell(value: object) -> str:
    """The value as a cell's text; one that a spreadsheet would run gets a leading apostrophe."""
    if value is None:
        return ""
    if isinstance(value, list | tuple):
        value = "; ".join(str(item) for item in value)
    text = str(value) if not isinstance(value, datetime) else _instant(value)
    is_number = isinstance(value, int | float)
    return f"'{text}" if text.startswith(_FORMULA_STARTS) and not is_number else text


def _csv(cells: list[str]) -> bytes:
    out = io.StringIO()
    csv.writer(out).writerow(cells)
    return out.getvalue().encode("utf-8", "replace")


def _json(value: object) -> bytes:
    return (json.dumps(value, ensure_ascii=False, default=_plain) + "\n").encode("utf-8", "replace")


def _plain(value: object) -> str:
    return _instant(value) if isinstance(value, datetime) else str(value)


def _instant(value: datetime | None) -> str:
    return "" if value is None else value.isoformat().replace("+00:00", "Z")


# format -> (what comes before the first story, one story)
LINES: dict[str, tuple[bytes, Callable[[Row], bytes]]] = {
    "jsonl": (b"", jsonl_line),
    "csv": (_csv(list(COLUMNS)), csv_line),
    "ninjs": (b"", ninjs_line),
    "text": (b"", text_block),
}
