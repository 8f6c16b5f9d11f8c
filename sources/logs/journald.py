"""The systemd journal, read through `journalctl -o json`: its files are no interface, its command is.

`paths` of the configuration name units (`checkout.service`, globs allowed) or, where they hold a slash, journal files
and directories; without any, the whole journal that this user may see is read.
"""

from __future__ import annotations

import math
import os
import select
import shutil
import subprocess  # noqa: TID251 - journalctl is the one reader of the journal
import time
from collections.abc import Callable, Iterator, Sequence

import msgspec

from console.domain.logs import LogRecord
from console.guard.sanitise import safe, safe_bytes
from sources.base import SourceUnavailable
from sources.logs.context import Context
from sources.logs.fields import Builder
from sources.logs.formats.syslog import embedded
from sources.logs.inputs import LogFile
from sources.logs.spec import Spec

FIELDS = ("MESSAGE", "PRIORITY", "SYSLOG_IDENTIFIER", "_SYSTEMD_UNIT", "_PID", "_HOSTNAME", "_EXE")
_READ = 1 << 18
_PATIENCE_S = 0.25
"""How long one wait for output lasts, so that the allowed time is looked at."""
_decode = msgspec.json.Decoder().decode

JOURNAL = LogFile("journal", "journal", (2, "", 0), "", (0, 0), 0, 0.0)
"""Stands for the journal where a file is asked for."""


class JournalFormat:
    """One entry of `journalctl -o json` per line."""

    name = "json"

    def __init__(self, context: Context) -> None:
        self._builder = Builder(context)
        self._service_field = context.names.service

    def starts(self, line: bytes) -> bool:
        return line[:1] == b"{"

    def light(self, line: bytes) -> LogRecord | None:
        return self.full(line)

    narrow = light

    def full(self, line: bytes, extra: Sequence[bytes] = (), offset: int = -1) -> LogRecord | None:
        try:
            entry = _decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        if not isinstance(entry, dict):
            return None
        message = _bytes(entry.get("MESSAGE"))
        pairs: list[tuple[str, object]] = [("time", entry.get("__REALTIME_TIMESTAMP"))]
        for field, name in (("PRIORITY", "priority"), ("SYSLOG_IDENTIFIER", "syslog_identifier"), ("_SYSTEMD_UNIT", "unit"),
                            ("_PID", "pid"), ("_HOSTNAME", "host"), ("_EXE", "exe")):  # fmt: skip
            if isinstance(entry.get(field), str):
                pairs.append((name, entry[field]))
        if self._service_field is not None and isinstance(entry.get(self._service_field), str):
            pairs.append((self._service_field, entry[self._service_field]))
        pairs += embedded(message)
        return self._builder.record(pairs, message=message.decode("utf-8", "backslashreplace"), offset=offset)


def _bytes(value: object) -> bytes:
    """A field of the journal: text, or a list of numbers where it is not UTF-8, or null where it is very long."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace")
    if isinstance(value, list) and all(isinstance(one, int) and 0 <= one < 256 for one in value):
        return bytes(value)
    return b""


def command(spec: Spec, *arguments: str) -> list[str]:
    """The command line for a source.

    Raises:
        SourceUnavailable: There is no journalctl.
    """
    program = shutil.which("journalctl")
    if program is None:
        raise SourceUnavailable("journalctl is not installed, and only it reads the journal")
    fields = (*FIELDS, spec.names.service) if spec.names.service else FIELDS
    line = [program, "-o", "json", "--no-pager", "--quiet", "--all", f"--output-fields={','.join(fields)}", *arguments]
    for pattern in spec.patterns:
        if "/" not in pattern:
            line.append(f"--unit={pattern}")
        else:
            line.append(f"--directory={pattern}" if os.path.isdir(pattern) else f"--file={pattern}")
    return line


def blocks(spec: Spec, start: float, end: float, check: Callable[[], None]) -> Iterator[tuple[int, bytes]]:
    """Output for a window of time, as offsets and whole lines.

    Args:
        spec: The source.
        start, end: Epoch seconds; up to a second more is given on both sides.
        check: Called often; ends the reading by raising.

    Raises:
        SourceUnavailable: journalctl is missing, or says why it cannot read.
    """
    line = command(spec, f"--since=@{math.floor(start)}", f"--until=@{math.ceil(end)}")
    # Local time would mix up the hour that a clock is set back; the C locale keeps messages as the code knows them.
    environment = {**os.environ, "TZ": "UTC", "LC_ALL": "C", "SYSTEMD_COLORS": "0"}
    with subprocess.Popen(
        line, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        try:
            yield from _lines(process.stdout.fileno(), check)
            said = process.stderr.read(2000).strip()
            if process.wait(10) != 0 and b"No entries" not in said:
                raise SourceUnavailable(f"journalctl: {safe_bytes(said.splitlines()[0] if said else b'failed', 200)}")
        finally:
            process.kill()


def _lines(fd: int, check: Callable[[], None]) -> Iterator[tuple[int, bytes]]:
    rest, offset = b"", 0
    while True:
        check()
        if not select.select([fd], [], [], _PATIENCE_S)[0]:
            continue
        data = os.read(fd, _READ)
        if not data:
            break
        rest += data
        cut = rest.rfind(b"\n") + 1
        if cut:
            yield offset, rest[:cut]
            offset, rest = offset + cut, rest[cut:]
    if rest:
        yield offset, rest


class JournalTail:
    """New entries of the journal. The first `poll` starts following: what is written after it is given."""

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self._format = JournalFormat(spec.context("", "", time.time()))
        self._process: subprocess.Popen[bytes] | None = None
        self._rest = b""

    def poll(self) -> list[LogRecord]:
        """Entries since the last look.

        Raises:
            SourceUnavailable: journalctl is missing, or has ended.
        """
        if self._process is None:
            line = command(self._spec, "--follow", "--lines=0")
            self._process = subprocess.Popen(
                line, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            )
            return []
        assert self._process.stdout is not None
        fd = self._process.stdout.fileno()
        while select.select([fd], [], [], 0)[0]:
            data = os.read(fd, _READ)
            if not data:
                raise SourceUnavailable(f"{safe(self._spec.name)}: journalctl has ended")
            self._rest += data
            if len(self._rest) > 8 * _READ:
                break
        *lines, self._rest = self._rest.split(b"\n")
        return [record for line in lines if line and (record := self._format.full(line)) is not None]

    def take_skipped(self) -> int:
        """None: `journalctl` waits for who reads it."""
        return 0

    def positions(self) -> dict[str, tuple[int, int, int]]:
        """None are needed: a new tail begins at the present."""
        return {}

    def close(self) -> None:
        """End journalctl."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            if self._process.stdout is not None:
                self._process.stdout.close()
            self._process = None
