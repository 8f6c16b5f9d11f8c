"""Every scenario, live: the fault's own mechanism is seen at work, and what it must not touch is left alone."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import pytest

from console.demo import profile, repository, scenarios
from console.demo.launch import Demo
from tests.demo.watching import Samples, Shop, total, wait_for

pytestmark = pytest.mark.slow
FAULT_AFTER = 3.0
SHORT_S = 600.0
"""Of history, where nobody looks at it: two hours of it are most of the work of a start."""
ACCESS = re.compile(
    r'"(?P<method>[A-Z]+) (?P<path>\S+) HTTP/1\.1" (?P<status>\d{3}) \d+ .* (?P<seconds>\d+\.\d{3}) trace_id='
)


@contextmanager
def running(scenario: str, history_s: float = SHORT_S) -> Iterator[tuple[Demo, Shop]]:
    with Demo(scenario, 11, FAULT_AFTER, history_s) as demo:
        yield demo, Shop(demo.wait_ready())


def broken(demo: Demo, scenario: str) -> float:
    """Wait for the fault; epoch seconds."""
    while True:
        event = demo.event(30.0)
        assert event is not None
        if event["event"] == "fault":
            assert event["scenario"] == scenario
            return float(event["at"])
        assert event["event"] == "died", event


def failures(shop: Shop, service: str, route: str) -> float:
    """Answers with 5xx since the service began."""
    samples = shop.metrics(service)
    codes = {dict(labels)["status"] for name, labels in samples if name == "http_requests_total"}
    return sum(total(samples, "http_requests_total", route=route, status=code) for code in codes if code >= "500")


def slower_than(samples: Samples, route: str, seconds: float) -> float:
    """Share of a route's requests that took longer than a bucket's bound."""
    count = total(samples, "http_request_duration_seconds_count", route=route)
    fast = total(samples, "http_request_duration_seconds_bucket", route=route, le=f"{seconds:g}")
    return 1 - fast / count if count else 0.0


def deploys(shop: Shop) -> dict[str, repository.Release]:
    return repository.releases(shop.folder / "repo")


def changes(shop: Shop, since: float) -> list[str]:
    """Kinds of the changes that were logged for the live time."""
    lines = (shop.folder / "changes.jsonl").read_text().splitlines()
    found = [json.loads(line) for line in lines]
    return [
        c["kind"] for c in found if datetime.fromisoformat(c["at"]).timestamp() >= since - 1 and c["kind"] != "cron"
    ]


def test_bad_deploy_fails_by_its_code_and_ends_with_a_rollback() -> None:
    with running("bad-deploy") as (demo, shop):
        good = deploys(shop)["checkout"]
        assert failures(shop, "checkout", "/orders") <= 1
        at = broken(demo, "bad-deploy")
        wait_for(lambda: "KeyError: 'percent_off'" in shop.log("checkout"))
        bad = deploys(shop)["checkout"]
        assert bad.tag == repository.tag_name("checkout", at)
        assert json.loads(shop.version("checkout"))["commit"] == bad.commit != good.commit
        wait_for(lambda: failures(shop, "checkout", "/orders") >= 5)
        errors = [json.loads(line) for line in shop.log("checkout").splitlines() if '"exc"' in line]
        assert "checkout/pricing.py" in errors[-1]["exc"]
        assert shop.requests("checkout", route="/orders", status="201") > 0
        assert failures(shop, "checkout", "/cart/{cart}") == 0
        assert changes(shop, at) == []
        # A tag on the old commit is a rollback, whoever makes it.
        tag = f"deploy/prod/checkout/{good.version}-again"
        repository.git(
            shop.folder / "repo",
            "-c",
            "user.name=A",
            "-c",
            "user.email=a@b.c",
            "tag",
            "-a",
            "-m",
            "back",
            tag,
            good.commit,
        )
        wait_for(lambda: json.loads(shop.version("checkout"))["commit"] == good.commit)
        wait_for(lambda: shop.requests("checkout", route="/orders", status="201") >= 15)
        assert failures(shop, "checkout", "/orders") <= 1


def test_a_release_that_does_not_start_is_not_deployed() -> None:
    with running("healthy") as (demo, shop):
        folder, before = shop.folder / "repo", json.loads(shop.version("checkout"))
        (folder / "checkout" / "pricing.py").write_text("this is no Python\n")
        who = ("-c", "user.name=A", "-c", "user.email=a@b.c")
        repository.git(folder, *who, "commit", "--quiet", "-a", "-m", "broken")
        repository.git(folder, *who, "tag", "-a", "-m", "x", "deploy/prod/checkout/broken")
        event = demo.event(30.0)
        assert event is not None
        assert (event["event"], event["tag"]) == ("not-deployed", "deploy/prod/checkout/broken")
        assert json.loads(shop.version("checkout")) == before
        served = shop.requests("checkout")
        wait_for(lambda: shop.requests("checkout") > served + 10)


def test_flag_flip_fails_without_a_deploy() -> None:
    with running("flag-flip") as (demo, shop):
        before = deploys(shop)
        at = broken(demo, "flag-flip")
        wait_for(lambda: failures(shop, "checkout", "/orders") >= 5)
        assert re.search(r"KeyError: '(GB|CH|NO)'", shop.log("checkout"))
        assert deploys(shop) == before
        assert changes(shop, at) == ["flag"]
        assert json.loads((shop.folder / "flags.json").read_text())["per-line-tax"] == 1
        # Switched off by hand, it is over.
        (shop.folder / "flags.json").write_text('{"per-line-tax": 0}')
        served = shop.requests("checkout", route="/orders", status="201")
        failed = failures(shop, "checkout", "/orders")
        wait_for(lambda: shop.requests("checkout", route="/orders", status="201") >= served + 15)
        assert failures(shop, "checkout", "/orders") <= failed + 2


def test_a_slow_provider_fails_payments_then_checkout_then_the_gateway() -> None:
    with running("third-party-slow") as (demo, shop):
        at = broken(demo, "third-party-slow")
        wait_for(lambda: shop.log("payments").count("timeout after 3000 ms calling cardpay") >= 5)
        wait_for(lambda: shop.requests("gateway", route="/orders", status="504") >= 3)
        assert "payments answered 504: timeout after 3000 ms calling cardpay" in shop.log("checkout")
        assert total(shop.metrics("payments"), "http_client_requests_total", peer="cardpay", status="0") >= 5
        assert slower_than(shop.metrics("inventory"), "/stock/{sku}", 0.5) < 0.02
        assert failures(shop, "gateway", "/cart/{cart}") <= 1
        assert changes(shop, at) == []


def test_upkeep_in_the_database_hurts_all_who_use_it() -> None:
    with running("shared-database") as (demo, shop):
        at = broken(demo, "shared-database")
        wait_for(lambda: "exclusive lock held" in shop.log("orders-db"))
        wait_for(lambda: all("orders-db" in shop.log(name) for name in ("checkout", "payments", "inventory")))
        wait_for(lambda: "execute stock.select" in shop.log("orders-db"))
        wait_for(lambda: slower_than(shop.metrics("inventory"), "/stock/{sku}", 0.15) > 0.3)
        assert slower_than(shop.metrics("checkout"), "/cart/{cart}", 0.25) < 0.02
        assert changes(shop, at) == []


def test_a_leak_is_killed_at_its_limit_and_starts_again() -> None:
    with running("memory-leak") as (demo, shop):
        began = total(shop.metrics("checkout"), "process_start_time_seconds")
        limit = total(shop.metrics("checkout"), "process_memory_limit_bytes")
        restarts = total(shop.metrics("checkout"), "service_restarts_total")
        wait_for(lambda: total(shop.metrics("checkout"), "process_resident_memory_bytes") > 0.95 * limit, 20)
        wait_for(lambda: "Connection refused" in shop.log("gateway.error"))
        said = [demo.event(60.0) for _ in range(3)]
        assert {"died", "fault", "restarted"} == {event["event"] for event in said if event}
        after = shop.metrics("checkout")
        assert total(after, "process_start_time_seconds") > began
        assert total(after, "process_resident_memory_bytes") < 0.5 * limit
        assert total(after, "service_restarts_total") == restarts + 1
        # What the allocator has free is used up first.
        memory = total(after, "process_resident_memory_bytes")
        wait_for(lambda: total(shop.metrics("checkout"), "process_resident_memory_bytes") > memory + 500_000, 90)


def test_a_peak_exhausts_the_pool_with_no_change_at_all() -> None:
    with running("peak-contention") as (demo, shop):
        before = deploys(shop)
        at = broken(demo, "peak-contention")
        wait_for(lambda: shop.log("checkout").count("connection pool of size 4 reached") >= 5)
        wait_for(lambda: total(shop.metrics("checkout"), "db_pool_in_use") == 4)
        assert failures(shop, "checkout", "/cart/{cart}") <= 1
        assert (changes(shop, at), deploys(shop)) == ([], before)


def test_one_slow_kind_of_article_moves_the_tail_of_one_route() -> None:
    with running("slow-endpoint") as (demo, shop):
        broken(demo, "slow-endpoint")
        wait_for(lambda: json.loads(shop.version("inventory"))["commit"] == deploys(shop)["inventory"].commit)
        wait_for(lambda: shop.requests("inventory", route="/stock/{sku}") >= 80)
        wait_for(lambda: slower_than(shop.metrics("inventory"), "/stock/{sku}", 0.5) > 0.01)
        samples = shop.metrics("inventory")
        assert slower_than(samples, "/stock/{sku}", 0.5) < 0.10
        assert slower_than(samples, "/stock/{sku}", 0.15) < 0.25
        assert slower_than(shop.metrics("checkout"), "/cart/{cart}", 0.5) < 0.01
        slow = [
            m for line in shop.log("gateway").splitlines() if (m := ACCESS.search(line)) and float(m["seconds"]) > 0.6
        ]
        stock = [m for m in slow if m["path"].startswith("/stock/")]
        assert stock
        assert all(m["path"].startswith("/stock/bundle-") for m in stock)


def test_a_surge_is_more_traffic_than_the_workers_can_serve() -> None:
    with running("traffic-surge") as (demo, shop):
        at = broken(demo, "traffic-surge")
        wait_for(lambda: "backlog full" in shop.log("inventory"))
        first = shop.requests("gateway", route="/stock/{sku}")
        began = total(shop.metrics("inventory"), "workers_busy")
        wait_for(lambda: shop.requests("gateway", route="/stock/{sku}") > first + 200, 20)
        assert began <= 2
        assert failures(shop, "gateway", "/cart/{cart}") <= 2
        assert changes(shop, at) == []
        rate = profile.BASE_RATE * profile.MIX["stock"]
        assert first + 200 > 20 * rate


def test_every_scenario_of_the_list_is_tested_here() -> None:
    text = Path(__file__).read_text()
    assert all(f'running("{scenario.name}")' in text for scenario in scenarios.SCENARIOS)


@pytest.fixture(scope="module")
def healthy() -> Iterator[Shop]:
    """A practice system in which nothing breaks, and which is only looked at; last, since it runs until the end of the module."""
    with running("healthy", profile.HISTORY) as (_, shop):
        yield shop


def test_healthy_stays_healthy_and_says_what_it_is(healthy: Shop) -> None:
    wait_for(lambda: healthy.requests("gateway") >= 250)
    samples = healthy.metrics("gateway")
    bad = sum(failures(healthy, "gateway", route) for route in ("/", "/cart/{cart}", "/stock/{sku}", "/orders"))
    assert bad / total(samples, "http_requests_total") < 0.01
    for service in ("gateway", "checkout", "payments", "inventory"):
        told = json.loads(healthy.version(service))
        assert told["commit"] == deploys(healthy)[service].commit
        own = healthy.metrics(service)
        assert total(own, "app_build_info", version=told["version"], revision=told["commit"][:12]) == 1
        assert 0 < total(own, "process_resident_memory_bytes") < 60 << 20
    assert total(healthy.metrics("checkout"), "db_pool_size") == 4
    assert max(total(healthy.metrics("checkout"), "db_pool_in_use") for _ in range(10)) <= 4
    assert not (healthy.folder / "logs" / "cardpay.log").exists()


def test_live_lines_continue_the_history(healthy: Shop) -> None:
    wait_for(lambda: healthy.requests("gateway") >= 200)
    live, past = healthy.log("gateway"), (healthy.folder / "logs" / "gateway.log.1").read_text()
    for route in ("/cart/", "/stock/sku-1", "/orders"):
        middle = []
        for text in (past, live):
            found = [ACCESS.search(line) for line in text.splitlines()[-3000:]]
            assert all(found)
            times = sorted(
                float(m["seconds"]) for m in found if m and m["path"].startswith(route) and m["status"] < "300"
            )
            middle.append(times[len(times) // 2])
        # A busy machine adds a little to every hop.
        assert middle[0] * 0.75 < middle[1] < middle[0] * 1.6 + 0.03, (route, middle)


def test_the_configuration_leads_to_services_that_answer(healthy: Shop) -> None:
    document = tomllib.loads(healthy.config.read_text())
    for service in document["service"]:
        assert json.loads(healthy.version(service["name"]))["service"] == service["name"]
    for metrics in document["metrics"]:
        if metrics["kind"] == "scrape":
            assert total(healthy.metrics(metrics["service"]), "app_build_info") == 1
    rows = (healthy.folder / "metrics.csv").read_text().splitlines()
    assert rows[0] == "time,service,operation,metric,value"
    assert len(rows) > 5000
