"""An environment in which the program behaves the same wherever the tests run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.terminal.project import Project, ordinary


def plain(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """No settings of the person or the machine that runs the tests.

    Args:
        folder: For what the program keeps of its own.
    """
    for name in (
        "NO_COLOR",
        "FORCE_COLOR",
        "INCIDENT_CONFIG",
        "INCIDENT_DEBUG",
        "COLUMNS",
        "LINES",
        "TERM_PROGRAM",
        "LC_ALL",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LANG", "C.UTF-8")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(folder / "xdg"))
    monkeypatch.setenv("XDG_STATE_HOME", str(folder / "xdg-state"))


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Of every test."""
    plain(monkeypatch, tmp_path)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """An incident without anything hostile in it."""
    root = tmp_path / "project"
    root.mkdir()
    return ordinary(root)
