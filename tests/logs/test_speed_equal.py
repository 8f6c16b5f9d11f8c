"""Whole blocks read at once tell what lines read one by one tell, whatever stands in them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import sources.logs.batch
import sources.logs.formats.json
from console.analysis.mining import first_line
from console.domain.instant import Window
from console.domain.logs import LogRecord
from console.guard.sanitise import safe
from sources.logs.batch import batches
from sources.logs.context import Context, Names
from sources.logs.engine import Engine
from sources.logs.formats import FORMATS, Format
from sources.logs.formats.base import ReadsFurther
from sources.logs.formats.columns import ReadsBlocks, ReadsLines
from sources.logs.operations import operation_name
from sources.logs.questions import Counts, Derive, Errors, Histogram, Messages, Page, Question
from sources.logs.records import Tally, full
from sources.logs.spec import Spec

MOMENT = datetime(2026, 11, 23, 14, 3, 10, tzinfo=UTC).timestamp()
MANY = settings(
    deadline=None, max_examples=80, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


class LineByLine:
    """A format without its columns."""

    def __init__(self, form: Format) -> None:
        self.name = form.name
        self.starts, self.light, self.narrow, self.full = form.starts, form.light, form.narrow, form.full
        self._form = form

    def further(self, light: LogRecord, line: bytes, extra: Sequence[bytes]) -> LogRecord:
        """As the format does, where further lines tell something."""
        return self._form.further(light, line, extra) if isinstance(self._form, ReadsFurther) else light


def told(form: Format, blocks: Sequence[bytes], narrow: bool) -> tuple[list[object], Tally]:
    """Everything that a file's records tell."""
    tally = Tally()
    found: list[object] = []
    offset = 0
    placed = []
    for block in blocks:
        placed.append((offset, block))
        offset += len(block)
    for batch in batches(form, placed, tally, narrow=narrow):
        messages = batch.messages()
        for index in range(len(batch)):
            entry = batch.entry(index)
            assert safe(first_line(messages[index])) == full(form, entry).message
            kind, light = batch.kinds[index], entry.light
            assert (kind.level, kind.service, kind.operation) == (light.level, light.service, light.operation)
            assert (kind.status, batch.times[index], batch.latencies[index]) == (
                light.status,
                light.at,
                light.latency_s,
            )
            read = narrowed(light) if narrow else (narrowed(light), light.service, light.operation, light.status)
            found.append(
                (read, entry.line, entry.extra, entry.offset, entry.uncaught, entry.dropped, full(form, entry))
            )
    return found, tally


def narrowed(light: LogRecord) -> object:
    return light.at, light.level, light.service, light.latency_s


def same(name: str, lines: Sequence[bytes], context: Context, cuts: Sequence[int], narrow: bool = False) -> None:
    """Reads the lines both ways, in blocks of so many lines."""
    blocks: list[bytes] = []
    rest = list(lines)
    for cut in [*cuts, len(lines)]:
        block, rest = rest[:cut], rest[cut:]
        if block:
            blocks.append(b"".join(block))
    sample = [line.rstrip(b"\r\n") for line in lines[:256] if line.strip()]
    quick, slow = FORMATS[name](context, sample), FORMATS[name](context, sample)
    assert isinstance(quick, ReadsBlocks)
    assert told(quick, blocks, narrow) == told(LineByLine(slow), blocks, narrow)
    if isinstance(quick, ReadsLines):
        bare = [line.rstrip(b"\r\n") for line in lines]
        offsets = list(range(0, 10 * len(bare), 10))
        assert quick.full_lines(bare, offsets) == [
            slow.full(line, (), offset) for line, offset in zip(bare, offsets, strict=True)
        ]


def numbers() -> st.SearchStrategy[str]:
    return st.sampled_from(
        (
            "0.023",
            "12.5",
            "7",
            "250000",
            "1e3",
            "-1",
            "nan",
            "inf",
            "0",
            "1_0",
            "12ms",
            "1m2s",
            "99999999",
            "0.0000000001",
            ".5",
            "5.",
            "",
        )
    )


STAMPS = st.one_of(
    st.builds(
        lambda s, tail: datetime.fromtimestamp(MOMENT + s, UTC).strftime("%Y-%m-%dT%H:%M:%S") + tail,
        st.integers(0, 90),
        st.sampled_from(
            (".020Z", ".5Z", "Z", ".123456Z", ".020+00:00", ",144", "", " +0100", ".020+02", ".1 EST", "Zjunk", ".1e2Z")
        ),
    ),
    st.sampled_from(
        ("2026-13-45T99:00:00Z", "2026-11-23 14:03:10,123", "1795442590.25", "soon", "", "2026-W48-1T14:03:10Z")
    ),
)
USUAL_STAMP = st.builds(
    lambda s: datetime.fromtimestamp(MOMENT + s / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z",
    st.integers(0, 90_000),
)
ROUTES = st.sampled_from(
    ("/orders/17", "/orders", "/", "/a b", "/stock/sku-1?x=1", "", "-", "GET /x HTTP/1.1", "/é", "http://h/p/1")
)
METHODS = st.sampled_from(("GET", "POST", "get", "", "-", "PURGE"))
LEVELS = st.sampled_from(("info", "ERROR", "warn", "Fatal", "", "x", "30", "debug"))
JUNK = st.sampled_from(
    (
        b"Traceback (most recent call last):", b'  File "x.py", line 3, in f', b"ValueError: x=1", b"", b"   ", b"}", b"\tat com.foo.Bar(Bar.java:3)",
        b"Caused by: java.lang.Error: 3", b"panic: oh", b"goroutine 1 [running]:", b"just words", b"{", b'{"a":', b"k=v", b"\xffz\xfe", b"[]",
        b"Exception in thread main", b"\x1b[31mred\x1b[0m", b"null", b'"', b"a=\"b", b"x\rY", b"\0\0zero", b"2026-11-23 14:03:10,123 ERROR boom",
    )
)  # fmt: skip


def text(alphabet: str = 'ab =":/{}\\[]é,-1%') -> st.SearchStrategy[str]:
    return st.text(alphabet, max_size=12)


def lines_of(usual: st.SearchStrategy[bytes]) -> st.SearchStrategy[list[bytes]]:
    """Mostly runs of usual lines, with anything between them; every way of ending a line."""
    line = st.one_of(usual, usual, usual, usual, usual, JUNK)
    ended = st.tuples(line, st.sampled_from((b"\n",) * 12 + (b"\r\n", b"\r\r\n")))
    return st.lists(ended.map(lambda pair: pair[0].replace(b"\n", b" ") + pair[1]), min_size=1, max_size=40).flatmap(
        lambda made: st.sampled_from((made, [*made[:-1], made[-1].rstrip(b"\r\n") or b"x"]))
    )


CUTS = st.lists(st.integers(1, 12), max_size=6)
CONTEXTS = st.sampled_from(
    (
        Context(source="app", service="shop", reference=MOMENT),
        Context(source="app", reference=MOMENT, fallback_service="one"),
        Context(source="app", service="shop", reference=MOMENT, zone="Europe/Berlin", names=Names(latency_unit="us")),
        Context(source="app", reference=MOMENT, names=Names(operation="name", service="who", latency="spent")),
    )
)


# ---- JSON


JSON_VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 700), st.floats(allow_nan=True, allow_infinity=True), text(), st.lists(st.integers(), max_size=2),
    st.dictionaries(st.sampled_from(("a", "method", "path", "status_code")), st.one_of(st.integers(0, 600), text()), max_size=2),
)  # fmt: skip


def json_line(fields: dict[str, object], spaces: bool) -> bytes:
    return json.dumps(fields, separators=None if spaces else (",", ":"), ensure_ascii=spaces).encode(
        "utf-8", "surrogatepass"
    )


USUAL_JSON = st.builds(
    json_line,
    st.fixed_dictionaries(
        {"time": USUAL_STAMP, "level": LEVELS, "service": st.sampled_from(("a", "b", "")), "msg": text()},
        optional={"method": METHODS, "route": ROUTES, "status": st.sampled_from((200, 404, 503, "500", 0)),
                  "duration_ms": st.floats(0, 1e4) | st.integers(0, 1000), "name": text()},
    ),
    st.booleans(),
)  # fmt: skip
ODD_JSON = st.builds(
    json_line,
    st.dictionaries(
        st.sampled_from(("time", "ts", "level", "severity", "service", "app", "msg", "method", "route", "path", "status", "code", "duration_ms",
                         "latency", "http", "name", "spent", "who", "trace_id", "é", "x y", "service.name", 'q"', "exception")),
        st.one_of(JSON_VALUES, STAMPS), max_size=8,
    ),
    st.booleans(),
)  # fmt: skip


@pytest.mark.slow
@MANY
@given(lines_of(st.one_of(USUAL_JSON, USUAL_JSON, USUAL_JSON, ODD_JSON)), CONTEXTS, CUTS, st.booleans())
def test_json(lines: list[bytes], context: Context, cuts: list[int], narrow: bool) -> None:
    same("json", lines, context, cuts, narrow)


@pytest.mark.parametrize(
    "block",
    [
        b'{"ts":1795442590}{"ts":1795442591}\n{"ts":\n1795442592}\n',
        b'{"ts":1795442590}\n\n{"ts":1795442591}\n',
        b'{"ts":1795442590,"level":1}\n{"ts":1795442591,"level":true}\n{"ts":1795442592,"level":1.0}\n',
        b'{"ts":1795442590,"service":1}\n{"ts":1795442591,"service":true}\n{"ts":1795442592,"service":1.0}\n',
        b'{"ts":1795442590,"level":NaN}\n{"ts":1795442591,"level":1e999}\n',
    ],
)
def test_objects_that_are_no_lines(block: bytes) -> None:
    same("json", block.splitlines(keepends=True), Context(source="app", service="shop"), ())


@pytest.mark.slow
@MANY
@given(
    st.lists(USUAL_JSON | USUAL_JSON | USUAL_JSON | ODD_JSON, min_size=1, max_size=30),
    CONTEXTS,
    st.sampled_from((1, 3, 128)),
)
def test_whole_records_of_json(lines: list[bytes], context: Context, together: int) -> None:
    """Without lines that no object stands on, which would send all of them the long way."""
    quick, slow = FORMATS["json"](context, lines), FORMATS["json"](context, lines)
    assert isinstance(quick, ReadsLines)
    offsets = list(range(7, 7 + len(lines)))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sources.logs.formats.json, "_TOGETHER", together)
        found = quick.full_lines(lines, offsets)
    assert found == [slow.full(line, (), offset) for line, offset in zip(lines, offsets, strict=True)]


# ---- access logs


def access_line(at: int, request: str, code: str, tail: str, user: str, quoted: str) -> bytes:
    stamp = datetime.fromtimestamp(MOMENT + at, UTC).strftime("%d/%b/%Y:%H:%M:%S +0000")
    return f'10.0.0.{at} - {user} [{stamp}] "{request}" {code} 51{quoted}{tail}'.encode()


TAILS = st.one_of(
    st.sampled_from(("", " 0.023", ' "0.5"', " rt=0.123", ' rt=0.5 urt="0.4"', " 0.023 trace_id=ab12", " 0.02|x", " 12ms", " - 0.5", " x:y 0.5",
                     ' request_time_ms=12.5', " D=2500", " 1234567.5", " 0.1234567890123", " 0.023 time=7", " 0.023 x-time=7", " a\\b 0.5",
                     " 0.023 upstream=1.2.3.4:80", ' "0.5" "x\\"y" rt=2', "0.5", " 0.023\t7", " rt=0.5ms")),
    st.builds(lambda n, t: f" {n} {t}", numbers(), text()),
)  # fmt: skip
ACCESS = st.builds(
    access_line,
    st.integers(0, 90),
    st.builds(lambda m, r: f"{m} {r} HTTP/1.1", METHODS, ROUTES) | text(),
    st.sampled_from(("200", "200", "404", "503", "-", "99", "20")),
    TAILS,
    st.sampled_from(("-", "-", "-", "bob", "bob smith", "[", "a\tb", "x" * 130)),
    st.sampled_from((' "-" "curl/8"', ' "-" "curl/8"', "", ' "-"', ' "a\\"b" "c"', ' "-" "c\\d"')),
)
HOSTED = st.builds(
    lambda line, host: host + b" " + line, ACCESS, st.sampled_from((b"shop.example:443", b"a.b", b"x" * 300, b"-"))
)


@pytest.mark.slow
@MANY
@given(lines_of(st.one_of(ACCESS, ACCESS, ACCESS, ACCESS, HOSTED)), CONTEXTS, CUTS, st.booleans())
def test_access(lines: list[bytes], context: Context, cuts: list[int], narrow: bool) -> None:
    same("access", lines, context, cuts, narrow)


@given(st.lists(TAILS, min_size=2, max_size=2))
@settings(deadline=None, max_examples=150)
def test_tails_of_access_lines(tails: list[str]) -> None:
    lines = [
        access_line(1, "GET / HTTP/1.1", "200", tail.replace("\n", ""), "-", ' "-" "x"') + b"\n"
        for tail in (tails[0], *tails)
    ]
    same("access", lines, Context(source="app", service="web"), ())


# ---- logfmt


def quoted(value: str) -> str:
    return (
        value
        if value and all(c.isalnum() or c in "-/.:+_" for c in value)
        else '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    )


def logfmt_line(pairs: Sequence[tuple[str, str]], raw: bool, gap: str) -> bytes:
    return gap.join(f"{name}={value if raw else quoted(value)}" for name, value in pairs).encode()


SHAPES = (
    ("ts", "level", "msg", "method", "route", "status", "duration_ms", "trace_id"),
    ("ts", "level", "msg", "err"),
    ("level", "time", "msg", "path", "latency"),
    ("ts", "ts", "msg"),
    ("msg", "who"),
)
VALUES: dict[str, st.SearchStrategy[str]] = {
    "ts": USUAL_STAMP | STAMPS, "time": STAMPS, "level": LEVELS, "method": METHODS, "route": ROUTES, "path": ROUTES, "duration_ms": numbers(),
    "latency": numbers(), "status": st.sampled_from(("200", "503", "ok", "", "99")), "spent": numbers(),
}  # fmt: skip
LOGFMT = st.sampled_from((*SHAPES[:1] * 5, *SHAPES[1:2] * 2, *SHAPES)).flatmap(
    lambda names: st.builds(
        logfmt_line,
        st.tuples(*(st.tuples(st.just(name), VALUES.get(name, text())) for name in names)),
        st.sampled_from((False, False, False, True)),
        st.sampled_from((" ",) * 6 + ("  ", "\t")),
    )
)


@pytest.mark.slow
@MANY
@given(lines_of(LOGFMT), CONTEXTS, CUTS, st.booleans())
def test_logfmt(lines: list[bytes], context: Context, cuts: list[int], narrow: bool) -> None:
    same("logfmt", lines, context, cuts, narrow)


def test_a_shape_that_comes_late_is_learned(tmp_path: Path) -> None:
    early = [logfmt_line((("ts", "2026-11-23T14:03:10Z"), ("msg", "x")), False, " ") + b"\n"] * 300
    late = [
        logfmt_line(
            (("level", "error"), ("ts", f"2026-11-23T14:03:{n % 60:02}Z"), ("path", "/a"), ("status", "500")),
            False,
            " ",
        )
        + b"\n"
        for n in range(300)
    ]
    same("logfmt", early + late, Context(source="app", service="shop"), (300, 100, 100))
    form = FORMATS["logfmt"](Context(source="app", service="shop"), [line.strip() for line in early[:256]])
    assert isinstance(form, ReadsBlocks)
    list(batches(form, [(0, b"".join(late[:100]))], Tally()))
    columns = form.columns(b"".join(late)[:-1], False)
    assert columns is not None and None not in columns.kinds


# ---- plain text


HEADS: tuple[Callable[[datetime], str], ...] = (
    lambda at: at.strftime("%Y-%m-%d %H:%M:%S,%f")[:-3],
    lambda at: at.strftime("[%Y-%m-%d %H:%M:%S +0000]"),
    lambda at: at.strftime("%Y/%m/%d %H:%M:%S"),
    lambda at: at.strftime("%a %b %d %H:%M:%S %Y"),
    lambda at: at.strftime("%b %d %H:%M:%S"),
    lambda at: at.strftime("E%m%d %H:%M:%S.%f"),
    lambda at: at.strftime("1:M %d %b %Y %H:%M:%S.%f")[:-3],
    lambda at: f"{at.timestamp():.3f}",
    lambda at: at.strftime("web-1 %Y-%m-%dT%H:%M:%S.%fZ"),
    lambda at: at.strftime("%d/%b/%Y:%H:%M:%S +0000"),
)
SEVERITIES = st.sampled_from(
    (" INFO  ", " ERROR ", " [main] WARN  com.foo.Bar - ", " INFO 12 --- [exec-1] c.e.O : ", " [error] 12#12: *3 ", " UTC [88] LOG:  ", " # ",
     " [ERROR] ", " - app - WARNING - ", " ", " [info] [ERROR] ", " CUSTOM ", " (INFO) ", "\tDEBUG\t", " INFO: ", "INFO ", " POST ", " [thread ERROR x] INFO ",
     " error: ", " app[12] error: ", " [notice]", " TRACE]", " |FATAL| ", " INFO,", " one two three four ERROR ", " a/ERROR ")
)  # fmt: skip
WORDS = st.one_of(
    st.sampled_from(
        ("hello", "inventory.http: GET /stock/sku-1037 200 57.5ms trace_id=ab", "GET /a 200", "POST /a/b 503 12.5 ms - 44", "GET /a 200 took 5 ms",
         'x "GET /items/5 HTTP/1.1" 200 OK', "Completed 200 OK in 12ms", "Completed nothing", "user=bob did x", "status=503 GET /a 200 5ms",
         "GET /a 200 5ms status=503", "x {\"status\": 500}", "ratio 1/2 = ok", "GET /a,b 200 5s trace_id=1 trace_id=2", "GET /a HTTP/1.1 500",
         "done }", "done } ", "http: PUT /a 200 7us and more words", "GET /a 200  5ms", "GET /HTTP/x 404", "DELETE /a 2000 5ms", "see /path", "/path GET /x 200",
         "a GET b GET /x 200 1234567ms", "GET /a 200 5ms duration=9", "GET /a 200 5ms x-trace_id=9 trace_id=", "level=error GET /a 200 trace_id=1")
    ),
    text(),
)  # fmt: skip


@pytest.mark.slow
@MANY
@given(st.data(), st.sampled_from(HEADS), CONTEXTS, CUTS)
def test_plain(data: st.DataObject, head: Callable[[datetime], str], context: Context, cuts: list[int]) -> None:
    heads = st.sampled_from((head,) * 12 + HEADS)
    line = st.builds(
        lambda one, ms, severity, words: (one(datetime.fromtimestamp(MOMENT + ms / 1000, UTC)) + severity + words).encode(),
        heads, st.integers(0, 90_000), SEVERITIES, WORDS,
    )  # fmt: skip
    same("plain", data.draw(lines_of(line)), context, cuts)


# ---- the answers of a source


QUESTIONS: tuple[Question, ...] = (
    Derive(10.0), Derive(1.0), Counts("", 7.0), Histogram("", 10.0), Counts("level:>=warn", 10.0), Histogram("status:5xx OR latency:>20ms", 10.0),
    Errors(5), Errors(1000), Messages(7), Messages(1000), Page("", 9), Page("level:error", 50), Page("-hello", 50), Page("latency:<1s", 50),
)  # fmt: skip
FILES: dict[str, st.SearchStrategy[bytes]] = {
    "json": st.one_of(USUAL_JSON, USUAL_JSON, USUAL_JSON, ODD_JSON), "access": ACCESS, "logfmt": LOGFMT,
    "plain": st.builds(
        lambda ms, severity, words: (HEADS[0](datetime.fromtimestamp(MOMENT + ms / 1000, UTC)) + severity + words).encode(),
        st.integers(0, 90_000), SEVERITIES, WORDS,
    ),
}  # fmt: skip


def answers(path: Path, form: str, window: Window) -> Iterator[object]:
    for questions in (QUESTIONS, *([one] for one in QUESTIONS)):
        for reading in Engine(Spec("app", (str(path),), service="shop", format=form)).answer(window, questions):
            yield reading.value, reading.report.records, reading.warnings, reading.report.state


@pytest.mark.slow
@pytest.mark.parametrize("form", FILES)
@settings(
    deadline=None,
    max_examples=25,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large],
)
@given(data=st.data())
def test_answers(tmp_path: Path, form: str, data: st.DataObject) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(b"text, whatever stands below it\n" * 9 + b"".join(data.draw(lines_of(FILES[form]))))
    low, high = sorted(data.draw(st.tuples(st.integers(-5, 95), st.integers(-5, 95))))
    window = Window(MOMENT + low, MOMENT + high + 1)
    quick = list(answers(path, form, window))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sources.logs.batch, "_columns", lambda *_: None)
        slow = list(answers(path, form, window))
    assert quick == slow


SEGMENTS = st.sampled_from(
    [
        "v1",
        "v2",
        "v10",
        "items",
        "47",
        "9000",
        "order-12",
        "cus_9s6XKzkNRiz8i3",
        "a1b2c3d4e5f60718",
        "2026-11-27",
        "p%2Fq",
        "s3",
    ]
)


@MANY
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["GET", "post", None]), st.lists(SEGMENTS, max_size=4), st.sampled_from(["", "?v=1", "#2"])
        ),
        min_size=4,
        max_size=40,
    )
)
def test_operations_of_many_routes_are_named_as_each_by_itself(rows: list[tuple[str | None, list[str], str]]) -> None:
    """Digits of identifiers are put aside together; those of a version are part of the name."""
    objects = [
        {"time": MOMENT + k, "level": "info", "msg": "served", "method": method, "path": "/" + "/".join(parts) + end}
        for k, (method, parts, end) in enumerate(rows)
    ]
    lines = [json.dumps(one).encode() for one in objects]
    form = FORMATS["json"](Context(source="app", reference=MOMENT), lines)
    assert isinstance(form, ReadsBlocks)
    columns = form.columns(b"\n".join(lines), False)
    assert columns is not None
    named = [kind.operation for kind in columns.kinds if kind is not None]
    assert named == [operation_name(str(one["method"] or ""), str(one["path"])) for one in objects]
