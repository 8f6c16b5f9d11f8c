"""r on a log line: the exact request, the guard's decision, and sending it to a real server. Nothing leaves before it is typed."""

from __future__ import annotations

import asyncio
import base64
import json
import re
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from console.app import IncidentConsole
from console.guard.audit import Audit
from console.screens.base import ConsoleScreen
from console.screens.dialogs import LineDialog
from console.screens.places import RequestOf
from console.screens.repro import ReproScreen
from console.screens.trial import TryScreen
from tests.repro.loopback import Loopback, Received, answer, serving, when
from tests.tui.fakes import NOW, System, line, until
from tests.tui.test_console import diagnosed, flowing, screen_text
from tests.waiting import PATIENCE_S, Stopwatch

BODY = '{"cart": "c-1", "voucher": {"amount_off": "5"}}'


def fails(request: Received) -> bool:
    return b"amount_off" in request.body


@pytest.fixture
def server() -> Iterator[Loopback]:
    with serving(when(fails)) as found:
        yield found


@pytest.fixture
def system() -> System:
    made = System()
    made.logs.written = [
        line(
            "request", NOW - 30, offset=100, status=500, trace_id="a" * 32, fields=(("method", "POST"), ("body", BODY))
        )
    ]
    return made


def app_of(system: System, folder: Path, *origins: tuple[str, str]) -> IncidentConsole:
    """A console that may send to these tiers and origins."""
    tables = [{"name": tier, "tier": tier, "origin": origin} for tier, origin in origins]
    return system.app(environments=tables, state_dir=str(folder / "state"))


async def opened(app: IncidentConsole, pilot: Pilot[int]) -> None:
    """On the screen of the reproduction, with the request on it."""
    await diagnosed(app, pilot)
    await pilot.press("3", "r")
    await until(lambda: isinstance(app.screen, ReproScreen) and "decision" in screen_text(app))


async def typed(app: IncidentConsole, pilot: Pilot[int], text: str) -> None:
    """Into the dialog that is open."""
    await until(lambda: isinstance(app.screen, LineDialog))
    app.screen.query_one(Input).value = text
    await pilot.press("enter")


async def confirmed(app: IncidentConsole, pilot: Pilot[int], server: Loopback, key: str) -> None:
    """Begin what a key begins, with what the guard wants typed."""
    await pilot.press(key)
    await typed(app, pilot, f"local POST 127.0.0.1:{server.port}")
    await until(lambda: isinstance(app.screen, LineDialog) and "why it is sent" in screen_text(app))
    await typed(app, pilot, "to see it fail")
    await until(lambda: isinstance(app.screen, ReproScreen))


async def _until(held: asyncio.Event) -> None:
    await held.wait()


def audit(folder: Path) -> list[dict[str, object]]:
    """Every line of the audit."""
    path = folder / "state" / "repro" / "audit.jsonl"
    return [json.loads(text) for text in path.read_text().splitlines()] if path.exists() else []


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 50)])
async def test_the_exact_request_is_shown_and_nothing_is_sent(
    system: System, server: Loopback, tmp_path: Path, size: tuple[int, int]
) -> None:
    app = app_of(system, tmp_path, ("local", server.origin))
    async with app.run_test(size=size) as pilot:
        await opened(app, pilot)
        text = screen_text(app)
        for words in (
            "may be sent once confirmed",
            "G5: POST",
            f"local POST 127.0.0.1:{server.port}",
            "nothing was sent",
        ):
            assert words in text
        await pilot.press("G")
        await until(lambda: "the record gives no headers" in screen_text(app))
        assert server.received == [] and audit(tmp_path) == []


async def test_an_error_line_gives_the_request_of_its_trace(system: System, server: Loopback, tmp_path: Path) -> None:
    system.logs.written.append(
        line("KeyError: 'amount_off'", NOW - 29, offset=200, operation="", trace_id="a" * 32, fields=(("exc", "x"),))
    )
    app = app_of(system, tmp_path, ("local", server.origin))
    async with app.run_test(size=(120, 60)) as pilot:
        await opened(app, pilot)
        assert "taken from another line of the same trace" in screen_text(app) and "c-1" in screen_text(app)
        assert server.received == []


async def test_an_access_line_without_a_body_takes_it_from_its_trace(
    system: System, server: Loopback, tmp_path: Path
) -> None:
    access = (("method", "POST"), ("path", "/orders"))
    system.logs.written.append(
        line("POST /orders HTTP/1.1 500", NOW - 29, offset=200, status=500, trace_id="a" * 32, fields=access)
    )
    system.logs.written.append(
        line("request", NOW - 28, offset=300, trace_id="a" * 32, fields=(("path", "/pay"), ("body", "{}"), *access[:1]))
    )
    app = app_of(system, tmp_path, ("local", server.origin))
    async with app.run_test(size=(120, 60)) as pilot:
        await diagnosed(app, pilot)
        screen = app.console_screen()
        assert screen is not None
        screen.post_message(ConsoleScreen.Open(RequestOf(system.logs.written[1])))
        await until(lambda: isinstance(app.screen, ReproScreen) and "decision" in screen_text(app))
        assert "the body is taken from another line of the same trace" in screen_text(app) and "c-1" in screen_text(app)
        assert server.received == []


async def test_what_was_observed_is_told_by_the_line_that_says_why(
    system: System, server: Loopback, tmp_path: Path
) -> None:
    access = (("method", "POST"), ("path", "/orders"))
    system.logs.written = [
        line("POST /orders HTTP/1.1 504", NOW - 31, offset=1, trace_id="a" * 32, fields=access),
        line("timeout after 3000 ms calling cardpay", NOW - 30, offset=2, status=None, trace_id="a" * 32),
        line("request", NOW - 29, offset=3, latency_s=3.014, trace_id="a" * 32, fields=(*access, ("body", BODY))),
    ]
    app = app_of(system, tmp_path, ("local", server.origin))
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(app, pilot)
        assert "504 in 3.01 s · timeout after # ms calling cardpay" in screen_text(app)


async def test_what_was_typed_wrong_or_without_a_reason_sends_nothing(
    system: System, server: Loopback, tmp_path: Path
) -> None:
    app = app_of(system, tmp_path, ("local", server.origin))
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(app, pilot)
        await pilot.press("s")
        await typed(app, pilot, "yes")
        await until(lambda: "type exactly" in screen_text(app))
        await pilot.press("escape")
        await until(lambda: isinstance(app.screen, ReproScreen))
        await pilot.press("s")
        await typed(app, pilot, f"local POST 127.0.0.1:{server.port}")
        await until(lambda: isinstance(app.screen, LineDialog) and "why it is sent" in screen_text(app))
        await typed(app, pilot, "")
        await until(lambda: "a reason is needed" in screen_text(app))
        assert server.received == [] and audit(tmp_path) == []


async def test_a_confirmed_run_sends_a_few_and_says_how_often_it_fails(
    system: System, server: Loopback, tmp_path: Path
) -> None:
    app = app_of(system, tmp_path, ("local", server.origin))
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(app, pilot)
        await confirmed(app, pilot, server, "s")
        await until(lambda: "failed 5 of 5 tries" in screen_text(app))
        assert [one.body.decode() for one in server.received] == [BODY] * 5
        assert {one.headers["x-synthetic"] for one in server.received} == {"1"}
        assert [one["event"] for one in audit(tmp_path)] == ["intent", "outcome"] * 5
        await until(lambda: "1995 requests left" in screen_text(app))
        await pilot.press("enter")
        await until(lambda: isinstance(app.screen, TryScreen))


async def test_what_the_failure_does_not_need_is_left_out(system: System, server: Loopback, tmp_path: Path) -> None:
    app = app_of(system, tmp_path, ("local", server.origin))
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(app, pilot)
        await confirmed(app, pilot, server, "i")
        await until(lambda: "without what it does not need" in screen_text(app))
        assert "json .cart" in screen_text(app) and "1-minimal" in screen_text(app)
        await pilot.press("w")
        saved = tmp_path / "state" / "repro" / "requests"
        await until(lambda: saved.exists() and any(saved.iterdir()))
        assert (saved.stat().st_mode & 0o777) == 0o700
        (file,) = saved.iterdir()
        document = json.loads(file.read_text())
        assert b"cart" not in base64.b64decode(document["request"]["body_base64"])
        assert base64.b64decode(document["whole"]["body_base64"]).decode() == BODY
        counts = document["ran"]
        assert counts["failures"] == counts["tries"] > 2


@pytest.mark.parametrize("key", ["i", "n"])
async def test_a_search_that_was_stopped_goes_on_or_begins_afresh(system: System, tmp_path: Path, key: str) -> None:
    held = threading.Event()
    seen: list[Received] = []

    def behave(request: Received, peer: socket.socket) -> None:
        seen.append(request)
        if len(seen) == 5:
            held.wait(PATIENCE_S)
        peer.sendall(answer(500 if fails(request) else 200))

    with serving(behave) as server:
        app = app_of(system, tmp_path, ("local", server.origin))
        async with app.run_test(size=(120, 40)) as pilot:
            await opened(app, pilot)
            await pilot.press("n")
            await until(lambda: "no search for this request was stopped: i begins one" in screen_text(app))
            await confirmed(app, pilot, server, "i")
            await until(lambda: len(seen) == 5)
            await pilot.press("escape")
            await until(lambda: "ended by hand" in screen_text(app))
            held.set()
            await until(lambda: "4 requests told 1 answers: i goes on from there, n begins afresh" in flowing(app))
            await confirmed(app, pilot, server, key)
            await until(lambda: "1-minimal" in screen_text(app))
            goes_on = "it goes on where an earlier search was stopped, 4 requests told 1 answers"
            assert (goes_on in flowing(app)) is (key == "i")
            baseline = [len(one.data) == len(seen[0].data) for one in seen[5:8]]
            assert baseline == [True, key == "n", key == "n"], "one that goes on only looks whether it still fails"
            assert "i goes on from there" not in flowing(app)


async def test_what_was_run_is_written_with_how_often_it_failed(
    system: System, server: Loopback, tmp_path: Path
) -> None:
    app = app_of(system, tmp_path, ("local", server.origin))
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(app, pilot)
        await confirmed(app, pilot, server, "s")
        await until(lambda: "1995 requests left" in screen_text(app))
        await pilot.press("w")
        saved = tmp_path / "state" / "repro" / "requests"
        await until(lambda: saved.exists() and any(saved.iterdir()))
        (file,) = saved.iterdir()
        document = json.loads(file.read_text())
        assert document["ran"] == {"failures": 5, "tries": 5} and document["whole"] is None


async def test_the_lines_of_the_newest_trace_are_found_behind_the_end_of_the_window(
    system: System, server: Loopback, tmp_path: Path
) -> None:
    late = NOW + 0.5
    system.logs.written += [
        line("KeyError: 'amount_off'", late, offset=300, operation="", trace_id="b" * 32),
        line("request", late, offset=400, status=500, trace_id="b" * 32, fields=(("method", "POST"), ("body", BODY))),
    ]
    app = app_of(system, tmp_path, ("local", server.origin))
    async with app.run_test(size=(120, 40)) as pilot:
        await diagnosed(app, pilot)
        screen = app.console_screen()
        assert screen is not None
        screen.post_message(ConsoleScreen.Open(RequestOf(system.logs.written[-1])))
        await until(lambda: isinstance(app.screen, ReproScreen) and "observed" in screen_text(app))
        await until(lambda: "KeyError: 'amount_off'" in screen_text(app))


async def test_escape_ends_a_run_at_once_and_the_audit_tells_it(
    system: System, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = threading.Event()
    took: list[float] = []
    write = Audit.write

    def written(audit: Audit, entry: dict[str, object]) -> None:
        write(audit, entry)
        if entry["event"] == "outcome":
            took.append(pressed.seconds())

    monkeypatch.setattr(Audit, "write", written)

    def hang(_: Received, peer: socket.socket) -> None:
        held.wait(20)
        peer.sendall(answer(500))

    with serving(hang) as server:
        app = app_of(system, tmp_path, ("local", server.origin))
        async with app.run_test(size=(120, 40)) as pilot:
            await opened(app, pilot)
            await confirmed(app, pilot, server, "s")
            await until(lambda: len(server.received) == 1)
            assert "sending" in screen_text(app)
            pressed = Stopwatch()
            await pilot.press("escape")
            await until(lambda: "ended by hand" in screen_text(app))
            assert len(took) == 1 and took[0] < 0.1, "it ends, and stands in the audit, within 100 ms of the key"
            assert [one["event"] for one in audit(tmp_path)] == ["intent", "outcome"]
            assert audit(tmp_path)[1]["problem"] == "cancelled"
        held.set()
        assert len(server.received) == 1


async def test_what_the_guard_refuses_cannot_be_sent_and_says_why(
    system: System, server: Loopback, tmp_path: Path
) -> None:
    app = app_of(system, tmp_path, ("production", "https://shop.example"))
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(app, pilot)
        assert "is not sent" in screen_text(app)
        await pilot.press("s")
        await until(lambda: "refused in production" in screen_text(app))
        await pilot.press("i")
        assert isinstance(app.screen, ReproScreen)
        assert server.received == []


async def test_the_safest_environment_comes_first_and_v_goes_to_the_next(
    system: System, server: Loopback, tmp_path: Path
) -> None:
    app = app_of(system, tmp_path, ("production", "https://shop.example"), ("local", server.origin))
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(app, pilot)
        assert "local · local ·" in screen_text(app) and "v goes there" in screen_text(app)
        await pilot.press("v")
        await until(lambda: "production · production · https://shop.example" in screen_text(app))
        await pilot.press("v")
        await until(lambda: "local · local ·" in screen_text(app))
        assert server.received == []


async def test_in_production_a_route_is_asked_no_more_than_a_hundredth_of_what_it_gets(
    system: System, tmp_path: Path
) -> None:
    fields = (("method", "GET"), ("path", "/orders"))
    system.logs.written = [line("request", NOW - 30, offset=100, status=500, fields=fields)]  # of POST /orders: 11/s
    app = app_of(system, tmp_path, ("production", "https://shop.example"))
    async with app.run_test(size=(120, 60)) as pilot:
        await opened(app, pilot)
        await until(lambda: "that the route gets" in screen_text(app))
        told = re.search(r"one request every ([\d.]+) s: 1 % of the ([\d.]+)/s that the route gets", screen_text(app))
        assert told is not None and float(told[1]) * float(told[2]) == pytest.approx(100, rel=0.02)
        assert float(told[2]) == pytest.approx(10.7, abs=0.5)
        assert "pace one request every" in flowing(app), "beside the budget, not under the request"
        screen, held = app.screen, asyncio.Event()
        assert isinstance(screen, ReproScreen)
        screen._begin("sending", _until(held))
        await until(lambda: f"sending, one request every {told[1]} s · Esc ends it" in flowing(app))
        held.set()


async def test_a_body_can_be_typed(system: System, server: Loopback, tmp_path: Path) -> None:
    app = app_of(system, tmp_path, ("local", server.origin))
    async with app.run_test(size=(120, 60)) as pilot:
        await opened(app, pilot)
        await pilot.press("b")
        await typed(app, pilot, '{"cart": "c-2"}')
        await until(lambda: '{"cart": "c-2"}' in screen_text(app))
        await confirmed(app, pilot, server, "s")
        await until(lambda: "not reproduced in 5 tries" in screen_text(app))
        assert {one.body for one in server.received} == {b'{"cart": "c-2"}'}


@pytest.mark.parametrize(
    ("environments", "fields", "words"),
    [
        ((), (("method", "POST"),), "add an [[environment]]"),
        (
            (("local", "http://127.0.0.1:9"),),
            (("path", "/orders?token=‹redacted:token›"), ("method", "GET")),
            "was hidden",
        ),
    ],
)
async def test_what_cannot_be_reproduced_says_why(
    system: System,
    tmp_path: Path,
    environments: tuple[tuple[str, str], ...],
    fields: tuple[tuple[str, str], ...],
    words: str,
) -> None:
    system.logs.written = [line("request", NOW - 30, offset=100, fields=fields)]
    app = app_of(system, tmp_path, *environments)
    async with app.run_test(size=(120, 40)) as pilot:
        await diagnosed(app, pilot)
        await pilot.press("3", "r")
        await until(lambda: isinstance(app.screen, ReproScreen) and words in screen_text(app))
        await pilot.press("s")
        assert isinstance(app.screen, ReproScreen)
