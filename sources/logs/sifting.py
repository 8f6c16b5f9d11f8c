"""How the lines of interest in a part of a file are best found: by hyperscan, by ripgrep, by numpy, by two processes, or by
reading all."""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter

from console.domain.values import dataclass
from sources.logs import bulk, scanning
from sources.logs.reading import Reader
from sources.logs.searched import worth
from sources.logs.sieve import Sieve

PROBES = 5
PROBE_BYTES = 32 << 10
"""Lines of so many places, of so many bytes each, tell what is in a part."""
DENSE = 0.3
"""Share of the lines from which on finding those of interest first is more work than reading all."""
DENSE_SCANNED = 0.6
"""The same where hyperscan finds them."""
DEARER = 0.03
"""Share of the lines that finding names of keys costs more than finding words."""
OFTEN = 0.12
"""Share of the lines that hold a word from which on numpy finds them sooner than ripgrep tells where they are."""
MOSTLY = 1.25
"""Up to so many lines with a word for each of interest are read at once, and not looked at again before."""
RARE = 200
"""Where fewer than one in so many lines is of interest, threads find them."""
MUCH = 24 << 20
"""Bytes of lines of interest from which on a second process pays: reading such lines one by one takes longer than all lines in a row."""


@dataclass(frozen=True, slots=True)
class Sifting:
    """How the lines of interest are found in a part of a file."""

    sieve: Sieve
    by_ripgrep: bool = False
    sure: bool = False
    """What ripgrep finds is nearly always of interest."""
    much: bool = False
    """There are so many that a second process pays."""

    scanned: bool = False
    """By hyperscan."""
    rare: bool = False
    """There are so few that threads can find them beside each other."""

    @property
    def alone(self) -> bool:
        """Whether one process does it: looking for words leaves the other core to a thread, or to ripgrep."""
        return not self.much and (self.by_ripgrep or self.scanned or not self.sieve.expressions)


def sifting_of(sieves: Sequence[Sieve], reader: Reader, low: int, size: int) -> Sifting | None:
    """The best way; None where reading all lines is as quick.

    Args:
        sieves: Each finds the lines that are needed.
        reader: Of the file.
        low: Where the part begins.
        size: About how many bytes it has.
    """
    scanned = scanning.library() is not None and size >= scanning.WORTH
    if not scanned:
        sieves = [one for one in sieves if not one.linear]
    searched = worth(reader, low, low + size)
    if reader.streamed or size < (scanning.WORTH if scanned else bulk.BULK):
        quick = next((one for one in sieves if scanned or not one.stems), None)
        return Sifting(quick, by_ripgrep=searched and not scanned, scanned=scanned) if quick is not None else None
    lines: list[bytes] = []
    for place in range(PROBES if sieves else 0):
        lines += reader.pread(PROBE_BYTES, low + size * place // PROBES).split(b"\n")[1:-1]
    wanted = [sum(map(one.line, lines)) for one in sieves]
    priced = [
        (count + (not scanned and bool(one.stems)) * DEARER * len(lines), count, one)
        for count, one in zip(wanted, sieves, strict=True)
    ]
    price, count, sieve = min(priced, key=itemgetter(0), default=(0.0, 0, None))
    if sieve is None or price > (DENSE_SCANNED if scanned else DENSE) * len(lines):
        return None
    if searched and _few_words(sieve, lines):
        scanned = False
    found = count if scanned else sum(map(sieve.holds, lines))
    return Sifting(
        sieve,
        # What ripgrep finds must be read from its output, place by place.
        by_ripgrep=searched and not scanned and not sieve.stems and found <= OFTEN * len(lines),
        sure=found <= MOSTLY * count,
        scanned=scanned,
        rare=found * RARE <= len(lines),
        much=(count if scanned else max(found, count)) * size >= MUCH * max(1, len(lines)),
    )


def _few_words(sieve: Sieve, lines: Sequence[bytes]) -> bool:
    """Whether words alone are looked for, and are rare in a sample: ripgrep, where it is, then has looked through a file before
    hyperscan's caller has read it."""
    return not sieve.stems and not sieve.expressions and sum(map(sieve.holds, lines)) * RARE <= len(lines)
