"""Requests from what was exported: a shell script, a pytest file, hurl, an HTTP file. Nothing of it is run, and no file that it names is read.

What an export of this program may say is understood, and what is like it; everything else is refused by its name.
"""

from __future__ import annotations

import ast
import base64
import binascii
import re
from collections.abc import Sequence
from typing import Any

from console.domain.request import Header, HttpRequest
from console.domain.text import SafeText
from console.guard.sanitise import safe
from console.repro.curl import imported_curl
from console.repro.errors import Unclear
from console.repro.prepare import Imported

FORMS = ("sh", "pytest", "hurl", "http")
CREDENTIAL = safe("its credential is a variable: the environment's own takes its place")
_PREAMBLE = re.compile(r'\s*(?:#.*|set -[a-z]+|: "\$\{\w+:\?[^"`$\\]*\}")?\s*')
_REQUEST = re.compile(r"([A-Za-z][A-Za-z-]*) (\S+)(?: HTTP/1\.[01])?")
_HEADER = re.compile(r"([^\s:][^:]*): ?(.*)")
_HURL_KEY = re.compile(r"((?:[A-Za-z0-9_\-.\[\]@$]|\\u\{[0-9A-Fa-f]{1,6}\})+):(.*)")
_HURL_CODE = re.compile(r"\\u\{([0-9A-Fa-f]{1,6})\}|\\([#:\\])")
_VARIABLE = re.compile(r"\{\{[^{}]*\}\}")


def of_export(text: str, form: str) -> Imported:
    """The request of an export.

    Args:
        form: One of `FORMS`.

    Raises:
        Unclear: It is none, or says more than one request exactly.
    """
    match form:
        case "sh":
            return _of_script(text)
        case "pytest":
            return _of_test(text)
        case "hurl":
            return _of_hurl(text)
        case "http":
            return _of_http_file(text)
    raise Unclear(f"{form}: no such form; there are {', '.join(FORMS)}")


def _of_script(text: str) -> Imported:
    """The one curl command, without comments, options of the shell and demands for variables before it."""
    lines = text.split("\n")
    first = next((n for n, line in enumerate(lines) if not _PREAMBLE.fullmatch(line)), len(lines))
    return imported_curl("\n".join(lines[first:]))


# --- pytest ------------------------------------------------------------------------------------------------------


def _of_test(text: str) -> Imported:
    """The constants of the file, read as literals."""
    try:
        module = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise Unclear(f"no Python: {safe(str(error), 200)}") from None
    found: dict[str, Any] = {}
    for node in module.body:
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            try:
                found[node.targets[0].id] = ast.literal_eval(node.value)
            except (ValueError, TypeError, RecursionError, MemoryError):
                continue  # no constant
    headers = _headers_of(found.get("HEADERS"))
    host, method, target, body = (found.get(name) for name in ("HOST", "METHOD", "TARGET", "BODY"))
    if not (isinstance(host, str) and isinstance(method, str) and isinstance(target, str)):
        raise Unclear("the file has no HOST, METHOD and TARGET as constants, as an exported test has")
    if headers is None or not (body is None or isinstance(body, bytes)):
        raise Unclear("HEADERS is a list of pairs of texts, and BODY bytes or None, in an exported test")
    names = {node.attr for node in ast.walk(module) if isinstance(node, ast.Attribute)}
    scheme = "https" if "HTTPSConnection" in names else "http"
    notes = (CREDENTIAL,) if "environ" in names and any(_is_append(node) for node in module.body) else ()
    return Imported(HttpRequest(method, f"{scheme}://{host}{target}", headers, body), notes)


def _headers_of(value: Any) -> tuple[Header, ...] | None:
    if not isinstance(value, list):
        return None
    pairs = [one for one in value if isinstance(one, tuple) and len(one) == 2 and all(isinstance(t, str) for t in one)]
    return tuple(pairs) if len(pairs) == len(value) else None


def _is_append(node: ast.stmt) -> bool:
    """Whether a statement adds a header, as that of the credential does."""
    return (
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and isinstance(node.value.func, ast.Attribute)
    )


# --- hurl --------------------------------------------------------------------------------------------------------


def _of_hurl(text: str) -> Imported:
    """One entry, its response and what it asserts left out."""
    lines, headers, body = _sent_lines(text), list[Header](), None
    notes: tuple[SafeText, ...] = ()
    method, url = _first(lines)
    options = False
    for line in lines[1:]:
        key = _HURL_KEY.fullmatch(line)
        if line.strip() == "[Options]":
            options = True
        elif options and re.fullmatch(r"path-as-is: (?:true|false)", line.strip()):
            continue
        elif line.startswith("base64,"):
            options, body = False, _base64(line)
        elif key is not None and not options:
            name, value = _hurl_text(key[1]), key[2].strip()
            if _is_credential(name, value):
                notes = (CREDENTIAL,)
            else:
                headers.append((name, _hurl_text(value)))
        elif line.strip():
            raise Unclear(
                f"{safe(line.strip(), 80)}: an import understands headers, path-as-is and a body in base64 only"
            )
    given = {name.lower() for name, _ in headers}
    own = () if "accept" in given else (("Accept", "*/*"),)  # libcurl's; one without a value takes it away
    kept = tuple((_wire(name), _wire(value)) for name, value in headers if value)
    return Imported(HttpRequest(method, _wire(_hurl_text(url)), (*own, *kept), body), notes)


def _sent_lines(text: str) -> list[str]:
    """The lines of the request; comments before it and the answer behind it are left out."""
    lines = text.replace("\r\n", "\n").split("\n")
    while lines and (not lines[0].strip() or lines[0].lstrip().startswith("#")):
        lines.pop(0)
    end = next((n for n, line in enumerate(lines) if n and re.match(r"HTTP(?:/[\d.]+)? (?:\*|\d)", line)), len(lines))
    if any(re.fullmatch(r"[A-Z]+ https?://\S+", line.strip()) for line in lines[end:]):
        raise Unclear("there are several entries: give one")
    return lines[:end]


def _hurl_text(text: str) -> str:
    """Without escapes; a comment, a variable and any other escape would be another text."""
    bare = _HURL_CODE.sub("", text)
    for sign, what in (("#", "a comment"), ("{{", "a variable"), ("\\", "an escape")):
        if sign in bare:
            raise Unclear(f"{safe(text, 80)} holds {what}, so the request is not known exactly")
    return _HURL_CODE.sub(lambda found: chr(int(found[1], 16)) if found[1] else found[2], text)


def _base64(line: str) -> bytes:
    try:
        return base64.b64decode(line.strip().removeprefix("base64,").removesuffix(";"), validate=True)
    except binascii.Error as error:
        raise Unclear(f"the body is no base64: {error}") from None


# --- HTTP files --------------------------------------------------------------------------------------------------


def _of_http_file(text: str) -> Imported:
    """One request of a file of the HTTP client of an editor."""
    if re.search(r"^###", text, re.MULTILINE):
        raise Unclear("there may be several requests: ### parts them; give one")
    lines = text.split("\n")
    while lines and (not lines[0].strip() or lines[0].startswith(("#", "//"))):
        lines.pop(0)
    method, url = _first(lines)
    end = next((n for n, line in enumerate(lines) if not line.strip("\r")), len(lines))
    headers = list[Header]()
    notes: tuple[SafeText, ...] = ()
    for line in lines[1:end]:
        found = _HEADER.fullmatch(line.rstrip("\r"))
        if found is None:
            raise Unclear(f"{safe(line, 80)}: no header")
        if _is_credential(found[1], found[2]):
            notes = (CREDENTIAL,)
        else:
            headers.append((_wire(found[1]), _wire(found[2])))
    body = "\n".join(lines[end + 1 :]).removesuffix("\n")
    if body.startswith("<"):
        raise Unclear("the body is a file, which is never opened: give it with --body")
    for part in (url, body, *(value for _, value in headers)):
        if "{{" in part:
            raise Unclear(f"{safe(part, 80)} holds a variable, so the request is not known exactly")
    return Imported(HttpRequest(method, _wire(url), tuple(headers), body.encode() if body else None), notes)


# --- All of them -------------------------------------------------------------------------------------------------


def _first(lines: Sequence[str]) -> tuple[str, str]:
    """Method and address."""
    found = _REQUEST.fullmatch(lines[0].rstrip()) if lines else None
    if found is None:
        raise Unclear("the first line names no method and address")
    return found[1], found[2]


def _is_credential(name: str, value: str) -> bool:
    """Whether it is an authorisation out of a variable."""
    return name.lower() == "authorization" and _VARIABLE.search(value) is not None


def _wire(text: str) -> str:
    """Text as the bytes that stand for it, one character each."""
    return text.encode("utf-8", "surrogatepass").decode("latin-1")
