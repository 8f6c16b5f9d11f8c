"""The fix screen over the real console and a real repository: plan, typed name, result, undo."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from console.app import IncidentConsole
from console.case import entries
from console.case.book import Book
from console.case.gates import Wish
from console.case.model import CaseState
from console.config.models import Config
from console.live.desk import Desk
from console.screens.dialogs import LineDialog
from console.screens.fix import FixScreen
from console.screens.mending import NO_DEPLOY, SELECT, fix_of
from console.screens.suspect import SuspectScreen
from tests.fix.conftest import Hostile, Work
from tests.fix.test_verify import SERVER
from tests.tui.fakes import System, until
from tests.tui.test_console import diagnosed, flowing, screen_text

ENVIRONMENTS = (
    {"name": "staging", "tier": "staging", "origin": "https://staging.shop.example"},
    {"name": "here", "tier": "local", "origin": "http://127.0.0.1:9"},
)


def console(folder: Path, repository: Path, *, cases: bool = False) -> IncidentConsole:
    """Over the fakes, with a real repository for the service that is at fault.

    Args:
        cases: There is a place for cases.
    """
    app = System().app()
    if cases:
        app.session.desk = Desk(folder / "state" / "cases", "alice")
    service = {"name": "checkout", "repository": str(repository), "deploy_tags": ["deploy/prod/*"]}
    config = Config.model_validate(
        {"service": [service], "console": {"state_dir": str(folder / "state")}, "environment": list(ENVIRONMENTS)}
    )
    app.loaded = replace(app.loaded, config=config, path=folder / "incident.toml")
    return app


def with_deploys(work: Work) -> tuple[str, str]:
    """The deploys that the fakes tell of."""
    good = work.commit("Start", a_txt="one\n")
    work.tag("deploy/prod/v40", "one")
    bad = work.commit("Cap vouchers", **{"checkout/settings.py": "LIMIT = 1\n"})
    work.tag("deploy/prod/v41", "two")
    return good, bad


def here(app: IncidentConsole) -> object:
    """What is selected."""
    screen = app.console_screen()
    return screen.here() if screen is not None else None


@asynccontextmanager
async def fixing(app: IncidentConsole) -> AsyncIterator[tuple[Pilot[int], FixScreen]]:
    """On the fix screen of the suspect deploy, with commits and plan on it."""
    async with app.run_test(size=(140, 50)) as pilot:
        await diagnosed(app, pilot)
        await pilot.press("2")
        await until(lambda: not isinstance(fix_of(here(app), app.session.state()), str))
        await pilot.press("X")
        await until(lambda: isinstance(app.console_screen(), FixScreen))
        screen = app.console_screen()
        assert isinstance(screen, FixScreen)
        await until(lambda: "reading the repository" not in screen_text(app))
        yield pilot, screen


async def typed(pilot: Pilot[int], text: str) -> None:
    for character in text:
        await pilot.press({"/": "slash", "-": "minus", ".": "full_stop", "_": "underscore"}.get(character, character))
    await pilot.press("enter")


async def answered(app: IncidentConsole, pilot: Pilot[int], text: str) -> None:
    """As `typed`, at once; where it is not the typing that is looked at."""
    app.screen.query_one(Input).value = text
    await pilot.press("enter")


async def make(app: IncidentConsole, pilot: Pilot[int], screen: FixScreen, test: str | None = None) -> None:
    """The branch of the plan, with its name typed again.

    Args:
        test: What is answered where a reproduction is offered as a failing test; None: none is.
    """
    await pilot.press("X")
    await until(lambda: "name of the new branch" in screen_text(app))
    await pilot.press("enter")
    if test is not None:
        await until(lambda: "put there as a failing test; empty: none" in screen_text(app))
        await answered(app, pilot, test)
    await until(lambda: "type fix/" in screen_text(app))
    await answered(app, pilot, screen._branch_name)
    await until(lambda: "to hand over" in screen_text(app))
    await done(screen)


async def done(screen: FixScreen) -> None:
    """Until the work is over whose result may be on the screen a moment earlier: until then the keys of the fix are refused."""
    await until(lambda: not screen._busy)


@pytest.mark.slow
async def test_from_suspect_to_branch_and_back(work: Work, tmp_path: Path) -> None:
    _, bad = with_deploys(work)
    app = console(tmp_path, work.path)
    async with fixing(app) as (pilot, screen):
        text = screen_text(app)
        assert "Cap vouchers" in text and "worktree add" in text and "nothing is done yet" in text
        assert work.git("branch", "--list", "fix/*") == ""
        await pilot.press("X")
        await until(lambda: "name of the new branch" in screen_text(app))
        await pilot.press("enter")
        await until(lambda: "type fix/" in screen_text(app))
        await typed(pilot, "fix/other")
        await pilot.press("escape")
        await until(lambda: isinstance(app.screen, FixScreen))
        assert work.git("branch", "--list", "fix/*") == ""
        name = screen._branch_name
        await make(app, pilot, screen)
        assert "is untouched" in screen_text(app)
        assert work.git("rev-parse", f"refs/heads/{name}") == bad
        assert "to hand over" in screen_text(app)
        await pilot.press("u")
        await until(lambda: "takes the branch and its work tree away" in screen_text(app))
        await typed(pilot, name)
        await until(lambda: "are gone" in screen_text(app))
        assert work.git("branch", "--list", "fix/*") == ""
        assert not (work.path.parent / ".worktrees").exists()


WHY = "the customer accepts the risk"


@pytest.mark.slow
async def test_sg1_and_sg2_stand_in_the_plan_and_a_reason_lets_pass(work: Work, tmp_path: Path) -> None:
    with_deploys(work)
    book = Book.new(tmp_path / "state" / "cases", "Orders fail", "alice", {"severity": "P2"})
    for n in range(3):
        book.write(entries.fix({"outcome": "failed"}, f"attempt {n} failed"))
    app = console(tmp_path, work.path, cases=True)
    async with fixing(app) as (pilot, screen):
        await until(lambda: "SG1: no reproduction was seen failing" in screen_text(app))
        assert "SG2: 3 attempts failed: stop and question the design" in screen_text(app)

        async def begin() -> None:
            await pilot.press("X")
            await until(lambda: "name of the new branch" in screen_text(app))
            await pilot.press("enter")
            await until(lambda: "SG1, SG2 say no" in screen_text(app))

        await begin()
        await pilot.press("escape")
        await until(lambda: isinstance(app.screen, FixScreen))
        assert work.git("branch", "--list", "fix/*") == "" and not book.read().overrides
        await begin()
        await typed(pilot, "because")
        await until(lambda: "15 characters or more" in screen_text(app) and isinstance(app.screen, LineDialog))
        app.screen.query_one(Input).value = WHY
        await pilot.press("enter")
        await until(lambda: "type fix/" in screen_text(app))
        await typed(pilot, screen._branch_name)
        await until(lambda: "to hand over" in screen_text(app))
        assert [(one.rule, one.reason) for one in book.read().overrides] == [("SG1", WHY), ("SG2", WHY)]
        made = screen._view.made
        assert made is not None and made.incident == book.id and book.id in made.worktree.name
        await until(lambda: any(one.data.get("branch") == made.name for one in book.read().fixes))
        assert "push origin" in screen_text(app) and "SG12" not in screen_text(app)


@pytest.mark.slow
async def test_sg12_holds_the_commands_of_the_deploy_back_until_somebody_says_why(work: Work, tmp_path: Path) -> None:
    with_deploys(work)
    app = console(tmp_path, work.path, cases=True)
    async with fixing(app) as (pilot, screen):
        await make(app, pilot, screen)
        await until(lambda: "push origin" in screen_text(app))
        book = Book.new(tmp_path / "state" / "cases", "Search is slow", "bob", {"severity": "P2"})
        book.move(Wish(CaseState.INVESTIGATING))
        await pilot.press("q")
        await until(lambda: not isinstance(app.console_screen(), FixScreen))
        await pilot.press("X")
        await until(lambda: "SG12: the incident" in screen_text(app) and "held back" in screen_text(app))
        assert "push origin" not in screen_text(app)
        await pilot.press("X")
        await until(lambda: "SG12 says no" in screen_text(app))
        app.screen.query_one(Input).value = WHY
        await pilot.press("enter")
        await until(lambda: "push origin" in screen_text(app))
        assert [(one.rule, one.reason) for one in book.read().overrides] == [("SG12", WHY)]


@pytest.mark.slow
async def test_case_50_nothing_of_a_hostile_repository_runs_whatever_is_pressed(
    hostile: Hostile, tmp_path: Path
) -> None:
    hostile.work.git("update-ref", "refs/tags/deploy/prod/v40", hostile.good)
    hostile.work.git("update-ref", "refs/tags/deploy/prod/v41", hostile.bad)
    hostile.clear()
    app = console(tmp_path, hostile.work.path)
    async with fixing(app) as (pilot, screen):
        for key in ("enter", "y", "Y", "x", "escape", "p", "u", "R", "tab", "enter", "m", "r"):
            await pilot.press(key)
        await make(app, pilot, screen)
        await pilot.press("u")
        await until(lambda: "takes the branch" in screen_text(app))
        await answered(app, pilot, screen._branch_name)
        await until(lambda: "are gone" in screen_text(app))
    assert hostile.fired() == set()


@pytest.mark.slow
async def test_a_service_without_a_repository_says_how_to_give_it_one(tmp_path: Path) -> None:
    app = System().app()
    async with fixing(app) as (pilot, screen):
        assert 'add repository = "…"' in screen_text(app)
        await pilot.press("X")
        assert isinstance(app.screen, FixScreen)
        assert "has no repository" in screen.refusals()["fix"]


@pytest.mark.slow
async def test_nothing_is_asked_where_no_deploy_is_meant() -> None:
    app = System().app()
    async with app.run_test(size=(140, 50)) as pilot:
        await diagnosed(app, pilot)
        state = app.session.state()
        assert fix_of(None, state) == SELECT
        assert state.signals is not None
        row = next(one for one in state.signals.services if one.name == "gateway")
        assert fix_of(row, state) == NO_DEPLOY


@pytest.mark.slow
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_the_fix_is_proved_against_the_branchs_own_server(work: Work, tmp_path: Path, method: str) -> None:
    work.commit("Start", server_txt=SERVER.replace("{status}", "200"))
    work.tag("deploy/prod/v40", "one")
    work.commit("Break", server_txt=SERVER.replace("{status}", "500"))
    work.tag("deploy/prod/v41", "two")
    request: dict[str, object] = {
        "method": method,
        "url": "https://staging.shop.example/orders",
        "headers": [],
        "body_base64": None,
    }
    file = tmp_path / "r.json"
    file.write_text(json.dumps({"request": request, "observed": {"status": 500}}))
    app = console(tmp_path, work.path)
    async with fixing(app) as (pilot, screen):
        await pilot.press("p")
        assert "there is no fix branch yet" in screen.refusals()["prove_fix"]
        await make(app, pilot, screen)

        async def prove() -> None:
            await pilot.press("p")
            await until(lambda: "file of the reproduction" in screen_text(app))
            app.screen.query_one(Input).value = str(file)
            await pilot.press("enter")
            if method == "POST":
                await until(lambda: "type: fix-branch POST" in screen_text(app))
                told = re.search(r"fix-branch POST 127\.0\.0\.1:\d+", screen_text(app))
                assert told is not None
                app.screen.query_one(Input).value = told[0]
                await pilot.press("enter")
                await until(lambda: "kept in the audit" in screen_text(app))
                app.screen.query_one(Input).value = "an order of a test"
                await pilot.press("enter")
            for hint, text in (
                ("failures/tries before", "10/10"),
                ("starts the branch", f"{sys.executable} server.txt {{port}}"),
            ):
                await until(lambda hint=hint: hint in screen_text(app))  # type: ignore[misc]  # bound at once
                app.screen.query_one(Input).value = text
                await pilot.press("enter")

        await prove()
        await until(lambda: "STILL FAILING" in screen_text(app))
        await done(screen)
        made = screen._view.made
        assert made is not None
        (made.worktree / "server.txt").write_text(SERVER.replace("{status}", "200"))
        await prove()
        await until(lambda: "FIXED" in screen_text(app) and "clean passes" in screen_text(app))
        await until(lambda: "not in a commit" in screen_text(app))
        await done(screen)
        await pilot.press("u")
        await until(lambda: "takes the branch" in screen_text(app))
        await answered(app, pilot, screen._branch_name)
        await until(lambda: "B11" in screen_text(app))
        assert (made.worktree / "server.txt").exists()


@pytest.mark.slow
@pytest.mark.parametrize("named", ["here", "staging", "gone"])
async def test_the_reproduction_is_offered_as_a_failing_test_and_the_plan_shows_it(
    work: Work, tmp_path: Path, named: str
) -> None:
    with_deploys(work)
    whole: dict[str, object] = {
        "method": "GET",
        "url": "https://staging.shop.example/orders?country=DE",
        "headers": [],
        "body_base64": None,
    }
    smallest = whole | {"url": "https://staging.shop.example/orders"}
    (folder := tmp_path / "state" / "repro" / "requests").mkdir(parents=True)
    request = folder / "r.json"
    request.write_text(json.dumps({"request": smallest, "whole": whole, "environment": named}))
    app = console(tmp_path, work.path)
    async with fixing(app) as (pilot, screen):
        await until(
            lambda: "none yet: X asks whether" in flowing(app) and "is put there as a failing test" in flowing(app)
        )
        await pilot.press("X")
        await until(lambda: "name of the new branch" in screen_text(app))
        await pilot.press("enter")
        await until(lambda: isinstance(app.screen, LineDialog) and app.screen.query_one(Input).value == str(request))
        await pilot.press("enter")
        name = "test_" + re.sub(r"[^a-z0-9]+", "_", screen._branch_name) + ".py"
        await until(lambda: "type fix/" in screen_text(app) and f"{name} is put there" in flowing(app))
        assert not (work.path.parent / ".worktrees").exists(), "a plan writes nothing"
        await answered(app, pilot, screen._branch_name)
        await until(lambda: "to hand over" in screen_text(app))
        await done(screen)
        made = screen._view.made
        assert made is not None and made.seed == name and f"pytest {name}" in screen_text(app)
        text = (made.worktree / name).read_text()
        assert "country=DE" in text, "the whole request, as verifying sends it"
        assert ("staging.shop.example" if named == "staging" else "127.0.0.1:9") in text
        await pilot.press("u")
        await until(lambda: "takes the branch" in screen_text(app))
        await answered(app, pilot, screen._branch_name)
        await until(lambda: "are gone" in screen_text(app))
        await until(lambda: "none yet: X asks" in screen_text(app))


@pytest.mark.slow
async def test_a_test_that_cannot_be_made_or_was_cancelled_makes_no_branch(work: Work, tmp_path: Path) -> None:
    with_deploys(work)
    (folder := tmp_path / "state" / "repro" / "requests").mkdir(parents=True)
    (folder / "r.json").write_text("{}")
    app = console(tmp_path, work.path)
    async with fixing(app) as (pilot, _):
        for key, told in (("enter", "the request needs method"), ("escape", "nothing was done")):
            await pilot.press("X")
            await until(lambda: "name of the new branch" in screen_text(app))
            await pilot.press("enter")
            await until(lambda: "put there as a failing test; empty: none" in screen_text(app))
            await pilot.press(key)
            await until(lambda told=told: told in screen_text(app))  # type: ignore[misc]  # bound at once
        assert work.git("branch", "--list", "fix/*") == ""


PICKY = """
import http.server, json, sys
class A(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if "country" not in self.path:
            self.send_response(422)
        else:
            self.send_response({status})
        self.end_headers()
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), A).serve_forever()
"""


@pytest.mark.slow
async def test_the_whole_request_proves_it_where_a_healthy_service_needs_more_than_the_failure(
    work: Work, tmp_path: Path
) -> None:
    work.commit("Start", server_txt=PICKY.replace("{status}", "200"))
    work.tag("deploy/prod/v40", "one")
    work.commit("Break", server_txt=PICKY.replace("{status}", "500"))
    work.tag("deploy/prod/v41", "two")
    smallest: dict[str, object] = {
        "method": "GET",
        "url": "https://staging.shop.example/orders",
        "headers": [],
        "body_base64": None,
    }
    whole = smallest | {"url": "https://staging.shop.example/orders?country=DE"}
    ran = {"failures": 4, "tries": 5}
    (folder := tmp_path / "state" / "repro" / "requests").mkdir(parents=True)
    document = {"request": smallest, "whole": whole, "ran": ran, "observed": {"status": 500}}
    (folder / "r.json").write_text(json.dumps(document))
    app = console(tmp_path, work.path)
    async with fixing(app) as (pilot, screen):
        await make(app, pilot, screen, "")
        made = screen._view.made
        assert made is not None
        (made.worktree / "server.txt").write_text(PICKY.replace("{status}", "200"))
        await pilot.press("p")
        await until(lambda: "file of the reproduction" in screen_text(app))
        await pilot.press("enter")
        await until(lambda: "failures/tries before" in screen_text(app))
        assert app.screen.query_one(Input).value == "4/5"
        await pilot.press("enter")
        await until(lambda: "starts the branch" in screen_text(app))
        app.screen.query_one(Input).value = f"{sys.executable} server.txt {{port}}"
        await pilot.press("enter")
        await until(lambda: "FIXED" in screen_text(app) and "clean passes" in screen_text(app))


@pytest.mark.slow
async def test_one_key_leads_there_from_a_suspects_screen_whatever_the_cursor_is_on() -> None:
    app = System().app()
    async with app.run_test(size=(140, 50)) as pilot:
        await diagnosed(app, pilot)
        await pilot.press("2")
        await until(lambda: not isinstance(fix_of(here(app), app.session.state()), str))
        await pilot.press("enter")
        await until(lambda: isinstance(app.console_screen(), SuspectScreen))
        for key in ("G", "k", "k"):
            await pilot.press(key)
        await pilot.press("X")
        await until(lambda: isinstance(app.console_screen(), FixScreen))
