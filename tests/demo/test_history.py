"""The back-filled history: every line parses, and tells of a shop that is well."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.demo import profile, scenarios
from console.demo.history import History, Lanes, Past, leak_rate, leaked, metrics_part, outages
from console.demo.inventory import lost_row_stack

STARTED = 1_795_630_000.0
ACCESS = re.compile(
    r'(?P<client>\S+) - - \[(?P<at>[^\]]+)\] "(?P<method>[A-Z]+) (?P<path>\S+) HTTP/1\.1" (?P<status>\d{3}) (?P<size>\d+) '
    r'"-" "(?P<agent>[^"]+)" (?P<seconds>\d+\.\d{3}) trace_id=(?P<trace>[0-9a-f]{32})'
)
PLAIN = re.compile(
    r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}) (INFO   |WARNING|ERROR  ) inventory\.http: .* trace_id=[0-9a-f]{32}"
)
LOGFMT = re.compile(r'(\w+)=("(?:[^"\\]|\\.)*"|\S*)')


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten minutes are enough for most tests."""
    monkeypatch.setattr(profile, "HISTORY", 600.0)


def make(folder: Path, name: str = "healthy", seed: int = 3) -> Past:
    scenario = scenarios.find(name)
    assert scenario is not None
    for part in ("logs", "world"):
        (folder / part).mkdir(parents=True)
    memory = dict.fromkeys(("gateway", "checkout", "payments", "inventory", "orders-db"), 21 << 20)
    past = Past(folder, STARTED, scenario, seed, "2026-11-24T13-46-57", memory, {"checkout": 8081}, 10.0)
    for number in (2, 1):
        history = History(past, number)
        history.simulate()
        history.write()
    return past


def read(folder: Path, name: str) -> list[str]:
    return [line for part in (2, 1) for line in (folder / "logs" / f"{name}.log.{part}").read_text().splitlines()]


def access(folder: Path) -> list[re.Match[str]]:
    matches = [ACCESS.fullmatch(line) for line in read(folder, "gateway")]
    assert all(matches)
    return [match for match in matches if match]


def test_every_line_of_every_format_parses_and_stands_in_order(tmp_path: Path) -> None:
    make(tmp_path)
    stamps = [datetime.strptime(m["at"], "%d/%b/%Y:%H:%M:%S %z").timestamp() for m in access(tmp_path)]
    assert stamps == sorted(stamps)
    assert stamps[0] == pytest.approx(STARTED - 600, abs=3)
    assert stamps[-1] == pytest.approx(STARTED, abs=3)
    for part in (2, 1):
        lines = (tmp_path / "logs" / f"checkout.log.{part}").read_text().splitlines()
        records = [json.loads(line) for line in lines]
        assert all({"time", "level", "service", "msg", "trace_id"} <= record.keys() for record in records)
        assert [r["time"] for r in records] == sorted(r["time"] for r in records)
    for line in read(tmp_path, "payments"):
        pairs = dict(LOGFMT.findall(line))
        assert {"ts", "level", "msg", "trace_id"} <= pairs.keys()


def test_a_traceback_follows_its_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profile, "LOCK_LOST", 0.2)
    make(tmp_path)
    lines = read(tmp_path, "inventory")
    heads = [i for i, line in enumerate(lines) if "unhandled exception" in line]
    assert heads
    for index in heads:
        assert PLAIN.fullmatch(lines[index])
        assert lines[index + 1] == "Traceback (most recent call last):"
        assert lines[index + 2].startswith("  File ")
    stack = lost_row_stack("sku-1007").splitlines()
    loose = [line for line in lines if not PLAIN.fullmatch(line)]
    assert len(loose) == len(heads) * len(stack)


def test_trace_ids_lead_from_the_gateway_through_the_services(tmp_path: Path) -> None:
    make(tmp_path)
    orders = {m["trace"] for m in access(tmp_path) if m["path"] == "/orders" and m["status"] == "201"}
    for name in ("checkout", "payments", "inventory"):
        text = "\n".join(read(tmp_path, name))
        assert sum(trace in text for trace in list(orders)[:40]) == 40


@pytest.mark.slow
def test_a_healthy_shop_fails_now_and_then(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profile, "HISTORY", 5400.0)
    make(tmp_path)
    found = access(tmp_path)
    failed = sum(m["status"] >= "500" for m in found) / len(found)
    assert 0.0005 < failed < 0.003
    assert len(found) == pytest.approx(5400 * profile.BASE_RATE, rel=0.05)


def test_latencies_are_those_that_live_services_draw_from(tmp_path: Path) -> None:
    make(tmp_path)
    carts = sorted(float(m["seconds"]) for m in access(tmp_path) if m["path"].startswith("/cart/"))
    assert carts[len(carts) // 2] == pytest.approx(profile.CART.median + profile.HOP, rel=0.1)
    orders = sorted(float(m["seconds"]) for m in access(tmp_path) if m["path"] == "/orders" and m["status"] == "201")
    parts = (profile.ORDER, profile.CARDPAY, profile.AUTHORISE, profile.RESERVE)
    assert orders[len(orders) // 2] == pytest.approx(sum(p.median for p in parts) + 0.05, rel=0.15)


def test_the_same_seed_makes_the_same_history(tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        make(tmp_path / name, seed=seed)
    assert read(tmp_path / "a", "gateway") == read(tmp_path / "b", "gateway")
    assert read(tmp_path / "a", "gateway") != read(tmp_path / "c", "gateway")


def test_samples_are_regular_and_within_the_pool(tmp_path: Path) -> None:
    make(tmp_path)
    rows = list(csv.reader(line for part in (2, 1) for line in metrics_part(tmp_path, part).read_text().splitlines()))
    times = [int(at) for at, service, _, metric, _ in rows if (service, metric) == ("checkout", "memory_bytes")]
    assert {b - a for a, b in pairwise(times)} == {10}
    used = [float(value) for _, service, _, metric, value in rows if (service, metric) == ("checkout", "pool_in_use")]
    assert 0.3 < sum(used) / len(used) < 1.3


@pytest.mark.slow
def test_an_earlier_peak_made_orders_wait_for_the_pool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profile, "HISTORY", 3600.0)
    make(tmp_path, "peak-contention")
    peak, calm = (STARTED - 2640, STARTED - 2480), (STARTED - 2000, STARTED - 1000)
    slow: Counter[str] = Counter()
    count: Counter[str] = Counter()
    for match in access(tmp_path):
        at = datetime.strptime(match["at"], "%d/%b/%Y:%H:%M:%S %z").timestamp()
        for name, (start, end) in (("peak", peak), ("calm", calm)):
            if start <= at < end and match["path"] == "/orders":
                count[name] += 1
                slow[name] += float(match["seconds"]) > 1.0
    assert count["peak"] / 160 > 3 * count["calm"] / 1000
    assert slow["peak"] / count["peak"] > 0.03 > slow["calm"] / count["calm"]


@pytest.mark.slow
def test_a_leak_is_a_saw_with_an_outage_at_each_tooth(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profile, "HISTORY", 3600.0)
    past = make(tmp_path, "memory-leak")
    downs = outages(past.started, past.leak_margin)
    assert len(downs) >= 2
    refused = [m for m in access(tmp_path) if m["status"] == "502" and m["path"].startswith("/cart")]
    assert refused
    errors = "".join((tmp_path / "logs" / f"gateway.error.log.{part}").read_text() for part in (1, 2))
    assert errors.count("Connection refused") >= len(refused)
    for start, _ in downs:
        assert leaked(past, start - past.started - 1) > 0.99 * profile.LEAK_SPAN
        assert leaked(past, start - past.started + 1) < 0.01 * profile.LEAK_SPAN
    assert leaked(past, 0.0) == pytest.approx(profile.LEAK_SPAN - past.leak_margin * leak_rate())


@given(st.lists(st.tuples(st.floats(0, 5), st.floats(0.01, 4)), min_size=1, max_size=60), st.integers(1, 4))
def test_lanes_never_serve_more_than_they_have(gaps: list[tuple[float, float]], count: int) -> None:
    lanes, at = Lanes(count), 0.0
    spans: list[tuple[float, float]] = []
    for gap, hold in gaps:
        at += gap
        start = at + lanes.wait(at)
        lanes.take(at, hold)
        spans.append((start, start + hold))
    for start, _ in spans:
        assert sum(s <= start + 1e-9 < e - 1e-9 for s, e in spans) <= count
