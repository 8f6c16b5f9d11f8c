"""Six checklists for the commonest incidents, as data. Picking one drafts its hypotheses; it never opens them."""

from __future__ import annotations

from console.domain.values import dataclass


@dataclass(frozen=True, slots=True)
class Checklist:
    """Where to look, what would be seen, what stops the harm, and what misleads."""

    id: str
    title: str
    look: tuple[str, ...]
    predict: tuple[tuple[str, str], ...]
    """A hypothesis, and what would be seen if it holds."""
    mitigate: tuple[str, ...]
    trap: str


CHECKLISTS: dict[str, Checklist] = {
    one.id: one
    for one in (
        Checklist(
            "5xx-no-deploy",
            "5xx spike, no deploy in the hour",
            (
                "split by code, endpoint, host, zone, tenant and version",
                "changes that are no code: config, flag, certificate, DNS, secret, quota, cron, migration, autoscaling, traffic mix",
            ),
            (
                ("one host or zone is broken", "only that host or zone fails"),
                ("a dependency fails", "every endpoint that uses it fails, and no other"),
                ("one payload or tenant breaks it", "only requests of that payload or tenant fail"),
                ("a scheduled job interferes", "the onset lies on a round minute"),
            ),
            ("drain the host", "switch the flag off", "revert the configuration"),
            '"no deploy" often means none of this service: look for mixed versions, slow rollouts, flags that were activated late',
        ),
        Checklist(
            "memory-leak",
            "Memory leak",
            (
                "resident memory against heap, off-heap, threads and descriptors",
                "slope per pod since its start, against requests and against time; the first version that slopes",
            ),
            (
                ("a version leaks", "pods of the new version slope, old ones do not"),
                ("something is kept per request", "the slope follows traffic"),
                ("a timer or cache keeps growing", "the slope follows time, whatever the traffic"),
            ),
            (
                "two snapshots and a diff of retained types before restarting",
                "restart staggered",
                "cap the cache",
                "raise the limit",
                "roll back",
            ),
            "a cache that warms up and fragmentation level off; a kill for lack of memory resets the graph",
        ),
        Checklist(
            "slow-endpoint",
            "p99 doubled on one endpoint",
            (
                "p50, p90, p99 and count: the tail alone, or all",
                "slow and normal traces side by side: which span grew; rows, payload, plan; by tenant and host",
            ),
            (
                ("one call inside it became slow", "one span carries most of the difference"),
                ("a query plan or shard went wrong", "one plan or shard carries the difference"),
                ("every request does more work", "p50 rises as much as p99"),
                ("something is contended", "only the tail rises"),
            ),
            ("index", "limit", "cache", "timeout", "shed"),
            "percentiles cannot be averaged; the mix may have shifted; p99 of few requests is noise",
        ),
        Checklist(
            "only-at-peak",
            "Only at peak",
            (
                "errors against load, not against time: a knee means saturation",
                "pools, threads, descriptors, ports, locks, connections, queue age, rate limits, throttling, autoscaling lag",
            ),
            (
                ("a pool or limit is exhausted", "saturation rises before the errors"),
                ("the load alone does it", "the same load at night fails too"),
                ("capacity is short", "more capacity moves the knee"),
            ),
            ("shed", "bound queues", "scale ahead", "shorter timeouts", "fewer retries"),
            "averages hide bursts; a cron job or backup may coincide with the peak",
        ),
        Checklist(
            "third-party",
            "Third party degraded",
            (
                "our own client metrics per provider: latency, errors, timeouts, retries, breaker",
                "their status page, which lags; other regions; a call from another network",
            ),
            (
                ("the provider is degraded", "only routes that call it fail, and errors follow its latency"),
                ("our egress, DNS, quota or credentials fail", "a call from another network works"),
                ("our retries are the cause", "calls to it rose before its latency did"),
            ),
            (
                "open the breaker",
                "fallback or cache",
                "lower the timeout",
                "cap retries with jitter",
                "queue writes",
                "fail over",
                "a ticket with request ids",
            ),
            "the fault may be our egress, DNS, quota, credentials or TLS; a retry storm makes us the cause",
        ),
        Checklist(
            "several-services",
            "Several services at once",
            (
                "the nearest common ancestor or shared resource: database, queue, DNS, auth, mesh, zone, flags, a wave of deploys",
                "order suspects by earliest onset; tell victims, whose callers wait, from the source",
            ),
            (
                ("a shared resource fails", "services that do not use it are fine"),
                ("one service drags the others", "its onset is the earliest, and the rest waits for it"),
                ("two incidents overlap", "one of the services stays broken when the other is mended"),
            ),
            ("at the shared point", "shed optional callers"),
            "the loudest service is often the victim; two incidents can overlap; mind clocks and scrape intervals",
        ),
    )
}


def lines(one: Checklist) -> list[str]:
    """A checklist in sentences."""
    return [
        one.title,
        *(f"look: {text}" for text in one.look),
        *(f"hypothesis: {statement}; then {seen}" for statement, seen in one.predict),
        f"mitigate: {', '.join(one.mitigate)}",
        f"trap: {one.trap}",
    ]
