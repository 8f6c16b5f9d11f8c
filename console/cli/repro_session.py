"""What the commands of `incident repro` share: the environment, the session that sends, and the typed confirmation."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from console import reproduce
from console.cli.options import is_terminal, span_option, standard_input
from console.cli.outcome import Refused, say
from console.config.load import Loaded, load
from console.domain.values import dataclass
from console.guard.policy import Confirmation, Decision, Environment, Verdict, phrase
from console.guard.sanitise import safe
from console.repro.document import at_environment, read_document
from console.repro.signature import Wanted
from console.reproduce import Reproduction, UnknownEnvironment, incident_of_the_day, larger_budget, observed_failure

if TYPE_CHECKING:
    from sources.reproduce import Session

MOST_REQUEST_FILE = 64 << 20


@dataclass(frozen=True, slots=True)
class Options:
    """What the options of a sending command ask for."""

    config_path: Path | None
    environment: str | None
    confirm: tuple[str, ...]
    """Texts that were typed; a command that asks two environments may need two."""
    reason: str | None
    incident: str | None
    failing_status: int | None
    slow: str | None
    text: str | None
    user_agent_only: bool
    observed_rate: float | None
    more: str | None


@dataclass(frozen=True, slots=True)
class Asked(Reproduction):
    """What a command sends."""

    options: Options


def environment_of(loaded: Loaded, name: str | None) -> Environment:
    """The environment of that name.

    Raises:
        Stopped: G19, none is chosen.
        click.BadParameter: There is none of that name.
    """
    try:
        return reproduce.environment_of(loaded, name)
    except UnknownEnvironment as error:
        raise click.BadParameter(str(error), param_hint="--env") from None


def read_input(path: str) -> bytes:
    """A file, or standard input for `-`.

    Raises:
        click.UsageError: It cannot be read.
    """
    if path == "-":
        return standard_input().read(MOST_REQUEST_FILE + 1)
    try:
        with Path(path).open("rb") as file:
            return file.read(MOST_REQUEST_FILE + 1)
    except OSError as error:
        raise click.UsageError(f"{path}: {error.strerror}") from None


def asked_for(path: str, options: Options, environment: str | None = None) -> Asked:
    """The request of a document at an environment.

    Raises:
        Unclear: The document cannot be read.
        Refused: It is a raw import.
        Stopped: No environment is chosen.
    """
    loaded = load(options.config_path)
    env = environment_of(loaded, environment or options.environment)
    imported, original = read_document(read_input(path))
    if imported.raw:
        raise Refused("G2: a raw import is never sent: import it again without --raw")
    origins = tuple(one.origin for one in loaded.config.environment)
    imported = at_environment(imported, env, origins)
    slow = span_option("--slow", options.slow) if options.slow is not None else None
    status = options.failing_status
    told = status is not None or slow is not None or options.text is not None
    wanted = Wanted(status, slow, options.text) if told else observed_failure(imported.observed)
    incident = options.incident or incident_of_the_day(time.time())
    rate, full_marks = options.observed_rate, not options.user_agent_only
    return Asked(loaded, env, imported, original, wanted, incident, rate, full_marks, options)


def cleared(asked: Asked, session: Session) -> Decision:
    """The decision on the request, with the confirmation that it needs; the session carries it from here on.

    Raises:
        Refused: The guard refuses, or a confirmation is missing or wrong.
    """
    decision = session.preview(asked.request).decision
    if decision.verdict is Verdict.REFUSE:
        raise Refused(f"{decision.rule}: {decision.reason}")
    _more_budget(asked, session)
    if decision.verdict is Verdict.ALLOW:
        return decision
    wanted = phrase(asked.request, asked.env)
    given, reason = asked.options.confirm, asked.options.reason or ""
    typed = wanted if wanted in given else next(iter(given), None)
    if typed is None and is_terminal(sys.stdin) and is_terminal(sys.stderr):
        say(f"{decision.rule}: {decision.reason}")
        typed = click.prompt(f"type {wanted!r} to send it", err=True)
        reason = click.prompt("reason", err=True)
    if typed is None:
        raise Refused(f"{decision.rule}: {decision.reason}; to send it add --confirm {_shown(wanted)} --reason TEXT")
    session.confirm(
        Confirmation(typed, reason, asked.request.sha256(), time.time(), asked.incident, base=asked.request)
    )
    confirmed = session.preview(asked.request).decision
    if confirmed.verdict is not Verdict.ALLOW:
        missing = "" if reason.strip() else "; add --reason TEXT"
        raise Refused(f"{confirmed.rule}: {confirmed.reason}{missing}")
    return confirmed


def _more_budget(asked: Asked, session: Session) -> None:
    """A person may raise an incident's budget once."""
    limits, wanted = asked.limits, larger_budget(asked)
    if asked.options.more is not None:
        if asked.options.more != wanted:
            raise Refused(f"G18: --more does not match: type --more {_shown(wanted)}")
        session.extend()
    elif limits.after_confirmation > limits.per_incident and session.left() == 0:
        raise Refused(
            f"G18: the {limits.per_incident} requests of this incident are spent; "
            f"for {limits.after_confirmation} in all add --more {_shown(wanted)}"
        )


def _shown(text: str) -> str:
    return f'"{safe(text)}"'


def tries_of(wanted: int, asked: Asked, decision: Decision) -> int:
    """How many tries may be made; where it is fewer than wanted, that is said."""
    most = min(asked.limits.per_run, decision.most_tries or wanted, wanted)
    if most < wanted:
        why = (
            f"{decision.rule}"
            if decision.most_tries is not None and most == decision.most_tries
            else "the budget of one run"
        )
        say(f"{wanted} tries are capped at {most}: {why} in {asked.env.name} ({asked.env.tier})")
    return most


def with_environment(asked: Asked, name: str) -> Asked:
    """The same request at another environment.

    Raises:
        click.BadParameter: There is none of that name.
    """
    try:
        return reproduce.with_environment(asked, name)
    except UnknownEnvironment as error:
        raise click.BadParameter(str(error), param_hint="--env") from None
