"""A request as something that a person can run elsewhere: curl, a shell script, a pytest file, hurl, an HTTP file.

What is exported carries the marks of synthetic traffic, and the environment's credential only as a variable. Importing what was
exported gives the request back; see `exported.py`.
"""

from __future__ import annotations

import base64
import re

from console.domain.request import Header, HttpRequest
from console.domain.values import dataclass
from console.guard.limits import TOTAL_S
from console.guard.redact import holds_secret
from console.repro.errors import Unclear

FORMS = ("curl", "sh", "pytest", "hurl", "http")


@dataclass(frozen=True, slots=True)
class Variable:
    """Where the credential comes from when an export is run."""

    name: str
    scheme: str = "Bearer"


def exported(
    request: HttpRequest,
    form: str,
    *,
    version: str,
    incident: str,
    variable: Variable | None = None,
    failing: int | None = None,
) -> str:
    """The text of an export.

    Args:
        form: One of `FORMS`.
        variable: For the environment's credential; None where it has none.
        failing: The status by which the failure is known; None: any 5xx.

    Raises:
        Unclear: The request holds what looks like a secret, or what the form cannot say exactly.
    """
    _no_secret(request)
    marked = request.with_headers(
        (*(h for h in request.headers if h[0].lower() != "user-agent"), *marks(version, incident))
    )
    match form:
        case "curl":
            return curl(marked, variable) + "\n"
        case "sh":
            return _shell(marked, variable)
        case "pytest":
            return _pytest(marked, variable, failing)
        case "hurl":
            return _hurl(marked, variable, failing)
        case "http":
            return _http(marked, variable)
    raise Unclear(f"{form}: no such form; there are {', '.join(FORMS)}")


def marks(version: str, incident: str) -> tuple[Header, ...]:
    """The headers by which metrics leave exported requests out."""
    name = re.sub(r"[^A-Za-z0-9._-]", "_", incident)[:64]
    return (("User-Agent", f"incident-console/{version} (synthetic; incident={name})"), ("X-Synthetic", "1"))


def _no_secret(request: HttpRequest) -> None:
    """The last look before text leaves the program."""
    places = [("the address", request.url), *((f"header {n}", f"{n}: {v}") for n, v in request.headers)]
    places.append(("the body", (request.body or b"").decode("utf-8", "replace")))
    for place, text in places:
        if holds_secret(text):
            raise Unclear(f"{place} holds what looks like a secret: take it out before the request is exported")


def _text(wire: str) -> str:
    try:
        return wire.encode("latin-1").decode("utf-8")
    except UnicodeDecodeError:
        raise Unclear("the request holds bytes that are no UTF-8; export it as pytest") from None


def _body_text(request: HttpRequest) -> str | None:
    if request.body is None:
        return None
    if b"\0" in request.body:
        raise Unclear("the body holds a NUL byte, which no argument can hold; export it as pytest")
    return _text(request.body.decode("latin-1"))


def quoted(text: str) -> str:
    """Text in POSIX single quotes."""
    return "'" + text.replace("'", "'\\''") + "'"


def curl(request: HttpRequest, variable: Variable | None) -> str:
    """The curl command that sends exactly these bytes."""
    body = _body_text(request)
    lines = [
        f"curl -q --globoff --path-as-is --max-time {TOTAL_S:g} --max-redirs 0 --proto '={request.place.scheme.lower()}'"
    ]
    if request.method == "HEAD" and body is None:
        lines.append("-I")
    elif request.method != ("GET" if body is None else "POST"):
        lines.append(f"-X {quoted(request.method)}")
    names = {name.lower() for name, _ in request.headers}
    lines += [f"-H {quoted(_text(f'{name}: {value}' if value else f'{name};'))}" for name, value in request.headers]
    if variable is not None:
        lines.append(f'-H "Authorization: {variable.scheme} ${variable.name}"')
    own = ["accept", "user-agent"] + (["content-type"] if body is not None else [])
    lines += [f"-H '{name.title()}:'" for name in own if name not in names]
    if body is not None:
        lines.append("--data-raw " + quoted(body))
    lines.append(quoted(_text(request.url)))
    return " \\\n  ".join(lines)


def _shell(request: HttpRequest, variable: Variable | None) -> str:
    needed = [f': "${{{variable.name}:?set it to the credential of the environment}}"'] if variable else []
    return (
        "\n".join(
            [
                "#!/bin/sh",
                "# A synthetic request that reproduces a failure. It is sent once.",
                "set -eu",
                *needed,
                curl(request, variable),
            ]
        )
        + "\n"
    )


def _pytest(request: HttpRequest, variable: Variable | None, failing: int | None) -> str:
    place = request.place
    headers = list(request.headers)
    if not place.target.isascii():
        raise Unclear("the address holds bytes beyond ASCII; export it as curl")
    credential = (
        f'HEADERS.append(("Authorization", "{variable.scheme} " + os.environ["{variable.name}"]))\n' if variable else ""
    )
    cls = "HTTPSConnection" if place.scheme.lower() == "https" else "HTTPConnection"
    good = f"response.status != {failing}" if failing is not None else "response.status < 500"
    return f'''"""Fails as long as the failure is there. It sends one request, and only where REPRO_ALLOW=1 is set."""

import http.client
import os

import pytest

pytestmark = pytest.mark.skipif(os.environ.get("REPRO_ALLOW") != "1", reason="REPRO_ALLOW=1 allows to send the request")

HOST = {place.hostport!r}
METHOD = {request.method!r}
TARGET = {place.target!r}
HEADERS = {headers!r}
{credential}BODY = {request.body!r}
TIMEOUT_S = {TOTAL_S!r}


def test_the_request_does_not_fail() -> None:
    connection = http.client.{cls}(HOST, timeout=TIMEOUT_S)
    try:
        connection.putrequest(METHOD, TARGET, skip_accept_encoding=True)
        for name, value in HEADERS:
            connection.putheader(name, value)
        if BODY is not None:
            connection.putheader("Content-Length", str(len(BODY)))
        connection.endheaders(BODY)
        response = connection.getresponse()
        body = response.read(1 << 20)
    finally:
        connection.close()
    assert {good}, (response.status, body[:500])
'''


def _hurl(request: HttpRequest, variable: Variable | None, failing: int | None) -> str:
    """By hurl's published grammar, and what its libcurl adds and leaves out: an empty value takes a header away, dots are resolved."""
    url = _text(request.url)
    _hurl_can(request, url)
    lines = [f"{request.method} {url}"]
    lines += [f"{_hurl_name(name)}: {_hurl_value(value)}" for name, value in request.headers]
    if not any(name.lower() == "accept" for name, _ in request.headers):
        lines.append("Accept:")
    if variable is not None:
        lines.append(f"Authorization: {variable.scheme} {{{{{variable.name}}}}}")
    if _DOTS.search(request.place.path):
        lines += ["[Options]", "path-as-is: true"]
    if request.body is not None:
        lines.append(f"base64,{base64.b64encode(request.body).decode()};")
    lines += ["", "HTTP *", "[Asserts]", f"status != {failing}" if failing is not None else "status < 500"]
    return "\n".join(lines) + "\n"


def _hurl_can(request: HttpRequest, url: str) -> None:
    empty = next((name for name, value in request.headers if not value.strip()), None)
    problems = (
        (not re.fullmatch(r"[A-Z]+", request.method), f"the method {request.method}"),
        ("{{" in url or "\\" in url, "the address holds {{ or a backslash, which"),
        (empty is not None, f"the header {empty} without a value"),
        (request.body == b"", "an empty body"),
        (request.method == "HEAD" and request.body is not None, "a HEAD request with a body"),
    )
    for found, what in problems:
        if found:
            raise Unclear(f"{what} hurl cannot say; export it as curl")


_DOTS = re.compile(r"/\.{1,2}(?:/|$)")
_NOT_IN_NAME = re.compile(r"[^A-Za-z0-9_.\[\]@$-]")


def _hurl_name(text: str) -> str:
    return _NOT_IN_NAME.sub(lambda found: f"\\u{{{ord(found[0]):x}}}", _text(text))


def _hurl_value(text: str) -> str:
    return _text(text).replace("\\", "\\\\").replace("#", "\\#").replace("{{", "\\u{7b}\\u{7b}")


def _http(request: HttpRequest, variable: Variable | None) -> str:
    for text in (request.url, *(v for _, v in request.headers), (request.body or b"").decode("latin-1")):
        if "{{" in text:
            raise Unclear("the request holds {{, which an HTTP file reads as a variable; export it as curl")
    body = _body_text(request)
    if body is not None and (not body or body.startswith("<") or re.search(r"^###", body, re.MULTILINE)):
        raise Unclear(
            "an HTTP file reads an empty body, one that begins with < or a line ### as something else; export it as curl"
        )
    lines = ["# @no-redirect", f"{request.method} {_text(request.url)} HTTP/1.1"]
    lines += [_text(f"{name}: {value}") for name, value in request.headers]
    if variable is not None:
        lines.append(f"Authorization: {variable.scheme} {{{{$processEnv {variable.name}}}}}")
    return "\n".join(lines) + "\n" + (f"\n{body}\n" if body else "")
