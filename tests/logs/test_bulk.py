"""Work on whole blocks gives what work on single lines gives."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sources.logs import bulk
from sources.logs.times import Clock, Stamps

RELAXED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


@pytest.fixture(autouse=True)
def loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "_FEWEST", 1)
    bulk.load(bulk.BULK)


@RELAXED
@given(st.text("}{\n ", max_size=40).map(lambda text: ("{" + text + "}").encode()))
def test_line_breaks(text: bytes) -> None:
    breaks = text.count(b"\n")
    assert bulk.line_breaks(text) == breaks
    assert bulk.lines_of_objects(text) == (breaks + 1, text.count(b"}\n{") == breaks)


@st.composite
def columns(draw: st.DrawFn) -> list[str]:
    form = draw(st.sampled_from(["{}T{}.{}Z", "{} {},{}", "{}T{}.{}+02:00", "{}T{}Z", "{} {}"]))
    places = draw(st.integers(1, 9))
    odd = st.sampled_from(
        ["", "2026-11-23", "x" * 24, "2026-11-23T14:03:61.000Z", "2026-13-23T14:03:00.000Z", "1764000000"]
    )
    stamps = []
    for _ in range(draw(st.integers(1, 30))):
        second = draw(st.integers(0, 200))
        clock = f"{draw(st.sampled_from(['00', '02', '23']))}:{second // 60:02d}:{second % 60:02d}"
        day = draw(st.sampled_from(["2026-11-23", "2026-11-23", "2026-03-29", "2026-10-25"]))
        stamps.append(form.format(day, clock, draw(st.integers(0, 10**places - 1).map(lambda n: f"{n:0{places}d}"))))
    if draw(st.booleans()):
        stamps[draw(st.integers(0, len(stamps) - 1))] = draw(odd)
    return stamps


@RELAXED
@given(columns(), st.sampled_from(["UTC", "Europe/Berlin"]), st.booleans())
def test_stamps(stamps: list[str], zone: str, as_bytes: bool) -> None:
    clock = Clock(zone)
    expected = [clock.text(stamp) for stamp in stamps]
    if as_bytes:
        many: Stamps[bytes] = Stamps(clock, lambda raw: clock.text(raw.decode()))
        assert many.column([stamp.encode() for stamp in stamps]) == expected
    else:
        texts: Stamps[str] = Stamps(clock, clock.text)
        assert texts.column(stamps) == expected


def test_many_stamps_in_order_are_read_at_once() -> None:
    stamps = [f"2026-11-23T14:{n // 60:02d}:{n % 60:02d}.{n:06d}Z" for n in range(600)]
    clock = Clock()
    found = bulk.instants(stamps, b"Z", lambda minute: clock.text(minute + "00Z") or 0.0)
    assert found == [clock.text(stamp) for stamp in stamps]
    assert bulk.instants([*stamps[:5], stamps[5][:-2] + "Z", *stamps[6:]], b"Z", lambda _: 0.0) is None
