"""One HTTP request as a value, and the bytes that it stands for.

Text of the address and the headers holds one character for each byte on the wire (ISO 8859-1), so that what was read from
somewhere can be sent again byte for byte.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from urllib.parse import unquote_to_bytes

from console.domain.values import dataclass

_URL = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<authority>[^/?#]*)(?P<path>[^?#]*)(?:\?(?P<query>[^#]*))?(?:#.*)?", re.S
)
DEFAULT_PORTS = {"http": 80, "https": 443}

Header = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Place:
    """An absolute address in its parts, each exactly as it was written."""

    scheme: str
    authority: str
    path: str
    query: str | None
    """None where there is no question mark."""

    @property
    def target(self) -> str:
        """Path and query as they stand in the request line."""
        path = self.path if self.path.startswith("/") else "/" + self.path
        return path if self.query is None else f"{path}?{self.query}"

    @property
    def userinfo(self) -> str | None:
        """What stands before the last `@`; None where there is none."""
        before, at, _ = self.authority.rpartition("@")
        return before if at else None

    @property
    def hostport(self) -> str:
        """Host and port without the user."""
        return self.authority.rpartition("@")[2]

    @property
    def host(self) -> str:
        """Lower case, without brackets and port."""
        hostport = self.hostport
        if hostport.startswith("["):
            return hostport[1:].partition("]")[0].lower()
        return hostport.partition(":")[0].lower()

    @property
    def port(self) -> int | None:
        """The port, the scheme's own where none is written; None where it is no number."""
        rest = self.hostport.rpartition("]")[2]
        text = rest.partition(":")[2]
        if not text:
            return DEFAULT_PORTS.get(self.scheme.lower())
        return int(text) if text.isascii() and text.isdigit() and len(text) <= 5 else None

    def origin(self) -> tuple[str, str, int | None]:
        """What tells origins apart."""
        return self.scheme.lower(), self.host, self.port


def place_of(url: str) -> Place:
    """The parts of an absolute address.

    Raises:
        ValueError: It is not absolute.
    """
    match = _URL.fullmatch(url)
    if match is None:
        raise ValueError("not an absolute address")
    return Place(match["scheme"], match["authority"], match["path"], match["query"])


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request. `Host` and `Content-Length` follow from the address and the body and are not among the headers."""

    method: str
    url: str
    headers: tuple[Header, ...] = ()
    body: bytes | None = None
    """None: no body at all; empty: a body of length 0, which is announced."""

    @property
    def place(self) -> Place:
        """The address in its parts.

        Raises:
            ValueError: It is not absolute.
        """
        return place_of(self.url)

    def values(self, name: str) -> list[str]:
        """Every value of a header, by its name in any case."""
        wanted = name.lower()
        return [value for key, value in self.headers if key.strip().lower() == wanted]

    def with_url(self, url: str) -> HttpRequest:
        """The same request to another address."""
        return replace(self, url=url)

    def with_headers(self, headers: tuple[Header, ...]) -> HttpRequest:
        """The same request with other headers."""
        return replace(self, headers=headers)

    def wire(self) -> bytes:
        """The bytes of the request, in HTTP/1.1: `Host` first, the headers in their order, `Content-Length` last."""
        place = self.place
        host = [] if self.values("host") else [f"Host: {place.hostport}"]
        lines = [f"{self.method} {place.target} HTTP/1.1", *host]
        lines += [f"{name}: {value}" if value else f"{name}:" for name, value in self.headers]
        if self.body is not None and not self.values("content-length"):
            lines.append(f"Content-Length: {len(self.body)}")
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + (self.body or b"")

    def sha256(self) -> str:
        """What identifies the request: the digest of its scheme and bytes."""
        return hashlib.sha256(self.place.scheme.lower().encode() + b"\n" + self.wire()).hexdigest()


def query_pairs(query: str | None) -> tuple[tuple[str, str | None], ...]:
    """The pairs of a query as they are written, in order, duplicates kept; the value is None where there is no `=`."""
    if not query:
        return ()
    found = []
    for part in query.split("&"):
        name, equals, value = part.partition("=")
        found.append((name, value if equals else None))
    return tuple(found)


def decoded(text: str, plus: bool = False) -> str:
    """Percent-decoded text, read as UTF-8; what is no UTF-8 becomes the replacement character."""
    raw = text.replace("+", " ") if plus else text
    return unquote_to_bytes(raw.encode("latin-1", "replace")).decode("utf-8", "replace")
