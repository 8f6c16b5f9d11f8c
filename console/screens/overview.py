"""The overview: what broke, since when, who is suspected, what changed, how the upstreams are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from textual import events
from textual.containers import Horizontal, Vertical
from textual.geometry import Size
from textual.widget import Widget

from console.actions import Action
from console.domain.diagnosis import JudgedChange
from console.domain.values import dataclass
from console.live.session import Session
from console.screens.base import ConsoleScreen
from console.state import ConsoleState
from widgets.changes import ChangesPane, change_key
from widgets.logs import LogsPane
from widgets.pane import Pane
from widgets.signals import SignalsPane
from widgets.suspects import SuspectsPane
from widgets.upstreams import UpstreamsPane

NARROW_COLUMNS = 100
"""Below this, one pane stands under the signals and the others are reached by number."""
SIDE_SHARE = 0.3
"""Share of the width that suspects, changes and upstreams take on wide screens."""
LEAST_SIDE, MOST_SIDE = 32, 72
SHOWN_OPERATIONS = 6
"""Room for this many worst operations is kept even while there are fewer, so that nothing jumps when they appear."""
EXPECTED_SERVICES = 4
REASON_ROWS = 5
"""Where no change is known, the pane has room to say why and how to get them."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How a size is divided: heights and widths in cells; 0 hides."""

    top_rows: int
    side_columns: int
    changes_rows: int
    narrow: bool


def plan(size: Size, signal_rows: int, change_rows: int) -> Plan:
    """Divide the space below header and above footer.

    Args:
        size: Of that space.
        signal_rows: Rows that the signals pane could fill, frame included.
        change_rows: Rows that the changes pane could fill, frame included.
    """
    narrow = size.width < NARROW_COLUMNS
    most_top = size.height // 2 if not narrow else max(5, size.height * 5 // 11)
    top = min(most_top, max(6, signal_rows)) if not narrow else most_top
    side = 0 if narrow else max(LEAST_SIDE, min(MOST_SIDE, round(size.width * SIDE_SHARE)))
    bottom = max(0, size.height - top)
    changes = min(max(4, change_rows), max(3, bottom * 55 // 100))
    return Plan(top, side, changes, narrow)


def wanted_rows(state: ConsoleState) -> tuple[int, int]:
    """Rows that signals and changes could fill, frames included; changes only with the verdict, so that nothing jumps."""
    services = len(state.signals.services) if state.signals is not None else EXPECTED_SERVICES
    listed = 2 * len(state.changes.changes) or REASON_ROWS
    return services + SHOWN_OPERATIONS + 7, listed + len(state.changes.running) + 4


class OverviewScreen(ConsoleScreen):
    """Five panes on one time axis."""

    filters_here = True

    def __init__(self, session: Session, actions: Sequence[Action]) -> None:
        super().__init__(session, (), actions)
        self.signals, self.suspects = SignalsPane(), SuspectsPane()
        self.logs, self.changes, self.upstreams = LogsPane(), ChangesPane(), UpstreamsPane()
        self._side = Vertical(self.changes, self.upstreams, id="side")
        self._top = Horizontal(self.signals, self.suspects, id="top")
        self._bottom = Horizontal(self.logs, self._side, id="bottom")
        self._lower: Pane = self.logs
        self._plan: Plan | None = None
        self._rows = (12, 8)

    def body(self) -> Iterable[Widget]:
        yield Vertical(self._top, self._bottom, id="body")

    def panes(self) -> list[Pane]:
        return [self.signals, self.suspects, self.logs, self.changes, self.upstreams]

    def tail(self) -> LogsPane:
        """The log pane."""
        return self.logs

    def show_body(self, state: ConsoleState) -> None:
        look, signals = self.look, state.signals
        self.signals.show_view(signals, look)
        self.suspects.show_view(state.suspects, look)
        self.logs.show_view(state.logs, look, signals.axis.markers if signals is not None else ())
        self.changes.show_view(state.changes, look)
        self.upstreams.show_view(state.upstreams, look)
        self._rows = wanted_rows(state)
        self.divide()

    # Layout.

    def on_resize(self, event: events.Resize) -> None:
        """Divide the new size."""
        self.divide()

    def divide(self) -> None:
        """Give every pane its place; does nothing while size, zoom and content rows stay."""
        size = Size(self.size.width, max(1, self.size.height - 3))
        made = plan(size, *self._rows)
        if made != self._plan:
            self._plan = made
            self._apply(made)

    def _apply(self, made: Plan) -> None:
        zoomed = self._zoomed
        shown = self._shown(made)
        for pane in self.panes():
            pane.display = pane in shown
        self._top.display = bool({self.signals, self.suspects} & shown)
        self._bottom.display = bool({self.logs, self.changes, self.upstreams} & shown)
        self._side.display = bool({self.changes, self.upstreams} & shown)
        alone = zoomed is not None
        only_top_hidden = not self._top.display or not self._bottom.display
        self._top.styles.height = "1fr" if only_top_hidden else made.top_rows
        below = made.narrow and not alone  # the suspects take the place of any other lower pane
        self._top.styles.layout = "vertical" if below else "horizontal"
        self.signals.styles.height = made.top_rows if below else "1fr"
        self.suspects.styles.width = "1fr" if alone or made.narrow else made.side_columns
        self._side.styles.width = "1fr" if alone or made.narrow else made.side_columns
        self.changes.styles.height = "1fr" if alone or made.narrow else made.changes_rows

    def _shown(self, made: Plan) -> set[Pane]:
        if self._zoomed is not None:
            return {self._zoomed}
        if made.narrow:
            return {self.signals, self._lower}
        return set(self.panes())

    def go_to(self, number: int) -> None:
        """On a narrow screen the pane takes the lower half; signals stay on top."""
        panes = self.panes()
        if not 1 <= number <= len(panes):
            super().go_to(number)
            return
        pane = panes[number - 1]
        if pane is not self.signals:
            self._lower = pane
        if self._zoomed is not None:
            self._zoomed = pane
        self._plan = None
        self.divide()
        self.set_focus(pane)

    def show_change(self, change: JudgedChange) -> None:
        """The cursor on it in the list of changes."""
        self.go_to(self.panes().index(self.changes) + 1)
        self.changes.select_key(change_key(change))

    def do_zoom(self) -> None:
        """Give the current pane the whole screen, or give it back."""
        self._zoomed = self.current() if self._zoomed is None else None
        self._plan = None
        self.divide()
        self.set_focus(self.current())

    # Leaving.

    def _not_here(self) -> dict[str, str]:
        nothing = "this is the overview; q twice quits" if self._zoomed is None else ""
        return {**super()._not_here(), "back": nothing, "cancel": nothing}

    def do_back(self) -> None:
        """There is nothing above the overview."""
        if self._zoomed is not None:
            self.do_zoom()
        else:
            self.post_message(self.Notice("this is the overview; q twice quits"))

    def do_cancel(self) -> None:
        """Undo the zoom."""
        if self._zoomed is not None:
            self.do_zoom()

    def do_quit(self) -> None:
        """Out of the zoom first, then out of the console, which asks for a second q."""
        if self._zoomed is not None:
            self.do_zoom()
        else:
            self.post_message(self.Quit())
