"""A case on a real terminal: however the console ends, what was confirmed is in the record, and the next console takes it up."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from console.case.fold import fold
from console.case.journal import Reader
from console.case.model import Case
from console.guard.audit import verify
from tests.terminal.project import Project
from tests.terminal.running import Console, running

pytestmark = pytest.mark.slow


def case_of(state: Path) -> Case:
    """The one case there is."""
    (folder,) = (state / "incident-console" / "cases").iterdir()
    for path in (folder / "journal").iterdir():
        assert verify(path).broken_at is None
    return fold(folder.name, Reader(folder).read()[0])


def note(console: Console, text: str) -> None:
    """Type a note and wait for its confirmation."""
    console.type(b"a")
    console.shows("what happened; a time in front")
    console.type(*(bytes([one]) for one in text.encode()), b"\r")
    console.shows(f"noted: {text} · on the disk")


def with_case(console: Console) -> None:
    """A new case, on the overview."""
    console.judged()
    console.type(b"I")
    console.shows("no case yet")
    console.type(b"I")
    console.shows("the title of the new case")
    console.type(b"\r")
    console.shows("triage", "Timeline")


@pytest.mark.parametrize("end", ["kill", "hang up", "hup", "term"])
def test_what_was_confirmed_is_there_and_the_next_console_takes_it_up(
    project: Project, tmp_path: Path, end: str
) -> None:
    with running(project.config, (140, 45)) as console:
        with_case(console)
        for n in range(3):
            note(console, f"step {n}")
        if end == "hang up":
            console.hang_up()
        else:
            os.kill(console.pid, {"kill": signal.SIGKILL, "hup": signal.SIGHUP, "term": signal.SIGTERM}[end])
        console.until(lambda: console.wait(0.01) is not None, "end of the program")
    case = case_of(tmp_path / "xdg-state")
    assert [event.text for event in case.events if event.kind == "note"] == ["step 0", "step 1", "step 2"]
    assert case.snapshots and case.evidence
    with running(project.config, (140, 45)) as console:
        console.judged()
        console.type(b"I")
        console.shows("since you last looked", "step 2")
