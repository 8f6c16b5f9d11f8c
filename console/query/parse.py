"""The log query language: text to syntax tree.

    timeout "connection refused"        both texts, whatever their case
    /timed? out after \\d+/              a regular expression; /…/i ignores case
    service:checkout level:>=warn       fields; `*` in a value matches anything: operation:"POST /*"
    status:5xx latency:>2s user_id:>=7  classes, spans of time, numbers
    status_code:5xx duration:>2s        other names of such a field mean the same, where the value makes sense for it
    -healthz  NOT level:debug           exclusion
    (a OR b) AND c                      terms side by side are all required

A path such as `/api/orders` is a word: only a slash that is closed, and followed by a blank, makes a regular expression.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from console.domain.instant import BadTime, parse_span
from console.domain.logs import Level
from console.guard.sanitise import safe
from console.query.aliases import meaning_of
from console.query.ast import And, FieldTest, Literal, Not, Or, Query, Regex
from console.query.regex import BadPattern, check

LONGEST = 4096
DEEPEST = 40
LEVEL_WORDS: dict[str, Level] = {
    **{level.word: level for level in Level},
    "warning": Level.WARN,
    "err": Level.ERROR,
    "critical": Level.FATAL,
    "crit": Level.FATAL,
    "information": Level.INFO,
}
"""What may stand behind `level:`."""
OPERATORS = (">=", "<=", ">", "<", "=")

_FIELD = re.compile(r"(?P<name>[A-Za-z_@][\w.@/-]*):(?=[^\s:)])(?!//)")
_UNSAID = re.compile(r"(?P<name>[A-Za-z_@][\w.@/-]*):(?=[\s)]|$)")
"""A name of a field with nothing behind it."""
OWN_FIELDS = ("service", "level", "status", "operation", "latency", "message", "trace_id", "source", "file")
"""Names that mean the record's own, whatever its format calls them."""
_STATUS = re.compile(r"[1-5]xx|[1-5]\d\d|[1-5]?[\d*]*\*[\d*]*", re.IGNORECASE)
_HTTP = re.compile(r"[1-5]\d\d")
_NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?")
_META = re.compile(r"[\\*+?()\[\]|^$]")


NO_NAMES: Mapping[str, str] = {}


class QueryError(ValueError):
    """A query that cannot be understood: what is wrong, at which column (from 1), and what to write instead."""

    def __init__(self, sentence: str, column: int) -> None:
        super().__init__(f"query, column {column}: {sentence}")
        self.sentence = sentence
        self.column = column


def parse(text: str, names: Mapping[str, str] = NO_NAMES) -> Query | None:
    """The syntax tree of a query; None for a blank one, which every record matches.

    Args:
        names: What else the record's own fields are called, lower case, and which they are: they mean the same.

    Raises:
        QueryError: With the column of the first problem.
    """
    if len(text) > LONGEST:
        raise QueryError(f"the query has {len(text)} characters; {LONGEST} is the limit", LONGEST)
    parser = _Parser(text, names)
    if parser.at_end():
        return None
    query = parser.either(0)
    if not parser.at_end():
        raise QueryError("this parenthesis closes nothing", parser.position + 1)
    return query


@dataclass
class _Parser:
    """A recursive descent over the text."""

    text: str
    names: Mapping[str, str] = field(default_factory=dict)
    position: int = 0

    def at_end(self) -> bool:
        """Whether only blanks are left."""
        while self.position < len(self.text) and self.text[self.position].isspace():
            self.position += 1
        return self.position >= len(self.text)

    def either(self, depth: int) -> Query:
        """`a OR b OR c`."""
        parts = [self.every(depth)]
        while self._keyword("OR"):
            parts.append(self.every(depth))
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def every(self, depth: int) -> Query:
        """`a b AND c`."""
        parts = [self.term(depth)]
        while not self.at_end() and self.text[self.position] != ")" and not self._sees("OR"):
            self._keyword("AND")
            parts.append(self.term(depth))
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def term(self, depth: int) -> Query:
        """One term, negated or not, or a group."""
        if depth > DEEPEST:
            raise QueryError(f"parentheses and negations are nested more than {DEEPEST} deep", self.position + 1)
        if self.at_end():
            raise QueryError("a term is missing at the end", len(self.text) + 1)
        start = self.position
        for word in ("AND", "OR"):
            if self._sees(word):
                raise QueryError(f'{word} needs a term before it; for the word itself write "{word}"', start + 1)
        if self._keyword("NOT"):
            return Not(self.term(depth + 1))
        sign = self.text[start]
        if sign == "-" and start + 1 < len(self.text) and not self.text[start + 1].isspace():
            self.position += 1
            return Not(self.term(depth + 1))
        if sign == ")":
            raise QueryError("this parenthesis closes nothing, or a term is missing before it", start + 1)
        if sign == "(":
            return self._group(depth)
        if sign == '"':
            return Literal(self._quoted())
        if sign == "/":
            return self._slashed()
        return self._word()

    def _group(self, depth: int) -> Query:
        start = self.position
        self.position += 1
        inner = self.either(depth + 1)
        if self.at_end() or self.text[self.position] != ")":
            raise QueryError("this parenthesis is never closed", start + 1)
        self.position += 1
        return inner

    def _quoted(self) -> str:
        start = self.position
        match = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL).match(self.text, start)
        if match is None:
            raise QueryError("this quotation mark is never closed", start + 1)
        if not match[1]:
            raise QueryError("an empty phrase matches nothing in particular: leave it out", start + 1)
        self.position = match.end()
        return re.sub(r'\\(["\\])', r"\1", match[1])

    def _slashed(self) -> Query:
        """A regular expression, or a path."""
        start = self.position
        match = re.compile(r"/((?:[^/\\\n]|\\.)+)/(i?)(?=[\s)]|$)").match(self.text, start)
        if match is None:
            word = self._bare()
            if _META.search(word):
                raise QueryError(
                    "the regular expression that begins here is never closed with /; quote a text that begins with /",
                    start + 1,
                )
            return Literal(word)
        pattern = match[1].replace("\\/", "/")
        if match[2]:
            pattern = f"(?i){pattern}"
        try:
            check(pattern)
        except BadPattern as error:
            raise QueryError(str(error), start + 2 + min(error.position, len(match[1]))) from None
        self.position = match.end()
        return Regex(pattern)

    def _word(self) -> Query:
        start = self.position
        match = _FIELD.match(self.text, start)
        if match is None:
            self._check_said(start)
            return Literal(self._bare())
        self.position = match.end()
        operator = next((o for o in OPERATORS if self.text.startswith(o, self.position)), "")
        self.position += len(operator)
        column = self.position + 1
        if self.position >= len(self.text) or self.text[self.position].isspace() or self.text[self.position] == ")":
            raise QueryError(f"a value is missing behind {self.text[start : self.position]}", column)
        if self.text[self.position] == "(":
            name = match["name"]
            told = f'write ({name}:… OR {name}:…), or {self.text[start : self.position]}"(…" for the sign itself'
            raise QueryError(f"a field takes one value: {told}", column)
        value = self._quoted() if self.text[self.position] == '"' else self._bare()
        return _field_test(match["name"], operator or "=", value, column, self.names)

    def _check_said(self, start: int) -> None:
        """Refuse a field without a value; `error: refused`, which logs write, is text."""
        match = _UNSAID.match(self.text, start)
        if match is None:
            return
        rest = self.text[match.end() :].lstrip()
        if not rest or rest[0] == ")" or match["name"].lower() in OWN_FIELDS:
            said = match["name"]
            raise QueryError(f'a value is missing behind {said}:; for the text itself write "{said}:"', match.end() + 1)

    def _bare(self) -> str:
        """Characters up to a blank, a quotation mark or a parenthesis that the word itself did not open."""
        start = self.position
        open_ones = 0
        while self.position < len(self.text):
            sign = self.text[self.position]
            if sign.isspace() or sign == '"' or (sign == ")" and open_ones == 0):
                break
            open_ones += (sign == "(") - (sign == ")")
            self.position += 1
        return self.text[start : self.position]

    def _sees(self, word: str) -> bool:
        end = self.position + len(word)
        if not self.text.startswith(word, self.position):
            return False
        return end == len(self.text) or self.text[end].isspace() or self.text[end] in '()"'

    def _keyword(self, word: str) -> bool:
        if self.at_end() or not self._sees(word):
            return False
        self.position += len(word)
        return True


def _field_test(name: str, operator: str, value: str, column: int, names: Mapping[str, str]) -> Query:
    """A field test whose value makes sense for its field, by the record's own name of it where it is a test of that."""
    field = name.lower()
    given = names.get(field) if field not in OWN_FIELDS else None
    meaning = given or meaning_of(name)
    if given == "message" and operator == "=":
        # Other sources may have a field of that name.
        return Or((FieldTest(name, operator, value), FieldTest("message", operator, value)))
    if field != meaning and _is_of(meaning, operator, value):
        name = field = meaning
    if field == "level" and value.lower() not in LEVEL_WORDS and "*" not in value:
        close = difflib.get_close_matches(value.lower(), LEVEL_WORDS, n=1, cutoff=0.5)
        hint = f"did you mean {close[0]}?" if close else "levels are " + ", ".join(level.word for level in Level)
        raise QueryError(f"there is no level {safe(value, 40)!r}; {hint}", column)
    if field == "status":
        _check_status(operator, value, column)
    elif field == "latency":
        _check_latency(value, column)
    elif operator in (">", ">=", "<", "<=") and field != "level" and _NUMBER.fullmatch(value) is None:
        needed = {"latency": "a span such as 2s, or a number", "level": "a level, or a number"}.get(meaning, "a number")
        raise QueryError(f"{operator} needs {needed}, and {safe(value, 40)!r} is none", column)
    return FieldTest(name, operator, value)


def _is_of(meaning: str, operator: str, value: str) -> bool:
    """Whether a test under another name of a level, status or latency is one of the record's own, by its value.

    Numbers of levels and latencies are compared as they were written; those that are no HTTP status may be exit codes.
    """
    match meaning:
        case "level":
            return value.lower() in LEVEL_WORDS
        case "status":
            return (_STATUS if operator == "=" else _HTTP).fullmatch(value) is not None
        case "latency":
            return _NUMBER.fullmatch(value) is None and _is_span(value)
        case _:
            return False


def _is_span(value: str) -> bool:
    try:
        parse_span(value)
    except BadTime:
        return False
    return True


def _check_status(operator: str, value: str, column: int) -> None:
    if operator == "=" and _STATUS.fullmatch(value):
        return
    if operator != "=" and value.isdecimal():
        return
    raise QueryError(f"a status is 503, 5xx or >=500, and {safe(value, 40)!r} is none of these", column)


def _check_latency(value: str, column: int) -> None:
    if not _is_span(value):
        raise QueryError(f"a latency is a span such as 250ms or 2s, and {safe(value, 40)!r} is none", column)
