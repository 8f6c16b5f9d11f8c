"""What every reproduction needs before it is sent, from a command or from the screen: the environment, and the session that sends."""

from __future__ import annotations

import getpass
import json
import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from console.config.effective import state_folder
from console.config.load import Loaded
from console.config.models import EnvironmentConfig
from console.domain.instant import Instant, rfc3339
from console.domain.request import HttpRequest
from console.domain.values import dataclass
from console.guard.audit import Audit
from console.guard.ledger import Ledger
from console.guard.limits import Limits, limits_of
from console.guard.policy import Decision, Environment
from console.guard.private import open_private, private_folder
from console.repro.document import Json, at_environment, import_json
from console.repro.errors import Stopped
from console.repro.prepare import Imported, Observed
from console.repro.signature import Wanted

if TYPE_CHECKING:
    from console.case.model import Case
    from console.repro.found import Found
    from sources.http import HttpDoor
    from sources.reproduce import Session
    from sources.traced import Traced

R = TypeVar("R", bound="Reproduction")
SAFEST_FIRST = ("local", "staging", "production")
"""Tiers of environments."""
SEARCH_KEPT_S = 86_400.0
"""A search that was stopped longer ago is about another state of the system."""
NO_ENVIRONMENT = "none; add an [[environment]] with name, tier and origin"


class UnknownEnvironment(ValueError):
    """No environment of that name is configured; the text names those that are."""


@dataclass(frozen=True, slots=True)
class Reproduction:
    """A request that is to be sent, and where."""

    loaded: Loaded
    env: Environment
    imported: Imported
    original: str
    """Digest of the headers as they were observed."""
    wanted: Wanted
    incident: str
    """Whose budget is spent and whose record it is."""
    observed_rate: float | None
    """Requests a second that the route gets; None: not known."""
    full_marks: bool
    """Whether every mark goes with the request, or the User-Agent alone."""

    @property
    def request(self) -> HttpRequest:
        """The request at its environment."""
        return self.imported.request

    @property
    def limits(self) -> Limits:
        """What the environment bears."""
        return limits_of(self.env.tier, self.observed_rate)


def configured(loaded: Loaded, name: str | None) -> EnvironmentConfig:
    """The table of the environment of that name.

    Raises:
        Stopped: G19, none is chosen.
        UnknownEnvironment: There is none of that name.
    """
    known = {one.name: one for one in loaded.config.environment}
    listed = ", ".join(known) or NO_ENVIRONMENT
    if name is None:
        raise Stopped("G19", f"no environment is chosen: --env NAME; configured: {listed}")
    if name not in known:
        raise UnknownEnvironment(f"no environment {name!r}; configured: {listed}")
    return known[name]


def environment_of(loaded: Loaded, name: str | None) -> Environment:
    """The environment of that name; raises as `configured`."""
    found = configured(loaded, name)
    return Environment(found.name, found.tier, found.origin, found.networks, found.read_post_routes)


def with_environment(what: R, name: str) -> R:
    """The same request at another environment; raises as `configured`."""
    env = environment_of(what.loaded, name)
    origins = tuple(one.origin for one in what.loaded.config.environment)
    return replace(what, env=env, imported=at_environment(what.imported, env, origins))


def observed_failure(observed: Observed) -> Wanted:
    """What counts as the failure where nobody says: the status that was observed, else any 5xx."""
    return Wanted(observed.status if observed.status is not None and observed.status >= 400 else None, None, None)


def incident_of_the_day(now: Instant) -> str:
    """Reproductions outside of an incident count together for a day."""
    return f"day-{rfc3339(now)[:10]}"


def case_of(loaded: Loaded, incident: str) -> Case | None:
    """The case that an incident is; None where it is only a name.

    Raises:
        OSError: It cannot be read.
    """
    from console.case.fold import fold
    from console.case.journal import Reader
    from console.case.store import cases_folder, is_case

    folder = cases_folder(state_folder(loaded))
    return fold(incident, Reader(folder / incident).read()[0]) if is_case(folder, incident) else None


def closing(loaded: Loaded, incident: str) -> Callable[[], str | None]:
    """Tells each time that it is asked why nothing is done any more for an incident that is a case; None while it is open or none.

    Whoever writes into the case, here or on another console, is heard before the next effect: only what was added is read.
    """
    from console.case.fold import fold
    from console.case.journal import Reader
    from console.case.model import ENDED
    from console.case.store import cases_folder, is_case

    folder = cases_folder(state_folder(loaded))
    reader = Reader(folder / incident)

    def closed() -> str | None:
        try:
            if not is_case(folder, incident):
                return None
            state = fold(incident, reader.read()[0]).state
        except OSError as error:
            return f"the case {incident} cannot be read: {error.strerror}"
        return f"the incident {incident} is {state}" if state in ENDED else None

    return closed


def document_of(what: Reproduction, decision: Decision) -> Json:
    """The request as the document that every command reads, bound to the headers as they were observed."""
    document = import_json(what.imported, decision, what.env.name)
    return document | {"original": what.original or document["original"]}


def write_document(path: Path, document: Json) -> None:
    """Write a request where `incident repro` and `incident fix` can read it.

    Raises:
        OSError: It cannot be written.
    """
    path.write_text(json.dumps(document, ensure_ascii=False, indent=2) + "\n", "utf-8")


def exported_as(what: Reproduction, form: str, incident: str) -> str:
    """The request as something that a person can run elsewhere, the environment's credential as a variable.

    Args:
        form: One of `console.repro.export.FORMS`.
        incident: Named in the marks.

    Raises:
        Unclear: The request holds what looks like a secret, or what the form cannot say exactly.
        Stopped, UnknownEnvironment: As `configured`.
    """
    from console.repro.export import Variable, exported

    table = configured(what.loaded, what.env.name)
    has_token = table.token_env or table.token_file or table.token_keyring
    variable = Variable(table.token_env or "API_TOKEN") if has_token else None
    return exported(
        what.request, form, version=own_version(), incident=incident, variable=variable, failing=what.wanted.status
    )


def session_of(
    what: Reproduction,
    door: HttpDoor,
    *,
    most: int | None = None,
    error_rate: Callable[[], float | None] = lambda: None,
) -> Session:
    """The session that sends it, without a confirmation yet; where the incident is closed it sends nothing (G19).

    Args:
        error_rate: The target's own, 0 to 1, as its metrics tell it now; None where they do not.
    """
    from sources.reproduce import Books, Facts, Session, Who
    from sources.secrets import token_of

    folder = state_folder(what.loaded) / "repro"
    table = configured(what.loaded, what.env.name)
    token = token_of(table, f"[[environment]] {table.name}", what.loaded.resolve)
    facts = Facts(what.original, what.imported.cacheable, what.imported.insecure, what.imported.proxy)
    return Session(
        what.env,
        what.limits,
        Books(Ledger(folder), Audit(folder / "audit.jsonl")),
        Who(user(), what.incident, own_version()),
        door.resolver,
        lambda: door.context,
        token,
        most=most,
        facts=facts,
        expected=what.wanted.failing,
        full_marks=what.full_marks,
        blocked=closing(what.loaded, what.incident),
        error_rate=error_rate,
    )


def traced(what: Reproduction, session: Session) -> Traced:
    """The session, with the error of every failing try looked up in the configured logs by its trace id."""
    from sources.logs import build
    from sources.traced import Traced

    names = tuple(one.name for one in what.loaded.config.service)
    sources = [build(table, what.loaded.resolve, names) for table in what.loaded.config.logs]
    return Traced(session, sources, what.wanted.failing)


def kept_search(what: Reproduction) -> Found | None:
    """What an earlier run of the same search found before it was stopped; None: there was none within a day."""
    from console.repro.found import read_found

    path = _search_path(what)
    try:
        data = path.read_bytes() if time.time() - path.stat().st_mtime < SEARCH_KEPT_S else b""
    except OSError:
        return None
    return read_found(data)


def keep_search(what: Reproduction, found: Found | None) -> None:
    """Keep what a search has found for the next run of it; None: it is through. What cannot be kept is searched anew."""
    from console.repro.found import found_json

    path = _search_path(what)
    with suppress(OSError):
        if found is None:
            path.unlink(missing_ok=True)
            return
        private_folder(path.parent)
        made = path.with_suffix(f".{os.getpid()}")
        descriptor = open_private(made, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(found_json(found), file)
        made.replace(path)


def _search_path(what: Reproduction) -> Path:
    from console.repro.found import search_key

    key = search_key(what.request, what.env.name, what.wanted, what.incident)
    return state_folder(what.loaded) / "repro" / "searches" / f"{key}.json"


async def prove_buster(what: Reproduction, session: Session) -> bool:
    """A changed request to a cached route of production needs a parameter that no cache has seen, and that changes nothing.

    Returns:
        False where it fails no more with that parameter, so that headers and cookies have to stay as they are (G14).
    """
    if not (what.env.production and session.facts.cacheable):
        return True
    session.cache_buster = True
    session.buster_proven = what.wanted.failing(await session(what.request))
    session.cache_buster = session.buster_proven
    return session.buster_proven


def larger_budget(what: Reproduction) -> str:
    """What a person types to raise the incident's budget once."""
    return f"{what.env.name} {what.limits.after_confirmation}"


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
