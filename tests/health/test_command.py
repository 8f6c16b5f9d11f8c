"""`incident health` on real sockets: what it prints, and the exit code that goes with it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from console.cli import incident
from console.cli.health import exit_code, summary, table
from console.cli.outcome import Exit, run_guarded
from console.domain.topology import Health, ProbeResult
from console.guard.sanitise import safe
from tests.http.fault_server import FaultServer, answer, serving
from tests.waiting import PATIENCE_S, Stopwatch

ENDS_S = 2.0
"""From the last target that is given up to the exit of the command."""


def free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


@pytest.fixture
async def server() -> AsyncIterator[FaultServer]:
    async with serving(answer(b'{"status":"ok"}')) as running:
        yield running


def configured(folder: Path, *tables: tuple[str, str, str], further: str = "") -> Path:
    """A configuration of tables: service or kind of the dependency, name, probe."""
    lines = []
    for kind, name, probe in tables:
        lines.append("[[service]]" if kind == "service" else f'[[dependency]]\nkind = "{kind}"')
        lines.append(f'name = "{name}"' + (f'\nprobe = "{probe}"' if probe else ""))
    path = folder / "incident.toml"
    path.write_text("\n".join([*lines, further]))
    return path


async def run(path: Path, *options: str) -> Result:
    """The command, in a thread, so that servers of the test can answer it."""

    def command() -> Result:
        def guarded() -> int:
            returned = incident.main(["health", "--config", str(path), *options], standalone_mode=False)
            assert isinstance(returned, int)
            return returned

        class Guarded:
            """What the runner calls: the same that the program's entry point does."""

            name = "incident"

            @staticmethod
            def main(**_: object) -> None:
                sys.exit(run_guarded(guarded))

        return CliRunner().invoke(Guarded, [])  # type: ignore[arg-type]

    return await asyncio.to_thread(command)


async def test_everything_healthy_is_0(tmp_path: Path, server: FaultServer) -> None:
    path = configured(tmp_path, ("service", "checkout", server.url + "/healthz"), ("dns", "names", "dns://localhost"))
    done = await run(path)
    assert done.exit_code == Exit.DONE, done.output
    heading, first, second, empty, last = done.stdout.splitlines()
    assert heading.split() == ["NAME", "KIND", "STATE", "TARGET", "DETAIL"]
    assert first.split()[:4] == ["checkout", "service", "healthy", server.url + "/healthz"]
    assert second.split()[:4] == ["names", "dns", "healthy", "dns://localhost"]
    assert (empty, last) == ("", "2 of 2 healthy.")
    for word in ("KIND", "STATE", "TARGET", "DETAIL"):
        assert first[heading.index(word) - 1] == second[heading.index(word) - 1] == " "
        assert first[heading.index(word)] != " " != second[heading.index(word)]
    assert "\x1b" not in done.stdout
    assert [asked.target for asked in server.asked] == ["/healthz"], "each is asked once"


async def test_one_down_is_1_and_the_json_says_why(tmp_path: Path, server: FaultServer) -> None:
    port = free_port()
    path = configured(
        tmp_path, ("service", "checkout", f"{server.url}/?token=geheim"), ("database", "db", f"tcp://127.0.0.1:{port}")
    )
    before = time.time()
    done = await run(path, "--json")
    assert done.exit_code == Exit.INCIDENT
    up, down = json.loads(done.stdout)
    assert list(up) == ["name", "kind", "target", "state", "latency", "detail", "checked_at", "certificate_ends"]
    assert (up["name"], up["kind"], up["state"]) == ("checkout", "service", "healthy")
    assert 0 < up["latency"] < 3
    assert before - 1 < datetime.fromisoformat(up["checked_at"]).timestamp() < time.time() + 1
    assert down == {
        "name": "db",
        "kind": "database",
        "target": f"tcp://127.0.0.1:{port}",
        "state": "down",
        "latency": None,
        "detail": "connection refused",
        "checked_at": up["checked_at"],
        "certificate_ends": None,
    }
    assert "geheim" not in done.output


async def test_plain_is_one_sentence_a_line(tmp_path: Path) -> None:
    port = free_port()
    further = '[console]\ntimezone = "Asia/Kathmandu"'
    done = await run(configured(tmp_path, ("cache", "kv", f"tcp://127.0.0.1:{port}"), further=further), "--plain")
    assert done.exit_code == Exit.INCIDENT
    assert done.stdout.startswith(f"kv, cache, tcp://127.0.0.1:{port}: down, connection refused, checked at ")
    assert done.stdout.endswith(".\n") and done.stdout.count("\n") == 1


async def test_only_the_named_service_is_asked(tmp_path: Path, server: FaultServer) -> None:
    path = configured(
        tmp_path,
        ("service", "checkout", server.url + "/a"),
        ("third_party", "cardpay", server.url + "/b"),
        ("service", "quiet", ""),
    )
    done = await run(path, "--service", "cardpay")
    assert done.exit_code == Exit.DONE and "1 of 1 healthy." in done.stdout
    assert [asked.target for asked in server.asked] == ["/b"]
    without = await run(path, "--service", "quiet")
    assert without.exit_code == Exit.USAGE and "quiet: no probe is configured" in without.stderr
    unknown = await run(path, "--service", "chekout")
    assert unknown.exit_code == Exit.USAGE and "no service 'chekout'" in unknown.stderr


async def test_the_past_is_not_asked(tmp_path: Path, server: FaultServer) -> None:
    path = configured(tmp_path, ("service", "checkout", server.url))
    done = await run(path, "--at", "-1h")
    assert (done.exit_code, done.stdout) == (Exit.INCONCLUSIVE, "")
    assert "probes see the present" in done.stderr
    as_json = await run(path, "--at", "-1h", "--json")
    assert as_json.exit_code == Exit.INCONCLUSIVE
    (row,) = json.loads(as_json.stdout)
    assert (row["state"], row["checked_at"], row["latency"]) == ("unknown", None, None)
    assert server.asked == []


async def test_a_window_changes_nothing_and_that_is_said(tmp_path: Path, server: FaultServer) -> None:
    done = await run(configured(tmp_path, ("service", "checkout", server.url)), "--since", "-2h")
    assert done.exit_code == Exit.DONE and "--since" in done.stderr


async def test_nothing_that_may_be_asked_is_4(tmp_path: Path) -> None:
    done = await run(configured(tmp_path, ("other", "metadata", "http://169.254.169.254/latest")))
    assert done.exit_code == Exit.SOURCES_DOWN
    assert "link-local or metadata address" in done.stdout and "0 of 1 healthy; unknown: metadata." in done.stdout


async def test_without_probes_the_reader_learns_how_to_add_one(tmp_path: Path) -> None:
    done = await run(configured(tmp_path, ("service", "checkout", "")))
    assert done.exit_code == Exit.USAGE
    assert 'probe = "tcp://127.0.0.1:5432"' in done.stderr and str(tmp_path) in done.stderr


async def test_a_bad_address_names_file_and_table(tmp_path: Path) -> None:
    path = configured(tmp_path, ("database", "db", "postgres://127.0.0.1"))
    for options in ((), ("--at", "-1h")):
        done = await run(path, *options)
        assert done.exit_code == Exit.USAGE
        assert done.stderr.startswith(f"{path}: [[dependency]] db: probe 'postgres://127.0.0.1' cannot be asked")


def result(name: str, health: Health, at: float = 5.0) -> ProbeResult:
    return ProbeResult(name, safe("tcp://a:1"), health, None, safe("words"), at)


@pytest.mark.parametrize(
    ("states", "code"),
    [
        ("healthy healthy", Exit.DONE),
        ("healthy degraded", Exit.INCIDENT),
        ("unknown down", Exit.INCIDENT),
        ("healthy unknown", Exit.INCONCLUSIVE),
        ("unknown unknown", Exit.SOURCES_DOWN),
    ],
)
def test_exit_codes(states: str, code: Exit) -> None:
    assert exit_code([result("a", Health(word)) for word in states.split()]) == code


def test_the_summary_names_what_is_wrong() -> None:
    results = [result("a", Health.DOWN), result("b", Health.HEALTHY), result("c", Health.DOWN)]
    assert summary([*results, result("d", Health.UNKNOWN)]) == "1 of 4 healthy; down: a, c; unknown: d."


def test_columns_stand_under_their_headings_with_wide_names_and_colour() -> None:
    results = [result("決済", Health.DOWN), result("a\x1b[2J", Health.HEALTHY)]
    kinds = {"決済": "cache", "a\x1b[2J": "other"}
    heading, wide, hostile = table(results, kinds)
    assert heading == "NAME    KIND   STATE    TARGET     DETAIL"
    assert wide == "決済    cache  down     tcp://a:1  words"
    assert hostile == "a^[[2J  other  healthy  tcp://a:1  words"
    coloured = table(results, kinds, lambda text, health: f"<{text}>")
    assert coloured[1] == "決済    cache  <down   >  tcp://a:1  words"


def started(folder: Path, config: Path) -> subprocess.Popen[bytes]:
    """The program itself; what it writes goes to the files `out` and `err`."""
    command = [sys.executable, "-m", "console.cli", "health", "--json", "--config", str(config)]
    with (folder / "out").open("wb") as out, (folder / "err").open("wb") as err:
        return subprocess.Popen(command, stdout=out, stderr=err)


@pytest.mark.slow
async def test_the_program_itself_ends_with_the_code_and_asks_all_at_once(tmp_path: Path) -> None:
    """Three targets that never answer take the time of one, and when they are given up the command is at its end."""
    held: set[asyncio.StreamWriter] = set()
    at_once: list[int] = []
    given_up: asyncio.Queue[float] = asyncio.Queue()

    async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        held.add(writer)
        at_once.append(len(held))
        with contextlib.suppress(ConnectionError):
            await reader.read()
        held.discard(writer)
        given_up.put_nowait(watch.seconds())
        writer.close()

    async with contextlib.AsyncExitStack() as stack:
        servers = [await stack.enter_async_context(await asyncio.start_server(hold, "127.0.0.1", 0)) for _ in range(3)]
        ports = [server.sockets[0].getsockname()[1] for server in servers]
        tables = [("other", f"d{n}", f"tls://127.0.0.1:{port}") for n, port in enumerate(ports)]
        process = stack.enter_context(started(tmp_path, configured(tmp_path, *tables)))
        stack.callback(process.kill)
        watch = Stopwatch(process.pid)

        def ended() -> float:
            """It is looked at before it is waited for, since nothing tells of a process after that."""
            os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
            return watch.seconds()

        whole = await asyncio.wait_for(asyncio.to_thread(ended), PATIENCE_S)
        took = [await asyncio.wait_for(given_up.get(), PATIENCE_S) for _ in servers]
        assert at_once == [1, 2, 3] and max(took) < 3 * 3
        assert whole - max(took) < ENDS_S
    assert process.returncode == Exit.INCIDENT and (tmp_path / "err").read_bytes() == b""
    assert [row["detail"] for row in json.loads((tmp_path / "out").read_bytes())] == ["no connection within 3 s"] * 3
