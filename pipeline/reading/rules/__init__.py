"""The cleaning rules, in the order they are asked. A rule says which lines go; it never changes or adds one."""

from __future__ import annotations

from collections.abc import Callable
from itertools import cycle

from pipeline.reading.facts import Facts
from pipeline.reading.lines import Line
from pipeline.reading.rules import apart, furniture, heading, pictures, tail
from pipeline.text import scrub
from pipeline.values import DroppedLine

Rule = Callable[[tuple[Line, ...], Facts], frozenset[int]]

RULES: tuple[tuple[str, Rule], ...] = (
    ("title_line", heading.title_line),
    ("kicker_line", heading.kicker_line),
    ("slug_line", heading.slug_line),
    ("editor_note", tail.editor_notes),
    ("wire_line", heading.wire_marks),
    ("dateline", heading.dateline),
    ("standfirst", heading.standfirst_line),
    ("caption", pictures.caption),
    ("repeated_caption", pictures.repeated_caption),
    ("credit", pictures.credit),
    ("date_line", heading.date_line),
    ("byline", heading.byline),
    ("related_list", furniture.related_list),
    ("link_line", furniture.link_lines),
    ("link_list", furniture.link_lists),
    ("box", furniture.boxes),
    ("text_box", apart.text_boxes),
    ("pull_quote", apart.pull_quotes),
    ("share_bar", furniture.share_bars),
    ("set_phrase", furniture.set_phrases),
    ("site_line", furniture.site_lines),
    ("repeat", furniture.repeats),
    ("label", tail.label),
    ("note", tail.notes),
    ("biography", tail.biography),
    ("dangling_head", tail.dangling_heads),
    ("agency_mark", tail.agency_mark),
)


def clean_lines(lines: tuple[Line, ...], facts: Facts) -> tuple[tuple[Line, ...], tuple[DroppedLine, ...]]:
    """The lines that stay, in their order, and those that went with the rule that took each.

    The rules are asked until none takes anything more, since a line taken may uncover another: so cleaning the result
    again changes nothing.
    """
    dropped: list[DroppedLine] = []
    quiet = 0
    for name, rule in cycle(RULES):
        taken = rule(lines, facts)
        # Put together from parts, a line need not be in the one form that is stored, and no story may come of it.
        gone = [DroppedLine(line.position, scrub(line.text), name) for line in lines if line.position in taken]
        quiet = 0 if gone else quiet + 1
        # Each rule has seen these very lines by now and takes none of them.
        if quiet == len(RULES):
            break
        if gone:
            dropped += gone
            lines = tuple(line for line in lines if line.position not in taken)
    return lines, tuple(sorted(dropped, key=lambda line: line.position))
