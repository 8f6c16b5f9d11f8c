"""The incident's record: notes that were confirmed and are gone after kills at random moments, and the time until one is confirmed."""

from __future__ import annotations

import asyncio
import json
import math
import re
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.live import KEY_PAUSE_S, LOST_S, console, log_file, wait
from benchmarks.options import Options
from benchmarks.table import Row
from benchmarks.terminal import Terminal
from console.case.book import Book
from console.case.entries import evidence
from console.case.events import Draft
from console.case.journal import Reader
from console.case.store import cases_folder
from console.guard.audit import verify
from console.live.desk import Desk
from console.report.case_html import html_of
from console.report.case_report import report_of
from tests.case.test_journal import lost_after_kills

KILLS = 200
NOTES = 2_000
PAINTED = 400
"""Notes that are timed in a terminal."""
SIZE = (120, 40)
AUTHOR = "alice"
BUSY = 1_000
"""Entries of a long incident, before the writing is timed."""


def percentile(values: list[float], share: float) -> float:
    """The value below which so many lie."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


@dataclass(frozen=True)
class Told:
    """Milliseconds until a note's confirmation was on the screen; `wrong` says what else came of the notes."""

    since_enter: tuple[float, ...]
    since_write: tuple[float, ...]
    """Since the journal began to write it: what stands in the entry as when it was recorded, to the millisecond."""
    wrong: str = ""


def painted(notes: int, busy: int, settle_s: float) -> Told:
    """Notes typed into a real terminal, in a case of `busy` entries."""
    with log_file() as folder:
        book = Book.new(cases_folder(folder / "state"), "measured", AUTHOR)
        for n in range(busy):
            book.note(f"entry {n} of a long incident")
        config = folder / "incident.toml"
        with Terminal(console(config), SIZE, env={"INCIDENT_AUTHOR": AUTHOR}) as terminal:
            terminal.wait_for("opens", 20.0)  # the case that goes on is taken up again
            wait(settle_s)
            to_epoch = time.time() - time.monotonic()
            typed = {word: times for n in range(notes) for word, times in (note(terminal, n),)}
        began = {event.text: event.recorded_at - to_epoch for event in book.read().events if event.text in typed}
    shown = {word: (sent, seen) for word, (sent, seen) in typed.items() if seen is not None and word in began}
    lost = notes - len(shown)
    return Told(
        tuple(1000 * (seen - sent) for sent, seen in shown.values()),
        tuple(1000 * (seen - began[word]) for word, (_, seen) in shown.items()),
        f"{lost} notes were not confirmed on the screen, or are not in the case" if lost else "",
    )


def note(terminal: Terminal, place: int) -> tuple[str, tuple[float, float | None]]:
    """One note, and when its Enter was sent and its confirmation seen.

    The confirmation is the note's word with the rest of the sentence right behind it, which the line it was typed into does not
    have. Words of two lengths in turn, so that all of that sentence is painted anew: only cells that change are.
    """
    letters = "".join(chr(ord("a") + (place * 7 + n * 11) % 26) for n in range(12))
    word = f"{letters[: 9 + place % 2]}{place:04}"
    asked = terminal.send(b"a")
    if terminal.wait_for("what happened", LOST_S, since=asked) is None:
        return word, (asked, None)
    terminal.send(word.encode())
    terminal.rest(KEY_PAUSE_S, LOST_S)
    confirmed = re.compile(rf"{word}\W*on\W+the\W+disk")
    sent = terminal.send(b"\r")
    seen = terminal.wait_until(lambda text: confirmed.search(text) is not None, LOST_S, since=sent)
    wait(KEY_PAUSE_S)
    return word, (sent, seen)


def confirmed(folder: Path, notes: int) -> list[float]:
    """Milliseconds until a note is confirmed, without its paint: in a thread, and the record read anew."""
    book = Book.new(folder, "measured", "alice")
    for n in range(BUSY if notes >= NOTES else 50):
        book.note(f"entry {n} of a long incident")

    async def write() -> list[float]:
        desk = Desk(folder, "alice")
        await desk.attach(book.id)
        took = []
        for n in range(notes):
            begun = time.perf_counter()
            written = await desk.write(Draft("note", f"a note of ordinary length, number {n}"))
            took.append((time.perf_counter() - begun) * 1000)
            assert len(written) == 1 and not desk.unsaved
        return took

    return asyncio.run(write())


def two_engineers(folder: Path, notes: int) -> str:
    """What is wrong after two consoles wrote into one case in turns; empty: nothing."""
    alice = Book.new(folder, "together", "alice")
    bob = Book(folder, alice.id, "bob")
    for n in range(notes):
        (alice if n % 2 else bob).write(evidence(f"seen {n}", kind="note"))
    case = Book(folder, alice.id, "carol").read()
    names = [one.name for one in case.evidence]
    whole = all(verify(path).broken_at is None for path in (alice.folder / "journal").iterdir())
    if len(set(names)) != notes or not whole:
        return f"{len(set(names))} names of {notes}, chains {'whole' if whole else 'broken'}"
    return ""


def run(options: Options) -> Iterator[Row]:
    """Measure."""
    kills, notes = (5, 100) if options.short else (KILLS, NOTES)
    with tempfile.TemporaryDirectory() as folder:
        count, lost = lost_after_kills(Path(folder), kills)
        kept = len(Reader(Path(folder)).read()[0])
        yield Row(
            f"{kills} × kill -9 while notes are taken: confirmed notes lost", float(lost), "", 0.0,
            note=f"{count:,} confirmed, {kept:,} in the record",
        )  # fmt: skip
    count, busy = (5, 50) if options.short else (PAINTED, BUSY)
    told = painted(count, busy, options.settle_s)
    where = f"n = {count:,}, in a real terminal, in a case of {busy:,} entries"
    for since, times in (("the journal's write", told.since_write), ("Enter", told.since_enter)):
        shown = list(times) or [math.inf]
        name = f"a note, from {since} to its confirmation on the screen"
        yield Row(f"{name}, 99th percentile", percentile(shown, 0.99), "ms", 50.0, note=where, wrong=told.wrong)
        yield Row("the same, median", statistics.median(shown), "ms")
    with tempfile.TemporaryDirectory() as folder:
        took = confirmed(Path(folder), notes)
        yield Row(
            "a note until it is confirmed, without the paint, 99th percentile",
            percentile(took, 0.99),
            "ms",
            50.0,
            note=f"n = {notes:,}",
        )
        yield Row("the same, median", statistics.median(took), "ms")
        wrong = two_engineers(Path(folder), 40)
        yield Row(
            "two engineers in one case: names given twice or broken chains", float(bool(wrong)), "", 0.0, wrong=wrong
        )
        book = Book(Path(folder), next(p.name for p in Path(folder).iterdir() if "measured" in p.name), "alice")
        begun = time.perf_counter()
        case = book.read()
        page = html_of(report_of(case, time.time()))
        size = sum(len(json.dumps(event.text)) for event in case.events)
        yield Row(
            "the report of that case as HTML",
            (time.perf_counter() - begun) * 1000,
            "ms",
            note=f"{len(case.events):,} entries, {size >> 10} KiB of text, {len(page) >> 10} KiB of HTML",
        )
