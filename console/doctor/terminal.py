"""Whether the terminal can show the console, and what it will lack."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import field
from pathlib import Path

from console.doctor.finding import Finding, Level, finding
from console.domain.values import dataclass

LEAST_COLUMNS, LEAST_ROWS = 80, 24
TMUX_DEADLINE_S = 2.0
MOST_ANCESTORS = 32
INSTEAD = "use `incident diagnose --plain` for text, or `--json` for programs"


@dataclass(frozen=True, slots=True)
class Terminal:
    """What a process can know of its terminal."""

    is_tty: bool
    """Whether standard input or output is one."""
    encoding: str
    size: tuple[int, int] | None
    """Columns and rows."""
    environ: Mapping[str, str] = field(default_factory=dict)
    ancestors: tuple[str, ...] = ()
    """Names of the processes above this one."""
    tmux_clipboard: str = ""
    """tmux's option `set-clipboard`; empty where it is not known."""


async def this_terminal() -> Terminal:
    """The terminal of this process."""
    streams = [stream for stream in (sys.stdin, sys.stdout, sys.stderr) if stream is not None and stream.isatty()]
    size = None
    for stream in streams:
        try:
            size = tuple(os.get_terminal_size(stream.fileno()))
            break
        except OSError:
            continue
    return Terminal(
        bool(streams),
        sys.stdout.encoding or "",
        (size[0], size[1]) if size is not None else None,
        dict(os.environ),
        tuple(_ancestors()),
        await _tmux_clipboard() if os.environ.get("TMUX") else "",
    )


def _ancestors() -> Iterator[str]:
    """Names of parent processes, as Linux tells them; nothing elsewhere."""
    pid = os.getppid()
    for _ in range(MOST_ANCESTORS):
        if pid <= 1:
            return
        try:
            text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
        except OSError:
            return
        yield text[text.find("(") + 1 : text.rfind(")")]
        try:
            pid = int(text[text.rfind(")") + 1 :].split()[1])
        except (IndexError, ValueError):
            return


async def _tmux_clipboard() -> str:
    try:
        async with asyncio.timeout(TMUX_DEADLINE_S):
            child = await asyncio.create_subprocess_exec(  # noqa: TID251 - tmux, with a deadline
                "tmux",
                "show-options",
                "-sv",
                "set-clipboard",
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
            )
            try:
                out = await child.stdout.read(200) if child.stdout is not None else b""
                await child.wait()
            finally:
                if child.returncode is None:
                    child.kill()
                    await child.wait()
    except (OSError, TimeoutError):
        return ""
    return out.decode("ascii", "replace").strip()


def terminal_findings(terminal: Terminal) -> list[Finding]:
    """What the terminal can do."""
    found = [_kind(terminal), _encoding(terminal)]
    if terminal.is_tty:
        found += [_size(terminal), _colours(terminal), _clipboard(terminal)]
    return found


def _kind(terminal: Terminal) -> Finding:
    term = terminal.environ.get("TERM", "")
    if not terminal.is_tty:
        says = "this is no terminal, so the console cannot open here; every other command works"
        return finding("terminal", "terminal", Level.HINT, says, INSTEAD)
    if term in ("", "dumb", "unknown"):
        mend = f"set TERM to your terminal's name, such as xterm-256color; or {INSTEAD}"
        return finding("terminal", "terminal", Level.PROBLEM, f"TERM={term} cannot move the cursor", mend)
    return finding("terminal", "terminal", Level.OK, f"a terminal with cursor movement (TERM={term})")


def _encoding(terminal: Terminal) -> Finding:
    if terminal.encoding.lower().replace("-", "") == "utf8":
        return finding("terminal", "encoding", Level.OK, "UTF-8")
    says = f"the encoding is {terminal.encoding or 'unknown'}, and the console draws with UTF-8"
    return finding("terminal", "encoding", Level.PROBLEM, says, "export LC_ALL=C.UTF-8")


def _size(terminal: Terminal) -> Finding:
    if terminal.size is None or 0 in terminal.size:
        return finding("terminal", "size", Level.HINT, "the terminal does not tell its size", "run `resize` or `stty`")
    columns, rows = terminal.size
    if columns < LEAST_COLUMNS or rows < LEAST_ROWS:
        mend = f"make it at least {LEAST_COLUMNS}x{LEAST_ROWS}, or press z to give one pane the whole screen"
        return finding("terminal", "size", Level.HINT, f"{columns}x{rows} is small: panes will be cut", mend)
    return finding("terminal", "size", Level.OK, f"{columns}x{rows}")


def _colours(terminal: Terminal) -> Finding:
    term, colorterm = terminal.environ.get("TERM", ""), terminal.environ.get("COLORTERM", "").lower()
    if terminal.environ.get("NO_COLOR"):
        return finding("terminal", "colours", Level.OK, "NO_COLOR is set: none; glyphs and words carry every state")
    if colorterm in ("truecolor", "24bit") or "direct" in term:
        return finding("terminal", "colours", Level.OK, "16 million colours")
    if "256" in term or "kitty" in term or "alacritty" in term or "ghostty" in term:
        return finding("terminal", "colours", Level.OK, "256 colours")
    says = f"16 colours, as far as TERM={term} tells; glyphs and words carry every state"
    return finding("terminal", "colours", Level.HINT, says, "export COLORTERM=truecolor if your terminal can show more")


def _clipboard(terminal: Terminal) -> Finding:
    """Whether copying (OSC 52) will reach the clipboard. The outermost obstacle is named."""

    def hint(says: str, mend: str) -> Finding:
        return finding("terminal", "clipboard", Level.HINT, says, mend)

    select = "select with the terminal's own mouse instead"
    if any(name.startswith("mosh-server") for name in terminal.ancestors):
        return hint("mosh does not pass on what is copied (OSC 52)", f"use ssh to copy, or {select}")
    if terminal.environ.get("TMUX"):
        if terminal.tmux_clipboard == "on":
            return finding("terminal", "clipboard", Level.OK, "copying works through tmux (set-clipboard on)")
        now = f" ({terminal.tmux_clipboard})" if terminal.tmux_clipboard else ""
        return hint(f"tmux keeps copied text to itself unless set-clipboard is on{now}", "tmux set -s set-clipboard on")
    if terminal.environ.get("STY"):
        return hint("screen does not pass on what is copied (OSC 52)", f"use tmux with set-clipboard on, or {select}")
    if terminal.environ.get("TERM_PROGRAM") == "Apple_Terminal":
        return hint("Apple's Terminal does not take what is copied (OSC 52)", f"use another terminal, or {select}")
    if terminal.environ.get("VTE_VERSION"):
        return hint("terminals built on VTE, such as GNOME's, may not take what is copied (OSC 52)", select)
    if terminal.environ.get("TERM") == "linux":
        return hint("the Linux text console has no clipboard", "use a terminal emulator to copy")
    return finding("terminal", "clipboard", Level.OK, "copies with OSC 52, which most terminals take; some ask first")
