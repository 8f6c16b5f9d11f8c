"""A pane of lines that scroll: what a drill-down shows."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from console.state import Status
from widgets.body import Body, Look
from widgets.pane import Pane

Painter: TypeAlias = Callable[[int, int, Look], Body]
"""Paints a body for a width, a height and a look."""


class TextView(Pane):
    """Shows what a painter gives; rows with a value can be selected, everything scrolls."""

    def __init__(self, title: str = "", painter: Painter | None = None, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._title = title
        self._painter = painter
        self._status: Status | None = None

    def show_content(self, title: str, painter: Painter, look: Look, status: Status | None = None) -> None:
        """Show this; the cursor stays on its row where that is still there."""
        self._title, self._painter, self.look, self._status = title, painter, look, status
        self.repaint()

    def title_text(self) -> str:
        """The title last given."""
        return self._title

    def status(self) -> Status | None:
        """The state last given."""
        return self._status

    def body(self, width: int, height: int) -> Body:
        """What the painter gives."""
        return self._painter(width, height, self.look) if self._painter is not None else Body()
