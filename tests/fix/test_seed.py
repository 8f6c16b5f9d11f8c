"""The reproduction as a failing test file on a new fix branch: it is the whole request, red before the fix and green after it."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from console.cli import main
from sources.serving import free_port, served
from tests.git.conftest import Work

SERVER = """
import http.server, sys

class Shop(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response({status} if "tenant=a" in self.path else 503)
        self.send_header("Content-Length", "0")
        self.end_headers()
    def log_message(self, *_):
        pass

http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Shop).serve_forever()
"""
"""Broken, it fails whatever it is asked; healthy, it refuses what names no tenant."""


def get(url: str) -> dict[str, Any]:
    """A request as documents have it."""
    return {"method": "GET", "url": url, "headers": [], "body_base64": None}


def ended(arguments: list[str]) -> int:
    """The exit code of a command."""
    with pytest.raises(SystemExit) as told:
        main(arguments)
    return int(told.value.code or 0)


def told_by(test: Path) -> str:
    """The last line of pytest, run as a person runs it."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", test.name],
        cwd=test.parent,
        env={**os.environ, "REPRO_ALLOW": "1", "PYTHONDONTWRITEBYTECODE": "1", "PYTEST_ADDOPTS": ""},
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.stdout.strip().splitlines()[-1]


async def answered(test: Path, port: int, tmp_path: Path) -> str:
    """What the test says of the server as it stands in the work tree."""
    async with served([sys.executable, "server.txt", "{port}"], test.parent, port, tmp_path / "served.log"):
        return told_by(test)


@pytest.mark.parametrize("smaller", [True, False], ids=["minimised", "as observed"])
async def test_the_seeded_file_fails_before_and_passes_after_the_fix(
    work: Work, configured: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str], smaller: bool
) -> None:
    work.commit("Break", server_txt=SERVER.replace("{status}", "500"))
    work.tag("deploy/prod/1", "one")
    port = free_port()
    origin = f"http://127.0.0.1:{port}"
    here = f'[[environment]]\nname = "here"\ntier = "local"\norigin = "{origin}"\n'
    whole, small = (get(origin + target) for target in ("/orders?tenant=a&id=1", "/orders?id=1"))
    request = tmp_path / "request.json"
    request.write_text(json.dumps({"request": small, "whole": whole} if smaller else {"request": whole}))
    config = ["--config", str(configured(work.path, here))]
    arguments = ["--name", "fix/a", "--confirm", "fix/a", "--test", str(request), "--env", "here", "--json"]
    assert await asyncio.to_thread(ended, ["fix", "branch", *arguments, *config]) == 0  # it runs a loop of its own
    test = Path(json.loads(capsys.readouterr().out)["worktree"]) / "test_fix_a.py"
    assert "tenant=a" in test.read_text()
    assert told_by(test).startswith("1 failed")  # nobody listens: a test that cannot ask is not green
    assert (await answered(test, port, tmp_path)).startswith("1 failed")
    (test.parent / "server.txt").write_text(SERVER.replace("{status}", "200"))
    assert (await answered(test, port, tmp_path)).startswith("1 passed")


def test_the_plan_names_the_file_and_writes_none(
    work: Work, configured: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    work.commit("Break", server_txt=SERVER)
    work.tag("deploy/prod/1", "one")
    here = '[[environment]]\nname = "here"\ntier = "local"\norigin = "http://127.0.0.1:9"\n'
    request = tmp_path / "request.json"
    request.write_text(json.dumps({"request": get("http://127.0.0.1:9/orders")}))
    arguments = ["--name", "fix/a", "--test", str(request), "--env", "here", "--dry-run"]
    assert ended(["fix", "branch", *arguments, "--config", str(configured(work.path, here))]) == 0
    assert "test_fix_a.py" in capsys.readouterr().out
    assert list(tmp_path.rglob("test_fix_a.py")) == []
