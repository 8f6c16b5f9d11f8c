"""`make bench [ARGS="screen --short"]`: every group of measurements, or those named."""

from __future__ import annotations

import importlib
import signal
import sys

from benchmarks import machine, peers
from benchmarks.options import GROUPS, Options, parse
from benchmarks.table import Row, heading, line, missed


def main(options: Options) -> int:
    """Run the groups and print each row, or text, as it is measured; exit code 1 when a target is missed."""
    print(machine.describe())
    print(f"peers: {peers.versions()}")
    if options.short:
        print("a short run: it proves that everything works, and its figures say nothing")
    rows: list[Row] = []
    for name in options.groups:
        print(heading(GROUPS[name]), flush=True)
        for row in importlib.import_module(f"benchmarks.{name}").run(options):
            print(line(row) if isinstance(row, Row) else row, flush=True)
            rows += [row] if isinstance(row, Row) else []
    number = missed(rows)
    print(f"\n{number} target{'s' * (number != 1)} missed")
    return 1 if number else 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # files and processes go away with it
    sys.exit(main(parse(sys.argv[1:])))
