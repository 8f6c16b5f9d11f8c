"""The live session: evidence, log pane and diagnosis behind one `ConsoleState`. Knows nothing of Textual.

What happens outside arrives in feeds; what the user wants arrives as method calls; `changed` is called when a new state can
be had, and the screen asks for it when it is ready to paint.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from zoneinfo import ZoneInfo

from console.config.models import Config
from console.domain.diagnosis import Diagnosis
from console.domain.instant import Instant, parse_span
from console.domain.observations import Observations
from console.domain.text import SafeText
from console.guard.sanitise import safe
from console.live.details import Details
from console.live.evidence import Evidence
from console.live.log_pane import LogPane
from console.live.scope import TimeScope
from console.live.status import combined
from console.live.timeview import TimeView
from console.observe import Sources
from console.query.parse import QueryError
from console.state import Axis, ChangesView, ConsoleState, HeaderView, SignalsView, Status, Word
from console.views import changes_view, header_view, signals_view, suspects_view, upstreams_view

DIAGNOSIS_EVERY_S = 4.0
"""Least pause between two diagnoses; one is made only when evidence arrived."""


class Session:
    """One console on one configuration.

    Args:
        config: For the display zone and the window to begin with.
        sources: What to ask; the caller closes them.
        diagnose: Makes a diagnosis, usually in another process.
        changed: Called in the event loop when a new state can be had; must be cheap.
    """

    def __init__(
        self,
        config: Config,
        sources: Sources,
        diagnose: Callable[[Observations], Awaitable[Diagnosis]],
        changed: Callable[[], None],
        clock: Callable[[], Instant] = time.time,
    ) -> None:
        self.zone = ZoneInfo(config.console.timezone)
        self._zone_name = config.console.timezone
        self._sources = sources
        self._diagnose = diagnose
        self._changed = changed
        self.scope = TimeScope(TimeView(parse_span(config.console.window)), clock)
        self.logs = LogPane(sources.logs, self.scope, changed)
        self.evidence = Evidence(sources, self.scope, self._arrived)
        self.details = Details(sources, self.scope)
        self._news = asyncio.Event()
        self._diagnosis: Diagnosis | None = None
        self._observations: Observations | None = None
        self._problem = SafeText("")
        self._frozen: ConsoleState | None = None
        self._signals: tuple[tuple[Axis, Status, int, int], SignalsView] | None = None

    # What the user wants.

    def set_view(self, view: TimeView) -> None:
        """Move or resize the time window of every pane."""
        self.scope.view = view
        self.logs.reload()
        self.refresh()

    def try_filter(self, text: str) -> str | None:
        """Filter the log pane; returns what is wrong with the text, and then the old filter stays."""
        try:
            self.logs.set_filter(text)
        except QueryError as error:
            return str(error)
        return None

    def set_frozen(self, frozen: bool) -> None:
        """Freeze what is shown while collection goes on, or show what has arrived since."""
        if frozen != self.frozen:
            self._frozen = frozen_state(self.state(), self.scope.now()) if frozen else None
            self._changed()

    @property
    def observations(self) -> Observations | None:
        """What the last diagnosis was made of; None before the first answers."""
        return self._observations

    @property
    def frozen(self) -> bool:
        """Whether the screen is frozen."""
        return self._frozen is not None

    def refresh(self) -> None:
        """Ask every source again now; budgets still hold."""
        self.evidence.kick()
        self._arrived()

    # The loops.

    async def run(self) -> None:
        """Run until cancelled."""
        async with asyncio.TaskGroup() as group:
            for feed in self.evidence.feeds():
                group.create_task(feed.run(), name=f"feed {feed.name}")
            for source in self._sources.logs:
                group.create_task(self.logs.follow(source), name=f"tail {source.name}")
            group.create_task(self.logs.keep_loaded(), name="log pane")
            group.create_task(self._keep_diagnosed(), name="diagnosis")

    def _arrived(self) -> None:
        self._news.set()
        self._changed()

    async def _keep_diagnosed(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            if not self.evidence.complete():
                self._observations = self.evidence.observations()
                continue
            await self.diagnose_once()
            await asyncio.sleep(DIAGNOSIS_EVERY_S)

    async def diagnose_once(self) -> None:
        """Judge what is known now. A failure is shown in the header; the last good answer stays."""
        try:
            await self.evidence.read_diffs()
            observations = self.evidence.observations()
            self._diagnosis = await self._diagnose(observations)
            self._problem = SafeText("")
        except Exception as error:  # the judge must not take the screen down with it
            self._problem = safe(f"diagnosis failed: {type(error).__name__}: {error}", 200)
            observations = self.evidence.observations()
        self._observations = observations
        self._changed()

    # The state.

    def state(self) -> ConsoleState:
        """The newest state; while frozen, that of the moment it was frozen."""
        if self._frozen is not None:
            return self._frozen
        now, live, diagnosis = self.scope.now(), self.scope.view.live, self._diagnosis
        status = combined(self.evidence.states(), now, live=live)
        return ConsoleState(
            now=now,
            window=self.scope.axis_window(),
            live=live,
            header=self._header(now, status),
            signals=self._signals_view(combined(self.evidence.states("series"), now, live=live)),
            suspects=suspects_view(diagnosis, replace(status, detail=SafeText(""))),
            logs=self.logs.view(diagnosis.patterns if diagnosis is not None else ()),
            changes=self._changes_view(combined(self.evidence.states("changes"), now, live=live)),
            upstreams=upstreams_view(
                diagnosis,
                self.evidence.probes(),
                now,
                combined(self.evidence.states("probes", "series"), now, live=live),
            ),
            diagnosis=diagnosis,
            timezone=self._zone_name,
        )

    def _header(self, now: Instant, status: Status) -> HeaderView:
        view = header_view(self._diagnosis, now, self.scope.view.text(now, self.zone), status)
        if self._problem:
            view = replace(view, verdict=self._problem)
        return replace(view, cost=self._sources.costs())

    def _changes_view(self, status: Status) -> ChangesView:
        if self._observations is None:
            return ChangesView(status=Status(Word.LOADING))
        return changes_view(self._observations, self._diagnosis, status)

    def _signals_view(self, status: Status) -> SignalsView | None:
        """Made anew only when the axis moved or something arrived: it is the one costly view."""
        window = self.scope.axis_window()
        if self._observations is None:
            return None
        key = (
            Axis(window, self.scope.step_s),
            replace(status, age_s=None),
            id(self._observations),
            id(self._diagnosis),
        )
        if self._signals is None or self._signals[0] != key:
            self._signals = (key, signals_view(self._observations, self._diagnosis, window, status))
        return replace(self._signals[1], status=status)


def frozen_state(state: ConsoleState, at: Instant) -> ConsoleState:
    """The state as a frozen screen shows it: every pane says so, and none pretends to an age that no longer grows."""
    frozen = Status(Word.FROZEN, since=at)
    return replace(
        state,
        frozen_at=at,
        header=replace(state.header, status=frozen),
        signals=replace(state.signals, status=frozen) if state.signals is not None else None,
        suspects=replace(state.suspects, status=frozen),
        logs=replace(state.logs, status=frozen),
        changes=replace(state.changes, status=frozen),
        upstreams=replace(state.upstreams, status=frozen),
    )
