"""Repeated tries of one request: how often it fails, in which way, and whether a fix or another environment changes that."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Iterator, Sequence
from typing import Any, Protocol

from console.domain.request import HttpRequest
from console.domain.text import SafeText
from console.domain.values import dataclass
from console.guard.sanitise import safe
from console.repro.errors import Stopped
from console.repro.signature import Kind, Outcome, Signature, Wanted, error_of, signature_of
from console.repro.stats import CONFIDENCE, detectable, fisher, interval, passes_needed

LEAST_COMPARED = 5
"""Tries of each side: 3 of 3 against 0 of 3 is p = .10, which is no evidence."""
SIGNIFICANT = 0.05
MOST_UNRESOLVED = 3
NOTHING = SafeText("")
FIRST_TOLD = ("status", "error", "header")
"""Differences that tell most, before those of the body."""


class Send(Protocol):
    """Sends one request through the guard."""

    def __call__(self, request: HttpRequest) -> Awaitable[Outcome]:
        """The outcome.

        Raises:
            Stopped: It was not sent, and no other will be.
            NotAllowed: It was not sent.
        """
        ...


@dataclass(frozen=True, slots=True)
class Ran:
    """What N tries showed."""

    outcomes: tuple[Outcome, ...]
    signature: Signature | None
    failures: int
    """Tries that failed with the signature."""
    different: int
    """Tries that failed in another way."""
    stopped: SafeText = SafeText("")
    """Why fewer tries were made than asked for."""
    rule: str = ""

    @property
    def unresolved(self) -> int:
        """Tries without a whole answer; they count for nothing."""
        return sum(1 for one in self.outcomes if one.status is None or one.status == 429)

    @property
    def tries(self) -> int:
        """Tries that said something."""
        return len(self.outcomes) - self.unresolved

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the failure rate."""
        return interval(self.failures, self.tries)

    @property
    def reproduced(self) -> bool:
        """Whether it failed at least once."""
        return self.failures > 0

    @property
    def sentence(self) -> str:
        """The result in words; never failing is not the same as fixed."""
        if self.reproduced:
            low, high = self.interval
            return f"failed {self.failures} of {self.tries} tries (95 %: {low:.0%} to {high:.0%}) with {self.signature}"
        if self.tries == 0:
            return "no try brought an answer, so nothing is known"
        return f"not reproduced in {self.tries} tries: a failure rate of {detectable(self.tries):.0%} or more would have shown"


async def run(request: HttpRequest, send: Send, wanted: Wanted, tries: int) -> Ran:
    """Send a request `tries` times, one after the other."""
    outcomes: list[Outcome] = []
    stopped, rule = NOTHING, ""
    try:
        for _ in range(tries):
            outcomes.append(await send(request))
    except Stopped as stop:
        stopped, rule = stop.reason, stop.rule
    return ran(outcomes, wanted, stopped, rule)


def ran(outcomes: Sequence[Outcome], wanted: Wanted, stopped: SafeText = NOTHING, rule: str = "") -> Ran:
    """The result of tries that were made."""
    signature = signature_of([one for one in outcomes if wanted.failing(one)], wanted)
    kinds = [signature.kind(one) for one in outcomes] if signature else []
    return Ran(tuple(outcomes), signature, kinds.count(Kind.FAILS), kinds.count(Kind.DIFFERENT), stopped, rule)


@dataclass(frozen=True, slots=True)
class Verified:
    """Whether a fix holds."""

    state: str
    """FIXED | STILL FAILING | INCONCLUSIVE"""
    needed: int | None
    """Clean passes that are needed; None where nothing failed before."""
    passes: int
    failures: int
    reason: SafeText
    outcomes: tuple[Outcome, ...] = ()


async def verify(
    request: HttpRequest, send: Send, wanted: Wanted, before: tuple[int, int], most: int, control: Send | None = None
) -> Verified:
    """Whether a failure that happened `before` (failures, tries) is gone.

    Args:
        most: Requests that may be spent.
        control: Sends to where it must still fail, such as the old version; None: the earlier failing run is the control.
    """
    needed = passes_needed(*before)
    if needed is None:
        return Verified("INCONCLUSIVE", None, 0, 0, safe("it never failed before, so passing now shows nothing"))
    if needed > most:
        return Verified(
            "INCONCLUSIVE", needed, 0, 0, safe(f"needs {needed} clean passes, and only {most} requests may be sent")
        )
    outcomes: list[Outcome] = []
    passes = unresolved = 0
    try:
        if control is not None and not wanted.failing(await control(request)):
            return Verified(
                "INCONCLUSIVE",
                needed,
                0,
                0,
                safe("the positive control does not fail either, so passing shows nothing"),
            )
        while passes < needed:
            outcome = await send(request)
            outcomes.append(outcome)
            if wanted.failing(outcome):
                return Verified(
                    "STILL FAILING", needed, passes, 1, safe(f"try {len(outcomes)} failed as before"), tuple(outcomes)
                )
            if outcome.status is None:
                unresolved += 1
                if unresolved >= MOST_UNRESOLVED:
                    why = f"{unresolved} tries brought no answer; needs {needed - passes} more clean passes"
                    return Verified("INCONCLUSIVE", needed, passes, 0, safe(why), tuple(outcomes))
            elif outcome.status >= 400:
                why = f"try {len(outcomes)} failed in another way ({outcome.status} {error_of(outcome)})"
                return Verified("INCONCLUSIVE", needed, passes, 0, safe(why), tuple(outcomes))
            else:
                passes += 1
    except Stopped as stop:
        why = f"stopped by {stop.rule}, {stop.reason}; needs {needed - passes} more clean passes"
        return Verified("INCONCLUSIVE", needed, passes, 0, safe(why), tuple(outcomes))
    k, n = before
    return Verified(
        "FIXED", needed, passes, 0, safe(f"{passes} clean passes in a row after {k} failures in {n} tries: gone with {CONFIDENCE:.0%} confidence"), tuple(outcomes)
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Compared:
    """Two environments side by side."""

    first: Ran
    second: Ran
    p: float | None
    """Two-sided Fisher test of the failure rates; None where a side brought no answers."""
    evidence: bool
    """Whether the difference is more than chance."""
    fields: tuple[SafeText, ...]
    """Places of the answers that differ between the sides and not within the first."""
    reason: SafeText


async def compare(
    request: tuple[HttpRequest, HttpRequest], sends: tuple[Send, Send], wanted: Wanted, tries: int
) -> Compared:
    """Send to two environments in turn: A B A B …, so that a drift of time meets both alike.

    Args:
        request: For the first and for the second environment.
        tries: Of each side.
    """
    seen: tuple[list[Outcome], list[Outcome]] = ([], [])
    stopped, rule = NOTHING, ""
    try:
        for _ in range(tries):
            for side in (0, 1):
                seen[side].append(await sends[side](request[side]))
    except Stopped as stop:
        stopped, rule = stop.reason, stop.rule
    first, second = ran(seen[0], wanted, stopped, rule), ran(seen[1], wanted, stopped, rule)
    fails = [sum(wanted.failing(o) for o in side) for side in seen]
    fields = tuple(_differing(first.outcomes, second.outcomes))
    if min(first.tries, second.tries) < LEAST_COMPARED:
        p = fisher(fails[0], first.tries, fails[1], second.tries) if first.tries and second.tries else None
        why = f"{LEAST_COMPARED} answers of each side are needed, and there are {first.tries} and {second.tries}"
        return Compared(first, second, p, False, fields, safe(f"{why}: {stopped}" if stopped else why))
    p = fisher(fails[0], first.tries, fails[1], second.tries)
    counts = f"{fails[0]} of {first.tries} against {fails[1]} of {second.tries} failed"
    told = "evidence of a difference" if p < SIGNIFICANT else "no evidence of a difference"
    return Compared(first, second, p, p < SIGNIFICANT, fields, safe(f"{counts}, p = {p:.3f}: {told}"))


def _differing(first: Sequence[Outcome], second: Sequence[Outcome]) -> Iterator[SafeText]:
    """Fields that agree within each side, so are no noise, and differ between the sides."""
    sides = [[_fields(one) for one in side if one.status is not None] for side in (first, second)]
    if not all(sides):
        return
    for key in sorted(set().union(*sides[0], *sides[1]), key=_weight):
        values = [{one.get(key) for one in side} for side in sides]
        if len(values[0]) == len(values[1]) == 1 and values[0] != values[1]:
            yield safe(f"{key}: {_short(values[0])} against {_short(values[1])}", 300)


def _weight(key: str) -> tuple[int, str]:
    """What tells most comes first: status, error, headers, then the body."""
    first = key.partition(" ")[0]
    return FIRST_TOLD.index(first) if first in FIRST_TOLD else len(FIRST_TOLD), key


def _short(values: set[str | None]) -> str:
    value = next(iter(values))
    return value[:80] if value else "absent"


def _fields(outcome: Outcome) -> dict[str, str]:
    found = {"status": str(outcome.status), "error": error_of(outcome)}
    found |= {f"header {k}": v for k, v in outcome.headers if k in ("content-type", "server", "x-version", "location")}
    try:
        _leaves(json.loads(outcome.body), "body", found)
    except (ValueError, RecursionError):
        pass
    return found


def _leaves(value: Any, path: str, found: dict[str, str]) -> None:
    if isinstance(value, dict):
        for key, inner in value.items():
            _leaves(inner, f"{path}.{key}", found)
    elif isinstance(value, list):
        for k, inner in enumerate(value[:100]):
            _leaves(inner, f"{path}[{k}]", found)
    else:
        found[path] = json.dumps(value)
