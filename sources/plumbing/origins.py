"""Where lines come from: blame, the places that commits changed, and what only moved blanks. The caller brings the call."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence

from console.domain.text import SafeText
from console.domain.values import dataclass
from console.guard.sanitise import safe
from sources.base import SourceError, SourceTimeout
from sources.plumbing.objects import OID, numstat
from sources.plumbing.patch import FLAGS
from sources.plumbing.reading import RENAMES, Call, check_oid
from sources.plumbing.writing import files_of

MOST_FILE = 2 * 2**20
"""A file larger than this is not looked into for the extent of a function."""
_OLD_HUNK = re.compile(rb"@@ -(\d+)(?:,(\d+))? \+\d+(?:,(\d+))? @@")
_HUNK = re.compile(rb"@@ -\d+(?:,\d+)? \+(\d+)(?:,(\d+))? @@")


@dataclass(frozen=True, slots=True)
class Origins:
    """What the history says of some lines."""

    blamed: dict[tuple[str, int], str]
    """File and line to the commit that wrote it, where that is after the good deploy."""
    hunks: dict[str, dict[str, tuple[tuple[int, int], ...]]]
    """Commit to file to the lines it wrote, first and last; of the files asked for."""
    texts: dict[str, tuple[str, ...]]
    """The files as they were deployed, line by line."""
    quiet: frozenset[str]
    """Commits that changed nothing but blanks."""
    merges: frozenset[str]
    older: frozenset[tuple[str, int]]
    """Lines that were written before."""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Tree:
    """Files of the deployed commit."""

    files: tuple[str, ...]
    whole: bool
    gone: dict[str, str]
    """Files of the good deploy that are not there any more, with the new name, empty where removed."""


def read_tree(call: Call, good: str, bad: str) -> Tree:
    """The files of `bad`, and what became of those of `good`."""
    files, whole = files_of(call, bad)
    out = call(
        "diff-tree", "-r", "-z", "--name-status", *RENAMES, "--end-of-options", check_oid(good), check_oid(bad), statuses=(0, 128)
    ).out  # fmt: skip
    gone: dict[str, str] = {}
    parts = iter(os.fsdecode(part) for part in out.split(b"\0")[:-1])
    for status in parts:
        path = next(parts, "")
        if status.startswith(("R", "C")):
            new = next(parts, "")
            if status.startswith("R"):
                gone[path] = new
        elif status == "D":
            gone[path] = ""
    return Tree(tuple(files), whole, gone)


def read_origins(
    call: Call, good: str, bad: str, places: Iterable[tuple[str, int]], commits: Sequence[str], *, forward: bool
) -> Origins:
    """The history of some lines of the deployed commit.

    Args:
        places: File of `bad` and line.
        commits: Of the range, whose changes to those files are looked at.
        forward: `good` is an ancestor of `bad`, so older lines need not be traced further back.
    """
    lines: dict[str, list[int]] = {}
    for path, line in places:
        lines.setdefault(path, []).append(line)
    texts = {path: _text(call, bad, path) for path in lines}
    hunks = _hunks(call, commits, list(lines)) if lines and commits else {}
    quiet, merges = _quiet(call, commits), _merges(call, good, bad)
    notes: list[str] = []
    blamed: dict[tuple[str, int], str] = {}
    older: set[tuple[str, int]] = set()
    in_range = frozenset(commits)
    for (
        path,
        numbers,
    ) in lines.items():  # last, and innermost first: on a long history it may take all the time there is
        inside = sorted({n for n in numbers if n <= len(texts[path])})
        if len(inside) < len(set(numbers)):
            notes.append(f"{path} has {len(texts[path])} lines in the deployed commit: what runs is another version")
        if not inside:
            continue
        try:
            told = _blame(call, good if forward else None, bad, path, inside)
        except SourceTimeout:
            notes.append(f"asking who wrote the lines of {path} took too long: the commits are told apart without it")
            break
        except SourceError as error:
            notes.append(f"nobody can tell who wrote the lines of {path}: {error}")
            continue
        for line, oid in told.items():
            if oid in in_range:
                blamed[path, line] = oid
            else:
                older.add((path, line))
    return Origins(blamed, hunks, texts, quiet, merges, frozenset(older), tuple(notes))


def _text(call: Call, oid: str, path: str) -> tuple[str, ...]:
    out = call("cat-file", "--batch", feed=os.fsencode(f"{oid}:{path}") + b"\n").out if "\n" not in path else b""
    head, _, body = out.partition(b"\n")
    if not head.endswith(b"missing") and len(body) <= MOST_FILE:
        return tuple(body.removesuffix(b"\n").decode("utf-8", "replace").split("\n"))
    return ()


def _blame(call: Call, good: str | None, bad: str, path: str, lines: Sequence[int]) -> dict[int, str]:
    """Line to the commit that wrote it; with `good`, lines from before it go to the edge of the range."""
    where = [part for line in lines for part in ("-L", f"{line},{line}")]
    limits = (f"^{check_oid(good)}",) if good is not None else ()
    out = call("blame", "-w", "-M", "-C", "--porcelain", *where, *limits, check_oid(bad), "--", path).out
    found: dict[int, str] = {}
    current, line = "", 0
    for raw in out.split(b"\n"):
        words = raw.split(b" ", 3)
        if raw.startswith(b"\t"):
            found[line] = current
        elif len(words) >= 3 and OID.fullmatch(words[0].decode("ascii", "replace")) and words[2].isdigit():
            current, line = words[0].decode("ascii"), int(words[2])
    return found


def _hunks(
    call: Call, commits: Sequence[str], paths: Sequence[str]
) -> dict[str, dict[str, tuple[tuple[int, int], ...]]]:
    """Lines that each commit wrote in the given files. A rename within the range is followed by blame, not here."""
    feed = "".join(f"{oid}\n" for oid in commits).encode()
    out = call("diff-tree", "--stdin", "-r", "--root", *FLAGS, "--", *paths, feed=feed, statuses=(0, 128)).out
    found: dict[str, dict[str, list[tuple[int, int]]]] = {}
    commit, path, left = "", "", 0
    for line in out.split(b"\n"):
        if left and line[:1] in (b"-", b"+"):
            left -= 1
        elif re.fullmatch(rb"[0-9a-f]{40,64}", line):
            commit, left = line.decode("ascii"), 0
        elif line.startswith(b"diff --git "):
            path, left = os.fsdecode(line.rpartition(b" b/")[2]), 0
        elif line.startswith(b"@@ ") and (hunk := _HUNK.match(line)):
            counts = re.match(rb"@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@", line)
            left = sum(int(n) if n is not None else 1 for n in counts.groups()) if counts else 0
            first, count = int(hunk[1]), int(hunk[2]) if hunk[2] is not None else 1
            found.setdefault(commit, {}).setdefault(path, []).append((first, max(first, first + count - 1)))
    return {oid: {p: tuple(spans) for p, spans in files.items()} for oid, files in found.items()}


def _quiet(call: Call, commits: Sequence[str]) -> frozenset[str]:
    """Commits whose text is the same but for blanks and blank lines; merges and empty commits are not among them."""
    feed = "".join(f"{oid}\n" for oid in commits).encode()

    def changed(*options: str) -> set[str]:
        out = call(
            "diff-tree", "--stdin", "-r", "--root", "-z", "--numstat", *options, feed=feed, statuses=(0, 128)
        ).out
        return {oid for oid, file in numstat(out) if file.added is None or file.added or file.removed}

    try:
        return frozenset(changed() - changed("-w", "--ignore-blank-lines"))
    except SourceTimeout:
        return frozenset()


def _merges(call: Call, good: str, bad: str) -> frozenset[str]:
    out = call(
        "rev-list", "--merges", "--max-count=1000", "--end-of-options", check_oid(bad), f"^{check_oid(good)}"
    ).out
    return frozenset(out.decode("ascii", "replace").split())


MOST_REVIEWED = 20
"""Files whose authors are asked for."""
MOST_RANGES = 50
"""Changed stretches of one file whose authors are asked for."""


def read_reviewers(call: Call, base: str, tip: str) -> tuple[tuple[SafeText, int], ...]:
    """Who wrote the lines that `tip` changes, with how many of them, most first; where it only adds, the line above."""
    out = call("diff-tree", "-r", *FLAGS, "--end-of-options", check_oid(base), check_oid(tip), statuses=(0, 128)).out
    ranges: dict[str, list[str]] = {}
    path, left = "", 0
    for line in out.split(b"\n"):
        if left and line[:1] in (b"-", b"+"):
            left -= 1
        elif line.startswith(b"--- "):
            path = os.fsdecode(line[6:].rstrip(b"\t")) if line.startswith(b"--- a/") else ""
        elif path and (hunk := _OLD_HUNK.match(line)):
            first, count = int(hunk[1]), int(hunk[2]) if hunk[2] is not None else 1
            left = count + (int(hunk[3]) if hunk[3] is not None else 1)
            if first:
                ranges.setdefault(path, []).append(f"{first},{max(first, first + count - 1)}")
    authors: dict[str, int] = {}
    for name, spans in list(ranges.items())[:MOST_REVIEWED]:
        where = [part for span in spans[:MOST_RANGES] for part in ("-L", span)]
        try:
            told = call("blame", "-w", "--line-porcelain", *where, check_oid(base), "--", name).out
        except SourceError:
            continue  # others know more files
        for raw in told.split(b"\n"):
            if raw.startswith(b"author "):
                author = raw[7:].decode("utf-8", "replace")
                authors[author] = authors.get(author, 0) + 1
    ordered = sorted(authors.items(), key=lambda item: (-item[1], item[0]))
    return tuple((safe(author, 200), lines) for author, lines in ordered)


def uncommitted(call: Call) -> tuple[SafeText, ...]:
    """Files of a work tree that differ from its commit, and new ones that it does not ignore; asked inside it."""
    changed = call("diff-index", "-z", "--name-only", "HEAD", "--").out.split(b"\0")
    fresh = call("ls-files", "-z", "--others", "--exclude-standard").out.split(b"\0")
    return tuple(safe(os.fsdecode(name), 300) for name in sorted({*changed, *fresh} - {b""}))
