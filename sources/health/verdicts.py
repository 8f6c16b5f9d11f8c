"""What the answer of a health address means."""

from __future__ import annotations

import msgspec

from console.domain.topology import Health
from sources.addresses import ForbiddenAddress, OurSide
from sources.answers import Answer, snippet
from sources.base import SourceError, SourceThrottled

SLOW_SHARE = 0.5
"""An answer that takes more than this share of the deadline is slow."""
UP = frozenset({"up", "ok", "pass", "passing", "healthy", "success", "alive", "ready", "green"})
IMPAIRED = frozenset({"warn", "warning", "degraded", "partial", "unstable", "yellow", "starting"})
DOWN = frozenset({"down", "fail", "failed", "failing", "error", "unhealthy", "critical", "out_of_service", "red"})
MOST_JSON = 1 << 20


def of_answer(answer: Answer, deadline_s: float) -> tuple[Health, str]:
    """State and words for the answer of a health address.

    A redirect, 401 and 403 come from a server that is at work. The `status` field of common health documents (Spring
    Actuator, application/health+json) counts more than a status of 200.
    """
    took = f"{answer.status} in {answer.elapsed_s * 1000:.0f} ms"
    if answer.status >= 500:
        return Health.DOWN, f"{took}: {snippet(answer)}"
    if answer.status == 429:
        return Health.DEGRADED, f"{took}: it limits how often it is asked"
    if answer.status in (401, 403) or 300 <= answer.status < 400:
        return Health.HEALTHY, f"{took}: it answers, but not to a probe without a session"
    if answer.status >= 400:
        return Health.DEGRADED, f"{took}: {snippet(answer)}"
    said = _status(answer)
    if said in DOWN:
        return Health.DOWN, f"{took}: it says {said}"
    if said in IMPAIRED:
        return Health.DEGRADED, f"{took}: it says {said}"
    return of_time(answer.elapsed_s, deadline_s, took)


def of_time(elapsed_s: float, deadline_s: float, took: str) -> tuple[Health, str]:
    """Healthy, or degraded where it was slow."""
    if elapsed_s > SLOW_SHARE * deadline_s:
        return Health.DEGRADED, f"{took}: slow"
    return Health.HEALTHY, took


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
