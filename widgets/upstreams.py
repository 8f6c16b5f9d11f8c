"""The upstreams pane: what our services need, worst first, with the age of each observation."""

from __future__ import annotations

from console.domain.topology import Health
from console.state import UpstreamRow, UpstreamsView
from widgets.body import Body, Look, Row, absence, note
from widgets.columns import Column, heading, row_line, widths
from widgets.ink import Line, cut_middle, pad, width_of, wrap
from widgets.numbers import age_text, number_text
from widgets.pane import ViewPane
from widgets.words import health_sign

TABLE_FROM = 90
"""From this inner width on everything about a dependency fits on one line."""
OLD_S = 30.0
"""From this age on an observation's age is written as a warning."""


def paint(view: UpstreamsView, width: int, height: int, look: Look) -> Body:
    """One line per dependency, and a second with the details where there is room; on a wide pane a table."""
    if not view.rows:
        return note(absence(view.status, view.empty_reason, "no dependency is known"), width, max(1, height))
    if width >= TABLE_FROM:
        return _table(view, width)
    spare = height - len(view.rows)
    rows = []
    for place, row in enumerate(view.rows):
        # The worst stand first and are told first; one detail line for each is better than two for some.
        rest = sum(1 for other in view.rows[place + 1 :] if other.state.health is not Health.HEALTHY)
        details = max(0, min(2, spare - rest)) if spare - rest > 0 else min(1, max(0, spare))
        rows.append(_row(row, width, details))
        spare -= len(rows[-1].lines) - 1
    return Body((), tuple(rows))


def _table(view: UpstreamsView, width: int) -> Body:
    """Numbers stand in columns next to the name: over a wide stretch of blanks nobody reads a line right."""
    longest = max(width_of(row.state.name) for row in view.rows)
    table: list[Column[UpstreamRow]] = [
        Column("state", lambda row, _: _sign_cell(row), 9),
        Column("upstream", _name_cell, min(max(8, longest), 34)),
        Column("fails", lambda row, _: _number_cell(row, row.state.error_rate, "ratio"), 7, gap=2, align_right=True),
        Column("p95", lambda row, _: _number_cell(row, row.state.latency_p95_s, "s"), 6, gap=2, align_right=True),
        Column("what was seen", lambda row, size: Line.of((_details(row, ""), "muted")).cut(size), 20, gap=2, grow=1),
        Column("age", lambda row, _: _age(row), 5, align_right=True),
    ]
    sizes = widths(table, width)
    rows = [_selectable(row, (row_line(table, sizes, row),)) for row in view.rows]
    return Body((Row.plain(heading(table, sizes)),), tuple(rows))


def _sign_cell(row: UpstreamRow) -> Line:
    sign = health_sign(row.state.health)
    return Line.of((sign.text, sign.style))


def _name_cell(row: UpstreamRow, size: int) -> Line:
    bad = health_sign(row.state.health).style == "bad"
    return Line.of((cut_middle(row.state.name, size), "strong" if bad else "text"))


def _number_cell(row: UpstreamRow, value: float | None, unit: str) -> Line:
    style = "muted" if value is None else "bad" if row.state.health is Health.DOWN else "text"
    return Line.of((number_text(value, unit), style))


def _age(row: UpstreamRow) -> Line:
    return Line.of((age_text(row.age_s) or "never", "warn" if row.age_s is None or row.age_s >= OLD_S else "label"))


def _selectable(row: UpstreamRow, lines: tuple[Line, ...]) -> Row:
    state = row.state
    copy = f"{state.name}: {state.health}, {_numbers(row) or 'no numbers'}; {_details(row, '')}"
    return Row(lines, row, f"upstream:{state.name}", copy, _command(row))


def _row(row: UpstreamRow, width: int, details: int) -> Row:
    state = row.state
    sign = health_sign(state.health)
    age = _age(row)
    numbers = _numbers(row)
    room = width - 10 - age.width - 1
    facts = numbers if width_of(numbers) + 2 + width_of(state.name) <= room else ""
    name_room = max(4, room - (width_of(facts) + 2 if facts else 0))
    left = Line.of((pad(sign.text, 9), sign.style), " ") + _name_cell(row, name_room)
    if facts:
        left = left.fit(10 + name_room) + Line.of("  ", (facts, "bad" if state.health is Health.DOWN else "text"))
    lines = [left.beside(age, width)]
    said = _details(row, hidden=numbers if not facts else "")
    lines += (
        [Line.of(" " * 10, (text, "muted")) for text in wrap(said, max(1, width - 10), details)] if width > 14 else []
    )
    return _selectable(row, tuple(line.cut(width) for line in lines))


def _numbers(row: UpstreamRow) -> str:
    parts = []
    if row.state.error_rate is not None:
        parts.append(f"fails {number_text(row.state.error_rate, 'ratio')}")
    if row.state.latency_p95_s is not None:
        parts.append(f"p95 {number_text(row.state.latency_p95_s, 's')}")
    return " · ".join(parts)


def _details(row: UpstreamRow, hidden: str) -> str:
    probe = row.probes[-1] if row.probes else None
    other = probe is not None and row.state.evidence != "probe" and probe.detail not in row.state.detail
    seen = f"probe {probe.detail}" if probe is not None and other else ""
    evidence = f"by {row.state.evidence}" if row.state.evidence and row.state.evidence != "none" else "no evidence"
    return " · ".join(part for part in (hidden, row.state.detail, seen, evidence) if part)


def _command(row: UpstreamRow) -> str:
    target = row.probes[-1].target if row.probes else ""
    return f"curl -sv --max-time 5 '{target}'" if target.startswith("http") and "'" not in target else ""


class UpstreamsPane(ViewPane[UpstreamsView]):
    """Pane 5. Enter gives an `UpstreamRow`."""

    number = 5
    title = "Upstreams"
    about = (
        "What the services need, the worst first: state, share of failures, p95, and how old the observation is; by calls to it, "
        "its own metrics or a probe."
    )
    view = UpstreamsView()

    def paint_view(self, view: UpstreamsView, width: int, height: int) -> Body:
        """The rows."""
        return paint(view, width, height, self.look)
