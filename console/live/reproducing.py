"""Reproductions from the screen: what would be sent of a log record, and sending it. The rules are those of `incident repro`.

They run in the screen's process, so that Esc ends one at once; nothing of it is loaded before the first is asked for.
"""

from __future__ import annotations

import asyncio
import importlib
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from functools import partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from console.analysis.words import number
from console.config.effective import state_folder
from console.config.load import ConfigError, Loaded
from console.domain.instant import Instant, rfc3339
from console.domain.logs import LogRecord
from console.domain.request import HttpRequest
from console.domain.text import SafeText
from console.domain.values import dataclass
from console.guard.limits import limits_of
from console.guard.policy import Confirmation, Decision, State, Verdict, decide, phrase
from console.guard.private import private_folder
from console.guard.sanitise import safe
from console.live.watched import error_rate, route_rate
from console.repro.errors import Stopped, Unclear
from console.repro.signature import Outcome, Wanted, error_of, errors_told, logged_error
from console.repro.view import RequestView, TryView
from console.reproduce import (
    SAFEST_FIRST,
    Reproduction,
    UnknownEnvironment,
    document_of,
    environment_of,
    exported_as,
    incident_of_the_day,
    keep_search,
    kept_search,
    observed_failure,
    prove_buster,
    session_of,
    traced,
    with_environment,
    write_document,
)
from console.state import ConsoleState

if TYPE_CHECKING:
    from console.repro.minimise import Minimised
    from console.repro.prepare import Imported
    from console.repro.run import Compared, Ran, Send, Verified
    from sources.reproduce import Session

TRIES = 5
"""Of one run, as `incident repro run` makes."""
MOST_LINES = 200
MOST_LINE = 2_000


class CannotReproduce(Exception):
    """Nothing can be sent of this; the text says why, and how to mend it."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A reproduction that may be sent, with what the screen shows of it."""

    what: Reproduction
    view: RequestView
    phrase: str
    """What is to be typed first; empty: nothing."""
    record: LogRecord
    """The line that names the request, and so the route."""
    error: str = ""
    """What the lines of the observed request's trace say of its error; empty: nothing is known."""

    def another(self, result: Ran) -> SafeText:
        """That it failed in another way than was observed; empty where it did not, or where nobody knows."""
        seen = result.signature.error if result.signature is not None else ""
        if not (self.error and seen) or seen == self.error:
            return SafeText("")
        return safe(f"this is another failure than the one that was observed: {self.error}", 400)


@dataclass(frozen=True, slots=True)
class Typed:
    """What a person typed to confirm a request."""

    text: str
    reason: str


class Reproducing:
    """The way from the screen to the sender.

    Args:
        loaded: The configuration, with its environments.
        clock: For the confirmation and the day's budget.
        watched: What the console sees now: how often the route is asked, and how often its service fails.
    """

    def __init__(
        self,
        loaded: Loaded,
        clock: Callable[[], Instant] = time.time,
        watched: Callable[[], ConsoleState | None] = lambda: None,
    ) -> None:
        self._loaded = loaded
        self._clock = clock
        self._watched = watched

    @property
    def environments(self) -> tuple[str, ...]:
        """Names of what can be sent to, the safest first."""
        known = sorted(self._loaded.config.environment, key=lambda one: SAFEST_FIRST.index(one.tier))
        return tuple(one.name for one in known)

    async def of_record(
        self,
        record: LogRecord,
        environment: str,
        trace: Sequence[LogRecord] = (),
        body: str | None = None,
        incident: str = "",
    ) -> Planned:
        """The request that a record is about, at an environment.

        Args:
            incident: Whose budget is spent and in whose audit it stands; empty: reproductions of a day count together.
            trace: The lines of the record's trace, which may name the error.
            body: Given by hand, since records seldom hold it; None: as the record has it.

        Raises:
            CannotReproduce: The record is about no request, or nothing can be sent there.
        """
        await asyncio.to_thread(_load)
        from console.repro.evidence import with_body

        try:
            observed, named = _request_of(record, trace)
            if body is not None:
                observed = with_body(observed, body.encode())
            error = logged_error(errors_told((*trace, record))) if trace else ""
            incident = incident or incident_of_the_day(self._clock())
            return await self._planned(observed, environment, named, error, incident)
        except (Unclear, Stopped, UnknownEnvironment, ConfigError) as error:
            raise CannotReproduce(safe(str(error), 400)) from None

    async def _planned(
        self, observed: Imported, environment: str, record: LogRecord, error: str, incident: str
    ) -> Planned:
        from console.repro.prepare import prepared

        env = environment_of(self._loaded, environment)
        imported = prepared(observed, env)
        wanted = observed_failure(imported.observed)
        what = Reproduction(self._loaded, env, imported, imported.original, wanted, incident, None, True)
        if imported.refused is not None:
            return Planned(what, self._view(what, imported.refused, b"", 0), "", record, error)
        return await self._previewed(what, record, error)

    async def at_environment(self, planned: Planned, environment: str) -> Planned:
        """The same request at another environment.

        Raises:
            CannotReproduce: Nothing can be sent there.
        """
        try:
            what = with_environment(planned.what, environment)
            if environment != planned.view.environment:
                what = replace(what, imported=replace(what.imported, ran=None))  # it was run elsewhere
            return await self._previewed(what, planned.record, planned.error)
        except (Stopped, UnknownEnvironment, ConfigError) as error:
            raise CannotReproduce(safe(str(error), 400)) from None

    async def _previewed(self, what: Reproduction, record: LogRecord, error: str) -> Planned:
        what = replace(what, observed_rate=self._route_rate(what, record))
        state = State(insecure=what.imported.insecure, proxy=what.imported.proxy, cacheable=what.imported.cacheable)
        first = decide(what.request, what.env, state)
        if first.verdict is Verdict.REFUSE:
            return Planned(what, self._view(what, first, what.request.wire(), 0, error), "", record, error)
        async with self._session(what, record) as session:
            shown, left = session.preview(what.request), session.left()
        found = await asyncio.to_thread(kept_search, what)  # Esc ended it, or its budget did
        view = replace(
            self._view(what, shown.decision, shown.data, left, error),
            smallest=what.imported.whole is not None,
            search=safe(found.told) if found is not None else SafeText(""),
        )
        return Planned(what, view, view.phrase, record, error)

    # What is watched is what users meet: of a staging or local environment it tells nothing.

    def _route_rate(self, what: Reproduction, record: LogRecord) -> float | None:
        state = self._watched() if what.env.production else None
        return route_rate(state, record.service, record.operation) if state is not None else None

    def _error_rate(self, what: Reproduction, record: LogRecord) -> float | None:
        state = self._watched() if what.env.production else None
        return error_rate(state, record.service) if state is not None else None

    def _view(self, what: Reproduction, decision: Decision, data: bytes, left: int, error: str = "") -> RequestView:
        head, _, body = data.partition(b"\r\n\r\n")
        return RequestView(
            what.env.name,
            what.env.tier,
            what.env.origin,
            decision.verdict,
            decision.rule or "",
            decision.reason,
            phrase(what.request, what.env) if decision.verdict is Verdict.CONFIRM else "",
            tuple(_line(line) for line in head.split(b"\r\n") if line),
            tuple(_line(line) for line in body.split(b"\n")[:MOST_LINES]) if body else (),
            what.imported.notes,
            _observed(what.imported, error),
            left,
            min(TRIES, what.limits.per_run, decision.most_tries or TRIES),
            _pace(what),
            self.environments,
        )

    async def run(self, planned: Planned, typed: Typed | None, told: Callable[[TryView], None]) -> tuple[Ran, Planned]:
        """Send it a few times; also the plan with what that left of the budget.

        Raises:
            CannotReproduce: The guard lets nothing out.
        """
        from console.repro.run import run

        what = planned.what
        async with self._cleared(planned, typed) as (session, _):
            send = self._telling(what, session, told)
            result = await run(what.request, send, what.wanted, planned.view.tries)
        if what.imported.whole is None:
            counted = what.imported.counted((result.failures, result.tries))
            what = replace(what, imported=replace(what.imported, ran=counted))
        return result, await self.at_environment(replace(planned, what=what), planned.view.environment)

    async def minimise(
        self, planned: Planned, typed: Typed | None, told: Callable[[TryView], None], *, afresh: bool = False
    ) -> tuple[Minimised, Planned]:
        """Leave out what the failure does not need; also the plan of what is left.

        Args:
            afresh: Begin anew, also where an earlier search for it was stopped.

        Raises:
            CannotReproduce: The guard lets nothing out, or too few tries to learn anything.
        """
        from console.repro.minimise import minimise

        what = planned.what
        async with self._cleared(planned, typed) as (session, decision):
            if decision.most_tries is not None:
                few = f"{decision.rule}: at most {decision.most_tries} tries of such a request, too few to minimise it"
                raise CannotReproduce(few)
            await prove_buster(what, session)
            send = self._telling(what, session, told)
            most = session.most - session.sent
            result = await minimise(
                what.request,
                send,
                what.wanted,
                most,
                production=what.env.production,
                found=None if afresh else await asyncio.to_thread(kept_search, what),
                keep=partial(keep_search, what),
            )
        counts = (result.baseline.failures, result.baseline.tries)
        smallest = replace(what, imported=what.imported.smaller(result.request, counts))
        return result, await self._previewed(smallest, planned.record, planned.error)

    async def compare(
        self, here: Planned, there: Planned, typed: tuple[Typed | None, Typed | None], told: Callable[[TryView], None]
    ) -> tuple[Compared, int, Planned]:
        """Send it to two environments in turn; also how many requests were sent, and the plan with what is left of the budget.

        Args:
            typed: What each of them wants typed.

        Raises:
            CannotReproduce: The guard lets nothing out to one of them.
        """
        from console.repro.run import compare

        first, second, numbers = here.what, there.what, count(1)
        async with self._cleared(here, typed[0]) as (one, _), self._cleared(there, typed[1]) as (other, _):
            sends = (self._telling(first, one, told, numbers), self._telling(second, other, told, numbers))
            tries = min(here.view.tries, there.view.tries)
            result = await compare((first.request, second.request), sends, first.wanted, tries)
            sent = one.sent + other.sent
        return result, sent, await self.at_environment(here, here.view.environment)

    async def entire(self, planned: Planned) -> Planned:
        """The plan of the whole request, whatever minimising left of it: what the failure does not need, a healthy service may."""
        what = replace(planned.what, imported=planned.what.imported.entire)
        return await self._previewed(what, planned.record, planned.error)

    async def verify(
        self, planned: Planned, before: tuple[int, int], typed: Typed | None, told: Callable[[TryView], None]
    ) -> tuple[Verified, int, int]:
        """Whether a failure that happened `before` (failures, tries) is gone; also how many requests were sent and are left.

        Raises:
            CannotReproduce: The guard lets nothing out.
        """
        from console.repro.run import verify

        what = planned.what
        async with self._cleared(planned, typed) as (session, decision):
            most = min(session.most, decision.most_tries or session.most, session.left())
            result = await verify(what.request, self._telling(what, session, told), what.wanted, before, most)
            return result, session.sent, session.left()

    def export(self, planned: Planned, form: str) -> str:
        """The request as something that a person can run elsewhere.

        Args:
            form: One of `console.repro.export.FORMS`.

        Raises:
            CannotReproduce: The form cannot say it exactly, or it holds what looks like a secret.
        """
        try:
            return exported_as(planned.what, form, planned.what.incident)
        except (Unclear, Stopped, UnknownEnvironment) as error:
            raise CannotReproduce(safe(str(error), 400)) from None

    def save(self, planned: Planned) -> Path:
        """Write the request where `incident repro` and `incident fix` can read it.

        Raises:
            CannotReproduce: It cannot be written.
        """
        what, view = planned.what, planned.view
        folder = state_folder(self._loaded) / "repro" / "requests"
        path = folder / f"{rfc3339(self._clock())[:19].replace(':', '')}-{what.request.sha256()[:8]}.json"
        try:
            private_folder(folder)
            write_document(path, document_of(what, Decision(view.verdict, view.rule, view.reason)))
        except OSError as error:
            raise CannotReproduce(f"{path}: {error.strerror}") from None
        return path

    def _telling(
        self,
        what: Reproduction,
        session: Session,
        told: Callable[[TryView], None],
        numbers: Iterator[int] | None = None,
    ) -> Send:
        """Sends, and tells of every try.

        Args:
            numbers: Of the tries, where two environments are asked in turn; None: one is.
        """
        send, side = traced(what, session), what.env.name if numbers is not None else ""
        number = numbers if numbers is not None else count(1)

        async def sent(request: HttpRequest) -> Outcome:
            at = self._clock()
            outcome = await send(request)
            told(try_view(next(number), outcome, what.wanted, at, side))
            return outcome

        return sent

    @asynccontextmanager
    async def _session(self, what: Reproduction, record: LogRecord) -> AsyncIterator[Session]:
        from sources.http import HttpDoor

        watching = partial(self._error_rate, what, record)
        async with HttpDoor(self._loaded.config.budget) as door:
            yield await asyncio.to_thread(session_of, what, door, error_rate=watching)  # a keyring may take a while

    @asynccontextmanager
    async def _cleared(self, planned: Planned, typed: Typed | None) -> AsyncIterator[tuple[Session, Decision]]:
        """A session that carries the confirmation, and the decision with it."""
        what = planned.what
        try:
            async with self._session(what, planned.record) as session:
                if typed is not None:
                    sha, now = what.request.sha256(), self._clock()
                    session.confirm(Confirmation(typed.text, typed.reason, sha, now, what.incident, base=what.request))
                decision = session.preview(what.request).decision
                if decision.verdict is not Verdict.ALLOW:
                    raise CannotReproduce(f"{decision.rule}: {decision.reason}")
                yield session, decision
        except (Stopped, ConfigError) as error:
            raise CannotReproduce(safe(str(error), 400)) from None


def _request_of(record: LogRecord, trace: Sequence[LogRecord]) -> tuple[Imported, LogRecord]:
    """The request of a record; where it names none, as error lines do, that of its trace, rather with a body.

    Returns:
        Also the line that names it.

    What an access log leaves out, another line of the same request may tell: its body is taken from there.

    Raises:
        Unclear: None of them is about a request.
    """
    from console.repro.evidence import of_record, with_body

    others = _requests(trace)
    try:
        own = of_record(record)
    except Unclear:
        if not others:
            raise
        best, named = next((pair for pair in others if pair[0].request.body is not None), others[0])
        return replace(best, notes=(safe("taken from another line of the same trace"), *best.notes)), named
    if own.request.body is not None:
        return own, record
    asked = (own.request.method, own.request.place.path)
    same = (one.request.body for one, _ in others if (one.request.method, one.request.place.path) == asked)
    body = next((found for found in same if found is not None), None)
    if body is None:
        return own, record
    whole = with_body(own, body)
    return replace(whole, notes=(safe("the body is taken from another line of the same trace"), *whole.notes)), record


def _requests(records: Iterable[LogRecord]) -> list[tuple[Imported, LogRecord]]:
    """Those of the records that are about one, each with its record."""
    from console.repro.evidence import of_record

    found = []
    for record in records:
        with suppress(Unclear):
            found.append((of_record(record), record))
    return found


def _load() -> None:
    """Load the sender beside the event loop: it takes a moment."""
    for name in ("sources.http", "sources.reproduce", "sources.traced", "console.repro.minimise"):
        importlib.import_module(name)


def try_view(number: int, outcome: Outcome, wanted: Wanted, at: Instant, side: str = "") -> TryView:
    """One try as it is shown."""
    answer = str(outcome.status) if outcome.status is not None else outcome.problem or "no answer"
    redirect = f", redirects to {outcome.location} (not followed)" if outcome.location else ""
    failing = wanted.failing(outcome)
    error = error_of(outcome) if outcome.status is not None and outcome.status >= 400 else ""
    told, named = safe(answer + redirect, 200), safe(error, 200)
    return TryView(number, told, outcome.elapsed_s, failing, named, outcome.trace_id, at, side)


def _pace(what: Reproduction) -> SafeText:
    """That the route is asked so seldom that its share sets the pace; nothing where the tier does."""
    rate = what.observed_rate
    if rate is None or what.limits.per_second >= limits_of(what.env.tier).per_second:
        return SafeText("")
    gap = number(1 / what.limits.per_second, "s")
    return safe(f"one request every {gap}: 1 % of the {number(rate, '1/s')} that the route gets")


def _observed(imported: Imported, error: str) -> SafeText:
    seen = imported.observed
    parts = [str(seen.status) if seen.status is not None else ""]
    parts.append(f"in {number(seen.latency_s, 's')}" if seen.latency_s is not None else "")
    parts.append(f"· {error}" if error else "")
    return safe(" ".join(part for part in parts if part))


def _line(data: bytes) -> SafeText:
    return safe(data.decode("utf-8", "backslashreplace"), MOST_LINE)
