"""The one write boundary: a secret in any field of any entry never reaches the disk, nor anything made from the record."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pytest

from console.case import entries
from console.case.book import Book
from console.case.events import KINDS, Draft
from console.domain.instant import Window
from console.domain.logs import Level, LogRecord
from console.domain.text import SafeText
from console.guard.redact import redact_json, redact_wholly
from tests.case.conftest import Clock, MakeBook

CANARY = "hunter2-canary-9f8e7d"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJjYW5hcnkifQ.c2lnbmF0dXJlY2FuYXJ5"
FORMS = {
    "password": f"password={CANARY}",
    "header": f"Authorization: Bearer {CANARY}abc",
    "url": f"postgres://app:{CANARY}@db/orders",
    "cookie": f"Cookie: session={CANARY}",
    "jwt": JWT,
    "aws": "AKIAABCDEFGHIJKLMNOP",
    "json": json.dumps({"api_key": CANARY}),
    "percent": quote(f"password={CANARY}"),
    "base64": base64.b64encode(f"password={CANARY}".encode()).decode(),
    "github": "ghp_" + "a1" * 18,
}


def on_disk(folder: Path) -> str:
    """Everything below a folder, names of files too."""
    found = []
    for path in folder.rglob("*"):
        found.append(str(path.relative_to(folder)))
        if path.is_file():
            found.append(path.read_bytes().decode("utf-8", "replace"))
    return "\n".join(found)


def leaked(text: str) -> list[str]:
    """Canaries that stand in a text, plainly or wrapped."""
    marks = [CANARY, JWT, "AKIAABCDEFGHIJKLMNOP", "ghp_" + "a1" * 18, FORMS["base64"], FORMS["percent"]]
    return [mark for mark in marks if mark in text]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_canary_in_every_field_of_every_kind_of_entry(book: Book, kind: str, form: str) -> None:
    secret = FORMS[form]
    data = {
        "text": secret, "list": [secret, [secret]], "object": {"inner": {"deep": secret}}, f"key {secret}": "value",
        "headers": [["Authorization", CANARY], ["X-Api-Key", CANARY]], "fields": {"password": CANARY, "note": secret},
    }  # fmt: skip
    book.write(Draft(kind, f"before {secret} after", data, evidence=(secret,)))
    assert not leaked(on_disk(book.folder))
    assert not leaked(json.dumps(dict(book.read().events[-1].data), ensure_ascii=False))


@pytest.mark.parametrize("form", FORMS)
def test_a_canary_in_the_title_stands_in_no_file_name_either(make: MakeBook, cases: Path, form: str) -> None:
    make(f"checkout {FORMS[form]}", summary=FORMS[form], services=[FORMS[form]])
    slug = FORMS[form].lower().replace("=", "-")
    assert not leaked(on_disk(cases)) and CANARY.lower() not in on_disk(cases).lower() and slug not in on_disk(cases)


@pytest.mark.parametrize("form", FORMS)
def test_a_canary_in_evidence_of_a_log_record(book: Book, form: str) -> None:
    secret = SafeText(FORMS[form])
    record = LogRecord(
        1.0,
        Level.ERROR,
        "checkout",
        secret,
        extra=(secret,),
        fields=(("password", SafeText(CANARY)), ("note", secret)),
        source="app",
        file="app.log",
        offset=5,
    )
    draft = entries.of_record(record, f"incident logs '{secret}'")
    book.write(draft)
    book.write(replace(draft, text=f"claim {secret}"))
    assert not leaked(on_disk(book.folder))


def test_what_a_person_types_everywhere_is_redacted(book: Book, clock: Clock) -> None:
    secret = FORMS["password"]
    book.hypothesis(secret, {"mechanism": secret, "explains": [secret]})
    book.predict("H1", "manual: the log shows " + secret, {"refutes": secret})
    book.role("ic", secret.replace("=", " = "))
    book.offer("ic", secret)
    book.mitigation(secret, {"risk": secret}, None)
    book.action_item(secret, {"owner": secret})
    book.severity("P1", secret)
    assert not leaked(on_disk(book.folder))


def test_what_was_not_saved_is_told_without_its_secrets(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    from console.case.journal import NotSaved
    from console.guard.audit import Audit, AuditFailed

    def fail(*_: object) -> None:
        raise AuditFailed("the disk is full")

    monkeypatch.setattr(Audit, "write", fail)
    with pytest.raises(NotSaved) as told:
        book.note(FORMS["password"])
    assert not leaked(told.value.lost + str(told.value))


def test_redacting_twice_changes_nothing_more() -> None:
    for text in FORMS.values():
        once = redact_wholly(text)
        assert redact_wholly(once) == once
    value = {"headers": [["Authorization", CANARY]], "x": list(FORMS.values())}
    assert redact_json(redact_json(value)) == redact_json(value)


def test_ordinary_words_stay_as_they_are(book: Book) -> None:
    text = (
        "POST /orders fails with 500 since 14:03, request id 7f3a9c1e22b84d10, key=checkout pool 20/20, commit 91d43fb"
    )
    kept = redact_json(
        {"query": 'incident logs "timeout acquiring" --since 2026-11-23T14:03:10Z', "digest": "a" * 64, "text": text}
    )
    assert kept["query"].endswith("14:03:10Z") and "7f3a9c1e22b84d10" in kept["text"] and kept["digest"] == "a" * 64


def test_a_digest_is_over_what_is_kept_and_verifies(book: Book) -> None:
    event = book.write(
        entries.evidence("x", kind="log", source="app", query="q", window=Window(1.0, 2.0), excerpt=FORMS["password"])
    )
    kept = {key: value for key, value in event.data.items() if key not in ("name", "digest")}
    assert entries.digest_of(kept) == event.data["digest"]


def test_a_long_excerpt_is_cut_and_counted(book: Book) -> None:
    event = book.write(entries.evidence("x", kind="log", excerpt="y" * 9000))
    assert len(event.data["excerpt"]) < 4100 and event.data["excerpt"].endswith("…[+5000 chars]")
