"""Field values that failing records have more often than others: which host, endpoint, tenant or version is hit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from console.analysis.constants import PATTERN_P, PATTERN_RATIO, PATTERN_SURGE
from console.analysis.stats import benjamini_hochberg, chi_square_p, g_shares
from console.domain.logs import LogRecord, record_id
from console.domain.observations import Observations
from console.domain.shapes import FieldExcess
from console.domain.text import SafeText

LEAST_OTHERS = 100
"""Other records that must have a field before their values say what is usual [D]."""
MOST_VALUES = 20
LONGEST_VALUE = 200
_NO_CAUSES = frozenset(
    ("level", "lvl", "severity", "severity_text", "loglevel", "log_level", "log.level", "levelname", "priority", "tail")
)
"""Say that a record failed, not why."""


def excess(failing: Sequence[LogRecord], others: Sequence[LogRecord]) -> tuple[FieldExcess, ...]:
    """Values over-represented among failing records, the clearest first.

    Each value's share among the failing records that have the field is tested against its share among the others that
    have it, as patterns are tested against their baseline.

    Args:
        failing: Records that failed, or an even sample of them.
        others: Records of the same window that did not.
    """
    hits, totals = _counted(failing)
    usual, usual_totals = _counted(others)
    candidates = [
        (name, value, count)
        for (name, value), count in hits.items()
        if count >= PATTERN_SURGE and usual_totals[name] >= LEAST_OTHERS
    ]
    scores = [g_shares(n, totals[f], usual[f, v], usual_totals[f]) for f, v, n in candidates]
    chances = benjamini_hochberg([chi_square_p(g) for g in scores])
    found: list[tuple[float, FieldExcess]] = []
    for (name, value, count), g, chance in zip(candidates, scores, chances, strict=True):
        of, other, other_of = totals[name], usual[name, value], usual_totals[name]
        smooth = ((count + 0.5) / (of + 1)) / ((other + 0.5) / (other_of + 1))
        if smooth >= PATTERN_RATIO and chance < PATTERN_P:
            ratio = (count / of) / (other / other_of) if other else None
            found.append((g, FieldExcess(name, value, count, of, other, other_of, ratio)))
    found.sort(key=lambda one: (-one[0], one[1].field, one[1].value))
    return tuple([one for _, one in found[:MOST_VALUES]])


def excess_of(seen: Observations) -> tuple[FieldExcess, ...]:
    """Values over-represented among the failing records of the window, as far as records of it were read."""
    read = [one.records for one in (seen.records, seen.errors) if one is not None]
    known = {record_id(r): r for records in read for r in records if r.at is not None and r.at in seen.window}
    return excess([r for r in known.values() if r.failed], [r for r in known.values() if not r.failed])


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
        if value and len(value) <= LONGEST_VALUE and name.lower() not in _NO_CAUSES:
            found.setdefault(name, value)
    return found
