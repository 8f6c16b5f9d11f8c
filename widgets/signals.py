"""The signals pane: traffic, errors and latency of every service beside their normal values, then the worst operations."""

from __future__ import annotations

from collections.abc import Callable

from console.domain.instant import clock_text, span_text
from console.domain.values import dataclass
from console.state import Axis, OperationRow, ServiceRow, SignalsView, Trend, Word
from widgets.body import Body, Look, Row, absence, note
from widgets.chart import chart, has_values
from widgets.columns import Column, chosen, heading, row_line, widths
from widgets.ink import Line, cut_middle, joined, right
from widgets.numbers import UNKNOWN, bare_text, number_text, percent, short_count
from widgets.pane import ViewPane
from widgets.sparkline import Grid, ceiling, columns, marker_line, spark
from widgets.words import state_sign

LEAST_SPARK = 7
LEAST_CHART, MOST_CHART = 8, 16
"""Lines of a large chart."""
LEAST_CHART_WIDTH = 56
ONSET = "╎"
NO_SERVICE = "no service is known: add a [[service]], or [[logs]] whose lines name one"
ROOMY = 130
"""From this inner width on the pane shows peaks, more baselines and memory."""


@dataclass(frozen=True, slots=True)
class _Scale:
    """What the cells of a graph column share."""

    axis: Axis
    top: float
    relative: bool = False
    """Each row measured by its own normal value."""


def paint(view: SignalsView, width: int, height: int, look: Look, under_cursor: str = "") -> Body:
    """The pane's inside: a table of services, the shared markers and time axis, and the operations, worst first.

    Where much room is left, large charts of the service `under_cursor` (else the first) stand at the bottom.
    """
    if not view.services:
        return note(absence(view.status, "", NO_SERVICE), width)
    table = chosen(_columns(view, width), width)
    sizes = widths(table, width)
    services = [_service(row, table, sizes, width) for row in view.services]
    foot = _time_rows(view.axis, table, sizes, width, look)
    operations = _operation_rows(view, width)
    room = height - 1 - len(services)
    rows = [
        *services,
        *(_below(foot, operations, room) if room != 1 else _compact(view, width)),
        *(operations[2:] if room == 1 else ()),
    ]
    spare = height - 1 - sum(len(row.lines) for row in rows)
    chosen_row = next((row for row in view.services if row.name == under_cursor), view.services[0])
    awaited = view.status.word is Word.LOADING and not has_values(chosen_row.traffic)
    charts = () if awaited else _charts(chosen_row, view.axis, width, spare, look)
    return Body((Row.plain(heading(table, sizes)),), tuple(rows), charts)


def _charts(row: ServiceRow, axis: Axis, width: int, spare: int, look: Look) -> tuple[Row, ...]:
    """Large charts beside each other where the pane is wide, else above each other; none where there is little room."""
    trends = [("errors", row.errors), ("p99", row.p99), ("req/s", row.traffic)]
    if row.memory is not None:
        trends.append(("memory", row.memory))
    if spare - 1 < LEAST_CHART or width < 60:
        return ()
    abreast = min(len(trends), max(1, width // LEAST_CHART_WIDTH))
    deep = min(-(-len(trends) // abreast), (spare - 1) // LEAST_CHART)
    each, cells = min(MOST_CHART, (spare - 1) // deep), (width - 2 * (abreast - 1)) // abreast
    lines: list[Line] = [Line()]
    for band in range(deep):
        group = trends[band * abreast : (band + 1) * abreast]
        drawn = [chart(f"{row.name} {name}", trend, axis, cells, each, look) for name, trend in group]
        for place in range(each):
            lines.append(joined([(c[place] if place < len(c) else Line()).fit(cells) for c in drawn], "  "))
    return (Row.plain(*lines),)


def _below(foot: list[Row], operations: list[Row], room: int) -> list[Row]:
    """What follows the services. Where there is little room the worst operation comes before the markers and the axis."""
    spare = room - min(2, len(operations))
    shown = foot[: max(0, spare)]
    gap = [Row.plain(Line())] if operations and spare - len(shown) > len(operations) - 2 else []
    return [*shown, *gap, *operations]


def _compact(view: SignalsView, width: int) -> list[Row]:
    """The worst operation on the one line that is left, in words, since its headings would take the line."""
    if not view.operations:
        return []
    worst = view.operations[0]
    share = f"  {percent(worst.share_of_bad)} % of failures" if worst.share_of_bad is not None else ""
    numbers = f"  {_failed_cell(worst, 20).text} failed  p99 {number_text(worst.p99_s, 's')}"
    right_ = Line.of((share, "bad"), numbers)
    line = _operation_cell(worst, max(8, width - right_.width - 1)).beside(right_, width)
    return [Row((line,), worst, _operation_key(worst), _operation_copy(worst))]


def _operation_key(row: OperationRow) -> str:
    return f"operation:{row.service} {row.operation}"


def _columns(view: SignalsView, width: int) -> list[Column[ServiceRow]]:
    names = max(len(row.name) for row in view.services) + 2
    roomy = width >= ROOMY
    scales = {
        "traffic": _Scale(view.axis, ceiling(_relative(view)), relative=True),
        "errors": _Scale(view.axis, _top(view, lambda row: row.errors, least=0.01)),
        "p99": _Scale(view.axis, _top(view, lambda row: row.p99)),
        "memory": _Scale(view.axis, _top(view, lambda row: row.memory)),
    }
    table: list[Column[ServiceRow]] = [
        Column("service", _name_cell, min(max(8, names), 20, max(8, width - 13)), grow=int(names > 20), most=names),
        _number("req/s", lambda row: row.traffic, drop=4),
        _graph(lambda row: row.traffic, scales["traffic"], drop=7),
        _number("err %", lambda row: row.errors, gap=2),
        _base("was", lambda row: row.errors),
        *([_peak("peak", lambda row: row.errors, drop=23)] if roomy else []),
        _graph(lambda row: row.errors, scales["errors"], drop=5),
        _number("p50", lambda row: row.p50, gap=2, drop=10),
        *([_base("was", lambda row: row.p50, drop=22)] if roomy else []),
        _number("p95", lambda row: row.p95, drop=9, gap=2 if roomy else 1),
        *([_base("was", lambda row: row.p95, drop=21)] if roomy else []),
        _number("p99", lambda row: row.p99, drop=3, gap=2 if roomy else 1),
        _base("was", lambda row: row.p99, drop=8),
        *([_peak("peak", lambda row: row.p99, drop=24)] if roomy else []),
        _graph(lambda row: row.p99, scales["p99"], drop=6),
    ]
    if roomy and any(row.memory is not None for row in view.services):
        table += [
            _number("memory", lambda row: row.memory, drop=26, gap=2, width=7),
            _base("was", lambda row: row.memory, drop=25, width=7),
            _graph(lambda row: row.memory, scales["memory"], drop=27),
        ]
    return table


_Pick = Callable[[ServiceRow], Trend | None]


def _number(title: str, pick: _Pick, *, drop: int = 0, gap: int = 1, width: int = 5) -> Column[ServiceRow]:
    def cell(row: ServiceRow, size: int) -> Line:
        trend = pick(row)
        if trend is None:
            return Line.of((right(UNKNOWN, size), "muted"))
        return Line.of((right(bare_text(trend.last, trend.unit), size), "bad" if trend.bad else "text"))

    return Column(title, cell, width, drop, gap=gap, align_right=True)


def _base(title: str, pick: _Pick, *, drop: int = 0, width: int = 5) -> Column[ServiceRow]:
    def cell(row: ServiceRow, size: int) -> Line:
        trend = pick(row)
        return Line.of((right(bare_text(trend.baseline, trend.unit) if trend else UNKNOWN, size), "muted"))

    return Column(title, cell, width, drop, align_right=True)


def _peak(title: str, pick: _Pick, *, drop: int = 0, width: int = 5) -> Column[ServiceRow]:
    def cell(row: ServiceRow, size: int) -> Line:
        trend = pick(row)
        return Line.of((right(bare_text(trend.peak, trend.unit) if trend else UNKNOWN, size), "muted"))

    return Column(title, cell, width, drop, align_right=True)


def _graph(pick: _Pick, scale: _Scale, *, drop: int) -> Column[ServiceRow]:
    def cell(row: ServiceRow, size: int) -> Line:
        trend = pick(row)
        if trend is None:
            return Line()
        grid = Grid.over(scale.axis, size)
        factor = (trend.baseline or trend.peak or 0.0) if scale.relative else 1.0
        values = columns(scale.axis, trend.points, grid)
        shown = [v / factor if v is not None and factor > 0 else v for v in values]
        return Line.of((spark(shown, scale.top), "graph.bad" if trend.bad else "graph"))

    return Column("", cell, LEAST_SPARK, drop, grow=1, most=60)


def _top(view: SignalsView, pick: _Pick, least: float = 0.0) -> float:
    """The top of a column's one scale; `least` keeps noise near zero from filling the height."""
    trends = [trend for trend in map(pick, view.services) if trend is not None]
    return max(ceiling(v for trend in trends for v in trend.points), least)


def _relative(view: SignalsView) -> list[float | None]:
    """Traffic by each row's own normal: the busiest service would flatten all others; normal is half the height."""
    found: list[float | None] = [2.0]
    for row in view.services:
        normal = row.traffic.baseline or row.traffic.peak
        if normal:
            found += [v / normal for v in row.traffic.points if v is not None]
    return found


def _name_cell(row: ServiceRow, size: int) -> Line:
    sign = state_sign(row.state)
    bad = sign.style in ("bad", "warn")
    return Line.of((sign.glyph, sign.style), " ", (cut_middle(row.name, size - 2), "strong" if bad else "text"))


def _service(row: ServiceRow, table: list[Column[ServiceRow]], sizes: list[int], width: int) -> Row:
    line = row_line(table, sizes, row)
    if row.note and row.traffic.last is None and row.errors.last is None:
        name = row_line(table[:1], sizes[:1], row)
        line = (name + Line.of(" ", (row.note, "muted"))).fit(width)
    return Row((line,), row, f"service:{row.name}", _service_copy(row))


def _service_copy(row: ServiceRow) -> str:
    parts = [f"{row.name}:"]
    for name, trend in (
        ("traffic", row.traffic),
        ("errors", row.errors),
        ("p50", row.p50),
        ("p95", row.p95),
        ("p99", row.p99),
    ):
        parts.append(f"{name} {number_text(trend.last, trend.unit)} (was {number_text(trend.baseline, trend.unit)})")
    return parts[0] + " " + ", ".join(parts[1:])


def _time_rows(axis: Axis, table: list[Column[ServiceRow]], sizes: list[int], width: int, look: Look) -> list[Row]:
    """Under the graphs: the markers in their columns, then the ends of the axis and what the markers are."""
    rows = []
    if axis.markers and any(column.heading == "" for column in table):
        line = Line()
        for place, (column, size) in enumerate(zip(table, sizes, strict=True)):
            line += Line.of(" " * (column.gap if place else 0))
            blank = Line().fit(size)
            line += (
                marker_line(axis.markers, Grid.over(axis, size), [""] * len(axis.markers))
                if not column.heading
                else blank
            )
        rows.append(Row.plain(line))
    rows.append(Row.plain(_axis_line(axis, width, look)))
    return rows


def _axis_line(axis: Axis, width: int, look: Look) -> Line:
    start = clock_text(axis.window.start, look.zone, now=look.now, seconds=False)
    end = clock_text(axis.window.end, look.zone, now=look.now, seconds=False)
    line = Line.of((f"graphs {start} to {end} ({span_text(axis.window.seconds)})", "label"))
    start_width = line.width
    untold = len(axis.markers)
    for marker in sorted(axis.markers, key=lambda marker: (marker.glyph != ONSET, -marker.at)):
        label = f"{marker.glyph} {marker.label} {clock_text(marker.at, look.zone, now=look.now, seconds=width > 100)}"
        more = line + Line.of("  ", (label, "marker"))
        if more.width + (len("  +99 more") if untold > 1 else 0) <= width:
            line, untold = more, untold - 1
    told = Line.of((f"  +{untold} more" if line.width > start_width else f"  {untold} changes", "label"))
    return line + told if untold and line.width + told.width <= width else line


def _operation_rows(view: SignalsView, width: int) -> list[Row]:
    if not view.operations:
        return []
    table = chosen(_operation_columns(view, width), width)
    sizes = widths(table, width)
    rows = [Row((heading(table, sizes),), heads=True)]
    for operation in view.operations:
        line = row_line(table, sizes, operation)
        rows.append(Row((line,), operation, _operation_key(operation), _operation_copy(operation)))
    return rows


def _operation_columns(view: SignalsView, width: int) -> list[Column[OperationRow]]:
    longest = max(len(row.operation) + len(row.service) + 3 for row in view.operations)
    return [
        Column("worst operations", _operation_cell, min(26, longest), grow=2, most=max(16, longest)),
        Column("of failures", _share_cell, 12, 5, grow=1, most=28, gap=2),
        Column("failed / n", _failed_cell, 15, 3, gap=2, align_right=True),
        Column(
            "err %",
            lambda row, _: _percent_cell(row.error_rate, bad=bool(row.share_of_bad)),
            5,
            1,
            gap=2,
            align_right=True,
        ),
        Column("was", lambda row, _: _percent_cell(row.error_baseline, muted=True), 5, 2, align_right=True),
        Column("p99", lambda row, _: Line.of(number_text(row.p99_s, "s")), 5, 4, gap=2, align_right=True),
        Column("was", lambda row, _: Line.of((number_text(row.p99_baseline_s, "s"), "muted")), 5, 4, align_right=True),
    ]


def _operation_cell(row: OperationRow, size: int) -> Line:
    return Line.of(
        cut_middle(row.operation, size) if len(row.operation) + 3 > size else row.operation,
        (f" · {row.service}", "muted"),
    ).cut(size)


def _share_cell(row: OperationRow, size: int) -> Line:
    if row.share_of_bad is None:
        return Line.of((UNKNOWN, "muted"))
    text = f"{percent(max(0.0, row.share_of_bad))} %"
    room = max(0, size - 6)
    bar = "█" * round(min(1.0, max(0.0, row.share_of_bad)) * room)
    return Line.of((bar, "graph.bad"), " " if bar else "", text)


def _failed_cell(row: OperationRow, size: int) -> Line:
    failed = UNKNOWN if row.failed is None else f"{row.failed:,}"
    total = UNKNOWN if row.total is None else f"{row.total:,}"
    text = f"{failed} / {total}"
    if len(text) > size and row.failed is not None and row.total is not None:
        text = f"{short_count(row.failed)} / {short_count(row.total)}"
    return Line.of((text, "text" if row.failed else "muted"))


def _percent_cell(ratio: float | None, *, bad: bool = False, muted: bool = False) -> Line:
    return Line.of((bare_text(ratio, "ratio"), "bad" if bad else "muted" if muted else "text"))


def _operation_copy(row: OperationRow) -> str:
    return (
        f"{row.service} {row.operation}: errors {number_text(row.error_rate, 'ratio')} (was "
        f"{number_text(row.error_baseline, 'ratio')}), p99 {number_text(row.p99_s, 's')} (was "
        f"{number_text(row.p99_baseline_s, 's')}), failed {row.failed} of {row.total}"
    )


class SignalsPane(ViewPane[SignalsView | None]):
    """Pane 1. Enter on a row gives a `ServiceRow` or an `OperationRow`."""

    number = 1
    title = "Signals"
    about = (
        "Traffic, share of failed requests, and the time within which 50, 95 and 99 of 100 requests end; `was`: the normal value. "
        "The graphs share one time axis: ▼ a deploy, ◆ another change, ╎ the onset. ● well, ▲ off its level, ✖ failing, ? not judged."
    )
    view: SignalsView | None = None

    def paint_view(self, view: SignalsView | None, width: int, height: int) -> Body:
        """Services, operations, and charts of the service under the cursor."""
        if view is None:
            return note("reading the sources", width)
        return paint(view, width, height, self.look, self._key.removeprefix("service:"))
