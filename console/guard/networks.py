"""Which network addresses may never be asked, and which belong to a private network. Pure."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from typing import TypeAlias

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

METADATA = (
    ipaddress.ip_network("169.254.0.0/16"),
    ipaddress.ip_network("100.100.100.200/32"),
    ipaddress.ip_network("168.63.129.16/32"),
    ipaddress.ip_network("192.0.0.192/32"),
    ipaddress.ip_network("fd00:ec2::/32"),
    ipaddress.ip_network("fd20:ce::/32"),
    ipaddress.ip_network("fe80::/10"),
)
"""Link-local networks, and the metadata services of the large providers that lie elsewhere."""
METADATA_NAMES = frozenset(
    {"metadata.google.internal", "metadata.goog", "metadata", "instance-data", "instance-data.ec2.internal"}
)

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_NUMERIC_LABEL = re.compile(r"(?:0[xX][0-9A-Fa-f]*|[0-9]+)")


def forbidden(text: str) -> str | None:
    """Why an address may not be asked, in words; None where it may."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return "no address"
    for one in (address, *inner(address)):
        if any(one in network for network in METADATA if network.version == one.version):
            return "a link-local or metadata address"
        if one.is_multicast or one.is_unspecified or one == ipaddress.IPv4Address("255.255.255.255"):
            return "no address of a single machine"
    return None


def inner(address: Address) -> list[Address]:
    """IPv4 addresses that an IPv6 address carries in itself."""
    if isinstance(address, ipaddress.IPv4Address):
        return []
    found: list[Address] = [a for a in (address.ipv4_mapped, address.sixtofour) if a is not None]
    if address in _NAT64 or (int(address) >> 32 == 0 and int(address) > 1):
        found.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return found


def looks_numeric(host: str) -> bool:
    """Whether resolvers read a host as an IPv4 address: its last label is a number, decimal, octal or hexadecimal."""
    return _NUMERIC_LABEL.fullmatch(host.rstrip(".").rpartition(".")[2]) is not None


def canonical(host: str) -> Address | None:
    """The address that a host is, written in the one canonical form; None for a name or any other form."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    return address if "%" not in host else None


def outside(text: str, tier: str, networks: Sequence[str]) -> str | None:
    """Why an address is out of reach of an environment of this tier, in words; None where it is within reach.

    Args:
        networks: The environment's own networks, `10.0.0.0/8`.
    """
    address = ipaddress.ip_address(text.partition("%")[0])
    for one in (address, *inner(address)):
        listed = any(one in net for net in map(ipaddress.ip_network, networks) if net.version == one.version)
        if one.is_loopback:
            if tier != "local":
                return "this machine itself, which only an environment of tier local may be"
        elif one.is_private and not listed:
            return "a private address that the environment's networks do not list"
    return None
