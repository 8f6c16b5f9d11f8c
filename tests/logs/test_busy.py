"""Logs that are written very fast: nothing is lost or given twice, and beyond what can be read nothing goes uncounted."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from pathlib import Path

import pytest

import sources.logs.followed
from console.domain.instant import Window
from console.domain.logs import Level, LogCounts, LogPage, LogRecord, NewRecords
from console.domain.text import SafeText
from console.live.log_tail import LogTail
from sources.logs.client import WorkerRunner
from sources.logs.engine import Engine
from sources.logs.spec import Spec
from sources.logs.tail import Tail

START = 1795442400.0


def line(number: int) -> bytes:
    return (
        b'{"ts":%.6f,"level":"%s","service":"shop","msg":"user %d logged in from 10.0.0.1","method":"GET","endpoint":"/api/v1/orders/%d",'
        b'"status":200,"latency_ms":%d.25,"trace_id":"4bf92f3577b34da6a3ce929d0e0e4736"}\n'
    ) % (START + number / 50_000, b"error" if number % 100 == 0 else b"info", number, number, number % 90)


def test_far_behind_one_in_n_is_read_and_the_others_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources.logs.followed, "FAR_BEHIND", 1 << 20)
    path = tmp_path / "a.log"
    path.write_bytes(line(0))
    tail = Tail(Engine(Spec("app", (str(path),))))
    tail.poll(0.0)
    with path.open("ab") as out:
        out.write(b"".join(line(n) for n in range(1, 20_001)))
    found: list[LogRecord] = []
    for now in range(1, 9):
        found += tail.poll(float(now))
    skipped = tail.take_skipped()
    assert 100 < len(found) < 15_000
    assert len(found) + skipped == 20_000
    assert tail.take_skipped() == 0
    with path.open("ab") as out:
        out.write(line(20_001))
    caught_up = tail.poll(9.0) + tail.poll(12.0)
    assert [r.message for r in caught_up] == ["user 20001 logged in from 10.0.0.1"]
    assert tail.take_skipped() == 0
    tail.close()


def test_the_pane_counts_what_was_only_counted_and_says_so() -> None:
    records = [
        LogRecord(START + n, Level.INFO, "", SafeText(f"{'a' if n % 2 else 'b'} {n}"), offset=n) for n in range(10)
    ]
    every, half = LogTail(lambda r: True, 60.0), LogTail(lambda r: r.message.startswith("a"), 60.0)
    for tail in (every, half):
        tail.add(NewRecords(records, 33), START + 10)
    window = Window(START - 60, START + 60)
    assert every.counts(window).total == 43
    assert half.counts(window).total == 5 + 16
    assert every.one_in(START + 11) == 4
    assert half.estimated and not every.estimated, "all match, so all that were only counted do"
    assert every.one_in(START + 60) == 1
    assert every.rate_per_min(START + 10) == 43
    every.add(NewRecords(records[:1]), START + 70)
    assert every.one_in(START + 70) == 1


def test_the_pane_takes_what_begins_where_a_record_of_the_page_began() -> None:
    def record(message: str) -> LogRecord:
        return LogRecord(START, Level.INFO, "shop", SafeText(message), source="app", file="a.log", offset=0)

    tail, window = LogTail(lambda r: True, 60.0), Window(START - 60, START + 60)
    tail.preload(LogPage(window, (record("old"),), 1, 100), LogCounts(window.start, 60.0, ({}, {Level.INFO: 1})))
    assert tail.add([record("old")], START) == 0
    # The file was truncated within the second, and then once more.
    assert tail.add([record("new")], START) == tail.add([record("two")], START) == tail.add([record("old")], START) == 1
    assert [r.message for r in tail.records(window)] == ["old", "new", "two", "old"]
    assert tail.counts(window).total == 4


@pytest.mark.slow
async def test_fifty_thousand_lines_a_second_arrive_once_each(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(line(0))
    total, a_tenth = 200_000, 5_000
    runner = WorkerRunner()
    seen = bytearray(total + 1)
    began = threading.Event()

    def write() -> None:
        with path.open("ab", buffering=0) as out:
            start = time.monotonic()
            for part, first in enumerate(range(1, total + 1, a_tenth)):
                out.write(b"".join(line(n) for n in range(first, first + a_tenth)))
                began.wait(max(0.0, start + part / 10 - time.monotonic()))

    writer = threading.Thread(target=write)
    count = skipped = 0
    try:
        async with asyncio.timeout(120), contextlib.aclosing(runner.follow(Spec("app", (str(path),)))) as batches:
            await anext(batches)
            writer.start()
            async for batch in batches:
                for record in batch:
                    number = int(record.message.split()[1])
                    assert not seen[number]
                    seen[number] = 1
                count += len(batch)
                skipped += batch.skipped
                if count + skipped == total:
                    break
    finally:
        writer.join()
        await runner.close()
    assert count + skipped == total
    assert seen[0] == 0
