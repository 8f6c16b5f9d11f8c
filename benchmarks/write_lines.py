"""Appends JSON log lines to a file at a steady rate, until terminated: `python -m benchmarks.write_lines FILE RATE`."""

from __future__ import annotations

import json
import random
import sys
import threading
import time
from datetime import UTC, datetime

TICK_S = 0.05


def main(path: str, rate: int) -> None:
    """Write; every twentieth line is an error."""
    draw = random.Random(7)
    pause = threading.Event()
    owed, last = 0.0, time.monotonic()
    with open(path, "a", encoding="utf-8") as out:
        while not pause.wait(TICK_S):
            now = time.monotonic()
            owed += rate * (now - last)
            last = now
            stamp = datetime.now(UTC).isoformat(timespec="milliseconds")
            for _ in range(int(owed)):
                bad = draw.random() < 0.05
                out.write(
                    json.dumps(
                        {
                            "time": stamp,
                            "level": "error" if bad else "info",
                            "msg": "timeout calling payments" if bad else "request done",
                            "method": "POST",
                            "path": "/orders",
                            "status": 504 if bad else 200,
                            "latency_ms": round(draw.lognormvariate(2.7, 0.6), 1),
                        }
                    )
                    + "\n"
                )
            owed -= int(owed)
            out.flush()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
