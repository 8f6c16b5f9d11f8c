"""Questions about real files: the window to the record, rotated and compressed sets, derived series, and bad input."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import os
import random
import re
from collections import Counter
from collections.abc import Callable
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import sources.logs.engine
import sources.logs.sifting
from console.domain.instant import Window
from console.domain.logs import Level, LogCounts, LogHistogram, LogPage
from console.domain.observations import ErrorSample
from console.domain.reading import Reading, SourceState
from console.domain.series import Series, SeriesSet
from sources.base import SourceTimeout, SourceUnavailable
from sources.logs import bulk, ripgrep
from sources.logs.engine import Allowance, Engine
from sources.logs.helper import Helper
from sources.logs.inputs import find, split_name
from sources.logs.questions import Counts, Derive, Errors, Histogram, Messages, Page
from sources.logs.reading import Reader
from sources.logs.spec import Spec, service_in_path
from sources.logs.tail import Tail
from sources.logs.wire import Share

START = 1795442400.0


def row(at: float, **fields: object) -> bytes:
    return json.dumps({"ts": at, "level": "info", "service": "shop", "msg": f"at {at:.1f}", **fields}).encode() + b"\n"


def engine(*patterns: Path | str, **options: str) -> Engine:
    return Engine(Spec("app", tuple(str(p) for p in patterns), **options))  # type: ignore[arg-type]


def page(one: Engine, window: Window, query: str = "", limit: int = 100_000) -> Reading[LogPage]:
    return one.answer(window, [Page(query, limit)])[0]


def write(path: Path, rows: list[bytes]) -> Path:
    path.write_bytes(b"".join(rows))
    return path


# ---- the window


def test_the_window_is_half_open_and_exact(tmp_path: Path) -> None:
    path = write(tmp_path / "a.log", [row(START + n) for n in range(100)])
    found = page(engine(path), Window(START + 10, START + 20)).value
    assert [r.at for r in found.records] == [START + n for n in range(10, 20)]
    assert found.matched == 10


@pytest.mark.parametrize("form", ["json", "access", "plain"])
def test_a_window_of_a_large_file_costs_what_the_window_costs(tmp_path: Path, form: str) -> None:
    from datetime import UTC, datetime

    def line(n: int) -> bytes:
        when = datetime.fromtimestamp(START + n, UTC)
        if form == "json":
            return row(START + n, pad="x" * 100)
        if form == "plain":
            return f"{when:%Y-%m-%d %H:%M:%S},000 INFO {'x' * 100}\n  further line {n}\n".encode()
        return f'1.2.3.4 - - [{when:%d/%b/%Y:%H:%M:%S} +0000] "GET /{"x" * 60} HTTP/1.1" 200 5 "-" "-" 0.1\n'.encode()

    path = write(tmp_path / "a.log", [line(n) for n in range(30_000)])
    one = engine(path)
    for low in (0, 1, 12_345, 29_000, 40_000, -500):
        found = page(one, Window(START + low, START + low + 600)).value
        assert found.matched == max(0, min(30_000, low + 600) - max(0, low))
        assert found.scanned_bytes < 700 * 1024


def test_what_a_question_would_read_is_told_without_reading_it(tmp_path: Path) -> None:
    rows = [row(START + n, msg="x" * 100) for n in range(30_000)]
    live = write(tmp_path / "app.log", rows[20_000:])
    write(tmp_path / "app.log.1", rows[:20_000])
    one = engine(live)
    for seconds in (300, 5_000, 30_000):
        window = Window(START + 30_000 - seconds, START + 30_000)
        told, read = one.volume(window), page(one, window).report.cost.bytes
        assert told is not None
        assert read * 0.9 <= told <= read * 1.1
    gone = engine(tmp_path / "other.log")
    with pytest.raises(SourceUnavailable):
        gone.volume(Window(START, START + 1))


def test_lines_out_of_order_are_found_within_the_slack(tmp_path: Path) -> None:
    shaken = random.Random(3)
    stamps = sorted((START + n * 0.5 for n in range(20_000)), key=lambda at: at + shaken.uniform(0, 8))
    path = write(tmp_path / "a.log", [row(at, pad="x" * 60) for at in stamps])
    window = Window(START + 3000, START + 3100)
    found = page(engine(path), window).value
    assert [r.at for r in found.records] == sorted(at for at in stamps if at in window)


def test_a_file_in_no_order_is_read_whole(tmp_path: Path) -> None:
    stamps = [START + n for n in range(20_000)]
    random.Random(5).shuffle(stamps)
    path = write(tmp_path / "a.log", [row(at, pad="x" * 60) for at in stamps])
    assert page(engine(path), Window(START + 100, START + 200)).value.matched == 100


@settings(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.integers(0, 4000), max_size=60), st.integers(-10, 4000), st.integers(0, 2000), st.integers(0, 9000))
def test_any_window_holds_what_a_scan_finds(tmp_path: Path, gaps: list[int], low: int, length: int, pad: int) -> None:
    at, stamps = START, []
    for gap in gaps:
        at += gap / 10
        stamps.append(at)
    path = write(
        tmp_path / "a.log",
        [row(one, pad="x" * pad) + (b"  trace\n" if n % 3 == 0 else b"") for n, one in enumerate(stamps)],
    )
    window = Window(START + low / 10, START + (low + length) / 10)
    assert [r.at for r in page(engine(path), window).value.records] == [one for one in stamps if one in window]


def test_nothing_stamped_later_changes_an_answer(tmp_path: Path) -> None:
    known = [row(START + n, path="/a", status=500 if n % 7 == 0 else 200, latency_ms=n % 50) for n in range(600)]
    later = [row(START + 600 + n, path="/b", status=503, level="error", latency_ms=9000) for n in range(600)]
    before, after = write(tmp_path / "a.log", known), write(tmp_path / "b.log", known + later)
    window = Window(START, START + 600)
    questions = (Page("", 50), Errors(50), Messages(50), Counts("", 10), Histogram("", 10), Derive(10))
    for old, new in zip(engine(before).answer(window, questions), engine(after).answer(window, questions), strict=True):
        assert _plain(old.value) == _plain(new.value)


def _plain(value: object) -> str:
    return repr(value).replace("b.log", "a.log").split("scanned_bytes")[0]


def test_a_question_ends_when_its_time_is_used_up(tmp_path: Path) -> None:
    path = write(tmp_path / "a.log", [row(START)])
    spent = Allowance()
    spent.end()
    with pytest.raises(SourceTimeout, match="narrow the window"):
        engine(path).answer(Window(START, START + 1), [Page("", 1)], spent)


def test_a_question_whose_time_is_over_tells_how_far_it_came(tmp_path: Path) -> None:
    class Short(Allowance):
        """Its time is over when the second block is read."""

        asked = 0

        def check(self) -> None:
            self.asked += 1
            if self.asked > 1:
                raise SourceTimeout("over")

    path = write(tmp_path / "a.log", [row(START + n / 1000) for n in range(40_000)])
    size = path.stat().st_size >> 20
    assert size >= 2
    with pytest.raises(SourceTimeout, match=rf"narrow the window or the paths \(1 of {size} MiB were read\)"):
        engine(path).answer(Window(START, START + 100), [Page("/a b/", 1)], Short())


# ---- answers


def test_counts_and_histogram(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.log", [row(START + n, level="error" if n % 4 == 0 else "info", latency_ms=n) for n in range(40)]
    )
    window = Window(START, START + 40)
    counts: LogCounts
    histogram: LogHistogram
    counts, histogram = (r.value for r in engine(path).answer(window, [Counts("level:error", 20), Histogram("", 20)]))
    assert counts.buckets == ({Level.ERROR: 5}, {Level.ERROR: 5})
    assert histogram.counts.total == 40
    assert list(histogram.latencies[1]) == pytest.approx([n / 1000 for n in range(20, 40)])


def test_errors_are_the_newest_warnings_and_worse(tmp_path: Path) -> None:
    path = write(tmp_path / "a.log", [row(START + n, level=("info", "warn", "error")[n % 3]) for n in range(90)])
    sample: ErrorSample = engine(path).answer(Window(START, START + 90), [Errors(4)])[0].value
    assert sample.matched == 60
    assert [r.at for r in sample.records] == [START + n for n in (85, 86, 88, 89)]


def test_messages_are_spread_over_the_window(tmp_path: Path) -> None:
    path = write(tmp_path / "a.log", [row(START + n) for n in range(1000)])
    found: LogPage = engine(path).answer(Window(START, START + 1000), [Messages(100)])[0].value
    assert found.matched == 1000 and found.sampled and 50 <= len(found.records) <= 100
    times = [r.at or 0 for r in found.records]
    assert times[0] < START + 40 and times[-1] > START + 960


def test_several_files_are_merged_by_time(tmp_path: Path) -> None:
    write(tmp_path / "a.log", [row(START + n, service="a") for n in range(0, 20, 2)])
    write(tmp_path / "b.log", [row(START + n, service="b") for n in range(1, 20, 2)])
    found = page(engine(tmp_path / "*.log"), Window(START, START + 20), limit=6).value
    assert [r.service for r in found.records] == ["a", "b"] * 3
    assert [r.at for r in found.records] == [START + n for n in range(14, 20)]


def test_an_exception_nobody_logged_is_an_error_of_its_own(tmp_path: Path) -> None:
    trace = b"Traceback (most recent call last):\n  File \"a.py\", line 1, in f\nKeyError: 'sku'\n"
    path = write(
        tmp_path / "a.log", [row(START), trace, row(START + 1, level="error", msg="logged"), trace, row(START + 2)]
    )
    found = page(engine(path), Window(START, START + 9)).value.records
    assert [(r.level, r.message) for r in found] == [
        (Level.INFO, f"at {START:.1f}"),
        (Level.ERROR, "KeyError: 'sku'"),
        (Level.ERROR, "logged"),
        (Level.INFO, f"at {START + 2:.1f}"),
    ]
    assert len(found[1].extra) == len(found[2].extra) == 3
    assert page(engine(path), Window(START, START + 9), "KeyError").value.matched == 2


@pytest.mark.parametrize(
    ("trace", "message"),
    [
        (
            'Exception in thread "main" java.lang.IllegalStateException: x\n\tat a.B.c(B.java:1)',
            'Exception in thread "main" java.lang.IllegalStateException: x',
        ),
        (
            "panic: runtime error: index out of range\n\ngoroutine 1 [running]:\nmain.f(0x1)\n\t/a.go:1 +0x1\nexit status 2",
            "panic: runtime error: index out of range",
        ),
        (
            "/app/a.js:5\n    throw new Error('x')\n    ^\n\nError: x\n    at f (/app/a.js:5:9)\n\nNode.js v20.1.0",
            "Error: x",
        ),
        (
            "app.rb:3:in `f': undefined method `x' for nil (NoMethodError)\n\tfrom app.rb:7:in `<main>'",
            "app.rb:3:in `f': undefined method `x' for nil (NoMethodError)",
        ),
        (
            "Unhandled exception. System.InvalidOperationException: x\n   at A.B() in /a.cs:line 5",
            "Unhandled exception. System.InvalidOperationException: x",
        ),
        (
            "thread 'main' panicked at src/main.rs:2:5:\nindex out of bounds\nnote: run with x",
            "thread 'main' panicked at src/main.rs:2:5:",
        ),
    ],
)
@pytest.mark.parametrize("form", ["json", "plain"])
def test_exceptions_of_every_language_that_nobody_logged(tmp_path: Path, form: str, trace: str, message: str) -> None:
    before, after = row(START), row(START + 1)
    if form == "plain":
        before, after = b"2026-11-23 14:00:00,000 INFO ready\n", b"2026-11-23 14:00:01,000 INFO on\n"
    path = write(tmp_path / "a.log", [before, trace.encode() + b"\n", after] * 3)
    found = page(engine(path), Window(START, START + 9), "level:error").value.records
    assert [r.message for r in found] == [message] * 3
    assert found[0].extra == tuple(trace.replace("\t", "    ").split("\n"))


@pytest.mark.parametrize(
    "trace",
    [
        b"java.lang.IllegalStateException: x\n\tat a.B.c(B.java:1)\n\t... 3 more\nCaused by: y.Z: w\n\tat d.E.f(E.java:2)\n",
        b"panic: runtime error\n\ngoroutine 1 [running]:\nmain.f(0x1)\n\t/a.go:1 +0x1\nexit status 2\n",
        b"TypeError: x is undefined\n    at f (/a.js:1:2)\n    at node:internal/main\n",
        b"app.rb:3:in `f': undefined method `x' for nil (NoMethodError)\n\tfrom app.rb:7:in `<main>'\n",
        b"System.InvalidOperationException: x\n ---> System.Exception: y\n   at A.B() in /a.cs:line 5\n   --- End of inner exception stack trace ---\n",
        b"thread 'main' panicked at src/main.rs:2:5:\nindex out of bounds\nstack backtrace:\n   0: rust_begin_unwind\nnote: run with x\n",
        b'Traceback (most recent call last):\n  File "a", line 1\nValueError: x\n\nDuring handling of the above exception, another exception occurred:\n\nTraceback (most recent call last):\n  File "b"\nOSError\n',
    ],
)
def test_stack_traces_stay_with_their_record(tmp_path: Path, trace: bytes) -> None:
    head = b"2026-11-23 14:03:10,123 ERROR app: failed\n"
    tail = b"2026-11-23 14:03:11,123 INFO app: next\n"
    path = write(tmp_path / "a.log", [head, trace, tail] * 3)
    found = page(engine(path), Window(0, 4e9)).value.records
    assert [r.message for r in found] == ["app: failed"] * 3 + ["app: next"] * 3
    assert all(len(r.extra) == trace.rstrip().count(b"\n") + 1 for r in found[:3])


def test_a_request_whose_end_is_told_below_its_start(tmp_path: Path) -> None:
    """As Rails logs in development: the stamp at the end of the first line, status and time in a further one."""
    lines = [
        f'Started GET "/orders/{n}" for 127.0.0.1 at 2026-11-23 14:00:{n:02d} +0000\nProcessing by OrdersController#show as HTML\n'
        f"Completed {500 if n % 4 == 0 else 200} OK in {n + 1}ms (Views: 1ms)\n\n\n".encode()
        for n in range(20)
    ]
    one, window = engine(write(tmp_path / "a.log", lines)), Window(START, START + 60)
    found = page(one, window).value.records
    assert found[3].message == 'Started GET "/orders/3" for 127.0.0.1 at'
    assert [r.status for r in found[:5]] == [500, 200, 200, 200, 500]
    assert [r.latency_s for r in found[:2]] == pytest.approx([0.001, 0.002])
    assert page(one, window, "status:500").value.matched == page(one, window, "latency:>=16ms").value.matched == 5
    histogram = one.answer(window, [Histogram("", 60)])[0].value
    assert sorted(histogram.latencies[0]) == pytest.approx([0.001 * (n + 1) for n in range(20)])


def test_a_record_that_never_ends_is_bounded(tmp_path: Path) -> None:
    path = write(tmp_path / "a.log", [row(START), b"  at f\n" * 5000, row(START + 1)])
    first, second = page(engine(path), Window(START, START + 9)).value.records
    assert len(first.extra) == 501 and first.extra[-1] == "[+4500 more lines]"
    assert second.at == START + 1


# ---- derived series


def derive(one: Engine, window: Window, step_s: float = 10) -> SeriesSet:
    found: tuple[Series, ...] = one.answer(window, [Derive(step_s)])[0].value
    return SeriesSet.of(list(found))


def points(series: Series | None) -> dict[float, float]:
    assert series is not None
    return {at - START: value for at, value in series}


def test_series_are_counts_and_percentiles_of_whole_intervals(tmp_path: Path) -> None:
    rows = [
        row(START + n, method="GET", path=f"/orders/{n}", status=500 if n < 5 else 200, latency_ms=n + 1)
        for n in range(25)
    ]
    found = derive(engine(write(tmp_path / "a.log", rows)), Window(START + 3, START + 25))
    # 0 to 10 begins before the window, 20 to 30 ends after it.
    assert points(found.get("shop", "request_count", "GET /orders/{id}")) == {20: 10}
    assert points(found.get("shop", "error_count")) == {20: 0}
    assert points(found.get("shop", "latency_p50"))[20] == pytest.approx(0.0155)
    assert points(found.get("shop", "latency_avg"))[20] == pytest.approx(0.0155)
    assert points(found.get("shop", "log_lines")) == {20: 10}


def test_an_interval_without_requests_is_zero_where_covered_and_a_gap_elsewhere(tmp_path: Path) -> None:
    rows = [row(START + at, path="/a", status=200, latency_ms=5) for at in (0, 5, 30, 31, 900)]
    found = derive(engine(write(tmp_path / "a.log", rows)), Window(START - 100, START + 1300))
    counted = points(found.get("shop", "request_count"))
    assert [counted[at] for at in (10, 20, 30, 40)] == [2, 0, 0, 2]
    assert counted[340] == 0 and 400 not in counted and 890 not in counted, "a hole of a quarter of an hour is a gap"
    assert counted[910] == 1 and 0 not in counted, "before the first record nothing is known"
    assert 20 not in points(found.get("shop", "latency_p95"))
    assert points(found.get("shop", "log_errors"))[20] == 0


def test_who_falls_silent_between_two_questions_is_counted_as_zero(tmp_path: Path) -> None:
    rows = [row(START + n, path="/a", status=200, service="a" if n % 2 else "b") for n in range(100)]
    rows += [row(START + 100 + n, path="/b", status=200, service="b") for n in range(100)]
    asked = engine(write(tmp_path / "a.log", rows))
    derive(asked, Window(START, START + 100))
    found = derive(asked, Window(START + 100, START + 150))
    assert points(found.get("a", "request_count")) == dict.fromkeys((110, 120, 130, 140, 150), 0)
    assert points(found.get("a", "request_count", "/a"))[150] == 0
    assert points(found.get("a", "log_lines"))[150] == 0
    assert found.get("a", "latency_p95") is None
    quiet = derive(asked, Window(START + 250, START + 300))
    assert points(quiet.get("b", "log_lines"))[260] == 0, "for five minutes after its last record the file covers"
    assert derive(asked, Window(START + 700, START + 750)).get("b", "log_lines") is None
    # An earlier window knows nothing of what was seen later.
    assert derive(asked, Window(START - 100, START)).services() == []


def test_counts_of_many_operations_share_their_times(tmp_path: Path) -> None:
    rows = [row(START + n, path=f"/{'ab'[n % 2]}", status=500 if n == 7 else 200) for n in range(200)]
    rows.append(row(START + 200, path="/seldom", status=200))
    found = derive(engine(write(tmp_path / "a.log", rows)), Window(START, START + 210))
    whole = found.get("shop", "request_count")
    assert whole is not None and len(whole) == 21
    for name in found.operations("shop"):
        count, failed = found.get("shop", "request_count", name), found.get("shop", "error_count", name)
        assert count is not None and failed is not None
        assert count.times is failed.times is whole.times, "thousands of series of a day would take most of the memory"
    assert points(found.get("shop", "error_count", "/b"))[10] == 1
    assert points(found.get("shop", "request_count", "/seldom")) == {**dict.fromkeys(range(10, 210, 10), 0), 210: 1}


def test_operations_beyond_the_bound_are_counted_together(tmp_path: Path) -> None:
    rows = [
        row(
            START + n / 100,
            path=f"/{'abcdefghij'[n % 10]}{'klmnopqrst'[n // 10 % 10]}{'uvwxyz'[n // 100]}/x",
            status=200,
        )
        for n in range(400)
    ]
    rows += [row(START + 5, path="/busy/x", status=200) for _ in range(50)]
    found = derive(engine(write(tmp_path / "a.log", rows)), Window(START, START + 10))
    operations = found.operations("shop")
    assert len(operations) == 201 and {"other", "/busy/x"} <= set(operations)
    assert sum(points(found.get("shop", "request_count", name))[10] for name in operations) == 450
    assert points(found.get("shop", "request_count")) == {10: 450}


def test_records_of_no_request_make_no_request_series(tmp_path: Path) -> None:
    rows = [row(START + n, **{"http.route": "/a"}) for n in range(20)]
    found = derive(engine(write(tmp_path / "a.log", rows)), Window(START, START + 20))
    assert found.get("shop", "request_count") is None
    assert points(found.get("shop", "log_lines")) == {10: 10, 20: 10}


# ---- files and sets


def zst(data: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(data)


@pytest.mark.parametrize(
    ("ending", "pack"), [(".gz", gzip.compress), (".bz2", bz2.compress), (".xz", lzma.compress), (".zst", zst)]
)
def test_rotated_and_compressed_siblings_are_read(tmp_path: Path, ending: str, pack: Callable[[bytes], bytes]) -> None:
    write(tmp_path / "app.log", [row(START + n) for n in range(200, 300)])
    write(tmp_path / "app.log.1", [row(START + n) for n in range(100, 200)])
    (tmp_path / f"app.log.2{ending}").write_bytes(pack(b"".join(row(START + n) for n in range(100))))
    found = page(engine(tmp_path / "app.log"), Window(START + 50, START + 250)).value
    assert [r.at for r in found.records] == [START + n for n in range(50, 250)]


def test_old_rotated_files_are_not_opened_for_a_new_window(tmp_path: Path) -> None:
    write(tmp_path / "app.log", [row(START + 1000 + n) for n in range(100)])
    (tmp_path / "app.log.1.gz").write_bytes(gzip.compress(b"".join(row(START + n) for n in range(900))))
    found = page(engine(tmp_path / "app.log"), Window(START + 1090, START + 1200)).value
    assert found.matched == 10 and found.scanned_bytes < 20_000


def test_a_file_being_compressed_is_counted_once(tmp_path: Path) -> None:
    write(tmp_path / "app.log.1", [row(START + n) for n in range(10)])
    (tmp_path / "app.log.1.gz").write_bytes(gzip.compress(b"".join(row(START + n) for n in range(6)))[:-3])
    write(tmp_path / "app.log", [row(START + 20)])
    assert page(engine(tmp_path / "app.log"), Window(START, START + 30)).value.matched == 11


def test_links_to_one_file_are_one_file(tmp_path: Path) -> None:
    write(tmp_path / "a.log", [row(START)])
    (tmp_path / "b.log").symlink_to("a.log")
    os.link(tmp_path / "a.log", tmp_path / "c.log")
    assert page(engine(tmp_path / "*.log"), Window(START, START + 1)).value.matched == 1


@pytest.mark.parametrize(
    ("name", "base", "order", "compression"),
    [
        ("app.log", "app.log", (2, "", 0), ""),
        ("app.log.3", "app.log", (1, "", -3), ""),
        ("app.log.3.gz", "app.log", (1, "", -3), ".gz"),
        ("app.log-20261123.zst", "app.log", (0, "20261123", 0), ".zst"),
        ("app.log.2026-11-23", "app.log", (0, "20261123", 0), ""),
        ("app.log.2026-11-23_14", "app.log", (0, "2026112314", 0), ""),
        ("app-2026-11-23.log", "app.log", (0, "20261123", 0), ""),
        ("app-2026-11-23.2.log.gz", "app.log", (0, "20261123", 2), ".gz"),
        ("v1.2", "v1", (1, "", -2), ""),
    ],
)
def test_what_a_name_tells(name: str, base: str, order: tuple[int, str, int], compression: str) -> None:
    assert split_name(f"/x/{name}") == (f"/x/{base}", order, compression)


def test_sets_are_in_the_order_of_writing(tmp_path: Path) -> None:
    for name in ("app.log", "app.log.1", "app.log.2.gz", "app.log.10.gz", "app.log-20261101", "b.log"):
        (tmp_path / name).write_bytes(b"")
    names = [Path(file.path).name for file in find([str(tmp_path / "app.log"), str(tmp_path / "b.log")]).files]
    assert names == ["app.log-20261101", "app.log.10.gz", "app.log.2.gz", "app.log.1", "app.log", "b.log"]


@pytest.mark.parametrize(
    ("pattern", "path", "service"),
    [
        ("logs/{service}.log", "/srv/logs/checkout.log", "checkout"),
        ("logs/{service}.log", "/srv/logs/checkout.log.2.gz", "checkout"),
        ("logs/{service}.log", "/srv/logs/checkout.log-20261123", "checkout"),
        ("logs/{service}/*.log", "/srv/logs/pay-ments/access.log", "pay-ments"),
        ("{service}-*.jsonl", "/a/b/cart-2026.jsonl", "cart"),
        ("/var/{service}/{service}.log", "/var/a/a.log", "a"),
        ("logs/{service}.log", "/srv/other/checkout.log", ""),
        ("", "/a/b.log", ""),
    ],
)
def test_service_from_the_path(pattern: str, path: str, service: str) -> None:
    assert service_in_path(pattern, path) == service


# ---- bad input


def test_no_file_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailable, match=r"absent\.log: no file matches"):
        page(engine(tmp_path / "absent.log"), Window(0, 1))


def test_one_of_two_patterns_may_match_nothing(tmp_path: Path) -> None:
    write(tmp_path / "a.jsonl", [row(START)])
    found = page(engine(tmp_path / "*.jsonl", tmp_path / "*.log"), Window(START, START + 1))
    assert found.report.state is SourceState.OK and not found.warnings


def test_what_is_no_regular_file_is_refused_with_a_sentence(tmp_path: Path) -> None:
    write(tmp_path / "a.log", [row(START)])
    os.mkfifo(tmp_path / "fifo.log")
    (tmp_path / "dir.log").mkdir()
    (tmp_path / "loop.log").symlink_to("loop.log")
    (tmp_path / "device.log").symlink_to("/dev/zero")
    found = page(engine(tmp_path / "*.log", tmp_path / "dir.log"), Window(START, START + 1))
    assert found.value.matched == 1
    said = "; ".join(found.warnings)
    for words in ("is a FIFO", "is a directory", "symbolic links", "is a device"):
        assert words in said
    assert found.report.state is SourceState.PARTIAL


def test_directories_beside_the_files_are_passed_over(tmp_path: Path) -> None:
    write(tmp_path / "a.log", [row(START)])
    (tmp_path / "archive").mkdir()
    found = page(engine(tmp_path / "*"), Window(START, START + 1))
    assert found.value.matched == 1 and found.report.state is SourceState.OK


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_file_is_named(tmp_path: Path) -> None:
    write(tmp_path / "a.log", [row(START)]).chmod(0)
    with pytest.raises(SourceUnavailable, match="may not be read by this user"):
        page(engine(tmp_path / "a.log"), Window(START, START + 1))


def test_what_is_no_log_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(bytes(range(256)) * 40)
    with pytest.raises(SourceUnavailable, match="is not text"):
        page(engine(tmp_path / "a.log"), Window(0, 4e9))


@pytest.mark.parametrize("ending", ["", ".gz"])
@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-8-sig"])
@pytest.mark.parametrize("form", ["json", "plain"])
def test_files_with_a_byte_order_mark(tmp_path: Path, encoding: str, ending: str, form: str) -> None:
    lines = [f"2026-11-23 14:00:{n:02d},000 ERROR größer als {n}" for n in range(60)]
    if form == "json":
        lines = [
            json.dumps({"ts": START + n, "level": "error", "msg": f"größer als {n}"}, ensure_ascii=False)
            for n in range(60)
        ]
    mark = b"\xfe\xff" if encoding == "utf-16-be" else b""
    data = mark + "\r\n".join(lines).encode(encoding)
    (tmp_path / f"a.log{ending}").write_bytes(gzip.compress(data) if ending else data)
    found = page(engine(tmp_path / "a.log"), Window(START, START + 60), "größer")
    assert [r.message for r in found.value.records] == [f"größer als {n}" for n in range(60)]
    assert found.report.state is SourceState.OK


def test_empty_file_and_torn_last_line(tmp_path: Path) -> None:
    write(tmp_path / "empty.log", [])
    write(tmp_path / "torn.log", [row(START), row(START + 1)[:-20]])
    found = page(engine(tmp_path / "*.log"), Window(START, START + 9))
    assert found.value.matched == 1
    assert "1 lines" in found.report.detail and "cannot be read as json" in found.report.detail


def test_lines_that_cannot_be_read_are_counted_with_an_example(tmp_path: Path) -> None:
    path = write(tmp_path / "a.log", [row(START + n) for n in range(50)] + [b'{"ts": broken \x1b[31m\n'] * 5)
    found = page(engine(path), Window(START, START + 99))
    assert found.value.matched == 50
    assert found.report.state is SourceState.PARTIAL
    assert "5 lines (9.1%) cannot be read as json" in found.report.detail and "broken ^[[31m" in found.report.detail


def test_a_line_of_megabytes_costs_no_memory_and_hides_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    with path.open("wb") as out:
        out.write(row(START))
        out.write(b'{"ts": %d, "msg": "' % START)
        for _ in range(100):
            out.write(b"x" * (1 << 20))
        out.write(b'"}\n' + row(START + 1))
    found = page(engine(path), Window(START, START + 9))
    assert found.value.matched == 2
    assert any("longer than 1 MiB" in one for one in found.warnings)


@pytest.mark.slow
def test_a_bomb_is_read_up_to_its_bound(tmp_path: Path) -> None:
    packed = tmp_path / "a.log.1.gz"
    with gzip.open(packed, "wb", compresslevel=9) as out:
        out.write(row(START))
        for _ in range(300):
            out.write(b"\0" * (1 << 20))
    found = page(engine(tmp_path / "a.log"), Window(START, START + 9))
    assert found.value.matched == 1
    assert any("expands to more than" in one for one in found.warnings)
    assert found.report.state is SourceState.PARTIAL


ARCHIVES = [(".gz", gzip.compress), (".bz2", bz2.compress), (".xz", lzma.compress), (".zst", zst)]
PAST = Window(START - 999, START + 99_999)


@cache
def many() -> list[bytes]:
    """Lines that a packer cannot make much of; not made where the tests are only collected."""
    return [row(START + n, id=random.Random(n).random()) for n in range(30_000)]


@pytest.mark.parametrize(("ending", "pack"), ARCHIVES)
def test_a_damaged_archive_is_read_up_to_the_damage(
    tmp_path: Path, ending: str, pack: Callable[[bytes], bytes]
) -> None:
    packed = bytearray(pack(b"".join(many())))
    place = len(packed) * 9 // 10
    packed[place : place + 2000] = bytes(2000)
    (tmp_path / f"a.log.1{ending}").write_bytes(packed)
    write(tmp_path / "a.log", [row(START - 9)])
    found = page(engine(tmp_path / "a.log"), PAST)
    assert 10_000 < found.value.matched < len(many())
    assert any("damaged" in one for one in found.warnings)
    assert found.report.state is SourceState.PARTIAL


@pytest.mark.parametrize(("ending", "pack"), ARCHIVES)
def test_of_an_archive_cut_short_everything_before_the_cut_is_read(
    tmp_path: Path, ending: str, pack: Callable[[bytes], bytes]
) -> None:
    packed = pack(b"".join(many()))
    for share, least in ((0.5, 0.2), (1.0, 0.9)):
        (tmp_path / f"a{ending}").write_bytes(packed[: int(len(packed) * share) - 1])
        found = page(engine(tmp_path / f"a{ending}"), PAST)
        assert least * len(many()) < found.value.matched <= len(many())
        assert [one for one in found.warnings if "damaged (it ends in the middle); read up to there" in one]


@pytest.mark.parametrize(("ending", "pack"), ARCHIVES)
@pytest.mark.parametrize(("behind", "said"), [(bytes(4096), False), (b"garbage", True)])
def test_what_stands_behind_an_archive_is_left_out(
    tmp_path: Path, ending: str, pack: Callable[[bytes], bytes], behind: bytes, said: bool
) -> None:
    twice = pack(b"".join(many()[:3000])) + pack(b"".join(many()[3000:4000]))
    (tmp_path / f"a{ending}").write_bytes(twice + behind)
    found = page(engine(tmp_path / f"a{ending}"), PAST)
    assert found.value.matched == 4000
    assert (found.report.state is SourceState.PARTIAL) == said == any("left out" in one for one in found.warnings)


def test_a_file_is_read_as_what_it_is_and_not_as_what_its_name_says(tmp_path: Path) -> None:
    (tmp_path / "plain.log.gz").write_bytes(b"".join(many()[:10]))
    (tmp_path / "packed.log").write_bytes(gzip.compress(b"".join(many()[10:30])))
    found = page(engine(tmp_path / "*.gz", tmp_path / "*.log"), PAST)
    assert (found.value.matched, found.report.state) == (30, SourceState.OK)


def test_zeros_at_the_beginning_of_a_truncated_file_are_passed_over(tmp_path: Path) -> None:
    path = write(tmp_path / "a.log", [b"\0" * 50_000, row(START), row(START + 1)])
    assert page(engine(path), Window(START, START + 9)).value.matched == 2


def test_zeros_in_the_middle_are_passed_over(tmp_path: Path) -> None:
    path = write(tmp_path / "a.log", [row(START), b"\0" * 4000, row(START + 1), b"\0" * 900 + b"\n", row(START + 2)])
    found = page(engine(path), Window(START, START + 9))
    assert [r.at for r in found.value.records] == [START, START + 1, START + 2]
    write(path, [b"\x7fELF\2\1\1" + bytes(64) + b"\3\0\x3e\0\1\0\0\0" * 40])
    with pytest.raises(SourceUnavailable, match="is not text"):
        page(engine(path), Window(START, START + 9))


def test_a_clock_that_jumps_back_and_stamps_of_the_future(tmp_path: Path) -> None:
    rows = [row(START + n, pad="x" * 50) for n in range(6000)]
    rows += [row(START + 5000 + n, pad="x" * 50) for n in range(6000)] + [row(4e9)]
    path = write(tmp_path / "a.log", rows)
    assert page(engine(path), Window(START + 5000, START + 6000)).value.matched == 2000


def test_invalid_utf_8_and_zeros_inside_lines_are_shown_as_what_they_are(tmp_path: Path) -> None:
    lines = [row(START + n) for n in range(9)] + [
        b'{"ts":%d,"level":"error","msg":"caf\xe9 \xff\xfe \x00 end"}\n' % START
    ]
    found = page(engine(write(tmp_path / "a.log", lines)), Window(START, START + 9), "level:error")
    assert [r.message for r in found.value.records] == ["caf\\xe9 \\xff\\xfe ^@ end"]
    plain = [b"2026-11-23 14:00:0%d INFO caf\xe9 %d\0\0 end\n" % (n, n) for n in range(9)]
    found = page(engine(write(tmp_path / "b.log", plain)), Window(START, START + 9), "end")
    assert [r.message for r in found.value.records] == [f"caf\\xe9 {n}^@^@ end" for n in range(9)]


@pytest.mark.parametrize("query", ["", "at"])
def test_a_file_that_shrinks_while_it_is_read_gives_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, query: str
) -> None:
    path = write(tmp_path / "a.log", [row(START + n / 100) for n in range(60_000)])
    pread = Reader.pread

    def shrinking(self: Reader, length: int, offset: int) -> bytes:
        data = pread(self, length, offset)
        if offset > 1 << 20:
            os.truncate(path, 1_500_000)
        return data

    monkeypatch.setattr(Reader, "pread", shrinking)
    found = page(engine(path), Window(START - 9, START + 999), query, 0)
    assert 17_000 < found.value.matched < 60_000
    assert found.report.state is SourceState.PARTIAL
    assert "became shorter while it was read" in found.report.detail


def test_a_thousand_files(tmp_path: Path) -> None:
    for number in range(1000):
        write(tmp_path / f"{'abcdefghij'[number % 10]}{number}x.log", [row(START + number)])
    assert page(engine(tmp_path / "*.log"), Window(START, START + 1000)).value.matched == 1000


def test_records_without_a_time_are_said_to_be_left_out(tmp_path: Path) -> None:
    path = write(tmp_path / "a.log", [b'{"msg":"no time"}\n', row(START)])
    found = page(engine(path), Window(START, START + 1))
    assert found.value.matched == 1 and "1 records carry no time" in found.report.detail


@pytest.mark.parametrize("size", [3, 20_000])
def test_records_of_the_future_are_said_to_be_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    now = START + size
    monkeypatch.setattr("sources.logs.engine.time.time", lambda: now)
    late = [now + 30, now + 3600, now + 7200]
    path = write(tmp_path / "a.log", [row(START + n) for n in range(size)] + [row(at) for at in late])
    for window in (Window(now - 60, now), Window(0.0, now)):
        found = page(engine(path), window)
        assert found.value.matched == min(size, round(window.seconds))
        assert "2 records are stamped in the future (first: " in found.report.detail
        assert found.report.state is SourceState.PARTIAL
    assert page(engine(path), Window(0.0, now + 9999)).report.state is SourceState.OK


def test_of_a_long_future_the_beginning_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sources.logs.engine.time.time", lambda: START + 5000)
    path = write(tmp_path / "a.log", [row(START + n) for n in range(40_000)])
    detail = page(engine(path), Window(START, START + 5000)).report.detail
    number = re.search(r"(\d+) or more records are stamped in the future \(first: 2026-11-23T15:2\d:\d\dZ\)", detail)
    assert number is not None and 10_000 < int(number[1]) < 35_000


# ---- one file, two processes


@pytest.mark.parametrize(
    "question",
    [Page("-level:debug", 40), Page("", 0), Counts("", 60.0), Histogram("latency:>1ms", 7.0), Derive(15.0)],
)
def test_a_file_read_by_two_processes_gives_the_same_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, question: Page | Counts | Histogram | Derive
) -> None:
    level = ("debug", "info", "error")
    # Eighths of a second add up to the same in whatever order.
    rows = [
        row(
            START + n / 10, level=level[n % 3], path=f"/{'ab'[n % 2]}", status=200 + n % 2 * 300, latency_ms=n % 7 * 125
        )
        for n in range(9000)
    ]
    rows[5000:5000] = [b"Traceback (most recent call last):\n", b"ValueError: 5\n", b"{broken\n"]
    path = write(tmp_path / "a.log", rows)
    window = Window(START + 20, START + 860)
    alone = engine(path).answer(window, [question])[0]
    begun: list[Helper] = []
    helper = Helper

    def counted(share: Share) -> Helper:
        begun.append(helper(share))
        return begun[-1]

    monkeypatch.setattr(sources.logs.engine, "Helper", counted)
    monkeypatch.setattr(sources.logs.engine, "DIVIDED", 1 << 16)
    monkeypatch.setattr(sources.logs.engine, "cores", lambda: 2)
    together = engine(path).answer(window, [question])[0]
    assert len(begun) == 1
    assert together.value == alone.value
    assert (together.report.records, together.report.detail) == (alone.report.records, alone.report.detail)

    monkeypatch.setattr(Helper, "answer", lambda *_: None)
    after_its_death = engine(path).answer(window, [question])[0]
    assert after_its_death.value == alone.value


@pytest.mark.parametrize("query", ['"payment refused"', r"/payment refused \d+/", "/refused [0-9]{2}7/"])
def test_words_that_many_lines_hold_are_looked_for_by_two_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, query: str
) -> None:
    texts = ("payment refused", "payment taken", "order refused", "asleep", "awake", "asleep again", "a", "b", "c")
    rows = [row(START + n / 10, msg=f"{texts[n % 9]} {n}") for n in range(9000)]
    rows[5000:5000] = [b"Traceback (most recent call last):\n", b"ValueError: payment refused 17\n", b"{broken\n"]
    path = write(tmp_path / "a.log", rows)
    window = Window(START + 20, START + 860)
    plain = engine(path).answer(window, [Page(query, 40)])[0].value
    begun: list[Helper] = []
    helper = Helper

    def counted(share: Share) -> Helper:
        begun.append(helper(share))
        return begun[-1]

    monkeypatch.setattr(sources.logs.engine, "Helper", counted)
    monkeypatch.setattr(sources.logs.engine, "DIVIDED", 1 << 16)
    monkeypatch.setattr(sources.logs.sifting, "MUCH", 1 << 14)
    monkeypatch.setattr(sources.logs.engine, "cores", lambda: 2)
    monkeypatch.setattr(bulk, "BULK", 0)
    monkeypatch.setattr(ripgrep, "WORTH", 0)
    assert engine(path).answer(window, [Page(query, 40)])[0].value == plain
    assert len(begun) == 1 and plain.matched > 80


def test_without_ripgrep_two_processes_look_for_an_expression(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [row(START + n / 10, msg="awake" if n % 500 else f"wxyz {n}") for n in range(9000)]
    path = write(tmp_path / "a.log", rows)
    window = Window(START + 20, START + 860)
    begun: list[Helper] = []
    helper = Helper

    def counted(share: Share) -> Helper:
        begun.append(helper(share))
        return begun[-1]

    monkeypatch.setattr(sources.logs.engine, "Helper", counted)
    monkeypatch.setattr(sources.logs.engine, "DIVIDED", 1 << 16)
    monkeypatch.setattr(sources.logs.engine, "cores", lambda: 2)
    monkeypatch.setattr(bulk, "BULK", 0)
    monkeypatch.setattr(ripgrep, "WORTH", 0)
    monkeypatch.setattr(ripgrep, "program", lambda: None)
    assert engine(path).answer(window, [Page("/[w-z]{3}/", 40)])[0].value.matched == 17
    assert len(begun) == 1


def test_a_sample_taken_by_two_processes_is_spread_evenly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a.log", [row(START + n) for n in range(9000)])
    monkeypatch.setattr(sources.logs.engine, "DIVIDED", 1 << 16)
    monkeypatch.setattr(sources.logs.engine, "cores", lambda: 2)
    window = Window(START, START + 9000)
    series, sample = [one.value for one in engine(path).answer(window, [Derive(60.0), Messages(200)])]
    assert SeriesSet.of(list(series)).get("shop", "log_lines") is not None
    assert sample.matched == 9000 and sample.sampled
    assert 100 < len(sample.records) <= 200
    at = [record.at or 0.0 for record in sample.records]
    gaps = [later - earlier for earlier, later in pairwise(at)]
    assert Counter(gaps).most_common(1) == [(64.0, len(gaps) - 1)], "only where the halves meet it is another one"
    assert max(gaps) < 128.0


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_a_utf_16_file_is_followed_with_the_places_that_reading_it_gives(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "a.log"
    path.write_bytes("\ufeff2026-11-23 14:00:00 INFO größer €😀\n2026-11-23 14:00:01 INFO torn".encode(encoding))
    first = Tail(engine(path))
    assert first.poll(1.0) == [] and first.problems() == ()
    append(path, " and whole\n2026-11-23 14:00:02 INFO a\n".encode(encoding))
    records = first.poll(2.0) + first.poll(3.0)
    positions = first.positions()
    first.close()
    append(path, "2026-11-23 14:00:03 INFO größer\n".encode(encoding))
    second = Tail(engine(path), positions)
    records += second.poll(1.0) + second.poll(2.0)
    second.close()
    assert [record.message for record in records] == ["torn and whole", "a", "größer"]
    window = Window(START - 86400.0, START + 86400.0)
    (page,) = engine(path).answer(window, [Page("", 10)])
    assert [(one.offset, one.message) for one in page.value.records[1:]] == [(r.offset, r.message) for r in records]


def append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)
