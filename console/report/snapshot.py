"""A diagnosis taken into a record: the whole document, and its symptoms and claims as evidence that the report can link to. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from console.case import entries
from console.case.events import Draft
from console.domain.diagnosis import Diagnosis, Evidence, Standing, Symptom
from console.domain.instant import Instant, rfc3339
from console.domain.values import dataclass
from console.report.diagnosis_json import diagnosis_json

MOST_SYMPTOMS = 6
MOST_CLAIMS = 8
"""Claims of one suspect that are taken over; the whole of them is in the document."""
MOST_SUSPECTS = 3


@dataclass(frozen=True, slots=True)
class Line:
    """The series behind a symptom, as far as it is known."""

    points: Sequence[tuple[Instant, float | None]] = ()
    source: str = ""
    query: str = ""


def drafts_of(
    diagnosis: Diagnosis, line_of: Callable[[Symptom], Line], command_of: Callable[[Evidence], str]
) -> list[Draft]:
    """What is written of a diagnosis, the document last: who finds it there finds its evidence too.

    Args:
        line_of: The series behind a symptom, for its chart.
        command_of: What repeats a claim in a shell; may be empty.
    """
    found = [_symptom(one, diagnosis, line_of(one)) for one in diagnosis.symptoms[:MOST_SYMPTOMS]]
    for suspect in diagnosis.suspects[:MOST_SUSPECTS]:
        if suspect.standing is Standing.UNLIKELY:
            continue
        found += [entries.of_evidence(one, command_of(one)) for one in suspect.evidence[:MOST_CLAIMS]]
    document = diagnosis_json(diagnosis)
    document.pop("patterns", None)  # each is a line of evidence of its own where it matters
    return [*found, entries.snapshot(document, diagnosis.at)]


def _symptom(one: Symptom, diagnosis: Diagnosis, line: Line) -> Draft:
    place = f"{one.service} {one.operation}" if one.operation else one.service
    since = f" since {rfc3339(one.onset)}" if one.onset is not None else ""
    claim = f"{place}: {one.signal} {quantity(one.observed, one.unit)} against {quantity(one.baseline, one.unit)} before{since}"
    repeat = f"incident diagnose --at {rfc3339(diagnosis.at)} --since {rfc3339(diagnosis.window.start)}"
    return entries.evidence(
        claim, kind="metric", source=line.source or "diagnosis", query=line.query or repeat, window=diagnosis.window,
        points=line.points, unit=one.unit, samples=one.samples, excerpt=claim, by="console",
    )  # fmt: skip


def quantity(value: float | None, unit: str) -> str:
    """A number with its unit, for a sentence; what is not known says so."""
    if value is None:
        return "unknown"
    match unit:
        case "ratio":
            return f"{value * 100:.3g} %"
        case "s":
            return f"{value * 1000:.3g} ms" if value < 1 else f"{value:.3g} s"
        case "bytes":
            return f"{value / 1048576:,.0f} MiB"
    return f"{value:,.4g}{f' {unit}' if unit and unit != 'count' else ''}"
