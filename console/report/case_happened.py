"""Of the report of a case: what happened, why, and what it did."""

from __future__ import annotations

from collections.abc import Iterable

from console.case.brief import first_line
from console.case.events import Event
from console.case.fold import instant, text_of
from console.case.model import EvidenceItem, Hypothesis, HypothesisState
from console.domain.instant import Instant, clock_text, span_text
from console.report.case_facts import Facts, missing, objects, parts, utc
from console.report.case_json import durations
from console.report.case_text import NAMES
from console.report.document import Block, Chart, Mark, Paragraph, Points, Sentence, Table

H = HypothesisState
BEFORE_S = 3600.0
"""The timeline begins with changes and events so long before the impact."""
MOST_MARKS = 8
_DETECTION = {"alert": "an alert", "user": "a user", "support": "the support team", "other": "other means"}


def summary(facts: Facts) -> Iterable[Block]:
    """What it is, since when, for how long, and who did what."""
    case = facts.case
    services = f" of {', '.join(case.services)}" if case.services else ""
    opened = [e.id for e in case.events if e.kind == "opened"][:1]
    severity = facts.newest("severity") or tuple(opened)
    first = Sentence(
        f"{case.title}: an incident{services}, severity {case.severity or 'not set'}, state {case.state}.",
        (*severity, *facts.newest("state")),
    )
    began, ended = case.times.get("impact_started_at"), case.times.get("resolved_at")
    if began is not None and ended is not None and ended >= began:
        refs = (*facts.of_onset(), *facts.of_state("resolved"))
        second = Sentence(
            f"It began at {utc(began)} and was resolved at {utc(ended)}, after {span_text(ended - began)}.", refs
        )
    elif began is not None:
        second = Sentence(f"It began at {utc(began)} and is not resolved.", facts.of_onset())
    else:
        second = missing("when the impact began.")
    yield Paragraph((first, second, *([Sentence(case.summary, tuple(opened), "words")] if case.summary else [])))
    yield Points(tuple(_durations(facts)))
    roles = [Sentence(f"{role}: {person}.", facts.of_role(role)) for role, person in sorted(case.roles.items())]
    yield Points(tuple(roles) or (missing("who was incident commander."),))


def _durations(facts: Facts) -> Iterable[Sentence]:
    refs = {
        "ttd_s": facts.first("opened"), "tta_s": facts.of_role("ic"), "tti_s": facts.of_state("identified"),
        "ttm_s": facts.of_state("monitoring"), "ttr_resolve_s": facts.of_state("resolved"),
    }  # fmt: skip
    for name, value in durations(facts.case).items():
        start = "it was detected" if name in ("tta_s", "tti_s") else "the impact began"
        if value is None:
            yield missing(f"{NAMES[name].removesuffix(' after')}: a moment is not known.")
        else:
            yield Sentence(f"It was {NAMES[name]} {span_text(value)} from when {start}.", refs[name])


def root_cause(facts: Facts) -> Iterable[Block]:
    """The confirmed or supported hypotheses, else what the diagnosis suspects."""
    for wanted, said in (
        (H.CONFIRMED, "The cause is confirmed"),
        (H.SUPPORTED, "The suspected cause, supported and not confirmed"),
    ):
        found = [one for one in facts.case.hypotheses if one.state is wanted]
        for one in found:
            yield Paragraph(tuple(_cause(facts, one, said)))
            yield Points(tuple(_claims(facts, one)))
        if found:
            yield from _suspicion(facts)
            return
    suspicion = tuple(_suspicion(facts))
    if suspicion:
        yield Paragraph(
            (missing("no hypothesis is confirmed or supported; what follows is the diagnosis' suspicion."),)
        )
        yield from suspicion
        return
    yield Paragraph((missing("the root cause: no hypothesis is supported, and no snapshot has a leading suspect."),))


def _suspicion(facts: Facts) -> Iterable[Block]:
    """The first suspect of the snapshot, where it leads, with the claims for and against it."""
    leading = [s for s in objects(facts.diagnosis, "suspects") if s.get("standing") == "leading"][:1]
    if leading and facts.snapshot is not None:
        suspect = leading[0]
        refs = (facts.snapshot.id,)
        yield Paragraph((
            Sentence(f"Leading suspect: {suspect.get('kind')} {suspect.get('subject')}: {suspect.get('summary')}", refs, "inference"),
        ))  # fmt: skip
        yield Points(tuple(
            Sentence(
                f"{'For it' if e.get('supports') else 'Against it'}: {e.get('claim')}", _claim_refs(facts, str(e.get("claim"))) or refs,
                "fact" if e.get("kind") == "fact" else "inference",
            )
            for e in objects(suspect, "evidence")
        ))  # fmt: skip


def _claim_refs(facts: Facts, claim: str) -> tuple[str, ...]:
    return tuple(one.name for one in facts.case.evidence if one.claim == claim)[:1]


def _cause(facts: Facts, one: Hypothesis, said: str) -> Iterable[Sentence]:
    refs = facts.known((*one.interventions, *one.evidence)) or (one.event.id,)
    because = f", {one.mechanism}" if one.mechanism else ""
    yield Sentence(f"{said}: {one.statement}{because}.", refs, "fact" if one.state is H.CONFIRMED else "inference")
    if one.state is H.CONFIRMED and one.reason:
        yield Sentence(f"Confirmed by intervention: {one.reason}.", facts.known(one.interventions) or (one.event.id,))


def _claims(facts: Facts, one: Hypothesis) -> Iterable[Sentence]:
    for name in facts.known(dict.fromkeys((*one.interventions, *one.evidence))):
        item = facts.case.item(name)
        if item is not None:
            yield _claim(item)
    for prediction in one.predictions:
        if prediction.last is not None:
            yield Sentence(
                f"Predicted {prediction.text}: {prediction.outcome} at {utc(prediction.last.at)}.",
                (prediction.last.event_id,),
            )


def impact(facts: Facts) -> Iterable[Block]:
    """What it did to users, in numbers and as charts."""
    case = facts.case
    said = [e for e in case.events if e.kind == "impact"]
    words = {
        "users_pct": "Share of users affected: {} %.", "journeys": "Core journeys: {}.", "regions": "Regions: {}.",
        "data_risk": "Data at risk: {}.", "workaround": "Workaround: {}.", "lingering": "Effects that stay in the data: {}.",
    }  # fmt: skip
    statement = text_of(case.impact.get("statement"))
    first = (
        Sentence(statement if statement.endswith(".") else f"{statement}.", _impact_refs(said, "statement"))
        if statement
        else missing("an impact statement.")
    )
    told = [
        Sentence(form.format(case.impact[name]), _impact_refs(said, name))
        for name, form in words.items()
        if case.impact.get(name) not in (None, "")
    ]
    yield Paragraph((first,))
    measured = [one for one in case.evidence if one.kind == "metric"]
    how = [
        Sentence(
            f"{one.claim} (measured by {one.source or 'the console'}{f', {one.samples} samples' if one.samples else ''}).",
            (one.name,),
        )
        for one in measured
    ]
    yield Points((*told, *how) if told or how else (missing("the impact in numbers, and how it was measured."),))
    yield from (chart for one in measured if (chart := _chart(facts, one)) is not None)


def _chart(facts: Facts, one: EvidenceItem) -> Chart | None:
    known = [value for _, value in one.points if value is not None]
    if len(known) < 2:
        return None
    start, end = one.points[0][0], one.points[-1][0]
    marks = [mark for mark in _marks(facts) if start <= mark.at <= end][:MOST_MARKS]
    return Chart(one.claim, one.unit, one.points, tuple(marks), one.name)


def _marks(facts: Facts) -> list[Mark]:
    times = facts.case.times
    found = [
        Mark(at, label)
        for name, label in (
            ("impact_started_at", "onset"),
            ("mitigated_at", "mitigated"),
            ("resolved_at", "resolved"),
        )
        if (at := times.get(name)) is not None
    ]
    found += [
        Mark(at, text_of(c.get("id")))
        for c in objects(facts.diagnosis, "changes")
        if (at := instant(c.get("at"))) is not None
    ]
    found += [Mark(e.occurred_at, first_line(e.text, 24)) for e in facts.case.mitigations]
    return sorted(found, key=lambda mark: mark.at)


def detection(facts: Facts) -> Iterable[Block]:
    """How it came to be known."""
    case = facts.case
    opened = facts.first("opened")
    at = case.times.get("detected_at")
    found = (
        [Sentence(f"It was detected by {_DETECTION.get(case.detection, case.detection)} at {utc(at)}.", opened)]
        if at is not None
        else []
    )
    told = [Sentence(e.text, (e.id,), "words") for e in parts(case, "detection")]
    yield Paragraph((*found, *told, *([] if told else [missing("why it was not detected sooner.")])))


def timeline(facts: Facts) -> Iterable[Block]:
    """What happened when, from before the trigger."""
    rows: list[tuple[Instant, tuple[str, ...], Sentence]] = []
    began = facts.case.times.get("impact_started_at")
    left = 0
    for change in objects(facts.diagnosis, "changes"):
        at = instant(change.get("at"))
        if at is None:
            continue
        if change.get("standing") in ("unlikely", "impossible") and not (
            began and began - BEFORE_S <= at <= began + BEFORE_S
        ):
            left += 1
            continue
        what = " ".join(
            str(part) for part in (change.get("kind"), change.get("id"), "of", change.get("service")) if part
        )
        standing, reason = str(change.get("standing")), str(change.get("reason"))
        told = reason if reason.startswith(standing) else f"{standing}: {reason}"
        text = f"{what.removesuffix(' of')} ({told})"
        rows.append((at, ("change", text), Sentence(text, facts.of_snapshot())))
    for baseline in objects(facts.diagnosis, "baseline"):
        at = instant(baseline.get("start"))
        if at is not None:
            text = f"normal until {baseline.get('end')}: the baseline ({baseline.get('why')})"
            rows.append((at, ("baseline", text), Sentence(text, facts.of_snapshot())))
    onset = instant(facts.diagnosis.get("onset"))
    if onset is not None:
        rows.append((onset, ("onset", "the impact begins"), Sentence("the impact begins", facts.of_snapshot())))
    for event in facts.case.timeline():
        late = f" (written down at {clock_text(event.recorded_at, now=event.occurred_at)} UTC)" if event.late else ""
        sure = " (assumed)" if event.certainty == "assumed" else ""
        text = f"{first_line(event.text, 400)}{sure}{late}"
        kept = facts.case.keeping(event)
        refs = (*facts.known((*event.evidence, kept.name if kept is not None else "")), event.id)
        rows.append((event.occurred_at, (f"{event.kind} · {event.author}", text), Sentence(text, refs)))
    rows.sort(key=lambda row: row[0])
    shown = tuple(((utc(at), *cells), sentence) for at, cells, sentence in rows)
    before = [row for row in rows if began is not None and row[0] < began]
    if began is None or not before:
        yield Paragraph((missing("anything from before the trigger: no change before it is known to this record."),))
    yield Table(("When (UTC)", "What", "Entry"), shown)
    if left:
        more = f"{left} further change{'s' if left > 1 else ''}, more than an hour from the onset and judged unlikely, stand in the snapshot."
        yield Paragraph((Sentence(more, facts.of_snapshot()),))


def trigger(facts: Facts) -> Iterable[Block]:
    """What set it off, and what contributed."""
    triggers = [Sentence(e.text, (e.id,), "words") for e in parts(facts.case, "trigger")]
    if not triggers:
        leading = [c for c in objects(facts.diagnosis, "changes") if c.get("standing") == "leading"]
        triggers = [
            Sentence(
                f"Leading change: {c.get('kind')} {c.get('id')} at {c.get('at')}: {c.get('reason')}.",
                facts.of_snapshot(),
                "inference",
            )
            for c in leading[:1]
        ]
    yield Paragraph(tuple(triggers) or (missing("the trigger."),))
    factors = [Sentence(e.text, (e.id,), "words") for e in parts(facts.case, "factor")]
    yield Points(tuple(factors) or (missing("contributing factors."),))


def _impact_refs(said: list[Event], name: str) -> tuple[str, ...]:
    return tuple(e.id for e in said if e.data.get(name) not in (None, ""))[-1:]


def _claim(item: EvidenceItem) -> Sentence:
    return Sentence(
        item.claim if item.supports else f"Against it: {item.claim}", (item.name,), "fact" if item.fact else "inference"
    )
