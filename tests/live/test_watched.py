"""What the console sees of a route bounds a reproduction of it, and stops one that makes it worse; what it does not see bounds nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from console.config.load import Loaded
from console.config.models import Config
from console.domain.diagnosis import Diagnosis, State
from console.domain.instant import Window
from console.domain.text import SafeText
from console.guard.ledger import Grant
from console.live.reproducing import Reproducing
from console.live.watched import error_rate, route_rate
from console.repro.signature import Outcome
from console.state import Axis, ConsoleState, OperationRow, ServiceRow, SignalsView, Status, Trend, Word
from sources.reproduce import Session
from tests.tui.fakes import NOW, line

WINDOW = Window(NOW - 1000, NOW)
REQUEST = line(
    "request", NOW - 30, status=500, operation="GET /orders/{id}", fields=(("method", "GET"), ("path", "/orders/7"))
)
BARE = replace(ConsoleState(NOW, WINDOW), live=True)


def row(service: str, errors: float | None) -> ServiceRow:
    none, rate = Trend("s"), Trend("ratio", last=errors)
    return ServiceRow(service, None, Trend("1/s"), rate, none, none, none)


def route(operation: str, total: int | None, service: str = "checkout") -> OperationRow:
    return OperationRow(service, operation, None, None, total, None, None, None, None)


def seen(
    errors: float | None = 0.01, total: int | None = 500_000, word: Word = Word.LIVE, operation: str = "GET /orders/{o}"
) -> ConsoleState:
    """A thousand seconds of a route of checkout, among others."""
    rows = (route("GET /orders", 7), route(operation, 7, "gateway"), route(operation, total))
    services = (row("gateway", 0.9), row("checkout", errors))
    return replace(BARE, signals=SignalsView(Axis(WINDOW, 15.0), services, rows, Status(word)))


def test_a_route_and_its_service_are_told_by_their_names() -> None:
    state = seen()
    assert route_rate(state, "checkout", "GET /orders/{id}") == pytest.approx(500.0)
    assert error_rate(state, "checkout") == 0.01
    assert route_rate(state, "checkout", "GET /carts") is None and route_rate(state, "", "GET /orders") is None
    assert error_rate(state, "mail") is None and route_rate(state, "checkout", "") is None


def test_failures_and_requests_are_counted_since_the_onset() -> None:
    diagnosis = Diagnosis(NOW, State.INCIDENT, SafeText("bad"), NOW - 100, WINDOW)
    assert route_rate(replace(seen(), diagnosis=diagnosis), "checkout", "GET /orders/{id}") == pytest.approx(5000.0)


@pytest.mark.parametrize(
    "state",
    [BARE, replace(seen(), live=False), seen(word=Word.STALE), seen(word=Word.DOWN), seen(None, None)],
    ids=["no signals", "the past", "stale", "down", "no numbers"],
)
def test_what_is_not_told_now_is_unknown(state: ConsoleState) -> None:
    assert route_rate(state, "checkout", "GET /orders/{id}") is None and error_rate(state, "checkout") is None


def way(folder: Path, watched: Callable[[], ConsoleState | None]) -> Reproducing:
    """To production, and to a place of our own."""
    config = Config.model_validate(
        {
            "console": {"state_dir": str(folder)},
            "environment": [
                {"name": "production", "tier": "production", "origin": "https://shop.example"},
                {"name": "local", "tier": "local", "origin": "http://127.0.0.1:9"},
            ],
        }
    )
    return Reproducing(Loaded(config, Path("incident.toml"), "test"), lambda: NOW, watched)


async def test_a_hundredth_of_the_route_is_the_pace_in_production_alone(tmp_path: Path) -> None:
    states = [seen(total=10_000)]
    there = way(tmp_path, lambda: states[-1])
    planned = await there.of_record(REQUEST, "production")
    assert planned.what.observed_rate == pytest.approx(10.0) and planned.what.limits.per_second == pytest.approx(0.1)
    assert planned.view.pace == "one request every 10 s: 1 % of the 10/s that the route gets"
    states.append(seen())
    planned = await there.at_environment(planned, "production")
    assert planned.what.limits.per_second == 1.0 and not planned.view.pace
    planned = await there.at_environment(planned, "local")
    assert planned.what.observed_rate is None and planned.what.limits.per_second == 20.0
    states.append(seen(total=None))
    planned = await there.at_environment(planned, "production")
    assert planned.what.observed_rate is None and planned.what.limits.per_second == 1.0


@pytest.mark.parametrize(
    ("before", "after", "stopped"),
    [(0.10, 0.13, True), (0.10, 0.11, False), (None, None, False), (0.10, None, False)],
)
async def test_a_target_that_fails_more_during_the_run_is_left_alone(
    before: float | None, after: float | None, stopped: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[bytes] = []

    async def pinned(_: Session) -> tuple[str, ...]:
        return ("93.184.216.34",)

    async def exchanged(_: Session, data: bytes, __: str) -> Outcome:
        sent.append(data)
        return Outcome(500, 0.01)

    monkeypatch.setattr(Session, "_pinned", pinned)
    monkeypatch.setattr(Session, "_exchanged", exchanged)
    monkeypatch.setattr("console.guard.ledger.Ledger.take", lambda *_: Grant(0.0, None, 50))
    there = way(tmp_path, lambda: seen(before if len(sent) < 2 else after))
    planned = await there.of_record(REQUEST, "production")
    result, _ = await there.run(planned, None, lambda _: None)
    assert len(sent) == (2 if stopped else 5)
    assert ("the target's error rate rose from 10.0% to 13.0%" in result.stopped) is stopped
