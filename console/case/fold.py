"""From events to the case that they add up to. Pure; an event that makes no sense where it stands changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from console.case.events import Event
from console.case.model import (
    Case,
    CaseState,
    Cycle,
    EvidenceItem,
    FollowUp,
    Handoff,
    Hypothesis,
    HypothesisState,
    Outcome,
    Override,
    Prediction,
    Result,
)
from console.domain.instant import BadTime, Instant, Window, parse_time

MOMENTS = {
    CaseState.INVESTIGATING: "declared_at",
    CaseState.IDENTIFIED: "identified_at",
    CaseState.MONITORING: "mitigated_at",
    CaseState.RESOLVED: "resolved_at",
    CaseState.CLOSED: "closed_at",
}
"""Which moment a change of state sets."""


def fold(case_id: str, events: Iterable[Event]) -> Case:
    """The case that the events add up to, in the order in which they were written."""
    case = Case(case_id)
    kept = tuple(events)
    for event in kept:
        step = _STEPS.get(event.kind)
        if step is not None:
            case = step(case, event)
    corrected = frozenset(event.supersedes for event in kept if event.supersedes)
    return replace(case, events=kept, corrected=corrected)


def _opened(case: Case, event: Event) -> Case:
    data = event.data
    times = {**case.times, "detected_at": event.occurred_at}
    started = instant(data.get("impact_started_at"))
    if started is not None:
        times["impact_started_at"] = started
    return replace(
        case,
        title=case.title or event.text,
        services=texts_of(data.get("services")) or case.services,
        severity=text_of(data.get("severity")) or case.severity,
        detection=text_of(data.get("detection")) or case.detection,
        summary=text_of(data.get("summary")) or case.summary,
        times=times,
    )


def _title(case: Case, event: Event) -> Case:
    return replace(case, title=event.text)


def _impact(case: Case, event: Event) -> Case:
    known = {key: value for key, value in event.data.items() if not key.endswith("_at")}
    moments = {key: at for key in event.data if key.endswith("_at") if (at := instant(event.data[key])) is not None}
    return replace(case, impact={**case.impact, **known}, times={**case.times, **moments})


def _state(case: Case, event: Event) -> Case:
    try:
        to = CaseState(str(event.data.get("to")))
    except ValueError:
        return case
    times = dict(case.times)
    moment = MOMENTS.get(to)
    reopened = to is CaseState.INVESTIGATING and case.state in (CaseState.MONITORING, CaseState.RESOLVED)
    if reopened:
        for name in ("identified_at", "mitigated_at", "resolved_at"):
            times.pop(name, None)
    if moment is not None and not (moment == "declared_at" and moment in times):
        times[moment] = event.occurred_at
    return replace(
        case,
        state=to,
        times=times,
        cycles=_cycles(case.cycles, to, event.occurred_at, reopened),
        blocks=(),
        merged_into=text_of(event.data.get("into")) or case.merged_into,
        recovery=None if reopened else case.recovery,
    )


def _cycles(cycles: tuple[Cycle, ...], to: CaseState, at: Instant, reopened: bool) -> tuple[Cycle, ...]:
    if to is CaseState.INVESTIGATING and (reopened or not cycles):
        return (*cycles, Cycle(at))
    if to is CaseState.MONITORING and cycles:
        return (*cycles[:-1], replace(cycles[-1], mitigated_at=at))
    if to is CaseState.RESOLVED and cycles:
        return (*cycles[:-1], replace(cycles[-1], resolved_at=at))
    return cycles


def _severity(case: Case, event: Event) -> Case:
    return replace(case, severity=text_of(event.data.get("to")) or case.severity)


def _role(case: Case, event: Event) -> Case:
    role, person = text_of(event.data.get("role")), text_of(event.data.get("person"))
    if not role:
        return case
    roles = {key: value for key, value in case.roles.items() if key != role}
    if person:
        roles[role] = person
    times = dict(case.times)
    if role == "ic" and person:
        times.setdefault("acknowledged_at", event.occurred_at)
    offered = tuple(one for one in case.handoffs if one.role != role)
    return replace(case, roles=roles, times=times, handoffs=offered)


def _handoff(case: Case, event: Event) -> Case:
    role, taker = text_of(event.data.get("role")), text_of(event.data.get("to"))
    if not role or not taker:
        return case
    offer = Handoff(
        role, text_of(event.data.get("from")), taker, text_of(event.data.get("brief")), event.occurred_at, event.id
    )
    return replace(case, handoffs=(*(one for one in case.handoffs if one.role != role), offer))


def _review(case: Case, event: Event) -> Case:
    return replace(case, review=text_of(event.data.get("status")) or case.review)


def free_name(wanted: str, taken: Iterable[str], author: str) -> str:
    """A name as it was given, or with the author behind it where two machines gave the same."""
    return wanted if wanted and wanted not in set(taken) else f"{wanted or 'X'}.{author}"


def _evidence(case: Case, event: Event) -> Case:
    data = event.data
    name = free_name(text_of(data.get("name")), (one.name for one in case.evidence), event.author)
    if any(one.name == name for one in case.evidence):
        return case
    item = EvidenceItem(
        name,
        event,
        text_of(data.get("kind")) or "note",
        event.text,
        text_of(data.get("source")),
        text_of(data.get("query")),
        window_of(data.get("window")),
        text_of(data.get("excerpt")),
        text_of(data.get("digest")),
        text_of(data.get("completeness")) or "COMPLETE",
        points_of(data.get("points")),
        text_of(data.get("unit")),
        data.get("supports") is not False,
        data.get("fact") is not False,
        data["samples"] if isinstance(data.get("samples"), int) else None,
        text_of(data.get("entry")),
    )
    return replace(case, evidence=(*case.evidence, item))


def _hypothesis(case: Case, event: Event) -> Case:
    name, to = text_of(event.data.get("name")), text_of(event.data.get("to"))
    known = case.hypothesis(name)
    try:
        state = HypothesisState(to or "draft")
    except ValueError:
        return case
    if known is not None and "statement" not in event.data:
        evidence = (*known.evidence, *(one for one in event.evidence if one not in known.evidence))
        interventions = known.interventions
        if event.data.get("intervention"):
            interventions = (*interventions, *(one for one in event.evidence if one not in interventions))
        changed = replace(
            known,
            state=state if to else known.state,
            evidence=evidence,
            interventions=interventions,
            rivals=(*known.rivals, *(r for r in texts_of(event.data.get("rivals")) if r not in known.rivals)),
            parent=known.parent or text_of(event.data.get("parent")) or None,
            superseded_by=text_of(event.data.get("by")) if to else known.superseded_by,
            reason=text_of(event.data.get("reason")) or known.reason,
            changed_at=event.occurred_at if to else known.changed_at,
            changed_by=event.source if to else known.changed_by,
        )
        return _put(case, changed)
    if "statement" not in event.data:
        return case
    made = Hypothesis(
        free_name(name, (one.name for one in case.hypotheses), event.author),
        event,
        text_of(event.data.get("statement")),
        text_of(event.data.get("mechanism")),
        texts_of(event.data.get("explains")),
        text_of(event.data.get("prior")) or "med",
        _number(event.data.get("cost")) or 5.0,
        texts_of(event.data.get("rivals")),
        text_of(event.data.get("parent")) or None,
        state,
        (),
        event.evidence,
        (),
        "",
        event.occurred_at,
    )
    return replace(case, hypotheses=(*case.hypotheses, made))


def _prediction(case: Case, event: Event) -> Case:
    known = case.hypothesis(text_of(event.data.get("hypothesis")))
    if known is None:
        return case
    made = Prediction(
        free_name(text_of(event.data.get("name")), (one.name for one in known.predictions), event.author),
        event.text,
        text_of(event.data.get("refutes")),
        event.data.get("must_hold") is not False,
        int(_number(event.data.get("min_samples")) or 1),
        _number(event.data.get("every_s")),
    )
    return _put(case, replace(known, predictions=(*known.predictions, made)))


def _result(case: Case, event: Event) -> Case:
    known = case.hypothesis(text_of(event.data.get("hypothesis")))
    name = text_of(event.data.get("prediction"))
    if known is None:
        return case
    window = window_of(event.data.get("window"))
    made = Result(
        event.occurred_at,
        _outcome(event.data.get("outcome")),
        _number(event.data.get("value")),
        int(samples) if (samples := _number(event.data.get("samples"))) is not None else None,
        _outcome(event.data.get("control")),
        event.text,
        event.id,
        _outcome(event.data.get("order")),
        _outcome(event.data.get("dose")),
        window.end if window is not None else None,
        instant(event.data.get("as_at")),
    )
    predictions = tuple(
        replace(one, results=(*one.results, made)) if one.name == name else one for one in known.predictions
    )
    return _put(case, replace(known, predictions=predictions))


def _put(case: Case, changed: Hypothesis) -> Case:
    return replace(case, hypotheses=tuple(changed if one.name == changed.name else one for one in case.hypotheses))


def _gate(case: Case, event: Event) -> Case:
    return replace(case, blocks=(*case.blocks, (text_of(event.data.get("rule")), event.recorded_at)))


def _override(case: Case, event: Event) -> Case:
    made = Override(
        text_of(event.data.get("rule")), text_of(event.data.get("says")), text_of(event.data.get("reason")), event
    )
    blocks = tuple(one for one in case.blocks if one[0] != made.rule)
    return replace(case, overrides=(*case.overrides, made), blocks=blocks)


def _mitigation(case: Case, event: Event) -> Case:
    return replace(case, mitigations=(*case.mitigations, event))


def _contract(case: Case, event: Event) -> Case:
    return replace(case, contract=event.data)


def _recovery(case: Case, event: Event) -> Case:
    return replace(case, recovery=event)


def _repro(case: Case, event: Event) -> Case:
    return replace(case, repros=(*case.repros, event))


def _fix(case: Case, event: Event) -> Case:
    return replace(case, fixes=(*case.fixes, event))


def _comms(case: Case, event: Event) -> Case:
    return replace(case, updates=(*case.updates, event))


def _snapshot(case: Case, event: Event) -> Case:
    times = dict(case.times)
    diagnosis = event.data.get("diagnosis")
    onset = instant(diagnosis.get("onset")) if isinstance(diagnosis, Mapping) else None
    if onset is not None:
        times.setdefault("impact_started_at", onset)
    return replace(case, snapshots=(*case.snapshots, event), times=times)


def _follow_up(case: Case, event: Event) -> Case:
    data, name = event.data, text_of(event.data.get("name"))
    known = next((one for one in case.follow_ups if one.name == name), None)
    if known is not None:
        changed = replace(
            known,
            status=text_of(data.get("status")) or known.status,
            owner=text_of(data.get("owner")) or known.owner,
            due=text_of(data.get("due")) or known.due,
        )
        return replace(case, follow_ups=tuple(changed if one.name == name else one for one in case.follow_ups))
    made = FollowUp(
        name or "A?",
        event.text,
        text_of(data.get("type")) or "process",
        text_of(data.get("owner")),
        text_of(data.get("due")),
        text_of(data.get("done_when")),
        text_of(data.get("status")) or "open",
        event,
    )
    return replace(case, follow_ups=(*case.follow_ups, made))


_STEPS: Mapping[str, Callable[[Case, Event], Case]] = {
    "opened": _opened,
    "title": _title,
    "impact": _impact,
    "state": _state,
    "severity": _severity,
    "role": _role,
    "handoff": _handoff,
    "review": _review,
    "evidence": _evidence,
    "hypothesis": _hypothesis,
    "prediction": _prediction,
    "result": _result,
    "gate": _gate,
    "override": _override,
    "mitigation": _mitigation,
    "contract": _contract,
    "recovery": _recovery,
    "repro": _repro,
    "fix": _fix,
    "comms": _comms,
    "snapshot": _snapshot,
    "follow_up": _follow_up,
}


# What is read of JSON values that anybody may have written.


def text_of(value: Any) -> str:
    """A text, or nothing."""
    return value if isinstance(value, str) else ""


def texts_of(value: Any) -> tuple[str, ...]:
    """The texts of a list, or none."""
    return tuple(one for one in value if isinstance(one, str)) if isinstance(value, (list, tuple)) else ()


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def instant(value: Any) -> Instant | None:
    """The instant that an RFC 3339 text names."""
    try:
        return parse_time(value, 0.0) if isinstance(value, str) and value else None
    except BadTime:
        return None


def window_of(value: Any) -> Window | None:
    """A window from its two times."""
    if not isinstance(value, Mapping):
        return None
    start, end = instant(value.get("start")), instant(value.get("end"))
    return Window(start, end) if start is not None and end is not None and start <= end else None


def points_of(value: Any) -> tuple[tuple[Instant, float | None], ...]:
    """The points of a series: pairs of epoch seconds and a number, or null for a gap."""
    if not isinstance(value, (list, tuple)):
        return ()
    found = []
    for pair in value:
        if isinstance(pair, (list, tuple)) and len(pair) == 2 and (at := _number(pair[0])) is not None:
            found.append((at, _number(pair[1])))
    return tuple(found)


def _outcome(value: Any) -> Outcome:
    try:
        return Outcome(value)
    except ValueError:
        return Outcome.UNKNOWN
