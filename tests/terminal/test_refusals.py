"""Where no screen can be shown, one sentence says so and what to use instead; no escape sequence is written."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.terminal.project import Project
from tests.terminal.running import INCIDENT, Console, running

pytestmark = pytest.mark.slow

HINT = "incident diagnose --plain"
POSIX = {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


def refused(console: Console, *words: str) -> None:
    """It ended as on wrong usage, in plain words: no safety rule is involved."""
    assert console.ends() == 2
    said = console.data()
    assert b"\x1b" not in said
    text = " ".join(said.decode().split())
    for word in (*words, HINT):
        assert word in text


@pytest.mark.parametrize("term", ["dumb", "", "unknown"])
def test_a_terminal_that_cannot_move_its_cursor_is_refused(project: Project, term: str) -> None:
    with running(project.config, env={"TERM": term}) as console:
        refused(console, f"TERM={term} cannot move the cursor")


@pytest.mark.parametrize("environment", [{"PYTHONIOENCODING": "latin-1"}, POSIX], ids=["latin-1", "POSIX"])
def test_a_terminal_without_utf8_is_refused_with_how_to_mend_it(project: Project, environment: dict[str, str]) -> None:
    with running(project.config, env=environment) as console:
        refused(console, "UTF-8", "LC_ALL=C.UTF-8", "ascii = true")


def test_a_terminal_without_utf8_shows_a_screen_in_ascii(project: Project) -> None:
    project.configure("\n[console]\nascii = true\n")
    with running(project.config, env=POSIX) as console:
        console.shows("INCIDENT", "checkout", "1 Signals")
        assert console.data().isascii() and b"\\u" not in console.data()


@pytest.mark.parametrize("stream", ["stdin", "stdout", "stderr"])
def test_a_stream_that_is_no_terminal_is_refused(project: Project, stream: str) -> None:
    """The other two are a terminal; the screen would be drawn on standard error, wherever that leads."""
    redirected = {"stdin": "</dev/null", "stdout": ">/dev/null", "stderr": "2>said"}[stream]
    with running(
        project.config, before=["sh", "-c", f'"$@" {redirected}; code=$?; cat said 2>/dev/null; exit $code', "sh"]
    ) as console:
        refused(console)


def test_a_pipe_is_refused(project: Project) -> None:
    done = subprocess.run(
        [INCIDENT, "run", "--config", str(project.config)], stdin=subprocess.DEVNULL, capture_output=True, timeout=30
    )
    assert done.returncode == 2
    assert HINT in done.stderr.decode() and not done.stdout and b"\x1b" not in done.stderr


def test_what_it_cannot_watch_is_said_before_the_screen_opens(project: Project) -> None:
    project.config.write_text("[console]\n")
    with running(project.config) as console:
        assert console.ends() == 2
        assert b"\x1b" not in console.data()
        assert "nothing to watch" in console.data().decode()


def test_a_crash_is_one_sentence_on_the_normal_screen(project: Project) -> None:
    """No traceback, no values of variables, no payload, and not the exit code of an incident."""
    breaking = (
        "import sys, console.app as app\n"
        "def tick(self):\n"
        "    secret = 'hunter2'\n"
        "    if self.session.latest.diagnosis: raise LookupError('bro\\x1b]0;title\\x07ken')\n"
        "app.IncidentConsole.tick = tick\n"
        "from console.cli import main\n"
        "main(sys.argv[2:])\n"
    )
    with running(project.config, before=[sys.executable, "-c", breaking]) as console:
        before = console.modes()
        assert console.ends() == 70
        assert console.modes() == before
        left = console.data()[console.data().rindex(b"\x1b[?1049l") :].replace(b"\x1b[?1049l\x1b[?25h\x1b[?1004l", b"")
    text = left.decode()
    assert "internal error (LookupError: bro^[]0;title^Gken)" in text
    assert "Traceback" not in text and "hunter2" not in text and "\x1b" not in text


def test_the_folder_it_is_started_in_gives_no_code(project: Project) -> None:
    """A repository that is looked at may hold a module with the name of one of ours or of Python's."""
    for name in ("json", "selectors", "sources", "console", "numpy"):
        (project.root / f"{name}.py").write_text(f"open({str(project.root / 'ran')!r}, 'a').write('{name} ')\n")
    with running(project.config) as console:
        console.judged()
    assert not os.path.exists(project.root / "ran")
