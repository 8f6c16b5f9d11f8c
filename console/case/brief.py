"""Short texts made from the record: the brief of a handoff, and what happened since somebody last looked. Pure."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from console.case.gates import banners
from console.case.hypotheses import next_test
from console.case.model import Case, HypothesisState
from console.domain.instant import Instant, clock_text, span_text

SINCE_LINES = 20
"""Lines of "since you last looked": as many as are read before the first key is pressed."""
KEY_KINDS = frozenset(
    {"state", "severity", "role", "mitigation", "action", "decision", "hypothesis", "override", "recovery", "fix"}
)
SHOWN = frozenset({HypothesisState.OPEN, HypothesisState.SUPPORTED, HypothesisState.CONFIRMED})


def handoff_brief(case: Case, now: Instant) -> str:
    """What somebody must know who takes over."""
    lines = [
        f"{case.title}: {case.state}, severity {case.severity or 'not set'}.",
        f"Impact: {case.impact.get('statement') or 'not written down'}.",
    ]
    key = [event for event in case.timeline() if event.kind in KEY_KINDS][-5:]
    lines += [f"{clock_text(event.occurred_at, now=now)} {first_line(event.text)}" for event in key]
    living = [one for one in case.hypotheses if one.state in SHOWN]
    lines += [f"{one.name} ({one.state}): {first_line(one.statement)}" for one in living]
    test = next_test(case, now)
    if test is not None:
        lines.append(f"Next check: {test[0].name}.{test[1].name} {first_line(test[1].text)}")
    flying = [event for event in case.mitigations if not event.data.get("ended")]
    lines += [f"In flight: {first_line(event.text)} (risk {event.data.get('risk') or 'not said'})" for event in flying]
    due = next((u.data.get("next_due") for u in reversed(case.updates) if u.data.get("next_due")), None)
    lines.append(f"Next message due: {due or 'not planned'}.")
    paged = ", ".join(f"{role} {person}" for role, person in sorted(case.roles.items()))
    lines.append(f"On it: {paged or 'nobody'}.")
    return "\n".join(lines)


def since_you_looked(case: Case, looked_at: Instant | None, now: Instant, zone: ZoneInfo) -> list[str]:
    """What was written since then: at most `SINCE_LINES` lines, the newest last, what is left out counted.

    One's own entries too: an account may be shared, and what the console wrote by itself is news.
    """
    repeated = case.repeated
    fresh = [
        event
        for event in case.events
        if (looked_at is None or event.recorded_at > looked_at)
        and event.kind not in ("gate", "prediction")
        and event.id not in repeated
    ]
    head = (
        f"since you last looked ({clock_text(looked_at, zone, now=now)}, {span_text(now - looked_at)} ago): "
        if looked_at is not None
        else "the record so far: "
    )
    warnings = [f"! {gate.says} ({gate.rule})" for gate in banners(case, now)][:4]
    if not fresh:
        return [f"{head}nothing new; {case.state}, severity {case.severity or 'not set'}", *warnings]
    room = SINCE_LINES - 1 - len(warnings)
    shown, left = fresh, 0
    if len(fresh) > room:
        key = [event for event in fresh if event.kind in KEY_KINDS][-(room - 1) :]
        rest = [event for event in fresh if event.kind not in KEY_KINDS]
        kept = {id(event) for event in (*key, *rest[len(rest) - max(0, room - 1 - len(key)) :])}
        shown = [event for event in fresh if id(event) in kept]
        left = len(fresh) - len(shown)
    counted = (
        f"{len(fresh)} entr{'y' if len(fresh) == 1 else 'ies'}; {case.state}, severity {case.severity or 'not set'}"
    )
    lines = [f"{head}{counted}", *warnings]
    if left:
        lines.append(f"  … {left} more: `incident case show {case.id} --timeline`")
    lines += [
        f"  {clock_text(event.occurred_at, zone, now=now)} {event.author}: {first_line(event.text)}" for event in shown
    ]
    return lines[:SINCE_LINES]


def first_line(text: str, most: int = 160) -> str:
    """The first line of a text, cut where it is long."""
    line = text.split("\n", 1)[0]
    more = "…" if "\n" in text or len(line) > most else ""
    return line[:most] + more
