"""The query language: what is understood, what is refused and where, and what matches."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from console.domain.logs import Level, LogRecord
from console.guard.sanitise import safe
from console.query.ast import And, FieldTest, Literal, Not, Or, Query, Regex
from console.query.evaluate import compile_query
from console.query.parse import QueryError, parse
from console.query.regex import (
    Automaton,
    BadPattern,
    _compiled,
    _tree,
    anywhere,
    of_bytes,
    searcher,
    stands_as_written,
)
from console.query.text import text_of

RELAXED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def record(
    message: str = "timeout after 30s calling payments",
    *,
    level: Level = Level.ERROR,
    status: int | None = 503,
    latency_s: float | None = 2.5,
    extra: tuple[str, ...] = (),
    fields: tuple[tuple[str, str], ...] = (("user_id", "42"), ("Tenant", "Acme"), ("path", "/orders/7")),
) -> LogRecord:
    return LogRecord(
        at=0.0,
        level=level,
        service="checkout",
        message=safe(message),
        operation="POST /orders/{id}",
        status=status,
        latency_s=latency_s,
        trace_id="abc123",
        extra=tuple(safe(one) for one in extra),
        fields=tuple((name, safe(value)) for name, value in fields),
        source="app",
        file="app.log",
    )


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("", None),
        ("   ", None),
        ("timeout", Literal("timeout")),
        ('"connection refused"', Literal("connection refused")),
        (r'"a \"b\" \\ c"', Literal('a "b" \\ c')),
        ("/time.*out/", Regex("time.*out")),
        ("/a b/i", Regex("(?i)a b")),
        (r"/a\/b/", Regex("a/b")),
        ("/api/v1/orders", Literal("/api/v1/orders")),
        ("/healthz", Literal("/healthz")),
        ("level:>=warn", FieldTest("level", ">=", "warn")),
        ("status:5xx", FieldTest("status", "=", "5xx")),
        ("latency:>2s", FieldTest("latency", ">", "2s")),
        ("path:/orders/*", FieldTest("path", "=", "/orders/*")),
        ('operation:"POST /orders"', FieldTest("operation", "=", "POST /orders")),
        ("http.route:a*", FieldTest("http.route", "=", "a*")),
        ("http://x/y", Literal("http://x/y")),
        ("std::vector", Literal("std::vector")),
        ("14:03", Literal("14:03")),
        ("error: x", And((Literal("error:"), Literal("x")))),
        ("connect() failed", And((Literal("connect()"), Literal("failed")))),
        ("-a", Not(Literal("a"))),
        ("NOT a", Not(Literal("a"))),
        ("a b", And((Literal("a"), Literal("b")))),
        ("a AND b OR c", Or((And((Literal("a"), Literal("b"))), Literal("c")))),
        ("a (b OR -c)", And((Literal("a"), Or((Literal("b"), Not(Literal("c"))))))),
        ("ORDER ANDROID", And((Literal("ORDER"), Literal("ANDROID")))),
        ("- a", And((Literal("-"), Literal("a")))),
    ],
)
def test_is_understood_as(text: str, tree: Query | None) -> None:
    assert parse(text) == tree


@pytest.mark.parametrize(
    ("text", "column", "words"),
    [
        ('a "b', 3, "never closed"),
        ("(a", 1, "never closed"),
        ("a)", 2, "closes nothing"),
        ("a ()", 4, "closes nothing, or a term is missing"),
        ("a OR", 5, "missing at the end"),
        ("OR a", 1, 'write "OR"'),
        ("level:>=wran", 9, "did you mean warn?"),
        ("level:zzzzz", 7, "levels are"),
        ("status:abc", 8, "5xx"),
        ("status:>=5xx", 10, "5xx"),
        ("latency:>2", 10, "span"),
        ("user_id:>many", 10, "number"),
        ("level:>", 8, "missing"),
        ("/a(b/", 3, "not a regular expression"),
        ("/(a*)*b(", 1, "never closed"),
        (r"/(a)\1/", 2, "back reference"),
        ("/a(?=b)/", 2, "look-ahead"),
        ("/(a{60}){99}/", 2, "too large"),
        ('""', 1, "empty phrase"),
        ("(" * 60 + "a" + ")" * 60, 42, "nested"),
    ],
)
def test_errors_point_at_the_column(text: str, column: int, words: str) -> None:
    with pytest.raises(QueryError, match=re.escape(words)) as caught:
        parse(text)
    assert caught.value.column == column
    assert f"column {column}:" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("TIMEOUT", True),
        ("payments timeout", True),
        ("payments absent", False),
        ("absent OR timeout", True),
        ("-timeout", False),
        ('"timeout after"', True),
        (r"/after \d+s/", True),
        ("/TIMEOUT/", False),
        ("/TIMEOUT/i", True),
        ("checkout", True),
        ("acme", True),
        ("abc123", True),
        ("error", True),
        ("tenant", False),
        ("service:checkout", True),
        ("service:CHECK*", True),
        ("service:check", False),
        ("level:error", True),
        ("level:>=warn", True),
        ("level:<error", False),
        ("level:e*", True),
        ("status:5xx", True),
        ("status:5*", True),
        ("status:503", True),
        ("status:<500", False),
        ("status:4xx", False),
        ("latency:>2s", True),
        ("latency:<=2500ms", True),
        ("latency:2.5s", True),
        ('operation:"POST /orders/*"', True),
        ("user_id:42", True),
        ("user_id:>41", True),
        ("user_id:<=41", False),
        ("tenant:acme", True),
        ("tenant:>5", False),
        ("missing:x", False),
        ("-missing:x", True),
        ("message:timeout*", True),
        ("source:app file:*.log", True),
        ("trace_id:abc123", True),
        ("/orders/7", True),
    ],
)
def test_matches(text: str, expected: bool) -> None:
    assert compile_query(parse(text)).matches(record()) is expected


def test_what_a_record_lacks_fails_every_test_of_it() -> None:
    bare = record(level=Level.UNKNOWN, status=None, latency_s=None)
    for text in ("status:5xx", "status:<600", "latency:<1h", "level:<fatal", "level:>=trace"):
        assert not compile_query(parse(text)).matches(bare), text
    assert compile_query(parse("level:unknown")).matches(bare)


def test_further_lines_are_text_too() -> None:
    assert compile_query(parse("KeyError")).matches(record(extra=("Traceback", "KeyError: 'sku'")))


@pytest.mark.parametrize(
    ("text", "cheap", "needles"),
    [
        ("level:error status:5xx", True, ()),
        ("timeout", False, ("timeout",)),
        ("a timeout level:error", False, ("timeout",)),
        ("a OR b", False, ("a", "b")),
        ("a OR level:error", False, ()),
        ("-a", False, ()),
        ("/x/", False, ()),
        (r"/dial tcp \S+: refused/", False, ("dial tcp ",)),
        ("/(?i)Timed Out|x/", False, ()),
        ("/(?i)Timed Out|refused/", False, ("timed out", "refused")),
        (r"/(?:dial|read) tcp \S+: (?:reset|closed) by peer/", False, (" by peer",)),
        (r"/a.(?:refused|(?:closed|reset) early)+.b/", False, ("refused", " early")),
        (r"/(?:refused)*x?(?:reset|)\d/", False, ()),
        ("user:5", False, ("5",)),
        ("user:>5", False, ()),
        ("host:web-*", False, ("web-",)),
        ("file:a.log", False, ()),
    ],
)
def test_what_a_source_may_rely_on(text: str, cheap: bool, needles: tuple[str, ...]) -> None:
    test = compile_query(parse(text))
    assert (test.cheap, next(iter(test.needles), ())) == (cheap, needles)


def test_what_tells_levels_statuses_and_what_need_not_be_made_whole() -> None:
    test = compile_query(parse("level:>=error (status:50* OR status:404) timeout -slow"))
    assert test.levels == frozenset({Level.ERROR, Level.FATAL})
    assert test.statuses == frozenset({404, *range(500, 510)})
    assert test.kind_fields == frozenset({"level", "status"})
    assert test.gate is not None and test.gate(record(level=Level.ERROR, status=404))
    assert not test.gate(record(level=Level.INFO, status=404))
    free = compile_query(parse("level:error OR timeout"))
    assert (free.levels, free.statuses, free.gate) == (None, None, None)
    assert compile_query(parse("service:shop timed out")).needles == (("timed",), ("shop",), ("out",))


WORDS = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1, max_size=12)
LEAVES: st.SearchStrategy[Query] = st.one_of(
    st.builds(Literal, WORDS),
    st.sampled_from([Regex("a.*b"), Regex("(?i)x/y"), Regex(r"\d+ ms"), Regex(r"\\/"), Regex("(?:time|tim).d|b+")]),
    st.builds(FieldTest, st.sampled_from(["user", "http.route", "service"]), st.just("="), WORDS),
    st.builds(FieldTest, st.sampled_from(["user_id"]), st.sampled_from([">", ">=", "<", "<="]), st.integers(-9, 9999).map(str)),
    st.sampled_from([FieldTest("level", ">=", "warn"), FieldTest("status", "=", "5xx"), FieldTest("latency", ">", "2s")]),
)  # fmt: skip
QUERIES: st.SearchStrategy[Query] = st.deferred(
    lambda: st.one_of(
        LEAVES,
        LEAVES,
        st.builds(Not, QUERIES),
        st.builds(And, st.lists(QUERIES, min_size=2, max_size=3).map(tuple)),
        st.builds(Or, st.lists(QUERIES, min_size=2, max_size=3).map(tuple)),
    )
)


@RELAXED
@given(QUERIES)
def test_text_and_tree_round_trip(query: Query) -> None:
    assert parse(text_of(query)) == query


@RELAXED
@given(st.text(alphabet='ab:/()"- *>=<\\.[ANDORT5x', max_size=40))
def test_no_text_breaks_the_parser(text: str) -> None:
    try:
        query = parse(text)
    except QueryError as error:
        assert 1 <= error.column <= len(text) + 1
        return
    compile_query(query).matches(record())
    assert parse(text_of(query)) == query


@RELAXED
@given(QUERIES)
def test_needles_stand_in_every_match(query: Query) -> None:
    test = compile_query(query)
    one = record()
    if test.needles and test.matches(one):
        whole = "\n".join((one.message, one.operation, one.service, "error", one.trace_id, *(v for _, v in one.fields)))
        assert all(any(needle in whole.lower() for needle in group) for group in test.needles)
    if test.matches(one):
        assert test.levels is None or one.level in test.levels
        assert test.statuses is None or one.status in test.statuses
        assert test.gate is None or test.gate(one)


ATOMS = st.sampled_from(
    ["a", "b", ".", "[ab]", "[^a]", r"\w", r"\d", r"\s", r"\b", r"\B", "^", "$", "(a|b)", "(?:ab|a|)", "é", "(?i:A)"]
)
PATTERNS = st.lists(
    st.tuples(ATOMS, st.sampled_from(["", "", "*", "+", "?", "*?", "{2}", "{1,3}"])), min_size=1, max_size=6
).map(lambda parts: "".join(a + (q if a not in ("^", "$", r"\b", r"\B") else "") for a, q in parts))


@RELAXED
@given(PATTERNS, st.text(alphabet="abAB1 é_", min_size=1, max_size=20))  # Python before 3.14 has no \B in an empty text
def test_the_automaton_agrees_with_python(pattern: str, text: str) -> None:
    assert Automaton(_compiled(_tree(pattern))).search(text) is (re.search(pattern, text) is not None)
    assert searcher(pattern)(text) is (re.search(pattern, text) is not None)


@RELAXED
@given(PATTERNS, *[st.text(alphabet="abAB1 é_", max_size=12)] * 3)
def test_what_matches_a_text_is_found_where_the_text_stands_in_another(
    pattern: str, text: str, before: str, after: str
) -> None:
    found = anywhere(pattern)
    if found is not None and searcher(pattern)(text):
        assert found(before + text + after)


@RELAXED
@given(PATTERNS, *[st.text(alphabet="abAB1 é_", max_size=12)] * 3)
def test_what_matches_an_ascii_text_is_found_in_its_bytes_whatever_their_case(
    pattern: str, text: str, before: str, after: str
) -> None:
    found = of_bytes(pattern)
    if found is not None and text.isascii() and searcher(pattern)(text):
        for whole in (before + text + after, (before + text + after).swapcase()):
            assert re.search(found, whole.encode())


@pytest.mark.parametrize(
    ("pattern", "known"),
    [(r"\d{9}", True), ("[0-9a-f]{4,8}-x", True), (r"\w+", True), (r"a\d|b\d", True), (r"(?i)k\d", True), (r"(?:\d{3}\.)+\d", False),
     (r"\d.\d", False), (r"\d \d", False), (r"\D\d", False), ("{", False), (r"\d*", False), (r"\d+x\d+", False), (r"\d{300}", False)],
)  # fmt: skip
def test_which_expressions_are_looked_for_in_bytes(pattern: str, known: bool) -> None:
    assert (of_bytes(pattern) is not None) is known


@pytest.mark.parametrize(
    "pattern", ["(a+)+$", "(a|a)*$", "(a*)*b", "^(.*a){12}$", r"(\w+\s?)*$x", "a?" * 30 + "a" * 30, "(x+x+)+y"]
)
def test_catastrophic_expressions_take_no_time(pattern: str) -> None:
    search = searcher(pattern)
    began = time.process_time()
    search("a" * 5000 + "!")
    search("x" * 5000)
    assert time.process_time() - began < 2


def test_forgetting_states_changes_no_answer() -> None:
    search = searcher("(a|b)*a(a|b){9}c(.*)d")
    text = "".join("ab"[(n * n // 3) % 2] for n in range(9000))
    assert search(text) is False
    assert search(text + "a" + "b" * 9 + "c d") is True


@pytest.mark.parametrize(
    "pattern",
    [
        "[",
        "a{2,1}",
        "(?P<x",
        "*a",
        "(?<=a)b",
        "(?!a)",
        "(a)(?(1)b)",
        "(?>a)",
        "a*+",
        "((((a{50}){50}){50}){50})",
        "(){999999}x" * 3,
    ],
)
def test_what_is_refused_is_refused_with_a_sentence(pattern: str) -> None:
    if pattern.startswith("(){"):
        assert searcher(pattern)("xxx")
        return
    with pytest.raises(BadPattern):
        searcher(pattern)


@pytest.mark.parametrize(
    ("pattern", "stands"),
    [(r"took \d{5} ms", True), ("refused|timeout", False), ("GET /x", False), ("Connection re(?:fused|set)", True), ("(?i)took", False),
     ("took .", False), (r"took [^x]", False), (r"took \S", False), (r"took [!-~]", False), (r"took \{id", False), ("id(?i:x)", False)],
)  # fmt: skip
def test_expressions_that_match_operations_only_as_they_were_written(pattern: str, stands: bool) -> None:
    assert stands_as_written(pattern) is stands
