"""Runs commands in this process, as the shell would."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from console.cli import main
from tests.git.conftest import Work


@dataclass(frozen=True)
class Ran:
    """How a command ended."""

    code: int
    out: str
    err: str


Run = Callable[..., Ran]


@pytest.fixture
def incident(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """`incident ARGUMENTS` in an empty folder with no configuration of the user's."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("INCIDENT_CONFIG", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg-state"))

    def run(*arguments: str) -> Ran:
        with pytest.raises(SystemExit) as ended:
            main(list(arguments))
        said = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return Ran(int(ended.value.code), said.out, said.err)

    return run


@pytest.fixture
def work(tmp_path: Path) -> Work:
    """An empty repository in `repo`."""
    path = tmp_path / "repo"
    path.mkdir()
    work = Work(path, tmp_path)
    work.git("init", "--quiet", "--initial-branch=main")
    return work
