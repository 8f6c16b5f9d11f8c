"""Safe reproduction: pasted curl commands beside what the real curl sends, and the requests that the smallest failing one costs."""

from __future__ import annotations

import asyncio
import random
import statistics
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.options import Options
from benchmarks.table import Row
from console.domain.request import HttpRequest
from console.repro.minimise import minimise
from console.repro.signature import Outcome, Wanted
from console.repro.units import units_of
from tests.repro.curl_judge import CURL, EQUAL_SHARE, commands, judged

SEEDS = 40
MIX = (0, 0, 0, 1, 1, 1, 1, 1, 1, 2, 2, 3)
"""Needed parts of the failures of one round: most need none or one."""
BUDGET = 150
PARTS = 30
MOST = 10.0
"""Requests that reproducing and minimising may cost, as the median."""


def thirty_parts() -> HttpRequest:
    """A request of thirty parts, as a browser sends them."""
    query = "&".join(f"q{k}={k}" for k in range(12))
    headers = [("Accept", "*/*"), ("Accept-Language", "en"), ("sec-ch-ua", '"x"'), ("sec-fetch-mode", "cors")]
    headers += [("Referer", "http://r/"), ("Origin", "http://r")]
    headers += [(f"X-Custom-{k}", str(k)) for k in range(12)]
    return HttpRequest("GET", f"http://h/orders?{query}", tuple(headers))


def spent(needed: Sequence[str]) -> int:
    """Requests until a failure that needs these parts, and always happens with them, is reproduced and as small as can be."""
    whole = thirty_parts()
    assert len(units_of(whole)) == PARTS

    async def send(request: HttpRequest) -> Outcome:
        failing = set(needed) <= {unit.label for unit in units_of(request)}
        return Outcome(500 if failing else 200, 0.01, body=b'{"error": "ValueError"}')

    result = asyncio.run(minimise(whole, send, Wanted(), BUDGET))
    if result.ended != "1-minimal" or sorted(result.kept) != sorted(needed) or not result.confirmed:
        raise AssertionError(f"needed {needed}, kept {result.kept}, {result.ended}")
    return result.spent


def rounds(seeds: int) -> list[list[int]]:
    """What each failure of each round costs, in the order of `MIX`; any part may be the needed one."""
    names = [unit.label for unit in units_of(thirty_parts())]
    return [[spent(draw.sample(names, count)) for count in MIX] for draw in map(random.Random, range(seeds))]


def told(values: Sequence[float]) -> str:
    """How often each value is there: `5 × 120, 9 × 40`."""
    return ", ".join(f"{value:g} × {count}" for value, count in sorted(Counter(values).items()))


def run(options: Options) -> Iterator[Row]:
    """Measure."""
    yield from _imports()
    yield from _searches(3 if options.short else SEEDS)


def _imports() -> Iterator[Row]:
    cases = commands()
    with tempfile.TemporaryDirectory() as folder:
        found = [(case, judged(case, Path(folder))) for case in cases]
    counts = Counter(one.outcome for _, one in found)
    wrong = "; ".join(f"{case.id}: {one.says}" for case, one in found if one.outcome == "wrong")
    by = "the real curl on loopback" if CURL else "what curl 7.88.1 sent, as it was recorded"
    what = f"curl commands imported wrongly, of {len(cases)}"
    yield Row(what, float(counts["wrong"]), "", 0.0, note=f"judged by {by}", wrong=wrong)
    yield Row("  equal to what curl sends", counts["equal"] / len(cases), "", EQUAL_SHARE, higher=True)
    yield Row("  refused with the reason", counts["refused"] / len(cases), "")


def _searches(seeds: int) -> Iterator[Row]:
    every = rounds(seeds)
    medians = [statistics.median(one) for one in every]
    what = f"requests to reproduce and minimise, always failing, {PARTS} parts, {seeds} rounds of {len(MIX)}: median"
    yield Row(what, statistics.median(cost for one in every for cost in one), "", MOST)
    within = sum(median <= MOST for median in medians) / seeds
    yield Row("  rounds of which the median is no more", within, "", note=f"medians: {told(medians)}")
    for count in sorted(set(MIX)):
        costs = [cost for one in every for needed, cost in zip(MIX, one, strict=True) if needed == count]
        yield Row(f"  {count} parts needed, median", statistics.median(costs), "", note=told(costs))
