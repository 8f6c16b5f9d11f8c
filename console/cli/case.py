"""`incident case`: the incident's record. Everything is appended and on the disk before it is confirmed; nothing is ever edited."""

from __future__ import annotations

import time
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from console.case.book import Book
from console.case.fold import fold
from console.case.journal import Reader
from console.case.model import SEVERITIES
from console.case.store import case_ids, find_case, looked_at, set_looked
from console.cli import case_course, case_ledger, case_record, case_review
from console.cli.case_session import (
    author_option,
    book_of,
    cases_of,
    moment,
    told,
    who,
    words_of,
    writing,
)
from console.cli.options import config_option, forms, require_known, write_json
from console.cli.outcome import Exit, say
from console.config.load import load
from console.domain.instant import rfc3339
from console.guard.sanitise import safe


@click.group("case")
def command() -> None:
    """The incident's record: who saw, did and decided what, and when.

    CASE is an id, a part of one that is unique, or `latest`.
    """


for _part in (
    *(case_record.note, case_record.evidence, case_record.snapshot, case_record.impact, case_record.mitigation),
    *(case_course.state, case_course.close, case_course.severity, case_course.role, case_course.handoff),
    *(case_review.update, case_review.action, case_review.review),
    *(case_ledger.hypothesis, case_ledger.checklist),
):
    command.add_command(_part)


@command.command("new")
@click.argument("words", nargs=-1, metavar="TITLE")
@click.option("--title", metavar="TITLE", help="The title, where it is not given as words.")
@click.option("--severity", metavar="|".join(SEVERITIES), help="How bad it is; unsure between two, take the higher.")
@click.option("--service", "services", multiple=True, metavar="NAME", help="A service that it is about (repeatable).")
@click.option("--summary", metavar="TEXT", help="One or two sentences.")
@click.option(
    "--detected-by",
    "detection",
    type=click.Choice(("alert", "user", "support", "other")),
    default="other",
    show_default=True,
)
@click.option("--started", metavar="TIME", help="When the impact began, where it is known.")
@click.option("--diagnose", is_flag=True, help="Take a snapshot of the diagnosis into it at once.")
@writing
def new(
    words: tuple[str, ...],
    title: str | None,
    severity: str | None,
    services: tuple[str, ...],
    summary: str | None,
    detection: str,
    started: str | None,
    diagnose: bool,
    config_path: Path | None,
    author: str | None,
    as_json: bool,
    plain: bool,
) -> int:
    """Open a case; prints its id."""
    loaded = load(config_path)
    require_known(services, loaded.config)
    begun = moment("--started", started, loaded)
    data = {
        "severity": severity, "services": list(services), "summary": summary, "detection": detection,
        "impact_started_at": rfc3339(begun) if begun is not None else None,
    }  # fmt: skip
    book = Book.new(cases_of(loaded), title or words_of(words), who(author), {k: v for k, v in data.items() if v})
    if as_json:
        from console.report.case_json import summary_json

        write_json(summary_json(book.read()))
    else:
        click.echo(book.id)
    say(f"opened; everything is kept in {book.folder}")
    if diagnose:
        case_record.take_snapshot(book, config_path, None, services)
    return Exit.DONE


@command.command("list")
@click.option("--all", "everything", is_flag=True, help="Closed, cancelled and merged cases too.")
@config_option
@forms
@told
def list_(everything: bool, config_path: Path | None, as_json: bool, plain: bool) -> int:
    """Every case that goes on, the newest first."""
    from console.case.model import ENDED
    from console.report.case_json import summary_json
    from console.report.case_text import list_lines

    folder, now = cases_of(load(config_path)), time.time()
    cases = [fold(name, Reader(folder / name).read()[0]) for name in case_ids(folder)]
    shown = [case for case in cases if everything or as_json or case.state not in ENDED]
    if as_json:
        write_json({"cases": [summary_json(case) for case in shown]})
        return Exit.DONE
    for line in list_lines(shown, now):
        click.echo(safe(line))
    if not shown:
        left = f"; --all shows {len(cases)} that ended" if cases else ""
        say(f"no case goes on: `incident case new TITLE` opens one{left}")
    return Exit.DONE


@command.command("show")
@click.argument("case")
@click.option("--timeline", is_flag=True, help="Every entry, not only the newest.")
@click.option("--at", metavar="TIME", help="As the record could be read then.")
@author_option
@config_option
@forms
@told
def show(
    case: str, timeline: bool, at: str | None, author: str | None, config_path: Path | None, as_json: bool, plain: bool
) -> int:
    """One case, beginning with what happened since you last looked."""
    from console.case.brief import since_you_looked
    from console.report.case_json import case_json
    from console.report.case_text import case_lines

    loaded = load(config_path)
    book = book_of(loaded, case, author)
    knowledge = moment("--at", at, loaded)
    now = knowledge if knowledge is not None else time.time()
    found = book.read(knowledge)
    zone = ZoneInfo(loaded.config.console.timezone)
    if as_json:
        write_json(case_json(found, now))
        return Exit.DONE
    if knowledge is None:
        since = looked_at(book.folder, book.author)
        if since is not None:
            for line in since_you_looked(found, since, now, zone):
                click.echo(safe(line))
            click.echo("")
        set_looked(book.folder, book.author, now)
    for line in case_lines(found, now, zone, whole=timeline):
        click.echo(safe(line))
    return Exit.DONE


@command.command("verify")
@click.argument("case", required=False)
@config_option
@forms
@told
def verify(case: str | None, config_path: Path | None, as_json: bool, plain: bool) -> int:
    """Look whether the record and the audit of what was sent are whole: no line changed, taken out or put in between.

    Without CASE every case.

    \b
    Exit code: 0 whole · 1 something was changed or cannot be read.
    """
    from console.case.verify import verified
    from console.config.effective import state_folder

    loaded = load(config_path)
    folder = cases_of(loaded)
    ids = [find_case(folder, case)] if case else case_ids(folder)
    found = verified(folder, ids, state_folder(loaded) / "repro" / "audit.jsonl")
    if as_json:
        write_json({
            "whole": all(one.whole for one in found),
            "files": [
                {"case": one.case, "file": one.file, "lines": one.lines, "whole": one.whole, "torn": one.torn, "says": one.says}
                for one in found
            ],
        })  # fmt: skip
    else:
        for one in found:
            click.echo(safe(f"{one.case or 'audit'} {one.file}: {one.says}"))
        if not found:
            say("there is nothing to verify yet")
    return Exit.DONE if all(one.whole for one in found) else Exit.INCIDENT
