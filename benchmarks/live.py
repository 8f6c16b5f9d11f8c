"""Programs on a terminal while something happens: the practice system, a log that grows; and what keys and stretches cost."""

from __future__ import annotations

import re
import select
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.processes import cpu_seconds, rss_bytes, tree_bytes, tree_cpu_seconds
from benchmarks.terminal import Terminal, plain
from benchmarks.write_lines import SERVICES, words, write_past

INCIDENT = (sys.executable, "-m", "console.cli")
PAST_LINES = 12_000
KEY_PAUSE_S = 0.15
"""Between an answered key and the next, so that the screen is at rest again."""
LOST_S = 5.0
"""A key that nothing answers for so long counts as this long."""
CURSOR = "▸"
PAGE_DOWN = b"\x1b[6~"
PAGES_FROM_TOP = 10
TRIES = 10
SCROLL_S = 0.5
"""So long the peers may still scroll smoothly after the first new line of a page."""
_WORD = re.compile(r"(?<![a-z])[bcdfghjkmnpqrstvwxz]{8}(?![a-z])")


@dataclass(frozen=True)
class Load:
    """What one stretch on the screen cost: the process that paints, and all processes of the program."""

    bytes_per_s: float
    screen_cpu_percent: float
    all_cpu_percent: float
    screen_mb: float
    all_mb: float


@dataclass(frozen=True)
class Keys:
    """Seconds from each key to its paint; `lost` keys were never answered."""

    seconds: tuple[float, ...]
    lost: int

    def ms(self, share: float) -> float:
        """A percentile in milliseconds."""
        return 1000 * percentile(self.seconds, share)


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of the values do not exceed."""
    ordered = sorted(values)
    rank = -int(-share * len(ordered) // 1)
    return ordered[min(len(ordered), max(1, rank)) - 1]


def wait(seconds: float) -> None:
    """Let the program under test run; nothing else waits on time here."""
    select.select([], [], [], seconds)


@contextmanager
def demo(scenario: str) -> Iterator[Path]:
    """The practice system, headless; gives its configuration."""
    process = subprocess.Popen(
        [*INCIDENT, "demo", scenario, "--headless"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        assert process.stdout is not None
        yield Path(process.stdout.readline().strip())
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


@contextmanager
def log_file(past_lines: int = PAST_LINES, lines_per_s: int = 0) -> Iterator[Path]:
    """A folder with `app.jsonl`, which may grow, and `incident.toml` that reads it; removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="incident-bench-") as name:
        folder = Path(name)
        services = "".join(f'[[service]]\nname = "{service}"\n' for service in SERVICES)
        (folder / "incident.toml").write_text(
            f'[console]\nstate_dir = "state"\n{services}[[logs]]\nname = "app"\npaths = ["app.jsonl"]\n'
            'service_field = "service"\nformat = "json"\n'
        )
        write_past(folder / "app.jsonl", words(past_lines), time.time())
        if not lines_per_s:
            yield folder
            return
        writer = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.write_lines", str(folder / "app.jsonl"), str(lines_per_s)]
        )
        try:
            yield folder
        finally:
            writer.terminate()
            writer.wait(10)


def console(config: Path) -> list[str]:
    """The command that opens the console."""
    return [*INCIDENT, "run", "--config", str(config)]


def stretch(terminal: Terminal, seconds: float) -> Load:
    """Bytes and CPU time over a stretch, and memory at its end."""
    start, one, every = time.monotonic(), cpu_seconds(terminal.pid), tree_cpu_seconds(terminal.pid)
    wait(seconds)
    end = time.monotonic()
    return Load(
        terminal.bytes_between(start, end) / (end - start),
        100 * (cpu_seconds(terminal.pid) - one) / (end - start),
        100 * (tree_cpu_seconds(terminal.pid) - every) / (end - start),
        rss_bytes(terminal.pid) / 1e6,
        tree_bytes(terminal.pid) / 1e6,
    )


def _keys(presses: Iterable[float | None]) -> Keys:
    found = tuple(presses)
    return Keys(tuple(LOST_S if one is None else one for one in found), found.count(None))


def _press(terminal: Terminal, key: bytes, answered: Callable[[str], bool]) -> float | None:
    """Seconds until what arrived since the key satisfies `answered`; None: it never did."""
    moment = terminal.send(key)
    at = terminal.wait_until(answered, LOST_S, since=moment)
    wait(KEY_PAUSE_S)
    return None if at is None else at - moment


def cursor_keys(terminal: Terminal, keys: Sequence[bytes], count: int) -> Keys:
    """Keys in turn; the cursor's mark on its new row answers, which nothing else paints."""
    return _keys(_press(terminal, keys[place % len(keys)], lambda text: CURSOR in text) for place in range(count))


def page_keys(terminal: Terminal, count: int) -> Keys:
    """Pages of a log file downwards; a line of its past that was never shown before answers."""

    def page() -> float | None:
        wait(SCROLL_S)
        unseen = _KNOWN.difference(_WORD.findall(plain(terminal.stream())))
        return _press(terminal, PAGE_DOWN, lambda text: not unseen.isdisjoint(_WORD.findall(text)))

    return _keys(page() for _ in range(count))


def go_to_top(terminal: Terminal, key: bytes) -> None:
    """Press a viewer's key to its first line until that is shown: one that still reads the file drops keys."""
    first = words(1)[0]
    for _ in range(TRIES):
        moment = terminal.send(key)
        if terminal.wait_for(first, 2.0, since=moment) is not None:
            return


def log_pane_keys(terminal: Terminal, count: int) -> Keys:
    """Pages of our log pane downwards, from its top again after some; a line that the page before did not show answers."""
    for key in (b"3", b"z"):
        terminal.send(key)
        wait(1.0)

    def page(place: int) -> float | None:
        if place % PAGES_FROM_TOP == 0:
            for key in (b"g", PAGE_DOWN):  # the first page down takes the cursor to the end of the page
                terminal.send(key)
                wait(1.0)
        before = frozenset(_WORD.findall(plain(terminal.stream(time.monotonic() - 1.0))))
        return _press(terminal, PAGE_DOWN, lambda text: not before.issuperset(_WORD.findall(text)))

    return _keys(page(place) for place in range(count))


def typed_letters(terminal: Terminal, count: int) -> Keys:
    """Letters that nothing else shows, each typed and taken back again; its echo answers."""
    letters = rare_letters()

    def letter(place: int) -> float | None:
        typed = letters[place % len(letters)]
        took = _press(terminal, typed.encode(), lambda text: typed in text)
        terminal.send(b"\x7f")
        wait(KEY_PAUSE_S)
        return took

    return _keys(letter(place) for place in range(count))


def rare_letters() -> str:
    """Letters of one cell that occur in no log and on no screen of ours."""
    return "".join(
        chr(code) for start, end in ((0x0561, 0x0586), (0x0430, 0x0450), (0x10D0, 0x10F1)) for code in range(start, end)
    )


def first_paint(argv: Sequence[str], size: tuple[int, int], there: Callable[[str], bool], runs: int) -> float | None:
    """Median seconds from start until the text satisfies `there`, after one run that warms the caches; None: never."""
    times = []
    for _ in range(runs + 1):
        with Terminal(argv, size) as terminal:
            seen = terminal.wait_until(there, 20.0)
            if seen is None:
                return None
            times.append(seen - terminal.started)
    return statistics.median(times[1:])


def has_log_line(text: str) -> bool:
    """Whether a line of the past of a `log_file` is on the screen."""
    return bool(_KNOWN.intersection(_WORD.findall(text)))


_KNOWN = frozenset(words(PAST_LINES))
