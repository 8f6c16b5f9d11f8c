"""Where the fault is a provider's: no commit of ours mends it. What stands instead of a fix branch, and the ticket. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from console.domain.diagnosis import Diagnosis, Suspect
from console.domain.instant import clock_text, rfc3339
from console.domain.logs import Level, LogRecord
from console.domain.text import SafeText
from console.domain.topology import DependencyState
from console.domain.values import dataclass
from console.guard.redact import redact
from console.guard.sanitise import safe

MOST_REQUESTS = 5
"""Request ids in a ticket: enough to find the rest."""
MOST_TEXT = 100


@dataclass(frozen=True, slots=True)
class ProviderView:
    """A provider at fault."""

    name: str
    answer: SafeText
    """Why there is nothing of ours to mend."""
    changes: SafeText
    """How many changes of ours can explain it."""
    claims: tuple[SafeText, ...]
    """What speaks for the provider's fault."""
    against: tuple[SafeText, ...]
    mitigations: tuple[str, ...]
    """What can be done meanwhile."""
    fields: tuple[tuple[str, SafeText], ...]
    """Of the message to the provider, by the names of its template."""
    ticket: SafeText = SafeText("")
    """The message to the provider."""


def provider_of(
    name: str,
    diagnosis: Diagnosis | None,
    state: DependencyState | None,
    heading: SafeText,
    records: Sequence[LogRecord],
    mitigations: Sequence[str],
) -> ProviderView:
    """What is known of a provider that is at fault.

    Args:
        state: Its health as our own calls show it; None: not known.
        heading: How many changes can explain what happened.
        records: Lines that name it, oldest first.
        mitigations: What can be done in such a case.
    """
    suspects = diagnosis.suspects if diagnosis is not None else ()
    mine = next((one for one in suspects if one.subject == name), None)
    explains = diagnosis.change_explains if diagnosis is not None else None
    why = "no change of ours explains it" if explains is False else "it is not ours to change"
    return ProviderView(
        name,
        safe(f"{name} is a provider: {why}; what is left is to stop the harm here, and a ticket there"),
        heading,
        _claims(mine, supports=True),
        _claims(mine, supports=False),
        tuple(mitigations),
        tuple(_fields(name, diagnosis, state, records)),
    )


def _claims(suspect: Suspect | None, *, supports: bool) -> tuple[SafeText, ...]:
    found = suspect.evidence if suspect is not None else ()
    return tuple(one.claim for one in found if one.supports is supports)


def _fields(
    name: str, diagnosis: Diagnosis | None, state: DependencyState | None, records: Sequence[LogRecord]
) -> list[tuple[str, SafeText]]:
    onset = diagnosis.onset if diagnosis is not None else None
    found = [("provider", safe(name)), ("symptom", _symptom(name, state))]
    found.append(("started_at", safe(rfc3339(onset)[:19].replace("T", " ") if onset is not None else "lately")))
    return [*found, ("requests", _requests(records) or SafeText("none are known"))]


def _symptom(name: str, state: DependencyState | None) -> SafeText:
    parts = []
    if state is not None and state.error_rate is not None:
        parts.append(f"{state.error_rate * 100:.0f} % of our calls to {name} fail")
    if state is not None and state.latency_p95_s is not None:
        parts.append(f"95 % of them end within {state.latency_p95_s:.2g} s")
    return safe(", ".join(parts) or f"our calls to {name} fail or take long")


def _requests(records: Sequence[LogRecord]) -> SafeText:
    """Trace ids of failing requests with their times and what our side saw, the newest first; each once."""
    found: dict[str, str] = {}
    for record in reversed(records):
        if record.level >= Level.ERROR and record.trace_id and record.at is not None and record.status is None:
            said = redact(safe(record.message, MOST_TEXT))
            found.setdefault(record.trace_id, f"{record.trace_id} ({clock_text(record.at)}: {said})")
        if len(found) == MOST_REQUESTS:
            break
    return safe("; ".join(found.values()), 2000)
