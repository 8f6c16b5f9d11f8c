"""Hypotheses on the screen of the case: confirmed, refuted, parked and opened again by the rules of the ledger, and what a person saw."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from console.app import IncidentConsole
from console.case.book import Book
from console.case.entries import evidence
from console.case.model import Case, Hypothesis, Outcome
from console.screens.case import CaseScreen, ItemScreen
from console.screens.dialogs import LineDialog
from console.screens.ledger import answer_of, grounds, parts_of
from console.screens.overview import OverviewScreen
from tests.tui.fakes import NOW, System, line, until
from tests.tui.test_case_screen import with_desk
from tests.tui.test_console import diagnosed, flowing, screen_text
from tests.waiting import PATIENCE_S


@pytest.fixture
def system() -> System:
    made = System()
    made.logs.written = [line(f"timeout after {n} ms calling payments") for n in range(40)]
    return made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "cases"


@pytest.fixture
def book(folder: Path) -> Book:
    """A case with one hypothesis that the data supports, and one piece of evidence."""
    made = Book.new(folder, "Orders fail", "alice", {"severity": "P2"}, lambda: NOW - 60)
    made.hypothesis("the release forgets gift cards", {})
    made.predict("H1", "max(error_rate, checkout) > 5% over 5m", {"every_s": 3600.0})
    made.result("H1", "P1", Outcome.HOLDS, {"samples": 5, "control": "fails"}, "13 %")
    made.write(evidence("the trace names the changed line", kind="log"))
    return made


def one(book: Book, name: str = "H1") -> Hypothesis:
    found = book.read().hypothesis(name)
    assert found is not None
    return found


async def at_hypotheses(app: IncidentConsole, pilot: Pilot[int], case: Case) -> None:
    """On the screen of the case, the cursor on the first hypothesis."""
    await diagnosed(app, pilot)
    await until(lambda: app.session.desk is not None and app.session.desk.case is not None)
    await pilot.press("I")
    await until(lambda: isinstance(app.screen, CaseScreen))
    await pilot.press("2", "g")
    await until(lambda: case.hypotheses[0].statement in screen_text(app))


async def typed(app: IncidentConsole, pilot: Pilot[int], text: str) -> None:
    await until(lambda: isinstance(app.screen, LineDialog))
    app.screen.query_one(Input).value = text
    await pilot.press("enter")


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 50)])
async def test_a_supported_hypothesis_is_confirmed_by_evidence(
    system: System, folder: Path, book: Book, size: tuple[int, int]
) -> None:
    app = with_desk(system, folder)
    async with app.run_test(size=size) as pilot:
        await at_hypotheses(app, pilot, book.read())
        await pilot.press("c")
        await until(lambda: "confirm H1" in screen_text(app) and "kept: E1" in flowing(app))
        await typed(app, pilot, "it must be that")
        await until(lambda: "H1 is confirmed by an intervention only" in flowing(app))
        assert isinstance(app.screen, LineDialog), "nothing that was typed is lost"
        await typed(app, pilot, "e1, the line is the one that was changed")
        await until(lambda: "H1 supported to confirmed: the line is the one" in screen_text(app))
        found = one(book)
        assert (str(found.state), found.interventions, found.changed_by) == ("confirmed", ("E1",), "human")
        assert found.reason == "the line is the one that was changed"


async def test_what_the_rules_forbid_whatever_is_typed_is_told_without_a_dialog(
    system: System, folder: Path, book: Book
) -> None:
    book.hypothesis("payments is slow", {})
    app = with_desk(system, folder)
    async with app.run_test(size=(160, 40)) as pilot:
        await at_hypotheses(app, pilot, book.read())
        await pilot.press("down", "c")
        await until(lambda: "H2 is draft: only a supported hypothesis can be confirmed" in screen_text(app))
        assert isinstance(app.screen, CaseScreen)
        await pilot.press("s")
        await until(lambda: "no prediction of it waits for a person" in screen_text(app))
        book.predict("H2", "max(latency_p95, payments) > 1s over 5m", {"every_s": 3600.0})
        await until(lambda: "payments is slow" in screen_text(app) and "H2 open" in screen_text(app))
        await pilot.press("up", "c")
        await until(lambda: "H2 may explain the same symptoms: refute or park it first" in screen_text(app))
        assert isinstance(app.console_screen(), CaseScreen) and str(one(book).state) == "supported"


async def test_a_hypothesis_is_parked_with_a_reason_and_opened_again(system: System, folder: Path, book: Book) -> None:
    app = with_desk(system, folder)
    async with app.run_test(size=(120, 40)) as pilot:
        await at_hypotheses(app, pilot, book.read())
        await pilot.press("o")
        await until(lambda: "H1 is supported and cannot be opened" in screen_text(app))
        await pilot.press("p")
        await typed(app, pilot, "no data")
        await until(lambda: "say why H1 is parked" in flowing(app))
        await typed(app, pilot, "nobody keeps these metrics")
        await until(lambda: "H1 supported to parked: nobody keeps" in screen_text(app))
        await pilot.press("o")
        await typed(app, pilot, "the metrics came")
        await until(lambda: "H1 parked to open: the metrics came" in screen_text(app))


async def test_a_hypothesis_is_superseded_by_one_that_says_it_more_exactly(
    system: System, folder: Path, book: Book
) -> None:
    book.hypothesis("the release forgets gift cards of the old kind", {})
    app = with_desk(system, folder)
    async with app.run_test(size=(140, 40)) as pilot:
        await at_hypotheses(app, pilot, book.read())
        await pilot.press("u")
        await until(lambda: "supersede H1" in screen_text(app) and "there are: H2" in flowing(app))
        await typed(app, pilot, "H1 names itself")
        await until(lambda: "there is no other hypothesis H1" in flowing(app))
        await typed(app, pilot, "H2 better")
        await until(lambda: "say why H1 is superseded" in flowing(app))
        await typed(app, pilot, "H2 it says which gift cards")
        await until(lambda: "H1 supported to superseded by H2" in screen_text(app))
        await until(lambda: "H1 superseded by H2 the release forgets" in screen_text(app))
        await pilot.press("u")
        await until(lambda: "H1 is superseded already" in screen_text(app))
        await pilot.press("enter")
        await until(lambda: isinstance(app.screen, ItemScreen) and "refined by H2" in flowing(app))
        found = one(book)
        assert (found.superseded_by, found.reason) == ("H2", "it says which gift cards")


async def test_the_refinement_is_written_down_on_the_way(system: System, folder: Path, book: Book) -> None:
    app = with_desk(system, folder)
    async with app.run_test(size=(140, 40)) as pilot:
        await at_hypotheses(app, pilot, book.read())
        await pilot.press("u")
        await typed(app, pilot, "old gift cards fail | max(error_rate, checkout) > much over 5m")
        await until(lambda: isinstance(app.screen, LineDialog) and "much" in flowing(app))
        await typed(app, pilot, "old gift cards fail | count(gift) > 5 over 5m")
        await until(lambda: "H1 superseded by H2" in screen_text(app) and "H2 open old gift cards" in screen_text(app))
        assert (one(book).superseded_by, one(book, "H2").parent) == ("H2", "H1")


async def test_a_snapshot_before_a_rollback_is_one_key(system: System, folder: Path, book: Book) -> None:
    app = with_desk(system, folder)
    async with app.run_test(size=(140, 40)) as pilot:
        await at_hypotheses(app, pilot, book.read())
        await pilot.press("a")
        await typed(app, pilot, "mitigation: rollback of the release")
        await until(lambda: "SG4: no evidence snapshot was taken before it" in flowing(app))
        await pilot.press("n")
        await until(lambda: "snapshot taken, with" in screen_text(app))
        case = book.read()
        assert len(case.snapshots) == 1 and any(item.kind == "metric" for item in case.evidence)


async def test_escape_changes_nothing(system: System, folder: Path, book: Book) -> None:
    app = with_desk(system, folder)
    async with app.run_test(size=(120, 40)) as pilot:
        await at_hypotheses(app, pilot, book.read())
        await pilot.press("p")
        await until(lambda: isinstance(app.screen, LineDialog))
        await pilot.press("escape")
        await until(lambda: "H1 stays supported" in screen_text(app))
        assert str(one(book).state) == "supported"


async def test_what_was_written_is_kept_and_told_though_the_screen_was_left_at_once(
    system: System, folder: Path, book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, write = threading.Event(), Book.turn

    def slowly(*given: Any) -> Any:
        held.wait(PATIENCE_S)
        return write(*given)

    monkeypatch.setattr(Book, "turn", slowly)
    app = with_desk(system, folder)
    async with app.run_test(size=(120, 40)) as pilot:
        await at_hypotheses(app, pilot, book.read())
        await pilot.press("p")
        await typed(app, pilot, "nobody keeps these metrics")
        await until(lambda: isinstance(app.screen, CaseScreen))
        await pilot.press("backspace")
        await until(lambda: isinstance(app.screen, OverviewScreen))
        held.set()
        await until(lambda: "H1 supported to parked" in screen_text(app))
        assert str(one(book).state) == "parked"


async def test_a_hypothesis_is_refuted_by_evidence_and_opened_by_new_evidence_only(
    system: System, folder: Path, book: Book
) -> None:
    app = with_desk(system, folder)
    async with app.run_test(size=(140, 40)) as pilot:
        await at_hypotheses(app, pilot, book.read())
        await pilot.press("enter")
        await until(lambda: isinstance(app.screen, ItemScreen))
        await pilot.press("r")  # on the screen of the hypothesis too
        await typed(app, pilot, "E7 of which nobody knows")
        await until(lambda: "there is no evidence E7" in flowing(app))
        await typed(app, pilot, "E1 gift cards were taken off")
        await until(lambda: "H1 supported to refuted" in screen_text(app) and "state refuted" in flowing(app))
        await pilot.press("o")
        await until(lambda: "it reopens only with new evidence" in flowing(app))
        assert isinstance(app.screen, ItemScreen)
        book.write(evidence("one of two logs was read", kind="log"))
        await pilot.press("backspace")
        await until(lambda: isinstance(app.screen, CaseScreen) and "one of two logs" in screen_text(app))
        await pilot.press("o")
        await typed(app, pilot, "E2 only half of it was seen")
        await until(lambda: "H1 refuted to open" in screen_text(app))


async def test_what_only_a_person_can_see_is_answered(system: System, folder: Path, book: Book) -> None:
    app = with_desk(system, folder)
    async with app.run_test(size=(140, 40)) as pilot:
        await at_hypotheses(app, pilot, book.read())
        await pilot.press("h")
        await typed(app, pilot, "the cache is cold | manual: a second request is quick | it is as slow")
        await until(lambda: "H2 written down" in screen_text(app) and "unknown, s answers" in screen_text(app))
        assert str(one(book, "H2").state) == "open", "it could turn out otherwise"
        await pilot.press("h")
        await typed(app, pilot, "H2 | manual: the hit rate is low | it is above 90 %")
        await until(lambda: "H2 predicts more" in screen_text(app))
        await pilot.press("G", "s")
        await until(lambda: "H2.P1" in screen_text(app) and "a second request is quick" in flowing(app))
        await typed(app, pilot, "it does")
        await until(lambda: "say which: P1, P2" in flowing(app))
        await typed(app, pilot, "p1 perhaps")
        await until(lambda: "say whether it holds: holds, fails, inconclusive" in flowing(app))
        await typed(app, pilot, "p1 holds 0.1 s against 3 s")
        await until(lambda: "H2.P1 holds: 0.1 s against 3 s" in screen_text(app))
        found = one(book, "H2")
        assert str(found.state) == "supported" and found.predictions[0].outcome is Outcome.HOLDS
        (result,) = (e for e in book.read().events if e.kind == "result" and e.data["hypothesis"] == "H2")
        assert (result.source, result.data["by"]) == ("human", "alice")
        await pilot.press("s")
        await until(lambda: "H2.P2" in screen_text(app))
        await typed(app, pilot, "P2 fails")
        await until(lambda: "H2.P2 fails: seen by a person" in screen_text(app))
        assert str(one(book, "H2").state) == "refuted"


async def test_a_prediction_for_a_person_that_could_not_fail_leaves_a_draft(
    system: System, folder: Path, book: Book
) -> None:
    app = with_desk(system, folder)
    async with app.run_test(size=(140, 40)) as pilot:
        await at_hypotheses(app, pilot, book.read())
        await pilot.press("h")
        await typed(app, pilot, "the cache is cold | manual: a second request is quick")
        await until(lambda: "it stays a draft until it predicts something that could fail" in screen_text(app))
        await pilot.press("h")
        await typed(app, pilot, "H9 | manual: a second request is quick")
        await until(lambda: "there is no hypothesis H9" in screen_text(app))


async def test_without_a_hypothesis_or_a_case_the_keys_say_what_is_missing(system: System, folder: Path) -> None:
    app = with_desk(system, folder)
    async with app.run_test(size=(120, 40)) as pilot:
        await diagnosed(app, pilot)
        screen = app.console_screen()
        assert screen is not None and "I opens the case first" in screen.refusals()["confirm"]
        await pilot.press("I")
        await until(lambda: isinstance(app.screen, CaseScreen))
        await pilot.press("c")
        await until(lambda: "no case is open: I opens one" in screen_text(app))
        Book.new(folder, "Orders fail", "alice", {}, lambda: NOW - 60)
        await pilot.press("R")
        await until(lambda: "Orders fail" in screen_text(app))
        await pilot.press("1", "enter")
        await until(lambda: "writing into" in screen_text(app))
        await pilot.press("p")
        await until(lambda: "no hypothesis yet: h writes one down" in screen_text(app))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("E1 E2, why so", (("E1", "E2"), "why so")),
        ("e3", (("E3",), "")),
        ("why so E3", ((), "why so E3")),
        ("", ((), "")),
        ("E3x is no name", ((), "E3x is no name")),
    ],
)
def test_evidence_stands_in_front_of_the_reason(text: str, found: tuple[tuple[str, ...], str]) -> None:
    assert grounds(text) == found


def test_bars_of_a_query_stay_in_it() -> None:
    assert parts_of("slow | count(/a|b/) > 5 over 5m") == ("slow", "count(/a|b/) > 5 over 5m", "")
    assert parts_of("cold | manual: it is quick | it is not") == ("cold", "manual: it is quick", "it is not")
    assert parts_of("cold") == ("cold", "", "")


def test_the_only_prediction_for_a_person_needs_no_name(book: Book) -> None:
    book.predict("H1", "manual: it clears up", {"refutes": "it does not"})
    asked = tuple(p for p in one(book).predictions if p.manual)
    assert answer_of("holds it did", asked) == ("P2", Outcome.HOLDS, "it did")
    assert answer_of("P2 fails", asked) == ("P2", Outcome.FAILS, "")
    assert answer_of("P1 holds", asked) == "say whether it holds: holds, fails, inconclusive"
