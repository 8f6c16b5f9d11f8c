"""--json and --plain: every command that prints takes them, and they do what they say."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from console.cli import COMMANDS
from console.cli import incident as root
from tests.cli.conftest import Run

CONFIG = """
[[service]]
name = "checkout"
probe = "tcp://127.0.0.1:9"
[[logs]]
name = "app"
paths = ["app.jsonl"]
service = "checkout"
[[changes]]
path = "changes.jsonl"
[[environment]]
name = "local"
tier = "local"
origin = "http://127.0.0.1:9"
"""
AT = ("--at", "2026-06-20T09:20:00Z")
PRINTING = {
    "diagnose": ("diagnose", *AT),
    "logs": ("logs", *AT),
    "logs --count": ("logs", "--count", *AT),
    "logs --histogram": ("logs", "--histogram", "60s", *AT),
    "patterns": ("patterns", *AT),
    "changes": ("changes", *AT),
    "health": ("health",),
    "repro import": ("repro", "import", "--from", "curl", "--env", "local", "request.txt"),
    "doctor": ("doctor",),
    "config init": ("config", "init", "new.toml"),
    "config check": ("config", "check"),
    "config show": ("config", "show"),
    "schema": ("schema", "diagnose"),
    "demo": ("demo", "--list"),
    "case new": ("case", "new", "Orders fail"),
    "recovery check": ("recovery", "check", *AT),
    "recovery canary": ("recovery", "canary", "--canary", "checkout-b", "--control", "checkout-a", *AT),
}
NEED_A_TARGET = {f"repro {name}" for name in ("audit", "compare", "export", "minimise", "run", "verify")}
"""Commands that send, or ask about what was sent: they have tests of their own, with a server."""
NEED_A_TARGET |= {
    f"case {name}"
    for name in (
        *(
            "action",
            "checklist",
            "close",
            "evidence",
            "handoff",
            "hypothesis",
            "impact",
            "list",
            "mitigation",
            "note",
            "review",
        ),
        *("role", "severity", "show", "snapshot", "state", "update", "verify"),
    )
}
NEED_A_TARGET |= {"recovery contract"}
"""And that which needs an incident: tests/recovery."""
NEED_A_TARGET |= {f"fix {name}" for name in ("branch", "handover", "suspects", "undo", "verify")}
NEED_A_TARGET |= {"report", "replay"}
"""And those that need a repository or a case: tests/fix, tests/case and tests/report."""
LINES = {"logs"}
"""Commands whose JSON is one document a line."""


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(variable, raising=False)
    (tmp_path / "app.jsonl").write_text(
        '{"ts": "2026-06-20T09:18:00Z", "level": "error", "msg": "no\\u001b[31m"}\n' * 2
    )
    (tmp_path / "changes.jsonl").write_text('{"at": "2026-06-20T09:18:00Z", "kind": "flag"}\n')
    (tmp_path / "request.txt").write_text("curl http://shop.example/orders?id=7\n")
    (tmp_path / "incident.toml").write_text(CONFIG)


def commands(group: click.Group, path: str = "") -> Iterator[tuple[str, click.Command]]:
    """Every command with its words: `config check`."""
    context = click.Context(group)
    for name in group.list_commands(context):
        one = group.get_command(context, name)
        assert one is not None
        if isinstance(one, click.Group):
            yield from commands(one, f"{path}{name} ")
        else:
            yield path + name, one


def test_every_command_that_prints_takes_both_and_is_tried_here() -> None:
    found = {name: {option for p in one.params for option in p.opts} for name, one in commands(root)}
    assert set(COMMANDS) == {name.split(" ")[0] for name in found}
    for name, options in found.items():
        if name != "run":  # opens the screen and prints nothing
            assert {"--json", "--plain"} <= options, name
            assert name in PRINTING or name in NEED_A_TARGET, name


@pytest.mark.usefixtures("system")
@pytest.mark.parametrize("name", PRINTING)
def test_json_is_exactly_one_document_on_standard_output(incident: Run, name: str) -> None:
    ran = incident(*PRINTING[name], "--json")
    assert ran.code in (0, 1, 3), ran.err
    documents = [json.loads(line) for line in ran.out.splitlines()] if name in LINES else [json.loads(ran.out)]
    assert len(documents) == (2 if name in LINES else 1)
    assert all(isinstance(one, dict | list) and one for one in documents)


@pytest.mark.usefixtures("system")
@pytest.mark.parametrize("name", PRINTING)
def test_plain_is_linear_text(incident: Run, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No escape, no glyph, no column: not even where the terminal could show them."""
    monkeypatch.setattr("console.cli.options.wants_colour", lambda: True)
    ran = incident(*PRINTING[name], "--plain")
    assert ran.code in (0, 1, 3), ran.err
    assert ran.out.endswith("\n") and not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", ran.out)
    assert not re.search(r"[●◆▲✖→─-╿▁-▟]", ran.out)
    with pytest.raises(json.JSONDecodeError):
        json.loads(ran.out if not ran.out.strip().isdigit() else "x")


@pytest.mark.usefixtures("system")
def test_both_ask_for_json(incident: Run) -> None:
    for name, words in PRINTING.items():
        if name not in LINES and name != "config init":
            json.loads(incident(*words, "--plain", "--json").out)


def test_json_of_scenarios_start_and_fields(incident: Run, tmp_path: Path) -> None:
    scenarios = json.loads(incident("demo", "--list", "--json").out)
    assert {"third-party-slow", "bad-deploy"} <= {one["name"] for one in scenarios}
    assert all(one["summary"] for one in scenarios)
    assert json.loads(incident("config", "init", "--json").out) == {"path": str(tmp_path / "incident.toml")}
    fields = incident("schema", "diagnose", "--plain").out.splitlines()
    assert "suspects[].rank: integer." in fields
    assert any(line.startswith("onset: string or null") for line in fields)
    shown = incident("config", "show", "--plain").out.splitlines()
    assert 'console.timezone is "UTC" (default).' in shown


def test_the_console_prints_nothing_so_json_is_refused(incident: Run) -> None:
    ran = incident("demo", "--json")
    assert (ran.code, ran.out) == (2, "") and "--headless" in ran.err


def test_the_theme_of_the_practice_console_can_be_chosen(incident: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen: list[tuple[str, str | None]] = []

    def console(scenario: str, seed: int, fault_after: float, theme: str | None) -> int:
        chosen.append((scenario, theme))
        return 0

    monkeypatch.setattr("console.cli.demo._console", console)
    assert incident("demo", "healthy", "--theme", "light").code == 0
    assert chosen == [("healthy", "light")]
    wrong = incident("demo", "--theme", "sepia")
    assert wrong.code == 2 and "high-contrast" in wrong.err
    for silent in ("--headless", "--list"):
        ran = incident("demo", silent, "--theme", "light")
        assert ran.code == 2 and "no screen" in ran.err and not ran.out


def test_options_before_the_command_are_named_behind_it(incident: Run) -> None:
    ran = incident("--theme", "light", "demo", "--list")
    assert ran.code == 2 and "incident demo --theme light" in ran.err
    ran = incident("--config", "a.toml", "logs")
    assert ran.code == 2 and "incident logs --config a.toml" in ran.err
