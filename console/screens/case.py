"""The case on the screen: what is known of it, its hypotheses, its evidence, its timeline."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from textual import events
from textual.containers import Horizontal, Vertical
from textual.widget import AwaitMount, Widget

from console.actions import Action
from console.case.events import Event
from console.case.model import Case, EvidenceItem, Hypothesis
from console.live.desk import Desk
from console.live.session import Session
from console.screens.details import DetailScreen
from console.screens.ledger import LedgerScreen
from console.state import ConsoleState
from widgets import case as painters
from widgets.body import Body, Look
from widgets.pane import Pane
from widgets.text_view import TextView

NARROW_COLUMNS = 100
REFRESH_S = 2.0
"""What others write is seen within this time."""


class CaseScreen(LedgerScreen):
    """Four panes of one case; where none is open, the cases that there are."""

    def __init__(self, session: Session, crumbs: tuple[str, ...], actions: Sequence[Action]) -> None:
        super().__init__(session, crumbs, actions)
        self.summary, self.ledger = TextView(), TextView()
        self.kept, self.timeline = TextView(), TextView()
        self._left = Vertical(self.summary, self.ledger, id="case-left")
        self._right = Vertical(self.kept, self.timeline, id="case-right")
        self._lower: Pane = self.timeline
        self._busy = False
        self._seen = 0
        """Entries that were on the screen when the reader's look was last remembered."""
        for number, pane in enumerate(self.panes(), 1):
            pane.number = number

    def body(self) -> Iterable[Widget]:
        yield Horizontal(self._left, self._right, id="body")

    def panes(self) -> list[Pane]:
        return [self.summary, self.ledger, self.kept, self.timeline]

    def on_mount(self) -> None:
        """Read the record now, and again and again while it is shown."""
        super().on_mount()
        self.divide()
        self.set_interval(REFRESH_S, self.read_again, name="case")
        self.read_again()

    def read_again(self) -> None:
        """Read what was added, unless that is under way."""
        desk = self.desk
        if desk is None or self._busy:
            return
        self._busy = True
        self.run_worker(self._read(desk), name="record", group="record", exit_on_error=False)

    async def _read(self, desk: Desk) -> None:
        try:
            await desk.refresh()
            seen = len(desk.case.events) if desk.case is not None else 0
            if seen != self._seen:
                self._seen = seen
                await desk.looked()
        finally:
            self._busy = False
        self.show(self.session.state())

    def show_body(self, state: ConsoleState) -> None:
        view = self.session.case_view()
        case = view.case
        name = f"Case {case.id}" if case is not None else "Cases"
        self.summary.show_content(name, lambda w, h, look: painters.summary(view, w, h, look), self.look)
        count = len(case.hypotheses) if case is not None else 0
        self.ledger.show_content(
            f"Hypotheses · {count}", lambda w, h, look: painters.hypotheses(view, w, h, look), self.look
        )
        count = len(case.evidence) if case is not None else 0
        self.kept.show_content(f"Evidence · {count}", lambda w, h, look: painters.evidence(view, w, h, look), self.look)
        self.timeline.show_content("Timeline", lambda w, h, look: painters.timeline(view, w, h, look), self.look)

    # Layout.

    def on_resize(self, event: events.Resize) -> None:
        """Divide the new size."""
        self.divide()

    def divide(self) -> None:
        """Two columns; on a narrow screen the summary above one other pane."""
        narrow = self.size.width < NARROW_COLUMNS
        shown = (
            {self._zoomed} if self._zoomed is not None else {self.summary, self._lower} if narrow else set(self.panes())
        )
        for pane in self.panes():
            pane.display = pane in shown
        for column in (self._left, self._right):
            column.display = any(pane in shown for pane in column.children)
        self.query_one("#body").styles.layout = "vertical" if narrow else "horizontal"

    def go_to(self, number: int) -> None:
        """On a narrow screen the pane takes the lower half."""
        panes = self.panes()
        if 1 < number <= len(panes):
            self._lower = panes[number - 1]
        if 1 <= number <= len(panes) and self._zoomed is not None:
            self._zoomed = panes[number - 1]
        self.divide()
        super().go_to(number)

    def _give_all_to(self, pane: Pane | None) -> None:
        self._zoomed = pane
        self.divide()

    # What can be done.

    def do_case(self) -> AwaitMount | None:
        """A new case."""
        return self.ask_for_case()

    def do_open(self) -> None:
        """Take up a case of the list; else enter what is selected."""
        chosen = self.current().selected()
        if isinstance(chosen, Case):
            self.in_case(lambda desk: _taken_up(desk, chosen.id))
        else:
            super().do_open()


class ItemScreen(LedgerScreen, DetailScreen):
    """One thing of a case in full: evidence, a hypothesis, an entry."""

    def __init__(
        self,
        session: Session,
        crumbs: tuple[str, ...],
        actions: Sequence[Action],
        item: EvidenceItem | Hypothesis | Event,
    ) -> None:
        super().__init__(session, crumbs, actions)
        self._item = item
        self.title_shown = "Entry" if isinstance(item, Event) else item.name

    def here(self) -> object:
        """The evidence that is selected on it, else the thing itself."""
        selected = super().here()
        return selected if isinstance(selected, EvidenceItem) else self._item

    def hypothesis_meant(self, case: Case) -> Hypothesis | None:
        """The one that is shown."""
        return (
            case.hypothesis(self._item.name) if isinstance(self._item, Hypothesis) else super().hypothesis_meant(case)
        )

    def painted(self, state: ConsoleState, width: int, height: int, look: Look) -> Body:
        view, item = self.session.case_view(), self._item
        if isinstance(item, EvidenceItem):
            return painters.item(item, width, height, look)
        if isinstance(item, Event):
            return painters.entry(item, width, height, look)
        case = view.case or Case("")
        return painters.hypothesis(case.hypothesis(item.name) or item, case, width, height, look)


async def _taken_up(desk: Desk, case_id: str) -> str:
    await desk.attach(case_id)
    return f"writing into {case_id} from now on"
