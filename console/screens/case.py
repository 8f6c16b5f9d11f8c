"""The case on the screen: what is known of it, its hypotheses, its evidence, its timeline."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from textual import events
from textual.containers import Horizontal, Vertical
from textual.widget import AwaitMount, Widget

from console.actions import Action
from console.case.book import Book
from console.case.events import Event
from console.case.gates import WAYS, Wish
from console.case.mitigated import Mitigated, mitigated
from console.case.model import ROLES, SEVERITIES, Case, CaseState, EvidenceItem, Hypothesis
from console.case.predictions import BadPrediction, question_of
from console.domain.instant import clock_text
from console.live.desk import NO_CASE, Desk
from console.live.session import Session
from console.screens.base import ConsoleScreen
from console.screens.details import DetailScreen
from console.screens.dialogs import LineDialog
from console.screens.predicting import ask_predictions
from console.screens.recording import keep_verdict
from console.state import ConsoleState
from widgets import case as painters
from widgets.body import Body, Look
from widgets.pane import Pane
from widgets.text_view import TextView

NARROW_COLUMNS = 100
REFRESH_S = 2.0
"""What others write is seen within this time."""
HYPOTHESIS_HINT = (
    "a cause, and behind | what is seen if it holds: the pool is exhausted | max(pool_in_use, checkout) >= 20 over 5m"
)
ROLE_HINT = f"a role and a name (ic ann), - for nobody, or `accept ic`: {' '.join(ROLES)}"
ACCEPT = "accept"
STATE_HINT = "a state or a severity (P0 to P3), and a reason behind it: {}"


class CaseScreen(ConsoleScreen):
    """Four panes of one case; where none is open, the cases that there are."""

    def __init__(self, session: Session, crumbs: tuple[str, ...], actions: Sequence[Action]) -> None:
        super().__init__(session, crumbs, actions)
        self.summary, self.ledger = TextView(), TextView()
        self.kept, self.timeline = TextView(), TextView()
        self._left = Vertical(self.summary, self.ledger, id="case-left")
        self._right = Vertical(self.kept, self.timeline, id="case-right")
        self._lower: Pane = self.timeline
        self._busy = False
        self._seen = 0
        """Entries that were on the screen when the reader's look was last remembered."""
        for number, pane in enumerate(self.panes(), 1):
            pane.number = number

    def body(self) -> Iterable[Widget]:
        yield Horizontal(self._left, self._right, id="body")

    def panes(self) -> list[Pane]:
        return [self.summary, self.ledger, self.kept, self.timeline]

    def pane_name(self) -> str:
        return "case"

    def on_mount(self) -> None:
        """Read the record now, and again and again while it is shown."""
        super().on_mount()
        self.divide()
        self.set_interval(REFRESH_S, self.read_again, name="case")
        self.read_again()

    def read_again(self) -> None:
        """Read what was added, unless that is under way."""
        desk = self.desk
        if desk is None or self._busy:
            return
        self._busy = True
        self.run_worker(self._read(desk), name="record", group="record", exit_on_error=False)

    async def _read(self, desk: Desk) -> None:
        try:
            await desk.refresh()
            seen = len(desk.case.events) if desk.case is not None else 0
            if seen != self._seen:
                self._seen = seen
                await desk.looked()
        finally:
            self._busy = False
        self.show(self.session.state())

    def after_writing(self, told: str) -> None:
        """Show what is in the record now."""
        self.tell(told)
        self.show(self.session.state())

    def show_body(self, state: ConsoleState) -> None:
        view = self.session.case_view()
        case = view.case
        name = f"Case {case.id}" if case is not None else "Cases"
        self.summary.show_content(name, lambda w, h, look: painters.summary(view, w, h, look), self.look)
        count = len(case.hypotheses) if case is not None else 0
        self.ledger.show_content(
            f"Hypotheses · {count}", lambda w, h, look: painters.hypotheses(view, w, h, look), self.look
        )
        count = len(case.evidence) if case is not None else 0
        self.kept.show_content(f"Evidence · {count}", lambda w, h, look: painters.evidence(view, w, h, look), self.look)
        self.timeline.show_content("Timeline", lambda w, h, look: painters.timeline(view, w, h, look), self.look)

    # Layout.

    def on_resize(self, event: events.Resize) -> None:
        """Divide the new size."""
        self.divide()

    def divide(self) -> None:
        """Two columns; on a narrow screen the summary above one other pane."""
        narrow = self.size.width < NARROW_COLUMNS
        shown = (
            {self._zoomed} if self._zoomed is not None else {self.summary, self._lower} if narrow else set(self.panes())
        )
        for pane in self.panes():
            pane.display = pane in shown
        for column in (self._left, self._right):
            column.display = any(pane in shown for pane in column.children)
        self.query_one("#body").styles.layout = "vertical" if narrow else "horizontal"

    def go_to(self, number: int) -> None:
        """On a narrow screen the pane takes the lower half."""
        panes = self.panes()
        if 1 < number <= len(panes):
            self._lower = panes[number - 1]
        if 1 <= number <= len(panes) and self._zoomed is not None:
            self._zoomed = panes[number - 1]
        self.divide()
        super().go_to(number)

    def _give_all_to(self, pane: Pane | None) -> None:
        self._zoomed = pane
        self.divide()

    # What can be done.

    def do_case(self) -> AwaitMount | None:
        """A new case."""
        return self.ask_for_case()

    def do_open(self) -> None:
        """Take up a case of the list; else enter what is selected."""
        chosen = self.current().selected()
        if isinstance(chosen, Case):
            self.in_case(lambda desk: _taken_up(desk, chosen.id))
        else:
            super().do_open()

    def do_hypothesis(self) -> AwaitMount | None:
        """Type a hypothesis and what is seen if it holds."""
        if self._without_case():
            return None

        def problem(text: str) -> str | None:
            _, bar, predicts = text.partition("|")
            try:
                question_of(predicts) if bar and predicts.strip() else None
            except BadPrediction as error:
                return str(error)
            return None

        def typed(text: str | None) -> None:
            if text and text.strip():
                self.in_case(lambda desk: _suppose(desk, text))

        return self.app.push_screen(LineDialog("hypothesis", "", HYPOTHESIS_HINT, problem), typed)

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

    def do_role(self) -> AwaitMount | None:
        """Type a role and who has it."""
        if self._without_case():
            return None

        def typed(text: str | None) -> None:
            if text and text.strip() and _not_role(text) is None:
                self.in_case(lambda desk: _given(desk, text))

        return self.app.push_screen(LineDialog("role", "", ROLE_HINT, _not_role), typed)

    async def _with_verdict(self, desk: Desk, text: str) -> str:
        """Write the newest verdict of the recovery into the record before the case is resolved by it; then ask the predictions."""
        if text.split()[0].lower() in (CaseState.RESOLVED, CaseState.CLOSED) and not self.session.replaying:
            await keep_verdict(desk, await self.session.recovery())
        told = await _moved(desk, text)
        await ask_predictions(self.session, desk, only_due=False)
        return told

    def do_check(self) -> None:
        """Ask every prediction now."""
        desk = self.desk
        if self._without_case() or desk is None or desk.case is None:
            return
        self.in_case(self._asked)

    async def _asked(self, desk: Desk) -> str:
        asked = await ask_predictions(self.session, desk, only_due=False)
        if not asked:
            return "no prediction that a program can ask: h writes one"
        return f"{asked} prediction{'s' if asked != 1 else ''} asked{_as_at(desk.case)}"

    def _without_case(self) -> bool:
        desk = self.desk
        if desk is None or desk.case is None:
            self.tell(NO_CASE)
            return True
        return False


class ItemScreen(DetailScreen):
    """One thing of a case in full: evidence, a hypothesis, an entry."""

    def __init__(
        self,
        session: Session,
        crumbs: tuple[str, ...],
        actions: Sequence[Action],
        item: EvidenceItem | Hypothesis | Event,
    ) -> None:
        super().__init__(session, crumbs, actions)
        self._item = item
        self.title_shown = "Entry" if isinstance(item, Event) else item.name

    def painted(self, state: ConsoleState, width: int, height: int, look: Look) -> Body:
        view, item = self.session.case_view(), self._item
        if isinstance(item, EvidenceItem):
            return painters.item(item, width, height, look)
        if isinstance(item, Event):
            return painters.entry(item, width, height, look)
        case = view.case or Case("")
        return painters.hypothesis(case.hypothesis(item.name) or item, case, width, height, look)


def _as_at(case: Case | None) -> str:
    """From which moment on the answers look back, where the harm was stopped."""
    done = mitigated(case) if case is not None else Mitigated()
    return f" as at the mitigation, {clock_text(done.moments[0])} UTC" if done.moments and done.over else ""


async def _taken_up(desk: Desk, case_id: str) -> str:
    await desk.attach(case_id)
    return f"writing into {case_id} from now on"


async def _suppose(desk: Desk, text: str) -> str:
    statement, bar, predicts = text.partition("|")

    def write(book: Book) -> str:
        name = str(book.hypothesis(statement.strip(), {}).data["name"])
        if bar and predicts.strip():
            book.predict(name, predicts.strip(), {})
        return name

    name = await desk.do(write)
    return f"{name} written down{'' if bar and predicts.strip() else '; it stays a draft until it predicts something'} · on the disk"


def _not_role(text: str) -> str | None:
    """What is wrong with a role as it was typed."""
    first, *names = text.split()
    role = (names[0] if names else "ic") if first.lower() == ACCEPT else first
    if role.lower() not in ROLES:
        return f"no role {role!r}: {', '.join(ROLES)}"
    return None if first.lower() == ACCEPT or len(names) == 1 else f"{first} and one name, or - for nobody"


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
        return f"{(await desk.do(lambda book: book.severity(word, reason))).text} · on the disk"
    wish = Wish(CaseState(word.lower()), reason.strip(), text=reason.strip())

    def move(book: Book) -> Event:
        return book.close(wish) if wish.to is CaseState.CLOSED else book.move(wish)

    event = await desk.do(move)
    return f"{event.text} · on the disk"
