"""What the first frame does without, loaded right after it: one module at a time, with room for keys between two of them.

A module that the first frame needs imports these only where it uses them, inside a function. So the first frame comes early,
and the first key that opens something finds it loaded all the same. `tests/terminal/test_first_frame.py` holds both.
"""

from __future__ import annotations

import asyncio
import importlib
import sys

PAUSE_S = 0.004
"""Between two modules: keys that came meanwhile are answered first."""
REST = (
    "console.guard.redact",
    "console.case.model",
    "console.domain.recovery",
    "console.domain.request",
    "console.guard.policy",
    "console.repro.view",
    "console.query.about",
    "console.query.evaluate",
    "console.domain.observations",
    "console.live.log_pane",
    "console.observe",
    "console.live.details",
    "console.report.recovery_json",
    "console.screens.keep",
    "console.screens.selection",
    "console.screens.record_lines",
    "console.screens.changes",
    "widgets.memory",
    "console.screens.load",
    "console.screens.logs",
    "console.case.predictions",
    "console.case.book",
    "console.live.desk",
    "console.screens.recording",
    "widgets.recovery",
    "console.screens.service",
    "console.screens.navigate",
    "console.screens.dialogs",
    "console.repro.document",
    "console.repro.signature",
    "console.reproduce",
    "console.screens.predicting",
    "console.screens.ledger",
    "console.screens.case",
)
"""Those that others need stand before them, so that no step is long."""


async def load_rest() -> None:
    """Load them, as far as they are not there already."""
    for name in REST:
        if name not in sys.modules:
            importlib.import_module(name)
            await asyncio.sleep(PAUSE_S)
