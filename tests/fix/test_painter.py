"""The fix screen's painter: no line is wider than its pane, and nothing from a repository is more than text."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from console.domain.changes import Change, Commit
from console.domain.text import SafeText
from console.fix.branch import Base, Plan, Problem
from console.fix.finding import NONE_IN_RANGE, Deployed, Finding, Reason, SuspectCommit
from console.fix.frames import Frame, Placed
from console.fix.record import Branch, Checked
from console.fix.view import BranchView
from console.guard.sanitise import UNSAFE, safe
from tests.widgets.samples import HOSTILE
from widgets import fix
from widgets.body import Body, Look

SUBJECT = safe(" ".join(HOSTILE) + " Cap vouchers [@click=app.quit] 円円円 " + "x" * 200)
COMMIT = Commit("c" * 40, 1_700_000_000.0, SUBJECT, SUBJECT)
FRAME = Frame(SUBJECT, 29, SUBJECT)
FINDING = Finding(
    "checkout",
    Deployed(SUBJECT, "a" * 40),
    Deployed(SUBJECT, "b" * 40),
    "forward",
    (
        SuspectCommit(COMMIT, 10.75, (Reason(5.0, SUBJECT), Reason(-0.17, SUBJECT)), 1, True),
        SuspectCommit(replace(COMMIT, id="d" * 40), 0.0, (), 2, False),
    ),
    (Placed(FRAME, "checkout/pricing.py", 0),),
    3,
    (SUBJECT,),
    others=(Change("flag-1", "flag", 0.0, "checkout", summary=SUBJECT),),
)
PLAN = Plan(
    Path("/src/shop"),
    "fix/a",
    Path("/src/.worktrees/shop-a"),
    Base(SUBJECT, "b" * 40),
    (),
    (SUBJECT,),
    files=7,
    bytes=9,
)
MADE = Branch(
    "fix/a", "checkout", Path("/src/shop"), Path("/src/.worktrees/shop-a"), SUBJECT, "b" * 40, "", "", "INC-1",
    (Checked("FIXED", SUBJECT, "2026-11-27T20:00:00Z", "b" * 40, SafeText("")),),
)  # fmt: skip
VIEWS = {
    "plan": BranchView(PLAN),
    "refused": BranchView(replace(PLAN, problems=(Problem("B2", SUBJECT),))),
    "making": BranchView(PLAN, under_way=SUBJECT),
    "made": BranchView(made=MADE, handover=(SUBJECT, SafeText("[ ] the branch has no commit yet")), said=(SUBJECT,)),
    "failed": BranchView(problem=SUBJECT, said=(SUBJECT,), bad=True),
    "waiting": BranchView(),
}


def texts(body: Body, width: int) -> list[str]:
    lines = [line for row in body.all_rows for line in row.lines]
    assert all(line.width <= width for line in lines)
    assert not any(UNSAFE.search(line.text) for line in lines)
    return [line.text for line in lines]


@pytest.mark.parametrize("width", [20, 38, 78, 118, 198])
@pytest.mark.parametrize("name", VIEWS)
def test_every_line_fits_and_is_text(name: str, width: int) -> None:
    assert texts(fix.branch(VIEWS[name], width, Look()), width)
    assert texts(fix.suspects(FINDING, SafeText(""), width, Look()), width)


def test_ties_points_and_the_plan_are_said() -> None:
    said = "\n".join(texts(fix.suspects(FINDING, SafeText(""), 118, Look(1_700_000_600.0)), 118))
    assert "1= 10.75" in said and "+5 " in said and "-0.17" in said and "nothing connects these" in said
    plan = "\n".join(texts(fix.branch(VIEWS["plan"], 118, Look()), 118))
    assert "worktree add --no-track --lock" in plan and "nothing is done yet" in plan and "update-ref -d" in plan
    refused = "\n".join(texts(fix.branch(VIEWS["refused"], 118, Look()), 118))
    assert "is not made" in refused and "B2: " in refused


def test_what_is_not_known_yet_and_what_cannot_be_known_are_two_things() -> None:
    assert "reading the repository" in texts(fix.suspects(None, SafeText(""), 78, Look()), 78)[0]
    assert "git is not installed" in texts(fix.suspects(None, SafeText("git is not installed"), 78, Look()), 78)[0]
    nothing = replace(FINDING, commits=FINDING.commits[1:])
    assert NONE_IN_RANGE in "\n".join(texts(fix.suspects(nothing, SafeText(""), 118, Look()), 118))


def test_a_commit_can_be_copied_and_a_command_is_what_is_copied_of_it() -> None:
    rows = fix.suspects(FINDING, SafeText(""), 118, Look()).rows
    assert "c" * 40 in [row.text for row in rows]
    commands = [row.command for row in fix.branch(VIEWS["plan"], 60, Look()).rows if row.command]
    assert len(commands) == 5 and all("\n" not in command for command in commands)
