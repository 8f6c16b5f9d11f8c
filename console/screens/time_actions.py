"""The actions that move the time window. They work on every screen."""

from __future__ import annotations

from textual.screen import Screen
from textual.widget import AwaitMount

from console.domain.instant import BadTime
from console.live.session import Session
from console.live.timeview import TimeView, parse_view


class TimeActions(Screen[None]):
    """The actions that move the time window; every pane follows it."""

    session: Session

    def do_earlier(self) -> None:
        """Half a window back."""
        self.session.set_view(self.session.scope.view.earlier(self.session.scope.now()))

    def do_later(self) -> None:
        """Half a window forward."""
        self.session.set_view(self.session.scope.view.later(self.session.scope.now()))

    def do_wider(self) -> None:
        """Twice as long."""
        self.session.set_view(self.session.scope.view.wider())

    def do_narrower(self) -> None:
        """Half as long."""
        self.session.set_view(self.session.scope.view.narrower())

    def do_live(self) -> None:
        """Back to the present."""
        self.session.set_view(TimeView(self.session.scope.view.span_s))

    def do_pick_time(self) -> AwaitMount:
        """Type start and end."""
        from console.screens.dialogs import LineDialog  # not for the first frame

        def problem(text: str) -> str | None:
            try:
                parse_view(text, self.session.scope.now(), self.session.zone)
            except BadTime as error:
                return str(error)
            return None

        def picked(text: str | None) -> None:
            if text and problem(text) is None:
                self.session.set_view(parse_view(text, self.session.scope.now(), self.session.zone))

        return self.app.push_screen(LineDialog("time", "", "-2h, or 14:00, or 14:00 14:30", problem), picked)
