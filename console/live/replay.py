"""A collector that only remembers: gives the states that were recorded in a case, at the moment that the time window ends at."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from console.case.events import Draft, Event
from console.case.view import CaseView, view_of
from console.domain.instant import Instant, Window, clock_text
from console.guard.sanitise import safe
from console.live.desk import Desk, NoCase
from console.live.seen import Frame, frame_at
from console.live.session import LinkDown, with_status
from console.state import ConsoleState, HeaderView, Status, Word

AGAIN_S = 2.0
"""The state is given again so often, so that nobody takes the silence of the past for a collector that hangs."""
STEP_S = 120.0
"""Window to begin with: `<` and `>` move by half of it."""
NOT_RECORDED = "a replay shows what the console saw, and this was not on the screen"
WRITES_NOTHING = "a replay writes nothing: open the console to write into the case"


class ReplayLink:
    """See `console.live.session.Link`.

    Args:
        found: Of one case, by moment.
        end: Where it begins: the end of what is known, or the time asked for.
    """

    def __init__(self, found: list[Frame], end: Instant) -> None:
        self._frames = found
        self._end = end
        self.at = end
        self._moved = asyncio.Event()
        self._shown: tuple[Frame | None, ConsoleState] | None = None

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
            state = frame.load()
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
            take(self.state())
            try:
                async with asyncio.timeout(AGAIN_S):
                    await self._moved.wait()
            except TimeoutError:
                continue

    async def close(self) -> None:
        """See `Link`."""

    async def ask(self, command: str, *arguments: Any) -> Any:
        """See `Link`: the window moves the moment; what was not on the screen then is not known."""
        if command == "set_view":
            view = arguments[0]
            self.at = self._end if view.end is None else view.end
            self._moved.set()
            return None
        if command in ("set_filter", "set_frozen", "refresh"):
            return None
        raise LinkDown(NOT_RECORDED)


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
