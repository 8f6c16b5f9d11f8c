"""How values are shown: latencies, escaped texts, lists, and nothing."""

from __future__ import annotations

import json

import pytest

from console.cli.logs import latency_text
from console.domain.logs import LogRecord
from console.query.evaluate import compile_query
from console.query.parse import parse
from sources.logs.context import Context
from sources.logs.formats.access import AccessFormat
from sources.logs.formats.json import JsonFormat
from sources.logs.formats.syslog import SyslogFormat


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0ms"),
        (0.000005, "0.005ms"),
        (0.0009, "0.9ms"),
        (0.0449, "44.9ms"),
        (0.25, "250ms"),
        (0.9996, "1s"),
        (1.4, "1.4s"),
        (2.5, "2.5s"),
        (59.9, "59.9s"),
        (119.4, "119s"),
        (119.9, "2m00s"),
        (150.0, "2m30s"),
        (7300.0, "2h"),
    ],
)
def test_a_latency_has_three_digits(seconds: float, text: str) -> None:
    assert latency_text(seconds) == text


def test_escapes_of_structured_data_are_read() -> None:
    line = rb'<11>1 2026-11-23T14:00:00Z web shop 7 id [x@1 who="a \"b\" \\c \] d" n="1"] gone'
    record = SyslogFormat(Context("s")).full(line)
    assert record is not None
    assert dict(record.fields)["who"] == r'a "b" \c ] d'


@pytest.mark.parametrize("agent", [rb"Moz \"q\" \\x41", rb"Moz \x22q\x22 \x5Cx41"])
def test_escapes_of_an_agent_are_read(agent: bytes) -> None:
    line = b'10.0.0.1 - - [23/Nov/2026:14:00:01 +0100] "GET /y HTTP/1.1" 200 12 "http://r" "%s"' % agent
    record = AccessFormat(Context("a"), [line]).full(line)
    assert record is not None
    assert dict(record.fields)["agent"] == r'Moz "q" \x41'


def test_what_an_escape_hides_is_still_made_visible() -> None:
    line = rb'10.0.0.1 - - [23/Nov/2026:14:00:01 +0100] "GET /y HTTP/1.1" 200 12 "-" "a\x1b[31m\xff"'
    record = AccessFormat(Context("a"), [line]).full(line)
    assert record is not None
    assert "\x1b" not in dict(record.fields)["agent"]


def read(**fields: object) -> LogRecord:
    record = JsonFormat(Context("j")).full(json.dumps(fields).encode())
    assert record is not None
    return record


def test_a_list_is_shown_as_json() -> None:
    fields = dict(read(ts="2026-11-23T14:00:00Z", msg="m", tags=["a", True, None, {"b": 1.5}, "é"], none=[]).fields)
    assert fields == {"tags": '["a", true, null, {"b": 1.5}, "é"]', "none": "[]"}


def test_a_time_that_is_null_is_no_text() -> None:
    record = read(ts=None, msg="m", status=None, user=None)
    assert record.fields == (("user", "null"),)
    assert not compile_query(parse("null")).matches(read(ts=None, msg="m"))


@pytest.mark.parametrize("value", ["ok", 7, "7"])
def test_a_status_that_is_none_of_http_is_still_shown_and_found(value: object) -> None:
    lines = [json.dumps({"ts": "2026-11-23T14:00:00Z", "msg": "m", "status": one}).encode() for one in (200, value)]
    form = JsonFormat(Context("j"), lines)
    for records in ([form.full(line) for line in lines], form.full_lines(lines, [0, 99])):
        usual, odd = records
        assert usual is not None and odd is not None
        assert (usual.fields, odd.fields) == ((), (("status", str(value)),))
        assert compile_query(parse(str(value))).matches(odd)
