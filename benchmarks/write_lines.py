"""Log lines of a shop as of now: a file with a past, and lines appended to it at a steady rate.

python -m benchmarks.write_lines FILE RATE     appends RATE lines a second until it is terminated
"""

from __future__ import annotations

import json
import random
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

TICK_S = 0.05
SERVICES = ("checkout", "payments", "catalog", "stock")
ROUTES = ("/orders", "/basket", "/items", "/quote")
PAST_S = 20 * 60.0
"""The past of a file covers so much time, and ends a little before now."""
RECENT_S = 20.0
_LETTERS = "bcdfghjkmnpqrstvwxz"


def words(count: int) -> list[str]:
    """Different words of eight consonants, so that nothing else on a screen looks like them."""
    draw = random.Random(5)
    found: dict[str, None] = {}
    while len(found) < count:
        found[_word(draw)] = None
    return list(found)


def _word(draw: random.Random) -> str:
    return "".join(draw.choices(_LETTERS, k=8))


def line(stamp: str, draw: random.Random, word: str) -> str:
    """One line; every twentieth is an error. `word` begins its message."""
    bad = draw.random() < 0.05
    message = "timeout calling payments" if bad else "request done"
    return (
        json.dumps(
            {
                "time": stamp,
                "level": "error" if bad else "info",
                "msg": f"{word} {message}",
                "service": draw.choice(SERVICES),
                "method": "POST",
                "path": draw.choice(ROUTES),
                "status": 504 if bad else 200,
                "latency_ms": round(draw.lognormvariate(2.7, 0.6), 1),
            }
        )
        + "\n"
    )


def write_past(path: Path, lines: list[str], now: float) -> None:
    """A file whose lines, one for each word, lie evenly over the last twenty minutes.

    Raises:
        OSError: It cannot be written.
    """
    draw = random.Random(7)
    start, step = now - RECENT_S - PAST_S, PAST_S / max(1, len(lines))
    with path.open("w", encoding="utf-8") as out:
        for place, word in enumerate(lines):
            out.write(line(_stamp(start + place * step), draw, word))


def _stamp(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")


def main(path: str, rate: int) -> None:
    """Append."""
    draw = random.Random(7)
    pause = threading.Event()
    owed, last = 0.0, time.monotonic()
    with open(path, "a", encoding="utf-8") as out:
        while not pause.wait(TICK_S):
            now = time.monotonic()
            owed += rate * (now - last)
            last = now
            stamp = _stamp(time.time())
            out.writelines(line(stamp, draw, _word(draw)) for _ in range(int(owed)))
            owed -= int(owed)
            out.flush()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
