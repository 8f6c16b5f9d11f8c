"""`incident fix`: from a suspect deploy to a branch that mends it, beside the user's own work."""

from __future__ import annotations

import asyncio
import functools
import os
import shlex
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from console.cli.fix_session import say_plan, typed_for
from console.cli.options import config_option, forms, write_json
from console.cli.outcome import Exit, Refused, say
from console.config.load import load
from console.fix.branch import name_problem
from console.fixing import (
    Unknown,
    base_of,
    branch_of,
    counts_of,
    gate_of,
    handed_over,
    local_environment,
    may_fix,
    may_hand_over,
    running_commits,
    seed_of,
    serve_command,
    subject_of,
    undoing,
    verified,
)
from console.guard.gate import NotAdmitted, Typed
from console.guard.sanitise import safe
from sources.base import SourceError

if TYPE_CHECKING:
    from sources.fixing import Seed

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")

service_option = click.option("--service", metavar="NAME", help="The service; needed where several have a repository.")
name_option = click.option("--name", metavar="fix/…", help="The fix branch; needed where several were made.")


@click.group("fix")
def command() -> None:
    """From a suspect deploy to a branch that mends it: suspects, branch, verify, handover, undo.

    The console never deploys, fetches, pushes, commits or checks out.
    """


def _told(function: F) -> F:
    """A repository that cannot be read ends with exit code 4, what a rule stops with 5."""

    @functools.wraps(function)
    def inner(*args: Any, **given: Any) -> Any:
        try:
            return function(*args, **given)
        except NotAdmitted as no:
            raise Refused(str(no)) from None
        except Unknown as error:
            raise (
                click.BadParameter(str(error), param_hint=error.option)
                if error.option
                else click.UsageError(str(error))
            ) from None
        except SourceError as error:
            say(str(error))
            return Exit.SOURCES_DOWN

    return inner  # type: ignore[return-value]  # the wrapper has the signature of what it wraps


def _result(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


def _confirmed(function: F) -> F:
    """Add --confirm and --reason."""
    for option in (
        click.option("--reason", metavar="TEXT", help="Why; kept in the audit."),
        click.option("--confirm", metavar="TEXT", help="The branch's name, typed again."),
    ):
        function = option(function)
    return function


# --- suspects ----------------------------------------------------------------------------------------------------


@command.command("suspects")
@service_option
@click.option("--bad", metavar="TAG", help="The deploy that went wrong; default: the newest.")
@click.option("--good", metavar="TAG", help="The deploy that ran well; default: the one before.")
@click.option(
    "--trace",
    metavar="FILE",
    help="A stack trace to go by (- is standard input); default: the most frequent one in the logs since the bad deploy.",
)
@click.option("--first-parent", is_flag=True, help="Only the line of merges into the deployed branch.")
@click.option("--at", metavar="TIME", help="Knowledge clock: nothing stamped later may influence the answer.")
@config_option
@forms
@_told
def suspects_(
    service: str | None,
    bad: str | None,
    good: str | None,
    trace: str | None,
    first_parent: bool,
    at: str | None,
    config_path: Path | None,
    as_json: bool,
    plain: bool,
) -> int:
    """The commits between the last good and the bad deploy, in the order to look at them, each with its reasons.

    
    Exit code: 0 done · 2 no such service or tag · 3 a part of the range could not be read · 4 the repository cannot be read.
    """
    from console.cli.fix_search import search
    from console.report.fix_text import finding_json, finding_lines

    subject = subject_of(load(config_path), service)
    found = _result(search(subject, good, bad, trace, at, first_parent=first_parent))
    write_json(finding_json(found)) if as_json else _echo(finding_lines(found))
    return Exit.INCONCLUSIVE if found.more or found.relation == "unknown" else Exit.DONE


# --- branch ------------------------------------------------------------------------------------------------------


@command.command("branch")
@click.option("--name", required=True, metavar="fix/…", help="The new branch: fix/ or hotfix/, then a-z 0-9 . _ -")
@service_option
@click.option("--from", "tag", metavar="TAG", help="The deploy tag, or a full commit id; default: the newest deploy.")
@click.option("--incident", metavar="ID", help="Names the work tree; default: the branch's name.")
@click.option(
    "--worktree",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="Its folder; default: .worktrees beside the repository.",
)
@click.option(
    "--test",
    "request",
    metavar="REQUEST",
    help="Put this reproduction, whole, there as a failing test (see `incident repro import --json`).",
)
@click.option("--env", "environment", metavar="NAME", help="The [[environment]] that the test asks.")
@click.option("--dry-run", is_flag=True, help="Show the plan and what speaks against it; nothing is done.")
@_confirmed
@config_option
@forms
@_told
def branch_(
    name: str,
    service: str | None,
    tag: str | None,
    incident: str | None,
    worktree: Path | None,
    request: str | None,
    environment: str | None,
    dry_run: bool,
    confirm: str | None,
    reason: str | None,
    config_path: Path | None,
    as_json: bool,
    plain: bool,
) -> int:
    """Make a branch from the deployed commit, in a work tree of its own. Your checkout stays as it is, to the byte.

    The name is typed again with --confirm.

    \b
    Exit code: 0 made · 2 no such service or tag · 4 the repository cannot be read · 5 refused by a rule.
    """
    from sources.fixing import deed_of, make, plan

    subject = subject_of(load(config_path), service)
    folder = Path(os.path.abspath(worktree)) if worktree is not None else None
    seed = _seed(request, environment, config_path, name) if request is not None else None

    async def work() -> int:
        problem = name_problem(name, subject.protected)
        if problem is not None:
            raise Refused(str(problem))
        base = await base_of(subject, tag)
        running = await running_commits(subject)
        found = await plan(
            subject.tags.repository,
            name,
            base,
            subject.protected,
            key=incident or name,
            worktree=folder,
            chosen=tag is not None,
            running=running,
            seed=seed,
        )
        if dry_run:
            write_json(plan_json(found)) if as_json else _echo(plan_lines(found))
            return Exit.REFUSED if found.problems else Exit.DONE
        say_plan(found)
        if found.problems:
            raise Refused(str(found.problems[0]))
        from console.cli.case_session import told, who

        gate, deed = gate_of(subject.loaded, incident or name), deed_of(found, subject.service.name)
        gate.judge(deed, Typed(deed.wanted))  # what no word lets pass comes before what a reason does
        told(lambda: may_fix(subject.loaded, incident or "", who(None), reason or ""))()
        typed = typed_for(gate, deed, confirm, reason)
        made = await make(subject.tags.repository, found, gate, typed, subject.service.name, seed)
        from console.case.entries import fix as fix_entry
        from console.cli.case_session import into_incident

        into_incident(
            subject.loaded,
            incident,
            fix_entry(made_json(made.plan, made.touched), f"fix branch {name} from {base.tag or base.commit}"),
        )
        if as_json:
            write_json(made_json(made.plan, made.touched))
        else:
            click.echo(safe(f"{name} is made, in {found.worktree}"))
            click.echo(safe(f"to take it away again: incident fix undo --name {name} --service {subject.service.name}"))
        if made.touched:
            say(f"careful: while it was made, these changed in your checkout: {', '.join(made.touched[:5])}")
            return Exit.INCIDENT
        if not as_json:
            click.echo("your checkout is untouched: every file and time stamp is as before")
        return Exit.DONE

    from console.report.fix_text import made_json, plan_json, plan_lines

    return _result(work())


def _echo(lines: Any) -> None:
    for line in lines:
        click.echo(safe(line, 2000))


def _seed(path: str, environment: str | None, config_path: Path | None, branch: str) -> Seed:
    """The reproduction as a test file; see `seed_of`.

    Raises:
        click.UsageError: It cannot be read, or cannot be exported.
        Refused: No environment is chosen.
    """
    from console.cli.repro_session import Options, asked_for
    from console.repro.errors import Stopped, Unclear

    try:
        asked = asked_for(path, Options(config_path, environment, (), None, None, None, None, None, False, None, None))
        return seed_of(asked, branch)
    except Stopped as stop:
        raise Refused(str(stop)) from None
    except Unclear as error:
        raise click.UsageError(str(error)) from None


# --- verify ------------------------------------------------------------------------------------------------------


@command.command("verify")
@click.argument("request")
@name_option
@service_option
@click.option(
    "--serve",
    metavar="COMMAND",
    help="Starts the branch's server in its work tree; {port} and $PORT are its port. No shell reads it. Default: serve_command of the [[service]].",
)
@click.option("--before", required=True, metavar="FAILURES/TRIES", help="How often it failed before the fix: 10/10.")
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    metavar="N",
    help="Of loopback; default: that of --confirm, else a free one.",
)
@click.option(
    "--env", "environment", metavar="NAME", help="An [[environment]] on loopback to take port and credential from."
)
@click.option("--control", metavar="NAME", help="An [[environment]] where it must still fail, such as the old version.")
@click.option(
    "--failing-status",
    type=click.IntRange(100, 599),
    metavar="N",
    help="This status is the failure; default: the observed one, else any 5xx.",
)
@click.option("--slow", metavar="SPAN", help="Answers that take this long are the failure.")
@click.option("--text", metavar="TEXT", help="Answers that hold this text are the failure.")
@click.option("--confirm", multiple=True, metavar="TEXT", help="What the guard asks a person to type (repeatable).")
@click.option("--reason", metavar="TEXT", help="Why it is confirmed, which --confirm needs; kept in the audit.")
@config_option
@forms
@_told
def verify_(
    request: str,
    name: str | None,
    service: str | None,
    serve: str | None,
    before: str,
    port: int | None,
    environment: str | None,
    control: str | None,
    failing_status: int | None,
    slow: str | None,
    text: str | None,
    confirm: tuple[str, ...],
    reason: str | None,
    config_path: Path | None,
    as_json: bool,
    plain: bool,
) -> int:
    """Start the branch's own server on loopback, send the request in the file REQUEST to it, and say whether the failure is gone.

    The result is kept in the record, with the commit that it holds for.

    \b
    Exit code: 0 fixed · 1 still failing · 3 inconclusive, or the server does not run · 5 refused by a rule.
    """
    from console.cli.fix_verify import asked_of, clear, confirmed_port, exit_of, show
    from console.cli.repro_session import Options, with_environment
    from console.report.fix_text import verified_json
    from console.repro.errors import Stopped, Unclear
    from sources.serving import NotServed

    counts = counts_of(before)
    loaded = load(config_path)
    branch = branch_of(loaded, name, service)
    try:
        command = shlex.split(serve if serve is not None else serve_command(loaded, branch.service))
    except ValueError as error:
        raise click.BadParameter(f"{error}", param_hint="--serve") from None
    if not command:
        raise click.BadParameter(
            f"there is no command: give it, or serve_command of the [[service]] {branch.service}", param_hint="--serve"
        )
    options = Options(
        config_path, environment, confirm, reason, branch.incident, failing_status, slow, text, False, None, None
    )
    try:
        there, chosen, number = local_environment(loaded, environment, port or confirmed_port(confirm))
        asked = asked_of(there, chosen, request, options)
        old = with_environment(asked, control) if control is not None else None
        result, done = _result(verified(there, branch, asked, command, number, counts, clear, reason=reason, old=old))
    except Unclear as error:
        raise click.UsageError(str(error)) from None
    except Stopped as stop:
        raise Refused(str(stop)) from None
    except NotServed as error:
        say(str(error))
        return Exit.INCONCLUSIVE
    document = verified_json(branch, result, done.tip, done.uncommitted, done.files)
    from console.case.entries import verified as verified_entry
    from console.cli.case_session import into_incident

    into_incident(loaded, branch.incident, verified_entry(document, f"{branch.name} at {done.tip[:10]}"))
    if as_json:
        write_json(document)
        return exit_of(result)
    return show(result, done, branch)


# --- handover ----------------------------------------------------------------------------------------------------


@command.command("handover")
@name_option
@service_option
@click.option("--reason", metavar="TEXT", help="Why it is deployed while another incident goes on; kept in its case.")
@config_option
@forms
@_told
def handover_(
    name: str | None, service: str | None, reason: str | None, config_path: Path | None, as_json: bool, plain: bool
) -> int:
    """Print what is handed over: what is verified and what is open, reviewers, the usual deploy as text to copy, the canary.

    While another incident goes on SG12 says no once; repeated with a reason it passes.

    \b
    Exit code: 0 nothing is open · 1 something is · 2 no such branch · 4 the repository cannot be read · 5 refused by a rule.
    """
    from console.cli.case_session import told, who
    from console.fix.handover import lines
    from console.report.fix_text import handover_json

    loaded = load(config_path)
    branch = branch_of(loaded, name, service)
    found = _result(handed_over(loaded, branch))
    told(lambda: may_hand_over(loaded, branch, who(None), reason or ""))()
    write_json(handover_json(found)) if as_json else _echo(lines(found))
    return Exit.INCIDENT if found.open else Exit.DONE


# --- undo --------------------------------------------------------------------------------------------------------


@command.command("undo")
@name_option
@service_option
@click.option("--keep-branch", is_flag=True, help="Take only the work tree away.")
@_confirmed
@config_option
@forms
@_told
def undo_(
    name: str | None,
    service: str | None,
    keep_branch: bool,
    confirm: str | None,
    reason: str | None,
    config_path: Path | None,
    as_json: bool,
    plain: bool,
) -> int:
    """Take a fix branch and its work tree away again, where no work would be lost.

    \b
    Exit code: 0 gone · 2 no such branch · 4 the repository cannot be read · 5 refused: work would be lost, or not confirmed.
    """
    from sources.fixing import undo
    from sources.repository import Repository

    loaded = load(config_path)
    branch = branch_of(loaded, name, service)
    if not branch.finished:
        say(f"{branch.name} was not made to its end: what there is of it is taken away")
    gate, deed = undoing(loaded, branch)
    typed = typed_for(gate, deed, confirm, reason)
    gone = _result(undo(Repository(branch.repository), branch, gate, typed, worktree_only=keep_branch))
    if as_json:
        untouched = not gone.touched
        write_json(
            {"branch": branch.name, "worktree": str(branch.worktree), "kept": keep_branch, "untouched": untouched}
        )
    else:
        click.echo(safe(f"{branch.worktree} is gone{'' if keep_branch else f', and the branch {branch.name} with it'}"))
    if gone.touched:
        say(f"careful: these changed in your checkout: {', '.join(gone.touched[:5])}")
        return Exit.INCIDENT
    return Exit.DONE
