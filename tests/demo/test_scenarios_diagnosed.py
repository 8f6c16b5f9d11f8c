"""Every scenario as its user meets it: the practice system as one process, `incident diagnose` as another, the right answer soon.

What counts is the contract: the exit code, the first suspect of the JSON document, and how long after the fault it is there.
"""

from __future__ import annotations

import json
import math
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from console.demo import repository, scenarios, source
from tests.demo.watching import Shop, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.long]
INCIDENT = (sys.executable, "-m", "console.cli")
SOON_S = 60.0
"""After the fault; the incident must be explained with what is known by then."""
WATCHED_S = 60.0
"""How long a healthy system must be called healthy."""
ASK_S = 2.0
"""From an answer to the next question, as a person would ask: without it, asking alone keeps a processor busy."""
START_S = 90.0
ANSWER_S = 60.0
SEED = "7"

Answer = dict[str, Any]


class Practice:
    """A running `incident demo --headless`.

    Args:
        scenario: What breaks in it.
        folder: Where what it says is kept.
    """

    def __init__(self, scenario: str, folder: Path) -> None:
        self.scenario = scenario
        self.answers: list[str] = []
        """What was said of it so far, for the message of a test that fails."""
        self._out, self._said = folder / f"{scenario}.out", folder / f"{scenario}.err"
        with open(self._out, "wb") as output, open(self._said, "wb") as errors:
            self._process = subprocess.Popen(
                [*INCIDENT, "demo", scenario, "--headless", "--seed", SEED, "--fault-after", "3"],
                stdout=output,
                stderr=errors,
            )
        self._since = math.inf

    def begin(self) -> None:
        """Wait until it serves, and for its fault, where it has one."""
        wait_for(lambda: self._out.read_text().endswith("\n") or self._process.poll() is not None, START_S)
        assert self._process.poll() is None, self._said.read_text()
        self.shop = Shop(Path(self._out.read_text().strip()))
        if self.scenario != "healthy":
            wait_for(lambda: "fault: " in self._said.read_text())
        self._since = time.time()

    @property
    def age_s(self) -> float:
        """Seconds since the fault; since the start, where there is none."""
        return time.time() - self._since

    def diagnose(self) -> tuple[int, Answer]:
        """Exit code and document of one `incident diagnose`."""
        asked = self.age_s
        done = subprocess.run(
            [*INCIDENT, "diagnose", "--config", str(self.shop.config), "--json"], capture_output=True, timeout=ANSWER_S
        )
        assert done.stdout, done.stderr.decode()
        answer: Answer = json.loads(done.stdout)
        self.answers.append(f"{self.scenario} +{asked:.0f} s {outline(done.returncode, answer)}")
        return done.returncode, answer

    def end(self) -> int:
        """Interrupt it; its exit code."""
        self._process.send_signal(signal.SIGINT)
        return self._process.wait(30)


@contextmanager
def practice(names: Iterable[str], folder: Path) -> Iterator[list[Practice]]:
    """Several at once, since most of the time is spent waiting; all of them must end in order."""
    running = [Practice(scenario, folder) for scenario in names]
    try:
        for one in running:
            one.begin()
        yield running
    finally:
        codes = [one.end() for one in running]
    assert set(codes) == {130}


def first(answer: Answer) -> Answer:
    """The first suspect; empty where there is none."""
    found: Answer = answer["suspects"][0] if answer["suspects"] else {}
    return found


def text_of(answer: Answer) -> str:
    """What is said of symptoms and of the first suspect."""
    return json.dumps([answer["symptoms"], first(answer)])


def is_bad_deploy(shop: Shop, answer: Answer) -> bool:
    tag = repository.releases(shop.folder / "repo")["checkout"].tag
    return (
        (first(answer)["kind"], first(answer)["subject"]) == ("deploy", tag)
        and first(answer)["standing"] == "leading"
        and answer["change_explains"] is True
        and any(s["operation"] == "POST /orders" and s["signal"] == "error_rate" for s in answer["symptoms"])
    )


def is_flag_flip(shop: Shop, answer: Answer) -> bool:
    return (
        (first(answer)["kind"], first(answer)["service"]) == ("flag", "checkout")
        and first(answer)["standing"] == "leading"
        and "per-line-tax" in text_of(answer)
        and not any(c["kind"] == "deploy" and c["standing"] == "leading" for c in answer["changes"])
    )


def is_third_party_slow(shop: Shop, answer: Answer) -> bool:
    return (first(answer)["kind"], first(answer)["subject"]) == ("third_party", "cardpay") and no_change_leads(answer)


def is_shared_database(shop: Shop, answer: Answer) -> bool:
    return (first(answer)["kind"], first(answer)["subject"]) == (
        "shared_dependency",
        "orders-db",
    ) and no_change_leads(answer)


def is_memory_leak(shop: Shop, answer: Answer) -> bool:
    tag = leaking_release(shop)
    return (
        (first(answer)["kind"], first(answer)["service"]) == ("memory_leak", "checkout")
        and tag in first(answer)["summary"]
        and [c["id"] for c in answer["changes"] if c["standing"] == "leading"] == [tag]
    )


def leaking_release(shop: Shop) -> str:
    """The tag of the release that keeps receipts; it went out hours before."""
    subject = source.RECEIPTS_FOREVER.subject
    found = repository.git(shop.folder / "repo", "log", "--format=%H", f"--grep={subject}").decode().strip()
    return repository.git(shop.folder / "repo", "tag", "--points-at", found).decode().strip()


def is_peak_contention(shop: Shop, answer: Answer) -> bool:
    return (first(answer)["kind"], first(answer)["service"]) == ("contention", "checkout") and no_change_leads(answer)


def is_slow_endpoint(shop: Shop, answer: Answer) -> bool:
    tag = repository.releases(shop.folder / "repo")["inventory"].tag
    slow = {
        (s["operation"], s["signal"]) for s in answer["symptoms"] if s["service"] == "inventory" and s["end"] is None
    }
    operations = {operation for operation, _ in slow if operation}
    return (
        (first(answer)["kind"], first(answer)["subject"]) == ("deploy", tag)
        and first(answer)["standing"] == "leading"
        and operations == {"GET /stock/{id}"}  # as lines name it: their addresses hold articles, not routes
        and ("GET /stock/{id}", "latency_p99") in slow
        and not {signal for _, signal in slow} & {"latency_p50", "error_rate"}
    )


def is_traffic_surge(shop: Shop, answer: Answer) -> bool:
    return first(answer)["kind"] == "traffic" and no_change_leads(answer)


def no_change_leads(answer: Answer) -> bool:
    """Nothing that people did is blamed."""
    return not any(c["standing"] == "leading" for c in answer["changes"])


RIGHT: dict[str, Callable[[Shop, Answer], bool]] = {
    "bad-deploy": is_bad_deploy,
    "flag-flip": is_flag_flip,
    "third-party-slow": is_third_party_slow,
    "shared-database": is_shared_database,
    "memory-leak": is_memory_leak,
    "peak-contention": is_peak_contention,
    "slow-endpoint": is_slow_endpoint,
    "traffic-surge": is_traffic_surge,
}


def outline(code: int, answer: Answer) -> str:
    """An answer in two lines, for the message of a test that fails."""
    suspects = [(s["kind"], s["subject"], s["standing"], s["score"]) for s in answer["suspects"][:3]]
    symptoms = [(s["service"], s["operation"], s["signal"]) for s in answer["symptoms"][:6]]
    return f"{answer['at']} exit {code}: {answer['summary']}\n  {suspects}\n  {symptoms}"


TOGETHER = (
    ("bad-deploy", "flag-flip"),
    ("third-party-slow", "shared-database"),
    ("memory-leak", "peak-contention"),
    ("traffic-surge",),
    ("slow-endpoint", "healthy"),
)


def is_done(one: Practice) -> bool:
    """Ask once; whether the answer is right and no more is to be waited for.

    Raises:
        AssertionError: It is wrong, and there is no time left in which it may become right.
    """
    if one.scenario == "healthy":
        assert one.diagnose()[0] == 0, one.answers[-1]
        return one.age_s > WATCHED_S
    assert one.age_s < SOON_S, "\n".join(one.answers)
    code, answer = one.diagnose()
    return code == 1 and bool(answer["suspects"]) and RIGHT[one.scenario](one.shop, answer)


@pytest.mark.parametrize("names", TOGETHER, ids=" and ".join)
def test_the_fault_is_explained_within_a_minute_and_health_stays_health(names: tuple[str, ...], tmp_path: Path) -> None:
    with practice(names, tmp_path) as waiting:
        left = list(waiting)
        while left:
            left = [one for one in left if not is_done(one)]
            select.select([], [], [], ASK_S if left else 0.0)


def test_every_scenario_of_the_list_has_its_answer_here() -> None:
    assert sorted(name for group in TOGETHER for name in group) == sorted(scenarios.names())
    assert {*RIGHT, "healthy"} == set(scenarios.names())
