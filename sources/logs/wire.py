"""What the screen's process and the log worker say to each other: frames of a length and MessagePack.

Only values of the types named here can be made from a frame, whatever bytes are in it. An answer with many records is
sent in parts, so that the screen's process never decodes for longer than a millisecond or two at a time.
"""

from __future__ import annotations

import struct
from array import array
from dataclasses import replace
from typing import Any, TypeAlias

import msgspec

from console.domain.instant import Window
from console.domain.logs import LogCounts, LogHistogram, LogPage, LogRecord
from console.domain.observations import ErrorSample
from console.domain.reading import Reading
from console.domain.series import Series, SeriesKey
from console.domain.shapes import ExceptionCounts, ShapeCounts
from sources.logs.questions import (
    Counts,
    Derive,
    Errors,
    Exceptions,
    Histogram,
    Messages,
    Page,
    Part,
    Question,
    Sample,
    Shapes,
)
from sources.logs.records import Tally
from sources.logs.spec import Positions, Spec

MEMORY_MB = 256
"""Megabytes of memory with which the worker still goes on with a question, where nothing else is configured."""
HEADER = struct.Struct(">I")
MOST_FRAME = 64 << 20
PART = 256
"""Records of one frame."""


class Ask(msgspec.Struct, tag=True):
    """Answer the questions."""

    id: int
    spec: Spec
    window: Window
    questions: tuple[Question, ...]
    allowed_s: float


class Follow(msgspec.Struct, tag=True):
    """Send new records of a source until told to stop."""

    id: int
    spec: Spec
    positions: Positions = {}
    """Where to go on; empty: from the ends of the files."""


class Stop(msgspec.Struct, tag=True):
    """Nobody waits for `id` any more."""

    id: int


class Records(msgspec.Struct, tag=True):
    """Some records of answer number `place`, which follows; or, with place -1, new ones of a followed source."""

    id: int
    place: int
    records: tuple[LogRecord, ...]
    positions: Positions = {}
    skipped: int = 0
    """Of a followed source: how many more there were, which were only counted."""


class Answers(msgspec.Struct, tag=True):
    """The answers to `Ask`, each encoded, their records sent before."""

    id: int
    answers: tuple[msgspec.Raw, ...]


class Failed(msgspec.Struct, tag=True):
    """There is no answer: the class of the error, and its sentence."""

    id: int
    error: str
    sentence: str


class Share(msgspec.Struct, tag=True):
    """Take the records of a part of one file, from the beginning of a record to that of another."""

    spec: Spec
    window: Window
    questions: tuple[Question, ...]
    allowed_s: float
    path: bytes
    start: int
    end: int


class Shared(msgspec.Struct, tag=True):
    """What a share holds: a part for each question, and what was met."""

    parts: tuple[Part, ...]
    tally: Tally
    bytes: int


ToWorker: TypeAlias = Ask | Follow | Stop | Share
FromWorker: TypeAlias = Records | Answers | Failed
FromHelper: TypeAlias = Shared | Failed


class _Series(msgspec.Struct, array_like=True):
    """A `Series`, whose arrays MessagePack has no word for."""

    key: tuple[str, str, str]
    times: bytes
    values: bytes
    source: str
    query: str


class _Histogram(msgspec.Struct, array_like=True):
    """A `LogHistogram`."""

    counts: LogCounts
    latencies: tuple[bytes, ...]


def _outgoing(value: Any) -> Any:
    if isinstance(value, LogHistogram):
        return _Histogram(value.counts, tuple(one.tobytes() for one in value.latencies))
    if isinstance(value, tuple):
        return tuple(
            _Series(
                (s.key.service, s.key.operation, s.key.metric), s.times.tobytes(), s.values.tobytes(), s.source, s.query
            )
            for s in value
        )
    return value


def _incoming(value: Any) -> Any:
    if isinstance(value, _Histogram):
        return LogHistogram(value.counts, tuple(_array("d", one) for one in value.latencies))
    if isinstance(value, tuple):
        return tuple(
            Series(SeriesKey(*one.key), _array("d", one.times), _array("d", one.values), one.source, one.query)
            for one in value
        )
    return value


def _array(code: str, data: bytes) -> array[float]:
    made: array[float] = array(code)
    made.frombytes(data)
    return made


_encoder = msgspec.msgpack.Encoder()
_to_worker = msgspec.msgpack.Decoder(ToWorker)
_from_worker = msgspec.msgpack.Decoder(FromWorker)
_from_helper = msgspec.msgpack.Decoder(FromHelper)
_ANSWERS: dict[type[Any], msgspec.msgpack.Decoder[Any]] = {
    Page: msgspec.msgpack.Decoder(Reading[LogPage]),
    Errors: msgspec.msgpack.Decoder(Reading[ErrorSample]),
    Messages: msgspec.msgpack.Decoder(Reading[LogPage]),
    Counts: msgspec.msgpack.Decoder(Reading[LogCounts]),
    Histogram: msgspec.msgpack.Decoder(Reading[_Histogram]),
    Derive: msgspec.msgpack.Decoder(Reading[tuple[_Series, ...]]),
    Shapes: msgspec.msgpack.Decoder(Reading[ShapeCounts]),
    Exceptions: msgspec.msgpack.Decoder(Reading[ExceptionCounts]),
    Sample: msgspec.msgpack.Decoder(Reading[LogPage]),
}


def frame(message: ToWorker | FromWorker | FromHelper) -> bytes:
    """A message with its length before it."""
    body = _encoder.encode(message)
    return HEADER.pack(len(body)) + body


def encode_answer(answer: Reading[Any]) -> msgspec.Raw:
    """An answer as part of `Answers`."""
    return msgspec.Raw(_encoder.encode(replace(answer, value=_outgoing(answer.value))))


def decode_answer(question: Question, answer: msgspec.Raw) -> Reading[Any]:
    """The answer to `question`.

    Raises:
        msgspec.DecodeError: It is none.
    """
    reading: Reading[Any] = _ANSWERS[type(question)].decode(answer)
    return replace(reading, value=_incoming(reading.value))


def decode_to_worker(body: bytes) -> ToWorker:
    """
    Raises:
        msgspec.DecodeError: Not a message to the worker.
    """
    message: ToWorker = _to_worker.decode(body)
    return message


def decode_from_worker(body: bytes) -> FromWorker:
    """
    Raises:
        msgspec.DecodeError: Not a message from the worker.
    """
    message: FromWorker = _from_worker.decode(body)
    return message


def decode_from_helper(body: bytes) -> FromHelper:
    """
    Raises:
        msgspec.DecodeError: Not a message from a helper.
    """
    message: FromHelper = _from_helper.decode(body)
    return message
