"""The search for the smallest request: its values too, taken up again after it was stopped, and what it costs."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.repro import MOST, rounds
from console.config.load import load
from console.domain.logs import Level, LogRecord
from console.domain.request import HttpRequest
from console.domain.text import SafeText
from console.live.reproducing import Reproducing
from console.repro.found import Found, found_json, read_found
from console.repro.minimise import Minimised, minimise
from console.repro.signature import Outcome, Wanted
from console.repro.values import values_of, with_value
from console.repro.view import TryView
from tests.repro.conftest import FAST, Configure, Repro
from tests.repro.loopback import Received, answer, when
from tests.repro.test_runs import Serve, large, needs
from tests.waiting import PATIENCE_S

ROOT = Path(__file__).parents[2]
FAILED = b'{"error": "ValueError"}'
JSON_TYPE = (("Content-Type", "application/json"),)
FORM_TYPE = (("Content-Type", "application/x-www-form-urlencoded"),)
Fails = Callable[[HttpRequest], bool]


class Service:
    """Answers at once; may be told to cancel the run that asks, or to recover."""

    def __init__(self, fails: Fails, *, cancel_at: int = 0) -> None:
        self.fails = fails
        self.asked: list[HttpRequest] = []
        self._cancel_at = cancel_at

    async def __call__(self, request: HttpRequest) -> Outcome:
        if len(self.asked) + 1 == self._cancel_at:
            raise asyncio.CancelledError
        self.asked.append(request)
        return Outcome(500, 0.01, body=FAILED) if self.fails(request) else Outcome(200, 0.01)


def searched(request: HttpRequest, fails: Fails, budget: int = 150) -> Minimised:
    return asyncio.run(minimise(request, Service(fails), Wanted(), budget))


# -- values -----------------------------------------------------------------------------------------------------------

LONG = "a" + "b" * 59


def body_json(request: HttpRequest) -> dict[str, object]:
    try:
        document = json.loads(request.body or b"{}")
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


@pytest.mark.parametrize(
    ("request_", "fails", "left"),
    [
        (HttpRequest("GET", f"http://h/?q={LONG}&b=1"), lambda r: "q=a" in r.url, b"GET /?q=a HTTP"),
        (HttpRequest("GET", "http://h/?page=20260101"), lambda r: "page=" in r.url, b"GET /?page=1 HTTP"),
        (HttpRequest("GET", "http://h/?n=4096"), lambda r: r.url.endswith(("n=4096", "n=0")), b"GET /?n=0 HTTP"),
        (
            HttpRequest("GET", "http://h/", (("X-Tenant", LONG), ("X-B", "1"))),
            lambda r: any(v.startswith("a") for v in r.values("x-tenant")),
            b"X-Tenant: a\r\n",
        ),
        (
            HttpRequest("GET", "http://h/", (("Cookie", f"theme=dark; cart={LONG}"),)),
            lambda r: any("cart=a" in v for v in r.values("cookie")),
            b"Cookie: cart=a\r\n",
        ),
        (
            HttpRequest("POST", "http://h/", FORM_TYPE, f"name={LONG}&b=1".encode()),
            lambda r: b"name=a" in (r.body or b"") and bool(r.values("content-type")),
            b"\r\n\r\nname=a",
        ),
        (
            HttpRequest("POST", "http://h/", JSON_TYPE, json.dumps({"note": LONG, "n": 1}).encode()),
            lambda r: str(body_json(r).get("note", "")).startswith("a"),
            b'\r\n\r\n{"note":"a"}',
        ),
        (
            HttpRequest("POST", "http://h/", JSON_TYPE, b'{"total": 250000, "n": 1}'),
            lambda r: bool(body_json(r).get("total")),
            b'\r\n\r\n{"total":1}',
        ),
        (
            HttpRequest("POST", "http://h/", JSON_TYPE, b'{"a": {"b": [{"c": -12.50}]}}'),
            lambda r: b'"c"' in (r.body or b""),
            b'\r\n\r\n{"a":{"b":[{"c":1}]}}',
        ),
        (HttpRequest("POST", "http://h/", (), LONG.encode()), lambda r: r.body is not None, b"\r\n\r\na"),
        (HttpRequest("GET", f"http://h/?q=%C3%BC{LONG}"), lambda r: "q=%C3%BC" in r.url, b"GET /?q=%C3%BC"),
    ],
    ids=["query", "digits", "zero", "header", "cookie", "form", "json", "json number", "deep json", "body", "escaped"],
)  # fmt: skip
def test_values_are_shortened_wherever_they_stand(request_: HttpRequest, fails: Fails, left: bytes) -> None:
    result = searched(request_, fails)
    assert result.ended == "1-minimal" and left in result.request.wire()
    assert fails(result.request) and result.confirmed


def test_a_value_that_must_be_long_stays_as_long_as_it_must_and_not_much_longer() -> None:
    request = HttpRequest("POST", "http://h/", JSON_TYPE, json.dumps({"note": "x" * 1000}).encode())
    result = searched(request, lambda r: len(str(body_json(r).get("note", ""))) > 255)
    assert 255 < len(str(body_json(result.request)["note"])) < 320


def test_a_value_that_is_needed_as_it_is_stays() -> None:
    fails: Fails = lambda r: "q=exactly-this-one" in r.url  # noqa: E731
    assert searched(HttpRequest("GET", "http://h/?q=exactly-this-one&b=1"), fails).request.url.endswith(
        "?q=exactly-this-one"
    )


def test_values_are_left_alone_where_little_budget_is_left() -> None:
    request = HttpRequest("GET", f"http://h/?q={LONG}")
    assert searched(request, lambda r: "q=a" in r.url, 5).request.url == request.url


def test_the_type_of_a_body_and_credentials_are_not_shortened() -> None:
    request = HttpRequest("GET", "http://h/", (*JSON_TYPE, ("Authorization", f"Bearer {LONG}"), ("X-A", LONG)))
    assert [one.text for one in values_of(request)] == [LONG]


def test_the_others_stay_as_they_are_where_one_is_shortened() -> None:
    request = HttpRequest(
        "POST",
        f"http://h/?a={LONG}&b&a={LONG}",
        (("Cookie", f"x={LONG}; y={LONG}"), *FORM_TYPE),
        f"f={LONG}&g".encode(),
    )
    values = values_of(request)
    assert [(one.kind, one.place) for one in values] == [
        ("query", 0), ("query", 2), ("cookie", 0), ("cookie", 0), ("form", 0),
    ]  # fmt: skip
    for one in values:
        assert with_value(request, one, one.text).wire() == request.wire()
    assert with_value(request, values[1], "z").url == f"http://h/?a={LONG}&b&a=z"
    assert with_value(request, values[3], "z").values("cookie") == [f"x={LONG}; y=z"]


# -- stopped, and taken up again --------------------------------------------------------------------------------------


def needed(*parts: str) -> Fails:
    return lambda request: all(part.encode() in request.wire() for part in parts)


def stopped_at(n: int, request: HttpRequest, fails: Fails) -> tuple[list[HttpRequest], Found]:
    """What was asked and kept of a run that was cancelled at its n-th request."""
    kept: list[Found | None] = []
    service = Service(fails, cancel_at=n)
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(minimise(request, service, Wanted(), 150, keep=kept.append))
    (found,) = kept
    assert found is not None
    return service.asked, found


@pytest.mark.parametrize("at", [4, 5, 8, 12, 15])
def test_a_search_that_was_cancelled_goes_on_where_it_stopped(at: int) -> None:
    request, fails = large("http://h"), needed("q2=2", "X-Custom-5")
    whole = Service(fails)
    straight = asyncio.run(minimise(request, whole, Wanted(), 150))
    before, found = stopped_at(at, request, fails)
    assert len(before) == at - 1 and fails(found.best)
    back = read_found(json.dumps(found_json(found)).encode())
    assert back is not None and found_json(back) == found_json(found)
    service = Service(fails)
    result = asyncio.run(minimise(request, service, Wanted(), 150, found=back))
    assert result.request == straight.request and result.ended == "1-minimal"
    assert (result.baseline.failures, result.baseline.tries) == (3, 3) and result.before == at - 1
    assert service.asked[0] == found.best, "whether it still fails is looked at first"
    assert len(before) + len(service.asked) <= len(whole.asked) + 2
    assert not {one.sha256() for one in service.asked[1:]} & {one.sha256() for one in before[3:]} - {
        service.asked[-1].sha256()
    }


def test_cancelling_keeps_the_smallest_that_failed() -> None:
    request, fails = large("http://h"), needed("q2=2")
    _, found = stopped_at(9, request, fails)
    assert len(values_of(found.best)) <= len(values_of(request)) and len(found.best.wire()) < len(request.wire())


def test_a_search_that_ended_is_not_kept_and_one_whose_budget_ended_is() -> None:
    kept: list[Found | None] = []
    asyncio.run(minimise(large("http://h"), Service(needed("q2=2")), Wanted(), 150, keep=kept.append))
    asyncio.run(minimise(large("http://h"), Service(needed("q2=2")), Wanted(), 6, keep=kept.append))
    assert kept[0] is None and kept[1] is not None


def test_what_was_found_after_it_failed_last_is_not_kept_where_the_environment_changed() -> None:
    request, kept = large("http://h"), list[Found | None]()
    seen: list[int] = []

    def fails(one: HttpRequest) -> bool:
        seen.append(1)
        return len(seen) <= 6 and needed("q3=3", "X-Custom-2")(one)

    result = asyncio.run(minimise(request, Service(fails), Wanted(), 150, keep=kept.append))
    assert result.ended == "environment changed"
    (found,) = kept
    assert found is not None and needed("q3=3", "X-Custom-2")(found.best)
    service = Service(needed("q3=3", "X-Custom-2"))
    again = asyncio.run(minimise(request, service, Wanted(), 150, found=found))
    assert again.ended == "1-minimal" and set(again.kept) == {"query q3=3", "header X-Custom-2"}


def test_a_search_is_not_gone_on_with_where_nothing_fails_any_more() -> None:
    request = large("http://h")
    _, found = stopped_at(9, request, needed("q2=2"))
    kept: list[Found | None] = []
    result = asyncio.run(minimise(request, Service(lambda _: False), Wanted(), 150, found=found, keep=kept.append))
    assert result.ended == "environment changed" and result.request == found.best
    assert kept[0] is not None and replace(kept[0], spent=0) == replace(found, spent=0)


@pytest.mark.parametrize(
    "text", [b"", b"[]", b"null", b"{}", b'{"version": 1}', b"\xff", b'{"version": 1, "signature": {"status": "x"}}']
)
def test_what_is_no_search_is_not_taken_up(text: bytes) -> None:
    assert read_found(text) is None


def test_the_command_goes_on_where_its_budget_ended(
    serve: Serve, repro: Repro, configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("console.reproduce.limits_of", lambda *_: FAST)
    server = serve(when(needs("q2=2", "X-Custom-5")))
    configure(("local", "local", server.origin))
    request = large("http://localhost")
    lines = [f"curl '{request.url}'", *(f"-H '{name}: {value}'" for name, value in request.headers[:-1])]
    done = repro("import", "--from", "curl", "--env", "local", "--json", given=" ".join(lines))
    Path("r.json").write_text(done.out)
    first = repro("minimise", "r.json", "--env", "local", "--budget", "9", "--json")
    assert first.code == 3 and first.document["ended"] == "budget ended" and len(server.received) == 9
    second = repro("minimise", "r.json", "--env", "local", "--json")
    assert second.code == 0 and second.document["ended"] == "1-minimal" and "9 requests" in second.err
    assert second.document["requests_before"] == 9 and len(second.document["kept"]) == 2
    sent = len(server.received)
    third = repro("minimise", "r.json", "--env", "local", "--json")
    assert third.document["requests_before"] == 0 and "taken up" not in third.err
    assert len(server.received) - sent >= sent - 3
    repro("minimise", "r.json", "--env", "local", "--budget", "9", "--json")
    fresh = repro("minimise", "r.json", "--env", "local", "--afresh", "--json")
    assert fresh.document["requests_before"] == 0 and "taken up" not in fresh.err


def test_ctrl_c_keeps_the_smallest_request_that_failed_and_the_same_command_goes_on(
    serve: Serve, repro: Repro, configure: Configure, tmp_path: Path
) -> None:
    hanging, release = threading.Event(), threading.Event()
    seen: list[Received] = []

    def behave(request: Received, peer: socket.socket) -> None:
        seen.append(request)
        if len(seen) == 7 and not release.is_set():
            hanging.set()
            release.wait(20)
        peer.sendall(answer(500, FAILED) if b"q2=2" in request.data else answer())

    server = serve(behave)
    configure(("local", "local", server.origin))
    command = "curl 'localhost/?q0=0&q1=1&q2=2&q3=3&q4=4&q5=5' -H 'X-A: 1' -H 'X-B: 2'"
    (tmp_path / "r.json").write_text(repro("import", "--from", "curl", "--env", "local", "--json", given=command).out)
    words = [
        sys.executable,
        "-m",
        "console.cli",
        "repro",
        "minimise",
        "r.json",
        "--env",
        "local",
        "--out",
        "small.json",
    ]
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(words, cwd=tmp_path, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        assert hanging.wait(PATIENCE_S)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE_S)
    finally:
        process.kill()
        release.set()
    assert process.returncode == 130
    small = json.loads((tmp_path / "small.json").read_text())
    assert "q2=2" in small["request"]["url"] and len(small["request"]["url"]) < len(small["whole"]["url"])
    done = repro("minimise", "r.json", "--env", "local", "--json")
    assert done.code == 0 and done.document["kept"] == ["query q2=2"]
    assert done.document["requests_before"] == 6 and "taken up" in done.err


# -- what it costs ----------------------------------------------------------------------------------------------------


def test_a_failure_of_thirty_parts_costs_ten_requests_as_the_median_of_many_rounds() -> None:
    every = rounds(40)
    assert statistics.median(cost for one in every for cost in one) <= MOST
    assert sum(statistics.median(one) <= MOST for one in every) >= 36


async def test_esc_on_the_screen_keeps_what_was_found_and_the_next_time_goes_on(
    serve: Serve, configure: Configure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("console.reproduce.limits_of", lambda *_: FAST)
    server = serve(when(needs("q2=2")))
    configure(("local", "local", server.origin))
    fields = (("method", "GET"), ("path", "/orders?" + "&".join(f"q{k}={k}" for k in range(12))), ("status", "500"))
    record = LogRecord(
        1.0, Level.ERROR, "checkout", SafeText("failed"), fields=tuple((name, SafeText(text)) for name, text in fields)
    )
    way = Reproducing(load(tmp_path / "incident.toml"))
    planned = await way.of_record(record, "local")
    tries: list[TryView] = []

    def esc(one: TryView) -> None:
        tries.append(one)
        if len(tries) == 6:
            running.cancel()

    running = asyncio.ensure_future(way.minimise(planned, None, esc))
    with pytest.raises(asyncio.CancelledError):
        await running
    result, smallest = await way.minimise(planned, None, tries.append)
    assert result.before == 6 and result.ended == "1-minimal" and result.kept == ("query q2=2",)
    assert smallest.what.imported.ran == (3, 3) and len(server.received) < 16
