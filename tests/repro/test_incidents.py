"""Reproductions for an incident that is a case: what came of them stands in it, and once it is over nothing is sent any more."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest

from console.case.book import Book
from console.case.events import Draft, Event
from console.case.gates import Wish
from console.case.model import CaseState
from console.config.load import load
from console.reproduce import closing
from tests.repro.conftest import FAST, Configure, Repro
from tests.repro.loopback import Behave, Received, always, answer, when
from tests.repro.test_runs import Serve

LINE = '1.2.3.4 - - [23/Nov/2026:14:03:10 +0000] "GET /a?x=3&y=4 HTTP/1.1" 500 12 "-" "agent"'


def fails(request: Received) -> bool:
    return "x=3" in request.target


@pytest.fixture
def book(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Book:
    monkeypatch.setattr("console.reproduce.limits_of", lambda *_: FAST)
    return Book.new(tmp_path / "state" / "cases", "Orders fail", "alice", {})


def imported(repro: Repro, name: str = "local") -> str:
    """The file of the request of the line."""
    done = repro("import", "--from", "access", "--env", name, "--json", given=LINE)
    Path("r.json").write_text(done.out)
    return "r.json"


def kept(book: Book) -> Event:
    (one,) = book.read().repros
    return one


COMMANDS: tuple[tuple[str, ...], ...] = (
    ("run",),
    ("run", "--dry-run"),
    ("minimise",),
    ("compare", "--with", "fixed"),
    ("verify", "--before", "10/10"),
)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_g19_nothing_is_sent_for_an_incident_that_is_over(
    command: tuple[str, ...], serve: Serve, repro: Repro, configure: Configure, book: Book
) -> None:
    server, fixed = serve(when(fails)), serve(always(answer()))
    configure(("local", "local", server.origin), ("fixed", "local", fixed.origin))
    request = imported(repro)
    book.move(Wish(CaseState.CANCELLED, "a drill that is over"))
    name, *more = command
    done = repro(name, request, "--env", "local", "--incident", book.id, *more)
    assert done.code == 5 and f"G19: the incident {book.id} is cancelled" in done.err
    assert not server.received and not fixed.received and not book.read().repros


def test_an_incident_that_goes_on_and_a_mere_name_are_sent_for(
    serve: Serve, repro: Repro, configure: Configure, book: Book
) -> None:
    server = serve(when(fails))
    configure(("local", "local", server.origin))
    request = imported(repro)
    for incident in (book.id, "INC-7"):
        assert repro("run", request, "--env", "local", "--tries", "2", "--incident", incident).code == 0
    assert len(server.received) == 4 and kept(book).data["tries"] == 2


def test_a_case_that_cannot_be_read_is_not_taken_for_an_open_one(
    serve: Serve, repro: Repro, configure: Configure, book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: Any) -> Any:
        raise OSError(5, "Input/output error")

    server = serve(when(fails))
    configure(("local", "local", server.origin))
    request = imported(repro)
    monkeypatch.setattr("console.case.journal.Reader.read", broken)
    done = repro("run", request, "--env", "local", "--incident", book.id)
    assert done.code == 5 and "G19" in done.err and "Input/output error" in done.err and not server.received


def test_what_minimising_left_stands_in_the_case(serve: Serve, repro: Repro, configure: Configure, book: Book) -> None:
    server = serve(when(fails))
    configure(("local", "local", server.origin))
    done = repro("minimise", imported(repro), "--env", "local", "--incident", book.id, "--json")
    assert done.code == 0 and book.id in done.err
    one = kept(book)
    assert one.data["reproduced"] is True and one.data["ended"] == "1-minimal"
    assert one.data["requests_sent"] == done.document["requests_sent"]
    assert one.text.startswith("minimised, 1-minimal: it needs query x") and f"GET {server.origin}/a" in one.text


def test_what_did_not_fail_is_kept_as_not_reproduced(
    serve: Serve, repro: Repro, configure: Configure, book: Book
) -> None:
    server = serve(always(answer()))
    configure(("local", "local", server.origin))
    assert repro("minimise", imported(repro), "--env", "local", "--incident", book.id).code == 1
    one = kept(book)
    assert one.data["reproduced"] is False and one.text.startswith("not reproduced: 0 of 5 tries failed")


@pytest.mark.parametrize("failing", [True, False], ids=["one side fails", "no side fails"])
def test_a_comparison_stands_in_the_case(
    failing: bool, serve: Serve, repro: Repro, configure: Configure, book: Book
) -> None:
    old, new = serve(when(fails) if failing else always(answer())), serve(always(answer()))
    configure(("old", "local", old.origin), ("new", "local", new.origin))
    done = repro("compare", imported(repro, "old"), "--env", "old", "--with", "new", "--incident", book.id, "--json")
    assert done.code == int(failing) and book.id in done.err
    one = kept(book)
    assert one.data["reproduced"] is failing and one.data["evidence"] is failing
    assert one.text.startswith("compared old with new: 5 of 5" if failing else "compared old with new: 0 of 5")


@pytest.mark.parametrize(
    "command", [one for one in COMMANDS if "--dry-run" not in one], ids=lambda command: " ".join(command)
)
def test_g19_what_another_engineer_writes_during_a_run_is_seen_before_the_next_request(
    command: tuple[str, ...], serve: Serve, repro: Repro, configure: Configure, book: Book, tmp_path: Path
) -> None:
    """Bob, at another console, closes the case while alice's second request is under way: no third leaves."""
    bob = Book(tmp_path / "state" / "cases", book.id, "bob")
    sent: list[Received] = []

    def behave(failing: bool) -> Behave:
        def one(request: Received, peer: socket.socket) -> None:
            sent.append(request)
            if len(sent) == 2:
                bob.move(Wish(CaseState.CANCELLED, "a drill that is over"))
            peer.sendall(answer(500, b'{"error": "ValueError"}') if failing and fails(request) else answer())

        return one

    name, *more = command
    server, fixed = serve(behave(name != "verify")), serve(behave(False))
    configure(("local", "local", server.origin), ("fixed", "local", fixed.origin))
    done = repro(name, imported(repro), "--env", "local", "--incident", book.id, *more, "--json")
    assert len(sent) == 2 and done.code == (0 if name == "run" else 3)  # two of two tries failed before it ended
    assert "G19" in done.out + done.err or f"the incident {book.id} is cancelled" in done.out + done.err


def test_g19_a_case_that_is_taken_up_again_lets_out_again(configure: Configure, book: Book, tmp_path: Path) -> None:
    configure(("local", "local", "http://127.0.0.1:1"))
    loaded = load(tmp_path / "incident.toml")
    closed = closing(loaded, book.id)
    assert closed() is None
    book.write(Draft("state", "cancelled", {"to": "cancelled"}))
    assert closed() == f"the incident {book.id} is cancelled"
    book.write(Draft("state", "taken up again", {"to": "investigating"}))
    assert closed() is None
    assert closing(loaded, "INC-7")() is None and closing(loaded, "../cases")() is None
