"""What can be done on the screens of a case: hypotheses, what is seen if they hold, and how they stand; state, severity, roles.

The rules are those of `console.case`, as for `incident case`; what they say no to is told in their words.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from textual.widget import AwaitMount

from console.case.book import Blocked, Book, Unfit
from console.case.events import Draft, Event
from console.case.gates import WAYS, Wish
from console.case.hypotheses import LEAST_REASON, NotAllowed, check_change, successor
from console.case.mitigated import Mitigated, mitigated
from console.case.model import (
    ROLES,
    SEVERITIES,
    Case,
    CaseState,
    Hypothesis,
    HypothesisState,
    Outcome,
    Prediction,
    is_manual,
)
from console.case.predictions import BadPrediction, question_of
from console.domain.instant import clock_text
from console.live.desk import NO_CASE, Desk
from console.screens.base import ConsoleScreen
from console.screens.dialogs import LineDialog
from console.screens.keep import snapshot_of
from console.screens.predicting import ask_predictions
from console.screens.recording import keep_verdict, saved, too_short, why_all_the_same

HYPOTHESIS_HINT = (
    "a cause, and behind | what is seen if it holds: the pool is exhausted | max(pool_in_use, checkout) >= 20 over 5m; "
    "or: | manual: what a person sees | what would refute it; H1 | … adds one to H1"
)
ROLE_HINT = f"a role and a name (ic ann), - for nobody, or `accept ic`: {' '.join(ROLES)}"
ACCEPT = "accept"
STATE_HINT = "a state or a severity (P0 to P3), and a reason behind it: {}"
TURNS = {
    "confirm": HypothesisState.CONFIRMED,
    "refute": HypothesisState.REFUTED,
    "park": HypothesisState.PARKED,
    "reopen": HypothesisState.OPEN,
}
"""Which state an action gives a hypothesis."""
TURN_HINTS = {
    "confirm": "evidence of an intervention, or of the mechanism seen directly, and why: E9 the trace names the changed line",
    "refute": "evidence that refutes it, and why: E9 the pool was half empty; nothing where a must-hold fails",
    "park": f"why nothing can test it now, {LEAST_REASON} characters or more",
    "reopen": f"why; of a refuted one new evidence in front, and {LEAST_REASON} characters or more",
}
MOST_NAMED = 4
"""Kept evidence that a hint names, the newest."""
SUPERSEDE_HINT = "the hypothesis that says it more exactly, and why: H2 it names the pool; or a new one, and behind | what is seen if it holds"
NO_HYPOTHESIS = "no hypothesis yet: h writes one down"
WHICH_HYPOTHESIS = "select a hypothesis first: 2 goes to them"
NOTHING_FOR_A_PERSON = "no prediction of it waits for a person: A asks the others"
ANSWERS = (Outcome.HOLDS, Outcome.FAILS, Outcome.INCONCLUSIVE)
_NAME = re.compile(r"[Ee]\d+,?")


class LedgerScreen(ConsoleScreen):
    """A screen of a case."""

    def pane_name(self) -> str:
        return "case"

    def hypothesis_meant(self, case: Case) -> Hypothesis | None:
        """The one that is selected, as it stands now; where nothing is, the only one there is."""
        here = self.here()
        if isinstance(here, Hypothesis):
            return case.hypothesis(here.name)
        return case.hypotheses[0] if len(case.hypotheses) == 1 else None

    def after_writing(self, told: str) -> None:
        """Show what is in the record now."""
        self.tell(told)
        if self.is_attached:
            self.show(self.session.state())

    def _not_here(self) -> dict[str, str]:
        desk = self.desk
        case = desk.case if desk is not None else None
        return {**super()._not_here(), **_against(case, self.hypothesis_meant(case) if case is not None else None)}

    # Hypotheses.

    def do_hypothesis(self) -> AwaitMount | None:
        """Type a hypothesis and what is seen if it holds."""
        if self._without_case():
            return None

        def problem(text: str) -> str | None:
            _, predicts, _ = parts_of(text)
            try:
                question_of(predicts) if predicts else None
            except BadPrediction as error:
                return str(error)
            return None

        def typed(text: str | None) -> None:
            if text and text.strip():
                self.in_case(lambda desk: _suppose(desk, text))

        return self.app.push_screen(LineDialog("hypothesis", "", HYPOTHESIS_HINT, problem), typed)

    def do_confirm(self) -> AwaitMount | None:
        """Confirm the hypothesis."""
        return self._turn("confirm")

    def do_refute(self) -> AwaitMount | None:
        """Refute it."""
        return self._turn("refute")

    def do_park(self) -> AwaitMount | None:
        """Park it."""
        return self._turn("park")

    def do_reopen(self) -> AwaitMount | None:
        """Open it again."""
        return self._turn("reopen")

    def do_supersede(self) -> AwaitMount | None:
        """Put another in its place: one that is there, or one that is written down now."""
        case = self._case_for("supersede")
        one = self.hypothesis_meant(case) if case is not None else None
        if case is None or one is None:
            return None

        def problem(text: str) -> str | None:
            heir, reason = _heir(text)
            try:
                if heir:
                    successor(case, one, heir)
                    return refused(case, one, HypothesisState.SUPERSEDED, (), reason)
                _, predicts, _ = parts_of(text)
                question_of(predicts) if predicts else None
            except (NotAllowed, BadPrediction) as error:
                return str(error)
            return None

        def typed(text: str | None) -> None:
            if text and text.strip():
                self.in_case(lambda desk: _superseded(desk, one.name, text))
            else:
                self.tell(f"{one.name} stays {one.state}")

        others = " ".join(other.name for other in case.hypotheses if other.name != one.name)
        hint = f"{SUPERSEDE_HINT}{f' · there are: {others}' if others else ''}"
        return self.app.push_screen(LineDialog(f"supersede {one.name}", "", hint, problem), typed)

    def _turn(self, action: str) -> AwaitMount | None:
        """Type the evidence and the reason that the rules want for it."""
        case = self._case_for(action)
        one = self.hypothesis_meant(case) if case is not None else None
        if case is None or one is None:
            return None
        name, to = one.name, TURNS[action]

        def problem(text: str) -> str | None:
            return refused(case, one, to, *grounds(text))

        def typed(text: str | None) -> None:
            if text is None:
                self.tell(f"{name} stays {one.state}")
            else:
                self.in_case(lambda desk: _turned(desk, name, to, text))

        kept = _kept(case)
        hint = f"{TURN_HINTS[action]}{f' · kept: {kept}' if kept and action != 'park' else ''}"
        return self.app.push_screen(LineDialog(f"{action} {name}", "", hint, problem), typed)

    def do_answer(self) -> AwaitMount | None:
        """Type what a person saw of a prediction."""
        case = self._case_for("answer")
        one = self.hypothesis_meant(case) if case is not None else None
        if one is None:
            return None
        asked = manual_ones(one)
        first = next((p for p in asked if p.outcome is Outcome.UNKNOWN), asked[0])

        def problem(text: str) -> str | None:
            found = answer_of(text, asked)
            return found if isinstance(found, str) else None

        def typed(text: str | None) -> None:
            found = answer_of(text, asked) if text and text.strip() else ""
            if isinstance(found, str):
                self.tell(found or "nothing was answered")
                return
            name, outcome, says = found
            self.in_case(lambda desk: _answered(desk, one.name, name, outcome, says))

        hint = f"holds, fails or inconclusive, and what you saw · {first.name} {first.text}"
        start = f"{first.name} " if len(asked) > 1 else ""
        return self.app.push_screen(LineDialog(f"{one.name}.{first.name}", start, hint, problem), typed)

    def do_check(self) -> None:
        """Ask every prediction now."""
        if not self._without_case():
            self.in_case(self._asked)

    async def _asked(self, desk: Desk) -> str:
        asked = await ask_predictions(self.session, desk, only_due=False)
        if not asked:
            return "no prediction that a program can ask: h writes one"
        return f"{asked} prediction{'s' if asked != 1 else ''} asked{_as_at(desk.case)}"

    # The case as a whole.

    def do_case_state(self) -> AwaitMount | None:
        """Type the next state, and a reason behind it."""
        desk = self.desk
        if self._without_case() or desk is None or desk.case is None:
            return None
        ways = [str(state) for state in WAYS.get(desk.case.state, ())]

        def problem(text: str) -> str | None:
            word = text.split()[0].lower() if text.split() else ""
            known = {*(str(state) for state in CaseState), *(one.lower() for one in SEVERITIES)}
            return None if word in known else f"no state {word!r}: {', '.join(ways)}"

        def typed(text: str | None) -> None:
            if text and text.strip() and problem(text) is None:
                self.in_case(lambda desk: self._with_verdict(desk, text))

        hint = STATE_HINT.format(", ".join(ways) or "the case has ended")
        return self.app.push_screen(LineDialog("state", ways[0] if ways else "", hint, problem), typed)

    async def _with_verdict(self, desk: Desk, text: str) -> str:
        """Write the newest verdict of the recovery into the record before the case is resolved by it; then ask the predictions."""
        if text.split()[0].lower() in (CaseState.RESOLVED, CaseState.CLOSED) and not self.session.replaying:
            await keep_verdict(desk, await self.session.recovery())
        told = await self._let_pass(desk, text)
        asked = ask_predictions(self.session, desk, only_due=False)  # takes a while: what is written is told before
        self.app.run_worker(asked, name="predictions", group="predictions", exit_on_error=False)
        return told

    async def _let_pass(self, desk: Desk, text: str) -> str:
        """Change the state; where only soft gates say no, ask once why all the same."""
        try:
            return await _moved(desk, text)
        except Blocked as no:
            if any(gate.hard for gate in no.gates):
                raise
            word, _, given = text.strip().partition(" ")
            told = "; ".join(f"{gate.rule}: {gate.says}" for gate in no.gates)
            hint = f"{told} · {why_all_the_same(no.gates)}"
            begin = "" if too_short(given) else given.strip()
            reason = await self.app.push_screen_wait(LineDialog("reason", begin, hint, too_short))
            if not reason or too_short(reason):
                raise
            return await _moved(desk, f"{word} {reason.strip()}")

    def do_snapshot(self) -> None:
        """Keep the diagnosis as it is now."""
        if self.refused("snapshot") or self._without_case():
            return
        state = self.session.state()
        if state.diagnosis is None:
            self.tell("there is no diagnosis yet to take a snapshot of")
            return
        drafts = snapshot_of(state.diagnosis, state, self.session.repeat)
        self.in_case(lambda desk: _kept_diagnosis(desk, drafts))

    def do_role(self) -> AwaitMount | None:
        """Type a role and who has it."""
        if self._without_case():
            return None

        def typed(text: str | None) -> None:
            if text and text.strip() and _not_role(text) is None:
                self.in_case(lambda desk: _given(desk, text))

        return self.app.push_screen(LineDialog("role", "", ROLE_HINT, _not_role), typed)

    def _case_for(self, action: str) -> Case | None:
        """The case, where the action can be used; else the reason is told."""
        if self.refused(action) or self._without_case() or self.desk is None:
            return None
        return self.desk.case

    def _without_case(self) -> bool:
        desk = self.desk
        if desk is None or desk.case is None:
            self.tell(NO_CASE)
            return True
        return False


# What the rules say.


def _against(case: Case | None, one: Hypothesis | None) -> dict[str, str]:
    """Why the actions on a hypothesis cannot be used, by their ids."""
    if case is None or one is None:
        why = NO_CASE if case is None else WHICH_HYPOTHESIS if case.hypotheses else NO_HYPOTHESIS
        return dict.fromkeys((*TURNS, "supersede", "answer"), why)
    everything = [item.name for item in case.evidence]
    turns = {**TURNS, "supersede": HypothesisState.SUPERSEDED}
    found = {action: refused(case, one, to, everything, "-" * LEAST_REASON) or "" for action, to in turns.items()}
    return {**found, "answer": "" if manual_ones(one) else NOTHING_FOR_A_PERSON}


def refused(
    case: Case, one: Hypothesis, to: HypothesisState, evidence: tuple[str, ...] | list[str], reason: str
) -> str | None:
    """What a rule says against a change of state; None: nothing."""
    try:
        check_change(case, one, to, evidence, reason)
    except NotAllowed as no:
        return str(no)
    return None


def manual_ones(one: Hypothesis) -> tuple[Prediction, ...]:
    """The predictions that only a person can judge."""
    return tuple(p for p in one.predictions if p.manual)


# What was typed.


def parts_of(text: str) -> tuple[str, str, str]:
    """A cause, what is seen if it holds, and for a person what would refute it; queries may hold bars."""
    statement, _, predicts = text.partition("|")
    if not is_manual(predicts):
        return statement.strip(), predicts.strip(), ""
    seen, _, refutes = predicts.partition("|")
    return statement.strip(), seen.strip(), refutes.strip()


def grounds(text: str) -> tuple[tuple[str, ...], str]:
    """The evidence that is named in front, and the reason behind it."""
    words = text.split()
    count = next((place for place, word in enumerate(words) if not _NAME.fullmatch(word)), len(words))
    return tuple(word.rstrip(",").upper() for word in words[:count]), " ".join(words[count:])


def _heir(text: str) -> tuple[str, str]:
    """The hypothesis that is named in front, and the reason behind it; no name: a new one is written."""
    name, _, reason = text.strip().partition(" ")
    return (name.rstrip(","), reason.strip()) if re.fullmatch(r"[Hh]\d+,?", name) else ("", "")


def answer_of(text: str, asked: tuple[Prediction, ...]) -> tuple[str, Outcome, str] | str:
    """Which prediction, its outcome and what was seen; or what is wrong with it."""
    names, words = {p.name.upper(): p.name for p in asked}, text.split()
    name = names.get(words[0].upper()) if words else None
    if name is not None:
        words = words[1:]
    elif len(asked) > 1:
        return f"say which: {', '.join(names)}"
    outcome = next((one for one in ANSWERS if words and words[0].lower() == one), None)
    if outcome is None:
        return f"say whether it holds: {', '.join(ANSWERS)}"
    return name or asked[0].name, outcome, " ".join(words[1:])


def _kept(case: Case) -> str:
    """Names of what people kept last."""
    mine = [item.name for item in case.evidence if item.event.source == "human" and item.event.id not in case.corrected]
    return " ".join(reversed(mine[-MOST_NAMED:]))


def _as_at(case: Case | None) -> str:
    """From which moment on the answers look back, where the harm was stopped."""
    done = mitigated(case) if case is not None else Mitigated()
    return f" as at the mitigation, {clock_text(done.moments[0])} UTC" if done.moments and done.over else ""


def _not_role(text: str) -> str | None:
    """What is wrong with a role as it was typed."""
    first, *names = text.split()
    role = (names[0] if names else "ic") if first.lower() == ACCEPT else first
    if role.lower() not in ROLES:
        return f"no role {role!r}: {', '.join(ROLES)}"
    return None if first.lower() == ACCEPT or len(names) == 1 else f"{first} and one name, or - for nobody"


# What is written.


async def _suppose(desk: Desk, text: str) -> str:
    statement, predicts, refutes = parts_of(text)

    def write(book: Book) -> str:
        known = book.read().hypothesis(statement)
        if known is None and re.fullmatch(r"[Hh]\d+", statement):
            raise Unfit(f"there is no hypothesis {statement}")
        if known is not None and not predicts:
            raise Unfit(f"{known.name} is there: write behind | what is seen if it holds")
        name = known.name if known is not None else str(book.hypothesis(statement, {}).data["name"])
        if predicts:
            book.predict(name, predicts, {"refutes": refutes})
        made = book.read().hypothesis(name)
        draft = made is not None and made.state is HypothesisState.DRAFT
        told = f"{name} {'predicts more' if known is not None else 'written down'}"
        return f"{told}; it stays a draft until it predicts something that could fail" if draft else told

    return f"{await desk.do(write)} · on the disk"


async def _superseded(desk: Desk, name: str, text: str) -> str:
    heir, reason = _heir(text)
    if heir:
        return await _told(desk, lambda book: book.turn(name, HypothesisState.SUPERSEDED, reason, by=heir))
    statement, predicts, refutes = parts_of(text)

    def write(book: Book) -> Event:
        made = str(book.hypothesis(statement, {"parent": name}).data["name"])
        if predicts:
            book.predict(made, predicts, {"refutes": refutes})
        return book.turn(name, HypothesisState.SUPERSEDED, f"{made} says it more exactly", by=made)

    return await _told(desk, write)


async def _turned(desk: Desk, name: str, to: HypothesisState, text: str) -> str:
    evidence, reason = grounds(text)
    return await _told(desk, lambda book: book.turn(name, to, reason, evidence))


async def _answered(desk: Desk, name: str, prediction: str, outcome: Outcome, says: str) -> str:
    return await _told(desk, lambda book: book.saw(name, prediction, outcome, says))


async def _told(desk: Desk, step: Callable[[Book], Event]) -> str:
    return f"{(await desk.do(step)).text} · on the disk"


async def _kept_diagnosis(desk: Desk, drafts: Sequence[Draft]) -> str:
    written = await desk.write(*drafts)
    kept = sum(event.kind == "evidence" for event in written)
    return saved(desk, f"snapshot taken, with {kept} piece{'s' if kept != 1 else ''} of evidence")


async def _given(desk: Desk, text: str) -> str:
    """Give a role; who has the command hands it over instead, and whoever it is offered to accepts."""
    first, *names = text.split()

    def give(book: Book) -> str:
        if first.lower() == ACCEPT:
            return book.accept((names[0] if names else "ic").lower(), book.author).text
        role, person = first.lower(), names[0]
        holder = book.read().roles.get(role)
        if role == "ic" and holder and person not in (holder, "-"):
            return f"{book.offer(role, person)[0].text}: it stays with {holder} until {person} accepts"
        return book.role(role, person).text

    return f"{await desk.do(give)} · on the disk"


async def _moved(desk: Desk, text: str) -> str:
    word, _, reason = text.strip().partition(" ")
    if word.upper() in SEVERITIES:
        return await _told(desk, lambda book: book.severity(word, reason))
    wish = Wish(CaseState(word.lower()), reason.strip(), text=reason.strip())
    return await _told(desk, lambda book: book.close(wish) if wish.to is CaseState.CLOSED else book.move(wish))
