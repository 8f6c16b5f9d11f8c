"""Builds and starts that only telemetry shows, beside what looks like them and is none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from console.analysis.observed import Observed, observe
from console.domain.changes import Change
from console.domain.logs import Level, LogRecord
from console.domain.series import Series, SeriesKey, SeriesSet
from console.domain.text import SafeText

START = 1_790_000_000.0
END = START + 3600.0
STEP_S = 15.0


def gauge(metric: str, value: Callable[[float], float | None], operation: str = "", service: str = "shop") -> Series:
    """A metric by seconds since the start."""
    points = [(START + t, v) for t in range(0, 3601, int(STEP_S)) if (v := value(float(t))) is not None]
    return Series.of(SeriesKey(service, operation, metric), points, "prod")


def lines(
    version: Callable[[int], str], field: str = "version", count: int = 360, text: str = "request served"
) -> tuple[LogRecord, ...]:
    """A record every ten seconds that names a version."""
    return tuple(
        LogRecord(
            START + 10.0 * k,
            Level.INFO,
            "shop",
            SafeText(text),
            fields=((field, SafeText(version(k))),),
            source="app",
        )
        for k in range(count)
    )


def said(second: float, text: str) -> LogRecord:
    return LogRecord(START + second, Level.INFO, "shop", SafeText(text), source="app")


def seen(*series: Series, told: tuple[Change, ...] = (), records: tuple[LogRecord, ...] = ()) -> Observed:
    return observe(told, (), SeriesSet.of(list(series)), records, END)


def new(found: Observed) -> list[tuple[str, float, str | None, str]]:
    """Kind, seconds since the start, version and how, of what was observed."""
    return [(c.kind, round(c.at - START), c.version, c.observed) for c in found.changes if c.observed]


def deploy(second: float, version: str | None = "v2", **more: Any) -> Change:
    return Change("deploy/shop/2", "deploy", START + second, "shop", version, source="git", **more)


def test_a_build_in_metrics_that_no_tag_tells_is_a_deploy() -> None:
    old = gauge("build_info", lambda t: 2.0 if t < 1815 else None, "v1")
    young = gauge("build_info", lambda t: 2.0 if t >= 1800 else None, "v2")
    found = seen(old, young)
    assert new(found) == [("deploy", 1800, "v2", "build_info in prod")]
    assert [(r.version, r.source, r.agrees) for r in found.running] == [("v2", "build_info in prod", None)]
    assert "v2 runs where v1 ran" in found.changes[0].summary


def test_a_build_that_is_back_is_a_rollback() -> None:
    old = gauge("build_info", lambda t: 1.0 if t < 900 or t >= 2100 else None, "v1")
    young = gauge("build_info", lambda t: 1.0 if 900 <= t < 2100 else None, "v2")
    assert [(kind, at, version) for kind, at, version, _ in new(seen(old, young))] == [
        ("deploy", 900, "v2"),
        ("rollback", 2100, "v1"),
    ]


def test_a_version_as_a_number() -> None:
    assert new(seen(gauge("build_number", lambda t: 41.0 if t < 1200 else 42.0))) == [
        ("deploy", 1200, "42", "build_number in prod")
    ]


@pytest.mark.parametrize("field", ["version", "service.version", "app_version"])
def test_a_version_in_the_records_of_a_log(field: str) -> None:
    found = seen(records=lines(lambda k: "v1.4.0" if k < 200 else "v1.5.0", field))
    assert new(found) == [("deploy", 2000, "v1.5.0", f"field {field} in app")]
    assert [r.version for r in found.running] == ["v1.5.0"]


def test_a_rollout_that_goes_on_for_minutes_is_one_change() -> None:
    found = seen(records=lines(lambda k: "v1" if k < 200 or (k < 260 and k % 3) else "v2"))
    assert [(at, version) for _, at, version, _ in new(found)] == [(2010, "v2")]


@pytest.mark.parametrize(
    "version",
    [
        lambda k: ("1.0", "1.1", "2.0")[k % 3],  # of clients
        lambda k: "2" if k == 200 else "1",  # one record of somebody else
        lambda k: "HTTP/1.1" if k < 200 else "HTTP/2",
        lambda k: f"1.{k}",
        lambda k: "v1",
    ],
    ids=["clients", "one record", "protocol", "each another", "still"],
)
def test_what_is_no_version_of_the_service(version: Callable[[int], str]) -> None:
    assert new(seen(records=lines(version))) == []


def test_a_told_deploy_takes_effect_when_its_build_runs() -> None:
    records = lines(lambda k: "v1" if k < 200 else "v2")
    tag = deploy(600.0)
    found = seen(told=(tag,), records=records)
    assert new(found) == []
    (change,) = found.changes
    assert (change.id, change.at - START) == (tag.id, 1990.0), "before that it did not run"
    assert found.ran[tag.id, "shop"].at - START == 2000.0
    at_once = deploy(1985.0)
    assert seen(told=(at_once,), records=records).changes == (at_once,)
    nameless = deploy(1700.0, None)
    assert new(seen(told=(nameless,), records=records)) == []
    numbered = deploy(1700.0, "2026-11-28.4")
    found = seen(told=(numbered,), records=records)
    assert (new(found), found.running) == ([], ()), "numbered otherwise, at that time: the same release"
    assert len(new(seen(told=(deploy(1700.0, "v7"),), records=records))) == 1, "numbered alike: another one"
    other = deploy(600.0, "v7")
    assert [at for _, at, _, _ in new(seen(told=(other,), records=records))] == [2000]


def test_sparse_records_cannot_tell_that_a_build_ran_later() -> None:
    tag = deploy(1000.0)
    sparse = lines(lambda k: "v1" if k < 100 else "v2")
    kept = tuple(r for r in sparse if not START + 980.0 < (r.at or 0.0) < START + 1400.0)
    assert seen(told=(tag,), records=kept).changes == (tag,)


STARTS = {
    "start time": gauge("process_start_time_seconds", lambda t: START - 9e4 if t < 1800 else START + 1790.0),
    "uptime": gauge("process_uptime_seconds", lambda t: 9e4 + t if t < 1800 else t - 1790.0),
    "counter": gauge("restarts", lambda t: 3.0 if t < 1800 else 4.0),
    "total": gauge("jobs_total", lambda t: 5000.0 + t if t < 1800 else t - 1790.0),
}


@pytest.mark.parametrize("series", STARTS.values(), ids=STARTS)
def test_a_process_that_began_anew(series: Series) -> None:
    ((kind, at, version, how),) = new(seen(series))
    assert (kind, version, how) == ("other", None, f"{series.key.metric} in prod")
    assert 1785 <= at <= 1800
    assert new(seen(series, told=(deploy(1750.0),))) == [], "a release starts processes"
    assert len(new(seen(series, told=(deploy(100.0),)))) == 1


STILL = {
    "start time": gauge("process_start_time_seconds", lambda t: START - 9e4),
    "uptime": gauge("process_uptime_seconds", lambda t: 9e4 + t),
    "counter": gauge("restarts", lambda t: 3.0),
    "total": gauge("jobs_total", lambda t: 5000.0 + t),
    "gauge by the name of a total": gauge("open_total", lambda t: 50.0 + 30.0 * ((t / 15) % 7)),
    "memory": gauge("memory_bytes", lambda t: 5e8 if t < 1800 else 1e8),
}


@pytest.mark.parametrize("series", STILL.values(), ids=STILL)
def test_a_process_that_runs_on(series: Series) -> None:
    assert new(seen(series)) == []


@pytest.mark.parametrize(
    "text",
    [
        "Starting shop version 1.5.0",
        "server started in 3.2 s",
        "Started ShopApplication in 4.1 seconds",
        "Listening on 0.0.0.0:8080",
        "Application startup complete.",
        "Booting worker with pid: 12",
    ],
)
def test_lines_of_a_start(text: str) -> None:
    calm = tuple(said(10.0 * k, "request served") for k in range(360))
    found = seen(records=(*calm, said(1805.0, text), said(1806.0, text)))
    assert new(found) == [("other", 1805, None, "a line of its start in app")]
    assert new(seen(records=tuple(said(10.0 * k, text) for k in range(360)))) == [], "with every request: no start"


def test_lines_that_only_sound_like_a_start() -> None:
    texts = ("started request 7", "starting checkout of cart 9", "job started", "Started GET /orders", "start of batch")
    assert new(seen(records=tuple(said(300.0 * k, text) for k, text in enumerate(texts)))) == []


def test_starts_that_follow_each_other_are_one_change() -> None:
    looping = gauge("restarts", lambda t: float(int(max(0.0, t - 1200.0) // 120.0)))
    found = seen(looping)
    (change,) = (c for c in found.changes if c.observed)
    assert "again and again" in change.summary
    assert found.until[change.id, "shop"] - START > 3400.0


def test_what_was_replaced_a_moment_ago_runs_no_more() -> None:
    """At four records a second a build that nobody names for twenty seconds is gone, one that some name is not."""

    def busy(build: Callable[[int], str]) -> tuple[LogRecord, ...]:
        message, source = SafeText("done"), "app"
        return tuple(
            LogRecord(
                END - 0.25 * k, Level.INFO, "shop", message, fields=(("version", SafeText(build(k))),), source=source
            )
            for k in range(2000, 0, -1)
        )

    assert [r.version for r in seen(records=busy(lambda k: "v1" if k > 80 else "v2")).running] == ["v2"]
    assert {r.version for r in seen(records=busy(lambda k: "v1" if k > 80 or k % 4 else "v2")).running} == {"v1", "v2"}


def test_who_never_named_a_build_of_the_tags_says_nothing_of_what_runs() -> None:
    tag = deploy(100.0, "v2026.11.01")
    assert seen(told=(tag,), records=lines(lambda k: "1.1")).running == ()
    (runs,) = seen(told=(tag,), records=lines(lambda k: "2026.11.01")).running
    assert runs.version == "2026.11.01"
