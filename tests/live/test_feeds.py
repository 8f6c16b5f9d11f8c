"""A feed never raises, backs off, honours what the source asks for, and keeps its last good value."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from console.domain.reading import FeedPhase, FeedState, Reading, SourceReport, SourceState
from console.feeds import BREAKER_PAUSE_S, Feed, next_delay
from sources.base import SourceThrottled, SourceUnavailable
from tests.waiting import PATIENCE_S


def reading(value: tuple[int, ...]) -> Reading[tuple[int, ...]]:
    return Reading(value, 100.0, SourceReport("s", "k", SourceState.OK))


def make(poll: Callable[[], Awaitable[Reading[tuple[int, ...]]]]) -> Feed[tuple[int, ...]]:
    return Feed(
        "s",
        poll,
        interval_s=2.0,
        deadline_s=0.05,
        on_change=lambda: None,
        clock=lambda: 100.0,
        jitter=lambda: 0.5,
    )


@pytest.mark.parametrize(
    ("failures", "expected"), [(0, 15.0), (1, 1.0), (2, 2.0), (3, BREAKER_PAUSE_S), (9, BREAKER_PAUSE_S)]
)
def test_failures_back_off_and_then_the_breaker_opens(failures: int, expected: float) -> None:
    assert next_delay(failures, 15.0, None, 0.5) == pytest.approx(expected)


def test_a_retry_after_is_honoured_and_jitter_spreads() -> None:
    assert next_delay(1, 15.0, 20.0, 0.5) == 20.0
    assert next_delay(3, 15.0, None, 0.0) < BREAKER_PAUSE_S < next_delay(3, 15.0, None, 1.0)


async def test_empty_and_ready_are_different() -> None:
    async def nothing() -> Reading[tuple[int, ...]]:
        return reading(())

    async def something() -> Reading[tuple[int, ...]]:
        return reading((1,))

    empty, full = make(nothing), make(something)
    assert await empty.attempt() == 2.0
    await full.attempt()
    assert (empty.state.phase, full.state.phase) == (FeedPhase.EMPTY, FeedPhase.READY)


async def test_a_failure_keeps_the_last_good_value_and_says_why_and_since_when() -> None:
    answers: list[object] = [
        reading((1,)),
        SourceUnavailable("connection refused"),
        ValueError("bug"),
        SourceThrottled("later", 20.0),
    ]

    async def poll() -> Reading[tuple[int, ...]]:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        assert isinstance(answer, Reading)
        return answer

    feed = make(poll)
    await feed.attempt()
    await feed.attempt()
    assert feed.state.phase is FeedPhase.FAILED
    assert feed.state.reason == "connection refused"
    assert feed.state.reading is not None and feed.state.reading.value == (1,)
    assert feed.state.failed_since == 100.0
    await feed.attempt()
    assert "ValueError: bug" in feed.state.reason
    assert await feed.attempt() >= 20.0


async def test_a_source_that_hangs_is_cut_at_the_deadline() -> None:
    async def hang() -> Reading[tuple[int, ...]]:
        await asyncio.Event().wait()
        raise AssertionError

    feed = make(hang)
    async with asyncio.timeout(PATIENCE_S):
        await feed.attempt()
    assert feed.state.phase is FeedPhase.FAILED
    assert "no answer within" in feed.state.reason


async def test_the_loop_asks_again_at_once_when_kicked() -> None:
    asked = asyncio.Event()
    count = 0

    async def poll() -> Reading[tuple[int, ...]]:
        nonlocal count
        count += 1
        asked.set()
        return reading((count,))

    feed = Feed("s", poll, interval_s=3600.0, deadline_s=1.0, on_change=lambda: None)
    async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as group:
        task = group.create_task(feed.run())
        await asked.wait()
        asked.clear()
        feed.kick()
        await asked.wait()
        task.cancel()
    assert count == 2


def test_a_reading_goes_stale_after_twice_its_interval() -> None:
    empty: FeedState[tuple[int, ...]] = FeedState()
    state = empty.succeeded(reading((1,)))
    assert state.aged(103.0, 2.0).phase is FeedPhase.READY
    assert state.aged(106.0, 2.0).phase is FeedPhase.STALE


async def test_another_question_is_loading_until_it_is_answered_whatever_comes_of_the_old_one() -> None:
    asked: asyncio.Queue[asyncio.Future[tuple[int, ...]]] = asyncio.Queue()
    told = asyncio.Event()

    async def poll() -> Reading[tuple[int, ...]]:
        answer = asyncio.get_running_loop().create_future()
        await asked.put(answer)
        return reading(await answer)

    feed = Feed("s", poll, interval_s=3600.0, deadline_s=10.0, on_change=told.set)
    async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as group:
        task = group.create_task(feed.run())
        old = await asked.get()
        feed.anew()
        old.set_result((1,))
        new = await asked.get()
        assert feed.state.phase is FeedPhase.LOADING
        assert feed.state.reading is not None and feed.state.reading.value == (1,), "what is known stays"
        told.clear()
        new.set_result((2,))
        await told.wait()
        assert feed.state == FeedState(FeedPhase.READY, reading((2,)))
        feed.anew()
        assert feed.state.phase is FeedPhase.LOADING
        task.cancel()


@pytest.mark.parametrize("value", [(1,), ()])
async def test_an_answer_grows_stale_whether_it_held_anything_or_not(value: tuple[int, ...]) -> None:
    async def poll() -> Reading[tuple[int, ...]]:
        return reading(value)

    feed = make(poll)
    await feed.attempt()
    assert feed.state.aged(105.0, 2.0).phase is (FeedPhase.READY if value else FeedPhase.EMPTY)
    assert feed.state.aged(105.1, 2.0).phase is FeedPhase.STALE
