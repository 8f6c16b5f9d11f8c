"""The screen of a reproduction: the exact request of a record, the guard's decision on it, and its tries."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from pathlib import Path

from textual.containers import Vertical
from textual.widget import AwaitMount, Widget
from textual.worker import Worker

from console.actions import Action
from console.case.entries import compared, minimised, verified
from console.case.entries import repro as entry_of_run
from console.domain.instant import Window
from console.domain.logs import LogRecord
from console.domain.text import SafeText
from console.fixing import Unknown, counts_of
from console.guard.policy import Verdict
from console.guard.sanitise import safe
from console.live.reproducing import CannotReproduce, Planned, Reproducing, Typed
from console.live.session import Session
from console.report.repro_json import compare_json, minimise_json, run_json, verify_json
from console.repro.export import FORMS
from console.repro.view import TriesView, TryView
from console.screens.base import ConsoleScreen
from console.screens.dialogs import LineDialog
from console.screens.narrowing import trace_of
from console.screens.selection import SENDING
from console.state import ConsoleState
from widgets import repro
from widgets.pane import Pane
from widgets.text_view import TextView

NOT_YET = "the request is being read"
BEFORE_HINT = "failures/tries before the fix, such as 10/10: of them follows how often it must pass now"
EXPORT_HINT = f"{', '.join(FORMS)}, and a new file behind it; without one it goes to the clipboard"
WITHOUT_REASON = "nothing was sent: a reason is needed, which the audit keeps"
TRACE_REACH_S = 300.0
"""Lines of one request lie so near to each other."""
GOES_ON = "it goes on where an earlier search was stopped, {}; once it has ended, n begins afresh"
NO_SEARCH = "no search for this request was stopped: i begins one"
NO_ENVIRONMENT = SafeText(
    "no environment is configured to send to: add an [[environment]] with name, tier (local, staging or production) and origin"
)


class ReproScreen(ConsoleScreen):
    """A record's request, and sending it. Nothing is sent before `s` or `i` is pressed."""

    def __init__(self, session: Session, crumbs: tuple[str, ...], actions: Sequence[Action], record: LogRecord) -> None:
        super().__init__(session, crumbs, actions)
        self._record = record
        self._way: Reproducing | None = session.reproducing() if session.reproducing is not None else None
        self._planned: Planned | None = None
        self._trace: tuple[LogRecord, ...] = ()
        self._problem = SafeText("")
        self._tries = TriesView()
        self._sending: Worker[None] | None = None
        self.request, self.tries = TextView(id="request"), TextView(id="tries")
        self.request.number, self.tries.number = 1, 2

    def body(self) -> Iterable[Widget]:
        yield Vertical(self.request, self.tries, id="body")

    def panes(self) -> list[Pane]:
        return [self.request, self.tries]

    def here(self) -> object:
        return self._record

    def pane_name(self) -> str:
        """Both panes are about one thing, and its keys work in both."""
        return "reproduction"

    def on_mount(self) -> None:
        """Read the request for the safest environment."""
        super().on_mount()
        if self._way is None or not self._way.environments:
            self._problem = NO_ENVIRONMENT
            return
        self._read_record(self._way, self._way.environments[0], None)

    def show_body(self, state: ConsoleState) -> None:
        view = self._planned.view if self._planned is not None else None
        where = f" · {view.environment}" if view is not None else ""
        self.request.show_content(
            f"Request{where}", lambda w, h, look: repro.request(view, self._problem, w, h, look), self.look
        )
        self.tries.show_content("Tries", lambda w, h, look: repro.tries(self._tries, w, h, look), self.look)

    def _read_record(self, way: Reproducing, environment: str, body: str | None) -> None:
        async def planned() -> Planned:
            if not self._trace and self._record.trace_id:
                about = trace_of(self._record).query
                self._trace = (await self.session.records(about, _around(self._record))).records
            case = self.desk.case if self.desk is not None else None
            incident = case.id if case is not None else ""
            return await way.of_record(self._record, environment, self._trace, body, incident)

        self._plan(planned)

    def _plan(self, planned: Callable[[], Awaitable[Planned]]) -> None:
        async def work() -> None:
            try:
                self._planned, self._problem = await planned(), SafeText("")
            except CannotReproduce as error:
                self._problem = safe(str(error), 400)
            self.show_body(self.session.state())

        self.run_worker(work(), name="request", group="request", exclusive=True, exit_on_error=False)

    # What can be done.

    def _not_here(self) -> dict[str, str]:
        planned, way = self._planned, self._way
        found = {**super()._not_here(), "reproduce": "this is the reproduction of the record"}
        why = self._problem or NOT_YET if planned is None else ""
        busy = "a run is under way: Esc ends it" if self._under_way else ""
        refused = planned.view.reason if planned is not None and planned.view.verdict is Verdict.REFUSE else ""
        alone = "" if way is not None and len(way.environments) > 1 else "no other environment is configured"
        found |= dict.fromkeys(SENDING, why or busy)
        found["send"] = found["minimise"] = why or busy or refused
        stopped = planned is not None and planned.view.search
        found["afresh"] = why or busy or refused or ("" if stopped else NO_SEARCH)
        found["verify"] = why or busy or refused
        found["compare"] = why or busy or refused or alone
        found["export"] = why or refused
        found["environment"] = why or busy or alone
        found["cancel"] = "" if self._under_way else found.get("cancel", "")
        return found

    @property
    def _under_way(self) -> bool:
        return self._sending is not None and not self._sending.is_finished

    def do_environment(self) -> None:
        """The same request at the next environment."""
        if self._refused("environment") or self._planned is None or self._way is None:
            return
        way, planned, names = self._way, self._planned, self._way.environments
        following = names[(names.index(planned.view.environment) + 1) % len(names)]
        self._plan(lambda: way.at_environment(planned, following))

    def do_give_body(self) -> AwaitMount | None:
        """Type the body, which records seldom hold."""
        if self._refused("give_body") or self._planned is None or self._way is None:
            return None
        way, name = self._way, self._planned.view.environment
        old = "\n".join(self._planned.view.body)

        def closed(text: str | None) -> None:
            if text is not None:
                self._read_record(way, name, text)

        return self.app.push_screen(
            LineDialog("body", old, 'the body of the request, such as {"cart": "c-12"}', lambda _: None), closed
        )

    def do_save_request(self) -> None:
        """Write the request for the commands `incident repro` and `incident fix`."""
        if self._refused("save_request") or self._planned is None or self._way is None:
            return
        try:
            path = self._way.save(self._planned)
        except CannotReproduce as error:
            self.post_message(self.Notice(str(error)))
        else:
            self.post_message(
                self.Notice(f"written to {path}: incident repro run FILE --env {self._planned.view.environment}")
            )

    def do_export(self) -> AwaitMount | None:
        """Type the form, and where it goes."""
        if self._refused("export") or self._planned is None or self._way is None:
            return None
        way, planned = self._way, self._planned

        def problem(text: str) -> str | None:
            form = text.split()[0] if text.split() else ""
            return None if form in FORMS else f"no form {form!r}: {', '.join(FORMS)}"

        def typed(text: str | None) -> None:
            if not text or not text.strip():
                self.tell("nothing was exported")
                return
            form, _, place = text.strip().partition(" ")
            try:
                exported = way.export(planned, form)
                if place.strip():
                    self.tell(f"written to {written(place.strip(), exported)}")
                else:
                    self.post_message(self.Copy(exported, form))
            except CannotReproduce as error:
                self.tell(str(error))

        return self.app.push_screen(LineDialog("export", FORMS[0], EXPORT_HINT, problem), typed)

    def do_compare(self) -> None:
        """Ask which environment it is compared with, and for what the guard wants typed; then begin."""
        if not self._refused("compare") and self._planned is not None and self._way is not None:
            work = self._comparing(self._way, self._planned)
            self.run_worker(work, name="questions", group="questions", exclusive=True, exit_on_error=False)

    async def _comparing(self, way: Reproducing, here: Planned) -> None:
        others = [name for name in way.environments if name != here.view.environment]

        def problem(text: str) -> str | None:
            return None if text.strip() in others else f"no other environment {text.strip()!r}: {', '.join(others)}"

        name = others[0]
        if len(others) > 1:
            hint = f"the environment to compare {here.view.environment} with: {', '.join(others)}"
            name = ((await self.app.push_screen_wait(LineDialog("with", name, hint, problem))) or "").strip()
        if not name:
            self.tell("nothing was sent")
            return
        try:
            there = await way.at_environment(here, name)
        except CannotReproduce as error:
            self.tell(str(error))
            return
        if there.view.verdict is Verdict.REFUSE:
            self.tell(f"{name}: {there.view.rule}: {there.view.reason}")
            return
        typed = await self._typed_for(here, there)
        if typed is not None:
            self._begin("comparing", self._compare(way, here, there, (typed[0], typed[1])))

    def do_verify(self) -> None:
        """Ask how often it failed before the fix, and for what the guard wants typed; then begin."""
        if not self._refused("verify") and self._planned is not None and self._way is not None:
            work = self._verifying(self._way, self._planned)
            self.run_worker(work, name="questions", group="questions", exclusive=True, exit_on_error=False)

    async def _verifying(self, way: Reproducing, planned: Planned) -> None:
        try:
            whole = await way.entire(planned)
        except CannotReproduce as error:
            self.tell(str(error))
            return
        text = await self.app.push_screen_wait(
            LineDialog("before", self._failed_before(planned), BEFORE_HINT, _no_count)
        )
        if not text or _no_count(text) is not None:
            self.tell("nothing was sent")
            return
        typed = await self._typed_for(whole)
        if typed is not None:
            self._begin("proving", self._verify(way, whole, counts_of(text), typed[0]))

    def _failed_before(self, planned: Planned) -> str:
        """How often it failed when it was run last: here, else as the case tells."""
        ran, case = planned.what.imported.ran, self.desk.case if self.desk is not None else None
        if ran is None and case is not None:
            seen = (one.data for one in reversed(case.repros) if one.data.get("reproduced") and "sides" not in one.data)
            ran = next(((one.get("failures", 0), one.get("tries", 0)) for one in seen), None)
        return f"{ran[0]}/{ran[1]}" if ran is not None else ""

    async def _typed_for(self, *plans: Planned) -> list[Typed | None] | None:
        """What the guard wants typed for each, and why; None: it was not typed."""
        wanted = [plan.phrase for plan in plans]
        for plan in plans:
            text = await self.app.push_screen_wait(_phrase_dialog(plan)) if plan.phrase else ""
            if text is None or text.strip() != plan.phrase:
                self.tell("nothing was sent")
                return None
        reason = ""
        if any(wanted):
            reason = ((await self.app.push_screen_wait(_reason_dialog())) or "").strip()
            if not reason:
                self.tell(WITHOUT_REASON)
                return None
        return [Typed(phrase, reason) if phrase else None for phrase in wanted]

    def do_send(self) -> AwaitMount | None:
        """Send it a few times, once it is confirmed."""
        return None if self._refused("send") else self._confirmed("sending", self._run)

    def do_minimise(self) -> AwaitMount | None:
        """Leave out what the failure does not need, once it is confirmed."""
        return None if self._refused("minimise") else self._confirmed("leaving out", self._minimise)

    def do_afresh(self) -> AwaitMount | None:
        """The same from the beginning, where an earlier search was stopped."""
        if self._refused("afresh"):
            return None
        return self._confirmed("leaving out", lambda planned, typed: self._minimise(planned, typed, afresh=True))

    def _confirmed(self, doing: str, work: Callable[[Planned, Typed | None], Awaitable[None]]) -> AwaitMount | None:
        """Ask for what the guard wants typed, and why; then begin."""
        planned = self._planned
        if planned is None:
            return None
        if not planned.phrase:
            self._begin(doing, work(planned, None))
            return None
        wanted = planned.phrase

        def because(text: str | None) -> None:
            if text is None or text.strip() != wanted:
                self.post_message(self.Notice("nothing was sent"))
                return
            self.app.push_screen(
                _reason_dialog(),
                lambda reason: self._with_reason(doing, work, planned, Typed(wanted, (reason or "").strip())),
            )

        return self.app.push_screen(_phrase_dialog(planned), because)

    def _with_reason(
        self, doing: str, work: Callable[[Planned, Typed | None], Awaitable[None]], planned: Planned, typed: Typed
    ) -> None:
        if typed.reason:
            self._begin(doing, work(planned, typed))
        else:
            self.tell(WITHOUT_REASON)

    def _begin(self, doing: str, work: Awaitable[None]) -> None:
        pace = self._planned.view.pace.partition(":")[0] if self._planned is not None else ""
        self._tries = TriesView(under_way=safe(f"{doing}, {pace}" if pace else doing))
        self._sending = self.run_worker(
            self._guarded(work), name=doing, group="sending", exclusive=True, exit_on_error=False
        )
        self.set_focus(self.tries)
        self.show_body(self.session.state())

    async def _guarded(self, work: Awaitable[None]) -> None:
        """Whatever it ends with is said."""
        said = SafeText("ended by hand: the audit tells what was sent")
        try:
            await work
            said = SafeText("")
        except CannotReproduce as error:
            said = safe(str(error), 400)
        finally:
            tried = self._tries
            self._tries = TriesView(tries=tried.tries, said=(said, *tried.said) if said else tried.said, bad=tried.bad)
            if self.is_mounted:
                self.show_body(self.session.state())
                if said:
                    self._look_again()

    def _look_again(self) -> None:
        """What was ended early left something of the budget, and perhaps a search that can be taken up."""
        way, planned = self._way, self._planned
        if way is not None and planned is not None:
            self._plan(lambda: way.at_environment(planned, planned.view.environment))

    def _say(self, text: str) -> None:
        """Tell what is to be known while it is under way."""
        self._tries = TriesView(self._tries.under_way, self._tries.tries, (safe(text, 400),), self._tries.bad)
        self.show_body(self.session.state())

    def _told(self, one: TryView) -> None:
        before = self._tries
        told = safe(f"{before.under_way.split(':')[0]}: {len(before.tries) + 1} sent")
        self._tries = TriesView(told, (*before.tries, one), before.said, before.bad)
        self.show_body(self.session.state())

    def _ended(self, said: Iterable[str], *, bad: bool) -> None:
        self._tries = TriesView(tries=self._tries.tries, said=tuple(safe(one, 400) for one in said), bad=bad)

    async def _run(self, planned: Planned, typed: Typed | None) -> None:
        assert self._way is not None
        result, self._planned = await self._way.run(planned, typed, self._told)
        stopped = [f"stopped: {result.rule + ': ' if result.rule else ''}{result.stopped}"] if result.stopped else []
        another = planned.another(result)
        self._ended([result.sentence, *filter(None, (another, *stopped))], bad=result.reproduced and not another)
        sent = len(result.outcomes)
        document = run_json(result, sent, max(0, planned.view.left - sent))
        self.keep_in_case(entry_of_run(document, f"{self._record.operation} at {planned.view.environment}"))

    async def _minimise(self, planned: Planned, typed: Typed | None, *, afresh: bool = False) -> None:
        assert self._way is not None
        if planned.view.search and not afresh:
            self._say(GOES_ON.format(planned.view.search))
        result, smallest = await self._way.minimise(planned, typed, self._told, afresh=afresh)
        kept = ", ".join(result.kept) or "nothing but the address"
        self._ended(
            [
                f"{result.ended}: {result.reason}",
                f"left out {len(result.removed)} parts{': ' + ', '.join(result.removed) if result.removed else ''}",
                f"kept: {kept}",
                *self._tries.said,
            ],
            bad=result.signature is not None,
        )
        if result.signature is not None:
            self._planned = smallest
        document = minimise_json(result, result.spent, smallest.view.left)
        self.keep_in_case(minimised(document, f"{self._record.operation} at {planned.view.environment}"))

    async def _compare(
        self, way: Reproducing, here: Planned, there: Planned, typed: tuple[Typed | None, Typed | None]
    ) -> None:
        result, sent, self._planned = await way.compare(here, there, typed, self._told)
        names = here.view.environment, there.view.environment
        differs = (f"differs: {one}" for one in result.fields)
        self._ended([f"{names[0]} against {names[1]}: {result.reason}", *differs], bad=result.evidence)
        document = compare_json(result, names, sent)
        self.keep_in_case(compared(document, f"{self._record.operation} at {names[0]}"))

    async def _verify(self, way: Reproducing, whole: Planned, before: tuple[int, int], typed: Typed | None) -> None:
        result, sent, left = await way.verify(whole, before, typed, self._told)
        self._ended([f"{result.state}: {result.reason}"], bad=result.state != "FIXED")
        document = {**verify_json(result, sent, left), "environment": whole.view.environment}
        self.keep_in_case(verified(document, f"{self._record.operation} at {whole.view.environment}"))

    def do_cancel(self) -> None:
        """End the run that is under way."""
        if self._under_way and self._sending is not None:
            self._sending.cancel()
        else:
            super().do_cancel()


def _no_count(text: str) -> str | None:
    """What is wrong with failures/tries as they were typed."""
    try:
        counts_of(text)
    except Unknown as error:
        return str(error)
    return None


def _phrase_dialog(planned: Planned) -> LineDialog:
    """Asks for what the guard wants typed."""
    wanted = planned.phrase
    hint = f"{planned.view.rule}: {planned.view.reason} · type: {wanted}"
    return LineDialog("confirm", "", hint, lambda text: None if wanted.startswith(text) else f"type exactly: {wanted}")


def _reason_dialog() -> LineDialog:
    return LineDialog("reason", "", "why it is sent; kept in the audit", lambda _: None)


def written(place: str, text: str) -> Path:
    """The new file that an export is written to.

    Raises:
        CannotReproduce: It is there already, or cannot be written.
    """
    path = Path(place).expanduser().absolute()
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise CannotReproduce(f"{safe(str(path), 300)} is there already: name another file") from None
    except (OSError, RuntimeError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise CannotReproduce(f"{safe(str(path), 300)}: {why}") from None
    return path


def _around(record: LogRecord) -> Window | None:
    """Where the lines of its trace are: the window of all panes ends before the newest lines, and may lie elsewhere."""
    return Window(record.at - TRACE_REACH_S, record.at + TRACE_REACH_S) if record.at is not None else None
