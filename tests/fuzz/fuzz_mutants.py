"""A mutant is made by its seed and number alone, so that every finding can be made again."""

from __future__ import annotations

import random
from collections.abc import Sequence

PIECES = (
    b"<", b">", b"&", b'"', b"'", b"/", b"\\", b"%", b"\x00", b"\r\n", b"\n", b"\t", b" ", b"-->", b"<!--", b"]]>",
    b"<![CDATA[", b"<!DOCTYPE x [", b"<!ENTITY a 'b'>", b"&a;", b"&#0;", b"&#x110000;", b"&#xD800;", b"&amp;amp;",
    b"<?xml version='1.0' encoding='utf-16'?>", b"<item>", b"</item>", b"</channel>", b"<entry>", b"<div>", b"</div>",
    b"<p>", b"<table><tr><td>", b"<script>", b"</script>", b"<script type='application/ld+json'>", b"<style>", b"<svg>",
    b"<math>", b"<template>", b"<noscript>", b"<base href='//x'>", b"<meta charset='utf-7'>", b"<h1>", b"<time datetime='",
    b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\xc0\xaf", b"\xf4\x90\x80\x80", b"\xe2\x80\xae",
    b"\xe2\x80\x8b", b"\xcc\x81" * 20, b"99999999999999999999", b"-1", b"1e999", b"NaN", b"null", b"[" * 60, b"{" * 60,
    b"(" * 60, b"xmlns:a='b'", b"://", b"@", b"[::1]", b"#", b"?", b";jsessionid=1", b"..", b"xn--", b".", b"*" * 40, b"$",
    b"0", b"12:60", b"31 Feb 2026", b"+9999", b"javascript:", b"data:,", b"charset=", b"=?utf-8?b?", b"a" * 300,
)  # fmt: skip


def mutant(seeds: Sequence[bytes], seed: int, number: int) -> bytes:
    """The mutant with that number: a seed after one to sixteen changes."""
    chance = random.Random(f"{seed}/{number}")
    body = bytearray(chance.choice(seeds))
    for _ in range(chance.choice((1, 1, 2, 3, 5, 8, 16))):
        _change(body, seeds, chance)
    return bytes(body)


def _change(body: bytearray, seeds: Sequence[bytes], chance: random.Random) -> None:
    place = chance.randrange(len(body) + 1)
    end = min(len(body), place + chance.choice((1, 4, 20, 100, 1000)))
    kind = chance.randrange(9)
    if kind == 0:
        body[place : place + 1] = bytes([chance.randrange(256)])
    elif kind == 1:
        del body[place:end]
    elif kind in (2, 3):
        body[place:place] = chance.choice(PIECES)
    elif kind == 4:
        other = chance.choice(seeds)
        start = chance.randrange(len(other) + 1)
        body[place:end] = other[start : start + chance.choice((10, 100, 1000))]
    elif kind == 5:
        body[place:place] = body[place:end] * chance.choice((1, 3, 50))
    elif kind == 6:
        del body[place:]
    elif kind == 7:
        body[place:end] = chance.choice(PIECES) * chance.choice((1, 2, 200))
    elif place < len(body):
        body[place] ^= 1 << chance.randrange(8)
    del body[200_000:]
