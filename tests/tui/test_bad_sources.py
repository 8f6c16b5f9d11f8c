"""A source that hangs, lies, drips or answers garbage degrades its own pane, which says why; the others go on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

import console.live.details
import console.live.evidence
import console.live.log_pane
import console.observe
from console.app import IncidentConsole
from console.config.load import load
from console.domain.topology import Dependency, Health, ProbeResult, Service, Topology
from console.live.session import Session
from console.observe import Sources, open_sources
from console.screens.logs import LogsScreen
from console.state import Word
from sources.base import SourceGarbage
from tests.tui.fakes import FakeProbe, System, line, until
from tests.tui.test_console import screen_text

FAULTS = ("hang", "garbage", "bug", "nonsense")
SAID = {
    "hang": "no ",
    "garbage": "a login page instead of data",
    "bug": "cannot be undone",
    "nonsense": "",
}
"""What the pane of a source with the fault says; of an answer of the wrong type it says what Python says of it."""


@dataclass
class Faulty:
    """A source whose every answer is wrong in one way."""

    inner: Any
    fault: str

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.inner, name)
        return self._wrong if name in ("series", "page", "counts", "errors", "messages", "probe") else found

    async def _wrong(self, *_: object) -> Any:
        if self.fault == "hang":
            await asyncio.Event().wait()
        if self.fault == "garbage":
            raise SourceGarbage(f"{self.inner.name}: a login page instead of data: \x1b[2J[/x]<html>")
        if self.fault == "bug":
            raise RuntimeError("cannot be undone \x1b]0;x\x07[@click=app.exit]")
        return None


@dataclass
class Partly(System):
    """One kind of source has a fault."""

    role: str = ""
    fault: str = ""

    def sources(self) -> Sources:
        made = super().sources()
        probes = (*made.health, FakeProbe("cache", "tcp"))
        services = (Service("gateway", ("checkout",)), Service("checkout", ("orders-db", "cache")))
        topology = Topology(services, (Dependency("orders-db", "database"), Dependency("cache", "cache")))
        made = replace(made, topology=topology, health=probes)
        if self.role == "logs":
            return replace(made, logs=(Faulty(self.logs, self.fault),))
        if self.role == "metrics":
            return replace(made, metrics=(Faulty(self.metrics, self.fault),))
        return replace(made, health=(Faulty(probes[0], self.fault), *probes[1:]))


@pytest.fixture(autouse=True)
def short_deadlines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console.live.evidence, "DEADLINE_S", 0.5)
    monkeypatch.setattr(console.live.log_pane, "READ_DEADLINE_S", 0.5)
    monkeypatch.setattr(console.live.details, "READ_DEADLINE_S", 0.5)
    monkeypatch.setattr(console.observe, "PROBE_DEADLINE_S", 0.2)


def with_lines(system: System) -> System:
    system.logs.written = [line(f"timeout after {i} ms", system.now - 500 + i, offset=i * 100) for i in range(100)]
    return system


async def judged(app: IncidentConsole, pilot: Pilot[int]) -> None:
    await until(lambda: app.session.state().diagnosis is not None)
    await painted(app, pilot)


async def painted(app: IncidentConsole, pilot: Pilot[int]) -> None:
    """Until the newest state is on the screen: it is known before it is painted."""
    app.show_now()
    await pilot.pause()


def words(session: Session) -> dict[str, Word]:
    """The state word of each pane with data of its own."""
    state = session.state()
    signals = state.signals.status.word if state.signals is not None else Word.LOADING
    return {"logs": state.logs.status.word, "metrics": signals, "changes": state.changes.status.word}


@pytest.mark.parametrize("fault", FAULTS)
async def test_logs_with_a_fault_leave_signals_changes_and_upstreams_alone(fault: str) -> None:
    app = with_lines(Partly(role="logs", fault=fault)).app()
    async with app.run_test(size=(120, 40)) as pilot:
        await judged(app, pilot)
        await until(lambda: words(app.session)["logs"] is Word.DOWN)
        await painted(app, pilot)
        text = screen_text(app)
        for word in ("checkout", "POST /orders", "v41", "orders-db", "cache", "DOWN"):
            assert word in text, (word, text)
        assert SAID[fault] in text and "app:" in text
        assert words(app.session)["metrics"] is words(app.session)["changes"] is Word.LIVE
        await pilot.press("l")
        await until(lambda: isinstance(app.screen, LogsScreen) and "4 Lines" in screen_text(app))
        await until(lambda: SAID[fault] in screen_text(app) and "app:" in screen_text(app))
        assert not any(pane.failure for pane in app.screen.panes())  # type: ignore[attr-defined]


@pytest.mark.parametrize("fault", FAULTS)
async def test_metrics_with_a_fault_leave_logs_changes_and_upstreams_alone(fault: str) -> None:
    app = with_lines(Partly(role="metrics", fault=fault)).app()
    async with app.run_test(size=(120, 40)) as pilot:
        await until(lambda: words(app.session)["logs"] is Word.LIVE)
        await until(lambda: "timeout after" in screen_text(app))
        await judged(app, pilot)
        await until(lambda: words(app.session)["metrics"] in (Word.DOWN, Word.PARTIAL))
        await painted(app, pilot)
        text = screen_text(app)
        for word in ("timeout after 99 ms", "v41", "orders-db", "cache"):
            assert word in text, (word, text)
        assert words(app.session)["logs"] is words(app.session)["changes"] is Word.LIVE
        state = app.session.state()
        assert state.signals is not None and "prod:" in state.signals.status.detail
        await pilot.press("l")
        await until(lambda: isinstance(app.screen, LogsScreen) and "timeout after 99 ms" in screen_text(app))


@pytest.mark.parametrize("fault", ["hang", "garbage", "bug"])
async def test_a_probe_with_a_fault_leaves_the_other_probes_and_panes_alone(fault: str) -> None:
    app = with_lines(Partly(role="health", fault=fault)).app()
    async with app.run_test(size=(120, 40)) as pilot:
        await until(lambda: "timeout after" in screen_text(app))
        await judged(app, pilot)

        def told() -> dict[str, ProbeResult]:
            return {row.state.name: row.probes[-1] for row in app.session.state().upstreams.rows if row.probes}

        await until(lambda: set(told()) == {"orders-db", "cache"})
        await painted(app, pilot)
        assert told()["orders-db"].health is Health.UNKNOWN and SAID[fault] in told()["orders-db"].detail
        assert told()["cache"].health is Health.HEALTHY
        for word in ("orders-db", "cache", "checkout", "v41", "timeout after 99 ms"):
            assert word in screen_text(app), word
        assert set(words(app.session).values()) == {Word.LIVE}


async def test_a_log_source_that_hangs_holds_no_other_log_source_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console.live.log_pane, "READ_DEADLINE_S", 60.0)

    class Two(System):
        def sources(self) -> Sources:
            made = super().sources()
            return replace(made, logs=(Faulty(type(self.logs)("other"), "hang"), self.logs))

    app = with_lines(Two()).app()
    async with app.run_test(size=(120, 40)):
        await until(lambda: "timeout after 99 ms" in screen_text(app))
        await until(lambda: app.session.state().logs.status.detail.startswith("reading the window: 1 of 2 sources"))
        app.session.try_filter("98")
        await until(lambda: [r.message for r in app.session.state().logs.records] == ["timeout after 98 ms"])


# The same with real sources and a server that does not play by the rules.

PAGE = b"<html><title>Sign in</title><body>[/login] \x1b[2J</body></html>"
Reply = Callable[[asyncio.StreamWriter], Awaitable[None]]


def answer(body: bytes, kind: str = "text/html") -> bytes:
    return (
        f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode()
        + body
    )


async def lie(out: asyncio.StreamWriter) -> None:
    out.write(answer(PAGE))


async def garbage(out: asyncio.StreamWriter) -> None:
    out.write(answer(b'{"status":"success","data":{"resultType":"matrix","result":[{"metric":', "application/json"))


async def noise(out: asyncio.StreamWriter) -> None:
    out.write(bytes(range(256)) * 40)


async def hang(out: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


async def drip(out: asyncio.StreamWriter) -> None:
    out.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n")
    while True:
        out.write(b" ")
        await out.drain()
        await asyncio.sleep(0.2)


@asynccontextmanager
async def serving(reply: Reply) -> AsyncIterator[int]:
    """The port of a server that answers every request in one way."""

    handling: set[asyncio.Task[Any]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        handling.add(task)
        try:
            await reader.readuntil(b"\r\n\r\n")
            await reply(writer)
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            handling.discard(task)
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        server.close()
        for task in tuple(handling):
            task.cancel()
        await asyncio.gather(*handling, return_exceptions=True)


@dataclass
class Outside(System):
    """Metrics and a probe of the server, everything else as it should be."""

    opened: Sources | None = None

    def sources(self) -> Sources:
        assert self.opened is not None
        return replace(super().sources(), metrics=self.opened.metrics, health=self.opened.health)


@pytest.mark.parametrize("kind", ["prometheus", "scrape"])
@pytest.mark.parametrize("reply", [lie, garbage, noise, hang, drip])
async def test_a_server_that_does_not_play_by_the_rules_spoils_its_own_panes_only(
    tmp_path: Path, reply: Reply, kind: str
) -> None:
    async with serving(reply) as port:
        path = tmp_path / "incident.toml"
        path.write_text(
            f'[[service]]\nname = "checkout"\ndepends_on = ["orders-db"]\n'
            f'[[dependency]]\nname = "orders-db"\nkind = "database"\nprobe = "http://127.0.0.1:{port}/health"\n'
            f'[[metrics]]\nname = "prod"\nkind = "{kind}"\nurl = "http://127.0.0.1:{port}/"\n'
            + ('service = "checkout"\n' if kind == "scrape" else "")
        )
        opened = open_sources(load(path))
        try:
            app = with_lines(Outside(opened=opened, now=time.time())).app()
            async with app.run_test(size=(120, 40)) as pilot:
                await until(lambda: "timeout after 99 ms" in screen_text(app))
                await judged(app, pilot)
                await until(lambda: words(app.session)["metrics"] in (Word.DOWN, Word.PARTIAL))
                await painted(app, pilot)
                assert words(app.session)["logs"] is words(app.session)["changes"] is Word.LIVE
                assert "v41" in screen_text(app) and "timeout after 99 ms" in screen_text(app)
                state = app.session.state()
                assert state.signals is not None and state.signals.status.detail
                assert screen_text(app).replace("\n", "").isprintable()
                if reply in (noise, hang, drip):  # any page with status 200 is healthy to this probe
                    rows = {row.state.name: row.state.health for row in state.upstreams.rows}
                    assert rows.get("orders-db") is not Health.HEALTHY
        finally:
            await opened.close()
