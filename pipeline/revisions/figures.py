"""Figures that a revision replaced: "killed 12" that became "killed 19", with the words around them."""

# ruff: noqa: SIM905 - a list of words is read as a line of words

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from pipeline.revisions.diffing import Edit, Hunk

MAX_FIGURES = 20
_NEAR_CHARS = 60
# Words that are as much a figure as digits are. "One" and "a" are not: they mostly are articles.
_SPELLED = frozenset(
    """
    two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen
    nineteen twenty thirty forty fifty sixty seventy eighty ninety dozen dozens hundred hundreds thousand thousands
    million millions billion zwei drei vier fünf sechs sieben acht neun zehn elf zwölf zwanzig dutzend dutzende
    hundert hunderte tausend tausende millionen milliarden deux trois quatre cinq sept huit neuf dix onze douze
    quinze vingt cent centaine centaines mille millions milliards dos tres cuatro cinco seis siete ocho nueve diez
    once doce quince veinte cien ciento cientos mil millones due tre quattro cinque sei sette otto dieci dodici
    cento mila dois três quatro cinco sete oito nove dez doze dwa trzy cztery pięć sześć siedem osiem dziewięć
    dziesięć dwanaście dwóch trzech два две три четыре пять шесть семь восемь девять десять двенадцать двое трое
    четверо пятеро сотни тысячи дві чотири п'ять шість сім вісім дев'ять десять дванадцять двоє троє четверо п'ятеро
    сотні тисячі 二 三 四 五 六 七 八 九 十 百 千 万
    """.split()
)
# Deadlines, mortars and skills are none.
_CASUALTY = re.compile(
    r"\bkill|\bdead(?!l(?:ine|ock))|\bdeaths?\b|\bdied\b|\bfatal|\bwounded\b|\binjur|casualt|\bmissing\b|\bcaptured\b|\babduct|"
    r"\bhostage|\bdisplaced\b|\bvictims?\b|getötet|\btote[nr]?\b|verletzt|vermisst|\bopfer\b|\bmort(?:e?s|e|i|os)?\b|\btué|\bbless[ée]|"
    r"\bdisparus\b|\bmuert|\bfallecid|\bherid|\bdesaparecid|\bferit|\buccis|\bferidos\b|\bzabit|\branny|\bzgin|\bofiar|"
    r"погиб|убит|ранен|загин|вбит|поранен|жертв|死|伤|傷|قتيل|قتل|جريح|جرح",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure that was replaced: `old` and `new` as they stand in the text, `near` the new words around it."""

    old: str
    new: str
    near: str
    is_casualty: bool


def replaced_figures(hunk: Hunk) -> list[Figure]:
    """The figures of a hunk that stand in one another's place, at most MAX_FIGURES; none when it was not aligned.

    A run of deleted words and the run of inserted words beside it are paired figure by figure when both have as many;
    one that only came or only went is other words of the text.
    """
    if hunk.edits is None:
        return []
    found = []
    for before, deleted, inserted, after in _replacements(hunk.edits):
        old, new = _figures(deleted), _figures(inserted)
        if not old or len(old) != len(new):
            continue
        near = f"{before[-_NEAR_CHARS:]}{inserted}{after[:_NEAR_CHARS]}"
        is_casualty = _CASUALTY.search(_sentence(near, len(before[-_NEAR_CHARS:]))) is not None
        found += [Figure(a, b, near.strip(), is_casualty) for a, b in zip(old, new, strict=True) if a != b]
    return found[:MAX_FIGURES]


def _replacements(edits: tuple[Edit, ...]) -> Iterator[tuple[str, str, str, str]]:
    """Each (text before, deleted, inserted, text after) where something stands in the place of something else."""
    kept: deque[str] = deque(maxlen=3)
    deleted = ""
    for number, edit in enumerate(edits):
        if edit.kind == "inserted" and deleted:
            after = edits[number + 1].text if number + 1 < len(edits) else ""
            yield "".join(kept), deleted, edit.text, after
        deleted = edit.text if edit.kind == "deleted" else ""
        if edit.kind != "deleted":
            kept.append(edit.text)


def _figures(text: str) -> list[str]:
    words = re.findall(r"\d+(?:[.,:]\d+)*|[^\W\d_]+(?:['’]\w+)*", text)
    return [word for word in words if word[0].isdigit() or word.casefold() in _SPELLED]


def _sentence(text: str, at: int) -> str:
    """The sentence of `text` that holds the character at `at`."""
    start = max(text.rfind(mark, 0, at) for mark in (". ", "! ", "? ", "\n", "。"))
    ends = [end for mark in (". ", "! ", "? ", "\n", "。") if (end := text.find(mark, at)) >= 0]
    return text[start + 1 : min(ends, default=len(text))]
