"""What every screen of the console has: header, breadcrumb, panes with one cursor each, filter line, footer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.message import Message
from textual.widget import AwaitMount, Widget

from console.actions import ACTIONS, Action
from console.domain.diagnosis import JudgedChange
from console.domain.instant import span_text
from console.domain.logs import Level, LogRecord
from console.live.session import Session
from console.live.timeview import LONGEST_S, SHORTEST_S
from console.screens.case_actions import CaseActions
from console.screens.further import FurtherActions, service_of
from console.screens.mending import fix_of
from console.screens.moments import moment_of, next_change
from console.screens.places import AllLines, Around, FixOf, Lines, RequestOf, WhetherRecovered
from console.screens.time_actions import TimeActions
from console.state import ConsoleState
from widgets.body import Look
from widgets.footer import Footer
from widgets.header import Header
from widgets.log_lines import Hints
from widgets.logs import LogsPane
from widgets.pane import Pane

if TYPE_CHECKING:
    from console.screens.narrowing import Telling

FILTER_HINT = "words, /regex/, level:>=warn, service:x, status:5xx, -not, !everything but; ↑ older filters"
SEARCH_HINT = "words, /regex/, field:value; then n and N go from match to match"


def few_panes(panes: int) -> str:
    """Why a pane cannot be gone to."""
    return f"this screen has {panes} pane{'s' if panes > 1 else ''}"


def is_error(record: LogRecord) -> bool:
    """Whether it is at error level or worse."""
    return record.level >= Level.ERROR


class ConsoleScreen(TimeActions, FurtherActions, CaseActions):
    """A place in the console. Subclasses say which panes it has and how they are filled."""

    AUTO_FOCUS = ""

    class Open(Message):
        """The user entered the selected thing."""

        def __init__(self, item: object) -> None:
            super().__init__()
            self.item = item

    class Quit(Message):
        """q where there is nothing above."""

    class Notice(Message):
        """Something to tell in the footer, for a moment."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Copy(Message):
        """A whole text for the clipboard, as it is: whoever made it left no secret in it.

        Args:
            named: What it is.
        """

        def __init__(self, text: str, named: str) -> None:
            super().__init__()
            self.text, self.named = text, named

    def __init__(self, session: Session, crumbs: tuple[str, ...] = (), actions: Sequence[Action] = ACTIONS) -> None:
        super().__init__()
        self.session = session
        self.crumbs = crumbs
        self.header = Header()
        self.footer = Footer(actions)
        self.look = Look()
        self._zoomed: Pane | None = None

    def compose(self) -> ComposeResult:
        """Header on top, the panes, the keys at the bottom."""
        yield self.header
        yield from self.body()
        yield self.footer

    def body(self) -> Iterable[Widget]:
        """The panes, inside their containers."""
        raise NotImplementedError

    def panes(self) -> list[Pane]:
        """The panes in the order of their numbers; hidden ones too."""
        raise NotImplementedError

    def show_body(self, state: ConsoleState) -> None:
        """Hand each pane its part of the state."""
        raise NotImplementedError

    def show(self, state: ConsoleState) -> None:
        """Show a new state."""
        self.look = Look(state.now, self.session.zone)
        self.header.show_view(state.header, self.look, " › ".join(self.crumbs), state.news)
        hints = Hints(self.session.search_text, frozenset(self.session.marks))
        for pane in self.panes():
            if isinstance(pane, LogsPane):
                pane.hint(hints)
        self.footer.show_keys(self.refusals(), self.pane_name(), len(self.panes()))
        self.show_body(state)
        self.on_logs_pane_following()

    def tail(self) -> LogsPane | None:
        """The pane that shows the newest lines as they come, where the screen has one."""
        return None

    def on_logs_pane_following(self) -> None:
        """Lines that somebody reads stay where they are, however fast others come."""
        if (tail := self.tail()) is not None:
            self.session.hold_lines(not tail.following)

    def pane_name(self) -> str:
        """What the actions table calls the pane that has the cursor."""
        return "logs" if isinstance(self.current(), LogsPane) else self.current().title.lower()

    # The pane that has the cursor.

    def visible_panes(self) -> list[Pane]:
        """Panes that can be reached on this size."""
        return [pane for pane in self.panes() if pane.display]

    def current(self) -> Pane:
        """The focused pane; the first one where nothing is focused."""
        focused = self.focused
        if isinstance(focused, Pane):
            return focused
        shown = self.visible_panes()
        return shown[0] if shown else self.panes()[0]

    def first(self) -> Pane:
        """The pane that has the cursor to begin with."""
        return self.current()

    def on_mount(self) -> None:
        """One pane has the cursor."""
        self.set_focus(self.first())

    def go_to(self, number: int) -> None:
        """Focus the pane with this number."""
        panes = self.panes()
        if not 1 <= number <= len(panes):
            self.post_message(self.Notice(few_panes(len(panes))))
            return
        if self._zoomed is not None:
            self._give_all_to(panes[number - 1])
        self.set_focus(panes[number - 1])

    def do_pane_1(self) -> None:
        """Focus the first pane."""
        self.go_to(1)

    def do_pane_2(self) -> None:
        """Focus the second pane."""
        self.go_to(2)

    def do_pane_3(self) -> None:
        """Focus the third pane."""
        self.go_to(3)

    def do_pane_4(self) -> None:
        """Focus the fourth pane."""
        self.go_to(4)

    def do_pane_5(self) -> None:
        """Focus the fifth pane."""
        self.go_to(5)

    def cycle(self, step: int) -> None:
        """Focus the next or the previous visible pane."""
        shown = self.visible_panes()
        if shown:
            here = shown.index(self.current()) if self.current() in shown else 0
            self.set_focus(shown[(here + step) % len(shown)])

    # Actions that mean the same everywhere.

    def do_up(self) -> None:
        """Previous row."""
        self.current().move(-1)

    def do_down(self) -> None:
        """Next row."""
        self.current().move(1)

    def do_page_up(self) -> None:
        """One page up."""
        self.current().page(-1)

    def do_page_down(self) -> None:
        """One page down."""
        self.current().page(1)

    def do_top(self) -> None:
        """First row."""
        self.current().to_top()

    def do_bottom(self) -> None:
        """Last row."""
        self.current().to_bottom()

    def do_next_pane(self) -> None:
        """Focus the next pane."""
        self.cycle(1)

    def do_previous_pane(self) -> None:
        """Focus the pane before."""
        self.cycle(-1)

    def do_open(self) -> None:
        """Enter the selection."""
        if not self._refused("open"):
            self.post_message(self.Open(self.current().selected()))

    def do_back(self) -> None:
        """Leave this screen."""
        self.app.pop_screen()

    def do_quit(self) -> None:
        """Leave this screen."""
        self.do_back()

    def do_cancel(self) -> None:
        """Undo the innermost thing; here: the zoom, else leave."""
        if self.maximized_pane() is not None:
            self.do_zoom()
        else:
            self.do_back()

    # Changes, in the order of their times.

    def do_next_marker(self) -> None:
        """The change after the selected moment."""
        self._to_change(later=True)

    def do_previous_marker(self) -> None:
        """The change before the selected moment."""
        self._to_change(later=False)

    def _to_change(self, *, later: bool) -> None:
        state, here = self.session.state(), self.here()
        at = moment_of(here)
        if at is None:
            at = state.changes.onset if state.changes.onset is not None else state.now
        found = next_change(state.changes.changes, here, at, later=later)
        if found is None:
            self.post_message(self.Notice(f"no change {'after' if later else 'before'} this moment is known"))
        else:
            self.show_change(found)

    def here(self) -> object | None:
        """What is selected; on the screen of one thing, that thing."""
        return self.current().selected()

    def show_change(self, change: JudgedChange) -> None:
        """Go to a change: its own screen, where there is no list of changes."""
        self.post_message(self.Open(change))

    # The filter.

    filters_here = False
    """Whether the filter of the log pane is shown here, so that it can be changed in place."""

    def _own_query(self) -> str | None:
        """What the lines of the current pane match, where that is not the filter."""
        from console.screens.record_lines import RecordLines  # not for the first frame

        pane = self.current()
        return pane.query_text if isinstance(pane, RecordLines) else None

    def _query_shown(self) -> str:
        own = self._own_query()
        return own if own is not None else self.session.filter_text

    def do_logs(self) -> None:
        """The log screen, with the filter as it is."""
        if not self._refused("logs"):
            self.post_message(self.Open(AllLines()))

    def do_filter(self) -> AwaitMount | None:
        """Filter the log lines as you type; where they are lines of another query, on a screen below."""
        from console.screens.dialogs import LineDialog  # not for the first frame

        if self._refused("filter"):
            return None
        session, old = self.session, self._query_shown()

        def closed(text: str | None) -> None:
            if self.filters_here:
                session.try_filter(old if text is None else text)
            elif text is not None and text.strip():
                self.post_message(self.Open(Lines(session.query_of(text), "filtered")))
            if text is not None:
                session.remember_filter(old)
                session.remember_filter(text.strip())
            self.show(session.state())

        attempt = session.try_filter if self.filters_here else session.query_problem
        # With a blank behind it, so that the next term can be typed at once.
        return self.app.push_screen(
            LineDialog("/", f"{old} " if old else "", FILTER_HINT, attempt, session.past_filters), closed
        )

    def do_invert(self) -> None:
        """Show what the filter hides, and hide what it shows."""
        from console.query.about import inverted  # not for the first frame

        if not self._refused("invert"):
            text = inverted(self.session.filter_text)
            self.post_message(self.Notice(self.session.try_filter(text) or f"filter: {text}"))

    # Actions on log lines, wherever there are some.

    def lines_pane(self) -> LogsPane | None:
        """The log pane that actions on lines work in."""
        pane = self.current()
        return pane if isinstance(pane, LogsPane) else None

    def _lines_for(self, action: str) -> LogsPane | None:
        return None if self._refused(action) else self.lines_pane()

    def do_follow(self) -> None:
        """Follow the tail, or stop."""
        if pane := self._lines_for("follow"):
            pane.follow(not pane.following)

    def do_fold(self) -> None:
        """Show or hide the further lines of a record."""
        if pane := self._lines_for("fold"):
            pane.fold()

    def do_next_error(self) -> None:
        """The next record at error level or worse."""
        if (pane := self._lines_for("next_error")) and not pane.next_where(1, is_error):
            self.post_message(self.Notice("no error below this line"))

    def do_previous_error(self) -> None:
        """The previous record at error level or worse."""
        if (pane := self._lines_for("previous_error")) and not pane.next_where(-1, is_error):
            self.post_message(self.Notice("no error above this line"))

    def do_search(self) -> AwaitMount | None:
        """Look for a query in the lines without filtering them."""
        from console.screens.dialogs import LineDialog  # not for the first frame

        if self._lines_for("search") is None:
            return None
        old = self.session.search_text

        def attempt(text: str) -> str | None:
            problem = self.session.query_problem(text)
            if problem is None:
                self.session.search_text = self.session.query_of(text)
                self.show(self.session.state())
            return problem

        def closed(text: str | None) -> None:
            self.session.search_text = old if text is None else self.session.query_of(text)
            self.show(self.session.state())
            if text is not None and text.strip():
                self.do_previous_match() if self._follows() else self.do_next_match()

        return self.app.push_screen(LineDialog("find", old, SEARCH_HINT, attempt), closed)

    def _follows(self) -> bool:
        pane = self.lines_pane()
        return pane is not None and pane.following

    def do_next_match(self) -> None:
        """The next line that matches what is searched for, else the filter."""
        self._to_match("next_match", 1, "below")

    def do_previous_match(self) -> None:
        """The previous one."""
        self._to_match("previous_match", -1, "above")

    def _to_match(self, action: str, delta: int, where: str) -> None:
        from console.query.evaluate import compile_query  # not for the first frame
        from console.query.parse import parse

        pane = self._lines_for(action)
        if pane is None:
            return
        text = self.session.search_text or pane.sought
        found = pane.next_where(delta, compile_query(parse(text)).matches)
        if found is None:
            told = f"nothing {where} this line matches {text}: the {len(pane.view.records):,} lines shown were searched"
        else:
            told = f"match {found[0]:,} of {found[1]:,} for {text}"
        self.post_message(self.Notice(told))

    def do_only_this(self) -> None:
        """Only what the selected record, pattern or field says."""
        from console.screens.narrowing import only  # not for the first frame

        self._narrow("only_this", only)

    def do_not_this(self) -> None:
        """Everything but what the selected record, pattern or field says."""
        from console.screens.narrowing import without  # not for the first frame

        self._narrow("not_this", without)

    def _narrow(self, action: str, made: Callable[[str, Telling], str | None]) -> None:
        from console.screens.narrowing import Telling  # not for the first frame

        item = self.current().selected()
        if self._refused(action) or not isinstance(item, Telling):
            return
        text = made(self._query_shown(), item)
        if text is None:
            self.post_message(self.Notice("the filter says this already"))
        elif self.filters_here:
            self.session.remember_filter(self.session.filter_text)
            self.post_message(self.Notice(self.session.try_filter(text) or f"filter: {text}"))
        else:
            self.post_message(self.Open(Lines(text, "filtered")))

    def do_trace(self) -> None:
        """Every line of the record's trace."""
        from console.screens.narrowing import trace_of  # not for the first frame

        record = self.here()
        if not self._refused("trace") and isinstance(record, LogRecord):
            self.post_message(self.Open(trace_of(record)))

    def do_context(self) -> None:
        """What the record's source said around it."""
        record = self.here()
        if not self._refused("context") and isinstance(record, LogRecord):
            self.post_message(self.Open(Around(record)))

    def do_reproduce(self) -> None:
        """What would be sent to make the record's request fail again."""
        record = self.here()
        if not self._refused("reproduce") and isinstance(record, LogRecord):
            self.post_message(self.Open(RequestOf(record)))

    def fix_place(self) -> FixOf | str:
        """Where what is meant here would be mended; else why there is no such place."""
        return fix_of(self.here(), self.session.state())

    def do_fix(self) -> AwaitMount | None:
        """The commits of the deploy, and its fix branch."""
        place = self.fix_place()
        if not self._refused("fix") and isinstance(place, FixOf):
            self.open_place(place)
        return None

    # What the actions of the case need.

    def tell(self, text: str) -> None:
        """In the footer, for a moment; where this screen was left meanwhile, in that of the one in front."""
        notice = self.Notice(text)
        self.post_message(notice) if self.is_attached else self.app.post_message(notice)

    def refused(self, action: str) -> bool:
        """Whether it cannot be used now; then the reason is told."""
        return self._refused(action)

    # The places behind the overview.

    def open_place(self, place: object) -> None:
        """Go there."""
        self.post_message(self.Open(place))

    def do_contract(self) -> None:
        """Write down what recovered means, and show it."""
        self.run_worker(self._write_contract(), name="contract", group="contract", exclusive=True, exit_on_error=False)

    async def _write_contract(self) -> None:
        told = await self.session.write_contract()
        self.contract_written()
        self.post_message(self.Notice(told))

    def contract_written(self) -> None:
        """Show it, where it is not shown already."""
        self.open_place(WhetherRecovered())

    def service_meant(self) -> str:
        """Of what is selected, else of the worst symptom."""
        return service_of(self.here(), self.session.state())

    # What can be done with the selection.

    def refusals(self) -> dict[str, str]:
        """Why actions cannot be used now, by their ids."""
        from console.screens.selection import IN_REPLAY, refusals  # not for the first frame

        found = {**self._not_here(), **refusals(self.current(), self.here(), self.lines_pane())}
        if self.session.replaying:
            found |= IN_REPLAY
        return {name: reason for name, reason in found.items() if reason}

    def _not_here(self) -> dict[str, str]:
        """Reasons that lie in the place and in the window, not in the selection."""
        from console.screens.selection import FIXING, NO_FIX, NO_REQUEST, OF_CASE, SENDING  # not for the first frame

        view, panes = self.session.scope.view, len(self.panes())
        can_filter = self.filters_here or self._own_query() is not None
        found = {f"pane_{n}": few_panes(panes) for n in range(panes + 1, 6)} | dict.fromkeys(SENDING, NO_REQUEST)
        found |= dict.fromkeys(FIXING, NO_FIX)
        if self.pane_name() != "case":
            found |= dict.fromkeys(OF_CASE, "I opens the case first")
        found |= {
            "later": "the window ends now" if view.live else "",
            "live": "the window ends now" if view.live else "",
            "wider": f"{span_text(LONGEST_S)} is the longest window" if view.span_s >= LONGEST_S else "",
            "narrower": f"{span_text(SHORTEST_S)} is the shortest window" if view.span_s <= SHORTEST_S else "",
            "zoom": "this pane has the whole screen already" if panes < 2 else "",
            "fix": place if isinstance(place := self.fix_place(), str) else "",
            "filter": "" if can_filter else "there are no log lines here: l opens the log screen",
            "invert": self._not_invertible(),
        }
        return found

    def _not_invertible(self) -> str:
        if not self.filters_here:
            return "the filter is not shown here: l opens the log screen"
        return "" if self.session.filter_text else "there is no filter to invert"

    def selection_text(self) -> str:
        """What is selected, in its own words; empty where nothing is."""
        pane = self.current()
        return pane.value_under_cursor() if pane.selected() is not None else ""

    def _refused(self, action: str) -> bool:
        """Whether it cannot be used now; then the reason is told."""
        reason = self.refusals().get(action)
        if reason is not None:
            self.post_message(self.Notice(reason))
        return reason is not None

    def maximized_pane(self) -> Pane | None:
        """The pane that has the whole screen."""
        return self._zoomed

    def do_zoom(self) -> None:
        """Give the current pane the whole screen, or give it back."""
        if len(self.panes()) < 2:
            self.post_message(self.Notice("this pane has the whole screen already"))
            return
        pane = self.current()
        self._give_all_to(pane if self._zoomed is None else None)
        self.set_focus(pane)

    def _give_all_to(self, pane: Pane | None) -> None:
        self._zoomed = pane
        for one in self.panes():
            one.display = pane in (None, one)
            one.set_class(pane is one, "alone")
