"""Parts that fall silent while the rest goes on are symptoms with figures; each has a twin that is well."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import replace

import pytest

from console.analysis.diagnose import diagnose
from console.domain.changes import Change
from console.domain.diagnosis import Diagnosis, State
from console.domain.instant import Instant, Window
from console.domain.logs import Level, LogRecord
from console.domain.observations import ErrorSample, Observations
from console.domain.reading import SourceReport, SourceState
from console.domain.series import Series, SeriesKey, SeriesSet
from console.domain.shapes import Shape, ShapeCounts
from console.domain.text import SafeText
from console.domain.topology import Service, Topology

NOW = 1_790_000_000.0
SEEDS = (1, 2, 3)
STOPPED_MIN = 12


def requests(
    operation: str,
    per_min: float,
    rng: random.Random,
    *,
    minutes: int = 360,
    gone: Callable[[int], bool] = lambda ago: False,
    filled: bool = False,
    service: str = "shop",
) -> Series:
    """Requests by the minute, by chance; where they are `gone` there is no point, or a nought."""
    points = []
    for ago in range(minutes, 0, -1):
        count = (
            0
            if gone(ago)
            else sum(rng.random() < per_min / 60 for _ in range(60))
            if per_min < 30
            else round(rng.gauss(per_min, per_min**0.5))
        )
        if count or filled:
            points.append((NOW - (ago - 1) * 60.0, float(count)))
    return Series.of(
        SeriesKey(service, operation, "request_count"), points, "metrics", f"grep -F ,{service},{operation}, m.csv"
    )


def seen(series: Iterable[Series], **more: object) -> Observations:
    reports = tuple(
        SourceReport(n, "csv", SourceState.OK, role=n, file=f"{n}.csv") for n in ("metrics", "changes", "logs")
    )
    base = Observations(
        NOW,
        Window(NOW - 1800, NOW),
        Window(NOW - 6 * 3600, NOW),
        Topology((Service("shop"),)),
        SeriesSet.of(list(series)),
        sources=reports,
    )
    return replace(base, **more)  # type: ignore[arg-type]  # names of fields


def silences(found: Diagnosis) -> list[tuple[str, str | None]]:
    return [(s.service, s.operation) for s in found.symptoms if s.signal == "silence"]


def stopped(ago: int) -> bool:
    return ago <= STOPPED_MIN


@pytest.mark.parametrize("filled", [False, True], ids=["no points", "noughts"])
@pytest.mark.parametrize("seed", SEEDS)
def test_an_endpoint_that_gets_no_requests_while_its_service_goes_on(seed: int, filled: bool) -> None:
    rng = random.Random(seed)
    rest = [requests("GET /list", 200, rng), requests("POST /pay", 60, rng)]
    found = diagnose(seen([*rest, requests("GET /item", 4, rng, gone=stopped, filled=filled)]))
    assert found.state is State.INCIDENT, found.summary
    assert [(s.service, s.operation) for s in found.symptoms] == [("shop", "GET /item")]
    assert found.onset is not None and abs(found.onset - (NOW - STOPPED_MIN * 60)) <= 120
    if silences(found):
        assert "were to be expected" in found.summary and " a minute before, its longest pause " in found.summary
        assert found.symptoms[0].samples and found.symptoms[0].samples > 1000
    calm = diagnose(seen([*rest, requests("GET /item", 4, rng, filled=filled)]))
    assert calm.state is State.HEALTHY and not calm.symptoms


@pytest.mark.parametrize("seed", range(12))
def test_an_endpoint_with_few_requests_needs_more_minutes(seed: int) -> None:
    rng = random.Random(seed)
    rare = requests("GET /report", 0.35, rng, minutes=720, gone=stopped)
    found = diagnose(seen([requests("GET /list", 200, rng, minutes=720), rare]))
    assert found.state is State.HEALTHY and not silences(found), found.summary
    assert "more minutes to tell" in found.summary or seed not in (0, 3)


@pytest.mark.parametrize("seed", range(20))
def test_endpoints_with_few_requests_are_left_alone(seed: int) -> None:
    rng = random.Random(seed)
    rare = [requests(f"GET /{n}", rng.choice([0.02, 0.1, 0.5, 2.0]), rng, minutes=720) for n in range(40)]
    found = diagnose(seen([requests("GET /list", 200, rng, minutes=720), *rare]))
    assert found.state is State.HEALTHY and not silences(found), found.summary


@pytest.mark.parametrize("seed", SEEDS)
def test_an_endpoint_that_got_another_name_is_not_silent(seed: int) -> None:
    rng = random.Random(seed)
    old = requests("GET /item/{id}", 6, rng, gone=stopped)
    new = requests("GET /v2/item/{id}", 6, rng, gone=lambda ago: not stopped(ago))
    found = diagnose(seen([requests("GET /list", 200, rng), old, new]))
    assert found.state is State.HEALTHY and not silences(found), found.summary


@pytest.mark.parametrize("seed", SEEDS)
def test_an_endpoint_that_is_quiet_every_night_is_not_silent(seed: int) -> None:
    rng = random.Random(seed)
    nights = lambda ago: (ago - 1) % 1440 < 40  # noqa: E731
    series = [
        requests("GET /list", 200, rng, minutes=5 * 1440),
        requests("GET /desk", 5, rng, minutes=5 * 1440, gone=nights),
    ]
    found = diagnose(seen(series))
    assert not silences(found), found.summary


# Jobs


def lines(starts: Iterable[Instant], text: str = "export of <*> rows finished", service: str = "billing") -> Shape:
    zero, buckets = NOW - 86400.0, {}
    for start in starts:
        buckets[int((start - zero) // 30)] = 1
    return Shape(service, Level.INFO, SafeText(text), buckets, min(starts), max(starts), SafeText(text))


def counted(*shapes: Shape) -> ShapeCounts:
    busy = Shape(
        "billing",
        Level.INFO,
        SafeText("request <*> served"),
        dict.fromkeys(range(2880), 9),
        NOW - 86400,
        NOW,
        SafeText("x"),
    )
    return ShapeCounts(Window(NOW - 86400, NOW), 30.0, (busy, *shapes), source="logs")


def ticks(every_s: float, rng: random.Random, late_s: float, jitter: float = 0.03, hours: float = 23) -> list[Instant]:
    """Runs of a job, the next of which was due so many seconds ago."""
    first = NOW - late_s - every_s
    return sorted(
        first - every_s * k + rng.uniform(-jitter, jitter) * every_s for k in range(int(hours * 3600 / every_s))
    )


def base(rng: random.Random) -> list[Series]:
    return [requests("GET /list", 200, rng), requests("GET /bill", 90, rng, service="billing")]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("every_s", [900.0, 3600.0])
def test_a_job_that_misses_its_run(seed: int, every_s: float) -> None:
    rng = random.Random(seed)
    said = diagnose(seen(base(rng), shapes=(counted(lines(ticks(every_s, rng, 0.4 * every_s))),)))
    assert said.state is State.INCIDENT, said.summary
    assert silences(said) == [("billing", None)]
    assert f"of billing runs every {'15m' if every_s == 900 else '60m'} (" in said.summary
    assert said.onset is not None and abs(said.onset - (NOW - 0.4 * every_s)) <= 0.1 * every_s


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("late", [-0.6, -0.05, 0.1])
def test_a_job_that_is_on_time_or_a_little_late(seed: int, late: float) -> None:
    rng = random.Random(seed)
    found = diagnose(seen(base(rng), shapes=(counted(lines(ticks(3600.0, rng, late * 3600.0))),)))
    assert found.state is State.HEALTHY, found.summary


@pytest.mark.parametrize("seed", SEEDS)
def test_what_comes_by_chance_has_no_period_to_miss(seed: int) -> None:
    rng = random.Random(seed)
    shapes = [
        lines(sorted(NOW - rng.uniform(2400, 86000) for _ in range(rng.randint(8, 60))), f"case {n}")
        for n in range(300)
    ]
    assert diagnose(seen(base(rng), shapes=(counted(*shapes),))).state is State.HEALTHY


@pytest.mark.parametrize("seed", SEEDS)
def test_a_job_with_new_words_after_a_release_and_one_that_was_retired(seed: int) -> None:
    rng = random.Random(seed)
    runs = ticks(900.0, rng, 4 * 900.0)
    new = [runs[-1] + 900.0 * k for k in range(1, 4)]
    found = diagnose(seen(base(rng), shapes=(counted(lines(runs), lines(new, "exported <*> rows in <*>")),)))
    assert found.state is State.HEALTHY, found.summary
    gone = ticks(900.0, rng, 6 * 3600.0, hours=10)
    assert diagnose(seen(base(rng), shapes=(counted(lines(gone)),))).state is State.HEALTHY


def test_a_cron_job_among_the_changes() -> None:
    rng = random.Random(1)

    def crons(late_s: float) -> tuple[Change, ...]:
        starts = ticks(3600.0, rng, late_s, 0.005)
        return tuple(Change(f"nightly/{k}", "cron", at, "billing", source="changes") for k, at in enumerate(starts))

    missed = diagnose(seen(base(rng), changes=crons(1500.0)))
    assert missed.state is State.INCIDENT and silences(missed) == [("billing", None)], missed.summary
    assert diagnose(seen(base(rng), changes=crons(-600.0))).state is State.HEALTHY


# Hosts


def written(host: str, agos: Iterable[float]) -> list[LogRecord]:
    fields = (("host", SafeText(host)),)
    return [LogRecord(NOW - ago, Level.INFO, "shop", SafeText("served"), fields=fields, source="logs") for ago in agos]


def logged(*several: list[LogRecord]) -> dict[str, object]:
    records = tuple(sorted((r for some in several for r in some), key=lambda r: r.at or 0.0))
    return {"records": ErrorSample(Window(NOW - 7200, NOW), records, len(records))}


def poisson(rng: random.Random, per_min: float, until: float = 0.0, begin: float = 7200.0) -> list[float]:
    found, ago = [], until
    while (ago := ago + rng.expovariate(per_min / 60)) < begin:
        found.append(ago)
    return found


@pytest.mark.parametrize("seed", SEEDS)
def test_a_host_that_stops_while_the_others_go_on(seed: int) -> None:
    rng = random.Random(seed)
    others = [written(f"web-{n}", poisson(rng, 6)) for n in range(3)]
    found = diagnose(seen(base(rng), **logged(*others, written("web-9", poisson(rng, 6, until=600)))))
    assert found.state is State.DEGRADING, found.summary
    assert "web-9 of shop has written nothing since" in found.summary and "3 more of its hosts go on" in found.summary
    assert (found.suspects[0].kind, found.suspects[0].subject) == ("infrastructure", "host web-9 of shop")
    assert diagnose(seen(base(rng), **logged(*others))).state is State.HEALTHY


@pytest.mark.parametrize("seed", SEEDS)
def test_a_host_that_was_replaced_taken_away_or_writes_little(seed: int) -> None:
    rng = random.Random(seed)
    others = [written(f"web-{n}", poisson(rng, 6)) for n in range(3)]
    gone = written("web-9", poisson(rng, 6, until=600))
    new = written("web-10", poisson(rng, 6, begin=560))
    assert diagnose(seen(base(rng), **logged(*others, gone, new))).state is State.HEALTHY
    scaled = (Change("scale/1", "scale", NOW - 640, "shop", source="changes"),)
    assert diagnose(seen(base(rng), changes=scaled, **logged(*others, gone))).state is State.HEALTHY
    quiet = written("web-9", poisson(rng, 0.4, until=600))
    assert diagnose(seen(base(rng), **logged(*others, quiet))).state is State.HEALTHY
