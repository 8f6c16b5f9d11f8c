"""The log pane: how errors run over the window, which patterns are new, and the newest lines that match."""

from __future__ import annotations

from console.domain.instant import Window, clock_text, span_text
from console.domain.logs import Level, LogCounts, LogRecord, Pattern
from console.state import Axis, LogsView, Marker, Status, Word
from widgets.body import Body, Look, Row, absence, note
from widgets.ink import Line, pad, right
from widgets.log_lines import Memo, record_rows
from widgets.numbers import plain, short_count
from widgets.pane import Pane
from widgets.sparkline import Grid, ceiling, columns, marker_line, spark
from widgets.words import pattern_style

SHOWN_PATTERNS = ("new", "surged", "gone")
NO_SOURCE = "no log source: add [[logs]] with the path of a file"
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
) -> Body:
    """Histogram and patterns stay at the top; the records scroll below, newest last.

    Args:
        unfolded: Keys of the records whose further lines are shown.
        markers: Deploys and the onset, for the row under the histogram.
        memo: Keeps painted records between calls.
    """
    head = _head(view, width, height, look, markers)
    if not view.records:
        nothing = "no line matches the filter in this window" if view.filter_text else "no line in this window"
        said = absence(view.status, "", NO_SOURCE if view.status.word is Word.NO_DATA else nothing)
        empty = note(said, width, 4)
        return Body(head, empty.rows)
    return Body(head, tuple(record_rows(view, width, look, unfolded, memo if memo is not None else Memo())))


def _head(view: LogsView, width: int, height: int, look: Look, markers: tuple[Marker, ...]) -> tuple[Row, ...]:
    rows: list[Row] = []
    if view.counts is not None and view.counts.buckets and height >= 8:
        rows += _histogram(view.counts, width, height, look, markers)
    told = [p for p in view.patterns if p.status in SHOWN_PATTERNS]
    most = max(1, (height - len(rows)) // 4) if height >= 5 else 0
    rows += [_pattern(p, width) for p in told[:most]]
    if rows and height >= 10:
        more = len(told) - most
        label = f"+{more} more pattern{'s' if more > 1 else ''} " if more > 0 else ""
        rows.append(Row.plain(Line.of((label, "label"), ("─" * max(0, width - len(label)), "band"))))
    if view.skipped:
        text = f"+{view.skipped:,} lines skipped in view (all counted, all kept on disk)"
        rows.append(Row.plain(Line.of((text, "warn")).cut(width)))
    return tuple(rows)


def _histogram(counts: LogCounts, width: int, height: int, look: Look, markers: tuple[Marker, ...]) -> list[Row]:
    axis = Axis(Window(counts.start, counts.start + counts.step_s * len(counts.buckets)), counts.step_s)
    wanted: list[tuple[str, Level, Level | None, str]] = [("errors", Level.ERROR, None, "graph.bad")]
    if height >= TALL:
        wanted.insert(0, ("warnings", Level.WARN, Level.ERROR, "graph"))
    series = [(name, _counted(counts, low, high), style) for name, low, high, style in wanted]
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
        rows.append(_times(axis, grid, markers, look))
    return rows


def _counted(counts: LogCounts, low: Level, high: Level | None) -> list[float]:
    """Records per bucket from one level up to, not including, another."""
    return [
        float(sum(n for level, n in bucket.items() if level >= low and (high is None or level < high)))
        for bucket in counts.buckets
    ]


def _times(axis: Axis, grid: Grid, markers: tuple[Marker, ...], look: Look) -> Row:
    """The markers under the histogram; both ends of its axis where there is none."""
    texts = [f"{m.label} {clock_text(m.at, look.zone, now=look.now, seconds=False)}" for m in markers]
    line = marker_line(markers, grid, texts)
    if not line.text.strip():
        start, end = (
            Line.of((clock_text(at, look.zone, now=look.now, seconds=False), "label"))
            for at in (axis.window.start, axis.window.end)
        )
        line = start.beside(end, grid.width)
    return Row.plain(line)


def _pattern(pattern: Pattern, width: int) -> Row:
    word = Line.of(
        (pad(pattern.status.upper(), 7), pattern_style(pattern.status)),
        (right(short_count(pattern.count), 5), "strong"),
        "  ",
    )
    template = Line.of((pattern.template, "text"))
    note_ = _comparison(pattern)
    line = word + template
    if note_ and line.width + len(note_) + 2 <= width:
        line = line.beside(Line.of((note_, "label")), width)
    command = f"incident logs 'pattern:{pattern.id}'" if pattern.id.isalnum() else ""
    return Row(
        (line.cut(width),),
        pattern,
        f"pattern:{pattern.service} {pattern.id}",
        f"{pattern.status} {pattern.count} {pattern.template}",
        command,
    )


def _comparison(pattern: Pattern) -> str:
    if pattern.status == "surged" and pattern.ratio is not None:
        return f"{plain(pattern.ratio)} × more"
    if pattern.status == "gone" and pattern.baseline_count is not None:
        return f"was {short_count(pattern.baseline_count)}"
    return ""


class LogsPane(Pane):
    """Pane 3. Enter gives a `LogRecord` or a `Pattern`. Follows the tail until the cursor is moved up."""

    number = 3
    title = "Logs"
    view = LogsView()
    markers: tuple[Marker, ...] = ()
    most_unfolded = 200

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.following = True
        """Whether the newest line stays in view."""
        self._unfolded: dict[str, None] = {}
        self._memo = Memo()

    def show_view(self, view: LogsView, look: Look, markers: tuple[Marker, ...] = ()) -> None:
        """Show this; `markers` go under the histogram."""
        if self.shows((self.view, self.markers), (view, markers), look):
            return
        self.view, self.look, self.markers = view, look, markers
        self.repaint()

    def status(self) -> Status:
        """Of the log sources."""
        return self.view.status

    def filter_text(self) -> str:
        """The filter as typed."""
        return self.view.filter_text

    def facts(self) -> str:
        """How many match, and how fast they come."""
        parts = [f"{self.view.total:,} lines"] if self.view.total else []
        if self.view.rate_per_min is not None:
            parts.append(f"{plain(round(self.view.rate_per_min))}/min")
        if not self.following:
            parts.append("not following")
        return " · ".join(parts)

    @property
    def follows_end(self) -> bool:
        """While it follows."""
        return self.following

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

    def next_matching_level(self, delta: int, least: Level = Level.ERROR) -> bool:
        """The cursor on the next record at this level or worse, `delta` +1 or -1; False where there is none."""
        rows = self._selectable()
        start = len(rows) if self.following and delta < 0 else self._index
        places = range(start + 1, len(rows)) if delta > 0 else range(start - 1, -1, -1)
        for place in places:
            value = rows[place].value
            if isinstance(value, LogRecord) and value.level >= least:
                self.following = False
                self._go(place)
                return True
        return False
