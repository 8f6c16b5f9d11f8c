"""Terminals that stall, change their size, are small or large, slow to start on, or left alone."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests.terminal.project import Project
from tests.terminal.running import Console, cpu_seconds, running
from tests.waiting import Stopwatch

pytestmark = pytest.mark.slow

HISTORY_ERRORS = 209
STALL_S = 8.0
ANSWER_S = 1.0


def meanwhile(console: Console, seconds: float, turn: Callable[[int], object], every_s: float = 0.2) -> int:
    """Do something again and again for a time; returns how often."""
    end, number = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        turn(number)
        number += 1
        console._closing.wait(every_s)
    return number


def test_a_stalled_terminal_stops_neither_collection_nor_keys(project: Project) -> None:
    with running(project.config, (250, 80)) as console:
        console.judged()
        console.shows(f"{HISTORY_ERRORS} lines")
        before = len(console.data())
        console.paused.set()
        turns = meanwhile(console, STALL_S, lambda n: project.append(*(f"stalled {n} of {k}" for k in range(25))))
        assert len(console.data()) == before
        project.append("the newest line of all")
        answering = Stopwatch(console.pid)
        console.paused.clear()
        console.send(b"5z")
        console.shows("┏ 5 Upstreams")
        console.shows_no("1 Signals")
        assert answering.seconds() < ANSWER_S
        console.send(b"z")
        console.shows("the newest line of all", f"{HISTORY_ERRORS + 25 * turns + 1:,} lines")
        assert console.wait(0) is None


def test_keys_typed_into_a_stalled_terminal_are_carried_out(project: Project) -> None:
    with running(project.config, (250, 80)) as console:
        console.judged()
        console.paused.set()
        meanwhile(console, 3.0, lambda n: project.append(*(f"stalled {n} of {k}" for k in range(25))))
        console.type(b"4", b"z")
        console.paused.clear()
        console.shows("┏ 4 Changes")
        console.shows_no("1 Signals")


def test_a_storm_of_sizes_costs_little_and_ends_in_the_right_screen(project: Project) -> None:
    with running(project.config) as console:
        console.judged()
        used, storm = cpu_seconds(console.pid), Stopwatch(console.pid)
        for number in range(200):
            console.resize(*((1, 1) if number % 20 == 7 else (1 + number * 37 % 250, 1 + number * 11 % 80)))
            console._closing.wait(0.012)
        assert storm.seconds() < 10
        assert console.wait(0) is None
        console.resize(100, 30)
        settle(console, 100, 30)
        assert cpu_seconds(console.pid) - used < 3.0
        console.until(lambda: whole(console, 100, 30), "screen of the last size")
        console.send(b"z")
        console.shows_no("2 Suspects")


def settle(console: Console, columns: int, rows: int) -> None:
    """After a change of size: let what was meant for other sizes arrive, and then have everything painted again."""

    def painted() -> bool:
        try:
            return "? help" in console.screen()
        except AssertionError:  # it was for another size
            console.forget(columns, rows)
            console.send(b"\x0c")
            return False

    console.forget(columns, rows)
    console.send(b"\x0c")
    console.until(painted, f"screen of {columns}x{rows}")


def whole(console: Console, columns: int, rows: int) -> bool:
    """Header, frames and footer stand where they belong on a screen of this size."""
    lines = console.screen().splitlines()
    return (
        len(lines) == rows
        and "INCIDENT" in lines[0]
        and lines[2].startswith("┏ 1 Signals")
        and lines[-1].startswith(" ? help")
        and max(map(len, lines)) == columns
    )


@pytest.mark.parametrize(
    ("size", "words"),
    [
        ((80, 24), ("failing", "checkout", "since", "1 Signals", "3 Logs", "order refused", "? help")),
        (
            (120, 40),
            ("INCIDENT", "since", "1 Signals", "2 Suspects", "3 Logs", "4 Changes", "5 Upstreams", "POST /orders"),
        ),
        (
            (250, 80),
            (
                "INCIDENT",
                "1 Signals",
                "2 Suspects",
                "3 Logs",
                "4 Changes",
                "5 Upstreams",
                "leading",
                "v2",
                "order refused",
            ),
        ),
    ],
    ids=["80x24", "120x40", "250x80"],
)
def test_the_first_screen_of_a_size(project: Project, size: tuple[int, int], words: tuple[str, ...]) -> None:
    with running(project.config, size) as console:
        console.shows(*words)
        assert max(map(len, console.screen().splitlines())) <= size[0]


@pytest.mark.parametrize("size", [(1, 1), (3, 2), (20, 5), (500, 200)], ids=repr)
def test_no_size_ends_it(project: Project, size: tuple[int, int]) -> None:
    with running(project.config, size) as console:
        console.until(lambda: len(console.below()) >= 2, "collector")
        for keys in (b"z", b"?", b"\x1b", b":", b"\x1b", b"/", b"\x1b", b"3", b"\r", b"\x7f"):
            console.type(keys)
        console.resize(120, 40)
        settle(console, 120, 40)
        console.shows("INCIDENT", "checkout", "? help")


def test_the_first_words_come_at_once(project: Project) -> None:
    """Within two seconds; where others keep the machine busy, within as much of the processor's time."""
    with running(project.config) as console:
        console.shows("1 Signals", "3 Logs", "? help")
        assert min(cpu_seconds(console.pid), time.monotonic() - console.started) < 2.0


def test_a_frozen_screen_says_nothing(project: Project) -> None:
    with running(project.config) as console:
        console.judged()
        console.send(b"P")
        console.shows("FROZEN")
        meanwhile(console, 1.0, lambda n: None)
        begun, used = time.monotonic(), cpu_seconds(console.pid)
        meanwhile(console, 5.0, lambda n: project.append(f"behind the glass {n}"))
        took = time.monotonic() - begun
        assert console.bytes_between(begun, begun + took) / took < 200
        assert (cpu_seconds(console.pid) - used) / took < 0.15
        assert "behind the glass" not in console.screen()
        console.send(b"P")
        console.shows("behind the glass")
