"""Lines as real software writes them, and what is read from them."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from console.domain.logs import Level, LogRecord
from sources.logs.context import Context, Names
from sources.logs.formats import FORMATS, detect, make
from sources.logs.times import Clock

MOMENT = datetime(2026, 11, 23, 14, 3, 10, tzinfo=UTC).timestamp()
SLOW_MACHINE = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
CONTEXT = Context(source="app", reference=MOMENT + 7200)


def read(line: bytes, form: str = "auto", context: Context = CONTEXT) -> LogRecord:
    record = make(form, context, [line] * 3).full(line)
    assert record is not None
    return record


PLAIN = [
    (b"2026-11-23 14:03:10,123 ERROR payments.client: timeout after 9 ms", 0.123, Level.ERROR, "payments.client: timeout after 9 ms"),
    (b"2026-11-23 14:03:10,123 - myapp - WARNING - something odd", 0.123, Level.WARN, "something odd"),
    (b"2026-11-23 14:03:10.123 [main] ERROR com.foo.Bar - boom", 0.123, Level.ERROR, "com.foo.Bar - boom"),
    (b"2026-11-23 14:03:10.123  INFO 12 --- [exec-1] c.e.Orders : made", 0.123, Level.INFO, "12 --- [exec-1] c.e.Orders : made"),
    (b"2026/11/23 14:03:10 [error] 12#12: *3 connect() failed", 0, Level.ERROR, "12#12: *3 connect() failed"),
    (b"2026/11/23 14:03:10.5 main.go:42: listening", 0.5, Level.UNKNOWN, "main.go:42: listening"),
    (b"2026-11-23 14:03:10.123 UTC [412] ERROR:  deadlock detected", 0.123, Level.ERROR, "deadlock detected"),
    (b"2026-11-23 14:03:10.123 UTC [412] pg@orders LOG:  checkpoint", 0.123, Level.INFO, "checkpoint"),
    (b"1:M 23 Nov 2026 14:03:10.123 # Server initialized", 0.123, Level.WARN, "Server initialized"),
    (b"E, [2026-11-23T14:03:10.123456 #812] ERROR -- : boom here", 0.123456, Level.ERROR, "boom here"),
    (b"E1123 14:03:10.123456    1 reflector.go:138] Failed to watch", 0.123456, Level.ERROR, "Failed to watch"),
    (b"[Mon Nov 23 14:03:10.123456 2026] [core:error] AH00124: bad", 0.123456, Level.ERROR, "AH00124: bad"),
    (b"23-Nov-2026 14:03:10.123 SEVERE [main] Foo failed", 0.123, Level.ERROR, "[main] Foo failed"),
    (b"Nov 23, 2026 2:03:10 PM com.foo.Bar run", 0, Level.UNKNOWN, "com.foo.Bar run"),
    (b"[2026-11-23 14:03:10 +0000] [7] [INFO] Starting gunicorn", 0, Level.INFO, "Starting gunicorn"),
    (b"1795442590.25 [INFO] hello", 0.25, Level.INFO, "hello"),
    (b"2026-11-23 14:03:10 worker died: exit 42 ERROR", 0, Level.UNKNOWN, "worker died: exit 42 ERROR"),
    (b"2026-11-23 14:03:10 connection to db error", 0, Level.UNKNOWN, "connection to db error"),
    (b"2026-11-23 14:03:10 db error: connection lost", 0, Level.ERROR, "connection lost"),
    (b"2026-11-23 14:03:10 status ERROR", 0, Level.ERROR, "status ERROR"),
    (b"2026-11-23 14:03:10 ERROR: ", 0, Level.ERROR, "ERROR:"),
    (b"2026-11-23 14:03:10 ERROR", 0, Level.ERROR, "ERROR"),
    (b'Started GET "/a" for 127.0.0.1 at 2026-11-23 14:03:10 +0000', 0, Level.UNKNOWN, 'Started GET "/a" for 127.0.0.1 at'),
]  # fmt: skip


@pytest.mark.parametrize(("line", "fraction", "level", "message"), PLAIN)
def test_plain_lines(line: bytes, fraction: float, level: Level, message: str) -> None:
    record = read(line)
    assert record.at == pytest.approx(MOMENT + fraction, abs=1e-5)
    assert (record.level, record.message) == (level, message)


REQUESTS = [
    (b'127.0.0.1 - - [23/Nov/2026:14:03:10 +0000] "GET /orders/123?x=1 HTTP/1.1" 200 512 "-" "curl/8" 0.123', "GET /orders/{id}", 200, 0.123),
    (b'127.0.0.1 - bob [23/Nov/2026:15:03:10 +0100] "POST /a HTTP/1.1" 500 - "-" "x y" rt=0.5 urt="0.4"', "POST /a", 500, 0.5),
    (b'shop.example:443 ::1 - - [23/Nov/2026:14:03:10 +0000] "GET / HTTP/2.0" 404 5', "GET /", 404, None),
    (b'::1 - - [23/Nov/2026:14:03:10 +0000] "GET /x HTTP/1.1" 200 5 "-" "agent \\"q\\"" 250000', "GET /x", 200, 0.25),
    (b'::1 - - [23/Nov/2026:14:03:10 +0000] "\\x16\\x03" 400 5 "-" "-"', "", 400, None),
    (b"time=2026-11-23T14:03:10Z level=WARN msg=slow path=/orders/12 method=POST status=503 duration=1.2s", "POST /orders/{id}", 503, 1.2),
    (b'{"ts":1795442590000,"level":30,"msg":"x","req":{"method":"GET","url":"/a/12?x"},"res":{"statusCode":200},"responseTime":12}', "GET /a/{id}", 200, 0.012),
    (b'{"@timestamp":"2026-11-23T14:03:10Z","http":{"response":{"status_code":502},"request":{"method":"POST"}},"url":{"path":"/cart"},"event":{"duration":12000000}}', "POST /cart", 502, 0.012),
    (b'{"time":"2026-11-23T14:03:10+00:00","http.route":"/api/{id}","http.status_code":"200","latency_ms":"7.5"}', "/api/{id}", 200, 0.0075),
    (b"2026-11-23 14:03:10,000 INFO inventory.http: GET /stock/sku-1005 200 79.5ms trace_id=f4", "GET /stock/{id}", 200, 0.0795),
    (b"2026-11-23 14:03:10,000 INFO POST /a/b 503 12.5 ms - 44", "POST /a/b", 503, 0.0125),
    (b'INFO: 2026-11-23 14:03:10 1.2.3.4:50 - "GET /items/5 HTTP/1.1" 200 OK', "GET /items/{id}", 200, None),
]  # fmt: skip


@pytest.mark.parametrize(("line", "operation", "status", "latency"), REQUESTS)
def test_requests(line: bytes, operation: str, status: int, latency: float | None) -> None:
    record = read(line)
    assert record.at == pytest.approx(MOMENT)
    assert (record.operation, record.status) == (operation, status)
    assert record.latency_s == (pytest.approx(latency) if latency is not None else None)


def test_syslog_old_and_new() -> None:
    new = read(b'<35>1 2026-11-23T14:03:10.003Z host su 12 ID47 [a@1 k="v"] failed for lonvick')
    assert new.at == pytest.approx(MOMENT + 0.003)
    assert (new.level, new.service, new.message) == (Level.ERROR, "su", "failed for lonvick")
    assert ("k", "v") in new.fields
    old = read(b"Nov 23 14:03:10 host sshd[123]: Accepted publickey")
    assert (old.at, old.service, old.message) == (MOMENT, "sshd", "Accepted publickey")
    wrapped = read(b'<14>Nov 23 14:03:10 host shop: {"level":"error","path":"/a","status":500}')
    assert (wrapped.level, wrapped.operation, wrapped.status) == (Level.ERROR, "/a", 500)


def test_year_missing_is_taken_from_the_file() -> None:
    january = Context(reference=datetime(2027, 1, 2, tzinfo=UTC).timestamp())
    assert (
        read(b"Dec 31 23:59:59 h app: x", context=january).at
        == datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp()
    )
    assert read(b"Jan  1 00:00:00 h app: x", context=january).at == datetime(2027, 1, 1, tzinfo=UTC).timestamp()


def test_stamps_without_zone_are_in_the_configured_one() -> None:
    berlin = Context(zone="Europe/Berlin")
    assert read(b"2026-11-23 15:03:10,000 INFO x", context=berlin).at == MOMENT
    assert (
        read(b'{"time":"2026-07-01 12:00:00","msg":"x"}', context=berlin).at
        == datetime(2026, 7, 1, 10, tzinfo=UTC).timestamp()
    )


def test_the_hour_that_a_clock_skips_or_repeats_is_read_as_the_zone_has_it() -> None:
    berlin = Context(zone="Europe/Berlin")
    # On 29 March the clock goes from 02:00 to 03:00; on 25 October the hour after 02:00 comes twice, and its first is taken.
    for text, hour in (("2026-03-29 01:59:59", 0), ("2026-03-29 03:00:00", 1), ("2026-10-25 01:30:00", -1), ("2026-10-25 02:30:00", 0),
                       ("2026-10-25 03:30:00", 2)):  # fmt: skip
        expected = (
            datetime.fromisoformat(f"{text[:10]}T00:00:00+00:00").timestamp()
            + hour * 3600
            + int(text[14:16]) * 60
            + int(text[17:19])
        )
        assert read(f"{text},000 INFO x".encode(), context=berlin).at == expected, text


@pytest.mark.parametrize(
    "number",
    ["1795442590", "1795442590123", "1795442590123456", "1795442590123456789", "1795442590.123", '"1795442590123"'],
)
def test_epochs_of_any_unit(number: str) -> None:
    assert read(f'{{"ts":{number},"msg":"x"}}'.encode()).at == pytest.approx(MOMENT, abs=0.2)
    assert read(f"{number.strip(chr(34))} INFO x".encode()).at == pytest.approx(MOMENT, abs=0.2)


def test_pairs_behind_an_access_line_are_fields() -> None:
    record = read(
        b'::1 - - [23/Nov/2026:14:03:10 +0000] "GET /x HTTP/1.1" 200 5 "-" "a" 0.080 trace_id=f4c310 up="a b"'
    )
    assert record.latency_s == pytest.approx(0.08)
    assert record.trace_id == "f4c310"
    assert ("up", "a b") in record.fields


def test_configured_names_stand_before_aliases() -> None:
    names = Names(time="when", level="sev", operation="handler", latency="t", latency_unit="us")
    line = b'{"when":1795442590,"time":0,"sev":"warn","level":"error","handler":"orders/7","path":"/x","t":1500}'
    record = read(line, "json", Context(names=names))
    assert (record.at, record.level, record.operation) == (MOMENT, Level.WARN, "orders/7")
    assert record.latency_s == pytest.approx(0.0015)


def test_unit_of_a_bare_latency_is_learned() -> None:
    seconds = [b'{"ts":1795442590,"duration":%.3f}' % (0.01 * n + 0.001) for n in range(20)]
    assert read_with(seconds, b'{"ts":1795442590,"duration":12.5}').latency_s == pytest.approx(12.5)
    millis = [b'{"ts":1795442590,"duration":%d}' % (10 + n) for n in range(20)]
    assert read_with(millis, b'{"ts":1795442590,"duration":12}').latency_s == pytest.approx(0.012)
    nanos = [b'{"ts":1795442590,"duration":%d}' % (10_000_000 + n) for n in range(20)]
    assert read_with(nanos, nanos[0]).latency_s == pytest.approx(0.01)


def read_with(sample: list[bytes], line: bytes) -> LogRecord:
    record = detect(CONTEXT, sample).full(line)
    assert record is not None
    return record


def test_terminal_sequences_and_markup_are_disarmed() -> None:
    line = json.dumps(
        {"ts": MOMENT, "msg": "\x1b]52;c;aGk=\x07[bold]", "svc\u202e": "a\nb", "path": "/\x1b[2J"}
    ).encode()
    record = read(line)
    text = "".join((record.message, record.operation, *(n + v for n, v in record.fields)))
    assert "\x1b" not in text and "\u202e" not in text and "\n" not in text
    assert "[bold]" in record.message


def test_stack_trace_in_a_field_becomes_further_lines() -> None:
    record = read(b'{"ts":1795442590,"level":"error","msg":"boom","stack":"Error: x\\n  at f (a.js:1)"}')
    assert record.extra == ("Error: x", "  at f (a.js:1)")


SCALARS = (
    st.none()
    | st.integers(-(10**6), 10**15)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=12)
    | st.sampled_from(["2026-11-23T14:03:10.5Z", "error", "200", "12ms", "/a/1", "GET"])
)
NAMES = st.sampled_from(["ts", "time", "level", "severity", "msg", "service", "logger", "status", "status_code", "path", "route", "http.route", "method", "latency_ms", "duration", "http", "odd", "log"])  # fmt: skip
OBJECTS = st.dictionaries(
    NAMES, SCALARS | st.dictionaries(NAMES, SCALARS, max_size=3) | st.lists(SCALARS, max_size=2), max_size=8
)


@SLOW_MACHINE
@given(st.lists(OBJECTS, max_size=6), st.lists(OBJECTS, min_size=1, max_size=6))
def test_counting_and_showing_read_json_alike(
    sample: list[dict[str, object]], objects: list[dict[str, object]]
) -> None:
    parser = FORMATS["json"](CONTEXT, [json.dumps(o).encode() for o in sample])
    for line in (json.dumps(o).encode() for o in objects):
        light, narrow, full = parser.light(line), parser.narrow(line), parser.full(line)
        assert light is not None and full is not None and narrow is not None
        assert (narrow.at, narrow.level, narrow.service, narrow.latency_s) == (
            full.at,
            full.level,
            full.service,
            full.latency_s,
        )
        for name in ("at", "level", "service", "operation", "status", "latency_s"):
            assert getattr(light, name) == getattr(full, name), (name, line)


@SLOW_MACHINE
@given(st.sampled_from(sorted(FORMATS)), st.lists(st.binary(max_size=200), max_size=4), st.binary(max_size=400))
def test_no_bytes_break_a_parser(form: str, sample: list[bytes], line: bytes) -> None:
    parser = make(form, CONTEXT, sample)
    parser.starts(line)
    light, full = parser.light(line), parser.full(line, [line])
    assert (light is None) == (full is None)
    if full is not None:
        assert "\x1b" not in full.message and "\n" not in full.message


LOGFMT = [
    b"ts=2026-11-23T14:03:10.5Z level=info msg=x method=GET path=/a/%d status=200 duration_ms=%d.5 trace_id=f4" % (n, n)
    for n in range(9)
] + [b'ts=2026-11-23T14:03:11Z level=warn msg="slow \\"call\\" =" path="" status=abc']


@SLOW_MACHINE
@given(st.sampled_from([line for line, *_ in PLAIN + REQUESTS] + LOGFMT), st.data())
def test_damaged_lines_are_counted_as_they_are_shown(line: bytes, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(line)))
    damaged = line[:at] + data.draw(st.binary(max_size=6)) + line[data.draw(st.integers(at, len(line))) :]
    sample = LOGFMT if line in LOGFMT else [line] * 3
    parser = detect(CONTEXT, sample)
    light, full = parser.light(damaged), parser.full(damaged)
    assert (light is None) == (full is None)
    if light is not None and full is not None:
        for name in ("at", "level", "service", "operation", "status", "latency_s"):
            assert getattr(light, name) == getattr(full, name), name


@SLOW_MACHINE
@given(
    st.floats(315532800, 3786912000),
    st.sampled_from(["T", " "]),
    st.sampled_from(["Z", "+00:00", "+0000", " UTC", ""]),
)
def test_iso_stamps_round_trip(at: float, between: str, zone: str) -> None:
    text = datetime.fromtimestamp(at, UTC).replace(tzinfo=None).isoformat(between, "microseconds") + zone
    assert Clock().text(text) == pytest.approx(at, abs=1e-5)
