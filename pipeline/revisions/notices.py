"""Words by which an outlet or agency takes back or corrects its own story.

A story about somebody's correction or kill has none of them: a notice stands at the start of its line, and speaks of
*this* story. Phrases are in the languages that the reader knows best; docs/revisions.md lists them.
"""

# ruff: noqa: E501 - one line of a pattern is one language or one idea

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from pipeline.outcomes import StoryStatus

NOTE_MAX_CHARS = 500
# A retraction is on top, or is all that there is; a correction note may also close the story.
_HEAD_PARAGRAPHS = 3
_SHORT_WORDS = 150
# Notes stand at either end of a page's lines; of a page of countless lines, so many are looked at there.
_END_LINES = 100


@dataclass(frozen=True, slots=True)
class Notice:
    """What a page says about its own story. `status` USABLE is a plain update; `text` is the note, cut."""

    status: StoryStatus
    text: str


def _any(*phrases: str, flags: re.RegexFlag = re.IGNORECASE) -> re.Pattern[str]:
    return re.compile(rf"\W{{0,4}}(?:{'|'.join(phrases)})", flags)


# The agencies' own words, in capitals as they send them: AP's "KILL" and "WITHHOLD", Reuters' "ADVISORY - … withdrawn".
_KILL = _any(
    r"(?:BULLETIN|MANDATORY|STORY|PHOTO) KILL\b",
    r"KILL\s*(?:[:\-–—|/)\]]|$)",
    r".{0,80}\bMANDATORY KILL\b",
    r"(?:EDS|EDITORS?)\W{1,3}(?:PLEASE\s+)?(?:MANDATORY\s+)?(?:KILL|DO NOT USE)",
    r"(?:EDS|Eds|EDITORS?|Editors?)\W{1,3}(?:[Pp]lease\s+)?(?:[Mm]andatory\s+)?(?:kill|do not use)\b",
    flags=re.RegexFlag(0),
)
_WITHDRAW_DESK = _any(
    r"(?:eds|editors?)\W{1,3}(?:please\s+)?(?:withdraw|withdraws|withhold|disregard)\b",
    r"(?:advisory|attention)\W{1,4}.{0,120}\b(?:withdrawn|withdraws)\b",
    r"(?:retracted|withdrawn|retraction|story withdrawn|article withdrawn|rétracté|rétractation|zurückgezogen|retractado|retractación|ritirato|retirado|wycofane|wycofano|отозвано|відкликано|撤稿|撤回|سحب)\s*[:：\-–—|\]]",
)
_WITHDRAWN = _any(
    r"(?:editor.?s.? note\W{1,3})?(?:this|the following) (?:story|article|report|item|piece) (?:has been|was|is|is being) (?:retracted|withdrawn|removed|deleted|unpublished|taken down)",
    r"(?:editor.?s.? note\W{1,3})?we (?:have |are )?(?:retract|withdr[ae]w|remov)\w* (?:this|an earlier) (?:story|article|report)",
    r"(?:the )?[\w .&’']{2,40} (?:has|have) (?:retracted|withdrawn) this (?:story|article|report)\b",
    r"die(?:ser|se) (?:artikel|beitrag|meldung|text|bericht)\b.{0,30}\b(?:wurde|ist) (?:zurückgezogen|gelöscht|entfernt|zurückgenommen)",
    r"(?:cet article|cette dépêche|cette information) a été (?:retirée?|supprimée?|annulée?|rétractée?)",
    r"(?:este artículo|esta noticia|esta nota|esta información) (?:ha sido|fue) (?:retirad|eliminad|anulad|retractad)[oa]",
    r"(?:questo articolo|questa notizia) è stat[oa] (?:ritirat|rimoss|eliminat)[oa]",
    r"(?:este artigo|esta notícia|esta reportagem) foi (?:retirad|removid|anulad)[oa]",
    r"(?:ten artykuł|ta depesza) (?:został|została) (?:wycofan|usunięt)[ya]",
    r"(?:эта статья|это сообщение|эта новость|материал)\s+(?:была |было |был )?(?:отозван|удал[её]н|аннулирован)[аоы]?",
    r"(?:цю статтю|це повідомлення|цю новину|матеріал)\s+(?:було )?(?:відкликано|видалено|анульовано)",
    r"(?:本文|本报道|本報導|此文|該報導)已?(?:被)?(?:撤回|撤稿|删除|刪除)",
    r"この記事は.{0,6}(?:取り消|撤回|削除)",
    r"(?:تم سحب|تم حذف|سحبنا) (?:هذا|هذه) (?:الخبر|المقال|التقرير|المادة)",
)
_CORRECTION = _any(
    r"correction(?: (?:and|&) clarification)?\s*(?:\([^)]{2,40}\)|,? [\w ,.]{2,24}?)?\s*[:：]",
    r"corrects? (?:to|the|that|day|name|number|spelling|headline|paragraph|first|second|third|attribution)\b",
    r"\(?corrects\b",
    r"clarification\s*[:：]",
    r"(?:editor.?s.? note\W{1,3})?an? (?:earlier|previous) versions? of (?:this|the) (?:story|article|report|headline|post|piece)",
    r"(?:editor.?s.? note\W{1,3})?(?:this|the) (?:story|article|report|headline|piece) (?:has been|was) (?:corrected|amended|(?:updated|changed|edited|revised) to (?:correct|clarify|remove|reflect that))",
    r"(?:editor.?s.? note\W{1,3})?(?:this|the) (?:story|article|report) (?:originally|previously|initially|incorrectly) (?:said|stated|reported|misstated|misidentified)",
    r"(?:korrektur|berichtigung|richtigstellung)\s*[:：]",
    r"in einer (?:früheren|ersten|vorigen|vorherigen) (?:version|fassung)",
    r"(?:anmerkung der redaktion\W{1,3})?wir haben (?:den|diesen) (?:artikel|text|fehler|betreffenden)\b.{0,40}\b(?:korrigiert|berichtigt)",
    r"(?:correction|rectificatif|erratum|précision)\s*[:：]",
    r"une (?:version précédente|première version) de (?:cet article|cette dépêche)",
    r"(?:cet article|cette dépêche) a été (?:corrigée?|rectifiée?|modifiée? pour)",
    r"(?:corrección|fe de errores|fe de erratas|rectificación|aclaración)\s*[:：]",
    r"una versión (?:anterior|previa) de (?:este|esta) (?:artículo|noticia|nota|información)",
    r"(?:este artículo|esta noticia|esta nota) (?:ha sido|fue) corregid[oa]",
    r"(?:correzione|errata corrige|rettifica)\s*[:：]",
    r"una versione precedente di questo articolo",
    r"(?:correção|errata|retificação)\s*[:：]",
    r"uma versão anterior d(?:este|esta) (?:artigo|texto|reportagem)",
    r"(?:sprostowanie|korekta)\s*[:：]",
    r"(?:wcześniejsza|poprzednia) wersja tego artykułu",
    r"(?:исправление|уточнение|поправка)\s*[:：]",
    r"в (?:предыдущей|более ранней|первоначальной) версии (?:этой |этого )?(?:статьи|новости|текста|материала)",
    r"(?:виправлення|уточнення|виправлено)\s*[:：]",
    r"у (?:попередній|ранішій|первісній) версії (?:цієї |цього )?(?:статті|новини|тексту|матеріалу)",
    r"(?:更正|勘误|勘誤|訂正)\s*[:：]",
    r"(?:تصحيح|تصويب)\s*[:：]",
)
_UPDATE = _any(
    r"(?:this|the) (?:story|article|report|piece) (?:has been|was|is being) (?:updated|revised)\b", r"(?:update|updated with|updates with|recasts|adds)\b\s*[:：(,]?\s(?=.{12})",
    r"die(?:ser|se) (?:artikel|beitrag|meldung|text)\b.{0,20}\b(?:wurde|wird) aktualisiert", r"(?:cet article|cette dépêche) a été (?:mise? à jour|actualisée?)", r"(?:este artículo|esta noticia|esta nota) (?:ha sido|fue) actualizad[oa]",
    r"questo articolo è stato aggiornato", r"(?:ten artykuł|artykuł) został zaktualizowany", r"(?:статья|материал|новость)\s+(?:была |был )?обновл[её]н", r"(?:статтю|матеріал|новину)\s+(?:було )?оновлено",
)  # fmt: skip


def find_notice(title: str, paragraphs: Iterable[str], beside: Iterable[str] = ()) -> Notice | None:
    """The gravest thing that the page says about its own story; None when it says nothing.

    `beside` are lines of the page that are no part of the text: the notes below a story are among them.
    """
    body = [part.strip() for part in paragraphs]
    is_short = sum(len(part.split()) for part in body) <= _SHORT_WORDS
    tops = [title, *(body if is_short else body[:_HEAD_PARAGRAPHS])]
    for line in tops:
        if _KILL.match(line):
            return Notice(StoryStatus.CANCELED, line[:NOTE_MAX_CHARS])
    for line in tops:
        if _WITHDRAW_DESK.match(line) or (line is not title and _WITHDRAWN.match(line)):
            return Notice(StoryStatus.WITHDRAWN, line[:NOTE_MAX_CHARS])
    lines = [title, *_ends(body), *_ends(list(beside))]
    for pattern, status in ((_CORRECTION, StoryStatus.CORRECTED), (_UPDATE, StoryStatus.USABLE)):
        for line in lines:
            if (line is not title or status is not StoryStatus.USABLE) and pattern.match(line):
                return Notice(status, line[:NOTE_MAX_CHARS])
    return None


def _ends(lines: list[str]) -> list[str]:
    return lines if len(lines) <= 2 * _END_LINES else [*lines[:_END_LINES], *lines[-_END_LINES:]]
