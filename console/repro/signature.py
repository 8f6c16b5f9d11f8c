"""What an answer looks like, and whether two failures are the same one."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Any

from console.domain.logs import Level, LogRecord
from console.domain.text import SafeText
from console.domain.values import dataclass
from console.guard.sanitise import safe

_VARYING = re.compile(
    r"\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b|\b0x[0-9a-fA-F]+\b|\b[0-9a-fA-F]{12,}\b|\d+(?:[.,:]\d+)*"
)
_ERROR_TYPE = re.compile(r"\b([A-Z][A-Za-z0-9_]*(?:Error|Exception|Timeout|Fault|Failure|Panic))\b")
_EXCEPTION_LINE = re.compile(
    r"\b(?:[A-Za-z_][\w.]*\.)?[A-Z]\w*(?:Error|Exception|Timeout|Fault|Failure|Panic|Exit)\b(?:: [^\n]*)?"
)
_REQUEST_LINE = re.compile(r"[A-Z][A-Z-]{2,15} \S+(?: HTTP/[\d.]+)?(?: \d{3})?")
MOST_ERROR = 120
_KEYS = ("type", "error_type", "exception", "error_code", "code", "error", "kind", "name", "title")
_TOKEN = re.compile(r"[A-Za-z_][\w.:-]{0,63}")
MOST_LOOKED_AT = 64 << 10


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one try."""

    status: int | None
    """None where no whole answer came."""
    elapsed_s: float
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    cut: bool = False
    """The body was longer than what is read."""
    problem: SafeText = SafeText("")
    """Why no whole answer came: a time-out, a refused connection."""
    trace_id: str = ""
    """Sent with this try, so that its log lines and spans can be found."""
    retry_after_s: float | None = None
    location: SafeText = SafeText("")
    """Where a redirect leads; it is never followed."""
    bytes: int = 0
    logged: str = ""
    """What the log lines of this try's trace say of the error, without what varies; empty where they were not found."""


class Kind(StrEnum):
    """How a try compares with the failure that is looked for."""

    FAILS = "fails"
    PASSES = "passes"
    DIFFERENT = "different"
    """It fails, in another way."""
    UNRESOLVED = "unresolved"
    """No answer: it says neither."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What counts as the failure before any was seen."""

    status: int | None = None
    """This status exactly; None: any 5xx, unless `slow_s` or `text` says what fails."""
    slow_s: float | None = None
    """Answers that take at least so long fail."""
    text: str | None = None
    """Answers that hold this text fail."""

    def failing(self, outcome: Outcome) -> bool:
        """Whether an answer is the failure."""
        if outcome.status is None:
            return False
        if self.slow_s is not None and outcome.elapsed_s < self.slow_s:
            return False
        if self.text is not None and self.text.encode() not in outcome.body:
            return False
        if self.status is not None:
            return outcome.status == self.status
        return self.slow_s is not None or self.text is not None or outcome.status >= 500


@dataclass(frozen=True, slots=True)
class Signature:
    """What makes a failure the same failure."""

    status: int
    error: str
    """Normalised error type or code; empty where the answer names none."""
    body: str | None
    """Fingerprint of the body without what varies; None where it varied between tries."""
    slow_s: float | None = None
    text: str | None = None
    from_logs: bool = False
    """The error is known from log lines: an answer whose lines were not found says neither."""

    def __str__(self) -> str:
        parts = [f"{self.status // 100}xx", str(self.status)]
        parts += [self.error] if self.error else []
        parts += [f"body {self.body}"] if self.body else []
        parts += [f"≥ {self.slow_s:g} s"] if self.slow_s is not None else []
        return safe(" ".join(parts), 200)

    def kind(self, outcome: Outcome) -> Kind:
        """How a try compares."""
        if outcome.status is None or outcome.status == 429:
            return Kind.UNRESOLVED
        wanted = Wanted(self.status, self.slow_s, self.text)
        if not wanted.failing(outcome):
            return Kind.DIFFERENT if outcome.status >= 400 and outcome.status != self.status else Kind.PASSES
        if self.from_logs and not outcome.logged:
            return Kind.UNRESOLVED
        if self.error and error_of(outcome) != self.error:
            return Kind.DIFFERENT
        if self.body is not None and fingerprint(outcome) != self.body:
            return Kind.DIFFERENT
        return Kind.FAILS


def signature_of(failures: Sequence[Outcome], wanted: Wanted) -> Signature | None:
    """The signature that most of the failing tries share; None without any."""
    if not failures:
        return None
    (status, error), _ = Counter((one.status, error_of(one)) for one in failures).most_common(1)[0]
    alike = [one for one in failures if (one.status, error_of(one)) == (status, error)]
    prints = {fingerprint(one) for one in alike}
    assert status is not None
    body = prints.pop() if len(prints) == 1 and len(alike) > 1 and wanted.slow_s is None else None
    return Signature(status, error, body, wanted.slow_s, wanted.text, any(one.logged for one in alike))


def error_of(outcome: Outcome) -> str:
    """The type or code of an error: from the log lines of its trace, a field of its JSON, or an exception named in its text."""
    if outcome.logged:
        return outcome.logged
    try:
        named = _named(json.loads(outcome.body[:MOST_LOOKED_AT]))
    except (ValueError, RecursionError):
        named = None
    if named:
        return named
    match = _ERROR_TYPE.search(outcome.body[:MOST_LOOKED_AT].decode("utf-8", "replace"))
    return match[1] if match else ""


def _named(value: Any, depth: int = 0) -> str | None:
    if not isinstance(value, dict) or depth > 3:
        return None
    for key in _KEYS:
        inner = value.get(key)
        if isinstance(inner, str):
            match = _ERROR_TYPE.search(inner) or (_TOKEN.fullmatch(inner) if " " not in inner else None)
            if match:
                return match.group()
        if isinstance(inner, dict) and (found := _named(inner, depth + 1)):
            return found
    return None


def logged_error(texts: Sequence[str]) -> str:
    """What the texts of error records say, oldest first, without what varies: an exception with its message, else the first line.

    The oldest exception counts, since causes are logged before those that suffer from them; of one text the last, which is where
    a traceback tells what it is about.
    """
    for text in texts:
        matches = _EXCEPTION_LINE.findall(text)
        if matches:
            return _settled(matches[-1])
    return _settled(texts[0]) if texts else ""


def errors_told(records: Iterable[LogRecord]) -> list[str]:
    """What the error records of a trace say, oldest first; those that tell how a request ended come after all others, and a line
    that only repeats the request, as access logs do, says nothing."""
    telling = [one for one in records if one.level >= Level.ERROR and not _REQUEST_LINE.fullmatch(one.message)]
    return [text for one in sorted(telling, key=lambda one: one.status is not None) for text in error_texts(one)]


def error_texts(record: LogRecord) -> list[str]:
    """The texts of a record that may name an exception, the most telling last."""
    fields = [
        str(value)
        for name, value in record.fields
        if "exc" in name.lower() or "err" in name.lower() or "stack" in name.lower()
    ]
    whole = "\n".join([str(record.message), *record.extra])
    return [whole, *fields]


def _settled(text: str) -> str:
    return " ".join(_VARYING.sub("#", text).split())[:MOST_ERROR]


def fingerprint(outcome: Outcome) -> str:
    """Eight digits that stand for a body without its numbers, ids and times."""
    text = _VARYING.sub("#", outcome.body[:MOST_LOOKED_AT].decode("utf-8", "replace"))
    return hashlib.sha256(" ".join(text.split()).encode()).hexdigest()[:8]
