"""The screen of a reproduction, further on: two environments compared, exports, and what a try left in logs and traces."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from console.app import IncidentConsole
from console.case.book import Book
from console.live.desk import Desk
from console.repro.curl import imported_curl
from console.screens.base import ConsoleScreen
from console.screens.dialogs import LineDialog
from console.screens.repro import ReproScreen
from console.screens.trial import TryScreen
from sources.traces.jsonl import JsonlTraces
from tests.repro.loopback import Loopback, Received, always, answer, serving, when
from tests.tui.fakes import System, line, until
from tests.tui.test_case_screen import Clock, desk
from tests.tui.test_console import flowing, screen_text
from tests.tui.test_repro import BODY, audit, confirmed, fails, opened, system, typed

__all__ = ["system"]


@pytest.fixture
def server() -> Iterator[Loopback]:
    with serving(when(fails)) as found:
        yield found


@pytest.fixture(autouse=True)
def token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_TOKEN", "a credential of a test")


@pytest.fixture
def healthy() -> Iterator[Loopback]:
    with serving(always(answer())) as found:
        yield found


def console(system: System, folder: Path, **more: dict[str, object]) -> IncidentConsole:
    """A console with an environment for each name, all of them local, further keys of their tables given."""
    tables = [{"name": name, "tier": "local", **rest} for name, rest in more.items()]
    return system.app(environments=tables, state_dir=str(folder / "state"))


async def agreed(app: IncidentConsole, pilot: Pilot[int], *phrases: str) -> None:
    """Type what the guard wants typed for each environment, and why."""
    for phrase in phrases:
        await until(lambda phrase=phrase: isinstance(app.screen, LineDialog) and f"type: {phrase}" in flowing(app))  # type: ignore[misc]  # bound at once
        await typed(app, pilot, phrase)
    await until(lambda: isinstance(app.screen, LineDialog) and "why it is sent" in screen_text(app))
    await typed(app, pilot, "to see where it fails")


# Comparing.


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 50)])
async def test_two_environments_are_asked_in_turn_and_the_difference_is_judged(
    system: System, server: Loopback, healthy: Loopback, tmp_path: Path, size: tuple[int, int]
) -> None:
    book = Book.new(tmp_path / "state" / "cases", "Orders fail", "alice", {}, Clock())
    app = console(system, tmp_path, now={"origin": server.origin}, before={"origin": healthy.origin})
    app.session.desk = Desk(tmp_path / "state" / "cases", "alice", ZoneInfo("UTC"), Clock())
    async with app.run_test(size=size) as pilot:
        await opened(app, pilot)
        await until(lambda: desk(app).case is not None)
        await pilot.press("A")
        await agreed(app, pilot, f"now POST 127.0.0.1:{server.port}", f"before POST 127.0.0.1:{healthy.port}")
        await until(lambda: "now against before: 5 of 5 against 0 of 5 failed, p = 0.008" in flowing(app))
        assert "evidence of a difference" in flowing(app) and "differs: status: 500 against 200" in flowing(app)
        assert (len(server.received), len(healthy.received)) == (5, 5)
        assert [one["environment"] for one in audit(tmp_path) if one["event"] == "intent"] == ["now", "before"] * 5
        await pilot.press("2", "z")
        await until(lambda: "before" in screen_text(app) and "its spans and log lines" in screen_text(app))
        await until(lambda: book.read().repros)
        (one,) = book.read().repros
        assert one.text.startswith("compared now with before: 5 of 5 against 0 of 5") and one.data["evidence"] is True


async def test_nothing_is_compared_before_both_sides_are_confirmed(
    system: System, server: Loopback, healthy: Loopback, tmp_path: Path
) -> None:
    app = console(system, tmp_path, now={"origin": server.origin}, before={"origin": healthy.origin})
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(app, pilot)
        await pilot.press("A")
        await typed(app, pilot, f"now POST 127.0.0.1:{server.port}")
        await until(
            lambda: isinstance(app.screen, LineDialog) and f"before POST 127.0.0.1:{healthy.port}" in flowing(app)
        )
        await pilot.press("escape")
        await until(lambda: isinstance(app.screen, ReproScreen) and "nothing was sent" in screen_text(app))
        await pilot.press("A")
        for place in (server, healthy):
            name = "now" if place is server else "before"
            await until(lambda name=name: f"type: {name} POST" in flowing(app))  # type: ignore[misc]  # bound at once
            await typed(app, pilot, f"{name} POST 127.0.0.1:{place.port}")
        await until(lambda: "why it is sent" in screen_text(app))
        await typed(app, pilot, "")
        await until(lambda: "a reason is needed" in screen_text(app))
        assert server.received == healthy.received == [] and audit(tmp_path) == []


async def test_of_several_others_one_is_chosen_and_what_the_guard_refuses_there_is_told(
    system: System, server: Loopback, tmp_path: Path
) -> None:
    app = console(
        system,
        tmp_path,
        now={"origin": server.origin},
        before={"origin": "http://127.0.0.1:9"},
        shop={"origin": "https://shop.example", "tier": "production"},
    )
    async with app.run_test(size=(160, 40)) as pilot:
        await opened(app, pilot)
        await pilot.press("A")
        await until(lambda: "the environment to compare now with: before, shop" in screen_text(app))
        await typed(app, pilot, "elsewhere")
        await until(lambda: "no other environment 'elsewhere': before, shop" in screen_text(app))
        await typed(app, pilot, "shop")
        await until(lambda: "shop: G" in screen_text(app) and "refused in production" in screen_text(app))
        assert server.received == []


async def test_where_there_is_nothing_to_compare_with_the_key_says_so(
    system: System, server: Loopback, tmp_path: Path
) -> None:
    app = console(system, tmp_path, now={"origin": server.origin})
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(app, pilot)
        await pilot.press("A")
        await until(lambda: "no other environment is configured" in screen_text(app))


# Proving that it is fixed, where it is deployed.


@pytest.mark.parametrize("mended", [True, False])
async def test_what_failed_is_proved_to_be_gone_or_still_there(system: System, tmp_path: Path, mended: bool) -> None:
    book = Book.new(tmp_path / "state" / "cases", "Orders fail", "alice", {}, Clock())
    broken = True
    with serving(when(lambda request: broken and fails(request))) as server:
        app = console(system, tmp_path, local={"origin": server.origin})
        app.session.desk = Desk(tmp_path / "state" / "cases", "alice", ZoneInfo("UTC"), Clock())
        async with app.run_test(size=(120, 40)) as pilot:
            await opened(app, pilot)
            await until(lambda: desk(app).case is not None)
            await confirmed(app, pilot, server, "i")
            await until(lambda: "1-minimal" in screen_text(app))
            await until(lambda: book.read().repros)
            broken, sent = not mended, len(server.received)
            await pilot.press("p")
            await until(
                lambda: isinstance(app.screen, LineDialog) and "failures/tries before the fix" in screen_text(app)
            )
            counts = app.screen.query_one(Input).value.split("/")
            assert counts[0] == counts[1] and int(counts[0]) > 2, "as it was minimised"
            await typed(app, pilot, "often")
            await until(lambda: "'often' is no count" in screen_text(app))
            await typed(app, pilot, "5/5")
            await agreed(app, pilot, f"local POST 127.0.0.1:{server.port}")
            told = "FIXED: 4 clean passes in a row" if mended else "STILL FAILING: try 1 failed as before"
            await until(lambda: told in flowing(app))
            assert {one.body.decode() for one in server.received[sent:]} == {BODY}, "the whole request"
            await until(lambda: book.read().fixes)
            (fix,) = book.read().fixes
            assert fix.data["outcome"] == ("worked" if mended else "failed") and fix.data["environment"] == "local"


# Exporting.


async def exported(app: IncidentConsole, pilot: Pilot[int], text: str) -> None:
    await pilot.press("e")
    await until(lambda: isinstance(app.screen, LineDialog) and "curl, sh, pytest, hurl, http" in screen_text(app))
    app.screen.query_one(Input).value = text
    await pilot.press("enter")


@pytest.mark.parametrize("form", ["curl", "sh", "pytest", "hurl", "http"])
async def test_every_form_goes_to_a_new_file(system: System, server: Loopback, tmp_path: Path, form: str) -> None:
    app = console(system, tmp_path, now={"origin": server.origin, "token_env": "SHOP_TOKEN"})
    file = tmp_path / f"request.{form}"
    async with app.run_test(size=(160, 40)) as pilot:
        await opened(app, pilot)
        await exported(app, pilot, f"{form} {file}")
        await until(lambda: "written to" in screen_text(app))
        text = file.read_text("utf-8")
        assert "SHOP_TOKEN" in text and "127.0.0.1" in text
        await exported(app, pilot, f"{form} {file}")
        await until(lambda: "is there already" in screen_text(app))
        assert file.read_text("utf-8") == text and server.received == []


async def test_the_clipboard_gets_a_command_that_gives_the_request_back(
    system: System, server: Loopback, tmp_path: Path
) -> None:
    app = console(system, tmp_path, now={"origin": server.origin, "token_env": "SHOP_TOKEN"})
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(app, pilot)
        await exported(app, pilot, "curl")
        await until(lambda: "copied" in screen_text(app))
        command = app.clipboard
        assert "\n" in command and '"Authorization: Bearer $SHOP_TOKEN"' in command, "several lines, and a variable"
        assert shlex.split(command)[0] == "curl"
        request = imported_curl(command.replace("$SHOP_TOKEN", "x")).request
        assert (request.method, request.url, request.body) == ("POST", f"{server.origin}/orders", BODY.encode())


async def test_a_form_that_cannot_say_the_request_is_told(system: System, server: Loopback, tmp_path: Path) -> None:
    system.logs.written[0] = line(
        "request", system.logs.written[0].at or 0, offset=100, status=500,
        fields=(("method", "POST"), ("body", '{"a": "{{b}}"}')),
    )  # fmt: skip
    app = console(system, tmp_path, now={"origin": server.origin})
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(app, pilot)
        await exported(app, pilot, "xml")
        await until(lambda: "no form 'xml'" in screen_text(app) and isinstance(app.screen, LineDialog))
        await typed(app, pilot, "http")
        await until(lambda: "export it as curl" in screen_text(app))
        assert app.clipboard == ""


async def test_a_text_that_a_terminal_would_obey_is_not_copied(system: System, tmp_path: Path) -> None:
    app = system.app()
    async with app.run_test(size=(120, 40)) as pilot:
        await until(lambda: app.console_screen() is not None)
        screen = app.console_screen()
        assert screen is not None
        screen.post_message(ConsoleScreen.Copy("curl 'a\x1b[2J'", "curl"))
        await until(lambda: "name a file" in screen_text(app))
        await pilot.pause()
        assert app.clipboard == ""


# What a try left behind.


def span(trace: str, name: str, parent: str | None, start: float, ms: float, status: str = "ok") -> str:
    known = {
        "trace_id": trace,
        "span_id": name,
        "parent_id": parent,
        "service": "checkout",
        "operation": f"POST /{name}",
    }
    return json.dumps({**known, "kind": "server", "start": start, "duration_ms": ms, "status": status}) + "\n"


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 50)])
async def test_the_spans_and_the_lines_of_a_try_are_one_key_away(
    system: System, tmp_path: Path, size: tuple[int, int]
) -> None:
    system.now = time.time()
    system.logs.written = [
        line("request", system.now - 30, offset=1, status=500, fields=(("method", "POST"), ("body", BODY)))
    ]
    spans = tmp_path / "spans.jsonl"
    spans.write_text(span("f" * 32, "elsewhere", None, system.now, 5))
    system.traces = (JsonlTraces("spans", spans),)

    def behave(request: Received, peer: object) -> None:
        trace, now = request.headers["traceparent"].split("-")[1], time.time()
        system.logs.written.append(line("KeyError: 'amount_off'", now, offset=len(system.logs.written), trace_id=trace))
        with spans.open("a") as file:
            file.write(span(trace, "orders", None, now, 90, "error") + span(trace, "pay", "orders", now + 0.01, 60))
        when(fails)(request, peer)  # type: ignore[arg-type]  # a socket

    with serving(behave) as server:
        app = console(system, tmp_path, local={"origin": server.origin})
        async with app.run_test(size=size) as pilot:
            await opened(app, pilot)
            await confirmed(app, pilot, server, "s")
            await until(lambda: "failed 5 of 5 tries" in flowing(app))
            await pilot.press("enter")
            await until(lambda: isinstance(app.screen, TryScreen) and "Spans of try 5 · 2" in screen_text(app))
            await until(lambda: "Lines of try 5" in screen_text(app) and "KeyError: 'amount_off'" in screen_text(app))
            text = screen_text(app)
            assert "✖ checkout POST /orders" in text and "└─ checkout POST /pay" in text and "elsewhere" not in text
            assert "90ms" in text or "90 ms" in text
            assert text.count("KeyError: 'amount_off'") == 1, "the lines of this try alone"
            await pilot.press("backspace")
            await until(lambda: isinstance(app.screen, ReproScreen))


async def test_without_a_source_of_spans_it_is_said_how_to_give_one(
    system: System, server: Loopback, tmp_path: Path
) -> None:
    app = console(system, tmp_path, local={"origin": server.origin})
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(app, pilot)
        await confirmed(app, pilot, server, "s")
        await until(lambda: "failed 5 of 5 tries" in screen_text(app))
        await pilot.press("enter")
        await until(lambda: isinstance(app.screen, TryScreen) and "add a [[traces]]" in screen_text(app))
