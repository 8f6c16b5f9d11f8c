"""Painters of a case: what it is about, its hypotheses, its evidence, its timeline; and one thing of it in full."""

from __future__ import annotations

from collections.abc import Sequence

from console.case.events import Event
from console.case.model import Case, EvidenceItem, Hypothesis, HypothesisState, Outcome, Prediction
from console.case.view import CaseView
from console.domain.instant import clock_text, rfc3339, span_text
from widgets.body import Body, Look, Row, note
from widgets.details import facts, title
from widgets.ink import Line, wrap

STATE_STYLES = {
    HypothesisState.CONFIRMED: "ok",
    HypothesisState.SUPPORTED: "accent",
    HypothesisState.REFUTED: "bad",
    HypothesisState.OPEN: "strong",
}
OUTCOME_STYLES = {Outcome.HOLDS: "ok", Outcome.FAILS: "bad", Outcome.INCONCLUSIVE: "warn", Outcome.UNKNOWN: "muted"}
EMPTY_CASE = "no case is open. Enter takes up one of these; I opens a new one, with a snapshot of the diagnosis in it"


def summary(view: CaseView, width: int, height: int, look: Look) -> Body:
    """State, severity, roles, impact, recovery; what is not saved and what is overdue above everything else."""
    case = view.case
    if case is None:
        return _choice(view, width, look)
    rows = [_said(f"NOT SAVED: {text}", "bad", width) for text in view.unsaved]
    rows += [_said(f"because {view.why_unsaved}; it is tried again and again", "bad", width)] if view.unsaved else []
    rows += [_said(f"the record cannot be read: {view.problem}", "bad", width)] if view.problem else []
    rows += [_said(f"! {text}", "warn", width) for text in view.warnings]
    rows += [
        Row.plain(Line.of((line, "text" if place else "title")).cut(width)) for place, line in enumerate(view.since)
    ]
    recovery = case.recovery
    rows += facts(
        [
            ("case", case.id, "muted"),
            ("title", case.title, "strong"),
            ("state", str(case.state), "accent"),
            ("severity", case.severity or "not set", "text" if case.severity else "warn"),
            ("suggested", view.suggested, "warn"),
            ("roles", ", ".join(f"{role} {person}" for role, person in sorted(case.roles.items())) or "nobody", "text" if case.roles else "muted"),
            ("impact", str(case.impact.get("statement") or case.impact.get("measured") or ""), "text"),
            ("recovery", str(recovery.data.get("verdict")) if recovery is not None else "no verdict", "ok" if case.recovered else "text"),
            ("next test", view.next_test, "text"),
            ("overrides", "; ".join(f"{one.rule}: {one.reason}" for one in case.overrides), "warn"),
            ("written by", f"{', '.join(case.authors)}; {len(case.events)} entries", "muted"),
        ],
        width,
    )  # fmt: skip
    return Body((), tuple(rows))


def _choice(view: CaseView, width: int, look: Look) -> Body:
    rows = [Row.plain(*(Line.of((part, "muted")) for part in wrap(EMPTY_CASE, width, 3)))] if view.others else []
    for case in view.others:
        age = span_text(look.now - case.opened_at) if look.now else ""
        told = Line.of(
            (case.severity or "– ", "warn"),
            " ",
            (f"{case.state} ", "accent"),
            case.title,
            (f" {age} ago {case.id}", "muted"),
        )
        rows.append(Row((told.cut(width),), case, f"case:{case.id}", case.id))
    if not rows:
        return note("no case yet: I opens one, with a snapshot of the diagnosis in it", width)
    return Body((), tuple(rows))


def _said(text: str, style: str, width: int) -> Row:
    return Row.plain(*(Line.of((part, style)) for part in wrap(text, width, 4)))


def hypotheses(view: CaseView, width: int, height: int, look: Look) -> Body:
    """Each with its state and predictions."""
    case = view.case
    if case is None or not case.hypotheses:
        return note("no hypothesis yet: h writes one down, with what would refute it", width)
    rows: list[Row] = []
    for one in case.hypotheses:
        head = Line.of(
            (f"{one.name} ", "label"), (f"{one.standing} ", STATE_STYLES.get(one.state, "muted")), one.statement
        )
        lines = [head.cut(width)]
        lines += [_prediction(p, look).cut(width) for p in one.predictions]
        rows.append(Row(tuple(lines), one, f"hypothesis:{one.name}", f"{one.name}: {one.statement}"))
    return Body((), tuple(rows))


def _prediction(one: Prediction, look: Look) -> Line:
    stale = one.stale(look.now) if look.now else False
    word, style = (f"stale ({one.outcome})", "warn") if stale else (str(one.outcome), OUTCOME_STYLES[one.outcome])
    end = one.last.as_at if one.last is not None else None
    as_at = f"as at the mitigation, {clock_text(end, look.zone, now=look.now or end)}: " if end is not None else ""
    if _waits(one):
        word, style = "unknown, s answers", "warn"
    weak = f" ({one.weak})" if one.weak else ""
    return Line.of((f"   {one.name} ", "label"), (f"{word} ", style), (as_at, "muted"), one.text, (weak, "warn"))


def _waits(one: Prediction) -> bool:
    """Whether a person has to look."""
    return one.manual and one.outcome is Outcome.UNKNOWN


def evidence(view: CaseView, width: int, height: int, look: Look) -> Body:
    """One line for each, the newest first."""
    case = view.case
    if case is None or not case.evidence:
        return note("no evidence yet: m on a line, suspect, change or signal of any pane keeps it here", width)
    rows = []
    for one in reversed(case.evidence):
        told = Line.of(
            (f"{one.name} ", "label"), (f"{one.kind} ", "muted"), (one.claim, "text" if one.supports else "warn")
        )
        rows.append(Row((told.cut(width),), one, f"evidence:{one.name}", one.claim, one.query))
    return Body((), tuple(rows))


def timeline(view: CaseView, width: int, height: int, look: Look) -> Body:
    """By when things happened, the newest first; what was written down later says so."""
    case = view.case
    if case is None:
        return note("the timeline of a case: a writes into it", width)
    rows = []
    names = {one.entry or one.event.id: one.name for one in case.evidence if one.event.id not in case.corrected}
    for event in reversed(case.timeline()):
        at = clock_text(event.occurred_at, look.zone, now=look.now or event.occurred_at)
        style = {"override": "warn", "state": "accent", "note": "text"}.get(event.kind, "text")
        late = f" (written {clock_text(event.recorded_at, look.zone, now=event.occurred_at)})" if event.late else ""
        told = Line.of(
            (f"{at} ", "label"), (f"{event.author} ", "muted"), (f"{name} " if (name := names.get(event.id)) else "", "accent"),
            (event.text.split("\n", 1)[0], style), (late, "muted"),
        )  # fmt: skip
        rows.append(Row((told.cut(width),), event, f"event:{event.id}", event.text))
    return Body((), tuple(rows))


def item(one: EvidenceItem, width: int, height: int, look: Look) -> Body:
    """One piece of evidence, with all that is needed to see it again."""
    window = f"{rfc3339(one.window.start)} to {rfc3339(one.window.end)}" if one.window is not None else ""
    rows = facts(
        [
            ("name", one.name, "strong"),
            ("claim", one.claim, "text" if one.supports else "warn"),
            ("kind", f"{one.kind}, {'a fact' if one.fact else 'an inference'}", "text"),
            ("source", one.source, "accent"),
            ("query", one.query, "text"),
            ("stretch", window, "text"),
            ("samples", str(one.samples) if one.samples is not None else "", "text"),
            ("completeness", one.completeness, "text" if one.completeness == "COMPLETE" else "warn"),
            ("captured", f"{rfc3339(one.event.recorded_at)} by {one.event.author}", "muted"),
            ("sha-256", one.digest, "muted"),
        ],
        width,
    )
    if one.excerpt:
        rows.append(title("Excerpt"))
        rows += [Row.plain(Line.of(line).cut(width)) for line in one.excerpt.split("\n")]
    return Body((), tuple(rows))


def hypothesis(one: Hypothesis, case: Case, width: int, height: int, look: Look) -> Body:
    """One hypothesis: mechanism, predictions with their results, evidence."""
    rows = facts(
        [
            ("name", one.name, "strong"),
            ("state", one.standing, STATE_STYLES.get(one.state, "muted")),
            ("statement", one.statement, "text"),
            ("because", one.mechanism, "text"),
            ("why so", one.reason, "text"),
            ("prior", one.prior, "text"),
            ("rivals", ", ".join(one.rivals), "text"),
            ("refines", one.parent or "", "text"),
            ("refined by", ", ".join(h.name for h in case.hypotheses if h.parent == one.name), "text"),
        ],
        width,
    )
    for p in one.predictions:
        rows.append(title(f"{one.name}.{p.name} {'must hold' if p.must_hold else 'may hold'}"))
        waits = "for a person: s answers it" if _waits(p) else ""
        rows += facts(
            [("predicts", p.text, "text"), ("refuted by", p.refutes, "text"), ("waits", waits, "warn")], width
        )
        for result in reversed(p.results[-5:]):
            told = Line.of(
                (f"{clock_text(result.at, look.zone, now=look.now or result.at)} ", "label"),
                (f"{result.outcome} ", OUTCOME_STYLES[result.outcome]),
                result.says,
            )
            rows.append(Row.plain(told.cut(width)))
    rows += _named(case, (*one.interventions, *(name for name in one.evidence if name not in one.interventions)), width)
    return Body((), tuple(rows))


def _named(case: Case, names: Sequence[str], width: int) -> list[Row]:
    found = [one for name in names if (one := case.item(name)) is not None]
    if not found:
        return []
    return [
        title("Evidence"),
        *(
            Row(
                (Line.of((f"{one.name} ", "label"), one.claim).cut(width),),
                one,
                f"evidence:{one.name}",
                one.claim,
                one.query,
            )
            for one in found
        ),
    ]


def entry(event: Event, width: int, height: int, look: Look) -> Body:
    """One entry in full."""
    rows = facts(
        [
            ("happened", rfc3339(event.occurred_at), "text"),
            ("written", rfc3339(event.recorded_at), "warn" if event.late else "muted"),
            ("by", event.author, "accent"),
            ("kind", event.kind, "text"),
            ("rests on", ", ".join(event.evidence), "text"),
            ("certainty", event.certainty if event.certainty != "confirmed" else "", "warn"),
            ("id", event.id, "muted"),
        ],
        width,
    )
    rows.append(Row.plain(Line()))
    told = event.text.split("\n")
    rows += [Row.plain(*(Line.of(part) for part in wrap(line, width, 40))) for line in told]
    brief = event.data.get("brief") if event.kind == "handoff" else None
    if isinstance(brief, str) and brief:
        rows.append(title("What whoever takes over must know"))
        rows += [Row.plain(*(Line.of(part) for part in wrap(line, width, 8))) for line in brief.split("\n")]
    return Body((), tuple(rows))
