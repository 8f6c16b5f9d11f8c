"""What the feeds know together: deploys whose changed lines could not be read are told, and asked for again."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from console.analysis.view import known_at
from console.config.models import Config
from console.domain.changes import Change, ChangeDiff, DeployDetail, Running
from console.domain.diagnosis import Diagnosis, State
from console.domain.instant import Window
from console.domain.observations import Observations
from console.domain.reading import Reading, SourceReport, SourceState
from console.domain.series import Series, SeriesKey
from console.domain.text import SafeText
from console.domain.topology import Health, ProbeResult, Service, Topology
from console.live.collector import LONGEST_QUIET_S, QUIET_S, QUIET_SHARE, Collector
from console.live.earlier_days import SERVES_S
from console.live.evidence import DIFF_AGAIN_S, Evidence
from console.live.scope import TimeScope
from console.live.timeview import TimeView
from console.observe import Sources, gather
from console.state import ConsoleState, Word
from sources.base import SourceTimeout
from tests.live.ahead import run_ahead

NOW = 1_790_000_000.0


@dataclass
class Repository:
    """Two deploys; the lines of `unreadable` cannot be read."""

    unreadable: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    name: str = "git:repo"
    kind: str = "git"

    async def changes(self, window: Window) -> Reading[tuple[Change, ...]]:
        found = tuple(Change(f"v{n}", "deploy", NOW - 600 * n, "shop", f"v{n}", "ab" * 20) for n in (1, 2))
        report = SourceReport(self.name, self.kind, SourceState.OK, SafeText("a note"), role="deploys")
        return Reading(found, NOW, report)

    async def detail(self, change_id: str, service: str | None = None) -> DeployDetail | None:
        return None

    async def diff(self, change_id: str, service: str | None = None, commit: str | None = None) -> ChangeDiff | None:
        self.asked.append(change_id)
        if change_id in self.unreadable:
            raise SourceTimeout("git gave no answer \x1b[31mwithin 20 s")
        return ChangeDiff(change_id)

    async def close(self) -> None:
        return None


class Clock:
    """Set by the test."""

    now = NOW

    def __call__(self) -> float:
        return self.now


async def judge(seen: Observations) -> Diagnosis:
    return Diagnosis(seen.at, State.HEALTHY, SafeText("fine"), None, seen.window, sources=seen.sources)


def sources(*repositories: Repository) -> Sources:
    return Sources(Topology((Service("shop"),)), changes=repositories)


SAID = "the changed lines of v1 could not be read: git gave no answer ^[[31mwithin 20 s"


async def test_lines_of_a_deploy_that_cannot_be_read_are_told_by_pane_and_source_until_they_can() -> None:
    repository, clock = Repository({"v1"}), Clock()
    collector = Collector(Config(), sources(repository), judge, clock)
    for feed in collector._evidence.feeds():
        await feed.attempt()
    await collector.diagnose_once()
    state = collector.state()
    assert (state.changes.status.word, state.changes.status.detail) == (Word.PARTIAL, f"a note; {SAID}")
    assert state.diagnosis is not None
    (row,) = state.diagnosis.sources
    assert (row.state, row.detail) == (SourceState.PARTIAL, f"a note; {SAID}")
    assert [diff.change_id for diff in collector._evidence.observations().diffs] == ["v2"]

    repository.unreadable.clear()
    asked = len(repository.asked)
    clock.now += DIFF_AGAIN_S - 1
    await collector.diagnose_once()
    assert len(repository.asked) == asked, "a repository in trouble is not asked at every diagnosis"
    clock.now += 1
    await collector.diagnose_once()
    assert repository.asked[asked:] == ["v1"]
    for feed in collector._evidence.feeds():
        await feed.attempt()
    status = collector.state().changes.status
    assert status.word is not Word.PARTIAL and "could not be read" not in status.detail
    assert {diff.change_id for diff in collector._evidence.observations().diffs} == {"v1", "v2"}


@pytest.mark.parametrize(
    ("unreadable", "said"),
    [
        (set(), "a note"),
        ({"v1"}, f"a note; {SAID}"),
        ({"v1", "v2"}, f"a note; {SAID.replace('v1', 'v1 and of 1 more')}"),
    ],
)
async def test_without_a_screen_the_source_says_the_same(unreadable: set[str], said: str) -> None:
    seen = await gather(sources(Repository(unreadable)), Window(NOW - 1800, NOW), NOW, 15.0, live=True)
    (row,) = seen.sources
    assert row.detail == said
    assert row.state is (SourceState.PARTIAL if unreadable else SourceState.OK)


async def test_lines_that_another_repository_has_are_not_missing() -> None:
    seen = await gather(
        sources(Repository({"v1"}, name="git:a"), Repository(name="git:b")),
        Window(NOW - 1800, NOW),
        NOW,
        15.0,
        live=True,
    )
    assert [row.state for row in seen.sources] == [SourceState.OK, SourceState.OK]


@dataclass
class Teller:
    """Answers within the second in which it is asked."""

    name: str = "shop"
    kind: str = "fake"

    async def probe(self, now: float) -> ProbeResult:
        return ProbeResult(self.name, SafeText("tcp://127.0.0.1:1"), Health.HEALTHY, 0.001, SafeText("connected"), now)

    async def running(self, now: float) -> tuple[Running, ...]:
        return (Running("shop", "v1", None, "/version", None, now),)

    async def close(self) -> None:
        return None


async def test_the_first_verdict_knows_what_was_answered_in_the_second_it_was_made_in() -> None:
    clock = Clock()
    clock.now = NOW + 0.7
    opened = Sources(Topology((Service("shop"),)), health=(Teller(),), versions=(Teller(),))
    evidence = Evidence(opened, TimeScope(TimeView(1800.0), clock), lambda: None)
    for feed in evidence.feeds():
        await feed.attempt()
    seen = known_at(evidence.observations())
    assert [probe.at for probe in seen.probes] == [NOW + 0.7]
    assert [one.version for one in seen.running] == ["v1"]
    assert seen.window.end == NOW, "graphs and questions still end at a full second"


async def test_a_verdict_that_cannot_be_made_again_grows_old_and_says_why() -> None:
    clock, broken = Clock(), [True]

    async def shaky(seen: Observations) -> Diagnosis:
        if broken[0]:
            raise ZeroDivisionError("no\x1b[2Jbody")
        return await judge(seen)

    collector = Collector(Config(), sources(Repository()), shaky, clock)
    for feed in collector._evidence.feeds():
        await feed.attempt()
    why = "diagnosis failed: ZeroDivisionError: no^[[2Jbody"
    await collector.diagnose_once()
    state = collector.state()
    assert (state.header.status.word, state.header.headline, state.header.verdict) == (Word.STALE, "no verdict", why)
    assert (state.suspects.status.word, state.suspects.empty_reason) == (Word.STALE, why)
    broken[0] = False
    await collector.diagnose_once()
    state = collector.state()
    assert state.header.status.word is Word.LIVE and state.suspects.status.word is Word.LIVE
    broken[0] = True
    clock.now += 12
    for feed in collector._evidence.feeds():
        await feed.attempt()
    await collector.diagnose_once()
    state = collector.state()
    assert (state.header.headline, state.header.verdict) == ("fine", why), "the last good verdict stays"
    assert {(s.word, s.age_s) for s in (state.header.status, state.suspects.status)} == {(Word.STALE, 12.0)}
    assert state.changes.status.word is Word.LIVE, "what is observed is as fresh as ever"


def test_where_nothing_new_comes_time_alone_is_judged_in_proportion_to_the_quiet(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def at_once(work: Callable[..., object], *arguments: object) -> object:
        return work(*arguments)

    monkeypatch.setattr("asyncio.to_thread", at_once)  # the clock runs ahead while a thread works
    judged: list[float] = []

    async def watched() -> None:
        loop = asyncio.get_running_loop()

        async def noted(seen: Observations) -> Diagnosis:
            judged.append(loop.time())
            return await judge(seen)

        async def show(state: ConsoleState) -> None:
            return None

        running = asyncio.create_task(Collector(Config(), sources(Repository()), noted).run(show))
        await asyncio.sleep(1000.0)
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running

    run_ahead(watched())
    quiet = [at - judged[0] for at in judged[1:]]
    step = 15.0  # of the axis, at which it is looked whether a verdict is due
    assert QUIET_S <= quiet[0] <= QUIET_S + step
    for before, after in itertools.pairwise(quiet):
        wanted = min(max(QUIET_S, QUIET_SHARE * before), LONGEST_QUIET_S)
        assert wanted <= after - before <= wanted + step, quiet
    assert after - before >= LONGEST_QUIET_S, "and no longer than that"


@dataclass
class Weeks:
    """Metrics with two weeks behind them, which it takes long to read."""

    name: str = "prod"
    kind: str = "prometheus"
    fails: bool = False
    asked: list[Window] = field(default_factory=list)
    unread: asyncio.Event = field(default_factory=asyncio.Event)

    async def series(self, window: Window, step_s: float) -> Reading[tuple[Series, ...]]:
        return self._told(window.end)

    async def earlier(self, window: Window, step_s: float) -> Reading[tuple[Series, ...]]:
        self.asked.append(window)
        await self.unread.wait()
        if self.fails:
            raise SourceTimeout("no answer within 10 s")
        return self._told(window.start)

    def _told(self, at: float) -> Reading[tuple[Series, ...]]:
        series = Series.of(SeriesKey("shop", "", "request_count"), [(at, 7.0)], self.name)
        return Reading((series,), NOW, SourceReport(self.name, self.kind, SourceState.OK, role="metrics"))

    async def close(self) -> None:
        return None


async def test_no_verdict_waits_for_earlier_days_and_they_are_asked_for_once() -> None:
    weeks, clock = Weeks(), Clock()
    evidence = Evidence(
        Sources(Topology((Service("shop"),)), metrics=(weeks,)), TimeScope(TimeView(1800.0), clock), print
    )
    feeds = {feed: asyncio.ensure_future(feed.attempt()) for feed in evidence.every_feed()}
    await asyncio.gather(*(feeds[feed] for feed in evidence.feeds()))
    assert evidence.complete() and not len(evidence.observations().earlier)
    assert not evidence.states(NOW)[1:], "the header does not wait for them either"
    weeks.unread.set()
    await asyncio.gather(*feeds.values())
    (known,) = evidence.observations().earlier
    assert known.times[0] == weeks.asked[0].start < NOW - 14 * 86400.0
    clock.now += SERVES_S
    for feed in evidence.every_feed():
        await feed.attempt()
    assert len(weeks.asked) == 1
    clock.now += 1.0
    for feed in evidence.every_feed():
        await feed.attempt()
    assert [window.end for window in weeks.asked] == [NOW, NOW + SERVES_S + 1.0]


@pytest.mark.parametrize("live", [True, False], ids=["console", "command"])
async def test_earlier_days_that_cannot_be_read_are_told_and_leave_the_source_well(live: bool) -> None:
    weeks, clock = Weeks(fails=True), Clock()
    weeks.unread.set()
    made = Sources(Topology((Service("shop"),)), metrics=(weeks,))
    if live:
        evidence = Evidence(made, TimeScope(TimeView(1800.0), clock), print)
        for feed in evidence.every_feed():
            await feed.attempt()
        seen = evidence.observations()
    else:
        seen = await gather(made, Window(NOW - 1800, NOW), NOW, 15.0, live=True)
    (row,) = seen.sources
    assert (row.state, row.detail) == (SourceState.OK, "earlier days could not be asked for: no answer within 10 s")
