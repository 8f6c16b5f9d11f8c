"""The fix screen: suspect commits with their reasons; the plan of a fix branch as exact commands, then what was made."""

from __future__ import annotations

import shlex

from console.domain.instant import span_text
from console.domain.text import SafeText
from console.fix.branch import Plan, shown
from console.fix.finding import Finding, SuspectCommit
from console.fix.view import BranchView
from widgets.body import Body, Look, Row, note
from widgets.details import facts
from widgets.ink import Line, right, wrap

SWITCHED_OFF = "each runs with hooks, filters, pagers, signing and every other program of the repository switched off"

WITHOUT_TEST = "none: w on the screen of a reproduction writes one that can be put there as a failing test"


def suspects(finding: Finding | None, problem: SafeText, width: int, look: Look) -> Body:
    """The answer first, the commits in the order to look at them, then what was not found out."""
    if finding is None:
        return note(problem or SafeText("reading the repository"), width)
    good, bad = (one.tag or one.commit[:12] for one in (finding.good, finding.bad))
    rows = facts(
        [
            ("answer", finding.sentence, "strong"),
            ("good", good, "ok"),
            ("bad", bad, "bad"),
            ("trace", _trace(finding), "muted"),
        ],
        width,
    )
    rows.append(
        _heading(f"{len(finding.commits)} commit{'s' if len(finding.commits) != 1 else ''} between them", width)
    )
    for one in finding.suspected:
        rows.append(_commit(one, width, look))
    rest = [one for one in finding.commits if one not in finding.suspected]
    if rest:
        rows.append(_heading("nothing connects these with the failure", width))
        rows += [_commit(one, width, look) for one in rest]
    if finding.others:
        rows.append(_heading("look also at", width))
        rows += [
            _text(f"{c.kind} {c.id}{f': {c.summary}' if c.summary else ''}", "text", width) for c in finding.others
        ]
    if finding.notes:
        rows.append(_heading("what is to be known", width))
        rows += [_text(one, "warn", width) for one in finding.notes]
    return Body((), tuple(rows))


def _trace(finding: Finding) -> str:
    first = next((one for one in finding.frames if one.path), None)
    if first is None:
        return ""
    where = f"{first.path}:{first.frame.line}"
    return f"{where} in {first.frame.function}" if first.frame.function else where


def _commit(one: SuspectCommit, width: int, look: Look) -> Row:
    style = "bad" if one.rank == 1 and one.score > 0 else "text" if one.score > 0 else "muted"
    ago = span_text(look.now - one.commit.at) if look.now else ""
    tie = "=" if one.tied else " "
    head = Line.of(
        (f"{right(str(one.rank), 3)}{tie} ", "label"),
        (f"{right(f'{one.score:g}', 5)} ", style),
        (f"{one.commit.id[:10]} ", "accent"),
        (one.commit.subject, style),
        (f"  {one.commit.author}{f', {ago} ago' if ago else ''}", "muted"),
    )
    lines = [head.cut(width)]
    for reason in one.reasons:
        for place, part in enumerate(wrap(reason.text, max(10, width - 16), 3)):
            points = f"{reason.points:+g}" if not place else ""
            lines.append(Line.of((f"{right(points, 14)}  ", "label"), (part, "text")).cut(width))
    return Row(tuple(lines), one, f"commit:{one.commit.id}", one.commit.id)


def branch(view: BranchView, width: int, look: Look) -> Body:
    """What is under way and came of the last action; then the branch that was made, else the plan."""
    head = []
    if view.under_way:
        head.append(_text(view.under_way, "warn", width))
    for place, said in enumerate(view.said):
        head.append(_text(said, ("bad" if view.bad else "ok") if not place else "text", width))
    if view.made is not None:
        return Body(tuple(head), tuple(_made(view, width)))
    if view.plan is None:
        rest = note(view.problem or SafeText("reading the repository"), width)
        return Body((*head, *rest.head), rest.rows)
    return Body(tuple(head), tuple(_plan(view.plan, view, width)))


def _plan(plan: Plan, view: BranchView, width: int) -> list[Row]:
    verdict = ("✖ is not made", "bad") if plan.problems else ("✓ can be made: X asks for its name", "ok")
    base = f"{plan.base.tag} ({plan.base.commit[:12]})" if plan.base.tag else plan.base.commit
    rows = facts(
        [
            ("branch", plan.branch, "strong"),
            ("decision", *verdict),
            *[("because", str(one), "bad") for one in plan.problems],
            *[("case", f"{one}: X asks why it is made all the same", "warn") for one in view.gates],
            ("from", base, "text"),
            ("work tree", str(plan.worktree), "text"),
            ("test", _test(plan, view), "text" if plan.seed else "muted"),
            ("size", f"{plan.files:,} files, {plan.bytes:,} bytes", "muted"),
        ],
        width,
    )
    rows.append(_heading("nothing is done yet; it would run", width))
    rows += [_command(command, width) for command in plan.commands()]
    rows.append(_text(SWITCHED_OFF, "muted", width))
    rows.append(_text(f"your checkout {plan.repository} is compared before and after, to the byte", "muted", width))
    rows.append(_heading("and to take it away again", width))
    rows += [_command(command, width) for command in plan.undo()]
    if plan.notes:
        rows.append(_heading("what is to be known", width))
        rows += [_text(one, "warn", width) for one in plan.notes]
    return rows


def _test(plan: Plan, view: BranchView) -> str:
    """The failing test that is put there, or how one can be."""
    if plan.seed:
        return f"{plan.seed} is put there: the reproduction, which fails until the fix"
    return f"none yet: X asks whether {view.request} is put there as a failing test" if view.request else WITHOUT_TEST


def _made(view: BranchView, width: int) -> list[Row]:
    made = view.made
    assert made is not None
    last = made.checked[-1] if made.checked else None
    rows = facts(
        [
            ("branch", made.name, "strong"),
            ("work tree", str(made.worktree), "accent"),
            ("from", f"{made.tag} ({made.commit[:12]})", "text"),
            ("test", f"REPRO_ALLOW=1 pytest {made.seed}: fails until the fix" if made.seed else "", "text"),
            ("verified", f"{last.state} at {last.time}: {last.reason}" if last else "not yet", "text"),
            ("next", "edit and commit in the work tree; p proves the fix; u takes the branch away", "muted"),
        ],
        width,
    )
    if view.handover:
        rows.append(_heading("to hand over", width))
        rows += [_text(f"{one}: X asks why it is deployed all the same", "warn", width) for one in view.gates]
        rows += [_text(line, "text", width) for line in view.handover]
    return rows


def _heading(text: str, width: int) -> Row:
    return Row.plain(Line(), Line.of((text, "title")).cut(width))


def _command(command: tuple[str, ...], width: int) -> Row:
    text = shown(command)
    lines = tuple(Line.of((part, "accent")) for part in wrap(text, width, 8))
    return Row(lines, text, f"command:{text}", text, shlex.join(command))


def _text(text: str, style: str, width: int) -> Row:
    return Row(tuple(Line.of((part, style)) for part in wrap(text, width, 8)), text, f"text:{text}", text)
