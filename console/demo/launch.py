"""Starting and ending the practice system from another process."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import select
import shutil
import signal
import subprocess  # noqa: TID251 - the practice system runs beside the console
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any

import console
from console.demo import profile
from console.guard.sanitise import safe

READY_S = 60.0
END_S = 8.0
PREFIX = "incident-demo-"
ALIVE = "alive"


class DemoFailed(Exception):
    """The practice system did not start; the text says why."""


class Demo:
    """A practice system for the length of a `with` block; nothing of it is left afterwards.

    If this process dies without leaving the block, the supervisor notices and cleans up by itself.

    Args:
        fault_after: Seconds from when it is ready until its fault.
        history_s: Seconds of the past that its logs and metrics tell of; to write them is most of the work of a start.
    """

    def __init__(self, scenario: str, seed: int, fault_after: float, history_s: float = profile.HISTORY) -> None:
        sweep()
        self.folder = Path(tempfile.mkdtemp(prefix=PREFIX)).resolve()
        self._rest = b""
        self._alive = _mark_alive(self.folder)
        command = [sys.executable, "-m", "console.demo.supervisor", str(self.folder), scenario]
        (self.folder / "world").mkdir()
        with open(self.folder / "world" / "supervisor.log", "ab") as errors:
            self._process = subprocess.Popen(
                [*command, "--seed", str(seed), "--fault-after", str(fault_after), "--history", str(history_s)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=_environment(),
                cwd=self.folder,
                pass_fds=(self._alive,),
                # The terminal's Ctrl-C must reach only the process that then ends the rest in order.
                start_new_session=True,
            )

    def __enter__(self) -> Demo:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def pid(self) -> int:
        """The supervisor's process, which leads the session that all of the system is in."""
        return self._process.pid

    def wait_ready(self, timeout_s: float = READY_S) -> Path:
        """The configuration's path, when the system serves and its history is written.

        Raises:
            DemoFailed: It did not start.
        """
        deadline = time.monotonic() + timeout_s
        while (left := deadline - time.monotonic()) > 0:
            event = self.event(left)
            if event is None:
                continue
            if event["event"] == "ready":
                return Path(event["config"])
            raise DemoFailed(f"the practice system did not start: {event.get('reason') or self._last_words()}")
        raise DemoFailed(f"the practice system was not ready within {timeout_s:.0f} s")

    def event(self, timeout_s: float) -> dict[str, Any] | None:
        """What the supervisor says next; None if nothing in that time. The end of it is the event `ended`."""
        assert self._process.stdout is not None
        pipe = self._process.stdout.fileno()
        deadline = time.monotonic() + timeout_s
        while b"\n" not in self._rest:
            if not select.select([pipe], [], [], max(0.0, deadline - time.monotonic()))[0]:
                return None
            read = os.read(pipe, 4096)
            if not read:
                return {"event": "ended"}
            self._rest += read
        line, _, self._rest = self._rest.partition(b"\n")
        event: dict[str, Any] = json.loads(line)
        return event

    def close(self) -> None:
        """End the system and remove its folder."""
        with contextlib.suppress(OSError):
            if self._process.stdin is not None:
                self._process.stdin.close()
        try:
            self._process.wait(END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        finally:
            # Services end with the supervisor; this is for one that could not notice.
            with contextlib.suppress(OSError):
                os.killpg(self._process.pid, signal.SIGKILL)
            if self._process.stdout is not None:
                self._process.stdout.close()
            os.close(self._alive)
            shutil.rmtree(self.folder, ignore_errors=True)

    def _last_words(self) -> str:
        try:
            said = (self.folder / "world" / "supervisor.log").read_text(errors="replace").strip().splitlines()
        except OSError:
            said = []
        return safe(said[-1]) if said else "no reason given"


def sweep() -> None:
    """Remove folders of practice systems whose every process was killed, so that none could clean up."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):
            if not folder.is_symlink() and folder.stat().st_uid == os.getuid() and _is_dead(folder):
                shutil.rmtree(folder, ignore_errors=True)


def _mark_alive(folder: Path) -> int:
    """A lock that lasts as long as any process of the system; it appears already held."""
    held = os.open(folder / f"{ALIVE}.new", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    fcntl.flock(held, fcntl.LOCK_EX)
    os.rename(folder / f"{ALIVE}.new", folder / ALIVE)
    return held


def _is_dead(folder: Path) -> bool:
    """Whether nobody holds the folder's lock.

    Raises:
        OSError: There is no lock: the folder is just being made.
    """
    lock = os.open(folder / ALIVE, os.O_WRONLY | os.O_NOFOLLOW)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(lock)
    return True


def _environment() -> dict[str, str]:
    """The user's environment, with this program's packages first on the path."""
    here = str(Path(console.__file__).parents[1])
    path = os.environ.get("PYTHONPATH")
    return os.environ | {"PYTHONPATH": f"{here}{os.pathsep}{path}" if path else here, "PYTHONUNBUFFERED": "1"}
