"""One form for each URL, so that a page announced in ten ways is one row in SQL.

Only what cannot change the page is changed: the spelling that RFC 3986 calls equivalent, what a browser would do with
sloppy links, parameters known to carry nothing but tracking, and those that ask for the AMP rendition of the page.
Hosts, paths and the order of parameters are left alone: `/tags/amp` is a page about AMP, and whether `amp.` or `m.`
stands for `www.` or for the bare name is known to the page's own canonical link alone. courlan.normalize_url is not
used: its pattern for trackers also takes `gallery`, `keyword`, `eid` and `reference` away, which makes two pages one,
and it reads `&copy=1` as a copyright sign.
"""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

import idna
from tld import get_fld

URL_MAX_CHARS = 2048
# Longer input is not even looked at. The room above URL_MAX_CHARS is for trackers that will be dropped.
INPUT_MAX_CHARS = 16_384

_DEFAULT_PORTS = {"http": 80, "https": 443}
_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_PATH_SAFE = _UNRESERVED | frozenset(b"!$&'()*+,;=:@/")
_QUERY_SAFE = _PATH_SAFE | frozenset(b"?")

_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
# An ampersand escaped once too often, as careless feeds have it.
_AMPERSAND_REFERENCE = re.compile(r"&#(?:0*38|[xX]0*26);")
_AMPERSAND_NAME = re.compile(r"&(?:amp;)+", re.IGNORECASE)
_HEX_PAIR = re.compile(rb"[0-9A-Fa-f]{2}")
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER_LABEL = re.compile(r"[0-9]+|0x[0-9a-f]*")

_PATH_SESSION = re.compile(r";(?:jsessionid|phpsessid|sessionid)=[^;/]*", re.IGNORECASE)
_COOKIELESS_SESSION = re.compile(r"/\([SAF]\([A-Za-z0-9_-]{8,}\)\)(?=/|$)")

# Parameters that only say where the reader came from. Names in lower case. A name that any site might use for a story
# (id, sid, ref, source, cid, p) is not here.
TRACKER_PREFIXES = (
    "utm_", "at_", "mc_", "mtm_", "matomo_", "pk_", "piwik_", "hsa_", "itm_", "oly_", "vero_", "guce_", "ns_m", "ns_c",
    "ns_s", "ns_l", "_hs", "__hs", "gad_", "aspsessionid",
)  # fmt: skip
TRACKER_NAMES = frozenset([
    "fbclid", "gclid", "gclsrc", "dclid", "gbraid", "wbraid", "msclkid", "yclid", "ysclid", "twclid", "ttclid",
    "igshid", "igsh", "li_fat_id", "epik", "s_kwcid", "srsltid", "_ga", "_gl", "_openstat", "mkt_tok", "xtor", "xtref",
    "xts", "cmp", "cmpid", "intcmp", "int_cmp", "icid", "ncid", "ocid", "s_cid", "sc_cid", "wt_mc", "wt.mc_id", "wtmc",
    "smid", "smtyp", "ito", "ftag", "ftcamp", "soc_src", "soc_trk", "tsrc", "taid", "tblci", "dicbo", "maca",
    "guccounter", "traffic_source", "ref_src", "ref_url", "__twitter_impression", "spm", "scm", "trk", "trkcampaign",
    "wickedid", "rb_clickid", "vgo_ee", "phpsessid", "jsessionid", "sessionid", "session_id", "sessid", "cftoken",
])  # fmt: skip
# Parameters that are trackers only with such a value.
_FEED_NAMES = frozenset({"ref", "source", "src", "from", "origin", "via", "partner", "medium", "channel"})
_FEED_VALUES = frozenset({"rss", "rss2", "rssfeed", "rss_feed", "rss-feed", "feed", "atom"})
# Parameters that with such a value change how the page looks and not what it says.
_RENDITIONS = {"amp": frozenset({"", "1", "true"}), "outputtype": frozenset({"amp"})}
_SESSION_VALUE = re.compile(r"[0-9A-Fa-f]{32,}")


def canonical_url(url: str, base: str | None = None) -> str | None:
    """The one form under which a URL is known, or None for what is no usable web address.

    ASCII, at most URL_MAX_CHARS characters, http or https (kept apart: a site may serve only one), absolute. A relative
    `url` is joined to `base`. Applying it twice changes nothing. Never raises.
    """
    parts = _absolute(url, base)
    if parts is None:
        return None
    path = _without_dot_segments(_without_sessions(_percent_normalised(parts.path, _PATH_SAFE)))
    return _assembled(parts, path, _without_idle(_percent_normalised(parts.query, _QUERY_SAFE)))


def asked_url(url: str, base: str | None = None) -> str | None:
    """The form in which a URL is asked for: `url` as announced, absolute, without fragment and user-info.

    Parameters that only track stay, because a server may answer nothing but its own spelling. None where
    canonical_url gives None, and where the announced form alone is too long.
    """
    parts = _absolute(url, base)
    if parts is None:
        return None
    path = _without_dot_segments(_percent_normalised(parts.path, _PATH_SAFE))
    return _assembled(parts, path, _AMPERSAND_NAME.sub("&", _percent_normalised(parts.query, _QUERY_SAFE)))


def _absolute(url: str, base: str | None) -> SplitResult | None:
    plain = _plain(url)
    if plain is None:
        return None
    parts = _split(plain)
    if base is not None and (parts is None or not parts.netloc):
        # Only what is relative is joined: urljoin would also rewrite an absolute URL ("/a;" loses its semicolon).
        parts = _joined(plain, base)
    return parts


def _assembled(parts: SplitResult, path: str, query: str) -> str | None:
    authority = _authority(parts)
    if authority is None:
        return None
    result = f"{parts.scheme}://{authority}{path}{'?' + query if query else ''}"
    return result if len(result) <= URL_MAX_CHARS else None


def host_of(url: str) -> str:
    """The host in lower case, with `:port` when the port is not the scheme's own; "" when there is none."""
    plain = _plain(url)
    parts = _split(plain) if plain is not None else None
    return (_authority(parts) or "") if parts is not None else ""


def site_of(url: str) -> str:
    """The registered domain that answers for `url` ("news.b.example" -> "b.example"); "" when it has no host.

    Where the public suffix list does not know the ending, the last two labels. Addresses and one-label names such as
    localhost are their own site, port included. Blogs under a shared domain of the list are sites of their own.
    """
    # Pages hold links of any length; what is remembered is bounded.
    return _site_of_url(url) if len(url) <= URL_MAX_CHARS else _site_of_host(host_of(url))


@lru_cache(maxsize=1024)
def _site_of_url(url: str) -> str:
    return _site_of_host(host_of(url))


def is_same_site(a: str, b: str) -> bool:
    """Whether both URLs have a host and the same site (promise P25)."""
    site = site_of(a)
    return site != "" and site == site_of(b)


@lru_cache(maxsize=4096)
def _site_of_host(host: str) -> str:
    name = host.partition(":")[0]
    labels = name.split(".")
    if host.startswith("[") or len(labels) == 1 or _NUMBER_LABEL.fullmatch(labels[-1]):
        return host
    domain = get_fld(f"http://{name}/", fail_silently=True, search_private=True)
    return domain if isinstance(domain, str) and domain else ".".join(labels[-2:])


# ------------------------------------------------------------------------------------------------------------- parts


def _plain(url: str) -> str | None:
    """`url` trimmed, with references to the ampersand and backslashes undone; None if it can't be an address."""
    plain = url.strip()
    if not plain or len(plain) > INPUT_MAX_CHARS or _CONTROLS.search(plain):
        return None
    return _slashes_forward(_AMPERSAND_REFERENCE.sub("&", plain))


def _slashes_forward(url: str) -> str:
    """Backslashes before the query as slashes: browsers read them so, and a guard must see the host they see."""
    end = min((place for place in (url.find("?"), url.find("#")) if place >= 0), default=len(url))
    return url[:end].replace("\\", "/") + url[end:]


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
    except ValueError:  # brackets that hold no address, or a host that NFKC would break up
        return None
    return parts if parts.scheme in _DEFAULT_PORTS else None


def _joined(url: str, base: str) -> SplitResult | None:
    plain_base = _plain(base)
    try:
        joined = urljoin(plain_base, url) if plain_base else url
    except ValueError:
        return None
    return _split(_slashes_forward(joined))


def _authority(parts: SplitResult) -> str | None:
    """`host` or `host:port` without user-info; None when the host or port is not one."""
    try:
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    name = _host_name(host, is_bracketed=parts.netloc.rpartition("@")[2].startswith("[")) if host else None
    if name is None or port == 0:
        return None
    return name if port is None or port == _DEFAULT_PORTS[parts.scheme] else f"{name}:{port}"


def _host_name(host: str, *, is_bracketed: bool) -> str | None:
    """The host as DNS would be asked for it, or the address in its one spelling."""
    if is_bracketed:
        try:
            address = ipaddress.IPv6Address(host)
        except ValueError:
            return None
        return None if address.scope_id else f"[{address.compressed}]"
    name = host.lower() if host.isascii() else _punycode(host)
    if name is None:
        return None
    name = name.removesuffix(".")
    labels = name.split(".")
    if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        return None
    if _NUMBER_LABEL.fullmatch(labels[-1]):
        # 127.1, 0x7f.1 and 2130706433 are loopback to some resolvers: only the plain dotted form passes.
        try:
            return str(ipaddress.IPv4Address(name))
        except ValueError:
            return None
    return name


def _punycode(host: str) -> str | None:
    try:
        return idna.encode(host, uts46=True).decode("ascii").lower()
    except UnicodeError:
        return None


def _percent_normalised(text: str, safe: frozenset[int]) -> str:
    """`text` with needless escapes undone, needed ones made and their digits upper case; a lone % becomes %25."""
    raw = text.encode("utf-8")
    out: list[str] = []
    place = 0
    while place < len(raw):
        byte = raw[place]
        place += 1
        is_escape = byte == 0x25 and _HEX_PAIR.fullmatch(raw, place, place + 2)
        if is_escape:
            byte = int(raw[place : place + 2], 16)
            place += 2
        out.append(chr(byte) if byte in (_UNRESERVED if is_escape else safe) else f"%{byte:02X}")
    return "".join(out)


def _without_sessions(path: str) -> str:
    return _COOKIELESS_SESSION.sub("", _PATH_SESSION.sub("", path))


def _without_dot_segments(path: str) -> str:
    """RFC 3986, 5.2.4; empty segments stay, because some servers mean them."""
    kept: list[str] = []
    segments = path.split("/")[1:]
    for segment in segments:
        if segment == "..":
            if kept:
                kept.pop()
        elif segment != ".":
            kept.append(segment)
    if segments and segments[-1] in (".", ".."):
        kept.append("")
    return "/" + "/".join(kept)


def _without_idle(query: str) -> str:
    pieces = _AMPERSAND_NAME.sub("&", query).split("&")
    return "&".join(piece for piece in pieces if piece and not _is_idle(piece))


def _is_idle(piece: str) -> bool:
    """Whether the parameter says nothing of what the page is."""
    raw_name, _, raw_value = piece.partition("=")
    name, value = unquote(raw_name).lower(), raw_value.lower()
    return (
        name.startswith(TRACKER_PREFIXES)
        or name in TRACKER_NAMES
        or (name in _FEED_NAMES and value in _FEED_VALUES)
        or value in _RENDITIONS.get(name, ())
        or (name == "sid" and _SESSION_VALUE.fullmatch(value) is not None)
    )
