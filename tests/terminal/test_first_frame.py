"""What the first frame may import, and that all the rest is there right after it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LATER = (
    "console.case",
    "console.query",
    "console.report",
    "console.repro",
    "console.reproduce",
    "console.fix",
    "console.fixing",
    "console.guard.policy",
    "console.guard.redact",
    "console.guard.audit",
    "console.observe",
    "console.views",
    "console.live.desk",
    "console.live.details",
    "console.live.collector",
    "console.screens.navigate",
    "console.screens.dialogs",
    "console.screens.menu",
    "console.screens.selection",
    "console.screens.recording",
    "console.screens.details",
    "console.domain.recovery",
    "widgets.plot",
    "widgets.details",
    "widgets.recovery",
    "sources",
    "plotext",
    "numpy",
    "httpx",
    "git",
    "zstandard",
)
"""Nothing of this is needed before the first frame is painted."""
NEVER = ("numpy", "httpx", "git", "console.live.collector", "console.analysis.diagnose")
"""Nothing of this is needed in the screen's process before somebody reproduces or mends."""
MOST_STEP = 12
"""Modules of ours that one step may load, so that a key waits for no more than that."""
_TOLD = """
import asyncio, importlib, json, sys
from pathlib import Path
import console.app
import console.cli.run
from console.config.load import load
from console.screens import later

told = {"steps": {}}

class Silent:
    async def run(self, take):
        await asyncio.Event().wait()

    async def close(self):
        pass

async def painted():
    told["first"] = known = sorted(sys.modules)
    for name in later.REST:
        importlib.import_module(name)
        told["steps"][name] = sorted(set(sys.modules) - set(known))
        known = sorted(sys.modules)
    app.exit()

console.app.load_rest = painted
app = console.app.IncidentConsole(load(Path(sys.argv[1])), Silent())
asyncio.run(app.run_async(headless=True, size=(120, 40)))
known = set(sys.modules)
for name in sys.argv[2:]:
    importlib.import_module(name)
told["missing"] = sorted(set(sys.modules) - known)
print("\\n" + json.dumps(told))
"""
"""Runs the console without a collector; what it would load after the first frame is loaded there, and then it ends."""
SCREENS = (
    "navigate",
    "dialogs",
    "menu",
    "selection",
    "recording",
    "predicting",
    "narrowing",
    "record_lines",
    "keep",
    "case",
)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """Names of modules: at the first frame, by every step after it, and what is missing then."""
    config = tmp_path_factory.mktemp("first") / "incident.toml"
    config.write_text('[[logs]]\nname = "app"\npaths = ["app.jsonl"]\n')
    environ = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "COV_"))} | {"PYTHONPATH": str(ROOT)}
    opened = [f"console.screens.{name}" for name in SCREENS]
    done = subprocess.run(
        [sys.executable, "-c", _TOLD, str(config), *opened, "console.live.desk", "console.reproduce"],
        env=environ,
        capture_output=True,
        timeout=120,
        text=True,
        check=True,
    )
    found: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return found


def ours(names: object, roots: tuple[str, ...] = ("console", "widgets", "sources")) -> list[str]:
    assert isinstance(names, list)
    return [name for name in names if any(name == root or name.startswith(root + ".") for root in roots)]


def test_the_first_frame_imports_nothing_that_can_wait(told: dict[str, object]) -> None:
    assert ours(told["first"], LATER) == []


def test_what_the_first_frame_did_without_is_loaded_after_it(told: dict[str, object]) -> None:
    assert ours(told["missing"]) == []


def test_it_is_loaded_in_small_steps_and_each_is_one(told: dict[str, object]) -> None:
    steps = told["steps"]
    assert isinstance(steps, dict)
    sizes = {name: len(ours(loaded)) for name, loaded in steps.items()}
    assert [name for name, size in sizes.items() if not 0 < size <= MOST_STEP] == []
    assert [one for loaded in steps.values() for one in ours(loaded, NEVER)] == []
