"""The process that holds the practice system: starts it, watches it, deploys, and brings the fault.

It is started by `console.demo.launch` with its standard input on a pipe, and ends, with everything it made, when that pipe does.
On standard output it says what happens, one JSON object a line.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import select
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from console.demo import events, profile, repository, scenarios
from console.demo.processes import Child, NotReady
from console.demo.repository import GitFailed, Release
from console.demo.scenarios import Scenario
from console.demo.source import EditMismatch
from console.demo.system import START_S, Running, System

TICK_S = 0.25


class Supervisor:
    """Watches one practice system, from empty folder to no folder."""

    def __init__(self, folder: Path, scenario: Scenario, seed: int, fault_after: float) -> None:
        self._system = System(folder, scenario, seed, fault_after)
        self._fault_after = fault_after
        self._fault_at = float("inf")
        self._next_cron = float("inf")
        self._tags: dict[str, set[str]] = {}
        self._stop = False

    def run(self) -> None:
        """Start, announce, watch until told to stop; leave nothing behind.

        Raises:
            GitFailed, NotReady, OSError: It did not start.
        """
        try:
            self._handle_signals()
            self._start()
            while not self._stop:
                self._wait()
                self._look_after(time.time())
        finally:
            self._system.close()

    def _handle_signals(self) -> None:
        def stop(number: int, frame: object) -> None:
            self._stop = True

        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, stop)

    def _start(self) -> None:
        now = time.time()
        self._next_cron = events.next_cron(now)
        self._system.prepare(now)
        self._tags = {name: self._listed_tags(name) for name, one in self._system.services.items() if one.release}
        self._system.start()
        self._fault_at = time.time() + self._fault_after
        say("ready", config=str(self._system.folder / "incident.toml"), fault_at=self._fault_at)

    def _wait(self) -> None:
        """Until the next tick, or the end of standard input, which is the end of whoever started this."""
        with contextlib.suppress(InterruptedError):
            if select.select([0], [], [], TICK_S)[0] and not os.read(0, 1024):
                self._stop = True

    def _look_after(self, now: float) -> None:
        for child in self._system.nursery.reap():
            self._ended(child, now)
        for running in self._system.services.values():
            if running.due is not None and now >= running.due:
                self._restart(running)
        if now >= self._fault_at:
            self._fault_at = float("inf")
            self._break(now)
        if now >= self._next_cron:
            self._next_cron = now + events.CRON_EVERY
            self._system.tell(events.change(now, *events.CRON))
        self._deploy_new_tags()

    def _ended(self, child: Child, now: float) -> None:
        for running in self._system.services.values():
            if running.child is child:
                running.child, running.due = None, now + profile.RESTART_AFTER
                say("died", service=running.name, at=now)

    def _restart(self, running: Running) -> None:
        running.restarts += 1
        try:
            child = self._system.fork(running)
            child.wait_ready(START_S)
        except (NotReady, GitFailed) as error:
            running.due = time.time() + profile.RESTART_AFTER
            say("failed", service=running.name, reason=str(error))
            return
        running.child, running.due = child, None
        say("restarted", service=running.name, at=time.time())

    def _break(self, now: float) -> None:
        """Bring the scenario's fault."""
        system, scenario = self._system, self._system.scenario
        if scenario.deploy is not None:
            try:
                repository.deploy(system.repository, scenario.deploy, now)
            except (GitFailed, EditMismatch) as error:
                say("no-fault", scenario=scenario.name, reason=f"the repository was changed meanwhile: {error}")
                return
        if scenario.flag is not None:
            system.set_flags(**{scenario.flag: 1})
            summary = f"flag {scenario.flag} off to on for all customers"
            system.tell(events.change(now, "flag", "checkout", summary))
        if scenario.world:
            system.turn_world(**scenario.world)
        if scenario.rush is not None:
            system.turn_world(rush_began=now)
        if scenario.breaks:
            say("fault", at=now, scenario=scenario.name)

    # Deploys.

    def _listed_tags(self, service: str) -> set[str]:
        folder = self._system.repository / ".git" / "refs" / "tags" / "deploy" / "prod" / service
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
        running = self._system.services[service]
        old, before = running.child, running.release
        try:
            running.release = Release(service, tag, repository.resolve(self._system.repository, tag))
            child = self._system.fork(running)
            child.wait_ready(START_S)
        except (GitFailed, NotReady, OSError) as error:
            running.release = before
            say("not-deployed", service=service, tag=tag, reason=str(error))
            return
        running.child, running.due = child, None
        if old is not None:
            self._system.nursery.end(old)
        say("deployed", service=service, tag=tag, at=time.time())


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
    except Exception as error:
        # The log of this process goes with the folder, so that the reason must be told here.
        say("failed", reason=f"{type(error).__name__}: {error}")
        raise


def main(arguments: list[str] | None = None) -> None:
    """Run one practice system."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("scenario", choices=scenarios.names())
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--fault-after", type=float, required=True)
    parser.add_argument("--history", type=float, default=profile.HISTORY)
    options = parser.parse_args(arguments)
    profile.HISTORY = options.history  # of this process and of all that it forks
    scenario = scenarios.find(options.scenario)
    assert scenario is not None
    os.set_blocking(1, False)
    os.umask(0o077)
    with _reported():
        Supervisor(options.folder, scenario, options.seed, options.fault_after).run()


if __name__ == "__main__":
    main()
