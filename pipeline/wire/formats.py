"""The table of agency formats: one line per format, as for the feeds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pipeline.wire.items import WireMessage
from pipeline.wire.newsml import MEDIA_TYPE as NEWSML_TYPE
from pipeline.wire.newsml import is_newsml, read_newsml
from pipeline.wire.ninjs import MEDIA_TYPE as NINJS_TYPE
from pipeline.wire.ninjs import is_ninjs, read_ninjs
from pipeline.wire.nitf import MEDIA_TYPE as NITF_TYPE
from pipeline.wire.nitf import is_nitf, read_nitf


@dataclass(frozen=True, slots=True)
class WireFormat:
    """A line of the table. `media_type` is that under which an item is kept; `read` gives a message or a problem."""

    name: str
    media_type: str
    sniff: Callable[[str], bool]
    read: Callable[[str], WireMessage | str]


WIRE_FORMATS = (
    WireFormat("newsml-g2", NEWSML_TYPE, is_newsml, read_newsml),
    WireFormat("nitf", NITF_TYPE, is_nitf, read_nitf),
    WireFormat("ninjs", NINJS_TYPE, is_ninjs, read_ninjs),
)
