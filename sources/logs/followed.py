"""One growing file: what was read of it, what of that is not a whole record yet, and whether it is still the same file.

Records have their place in the text of the file, which in UTF-16 is another one than in its bytes: see `sources.logs.utf16`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress

from console.domain.logs import Level, LogRecord
from console.domain.text import SafeText
from sources.base import SourceError
from sources.logs.formats.base import LONGEST_LINE, Format
from sources.logs.formats.columns import ReadsLines
from sources.logs.reading import SAMPLE, open_regular
from sources.logs.records import Entry, Group, Grouper, Tally, full, split
from sources.logs.utf16 import MARK, Decoder, behind_last_line, byte_of, encoding_of, text_length, text_of

FINGERPRINT = 1024
"""First bytes of a file by which a rewritten file is told from a grown one."""
_CHUNK = 1 << 20
_LOOK_BACK = 64 << 10
_SETTLED = 16 << 10
"""With so much of a file read, its format is not looked at again."""
FAR_BEHIND = 4 << 20
"""Unread bytes of one file from which on only every second record is read, of twice as many every third, and so on: the others
are counted. Of usual lines these are 20,000; who is further behind would show the past."""
_WORTH = 8
"""Lines from which on it is quicker to read them at once."""
QUIET_S = 0.5
"""After this long without a further line, a record that may have more lines is given anyway."""


Learn = Callable[[str, bytes, tuple[int, int], float], Format]
"""The parser for a path, first bytes, identity and time of the last write; raises SourceError where there is none."""


class FollowedFile:
    """An open file that is read from where the last reading ended.

    Args:
        path: Where it was opened.
        learn: Finds the parser of its lines, again and again while little of the file is known.
        form: The parser to begin with, where the file holds nothing yet.
        start: First byte of its text to read, 0 where it does not reach so far; None: the end, or rather the beginning of
            the line that is being written there.

    Raises:
        SourceUnavailable: It cannot be opened, or is no regular file.
    """

    def __init__(self, path: str, learn: Learn, form: Format, start: int | None = 0) -> None:
        self.path = path
        self.form = form
        self._learn = learn
        self.tally = Tally()
        self._fd = open_regular(path)
        try:
            self._begin(path, learn, form, start)
        except BaseException:
            self.close()
            raise

    def _begin(self, path: str, learn: Learn, form: Format, start: int | None) -> None:
        status = os.fstat(self._fd)
        self.identity = (status.st_dev, status.st_ino)
        self.opened_size = status.st_size
        """Bytes that were in it when it was opened."""
        self.offset = 0
        """Bytes read, those of an incomplete last line included."""
        self.first = os.pread(self._fd, FINGERPRINT, 0)
        self._encoding = encoding_of(self.first)
        """Of UTF-16, else empty."""
        self._decoder: Decoder | None = None
        self._text = 0
        """Bytes of text in what was read."""
        self.active_at = 0.0
        """When it last grew, on the monotonic clock."""
        self.failures = 0
        """How many looks in a row could not read it."""
        self._written_ns = status.st_mtime_ns if status.st_size == 0 else 0
        self._partial = b""
        self._skipping = False
        self._one_in = 1
        self._number = 0
        self.skipped = 0
        """Records that were counted and not read, because the file grew faster than it could be read."""
        self._last: LogRecord | None = None
        self._grouper = Grouper(form, self.tally)
        self._learn_form(status)
        if start is None:
            self._seek_end(status.st_size)
        elif self._encoding:
            self._go_to(byte_of(self._pread, self._encoding, start) or 0)
        else:
            self._go_to(start if start <= status.st_size else 0)

    def close(self) -> None:
        """Give the descriptor back."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            with suppress(OSError):  # a server that has forgotten the file may say so even here
                os.close(fd)

    @property
    def is_open(self) -> bool:
        """Whether it has a descriptor."""
        return self._fd >= 0

    def reopen(self, path: str) -> bool:
        """Go on through a new descriptor; False where the path leads to another file.

        Raises:
            SourceUnavailable: It cannot be opened.
            OSError: It cannot be read.
        """
        self.close()
        fd = open_regular(path)
        try:
            status = os.fstat(fd)
            if (status.st_dev, status.st_ino) == self.identity:
                self._fd, fd = fd, -1
        finally:
            if fd >= 0:
                os.close(fd)
        return self._fd >= 0

    def skip_to(self, offset: int) -> None:
        """Begin at byte `offset`, those before it having been read already."""
        if offset > self.offset:
            self._go_to(offset)

    def _go_to(self, offset: int) -> None:
        """Read from this byte on, or from the beginning of the character that it is in."""
        offset -= offset % self._unit
        self.offset = self._text = offset
        if self._encoding:
            self._decoder = Decoder(self._encoding) if offset else None
            self._text = text_length(self._pread, self._encoding, offset)

    @property
    def _unit(self) -> int:
        """Bytes of the file that belong together."""
        return MARK if self._encoding else 1

    def _pread(self, length: int, offset: int) -> bytes:
        return os.pread(self._fd, length, offset)

    @property
    def text_offset(self) -> int:
        """Bytes of its text that were read, those of an incomplete last line included."""
        return self._text

    @property
    def begins(self) -> bytes:
        """The first bytes of its text, by which copies of it are told."""
        return text_of(self.first)

    def given(self) -> int:
        """Where the first byte of its text stands of which no record was given yet."""
        begun = self._grouper.open_offset
        return begun if begun is not None else self._text - len(self._partial)

    def size(self) -> int:
        """Bytes in the file now."""
        return os.fstat(self._fd).st_size

    def rewritten(self) -> bool:
        """Whether it was truncated, and maybe written again, since the last reading."""
        status = os.fstat(self._fd)
        if status.st_size < self.offset:
            return True
        if status.st_size == 0 and self._written_ns not in (0, status.st_mtime_ns):
            return True
        if status.st_mtime_ns == self._written_ns and status.st_size == self.offset:
            return False
        known = self.first[: min(len(self.first), self.offset)]
        if os.pread(self._fd, len(known), 0) != known:
            return True
        self._written_ns = status.st_mtime_ns
        if len(self.first) < FINGERPRINT and status.st_size > len(self.first):
            self.first = os.pread(self._fd, FINGERPRINT, 0)
        return False

    def read(self, now: float, most: int) -> list[LogRecord]:
        """Records that became whole, from at most `most` further bytes.

        Raises:
            OSError: Nothing can be read, as with the handle of a file that its server has forgotten. What was read before is kept.
        """
        found: list[LogRecord] = []
        if self.offset < _SETTLED and self._grouper.open_offset is None:
            self._learn_form(os.fstat(self._fd))
        begin, end = self.offset, self.offset + most
        self._one_in = 1 + (self.size() - self.offset) // FAR_BEHIND
        while self.offset < end:
            try:
                data = os.pread(self._fd, min(_CHUNK, end - self.offset), self.offset)
            except OSError:
                if self.offset == begin:
                    raise
                break  # what was read is given; the next look meets the error again
            if not data:
                break
            self.active_at = now
            found += self._take(self._decoded(data))
        if now - self.active_at >= QUIET_S:
            found += self._flush()
        return found

    def take_over(self, text: bytes, now: float) -> list[LogRecord]:
        """Records of text that followed in a copy of this file."""
        self.active_at = now
        return self._take(text)

    def finish(self) -> list[LogRecord]:
        """What is left, an incomplete last line included: nothing more will come."""
        found: list[LogRecord] = []
        if self._partial:
            found += self._lines(self._text - len(self._partial), self._partial + b"\n")
            self._partial = b""
        return found + self._flush()

    def restart(self) -> list[LogRecord]:
        """Begin again at the first byte, after the file was rewritten; gives what was left of before."""
        first = os.pread(self._fd, FINGERPRINT, 0)  # before anything changes, since it may fail
        found = self.finish()
        self.offset, self._text, self._skipping, self._written_ns = 0, 0, False, 0
        self.first, self._encoding, self._decoder = first, "", None
        return found

    def _learn_form(self, status: os.stat_result) -> None:
        head = text_of(self._pread(SAMPLE, 0))
        if b"\n" not in head:
            return
        try:
            form = self._learn(self.path, head, self.identity, status.st_mtime)
        except SourceError:
            return
        if form is not self.form:
            self.form = form
            self._grouper = Grouper(form, self.tally)

    def _seek_end(self, size: int) -> None:
        start = max(0, size - LONGEST_LINE)
        start -= start % self._unit
        data = self._pread(size - start, start)
        cut = behind_last_line(data, self._encoding)
        self._go_to(start + cut if cut or start == 0 else size)
        self._skipping = cut == 0 and start > 0
        text = Decoder(self._encoding).text(data[:cut]) if self._encoding else data[:cut]
        for line in reversed(text[-_LOOK_BACK:].split(b"\n")):
            if line and self.form.starts(line):
                self._last = self.form.light(line)
                return

    def _decoded(self, data: bytes) -> bytes:
        """The text of the next bytes of the file."""
        if self.offset == 0:
            self._encoding = encoding_of(data)
        begin = MARK if self._encoding and self.offset == 0 else 0
        self.offset += len(data)
        if not self._encoding:
            return data
        if self._decoder is None:
            self._decoder = Decoder(self._encoding)
        return self._decoder.text(data[begin:])

    def _take(self, data: bytes) -> list[LogRecord]:
        begin = self._text - len(self._partial)
        self._text += len(data)
        if self._skipping:
            cut = data.find(b"\n") + 1
            if not cut:
                return []
            begin, data, self._skipping = self._text - len(data) + cut, data[cut:], False
        data = self._partial + data
        cut = data.rfind(b"\n") + 1
        whole, self._partial = data[:cut], data[cut:]
        found = self._lines(begin, whole) if whole else []
        if len(self._partial) > LONGEST_LINE:
            self.tally.cut += 1
            found += self._lines(begin + cut, self._partial[:LONGEST_LINE] + b"\n")
            self._partial, self._skipping = b"", True
        return found

    def _lines(self, offset: int, whole: bytes) -> list[LogRecord]:
        found: list[LogRecord] = []
        if self._grouper.open_offset is None:
            loose, rest = self._loose(whole)
            if loose:
                found.append(self._continued(loose, offset))
            offset, whole = offset + len(whole) - len(rest), rest
        single: list[Group] = []
        for group in self._grouper.feed(offset, whole):
            self._number += 1
            if self._number % self._one_in:
                self.skipped += 1
            elif group[2]:
                found += self._singles(single)
                found += self._records(group)
                single = []
            else:
                single.append(group)
        return found + self._singles(single)

    def _singles(self, groups: list[Group]) -> list[LogRecord]:
        """The records of lines that stand alone, as most do: the whole record tells what the light one would."""
        if not groups:
            return []
        if isinstance(self.form, ReadsLines) and len(groups) >= _WORTH:
            made = self.form.full_lines([group[1] for group in groups], [group[0] for group in groups])
        else:
            made = [self.form.full(group[1], (), group[0]) for group in groups]
        found = [record for record in made if record is not None]
        if len(found) < len(made):
            for group, record in zip(groups, made, strict=True):
                if record is None:
                    self.tally.note(group[1])
        self.tally.records += len(found)
        self.tally.timeless += sum([record.at is None for record in found])
        if found:
            self._last = found[-1]
        return found

    def _loose(self, whole: bytes) -> tuple[list[bytes], bytes]:
        """Lines at the beginning that start no record: they continue one that was given already."""
        loose: list[bytes] = []
        rest = whole
        while rest:
            line, _, after = rest.partition(b"\n")
            if self.form.starts(line.rstrip(b"\r").lstrip(b"\0")):
                break
            if line.strip(b"\0\r "):
                loose.append(line.rstrip(b"\r").lstrip(b"\0"))
            rest = after
        return loose, rest

    def _continued(self, loose: list[bytes], offset: int) -> LogRecord:
        """A record of lines that came too late for theirs: at its time, in its service, at its level."""
        last = self._last
        light = (
            LogRecord(last.at, last.level, last.service, SafeText(""))
            if last
            else LogRecord(None, Level.UNKNOWN, "", SafeText(""))
        )
        self.tally.records += 1
        self.tally.timeless += light.at is None
        return full(self.form, Entry(light, loose[0], tuple(loose), offset, uncaught=True))

    def _records(self, group: Group) -> list[LogRecord]:
        if not group[2]:
            return self._singles([group])
        found: list[LogRecord] = []
        for entry in split(self.form, group, self.tally):
            self._last = entry.light
            found.append(full(self.form, entry))
        return found

    def _flush(self) -> list[LogRecord]:
        return [record for group in self._grouper.end() for record in self._records(group)]


def try_open(path: str, learn: Learn, form: Format, start: int | None) -> FollowedFile | str:
    """The file, or the sentence that says why it cannot be followed."""
    try:
        return FollowedFile(path, learn, form, start)
    except SourceError as error:
        return str(error)
    except OSError as error:
        return f"{path}: {(error.strerror or 'cannot be read').lower()}"
