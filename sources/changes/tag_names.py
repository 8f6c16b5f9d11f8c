"""What the name of a deploy tag tells: `deploy/prod/checkout/2026-11-23T14-02`, `checkout@1.4.2`, `release-1.4`, `v1.4.2`. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from datetime import UTC, datetime

from console.domain.instant import Instant

_SPELT = re.compile(
    r"(?<!\d)(20\d\d)([-._]?)(\d\d)\2(\d\d)[T_.-](\d\d)([-:._h]?)(\d\d)(?:[-:._m]?(\d\d))?(?:[Zz]|(?!\d))"
)
_RUN_TOGETHER = re.compile(r"(?<!\d)(20\d\d)()(\d\d)(\d\d)(\d\d)()(\d\d)(\d\d)?(?!\d)")
_EPOCH = re.compile(r"(?<!\d)1\d{9}(?!\d)")
_PREFIX = re.compile(r"^(?:release|deploy|deployed|prod|production|version)[-_](?=.)", re.IGNORECASE)
_VERSION_AFTER = re.compile(r"[-_@](?=v?\d)", re.IGNORECASE)


def time_in(name: str) -> Instant | None:
    """The time of day that a name holds, read as UTC; None without one. A date alone is no time."""
    for pattern in (_SPELT, _RUN_TOGETHER):
        for match in pattern.finditer(name):
            year, month, day, hour, minute, second = (int(match[n] or 0) for n in (1, 3, 4, 5, 7, 8))
            try:
                moment = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
            except ValueError:
                continue
            return moment.timestamp()
    epoch = _EPOCH.search(name)
    return float(epoch[0]) if epoch else None


def version_in(name: str, service: str) -> str:
    """The version that a name gives: its last part without the service's name or a word such as `release-`."""
    last = name.rstrip("/").rpartition("/")[2]
    for divider in ("@", "-", "_"):
        rest = last.removeprefix(service + divider)
        if rest != last and rest:
            return rest
    before, at, after = last.rpartition("@")
    if before and at and after:
        return after
    return _PREFIX.sub("", last)


def services_in(name: str, services: Collection[str]) -> set[str]:
    """Those of the services that a name speaks of, as a part of its own (`…/checkout/…`) or before a version (`checkout@1.2`)."""
    return {word for part in name.split("/") for word in _words(part)} & set(services)


def _words(part: str) -> Iterable[str]:
    yield part
    for match in _VERSION_AFTER.finditer(part):
        yield part[: match.start()]
