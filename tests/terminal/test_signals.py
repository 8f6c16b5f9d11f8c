"""However the console ends, the terminal is given back as it was and nothing of the program stays behind."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

from tests.terminal.project import Project
from tests.terminal.running import LEAVING, Console, all_end, cpu_seconds, running

pytestmark = pytest.mark.slow

WITH_CHILDREN = 3
"""The program, its log worker and its diagnosis."""
BLOCKED = "import os, signal, sys; signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGHUP]); os.execv(sys.argv[1], sys.argv[1:])"


def everything(console: Console) -> list[int]:
    """Wait until all of the program runs; its processes."""
    console.judged()
    console.until(lambda: len(console.below()) >= WITH_CHILDREN, "log worker and diagnosis")
    return console.below()


def gave_back(data: bytes) -> None:
    """The last that was said: the normal screen, the cursor, no paste, focus or key reports, and lines that wrap."""
    end = data[data.rindex(b"\x1b[?1049l") - 200 :]
    assert LEAVING in end
    for mode in (b"\x1b[?2004l", b"\x1b[?1004l", b"\x1b[<u", b"\x1b[?7h"):
        assert mode in end
    assert b"\x1b[?1049h" not in end and b"\x1b[?25l" not in end


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_with_its_own_code_and_gives_the_terminal_back(project: Project, number: int) -> None:
    with running(project.config) as console:
        before = console.modes()
        processes = everything(console)
        assert console.modes() != before
        os.kill(console.pid, number)
        assert console.ends() == 128 + number
        assert console.modes() == before
        gave_back(console.data())
        assert not all_end(processes)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_that_comes_while_the_screen_is_made_gives_the_terminal_back(project: Project, number: int) -> None:
    with running(project.config) as console:
        before = console.modes()
        console.until(lambda: b"\x1b[?1049h" in console.data(), "taken terminal")
        processes = console.below()
        os.kill(console.pid, number)
        assert console.ends() == 128 + number
        assert console.modes() == before
        gave_back(console.data())
        assert not all_end(processes)


@pytest.mark.parametrize("keys", [b"qq", b"\x03\x03"], ids=["q", "ctrl+c"])
def test_the_second_quit_key_ends_it(project: Project, keys: bytes) -> None:
    with running(project.config) as console:
        before = console.modes()
        processes = everything(console)
        console.send(keys[:1])
        console.shows("again quits")
        assert console.wait(0) is None
        console.send(keys[1:])
        assert console.ends() == 0
        assert console.modes() == before
        gave_back(console.data())
        assert not all_end(processes)


@pytest.mark.parametrize("before", [[], ["sh", "-c", 'trap "" HUP; exec "$@"', "sh"]], ids=["default", "nohup"])
def test_a_lost_connection_ends_it(project: Project, before: list[str]) -> None:
    with running(project.config, before=before) as console:
        processes = everything(console)
        console.hang_up()
        assert console.ends() == 129
        assert not all_end(processes)


def test_a_terminal_that_is_gone_is_noticed_without_any_signal(project: Project) -> None:
    """A process that is sent no SIGHUP reads an endless end of file: it must leave, and not spin until it does."""
    with running(project.config, before=[sys.executable, "-c", BLOCKED]) as console:
        processes = everything(console)
        used = cpu_seconds(console.pid)
        console.hang_up()
        console.until(lambda: console.wait(0.01) is not None or cpu_seconds(console.pid) - used > 2.0, "end")
        assert console.status == 129
        assert not all_end(processes)


def test_killed_it_takes_its_processes_along(project: Project) -> None:
    with running(project.config) as console:
        processes = everything(console)
        os.kill(console.pid, signal.SIGKILL)
        assert console.ends() == -signal.SIGKILL
        assert not all_end(processes)


@pytest.mark.parametrize("how", ["key", "signal"])
def test_suspended_and_continued_it_paints_everything_again(project: Project, how: str) -> None:
    with running(project.config) as console:
        before = console.modes()
        everything(console)
        raw = console.modes()
        console.send(b"\x1a") if how == "key" else os.kill(console.pid, signal.SIGTSTP)
        console.until(console.stopped, "stop")
        assert console.modes() == before
        console.until(lambda: LEAVING in console.data(), "normal screen")
        gave_back(console.data())
        suspended = len(console.data())
        project.append("written while nobody looked")
        console.forget(*console.size)
        os.kill(console.pid, signal.SIGCONT)
        console.shows("INCIDENT", "written while nobody looked", "1 Signals", "? help")
        assert console.modes() == raw
        again = console.data()[suspended:]
        assert b"\x1b[?1049h" in again and b"\x1b[?25l" in again and b"\x1b[?2004h" in again
        console.send(b"z")
        console.shows_no("2 Suspects")
        os.kill(console.pid, signal.SIGTERM)
        assert console.ends() == 143


def test_a_continue_without_a_stop_starts_no_second_reader(project: Project) -> None:
    """Two readers on one terminal: the first is never joined, and the process does not end."""
    with running(project.config) as console:
        console.shows("INCIDENT", "1 Signals")
        threads = Path(f"/proc/{console.pid}/task")
        before = len(list(threads.iterdir()))
        for turn in range(3):
            seen = len(console.data())
            console.forget(*console.size)
            os.kill(console.pid, signal.SIGCONT)
            console.shows("1 Signals", "? help")
            assert len(console.data()) > seen, turn
        console.until(lambda: len(list(threads.iterdir())) <= before, "as many threads as before")
        console.send(b"z")
        console.shows_no("2 Suspects")
        os.kill(console.pid, signal.SIGTERM)
        assert console.ends() == 143


def test_a_terminal_that_takes_nothing_does_not_keep_it_from_leaving(project: Project) -> None:
    with running(project.config, (250, 80)) as console:
        processes = everything(console)
        console.paused.set()
        for turn in range(40):
            console.resize(250 - turn % 2, 80)
            project.append(*(f"line {turn} {number}" for number in range(40)))
            console.until(lambda: True, "turn")
            console._closing.wait(0.1)
        os.kill(console.pid, signal.SIGTERM)
        assert console.ends(20) == 143
        assert not all_end(processes)
