"""A system that is known by its log alone: one that ended is never healthy, however it reads up to there."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from console.cli import incident
from console.domain.instant import rfc3339

AT = datetime(2026, 11, 23, 14, 20, tzinfo=UTC).timestamp()
CONFIG = """
[[service]]
name = "shop"

[[logs]]
name = "app"
paths = ["app.jsonl"]
service_field = "service"
"""
BEATS = """
[[metrics]]
name = "prod"
kind = "csv"
path = "metrics.csv"
"""
HEALTHY, INCIDENT, INCONCLUSIVE = 0, 1, 3


def log(folder: Path, agos: list[float], *, requests: bool = True, failing_s: float = 0.0) -> Path:
    """A log with lines so many seconds ago, those of the last `failing_s` of them failures; the path of its configuration."""
    rng = random.Random(4)
    newest = min(agos)
    found = []
    for ago in sorted(agos, reverse=True):
        line: dict[str, Any] = {"time": rfc3339(AT - ago), "level": "info", "service": "shop", "msg": "done"}
        if requests:
            failed = ago < newest + failing_s and rng.random() < 0.5
            line |= {"method": "GET", "path": "/x", "status": 500 if failed else 200, "duration_ms": rng.gauss(40, 3)}
        found.append(json.dumps(line))
    (folder / "app.jsonl").write_text("\n".join(found) + "\n")
    (folder / "config.toml").write_text(CONFIG)
    return folder / "config.toml"


def busy(until_s: float, every_s: float = 1.5, hours: float = 2.5) -> list[float]:
    """Arrivals by chance, the last of them so many seconds ago."""
    rng, ago, found = random.Random(3), until_s, []
    while ago < until_s + hours * 3600:
        found.append(ago)
        ago += rng.expovariate(1 / every_s)
    return found


def verdict(config: Path, *more: str) -> tuple[int, dict[str, Any]]:
    words = ["diagnose", "--config", str(config), "--json"]
    result = CliRunner().invoke(incident, [*words, *(more or ("--at", rfc3339(AT)))], standalone_mode=False)
    return result.return_value, json.loads(result.output)


@pytest.mark.parametrize("until_s", [0, 45])
def test_a_log_that_goes_on_is_healthy(tmp_path: Path, until_s: float) -> None:
    code, found = verdict(log(tmp_path, busy(until_s)))
    assert (code, found["state"]) == (HEALTHY, "healthy")
    assert found["sources"][0]["state"] == "ok"


@pytest.mark.parametrize("every_s", [1.5, 5.0])
@pytest.mark.parametrize("until_s", [240, 330, 480, 1200, 3600])
def test_a_log_that_ended_or_is_an_hour_behind_is_neither_healthy_nor_recovering(
    tmp_path: Path, until_s: float, every_s: float
) -> None:
    code, found = verdict(log(tmp_path, busy(until_s, every_s)))
    assert (code, found["state"]) == (INCONCLUSIVE, "inconclusive")
    assert "app ended before the window did" in found["summary"]
    assert found["sources"][0]["state"] == "stale" and "old" in found["sources"][0]["detail"]
    assert not found["symptoms"]


@pytest.mark.parametrize("until_s", [240, 480])
def test_a_log_that_ended_amid_failures_is_not_recovering(tmp_path: Path, until_s: float) -> None:
    _, found = verdict(log(tmp_path, busy(until_s), failing_s=600))
    assert (found["state"], found["sources"][0]["state"]) == ("incident", "stale")
    assert "app has ended since: whether it lasts is not known" in found["summary"]


def test_a_log_that_was_heard_for_a_short_while_only(tmp_path: Path) -> None:
    code, found = verdict(log(tmp_path, busy(3000, hours=0.25), requests=False))
    assert (code, found["state"]) == (INCONCLUSIVE, "inconclusive")
    assert "nothing was heard since 13:30:" in found["summary"] and " UTC, 50m ago" in found["summary"]


def test_a_window_of_the_past_is_judged_by_what_was_known_then(tmp_path: Path) -> None:
    config = log(tmp_path, [*busy(3600), *busy(0, hours=0.5)])
    since, ended, dead = (
        rfc3339((datetime.fromtimestamp(AT, UTC) - timedelta(minutes=m)).timestamp()) for m in (100, 61, 45)
    )
    assert verdict(config, "--since", since, "--until", ended)[1]["state"] == "healthy"
    assert verdict(config, "--since", since, "--until", dead)[1]["state"] == "inconclusive"


def test_a_service_with_few_requests_needs_more_of_them_and_is_not_silent(tmp_path: Path) -> None:
    code, found = verdict(log(tmp_path, busy(300, every_s=150.0, hours=20)))
    assert code == INCONCLUSIVE and found["sources"][0]["state"] == "ok"
    assert "50 requests are needed" in found["summary"]
    config = log(tmp_path, busy(60, every_s=25.0, hours=20))
    assert verdict(config)[1]["state"] == "healthy"


def test_no_requests_at_all_are_nought_requests(tmp_path: Path) -> None:
    _, found = verdict(log(tmp_path, busy(2400, every_s=600.0, hours=20)))
    assert "50 requests are needed in the window, 0 are there" in found["summary"]


def jobs(every_s: float, until_s: float, hours: float = 20) -> list[float]:
    """A job that writes for a minute at each of its runs."""
    return [until_s + every_s * k + 2.0 * n for k in range(round(hours * 3600 / every_s)) for n in range(30)]


def test_a_job_is_healthy_between_its_runs_and_not_when_they_stop(tmp_path: Path) -> None:
    assert verdict(log(tmp_path, jobs(600, 420), requests=False))[1]["state"] == "healthy"
    code, found = verdict(log(tmp_path, jobs(600, 7200), requests=False))
    assert (code, found["sources"][0]["state"]) == (INCONCLUSIVE, "stale")


def test_a_job_of_every_hour_beside_metrics_that_go_on(tmp_path: Path) -> None:
    config = log(tmp_path, jobs(3600, 2700), requests=False)
    config.write_text(CONFIG + BEATS)
    rng = random.Random(2)
    rows = [f"{rfc3339(AT - 60 * k)},shop,,latency_p95,{rng.gauss(0.2, 0.01):.4f}" for k in range(180)]
    (tmp_path / "metrics.csv").write_text("\n".join(["time,service,operation,metric,value", *rows]) + "\n")
    code, found = verdict(config)
    assert (code, found["state"]) == (HEALTHY, "healthy")
    log(tmp_path, jobs(3600, 9 * 3600), requests=False)
    config.write_text(CONFIG + BEATS)
    assert verdict(config)[0] == INCONCLUSIVE, "the job did not run for hours"
