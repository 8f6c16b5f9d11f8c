"""Secrets in text become constant tokens, `‹redacted:jwt:ab12cd34›`: equal secrets stay comparable, and none can be read.

Applied where text leaves the program for good: copies, exports, reports, crash dumps, the journal. The eight characters come
from a keyed hash, so a token cannot be looked up in a table of known passwords. The key is that of the case that is written into
(`console/case/key.py`); elsewhere one of this run. Of a thousand secrets two get the same token with a chance of 1 in 10,000.

What is looked for has a form that nothing else has (an AWS key id, a JWT, a PEM block, the number of a payment card), stands behind
a word that says what it is (`password=`, `Authorization:`), or is a credential that the console itself holds. Numbers and identifiers as such are left alone: an over-eager redactor hides the
very request id that somebody needs. Addresses of e-mail are hidden where text is written down, and not on the screen: they are no
credentials, and a request or a filter may need one.
"""

from __future__ import annotations

import re
import secrets
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from hashlib import blake2b
from typing import Any
from urllib.parse import unquote

from console.guard.cards import without_cards
from console.guard.held import TOKEN, without_held

MOST = 1 << 20
"""Characters looked at in one text; what follows is cut, since it could hold a secret."""

_of_run = secrets.token_bytes(16)
_KEY: ContextVar[bytes | None] = ContextVar("redaction key", default=None)

# Only the short words need a boundary: `compass=` is no secret, `dbpassword=` and `userToken=` are.
_SECRET_WORDS = (
    r"(?<![A-Za-z])(?:pass|pwd)|passw(?:or)?d|passphrase|secret|token|api[_\-.]?key|access[_\-.]?key|private[_\-.]?key|client[_\-.]?secret|credentials?"
    r"|auth[_\-.]?token|session[_\-.]?id|sessionid|connect\.sid|jsessionid|phpsessid|signature|x-amz-signature|x-amz-security-token"
)
_VALUE = r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|[^\s\"',;&)\]}]+"

# Words that sentences hold as well (`session: closed by peer`): behind a colon only what no word of a sentence is, and no small
# number or state of a session. A search skips from one first letter to the next. `jwt` in a token names its kind.
_SESSION_WORDS = (
    r"[sotcxjSOTCXJ](?:(?<![A-Za-z].)(?i:(?<=s)(?:id|ession(?:[_\-]?key)?)|(?<=o)tp(?:[_\-]?code)?|(?<=t)otp(?:[_\-]?code)?)"
    r"|(?i:(?<=[cx])srf|(?<=j)wt(?<!redacted:jwt)))"
)
_NO_SESSION = r"(?!\d{1,3}(?!\w)|(?i:open(?:ed)?|closed?|new|active|started|ended|expired|invalid|missing|ok)\b)"
_OPAQUE = r"(?=[^\s,;&)\]}]*\d|[^\s,;&)\]}]{16})"

_RULES: tuple[tuple[str, tuple[str, ...], str], ...] = (
    (
        "pem",
        ("private key",),
        r"-----BEGIN (?P<pem_kind>[A-Z0-9 ]*PRIVATE KEY)-----(?P<pem>.*?)(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|\Z)",
    ),
    ("jwt", ("eyj",), r"(?<![A-Za-z0-9_-])(?P<jwt>eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{4,}\.[A-Za-z0-9_-]*)"),
    ("aws", ("akia", "asia", "abia", "acca"), r"\b(?P<aws>(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16})\b"),
    (
        "github",
        ("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"),
        r"\b(?P<github>(?:gh[pousr]_[A-Za-z0-9]{30,255}|github_pat_[A-Za-z0-9_]{40,255}))\b",
    ),
    ("gitlab", ("glpat-",), r"\b(?P<gitlab>glpat-[A-Za-z0-9_-]{20,64})"),
    ("slack", ("xox",), r"\b(?P<slack>xox[abeoprs]-[A-Za-z0-9-]{10,250})"),
    ("google", ("aiza",), r"\b(?P<google>AIza[A-Za-z0-9_-]{35})"),
    ("stripe", ("_live_", "_test_"), r"\b(?P<stripe>[rs]k_(?:live|test)_[A-Za-z0-9]{16,250})\b"),
    ("key", ("sk-", "sk_", "lsv2"), r"\b(?P<key>(?:sk|lsv2)[-_][A-Za-z0-9_-]{20,250})"),
    ("url", ("://",), r"(?P<url_scheme>\b[A-Za-z][A-Za-z0-9+.\-]{1,20}://)(?P<url>[^\s/?#@\"'<>]{1,512})@"),
    (
        "authorization",
        ("authorization",),
        r"(?i:(?P<authorization_word>(?:proxy-)?authorization[\"']?\s*[:=]\s*[\"']?(?:(?:bearer|basic|digest|token|apikey)\s+)?))(?P<authorization>[^\s\"',;]+)",
    ),
    ("bearer", ("bearer",), r"(?i:(?P<bearer_word>\bbearer\s+))(?P<bearer>[A-Za-z0-9._~+/=-]{12,})"),
    (
        "cookie",
        ("cookie",),
        r"(?i:(?P<cookie_word>\b(?:set-)?cookie[\"']?\s*[:=]\s*[\"']?))(?P<cookie>[^\r\n\"']+)",
    ),
    (
        "password",
        (
            *("pass", "pwd", "secret", "token", "key", "credential", "signature"),
            *("session_id", "session-id", "session.id", "sessionid", "connect.sid", "sessid"),
        ),
        rf"(?i:(?P<password_word>(?:{_SECRET_WORDS})[\"']?\s*(?:=>|[:=])\s*))(?P<password>{_VALUE})",
    ),
    (
        "session",
        ("session", "sid", "otp", "srf", "jwt"),
        rf"(?P<session_word>{_SESSION_WORDS}(?:[\"']\s*:\s*|[\"']?\s*=>?\s*|\s*:\s*{_OPAQUE})){_NO_SESSION}(?P<session>{_VALUE})",
    ),
)
"""Kind, hints and pattern: text without any of the hints, in lower case, has no match.

What is taken is in the group named like the kind, and a group with a longer name stays as it is.
"""

_COMPILED = tuple((kind, hints, re.compile(rule, re.DOTALL if kind == "pem" else 0)) for kind, hints, rule in _RULES)


def _hints(*kinds: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(hint for kind, hints, _ in _RULES if kind in kinds for hint in hints))


_FROM_A = re.compile("A(?:[KSB]IA|CCA|Iza)")
_JOINED = _hints("pem", "github", "gitlab", "slack", "stripe", "key")
_JOINING = re.compile(r"[_-](?<=(?:h[pousr]|[sav][tek2]|x[abeoprs]|--).)")
"""Where a form of these rules can go on: what stands before its hyphen or underscore ends so."""
_NAMED = _hints("url", "authorization", "cookie", "password", "session")
_NAMING = re.compile(
    r"[=:](?:(?<=[tnyesdlpf].)(?<=(?:ss|wd|rd|se|et|en|ey|al|ls|id|re|on|ie|tp|de|rf|wt).)|(?<=[\"'\s].)|//)", re.DOTALL
)
"""Where a word of these rules can stand before its value: they end so, or in a quote or a blank."""
_EMAIL_ENCODED = re.compile(
    r"(?<![A-Za-z0-9._%+-])(?:[A-Za-z0-9._+-]|%2[Bb]){1,64}%40(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z]{2,24}(?![A-Za-z0-9-])"
)
"""The same as it stands in addresses."""
WRAPPINGS = 3
"""Layers that are taken off: a token in JSON in a percent-encoded address has two."""
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{16,4096}")
_DONE = re.compile(rf"(?:{TOKEN})+")
_EMAIL = re.compile(
    r"(?<![A-Za-z0-9._%+-])(?!git@)[A-Za-z0-9._%+-]{1,64}@(?!v?\d{1,2}\.|v?\d+\.\d+[.-])(?:[A-Za-z0-9-]{1,63}\.)+"
    r"(?!(?:service|socket|timer|mount|automount|slice|scope|target|device|swap|path"
    r"|png|jpe?g|gif|svg|webp|tgz|gz|zip|js|ts|py|json|log)\b)[A-Za-z]{2,24}(?![A-Za-z0-9-])"
)
"""An address of e-mail: not the user of a repository, an instance of a systemd unit, a version of a service, nor a file of a
package or of a picture."""
_HARMLESS = frozenset({"", "null", "none", "nil", "true", "false", "undefined", "***", "****", "xxx", "redacted", "-"})


def redact(text: str) -> str:
    """The text with its secrets replaced. Doing it twice changes nothing more.

    A text longer than `MOST` is cut there.
    """
    text = without_held(text, _held)
    if len(text) > MOST:
        text = f"{text[:MOST]}…[cut]"
    text = without_cards(text, _card)
    low = text.lower()
    if not _may_hold(text, low):
        return text
    for kind, hints, pattern in _COMPILED:
        if any(map(low.__contains__, hints)):
            text = pattern.sub(_replacing(kind), text)
    return text


def _may_hold(text: str, low: str) -> bool:
    """Whether a hint of any rule stands in a text: the quick way out for nearly every line.

    To look for one sign takes a tenth of the time of looking for a word, so what few texts hold is asked for first.
    """
    return (
        (_NAMING.search(low) is not None and any(map(low.__contains__, _NAMED)))
        or (_JOINING.search(low) is not None and any(map(low.__contains__, _JOINED)))
        or "bearer" in low
        or ("J" in text and "eyJ" in text)
        or _FROM_A.search(text) is not None
    )


def token_of(kind: str, secret: str) -> str:
    """The token that stands for a secret in the case that is written into, else in this run."""
    digest = blake2b(secret.encode("utf-8", "surrogatepass"), digest_size=4, key=_KEY.get() or _of_run).hexdigest()
    return f"‹redacted:{kind}:{digest}›"


@contextmanager
def keyed(key: bytes) -> Iterator[None]:
    """With the tokens of another key."""
    before = _KEY.set(key)
    try:
        yield
    finally:
        _KEY.reset(before)


def use_key(key: bytes) -> None:
    """Make the tokens of this run with this key from now on."""
    global _of_run
    _of_run = key


def key_in_use() -> bytes:
    """By which tokens are made here and now: who remembers tokens remembers them by it."""
    return _KEY.get() or _of_run


def _held(secret: str) -> str:
    return token_of("held", secret)


def _card(digits: str) -> str:
    return token_of("card", digits)


def _replacing(kind: str) -> Callable[[re.Match[str]], str]:
    def replace(match: re.Match[str]) -> str:
        whole, secret = match.group(), match.group(kind)
        bare = secret.strip("\"'")
        if _DONE.fullmatch(bare) or bare.lower() in _HARMLESS:
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


def redact_wholly(text: str, emails: bool = True) -> str:
    """As `redact`, and a word that still holds a secret behind an encoding (percent, base64, JSON) becomes a token as a whole.

    Args:
        emails: Addresses of e-mail are hidden too.
    """
    text = redact(text)
    if holds_secret(text):
        text = re.sub(r"\S+", lambda word: token_of("encoded", word[0]) if holds_secret(word[0]) else word[0], text)
        if holds_secret(text):
            return token_of("encoded", text)
    return without_emails(text) if emails else text


def without_emails(text: str) -> str:
    """The text with each address of e-mail as a token, plain or percent-encoded."""
    if "@" in text:
        text = _EMAIL.sub(lambda found: token_of("email", found[0]), text)
    if "%40" in text:
        text = _EMAIL_ENCODED.sub(lambda found: token_of("email", unquote(found[0])), text)
    return text


_PAIRED = frozenset({"headers", "fields", "cookies", "env", "environment", "params"})
"""Keys under which names and values stand in pairs, so that a value is a secret when its name says so."""


def redact_json(value: Any, paired: bool = False, emails: bool = True) -> Any:
    """A JSON value with the secrets of every text in it replaced, names of keys included.

    Args:
        paired: Names and values stand in pairs.
        emails: Addresses of e-mail are hidden too.
    """
    if isinstance(value, str):
        return redact_wholly(value, emails)
    if isinstance(value, Mapping):
        return {
            redact_wholly(str(key), emails): _of_pair(str(key), inner, emails)
            if paired and isinstance(inner, str)
            else redact_json(inner, str(key).lower() in _PAIRED, emails)
            for key, inner in value.items()
        }
    if isinstance(value, (list, tuple)):
        if paired and len(value) == 2 and all(isinstance(one, str) for one in value):
            return [redact_wholly(value[0], emails), _of_pair(value[0], value[1], emails)]
        return [redact_json(one, paired, emails) for one in value]
    return value


def _of_pair(name: str, value: str, emails: bool) -> str:
    """A value that its name may call a secret."""
    told = redact(f"{name}: {value}")
    if told != f"{name}: {value}" and value.strip() and redact(value) == value:
        return token_of("value", value)
    return redact_wholly(value, emails)
