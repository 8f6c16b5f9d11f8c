"""`incident repro`: safe reproduction. Everything that is sent passes the guard, spends a budget and is written down first."""

from __future__ import annotations

import functools
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from console.cli.options import config_option, forms, write_json
from console.cli.outcome import Exit, Refused, say
from console.cli.repro_session import (
    Asked,
    Options,
    asked_for,
    cleared,
    environment_of,
    read_input,
    tries_of,
    with_environment,
)
from console.config.load import load
from console.guard.policy import Decision, State, Verdict, decide
from console.guard.sanitise import safe
from console.repro.document import import_json, request_json
from console.repro.errors import Stopped, Unclear
from console.repro.prepare import Imported, prepared
from console.reproduce import (
    document_of,
    exported_as,
    keep_search,
    kept_search,
    prove_buster,
    session_of,
    traced,
    write_document,
)

if TYPE_CHECKING:
    from console.case.events import Draft
    from console.repro.found import Found
    from console.repro.run import Ran, Send
    from sources.reproduce import Session

F = TypeVar("F", bound=Callable[..., Any])

RAW = "a raw import keeps host and headers as written; it is for checking the import and is never sent"


@click.group("repro")
def command() -> None:
    """Make a failure happen again, safely: import, run, minimise, compare, verify, export."""


def _ended(work: Coroutine[Any, Any, int]) -> int:
    """Run what sends to its end; Ctrl+C cancels the request in flight, and the audit says so."""
    import asyncio  # half of the start-up of commands that send nothing

    return asyncio.run(work)


def _exact(function: F) -> F:
    """What cannot be understood exactly ends with exit code 2, what a rule stops with 5."""

    @functools.wraps(function)
    def inner(*args: Any, **given: Any) -> Any:
        try:
            return function(*args, **given)
        except Unclear as error:
            raise click.UsageError(str(error)) from None
        except Stopped as stop:
            raise Refused(str(stop)) from None

    return inner  # type: ignore[return-value]  # the wrapper has the signature of what it wraps


def _sending(function: F) -> F:
    """Add the options of commands that send."""
    for option in reversed(
        (
            config_option,
            click.option("--env", "environment", metavar="NAME", help="The [[environment]] to send to."),
            click.option("--confirm", multiple=True, metavar="TEXT", help="What the guard asks a person to type (repeatable)."),
            click.option("--reason", metavar="TEXT", help="Why it is confirmed, which --confirm needs; kept in the audit."),
            click.option("--more", metavar="TEXT", help="Raises the incident's budget; the text is told when it is spent."),
            click.option("--incident", metavar="ID", help="Whose budget is spent and whose record it is; default: the day's."),
            click.option("--failing-status", type=click.IntRange(100, 599), metavar="N", help="This status is the failure; default: the observed one, else any 5xx."),
            click.option("--slow", metavar="SPAN", help="Answers that take this long are the failure."),
            click.option("--text", metavar="TEXT", help="Answers that hold this text are the failure."),
            click.option("--user-agent-only", is_flag=True, help="Mark requests by their User-Agent alone, where other marks change the outcome."),
            click.option("--observed-rate", type=click.FloatRange(min=0), metavar="N", help="Requests a second that the route gets: at most 1 % of it is added. Metrics are not watched here: without this only the tier's rate holds, and a rise of the target's own error rate stops a run on the screen alone."),
        )
    ):  # fmt: skip
        function = option(function)
    return forms(function)


_OPTIONS = tuple(Options.__dataclass_fields__)


def _options(given: dict[str, Any]) -> Options:
    return Options(**{name: given.pop(name) for name in _OPTIONS})


# --- import ------------------------------------------------------------------------------------------------------


@command.command("import")
@click.argument("file", default="-")
@click.option(
    "--from",
    "source",
    type=click.Choice(("curl", "har", "log", "access", "span", "sh", "pytest", "hurl", "http")),
    required=True,
    help="What FILE holds.",
)
@click.option("--env", "environment", metavar="NAME", help="The [[environment]] that the request is meant for.")
@click.option(
    "--entry", type=click.IntRange(min=1), metavar="N", help="Of a HAR the Nth request, of a log or spans the Nth line."
)
@click.option("--body", metavar="FILE", help="The request's body, where the evidence does not tell it.")
@click.option(
    "--keep-credentials",
    is_flag=True,
    help="Keep captured cookies and tokens; sending them is to be confirmed, three tries at most.",
)
@click.option("--raw", is_flag=True, help="Keep host and headers as written, for checking the import; never sent.")
@config_option
@forms
@_exact
def import_(
    file: str,
    source: str,
    environment: str | None,
    entry: int | None,
    body: str | None,
    keep_credentials: bool,
    raw: bool,
    config_path: Path | None,
    as_json: bool,
    plain: bool,
) -> int:
    """Read a request from evidence in FILE (- is standard input), strip what must not be sent, and say what the guard decides.

    Nothing is sent. With --json the document is what the other commands take.
    """
    loaded = load(config_path)
    env = environment_of(loaded, environment)
    observed = _observed(source, read_input(file), entry)
    if body is not None:
        from console.repro.evidence import with_body

        observed = with_body(observed, read_input(body))
    if raw:
        imported, decision = replace(observed, raw=True), Decision(Verdict.REFUSE, "G2", safe(RAW))
    else:
        imported = prepared(observed, env, keep_credentials=keep_credentials)
        state = State(insecure=imported.insecure, proxy=imported.proxy, cacheable=imported.cacheable)
        decision = imported.refused or decide(imported.request, env, state)
    if as_json:
        write_json(import_json(imported, decision, env.name))
    else:
        _show_request(imported, decision)
    if decision.verdict is Verdict.REFUSE and not raw:
        say(f"{decision.rule}: {decision.reason}")
        return Exit.REFUSED
    return Exit.DONE


def _observed(source: str, data: bytes, entry: int | None) -> Imported:
    if source == "har":
        from console.repro.har import of_har

        return of_har(data, entry)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unclear(f"no UTF-8 at byte {error.start}") from None
    if source == "curl":
        from console.repro.curl import imported_curl

        return imported_curl(text)
    if source in ("sh", "pytest", "hurl", "http"):
        from console.repro.exported import of_export

        return of_export(text, source)
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        raise Unclear("there is no line")
    if len(lines) > 1 and entry is None:
        raise Unclear(f"there are {len(lines)} lines: choose one with --entry N")
    if entry is not None and entry > len(lines):
        raise Unclear(f"there are {len(lines)} lines and no number {entry}")
    return _of_line(source, lines[(entry or 1) - 1])


def _of_line(source: str, line: str) -> Imported:
    from console.repro.evidence import of_record, of_span

    if source == "span":
        from sources.traces.jsonl import span_of_line

        span = span_of_line(line.encode())
        if span is None:
            raise Unclear("the line is no span")
        return of_span(span)
    from sources.logs.context import Context
    from sources.logs.formats import make

    form = make("access" if source == "access" else "auto", Context(), [line.encode()])
    record = form.full(line.encode())
    if record is None:
        raise Unclear(f"the line is no record of {'an access log' if source == 'access' else 'a log'}")
    return of_record(record)


def _show_request(imported: Imported, decision: Decision) -> None:
    request = imported.request
    click.echo(safe(f"{request.method} {request.url}"))
    for name, value in request.headers:
        click.echo(safe(f"{name}: {value}"))
    if request.body is not None:
        click.echo(safe(f"body: {len(request.body)} bytes: {request.body[:200].decode('utf-8', 'replace')}"))
    for note in imported.notes:
        click.echo(f"note: {note}")
    click.echo(f"{decision.verdict}{f' ({decision.rule})' if decision.rule else ''}: {decision.reason}")


# --- run ---------------------------------------------------------------------------------------------------------


@command.command("run")
@click.argument("request")
@click.option("--tries", type=click.IntRange(min=1), default=5, show_default=True, help="How often to send it.")
@click.option("--dry-run", is_flag=True, help="Show the exact bytes and the decision, and send nothing.")
@_sending
@_exact
def run_(request: str, tries: int, dry_run: bool, as_json: bool, plain: bool, **given: Any) -> int:
    """Send the request in the file REQUEST (- is standard input) a few times and say how often it fails, and how.

    \b
    Exit code: 0 reproduced · 1 not reproduced · 3 stopped early · 4 no answer at all · 5 refused by a rule.
    """
    asked = asked_for(request, _options(given))
    return _ended(_preview(asked, as_json) if dry_run else _run(asked, tries, as_json))


async def _preview(asked: Asked, as_json: bool) -> int:
    from sources.http import HttpDoor

    async with HttpDoor(asked.loaded.config.budget) as door:
        shown = session_of(asked, door).preview(asked.request)
    if as_json:
        from console.report.repro_json import dry_run_json

        write_json(dry_run_json(shown.data, shown.decision))
    else:
        head, _, body = shown.data.partition(b"\r\n\r\n")
        for line in head.split(b"\r\n"):
            click.echo(safe(line.decode("utf-8", "backslashreplace"), 20_000))
        click.echo("")
        if body:
            click.echo(safe(body.decode("utf-8", "backslashreplace"), 20_000))
    say(f"nothing was sent; {shown.decision.verdict} {shown.decision.rule}: {shown.decision.reason}")
    return Exit.REFUSED if shown.decision.verdict is Verdict.REFUSE else Exit.DONE


async def _run(asked: Asked, tries: int, as_json: bool) -> int:
    from console.case.entries import repro
    from console.report.repro_json import run_json
    from console.repro.run import run
    from sources.http import HttpDoor

    async with HttpDoor(asked.loaded.config.budget) as door:
        session = session_of(asked, door)
        allowed = tries_of(tries, asked, cleared(asked, session))
        result = await run(asked.request, traced(asked, session), asked.wanted, allowed)
        left = session.left()
    if not session.sent and result.rule:
        raise Refused(f"{result.rule}: {result.stopped}")
    document = run_json(result, session.sent, left)
    _keep(asked, repro({**document, "environment": asked.env.name}, _about(asked)))
    if as_json:
        write_json(document)
    else:
        _show_run(result, session.sent, left)
    return _run_exit(result)


def _about(asked: Asked) -> str:
    return f"{asked.request.method} {asked.request.url}"


def _keep(asked: Asked, draft: Draft) -> None:
    """Write what came of it into the incident that was named, where that is a case."""
    from console.cli.case_session import into_incident

    into_incident(asked.loaded, asked.options.incident, draft)


def _run_exit(result: Ran) -> int:
    if result.reproduced:
        return Exit.DONE
    if not result.tries:
        return Exit.SOURCES_DOWN
    return Exit.INCONCLUSIVE if result.stopped else Exit.INCIDENT


def _show_run(result: Ran, sent: int, left: int) -> None:
    for number, one in enumerate(result.outcomes, 1):
        what = f"{one.status}" if one.status is not None else one.problem
        redirect = f", redirects to {one.location} (not followed)" if one.location else ""
        click.echo(f"try {number}: {what} in {one.elapsed_s * 1000:.0f} ms{redirect}, trace {one.trace_id}")
    if result.stopped:
        click.echo(f"stopped: {result.rule + ': ' if result.rule else ''}{result.stopped}")
    click.echo(f"{result.sentence}; {sent} requests sent, {left} left for this incident")


# --- minimise ----------------------------------------------------------------------------------------------------


@command.command("minimise")
@click.argument("request")
@click.option(
    "--budget", type=click.IntRange(min=1), metavar="N", help="Requests to spend at most; default: the budget of a run."
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write the minimal request here, for run, verify and export.",
)
@click.option("--afresh", is_flag=True, help="Begin anew, also where an earlier run of this search was stopped.")
@_sending
@_exact
def minimise_(
    request: str, budget: int | None, out: Path | None, afresh: bool, as_json: bool, plain: bool, **given: Any
) -> int:
    """Leave out of REQUEST whatever the failure does not need, and shorten the values of what is left.

    Ctrl+C keeps what was found: the same command goes on from there, as it does where the budget ended.

    \b
    Exit code: 0 a minimal request · 1 not reproduced · 3 ended early · 5 refused by a rule.
    """
    return _ended(_minimise(asked_for(request, _options(given)), budget, out, afresh, as_json))


async def _minimise(asked: Asked, budget: int | None, out: Path | None, afresh: bool, as_json: bool) -> int:
    from console.case.entries import minimised
    from console.report.repro_json import minimise_json
    from console.repro.minimise import minimise
    from sources.http import HttpDoor

    async with HttpDoor(asked.loaded.config.budget) as door:
        session = session_of(asked, door)
        decision = cleared(asked, session)
        if decision.most_tries is not None:
            raise Refused(
                f"{decision.rule}: at most {decision.most_tries} tries of such a request, too few to minimise it"
            )
        await _prove_buster(asked, session)
        most = min(budget or session.most, session.most - session.sent)
        found = None if afresh else kept_search(asked)
        if found is not None:
            say(f"taken up where an earlier run stopped: {found.told}; --afresh begins anew")

        def keep(known: Found | None) -> None:
            keep_search(asked, known)
            if known is not None and out is not None:
                counts = (known.baseline.failures, known.baseline.tries)
                smaller = asked.imported.smaller(known.best, counts)
                _write(out, document_of(replace(asked, imported=smaller), decision))

        result = await minimise(
            asked.request,
            traced(asked, session),
            asked.wanted,
            most,
            production=asked.env.production,
            found=found,
            keep=keep,
        )
        left = session.left()
    document = minimise_json(result, session.sent, left)
    _keep(asked, minimised(document, _about(asked)))
    smaller = asked.imported.smaller(result.request, (result.baseline.failures, result.baseline.tries))
    whole = document_of(replace(asked, imported=smaller), decision)
    if out is not None:
        _write(out, whole)
    if as_json:
        write_json({**whole, **document})
    else:
        click.echo(safe(f"{result.request.method} {result.request.url}"))
        for name, value in result.request.headers:
            click.echo(safe(f"{name}: {value}"))
        if result.request.body is not None:
            click.echo(safe(result.request.body.decode("utf-8", "replace")))
        click.echo(f"{result.ended}: {result.reason}")
        click.echo(
            f"left out {len(result.removed)} parts, kept {len(result.kept)}: {', '.join(result.kept) or 'nothing but the address'}"
        )
        click.echo(f"{session.sent} requests sent, {left} left for this incident")
    if result.ended == "not reproduced":
        return Exit.INCIDENT
    return Exit.DONE if result.ended in ("1-minimal", "groups only") else Exit.INCONCLUSIVE


def _write(out: Path, document: dict[str, Any]) -> None:
    try:
        write_document(out, document)
    except OSError as error:
        raise click.UsageError(f"{out}: {error.strerror}") from None


async def _prove_buster(asked: Asked, session: Session) -> None:
    if not await prove_buster(asked, session):
        say("G14: with a parameter against caches it does not fail: headers and cookies stay as they are")


# --- compare and verify ------------------------------------------------------------------------------------------


@command.command("compare")
@click.argument("request")
@click.option("--with", "other", metavar="NAME", required=True, help="The other [[environment]].")
@click.option("--tries", type=click.IntRange(min=1), default=5, show_default=True, help="Tries of each side.")
@_sending
@_exact
def compare_(request: str, other: str, tries: int, as_json: bool, plain: bool, **given: Any) -> int:
    """Send REQUEST to two environments in turn and say whether the difference is more than chance.

    \b
    Exit code: 0 no evidence of a difference · 1 they differ · 3 too few answers · 5 refused by a rule.
    """
    return _ended(_compare(asked_for(request, _options(given)), other, tries, as_json))


async def _compare(asked: Asked, other: str, tries: int, as_json: bool) -> int:
    from console.case.entries import compared
    from console.report.repro_json import compare_json
    from console.repro.run import LEAST_COMPARED, compare
    from sources.http import HttpDoor

    second = with_environment(asked, other)
    async with HttpDoor(asked.loaded.config.budget) as door:
        sessions = (session_of(asked, door), session_of(second, door))
        allowed = min(tries_of(tries, a, cleared(a, s)) for a, s in zip((asked, second), sessions, strict=True))
        sends = (traced(asked, sessions[0]), traced(second, sessions[1]))
        result = await compare((asked.request, second.request), sends, asked.wanted, allowed)
    document = compare_json(result, (asked.env.name, other), sum(s.sent for s in sessions))
    _keep(asked, compared(document, _about(asked)))
    if as_json:
        write_json(document)
    else:
        click.echo(f"{asked.env.name} against {other}: {result.reason}")
        for line in result.fields:
            click.echo(f"differs: {line}")
    if min(result.first.tries, result.second.tries) < LEAST_COMPARED:
        return Exit.INCONCLUSIVE
    return Exit.INCIDENT if result.evidence else Exit.DONE


@command.command("verify")
@click.argument("request")
@click.option("--before", metavar="FAILURES/TRIES", required=True, help="How often it failed before the fix: 10/10.")
@click.option("--control", metavar="NAME", help="An [[environment]] where it must still fail, such as the old version.")
@_sending
@_exact
def verify_(request: str, before: str, control: str | None, as_json: bool, plain: bool, **given: Any) -> int:
    """Say whether the failure of REQUEST is gone, with 95 % confidence: FIXED, STILL FAILING, or INCONCLUSIVE.

    Of a request that was minimised the whole one is sent: what the failure does not need, a healthy service may.

    \b
    Exit code: 0 fixed · 1 still failing · 3 inconclusive · 5 refused by a rule.
    """
    return _ended(_verify(asked_for(request, _options(given)), _counts(before), control, as_json))


def _counts(text: str) -> tuple[int, int]:
    failures, slash, tries = text.partition("/")
    if not (slash and failures.isdigit() and tries.isdigit() and int(failures) <= int(tries) and int(tries)):
        raise click.BadParameter(f"{text!r} is no count: write failures/tries, such as 10/10", param_hint="--before")
    return int(failures), int(tries)


async def _verify(asked: Asked, before: tuple[int, int], control: str | None, as_json: bool) -> int:
    from console.case.entries import verified
    from console.report.repro_json import verify_json
    from console.repro.run import verify
    from sources.http import HttpDoor

    asked = replace(asked, imported=asked.imported.entire)
    async with HttpDoor(asked.loaded.config.budget) as door:
        session = session_of(asked, door)
        decision = cleared(asked, session)
        old = with_environment(asked, control) if control else None
        other = session_of(old, door, most=1) if old else None
        if old is not None and other is not None:
            cleared(old, other)
        most = min(session.most, decision.most_tries or session.most, session.left())
        control_send = _at(other, old) if other is not None and old is not None else None
        result = await verify(asked.request, session, asked.wanted, before, most, control_send)
        left = session.left()
    document = verify_json(result, session.sent, left)
    _keep(asked, verified({**document, "environment": asked.env.name}))
    if as_json:
        write_json(document)
    else:
        click.echo(f"{result.state}: {result.reason}")
        click.echo(f"{session.sent} requests sent, {left} left for this incident")
    return {"FIXED": Exit.DONE, "STILL FAILING": Exit.INCIDENT}.get(result.state, Exit.INCONCLUSIVE)


def _at(session: Session, asked: Asked) -> Send:
    """Sends the request of another environment, whichever request is asked for."""
    return lambda _: session(asked.request)


# --- export ------------------------------------------------------------------------------------------------------


@command.command("export")
@click.argument("request")
@click.option(
    "--to",
    "form",
    type=click.Choice(("curl", "sh", "pytest", "hurl", "http")),
    default="curl",
    show_default=True,
    help="The form.",
)
@_sending
@_exact
def export_(request: str, form: str, as_json: bool, plain: bool, **given: Any) -> int:
    """Print REQUEST as a curl command, a shell script, a pytest file, hurl or an HTTP file; credentials as variables."""
    asked = asked_for(request, _options(given))
    decision = decide(asked.request, asked.env, State(insecure=asked.imported.insecure, proxy=asked.imported.proxy))
    if decision.verdict is Verdict.REFUSE:
        raise Refused(f"{decision.rule}: {decision.reason}")
    text = exported_as(asked, form, asked.incident)
    if as_json:
        write_json({"form": form, "text": text, "request": request_json(asked.request)})
    else:
        click.echo(text, nl=False)
    if decision.verdict is Verdict.CONFIRM:
        say(f"careful: {decision.rule}: {decision.reason}")
    return Exit.DONE


# --- audit -------------------------------------------------------------------------------------------------------


@command.command("audit")
@config_option
@forms
def audit_(config_path: Path | None, as_json: bool, plain: bool) -> int:
    """Check that no line of the record of what was sent was changed or taken out.

    \b
    Exit code: 0 whole · 1 a line does not follow from the one before it.
    """
    from console.config.effective import state_folder
    from console.guard.audit import verify

    path = state_folder(load(config_path)) / "repro" / "audit.jsonl"
    try:
        found = verify(path)
    except FileNotFoundError:
        raise click.UsageError(f"{path}: nothing was sent yet") from None
    except OSError as error:
        raise click.UsageError(f"{path}: {error.strerror}") from None
    if as_json:
        write_json({"path": str(path), "lines": found.lines, "broken_at": found.broken_at, "torn": found.torn})
    elif found.broken_at is None:
        click.echo(f"{safe(str(path))}: {found.lines} lines, each follows from the one before it")
    else:
        click.echo(f"{safe(str(path))}: line {found.broken_at} does not follow from the one before it")
    return Exit.DONE if found.broken_at is None else Exit.INCIDENT
