"""Questions to git as sequences of plumbing calls. The caller brings the call; nothing here starts a process."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Protocol

from console.domain.changes import Commit, CommitDiff, FileChange
from console.guard.sanitise import safe
from sources.base import SourceGarbage, SourceTimeout
from sources.plumbing import patch
from sources.plumbing.model import CommitDiffs, CommitRange, Diffstat, Relation, Tag, TagKind, TagList
from sources.plumbing.objects import (
    OID,
    Checked,
    RawTag,
    batch,
    checked,
    commit_of,
    first_line,
    numstat,
    tag_of,
)
from sources.plumbing.pump import Output

MOST_OBJECT = 64 * 2**10
"""A commit or tag object larger than this is named and not read."""
MOST_OBJECTS = 6 * 2**20
"""Read of commit and tag objects in one answer."""
MOST_FILES = 5000
MOST_DIFFS = 50
"""Commits whose changed lines are read."""
RENAMES = ("-M", "-l400")

_NAMES = "%(refname)%00%(objectname)%00%(objecttype)"


class Call(Protocol):
    """One hardened git command in one repository."""

    def __call__(
        self, subcommand: str, *arguments: str, feed: bytes = b"", statuses: Sequence[int] = (0,)
    ) -> Output: ...


def check_oid(oid: str) -> str:
    """The id itself.

    Raises:
        ValueError: It is no full object id; user text goes through `resolve` first.
    """
    if not OID.fullmatch(oid):
        raise ValueError(f"no object id: {safe(oid, 80)}")
    return oid


def _encode(lines: Iterable[str]) -> bytes:
    return "".join(line + "\n" for line in lines).encode("utf-8", "surrogateescape")


def check(call: Call, names: Sequence[str]) -> list[Checked | None]:
    """What each name leads to; None where it leads nowhere. A name holds no line break."""
    if not names:
        return []
    out = call("cat-file", "--batch-check", feed=_encode(names)).out
    return checked(out, len(names))


def resolve(call: Call, ref: str) -> str | None:
    """The id of the commit that `HEAD` or a full `refs/…` name leads to; None where there is none.

    Raises:
        ValueError: The name is neither.
    """
    if ref != "HEAD" and not re.fullmatch(r"refs/[^\x00-\x20\x7f~^:?*\[\\]+", ref):
        raise ValueError(f"no full ref name: {safe(ref, 80)}")
    (answer,) = check(call, [f"{ref}^{{commit}}"])
    return answer.oid if answer else None


def _contents(call: Call, objects: Iterable[Checked]) -> dict[str, bytes]:
    """Contents of objects, smallest budget first come: those too large, or beyond the budget, are left out."""
    wanted: list[str] = []
    room = MOST_OBJECTS
    for one in objects:
        if one.size <= MOST_OBJECT and one.size + 100 <= room and one.oid not in wanted:
            wanted.append(one.oid)
            room -= one.size + 100
    if not wanted:
        return {}
    return {oid: raw for oid, (_, raw) in batch(call("cat-file", "--batch", feed=_encode(wanted)).out).items()}


# Tags.


def literal_prefix(pattern: str) -> str:
    """The ref name or folder that holds everything a tag pattern can match."""
    wild = re.search(r"[*?\[]", pattern)
    return "refs/tags/" + (pattern if wild is None else pattern[: pattern.rfind("/", 0, wild.start()) + 1])


def tag_matcher(patterns: Sequence[str]) -> re.Pattern[str]:
    """Matches names of tags as `git tag --list` does: `*` also crosses `/`."""
    return re.compile("|".join(f"(?:{fnmatch.translate(pattern)})" for pattern in patterns) or r"(?!)")


def read_tags(call: Call, patterns: Sequence[str], limit: int) -> TagList:
    """The newest `limit` tags that match."""
    listed, cut = _list_tags(call, sorted({literal_prefix(pattern) for pattern in patterns}))
    matcher = tag_matcher(patterns)
    rows = [row for row in listed if matcher.match(row[0].removeprefix("refs/tags/"))]
    return TagList(_details(call, rows[:limit]), cut or len(rows) > limit)


def _list_tags(call: Call, prefixes: list[str]) -> tuple[list[tuple[str, str, str]], bool]:
    """Ref, object id and object type, newest first by git's date; and whether older ones were cut."""
    form = f"--format={_NAMES}"
    output = call("for-each-ref", "--sort=-creatordate", form, "--end-of-options", *prefixes, statuses=(0, 1, 128))
    if output.status and not output.cut:
        # One tag whose object is missing makes git give up sorting by date; names of deploys mostly sort by date too.
        output = call("for-each-ref", "--sort=-version:refname", "--format=%(refname)%00%(objectname)%00", *prefixes)
    records = output.out.decode("utf-8", "surrogateescape").split("\n")[:-1]
    rows = [tuple(record.split("\0")) for record in records]
    return [(row[0], row[1], row[2]) for row in rows if len(row) == 3], output.cut


def _details(call: Call, rows: list[tuple[str, str, str]]) -> tuple[Tag, ...]:
    names = [name for _, oid, _ in rows for name in (oid, f"{oid}^{{}}")]
    answers = check(call, names)
    objects, peeled = answers[::2], answers[1::2]
    readable = [o for o in objects if o is not None and o.type == "tag"]
    readable += [p for p in peeled if p is not None and p.type == "commit"]
    contents = _contents(call, readable)
    return tuple(_tag(ref, own, final, contents) for (ref, _, _), own, final in zip(rows, objects, peeled, strict=True))


def _tag(ref: str, own: Checked | None, final: Checked | None, contents: dict[str, bytes]) -> Tag:
    raw = tag_of(contents[own.oid]) if own is not None and own.type == "tag" and own.oid in contents else None
    is_commit = final is not None and final.type == "commit"
    commit = commit_of(final.oid, contents[final.oid]) if final and is_commit and final.oid in contents else None
    name = safe(ref.removeprefix("refs/tags/").encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace"))
    tag = Tag(
        name,
        ref,
        _kind_of(own, final, raw),
        final.oid if final is not None and is_commit else None,
        committed_at=commit.at or None if commit else None,
        subject=commit.subject if commit else safe(""),
    )
    if raw is None:
        return tag
    return replace(tag, tagged_at=raw.tagged_at, tagger=raw.tagger, subject=raw.subject or tag.subject)


def _kind_of(own: Checked | None, final: Checked | None, raw: RawTag | None) -> TagKind:
    if own is None or final is None or final.type not in ("commit", "blob"):
        return TagKind.ODD
    if final.type == "blob":
        return TagKind.BLOB
    if own.type == "commit":
        return TagKind.LIGHTWEIGHT
    return TagKind.NESTED if raw is not None and raw.target_type == "tag" else TagKind.ANNOTATED


# Commits.


def read_commits(call: Call, oids: Sequence[str]) -> list[Commit]:
    """Commits in the order asked for, without files; what is no commit or not here is left out."""
    found = [answer for answer in check(call, oids) if answer is not None and answer.type == "commit"]
    contents = _contents(call, found)
    return [
        commit_of(one.oid, contents[one.oid])
        if one.oid in contents
        else Commit(one.oid, 0.0, safe(""), safe(f"(commit of {one.size} bytes, not read)"))
        for one in found
    ]


def is_ancestor(call: Call, older: str, newer: str) -> bool | None:
    """Whether `newer` contains `older`; None where git cannot tell because objects are missing."""
    arguments = ("--is-ancestor", "--end-of-options", check_oid(older), check_oid(newer))
    status = call("merge-base", *arguments, statuses=(0, 1, 128)).status
    return {0: True, 1: False}.get(status)


def relation(call: Call, good: str, bad: str, *, shallow: bool) -> Relation:
    """How `bad` stands to `good`. In a shallow clone "no ancestor" proves nothing."""
    if good == bad:
        return Relation.SAME
    if is_ancestor(call, good, bad):
        return Relation.FORWARD
    back = is_ancestor(call, bad, good)
    if back:
        return Relation.ROLLBACK
    return Relation.UNKNOWN if shallow or back is None else Relation.DIVERGED


def read_range(
    call: Call, good: str, bad: str, limit: int, *, shallow: bool = False, first_parent: bool = False
) -> CommitRange:
    """The commits between two deployed ones, newest first, with their files."""
    missing = [oid for oid, answer in zip((good, bad), check(call, (good, bad)), strict=True) if answer is None]
    if missing:
        note = f"commit {missing[0][:12]} is not in this repository: {_where_missing(shallow)}"
        return CommitRange(Relation.UNKNOWN, note=safe(note))
    how = relation(call, check_oid(good), check_oid(bad), shallow=shallow)
    if how is Relation.SAME:
        return CommitRange(how, note=safe("both deploys are of the same commit: look at configuration or flags"))
    revisions = {
        Relation.ROLLBACK: (good, f"^{bad}"),
        Relation.DIVERGED: (f"{good}...{bad}",),
    }.get(how, (bad, f"^{good}"))
    options = ("--first-parent",) if first_parent else ()
    out = call("rev-list", f"--max-count={limit + 1}", *options, "--end-of-options", *revisions).out
    oids = out.decode("ascii", "replace").split()
    commits = read_commits(call, oids[:limit])
    files, note = _files_of(call, oids[:limit])
    notes = [_RELATION_NOTES.get(how, ""), note]
    return CommitRange(
        how,
        tuple(replace(commit, files=files.get(commit.id, ())) for commit in commits),
        len(oids) > limit,
        safe("; ".join(part for part in notes if part)),
    )


_RELATION_NOTES = {
    Relation.ROLLBACK: "a rollback: these commits were taken back",
    Relation.DIVERGED: "the two deploys are of different branches: these are the commits of both sides",
    Relation.UNKNOWN: "a shallow clone: the history that joins the two deploys is not here",
}


def _where_missing(shallow: bool) -> str:
    if shallow:
        return "it is a shallow clone; `git fetch --unshallow --tags` would bring it"
    return "`git fetch --tags` may bring it"


def _files_of(call: Call, oids: Sequence[str]) -> tuple[dict[str, tuple[FileChange, ...]], str]:
    """Files of each commit, merges excepted; and why some may be missing."""
    arguments = ("--stdin", "-r", "--root", "-z", "--numstat", *RENAMES)
    try:
        output = call("diff-tree", *arguments, feed=_encode(oids), statuses=(0, 128))
    except SourceTimeout:
        return {}, "comparing their files took too long"
    found: dict[str, list[FileChange]] = {}
    for count, (oid, file) in enumerate(numstat(output.out, cut=output.cut or output.status != 0)):
        if count >= MOST_FILES:
            return {oid: tuple(files) for oid, files in found.items()}, f"only the first {MOST_FILES} files are listed"
        found.setdefault(oid, []).append(file)
    note = "the list of files was cut" if output.cut else _comparison_note(output)
    return {oid: tuple(files) for oid, files in found.items()}, note


def _comparison_note(output: Output) -> str:
    if not output.status:
        return ""
    return (
        f"objects are missing here, so not every file could be compared ({first_line(output.err)}); nothing was fetched"
    )


def read_diffstat(call: Call, good: str, bad: str) -> Diffstat:
    """Files that differ between two commits.

    Raises:
        SourceGarbage: git could not compare them at all.
    """
    arguments = ("-r", "-z", "--numstat", *RENAMES, "--end-of-options", check_oid(good), check_oid(bad))
    output = call("diff-tree", *arguments, statuses=(0, 128))
    files = tuple(file for _, file in numstat(output.out, cut=output.cut or output.status != 0))
    if output.status and not output.cut and not files and b"bad object" in output.err:
        raise SourceGarbage(f"git cannot compare {good[:12]} and {bad[:12]}: {first_line(output.err)}")
    return Diffstat(files[:MOST_FILES], output.cut or len(files) > MOST_FILES, safe(_comparison_note(output)))


def read_diffs(call: Call, good: str, bad: str, *, shallow: bool = False) -> CommitDiffs:
    """The changed lines between two deploys: commit by commit where one leads to the other, merges left out."""
    if None in check(call, (check_oid(good), check_oid(bad))):
        return CommitDiffs(complete=False)
    how = relation(call, good, bad, shallow=shallow)
    if how is Relation.SAME:
        return CommitDiffs()
    if how is not Relation.FORWARD:
        return _whole_diff(call, good, bad)
    options = ("--no-merges", f"--max-count={MOST_DIFFS + 1}")
    oids = call("rev-list", *options, "--end-of-options", bad, f"^{good}").out.decode("ascii", "replace").split()
    kept = oids[:MOST_DIFFS]
    output = call("diff-tree", "--stdin", "-r", "--root", *patch.FLAGS, *RENAMES, feed=_encode(kept), statuses=(0, 128))
    files, whole = patch.patches(output.out)
    commits = tuple(CommitDiff(c.id, c.subject, files.get(c.id, ())) for c in reversed(read_commits(call, kept)))
    return CommitDiffs(commits, whole and len(oids) <= MOST_DIFFS and not output.cut and not output.status)


def read_diff(call: Call, oid: str) -> CommitDiffs:
    """The changed lines of one commit against the one before it; a first commit or a merge has none of its own."""
    if None in check(call, (check_oid(oid),)):
        return CommitDiffs(complete=False)
    output = call("diff-tree", "--stdin", "-r", *patch.FLAGS, *RENAMES, feed=_encode([oid]), statuses=(0, 128))
    files, _ = patch.patches(output.out)
    changed = files.get(oid, ())
    commits = tuple(CommitDiff(c.id, c.subject, changed) for c in read_commits(call, [oid])) if changed else ()
    return CommitDiffs(commits, complete=False)


def _whole_diff(call: Call, good: str, bad: str) -> CommitDiffs:
    output = call("diff-tree", "-r", *patch.FLAGS, *RENAMES, "--end-of-options", good, bad, statuses=(0, 128))
    files, whole = patch.patches(output.out)
    subject = next((commit.subject for commit in read_commits(call, [bad])), safe(""))
    commits = (CommitDiff(bad, subject, files.get("", ())),)
    return CommitDiffs(commits, whole and not output.cut and not output.status)
