"""Safe reproduction: pasted curl commands beside what the real curl sends."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from benchmarks.options import Options
from benchmarks.table import Row
from tests.repro.curl_judge import CURL, EQUAL_SHARE, commands, judged


def run(options: Options) -> Iterator[Row]:
    """Measure."""
    yield from _imports()


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
