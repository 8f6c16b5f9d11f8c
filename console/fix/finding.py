"""What was found of the commits between two deploys: values, without the reasoning."""

from __future__ import annotations

from console.domain.changes import Change, Commit
from console.domain.text import SafeText
from console.domain.values import dataclass
from console.fix.frames import Placed

NONE_IN_RANGE = "none in range: look at configuration or flags"
TELLING_KINDS = ("config", "flag", "migration", "infrastructure", "certificate")
"""Kinds of changes to look at beside the commits, and where no commit is to blame."""


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that speaks for looking at a commit."""

    points: float
    text: SafeText


@dataclass(frozen=True, slots=True)
class SuspectCommit:
    """A commit of the range."""

    commit: Commit
    score: float
    reasons: tuple[Reason, ...]
    rank: int
    """From 1; equal scores have the same."""
    tied: bool
    """Another commit has the same score."""


@dataclass(frozen=True, slots=True)
class Deployed:
    """A deploy, as far as its commit goes."""

    tag: SafeText
    commit: str


@dataclass(frozen=True, slots=True)
class Finding:
    """The commits between two deploys."""

    service: str
    good: Deployed
    bad: Deployed
    relation: str
    """`same`, `forward`, `rollback`, `diverged` or `unknown`."""
    commits: tuple[SuspectCommit, ...]
    frames: tuple[Placed, ...] = ()
    traces: int = 0
    """Records that printed this trace."""
    notes: tuple[SafeText, ...] = ()
    more: bool = False
    """The range has more commits than were looked at."""
    others: tuple[Change, ...] = ()
    """Changes of other kinds since the good deploy: configuration, flags, migrations."""

    @property
    def suspected(self) -> tuple[SuspectCommit, ...]:
        """Those with a reason; all of them where no failing frame is known that could clear one."""
        return tuple(one for one in self.commits if one.score > 0 or not self.located)

    @property
    def located(self) -> bool:
        """Whether a failing frame lies in a file of the deployed commit."""
        return any(one.path for one in self.frames)

    @property
    def sentence(self) -> str:
        """The answer in words; never that one commit is the cause."""
        if not self.suspected:
            return NONE_IN_RANGE
        if not any(one.score for one in self.suspected):
            return "nothing tells the commits apart: a stack trace would; look at configuration and flags as well"
        first = [one for one in self.suspected if one.rank == 1]
        if len(first) > 1:
            names = ", ".join(one.commit.id[:10] for one in first[:5])
            return (
                f"{len(first)} commits are tied for the first place: {names}; the evidence tells them no further apart"
            )
        return f"look first at {first[0].commit.id[:10]}: {first[0].reasons[0].text}"
