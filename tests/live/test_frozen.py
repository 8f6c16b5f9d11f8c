"""While the screen is frozen the collector sends states rarely, and at once when it is thawed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from console.config.models import Config
from console.domain.diagnosis import Diagnosis
from console.domain.observations import Observations
from console.domain.topology import Service, Topology
from console.live.collector import COMMANDS, PUBLISH_AT_LEAST_S, PUBLISH_EVERY_S, PUBLISH_FROZEN_S, Collector
from console.live.session import SILENT_AFTER_S, Session
from console.observe import Sources
from console.state import ConsoleState
from tests.live.ahead import run_ahead


async def judge(seen: Observations) -> Diagnosis:
    raise NotImplementedError


async def watched(script: Callable[[Collector], Awaitable[None]]) -> list[float]:
    """When states were sent while something arrives ten times a second and the script runs."""
    loop = asyncio.get_running_loop()
    collector = Collector(Config(), Sources(Topology((Service("shop"),))), judge)
    sent: list[float] = []

    async def send(_state: ConsoleState) -> None:
        sent.append(loop.time())

    async def news() -> None:
        while True:
            await collector.refresh()
            await asyncio.sleep(0.1)

    async with asyncio.TaskGroup() as group:
        loops = [group.create_task(collector.run(send)), group.create_task(news())]
        await script(collector)
        for task in loops:
            task.cancel()
    return sent


def test_a_frozen_screen_is_sent_one_state_in_five_seconds_and_a_thawed_one_at_once() -> None:
    async def script(collector: Collector) -> None:
        await asyncio.sleep(10.2)
        await collector.set_frozen(True)
        await asyncio.sleep(30.0)
        await collector.set_frozen(False)
        await asyncio.sleep(10.0)

    sent = run_ahead(watched(script))
    frozen = [at for at in sent if 10.2 < at <= 40.2]
    assert len([at for at in frozen if at <= 10.2 + PUBLISH_FROZEN_S]) <= 1, "what is under way may still come, no more"
    assert 30.0 / PUBLISH_FROZEN_S - 1 <= len(frozen) <= 30.0 / PUBLISH_FROZEN_S + 1
    thawed = [at for at in sent if at >= 40.2]
    assert thawed[0] - 40.2 <= PUBLISH_EVERY_S, "whoever thaws the screen sees the present"
    assert len([at for at in sent if at < 10.2]) == pytest.approx(10.2 / PUBLISH_EVERY_S, abs=2)
    assert len(thawed) == pytest.approx(10.0 / PUBLISH_EVERY_S, abs=2), "and from then on as before"


def test_a_frozen_screen_is_told_often_enough_that_the_collector_lives() -> None:
    assert PUBLISH_AT_LEAST_S < PUBLISH_FROZEN_S < SILENT_AFTER_S
    assert "set_frozen" in COMMANDS


class Noted:
    """A link that notes what is asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[object, ...]] = []

    async def run(self, take: Callable[[ConsoleState], None]) -> None:
        raise NotImplementedError

    async def close(self) -> None:
        return None

    async def ask(self, command: str, *arguments: object) -> object:
        self.asked.append((command, *arguments))
        return None


async def test_the_session_tells_of_every_change_and_of_nothing_else() -> None:
    link = Noted()
    session = Session(Config(), link, lambda: None)
    for frozen in (True, True, False, False):
        session.set_frozen(frozen)
        await session.carry_out()
    assert link.asked == [("set_frozen", True), ("set_frozen", False)]
