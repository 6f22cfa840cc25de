"""A wire without end for measuring: the demo's sites over and over, each time under other hosts and in other words."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from urllib.parse import urlsplit

from workers.demo.answers import Answer, answers_of
from workers.demo.load import load_sites
from workers.demo.server import NOT_FOUND, LoopbackServer
from workers.demo.values import Block, Photo, Site, Story

# Names keep their letters, so that actors, places and acts are found as often as in the stories we know.
_EXCHANGED = re.compile(r"(?<![\w$&{])[^\W\d_A-Z]{4,}(?![\w;}])")

# Length -> the words of a language that have it.
Vocabulary = Mapping[int, tuple[str, ...]]
_HOST = re.compile(r"(?P<name>[\w-]+)-w(?P<world>\d+)\.example")
_EDITION = 2
# What is around the story on a page of the wild: set so that reading one costs as much as reading a recorded news page
# (docs/benchmarks.md, "The self-test").
_TEASERS = 600
_SCRIPT_BYTES = 120_000
# Answers of the sites asked last; an open site has a handful of pages.
_SITES_KEPT = 400


class GeneratedWire:
    """Any number of worlds: each is the demo's sites, with every story in words of that world's own.

    No story is a near-copy of one of another world; within a world the agency reports and their copies stay what they
    are. Pages are made when they are asked for, from the URL alone. Published times count back from `now`.
    """

    def __init__(self, now: datetime) -> None:
        self._sites = {site.host: site for site in load_sites(now, _EDITION)}
        self._words = {
            language: vocabulary_of(site for site in self._sites.values() if site.language == language)
            for language in {site.language for site in self._sites.values()}
        }
        self._server = LoopbackServer(self.answer)
        self._answers = lru_cache(_SITES_KEPT)(self._make_answers)

    def start(self) -> str:
        """Binds a free port of loopback and answers until `stop`; gives the proxy's URL."""
        return self._server.start()

    def stop(self) -> None:
        """Ends the server and frees its port."""
        self._server.stop()

    def feeds(self, world: int) -> list[tuple[str, str, str, str]]:
        """The feeds of a world as (url, title, category, language)."""
        sites = [self._site(host, world) for host in self._sites]
        return [
            (site.url(feed.path), feed.title, feed.category, site.language) for site in sites for feed in site.feeds
        ]

    def story_urls(self, world: int) -> list[str]:
        """The addresses of that world's stories, without a copy of another's words."""
        return [
            f"http://{_host(site, world)}{story.path}"
            for site in self._sites.values()
            for story in site.stories
            if not story.copy_of
        ]

    def answer(self, url: str) -> Answer:
        """The response to a request for `url`; 404 for what is in no world."""
        host = urlsplit(url).hostname or ""
        answers = self._answers(host)
        found = answers.get(url) or answers.get(url.partition("?")[0])
        return NOT_FOUND if found is None else _as_in_the_wild(found, host)

    def _site(self, host: str, world: int) -> Site:
        site = self._sites[host]
        return _in_world(site, world, self._words[site.language])

    def _make_answers(self, host: str) -> dict[str, Answer]:
        found = _HOST.fullmatch(host)
        if found is None or found["name"] + ".example" not in self._sites:
            return {}
        site = self._site(found["name"] + ".example", int(found["world"]))
        return dict(answers_of(site, _EDITION))


def vocabulary_of(sites: Iterable[Site]) -> Vocabulary:
    """The words that may be exchanged in the stories of these sites, by length."""
    words = {
        word
        for site in sites
        for story in site.stories
        for block in story.blocks
        for word in _EXCHANGED.findall(block.text)
    }
    return {length: tuple(sorted(word for word in words if len(word) == length)) for length in {*map(len, words)}}


def _in_world(site: Site, world: int, words: Vocabulary) -> Site:
    """The site under a host of that world, its stories in the world's own words. Every feed is a sound one."""
    return replace(
        site,
        host=_host(site, world),
        feeds=tuple(replace(feed, fault="") for feed in site.feeds),
        stories=tuple(_reworded(story, world, words) for story in site.stories),
    )


def _host(site: Site, world: int) -> str:
    # A registered domain of its own: a subdomain would be the same site, whose lines are learned.
    return f"{site.host.removesuffix('.example')}-w{world}.example"


def _reworded(story: Story, world: int, words: Vocabulary) -> Story:
    return replace(
        story,
        title=reworded(story.title, world, words),
        standfirst=reworded(story.standfirst, world, words),
        blocks=tuple(Block(block.kind, reworded(block.text, world, words)) for block in story.blocks),
        photos=tuple(Photo(reworded(photo.caption, world, words), photo.credit) for photo in story.photos),
    )


def reworded(text: str, world: int, words: Vocabulary) -> str:
    """`text` with each longer word exchanged for one of its length, another in each world; names and markup stay."""

    def exchanged(match: re.Match[str]) -> str:
        word = match.group()
        choice = words.get(len(word), (word,))
        return choice[zlib.crc32(f"{world} {word}".encode()) % len(choice)]

    return _EXCHANGED.sub(exchanged, text)


def _as_in_the_wild(answer: Answer, host: str) -> Answer:
    """A page of HTML with the weight of a real one: menus, teasers and scripts after the story."""
    head, mark, tail = answer.body.rpartition(b"</body>")
    if not mark or not (answer.header("Content-Type") or "").startswith("text/html"):
        return answer
    return replace(answer, body=head + _weight(host) + mark + tail)


@lru_cache(32)
def _weight(host: str) -> bytes:
    teasers = "".join(
        f'<li class="teaser"><div><a href="/archive/{number}"><img src="/t/{number}.jpg" alt="">'
        f"<span>More: {number}</span></a></div></li>"
        for number in range(_TEASERS)
    )
    script = f'<script>window.state={{"host":"{host}","blob":"{"0123456789abcdef" * (_SCRIPT_BYTES // 16)}"}}</script>'
    return f'<footer class="site-footer"><nav><ul>{teasers}</ul></nav>{script}</footer>'.encode("ascii")
