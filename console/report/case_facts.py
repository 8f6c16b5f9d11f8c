"""What the report of a case is made of: the record, and the entries and evidence that its sentences name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from console.case.events import Event
from console.case.model import Case
from console.domain.instant import Instant, rfc3339
from console.report.document import Sentence


class Facts:
    """A case, and what the entries of its record are cited by."""

    def __init__(self, case: Case) -> None:
        self.case = case
        snapshots = [s for s in case.snapshots if isinstance(s.data.get("diagnosis"), Mapping)]
        self.snapshots = snapshots
        bad = [s for s in snapshots if s.data["diagnosis"].get("state") in ("incident", "degrading", "recovering")]
        self.snapshot: Event | None = (bad or snapshots)[0] if snapshots else None
        """The first that shows the trouble: what came later was already influenced by what was done."""
        self.diagnosis: Mapping[str, Any] = self.snapshot.data["diagnosis"] if self.snapshot is not None else {}

    def newest(self, kind: str) -> tuple[str, ...]:
        """The newest entry of a kind."""
        found = [e.id for e in self.case.events if e.kind == kind]
        return tuple(found[-1:])

    def known(self, names: Iterable[str]) -> tuple[str, ...]:
        """Of these names those that are evidence of this case, as they are written there."""
        return tuple(item.name for name in names if (item := self.case.item(name)) is not None)

    def of_snapshot(self) -> tuple[str, ...]:
        """The snapshot that shows the trouble."""
        return (self.snapshot.id,) if self.snapshot is not None else ()

    def of_onset(self) -> tuple[str, ...]:
        """What the start of the impact was read from: an entry that says it, else the snapshot whose onset it is."""
        said = [e.id for e in self.case.events if e.data.get("impact_started_at") and e.kind in ("opened", "impact")]
        return tuple(said[-1:]) or self.of_snapshot()

    def of_state(self, to: str) -> tuple[str, ...]:
        """The newest change to a state."""
        found = [e.id for e in self.case.events if e.kind == "state" and e.data.get("to") == to]
        return tuple(found[-1:])

    def of_role(self, role: str) -> tuple[str, ...]:
        """The newest entry of a role."""
        found = [e.id for e in self.case.events if e.kind == "role" and e.data.get("role") == role]
        return tuple(found[-1:])

    def first(self, kind: str) -> tuple[str, ...]:
        """The first entry of a kind."""
        return tuple(e.id for e in self.case.events if e.kind == kind)[:1]


def parts(case: Case, part: str) -> list[Event]:
    """What was written for a part of the post-mortem, corrected entries left out."""
    return [e for e in case.events if e.kind == "review" and e.data.get("part") == part and e.id not in case.corrected]


def missing(text: str) -> Sentence:
    """A sentence that says what should be here and is not."""
    return Sentence(f"Missing: {text}", kind="missing")


def objects(value: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """The objects of a list in a document that anybody may have written."""
    found = value.get(name)
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []


def utc(at: Instant | None) -> str:
    """A moment, to the second."""
    return "an unknown time" if at is None else rfc3339(float(round(at)))


def number(value: Any) -> str:
    """A value of a document that anybody may have written, as it stands in a table."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return f"{value:.4g}"
    return "-" if value is None else str(value)
