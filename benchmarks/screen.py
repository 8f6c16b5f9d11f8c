"""The screen: first paint, key to paint, CPU, memory and bytes to the terminal, beside btop, lnav and toolong."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.live import (
    Keys,
    Load,
    console,
    cursor_keys,
    demo,
    first_paint,
    go_to_top,
    has_log_line,
    log_file,
    log_pane_keys,
    page_keys,
    stretch,
    wait,
)
from benchmarks.options import Options
from benchmarks.peers import find
from benchmarks.table import Peer, Row
from benchmarks.terminal import Terminal

SIZE = (120, 40)
SIZES = {(80, 24): None, (120, 40): 12_000.0, (200, 60): 20_000.0, (250, 80): None}
"""The sizes of the live screen, and the bytes per second that each may cost."""
LINES_PER_S = 10_000
STILL, LONG = 5, 4
"""A file that does not grow is looked at after five times the usual pause, where time alone is still judged often, and after
twenty times, over four stretches: there a verdict is due every other minute."""
SLOW_LINK = 64 * 1024
"""Bytes per second of a slow link."""
VIEWERS = {"lnav": b"g", "toolong": b"\x1b[H"}
"""Peers that show one log file, and the key to its first line."""
_DIFFERENT = "unequal work: it shows the machine, this the practice system"
_SLIDES = "this keeps the newest lines only, so under load a repaint can answer a key early"
_DERIVES = "unequal work: it shows the file; this also derives rates and latencies from it and diagnoses"


def run(options: Options) -> Iterator[Row]:
    """All measurements of the screen, as they are taken."""
    with demo("third-party-slow") as config:
        yield from _first_frames(config, options)
        for size, limit in SIZES.items():
            yield from _live(config, size, limit, options)
        yield from _frozen(config, options)
        yield from _slow_link(config, options)
    with log_file() as folder:
        yield from _first_lines(folder, options)
        yield from _at_rest(folder, options)
    yield from _under_load(options)


def _opened(terminal: Terminal, options: Options) -> None:
    terminal.wait_for("Signals", 20.0)
    wait(options.settle_s)


def _peer(name: str, ask: Callable[[str], float | None], why: str = "painted nothing") -> Peer:
    path = find(name)
    if path is None:
        return Peer(name)
    return Peer(name, ask(path), why=why)


def _first_frames(config: Path, options: Options) -> Iterator[Row]:
    ours = first_paint(console(config), SIZE, lambda text: "Signals" in text, options.runs)
    btop = _peer("btop", lambda path: first_paint([path], SIZE, lambda text: "cpu" in text, options.runs))
    yield Row("first paint, warm", ours, "s", 0.8, (btop,), note=_DIFFERENT)


def _first_lines(folder: Path, options: Options) -> Iterator[Row]:
    config, log = folder / "incident.toml", str(folder / "app.jsonl")
    first = first_paint(console(config), SIZE, lambda text: "Signals" in text, options.runs)
    ours = first_paint(console(config), SIZE, has_log_line, options.runs)
    others = tuple(
        _peer(name, lambda path: first_paint([path, log], SIZE, has_log_line, options.runs)) for name in VIEWERS
    )
    yield Row(
        "first paint on a log file, warm",
        first,
        "s",
        0.8,
        others,
        note="the peers' first paint is their first log line",
    )
    yield Row("first log line on the screen, warm", ours, "s", None, others, note=_DERIVES)


def _live(config: Path, size: tuple[int, int], limit: float | None, options: Options) -> Iterator[Row]:
    with Terminal(console(config), size) as terminal:
        _opened(terminal, options)
        cost = stretch(terminal, options.stretch_s)
    others = {"btop": _peer_load("btop", [], size, options)}
    yield from _load_rows(f"live practice system {size[0]}x{size[1]}", cost, others, limit)


def _load_rows(name: str, cost: Load, others: dict[str, Load | None], limit: float | None) -> Iterator[Row]:
    def beside(value: Callable[[Load], float]) -> tuple[Peer, ...]:
        return tuple(Peer(peer, value(other) if other else None) for peer, other in others.items())

    yield Row(f"{name}, to the terminal", cost.bytes_per_s, "B/s", limit, beside(lambda one: one.bytes_per_s))
    yield Row(f"{name}, CPU of the screen", cost.screen_cpu_percent, "%")
    yield Row(f"{name}, CPU of all processes", cost.all_cpu_percent, "%", None, beside(lambda one: one.all_cpu_percent))
    yield Row(f"{name}, memory of the screen", cost.screen_mb, "MB", 120.0)
    yield Row(f"{name}, memory of all processes", cost.all_mb, "MB", None, beside(lambda one: one.all_mb))


def _peer_load(name: str, arguments: list[str], size: tuple[int, int], options: Options) -> Load | None:
    path = find(name)
    if path is None:
        return None
    with Terminal([path, *arguments], size) as terminal:
        wait(min(4.0, options.settle_s))
        return stretch(terminal, options.stretch_s)


def _frozen(config: Path, options: Options) -> Iterator[Row]:
    with Terminal(console(config), SIZE) as terminal:
        _opened(terminal, options)
        terminal.send(b"P")
        wait(2.0)
        cost = stretch(terminal, options.stretch_s)
    yield Row("frozen, to the terminal", cost.bytes_per_s, "B/s", 200.0)
    yield Row("frozen, CPU of the screen", cost.screen_cpu_percent, "%", 1.0)
    yield Row(
        "frozen, CPU of all processes", cost.all_cpu_percent, "%", note="the practice system is still collected from"
    )


def _slow_link(config: Path, options: Options) -> Iterator[Row]:
    with Terminal(console(config), SIZE, rate=SLOW_LINK) as terminal:
        _opened(terminal, options)
        terminal.send(b"1")
        wait(1.0)
        keys = cursor_keys(terminal, (b"j", b"k"), options.keys)
    yield Row("key to paint at 64 KiB/s, live, p95", keys.ms(0.95), "ms", 250.0, note=_lost(keys))


def _lost(keys: Keys) -> str:
    return f"{keys.lost} of {len(keys.seconds)} keys were not answered" if keys.lost else ""


def _at_rest(folder: Path, options: Options) -> Iterator[Row]:
    log = folder / "app.jsonl"
    with Terminal(console(folder / "incident.toml"), SIZE) as terminal:
        _opened(terminal, options)
        terminal.send(b"1")
        wait(STILL * options.settle_s)
        early = stretch(terminal, LONG / 2 * options.stretch_s)
        wait(STILL * 2 * options.settle_s)
        cost = stretch(terminal, LONG * options.stretch_s)
        rows = cursor_keys(terminal, (b"j", b"k"), options.keys)
        pages = log_pane_keys(terminal, options.keys)
    others = {name: _peer_load(name, [str(log)], SIZE, options) for name in VIEWERS}
    peers = tuple(Peer(name, load.bytes_per_s if load else None) for name, load in others.items())
    yield Row("file that does not grow, to the terminal", cost.bytes_per_s, "B/s", 200.0, peers)
    peers = tuple(Peer(name, load.all_cpu_percent if load else None) for name, load in others.items())
    yield Row("file that does not grow, CPU of the screen", cost.screen_cpu_percent, "%", 1.0)
    yield Row(
        "file that does not grow, CPU of all processes",
        cost.all_cpu_percent,
        "%",
        1.0,
        peers,
        note="four minutes after the last change, over two minutes: one diagnosis is in it",
    )
    yield Row("the same in its second minute", early.all_cpu_percent, "%", note="two or three diagnoses are in it")
    yield from _key_rows("key to paint at rest", rows, {0.95: 30.0})
    yield from _page_rows("page of the log to paint at rest", pages, log, options)


def _under_load(options: Options) -> Iterator[Row]:
    name = f"at {LINES_PER_S:,} lines/s"
    with log_file(lines_per_s=LINES_PER_S) as folder:
        log = folder / "app.jsonl"
        with Terminal(console(folder / "incident.toml"), SIZE) as terminal:
            _opened(terminal, options)
            terminal.send(b"1")
            wait(1.0)
            rows = cursor_keys(terminal, (b"j", b"k"), options.keys)
            cost = stretch(terminal, options.stretch_s)
        yield from _key_rows(f"key to paint {name}", rows, {0.99: 100.0})
        yield from _load_rows(
            name, cost, {viewer: _peer_load(viewer, [str(log)], SIZE, options) for viewer in VIEWERS}, None
        )
    with log_file(lines_per_s=LINES_PER_S) as folder:
        with Terminal(console(folder / "incident.toml"), SIZE) as terminal:
            _opened(terminal, options)
            pages = log_pane_keys(terminal, options.keys)
        yield from _page_rows(f"page of the log to paint {name}", pages, folder / "app.jsonl", options, _SLIDES)


def _key_rows(name: str, keys: Keys, limits: dict[float, float]) -> Iterator[Row]:
    for share in (0.5, 0.95, 0.99):
        yield Row(f"{name}, p{share * 100:g}", keys.ms(share), "ms", limits.get(share), note=_lost(keys))


def _page_rows(name: str, ours: Keys, log: Path, options: Options, note: str = "") -> Iterator[Row]:
    others = {viewer: _viewer_pages(viewer, top, log, options) for viewer, top in VIEWERS.items()}
    lost = {"this": ours, **{viewer: keys for viewer, keys in others.items() if keys}}
    note = "; ".join([*filter(None, [note]), *(f"{who}: {_lost(keys)}" for who, keys in lost.items() if keys.lost)])
    for share in (0.5, 0.95, 0.99):
        peers = tuple(Peer(viewer, keys.ms(share) if keys else None) for viewer, keys in others.items())
        yield Row(f"{name}, p{share * 100:g}", ours.ms(share), "ms", None, peers, note=note)


def _viewer_pages(name: str, top: bytes, log: Path, options: Options) -> Keys | None:
    path = find(name)
    if path is None:
        return None
    with Terminal([path, str(log)], SIZE) as terminal:
        terminal.wait_until(has_log_line, 20.0)
        wait(min(4.0, options.settle_s))
        go_to_top(terminal, top)
        return page_keys(terminal, options.keys)
