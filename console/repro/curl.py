"""A pasted curl command as the request that curl 7.88 would send for it. Nothing is run, opened or looked up."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass as open_dataclass
from dataclasses import field
from urllib.parse import quote

from console.domain.request import Header, HttpRequest
from console.domain.values import dataclass
from console.guard.policy import Decision, Verdict
from console.guard.sanitise import safe
from console.guard.words import is_credential
from console.repro.curl_options import PROXIES, Given, given_in, told
from console.repro.curl_url import CurlUrl, credentials, parsed, single, without_dots
from console.repro.errors import Unclear
from console.repro.multipart import multipart, part_of
from console.repro.prepare import Imported
from console.repro.shell import Word, at, words_of

CODINGS = "deflate, gzip, br, zstd"
FORM = "application/x-www-form-urlencoded"
LONGEST_COOKIE = 8190
_SPACES = " \t\n\r\v\f"
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_PERCENT = re.compile(r"%[0-9A-Fa-f]{2}")
_FORM_TYPE = re.compile(r"multipart/form-data\s*(?:;.*)?", re.I | re.S)
_DATA = ("data", "data-raw", "data-binary", "data-ascii", "data-urlencode", "json")


@dataclass(frozen=True, slots=True)
class CurlCommand:
    """What a command asks for."""

    request: HttpRequest
    notes: tuple[str, ...]
    variables: tuple[str, ...]
    """Shell variables that stand in the request as `${NAME}`."""
    insecure: bool = False
    """`-k`: certificates were not verified."""
    proxy: bool = False
    userinfo: str = ""
    """The user that stood in the address."""


@open_dataclass
class _Asked:
    """Gathered while the options are read, in their order; the last one wins where curl keeps one."""

    last: dict[str, str] = field(default_factory=dict)
    on: dict[str, bool] = field(default_factory=dict)
    urls: list[str] = field(default_factory=list)
    headers: list[str] = field(default_factory=list)
    cookies: list[str] = field(default_factory=list)
    data: str | None = None
    jsoned: bool = False
    queries: list[str] = field(default_factory=list)
    form: list[tuple[str, bool, str]] = field(default_factory=list)


def curl_command(text: str) -> CurlCommand:
    """The request of a pasted command.

    Raises:
        Unclear: It cannot be understood exactly; the sentence names the option or the position.
    """
    words = words_of(text)
    if not words:
        raise Unclear("there is no command")
    _is_curl(words[0], text)
    given = given_in(words[1:], text)
    asked = _Asked()
    for one in given:
        _gather(asked, one, text)
    request, notes = _request(asked)
    variables = tuple(dict.fromkeys(name for word in words for name in word.variables))
    return CurlCommand(
        request,
        (*notes, *told(given)),
        variables,
        asked.on.get("insecure", False),
        any(one.name in PROXIES for one in given),
        _address(asked).userinfo or "",
    )


def _is_curl(word: Word, text: str) -> None:
    name = word.text.rpartition("/")[2].lower()
    if name not in ("curl", "curl.exe"):
        raise Unclear(f"{at(text, word.start)}: a curl command begins with curl, not with {word.text[:40]}")


def _gather(asked: _Asked, one: Given, text: str) -> None:
    match one.name:
        case "" | "url":
            asked.urls.append(one.value)
        case "header":
            if one.value.startswith("@"):
                raise _no_file(one, text)
            asked.headers.append(one.value)
        case "cookie":
            if "=" in one.value and not one.value.startswith("@"):
                asked.cookies.append(one.value)
            elif one.value:
                raise _no_file(one, text, "a cookie without = names a file, and ")
        case "form" | "form-string":
            asked.form.append((one.value, one.name == "form-string", one.said))
        case "url-query":
            asked.queries.append(one.value[1:] if one.value.startswith("+") else _urlencoded(one, text))
        case name if name in _DATA:
            _add_data(asked, one, text)
        case "user" if ":" not in one.value:
            raise Unclear(
                f"{at(text, one.word.start)}: {one.said} without a password: curl would ask for it; write user:password"
            )
        case _ if one.value or one.name in (
            "request",
            "user-agent",
            "referer",
            "range",
            "request-target",
            "oauth2-bearer",
        ):
            asked.last[one.name] = one.value
        case "head" if not one.on:
            raise Unclear(f"{at(text, one.word.start)}: {one.said} is refused by curl once a request is chosen")
        case _:
            asked.on[one.name] = one.on


def _no_file(one: Given, text: str, why: str = "") -> Unclear:
    return Unclear(f"{at(text, one.word.start)}: {one.said} {one.value[:40]}: {why}a local file is never opened")


def _add_data(asked: _Asked, one: Given, text: str) -> None:
    if one.name == "data-urlencode":
        piece = _urlencoded(one, text)
    elif one.value.startswith("@") and one.name != "data-raw":
        raise _no_file(one, text)
    else:
        piece = one.value
    if one.name == "json":
        asked.jsoned = True
    if asked.data is None:
        asked.data = piece
    else:
        asked.data += piece if one.name == "json" else f"&{piece}"


def _urlencoded(one: Given, text: str) -> str:
    """curl's `--data-urlencode`: `content`, `=content` and `name=content`; with `@` a file."""
    place = one.value.find("=")
    if place < 0:
        place = one.value.find("@")
    if place < 0:
        return _encoded(one.value)
    if one.value[place] == "@":
        raise _no_file(one, text)
    name = one.value[:place]
    return f"{name}={_encoded(one.value[place + 1 :])}" if name else _encoded(one.value[1:])


def _encoded(content: str) -> str:
    return quote(content.encode("latin-1"), safe="-._~").replace("%20", "+")


def _request(asked: _Asked) -> tuple[HttpRequest, tuple[str, ...]]:
    on = asked.on.get
    if on("remote-header-name") and (on("include") or on("head")):
        raise Unclear("-J cannot go with -i or -I: curl refuses the two together")
    address = _address(asked)
    url = address.text()
    body, kind = _body(asked)
    method = asked.last.get("request", "HEAD" if on("head") else "GET" if body is None else "POST")
    if not _TOKEN.fullmatch(method):
        raise Unclear(f"-X {method[:40]!r} is no method")
    custom = _custom_headers(asked)
    _not_taken(asked, custom)
    headers = _headers(asked, address, method, custom, kind)
    notes = ["the user of the address became Authorization"] if address.userinfo and "user" not in asked.last else []
    if "request-target" in asked.last:
        url = _retargeted(address, asked.last["request-target"])
    announced = _value(custom, "Content-Length")
    if announced and announced != str(len(body or b"")):
        raise Unclear(f"-H Content-Length: {announced[:20]} is not the length of the body")
    if body is not None and len(body) > 1 << 20 and not _masked(custom, "expect"):
        headers = (*headers, ("Expect", "100-continue"))
    return HttpRequest(method, url, headers, body), tuple(notes)


def _retargeted(address: CurlUrl, target: str) -> str:
    if not target.startswith("/") or "#" in target or re.search(r"[\x00-\x20]", target):
        raise Unclear(f"--request-target {target[:40]}: only a path can be imported")
    return f"{address.scheme}://{address.hostport}{target}"


def _address(asked: _Asked) -> CurlUrl:
    if not asked.urls:
        raise Unclear("the command names no address")
    if len(asked.urls) > 1:
        raise Unclear(
            f"the command makes {len(asked.urls)} requests ({', '.join(u[:40] for u in asked.urls[:3])}); give one address"
        )
    on = asked.on.get
    as_is = on("path-as-is", False)
    address = parsed(single(asked.urls[0], not on("globoff", False)), asked.last.get("proto-default"), as_is)
    if address.userinfo is not None and on("disallow-username-in-url"):
        raise Unclear("the address holds a user, and --disallow-username-in-url forbids it")
    pieces = asked.data if on("get") and asked.data is not None else "&".join(asked.queries) if asked.queries else None
    if pieces is None or (not pieces and not address.query):
        return address
    pieces = _PERCENT.sub(lambda m: m.group().lower(), pieces)
    if re.search(r"[\x00-\x20\x7f]", pieces):
        raise Unclear(
            "-G or --url-query puts a blank or a control character into the address, which curl refuses; encode it"
        )
    query, path = address.query, without_dots(address.path)  # curl writes the address anew and squashes its dots
    if query:
        pieces = f"{query}{'' if query.endswith('&') else '&'}{pieces}"
    return CurlUrl(address.scheme, address.userinfo, address.hostport, path, pieces.partition("#")[0])


def _body(asked: _Asked) -> tuple[bytes | None, str | None]:
    """The body, and the content type that curl gives it."""
    get, head = asked.on.get("get", False), asked.on.get("head", False)
    if asked.form:
        if asked.data is not None or head or get:
            raise Unclear("-F cannot go with -d, -G or -I: curl makes one kind of request at a time")
        parts = [part_of(text, literal, said) for text, literal, said in asked.form]
        given = _content_type(asked.headers)
        if given is not None and "boundary" in given.lower():
            raise Unclear("-F beside a Content-Type with a boundary: curl would send two boundaries")
        as_form = given is None or _FORM_TYPE.fullmatch(given) is not None
        boundary, body = multipart(parts, asked.on.get("form-escape", False), as_form)
        return body, f"multipart/form-data; boundary={boundary}"
    if asked.data is None or get:
        return None, None
    if head:
        raise Unclear("-I cannot go with -d: curl makes one kind of request at a time")
    return asked.data.encode("latin-1"), FORM


def _custom_headers(asked: _Asked) -> list[str]:
    lines = list(asked.headers)
    if asked.jsoned:
        for name in ("Content-Type", "Accept"):
            if not _masked(lines, name):
                lines.append(f"{name}: application/json")
    return lines


def _value(lines: Sequence[str], name: str) -> str:
    low = f"{name.lower()}:"
    return next((line[len(low) :].strip(_SPACES) for line in lines if line.lower().startswith(low)), "")


def _masked(lines: Sequence[str], name: str) -> bool:
    """Whether a header of the command stands in the place of curl's own one, be it only to remove it."""
    low = name.lower()
    return any(line[: len(low)].lower() == low and line[len(low) : len(low) + 1] in (":", ";") for line in lines)


def _content_type(lines: Sequence[str]) -> str | None:
    """What the command says of the type, be it nothing; None where it does not say."""
    for line in lines:
        if _masked([line], "Content-Type"):
            return line[len("Content-Type:") :].strip(_SPACES)
    return None


def _sent(line: str) -> Header | None:
    """A `-H` argument as a header: `Name: value`; `Name;` is sent empty; `Name:` is not sent."""
    name, colon, value = line.partition(":")
    if not colon:
        name, semicolon, rest = line.partition(";")
        return (name, "") if semicolon and not rest and name else None
    value = value.strip(_SPACES)
    return (name, value) if name and value else None


def _not_taken(asked: _Asked, custom: Sequence[str]) -> None:
    for line in custom:
        if line.startswith(";"):
            raise Unclear(f"-H {line[:30]}: this header has no name")
        if re.search(r"[\r\n]", line):
            raise Unclear(f"-H {line[:30]!r} holds a line break: it would forge a second header")
        if line[:18].lower().startswith("transfer-encoding:") and line.partition(":")[2].strip():
            raise Unclear("-H Transfer-Encoding: the body would be sent in chunks")
    for option in ("user-agent", "referer", "user", "oauth2-bearer", "range"):
        if re.search(r"[\r\n]", asked.last.get(option, "")):
            raise Unclear(f"--{option} holds a line break: it would forge a second header")
    if any(re.search(r"[\r\n]", cookie) for cookie in asked.cookies):
        raise Unclear("--cookie holds a line break: it would forge a second header")


def _headers(
    asked: _Asked, address: CurlUrl, method: str, custom: Sequence[str], kind: str | None
) -> tuple[Header, ...]:
    last, on = asked.last, asked.on.get
    found: list[Header] = []

    def own(name: str, value: str | None) -> None:
        if value is not None and not _masked(custom, name):
            found.append((name, value))

    own("Authorization", _authorization(asked, address))
    if "range" in last and kind is not None:
        raise Unclear("--range with a body: curl would send Content-Range")
    if "range" in last:
        own("Range", f"bytes={_range(last['range'])}")
    own("User-Agent", last.get("user-agent") or None)
    if on("tr-encoding") and not _masked(custom, "TE"):
        found += [("Connection", "TE"), ("TE", "gzip")]
    own("Accept", "*/*")
    own("Accept-Encoding", CODINGS if on("compressed") else None)
    own("Referer", _referer(last["referer"]) if "referer" in last else None)
    own("Cookie", _cookies(asked.cookies))
    for line in custom:
        header = _sent(line)
        if header is None:
            continue
        if kind is not None and kind.startswith("multipart/") and header[0].lower() == "content-type":
            continue
        found.append(header)
    if kind is not None and kind.startswith("multipart/"):
        given = _content_type(custom)
        found.append(
            ("Content-Type", f"{'multipart/form-data' if given is None else given}; {kind.partition('; ')[2]}")
        )
    else:
        own("Content-Type", kind)
    return tuple(found)


def _authorization(asked: _Asked, address: CurlUrl) -> str | None:
    given = asked.last.get("user")
    if given is not None:
        user, _, password = given.partition(":")
    elif address.userinfo is not None:
        user, password = credentials_bytes(address.userinfo)
    else:
        user = password = ""
    bearer = asked.last.get("oauth2-bearer")
    wanted = [name for name in ("anyauth", "digest", "ntlm", "ntlm-wb", "negotiate") if asked.on.get(name)]
    if (user or password or given) and wanted:
        raise Unclear(f"--{wanted[0]}: this login takes several requests")
    if bearer is not None:
        if user or password or wanted or asked.on.get("basic"):
            raise Unclear("--oauth2-bearer beside another login: curl would choose between them")
        return f"Bearer {bearer}"
    if not user and not password and given is None and address.userinfo is None:
        return None
    return "Basic " + base64.b64encode(f"{user}:{password}".encode("latin-1")).decode()


def credentials_bytes(userinfo: str) -> tuple[str, str]:
    """User and password of an address, one character a byte."""
    user, password = credentials(userinfo)
    if re.search(r"[\x00-\x1f\x7f]", user + password):
        raise Unclear("the user of the address holds a control character")
    return user.encode().decode("latin-1"), password.encode().decode("latin-1")


def _range(text: str) -> str:
    digits = re.match(r"\d+", text)
    if digits is None or "-" in text:
        return text
    if int(digits.group()) >= 1 << 63:
        raise Unclear(f"--range {text[:40]}: curl does not take so large a number")
    return f"{int(digits.group())}-"


def _referer(text: str) -> str | None:
    return text.partition(";auto")[0] or None


def _cookies(cookies: Sequence[str]) -> str | None:
    if not cookies:
        return None
    joined = ";".join(cookies)
    if len(joined) > LONGEST_COOKIE:
        raise Unclear(f"the cookies are longer than the {LONGEST_COOKIE} bytes that curl sends")
    return joined


def imported_curl(text: str) -> Imported:
    """A pasted command as evidence.

    Raises:
        Unclear: It cannot be understood exactly, or a shell variable stands where its value is needed.
    """
    command = curl_command(text)
    request = command.request
    open_texts = [request.method, request.url, (request.body or b"").decode("latin-1")]
    open_texts += [value for name, value in request.headers if not is_credential(name)]
    for name in command.variables:
        # An address has lost the braces, which curl takes for a set of one.
        if any(form in one for one in open_texts for form in (f"${{{name}}}", f"${name}")):
            raise Unclear(f"${name} is a shell variable whose value is not known here: write its value instead")
    notes = [safe(note) for note in command.notes]
    notes += [safe(f"${name} stands for a credential, which is not needed here") for name in command.variables]
    refused = None
    if "\\" in command.userinfo:
        refused = Decision(Verdict.REFUSE, "G2", safe("the host is hidden behind a backslash"))
    return Imported(request, tuple(notes), insecure=command.insecure, proxy=command.proxy, refused=refused)
