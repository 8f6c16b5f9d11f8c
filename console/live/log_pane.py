"""The log pane behind the screen: the filter, its first read of the window, and the records that arrive after."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from console.domain.instant import Window
from console.domain.logs import Pattern
from console.domain.text import SafeText
from console.guard.sanitise import safe
from console.live.log_tail import LogTail
from console.live.scope import TimeScope
from console.query.ast import Query
from console.query.evaluate import compile_query
from console.query.parse import parse
from console.state import LogsView, Status, Word
from sources.base import LogSource

DEFAULT_FILTER = "level:>=warn"
FIRST_PAGE = 500
READ_DEADLINE_S = 20.0
RESTART_S = 1.0


class LogPane:
    """The matching records of every log source.

    Args:
        sources: Where records come from.
        scope: The time window.
        changed: Called when there is something new to show; must be cheap.
    """

    def __init__(self, sources: Sequence[LogSource], scope: TimeScope, changed: Callable[[], None]) -> None:
        self._sources = sources
        self._scope = scope
        self._changed = changed
        self._query: Query | None = parse(DEFAULT_FILTER)
        self.filter_text = DEFAULT_FILTER
        self.following = True
        self._tail: LogTail | None = None
        self._status = Status(Word.LOADING if sources else Word.NO_DATA)
        self._broken: dict[str, SafeText] = {}
        self._reload = asyncio.Event()

    def set_filter(self, text: str) -> None:
        """Show only what matches.

        Raises:
            QueryError: The text is no query; the old filter stays.
        """
        self._query = parse(text) if text.strip() else None
        self.filter_text = text.strip()
        self.reload()

    def reload(self) -> None:
        """Read the window again: it moved, or the filter changed. The old lines stay until the new ones are there."""
        self._status = Status(Word.LOADING, detail=SafeText("reading the window"))
        self._reload.set()
        self._changed()

    async def follow(self, source: LogSource) -> None:
        """Take new records of one source until cancelled; a source that breaks is opened again."""
        while True:
            try:
                async for records in source.follow():
                    self._broken.pop(source.name, None)
                    if self._tail is not None and self._tail.add(records, self._scope.now()):
                        self._changed()
            except Exception as error:  # whatever breaks one source's tail must leave the others alone
                self._broken[source.name] = safe(f"{source.name}: {error}", 200)
                self._changed()
            await asyncio.sleep(RESTART_S)

    async def keep_loaded(self) -> None:
        """Read the window whenever `reload` was called, until cancelled."""
        while True:
            self._reload.clear()
            await self._load()
            self._changed()
            await self._reload.wait()

    async def _load(self) -> None:
        window = self._scope.window()
        query = self._query
        tail = LogTail(compile_query(query).matches, self._scope.step_s)
        if self._tail is None:
            self._tail = tail  # what arrives during the first read is not lost
        problems = [text for source in self._sources if (text := await self._preload(tail, source, window, query))]
        self._tail = tail
        if not self._sources:
            self._status = Status(Word.NO_DATA)
        elif problems:
            word = Word.DOWN if len(problems) == len(self._sources) else Word.PARTIAL
            self._status = Status(word, since=self._scope.now() if word is Word.DOWN else None, detail=problems[0])
        else:
            self._status = Status(Word.LIVE, 0.0)

    async def _preload(self, tail: LogTail, source: LogSource, window: Window, query: Query | None) -> SafeText | None:
        """Fill `tail` from one source; returns what went wrong."""
        try:
            async with asyncio.timeout(READ_DEADLINE_S):
                page = await source.page(window, query, FIRST_PAGE)
                counts = await source.counts(window, self._scope.step_s, query)
        except TimeoutError:
            return safe(f"{source.name}: no answer within {READ_DEADLINE_S:g} s")
        except Exception as error:  # a source error, or a bug in one source: the pane says so and lives
            return safe(f"{source.name}: {error}", 200)
        tail.preload(page.value, counts.value)
        return None

    def view(self, patterns: tuple[Pattern, ...]) -> LogsView:
        """What the pane shows now."""
        now, live = self._scope.now(), self._scope.view.live
        window = self._scope.axis_window()
        shown = Window(window.start, now) if live else window
        if self._tail is None:
            return LogsView(SafeText(self.filter_text), patterns=patterns, status=self._status)
        counts = self._tail.counts(shown)
        return LogsView(
            safe(self.filter_text),
            counts,
            patterns,
            self._tail.records(shown),
            counts.total,
            self._tail.rate_per_min(now) if live else None,
            self._tail.dropped,
            self.following,
            self._status_now(live),
        )

    def _status_now(self, live: bool) -> Status:
        if self._broken and self._status.word in (Word.LIVE, Word.PARTIAL):
            return Status(Word.PARTIAL, detail=next(iter(self._broken.values())))
        if self._status.word is Word.LIVE and not live:
            return Status(Word.PAST)
        return self._status
