"""Writes the generated parts of the documents again: `python -m tests.contract.write_docs`."""

from __future__ import annotations

from pathlib import Path

from tests.contract.docs import with_keys

README = Path(__file__).parents[2] / "README.md"

if __name__ == "__main__":
    README.write_text(with_keys(README.read_text("utf-8")), "utf-8")
