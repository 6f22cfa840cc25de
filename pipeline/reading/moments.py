"""Instants: the forms in which pages and feeds write them, and the lines that hold nothing else."""

# ruff: noqa: E501 - one line of a pattern or list is one language or one idea

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from email.utils import parsedate_to_datetime

from pipeline.reading.lines import word_set
from pipeline.text import words

EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
_AHEAD = timedelta(days=1)
_ISO = re.compile(
    r"^(\d{4})-(\d\d)-(\d\d)(?:[T\s]+(\d\d?):(\d\d)(?::(\d\d)(?:[.,]\d+)?)?\s*(Z|UTC|GMT|[+-]\d\d:?\d\d|[+-]\d\d)?)?\W*$",
    re.IGNORECASE,
)
_COMPACT = re.compile(r"^(\d{4})(\d\d)(\d\d)(?:T?(\d\d)(\d\d)(\d\d)?\s*(Z|[+-]\d\d:?\d\d)?)?$")
_CLOCK = re.compile(r"\b(\d{1,2})[:.h](\d\d)(?::\d\d)?(?![\d.:]\d)\s*(a\.?m\b\.?|p\.?m\b\.?)?", re.IGNORECASE)
_DAY_MONTH = re.compile(
    r"\b(\d{1,2})(?:st|nd|rd|th|er|\.|º|ª)?\s+(?:de\s+|d['’])?([^\W\d_]{3,12})\.?,?\s+(?:de\s+)?(\d{4})\b"
)
_MONTH_DAY = re.compile(r"\b([^\W\d_]{3,12})\.?\s+(\d{1,2})(?:st|nd|rd|th)?,?\s+(\d{4})\b")
_NUMERIC = re.compile(r"\b(\d{1,2})\.\s?(\d{1,2})\.\s?(\d{4}|\d\d)\b(?![:.])")
# Zone words that mean one offset everywhere; CST and IST do not.
_ZONES_H = {
    "utc": 0,
    "gmt": 0,
    "z": 0,
    "cet": 1,
    "cest": 2,
    "eet": 2,
    "eest": 3,
    "msk": 3,
    "bst": 1,
    "edt": -4,
    "pdt": -7,
    "jst": 9,
    "kst": 9,
}

_MONTHS = (
    "january jan janvier janv januar jänner enero ene gennaio gen janeiro januari styczeń stycznia leden ledna січня січень января январь ιανουαρίου ocak tammikuuta január ianuarie",
    "february feb février févr fevr februar febrero febbraio fevereiro fev februari luty lutego únor února лютого лютий февраля февраль φεβρουαρίου şubat helmikuuta február februarie",
    "march mar mars märz maerz marzo março maart marzec marca březen března березня березень марта март μαρτίου mart maaliskuuta március martie",
    "april apr avril avr abril abr aprile kwiecień kwietnia duben dubna квітня квітень апреля апрель απριλίου nisan huhtikuuta április aprilie",
    "may mai mayo maggio mag maio mei maj maja květen května травня травень мая май μαΐου mayıs toukokuuta május",
    "june jun juin juni junio giugno giu junho czerwiec czerwca červen června червня червень июня июнь ιουνίου haziran kesäkuuta június iunie",
    "july jul juillet juil juli julio luglio lug julho lipiec lipca červenec července липня липень июля июль ιουλίου temmuz heinäkuuta július iulie",
    "august aug août aout agosto ago sierpień sierpnia srpen srpna серпня серпень августа август αυγούστου ağustos elokuuta augusztus augusti augustus",
    "september sep sept septembre septiembre settembre set setembro wrzesień września září вересня вересень сентября сентябрь σεπτεμβρίου eylül syyskuuta szeptember septembrie",
    "october oct octobre oktober okt octubre ottobre ott outubro out październik października říjen října жовтня жовтень октября октябрь οκτωβρίου ekim lokakuuta október octombrie",
    "november nov novembre noviembre novembro listopad listopada listopadu листопада листопад ноября ноябрь νοεμβρίου kasım marraskuuta noiembrie",
    "december dec décembre déc dezember dez diciembre dic dicembre dezembro grudzień grudnia prosinec prosince грудня грудень декабря декабрь δεκεμβρίου aralık joulukuuta decembrie",
)  # fmt: skip
_MONTH = {name: number for number, names in enumerate(_MONTHS, 1) for name in names.split()}
_DATE_WORDS = word_set(
    "年 月 日 時 分 更新 公開 午前 午後 년 월 일 시 분 오전 오후 입력 수정 güncelleme güncellendi yayınlanma giriş tarihi saat son "
    "monday tuesday wednesday thursday friday saturday sunday mon tue tues wed thu thur thurs fri sat sun "
    "montag dienstag mittwoch donnerstag freitag samstag sonntag mo di mi do fr sa so lundi mardi mercredi "
    "jeudi vendredi samedi dimanche lunes martes miércoles jueves viernes sábado domingo lunedì martedì "
    "mercoledì giovedì venerdì sabato domenica poniedziałek wtorek środa czwartek piątek sobota niedziela "
    "понедельник вторник среда четверг пятница суббота воскресенье понеділок вівторок середа четвер пʼятниця "
    "субота неділя maandag dinsdag woensdag donderdag vrijdag zaterdag zondag am pm a p m h uhr utc gmt cet "
    "cest eet eest est edt pst pdt cst cdt bst ist jst msk z et pt local time noon at on of the de del le du "
    "um vom am à a las il kl klo em o el i den och und and às alle ore st nd rd th er published updated update "
    "posted modified last first created edited date release released stand aktualisiert veröffentlicht "
    "erstellt zuletzt publié mis jour modifié actualizado publicado actualización pubblicato aggiornato "
    "aggiornamento atualizado opublikowano aktualizacja publikacja dodano godz publicerad uppdaterad publisert "
    "oppdatert opdateret udgivet julkaistu päivitetty gepubliceerd bijgewerkt опубликовано обновлено оновлено "
    "опубліковано створено zveřejněno aktualizováno today yesterday heute gestern hier hoy ayer ieri oggi ago "
    "segunda-feira terça-feira quarta-feira quinta-feira sexta-feira segunda terça quarta quinta sexta feira tempo leitura "
    "기사입력 최종수정 등록 datum fecha data дата "
    "vor il y min mins minute minutes minuten minuti read lesezeit lecture leestijd hour hours stunden heures "
    "horas ore day days tagen jours días week weeks год г року р"
)
_MAX_DATE_LINE_WORDS = 16
_DATE_SHAPE = re.compile(r"\b(?:19|20)\d\d[-./]\d|\d[-./](?:19|20)\d\d\b|^\W*\d{1,2}:\d\d\W*$")


def is_date_line(line: str) -> bool:
    """Whether the line holds a date or a reading time, and nothing else."""
    tokens = words(line)
    if not 1 < len(tokens) <= _MAX_DATE_LINE_WORDS or not any(token[0].isdigit() for token in tokens):
        return False
    if all(token[0].isdigit() for token in tokens) and not _DATE_SHAPE.search(line):
        return False
    return all(token[0].isdigit() or token in _MONTH or token in _DATE_WORDS for token in tokens)


def parse_moment(raw: str) -> datetime | None:
    """The instant that `raw` names, on the clock it is written in; one without a zone is read as UTC, a day as its midnight.

    ISO 8601 and its compact form, RFC 5322, and "31 May 2024 03:59" in many languages are read. None for the rest.
    """
    raw = raw.strip()[:80]
    match = _ISO.match(raw) or _COMPACT.match(raw)
    if match:
        year, month, day, hour, minute, second, zone = match.groups()
        return _built(int(year), int(month), int(day), (int(hour or 0), int(minute or 0), int(second or 0)), zone)
    if raw[:10].isdigit() and len(raw) in (10, 13) and raw.isdigit():
        return datetime.fromtimestamp(int(raw[:10]), UTC)
    try:
        moment = parsedate_to_datetime(raw)
    except (ValueError, TypeError, IndexError, OverflowError):
        return _spoken(raw)
    if moment.tzinfo is None:
        # RFC 5322 knows few zone words; ours know more.
        return _spoken(raw) or moment.replace(tzinfo=UTC)
    return moment


def within_bounds(moment: datetime | None, fetched_at: datetime) -> datetime | None:
    """`moment` if it lies between 1990 and a day after the fetch, else None (promise P24)."""
    return moment if moment is not None and EARLIEST <= moment <= fetched_at + _AHEAD else None


def _spoken(raw: str) -> datetime | None:
    lower = raw.lower()
    if match := _DAY_MONTH.search(lower):
        day, month, year = int(match[1]), _MONTH.get(match[2]), int(match[3])
    elif match := _MONTH_DAY.search(lower):
        day, month, year = int(match[2]), _MONTH.get(match[1]), int(match[3])
    elif match := _NUMERIC.search(lower):
        day, month, year = int(match[1]), int(match[2]), int(match[3])
        year += 2000 if year < 100 else 0
    else:
        return None
    rest = lower[: match.start()] + " " + lower[match.end() :]
    clock = _CLOCK.search(rest)
    hour, minute = (int(clock[1]), int(clock[2])) if clock else (0, 0)
    if clock and clock[3]:
        hour = hour % 12 + (12 if clock[3].startswith("p") else 0)
    zone = _zone_word(rest[clock.end() :]) if clock else None
    return _built(year, month, day, (hour, minute, 0), zone) if month else None


def _zone_word(rest: str) -> str | None:
    if match := re.search(r"(?:utc|gmt)?\s*([+-]\d\d:?\d\d)\b", rest):
        return match[1]
    hours = next((_ZONES_H[token] for token in words(rest) if token in _ZONES_H), None)
    return None if hours is None else f"{hours:+03d}:00"


def _built(year: int, month: int, day: int, clock: tuple[int, int, int], zone: str | None) -> datetime | None:
    offset = timedelta(0)
    if zone and zone[0] in "+-":
        digits = zone[1:].replace(":", "").ljust(4, "0")
        offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:])) * (-1 if zone[0] == "-" else 1)
    try:
        moment = datetime(year, month, day, *clock, tzinfo=timezone(offset) if offset else UTC)
        moment.astimezone(UTC)  # at the ends of the calendar another clock's year cannot be told
    except (ValueError, OverflowError):
        return None
    return moment
