"""Runs a command that a person gave as a server on loopback, for as long as it is asked, and ends all that it started."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Collection, Sequence
from pathlib import Path

HOST = "127.0.0.1"
START_S = 30.0
"""Until it takes a connection."""
END_S = 3.0
"""Between SIGTERM and SIGKILL."""
POLL_S = 0.05
TOLD_BYTES = 4096
"""Of what it printed last, for the sentence that says why it does not run."""
PORT = "{port}"
"""What stands for the port in a command; it is in the environment as PORT too."""


class NotServed(Exception):
    """The server does not run; the text says why."""


def free_port() -> int:
    """A port of loopback that nobody listens at."""
    with socket.socket() as one:
        one.bind((HOST, 0))
        port: int = one.getsockname()[1]
        return port


@contextlib.asynccontextmanager
async def served(
    command: Sequence[str], folder: Path, port: int, log: Path, without: Collection[str] = ()
) -> AsyncIterator[None]:
    """Keep the server running inside the block.

    Args:
        command: As a list of arguments; no shell reads it.
        folder: Where it runs.
        port: Of loopback, where it will be asked.
        log: A file for what it prints.
        without: Variables of the environment that it does not get, such as the console's own credentials.

    Raises:
        NotServed: Somebody else listens there, it ended, or it takes no connection in time.
    """
    if await _listens(port):
        raise NotServed(f"somebody listens at {HOST}:{port} already, and would be asked in its place")
    arguments = [part.replace(PORT, str(port)) for part in command]
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("GIT_") and name not in without
    } | {"PORT": str(port), "HOST": HOST}
    log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    output = os.open(log, flags, 0o600)
    try:
        process = await asyncio.create_subprocess_exec(  # noqa: TID251 - the branch's own server, as a person typed it
            *arguments,
            cwd=folder,
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    except OSError as error:
        raise NotServed(f"{arguments[0]} cannot be run: {error.strerror}") from None
    finally:
        os.close(output)
    try:
        await _until_it_listens(process, port, log)
        yield
    finally:
        await _end(process)


async def _until_it_listens(process: Process, port: int, log: Path) -> None:
    try:
        async with asyncio.timeout(START_S):
            while not await _listens(port):
                if process.returncode is not None:
                    raise NotServed(f"the server ended with {process.returncode}: {_last_line(log)}")
                await asyncio.sleep(POLL_S)
    except TimeoutError:
        raise NotServed(
            f"the server takes no connection at {HOST}:{port} within {START_S:g} s: {_last_line(log)}"
        ) from None
    if process.returncode is not None:
        raise NotServed(f"the server ended with {process.returncode}: {_last_line(log)}")


def _last_line(log: Path) -> str:
    with contextlib.suppress(OSError), log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - TOLD_BYTES))
        lines = [line for line in file.read().decode("utf-8", "replace").splitlines() if line.strip()]
        if lines:
            return lines[-1]
    return "it printed nothing"


async def _listens(port: int) -> bool:
    try:
        async with asyncio.timeout(1.0):
            _, writer = await asyncio.open_connection(HOST, port)
    except (OSError, TimeoutError):
        return False
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return True


async def _end(process: Process) -> None:
    """End it and everything it started in its session."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, sign)
        try:
            async with asyncio.timeout(END_S):
                await process.wait()
        except TimeoutError:
            continue
        if sign is signal.SIGTERM:
            continue  # what it started may have outlived it
    await process.wait()
