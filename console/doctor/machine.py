"""Clock, permissions and git of this machine."""

from __future__ import annotations

import asyncio
import glob
import os
import stat
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from console.config.effective import state_folder
from console.config.load import Loaded
from console.doctor.finding import Finding, Level, finding
from console.domain.instant import span_text
from console.domain.values import dataclass

if TYPE_CHECKING:
    from sources.http import HttpDoor

EARLIEST = 1_767_225_600.0
"""2026-01-01: no clock that is right tells less."""
STEP_S = 0.5
"""The wall clock and the monotonic clock may differ by this while the doctor runs."""
SKEW_S = 5.0
"""Beyond the error of measurement: from here on, a change and the symptom it caused can change places."""
MOST_ORIGINS = 20
MOST_FILES = 2000


@dataclass(frozen=True, slots=True)
class Clocks:
    """Both clocks at one moment."""

    wall: float
    monotonic: float

    @staticmethod
    def now() -> Clocks:
        """As they stand."""
        return Clocks(time.time(), time.monotonic())


def clock_findings(before: Clocks, after: Clocks) -> list[Finding]:
    """Whether this machine's clock tells a possible time and runs evenly."""
    if after.wall < EARLIEST:
        return [
            finding(
                "clock", "clock", Level.PROBLEM, "the clock is years behind", "set it, for example with `timedatectl`"
            )
        ]
    stepped = (after.wall - before.wall) - (after.monotonic - before.monotonic)
    if abs(stepped) > STEP_S:
        says = f"the clock was moved by {stepped:+.1f} s while this ran"
        return [finding("clock", "clock", Level.PROBLEM, says, "look at the time service: it should slew, not step")]
    return [finding("clock", "clock", Level.OK, "runs evenly")]


def origins_of(loaded: Loaded) -> list[str]:
    """Scheme, host and port of every configured http(s) address, each once."""
    config = loaded.config
    urls = [
        *(one.url for table in (config.metrics, config.logs, config.changes, config.traces) for one in table),
        *(url for service in config.service for url in (service.version_url, service.probe)),
        *(dependency.probe for dependency in config.dependency),
    ]
    found: list[str] = []
    for url in urls:
        parts = urlsplit(url or "")
        origin = f"{parts.scheme}://{parts.netloc}"
        if parts.scheme in ("http", "https") and parts.netloc and "@" not in parts.netloc and origin not in found:
            found.append(origin)
    return found


async def skew_findings(origins: Sequence[str], door: HttpDoor) -> list[Finding]:
    """How far the clocks of the configured systems are from ours, by their `Date`; what cannot be asked is left out."""
    answers = await asyncio.gather(*(_skew(origin, door) for origin in origins[:MOST_ORIGINS]))
    return [answer for answer in answers if answer is not None]


async def _skew(origin: str, door: HttpDoor) -> Finding | None:
    from sources.base import SourceError

    try:
        answer = await door.site(origin).ask(method="HEAD")
    except SourceError:
        return None  # the source itself reports that it cannot be reached
    if answer.skew_s is None:
        return None
    name = f"clock of {origin}"
    if abs(answer.skew_s) <= SKEW_S + answer.skew_margin_s:
        return finding("clock", name, Level.OK, f"agrees with ours within {abs(answer.skew_s) + 1:.0f} s")
    way = "ahead of" if answer.skew_s > 0 else "behind"
    says = f"its clock is {span_text(answer.skew_s)} {way} ours: events of the two cannot be put in order"
    return finding("clock", name, Level.PROBLEM, says, "set both clocks by the same time service (NTP)")


def permission_findings(loaded: Loaded) -> list[Finding]:
    """Whether cases can be kept where others cannot read them, and whether the logs can be read."""
    return [_state_finding(state_folder(loaded)), *_log_findings(loaded)]


def _state_finding(folder: Path) -> Finding:
    def problem(says: str, mend: str) -> Finding:
        return finding("permissions", "state folder", Level.PROBLEM, f"{folder}: {says}", mend)

    elsewhere = "name another with state_dir in [console]"
    try:
        about = os.lstat(folder)
    except FileNotFoundError:
        return _parent_finding(folder)
    except OSError as error:
        return problem(f"cannot be looked at: {error.strerror}", elsewhere)
    if stat.S_ISLNK(about.st_mode):
        return problem("is a symbolic link, which could lead anywhere", elsewhere)
    if not stat.S_ISDIR(about.st_mode):
        return problem("is no folder", elsewhere)
    if about.st_uid != os.geteuid():
        return problem("belongs to another user", elsewhere)
    if stat.S_IMODE(about.st_mode) & 0o077:
        return problem("others may read it, and cases hold what logs hold", f"chmod 700 {folder}")
    if not os.access(folder, os.W_OK | os.X_OK):
        return problem("cannot be written to", f"chmod 700 {folder}")
    return finding("permissions", "state folder", Level.OK, f"{folder}: yours alone")


def _parent_finding(folder: Path) -> Finding:
    parent = folder.parent
    while not parent.exists() and parent != parent.parent:
        parent = parent.parent
    if parent.is_dir() and os.access(parent, os.W_OK | os.X_OK):
        says = f"{folder}: will be made when it is needed, readable by you alone"
        return finding("permissions", "state folder", Level.OK, says)
    says = f"{folder}: cannot be made, since {parent} cannot be written to"
    return finding("permissions", "state folder", Level.PROBLEM, says, "name another with state_dir in [console]")


def _log_findings(loaded: Loaded) -> Iterator[Finding]:
    for log in loaded.config.logs:
        files = [path for pattern in log.paths for path in _files(str(loaded.resolve(pattern)))]
        closed = [path for path in files if not os.access(path, os.R_OK)]
        name = f"[[logs]] {log.name}"
        if closed:
            rest = f" and {len(closed) - 1} more" if len(closed) > 1 else ""
            mend = "join the group that may read them (often `adm`), or run as a user who may"
            yield finding("permissions", name, Level.PROBLEM, f"may not be read: {closed[0]}{rest}", mend)
        elif files:
            yield finding(
                "permissions", name, Level.OK, f"{len(files)} {'file' if len(files) == 1 else 'files'} readable"
            )


def _files(pattern: str) -> Iterator[str]:
    for path in islice(glob.iglob(pattern, recursive=True), MOST_FILES):
        if os.path.isfile(path):
            yield path


def git_finding(loaded: Loaded | None) -> Finding:
    """Whether git is there and new enough. Without a configured repository its absence is no problem."""
    from sources.base import SourceError
    from sources.plumbing.hardening import LEAST_VERSION
    from sources.repository import git_version

    needed = loaded is not None and any(service.repository for service in loaded.config.service)
    bad = Level.PROBLEM if needed else Level.HINT
    least = ".".join(map(str, LEAST_VERSION))
    try:
        version = git_version()
    except SourceError as error:
        return finding("git", "git", bad, str(error), f"install git {least} or later")
    text = ".".join(map(str, version))
    if version < LEAST_VERSION:
        return finding(
            "git", "git", bad, f"git {text} cannot be run safely on a repository", f"install {least} or later"
        )
    return finding("git", "git", Level.OK, f"git {text}, run without hooks, filters, helpers and network")
