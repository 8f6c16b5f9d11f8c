"""An even sample stays even while it grows, and stands for the right number."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from console.domain.instant import Window
from console.domain.logs import Level, LogRecord
from console.domain.text import SafeText
from console.live.record_store import RecordStore, thinned
from tests.tui.fakes import FakeLogs


def record(at: float) -> LogRecord:
    return LogRecord(at, Level.INFO, "checkout", SafeText("request done"), offset=int(at))


@given(st.integers(0, 500), st.floats(0.01, 1.0))
def test_thinning_keeps_the_share_and_the_order(count: int, share: float) -> None:
    kept = thinned(tuple(record(float(i)) for i in range(count)), share)
    assert abs(len(kept) - count * share) <= 1
    assert list(kept) == sorted(kept, key=lambda r: r.at or 0.0)


async def test_only_what_is_new_is_asked_and_old_records_leave() -> None:
    logs = FakeLogs(written=[record(float(t)) for t in range(100)])
    wanted = Window(0.0, 99.5)
    store = RecordStore(logs, lambda: wanted, 1000)
    first = (await store.poll()).value
    assert (len(first.records), first.matched) == (100, 100)
    logs.written += [record(float(t)) for t in range(100, 120)]
    wanted = Window(20.0, 119.5)
    second = (await store.poll()).value
    assert [r.at for r in second.records] == [float(t) for t in range(20, 120)]
    assert second.matched == 100


async def test_beyond_the_limit_the_sample_is_thinned_and_still_stands_for_all() -> None:
    logs = FakeLogs(written=[record(float(t)) for t in range(100)])
    wanted = Window(0.0, 99.5)
    store = RecordStore(logs, lambda: wanted, 150)
    await store.poll()
    logs.written += [record(float(t)) for t in range(100, 200)]
    wanted = Window(0.0, 199.5)
    sample = (await store.poll()).value
    assert sample.matched == 200
    assert len(sample.records) == 100
    early = sum(1 for r in sample.records if (r.at or 0) < 100)
    assert 45 <= early <= 55
