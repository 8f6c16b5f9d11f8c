"""What a case knows of its reproduction: failures, verifications, and runs that pass as often as one would."""

from __future__ import annotations

from typing import Any

import pytest

from console.case import entries
from console.case.book import Book
from console.case.events import Draft
from console.case.proofs import proofs_of

REQUEST = "POST /orders at staging"


def ran(failures: int, statuses: list[int | None], **more: Any) -> dict[str, Any]:
    """The document of a run."""
    tries = [{"status": status} for status in statuses]
    return {"reproduced": failures > 0, "failures": failures, "tries": len(statuses), "outcomes": tries, **more}


FAILED = ran(5, [500] * 5, environment="staging")


@pytest.mark.parametrize(
    ("statuses", "request_", "state"),
    [
        ([200] * 5, REQUEST, "FIXED"),
        ([200] * 4, REQUEST, "FIXED"),
        ([200] * 3, REQUEST, "INCONCLUSIVE"),
        ([200, 200, 200, 200, 404], REQUEST, "INCONCLUSIVE"),
        ([200, 200, 200, 200, None], REQUEST, "INCONCLUSIVE"),
        ([], REQUEST, "INCONCLUSIVE"),
        ([200] * 5, "GET /cart at staging", ""),
    ],
    ids=["five passes", "as many as it takes", "too few", "failed otherwise", "no answer", "nothing sent", "another request"],
)  # fmt: skip
def test_a_run_that_passes_is_a_verification_where_it_failed_before(
    book: Book, statuses: list[int | None], request_: str, state: str
) -> None:
    book.write(entries.repro(FAILED, REQUEST))
    book.write(entries.repro(ran(0, statuses, environment="staging"), request_))
    assert [one.state for one in proofs_of(book.read())] == ["REPRODUCED", *([state] if state else [])]


def test_a_run_that_passed_before_anything_failed_says_nothing(book: Book) -> None:
    book.write(entries.repro(ran(0, [200] * 5), REQUEST))
    assert proofs_of(book.read()) == ()


def test_a_flaky_failure_takes_more_passes_than_a_run_has(book: Book) -> None:
    book.write(entries.repro(ran(2, [500, 200, 500, 200, 200]), REQUEST))
    book.write(entries.repro(ran(0, [200] * 5), REQUEST))
    assert [one.state for one in proofs_of(book.read())] == ["REPRODUCED", "INCONCLUSIVE"]


def test_a_branch_and_two_environments_side_by_side_prove_nothing_of_what_runs(book: Book) -> None:
    book.write(entries.verified({"state": "FIXED", "branch": "fix/a"}))
    sides = [{"environment": name, "failures": 5} for name in ("old", "new")]
    book.write(entries.compared({"sides": sides, "reason": "differ"}, REQUEST))
    assert proofs_of(book.read()) == ()
    book.write(entries.verified({"state": "FIXED", "environment": "staging"}))
    (one,) = proofs_of(book.read())
    assert (one.state, one.where) == ("FIXED", "staging")


def test_what_was_corrected_counts_no_more(book: Book) -> None:
    wrong = book.write(entries.repro(FAILED, REQUEST))
    book.write(Draft("note", "that was another service", supersedes=wrong.id))
    assert proofs_of(book.read()) == ()
