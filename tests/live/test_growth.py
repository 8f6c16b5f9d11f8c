"""A log that does not grow is asked again only when the axis moved; what came is never missed."""

from __future__ import annotations

import pytest

from console.domain.instant import Window
from console.domain.reading import Reading, SourceReport, SourceState
from console.domain.text import SafeText
from console.feeds import Feed
from console.live.growth import SKEW_S, Growth, WhenGrown
from sources.base import SourceUnavailable

Answer = tuple[int, ...]


class Log:
    """A source with a clock: how often it was asked, and what it says."""

    def __init__(self) -> None:
        self.now = 900.4
        self.step_s = 15.0
        self.until = float("inf")
        """The end of a window of the past."""
        self.asked: list[float] = []
        self.fails = False
        self.report = SourceReport("app", "files", SourceState.OK)
        self.growth = Growth()
        self.when = WhenGrown(self.poll, self.growth, lambda: self.now, self.window, self.axis)

    def window(self) -> Window:
        end = min(self.until, float(int(self.now)))
        return Window(end - 1800.0, end)

    def axis(self) -> Window:
        end = min(self.until, self.now) // self.step_s * self.step_s
        return Window(end - 1800.0, end)

    async def poll(self) -> Reading[Answer]:
        self.asked.append(self.now)
        if self.fails:
            raise SourceUnavailable("gone")
        return Reading((len(self.asked),), self.now, self.report)

    async def at(self, now: float) -> Reading[Answer]:
        self.now = now
        return await self.when.poll()

    async def settled(self) -> None:
        """The tail has its place, and all before it was read."""
        self.growth.grew(900.0)
        await self.at(900.0 + SKEW_S)


async def test_a_still_log_is_asked_once_a_step_and_its_answer_is_as_new_as_the_tail() -> None:
    log = Log()
    await log.settled()
    readings = [await log.at(905.0 + 2.0 * turn) for turn in range(1, 16)]
    assert len(log.asked) == 1 + 2, "two steps of 15 s went by in 30 s"
    assert [one.observed_at for one in readings] == [905.0 + 2.0 * turn for turn in range(1, 16)]
    assert not log.when.news, "that time went by is no news"


async def test_an_answer_stands_for_half_a_minute_at_most_however_long_a_step_is() -> None:
    log = Log()
    log.step_s = 900.0
    await log.settled()
    for turn in range(1, 40):
        await log.at(905.0 + 2.0 * turn)
    assert len(log.asked) == 1 + 2 and not log.when.news


async def test_what_came_is_asked_for_until_no_answer_can_lack_it() -> None:
    log = Log()
    await log.settled()
    log.growth.grew(906.7)
    await log.at(906.9)  # reaches to 906: the line of 906.7 is not in it
    await log.at(908.0)
    assert len(log.asked) == 3 and log.when.news
    await log.at(906.7 + SKEW_S + 1.0)  # stamped ahead of its arrival
    assert len(log.asked) == 4 and log.when.news
    await log.at(906.7 + SKEW_S + 2.0)
    assert len(log.asked) == 4 and not log.when.news


async def test_what_comes_now_is_not_in_a_window_that_ended_before() -> None:
    log = Log()
    log.until = 600.0
    for turn in range(20):
        log.growth.grew(905.0 + 2.0 * turn)
        await log.at(905.0 + 2.0 * turn)
    assert len(log.asked) == 2, "once, and after half a minute for what was written late"
    assert not log.when.news


async def test_without_a_tail_nothing_is_known_and_it_is_always_asked() -> None:
    log = Log()
    for turn in range(5):
        await log.at(900.0 + turn)
    assert len(log.asked) == 5
    log.growth.grew(903.0)
    await log.at(909.0)
    await log.at(910.0)
    assert len(log.asked) == 6
    log.growth.lost()
    await log.at(911.0)
    assert len(log.asked) == 7 and log.when.news


async def test_a_question_that_failed_or_is_wanted_now_is_asked_again() -> None:
    log = Log()
    await log.settled()
    log.fails = True
    with pytest.raises(SourceUnavailable):
        await log.at(930.0)
    with pytest.raises(SourceUnavailable):
        await log.at(931.0)
    log.fails = False
    await log.at(932.0)
    assert len(log.asked) == 4 and log.when.news
    log.when.again()
    await log.at(933.0)
    assert len(log.asked) == 5


async def test_how_far_a_source_is_read_is_news_and_what_describes_a_complete_answer_is_not() -> None:
    log = Log()
    await log.settled()
    log.report = SourceReport("app", "files", SourceState.OK, SafeText("json, 93s"))
    await log.at(920.0)
    assert not log.when.news
    for share in (40, 60):
        log.report = SourceReport("app", "files", SourceState.PARTIAL, SafeText(f"{share} % are read"))
        await log.at(920.0 + share)
        assert log.when.news
    await log.at(1000.0)
    assert not log.when.news


async def test_a_feed_tells_only_what_is_new_and_every_change_of_its_state() -> None:
    told: list[object] = []
    answers: list[object] = [(), (1,), (1,), (2,), SourceUnavailable("gone"), (2,)]

    async def poll() -> Reading[Answer]:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        assert isinstance(answer, tuple)
        return Reading(answer, 100.0, SourceReport("s", "k", SourceState.OK))

    feed = Feed(
        "s",
        poll,
        interval_s=2.0,
        deadline_s=1.0,
        on_change=lambda: told.append(feed.state.reading and feed.state.reading.value),
        is_news=lambda last, reading: last.value != reading.value,
    )
    for _ in range(len(answers)):
        await feed.attempt()
    assert told == [(), (1,), (2,), (2,), (2,)]
