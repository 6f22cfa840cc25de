"""Prints a story as its site would: the story's words, the site's markup, and the furniture around them."""

from __future__ import annotations

import json
from html import escape
from string import Template

from workers.demo.values import Markup, Notice, Photo, Site, Story

# A second picture and the newsletter pitch stand inside the story, after these paragraphs.
_PITCH_AFTER = 2
_SECOND_PHOTO_AFTER = 3


def render_story(site: Site, story: Story) -> bytes:
    """The page of that story in the site's own encoding. Characters the encoding lacks become references."""
    published = story.published_at
    page = Template(site.page).substitute(
        title=_words(site, story.title),
        site=site.name,
        host=site.host,
        language=site.language,
        url=site.url(story.path),
        path=story.path,
        slug=story.slug,
        description=_words(site, story.standfirst or story.blocks[0].text[:150]),
        section=_words(site, story.kicker),
        author_names=_words(site, ", ".join(story.authors)),
        date=f"{published:{site.markup.date}}",
        published=f"{published:%Y-%m-%dT%H:%M:%SZ}",
        modified=f"{story.modified_at or published:%Y-%m-%dT%H:%M:%SZ}",
        year=f"{published:%Y}",
        kicker=_part(site, site.markup.kicker, story.kicker),
        standfirst=_part(site, site.markup.standfirst, story.standfirst),
        byline=_part(site, site.markup.byline, " and ".join(story.authors)),
        photo=_photo(site, story.photos[0]) if story.photos else "",
        body=_body(site, story),
        teasers=_teasers(site),
        json_ld=_json_ld(site, story),
    )
    return page.encode(site.encoding, "xmlcharrefreplace")


def render_notice(site: Site, notice: Notice) -> bytes:
    """The page that stands where the announced story should be."""
    page = dict(site.notice_pages)[notice.reason]
    text = Template(page).substitute(
        title=escape(notice.title),
        site=site.name,
        host=site.host,
        teaser=escape(notice.teaser),
        teasers=_teasers(site),
        published=f"{notice.published_at:%Y-%m-%dT%H:%M:%SZ}",
        date=f"{notice.published_at:{site.markup.date}}",
    )
    return text.encode(site.encoding, "xmlcharrefreplace")


def _is_plain(site: Site) -> bool:
    return site.content_type.startswith("text/plain")


def _words(site: Site, text: str) -> str:
    return text if _is_plain(site) else escape(text)


def _part(site: Site, template: str, text: str) -> str:
    """The part in the site's markup, or nothing when the story has no such part."""
    return Template(template).substitute(text=_words(site, text)) if text else ""


def _photo(site: Site, photo: Photo) -> str:
    credit = _part(site, site.markup.credit, photo.credit)
    return Template(site.markup.photo).substitute(caption=_words(site, photo.caption), credit=credit)


def _teasers(site: Site) -> str:
    return "\n".join(
        Template(site.markup.teaser).substitute(text=_words(site, text), number=number)
        for number, text in enumerate(site.teasers, start=1)
    )


def _body(site: Site, story: Story) -> str:
    markup, parts, paragraphs, posts = site.markup, list[str](), 0, 0
    for block in story.blocks:
        if block.kind == "paragraph":
            parts.append(_part(site, markup.paragraph, block.text))
            paragraphs += 1
            parts += _inserts(site, story, paragraphs)
        elif story.is_live:
            parts.append(_post(site, story, block.text, posts))
            posts += 1
        else:
            parts.append(_part(site, markup.subhead, block.text))
    if posts:
        parts.append(markup.post_end)
    return "\n".join(parts)


def _inserts(site: Site, story: Story, paragraphs: int) -> list[str]:
    inserts: list[str] = []
    if paragraphs == _PITCH_AFTER and site.markup.pitch:
        inserts.append(site.markup.pitch)
    if paragraphs == _SECOND_PHOTO_AFTER:
        inserts += [_photo(site, photo) for photo in story.photos[1:]]
    return inserts


def _post(site: Site, story: Story, head: str, number: int) -> str:
    """The opening of a live post; the one before it is closed. Newer posts stand higher, 17 minutes apart."""
    markup: Markup = site.markup
    minute = (story.published_at.hour * 60 + story.published_at.minute - 17 * number) % 1440
    clock = f"{minute // 60:02}:{minute % 60:02}"
    opening = Template(markup.post).substitute(text=_words(site, head), time=clock, number=number)
    return (markup.post_end if number else "") + opening


def _json_ld(site: Site, story: Story) -> str:
    """The story's schema.org facts as JSON that is safe inside a script element."""
    facts = {
        "@context": "https://schema.org",
        "@type": "LiveBlogPosting" if story.is_live else "NewsArticle",
        "headline": story.title,
        "description": story.standfirst or story.blocks[0].text[:150],
        "articleSection": story.kicker,
        "datePublished": f"{story.published_at:%Y-%m-%dT%H:%M:%S.000Z}",
        "dateModified": f"{story.modified_at or story.published_at:%Y-%m-%dT%H:%M:%S.000Z}",
        "author": [{"@type": "Person", "name": name} for name in story.authors],
        "publisher": {"@type": "Organization", "name": site.name},
        "mainEntityOfPage": site.url(story.path),
        "image": [
            {"@type": "ImageObject", "url": site.url(f"/images/{story.id}-{number}.jpg"), "caption": photo.caption}
            for number, photo in enumerate(story.photos, start=1)
        ],
    }
    return json.dumps(facts, ensure_ascii=False).replace("</", "<\\/")
