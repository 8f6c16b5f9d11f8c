"""`incident run`: opens the console."""

from __future__ import annotations

import gc
import os
import sys
from pathlib import Path

import click

from console.cli.options import config_option, is_terminal, theme_option
from console.cli.outcome import Exit, NoScreen
from console.config.load import ConfigError, Loaded, load

LOW_BANDWIDTH = {"TEXTUAL_FPS": "4", "TEXTUAL_COLOR_SYSTEM": "standard"}
"""Over the environment below on slow links: a quarter of a second between two repaints, and sixteen colours."""
SCREEN_ENVIRONMENT = {
    "TEXTUAL_FPS": "60",
    "TEXTUAL_ANIMATIONS": "none",
}
"""Read by Textual when it is imported. A key is answered within a sixtieth of a second; what arrives is shown twice a second
whatever this says; nothing moves by itself."""


@click.command(name="run")
@config_option
@theme_option
def command(config_path: Path | None = None, theme: str | None = None) -> int:
    """Open the console on the configuration found."""
    loaded = load(config_path)
    if loaded.path is None or not (loaded.config.service or loaded.config.logs or loaded.config.metrics):
        raise ConfigError(
            f"{loaded.path or 'no configuration found'}: nothing to watch. "
            "Try `incident demo`, or start your own with `incident config init`."
        )
    return open_console(loaded, theme)


def open_console(loaded: Loaded, theme: str | None = None) -> int:
    """Open the screen; returns the exit code once it closed.

    Raises:
        NoScreen: There is no terminal that can show it.
    """
    prepare_screen(loaded)
    gc.disable()  # nothing is garbage while all is new, and looking for some costs a tenth of the start; the app enables it
    try:
        from console.app import run_console  # Textual reads the environment when it is imported

        return run_console(loaded, theme) or Exit.DONE
    finally:
        gc.enable()


def prepare_screen(loaded: Loaded) -> None:
    """Look whether there is a terminal, and set what Textual reads when it is imported.

    Raises:
        NoScreen: There is no terminal that can show it.
    """
    settings = loaded.config.console
    _require_terminal(settings.ascii)
    for key, value in {**SCREEN_ENVIRONMENT, **(LOW_BANDWIDTH if settings.low_bandwidth else {})}.items():
        os.environ.setdefault(key, value)


def _require_terminal(ascii_only: bool) -> None:
    """A screen needs a terminal with cursor movement, and with UTF-8 unless it is drawn in ASCII.

    Raises:
        NoScreen: With what to use instead.
    """
    instead = "use `incident diagnose --plain` for text, or `--json` for programs"
    if not (is_terminal(sys.stdin) and is_terminal(sys.stdout)):
        raise NoScreen(f"the console needs a terminal, and this is none: {instead}")
    if not is_terminal(sys.stderr):
        raise NoScreen(
            f"the screen is drawn on standard error, which is redirected: leave it to the terminal, or {instead}"
        )
    if os.environ.get("TERM", "dumb") in ("dumb", "unknown", ""):
        raise NoScreen(f"TERM={os.environ.get('TERM', '')} cannot move the cursor: {instead}")
    encoding = (sys.stdout.encoding or "").lower().replace("-", "")
    if encoding != "utf8" and not ascii_only:
        raise NoScreen(
            f"the terminal's encoding is {sys.stdout.encoding}, the console needs UTF-8: set LC_ALL=C.UTF-8, or ascii = true in [console], or {instead}"
        )
