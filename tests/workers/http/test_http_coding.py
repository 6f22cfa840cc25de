import gzip
import tracemalloc
import zlib
from collections.abc import Callable
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.outcomes import Reason
from workers.http.coding import BoundedDecoder, Coding, read_coding

STORY = b"<p>The council met on Monday.</p>" * 50
# gzip writes the time of day into its header; a fixed one keeps every run the same.
TWO = gzip.compress(b"two", mtime=0)


def _bare(body: bytes) -> bytes:
    engine = zlib.compressobj(wbits=-15)
    return engine.compress(body) + engine.flush()


ENCODERS: dict[str, Callable[[bytes], bytes]] = {
    "identity": bytes,
    "gzip": partial(gzip.compress, mtime=0),
    "deflate": zlib.compress,
    "bare deflate": _bare,
}
ENCODINGS: dict[str, Coding] = {"identity": "identity", "gzip": "gzip", "deflate": "deflate", "bare deflate": "deflate"}


def decode(raw: bytes, coding: Coding, max_bytes: int = 10_000, chunk_bytes: int = 7) -> bytes | Reason:
    decoder = BoundedDecoder(coding, max_bytes)
    for start in range(0, len(raw), chunk_bytes):
        fault = decoder.feed(raw[start : start + chunk_bytes])
        if fault:
            return fault.reason
    fault = decoder.finish()
    return fault.reason if fault else decoder.body()


@given(st.binary(max_size=500), st.sampled_from(sorted(ENCODERS)), st.integers(1, 600))
def test_a_body_comes_back_as_it_was_however_it_is_cut_into_chunks(body: bytes, encoder: str, chunk_bytes: int) -> None:
    assert decode(ENCODERS[encoder](body), ENCODINGS[encoder], chunk_bytes=chunk_bytes) == body


@given(st.binary(max_size=60), st.integers(1, 40), st.sampled_from(sorted(ENCODERS)), st.integers(1, 99), st.data())
def test_a_pause_holds_the_output_there_and_loses_nothing(
    part: bytes, times: int, encoder: str, chunk_bytes: int, data: st.DataObject
) -> None:
    body, coding = part * times, ENCODINGS[encoder]
    raw = ENCODERS[encoder](body)
    pause_bytes = data.draw(st.integers(1, len(body) + 2))
    decoder = BoundedDecoder(coding, 10_000, pause_bytes)
    pauses = 0
    for start in range(0, len(raw), chunk_bytes):
        assert decoder.feed(raw[start : start + chunk_bytes]) is None
        if decoder.is_paused:
            pauses += 1
            assert pause_bytes <= len(decoder.body()) < pause_bytes + (chunk_bytes if coding == "identity" else 1)
            assert decoder.go_on() is None
    assert decoder.finish() is None
    assert decoder.body() == body
    assert pauses == (len(body) >= pause_bytes)


def test_a_bomb_is_as_small_as_the_pause_until_it_goes_on() -> None:
    decoder = BoundedDecoder("gzip", 2_000_000, 1000)
    assert decoder.feed(gzip.compress(bytes(50_000_000))) is None
    assert len(decoder.body()) == 1000
    fault = decoder.go_on()
    assert fault is not None
    assert fault.reason is Reason.TOO_LARGE


@given(st.sampled_from(["gzip", "deflate"]), st.data())
def test_a_body_that_is_cut_off_anywhere_is_bad(coding: Coding, data: st.DataObject) -> None:
    raw = ENCODERS[coding](STORY)
    assert decode(raw[: data.draw(st.integers(0, len(raw) - 1))], coding) is Reason.BAD_BODY


@pytest.mark.parametrize("place", [-8, -5, -4, -1], ids=["crc", "crc end", "length", "length end"])
def test_a_wrong_checksum_or_length_at_the_end_is_bad(place: int) -> None:
    raw = bytearray(gzip.compress(STORY))
    raw[place] ^= 1
    assert decode(bytes(raw), "gzip") is Reason.BAD_BODY


def test_members_and_zero_padding_after_the_end_are_part_of_gzip() -> None:
    assert decode(gzip.compress(b"one ") + gzip.compress(b"two") + b"\0" * 20, "gzip") == b"one two"


@pytest.mark.parametrize(
    "tail", [b"<html>", b"\0\0x", b"\x1f", TWO[:-1]], ids=["a page", "after padding", "half a head", "cut member"]
)
def test_anything_else_after_the_end_is_bad(tail: bytes) -> None:
    assert decode(gzip.compress(b"one") + tail, "gzip") is Reason.BAD_BODY


def test_a_bomb_stops_at_the_cap() -> None:
    bomb = gzip.compress(bytes(50_000_000))
    decoder = BoundedDecoder("gzip", 1000)
    tracemalloc.start()
    fault = decoder.feed(bomb)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 1_000_000
    assert fault is not None
    assert fault.reason is Reason.TOO_LARGE
    assert len(decoder.body()) == 1000


def test_a_body_at_the_cap_is_whole_and_one_byte_more_is_too_large() -> None:
    for coding in ("identity", "gzip", "deflate"):
        assert decode(ENCODERS[coding](b"a" * 1000), coding, max_bytes=1000) == b"a" * 1000
        assert decode(ENCODERS[coding](b"a" * 1001), coding, max_bytes=1000) is Reason.TOO_LARGE


def test_many_bytes_that_decode_to_nothing_are_too_large() -> None:
    empty_blocks = b"\x78\x9c" + b"\x00\x00\x00\xff\xff" * 1000
    assert decode(empty_blocks, "deflate", max_bytes=1000) is Reason.TOO_LARGE


def test_a_flood_of_empty_members_is_bad() -> None:
    assert decode(gzip.compress(b"") * 400, "gzip", chunk_bytes=65536) is Reason.BAD_BODY


def test_only_one_known_coding_is_read() -> None:
    headers = [[], [""], ["GZIP"], ["x-gzip"], ["deflate"], ["br"], ["gzip, gzip"], ["gzip", "deflate"], ["none"]]
    assert [read_coding(values) for values in headers] == [
        "identity", "identity", "gzip", "gzip", "deflate", None, None, None, None,
    ]  # fmt: skip
