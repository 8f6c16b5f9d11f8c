"""`make bench [ARGS=screen]`: every group of measurements, or those named."""

from __future__ import annotations

import importlib
import os
import platform
import sys

from benchmarks.table import show

GROUPS = {"screen": "the screen, live on the practice system"}


def main(names: list[str]) -> int:
    """Run the groups; exit code 1 when a target is missed."""
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    missed = 0
    for name in names or list(GROUPS):
        rows = importlib.import_module(f"benchmarks.{name}").run()
        show(GROUPS.get(name, name), rows)
        missed += sum(row.met is False for row in rows)
    print(f"\n{missed} target{'s' * (missed != 1)} missed")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
