"""Exit codes, and the one place where an exception becomes a sentence and a code."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable
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


class Refused(Exception):
    """A safety rule said no; the text names the rule."""


def say(message: str) -> None:
    """A message for the person: standard error, sanitised line by line."""
    for line in message.splitlines():
        click.echo(safe(line), err=True)


def run_guarded(action: Callable[[], int]) -> int:
    """Run a command; return its exit code, whatever happens. No traceback reaches the user."""
    try:
        return action()
    except click.exceptions.Exit as done:
        return done.exit_code
    except click.Abort:
        say("interrupted")
        return Exit.INTERRUPTED
    except click.ClickException as error:
        told = io.StringIO()
        error.show(told)  # what was typed may be repeated in it
        say(told.getvalue())
        return Exit.USAGE
    except (ConfigError, BadTime) as error:
        say(str(error))
        return Exit.USAGE
    except Refused as error:
        say(str(error))
        return Exit.REFUSED
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    except BrokenPipeError:
        # The reader of a pipe went away (`incident logs | head`): not an error. Python would complain at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.DONE
    except Exception as error:
        if os.environ.get("INCIDENT_DEBUG"):
            raise
        say(
            f"internal error ({type(error).__name__}: {error}); run again with INCIDENT_DEBUG=1 to see where, and report it"
        )
        return Exit.BUG
