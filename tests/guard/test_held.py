"""The console's own credentials: found wherever they stand, in every common writing, and in nothing else."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest

from console.config.load import load
from console.config.models import Secret
from console.guard import held
from console.guard.redact import holds_secret, redact, redact_wholly
from sources.secrets import token_of

VALUE = 'Zx8 q/held+"value&7'
PLAIN = "zx8qheldvalue7"


@pytest.fixture(autouse=True)
def alone() -> Iterator[None]:
    """No credential of another test is known, and none of these later."""
    held.forget()
    yield
    held.forget()


WRITINGS: dict[str, Callable[[str], str]] = {
    "plain": lambda text: text,
    "percent": lambda text: quote(text, safe=""),
    "percent, lower case": lambda text: "".join(
        one if one.isalnum() else "".join(f"%{byte:02x}" for byte in one.encode()) for one in text
    ),
    "percent twice": lambda text: quote(quote(text, safe=""), safe=""),
    "form": quote_plus,
    "json": lambda text: json.dumps(text)[1:-1],
    "json, html-safe": lambda text: json.dumps(text)[1:-1].replace("&", "\\u0026").replace("/", "\\/"),
    "html": html.escape,
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 of one before": lambda text: base64.b64encode(b"u" + text.encode()).decode(),
    "base64 of user and password": lambda text: base64.b64encode(b"u:" + text.encode() + b":x").decode(),
    "base64 for addresses": lambda text: base64.urlsafe_b64encode(b"\xfb\xff>" + text.encode()).decode(),
}


@pytest.mark.parametrize("value", [VALUE, PLAIN])
@pytest.mark.parametrize("writing", WRITINGS)
def test_it_is_found_in_every_writing_without_any_key_word(writing: str, value: str) -> None:
    written = WRITINGS[writing](value)
    text = f"you sent {written} here, see /a/{written}/b and ({written})"
    assert redact(text) == text
    held.hold(value)
    clean = redact(text)
    assert "held:" in clean and written not in clean and value not in clean
    assert clean.startswith("you sent ") and " here, see " in clean
    assert redact(clean) == clean and redact_wholly(clean) == clean
    assert holds_secret(written) and not holds_secret(clean)


def test_a_scheme_is_no_part_of_it_and_basic_holds_a_password() -> None:
    held.hold("Bearer opaque-value-1")
    held.hold("Basic " + base64.b64encode(b"reader:hunter-two-22").decode())
    assert "opaque-value-1" not in redact("got opaque-value-1")
    assert "hunter-two-22" not in redact("got hunter-two-22")
    assert redact("Bearer of news, reader:") == "Bearer of news, reader:"


def test_what_is_short_hides_no_ordinary_text() -> None:
    held.hold("abc")
    held.hold("123456")
    assert redact("abc 1123456789 x123456") == "abc 1123456789 x123456"
    assert "123456" not in redact("pin 123456, again")


def test_so_many_are_known_and_the_oldest_goes_first() -> None:
    for number in range(held.MOST + 1):
        held.hold(f"credential-of-{number:04d}")
    assert "credential-of-0000" in redact("x credential-of-0000")
    assert "credential-of-0001" not in redact("x credential-of-0001")
    held.hold("credential-of-0001")
    held.hold("one-more-credential")
    assert "credential-of-0001" not in redact("x credential-of-0001")
    assert "credential-of-0002" in redact("x credential-of-0002")


def test_one_that_is_a_part_of_another_and_one_that_is_in_a_token() -> None:
    for one in ("redacted", "secret-part", "secret-part-and-more"):
        held.hold(one)
    clean = redact("x secret-part-and-more y secret-part z password=hunter2")
    assert "part" not in clean and clean.count("‹redacted:held:") == 2 and "‹redacted:password:" in clean
    assert redact(clean) == clean


def test_a_cookie_with_one_in_it_loses_the_rest_too() -> None:
    held.hold("opaque-value-1")
    assert "private" not in redact("Cookie: a=opaque-value-1; b=private")


def test_a_token_is_known_from_when_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("first-token-of-file")
    path.chmod(0o600)
    token = token_of(Secret(token_file=path), "[[metrics]] m", Path)
    assert token is not None and "first-token" not in redact("x first-token-of-file")
    path.write_text("second-token-of-file")
    assert token.header() == "Bearer second-token-of-file"
    assert "second-token" not in redact("x second-token-of-file")
    assert "first-token" not in redact("x first-token-of-file")


def test_the_variables_of_a_configuration_are_known_once_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "incident.toml"
    file.write_text(
        '[[metrics]]\nname = "m"\nkind = "prometheus"\nurl = "http://127.0.0.1"\ntoken_env = "OWN_PROM"\n'
        '[[environment]]\nname = "e"\ntier = "local"\norigin = "http://127.0.0.1:9"\ntoken_env = "OWN_ENV"\n'
    )
    monkeypatch.setenv("OWN_PROM", "metrics-credential")
    monkeypatch.setenv("OWN_ENV", "environment-credential")
    load(file)
    clean = redact("metrics-credential, environment-credential")
    assert "metrics" not in clean and "environment" not in clean


@pytest.mark.parametrize("piece", ["Zx8 ", "Wng4", "%2F", 'Zx8 q/held+"', "\\", "&#"])
def test_no_text_takes_long(piece: str) -> None:
    from time import process_time

    held.hold(VALUE)
    text = piece * (200_000 // len(piece)) + VALUE
    started = process_time()
    assert VALUE not in redact(text)
    assert process_time() - started < 2.0
