"""What the commands of `incident fix` share: the service with its repository, the gate, and the branches that were made."""

from __future__ import annotations

import re
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from console.cli.options import is_terminal
from console.cli.outcome import Refused, say
from console.config.effective import state_folder
from console.config.load import Loaded, load
from console.config.models import ServiceConfig
from console.fix.branch import Base, Plan
from console.fix.record import Branch, branches
from console.guard.gate import Deed, Gate, NotAdmitted, Typed
from console.guard.sanitise import safe
from console.reproduce import user

if TYPE_CHECKING:
    from sources.changes import TagChanges

OID = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


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


def subject_of(config_path: Path | None, name: str | None) -> Subject:
    """The service and the source of its deploy tags.

    Raises:
        click.UsageError: It is not configured, has no repository, or there are several to choose from.
    """
    from sources.changes import TagChanges, build

    loaded = load(config_path)
    having = {one.name: one for one in loaded.config.service if one.repository is not None}
    listed = ", ".join(having) or 'none; add repository = "…" to a [[service]]'
    if name is None and len(having) != 1:
        raise click.UsageError(f"which service? --service NAME; with a repository: {listed}")
    chosen = name if name is not None else next(iter(having))
    if chosen not in having:
        raise click.BadParameter(
            f"no service {chosen!r} with a repository; there are: {listed}", param_hint="--service"
        )
    sources = build((), loaded.config.service, loaded.resolve)
    tags = next(one for one in sources if isinstance(one, TagChanges) and one.deploys(chosen))
    return Subject(loaded, having[chosen], tags)


def gate_of(loaded: Loaded, incident: str) -> Gate:
    """The gate that this command's effects pass."""
    return Gate(audit_folder(loaded), user(), incident)


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
        click.UsageError: There is none, or several to choose from.
    """
    made = [one for one in known_branches(loaded) if service in (None, one.service)]
    found = [one for one in made if name in (None, one.name)]
    if len(found) == 1:
        return found[0]
    listed = ", ".join(f"{one.name} ({one.service})" for one in made) or "none"
    raise click.UsageError(f"which fix branch? --name fix/… --service NAME; made by this console: {safe(listed, 500)}")


async def base_of(subject: Subject, tag: str | None) -> Base:
    """The deployed commit: of a tag, of a commit's full id, else of the newest deploy.

    Raises:
        Refused: B3, it is a branch.
        click.BadParameter: It leads nowhere.
        SourceError: The repository cannot be read.
    """
    repository = subject.tags.repository
    if tag is None:
        newest = {one.service: one for one in await subject.tags.deployed(time.time())}.get(subject.service.name)
        if newest is None or newest.commit is None:
            patterns = ", ".join(subject.service.deploy_tags)
            raise click.UsageError(
                f"no deploy of {subject.service.name} is known: no tag that leads to a commit matches {patterns}; name one with --from"
            )
        return Base(safe(newest.id), newest.commit)
    if OID.fullmatch(tag):
        if await repository.commit(tag) is None:
            raise click.BadParameter(
                f"commit {tag[:12]} is not in the repository; `git fetch` may bring it", param_hint="--from"
            )
        return Base(safe(""), tag)
    name = tag.removeprefix("refs/tags/")
    try:
        commit = await repository.resolve(f"refs/tags/{name}")
        branch = await repository.branch_tip(name.removeprefix("refs/heads/"))
    except ValueError:
        raise click.BadParameter(f"{tag!r} is no name of a tag", param_hint="--from") from None
    if commit is not None:
        return Base(safe(name), commit)
    if branch is not None:
        raise Refused(
            f"B3: {safe(tag)} is a branch: a fix begins at what was deployed, a deploy tag or a full commit id"
        )
    shallow = (await repository.info()).shallow
    hint = "; this is a shallow clone: `git fetch --tags` may bring it" if shallow else ""
    raise click.BadParameter(f"no tag {tag!r} leads to a commit here{hint}", param_hint="--from")


async def running_commits(subject: Subject) -> tuple[str, ...]:
    """The commits that the service says it runs; empty where nobody tells."""
    from console.observe import ask_versions, open_sources

    if subject.service.version_url is None:
        return ()
    sources = open_sources(subject.loaded)
    try:
        reading = await ask_versions(sources, time.time())
    finally:
        await sources.close()
    mine = (one.commit for one in reading.value if one.service == subject.service.name)
    return tuple(dict.fromkeys(commit for commit in mine if commit))


def typed_for(gate: Gate, deed: Deed, confirm: str | None, reason: str | None) -> Typed:
    """What a person typed; asked for where there is a terminal.

    Raises:
        Refused: It is missing or wrong, or a rule says no anyway.
    """
    text = confirm
    try:
        gate.judge(deed, Typed(text if text is not None else deed.wanted))
    except NotAdmitted as no:
        raise Refused(str(no)) from None
    if text is None and is_terminal(sys.stdin) and is_terminal(sys.stderr):
        text = click.prompt(f"type {deed.wanted} to do it", err=True)
    try:
        gate.judge(deed, Typed(text))
    except NotAdmitted as no:
        raise Refused(str(no)) from None
    return Typed(text, reason)


def say_plan(found: Plan) -> None:
    """What would be done, for the person who decides."""
    from console.report.fix_text import plan_lines

    for line in plan_lines(found):
        say(line)
