"""The dashboard's download of a raw response: what a server once sent, as text, in no way to be run by a browser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from datasette import hookimpl
from datasette.utils.asgi import NotFound, Response

from workers.archive import ArchiveError, raw_record

HEADERS = {
    # Text to be saved: not a page, whatever it says of itself, and with no right to do anything if it is opened.
    "content-security-policy": "default-src 'none'; sandbox",
    "x-content-type-options": "nosniff",
}


class ArchivePages:
    """A Datasette plug-in that serves `/-/archive/PAGE`, a record of the WARC files below `directory`."""

    # Datasette knows its plug-ins as modules.
    __name__ = "frontwire_archive"

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    @hookimpl  # type: ignore[untyped-decorator]
    def register_routes(self) -> list[tuple[str, Any]]:
        """Where the download is."""
        return [(r"^/-/archive/(?P<page_id>\d{1,18})$", self.download)]

    async def download(self, datasette: Any, request: Any) -> Response:
        """The record that the row of `archived_pages` points to; 404 when the row or the file is gone."""
        page_id = int(request.url_vars["page_id"])
        database = datasette.get_database(next(name for name in datasette.databases if not name.startswith("_")))
        found = await database.execute("SELECT * FROM archived_pages WHERE page_id = :id", {"id": page_id})
        row = found.first()
        if row is None:
            raise NotFound(f"There is no archived page {page_id}")
        try:
            record = raw_record(self._directory, row["warc_file"], row["warc_offset"], row["warc_length"])
        except ArchiveError:
            # The message names a path of this machine, which is for its logs.
            raise NotFound(f"The archived page {page_id} is not on this machine") from None
        headers = HEADERS | {"content-disposition": f'attachment; filename="frontwire-page-{page_id}.warc.txt"'}
        return Response(record, headers=headers, content_type="text/plain; charset=iso-8859-1")
