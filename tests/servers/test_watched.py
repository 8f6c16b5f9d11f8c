"""The door and the probes against real nginx and redis: what a watched system really answers when parts of it fail."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from console.config.models import Budget, DependencyConfig
from console.domain.topology import Health, ProbeResult
from sources.base import SourceRefused, SourceTimeout, SourceUnavailable
from sources.health import build
from sources.http import HttpDoor
from tests.servers.running import Program, answers, free_port

pytestmark = pytest.mark.slow

NGINX = """
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
{user}
events {{ worker_connections 64; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  gzip on; gzip_types *; gzip_min_length 10;
  limit_req_zone $binary_remote_addr zone=one:1m rate=1r/m;
  server {{
    listen 127.0.0.1:{port};
    location /ok {{ return 200 "{words}"; }}
    location /moved {{ return 301 http://169.254.169.254/; }}
    location /status {{ stub_status; }}
    location /dead {{ proxy_pass http://127.0.0.1:{dead}; }}
    location /silent {{ proxy_pass http://127.0.0.1:{silent}; proxy_read_timeout 1s; }}
    location /never {{ proxy_pass http://127.0.0.1:{silent}; proxy_read_timeout 60s; }}
    location /limited {{ limit_req zone=one; limit_req_status 429; stub_status; }}
    location /secret {{ return 401; }}
  }}
}}
"""
WORDS = "many words " * 300


@pytest.fixture(scope="module")
def nginx(servers: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder, port = tmp_path_factory.mktemp("nginx"), free_port()
    with socket.socket() as silent:  # takes connections, and never answers
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        settings = folder / "nginx.conf"
        user = "user root;" if os.geteuid() == 0 else ""
        ports = {"port": port, "dead": free_port(), "silent": silent.getsockname()[1]}
        settings.write_text(NGINX.format(folder=folder, words=WORDS, user=user, **ports))
        command = [str(servers / "usr/sbin/nginx"), "-c", str(settings), "-e", str(folder / "error.log")]
        server = Program(command, lambda: answers(f"http://127.0.0.1:{port}/ok"), folder, servers)
        server.start()
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            server.stop()


@pytest.fixture
async def door() -> AsyncIterator[HttpDoor]:
    async with HttpDoor(Budget(requests_per_minute=600, timeout="2s")) as opened:
        yield opened


async def test_nginx_compresses_and_we_unfold(door: HttpDoor, nginx: str) -> None:
    site = door.site(nginx)
    answer = await site.get("/ok")
    assert answer.headers["content-encoding"] == "gzip" and answer.body.decode() == WORDS
    assert site.cost.bytes < len(WORDS) / 4
    assert answer.skew_s is not None and abs(answer.skew_s) < 2


async def test_nginx_tells_what_is_behind_it(door: HttpDoor, nginx: str) -> None:
    site = door.site(nginx)
    with pytest.raises(SourceUnavailable, match="502: an HTML page “502 Bad Gateway”"):
        await site.get("/dead")
    with pytest.raises(SourceUnavailable, match="504: an HTML page “504 Gateway Time-out”"):
        await site.get("/silent")
    with pytest.raises(SourceTimeout, match="within 2 s"):
        await site.get("/never")
    with pytest.raises(SourceRefused, match=r"sends on to http://169\.254\.169\.254/"):
        await site.get("/moved")
    with pytest.raises(SourceRefused, match="401"):
        await site.get("/secret")


async def probe(door: HttpDoor, url: str) -> ProbeResult:
    (source,) = build((), (DependencyConfig(name="edge", probe=url),), door)
    return await source.probe(time.time())


@pytest.mark.parametrize(
    ("path", "health", "words"),
    [
        ("/ok", Health.HEALTHY, "200"),
        ("/dead", Health.DOWN, "502 Bad Gateway"),
        ("/silent", Health.DOWN, "504 Gateway Time-out"),
        ("/never", Health.DOWN, "no complete answer within 3 s"),
        ("/secret", Health.DEGRADED, "401"),
    ],
)
async def test_probes_of_nginx(door: HttpDoor, nginx: str, path: str, health: Health, words: str) -> None:
    result = await probe(door, nginx + path)
    assert result.health is health and words in result.detail, result.detail


async def test_nginx_limits_how_often_it_is_asked(door: HttpDoor, nginx: str) -> None:
    results = [await probe(door, nginx + "/limited") for _ in range(2)]
    assert [r.health for r in results] == [Health.HEALTHY, Health.DEGRADED]
    assert "429" in results[1].detail


async def test_redis_up_killed_and_up_again(door: HttpDoor, servers: Path, tmp_path: Path) -> None:
    port = free_port()

    def ready() -> bool:
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", port)) == 0

    command = [
        str(servers / "usr/bin/redis-server"),
        "--port",
        str(port),
        "--bind",
        "127.0.0.1",
        "--dir",
        str(tmp_path),
        "--save",
        "",
    ]
    server = Program(command, ready, tmp_path, servers)
    server.start()
    try:
        up = await probe(door, f"tcp://127.0.0.1:{port}")
        assert up.health is Health.HEALTHY
        server.kill()
        down = await probe(door, f"tcp://127.0.0.1:{port}")
        assert (down.health, down.detail) == (Health.DOWN, "connection refused")
        server.start()
        assert (await probe(door, f"tcp://127.0.0.1:{port}")).health is Health.HEALTHY
        assert (await probe(door, f"tls://127.0.0.1:{port}")).health is Health.DOWN  # it speaks no TLS
    finally:
        server.stop()
