"""The course of a case: its state, severity and roles, each step past the gates."""

from __future__ import annotations

import time
from pathlib import Path

import click

from console.case.gates import Wish
from console.case.model import ROLES, SEVERITIES, CaseState
from console.case.store import find_case
from console.cli.case_session import book_of, cases_of, done, moment, opened, writing
from console.cli.options import write_json
from console.cli.outcome import Exit, say
from console.config.load import load
from console.guard.sanitise import safe

STATES = tuple(str(state) for state in CaseState)


@click.command("state")
@click.argument("case")
@click.argument("state", type=click.Choice(STATES), required=False)
@click.option("--reason", default="", metavar="TEXT", help="Why; passes a soft gate the second time.")
@click.option("--text", default="", metavar="TEXT", help="What is said with it.")
@click.option("--into", metavar="CASE", help="Of merged: the other case.")
@click.option("--at", metavar="TIME", help="When it happened.")
@writing
def state(
    case: str,
    state: str | None,
    reason: str,
    text: str,
    into: str | None,
    at: str | None,
    config_path: Path | None,
    author: str | None,
    as_json: bool,
    plain: bool,
) -> int:
    """Move the case on, or say where it stands.

    \b
    Exit code: 0 done · 5 a gate says no; a soft one lets pass when repeated with a reason.
    """
    loaded = load(config_path)
    book = book_of(loaded, case, author)
    if state is None:
        return done(book, str(book.read().state), as_json, state=str(book.read().state))
    target = find_case(cases_of(loaded), into) if into else None
    event = book.move(Wish(CaseState(state), reason, target, text), moment("--at", at, loaded))
    return done(book, event.text, as_json, state=state)


@click.command("close")
@click.argument("case")
@click.option(
    "--as", "how", type=click.Choice(("resolved", "cancelled", "merged")), default="resolved", show_default=True
)
@click.option("--reason", default="", metavar="TEXT", help="Why; passes a soft gate the second time.")
@click.option("--into", metavar="CASE", help="Of merged: the other case.")
@writing
def close(
    case: str,
    how: str,
    reason: str,
    into: str | None,
    config_path: Path | None,
    author: str | None,
    as_json: bool,
    plain: bool,
) -> int:
    """Close the case. As resolved only when recovery was judged `recovered`, or with a reason that the report shows.

    \b
    Exit code: 0 closed · 5 a gate says no; a soft one lets pass when repeated with a reason.
    """
    loaded = load(config_path)
    book = book_of(loaded, case, author)
    target = find_case(cases_of(loaded), into) if into else None
    to = CaseState.CLOSED if how == "resolved" else CaseState(how)
    event = book.close(Wish(to, reason, target))
    return done(book, event.text, as_json, state=str(to))


@click.command("severity")
@click.argument("case")
@click.argument("severity", metavar="|".join(SEVERITIES))
@click.option("--reason", default="", metavar="TEXT", help="Why it changes.")
@writing
def severity(
    case: str, severity: str, reason: str, config_path: Path | None, author: str | None, as_json: bool, plain: bool
) -> int:
    """Set how bad it is."""
    book = opened(config_path, case, author)
    event = book.severity(severity, reason)
    return done(book, event.text, as_json, severity=event.data["to"])


@click.command("role")
@click.argument("case")
@click.argument("role", type=click.Choice(ROLES))
@click.argument("person")
@writing
def role(
    case: str, role: str, person: str, config_path: Path | None, author: str | None, as_json: bool, plain: bool
) -> int:
    """Give ROLE to PERSON (`-`: nobody). An incident commander who is there hands over instead."""
    book = opened(config_path, case, author)
    event = book.role(role, person)
    found = book.read()
    if (
        found.severity in ("P0", "P1")
        and found.roles.get("ic")
        and found.roles.get("ic") == found.roles.get("ops_lead")
    ):
        say("SG10: the incident commander does not resolve: give the operations to somebody else")
    return done(book, event.text, as_json, role=role, person=person)


@click.command("handoff")
@click.argument("case")
@click.option("--role", "role", type=click.Choice(ROLES), default="ic", show_default=True)
@click.option("--to", metavar="NAME", help="Offer it to this person.")
@click.option("--accept", is_flag=True, help="Take over what was offered to you.")
@writing
def handoff(
    case: str,
    role: str,
    to: str | None,
    accept: bool,
    config_path: Path | None,
    author: str | None,
    as_json: bool,
    plain: bool,
) -> int:
    """Hand a role over, with a brief made from the record; it takes effect when it is accepted. Without --to: the brief."""
    from console.case.brief import handoff_brief

    book = opened(config_path, case, author)
    if accept:
        event = book.accept(role, book.author)
        return done(book, event.text, as_json, role=role, person=book.author)
    if to is None:
        brief = handoff_brief(book.read(), time.time())
    else:
        _, brief = book.offer(role, to)
        say(f"offered: {to} takes over with `incident case handoff {book.id} --role {role} --accept --author {to}`")
    if as_json:
        write_json({"case": book.id, "role": role, "to": to, "brief": brief})
    else:
        for line in brief.split("\n"):
            click.echo(safe(line))
    return Exit.DONE
