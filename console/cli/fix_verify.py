"""`incident fix verify`: the reproduction against the branch's own server, on loopback, and the record of what came of it."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from dataclasses import fields
from typing import TYPE_CHECKING

import click

from console.cli.options import span_option
from console.cli.outcome import Exit, say
from console.cli.repro_session import Asked, Options, cleared, read_input
from console.config.load import Loaded
from console.fix.record import Branch
from console.fixing import OWN, at_branch
from console.guard.sanitise import safe
from console.repro.signature import Wanted

if TYPE_CHECKING:
    from console.guard.policy import Decision
    from console.repro.run import Verified
    from console.reproduce import Reproduction
    from sources.plumbing.model import WorkDone
    from sources.reproduce import Session


def asked_of(loaded: Loaded, name: str, path: str, options: Options) -> Asked:
    """The request of a document, at the branch's server, wherever it was imported for.

    Raises:
        Unclear: The document cannot be read.
        NotAdmitted: G2, it is a raw import.
    """
    slow = span_option("--slow", options.slow) if options.slow is not None else None
    told = (options.failing_status, slow, options.text) != (None, None, None)
    wanted = Wanted(options.failing_status, slow, options.text) if told else None
    found = at_branch(loaded, name, read_input(path), options.incident or "", wanted)
    return Asked(**{one.name: getattr(found, one.name) for one in fields(found)}, options=options)


def confirmed_port(confirmed: Iterable[str]) -> int | None:
    """The port of the branch's server that a person confirmed: a run that asked for it had chosen a free one."""
    found = (re.fullmatch(rf"{OWN} [A-Z]+ 127\.0\.0\.1:(\d{{1,5}})", text.strip()) for text in confirmed)
    return next((int(one[1]) for one in found if one is not None), None)


def clear(what: Reproduction, session: Session) -> Decision:
    """As `incident repro` decides, with the confirmation that was typed."""
    assert isinstance(what, Asked)
    return cleared(what, session)


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
