"""Secrets in text become constant tokens, `‹redacted:jwt:ab12›`: equal secrets stay comparable, and none can be read.

Applied where text leaves the program for good: copies, exports, reports, crash dumps, the journal. The four characters come
from a keyed hash whose key is made anew for each run, so a token cannot be looked up in a table of known passwords.

What is looked for has either a form that nothing else has (an AWS key id, a JWT, a PEM block) or stands behind a word that says
what it is (`password=`, `Authorization:`). Numbers and identifiers as such are left alone: an over-eager redactor hides the
very request id that somebody needs.
"""

from __future__ import annotations

import re
import secrets
from base64 import b64decode
from collections.abc import Callable, Mapping
from hashlib import blake2b
from typing import Any
from urllib.parse import unquote

MOST = 1 << 20
"""Characters looked at in one text; what follows is cut, since it could hold a secret."""

_KEY = secrets.token_bytes(16)

# Only the short words need a boundary: `compass=` is no secret, `dbpassword=` and `userToken=` are.
_SECRET_WORDS = (
    r"(?<![A-Za-z])(?:pass|pwd)|passw(?:or)?d|passphrase|secret|token|api[_\-.]?key|access[_\-.]?key|private[_\-.]?key|client[_\-.]?secret|credentials?"
    r"|auth[_\-.]?token|session[_\-.]?id|sessionid|connect\.sid|jsessionid|phpsessid|signature|x-amz-signature|x-amz-security-token"
)
_VALUE = r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|[^\s\"',;&)\]}]+"

_RULES: tuple[tuple[str, str], ...] = (
    (
        "pem",
        r"-----BEGIN (?P<pem_kind>[A-Z0-9 ]*PRIVATE KEY)-----(?P<pem>.*?)(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|\Z)",
    ),
    ("jwt", r"(?<![A-Za-z0-9_-])(?P<jwt>eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{4,}\.[A-Za-z0-9_-]*)"),
    ("aws", r"\b(?P<aws>(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16})\b"),
    ("github", r"\b(?P<github>(?:gh[pousr]_[A-Za-z0-9]{30,255}|github_pat_[A-Za-z0-9_]{40,255}))\b"),
    ("gitlab", r"\b(?P<gitlab>glpat-[A-Za-z0-9_-]{20,64})"),
    ("slack", r"\b(?P<slack>xox[abeoprs]-[A-Za-z0-9-]{10,250})"),
    ("google", r"\b(?P<google>AIza[A-Za-z0-9_-]{35})"),
    ("stripe", r"\b(?P<stripe>[rs]k_(?:live|test)_[A-Za-z0-9]{16,250})\b"),
    ("key", r"\b(?P<key>(?:sk|lsv2)[-_][A-Za-z0-9_-]{20,250})"),
    ("url", r"(?P<url_scheme>\b[A-Za-z][A-Za-z0-9+.\-]{1,20}://)(?P<url>[^\s/?#@\"'<>]{1,512})@"),
    (
        "authorization",
        r"(?i:(?P<authorization_word>(?:proxy-)?authorization[\"']?\s*[:=]\s*[\"']?(?:(?:bearer|basic|digest|token|apikey)\s+)?))(?P<authorization>[^\s\"',;]+)",
    ),
    ("bearer", r"(?i:(?P<bearer_word>\bbearer\s+))(?P<bearer>[A-Za-z0-9._~+/=-]{12,})"),
    ("cookie", r"(?i:(?P<cookie_word>\b(?:set-)?cookie[\"']?\s*[:=]\s*[\"']?))(?P<cookie>[^\r\n\"']+)"),
    (
        "password",
        rf"(?i:(?P<password_word>(?:{_SECRET_WORDS})[\"']?\s*(?:=>|[:=])\s*))(?P<password>{_VALUE})",
    ),
)
"""Kind and pattern; what is taken is in the group named like the kind, and a group with a longer name stays as it is."""

_HINTS = (
    *(
        "private key",
        "eyj",
        "akia",
        "asia",
        "abia",
        "acca",
        "ghp_",
        "gho_",
        "ghu_",
        "ghs_",
        "ghr_",
        "github_pat_",
        "glpat-",
    ),
    *(
        "xox",
        "aiza",
        "_live_",
        "_test_",
        "sk-",
        "sk_",
        "lsv2",
        "authorization",
        "bearer",
        "cookie",
        "pass",
        "pwd",
        "secret",
    ),
    *(
        "token",
        "key",
        "credential",
        "sessionid",
        "session_id",
        "session-id",
        "session.id",
        "connect.sid",
        "sessid",
        "signature",
    ),
)
"""Text, in lower case, without any of this holds nothing to redact but perhaps a URL: the quick way out for nearly every line."""

_COMPILED = tuple((kind, re.compile(pattern, re.DOTALL if kind == "pem" else 0)) for kind, pattern in _RULES)
WRAPPINGS = 3
"""Layers that are taken off: a token in JSON in a percent-encoded address has two."""
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{16,4096}")
_DONE = re.compile(r"‹redacted:[a-z]+:[0-9a-f]{4}›")
_HARMLESS = frozenset({"", "null", "none", "nil", "true", "false", "undefined", "***", "****", "xxx", "redacted", "-"})


def redact(text: str) -> str:
    """The text with its secrets replaced. Doing it twice changes nothing more.

    A text longer than `MOST` is cut there.
    """
    if len(text) > MOST:
        text = f"{text[:MOST]}…[cut]"
    if not _may_hold(text):
        return text
    for kind, pattern in _COMPILED:
        text = pattern.sub(_replacing(kind), text)
    return text


def _may_hold(text: str) -> bool:
    low = text.lower()
    return any(map(low.__contains__, _HINTS)) or ("@" in low and "://" in low)


def token_of(kind: str, secret: str) -> str:
    """The token that stands for a secret in this run."""
    digest = blake2b(secret.encode("utf-8", "surrogatepass"), digest_size=2, key=_KEY).hexdigest()
    return f"‹redacted:{kind}:{digest}›"


def _replacing(kind: str) -> Callable[[re.Match[str]], str]:
    def replace(match: re.Match[str]) -> str:
        whole, secret = match.group(), match.group(kind)
        bare = secret.strip("\"'")
        if _DONE.search(secret) or bare.lower() in _HARMLESS:
            return whole
        start, end = match.start(kind) - match.start(), match.end(kind) - match.start()
        quote = secret[0] if secret[0] in "\"'" and secret[-1] == secret[0] and len(secret) > 1 else ""
        return f"{whole[:start]}{quote}{token_of(kind, bare)}{quote}{whole[end:]}"

    return replace


def holds_secret(text: str) -> bool:
    """Whether a text holds a secret, be it percent-encoded, in base64 or escaped as inside a JSON string, or one in the other."""
    seen, fresh = {text}, [text]
    for _ in range(WRAPPINGS):
        fresh = [
            form for form in dict.fromkeys(inner for one in fresh for inner in _unwrapped(one)) if form not in seen
        ]
        seen.update(fresh)
    return any(redact(form) != form for form in seen)


def _unwrapped(text: str) -> list[str]:
    """What the text reads as once one common wrapping is taken off."""
    found: list[str] = []
    if "%" in text:
        found.append(unquote(text))
    if "\\" in text:
        found.append(re.sub(r"\\+[nr]", "\n", text).replace("\\", ""))
    for piece in _BASE64.findall(text):
        try:
            inner = b64decode(piece + "=" * (-len(piece) % 4), altchars=b"-_" if "-" in piece or "_" in piece else None)
        except ValueError:
            continue
        if inner.isascii():
            found.append(inner.decode("ascii"))
    return found


def redact_wholly(text: str) -> str:
    """As `redact`, and a word that still holds a secret behind an encoding (percent, base64, JSON) becomes a token as a whole."""
    text = redact(text)
    if not holds_secret(text):
        return text
    text = re.sub(r"\S+", lambda word: token_of("encoded", word[0]) if holds_secret(word[0]) else word[0], text)
    return text if not holds_secret(text) else token_of("encoded", text)


_PAIRED = frozenset({"headers", "fields", "cookies", "env", "environment", "params"})
"""Keys under which names and values stand in pairs, so that a value is a secret when its name says so."""


def redact_json(value: Any, paired: bool = False) -> Any:
    """A JSON value with the secrets of every text in it replaced, names of keys included."""
    if isinstance(value, str):
        return redact_wholly(value)
    if isinstance(value, Mapping):
        return {
            redact_wholly(str(key)): _of_pair(str(key), inner)
            if paired and isinstance(inner, str)
            else redact_json(inner, paired=str(key).lower() in _PAIRED)
            for key, inner in value.items()
        }
    if isinstance(value, (list, tuple)):
        if paired and len(value) == 2 and all(isinstance(one, str) for one in value):
            return [redact_wholly(value[0]), _of_pair(value[0], value[1])]
        return [redact_json(one, paired) for one in value]
    return value


def _of_pair(name: str, value: str) -> str:
    """A value that its name may call a secret."""
    told = redact(f"{name}: {value}")
    if told != f"{name}: {value}" and value.strip() and redact(value) == value:
        return token_of("value", value)
    return redact_wholly(value)
