"""The configuration as values. Every key of `config.example.toml` is a field here, and the reverse.

An unknown key is an error. A secret is never a literal: `token_env`, `token_file` or `token_keyring`.
"""

# Without `from __future__ import annotations`: pydantic would compile every annotation once more, at each start.

import ipaddress
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from console.domain.instant import BadTime, parse_span
from console.guard.sanitise import UNSAFE, safe

Theme = Literal["dark", "light", "ansi-dark", "ansi-light", "high-contrast"]
DependencyKind = Literal["database", "cache", "queue", "third_party", "load_balancer", "dns", "storage", "other"]


def _span(text: str) -> str:
    try:
        seconds = parse_span(text)
    except BadTime as error:
        raise ValueError(str(error)) from None
    if seconds <= 0:
        raise ValueError(f"{text!r} is no time at all: write something longer, such as 15s")
    return text


Span = Annotated[str, AfterValidator(_span)]
"""A length of time such as `30s` or `10m`, longer than nothing."""


def _home(path: Path | str | None) -> Path | str | None:
    """A path whose `~` or `~user` leads to a home folder."""
    try:
        if path is not None:
            Path(path).expanduser()
    except RuntimeError:
        raise ValueError(f"{str(path)!r}: there is no home folder for {Path(path or '').parts[0]}") from None
    return path


FilePath = Annotated[Path | None, Field(strict=False), AfterValidator(_home)]
"""A path, relative to the file that holds it."""


def _zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (KeyError, ValueError, OSError):  # a missing zone is a KeyError; a path or a folder is one of the others
        raise ValueError(f"{text!r} is no time zone: write UTC, or a name such as Europe/Berlin") from None
    return text


Zone = Annotated[str, AfterValidator(_zone)]
"""A time zone by its IANA name."""


def _origin(text: str) -> str:
    """Scheme, host and port alone: paths come from requests, and credentials from token_env and its like."""
    match = re.fullmatch(r"(https?)://([^/?#@\\\s]+)/?", text)
    if match is None:
        raise ValueError(f"{text!r} is no origin: write https://host or https://host:port, without path and user")
    return f"{match[1]}://{match[2]}"


def _network(text: str) -> str:
    try:
        ipaddress.ip_network(text)
    except ValueError:
        raise ValueError(f"{text!r} is no network: write 10.0.0.0/8 or fd12::/16") from None
    return text


class Model(BaseModel):
    """Strict, frozen, and closed to unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, str_max_length=4096)

    @field_validator("*")
    @classmethod
    def _can_be_shown(cls, value: object, info: ValidationInfo) -> object:
        """Names and addresses are shown everywhere, so none may hold what a terminal obeys or what hides from the eye.

        The keymap is left out: the actions table judges it.
        """
        for text in _texts(value) if info.field_name != "keys" else ():
            bad = UNSAFE.search(text)
            if bad is not None:
                raise ValueError(f"{safe(text, 80)!r} holds a character that cannot be shown: U+{ord(bad.group()):04X}")
        return value


def _texts(value: object) -> Iterator[str]:
    """Every string in a value of one field; a query may have several lines."""
    if isinstance(value, (str, Path)):
        yield str(value)
    elif isinstance(value, tuple):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield str(item).replace("\n", " ").replace("\t", " ")


class Together(Model):
    """A table whose keys depend on each other."""

    @classmethod
    def contradictions(cls, table: Mapping[str, Any]) -> list[str]:
        """What does not go together, one sentence each.

        Args:
            table: Key to value, defaults included; of any type, so that a table can be judged that has other mistakes as well.
        """
        raise NotImplementedError

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        found = self.contradictions(vars(self))
        if found:
            raise ValueError("\n".join(found))
        return self


def _missing(table: Mapping[str, Any], kind: str, needed: tuple[str, ...]) -> list[str]:
    return [f'{key} is needed for kind = "{kind}"' for key in needed if table[key] is None]


class Secret(Model):
    """Where a token comes from; mixed into the sources that need one."""

    token_env: str | None = None
    """Name of an environment variable."""
    token_file: FilePath = None
    """A file that only its owner can read."""
    token_keyring: str | None = None
    """`service/user` of the system keyring."""


class Console(Model):
    """How the console itself behaves."""

    timezone: Zone = "UTC"
    """Of what is shown, and of the hours and weekdays that are compared; everything is stored in UTC."""
    state_dir: FilePath = None
    """Default: `$XDG_STATE_HOME/incident-console`."""
    window: Span = "30m"
    """The time window that the console opens with."""
    theme: Theme = "dark"
    low_bandwidth: bool = False
    """Fewer repaints and 16 colours, for slow links."""
    mouse: bool = False
    """Off, so that the terminal's own selection works; `M` switches it."""
    ascii: bool = False
    """Only ASCII glyphs and graphs."""
    log_memory_mb: int = Field(default=256, ge=64, le=65_536)
    """Megabytes of memory that reading logs may take; a question that needs more fails with a sentence."""


class ServiceConfig(Model):
    """A service that you deploy."""

    name: str = Field(min_length=1)
    depends_on: tuple[str, ...] = Field(default=(), strict=False)
    """Names of services or dependencies."""
    repository: FilePath = None
    """A git work tree or bare repository."""
    deploy_tags: tuple[str, ...] = Field(default=("deploy/*", "release/*", "v*"), strict=False)
    version_url: str | None = None
    """Where the running version is asked for: JSON with `version` and `commit`, or plain text."""
    probe: str | None = None
    """A health address, probed like a dependency's."""
    deploy_command: str | None = None
    """The usual deploy, as text to copy: `{tag}`, `{branch}` and `{commit}` are filled in. It is never run."""
    serve_command: str | None = None
    """Starts the service from a work tree, to verify a fix branch: `{port}` and `$PORT` are its port on loopback."""
    canary_url: str | None = None
    """Where the canary answers, as text to copy."""
    objective: float | None = Field(default=None, gt=0, lt=1)
    """Share of its requests that must succeed: an incident is over once the error budget, 1 less this, no longer burns too fast."""


class DependencyConfig(Model):
    """What services need and you do not deploy."""

    name: str = Field(min_length=1)
    kind: DependencyKind = "other"
    probe: str | None = None
    """http(s)://, tcp://, tls:// or dns://; read-only, budgeted."""


class FieldNames(Model):
    """Names of record fields, where the common aliases do not hold."""

    time: str | None = None
    level: str | None = None
    message: str | None = None
    service: str | None = None
    operation: str | None = None
    method: str | None = None
    status: str | None = None
    latency: str | None = None
    latency_unit: Literal["s", "ms", "us", "ns"] | None = None
    trace_id: str | None = None


class SourceConfig(Secret, Together):
    """What is common to the tables of sources."""

    TABLE: ClassVar[str]
    """How the file calls them: `logs`."""
    READABLE: ClassVar[tuple[str, ...]]
    """The kinds that this version can read."""
    name: str
    """How reports and queries call it; tables without a name get distinct ones."""
    kind: str

    def unreadable(self) -> str:
        """Why nothing can be read of a source of this kind; empty where it can be."""
        if self.kind in self.READABLE:
            return ""
        kinds = ", ".join(self.READABLE)
        return f'[[{self.TABLE}]] {self.name}: kind = "{self.kind}" cannot be read by this version; kinds that can: {kinds}'


class LogsConfig(SourceConfig):
    """A log source."""

    TABLE = "logs"
    READABLE = ("files", "journald")
    name: str = Field(default="logs", min_length=1)
    kind: Literal[
        "files", "journald", "loki", "elasticsearch", "opensearch", "victorialogs", "clickhouse", "kubernetes", "docker"
    ] = "files"
    paths: tuple[Annotated[str, AfterValidator(_home)], ...] = Field(default=(), strict=False)
    """Globs; rotated and compressed siblings included."""
    service: str | None = None
    service_field: str | None = None
    service_from_path: str | None = None
    """A path pattern with `{service}` in it."""
    format: Literal["auto", "json", "logfmt", "access", "syslog", "plain"] = "auto"
    timezone: Zone = "UTC"
    """The zone of stamps that carry none."""
    fields: FieldNames = FieldNames()
    url: str | None = None

    @classmethod
    def contradictions(cls, table: Mapping[str, Any]) -> list[str]:
        """How the service is named, and what files need."""
        named = [key for key in ("service", "service_field", "service_from_path") if table[key] is not None]
        found = []
        if len(named) > 1:
            found.append(f"only one of {' and '.join(named)} can name the service")
        if table["kind"] == "files" and not table["paths"]:
            found.append('paths is needed for kind = "files"')
        if table["service_from_path"] is not None and "{service}" not in str(table["service_from_path"]):
            found.append("service_from_path needs {service} in it")
        return found


class MetricsConfig(SourceConfig):
    """A metrics source."""

    TABLE = "metrics"
    READABLE = ("prometheus", "scrape", "csv")
    name: str = Field(default="metrics", min_length=1)
    kind: Literal["prometheus", "scrape", "csv"]
    url: str | None = None
    service: str | None = None
    """Scrape: the service whose `/metrics` this is. Prometheus: unused."""
    path: FilePath = None
    layout: Literal["long", "wide"] = "long"
    interval: Span = "15s"
    service_label: str | None = None
    """Prometheus: the label that names the service; default: found by convention."""
    queries: dict[str, str] = Field(default_factory=dict)
    """Prometheus: metric name to PromQL with `$step` in it, replacing the default query."""

    @classmethod
    def contradictions(cls, table: Mapping[str, Any]) -> list[str]:
        """What each kind needs."""
        needed = {"csv": ("path",), "prometheus": ("url",), "scrape": ("url", "service")}
        kind = table.get("kind")
        return _missing(table, str(kind), needed.get(str(kind), ()))


class ChangesConfig(SourceConfig):
    """A source of changes, beside the deploy tags."""

    TABLE = "changes"
    READABLE = ("jsonl",)
    name: str = Field(default="changes", min_length=1)
    kind: Literal["jsonl", "kubernetes", "github", "argocd", "grafana"] = "jsonl"
    path: FilePath = None
    url: str | None = None

    @classmethod
    def contradictions(cls, table: Mapping[str, Any]) -> list[str]:
        """A file needs its path."""
        return _missing(table, "jsonl", ("path",) if table["kind"] == "jsonl" else ())


class TracesConfig(SourceConfig):
    """A source of spans."""

    TABLE = "traces"
    READABLE = ("jsonl",)
    name: str = Field(default="traces", min_length=1)
    kind: Literal["jsonl", "jaeger", "tempo", "langsmith"] = "jsonl"
    path: FilePath = None
    url: str | None = None

    @classmethod
    def contradictions(cls, table: Mapping[str, Any]) -> list[str]:
        """A file needs its path."""
        return _missing(table, "jsonl", ("path",) if table["kind"] == "jsonl" else ())


class EnvironmentConfig(Secret):
    """Where a reproduction may be sent; a host never comes from evidence."""

    name: str = Field(min_length=1)
    tier: Literal["production", "staging", "local"]
    origin: Annotated[str, AfterValidator(_origin)]
    networks: tuple[Annotated[str, AfterValidator(_network)], ...] = Field(default=(), strict=False)
    """Private networks that the origin may lead to: `10.0.0.0/8`."""
    read_post_routes: tuple[str, ...] = Field(default=(), strict=False)
    """Paths whose POST only reads: `/search`, `/api/*/query`; to be confirmed, in production too."""


class Budget(Model):
    """What the console may cost the systems it asks, per origin."""

    requests_per_minute: int = Field(default=60, ge=1, le=6000)
    concurrent: int = Field(default=2, ge=1, le=16)
    timeout: Span = "10s"


class Fix(Model):
    """Fix branches."""

    protected_branches: tuple[str, ...] = Field(default=(), strict=False)
    """Patterns of branches that are never written to, beside main, master, trunk, develop, release/*, production, prod/*,
    deploy/* and staging."""


class Recovery(Model):
    """What a contract asks for, where its writer does not say."""

    hold: Span = "15m"
    """How long everything must hold: 15s to 1d."""
    error_margin: float | None = Field(default=None, gt=0, le=1)
    """How far error ratios may stay above the baseline; without it 0.001, or half of the baseline."""

    @field_validator("hold")
    @classmethod
    def _can_be_judged(cls, text: str) -> str:
        from console.domain.recovery import HOLD_LEAST_S, HOLD_MOST_S  # not for the first frame

        if not HOLD_LEAST_S <= parse_span(text) <= HOLD_MOST_S:
            raise ValueError(f"{text}: it must be at least {HOLD_LEAST_S:g} s and at most a day")
        return text


class Config(Model):
    """The whole file."""

    console: Console = Console()
    service: tuple[ServiceConfig, ...] = Field(default=(), strict=False)
    dependency: tuple[DependencyConfig, ...] = Field(default=(), strict=False)
    logs: tuple[LogsConfig, ...] = Field(default=(), strict=False)
    metrics: tuple[MetricsConfig, ...] = Field(default=(), strict=False)
    changes: tuple[ChangesConfig, ...] = Field(default=(), strict=False)
    traces: tuple[TracesConfig, ...] = Field(default=(), strict=False)
    environment: tuple[EnvironmentConfig, ...] = Field(default=(), strict=False)
    budget: Budget = Budget()
    fix: Fix = Fix()
    recovery: Recovery = Recovery()
    keys: dict[str, str] = Field(default_factory=dict)
    """Action id to key or comma-separated keys: `zoom = "Z"`."""

    def field_names(self) -> dict[str, str]:
        """What log sources call fields of their records, lower case, and the names by which queries know these."""
        found: dict[str, str] = {}
        for source in self.logs:
            named = {**source.fields.model_dump(exclude={"time", "method", "latency_unit"}), "": source.service_field}
            found |= {name.lower(): meaning or "service" for meaning, name in named.items() if name}
        return found
