"""The changed lines of `diff-tree -p -U0`. Hunks are read by their own counts, so no content can pass for a header. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from console.domain.changes import FileDiff
from console.domain.text import SafeText
from console.guard.sanitise import safe_bytes

LINE_CHARS = 300
MOST_LINES = 400
"""Kept of one file, removed and added each."""

FLAGS = ("-p", "-U0", "--src-prefix=a/", "--dst-prefix=b/", "--inter-hunk-context=0")
_HUNK = re.compile(rb"@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@")


@dataclass
class _File:
    path: SafeText
    removed: list[SafeText] = field(default_factory=list)
    added: list[SafeText] = field(default_factory=list)
    cut: bool = False

    def keep(self, line: bytes) -> None:
        side = self.removed if line[:1] == b"-" else self.added
        if len(side) >= MOST_LINES:
            self.cut = True
        else:
            side.append(safe_bytes(line[1:], LINE_CHARS))


def patches(out: bytes) -> tuple[dict[str, tuple[FileDiff, ...]], bool]:
    """Files of each commit, from the output of `diff-tree --stdin`; and whether every changed line is there."""
    found: dict[str, list[_File]] = {}
    commit, current, left = "", None, 0
    for line in out.split(b"\n"):
        if left and line[:1] in (b"-", b"+"):
            left -= 1
            if current is not None:
                current.keep(line)
        elif left and line[:1] != b"\\":
            left = 0  # a hunk that is shorter than it claims
        elif re.fullmatch(rb"[0-9a-f]{40,64}", line):
            commit, current = line.decode("ascii"), None
        elif line.startswith(b"diff --git "):
            current = _File(_path(line.rpartition(b" b/")[2]))
            found.setdefault(commit, []).append(current)
        elif line.startswith((b"--- a/", b"+++ b/")) and current is not None:
            current.path = _path(line[6:])
        elif hunk := _HUNK.match(line):
            left = sum(int(count) if count is not None else 1 for count in hunk.groups())
    whole = not any(file.cut for files in found.values() for file in files)
    return {
        oid: tuple(FileDiff(f.path, tuple(f.removed), tuple(f.added)) for f in files) for oid, files in found.items()
    }, whole


def _path(text: bytes) -> SafeText:
    return safe_bytes(text.rstrip(b"\t"), 1000)
