"""The collector in its own process: states, commands, death and restart, and an end with its parent."""

from __future__ import annotations

import asyncio
import json
import os
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from console.live.process import CollectorFailed, ProcessLink
from console.live.timeview import TimeView
from console.state import ConsoleState
from tests.tui.fakes import until
from tests.waiting import PATIENCE_S

pytestmark = pytest.mark.slow


@pytest.fixture
def config(tmp_path: Path) -> Path:
    lines = []
    for i in range(600):
        stamp = datetime.fromtimestamp(time.time() - 600 + i, UTC).isoformat()
        lines.append(json.dumps({"time": stamp, "level": "error" if i % 50 == 0 else "info", "msg": f"line {i}"}))
    (tmp_path / "app.jsonl").write_text("\n".join(lines) + "\n")
    path = tmp_path / "incident.toml"
    path.write_text(
        '[[service]]\nname = "checkout"\n[[logs]]\nname = "app"\npaths = ["app.jsonl"]\nservice = "checkout"\n'
    )
    return path


async def test_states_arrive_commands_are_answered_and_a_dead_collector_is_replaced(config: Path) -> None:
    states: list[ConsoleState] = []
    link = ProcessLink(config)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(link.run(states.append))
        await until(lambda: any(s.logs.total for s in states))
        found = await link.ask("records", "level:error")
        assert found.matched == 12
        await link.ask("set_view", TimeView(120.0))
        await until(lambda: states[-1].window.seconds == 120.0)
        process = link._process
        assert process is not None
        process.kill()
        seen = len(states)
        await until(lambda: len(states) > seen + 1 and states[-1].window.seconds == 120.0)
        running.cancel()
    await link.close()
    assert link._running is None


ECHO = """
import pickle, struct, sys
out = sys.stdout.buffer
def send(value):
    body = pickle.dumps(value)
    out.write(struct.pack(">Q", len(body)) + body)
    out.flush()
while head := sys.stdin.buffer.read(8):
    number, command, arguments = pickle.loads(sys.stdin.buffer.read(struct.unpack(">Q", head)[0]))
    send(("state", (command, arguments)))
    send(("answer", number, None))
"""
"""A collector that sends back what it is told."""


async def test_a_collector_that_is_started_again_is_told_the_newest_of_everything_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("console.live.process._START", ECHO)
    monkeypatch.setattr("console.live.process.RESTART_S", 0.0)
    told: list[object] = []
    link = ProcessLink(tmp_path / "incident.toml")
    async with asyncio.TaskGroup() as group:
        running = group.create_task(link.run(told.append))
        await until(lambda: link._process is not None)
        for command, argument in (("set_filter", "a"), ("set_frozen", False), ("set_frozen", True), ("refresh", 1)):
            await link.ask(command, argument)
        process, seen = link._process, len(told)
        assert process is not None
        process.kill()
        await until(lambda: len(told) >= seen + 2)
        assert told[seen:] == [("set_filter", ("a",)), ("set_frozen", (True,))], "and is not asked to refresh again"
        running.cancel()
    await link.close()


@pytest.fixture
def unreadable(tmp_path: Path) -> Path:
    path = tmp_path / "loki.toml"
    path.write_text('[[logs]]\nkind = "loki"\nurl = "http://127.0.0.1:1"\n')
    return path


async def test_a_configuration_that_cannot_be_opened_is_told_in_words(unreadable: Path) -> None:
    link = ProcessLink(unreadable)
    with pytest.raises(CollectorFailed, match="loki"):
        async with asyncio.timeout(PATIENCE_S):
            await link.run(lambda state: None)
    await link.close()


async def test_it_ends_with_its_input_however_the_parent_died(config: Path) -> None:
    states: list[ConsoleState] = []
    link = ProcessLink(config)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(link.run(states.append))
        await until(lambda: states and link._process is not None)
        process = link._process
        assert process is not None and process.stdin is not None
        pid = process.pid
        process.stdin.close()
        await until(lambda: _gone(pid))
        running.cancel()
    await link.close()


def _gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False
