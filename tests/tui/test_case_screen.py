"""The case on the screen: one key from the overview; what is written from any pane is on the disk before it is confirmed."""

from __future__ import annotations

import errno
import os
import threading
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from textual.await_complete import AwaitComplete
from textual.pilot import Pilot
from textual.widget import Widget
from textual.widgets import Input

from console.app import IncidentConsole
from console.case import entries
from console.case.book import Book
from console.case.events import Draft, Event
from console.case.gates import Wish
from console.case.model import CaseState, HypothesisState, Outcome, Prediction
from console.domain.instant import rfc3339
from console.live import desk as desk_module
from console.live.desk import Desk
from console.screens import dialogs
from console.screens.case import CaseScreen, ItemScreen
from console.screens.dialogs import LineDialog
from console.screens.recording import note_of
from tests.tui.fakes import NOW, ONSET, System, line, until
from tests.tui.test_console import diagnosed, screen_text
from tests.waiting import PATIENCE_S
from widgets.footer import Footer


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        self.now += 0.25
        return self.now


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "cases"


@pytest.fixture
def system() -> System:
    made = System()
    made.logs.written = [line(f"timeout after {n} ms calling payments") for n in range(40)]
    return made


def with_desk(system: System, folder: Path, author: str = "alice") -> IncidentConsole:
    app = system.app()
    app.session.desk = Desk(folder, author, ZoneInfo("UTC"), Clock())
    return app


def desk(app: IncidentConsole) -> Desk:
    assert app.session.desk is not None
    return app.session.desk


async def opened(app: IncidentConsole, pilot: Pilot[int], title: str = "Orders fail") -> None:
    """Open the case screen and a new case on it."""
    await diagnosed(app, pilot)
    await pilot.press("I")
    await until(lambda: isinstance(app.screen, CaseScreen))
    await pilot.press("I")
    await until(lambda: isinstance(app.screen, LineDialog))
    await pilot.press("ctrl+u", *title, "enter")
    await until(lambda: desk(app).case is not None and isinstance(app.screen, CaseScreen))


def events(folder: Path) -> list[str]:
    """The kinds of everything on the disk."""
    (case,) = [path.name for path in folder.iterdir()]
    return [event.kind for event in Book(folder, case, "x").read().events]


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 50)])
async def test_one_key_from_the_overview_leads_to_the_case(system: System, folder: Path, size: tuple[int, int]) -> None:
    app = with_desk(system, folder)
    async with app.run_test(size=size) as pilot:
        await opened(app, pilot)
        await until(lambda: "Orders fail" in screen_text(app))
        assert "triage" in screen_text(app)
        await pilot.press("4")
        await until(lambda: "Timeline" in screen_text(app))


async def test_a_new_case_holds_a_snapshot_with_the_symptoms_as_evidence(system: System, folder: Path) -> None:
    app = with_desk(system, folder)
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(app, pilot)
        case = desk(app).case
        assert case is not None
        assert case.snapshots and "impact_started_at" in case.times and case.services
        metric = [one for one in case.evidence if one.kind == "metric"]
        assert any(len(one.points) > 10 for one in metric)
        assert "snapshot" in events(folder)


async def test_a_note_from_any_pane_is_on_the_disk_when_it_is_confirmed(system: System, folder: Path) -> None:
    app = with_desk(system, folder)
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(app, pilot)
        await pilot.press("backspace", "4", "a")
        await until(lambda: isinstance(app.screen, LineDialog))
        await pilot.press(*"rolled back", "enter")
        await until(lambda: "on the disk" in screen_text(app))
        assert "noted: rolled back" in screen_text(app)
        assert events(folder)[-1] == "note"


async def test_a_note_is_confirmed_as_its_dialog_goes(
    system: System, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dialogs, "QUICK_S", PATIENCE_S)
    app = with_desk(system, folder)
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(app, pilot)
        await pilot.press("backspace", "a")
        await until(lambda: isinstance(app.screen, LineDialog))
        there: list[str] = []
        dismiss = LineDialog.dismiss

        def noticed(dialog: LineDialog, result: str | None = None) -> AwaitComplete:
            screen = app.console_screen()
            there.append(screen.footer.lines[0].text if screen is not None else "")
            return dismiss(dialog, result)

        monkeypatch.setattr(LineDialog, "dismiss", noticed)
        await pilot.press(*"rolled back", "enter", "enter")
        await until(lambda: not isinstance(app.screen, LineDialog))
        assert "noted: rolled back" in there[0]
        assert events(folder).count("note") == 1


async def test_a_confirmation_is_painted_ahead_of_all_else_and_not_before_the_disk_has_it(
    system: System, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dialogs, "QUICK_S", PATIENCE_S)
    app = with_desk(system, folder)
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(app, pilot)
        await pilot.press("backspace", "a")
        await until(lambda: isinstance(app.screen, LineDialog))
        ahead: list[tuple[str, int]] = []

        def seen(widget: Widget) -> None:
            assert isinstance(widget, Footer)
            ahead.append((widget.lines[0].text, events(folder).count("note")))

        monkeypatch.setattr(app, "paint_ahead", seen)
        await pilot.press(*"rolled back", "enter")
        await until(lambda: bool(ahead))
        assert "noted: rolled back" in ahead[0][0]
        assert ahead[0][1] == 1


async def test_a_dialog_does_not_stay_for_a_slow_disk(
    system: System, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = with_desk(system, folder)
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(app, pilot)
        await pilot.press("backspace", "a")
        await until(lambda: isinstance(app.screen, LineDialog))
        goes_on = threading.Event()
        saved = desk_module._saved

        def slowly(book: Book, waiting: list[Draft]) -> tuple[list[Event], str]:
            goes_on.wait(PATIENCE_S)
            return saved(book, waiting)

        monkeypatch.setattr(desk_module, "_saved", slowly)
        await pilot.press(*"rolled back", "enter")
        await until(lambda: not isinstance(app.screen, LineDialog))
        assert "note" not in events(folder)
        goes_on.set()
        await until(lambda: "noted: rolled back" in screen_text(app))


@pytest.mark.parametrize(
    ("text", "words", "back_s"),
    [
        ("rolled back", "rolled back", None),
        ("-10m the pool was full", "the pool was full", 600.0),
        ("20:20 rolled back", "rolled back", 400.0),
        ("20:30 rolled back", "rolled back", 86_400.0 - 200.0),
        ("14:05", "14:05", None),
        ("99:99 is no time", "99:99 is no time", None),
    ],
)
def test_a_time_in_front_of_a_note_is_when_it_happened(text: str, words: str, back_s: float | None) -> None:
    draft = note_of(text, NOW, ZoneInfo("UTC"))  # NOW is 20:26:40
    assert draft.text == words
    assert draft.occurred_at == (None if back_s is None else NOW - back_s)


def test_a_word_in_front_of_a_note_says_what_it_is() -> None:
    def kind(text: str) -> tuple[str, str, dict[str, object]]:
        draft = note_of(text, NOW, ZoneInfo("UTC"))
        return draft.kind, draft.text, dict(draft.data)

    assert kind("impact: a third of orders fail") == (
        "impact",
        "impact: a third of orders fail",
        {"statement": "a third of orders fail"},
    )
    assert kind("-5m mitigation: rolled back") == ("mitigation", "rolled back", {"kind": "other"})
    assert kind("Decision: wait")[:2] == ("decision", "wait")
    assert kind("lingering: none")[2] == {"lingering": "none"}
    assert kind("impact:") == ("note", "impact:", {})
    assert kind("pool: 20 of 20")[:2] == ("note", "pool: 20 of 20")


@pytest.mark.parametrize("pane", ["1", "2", "3", "4", "5"])
async def test_m_keeps_what_is_selected_in_every_pane(system: System, folder: Path, pane: str) -> None:
    app = with_desk(system, folder)
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(app, pilot)
        case = desk(app).case
        assert case is not None
        before = len(case.evidence)
        await pilot.press("backspace", pane, "m")
        await until(lambda: "kept" in screen_text(app))
        case = desk(app).case
        assert case is not None and len(case.evidence) == before + 1
        one = case.evidence[-1]
        assert one.claim and one.query and one.window is not None and len(one.digest) == 64


async def test_an_entry_of_the_timeline_is_kept_as_evidence_once(system: System, folder: Path) -> None:
    app = with_desk(system, folder)
    async with app.run_test(size=(140, 40)) as pilot:
        await opened(app, pilot)
        await desk(app).write(Draft("note", "the pool of payments was full", occurred_at=NOW - 60))
        await pilot.press("4", "g")
        await until(lambda: "▸" in screen_text(app) and "the pool of payments was full" in screen_text(app))
        pane = app.console_screen()
        assert pane is not None
        while "pool" not in pane.selection_text():
            await pilot.press("down")
        await pilot.press("m")
        await until(lambda: "kept: the pool of payments was full" in screen_text(app))
        case = desk(app).case
        assert case is not None
        one, note = case.evidence[-1], next(event for event in case.events if event.kind == "note")
        assert (one.kind, one.claim, one.entry, one.fact) == ("note", note.text, note.id, True)
        assert one.query == f"incident case show {case.id} --timeline" and len(one.digest) == 64
        assert one.event.occurred_at == NOW - 60 and one.window is not None
        await pilot.press("m")
        await until(lambda: f"{one.name} is this entry already" in screen_text(app))
        await pilot.press("enter")
        await until(lambda: isinstance(app.screen, ItemScreen))
        await pilot.press("m")
        await until(lambda: f"{one.name} is this entry already" in screen_text(app))
        await pilot.press("backspace", "3", "g", "m")
        await until(lambda: f"{one.name} is evidence already" in screen_text(app))
        case = desk(app).case
        assert case is not None and case.evidence[-1] == one


async def test_a_marked_line_that_is_unmarked_is_taken_back_by_a_new_entry(system: System, folder: Path) -> None:
    app = with_desk(system, folder)
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(app, pilot)
        await pilot.press("backspace", "3", "m")
        await until(lambda: "kept" in screen_text(app))
        await pilot.press("m")
        await until(lambda: "taken back" in screen_text(app))
        assert events(folder)[-2:] == ["evidence", "note"]


async def test_lines_marked_before_there_was_a_case_are_written_into_it(system: System, folder: Path) -> None:
    app = with_desk(system, folder)
    async with app.run_test(size=(120, 40)) as pilot:
        await diagnosed(app, pilot)
        await pilot.press("3", "m")
        await until(lambda: "marked as evidence" in screen_text(app))
        await opened(app, pilot)
        case = desk(app).case
        assert case is not None and any(one.kind == "log" for one in case.evidence)


async def test_without_a_case_a_note_says_which_key_opens_one(system: System, folder: Path) -> None:
    app = with_desk(system, folder)
    async with app.run_test(size=(120, 40)) as pilot:
        await diagnosed(app, pilot)
        await pilot.press("a")
        await until(lambda: "no case is open: I opens one" in screen_text(app))


async def test_a_hypothesis_is_written_down_and_its_prediction_asked(system: System, folder: Path) -> None:
    app = with_desk(system, folder)
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(app, pilot)
        await pilot.press("h")
        await until(lambda: isinstance(app.screen, LineDialog))
        await pilot.press(*"payments is slow | max(latency_p95, checkout) > 1s over 5m", "enter")
        await until(lambda: "H1" in screen_text(app) and "open" in screen_text(app))
        await pilot.press("A")
        await until(lambda: "supported" in screen_text(app))
        case = desk(app).case
        assert case is not None and case.hypotheses[0].state is HypothesisState.SUPPORTED
        await pilot.press("2", "enter")
        await until(lambda: isinstance(app.screen, ItemScreen) and "must hold" in screen_text(app))


async def test_a_prediction_is_asked_again_whatever_screen_is_open_and_at_changes_of_state(
    system: System, folder: Path
) -> None:
    book = Book.new(folder, "Orders fail", "alice", {"severity": "P2"}, lambda: NOW - 60)
    book.hypothesis("the deploy breaks orders", {})
    book.predict("H1", "max(error_rate, checkout) > 1% over 5m", {"every_s": 0.5})

    def asked() -> int:
        return len(book.read().hypotheses[0].predictions[0].results)

    app = with_desk(system, folder)
    async with app.run_test(size=(140, 50)) as pilot:
        await diagnosed(app, pilot)
        await until(lambda: asked() >= 1)  # on the overview
        assert book.read().hypotheses[0].predictions[0].results[0].order in Outcome
        calm = Book(folder, book.id, "bob", desk(app)._clock)
        calm.hypothesis("the pool is exhausted", {})
        calm.predict("H2", "max(error_rate, gateway) > 1% over 5m", {"every_s": 3600.0})
        await pilot.press("I")
        await until(lambda: "the pool is exhausted" in screen_text(app))
        await until(lambda: calm.read().hypotheses[1].state is HypothesisState.REFUTED)  # asked as soon as it is seen
        calm.turn("H2", HypothesisState.OPEN, "the gateway is looked at again", [_kept(calm)])
        assert len(calm.read().hypotheses[1].predictions[0].results) == 1
        await pilot.press("S")
        await until(lambda: isinstance(app.screen, LineDialog))
        app.screen.query_one(Input).value = "investigating"
        await pilot.press("enter")
        await until(lambda: len(calm.read().hypotheses[1].predictions[0].results) == 2)


def _kept(book: Book) -> str:
    return str(book.write(entries.evidence("one of two gateways was counted", kind="metric")).data["name"])


async def test_a_prediction_that_is_typed_is_asked_every_minute(system: System, folder: Path) -> None:
    app = with_desk(system, folder)
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(app, pilot)
        await pilot.press("h")
        await until(lambda: isinstance(app.screen, LineDialog))
        app.screen.query_one(Input).value = "payments is slow | max(latency_p95, checkout) > 1s over 5m"
        await pilot.press("enter")

        def asked() -> int:
            case = desk(app).case
            return len(case.hypotheses[0].predictions[0].results) if case is not None and case.hypotheses else 0

        await until(lambda: asked() == 1)
        rounds = app._rounds
        await until(lambda: app._rounds > rounds + 2)
        assert asked() == 1
        system.now += 90
        await until(lambda: asked() == 2)


async def test_the_fix_does_not_refute_its_own_cause(system: System, folder: Path) -> None:
    """The errors ended four minutes ago with the rollback; A and S ask what was true until then."""
    system.metrics.healed = NOW - 240
    book = Book.new(folder, "Orders fail", "alice", {"severity": "P2"}, lambda: NOW - 60)
    book.write(Draft("impact", "impact", {"impact_started_at": rfc3339(ONSET)}))
    book.hypothesis("the deploy breaks orders", {})
    book.predict("H1", "max(error_rate, checkout) > 5% over 3m", {"every_s": 3600.0})
    book.result("H1", "P1", Outcome.HOLDS, {"samples": 5, "control": "fails"}, "13 %")
    book.mitigation("rolled back", {"kind": "rollback"}, NOW - 240)
    book.move(Wish(CaseState.INVESTIGATING))
    for state in ("mitigating", "monitoring"):
        book.write(Draft("state", state, {"to": state}))
    app = with_desk(system, folder)

    def one() -> Prediction:
        return book.read().hypotheses[0].predictions[0]

    async with app.run_test(size=(160, 50)) as pilot:
        await diagnosed(app, pilot)
        await pilot.press("I")
        await until(lambda: isinstance(app.screen, CaseScreen))
        await pilot.press("A")
        await until(lambda: "1 prediction asked as at the mitigation" in screen_text(app))
        await until(lambda: "holds as at the mitigation" in screen_text(app))
        assert one().last is not None and one().last.as_at == NOW - 240  # type: ignore[union-attr]
        assert one().outcome is Outcome.HOLDS and book.read().hypotheses[0].state is HypothesisState.SUPPORTED
        await pilot.press("S")
        await until(lambda: isinstance(app.screen, LineDialog))
        app.screen.query_one(Input).value = "investigating the errors are back"
        await pilot.press("enter")
        await until(lambda: one().last is not None and one().last.as_at is None)  # type: ignore[union-attr]
        assert one().outcome is Outcome.FAILS  # taken up again, it is asked about now


async def test_a_prediction_that_could_not_fail_is_told_while_it_is_typed(system: System, folder: Path) -> None:
    app = with_desk(system, folder)
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(app, pilot)
        await pilot.press("h")
        await until(lambda: isinstance(app.screen, LineDialog))
        await pilot.press(*"x | it is slow", "enter")
        await until(lambda: "is no prediction" in screen_text(app))
        assert isinstance(app.screen, LineDialog)


async def test_a_gate_says_no_and_lets_pass_with_a_reason(system: System, folder: Path) -> None:
    app = with_desk(system, folder)
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(app, pilot)

        async def wish(text: str) -> None:
            await pilot.press("S")
            await until(lambda: isinstance(app.screen, LineDialog))
            app.screen.query_one(Input).value = text
            await pilot.press("enter")

        await wish("P2")
        await until(lambda: "severity not set to P2" in screen_text(app))
        await wish("closed known")
        await until(lambda: "SG5 says no: why all the same?" in " ".join(screen_text(app).split()))
        case = desk(app).case
        assert case is not None and str(case.state) == "triage" and [rule for rule, _ in case.blocks] == ["SG5"]
        app.screen.query_one(Input).value = "known"
        await pilot.press("enter")
        await until(lambda: "15 characters or more: it is read" in screen_text(app))
        app.screen.query_one(Input).value = "a known fault with a ticket"
        await pilot.press("enter")
        await until(lambda: "to closed" in screen_text(app))
        case = desk(app).case
        assert case is not None and str(case.state) == "closed"
        assert [(one.rule, one.reason) for one in case.overrides] == [("SG5", "a known fault with a ticket")]


async def test_a_gate_that_is_not_passed_leaves_the_case_where_it_is(system: System, folder: Path) -> None:
    app = with_desk(system, folder)
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(app, pilot)
        await pilot.press("S")
        await until(lambda: isinstance(app.screen, LineDialog))
        app.screen.query_one(Input).value = "investigating"
        await pilot.press("enter")
        await until(lambda: "HG3: to declare it needs a severity" in screen_text(app))  # a hard one asks for no reason
        assert isinstance(app.screen, CaseScreen)
        await pilot.press("S")
        await until(lambda: isinstance(app.screen, LineDialog))
        app.screen.query_one(Input).value = "closed known"
        await pilot.press("enter")
        await until(lambda: isinstance(app.screen, LineDialog) and "SG5" in screen_text(app))
        await pilot.press("escape")
        await until(lambda: isinstance(app.screen, CaseScreen))
        case = desk(app).case
        assert case is not None and str(case.state) == "triage" and not case.overrides


async def test_what_is_written_down_as_a_mitigation_is_told_what_speaks_against_it(
    system: System, folder: Path
) -> None:
    Book.new(folder, "Orders fail", "alice", {"severity": "P1"}, lambda: NOW - 60).role("ic", "alice")
    app = with_desk(system, folder)
    async with app.run_test(size=(200, 50)) as pilot:
        await until(lambda: desk(app).case is not None)
        await pilot.press("a")
        await until(lambda: isinstance(app.screen, LineDialog))
        app.screen.query_one(Input).value = "mitigation: restart of all pods"
        await pilot.press("enter")
        await until(lambda: "on the disk · SG4" in screen_text(app))
        case = desk(app).case
        assert case is not None and case.mitigations[0].data["kind"] == "restart"


async def test_roles_are_given_and_the_command_is_handed_over_by_acceptance(system: System, folder: Path) -> None:
    app = with_desk(system, folder)
    async with app.run_test(size=(140, 50)) as pilot:
        await opened(app, pilot)

        async def give(text: str) -> None:
            await pilot.press("J")
            await until(lambda: isinstance(app.screen, LineDialog))
            app.screen.query_one(Input).value = text
            await pilot.press("enter")

        def roles() -> dict[str, str]:
            case = desk(app).case
            assert case is not None
            return dict(case.roles)

        await give("captain ann")
        await until(lambda: "no role 'captain'" in screen_text(app))
        await pilot.press("escape")
        await give("ic ann")
        await until(lambda: roles() == {"ic": "ann"} and "ic ann" in screen_text(app))
        await give("ops_lead bob")
        await until(lambda: roles() == {"ic": "ann", "ops_lead": "bob"})
        await give("ic alice")
        await until(lambda: "offered to alice and not accepted" in screen_text(app))
        assert roles()["ic"] == "ann"
        await pilot.press("4", "g", "enter")
        await until(lambda: "must know" in screen_text(app) and "On it: ic ann, ops_lead bob." in screen_text(app))
        await pilot.press("backspace")
        await until(lambda: isinstance(app.screen, CaseScreen))
        await give("accept ic")
        await until(lambda: roles()["ic"] == "alice")
        await give("ops_lead -")
        await until(lambda: roles() == {"ic": "alice"})


async def test_what_cannot_be_saved_stays_on_the_screen_and_is_saved_later(
    system: System, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = with_desk(system, folder)
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(app, pilot)
        write = os.write
        full = True

        def failing(fd: int, data: bytes) -> int:
            if full and b"precious" in data:
                raise OSError(errno.ENOSPC, "No space left on device")
            return write(fd, data)

        monkeypatch.setattr(os, "write", failing)
        await pilot.press("a")
        await until(lambda: isinstance(app.screen, LineDialog))
        await pilot.press(*"precious words", "enter")
        await until(lambda: "NOT SAVED" in screen_text(app) and "precious words" in screen_text(app))
        assert "No space left" in screen_text(app)
        assert desk(app).left_behind() == ["precious words"]
        full = False
        await until(lambda: desk(app).unsaved == 0)
        assert events(folder)[-1] == "note"


async def test_the_overview_says_what_is_not_saved_until_it_is(
    system: System, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = with_desk(system, folder)
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(app, pilot)
        await pilot.press("backspace")
        write, full = os.write, True

        def failing(fd: int, data: bytes) -> int:
            if full and b"precious" in data:
                raise OSError(errno.EROFS, "Read-only file system")
            return write(fd, data)

        monkeypatch.setattr(os, "write", failing)
        await pilot.press("a")
        await until(lambda: isinstance(app.screen, LineDialog))
        await pilot.press(*"precious words", "enter")
        await until(lambda: "1 entry is not in the case: Read-only file system" in screen_text(app))
        full = False
        await until(lambda: "saved: everything that was written is in the case" in screen_text(app))
        assert events(folder)[-1] == "note"


async def test_what_others_write_is_seen(system: System, folder: Path) -> None:
    app = with_desk(system, folder)
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(app, pilot)
        case = desk(app).case
        assert case is not None
        Book(folder, case.id, "bob", desk(app)._clock).note("bob was here")
        await until(lambda: "bob was here" in screen_text(app))


async def test_a_console_that_is_opened_again_resumes_and_tells_what_happened_since(
    system: System, folder: Path
) -> None:
    first = with_desk(system, folder)
    async with first.run_test(size=(120, 40)) as pilot:
        await opened(first, pilot)
        case = desk(first).case
        assert case is not None
        await until(lambda: (folder / case.id / "looked" / "alice").exists())
    bob = Book(folder, case.id, "bob", lambda: NOW + 500)
    for n in range(30):
        bob.note(f"bob's note {n}")
    second = with_desk(system, folder)
    desk(second)._clock = lambda: NOW + 600
    async with second.run_test(size=(120, 50)) as pilot:
        await until(lambda: desk(second).case is not None)
        await diagnosed(second, pilot)
        await pilot.press("I")
        await until(lambda: "since you last looked" in screen_text(second))
        view = desk(second).view
        assert len(view.since) <= 20 and "bob's note 29" in "\n".join(view.since)


async def test_sg12_a_deploy_that_the_console_sees_stands_in_the_case_and_in_its_warnings(
    system: System, folder: Path
) -> None:
    book = Book.new(folder, "Orders fail", "alice", {"severity": "P2"}, lambda: NOW - 3600)
    book.move(Wish(CaseState.INVESTIGATING))
    app = with_desk(system, folder)
    async with app.run_test(size=(140, 50)) as pilot:
        await diagnosed(app, pilot)
        await until(lambda: any(event.kind == "deploy" for event in book.read().events))
        (deploy,) = [event for event in book.read().events if event.kind == "deploy"]
        assert deploy.source == "deploy" and deploy.occurred_at < NOW and "deploy/prod/v41" in deploy.text
        await pilot.press("I")
        await until(lambda: "SG12" in screen_text(app))


async def test_cases_are_listed_where_none_is_open_and_enter_takes_one_up(system: System, folder: Path) -> None:
    Book.new(folder, "An older case", "bob", {}, lambda: NOW - 90_000)
    app = with_desk(system, folder)
    async with app.run_test(size=(120, 40)) as pilot:
        await diagnosed(app, pilot)
        await pilot.press("I")
        await until(lambda: "An older case" in screen_text(app))
        await pilot.press("enter")
        await until(lambda: desk(app).case is not None)


async def test_hostile_text_of_a_case_is_shown_and_obeyed_by_nobody(system: System, folder: Path) -> None:
    book = Book.new(folder, "x \x1b]52;c;y\x07 [bold]z[/]", "alice", {}, lambda: NOW - 10)
    book.note("\x9b31m \u202e evil [red]")
    app = with_desk(system, folder)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(lambda: desk(app).case is not None)
        await pilot.press("I")
        await until(lambda: "[red]" in screen_text(app))
        assert "\x1b" not in screen_text(app) and "\u202e" not in screen_text(app)


async def test_what_is_being_written_is_not_called_unsaved(
    system: System, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slow disk must not flash a warning over the word that confirms what was kept."""
    may_go, write = threading.Event(), desk_module._saved

    def slowly(book: Book, drafts: list[Draft]) -> tuple[list[Event], str]:
        may_go.wait(20.0)
        return write(book, drafts)

    app = with_desk(system, folder)
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(app, pilot)
        monkeypatch.setattr(desk_module, "_saved", slowly)
        app.run_worker(desk(app).write(Draft("note", "slow words")), name="slow", group="slow", exit_on_error=False)
        await until(lambda: desk(app).unsaved == 1)
        rounds = app._rounds
        await until(lambda: app._rounds > rounds + 1)
        assert "NOT SAVED" not in screen_text(app)
        may_go.set()
        await until(lambda: not desk(app).unsaved)
        rounds = app._rounds
        await until(lambda: app._rounds > rounds + 1)
        assert "saved: everything" not in screen_text(app)
