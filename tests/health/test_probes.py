"""Probes against real sockets: up, down, slow, silent, badly certified, badly named."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from dnslib import QTYPE, RCODE, RR, A, DNSRecord
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from console.config.load import ConfigError
from console.config.models import Budget, DependencyConfig, ServiceConfig
from console.domain.topology import Health, ProbeResult
from console.guard.sanitise import UNSAFE
from sources.addresses import OurSide
from sources.base import SourceGarbage, SourceTimeout, SourceUnavailable
from sources.health import build, build_versions, dns
from sources.health.certificate import NoCertificate, ending, validity
from sources.health.probes import Probe, dns_probe, http_probe, tcp_probe
from sources.health.targets import target_of
from sources.health.verdicts import of_time
from sources.http import HttpDoor
from tests.http.fault_server import Asked, Behave, answer, cut, drip, serving, silence
from tests.waiting import PATIENCE_S

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
        (answer(b"", "302 Found", location="/login?next=secret"), Health.DEGRADED, "sends on to /login; probes"),
        (answer(b"", "401 Unauthorized"), Health.DEGRADED, "reachable, but refuses"),
        (answer(b"", "403 Forbidden"), Health.DEGRADED, "reachable, but refuses"),
        (answer(b"nothing here", "404 Not Found"), Health.DEGRADED, "nothing here"),
        (answer(b"", "429 Too Many Requests"), Health.DEGRADED, "limits"),
        (answer(b'{"error":"no database"}', "503 Service Unavailable"), Health.DOWN, "no database"),
        (answer(b'{"status":"UP"}', **HEALTH_JSON), Health.HEALTHY, "200"),
        (answer(b'{"status":"DOWN"}', **HEALTH_JSON), Health.DOWN, "it says down"),
        (answer(b'{"status":"warn"}', **HEALTH_JSON), Health.DEGRADED, "it says warn"),
        (answer(b"<html><input type='password'></html>"), Health.HEALTHY, "a page with a login form"),
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


@pytest.mark.slow
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
        assert await asyncio.wait_for(seen.get(), PATIENCE_S) == b""
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
            assert "an authority that this machine does not trust" in stranger.detail
            assert (await probe(door, f"https://127.0.0.1:{port}")).detail == stranger.detail
        async with tls_server(ca, "127.0.0.1", not_after=soon) as port:
            for scheme in ("tls", "https"):
                ending_soon = await probe(trusting, f"{scheme}://127.0.0.1:{port}")
                assert ending_soon.health is Health.DEGRADED and "certificate ends in " in ending_soon.detail
                assert ending_soon.certificate_ends == int(soon.timestamp())
        async with tls_server(ca, "127.0.0.1", not_after=past) as port:
            for scheme in ("tls", "https"):
                expired = await probe(trusting, f"{scheme}://127.0.0.1:{port}")
                assert (expired.health, expired.detail) == (Health.DOWN, "certificate expired 3h ago")
                assert expired.certificate_ends == int(past.timestamp())
        async with tls_server(ca, "elsewhere.test") as port:
            for scheme in ("tls", "https"):
                wrong = await probe(trusting, f"{scheme}://127.0.0.1:{port}")
                assert wrong.detail == "certificate refused: it is for another address than 127.0.0.1"
            wrong = await probe(trusting, f"tls://localhost:{port}")
            assert wrong.detail == "certificate refused: it is for another name than localhost"
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
        pytest.param("silent.test", Health.DOWN, "no answer within 3 s", marks=pytest.mark.slow),
        pytest.param("lossy.test", Health.DEGRADED, "1 record in ", marks=pytest.mark.slow),
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


@pytest.mark.parametrize("scheme", ["http", "tcp"])
async def test_a_probe_over_its_budget_is_not_made_and_keeps_its_last_answer_for_a_while(scheme: str) -> None:
    async with HttpDoor(Budget(requests_per_minute=1)) as door, serving(answer()) as server:
        url = server.url.replace("http:", f"{scheme}:")
        (source,) = build((ServiceConfig(name="a", probe=url),), (), door)
        first, second = await source.probe(NOW), await source.probe(NOW + 15)
        late, again = await source.probe(NOW + 1000), await source.probe(NOW + 20)
        assert len(server.asked) == (scheme == "http")
    assert (first.health, first.at) == (Health.HEALTHY, NOW)
    assert (second.health, second.at) == (Health.HEALTHY, NOW), "an old answer keeps its own time"
    assert second.detail.startswith(first.detail) and "the budget of 1 requests a minute is used up" in second.detail
    assert (late.health, late.at) == (Health.UNKNOWN, NOW + 1000)
    assert again.detail.count("budget") == 1


async def test_a_probe_that_was_never_made_is_unknown() -> None:
    async with HttpDoor(Budget(requests_per_minute=1)) as door, serving(answer()) as server:
        one, two = build(
            (ServiceConfig(name="a", probe=server.url), ServiceConfig(name="b", probe=server.url)), (), door
        )
        assert (await one.probe(NOW)).health is Health.HEALTHY
        assert (await two.probe(NOW)).health is Health.UNKNOWN


async def test_a_target_that_is_down_and_asks_us_to_wait_stays_down(door: HttpDoor) -> None:
    async with serving(answer(b"overloaded", "503 Service Unavailable", retry_after="120")) as server:
        (source,) = build((ServiceConfig(name="a", probe=server.url),), (), door)
        first, second = await source.probe(NOW), await source.probe(NOW + 15)
        assert len(server.asked) == 1
    assert (first.health, second.health, second.at) == (Health.DOWN, Health.DOWN, NOW)
    assert "it asked us to wait" in second.detail


async def test_many_probes_of_one_slow_origin_wait_their_turn_and_are_not_called_down() -> None:
    both, gate = asyncio.Barrier(3), asyncio.Event()

    async def slow(asked: Asked, writer: asyncio.StreamWriter) -> None:
        if not gate.is_set():
            await both.wait()
        await gate.wait()
        await answer()(asked, writer)

    async with HttpDoor(Budget(concurrent=2)) as door, serving(slow) as server:
        urls = [f"{server.url}/{n}" for n in range(6)]
        sources = build([ServiceConfig(name=f"s{n}", probe=url) for n, url in enumerate(urls)], (), door)
        async with asyncio.TaskGroup() as group:
            asked = [group.create_task(source.probe(NOW)) for source in sources]
            await asyncio.wait_for(both.wait(), PATIENCE_S)
            gate.set()
        assert [task.result().health for task in asked] == [Health.HEALTHY] * 6
        assert server.most_open == 2


async def test_an_answer_that_drips_ends_at_the_deadline_and_the_next_in_turn_is_unknown(door: HttpDoor) -> None:
    async with serving(drip()) as server:
        target, turn = target_of(server.url, "a"), asyncio.Semaphore(1)
        one, two = (
            Probe(name, target, http_probe(door.site(server.url), target, turn, deadline_s=deadline_s))
            for name, deadline_s in (("a", 0.6), ("b", 0.2))
        )
        async with asyncio.TaskGroup() as group:
            first, second = group.create_task(one.probe(NOW)), group.create_task(two.probe(NOW))
    assert (first.result().health, first.result().detail) == (Health.DOWN, "no complete answer within 0.6 s")
    assert (second.result().health, second.result().latency_s) == (Health.UNKNOWN, None)
    assert "other probes of the same origin" in second.result().detail


async def test_a_slow_answer_is_degraded() -> None:
    assert of_time(0.99, "connected in 990 ms") == (Health.HEALTHY, "connected in 990 ms")
    assert of_time(1.01, "connected in 1010 ms") == (Health.DEGRADED, "connected in 1010 ms, slow")


async def test_an_address_that_swallows_packets_does_not_hide_the_one_that_answers() -> None:
    full = socket.socket()
    full.bind(("127.0.0.2", 0))
    port = full.getsockname()[1]
    full.listen(0)
    fillers = [socket.socket() for _ in range(4)]
    for filler in fillers:  # a full backlog: Linux drops further SYNs silently, as a firewall does
        filler.setblocking(False)
        filler.connect_ex(("127.0.0.2", port))

    async def two_addresses(_: str, __: int) -> Sequence[str]:
        return ["127.0.0.2", "127.0.0.1"]

    listener = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", port)
    try:
        async with listener:
            outcome = await tcp_probe(target_of(f"tcp://db.test:{port}", "a"), two_addresses, 1.0)(NOW)
            assert outcome.health is Health.HEALTHY and (outcome.latency_s or 0) >= 0.5
            alone = target_of(f"tcp://127.0.0.2:{port}", "a")
            with pytest.raises(SourceTimeout, match=r"no connection within 0\.3 s"):
                await tcp_probe(alone, deadline_s=0.3)(NOW)
    finally:
        for one in (full, *fillers):
            one.close()


async def test_a_name_that_is_never_resolved_ends_at_the_deadline() -> None:
    async def never(_: str, __: int) -> Sequence[str]:
        await asyncio.Event().wait()
        return []

    with pytest.raises(SourceTimeout, match=r"db\.test: the name was not resolved within 0\.1 s"):
        await tcp_probe(target_of("tcp://db.test:1", "a"), never, 0.1)(NOW)
    with pytest.raises(SourceTimeout, match=r"no answer within 0\.1 s"):
        await dns_probe(target_of("dns://db.test", "a"), never, 0.1)(NOW)


@pytest.mark.parametrize(
    ("banner", "words"), [(b"SSH-2.0-OpenSSH_9.2\r\n", "does not speak TLS"), (b"", "the connection was reset")]
)
async def test_a_server_that_does_not_speak_tls_is_down(door: HttpDoor, banner: bytes, words: str) -> None:
    async def greeted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(banner)
        try:
            while banner and await reader.read(4096):
                pass  # closing now would reset the connection before the greeting is read
        except ConnectionError:
            pass
        writer.close()

    listener = await asyncio.start_server(greeted, "127.0.0.1", 0)
    async with listener:
        result = await probe(door, f"tls://127.0.0.1:{listener.sockets[0].getsockname()[1]}")
    assert result.health is Health.DOWN and words in result.detail, result.detail


async def test_a_self_signed_certificate_is_called_so(door: HttpDoor) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile() as file:
        file.write(self_signed("127.0.0.1"))
        file.flush()
        context.load_cert_chain(file.name)
    async with serving(answer(), context) as server:
        for scheme in ("tls", "https"):
            own = await probe(door, server.url.replace("https:", f"{scheme}:"))
            assert (own.health, own.detail) == (Health.DOWN, "certificate refused: it is self-signed")


def self_signed(address: str) -> bytes:
    """Key and certificate, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, address)])
    start = datetime.fromtimestamp(NOW, UTC) - timedelta(days=1)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), start, start + timedelta(99))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ) + certificate.public_bytes(serialization.Encoding.PEM)


async def test_what_a_server_says_cannot_drive_the_terminal(door: HttpDoor) -> None:
    async with serving(answer(b'{"error":"\\u001b]52;c;aGk=\\u0007\\u202e"}', "500 Oops")) as server:
        result = await probe(door, server.url)
    assert result.health is Health.DOWN and "]52;" in result.detail
    assert not UNSAFE.search(result.detail)


async def test_kind_is_the_scheme(door: HttpDoor) -> None:
    urls = ("http://a.test", "https://a.test", "tcp://a.test:1", "tls://a.test", "dns://a.test")
    sources = build((), [DependencyConfig(name=url, probe=url) for url in urls], door)
    assert [(source.name, source.kind) for source in sources] == [(url, url.partition(":")[0]) for url in urls]


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
        "http://[",
        "tcp://[::1:5",
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


@given(
    st.sampled_from(["http", "https", "tcp", "tls", "dns"]),
    st.text(max_size=30) | st.text(alphabet="[]:@?#/%.a1é-", max_size=12),
)
def test_any_address_becomes_a_probe_or_a_sentence(scheme: str, rest: str) -> None:
    url = f"{scheme}://{rest}"
    try:
        dependency, service = DependencyConfig(name="a", probe=url), ServiceConfig(name="a", version_url=url)
    except ValidationError:  # the configuration itself takes no control characters
        assert UNSAFE.search(url)
        return
    try:
        (source,) = build((), (dependency,), HttpDoor())
    except ConfigError as error:
        assert str(error).startswith("[[dependency]] a: ")
    else:
        assert source.kind == scheme and not UNSAFE.search(source.target.shown)
    try:
        build_versions((service,), HttpDoor())
    except ConfigError as error:
        assert str(error).startswith("[[service]] a: version_url")


async def test_loading_our_own_code_is_not_counted_as_the_targets_time() -> None:
    """The door's certificates take half a second to load here; neither probe, whichever comes first, is slow for it."""

    class SlowDoor(HttpDoor):
        @property
        def context(self) -> ssl.SSLContext:
            if self._context is None:
                threading.Event().wait(0.5)
            return super().context

    async with SlowDoor() as door, serving(answer()) as server:
        tcp = DependencyConfig(name="a", probe=server.url.replace("http:", "tcp:"))
        probes = build((), (tcp, DependencyConfig(name="b", probe=server.url)), door)
        results = await asyncio.gather(*(one.probe(NOW) for one in probes))
    latencies = [result.latency_s for result in results]
    assert all(latency is not None and latency < 0.4 for latency in latencies), latencies


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
