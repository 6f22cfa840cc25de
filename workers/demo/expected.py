"""The truth about the demo wire, from the same data that its pages are printed from."""

from __future__ import annotations

from datetime import datetime

from pipeline.outcomes import REASONS, Reason, UrlState
from workers.demo.load import load_sites
from workers.demo.values import ExpectedPage, Notice, Site, Story


def truth(now: datetime, edition: int = 1) -> dict[str, ExpectedPage]:
    """What Frontwire must make of every URL the wire announces, by the announced URL without trackers."""
    sites = load_sites(now, edition)
    url_of = {story.id: announced_url(site, story) for site in sites for story in site.stories}
    pages = [_of_story(site, story, url_of) for site in sites for story in site.stories]
    pages += [_of_notice(site, notice) for site in sites for notice in site.notices]
    return {page.url: page for page in pages}


def announced_url(site: Site, story: Story) -> str:
    """The address under which the site's feeds list the story, without trackers."""
    return site.url(story.short_path or story.path)


def _of_story(site: Site, story: Story, url_of: dict[str, str]) -> ExpectedPage:
    reason = Reason.SAME_TEXT if story.copy_of else Reason.NEW
    captions = tuple(photo.caption for photo in story.photos)
    credits = tuple(photo.credit for photo in story.photos if photo.credit)
    return ExpectedPage(
        url=announced_url(site, story),
        page_url=site.url(story.path),
        state=UrlState.DUPLICATE if story.copy_of else UrlState.STORED,
        reason=reason,
        title=story.title,
        published_at=story.published_at,
        paragraphs=tuple(block.text for block in story.blocks),
        subheads=tuple(block.text for block in story.blocks if block.kind == "subhead"),
        authors=story.authors,
        kicker=story.kicker,
        standfirst=story.standfirst,
        dateline=story.dateline,
        captions=captions,
        credits=credits,
        never=captions + credits + site.teasers,
        language=site.language,
        conflict=story.conflict,
        conflict_policy=story.conflict_policy,
        acts=story.acts,
        cluster=story.cluster,
        copy_of=url_of[story.copy_of] if story.copy_of else "",
    )


def _of_notice(site: Site, notice: Notice) -> ExpectedPage:
    url = site.url(notice.path)
    state = REASONS[notice.reason].state
    return ExpectedPage(url, url, state, notice.reason, notice.title, notice.published_at, language=site.language)
