"""What the services write: metrics, log lines, log files, dials, configuration."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from console.config.load import load
from console.demo import configuration, events, lines
from console.demo.dials import Dials, turn
from console.demo.logfile import LogFile
from console.demo.metrics import BUCKETS, Registry, process_metrics, resident_bytes
from tests.demo.watching import parse, total

PORTS = {name: 40_000 + n for n, name in enumerate((*configuration.LOG_FORMAT, "cardpay", "orders-db:sql"))}
TEXT = st.text(st.characters(codec="utf-8"), max_size=40)


@given(st.lists(st.floats(min_value=0, max_value=100), max_size=50))
def test_a_histogram_is_cumulative_and_complete(values: list[float]) -> None:
    registry = Registry()
    registry.observe("seconds", (("route", "/"),), 0.0)
    for value in values:
        registry.observe("seconds", (("route", "/"),), value)
    samples = parse(registry.text())
    for bound in BUCKETS:
        assert total(samples, "seconds_bucket", le=f"{bound:g}") == 1 + sum(value <= bound for value in values)
    assert total(samples, "seconds_bucket", le="+Inf") == total(samples, "seconds_count") == 1 + len(values)


@given(TEXT)
def test_label_values_are_escaped(value: str) -> None:
    registry = Registry()
    registry.count("requests", (("path", value),))
    text = registry.text()
    assert text.count("\n") == 3
    escaped = text.split("\n")[2].partition('path="')[2].rpartition('"')[0]
    assert re.sub(r"\\(.)", lambda match: "\n" if match[1] == "n" else match[1], escaped) == value


def test_every_family_has_help_and_type_and_large_counters_stay_exact() -> None:
    registry = Registry()
    process_metrics(registry, "checkout", "v", "c0ffee", 2)
    for _ in range(3):
        registry.count("http_requests_total", ())
    registry._counters["http_requests_total"][()] = 123_456_789.0
    text = registry.text()
    assert "http_requests_total 123456789\n" in text
    names = {line.split("{")[0].split(" ")[0] for line in text.splitlines() if not line.startswith("#")}
    assert names == {line.split(" ")[2] for line in text.splitlines() if line.startswith("# TYPE")}
    samples = parse(text)
    assert total(samples, "app_build_info", service="checkout", revision="c0ffee") == 1
    assert 5e6 < resident_bytes() < 5e9


@given(st.dictionaries(st.from_regex(r"[a-z_]{1,8}", fullmatch=True), TEXT, max_size=4), TEXT)
def test_logfmt_and_json_lines_stay_lines(fields: dict[str, str], message: str) -> None:
    fields = {name: value for name, value in fields.items() if name not in {"at", "level", "message", "service"}}
    logfmt = lines.logfmt(1_795_630_000.25, "error", message, **fields)
    assert logfmt.endswith("\n") and logfmt.count("\n") == 1
    event = lines.json_event(1_795_630_000.25, "error", "checkout", message, **fields)
    assert event.endswith("\n") and event.count("\n") == 1
    assert json.loads(event)["msg"] == fields.get("msg", message)


def test_a_log_file_rotates_and_loses_nothing(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "app.log", rotate_bytes=100)
    for number in range(24):
        log.write(f"line {number:04d}\n")
    log.close()
    kept = [tmp_path / "app.log.3", tmp_path / "app.log.2", tmp_path / "app.log.1", tmp_path / "app.log"]
    written = "".join(path.read_text() for path in kept if path.exists())
    assert written == "".join(f"line {number:04d}\n" for number in range(24))
    assert all(path.stat().st_size <= 100 for path in kept if path.exists())


def test_a_log_file_that_is_never_written_does_not_exist(tmp_path: Path) -> None:
    LogFile(tmp_path / "app.log").close()
    assert not list(tmp_path.iterdir())


def test_dials_follow_the_file_and_survive_nonsense(tmp_path: Path) -> None:
    path = tmp_path / "flags.json"
    dials = Dials(path)
    assert dials.get("per-line-tax", 0) == 0
    turn(path, **{"per-line-tax": 1})
    assert dials.get("per-line-tax", 0) == 1
    turn(path, other=2)
    assert dials.read() == {"per-line-tax": 1, "other": 2}
    path.write_text('{"per-line-tax": ')
    os.utime(path, ns=(1, 1))
    assert dials.get("per-line-tax", 0) == 1


def test_the_configuration_is_valid_and_names_everything(tmp_path: Path) -> None:
    path = tmp_path / "incident.toml"
    path.write_text(configuration.text(PORTS))
    config = load(path).config
    assert [service.name for service in config.service] == list(configuration.DEPENDS)
    assert {dependency.kind for dependency in config.dependency} == {"database", "third_party"}
    assert {log.service for log in config.logs} == set(configuration.LOG_FORMAT)
    assert {metrics.service for metrics in config.metrics if metrics.kind == "scrape"} == set(configuration.LOG_FORMAT)
    assert config.environment[0].tier == "local"


def test_past_changes_are_in_order_and_mostly_routine() -> None:
    now = 1_795_630_000.0
    found = events.past(now)
    assert [change["at"] for change in found] == sorted(str(change["at"]) for change in found)
    assert len({change["id"] for change in found}) == len(found)
    assert sum(change["kind"] == "cron" for change in found) > 5
    assert events.next_cron(now) > now
