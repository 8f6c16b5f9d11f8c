"""A case as JSON, for scripts: `incident case show --json` and the front of `incident report --json`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from console.case.events import Event
from console.case.gates import banners
from console.case.hypotheses import next_test
from console.case.model import Case, EvidenceItem, Hypothesis, Prediction
from console.domain.instant import Instant, rfc3339
from console.report.shape import window_json

SCHEMA_VERSION = 1
METRICS = (
    ("ttd_s", "detected_at", "impact_started_at"),
    ("tta_s", "acknowledged_at", "detected_at"),
    ("tti_s", "identified_at", "detected_at"),
    ("ttm_s", "mitigated_at", "impact_started_at"),
    ("ttr_resolve_s", "resolved_at", "impact_started_at"),
)
"""Durations of the incident: later moment, earlier moment. A moment that is missing gives null, never 0."""
MOMENTS = (
    *("impact_started_at", "detected_at", "acknowledged_at", "declared_at", "identified_at"),
    *("mitigated_at", "resolved_at", "closed_at"),
)


def durations(case: Case) -> dict[str, float | None]:
    """Seconds between the moments of the incident; null where one is missing or they stand the wrong way round."""
    found: dict[str, float | None] = {}
    for name, later, earlier in METRICS:
        end, start = case.times.get(later), case.times.get(earlier)
        found[name] = round(end - start, 3) if end is not None and start is not None and end >= start else None
    return found


def case_json(case: Case, now: Instant) -> dict[str, Any]:
    """The whole case."""
    test = next_test(case, now)
    return {
        "schema_version": SCHEMA_VERSION,
        **summary_json(case),
        "summary": case.summary or None,
        "impact": dict(case.impact),
        "detection_source": case.detection,
        **{name: _time(case.times.get(name)) for name in MOMENTS},
        "metrics": {**durations(case), "reopened": case.reopened, "overrides": len(case.overrides)},
        "roles": dict(case.roles),
        "handoffs": [{"role": h.role, "from": h.giver, "to": h.taker, "proposed_at": rfc3339(h.proposed_at)} for h in case.handoffs],
        "cycles": [
            {"started_at": rfc3339(c.started_at), "mitigated_at": _time(c.mitigated_at), "resolved_at": _time(c.resolved_at)}
            for c in case.cycles
        ],
        "hypotheses": [hypothesis_json(one, now) for one in case.hypotheses],
        "next_test": {"hypothesis": test[0].name, "prediction": test[1].name, "text": test[1].text} if test else None,
        "evidence": [evidence_json(one) for one in case.evidence],
        "recovery": {
            "verdict": case.recovery.data.get("verdict") if case.recovery is not None else None,
            "at": _time(case.recovery.occurred_at) if case.recovery is not None else None,
            "reason": case.recovery.data.get("reason") if case.recovery is not None else None,
            "contract": dict(case.contract) if case.contract is not None else None,
        },
        "mitigations": [event_json(one) for one in case.mitigations],
        "repros": [event_json(one) for one in case.repros],
        "fixes": [event_json(one) for one in case.fixes],
        "updates": [event_json(one) for one in case.updates],
        "actions": [
            {"name": a.name, "text": a.text, "type": a.type, "owner": a.owner or None, "due": a.due or None,
             "done_when": a.done_when or None, "status": a.status}
            for a in case.follow_ups
        ],
        "overrides": [
            {"rule": o.rule, "says": o.says, "reason": o.reason, "author": o.event.author, "at": rfc3339(o.event.recorded_at)}
            for o in case.overrides
        ],
        "review": case.review or None,
        "merged_into": case.merged_into,
        "banners": [{"rule": gate.rule, "says": gate.says} for gate in banners(case, now)],
        "timeline": timeline_json(case.timeline()),
        "problems": [{"file": p.file, "line": p.line, "says": p.says} for p in case.problems],
    }  # fmt: skip


def summary_json(case: Case) -> dict[str, Any]:
    """One case of a list."""
    return {
        "id": case.id,
        "title": case.title,
        "severity": case.severity,
        "state": str(case.state),
        "services": list(case.services),
        "opened_at": _time(case.opened_at or None),
        "updated_at": _time(max((event.recorded_at for event in case.events), default=None)),
        "authors": list(case.authors),
        "entries": len(case.events),
    }


def timeline_json(events: Iterable[Event]) -> list[dict[str, Any]]:
    """Entries in the order given."""
    return [event_json(one) for one in events]


def event_json(event: Event) -> dict[str, Any]:
    """One entry."""
    return {
        "id": event.id,
        "occurred_at": rfc3339(event.occurred_at),
        "recorded_at": rfc3339(event.recorded_at),
        "author": event.author,
        "source": event.source,
        "kind": event.kind,
        "text": event.text,
        "certainty": event.certainty,
        "evidence": [name for name in (*event.evidence, _own_name(event)) if name],
        "supersedes": event.supersedes,
    }


def _own_name(event: Event) -> str:
    name = event.data.get("name") if event.kind == "evidence" else ""
    return name if isinstance(name, str) else ""


def evidence_json(one: EvidenceItem) -> dict[str, Any]:
    """One piece of evidence with what is needed to see it again."""
    return {
        "name": one.name,
        "kind": one.kind,
        "claim": one.claim,
        "fact": one.fact,
        "supports": one.supports,
        "source": one.source or None,
        "query": one.query or None,
        "window": window_json(one.window),
        "digest": one.digest,
        "excerpt": one.excerpt or None,
        "completeness": one.completeness,
        "samples": one.samples,
        "captured_at": rfc3339(one.event.recorded_at),
        "author": one.event.author,
    }


def hypothesis_json(one: Hypothesis, now: Instant) -> dict[str, Any]:
    """One hypothesis with its predictions."""
    return {
        "name": one.name,
        "statement": one.statement,
        "mechanism": one.mechanism or None,
        "state": str(one.state),
        "reason": one.reason or None,
        "prior": one.prior,
        "explains": list(one.explains),
        "rivals": list(one.rivals),
        "parent": one.parent,
        "author": one.event.author,
        "created_at": rfc3339(one.event.occurred_at),
        "changed_at": rfc3339(one.changed_at),
        "evidence": list(one.evidence),
        "interventions": list(one.interventions),
        "predictions": [_prediction_json(p, now) for p in one.predictions],
    }


def _prediction_json(one: Prediction, now: Instant) -> dict[str, Any]:
    last = one.last
    return {
        "name": one.name,
        "text": one.text,
        "refutes": one.refutes or None,
        "must_hold": one.must_hold,
        "min_samples": one.min_samples,
        "status": "stale" if one.stale(now) else str(one.outcome),
        "discriminates": one.discriminates,
        "last_value": last.value if last else None,
        "samples": last.samples if last else None,
        "last_at": rfc3339(last.at) if last else None,
    }


def _time(at: Instant | None) -> str | None:
    return None if at is None else rfc3339(at)
