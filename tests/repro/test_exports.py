"""Exports, case 46, and that no secret leaves, cases 48 and 49."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest

from console.domain.request import HttpRequest
from console.guard.policy import Environment
from console.guard.redact import holds_secret, redact
from console.repro.curl import imported_curl
from console.repro.errors import Unclear
from console.repro.export import FORMS, Variable, exported, marks
from console.repro.exported import FORMS as READ
from console.repro.exported import of_export
from console.repro.prepare import prepared
from tests.repro import hurl
from tests.repro.conftest import Configure, MakeSession, Repro, audit_lines
from tests.repro.loopback import Behave, Loopback, always, answer, when

Serve = Callable[[Behave], Loopback]
needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="the oracle is the real curl")


def latin(text: str) -> str:
    return text.encode().decode("latin-1")


def requests_at(origin: str) -> list[HttpRequest]:
    """Requests with everything that a shell, curl or a template would trip over."""
    return [
        HttpRequest("GET", f"{origin}/", (("Accept", "*/*"),)),
        HttpRequest("GET", f"{origin}/a/../b/./c?x[]=1&y={{z}}&q=a'b!c", ()),
        HttpRequest(
            "GET",
            origin + latin("/?q=é"),
            (("Accept", "a/b"), ("X-Empty", ""), ("X-Quote", 'it\'s "quoted" $HOME `id` !! \\')),
        ),
        HttpRequest("HEAD", f"{origin}/h", (("Accept", "*/*"),)),
        HttpRequest(
            "OPTIONS", f"{origin}/o?", (("X-Hash", "a # b"), ("X-Braces", "{{x}}"), ("X-Same", "1"), ("X-Same", "2"))
        ),
        HttpRequest(
            "POST",
            f"{origin}/p",
            (("Accept", "*/*"), ("Content-Type", "application/json")),
            b'{"it\'s": "a\nb", "c": "$x"}',
        ),
        HttpRequest("POST", f"{origin}/p", (), b"@file; \\ ! [a] {{x}} %41"),
        HttpRequest("POST", f"{origin}/empty", (("Accept", "*/*"),), b""),
        HttpRequest("POST", f"{origin}/none", (("Accept", "*/*"),)),
        HttpRequest("PUT", f"{origin}/p", (("Content-Type", "text/plain"),), "é\r\n\t".encode()),
        HttpRequest("GET", f"{origin}/body", (("Content-Type", "a/b"),), b"x=1"),
    ]


def written(request: HttpRequest, form: str, variable: Variable | None = None) -> str:
    return exported(request, form, version="1.0", incident="i-1", variable=variable)


def as_sent(request: HttpRequest, *more: tuple[str, str]) -> bytes:
    """The bytes of the request with the marks of an export."""
    return request.with_headers((*request.headers, *marks("1.0", "i-1"), *more)).wire()


@pytest.mark.parametrize("number", range(11))
def test_case_46_importing_an_export_gives_the_request_back(number: int) -> None:
    env = Environment("local", "local", "http://127.0.0.1:9")
    request = requests_at(env.origin)[number]
    assert prepared(imported_curl(written(request, "curl")), env).request == request
    with_variable = written(request, "curl", Variable("API_TOKEN"))
    assert prepared(imported_curl(with_variable), env).request == request


CANNOT = {"pytest": {2}, "hurl": {2, 7}, "http": {4, 6, 7}}
"""Of `requests_at`, what a form has no words for: an address beyond ASCII, an empty header or body, braces."""


@pytest.mark.parametrize("form", READ)
@pytest.mark.parametrize("number", range(11))
def test_case_46_importing_any_form_gives_the_request_back(form: str, number: int) -> None:
    env = Environment("local", "local", "http://127.0.0.1:9")
    request = requests_at(env.origin)[number]
    if number in CANNOT.get(form, ()):
        with pytest.raises(Unclear):
            written(request, form)
        return
    for text in (written(request, form), written(request, form, Variable("API_TOKEN"))):
        assert prepared(of_export(text, form), env).request == request


@pytest.mark.parametrize(
    ("form", "text", "words"),
    [
        ("sh", "#!/bin/sh\nset -eu\nrm -rf /\ncurl localhost/", "second command"),
        ("sh", "set -eu\ncurl localhost/a\ncurl localhost/b", "one import is one request"),
        ("pytest", "import os\nos.system('touch ran')", "no HOST"),
        ("pytest", "HOST = 'h'\nMETHOD = 'GET'\nTARGET = '/'\nHEADERS = [open('ran', 'w')]", "HEADERS"),
        ("pytest", "def broken(", "no Python"),
        ("hurl", "GET http://h/\nX: {{secret}}", "a variable"),
        ("hurl", "POST http://h/\nfile,/etc/passwd;", "base64 only"),
        ("hurl", "GET http://h/a\nHTTP 200\nGET http://h/b", "several entries"),
        ("hurl", "POST http://h/\nbase64,???;", "no base64"),
        ("http", "GET http://h/a\n\n###\nGET http://h/b", "several requests"),
        ("http", "POST http://h/\n\n< /etc/passwd", "never opened"),
        ("http", "GET http://h/{{id}}", "a variable"),
        ("http", "GET http://h/\nno header", "no header"),
        ("http", "", "no method"),
    ],
)
def test_what_is_no_request_exactly_is_refused_and_nothing_is_run(
    form: str, text: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Unclear, match=words):
        of_export(text, form)
    assert list(tmp_path.iterdir()) == []


@needs_curl
@pytest.mark.parametrize("form", ["curl", "sh"])
@pytest.mark.parametrize("number", range(11))
def test_case_46_the_real_curl_sends_the_same_bytes(form: str, number: int, serve: Serve, tmp_path: Path) -> None:
    server = serve(always(answer()))
    request = requests_at(server.origin)[number]
    script = tmp_path / "export.sh"
    script.write_text(written(request, form))
    done = subprocess.run(["sh", str(script)], stdin=subprocess.DEVNULL, capture_output=True, timeout=20, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert [one.data for one in server.received] == [as_sent(request)]


@needs_curl
def test_the_credential_is_a_variable(serve: Serve, tmp_path: Path) -> None:
    server = serve(always(answer()))
    request = requests_at(server.origin)[0]
    text = written(request, "sh", Variable("API_TOKEN"))
    assert "$API_TOKEN" in text
    script = tmp_path / "export.sh"
    script.write_text(text)
    without = subprocess.run(
        ["sh", str(script)], stdin=subprocess.DEVNULL, capture_output=True, timeout=20, env={"PATH": os.environ["PATH"]}
    )
    assert without.returncode != 0 and not server.received
    subprocess.run(
        ["sh", str(script)],
        stdin=subprocess.DEVNULL,
        timeout=20,
        env={"PATH": os.environ["PATH"], "API_TOKEN": "t-1"},
        check=True,
    )
    assert server.received[0].data == as_sent(request, ("Authorization", "Bearer t-1"))


@pytest.mark.slow
@pytest.mark.parametrize("number", [1, 4, 5, 7])
def test_an_exported_test_sends_the_same_bytes_and_judges(number: int, serve: Serve, tmp_path: Path) -> None:
    server = serve(when(lambda _: True))
    request = requests_at(server.origin)[number]
    path = tmp_path / "test_exported.py"
    path.write_text(written(request, "pytest"))

    def ran(**environ: str) -> int:
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(path)]
        done = subprocess.run(
            command,
            cwd=tmp_path,
            env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", **environ},
            capture_output=True,
            timeout=60,
        )
        return done.returncode

    assert ran() == 0 and not server.received
    assert ran(REPRO_ALLOW="1") == 1
    server.behave = always(answer())
    assert ran(REPRO_ALLOW="1") == 0
    assert {one.data.replace(b": \r\n", b":\r\n") for one in server.received} == {as_sent(request)}


HURL_CANNOT = {2: "X-Empty", 7: "empty body"}
"""Of `requests_at`, what hurl has no words for."""


@pytest.mark.parametrize("number", range(11))
def test_case_46_hurl_sends_the_same_bytes_by_its_published_grammar(number: int) -> None:
    request = requests_at("http://127.0.0.1:9")[number]
    if number in HURL_CANNOT:
        with pytest.raises(Unclear, match=HURL_CANNOT[number]):
            written(request, "hurl")
        return
    assert hurl.sent(written(request, "hurl"), {}) == as_sent(request)
    with_variable = hurl.sent(written(request, "hurl", Variable("API_TOKEN")), {"API_TOKEN": "t-1"})
    assert with_variable == as_sent(request, ("Authorization", "Bearer t-1"))


@pytest.mark.parametrize(
    ("request_", "word"),
    [
        (HttpRequest("wHat", "http://h/", ()), "wHat"),
        (HttpRequest("GET", "http://h/{{x}}", ()), "address"),
        (HttpRequest("HEAD", "http://h/", (), b"x"), "HEAD"),
    ],
)
def test_what_hurl_has_no_words_for_is_not_exported(request_: HttpRequest, word: str) -> None:
    with pytest.raises(Unclear, match=word):
        written(request_, "hurl")


def test_odd_names_of_headers_are_escaped_for_hurl() -> None:
    request = HttpRequest("GET", "http://h/", (("Accept", "a/b"), ("X!~*'Odd", "1"), ("X-Hash", "#a\\b{{c}}")))
    assert hurl.sent(written(request, "hurl"), {}) == as_sent(request)


@pytest.mark.skipif(shutil.which("hurl") is None, reason="hurl is not installed")
@pytest.mark.parametrize("number", [n for n in range(11) if n not in HURL_CANNOT])
def test_case_46_the_real_hurl_sends_the_same_bytes(number: int, serve: Serve, tmp_path: Path) -> None:
    server = serve(always(answer()))
    request = requests_at(server.origin)[number]
    file = tmp_path / "export.hurl"
    file.write_text(written(request, "hurl"))
    done = subprocess.run(["hurl", str(file)], stdin=subprocess.DEVNULL, capture_output=True, timeout=20)
    assert done.returncode == 0, done.stderr
    assert [one.data for one in server.received] == [as_sent(request)]


def test_hurl_and_http_files_escape_what_they_would_read() -> None:
    requests = requests_at("http://127.0.0.1:9")
    text = written(requests[4], "hurl", Variable("API_TOKEN"))
    assert (
        "X-Hash: a \\# b" in text
        and "X-Braces: \\u{7b}\\u{7b}x}}" in text
        and "Authorization: Bearer {{API_TOKEN}}" in text
    )
    assert b64encode(requests[5].body or b"").decode() in written(requests[5], "hurl")
    assert written(requests[5], "http").startswith("# @no-redirect\nPOST http://127.0.0.1:9/p HTTP/1.1\nAccept: */*\n")
    with pytest.raises(Unclear):
        written(requests[4], "http")
    with pytest.raises(Unclear):
        written(HttpRequest("POST", "http://h/", (), b"\0"), "curl")
    assert "b'\\x00\\xff'" in written(HttpRequest("POST", "http://h/", (), b"\0\xff"), "pytest")


@needs_curl
async def test_what_the_console_sends_is_what_it_shows(serve: Serve, make_session: MakeSession) -> None:
    server = serve(always(answer()))
    session = make_session(server.origin)
    for request in requests_at(server.origin)[:4]:
        shown = session.preview(request).data
        await session(request)
        sent = server.received[-1].data
        assert sent.rpartition(b"traceparent")[0] == shown.rpartition(b"traceparent")[0]
        assert len(sent) == len(shown)


# --- secrets -----------------------------------------------------------------------------------------------------

BEARER = "Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJlLXNpZw"
PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA7canary\nabc\n-----END RSA PRIVATE KEY-----"
DSN = "postgres://app:hunter2canary@db.internal:5432/orders"
WRAPPED = [
    ("Referer", "https://shop.example/?next=" + quote(BEARER, safe="")),
    ("X-Debug", DSN),
    ("X-Debug", PEM.replace("\n", "\\n")),
    ("X-Context", json.dumps(json.dumps({"password": "hunter2canary"}))),
    ("X-Context", b64encode(f"token={BEARER}".encode()).decode()),
    ("X-Context", "ghp_" + "a1B2" * 9),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value"), WRAPPED)
def test_case_48_a_wrapped_secret_is_stripped_from_what_is_imported(
    name: str, value: str, repro: Repro, configure: Configure
) -> None:
    assert holds_secret(value)
    configure(("local", "local", "http://127.0.0.1:1"))
    har = {
        "log": {
            "entries": [
                {
                    "request": {
                        "method": "GET",
                        "url": "https://shop.example/",
                        "headers": [{"name": name, "value": value}],
                    }
                }
            ]
        }
    }
    done = repro("import", "--from", "har", "--env", "local", "--json", given=json.dumps(har))
    assert done.code == 0 and done.document["request"]["headers"] == []
    assert "canary" not in done.out and value not in done.out


@pytest.mark.parametrize(("name", "value"), WRAPPED)
@pytest.mark.parametrize("form", FORMS)
def test_case_48_a_wrapped_secret_blocks_every_export(name: str, value: str, form: str) -> None:
    for request in (
        HttpRequest("GET", "http://h/", ((name, value),)),
        HttpRequest("POST", "http://h/", (), value.encode()),
        HttpRequest("GET", "http://h/?x=" + quote(value, safe=""), ()),
    ):
        with pytest.raises(Unclear, match="secret"):
            written(request, form)


async def test_case_48_no_secret_reaches_the_audit(serve: Serve, make_session: MakeSession, tmp_path: Path) -> None:
    server = serve(always(answer()))
    session = make_session(server.origin)
    target = f"/x?api_key=canary-1&note={quote(DSN, safe='')}&session_token=canary-2"
    await session(HttpRequest("GET", server.origin + target))
    text = json.dumps(audit_lines(tmp_path))
    assert "canary" not in text and "hunter2" not in text


def test_what_is_no_secret_stays() -> None:
    for text in (
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "550e8400-e29b-41d4-a716-446655440000",
        "/orders/17?page=2",
        "3f9a3c1d0f0a4b5c6d7e8f9a0b1c2d3e4f5a6b7c",
    ):
        assert redact(text) == text and not holds_secret(text)


HOSTILE = "\x1b]52;c;aGk=\x07\x1b[2J[@click=app.quit]x[/]\u202e\u200b"


@pytest.mark.parametrize("source", ["curl", "har", "log"])
def test_case_49_hostile_text_is_shown_and_does_nothing(source: str, repro: Repro, configure: Configure) -> None:
    configure(("local", "local", "http://127.0.0.1:1"))
    given = {
        "curl": f"curl localhost -H 'X-A: {HOSTILE}'",
        "har": json.dumps({"log": {"entries": [{"request": {"method": "GET", "url": "http://h/", "headers": [{"name": "X-A", "value": HOSTILE}]}}]}}),
        "log": json.dumps({"ts": "2026-11-23T14:03:10Z", "method": "GET", "path": "/a", "msg": HOSTILE, "status": 500}),
    }[source]  # fmt: skip
    done = repro("import", "--from", source, "--env", "local", given=given)
    for text in (done.out, done.err):
        assert not any(c in text for c in "\x1b\x07\u202e\u200b")
    if source != "log":
        assert "[@click=app.quit]" in done.out
    bad = repro("import", "--from", "curl", "--env", "local", given=f"curl --{HOSTILE} localhost")
    assert bad.code == 2 and not any(c in bad.err for c in "\x1b\x07\u202e")
