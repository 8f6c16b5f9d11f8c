"""The predictions of the open case, asked of what the console knows: on their timer, on demand, and at changes of the case's state."""

from __future__ import annotations

from collections.abc import Sequence

from console.case.evaluate import Evaluation, evaluate, trouble_in
from console.case.hypotheses import SETTLED
from console.case.mitigated import Mitigated, mitigated
from console.case.model import Case, Hypothesis, Outcome, Prediction
from console.case.predictions import Answer, Question, reduced
from console.case.quality import Points
from console.domain.instant import Instant, Window
from console.domain.series import SeriesKey
from console.live.desk import Desk
from console.live.session import Session
from console.state import Trend

OF_OPERATION = ("error_rate", "latency_p99", "request_rate")
"""Metrics that are known of every operation."""


def due(case: Case, now: Instant) -> bool:
    """Whether the interval of a prediction has passed."""
    done = mitigated(case)
    return any(_due(p, done, now) for one in _asked_on(case) for p in one.predictions)


def _asked_on(case: Case) -> list[Hypothesis]:
    return [one for one in case.hypotheses if one.state not in SETTLED]


def _due(prediction: Prediction, done: Mitigated, now: Instant) -> bool:
    last = prediction.last
    if prediction.every_s is None or last is None:
        return prediction.every_s is not None
    return not done.settled(last) and (done.overtaken(last) or prediction.older(now))


async def ask_predictions(session: Session, desk: Desk, *, only_due: bool) -> int:
    """Ask them and write down what came out; how many were asked.

    Raises:
        NotSaved: A result is not on the disk.
    """
    if session.replaying:
        return 0
    if only_due:
        await desk.refresh()  # another console may have asked them meanwhile
    case, state = desk.case, session.state()
    if case is None:
        return 0
    asker, trouble, asked = SessionAsker(session), trouble_in(case), 0
    for one in _asked_on(case):
        for p in one.predictions:
            if only_due and not _due(p, trouble.mitigated, state.now):
                continue
            found = await evaluate(p, asker, trouble, state.window.end, asker.reach)
            if found is not None and not _forgets(p, trouble.mitigated, found):
                await _written(desk, one.name, p.name, found)
            asked += found is not None
    return asked


def _forgets(prediction: Prediction, done: Mitigated, found: Evaluation) -> bool:
    """Whether it only says that the console does not know any more what it knew when the stretch was within its window."""
    last = prediction.last
    known = last is not None and done.settled(last) and last.outcome is not Outcome.INCONCLUSIVE
    return known and found.outcome is Outcome.INCONCLUSIVE


async def _written(desk: Desk, hypothesis: str, prediction: str, found: Evaluation) -> None:
    await desk.do(lambda book: book.result(hypothesis, prediction, found.outcome, found.data, found.says))


class SessionAsker:
    """See `console.case.evaluate.Asker`: what the collector knows, on the axis of all panes."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._trends: dict[tuple[str, str, str, str], Trend | None] = {}

    async def answer(self, question: Question, window: Window) -> Answer:
        """See `Asker`; what reaches beyond the axis is a part."""
        points, _ = await self.points(question, window)
        values = [value for _, value in points]
        if question.kind == "log":
            return Answer(sum(values), int(sum(values)) or len(values)) if values else Answer(None, 0)
        axis = self._axis
        complete = axis is not None and window.start >= axis.start
        return Answer(reduced(question.reducer, values), len(values), complete or bool(values))

    async def points(self, question: Question, window: Window) -> tuple[Points, float]:
        """See `Asker`."""
        signals = self._session.state().signals
        trend = await self._trend(question)
        if trend is None or signals is None:
            return (), 0.0
        axis = signals.axis
        known = ((axis.window.start + axis.step_s * n, value) for n, value in enumerate(trend.points))
        return [(at, value) for at, value in known if at in window and value is not None], axis.step_s

    async def places(self, question: Question) -> tuple[Sequence[str], Sequence[str]]:
        """See `Asker`."""
        signals = self._session.state().signals
        if signals is None:
            return (), ()
        operations = [row.operation for row in signals.operations if row.service == question.service]
        return [row.name for row in signals.services], operations

    @property
    def reach(self) -> Instant | None:
        """Since when it knows: where the axis begins."""
        axis = self._axis
        return axis.start if axis is not None else None

    @property
    def _axis(self) -> Window | None:
        signals = self._session.state().signals
        return signals.axis.window if signals is not None else None

    async def _trend(self, question: Question) -> Trend | None:
        """The series of a question, asked once for all that is looked for in it."""
        key = (question.kind, question.query, question.service, question.operation)
        if key not in self._trends:
            self._trends[key] = await self._asked(question)
        return self._trends[key]

    async def _asked(self, question: Question) -> Trend | None:
        session = self._session
        if question.kind == "log":
            return await session.line_counts(question.query)
        if question.metric in OF_OPERATION:
            found = await session.trends(question.service, question.operation)
            if found is not None:
                return dict(zip(OF_OPERATION, found, strict=True))[question.metric]
        return await session.series(SeriesKey(question.service, question.operation, question.metric))
