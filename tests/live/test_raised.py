"""Exceptions of a source while the window moves: each is counted once, and told from those of the time before."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from console.analysis.exceptions import ExceptionTable
from console.analysis.patterns import counted
from console.domain.instant import Window
from console.domain.logs import Level, LogRecord
from console.domain.reading import Cost, Reading, SourceReport, SourceState
from console.domain.shapes import ExceptionCounts, ExceptionGroup, ShapeCounts
from console.domain.text import SafeText
from console.guard.sanitise import safe
from console.live import raised
from console.live.shape_store import ShapeStore
from console.query.ast import Query

STEP = 10.0


def thrown(at: float, where: str, service: str = "checkout", said: str = "too slow") -> LogRecord:
    frames = (f'  File "/app/{where}.py", line 7, in charge', "    pay()", f"PaymentTimeout: {said}")
    message = SafeText("Traceback (most recent call last):")
    return LogRecord(at, Level.ERROR, service, message, extra=tuple(map(safe, frames)))


@dataclass
class Throwing:
    """Groups what the test has written."""

    written: list[LogRecord] = field(default_factory=list)
    name: str = "app"

    def report(self) -> SourceReport:
        return SourceReport(self.name, "fake", SourceState.OK, cost=Cost(1, 100), role="logs")

    async def shapes(self, window: Window, step_s: float, query: Query | None) -> Reading[ShapeCounts]:
        return Reading(counted(self.written, window, step_s, sampled=False), window.end, self.report())

    async def exceptions(self, window: Window, query: Query | None, step_s: float) -> Reading[ExceptionCounts]:
        table = ExceptionTable(window.start, step_s)
        for record in self.written:
            if record.at is not None and window.start <= record.at < window.end:
                table.add(record)
        return Reading(ExceptionCounts(window, table.groups()), window.end, self.report())


def counts(groups: tuple[ExceptionGroup, ...]) -> Counter[str]:
    return Counter({group.frames[0]: group.count for group in groups})


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.integers(1, 150), min_size=1, max_size=10),
    st.lists(st.tuples(st.floats(0, 2000), st.sampled_from("ab")), max_size=40),
)
async def test_every_exception_is_counted_once_while_the_window_moves(
    steps: list[int], events: list[tuple[float, str]]
) -> None:
    source, now = Throwing(), 1000.0
    store = ShapeStore(source, lambda: Window(now - 700.0, now), lambda: STEP)
    waiting = sorted(events)
    for step in steps:
        now += step
        source.written += [thrown(at, where) for at, where in waiting if at < now]
        waiting = [(at, where) for at, where in waiting if at >= now]
        await store.poll()
        begin = now - 100.0
        inside, before = store.exceptions(begin), store.exceptions(0.0, begin)
        edge = begin // STEP * STEP
        expected = Counter(f"{r.extra[0].split('/app/')[1][0]}.charge" for r in source.written if (r.at or 0) >= edge)
        assert counts(inside) == expected
        first = (now - 700.0) // STEP * STEP
        assert sum(counts(before).values()) == sum(1 for r in source.written if first <= (r.at or 0) < edge)
        assert all(group.first_seen >= edge for group in inside)


async def test_what_the_time_before_did_not_have_comes_first_and_without_its_secrets() -> None:
    source = Throwing()
    source.written = [thrown(at, "old") for at in (20.0, 30.0, 920.0, 930.0, 940.0)]
    source.written += [thrown(950.0, "new", said="password=hunter2secret"), thrown(960.0, "new", "cart")]
    store = ShapeStore(source, lambda: Window(0.0, 1000.0), lambda: STEP)
    await store.poll()
    now, before = store.exceptions(900.0), store.exceptions(0.0, 900.0)
    new, old = raised.told([now], [before])
    assert (new.frames, new.count, new.baseline_count, new.services) == (("new.charge",), 2, 0, ("cart", "checkout"))
    assert (old.frames, old.count, old.baseline_count) == (("old.charge",), 3, 2)
    assert (new.first_seen, new.last_seen) == (950.0, 960.0)
    assert "hunter2secret" not in str(new) and new.example[0].startswith("Traceback")


def test_an_example_is_cut_and_says_so() -> None:
    table = ExceptionTable()
    record = thrown(1.0, "deep")
    table.add(LogRecord(1.0, Level.ERROR, "", record.message, extra=record.extra + (SafeText("and more"),) * 300))
    (group,) = raised.told([table.groups()], None)
    assert group.baseline_count is None, "nothing is known of the time before"
    assert len(group.example) == raised.MOST_EXAMPLE + 1
    assert group.example[-1] == "+104 further lines: the records hold them"
