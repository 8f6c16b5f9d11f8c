"""Fix branches and suspect commits as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from console.domain.changes import FileChange
from console.domain.instant import rfc3339
from console.domain.text import SafeText
from console.fix.branch import Plan, shown
from console.fix.finding import Finding, SuspectCommit
from console.fix.handover import Handover
from console.fix.record import Branch
from console.guard.sanitise import safe
from console.repro.run import Verified

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


def finding_json(found: Finding) -> dict[str, Any]:
    """What `incident fix suspects --json` prints."""
    return {
        "service": found.service,
        "good": {"tag": found.good.tag or None, "commit": found.good.commit},
        "bad": {"tag": found.bad.tag or None, "commit": found.bad.commit},
        "relation": found.relation,
        "summary": found.sentence,
        "none_in_range": not found.suspected,
        "suspects": [_suspect_json(one) for one in found.suspected],
        "cleared": [{"commit": one.commit.id, "subject": one.commit.subject} for one in found.commits if one not in found.suspected],
        "frames": [
            {"path": f.frame.path, "line": f.frame.line, "function": f.frame.function or None, "file": safe(f.path) or None}
            for f in found.frames
        ],
        "traces": found.traces,
        "others": [{"id": c.id, "kind": c.kind, "service": c.service, "at": rfc3339(c.at), "summary": c.summary} for c in found.others],
        "more": found.more,
        "notes": list(found.notes),
    }  # fmt: skip


def _suspect_json(one: SuspectCommit) -> dict[str, Any]:
    return {
        "rank": one.rank,
        "tied": one.tied,
        "score": one.score,
        "commit": one.commit.id,
        "author": one.commit.author,
        "at": rfc3339(one.commit.at),
        "subject": one.commit.subject,
        "reasons": [{"points": reason.points, "text": reason.text} for reason in one.reasons],
    }


def finding_lines(found: Finding) -> Iterator[str]:
    """The same for people, best first."""
    good, bad = (one.tag or one.commit[:12] for one in (found.good, found.bad))
    yield f"{len(found.commits)} commit{'s' if len(found.commits) != 1 else ''} of {found.service} between {good} and {bad}: {found.sentence}"
    for one in found.suspected:
        tie = " tied" if one.tied else ""
        yield f"{one.rank}.{tie} {one.commit.id[:10]} {one.score:g} points, {one.commit.author}: {one.commit.subject}"
        for reason in one.reasons:
            yield f"     {reason.points:+g} {reason.text}"
    rest = len(found.commits) - len(found.suspected)
    if rest and found.suspected:
        yield f"nothing connects the other {rest} with the failure"
    for change in found.others:
        yield f"look also at {change.kind} {change.id} at {rfc3339(change.at)}{f': {change.summary}' if change.summary else ''}"
    for note in found.notes:
        yield f"note: {note}"


def verified_json(
    branch: Branch, result: Verified, tip: str, uncommitted: Sequence[SafeText], files: Sequence[FileChange]
) -> dict[str, Any]:
    """What `incident fix verify --json` prints."""
    return {
        "branch": branch.name,
        "commit": tip,
        "files": _files_json(files),
        "uncommitted": list(uncommitted),
        "state": result.state,
        "reason": result.reason,
        "needed": result.needed,
        "passes": result.passes,
        "failures": result.failures,
        "tries": [
            {"status": one.status, "seconds": one.elapsed_s, "problem": one.problem or None, "trace_id": one.trace_id}
            for one in result.outcomes
        ],
    }


def _files_json(files: Iterable[FileChange]) -> list[dict[str, Any]]:
    return [{"path": file.path, "added": file.added, "removed": file.removed} for file in files]


def handover_json(one: Handover) -> dict[str, Any]:
    """What `incident fix handover --json` prints."""
    checked = one.checked
    return {
        "branch": one.branch.name,
        "service": one.branch.service,
        "worktree": safe(str(one.branch.worktree), 1000),
        "base": {"tag": one.branch.tag or None, "commit": one.branch.commit},
        "commit": one.tip,
        "commits": one.commits,
        "files": _files_json(one.files),
        "open": list(one.open),
        "verified": {"state": checked.state, "reason": checked.reason, "at": checked.time} if checked else None,
        "reviewers": [{"name": name, "lines": count} for name, count in one.reviewers],
        "deploy": list(one.deploy),
        "canary": one.canary or None,
    }
