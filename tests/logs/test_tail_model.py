"""A model of what happens to log files, played against the real tail on real files: nothing lost, nothing given twice.

Every line that is written carries a token of its own. Whatever the order of writing, rotating, truncating, deleting and
looking, the tokens of all records must in the end be the tokens written, each once.
"""

from __future__ import annotations

import errno
import gzip
import os
import random
import re
import shutil
from collections import Counter
from pathlib import Path
from typing import IO, Any

import pytest

import sources.logs.followed
from console.domain.logs import LogRecord
from sources.logs.engine import Engine
from sources.logs.spec import Spec
from sources.logs.tail import Tail

TOKEN = re.compile(r"K\d+")
MARKS = {"utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff"}


class World:
    """A directory with one log, its writer, and a tail that looks at it; time is made up."""

    def __init__(self, folder: Path, seed: int, form: str) -> None:
        self.random = random.Random(seed)
        self.path = folder / "app.log"
        self.form, _, self.encoding = form.partition(" in ")
        self.written: list[str] = []
        self.found: list[str] = []
        self.now = 1000.0
        self.looked = True
        """The tail has looked since the current file was made."""
        self.writer: IO[bytes] = self._append()
        self.old: IO[bytes] | None = None
        self.rotated_at = 0.0
        self.unseen = 0
        self.deleted = False
        """Something was written since the last look that can be read through the descriptor of a deleted file only."""
        self.torn, self.rest = False, b""
        for _ in range(3):
            self.put(self.writer, self._line("history"))
        self.tail = Tail(Engine(Spec("app", (str(folder / "app.log"),), service="shop")))
        assert self.tail.poll(self.now) == []

    def _append(self) -> IO[bytes]:
        return open(self.path, "ab", buffering=0)

    def put(self, file: IO[bytes], data: bytes) -> None:
        """Write, with a byte order mark at the beginning of a file in UTF-16."""
        begin = os.fstat(file.fileno()).st_size == 0
        file.write(MARKS.get(self.encoding, b"") + data if begin else data)

    def _line(self, token: str | None = None) -> bytes:
        if token is None:
            token = f"K{len(self.written)}"
            self.written.append(token)
        number = len(self.written)
        clock = f"{14 + number // 3_600_000}:{number // 60_000 % 60:02d}:{number // 1000 % 60:02d}"
        if self.form == "json":
            text = f'{{"ts":"2026-11-23T{clock}.{number % 1000:03d}Z","level":"info","msg":"{token}"}}\n'
        else:
            text = f"2026-11-23 {clock},{number % 1000:03d} INFO app {token}\n"
        # Characters of one, two and three bytes of UTF-8, and a pair of UTF-16.
        return text.replace(token, f"{token} ö \u0a0a 😀").encode(self.encoding) if self.encoding else text.encode()

    def mend(self) -> None:
        """End a torn line, as its writer would before anything else."""
        if self.torn:
            self.torn = False
            self.put(self.writer, self.rest)

    def write(self) -> None:
        self.mend()
        self.put(self.writer, b"".join(self._line() for _ in range(self.random.choice((1, 1, 2, 5, 40)))))

    def write_torn(self) -> None:
        self.mend()
        line = self._line()
        cut = self.random.randrange(1, len(line))
        self.put(self.writer, line[:cut])
        self.rest, self.torn = line[cut:], True

    def write_trace(self) -> None:
        self.mend()
        lines = [self._line()]
        for _ in range(self.random.choice((1, 3))):
            lines.append(f"    at K{len(self.written)}\n".encode(self.encoding or "utf-8"))
            self.written.append(f"K{len(self.written)}")
        for line in lines:
            self.put(self.writer, line)
            if self.random.random() < 0.3:
                self.look()

    def write_late(self) -> None:
        """A process that has not reopened its log yet; after some quiet seconds the tail may let the old file go."""
        if self.old is not None and self.now < self.rotated_at + 4:
            self.put(self.old, self._line())
            self.deleted = self.deleted or os.fstat(self.old.fileno()).st_nlink == 0

    def rotate(self) -> None:
        self.mend()
        # More rotations than siblings are kept, and nobody can read what was deleted between two looks.
        self.unseen += 1
        if self.unseen > 3:
            self.look()
        siblings = self.path.parent
        for number in (4, 3, 2, 1):
            for ending in ("", ".gz"):
                older = siblings / f"app.log.{number}{ending}"
                if older.exists():
                    older.rename(siblings / f"app.log.{number + 1}{ending}")
        self.path.rename(siblings / "app.log.1")
        if self.random.random() < 0.3:
            self.look()
        if self.old is not None:
            self.old.close()
        self.old, self.rotated_at = self.writer, self.now
        self.writer, self.looked = self._append(), False

    def rotate_twice(self) -> None:
        self.rotate()
        self.write()
        self.rotate()

    def compress(self) -> None:
        """As logrotate's delaycompress does, after the tail has had its look."""
        older = self.path.parent / "app.log.2"
        if older.exists():
            self.look()
            with gzip.open(older.with_name("app.log.2.gz"), "wb") as packed:
                packed.write(older.read_bytes())
            if self.random.random() < 0.3:
                self.look()
            older.unlink()

    def copy_and_truncate(self) -> None:
        self.mend()
        self.unseen += 1
        if self.random.random() < 0.5 or self.unseen > 3:
            self.look()
        for number in (3, 2, 1):
            older = self.path.parent / f"app.log.{number}"
            if older.exists():
                older.rename(self.path.parent / f"app.log.{number + 1}")
        shutil.copyfile(self.path, self.path.parent / "app.log.1")
        if self.random.random() < 0.3:
            self.look()
        os.truncate(self.path, 0)
        if self.random.random() < 0.5:
            self.write()

    def delete(self) -> None:
        self.mend()
        if not self.looked:
            self.look()
        self.path.unlink()
        self.deleted = True
        if self.random.random() < 0.5:
            self.look()
        self.writer.close()
        self.writer, self.looked = self._append(), False

    def look(self) -> None:
        self.now += self.random.choice((0.01, 0.1, 0.6, 1.5))
        self.take(self.tail.poll(self.now))
        self.looked, self.unseen, self.deleted = True, 0, False

    def stale(self) -> None:
        """A server of files forgets the handles: from some call on, one look cannot read. Nobody can read on in a deleted file then."""
        unlinked = self.old is not None and os.fstat(self.old.fileno()).st_nlink == 0
        if self.deleted or unlinked:
            self.look()
        if self.old is not None and unlinked:
            self.old.close()
            self.old = None
        left = self.random.choice((0, 1, 2, 3, 5))

        class Forgetful:
            def __getattr__(self, name: str) -> Any:
                return getattr(os, name)

            def pread(self, fd: int, length: int, offset: int) -> bytes:
                nonlocal left
                left -= 1
                if left < 0:
                    raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))
                return os.pread(fd, length, offset)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sources.logs.followed, "os", Forgetful())
            self.now += self.random.choice((0.01, 0.6, 1.5))
            self.take(self.tail.poll(self.now))
        self.look()

    def wait(self) -> None:
        for _ in range(12):
            self.now += 1.0
            self.take(self.tail.poll(self.now))
        self.looked = True
        if self.old is not None:
            self.old.close()
            self.old = None

    def take(self, records: list[LogRecord]) -> None:
        for record in records:
            assert "history" not in record.message
            self.found += TOKEN.findall("\n".join((record.message, *record.extra)))

    def play(self, actions: int) -> None:
        moves = (
            (self.write, 30), (self.look, 30), (self.write_torn, 8), (self.write_trace, 8), (self.rotate, 6),
            (self.rotate_twice, 2), (self.write_late, 5), (self.copy_and_truncate, 4), (self.delete, 3), (self.compress, 3),
            (self.wait, 1), (self.stale, 6),
        )  # fmt: skip
        for _ in range(actions):
            self.random.choices([move for move, _ in moves], [weight for _, weight in moves])[0]()
        self.mend()
        self.wait()

    def close(self) -> None:
        self.tail.close()
        self.writer.close()
        if self.old is not None:
            self.old.close()

    def verdict(self) -> tuple[list[str], list[str]]:
        """Tokens lost, and tokens given twice or out of nowhere."""
        written, found = Counter(self.written), Counter(self.found)
        return sorted((written - found).elements()), sorted((found - written).elements())


def play(folder: Path, seed: int, form: str, actions: int) -> tuple[list[str], list[str]]:
    world = World(folder, seed, form)
    try:
        world.play(actions)
        return world.verdict()
    finally:
        world.close()


def test_a_file_whose_handle_is_stale_is_read_on_and_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(tmp_path, 1, "json")

    def pread(fd: int, length: int, offset: int) -> bytes:
        raise OSError(errno.ESTALE, "Stale file handle")

    world.write()
    with monkeypatch.context() as patch:
        patch.setattr(os, "pread", pread)
        for _ in range(3):
            world.look()
        assert world.tail.problems() == (f"{world.path}: stale file handle",)
    world.write()
    world.wait()
    world.close()
    assert world.tail.problems() == () and world.verdict() == ([], [])


FORMS = ("json", "plain", "plain in utf-16-le", "json in utf-16-be")


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("seed", range(4))
def test_nothing_is_lost_and_nothing_given_twice(tmp_path: Path, seed: int, form: str) -> None:
    assert play(tmp_path, seed, form, 150) == ([], [])


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
def test_nothing_is_lost_in_ten_thousand_actions(tmp_path: Path, form: str) -> None:
    for seed in range(10):
        folder = tmp_path / str(seed)
        folder.mkdir()
        assert play(folder, 1000 + seed, form, 1000) == ([], []), seed
