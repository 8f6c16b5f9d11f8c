"""Logs of a known content: what is counted is what is in the file."""

from __future__ import annotations

import json
import re
from collections import Counter
from datetime import datetime
from pathlib import Path

import pytest

from benchmarks.logs import shows
from benchmarks.make_logs import FORMS, INCIDENT, SERVICES, START, Plan, Truth, lines, write

SIZE = 2_000_000
WINDOW = (START + 600.0, START + 1_800.0)


def written(path: Path, form: str, **more: object) -> tuple[list[str], Truth]:
    truth = write(path, Plan(form, SIZE, span_s=3600.0, incident=WINDOW, **more))  # type: ignore[arg-type]  # fields of Plan
    return path.read_text().splitlines(), truth


@pytest.mark.parametrize("form", FORMS)
def test_the_account_is_exact(form: str, tmp_path: Path) -> None:
    found, truth = written(tmp_path / "app.log", form)
    assert len(found) == truth.lines == sum(truth.levels.values()) == sum(truth.statuses.values())
    assert (tmp_path / "app.log").stat().st_size == truth.size_bytes
    assert SIZE <= truth.size_bytes < SIZE + 1_000
    assert sum(outside + inside for outside, inside in truth.templates.values()) == truth.lines
    assert sum(inside for _, inside in truth.templates.values()) == truth.incident_lines > 0


def test_json_lines_hold_what_was_counted_in_order_of_time(tmp_path: Path) -> None:
    found, truth = written(tmp_path / "app.log", "json")
    records = [json.loads(line) for line in found]
    stamps = [datetime.fromisoformat(record["time"]).timestamp() for record in records]
    inside = [record for record, at in zip(records, stamps, strict=True) if WINDOW[0] <= at < WINDOW[1]]
    assert stamps == sorted(stamps)
    assert Counter(record["level"] for record in records) == truth.levels
    assert Counter(record["level"] for record in inside) == truth.incident_levels
    assert Counter(record["status"] for record in records) == truth.statuses


def test_templates_of_the_incident_occur_in_it_only(tmp_path: Path) -> None:
    _, truth = written(tmp_path / "app.log", "logfmt")
    for template in INCIDENT:
        outside, inside = truth.templates[template]
        assert outside == 0 < inside


def test_trouble_can_be_that_of_some_services(tmp_path: Path) -> None:
    found, _ = written(tmp_path / "app.log", "json", troubled=SERVICES[:1])
    assert {r["service"] for r in map(json.loads, found) if r["status"] == 503} == {SERVICES[0]}


def test_the_same_plan_gives_the_same_bytes() -> None:
    plan = Plan("nginx", 20_000, incident=WINDOW)
    assert list(lines(plan, Truth())) == list(lines(plan, Truth()))


def test_access_lines_are_those_of_nginx_with_the_request_time(tmp_path: Path) -> None:
    found, _ = written(tmp_path / "app.log", "nginx")
    form = re.compile(r'[\d.]+ - - \[[^]]+\] "[A-Z]+ /\S* HTTP/1\.1" \d{3} \d+ "https://\S+" "[^"]+" \d+\.\d{3}')
    assert all(form.fullmatch(line) for line in found)


@pytest.mark.parametrize(
    ("message", "template", "made"),
    [
        ("no connection of pool 7 left, 31 waiting", INCIDENT[0], True),
        ("connection to 10.1.2.3:80 refused by host", INCIDENT[1], True),
        ("connection to 10.1.2.3:80 closed", INCIDENT[1], False),
        ("", INCIDENT[2], False),
    ],
)
def test_a_message_shows_its_template(message: str, template: str, made: bool) -> None:
    assert shows(message, template) is made
