"""Asking a prediction, from a command or the screen: its answer, what the same said before, and the gates of its quality."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from console.case.mitigated import mitigated
from console.case.model import Case, Outcome, Prediction
from console.case.predictions import Answer, BadPrediction, Question, control_of, judged, question_of
from console.case.quality import Checked, Points, Quality, Trouble, around, dosed, in_order, ordered, peers
from console.domain.instant import Instant, Window, clock_text, rfc3339
from console.domain.values import dataclass


class Asker(Protocol):
    """The way to the sources."""

    async def answer(self, question: Question, window: Window) -> Answer:
        """What they say to a question about one stretch."""
        ...

    async def points(self, question: Question, window: Window) -> tuple[Points, float]:
        """The series of a question without its gaps, and its step in seconds; no points where it is not known."""
        ...

    async def places(self, question: Question) -> tuple[Sequence[str], Sequence[str]]:
        """The services that can be asked about, and the operations of the question's own service."""
        ...


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One answer to a prediction, to be written down."""

    outcome: Outcome
    data: Mapping[str, Any]
    says: str


async def evaluate(
    prediction: Prediction, asker: Asker, trouble: Trouble, now: Instant, reach: Instant | None = None
) -> Evaluation | None:
    """Ask a prediction, now or as at the mitigation; None: a person has to look.

    What the trouble did is gone with it, so a prediction that fails after a mitigation refutes nothing: from then on it is asked about
    the stretch that ends there. Where there were several it fails only if it fails as at each of them, since any may have been the one.

    Args:
        reach: Since when the asker knows all; None: always. A stretch as at a mitigation that begins earlier is a part.
    """
    try:
        question = question_of(prediction.text)
    except BadPrediction:  # written by another program: nothing can be asked of it
        return None
    if question.kind == "manual":
        return None
    found: list[Evaluation] = []
    for end in trouble.mitigated.ends(now):
        at_end = end in trouble.mitigated.moments
        whole = not at_end or reach is None or question.window(end).start >= reach
        one = await _asked(question, prediction, asker, trouble, end, whole=whole)
        found.append(_as_at(one, end) if at_end else one)
        if one.outcome is Outcome.HOLDS:
            return found[-1]
    unsure = [one for one in found if one.outcome is Outcome.INCONCLUSIVE]
    return (unsure or found)[-1]


def _as_at(found: Evaluation, mitigation: Instant) -> Evaluation:
    says = f"as at the mitigation, {clock_text(mitigation)} UTC: {found.says}"
    return replace(found, data={**found.data, "as_at": rfc3339(mitigation)}, says=says)


async def _asked(
    question: Question, prediction: Prediction, asker: Asker, trouble: Trouble, now: Instant, *, whole: bool
) -> Evaluation:
    """One stretch, which ends at `now`. Order and dose are looked at only where it holds: of what does not hold they say nothing."""
    if question.kind == "order":
        return await _in_order(question, prediction, asker, trouble, now)
    window = question.window(now)
    answer = await asker.answer(question, window)
    answer = replace(answer, complete=answer.complete and whole)
    control = await asker.answer(question, control_of(window, trouble.began))
    outcome, before = (judged(question, one, prediction.min_samples) for one in (answer, control))
    quality = Quality()
    if outcome is Outcome.HOLDS:
        places = await _elsewhere(question, asker, trouble, now)
        dose = dosed(answer, places, prediction.min_samples)
        quality = Quality(await _order(question, asker, trouble, now), dose)
    data = {
        "value": answer.value, "samples": answer.samples, "control": str(before), "control_value": control.value,
        "window": {"start": rfc3339(window.start), "end": rfc3339(window.end)},
        "order": str(quality.order.outcome), "dose": str(quality.dose.outcome),
    }  # fmt: skip
    return Evaluation(outcome, data, _says(question, answer, control, quality))


async def _in_order(
    question: Question, prediction: Prediction, asker: Asker, trouble: Trouble, now: Instant
) -> Evaluation:
    """Both series are read around the onset, where it is known."""
    window = around(trouble.began, now, question.over_s) if trouble.began is not None else question.window(now)
    (first, step_s), (then, other_s) = [await asker.points(side, window) for side in question.sides]
    found, lead_s = in_order(first, then, max(step_s, other_s))
    samples = min(len(first), len(then))
    few = samples < prediction.min_samples
    outcome = Outcome.INCONCLUSIVE if few else found.outcome
    data = {
        "value": lead_s, "samples": samples, "control": str(Outcome.UNKNOWN), "control_value": None,
        "window": {"start": rfc3339(window.start), "end": rfc3339(window.end)},
        "order": str(Outcome.UNKNOWN), "dose": str(Outcome.UNKNOWN),
    }  # fmt: skip
    return Evaluation(outcome, data, f"{found.says} ({samples} samples)")


async def _order(question: Question, asker: Asker, trouble: Trouble, now: Instant) -> Checked:
    if trouble.began is None:
        return ordered(question, (), 0.0, None)
    points, step_s = await asker.points(question, around(trouble.began, now, question.over_s))
    return ordered(question, points, step_s, trouble.began)


async def _elsewhere(question: Question, asker: Asker, trouble: Trouble, now: Instant) -> list[tuple[Question, Answer]]:
    services, operations = await asker.places(question)
    window = question.window(now)
    return [(one, await asker.answer(one, window)) for one in peers(question, services, operations, trouble)]


def _says(question: Question, answer: Answer, control: Answer, quality: Quality) -> str:
    """An answer in words."""
    got = "no data" if answer.value is None else f"{answer.value:.4g}"
    partial = "" if answer.complete else ", from a part of the data"
    before = "no data" if control.value is None else f"{control.value:.4g}"
    told = f"{got}{partial} ({answer.samples} samples; before: {before}; wanted {question.comparator} {question.threshold:g})"
    more = [one.says for one in (quality.order, quality.dose) if one.says and one.outcome is not Outcome.INCONCLUSIVE]
    return "; ".join((told, *more))


def trouble_in(case: Case) -> Trouble:
    """What the record knows of the trouble: since when, and from the newest snapshot that shows symptoms where it is."""
    began = case.times.get("impact_started_at")
    known = [one.data.get("diagnosis") for one in reversed(case.snapshots)]
    found = next((one for one in known if isinstance(one, Mapping) and _objects(one, "symptoms")), None)
    done = mitigated(case)
    if found is None:
        return Trouble(began, mitigated=done)
    affected = frozenset((str(s.get("service")), str(s.get("operation") or "")) for s in _objects(found, "symptoms"))
    leading = {s.get("subject") for s in _objects(found, "suspects") if s.get("standing") == "leading"}
    brought = frozenset(
        str(c["version"]) for c in _objects(found, "changes") if c.get("id") in leading and c.get("version")
    )
    ill = {service for service, _ in affected}
    running = {str(r["version"]) for r in _objects(found, "running") if r.get("service") in ill and r.get("version")}
    others = frozenset(running - brought) if brought & running else frozenset()
    return Trouble(began, affected, brought, others, done)


def _objects(document: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    found = document.get(name)
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, (list, tuple)) else []
