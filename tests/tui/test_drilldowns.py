"""The screens behind the overview, over the real console: what they say, where Enter leads, what is copied, who announces."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from functools import partial

import pytest
from textual.pilot import Pilot

from console.app import IncidentConsole
from console.domain.changes import DeployDetail
from console.domain.diagnosis import Evidence, Standing, State, Suspect
from console.domain.instant import Window
from console.domain.reading import Reading
from console.domain.series import Series, SeriesKey
from console.domain.text import SafeText
from console.domain.topology import Dependency, Service, Topology
from console.guard.sanitise import UNSAFE
from console.live.repeat import question_of
from console.observe import Sources
from console.screens.base import ConsoleScreen
from console.screens.changes import ChangeScreen, ChangesScreen
from console.screens.dependencies import DependenciesScreen
from console.screens.details import UpstreamScreen
from console.screens.evidence import target_of
from console.screens.load import LoadScreen, MemoryScreen, SeriesScreen
from console.screens.logs import LogsScreen
from console.screens.news import NewsScreen
from console.screens.overview import OverviewScreen
from console.screens.places import AllChanges
from console.screens.suspect import SuspectScreen
from tests.tui.fakes import NOW, ONSET, STEP, FakeChanges, FakeMetrics, System, line, until
from tests.tui.test_console import diagnosed, screen_text
from tests.widgets.samples import HOSTILE

MIB = 1024.0**2


@dataclass
class FullMetrics(FakeMetrics):
    """Memory of checkout that fills up to a limit, besides what the others tell."""

    async def series(self, window: Window, step_s: float) -> Reading[tuple[Series, ...]]:
        told = await super().series(window, step_s)
        times = [t * STEP for t in range(int(window.start // STEP) + 1, int(window.end // STEP) + 1)]
        memory = [(t, 100 * MIB + (t - times[0]) / 3600 * 80 * MIB) for t in times]
        limits = [(t, 512 * MIB) for t in times]
        more = tuple(
            Series.of(SeriesKey("checkout", "", name), points, self.name, f"{name}{{service='checkout'}}")
            for name, points in (("memory_bytes", memory), ("memory_limit_bytes", limits))
        )
        return Reading((*told.value, *more), told.observed_at, told.report)


@dataclass
class Calmed(FakeMetrics):
    """Nothing is wrong until the test says so."""

    broken: bool = False

    def _of(self, service: str, operation: str, window: Window) -> list[Series]:
        made = super()._of(service, operation, window)
        if self.broken:
            return made
        calm = super()._of(service, operation, Window(ONSET - 600.0, ONSET))  # whatever stretch is asked for
        return [
            replace(one, values=type(one.values)("d", [min(before.values)] * len(one.values)))
            for one, before in zip(made, calm, strict=True)
        ]


class Circular(System):
    """Two services that need each other, and something that nobody configured."""

    def sources(self) -> Sources:
        services = (Service("gateway", ("checkout",)), Service("checkout", ("orders-db", "gateway", "nobody-knows")))
        return replace(super().sources(), topology=Topology(services, (Dependency("orders-db", "database"),)))


@pytest.fixture
def system() -> System:
    made = System(metrics=FullMetrics())
    made.logs.written = [
        line(f"timeout after {3000 + i} ms calling payments", NOW - 500 + i, offset=100 * i) for i in range(200)
    ]
    return made


async def at(app: IncidentConsole, pilot: Pilot[int], keys: list[str], screen: type) -> ConsoleScreen:
    """On the screen that these keys lead to from the overview."""
    await diagnosed(app, pilot)
    await pilot.press(*keys)
    await until(lambda: isinstance(app.screen, screen) and app.screen.is_mounted)
    await pilot.pause()
    assert isinstance(app.screen, ConsoleScreen)
    return app.screen


def shows(app: IncidentConsole, screen: type) -> bool:
    """Whether this screen is on top."""
    return isinstance(app.screen, screen) and app.screen.is_mounted


async def selected(app: IncidentConsole, pilot: Pilot[int], wanted: object, steps: int = 40) -> None:
    """The cursor on a row with this value."""
    screen = app.screen
    assert isinstance(screen, ConsoleScreen)
    for _ in range(steps):
        if screen.current().selected() == wanted:
            return
        await pilot.press("down")
    raise AssertionError(f"no row stands for {wanted}")


# The suspect


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 50)])
async def test_a_suspect_says_its_sentence_its_evidence_and_what_could_clear_it(
    system: System, size: tuple[int, int]
) -> None:
    app = system.app()
    async with app.run_test(size=size) as pilot:
        screen = await at(app, pilot, ["2", "enter"], SuspectScreen)
        assert isinstance(screen, SuspectScreen)
        if size[0] >= 120:
            await until(lambda: "┤" in screen_text(app))
            assert "╎" in screen_text(app) and " now " in screen_text(app)
        text = screen_text(app)
        assert "speak for it" in text and "cheapest check that could clear it" in text
        assert ("fact" if size[0] >= 120 else "inference") in text
        assert all(len(row) <= size[0] for row in text.splitlines())
        assert len(screen.panes()) == (2 if size[0] >= 120 else 1)


async def test_every_claim_of_every_suspect_leads_to_what_it_rests_on(system: System) -> None:
    app = system.app()
    async with app.run_test(size=(120, 40)) as pilot:
        await diagnosed(app, pilot)
        state = app.session.state()
        assert state.diagnosis is not None
        claims = [one for suspect in state.diagnosis.suspects for one in suspect.evidence]
        assert claims and all(target_of(one, state) is not None for one in claims)


LINES = Evidence(
    SafeText("new in its log: timeout"),
    "fact",
    True,
    "app",
    "incident logs 'service:checkout timeout' --since 2026-05-28T20:16:40Z --until 2026-05-28T20:26:40Z",
    Window(ONSET, NOW),
    200,
)
DEPLOY = Evidence(
    SafeText("took effect as it began"), "fact", True, "git:repo", f"git show {'a' * 12}", Window(ONSET, NOW)
)
PROBE = Evidence(SafeText("its probe says healthy"), "fact", False, "probes", "tcp://127.0.0.1:5432")
SERIES = Evidence(
    SafeText("p99 rose"),
    "inference",
    True,
    "prod",
    "p99",
    None,
    40,
    SeriesKey("checkout", "POST /orders", "latency_p99"),
)
WHO = Suspect(
    1,
    "service",
    "checkout-2",
    "checkout",
    None,
    0.9,
    Standing.LEADING,
    SafeText("It is."),
    (LINES, DEPLOY, SERIES, PROBE),
    None,
)


@pytest.mark.parametrize(
    ("claim", "screen", "word"),
    [
        (LINES, LogsScreen, "timeout after"),
        (DEPLOY, ChangeScreen, "pricing.py"),
        (SERIES, SeriesScreen, "p99  now "),
        (PROBE, UpstreamScreen, "Upstream orders-db"),
    ],
)
async def test_enter_on_a_claim_goes_to_the_very_lines_commit_chart_or_probe(
    system: System, claim: Evidence, screen: type, word: str
) -> None:
    app = system.app()
    async with app.run_test(size=(120, 40)) as pilot:
        await diagnosed(app, pilot)
        app.open_item(WHO)
        await until(lambda: isinstance(app.screen, SuspectScreen) and app.screen.is_mounted)
        await pilot.pause()
        await selected(app, pilot, claim)
        await pilot.press("enter")
        await until(lambda: isinstance(app.screen, screen) and word in screen_text(app))
        await pilot.press("backspace")
        await until(lambda: isinstance(app.screen, SuspectScreen))
        assert isinstance(app.screen, SuspectScreen) and app.screen.list.selected() == claim
        await pilot.press("backspace")
        await until(lambda: isinstance(app.screen, OverviewScreen))


async def test_y_copies_the_query_and_the_other_the_command(system: System) -> None:
    app = system.app()
    async with app.run_test(size=(120, 40)) as pilot:
        await diagnosed(app, pilot)
        app.open_item(WHO)
        await until(lambda: isinstance(app.screen, SuspectScreen) and app.screen.is_mounted)
        await pilot.pause()
        await selected(app, pilot, LINES)
        await pilot.press("y")
        await until(lambda: app.clipboard == "service:checkout timeout")
        await pilot.press("Y")
        await until(lambda: app.clipboard.startswith("incident logs 'service:checkout timeout' --since"))
        await selected(app, pilot, PROBE)
        await pilot.press("Y")
        await until(lambda: app.clipboard == "nc -vz -w 5 127.0.0.1 5432")


async def test_lines_of_a_stretch_that_the_window_does_not_reach_are_shown_for_that_stretch(system: System) -> None:
    app = system.app()
    async with app.run_test(size=(120, 40)) as pilot:
        await diagnosed(app, pilot)
        await pilot.press("plus", "plus", "plus")
        await until(lambda: app.session.scope.view.span_s < 300)
        asked = question_of("incident logs timeout --since 2026-05-28T20:18:00Z --until 2026-05-28T20:19:59.5Z")
        assert asked is not None and asked.window is not None
        inside = [r for r in system.logs.written if r.at is not None and r.at in asked.window]
        app.open_item(asked)
        await until(lambda: f"{len(inside):,} lines" in screen_text(app) if inside else "0 lines" in screen_text(app))
        assert inside and not isinstance(app.screen, LogsScreen)


# Changes


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 50)])
async def test_the_changes_answer_first_and_open_on_before_and_after(size: tuple[int, int]) -> None:
    app = System().app()
    async with app.run_test(size=size) as pilot:
        await at(app, pilot, ["C"], ChangesScreen)
        text = screen_text(app)
        assert "1 of 1 change can explain this" in text
        assert "feature flags, configuration and schedules were not consulted" in " ".join(
            text.replace("┃", " ").split()
        )
        assert ("s before onset" if size[0] >= 100 else "s before") in text and "╎ onset" in text and "v41" in text
        await pilot.press("enter")
        await until(lambda: isinstance(app.screen, ChangeScreen) and "n before" in screen_text(app))
        await until(lambda: "errors" in screen_text(app))
        if size[1] >= 40:
            await until(lambda: "checkout/pricing.py" in screen_text(app))
            assert "needs 368" not in screen_text(app) and "p99" in screen_text(app)
            assert "by newest deploy" in screen_text(app)
        await pilot.press("backspace", "backspace")
        await until(lambda: isinstance(app.screen, OverviewScreen))


async def test_from_evidence_the_timeline_begins_at_its_change(system: System) -> None:
    app = system.app()
    async with app.run_test(size=(120, 40)) as pilot:
        await diagnosed(app, pilot)
        change = app.session.state().changes.changes[0]
        app.open_item(AllChanges(f"change:{change.id} {change.service or ''} {change.at}"))
        await until(lambda: isinstance(app.screen, ChangesScreen) and app.screen.list.selected() == change)


# Dependencies


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 50)])
async def test_the_calls_are_a_tree_from_where_the_trouble_shows(system: System, size: tuple[int, int]) -> None:
    app = system.app()
    async with app.run_test(size=size) as pilot:
        await at(app, pilot, ["U"], DependenciesScreen)
        await until(lambda: "└─ orders-db" in screen_text(app))
        text = screen_text(app)
        assert "from checkout, which gateway calls" in text and "share" in text and "100 %" in text
        await pilot.press("down", "enter")
        await until(lambda: "Upstream orders-db" in screen_text(app))


async def test_cycles_and_unknown_names_are_told() -> None:
    app = Circular().app()
    async with app.run_test(size=(120, 40)) as pilot:
        await at(app, pilot, ["U"], DependenciesScreen)
        await until(lambda: "cycle: checkout → gateway → checkout" in screen_text(app))
        text = screen_text(app)
        assert "checkout (a cycle)" in text and "nobody-knows" in text and "not configured" in text


# Load and memory


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 50)])
async def test_load_and_memory_of_the_selected_service(system: System, size: tuple[int, int]) -> None:
    app = system.app()
    async with app.run_test(size=size) as pilot:
        await at(app, pilot, ["1", "W"], LoadScreen)
        await until(lambda: "against requests per second" in screen_text(app))
        text = screen_text(app)
        assert "requests/s error rate was" in text and "●" in text and "·" in text
        assert "steps before, 40 since): the load does not explain it" in " ".join(text.replace("┃", " ").split())
        await pilot.press("backspace")
        await until(lambda: isinstance(app.screen, OverviewScreen))
        await pilot.press("B")
        await until(lambda: isinstance(app.screen, MemoryScreen) and "limit 512MiB" in screen_text(app))
        assert "if this continues" in " ".join(screen_text(app).replace("┃", " ").split())


async def test_what_nobody_measures_is_said(system: System) -> None:
    app = system.app()
    async with app.run_test(size=(120, 40)) as pilot:
        await at(app, pilot, ["5", "end", "W"], LoadScreen)
        await until(lambda: "the requests of orders-db are not counted by any source" in screen_text(app))
        await pilot.press("backspace", "5", "end", "B")
        await until(lambda: "no source measures the memory of orders-db" in screen_text(app))


# Going on


@dataclass
class SlowRepository(FakeChanges):
    """Tells of a deploy only when it may."""

    asked: int = 0
    go_on: asyncio.Event = field(default_factory=asyncio.Event)

    async def detail(self, change_id: str, service: str | None = None) -> DeployDetail | None:
        self.asked += 1
        await self.go_on.wait()
        return await super().detail(change_id, service)


async def test_a_slow_answer_is_waited_for_however_much_changes_meanwhile() -> None:
    repository = SlowRepository()
    app = System(changes=repository).app()
    async with app.run_test(size=(120, 40)) as pilot:
        await at(app, pilot, ["4", "enter"], ChangeScreen)
        await until(lambda: repository.asked)
        assert "reading the repository" in screen_text(app)
        for key in ("minus", "plus", "minus"):
            window = app.session.state().window
            await pilot.press(key)
            await until(partial(_moved, app, window))
            app.show_now()
        repository.go_on.set()
        await until(lambda: "checkout/pricing.py" in screen_text(app))
        assert repository.asked == 1


def _moved(app: IncidentConsole, window: Window) -> bool:
    return app.session.state().window != window


@pytest.mark.slow
async def test_a_change_of_the_verdict_is_announced_once_and_kept_as_news() -> None:
    metrics = Calmed()
    system = System(metrics=metrics)
    app = system.app()
    said: list[str] = []
    async with app.run_test(size=(120, 40)) as pilot:
        notice = app.notice

        def heard(text: str, *, lasting: bool = False) -> None:
            said.append(text)
            notice(text, lasting=lasting)

        app.notice = heard  # type: ignore[method-assign]
        await diagnosed(app, pilot)
        assert app.session.state().header.state is not State.INCIDENT
        await pilot.press("V")
        await until(lambda: isinstance(app.screen, NewsScreen) and "no verdict has said" in screen_text(app))
        metrics.broken = True
        await until(lambda: any(text.startswith("verdict: incident") for text in said))
        await until(lambda: "in the last minute: verdict: incident" in screen_text(app))
        for _ in range(4):
            app.session._changed()
            app.tick()
        assert sum(text.startswith("verdict: incident") for text in said) == 1


@pytest.mark.slow
async def test_a_new_verdict_leaves_the_cursor_on_its_claim(system: System) -> None:
    app = system.app()
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await at(app, pilot, ["2", "enter"], SuspectScreen)
        assert isinstance(screen, SuspectScreen)
        await pilot.press("down")
        before, made = screen.list.selected(), app.session.state().diagnosis
        assert isinstance(before, Evidence)
        system.now = NOW + 15
        await until(lambda: app.session.state().diagnosis is not made)
        app.show_now()
        await pilot.pause()
        after = screen.list.selected()
        assert (
            isinstance(after, Evidence)
            and (after.query or "").split(" --since")[0] == (before.query or "").split(" --since")[0]
        )
        assert after.claim.split(" ")[0] == before.claim.split(" ")[0]


# Hostile text


@pytest.mark.slow
@pytest.mark.parametrize("attack", HOSTILE)
async def test_hostile_text_stays_text_on_every_screen(attack: str) -> None:
    system = System(metrics=FakeMetrics(hostile=attack), changes=FakeChanges(hostile=attack))
    system.logs.written = [line(f"{attack} timeout {n}", NOW - 500 + n, offset=100 * n) for n in range(60)]
    app = system.app()
    async with app.run_test(size=(120, 40)) as pilot:
        await diagnosed(app, pilot)
        for keys, screen in (
            (["2", "enter"], SuspectScreen),
            (["C"], ChangesScreen),
            (["U"], DependenciesScreen),
            (["W"], LoadScreen),
            (["B"], MemoryScreen),
            (["V"], NewsScreen),
            (["4", "enter"], ChangeScreen),
        ):
            await pilot.press(*keys)
            await until(partial(shows, app, screen))
            await pilot.pause()
            shown = app.screen
            assert isinstance(shown, ConsoleScreen) and not any(pane.failure for pane in shown.panes())
            assert not UNSAFE.search(screen_text(app).replace("\n", ""))
            await pilot.press("backspace")
            await until(lambda: isinstance(app.screen, OverviewScreen))
    assert app.return_code in (None, 0)
