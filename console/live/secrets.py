"""Secrets in log records, hidden before anything is made of them: what is judged, shown and copied never held them.

Filters match the records as they are written; only what the console keeps is changed.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import msgspec

from console.case.fold import fold
from console.case.journal import Reader
from console.case.key import key_of, next_key
from console.case.model import ENDED
from console.case.store import case_ids, cases_folder
from console.domain.logs import LogRecord
from console.domain.shapes import ExceptionGroup
from console.domain.text import SafeText
from console.guard.redact import redact, use_key

MOST_CASES = 20
"""The newest, among which one that goes on is looked for."""


def use_tokens(state: Path) -> None:
    """Show secrets by the tokens of the newest case that goes on, else of the one that is opened next: evidence that is taken from
    the screen then has those of its case.

    Args:
        state: The state folder; where it cannot be read or written, the tokens are those of this run.
    """
    folder = cases_folder(state)
    with suppress(OSError):
        use_key(_key(folder))


def _key(folder: Path) -> bytes:
    for name in case_ids(folder)[:MOST_CASES]:
        with suppress(OSError):
            if fold(name, Reader(folder / name).read()[0]).state not in ENDED:
                return key_of(folder / name)
    return next_key(folder)


def hidden(records: Iterable[LogRecord]) -> tuple[LogRecord, ...]:
    """The records, each secret in them replaced by a token; a record without one stays the same object."""
    return tuple(_hidden(record) for record in records)


def _hidden(record: LogRecord) -> LogRecord:
    message, extra = redact(record.message), _lines(record.extra)
    fields = tuple((name, _value(name, value)) for name, value in record.fields)
    operation = redact(record.operation)
    if (message, extra, fields, operation) == (record.message, record.extra, record.fields, record.operation):
        return record
    return msgspec.structs.replace(record, message=SafeText(message), extra=extra, fields=fields, operation=operation)


def hidden_exception(group: ExceptionGroup) -> ExceptionGroup:
    """The group, each secret in its message and example replaced by a token."""
    message, example = redact(group.message), _lines(group.example)
    if (message, example) == (group.message, group.example):
        return group
    return msgspec.structs.replace(group, message=SafeText(message), example=example)


def _lines(lines: tuple[SafeText, ...]) -> tuple[SafeText, ...]:
    """Further lines together, since a key in PEM form goes over several."""
    if not lines:
        return lines
    whole = "\n".join(lines)
    clean = redact(whole)
    return lines if clean == whole else tuple(SafeText(line) for line in clean.split("\n"))


def _value(name: str, value: SafeText) -> SafeText:
    """A field's value, judged together with its name: `password` says what stands behind it."""
    whole = f"{name}={value}"
    clean = redact(whole)
    return value if clean == whole else SafeText(clean.removeprefix(f"{name}="))
