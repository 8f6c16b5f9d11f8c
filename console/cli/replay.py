"""`incident replay`: opens the console on what was recorded in a case."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from console.case.book import Book
from console.cli.case_session import moment, opened, told
from console.cli.options import config_option, forms, is_terminal, write_json
from console.cli.outcome import Exit, say
from console.config.load import Loaded, load
from console.domain.instant import Instant, rfc3339
from console.guard.sanitise import safe


@click.command("replay")
@click.argument("case")
@click.option("--at", metavar="TIME", help="Begin there; nothing that was seen or written later is shown.")
@config_option
@forms
@told
def command(case: str, at: str | None, config_path: Path | None, as_json: bool, plain: bool) -> int:
    """Open the console on what was recorded in CASE: `<` and `>` move the moment, `t` types it, `I` shows the record as it was then.

    A replay asks no source and writes nothing. With --json or --plain, or without a terminal: what was seen and written, in order.
    """
    loaded = load(config_path)
    book = opened(config_path, case, None)
    knowledge = moment("--at", at, loaded)
    if as_json or plain or not (is_terminal(sys.stdin) and is_terminal(sys.stdout)):
        return _listed(book, knowledge, as_json=as_json)
    return _screen(loaded, book, knowledge)


def _listed(book: Book, at: Instant | None, *, as_json: bool) -> int:
    from console.live.seen import frames
    from console.report.case_json import event_json

    found = [frame for frame in frames(book.folder) if at is None or frame.at <= at]
    case = book.read(at)
    seen: list[dict[str, Any]] = []
    unreadable = 0
    for frame in found:
        try:
            state = frame.load()
        except (OSError, ValueError):
            unreadable += 1
            continue
        lead = state.suspects.suspects[0] if state.suspects.suspects else None
        seen.append(
            {
                "at": rfc3339(frame.at),
                "state": str(state.header.state) if state.header.state is not None else None,
                "headline": str(state.header.headline),
                "suspect": f"{lead.kind} {lead.subject}" if lead is not None else None,
            }
        )
    if as_json:
        write_json({"case": book.id, "seen": seen, "timeline": [event_json(event) for event in case.timeline()]})
    else:
        said = [
            (one["at"], f"the console saw {one['state'] or 'no verdict'}: {one['headline']}") for one in _changes(seen)
        ]
        said += [(rfc3339(event.occurred_at), f"{event.author}: {event.text}") for event in case.timeline()]
        for when, text in sorted(said):
            click.echo(safe(f"{when} {text}"))
    if unreadable:
        say(f"{unreadable} recorded states cannot be read")
    if not seen:
        say("no console recorded what it saw in this case; its record stands")
    return Exit.DONE


def _changes(seen: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those that say something else than the one before."""
    kept: list[dict[str, Any]] = []
    for one in seen:
        if not kept or (kept[-1]["state"], kept[-1]["suspect"]) != (one["state"], one["suspect"]):
            kept.append(one)
    return kept


def _screen(loaded: Loaded, book: Book, at: Instant | None) -> int:
    from console.cli.run import prepare_screen

    prepare_screen(loaded)
    from console.cli.replay_screen import replay_console  # Textual reads the environment when it is imported

    return replay_console(loaded, book, at) or Exit.DONE
