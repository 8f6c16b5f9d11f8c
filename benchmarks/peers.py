"""The programs that this one is measured against: where they are, and which versions."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping

VARIABLE = "INCIDENT_BENCH_PEERS"
"""Folders of commands, separated as in PATH, that are looked in first."""
COMMANDS: Mapping[str, tuple[str, ...]] = {
    "btop": ("btop", "--version"),
    "lnav": ("lnav", "-V"),
    "toolong": ("tl", "--version"),
    "goaccess": ("goaccess", "--version"),
    "rg": ("rg", "--version"),
}
"""The command of each peer, and how it is asked for its version."""
_NUMBER = re.compile(r"\d+(?:\.\d+)+")


def find(name: str) -> str | None:
    """The command of a peer with its path; None where it is not installed."""
    command = COMMANDS[name][0]
    return shutil.which(command, path=os.environ.get(VARIABLE, "")) or shutil.which(command)


def version_in(text: str) -> str:
    """The first number with a dot in it."""
    found = _NUMBER.search(text)
    return found[0] if found else "of unknown version"


def version(name: str) -> str | None:
    """The version of a peer; None where it is not installed."""
    path = find(name)
    if path is None:
        return None
    try:
        answer = subprocess.run(
            [path, *COMMANDS[name][1:]], capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.TimeoutExpired):
        return "of unknown version"
    return version_in(answer.stdout + answer.stderr)


def versions() -> str:
    """All peers in one line."""
    found = ((name, version(name)) for name in COMMANDS)
    return ", ".join(f"{name} {number or 'not installed'}" for name, number in found)
