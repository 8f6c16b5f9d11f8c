"""One open case: what can be done with it, each step checked against the record as it is on the disk and then written.

Everything that decides from the record, or gives a name, does so under the case's lock, so that two people cannot both take
`H3` or both pass a gate. A plain note needs neither and is one synced line.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from console.case import comms
from console.case.brief import handoff_brief
from console.case.entries import digest_of
from console.case.events import Draft, Event, cleaned
from console.case.fold import fold
from console.case.gates import (
    Gate,
    Wish,
    closing,
    deploy_gates,
    fix_gates,
    gates,
    how_to_pass,
    not_fixed,
    not_recovered,
    passable,
)
from console.case.hypotheses import NotAllowed, check_change, restored, state_by_evidence, successor
from console.case.journal import Journal, NotSaved, Reader, person_of, until
from console.case.key import next_key, take_next
from console.case.mitigated import mitigated
from console.case.model import ACTIVE, ROLES, SEVERITIES, Case, CaseState, Hypothesis, HypothesisState, Outcome
from console.case.predictions import ASKED_EVERY_S, question_of
from console.case.store import locked, make_case
from console.domain.instant import Instant, rfc3339
from console.guard.redact import keyed, redact_json, redact_wholly

Clock = Callable[[], Instant]


CHANGES = ("mitigation", "deploy", "fix")
"""Entries that may tell since when the trouble is gone."""


class Blocked(Exception):
    """Gates said no; the text says which and what to do."""

    def __init__(self, found: Sequence[Gate]) -> None:
        super().__init__("\n".join(how_to_pass(gate) for gate in found))
        self.gates = tuple(found)


class Unfit(ValueError):
    """What was asked for makes no sense for this case; the text says why."""


class Book:
    """A case that somebody reads and writes.

    Args:
        folder: Where cases lie.
        case_id: Which one; it exists.
        author: Who writes.
    """

    def __init__(self, folder: Path, case_id: str, author: str, clock: Clock = time.time) -> None:
        self.folder = folder / case_id
        self.id = case_id
        self._journal = Journal(self.folder, author)
        self._reader = Reader(self.folder)
        self._clock = clock

    @classmethod
    def new(
        cls, folder: Path, title: str, author: str, data: Mapping[str, Any] | None = None, clock: Clock = time.time
    ) -> Book:
        """Open a case.

        Raises:
            NotSaved: It cannot be written down.
            Unfit: It has no title, or a severity that is none.
        """
        with _next_tokens(folder):
            told = redact_wholly(title.strip())  # the id is made of it
        given = dict(data or {})
        if not told:
            raise Unfit("a case needs a title")
        if given.get("severity") is not None:
            given["severity"] = severity_of(str(given["severity"]))
        book = cls(folder, make_case(folder, clock(), told), author, clock)
        take_next(folder, book.folder)
        book.write(Draft("opened", told, given, source=given.get("opened_by", "human")))
        return book

    @property
    def author(self) -> str:
        """Who writes here."""
        return self._journal.author

    def read(self, at: Instant | None = None) -> Case:
        """The case as it is, or as it could be read at a moment.

        Raises:
            OSError: A journal cannot be read.
        """
        events, problems = self._reader.read()
        return fold(self.id, events if at is None else until(events, at)).with_problems(problems)

    # Writing.

    def write(self, draft: Draft) -> Event:
        """Write one entry; evidence gets its name and digest.

        Raises:
            NotSaved: It is not on the disk for sure.
        """
        if draft.kind not in ("evidence", *CHANGES):
            return self._journal.append(draft, self._clock())
        return self.write_all([draft])[0]

    def write_all(self, drafts: Iterable[Draft]) -> list[Event]:
        """Write several entries in a row under one lock; raises as `write`, and then those before are saved."""
        written: list[Event] = []
        with self._alone():
            taken = len(self.read().evidence)
            for draft in drafts:
                if draft.kind == "evidence":
                    taken += 1
                    with self._journal.keyed():
                        draft = _named(draft, f"E{taken}")
                written.append(self._journal.append(draft, self._clock()))
            self._restore(written)
        return written

    def _restore(self, written: Iterable[Event]) -> None:
        """Take back what the console concluded from the effect of changes that are only now written down."""
        if not any(event.kind in CHANGES for event in written):
            return
        case = self.read()
        done = mitigated(case)
        for one in case.hypotheses:
            to = restored(one, done)
            if to is not one.state:
                self._turn(one, to, "what failed was seen after the mitigation", (), "console")

    def note(
        self, text: str, occurred_at: Instant | None = None, evidence: Sequence[str] = (), kind: str = "note"
    ) -> Event:
        """Write a note; raises as `write`."""
        return self.write(Draft(kind, text, occurred_at=occurred_at, evidence=tuple(evidence)))

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """With the lock; a record that cannot be written to cannot be locked either."""
        with ExitStack() as stack:
            try:
                stack.enter_context(locked(self.folder))
            except OSError as error:
                raise NotSaved(f"{error.filename or self.folder}: {error.strerror}", "") from None
            yield

    # State.

    def move(self, wish: Wish, occurred_at: Instant | None = None) -> Event:
        """Change the case's state.

        Raises:
            Blocked: Gates said no; that is written down.
            NotSaved: It is not on the disk for sure.
        """
        with self._alone():
            case = self.read()
            self._pass(case, gates(case, wish, self._clock()), wish.reason, str(wish.to))
            return self._moved(case, wish, occurred_at)

    def close(self, wish: Wish) -> Event:
        """Close the case: as resolved (`wish.to` is closed), cancelled or merged. Raises as `move`.

        From an active state it is resolved on the way; what is skipped by that is written down.
        """
        with self._alone():
            case = self.read()
            if wish.to is not CaseState.CLOSED or case.state not in ACTIVE:
                self._pass(case, gates(case, wish, self._clock()), wish.reason, str(wish.to))
                return self._moved(case, wish, None)
            found = [*closing(case, wish.reason), *not_recovered(case), *not_fixed(case)]
            if case.state is not CaseState.MONITORING and not found:
                wish = replace(wish, reason=wish.reason or f"recovered while {case.state}")
            self._pass(case, found, wish.reason, str(wish.to))
            self._moved(case, replace(wish, to=CaseState.RESOLVED), None)
            return self._moved(self.read(), wish, None)

    def attempt_fix(self, reason: str) -> None:
        """Pass the gates of another attempt at a fix; raises as `move`."""
        with self._alone():
            case = self.read()
            self._pass(case, fix_gates(case), reason, "fix")

    def attempt_deploy(self, incident: str, what: str, reason: str) -> None:
        """Pass the gate of handing something over to be deployed while this incident goes on; raises as `move`.

        Args:
            incident: What it was made for.
        """
        with self._alone():
            case = self.read()
            self._pass(case, deploy_gates(case, incident, what), reason, "deploy")

    def saw_deploys(self, drafts: Iterable[Draft]) -> list[Event]:
        """Write down deploys that the console saw, each once, whoever sees it; raises as `write`."""
        with self._alone():
            known = {one.data.get("id") for one in self.read().events if one.kind == "deploy"}
            with self._journal.keyed():  # as it stands there, without what it may hold of a secret
                fresh = [one for one in drafts if redact_wholly(str(one.data.get("id"))) not in known]
            written = [self._journal.append(draft, self._clock()) for draft in fresh]
            self._restore(written)
            return written

    def _pass(self, case: Case, found: Sequence[Gate], reason: str, to: str) -> None:
        """Let pass through the gates, or say which stand against it. A soft one that says no the first time is remembered."""
        standing = [gate for gate in found if not passable(case, gate, reason)]
        if standing:
            for gate in standing:
                if not gate.hard:
                    self._journal.append(
                        Draft(
                            "gate",
                            f"{gate.rule} said no to {to}: {gate.says}",
                            {"rule": gate.rule, "to": to},
                            source="console",
                        ),
                        self._clock(),
                    )
            raise Blocked(standing)
        for gate in found:
            self._journal.append(
                Draft(
                    "override",
                    f"{gate.rule} passed on the way to {to}: {reason.strip()}",
                    {"rule": gate.rule, "says": gate.says, "reason": reason.strip(), "to": to},
                ),
                self._clock(),
            )

    def _moved(self, case: Case, wish: Wish, occurred_at: Instant | None) -> Event:
        said = wish.text.strip() or wish.reason.strip()
        data = {"from": str(case.state), "to": str(wish.to), "reason": wish.reason.strip(), "into": wish.into}
        text = f"{case.state} to {wish.to}{f': {said}' if said else ''}"
        return self._journal.append(Draft("state", text, data, occurred_at), self._clock())

    # Severity, roles, handoffs, review.

    def severity(self, wanted: str, reason: str) -> Event:
        """Set the severity; raises `Unfit` for one that is none or is set already."""
        value = severity_of(wanted)
        with self._alone():
            case = self.read()
            if case.severity == value:
                raise Unfit(f"the severity is {value} already")
            if case.severity is not None and not reason.strip():
                raise Unfit(f"say why it changes from {case.severity} to {value}: --reason")
            told = f"severity {case.severity or 'not set'} to {value}{f': {reason.strip()}' if reason.strip() else ''}"
            return self._journal.append(
                Draft("severity", told, {"from": case.severity, "to": value, "reason": reason.strip()}), self._clock()
            )

    def role(self, role: str, person: str) -> Event:
        """Give a role to somebody, or to nobody (`-`). An incident commander who is there hands over instead."""
        if role not in ROLES:
            raise Unfit(f"no role {role!r}: {', '.join(ROLES)}")
        person = person_of(person)
        with self._alone():
            case = self.read()
            holder = case.roles.get(role)
            if role == "ic" and holder and person != "-" and person != holder:
                raise Unfit(
                    f"{holder} is incident commander: `incident case handoff {case.id} --to {person}`, which {person} accepts"
                )
            given = "" if person == "-" else person
            text = f"{role}: {given or 'nobody'}{f' (was {holder})' if holder else ''}"
            return self._journal.append(
                Draft("role", text, {"role": role, "person": given, "before": holder}), self._clock()
            )

    def offer(self, role: str, to: str) -> tuple[Event, str]:
        """Offer a role with a brief; it changes nothing until it is accepted."""
        to = person_of(to)
        with self._alone():
            case = self.read()
            brief = handoff_brief(case, self._clock())
            giver = case.roles.get(role, person_of(self.author))
            data = {"role": role, "from": giver, "to": to, "brief": brief}
            return self._journal.append(Draft("handoff", f"{giver} offers {role} to {to}", data), self._clock()), brief

    def accept(self, role: str, person: str) -> Event:
        """Take over what was offered to `person`; raises `Unfit` where nothing was."""
        person = person_of(person)
        with self._alone():
            case = self.read()
            offer = next((one for one in case.handoffs if one.role == role and one.taker == person), None)
            if offer is None:
                offered = ", ".join(f"{one.role} to {one.taker}" for one in case.handoffs) or "nothing"
                raise Unfit(f"{role} is not offered to {person}; offered is {offered}")
            data = {"role": role, "person": person, "before": offer.giver, "handoff": offer.event_id}
            return self._journal.append(
                Draft("role", f"{role}: {person} took over from {offer.giver}", data), self._clock()
            )

    def mitigation(self, text: str, data: Mapping[str, Any], occurred_at: Instant | None) -> Event:
        """Write down what was done to stop the harm. No gate makes it wait."""
        by = data.get("executed_by")
        named = {**data, "executed_by": person_of(by)} if isinstance(by, str) else data
        return self.write(Draft("mitigation", text, named, occurred_at))

    def action_item(self, text: str, data: Mapping[str, Any]) -> Event:
        """Add a follow-up, `A1`, or change one where `name` is given."""
        with self._alone():
            case = self.read()
            name = data.get("name")
            if name and not any(one.name == name for one in case.follow_ups):
                raise Unfit(f"there is no action item {name}")
            data = {**data, "owner": person_of(owner)} if isinstance(owner := data.get("owner"), str) else data
            return self._journal.append(
                Draft("follow_up", text, {**data, "name": name or f"A{len(case.follow_ups) + 1}"}), self._clock()
            )

    def message(
        self, template_id: str, fields: Mapping[str, str], *, sent: bool, next_due: str | None
    ) -> tuple[Event, list[str]]:
        """Draft a message, or write down that it was sent; returns what a person should look at.

        Raises:
            Unfit: There is no such template, or fields are missing.
        """
        template = comms.TEMPLATES.get(template_id)
        if template is None:
            raise Unfit(f"no template {template_id!r}: {', '.join(comms.TEMPLATES)}")
        case, now = self.read(), self._clock()
        try:
            body = comms.body_of(template, fields, case)
        except comms.BadFields as error:
            raise Unfit(str(error)) from None
        found = comms.lints(body, template, case, now, sorted({*case.roles.values(), *case.authors}))
        data: dict[str, Any] = {
            "template": template.id, "audience": template.audience, "fields": dict(fields),
            "sent_at": rfc3339(now) if sent else None, "next_due": next_due or fields.get("next_at"), "lints": found,
        }  # fmt: skip
        return self.write(Draft("comms", body, data)), found

    # Hypotheses.

    def hypothesis(self, statement: str, data: Mapping[str, Any], evidence: Sequence[str] = ()) -> Event:
        """Write down a hypothesis as a draft."""
        with self._alone():
            case = self.read()
            given = {**data, "name": f"H{len(case.hypotheses) + 1}", "statement": statement, "to": "draft"}
            return self._journal.append(
                Draft("hypothesis", f"{given['name']}: {statement}", given, evidence=tuple(evidence)), self._clock()
            )

    def predict(self, name: str, text: str, data: Mapping[str, Any]) -> Event:
        """Add a prediction, and open the hypothesis where it is a draft and this could fail.

        Where `every_s` is not given it is asked every `ASKED_EVERY_S`, unless only a person can see it.

        Raises:
            BadPrediction: It is none of the forms.
            Unfit: There is no such hypothesis.
        """
        manual = question_of(text).kind == "manual"
        every_s = None if manual else data.get("every_s") or ASKED_EVERY_S
        if not manual and redact_wholly(text) != text:
            raise Unfit(
                "the record keeps neither secrets nor addresses of e-mail, so that this question would be another one there: ask without it"
            )
        with self._alone():
            one = self._one(name)
            given = {**data, "hypothesis": one.name, "name": f"P{len(one.predictions) + 1}", "every_s": every_s}
            event = self._journal.append(Draft("prediction", text.strip(), given), self._clock())
            case = self.read()
            made = case.hypothesis(one.name)
            if made is not None and made.state is HypothesisState.DRAFT:
                try:
                    check_change(case, made, HypothesisState.OPEN, (), "")
                except NotAllowed:
                    return event
                self._turn(made, HypothesisState.OPEN, "it has a prediction that could fail", (), "console")
            return event

    def result(
        self, name: str, prediction: str, outcome: Outcome, data: Mapping[str, Any], says: str, by: str = "console"
    ) -> Event:
        """Write down what a prediction turned out to be, and the change of state that follows by the rules."""
        with self._alone():
            one = self._one(name)
            known = next((p for p in one.predictions if p.name.lower() == prediction.lower()), None)
            if known is None:
                raise Unfit(
                    f"{one.name} has no prediction {prediction}: {', '.join(p.name for p in one.predictions) or 'none'}"
                )
            given = {**data, "hypothesis": one.name, "prediction": known.name, "outcome": str(outcome)}
            flip = f" (was {known.outcome})" if known.outcome not in (Outcome.UNKNOWN, outcome) else ""
            event = self._journal.append(
                Draft("result", f"{one.name}.{known.name} {outcome}{flip}: {says}", given, source=by), self._clock()
            )
            after, done = self._one(name), mitigated(self.read())
            after = replace(after, state=restored(after, done))
            to = state_by_evidence(after, done)
            if to is not one.state:
                self._turn(replace(after, state=one.state), to, f"{known.name} {outcome}", (), "console")
            return event

    def saw(self, name: str, prediction: str, outcome: Outcome, says: str) -> Event:
        """Write down what a person saw of a prediction; raises as `result`."""
        return self.result(
            name, prediction, outcome, {"by": person_of(self.author)}, says or "seen by a person", by="human"
        )

    def turn(self, name: str, to: HypothesisState, reason: str, evidence: Sequence[str] = (), by: str = "") -> Event:
        """Change a hypothesis' state as a person.

        Args:
            by: The refinement that supersedes it; empty: the newest one that was written as such.

        Raises:
            NotAllowed: The rules of the ledger forbid it.
            Unfit: There is no such hypothesis.
        """
        with self._alone():
            one = self._one(name)
            named = tuple(item.upper() for item in evidence)
            case = self.read()
            check_change(case, one, to, named, reason)
            if to is HypothesisState.SUPERSEDED:
                return self._supersede(one, successor(case, one, by), reason, named)
            return self._turn(one, to, reason, named, "human", intervention=to is HypothesisState.CONFIRMED)

    def _supersede(self, one: Hypothesis, other: Hypothesis, reason: str, evidence: tuple[str, ...]) -> Event:
        """Put a refinement in the place of a hypothesis."""
        if other.parent is None:
            refines = {"name": other.name, "parent": one.name}
            self._journal.append(Draft("hypothesis", f"{other.name} refines {one.name}", refines), self._clock())
        return self._turn(one, HypothesisState.SUPERSEDED, reason, evidence, "human", heir=other.name)

    def support(self, name: str, evidence: Sequence[str], rivals: Sequence[str] = ()) -> Event:
        """Bind evidence to a hypothesis, or name its rivals, without a change of state."""
        with self._alone():
            one = self._one(name)
            case = self.read()
            unknown = [item for item in evidence if case.item(item) is None]
            if unknown:
                raise Unfit(f"there is no evidence {', '.join(unknown)}")
            told = ", ".join([*evidence, *(f"rival {rival}" for rival in rivals)])
            data = {"name": one.name, "rivals": list(rivals)}
            return self._journal.append(
                Draft("hypothesis", f"{one.name}: {told}", data, evidence=tuple(item.upper() for item in evidence)),
                self._clock(),
            )

    def _turn(
        self,
        one: Hypothesis,
        to: HypothesisState,
        reason: str,
        evidence: tuple[str, ...],
        by: str,
        *,
        intervention: bool = False,
        heir: str = "",
    ) -> Event:
        data = {
            "name": one.name,
            "from": str(one.state),
            "to": str(to),
            "reason": reason.strip(),
            "intervention": intervention,
            **({"by": heir} if heir else {}),
        }
        text = f"{one.name} {one.state} to {to}{f' by {heir}' if heir else ''}{f': {reason.strip()}' if reason.strip() else ''}"
        return self._journal.append(Draft("hypothesis", text, data, source=by, evidence=evidence), self._clock())

    def _one(self, name: str) -> Hypothesis:
        case = self.read()
        one = case.hypothesis(name)
        if one is None:
            raise Unfit(f"there is no hypothesis {name}: {', '.join(h.name for h in case.hypotheses) or 'none yet'}")
        return one


def _named(draft: Draft, name: str) -> Draft:
    """Evidence with its name and the digest of what is kept: of the text without its secrets."""
    kept = cleaned(redact_json({key: value for key, value in draft.data.items() if value not in (None, "", [])}))
    return replace(draft, data={**kept, "name": name, "digest": digest_of(kept)})


@contextmanager
def _next_tokens(folder: Path) -> Iterator[None]:
    """With the tokens of the case that is opened next; where that cannot be written to, opening it will say so."""
    try:
        key = next_key(folder)
    except OSError:
        yield
        return
    with keyed(key):
        yield


def severity_of(text: str) -> str:
    """A severity as it is written here: P1, p1, 1 and SEV1 are the same; raises `Unfit` for what is none."""
    value = f"P{text.strip().upper().removeprefix('SEV').removeprefix('-').removeprefix('P')}"
    if value not in SEVERITIES:
        raise Unfit(f"no severity {text!r}: {', '.join(SEVERITIES)}")
    return value
