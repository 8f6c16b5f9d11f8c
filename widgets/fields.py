"""What the selected line or pattern says, field by field."""

from __future__ import annotations

from console.domain.logs import LogRecord, Pattern
from widgets import details
from widgets.body import Body, Look, note
from widgets.pane import Pane


class FieldsPane(Pane):
    """Pane 3 of the log screen. Enter gives a `FieldValue`."""

    number = 3
    title = "Fields"
    of: LogRecord | Pattern | None = None
    baseline_s: float | None = None

    def show_fields(self, of: LogRecord | Pattern | None, baseline_s: float | None, look: Look) -> None:
        """Show what this says.

        Args:
            baseline_s: Seconds that a pattern is compared with.
        """
        if self.shows((self.of, self.baseline_s), (of, baseline_s), look):
            return
        if of is not self.of:
            self.forget_place()
        self.of, self.baseline_s, self.look = of, baseline_s, look
        self.repaint()

    def title_text(self) -> str:
        """Of what they are."""
        return "Fields of the pattern" if isinstance(self.of, Pattern) else "Fields of the line"

    def body(self, width: int, height: int) -> Body:
        """The fields as rows."""
        if isinstance(self.of, LogRecord):
            return details.record(self.of, width, height, self.look)
        if isinstance(self.of, Pattern):
            return details.pattern(self.of, width, height, self.look, self.baseline_s)
        return note("select a line or a pattern", width, max(1, height))
