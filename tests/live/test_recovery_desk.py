"""The screen's side of recovery: draft, contract, verdict, case, and what is said when an incident is another one."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from console.analysis.diagnose import diagnose
from console.case.book import Book
from console.case.entries import repro, verified
from console.case.gates import Wish
from console.case.model import CaseState
from console.case.store import cases_folder
from console.domain.instant import Instant
from console.domain.recovery import Strictness, TermKind, Verdict
from console.domain.topology import Topology
from console.live.recovery import RecoveryDesk
from console.observe import Sources
from console.state import RecoveryView
from tests.recovery.made import FIXED, ONSET, ROLLBACK, WRITTEN, Made, after, flat, observed, running


@pytest.fixture
def desk(tmp_path: Path) -> RecoveryDesk:
    return RecoveryDesk(Sources(Topology()), ZoneInfo("UTC"), tmp_path)


async def view(desk: RecoveryDesk, made: Made, at: Instant) -> RecoveryView:
    seen = observed(made, at, (ROLLBACK,), (running("v41"),) if at > FIXED else ())
    return await desk.view(seen, diagnose(seen))


async def write(desk: RecoveryDesk, made: Made, at: Instant) -> str:
    seen = observed(made, at, (ROLLBACK,))
    return await desk.write(seen, diagnose(seen))


async def test_from_the_draft_to_recovered(desk: RecoveryDesk, tmp_path: Path) -> None:
    draft = await view(desk, Made(), WRITTEN)
    assert draft.draft and draft.contract is not None and draft.recovery is None
    assert not (tmp_path / "recovery").exists()
    assert "signals must be back" in await write(desk, Made(), WRITTEN)
    early = await view(desk, Made(), after(10))
    assert early.recovery is not None and early.recovery.verdict is Verdict.INCONCLUSIVE
    late = await view(desk, Made(), after(45))
    assert late.recovery is not None and late.recovery.verdict is Verdict.RECOVERED
    assert late.fixed and not late.says


async def test_it_is_as_strict_as_the_configuration_says(tmp_path: Path) -> None:
    desk = RecoveryDesk(Sources(Topology(), strictness=Strictness(360.0, 0.02)), ZoneInfo("UTC"), tmp_path)
    draft = await view(desk, Made(), WRITTEN)
    assert draft.contract is not None and draft.contract.hold_s == 360.0
    await write(desk, Made(), WRITTEN)
    kept = (await view(desk, Made(), WRITTEN)).contract
    assert kept is not None and kept.hold_s == 360.0
    margins = {term.absolute for term in kept.terms if term.kind is TermKind.ERRORS}
    assert margins == {0.02}


async def test_a_contract_stands_in_the_very_moment_in_which_it_is_written(desk: RecoveryDesk) -> None:
    moment = WRITTEN + 0.0007  # which the contract rounds up
    await write(desk, Made(), moment)
    shown = await view(desk, Made(), moment)
    assert not shown.draft and shown.recovery is not None


async def test_a_contract_is_not_written_again_for_the_same_incident(desk: RecoveryDesk, tmp_path: Path) -> None:
    await write(desk, Made(), WRITTEN)
    assert "is not changed" in await write(desk, Made(), WRITTEN + 60)
    assert len(list((tmp_path / "recovery").iterdir())) == 1


async def test_another_incident_after_the_contract_is_told_and_gets_its_own(desk: RecoveryDesk, tmp_path: Path) -> None:
    second = ONSET + 120 * 60
    twice = Made(errors=lambda at: 0.3 if at > second - ONSET else Made().errors(at))
    await write(desk, twice, WRITTEN)
    shown = await view(desk, twice, second + 900)
    assert "after this contract" in shown.says
    assert "signals must be back" in await write(desk, twice, second + 900)
    assert len(list((tmp_path / "recovery").iterdir())) == 2


async def test_nothing_is_written_where_nothing_is_wrong(desk: RecoveryDesk, tmp_path: Path) -> None:
    calm = Made(errors=flat(0.004))
    assert "no contract is written" in await write(desk, calm, WRITTEN)
    shown = await view(desk, calm, WRITTEN)
    assert shown.contract is None and "nothing is wrong" in shown.says
    assert not (tmp_path / "recovery").exists()
    assert "no verdict yet" in (await desk.view(None, None)).says


async def test_the_past_knows_no_contract_of_later(desk: RecoveryDesk) -> None:
    await write(desk, Made(), WRITTEN)
    before = await view(desk, Made(), WRITTEN - 120)
    assert before.recovery is None


async def test_the_one_open_case_holds_the_contract_too(
    desk: RecoveryDesk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INCIDENT_AUTHOR", "grace")
    book = Book.new(cases_folder(tmp_path), "orders fail", "ada")
    assert book.id in await write(desk, Made(), WRITTEN)
    assert next(one for one in book.read().events if one.kind == "contract").author == "grace"
    recorded = book.read().contract
    assert recorded is not None
    assert any(one["kind"] == TermKind.ERRORS for one in recorded["signals"])


async def test_a_full_disk_is_told_and_nothing_is_confirmed(tmp_path: Path) -> None:
    (tmp_path / "recovery").write_text("a file where the folder should be")
    desk = RecoveryDesk(Sources(Topology()), ZoneInfo("UTC"), tmp_path)
    assert "not saved" in await write(desk, Made(), WRITTEN)


async def test_what_was_reproduced_in_the_open_case_must_be_verified(desk: RecoveryDesk, tmp_path: Path) -> None:
    now = [WRITTEN - 60]
    book = Book.new(cases_folder(tmp_path), "orders fail", "alice", clock=lambda: now[0])
    book.write(repro({"reproduced": True, "failures": 5, "tries": 5}, "GET /a"))
    await write(desk, Made(), WRITTEN)
    shown = await view(desk, Made(), after(45))
    assert shown.contract is not None and shown.contract.terms[-1].kind is TermKind.REPRODUCTION
    assert shown.recovery is not None and shown.recovery.verdict is Verdict.INCONCLUSIVE
    now[0] = after(20)
    book.write(verified({"state": "FIXED", "reason": "4 clean passes"}))
    shown = await view(desk, Made(), after(45))
    assert shown.recovery is not None and shown.recovery.verdict is Verdict.RECOVERED


async def test_a_case_that_is_over_asks_for_no_reproduction(desk: RecoveryDesk, tmp_path: Path) -> None:
    book = Book.new(cases_folder(tmp_path), "orders fail", "alice", clock=lambda: WRITTEN - 60)
    book.write(repro({"reproduced": True, "failures": 5, "tries": 5}, "GET /a"))
    book.close(Wish(CaseState.CANCELLED, "a false alarm"))
    await write(desk, Made(), WRITTEN)
    shown = await view(desk, Made(), after(45))
    assert shown.recovery is not None and shown.recovery.verdict is Verdict.RECOVERED
