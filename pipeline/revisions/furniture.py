"""Lines that change by themselves: time stamps, ages, counters. A change in them is no change of the story."""

# ruff: noqa: E501 - one line of a pattern is one language or one idea

from __future__ import annotations

import re

# What stands in a sentence is told there, a date as well as a number of views. These are short lines without an end.
_MAX_WORDS = 14
_STAMP = re.compile(
    r"\W{0,3}(?:last |first |originally )?(?:updated|published|posted|modified|edited|created)\b|\W{0,3}(?:zuletzt )?(?:aktualisiert|veröffentlicht|stand)\b|\W{0,3}(?:publié|mis à jour|modifié)\b|\W{0,3}(?:última actualización|actualizado|publicado)\b|"
    r"\W{0,3}(?:ultimo aggiornamento|aggiornato|pubblicato)\b|\W{0,3}(?:atualizado|publicado)\b|\W{0,3}(?:aktualizacja|opublikowano|zaktualizowano)\b|\W{0,3}(?:обновлено|опубликовано|оновлено|опубліковано)\b|(?:更新|发布|公開|公开)",
    re.IGNORECASE,
)
# A day by figures, a day with its month in one word, a time of day, a zone.
_MOMENT = re.compile(
    r"\d{4}-\d\d-\d\d(?:T[\d:.]+)?|\d{1,2}[./]\d{1,2}[./]\d{2,4}|\d{1,2}\.?(?:st|nd|rd|th|º)?\s(?:de\s)?[^\W\d]{3,12}\.?,?(?:\s(?:de\s)?\d{4})|[^\W\d]{3,12}\.?\s\d{1,2}(?:st|nd|rd|th)?,?\s\d{4}|"
    r"\d{4}年\d{1,2}月\d{1,2}日|\d{1,2}[:.h]\d\d(?::\d\d)?(?:\s?(?:[ap]\.?m\.?|uhr))?|\b(?:UTC|GMT|CES?T|E[SD]?T|P[SD]T|MSK|EES?T|Z)\b",
    re.IGNORECASE,
)
_COUNTER = re.compile(
    r"(?<!\w)[\d.,]+\s*[km]?\s*(?:views?|reads?|shares?|comments?|likes?|reactions?|votes?|aufrufe|kommentare|ansichten|vues|commentaires|partages|vistas|comentarios|lecturas|visualizzazioni|commenti|visualizações|comentários|wyświetle\w+|komentarz\w*|просмотр\w*|комментари\w*|перегляд\w*|коментар\w*|次浏览|阅读|评论)(?!\w)"
    r"|(?<!\w)(?:views?|reads?|shares?|comments?|likes?|просмотров|переглядів|阅读|浏览)\s*[:：(]?\s*[\d.,]+[km]?\)?"
    r"|(?<!\w)\d+\s*(?:sec(?:ond)?s?|min(?:ute)?s?|h(?:ou)?rs?|days?|weeks?)\s+ago(?!\w)|(?<!\w)(?:vor|il y a|hace)\s+\d+\s+\w+|(?<!\w)\d+\s+\w+\s+(?:fa|atrás|temu|назад|тому)(?!\w)"
    r"|(?<!\w)\d+\s*min(?:ute)?s?\.?\s(?:read|lesezeit|de lecture)(?!\w)",
    re.IGNORECASE,
)


def without_furniture(paragraph: str) -> str:
    """The paragraph without what counts up by itself; empty when it is a time stamp."""
    if len(paragraph) > 400 or len(paragraph.split()) > _MAX_WORDS or paragraph.rstrip()[-1:] in (*".!?…。", ""):
        return paragraph
    is_dated = any(character.isdigit() for character in paragraph)
    if is_dated and (_STAMP.match(paragraph) or not re.search(r"\w", _MOMENT.sub(" ", paragraph))):
        return ""
    return _COUNTER.sub(" ", paragraph)
