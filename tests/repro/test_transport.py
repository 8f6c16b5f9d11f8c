"""The transport of reproductions: TLS, odd answers, the parameter against caches, and what Ctrl+C leaves behind."""

from __future__ import annotations

import os
import signal
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import trustme

from console.cli.repro import _prove_buster
from console.domain.request import HttpRequest
from console.guard.limits import Breaker, limits_of
from console.guard.policy import Confirmation, Environment, phrase
from console.repro.errors import NotAllowed
from console.repro.signature import Outcome, Wanted
from sources.reproduce import BUSTER, Facts
from tests.http import fault_server
from tests.repro.conftest import Configure, MakeSession, Repro
from tests.repro.loopback import Behave, Loopback, Received, always, answer, when

ROOT = Path(__file__).parents[2]
Serve = Callable[[Behave], Loopback]


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def trusting(authority: trustme.CA | None) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if authority is not None:
        authority.configure_trust(context)
    return context


async def test_tls_is_verified_against_the_name(
    authority: trustme.CA, make_session: MakeSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(served)
    async with fault_server.serving(fault_server.answer(), served) as server:
        origin = f"https://localhost:{server.port}"
        request = HttpRequest("GET", origin + "/")
        good = make_session(origin)
        monkeypatch.setattr(good, "_context", lambda: trusting(authority))
        assert (await good(request)).status == 200
        unknown = make_session(origin)
        monkeypatch.setattr(unknown, "_context", lambda: trusting(None))
        refused = await unknown(request)
        assert refused.status is None and "certificate" in refused.problem
        wrong = make_session(f"https://127.0.0.1:{server.port}")
        monkeypatch.setattr(wrong, "_context", lambda: trusting(authority))
        assert (await wrong(request.with_url(f"https://127.0.0.1:{server.port}/"))).status is None
        assert len(server.asked) == 1


async def test_g16_unverified_tls_is_confirmed_first(authority: trustme.CA, make_session: MakeSession) -> None:
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("elsewhere.example").configure_cert(served)
    async with fault_server.serving(fault_server.answer(), served) as server:
        origin = f"https://127.0.0.1:{server.port}"
        request = HttpRequest("GET", origin + "/")
        session = make_session(origin, facts=Facts(insecure=True), clock=lambda: 1000.0)
        with pytest.raises(NotAllowed) as caught:
            await session(request)
        assert caught.value.rule == "G16" and not server.asked
        session.confirm(Confirmation(phrase(request, session.env), "self-signed", request.sha256(), 1000.0, "i-1"))
        assert (await session(request)).status == 200


@pytest.mark.parametrize(
    ("data", "status", "word"),
    [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc", None, "cut"),
        (b"SSH-2.0-x\r\n", None, "no HTTP"),
        (b"", None, "closed"),
        (b"HTTP/1.1 200 OK\r\nx: " + b"a" * 70_000 + b"\r\n\r\n", None, "no HTTP"),
        (b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 3\r\n\r\nabc", None, "gzip"),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No\r\n\r\n", 204, ""),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", 200, ""),
        (b"HTTP/1.0 200 OK\r\n\r\nabc", 200, ""),
    ],
)
async def test_odd_answers(data: bytes, status: int | None, word: str, serve: Serve, make_session: MakeSession) -> None:
    server = serve(always(data))
    outcome = await make_session(server.origin)(HttpRequest("GET", server.origin + "/"))
    assert outcome.status == status and word in outcome.problem


async def test_a_head_request_has_no_body_and_methods_keep_their_case(serve: Serve, make_session: MakeSession) -> None:
    server = serve(always(b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n"))
    assert (await make_session(server.origin)(HttpRequest("HEAD", server.origin + "/"))).status == 200
    request = HttpRequest("get", server.origin + "/")
    session = make_session(server.origin, clock=lambda: 5.0)
    session.confirm(Confirmation(phrase(request, session.env), "case", request.sha256(), 5.0, "i-1"))
    server.behave = always(answer())
    await session(request)
    assert server.received[-1].data.startswith(b"get / HTTP/1.1\r\n")


async def test_the_parameter_against_caches_is_new_each_time(serve: Serve, make_session: MakeSession) -> None:
    server = serve(always(answer()))
    session = make_session(server.origin, cache_buster=True)
    for target in ("/a", "/a?x=1"):
        await session(HttpRequest("GET", server.origin + target))
    first, second = (one.target for one in server.received)
    assert first.startswith(f"/a?{BUSTER}=") and second.startswith(f"/a?x=1&{BUSTER}=")
    assert first.rpartition("=")[2] != second.rpartition("=")[2]


async def test_the_rest_of_a_kept_connection_is_never_used(serve: Serve, make_session: MakeSession) -> None:
    server = serve(always(answer() + answer(500)))
    session = make_session(server.origin)
    for _ in range(3):
        assert (await session(HttpRequest("GET", server.origin + "/"))).status == 200
    assert server.connections == 3


def test_a_route_that_is_asked_rarely_lowers_the_pace() -> None:
    assert limits_of("production").per_second == 1.0
    assert limits_of("production", 20.0).per_second == pytest.approx(0.2)
    assert limits_of("production", 500.0).per_second == 1.0


def test_a_breaker_counts_failures_in_a_row() -> None:
    breaker = Breaker()
    for status in (502, 502, 200, 502, 502):
        assert breaker.saw(Outcome(status, 0.1), expected=False) is None
    assert breaker.saw(Outcome(None, 0.1), expected=False) is not None


def test_ctrl_c_ends_a_run_and_the_audit_says_so(
    serve: Serve, repro: Repro, configure: Configure, tmp_path: Path
) -> None:
    arrived, release = threading.Event(), threading.Event()

    def hang(_: Received, __: object) -> None:
        arrived.set()
        release.wait(10)

    server = serve(hang)
    configure(("local", "local", server.origin))
    (tmp_path / "r.json").write_text(
        repro("import", "--from", "curl", "--env", "local", "--json", given="curl localhost").out
    )
    command = [sys.executable, "-m", "console.cli", "repro", "run", "r.json", "--env", "local"]
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, cwd=tmp_path, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        assert arrived.wait(20)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)
    finally:
        process.kill()
        release.set()
    assert process.returncode == 130
    lines = (tmp_path / "state" / "repro" / "audit.jsonl").read_text().splitlines()
    assert len(lines) == 2 and '"cancelled"' in lines[1] and len(server.received) == 1


@pytest.mark.parametrize("matters", [False, True])
async def test_g14_a_parameter_against_caches_is_proven_before_anything_is_changed(
    matters: bool, serve: Serve, make_session: MakeSession, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where the failure is gone with the parameter, the request is not sent in any other form."""
    server = serve(when(lambda request: not matters or BUSTER not in request.target))
    session = make_session(server.origin, facts=Facts(cacheable=True))
    request = HttpRequest("GET", server.origin + "/")
    asked = SimpleNamespace(
        env=Environment("p", "production", "https://shop.example"), wanted=Wanted(), request=request
    )
    await _prove_buster(asked, session)  # type: ignore[arg-type]
    assert session.buster_proven is session.cache_buster is not matters
    assert ("G14" in capsys.readouterr().err) is matters
