"""What commands that write into a case share: which case, who writes, and how a refusal or a full disk is told."""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from console.case.book import Blocked, Book, Unfit
from console.case.events import Draft
from console.case.hypotheses import NotAllowed
from console.case.journal import AUTHOR, NotSaved, author_name
from console.case.predictions import BadPrediction
from console.case.store import NoSuchCase, case_ids, cases_folder, find_case
from console.cli.options import config_option, forms, standard_input, write_json
from console.cli.outcome import Exit, Refused, say
from console.config.effective import state_folder
from console.config.load import ConfigError, Loaded, load
from console.domain.instant import Instant
from console.guard.sanitise import safe
from console.reproduce import user

F = TypeVar("F", bound=Callable[..., Any])

MOST_NOTE = 64 << 10
"""Bytes of standard input that one text may have."""
author_option = click.option("--author", metavar="NAME", envvar=AUTHOR, help="Who writes; default: the account's name.")


def writing(function: F) -> F:
    """Add --config, --author, --json and --plain, and tell what goes wrong in the words of the record."""
    for option in (config_option, author_option):
        function = option(function)
    return told(forms(function))


def told(function: F) -> F:
    """Refusals end with exit code 5; what is not saved is said with its text, so that nobody loses it."""

    @functools.wraps(function)
    def inner(*args: Any, **given: Any) -> Any:
        try:
            return function(*args, **given)
        except (Blocked, NotAllowed) as error:
            raise Refused(str(error)) from None
        except NotSaved as error:
            if error.lost:
                say(f"not saved: {error.lost}")
            raise click.ClickException(str(error)) from None
        except (NoSuchCase, Unfit, BadPrediction) as error:
            raise click.UsageError(str(error)) from None

    return inner  # type: ignore[return-value]  # the wrapper has the signature of what it wraps


def cases_of(loaded: Loaded) -> Path:
    """Where the cases of a configuration lie."""
    return cases_folder(state_folder(loaded))


def who(author: str | None) -> str:
    """Who writes."""
    return author_name(author or os.environ.get(AUTHOR) or user())


def book_of(loaded: Loaded, case: str, author: str | None = None) -> Book:
    """The case that was meant, open for writing.

    Raises:
        NoSuchCase: None or several answer to it.
    """
    folder = cases_of(loaded)
    return Book(folder, find_case(folder, case), who(author))


def opened(config_path: Path | None, case: str, author: str | None) -> Book:
    """As `book_of`, by the path of a configuration."""
    return book_of(load(config_path), case, author)


def into_case(loaded: Loaded, case: str | None, *drafts: Draft) -> None:
    """Write what a command found into a case, where one was named with --case; says that it did.

    Raises:
        click.UsageError: There is no such case.
        click.ClickException: It could not be saved; the command's own answer stands.
    """
    if case is None:
        return

    @told
    def write() -> None:
        book = book_of(loaded, case)
        book.write_all(drafts)
        say(f"written into {book.id}")

    write()


def into_incident(loaded: Loaded, incident: str | None, *drafts: Draft) -> None:
    """As `into_case` where the incident of a reproduction or fix is a case; nothing where it is only a name."""
    try:
        known = case_ids(cases_of(loaded)) if incident else []
    except ConfigError:
        return
    if incident in known:
        into_case(loaded, incident, *drafts)


def moment(option: str, text: str | None, loaded: Loaded) -> Instant | None:
    """When something happened, as `--at` says; None: now."""
    from zoneinfo import ZoneInfo

    from console.cli.options import at_option

    if text is None:
        return None
    return at_option(option, text, time.time(), ZoneInfo(loaded.config.console.timezone))


def words_of(words: tuple[str, ...]) -> str:
    """The text that was typed; `-` reads standard input.

    Raises:
        click.UsageError: It is too long.
    """
    if words == ("-",):
        data = standard_input().read(MOST_NOTE + 1)
        if len(data) > MOST_NOTE:
            raise click.UsageError(f"standard input is longer than {MOST_NOTE >> 10} KiB: note what matters of it")
        return data.decode("utf-8", "replace").strip()
    return " ".join(words).strip()


def done(book: Book, said: str, as_json: bool, **more: Any) -> int:
    """Confirm what is on the disk now."""
    if as_json:
        write_json({"case": book.id, **more})
    else:
        click.echo(safe(said, 2000))
    return Exit.DONE
