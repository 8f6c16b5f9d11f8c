"""What the console saw: kept without secrets, read without trust, cut by a stop without loss of what was before."""

from __future__ import annotations

import errno
import json
import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest
import zstandard

from console.domain.logs import Level, LogRecord
from console.domain.text import SafeText
from console.guard.sanitise import safe
from console.live.seen import EVERY_S, FOLDER, MOST_RECORDS, NotRecorded, Recorder, frame_at, frames, packed, unpacked
from console.state import ConsoleState
from tests.contract.picture import recorded

CANARY = "hunter2-canary-9f8e7d"


@pytest.fixture
def state() -> ConsoleState:
    return recorded()


def record(text: str, n: int = 0) -> LogRecord:
    return LogRecord(float(n), Level.ERROR, "checkout", SafeText(text), source="app", file="app.log", offset=n)


def test_a_state_comes_back_as_it_was(state: ConsoleState) -> None:
    back = unpacked(packed(state))
    assert back.header == state.header and back.signals == state.signals and back.suspects == state.suspects
    assert back.changes == state.changes and back.upstreams == state.upstreams
    assert back.logs.records == state.logs.records[-MOST_RECORDS:]
    assert back.diagnosis is not None and state.diagnosis is not None
    assert back.diagnosis == replace(state.diagnosis, pattern_names={})


def test_secrets_in_every_part_of_a_state_are_not_kept(state: ConsoleState) -> None:
    secret = safe(f"password={CANARY}")
    assert state.diagnosis is not None
    hostile = replace(
        state,
        header=replace(state.header, headline=secret, verdict=secret),
        logs=replace(state.logs, records=(record(secret), replace_message(record("x"), secret)), filter_text=secret),
        suspects=replace(state.suspects, suspects=tuple(replace(s, summary=secret) for s in state.suspects.suspects)),
        diagnosis=replace(state.diagnosis, summary=secret),
    )
    text = zstandard.ZstdDecompressor().decompress(packed(hostile)).decode()
    assert CANARY not in text and "‹redacted:" in text


def replace_message(one: LogRecord, text: SafeText) -> LogRecord:
    import msgspec

    return msgspec.structs.replace(one, extra=(text,), fields=(("note", text),))


def test_text_of_a_file_that_somebody_wrote_is_made_safe(state: ConsoleState) -> None:
    document = json.loads(zstandard.ZstdDecompressor().decompress(packed(state)))
    document["header"]["headline"] = "a\x1b]52;c;x\x07b"
    back = unpacked(zstandard.ZstdCompressor().compress(json.dumps(document).encode()))
    assert "\x1b" not in back.header.headline


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"x" * 40,
        zstandard.ZstdCompressor().compress(b"{}"),
        zstandard.ZstdCompressor().compress(b"[1]"),
        b"\x80\x04\x95",
    ],
)
def test_what_is_no_state_is_told(data: bytes) -> None:
    with pytest.raises(ValueError):
        unpacked(data)


def test_states_are_kept_in_order_privately_and_not_too_often(state: ConsoleState, tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, "alice", 1000.0)
    for n in range(3):
        assert recorder.due(2000.0 + n * EVERY_S)
        recorder.keep(replace(state, now=2000.0 + n * EVERY_S))
        assert not recorder.due(2000.0 + n * EVERY_S + 1)
    found = frames(tmp_path)
    assert [frame.at for frame in found] == [2000.0, 2010.0, 2020.0]
    assert found[1].load().now == 2010.0
    assert stat.S_IMODE((tmp_path / FOLDER).stat().st_mode) == 0o700
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in (tmp_path / FOLDER).iterdir())


def test_a_state_that_was_cut_by_a_stop_leaves_those_before_it(state: ConsoleState, tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, "alice", 1000.0)
    for n in range(3):
        recorder.keep(replace(state, now=2000.0 + n))
    (path,) = (tmp_path / FOLDER).iterdir()
    path.write_bytes(path.read_bytes()[:-5])
    assert [frame.at for frame in frames(tmp_path)] == [2000.0, 2001.0]
    path.write_bytes(path.read_bytes()[:7])
    assert frames(tmp_path) == []


def test_two_consoles_are_one_line_of_time(state: ConsoleState, tmp_path: Path) -> None:
    alice, bob = Recorder(tmp_path, "alice", 1.0), Recorder(tmp_path, "bob", 2.0)
    for n in range(4):
        (alice if n % 2 else bob).keep(replace(state, now=2000.0 + n))
    found = frames(tmp_path)
    assert [frame.at for frame in found] == [2000.0, 2001.0, 2002.0, 2003.0]
    at = frame_at(found, 2001.5)
    assert at is not None and at.at == 2001.0
    assert frame_at(found, 1999.0) is None


def test_a_full_disk_is_told(state: ConsoleState, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = Recorder(tmp_path, "alice", 1.0)
    recorder.keep(state)

    def fail(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as full, pytest.raises(NotRecorded, match="No space left"):
        full.setattr(os, "write", fail)
        recorder.keep(state)
    assert len(frames(tmp_path)) == 1
