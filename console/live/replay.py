"""A collector that only remembers: gives the states that were recorded in a case, at the moment that the time window ends at."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from console.case.events import Draft, Event
from console.case.model import Case
from console.case.view import CaseView, view_of
from console.domain.diagnosis import JudgedChange
from console.domain.instant import Instant, Window, clock_text
from console.domain.series import SeriesKey
from console.guard.sanitise import safe
from console.live.desk import Desk, NoCase
from console.live.details import Found
from console.live.recalled import MOST_LOADED, Recalled, recall
from console.live.seen import Frame, frame_at
from console.live.session import NOT_RECORDED, WRITES_NOTHING, LinkDown, with_status
from console.query.parse import QueryError, parse
from console.state import (
    DEFAULT_FILTER,
    BeforeAfter,
    ConsoleState,
    HeaderView,
    LoadView,
    MemoryView,
    RecoveryView,
    Status,
    TreeView,
    Trend,
    Word,
)
from console.views import operation_trends, quiet_windows

AGAIN_S = 2.0
"""The state is given again so often, so that nobody takes the silence of the past for a collector that hangs."""
STEP_S = 120.0
"""Window to begin with: `<` and `>` move by half of it."""
OF_THE_SCREEN = "only lines that were on the screen"
MOST_FOUND = 500
"""Lines of one answer."""


class ReplayLink:
    """See `console.live.session.Link`. Drill-downs are answered from what was on the screens by the moment.

    Args:
        found: Of one case, by moment.
        end: Where it begins: the end of what is known, or the time asked for.
        read: The record as it could be read at a moment.
    """

    def __init__(self, found: list[Frame], end: Instant, read: Callable[[Instant], Case]) -> None:
        self._frames = found
        self._end = end
        self._read = read
        self.at = end
        self._filter = DEFAULT_FILTER
        self._moved = asyncio.Event()
        self._shown: tuple[Frame | None, ConsoleState] | None = None
        self._recalled: tuple[Frame | None, Recalled | None] | None = None
        self._read_state = functools.lru_cache(maxsize=2 * MOST_LOADED)(Frame.load)
        """A state of the past does not change: one step on, most are known."""

    def state(self) -> ConsoleState:
        """What was seen at the moment; where nothing was recorded by then, that."""
        frame = frame_at(self._frames, self.at)
        if self._shown is None or self._shown[0] is not frame or frame is None:
            self._shown = (frame, self._load(frame))
        return self._shown[1]

    def _load(self, frame: Frame | None) -> ConsoleState:
        if frame is None:
            said = (
                "nothing was recorded by then"
                if self._frames
                else "no console recorded anything in this case; I shows its record"
            )
            header = HeaderView(headline=safe(said), now=self.at, mode="REPLAY", window_text=clock_text(self.at))
            nothing = ConsoleState(self.at, Window(self.at - STEP_S, self.at), live=False, header=header)
            return with_status(nothing, Status(Word.NO_DATA, detail=safe(said)))
        try:
            state = self._read_state(frame)
        except (OSError, ValueError) as error:
            header = HeaderView(headline=safe(f"this state cannot be read: {error}", 200), now=frame.at, mode="REPLAY")
            nothing = ConsoleState(frame.at, Window(frame.at - STEP_S, frame.at), live=False, header=header)
            return with_status(nothing, Status(Word.NO_DATA, detail=header.headline))
        place = self._frames.index(frame) + 1
        told = Status(Word.PAST, since=frame.at, detail=safe(f"replay {place} of {len(self._frames)}"))
        return replace(with_status(state, told), header=replace(state.header, status=told, mode="REPLAY"), live=False)

    async def run(self, take: Callable[[ConsoleState], None]) -> None:
        """See `Link`."""
        while True:
            self._moved.clear()
            take(await self._filtered(self.state()))
            try:
                async with asyncio.timeout(AGAIN_S):
                    await self._moved.wait()
            except TimeoutError:
                continue

    async def _filtered(self, state: ConsoleState) -> ConsoleState:
        """With the log lines of the reader's filter, where he looks through another than the console did."""
        logs = state.logs
        if logs.filter_text == safe(self._filter):
            return state
        recalled = await self._recall()
        records = recalled.matching(self._filter, state.window) if recalled is not None else []
        status = replace(logs.status, detail=safe(f"{OF_THE_SCREEN}, {logs.status.detail}"))
        shown = replace(
            logs,
            filter_text=safe(self._filter),
            counts=None,
            records=tuple(records[-MOST_FOUND:]),
            total=len(records),
            rate_per_min=None,
            status=status,
        )
        return replace(state, logs=shown)

    async def close(self) -> None:
        """See `Link`."""

    async def ask(self, command: str, *arguments: Any) -> Any:
        """See `Link`: the window moves the moment; the rest is answered from what was on the screens."""
        match command:
            case "set_view":
                view = arguments[0]
                self.at = self._end if view.end is None else view.end
                self._moved.set()
                return None
            case "set_filter":
                parse(arguments[0]) if arguments[0].strip() else None
                self._filter = arguments[0]
                self._moved.set()
                return None
            case "set_frozen" | "refresh":
                return None
            case "recovery":
                return await asyncio.to_thread(self._recovery)
            case "deploy":
                return safe(f"{NOT_RECORDED}: `incident fix suspects` reads the commits")
            case "spans":
                raise LinkDown(NOT_RECORDED)
            case "write_contract":
                raise LinkDown(WRITES_NOTHING)
        recalled = await self._recall()
        if recalled is None:
            raise LinkDown(NOT_RECORDED)
        return await asyncio.to_thread(_ANSWERS[command], recalled, *arguments)

    async def _recall(self) -> Recalled | None:
        """What is remembered at the moment; read once for each."""
        frame = frame_at(self._frames, self.at)
        if self._recalled is None or self._recalled[0] is not frame:
            self._recalled = (frame, await asyncio.to_thread(recall, self._frames, self.at, self._read_state))
        return self._recalled[1]

    def _recovery(self) -> RecoveryView:
        """As it was judged, from the record: nothing is judged anew."""
        case = self._read(self.at)
        verdict, contract = case.recovery, case.contract
        if verdict is not None:
            return RecoveryView(says=safe(f"at {clock_text(verdict.occurred_at)} UTC, {verdict.text}", 600))
        if contract is not None:
            named = next((event.text for event in reversed(case.events) if event.kind == "contract"), "")
            return RecoveryView(says=safe(f"{named}; nothing was judged by then", 600))
        return RecoveryView(says=safe("no recovery contract and no verdict stands in the record by then"))


# What is answered, each by the function that answers it live.


def _records(recalled: Recalled, query_text: str, window: Window | None = None) -> Found:
    try:
        found = recalled.matching(query_text, window or recalled.state.window)
    except QueryError as error:
        return Found(problem=safe(str(error), 200))
    said = f"replay: {OF_THE_SCREEN if found else 'no such line was on the screen'}"
    return Found(tuple(found[-MOST_FOUND:]), len(found), safe(said))


def _trends(recalled: Recalled, service: str, operation: str) -> tuple[Trend, Trend, Trend] | None:
    signals = recalled.state.signals
    if signals is None:
        return None
    errors, p99, traffic = operation_trends(recalled.observations, recalled.diagnosis, service, operation, signals.axis)
    row = next((one for one in signals.operations if (one.service, one.operation) == (service, operation)), None)
    if row is not None:  # its numbers then, which are of more than what was recorded
        errors = replace(errors, last=row.error_rate, baseline=row.error_baseline, samples=row.total)
        p99 = replace(p99, last=row.p99_s, baseline=row.p99_baseline_s, samples=row.total)
    return errors, p99, traffic


def _series(recalled: Recalled, key: SeriesKey) -> Trend | None:
    from console.drilldowns.trends import series_trend

    signals = recalled.state.signals
    return series_trend(recalled.observations, recalled.diagnosis, key, signals.axis) if signals is not None else None


def _line_counts(recalled: Recalled, query_text: str) -> Trend | None:
    """Only where it is the very filter that was counted: the lines that are kept are a part."""
    from console.drilldowns.trends import line_trend

    logs, signals = recalled.state.logs, recalled.state.signals
    if signals is None or logs.counts is None or logs.filter_text != safe(query_text):
        return None
    return line_trend([logs.counts], signals.axis, quiet_windows(signals.axis.window, recalled.diagnosis))


def _before_after(recalled: Recalled, change: JudgedChange) -> tuple[BeforeAfter, ...]:
    from console.drilldowns.changed import before_after

    return before_after(recalled.observations, recalled.diagnosis, change, recalled.state.now)


def _tree(recalled: Recalled) -> TreeView:
    from console.drilldowns.calls import dependency_tree

    if recalled.diagnosis is None:
        return TreeView(heading=safe(NOT_RECORDED))
    return dependency_tree(recalled.observations, recalled.diagnosis)


def _load(recalled: Recalled, service: str) -> LoadView:
    from console.drilldowns.load import load_view

    found = load_view(recalled.observations, recalled.diagnosis, service)
    return found if found.before or found.since else replace(found, says=safe(f"load of {service}: {NOT_RECORDED}"))


def _memory(recalled: Recalled, service: str) -> MemoryView:
    from console.drilldowns.memory import memory_view

    found = memory_view(recalled.observations, recalled.diagnosis, service)
    return found if found.axis is not None else replace(found, says=safe(f"memory of {service}: {NOT_RECORDED}"))


_ANSWERS: dict[str, Callable[..., Any]] = {
    "records": _records,
    "trends": _trends,
    "series": _series,
    "line_counts": _line_counts,
    "before_after": _before_after,
    "tree": _tree,
    "load": _load,
    "memory": _memory,
}


class ReplayDesk(Desk):
    """The record as it could be read at the moment of the replay; it cannot be written into."""

    def __init__(self, folder: Path, case_id: str, link: ReplayLink, zone: ZoneInfo) -> None:
        super().__init__(folder, "replay", zone, lambda: link.at)
        self._link = link
        self._case_id = case_id

    async def resume(self) -> bool:
        """Take up the case that is replayed."""
        await self.attach(self._case_id)
        return True

    def _read(self) -> CaseView:
        if self.book is None:
            return CaseView()
        at = self._link.at
        return replace(view_of(self.book.read(at), at, None, self._zone), replayed_at=at)

    async def looked(self) -> None:
        """Nobody looks at the present here."""

    async def write(self, *drafts: Draft) -> list[Event]:
        """Refused."""
        raise NoCase(WRITES_NOTHING)

    async def do(self, action: Any) -> Any:
        """Refused."""
        raise NoCase(WRITES_NOTHING)

    async def new(self, title: str, data: dict[str, Any], drafts: list[Draft]) -> str:
        """Refused."""
        raise NoCase(WRITES_NOTHING)
