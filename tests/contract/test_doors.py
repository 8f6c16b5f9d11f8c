"""One door each for HTTP and git, held by lint: an offender is found, and the places where a door is opened are these."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RUFF = Path(sys.executable).with_name("ruff")
OPENED = {
    "console/demo/launch.py": "subprocess",
    "console/demo/repository.py": "subprocess",
    "console/doctor/terminal.py": "asyncio.create_subprocess_exec",
    "console/live/process.py": "asyncio.create_subprocess_exec",
    "sources/http/exchange.py": "httpx",
    "sources/http/transport.py": "httpcore httpx",
    "sources/logs/client.py": "asyncio.create_subprocess_exec",
    "sources/logs/helper.py": "subprocess",
    "sources/logs/journald.py": "subprocess",
    "sources/logs/ripgrep.py": "subprocess",
    "sources/plumbing/pump.py": "subprocess",
    "sources/repository.py": "git subprocess",
    "sources/serving.py": "asyncio.create_subprocess_exec",
}
"""Every module that may import a banned thing, and what."""
OFFENDERS = {
    "httpx": [
        "import httpx",
        "from httpx import Request",
        "import httpx._client",
        "import httpcore",
        "def f():\n    import httpx",
    ],
    "git": ["import git", "from git import Repo", "from git.cmd import Git"],
    "subprocess": [
        'import subprocess\nsubprocess.Popen(["git", "status"])',
        "from subprocess import check_output",
        'import asyncio\nasyncio.create_subprocess_exec("git", "status")',
        'from asyncio.subprocess import create_subprocess_exec\ncreate_subprocess_exec("git")',
        'import os\nos.system("git status")',
    ],
}
PLACES = (
    "console/views.py",
    "console/cli/health.py",
    "sources/metrics/prometheus.py",
    "widgets/pane.py",
    "console/demo/shop.py",
)


def banned(snippet: str, place: str) -> list[str]:
    """The messages of the ban for a module with this text at this place."""
    done = subprocess.run(
        [RUFF, "check", "--output-format", "json", "--select", "TID251", "--no-cache", "--stdin-filename", place, "-"],
        cwd=ROOT,
        input=snippet,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return [one["message"] for one in json.loads(done.stdout)]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("snippet", [text for texts in OFFENDERS.values() for text in texts])
def test_lint_finds_a_second_door(snippet: str, place: str) -> None:
    assert banned(snippet + "\n", place)


def test_lint_lets_an_innocent_module_pass() -> None:
    assert banned("import asyncio\nfrom sources.http import HttpDoor\n", PLACES[0]) == []


def test_no_other_place_opens_a_door() -> None:
    """Asked of ruff itself without its exemptions, so that none can hide one."""
    done = subprocess.run(
        [
            RUFF,
            "check",
            "--output-format",
            "json",
            "--select",
            "TID251",
            "--no-cache",
            "--ignore-noqa",
            "--config",
            "lint.per-file-ignores = {}",
            "console",
            "sources",
            "widgets",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    found: dict[str, set[str]] = {}
    for one in json.loads(done.stdout):
        name = re.match(r"`([\w.]+)`", one["message"])
        assert name is not None
        if name[1] != "subprocess.run":  # its module is in the list already
            found.setdefault(str(Path(one["filename"]).relative_to(ROOT)), set()).add(name[1])
    assert {place: " ".join(sorted(names)) for place, names in found.items()} == OPENED


def test_every_contract_of_the_layers_breaks_on_an_offender(tmp_path: Path) -> None:
    """import-linter over a copy of the program in which one module each does what its contract forbids."""
    for package in ("console", "sources", "widgets"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    offences = {
        "console/domain/offender.py": "import console.views",
        "widgets/offender.py": "import console.live.session",
        "console/typeahead.py": "import rich",
        "console/live/offender.py": "import httpx",
        "console/observe.py": "import git",
    }
    for place, text in offences.items():
        with (tmp_path / place).open("a") as file:
            file.write(f"\n{text}\n")
    done = subprocess.run(
        [RUFF.with_name("lint-imports"), "--no-logo", "--no-cache"],
        cwd=tmp_path,
        env=os.environ | {"COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    for contract in contracts:
        assert f"{contract['name']} BROKEN" in done.stdout, done.stdout


def test_every_module_of_the_console_stands_in_a_layer() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    named = set(re.findall(r"[\w.]+", " ".join(layers)))
    there = modules_of_the_console()
    assert there <= named
    assert {"widgets", "sources"} <= named
    sure = set(re.findall(r"[\w.]+", re.sub(r"\([\w.]+\)", "", " ".join(layers))))
    assert {name for name in sure if name.startswith("console.")} <= there


def test_every_module_below_the_screen_is_kept_from_it() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    kept = next(one["source_modules"] for one in contracts if one["name"] == "Only the screen knows the screen")
    screen = {"console.cli", "console.app", "console.screens", "console.terminal", "console.keyboard"}
    assert set(kept) == modules_of_the_console() - screen | {"sources"}


def modules_of_the_console() -> set[str]:
    """`console.state` and all that stand beside it."""
    return {
        f"console.{path.stem}"
        for path in (ROOT / "console").iterdir()
        if (path.suffix == ".py" and path.stem != "__init__") or (path / "__init__.py").is_file()
    }
