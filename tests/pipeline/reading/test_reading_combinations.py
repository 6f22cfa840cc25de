"""One story set in hundreds of ways: each part of a page in one of its usual forms, all forms combined by a seed.

    python -m pytest tests/pipeline/reading/test_reading_combinations.py

Each form alone has a test elsewhere; what breaks a reader on a site never seen is two of them together.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime
from html import escape

import pytest
from reading_pages import AUTHOR, CAPTION, CREDIT, KICKER, PARAGRAPHS, RELATED, SUBHEAD, TEXT, TITLE, story

SEEDS = range(48)
PUBLISHED = datetime(2024, 9, 13, 17, 20, tzinfo=UTC)
DATES = ("13 September 2024 17:20", "13 September 2024, 17:20", "September 13, 2024 17:20")

HEADS = {
    "glued": f"<div><span>{KICKER}</span><span>{TITLE}</span></div><h1>{TITLE}</h1>",
    "link": f"<a href=/world>{KICKER}</a><h1>{TITLE}</h1>",
    "box": f"<div>{KICKER}</div><h1>{TITLE}</h1>",
    "capitals": f"<p>{KICKER.upper()}</p><h1>{TITLE}</h1>",
    "bare": f"<h1>{TITLE}</h1>",
}
IMAGE = f'<img src=1.jpg alt="{escape(CAPTION)}">'
PICTURES = {
    "figure": f"<figure>{IMAGE}<figcaption>{CAPTION}<span>{CREDIT}</span></figcaption></figure>",
    "twice": f"<div>{IMAGE}<p>{CAPTION}</p><p>{CAPTION}</p><p>{CREDIT}</p></div>",
    "boxes": f"<div>{IMAGE}<div>{CAPTION}</div><div>{CAPTION}</div><div>{CREDIT}</div></div>",
    "joined": f"<div>{IMAGE}<p>{CAPTION} {CREDIT}</p></div>",
    "table": f"<table><tr><td>{IMAGE}</td></tr><tr><td>{CAPTION}<small>{CREDIT}</small></td></tr></table>",
    "slanted": f"<p>{IMAGE}</p><p><em>{CAPTION}</em></p><p>{CREDIT}</p>",
}
BYLINES = {
    "boxes": "<div>{author}</div><div><time datetime=2024-09-13T17:20:00Z>{date}</time></div>",
    "worded": "<p>By {author}</p><p><time datetime=2024-09-13T17:20:00Z>{date}</time></p>",
    "link": "<a rel=author href=/people/1>{author}</a><div><time datetime=2024-09-13T17:20:00Z>{date}</time></div>",
    "one line": "<div>{author} {date}</div>",
    "glued": "<div><span>{author}</span><span>{date}</span></div>",
}
BETWEEN = {
    "nothing": "",
    "advert": "<div>Advertisement</div>",
    "teaser": f"<div><p>Related content</p><a href=/9>{RELATED[2]}</a></div>",
    "pitch": "<div><p>Sign up for our newsletter</p><p>The best of the coast in your inbox every morning.</p></div>",
    "share bar": "<ul><li>Facebook</li><li>X</li><li>WhatsApp</li><li>Copy link</li></ul>",
}
LINKS = "".join(f"<li><a href=/{number}>{line}</a></li>" for number, line in enumerate(RELATED))
ENDS = {
    "aside": f"<aside><h3>Related content</h3><ul>{LINKS}</ul></aside>",
    "boxes": "<div><div>Related content</div>"
    + "".join(f"<div><a href=/{n}>{line}</a></div>" for n, line in enumerate(RELATED))
    + "</div>",
    "marker": "<p>Related content</p>",
    "paragraphs": "<p>Related content</p>"
    + "".join(f"<p><a href=/{n}>{line}</a></p>" for n, line in enumerate(RELATED)),
    "nothing": "",
}
SUBHEADS = {"h2": f"<h2>{SUBHEAD}</h2>", "h3": f"<h3>{SUBHEAD}</h3>", "bold": f"<p><strong>{SUBHEAD}</strong></p>"}
PARAGRAPH = {
    "p": "<p>{}</p>",
    "div": "<div class=x>{}</div>",
    "wrapped": "<div class=b1x><p class=z9>{}</p></div>",
    "section": "<section><p>{}</p></section>",
}
BOXES = ("<article>{}</article>", "<main>{}</main>", "<div class=q1>{}</div>", "<table><tr><td>{}</td></tr></table>")
NEVER = (
    CAPTION,
    "Tom Rask",
    AUTHOR,
    "2024",
    "Related content",
    "inbox",
    "Facebook",
    "Advertisement",
    "rights",
    *RELATED,
)


def body(chance: random.Random, between: str) -> str:
    """The story's paragraphs, in elements or parted by line breaks, with something between two of them."""
    form = chance.choice([*PARAGRAPH, "breaks"])
    if form == "breaks":
        parts = [f"{line}<br><br>" for line in PARAGRAPHS]
        parts.insert(2, f"<b>{SUBHEAD}</b><br><br>")
    else:
        parts = [PARAGRAPH[form].format(line) for line in PARAGRAPHS]
        parts.insert(2, SUBHEADS[chance.choice([*SUBHEADS])])
    parts.insert(1, between)
    return f"<div>{''.join(parts)}</div>" if form == "breaks" else "".join(parts)


def set_in_one_way(seed: int) -> str:
    chance = random.Random(seed)
    head, picture, between, end = (chance.choice([*forms.values()]) for forms in (HEADS, PICTURES, BETWEEN, ENDS))
    byline = BYLINES[chance.choice([*BYLINES])].format(author=AUTHOR, date=chance.choice(DATES))
    top = "".join(chance.choice([[head, picture, byline], [head, byline, picture], [picture, head, byline]]))
    menu = "<div><a href=/>Coast Post</a><a href=/world>World</a><a href=/tides>Tides</a></div>"
    story_box = chance.choice(BOXES).format(f"{top}{body(chance, between)}{end}")
    return (
        f"<!doctype html><html lang=en><head><title>{TITLE} | Coast Post</title></head><body>{menu}{story_box}"
        "<footer>© Coast Post. All rights reserved.</footer></body></html>"
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_a_story_comes_out_the_same_however_its_page_combines_the_usual_forms(seed: int) -> None:
    got = story(set_in_one_way(seed))
    assert got.text == TEXT
    assert (got.title, got.authors, got.published_at) == (TITLE, (AUTHOR,), PUBLISHED)
    assert not [words for words in NEVER if words in got.text]
