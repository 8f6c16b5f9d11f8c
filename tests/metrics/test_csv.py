"""Metrics files: what is read, what is a gap, and what is said about lines that make no sense."""

from __future__ import annotations

import asyncio
import math
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import sources.blocks
from console.config.models import MetricsConfig
from console.domain.instant import Window, parse_time, rfc3339
from console.domain.reading import Reading, SourceState
from console.domain.series import Series, SeriesKey
from console.domain.topology import Service, Topology
from sources.base import SourceGarbage, SourceUnavailable
from sources.metrics import build
from sources.metrics.csv import CsvMetrics
from sources.metrics.points import number

HEADER = "time,service,operation,metric,value\n"
ALL = Window(0.0, 4e9)


def write(path: Path, text: str, *, age_s: float = 60.0) -> Path:
    path.write_text(text, encoding="utf-8")
    moment = path.stat().st_mtime - age_s
    os.utime(path, (moment, moment))
    return path


async def read(source: CsvMetrics, window: Window = ALL) -> Reading[tuple[Series, ...]]:
    return await source.series(window, 1.0)


def points(
    reading: Reading[tuple[Series, ...]], service: str, metric: str, operation: str = ""
) -> list[tuple[float, float]]:
    key = SeriesKey(service, operation, metric)
    return next((list(s) for s in reading.value if s.key == key), [])


async def test_rows_become_series_whatever_their_order_and_the_last_of_equal_times_stands(tmp_path: Path) -> None:
    path = write(
        tmp_path / "m.csv",
        HEADER + "200,checkout,,cpu,2\n100,checkout,,cpu,9\n1970-01-01T00:01:40Z,checkout,,cpu,1\n"
        "1970-01-01T01:05:00+01:00,checkout,POST /orders,latency_p95,0.5\n",
    )
    reading = await read(CsvMetrics("m", path))
    assert points(reading, "checkout", "cpu") == [(100.0, 1.0), (200.0, 2.0)]
    assert points(reading, "checkout", "latency_p95", "POST /orders") == [(300.0, 0.5)]
    assert reading.report.state is SourceState.OK
    assert reading.report.records == 3


async def test_empty_and_nan_and_infinite_values_are_gaps_and_no_errors(tmp_path: Path) -> None:
    path = write(tmp_path / "m.csv", HEADER + "1,a,,cpu,\n2,a,,cpu,NaN\n3,a,,cpu,nan\n4,a,,cpu,+Inf\n5,a,,cpu,0\n")
    reading = await read(CsvMetrics("m", path))
    assert points(reading, "a", "cpu") == [(5.0, 0.0)]
    assert reading.report.state is SourceState.OK


async def test_lines_not_understood_are_counted_and_the_first_is_named(tmp_path: Path) -> None:
    path = write(
        tmp_path / "m.csv",
        HEADER + "1,a,,cpu,1\nyesterday,a,,cpu,1\n2,a,,cpu,many\n3,a,cpu,1\n4,a,,cpu,1_0\n5,a,,cpu,5\n",
    )
    reading = await read(CsvMetrics("m", path))
    assert points(reading, "a", "cpu") == [(1.0, 1.0), (5.0, 5.0)]
    assert reading.report.state is SourceState.PARTIAL
    assert "4 of 7 lines not understood, the first is line 3: 'yesterday' is no time" in reading.report.detail


async def test_nothing_later_than_the_end_of_the_window_is_read(tmp_path: Path) -> None:
    path = write(tmp_path / "m.csv", HEADER + "".join(f"{t},a,,cpu,{t}\n" for t in range(1, 10)))
    reading = await read(CsvMetrics("m", path), Window(3.0, 6.0))
    assert [t for t, _ in points(reading, "a", "cpu")] == [3.0, 4.0, 5.0, 6.0]


async def test_quoted_fields_carriage_returns_and_a_byte_order_mark(tmp_path: Path) -> None:
    path = write(tmp_path / "m.csv", "\ufeff" + HEADER.replace("\n", "\r\n") + '1,a,"GET /x,y ""z""",cpu,1\r\n')
    assert points(await read(CsvMetrics("m", path)), "a", "cpu", 'GET /x,y "z"') == [(1.0, 1.0)]


async def test_columns_may_stand_in_another_order(tmp_path: Path) -> None:
    path = write(tmp_path / "m.csv", "metric,value,time,service,operation\ncpu,7,1,a,\n")
    assert points(await read(CsvMetrics("m", path)), "a", "cpu") == [(1.0, 7.0)]


@pytest.mark.parametrize(
    "header", ["", "time,service,metric,value\n", "<html>\n", "time,service,operation,metric,value,unit\n"]
)
async def test_another_header_is_refused_with_the_one_expected(tmp_path: Path, header: str) -> None:
    path = write(tmp_path / "m.csv", header + "1,a,,cpu,1\n")
    with pytest.raises(SourceGarbage, match="expected time,service,operation,metric,value"):
        await read(CsvMetrics("m", path))


async def test_missing_files_folders_and_pipes_are_named(tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailable, match="no such file"):
        await read(CsvMetrics("m", tmp_path / "none.csv"))
    with pytest.raises(SourceUnavailable, match="no regular file"):
        await read(CsvMetrics("m", tmp_path))
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(SourceUnavailable, match="no regular file"):
        async with asyncio.timeout(5):
            await read(CsvMetrics("m", tmp_path / "pipe"))


async def test_text_from_the_file_cannot_drive_the_terminal(tmp_path: Path) -> None:
    path = write(tmp_path / "m.csv", HEADER + "1,a\x1b]52;c;aGk=\x07,op\u202e,cpu,1\n\x1b[2J,a,,cpu,1\n")
    reading = await read(CsvMetrics("m", path))
    (series,) = reading.value
    assert series.key.service == "a^[]52;c;aGk=^G"
    assert series.key.operation == "op<U+202E>"
    assert "\x1b" not in reading.report.detail and "\x1b" not in series.query


async def test_a_file_that_grows_is_read_only_where_it_grew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources.blocks, "BLOCK", 64)
    path = write(tmp_path / "m.csv", HEADER + "".join(f"{t},a,,cpu,{t}\n" for t in range(100, 200)))
    source = CsvMetrics("m", path)
    whole = await read(source)
    assert len(points(whole, "a", "cpu")) == 100
    with path.open("a") as out:
        out.write("50,a,,cpu,50\n200,a,,cpu,200\n")
    grown = await read(source, Window(195.0, 300.0))
    assert [t for t, _ in points(grown, "a", "cpu")] == [195.0, 196.0, 197.0, 198.0, 199.0, 200.0]
    assert grown.report.cost.bytes < whole.report.cost.bytes / 5
    late = await read(source, Window(0.0, 60.0))
    assert points(late, "a", "cpu") == [(50.0, 50.0)]


async def test_a_file_that_was_replaced_is_read_anew(tmp_path: Path) -> None:
    path = write(tmp_path / "m.csv", HEADER + "1,a,,cpu,1\n2,a,,cpu,2\n")
    source = CsvMetrics("m", path)
    await read(source)
    write(path, HEADER + "1,b,,cpu,1\n2,b,,cpu,2\n3,b,,cpu,3\n", age_s=30.0)
    reading = await read(source)
    assert points(reading, "a", "cpu") == [] and len(points(reading, "b", "cpu")) == 3


async def test_a_last_line_without_its_end_waits_until_the_file_is_left_alone(tmp_path: Path) -> None:
    path = write(tmp_path / "m.csv", HEADER + "1,a,,cpu,1\n2,a,,cpu,12", age_s=0.0)
    source = CsvMetrics("m", path)
    assert points(await read(source), "a", "cpu") == [(1.0, 1.0)]
    with path.open("a") as out:
        out.write("34\n")
    assert points(await read(source), "a", "cpu") == [(1.0, 1.0), (2.0, 1234.0)]
    write(path, HEADER + "1,a,,cpu,1\n2,a,,cpu,12", age_s=60.0)
    assert points(await read(CsvMetrics("m", path)), "a", "cpu") == [(1.0, 1.0), (2.0, 12.0)]


async def test_an_over_long_line_costs_no_memory_and_hides_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources.blocks, "BLOCK", 256)
    monkeypatch.setattr(sources.blocks, "MOST_LINE", 1024)
    path = write(tmp_path / "m.csv", HEADER + "1,a,,cpu,1\n" + "x" * 10_000 + "\n2,a,,cpu,2\n")
    source = CsvMetrics("m", path)
    for _ in range(2):
        reading = await read(source)
        assert points(reading, "a", "cpu") == [(1.0, 1.0), (2.0, 2.0)]
        assert "1 of 4 lines not understood, the first is line 3" in reading.report.detail


@pytest.mark.slow
async def test_a_cancelled_reading_ends_and_the_next_one_is_whole(tmp_path: Path) -> None:
    path = write(tmp_path / "m.csv", HEADER + "".join(f"{t},a,,cpu,1\n" for t in range(200_000)))
    source = CsvMetrics("m", path)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.001):
            await read(source)
    assert len(points(await read(source), "a", "cpu")) == 200_000


async def test_wide_columns_are_split_by_configured_service_then_known_metric(tmp_path: Path) -> None:
    path = write(
        tmp_path / "w.csv",
        "time,order_db_cpu,cart_latency-50,cart_mem,my_cart_latency_p95,front-end_disk_io,note\n"
        "1,0.5,0.1,100,0.2,3,\n2,,0.2,NaN,0.3,4,x\n",
    )
    source = CsvMetrics("w", path, wide=True, services=["order", "order_db"])
    reading = await read(source)
    assert points(reading, "order_db", "cpu") == [(1.0, 0.5)]
    assert points(reading, "cart", "latency_p50") == [(1.0, 0.1), (2.0, 0.2)]
    assert points(reading, "cart", "memory_bytes") == [(1.0, 100.0)]
    assert points(reading, "my_cart", "latency_p95") == [(1.0, 0.2), (2.0, 0.3)]
    assert points(reading, "front-end", "disk_io") == [(1.0, 3.0), (2.0, 4.0)]
    assert reading.report.state is SourceState.OK


async def test_a_wide_file_without_time_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceGarbage, match="no column is called time"):
        await read(CsvMetrics("w", write(tmp_path / "w.csv", "a_cpu,b_cpu\n1,2\n"), wide=True))


async def test_build_makes_what_the_configuration_names(tmp_path: Path) -> None:
    write(tmp_path / "m.csv", "time,pay_roll_cpu\n1,2\n")
    config = MetricsConfig(kind="csv", path=Path("m.csv"), layout="wide")
    topology = Topology((Service("pay_roll"),))
    source = build(config, lambda p: tmp_path / p, None, topology)
    assert (source.name, source.kind) == ("metrics", "csv")
    (series,) = (await source.series(ALL, 1.0)).value
    assert series.key == SeriesKey("pay_roll", "", "cpu")
    await source.close()


finite = st.floats(allow_nan=False, allow_infinity=False)


@pytest.mark.slow
@given(
    st.lists(st.tuples(st.integers(1_000_000_000, 2_000_000_000), finite), max_size=40),
    st.sampled_from([64, 200, 1 << 20]),
)
def test_any_points_come_back_as_they_were_written(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[int, float]], block: int
) -> None:
    path = tmp_path_factory.mktemp("csv") / "m.csv"
    write(path, HEADER + "".join(f"{rfc3339(t)},a,,cpu,{v!r}\n" for t, v in rows))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sources.blocks, "BLOCK", block)
        reading = asyncio.run(read(CsvMetrics("m", path)))
    assert points(reading, "a", "cpu") == sorted({float(t): v for t, v in rows}.items())


@given(st.text(max_size=20))
def test_numbers_are_read_as_python_reads_them_or_not_at_all(text: str) -> None:
    value = number(text)
    if value is None:
        with pytest.raises(ValueError):
            float(text.replace("_", "x"))
    elif not math.isnan(value):
        assert value == float(text)


def test_a_stamp_without_an_offset_is_utc() -> None:
    from sources.stamps import instant_of

    assert instant_of("2026-11-23T14:03:10") == parse_time("2026-11-23T14:03:10Z", 0.0)
    assert instant_of("1700000000123") == 1700000000.123
    assert instant_of("") is None and instant_of("nan") is None and instant_of("0x10") is None
