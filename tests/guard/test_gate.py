"""The gate of effects hears at each of them whether anything may still be done."""

from __future__ import annotations

from pathlib import Path

import pytest

from console.case.book import Blocked, Book
from console.case.gates import Wish
from console.case.model import CaseState
from console.config.load import load
from console.fixing import gate_of
from console.guard.gate import Deed, NotAdmitted, Typed

DEED, TYPED = Deed("fix branch", "fix/a", {}), Typed("fix/a")


@pytest.fixture
def book(tmp_path: Path) -> Book:
    """A case of alice in the state folder of the configuration."""
    (tmp_path / "incident.toml").write_text('[console]\nstate_dir = "state"\n')
    return Book.new(tmp_path / "state" / "cases", "Orders fail", "alice", {})


def test_a_case_that_is_closed_between_the_plan_and_its_confirmation_admits_nothing(tmp_path: Path, book: Book) -> None:
    loaded = load(tmp_path / "incident.toml")
    gate, undoing = gate_of(loaded, book.id), gate_of(loaded, book.id, mends=False)
    gate.judge(DEED, TYPED)
    bob = Book(tmp_path / "state" / "cases", book.id, "bob")
    bob.move(Wish(CaseState.CANCELLED, "a drill that is over"))
    with pytest.raises(NotAdmitted, match="is cancelled") as caught:
        gate.admit(DEED, TYPED)
    assert caught.value.rule == "B10" and not (tmp_path / "state" / "repro" / "audit.jsonl").exists()
    undoing.admit(DEED, TYPED)  # what is left may be taken away


def test_an_entry_of_another_author_is_seen_before_the_next_gate_of_the_case(tmp_path: Path, book: Book) -> None:
    bob = Book(tmp_path / "state" / "cases", book.id, "bob")
    book.severity("P2", "")
    assert bob.read().state is CaseState.TRIAGE
    book.move(Wish(CaseState.INVESTIGATING))
    bob.mitigation("rolled back", {"kind": "rollback"}, None)
    mitigating = Wish(CaseState.MITIGATING, "no snapshot could be taken, the disk was full")
    with pytest.raises(Blocked, match="SG4"):  # a soft gate says no once
        book.move(mitigating)
    book.move(mitigating)
    book.move(Wish(CaseState.MONITORING))  # HG3 asks for a mitigation, which bob wrote
    assert bob.read().state is CaseState.MONITORING
