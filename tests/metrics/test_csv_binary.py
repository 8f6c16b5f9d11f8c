"""Files that are no CSV say what they are."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from console.domain.instant import Window
from sources.base import SourceGarbage
from sources.metrics.csv import CsvMetrics

HEADER = b"time,service,operation,metric,value\n"
ALL = Window(0.0, 2e9)


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"\x00\x01\x02bin\x00\n\x00\x00", "holds binary data, so it is no CSV file"),
        (gzip.compress(HEADER, mtime=0), "is compressed; unpack it"),
        (b'"' + b"x" * 200_000 + b'",b\n', "its first line is too long"),
    ],
)
async def test_a_file_that_is_no_text(tmp_path: Path, data: bytes, says: str, wide: bool) -> None:
    path = tmp_path / "m.csv"
    path.write_bytes(data)
    with pytest.raises(SourceGarbage) as told:
        await CsvMetrics("m", path, wide=wide).series(ALL, 10.0)
    assert str(told.value).startswith(f"{path}: {says}")


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (b"\x00\x01\xff\x02\n", "line 3: binary data instead of text"),
        (b'"' + b"x" * 200_000 + b'",a,b,c,1\n', "line 3: a quoted field without an end, or too long"),
        (b"1,2\n", "line 3: 2 fields instead of 5"),
    ],
)
async def test_a_line_that_is_no_row(tmp_path: Path, line: bytes, says: str) -> None:
    path = tmp_path / "m.csv"
    path.write_bytes(HEADER + b"1,a,,cpu,0.5\n" + line)
    reading = await CsvMetrics("m", path).series(ALL, 10.0)
    assert says in reading.report.detail and reading.report.records == 1
