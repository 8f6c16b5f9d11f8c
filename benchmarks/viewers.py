"""How the peers are asked for the same work on the same log files."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.terminal import Terminal

NEEDLE, FOUND = "zqneedle", "qfoundq"
"""A line that holds both is the only one that holds either."""
LNAV_FORMAT = {
    "$schema": "https://lnav.org/schemas/format-v1.schema.json",
    "bench_log": {
        "title": "bench",
        "json": True,
        "hide-extra": True,
        "line-format": [{"field": "__timestamp__"}, " ", {"field": "level"}, " ", {"field": "message"}],
        "timestamp-field": "time",
        "level-field": "level",
        "body-field": "message",
        "value": {
            "service": {"kind": "string"},
            "route": {"kind": "string"},
            "status": {"kind": "integer"},
            "duration_ms": {"kind": "float"},
        },
    },
}
"""lnav reads JSON only where it is told the names of the fields."""
GOACCESS_FORMAT = '%h %^[%d:%t %^] "%r" %s %b "%R" "%u" %T'
LNAV_TABLES = {
    "json": ("bench_log", ", avg(duration_ms), max(duration_ms)", " WHERE log_level <> 'debug'"),
    "logfmt": ("logfmt_log", "", " WHERE log_level <> 'debug'"),
    "nginx": ("access_log", ", avg(sc_bytes), max(sc_bytes)", ""),
}
"""Of each form: lnav's table, what it can tell of a bucket beside the count, and the filter."""


def lnav_setup(folder: Path) -> Path:
    """The folder to give to lnav with -I.

    Raises:
        OSError: It cannot be written.
    """
    formats = folder / "lnav" / "formats" / "bench"
    formats.mkdir(parents=True, exist_ok=True)
    (formats / "bench.json").write_text(json.dumps(LNAV_FORMAT))
    return folder / "lnav"


def lnav_aggregate(path: str, setup: Path, form: str, log: Path) -> list[str]:
    """The command for counts of buckets of ten seconds."""
    table, more, where = LNAV_TABLES[form]
    query = f";SELECT timeslice(log_time, '10s') AS bucket, count(*) AS n{more} FROM {table}{where} GROUP BY bucket"
    return [path, "-I", str(setup), "-n", "-c", query, "-c", ":write-json-to -", str(log)]


def lnav_total(output: bytes) -> int | None:
    """The sum of its counts; None: it gave no table."""
    start = output.find(b"[")
    try:
        return sum(row["n"] for row in json.loads(output[start:])) if start >= 0 else None
    except (ValueError, KeyError, TypeError):
        return None


def goaccess_report(path: str, log: Path, out: Path) -> list[str]:
    """The command for its report as JSON."""
    return [
        path,
        str(log),
        "--no-global-config",
        "--no-progress",
        f"--log-format={GOACCESS_FORMAT}",
        "--date-format=%d/%b/%Y",
        "--time-format=%T",
        "-o",
        str(out),
    ]


def toolong_find(path: str, log: Path, patience_s: float) -> float | None:
    """Seconds from the key that searches to the paint of the last line of the file; it has no way without a screen."""
    with Terminal([path, str(log)], (250, 60)) as terminal:
        if terminal.wait_until(lambda text: FOUND in text, patience_s) is None:  # its end is shown once all is scanned
            return None
        for keys in (b"\x1b[H", b"/", NEEDLE.encode()):
            terminal.send(keys)
            terminal.rest(0.4, 3.0)
        moment = terminal.send(b"\x1b[B")
        seen = terminal.wait_until(lambda text: FOUND in text, patience_s, since=moment)
        return None if seen is None else seen - moment
