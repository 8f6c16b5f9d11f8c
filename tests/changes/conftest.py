"""A real repository for the tests of deploy tags."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.git.conftest import Work


@pytest.fixture
def work(tmp_path: Path) -> Work:
    """An empty repository in `repo`."""
    path = tmp_path / "repo"
    path.mkdir()
    work = Work(path, tmp_path)
    work.git("init", "--quiet", "--initial-branch=main")
    return work
