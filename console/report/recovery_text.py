"""A recovery contract and the answer of a check as text."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from zoneinfo import ZoneInfo

from console.analysis.contract import TRAFFIC_HIGH, TRAFFIC_LOW, margin_of
from console.analysis.equivalence import requests_needed
from console.analysis.recovery_rules import LEAST_REQUESTS
from console.analysis.words import number
from console.domain.instant import clock_text, span_text
from console.domain.recovery import Contract, Judged, Recovery, Term, TermKind, Verdict

Style = Callable[[str, str], str]
WORDS = {
    Verdict.RECOVERED: "back",
    Verdict.NOT_RECOVERED: "NOT back",
    Verdict.INCONCLUSIVE: "not known yet",
    Verdict.NO_DATA: "no data",
}
"""Verdicts of one signal in words."""
TITLES = {
    Verdict.RECOVERED: "RECOVERED",
    Verdict.NOT_RECOVERED: "NOT RECOVERED",
    Verdict.INCONCLUSIVE: "INCONCLUSIVE",
    Verdict.NO_DATA: "NO DATA",
}
COLOURS = {
    Verdict.RECOVERED: "green",
    Verdict.NOT_RECOVERED: "red",
    Verdict.INCONCLUSIVE: "yellow",
    Verdict.NO_DATA: "magenta",
}


_COUNTED = {
    TermKind.ERRORS: "requests",
    TermKind.TRAFFIC: "requests",
    TermKind.BURN: "requests",
    TermKind.REPRODUCTION: "checks",
}


def word_of(one: Judged) -> str:
    """The verdict of one signal; of one that must only not be worse, not knowing is no obstacle."""
    unknown = one.verdict in (Verdict.INCONCLUSIVE, Verdict.NO_DATA)
    return "unclear" if unknown and not one.term.critical else WORDS[one.verdict]


def plain_text(recovery: Recovery, zone: ZoneInfo) -> str:
    """The answer as sentences, one a line."""
    lines = [f"{TITLES[recovery.verdict].capitalize()}: {recovery.reason}"]
    for one in recovery.signals:
        lines.append(f"{one.term.name}: {_sentence(one)}.")
    lines += _footer(recovery, zone)
    return "\n".join(lines) + "\n"


def _sentence(one: Judged) -> str:
    parts = [word_of(one)]
    if one.observed is not None:
        parts.append(f"observed {number(one.observed, one.term.unit)}")
    if one.baseline is not None:
        parts.append(f"expected {number(one.baseline, one.term.unit)}")
    if one.margin is not None:
        parts.append(f"margin {margin_words(one)}")
    parts += [*samples_words(one), *([str(one.note)] if one.note else [])]
    return ", ".join(parts)


def margin_words(one: Judged) -> str:
    """How much worse it may be: `+ 0.2 %`, and for traffic both ways."""
    if one.margin is None:
        return "–"
    if one.term.kind is TermKind.TRAFFIC and one.baseline:
        low, high = TRAFFIC_LOW * one.baseline, TRAFFIC_HIGH * one.baseline
        return f"{number(low, '1/s')} to {number(high, '1/s')}"
    return f"+ {number(one.margin, one.term.unit)}"


def samples_words(one: Judged) -> list[str]:
    """How many samples there are, how many it takes, and how long that is; nothing where it is not counted."""
    if one.samples is None:
        return []
    noun = _COUNTED.get(one.term.kind, "values")
    found = f"{one.samples:,}"
    if one.needed is not None and one.needed > one.samples:
        found += f" of {one.needed:,}"
    wait = [f"about {span_text(one.wait_s)} more"] if one.wait_s else []
    return [f"{found} {noun}", *wait]


def human_text(recovery: Recovery, zone: ZoneInfo, style: Style | None = None) -> str:
    """The verdict, why, and a table of all signals."""
    paint = style or (lambda text, name: text)
    lines = [f"{paint(TITLES[recovery.verdict], COLOURS[recovery.verdict])}  {recovery.reason}", ""]
    rows = [_row(one) for one in recovery.signals]
    if rows:
        table = [("SIGNAL", "VERDICT", "OBSERVED", "EXPECTED", "MARGIN", "SAMPLES", "NOTE"), *rows]
        widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
        for place, row in enumerate(table):
            cells = [text.ljust(width) for text, width in zip(row, widths, strict=True)]
            if place:
                cells[1] = paint(cells[1], COLOURS[recovery.signals[place - 1].verdict])
            lines.append("  ".join(cells).rstrip())
        lines.append("")
    return "\n".join([*lines, *_footer(recovery, zone)]) + "\n"


def _row(one: Judged) -> tuple[str, ...]:
    unit = one.term.unit
    return (
        one.term.name + ("" if one.term.critical else " *"),
        word_of(one),
        number(one.observed, unit) if one.observed is not None else "–",
        number(one.baseline, unit) if one.baseline is not None else "–",
        margin_words(one),
        ", ".join(samples_words(one)) or "–",
        one.note,
    )


def _footer(recovery: Recovery, zone: ZoneInfo) -> Iterator[str]:
    if any(not one.term.critical for one in recovery.signals):
        yield "* must not be worse; all others must be shown to be back."
    if recovery.fix is not None:
        yield f"Judged since {recovery.fix.what}, {clock_text(recovery.fix.at, zone)}."
    if recovery.window is not None:
        start, end = (clock_text(at, zone, seconds=False) for at in (recovery.window.start, recovery.window.end))
        yield f"Stretch {start} to {end}, {recovery.passes} of {recovery.passes_needed} evaluations in a row hold."
    for one in recovery.baseline:
        yield f"Compared with {clock_text(one.window.start, zone, now=recovery.at, seconds=False)} to {clock_text(one.window.end, zone, seconds=False)}: {one.why}."
    if recovery.contract_at is not None and not recovery.written:
        yield f"No contract was written: this one is made from what was known at {clock_text(recovery.contract_at, zone)}."


def contract_text(contract: Contract, zone: ZoneInfo) -> str:
    """What must be back, in words."""
    start, end = (clock_text(at, zone, seconds=False) for at in (contract.baseline.start, contract.baseline.end))
    lines = [
        f"{contract.summary}",
        "",
        f"Recovered means, for {span_text(contract.hold_s)} in three evaluations, compared with {start} to {end}:",
    ]
    lines += [f"  {promise(term)}" for term in contract.terms]
    if contract.cause is not None:
        lines.append(f"Held responsible: {contract.cause.kind.replace('_', ' ')} {contract.cause.subject}.")
    return "\n".join(lines) + "\n"


def promise(term: Term) -> str:
    """What a signal of a contract must show, in words."""
    how = "must be back" if term.critical else "must not be worse"
    match term.kind:
        case TermKind.VERSION:
            return f"{term.name}: the fix runs everywhere, and nothing restarts"
        case TermKind.SIGNATURES:
            return f"{term.name}: none of the incident's own, and no new ones"
        case TermKind.BURN:
            return f"{term.name} {how}: below 1, where {number(term.budget, 'ratio')} of the requests may fail"
        case TermKind.REPRODUCTION:
            return f"{term.name}: what failed on demand passes once the fix is deployed"
        case TermKind.TRAFFIC if term.baseline is not None:
            low, high = TRAFFIC_LOW * term.baseline, TRAFFIC_HIGH * term.baseline
            return f"{term.name} {how}: {number(low, '1/s')} to {number(high, '1/s')}"
    if term.baseline is None:
        return f"{term.name} {how}"
    margin = margin_of(term, term.baseline)
    said = f"{term.name} {how}: at most {number(term.baseline, term.unit)} + {number(margin, term.unit)}"
    if term.kind is TermKind.ERRORS:
        needed = requests_needed(term.baseline, margin, term.requests)
        if needed is None:
            return f"{said}; {term.requests:,.0f} requests before are too few to ever show that: widen it with --error-margin"
        return f"{said}; showing that takes about {max(LEAST_REQUESTS, needed):,} requests"
    return f"{said}, and it must not rise" if term.kind is TermKind.BACKLOG else said
