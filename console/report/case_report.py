"""The report of a case: what happened, why, what was done, how it was shown to be over. Pure.

Every statement of fact names the evidence or the entry that it was read from. A part that should be there and is not is
printed as missing, never left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from console.case.brief import first_line
from console.case.comms import blame, vague
from console.case.events import Event
from console.case.fold import instant, text_of
from console.case.model import Case, EvidenceItem, Hypothesis, HypothesisState, Outcome
from console.domain.instant import Instant, clock_text, rfc3339, span_text
from console.report.case_json import durations
from console.report.case_text import NAMES
from console.report.document import (
    Block,
    Chart,
    Index,
    Item,
    Mark,
    Paragraph,
    Points,
    Report,
    Section,
    Sentence,
    Table,
)

H = HypothesisState
BEFORE_S = 3600.0
"""The timeline begins with changes and events so long before the impact."""
MOST_MARKS = 8
_DETECTION = {"alert": "an alert", "user": "a user", "support": "the support team", "other": "other means"}


def report_of(case: Case, now: Instant) -> Report:
    """The report as far as the record goes."""
    maker = _Maker(case, now)
    return Report(case.id, case.title, now, maker.sections(), tuple(lints(case)))


def lints(case: Case) -> list[str]:
    """What a reviewer should look at: blame, vague actions, kinds of action that are missing."""
    people = sorted({*case.roles.values(), *case.authors})
    found: list[str] = []
    for event in case.events:
        if event.kind == "review" and event.data.get("part"):
            found += [f"{event.data['part']}: {hint}" for hint in blame(event.text, people)]
    factors = _parts(case, "factor")
    if len(factors) == 1:
        found.append("there is one contributing factor: there are nearly always several")
    found += [f"{one.name}: {hint}" for one in case.follow_ups if (hint := vague(one.text))]
    if case.severity in ("P0", "P1"):
        types = {one.type for one in case.follow_ups}
        if not types & {"prevent", "mitigate"}:
            found.append(f"a {case.severity} needs an action that prevents or mitigates")
        if "detect" not in types:
            found.append(f"a {case.severity} needs an action that detects")
    return found


def _parts(case: Case, part: str) -> list[Event]:
    return [e for e in case.events if e.kind == "review" and e.data.get("part") == part and e.id not in case.corrected]


def _missing(text: str) -> Sentence:
    return Sentence(f"Missing: {text}", kind="missing")


class _Maker:
    """Makes the sections of one case."""

    def __init__(self, case: Case, now: Instant) -> None:
        self.case, self.now = case, now
        snapshots = [s for s in case.snapshots if isinstance(s.data.get("diagnosis"), Mapping)]
        self.snapshots = snapshots
        bad = [s for s in snapshots if s.data["diagnosis"].get("state") in ("incident", "degrading", "recovering")]
        self.snapshot: Event | None = (bad or snapshots)[0] if snapshots else None
        """The first that shows the trouble: what came later was already influenced by what was done."""
        self.diagnosis: Mapping[str, Any] = self.snapshot.data["diagnosis"] if self.snapshot is not None else {}

    def sections(self) -> tuple[Section, ...]:
        """All of them, in reading order."""
        parts: tuple[tuple[str, str, Iterable[Block]], ...] = (
            ("summary", "Summary", self.summary()),
            ("root-cause", "Root cause", self.root_cause()),
            ("impact", "Impact", self.impact()),
            ("detection", "Detection", self.detection()),
            ("timeline", "Timeline", self.timeline()),
            ("trigger", "Trigger and contributing factors", self.trigger()),
            ("reproduction", "Reproduction", self.reproduction()),
            ("fix", "Resolution", self.fix()),
            ("recovery", "Recovery", self.recovery()),
            ("verification", "Verification plan", self.verification()),
            ("hypotheses", "Hypotheses considered", self.hypotheses()),
            ("unseen", "What could not be seen", self.unseen()),
            ("review", "Review", self.review()),
            ("actions", "Follow-ups", self.actions()),
            ("messages", "Messages", self.messages()),
            ("overrides", "Gates that were passed", self.overrides()),
            ("evidence", "Evidence", self.evidence()),
            ("entries", "Entries of the record", self.entries()),
        )
        return tuple(Section(name, title, tuple(blocks)) for name, title, blocks in parts)

    # What references lead to.

    def _of(self, kind: str) -> tuple[str, ...]:
        """The newest entry of a kind."""
        found = [e.id for e in self.case.events if e.kind == kind]
        return tuple(found[-1:])

    def _known(self, names: Iterable[str]) -> tuple[str, ...]:
        """Of these names those that are evidence of this case, as they are written there."""
        return tuple(item.name for name in names if (item := self.case.item(name)) is not None)

    def _snapshot_ref(self) -> tuple[str, ...]:
        return (self.snapshot.id,) if self.snapshot is not None else ()

    # Sections.

    def summary(self) -> Iterable[Block]:
        case = self.case
        services = f" of {', '.join(case.services)}" if case.services else ""
        opened = [e.id for e in case.events if e.kind == "opened"][:1]
        severity = self._of("severity") or tuple(opened)
        first = Sentence(
            f"{case.title}: an incident{services}, severity {case.severity or 'not set'}, state {case.state}.",
            (*severity, *self._of("state")),
        )
        began, ended = case.times.get("impact_started_at"), case.times.get("resolved_at")
        if began is not None and ended is not None and ended >= began:
            refs = (*self._began_refs(), *self._state_refs("resolved"))
            second = Sentence(
                f"It began at {_utc(began)} and was resolved at {_utc(ended)}, after {span_text(ended - began)}.", refs
            )
        elif began is not None:
            second = Sentence(f"It began at {_utc(began)} and is not resolved.", self._began_refs())
        else:
            second = _missing("when the impact began.")
        yield Paragraph((first, second, *([Sentence(case.summary, tuple(opened), "words")] if case.summary else [])))
        yield Points(tuple(self._durations()))
        roles = [Sentence(f"{role}: {person}.", self._role_refs(role)) for role, person in sorted(case.roles.items())]
        yield Points(tuple(roles) or (_missing("who was incident commander."),))

    def _began_refs(self) -> tuple[str, ...]:
        """What the start of the impact was read from: an entry that says it, else the snapshot whose onset it is."""
        said = [e.id for e in self.case.events if e.data.get("impact_started_at") and e.kind in ("opened", "impact")]
        return tuple(said[-1:]) or self._snapshot_ref()

    def _state_refs(self, to: str) -> tuple[str, ...]:
        found = [e.id for e in self.case.events if e.kind == "state" and e.data.get("to") == to]
        return tuple(found[-1:])

    def _role_refs(self, role: str) -> tuple[str, ...]:
        found = [e.id for e in self.case.events if e.kind == "role" and e.data.get("role") == role]
        return tuple(found[-1:])

    def _durations(self) -> Iterable[Sentence]:
        refs = {
            "ttd_s": self._of_first("opened"), "tta_s": self._role_refs("ic"), "tti_s": self._state_refs("identified"),
            "ttm_s": self._state_refs("monitoring"), "ttr_resolve_s": self._state_refs("resolved"),
        }  # fmt: skip
        for name, value in durations(self.case).items():
            start = "it was detected" if name in ("tta_s", "tti_s") else "the impact began"
            if value is None:
                yield _missing(f"{NAMES[name].removesuffix(' after')}: a moment is not known.")
            else:
                yield Sentence(f"It was {NAMES[name]} {span_text(value)} from when {start}.", refs[name])

    def _of_first(self, kind: str) -> tuple[str, ...]:
        return tuple(e.id for e in self.case.events if e.kind == kind)[:1]

    def root_cause(self) -> Iterable[Block]:
        for wanted, said in (
            (H.CONFIRMED, "The cause is confirmed"),
            (H.SUPPORTED, "The suspected cause, supported and not confirmed"),
        ):
            found = [one for one in self.case.hypotheses if one.state is wanted]
            for one in found:
                yield Paragraph(tuple(self._cause(one, said)))
                yield Points(tuple(self._claims(one)))
            if found:
                yield from self._suspicion()
                return
        suspicion = tuple(self._suspicion())
        if suspicion:
            yield Paragraph(
                (_missing("no hypothesis is confirmed or supported; what follows is the diagnosis' suspicion."),)
            )
            yield from suspicion
            return
        yield Paragraph(
            (_missing("the root cause: no hypothesis is supported, and no snapshot has a leading suspect."),)
        )

    def _suspicion(self) -> Iterable[Block]:
        """The first suspect of the snapshot, where it leads, with the claims for and against it."""
        leading = [s for s in _objects(self.diagnosis, "suspects") if s.get("standing") == "leading"][:1]
        if leading and self.snapshot is not None:
            suspect = leading[0]
            refs = (self.snapshot.id,)
            yield Paragraph((
                Sentence(f"Leading suspect: {suspect.get('kind')} {suspect.get('subject')}: {suspect.get('summary')}", refs, "inference"),
            ))  # fmt: skip
            yield Points(tuple(
                Sentence(
                    f"{'For it' if e.get('supports') else 'Against it'}: {e.get('claim')}", self._claim_refs(str(e.get("claim"))) or refs,
                    "fact" if e.get("kind") == "fact" else "inference",
                )
                for e in _objects(suspect, "evidence")
            ))  # fmt: skip

    def _claim_refs(self, claim: str) -> tuple[str, ...]:
        return tuple(one.name for one in self.case.evidence if one.claim == claim)[:1]

    def _cause(self, one: Hypothesis, said: str) -> Iterable[Sentence]:
        refs = self._known((*one.interventions, *one.evidence)) or (one.event.id,)
        because = f", {one.mechanism}" if one.mechanism else ""
        yield Sentence(f"{said}: {one.statement}{because}.", refs, "fact" if one.state is H.CONFIRMED else "inference")
        if one.state is H.CONFIRMED and one.reason:
            yield Sentence(
                f"Confirmed by intervention: {one.reason}.", self._known(one.interventions) or (one.event.id,)
            )

    def _claims(self, one: Hypothesis) -> Iterable[Sentence]:
        for name in self._known(dict.fromkeys((*one.interventions, *one.evidence))):
            item = self.case.item(name)
            if item is not None:
                yield _claim(item)
        for prediction in one.predictions:
            if prediction.last is not None:
                yield Sentence(
                    f"Predicted {prediction.text}: {prediction.outcome} at {_utc(prediction.last.at)}.",
                    (prediction.last.event_id,),
                )

    def impact(self) -> Iterable[Block]:
        case = self.case
        said = [e for e in case.events if e.kind == "impact"]
        words = {
            "users_pct": "Share of users affected: {} %.", "journeys": "Core journeys: {}.", "regions": "Regions: {}.",
            "data_risk": "Data at risk: {}.", "workaround": "Workaround: {}.", "lingering": "Effects that stay in the data: {}.",
        }  # fmt: skip
        statement = text_of(case.impact.get("statement"))
        first = (
            Sentence(statement if statement.endswith(".") else f"{statement}.", self._impact_refs(said, "statement"))
            if statement
            else _missing("an impact statement.")
        )
        told = [
            Sentence(form.format(case.impact[name]), self._impact_refs(said, name))
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
        yield Points((*told, *how) if told or how else (_missing("the impact in numbers, and how it was measured."),))
        yield from (chart for one in measured if (chart := self._chart(one)) is not None)

    def _impact_refs(self, said: list[Event], name: str) -> tuple[str, ...]:
        return tuple(e.id for e in said if e.data.get(name) not in (None, ""))[-1:]

    def _chart(self, one: EvidenceItem) -> Chart | None:
        known = [value for _, value in one.points if value is not None]
        if len(known) < 2:
            return None
        start, end = one.points[0][0], one.points[-1][0]
        marks = [mark for mark in self._marks() if start <= mark.at <= end][:MOST_MARKS]
        return Chart(one.claim, one.unit, one.points, tuple(marks), one.name)

    def _marks(self) -> list[Mark]:
        times = self.case.times
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
            for c in _objects(self.diagnosis, "changes")
            if (at := instant(c.get("at"))) is not None
        ]
        found += [Mark(e.occurred_at, first_line(e.text, 24)) for e in self.case.mitigations]
        return sorted(found, key=lambda mark: mark.at)

    def detection(self) -> Iterable[Block]:
        case = self.case
        opened = self._of_first("opened")
        at = case.times.get("detected_at")
        found = (
            [Sentence(f"It was detected by {_DETECTION.get(case.detection, case.detection)} at {_utc(at)}.", opened)]
            if at is not None
            else []
        )
        told = [Sentence(e.text, (e.id,), "words") for e in _parts(case, "detection")]
        yield Paragraph((*found, *told, *([] if told else [_missing("why it was not detected sooner.")])))

    def timeline(self) -> Iterable[Block]:
        rows: list[tuple[Instant, tuple[str, ...], Sentence]] = []
        began = self.case.times.get("impact_started_at")
        left = 0
        for change in _objects(self.diagnosis, "changes"):
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
            rows.append((at, ("change", text), Sentence(text, self._snapshot_ref())))
        for baseline in _objects(self.diagnosis, "baseline"):
            at = instant(baseline.get("start"))
            if at is not None:
                text = f"normal until {baseline.get('end')}: the baseline ({baseline.get('why')})"
                rows.append((at, ("baseline", text), Sentence(text, self._snapshot_ref())))
        onset = instant(self.diagnosis.get("onset"))
        if onset is not None:
            rows.append((onset, ("onset", "the impact begins"), Sentence("the impact begins", self._snapshot_ref())))
        for event in self.case.timeline():
            late = (
                f" (written down at {clock_text(event.recorded_at, now=event.occurred_at)} UTC)" if event.late else ""
            )
            sure = " (assumed)" if event.certainty == "assumed" else ""
            text = f"{first_line(event.text, 400)}{sure}{late}"
            refs = (
                *self._known((*event.evidence, text_of(event.data.get("name")) if event.kind == "evidence" else "")),
                event.id,
            )
            rows.append((event.occurred_at, (f"{event.kind} · {event.author}", text), Sentence(text, refs)))
        rows.sort(key=lambda row: row[0])
        shown = tuple(((_utc(at), *cells), sentence) for at, cells, sentence in rows)
        before = [row for row in rows if began is not None and row[0] < began]
        if began is None or not before:
            yield Paragraph(
                (_missing("anything from before the trigger: no change before it is known to this record."),)
            )
        yield Table(("When (UTC)", "What", "Entry"), shown)
        if left:
            more = f"{left} further change{'s' if left > 1 else ''}, more than an hour from the onset and judged unlikely, stand in the snapshot."
            yield Paragraph((Sentence(more, self._snapshot_ref()),))

    def trigger(self) -> Iterable[Block]:
        triggers = [Sentence(e.text, (e.id,), "words") for e in _parts(self.case, "trigger")]
        if not triggers:
            leading = [c for c in _objects(self.diagnosis, "changes") if c.get("standing") == "leading"]
            triggers = [
                Sentence(
                    f"Leading change: {c.get('kind')} {c.get('id')} at {c.get('at')}: {c.get('reason')}.",
                    self._snapshot_ref(),
                    "inference",
                )
                for c in leading[:1]
            ]
        yield Paragraph(tuple(triggers) or (_missing("the trigger."),))
        factors = [Sentence(e.text, (e.id,), "words") for e in _parts(self.case, "factor")]
        yield Points(tuple(factors) or (_missing("contributing factors."),))

    def reproduction(self) -> Iterable[Block]:
        told = []
        for event in self.case.repros:
            text = f"At {_utc(event.occurred_at)}: {event.text}{_bounds(event.data.get('interval'))}."
            told.append(Sentence(text, (event.id,)))
        yield Points(tuple(told) or (_missing("a reproduction: the failure was not made to happen again on purpose."),))

    def fix(self) -> Iterable[Block]:
        temporary = [
            Sentence(
                f"At {_utc(e.occurred_at)}, {text_of(e.data.get('kind')) or 'other'}: {e.text}{_behind('; result: ', e.data.get('result'))}.",
                (*self._known(e.evidence), e.id),
            )
            for e in self.case.mitigations
        ]
        yield Paragraph((Sentence("Temporary: what stopped the harm.", kind="words"),))
        yield Points(tuple(temporary) or (_missing("a mitigation."),))
        permanent = [
            Sentence(
                f"At {_utc(e.occurred_at)}: {e.text}{_behind(', ', e.data.get('outcome'))}.",
                (*self._known(e.evidence), e.id),
            )
            for e in self.case.fixes
        ]
        yield Paragraph((Sentence("Permanent: the fix.", kind="words"),))
        yield Points(tuple(permanent) or (_missing("a description of the fix."),))

    def recovery(self) -> Iterable[Block]:
        event = self.case.recovery
        passed = [o for o in self.case.overrides if o.rule == "SG5"]
        if event is None:
            yield Paragraph((_missing("a recovery verdict: nothing shows that it is over."),))
        else:
            verdict = str(event.data.get("verdict"))
            reason = f": {event.data['reason']}" if event.data.get("reason") else ""
            yield Paragraph((Sentence(f"Judged {verdict} at {_utc(event.occurred_at)}{reason}.", (event.id,)),))
            rows = tuple(
                (
                    (
                        str(s.get("name")),
                        _number(s.get("baseline")),
                        _number(s.get("observed")),
                        _number(s.get("margin")),
                        str(s.get("verdict")),
                        f"{s.get('samples')} of {s.get('needed')}",
                    ),
                    Sentence(f"{s.get('name')}: {s.get('verdict')}", (event.id,)),
                )
                for s in _objects(event.data, "signals")
            )
            if rows:
                yield Table(("Signal", "Baseline", "Observed", "Margin", "Verdict", "Samples"), rows)
        yield Points(
            tuple(
                Sentence(f"Resolved without a recovered verdict, by {o.event.author}: {o.reason}", (o.event.id,))
                for o in passed
            )
        )

    def verification(self) -> Iterable[Block]:
        found: list[Sentence] = []
        contract = self.case.contract
        if contract is not None:
            refs = self._of("contract")
            hold = f" for {contract['hold_s']:g} s" if isinstance(contract.get("hold_s"), (int, float)) else ""
            for signal in _objects(contract, "signals"):
                level = _number(signal.get("level", signal.get("baseline")))
                found.append(
                    Sentence(
                        f"{signal.get('name')} stays at its normal level{f' ({level})' if level else ''}{hold}: `incident recovery check --case {self.case.id}`.",
                        refs,
                    )
                )
            if not found:
                found.append(
                    Sentence(f"The recovery contract holds: `incident recovery check --case {self.case.id}`.", refs)
                )
        for one in self.case.hypotheses:
            if one.state in (H.CONFIRMED, H.SUPPORTED):
                for p in one.predictions:
                    found.append(
                        Sentence(
                            f"{one.name}.{p.name} ({p.text}) no longer holds: `incident case hypothesis {self.case.id} {one.name} --check`.",
                            (one.event.id,),
                        )
                    )
        if any(e.data.get("reproduced") for e in self.case.repros):
            found.append(
                Sentence(
                    "The reproduction passes as often in a row as its failure rate asks for: `incident repro verify`.",
                    (self.case.repros[-1].id,),
                )
            )
        yield Points(
            tuple(found)
            or (_missing("a verification plan: no recovery contract, no prediction and no reproduction is recorded."),)
        )

    def hypotheses(self) -> Iterable[Block]:
        rows = []
        for one in self.case.hypotheses:
            because = f", {one.mechanism}" if one.mechanism else ""
            tested = "; ".join(f"{p.text}: {p.outcome}" for p in one.predictions) or "nothing predicted"
            why = one.reason or "-"
            refs = (
                *self._known(dict.fromkeys((*one.evidence, *one.interventions))),
                one.event.id,
                *(p.last.event_id for p in one.predictions if p.last is not None),
            )
            rows.append(
                (
                    (one.name, str(one.state), f"{one.statement}{because}", tested, why),
                    Sentence(f"{one.name} {one.state}: {one.statement}", refs),
                )
            )
        if not rows:
            yield Paragraph((_missing("hypotheses: none was written down."),))
            return
        yield Table(("", "State", "Statement", "Predictions", "Why"), tuple(rows))

    def unseen(self) -> Iterable[Block]:
        found: list[Sentence] = []
        for snapshot in self.snapshots:
            for source in _objects(snapshot.data["diagnosis"], "sources"):
                if source.get("state") != "ok":
                    detail = f": {source['detail']}" if source.get("detail") else ""
                    found.append(
                        Sentence(
                            f"{source.get('name')} was {str(source.get('state')).replace('_', ' ')} at {_utc(snapshot.occurred_at)}{detail}",
                            (snapshot.id,),
                        )
                    )
        for one in self.case.evidence:
            if one.completeness != "COMPLETE":
                found.append(Sentence(f"{one.name} is {one.completeness.lower()}: {one.claim}", (one.name,)))
        for hypothesis in self.case.hypotheses:
            for p in hypothesis.predictions:
                if p.last is not None and p.outcome is Outcome.INCONCLUSIVE:
                    found.append(
                        Sentence(f"{hypothesis.name}.{p.name} could not be told: {p.text}", (p.last.event_id,))
                    )
        found += [Sentence(f"{p.file} line {p.line}: {p.says}.", kind="missing") for p in self.case.problems]
        if not self.snapshots:
            found.append(_missing("a snapshot: which sources answered is not known."))
        yield Points(
            tuple(found)
            or (Sentence("Every source that was consulted answered in full.", tuple(s.id for s in self.snapshots)),)
        )

    def review(self) -> Iterable[Block]:
        case = self.case
        reviews = [e for e in case.events if e.kind == "review"]
        status = [e for e in reviews if e.data.get("status")][-1:]
        owner = [e for e in reviews if e.data.get("owner")][-1:]
        yield Paragraph(
            (
                Sentence(f"Post-mortem: {case.review}.", tuple(e.id for e in status))
                if status
                else _missing("a status of the post-mortem."),
                Sentence(f"Owner: {owner[0].data['owner']}.", (owner[0].id,))
                if owner
                else _missing("who owns the post-mortem."),
            )
        )
        names = {
            "went_well": "went well", "went_badly": "went badly", "lucky": "luck", "response": "the response itself", "recurrence": "whether it happened before",
        }  # fmt: skip
        for part, words in names.items():
            told = [Sentence(f"{words.capitalize()}: {e.text}", (e.id,), "words") for e in _parts(case, part)]
            yield Points(tuple(told) or (_missing(f"{words}."),))

    def actions(self) -> Iterable[Block]:
        rows = tuple(
            (
                (
                    one.name,
                    one.type,
                    one.text,
                    one.owner or "no owner",
                    one.due or "no day",
                    one.done_when or "-",
                    one.status,
                ),
                Sentence(f"{one.name} {one.text}", (one.event.id,)),
            )
            for one in self.case.follow_ups
        )
        if not rows:
            yield Paragraph((_missing("follow-ups."),))
            return
        yield Table(("", "Type", "Action", "Owner", "Due", "Done when", "Status"), rows)

    def messages(self) -> Iterable[Block]:
        told = tuple(
            Sentence(
                f"{_utc(e.occurred_at)} {e.data.get('template')} to {e.data.get('audience')} ({'sent' if e.data.get('sent_at') else 'draft'}): {e.text}",
                (e.id,),
            )
            for e in self.case.updates
        )
        yield Points(told or (_missing("the external text: no message was written down."),))

    def overrides(self) -> Iterable[Block]:
        told = tuple(
            Sentence(
                f"{o.rule} at {_utc(o.event.recorded_at)} by {o.event.author}: {o.reason} (it had said: {o.says})",
                (o.event.id,),
            )
            for o in self.case.overrides
        )
        yield Points(
            told or (Sentence("No gate was passed by an override.", tuple(e.id for e in self.case.events[-1:])),)
        )

    def evidence(self) -> Iterable[Block]:
        yield Index(tuple(
            Item(
                one.name,
                f"{one.name} ({'fact' if one.fact else 'inference'}{'' if one.supports else ', against'}): {one.claim}",
                (
                    ("Kind", one.kind), ("Source", one.source), ("Query", one.query),
                    ("Stretch", f"{rfc3339(one.window.start)} to {rfc3339(one.window.end)}" if one.window is not None else ""),
                    ("Samples", str(one.samples) if one.samples is not None else ""), ("Completeness", one.completeness),
                    ("Captured", f"{_utc(one.event.recorded_at)} by {one.event.author}"), ("SHA-256", one.digest), ("Entry", one.event.id),
                ),
                one.excerpt if one.excerpt != one.claim else "",
            )
            for one in self.case.evidence
        ))  # fmt: skip

    def entries(self) -> Iterable[Block]:
        yield Index(tuple(
            Item(
                e.id,
                f"#{n} {_utc(e.occurred_at)} {e.kind} by {e.author}: {first_line(e.text, 200)}",
                (
                    ("Id", e.id), ("Written", _utc(e.recorded_at) if e.late else ""), ("Corrects", e.supersedes or ""),
                    ("Corrected", "yes" if e.id in self.case.corrected else ""),
                ),
                e.text if "\n" in e.text or len(e.text) > 200 else "",
                f"#{n}",
            )
            for n, e in enumerate(self.case.events, 1)
        ))  # fmt: skip


def _claim(item: EvidenceItem) -> Sentence:
    return Sentence(
        item.claim if item.supports else f"Against it: {item.claim}", (item.name,), "fact" if item.fact else "inference"
    )


def _objects(value: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """The objects of a list in a document that anybody may have written."""
    found = value.get(name)
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []


def _bounds(value: Any) -> str:
    """The interval of a failure rate in words."""
    if not isinstance(value, list) or len(value) != 2 or not all(isinstance(one, (int, float)) for one in value):
        return ""
    return f", so between {value[0]:.0%} and {value[1]:.0%} of tries fail at 95 % confidence"


def _behind(words: str, value: Any) -> str:
    """A value behind its words, where there is one."""
    return f"{words}{value}" if value else ""


def _number(value: Any) -> str:
    return (
        f"{value:.4g}"
        if isinstance(value, (int, float)) and not isinstance(value, bool)
        else "-"
        if value is None
        else str(value)
    )


def _utc(at: Instant | None) -> str:
    return "an unknown time" if at is None else rfc3339(float(round(at)))
