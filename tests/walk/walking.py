"""Walks through an incident of the practice system, with what the screen showed at each step."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from console.demo.launch import PREFIX
from tests.walk.tmux import Tmux

INCIDENT = Path(sys.executable).with_name("incident")
START_S = 90.0
"""Until the practice system serves, has its fault, and the console has judged it."""
WHO = (
    "-c",
    "user.name=Ada",
    "-c",
    "user.email=ada@shop.example",
    "-c",
    "commit.gpgsign=false",
    "-c",
    "tag.gpgsign=false",
)


@dataclass
class Walk:
    """One person at one terminal, and a second one beside it for git and for commands without a screen."""

    terminal: Tmux
    folder: Path
    """Where the practice system is made."""
    shots: list[tuple[str, str]] = field(default_factory=list)
    """What was done, and the screen after it."""
    begun: float = field(default_factory=time.monotonic)

    @property
    def config(self) -> Path:
        """The configuration of the practice system."""
        (found,) = self.folder.glob(f"{PREFIX}*/incident.toml")
        return found

    def look(self, title: str) -> str:
        """Keep what the screen shows now."""
        shown = self.terminal.screen()
        self.shots.append((title, shown))
        return shown

    def answer(self, prompt: str, text: str, *, anew: bool = False) -> None:
        """Type into the dialog with this hint, and confirm it.

        Args:
            anew: Something stands there that is not wanted.
        """
        self.terminal.until(prompt)
        if anew:
            self.terminal.press("C-u")
        if text:
            self.terminal.type(text)
        self.terminal.press("Enter")

    def confirm(self, why: str) -> None:
        """Type what the guard wants typed, and why."""
        wanted = self.terminal.until(r"type: (\S+ \S+ \S+)")[1]
        self.answer(r"type: ", wanted)
        self.answer("why it is sent", why)

    def leave(self) -> None:
        """Quit, from whatever screen."""
        self.terminal.press("C-c")
        self.terminal.shows("again")
        self.terminal.press("C-c")
        assert self.terminal.ended() == 0

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """`incident` in the second terminal."""
        return run([str(INCIDENT), *arguments, "--config", str(self.config)])

    def git(self, folder: Path, *arguments: str) -> str:
        """git in the second terminal."""
        done = run(["git", *WHO, "-C", str(folder), *arguments])
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


def open_case(walk: Walk) -> None:
    """To the screen of the case, from another one."""
    walk.terminal.press("I")
    walk.terminal.shows("1 Case", "4 Timeline")


def move(walk: Walk, state: str) -> None:
    """On the screen of the case: to its next state."""
    walk.terminal.press("S")
    walk.answer("a state or a severity", state, anew=True)
    walk.terminal.shows(f"state       {state}")


def declare(walk: Walk, title: str, impact: str) -> None:
    """From the overview and back: open a case, say how bad it is, declare it an incident."""
    terminal = walk.terminal
    terminal.press("I")
    terminal.shows("no case yet")
    terminal.press("I")
    walk.answer("title of the new case", title, anew=True)
    terminal.shows("opened", title, "triage")
    terminal.press("S")
    walk.answer("a state or a severity", "P2", anew=True)
    terminal.shows("severity    P2")
    move(walk, "investigating")
    terminal.press("a")
    walk.answer("what happened", f"impact: {impact}")
    terminal.shows("noted")
    walk.look("I, S and a: the case is open, an incident of severity P2, with what it does to users")
    terminal.press("BSpace")
    terminal.shows("2 Suspects")


def run(argv: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """A command that ends by itself."""
    return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)


@contextmanager
def demo(scenario: str, folder: Path, suspect: str, *, seed: int = 7) -> Iterator[Walk]:
    """`incident demo SCENARIO` in a terminal, until the console leads with a suspect of this kind or name."""
    place = folder / "systems"
    place.mkdir()
    env = {
        "TMPDIR": str(place),
        "INCIDENT_AUTHOR": "ada",
        "XDG_STATE_HOME": str(folder / "state"),
        "XDG_CONFIG_HOME": str(folder / "config"),
    }
    with Tmux([str(INCIDENT), "demo", scenario, "--seed", str(seed)], folder, env=env) as terminal:
        walk = Walk(terminal, place)
        terminal.until(rf"1 leading +{suspect}", START_S)
        yield walk
