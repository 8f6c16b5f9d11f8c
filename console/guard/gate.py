"""The gate for what changes something on this machine: asked for, typed, written down before, and written down after.

What is sent to a system passes `sources.reproduce`; everything else that has an effect passes here. Both write the same chained audit.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from console.domain.instant import Instant, rfc3339
from console.domain.values import dataclass
from console.guard.audit import Audit, AuditFailed
from console.guard.ledger import KILL_SWITCH
from console.guard.redact import redact


class NotAdmitted(Exception):
    """A rule does not let it happen.

    Args:
        rule: Its name.
        reason: In one sentence, with what would help.
    """

    def __init__(self, rule: str, reason: str) -> None:
        super().__init__(f"{rule}: {reason}")
        self.rule = rule
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Deed:
    """What is to be done."""

    action: str
    """`fix branch`, `fix undo`: stable, since the audit is searched for it."""
    wanted: str
    """The very text that a person types to confirm it; empty where what was asked for is confirmation enough."""
    about: Mapping[str, Any]
    """What the audit keeps of it."""


@dataclass(frozen=True, slots=True)
class Typed:
    """What a person typed."""

    text: str | None
    reason: str | None = None


class Gate:
    """One person's way to effects.

    Args:
        folder: Of the audit and the kill switch; the one that reproductions use.
        blocked: Why nothing may be done at all, such as read-only mode; asked at each effect.
    """

    def __init__(
        self,
        folder: Path,
        user: str,
        incident: str,
        *,
        blocked: Callable[[], str | None] = lambda: None,
        clock: Callable[[], Instant] = time.time,
    ) -> None:
        self.audit = Audit(folder / "audit.jsonl")
        self._folder = folder
        self._user = user
        self._incident = incident
        self._blocked = blocked
        self._clock = clock

    def judge(self, deed: Deed, typed: Typed) -> None:
        """Whether it may happen; nothing is written.

        Raises:
            NotAdmitted: B9, the confirmation is missing or is another text; B10, nothing may be done.
        """
        blocked = self._blocked()
        if blocked is not None:
            raise NotAdmitted("B10", blocked)
        if (self._folder / KILL_SWITCH).exists():
            raise NotAdmitted("B10", f"the kill switch is on: {self._folder / KILL_SWITCH} exists")
        if deed.wanted and typed.text is None:
            raise NotAdmitted("B9", f"{deed.action} needs a typed confirmation: --confirm {deed.wanted}")
        if deed.wanted and typed.text != deed.wanted:
            raise NotAdmitted("B9", f"what was typed is not {deed.wanted}: --confirm {deed.wanted}")

    def admit(self, deed: Deed, typed: Typed) -> None:
        """Let it happen: the intent is on the disk when this returns.

        Raises:
            NotAdmitted: As `judge`; and B12, it cannot be written down.
        """
        self.judge(deed, typed)
        reason = redact(typed.reason) if typed.reason else None
        said = {"confirmation": typed.text if deed.wanted else None, "reason": reason}
        self._write("intent", deed, said)

    def tell(self, deed: Deed, outcome: Mapping[str, Any]) -> None:
        """Write down what came of it.

        Raises:
            NotAdmitted: B12, it cannot be written down; what was done stays done.
        """
        self._write("outcome", deed, outcome)

    def _write(self, event: str, deed: Deed, more: Mapping[str, Any]) -> None:
        who = {"time": rfc3339(self._clock()), "user": self._user, "incident": self._incident}
        try:
            self.audit.write({"event": event, **who, "action": deed.action, **deed.about, **more})
        except AuditFailed as error:
            raise NotAdmitted("B12", f"the audit cannot be written: {error}") from None
