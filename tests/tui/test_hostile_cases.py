"""Hostile cases of the guard where a person meets them: on the screen."""

from __future__ import annotations

from pathlib import Path

from console.screens.repro import ReproScreen
from tests.repro.loopback import Received, answer, serving
from tests.tui.fakes import NOW, System, line, until
from tests.tui.test_console import screen_text
from tests.tui.test_repro import app_of, audit, opened


def failing_request() -> System:
    """A failing request that the guard lets out unasked."""
    made = System()
    made.logs.written = [
        line("request", NOW - 30, offset=100, status=500, trace_id="a" * 32, fields=(("method", "GET"),))
    ]
    return made


async def test_case_21_a_server_that_asks_to_wait_ends_the_run_and_nothing_can_be_sent_again(tmp_path: Path) -> None:
    def busy(_: Received, peer: object) -> None:
        peer.sendall(answer(429, b"", retry_after="60"))  # type: ignore[attr-defined]

    with serving(busy) as server:
        app = app_of(failing_request(), tmp_path, ("local", server.origin))
        async with app.run_test(size=(120, 40)) as pilot:
            await opened(app, pilot)
            await pilot.press("s")
            screen = app.console_screen()
            assert isinstance(screen, ReproScreen)
            await until(lambda: "stopped: G18" in screen_text(app))
            await until(lambda: "wait" in screen.refusals().get("send", ""))
            await pilot.press("s")
            await pilot.pause()
            assert len(server.received) == 1
        assert [one["event"] for one in audit(tmp_path)] == ["intent", "outcome"]
