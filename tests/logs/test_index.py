"""The sparse index changes what is read, never what is answered, whatever order a file is in and whatever happens to it."""

from __future__ import annotations

import json
import os
import random
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import sources.logs.engine
import sources.logs.index
import sources.logs.seek
from console.domain.instant import Window
from console.domain.reading import Reading
from sources.logs.engine import Engine
from sources.logs.index import Indexes
from sources.logs.questions import Counts, Errors, Exceptions, Histogram, Page, Question, Shapes
from sources.logs.reading import Reader
from sources.logs.spec import Spec

START = 1795442400.0
QUESTIONS: tuple[Question, ...] = (
    Counts("", 60.0), Counts("level:>=warn", 7.0), Counts("status:5xx", 30.0), Histogram("", 60.0), Page("-level:debug", 20), Page("needle", 20),
    Page("", 7), Page("", 0), Page("level:error", 30), Page("level:>=warn", 400), Page("level:error needle", 20), Histogram("level:warn hay", 60.0),
    Errors(25), Shapes("level:error", 60.0), Exceptions("level:error"),
)  # fmt: skip


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources.logs.engine, "SMALLEST", 1)
    monkeypatch.setattr(sources.logs.index, "BLOCK", 8192)


def row(at: float, rng: random.Random) -> bytes:
    level = rng.choice(("debug", "info", "info", "info", "warn", "error"))
    text = rng.choice(("needle", "hay", "hay", "hay")) + "x" * rng.randrange(60)
    return json.dumps({"ts": at, "level": level, "msg": text, "latency_ms": rng.randrange(99)}).encode() + b"\n"


def rows(count: int, seed: int, disorder: float, start: float = START) -> bytes:
    rng = random.Random(seed)
    lines = [row(start + n / 5 + rng.uniform(-disorder, disorder), rng) for n in range(count)]
    for place in range(0, count, 97):
        lines[place] += rng.choice(
            (
                b"",
                b"    at frame one\n    at frame two\n",
                b"{broken\n",
                b"Traceback (most recent call last):\nKeyError: 1\n",
            )
        )
    return b"".join(lines)


def update(path: Path, folder: Path) -> None:
    spec = Spec("app", (str(path),))
    engine = Engine(spec)
    (file,) = engine.files().files
    with Reader(file) as reader:
        Indexes(folder).update(spec, reader, engine.format_of(reader), lambda: None)


def ask(path: Path, folder: Path | None, window: Window, question: Question) -> Reading[object]:
    return Engine(Spec("app", (str(path),)), Indexes(folder) if folder else None).answer(window, [question])[0]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.integers(0, 99), st.sampled_from([0.0, 2.0, 500.0]), st.integers(-50, 450), st.integers(1, 500), st.sampled_from(QUESTIONS),
    st.booleans(),
)  # fmt: skip
def test_answers_are_those_of_reading_everything(
    tmp_path: Path, seed: int, disorder: float, low: int, length: int, question: Question, grown: bool
) -> None:
    path, folder = tmp_path / "a.log", tmp_path / f"index{seed}{disorder}{grown}"
    data = rows(2000, seed, disorder)
    cut = len(data) * 2 // 3 if grown else len(data)
    path.write_bytes(data[:cut])
    update(path, folder)
    with path.open("ab") as out:
        out.write(data[cut:])
    window = Window(START + low, START + low + length)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sources.logs.engine, "locate", lambda reader, *_: sources.logs.seek.Range(0, reader.size))
        expected = ask(path, None, window, question)
    found = ask(path, folder, window, question)
    assert _told(found) == _told(expected)
    update(path, folder)
    assert _told(ask(path, folder, window, question)) == _told(expected)


def _told(reading: Reading[object]) -> tuple[object, int | None]:
    value = reading.value
    return getattr(value, "records", value), reading.report.records


def test_a_window_of_an_unordered_file_costs_what_the_window_costs(tmp_path: Path) -> None:
    path, folder = tmp_path / "a.log", tmp_path / "index"
    later, earlier = rows(4000, 1, 0.0, START + 7200), rows(4000, 2, 0.0)
    path.write_bytes(later + earlier)
    window = Window(START + 100, START + 110)
    without = ask(path, None, window, Page("", 99))
    update(path, folder)
    found = ask(path, folder, window, Page("", 99))
    assert found.report.records == without.report.records == 50
    assert found.report.cost.bytes * 10 < without.report.cost.bytes


def test_counts_over_long_buckets_are_told_without_reading(tmp_path: Path) -> None:
    path, folder = tmp_path / "a.log", tmp_path / "index"
    path.write_bytes(rows(8000, 3, 0.0))
    update(path, folder)
    window = Window(START, START + 1600)
    found = ask(path, folder, window, Counts("level:>=info", 400.0))
    assert found.value == ask(path, None, window, Counts("level:>=info", 400.0)).value
    assert found.report.cost.bytes * 5 < path.stat().st_size


@pytest.mark.parametrize("query", ["", "level:error", "level:>=warn", "-level:debug"])
def test_the_newest_records_and_their_number_are_told_without_reading_the_older_ones(
    tmp_path: Path, query: str
) -> None:
    path, folder = tmp_path / "a.log", tmp_path / "index"
    path.write_bytes(rows(8000, 3, 2.0))
    update(path, folder)
    window = Window(START - 10, START + 2000)
    found, expected = (ask(path, one, window, Page(query, 20)) for one in (folder, None))
    assert _told(found) == _told(expected)
    assert found.report.cost.bytes * 10 < path.stat().st_size


@pytest.mark.parametrize("question", [Page("", 5), Page("level:error", 5), Counts("", 4000.0), Histogram("", 60.0)])
def test_lines_that_cannot_be_read_are_counted_wherever_they_stand(tmp_path: Path, question: Question) -> None:
    path, folder = tmp_path / "a.log", tmp_path / "index"
    odd = b'{broken\n{"msg": "no time"}\n'
    lines = rows(4000, 3, 0.0).replace(b"{broken\n", odd).splitlines(keepends=True)
    path.write_bytes(b"".join(lines))
    update(path, folder)
    window = Window(START - 10, START + 2000)
    # Which line is the example depends on what is read.
    found, expected = (
        re.sub(", for example: [^;]*", "", ask(path, one, window, question).report.detail) for one in (folder, None)
    )
    assert found == expected and "cannot be read as json" in found and "carry no time" in found


def test_blocks_without_records_of_a_level_are_not_read(tmp_path: Path) -> None:
    path, folder = tmp_path / "a.log", tmp_path / "index"
    path.write_bytes(rows(8000, 3, 0.0) + rows(100, 4, 0.0, START + 1600).replace(b'"error"', b'"fatal"'))
    update(path, folder)
    window = Window(START, START + 2000)
    found, expected = (ask(path, one, window, Page("level:fatal needle", 99)) for one in (folder, None))
    assert _told(found) == _told(expected) and found.report.records
    assert found.report.cost.bytes * 10 < path.stat().st_size


def test_only_what_was_added_is_read_when_a_file_has_grown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, folder = tmp_path / "a.log", tmp_path / "index"
    path.write_bytes(rows(4000, 4, 0.0))
    update(path, folder)
    size = path.stat().st_size
    with path.open("ab") as out:
        out.write(rows(100, 5, 0.0, START + 800))
    lowest: list[int] = []
    blocks = Reader.blocks

    def watched(self: Reader, start: int, end: int, length: int | None = None) -> object:
        lowest.append(start)
        return blocks(self, start, end, length)

    monkeypatch.setattr(Reader, "blocks", watched)
    update(path, folder)
    assert lowest and min(lowest) > size - 500


@pytest.mark.parametrize("change", ["rewritten", "truncated", "replaced", "damaged"])
def test_an_index_of_what_the_file_was_is_not_used(tmp_path: Path, change: str) -> None:
    path, folder = tmp_path / "a.log", tmp_path / "index"
    path.write_bytes(rows(2000, 6, 0.0))
    update(path, folder)
    other = rows(2000, 7, 0.0, START + 3600)
    if change == "rewritten":
        path.write_bytes(other)
    elif change == "truncated":
        path.write_bytes(other[:60_000])
    elif change == "replaced":
        (tmp_path / "b").write_bytes(other)
        os.replace(tmp_path / "b", path)
    else:
        (kept,) = folder.iterdir()
        kept.write_bytes(kept.read_bytes()[:-900])
    window = Window(START - 60, START + 7200)
    assert ask(path, folder, window, Page("", 99)).value == ask(path, None, window, Page("", 99)).value


def test_it_is_its_owners_only_and_holds_no_text_of_the_log(tmp_path: Path) -> None:
    path, folder = tmp_path / "secret-name.log", tmp_path / "deep" / "index"
    path.write_bytes(rows(2000, 8, 0.0))
    update(path, folder)
    (kept,) = folder.iterdir()
    assert (folder.stat().st_mode & 0o777, kept.stat().st_mode & 0o777) == (0o700, 0o600)
    held = kept.name.encode() + kept.read_bytes()
    assert not any(word in held for word in (b"needle", b"debug", b"secret", b"hay"))


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(rows(500, 9, 0.0))
    (tmp_path / "file").write_bytes(b"")
    update(path, tmp_path / "file" / "index")
    window = Window(START, START + 50)
    assert _told(ask(path, tmp_path / "file" / "index", window, Page("", 9))) == _told(
        ask(path, None, window, Page("", 9))
    )
