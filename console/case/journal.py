"""One author's part of a record: JSON Lines, each on the disk before it is confirmed, each bound to the one before it.

Every author has a file of their own, so that two people never write into one line, and `grep` reads all of them. This is the
one boundary at which text enters the record: here its secrets are replaced.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass as open_dataclass
from dataclasses import field, replace
from pathlib import Path

from console.case.events import MOST_TEXT, Draft, Event, clean, cleaned, event_of, line_of
from console.case.key import keyed_by
from console.domain.instant import Instant
from console.domain.values import dataclass
from console.guard.audit import Audit, AuditFailed
from console.guard.redact import redact_json, redact_wholly, without_emails

AUTHOR = "INCIDENT_AUTHOR"
"""The environment variable that names who writes, where one account is shared."""
SUFFIX = ".jsonl"
FOLDER = "journal"
WITH_EMAILS = frozenset(("comms",))
"""Entries in which addresses of e-mail stay: messages that people send, with the address to write to."""
MOST_LINE = 1 << 20
"""Bytes of one line; more would make every later look at the record slow."""


class NotSaved(Exception):
    """What was to be written is not on the disk for sure. `lost` says what it was, so that a person can keep it."""

    def __init__(self, why: str, lost: str) -> None:
        super().__init__(f"NOT SAVED: {why}")
        self.why, self.lost = why, lost


def author_name(text: str) -> str:
    """A person's name as it stands in file names and in the record."""
    return re.sub(r"[^A-Za-z0-9._@-]", "_", text.strip())[:60].lstrip(".-") or "someone"


def person_of(name: str) -> str:
    """A person as the record names them: of an address of e-mail, which it does not keep, what stands before the @."""
    text = name.strip()
    return text.partition("@")[0] if without_emails(text) != text and " " not in text else name


class Journal:
    """The file of one author in one case.

    Args:
        folder: Of the case.
        author: Who writes; see `author_name`.
    """

    def __init__(self, folder: Path, author: str) -> None:
        self.author = author_name(author)
        self.path = folder / FOLDER / f"{self.author}{SUFFIX}"
        self._folder = folder
        self._audit = Audit(self.path)

    def keyed(self) -> AbstractContextManager[None]:
        """With the tokens that stand for secrets in this case."""
        return keyed_by(self._folder)

    def append(self, draft: Draft, now: Instant) -> Event:
        """Write one event and wait until it is on the disk.

        Returns:
            The event as it was written: without its secrets.

        Raises:
            NotSaved: It is not there for sure; nothing that was confirmed before is touched.
        """
        if len(draft.text) > MOST_TEXT:
            raise NotSaved(f"one text holds at most {MOST_TEXT:,} characters", redact_wholly(draft.text))
        with self.keyed():
            event = _written(draft, self.author, now)
        line = line_of(event)
        if len(json.dumps(line, ensure_ascii=False).encode("utf-8", "backslashreplace")) > MOST_LINE:
            raise NotSaved(f"one entry holds at most {MOST_LINE >> 20} MiB", event.text)
        try:
            self._audit.write(line)
        except AuditFailed as error:
            where, _, why = str(error).rpartition(": ")
            raise NotSaved(f"{why} ({where})" if where else why, event.text) from None
        return event


def _written(draft: Draft, author: str, now: Instant) -> Event:
    """The event that a draft becomes: redacted first, then made safe to show. Times are kept to the millisecond."""
    now = round(now, 3)
    emails = draft.kind not in WITH_EMAILS
    return Event(
        f"{author}-{secrets.token_hex(4)}",
        author,
        now,
        now if draft.occurred_at is None else round(draft.occurred_at, 3),
        draft.kind,
        clean(redact_wholly(draft.text, emails), MOST_TEXT),
        cleaned(redact_json(draft.data, emails=emails)),
        draft.source,
        tuple(clean(redact_wholly(one), 60) for one in draft.evidence),
        draft.supersedes,
        draft.certainty,
    )


@dataclass(frozen=True, slots=True)
class Problem:
    """A line that is no event."""

    file: str
    line: int
    says: str


@open_dataclass(slots=True)
class _File:
    """What was read of one file, and how far."""

    end: int = 0
    lines: int = 0
    latest: Instant = 0.0
    events: list[tuple[Instant, Event]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    torn: Problem | None = None


class Reader:
    """Reads all journals of a case, and afterwards only what has been added to them.

    Args:
        folder: Of the case.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder / FOLDER
        self._files: dict[str, _File] = {}

    def read(self) -> tuple[tuple[Event, ...], tuple[Problem, ...]]:
        """Every event in the order in which they were written, and the lines that are none.

        An author's own lines keep their order even where the clock was set back; those of several are ordered by time.

        Raises:
            OSError: A file cannot be read.
        """
        for path in sorted(self._folder.glob(f"*{SUFFIX}")):
            known = self._files.get(path.name)
            if known is None or path.stat().st_size < known.end:  # cut since: read anew, and `verify` tells
                known = self._files[path.name] = _File()
            _grow(path, known)
        merged = sorted(
            (at, event.author, n, event) for one in self._files.values() for n, (at, event) in enumerate(one.events)
        )
        problems = [p for one in self._files.values() for p in (*one.problems, *((one.torn,) if one.torn else ()))]
        return tuple(event for *_, event in merged), tuple(problems)


def _grow(path: Path, known: _File) -> None:
    if path.stat().st_size == known.end:
        return
    with path.open("rb") as file:
        file.seek(known.end)
        data = file.read()
    whole, newline, rest = data.rpartition(b"\n")
    known.torn = None
    for line in whole.split(b"\n") if newline else ():
        known.lines += 1
        _take(line, path, known)
    known.end += len(whole) + len(newline)
    if rest:
        known.torn = Problem(
            path.name, known.lines + 1, "the last line was not written to its end: it was never confirmed"
        )


def _take(line: bytes, path: Path, known: _File) -> None:
    try:
        event = event_of(json.loads(line))
    except ValueError:
        event = None
    if event is None:
        known.problems.append(Problem(path.name, known.lines, "no entry: a line that was not written to its end"))
        return
    if event.author != path.name.removesuffix(SUFFIX):
        known.problems.append(Problem(path.name, known.lines, f"an entry of {event.author} in another author's file"))
        event = replace(event, author=path.name.removesuffix(SUFFIX))
    known.latest = max(known.latest, event.recorded_at)
    known.events.append((known.latest, event))


def until(events: Iterable[Event], at: Instant) -> tuple[Event, ...]:
    """What was written by then: the record as it could be read at that moment."""
    return tuple(event for event in events if event.recorded_at <= at)
