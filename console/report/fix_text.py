"""Fix branches and suspect commits as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from console.domain.text import SafeText
from console.fix.branch import Plan, shown
from console.guard.sanitise import safe

PROTECTED_RUN = "each is run with hooks, filters, file monitors, pagers, signing and every other program of the repository switched off"


def plan_lines(plan: Plan) -> Iterator[str]:
    """The plan, one sentence or command a line."""
    base = f"{plan.base.tag} ({plan.base.commit[:12]})" if plan.base.tag else plan.base.commit
    yield f"makes the branch {plan.branch} from {base} in its own work tree {plan.worktree}: {plan.files:,} files, {plan.bytes:,} bytes"
    for command in plan.commands():
        yield f"  {shown(command)}"
    yield f"  {PROTECTED_RUN}"
    if plan.seed:
        yield f"  then writes {plan.seed} into it, a test that fails as long as the failure is there"
    yield f"your checkout {plan.repository} is compared before and after, to the byte and time stamp"
    for note in plan.notes:
        yield f"note: {note}"
    for problem in plan.problems:
        yield f"{problem}"


def plan_json(plan: Plan) -> dict[str, Any]:
    """`branch`, `worktree`, `base`, `commands`, `undo`, `problems`, `notes`."""
    return {
        **_what(plan),
        "files": plan.files,
        "bytes": plan.bytes,
        "problems": [{"rule": one.rule, "reason": one.reason} for one in plan.problems],
        "confirm": plan.confirmation,
    }


def made_json(plan: Plan, touched: Sequence[SafeText]) -> dict[str, Any]:
    """What `incident fix branch --json` prints."""
    return {**_what(plan), "untouched": not touched, "touched": list(touched)}


def _what(plan: Plan) -> dict[str, Any]:
    return {
        "branch": plan.branch,
        "worktree": safe(str(plan.worktree), 1000),
        "base": {"tag": plan.base.tag or None, "commit": plan.base.commit},
        "repository": safe(str(plan.repository), 1000),
        "seed": plan.seed or None,
        "commands": [shown(command) for command in plan.commands()],
        "undo": [shown(command) for command in plan.undo()],
        "notes": list(plan.notes),
    }
