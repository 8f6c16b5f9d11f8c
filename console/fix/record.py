"""What the audit tells of fix branches: made, verified, taken away. Pure."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from console.domain.text import SafeText
from console.domain.values import dataclass
from console.guard.sanitise import safe

MADE, UNDONE, VERIFIED = "fix branch", "fix undo", "fix verify"


@dataclass(frozen=True, slots=True)
class Checked:
    """One verification of a branch."""

    state: str
    """FIXED | STILL FAILING | INCONCLUSIVE"""
    reason: SafeText
    time: str
    """RFC 3339."""
    commit: str
    """Where the branch stood."""
    changes: SafeText
    """What was changed in the work tree and not in a commit, in words; empty where nothing was."""


@dataclass(frozen=True, slots=True)
class Branch:
    """A fix branch that this console made."""

    name: str
    service: str
    repository: Path
    worktree: Path
    tag: SafeText
    commit: str
    seed: str
    """The failing test that was put there, relative to the work tree; empty: none."""
    seed_sha256: str
    incident: str
    checked: tuple[Checked, ...] = ()
    """Oldest first."""
    finished: bool = True
    """False: the machine stopped while it was made; there may be a part of it."""


def branches(lines: bytes) -> tuple[Branch, ...]:
    """The branches that were made and not taken away again, oldest first; lines that cannot be read tell nothing."""
    found: dict[tuple[str, str], Branch] = {}
    before: dict[tuple[str, str], Branch | None] = {}
    for line in lines.split(b"\n"):
        entry = _entry(line)
        if entry is None:
            continue
        key = (_text(entry, "repository"), _text(entry, "branch"))
        failed = bool(entry.get("problem"))
        match entry.get("event"), entry.get("action"):
            case "intent", "fix branch":
                before[key] = found.get(key)
                found[key] = replace(_branch(entry), finished=False)
            case "outcome", "fix branch" if failed:
                known = before.get(key)
                found.pop(key, None)
                if known is not None:  # it was there already, which is why the other failed
                    found[key] = known
            case "outcome", "fix branch":
                found[key] = _branch(entry)
            case "outcome", "fix undo" if not failed and not entry.get("kept"):
                found.pop(key, None)
            case "outcome", "fix verify" if key in found and not failed:
                found[key] = replace(found[key], checked=(*found[key].checked, _checked(entry)))
    return tuple(found.values())


def _entry(line: bytes) -> dict[str, Any] | None:
    if b'"fix ' not in line:
        return None
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) else None


def _text(entry: dict[str, Any], name: str) -> str:
    value = entry.get(name)
    return value if isinstance(value, str) else ""


def _branch(entry: dict[str, Any]) -> Branch:
    return Branch(
        _text(entry, "branch"),
        _text(entry, "service"),
        Path(_text(entry, "repository")),
        Path(_text(entry, "worktree")),
        safe(_text(entry, "tag")),
        _text(entry, "commit"),
        _text(entry, "seed"),
        _text(entry, "seed_sha256"),
        _text(entry, "incident"),
    )


def _checked(entry: dict[str, Any]) -> Checked:
    return Checked(
        _text(entry, "state"),
        safe(_text(entry, "told")),
        _text(entry, "time"),
        _text(entry, "tip"),
        safe(_text(entry, "changes")),
    )
