"""What a field says about where a request was served, by its name: on which instance, in which zone, of which version, for whom."""

from __future__ import annotations

import re
from enum import StrEnum
from functools import lru_cache

from console.domain.values import dataclass
from console.query.aliases import meaning_of


class Role(StrEnum):
    """What kind of part of a service a value names."""

    INSTANCE = "instance"
    ZONE = "zone"
    VERSION = "version"
    TENANT = "tenant"
    UPSTREAM = "upstream"
    ENDPOINT = "endpoint"
    FLAG = "flag"
    OTHER = "other"
    """Not known; it may be a property of the request."""


@dataclass(frozen=True, slots=True)
class Named:
    """What a field is about, and the noun for one of its values."""

    role: Role
    noun: str

    def of(self, value: str) -> str:
        """`host web-3`; a value that says the noun itself stands alone."""
        return value if value.lower().startswith(self.noun) else f"{self.noun} {value}"


OPERATION = Named(Role.ENDPOINT, "operation")
PLACES = frozenset((Role.INSTANCE, Role.ZONE))
"""Roles of what can break by itself."""
_NOUNS: dict[tuple[Role, str], str] = {
    (
        Role.INSTANCE,
        "instance",
    ): "instance instance_id instance_name service_instance_id task task_id worker_id replica",
    (Role.INSTANCE, "host"): "host hostname host_name host_id fqdn machine vm server_host",
    (Role.INSTANCE, "node"): "node node_name nodename node_id",
    (Role.INSTANCE, "pod"): "pod pod_name podname pod_id pod_uid",
    (Role.INSTANCE, "container"): "container container_id",
    (Role.ZONE, "zone"): "zone availability_zone az cloud_zone failure_domain zone_id",
    (Role.ZONE, "region"): "region",
    (Role.ZONE, "data centre"): "datacenter datacentre data_center dc site",
    (Role.ZONE, "rack"): "rack rack_id",
    (Role.ZONE, "cluster"): "cluster cluster_name",
    (
        Role.VERSION,
        "version",
    ): "version service_version app_version release build build_id build_version deployment_version",
    (Role.VERSION, "image"): "image image_tag image_id container_image_tag",
    (Role.VERSION, "commit"): "commit commit_sha git_sha git_commit sha revision",
    (Role.TENANT, "tenant"): "tenant tenant_id tenant_name",
    (Role.TENANT, "customer"): "customer customer_id",
    (Role.TENANT, "account"): "account account_id",
    (Role.TENANT, "organisation"): "org org_id organization organisation organization_id organisation_id",
    (Role.TENANT, "client"): "client client_name app_client consumer_name",
    (Role.TENANT, "user"): "user user_id userid",
    (Role.TENANT, "merchant"): "merchant merchant_id",
    (Role.TENANT, "partner"): "partner partner_id",
    (Role.TENANT, "workspace"): "workspace workspace_id project project_id",
    (Role.UPSTREAM, "upstream"): (
        "upstream upstream_addr upstream_host upstream_name upstream_service backend backend_name backend_server target"
        " target_service peer peer_service peer_name net_peer_name server_address remote remote_service downstream callee"
        " dependency db_host db_name shard shard_id partition"
    ),
    (Role.FLAG, "flag"): "flag feature_flag variant experiment bucket ab_group",
}
_KNOWN = {word: Named(role, noun) for (role, noun), words in _NOUNS.items() for word in words.split()}
_PREFIX = re.compile(
    r"^(?:kubernetes|k8s|cloud|labels?|resource|attributes?|tags?|ctx|context|fields?|meta(?:data)?|mdc|topology_kubernetes_io|extra)_"
)
_OUTCOME = re.compile(
    r"(?:^|_)(?:err(?:or)?s?|exception|reason|cause|result|outcome|code|retry|retries|attempts?|tries|status|state|success|failed|level"
    r"|latency|duration|elapsed|took|time|timestamp|ms|bytes|size|length|count|id|uuid|trace|span|parent|thread|pid|seq|line|stack|stream"
    r"|logger|caller|file|function|message|msg|url|uri|query|address|ip|port|user|agent|referr?er|date)(?:_|$)"
)
"""Words in the names of what comes of a request, or tells one request from all others."""
_APART = re.compile(r"[^a-z0-9]+")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_NOTHING = ("", "-", "--", "null", "none", "nil", "unknown", "undefined", "n/a", "(none)", "0")
_NOT_SAID = frozenset(form for word in _NOTHING for form in (word, word.capitalize(), word.upper()))
LONGEST_VALUE = 120


@lru_cache(maxsize=4096)
def named(name: str) -> Named | None:
    """What a field of this name is about; None where it tells what came of a request, or which single one it was."""
    plain = _APART.sub("_", _CAMEL.sub("_", name).lower()).strip("_")
    while True:
        if (known := _KNOWN.get(plain)) is not None:
            return known
        shorter = _PREFIX.sub("", plain)
        if shorter == plain:
            break
        plain = shorter
    if meaning_of(name) or _OUTCOME.search(plain):
        return None
    return Named(Role.OTHER, name)


def said(value: str) -> bool:
    """Whether a value names anything."""
    return len(value) <= LONGEST_VALUE and value not in _NOT_SAID
