"""What a command may import: `--help` nothing heavy, and no command without a screen the framework of the screen."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEAVY = (
    "textual",
    "rich",
    "httpx",
    "httpcore",
    "git",
    "numpy",
    "pydantic",
    "plotext",
    "msgspec",
    "zstandard",
    "asyncio",
)
SCREEN = ("textual", "plotext", "console.app", "console.screens", "widgets")
CONFIG = """
[[service]]
name = "checkout"
[[logs]]
name = "app"
paths = ["app.jsonl"]
service = "checkout"
[[changes]]
path = "changes.jsonl"
"""
_REPORT = """
import json, sys
from console.cli import main
try:
    main(sys.argv[1:])
except SystemExit as ended:
    print("\\n" + json.dumps([ended.code, sorted(sys.modules)]), file=sys.stderr)
"""


def modules_of(folder: Path, *arguments: str) -> tuple[int, set[str]]:
    """Exit code of a command and every module it imported, in a process of its own."""
    (folder / "app.jsonl").write_text('{"ts": "2026-06-20T09:18:00Z", "level": "info", "msg": "ok"}\n')
    (folder / "changes.jsonl").write_text('{"at": "2026-06-20T09:18:00Z", "kind": "flag"}\n')
    (folder / "incident.toml").write_text(CONFIG)
    environ = {k: v for k, v in os.environ.items() if not k.startswith(("INCIDENT_", "PYTHON", "COV_"))}
    done = subprocess.run(
        [sys.executable, "-c", _REPORT, *arguments],
        cwd=folder,
        env=environ | {"PYTHONPATH": str(ROOT), "XDG_CONFIG_HOME": str(folder)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        text=True,
    )
    code, names = json.loads(done.stderr.splitlines()[-1])
    return code, set(names)


def among(names: set[str], unwanted: tuple[str, ...]) -> set[str]:
    return {name for name in names if any(name == one or name.startswith(one + ".") for one in unwanted)}


@pytest.mark.parametrize("arguments", [("--help",), ("--version",), ("nonsense",)])
def test_help_is_cheap(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    code, names = modules_of(tmp_path, *arguments)
    assert code == (2 if arguments == ("nonsense",) else 0)
    assert among(names, HEAVY) == set()


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("logs", "--help"), 0),
        (("logs", "--at", "2026-06-20T09:20:00Z", "--json"), 0),
        (("patterns", "--help"), 0),
        (("changes", "--at", "2026-06-20T09:20:00Z", "--no-standing"), 0),
        (("changes", "--at", "2026-06-20T09:20:00Z"), 0),
        (("diagnose", "--at", "2026-06-20T09:20:00Z", "--json"), 3),
        (("health",), 2),
        (("doctor", "--json"), 0),
        (("config", "check"), 0),
        (("config", "show"), 0),
        (("schema", "diagnose"), 0),
        (("demo", "--list"), 0),
        (("run",), 2),
    ],
)
def test_no_command_without_a_screen_imports_the_screen(tmp_path: Path, arguments: tuple[str, ...], code: int) -> None:
    ended, names = modules_of(tmp_path, *arguments)
    assert ended == code
    assert among(names, SCREEN) == set()


def test_configuration_commands_need_no_analysis_and_no_network_library(tmp_path: Path) -> None:
    for arguments in (("config", "show"), ("config", "init", "new.toml")):
        _, names = modules_of(tmp_path, *arguments)
        assert among(names, ("httpx", "git", "numpy", "sources")) == set()


def test_files_alone_need_no_http_and_no_git(tmp_path: Path) -> None:
    _, names = modules_of(tmp_path, "changes", "--at", "2026-06-20T09:20:00Z", "--no-standing")
    assert among(names, ("httpx", "git", "numpy")) == set()
