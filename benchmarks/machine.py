"""What the figures were taken on."""

from __future__ import annotations

import os
import platform
import re
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

BUSY = 0.5
"""Load average above which figures are not to be published."""


def _processor() -> str:
    try:
        found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    except OSError:
        found = None
    return found[1] if found else platform.machine()


def memory_bytes() -> int:
    """Memory of the machine."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _searcher() -> str:
    """What texts are looked for with; an extra, without which the program's own search is measured."""
    try:
        return f"hyperscan {version('hyperscan')}"
    except PackageNotFoundError:
        return "without hyperscan"


def describe() -> str:
    """Processor, memory, kernel, Python, hyperscan and load; the last as a warning where the machine is busy."""
    load = os.getloadavg()[0]
    text = (
        f"{_processor()}, {os.cpu_count()} cores, {memory_bytes() / 1e9:.0f} GB, {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}, {_searcher()}, load {load:.2f}"
    )
    return text + ("\nthe machine is busy with something else: these figures are no measurement" if load > BUSY else "")
