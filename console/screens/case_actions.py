"""Actions that write into the case, from every screen: mark as evidence, note, open the case."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from textual.screen import Screen
from textual.widget import AwaitMount

from console.domain.logs import LogRecord, record_id
from console.live.session import Session, TooManyMarks
from console.screens.places import TheCase

if TYPE_CHECKING:
    from console.case.events import Draft
    from console.live.desk import Desk

NO_DESK = "there is no place for cases: set state_dir in [console]"
NOTE_HINT = "what happened; a time in front where not now (14:05, -10m); impact:, mitigation:, decision:, lingering: say what it is"
TITLE_HINT = "the title of the new case; a snapshot of the diagnosis and the marked lines are written into it"


class CaseActions(Screen[None]):
    """What works wherever something is selected."""

    session: Session

    def tell(self, text: str) -> None:
        """Announce it in the footer."""
        raise NotImplementedError

    def here(self) -> object | None:
        """What is selected."""
        raise NotImplementedError

    def refused(self, action: str) -> bool:
        """Whether an action cannot be used now; then the reason is told."""
        raise NotImplementedError

    def open_place(self, place: object) -> None:
        """Announce that a place is wanted."""
        raise NotImplementedError

    @property
    def desk(self) -> Desk | None:
        """The way to the record; None where there is no place for cases."""
        return self.session.desk

    def in_case(self, work: Callable[[Desk], Awaitable[str]]) -> asyncio.Event | None:
        """Carry out what writes into the case, and tell what came of it; keys go on meanwhile.

        Returns:
            What is set when that is told; None where nothing can be written.
        """
        desk = self.desk
        if desk is None:
            self.tell(NO_DESK)
            return None
        told = asyncio.Event()

        async def carry_out() -> None:
            from console.screens.recording import outcome  # not for the first frame

            try:
                self.after_writing(await outcome(desk, work))
            finally:
                self._after_the_notice(told.set)

        # Of the app, not of the screen: who leaves the screen at once loses nothing that he wrote on it.
        self.app.run_worker(carry_out(), name="case", group="case", exit_on_error=False)
        return told

    def _after_the_notice(self, action: Callable[[], object]) -> None:
        """Do something when a notice that was sent before is in the footer: it goes from this screen to the app."""

        def at_the_app() -> None:
            self.app.call_later(action)

        self.call_later(at_the_app) if self.is_attached else at_the_app()

    def after_writing(self, told: str) -> None:
        """Tell what came of it; screens of the case show it too."""
        self.tell(told)

    # The case.

    def do_case(self) -> AwaitMount | None:
        """The case; where there is none yet, the title of a new one."""
        desk = self.desk
        if desk is None:
            self.tell(NO_DESK)
            return None
        self.open_place(TheCase())
        return None

    def ask_for_case(self) -> AwaitMount:
        """Type the title of a new case."""
        from console.screens.dialogs import LineDialog  # not for the first frame
        from console.screens.recording import opened

        state = self.session.state()
        diagnosis = state.diagnosis
        begin = str(state.header.headline) if diagnosis is not None and diagnosis.symptoms else ""

        def titled(text: str | None) -> None:
            if text and text.strip():
                self.in_case(lambda desk: opened(self.session, desk, text.strip()))

        return self.app.push_screen(LineDialog("case", begin, TITLE_HINT, lambda _: None), titled)

    # Notes.

    def do_annotate(self) -> AwaitMount | None:
        """Type a note."""
        if self.refused("annotate"):
            return None
        from console.live.desk import NO_CASE  # not for the first frame
        from console.screens.dialogs import LineDialog
        from console.screens.recording import note_of, write

        desk = self.desk
        if desk is None or desk.case is None:
            self.tell(NO_CASE if desk is not None else NO_DESK)
            return None

        def typed(text: str) -> asyncio.Event | None:
            draft = note_of(text, self.session.scope.now(), self.session.zone)
            return self.in_case(lambda desk: write(desk, draft, "noted"))

        return self.app.push_screen(LineDialog("note", "", NOTE_HINT, lambda _: None, begin=typed))

    # Evidence.

    def do_mark(self) -> None:
        """Mark what is selected as evidence; a marked log line loses its mark."""
        if self.refused("mark"):
            return
        from console.case.events import Draft, Event  # not for the first frame
        from console.screens.keep import draft_of
        from console.screens.recording import kept, write

        item, desk = self.here(), self.desk
        if isinstance(item, LogRecord):
            try:
                marked = self.session.toggle_mark(item)
            except TooManyMarks as error:
                self.tell(str(error))
                return
            told = "marked as evidence" if marked else "no longer marked"
            if desk is None or desk.case is None:
                self.tell(f"{told}: {len(self.session.marks)} marked in all")
                return
            if not marked:
                written = self.session.kept.pop(record_id(item), None)
                if written is not None:
                    taken = Draft(
                        "note", f"{written.data.get('name')} is taken back: it is no evidence", supersedes=written.id
                    )
                    self.in_case(lambda desk: write(desk, taken, "taken back"))
                return
        case = desk.case if desk is not None else None
        if isinstance(item, Event) and case is not None and (known := case.keeping(item)) is not None:
            self.tell(f"{known.name} is this entry already")
            return
        draft = draft_of(item, self.session.state(), self.session.repeat, case.id if case is not None else "")
        if draft is None:
            self.tell("this cannot be kept as evidence")
            return
        self.in_case(lambda desk: kept(self.session, desk, draft, item))

    def keep_in_case(self, draft: Draft) -> None:
        """Write what was done here into the case, where one is open."""
        from console.screens.recording import write  # not for the first frame

        if self.desk is not None and self.desk.case is not None and not self.session.replaying:
            self.in_case(lambda desk: write(desk, draft, "kept in the case"))
