"""Undoing a body's content coding within bounds (promise P14). Pure."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pipeline.outcomes import Reason

Coding = Literal["identity", "gzip", "deflate"]

ACCEPT_ENCODING = "gzip, deflate"

_NAMES: dict[str, Coding] = {"identity": "identity", "gzip": "gzip", "x-gzip": "gzip", "deflate": "deflate"}
_GZIP_MAGIC = b"\x1f\x8b"
# Each member costs a new decoder and a copy of what is left: honest files have one, or a handful.
_MAX_MEMBERS = 64


@dataclass(frozen=True, slots=True)
class BodyFault:
    """Why a body is of no use: TOO_LARGE, or BAD_BODY for one that is cut off or damaged."""

    reason: Reason
    detail: str


def read_coding(values: Sequence[str]) -> Coding | None:
    """The one coding that the Content-Encoding headers name; None if it is unknown or there are several."""
    names = [name.strip().lower() for value in values for name in value.split(",") if name.strip()]
    if not names:
        return "identity"
    return _NAMES.get(names[0]) if len(names) == 1 else None


class BoundedDecoder:
    """Decodes a body chunk by chunk and stops at `max_bytes`, both of what came in and of what comes out.

    gzip bodies may have several members (RFC 1952) and zero bytes as padding; anything else behind the end is a fault,
    as are a wrong checksum, a wrong length and a missing end. `deflate` is read as zlib (RFC 9110) or, as some
    servers send it, bare.

    Where `pause_bytes` of output are reached it stops and `is_paused`, until `go_on` is called.
    """

    def __init__(self, coding: Coding, max_bytes: int, pause_bytes: int | None = None) -> None:
        self._coding = coding
        self._max_bytes = max_bytes
        self._pause_bytes = max_bytes + 1 if pause_bytes is None else min(pause_bytes, max_bytes + 1)
        self._out = bytearray()
        self._raw_bytes = 0
        self._held = b""
        self._engine: zlib._Decompress | None = None
        self._members = 0
        self._is_padding = False
        self.is_paused = False

    def feed(self, chunk: bytes) -> BodyFault | None:
        """The fault this chunk brought to light; None to go on. Not to be called while paused."""
        self._raw_bytes += len(chunk)
        return self._decode(chunk)

    def go_on(self) -> BodyFault | None:
        """Decode what a pause left, and don't pause again. As `feed`."""
        self._pause_bytes = self._max_bytes + 1
        return self._decode(b"")

    def _decode(self, chunk: bytes) -> BodyFault | None:
        if self._coding == "identity":
            self._out += chunk
            fault = None
        else:
            fault = self._inflate(chunk)
        if fault is None and max(len(self._out), self._raw_bytes) > self._max_bytes:
            return BodyFault(Reason.TOO_LARGE, f"The body is larger than {self._max_bytes} bytes.")
        self.is_paused = len(self._out) >= self._pause_bytes
        return fault

    def finish(self) -> BodyFault | None:
        """The fault of a body that has ended too early; None when it is complete."""
        if self._coding == "identity":
            return None
        if self._engine is None and self._members and not self._held:
            return None
        return BodyFault(Reason.BAD_BODY, f"The {self._coding} body ends before its end mark.")

    def body(self) -> bytes:
        """What has been decoded so far, at most `max_bytes`."""
        return bytes(memoryview(self._out)[: self._max_bytes])

    def _inflate(self, chunk: bytes) -> BodyFault | None:
        data, self._held = self._held + chunk, b""
        # Of what a pause cut short, output may be left in the engine when no input is.
        has_output = self.is_paused and self._engine is not None
        while data or has_output:
            has_output = False
            if self._engine is None:
                if self._members and (self._is_padding or data[0] == 0):
                    self._is_padding = True
                    return self._trailing() if data.strip(b"\0") else None
                if len(data) < 2:
                    self._held = data
                    return None
                if self._members and not self._may_start_member(data):
                    return self._trailing()
                self._engine = zlib.decompressobj(self._window_bits(data))
            try:
                self._out += self._engine.decompress(data, self._pause_bytes - len(self._out))
            except zlib.error:
                return BodyFault(Reason.BAD_BODY, f"The {self._coding} body is damaged.")
            if self._engine.eof:
                data, self._engine = self._engine.unused_data, None
                self._members += 1
            else:
                data = self._engine.unconsumed_tail
            if len(self._out) >= self._pause_bytes:
                self._held = data
                return None  # _decode() says so
        return None

    def _may_start_member(self, data: bytes) -> bool:
        return self._coding == "gzip" and data[:2] == _GZIP_MAGIC and self._members < _MAX_MEMBERS

    def _trailing(self) -> BodyFault:
        return BodyFault(Reason.BAD_BODY, f"Something else follows the end of the {self._coding} body.")

    def _window_bits(self, data: bytes) -> int:
        if self._coding == "gzip":
            return 16 + zlib.MAX_WBITS
        has_zlib_header = data[0] & 0x0F == 8 and (data[0] << 8 | data[1]) % 31 == 0
        return zlib.MAX_WBITS if has_zlib_header else -zlib.MAX_WBITS
