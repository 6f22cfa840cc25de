"""From bytes to characters: byte order mark, HTTP header, meta element, then detection (promise P24)."""

from __future__ import annotations

import codecs
import re

from charset_normalizer import from_bytes

from pipeline.reading.lines import word_set
from pipeline.values import FetchedPage

_BOMS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
_SINGLE_BYTE = word_set(
    "cp1250 cp1251 cp1252 cp1253 cp1254 cp1255 cp1256 cp1257 cp1258 cp866 koi8-r koi8-u iso8859-2 iso8859-3 "
    "iso8859-4 iso8859-5 iso8859-6 iso8859-7 iso8859-8 iso8859-10 iso8859-13 iso8859-14 iso8859-15 iso8859-16 "
    "tis-620 cp874 mac-cyrillic mac-roman"
)
# Only codecs that turn text bytes into text: Python's registry also holds zip, hex, idna and the like.
_TEXT_CODECS = _SINGLE_BYTE | word_set(
    "utf-8 utf-16-le utf-16-be utf-16 gb18030 big5hkscs euc_jp iso2022_jp shift_jis cp932 euc_kr cp949"
)
# What browsers read under these labels (WHATWG Encoding Standard, section 4.2).
_BROWSER = {
    "iso8859-1": "cp1252", "ascii": "cp1252", "iso8859-9": "cp1254", "gb2312": "gb18030", "gbk": "gb18030",
    "big5": "big5hkscs", "iso8859-11": "cp874", "shift_jis": "cp932", "euc_kr": "cp949", "utf-16": "utf-16-le",
}  # fmt: skip
_CHARSET = re.compile(r"charset\s*=\s*[\"']?\s*([\w.:-]+)", re.IGNORECASE)
_META = re.compile(rb"<meta\b[^>]{0,300}?charset\s*=\s*[\"']?\s*([\w.:-]{2,40})", re.IGNORECASE)
_XML = re.compile(rb"^\s*<\?xml[^>]{0,100}?encoding\s*=\s*[\"']([\w.:-]{2,40})", re.IGNORECASE)
_META_WINDOW_BYTES = 8192
_DETECTION_WINDOW_BYTES = 16384
# A declared codec may miss a few bytes (cut in the middle of a character, one bad advert), not more.
_BAD_SHARE = 0.002


def decode_page(page: FetchedPage) -> str:
    """The page's body as characters; bytes that no codec explains become U+FFFD."""
    body = page.body
    for mark, name in _BOMS:
        if body.startswith(mark):
            return body[len(mark) :].decode(name, "replace")
    for name in _declared(page):
        text = _decoded(body, name)
        if text is not None:
            return text
    return _detected(body)


def _declared(page: FetchedPage) -> tuple[str, ...]:
    """The codecs that the header and the page name, in this order, as far as they are text codecs."""
    found = []
    header = _CHARSET.search(page.header("content-type") or "")
    if header:
        found.append(header[1])
    head = page.body[:_META_WINDOW_BYTES]
    found += [match[1].decode("ascii", "replace") for match in (_META.search(head), _XML.search(head)) if match]
    names = [_codec(label) for label in found]
    return tuple(dict.fromkeys(name for name in names if name))


def _codec(label: str) -> str | None:
    """The text codec that a browser uses for this label; None if there is none."""
    try:
        name = codecs.lookup(label.strip().lower()).name
    except LookupError:
        return None
    name = _BROWSER.get(name, name)
    return name if name in _TEXT_CODECS else None


def _decoded(body: bytes, name: str) -> str | None:
    """`body` read with a declared codec, or None if it plainly is something else."""
    # A page that is valid UTF-8 beyond ASCII was never written in a one-byte codec, whatever its header says.
    if name in _SINGLE_BYTE and not body.isascii():
        try:
            return body.decode("utf-8")
        except UnicodeDecodeError:
            pass
    if name.startswith("utf-16") and b"<" in body[:200] and b"\0" not in body[:200]:
        return None
    text = body.decode(name, "replace")
    return text if text.count("\ufffd") <= 2 + _BAD_SHARE * len(text) else None


def _detected(body: bytes) -> str:
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        pass
    window = body[:_DETECTION_WINDOW_BYTES]
    best = from_bytes(window, cp_isolation=sorted(_TEXT_CODECS - {"utf-16"})).best()
    return body.decode(best.encoding if best else "utf-8", "replace")
