"""What the reproduction of a case showed, as far as it says something about what is deployed. Pure."""

from __future__ import annotations

from console.case.events import Event
from console.case.model import Case
from console.domain.recovery import Proof
from console.guard.sanitise import safe

VERDICTS = frozenset(("FIXED", "STILL FAILING", "INCONCLUSIVE"))


def proofs_of(case: Case) -> tuple[Proof, ...]:
    """Runs in which it failed, and verifications; not those of a branch's own server, which nobody has deployed."""
    events = sorted((*case.repros, *case.fixes), key=lambda event: event.occurred_at)
    found = ((event, _state(event)) for event in events if event.id not in case.corrected)
    return tuple(
        Proof(event.occurred_at, state, safe(str(event.data.get("environment") or ""), 100))
        for event, state in found
        if state
    )


def _state(event: Event) -> str:
    """Empty: it says nothing; two environments side by side are no run of one."""
    if event.kind == "repro":
        return "REPRODUCED" if event.data.get("reproduced") is True and "sides" not in event.data else ""
    state = event.data.get("state")
    return str(state) if state in VERDICTS and not event.data.get("branch") else ""
