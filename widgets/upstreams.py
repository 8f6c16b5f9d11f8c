"""The upstreams pane: what our services need, worst first, with the age of each observation."""

from __future__ import annotations

from console.domain.topology import Health
from console.state import UpstreamRow, UpstreamsView
from widgets.body import Body, Look, Row, absence, note
from widgets.ink import Line, cut_middle, pad, width_of, wrap
from widgets.numbers import age_text, number_text
from widgets.pane import ViewPane
from widgets.words import health_sign

OLD_S = 30.0
"""From this age on an observation's age is written as a warning."""


def paint(view: UpstreamsView, width: int, height: int, look: Look) -> Body:
    """One line per dependency, and a second with the details where there is room."""
    if not view.rows:
        return note(absence(view.status, view.empty_reason, "no dependency is known"), width, max(1, height))
    spare = height - len(view.rows)
    rows = []
    for place, row in enumerate(view.rows):
        # The worst stand first and are told first; one detail line for each is better than two for some.
        rest = sum(1 for other in view.rows[place + 1 :] if other.state.health is not Health.HEALTHY)
        details = max(0, min(2, spare - rest)) if spare - rest > 0 else min(1, max(0, spare))
        rows.append(_row(row, width, details))
        spare -= len(rows[-1].lines) - 1
    return Body((), tuple(rows))


def _row(row: UpstreamRow, width: int, details: int) -> Row:
    state = row.state
    sign = health_sign(state.health)
    age = Line.of((age_text(row.age_s) or "never", "warn" if row.age_s is None or row.age_s > OLD_S else "label"))
    numbers = _numbers(row)
    room = width - 10 - age.width - 1
    facts = numbers if width_of(numbers) + 2 + width_of(state.name) <= room else ""
    name_room = max(4, room - (width_of(facts) + 2 if facts else 0))
    left = Line.of(
        (pad(sign.text, 9), sign.style),
        " ",
        (cut_middle(state.name, name_room), "strong" if sign.style == "bad" else "text"),
    )
    if facts:
        left = left.fit(10 + name_room) + Line.of("  ", (facts, "bad" if state.health is Health.DOWN else "text"))
    lines = [left.beside(age, width)]
    said = _details(row, hidden=numbers if not facts else "")
    lines += (
        [Line.of(" " * 10, (text, "muted")) for text in wrap(said, max(1, width - 10), details)] if width > 14 else []
    )
    key = f"upstream:{state.name}"
    copy = f"{state.name}: {state.health}, {numbers or 'no numbers'}; {said}"
    return Row(tuple(line.cut(width) for line in lines), row, key, copy, _command(row))


def _numbers(row: UpstreamRow) -> str:
    parts = []
    if row.state.error_rate is not None:
        parts.append(f"fails {number_text(row.state.error_rate, 'ratio')}")
    if row.state.latency_p95_s is not None:
        parts.append(f"p95 {number_text(row.state.latency_p95_s, 's')}")
    return " · ".join(parts)


def _details(row: UpstreamRow, hidden: str) -> str:
    probe = row.probes[-1] if row.probes else None
    seen = f"probe {probe.detail}" if probe is not None and probe.detail not in row.state.detail else ""
    evidence = f"by {row.state.evidence}" if row.state.evidence and row.state.evidence != "none" else "no evidence"
    return " · ".join(part for part in (hidden, row.state.detail, seen, evidence) if part)


def _command(row: UpstreamRow) -> str:
    target = row.probes[-1].target if row.probes else ""
    return f"curl -sv --max-time 5 '{target}'" if target.startswith("http") and "'" not in target else ""


class UpstreamsPane(ViewPane[UpstreamsView]):
    """Pane 5. Enter gives an `UpstreamRow`."""

    number = 5
    title = "Upstreams"
    view = UpstreamsView()

    def paint_view(self, view: UpstreamsView, width: int, height: int) -> Body:
        """The rows."""
        return paint(view, width, height, self.look)
