"""The screen is told what is new, has the whole state all the same, and is spared ages that can wait."""

from __future__ import annotations

from dataclasses import replace

from console.live.collector import PUBLISH_AT_LEAST_S
from console.live.difference import Difference, Slid, changed, difference
from console.live.process import AGES_EVERY_S, ALIVE_EVERY_S, Said
from console.live.session import SILENT_AFTER_S
from console.state import ConsoleState, LogsView, Status, Word
from tests.widgets.samples import incident


def arrived(states: list[ConsoleState], pause_s: float = AGES_EVERY_S) -> list[ConsoleState | None]:
    """What the screen knows after each of these."""
    said = Said()
    known: ConsoleState | None = None
    all_known = []
    for number, state in enumerate(states):
        told = said.of(state, number * pause_s)
        if isinstance(told, Difference):
            assert known is not None
            known = changed(known, told)
        elif told is not None:
            known = told
        all_known.append(known)
    return all_known


def aged(state: ConsoleState, seconds: float) -> ConsoleState:
    """The same, later."""
    logs = replace(state.logs, status=replace(state.logs.status, age_s=seconds))
    return replace(state, now=state.now + seconds, header=replace(state.header, now=state.now + seconds), logs=logs)


def test_every_state_arrives_whole() -> None:
    first = incident()
    older = aged(first, 2.0)
    fewer = replace(older, logs=replace(older.logs, records=older.logs.records[1:]))
    grown = replace(fewer, logs=replace(fewer.logs, records=(*fewer.logs.records[1:], first.logs.records[0])))
    none = replace(grown, logs=LogsView(), signals=None, diagnosis=None)
    states = [first, older, older, fewer, grown, none, none, first]
    assert arrived(states) == states


def test_what_stayed_is_the_very_same_object() -> None:
    first = incident()
    known = arrived([first, aged(first, 2.0)])[-1]
    assert known is not None
    assert known.diagnosis is first.diagnosis and known.signals is first.signals
    assert known.logs.records is first.logs.records


def test_a_tail_that_moves_on_is_told_by_what_it_lost_and_got() -> None:
    first = incident()
    records = first.logs.records
    told = difference(first.logs, replace(first.logs, records=(*records[2:], records[0])))
    assert told.changed == {"records": Slid(2, (records[0],))}


def test_ages_alone_wait_and_everything_else_does_not() -> None:
    said, state = Said(), incident()
    assert said.of(state, 0.0) is state
    assert said.of(aged(state, 0.5), 0.5) is None
    down = replace(state, logs=replace(state.logs, status=Status(Word.DOWN)))
    told = said.of(aged(down, 0.0), 0.6)
    assert isinstance(told, Difference) and set(told.names()) >= {"word"}
    assert said.of(aged(down, 1.0), 2.5) is None
    assert isinstance(said.of(aged(down, 2.0), 2.6), Difference)


def test_the_time_alone_waits_longer_but_not_until_the_collector_seems_gone() -> None:
    said, state = Said(), incident()
    assert said.of(state, 0.0) is state
    later = replace(state, now=state.now + 2.5, header=replace(state.header, now=state.now + 2.5))
    assert said.of(later, 2.5) is None
    told = said.of(later, ALIVE_EVERY_S)
    assert isinstance(told, Difference) and set(told.names()) == {"now"}
    assert 2 * (ALIVE_EVERY_S + PUBLISH_AT_LEAST_S) <= SILENT_AFTER_S, "two in a row may be late"
