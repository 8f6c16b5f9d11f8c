"""The judges of recoveries and canaries: wrong and right verdicts about made-up services of which the truth is known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

from benchmarks.options import Options
from benchmarks.table import Row
from console.analysis.canary import judge_canary
from console.analysis.contract import NothingToRecover
from console.analysis.recovery import judge
from console.domain.recovery import Verdict
from tests.recovery.made import ROLLBACK, Made, after, contract_of, flat, observed, running, stepped
from tests.recovery.pairs import CANARY, CONTROL, beginning, pair

RUNS_PER_SEED = 200
MINUTES = 67.0
"""After the fix: an hour of samples, and what is ignored at both ends."""
LEFT = 0.15
"""Share of the harm that is left over."""
NOISE = 0.12
CANARY_MINUTES = 70
"""60 samples of each side at the first of three evaluations."""


def failing(left: float, phi: float, seed: int) -> Made:
    """A service of which 12 % of the requests failed."""
    return Made(errors=stepped(0.004, 0.12, 0.004 + left * 0.116), phi=phi, noise=NOISE, seed=seed)


def slow(left: float, phi: float, seed: int) -> Made:
    """A service that took twice as long."""
    return Made(errors=flat(0.004), p95=stepped(0.2, 0.4, 0.2 * (1 + left)), phi=phi, noise=NOISE, seed=seed)


def verdicts(make: Callable[[int], Made], runs: int, first: int = 1_000) -> Counter[str]:
    """How often each verdict was given; `no contract` where the diagnosis saw nothing to recover from."""
    found: Counter[str] = Counter()
    for seed in range(first, first + runs):
        made = make(seed)
        try:
            contract = contract_of(made)
        except NothingToRecover:
            found["no contract"] += 1
            continue
        found[judge(contract, observed(made, after(MINUTES), (ROLLBACK,), (running("v41"),))).verdict] += 1
    return found


def canaries(factor: float, runs: int, phi: float, first: int = 1_000) -> Counter[str]:
    """How often each verdict was given of canaries that take `factor` times as long as their control."""
    return Counter(
        judge_canary(pair(seed, factor, phi, CANARY_MINUTES), CANARY, CONTROL, beginning(CANARY_MINUTES)).verdict
        for seed in range(first, first + runs)
    )


def share(found: Counter[str], verdict: Verdict) -> float | None:
    """Part of all answers; runs without a contract are none."""
    total = sum(count for name, count in found.items() if name != "no contract")
    return found[verdict] / total if total else None


def run(options: Options) -> Iterator[Row | str]:
    """All measurements of both judges."""
    runs = RUNS_PER_SEED * options.seeds
    for phi in (0.3, 0.5):
        noise = f"φ {phi}, SD {NOISE:.0%}, {runs} runs"
        for what, make in (("errors", failing), ("p95", slow)):
            yield from _rows(what, make, phi, noise, runs)
    for phi in (0.3, 0.6):
        noise = f"φ {phi}, {runs} runs"
        healthy, worse = canaries(1.0, runs, phi), canaries(1.5, runs, phi)
        yield Row(f"canary, healthy: false alarms ({noise})", share(healthy, Verdict.NOT_RECOVERED), "", 0.02)
        yield Row(f"canary, × 1.5: stopped ({noise})", share(worse, Verdict.NOT_RECOVERED), "", 0.9, higher=True)
        yield Row(f"canary, × 1.5: may go on ({noise})", share(worse, Verdict.RECOVERED), "", 0.01)
        yield Row(f"canary, healthy: may go on ({noise})", share(healthy, Verdict.RECOVERED), "")


def _rows(what: str, make: Callable[[float, float, int], Made], phi: float, noise: str, runs: int) -> Iterator[Row]:
    left = verdicts(lambda seed: make(LEFT, phi, seed), runs)
    back = verdicts(lambda seed: make(0.0, phi, seed), runs)
    told = "no target: noise that lasts longer takes more than an hour" if phi > 0.3 and what == "p95" else ""
    yield Row(f"{what}, 15 % left: false recovered ({noise})", share(left, Verdict.RECOVERED), "", 0.01)
    limit = 0.9 if not told else None
    yield Row(f"{what}, back: recovered ({noise})", share(back, Verdict.RECOVERED), "", limit, higher=True, note=told)
    yield Row(f"{what}, back: not recovered ({noise})", share(back, Verdict.NOT_RECOVERED), "", 0.05)
