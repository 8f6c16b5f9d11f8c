"""The process that holds the practice system: starts the services, watches them, deploys, and brings the fault.

It is started by `console.demo.launch` with its standard input on a pipe, and ends, with everything it made, when that pipe does.
On standard output it says what happens, one JSON object a line.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import json
import os
import select
import shutil
import signal
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from console.demo import configuration, events, profile, repository, scenarios
from console.demo.checkout import Checkout
from console.demo.database import Database
from console.demo.dials import turn
from console.demo.gateway import Gateway
from console.demo.history import History, Past, leak_rate, metrics_part
from console.demo.http import HOST
from console.demo.inventory import Inventory
from console.demo.metrics import resident_bytes
from console.demo.payments import Payments
from console.demo.processes import Child, Main, NotReady, Nursery
from console.demo.provider import Provider
from console.demo.repository import GitFailed, Release
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
TICK_S = 0.25
START_S = 20.0
HISTORY_S = 60.0
GRACE_S = 0.3
START_TAKES_S = 3.0
"""From the first request to the announcement, about."""


@dataclass(slots=True)
class _Running:
    """A service and the process that serves it now."""

    name: str
    release: Release | None
    child: Child | None = None
    restarts: int = 0
    due: float | None = None
    """When it is started again, epoch seconds; None while it runs."""
    memory: int = 0


class Supervisor:
    """One practice system, from empty folder to empty folder."""

    def __init__(self, folder: Path, scenario: Scenario, seed: int, fault_after: float) -> None:
        self.folder = folder
        self.scenario = scenario
        self.seed = seed
        self._fault_after = fault_after
        self._fault_at = float("inf")
        self._nursery = Nursery()
        self._services = {name: _Running(name, None) for name in KINDS}
        self._tags: dict[str, set[str]] = {}
        self._reserved: list[socket.socket] = []
        self._ports: dict[str, int] = {}
        self._stop = False
        self._next_cron = float("inf")

    def run(self) -> None:
        """Start, announce, watch until told to stop; leave nothing behind."""
        try:
            self._handle_signals()
            self._prepare()
            self._start()
            say("ready", config=str(self.folder / "incident.toml"), fault_at=self._fault_at)
            while not self._stop:
                self._wait()
                self._look_after(time.time())
        finally:
            self._nursery.end_all(GRACE_S)
            for reserved in self._reserved:
                reserved.close()
            shutil.rmtree(self.folder, ignore_errors=True)

    def _handle_signals(self) -> None:
        def stop(number: int, frame: object) -> None:
            self._stop = True

        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, stop)

    def _wait(self) -> None:
        """Until the next tick, or the end of standard input, which is the end of whoever started this."""
        with contextlib.suppress(InterruptedError):
            if select.select([0], [], [], TICK_S)[0] and not os.read(0, 1024):
                self._stop = True

    # Start.

    def _prepare(self) -> None:
        now = time.time()
        for name in ("logs", "world", "state"):
            (self.folder / name).mkdir(mode=0o700, exist_ok=True)
        for name in (*configuration.LOG_FORMAT, "gateway.error"):
            (self.folder / "logs" / f"{name}.log").touch(mode=0o600)
        turn(self.folder / "flags.json", **{"new-front-page": 1, "per-line-tax": 0})
        turn(self.folder / "world" / "dials.json")
        repository.create(self.folder / "repo", now, self.scenario.past)
        for name, release in repository.releases(self.folder / "repo").items():
            self._services[name].release = release
            self._tags[name] = self._listed_tags(name)
        for name in (*KINDS, "orders-db:sql"):
            self._ports[name] = self._reserve_port()
        (self.folder / "incident.toml").write_text(configuration.text(self._ports))
        events.append(self.folder / "changes.jsonl", *events.past(now))
        self._next_cron = events.next_cron(now)

    def _reserve_port(self) -> int:
        """A free port that nobody else gets, though nobody listens there until a service does."""
        held = socket.socket()
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        held.bind((HOST, 0))
        self._reserved.append(held)
        port: int = held.getsockname()[1]
        return port

    def _start(self) -> None:
        gc.collect()
        gc.freeze()
        for running in self._services.values():
            running.child = self._fork(running)
        for running in self._services.values():
            assert running.child is not None
            running.memory = running.child.wait_ready(START_S)["memory"]
        past = self._past(time.time())
        self._nursery.start("shoppers", lambda: self._shoppers(past.started), dict).wait_ready(START_S)
        writers = [self._nursery.start(f"history-{part}", _historian(past, part), dict) for part in (2, 1)]
        for writer in writers:
            writer.wait_ready(HISTORY_S)
        self._join_metrics()
        if self.scenario.leak:
            left = (self._fault_after + 1.0) * leak_rate()
            turn(self.folder / "world" / "dials.json", checkout_memory=profile.CHECKOUT_MEMORY_LIMIT - left)
        if self.scenario.name != "healthy":
            self._fault_at = time.time() + self._fault_after

    def _past(self, started: float) -> Past:
        checkout = self._services["checkout"].release
        assert checkout is not None
        memory = {name: running.memory for name, running in self._services.items()}
        return Past(
            self.folder,
            started,
            self.scenario,
            self.seed,
            checkout.version,
            memory,
            self._ports,
            self._fault_after + START_TAKES_S,
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
        setup = Setup("shoppers", self.folder, self._ports, self.seed, "", "", None)
        return Shoppers(setup, started, self.scenario.past_rushes, self.scenario.rush).run

    def _fork(self, running: _Running) -> Child:
        """A process that serves `running`."""
        release, name = running.release, running.name
        place = None
        if release is not None:
            place = repository.check_out(self.folder / "repo", release, self.folder / "releases")
        version, commit = (release.version, release.commit) if release else ("16.4", "")
        limit = profile.CHECKOUT_MEMORY_LIMIT if name == "checkout" else None
        setup = Setup(name, self.folder, self._ports, self.seed, version, commit, place, running.restarts, limit)

        def main() -> Main:
            return _serving(KINDS[name](setup), self._ports[name])

        return self._nursery.start(name, main, lambda: {"memory": resident_bytes()})

    # Life.

    def _look_after(self, now: float) -> None:
        for child in self._nursery.reap():
            self._ended(child, now)
        for running in self._services.values():
            if running.due is not None and now >= running.due:
                self._restart(running)
        if now >= self._fault_at:
            self._fault_at = float("inf")
            self._break(now)
        if now >= self._next_cron:
            self._next_cron = now + events.CRON_EVERY
            events.append(self.folder / "changes.jsonl", events.change(now, *events.CRON))
        self._deploy_new_tags()

    def _ended(self, child: Child, now: float) -> None:
        for running in self._services.values():
            if running.child is child:
                running.child, running.due = None, now + profile.RESTART_AFTER
                say("died", service=running.name, at=now)

    def _restart(self, running: _Running) -> None:
        running.restarts += 1
        child = self._fork(running)
        try:
            child.wait_ready(START_S)
        except NotReady as error:
            running.due = time.time() + profile.RESTART_AFTER
            say("failed", service=running.name, reason=str(error))
            return
        running.child, running.due = child, None
        say("restarted", service=running.name, at=time.time())

    def _break(self, now: float) -> None:
        """Bring the scenario's fault."""
        scenario = self.scenario
        if scenario.deploy is not None:
            repository.deploy(self.folder / "repo", scenario.deploy, now)
        if scenario.flag is not None:
            turn(self.folder / "flags.json", **{scenario.flag: 1})
            summary = f"flag {scenario.flag} off to on for all customers"
            events.append(self.folder / "changes.jsonl", events.change(now, "flag", "checkout", summary))
        if scenario.world:
            turn(self.folder / "world" / "dials.json", **scenario.world)
        if scenario.rush is not None:
            turn(self.folder / "world" / "dials.json", rush_began=now)
        say("fault", at=now, scenario=scenario.name)

    # Deploys.

    def _listed_tags(self, service: str) -> set[str]:
        folder = self.folder / "repo" / ".git" / "refs" / "tags" / "deploy" / "prod" / service
        return set(os.listdir(folder)) if folder.is_dir() else set()

    def _deploy_new_tags(self) -> None:
        """Roll out whatever has been tagged since the last look: by the scenario, or by the person at the console."""
        for service, known in self._tags.items():
            listed = self._listed_tags(service)
            for name in sorted(listed - known):
                if not name.endswith(".lock"):
                    self._deploy(service, f"deploy/prod/{service}/{name}")
            self._tags[service] = listed

    def _deploy(self, service: str, tag: str) -> None:
        """Start the new release beside the old one, then let the old one finish; a release that does not start is not deployed."""
        running = self._services[service]
        try:
            release = Release(service, tag, repository.resolve(self.folder / "repo", tag))
            old, before = running.child, running.release
            running.release = release
            child = self._fork(running)
        except (GitFailed, OSError) as error:
            say("not-deployed", service=service, tag=tag, reason=str(error))
            return
        try:
            child.wait_ready(START_S)
        except NotReady as error:
            running.release = before
            say("not-deployed", service=service, tag=tag, reason=str(error))
            return
        running.child, running.due = child, None
        if old is not None:
            self._nursery.end(old)
        say("deployed", service=service, tag=tag, at=time.time())


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
            # Nothing that is made here is garbage before the process ends.
            gc.disable()
            history = History(past, part)
            history.simulate()
            history.write()
            ready()

        return main

    return begin


def say(event: str, **fields: object) -> None:
    """Tell whoever started this; if nobody reads, it is lost."""
    with contextlib.suppress(OSError):
        os.write(1, json.dumps({"event": event, **fields}).encode() + b"\n")


@contextlib.contextmanager
def _reported() -> Iterator[None]:
    try:
        yield
    except (GitFailed, NotReady, OSError) as error:
        say("failed", reason=str(error))
        sys.exit(1)


def main(arguments: list[str] | None = None) -> None:
    """Run one practice system."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("scenario", choices=scenarios.names())
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--fault-after", type=float, required=True)
    options = parser.parse_args(arguments)
    scenario = scenarios.find(options.scenario)
    assert scenario is not None
    os.set_blocking(1, False)
    os.umask(0o077)
    with _reported():
        Supervisor(options.folder, scenario, options.seed, options.fault_after).run()


if __name__ == "__main__":
    main()
