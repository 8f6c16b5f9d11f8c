"""How a person repeats what evidence says: the shell command that gives the same, and the log lines that it speaks of.

A name or text from outside is quoted: somebody will paste this into a shell.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import field
from urllib.parse import urlsplit

from console.config.load import Loaded
from console.config.models import MetricsConfig
from console.domain.diagnosis import Evidence
from console.domain.instant import BadTime, Window, parse_time, rfc3339
from console.domain.values import dataclass

GIT = "git:"
"""Names of the sources that read deploy tags begin with it."""
STEP_S = 15
"""Step of a range query that is repeated by hand."""
PROBE_S = 5
_PROBE = re.compile(r"(https?|tcp|tls|dns)://\S+")


@dataclass(frozen=True, slots=True)
class Question:
    """Log lines that evidence speaks of: a query, and the stretch."""

    query: str
    window: Window | None


def question_of(command: str | None) -> Question | None:
    """What a command of the form `incident logs QUERY --since TIME --until TIME` asks; None for anything else."""
    if not command or not command.startswith("incident logs "):
        return None
    try:
        words = shlex.split(command)[2:]
        given = {words[n]: parse_time(words[n + 1], 0.0) for n in range(1, len(words) - 1, 2)}
    except (ValueError, BadTime):
        return None
    window = Window(given["--since"], given["--until"]) if {"--since", "--until"} <= given.keys() else None
    return Question(words[0], window) if words else None


def query_of(one: Evidence) -> str:
    """What `y` copies: the query alone, as it is typed into the log screen or into the source."""
    asked = question_of(one.query)
    return asked.query if asked is not None else one.query or ""


@dataclass(frozen=True, slots=True)
class Repeat:
    """What must be known of the configuration to write such a command."""

    config: str = ""
    """Path of the configuration; empty: the one that is found by itself."""
    folder: str = ""
    """What paths in queries are relative to."""
    repositories: Mapping[str, str] = field(default_factory=dict)
    """Path of the repository of each source that reads one."""
    service_repositories: Mapping[str, str] = field(default_factory=dict)
    """Path of the repository of each service that has one."""
    prometheus: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """Address, and environment variable of the token or nothing, of each Prometheus."""

    @classmethod
    def of(cls, loaded: Loaded) -> Repeat:
        """For one configuration."""
        paths = {s.name: s.repository for s in loaded.config.service if s.repository is not None}
        return cls(
            str(loaded.path.absolute()) if loaded.path is not None and loaded.path.is_file() else "",
            str(loaded.folder.absolute()),
            {f"{GIT}{path}": str(loaded.resolve(path)) for path in paths.values()},
            {name: str(loaded.resolve(path)) for name, path in paths.items()},
            dict(_prometheus(loaded.config.metrics)),
        )

    def command(self, one: Evidence) -> str:
        """The shell command that gives what the evidence says; empty where nothing does."""
        query = one.query or ""
        if query.startswith("incident "):
            return self.whole(query)
        if query.startswith("git "):
            return _from(self.repositories.get(one.source) or self._any_repository(), query)
        if query.startswith("grep "):
            return f"cd {shlex.quote(self.folder)} && {query}" if self.folder else query
        if query.startswith("curl "):
            return query
        if _PROBE.fullmatch(query):
            return probe_command(query)
        if one.source in self.prometheus and query:
            return self._range(one, query)
        return ""

    def whole(self, command: str, service: str = "") -> str:
        """A command of a pane, completed by configuration and repository: it works wherever it is pasted."""
        words = command.split(" ", 2)
        if words[0] == "incident" and self.config and " --config " not in command:
            return f"{command} --config {shlex.quote(self.config)}"
        if words[0] == "git" and words[1:2] != ["-C"]:
            return _from(self.service_repositories.get(service) or self._any_repository(), command)
        return command

    def _any_repository(self) -> str:
        return next(iter(self.repositories.values()), "")

    def _range(self, one: Evidence, query: str) -> str:
        address, token = self.prometheus[one.source]
        parts = ["curl -sSG", shlex.quote(f"{address.rstrip('/')}/api/v1/query_range")]
        parts += [f'-H "Authorization: Bearer ${token}"'] if re.fullmatch(r"\w+", token) else []
        parts.append(f"--data-urlencode {shlex.quote(f'query={query}')}")
        if one.window is not None:
            parts += [f"-d start={rfc3339(one.window.start)}", f"-d end={rfc3339(one.window.end)}", f"-d step={STEP_S}"]
        return " ".join(parts)


def _from(repository: str, command: str) -> str:
    """A git command from anywhere."""
    return f"git -C {shlex.quote(repository)} {command.removeprefix('git ')}" if repository else command


def _prometheus(metrics: Iterable[MetricsConfig]) -> Iterable[tuple[str, tuple[str, str]]]:
    for one in metrics:
        if one.kind == "prometheus" and one.url:
            yield one.name, (one.url, one.token_env or "")


def probe_command(target: str) -> str:
    """What probes an address by hand, as the console does: it only looks."""
    try:
        parts = urlsplit(target)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return ""
    match parts.scheme:
        case "http" | "https":
            return f"curl -sS -i --max-time {PROBE_S} {shlex.quote(target)}"
        case "tcp" if host and port:
            return f"nc -vz -w {PROBE_S} {shlex.quote(host)} {port}"
        case "tls" if host:
            name = shlex.quote(host)
            address = shlex.quote(f"{host}:{port or 443}")
            return f"openssl s_client -connect {address} -servername {name} </dev/null"
        case "dns" if host:
            asked = parts.path.strip("/")
            return (
                f"dig +short {shlex.quote(asked)} {shlex.quote('@' + host)}"
                if asked
                else f"dig +short {shlex.quote(host)}"
            )
    return ""
