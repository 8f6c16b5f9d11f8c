"""Other names of a record's own fields, fields without a value, and words that stand in a status."""

from __future__ import annotations

import json

import pytest

from console.config.models import Config
from console.domain.logs import FieldValue, LogRecord
from console.guard.sanitise import safe
from console.query.about import as_typed, field_test
from console.query.ast import And, FieldTest, Literal, Query
from console.query.evaluate import compile_query
from console.query.parse import QueryError, parse
from sources.logs.context import Context
from sources.logs.formats.json import JsonFormat


def read(**fields: object) -> LogRecord:
    record = JsonFormat(Context("app")).full(json.dumps({"ts": "2026-11-23T14:00:00Z", **fields}).encode())
    assert record is not None
    return record


def matches(text: str, **fields: object) -> bool:
    return compile_query(parse(text)).matches(read(**fields))


@pytest.mark.parametrize(
    ("text", "fields", "expected"),
    [
        ("503", {"status": 503}, True),
        ("503", {"status": "503"}, True),
        ("/^503$/", {"status": 503}, True),
        ("50", {"status": 503}, True),
        ("404", {"status": 503}, False),
        ("2500", {"latency_ms": 2500}, True),
        ("1.5s", {"duration": "1.5s"}, True),
        ("status_code:5xx", {"status_code": 503}, True),
        ("status_code:5xx", {"status": 503}, True),
        ("status_code:503", {"status": 503}, True),
        ("status_code:>=500", {"http": {"status_code": 503}}, True),
        ("http.status_code:5xx", {"status": 404}, False),
        ("status_code:>=14", {"status_code": 16}, True),
        ("lvl:>=warn", {"level": "error"}, True),
        ("lvl:>=warn", {"lvl": "info"}, False),
        ("severity:warning", {"level": "WARN"}, True),
        ("priority:>=4", {"priority": 5}, True),
        ("duration:>1s", {"duration": "1.5s"}, True),
        ("duration:>1s", {"duration": "800ms"}, False),
        ("duration:>1", {"duration": "1.5s"}, True),
        ("duration:>1", {"duration": "800ms"}, False),
        ("duration:>1", {"latency_ms": 1500}, True),
        ("duration_ms:>500", {"duration_ms": 800}, True),
        ("duration_ms:>500", {"latency": "0.8s"}, True),
        ("latency_ms:>900", {"latency": "0.8s"}, False),
        ("app:shop", {"service": "shop"}, True),
        ("logger:shop", {"service": "shop", "logger": "db"}, False),
        ("logger:db", {"service": "shop", "logger": "db"}, True),
        ("traceid:abc", {"trace_id": "abc"}, True),
        ("body:gone", {"msg": "gone"}, True),
        ("body:*", {"service": "x"}, False),
    ],
)
def test_other_names_mean_the_same_field(text: str, fields: dict[str, object], expected: bool) -> None:
    assert matches(text, **fields) is expected


@pytest.mark.parametrize(
    ("text", "column", "words"),
    [
        ("level:", 7, "a value is missing behind level:"),
        ("a nosuch:", 10, "a value is missing behind nosuch:"),
        ("level: error", 7, "a value is missing"),
        ("(a nosuch:)", 11, "a value is missing"),
        ("service:(a OR b)", 9, "write .service:… OR service:…."),
        ("status:>=(500)", 10, "a field takes one value"),
        ("foo:(", 5, 'or foo:"\\(…" for the sign itself'),
        ("lvl:>=soon", 7, "a level, or a number"),
        ("duration:>long", 11, "a span such as 2s"),
    ],
)
def test_a_value_that_is_missing_or_makes_no_sense_is_pointed_at(text: str, column: int, words: str) -> None:
    with pytest.raises(QueryError, match=words) as caught:
        parse(text)
    assert caught.value.column == column


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("error: refused", And((Literal("error:"), Literal("refused")))),
        ('"level:"', Literal("level:")),
        ("status_code:5xx", FieldTest("status", "=", "5xx")),
        ("res.statusCode:>=500", FieldTest("status", ">=", "500")),
        ("status_code:gone", FieldTest("status_code", "=", "gone")),
        ("elapsed:>2", FieldTest("elapsed", ">", "2")),
    ],
)
def test_is_understood_as(text: str, tree: Query) -> None:
    assert parse(text) == tree


@pytest.mark.parametrize(("name", "value"), [("status_code", "503"), ("severity", "ERROR"), ("duration", "1.5s")])
def test_a_field_under_another_name_has_a_test_that_finds_its_record(name: str, value: str) -> None:
    test = field_test(FieldValue(name, safe(value)))
    assert test is not None
    assert compile_query(test).matches(read(**{name: value}))


NAMES = {
    "stufe": "level",
    "code": "status",
    "dauer": "latency",
    "was": "message",
    "dienst": "service",
    "level": "message",
}


@pytest.mark.parametrize(
    ("typed", "asked"),
    [
        ("stufe:>=warn", "level:>=warn"),
        ("Code:5xx -dauer:>0.5s", "status:5xx -latency:>0.5s"),
        ("code:7", "code:7"),
        ("dauer:>500", "dauer:>500"),
        ("dienst:shop  x", "dienst:shop  x"),
        ("was:boom*", "was:boom* OR message:boom*"),
        ("! was:boom", "NOT (was:boom OR message:boom)"),
        ("level:error", "level:error"),
    ],
)
def test_configured_names_of_fields_mean_the_records_own(typed: str, asked: str) -> None:
    assert as_typed(typed, NAMES) == asked
    if not typed.startswith("!"):
        assert parse(typed, NAMES) == parse(asked)


def test_a_configured_name_is_refused_with_the_column_of_what_was_typed() -> None:
    with pytest.raises(QueryError, match="column 12: >= needs a number"):
        as_typed("x  dauer:>=warm", {"dauer": "message"})
    with pytest.raises(QueryError, match="column 9"):
        as_typed("stufe:>=warn")


def test_the_configuration_tells_the_names() -> None:
    config = Config.model_validate(
        {
            "logs": [
                {
                    "kind": "files",
                    "paths": ["a"],
                    "service_field": "Dienst",
                    "fields": {"level": "Stufe", "time": "zeit"},
                },
                {"kind": "files", "paths": ["b"], "fields": {"latency": "dauer", "latency_unit": "ms"}},
            ]
        }
    )
    assert config.field_names() == {"dienst": "service", "stufe": "level", "dauer": "latency"}
