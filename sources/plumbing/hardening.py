"""How git is called so that a repository cannot make it run anything.

A repository's configuration, attributes and hooks can name programs, and two thirds of the ordinary "read-only" commands
run some of them. Hence: plumbing commands from an allow-list, an environment without any `GIT_*` of the caller, options that
switch every named program off, and the drivers that a configuration defines emptied one by one.
"""

from __future__ import annotations

import os

LEAST_VERSION = (2, 39)

READ_COMMANDS = frozenset(
    {
        *("rev-parse", "for-each-ref", "cat-file", "rev-list", "diff-tree", "merge-base", "config"),
        *("ls-tree", "blame", "check-ref-format", "diff-files", "diff-index", "ls-files"),
    }
)
"""The only subcommands that read. An alias cannot replace a built-in command, and no other word gets through."""

WORKTREE_READS = frozenset({"list"})
WRITE_COMMANDS = {"worktree": frozenset({"add", "unlock", "remove"}), "read-tree": None, "update-ref": None}
"""The only subcommands that write, and only where a change was asked for: a branch in a work tree of its own, and its undoing."""

PATCH_FLAGS = {
    "diff-tree": ("--no-ext-diff", "--no-textconv", "--no-color", "--no-relative", "-O/dev/null"),
    "diff-index": ("--no-ext-diff", "--no-textconv", "--no-relative"),
    "diff-files": ("--no-ext-diff", "--no-textconv", "--no-relative"),
    "blame": ("--no-textconv",),
}
"""Always given to commands that compare contents. Without --no-textconv an emptied driver makes git fail."""

ENVIRONMENT: dict[str, str] = {
    "LC_ALL": "C",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "/bin/false",
    "SSH_ASKPASS": "/bin/false",
    "GIT_SSH_COMMAND": "/bin/false",
    "GIT_ALLOW_PROTOCOL": "none",
    "GIT_PROTOCOL_FROM_USER": "0",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_GRAFT_FILE": "/dev/null",
    # No index: git would compare files of the work tree where they look equal to the commit's.
    "GIT_INDEX_FILE": "/nonexistent/index",
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_PAGER": "cat",
    "GIT_EDITOR": "/bin/false",
}

WRITING = {name: value for name, value in ENVIRONMENT.items() if name != "GIT_INDEX_FILE"}
"""For commands that fill a new work tree, which has an index of its own."""

OPTIONS = (
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "core.attributesFile=/dev/null",
    "core.sshCommand=/bin/false",
    "core.editor=/bin/false",
    "core.askPass=/bin/false",
    "core.alternateRefsCommand=",
    "log.showSignature=false",
    "log.mailmap=false",
    "gpg.program=/bin/false",
    "gpg.openpgp.program=/bin/false",
    "gpg.ssh.program=/bin/false",
    "gpg.x509.program=/bin/false",
    "diff.external=",
    "diff.ignoreSubmodules=all",
    "submodule.recurse=false",
    "interactive.diffFilter=",
    "blame.ignoreRevsFile=",
    "credential.helper=",
    "protocol.allow=never",
    "protocol.ext.allow=never",
    "gc.auto=0",
    "maintenance.auto=false",
    "commit.gpgSign=false",
    "tag.gpgSign=false",
    # Git 3.0 will ask for this: the path of a bare repository comes from the user's configuration, never from a search.
    "safe.bareRepository=all",
    # A new work tree holds the whole commit, and no setting of the repository is written for it.
    "core.sparseCheckout=false",
    "worktree.useRelativePaths=false",
    # Writing files waits more than it works: three times as fast with four at once, on two busy processors [M].
    "checkout.workers=4",
)

EMPTY_TREE = {
    "sha1": "4b825dc642cb6eb9a060e54bf8d69288fbee4904",
    "sha256": "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321",
}
"""Where attributes are read from instead of the work tree, by git 2.41 and later; older ones ignore the variable."""

MOST_DRIVERS = 500

_DRIVER_KEYS = {
    "filter": (("smudge", ""), ("clean", ""), ("process", ""), ("required", "false")),
    "diff": (("textconv", ""), ("command", ""), ("cachetextconv", "false")),
    "merge": (("driver", ""),),
}


class TooManyDrivers(Exception):
    """A configuration that defines more drivers than an environment can switch off."""


def drop_inherited() -> None:
    """Remove every `GIT_*` from this process's environment.

    GitPython can add to the environment it passes on and cannot remove from it; an inherited GIT_DIR would redirect the
    call. Nothing of this program reads those variables.
    """
    for name in [name for name in os.environ if name.startswith("GIT_") and name != "GIT_PYTHON_REFRESH"]:
        os.environ.pop(name, None)


def config_entries(listed: bytes) -> list[tuple[str, str]]:
    """Keys and values of `git config --list -z`."""
    entries = (os.fsdecode(entry).partition("\n") for entry in listed.split(b"\0") if entry)
    return [(key, value) for key, _, value in entries]


def neutralised(entries: list[tuple[str, str]]) -> dict[str, str]:
    """Environment variables that empty every driver of a configuration.

    `GIT_CONFIG_COUNT` and not `-c`: that splits at the first `=`, and a filter named `a=b` would survive it.

    Raises:
        TooManyDrivers: There are more than `MOST_DRIVERS`.
    """
    drivers = {_driver_of(key) for key, _ in entries} - {None}
    if len(drivers) > MOST_DRIVERS:
        raise TooManyDrivers
    settings = [
        (f"{section}.{name}.{key}", value)
        for section, name in sorted(driver for driver in drivers if driver is not None)
        for key, value in _DRIVER_KEYS[section]
    ]
    numbered = {f"GIT_CONFIG_KEY_{n}": key for n, (key, _) in enumerate(settings)}
    values = {f"GIT_CONFIG_VALUE_{n}": value for n, (_, value) in enumerate(settings)}
    return {"GIT_CONFIG_COUNT": str(len(settings)), **numbered, **values}


def _driver_of(key: str) -> tuple[str, str] | None:
    """`filter.a.b=c.smudge` is the filter `a.b=c`: only the first and the last dot divide."""
    section, _, rest = key.partition(".")
    name, dot, _ = rest.rpartition(".")
    return (section, name) if section in _DRIVER_KEYS and dot else None


def command_line(
    git: str, path: str, subcommand: str, arguments: tuple[str, ...], trusted: str | None, *, writes: bool = False
) -> list[str]:
    """The argument list of one call.

    Args:
        git: Absolute path of the program.
        path: Absolute path of the repository.
        trusted: A foreign-owned repository that the user's own configuration names as safe.
        writes: A change was asked for and confirmed.

    Raises:
        ValueError: The subcommand is not on the allow-list, which only a mistake of ours can cause.
    """
    if not _may_run(subcommand, arguments, writes=writes):
        raise ValueError(f"git {subcommand} is not one of the commands that may run")
    options = [*OPTIONS, *((f"safe.directory={trusted}",) if trusted else ())]
    settings = [part for option in options for part in ("-c", option)]
    flags = PATCH_FLAGS.get(subcommand, ())
    return [git, "--no-pager", "--no-optional-locks", "-C", path, *settings, subcommand, *flags, *arguments]


def _may_run(subcommand: str, arguments: tuple[str, ...], *, writes: bool) -> bool:
    if subcommand in READ_COMMANDS:
        return True
    first = arguments[0] if arguments else ""
    if subcommand == "worktree" and first in WORKTREE_READS:
        return True
    if not writes or subcommand not in WRITE_COMMANDS:
        return False
    verbs = WRITE_COMMANDS[subcommand]
    return verbs is None or first in verbs
