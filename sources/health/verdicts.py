"""What the answer of a health address means."""

from __future__ import annotations

import re

import msgspec

from console.domain.topology import Health
from console.guard.sanitise import safe
from sources.addresses import ForbiddenAddress, OurSide
from sources.answers import Answer, snippet
from sources.base import SourceError, SourceThrottled

SLOW_S = 1.0
"""A health address that takes longer is slow: nothing that waits for it can be quick."""
IMPAIRED = frozenset({"warn", "warning", "degraded", "partial", "unstable", "yellow", "starting"})
DOWN = frozenset({"down", "fail", "failed", "failing", "error", "unhealthy", "critical", "out_of_service", "red"})
MOST_JSON = 1 << 20
_PASSWORD = re.compile(rb"<input[^>]{0,200}type=[\"']?password", re.IGNORECASE)


def of_answer(answer: Answer) -> tuple[Health, str]:
    """State and words for the answer of a health address.

    | status | state |
    |---|---|
    | 2xx | healthy; what a health document or slowness says against it counts more |
    | 3xx, 401, 403 | degraded: reachable, but nothing was said about its health, which is not assumed |
    | 429 and other 4xx | degraded |
    | 5xx | down |

    Health documents are those of Spring Actuator and application/health+json: JSON with a `status`.
    """
    took = f"{answer.status} in {answer.elapsed_s * 1000:.0f} ms"
    if answer.status >= 500:
        return Health.DOWN, f"{took}: {snippet(answer)}"
    if answer.status >= 300:
        return Health.DEGRADED, f"{took}: {_instead(answer)}"
    said = _status(answer)
    if said in DOWN:
        return Health.DOWN, f"{took}: it says {said}"
    if said in IMPAIRED:
        return Health.DEGRADED, f"{took}: it says {said}"
    return of_time(answer.elapsed_s, took + (": a page with a login form" if _login(answer) else ""))


def of_time(elapsed_s: float, took: str) -> tuple[Health, str]:
    """Healthy, or degraded where it was slow."""
    return (Health.DEGRADED, f"{took}, slow") if elapsed_s > SLOW_S else (Health.HEALTHY, took)


def _instead(answer: Answer) -> str:
    """What a 3xx or 4xx means for a probe."""
    if answer.status < 400:
        target = safe(answer.headers.get("location", "nowhere").partition("?")[0], 100)
        return f"reachable, but sends on to {target}; probes follow no redirect"
    if answer.status in (401, 403):
        return "reachable, but refuses a probe without a session"
    if answer.status == 429:
        return "it limits how often it is asked"
    return snippet(answer)


def _login(answer: Answer) -> bool:
    return answer.is_html and _PASSWORD.search(answer.body[:65536]) is not None


def _status(answer: Answer) -> str:
    if len(answer.body) > MOST_JSON or answer.is_html:
        return ""
    try:
        document = msgspec.json.decode(answer.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""
    value = document.get("status") if isinstance(document, dict) else None
    return value.strip().lower() if isinstance(value, str) else ""


def of_failure(error: SourceError) -> Health:
    """Unknown where the probe itself could not be made, down where the target failed it."""
    return Health.UNKNOWN if isinstance(error, (SourceThrottled, ForbiddenAddress, OurSide)) else Health.DOWN
