"""`incident fix verify`: the reproduction against the branch's own server, on loopback, and the record of what came of it."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from console.cli.options import span_option
from console.cli.outcome import Exit, Refused, say
from console.cli.repro_session import Asked, Options, cleared, read_input, with_environment
from console.config.load import Loaded
from console.config.models import EnvironmentConfig
from console.domain.request import place_of
from console.fix.record import VERIFIED, Branch
from console.fixing import audit_folder, gate_of
from console.guard.gate import Deed, Typed
from console.guard.redact import redact
from console.guard.sanitise import safe
from console.repro.document import at_environment, read_document
from console.repro.signature import Wanted
from console.reproduce import environment_of, observed_failure, session_of

if TYPE_CHECKING:
    from console.repro.run import Verified
    from sources.plumbing.model import WorkDone

OWN = "fix-branch"
"""The environment of a server that was started for a branch, where none is configured for it."""
LOCAL = ("127.0.0.1", "localhost")


def local_environment(loaded: Loaded, name: str | None, port: int | None) -> tuple[Loaded, str, int]:
    """Where the branch's server is asked: a configured environment of tier local, else one of our own at a free port.

    Raises:
        click.BadParameter: The environment is not local.
    """
    from sources.serving import HOST, free_port

    if name is not None:
        table = environment_of(loaded, name)
        place = place_of(table.origin)
        if table.tier != "local" or place.host not in LOCAL or place.port is None:
            raise click.BadParameter(
                f'{name} is not on loopback: it needs tier = "local" and an origin such as http://127.0.0.1:8080',
                param_hint="--env",
            )
        return loaded, name, place.port
    chosen = port if port is not None else free_port()
    own = EnvironmentConfig(name=OWN, tier="local", origin=f"http://{HOST}:{chosen}")
    config = loaded.config.model_copy(update={"environment": (*loaded.config.environment, own)})
    return replace(loaded, config=config), OWN, chosen


def asked_of(loaded: Loaded, name: str, path: str, options: Options) -> Asked:
    """The request of a document, at the branch's server, wherever it was imported for.

    Raises:
        Unclear: The document cannot be read.
        Refused: It is a raw import.
    """
    env = environment_of(loaded, name)
    imported, original = read_document(read_input(path))
    if imported.raw:
        raise Refused("G2: a raw import is never sent: import it again without --raw")
    imported = at_environment(imported, env, (imported.request.url,))
    slow = span_option("--slow", options.slow) if options.slow is not None else None
    told = (options.failing_status, slow, options.text) != (None, None, None)
    wanted = Wanted(options.failing_status, slow, options.text) if told else observed_failure(imported.observed)
    return Asked(loaded, env, imported, original, wanted, options.incident or "", None, True, options)


async def verified(
    loaded: Loaded,
    branch: Branch,
    asked: Asked,
    serve: list[str],
    port: int,
    before: tuple[int, int],
    control: str | None,
) -> tuple[Verified, WorkDone]:
    """Serve, ask, and write down what came of it.

    Raises:
        NotAdmitted: It cannot be written down.
        NotServed: The server does not run.
        Refused: The guard lets the request not out.
        SourceError: The repository cannot be read.
    """
    from console.repro.run import verify
    from sources.http import HttpDoor
    from sources.repository import Repository
    from sources.serving import served

    done = await Repository(branch.repository).work_done(branch.name, branch.commit, branch.worktree)
    if done is None:
        raise Refused(f"B11: the branch {branch.name} is gone")
    gate = gate_of(loaded, branch.incident)
    deed = Deed(VERIFIED, "", _about(branch, asked, done, serve, port))
    gate.admit(deed, Typed(None, asked.options.reason))
    outcome: dict[str, Any] = {"problem": "it was cut short"}
    log = audit_folder(loaded) / "served.log"
    try:
        async with (
            HttpDoor(loaded.config.budget) as door,
            served(serve, branch.worktree, port, log, _secret_names(loaded)),
        ):
            session = session_of(asked, door)
            decision = cleared(asked, session)
            old = with_environment(asked, control) if control is not None else None
            other = session_of(old, door, most=1) if old is not None else None
            if old is not None and other is not None:
                cleared(old, other)
            most = min(session.most, decision.most_tries or session.most, session.left())
            ask_old = (lambda _: other(old.request)) if old is not None and other is not None else None
            result = await verify(asked.request, session, asked.wanted, before, most, ask_old)
        told = {"state": result.state, "told": result.reason, "passes": result.passes, "needed": result.needed}
        outcome = {"problem": None, **told}
    except Exception as error:
        outcome = {"problem": safe(str(error), 400)}
        raise
    finally:
        gate.tell(deed, outcome)
    return result, done


def _about(branch: Branch, asked: Asked, done: WorkDone, serve: list[str], port: int) -> dict[str, Any]:
    changes = f"{len(done.uncommitted)} files not in a commit" if done.uncommitted else ""
    return {
        "service": branch.service,
        "branch": branch.name,
        "repository": str(branch.repository),
        "worktree": str(branch.worktree),
        "tip": done.tip,
        "changes": changes,
        "serve": [redact(safe(part, 500)) for part in serve],
        "port": port,
        "request_sha256": asked.request.sha256(),
    }


def _secret_names(loaded: Loaded) -> frozenset[str]:
    """Variables that hold the console's own credentials: the branch's code is not to see them."""
    config = loaded.config
    tables = (*config.logs, *config.metrics, *config.changes, *config.traces, *config.environment)
    return frozenset(table.token_env for table in tables if table.token_env is not None)


def show(result: Verified, done: WorkDone, branch: Branch) -> int:
    """Tell a person; the exit code."""
    click.echo(f"{result.state}: {result.reason}")
    where = f"{branch.name} at {done.tip[:10]}" + (" with changes that are not in a commit" if done.uncommitted else "")
    click.echo(safe(f"verified: {where}, at {time.strftime('%H:%M:%S', time.gmtime())} UTC; it is in the record"))
    if not done.commits and not done.uncommitted:
        say("careful: nothing was changed on the branch yet")
    return exit_of(result)


def exit_of(result: Verified) -> int:
    """0 fixed, 1 still failing, 3 not known."""
    return {"FIXED": Exit.DONE, "STILL FAILING": Exit.INCIDENT}.get(result.state, Exit.INCONCLUSIVE)
