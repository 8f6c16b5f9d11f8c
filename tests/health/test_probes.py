"""Probes against real sockets: up, down, slow, silent, badly certified, badly named."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta

import pytest
import trustme
from cryptography import x509
from dnslib import QTYPE, RCODE, RR, A, DNSRecord
from hypothesis import given
from hypothesis import strategies as st

from console.config.load import ConfigError
from console.config.models import Budget, DependencyConfig, ServiceConfig
from console.domain.topology import Health, ProbeResult
from sources.addresses import OurSide
from sources.base import SourceGarbage, SourceUnavailable
from sources.health import build, dns
from sources.health.certificate import NoCertificate, ending, validity
from sources.health.targets import target_of
from sources.http import HttpDoor
from tests.http.fault_server import Behave, answer, cut, serving, silence

NOW = time.time()


def free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


@pytest.fixture
async def door() -> AsyncIterator[HttpDoor]:
    async with HttpDoor(Budget(requests_per_minute=600)) as opened:
        yield opened


async def probe(door: HttpDoor, url: str) -> ProbeResult:
    (source,) = build((), (DependencyConfig(name="payments", probe=url),), door)
    result = await source.probe(NOW)
    assert (result.name, result.at) == ("payments", NOW)
    return result


HEALTH_JSON = {"content_type": "application/json"}


@pytest.mark.parametrize(
    ("behave", "health", "words"),
    [
        (answer(b"ok"), Health.HEALTHY, "200 in "),
        (answer(b"", "204 No Content"), Health.HEALTHY, "204"),
        (answer(b"", "302 Found", location="/login"), Health.HEALTHY, "302"),
        (answer(b"", "401 Unauthorized"), Health.HEALTHY, "it answers"),
        (answer(b"nothing here", "404 Not Found"), Health.DEGRADED, "nothing here"),
        (answer(b"", "429 Too Many Requests"), Health.DEGRADED, "limits"),
        (answer(b'{"error":"no database"}', "503 Service Unavailable"), Health.DOWN, "no database"),
        (answer(b'{"status":"UP"}', **HEALTH_JSON), Health.HEALTHY, "200"),
        (answer(b'{"status":"DOWN"}', **HEALTH_JSON), Health.DOWN, "it says down"),
        (answer(b'{"status":"warn"}', **HEALTH_JSON), Health.DEGRADED, "it says warn"),
        (answer(b'{"status":{}}', **HEALTH_JSON), Health.HEALTHY, "200"),
        (cut(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nx"), Health.DOWN, "cut"),
        (cut(b""), Health.DOWN, "cut"),
    ],
)
async def test_http(door: HttpDoor, behave: Behave, health: Health, words: str) -> None:
    async with serving(behave) as server:
        result = await probe(door, server.url + "/healthz?token=secret")
    assert result.health is health, result.detail
    assert words in result.detail
    assert result.target == server.url + "/healthz"


async def test_a_refused_connection_is_down_and_says_so_briefly(door: HttpDoor) -> None:
    port = free_port()
    for url in (f"http://127.0.0.1:{port}/healthz", f"tcp://127.0.0.1:{port}", f"tls://127.0.0.1:{port}"):
        result = await probe(door, url)
        assert (result.health, result.detail, result.latency_s) == (Health.DOWN, "connection refused", None)


async def test_silence_is_down_after_three_seconds(door: HttpDoor) -> None:
    async with serving(silence) as server:
        started = time.monotonic()
        results = await asyncio.gather(probe(door, server.url), probe(door, server.url.replace("http:", "tls:")))
        assert time.monotonic() - started < 5
    assert [r.health for r in results] == [Health.DOWN, Health.DOWN]
    assert results[0].detail == "no complete answer within 3 s"
    assert results[1].detail == "no connection within 3 s"


async def test_tcp_connects_and_sends_nothing(door: HttpDoor) -> None:
    seen: asyncio.Queue[bytes] = asyncio.Queue()

    async def taken(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await seen.put(await reader.read())
        except ConnectionError:
            await seen.put(b"")
        writer.close()

    listener = await asyncio.start_server(taken, "127.0.0.1", 0)
    async with listener:
        result = await probe(door, f"tcp://127.0.0.1:{listener.sockets[0].getsockname()[1]}")
        assert await asyncio.wait_for(seen.get(), 5) == b""
    assert result.health is Health.HEALTHY and result.detail.startswith("connected in ")
    assert result.latency_s is not None and 0 <= result.latency_s < 1


@asynccontextmanager
async def tls_server(ca: trustme.CA, *names: str, not_after: datetime | None = None) -> AsyncIterator[int]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert(*names, not_after=not_after).configure_cert(context)
    async with serving(answer(), context) as server:
        yield server.port


async def test_tls_tells_the_reasons_apart(door: HttpDoor) -> None:
    ca, other = trustme.CA(), trustme.CA()
    context = ssl.create_default_context()
    ca.configure_trust(context)
    soon = datetime.fromtimestamp(NOW, UTC) + timedelta(days=5)
    past = datetime.fromtimestamp(NOW, UTC) - timedelta(hours=3)
    async with HttpDoor(context=context) as trusting:
        async with tls_server(ca, "127.0.0.1") as port:
            for scheme, words in (("tls", "verified in "), ("https", "200 in ")):
                good = await probe(trusting, f"{scheme}://127.0.0.1:{port}")
                assert good.health is Health.HEALTHY and good.detail.startswith(words)
                assert good.certificate_ends is not None and good.certificate_ends > NOW
            stranger = await probe(door, f"tls://127.0.0.1:{port}")
            assert stranger.health is Health.DOWN
            assert stranger.detail.startswith("certificate refused: unable to get local issuer")
        async with tls_server(ca, "127.0.0.1", not_after=soon) as port:
            for scheme in ("tls", "https"):
                ending_soon = await probe(trusting, f"{scheme}://127.0.0.1:{port}")
                assert ending_soon.health is Health.HEALTHY and "certificate ends in " in ending_soon.detail
                assert ending_soon.certificate_ends == int(soon.timestamp())
        async with tls_server(ca, "127.0.0.1", not_after=past) as port:
            expired = await probe(trusting, f"tls://127.0.0.1:{port}")
            assert (expired.health, expired.detail) == (Health.DOWN, "certificate expired 3h ago")
            assert "certificate has expired" in (await probe(trusting, f"https://127.0.0.1:{port}")).detail
        async with tls_server(ca, "elsewhere.test") as port:
            wrong = await probe(trusting, f"tls://127.0.0.1:{port}")
            assert "IP address mismatch" in wrong.detail
        async with tls_server(other, "127.0.0.1") as port:
            assert (await probe(trusting, f"tls://127.0.0.1:{port}")).health is Health.DOWN


class _Answers:
    """A DNS server in a thread; what it answers is decided by the name that is asked for."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.asked = 0

    def serve(self) -> None:
        while True:
            data, client = self.socket.recvfrom(4096)
            if not data:
                return
            self.asked += 1
            request = DNSRecord.parse(data)
            reply, name = request.reply(), str(request.q.qname).rstrip(".")
            if name.startswith("two."):
                for last in (1, 2):
                    reply.add_answer(RR(name, QTYPE.A, rdata=A(f"127.0.0.{last}")))
            elif name.startswith("none."):
                reply.header.rcode = RCODE.NXDOMAIN
            elif name.startswith("broken."):
                reply.header.rcode = RCODE.SERVFAIL
            elif name.startswith("silent.") or (name.startswith("lossy.") and self.asked % 2):
                continue
            elif name.startswith("lossy."):
                reply.add_answer(RR(name, QTYPE.A, rdata=A("127.0.0.1")))
            elif name.startswith("forged."):
                forged = DNSRecord.parse(data).reply()
                forged.header.id = (forged.header.id + 1) % 65536
                self.socket.sendto(forged.pack(), client)
                self.socket.sendto(b"\0\1", client)
                reply.add_answer(RR(name, QTYPE.A, rdata=A("127.0.0.1")))
            self.socket.sendto(reply.pack(), client)


@contextmanager
def dns_server() -> Iterator[_Answers]:
    server = _Answers()
    thread = threading.Thread(target=server.serve, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stopping:
            stopping.sendto(b"", ("127.0.0.1", server.port))
        thread.join(5)
        server.socket.close()


@pytest.mark.parametrize(
    ("name", "health", "words"),
    [
        ("two.test", Health.HEALTHY, "2 records in "),
        ("none.test", Health.DOWN, "no such name"),
        ("broken.test", Health.DOWN, "server failure"),
        ("empty.test", Health.DOWN, "no such record"),
        ("silent.test", Health.DOWN, "no answer within 3 s"),
        ("lossy.test", Health.DEGRADED, "1 record in "),
        ("forged.test", Health.HEALTHY, "1 record in "),
    ],
)
async def test_dns(door: HttpDoor, name: str, health: Health, words: str) -> None:
    with dns_server() as server:
        result = await probe(door, f"dns://127.0.0.1:{server.port}/{name}")
    assert result.health is health, result.detail
    assert words in result.detail


async def test_dns_with_no_server_and_with_nobody_there(door: HttpDoor) -> None:
    assert (await probe(door, "dns://localhost")).health is Health.HEALTHY
    closed = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    closed.bind(("127.0.0.1", 0))
    port = closed.getsockname()[1]
    closed.close()
    assert (await probe(door, f"dns://127.0.0.1:{port}/a.test")).detail == "connection refused"


async def test_what_fails_on_our_side_is_unknown_and_not_down() -> None:
    async def no_network(host: str, port: int) -> Sequence[str]:
        raise OurSide(f"{host}: the name does not resolve: Temporary failure in name resolution")

    async with HttpDoor(resolve=no_network) as door:
        for url in ("http://a.test", "tcp://a.test:1", "tls://a.test", "dns://a.test", "tcp://169.254.169.254:80"):
            result = await probe(door, url)
            assert result.health is Health.UNKNOWN, (url, result.detail)


async def test_a_name_that_does_not_exist_is_down() -> None:
    async def no_such(host: str, port: int) -> Sequence[str]:
        raise SourceUnavailable(f"{host}: the name does not resolve: Name or service not known")

    async with HttpDoor(resolve=no_such) as door:
        for url in ("http://a.test", "tcp://a.test:1", "dns://a.test"):
            result = await probe(door, url)
            assert result.health is Health.DOWN and "not known" in result.detail


async def test_a_probe_over_its_budget_is_not_made() -> None:
    async with HttpDoor(Budget(requests_per_minute=1)) as door, serving(answer()) as server:
        for url in (server.url, server.url.replace("http:", "tcp:")):
            (source,) = build((ServiceConfig(name="a", probe=url),), (), door)
            first, second = await source.probe(NOW), await source.probe(NOW)
            assert (first.health, second.health) == (Health.HEALTHY, Health.UNKNOWN)
            assert "budget" in second.detail


@pytest.mark.parametrize(
    "url",
    [
        "",
        "payments",
        "ftp://a",
        "tcp://a",
        "tcp://:1",
        "http://",
        "tls://a:x",
        "http://u:p@a",
        "dns://",
        "dns://a/b?type=ZZ",
        "dns://a/b..c",
    ],
)
def test_addresses_that_cannot_be_probed_are_named(url: str) -> None:
    with pytest.raises(ConfigError, match=r"^\[\[dependency\]\] a: probe") as caught:
        target_of(url, "[[dependency]] a")
    assert "u:p" not in str(caught.value)


def test_the_dates_of_a_certificate_are_those_that_cryptography_reads() -> None:
    ca = trustme.CA()
    moments = [
        None,
        datetime(2049, 12, 31, tzinfo=UTC),
        datetime(2051, 1, 1, tzinfo=UTC),
        datetime(2001, 2, 3, 4, 5, 6, tzinfo=UTC),
    ]
    for not_after in moments:
        pem = ca.issue_cert("a.test", not_after=not_after).cert_chain_pems[0].bytes()
        der = ssl.PEM_cert_to_DER_cert(pem.decode())
        known = x509.load_der_x509_certificate(der)
        assert validity(der) == (known.not_valid_before_utc.timestamp(), known.not_valid_after_utc.timestamp())


@given(st.binary(max_size=100))
def test_any_bytes_are_no_certificate_without_another_exception(data: bytes) -> None:
    with pytest.raises(NoCertificate):
        validity(data)


def test_an_ending_is_only_mentioned_when_it_is_near() -> None:
    day = 86400.0
    assert ending(100 * day, 0.0) == ""
    assert ending(5 * day, 0.0) == "certificate ends in 5d"
    assert ending(0.0, 0.0).startswith("certificate expired")


@given(st.binary(max_size=60))
def test_any_packet_is_an_answer_or_garbage(packet: bytes) -> None:
    asked = dns.query(7, "a.test", 1)
    read: Callable[[], object] = lambda: dns.read(packet, asked)  # noqa: E731
    try:
        read()
    except SourceGarbage:
        pass
