"""A story as an item of ninjs 2.1, the IPTC's news in JSON (https://iptc.org/standards/ninjs/)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pipeline.judging.codes import MEDTOP_URI, act_codes
from pipeline.outcomes import PolicyType, StoryStatus

SCHEMA = "http://www.iptc.org/std/ninjs/ninjs-schema_2.1.json#"
# What the three words of pubstatus say to a desk: use it, check first, do not use it.
_PUBSTATUS = {
    StoryStatus.ORIGIN_WITHDRAWN: "withheld",
    StoryStatus.WITHDRAWN: "canceled",
    StoryStatus.CANCELED: "canceled",
}


def ninjs_item(row: Mapping[str, Any]) -> dict[str, Any]:
    """The item of a story's row; properties for which the story has nothing are left out."""
    status = StoryStatus(row["status"])
    item = {
        "uri": row["url"],
        "standard": {"name": "ninjs", "version": "2.1", "schema": SCHEMA},
        "type": "text",
        "representationtype": "full",
        "profile": "text-only",
        "version": str(row["revision"]),
        "firstcreated": _instant(row["stored_at"]),
        "versioncreated": _instant(row["revised_at"] or row["stored_at"]),
        "contentcreated": _instant(row["published_at"]),
        "pubstatus": _PUBSTATUS.get(status, "usable"),
        "ednote": None if status is StoryStatus.USABLE else f"status: {status.value}",
        "language": row["language"],
        "title": row["title"],
        "headlines": [_text("main", row["title"]), *([_text("kicker", row["kicker"])] if row["kicker"] else [])],
        "descriptions": [_text("standfirst", row["standfirst"])] if row["standfirst"] else None,
        "bodies": [
            _text("main", row["text"]) | {"charcount": len(row["text"]), "wordcount": row["word_count"]},
        ],
        "by": ", ".join(row["authors"]) or None,
        "located": row["dateline"],
        "subjects": _subjects(row) or None,
        "infosources": [{"name": row["site"], "role": "publisher"}],
        "altids": [
            {"role": "frontwire-story", "value": str(row["id"])},
            {"role": "frontwire-cluster", "value": str(row["cluster_id"])},
        ],
    }
    return {name: value for name, value in item.items() if value is not None}


def _subjects(row: Mapping[str, Any]) -> list[dict[str, Any]]:
    """IPTC Media Topics of the acts, our own words for them, and the actors; `creator` says that they are ours."""
    acts = [PolicyType(act) for act in row["acts"]]
    topics = {item.code: item for act in acts for item in act_codes()[act] if item.scheme == "medtop"}
    ours = {"rel": "about", "creator": "frontwire"}
    found: list[dict[str, Any]] = [
        {"name": item.name or code, "uri": f"{MEDTOP_URI}{code}", "literal": f"medtop:{code}"} | ours
        for code, item in topics.items()
    ]
    found += [{"name": act.value, "literal": f"act:{act.value}"} | ours for act in acts]
    return found + [{"name": actor, "literal": f"actor:{actor}"} | ours for actor in row["actors"]]


def _text(role: str, value: str) -> dict[str, Any]:
    return {"role": role, "contenttype": "text/plain", "value": value}


def _instant(value: datetime | None) -> str | None:
    return None if value is None else value.isoformat().replace("+00:00", "Z")
