"""Takes the README's picture: `python -m tests.contract.write_picture`.

It starts the practice system, records the state in which its fault has been found, and paints it. With `--again` the state that was
recorded before is painted once more, which is enough where only the look has changed.
"""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

import msgspec

from console.live.process import ProcessLink
from console.state import ConsoleState
from tests.contract.picture import PICTURE, RECORDED, painted, recorded

WAIT_S = 240.0
SETTLED_S = 75.0
"""How long it has to lead: by then the numbers are not those of the first requests alone, and the verdict stands."""


async def observed(config: Path) -> ConsoleState:
    """A state in which the outside provider leads the suspects and has done so for a while."""
    since: float | None = None
    found: asyncio.Future[ConsoleState] = asyncio.get_running_loop().create_future()

    def take(state: ConsoleState) -> None:
        nonlocal since
        leads = any(s.kind == "third_party" for s in state.suspects.suspects[:1])
        since = (since or state.now) if leads else None
        if since is not None and state.now - since >= SETTLED_S and not found.done():
            found.set_result(state)

    link = ProcessLink(config)
    running = asyncio.ensure_future(link.run(take))
    try:
        async with asyncio.timeout(WAIT_S):
            return await found
    except TimeoutError:
        raise SystemExit(
            "the provider never led the suspects for long enough: the verdict is not worth a picture"
        ) from None
    finally:
        running.cancel()
        await link.close()


def record() -> None:
    """Start the practice system, look, and end it."""
    argv = [sys.executable, "-m", "console.cli", "demo", "third-party-slow", "--headless", "--seed", "7"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            state = asyncio.run(observed(Path(process.stdout.readline().strip())))
        finally:
            process.send_signal(signal.SIGTERM)
    RECORDED.write_bytes(msgspec.msgpack.encode(state))


if __name__ == "__main__":
    if "--again" not in sys.argv:
        record()
    PICTURE.write_text(asyncio.run(painted(recorded())), "utf-8")
