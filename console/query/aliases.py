"""The names under which records and queries speak of the same field."""

from __future__ import annotations

from typing import Final

ALIASES: Final[dict[str, tuple[str, ...]]] = {
    "time": (
        "ts", "time", "@timestamp", "timestamp", "datetime", "date", "@t", "asctime", "eventtime", "event_time",
        "time_iso8601", "time_local", "start_time", "msec", "instant",
    ),
    "level": (
        "level", "lvl", "severity", "severity_text", "severitytext", "loglevel", "log_level", "log.level", "levelname",
        "level_name", "@l", "priority", "severity_number", "severitynumber",
    ),
    "message": ("msg", "message", "body", "event", "@m", "short_message", "log", "text", "error", "err"),
    "service": (
        "service", "app", "service.name", "service_name", "servicename", "application", "component", "container_name",
        "kubernetes.container_name", "syslog_identifier", "logger",
    ),
    "operation": (
        "operation", "http.route", "route", "endpoint", "path", "http.target", "url.path", "http.path", "request_path",
        "request_uri", "uri", "url", "http.url", "url.full", "req.url", "rpc.method", "grpc.method", "request",
    ),
    "method": (
        "method", "http.method", "http_method", "request_method", "verb", "http.request.method", "req.method",
    ),
    "status": (
        "status", "status_code", "http.status_code", "http_status", "statuscode", "http.response.status_code",
        "response_status", "http_status_code", "response.status", "res.statuscode", "resp_status",
    ),
    "latency": (
        "latency_ms", "duration_ms", "duration", "latency", "elapsed", "elapsed_ms", "request_time", "response_time",
        "response_time_ms", "responsetime", "took_ms", "took", "durationms", "latencyms", "latency_s", "duration_s",
        "duration_seconds", "latency_seconds", "elapsed_s", "elapsed_seconds", "duration_us", "latency_us",
        "duration_ns", "latency_ns", "event.duration", "time_taken",
    ),
    "trace_id": ("trace_id", "traceid", "trace.id", "trace", "dd.trace_id", "otel.trace_id", "oteltraceid"),
}  # fmt: skip
"""Meaning to field names, lower case, the most telling first."""

CANONICAL: Final[dict[str, tuple[str, int]]] = {
    name: (meaning, rank) for meaning, names in ALIASES.items() for rank, name in enumerate(names)
}
"""Field name to its meaning, and its rank among the names of it (the lower is the more telling)."""


def meaning_of(name: str) -> str:
    """What a field of this name means, such as `status` for `http.status_code`; empty where that is not known."""
    return CANONICAL.get(name.lower(), ("", 0))[0]
