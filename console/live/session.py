"""The screen's side of the collector: the newest state, and what the user wants."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol
from zoneinfo import ZoneInfo

from console.config.models import Config
from console.domain.changes import DeployDetail
from console.domain.diagnosis import JudgedChange
from console.domain.instant import Instant, Window, parse_span, span_text
from console.domain.logs import LogRecord, RecordId, record_id
from console.domain.series import SeriesKey
from console.domain.text import SafeText
from console.guard.sanitise import safe
from console.live.repeat import Repeat
from console.live.scope import TimeScope
from console.live.timeview import TimeView
from console.state import (
    DEFAULT_FILTER,
    BeforeAfter,
    ConsoleState,
    HeaderView,
    LoadView,
    LogsView,
    MemoryView,
    News,
    RecoveryView,
    SpansView,
    Status,
    TreeView,
    Trend,
    Word,
)

if TYPE_CHECKING:
    from console.case.events import Event
    from console.case.view import CaseView
    from console.live.desk import Desk
    from console.live.details import Found
    from console.live.fixing import Fixing
    from console.live.reproducing import Reproducing

SILENT_AFTER_S = 12.0
"""The collector sends at least every six seconds; twice that without a state means it hangs or is gone."""
MOST_HELD = 5000
"""Records that are kept for a reader who does not follow; what comes beyond these waits until he follows again."""
MOST_MARKS = 500
"""Records kept as evidence; whole records, since their file may be gone when they are needed."""
MOST_PAST_FILTERS = 50
NOT_RECORDED = "a replay shows what the console saw, and this was not on the screen"
WRITES_NOTHING = "a replay writes nothing: open the console to write into the case"


class Link(Protocol):
    """The way to a collector, in this process or in another."""

    async def run(self, take: Callable[[ConsoleState], None]) -> None:
        """Keep a collector running and hand over every state it sends, until cancelled."""
        ...

    async def close(self) -> None:
        """End the collector; `run` that is under way may be cancelled before or after."""
        ...

    async def ask(self, command: str, *arguments: Any) -> Any:
        """Carry out one of `console.live.collector.COMMANDS`.

        Raises:
            LinkDown: The collector is gone; a new one is being started.
        """
        ...


class LinkDown(Exception):
    """The collector cannot be asked now; the text says why."""


class TooManyMarks(Exception):
    """No further record can be marked."""


class Session:
    """What the screens use.

    Args:
        config: For the display zone and the window to begin with.
        link: The way to the collector.
        changed: Called when a new state can be had; must be cheap.
        repeat: How evidence is repeated in a shell.
        reproducing: Makes the way to send a request again, which nobody needs at first; None: there is none.
    """

    def __init__(
        self,
        config: Config,
        link: Link,
        changed: Callable[[], None],
        clock: Callable[[], Instant] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        repeat: Repeat | None = None,
        reproducing: Callable[[], Reproducing] | None = None,
    ) -> None:
        self.zone = ZoneInfo(config.console.timezone)
        self.repeat = repeat or Repeat()
        self.reproducing = reproducing
        self.fixing: Callable[[], Fixing] | None = None
        """Makes the way to a fix branch; None: there is none. Set by the app."""
        self.scope = TimeScope(TimeView(parse_span(config.console.window)), clock)
        self.filter_text = DEFAULT_FILTER
        self._names = config.field_names()
        self._link = link
        self._changed = changed
        self.wished: Callable[[], None] = lambda: None
        """Called when `carry_out` has something to do; set by the app."""
        self._wishes: dict[str, tuple[Any, ...]] = {}
        self._latest = ConsoleState(clock(), self.scope.axis_window(), header=_starting(clock()))
        self._frozen: ConsoleState | None = None
        self._monotonic = monotonic
        self._taken_at = monotonic()
        self._told_until = float("-inf")
        self._holds = False
        self._held: tuple[LogRecord, ...] = ()
        self._newest = self._latest.logs
        self.search_text = ""
        """What is looked for in the lines without filtering them; a query."""
        self.past_filters: tuple[str, ...] = ()
        """Filters that were chosen before, newest last."""
        self.marks: dict[RecordId, LogRecord] = {}
        """Records marked as evidence, in the order in which they were marked."""
        self.kept: dict[RecordId, Event] = {}
        """What was written into the case of marked records."""
        self.desk_so_far: Desk | None = None
        """The way to the case, where it was asked for already."""
        self.opening: Callable[[], Desk | None] | None = None
        """Makes the way to the case when it is first asked for; set by the app."""
        self.replaying = False
        """Whether what is shown was recorded."""

    @property
    def desk(self) -> Desk | None:
        """The way to the case; None: there is no place for one."""
        if self.opening is not None:
            self.desk_so_far = self.opening()
            self.opening = None
        return self.desk_so_far

    @desk.setter
    def desk(self, desk: Desk | None) -> None:
        self.desk_so_far, self.opening = desk, None

    def case_view(self) -> CaseView:
        """The case as it was last read."""
        from console.case.view import CaseView  # not for the first frame

        return self.desk.view if self.desk is not None else CaseView()

    async def run(self) -> None:
        """Take states until cancelled."""
        await self._link.run(self._take)

    async def close(self) -> None:
        """End the collector."""
        await self._link.close()

    def _take(self, state: ConsoleState) -> None:
        self._taken_at = self._monotonic()
        self._newest = state.logs
        self._latest = replace(state, logs=self._kept_in_place(state.logs)) if self._holds else state
        self._changed()

    def _kept_in_place(self, logs: LogsView) -> LogsView:
        """The records of who does not follow: those that he reads, however fast others come, and what joins them without a gap.

        Another filter, and records before the first, are an answer to what the user asked for: they are shown.
        """
        held = self._held
        if (
            not held
            or not logs.records
            or logs.filter_text != self._latest.logs.filter_text
            or _starts_before(logs, held)
        ):
            self._held = logs.records
            return logs
        places = {record_id(record): n for n, record in enumerate(logs.records)}
        joint = places.get(record_id(held[-1]))
        if joint is not None:
            self._held = held + logs.records[joint + 1 :][: max(0, MOST_HELD - len(held))]
        behind = record_id(self._held[-1]) != record_id(logs.records[-1])
        return replace(logs, records=self._held, newer_held_back=behind)

    def take_verdict(self) -> News | None:
        """A change of the verdict that has not been told yet; told once, also where the screen is frozen meanwhile."""
        fresh = [one for one in self._latest.news if one.verdict and one.at > self._told_until]
        if not fresh:
            return None
        self._told_until = max(one.at for one in fresh)
        return fresh[0]

    def state(self) -> ConsoleState:
        """The newest state; while frozen, that of the moment it was frozen.

        A collector that sends nothing any more is told by every pane, with an age from this process's own clock.
        """
        if self._frozen is not None:
            return self._frozen
        return silent_state(self._latest, self._monotonic() - self._taken_at) if self.silent else self._latest

    @property
    def silent(self) -> bool:
        """Whether the collector has sent nothing for so long that it hangs or is gone."""
        return self._monotonic() - self._taken_at >= SILENT_AFTER_S

    @property
    def latest(self) -> ConsoleState:
        """The newest state, also behind a frozen screen."""
        return self._latest

    # What the user wants.

    async def carry_out(self) -> None:
        """Send what `set_view`, `try_filter` and `refresh` asked for, of each kind the newest."""
        from console.query.parse import QueryError  # not for the first frame

        wishes, self._wishes = self._wishes, {}
        for command, arguments in wishes.items():
            try:
                await self._link.ask(command, *arguments)
            except (LinkDown, QueryError):  # a collector that starts anew is told the window and filter again
                continue

    def _wish(self, command: str, *arguments: Any) -> None:
        self._wishes[command] = arguments
        self.wished()

    def set_view(self, view: TimeView) -> None:
        """Move or resize the time window of every pane."""
        self.scope.view = view
        self._wish("set_view", view)

    def try_filter(self, text: str) -> str | None:
        """Filter the log pane by what was typed; returns what is wrong with it, and then the old filter stays."""
        problem = self.query_problem(text)
        if problem is None:
            self.filter_text = self.query_of(text)
            self._wish("set_filter", self.filter_text)
        return problem

    def query_of(self, text: str) -> str:
        """A query as it was typed, with the record's own names for fields in the place of configured ones.

        Raises:
            QueryError: The text is no query.
        """
        from console.query.about import as_typed  # not for the first frame

        return as_typed(text, self._names)

    def query_problem(self, text: str) -> str | None:
        """What is wrong with a query as it was typed; None: nothing."""
        from console.query.parse import QueryError  # not for the first frame

        try:
            self.query_of(text)
        except QueryError as error:
            return str(error)
        return None

    def remember_filter(self, text: str) -> None:
        """Keep a filter that was chosen, to be recalled."""
        if text:
            self.past_filters = (*(t for t in self.past_filters if t != text), text)[-MOST_PAST_FILTERS:]

    def toggle_mark(self, record: LogRecord) -> bool:
        """Mark a record as evidence, or take the mark away; whether it is marked now.

        Raises:
            TooManyMarks: There are `MOST_MARKS` already.
        """
        known = record_id(record)
        if self.marks.pop(known, None) is not None:
            return False
        if len(self.marks) >= MOST_MARKS:
            raise TooManyMarks(f"{MOST_MARKS} records are marked: take a mark away first")
        self.marks[known] = record
        return True

    def hold_lines(self, hold: bool) -> None:
        """Keep the records of the log pane in place, since nobody follows the newest; or show the newest again."""
        if hold == self._holds:
            return
        self._holds = hold
        self._held = self._latest.logs.records if hold else ()
        if not hold:
            self._latest = replace(self._latest, logs=self._newest)
            self._changed()

    def refresh(self) -> None:
        """Ask every source again now; budgets still hold."""
        self._wish("refresh")

    def set_frozen(self, frozen: bool) -> None:
        """Freeze what is shown while collection goes on, or show what has arrived since."""
        if frozen != self.frozen:
            self._frozen = frozen_state(self._latest, self.scope.now()) if frozen else None
            self._wish("set_frozen", frozen)
            self._changed()

    @property
    def frozen(self) -> bool:
        """Whether the screen is frozen."""
        return self._frozen is not None

    # What a drill-down asks.

    async def records(self, query_text: str, window: Window | None = None) -> Found:
        """The newest matching records of a window, else of the one all panes follow; a problem is a part of the answer."""
        from console.live.details import Found  # not for the first frame

        try:
            found: Found = await self._link.ask("records", query_text, window)
        except LinkDown as error:
            return Found(problem=safe(str(error), 200))
        return found

    async def spans(self, trace_id: str, window: Window) -> SpansView:
        """The spans of one trace that ended in a window; a problem is a part of the answer."""
        try:
            found: SpansView = await self._link.ask("spans", trace_id, window)
        except LinkDown as error:
            return SpansView(says=safe(str(error), 200))
        return found

    async def deploy(self, change: JudgedChange) -> DeployDetail | SafeText:
        """What a deploy brought, or why that cannot be told."""
        try:
            told: DeployDetail | SafeText = await self._link.ask("deploy", change)
        except LinkDown as error:
            return safe(str(error), 200)
        return told

    async def trends(self, service: str, operation: str) -> tuple[Trend, Trend, Trend] | None:
        """Errors, p99 and traffic of one operation; None where they are not known."""
        trends: tuple[Trend, Trend, Trend] | None = await self._told("trends", service, operation)
        return trends

    async def series(self, key: SeriesKey) -> Trend | None:
        """One series on the axis of all panes; None where it is not known."""
        trend: Trend | None = await self._told("series", key)
        return trend

    async def line_counts(self, query_text: str) -> Trend | None:
        """How many lines match a query, on the axis; None where that cannot be told."""
        trend: Trend | None = await self._told("line_counts", query_text)
        return trend

    async def before_after(self, change: JudgedChange) -> tuple[BeforeAfter, ...]:
        """What a change touched, before and after it; empty where that cannot be told."""
        found: tuple[BeforeAfter, ...] | None = await self._told("before_after", change)
        return found or ()

    async def tree(self) -> TreeView | None:
        """The calls as a tree; None where they are not known."""
        view: TreeView | None = await self._told("tree")
        return view

    async def load(self, service: str) -> LoadView | None:
        """A signal of a service against its load; None where it is not known."""
        view: LoadView | None = await self._told("load", service)
        return view

    async def memory(self, service: str) -> MemoryView | None:
        """The memory of a service; None where it is not known."""
        view: MemoryView | None = await self._told("memory", service)
        return view

    async def recovery(self) -> RecoveryView | None:
        """Whether the incident is over; None where that cannot be asked now."""
        view: RecoveryView | None = await self._told("recovery")
        return view

    async def write_contract(self) -> SafeText:
        """Write down what recovered means; what came of it, in a sentence."""
        try:
            told: SafeText = await self._link.ask("write_contract")
        except LinkDown as error:
            return safe(f"not written: {error}", 200)
        return told

    async def _told(self, command: str, *arguments: Any) -> Any:
        """An answer of the collector; None where it cannot be asked, and then it is asked again with the next state."""
        try:
            return await self._link.ask(command, *arguments)
        except LinkDown:
            return None


def _starts_before(logs: LogsView, held: tuple[LogRecord, ...]) -> bool:
    first, known = logs.records[0].at, held[0].at
    return first is not None and known is not None and first < known


def _starting(now: Instant) -> HeaderView:
    return HeaderView(headline=safe("reading the sources"), window_text="", now=now)


def frozen_state(state: ConsoleState, at: Instant) -> ConsoleState:
    """The state as a frozen screen shows it: every pane says so, and none pretends to an age that no longer grows."""
    return replace(with_status(state, Status(Word.FROZEN, since=at)), frozen_at=at)


def silent_state(state: ConsoleState, silent_s: float) -> ConsoleState:
    """The last state of a collector that has sent nothing for `silent_s` seconds: nothing on it is live."""
    why = safe(f"the collector has sent nothing for {span_text(silent_s)}")
    return replace(with_status(state, Status(Word.STALE, silent_s, detail=why)), now=state.now + silent_s)


def with_status(state: ConsoleState, status: Status) -> ConsoleState:
    """The state with one status for every pane."""
    return replace(
        state,
        header=replace(state.header, status=status),
        signals=replace(state.signals, status=status) if state.signals is not None else None,
        suspects=replace(state.suspects, status=status),
        logs=replace(state.logs, status=status, patterns_status=status),
        changes=replace(state.changes, status=status),
        upstreams=replace(state.upstreams, status=status),
    )


class Direct:
    """A collector in this process: for tests and for replay."""

    def __init__(self, collector: Any, close: Callable[[], Awaitable[None]]) -> None:
        self._collector = collector
        self._close = close

    async def run(self, take: Callable[[ConsoleState], None]) -> None:
        """See `Link`."""

        async def send(state: ConsoleState) -> None:
            take(state)

        await self._collector.run(send)

    async def close(self) -> None:
        """See `Link`."""
        await self._close()

    async def ask(self, command: str, *arguments: Any) -> Any:
        """See `Link`."""
        return await getattr(self._collector, command)(*arguments)
