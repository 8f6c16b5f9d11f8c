"""What a field is about, by its name."""

from __future__ import annotations

import pytest

from console.analysis.fieldroles import Role, named, said


@pytest.mark.parametrize(
    ("name", "role", "noun"),
    [
        ("host", Role.INSTANCE, "host"),
        ("hostname", Role.INSTANCE, "host"),
        ("_HOSTNAME", Role.INSTANCE, "host"),
        ("host.name", Role.INSTANCE, "host"),
        ("kubernetes.pod_name", Role.INSTANCE, "pod"),
        ("k8s.pod.name", Role.INSTANCE, "pod"),
        ("podName", Role.INSTANCE, "pod"),
        ("resource.attributes.service.instance.id", Role.INSTANCE, "instance"),
        ("availability_zone", Role.ZONE, "zone"),
        ("cloud.region", Role.ZONE, "region"),
        ("topology.kubernetes.io/zone", Role.ZONE, "zone"),
        ("service.version", Role.VERSION, "version"),
        ("tenant.id", Role.TENANT, "tenant"),
        ("customerId", Role.TENANT, "customer"),
        ("upstream_addr", Role.UPSTREAM, "upstream"),
        ("feature-flag", Role.FLAG, "flag"),
        ("payment_method", Role.OTHER, "payment_method"),
    ],
)
def test_names(name: str, role: Role, noun: str) -> None:
    found = named(name)
    assert found is not None and (found.role, found.noun) == (role, noun)


@pytest.mark.parametrize(
    "name",
    [
        "trace_id",
        "span_id",
        "request_id",
        "latency_ms",
        "duration",
        "status",
        "error",
        "error_code",
        "retry_count",
        "attempt",
        "result",
        "reason",
        "path",
        "url",
        "level",
        "logger",
        "thread",
        "bytes_sent",
        "response_size",
        "stack",
        "user_agent",
        "client_ip",
        "remote_port",
        "timestamp",
        "sessionId",
    ],
)
def test_what_came_of_a_request_or_tells_it_from_all_others_says_nothing_of_where(name: str) -> None:
    assert named(name) is None


def test_values_that_name_nothing() -> None:
    assert not any(said(value) for value in ("", "-", "null", "None", "unknown", "x" * 121))
    assert said("web-3") and said("7")
    found = named("zone")
    assert found is not None and (found.of("b"), found.of("zone-b")) == ("zone b", "zone-b")
