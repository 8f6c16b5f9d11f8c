"""The state word of a pane from the feeds behind it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from console.domain.instant import Instant, span_text
from console.domain.reading import FeedPhase, FeedState, SourceState
from console.domain.text import SafeText
from console.state import Status, Word


def combined(states: Sequence[tuple[str, FeedState[Any]]], now: Instant, *, live: bool = True) -> Status:
    """One status for several feeds, by name; the worst news wins, and the age is that of the oldest good reading."""
    if not states:
        return Status(Word.NO_DATA)
    failed = [(name, s) for name, s in states if s.phase is FeedPhase.FAILED]
    good = [s for _, s in states if s.reading is not None and s.phase is not FeedPhase.FAILED]
    age = max((now - s.reading.observed_at for s in good if s.reading is not None), default=None)
    if len(failed) == len(states):
        return _all_failed(failed, now)
    if any(s.phase is FeedPhase.LOADING for _, s in states):
        return Status(Word.LOADING, age)
    if failed:
        name, state = failed[0]
        return Status(Word.PARTIAL, age, detail=SafeText(f"{len(good)}/{len(states)} · {name}: {state.reason}"))
    partial = [s for s in good if s.reading is not None and s.reading.report.state is SourceState.PARTIAL]
    if partial and partial[0].reading is not None:
        return Status(Word.PARTIAL, age, detail=partial[0].reading.report.detail)
    if any(s.phase is FeedPhase.STALE for _, s in states):
        return Status(Word.STALE, age)
    return Status(Word.LIVE if live else Word.PAST, age)


def _all_failed(failed: list[tuple[str, FeedState[Any]]], now: Instant) -> Status:
    since = min(s.failed_since for _, s in failed if s.failed_since is not None)
    name, state = failed[0]
    waits = [s.next_attempt - now for _, s in failed if s.next_attempt is not None]
    retry = f" · next try in {span_text(max(0.0, min(waits)))}" if waits else ""
    return Status(Word.DOWN, None, since, SafeText(f"{name}: {state.reason}{retry}"))
