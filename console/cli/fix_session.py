"""What the commands of `incident fix` share: the plan for the person who decides, and what he types."""

from __future__ import annotations

import sys

import click

from console.cli.options import is_terminal
from console.cli.outcome import Refused, say
from console.fix.branch import Plan
from console.guard.gate import Deed, Gate, NotAdmitted, Typed


def typed_for(gate: Gate, deed: Deed, confirm: str | None, reason: str | None) -> Typed:
    """What a person typed; asked for where there is a terminal.

    Raises:
        Refused: It is missing or wrong, or a rule says no anyway.
    """
    text = confirm
    try:
        gate.judge(deed, Typed(text if text is not None else deed.wanted))
    except NotAdmitted as no:
        raise Refused(str(no)) from None
    if text is None and is_terminal(sys.stdin) and is_terminal(sys.stderr):
        text = click.prompt(f"type {deed.wanted} to do it", err=True)
    try:
        gate.judge(deed, Typed(text))
    except NotAdmitted as no:
        raise Refused(str(no)) from None
    return Typed(text, reason)


def say_plan(found: Plan) -> None:
    """What would be done, for the person who decides."""
    from console.report.fix_text import plan_lines

    for line in plan_lines(found):
        say(line)
