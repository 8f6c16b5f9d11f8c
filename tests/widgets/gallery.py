"""The panes of the overview on made-up screens: `python -m tests.widgets.gallery incident [theme]`; also what tests drive."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import replace
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.events import Resize

from console.actions import ACTIONS
from console.state import ConsoleState
from console.terminal import TerminalCare
from tests.widgets import samples
from widgets.body import Look
from widgets.changes import ChangesPane
from widgets.footer import Footer
from widgets.header import Header
from widgets.logs import LogsPane
from widgets.pane import Pane
from widgets.signals import SignalsPane
from widgets.suspects import SuspectsPane
from widgets.theme import PALETTES
from widgets.upstreams import UpstreamsPane


class Gallery(TerminalCare[None]):
    """Header, five panes and footer, as the overview has them."""

    CSS = """
    #top { height: 4fr; } #low { height: 6fr; } SignalsPane { width: 7fr; } SuspectsPane { width: 3fr; }
    LogsPane { width: 6fr; } #right { width: 4fr; } ChangesPane { height: 1fr; } UpstreamsPane { height: 1fr; }
    .narrow SuspectsPane, .narrow #right { display: none; }
    """
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        ("j", "move(1)"),
        ("k", "move(-1)"),
        ("q", "quit"),
        ("t", "tick"),
        ("n", "same"),
        ("space", "fold"),
        ("r", "redraw"),
    ]

    def __init__(self, state: ConsoleState, theme: str = "dark") -> None:
        super().__init__()
        for palette in PALETTES.values():
            self.register_theme(palette.textual)
        self.theme = PALETTES[theme].textual.name
        self.state = state
        self.ticks = 0

    def compose(self) -> ComposeResult:
        """Header, panes, footer."""
        yield Header()
        with Horizontal(id="top"):
            yield SignalsPane()
            yield SuspectsPane()
        with Horizontal(id="low"):
            yield LogsPane()
            with Vertical(id="right"):
                yield ChangesPane()
                yield UpstreamsPane()
        yield Footer(ACTIONS)

    def on_mount(self) -> None:
        """Show the state, the signals focused."""
        self.query_one(SignalsPane).focus()
        self.feed(self.state)
        rate = float(os.environ.get("GALLERY_RATE", "0"))
        if rate:
            self.set_interval(1 / rate, self.action_tick)
        if os.environ.get("GALLERY_HEARTBEAT"):
            self.set_interval(0.05, self.beat)
            self.set_interval(0.05, self.action_tick)

    def on_resize(self, event: Resize) -> None:
        """Two panes on a narrow screen."""
        self.screen.set_class(event.size.width < 100, "narrow")

    def beat(self) -> None:
        """Write the time to a file: whether the event loop still turns is seen from outside."""
        with open(os.environ["GALLERY_HEARTBEAT"], "a", encoding="utf-8") as file:
            file.write(f"{time.monotonic()}\n")

    def feed(self, state: ConsoleState) -> None:
        """Hand a state to every pane."""
        look = Look(state.now)
        self.state = state
        self.query_one(Header).show_view(state.header, look)
        self.query_one(SignalsPane).show_view(state.signals, look)
        self.query_one(SuspectsPane).show_view(state.suspects, look)
        self.query_one(LogsPane).show_view(state.logs, look, state.signals.axis.markers if state.signals else ())
        self.query_one(ChangesPane).show_view(state.changes, look)
        self.query_one(UpstreamsPane).show_view(state.upstreams, look)
        self.query_one(Footer).show_keys({"later": "the window ends now"}, "logs")

    def action_move(self, delta: str) -> None:
        """Move the cursor of the focused pane."""
        if isinstance(self.focused, Pane):
            self.focused.move(int(delta))

    def action_fold(self) -> None:
        """Fold the record under the cursor."""
        self.query_one(LogsPane).fold()

    def action_redraw(self) -> None:
        """Send every cell again."""
        self.forget_terminal()

    def action_same(self) -> None:
        """Show again what is shown."""
        self.feed(self.state)

    def action_tick(self) -> None:
        """One second later: five new lines, numbers that live, graphs that move on every 15 s."""
        self.ticks += 1
        self.feed(self.ticked(self.state))

    def ticked(self, state: ConsoleState) -> ConsoleState:
        """The state one second later."""
        n = self.ticks
        records = (
            *state.logs.records[-400:],
            *(samples.record(100 + n * 5 + k, message=samples.WIDE if k == 2 else "") for k in range(5)),
        )
        signals = state.signals
        if signals is not None:
            services = []
            for place, row in enumerate(signals.services):
                shift = n % 15 == 0
                rate = replace(row.traffic, last=(row.traffic.last or 1) * (1 + 0.03 * ((n + place) % 3 - 1)))
                errors = replace(row.errors, last=(row.errors.last or 0) * (1 + 0.04 * ((n + place) % 4 - 1.5)))
                p99 = replace(row.p99, last=(row.p99.last or 0) * (1 + 0.02 * ((n + place) % 3 - 1)))
                if shift:
                    errors = replace(errors, points=(*errors.points[1:], errors.points[-2]))
                    p99 = replace(p99, points=(*p99.points[1:], p99.points[-2]))
                services.append(replace(row, traffic=rate, errors=errors, p99=p99))
            signals = replace(signals, services=tuple(services), status=replace(signals.status, age_s=float(n % 3)))
        return replace(
            state,
            now=state.now + 1,
            header=replace(
                state.header, now=state.header.now + 1, status=replace(state.header.status, age_s=float(n % 3))
            ),
            signals=signals,
            logs=replace(state.logs, records=records, total=state.logs.total + 5),
        )


if __name__ == "__main__":
    words = sys.argv[1:]
    Gallery(samples.SCREENS[words[0] if words else "incident"](), words[1] if len(words) > 1 else "dark").run()
