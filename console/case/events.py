"""What the record is made of: events that are written once and never changed. A correction is a new event that names the old one."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import field
from typing import Any

from console.domain.instant import BadTime, Instant, parse_time, rfc3339
from console.domain.values import dataclass
from console.guard.sanitise import UNSAFE, safe

VERSION = 1
KINDS = (
    *("opened", "title", "impact", "state", "severity", "role", "handoff", "review"),
    *("note", "observation", "decision", "task", "action", "mitigation", "comms"),
    *("evidence", "snapshot", "hypothesis", "prediction", "result"),
    *("gate", "override", "deploy", "repro", "fix", "contract", "recovery", "follow_up"),
)
"""Everything that can be written."""
SOURCES = ("human", "console", "alert", "deploy", "metric", "log", "langsmith", "git")
CERTAINTIES = ("confirmed", "assumed")
MOST_TEXT = 131_072
"""Characters of one text that are read; no longer one is written."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What somebody wants to write."""

    kind: str
    text: str
    data: Mapping[str, Any] = field(default_factory=dict)
    """What a program reads of it; JSON values."""
    occurred_at: Instant | None = None
    """When it happened; None: now. Durations use this one, `--at` and replay the moment of writing."""
    source: str = "human"
    evidence: tuple[str, ...] = ()
    """Names of evidence that it rests on: `E3`."""
    supersedes: str | None = None
    certainty: str = "confirmed"


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the record."""

    id: str
    """`alice-4f09c2d1`: unique without asking anybody."""
    author: str
    recorded_at: Instant
    occurred_at: Instant
    kind: str
    text: str
    """Sanitised, line by line; may hold line breaks."""
    data: Mapping[str, Any]
    source: str = "human"
    evidence: tuple[str, ...] = ()
    supersedes: str | None = None
    certainty: str = "confirmed"

    @property
    def late(self) -> bool:
        """Whether it was written down more than a minute after it happened."""
        return self.recorded_at - self.occurred_at > 60


def line_of(event: Event) -> dict[str, Any]:
    """The JSON object of an event, as it stands in the journal."""
    return {
        "v": VERSION,
        "id": event.id,
        "author": event.author,
        "recorded_at": rfc3339(event.recorded_at),
        "occurred_at": rfc3339(event.occurred_at),
        "kind": event.kind,
        "source": event.source,
        "text": event.text,
        "data": dict(event.data),
        "evidence": list(event.evidence),
        "supersedes": event.supersedes,
        "certainty": event.certainty,
    }


def event_of(line: object) -> Event | None:
    """The event of a line that was read; None where it is none. Nobody vouches for what is in a file, so text is sanitised."""
    if not isinstance(line, dict):
        return None
    try:
        recorded, occurred = parse_time(line["recorded_at"], 0.0), parse_time(line["occurred_at"], 0.0)
        kind, text, data = line["kind"], line["text"], line.get("data") or {}
        if kind not in KINDS or not isinstance(text, str) or not isinstance(data, dict):
            return None
        return Event(
            str(safe(line["id"], 200)),
            str(safe(line["author"], 100)),
            recorded,
            occurred,
            kind,
            clean(text),
            {str(safe(key, 200)): cleaned(value) for key, value in data.items()},
            str(safe(line.get("source") or "human", 40)),
            tuple(str(safe(name, 60)) for name in line.get("evidence") or () if isinstance(name, str)),
            str(safe(line["supersedes"], 200)) if line.get("supersedes") else None,
            str(safe(line.get("certainty") or "confirmed", 40)),
        )
    except (KeyError, TypeError, AttributeError, BadTime):
        return None


def clean(text: str, most: int = MOST_TEXT) -> str:
    """Text that no terminal can be driven by; line breaks stay."""
    if len(text) > most:
        text = f"{text[:most]}…[+{len(text) - most} chars]"
    if "\n" not in text and not UNSAFE.search(text):
        return text
    return "\n".join(safe(line, most) for line in text.replace("\r\n", "\n").split("\n"))


def cleaned(value: Any) -> Any:
    """The same for every text inside a JSON value; a number that JSON cannot hold is not known."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, Mapping):
        return {str(safe(str(key), 200)): cleaned(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [cleaned(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def texts(value: Any) -> Iterator[str]:
    """Every text inside a JSON value, keys included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield str(key)
            yield from texts(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from texts(inner)
