"""The words by which requests are judged, and the headers that are never taken over from evidence."""

from __future__ import annotations

import re

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "QUERY"})
"""RFC 9110, 9.2.1, without TRACE; QUERY is safe and carries a body."""

OVERRIDE_HEADERS = frozenset({"x-http-method-override", "x-http-method", "x-method-override", "x-method"})
OVERRIDE_FIELDS = frozenset(
    {
        "_method",
        "$httpmethod",
        "httpmethod",
        "_httpmethod",
        "x_http_method_override",
        "x_http_method",
        "x_method_override",
        "_http_method",
    }
)
"""Names that make frameworks act as if another method had been sent, with `-` read as `_`."""

VERBS = frozenset(
    "logout delete destroy remove cancel confirm verify activate approve reset revoke purge flush restart shutdown deploy "  # noqa: SIM905
    "rollback trigger run execute send resend invite pay charge refund transfer unsubscribe import webhook hook callback cron "
    "migrate reindex".split()
)
ACTION_FIELDS = frozenset({"action", "do", "cmd", "op"})

ONE_TIME_FIELDS = frozenset({"token", "code", "state", "ticket", "otp", "sig"})
LOGIN_SEGMENTS = frozenset(
    "login signin sign-in sign_in log-in oauth oauth2 authorize openid saml sso cas password passwd reset-password "  # noqa: SIM905
    "forgot-password change-password password-reset 2fa mfa magic-link".split()
)

EXPENSIVE_SEGMENTS = frozenset({"pprof", "heapdump", "threaddump", "export", "embeddings", "hprof"})
EXPENSIVE_PATHS = (
    ("chat", "completions"),
    ("actuator", "dump"),
    ("actuator", "logfile"),
    ("actuator", "httptrace"),
    ("v1", "completions"),
    ("v1", "messages"),
    ("v1", "responses"),
)
LLM_HOSTS = (
    "openai.com",
    "anthropic.com",
    "generativelanguage.googleapis.com",
    "openai.azure.com",
    "mistral.ai",
    "cohere.com",
    "groq.com",
)

FORWARDING = frozenset(
    {"forwarded", "x-real-ip", "true-client-ip", "x-client-ip", "x-cluster-client-ip", "cf-connecting-ip", "via"}
)
"""Beside everything that begins with `x-forwarded-`."""
REROUTING = frozenset({"x-original-url", "x-rewrite-url", "x-original-host", "x-host"})
HOP_BY_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-connection",
        "proxy-authenticate",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "http2-settings",
    }
)
DERIVED = frozenset({"host", "content-length", "expect"})
TRACE_IDS = frozenset(
    {
        "traceparent", "tracestate", "b3", "x-request-id", "x-correlation-id", "request-id", "x-amzn-trace-id",
        "x-cloud-trace-context", "uber-trace-id", "baggage", "sentry-trace", "idempotency-key", "x-idempotency-key",
    }
)  # fmt: skip
"""Beside everything that begins with `x-b3-` or `x-datadog-`."""
MARKS = frozenset({"x-synthetic", "x-incident-repro"})
"""Headers by which metrics leave our own requests out."""

SECRET_NAME = re.compile(
    r"auth|token|secret|passw|pwd|api[-_]?key|session|(?:^|[-_.])sid(?:$|[-_.])|csrf|xsrf|jwt|cookie|credential|signature|(?:^|[-_.])otp(?:$|[-_.])",
    re.I,
)
HARMLESS_NAMES = frozenset({":authority", "authority", "access-control-request-headers", "www-authenticate", "author"})
SECRET_QUERY = re.compile(
    r"(?:access|auth|id|refresh|api|session)[-_]?token|api[-_]?key|secret|passw|pwd|jwt|session[-_]?(?:id)?$|signature|credential",
    re.I,
)
"""Query parameters that carry a user's credential; one-time parameters are a rule of their own."""


def never_taken(name: str) -> str | None:
    """Why a header of evidence is left out, in words; None where it may stay."""
    low = name.strip().lower()
    if low.startswith(":"):
        return "a pseudo-header of HTTP/2"
    if low in FORWARDING or low.startswith("x-forwarded-"):
        return "it tells where a request came from"
    if low in REROUTING:
        return "it changes what is asked for"
    if low in HOP_BY_HOP:
        return "it is about one connection"
    if low in DERIVED:
        return "it follows from the address and the body"
    if low in TRACE_IDS or low.startswith(("x-b3-", "x-datadog-")):
        return "it names another request"
    if low in MARKS:
        return "it marks our own requests"
    return None


def is_forwarding(name: str) -> bool:
    """Whether a header claims where a request came from."""
    low = name.strip().lower()
    return low in FORWARDING or low.startswith("x-forwarded-")


def is_credential(name: str) -> bool:
    """Whether the value of a header is somebody's credential."""
    low = name.strip().lower()
    return low not in HARMLESS_NAMES and SECRET_NAME.search(low) is not None
