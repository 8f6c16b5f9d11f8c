"""How programs name their metrics and labels, as tables: what the default queries and the scraper look for, in order.

Taken from the OpenTelemetry semantic conventions (HTTP metrics 1.23 and the form before it), the client libraries of
Prometheus, Micrometer, the Istio, Envoy, nginx, Traefik and HAProxy exporters, cAdvisor and kube-state-metrics.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

from console.domain.values import dataclass

SERVICE_LABELS = (
    "service_name",
    "service",
    "destination_canonical_service",
    "destination_workload",
    "exported_service",
    "app_kubernetes_io_name",
    "app",
    "application",
    "workload",
    "deployment",
    "proxy",
    "container",
    "exported_job",
    "job",
)
"""Labels that name the service, the most telling first; one whose values are configured services wins over any order."""

OPERATION_LABELS = (
    "http_route",
    "route",
    "uri",
    "handler",
    "endpoint",
    "path",
    "url_path",
    "view",
    "operation",
    "rpc_method",
    "grpc_method",
    "url_rule",
)
METHOD_LABELS = (
    "http_request_method",
    "http_method",
    "request_method",
    "method",
    "verb",
    "grpc_service",
    "rpc_service",
)
STATUS_LABELS = (
    "http_response_status_code",
    "http_status_code",
    "status_code",
    "response_code",
    "code",
    "status",
    "http_code",
    "grpc_code",
    "rpc_grpc_status_code",
)

FAILED_STATUS = "5..|5xx|Unknown|UNKNOWN|DeadlineExceeded|DEADLINE_EXCEEDED|Internal|INTERNAL|Unavailable|UNAVAILABLE|DataLoss|DATA_LOSS"
"""A status that is the server's own failure, as a regular expression over the whole value. HTTP 4xx and the gRPC codes for
a caller's mistake are none."""

INSTANCE_LABELS = ("instance", "pod")


@dataclass(frozen=True, slots=True)
class RequestCounter:
    """A running total of requests."""

    name: str


@dataclass(frozen=True, slots=True)
class LatencyHistogram:
    """A histogram of request durations; the parts end in `_bucket`, `_sum` and `_count`."""

    base: str
    scale: float = 1.0
    """Seconds per unit of its bounds."""


COUNTERS = tuple(
    RequestCounter(name)
    for name in (
        "http_requests_total",
        "http_server_requests_total",
        "flask_http_request_total",
        "starlette_requests_total",
        "django_http_responses_total_by_status_total",
        "istio_requests_total",
        "nginx_ingress_controller_requests",
        "traefik_service_requests_total",
        "grpc_server_handled_total",
        "haproxy_backend_http_responses_total",
        "envoy_cluster_upstream_rq",
        "requests_total",
        "request_count_total",
    )
)
HISTOGRAMS = (
    LatencyHistogram("http_server_request_duration_seconds"),
    LatencyHistogram("http_server_duration_seconds"),
    LatencyHistogram("http_server_duration_milliseconds", 1e-3),
    LatencyHistogram("http_server_duration", 1e-3),
    LatencyHistogram("http_server_requests_seconds"),
    LatencyHistogram("http_request_duration_seconds"),
    LatencyHistogram("http_requests_duration_seconds"),
    LatencyHistogram("http_request_duration_milliseconds", 1e-3),
    LatencyHistogram("http_request_duration_ms", 1e-3),
    LatencyHistogram("flask_http_request_duration_seconds"),
    LatencyHistogram("starlette_request_duration_seconds"),
    LatencyHistogram("django_http_requests_latency_seconds_by_view_method"),
    LatencyHistogram("istio_request_duration_milliseconds", 1e-3),
    LatencyHistogram("nginx_ingress_controller_request_duration_seconds"),
    LatencyHistogram("traefik_service_request_duration_seconds"),
    LatencyHistogram("caddy_http_request_duration_seconds"),
    LatencyHistogram("grpc_server_handling_seconds"),
    LatencyHistogram("rpc_server_duration_milliseconds", 1e-3),
    LatencyHistogram("envoy_cluster_upstream_rq_time", 1e-3),
    LatencyHistogram("request_duration_seconds"),
    LatencyHistogram("request_latency_seconds"),
)

PEER_LABELS = ("peer", "peer_service", "server_address", "net_peer_name", "upstream", "target", "http_host", "host")
OUTBOUND_COUNTERS = ("http_client_requests_total", "outbound_requests_total")
"""Calls that a program makes. They are shown as the numbers of a dependency, which nobody else measures."""
OUTBOUND_HISTOGRAMS = (
    LatencyHistogram("http_client_request_duration_seconds"),
    LatencyHistogram("http_client_duration_milliseconds", 1e-3),
)

NO_ANSWER = frozenset({"0", "", "error", "timeout"})
"""Status of a call that brought no answer, as clients write it."""

Combine = Literal["worst", "sum"]


@dataclass(frozen=True, slots=True)
class Gauge:
    """A metric with a known meaning that is not about requests."""

    metric: str
    """The name of the contract: `memory_bytes`."""
    name: str
    combine: Combine
    """`worst`: of all instances the largest, since a leak or a hot core is one process's; `sum`: together."""
    counter: bool = False
    """A running total, whose growth per second is meant."""
    where: tuple[tuple[str, str, str], ...] = ()
    """Label matchers that belong to it: label, operator, value."""


_CONTAINERS = (("container", "!=", ""), ("container", "!=", "POD"))

GAUGES = (
    Gauge("memory_bytes", "process_resident_memory_bytes", "worst"),
    Gauge("memory_bytes", "container_memory_working_set_bytes", "worst", where=_CONTAINERS),
    Gauge("memory_bytes", "process_memory_usage_bytes", "worst"),
    Gauge("memory_bytes", "jvm_memory_used_bytes", "worst"),
    Gauge("memory_limit_bytes", "process_memory_limit_bytes", "worst"),
    Gauge("memory_limit_bytes", "container_spec_memory_limit_bytes", "worst", where=_CONTAINERS),
    Gauge("memory_limit_bytes", "kube_pod_container_resource_limits", "worst", where=(("resource", "=", "memory"),)),
    Gauge("memory_limit_bytes", "jvm_memory_max_bytes", "worst"),
    Gauge("cpu", "process_cpu_seconds_total", "worst", counter=True),
    Gauge("cpu", "container_cpu_usage_seconds_total", "worst", counter=True, where=_CONTAINERS),
    Gauge("cpu", "process_cpu_time_seconds_total", "worst", counter=True),
    Gauge("cpu", "process_cpu_usage", "worst"),
    Gauge("in_flight", "http_server_active_requests", "sum"),
    Gauge("in_flight", "http_requests_in_flight", "sum"),
    Gauge("in_flight", "http_requests_inprogress", "sum"),
    Gauge("in_flight", "http_server_requests_active", "sum"),
    Gauge("in_flight", "requests_in_flight", "sum"),
    Gauge("in_flight", "in_flight_requests", "sum"),
    Gauge("pool_in_use", "db_pool_in_use", "sum"),
    Gauge("pool_in_use", "db_client_connection_count", "sum", where=(("state", "=", "used"),)),
    Gauge("pool_in_use", "db_client_connections_usage", "sum", where=(("state", "=", "used"),)),
    Gauge("pool_in_use", "hikaricp_connections_active", "sum"),
    Gauge("pool_in_use", "go_sql_in_use_connections", "sum"),
    Gauge("pool_in_use", "go_sql_stats_connections_in_use", "sum"),
    Gauge("pool_size", "db_pool_size", "sum"),
    Gauge("pool_size", "db_client_connection_max", "sum"),
    Gauge("pool_size", "db_client_connections_max", "sum"),
    Gauge("pool_size", "hikaricp_connections_max", "sum"),
    Gauge("pool_size", "go_sql_max_open_connections", "sum"),
    Gauge("pool_size", "go_sql_stats_connections_max_open", "sum"),
    Gauge("queue_depth", "queue_depth", "sum"),
    Gauge("queue_depth", "db_pool_waiting", "sum"),
    Gauge("queue_depth", "db_client_connection_pending_requests", "sum"),
    Gauge("queue_depth", "hikaricp_connections_pending", "sum"),
    Gauge("queue_depth", "rabbitmq_queue_messages_ready", "sum"),
    Gauge("queue_depth", "executor_queued_tasks", "sum"),
    Gauge("restarts", "kube_pod_container_status_restarts_total", "sum"),
    Gauge("restarts", "service_restarts_total", "sum"),
)
STARTS = (
    Gauge("process_start_time_seconds", "process_start_time_seconds", "worst"),
    Gauge("process_start_time_seconds", "process_start_time", "worst"),
)
"""When the youngest process of a service began; who scrapes one address himself counts its restarts."""

RUNTIMES = ("go_", "python_", "process_", "promhttp_", "jvm_", "nodejs_", "dotnet_", "ruby_", "scrape_", "tomcat_")
"""Prefixes of what a language's runtime tells about itself: its inner life and its own build, which say little about an
incident."""

BUILD_INFO = ("app_build_info", "build_info", "service_build_info", "app_info", "target_info", "process_build_info")
"""Metrics that tell the program's own build, the most telling first; their value is 1."""
BUILD_SUFFIX = "_build_info"
VERSION_LABELS = ("version", "service_version", "app_version", "tag")
COMMIT_LABELS = ("revision", "commit", "git_commit", "commit_sha", "sha", "vcs_ref", "git_sha")


def first_of(labels: Iterable[str], wanted: Iterable[str]) -> str | None:
    """The first of `wanted` that is among `labels`."""
    have = set(labels)
    return next((label for label in wanted if label in have), None)


@dataclass(frozen=True, slots=True)
class RequestLabels:
    """Which labels of a request metric tell operation, method and status."""

    route: str | None
    method: str | None
    status: str | None

    @classmethod
    def of(cls, labels: Iterable[str], reserved: str | None = None) -> RequestLabels:
        """Find them by convention; `reserved` names the service already."""
        usable = set(labels) - {reserved}
        return cls(*(first_of(usable, names) for names in (OPERATION_LABELS, METHOD_LABELS, STATUS_LABELS)))

    @property
    def operation(self) -> tuple[str, ...]:
        """The labels that make up an operation, in the order they are written; none without a route."""
        return tuple(label for label in (self.method, self.route) if label) if self.route else ()

    def name(self, labels: Mapping[str, str]) -> str:
        """`POST /orders`, or `package.Service/Method` for RPC."""
        if self.route is None or not labels.get(self.route):
            return ""
        method, route = labels.get(self.method or "", ""), labels[self.route]
        joint = "/" if (self.method or "").endswith("_service") else " "
        return f"{method}{joint}{route}" if method else route
