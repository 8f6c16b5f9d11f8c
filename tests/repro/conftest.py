"""Servers, sessions and commands for the tests of reproduction."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pytest
from click.testing import CliRunner

from console.cli.outcome import Exit, Refused
from console.cli.repro import command
from console.config.errors import ConfigError
from console.guard.audit import Audit
from console.guard.ledger import Ledger
from console.guard.limits import Limits, limits_of
from console.guard.policy import Environment
from sources.addresses import resolve
from sources.http import HttpDoor
from sources.reproduce import Books, Session, Who
from tests.repro.loopback import Behave, Loopback, serving

FAST = Limits(10_000.0, 4, 200, 2000, 2000)
"""The limits of tier local without its pace, for tests that are about something else."""


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)


class Repro(Protocol):
    """Runs `incident repro …`."""

    def __call__(self, *arguments: str, given: str | bytes | None = None) -> Done: ...


@pytest.fixture
def serve() -> Iterator[Callable[[Behave], Loopback]]:
    """Starts servers, and ends them all."""
    open_now: list[AbstractContextManager[Loopback]] = []

    def start(behave: Behave) -> Loopback:
        one = serving(behave)
        server = one.__enter__()
        open_now.append(one)
        return server

    yield start
    for one in open_now:
        one.__exit__(None, None, None)


@pytest.fixture
def repro(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repro:
    """Runs a command on the configuration of the folder, its exceptions turned into exit codes as `main` does."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("INCIDENT_CONFIG", raising=False)

    def run(*arguments: str, given: str | bytes | None = None) -> Done:
        result = CliRunner().invoke(command, arguments, input=given, standalone_mode=False)
        code: Any = result.return_value
        err = result.stderr
        if result.exception is not None:
            error = result.exception
            if isinstance(error, Refused):
                code = Exit.REFUSED
            elif hasattr(error, "format_message") or isinstance(error, ConfigError):
                code = Exit.USAGE
            else:
                raise error
            err += error.format_message() if hasattr(error, "format_message") else str(error)
        return Done(int(code or 0), result.stdout, err)

    return run


class Configure(Protocol):
    """Writes incident.toml with environments: name to tier and origin, and further lines."""

    def __call__(self, *environments: tuple[str, str, str], more: str = "") -> None: ...


@pytest.fixture
def configure(tmp_path: Path) -> Configure:
    def write(*environments: tuple[str, str, str], more: str = "") -> None:
        lines = ["[console]", 'state_dir = "state"']
        for name, tier, origin in environments:
            lines += ["[[environment]]", f'name = "{name}"', f'tier = "{tier}"', f'origin = "{origin}"', more]
        (tmp_path / "incident.toml").write_text("\n".join(lines) + "\n")

    return write


class MakeSession(Protocol):
    """A session for an origin; keywords as of `Session`."""

    def __call__(
        self, origin: str, tier: str = "local", limits: Limits | None = None, incident: str = "i-1", **given: Any
    ) -> Session: ...


@pytest.fixture
def make_session(tmp_path: Path) -> MakeSession:
    door = HttpDoor()

    def make(
        origin: str, tier: str = "local", limits: Limits | None = None, incident: str = "i-1", **given: Any
    ) -> Session:
        env = Environment(tier, tier, origin, given.pop("networks", ()), given.pop("read_post_routes", ()))
        books = given.pop("books", None) or Books(Ledger(tmp_path / "repro"), Audit(tmp_path / "repro" / "audit.jsonl"))
        bears = limits or (FAST if tier == "local" else limits_of(tier))
        return Session(
            env,
            bears,
            books,
            Who("tester", incident, "1.0"),
            given.pop("resolve", resolve),
            lambda: door.context,
            **given,
        )

    return make


def audit_lines(folder: Path) -> list[dict[str, Any]]:
    """The lines of the audit of these tests."""
    path = folder / "repro" / "audit.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
