"""What is done on other screens stands in the open case: contract, verdict, reproduction."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from console.app import IncidentConsole
from console.case.book import Book
from console.case.gates import Wish
from console.case.model import CaseState
from console.domain.recovery import Fix, Recovery, Verdict
from console.domain.text import SafeText
from console.live.desk import Desk
from console.screens.case import CaseScreen
from console.screens.recording import keep_verdict
from console.screens.recovery import RecoveryScreen
from console.screens.repro import ReproScreen
from console.state import RecoveryView
from tests.repro.loopback import Loopback, always, answer, serving, when
from tests.tui.fakes import NOW, System, line, until
from tests.tui.test_case_screen import Clock, desk
from tests.tui.test_console import diagnosed, screen_text
from tests.tui.test_repro import BODY, app_of, confirmed, fails


@pytest.fixture
def server() -> Iterator[Loopback]:
    with serving(when(fails)) as found:
        yield found


async def test_contract_and_verdict_of_the_recovery_are_in_the_case(tmp_path: Path) -> None:
    system = System(folder=tmp_path)
    system.logs.written = [
        line(f"timeout after {3000 + n} ms calling payments", NOW - 500 + n, offset=100 * n) for n in range(200)
    ]
    book = Book.new(tmp_path / "cases", "Orders fail", "alice", {"severity": "P2"}, Clock())
    app = system.app()
    app.session.desk = Desk(tmp_path / "cases", "alice", ZoneInfo("UTC"), Clock())
    async with app.run_test(size=(120, 40)) as pilot:
        await diagnosed(app, pilot)
        await until(lambda: desk(app).case is not None)
        await pilot.press("K")
        await until(lambda: isinstance(app.screen, RecoveryScreen) and "VERDICT" in screen_text(app))
        await until(lambda: book.read().recovery is not None)
        case = book.read()
        assert case.contract is not None and case.contract["signals"]
        assert case.recovery is not None and case.recovery.data["verdict"] == "not_recovered"
        assert not case.recovered


async def test_a_verdict_is_written_again_only_where_it_or_what_it_is_about_is_another(tmp_path: Path) -> None:
    book = Book.new(tmp_path / "cases", "Orders fail", "alice", {}, Clock())
    its_desk = Desk(tmp_path / "cases", "alice", ZoneInfo("UTC"), Clock())
    await its_desk.attach(book.id)

    async def kept(verdict: Verdict, contract_at: float, fix_at: float | None) -> int:
        fix = Fix(fix_at, SafeText("deploy v2"), "v2", True, "checkout", "v2", "a" * 40) if fix_at is not None else None
        found = Recovery(NOW, verdict, SafeText("because"), contract_at=contract_at, fix=fix)
        await keep_verdict(its_desk, RecoveryView(recovery=found))
        return sum(event.kind == "recovery" for event in book.read().events)

    assert await kept(Verdict.NOT_RECOVERED, NOW - 60, None) == 1
    assert await kept(Verdict.NOT_RECOVERED, NOW - 60, None) == 1
    assert await kept(Verdict.RECOVERED, NOW - 60, NOW - 50) == 2
    assert await kept(Verdict.RECOVERED, NOW - 60, NOW - 50) == 2
    assert await kept(Verdict.RECOVERED, NOW - 60, NOW - 10) == 3
    assert await kept(Verdict.RECOVERED, NOW - 5, NOW - 10) == 4


async def test_a_reproduction_is_in_the_case(server: Loopback, tmp_path: Path) -> None:
    system = System()
    system.logs.written = [
        line(
            "request", NOW - 30, offset=100, status=500, trace_id="a" * 32, fields=(("method", "POST"), ("body", BODY))
        )
    ]
    book = Book.new(tmp_path / "cases", "Orders fail", "alice", {}, Clock())
    app = app_of(system, tmp_path, ("local", server.origin))
    app.session.desk = Desk(tmp_path / "cases", "alice", ZoneInfo("UTC"), Clock())
    async with app.run_test(size=(120, 40)) as pilot:
        await diagnosed(app, pilot)
        await until(lambda: desk(app).case is not None)
        await pilot.press("3", "r")
        await until(lambda: isinstance(app.screen, ReproScreen) and "decision" in screen_text(app))
        assert f"incident={book.id}" in screen_text(app), (
            "it spends the budget of the incident, and stands in its audit"
        )
        await confirmed(app, pilot, server, "s")
        await until(lambda: book.read().repros)
        (one,) = book.read().repros
        assert one.data["reproduced"] is True and "5 of 5 tries failed" in one.text
        await pilot.press("I")
        await until(lambda: isinstance(app.screen, CaseScreen) and "5 of 5 tries failed" in screen_text(app))


async def reproducing(server: Loopback, tmp_path: Path) -> tuple[Book, IncidentConsole]:
    """An open case, and a console whose log has a request that fails."""
    system = System()
    fields = (("method", "POST"), ("body", BODY))
    system.logs.written = [line("request", NOW - 30, offset=100, status=500, trace_id="a" * 32, fields=fields)]
    book = Book.new(tmp_path / "state" / "cases", "Orders fail", "alice", {}, Clock())
    app = app_of(system, tmp_path, ("local", server.origin))
    app.session.desk = Desk(tmp_path / "state" / "cases", "alice", ZoneInfo("UTC"), Clock())
    return book, app


@pytest.mark.parametrize(
    ("failing", "told"),
    [(True, "minimised, 1-minimal: it needs body, json .voucher;"), (False, "not reproduced: 0 of 5 tries failed")],
)
async def test_what_minimising_came_to_is_in_the_case(failing: bool, told: str, tmp_path: Path) -> None:
    with serving(when(fails) if failing else always(answer())) as server:
        book, app = await reproducing(server, tmp_path)
        async with app.run_test(size=(120, 40)) as pilot:
            await diagnosed(app, pilot)
            await until(lambda: desk(app).case is not None)
            await pilot.press("3", "r")
            await until(lambda: isinstance(app.screen, ReproScreen) and "decision" in screen_text(app))
            await confirmed(app, pilot, server, "i")
            await until(lambda: book.read().repros)
            (one,) = book.read().repros
            assert one.text.startswith(told) and one.data["reproduced"] is failing


async def test_g19_once_the_incident_is_over_its_reproduction_is_refused(server: Loopback, tmp_path: Path) -> None:
    book, app = await reproducing(server, tmp_path)
    async with app.run_test(size=(160, 40)) as pilot:
        await diagnosed(app, pilot)
        await until(lambda: desk(app).case is not None)
        book.move(Wish(CaseState.CANCELLED, "a drill that is over"))
        await desk(app).refresh()
        await pilot.press("3", "r")
        await until(lambda: isinstance(app.screen, ReproScreen) and "is not sent" in screen_text(app))
        assert "G19" in screen_text(app) and f"the incident {book.id} is cancelled" in screen_text(app)
        await pilot.press("s")
        await until(lambda: screen_text(app).count(f"the incident {book.id} is cancelled") == 2)
        assert isinstance(app.screen, ReproScreen) and server.received == []


async def test_g19_an_incident_that_somebody_closed_meanwhile_is_not_sent_for(server: Loopback, tmp_path: Path) -> None:
    book, app = await reproducing(server, tmp_path)
    async with app.run_test(size=(160, 40)) as pilot:
        await diagnosed(app, pilot)
        await until(lambda: desk(app).case is not None)
        await pilot.press("3", "r")
        await until(lambda: isinstance(app.screen, ReproScreen) and "decision" in screen_text(app))
        book.move(Wish(CaseState.CANCELLED, "a drill that is over"))
        await confirmed(app, pilot, server, "s")
        await until(lambda: f"G19: the incident {book.id} is cancelled" in screen_text(app))
        assert server.received == []
