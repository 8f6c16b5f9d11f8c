"""Fix branches from the screen: suspect commits, the plan, making it, verifying it, taking it away. The rules are those of `incident fix`.

They run in the screen's process; nothing of it is loaded before the first is asked for, and git runs beside the event loop.
"""

from __future__ import annotations

import asyncio
import importlib
import re
import shlex
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from console.case.gates import Gate
from console.config.effective import state_folder
from console.config.load import ConfigError, Loaded
from console.domain.changes import Change
from console.domain.instant import Instant
from console.domain.logs import LogRecord
from console.domain.text import SafeText
from console.domain.values import dataclass
from console.fix.branch import Plan, name_problem
from console.fix.finding import Finding
from console.fix.frames import traces_in
from console.fix.handover import lines
from console.fix.record import Branch
from console.fixing import (
    Unknown,
    at_branch,
    base_of,
    counts_of,
    deploy_gates_of,
    deploys_of,
    environment_meant,
    fix_gates_of,
    gate_of,
    handed_over,
    known_branches,
    local_environment,
    may_fix,
    may_hand_over,
    seed_of,
    subject_of,
    undoing,
    verified,
)
from console.guard.gate import NotAdmitted, Typed
from console.guard.policy import Confirmation, Decision, State, Verdict, decide, phrase
from console.guard.sanitise import safe
from sources.base import SourceError

if TYPE_CHECKING:
    from console.repro.run import Verified
    from console.reproduce import Reproduction
    from sources.fixing import Made, Seed
    from sources.plumbing.model import WorkDone
    from sources.reproduce import Session


class CannotFix(Exception):
    """It cannot be done; the text says why, and names the rule where one decided."""


@dataclass(frozen=True, slots=True)
class Check:
    """A reproduction that may be sent to a branch's own server."""

    branch: Branch
    what: Reproduction
    port: int
    phrase: str
    """What is to be typed first; empty: nothing."""
    why: SafeText
    """The rule that wants it typed."""


class Fixing:
    """The way from the screen to repositories.

    Args:
        loaded: The configuration.
        clock: For the newest deploy.
    """

    def __init__(self, loaded: Loaded, clock: Callable[[], Instant] = time.time) -> None:
        self._loaded = loaded
        self._clock = clock

    def problem(self, service: str) -> SafeText:
        """Why nothing can be mended here; empty where something can."""
        known = [one.name for one in self._loaded.config.service if one.repository is not None]
        if service in known:
            return SafeText("")
        return safe(f'{service or "no service"} has no repository: add repository = "…" to its [[service]]', 300)

    async def finding(
        self, service: str, deploy: str, records: Sequence[LogRecord], others: Sequence[Change]
    ) -> Finding:
        """The suspect commits of a deploy.

        Args:
            deploy: The tag of the bad one; empty: the newest.
            records: Errors since then.
            others: Changes of other kinds.

        Raises:
            CannotFix: The repository cannot be read, or there is no deploy before it.
        """
        await asyncio.to_thread(_load)
        from sources.suspecting import find

        frames, traces = traces_in(records, service)
        names = [one.name for one in self._loaded.config.service]
        try:
            subject = subject_of(self._loaded, service)
            bad, good, _ = await deploys_of(subject, None, deploy or None, self._clock())
            return await find(
                subject.tags.repository, service, good, bad, frames, traces=traces, services=names, others=others
            )
        except (Unknown, NotAdmitted, SourceError, ConfigError) as error:
            raise CannotFix(safe(str(error), 400)) from None

    def name_problem(self, name: str) -> str | None:
        """Why a branch may not have this name; None where it may."""
        found = name_problem(name, self._loaded.config.fix.protected_branches)
        return str(found) if found is not None else None

    async def plan(
        self, service: str, name: str, running: Sequence[str], incident: str, seed: Seed | None = None
    ) -> Plan:
        """What would be done; nothing is.

        Args:
            incident: Names the work tree; empty: the branch's name does.
            running: Commits that the service says it runs.
            seed: The failing test that is put there; None: none.

        Raises:
            CannotFix: There is no deploy, or the repository cannot be read.
        """
        await asyncio.to_thread(_load)
        from sources.fixing import plan

        try:
            subject = subject_of(self._loaded, service)
            base = await base_of(subject, None)
            return await plan(
                subject.tags.repository, name, base, subject.protected, key=incident or name, running=running, seed=seed
            )
        except (Unknown, NotAdmitted, SourceError, ConfigError) as error:
            raise CannotFix(safe(str(error), 400)) from None

    async def make(self, service: str, found: Plan, typed: str, incident: str, seed: Seed | None = None) -> Made:
        """Do what the plan says.

        Raises:
            CannotFix: A rule says no, or it failed and nothing is left of it.
        """
        from sources.fixing import make

        try:
            subject = subject_of(self._loaded, service)
            gate = gate_of(self._loaded, incident or found.branch)
            return await make(subject.tags.repository, found, gate, Typed(typed), service, seed)
        except (Unknown, NotAdmitted, SourceError, ConfigError) as error:
            raise CannotFix(safe(str(error), 400)) from None

    async def made(self, service: str) -> Branch | None:
        """The fix branch of a service that was made last and not taken away.

        Raises:
            CannotFix: The record cannot be read.
        """
        try:
            known = await asyncio.to_thread(known_branches, self._loaded)
        except (OSError, ConfigError) as error:
            raise CannotFix(safe(str(error), 400)) from None
        mine = [one for one in known if one.service == service]
        return mine[-1] if mine else None

    async def handover(self, branch: Branch, *, passed: bool) -> tuple[tuple[SafeText, ...], list[Gate]]:
        """The checklist, and what holds the deploy back.

        Args:
            passed: A reason was given already; nothing does.

        Raises:
            CannotFix: The branch is gone, or the repository cannot be read.
        """
        await asyncio.to_thread(_load)
        try:
            found = await handed_over(self._loaded, branch)
            held = await asyncio.to_thread(deploy_gates_of, self._loaded, branch) if not passed else []
        except (Unknown, SourceError, ConfigError, OSError) as error:
            raise CannotFix(safe(str(error), 400)) from None
        return tuple(safe(line, 1000) for line in lines(found, held=bool(held))), held

    async def fix_gates(self, incident: str) -> list[Gate]:
        """What the rules of the incident say against a fix.

        Raises:
            CannotFix: The case cannot be read.
        """
        try:
            return await asyncio.to_thread(fix_gates_of, self._loaded, incident)
        except (ConfigError, OSError) as error:
            raise CannotFix(safe(str(error), 400)) from None

    async def may_fix(self, incident: str, author: str, reason: str) -> None:
        """Pass them; raises as `console.fixing.may_fix`."""
        await asyncio.to_thread(may_fix, self._loaded, incident, author, reason)

    async def may_hand_over(self, branch: Branch, author: str, reason: str) -> None:
        """Pass those of incidents that the branch was not made for; raises as `console.fixing.may_hand_over`."""
        await asyncio.to_thread(may_hand_over, self._loaded, branch, author, reason)

    async def undo(self, branch: Branch, typed: str) -> SafeText:
        """Take it away; what is to be told.

        Raises:
            CannotFix: Work would be lost, or another rule says no.
        """
        await asyncio.to_thread(_load)
        from sources.fixing import undo
        from sources.repository import Repository

        try:
            gate, deed = undoing(self._loaded, branch)
            gate.judge(deed, Typed(typed))
            gone = await undo(Repository(branch.repository), branch, gate, Typed(typed))
        except (NotAdmitted, SourceError, ConfigError) as error:
            raise CannotFix(safe(str(error), 400)) from None
        return safe(f"{branch.name} and {branch.worktree} are gone{_touched(gone.touched)}", 400)

    def newest_request(self) -> str:
        """The file of the reproduction that was written last; empty where there is none."""
        folder = state_folder(self._loaded) / "repro" / "requests"
        try:
            found = sorted(folder.glob("*.json"), key=lambda path: path.stat().st_mtime)
        except OSError:
            return ""
        return str(found[-1]) if found else ""

    async def seed(self, request: str, branch: str, incident: str) -> Seed:
        """A reproduction as a failing test of a branch; it asks the environment that the request was made for.

        Args:
            request: File of the request.

        Raises:
            CannotFix: The file cannot be read, or the request cannot be exported.
        """
        await asyncio.to_thread(_load)
        from console.repro.errors import Stopped, Unclear

        try:
            data = await asyncio.to_thread(_content, request)
            return seed_of(at_branch(self._loaded, environment_meant(self._loaded, data), data, incident), branch)
        except (Unclear, Stopped, NotAdmitted, ConfigError, OSError) as error:
            raise CannotFix(safe(str(error), 400)) from None

    async def check(self, branch: Branch, request: str) -> Check:
        """A reproduction at the branch's own server, which does not run yet.

        Args:
            request: File of the request.

        Raises:
            CannotFix: The file cannot be read, or the guard lets the request not out.
        """
        await asyncio.to_thread(_load)
        from console.repro.errors import Stopped, Unclear

        try:
            there, name, port = local_environment(self._loaded, None, None)
            what = at_branch(there, name, await asyncio.to_thread(_content, request), branch.incident)
        except (Unknown, Unclear, Stopped, NotAdmitted, ConfigError, OSError) as error:
            raise CannotFix(safe(str(error), 400)) from None
        env, imported = what.env, what.imported
        decision = decide(what.request, env, State(insecure=imported.insecure, proxy=imported.proxy))
        if decision.verdict is Verdict.REFUSE:
            raise CannotFix(f"{decision.rule}: {decision.reason}")
        asked = phrase(what.request, env) if decision.verdict is Verdict.CONFIRM else ""
        return Check(branch, what, port, asked, safe(f"{decision.rule}: {decision.reason}" if asked else ""))

    async def verify(self, check: Check, serve: str, before: str, typed: Typed) -> tuple[Verified, WorkDone]:
        """Serve the branch and send the reproduction to it; what came of it, and the work that it holds for.

        Args:
            serve: The command that starts the server.
            before: Failures and tries before the fix: `10/10`.
            typed: What the guard wants typed, and why.

        Raises:
            CannotFix: The server does not run, the guard lets the request not out, or the branch is gone.
        """
        from console.repro.errors import Stopped
        from sources.serving import NotServed

        def clear(what: Reproduction, session: Session) -> Decision:
            if typed.text is not None:
                sha = what.request.sha256()
                why = typed.reason or ""
                session.confirm(Confirmation(typed.text, why, sha, self._clock(), what.incident, base=what.request))
            decision = session.preview(what.request).decision
            if decision.verdict is not Verdict.ALLOW:
                raise NotAdmitted(decision.rule, decision.reason)
            return decision

        what = check.what
        try:
            counts, command = counts_of(before), _words(serve)
            return await verified(
                what.loaded, check.branch, what, command, check.port, counts, clear, reason=typed.reason
            )
        except (Unknown, Stopped, NotServed, NotAdmitted, SourceError, ConfigError, OSError) as error:
            raise CannotFix(safe(str(error), 400)) from None


def _content(path: str) -> bytes:
    return Path(path).expanduser().read_bytes()


def _words(command: str) -> list[str]:
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise Unknown(f"the command cannot be read: {error}") from None
    if not words:
        raise Unknown("there is no command that starts the server")
    return words


def _load() -> None:
    """Load what is needed beside the event loop: it takes a moment."""
    for name in ("sources.fixing", "sources.suspecting", "sources.changes", "sources.http"):
        importlib.import_module(name)


def _touched(names: Sequence[SafeText]) -> str:
    return f"; careful, these changed in your checkout meanwhile: {', '.join(names[:3])}" if names else ""


def made_text(made: Made) -> SafeText:
    """What is told of a branch that was made."""
    untouched = _touched(made.touched) or "; your checkout is untouched, every file and time stamp is as before"
    return safe(f"{made.plan.branch} is made in {made.plan.worktree}{untouched}", 600)


def first_name(service: str, deploy: str) -> str:
    """A name to begin with, short enough to be typed: `fix/checkout-97db998`.

    Args:
        deploy: The deployed commit, else the tag.
    """
    last = deploy[:7] if re.fullmatch(r"[0-9a-f]{7,64}", deploy) else deploy.rpartition("/")[2]
    words = re.sub(r"[^a-z0-9]+", "-", f"{service}-{last}".lower()).strip("-")
    return f"fix/{words[:50].strip('-') or 'incident'}"
