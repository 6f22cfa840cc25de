"""From the bytes of a feed to text that a parser can take (promise P24)."""

from __future__ import annotations

import codecs
import re
import sys
import zlib

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# What "<?" and "<r" look like in a wide encoding without a mark: servers send it as text/xml and say nothing.
_WIDE = (
    (re.compile(rb"(?:\s\x00)*[<{]\x00[^\x00]\x00"), "utf-16-le"),
    (re.compile(rb"(?:\x00\s)*\x00[<{]\x00[^\x00]"), "utf-16-be"),
)
# The only codecs a feed may name: text, and known to Python without a side effect ("zlib" and "hex" are codecs too).
_CODECS = frozenset(
    ["utf-8", "ascii", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be", "koi8-r", "koi8-u"]
    + [f"iso8859-{part}" for part in (*range(1, 12), 13, 14, 15, 16)]
    + [f"cp{page}" for page in (437, 850, 852, 855, 866, 874, 932, 949, 950, *range(1250, 1259))]
    + ["gb2312", "gbk", "gb18030", "big5", "big5hkscs", "euc_jp", "euc_kr", "shift_jis", "iso2022_jp", "tis-620"]
    + ["mac-roman", "mac-cyrillic"]
)
# Bytes that are valid UTF-8 and hold more than ASCII are UTF-8, whatever the header says. Only here every byte is
# ASCII, so that the name has to be believed.
_SEVEN_BIT = frozenset({"iso2022_jp"})
# Browsers and newsrooms mean the Windows pages when they name these (WHATWG encoding standard).
_MEANT = {"ascii": "cp1252", "iso8859-1": "cp1252", "iso8859-9": "cp1254", "gb2312": "gb18030", "gbk": "gb18030"}

_HEADER_CHARSET = re.compile(r"charset\s*=\s*[\"']?\s*([\w.:-]+)", re.IGNORECASE)
_DECLARED = re.compile(rb"^\s*<\?xml[^>]{0,200}?encoding\s*=\s*[\"']\s*([\w.:-]+)")
_DECLARATION = re.compile(r"^\s*<\?xml\b[^>]{0,1000}\?>")
# XML 1.0 has no way to hold these, and one of them ends a strict parse.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufeff\ufffe\uffff]")
_FORBIDDEN_REFERENCE = re.compile(r"&#(?:[xX]0*(?:[0-8bBcCeEfF]|1[0-9a-fA-F])|0*(?:[0-8]|1[124-9]|2[0-9]|3[01]));")
_LONG_REFERENCE = re.compile(r"&#(?:[xX]0*([0-9a-fA-F]{4,})|0*([0-9]{5,}));")
_BARE_AMPERSAND = re.compile(r"&(?!#[0-9]{1,8};|#[xX][0-9a-fA-F]{1,8};|[A-Za-z][A-Za-z0-9]{0,31};)")
_CLOSED = re.compile(
    rb"</(?:[\w.-]+:)?(?:rss|rdf|feed|channel|urlset|sitemapindex|newsmessage|newsitem|packageitem|nitf)\s*>"
    rb"|[\]}]\s*\Z",
    re.IGNORECASE,
)
_TAIL_BYTES = 8192
_GZIP = b"\x1f\x8b\x08"
UNPACKED_MAX_BYTES = 16 * 1024 * 1024
_ASCII = bytes(range(0x80))


def unpacked(body: bytes) -> bytes:
    """The body of a file that was packed with gzip, as sitemaps are; any other body as it is.

    At most UNPACKED_MAX_BYTES are unpacked. What is damaged or longer is cut there, and shows as cut off.
    """
    if not body.startswith(_GZIP):
        return body
    try:
        return zlib.decompressobj(wbits=31).decompress(body, UNPACKED_MAX_BYTES)
    except zlib.error:
        return b""


def decode_feed(body: bytes, content_type: str | None) -> str:
    """The body as text without XML declaration, byte order mark and characters that XML forbids. Never raises.

    The charset is, in this order: the byte order mark, what valid UTF-8 proves, the Content-Type header, the XML
    declaration, UTF-8 with what can't be read replaced.
    """
    text = _decoded(body, content_type)
    text = _FORBIDDEN_REFERENCE.sub("", _FORBIDDEN.sub("", text))
    text = _LONG_REFERENCE.sub(_reference_to_a_character, text)
    return _DECLARATION.sub("", text, count=1).lstrip()


def with_escaped_ampersands(text: str) -> str:
    """`text` with `&amp;` for each ampersand that begins no reference: the commonest fault of XML written by hand.

    Inside CDATA it is not a fault, but there stands markup, which is unescaped once more, or a link, which is too.
    """
    return _BARE_AMPERSAND.sub("&amp;", text)


def is_cut_off(body: bytes) -> bool:
    """Whether the body lacks the end that a complete feed has: the closing tag of its root, or a closing brace."""
    return _CLOSED.search(body[-_TAIL_BYTES:].replace(b"\x00", b"")) is None


def _reference_to_a_character(match: re.Match[str]) -> str:
    """The reference, or nothing if it names a surrogate or lies beyond Unicode: feedparser would give up the feed."""
    digits = match[1] or match[2]
    code = int(digits, 16 if match[1] else 10) if len(digits) <= 7 else sys.maxunicode + 1
    is_character = code <= sys.maxunicode and not 0xD800 <= code <= 0xDFFF and code not in (0xFFFE, 0xFFFF)
    return match[0] if is_character else ""


def _decoded(body: bytes, content_type: str | None) -> str:
    for mark, codec in _BOMS:
        if body.startswith(mark):
            return body[len(mark) :].decode(codec, "replace")
    for shape, codec in _WIDE:
        if shape.match(body):
            return body.decode(codec, "replace")
    named = [codec for codec in (_header_codec(content_type), _declared_codec(body)) if codec is not None]
    # A wide charset of the header is a lie by now: the bytes did not look wide.
    narrow = [codec for codec in named if not codec.startswith(("utf-16", "utf-32"))]
    for codec in [*(c for c in narrow if c in _SEVEN_BIT), "utf-8", *narrow]:
        try:
            return body.decode(codec)
        except UnicodeDecodeError:
            continue
    return body.decode(_damaged_codec(body, narrow), "replace")


def _damaged_codec(body: bytes, named: list[str]) -> str:
    """UTF-8 if the damage is small, or else what was named, or else Windows-1252, which old sites forget to name."""
    lost = body.decode("utf-8", "replace").count("\ufffd")
    wide = len(body.translate(None, _ASCII))
    if lost * 4 <= wide:
        return "utf-8"
    return next((codec for codec in named if codec != "utf-8"), "cp1252")


def _header_codec(content_type: str | None) -> str | None:
    match = _HEADER_CHARSET.search(content_type or "")
    return _codec(match[1]) if match else None


def _declared_codec(body: bytes) -> str | None:
    match = _DECLARED.match(body[:1024])
    return _codec(match[1].decode("ascii", "ignore")) if match else None


def _codec(name: str) -> str | None:
    """The Python codec of that name if it is on the list, or None."""
    try:
        codec = codecs.lookup(name).name
    except (LookupError, ValueError):
        return None
    return _MEANT.get(codec, codec) if codec in _CODECS else None
