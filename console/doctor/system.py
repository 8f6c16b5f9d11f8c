"""Every configured source, asked once: what it has, or why it has nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from console.doctor.finding import Finding, Level, finding
from console.domain.instant import Instant, Window, span_text
from console.domain.reading import Reading, SourceState
from console.domain.topology import Health
from console.domain.values import dataclass

if TYPE_CHECKING:
    from console.observe import Sources
    from sources.base import VersionSource

DEADLINE_S = 15.0
RECENT_S = 900.0
STEP_S = 15.0
CHANGES_S = 30 * 86400.0
MOST_SPANS = 1000


@dataclass(frozen=True, slots=True)
class Asked:
    """What came of one question."""

    finding: Finding
    failed: bool = False
    """There was no answer."""


@dataclass(frozen=True, slots=True)
class Amount:
    """What a source has, in words, and what to look at where that is nothing."""

    says: str
    if_empty: str = ""


async def source_findings(sources: Sources, now: Instant) -> list[Finding]:
    """One finding per source. Where all of those failed that a verdict needs, one more says so."""
    recent, past = Window(now - RECENT_S, now), Window(now - CHANGES_S, now)
    needed = [
        *(_asked(f"[[logs]] {s.name}", partial(s.page, recent, None, 1), _logs) for s in sources.logs),
        *(_asked(f"[[metrics]] {s.name}", partial(s.series, recent, STEP_S), _metrics) for s in sources.metrics),
        *(_asked(f"[[traces]] {s.name}", partial(s.spans, recent, MOST_SPANS), _spans) for s in sources.traces),
    ]
    measuring = {id(s) for s in sources.metrics}  # asked already, and no less well for telling no version
    present = [
        *(_bounded(f"probe of {s.name}", _probed(s, now)) for s in sources.health),
        *(_bounded(f"version of {s.name}", _version(s, now)) for s in sources.versions if id(s) not in measuring),
    ]
    changes = [_asked(_changes_name(s), partial(s.changes, past), _changes) for s in sources.changes]
    if not needed and not present and not changes:
        mend = "`incident config init` writes a start; `incident demo` shows a system with a fault in it"
        return [finding("source", "sources", Level.HINT, "no source is configured", mend)]
    # Probes first and alone: reading logs beside them would make every target look slow.
    probed = await asyncio.gather(*present)
    asked = [*await asyncio.gather(*needed, *changes), *probed]
    found = [one.finding for one in asked]
    if needed and all(one.failed for one in asked[: len(needed)]):
        says = "every source of logs, metrics and traces failed, so nothing can be judged"
        found.append(finding("source", "sources", Level.DOWN, says, "begin with the first one above"))
    return found


def _changes_name(source: Any) -> str:
    return (
        f"deploy tags of {source.name.removeprefix('git:')}" if source.kind == "git" else f"[[changes]] {source.name}"
    )


async def _asked(name: str, ask: Callable[[], Awaitable[Reading[Any]]], amount: Callable[[Any], Amount]) -> Asked:
    """Ask a source and put its answer in words."""

    async def question() -> Finding:
        reading = await ask()
        there = amount(reading.value)
        detail = f"{there.says}; {reading.report.detail}" if reading.report.detail else there.says
        if reading.report.state is not SourceState.OK:
            return finding("source", name, Level.PROBLEM, f"{reading.report.state.value}: {detail}", there.if_empty)
        return finding("source", name, Level.HINT if there.if_empty else Level.OK, detail, there.if_empty)

    return await _bounded(name, question())


async def _bounded(name: str, question: Awaitable[Finding]) -> Asked:
    try:
        async with asyncio.timeout(DEADLINE_S):
            return Asked(await question)
    except TimeoutError:
        says, mend = (
            f"failed: no answer within {DEADLINE_S:g} s",
            "look whether it is overloaded, or packets are dropped",
        )
    except Exception as error:  # one source must not hide what is known of the others
        says, mend = f"failed: {str(error) or type(error).__name__}", ""
    return Asked(finding("source", name, Level.PROBLEM, says, mend), failed=True)


_AGO = f"in the last {span_text(RECENT_S)}"


def _number(count: int, one: str, many: str) -> str:
    return f"{count:,} {one if count == 1 else many}"


def _logs(page: Any) -> Amount:
    empty = "" if page.matched else "if the system writes logs now, look at paths, timezone and the machine's clock"
    return Amount(f"{_number(page.matched, 'record', 'records')} {_AGO}", empty)


def _metrics(series: Any) -> Amount:
    services = _number(len({one.key.service for one in series}), "service", "services")
    empty = "" if series else "look whether its labels or columns name the configured services"
    return Amount(f"{_number(len(series), 'series', 'series')} of {services} {_AGO}", empty)


def _changes(changes: Any) -> Amount:
    return Amount(f"{_number(len(changes), 'change', 'changes')} in the last {span_text(CHANGES_S)}")


def _spans(spans: Any) -> Amount:
    more = " or more" if len(spans) >= MOST_SPANS else ""
    empty = "" if spans else "if requests are traced now, look at the machine's clock and at sampling"
    return Amount(f"{_number(len(spans), 'span', 'spans')}{more} {_AGO}", empty)


async def _probed(source: Any, now: Instant) -> Finding:
    result = await source.probe(now)
    level = Level.OK if result.health is Health.HEALTHY else Level.PROBLEM
    mend = "" if level is Level.OK else "if it is well, correct its `probe`"
    says = f"{result.target}: {result.health.value}, {result.detail}"
    return finding("source", f"probe of {result.name}", level, says, mend)


async def _version(source: VersionSource, now: Instant) -> Finding:
    told = [f"{one.version or one.commit} runs, says {one.source}" for one in await source.running(now)]
    return finding("source", f"version of {source.name}", Level.OK, "; ".join(told))
