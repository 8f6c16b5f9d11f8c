"""The log worker as a real process: it answers as the engine does, dies with its parent, and its own death loses nothing."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue

import pytest

from console.domain.instant import Window
from console.domain.logs import LogRecord
from console.query.parse import parse
from sources.base import SourceTimeout, SourceUnavailable
from sources.logs.client import WorkerRunner
from sources.logs.files import FileLogSource
from sources.logs.questions import Derive, Page, Question, Shapes
from sources.logs.spec import Spec
from sources.logs.wire import HEADER, Ask, Failed, FromWorker, decode_from_worker, frame
from sources.logs.worker import Patient, Worker
from tests.waiting import PATIENCE_S

pytestmark = pytest.mark.slow

START = 1795442590.0
WINDOW = Window(START, START + 600)


def line(number: int) -> bytes:
    level = "error" if number % 10 == 0 else "info"
    return (
        b'{"ts":%f,"level":"%s","service":"shop","msg":"request %d\\u00e9","path":"/a/%d","status":%d,"latency_ms":%d}\n'
        % (START + number * 0.1, level.encode(), number, number, 500 if number % 10 == 0 else 200, number % 90 + 1)
    )


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "app.log"
    path.write_bytes(b"".join(line(n) for n in range(3000)))
    return path


@pytest.fixture
async def runner() -> AsyncIterator[WorkerRunner]:
    made = WorkerRunner()
    yield made
    await made.close()


def spec(path: Path) -> Spec:
    return Spec("app", (str(path),))


async def test_answers_are_those_of_the_engine(log: Path, runner: WorkerRunner) -> None:
    near, far = FileLogSource(spec(log)), FileLogSource(spec(log), runner)
    query = parse("level:error request")
    for question, arguments in (
        ("page", (WINDOW, query, 1000)),
        ("page", (WINDOW, None, 2500)),
        ("counts", (WINDOW, 10.0, query)),
        ("histogram", (WINDOW, 10.0, None)),
        ("series", (WINDOW, 10.0)),
        ("errors", (WINDOW, 50)),
        ("messages", (WINDOW, 900)),
    ):
        here, there = await getattr(near, question)(*arguments), await getattr(far, question)(*arguments)
        assert there.value == here.value
        known, _, memory = there.report.detail.rpartition("; ")
        assert replace(there.report, detail=known) == here.report
        assert re.fullmatch(r"log worker \d+ of 256 MB", memory)
    assert len((await far.page(WINDOW, None, 2500)).value.records) == 2500


async def test_questions_of_one_moment_share_a_pass(log: Path, runner: WorkerRunner) -> None:
    source = FileLogSource(spec(log), runner)
    series, errors, page = await asyncio.gather(
        source.series(WINDOW, 10), source.errors(WINDOW, 10), source.page(WINDOW, None, 5)
    )
    assert series.report.records == page.value.matched == 3000
    assert errors.value.matched == 300


async def test_an_error_arrives_as_itself(tmp_path: Path, runner: WorkerRunner) -> None:
    source = FileLogSource(spec(tmp_path / "absent.log"), runner)
    with pytest.raises(SourceUnavailable, match="no file matches"):
        await source.page(WINDOW, None, 5)


async def test_a_killed_worker_is_replaced(log: Path, runner: WorkerRunner) -> None:
    source = FileLogSource(spec(log), runner)
    await source.page(WINDOW, None, 5)
    first = runner.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    assert (await source.page(WINDOW, None, 5)).value.matched == 3000
    assert runner.pid not in (None, first)


async def test_a_worker_that_hangs_is_ended(log: Path) -> None:
    runner = WorkerRunner(allowed_s=-4.5)  # with the grace, half a second
    source = FileLogSource(spec(log), runner)
    link = await runner._connected()
    os.kill(link.pid, signal.SIGSTOP)
    with pytest.raises(SourceTimeout, match="narrow the window"):
        await source.page(WINDOW, None, 5)
    assert runner.pid is None
    await runner.close()


async def test_following_survives_the_worker(log: Path, runner: WorkerRunner) -> None:
    source = FileLogSource(spec(log), runner)
    stream = source.follow()
    assert await anext(stream) == ()
    found: list[LogRecord] = []

    async def until(count: int) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while len(found) < count:
                found.extend(await anext(stream))

    with log.open("ab", buffering=0) as writer:
        writer.write(b"".join(line(n) for n in range(5000, 5600)))
        # The last record of a file waits half a second for further lines.
        await until(600)
        pid = runner.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        writer.write(b"".join(line(n) for n in range(5600, 5700)))
        await until(700)
    await stream.aclose()
    assert [r.message for r in found] == [f"request {n}é" for n in range(5000, 5700)]


def test_the_worker_dies_with_its_parent(log: Path) -> None:
    program = f"""
import asyncio, os, sys
from pathlib import Path
import sources.logs.worker
from console.domain.instant import Window
from sources.logs.client import WorkerRunner
from sources.logs.files import FileLogSource
from sources.logs.questions import Page
from sources.logs.spec import Spec
from sources.logs.wire import HEADER, Ask, Failed, FromWorker, decode_from_worker, frame
from sources.logs.worker import Patient, Worker
async def main():
    runner = WorkerRunner()
    await FileLogSource(Spec("app", ({str(log)!r},)), runner).page(Window(0, 1), None, 1)
    print(runner.pid, flush=True)
    os.kill(os.getpid(), 9)
asyncio.run(main())
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    worker = int(done.stdout)
    for _ in range(100):
        if not Path(f"/proc/{worker}").exists():
            return
        try:
            os.waitid(os.P_PID, worker, os.WEXITED | os.WNOHANG)
        except ChildProcessError:
            pass
        subprocess.run(["sleep", "0.05"], check=True)
    os.kill(worker, signal.SIGKILL)
    pytest.fail("the worker outlived its parent")


async def test_large_files_are_indexed_while_nobody_waits_and_again_when_they_have_grown(tmp_path: Path) -> None:
    path, folder = tmp_path / "app.log", tmp_path / "state" / "index"
    path.write_bytes(b"".join(line(n) for n in range(40_000)))
    runner = WorkerRunner(folder=folder)
    try:
        source = FileLogSource(spec(path), runner)
        before = await source.counts(WINDOW, 60.0, None)
        async with asyncio.timeout(PATIENCE_S):
            while not list(folder.glob("*.index")):  # noqa: ASYNC110 - another process writes it
                await asyncio.sleep(0.02)
        after = await source.counts(WINDOW, 60.0, None)
    finally:
        await runner.close()
    assert after.value == before.value
    assert after.report.cost.bytes < before.report.cost.bytes
    assert {made.stat().st_mode & 0o777 for made in (folder, folder.parent)} == {0o700}


async def test_a_question_that_needs_too_much_memory_fails_with_a_sentence_and_the_worker_goes_on(
    log: Path, runner: WorkerRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[FromWorker] = []
    worker = Worker(lambda data: said.append(decode_from_worker(data[HEADER.size :])), memory_mb=1)
    ended: list[int] = []
    monkeypatch.setattr(os, "_exit", ended.append)
    worker.take(frame(Ask(1, spec(log), WINDOW, (Page("", 9),), 60.0))[HEADER.size :])
    async with asyncio.timeout(PATIENCE_S):
        while not ended:  # noqa: ASYNC110 - a thread answers
            await asyncio.sleep(0.01)
    assert [type(one) for one in said] == [Failed]
    assert isinstance(said[0], Failed) and "needs more than the 1 MB that the log worker may use" in said[0].sentence


async def test_the_worker_is_told_how_much_memory_it_may_use(log: Path) -> None:
    runner = WorkerRunner(memory_mb=300)
    try:
        reading = await FileLogSource(spec(log), runner).page(WINDOW, None, 10)
    finally:
        await runner.close()
    assert reading.report.detail.endswith(" of 300 MB")


async def test_a_worker_that_ended_for_want_of_memory_is_replaced(log: Path, runner: WorkerRunner) -> None:
    source = FileLogSource(spec(log), runner)
    pids = set()
    for _ in range(3):
        assert (await source.page(WINDOW, None, 10)).value.matched == 3000
        assert runner.pid is not None
        pids.add(runner.pid)
        os.kill(runner.pid, signal.SIGKILL)
    assert len(pids) == 3


def test_lines_that_somebody_looks_at_come_before_what_is_asked_in_the_background(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    path.write_bytes(b"".join(line(n) for n in range(120_000)))
    said: SimpleQueue[FromWorker] = SimpleQueue()
    # Within the memory of all other tests: a worker that runs out of its own ends its process.
    worker = Worker(lambda data: said.put(decode_from_worker(data[HEADER.size :])), memory_mb=1 << 20)
    window = Window(START, START + 20_000)
    questions: tuple[Question, ...] = (Derive(10.0), Shapes("", 10.0), Page("level:error", 5))
    for number, question in enumerate(questions):
        worker.take(frame(Ask(number, spec(path), window, (question,), 60.0))[HEADER.size :])
    order = [said.get(timeout=60).id for _ in range(3)]
    assert order[0] == 2 and sorted(order) == [0, 1, 2]


def test_patience_ends_with_its_reason_and_with_the_question(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [True, True, False]
    Patient(60.0, 0, lambda: answers.pop(0)).check()
    assert not answers
    monkeypatch.setattr("sources.logs.worker.PATIENCE_S", 0.1)
    Patient(60.0, 0, lambda: True).check()
    ended = Patient(60.0, 0, lambda: True)
    ended.end()
    with pytest.raises(SourceTimeout):
        ended.check()


async def test_who_takes_new_lines_slowly_gets_a_part_of_them_and_the_count_of_all(
    log: Path, runner: WorkerRunner
) -> None:
    stream = runner.follow(spec(log))
    await anext(stream)
    written, taken, given, parts = 0, 0, 0, set()
    with log.open("ab") as out:
        for _ in range(4):
            out.writelines(line(3000 + number) for number in range(written, written + 40_000))
            out.flush()
            written += 40_000
            batch = await anext(stream)  # the rest waits
            taken, given = taken + len(batch) + batch.skipped, given + len(batch)
    while taken < written:
        async with asyncio.timeout(PATIENCE_S):
            batch = await anext(stream)
        taken, given = taken + len(batch) + batch.skipped, given + len(batch)
        parts.add(batch.one_in)
    await stream.aclose()
    assert taken == written and given < written
    assert max(parts) > 1, "and the batches say so"
