"""JSON that web servers write: their own stamps, and a request line in place of a message."""

from __future__ import annotations

import json

import pytest

from console.domain.instant import parse_time
from console.domain.logs import LogRecord
from sources.logs.context import Context
from sources.logs.formats.json import JsonFormat
from sources.logs.times import Clock

AT = parse_time("2026-11-23T14:00:03Z", 0.0)


def line(**fields: object) -> bytes:
    return json.dumps(fields).encode()


def read(raw: bytes) -> LogRecord:
    record = JsonFormat(Context("web")).full(raw)
    assert record is not None
    return record


@pytest.mark.parametrize(
    ("stamp", "at"),
    [
        ("23/Nov/2026:14:00:03 +0000", AT),
        ("23/Nov/2026:15:00:03 +0100", AT),
        ("23/nov/2026:14:00:03.250 +0000", AT + 0.25),
        ("23/Nov/2026:14:00:03", AT),
        ("31/Feb/2026:14:00:03 +0000", None),
        ("23/Nix/2026:14:00:03 +0000", None),
        ("23/Nov/2026:14:00:03 +0000 x", None),
    ],
)
def test_the_stamp_of_access_logs_is_read(stamp: str, at: float | None) -> None:
    assert Clock().text(stamp) == at
    assert read(line(time_local=stamp, msg="m")).at == at


def test_columns_and_records_tell_the_same_time() -> None:
    raw = b"\n".join(line(time_local=f"23/Nov/2026:14:00:{n:02d} +0000", request=f"GET /{n}") for n in range(60))
    form = JsonFormat(Context("web"), raw.split(b"\n"))
    columns = form.columns(raw, True)
    assert columns is not None
    assert columns.times == [AT - 3 + n for n in range(60)]
    assert form.messages(raw) == [f"GET /{n}" for n in range(60)]


def test_a_request_stands_for_a_message_that_is_missing() -> None:
    record = read(line(ts="2026-11-23T14:00:03Z", status="503", request="GET /x HTTP/1.1"))
    assert (record.message, record.status) == ("GET /x HTTP/1.1", 503)
    assert ("request", "GET /x HTTP/1.1") in record.fields
    assert read(line(ts="2026-11-23T14:00:03Z", msg="", request="GET /x")).message == "GET /x"
    assert read(line(ts="2026-11-23T14:00:03Z", msg="late", request="GET /x")).message == "late"
