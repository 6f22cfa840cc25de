"""Other tools that fetch and read news pages, each in the Python that has it: run by benchmarks/peers.py.

    D/bin/python benchmarks/peer_readers.py newspaper4k|news-please|fundus PAGES PROXY

PAGES is a file with a URL a line. All requests go through PROXY, which HTTP_PROXY has to name as well. Says "ready"
when imported, waits for a line, then reads every page and prints JSON: CPU and wall seconds, the peak of resident
memory in MB, and text by URL, "" where the tool gave none.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit


def newspaper4k() -> Callable[[str], str]:
    """newspaper.article downloads and parses by itself; without its language models (nlp() is not called)."""
    import newspaper

    proxy = sys.argv[3]
    config = newspaper.Config()
    config.requests_params["proxies"] = {"http": proxy, "https": proxy}
    config.fetch_images = False

    return lambda url: str(newspaper.article(url, config=config).text or "")


def news_please() -> Callable[[str], str]:
    """NewsPlease.from_html over a page that requests has fetched: its own download has no proxy."""
    import requests
    from newsplease import NewsPlease

    session = requests.Session()

    def read(url: str) -> str:
        article = NewsPlease.from_html(session.get(url, timeout=30).content, url=url, fetch_images=False)
        return str(getattr(article, "maintext", None) or "")

    return read


def fundus() -> Callable[[str], str]:
    """The parser of the page's publisher; "" for a site that no parser was written for."""
    import datetime

    import requests
    from fundus import PublisherCollection

    session = requests.Session()
    publishers = {_host(publisher.domain): publisher for publisher in PublisherCollection}

    def read(url: str) -> str:
        response = session.get(url, timeout=30)
        # The wire names no charset, and requests would then take Latin-1.
        response.encoding = "utf-8" if _is_utf8(response.content) else response.apparent_encoding
        html = response.text
        publisher = publishers.get(_host(url))
        if publisher is None:
            return ""
        told = publisher.parser(datetime.datetime.now(datetime.UTC)).parse(html, error_handling="suppress")
        body = told.get("body")
        return str(body.text()) if body else ""

    return read


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


def _host(url: str) -> str:
    return (urlsplit(url).hostname or "").removeprefix("www.")


READERS = {"newspaper4k": newspaper4k, "news-please": news_please, "fundus": fundus}


def main() -> None:
    """Read all pages, print."""
    read = READERS[sys.argv[1]]()
    urls = Path(sys.argv[2]).read_text().split()
    print("ready", flush=True)
    sys.stdin.readline()
    begun, cpu_s, texts = time.perf_counter(), time.process_time(), {}
    for url in urls:
        try:
            texts[url] = read(url)
        except Exception as error:
            print(f"{url}: {type(error).__name__}: {error}"[:200], file=sys.stderr)
            texts[url] = ""
    told = {
        "wall_s": time.perf_counter() - begun,
        "cpu_s": time.process_time() - cpu_s,
        "memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "texts": texts,
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main()
