"""The spans of one trace as a tree: who waited for whom, since when, and what each took itself."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from console.analysis.traces import own_time
from console.domain.spans import Span
from console.domain.text import SafeText
from console.guard.sanitise import safe
from console.state import SpanRow, SpansView

NOTHING = SafeText("")
MOST_ROWS = 300
"""Spans that are shown, from the first on; what is beyond is counted."""


def span_tree(spans: Iterable[Span], says: SafeText = NOTHING) -> SpansView:
    """Each span below its parent, in the order in which they began; one whose parent is not known stands at the left.

    Spans that name each other as parents, which no healthy system writes, stand at the left as well.
    """
    known = sorted({span.span_id: span for span in spans}.values(), key=lambda span: span.start)
    if not known:
        return SpansView(says=says)
    rows = _Rows(known).rows
    begin, end = known[0].start, max(span.end for span in known)
    if len(rows) < len(known):
        more = f"{len(known) - len(rows):,} more spans are not shown"
        says = safe(f"{says}; {more}" if says else more)
    return SpansView(tuple(rows), end - begin, says)


class _Rows:
    """Walks the spans once, without recursion: a trace may be as deep as somebody writes it."""

    def __init__(self, known: Sequence[Span]) -> None:
        self._begin = known[0].start
        ids = {span.span_id for span in known}
        self._below: dict[str, list[Span]] = {}
        for span in known:
            if span.parent_id in ids:
                self._below.setdefault(span.parent_id or "", []).append(span)
        self.rows: list[SpanRow] = []
        self._seen: set[str] = set()
        for root in (*(span for span in known if span.parent_id not in ids), *known):
            self._from(root)

    def _from(self, root: Span) -> None:
        waiting = [(root, "", "")]
        while waiting and len(self.rows) < MOST_ROWS:
            span, trunk, lead = waiting.pop()
            if span.span_id in self._seen:
                continue
            self._seen.add(span.span_id)
            below = [one for one in self._below.get(span.span_id, ()) if one.span_id not in self._seen]
            self.rows.append(self._row(span, trunk))
            for place, child in reversed(list(enumerate(below))):
                last = place == len(below) - 1
                waiting.append((child, f"{lead}{'└─ ' if last else '├─ '}", f"{lead}{'   ' if last else '│  '}"))

    def _row(self, span: Span, trunk: str) -> SpanRow:
        below = self._below.get(span.span_id, ())
        return SpanRow(
            key=span.span_id,
            trunk=trunk,
            service=safe(span.service),
            operation=safe(span.operation),
            kind=span.kind,
            start_s=span.start - self._begin,
            duration_s=span.duration_s,
            own_s=own_time(span, below),
            failed=span.failed,
        )
