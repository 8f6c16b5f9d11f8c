"""The fix screen: the commits of a deploy to look at first, and a fix branch from plan to hand-over. Nothing is done unasked."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from textual.containers import Vertical
from textual.widget import AwaitMount, Widget
from textual.worker import Worker

from console.actions import Action
from console.case.book import Blocked
from console.case.entries import fix as entry_of_fix
from console.case.entries import verified
from console.case.gates import Gate
from console.case.journal import NotSaved
from console.domain.changes import Change
from console.domain.instant import Window
from console.domain.text import SafeText
from console.fix.finding import TELLING_KINDS, Finding
from console.fix.record import Branch
from console.fix.view import BranchView
from console.fixing import serve_command
from console.guard.gate import Typed
from console.guard.sanitise import safe
from console.live.details import quoted
from console.live.fixing import CannotFix, Check, Fixing, first_name, made_text
from console.live.session import Session
from console.report.fix_text import made_json, verified_json
from console.reproduce import user
from console.screens.base import ConsoleScreen
from console.screens.dialogs import LineDialog
from console.screens.places import FixOf
from console.screens.recording import too_short, why_all_the_same
from console.screens.selection import FIXING
from console.state import ConsoleState
from widgets import fix
from widgets.pane import Pane
from widgets.text_view import TextView

if TYPE_CHECKING:
    from sources.fixing import Seed

NOT_YET = "the repository is being read"
NO_CONFIGURATION = SafeText("fix branches need the configuration of the services, which this view does not have")
REQUEST_HINT = "file of the reproduction, as w on its screen or `incident repro import --json` wrote it"
TEST_HINT = "file of the reproduction that is put there as a failing test; empty: none"
BEFORE_HINT = (
    "failures/tries before the fix, such as 10/10; where the screen of the reproduction ran it, its count stands here"
)
SERVE_HINT = "command that starts the branch's server in its work tree; {port} is its port on loopback"


class FixScreen(ConsoleScreen):
    """One deploy's commits, and the fix branch of its service."""

    def __init__(self, session: Session, crumbs: tuple[str, ...], actions: Sequence[Action], place: FixOf) -> None:
        super().__init__(session, crumbs, actions)
        self._place = place
        self._way: Fixing | None = session.fixing() if session.fixing is not None else None
        self._finding: Finding | None = None
        self._problem = SafeText("")
        self._view = BranchView()
        self._seed: Seed | None = None
        """The failing test of the plan that is shown."""
        self._branch_name = first_name(place.service, place.commit or place.deploy)
        self._working: Worker[None] | None = None
        self._handed: set[str] = set()
        """Branches whose deploy is shown though an incident goes on, since somebody said why."""
        self.commits, self.branch = TextView(), TextView()
        self.commits.number, self.branch.number = 1, 2

    def body(self) -> Iterable[Widget]:
        yield Vertical(self.commits, self.branch, id="body")

    def panes(self) -> list[Pane]:
        return [self.commits, self.branch]

    def first(self) -> Pane:
        """The commits."""
        return self.commits

    def pane_name(self) -> str:
        """As the actions table calls both of them."""
        return "fix"

    def on_mount(self) -> None:
        """Read the commits and the plan."""
        super().on_mount()
        way = self._way
        problem = way.problem(self._place.service) if way is not None else NO_CONFIGURATION
        if way is None or problem:
            self._problem, self._view = problem, BranchView(problem=problem)
            return
        self._ask(self._look(way), "suspects")
        self._ask(self._prepare(way), "plan")

    def show_body(self, state: ConsoleState) -> None:
        self.commits.show_content(
            f"Commits of {self._place.service}",
            lambda w, h, look: fix.suspects(self._finding, self._problem, w, look),
            self.look,
        )
        self.branch.show_content("Fix branch", lambda w, h, look: fix.branch(self._view, w, look), self.look)

    def _ask(self, work: Awaitable[None], group: str) -> Worker[None]:
        async def guarded() -> None:
            try:
                await work
            except Exception as error:  # a fault of ours: said in the pane, which would else wait for ever
                said = safe(f"internal error ({type(error).__name__}: {error}); the audit tells what was done", 400)
                self._view = replace(self._view, under_way=SafeText(""), said=(said,), bad=True)
            if self.is_mounted:
                self.show_body(self.session.state())

        return self.run_worker(guarded(), name=group, group=group, exclusive=True, exit_on_error=False)

    # What is read.

    async def _look(self, way: Fixing) -> None:
        diagnosis = self.session.state().diagnosis
        changes = diagnosis.changes if diagnosis is not None else ()
        mine = [c for c in changes if c.kind in TELLING_KINDS and c.service in (None, self._place.service)]
        others = [Change(c.id, c.kind, c.at, c.service, c.version, summary=c.summary) for c in mine]
        found = await self.session.records(f"level:>=error service:{quoted(self._place.service)}", self._since())
        try:
            self._finding = await way.finding(self._place.service, self._place.deploy, found.records, others)
        except CannotFix as error:
            self._problem = safe(str(error), 400)

    def _since(self) -> Window | None:
        """From the deploy on; None, the window of all panes, where its time is not known."""
        now = self.session.scope.now()
        return Window(self._place.at, now) if 0 < self._place.at < now else None

    def _commits_running(self) -> list[str]:
        running = self.session.state().changes.running
        return [
            one.commit
            for one in running
            if one.service == self._place.service and one.commit and one.agrees is not None
        ]

    async def _prepare(self, way: Fixing, said: tuple[SafeText, ...] = (), *, bad: bool = False) -> None:
        """Show the branch that was made, else the plan."""
        try:
            made = await way.made(self._place.service)
            if made is not None:
                handover, gates = await way.handover(made, passed=made.name in self._handed)
                self._view = BranchView(made=made, handover=handover, gates=_told(gates), said=said, bad=bad)
            else:
                incident = self._incident()
                running = self._commits_running()
                plan = await way.plan(self._place.service, self._branch_name, running, incident, self._seed)
                told, request = _told(await way.fix_gates(incident)), safe(way.newest_request(), 300)
                self._view = BranchView(plan, request, gates=told, said=said, bad=bad)
        except CannotFix as error:
            self._view = BranchView(problem=safe(str(error), 400), said=said, bad=bad)

    def _incident(self) -> str:
        """The case that is open; empty where there is none, and then the fix belongs to no incident."""
        case = self.desk.case if self.desk is not None else None
        return case.id if case is not None else ""

    # What can be done.

    @property
    def _busy(self) -> bool:
        return self._working is not None and not self._working.is_finished

    def _not_here(self) -> dict[str, str]:
        found = super()._not_here()
        view = self._view
        busy = "this is under way" if self._busy else ""
        none = "" if view.made is not None else "there is no fix branch yet: X makes it"
        blocked = str(view.plan.problems[0]) if view.plan is not None and view.plan.problems else ""
        without_plan = "" if view.plan is not None or view.made is not None else (view.problem or NOT_YET)
        made = f"{view.made.name} is made: u takes it away" if view.made is not None and not view.gates else ""
        found |= dict.fromkeys(FIXING, busy or none)
        found["fix"] = busy or made or without_plan or (blocked if not blocked.startswith(("B1", "B2", "B6")) else "")
        return found

    def do_fix(self) -> AwaitMount | None:
        """Make the branch: its name first, then the plan for it, then its name again. Of one that is made: show its deploy."""
        way, made = self._way, self._view.made
        if self._refused("fix") or way is None:
            return None
        if made is not None:
            self._ask(self._hand_over(way, made), "plan")
            return None

        def named(text: str | None) -> None:
            if text and way.name_problem(text.strip()) is None:
                self._branch_name = text.strip()
                self._ask(self._confirm(way), "plan")

        hint = "name of the new branch: fix/ or hotfix/, then a-z 0-9 . _ -"
        return self.app.push_screen(
            LineDialog("branch", self._branch_name, hint, lambda t: way.name_problem(t.strip())), named
        )

    async def _confirm(self, way: Fixing) -> None:
        """The plan for that name and test, in view, while the name is typed again."""
        if not await self._test_chosen(way):
            self.post_message(self.Notice("nothing was done"))
            return
        await self._prepare(way)
        plan = self._view.plan
        self.show_body(self.session.state())
        incident, author = self._incident(), self._author()
        if plan is None or plan.problems:
            return
        self.set_focus(self.branch)
        if not await self._let_pass(lambda reason: way.may_fix(incident, author, reason)):
            return
        self._typed(plan.confirmation, "makes the branch as planned above", lambda: self._make(way))

    async def _test_chosen(self, way: Fixing) -> bool:
        """Ask which reproduction is put there as a failing test, where one was written; False: nothing is to be done."""
        newest, self._seed = way.newest_request(), None
        if not newest:
            return True
        path = await self.app.push_screen_wait(LineDialog("test", newest, TEST_HINT, lambda _: None))
        if not path or not path.strip():
            return path is not None
        try:
            self._seed = await way.seed(path.strip(), self._branch_name, self._incident())
        except CannotFix as error:
            self._view = replace(self._view, said=(safe(str(error), 400),), bad=True)
            return False
        return True

    async def _hand_over(self, way: Fixing, made: Branch) -> None:
        """Show the commands of the deploy, which an incident that goes on holds back until somebody says why."""
        author = self._author()
        if await self._let_pass(lambda reason: way.may_hand_over(made, author, reason)):
            self._handed.add(made.name)
            await self._prepare(way)

    async def _let_pass(self, attempt: Callable[[str], Awaitable[None]]) -> bool:
        """Whether the rules of the incident let it pass: they say no once, in view, and then a reason is enough."""
        try:
            await attempt("")
            return True
        except Blocked as no:
            hint = why_all_the_same(no.gates)
            self._view = replace(self._view, gates=_told(no.gates))
            self.show_body(self.session.state())
        except NotSaved as error:
            self.post_message(self.Notice(f"nothing was done: {error}"))
            return False
        reason = await self.app.push_screen_wait(LineDialog("reason", "", hint, too_short))
        if not reason:
            self.post_message(self.Notice("nothing was done"))
            return False
        try:
            await attempt(reason.strip())
        except (Blocked, NotSaved) as error:
            self.post_message(self.Notice(f"nothing was done: {error}".replace("\n", "; ")))
            return False
        return True

    def _author(self) -> str:
        return self.desk.author if self.desk is not None else user()

    def _typed(self, wanted: str, what: str, work: Callable[[], Awaitable[None]]) -> None:
        """Begin once the very text was typed."""

        def typed(text: str | None) -> None:
            if text is None or text != wanted:
                self.post_message(self.Notice("nothing was done"))
                return
            self._working = self._ask(work(), "fixing")
            self.show_body(self.session.state())

        self.app.push_screen(
            LineDialog(
                "confirm",
                "",
                f"{what}: type {wanted}",
                lambda text: None if wanted.startswith(text) else f"type exactly: {wanted}",
            ),
            typed,
        )

    async def _make(self, way: Fixing) -> None:
        plan = self._view.plan
        assert plan is not None
        under_way = f"making {plan.branch}: {plan.files:,} files; the checkout is compared before and after"
        self._view = BranchView(plan, self._view.request, under_way=safe(under_way))
        self.show_body(self.session.state())
        try:
            made = await way.make(self._place.service, plan, plan.confirmation, self._incident(), self._seed)
        except CannotFix as error:
            await self._prepare(way, (safe(str(error), 400),), bad=True)
        else:
            await self._prepare(way, (made_text(made),), bad=bool(made.touched))
            self.keep_in_case(entry_of_fix(made_json(made.plan, made.touched), str(made_text(made))))

    def do_undo_fix(self) -> None:
        """Take the branch away again, once its name is typed."""
        way, made = self._way, self._view.made
        if self._refused("undo_fix") or way is None or made is None:
            return

        async def work() -> None:
            self._view = BranchView(made=made, under_way=safe(f"taking {made.name} away"))
            self.show_body(self.session.state())
            self._seed = None
            try:
                said, bad = await way.undo(made, made.name), False
            except CannotFix as error:
                said, bad = safe(str(error), 400), True
            await self._prepare(way, (said,), bad=bad)

        self._typed(made.name, "takes the branch and its work tree away, where no work would be lost", work)

    def do_prove_fix(self) -> None:
        """Send a reproduction to the branch's own server: which one, how often it failed, and how the server is started."""
        way, made = self._way, self._view.made
        if not self._refused("prove_fix") and way is not None and made is not None:
            self.run_worker(
                self._asked(way, made), name="questions", group="questions", exclusive=True, exit_on_error=False
            )

    async def _asked(self, way: Fixing, made: Branch) -> None:
        """One question after the other; whoever leaves one out does nothing."""
        request = await self._line("request", way.newest_request(), REQUEST_HINT)
        if not request:
            return
        try:
            check = await way.check(made, request)
        except CannotFix as error:
            self.post_message(self.Notice(str(error)))
            return
        typed = Typed(None)
        if check.phrase:
            text = await self._line("confirm", "", f"{check.why} · type: {check.phrase}", check.phrase)
            reason = await self._line("reason", "", "why it is sent; kept in the audit") if text == check.phrase else ""
            if not reason:
                self.post_message(self.Notice("nothing was sent"))
                return
            typed = Typed(text, reason)
        ran = check.what.imported.ran
        before = await self._line("before", f"{ran[0]}/{ran[1]}" if ran else "", BEFORE_HINT)
        usual = serve_command(check.what.loaded, made.service)
        serve = await self._line("serve", usual, SERVE_HINT) if before else ""
        if before and serve:
            self._working = self._ask(self._prove(way, check, serve, before, typed), "fixing")

    async def _line(self, prompt: str, text: str, hint: str, exactly: str = "") -> str:
        """What was typed; empty where nothing was."""

        def problem(typed: str) -> str | None:
            return None if exactly.startswith(typed) or not exactly else f"type exactly: {exactly}"

        typed = await self.app.push_screen_wait(LineDialog(prompt, text, hint, problem))
        return (typed or "").strip()

    async def _prove(self, way: Fixing, check: Check, serve: str, before: str, typed: Typed) -> None:
        made = check.branch
        self._view = BranchView(
            made=made, under_way=safe(f"serving {made.name} on loopback and asking it; Esc ends it")
        )
        self.show_body(self.session.state())
        said, fixed = SafeText("ended by hand: the audit tells what was sent"), False
        try:
            result, done = await way.verify(check, serve, before, typed)
            said = safe(f"{result.state} at {done.tip[:10]}: {result.reason}", 400)
            fixed = result.state == "FIXED"
            document = verified_json(made, result, done.tip, done.uncommitted, done.files)
            self.keep_in_case(verified(document, f"{made.name} at {done.tip[:10]}"))
        except CannotFix as error:
            said = safe(str(error), 400)
        finally:
            self._view = BranchView(made=made, said=(said,), bad=not fixed)
        await self._prepare(way, (said,), bad=not fixed)

    def do_cancel(self) -> None:
        """End the verification that is under way; the making of a branch goes on to its end."""
        if self._busy and self._working is not None:
            self._working.cancel()
        else:
            super().do_cancel()


def _told(gates: Iterable[Gate]) -> tuple[SafeText, ...]:
    return tuple(safe(f"{gate.rule}: {gate.says}", 400) for gate in gates)
