"""What the fix screen shows."""

from __future__ import annotations

from console.domain.text import SafeText
from console.domain.values import dataclass
from console.fix.branch import Plan
from console.fix.record import Branch


@dataclass(frozen=True, slots=True)
class BranchView:
    """The fix branch of a service: its plan, or what was made."""

    plan: Plan | None = None
    """Nothing of it is done yet."""
    request: SafeText = SafeText("")
    """The newest reproduction, which may be put into the branch as a failing test; empty: there is none."""
    made: Branch | None = None
    handover: tuple[SafeText, ...] = ()
    """The checklist of what was made, line by line."""
    gates: tuple[SafeText, ...] = ()
    """What the incident's rules say against the next step; a reason lets pass."""
    problem: SafeText = SafeText("")
    """Why there is neither plan nor branch."""
    under_way: SafeText = SafeText("")
    said: tuple[SafeText, ...] = ()
    """What came of the last action."""
    bad: bool = False
    """It failed, or is a warning."""
