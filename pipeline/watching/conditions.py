"""Conditions on stories, as people write them: `type = 'force' and actor = 'RUS' and independent_origins >= 2`.

Parsed here, over a closed list of columns, into frozen values; pipeline/store/conditions.py makes a query of those. No
text of a condition ever reaches SQL as syntax: only its values do, as parameters.

    condition  = all { OR all }
    all        = one { AND one }
    one        = NOT one | "(" condition ")" | comparison
    comparison = column ( = | != | <> | < | <= | > | >= ) value
               | column [NOT] IN "(" value { "," value } ")"
               | column [NOT] LIKE 'pattern'
               | column IS [NOT] NULL
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from pipeline.outcomes import PolicyType, SourceKind, Standing, StoryStatus

LONGEST_CHARS = 2_000
DEEPEST = 40
MOST_VALUES = 200

Value = str | int | float | datetime


class ConditionError(ValueError):
    """The condition can't be read. `position` is the place in the text, in characters from 0."""

    def __init__(self, message: str, text: str, position: int) -> None:
        super().__init__(message)
        self.text = text
        self.position = position

    def pointed(self) -> str:
        """The fault, the condition on one line, and a mark under the place."""
        line = re.sub(r"\s", " ", self.text)
        start = max(0, self.position - 60)
        return f"{self}\n  {line[start : start + 120]}\n  {' ' * (self.position - start)}^"


class Kind(StrEnum):
    """What a column holds."""

    TEXT = "text"
    NUMBER = "number"
    INSTANT = "instant"


@dataclass(frozen=True, slots=True)
class ColumnFacts:
    """What a column of a condition holds: `words` are all the values it can have, empty where it is open."""

    kind: Kind
    words: tuple[str, ...] = ()


# The columns have the names and the meaning that they have in the views (docs/sql.md). Of the first six a story has any
# number: `=` holds if one of them is the value, `!=` if none is.
COLUMNS: dict[str, ColumnFacts] = {
    "type": ColumnFacts(Kind.TEXT, tuple(PolicyType)),
    "actor": ColumnFacts(Kind.TEXT),
    "standing": ColumnFacts(Kind.TEXT, tuple(Standing)),
    "source_kind": ColumnFacts(Kind.TEXT, tuple(SourceKind)),
    "place": ColumnFacts(Kind.TEXT),
    "country": ColumnFacts(Kind.TEXT),
    "title": ColumnFacts(Kind.TEXT),
    "standfirst": ColumnFacts(Kind.TEXT),
    "text": ColumnFacts(Kind.TEXT),
    "url": ColumnFacts(Kind.TEXT),
    "site": ColumnFacts(Kind.TEXT),
    "source": ColumnFacts(Kind.TEXT),
    "language": ColumnFacts(Kind.TEXT),
    "section": ColumnFacts(Kind.TEXT),
    "dateline": ColumnFacts(Kind.TEXT),
    "access": ColumnFacts(Kind.TEXT),
    "status": ColumnFacts(Kind.TEXT, tuple(StoryStatus)),
    "score": ColumnFacts(Kind.NUMBER),
    "word_count": ColumnFacts(Kind.NUMBER),
    "revision": ColumnFacts(Kind.NUMBER),
    "published_at": ColumnFacts(Kind.INSTANT),
    "stored_at": ColumnFacts(Kind.INSTANT),
    "independent_origins": ColumnFacts(Kind.NUMBER),
    "event_origins": ColumnFacts(Kind.NUMBER),
    "copies": ColumnFacts(Kind.NUMBER),
    "sites": ColumnFacts(Kind.NUMBER),
    "stories": ColumnFacts(Kind.NUMBER),
}


@dataclass(frozen=True, slots=True)
class Comparison:
    """`column operator values`; the operator is = != < <= > >= in, not in, like, not like, is null or is not null."""

    column: str
    operator: str
    values: tuple[Value, ...] = ()


@dataclass(frozen=True, slots=True)
class Every:
    """All parts hold."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Some:
    """At least one part holds."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Negation:
    """The part does not hold."""

    part: Condition


Condition = Comparison | Every | Some | Negation

_TOKEN = re.compile(
    r"\s*(?:(?P<string>'(?:[^']|'')*')|(?P<number>-?\d+(?:\.\d+)?(?![\w.]))|(?P<word>[A-Za-z_]\w*)"
    r"|(?P<sign><=|>=|!=|<>|=|<|>|\(|\)|,))"
)
_SIGNS = {"=": "=", "!=": "!=", "<>": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
_KEYWORDS = {"and", "or", "not", "in", "like", "is", "null"}


@dataclass(frozen=True, slots=True)
class _Token:
    """A piece of the text: its kind (string, number, word, keyword, sign, end), what it says, and where it stands."""

    kind: str
    said: str
    position: int


def parse_condition(text: str) -> Condition:
    """The condition that `text` says; raises ConditionError, with the place, for anything that is not one."""
    if len(text) > LONGEST_CHARS:
        raise ConditionError(f"a condition has at most {LONGEST_CHARS} characters", text, LONGEST_CHARS)
    parser = _Parser(text, _tokens(text))
    condition = parser.some(0)
    parser.expect_end()
    return condition


def columns_of(condition: Condition) -> frozenset[str]:
    """The columns that a condition looks at."""
    match condition:
        case Comparison(column=column):
            return frozenset({column})
        case Negation(part=part):
            return columns_of(part)
        case Every(parts=parts) | Some(parts=parts):
            return frozenset().union(*(columns_of(part) for part in parts))


def _tokens(text: str) -> list[_Token]:
    found, place = [], 0
    end = len(text.rstrip())
    while place < end:
        match = _TOKEN.match(text, place)
        if match is None:
            start = place + len(text[place:]) - len(text[place:].lstrip())
            fault = "this quotation has no end" if text[start] == "'" else f"{text[start]!r} has no meaning here"
            raise ConditionError(fault, text, start)
        kind = str(match.lastgroup)
        said = match[kind]
        if kind == "word" and said.lower() in _KEYWORDS:
            kind, said = "keyword", said.lower()
        found.append(_Token(kind, said, match.start(match.lastgroup or 0)))
        place = match.end()
    return [*found, _Token("end", "", end)]


class _Parser:
    """Recursive descent over the tokens, at most DEEPEST levels deep."""

    def __init__(self, text: str, tokens: list[_Token]) -> None:
        self._text = text
        self._tokens = tokens
        self._next = 0

    def some(self, depth: int) -> Condition:
        """`all { OR all }`."""
        parts = self._joined("or", lambda: self._every(depth))
        return parts[0] if len(parts) == 1 else Some(tuple(parts))

    def expect_end(self) -> None:
        """Nothing is left; otherwise the fault is where the rest begins."""
        if self._here.kind != "end":
            raise self._fault("AND, OR or the end was expected")

    def _every(self, depth: int) -> Condition:
        parts = self._joined("and", lambda: self._one(depth))
        return parts[0] if len(parts) == 1 else Every(tuple(parts))

    def _joined(self, keyword: str, read: Callable[[], Condition]) -> list[Condition]:
        parts = [read()]
        while self._takes("keyword", keyword):
            parts.append(read())
        return parts

    def _one(self, depth: int) -> Condition:
        if depth > DEEPEST:
            raise self._fault(f"parentheses go {DEEPEST} levels deep at most")
        if self._takes("keyword", "not"):
            return Negation(self._one(depth + 1))
        if self._takes("sign", "("):
            inner = self.some(depth + 1)
            self._expect(")")
            return inner
        return self._comparison()

    def _comparison(self) -> Condition:
        token = self._here
        name = token.said.lower()
        if token.kind != "word":
            raise self._fault("the name of a column was expected")
        if name not in COLUMNS:
            raise self._fault(f"there is no column {token.said}; there are {', '.join(COLUMNS)}")
        self._next += 1
        sign = self._here
        if sign.kind == "sign" and sign.said in _SIGNS:
            self._next += 1
            return Comparison(name, _SIGNS[sign.said], (self._value(name),))
        if self._takes("keyword", "is"):
            negated = self._takes("keyword", "not")
            self._expect("null")
            return Comparison(name, "is not null" if negated else "is null")
        negation = "not " if self._takes("keyword", "not") else ""
        if self._takes("keyword", "in"):
            return Comparison(name, f"{negation}in", self._values(name))
        if self._takes("keyword", "like"):
            return Comparison(name, f"{negation}like", (self._pattern(name),))
        raise self._fault(f"after {name} one of = != < <= > >= IN LIKE IS was expected")

    def _values(self, column: str) -> tuple[Value, ...]:
        self._expect("(")
        values = [self._value(column)]
        while self._takes("sign", ","):
            values.append(self._value(column))
            if len(values) > MOST_VALUES:
                raise self._fault(f"a list has at most {MOST_VALUES} values")
        self._expect(")")
        return tuple(values)

    def _pattern(self, column: str) -> str:
        if COLUMNS[column].kind is not Kind.TEXT or COLUMNS[column].words:
            raise self._fault(f"{column} is no free text, LIKE has no meaning for it")
        if self._here.kind != "string":
            raise self._fault("a pattern in single quotes was expected, like '%ceasefire%'")
        return self._said_string()

    def _value(self, column: str) -> Value:
        facts, token = COLUMNS[column], self._here
        if facts.kind is Kind.NUMBER:
            if token.kind != "number":
                raise self._fault(f"{column} is compared with a number")
            self._next += 1
            return float(token.said) if "." in token.said else int(token.said)
        if token.kind != "string":
            wanted = "an instant like '2024-05-31T12:00Z'" if facts.kind is Kind.INSTANT else "a text"
            raise self._fault(f"{column} is compared with {wanted} in single quotes")
        said = self._said_string()
        if facts.kind is Kind.INSTANT:
            return self._instant(said, token)
        if facts.words and said not in facts.words:
            words = ", ".join(facts.words)
            raise ConditionError(f"{column} is never {said!r}; it is one of {words}", self._text, token.position)
        return said

    def _instant(self, said: str, token: _Token) -> datetime:
        try:
            instant = datetime.fromisoformat(said)
            return (instant if instant.tzinfo else instant.replace(tzinfo=UTC)).astimezone(UTC)
        except (ValueError, OverflowError):
            raise ConditionError(f"{said!r} is no ISO 8601 date or instant", self._text, token.position) from None

    def _said_string(self) -> str:
        token = self._here
        self._next += 1
        said = token.said[1:-1].replace("''", "'")
        if "\x00" in said:
            raise ConditionError("a text can't hold a zero byte", self._text, token.position)
        return said

    @property
    def _here(self) -> _Token:
        return self._tokens[self._next]

    def _takes(self, kind: str, said: str) -> bool:
        is_there = (self._here.kind, self._here.said) == (kind, said)
        self._next += is_there
        return is_there

    def _expect(self, said: str) -> None:
        if self._here.said != said or self._here.kind not in ("sign", "keyword"):
            raise self._fault(f"{said.upper()} was expected")
        self._next += 1

    def _fault(self, message: str) -> ConditionError:
        return ConditionError(message, self._text, self._here.position)
