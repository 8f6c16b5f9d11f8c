"""Whether the incident is over: the verdict with what is missing, and every signal beside what was written down before the fix."""

from __future__ import annotations

from collections.abc import Sequence

from console.domain.diagnosis import Evidence
from console.domain.instant import clock_text, span_text
from console.domain.recovery import Contract, Judged, Recovery, Term, TermKind, Verdict
from console.domain.series import SeriesKey
from console.domain.text import SafeText
from console.state import RecoveryView
from widgets.body import Body, Look, Row
from widgets.body import note as only_note
from widgets.columns import Column, chosen, heading, row_line, widths
from widgets.ink import Line, cut_middle, wrap
from widgets.numbers import UNKNOWN, number_text
from widgets.words import Sign

TALL = 28
"""From this height on there is room for every sentence; below, the table comes first."""
INDENT = "  "
DRAWN = {TermKind.ERRORS: "error_rate", TermKind.BURN: "error_rate", TermKind.TRAFFIC: "request_rate"}
"""The series that is drawn of what is judged as totals."""
NO_CONTRACT = "K writes this down, before anything is mended"
_RECOVERY = {
    Verdict.RECOVERED: Sign("●", "RECOVERED", "ok"),
    Verdict.NOT_RECOVERED: Sign("✖", "NOT RECOVERED", "bad"),
    Verdict.INCONCLUSIVE: Sign("?", "INCONCLUSIVE", "unknown"),
    Verdict.NO_DATA: Sign("?", "NO DATA", "unknown"),
}
_BACK = {
    Verdict.RECOVERED: Sign("●", "back", "ok"),
    Verdict.NOT_RECOVERED: Sign("✖", "not back", "bad"),
    Verdict.INCONCLUSIVE: Sign("?", "not yet", "unknown"),
    Verdict.NO_DATA: Sign("?", "no data", "unknown"),
}


def paint(view: RecoveryView, width: int, height: int, look: Look) -> Body:
    """The verdict and the table; without a contract the one that would be written."""
    if view.contract is None:
        return only_note(view.says or "asking what recovered means", width)
    if view.recovery is None:
        return _draft(view.contract, width, look)
    return _judged(view, view.contract, view.recovery, width, height >= TALL, look)


def _judged(view: RecoveryView, contract: Contract, recovery: Recovery, width: int, tall: bool, look: Look) -> Body:
    sign = recovery_sign(recovery.verdict)
    head = [Line.of((sign.text, sign.style)).cut(width)]
    head += [Line.of((part, "strong")) for part in wrap(recovery.reason, width, 4 if tall else 2)]
    if view.says:
        head += [Line.of((part, "warn")) for part in wrap(f"{view.says}: K writes a new one.", width, 2)]
    head += [Line.of((part, "label")) for part in wrap(_times(contract, recovery, look), width, 3 if tall else 1)]
    columns = chosen(_COLUMNS, width)
    sizes = widths(columns, width)
    heads = (Row.plain(*head, *([Line()] if tall else [])), Row.plain(heading(columns, sizes)))
    common = {one.note for one in recovery.signals}
    said = len(common) > 1  # what holds of all is in the reason
    rows = tuple(
        _row(one, columns, sizes, width, one.note if said else "", 2 if tall else 1) for one in recovery.signals
    )
    return Body(heads, rows, _foot(recovery, width, look) if tall else ())


def _times(contract: Contract, recovery: Recovery, look: Look) -> str:
    """How long until there can be a verdict, passes, stretch, fix, contract: what matters most first, where not all fits."""
    parts = [f"about {span_text(recovery.wait_s)} more"] if recovery.wait_s is not None else []
    parts.append(f"holds in {recovery.passes} of {recovery.passes_needed} evaluations in a row")
    if recovery.window is not None:
        start, end = (clock_text(at, look.zone, seconds=False) for at in (recovery.window.start, recovery.window.end))
        parts.append(f"judged {start} to {end}")
    if recovery.fix is not None:
        parts.append(f"fix {clock_text(recovery.fix.at, look.zone, now=look.now)}: {recovery.fix.what}")
    else:
        parts.append("no change since is known")
    parts.append(f"contract {clock_text(contract.at, look.zone, now=look.now, seconds=False)}")
    return " · ".join(parts)


def _foot(recovery: Recovery, width: int, look: Look) -> tuple[Row, ...]:
    lines = []
    if any(not one.term.critical for one in recovery.signals):
        lines.append(Line.of(("* must not be worse; all others must be shown to be back", "muted")))
    for one in recovery.baseline[:1]:
        start, end = (
            clock_text(at, look.zone, now=look.now, seconds=False) for at in (one.window.start, one.window.end)
        )
        more = f", and {len(recovery.baseline) - 1} earlier weeks" if len(recovery.baseline) > 1 else ""
        lines.append(Line.of((f"expected: {start} to {end}, {one.why}{more}", "muted")))
    return (Row.plain(*(line.cut(width) for line in lines)),) if lines else ()


def _row(one: Judged, columns: Sequence[Column[Judged]], sizes: Sequence[int], width: int, note: str, most: int) -> Row:
    lines = [row_line(columns, sizes, one)]
    room = max(1, width - len(INDENT))
    lines += [Line.of(INDENT, (part, "muted")).cut(width) for part in wrap(note, room, most)]
    return Row(tuple(lines), _series(one.term), f"signal:{one.term.name}", _copied(one))


def _series(term: Term) -> Evidence | Term:
    """What Enter opens: its series; of what has none there is nothing more to show."""
    if term.kind in (TermKind.VERSION, TermKind.SIGNATURES, TermKind.REPRODUCTION):
        return term
    key = SeriesKey(term.service, term.operation or "", DRAWN.get(term.kind, term.signal))
    return Evidence(SafeText(term.name), "fact", True, "", series=key)


def _copied(one: Judged) -> str:
    unit = one.term.unit
    values = (
        f"observed {number_text(one.observed, unit)}, expected {number_text(one.baseline, unit)}, margin {_margin(one)}"
    )
    return f"{one.term.name}: {back_sign(one.verdict, one.term.critical).word}, {values}{f', {one.note}' if one.note else ''}"


def _margin(one: Judged) -> str:
    if one.margin is None:
        return UNKNOWN
    sign = "±" if one.term.kind is TermKind.TRAFFIC else "+"
    return f"{sign}{number_text(one.margin, one.term.unit)}"


def _samples(one: Judged) -> str:
    if one.samples is None:
        return UNKNOWN
    found = f"{one.samples:,}"
    return f"{found}/{one.needed:,}" if one.needed is not None and one.needed > one.samples else found


def _name(term: Term, width: int) -> Line:
    mark = "" if term.critical else " *"
    return Line.of((cut_middle(term.name, width - len(mark)), "text"), (mark, "muted"))


def _sign(one: Judged) -> Line:
    sign = back_sign(one.verdict, one.term.critical)
    return Line.of((sign.text, sign.style))


_COLUMNS: tuple[Column[Judged], ...] = (
    Column("SIGNAL", lambda one, width: _name(one.term, width), 16, grow=1, most=60),
    Column("EXPECTED", lambda one, _: Line.of(number_text(one.baseline, one.term.unit)), 8, align_right=True),
    Column(
        "OBSERVED", lambda one, _: Line.of((number_text(one.observed, one.term.unit), "strong")), 8, align_right=True
    ),
    Column("MARGIN", lambda one, _: Line.of(_margin(one)), 8, drop=2, align_right=True),
    Column("SAMPLES", lambda one, _: Line.of(_samples(one)), 15, drop=1, align_right=True),
    Column("VERDICT", lambda one, _: _sign(one), 10, gap=2),
    Column(
        "MORE",
        lambda one, _: Line.of((f"~{span_text(one.wait_s)}" if one.wait_s else "", "warn")),
        5,
        drop=3,
    ),
)


def _draft(contract: Contract, width: int, look: Look) -> Body:
    columns = chosen(_TERMS, width)
    sizes = widths(columns, width)
    start, end = (
        clock_text(at, look.zone, now=look.now, seconds=False)
        for at in (contract.baseline.start, contract.baseline.end)
    )
    says = f"No contract is written yet. {NO_CONTRACT}: what must be back for {span_text(contract.hold_s)}, compared with {start} to {end}."
    head = Row.plain(*(Line.of((part, "strong")) for part in wrap(says, width, 4)), Line())
    rows = tuple(Row((row_line(columns, sizes, term),), _series(term), f"term:{term.name}") for term in contract.terms)
    return Body((head, Row.plain(heading(columns, sizes))), rows)


_WANTED = {TermKind.VERSION: "the fix", TermKind.SIGNATURES: "no new ones", TermKind.REPRODUCTION: "passes"}


def _allowed(term: Term) -> str:
    if term.baseline is None:
        return _WANTED.get(term.kind, UNKNOWN)
    margin = max(term.absolute, term.relative * abs(term.baseline))
    sign = "±" if term.kind is TermKind.TRAFFIC else "+"
    return f"{sign}{number_text(margin, term.unit)}"


_TERMS: tuple[Column[Term], ...] = (
    Column("SIGNAL", _name, 16, grow=1, most=60),
    Column("BEFORE", lambda term, _: Line.of(number_text(term.baseline, term.unit)), 8, align_right=True),
    Column("NOW", lambda term, _: Line.of((number_text(term.failing, term.unit), "strong")), 8, align_right=True),
    Column("MARGIN", lambda term, _: Line.of(_allowed(term)), 11, align_right=True),
    Column(
        "AFTERWARDS",
        lambda term, _: Line.of(("must be back" if term.critical else "must not be worse", "muted")),
        17,
        drop=1,
        gap=2,
    ),
)


def recovery_sign(verdict: Verdict) -> Sign:
    """Of a whole recovery."""
    return _RECOVERY[verdict]


def back_sign(verdict: Verdict, critical: bool = True) -> Sign:
    """Of one signal of a recovery; of one that must only not be worse, not knowing is no obstacle."""
    unknown = verdict in (Verdict.INCONCLUSIVE, Verdict.NO_DATA)
    return Sign("·", "unclear", "muted") if unknown and not critical else _BACK[verdict]
