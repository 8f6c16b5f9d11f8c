"""Real files for the real program: a log with a fault in it, a repository with deploy tags, a changes file."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread

SPAN_S = 1200
"""Seconds of history that the log holds before now."""
ONSET_S = 420
"""Seconds before now at which the fault begins."""
CONFIG = """\
[[service]]
name = "checkout"
repository = "repo"

[[logs]]
paths = ["logs/*.log"]
service_field = "service"

[[changes]]
path = "changes.jsonl"
"""


@dataclass
class Project:
    """A folder with everything that `incident.toml` names."""

    root: Path
    now: float = field(default_factory=time.time)

    @property
    def config(self) -> Path:
        """The configuration file."""
        return self.root / "incident.toml"

    @property
    def log(self) -> Path:
        """The log that the service writes."""
        return self.root / "logs" / "app.log"

    def configure(self, more: str = "", base: str = CONFIG) -> None:
        """Write the configuration, with `more` after it."""
        self.config.write_text(base + more, encoding="utf-8")

    def write_history(self, **fields: object) -> None:
        """A log of one line a second whose orders fail from `ONSET_S` before now on; `fields` go into failing lines."""
        self.log.parent.mkdir(exist_ok=True)
        with self.log.open("w", encoding="utf-8", errors="surrogatepass") as file:
            file.writelines(self._order(number, fields) for number in range(SPAN_S))

    @contextmanager
    def goes_on(self, **fields: object) -> Iterator[None]:
        """The history goes on, a line a second, for as long as the block runs: the verdict on it stays the same, where that on
        a log which ended becomes, after a while, that nobody orders any more; `fields` go into failing lines."""
        done = Event()

        def write() -> None:
            number = SPAN_S
            while not done.wait(0.2):
                due = int(time.time() - self.now) + SPAN_S  # a writer that got late catches up
                if number <= due:
                    with self.log.open("a", encoding="utf-8", errors="surrogatepass") as file:
                        file.write("".join(self._order(n, fields) for n in range(number, due + 1)))
                    number = due + 1

        writer = Thread(target=write, name="writer of the log", daemon=True)
        writer.start()
        try:
            yield
        finally:
            done.set()
            writer.join(5)

    def _order(self, number: int, fields: Mapping[str, object]) -> str:
        """One line of the history, its number counted in seconds from the beginning."""
        bad = number > SPAN_S - ONSET_S and number % 2 == 0
        entry = {"msg": "order refused by payments", **fields} if bad else {"msg": "served"}
        return record(self.now - SPAN_S + number, number, bad, entry)

    def append(self, *messages: str, **fields: object) -> None:
        """Error lines stamped now, in one write."""
        at = time.time()
        lines = (record(at, number, True, {"msg": text, **fields}) for number, text in enumerate(messages))
        with self.log.open("a", encoding="utf-8") as file:
            file.write("".join(lines))

    def write_changes(self, *changes: Mapping[str, object]) -> None:
        """The changes file; `at` is in seconds before now."""
        lines = [json.dumps({**change, "at": self.now - float(str(change["at"]))}) for change in changes]
        (self.root / "changes.jsonl").write_text("\n".join([*lines, ""]), encoding="utf-8")

    def git(self, *arguments: str, at: float, name: str = "Ada", feed: bytes = b"") -> str:
        """Run git in the repository, as `name`, at a time."""
        stamp = f"{int(at)} +0000"
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.root),
            "GIT_CONFIG_NOSYSTEM": "1",
            "LC_ALL": "C",
            **{f"GIT_{who}_DATE": stamp for who in ("AUTHOR", "COMMITTER")},
            **{f"GIT_{who}_NAME": name for who in ("AUTHOR", "COMMITTER")},
            **{f"GIT_{who}_EMAIL": "ada@shop.example" for who in ("AUTHOR", "COMMITTER")},
        }
        done = subprocess.run(
            ["git", *arguments],
            cwd=self.root / "repo",
            env=environment,
            input=feed,
            check=True,
            capture_output=True,
            timeout=20,
        )
        return done.stdout.decode().strip()

    def write_repository(
        self,
        tag: str = "deploy/prod/v2",
        subject: str = "Round totals at the end",
        author: str = "Ada",
        file: str = "",
        text: str = "TIMEOUT = 3\n",
    ) -> None:
        """Two commits and two deploy tags, the second a minute before the onset."""
        folder, then = self.root / "repo", self.now - ONSET_S - 60
        folder.mkdir(exist_ok=True)
        self.git("init", "--quiet", "--initial-branch=main", at=then)
        (folder / "pricing.py").write_text("TIMEOUT = 30\n")
        self._commit("Start", then - 86400, "Ada")
        self.git("tag", "deploy/prod/v1", at=then - 86400)
        (folder / "pricing.py").write_text(text, encoding="utf-8")
        if file:
            (folder / file).write_text("x\n")
        self._commit(subject, then - 300, author)
        self.git("tag", "-a", "-F", "-", tag, at=then, feed=subject.encode())

    def _commit(self, subject: str, at: float, author: str) -> None:
        self.git("add", "--all", at=at)
        self.git("commit", "--quiet", "--cleanup=verbatim", "-F", "-", at=at, name=author, feed=subject.encode())


def record(at: float, number: int, bad: bool, more: Mapping[str, object]) -> str:
    """One JSON line of an order."""
    entry = {
        "ts": at,
        "level": "error" if bad else "info",
        "service": "checkout",
        "method": "POST",
        "path": "/orders",
        "status": 504 if bad else 200,
        "latency_ms": 3000 + number % 40 if bad else 30 + number % 9,
        "trace_id": f"{number:032x}",
        **more,
    }
    return json.dumps(entry) + "\n"


def ordinary(root: Path) -> Project:
    """A project without anything hostile in it."""
    project = Project(root)
    project.write_history()
    project.write_repository()
    project.write_changes(
        {"at": ONSET_S + 120, "kind": "config", "id": "pool-10", "service": "checkout", "summary": "Pool size 10"}
    )
    project.configure()
    return project
