"""A real repository for the tests of deploy tags."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.git.conftest import Work


def empty(folder: Path) -> Work:
    """An empty repository in `repo` of a folder."""
    path = folder / "repo"
    path.mkdir()
    work = Work(path, folder)
    work.git("init", "--quiet", "--initial-branch=main")
    return work


@pytest.fixture
def work(tmp_path: Path) -> Work:
    """An empty repository in `repo`."""
    return empty(tmp_path)
