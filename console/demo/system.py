"""The folder, the ports and the processes of one practice system."""

from __future__ import annotations

import gc
import os
import shutil
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from console.demo import configuration, events, profile, repository
from console.demo.checkout import Checkout
from console.demo.database import Database
from console.demo.dials import turn
from console.demo.gateway import Gateway
from console.demo.history import History, Past, leak_rate, metrics_part, outages
from console.demo.http import HOST
from console.demo.inventory import Inventory
from console.demo.metrics import resident_bytes
from console.demo.payments import Payments
from console.demo.processes import Child, Main, Nursery
from console.demo.provider import Provider
from console.demo.repository import Release
from console.demo.scenarios import Scenario
from console.demo.service import Service, Setup
from console.demo.shoppers import Shoppers

KINDS: dict[str, type[Service]] = {
    "orders-db": Database,
    "cardpay": Provider,
    "inventory": Inventory,
    "payments": Payments,
    "checkout": Checkout,
    "gateway": Gateway,
}
"""In the order of their start: who is called first."""
DATABASE_VERSION = "16.4"
START_S = 20.0
HISTORY_S = 60.0
GRACE_S = 0.3
START_TAKES_S = 3.0
"""From the first request to the announcement, about."""


@dataclass(slots=True)
class Running:
    """A service and the process that serves it now."""

    name: str
    release: Release | None
    child: Child | None = None
    restarts: int = 0
    due: float | None = None
    """When it is started again, epoch seconds; None while it runs."""
    memory: int = 0


class System:
    """One practice system: made, running, gone."""

    def __init__(self, folder: Path, scenario: Scenario, seed: int, fault_after: float) -> None:
        self.folder = folder
        self.repository = folder / "repo"
        self.scenario = scenario
        self.nursery = Nursery()
        self.services = {name: Running(name, None) for name in KINDS}
        self._seed = seed
        self._fault_after = fault_after
        self._reserved: list[socket.socket] = []
        self._ports: dict[str, int] = {}

    def prepare(self, now: float) -> None:
        """Make the folder's files, the repository, and reserve the ports.

        Raises:
            GitFailed: The repository cannot be made.
        """
        for name in ("logs", "world", "state"):
            (self.folder / name).mkdir(mode=0o700, exist_ok=True)
        for name in (*configuration.LOG_FORMAT, "gateway.error"):
            (self.folder / "logs" / f"{name}.log").touch(mode=0o600)
        self.set_flags(**{"new-front-page": 1, "per-line-tax": 0})
        self.turn_world()
        repository.create(self.repository, now, self.scenario.past)
        for name, release in repository.releases(self.repository).items():
            self.services[name].release = release
        for name in (*KINDS, "orders-db:sql"):
            self._ports[name] = self._reserve_port()
        (self.folder / "incident.toml").write_text(configuration.text(self._ports))
        self.tell(*events.past(now))

    def start(self) -> None:
        """Start the services, the traffic, and write the history; returns when all of that is done.

        Raises:
            NotReady: A process did not start.
        """
        # What exists now is shared with every child; the collector must not touch, and so copy, it there.
        gc.collect()
        gc.freeze()
        margin = self._fault_after + START_TAKES_S
        if self.scenario.leak:
            self.services["checkout"].restarts = len(outages(time.time(), margin))
        for running in self.services.values():
            running.child = self.fork(running, first=True)
        for running in self.services.values():
            assert running.child is not None
            running.memory = running.child.wait_ready(START_S)["memory"]
        past = self._past(time.time(), margin)
        self.nursery.start("shoppers", lambda: self._shoppers(past.started), dict).wait_ready(START_S)
        writers = [self.nursery.start(f"history-{part}", _historian(past, part), dict) for part in (2, 1)]
        for writer in writers:
            writer.wait_ready(HISTORY_S)
        self._join_metrics()
        if self.scenario.leak:
            left = (self._fault_after + 1.0) * leak_rate()
            self.turn_world(checkout_memory=profile.CHECKOUT_MEMORY_LIMIT - left)

    def fork(self, running: Running, first: bool = False) -> Child:
        """A new process for the service; `first`: it stands for one that has run since before the live traffic.

        Raises:
            GitFailed: The release's files are not in the repository.
        """
        release, name = running.release, running.name
        place = None
        if release is not None:
            place = repository.check_out(self.repository, release, self.folder / "releases")
        version, commit = (release.version, release.commit) if release else (DATABASE_VERSION, "")
        setup = Setup(
            name=name,
            folder=self.folder,
            ports=self._ports,
            seed=self._seed,
            version=version,
            commit=commit,
            release=place,
            restarts=running.restarts,
            first=first,
            memory_limit=profile.CHECKOUT_MEMORY_LIMIT if name == "checkout" else None,
        )

        def main() -> Main:
            return _serving(KINDS[name](setup), self._ports[name])

        return self.nursery.start(name, main, lambda: {"memory": resident_bytes()})

    def turn_world(self, **dials: float) -> None:
        """Change the world outside."""
        turn(self.folder / "world" / "dials.json", **dials)

    def set_flags(self, **flags: float) -> None:
        """Set feature flags; the services read them within a request."""
        turn(self.folder / "flags.json", **flags)

    def tell(self, *changes: dict[str, object]) -> None:
        """Write into the log of changes."""
        events.append(self.folder / "changes.jsonl", *changes)

    def close(self) -> None:
        """End every process, free every port, remove every file."""
        self.nursery.end_all(GRACE_S)
        for reserved in self._reserved:
            reserved.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _reserve_port(self) -> int:
        """A free port that nobody else gets, though nobody listens there until a service does."""
        held = socket.socket()
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        held.bind((HOST, 0))
        self._reserved.append(held)
        port: int = held.getsockname()[1]
        return port

    def _past(self, started: float, margin: float) -> Past:
        checkout = self.services["checkout"].release
        assert checkout is not None
        return Past(
            folder=self.folder,
            started=started,
            scenario=self.scenario,
            seed=self._seed,
            checkout_version=checkout.version,
            memory={name: running.memory for name, running in self.services.items()},
            upstreams=self._ports,
            leak_margin=margin,
        )

    def _join_metrics(self) -> None:
        """History first, then what live services have written meanwhile."""
        parts = [metrics_part(self.folder, part) for part in (2, 1)]
        text = "time,service,operation,metric,value\n" + "".join(part.read_text() for part in parts)
        target = self.folder / "metrics.csv"
        live = target.read_text() if target.exists() else ""
        target.write_text(text + live)
        for part in parts:
            part.unlink()

    def _shoppers(self, started: float) -> Main:
        setup = Setup("shoppers", self.folder, self._ports, self._seed, "", "", None)
        return Shoppers(setup, started, self.scenario.past_rushes, self.scenario.rush).run


def _serving(service: Service, port: int) -> Main:
    """What a service's process does: listen on the reserved port, serve."""

    async def main(ready: Any, life: int) -> None:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind((HOST, port))
        listener.setblocking(False)
        await service.run(listener, ready, life)

    return main


def _historian(past: Past, part: int) -> Any:
    """What a process does that writes a part of the history."""

    def begin() -> Main:
        async def main(ready: Any, life: int) -> None:
            # The live services must not become slower just where their history ends.
            os.nice(10)
            # Nothing that is made here is garbage before the process ends.
            gc.disable()
            history = History(past, part)
            history.simulate()
            history.write()
            ready()

        return main

    return begin
