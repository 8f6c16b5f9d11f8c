"""The smallest request that still fails in the same way, for few requests.

Bare first, since that settles most cases; then the needed parts one after the other, each by bisection, the likeliest first, which
costs fewer requests than blocks of delta debugging (for 30 parts of which 2 are needed, about 20 instead of 40); then a pass over
single parts; last the values of what is left, where budget is left for them. Flaky failures are decided by a sequential test. After
some passes in a row the last failing request is repeated: if it stops failing, the environment changed, and what was concluded
since something failed for the last time is discarded. A search that was stopped can be taken up again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass as open_dataclass
from dataclasses import field, replace

from console.domain.request import HttpRequest
from console.domain.text import SafeText
from console.domain.values import dataclass
from console.guard.sanitise import safe
from console.repro.errors import NotAllowed, Stopped
from console.repro.found import Found
from console.repro.run import Ran, Send, ran
from console.repro.signature import Kind, Outcome, Signature, Wanted
from console.repro.stats import Sequential, detectable
from console.repro.units import Unit, assembled, closed, json_depth, json_of, units_of
from console.repro.values import Value, shorter, values_of, with_value

SURE_TRIES = 3
"""Baseline tries that suffice when all of them fail alike; controls and the final repetition catch what they missed."""
FIRST_TRIES = 5
MOST_BASELINE = 20
SURE_RATE = 0.9
"""From this failure rate on a candidate is tried once."""
FLAKY_RATE = 0.6
"""Taken for the failure rate once a control passed and yet the failure was there."""
RARE_RATE = 0.5
"""Below it, production is spared the single parts."""
ALPHA, BETA = 0.02, 0.05
MOST_PER_CANDIDATE = 24
CONTROL_EVERY = 5
"""Passes in a row after which the last failing request is repeated; whatever fails shows as well that nothing changed."""
MOST_JSON_DEPTH = 6
LEFT_FOR_VALUES = 0.3
"""Values are shortened only while more than this share of the budget is left."""
MOST_HALVINGS = 4
"""Requests for one value that cannot be as short as a character."""
THROUGH = ("1-minimal", "groups only")
Keep = Callable[[Found | None], None]


@dataclass(frozen=True, slots=True)
class Minimised:
    """The result."""

    request: HttpRequest
    baseline: Ran
    signature: Signature | None
    removed: tuple[SafeText, ...]
    kept: tuple[SafeText, ...]
    spent: int
    ended: str
    """1-minimal | budget ended | groups only | environment changed | not reproduced"""
    reason: SafeText
    confirmed: bool | None = None
    """Whether the minimal request failed when it was tried at the end; None: it was not."""
    before: int = 0
    """Requests that earlier runs of the same search had spent."""


class _Changed(Exception):
    """The last failing request does not fail any more."""


@open_dataclass
class _Search:
    """The state of one minimisation."""

    send: Send
    wanted: Wanted
    budget: int
    production: bool
    spent: int = 0
    rate: float = 1.0
    signature: Signature | None = None
    best: HttpRequest | None = None
    good: HttpRequest | None = None
    """The one that was seen failing last."""
    negatives: int = 0
    """Passes since then."""
    answers: dict[str, bool] = field(default_factory=dict)
    """Whether a request fails, by its digest."""
    fresh: list[str] = field(default_factory=list)
    """Those of them that came since something failed for the last time."""
    finals: list[Outcome] = field(default_factory=list)
    deduced: HttpRequest | None = None
    """What followed from the other answers before it was tried: trying it was its confirmation."""

    async def one(self, request: HttpRequest) -> Outcome:
        if self.spent >= self.budget:
            raise Stopped("G18", f"the {self.budget} requests of this run are spent")
        outcome = await self.send(request)
        self.spent += 1
        return outcome

    async def kind(self, request: HttpRequest) -> Kind:
        """How one try compares; a try without an answer is made once more."""
        assert self.signature is not None
        found = self.signature.kind(await self.one(request))
        return self.signature.kind(await self.one(request)) if found is Kind.UNRESOLVED else found

    async def fails(self, request: HttpRequest) -> bool:
        """Whether a candidate still fails in the same way."""
        key = request.sha256()
        if key not in self.answers:
            try:
                known = await self._decided(request)
            except NotAllowed:
                return False  # the guard does not let it out: what is missing from it stays in
            if known is None:
                return False
            self.answers[key] = known
            if known:
                self._failed(request)
            else:
                self.fresh.append(key)
                self.negatives += 1
                if self.negatives % CONTROL_EVERY == 0:
                    await self.control()
        elif self.answers[key]:
            self.best = request
        # A control may have shown that single passes prove nothing: then this one is judged anew.
        return self.answers[key] if key in self.answers else await self.fails(request)

    def _failed(self, request: HttpRequest) -> None:
        """It fails now: nothing changed, and what was found until now holds."""
        self.best = self.good = request
        self.negatives = 0
        self.fresh.clear()

    async def _decided(self, request: HttpRequest) -> bool | None:
        if self.rate >= SURE_RATE:
            found = await self.kind(request)
            return None if found is Kind.UNRESOLVED else found is Kind.FAILS
        return await self._sequential(request)

    async def _sequential(self, request: HttpRequest) -> bool | None:
        test = Sequential(0.01, max(0.15, 0.6 * self.rate), ALPHA, BETA)
        for _ in range(MOST_PER_CANDIDATE):
            found = await self.kind(request)
            decided = None if found is Kind.UNRESOLVED else test.saw(found is Kind.FAILS)
            if decided is not None:
                return decided
        return None

    async def control(self) -> None:
        """Repeat the best request; if it does not fail any more, what follows would be wrong."""
        assert self.best is not None
        if await self.kind(self.best) is not Kind.FAILS:
            if await self._sequential(self.best) is not True:
                raise _Changed
            if self.rate >= SURE_RATE:  # it is flaky after all: single passes showed nothing
                self.rate = FLAKY_RATE
                self.answers = {key: known for key, known in self.answers.items() if known}
        self._failed(self.best)

    def discard(self) -> None:
        """Go back to what was known when something failed for the last time."""
        self.best = self.good
        for key in self.fresh:
            self.answers.pop(key, None)
        self.fresh.clear()

    def found(self, baseline: Ran, before: int) -> Found:
        """What another run can go on from."""
        assert self.best is not None
        return Found(self.best, baseline, self.rate, dict(self.answers), before + self.spent)

    def take_up(self, found: Found) -> None:
        """Go on from what another run found."""
        self.best = self.good = found.best
        self.rate = found.rate
        self.answers = dict(found.answers)

    def allowed(self, share: float) -> bool:
        """Whether more than this share of the budget is left."""
        return self.budget - self.spent > share * self.budget


async def minimise(
    request: HttpRequest,
    send: Send,
    wanted: Wanted,
    budget: int,
    *,
    production: bool = False,
    found: Found | None = None,
    keep: Keep = lambda _: None,
) -> Minimised:
    """The smallest request that still fails.

    Args:
        budget: Requests that may be spent, all in all.
        production: Spares production the single parts of rare failures.
        found: What an earlier run found before it was stopped; whether that still fails is looked at first.
        keep: Told what was found where the search stops before its end, be it cancelled, and None where it is through.
    """
    search = _Search(send, wanted, budget, production)
    before = found.spent if found is not None else 0
    if found is not None:
        first = found.baseline
        search.take_up(found)
    else:
        outcomes: list[Outcome] = []
        try:
            await _baseline(search, request, outcomes)
        except Stopped as stop:
            if not any(wanted.failing(one) for one in outcomes):
                first = ran(outcomes, wanted, stop.reason, stop.rule)
                return _result(search, request, first, "budget ended", f"{stop.rule}: {stop.reason}")
        first = ran(outcomes, wanted)
        if first.signature is None or not first.failures:
            least = detectable(first.tries) if first.tries else 1.0
            return _result(
                search, request, first, "not reproduced", f"not reproduced at a failure rate of {least:.0%} or more"
            )
        search.rate = first.failures / first.tries
        search.best = search.good = request
    search.signature = first.signature
    ended, why = "1-minimal", "no single part can be left out"
    try:
        if found is not None:
            await search.control()
        if not await _parts(search, request):
            ended, why = (
                "groups only",
                f"it fails in {search.rate:.0%} of tries only: production is spared the single parts",
            )
        await _repeat(search)
    except asyncio.CancelledError:
        keep(search.found(first, before))
        raise
    except Stopped as stop:
        ended, why = "budget ended", f"{stop.rule}: {stop.reason}"
    except _Changed:
        search.discard()
        ended, why = (
            "environment changed",
            "the last failing request stopped failing; what was found since it failed last is discarded",
        )
    keep(None if ended in THROUGH else search.found(first, before))
    return replace(_result(search, request, first, ended, why), before=before)


async def _baseline(search: _Search, request: HttpRequest, outcomes: list[Outcome]) -> None:
    while len(outcomes) < min(MOST_BASELINE, max(SURE_TRIES, search.budget // 3)):
        outcomes.append(await search.one(request))
        first = ran(outcomes, search.wanted)
        n = len(outcomes)
        if first.failures == n == SURE_TRIES:
            return
        if n >= FIRST_TRIES and (first.failures == 0 or first.failures >= SURE_RATE * n):
            return
        if n >= 2 * FIRST_TRIES and first.failures >= 3:
            return


async def _repeat(search: _Search) -> None:
    """The final control."""
    assert search.best is not None and search.signature is not None
    if search.best == search.deduced:
        return
    outcome = await search.one(search.best)
    search.finals.append(outcome)
    if search.signature.kind(outcome) is not Kind.FAILS:
        await search.control()


async def _parts(search: _Search, request: HttpRequest) -> bool:
    """Take the request apart; False where only groups were tried."""
    units = units_of(request)
    everything = frozenset(range(len(units)))
    if not units:
        return True
    if await search.fails(assembled(request, units, frozenset())):
        return True
    if search.rate < RARE_RATE and search.production:
        await _groups(search, request, units, everything)
        return False
    keep = await _needed(search, request, units)
    await _one_by_one(search, request, units, keep)
    await _deeper(search)
    await _values(search)
    return True


async def _needed(search: _Search, request: HttpRequest, units: tuple[Unit, ...]) -> frozenset[int]:
    """The parts that are needed, found one after the other, each by bisecting for the shortest beginning that still fails.

    The likeliest parts stand first. Where leaving out more never brings a failure back, k needed parts of n cost about
    k * log2(n) candidates; where that does not hold, what is found fails nevertheless, and the pass over single parts follows.
    """
    pool = sorted(range(len(units)), key=lambda k: -units[k].weight)
    found: list[int] = []
    while True:
        passing, failing = 0, len(pool)
        while failing - passing > 1:
            if failing - passing == 2 and passing:
                keep = await _last(search, request, units, found, pool[passing:failing])
                if keep is not None:
                    return keep
            middle = _middle(pool, units, passing, failing)
            if await search.fails(assembled(request, units, closed(units, [*found, *pool[:middle]]))):
                failing = middle
            else:
                passing = middle
        found.append(pool[failing - 1])
        pool = pool[: failing - 1]
        keep = closed(units, found)
        if not pool:
            return keep
        if await search.fails(last := assembled(request, units, keep)):
            search.deduced = last
            return keep


async def _last(
    search: _Search, request: HttpRequest, units: tuple[Unit, ...], found: Sequence[int], two: Sequence[int]
) -> frozenset[int] | None:
    """What is kept where one of two parts is all that is needed beside those that were found; None where more is.

    That one of the two is needed is known. To try each alone settles with one request or two what would take two.
    """
    for k in two:
        keep = closed(units, [*found, k])
        if await search.fails(alone := assembled(request, units, keep)):
            search.deduced = alone
            return keep
    return None


def _middle(pool: Sequence[int], units: tuple[Unit, ...], start: int, end: int) -> int:
    """Where the weight of the parts from `start` to `end` is halved; strictly between the two."""
    half = sum(units[k].weight for k in pool[start:end]) / 2
    weight = 0.0
    for place in range(start, end - 1):
        weight += units[pool[place]].weight
        if weight >= half:
            return place + 1
    return end - 1


async def _groups(search: _Search, request: HttpRequest, units: tuple[Unit, ...], keep: frozenset[int]) -> None:
    """Whole groups only, where each candidate needs many tries."""
    for name in ("analytics", "client hints", "accept", "referer", "custom", "cookies", "query"):
        members = {k for k in keep if units[k].group == name}
        if members and await search.fails(assembled(request, units, rest := closed(units, keep - members))):
            keep = rest


async def _one_by_one(search: _Search, request: HttpRequest, units: tuple[Unit, ...], keep: frozenset[int]) -> None:
    """Until no single part can be left out; what fell with others before is known already."""
    again = len(keep) > 1
    while again:
        again = False
        for k in sorted(keep, key=lambda k: units[k].weight):
            rest = closed(units, keep - {k})
            if k in keep and rest < keep and await search.fails(assembled(request, units, rest)):
                keep, again = rest, True


async def _deeper(search: _Search) -> None:
    """Inner parts of a JSON body, level by level."""
    for depth in range(2, MOST_JSON_DEPTH + 1):
        request = search.best
        assert request is not None
        if json_depth(json_of(request)) < depth:
            return
        units = units_of(request, depth)
        inner = {k for k, u in enumerate(units) if u.kind == "json" and len(u.path) == depth}
        keep = frozenset(range(len(units)))
        if inner and await search.fails(assembled(request, units, rest := keep - inner)):
            keep = rest
        elif len(inner) > 1:
            for k in sorted(inner):
                if await search.fails(assembled(request, units, rest := keep - {k})):
                    keep = rest


async def _values(search: _Search) -> None:
    """Shorter values, while there is budget left: numbers become 1 or 0, texts a character or not much more than they must be."""
    assert search.best is not None
    for value in values_of(search.best):
        await _shorten(search, value)


async def _shorten(search: _Search, value: Value) -> None:
    async def fails(text: str) -> bool:
        if text in ("", value.text) or not search.allowed(LEFT_FOR_VALUES):
            return False
        assert search.best is not None
        return await search.fails(with_value(search.best, value, text))

    if value.number:
        if not await fails("1"):
            await fails("0")
        return
    if await fails(shorter(value, 1)):
        return
    passing, failing = 1, len(value.text)
    for _ in range(MOST_HALVINGS):
        middle = (passing + failing) // 2
        if await fails(shorter(value, middle)):
            failing = middle
        else:
            passing = middle


def _result(search: _Search, request: HttpRequest, first: Ran, ended: str, why: str) -> Minimised:
    best = search.best or request
    had = [u.label for u in units_of(request)]
    kept = [u.label for u in units_of(best)]
    left = list(kept)
    removed = []
    for label in had:
        if label in left:
            left.remove(label)
        else:
            removed.append(label)
    confirmed = ran(search.finals, search.wanted).reproduced if search.finals else None
    if search.deduced is not None and best == search.deduced:
        confirmed = True
    return Minimised(
        best, first, search.signature, tuple(removed), tuple(kept), search.spent, ended, safe(why, 300), confirmed
    )
