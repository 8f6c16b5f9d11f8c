"""Probe addresses of the configuration: `http(s)://`, `tcp://`, `tls://`, `dns://`."""

from __future__ import annotations

from typing import Literal
from urllib.parse import parse_qs, urlsplit

from console.config.load import ConfigError
from console.domain.text import SafeText
from console.domain.values import dataclass
from console.guard.sanitise import safe

FORMS = "http://host/path, https://host/path, tcp://host:port, tls://host:port, dns://name or dns://server/name"
RECORD_TYPES = {"A": 1, "NS": 2, "CNAME": 5, "MX": 15, "TXT": 16, "AAAA": 28, "SRV": 33}


@dataclass(frozen=True, slots=True)
class Target:
    """What a probe asks."""

    scheme: Literal["http", "https", "tcp", "tls", "dns"]
    url: str
    """As it was configured."""
    host: str
    """For `dns://name`: empty, the system's own resolver is asked."""
    port: int
    question: str = ""
    """dns: the name asked for."""
    record: int = 1
    """dns: the type of the record."""

    @property
    def shown(self) -> SafeText:
        """Fit to be shown: without a query, which may hold a token."""
        return safe(self.url.partition("?")[0], 200)


def target_of(url: str, key: str) -> Target:
    """Read a probe address.

    Args:
        key: The table of the configuration, for messages.

    Raises:
        ConfigError: It is no address that can be probed.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ConfigError(f"{key}: probe {safe(url)!r} is no address: {safe(str(error))}") from None
    if parts.username is not None or parts.password is not None:
        raise ConfigError(f"{key}: probe holds a user or password; a probe must be possible without")
    host = parts.hostname or ""
    match parts.scheme:
        case ("http" | "https") as scheme if host:
            return Target(scheme, url, host, port or (443 if scheme == "https" else 80))
        case "tcp" if host and port:
            return Target("tcp", url, host, port)
        case "tls" if host:
            return Target("tls", url, host, port or 443)
        case "dns" if host:
            return _dns(url, key)
    missing = ", which needs a port" if parts.scheme == "tcp" and host else ""
    raise ConfigError(f"{key}: probe {safe(url)!r} cannot be asked{missing}: write {FORMS}")


def _dns(url: str, key: str) -> Target:
    parts = urlsplit(url)
    wanted = parse_qs(parts.query).get("type", ["A"])[0].upper()
    if wanted not in RECORD_TYPES:
        raise ConfigError(f"{key}: probe asks for a record of type {safe(wanted)!r}; known: {', '.join(RECORD_TYPES)}")
    asked = parts.path.strip("/")
    server, question = (parts.hostname or "", asked) if asked else ("", parts.hostname or "")
    labels = question.rstrip(".").split(".")
    try:
        fits = all(0 < len(label.encode("idna" if not label.isascii() else "ascii")) < 64 for label in labels)
    except UnicodeError:
        fits = False
    if not fits or len(question) > 253:
        raise ConfigError(f"{key}: probe asks for {safe(question)!r}, which is no name")
    return Target("dns", url, server, parts.port or 53, question.rstrip("."), RECORD_TYPES[wanted])
