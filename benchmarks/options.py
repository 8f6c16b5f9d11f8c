"""What a run of the benchmarks is told."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

GROUPS = {
    "screen": "the screen",
    "logs": "the log engine",
    "diagnosis": "the diagnosis",
    "recovery": "the judges of recoveries and canaries",
    "repro": "safe reproduction",
    "case": "the incident's record",
    "fix": "fix branches",
}
_UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}


@dataclass(frozen=True)
class Options:
    """How much is measured; the defaults are what the published figures need."""

    groups: tuple[str, ...] = tuple(GROUPS)
    size: int = 10**9
    """Bytes of the large log file."""
    tenfold: bool = True
    """Also ask a log file of ten times the size."""
    runs: int = 5
    """Counted runs of each command, after one that warms the caches; the median is shown."""
    keys: int = 200
    """Keys whose way to the screen is timed."""
    settle_s: float = 12.0
    """From the first paint to the start of a stretch, so that the sources have answered."""
    stretch_s: float = 30.0
    """The stretch over which bytes and CPU time are counted."""
    seeds: int = 5
    """Made-up incidents of each class."""
    services: int = 1_000
    """Services of the large system; the small one has a tenth."""
    short: bool = False
    """So little is measured that the figures say nothing."""


SHORT = Options(
    size=20 * 10**6, tenfold=False, runs=1, keys=10, settle_s=4.0, stretch_s=5.0, seeds=1, services=100, short=True
)
"""Proves that everything runs; its figures say nothing."""


def size(text: str) -> int:
    """Bytes of a size such as 200MB or 1GiB.

    Raises:
        argparse.ArgumentTypeError: It is none.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([A-Za-z]*)", text.strip())
    unit = _UNITS.get(match[2].upper()) if match else None
    if match is None or unit is None or float(match[1]) * unit < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no size; write it as 200MB, 1GB or 1GiB")
    return int(float(match[1]) * unit)


def parse(arguments: Sequence[str]) -> Options:
    """Read the command line; a mistake ends the program with 2."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measures this program beside the peers that are installed. Exit code 1: a target is missed.",
        epilog="Peers are looked for in the folders of $INCIDENT_BENCH_PEERS, then in $PATH.",
    )
    parser.add_argument("groups", nargs="*", metavar="GROUP", help=f"one or more of {', '.join(GROUPS)}; default: all")
    parser.add_argument("--size", type=size, help="of the large log file; default 1GB")
    parser.add_argument("--no-tenfold", action="store_true", help="leave out the file of ten times the size")
    parser.add_argument("--runs", type=int, help=f"counted runs of each command; default {Options.runs}")
    parser.add_argument("--keys", type=int, help=f"keys to time; default {Options.keys}")
    parser.add_argument("--seeds", type=int, help=f"made-up incidents of each class; default {Options.seeds}")
    parser.add_argument("--short", action="store_true", help="a quick run that only proves that everything works")
    given = parser.parse_args(arguments)
    unknown = [name for name in given.groups if name not in GROUPS]
    if unknown:
        parser.error(f"there is no group {unknown[0]!r}; there are {', '.join(GROUPS)}")
    for name in ("runs", "keys", "seeds"):
        if getattr(given, name) is not None and getattr(given, name) < 1:
            parser.error(f"--{name}: at least 1")
    chosen = {name: getattr(given, name) for name in ("size", "runs", "keys", "seeds") if getattr(given, name)}
    base = SHORT if given.short else Options()
    return replace(
        base,
        groups=tuple(dict.fromkeys(given.groups)) or base.groups,
        tenfold=base.tenfold and not given.no_tenfold,
        **chosen,
    )
