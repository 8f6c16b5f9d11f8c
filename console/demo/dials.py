"""Small JSON files that are read again when they change: feature flags, and the state of the world outside."""

from __future__ import annotations

import json
import os
from pathlib import Path


class Dials:
    """Numbers by name, as a file holds them; a missing or half-written file changes nothing."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp = 0
        self._values: dict[str, float] = {}

    def read(self) -> dict[str, float]:
        """The newest values; costs one `stat` where nothing changed."""
        try:
            stamp = self._path.stat().st_mtime_ns
            if stamp != self._stamp:
                loaded = json.loads(self._path.read_text())
                self._values = {str(k): float(v) for k, v in loaded.items()}
                self._stamp = stamp
        except (OSError, ValueError):
            pass
        return self._values

    def get(self, name: str, otherwise: float) -> float:
        """One value."""
        return self.read().get(name, otherwise)


def turn(path: Path, **values: float) -> None:
    """Write values over the ones that are there, in one step."""
    kept = json.loads(path.read_text()) if path.exists() else {}
    fresh = path.with_name(path.name + ".new")
    fresh.write_text(json.dumps(kept | values, indent=2) + "\n")
    os.replace(fresh, path)
