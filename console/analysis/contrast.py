"""Field values that failing records have more often than others: which host, endpoint, tenant or version is hit."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache

from console.analysis.constants import PATTERN_P, PATTERN_RATIO, PATTERN_SURGE
from console.analysis.stats import benjamini_hochberg, chi_square_p, fisher_greater, g_shares
from console.domain.logs import LogRecord, record_id
from console.domain.observations import Observations
from console.domain.shapes import FieldExcess
from console.domain.text import SafeText
from console.query.aliases import meaning_of

LEAST_OTHERS = 30
"""Other records that must have a field before their values say what is usual [D]."""
FEW_OTHERS = 100
"""Below so many the chance is computed exactly: the approximation flatters [D]."""
MOST_VALUES = 20
LONGEST_VALUE = 200
_NO_CAUSES = frozenset(("level", "latency"))
"""Meanings that say that a record failed and how long it took to, not why."""
_EFFECTS = re.compile(
    r"latency|duration|elapsed|(?:^|[._-])took|response_?(?:time|size|bytes|length)|header_time|connect_time"
    r"|bytes_(?:sent|out|written)|^(?:bytes|size|content_length|tail|rt|urt|uht|uct)$"
)
"""Names of what comes of a request: its times, and the length of the answer."""


def excess(failing: Sequence[LogRecord], others: Sequence[LogRecord]) -> tuple[FieldExcess, ...]:
    """Values over-represented among failing records, the clearest first.

    Each value's share among the failing records that have the field is tested against its share among the others that
    have it, as patterns are tested against their baseline; among few others by Fisher's exact test.

    Args:
        failing: Records that failed, or an even sample of them.
        others: Records of the same window that did not.
    """
    hits, totals = _counted(failing)
    usual, usual_totals = _counted(others)
    candidates = [
        contrasted(name, value, (count, totals[name]), (usual[name, value], usual_totals[name]))
        for (name, value), count in hits.items()
        if count >= PATTERN_SURGE and usual_totals[name] >= LEAST_OTHERS
    ]
    found = [
        (g, one)
        for one, (g, chance) in zip(candidates, tested(candidates), strict=True)
        if _smooth_ratio(one) >= PATTERN_RATIO and chance < PATTERN_P
    ]
    found.sort(key=lambda one: (-one[0], one[1].field, one[1].value))
    return tuple([one for _, one in found[:MOST_VALUES]])


def contrasted(field: str, value: SafeText, failing: tuple[int, int], others: tuple[int, int]) -> FieldExcess:
    """A value with its part of the failing records and of the others, each of those that have the field."""
    (count, of), (other, other_of) = failing, others
    ratio = (count / of) / (other / other_of) if other else None
    return FieldExcess(field, value, count, of, other, other_of, ratio)


def tested(candidates: Sequence[FieldExcess]) -> list[tuple[float, float]]:
    """G of each value, and the chance of that or more, adjusted for the number of values: Fisher's exact among few others."""
    scores = [g_shares(one.failing, one.failing_of, one.others, one.others_of) for one in candidates]
    chances = [
        chi_square_p(g)
        if one.others_of >= FEW_OTHERS
        else fisher_greater(one.failing, one.failing_of, one.others, one.others_of)
        for one, g in zip(candidates, scores, strict=True)
    ]
    return list(zip(scores, benjamini_hochberg(chances), strict=True))


def _smooth_ratio(one: FieldExcess) -> float:
    return ((one.failing + 0.5) / (one.failing_of + 1)) / ((one.others + 0.5) / (one.others_of + 1))


def excess_of(seen: Observations) -> tuple[tuple[FieldExcess, ...], int | None]:
    """Values over-represented among the failing records of the window, as far as records of it were read.

    Returns:
        The values, and how many records they were found in where these are a sample; None: all were read.
    """
    read = [one for one in (seen.records, seen.errors) if one is not None]
    known = {record_id(r): r for one in read for r in one.records if r.at is not None and r.at in seen.window}
    found = excess([r for r in known.values() if r.failed], [r for r in known.values() if not r.failed])
    sampled = seen.records is None or seen.records.matched > len(seen.records.records)
    return found, len(known) if sampled else None


def _counted(records: Iterable[LogRecord]) -> tuple[Counter[tuple[str, SafeText]], Counter[str]]:
    """Records by field and value, and by field."""
    values: Counter[tuple[str, SafeText]] = Counter()
    for record in records:
        values.update(_fields(record).items())
    totals: Counter[str] = Counter()
    for (name, _), count in values.items():
        totals[name] += count
    return values, totals


def _fields(record: LogRecord) -> dict[str, SafeText]:
    """What a record says about itself, by the names that queries use; each name once."""
    named = {
        "service": record.service,
        "operation": record.operation,
        "status": str(record.status) if record.status is not None else "",
    }
    found = {name: SafeText(value) for name, value in named.items() if value}
    for name, value in record.fields:
        if value and len(value) <= LONGEST_VALUE and not _is_effect(name):
            found.setdefault(name, value)
    return found


@lru_cache(maxsize=1024)
def _is_effect(name: str) -> bool:
    return meaning_of(name) in _NO_CAUSES or _EFFECTS.search(name.lower()) is not None
