"""Pages that are no story: consent walls, challenges, soft 404s, home pages, indexes, media pages, paywall stubs.

Each test needs a telling sign and little text of a story: a wall over a story that is there all the same is no wall.
"""

# ruff: noqa: E501 - one line of a pattern or list is one language or one idea

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from pipeline.outcomes import Reason
from pipeline.reading.evidence import Evidence
from pipeline.reading.lines import Line
from pipeline.reading.phrases import PAYWALL
from pipeline.values import FetchedPage

_CHALLENGE = re.compile(
    r"just a moment|attention required|access (?:to this page has been )?denied|are you (?:a )?(?:human|robot)|pardon our interruption|"
    r"ddos[- ]protection|verif(?:y|ying) (?:that )?you(?:'re| are)? (?:a )?human|checking (?:your|if the site) |security check|"
    r"bot (?:check|verification|detection)|robot or human|please (?:enable|complete) (?:js|javascript|the captcha|the security)|"
    r"unusual traffic|captcha|one more step|request (?:unsuccessful|blocked)|you have been blocked|проверка (?:браузера|безопасности)",
    re.IGNORECASE,
)
_CONSENT = re.compile(
    r"before you continue|consent|cookies?\b|your privacy|privacy (?:settings|choices|center)|datenschutz|einwilligung|zustimmung|"
    r"confidentialité|privacidad|consentimiento|prywatno|zgod[aęy]|toestemming|samtyck|samtykke|personvern|mit werbung|werbefrei|pur-abo",
    re.IGNORECASE,
)
_CONSENT_HOST = re.compile(
    r"^(?:consent|cmp|privacy|myprivacy|zustimmung|guce)\.|/(?:consent|privacy-gate|cookiewall|zustimmung)(?:[/?]|$)"
)
_MISSING = re.compile(
    r"\b404\b|(?:page|article|story|content|seite|artikel|página|pagina|page)\b.{0,24}(?:not (?:be )?found|no longer (?:available|exists)|"
    r"nicht (?:gefunden|verfügbar|mehr)|introuvable|n.existe (?:pas|plus)|no (?:encontrad|existe|disponible)|non (?:trovata|esiste|disponibile)|"
    r"não (?:encontrad|existe)|niet gevonden)|not found|nie (?:znaleziono|istnieje)|strona nie|(?:страница|сторінк\w+) не |сторінку не |"
    r"nenalezen|ikke funnet|hittades inte|kunne ikke finde|(?:couldn.t|can.?t|could not|cannot) find (?:the|that|this|what)|^oops",
    re.IGNORECASE,
)
_HOME_PATH = re.compile(r"^/?(?:index\.\w+|home/?|[a-z]{2}(?:[-_][a-zA-Z]{2})?/?)?$")
# Where a page with the sign stops being a wall and is a story: the shortest real stories have about 60 words.
_WALL_WORDS = 220
_STUB_WORDS = 60
_SHORT_WORDS = 45
_LIST_LINKS = 25
_PROSE_WORDS = 25


@dataclass(frozen=True, slots=True)
class Looks:
    """What the kinds are told by. `lines` are the story's lines after cleaning; none before extraction."""

    page: FetchedPage
    evidence: Evidence
    lines: tuple[Line, ...]

    @property
    def words(self) -> int:
        """Words of the story's text."""
        return sum(line.size for line in self.lines)

    @property
    def signs(self) -> str:
        """What stands on the page's sign: title element, headings, og:title."""
        evidence = self.evidence
        signs = (evidence.title_tag, *evidence.h1s[:2], evidence.declared.first("og:title"))
        return " | ".join(sign for sign in signs if sign)

    @property
    def shown(self) -> str:
        """The first words that the page shows, up to 6,000 characters."""
        return " ".join(block.text for block in self.evidence.blocks[:120])[:6000]


def _challenge(looks: Looks) -> str | None:
    if looks.words >= _WALL_WORDS or _is_story(looks):
        return None
    text = looks.signs if len(looks.evidence.blocks) > 40 else f"{looks.signs} {looks.shown[:1500]}"
    match = _CHALLENGE.search(text)
    return f"The page says “{match[0]}”." if match else None


def _consent(looks: Looks) -> str | None:
    parts = urlsplit(looks.page.final_url)
    if _CONSENT_HOST.search(f"{parts.hostname or ''}") or _CONSENT_HOST.search(parts.path):
        return f"The request ended at a consent page on {parts.hostname}."
    if looks.words >= 3 * _WALL_WORDS or _is_story(looks):
        return None
    is_signed = _CONSENT.search(looks.signs) is not None
    hits = len(_CONSENT.findall(" ".join(line.text for line in looks.lines) or looks.shown))
    is_about = hits >= 3 and hits * 40 >= max(looks.words, 40) and looks.words < _WALL_WORDS
    return "The page speaks of consent and cookies only." if (is_signed and hits >= 2) or is_about else None


def _missing(looks: Looks) -> str | None:
    if looks.words >= 2 * _STUB_WORDS or _is_dated(looks):
        return None
    match = _MISSING.search(looks.signs)
    return f"The page's heading says “{match[0]}”." if match else None


def _home(looks: Looks) -> str | None:
    asked, got = urlsplit(looks.page.url), urlsplit(looks.page.final_url)
    is_led_home = _HOME_PATH.match(got.path) and not got.query and not _HOME_PATH.match(asked.path)
    return f"{asked.path} led to {got.path or '/'}." if is_led_home else None


def _paywall(looks: Looks) -> str | None:
    is_short = looks.words < _STUB_WORDS or (looks.words < 2 * _STUB_WORDS and looks.evidence.declared.is_free is False)
    if not is_short or not _is_story(looks):
        return None
    is_pitched = looks.evidence.declared.is_free is False or PAYWALL.search(looks.shown) is not None
    return f"Only {looks.words} words and a subscription pitch." if is_pitched else None


def _index(looks: Looks) -> str | None:
    if looks.evidence.declared.is_article or _is_dated(looks):
        return None
    blocks = [block for block in looks.evidence.blocks if "nav" not in block.marks and "footer" not in block.marks]
    links = sum(1 for block in blocks if block.linked >= 0.9 and block.key.count(" ") >= 3)
    prose = sum(1 for line in looks.lines if line.size >= _PROSE_WORDS and line.key not in looks.evidence.linked)
    words = sum(line.size for line in looks.lines if line.size >= _PROSE_WORDS)
    is_list = looks.evidence.declared.is_list and links >= 5 and prose < 4
    return (
        f"{links} linked headlines and {prose} paragraphs."
        if is_list or (links >= _LIST_LINKS and prose < 3 and words < _STUB_WORDS)
        else None
    )


def _media(looks: Looks) -> str | None:
    is_short = looks.words < _STUB_WORDS
    return "A video, sound or gallery with hardly any text." if looks.evidence.declared.is_media and is_short else None


def _is_story(looks: Looks) -> bool:
    return looks.evidence.declared.is_article


def _is_dated(looks: Looks) -> bool:
    return bool(looks.evidence.declared.published)


KINDS: tuple[tuple[Reason, Callable[[Looks], str | None]], ...] = (
    (Reason.BOT_CHALLENGE, _challenge),
    (Reason.CONSENT_WALL, _consent),
    (Reason.SOFT_404, _missing),
    (Reason.HOME_PAGE, _home),
    (Reason.MEDIA_PAGE, _media),
    (Reason.PAYWALL, _paywall),
    (Reason.INDEX_PAGE, _index),
)


def tell_kind(page: FetchedPage, evidence: Evidence, lines: tuple[Line, ...]) -> tuple[Reason, str] | None:
    """The reason why the page is no story, and a sentence; None for a story."""
    looks = Looks(page, evidence, lines)
    for reason, test in KINDS:
        detail = test(looks)
        if detail:
            return reason, detail
    return None
