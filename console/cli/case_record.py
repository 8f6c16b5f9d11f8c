"""What is written into a case: notes, evidence, snapshots, the impact, what was done to stop the harm."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import click

from console.case.book import Book
from console.case.entries import deploys
from console.case.entries import evidence as evidence_draft
from console.case.events import Draft
from console.case.gates import change_warnings
from console.case.journal import NotSaved
from console.case.model import MITIGATIONS
from console.cli.case_session import book_of, done, moment, opened, words_of, writing
from console.cli.outcome import say
from console.config.load import load
from console.domain.instant import Window, rfc3339

IMPACT = ("users_pct", "journeys", "regions", "data_risk", "workaround", "statement", "lingering")


@click.command("note")
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
    text = words_of(words)
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
    return done(book, f"noted: {event.text}", as_json, event=event.id)


@click.command("evidence")
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
    claim = words_of(words)
    if not claim:
        raise click.UsageError("say what was seen")
    text = words_of((excerpt,)) if excerpt == "-" else excerpt
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
    return done(
        book, f"{event.data['name']}: {event.text}", as_json, evidence=event.data["name"], digest=event.data["digest"]
    )


@click.command("snapshot")
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
    names = take_snapshot(book, config_path, at, services)
    return done(book, f"snapshot taken: {', '.join(names) or 'nothing is wrong'}", as_json, evidence=names)


def take_snapshot(book: Book, config_path: Path | None, at: str | None, services: tuple[str, ...]) -> list[str]:
    """Diagnose once and keep the answer, and the deploys in it; the names of its evidence."""
    from console.cli.case_questions import snapshot_drafts
    from console.cli.options import request

    asked = request(config_path, at, None, None, services, False, False)
    diagnosis, drafts = asyncio.run(snapshot_drafts(asked))
    declared = book.read().times.get("declared_at")
    if declared is not None:
        book.saw_deploys(deploys(diagnosis.changes, declared))
    return [str(event.data["name"]) for event in book.write_all(drafts) if event.kind == "evidence"]


@click.command("impact")
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
    return done(book, event.text, as_json, event=event.id)


@click.command("mitigation")
@click.argument("case")
@click.argument("words", nargs=-1, metavar="WHAT")
@click.option(
    "--kind",
    type=click.Choice(MITIGATIONS),
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
    text = words_of(words)
    if not text:
        raise click.UsageError("say what was done")
    book = book_of(loaded, case, author)
    for gate in change_warnings(book.read(), kind, by or book.author):
        say(f"{gate.rule}: {gate.says}")
    data = {"kind": kind, "risk": risk, "executed_by": by or book.author, "result": result}
    event = book.write(
        Draft("mitigation", text, data, moment("--at", at, loaded), evidence=tuple(e.upper() for e in evidence))
    )
    return done(book, f"mitigation: {event.text}", as_json, event=event.id)
