"""How long tests wait for what must come. A condition's patience is not the assertion: a busy machine is slow, and not wrong."""

from __future__ import annotations

PATIENCE_S = 60.0
"""Until a condition that does not hold is called a failure."""
