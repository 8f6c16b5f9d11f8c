"""What an HTTP request brought, and what its status means for a source."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

import msgspec

from console.domain.instant import Instant
from console.domain.text import SafeText
from console.domain.values import dataclass
from console.guard.sanitise import safe, safe_bytes
from sources.base import SourceGarbage, SourceRefused, SourceThrottled, SourceUnavailable

T = TypeVar("T")

SNIPPET = 200
_TITLE = re.compile(rb"<title[^>]*>([^<]{1,200})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer, whatever its status."""

    url: SafeText
    """What was asked: origin and path, without credentials."""
    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes
    """Decoded; at most 32 MB."""
    elapsed_s: float
    """From sending to the last byte."""
    skew_s: float | None = None
    """How far the other side's clock is ahead of ours, from its `Date`; None where it sent none."""
    skew_margin_s: float = 0.0
    """The skew is known to within ± this: half the round trip and the half second that `Date` rounds away."""
    certificate_ends: Instant | None = None
    """Until when the certificate of an https server is valid."""

    @property
    def is_html(self) -> bool:
        """Whether this is a page for people, such as a proxy's login form."""
        start = self.body[:64].lstrip().lower()
        return start.startswith((b"<!doctype html", b"<html")) or "html" in self.headers.get("content-type", "")


def checked(answer: Answer) -> Answer:
    """The same answer where its status says that it is one.

    Raises:
        SourceRefused: A redirect, 401, 403, 404 and every other 4xx.
        SourceThrottled: 429, or 503 with `Retry-After`.
        SourceUnavailable: 5xx.
    """
    status, url = answer.status, answer.url
    if 200 <= status < 300:
        return answer
    if 300 <= status < 400:
        target = safe(answer.headers.get("location", "nowhere"), SNIPPET)
        raise SourceRefused(
            f"{url}: answers {status} and sends on to {target}; redirects are not followed: configure where it leads"
        )
    said = snippet(answer)
    if status == 429 or (status == 503 and "retry-after" in answer.headers):
        raise SourceThrottled(f"{url}: {status}, asks us to wait: {said}", retry_after(answer))
    if status == 401:
        raise SourceRefused(f"{url}: 401, it wants a token or does not take ours: {said}")
    if status == 403:
        raise SourceRefused(f"{url}: 403, the token may not read this: {said}")
    if status == 404:
        raise SourceRefused(f"{url}: 404, there is nothing at this address: {said}")
    if status >= 500:
        raise SourceUnavailable(f"{url}: {status}: {said}")
    raise SourceRefused(f"{url}: {status}: {said}")


def snippet(answer: Answer) -> SafeText:
    """What an error answer says, in one line: the message of a JSON body, the title of a page, or the first text."""
    if answer.is_html:
        title = _TITLE.search(answer.body[:65536])
        return safe(f"an HTML page{f' “{_one_line(title.group(1))}”' if title else ''}", SNIPPET)
    try:
        document = msgspec.json.decode(answer.body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return safe(_one_line(answer.body[: 4 * SNIPPET]) or "no explanation", SNIPPET)
    return safe(_message(document) or _one_line(answer.body[: 4 * SNIPPET]) or "no explanation", SNIPPET)


def _message(document: Any) -> str | None:
    for key in ("error", "message", "detail", "reason"):
        value = document.get(key) if isinstance(document, dict) else None
        if isinstance(value, str):
            return value
        if isinstance(value, dict):
            return _message(value)
    return None


def _one_line(data: bytes) -> str:
    return " ".join(data.decode("utf-8", "replace").split())


def decoded(answer: Answer, form: type[T], what: str) -> T:
    """The JSON body as `form`.

    Args:
        what: What should have answered, for the message: `Prometheus`.

    Raises:
        SourceGarbage: It is a page for people, cut, or another document.
    """
    if answer.is_html:
        raise SourceGarbage(f"{answer.url}: not {what}: {snippet(answer)}; does a proxy ask for a login?")
    try:
        return msgspec.json.decode(answer.body, type=form)
    except msgspec.ValidationError as error:
        raise SourceGarbage(f"{answer.url}: not {what}: {error}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        start = safe_bytes(answer.body[:40])
        raise SourceGarbage(f"{answer.url}: not {what}, or cut: {error} in {start!r}…") from None


def retry_after(answer: Answer, now: Instant | None = None) -> float | None:
    """Seconds that `Retry-After` asks for; a date counts from the answer's own `Date` (else from `now`)."""
    text = answer.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    at = http_date(text)
    base = http_date(answer.headers.get("date", ""))
    if base is None:
        base = now
    return max(0.0, at - base) if at is not None and base is not None else None


def http_date(text: str) -> Instant | None:
    """The instant of an HTTP date, or None where the text is none."""
    try:
        parsed = parsedate_to_datetime(text)
        return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
