"""Exit codes, and the one place where an exception becomes a sentence and a code."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from enum import IntEnum

import click

from console.config.errors import ConfigError
from console.domain.instant import BadTime
from console.guard.sanitise import safe


class Exit(IntEnum):
    """The exit codes of every command."""

    DONE = 0
    INCIDENT = 1
    USAGE = 2
    INCONCLUSIVE = 3
    SOURCES_DOWN = 4
    REFUSED = 5
    BUG = 70
    """A fault of this program itself, as sysexits.h numbers it; never a verdict."""
    INTERRUPTED = 130


class NoScreen(Exception):
    """There is no terminal that can show the console; the text says why, and what to use instead."""


class Refused(Exception):
    """A safety rule said no; the text names the rule."""


def say(message: str) -> None:
    """A message for the person: standard error, sanitised line by line. Where nobody can be told, nothing is said."""
    for line in message.splitlines():
        with suppress(OSError):
            click.echo(safe(line), err=True)


def run_guarded(action: Callable[[], int]) -> int:
    """Run a command; return its exit code, whatever happens. No traceback reaches the user."""
    if sys.stdout is None:  # so Python says that the file is closed
        say("standard output is closed: lead it to a terminal, a file or a pipe")
        return Exit.USAGE
    try:
        code = action()
        sys.stdout.flush()  # here, since an error at the interpreter's end could not be told
        return code
    except (Exception, KeyboardInterrupt, BaseExceptionGroup) as error:
        return _told(_first(error))


def _first(error: BaseException) -> BaseException:
    """Of several errors of tasks that ran together, the one that ended the others."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _told(error: BaseException) -> int:
    """Say what went wrong; return the exit code that goes with it."""
    match error:
        case click.exceptions.Exit():
            return error.exit_code
        case click.Abort() | KeyboardInterrupt():
            say("interrupted")
            return Exit.INTERRUPTED
        case click.ClickException():
            told = io.StringIO()
            error.show(told)  # what was typed may be repeated in it
            say(told.getvalue())
            return Exit.USAGE
        case ConfigError() | BadTime() | NoScreen():
            say(str(error))
            return Exit.USAGE
        case Refused():
            say(str(error))
            return Exit.REFUSED
        case BrokenPipeError():
            # The reader of a pipe went away (`incident logs | head`): not an error.
            _end_output()
            return Exit.DONE
        case _ if os.environ.get("INCIDENT_DEBUG"):
            raise error
        case OSError(errno=int()):
            _end_output()
            say(_io_fault(error))
            return Exit.USAGE
    from console.guard.redact import redact_wholly

    said = redact_wholly(str(error))  # it may repeat what was read
    say(f"internal error ({type(error).__name__}: {said}); run again with INCIDENT_DEBUG=1 to see where, and report it")
    return Exit.BUG


def _io_fault(error: OSError) -> str:
    """What the machine refused, in one sentence: a full disk, a folder that is gone, too many open files."""
    try:
        os.getcwd()
    except FileNotFoundError:
        return "the working directory no longer exists: change to another one"
    return f"{error.filename or 'input or output'}: {error.strerror}"


def _end_output() -> None:
    """Write what waits; where that fails, let go of it: Python would try again when it ends, complain, and change the code."""
    try:
        sys.stdout.flush()
    except OSError:
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
