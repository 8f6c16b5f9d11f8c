"""Names of operations: the method and the route, with identifiers in a path put aside so that one endpoint is one name."""

from __future__ import annotations

import re

_SEGMENT = re.compile(
    r"(?:(?<=/)|\A)(?:"
    r"\d+(?:[.,-]\d+)*"  # a number, a range, a date
    r"|[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"  # a UUID
    r"|(?=[0-9a-fA-F]*\d)[0-9a-fA-F]{12,}"  # a hash, an ObjectId, a trace id
    r"|(?=[A-Za-z_-]*\d)[0-9A-HJKMNP-TV-Z]{26}"  # a ULID
    r"|[a-z]{1,8}[-_](?=[0-9A-Za-z]*\d)[0-9A-Za-z]{6,}"  # a prefixed id: cus_9s6XKzkNRiz8i3
    r"|[a-z]{1,8}[-_]\d+"  # order-123
    r"|[^/]*%[0-9A-Fa-f]{2}[^/]*"  # an encoded text
    r"|[^/]{64,}"
    r")(?=/|\Z)"
)
_DIGITS = re.compile(r"\d+", re.ASCII)
_METHOD = re.compile(r"[A-Z]{3,8} (?=/)")
LONGEST = 120
"""Characters of an operation's name."""
OTHER = "other"
"""Where operations beyond a bound are counted."""

_REMEMBERED = 20_000
_cache: dict[tuple[str, str], str] = {}


def path_of(url: str) -> str:
    """The path of a URL or request target: without scheme, host, query and fragment."""
    if "://" in url[:12]:
        rest = url.split("://", 1)[1]
        url = "/" + rest.split("/", 1)[1] if "/" in rest else "/"
    for mark in "?#;":
        if mark in url:
            url = url.split(mark, 1)[0]
    return url


def normal_path(path: str) -> str:
    """`path` with every segment that looks like an identifier as `{id}`."""
    return _SEGMENT.sub("{id}", path_of(path))


def literal_digits(path: str) -> tuple[tuple[int, int], ...]:
    """Where digits stand in a path that are no part of an identifier: `1` in `/v1/items/47`."""
    put_aside = [found.span() for found in _SEGMENT.finditer(path)]
    runs = [found.span() for found in _DIGITS.finditer(path)]
    return tuple(run for run in runs if not any(low <= run[0] < high for low, high in put_aside))


def operation_name(method: str, route: str, *, as_is: bool = False) -> str:
    """`POST /orders/{id}` from a method (may be empty) and a path, URL or route name.

    Args:
        method: HTTP method; whatever its case.
        route: Path, URL, route template or RPC name. Empty: there is no operation.
        as_is: The configuration names this field as the operation: its value stands.
    """
    if not route or route == "-":
        return ""
    if as_is:
        return route[:LONGEST]
    known = _cache.get((method, route))
    if known is None:
        known = _named(method, route)
        if len(_cache) >= _REMEMBERED:
            _cache.clear()
        _cache[method, route] = known
    return known


def _named(method: str, route: str) -> str:
    if found := _METHOD.match(route):
        method, route = found[0].strip(), route[found.end() :].split(" ", 1)[0]
    path = normal_path(route) if "/" in route else route
    return f"{method.upper()} {path}"[:LONGEST] if method and method != "-" else path[:LONGEST]
