"""What `incident case` asks the sources: a snapshot of the diagnosis, and the predictions of a hypothesis."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from console.case.book import Book, Unfit
from console.case.events import Draft
from console.case.model import Outcome
from console.case.predictions import Answer, Question, control_of, judged, question_of, reduced
from console.cli.diagnose import step_of
from console.cli.options import Request
from console.cli.outcome import Exit, say
from console.config.load import Loaded
from console.domain.diagnosis import Diagnosis, Symptom
from console.domain.instant import Instant, Window, rfc3339
from console.query.parse import parse
from console.report.snapshot import Line, drafts_of

if TYPE_CHECKING:
    from console.domain.series import SeriesSet
    from console.observe import Sources

METRIC_OF = {"traffic": "request_rate", "memory": "memory_bytes"}
"""Signals whose series has another name."""


async def snapshot_drafts(asked: Request) -> tuple[Diagnosis, list[Draft]]:
    """One diagnosis as `incident diagnose` makes it, and as entries of a record."""
    from console.analysis.diagnose import diagnose
    from console.live.repeat import Repeat
    from console.observe import gather, open_sources

    sources = open_sources(asked.loaded)
    try:
        seen = await gather(sources, asked.window, asked.at, step_of(asked.window), live=not asked.at_given)
    finally:
        await sources.close()
    diagnosis = diagnose(seen, services=asked.services, generated_at=time.time())
    drafts = drafts_of(diagnosis, lambda one: line_of(seen.series, one, asked.window), Repeat.of(asked.loaded).command)
    return diagnosis, drafts


def line_of(series: SeriesSet, symptom: Symptom, window: Window) -> Line:
    """The series behind a symptom, from one window before it, so that its chart shows what was normal."""
    from console.views import error_series, rate_series

    operation = symptom.operation or ""
    if symptom.signal == "error_rate":
        found = error_series(series, symptom.service, operation)
    elif symptom.signal == "traffic":
        found = rate_series(series, symptom.service, operation)
    else:
        found = series.get(symptom.service, METRIC_OF.get(symptom.signal, symptom.signal), operation)
    if found is None:
        return Line()
    shown = found.within(Window(window.start - window.seconds, window.end))
    return Line(list(shown), found.source, found.query)


async def check(book: Book, name: str, loaded: Loaded, at: Instant | None) -> int:
    """Ask every prediction of a hypothesis and write down what came out.

    Returns:
        1 where a must-hold fails, 3 where one is inconclusive, else 0.
    """
    from console.observe import open_sources

    now = at if at is not None else time.time()
    case = book.read()
    one = case.hypothesis(name)
    if one is None or not one.predictions:
        raise Unfit(f"{name} has no prediction to ask: --predict TEXT")
    sources = open_sources(loaded)
    worst: int = Exit.DONE
    try:
        for prediction in one.predictions:
            question = question_of(prediction.text)
            if question.kind == "manual":
                say(
                    f"{name}.{prediction.name} is for a person: {question.query}; then --result {prediction.name}=holds or =fails"
                )
                continue
            window = question.window(now)
            answer = await ask(sources, question, window)
            control = await ask(sources, question, control_of(window, case.times.get("impact_started_at")))
            outcome = judged(question, answer, prediction.min_samples)
            before = judged(question, control, prediction.min_samples)
            data: dict[str, Any] = {
                "value": answer.value, "samples": answer.samples, "control": str(before), "control_value": control.value,
                "window": {"start": rfc3339(window.start), "end": rfc3339(window.end)},
            }  # fmt: skip
            book.result(name, prediction.name, outcome, data, says(question, answer, control))
            if prediction.must_hold and outcome is Outcome.FAILS:
                worst = Exit.INCIDENT
            elif outcome is Outcome.INCONCLUSIVE and worst == Exit.DONE:
                worst = Exit.INCONCLUSIVE
    finally:
        await sources.close()
    return worst


def says(question: Question, answer: Answer, control: Answer) -> str:
    """An answer in words."""
    got = "no data" if answer.value is None else f"{answer.value:.4g}"
    partial = "" if answer.complete else ", from a part of the data"
    before = "no data" if control.value is None else f"{control.value:.4g}"
    return f"{got}{partial} ({answer.samples} samples; before: {before}; wanted {question.comparator} {question.threshold:g})"


async def ask(sources: Sources, question: Question, window: Window) -> Answer:
    """What the sources say to a question about a window; a source that fails makes the answer incomplete."""
    return await (_count(sources, question, window) if question.kind == "log" else _metric(sources, question, window))


async def _count(sources: Sources, question: Question, window: Window) -> Answer:
    query, total, complete, answered = parse(question.query), 0, True, False
    for source in sources.logs:
        try:
            reading = await source.page(window, query, 1)
        except Exception:  # whatever ends one source, the others answer, and the answer says that it is a part
            complete = False
            continue
        answered = True
        total += reading.value.matched
        complete = complete and _whole(reading)
    return Answer(float(total) if answered else None, total if total else int(answered), complete)


async def _metric(sources: Sources, question: Question, window: Window) -> Answer:
    from console.domain.series import SeriesSet
    from console.views import error_series, rate_series

    found: list[Any] = []
    complete = True
    for source in (*sources.metrics, *sources.logs):
        try:
            reading = await source.series(window, step_of(window))
        except Exception:  # as above
            complete = False
            continue
        found += reading.value
        complete = complete and _whole(reading)
    series = SeriesSet.of(found)
    if question.metric == "error_rate":
        one = error_series(series, question.service, question.operation)
    elif question.metric in ("request_rate", "traffic"):
        one = rate_series(series, question.service, question.operation)
    else:
        one = series.get(question.service, question.metric, question.operation)
    values: Sequence[float] = list(one.within(window).values) if one is not None else []
    # another source that fails takes nothing from a series that was read
    return Answer(reduced(question.reducer, values), len(values), complete or bool(values))


def _whole(reading: Any) -> bool:
    from console.domain.reading import SourceState

    return reading.report.state in (SourceState.OK, SourceState.STALE)
