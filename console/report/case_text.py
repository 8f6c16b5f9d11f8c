"""A case as text for a person at a terminal; the same lines read aloud make sense."""

from __future__ import annotations

from collections.abc import Iterable
from zoneinfo import ZoneInfo

from console.case.brief import first_line
from console.case.events import Event
from console.case.gates import banners
from console.case.hypotheses import next_test
from console.case.model import Case, Hypothesis
from console.case.severity import suggested
from console.domain.instant import Instant, clock_text, span_text
from console.report.case_json import durations

NAMES = {
    "ttd_s": "detected after",
    "tta_s": "acknowledged after",
    "tti_s": "identified after",
    "ttm_s": "mitigated after",
    "ttr_resolve_s": "resolved after",
}
RECENT = 12


def case_lines(case: Case, now: Instant, zone: ZoneInfo, *, whole: bool = False) -> list[str]:
    """The case, the newest entries last.

    Args:
        whole: The whole timeline, not only its newest entries.
    """
    roles = ", ".join(f"{role} {person}" for role, person in sorted(case.roles.items())) or "nobody assigned"
    lines = [
        f"{case.id}  {case.title}",
        f"{case.state}, severity {severity_words(case)}; {roles}; {len(case.events)} entries by {', '.join(case.authors)}",
    ]
    impact = case.impact.get("statement") or case.impact.get("measured")
    lines.append(f"impact: {impact or 'not written down'}")
    lines.append(f"recovery: {recovery_words(case, zone, now)}")
    told = [f"{NAMES[name]} {span_text(value)}" for name, value in durations(case).items() if value is not None]
    lines += [", ".join(told)] if told else []
    lines += [f"! {gate.says} ({gate.rule})" for gate in banners(case, now)]
    lines += [f"! {one.role} is offered to {one.taker} and not accepted yet" for one in case.handoffs]
    for one in case.hypotheses:
        lines += hypothesis_lines(one, now)
    test = next_test(case, now)
    if test is not None:
        lines.append(f"cheapest next test: {test[0].name}.{test[1].name} {test[1].text}")
    lines += [f"{one.name} {'fact' if one.fact else 'inference'}: {first_line(one.claim)}" for one in case.evidence]
    lines += [
        f"{one.name} {one.status}: {first_line(one.text)} ({one.owner or 'no owner'}, {one.due or 'no day'})"
        for one in case.follow_ups
    ]
    lines += [f"override of {one.rule}: {one.reason} ({one.event.author})" for one in case.overrides]
    events = case.timeline()
    shown = events if whole else events[-RECENT:]
    if len(events) > len(shown):
        lines.append(f"… {len(events) - len(shown)} earlier entries: --timeline shows all")
    lines += timeline_lines(shown, now, zone)
    lines += [f"! {p.file} line {p.line}: {p.says}" for p in case.problems]
    return lines


def severity_words(case: Case) -> str:
    """The severity, and beside it what the impact suggests where that is another."""
    found = suggested(case.impact)
    told = case.severity or "not set"
    return (
        told
        if found is None or found.severity == case.severity
        else f"{told} (suggested {found.severity}: {found.why})"
    )


def timeline_lines(events: Iterable[Event], now: Instant, zone: ZoneInfo) -> list[str]:
    """One line for each entry, by when it happened; what was written down later says so."""
    return [
        f"{clock_text(e.occurred_at, zone, now=now)}  {e.author}  {e.kind}  {first_line(e.text)}"
        + (f"  (written {clock_text(e.recorded_at, zone, now=now)})" if e.late else "")
        for e in events
    ]


def hypothesis_lines(one: Hypothesis, now: Instant) -> list[str]:
    """A hypothesis and its predictions."""
    because = f", {one.mechanism}" if one.mechanism else ""
    lines = [f"{one.name} {one.standing}: {one.statement}{because}"]
    for p in one.predictions:
        status = f"stale ({p.outcome})" if p.stale(now) else str(p.outcome)
        weak = f"; {p.weak}" if p.weak else ""
        must = "must hold" if p.must_hold else "may hold"
        end = p.last.as_at if p.last is not None else None
        as_at = f", as at the mitigation at {clock_text(end, now=now)} UTC" if end is not None else ""
        lines.append(f"   {one.name}.{p.name} {status}: {p.text} ({must}{as_at}{weak})")
    return lines


def recovery_words(case: Case, zone: ZoneInfo, now: Instant) -> str:
    """The newest verdict."""
    if case.recovery is None:
        return "no verdict"
    when = clock_text(case.recovery.occurred_at, zone, now=now)
    return f"{case.recovery.data.get('verdict')} at {when}{f': {reason}' if (reason := case.recovery.data.get('reason')) else ''}"


def list_lines(cases: Iterable[Case], now: Instant) -> list[str]:
    """One line for each case."""
    lines = []
    for case in cases:
        age = span_text(now - case.opened_at) if case.opened_at else "?"
        lines.append(f"{case.id}  {case.severity or '-'}  {case.state}  {age}  {case.title}")
    return lines
