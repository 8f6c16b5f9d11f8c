"""What the commands of `incident repro` share: the environment, the session that sends, and the typed confirmation."""

from __future__ import annotations

import getpass
import os
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from console.cli.options import is_terminal, span_option, standard_input
from console.cli.outcome import Refused, say
from console.config.load import Loaded, load
from console.config.models import EnvironmentConfig
from console.domain.instant import rfc3339
from console.domain.request import HttpRequest
from console.guard.limits import Limits, limits_of
from console.guard.policy import Confirmation, Decision, Environment, Verdict, phrase
from console.guard.sanitise import safe
from console.repro.document import at_environment, read_document
from console.repro.prepare import Imported
from console.repro.signature import Wanted

if TYPE_CHECKING:
    from sources.http import HttpDoor
    from sources.reproduce import Session
    from sources.traced import Traced

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
class Asked:
    """A request that is to be sent, and where."""

    loaded: Loaded
    env: Environment
    imported: Imported
    original: str
    wanted: Wanted
    options: Options

    @property
    def request(self) -> HttpRequest:
        """The request at its environment."""
        return self.imported.request

    @property
    def limits(self) -> Limits:
        """What the environment bears."""
        return limits_of(self.env.tier, self.options.observed_rate)

    @property
    def incident(self) -> str:
        """The incident's id; a day's reproductions outside of one count together."""
        return self.options.incident or f"day-{rfc3339(time.time())[:10]}"


def environment_of(loaded: Loaded, name: str | None) -> Environment:
    """The environment of that name.

    Raises:
        Refused: G19, none is chosen.
        click.BadParameter: There is none of that name.
    """
    found = configured(loaded, name)
    return Environment(found.name, found.tier, found.origin, found.networks, found.read_post_routes)


def configured(loaded: Loaded, name: str | None) -> EnvironmentConfig:
    """The table of that environment; raises as `environment_of`."""
    known = {one.name: one for one in loaded.config.environment}
    listed = ", ".join(known) or "none; add an [[environment]] with name, tier and origin"
    if name is None:
        raise Refused(f"G19: no environment is chosen: --env NAME; configured: {listed}")
    if name not in known:
        raise click.BadParameter(f"no environment {name!r}; configured: {listed}", param_hint="--env")
    return known[name]


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
        Refused: It is a raw import, or no environment is chosen.
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
    if status is None and slow is None and options.text is None:
        seen = imported.observed.status
        status = seen if seen is not None and seen >= 400 else None
    return Asked(loaded, env, imported, original, Wanted(status, slow, options.text), options)


def session_of(asked: Asked, door: HttpDoor, *, most: int | None = None) -> Session:
    """The session that sends for a command, without a confirmation yet."""
    from console.config.effective import state_folder
    from console.guard.audit import Audit
    from console.guard.ledger import Ledger
    from sources.reproduce import Books, Facts, Session, Who
    from sources.secrets import token_of

    folder = state_folder(asked.loaded) / "repro"
    table = configured(asked.loaded, asked.env.name)
    token = token_of(table, f"[[environment]] {table.name}", asked.loaded.resolve)
    facts = Facts(asked.original, asked.imported.cacheable, asked.imported.insecure, asked.imported.proxy)
    return Session(
        asked.env,
        asked.limits,
        Books(Ledger(folder), Audit(folder / "audit.jsonl")),
        Who(user(), asked.incident, own_version()),
        door.resolver,
        lambda: door.context,
        token,
        most=most,
        facts=facts,
        expected=asked.wanted.failing,
        full_marks=not asked.options.user_agent_only,
    )


def traced(asked: Asked, session: Session) -> Traced:
    """The session, with the error of every failing try looked up in the configured logs by its trace id."""
    from sources.logs import build
    from sources.traced import Traced

    names = tuple(one.name for one in asked.loaded.config.service)
    sources = [build(table, asked.loaded.resolve, names) for table in asked.loaded.config.logs]
    return Traced(session, sources, asked.wanted.failing)


def cleared(asked: Asked, session: Session) -> Decision:
    """The decision on the request, with the confirmation that it needs; the session carries it from here on.

    Raises:
        Refused: The guard refuses, or a confirmation is missing or wrong.
    """
    _more_budget(asked, session)
    decision = session.preview(asked.request).decision
    if decision.verdict is Verdict.REFUSE:
        raise Refused(f"{decision.rule}: {decision.reason}")
    if decision.verdict is Verdict.ALLOW:
        return decision
    wanted = phrase(asked.request, asked.env)
    given, reason = asked.options.confirm, asked.options.reason
    typed = wanted if wanted in given else next(iter(given), None)
    if typed is None and is_terminal(sys.stdin) and is_terminal(sys.stderr):
        say(f"{decision.rule}: {decision.reason}")
        typed = click.prompt(f"type {wanted!r} to send it", err=True)
        reason = click.prompt("reason", err=True)
    if typed is None:
        raise Refused(f"{decision.rule}: {decision.reason}; to send it add --confirm {_shown(wanted)} --reason TEXT")
    session.confirm(
        Confirmation(
            typed, reason or "none given", asked.request.sha256(), time.time(), asked.incident, base=asked.request
        )
    )
    confirmed = session.preview(asked.request).decision
    if confirmed.verdict is not Verdict.ALLOW:
        raise Refused(f"{confirmed.rule}: {confirmed.reason}")
    return confirmed


def _more_budget(asked: Asked, session: Session) -> None:
    """A person may raise an incident's budget once."""
    limits = asked.limits
    wanted = f"{asked.env.name} {limits.after_confirmation}"
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


def user() -> str:
    """Who runs this, for the audit."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def own_version() -> str:
    """The version of this program."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("incident-console")
    except PackageNotFoundError:
        return "0"


def with_environment(asked: Asked, name: str) -> Asked:
    """The same request at another environment.

    Raises:
        click.BadParameter: There is none of that name.
    """
    env = environment_of(asked.loaded, name)
    origins = tuple(one.origin for one in asked.loaded.config.environment)
    return replace(asked, env=env, imported=at_environment(asked.imported, env, origins))
