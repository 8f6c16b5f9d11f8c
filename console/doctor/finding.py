"""What a check found, and how to mend it."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum

from console.domain.text import SafeText
from console.domain.values import dataclass
from console.guard.sanitise import safe


class Level(IntEnum):
    """How bad it is; a higher one is worse."""

    OK = 0
    HINT = 1
    """It works, and could work better."""
    PROBLEM = 2
    """Something will be missing or wrong."""
    DOWN = 3
    """Every source that a verdict needs failed."""
    WRONG = 4
    """The configuration cannot be used."""

    @property
    def word(self) -> str:
        """Lower case, as in JSON."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Finding:
    """One statement about one thing."""

    topic: str
    """terminal | clock | permissions | git | configuration | source"""
    name: str
    """What was looked at: `colours`, `[[logs]] app`."""
    level: Level
    says: SafeText
    """One plain sentence."""
    mend: SafeText = SafeText("")
    """What to do about it; empty where nothing is to be done."""


def finding(topic: str, name: str, level: Level, says: str, mend: str = "") -> Finding:
    """A finding of texts that may hold names from outside."""
    return Finding(topic, str(safe(name, 200)), level, safe(says, 600), safe(mend, 400))


def worst(findings: Iterable[Finding]) -> Level:
    """The worst level; OK where there is nothing."""
    return max((one.level for one in findings), default=Level.OK)
