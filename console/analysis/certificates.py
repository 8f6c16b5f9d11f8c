"""A certificate that ran out, as the errors of those say who can no longer speak to its host."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence

from console.analysis.place import Place
from console.analysis.suspects import LEADING_SHARE, Draft, fact
from console.analysis.ways import Ways
from console.analysis.words import joined
from console.domain.diagnosis import Standing
from console.domain.logs import Level, Pattern

_EXPIRED = re.compile(
    r"\bcert(ificate)?s?\b.{0,60}\b(expired|has ended|no longer valid)\b|\bexpired\b.{0,30}\bcert(ificate)?s?\b|CERT_HAS_EXPIRED",
    re.IGNORECASE,
)
_HOST = re.compile(r"(?<![\w.@-])(?<!(?<!/)/)(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}(?![\w-]|\.\w)")
"""A host by its full name."""


def certificate_drafts(
    patterns: Iterable[Pattern], places: Sequence[Place], names: Iterable[str], ways: Ways
) -> list[Draft]:
    """One suspect for each host whose certificate new errors call expired.

    It leads where those who say so, or the host itself, are the likeliest place; elsewhere it is one trouble beside another.
    """
    known = sorted(names, key=len, reverse=True)
    told: dict[str, list[Pattern]] = defaultdict(list)
    for one in patterns:
        text = f"{one.template} {one.example}"
        if one.status == "new" and one.level >= Level.WARN and one.service and _EXPIRED.search(text):
            told[_host(text, one.service, known)].append(one)
    return [_draft(host, some, places, set(known), ways) for host, some in told.items()]


def _host(text: str, writer: str, known: Sequence[str]) -> str:
    """Whose certificate it is: a known name, else a host's; else that of the writer."""
    for name in known:
        if name != writer and re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text):
            return name
    found = _HOST.search(text)
    return found.group() if found is not None else writer


def _draft(host: str, told: list[Pattern], places: Sequence[Place], known: set[str], ways: Ways) -> Draft:
    writers = sorted({one.service for one in told})
    share = sum(place.added for place in places if place.node in (host, *writers))
    first = bool(places) and places[0].node in (host, *writers)
    leads = first and share >= LEADING_SHARE
    evidence = [
        fact(f"new in the log of {one.service}: {one.template} ({one.count:,} lines, none before)", ways.pattern(one))
        for one in sorted(told, key=lambda one: -one.count)[:3]
    ]
    verb = "has expired" if leads else "may have expired"
    return Draft(
        "certificate",
        host,
        host if host in known else writers[0],
        None,
        f"The certificate of {host} {verb}: {joined(writers)} can no longer speak to it.",
        Standing.LEADING if leads else Standing.POSSIBLE,
        min(0.98, max(share, LEADING_SHARE)),
        evidence,
        f"look at the dates of the certificate that {host} shows to {writers[0]}: one that is valid clears it",
        first=0,
    )
