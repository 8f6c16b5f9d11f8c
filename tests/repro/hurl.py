"""Reads a hurl file by its published grammar, and sends it as hurl has libcurl send it: the oracle where hurl is not installed.

Grammar: `docs/spec/grammar/hurl.grammar` of the hurl project; what libcurl adds and leaves out: its `http/client.rs`. Only what an
export may use is understood; everything else is an error, as a syntax error of hurl would be.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping

from console.domain.request import HttpRequest

KEY = re.compile(r"(?:[A-Za-z0-9_\-.\[\]@$]|\\.(?:\{[0-9A-Fa-f]+\})?|\{\{[^}]*\}\})+:")
ESCAPES = {"#": "#", ":": ":", "\\": "\\", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


class Syntax(ValueError):
    """Hurl would not read it."""


def text_of(source: str, variables: Mapping[str, str]) -> str:
    """A key-string or value-string without its escapes and templates."""
    out, place = "", 0
    while place < len(source):
        char = source[place]
        if char == "#":
            raise Syntax(f"a comment begins within {source!r}")
        if source.startswith("{{", place):
            end = source.index("}}", place)
            out, place = out + variables[source[place + 2 : end].strip()], end + 2
        elif char == "\\":
            code = re.compile(r"\\u\{([0-9A-Fa-f]+)\}").match(source, place)
            if code is not None:
                out, place = out + chr(int(code[1], 16)), code.end()
            elif source[place + 1 : place + 2] in ESCAPES:
                out, place = out + ESCAPES[source[place + 1]], place + 2
            else:
                raise Syntax(f"no escape: {source[place:]!r}")
        else:
            out, place = out + char, place + 1
    return out


def sent(text: str, variables: Mapping[str, str]) -> bytes:
    """The bytes that a request of one entry is sent as, before its response section."""
    request, _, _ = text.partition("\nHTTP ")
    first, *lines = request.strip("\n").split("\n")
    line = re.fullmatch(r"([A-Z]+) (\S+)", first)
    if line is None:
        raise Syntax(f"no method and address: {first!r}")
    method, url = line[1], text_of(line[2], variables)
    headers: list[tuple[str, str]] = []
    as_is, body = False, b""
    while lines:
        one = lines.pop(0)
        key = KEY.match(one)
        if one == "[Options]":
            while lines and re.fullmatch(r"[a-z-]+: .*", lines[0]):
                name, _, value = lines.pop(0).partition(": ")
                as_is = as_is or (name, value) == ("path-as-is", "true")
        elif one.startswith("base64,") and one.endswith(";"):
            if not re.fullmatch(r"[A-Za-z0-9+/= ]+", one[7:-1]):
                raise Syntax("base64 without a character")
            body = base64.b64decode(one[7:-1], validate=True)
        elif key is not None:
            headers.append((text_of(key[0][:-1], variables), text_of(one[key.end() :].strip(), variables)))
        elif one.strip():
            raise Syntax(f"no header: {one!r}")
    return _as_libcurl(method, url, headers, body, as_is=as_is)


def _as_libcurl(method: str, url: str, headers: list[tuple[str, str]], body: bytes, *, as_is: bool) -> bytes:
    """A header without a value takes libcurl's own away and is not sent itself; dots in a path are resolved unless told not to."""
    if not as_is and re.search(r"/\.{1,2}(?:/|\?|$)", url):
        raise Syntax(f"libcurl takes the dots out of {url!r}")
    if method == "HEAD" and body:
        raise Syntax("a HEAD request is sent without its body")
    given = {name.lower() for name, _ in headers}
    kept = [(name, value) for name, value in headers if value]
    own = [("Accept", "*/*")] if "accept" not in given else []
    if "user-agent" not in given:
        own.insert(0, ("User-Agent", "hurl"))
    latin = [(n.encode().decode("latin-1"), v.encode().decode("latin-1")) for n, v in [*own, *kept]]
    return HttpRequest(method, url.encode().decode("latin-1"), tuple(latin), body or None).wire()
