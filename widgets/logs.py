"""The log pane: how errors run over the window, which patterns are new, and the newest lines that match."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from textual.message import Message

from console.domain.instant import span_text
from console.domain.logs import Level, LogCounts, LogRecord
from console.state import LogsView, Marker, Status, Word
from widgets.body import Body, Look, Row, absence, note
from widgets.histogram import NO_SOURCE, axis_of, counted, known_counts, times
from widgets.ink import Line
from widgets.log_lines import NO_HINTS, Hints, Memo, command_of, record_rows
from widgets.numbers import lines_text, plain, short_count
from widgets.pane import Pane, ageless
from widgets.patterns import short_row
from widgets.sparkline import Grid, ceiling, columns, spark

SHOWN_PATTERNS = ("new", "surged", "gone")
TALL = 24
"""From this height on warnings have a graph of their own."""


def paint(
    view: LogsView,
    width: int,
    height: int,
    look: Look,
    *,
    unfolded: frozenset[str] = frozenset(),
    markers: tuple[Marker, ...] = (),
    memo: Memo | None = None,
    hints: Hints = NO_HINTS,
    bare: bool = False,
) -> Body:
    """Histogram and patterns stay at the top; the records scroll below, newest last.

    Args:
        unfolded: Keys of the records whose further lines are shown.
        markers: Deploys and the onset, for the row under the histogram.
        memo: Keeps painted records between calls.
        hints: What is pointed out in the records.
        bare: The records alone: histogram and patterns are shown elsewhere.
    """
    head = _skipped(view, width) if bare else _head(view, width, height, look, markers)
    if not view.records:
        nothing = "no line matches the filter in this window" if view.filter_text else "no line in this window"
        said = absence(view.status, "", NO_SOURCE if view.status.word is Word.NO_DATA else nothing)
        empty = note(said, width, 4)
        return Body(head, empty.rows)
    return Body(head, tuple(record_rows(view, width, look, unfolded, memo if memo is not None else Memo(), hints)))


def _head(view: LogsView, width: int, height: int, look: Look, markers: tuple[Marker, ...]) -> tuple[Row, ...]:
    rows: list[Row] = []
    counts = known_counts(view)
    if counts is not None and height >= 8:
        rows += _histogram(counts, width, height, look, markers)
    told = [p for p in view.patterns if p.status in SHOWN_PATTERNS]
    most = max(1, (height - len(rows)) // 4) if height >= 5 else 0
    rows += [short_row(p, width, view.baseline_s) for p in told[:most]]
    if rows and height >= 10:
        more = len(told) - most
        label = f"+{more} more pattern{'s' if more > 1 else ''} " if more > 0 else ""
        rows.append(Row.plain(Line.of((label, "label"), ("─" * max(0, width - len(label)), "band"))))
    return (*rows, *_skipped(view, width))


def _skipped(view: LogsView, width: int) -> tuple[Row, ...]:
    if not view.skipped:
        return ()
    text = f"+{view.skipped:,} lines skipped in view (all counted, all kept on disk)"
    return (Row.plain(Line.of((text, "warn")).cut(width)),)


def _histogram(counts: LogCounts, width: int, height: int, look: Look, markers: tuple[Marker, ...]) -> list[Row]:
    axis = axis_of(counts)
    wanted: list[tuple[str, Level, Level | None, str]] = [("errors", Level.ERROR, None, "graph.bad")]
    if height >= TALL:
        wanted.insert(0, ("warnings", Level.WARN, Level.ERROR, "graph"))
    series = [(name, counted(counts, low, high), style) for name, low, high, style in wanted]
    labels = [f"{name} per {span_text(counts.step_s)}, max {short_count(max(points))}" for name, points, _ in series]
    longest = max(map(len, labels))
    room = width - longest - 2 if width >= longest + 30 else width
    grid = Grid.over(axis, max(1, room))
    rows = []
    for (_, points, style), label in zip(series, labels, strict=True):
        graph = spark(columns(axis, points, grid), ceiling(points))
        line = Line.of((graph, style if any(points) else "graph"))
        rows.append(Row.plain(line + Line.of("  ", (label, "label")) if room < width else line))
    if height >= 16 and width >= 50:
        rows.append(Row.plain(times(axis, grid, markers, look)))
    return rows


def _still(view: LogsView) -> LogsView:
    """The view without what stands on the border alone."""
    return replace(ageless(view), patterns_status=replace(view.patterns_status, age_s=None), rate_per_min=None)


class LogsPane(Pane):
    """Pane 3. Enter gives a `LogRecord` or a `Pattern`. Follows the tail until the cursor is moved up."""

    number = 3
    title = "Logs"
    about = (
        "Failures over time; patterns that are NEW or SURGED against before, where <*> stands for what varies; then the newest "
        "lines that pass the filter."
    )
    view = LogsView()
    markers: tuple[Marker, ...] = ()
    hints = NO_HINTS
    bare = False
    """Whether it shows the records alone."""
    most_unfolded = 200

    class Following(Message):
        """It begins to follow the newest line, or stops."""

        def __init__(self, pane: LogsPane) -> None:
            super().__init__()
            self.pane = pane

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._following = True
        self._unfolded: dict[str, None] = {}
        self._memo = Memo()

    def command_under_cursor(self) -> str | None:
        """What `Y` copies; of a record made when it is asked for, not for each of thousands that go by."""
        record = self.selected()
        if isinstance(record, LogRecord):
            return command_of(record) or None
        return super().command_under_cursor()

    @property
    def following(self) -> bool:
        """Whether the newest line stays in view."""
        return self._following

    @following.setter
    def following(self, on: bool) -> None:
        if on != self._following:
            self._following = on
            self.post_message(self.Following(self))

    def show_view(self, view: LogsView, look: Look, markers: tuple[Marker, ...] = ()) -> None:
        """Show this; `markers` go under the histogram."""
        if self.shows((self.view, self.markers), (view, markers), look):
            return
        older = self.shows((_still(self.view), self.markers), (_still(view), markers), look)
        self.view, self.look, self.markers = view, look, markers
        self.grow_older() if older else self.repaint()

    def hint(self, hints: Hints) -> None:
        """Point this out in the records from now on."""
        if hints != self.hints:
            self.hints = hints
            self.repaint()

    @property
    def sought(self) -> str:
        """The query whose matches can be gone to where nothing is searched for."""
        return self.view.filter_text

    def status(self) -> Status:
        """Of the log sources."""
        return self.view.status

    def filter_text(self) -> str:
        """The filter as typed."""
        return self.view.filter_text

    def facts(self) -> str:
        """How many match, and how fast they come."""
        parts = [lines_text(self.view.total, about=self.view.estimated)] if self.view.total else []
        if self.hints.marks:
            parts.append(f"{len(self.hints.marks)} marked")
        if not self.following:
            parts.append("newer lines: F" if self.view.newer_held_back else "not following")
        if self.view.rate_per_min is not None:
            parts.append(f"{plain(round(self.view.rate_per_min))}/min")
        return " · ".join(parts)

    @property
    def follows_end(self) -> bool:
        """While it follows."""
        return self.following

    @property
    def awaits_rows(self) -> bool:
        """While another filter is read, source by source."""
        return self.view.wanted_text is not None

    def body(self, width: int, height: int) -> Body:
        """The painted view."""
        return paint(
            self.view,
            width,
            height,
            self.look,
            unfolded=frozenset(self._unfolded),
            markers=self.markers,
            memo=self._memo,
            hints=self.hints,
            bare=self.bare,
        )

    def follow(self, on: bool) -> None:
        """Keep the newest line in view, or stop."""
        self.following = on
        self.repaint()

    def fold(self) -> bool:
        """Show or hide the further lines of the record under the cursor; False where it has none."""
        row = self._current_row()
        if row is None or not isinstance(row.value, LogRecord) or not row.value.extra:
            return False
        if row.key in self._unfolded:
            del self._unfolded[row.key]
        else:
            self._unfolded[row.key] = None
            while len(self._unfolded) > self.most_unfolded:
                del self._unfolded[next(iter(self._unfolded))]
        self.repaint()
        return True

    def move(self, delta: int) -> None:
        """As in any pane; up stops following, and arriving at the last line does not start it again."""
        self.following = False
        super().move(delta)

    def to_bottom(self) -> None:
        """The newest line, and follow again."""
        super().to_bottom()
        self.follow(True)

    def next_where(self, delta: int, wanted: Callable[[LogRecord], bool]) -> tuple[int, int] | None:
        """The cursor on the next record that passes, `delta` +1 or -1.

        Returns:
            Which of how many that pass it is, counted from 1; None where there is none in this direction.
        """
        rows = self._selectable()
        places = [n for n, row in enumerate(rows) if isinstance(row.value, LogRecord) and wanted(row.value)]
        start = len(rows) if self.following and delta < 0 else self._index
        found = [n for n in places if n > start] if delta > 0 else [n for n in places if n < start][::-1]
        if not found:
            return None
        self.following = False
        self._go(found[0])
        return places.index(found[0]) + 1, len(places)


class LinesPane(LogsPane):
    """Pane 4 of the log screen: the records alone."""

    number = 4
    title = "Lines"
    bare = True

    def filter_text(self) -> str:
        """The screen says it on a line of its own."""
        return ""
