"""History is read once; afterwards only the growing end, and the result equals one read of everything."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.domain.instant import Window
from console.domain.reading import Reading, SourceReport, SourceState
from console.domain.series import Series, SeriesKey
from console.live.series_store import OVERLAP_STEPS, SeriesStore, merged

KEY = SeriesKey("checkout", "", "request_count")


def series(points: dict[float, float]) -> Series:
    return Series.of(KEY, list(points.items()))


class Growing:
    """A source whose truth is a dictionary; remembers what it was asked."""

    def __init__(self, truth: dict[float, float]) -> None:
        self.truth = truth
        self.asked: list[Window] = []

    async def series(self, window: Window, step_s: float) -> Reading[tuple[Series, ...]]:
        self.asked.append(window)
        found = {t: v for t, v in self.truth.items() if window.start < t <= window.end}
        return Reading((series(found),), window.end, SourceReport("s", "files", SourceState.OK))


async def test_only_the_new_end_is_asked_again_and_late_points_still_count() -> None:
    source = Growing({float(t): 1.0 for t in range(0, 1001, 10)})
    wanted = Window(0.0, 1000.0)
    store = SeriesStore(source, lambda: wanted, lambda: 10.0)
    await store.poll()
    wanted = Window(20.0, 1020.0)
    source.truth |= {980.0: 5.0, 1010.0: 2.0, 1020.0: 3.0}
    (answer,) = (await store.poll()).value
    assert source.asked[1] == Window(1000.0 - OVERLAP_STEPS * 10.0, 1020.0)
    assert {t: v for t, v in answer if t > 0} == {t: v for t, v in source.truth.items() if t > 0}


async def test_an_earlier_start_reads_the_whole_stretch_and_a_new_step_starts_over() -> None:
    source = Growing({float(t): 1.0 for t in range(0, 1001, 10)})
    window, step = Window(500.0, 1000.0), 10.0
    store = SeriesStore(source, lambda: window, lambda: step)
    await store.poll()
    window = Window(0.0, 1000.0)
    (answer,) = (await store.poll()).value
    assert min(answer.times) == 10.0
    step = 60.0
    await store.poll()
    assert source.asked[-1] == window


class Counting(Growing):
    """Counts per interval, given where the whole interval lies in the window, as those of log lines."""

    async def series(self, window: Window, step_s: float) -> Reading[tuple[Series, ...]]:
        return await super().series(Window(window.start + step_s - 1e-6, window.end), step_s)


@pytest.mark.parametrize("every_s", [2.0, 3.1, 15.0, 40.0])
@pytest.mark.parametrize("offset_s", [0.0, 3.0, 14.0])
async def test_intervals_that_a_moving_window_cuts_are_not_lost(every_s: float, offset_s: float) -> None:
    truth = {float(t): float(t) for t in range(15, 1001, 15)}
    source, now = Counting(truth), 300.0 + offset_s
    store = SeriesStore(source, lambda: Window(now - 300.0, now), lambda: 15.0)
    while now < 700.0:
        (answer,) = (await store.poll()).value
        now += every_s
    last = now - every_s
    assert dict(answer) == {t: v for t, v in truth.items() if 15.0 + offset_s - 1e-6 < t <= last}


@given(
    st.dictionaries(st.integers(1, 60), st.floats(0, 9), max_size=30),
    st.dictionaries(st.integers(1, 60), st.floats(0, 9), max_size=30),
    st.integers(0, 60),
    st.integers(0, 60),
)
def test_the_asked_stretch_is_replaced_and_the_rest_stays(
    old: dict[int, float], new: dict[int, float], a: int, b: int
) -> None:
    asked = Window(float(min(a, b)), float(max(a, b)))
    inside = {float(t): v for t, v in new.items() if asked.start < t <= asked.end}
    before = {float(t): v for t, v in old.items()}
    result = dict(merged(series(before), series(inside), asked, 1.0))
    expected = {t: v for t, v in before.items() if not asked.start < t <= asked.end} | inside
    assert result == expected
    assert list(result) == sorted(result)
