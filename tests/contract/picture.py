"""The README's picture: the overview of the running practice system, painted from the state that was recorded of it.

The state lies beside the picture's source, so that what the program would paint now can be compared with the picture.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from console.app import IncidentConsole
from console.config.load import Loaded
from console.config.models import Config
from console.live.session import LinkDown
from console.state import ConsoleState

PICTURE = Path(__file__).parents[2] / "docs" / "overview.svg"
RECORDED = Path(__file__).parent / "overview.state"
SIZE = (120, 40)
AT_REST = 4
"""So many pictures in a row that are the same show the screen as it stays."""


class Recorded:
    """A collector that sends one state and answers nothing."""

    def __init__(self, state: ConsoleState) -> None:
        self._state = state

    async def run(self, take: Callable[[ConsoleState], None]) -> None:
        """Send it."""
        take(self._state)
        await asyncio.Event().wait()

    async def close(self) -> None:
        """Nothing runs."""

    async def ask(self, command: str, *arguments: Any) -> Any:
        """Refuse.

        Raises:
            LinkDown: Always.
        """
        raise LinkDown("a recording answers nothing")


def recorded() -> ConsoleState:
    """The state that the picture shows.

    Raises:
        msgspec.DecodeError: States look otherwise by now.
    """
    return msgspec.msgpack.decode(RECORDED.read_bytes(), type=ConsoleState)


async def painted(state: ConsoleState) -> str:
    """The overview as SVG, without fonts from elsewhere."""
    app = IncidentConsole(
        Loaded(Config(), Path("incident.toml"), "recorded"),
        Recorded(state),
        clock=lambda: state.now,
        monotonic=lambda: 0.0,
    )
    async with app.run_test(size=SIZE) as pilot:
        async with asyncio.timeout(20):
            while app.session.latest.header != state.header:
                await pilot.pause()
        # A tick may already have said that the verdict is new: the picture shows the screen after that.
        app.session.take_verdict()
        screen = app.console_screen()
        assert screen is not None
        screen.footer.say()
        seen: list[str] = []
        async with asyncio.timeout(20):
            # Panes take their sizes from what they hold, one after the other.
            while len(seen) < AT_REST or len(set(seen[-AT_REST:])) > 1:
                app.show_now()
                await pilot.pause()
                seen.append(app.export_screenshot(title="incident"))
    return re.sub(r"@font-face \{.*?\}", "", seen[-1], flags=re.DOTALL)
