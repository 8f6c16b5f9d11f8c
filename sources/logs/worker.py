"""The log worker: a process of its own, nice to others, that parses so that the screen's process need not.

It reads messages from its standard input and writes answers to its standard output. Its input ends when its parent
does, however that came about, and then it ends at once.
"""

from __future__ import annotations

import gc
import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from console.domain.logs import LogRecord
from console.domain.reading import Reading
from console.domain.text import SafeText
from console.query.parse import QueryError
from sources.base import SourceError
from sources.logs.engine import Allowance, Engine, resident_bytes
from sources.logs.garbage import no_collection
from sources.logs.index import SMALLEST, Indexes
from sources.logs.inputs import LogFile
from sources.logs.journald import JournalTail
from sources.logs.questions import Counts, Page
from sources.logs.reading import Reader
from sources.logs.spec import Spec
from sources.logs.tail import Pace, Tail, tail_of
from sources.logs.wire import (
    HEADER,
    MEMORY_MB,
    MOST_FRAME,
    PART,
    Answers,
    Ask,
    Failed,
    Follow,
    FromHelper,
    FromWorker,
    Records,
    Share,
    Stop,
    decode_to_worker,
    encode_answer,
    frame,
)

NICE = 10
OUT_OF_MEMORY = 9
"""Exit code of a worker whose memory did not come back."""
MOST_MEMORY = 2 << 30
"""Bytes of address space, or four times what may be used where that is more; above, a question fails and the worker goes on."""
INDEX_EVERY_S = 30.0
"""How often the files of one source are looked at for their indexes."""
NEW_PART = 2048
"""New records of one frame: whoever takes thousands of them a second is woken less often."""
REST_S = 0.001
BUSY_S = 0.05
ASKERS = 2
"""Questions of one kind answered at the same time: a short one need not wait for a long one."""
PATIENCE_S = 10.0
"""So long in all a question in the background waits for those that somebody looks at the answers of."""


class Indexer:
    """Makes and extends the indexes of the files that were asked about, while nobody waits for an answer.

    Args:
        indexes: Where they are kept.
        busy: Whether somebody waits.
    """

    def __init__(self, indexes: Indexes, busy: Callable[[], bool]) -> None:
        self._indexes = indexes
        self._busy = busy
        self._asked: dict[Spec, float] = {}
        self._waiting: SimpleQueue[Spec] = SimpleQueue()
        self._pause = threading.Event()
        threading.Thread(target=self._work, daemon=True, name="index").start()

    def asked(self, spec: Spec, now: float) -> None:
        """A source was asked about; at most every `INDEX_EVERY_S` that leads to a look at its files."""
        if spec.kind == "files" and now - self._asked.get(spec, -INDEX_EVERY_S) >= INDEX_EVERY_S:
            self._asked[spec] = now
            self._waiting.put(spec)

    def _work(self) -> None:
        self._indexes.forget_old(time.time())
        while True:
            spec = self._waiting.get()
            engine = Engine(spec)
            for file in engine.files().files:
                if not file.compression and file.size >= SMALLEST:
                    self._update(engine, file)

    def _update(self, engine: Engine, file: LogFile) -> None:
        try:
            with Reader(file) as reader:
                if not reader.streamed:
                    self._indexes.update(engine.spec, reader, engine.format_of(reader), self._rest)
        except (SourceError, MemoryError):
            pass  # whoever asks about the file is told; without an index it is read as before

    def _rest(self) -> None:
        """Let others have their turn after every block."""
        self._pause.wait(REST_S)
        while self._busy():
            self._pause.wait(BUSY_S)


class Patient(Allowance):
    """That of a question in the background: it waits between two blocks while somebody waits for lines that he looks at.

    Args:
        looking: Whether somebody does, or new lines come faster than they are read.
    """

    def __init__(self, seconds: float, most_bytes: int, looking: Callable[[], bool]) -> None:
        super().__init__(seconds, most_bytes)
        self._looking = looking
        self._patience_s = PATIENCE_S
        self._pause = threading.Event()

    def check(self) -> None:
        """See `Allowance`; ends at once where nobody waits any more."""
        while self._patience_s > 0 and self.left() > 0 and self._looking():
            self._pause.wait(BUSY_S)
            self._patience_s -= BUSY_S
        super().check()


class Worker:
    """Answers and follows until its input ends. Lines and counts of a filter come before everything else: somebody waits for them.

    Args:
        send: Writes one frame; called from several threads, one at a time.
        folder: Where indexes of files are kept; None: none are made.
        memory_mb: Megabytes of memory with which a question still goes on.
    """

    def __init__(self, send: Callable[[bytes], None], folder: Path | None = None, memory_mb: int = MEMORY_MB) -> None:
        self._send = send
        self._memory_mb = memory_mb
        self._indexes = Indexes(folder) if folder is not None else None
        self._indexer = Indexer(self._indexes, lambda: bool(self._allowances)) if self._indexes is not None else None
        self._sending = threading.Lock()
        self._pool = ThreadPoolExecutor(ASKERS, thread_name_prefix="ask")
        self._first = ThreadPoolExecutor(ASKERS, thread_name_prefix="look")
        self._looking: set[int] = set()
        """Questions that somebody waits for."""
        self._local = threading.local()
        self._allowances: dict[int, Allowance] = {}
        self._tails: dict[int, threading.Event] = {}
        self._behind: set[int] = set()
        """Those of them that read only a part of what is written."""

    def take(self, body: bytes) -> None:
        """Do what a message says."""
        message = decode_to_worker(body)
        match message:
            case Ask():
                looked_at = any(isinstance(one, (Page, Counts)) for one in message.questions)
                if looked_at:
                    self._looking.add(message.id)
                self._allowances[message.id] = self._allowance(message.allowed_s, looked_at)
                if self._indexer is not None:
                    self._indexer.asked(message.spec, time.monotonic())
                (self._first if looked_at else self._pool).submit(self._answer, message)
            case Share():
                self._pool.submit(self._share, message)
            case Follow():
                ended = self._tails[message.id] = threading.Event()
                threading.Thread(target=self._follow, args=(message, ended), daemon=True, name="follow").start()
            case Stop():
                if allowance := self._allowances.get(message.id):
                    allowance.end()
                if following := self._tails.pop(message.id, None):
                    following.set()

    def _allowance(self, seconds: float, looked_at: bool) -> Allowance:
        if looked_at:
            return Allowance(seconds, self._memory_mb << 20)
        return Patient(seconds, self._memory_mb << 20, lambda: bool(self._looking or self._behind))

    def _say(self, message: FromWorker | FromHelper) -> None:
        data = frame(message)
        with self._sending:
            self._send(data)

    def _engine(self, spec: Spec) -> Engine:
        """One for each thread and source, since engines learn while they read."""
        engines: dict[Spec, Engine] = self._local.__dict__.setdefault("engines", {})
        if spec not in engines:
            engines[spec] = Engine(spec, self._indexes)
        return engines[spec]

    def _answer(self, ask: Ask) -> None:
        try:
            allowance = self._allowances[ask.id]
            allowance.check()
            readings = self._engine(ask.spec).answer(ask.window, ask.questions, allowance)
            answers = [
                self._without_records(ask.id, place, self._with_memory(one)) for place, one in enumerate(readings)
            ]
            self._say(Answers(ask.id, tuple(encode_answer(one) for one in answers)))
        except (SourceError, QueryError) as error:
            self._say(Failed(ask.id, type(error).__name__, str(error)))
        except MemoryError:
            self._say(
                Failed(
                    ask.id,
                    "SourceUnavailable",
                    f"the question needs more than the {self._memory_mb} MB that the log worker may use: narrow the window"
                    " or raise log_memory_mb in [console]",
                )
            )
            self._relieve()
        except Exception as error:  # one question must not end the others
            self._say(Failed(ask.id, "SourceGarbage", f"the log worker failed ({type(error).__name__}: {error})"))
        finally:
            self._looking.discard(ask.id)
            self._allowances.pop(ask.id, None)

    def _relieve(self) -> None:
        """Forget what was learned; where that does not free the memory, end: a new worker starts with the next question."""
        self._local.__dict__.pop("engines", None)
        gc.collect()
        if resident_bytes() > self._memory_mb << 20:
            os._exit(OUT_OF_MEMORY)

    def _share(self, share: Share) -> None:
        """Do the part of a question; one that fails is done by who asked, and fails there with its reason."""
        try:
            self._say(Engine(share.spec).share(share))
        except Exception:
            self._say(Failed(0, "SourceUnavailable", "the share was not read"))

    def _without_records(self, id: int, place: int, reading: Reading[Any]) -> Reading[Any]:
        """Send an answer's records in parts; returns the answer without them."""
        records = getattr(reading.value, "records", ())
        if len(records) <= PART:
            return reading
        for start in range(0, len(records), PART):
            self._say(Records(id, place, records[start : start + PART]))
        return replace(reading, value=replace(reading.value, records=()))

    def _with_memory(self, reading: Reading[Any]) -> Reading[Any]:
        """An answer whose report tells how much memory the worker has."""
        used = f"log worker {resident_bytes() >> 20} of {self._memory_mb} MB"
        report = reading.report
        return replace(reading, report=replace(report, detail=SafeText(f"{report.detail}; {used}")))

    def _follow(self, follow: Follow, ended: threading.Event) -> None:
        tail = tail_of(follow.spec, follow.positions)
        pace = Pace()
        first = True
        try:
            while not ended.is_set():
                with no_collection():
                    records = tail.poll()
                    pace.seen(len(records))
                    if records or first:
                        self._say_new(follow.id, tuple(records), tail)
                        first = False
                    else:
                        self._behind.discard(follow.id)
                ended.wait(pace.seconds)
        except Exception as error:
            self._say(Failed(follow.id, "SourceGarbage", f"following failed ({type(error).__name__}: {error})"))
        finally:
            self._behind.discard(follow.id)
            tail.close()

    def _say_new(self, id: int, records: tuple[LogRecord, ...], tail: Tail | JournalTail) -> None:
        skipped, given = tail.take_skipped(), 0
        self._behind.add(id) if skipped else self._behind.discard(id)
        for start in range(0, len(records), NEW_PART):
            part = records[start : start + NEW_PART]
            share = skipped * (start + len(part)) // len(records) - given
            given += share
            last = start + NEW_PART >= len(records)
            self._say(Records(id, -1, part, tail.positions() if last else {}, share))
        if not records:
            self._say(Records(id, -1, (), tail.positions(), skipped))


def main() -> None:
    """Serve standard input until it ends, with less claim to the processor than others have."""
    # The terminal's interrupt goes to every process of its group; what it means is for the screen's process to say.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(NICE)
    _serve()


def help_out() -> None:
    """Serve standard input until it ends, with the same claim to the processor as who asks."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _serve()


def _serve() -> None:
    memory_mb = int(sys.argv[2]) if len(sys.argv) > 2 else MEMORY_MB
    space = max(MOST_MEMORY, 4 * memory_mb << 20)
    resource.setrlimit(resource.RLIMIT_AS, (space, space))
    os.umask(0o077)  # the state folder is made together with the one for indexes, and is nobody else's either
    source, target = sys.stdin.buffer, os.dup(sys.stdout.fileno())
    # Whatever prints by mistake must not write between frames.
    os.dup2(2, 1)

    def send(data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(target, view) :]

    worker = Worker(send, Path(sys.argv[3]) if len(sys.argv) > 3 else None, memory_mb)
    try:
        while len(header := source.read(HEADER.size)) == HEADER.size:
            (length,) = HEADER.unpack(header)
            if length > MOST_FRAME:
                break
            worker.take(source.read(length))
    finally:
        # Threads in the middle of a file are not waited for: nobody is there to read what they would say.
        os._exit(0)


if __name__ == "__main__":
    main()
