"""Pages of our own making: one story, set in the shapes that news pages have in the wild."""

# ruff: noqa: E501 - markup is easier to read unbroken

from __future__ import annotations

from datetime import UTC, datetime

from pipeline.reading import read_page
from pipeline.values import CleanStory, EntryHints, FetchedPage, Unread

FETCHED_AT = datetime(2024, 9, 14, 12, 0, tzinfo=UTC)
URL = "https://news.example.org/world/2024/09/13/ferry-talks"

TITLE = "Northern ministers agree to reopen the strait to grain ships"
KICKER = "World"
AUTHOR = "Ilse Verhaeren"
DATE = "13 September 2024 17:20"
CAPTION = "A grain carrier waits outside the strait. Forty ships are queueing."
CREDIT = "Photo: © Harbour Press | Tom Rask"
SUBHEAD = "What the ministers signed"
PARAGRAPHS = (
    "Ministers of the four northern states agreed on Friday to let grain ships pass the strait again under the escort "
    "of a joint patrol, the host government said after two days of talks in the old customs house.",
    "The passage had been closed since July, when a mine damaged a freighter and insurers withdrew their cover for the "
    "whole route, which carries a third of the region's wheat exports every autumn.",
    "Under the document, which was read out to reporters, each state sends two patrol boats and the costs are shared "
    "according to the tonnage that leaves from its ports.",
    "A spokesman for the opposition called the deal too late for this year's harvest, but said his party would not "
    "stand in the way of its ratification next week.",
)
RELATED = (
    "Insurers raise their prices for the third time",
    "How a mine closed the busiest strait of the north",
    "Harvest festival opens without its fleet",
)
TEXT = "\n\n".join((*PARAGRAPHS[:2], SUBHEAD, *PARAGRAPHS[2:]))
NEVER = ("Related content", "Harbour Press", "Tom Rask", AUTHOR, "13 September 2024", CAPTION, KICKER + TITLE, *RELATED)

_JSON_LD = """<script type="application/ld+json">{"@context": "https://schema.org", "@type": "NewsArticle",
"headline": "%s", "datePublished": "2024-09-13T17:20:00Z", "author": {"@type": "Person", "name": "%s"}}</script>"""


def page(markup: str, hints: EntryHints | None = None, **changes: object) -> CleanStory | Unread:
    """What the reader makes of this markup (or text)."""
    return read_page(fetched(markup.encode(), **changes), hints or EntryHints())


def fetched(
    body: bytes, *, kind: str = "text/html; charset=utf-8", url: str = URL, final_url: str | None = None
) -> FetchedPage:
    return FetchedPage(url, final_url or url, 200, (("content-type", kind),), body, FETCHED_AT, 0.1)


def story(markup: str, hints: EntryHints | None = None, **changes: object) -> CleanStory:
    got = page(markup, hints, **changes)
    assert isinstance(got, CleanStory), got
    return got


def document(body: str, head: str = "", *, json_ld: bool = True) -> str:
    declared = _JSON_LD % (TITLE, AUTHOR) if json_ld else ""
    return (
        f"<!doctype html><html lang=en><head><meta charset=utf-8><title>{TITLE} | The Example</title>{declared}{head}</head>"
        f"<body><nav><a href=/>Home</a> <a href=/world>World</a></nav>{body}<footer>The Example, all rights reserved</footer></body></html>"
    )


def related(box: str = "div") -> str:
    links = "".join(f"<li><a href=/{number}>{text}</a></li>" for number, text in enumerate(RELATED))
    return f"<{box} class=z9><h3>Related content</h3><ul>{links}</ul></{box}>"


def with_figure() -> str:
    text = (
        "".join(f"<p>{p}</p>" for p in PARAGRAPHS[:2])
        + f"<h2>{SUBHEAD}</h2>"
        + "".join(f"<p>{p}</p>" for p in PARAGRAPHS[2:])
    )
    return document(
        f"<article><a class=category>{KICKER}</a><h1>{TITLE}</h1><figure><img src=a.jpg alt='{CAPTION}'><figcaption>{CAPTION} "
        f"<small>{CREDIT}</small></figcaption></figure><p class=byline>By {AUTHOR}</p><time datetime=2024-09-13T17:20:00Z>{DATE}</time>"
        f"{text}{related('aside')}</article>"
    )


def with_hashed_divs() -> str:
    blocks = [f"<div class=c7f1>{p}</div>" for p in PARAGRAPHS]
    blocks.insert(2, f"<h3 class=d01>{SUBHEAD}</h3>")
    return document(
        f"<div class=a1><div class=b2><span>{KICKER}</span><span>{TITLE}</span></div><h1 class=b3>{TITLE}</h1><div class=b4><img src=a.jpg>"
        f"<div class=b5>{CAPTION}</div><div class=b5>{CAPTION}</div><div class=b6>{CREDIT}</div></div><div class=b7>{AUTHOR}</div>"
        f"<div class=b8>{DATE}</div><div class=b9>{''.join(blocks)}</div>{related()}</div>"
    )


def with_line_breaks() -> str:
    text = "<br><br>".join((*PARAGRAPHS[:2], f"<b>{SUBHEAD}</b>", *PARAGRAPHS[2:]))
    return document(
        f"<div id=m><h1>{TITLE}</h1><div class=p1><img src=a.jpg alt='{CAPTION}'><br>{CAPTION}<br><cite>{CREDIT}</cite></div>"
        f"<div>{AUTHOR}<br>{DATE}</div><div class=t1>{text}</div>{related()}</div>"
    )


def with_spans() -> str:
    text = "".join(f"<div class=s1><span class=s2>{p}</span></div>" for p in PARAGRAPHS[:2])
    text += f"<div class=s1><h2><span>{SUBHEAD}</span></h2></div>"
    text += "".join(f"<div class=s1><span class=s2>{p}</span></div>" for p in PARAGRAPHS[2:])
    return document(
        f"<main><div><span class=k>{KICKER}</span><h1><span>{TITLE}</span></h1></div><div class=f><img src=a.jpg alt='{CAPTION}'>"
        f"<span class=f1>{CAPTION}</span><br><span class=f2>{CREDIT}</span></div><div><span>{AUTHOR}</span></div><div><span>{DATE}</span></div>"
        f"{text}{related('section')}</main>"
    )


def with_tables() -> str:
    text = (
        "".join(f"<p>{p}</p>" for p in PARAGRAPHS[:2])
        + f"<h2>{SUBHEAD}</h2>"
        + "".join(f"<p>{p}</p>" for p in PARAGRAPHS[2:])
    )
    return document(
        f"<table width=900><tr><td><a href=/>Home</a></td><td><h1>{TITLE}</h1><table><tr><td><img src=a.jpg alt='{CAPTION}'></td></tr>"
        f"<tr><td>{CAPTION}</td></tr><tr><td>{CREDIT}</td></tr></table><p>{AUTHOR}</p><p>{DATE}</p>{text}</td></tr></table>{related()}"
    )


def with_data_attributes() -> str:
    text = (
        "".join(f"<p>{p}</p>" for p in PARAGRAPHS[:2])
        + f"<h2>{SUBHEAD}</h2>"
        + "".join(f"<p>{p}</p>" for p in PARAGRAPHS[2:])
    )
    return document(
        f"<div class=q><h1>{TITLE}</h1><div class=q1 data-caption='{CAPTION}'><img src=a.jpg></div><p class=q2>{CAPTION}</p><p class=q2>{CREDIT}</p>"
        f"<p class=q3>By {AUTHOR}</p><p class=q4>{DATE}</p>{text}{related()}</div>"
    )


SHAPES = {
    "figure": with_figure,
    "hashed divs": with_hashed_divs,
    "line breaks": with_line_breaks,
    "spans": with_spans,
    "tables": with_tables,
    "data attributes": with_data_attributes,
}

PLAIN = "\n\n".join(
    (
        f"{KICKER}{TITLE}",
        TITLE,
        f"{CAPTION}\n{CAPTION}\n{CREDIT}\n{AUTHOR}",
        DATE,
        *PARAGRAPHS[:2],
        SUBHEAD,
        *PARAGRAPHS[2:],
        "Related content",
    )
)
