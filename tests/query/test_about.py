"""Queries made from patterns, exceptions and fields, and filters turned round."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.analysis.exceptions import ExceptionTable
from console.domain.logs import FieldValue, Level, LogRecord, Pattern
from console.domain.shapes import ExceptionGroup
from console.guard.sanitise import safe
from console.query.about import as_typed, field_test, inverted, lines_of, lines_raised
from console.query.evaluate import compile_query
from console.query.parse import QueryError, parse
from console.query.text import text_of
from tests.analysis.test_exception_forms import (
    GO_HTTP,
    NODE_CAUSE,
    PYTHON_GROUP,
    RAILS,
    RAILS_TAGGED,
    RUST,
    RUST_BARE,
    RUST_OLD,
)

WORDS = st.text(st.characters(blacklist_categories=["Cs", "Cc"]), min_size=1, max_size=30).map(safe)
FILTERS = st.sampled_from(["a", "level:>=warn", "a OR b", "-c (d OR e) /f+/", 'x "y z"', "NOT (a b)", "status:5xx"])


def found(template: str, service: str = "x", level: Level = Level.ERROR) -> str:
    return lines_of(Pattern("p", safe(template), service, level, "new", 3, 0, None, None, None, safe("")))


def test_a_pattern_is_asked_for_by_service_level_and_what_stays() -> None:
    assert found("GET <*> took <*> ms, ‹redacted:jwt:a1› ok") == "service:x level:error GET took ms,"
    assert found("<*>") == "service:x level:error"
    assert found("<*> <*>", service="", level=Level.UNKNOWN) == ""


@given(st.lists(WORDS, min_size=1, max_size=6), WORDS)
def test_the_query_of_a_pattern_matches_its_messages(stretches: list[str], service: str) -> None:
    template, message = " <*> ".join(stretches), " 17 ".join(stretches)
    query = found(template, service)
    assert compile_query(parse(query)).matches(LogRecord(0.0, Level.ERROR, service, safe(message)))


@given(WORDS, WORDS)
def test_a_field_that_can_be_asked_for_is_found_by_its_test(name: str, value: str) -> None:
    one = FieldValue(name, safe(value))
    test = field_test(one)
    if test is None:
        return
    own = {"service", "operation", "trace_id", "source", "file", "message", "msg", "level", "status", "latency"}
    if name.lower() not in own:
        assert compile_query(parse(text_of(test))).matches(
            LogRecord(0.0, Level.INFO, "x", safe("m"), fields=((name, safe(value)),))
        )


@pytest.mark.parametrize(
    ("name", "value"), [("a b", "x"), ("", "x"), ("host", ""), ("level", "loud"), ("status", "odd"), ("x:y", "z")]
)
def test_what_a_query_cannot_name_has_no_test(name: str, value: str) -> None:
    assert field_test(FieldValue(name, safe(value))) is None


@given(FILTERS)
def test_inverting_twice_gives_the_filter_back(text: str) -> None:
    once = inverted(text)
    query = parse(text)
    assert parse(inverted(once)) == query or parse(once) == query
    records = [
        LogRecord(0.0, level, "s", safe(m), status=500) for level in Level for m in ("a", "b c", "y z x", "d ff")
    ]
    straight, turned = compile_query(query).matches, compile_query(parse(once)).matches
    assert all(straight(record) != turned(record) for record in records)


def test_an_exclamation_mark_in_front_inverts_and_mistakes_keep_their_column() -> None:
    assert as_typed(" a b ") == "a b"
    assert as_typed("!a OR b") == "NOT (a OR b)"
    assert as_typed(" !-a") == "a"
    assert as_typed("!") == as_typed("") == ""
    with pytest.raises(QueryError) as plain:
        as_typed("  level:eror")
    with pytest.raises(QueryError) as turned:
        as_typed("! level:eror")
    assert plain.value.column == turned.value.column


@pytest.mark.parametrize("text", [RAILS, RAILS_TAGGED, RUST, RUST_OLD, RUST_BARE, PYTHON_GROUP, GO_HTTP, NODE_CAUSE])
def test_the_query_of_an_exception_finds_its_records_and_no_other_place(text: str) -> None:
    def thrown(text: str) -> LogRecord:
        first, *extra = map(safe, text.split("\n"))
        return LogRecord(1.0, Level.ERROR, "shop", first, extra=tuple(extra))

    table = ExceptionTable()
    table.add(thrown(text.replace("{n}", "10")))
    (group,) = table.groups()
    matches = compile_query(parse(lines_raised(group))).matches
    assert matches(thrown(text.replace("{n}", "99")))
    elsewhere = text
    for name in ("name'", "app::f", "main.rs", "pay.rs", "first", "main.pay", "load"):
        elsewhere = elsewhere.replace(name, name[0] + "0" + name[1:])
    assert not matches(thrown(elsewhere))


def test_exceptions_without_a_place_have_no_query() -> None:
    rest = ExceptionGroup(safe("other exceptions"), (), safe(""), 3, 1.0, 2.0, ("shop",), (safe("x"),))
    assert lines_raised(rest) == ""
