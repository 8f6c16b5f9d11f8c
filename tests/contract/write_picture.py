"""Takes the README's picture from the running program: `python -m tests.contract.write_picture`."""

from __future__ import annotations

import asyncio
import re
import signal
import subprocess
import sys
from pathlib import Path

from console.app import IncidentConsole
from console.config.load import load
from console.live.process import ProcessLink

PICTURE = Path(__file__).parents[2] / "docs" / "overview.svg"
SIZE = (120, 40)
WAIT_S = 120.0


async def picture(config: Path) -> str:
    """The overview once the outside provider leads the suspects, as SVG without fonts from elsewhere."""
    app = IncidentConsole(load(config), ProcessLink(config))
    async with app.run_test(size=SIZE) as pilot, asyncio.timeout(WAIT_S):
        while not any(s.kind == "third_party" for s in app.session.latest.suspects.suspects[:1]):
            await pilot.pause(0.5)
        app.show_now()
        await pilot.pause()
        return re.sub(r"@font-face \{.*?\}", "", app.export_screenshot(title="incident"), flags=re.DOTALL)


def main() -> None:
    """Start the practice system, look, and end it."""
    argv = [sys.executable, "-m", "console.cli", "demo", "third-party-slow", "--headless", "--seed", "7"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            PICTURE.parent.mkdir(exist_ok=True)
            PICTURE.write_text(asyncio.run(picture(Path(process.stdout.readline().strip()))), "utf-8")
        finally:
            process.send_signal(signal.SIGTERM)


if __name__ == "__main__":
    main()
