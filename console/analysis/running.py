"""What runs: told by the services themselves, else by the newest deploy; and whether a deploy can be held against it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from console.domain.changes import BY_DEPLOY, Change, Running, same_build
from console.domain.instant import Instant
from console.domain.observations import Observations

DEPLOYS = frozenset(("deploy", "rollback"))
_NUMBER = re.compile(r"\d+")


def running_of(seen: Observations) -> tuple[Running, ...]:
    """What each service runs, compared with its newest deploy."""
    told: dict[str, list[Running]] = {}
    for running in seen.running:
        if running.observed_at is None or running.observed_at <= seen.at:
            told.setdefault(running.service, []).append(running)
    newest: dict[str, Change] = {}
    for change in sorted((*seen.deployed, *seen.changes), key=lambda c: (c.at, c.id)):
        if change.kind in DEPLOYS and change.service and change.at <= seen.at:
            newest[change.service] = change
    found: list[Running] = []
    for service in sorted({*told, *newest}):
        deploy = newest.get(service)
        if service in told:
            found += [r if r.agrees is not None else replace(r, agrees=_agrees(r, deploy)) for r in told[service]]
        elif deploy is not None:
            found.append(Running(service, deploy.version or deploy.id, deploy.commit, BY_DEPLOY, None, deploy.at))
    return tuple(found)


def _agrees(running: Running, deploy: Change | None) -> bool | None:
    """Whether the newest deploy names the version or the commit that runs."""
    if deploy is None:
        return None
    same = same_build(running.version, running.commit, deploy.version, deploy.commit)
    return True if same is None and running.version and running.version in deploy.id else same


def runs_another(
    deploy: Change, running: Iterable[Running], history: Iterable[Change], since: Instant
) -> Running | None:
    """What a service runs instead of its newest deploy; None where it may run that one, or nobody told since an instant.

    A tag and a service may name builds by different schemes (a day and a number, commits of two repositories), and then
    never agree. So a name counts only where another deploy brought that build, or where both are numbered alike.

    Args:
        deploy: The newest one of its service.
        running: All of what runs, compared with the newest deploys.
        history: All known changes.
        since: What was told before that says nothing: a deploy takes a while until it runs everywhere.
    """
    told = [r for r in running if r.service == deploy.service and r.observed_at is not None]
    if not told or any(r.agrees is not False or (r.observed_at or 0.0) < since for r in told):
        return None
    others = [c for c in history if c.kind in DEPLOYS and c.service == deploy.service and c.id != deploy.id]
    return told[0] if all(_known_build(r, deploy, others) for r in told) else None


def _known_build(running: Running, deploy: Change, others: list[Change]) -> bool:
    if any(same_build(running.version, running.commit, c.version, c.commit) for c in others):
        return True
    by_version = not (running.commit and deploy.commit)
    return by_version and bool(running.version and deploy.version) and scheme(running.version) == scheme(deploy.version)


def scheme(version: str | None) -> str:
    """How a version is numbered: `v1.10.2` and `1.9.14` alike."""
    return _NUMBER.sub("0", (version or "").removeprefix("v"))
