"""Predictions: what a hypothesis says will be seen, as a question that can be asked again, and how its answer is judged. Pure.

Four forms are understood: `max(error_rate, checkout) >= 5% over 10m` reads a metric, `count(level:error timeout) > 20 over 10m`
counts log lines of a query, `onset(count(timeout)) <= onset(error_rate, checkout)` says what begins no later than what, and
`manual: restarting one pod clears it` is judged by a person.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from console.case.model import MANUAL, Outcome, is_manual
from console.domain.instant import BadTime, Instant, Window, parse_span
from console.domain.values import dataclass
from console.query.parse import QueryError, parse

REDUCERS = ("max", "min", "avg", "last", "p95", "sum")
COMPARATORS = (">=", "<=", ">", "<", "==")
DEFAULT_OVER_S = 600.0
ASKED_EVERY_S = 60.0
"""How often a prediction is asked again where nobody says: as often as the sources have a new minute."""
BEFORE_S = 60.0
"""The control ends so long before the incident, whose onset is known to about a minute."""
_FORM = re.compile(
    r"(?P<call>[a-z0-9]+)\s*\((?P<inner>.*)\)\s*(?P<cmp>>=|<=|==|>|<)\s*(?P<value>-?[0-9.]+)\s*(?P<unit>%|ms|s|/s)?"
    r"(?:\s+(?:over|in)\s+(?P<over>[0-9a-z.]+))?\s*",
    re.DOTALL,
)
_ORDER = re.compile(
    r"onset\s*\((?P<first>.*)\)\s*<=\s*onset\s*\((?P<then>.*)\)(?:\s+(?:over|in)\s+(?P<over>[0-9a-z.]+))?\s*", re.DOTALL
)
_UNITS = {"%": 0.01, "ms": 0.001, "s": 1.0, "/s": 1.0, None: 1.0}


class BadPrediction(ValueError):
    """A text that could not turn out false, or is none of the forms; the message says which forms there are."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked and when the answer agrees."""

    kind: str
    """metric | log | order | manual"""
    query: str
    """Of a log: the query. Manual: what a person looks at."""
    metric: str = ""
    service: str = ""
    operation: str = ""
    reducer: str = ""
    comparator: str = ">"
    threshold: float = 0.0
    over_s: float = DEFAULT_OVER_S
    sides: tuple[Question, ...] = ()
    """Of an order: what begins no later, and than what."""

    def window(self, now: Instant) -> Window:
        """What it is asked about."""
        return Window(now - self.over_s, now)


def question_of(text: str) -> Question:
    """The question that a prediction's text asks.

    Raises:
        BadPrediction: It is none of the forms.
    """
    stripped = text.strip()
    if is_manual(stripped):
        told = stripped[len(MANUAL) :].strip()
        if len(told) < 8:
            raise BadPrediction("say after `manual:` what would be seen if the hypothesis holds")
        return Question("manual", told)
    order = _ORDER.fullmatch(stripped)
    if order is not None:
        return _order(order["first"], order["then"], order["over"])
    match = _FORM.fullmatch(stripped)
    if match is None:
        raise BadPrediction(
            f"{text!r} is no prediction: write `max(error_rate, checkout) > 5% over 10m`, "
            "`count(level:error timeout) > 20 over 10m`, `onset(count(timeout)) <= onset(error_rate, checkout)`, "
            "or `manual: what a person would see`"
        )
    try:
        threshold = float(match["value"]) * _UNITS[match["unit"]]
        over = parse_span(match["over"]) if match["over"] else DEFAULT_OVER_S
    except (ValueError, BadTime) as error:
        raise BadPrediction(str(error)) from None
    if match["call"] == "count":
        return _log(match["inner"].strip(), match["cmp"], threshold, over)
    return _metric(match["call"], match["inner"], match["cmp"], threshold, over)


def _order(first: str, then: str, over: str | None) -> Question:
    if first.strip() == then.strip():
        raise BadPrediction(f"onset({first}) <= onset({then}) is always true: no observation could refute it")
    try:
        over_s = parse_span(over) if over else DEFAULT_OVER_S
    except BadTime as error:
        raise BadPrediction(str(error)) from None
    return Question("order", f"{first.strip()} before {then.strip()}", over_s=over_s, sides=(_side(first), _side(then)))


def _side(text: str) -> Question:
    """A series: of a metric, or of the lines of a query."""
    inner = text.strip()
    if inner.startswith("count(") and inner.endswith(")"):
        return _log(inner[6:-1].strip(), ">", 0.0, DEFAULT_OVER_S)
    return _metric("max", inner, ">", 0.0, DEFAULT_OVER_S)


def _log(query: str, comparator: str, threshold: float, over_s: float) -> Question:
    try:
        parse(query)
    except QueryError as error:
        raise BadPrediction(f"count({query}): {error}") from None
    if comparator == ">=" and threshold <= 0:
        raise BadPrediction(f"count({query}) >= {threshold:g} is always true: no observation could refute it")
    return Question("log", query, comparator=comparator, threshold=threshold, over_s=over_s)


def _metric(reducer: str, inner: str, comparator: str, threshold: float, over_s: float) -> Question:
    parts = [part.strip() for part in inner.split(",", 2)]
    if reducer not in REDUCERS:
        raise BadPrediction(f"{reducer} is no reducer: {', '.join((*REDUCERS, 'count'))}")
    if len(parts) < 2 or not all(parts):
        raise BadPrediction(f"{reducer}({inner}): name the metric and the service: {reducer}(error_rate, checkout)")
    operation = parts[2] if len(parts) > 2 else ""
    query = ", ".join(parts)
    return Question("metric", query, parts[0], parts[1], operation, reducer, comparator, threshold, over_s)


def reduced(reducer: str, values: Sequence[float]) -> float | None:
    """One number of many; None of none: an absent series is not zero."""
    if not values:
        return None
    ordered = sorted(values)
    match reducer:
        case "max":
            return ordered[-1]
        case "min":
            return ordered[0]
        case "sum":
            return sum(values)
        case "last":
            return values[-1]
        case "p95":
            return ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]
    return sum(values) / len(values)


def compared(value: float, comparator: str, threshold: float) -> bool:
    """Whether a value stands so to the threshold."""
    match comparator:
        case ">=":
            return value >= threshold
        case "<=":
            return value <= threshold
        case ">":
            return value > threshold
        case "<":
            return value < threshold
    return value == threshold


def control_of(window: Window, began: Instant | None) -> Window:
    """What a prediction is compared with: the same length before it, and before the incident where its start is known."""
    end = window.start if began is None else min(window.start, began - BEFORE_S)
    return Window(end - window.seconds, end)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a source said to a question about one stretch."""

    value: float | None
    """None: there is no data."""
    samples: int
    complete: bool = True
    """False: the source gave a part, or failed."""


def judged(question: Question, answer: Answer, least: int) -> Outcome:
    """Whether the prediction holds. No data, partial data and too few samples are inconclusive: never "holds", never "fails"."""
    if answer.value is None or not answer.complete or answer.samples < least:
        return Outcome.INCONCLUSIVE
    return Outcome.HOLDS if compared(answer.value, question.comparator, question.threshold) else Outcome.FAILS
