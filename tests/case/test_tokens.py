"""What stands for a secret in a case: the same in all of it whoever writes, another in another case, and no address of e-mail."""

from __future__ import annotations

import json
import re
import secrets
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from time import process_time
from urllib.parse import quote

import pytest

from console.case import entries
from console.case.book import Book, Unfit
from console.case.events import Draft
from console.case.gates import Wish, change_warnings
from console.case.journal import person_of
from console.case.key import FILE, LENGTH, NEXT, key_of, next_key
from console.case.model import CaseState
from console.guard.redact import keyed, redact, redact_json, redact_wholly, token_of, use_key
from console.live.secrets import use_tokens
from console.report.case_html import html_of
from console.report.case_json import case_json
from console.report.case_report import report_of
from tests.case.conftest import MakeBook
from tests.case.test_redaction import on_disk

SECRET = "password=hunter2-canary"
TOKEN = re.compile(r"‹redacted:[a-z]+:[0-9a-f]{8}›")
ANOTHER_PROCESS = """
import sys
from pathlib import Path
from console.case.book import Book
book = Book(Path(sys.argv[1]), sys.argv[2], "bob")
book.note(sys.argv[3])
"""


def tokens(text: str) -> list[str]:
    return TOKEN.findall(text)


def test_one_secret_has_one_token_in_all_of_a_case_whoever_writes(book: Book, cases: Path) -> None:
    here = tokens(book.note(SECRET).text)
    item = book.write(entries.evidence("seen", kind="log", excerpt=f"login {SECRET} failed"))
    command = [sys.executable, "-c", ANOTHER_PROCESS, str(cases), book.id, SECRET]
    subprocess.run(command, check=True, timeout=60)
    there = tokens(next(event for event in book.read().events if event.author == "bob").text)
    assert len(here) == 1 and here == there == tokens(item.data["excerpt"])


def test_another_case_has_other_tokens(make: MakeBook) -> None:
    first, second = make("one"), make("two")
    assert tokens(first.note(SECRET).text) != tokens(second.note(SECRET).text)


def test_a_title_has_the_tokens_of_its_case(make: MakeBook) -> None:
    book = make(f"login with {SECRET}")
    assert tokens(book.read().title) == tokens(book.note(SECRET).text)


def test_the_key_lies_beside_the_journals_for_its_owner_and_goes_nowhere_else(book: Book, cases: Path) -> None:
    book.note(SECRET)
    path = book.folder / FILE
    key = path.read_bytes()
    assert len(key) == LENGTH and stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not (cases / NEXT).exists()
    case = book.read()
    path.unlink()
    for text in (html_of(report_of(case, 1.0)), json.dumps(case_json(case, 1.0)), on_disk(cases)):
        assert key.hex() not in text and key.decode("utf-8", "replace") not in text


def test_a_case_of_before_gets_its_key_when_it_is_written_to(book: Book, cases: Path) -> None:
    (book.folder / FILE).unlink(missing_ok=True)
    again = Book(cases, book.id, "carol")
    assert len(key_of(again.folder)) == LENGTH


def test_a_token_of_before_stays_as_it_is(book: Book) -> None:
    old = "password=‹redacted:password:ab12›"
    assert book.note(old).text == old and redact_wholly(old) == old


def test_a_note_is_not_lost_for_a_key_that_cannot_be_had(book: Book, cases: Path) -> None:
    (book.folder / FILE).unlink(missing_ok=True)
    (book.folder / FILE).mkdir()
    other = Book(cases, book.id, "dora")
    assert len(tokens(other.note(SECRET).text)) == 1


def test_two_that_make_a_key_at_once_agree(cases: Path) -> None:
    assert next_key(cases) == next_key(cases)
    assert sorted(path.name for path in cases.iterdir()) == [NEXT]


@pytest.fixture
def shown_by(tmp_path: Path) -> Iterator[Callable[[], str]]:
    """What a console that is started now shows of the secret."""

    def start() -> str:
        use_tokens(tmp_path / "state")
        return tokens(redact(SECRET))[0]

    yield start
    use_key(secrets.token_bytes(LENGTH))


def test_what_a_console_shows_has_the_tokens_of_its_case(shown_by: Callable[[], str], make: MakeBook) -> None:
    before = shown_by()
    book = make("opened afterwards")
    assert tokens(book.note(SECRET).text) == [before]
    assert shown_by() == before, "a console that is started later shows them too"
    book.close(Wish(CaseState.CANCELLED, "a false alarm"))
    assert shown_by() != before


def test_a_state_folder_that_cannot_be_written_to_stops_no_console(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file")
    use_tokens(tmp_path / "state")
    assert tokens(redact(SECRET))


def test_eight_digits_rarely_meet() -> None:
    assert len({token_of("password", str(n)) for n in range(20_000)}) >= 19_999


def test_a_key_holds_only_where_it_is_used() -> None:
    outside = token_of("jwt", "a")
    with keyed(b"k" * LENGTH):
        inside = token_of("jwt", "a")
        with keyed(b"l" * LENGTH):
            assert token_of("jwt", "a") not in (inside, outside)
        assert token_of("jwt", "a") == inside != outside
    assert token_of("jwt", "a") == outside


# -- addresses of e-mail ----------------------------------------------------------------------------------------------

ADDRESS = "Anna.Lopez+shop@mail.example.co.uk"


@pytest.mark.parametrize(
    "text",
    [
        f"no order of {ADDRESS} found",
        f"<{ADDRESS}>",
        f"user={ADDRESS};",
        f'{{"email":"{ADDRESS}"}}',
        f"GET /users?email={quote(ADDRESS, safe='')}&x=1",
        f"mailto:{ADDRESS}.",
        f"{ADDRESS}:{ADDRESS}",
        f"{ADDRESS} wrote to Lopez@163.com",
    ],
)
def test_an_address_of_email_is_written_nowhere(book: Book, text: str) -> None:
    event = book.write(entries.evidence(text, kind="log", excerpt=text, query=f"incident logs '{ADDRESS}'"))
    book.write(entries.repro({"reproduced": True, "failures": 1, "tries": 1}, text))
    assert "Lopez" not in on_disk(book.folder)
    assert set(tokens(event.text)) == set(tokens(event.data["excerpt"])) and tokens(event.text)


@pytest.mark.parametrize(
    "text",
    [
        "git@github.com:org/repo",
        "user@1000.service: Succeeded",
        "getty@tty1.service",
        "lodash@4.17.21 and @scope/pkg@1.2.3",
        "icon@2x.png",
        "deployed checkout@1.4.beta, payments@2026.11.final and web@v2.rc",
        "ssh deploy@web-1",
        "a @ b.example.org",
        "Object@1a2b3c4d",
        "@here see #incident",
        "50%40 of it",
    ],
)
def test_what_is_no_address_of_email_stays(text: str) -> None:
    assert redact_wholly(text) == text


def test_equal_addresses_have_equal_tokens_also_where_they_are_encoded(book: Book) -> None:
    plain, encoded = book.note(f"of {ADDRESS}"), book.note(f"?mail={quote(ADDRESS, safe='')}")
    assert tokens(plain.text) == tokens(encoded.text) != []
    assert plain.text.startswith("of ‹redacted:email:")


def test_the_screen_and_a_request_keep_an_address() -> None:
    assert redact(f"of {ADDRESS}") == f"of {ADDRESS}"
    assert redact_json({"a": ADDRESS}, emails=False) == {"a": ADDRESS}


def test_a_message_that_people_send_keeps_the_address_to_write_to_and_no_secret(book: Book) -> None:
    fields = {
        "product": "Shop",
        "symptom": f"errors, write to help@example.org, {SECRET}",
        "started_at": "10:00",
        "next_at": "10:30",
    }
    event, _ = book.message("initial", fields, sent=False, next_due=None)
    assert "help@example.org" in event.text and "hunter2" not in event.text


def test_people_are_known_by_what_stands_before_the_at(book: Book, cases: Path) -> None:
    book.role("ic", "anna@example.org")
    assert book.read().roles["ic"] == "anna"
    book.offer("ic", "bob@example.org")
    assert Book(cases, book.id, "bob").accept("ic", "bob@example.org").data["person"] == "bob"
    book.action_item("Write an alert", {"owner": "carl@example.org", "due": "2026-12-01"})
    assert book.read().follow_ups[0].owner == "carl"
    dora = Book(cases, book.id, "dora@example.org")
    dora.role("ic", "-")
    dora.role("ic", "dora@example.org")
    dora.severity("P1", "it is worse")
    dora.mitigation("restarted", {"kind": "restart", "executed_by": dora.author}, None)
    assert dora.read().mitigations[0].data["executed_by"] == "dora"
    assert any(gate.rule == "SG10" for gate in change_warnings(dora.read(), "restart", dora.author))
    assert person_of("anna") == "anna" and person_of("-") == "-" and person_of("on-call team") == "on-call team"


def test_a_deploy_whose_name_holds_what_is_hidden_is_written_once(book: Book) -> None:
    seen = Draft("deploy", "deploy", {"id": f"deploy/by/{ADDRESS}", "kind": "deploy"}, source="deploy")
    assert len(book.saw_deploys([seen])) == 1 and book.saw_deploys([seen]) == []


@pytest.mark.parametrize("told", [ADDRESS, SECRET])
def test_a_question_that_the_record_would_change_is_refused(book: Book, told: str) -> None:
    book.hypothesis("One customer fails", {})
    with pytest.raises(Unfit, match="keeps neither secrets nor addresses"):
        book.predict("H1", f'count("{told}") > 5', {})
    assert not book.read().hypotheses[0].predictions


@pytest.mark.parametrize("piece", ["a.", "a@", "a@b.", "a%40", "@", "a@b.c@", "x" * 60 + "@", "a-", "%40a."])
def test_no_text_takes_long_to_look_for_addresses(piece: str) -> None:
    text = piece * (200_000 // len(piece))
    started = process_time()
    redact_wholly(text)
    assert process_time() - started < 4.0
