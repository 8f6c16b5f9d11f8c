"""Large logs are read from the newest stretch back; what is known in the end equals one read of everything."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from console.domain.instant import Window
from console.domain.reading import Reading, SourceReport, SourceState
from console.domain.series import Series, SeriesKey
from console.live.series_store import SeriesStore
from console.live.source_reach import FIRST_BYTES, SourceReach

KEY = SeriesKey("checkout", "", "request_count")
STEP_S = 10.0


class Large:
    """A source with this many bytes per second, whose truth is one point per step, known to the last step that ended."""

    def __init__(self, bytes_per_s: float, truth: dict[float, float]) -> None:
        self.bytes_per_s = bytes_per_s
        self.truth = truth
        self.asked: list[Window] = []

    async def volume(self, window: Window) -> int | None:
        return int(window.seconds * self.bytes_per_s)

    async def series(self, window: Window, step_s: float) -> Reading[tuple[Series, ...]]:
        self.asked.append(window)
        found = [(t, v) for t, v in self.truth.items() if window.start < t <= window.end]
        return Reading((Series.of(KEY, found),), window.end, SourceReport("s", "files", SourceState.OK))


async def test_the_first_question_is_small_and_each_further_one_reads_only_what_lies_before() -> None:
    source = Large(FIRST_BYTES / 1000.0, {float(t): 1.0 for t in range(10, 10_001, 10)})
    reach = SourceReach(source, lambda: Window(0.0, 10_000.0))
    store = SeriesStore(source, reach.known, lambda: STEP_S)
    await reach.look()
    await store.poll()
    assert source.asked == [Window(9000.0, 10_000.0)]
    assert reach.missing() == "the newest 10% of the time are read so far"
    while reach.grow():
        (known,) = (await store.poll()).value
    assert reach.missing() == ""
    assert {t: v for t, v in known if t > 0} == source.truth
    assert sum(window.seconds for window in source.asked) < 13_000  # each part once, and the seams and the end


async def test_more_than_the_most_is_never_read_and_that_is_said() -> None:
    source = Large(FIRST_BYTES / 100.0, {})
    reach = SourceReach(source, lambda: Window(0.0, 10_000.0), 5 * FIRST_BYTES)
    await reach.look()
    while reach.grow():
        pass
    assert reach.known() == Window(9500.0, 10_000.0)
    assert "too much" in reach.missing()


async def test_a_source_without_a_volume_is_asked_for_everything() -> None:
    reach = SourceReach(object(), lambda: Window(0.0, 10_000.0))
    await reach.look()
    assert reach.known() == Window(0.0, 10_000.0)
    assert not reach.grow() and reach.missing() == ""


async def test_a_resized_window_is_looked_at_anew() -> None:
    window = Window(0.0, 10_000.0)
    source = Large(FIRST_BYTES / 1000.0, {})
    reach = SourceReach(source, lambda: window)
    await reach.look()
    while reach.grow():
        pass
    window = Window(-20_000.0, 10_000.0)
    await reach.look()
    assert reach.known() == Window(9000.0, 10_000.0)


async def test_what_was_read_stays_read_as_the_clock_goes_on() -> None:
    window = Window(0.0, 10_000.0)
    reach = SourceReach(Large(FIRST_BYTES / 1000.0, {}), lambda: window)
    await reach.look()
    while reach.grow():
        pass
    window = Window(15_000.0, 25_000.0)
    await reach.look()
    assert reach.known() == window and reach.missing() == ""


@given(st.floats(300.0, 3000.0), st.integers(0, 9), st.floats(0.0, 9.9))
async def test_any_size_of_stretch_gives_the_same_in_the_end(first_s: float, late_steps: int, odd: float) -> None:
    end = 5000.0 + odd
    source = Large(FIRST_BYTES / first_s, {float(t): float(t % 70) for t in range(10, 6000, 10)})
    reach = SourceReach(source, lambda: Window(end - 4900.0, end))
    store = SeriesStore(source, reach.known, lambda: STEP_S)
    await reach.look()
    await store.poll()
    while reach.grow():
        end += 3.0 * late_steps
        await store.poll()
    (known,) = (await store.poll()).value
    wanted = Window(end - 4900.0 + STEP_S, end)
    assert {t: v for t, v in known if t in wanted} == {t: v for t, v in source.truth.items() if t in wanted}
