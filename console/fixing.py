"""What every fix branch needs, from a command or from the screen: the service with its repository, its deploys, the gate, the record."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from console.case.book import Blocked, Book
from console.case.gates import Gate, deploy_gates, fix_gates
from console.case.store import case_ids, cases_folder
from console.config.effective import state_folder
from console.config.load import Loaded
from console.config.models import EnvironmentConfig, ServiceConfig
from console.domain.instant import Instant
from console.domain.request import place_of
from console.domain.values import dataclass
from console.fix.branch import Base
from console.fix.finding import Deployed
from console.fix.handover import Handover, counted, deploy_text, last_check
from console.fix.record import UNDONE, VERIFIED, Branch, branches
from console.guard.gate import Deed, NotAdmitted, Typed
from console.guard.gate import Gate as EffectGate
from console.guard.redact import redact
from console.guard.sanitise import safe
from console.repro.document import at_environment, read_document
from console.repro.signature import Wanted
from console.reproduce import (
    SAFEST_FIRST,
    Reproduction,
    UnknownEnvironment,
    case_of,
    closing,
    environment_of,
    exported_as,
    observed_failure,
    session_of,
    user,
)

if TYPE_CHECKING:
    from console.guard.policy import Decision
    from console.repro.run import Send, Verified
    from sources.changes import TagChanges
    from sources.fixing import Seed
    from sources.http import HttpDoor
    from sources.plumbing.model import WorkDone
    from sources.reproduce import Session

OWN = "fix-branch"
"""The environment of a server that was started for a branch, where none is configured for it."""
LOCAL = ("127.0.0.1", "localhost")
OID = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
LONGEST_S = 86_400.0
"""How far back errors and changes are looked at where no deploy tells the time."""


class Unknown(ValueError):
    """What was named is not known here; the text says what is.

    Args:
        option: What named it, as the command line has it; empty: nothing did.
    """

    def __init__(self, text: str, option: str = "") -> None:
        super().__init__(text)
        self.option = option


@dataclass(frozen=True, slots=True)
class Subject:
    """The service that is to be mended, and its deploys."""

    loaded: Loaded
    service: ServiceConfig
    tags: TagChanges

    @property
    def protected(self) -> tuple[str, ...]:
        """Patterns of branches that are never written to, beside the usual ones."""
        return self.loaded.config.fix.protected_branches


def subject_of(loaded: Loaded, name: str | None) -> Subject:
    """The service and the source of its deploy tags.

    Raises:
        Unknown: It is not configured, has no repository, or there are several to choose from.
    """
    from sources.changes import TagChanges, build

    having = {one.name: one for one in loaded.config.service if one.repository is not None}
    listed = ", ".join(having) or 'none; add repository = "…" to a [[service]]'
    if name is None and len(having) != 1:
        raise Unknown(f"which service? --service NAME; with a repository: {listed}")
    chosen = name if name is not None else next(iter(having))
    if chosen not in having:
        raise Unknown(f"no service {chosen!r} with a repository; there are: {listed}", "--service")
    sources = build((), loaded.config.service, loaded.resolve)
    tags = next(one for one in sources if isinstance(one, TagChanges) and one.deploys(chosen))
    return Subject(loaded, having[chosen], tags)


def gate_of(loaded: Loaded, incident: str, *, mends: bool = True) -> EffectGate:
    """The gate that these effects pass.

    Args:
        mends: The effect is a part of the fix, which a closed incident has no more; what is left may be taken away.
    """
    blocked = closing(loaded, incident) if mends else lambda: None
    return EffectGate(audit_folder(loaded), user(), incident, blocked=blocked)


def audit_folder(loaded: Loaded) -> Path:
    """Where every effect of the console is written down."""
    return state_folder(loaded) / "repro"


def known_branches(loaded: Loaded) -> tuple[Branch, ...]:
    """The fix branches that were made here and not taken away, oldest first."""
    try:
        return branches((audit_folder(loaded) / "audit.jsonl").read_bytes())
    except FileNotFoundError:
        return ()


def branch_of(loaded: Loaded, name: str | None, service: str | None) -> Branch:
    """The fix branch of that name; without a name the only one.

    Raises:
        Unknown: There is none, or several to choose from.
    """
    made = [one for one in known_branches(loaded) if service in (None, one.service)]
    found = [one for one in made if name in (None, one.name)]
    if len(found) == 1:
        return found[0]
    listed = ", ".join(f"{one.name} ({one.service})" for one in made) or "none"
    raise Unknown(f"which fix branch? --name fix/… --service NAME; made by this console: {safe(listed, 500)}")


async def base_of(subject: Subject, tag: str | None, option: str = "--from") -> Base:
    """The deployed commit: of a tag, of a commit's full id, else of the newest deploy.

    Raises:
        NotAdmitted: B3, it is a branch.
        Unknown: It leads nowhere, or there is no deploy.
        SourceError: The repository cannot be read.
    """
    repository = subject.tags.repository
    if tag is None:
        newest = {one.service: one for one in await subject.tags.deployed(time.time())}.get(subject.service.name)
        if newest is None or newest.commit is None:
            patterns = ", ".join(subject.service.deploy_tags)
            raise Unknown(
                f"no deploy of {subject.service.name} is known: no tag that leads to a commit matches {patterns}; name one with {option}"
            )
        return Base(safe(newest.id), newest.commit, newest.time_note)
    if OID.fullmatch(tag):
        if await repository.commit(tag) is None:
            raise Unknown(f"commit {tag[:12]} is not in the repository; `git fetch` may bring it", option)
        return Base(safe(""), tag)
    name = tag.removeprefix("refs/tags/")
    try:
        commit = await repository.resolve(f"refs/tags/{name}")
        branch = await repository.branch_tip(name.removeprefix("refs/heads/"))
    except ValueError:
        raise Unknown(f"{tag!r} is no name of a tag", option) from None
    if commit is not None:
        return Base(safe(name), commit)
    if branch is not None:
        raise NotAdmitted(
            "B3", f"{safe(tag)} is a branch: a fix begins at what was deployed, a deploy tag or a full commit id"
        )
    shallow = (await repository.info()).shallow
    hint = "; this is a shallow clone: `git fetch --tags` may bring it" if shallow else ""
    raise Unknown(f"no tag {tag!r} leads to a commit here{hint}", option)


async def running_commits(subject: Subject) -> tuple[str, ...]:
    """The commits that the service says it runs; empty where nobody tells."""
    from console.observe import ask_versions, open_sources

    sources = open_sources(subject.loaded)
    try:
        if not sources.versions:
            return ()
        reading = await ask_versions(sources, time.time())
    finally:
        await sources.close()
    mine = (one.commit for one in reading.value if one.service == subject.service.name)
    return tuple(dict.fromkeys(commit for commit in mine if commit))


async def deploys_of(
    subject: Subject, good: str | None, bad: str | None, now: Instant
) -> tuple[Deployed, Deployed, Instant]:
    """The bad deploy, the good one, and when the bad one was made.

    Args:
        good: Tag or commit; None: the deploy before.
        bad: Tag or commit; None: the newest deploy.
        now: The knowledge time.

    Raises:
        NotAdmitted: One of them is a branch.
        Unknown: One of them is not known.
        SourceError: The repository cannot be read.
    """
    mine = [c for c in (await subject.tags.timeline()).changes if c.service == subject.service.name and c.at <= now]
    known = [c for c in mine if c.commit is not None]
    later = next((c for c in known if c.id == bad), None) if bad is not None else (known[-1] if known else None)
    if later is None:
        base = await base_of(subject, bad, "--bad")
        bad_one, since = Deployed(base.tag, base.commit), now - LONGEST_S
    else:
        bad_one, since = Deployed(safe(later.id), later.commit or ""), later.at
    if good is not None:
        base = await base_of(subject, good, "--good")
        return bad_one, Deployed(base.tag, base.commit), since
    pair = await subject.tags.pair(later.id, subject.service.name) if later is not None else None
    before = pair[1] if pair is not None else None
    if before is None or before.commit is None:
        raise Unknown(f"no deploy before {bad_one.tag or bad_one.commit[:12]} is known: name the good one with --good")
    return bad_one, Deployed(safe(before.id), before.commit), since


# The rules of the incident.


def fix_gates_of(loaded: Loaded, incident: str) -> list[Gate]:
    """What stands against another attempt at a fix where the incident is a case: SG1, SG2.

    Raises:
        OSError: The case cannot be read.
    """
    case = case_of(loaded, incident)
    return fix_gates(case) if case is not None else []


def may_fix(loaded: Loaded, incident: str, author: str, reason: str) -> None:
    """Pass SG1 and SG2 where the incident is a case: they say no once.

    Raises:
        Blocked: One says no; that is written down.
        NotSaved: It is not on the disk for sure.
    """
    folder = cases_folder(state_folder(loaded))
    if incident in case_ids(folder):
        Book(folder, incident, author).attempt_fix(reason)


def deploy_gates_of(loaded: Loaded, branch: Branch) -> list[Gate]:
    """What stands against handing a branch over while incidents go on: SG12 of each that it was not made for.

    Raises:
        OSError: A case cannot be read.
    """
    known = (case_of(loaded, name) for name in case_ids(cases_folder(state_folder(loaded))))
    return [gate for case in known if case is not None for gate in deploy_gates(case, branch.incident, branch.name)]


def may_hand_over(loaded: Loaded, branch: Branch, author: str, reason: str) -> None:
    """Pass SG12 of every incident that goes on and that the branch was not made for; raises as `may_fix`."""
    folder = cases_folder(state_folder(loaded))
    said_no: list[Gate] = []
    for name in case_ids(folder):
        try:
            Book(folder, name, author).attempt_deploy(branch.incident, branch.name, reason)
        except Blocked as no:
            said_no += no.gates
    if said_no:
        raise Blocked(said_no)


# Handing over, and taking away.


async def handed_over(loaded: Loaded, branch: Branch) -> Handover:
    """The checklist of a branch.

    Raises:
        Unknown: The branch is gone.
        SourceError: The repository cannot be read.
    """
    from sources.repository import Repository

    done = await Repository(branch.repository).work_done(branch.name, branch.commit, branch.worktree)
    if done is None:
        raise Unknown(f"the branch {branch.name} is gone: undo takes away what is left of it")
    table = next((one for one in loaded.config.service if one.name == branch.service), None)
    return Handover(
        branch,
        done.tip,
        done.commits,
        done.files,
        len(done.uncommitted),
        done.reviewers,
        last_check(branch, done.tip),
        deploy_text(branch, done.tip, table.deploy_command if table is not None else None),
        safe(table.canary_url or "" if table is not None else ""),
    )


def undoing(loaded: Loaded, branch: Branch) -> tuple[EffectGate, Deed]:
    """The gate that taking a branch away passes, and what is typed for it."""
    return gate_of(loaded, branch.incident, mends=False), Deed(UNDONE, branch.name, {})


# Verifying.


def at_branch(
    loaded: Loaded, name: str | None, data: bytes, incident: str, wanted: Wanted | None = None
) -> Reproduction:
    """The whole request of a document at the branch's server, wherever it was imported for.

    Args:
        name: The environment of the server, as `local_environment` gives it; None: there is none.
        wanted: What counts as the failure; None: what was observed.

    Raises:
        Stopped: G19, there is no environment.
        Unclear: The document cannot be read.
        NotAdmitted: G2, it is a raw import.
    """
    env = environment_of(loaded, name)
    imported, original = read_document(data)
    if imported.raw:
        raise NotAdmitted("G2", "a raw import is never sent: import it again without --raw")
    imported = at_environment(imported, env, (imported.request.url,)).entire
    failing = wanted if wanted is not None else observed_failure(imported.observed)
    return Reproduction(loaded, env, imported, original, failing, incident, None, True)


def seed_of(what: Reproduction, branch: str) -> Seed:
    """The reproduction as a test file of a branch that fails until the fix.

    It is the whole request, as verifying sends it: a healthy service may refuse a smaller one.

    Raises:
        Unclear: It cannot be exported.
    """
    from sources.fixing import Seed

    whole = replace(what, imported=what.imported.entire)
    return Seed(f"test_{re.sub(r'[^a-z0-9]+', '_', branch)}.py", exported_as(whole, "pytest", branch))


def environment_meant(loaded: Loaded, data: bytes) -> str | None:
    """Which environment a request's document was made for; where that is not configured, the safest; None where none is."""
    try:
        named = json.loads(data.decode("utf-8-sig")).get("environment")
    except (ValueError, AttributeError, RecursionError):
        named = None  # whoever reads the request says what is wrong with it
    known = sorted(loaded.config.environment, key=lambda one: SAFEST_FIRST.index(one.tier))
    return next((one.name for one in known if one.name == named), known[0].name if known else None)


def counts_of(text: str) -> tuple[int, int]:
    """Failures and tries of `10/10`.

    Raises:
        Unknown: It is no count.
    """
    failures, slash, tries = text.strip().partition("/")
    if not (slash and failures.isdigit() and tries.isdigit() and int(failures) <= int(tries) and int(tries)):
        raise Unknown(f"{text!r} is no count: write failures/tries, such as 10/10", "--before")
    return int(failures), int(tries)


def serve_command(loaded: Loaded, service: str) -> str:
    """What the configuration says starts the service from a work tree; empty where it does not say."""
    return next((one.serve_command or "" for one in loaded.config.service if one.name == service), "")


def local_environment(loaded: Loaded, name: str | None, port: int | None) -> tuple[Loaded, str, int]:
    """Where the branch's server is asked: a configured environment of tier local, else one of our own at a free port.

    Raises:
        Unknown: The environment is not there, or not local.
    """
    from sources.serving import HOST, free_port

    if name is not None:
        try:
            table = environment_of(loaded, name)
        except UnknownEnvironment as error:
            raise Unknown(str(error), "--env") from None
        place = place_of(table.origin)
        if table.tier != "local" or place.host not in LOCAL or place.port is None:
            raise Unknown(
                f'{name} is not on loopback: it needs tier = "local" and an origin such as http://127.0.0.1:8080',
                "--env",
            )
        return loaded, name, place.port
    chosen = port if port is not None else free_port()
    own = EnvironmentConfig(name=OWN, tier="local", origin=f"http://{HOST}:{chosen}")
    config = loaded.config.model_copy(update={"environment": (*loaded.config.environment, own)})
    return replace(loaded, config=config), OWN, chosen


async def verified(
    loaded: Loaded,
    branch: Branch,
    what: Reproduction,
    serve: Sequence[str],
    port: int,
    before: tuple[int, int],
    clear: Callable[[Reproduction, Session], Decision],
    *,
    reason: str | None = None,
    old: Reproduction | None = None,
) -> tuple[Verified, WorkDone]:
    """Serve the branch, send the reproduction to it, and write down what came of it.

    Args:
        serve: Starts the server; `{port}` in it is the port.
        before: Failures and tries before the fix.
        clear: Decides on the request, with what a person types.
        reason: Why, for the audit.
        old: The same where it must still fail; None: the earlier failing run is the control.

    Raises:
        NotAdmitted: It cannot be written down.
        NotServed: The server does not run.
        NotAdmitted: The branch is gone.
        SourceError: The repository cannot be read.
    """
    from console.repro.run import verify
    from sources.http import HttpDoor
    from sources.repository import Repository
    from sources.serving import served

    done = await Repository(branch.repository).work_done(branch.name, branch.commit, branch.worktree)
    if done is None:
        raise NotAdmitted("B11", f"the branch {branch.name} is gone")
    gate = gate_of(loaded, branch.incident)
    deed = Deed(VERIFIED, "", _about(branch, what, done, serve, port))
    gate.admit(deed, Typed(None, reason))
    outcome: dict[str, Any] = {"problem": "it was cut short"}
    log = audit_folder(loaded) / "served.log"
    try:
        async with (
            HttpDoor(loaded.config.budget) as door,
            served(serve, branch.worktree, port, log, _secret_names(loaded)),
        ):
            session = session_of(what, door)
            decision = clear(what, session)
            control = _control(old, door, clear) if old is not None else None
            most = min(session.most, decision.most_tries or session.most, session.left())
            result = await verify(what.request, session, what.wanted, before, most, control)
        told = {"state": result.state, "told": result.reason, "passes": result.passes, "needed": result.needed}
        outcome = {"problem": None, **told}
    except Exception as error:
        outcome = {"problem": safe(str(error), 400)}
        raise
    finally:
        gate.tell(deed, outcome)
    return result, done


def _control(old: Reproduction, door: HttpDoor, clear: Callable[[Reproduction, Session], Decision]) -> Send:
    """Sends the request to where it must still fail, whichever request is asked for."""
    session = session_of(old, door, most=1)
    clear(old, session)
    return lambda _: session(old.request)


def _about(branch: Branch, what: Reproduction, done: WorkDone, serve: Sequence[str], port: int) -> dict[str, Any]:
    changes = f"{counted(len(done.uncommitted))} not in a commit" if done.uncommitted else ""
    return {
        "service": branch.service,
        "branch": branch.name,
        "repository": str(branch.repository),
        "worktree": str(branch.worktree),
        "tip": done.tip,
        "changes": changes,
        "serve": [redact(safe(part, 500)) for part in serve],
        "port": port,
        "request_sha256": what.request.sha256(),
    }


def _secret_names(loaded: Loaded) -> frozenset[str]:
    """Variables that hold the console's own credentials: the branch's code is not to see them."""
    config = loaded.config
    tables = (*config.logs, *config.metrics, *config.changes, *config.traces, *config.environment)
    return frozenset(table.token_env for table in tables if table.token_env is not None)
