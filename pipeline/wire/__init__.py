"""The agencies' formats: NewsML-G2, NITF and ninjs, read into items, and an item read as the story that it is."""

from pipeline.wire.formats import WIRE_FORMATS, WireFormat

__all__ = ["WIRE_FORMATS", "WireFormat"]
