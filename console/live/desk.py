"""The case that this console writes into. Nothing is confirmed before it is on the disk; what is not there yet is kept and told.

Files are written and read in threads, one at a time, so that a slow disk never holds a key up.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from console.case.book import Book
from console.case.brief import first_line
from console.case.entries import deploys
from console.case.events import Draft, Event
from console.case.fold import fold
from console.case.gates import DECLARED
from console.case.journal import NotSaved, Reader, author_name
from console.case.model import ENDED, Case
from console.case.store import case_ids, looked_at, set_looked
from console.case.view import CaseView, view_of
from console.domain.instant import Instant
from console.guard.redact import redact_wholly
from console.live.seen import NotRecorded, Recorder
from console.state import ConsoleState

T = TypeVar("T")
RESUME_S = 43_200.0
"""A case of ours that was written to within half a day is taken up again when the console opens."""
MOST_LISTED = 50
NO_CASE = "no case is open: I opens one"


class NoCase(Exception):
    """There is no case to write into."""


class Desk:
    """One console's way to the record.

    Args:
        folder: Where cases lie.
        author: Who writes.
    """

    def __init__(
        self, folder: Path, author: str, zone: ZoneInfo | None = None, clock: Callable[[], Instant] = time.time
    ) -> None:
        self.folder = folder
        self.author = author_name(author)
        self.book: Book | None = None
        self.view = CaseView()
        self._zone = zone or ZoneInfo("UTC")
        self._clock = clock
        self._lock = asyncio.Lock()
        self._unsaved: list[Draft] = []
        self._why = ""
        self._looked: Instant | None = None
        self._recorder: Recorder | None = None
        self._recording = False
        self._not_recorded = ""

    @property
    def case(self) -> Case | None:
        """The case as it was last read; None where none is open."""
        return self.view.case

    @property
    def unsaved(self) -> int:
        """Entries that were written and are not on the disk."""
        return len(self._unsaved)

    def left_behind(self) -> list[str]:
        """What is lost when the console ends now, without its secrets."""
        return [redact_wholly(draft.text) for draft in self._unsaved]

    # Which case.

    async def resume(self) -> bool:
        """Take up the newest case that goes on and that this author wrote in within half a day; whether there is one."""
        async with self._lock:
            found = await asyncio.to_thread(self._resumable)
        if found is None:
            return False
        await self.attach(found)
        return True

    def _resumable(self) -> str | None:
        now = self._clock()
        for case in self._cases():
            mine = max((e.recorded_at for e in case.events if e.author == self.author), default=None)
            if case.state not in ENDED and mine is not None and now - mine < RESUME_S:
                return case.id
        return None

    def _cases(self) -> list[Case]:
        found = []
        for name in case_ids(self.folder)[:MOST_LISTED]:
            try:
                found.append(fold(name, Reader(self.folder / name).read()[0]))
            except OSError:
                continue  # a case that cannot be read is not offered; `incident case show` says why
        return found

    async def attach(self, case_id: str) -> None:
        """Write into this case from now on."""
        self.book = Book(self.folder, case_id, self.author, self._clock)
        self._looked = await asyncio.to_thread(looked_at, self.book.folder, self.author)
        await self.refresh()

    async def new(self, title: str, data: dict[str, Any], drafts: list[Draft]) -> str:
        """Open a case and write what is known into it; returns its id.

        Raises:
            NotSaved: It cannot be written down at all.
            Unfit: It has no title.
        """
        async with self._lock:
            self.book = await asyncio.to_thread(Book.new, self.folder, title, self.author, data, self._clock)
        self._looked = None
        await self.write(*drafts)
        await self.looked()
        return self.book.id

    async def refresh(self) -> None:
        """Read what was added, by whomever; and try again to write what is not saved."""
        if self._unsaved and self.book is not None:
            await self.write()
        async with self._lock:
            self.view = await asyncio.to_thread(self._read)

    def _read(self) -> CaseView:
        if self.book is None:
            return self._told(CaseView(others=tuple(self._cases())))
        try:
            case = self.book.read()
        except OSError as error:
            return self._told(replace(self.view, problem=f"{error.filename}: {error.strerror}"))
        return self._told(view_of(case, self._clock(), self._looked, self._zone))

    def _told(self, view: CaseView) -> CaseView:
        kept = tuple(first_line(redact_wholly(draft.text)) for draft in self._unsaved)
        told = (self._not_recorded, *view.warnings) if self._not_recorded else view.warnings
        return replace(view, unsaved=kept, why_unsaved=self._why if kept else "", warnings=told)

    async def looked(self) -> None:
        """The reader has seen it."""
        if self.book is not None:
            await asyncio.to_thread(set_looked, self.book.folder, self.author, self._clock())

    # What is seen.

    def wants(self, now: Instant) -> bool:
        """Whether the state on the screen is to be kept now."""
        if self.book is None or self._recording:
            return False
        if self._recorder is None or self._recorder.folder != self.book.folder:
            self._recorder = Recorder(self.book.folder, self.author, self._clock())
        return self._recorder.due(now)

    async def keep(self, state: ConsoleState) -> None:
        """Keep a state in the case, and the deploys in it; where that fails, it is told with the record and not tried again."""
        recorder = self._recorder
        if recorder is None or self._recording:
            return
        self._recording = True
        try:
            await asyncio.to_thread(recorder.keep, state)
        except NotRecorded as error:
            self._not_recorded = f"what the console sees is not recorded: {error}"
            return  # stays closed: a full disk is not written to every few seconds
        await self._note_deploys(state)
        self._recording = False

    async def _note_deploys(self, state: ConsoleState) -> None:
        """Write down deploys since the incident was declared; what cannot be written now is seen again with the next state."""
        book, case = self.book, self.case
        since = case.times.get("declared_at") if case is not None else None
        if book is None or case is None or since is None or case.state not in DECLARED or state.diagnosis is None:
            return
        found = deploys(state.diagnosis.changes, since)
        known = {event.data.get("id") for event in case.events if event.kind == "deploy"}
        if all(draft.data.get("id") in known for draft in found):
            return
        async with self._lock:
            with suppress(NotSaved):
                await asyncio.to_thread(book.saw_deploys, found)
            self.view = await asyncio.to_thread(self._read)

    # Writing.

    async def write(self, *drafts: Draft) -> list[Event]:
        """Write, and before it what is still to be saved; returns what is on the disk now.

        What cannot be saved is kept: `unsaved` counts it, the view names it, the next write tries again.

        Raises:
            NoCase: No case is open.
        """
        if self.book is None:
            raise NoCase(NO_CASE)
        async with self._lock:
            self._unsaved += drafts
            written, self._why = await asyncio.to_thread(_saved, self.book, self._unsaved)
            self.view = await asyncio.to_thread(self._read)
        return written

    async def do(self, action: Callable[[Book], T]) -> T:
        """Carry out a step that is checked against the record.

        Raises:
            NoCase: No case is open.
            Blocked, NotAllowed, Unfit, BadPrediction: As the step says.
            NotSaved: It is not on the disk for sure.
        """
        if self.book is None:
            raise NoCase(NO_CASE)
        async with self._lock:
            try:
                return await asyncio.to_thread(action, self.book)
            finally:  # that a gate said no is written down too
                self.view = await asyncio.to_thread(self._read)


def _saved(book: Book, waiting: list[Draft]) -> tuple[list[Event], str]:
    """Write what waits, oldest first, and take it off the list; returns what was written and why the rest was not."""
    written = []
    while waiting:
        try:
            written.append(book.write(waiting[0]))
        except NotSaved as error:
            return written, error.why
        waiting.pop(0)
    return written, ""
