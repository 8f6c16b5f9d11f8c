"""What a drill-down asks for once, when it is opened: records, a deploy's commits."""

from __future__ import annotations

import asyncio

from console.domain.changes import DeployDetail
from console.domain.diagnosis import JudgedChange
from console.domain.instant import Window
from console.domain.logs import LogCounts, LogPage, LogRecord
from console.domain.spans import Span
from console.domain.text import SafeText
from console.domain.values import dataclass
from console.guard.sanitise import safe
from console.live.log_pane import READ_DEADLINE_S
from console.live.scope import TimeScope
from console.live.secrets import hidden
from console.observe import Sources
from console.query.ast import Query
from console.query.parse import parse
from console.state import SpansView
from sources.base import LogSource, TraceSource

DETAIL_RECORDS = 500
MOST_SPANS = 1_000
"""Of one trace."""
NO_TRACES = SafeText("no source of spans: add a [[traces]] with name and path")


@dataclass(frozen=True, slots=True)
class Found:
    """Records of a drill-down: how many match in all, and what could not be asked."""

    records: tuple[LogRecord, ...] = ()
    matched: int = 0
    problem: SafeText = SafeText("")


class Details:
    """Asks the sources on behalf of one opened screen. Nothing here raises: a problem is a part of the answer."""

    def __init__(self, sources: Sources, scope: TimeScope) -> None:
        self._sources = sources
        self._scope = scope

    async def records(self, query_text: str, window: Window | None = None) -> Found:
        """The newest matching records of `window`, else of the window that all panes follow, over all log sources."""
        window = window if window is not None else self._scope.window()
        query = parse(query_text) if query_text.strip() else None
        answers = await asyncio.gather(*(_page(source, window, query) for source in self._sources.logs))
        pages = [answer for answer in answers if isinstance(answer, LogPage)]
        problems = [answer for answer in answers if not isinstance(answer, LogPage)]
        records = sorted((r for page in pages for r in page.records), key=lambda r: r.at or 0.0)
        matched = sum(page.matched for page in pages)
        return Found(hidden(records[-DETAIL_RECORDS:]), matched, safe("; ".join(problems), 300))

    async def spans(self, trace_id: str, window: Window) -> SpansView:
        """The spans of one trace that ended in a window, of all sources of spans."""
        from console.drilldowns.spans import span_tree  # the screen's process needs nothing of it

        if not self._sources.traces:
            return SpansView(says=NO_TRACES)
        answers = await asyncio.gather(*(_spans(source, window, trace_id) for source in self._sources.traces))
        found = [span for answer in answers if not isinstance(answer, str) for span in answer]
        problems = "; ".join(answer for answer in answers if isinstance(answer, str))
        return span_tree(found, safe(problems or ("" if found else "no span of this trace is known by now"), 300))

    async def counts(self, query_text: str, window: Window, step_s: float) -> list[LogCounts]:
        """How many records match in each step, of every log source that answers."""
        query = parse(query_text) if query_text.strip() else None
        answers = await asyncio.gather(*(_counts(source, window, step_s, query) for source in self._sources.logs))
        return [answer for answer in answers if answer is not None]

    async def deploy(self, change: JudgedChange) -> DeployDetail | SafeText:
        """The commits that a deploy brought, or why they cannot be told."""
        try:
            detail = await self._sources.deploy_detail(change.id, change.service)
        except Exception as error:
            return safe(str(error) or type(error).__name__, 300)
        return (
            detail if detail is not None else SafeText("no repository holds this change: nothing more is known of it")
        )


async def _page(source: LogSource, window: Window, query: Query | None) -> LogPage | str:
    """The newest matching records of one source, or why there are none: it must not hide the lines of the others."""
    try:
        async with asyncio.timeout(READ_DEADLINE_S):
            return (await source.page(window, query, DETAIL_RECORDS)).value
    except TimeoutError:
        return f"{source.name}: no answer within {READ_DEADLINE_S:g} s"
    except Exception as error:
        return f"{source.name}: {error}"


async def _spans(source: TraceSource, window: Window, trace_id: str) -> tuple[Span, ...] | str:
    """The spans of one source, or why there are none."""
    try:
        async with asyncio.timeout(READ_DEADLINE_S):
            return (await source.spans(window, MOST_SPANS, trace_id)).value
    except TimeoutError:
        return f"{source.name}: no answer within {READ_DEADLINE_S:g} s"
    except Exception as error:
        return f"{source.name}: {error}"


async def _counts(source: LogSource, window: Window, step_s: float, query: Query | None) -> LogCounts | None:
    """The counts of one source; None where it cannot tell: a chart of the others is better than none."""
    try:
        async with asyncio.timeout(READ_DEADLINE_S):
            return (await source.counts(window, step_s, query)).value
    except Exception:
        return None


def quoted(value: str) -> str:
    """A value as the query language takes it."""
    plain = value.replace('"', "'")
    return f'"{plain}"' if any(c in ' ()"/:' for c in plain) or not plain else plain


def about(service: str = "", operation: str = "", extra: str = "") -> str:
    """A query for one service and operation."""
    parts = [
        f"service:{quoted(service)}" if service else "",
        f"operation:{quoted(operation)}" if operation else "",
        extra,
    ]
    return " ".join(part for part in parts if part)
