"""Finding a site's feeds: its page, its robots.txt and the usual paths are asked politely; what answers is read."""

from __future__ import annotations

from collections.abc import Callable

from yarl import URL

from pipeline.feeds.discovery import (
    CANDIDATES_MAX,
    Advised,
    Candidate,
    Examined,
    FoundBy,
    advise,
    page_candidates,
    path_candidates,
    sitemap_candidates,
)
from pipeline.values import FetchedPage, FetchFailure
from workers.child import ReadingChild
from workers.http import HttpClient, parse_robots
from workers.process import utc_now

# Of one index, so many of its sitemaps are looked at: the first in the order in which a poll would read them.
INDEXED_MAX = 3


class Discovery:
    """Looks for feeds with one client and one reading child.

    `token` is our name in robots.txt. `on_progress` is told how many addresses were asked, and how many are known.
    """

    def __init__(
        self,
        http: HttpClient,
        child: ReadingChild,
        token: str,
        on_progress: Callable[[int, int], None] = lambda asked, known: None,
    ) -> None:
        self._http = http
        self._child = child
        self._token = token
        self._on_progress = on_progress

    async def run(self, url: str, *, with_paths: bool = True) -> tuple[Advised, ...]:
        """Every candidate of the absolute `url`, each fetched at most once, with advice; those worth adding first."""
        itself, page = await self._examine(Candidate(url, FoundBy.ITSELF))
        examined = [itself]
        waiting = _indexed(itself)
        if page is not None and itself.reading is not None and itself.reading.problem is not None:
            examined = []
            waiting = await self._candidates(page, with_paths=with_paths)
        asked = {url}
        while waiting and len(asked) < CANDIDATES_MAX:
            candidate = waiting.pop(0)
            if candidate.url in asked:
                continue
            asked.add(candidate.url)
            one, _ = await self._examine(candidate)
            self._on_progress(len(asked), len(asked) + len(waiting))
            is_feed = one.reading is not None and one.reading.problem is None
            if is_feed or candidate.found_by is not FoundBy.PATH:
                # A guess that missed says nothing about the site.
                examined.append(one)
                waiting = [*_indexed(one), *waiting]
        return advise(examined, utc_now())

    async def _candidates(self, page: FetchedPage, *, with_paths: bool) -> list[Candidate]:
        """What the page, its site's robots.txt and, `with_paths`, the usual paths suggest, the surest first.

        A path that robots.txt forbids to us is not guessed. What the site itself names is there to be asked for.
        """
        there = page.final_url
        answer = await self._http.fetch(str(URL(there).origin() / "robots.txt"), kind="robots")
        status = answer.status if isinstance(answer, FetchedPage | FetchFailure) else None
        body = answer.body.decode("utf-8-sig", "replace") if isinstance(answer, FetchedPage) else ""
        rules = parse_robots(status, body, self._token)
        linked = page_candidates(page.body, page.header("content-type"), there)
        guessed = (*sitemap_candidates(body, there), *path_candidates(there))
        allowed = (one for one in guessed if one.found_by is not FoundBy.PATH or (with_paths and rules.allows(one.url)))
        return [*linked, *allowed]

    async def _examine(self, candidate: Candidate) -> tuple[Examined, FetchedPage | None]:
        result = await self._http.fetch(candidate.url, kind="feed")
        if not isinstance(result, FetchedPage):
            detail = result.detail if isinstance(result, FetchFailure) else "It answered 304 to a plain request."
            return Examined(candidate, result.final_url or candidate.url, None, detail), None
        reading = await self._child.read_feed(result, utc_now())
        return Examined(candidate, result.final_url, reading, reading.problem), result


def _indexed(one: Examined) -> list[Candidate]:
    children = one.reading.children if one.reading is not None else ()
    return [Candidate(child.url, FoundBy.INDEX) for child in children[:INDEXED_MAX]]
