"""What `incident case` asks the sources: a snapshot of the diagnosis, and the predictions of a hypothesis."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from console.case.book import Book, Unfit
from console.case.evaluate import Evaluation, evaluate, trouble_in
from console.case.events import Draft
from console.case.mitigated import Mitigated
from console.case.model import Outcome
from console.case.predictions import Answer, Question, reduced
from console.case.quality import Points
from console.cli.diagnose import step_of
from console.cli.options import Request
from console.cli.outcome import Exit, say
from console.config.load import Loaded
from console.domain.diagnosis import Diagnosis, Symptom
from console.domain.instant import Instant, Window
from console.query.parse import parse
from console.report.snapshot import Line, drafts_of

if TYPE_CHECKING:
    from console.domain.series import Series, SeriesSet
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
    from console.analysis.rates import error_series, rate_series

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
    asker, trouble = SourcesAsker(sources, [table.name for table in loaded.config.service]), trouble_in(case)
    worst: int = Exit.DONE
    try:
        for prediction in one.predictions:
            found = await evaluate(prediction, asker, trouble, now)
            if found is None:
                looked = prediction.text.partition(":")[2].strip() or prediction.text
                say(
                    f"{name}.{prediction.name} is for a person: {looked}; then --result {prediction.name}=holds or =fails"
                )
                continue
            book.result(name, prediction.name, found.outcome, found.data, found.says)
            if "as_at" in found.data:
                since = await evaluate(prediction, asker, replace(trouble, mitigated=Mitigated()), now)
                say(f"{name}.{prediction.name} {_since(since)}")
            if prediction.must_hold and found.outcome is Outcome.FAILS:
                worst = Exit.INCIDENT
            elif found.outcome is Outcome.INCONCLUSIVE and worst == Exit.DONE:
                worst = Exit.INCONCLUSIVE
    finally:
        await sources.close()
    return worst


def _since(found: Evaluation | None) -> str:
    """What a prediction that was asked as at the mitigation says now; that is written down nowhere, and judges nothing."""
    words = {Outcome.HOLDS: "still holds now", Outcome.FAILS: "no longer holds now"}
    outcome = found.outcome if found is not None else Outcome.UNKNOWN
    told = f": {found.says}" if found is not None else ""
    return f"was asked as at the mitigation; it {words.get(outcome, 'cannot be told now')}{told}"


class SourcesAsker:
    """See `console.case.evaluate.Asker`; a source that fails makes an answer incomplete.

    Args:
        services: Those of the configuration.
    """

    def __init__(self, sources: Sources, services: Sequence[str]) -> None:
        self._sources = sources
        self._services = services
        self._read: dict[Window, tuple[SeriesSet, bool]] = {}

    async def answer(self, question: Question, window: Window) -> Answer:
        """See `Asker`."""
        if question.kind == "log":
            return await self._count(question, window)
        series, complete = await self._series(window)
        one = _series_of(series, question)
        values: Sequence[float] = list(one.within(window).values) if one is not None else []
        # another source that fails takes nothing from a series that was read
        return Answer(reduced(question.reducer, values), len(values), complete or bool(values))

    async def points(self, question: Question, window: Window) -> tuple[Points, float]:
        """See `Asker`."""
        step_s = step_of(window)
        if question.kind == "log":
            return await self._counts(question, window, step_s), step_s
        series, _ = await self._series(window)
        one = _series_of(series, question)
        return (list(one.within(window)), one.step_s() or step_s) if one is not None else ((), step_s)

    async def places(self, question: Question) -> tuple[Sequence[str], Sequence[str]]:
        """See `Asker`: what the series that were read tell of."""
        known = [one.key for series, _ in self._read.values() for one in series]
        services = dict.fromkeys([*self._services, *(key.service for key in known)])
        operations = dict.fromkeys(key.operation for key in known if key.service == question.service)
        return list(services), list(operations)

    async def _count(self, question: Question, window: Window) -> Answer:
        query, total, complete, answered = parse(question.query), 0, True, False
        for source in self._sources.logs:
            try:
                reading = await source.page(window, query, 1)
            except Exception:  # whatever ends one source, the others answer, and the answer says that it is a part
                complete = False
                continue
            answered = True
            total += reading.value.matched
            complete = complete and _whole(reading)
        return Answer(float(total) if answered else None, total if total else int(answered), complete)

    async def _counts(self, question: Question, window: Window, step_s: float) -> Points:
        query, found = parse(question.query), dict[Instant, float]()
        for source in self._sources.logs:
            try:
                counts = (await source.counts(window, step_s, query)).value
            except Exception:  # of a source that cannot be read no change of level is seen
                return ()
            for n, bucket in enumerate(counts.buckets):
                at = counts.start + n * counts.step_s
                found[at] = found.get(at, 0.0) + sum(bucket.values())
        return sorted(found.items())

    async def _series(self, window: Window) -> tuple[SeriesSet, bool]:
        from console.domain.series import SeriesSet

        if window in self._read:
            return self._read[window]
        found: list[Any] = []
        complete = True
        for source in (*self._sources.metrics, *self._sources.logs):
            try:
                reading = await source.series(window, step_of(window))
            except Exception:  # as above
                complete = False
                continue
            found += reading.value
            complete = complete and _whole(reading)
        self._read[window] = SeriesSet.of(found), complete
        return self._read[window]


def _series_of(series: SeriesSet, question: Question) -> Series | None:
    from console.analysis.rates import error_series, rate_series

    if question.metric == "error_rate":
        return error_series(series, question.service, question.operation)
    if question.metric in ("request_rate", "traffic"):
        return rate_series(series, question.service, question.operation)
    return series.get(question.service, question.metric, question.operation)


def _whole(reading: Any) -> bool:
    from console.domain.reading import SourceState

    return reading.report.state in (SourceState.OK, SourceState.STALE)
