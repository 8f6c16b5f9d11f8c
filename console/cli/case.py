"""`incident case`: the incident's record. Everything is appended and on the disk before it is confirmed; nothing is ever edited."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click

from console.case.book import Book, Unfit
from console.case.checklists import CHECKLISTS, lines
from console.case.comms import TEMPLATES, blame, vague
from console.case.entries import evidence as evidence_draft
from console.case.events import Draft
from console.case.fold import fold
from console.case.gates import Wish, change_warnings
from console.case.hypotheses import rivals_unsplit
from console.case.journal import NotSaved, Reader
from console.case.model import ROLES, SEVERITIES, CaseState, HypothesisState, Outcome
from console.case.store import case_ids, find_case, looked_at, set_looked
from console.cli.case_session import (
    author_option,
    book_of,
    cases_of,
    moment,
    opened,
    told,
    who,
    writing,
)
from console.cli.options import config_option, forms, require_known, standard_input, write_json
from console.cli.outcome import Exit, say
from console.config.load import load
from console.domain.instant import Window, rfc3339
from console.guard.sanitise import safe

STATES = tuple(str(state) for state in CaseState)
MOST_NOTE = 64 << 10
IMPACT = ("users_pct", "journeys", "regions", "data_risk", "workaround", "statement", "lingering")


@click.group("case")
def command() -> None:
    """The incident's record: who saw, did and decided what, and when.

    CASE is an id, a part of one that is unique, or `latest`.
    """


def _words(words: tuple[str, ...]) -> str:
    """The text that was typed; `-` reads standard input."""
    if words == ("-",):
        data = standard_input().read(MOST_NOTE + 1)
        if len(data) > MOST_NOTE:
            raise click.UsageError(f"standard input is longer than {MOST_NOTE >> 10} KiB: note what matters of it")
        return data.decode("utf-8", "replace").strip()
    return " ".join(words).strip()


def _done(book: Book, said: str, as_json: bool, **more: Any) -> int:
    """Confirm what is on the disk now."""
    if as_json:
        write_json({"case": book.id, **more})
    else:
        click.echo(safe(said, 2000))
    return Exit.DONE


# --- new, list, show ---------------------------------------------------------------------------------------------


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
    book = Book.new(cases_of(loaded), title or _words(words), who(author), {k: v for k, v in data.items() if v})
    if as_json:
        from console.report.case_json import summary_json

        write_json(summary_json(book.read()))
    else:
        click.echo(book.id)
    say(f"opened; everything is kept in {book.folder}")
    if diagnose:
        _snapshot(book, config_path, None, services)
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


# --- writing -----------------------------------------------------------------------------------------------------


@command.command("note")
@click.argument("case")
@click.argument("words", nargs=-1, metavar="TEXT")
@click.option("--at", metavar="TIME", help="When it happened, where that is not now.")
@click.option(
    "--kind",
    type=click.Choice(("note", "observation", "decision", "task", "action")),
    default="note",
    show_default=True,
)
@click.option("--evidence", multiple=True, metavar="E1", help="What it rests on (repeatable).")
@click.option("--assumed", is_flag=True, help="It is not known for sure.")
@click.option("--supersedes", metavar="ID", help="The entry that this corrects; see `show --json`.")
@writing
def note(
    case: str,
    words: tuple[str, ...],
    at: str | None,
    kind: str,
    evidence: tuple[str, ...],
    assumed: bool,
    supersedes: str | None,
    config_path: Path | None,
    author: str | None,
    as_json: bool,
    plain: bool,
) -> int:
    """Write into the timeline; TEXT `-` reads standard input. A correction is a new entry that names the old one."""
    loaded = load(config_path)
    text = _words(words)
    book = book_of(loaded, case, author)
    if not text:
        raise click.UsageError("there is nothing to note")
    if supersedes and all(event.id != supersedes for event in book.read().events):
        raise click.UsageError(f"no entry {supersedes!r}")
    draft = Draft(
        kind, text, occurred_at=moment("--at", at, loaded), evidence=tuple(e.upper() for e in evidence),
        certainty="assumed" if assumed else "confirmed", supersedes=supersedes,
    )  # fmt: skip
    try:
        event = book.write(draft)
    except NotSaved as error:
        raise NotSaved(error.why, text) from None
    return _done(book, f"noted: {event.text}", as_json, event=event.id)


@command.command("evidence")
@click.argument("case")
@click.argument("words", nargs=-1, metavar="CLAIM")
@click.option("--source", default="", metavar="NAME", help="Where it was seen.")
@click.option("--query", default="", metavar="TEXT", help="What finds it again.")
@click.option("--since", metavar="TIME", help="Start of the stretch that it is about.")
@click.option("--until", metavar="TIME", help="Its end; default: now.")
@click.option(
    "--kind",
    type=click.Choice(("log", "metric", "change", "trace", "repro", "fix", "note")),
    default="note",
    show_default=True,
)
@click.option("--excerpt", default="", metavar="TEXT", help="What was seen; - reads standard input.")
@click.option("--inference", is_flag=True, help="It is concluded, not read.")
@click.option("--against", is_flag=True, help="It speaks against the suspect or hypothesis.")
@writing
def evidence(
    case: str,
    words: tuple[str, ...],
    source: str,
    query: str,
    since: str | None,
    until: str | None,
    kind: str,
    excerpt: str,
    inference: bool,
    against: bool,
    config_path: Path | None,
    author: str | None,
    as_json: bool,
    plain: bool,
) -> int:
    """Keep something that was seen, with its source, query, stretch and digest; prints its name."""
    loaded = load(config_path)
    start, end = moment("--since", since, loaded), moment("--until", until, loaded)
    window = Window(start, max(start, end if end is not None else time.time())) if start is not None else None
    claim = _words(words)
    if not claim:
        raise click.UsageError("say what was seen")
    text = _words((excerpt,)) if excerpt == "-" else excerpt
    book = book_of(loaded, case, author)
    event = book.write(
        evidence_draft(
            claim,
            kind=kind,
            source=source,
            query=query,
            window=window,
            excerpt=text,
            fact=not inference,
            supports=not against,
        )
    )
    return _done(
        book, f"{event.data['name']}: {event.text}", as_json, evidence=event.data["name"], digest=event.data["digest"]
    )


@command.command("snapshot")
@click.argument("case")
@click.option("--at", metavar="TIME", help="Diagnose as it could have been then.")
@click.option("--service", "services", multiple=True, metavar="NAME", help="Only this service (repeatable).")
@writing
def snapshot(
    case: str,
    at: str | None,
    services: tuple[str, ...],
    config_path: Path | None,
    author: str | None,
    as_json: bool,
    plain: bool,
) -> int:
    """Diagnose once and keep the answer with its evidence."""
    book = opened(config_path, case, author)
    names = _snapshot(book, config_path, at, services)
    return _done(book, f"snapshot taken: {', '.join(names) or 'nothing is wrong'}", as_json, evidence=names)


def _snapshot(book: Book, config_path: Path | None, at: str | None, services: tuple[str, ...]) -> list[str]:
    from console.cli.case_questions import snapshot_drafts
    from console.cli.options import request

    asked = request(config_path, at, None, None, services, False, False)
    drafts = asyncio.run(snapshot_drafts(asked))
    return [str(event.data["name"]) for event in book.write_all(drafts) if event.kind == "evidence"]


@command.command("impact")
@click.argument("case")
@click.option("--statement", metavar="TEXT", help="Who is affected and how, with numbers.")
@click.option("--users-pct", type=click.FloatRange(0, 100), metavar="N", help="Share of users.")
@click.option("--journeys", metavar="TEXT", help="Core journeys that do not work.")
@click.option("--regions", metavar="TEXT")
@click.option("--data-risk", metavar="TEXT", help="Data lost, corrupted or exposed, or that none is.")
@click.option("--workaround", metavar="TEXT")
@click.option("--lingering", metavar="TEXT", help="What stays behind in the data after it ends, or that nothing does.")
@click.option("--started", metavar="TIME", help="When the impact began.")
@writing
def impact(
    case: str,
    started: str | None,
    config_path: Path | None,
    author: str | None,
    as_json: bool,
    plain: bool,
    **given: Any,
) -> int:
    """Write down what it does to users, and since when."""
    loaded = load(config_path)
    data = {name: given[name] for name in IMPACT if given.get(name) is not None}
    begun = moment("--started", started, loaded)
    if begun is not None:
        data["impact_started_at"] = rfc3339(begun)
    if not data:
        raise click.UsageError("say something of the impact: --statement TEXT")
    book = book_of(loaded, case, author)
    text = str(data.get("statement") or ", ".join(f"{name} {value}" for name, value in data.items()))
    event = book.write(Draft("impact", f"impact: {text}", data))
    return _done(book, event.text, as_json, event=event.id)


@command.command("mitigation")
@click.argument("case")
@click.argument("words", nargs=-1, metavar="WHAT")
@click.option(
    "--kind",
    type=click.Choice(("rollback", "flag", "scale", "reroute", "restart", "config", "rate_limit", "other")),
    default="other",
)
@click.option("--at", metavar="TIME", help="When it was done.")
@click.option("--risk", default="", metavar="TEXT")
@click.option("--by", default="", metavar="NAME", help="Who did it.")
@click.option("--result", default="", metavar="TEXT")
@click.option("--evidence", multiple=True, metavar="E1")
@writing
def mitigation(
    case: str,
    words: tuple[str, ...],
    kind: str,
    at: str | None,
    risk: str,
    by: str,
    result: str,
    evidence: tuple[str, ...],
    config_path: Path | None,
    author: str | None,
    as_json: bool,
    plain: bool,
) -> int:
    """Write down what was done to stop the harm. No gate makes it wait for a diagnosis."""
    loaded = load(config_path)
    text = _words(words)
    if not text:
        raise click.UsageError("say what was done")
    book = book_of(loaded, case, author)
    for gate in change_warnings(book.read(), kind, by or book.author):
        say(f"{gate.rule}: {gate.says}")
    data = {"kind": kind, "risk": risk, "executed_by": by or book.author, "result": result}
    event = book.write(
        Draft("mitigation", text, data, moment("--at", at, loaded), evidence=tuple(e.upper() for e in evidence))
    )
    return _done(book, f"mitigation: {event.text}", as_json, event=event.id)


# --- state, severity, roles --------------------------------------------------------------------------------------


@command.command("state")
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
        return _done(book, str(book.read().state), as_json, state=str(book.read().state))
    target = find_case(cases_of(loaded), into) if into else None
    event = book.move(Wish(CaseState(state), reason, target, text), moment("--at", at, loaded))
    return _done(book, event.text, as_json, state=state)


@command.command("close")
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
    return _done(book, event.text, as_json, state=str(to))


@command.command("severity")
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
    return _done(book, event.text, as_json, severity=event.data["to"])


@command.command("role")
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
    return _done(book, event.text, as_json, role=role, person=person)


@command.command("handoff")
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
        return _done(book, event.text, as_json, role=role, person=book.author)
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


# --- messages, review --------------------------------------------------------------------------------------------


@command.command("update")
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


@command.command("action")
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
    text = _words(words) or (f"{name} changed" if name else "")
    if not text:
        raise click.UsageError("say what is to be done, beginning with a verb")
    data = {"name": name, "type": type_, "owner": owner, "due": due, "done_when": done_when, "status": status}
    event = book.action_item(text, {key: value for key, value in data.items() if value})
    hint = vague(text)
    if hint:
        say(f"look at this: {hint}")
    return _done(book, f"{event.data['name']}: {event.text}", as_json, action=event.data["name"])


@command.command("review")
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
    text = _words(words)
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
    return _done(book, event.text, as_json, **data)


# --- hypotheses --------------------------------------------------------------------------------------------------


@command.command("hypothesis")
@click.argument("case")
@click.argument("words", nargs=-1, metavar="[STATEMENT | H1]")
@click.option("--because", default="", metavar="TEXT", help="The mechanism.")
@click.option(
    "--predict",
    multiple=True,
    metavar="TEXT",
    help="What is seen if it holds: `max(error_rate, checkout) > 5% over 10m`, `count(QUERY) > 20 over 10m`, or `manual: …`.",
)
@click.option("--refutes", default="", metavar="TEXT", help="The observation that would refute it.")
@click.option("--may-hold", is_flag=True, help="The prediction supports, and does not refute where it fails.")
@click.option("--min-samples", type=click.IntRange(min=1), default=1, show_default=True)
@click.option("--every", metavar="SPAN", help="Ask the prediction again so often.")
@click.option("--prior", type=click.Choice(("low", "med", "high")), default="med", show_default=True)
@click.option("--cost", type=click.FloatRange(min=0.1), default=5.0, metavar="MINUTES", help="Work of its next test.")
@click.option(
    "--explains", multiple=True, metavar="NAME", help="A symptom that it explains; default: all (repeatable)."
)
@click.option("--rival", multiple=True, metavar="H2")
@click.option("--parent", metavar="H1", help="The hypothesis that it refines.")
@click.option("--evidence", multiple=True, metavar="E1")
@click.option("--check", is_flag=True, help="Ask its predictions now.")
@click.option("--result", multiple=True, metavar="P1=holds|fails|inconclusive", help="What a person saw.")
@click.option("--state", "to", type=click.Choice(tuple(str(s) for s in HypothesisState)), help="Change its state.")
@click.option("--reason", default="", metavar="TEXT")
@click.option("--at", metavar="TIME", help="Of --check: as it could be known then.")
@writing
def hypothesis(
    case: str,
    words: tuple[str, ...],
    config_path: Path | None,
    author: str | None,
    as_json: bool,
    plain: bool,
    **given: Any,
) -> int:
    """Write down a hypothesis and what would refute it, ask its predictions, or change its state. Without words: all of them.

    \b
    Exit code: 0 done · 1 --check: a must-hold fails · 3 --check: inconclusive · 5 the rules of the ledger say no.
    """
    from console.report.case_json import hypothesis_json
    from console.report.case_text import hypothesis_lines

    loaded = load(config_path)
    book = book_of(loaded, case, author)
    code: int = Exit.DONE
    known = book.read().hypothesis(words[0]) if len(words) == 1 else None
    if words and known is None and words[0][:1] in "Hh" and words[0][1:].isdigit() and len(words) == 1:
        raise Unfit(f"there is no hypothesis {words[0]}")
    names = [known.name] if known is not None else []
    if words and known is None:
        names = [_written(book, _words(words), given)]
    for name in names:
        code = _changed(book, name, loaded, known is not None, given)
    found, now = book.read(), time.time()
    shown = [one for one in found.hypotheses if not names or one.name in names]
    if as_json:
        write_json({"case": book.id, "hypotheses": [hypothesis_json(one, now) for one in shown]})
    else:
        for one in shown:
            for line in hypothesis_lines(one, now):
                click.echo(safe(line))
    same = rivals_unsplit(found)
    if same is not None:
        say(f"{same[0].name} and {same[1].name} predict the same: add an observation that tells them apart")
    return code


def _written(book: Book, statement: str, given: dict[str, Any]) -> str:
    data = {
        "mechanism": given["because"], "prior": given["prior"], "cost": given["cost"], "explains": list(given["explains"]),
        "rivals": [name.upper() for name in given["rival"]], "parent": given["parent"],
    }  # fmt: skip
    return str(book.hypothesis(statement, data, [name.upper() for name in given["evidence"]]).data["name"])


def _changed(book: Book, name: str, loaded: Any, existing: bool, given: dict[str, Any]) -> int:
    from console.domain.instant import parse_span

    data = {
        "refutes": given["refutes"], "must_hold": not given["may_hold"], "min_samples": given["min_samples"],
        "every_s": parse_span(given["every"]) if given["every"] else None,
    }  # fmt: skip
    for text in given["predict"]:
        book.predict(name, text, data)
    if existing and not given["to"] and (given["evidence"] or given["rival"]):
        book.support(name, [e.upper() for e in given["evidence"]], [r.upper() for r in given["rival"]])
    for told_ in given["result"]:
        prediction, _, outcome = told_.partition("=")
        if outcome not in ("holds", "fails", "inconclusive"):
            raise click.UsageError(f"--result {told_}: write P1=holds, P1=fails or P1=inconclusive")
        book.result(
            name, prediction, Outcome(outcome), {"by": book.author}, given["reason"] or "seen by a person", by="human"
        )
    code: int = Exit.DONE
    if given["check"]:
        from console.cli.case_questions import check

        code = asyncio.run(check(book, name, loaded, moment("--at", given["at"], loaded)))
    if given["to"]:
        book.turn(name, HypothesisState(given["to"]), given["reason"], given["evidence"])
    return code


# --- checklists --------------------------------------------------------------------------------------------------


@command.command("checklist")
@click.argument("name", type=click.Choice(tuple(CHECKLISTS)), required=False)
@click.option("--case", metavar="CASE", help="Also draft its hypotheses in this case; none is opened.")
@writing
def checklist(
    name: str | None, case: str | None, config_path: Path | None, author: str | None, as_json: bool, plain: bool
) -> int:
    """Where to look, what would be seen, what stops the harm and what misleads. Without NAME: which there are."""
    shown = [CHECKLISTS[name]] if name else list(CHECKLISTS.values())
    drafted: list[str] = []
    if case is not None:
        if name is None:
            raise click.UsageError("say which checklist: --case drafts the hypotheses of one")
        book = opened(config_path, case, author)
        drafted = [
            str(book.hypothesis(statement, {"mechanism": f"then {seen}"}).data["name"])
            for statement, seen in CHECKLISTS[name].predict
        ]
    if as_json:
        write_json(
            {
                "checklists": [
                    {
                        "id": one.id,
                        "title": one.title,
                        "look": list(one.look),
                        "predict": [list(p) for p in one.predict],
                        "mitigate": list(one.mitigate),
                        "trap": one.trap,
                    }
                    for one in shown
                ],
                "drafted": drafted,
            }
        )
    else:
        for one in shown:
            for line in lines(one) if name else [f"{one.id}: {one.title}"]:
                click.echo(line)
    if drafted:
        say(
            f"drafted {', '.join(drafted)}: each opens with a prediction: `incident case hypothesis {case} {drafted[0]} --predict …`"
        )
    return Exit.DONE


# --- verify ------------------------------------------------------------------------------------------------------


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
