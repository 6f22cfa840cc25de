"""What `explain` shows of a page: kept and dropped lines in the page's own order, each drop with its rule."""

from __future__ import annotations

from sqlalchemy import Engine
from store_builders import announce, claim_all, entry, record, store

from pipeline.store import reports
from pipeline.values import DroppedLine


def test_kept_and_dropped_lines_stand_in_the_order_of_the_page(engine: Engine) -> None:
    dropped = (
        DroppedLine(-1, "A caption beside the text", "left_out_caption"),
        DroppedLine(0, "World", "kicker_line"),
        DroppedLine(2, "Related content", "related_list"),
        DroppedLine(9, "Far behind", "note"),
    )
    announce(engine, [entry(1)])
    (claim,) = claim_all(engine)
    store(engine, claim, record("The first paragraph.\n\nThe second one.", dropped=dropped))
    with engine.connect() as connection:
        facts = reports.explain_url(connection, claim.url_id)
    assert [(line["position"], line["kept"] or line["dropped"], line["rule"]) for line in facts["lines"]] == [
        (0, "World", "kicker_line"),
        (1, "The first paragraph.", None),
        (2, "Related content", "related_list"),
        (3, "The second one.", None),
        (9, "Far behind", "note"),
        (-1, "A caption beside the text", "left_out_caption"),
    ]


def test_a_page_without_a_story_shows_what_was_dropped(engine: Engine) -> None:
    announce(engine, [entry(1)])
    (claim,) = claim_all(engine)
    with engine.connect() as connection:
        assert reports.explain_url(connection, claim.url_id)["lines"] == []
