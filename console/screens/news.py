"""What each new verdict said otherwise than the one before."""

from __future__ import annotations

from console.screens.details import DetailScreen
from console.state import ConsoleState, Status
from widgets import news
from widgets.body import Body, Look, note


class NewsScreen(DetailScreen):
    """Newest first; the last minute in one line on top."""

    title_shown = "News"

    def painted(self, state: ConsoleState, width: int, height: int, look: Look) -> Body:
        if not state.news:
            return note("no verdict has said anything else than the one before, since the console was opened", width)
        return news.paint(state.news, width, height, look)

    def pane_status(self, state: ConsoleState) -> Status:
        return state.suspects.status
