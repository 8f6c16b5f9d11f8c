"""Every pane says at every moment how far it can be trusted, and how old what it shows is."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest
from textual.geometry import Size
from textual.pilot import Pilot

import console.live.evidence
import console.live.log_pane
import console.observe
from console.app import IncidentConsole
from console.domain.instant import Window, clock_text
from console.domain.reading import Reading, SourceState
from console.domain.text import SafeText
from console.domain.topology import Topology
from console.observe import Sources
from console.screens.overview import OverviewScreen, plan, wanted_rows
from console.state import ChangesView, ConsoleState, Status, Word
from sources.base import SourceUnavailable
from tests.tui.fakes import NOW, System, until
from widgets import changes
from widgets.body import Look

ASKED = frozenset({"series", "page", "counts", "errors", "messages", "changes", "probe"})
ALL = frozenset({"app", "prod", "git:repo", "orders-db"})
PANES = ("Signals", "Suspects", "Logs", "Changes", "Upstreams")


@dataclass
class Switch:
    """How all sources behave: they answer, hang, answer in part, or fail."""

    mode: str = "hang"
    hanging: set[str] = field(default_factory=set)
    """Names of sources that hang now."""
    turned: asyncio.Event = field(default_factory=asyncio.Event)

    def to(self, mode: str) -> None:
        """From now on; what hangs goes on in the new way."""
        self.mode = mode
        turned, self.turned = self.turned, asyncio.Event()
        turned.set()


class Switched:
    """A source behind the switch."""

    def __init__(self, source: Any, switch: Switch) -> None:
        self._source, self._switch = source, switch

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._source, name)
        return self._behind_the_switch(value) if name in ASKED else value

    def _behind_the_switch(self, question: Any) -> Any:
        async def ask(*arguments: Any) -> Any:
            while self._switch.mode == "hang":
                self._switch.hanging.add(self._source.name)
                await self._switch.turned.wait()
            self._switch.hanging.discard(self._source.name)
            if self._switch.mode == "fail":
                raise SourceUnavailable("connection refused")
            answer = await question(*arguments)
            if self._switch.mode == "part" and isinstance(answer, Reading):
                report = replace(answer.report, state=SourceState.PARTIAL, detail=SafeText("2/3 shards"))
                return replace(answer, report=report)
            return answer

        return ask


class SwitchedSystem(System):
    """The fakes behind one switch."""

    def __init__(self) -> None:
        super().__init__()
        self.switch = Switch()

    def sources(self) -> Sources:
        made = super().sources()

        def behind(sources: Sequence[Any]) -> tuple[Any, ...]:
            return tuple(Switched(source, self.switch) for source in sources)

        return replace(
            made,
            logs=behind(made.logs),
            metrics=behind(made.metrics),
            changes=behind(made.changes),
            health=behind(made.health),
        )


class NoSources(System):
    """Nothing is configured."""

    def sources(self) -> Sources:
        return Sources(Topology(()))


def told(app: IncidentConsole) -> dict[str, str]:
    """What stands at the right of each pane's upper border, by title."""
    app.show_now()
    found = {}
    for pane in cast(OverviewScreen, app.screen).panes():
        border = pane.lines[0].text
        match = re.search(r"[━─] ((?:[^━─]*· )?)([A-Z][^━─·]*(?:· [^━─]*)?) [┓┐]$", border)
        found[pane.title] = match[2] if match is not None else border
    return found


async def shows(app: IncidentConsole, pilot: Pilot[int], expected: dict[str, str]) -> None:
    """Until every pane shows it."""

    def as_expected() -> bool:
        app.session.refresh()  # an answer that was under way may be about an earlier moment
        return told(app) == expected

    try:
        await until(as_expected)
    except TimeoutError:
        assert told(app) == expected
    await pilot.pause()


def all_panes(text: str, **others: str) -> dict[str, str]:
    return {**dict.fromkeys(PANES, text), **others}


@pytest.fixture
def without_deadlines(monkeypatch: pytest.MonkeyPatch) -> None:
    """What hangs goes on hanging, however long the test takes: it is not given up."""
    monkeypatch.setattr(console.live.evidence, "DEADLINE_S", 3600.0)
    monkeypatch.setattr(console.live.log_pane, "READ_DEADLINE_S", 3600.0)
    monkeypatch.setattr(console.observe, "PROBE_DEADLINE_S", 3600.0)


@pytest.mark.slow
@pytest.mark.usefixtures("without_deadlines")
async def test_every_pane_goes_through_every_state_with_the_right_age() -> None:
    system = SwitchedSystem()
    switch, app = system.switch, system.app(monotonic=lambda: 0.0)  # no age but that of the data
    async with app.run_test(size=(200, 50)) as pilot:
        await until(lambda: switch.hanging == ALL)
        await shows(app, pilot, all_panes("LOADING"))

        switch.to("answer")
        await shows(app, pilot, all_panes("LIVE 0s"))

        switch.to("hang")
        app.session.refresh()
        await until(lambda: switch.hanging == ALL)
        system.now = NOW + 4
        await shows(app, pilot, all_panes("LIVE 3s"))
        system.now = NOW + 46
        await shows(app, pilot, all_panes("STALE 45s"))

        switch.to("part")
        await shows(app, pilot, all_panes("PARTIAL 2/3 shards 0s", Suspects="PARTIAL 0s"))

        switch.to("fail")
        app.session.set_view(app.session.scope.view)  # the log pane reads the window anew
        since = f"DOWN since {clock_text(NOW + 46, app.session.zone, seconds=False)}"
        await shows(app, pilot, all_panes(since))

        await pilot.press("P")
        system.now = NOW + 300
        await shows(app, pilot, all_panes(f"FROZEN {clock_text(NOW + 46, app.session.zone)}"))
        await pilot.press("P")
        switch.to("answer")
        app.session.set_view(app.session.scope.view)
        await shows(app, pilot, all_panes("LIVE 0s"))


async def test_what_is_not_configured_is_no_data_and_says_how_to_get_it() -> None:
    app = NoSources().app()
    async with app.run_test(size=(200, 50)) as pilot:
        await shows(app, pilot, all_panes("NO DATA"))
        panes = {pane.title: pane.plain_text() for pane in cast(OverviewScreen, app.screen).panes()}
    assert "add a [[service]]" in panes["Signals"] and "add [[dependency]]" in panes["Upstreams"]
    assert 'add repository = "…"' in panes["Changes"]


def test_a_pane_without_changes_has_room_to_say_why() -> None:
    reason = SafeText("git:/srv/checkout: /srv/checkout: no such folder; correct `repository` in [[service]]")
    view = ChangesView(empty_reason=reason, status=Status(Word.DOWN, detail=reason))
    state = ConsoleState(NOW, Window(NOW - 1800, NOW), changes=view)
    made = plan(Size(120, 37), *wanted_rows(state))
    body = changes.paint(state.changes, made.side_columns - 4, made.changes_rows - 2, Look())
    text = " ".join(line.text.strip() for row in body.rows for line in row.lines)
    assert text == reason
