"""What a state has in common with the last one is not sent again, and is there all the same."""

from __future__ import annotations

from dataclasses import replace

from console.live.process import as_said, shortened
from console.state import ConsoleState, LogsView
from tests.widgets.samples import incident


def sent(states: list[ConsoleState]) -> tuple[list[ConsoleState], list[frozenset[str]]]:
    """What arrives of these, and what of each was left out."""
    last: ConsoleState | None = None
    known: ConsoleState | None = None
    arrived, left_out = [], []
    for state in states:
        (short, repeated), last = shortened(last, state), state
        known = as_said(known, short, repeated)
        arrived.append(known)
        left_out.append(repeated)
    return arrived, left_out


def test_every_state_arrives_whole() -> None:
    first = incident()
    older = replace(first, now=first.now + 2.0)
    fewer = replace(older, logs=replace(older.logs, records=older.logs.records[1:]))
    none = replace(fewer, logs=LogsView(), diagnosis=None)
    states = [first, older, older, fewer, none, none, first]
    arrived, left_out = sent(states)
    assert arrived == states
    assert "records" in left_out[1] and "records" not in left_out[3]
    assert left_out[0] == left_out[5] == left_out[6] == frozenset()
