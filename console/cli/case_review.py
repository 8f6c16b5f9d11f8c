"""What a case tells others and what it leaves to do: messages, follow-ups, the post-mortem."""

from __future__ import annotations

from pathlib import Path

import click

from console.case.comms import TEMPLATES, blame, vague
from console.case.events import Draft
from console.cli.case_session import book_of, done, moment, opened, words_of, writing
from console.cli.options import write_json
from console.cli.outcome import Exit, say
from console.config.load import load
from console.domain.instant import rfc3339
from console.guard.sanitise import safe


@click.command("update")
@click.argument("case")
@click.argument("template", type=click.Choice(tuple(TEMPLATES)), required=False)
@click.option("--field", "fields", multiple=True, metavar="NAME=TEXT", help="A field of the template (repeatable).")
@click.option("--sent", is_flag=True, help="Somebody sent it: write that down too.")
@click.option("--next", "next_due", metavar="TIME", help="When the next one is due.")
@writing
def update(
    case: str,
    template: str | None,
    fields: tuple[str, ...],
    sent: bool,
    next_due: str | None,
    config_path: Path | None,
    author: str | None,
    as_json: bool,
    plain: bool,
) -> int:
    """Draft a message from TEMPLATE and keep it; people send it. Without TEMPLATE: what there is."""
    loaded = load(config_path)
    book = book_of(loaded, case, author)
    if template is None:
        for one in TEMPLATES.values():
            click.echo(
                f"{one.id} ({one.audience}): {', '.join((*one.required, *(f'[{name}]' for name in one.optional)))}"
            )
        return Exit.DONE
    given = {}
    for field in fields:
        name, equals, value = field.partition("=")
        if not equals:
            raise click.UsageError(f"--field {field}: write NAME=TEXT")
        given[name.strip()] = value.strip()
    due = moment("--next", next_due, loaded)
    event, found = book.message(template, given, sent=sent, next_due=rfc3339(due) if due is not None else None)
    for hint in found:
        say(f"look at this: {hint}")
    if as_json:
        write_json(
            {"case": book.id, "event": event.id, "template": template, "body": event.text, "lints": found, "sent": sent}
        )
    else:
        for line in event.text.split("\n"):
            click.echo(safe(line))
    return Exit.DONE


@click.command("action")
@click.argument("case")
@click.argument("words", nargs=-1, metavar="TEXT")
@click.option("--change", "name", metavar="A1", help="Change this one instead of adding one.")
@click.option("--type", "type_", type=click.Choice(("prevent", "detect", "mitigate", "process")), default=None)
@click.option("--owner", metavar="NAME")
@click.option("--due", metavar="DAY")
@click.option("--done-when", metavar="TEXT", help="How one sees that it is done.")
@click.option("--status", type=click.Choice(("open", "done", "declined")), default=None)
@writing
def action(
    case: str,
    words: tuple[str, ...],
    name: str | None,
    type_: str | None,
    owner: str | None,
    due: str | None,
    done_when: str | None,
    status: str | None,
    config_path: Path | None,
    author: str | None,
    as_json: bool,
    plain: bool,
) -> int:
    """Add something to do after the incident, with one owner and a day."""
    book = opened(config_path, case, author)
    text = words_of(words) or (f"{name} changed" if name else "")
    if not text:
        raise click.UsageError("say what is to be done, beginning with a verb")
    data = {"name": name, "type": type_, "owner": owner, "due": due, "done_when": done_when, "status": status}
    event = book.action_item(text, {key: value for key, value in data.items() if value})
    hint = vague(text)
    if hint:
        say(f"look at this: {hint}")
    return done(book, f"{event.data['name']}: {event.text}", as_json, action=event.data["name"])


@click.command("review")
@click.argument("case")
@click.argument("words", nargs=-1, metavar="[TEXT]")
@click.option(
    "--status",
    type=click.Choice(("Draft", "In review", "Reviewed", "Closed"), case_sensitive=False),
    help="How far the post-mortem is.",
)
@click.option(
    "--part",
    type=click.Choice(("trigger", "factor", "went_well", "went_badly", "lucky", "detection", "response", "recurrence")),
)
@click.option("--owner", metavar="NAME", help="Who brings it to its end.")
@writing
def review(
    case: str,
    words: tuple[str, ...],
    status: str | None,
    part: str | None,
    owner: str | None,
    config_path: Path | None,
    author: str | None,
    as_json: bool,
    plain: bool,
) -> int:
    """Write a part of the post-mortem, or say how far it is. It asks what and how, never who."""
    book = opened(config_path, case, author)
    text = words_of(words)
    if not (text or status or owner):
        raise click.UsageError("give a text with --part, or --status, or --owner")
    if text and not part:
        raise click.UsageError("say which part of the review it is: --part factor")
    found = book.read()
    for hint in blame(text, sorted({*found.roles.values(), *found.authors})):
        say(f"look at this: {hint}")
    data = {key: value for key, value in (("status", status), ("part", part), ("owner", owner)) if value}
    told_ = ", ".join(one for one in (status, f"owner {owner}" if owner else None) if one)
    event = book.write(Draft("review", text or f"post-mortem: {told_}", data))
    return done(book, event.text, as_json, **data)
