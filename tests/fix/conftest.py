"""Repositories of the tests of the door to git, and a configuration around them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from console.fix.branch import Base, Plan
from console.guard.gate import Gate, Typed
from sources.fixing import Made, Seed, make, plan
from sources.repository import Repository
from tests.git.conftest import Hostile, Work, hostile, new_work, work

__all__ = ["Desk", "Hostile", "Work", "desk", "hostile", "new_work", "work"]


@dataclass
class Desk:
    """What a person has who makes fix branches."""

    folder: Path

    @property
    def gate(self) -> Gate:
        """The way to effects."""
        return Gate(self.folder / "state", "ada", "INC-1")

    def audit(self) -> list[dict[str, Any]]:
        """What was written down."""
        path = self.folder / "state" / "audit.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    async def planned(self, where: Work | Path, commit: str, name: str = "fix/a", **more: Any) -> Plan:
        """The plan of a branch."""
        repository = Repository(where.path if isinstance(where, Work) else where)
        return await plan(repository, name, Base(more.pop("tag", ""), commit), (), key="INC-1", **more)

    async def made(
        self, where: Work | Path, commit: str, name: str = "fix/a", typed: str | None = None, seed: Seed | None = None
    ) -> Made:
        """The branch, confirmed."""
        repository = Repository(where.path if isinstance(where, Work) else where)
        found = await self.planned(where, commit, name, seed=seed)
        return await make(repository, found, self.gate, Typed(typed or name), "checkout", seed)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """An empty one."""
    return Desk(tmp_path)


@pytest.fixture
def configured(tmp_path: Path) -> Callable[..., Path]:
    """Writes a configuration of one service that deploys from a repository."""

    def write(path: Path, more: str = "") -> Path:
        file = tmp_path / "incident.toml"
        file.write_text(
            f'[console]\nstate_dir = "state"\n[[service]]\nname = "checkout"\nrepository = "{path}"\n'
            f'deploy_tags = ["deploy/prod/*"]\n{more}'
        )
        return file

    return write
