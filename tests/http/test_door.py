"""The HTTP door against servers that refuse, hang, drip, lie, redirect, and unfold."""

from __future__ import annotations

import asyncio
import gzip
import re
import socket
import ssl
import subprocess
import sys
import time
import zlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
import trustme

from console.config.models import Budget, Secret
from console.guard.budget import MINUTE
from sources.answers import decoded
from sources.base import (
    SourceError,
    SourceGarbage,
    SourceRefused,
    SourceThrottled,
    SourceTimeout,
    SourceUnavailable,
)
from sources.http import HttpDoor
from sources.secrets import token_of
from tests.http.conftest import MakeDoor
from tests.http.fault_server import Asked, answer, cut, drip, serving, silence
from tests.waiting import Stopwatch


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def test_a_whole_answer(door: HttpDoor) -> None:
    async with serving(answer(b'{"a":1}', content_type="application/json")) as server:
        site = door.site(server.url + "/base/")
        got = await site.get("/api", params=[("q", "a b&c")], headers={"X-One": "1"})
    assert (got.status, got.body, got.url) == (200, b'{"a":1}', f"{server.url}/base/api")
    asked = server.asked[0]
    assert asked.target == "/base/api?q=a+b%26c"
    assert asked.headers["accept-encoding"] == "gzip"
    assert asked.headers["user-agent"].startswith("incident-console/")
    assert asked.headers["x-one"] == "1"
    assert site.cost.queries == 1 and site.cost.bytes == 7
    (cost,) = door.costs()
    assert (cost.origin, cost.used_per_min, cost.allowed_per_min, cost.total) == (
        f"127.0.0.1:{server.port}",
        1,
        600,
        site.cost,
    )


async def test_the_query_of_a_configured_address_is_kept(door: HttpDoor) -> None:
    async with serving(answer()) as server:
        await door.site(server.url + "/metrics?format=text").get()
    assert server.asked[0].target == "/metrics?format=text"


async def test_row_1_a_closed_port_is_known_within_a_second(door: HttpDoor) -> None:
    asking = Stopwatch()
    with pytest.raises(SourceUnavailable, match="connection refused"):
        await door.site(f"http://127.0.0.1:{free_port()}").get("/x")
    assert asking.seconds() < 1.0


async def test_row_1_a_name_that_does_not_resolve(make_door: MakeDoor) -> None:
    async def nowhere(host: str, port: int) -> Sequence[str]:
        raise SourceUnavailable(f"{host}: the name does not resolve: no such name")

    door = make_door(resolve=nowhere)
    with pytest.raises(SourceUnavailable, match="does not resolve"):
        await door.site("http://prometheus.invalid").get()


async def test_row_1_the_real_resolver_says_so_too(door: HttpDoor) -> None:
    with pytest.raises((SourceUnavailable, SourceTimeout), match=r"resolve"):
        await door.site("http://no-such-host.invalid").get(deadline_s=5)


async def test_row_2_a_server_that_never_answers_costs_the_deadline_and_not_the_loop(door: HttpDoor) -> None:
    gaps: list[float] = []
    beating = asyncio.Event()

    async def heartbeat() -> None:
        while True:
            before = time.monotonic()
            await asyncio.sleep(0.01)
            gaps.append(time.monotonic() - before - 0.01)
            beating.set()

    async with serving(silence) as server, asyncio.TaskGroup() as group:
        beat = group.create_task(heartbeat())
        await beating.wait()
        started, asking = time.monotonic(), Stopwatch()
        with pytest.raises(SourceTimeout, match=r"no complete answer within 0\.4 s"):
            await door.site(server.url).get(deadline_s=0.4)
        assert time.monotonic() - started > 0.3 and asking.seconds() < 1.5
        beat.cancel()
    assert sorted(gaps)[len(gaps) // 2] < 0.1


async def test_row_3_a_drip_is_held_to_the_deadline_of_the_whole(door: HttpDoor) -> None:
    async with serving(drip()) as server:
        asking = Stopwatch()
        with pytest.raises(SourceTimeout):
            await door.site(server.url).get(deadline_s=0.5)
        assert asking.seconds() < 1.5


@pytest.mark.parametrize(
    ("status", "kind", "said"),
    [
        ("503 Service Unavailable", SourceUnavailable, r"503: too \^\[\[31mbusy"),
        ("500 Oops", SourceUnavailable, "500"),
        ("422 Unprocessable", SourceRefused, "422"),
        ("400 Bad Request", SourceRefused, "400"),
        ("401 Unauthorized", SourceRefused, "wants a token"),
        ("403 Forbidden", SourceRefused, "may not read"),
        ("404 Not Found", SourceRefused, "nothing at this address"),
        ("429 Too Many Requests", SourceThrottled, "asks us to wait"),
    ],
)
async def test_row_4_error_statuses_are_named_and_made_safe(
    door: HttpDoor, status: str, kind: type[SourceError], said: str
) -> None:
    body = b'{"status":"error","errorType":"x","error":"too \x1b[31mbusy"}'.replace(b"\x1b", b"\\u001b")
    async with serving(answer(body, status)) as server:
        with pytest.raises(kind, match=said) as caught:
            await door.site(server.url).get("/q")
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize("body", [b"<html><title>Bad  gateway</title>", b"plain\nwords", b""])
async def test_row_4_error_bodies_of_every_form_are_survived(door: HttpDoor, body: bytes) -> None:
    async with serving(answer(body, "502 Bad Gateway")) as server:
        with pytest.raises(SourceUnavailable, match=r"“Bad gateway”|plain words|no explanation"):
            await door.site(server.url).get()


async def test_row_5_retry_after_is_honoured_for_its_whole_length(make_door: MakeDoor) -> None:
    now = 1000.0
    door = make_door(Budget(requests_per_minute=600), monotonic=lambda: now)
    async with serving(answer(b"", "429 Too Many Requests", retry_after="20")) as server:
        site = door.site(server.url)
        with pytest.raises(SourceThrottled) as first:
            await site.get()
        assert first.value.retry_after_s == 20
        for later in (0.0, 10.0, 19.9):
            now = 1000.0 + later
            with pytest.raises(SourceThrottled, match="it asked us to wait") as caught:
                await site.get()
            assert caught.value.retry_after_s == pytest.approx(20 - later)
        assert len(server.asked) == 1
        server.behave = answer()
        now = 1020.0
        assert (await site.get()).status == 200
        assert len(server.asked) == 2


async def test_row_5_retry_after_may_be_a_date(door: HttpDoor) -> None:
    at = datetime(2026, 11, 23, 14, 0, tzinfo=UTC)
    behave = answer(
        b"",
        "503 Service Unavailable",
        date=format_datetime(at, usegmt=True),
        retry_after=format_datetime(at + timedelta(seconds=30), usegmt=True),
    )
    async with serving(behave) as server:
        with pytest.raises(SourceThrottled) as caught:
            await door.site(server.url).get()
    assert caught.value.retry_after_s == 30


async def test_row_8_a_body_that_is_cut_is_no_answer(door: HttpDoor) -> None:
    async with serving(cut(b'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"status":')) as server:
        with pytest.raises(SourceGarbage, match="cut"):
            await door.site(server.url).get()
        server.behave = cut(b"")
        with pytest.raises(SourceGarbage, match="cut"):
            await door.site(server.url).get()
        server.behave = cut(b"SSH-2.0-OpenSSH_9.2\r\n")
        with pytest.raises(SourceGarbage, match="no HTTP"):
            await door.site(server.url).get()


async def test_row_8_json_that_is_none(door: HttpDoor) -> None:
    for body in (b'{"status":"succ', b"[" * 100_000, b"\xff\xfe", b'"text"'):
        async with serving(answer(body)) as server:
            got = await door.site(server.url).get()
            with pytest.raises(SourceGarbage, match="not Prometheus"):
                decoded(got, dict[str, str], "Prometheus")


def bomb(size: int) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    zeros = bytes(1 << 20)
    return b"".join(packer.compress(zeros) for _ in range(size >> 20)) + packer.flush()


BOMBED = """
import asyncio, resource
from sources.base import SourceGarbage
from sources.http import HttpDoor
from tests.http.fault_server import answer, serving
from tests.http.test_door import bomb

async def main() -> None:
    packed = bomb(300 << 20)
    assert len(packed) < 400_000
    async with HttpDoor() as door, serving(answer(b"warm")) as server:
        site = door.site(server.url)
        await site.get()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        server.behave = answer(packed, content_encoding="gzip")
        try:
            await site.get()
        except SourceGarbage as error:
            print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, error)

asyncio.run(main())
"""


@pytest.mark.slow
def test_row_15_a_gzip_bomb_is_refused_and_costs_little_memory() -> None:
    # In a process of its own: the most memory that a process ever held is known only of the process as a whole.
    done = subprocess.run([sys.executable, "-c", BOMBED], capture_output=True, text=True, timeout=60, check=True)
    grown_kb, _, said = done.stdout.partition(" ")
    assert re.search(r"unfolds to more than \d+ MB", said)
    assert int(grown_kb) < 20_000


async def test_a_large_raw_body_is_refused(door: HttpDoor) -> None:
    async with serving(answer(bytes(9 << 20))) as server:
        with pytest.raises(SourceGarbage, match="larger than 8 MB"):
            await door.site(server.url).get()


async def test_gzip_bodies_of_several_members_and_cut_ones(door: HttpDoor) -> None:
    async with serving(answer(gzip.compress(b"one ") + gzip.compress(b"two"), content_encoding="gzip")) as server:
        assert (await door.site(server.url).get()).body == b"one two"
        server.behave = answer(gzip.compress(b"x" * 5000)[:-10], content_encoding="gzip")
        with pytest.raises(SourceGarbage, match="middle of its gzip"):
            await door.site(server.url).get()
        server.behave = answer(b"not gzip", content_encoding="gzip")
        with pytest.raises(SourceGarbage, match="no valid gzip"):
            await door.site(server.url).get()
        server.behave = answer(b"?", content_encoding="br")
        with pytest.raises(SourceGarbage, match="only gzip was asked for"):
            await door.site(server.url).get()


async def test_row_16_a_redirect_is_named_and_never_followed(door: HttpDoor) -> None:
    behave = answer(b"", "302 Found", location="http://169.254.169.254/latest/meta-data/\x1b[2J")
    async with serving(behave) as server:
        with pytest.raises(SourceRefused, match=re.escape("http://169.254.169.254/latest/meta-data/")) as caught:
            await door.site(server.url).get()
        assert len(server.asked) == 1
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize(
    "host",
    [
        "169.254.169.254",
        "[fd00:ec2::254]",
        "[fe80::1]",
        "[::ffff:169.254.169.254]",
        "[64:ff9b::a9fe:a9fe]",
        "[2002:a9fe:a9fe::1]",
        "100.100.100.200",
        "0.0.0.0",
        "[::]",
        "224.0.0.1",
        "255.255.255.255",
    ],
)
async def test_row_16_metadata_addresses_are_never_asked(door: HttpDoor, host: str) -> None:
    with pytest.raises(SourceRefused, match="never asked"):
        await door.site(f"http://{host}").get(deadline_s=1)


async def test_row_16_a_name_that_leads_to_a_metadata_address_is_refused_even_beside_a_good_one(
    make_door: MakeDoor,
) -> None:
    answers = [["127.0.0.1"], ["127.0.0.1", "169.254.169.254"]]
    names: list[str] = []

    async def rebinding(host: str, port: int) -> Sequence[str]:
        names.append(host)
        return answers[min(len(names), len(answers)) - 1]

    async def close_after(asked: Asked, writer: asyncio.StreamWriter) -> None:
        await answer(connection="close")(asked, writer)

    door = make_door(Budget(timeout="2s"), resolve=rebinding)
    async with serving(close_after) as server:
        site = door.site(f"http://prometheus.test:{server.port}")
        assert (await site.get()).status == 200
        assert server.asked[0].headers["host"] == f"prometheus.test:{server.port}"
        with pytest.raises(SourceRefused, match=r"prometheus\.test leads to 169\.254\.169\.254"):
            await site.get()
        assert names == [
            "prometheus.test",
            "prometheus.test",
        ]  # once per connection: no second look-up to answer otherwise


async def test_a_second_address_is_tried_when_the_first_refuses(make_door: MakeDoor) -> None:
    async def both(host: str, port: int) -> Sequence[str]:
        return ["::1", "127.0.0.1"]

    door = make_door(Budget(timeout="2s"), resolve=both)
    async with serving(answer()) as server:
        assert (await door.site(f"http://two.test:{server.port}").get()).status == 200


@asynccontextmanager
async def speaking_no_tls() -> AsyncIterator[int]:
    async def answers_anything(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")
        writer.close()

    listener = await asyncio.start_server(answers_anything, "127.0.0.1", 0)
    async with listener:
        yield listener.sockets[0].getsockname()[1]


def server_context(ca: trustme.CA, *names: str, not_after: datetime | None = None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert(*names, not_after=not_after).configure_cert(context)
    return context


async def test_row_17_tls_is_verified_and_the_reason_is_exact(make_door: MakeDoor) -> None:
    ca, other = trustme.CA(), trustme.CA()
    context = ssl.create_default_context()
    ca.configure_trust(context)
    door = make_door(Budget(timeout="2s"), context=context)
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)
    cases = [
        (server_context(other, "127.0.0.1"), "certificate refused: (self-signed|unable to get local issuer)"),
        (server_context(ca, "127.0.0.1", not_after=long_ago), "certificate refused: certificate has expired"),
        (server_context(ca, "elsewhere.test"), "certificate refused: IP address mismatch"),
    ]
    for broken, reason in cases:
        async with serving(answer(), broken) as server:
            with pytest.raises(SourceRefused, match=reason):
                await door.site(server.url).get()
            assert not server.asked
    async with serving(answer(), server_context(ca, "127.0.0.1")) as server:
        assert (await door.site(server.url).get()).status == 200
    async with speaking_no_tls() as port:
        with pytest.raises(SourceRefused, match="http instead of https"):
            await door.site(f"https://127.0.0.1:{port}").get()


async def test_row_18_a_login_page_is_not_the_program_that_was_asked(door: HttpDoor) -> None:
    page = b"<!DOCTYPE html><html><head><title>Sign in</title></head>"
    async with serving(answer(page, content_type="text/html; charset=utf-8")) as server:
        got = await door.site(server.url).get()
        with pytest.raises(SourceGarbage, match="not Prometheus: an HTML page “Sign in”"):
            decoded(got, dict[str, object], "Prometheus")


@pytest.mark.parametrize("ahead", [90.0, -3600.0, 0.0])
async def test_row_19_the_skew_of_the_other_clock_is_measured(ahead: float, make_door: MakeDoor) -> None:
    door = make_door(clock=lambda: 1_800_000_000.25)
    date = format_datetime(datetime.fromtimestamp(1_800_000_000 + ahead, UTC), usegmt=True)
    async with serving(answer(date=date)) as server:
        got = await door.site(server.url).get()
        assert got.skew_s is not None
        assert abs(got.skew_s - ahead) <= got.skew_margin_s + 0.5
        server.behave = answer(date=date, age="40")
        assert (await door.site(server.url).get()).skew_s is None
        server.behave = answer(date="soon")
        assert (await door.site(server.url).get()).skew_s is None


async def test_row_20_a_wall_clock_that_steps_back_blocks_nobody(make_door: MakeDoor) -> None:
    wall = iter([5000.0, 10.0, 9000.0, 2.0, 1.0, 0.0, 0.0, 0.0])
    door = make_door(Budget(requests_per_minute=3), clock=lambda: next(wall))
    async with serving(answer()) as server:
        for _ in range(3):
            assert (await door.site(server.url).get()).elapsed_s < 2
        with pytest.raises(SourceThrottled):
            await door.site(server.url).get()


async def test_the_budget_of_an_origin_is_shared_and_never_exceeded(make_door: MakeDoor) -> None:
    now = 0.0
    door = make_door(Budget(requests_per_minute=5), monotonic=lambda: now)
    sent: list[float] = []
    async with serving(answer()) as server:
        one, two = door.site(server.url), door.site(server.url + "/other")
        for tenth in range(2000):
            now = tenth / 10
            try:
                await (one if tenth % 2 else two).get()
                sent.append(now)
            except SourceThrottled as error:
                assert error.retry_after_s is not None and error.retry_after_s > 0
                assert "budget of 5 requests a minute" in str(error)
        assert len(server.asked) == len(sent)
    assert all(later - earlier > MINUTE - 1e-6 for earlier, later in zip(sent, sent[5:], strict=False))
    assert len(sent) >= 15


async def test_no_more_requests_at_once_than_configured(make_door: MakeDoor) -> None:
    door = make_door(Budget(requests_per_minute=100, concurrent=2, timeout="5s"))
    together = asyncio.Event()

    async def two_at_once(asked: Asked, writer: asyncio.StreamWriter) -> None:
        if server.open_now == 2:
            together.set()
        await together.wait()
        await answer()(asked, writer)

    async with serving(two_at_once) as server:
        site = door.site(server.url)
        await asyncio.gather(*(site.get() for _ in range(8)))
        assert (len(server.asked), server.most_open) == (8, 2)


async def test_a_kept_connection_that_was_closed_meanwhile_is_no_failure(door: HttpDoor) -> None:
    served: set[int] = set()

    async def once_per_connection(asked: Asked, writer: asyncio.StreamWriter) -> None:
        if id(writer) in served:
            writer.close()  # as a server does whose patience ended while the request was on its way
            return
        served.add(id(writer))
        alive.append(writer)
        await answer()(asked, writer)

    alive: list[asyncio.StreamWriter] = []  # so that no id is given twice
    async with serving(once_per_connection) as server:
        site = door.site(server.url)
        for _ in range(4):
            assert (await site.get()).status == 200
        assert len(server.asked) == 7 and site.cost.queries == 4


async def test_proxies_of_the_environment_are_not_used(door: HttpDoor, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    async with serving(answer()) as server:
        assert (await door.site(server.url).get()).status == 200


async def test_a_token_goes_to_its_own_site_only(door: HttpDoor) -> None:
    token = token_of(Secret(token_env="T"), "[[metrics]] prod", lambda p: p, {"T": "s3cret"})  # type: ignore[arg-type,return-value]
    async with serving(answer()) as first, serving(answer()) as second:
        await door.site(first.url, token).get()
        await door.site(second.url).get()
        await door.site(first.url).get()
    assert [a.headers.get("authorization") for a in (*first.asked, *second.asked)] == ["Bearer s3cret", None, None]
    assert "s3cret" not in repr(token)


@pytest.mark.parametrize(
    "url", ["ftp://x", "file:///etc/passwd", "127.0.0.1:9090", "http://", "http://u:p@h", "http://h:x"]
)
def test_addresses_that_are_none_are_refused(door: HttpDoor, url: str) -> None:
    with pytest.raises(SourceRefused) as caught:
        door.site(url)
    assert "u:p" not in str(caught.value)


async def test_paths_stay_below_the_base(door: HttpDoor) -> None:
    site = door.site("http://127.0.0.1:1/base")
    for path in ("x", "//host/x/../..", "/a/../../b"):
        with pytest.raises(SourceRefused, match="no path below"):
            await site.get(path)
    with pytest.raises(SourceRefused, match="not sent"):
        await site.get("/q", params=[("query", "x" * 20_000)])


def test_asking_needs_no_heavy_import_before_the_first_request() -> None:
    code = "import sys, sources.http, sources.metrics, sources.traces; sys.exit('httpx' in sys.modules or 'numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=30).returncode == 0
