"""Rest for Python's collector of cyclic garbage while records are read.

A pass makes very many small objects and no cycles; looking for cycles among them would take a tenth of its time.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_lock = threading.Lock()
_resting = 0
_was_enabled = False


@contextmanager
def no_collection() -> Iterator[None]:
    """No collection until the last of those who are inside, in whatever thread, has left; a pass ends within a minute."""
    global _resting, _was_enabled
    with _lock:
        if not _resting:
            _was_enabled = gc.isenabled()
            gc.disable()
        _resting += 1
    try:
        yield
    finally:
        with _lock:
            _resting -= 1
            if not _resting and _was_enabled:
                gc.enable()
