"""The log pane: how errors run over the window, which patterns are new, and the newest lines that match."""

from __future__ import annotations

from dataclasses import dataclass, field

from console.domain.instant import Window, clock_text, span_text
from console.domain.logs import Level, LogCounts, LogRecord, Pattern
from console.state import Axis, LogsView, Marker, Status, Word
from widgets.body import Body, Look, Row, absence, note
from widgets.ink import Line, cut_middle, pad, right
from widgets.numbers import UNKNOWN, plain, short_count
from widgets.pane import Pane
from widgets.sparkline import Grid, ceiling, columns, marker_line, spark
from widgets.words import level_style, level_word, pattern_style

SHOWN_PATTERNS = ("new", "surged", "gone")
WORST = Level.ERROR
NO_SOURCE = "no log source: add [[logs]] with the path of a file"
SHORT_TIMES_BELOW = 70


@dataclass
class Memo:
    """Painted records of the last time: a tail of thousands changes by a few."""

    width: int = 0
    zone: object = None
    rows: dict[str, tuple[LogRecord, bool, Row]] = field(default_factory=dict)


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
    return Body(head, tuple(_records(view, width, look, unfolded, memo if memo is not None else Memo())))


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
    points = [float(sum(n for level, n in bucket.items() if level >= WORST)) for bucket in counts.buckets]
    peak = f"max {short_count(max(points))}"
    label = f"errors per {span_text(counts.step_s)}, {peak}"
    room = width - len(label) - 2 if width >= len(label) + 30 else width
    grid = Grid.over(axis, max(1, room))
    graph = spark(columns(axis, points, grid), ceiling(points))
    line = Line.of((graph, "graph.bad" if any(points) else "graph"))
    if room < width:
        line = line + Line.of("  ", (label, "label"))
    rows = [Row.plain(line)]
    if height >= 16 and width >= 50:
        start = clock_text(axis.window.start, look.zone, now=look.now, seconds=False)
        end = clock_text(axis.window.end, look.zone, now=look.now, seconds=False)
        texts = [f"{m.label} {clock_text(m.at, look.zone, now=look.now, seconds=False)}" for m in markers]
        times = marker_line(markers, grid, texts).text
        if not times.strip():
            times = start + " " * max(1, room - len(start) - len(end)) + end
        rows.append(Row.plain(Line.of((times, "marker" if markers else "label")).cut(room)))
    return rows


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


def record_keys(records: tuple[LogRecord, ...]) -> list[str]:
    """A name for each record that stays when the tail moves on; equal records are numbered."""
    seen: dict[str, int] = {}
    keys = []
    for record in records:
        if record.offset >= 0:
            base = f"log:{record.source}:{record.file}:{record.offset}"
        else:
            base = f"log:{record.source}:{record.at}:{record.service}:{record.message[:80]}"
        count = seen.get(base, 0)
        seen[base] = count + 1
        keys.append(f"{base}#{count}" if count else base)
    return keys


def _records(view: LogsView, width: int, look: Look, unfolded: frozenset[str], memo: Memo) -> list[Row]:
    if memo.width != width or memo.zone != look.zone:
        memo.rows.clear()
        memo.width, memo.zone = width, look.zone
    kept: dict[str, tuple[LogRecord, bool, Row]] = {}
    service_width = min(14, max((len(r.service) for r in view.records[-200:]), default=0))
    for key, record in zip(record_keys(view.records), view.records, strict=True):
        is_open = key in unfolded
        old = memo.rows.get(key)
        if old is not None and old[0] is record and old[1] == is_open:
            kept[key] = old
        else:
            kept[key] = (record, is_open, _record(record, key, width, look, is_open, service_width))
    memo.rows = kept
    return [row for _, _, row in kept.values()]


def _record(record: LogRecord, key: str, width: int, look: Look, is_open: bool, service_width: int) -> Row:
    time_width = 8 if width < SHORT_TIMES_BELOW else 12
    style = level_style(record.level)
    lead = Line.of(
        (pad(_time(record, look)[:time_width], time_width), "label"), " ", (level_word(record.level), style), " "
    )
    if service_width and record.service:
        lead = lead + Line.of((pad(cut_middle(record.service, service_width), service_width), "accent"), " ")
    elif service_width:
        lead = lead + Line.of(" " * (service_width + 1))
    lines = [_first_line(record, lead, width, is_open)]
    if is_open:
        lines += [Line.of("  ", (text, "muted")).cut(width) for text in record.extra]
    copy = "\n".join((record.message, *record.extra))
    return Row(tuple(lines), record, key, copy, _command(record))


def _first_line(record: LogRecord, lead: Line, width: int, is_open: bool) -> Line:
    text = Line.of((record.message, "text" if record.level < Level.ERROR else "strong"))
    if not record.extra:
        return (lead + text).cut(width)
    hidden = Line.of(
        (f"[+{len(record.extra)} line{'s' if len(record.extra) > 1 else ''}]" if not is_open else "[open]", "label")
    )
    return (lead + text).beside(hidden, width) if width > lead.width + hidden.width + 8 else (lead + text).cut(width)


def _time(record: LogRecord, look: Look) -> str:
    if record.at is None:
        return UNKNOWN
    millis = int(record.at * 1000 + 1e-6) % 1000
    return f"{clock_text(record.at, look.zone)}.{millis:03d}"[:12]


def _command(record: LogRecord) -> str:
    if record.file and record.offset >= 0 and "'" not in record.file:
        return f"tail -c +{record.offset + 1} '{record.file}' | head -n {1 + len(record.extra)}"
    return f"incident logs 'trace:{record.trace_id}'" if record.trace_id.isalnum() else ""


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
