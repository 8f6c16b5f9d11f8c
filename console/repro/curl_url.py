"""Addresses as curl 7.88 reads them: globs, a missing scheme, dot segments, user and password."""

from __future__ import annotations

import re

from console.domain.request import decoded
from console.domain.values import dataclass
from console.repro.errors import Unclear

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(/{1,3})(?!/)")
_GUESSED = ("ftp.", "dict.", "ldap.", "imap.", "smtp.", "pop3.")
_PORT = re.compile(
    r"(?:^[^:\[\]]*|\])(?::0*(?:[1-9]\d{0,3}|[1-5]\d{4}|6[0-4]\d{3}|65[0-4]\d\d|655[0-2]\d|6553[0-5]))?$"
)
_ABOVE_ASCII = re.compile(r"[\x80-\xff]")
_BAD = re.compile(r"[\x00-\x20\x7f]")


@dataclass(frozen=True, slots=True)
class CurlUrl:
    """An address in its parts."""

    scheme: str
    userinfo: str | None
    hostport: str
    path: str
    query: str | None

    def text(self) -> str:
        """The address without the user; the path is never empty."""
        return f"{self.scheme}://{self.hostport}{self.path}" + ("" if self.query is None else f"?{self.query}")


def single(url: str, globbing: bool) -> str:
    """The one address that a pattern stands for.

    Raises:
        Unclear: It stands for several, or for none.
    """
    if not globbing:
        return url
    out: list[str] = []
    i = 0
    while i < len(url):
        c = url[i]
        if c == "\\" and url[i + 1 : i + 2] in ("{", "}", "[", "]"):
            out.append(url[i + 1])
            i += 2
        elif c == "{":
            end = url.find("}", i)
            inside = url[i + 1 : end]
            if end < 0 or not inside or any(d in inside for d in ",{[]\\"):
                raise Unclear(
                    f"the address holds {url[i : end + 1 if end > 0 else i + 20]}, by which curl makes several requests; use -g if it is meant as text"
                )
            out.append(inside)
            i = end + 1
        elif c == "[" and url[i + 1 : i + 2] == "]":
            out.append("[]")
            i += 2
        elif c == "[":
            literal = re.compile(r"\[[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*(?:%[^\]]*)?\]").match(url, i)
            if literal is None:
                raise Unclear(
                    f"the address holds {url[i : i + 20]}, by which curl makes several requests; use -g if it is meant as text"
                )
            out.append(literal.group())
            i = literal.end()
        elif c in "}]":
            raise Unclear(f"the address holds an unmatched {c}; use -g if it is meant as text")
        else:
            out.append(c)
            i += 1
    return "".join(out)


def parsed(url: str, default_scheme: str | None, path_as_is: bool) -> CurlUrl:
    """The address in its parts.

    Raises:
        Unclear: curl would not take it, or it is for another protocol.
    """
    if not url:
        raise Unclear("the address is empty")
    if _BAD.search(url):
        raise Unclear("the address holds a blank or a control character; write it percent-encoded")
    match = _SCHEME.match(url)
    if match:
        scheme, rest = match[1].lower(), url[match.end() :]
    elif "://" in url.partition("?")[0].partition("#")[0][:40]:
        raise Unclear("the address has no valid scheme")
    else:
        scheme, rest = default_scheme or "http", url
        if default_scheme is None and url.lower().startswith(_GUESSED):
            scheme = url.partition(".")[0].lower()
    if scheme not in ("http", "https"):
        raise Unclear(f"{scheme}: only http and https addresses are imported")
    end = min((i for i in (rest.find(c) for c in "/?#") if i >= 0), default=len(rest))
    authority, rest = rest[:end], rest[end:].partition("#")[0]
    path, mark, query = rest.partition("?")
    before, sign, hostport = authority.rpartition("@")
    if not hostport or hostport.startswith(":"):
        raise Unclear("the address names no host")
    if "@" in before or re.search(r"[\\\"<>^`{|}]", hostport) or not _PORT.search(hostport):
        raise Unclear("the address holds no valid host and port")
    path = _ABOVE_ASCII.sub(lambda m: f"%{ord(m.group()):02x}", path or "/")
    return CurlUrl(
        scheme, before if sign else None, hostport, path if path_as_is else without_dots(path), query if mark else None
    )


def without_dots(path: str) -> str:
    """The path without `.` and `..` segments, by RFC 3986 section 5.2.4."""
    if "." not in path:
        return path
    out: list[str] = []
    segments = path.split("/")[1:]
    for k, segment in enumerate(segments):
        last = k == len(segments) - 1
        if segment == ".":
            if last:
                out.append("")
        elif segment == "..":
            if out:
                out.pop()
            if last:
                out.append("")
        else:
            out.append(segment)
    return "/" + "/".join(out)


def credentials(userinfo: str) -> tuple[str, str]:
    """User and password of an address, percent-decoded."""
    user, _, password = userinfo.partition(":")
    return decoded(user), decoded(password)
