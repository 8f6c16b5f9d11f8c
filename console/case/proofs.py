"""What the reproduction of a case showed, as far as it says something about what is deployed. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from console.case.events import Event
from console.case.model import Case
from console.domain.recovery import Proof
from console.guard.sanitise import safe
from console.repro.stats import passes_needed

VERDICTS = frozenset(("FIXED", "STILL FAILING", "INCONCLUSIVE"))


def proofs_of(case: Case) -> tuple[Proof, ...]:
    """Runs of what failed once and verifications, oldest first; not those of a branch's own server, which nobody has deployed."""
    events = sorted((*case.repros, *case.fixes), key=lambda event: event.occurred_at)
    events = [event for event in events if event.id not in case.corrected]
    found = ((event, _state(event, events[:n])) for n, event in enumerate(events))
    return tuple(
        Proof(event.occurred_at, state, safe(str(event.data.get("environment") or ""), 100))
        for event, state in found
        if state
    )


def _state(event: Event, before: Iterable[Event]) -> str:
    """Empty: it says nothing; two environments side by side are no run of one."""
    if event.kind != "repro":
        state = event.data.get("state")
        return str(state) if state in VERDICTS and not event.data.get("branch") else ""
    if "sides" in event.data:
        return ""
    return "REPRODUCED" if _failed(event) else _passed(event, before)


def _failed(event: Event) -> bool:
    return event.kind == "repro" and event.data.get("reproduced") is True and "sides" not in event.data


def _passed(event: Event, before: Iterable[Event]) -> str:
    """A run without a failure is a verification where the same request failed before: with as many clean passes as that takes."""
    same = [one for one in before if _failed(one) and one.data.get("request") == event.data.get("request")]
    needed = [count for one in same if (count := _needed(one)) is not None]
    tries = event.data.get("outcomes")
    if not needed or not isinstance(tries, (list, tuple)):
        return ""
    statuses = [one.get("status") if isinstance(one, dict) else None for one in tries]
    clean = [status for status in statuses if isinstance(status, int) and status < 400]
    return "FIXED" if len(clean) == len(statuses) and len(clean) >= min(needed) else "INCONCLUSIVE"


def _needed(event: Event) -> int | None:
    failures, tries = event.data.get("failures"), event.data.get("tries")
    if not (isinstance(failures, int) and isinstance(tries, int) and 0 < failures <= tries):
        return None
    return passes_needed(failures, tries)
