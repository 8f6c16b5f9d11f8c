"""What is handed over once a fix is verified: text to copy. The console never deploys, fetches or pushes. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from console.domain.changes import FileChange
from console.domain.text import SafeText
from console.domain.values import dataclass
from console.fix.branch import shown
from console.fix.record import Branch, Checked
from console.guard.sanitise import safe

MOST_REVIEWERS = 3
NEW_TAG = "NEW_TAG"
"""Stands for the tag of the deploy, which whoever deploys chooses."""


def counted(files: int) -> str:
    """`1 file`, `3 files`."""
    return f"{files} file{'s' if files != 1 else ''}"


@dataclass(frozen=True, slots=True)
class Handover:
    """The checklist."""

    branch: Branch
    tip: str
    commits: int
    files: tuple[FileChange, ...]
    uncommitted: int
    reviewers: tuple[tuple[SafeText, int], ...]
    checked: Checked | None
    """The last verification of this very commit; None where there is none."""
    deploy: tuple[SafeText, ...]
    """Commands to copy."""
    canary: SafeText
    """Empty where none is configured."""

    @property
    def open(self) -> tuple[str, ...]:
        """What is still to be done before it is handed over."""
        found = []
        if not self.commits:
            found.append("the branch has no commit yet")
        if self.uncommitted:
            found.append(f"{counted(self.uncommitted)} of the work tree not in a commit")
        if self.checked is None:
            found.append("this commit was not verified: incident fix verify")
        elif self.checked.state != "FIXED":
            found.append(f"the last verification says {self.checked.state}: {self.checked.reason}")
        return tuple(found)


def last_check(branch: Branch, tip: str) -> Checked | None:
    """The last verification of a commit, as it was without other changes in the work tree."""
    return next((one for one in reversed(branch.checked) if one.commit == tip and not one.changes), None)


def deploy_text(branch: Branch, tip: str, command: str | None) -> tuple[SafeText, ...]:
    """The usual deploy: what the configuration says, else the tag that this service's deploys are known by."""
    push = shown(("git", "-C", str(branch.worktree), "push", "origin", branch.name))
    if command is not None:
        filled = command.replace("{tag}", NEW_TAG).replace("{branch}", branch.name).replace("{commit}", tip)
        return push, safe(filled, 1000)
    at = ("git", "-C", str(branch.repository))
    like = f" (the last one: {branch.tag})" if branch.tag else ""
    return (
        push,
        safe(f"{shown((*at, 'tag', '-a', NEW_TAG, '-m', f'{branch.service}: {branch.name}', tip))}{like}", 1000),
        shown((*at, "push", "origin", f"refs/tags/{NEW_TAG}")),
    )


def lines(one: Handover, *, held: bool = False) -> Iterator[str]:
    """The checklist as text, one point a line.

    Args:
        held: A rule holds the deploy back, so that its commands are not shown.
    """
    branch = one.branch
    yield f"{branch.name} for {branch.service}, from {branch.tag or branch.commit[:12]} ({branch.commit[:12]}) to {one.tip[:12]}"
    for text in one.open:
        yield f"[ ] {text}"
    if one.checked is not None and one.checked.state == "FIXED":
        yield f"[x] reproduction verified at {one.checked.time}: {one.checked.reason}"
    added, removed = (sum(n or 0 for n in numbers) for numbers in zip(*((f.added, f.removed) for f in one.files), strict=True)) if one.files else (0, 0)  # fmt: skip
    yield f"{one.commits} commit{'s' if one.commits != 1 else ''}, {counted(len(one.files))}, +{added} -{removed}"
    for file in one.files[:20]:
        yield f"  {file.path} +{file.added if file.added is not None else '?'} -{file.removed if file.removed is not None else '?'}"
    yield f"reviewers, by the lines that it changes: {_people(one.reviewers) or ('nobody: it only adds files' if one.files else 'no line is changed yet')}"
    if held:
        yield "the usual deploy is held back"
    else:
        yield "the usual deploy, to copy; the console runs none of it:"
        for command in one.deploy:
            yield f"  {command}"
    yield f"canary: {one.canary or 'not configured (canary_url of the [[service]])'}"


def _people(reviewers: Sequence[tuple[SafeText, int]]) -> str:
    return ", ".join(f"{name} ({count} line{'s' if count != 1 else ''})" for name, count in reviewers[:MOST_REVIEWERS])
