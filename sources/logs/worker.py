"""The log worker: a process of its own, nice to others, that parses so that the screen's process need not.

It reads messages from its standard input and writes answers to its standard output. Its input ends when its parent
does, however that came about, and then it ends at once.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from console.domain.reading import Reading
from console.query.parse import QueryError
from sources.base import SourceError
from sources.logs.engine import Allowance, Engine
from sources.logs.journald import JournalTail
from sources.logs.spec import Spec
from sources.logs.tail import Pace, Tail, tail_of
from sources.logs.wire import (
    HEADER,
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
MOST_MEMORY = 2 << 30
"""Bytes of address space; above, a question fails and the worker goes on."""
ASKERS = 2
"""Questions answered at the same time: a short one need not wait for a long one."""


class Worker:
    """Answers and follows until its input ends.

    Args:
        send: Writes one frame; called from several threads, one at a time.
    """

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self._send = send
        self._sending = threading.Lock()
        self._pool = ThreadPoolExecutor(ASKERS, thread_name_prefix="ask")
        self._local = threading.local()
        self._allowances: dict[int, Allowance] = {}
        self._tails: dict[int, threading.Event] = {}

    def take(self, body: bytes) -> None:
        """Do what a message says."""
        message = decode_to_worker(body)
        match message:
            case Ask():
                self._allowances[message.id] = Allowance(message.allowed_s)
                self._pool.submit(self._answer, message)
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

    def _say(self, message: FromWorker | FromHelper) -> None:
        data = frame(message)
        with self._sending:
            self._send(data)

    def _engine(self, spec: Spec) -> Engine:
        """One for each thread and source, since engines learn while they read."""
        engines: dict[Spec, Engine] = self._local.__dict__.setdefault("engines", {})
        return engines.setdefault(spec, Engine(spec))

    def _answer(self, ask: Ask) -> None:
        try:
            allowance = self._allowances[ask.id]
            allowance.check()
            readings = self._engine(ask.spec).answer(ask.window, ask.questions, allowance)
            answers = [self._without_records(ask.id, place, one) for place, one in enumerate(readings)]
            self._say(Answers(ask.id, tuple(encode_answer(one) for one in answers)))
        except (SourceError, QueryError) as error:
            self._say(Failed(ask.id, type(error).__name__, str(error)))
        except MemoryError:
            self._say(
                Failed(
                    ask.id,
                    "SourceUnavailable",
                    "the question needs more memory than the log worker may use: narrow the window",
                )
            )
        except Exception as error:  # one question must not end the others
            self._say(Failed(ask.id, "SourceGarbage", f"the log worker failed ({type(error).__name__}: {error})"))
        finally:
            self._allowances.pop(ask.id, None)

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

    def _follow(self, follow: Follow, ended: threading.Event) -> None:
        tail = tail_of(follow.spec, follow.positions)
        pace = Pace()
        first = True
        try:
            while not ended.is_set():
                records = tail.poll()
                pace.seen(len(records))
                if records or first:
                    self._say_new(follow.id, tuple(records), tail)
                    first = False
                ended.wait(pace.seconds)
        except Exception as error:
            self._say(Failed(follow.id, "SourceGarbage", f"following failed ({type(error).__name__}: {error})"))
        finally:
            tail.close()

    def _say_new(self, id: int, records: tuple[Any, ...], tail: Tail | JournalTail) -> None:
        for start in range(0, len(records), PART):
            if start + PART < len(records):
                self._say(Records(id, -1, records[start : start + PART]))
            else:
                self._say(Records(id, -1, records[start:], tail.positions()))
        if not records:
            self._say(Records(id, -1, (), tail.positions()))


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
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    source, target = sys.stdin.buffer, os.dup(sys.stdout.fileno())
    # Whatever prints by mistake must not write between frames.
    os.dup2(2, 1)

    def send(data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(target, view) :]

    worker = Worker(send)
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
