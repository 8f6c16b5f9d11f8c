"""The HTTP API of Prometheus, and of everything that speaks it: Thanos, Mimir, VictoriaMetrics."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass as open_dataclass
from dataclasses import field
from typing import TypeVar

import msgspec

from console.domain.instant import Instant
from console.domain.text import SafeText
from console.domain.values import dataclass
from console.guard.sanitise import safe
from sources.answers import Answer, checked, decoded, retry_after
from sources.base import SourceError, SourceGarbage, SourceRefused, SourceThrottled, SourceTimeout, SourceUnavailable
from sources.http import Params, Site

MOST_SERIES = 5_000
"""Series of one answer that are taken; how many there were is said."""
MOST_POINTS = 10_900
"""Points of one series in one answer; Prometheus refuses more than 11,000."""
HUGE = 1e100
"""No quantity of a running system is larger; such values are overflow, and gaps."""

PROGRAM = "Prometheus"

Labels = dict[str, str]
_T = TypeVar("_T")


class _Sample(msgspec.Struct):
    metric: Labels
    value: tuple[float, str | float | None] | None = None


class _Stream(msgspec.Struct):
    metric: Labels
    values: list[tuple[float, str | float | None]] = []


class _Data(msgspec.Struct):
    resultType: str = ""
    result: msgspec.Raw = msgspec.Raw(b"[]")


class _Body(msgspec.Struct):
    status: str
    data: msgspec.Raw = msgspec.Raw(b"null")
    errorType: str = ""
    error: str = ""
    warnings: list[str] = []


@dataclass(frozen=True, slots=True)
class Stream:
    """One series of an answer. What was no finite number is left out: it is a gap."""

    labels: Labels
    points: list[tuple[Instant, float]]


@dataclass(frozen=True, slots=True)
class Result:
    """Series, and what the server said about them."""

    streams: tuple[Stream, ...]
    warnings: tuple[SafeText, ...] = ()
    found: int = 0
    """Series in the answer, before the cap."""
    skew_s: float | None = None
    """How far the server's clock is ahead; None where the answer does not tell, or tells less than its own margin."""
    not_finite: int = 0
    """Values that were NaN, infinite or absent."""


@open_dataclass(slots=True)
class PromApi:
    """Queries to one server.

    Args:
        site: Where its API is, below `/api/v1`.
        deadline_s: For one query; also sent, so that the server stops working when nobody waits any more.
    """

    site: Site
    deadline_s: float
    _params: list[tuple[str, str]] = field(init=False)

    def __post_init__(self) -> None:
        self._params = [("timeout", f"{max(1.0, self.deadline_s - 1):g}s"), ("limit", str(MOST_SERIES))]

    async def instant(self, query: str, at: Instant) -> Result:
        """The value of an expression at one moment.

        Raises:
            SourceError: Of every kind.
        """
        body, answer = await self._ask("/api/v1/query", [("query", query), ("time", f"{at:.3f}"), *self._params])
        samples = self._result(body, answer, "vector", list[_Sample])
        streams = [_Stream(s.metric, [s.value] if s.value is not None else []) for s in samples]
        return self._shaped(streams, body, answer)

    async def range(self, query: str, start: Instant, end: Instant, step_s: float) -> Result:
        """The values of an expression at `start`, `start + step`, … up to `end`.

        Raises:
            SourceError: Of every kind.
        """
        span = [("start", f"{start:.3f}"), ("end", f"{end:.3f}"), ("step", f"{step_s:g}")]
        body, answer = await self._ask("/api/v1/query_range", [("query", query), *span, *self._params])
        return self._shaped(self._result(body, answer, "matrix", list[_Stream]), body, answer)

    async def labels(self, match: Sequence[str], start: Instant, end: Instant) -> list[str]:
        """Names of the labels of the series that a selector finds.

        Raises:
            SourceError: Of every kind.
        """
        params = [*(("match[]", m) for m in match), ("start", f"{start:.3f}"), ("end", f"{end:.3f}")]
        body, answer = await self._ask("/api/v1/labels", params)
        try:
            return msgspec.json.decode(body.data, type=list[str])
        except msgspec.DecodeError as error:
            raise SourceGarbage(f"{answer.url}: not {PROGRAM}: {error}") from None

    async def _ask(self, path: str, params: Params) -> tuple[_Body, Answer]:
        answer = await self.site.ask(path, params=params, deadline_s=self.deadline_s)
        if answer.status in (400, 422, 500, 503) and not answer.is_html:
            raise _said(answer) or _unexplained(answer)
        body = decoded(checked(answer), _Body, PROGRAM)
        if body.status not in ("success", "error"):
            raise SourceGarbage(f"{answer.url}: not {PROGRAM}: status is {safe(body.status, 40)!r}")
        if body.status == "error" and bytes(body.data) == b"null":
            raise SourceUnavailable(f"{answer.url}: {body.errorType}: {body.error}")
        return body, answer

    def _result(self, body: _Body, answer: Answer, kind: str, form: type[list[_T]]) -> list[_T]:
        try:
            data = msgspec.json.decode(body.data, type=_Data)
            if data.resultType == kind:
                return msgspec.json.decode(data.result, type=form)
        except (msgspec.DecodeError, RecursionError) as error:
            raise SourceGarbage(f"{answer.url}: not {PROGRAM}, or cut: {error}") from None
        raise SourceGarbage(f"{answer.url}: the result is a {safe(data.resultType, 40) or 'nothing'}, expected {kind}")

    def _shaped(self, streams: list[_Stream], body: _Body, answer: Answer) -> Result:
        gaps = 0
        kept = []
        for stream in streams[:MOST_SERIES]:
            points = []
            for at, raw in stream.values:
                value = _finite(raw)
                if value is None:
                    gaps += 1
                else:
                    points.append((at, value))
            kept.append(Stream(stream.metric, points))
        warnings = [safe(w, 300) for w in body.warnings]
        if body.status == "error":
            warnings.append(safe(f"{body.errorType}: {body.error}", 300))
        skew = answer.skew_s
        if skew is not None and abs(skew) <= answer.skew_margin_s + 1:
            skew = None
        return Result(tuple(kept), tuple(warnings), len(streams), skew, gaps)


def _finite(raw: str | float | None) -> float | None:
    try:
        value = float(raw) if raw is not None else math.nan
    except ValueError:
        return None
    return value if abs(value) < HUGE else None


def _said(answer: Answer) -> SourceError | None:
    """The server's own words for what is wrong, as an error; None where its answer has none."""
    try:
        body = msgspec.json.decode(answer.body, type=_Body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if not body.error:
        return None
    said = f"{answer.url}: {body.errorType or answer.status}: {body.error}"
    if body.errorType == "timeout":
        return SourceTimeout(said)
    if answer.status == 503 and "retry-after" in answer.headers:
        return SourceThrottled(said, retry_after(answer))
    return SourceRefused(said) if answer.status < 500 else SourceUnavailable(said)


def _unexplained(answer: Answer) -> SourceError:
    try:
        checked(answer)
    except SourceError as error:
        return error
    return SourceUnavailable(f"{answer.url}: {answer.status}")


def quoted(text: str) -> str:
    """A string of PromQL."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def literal(text: str) -> str:
    """A regular expression (RE2) that matches just this text."""
    return "".join(f"\\{c}" if c in r"\.+*?()|[]{}^$" else c for c in text)
