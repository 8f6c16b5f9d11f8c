"""What the console's own sources tell of the service that a reproduction asks. Unknown where they do not tell it now."""

from __future__ import annotations

from console.state import ConsoleState, SignalsView, Word, route_of

_TOLD = (Word.LIVE, Word.PARTIAL)


def route_rate(state: ConsoleState, service: str, operation: str) -> float | None:
    """Requests a second that a route gets, over the stretch that its failures are counted in; None: not known."""
    signals = _told_now(state)
    if signals is None or not operation:
        return None
    route = route_of(operation)
    total = next(
        (row.total for row in signals.operations if (row.service, route_of(row.operation)) == (service, route)),
        None,
    )
    window = signals.axis.window
    onset = state.diagnosis.onset if state.diagnosis is not None else None
    seconds = window.end - (onset if onset is not None and onset in window else window.start)
    return total / seconds if total is not None and seconds > 0 else None


def error_rate(state: ConsoleState, service: str) -> float | None:
    """The newest error rate of a service, 0 to 1; None: not known."""
    signals = _told_now(state)
    return next((row.errors.last for row in signals.services if row.name == service), None) if signals else None


def _told_now(state: ConsoleState) -> SignalsView | None:
    """The signals, where they are of now and not older than their sources promise."""
    signals = state.signals
    return signals if state.live and signals is not None and signals.status.word in _TOLD else None
